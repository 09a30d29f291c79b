"""Two envelopes: what enters a price stays with the prices, however the bid was filed."""

import io
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

import pytest

from clients.bids import BidsClient
from clients.cli.bid_files import written_bid
from clients.http import Http
from clients.route import Caller
from clients.sealed_bids import (
    BidWouldBeRefused,
    file,
    published_form,
    receipt_keys,
    seal_offer,
)
from services.bids.domain.awards.deciding import Choice
from services.bids.domain.bids import BidUnfit
from services.bids.domain.forms import stated_form
from services.bids.domain.replay.reading import read_bundle, write_bundle
from services.bids.domain.replay.verdict import verdict_on
from services.bids.domain.scoring.candidates import CostRule
from services.bids.domain.scoring.formulas import LowestOverThis
from services.bids.domain.scoring.plan import Plan, ScoredCriterion
from services.bids.domain.terms import CostCovered, Criterion, CriterionKind, Terms
from services.bids.store.profiles import read_profiles
from services.bids.store.rfps import terms_text
from services.bids.store.scoring import ScoringStore
from services.bids.usecases.scoring import Scoring
from services.bids.worker import Unsealer
from shared.auth import Principal, Role
from shared.db import Pool
from shared.domain.bid_content import (
    Answer,
    BidContent,
    TechnicalContent,
    one_price,
    write_content,
    write_technical,
)
from shared.domain.canonical import canonical
from shared.domain.ids import AwardId, BidId, new_id
from shared.domain.money import UnitPrice
from shared.journal import Journal
from shared.sealing import SealContext, seal
from tests.component.bids_decided import publishing_of
from tests.component.bids_purchase import CLOSES_AT, STANDSTILL, USD, Purchase, publish
from tests.component.test_bids_sealed_routes import Counter, open_counter

TERMS: Final = Terms(
    criteria=(
        Criterion(
            name="price", kind=CriterionKind.PRICE, weight=Decimal(80), covers=CostCovered.ALL
        ),
        Criterion(name="uptime", kind=CriterionKind.NUMERIC, weight=Decimal(20)),
    )
)
PLAN: Final = Plan(
    criteria=(
        ScoredCriterion(
            name="price", kind=CriterionKind.PRICE, weight=Decimal(80), formula=LowestOverThis()
        ),
        ScoredCriterion(
            name="uptime", kind=CriterionKind.NUMERIC, weight=Decimal(20), best=Decimal(100)
        ),
    ),
    cost=CostRule(
        added=("energy",),
        rate_per_day=Decimal("0.005"),
        features_max={"recycled": Decimal("0.20")},
    ),
)

TECHNICAL_ANSWER: Final = {"criterion": "uptime", "text": "99.25"}
FIGURES: Final = ("0.05125", "9.75", "0.1375")
"""The costs, the days and the share of the vendor that the tests look for."""
COST_ANSWERS: Final = tuple(
    {"criterion": name, "text": text}
    for name, text in zip(("energy", "days", "recycled"), FIGURES, strict=True)
)

_TABLES: Final = "SELECT tablename FROM pg_tables WHERE schemaname = 'bids'"


@pytest.fixture
async def purchase(bids_database: Pool) -> Purchase:
    """An RFP with two envelopes whose plan reckons with costs, days and a feature."""
    purchase = await publish(bids_database, envelopes=2)
    form = stated_form(TERMS, PLAN, read_profiles().find("open"))
    await bids_database.execute(
        "UPDATE rfp SET terms = $1, form = $2, status = 'draft'", terms_text(TERMS), canonical(form)
    )
    await scoring_of(purchase).state(purchase.rfp_id, PLAN, (), buyer_id=purchase.buyer_id)
    await bids_database.execute("UPDATE rfp SET status = 'published'")
    return purchase


@pytest.fixture
async def counter(purchase: Purchase) -> AsyncIterator[Counter]:
    async with open_counter(purchase) as counter:
        yield counter


def scoring_of(purchase: Purchase) -> Scoring:
    return Scoring(ScoringStore(purchase.pool, Journal("bids")), clock=purchase.clock)


