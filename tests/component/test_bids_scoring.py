"""Scoring over PostgreSQL: plans frozen with the RFP, scores kept in versions, what is shown."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

import pytest

from services.bids.domain.awards.award import EvaluationUnknown
from services.bids.domain.awards.deciding import Choice
from services.bids.domain.rfps import RfpNotDraft, RfpUnknown
from services.bids.domain.scoring.candidates import CostRule
from services.bids.domain.scoring.cascade import BidUnscored, Disqualification
from services.bids.domain.scoring.formulas import BelowCeiling, LowestOverThis
from services.bids.domain.scoring.low import LowRule
from services.bids.domain.scoring.panels import (
    AgreedScore,
    DeclarationMissing,
    IndividualScore,
    Panel,
    ScoresFinal,
    ScoresIncomplete,
    ScoreUnfit,
)
from services.bids.domain.scoring.plan import (
    Monetised,
    Plan,
    PlanUnfit,
    Rollup,
    ScoredCriterion,
    TieBreak,
    TieRule,
    plan_of,
)
from services.bids.domain.terms import PRICE_ALONE, CostCovered, Criterion, CriterionKind, Terms
from services.bids.ports.scoring import Method
from services.bids.store.auctioning import read_rankings
from services.bids.store.lots import LotStore
from services.bids.store.rfps import terms_text
from services.bids.store.scoring import ScoringStore
from services.bids.store.screens import ScreenStore
from services.bids.usecases.scoring import Scoring
from services.bids.usecases.screens import Screening
from shared import db
from shared.auth import Principal, Role
from shared.db import Pool
from shared.domain.ids import AwardId, BidId, LotId, PartyId, new_id
from shared.journal import Journal
from tests.component.bids_purchase import Purchase, publish

CRITERIA: Final = (
    Criterion(name="method", kind=CriterionKind.RATED, weight=Decimal(60)),
    Criterion(name="price", kind=CriterionKind.PRICE, weight=Decimal(40), covers=CostCovered.ALL),
)
ANNA, BELA = PartyId(new_id()), PartyId(new_id())
PANEL: Final = Panel(
    name="technical", criteria=frozenset({"method"}), evaluator_ids=frozenset({ANNA, BELA})
)


@pytest.fixture
async def purchase(bids_database: Pool) -> Purchase:
    purchase = await publish(bids_database, vendors=3)
    await bids_database.execute(
        "UPDATE rfp SET terms = $2 WHERE id = $1",
        purchase.rfp_id,
        terms_text(Terms(criteria=CRITERIA)),
    )
    return purchase


@pytest.fixture
def scoring(purchase: Purchase) -> Scoring:
    return Scoring(ScoringStore(purchase.pool, Journal("bids")), clock=purchase.clock)


def caller(role: Role, party_id: PartyId | None) -> Principal:
    return Principal(
        party_id=party_id,
        role=role,
        scopes=frozenset(),
        token_id="t",
        expires_at=datetime(2030, 1, 1, tzinfo=UTC),
    )


async def state(purchase: Purchase, scoring: Scoring, plan: Plan, *panels: Panel) -> Method:
    """State a plan while the RFP is a draft, and publish it again."""
    await purchase.pool.execute("UPDATE rfp SET status = 'draft' WHERE id = $1", purchase.rfp_id)
    method = await scoring.state(purchase.rfp_id, plan, panels, buyer_id=purchase.buyer_id)
    await purchase.pool.execute(
        "UPDATE rfp SET status = 'published' WHERE id = $1", purchase.rfp_id
    )
    return method


async def declare(purchase: Purchase, scoring: Scoring, *evaluators: PartyId) -> None:
    for evaluator_id in evaluators:
        await scoring.declare(
            purchase.rfp_id, evaluator_id=evaluator_id, has_conflict=False, statement="None."
        )


async def open_two(purchase: Purchase) -> dict[int, BidId]:
    """File two bids and open them; tell their ids by the vendor's place."""
    await purchase.file("0.20", vendor=0)
    await purchase.file("0.25", vendor=1)
    await purchase.open_bids()
    return {
        purchase.vendors.index(row["vendor_id"]): BidId(row["id"])
        for row in await purchase.pool.fetch("SELECT id, vendor_id FROM bid")
    }


async def judge(scoring: Scoring, lot_id: LotId, bid_id: BidId, marks: dict[PartyId, str]) -> None:
    for evaluator_id, mark in marks.items():
        given = IndividualScore(
            bid_id=bid_id, criterion="method", evaluator_id=evaluator_id, mark=Decimal(mark)
        )
        await scoring.score(lot_id, given)


