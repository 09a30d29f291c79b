"""An E-rate purchase from its publication to its award: eligible and other cost weighed apart."""

from collections.abc import AsyncIterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

import pytest

from services.bids.domain.awards.deciding import Choice
from services.bids.domain.bids import BidUnfit
from services.bids.domain.replay.reading import read_bundle, write_bundle
from services.bids.domain.replay.verdict import verdict_on
from services.bids.domain.scoring.panels import IndividualScore, Panel
from services.bids.domain.scoring.plan import plan_of
from services.bids.domain.terms import CostCovered, Criterion, CriterionKind
from services.bids.store.scoring import ScoringStore
from services.bids.usecases.scoring import Scoring
from shared.auth import Principal, Role
from shared.db import Pool
from shared.domain.bid_content import Answer, BidContent, Pricing, Tier, TiersApply, one_price
from shared.domain.ids import AwardId, BidId, LotId, OpeningId, PartyId, RfpId, new_id
from shared.domain.money import UnitPrice
from shared.journal import Journal
from shared.sealing import generate_key_pair
from tests.component.bids_counter import BUYER, Counter, open_counter
from tests.component.bids_decided import publishing_of
from tests.component.bids_purchase import GRACE, USD, Purchase
from tests.component.test_bids_solicitation import CLOSES_AT, pooled
from tests.component.test_bids_solicitation import publish as publish_rfp

ELIGIBLE: Final = "eligible_unit_price"
CRITERIA: Final = (
    Criterion(
        name="eligible price",
        kind=CriterionKind.PRICE,
        weight=Decimal(40),
        covers=CostCovered.ELIGIBLE,
    ),
    Criterion(
        name="other price",
        kind=CriterionKind.PRICE,
        weight=Decimal(10),
        covers=CostCovered.INELIGIBLE,
    ),
    Criterion(name="design", kind=CriterionKind.RATED, weight=Decimal(30)),
    Criterion(name="support", kind=CriterionKind.RATED, weight=Decimal(20)),
)
"""Half of the points by rating; no single criterion weighs as much as the eligible price."""

EIGHTY_PERCENT: Final = {"erate_category": 1, "eligible_percent": "80"}
EVALUATOR: Final = PartyId(new_id())
AS_BUYER: Final = Principal(BUYER, Role.BUYER, frozenset(), "t", CLOSES_AT)


@pytest.fixture
async def counter(bids_database: Pool) -> AsyncIterator[Counter]:
    async with open_counter(bids_database) as counter:
        await counter.register_custodian("KEEPER")
        yield counter


def written(criteria: tuple[Criterion, ...]) -> list[dict[str, str]]:
    return [
        {
            "name": each.name,
            "kind": each.kind,
            "weight": f"{each.weight:f}",
            **({"covers": each.covers} if each.covers else {}),
        }
        for each in criteria
    ]


async def e_rate(counter: Counter, **contract: object) -> Purchase:
    """Publish an E-rate RFP of 200 units; return what acts on it, and two vendors."""
    terms = {
        "certified_on": "2027-03-01",
        "declarations": ["letters_of_agency"],
        "criteria": written(CRITERIA),
        **({"contract": contract} if contract else {}),
    }
    counter.tokens.setdefault("ann", counter.tokens["buyer"])
    rfp_id, lot_id = await pooled(counter, policy_profile="erate", terms=terms)
    panel = Panel(
        name="technical",
        criteria=frozenset({"design", "support"}),
        evaluator_ids=frozenset({EVALUATOR}),
    )
    await scoring_in(counter).state(RfpId(UUID(rfp_id)), plan_of(CRITERIA), [panel], buyer_id=BUYER)
    answer = await publish_rfp(counter, rfp_id)
    assert answer.status == 200, answer.body
    vendors = [await counter.register(Role.VENDOR, f"V{number}") for number in (1, 2)]
    return Purchase(
        pool=counter.pool,
        clock=counter.clock,
        rfp_id=RfpId(UUID(rfp_id)),
        opening_id=OpeningId(await counter.pool.fetchval("SELECT id FROM opening")),
        buyer_id=BUYER,
        custodian_ids=[PartyId(UUID(counter.ids["KEEPER"]))],
        custodians=[counter.keys["KEEPER"]],
        opening_pair=generate_key_pair(),
        threshold=1,
        technical_id=OpeningId(new_id()),
        technical_pair=generate_key_pair(),
        lots=[LotId(UUID(lot_id))],
        vendors=[PartyId(UUID(vendor)) for vendor in vendors],
        members=[],
    )


def scoring_in(counter: Counter) -> Scoring:
    return Scoring(ScoringStore(counter.pool, Journal("bids")), clock=counter.clock)


def bid(price: str, eligible: str | None) -> BidContent:
    return BidContent(
        currency=USD,
        nonce=b"",
        pricing=one_price(UnitPrice.parse(price, USD)),
        answers=() if eligible is None else (Answer(ELIGIBLE, eligible),),
        attestations=("lowest_corresponding_price",),
    )