async def file_by_client(
    counter: Counter, price: str, *answers: dict[str, str], vendor: int = 0
) -> BidId:
    """File as a vendor's own client does: it reads the form, seals, and sends."""
    purchase = counter.purchase
    said = {"unit_price": price, "answers": list(answers)}
    async with Http() as http:
        caller = Caller(http, str(counter.client.make_url("")), f"vendor {vendor}")
        bids = BidsClient(caller)
        form = await published_form(bids, str(purchase.rfp_id))
        offer = written_bid(io.BytesIO(json.dumps(said).encode()), None).offer(form)
        vendor_id, lot_id = purchase.vendors[vendor], purchase.lots[0]
        sealed = seal_offer(offer, form, lot_id=lot_id, vendor_id=vendor_id)
        filed = await file(bids, sealed, keys=await receipt_keys(bids))
    return filed.receipt.bid_id


async def file_in_the_clear(
    counter: Counter, price: str, *answers: dict[str, str], vendor: int = 0
) -> tuple[int, Any]:
    body = {
        "unit_price": price,
        "currency": "USD",
        "answers": list(answers),
        "technical_envelope": True,
    }
    path = f"/v1/lots/{counter.purchase.lots[0]}/bids"
    return await counter.ask("POST", path, by=f"vendor {vendor}", json=body)


def in_price(answer: dict[str, str]) -> dict[str, str]:
    return answer | {"envelope": "price"}


async def open_technical(purchase: Purchase) -> Unsealer:
    await purchase.close()
    unsealer = purchase.unsealer()
    await unsealer.step(purchase.clock.now())
    await purchase.submit(opening_id=purchase.technical_id)
    assert await unsealer.step(purchase.clock.now()) == 1
    return unsealer


async def open_prices(purchase: Purchase, unsealer: Unsealer, *bid_ids: BidId) -> None:
    """Let these bids pass, and open their prices."""
    buyer_id = purchase.buyer_id
    for bid_id in bid_ids:
        await purchase.judgement.judge(bid_id, is_passed=True, reason="fit", buyer_id=buyer_id)
    await purchase.judgement.release(purchase.rfp_id, buyer_id=buyer_id)
    await purchase.submit()
    assert await unsealer.step(purchase.clock.now()) == 1


async def everything_kept(pool: Pool) -> str:
    """Write down every row of every table, as whoever may read the database finds it."""
    tables = [row["tablename"] for row in await pool.fetch(_TABLES)]
    rows = [
        await pool.fetch(f"SELECT to_jsonb(kept)::text AS told FROM bids.{table} AS kept")  # noqa: S608 - the catalogue's own names
        for table in tables
    ]
    return "\n".join(row["told"] for found in rows for row in found)


def found_in(text: str) -> list[str]:
    """List the figures that can be found, as text or as the hexadecimal of bytes."""
    return [each for each in FIGURES if each in text or each.encode().hex() in text]


@pytest.mark.parametrize("is_sealed_by_vendor", [True, False])
async def test_nobody_finds_a_cost_before_the_prices_are_opened(
    counter: Counter,
    is_sealed_by_vendor: bool,  # noqa: FBT001 - a table
) -> None:
    purchase = counter.purchase
    if is_sealed_by_vendor:
        bid_id = await file_by_client(counter, "0.20", TECHNICAL_ANSWER, *COST_ANSWERS)
    else:
        costs = map(in_price, COST_ANSWERS)
        _, receipt = await file_in_the_clear(counter, "0.20", TECHNICAL_ANSWER, *costs)
        bid_id = BidId(UUID(receipt["bid_id"]))
    unsealer = await open_technical(purchase)

    status, shown = await counter.ask("GET", f"/v1/rfps/{purchase.rfp_id}/technical", by="buyer")
    kept = await everything_kept(purchase.pool)

    assert (status, shown["parts"][0]["answers"]) == (200, [TECHNICAL_ANSWER])
    assert found_in(json.dumps(shown)) == []
    assert "99.25" in kept
    assert found_in(kept) == []
    # The search can find: what was sealed with the price is now in the tables.
    await open_prices(purchase, unsealer, bid_id)
    assert found_in(await everything_kept(purchase.pool)) == list(FIGURES)


