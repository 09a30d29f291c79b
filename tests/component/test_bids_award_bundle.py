"""What is published of a real purchase: the bundle, who sees how much of it, and the report."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from clients.award_bundle import check
from services.bids.api import publishing
from services.bids.domain.awards.award import EvaluationUnknown
from services.bids.domain.replay.reading import read_bundle, write_bundle
from services.bids.domain.replay.verdict import verdict_on
from services.bids.domain.rfps import RfpUnknown
from services.bids.solver.sharing import SharingProcesses
from services.bids.store.decided import DecidedStore
from services.bids.usecases.publishing import Publishing
from shared.auth import FixedVerifier, Principal, Role, scopes_of
from shared.db import Pool
from shared.domain.ids import LotId, PartyId, RfpId, new_id
from shared.idempotency import MemoryIdempotencyStore
from shared.receipts import key_id_of
from shared.web import Api, build_app
from tests.component.bids_decided import ANNA, BELA, CARL, SUBJECT, decided, publishing_of
from tests.component.bids_purchase import Purchase, publish

STATUS = "UPDATE lot SET status = $2 WHERE id = $1"

PEAK = """-- tests.pool_by_the_largest_need
INSERT INTO lot_volume (lot_id, rule, basis, terms, demand, firm)
VALUES ($1, 'largest_needs', 'demand', $2, 420, 300)
"""

ZONE = """-- tests.add_hazard_zone
INSERT INTO member_profile (member_id, kind, hazard_zone) VALUES ($1, 'district', $2)
"""


def viewer(role: Role, party_id: PartyId | None) -> Principal:
    return Principal(
        party_id=party_id,
        role=role,
        scopes=scopes_of(role),
        token_id="t",
        expires_at=datetime(2099, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
async def purchase(bids_database: Pool) -> Purchase:
    return await decided(bids_database)


async def text_for(purchase: Purchase, seen_by: Principal) -> str:
    return write_bundle(await publishing_of(purchase).bundle(purchase.rfp_id, seen_by))


async def test_bundle_of_a_purchase_verifies_and_names_no_person(purchase: Purchase) -> None:
    buyer = viewer(Role.BUYER, purchase.buyer_id)
    public_key = purchase.signing_key.public_key()

    text = await text_for(purchase, buyer)
    checked = check(text, {key_id_of(public_key): public_key})

    assert checked.difference is None
    assert checked.found[:2] == (
        "The signature of the price opening's hash list is right.",
        "The signature of the price opening's record is right.",
    )
    awarded = [line.partition(" follows")[0] for line in checked.found if "award to" in line]
    assert awarded == [
        "lot 1: the withdrawn award to Dairy 1",
        "lot 1: the award to Dairy 2",
        "lot 2: the award to Dairy 2",
        "lot 3: the award to Dairy 1 and Dairy 2",
        "lot 4: the award to Dairy 1 and Dairy 2",
    ]
    assert SUBJECT not in text
    assert not [one for one in (ANNA, BELA, CARL) if str(one) in text]
    assert text == await text_for(purchase, buyer)


async def test_others_see_what_is_awarded_and_nothing_of_the_rest(purchase: Purchase) -> None:
    await purchase.pool.execute(STATUS, purchase.lots[3], "auctioning")

    text = await text_for(purchase, viewer(Role.OBSERVER, None))

    bundle = read_bundle(text)
    assert [lot.number for lot in bundle.lots] == [1, 2, 3]
    assert [each.name for each in bundle.lots_left_out] == [
        "4: Whole milk 4",
        "5: Whole milk 5",
    ]
    assert bundle.scenarios == ()
    assert len(bundle.scenarios_left_out) == 2
    packaged = [bid for lot in bundle.lots for bid in lot.bids if bid.packages_left_out]
    assert [bid.vendor_id for bid in packaged] == [purchase.vendors[2]]
    assert "0.2650" not in text
    verdict = verdict_on(bundle)
    assert verdict.difference is None
    assert "lot 3: not checked: an award follows a scenario that is left out." in verdict.checked


async def test_before_any_award_only_the_buyer_and_auditors_see_a_bundle(
    bids_database: Pool,
) -> None:
    purchase = await publish(bids_database)
    await purchase.file("0.25")
    await purchase.open_bids()

    for seen_by in (viewer(Role.BUYER, purchase.buyer_id), viewer(Role.AUDITOR, None)):
        bundle = read_bundle(await text_for(purchase, seen_by))
        assert verdict_on(bundle).difference is None
        assert bundle.lots[0].awards == ()
    for stranger in (
        viewer(Role.VENDOR, purchase.vendors[0]),
        viewer(Role.MEMBER, purchase.members[0]),
        viewer(Role.BUYER, PartyId(new_id())),
    ):
        with pytest.raises(EvaluationUnknown):
            await text_for(purchase, stranger)
        with pytest.raises(EvaluationUnknown):
            await publishing_of(purchase).bundle_of_lot(purchase.lots[0], stranger)


async def test_lot_that_is_no_plain_sum_tells_how_its_shares_add_up_and_no_hazard_zone(
    bids_database: Pool,
) -> None:
    purchase = await publish(bids_database, vendors=1)
    await purchase.pool.execute("UPDATE lot SET quantity = 300")
    await purchase.pool.execute(PEAK, purchase.lots[0], {"simultaneous": 1})
    for member_id in purchase.members:
        await purchase.pool.execute(ZONE, member_id, "river bend")
    await purchase.file("0.25")
    await purchase.open_bids()
    buyer = viewer(Role.BUYER, purchase.buyer_id)

    text = await text_for(purchase, buyer)

    pooling = read_bundle(text).lots[0].pooling
    assert pooling is not None
    assert (pooling.rule, pooling.terms, pooling.zones_left_out) == (
        "largest_needs",
        {"simultaneous": 1},
        True,
    )
    assert "river bend" not in text


async def test_report_is_written_though_nothing_is_shared_in_time(purchase: Purchase) -> None:
    hasty = SharingProcesses(seconds=0.001)
    publishing_ = Publishing(DecidedStore(purchase.pool), purchase.recording, hasty)

    report = await publishing_.report(purchase.rfp_id, viewer(Role.OBSERVER, None))

    sharing = report.lots[2].sharing
    assert sharing.rules == ()
    assert len(sharing.left_out) == 7
    assert {each.alone for each in sharing.members} == {"73.47", "29.39", "24.15", "115.60"}
    assert sharing.core is not None
    assert "not found in time" in sharing.core.told


async def test_report_before_any_award_says_that_there_is_no_cost_to_share(
    bids_database: Pool,
) -> None:
    purchase = await publish(bids_database)
    await purchase.file("0.25")
    await purchase.open_bids()
    publishing_ = publishing_of(purchase)

    report = await publishing_.report(purchase.rfp_id, viewer(Role.BUYER, purchase.buyer_id))

    assert "Nothing is awarded" in (report.lots[0].sharing.missing or "")
    with pytest.raises(EvaluationUnknown):
        await publishing_.report(purchase.rfp_id, viewer(Role.MEMBER, purchase.members[0]))


async def test_unknown_rfp_has_no_bundle(bids_database: Pool) -> None:
    purchase = await publish(bids_database)

    with pytest.raises(RfpUnknown):
        await publishing_of(purchase).bundle(RfpId(new_id()), viewer(Role.AUDITOR, None))


Get = Callable[[str], Any]


@asynccontextmanager
async def counter(purchase: Purchase) -> AsyncIterator[Get]:
    """Serve what is published, and ask as an observer."""
    api = Api("bids", title="Bids", version="1")
    api.include(publishing.routes)
    app = build_app(
        api,
        verifier=FixedVerifier({"observer": viewer(Role.OBSERVER, None)}),
        clock=purchase.clock,
        idempotency=MemoryIdempotencyStore(purchase.clock),
        checks={},
    )
    app[publishing.PUBLISHING] = publishing_of(purchase)
    async with TestClient(TestServer(app, access_log=None)) as client:

        async def get(path: str) -> tuple[int, str, str]:
            headers = {"Authorization": "Bearer observer"}
            async with client.get(path, headers=headers) as response:
                policy = response.headers.get("Content-Security-Policy", "")
                return response.status, await response.text(), policy

        yield get


async def test_report_lays_what_members_pay_beside_what_they_would_pay_alone(
    purchase: Purchase,
) -> None:
    rfp = f"/v1/rfps/{purchase.rfp_id}"
    async with counter(purchase) as get:
        _, whole, _ = await get(f"{rfp}/report")
        _, pages, _ = await get(f"{rfp}/report.html")

    # The third is split: who gets its 80.5 units from the first vendor would pay 0.30 alone.
    sharing = json.loads(whole)["report"]["lots"][2]["sharing"]
    assert {(each["pays"], each["alone"], each["saving"]) for each in sharing["members"]} == {
        ("73.47", "73.47", "0.00"),
        ("29.39", "29.39", "0.00"),
        ("18.61", "24.15", "5.54"),
        ("115.60", "115.60", "0.00"),
    }
    assert sharing["core"]["is_stable"] is True
    assert [each["rule"] for each in sharing["rules"]] == [
        "equal_price",
        "cost_alone",
        "equal_saving",
        "separable_cost",
        "shapley",
        "nucleolus",
    ]
    assert "What each rule would charge the members of lot 3" in pages


async def test_routes_answer_with_the_bundle_and_the_reports(purchase: Purchase) -> None:
    name = "<script>alert('Dairy')</script>"
    await purchase.pool.execute(
        "UPDATE party SET name = $2 WHERE id = $1", purchase.vendors[1], name
    )
    rfp, lot = f"/v1/rfps/{purchase.rfp_id}", f"/v1/lots/{purchase.lots[0]}"
    async with counter(purchase) as get:
        _, bundle, _ = await get(f"{rfp}/award-bundle")
        _, whole, _ = await get(f"{rfp}/report")
        _, one, _ = await get(f"{lot}/report")
        _, page, policy = await get(f"{lot}/report.html")
        _, pages, _ = await get(f"{rfp}/report.html")
        hidden, _, _ = await get(f"/v1/lots/{purchase.lots[4]}/report.html")
        unknown, _, _ = await get(f"/v1/lots/{LotId(new_id())}/report")

    assert (hidden, unknown) == (404, 404)
    assert check(bundle, None).difference is None
    reported = json.loads(one)["report"]
    assert reported["outcome"] == f"Awarded to {name}."
    assert reported["sums"] == {
        "total": "270.14",
        "members": 4,
        "saving": 2,
        "paying_more": 1,
        "alike": 0,
        "unknown": 1,
        "saved": "26.00",
        "added": "3.60",
    }
    assert [each["number"] for each in json.loads(whole)["report"]["lots"]] == [1, 2, 3, 4]
    assert "&lt;script&gt;" in page
    assert "<script" not in page + pages
    assert "default-src 'none'; style-src 'sha256-" in policy
    assert SUBJECT not in page + pages + whole
