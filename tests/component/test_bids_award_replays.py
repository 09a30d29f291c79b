"""Purchases of every kind, published and decided again: what the rules allow is never doubted."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import pytest

from services.bids.api.report_pages import page_of
from services.bids.domain.awards.answers import Answer
from services.bids.domain.awards.deciding import Choice
from services.bids.domain.awards.lines import AwardLineId
from services.bids.domain.consortium import CostSharing, PriceOnDeclines, SilenceMeans
from services.bids.domain.replay.bundle import AwardBundle
from services.bids.domain.replay.reading import read_bundle, write_bundle
from services.bids.domain.replay.verdict import verdict_on
from services.bids.domain.report.whole import report_of
from services.bids.domain.scoring.formulas import LowestOverThis
from services.bids.domain.scoring.plan import Plan, ScoredCriterion, TieBreak, TieRule
from services.bids.domain.terms import CriterionKind, Terms
from services.bids.store.rfps import terms_text
from shared.auth import Principal, Role
from shared.db import Pool
from shared.domain.bid_content import NONCE_BYTES, BidContent, Pricing, Tier, TiersApply
from shared.domain.canonical import canonical
from shared.domain.ids import AwardId, new_id
from shared.domain.money import UnitPrice
from tests.component.bids_decided import publishing_of
from tests.component.bids_purchase import STANDSTILL, USD, Purchase, publish

WINDOW: Final = timedelta(days=5)


async def bundle_of(purchase: Purchase) -> AwardBundle:
    viewer = Principal(
        purchase.buyer_id, Role.BUYER, frozenset(), "t", datetime(2099, 1, 1, tzinfo=UTC)
    )
    bundle = await publishing_of(purchase).bundle(purchase.rfp_id, viewer)
    return read_bundle(write_bundle(bundle))


async def set_terms(purchase: Purchase, terms: Terms) -> None:
    await purchase.pool.execute(
        "UPDATE rfp SET terms = $2 WHERE id = $1", purchase.rfp_id, terms_text(terms)
    )


async def intend(purchase: Purchase, *, vendor: int | None = None, why: str | None = None) -> None:
    vendor_id = None if vendor is None else purchase.vendors[vendor]
    choice = Choice(award_id=AwardId(new_id()), vendor_id=vendor_id, reason=why, by="anna")
    await purchase.awarding.intend(purchase.lots[0], choice, buyer_id=purchase.buyer_id)


async def let_stand(purchase: Purchase) -> None:
    purchase.clock.advance(STANDSTILL)
    while await purchase.keeper.step(purchase.clock.now()):
        pass


def tiered(*tiers: tuple[str, str], apply: TiersApply = TiersApply.ALL_UNITS) -> BidContent:
    made = tuple(Tier(Decimal(least), UnitPrice.parse(text, USD)) for least, text in tiers)
    return BidContent(currency=USD, nonce=bytes(range(NONCE_BYTES)), pricing=Pricing(made, apply))


async def by_price(purchase: Purchase) -> None:
    await purchase.file("0.30", vendor=0)
    await purchase.file("0.25", vendor=1)
    await purchase.open_bids()
    await intend(purchase)


async def another_than_the_best(purchase: Purchase) -> None:
    await purchase.file("0.30", vendor=0)
    await purchase.file("0.25", vendor=1)
    await purchase.open_bids()
    await intend(purchase, vendor=0, why="The best cannot deliver on Mondays.")


async def resale(purchase: Purchase) -> None:
    await set_terms(purchase, Terms(margin_percent=Decimal("2.5")))
    await by_price(purchase)


async def in_equal_parts(purchase: Purchase) -> None:
    await set_terms(purchase, Terms(cost_shared_by=CostSharing.EQUAL))
    await by_price(purchase)


async def by_attendance(purchase: Purchase) -> None:
    await set_terms(purchase, Terms(cost_shared_by=CostSharing.ATTENDANCE))
    for place, member_id in enumerate(purchase.members, start=1):
        await purchase.pool.execute(
            "INSERT INTO member_profile (member_id, kind, hazard_zone, enrolment) "
            "VALUES ($1, 'district', '', $2)",
            member_id,
            place * 700,
        )
    await by_price(purchase)


async def pooled_by_another_rule(purchase: Purchase) -> None:
    await purchase.pool.execute("UPDATE lot SET quantity = 21")
    await purchase.file("1000.01", vendor=0)
    await purchase.open_bids()
    await intend(purchase)


async def graduated(purchase: Purchase) -> None:
    content = tiered(("1", "20"), ("11", "17"), ("21", "15"), apply=TiersApply.GRADUATED)
    await purchase.bidding.file(purchase.act(), content)
    await purchase.open_bids()
    await intend(purchase)


async def drawn_by_lot(purchase: Purchase) -> None:
    price = ScoredCriterion(
        name="price", kind=CriterionKind.PRICE, weight=Decimal(100), formula=LowestOverThis()
    )
    plan = Plan(criteria=(price,), ties=(TieRule(TieBreak.DRAWN_LOT),))
    await purchase.pool.execute(
        "INSERT INTO scoring_plan (rfp_id, plan, stated_at) VALUES ($1, $2, $3)",
        purchase.rfp_id,
        canonical(plan),
        purchase.clock.now(),
    )
    for vendor in range(3):
        await purchase.file("0.25", vendor=vendor)
    await purchase.open_bids()
    await intend(purchase)


async def answered(
    purchase: Purchase, *, anew: PriceOnDeclines, silence: SilenceMeans | None = None
) -> None:
    """The second of two members declines, or says nothing; its part would lose the tier."""
    terms = Terms(
        acceptance_window_s=int(WINDOW.total_seconds()),
        price_on_declines=anew,
        silence_means=silence,
    )
    await set_terms(purchase, terms)
    await purchase.bidding.file(purchase.act(), tiered(("1", "0.30"), ("400", "0.25")))
    await purchase.open_bids()
    await intend(purchase)
    purchase.clock.advance(STANDSTILL)
    await purchase.keeper.step(purchase.clock.now())
    rows = await purchase.pool.fetch("SELECT id, award_id, member_id FROM award_line")
    for row in rows:
        if silence is not None and row["member_id"] != purchase.members[0]:
            continue
        answer = Answer(
            line_id=AwardLineId(row["id"]),
            member_id=row["member_id"],
            accepts=row["member_id"] == purchase.members[0],
            by="bela",
        )
        await purchase.course.answer(AwardId(row["award_id"]), answer)
    purchase.clock.advance(WINDOW)
    await purchase.keeper.step(purchase.clock.now())


async def declined(purchase: Purchase) -> None:
    await answered(purchase, anew=PriceOnDeclines.HOLDS)


async def priced_anew(purchase: Purchase) -> None:
    await answered(purchase, anew=PriceOnDeclines.ANEW)


async def silent(purchase: Purchase) -> None:
    await answered(purchase, anew=PriceOnDeclines.HOLDS, silence=SilenceMeans.ACCEPTED)


async def without_award(purchase: Purchase) -> None:
    await purchase.file("0.30", vendor=0)
    await purchase.open_bids()
    await purchase.awarding.end_without_award(
        purchase.lots[0], "Too dear.", buyer_id=purchase.buyer_id
    )


KINDS: Final[Mapping[str, Callable[[Purchase], Awaitable[None]]]] = {
    each.__name__: each
    for each in (
        by_price,
        another_than_the_best,
        resale,
        in_equal_parts,
        by_attendance,
        pooled_by_another_rule,
        graduated,
        drawn_by_lot,
        declined,
        priced_anew,
        silent,
        without_award,
    )
}


@pytest.mark.parametrize("kind", KINDS)
async def test_purchase_of_this_kind_is_decided_again_as_it_was(
    bids_database: Pool, kind: str
) -> None:
    purchase = await publish(bids_database)
    await KINDS[kind](purchase)
    await let_stand(purchase)

    bundle = await bundle_of(purchase)

    assert verdict_on(bundle).difference is None
    assert "Award report" in page_of(report_of(bundle))