async def scored_by(counter: Counter, purchase: Purchase, marks: list[tuple[int, int]]) -> Scoring:
    """Let the evaluator give each vendor its marks for design and support."""
    scoring = scoring_in(counter)
    await scoring.declare(
        purchase.rfp_id, evaluator_id=EVALUATOR, has_conflict=False, statement="None."
    )
    rows = await purchase.pool.fetch("SELECT id, vendor_id FROM bid")
    for row in rows:
        given = marks[purchase.vendors.index(row["vendor_id"])]
        for criterion, mark in zip(("design", "support"), given, strict=True):
            score = IndividualScore(
                bid_id=BidId(row["id"]),
                criterion=criterion,
                evaluator_id=EVALUATOR,
                mark=Decimal(mark),
            )
            await scoring.score(purchase.lots[0], score)
    return scoring


async def judged(
    counter: Counter, first_states: str | None, **contract: object
) -> tuple[Purchase, Scoring]:
    """Open a bid of 10 and one of 11, of which 6 are eligible, and judge both."""
    purchase = await e_rate(counter, **contract)
    await purchase.bidding.file(purchase.act(vendor=0), bid("10", first_states))
    await purchase.bidding.file(purchase.act(vendor=1), bid("11", "6"))
    purchase.clock.advance(CLOSES_AT + GRACE - purchase.clock.now())
    await purchase.open_bids()
    return purchase, await scored_by(counter, purchase, [(6, 5), (5, 6)])


@pytest.mark.parametrize(
    ("contract", "first_states"), [({}, "8"), (EIGHTY_PERCENT, "8"), (EIGHTY_PERCENT, None)]
)
async def test_award_follows_the_score_that_weighs_the_eligible_price_most(
    counter: Counter, contract: dict[str, object], first_states: str | None
) -> None:
    purchase, scoring = await judged(counter, first_states, **contract)

    shown = await scoring.scores_of(purchase.lots[0], AS_BUYER)
    choice = Choice(award_id=AwardId(new_id()), vendor_id=None, reason=None)
    record = await purchase.awarding.intend(purchase.lots[0], choice, buyer_id=BUYER)

    # Of 10, 8 are eligible, be it stated or by 80 percent: 40 x 6 / 8 + 10 x 2 / 2 + 18 + 10 = 68.
    # Of 11, 6 are:                                         40 + 10 x 2 / 5 + 15 + 12 = 71.
    ranked = shown.steps[-1].scoring.ranked
    assert [(each.candidate.vendor_id, each.value) for each in ranked] == [
        (purchase.vendors[1], Fraction(71)),
        (purchase.vendors[0], Fraction(68)),
    ]
    assert (record.award.vendor_id, str(record.award.price)) == (purchase.vendors[1], "11.00")


@pytest.mark.parametrize("first_states", ["8", None])
async def test_award_follows_again_from_its_bundle_alone(
    counter: Counter, first_states: str | None
) -> None:
    purchase, _ = await judged(counter, first_states, **EIGHTY_PERCENT)
    choice = Choice(award_id=AwardId(new_id()), vendor_id=None, reason=None, by="anna")
    await purchase.awarding.intend(purchase.lots[0], choice, buyer_id=BUYER)
    while await purchase.keeper.step(purchase.clock.now()):
        pass

    bundle = await publishing_of(purchase).bundle(purchase.rfp_id, AS_BUYER)

    assert verdict_on(read_bundle(write_bundle(bundle))).difference is None


@pytest.mark.parametrize(("contract", "is_required"), [({}, True), (EIGHTY_PERCENT, False)])
async def test_eligible_part_must_be_stated_unless_the_contract_states_a_percentage(
    counter: Counter,
    contract: dict[str, object],
    is_required: bool,  # noqa: FBT001 - a table
) -> None:
    purchase = await e_rate(counter, **contract)

    published = await purchase.bidding.form_of(purchase.rfp_id, viewer_id=None)

    assert published.form.asked is not None
    asked = {each.name: each for each in published.form.asked}[ELIGIBLE]
    assert (asked.is_required, asked.is_part_of_price, asked.least) == (
        is_required,
        True,
        Decimal(0),
    )


GRADUATED: Final = Pricing(
    tuple(
        Tier(Decimal(start), UnitPrice.parse(price, USD))
        for start, price in (("1", "10"), ("134", "4"))
    ),
    TiersApply.GRADUATED,
)
"""133 units at 10 and 67 at 4: on the average 7.99 each."""


@pytest.mark.parametrize(
    ("eligible", "code"),
    [
        ("0", None),
        ("7.99", None),
        ("7.990001", "answer_above_price"),
        ("-0.01", "answer_too_low"),
        ("most of it", "answer_no_number"),
        (None, "answer_missing"),
    ],
)
async def test_eligible_part_lies_between_nothing_and_the_price_at_the_lots_quantity(
    counter: Counter, eligible: str | None, code: str | None
) -> None:
    purchase = await e_rate(counter)
    content = bid("10", eligible)
    tiered = BidContent(
        currency=USD,
        nonce=b"",
        pricing=GRADUATED,
        answers=content.answers,
        attestations=content.attestations,
    )

    codes: list[str] = []
    try:
        await purchase.bidding.file(purchase.act(), tiered)
    except BidUnfit as refused:
        faults: Any = refused.details["faults"]
        codes = [fault["code"] for fault in faults]

    assert codes == ([] if code is None else [code])