async def test_evaluators_decide_with_the_price(purchase: Purchase, scoring: Scoring) -> None:
    await state(purchase, scoring, plan_of(CRITERIA), PANEL)
    bids, lot_id = await open_two(purchase), purchase.lots[0]
    await declare(purchase, scoring, ANNA, BELA)
    await judge(scoring, lot_id, bids[0], {ANNA: "5", BELA: "6"})
    await judge(scoring, lot_id, bids[1], {ANNA: "8", BELA: "9"})

    shown = await scoring.scores_of(lot_id, caller(Role.BUYER, purchase.buyer_id))

    # 40 + 33 against 40 x 0.20 / 0.25 + 51: the dearer bid wins.
    ranked = shown.steps[-1].scoring.ranked
    assert [(each.candidate.bid_id, each.value) for each in ranked] == [
        (bids[1], Fraction(83)),
        (bids[0], Fraction(73)),
    ]
    assert shown.stability.is_stable
    assert shown.flips[0].winner_id == bids[0]
    assert "lot.bid_scored" in await purchase.types_of(lot_id)
    assert (await purchase.types_of(purchase.rfp_id)).count("rfp.conflict_declared") == 2


async def test_award_goes_to_the_highest_score_and_waits_for_the_last_mark(
    purchase: Purchase, scoring: Scoring
) -> None:
    await state(purchase, scoring, plan_of(CRITERIA), PANEL)
    bids, lot_id = await open_two(purchase), purchase.lots[0]
    await declare(purchase, scoring, ANNA, BELA)
    await judge(scoring, lot_id, bids[0], {ANNA: "5", BELA: "6"})
    await judge(scoring, lot_id, bids[1], {ANNA: "8"})
    choice = Choice(award_id=AwardId(new_id()), vendor_id=None, reason=None)

    with pytest.raises(ScoresIncomplete):
        await purchase.awarding.intend(lot_id, choice, buyer_id=purchase.buyer_id)
    await judge(scoring, lot_id, bids[1], {BELA: "9"})
    record = await purchase.awarding.intend(lot_id, choice, buyer_id=purchase.buyer_id)

    assert (record.award.vendor_id, str(record.award.price)) == (purchase.vendors[1], "0.25")
    with pytest.raises(ScoresFinal):
        await judge(scoring, lot_id, bids[0], {ANNA: "10"})


async def test_rfp_without_a_plan_is_scored_by_its_criteria(
    purchase: Purchase, scoring: Scoring
) -> None:
    method = await scoring.method_of(purchase.rfp_id, viewer_id=None)

    assert method.plan == plan_of(CRITERIA)


WHOLE: Final = Plan(
    method=Monetised({"method": Decimal("1.20")}),
    criteria=(
        ScoredCriterion(
            name="method",
            kind=CriterionKind.RATED,
            weight=Decimal(60),
            best=Decimal(5),
            minimum=Decimal("1.5"),
        ),
        ScoredCriterion(
            name="price",
            kind=CriterionKind.PRICE,
            weight=Decimal(40),
            formula=BelowCeiling(Decimal("0.40"), Decimal("0.10")),
        ),
    ),
    cost=CostRule(
        added=("energy",),
        rate_per_day=Decimal(3500),
        features_max={"warranty": Decimal("0.15")},
    ),
    technical_minimum=Decimal(70),
    ties=(TieRule(TieBreak.CRITERION, "method"), TieRule(TieBreak.DRAWN_LOT)),
    rollup=Rollup.CONSENSUS,
    spread_flagged=Decimal("0.3"),
)


@pytest.mark.parametrize("plan", [WHOLE, plan_of(CRITERIA)])
async def test_plan_is_read_as_it_was_stated(
    purchase: Purchase, scoring: Scoring, plan: Plan
) -> None:
    await state(purchase, scoring, plan, PANEL)

    read = await scoring.method_of(purchase.rfp_id, viewer_id=None)

    assert read == Method(plan, (PANEL,))


async def test_plan_is_frozen_at_publication(purchase: Purchase, scoring: Scoring) -> None:
    with pytest.raises(RfpNotDraft):
        await scoring.state(purchase.rfp_id, WHOLE, (), buyer_id=purchase.buyer_id)


async def test_plan_of_another_buyers_rfp_is_not_stated(
    purchase: Purchase, scoring: Scoring
) -> None:
    with pytest.raises(RfpUnknown):
        await scoring.state(purchase.rfp_id, WHOLE, (), buyer_id=PartyId(new_id()))