async def opened_from_both(counter: Counter) -> tuple[BidId, BidId]:
    """Open a bid that its vendor sealed, and one that came in the clear."""
    purchase = counter.purchase
    best = {"criterion": "uptime", "text": "100"}
    first = await file_by_client(counter, "0.20", best, *COST_ANSWERS[:2], vendor=0)
    costs = (
        {"criterion": "energy", "text": "0.07325"},
        {"criterion": "days", "text": "19.35"},
        {"criterion": "recycled", "text": "0.1"},
    )
    technical = {"criterion": "uptime", "text": "90", "envelope": "technical"}
    _, receipt = await file_in_the_clear(
        counter, "0.25", technical, *map(in_price, costs), vendor=1
    )
    second = BidId(UUID(receipt["bid_id"]))
    await open_prices(purchase, await open_technical(purchase), first, second)
    return first, second


def as_buyer(purchase: Purchase) -> Principal:
    return Principal(purchase.buyer_id, Role.BUYER, frozenset(), "t", CLOSES_AT)


async def test_scores_reckon_with_what_stood_in_each_envelope(counter: Counter) -> None:
    purchase = counter.purchase
    first, second = await opened_from_both(counter)

    shown = await scoring_of(purchase).scores_of(purchase.lots[0], as_buyer(purchase))

    # 0.20 + 0.05125 + 9.75 x 0.005 = 0.30; (0.25 + 0.07325 + 19.35 x 0.005) / 1.125 = 0.3733….
    ranked = shown.steps[-1].scoring.ranked
    assert [(each.candidate.bid_id, each.value) for each in ranked] == [
        (first, Fraction(100)),
        (second, Fraction(450, 7) + 18),
    ]


async def test_award_by_answers_of_both_envelopes_follows_again_from_its_bundle(
    counter: Counter,
) -> None:
    purchase = counter.purchase
    await opened_from_both(counter)
    choice = Choice(award_id=AwardId(new_id()), vendor_id=None, reason=None, by="anna")
    await purchase.awarding.intend(purchase.lots[0], choice, buyer_id=purchase.buyer_id)
    purchase.clock.advance(STANDSTILL)
    while await purchase.keeper.step(purchase.clock.now()):
        pass

    bundle = await publishing_of(purchase).bundle(purchase.rfp_id, as_buyer(purchase))

    assert verdict_on(read_bundle(write_bundle(bundle))).difference is None


async def test_form_tells_into_which_of_two_envelopes_each_answer_goes(counter: Counter) -> None:
    _, form = await counter.ask(
        "GET", f"/v1/rfps/{counter.purchase.rfp_id}/bid-form", by="vendor 0"
    )

    assert {each["name"]: each["envelope"] for each in form["asked"]} == {
        "uptime": "technical",
        "energy": "price",
        "days": "price",
        "recycled": "price",
    }


async def test_one_envelope_takes_all_answers_and_none_says_where_it_goes(
    bids_database: Pool,
) -> None:
    purchase = await publish(bids_database)
    form = stated_form(TERMS, PLAN, read_profiles().find("open"))
    await bids_database.execute("UPDATE rfp SET form = $1", canonical(form))

    async with open_counter(purchase) as counter:
        _, told = await counter.ask("GET", f"/v1/rfps/{purchase.rfp_id}/bid-form", by="vendor 0")
        await file_by_client(counter, "0.20", TECHNICAL_ANSWER, *COST_ANSWERS)
    await purchase.open_bids()

    assert {each["envelope"] for each in told["asked"]} == {None}
    failures = await bids_database.fetch("SELECT failure FROM unsealed_bid")
    assert [row["failure"] for row in failures] == [None]


