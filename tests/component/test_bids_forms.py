"""The form of an RFP over PostgreSQL: frozen at its publication, held against every bid."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pytest

from services.bids.domain.bid_tables import BidTableInvalid
from services.bids.domain.bids import BidUnfit
from services.bids.domain.forms import StatedForm
from services.bids.domain.scoring.candidates import CostRule
from services.bids.domain.scoring.plan import LowestCost, Plan
from services.bids.domain.terms import Attestation
from services.bids.store.forms import form_of
from services.bids.store.scoring import ScoringStore
from services.bids.usecases.bids import TableAct
from services.bids.usecases.scoring import Scoring
from shared.auth import Role
from shared.db import Pool
from shared.domain.bid_content import Answer, BidContent, one_price, write_content
from shared.domain.bid_forms import AnswerKind, Asked
from shared.domain.canonical import canonical
from shared.domain.ids import RfpId, new_id
from shared.domain.money import UnitPrice
from shared.journal import Journal
from shared.sealing import SealContext, seal
from tests.component.bids_counter import BUYER, NOW, Counter, csv_file, csv_row, open_counter
from tests.component.bids_purchase import OPENED_AT, USD, Purchase, publish

STATED: Final = StatedForm(
    asked=(Asked(name="uptime", kind=AnswerKind.NUMBER, is_required=True),),
    attestations=(Attestation(name="no_gifts", sentence="nothing was given"),),
)
BID: Final = BidContent(
    currency=USD,
    nonce=bytes(32),
    pricing=one_price(UnitPrice.parse("0.25", USD)),
    answers=(Answer("uptime", "99.9"),),
    attestations=("no_gifts",),
)

_AUTHORITY: Final = """-- tests.add_authority
INSERT INTO member_authority (id, member_id, kind, document_sha256, signed_on, recorded_at)
VALUES ($1, $2, 'letter_of_agency', '\\x00', '2027-01-01', $3)
"""


@pytest.fixture
async def purchase(bids_database: Pool) -> Purchase:
    purchase = await publish(bids_database, lots=2)
    await bids_database.execute("UPDATE rfp SET form = $1", canonical(STATED))
    return purchase


async def file_sealed(purchase: Purchase, content: BidContent, *, vendor: int) -> None:
    act = purchase.act(vendor=vendor)
    context = SealContext(
        opening_id=purchase.opening_id,
        lot_id=act.lot_id,
        vendor_id=act.vendor_id,
        bid_version_id=act.version_id,
    )
    sealed = seal(write_content(content), purchase.opening_pair.public, context)
    await purchase.bidding.file_sealed(act, sealed)


async def test_bid_in_the_clear_is_refused_for_what_it_does_not_answer(purchase: Purchase) -> None:
    with pytest.raises(BidUnfit) as refused:
        await purchase.bidding.file(purchase.act(), replace(BID, answers=(), attestations=()))

    faults: Any = refused.value.details["faults"]
    assert [fault["code"] for fault in faults] == ["answer_missing", "attestation_missing"]
    await purchase.bidding.file(purchase.act(), BID)
    assert await purchase.pool.fetchval("SELECT count(*) FROM bid_version") == 1


async def test_sealed_bids_that_do_not_answer_fail_at_the_opening_each_with_its_reason(
    purchase: Purchase,
) -> None:
    await file_sealed(purchase, replace(BID, answers=()), vendor=0)
    await file_sealed(purchase, replace(BID, attestations=()), vendor=1)
    await file_sealed(purchase, BID, vendor=2)
    await purchase.open_bids()

    rows = await purchase.pool.fetch("SELECT vendor_id, failure FROM unsealed_bid")
    failed = {row["vendor_id"]: row["failure"] for row in rows}

    assert [failed[vendor] for vendor in purchase.vendors] == [
        "answer_missing",
        "attestation_missing",
        None,
    ]
    assert (await purchase.types_of(purchase.opening_id)).count("opening.bid_failed") == 2


async def test_table_cannot_answer_so_that_its_rows_are_refused(purchase: Purchase) -> None:
    act = TableAct(request_id=new_id(), vendor_id=purchase.vendors[0], received_at=OPENED_AT)

    with pytest.raises(BidTableInvalid) as refused:
        await purchase.bidding.file_table(purchase.rfp_id, b"lot_number,unit_price\n2,0.2\n", act)

    errors: Any = refused.value.details["errors"]
    assert {error["line"] for error in errors} == {2}


async def test_form_tells_what_is_asked_and_what_is_attested(purchase: Purchase) -> None:
    published = await purchase.bidding.form_of(purchase.rfp_id, viewer_id=None)

    assert published.form.asked == STATED.asked
    assert published.attestations == STATED.attestations
    assert published.form.attestations == {"no_gifts"}


# At the publication ----------------------------------------------------------------------------


@pytest.fixture
async def counter(bids_database: Pool) -> AsyncIterator[Counter]:
    async with open_counter(bids_database) as counter:
        await counter.register_custodian("KEEPER")
        member = await counter.register(Role.MEMBER, "M1")
        await counter.pool.execute(_AUTHORITY, new_id(), UUID(member), NOW)
        rows = csv_file(csv_row("M1", "M1-1"))
        await counter.ask("POST", "/v1/requirements/import?currency=USD", data=rows)
        yield counter


async def test_form_is_made_and_kept_when_the_rfp_is_published(counter: Counter) -> None:
    criteria = [
        {"name": "price", "kind": "price", "weight": "80"},
        {"name": "uptime", "kind": "numeric", "weight": "20"},
    ]
    attested = {"name": "no_gifts", "sentence": "nothing was given"}
    drafted = await counter.ask(
        "POST",
        "/v1/rfps",
        json={
            "title": "Links",
            "currency": "USD",
            "consortium_model": "group_procurement",
            "policy_profile": "open",
            "custodian_id": counter.ids["KEEPER"],
            "closes_at": NOW.replace(month=6).isoformat(),
            "standstill_s": 0,
            "terms": {"criteria": criteria, "attestations": [attested]},
        },
    )
    rfp_id = drafted.body["id"]
    await counter.ask("POST", f"/v1/rfps/{rfp_id}/pool", json={"by": "item"})
    plan = Plan(method=LowestCost(), cost=CostRule(rate_per_day=Decimal(5)))
    scoring = Scoring(ScoringStore(counter.pool, Journal("bids")), clock=counter.clock)
    await scoring.state(RfpId(UUID(rfp_id)), plan, [], buyer_id=BUYER)

    published = await counter.ask("POST", f"/v1/rfps/{rfp_id}/publish")

    assert published.body["terms"]["attestations"] == [attested]
    form = form_of(await counter.pool.fetchval("SELECT form FROM rfp"))
    assert form is not None
    assert form.asked is not None
    assert [each.name for each in form.asked] == ["uptime", "days"]
    assert [each.name for each in form.attestations] == ["no_gifts"]
    frozen = await counter.pool.fetchval(
        "SELECT entry FROM audit WHERE type = 'rfp.terms_frozen' AND aggregate_id = $1",
        UUID(rfp_id),
    )
    assert '"days"' in frozen