@pytest.mark.parametrize(
    ("plan", "panel"),
    [
        (plan_of(PRICE_ALONE), None),
        (
            plan_of(CRITERIA),
            Panel(name="x", criteria=frozenset({"hue"}), evaluator_ids=frozenset()),
        ),
    ],
)
async def test_plan_that_differs_from_the_criteria_leaves_nothing(
    purchase: Purchase, scoring: Scoring, plan: Plan, panel: Panel | None
) -> None:
    with pytest.raises(PlanUnfit):
        await state(purchase, scoring, plan, *([panel] if panel else []))

    assert await purchase.pool.fetchval("SELECT count(*) FROM scoring_plan") == 0


async def test_scores_wait_for_the_declaration(purchase: Purchase, scoring: Scoring) -> None:
    await state(purchase, scoring, plan_of(CRITERIA), PANEL)
    bids = await open_two(purchase)

    with pytest.raises(DeclarationMissing):
        await judge(scoring, purchase.lots[0], bids[0], {ANNA: "5"})

    assert await purchase.pool.fetchval("SELECT count(*) FROM individual_score") == 0


async def test_changed_score_is_a_further_version(purchase: Purchase, scoring: Scoring) -> None:
    await state(purchase, scoring, plan_of(CRITERIA), PANEL)
    bids, lot_id = await open_two(purchase), purchase.lots[0]
    await declare(purchase, scoring, ANNA, BELA)

    await judge(scoring, lot_id, bids[0], {ANNA: "5"})
    await judge(scoring, lot_id, bids[0], {ANNA: "7"})

    rows = await purchase.pool.fetch("SELECT version, mark FROM individual_score ORDER BY version")
    assert [(row["version"], row["mark"]) for row in rows] == [(1, 5), (2, 7)]


async def test_lot_is_shown_when_everything_is_judged(purchase: Purchase, scoring: Scoring) -> None:
    await state(purchase, scoring, plan_of(CRITERIA), PANEL)
    await open_two(purchase)

    with pytest.raises(ScoresIncomplete):
        await scoring.scores_of(purchase.lots[0], caller(Role.BUYER, purchase.buyer_id))


async def test_released_prices_fix_the_scores(purchase: Purchase, scoring: Scoring) -> None:
    await state(purchase, scoring, plan_of(CRITERIA), PANEL)
    bids, lot_id = await open_two(purchase), purchase.lots[0]
    await declare(purchase, scoring, ANNA, BELA)
    for bid_id in bids.values():
        await judge(scoring, lot_id, bid_id, {ANNA: "5", BELA: "6"})

    await scoring.release(lot_id, buyer_id=purchase.buyer_id)
    await scoring.release(lot_id, buyer_id=purchase.buyer_id)

    with pytest.raises(ScoresFinal):
        await judge(scoring, lot_id, bids[0], {ANNA: "9"})
    assert (await purchase.types_of(lot_id)).count("lot.prices_released") == 1


async def test_panel_agrees_on_a_score(purchase: Purchase, scoring: Scoring) -> None:
    await state(
        purchase, scoring, Plan(criteria=plan_of(CRITERIA).criteria, rollup=Rollup.CONSENSUS), PANEL
    )
    bids, lot_id = await open_two(purchase), purchase.lots[0]
    await declare(purchase, scoring, ANNA, BELA)
    for bid_id in bids.values():
        await judge(scoring, lot_id, bid_id, {ANNA: "2", BELA: "9"})
        agreed = AgreedScore(
            bid_id=bid_id, criterion="method", mark=Decimal(8), reason="Read again."
        )
        await scoring.agree(lot_id, agreed, buyer_id=purchase.buyer_id)

    shown = await scoring.scores_of(lot_id, caller(Role.AUDITOR, None))

    assert {each.mark for each in shown.rolled} == {Fraction(8)}
    assert all(each.is_flagged for each in shown.rolled)
    assert len(shown.scores) == 4


async def vendor_of(purchase: Purchase, bid_id: BidId) -> object:
    return await purchase.pool.fetchval("SELECT vendor_id FROM bid WHERE id = $1", bid_id)