@pytest.mark.parametrize(
    ("answers", "codes"),
    [
        (
            (TECHNICAL_ANSWER, *COST_ANSWERS),
            ["answer_missing"] * 2 + ["answer_misplaced"] * 3,
        ),
        (
            (in_price(TECHNICAL_ANSWER), *map(in_price, COST_ANSWERS)),
            ["answer_misplaced", "answer_missing"],
        ),
    ],
)
async def test_answer_in_the_wrong_envelope_is_refused_in_the_clear_and_not_repeated(
    counter: Counter, answers: tuple[dict[str, str], ...], codes: list[str]
) -> None:
    status, refused = await file_in_the_clear(counter, "0.20", *answers)

    assert (status, refused["code"]) == (422, "bid_unfit")
    assert [fault["code"] for fault in refused["faults"]] == codes
    assert found_in(json.dumps(refused)) == []
    assert await counter.purchase.pool.fetchval("SELECT count(*) FROM bid_version") == 0


async def test_client_seals_no_answer_into_the_wrong_envelope(counter: Counter) -> None:
    misplaced = COST_ANSWERS[0] | {"envelope": "technical"}

    with pytest.raises(BidWouldBeRefused) as refused:
        await file_by_client(counter, "0.20", TECHNICAL_ANSWER, misplaced, *COST_ANSWERS[1:])

    codes = [fault.code for fault in refused.value.faults]
    assert codes == ["answer_missing", "answer_misplaced"]


async def file_wrong(purchase: Purchase, price: list[Answer], technical: list[Answer]) -> BidId:
    """File what no client of ours would seal."""
    version_id = new_id()
    act = purchase.act(under=version_id)

    def sealed(written: bytes, *, is_technical: bool) -> bytes:
        pair = purchase.technical_pair if is_technical else purchase.opening_pair
        context = SealContext(
            opening_id=purchase.technical_id if is_technical else purchase.opening_id,
            lot_id=act.lot_id,
            vendor_id=act.vendor_id,
            bid_version_id=version_id,
        )
        return seal(written, pair.public, context)

    content = BidContent(
        currency=USD,
        nonce=bytes(32),
        pricing=one_price(UnitPrice.parse("0.20", USD)),
        answers=tuple(price),
    )
    told = TechnicalContent(nonce=bytes(32), answers=tuple(technical))
    signed = await purchase.bidding.file_sealed(
        act,
        sealed(write_content(content), is_technical=False),
        sealed(write_technical(told), is_technical=True),
    )
    return signed.receipt.bid_id


UPTIME: Final = Answer("uptime", "99.25")
COSTS: Final = [Answer("energy", "0.05125"), Answer("days", "9.75")]


async def test_cost_in_the_technical_envelope_fails_there_and_is_shown_to_nobody(
    counter: Counter,
) -> None:
    purchase = counter.purchase
    await file_wrong(purchase, COSTS, [UPTIME, COSTS[0]])
    await open_technical(purchase)

    _, shown = await counter.ask("GET", f"/v1/rfps/{purchase.rfp_id}/technical", by="buyer")

    part = shown["parts"][0]
    assert (part["failure"], part["is_passed"], part["answers"]) == ("answer_misplaced", False, [])
    assert found_in(await everything_kept(purchase.pool)) == []


async def test_technical_answer_in_the_price_envelope_fails_there_and_changes_no_score(
    counter: Counter,
) -> None:
    """What the panel has judged cannot be outdone by a better figure beside the price."""
    purchase = counter.purchase
    bid_id = await file_wrong(purchase, [*COSTS, Answer("uptime", "100")], [UPTIME])
    unsealer = await open_technical(purchase)

    await open_prices(purchase, unsealer, bid_id)

    failures = await purchase.pool.fetch("SELECT failure FROM unsealed_bid")
    assert [row["failure"] for row in failures] == ["answer_misplaced"]


async def test_use_case_names_the_faults_of_both_envelopes_at_once(purchase: Purchase) -> None:
    content = BidContent(
        currency=USD, nonce=b"", pricing=one_price(UnitPrice.parse("0.20", USD)), answers=(UPTIME,)
    )
    technical = TechnicalContent(nonce=b"", answers=(COSTS[0],))

    with pytest.raises(BidUnfit) as refused:
        await purchase.bidding.file(purchase.act(), content, technical)

    faults: Any = refused.value.details["faults"]
    assert [fault["code"] for fault in faults] == [
        "answer_misplaced",
        "answer_missing",
        "answer_missing",
        "answer_misplaced",
        "answer_missing",
    ]
