"""Decide a whole purchase: by scores, at auction, and by a scenario; with what goes wrong."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from services.bids.consumer import handlers_of
from services.bids.domain.auctioning import AuctionPlan
from services.bids.domain.awards.deciding import Choice
from services.bids.domain.awards.protests import Ruling
from services.bids.domain.scoring.cascade import Disqualification
from services.bids.domain.scoring.panels import IndividualScore, Panel
from services.bids.domain.scoring.plan import plan_of
from services.bids.domain.terms import CostCovered, Criterion, CriterionKind, Terms
from services.bids.domain.winners import offers
from services.bids.domain.winners.problem import Granularity
from services.bids.domain.winners.rules import Rule, RuleKind
from services.bids.domain.winners.scenarios import Choosing
from services.bids.solver.processes import SolverProcesses
from services.bids.solver.sharing import SharingProcesses
from services.bids.store.decided import DecidedStore
from services.bids.store.rfps import terms_text
from services.bids.store.scenarios import ScenarioStore
from services.bids.store.scoring import ScoringStore
from services.bids.usecases.awards import Decider
from services.bids.usecases.publishing import Publishing
from services.bids.usecases.scoring import Scoring
from services.bids.usecases.winners import ScenarioSolving, Winners, Wish
from shared.db import Pool
from shared.domain.bid_content import (
    NONCE_BYTES,
    BidContent,
    Package,
    Pricing,
    Tier,
    one_price,
)
from shared.domain.facts import Event
from shared.domain.ids import AwardId, BidId, EventId, PartyId, new_id
from shared.domain.money import UnitPrice
from shared.events.auctions import AuctionClosed, FinalOffer
from shared.events.bids import AuctionRules
from shared.events.envelope import Envelope
from shared.journal import Journal
from tests.component.bids_purchase import CLOSES_AT, STANDSTILL, USD, Purchase, publish

CRITERIA: Final = (
    Criterion(name="quality", kind=CriterionKind.RATED, weight=Decimal(60)),
    Criterion(name="price", kind=CriterionKind.PRICE, weight=Decimal(40), covers=CostCovered.ALL),
)
ANNA, BELA, CARL = PartyId(new_id()), PartyId(new_id()), PartyId(new_id())
PANEL: Final = Panel(
    name="technical", criteria=frozenset({"quality"}), evaluator_ids=frozenset({ANNA, BELA, CARL})
)
MARKS: Final = {0: ("9", "8.5"), 1: ("8", "9"), 2: ("6", "7")}
"""What two evaluators give each vendor, whatever the lot; the third declared a conflict."""

NEEDS: Final = {
    0: (("300", "0.31"),),
    1: (("120", "0.24"),),
    2: (("80.5", None),),
    3: (("400", "0.30"), ("100", "0.29")),
}
"""Four members; the second pays less today than it will, and the third did not say."""

SUBJECT: Final = "anna@buyer.example"
"""The person who decides, as a token names it: it must appear in nothing that is published."""

RULES: Final = AuctionRules(
    format="english",
    step="0.0010",
    step_against="own",
    soft_close_window_s=120,
    soft_close_extension_s=120,
    extensions_max=10,
    show_rank="own",
    show_lead="never",
)


def publishing_of(purchase: Purchase) -> Publishing:
    """Publish what is decided of a purchase."""
    sharers = SharingProcesses(seconds=60)
    return Publishing(DecidedStore(purchase.pool), purchase.recording, sharers)


async def decided(pool: Pool) -> Purchase:
    """Decide five lots.

    The first goes by scores: its award is protested against and withdrawn, its bid set aside, and
    the next in rank wins. The second is auctioned. The third and fourth are split by a scenario,
    with tiers and a package among the bids. The fifth has one bid, which fails, and no award.
    """
    purchase = await publish(pool, lots=5, vendors=3, needs=NEEDS)
    await pool.execute(
        "UPDATE rfp SET terms = $2 WHERE id = $1",
        purchase.rfp_id,
        terms_text(Terms(criteria=CRITERIA)),
    )
    scoring = Scoring(ScoringStore(pool, Journal("bids")), clock=purchase.clock)
    await _state(purchase, scoring)
    await _file(purchase)
    await purchase.open_bids()
    await _judge(purchase, scoring)
    await _auction(purchase)
    await _intend(purchase, 1)
    await _contest(purchase, scoring)
    await purchase.awarding.end_without_award(
        purchase.lots[4], "No bid could be opened.", buyer_id=purchase.buyer_id
    )
    await _by_scenario(purchase)
    purchase.clock.advance(STANDSTILL)
    while await purchase.keeper.step(purchase.clock.now()):
        pass
    return purchase


async def _state(purchase: Purchase, scoring: Scoring) -> None:
    """State the plan while the RFP is a draft, and publish it again."""
    change = "UPDATE rfp SET status = $2 WHERE id = $1"
    await purchase.pool.execute(change, purchase.rfp_id, "draft")
    await scoring.state(purchase.rfp_id, plan_of(CRITERIA), (PANEL,), buyer_id=purchase.buyer_id)
    await purchase.pool.execute(change, purchase.rfp_id, "published")
    for evaluator_id in (ANNA, BELA, CARL):
        await scoring.declare(
            purchase.rfp_id,
            evaluator_id=evaluator_id,
            has_conflict=evaluator_id == CARL,
            statement="A cousin sells milk." if evaluator_id == CARL else "None.",
        )


def price(text: str) -> UnitPrice:
    return UnitPrice.parse(text, USD)


def _content(pricing: Pricing, packages: tuple[Package, ...] = ()) -> BidContent:
    return BidContent(
        currency=USD, nonce=bytes(range(NONCE_BYTES)), pricing=pricing, packages=packages
    )


async def _file(purchase: Purchase) -> None:
    for vendor, texts in enumerate((("0.25", "0.30"), ("0.27", "0.29"), ("0.24", "0.28"))):
        for lot, text in enumerate(texts):
            await purchase.file(text, vendor=vendor, lot=lot)
    tiers = Pricing((Tier(Decimal(1), price("0.30")), Tier(Decimal(500), price("0.2312"))))
    both = ((purchase.lots[2], price("0.26")), (purchase.lots[3], price("0.2650")))
    for lot in (2, 3):
        await purchase.bidding.file(purchase.act(vendor=0, lot=lot), _content(tiers))
        flat = _content(one_price(price("0.2449")))
        await purchase.bidding.file(purchase.act(vendor=1, lot=lot), flat)
    packaged = _content(one_price(price("0.28")), (Package(both),))
    await purchase.bidding.file(purchase.act(vendor=2, lot=2), packaged)
    await purchase.bidding.file_sealed(purchase.act(vendor=2, lot=4), bytes(4 * 4096 + 48))


async def _judge(purchase: Purchase, scoring: Scoring) -> None:
    rows = await purchase.pool.fetch(
        "SELECT bid_id, lot_id, vendor_id FROM unsealed_bid WHERE failure IS NULL"
    )
    for row in rows:
        marks = MARKS[purchase.vendors.index(row["vendor_id"])]
        for evaluator_id, mark in zip((ANNA, BELA), marks, strict=True):
            given = IndividualScore(
                bid_id=BidId(row["bid_id"]),
                criterion="quality",
                evaluator_id=evaluator_id,
                mark=Decimal(mark),
                comment=f"{SUBJECT} thinks so",
            )
            await scoring.score(row["lot_id"], given)


async def _intend(purchase: Purchase, lot: int) -> None:
    choice = Choice(award_id=AwardId(new_id()), vendor_id=None, reason=None, by=SUBJECT)
    await purchase.awarding.intend(purchase.lots[lot], choice, buyer_id=purchase.buyer_id)


async def _auction(purchase: Purchase) -> None:
    plan = AuctionPlan(
        opens_at=CLOSES_AT + timedelta(days=1),
        closes_at=CLOSES_AT + timedelta(days=1, hours=1),
        rules=RULES,
    )
    await purchase.auctioning.request(purchase.lots[1], plan, buyer_id=purchase.buyer_id)
    ranking = tuple(
        FinalOffer(vendor_id=purchase.vendors[vendor], rank=rank, unit_price=text)
        for rank, (vendor, text) in enumerate(((1, "0.2399"), (2, "0.2450"), (0, "0.30")), 1)
    )
    closed = AuctionClosed(
        auction_id=new_id(),
        lot_id=purchase.lots[1],
        rfp_id=purchase.rfp_id,
        buyer_id=purchase.buyer_id,
        currency="USD",
        closed_at=plan.closes_at,
        offers=7,
        ranking=ranking,
    )
    heard: Envelope[Event] = Envelope(
        EventId(new_id()), "/commonlot/auctions", "auction/1", CLOSES_AT, 1, closed
    )
    await handlers_of(purchase.auctioning)[AuctionClosed](heard)


async def _contest(purchase: Purchase, scoring: Scoring) -> None:
    """Award, protest, uphold, set aside, and award to the next."""
    lot_id, buyer_id = purchase.lots[0], purchase.buyer_id
    await _intend(purchase, 0)
    winner = await purchase.pool.fetchval("SELECT vendor_id FROM award WHERE lot_id = $1", lot_id)
    protest = await purchase.course.protest(
        new_id(), lot_id, vendor_id=purchase.vendors[2], grounds="The winner has no dairy licence."
    )
    await purchase.course.protest(
        new_id(), lot_id, vendor_id=purchase.vendors[1], grounds="The winner was late last year."
    )
    ruling = Ruling(
        protest_id=protest.id, is_upheld=True, decision="The licence lapsed in May.", by=SUBJECT
    )
    await purchase.course.rule(lot_id, ruling, buyer_id=buyer_id)
    bid_id = await purchase.pool.fetchval(
        "SELECT id FROM bid WHERE lot_id = $1 AND vendor_id = $2", lot_id, winner
    )
    out = Disqualification(BidId(bid_id), "Its dairy licence lapsed.")
    await scoring.disqualify(lot_id, out, buyer_id=buyer_id)
    await _intend(purchase, 0)


async def _by_scenario(purchase: Purchase) -> None:
    store, solver = ScenarioStore(purchase.pool, Journal("bids")), SolverProcesses()
    winners = Winners(store, solver, clock=purchase.clock)
    solving = ScenarioSolving(store, solver, clock=purchase.clock)
    split = Rule(id="two", kind=RuleKind.LARGEST_SHARE, amount=Fraction(3, 5))
    chosen = None
    for name, rules in (("Cheapest", ()), ("No vendor above 60 % of a lot", (split,))):
        wish = Wish(
            scenario_id=new_id(),
            rfp_id=purchase.rfp_id,
            name=name,
            terms=offers.Terms(granularity=Granularity.DISTRICT),
            rules=rules,
            each_lot=frozenset({"two"}),
            seconds=20,
        )
        chosen = await winners.save(wish, buyer_id=purchase.buyer_id)
        assert await solving.step(purchase.clock.now()) == 1
    assert chosen is not None
    choosing = Choosing(
        buyer_id=purchase.buyer_id, reason="Milk must come even when one dairy fails."
    )
    await winners.choose(chosen.id, choosing, rfp_id=purchase.rfp_id)
    decider = Decider(buyer_id=purchase.buyer_id, by=SUBJECT)
    await purchase.awarding.intend_scenario(purchase.rfp_id, chosen.id, decider)