async def test_disqualified_bid_gives_way_to_the_next(purchase: Purchase, scoring: Scoring) -> None:
    await purchase.pool.execute("UPDATE rfp SET terms = '{}'")
    bids, lot_id = await open_two(purchase), purchase.lots[0]
    out = Disqualification(bids[0], "No licence.")

    await scoring.disqualify(lot_id, out, buyer_id=purchase.buyer_id)

    shown = await scoring.scores_of(lot_id, caller(Role.BUYER, purchase.buyer_id))
    assert [step.ended_by for step in shown.steps] == [out, None]
    assert shown.steps[-1].scoring.order == (bids[1], bids[0])
    assert (await purchase.types_of(lot_id))[-1] == "bid.disqualified"
    async with db.reading(purchase.pool) as connection:
        lot = await LotStore().read(connection, lot_id)
        ranked = (await read_rankings(connection, lot)).deciding
    assert [bidder.vendor_id for bidder in ranked] == [await vendor_of(purchase, bids[1])]
    with pytest.raises(BidUnscored):
        await scoring.disqualify(lot_id, out, buyer_id=purchase.buyer_id)


async def test_low_price_is_flagged_and_wins_all_the_same(
    purchase: Purchase, scoring: Scoring
) -> None:
    await purchase.pool.execute("UPDATE rfp SET terms = '{}'")
    await purchase.file("0.06", vendor=0)
    await purchase.file("0.10", vendor=1)
    await purchase.open_bids()

    shown = await scoring.scores_of(purchase.lots[0], caller(Role.BUYER, purchase.buyer_id))

    winner = shown.steps[-1].scoring.winner
    assert winner is not None
    assert [(each.bid_id, each.rule) for each in shown.low] == [
        (winner.candidate.bid_id, LowRule.BELOW_OTHERS_MEAN),
        (winner.candidate.bid_id, LowRule.BELOW_NEXT_PRICE),
    ]


async def test_equal_bids_are_drawn_from_the_published_root(
    purchase: Purchase, scoring: Scoring
) -> None:
    lots = Plan(
        criteria=(
            ScoredCriterion(
                name="price",
                kind=CriterionKind.PRICE,
                weight=Decimal(100),
                formula=LowestOverThis(),
            ),
        ),
        ties=(TieRule(TieBreak.DRAWN_LOT),),
    )
    await purchase.pool.execute("UPDATE rfp SET terms = '{}'")
    await state(purchase, scoring, lots)
    for vendor in range(3):
        await purchase.file("0.20", vendor=vendor)
    await purchase.open_bids()

    shown = await scoring.scores_of(purchase.lots[0], caller(Role.BUYER, purchase.buyer_id))

    parted = [each.parted_by for each in shown.steps[-1].scoring.ranked]
    assert parted == [None, TieRule(TieBreak.DRAWN_LOT), TieRule(TieBreak.DRAWN_LOT)]


@pytest.mark.parametrize("role", [Role.VENDOR, Role.MEMBER, Role.OBSERVER])
async def test_scores_are_not_shown_to_others_before_the_award(
    purchase: Purchase, scoring: Scoring, role: Role
) -> None:
    await open_two(purchase)

    with pytest.raises(EvaluationUnknown):
        await scoring.scores_of(purchase.lots[0], caller(role, purchase.vendors[0]))


async def test_nothing_is_scored_before_the_opening(purchase: Purchase, scoring: Scoring) -> None:
    await state(purchase, scoring, plan_of(CRITERIA), PANEL)
    await purchase.file("0.20")
    await declare(purchase, scoring, ANNA)
    bid_id = BidId(await purchase.pool.fetchval("SELECT id FROM bid"))

    with pytest.raises(ScoreUnfit):
        await judge(scoring, purchase.lots[0], bid_id, {ANNA: "5"})
    with pytest.raises(EvaluationUnknown):
        await scoring.scores_of(purchase.lots[0], caller(Role.BUYER, purchase.buyer_id))


# Screens ----------------------------------------------------------------------------------------


async def test_screens_read_the_opened_bids_of_the_rfp(purchase: Purchase) -> None:
    await open_two(purchase)
    screening = Screening(ScreenStore(purchase.pool))

    report = await screening.report(purchase.rfp_id, caller(Role.AUDITOR, None))

    assert (report.contests, report.bids) == (1, 2)


async def test_screens_see_nothing_before_the_opening(purchase: Purchase) -> None:
    await purchase.file("0.20")
    screening = Screening(ScreenStore(purchase.pool))

    report = await screening.report(purchase.rfp_id, caller(Role.BUYER, purchase.buyer_id))

    assert (report.contests, report.bids) == (0, 0)


@pytest.mark.parametrize("role", [Role.VENDOR, Role.BUYER])
async def test_screens_are_for_the_rfps_buyer_and_auditors(purchase: Purchase, role: Role) -> None:
    await open_two(purchase)
    screening = Screening(ScreenStore(purchase.pool))

    with pytest.raises(RfpUnknown):
        await screening.report(purchase.rfp_id, caller(role, PartyId(new_id())))
