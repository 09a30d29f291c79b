"""Fill a lot's report from its bundle."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from services.bids.domain.replay.bundle import (
    AwardBundle,
    PublishedAward,
    PublishedBid,
    PublishedLot,
)
from services.bids.domain.replay.differing import Naming
from services.bids.domain.replay.rebuilding import plan_told
from services.bids.domain.replay.scenarios import scenario_of
from services.bids.domain.report.figures import (
    LotReport,
    ReportedAward,
    ReportedBid,
    ReportedCriterion,
    ReportedLine,
    ReportedProtest,
    ReportedRule,
    ReportedScenario,
    Sums,
)
from services.bids.domain.report.sentences import (
    RANKED_BY,
    firmness,
    near,
    outcome,
    rule_in_words,
    standing,
    why,
)
from services.bids.domain.report.sharing import sharing_of
from services.bids.domain.scoring.ranking import Why
from services.bids.domain.sharing.beside import Shared
from services.bids.domain.terms import CriterionKind
from services.bids.domain.winners.award import Outcome
from services.bids.domain.winners.rules import Rule, said
from services.bids.domain.winners.scenarios import Scenario
from services.bids.domain.winners.written import amount_text
from shared.domain.ids import LotId, PartyId
from shared.domain.money import Currency, Money, UnitPrice, digits_of, total

_ASIDE = {
    Why.DISQUALIFIED: "Set aside: {about}",
    Why.FAILED: "Failed “{about}”",
    Why.BELOW_MINIMUM: "Below the minimum of “{about}”",
    Why.BELOW_TECHNICAL_MINIMUM: "Below {about}",
}


def lot_report(
    bundle: AwardBundle, lot: PublishedLot, reckoned: Mapping[LotId, Sequence[Shared]]
) -> LotReport:
    """Report on one lot, with what was reckoned of how its members could share the cost."""
    naming, kept = Naming(bundle), standing(lot)
    lines = tuple(_lines(naming, kept))
    return LotReport(
        lot_id=lot.id,
        number=lot.number,
        title=lot.title,
        specification=lot.specification,
        unit=lot.unit,
        quantity=f"{lot.quantity:f}",
        term_months=lot.term_months,
        members=len({share.member_id for share in lot.shares}),
        currency=bundle.rfp.currency,
        status=lot.status,
        outcome=outcome(naming, lot),
        why=tuple(why(bundle, lot)),
        firmness=tuple(firmness(bundle, lot)),
        bids=_bids(bundle, lot),
        ranked_by=RANKED_BY[plan_told(bundle).method.kind],
        criteria=_criteria(bundle, lot),
        awards=tuple(_award(naming, award) for award in kept),
        withdrawn=tuple(_award(naming, award) for award in lot.awards if award.ended_at),
        lines=lines,
        sums=_sums(lines, bundle.rfp.currency) if lines else None,
        sharing=sharing_of(bundle, lot, reckoned),
        scenarios=_scenarios(bundle, lot),
        protests=tuple(
            ReportedProtest(
                vendor=naming.party(each.vendor_id),
                grounds=each.grounds,
                filed_at=each.filed_at,
                is_upheld=each.is_upheld,
                decision=each.decision,
                decided_at=each.decided_at,
                moot_at=each.moot_at,
            )
            for each in lot.protests
        ),
    )


def _bids(bundle: AwardBundle, lot: PublishedLot) -> tuple[ReportedBid, ...]:
    """List bids in the order of their ranks, and behind them those that take no part."""
    steps = lot.scores.steps
    scored = {each.bid_id: each for each in steps[-1].ranked} if steps else {}
    aside = {each.bid_id: each for each in steps[-1].set_aside} if steps else {}
    low = {each.bid_id: each for each in lot.scores.low}
    last = {place.vendor_id: place for place in lot.auction.standing} if lot.auction else {}
    winners = {award.vendor_id for award in standing(lot)}
    prices = [Fraction(bid.unit_price) for bid in lot.bids if bid.unit_price]
    reported = []
    for bid in lot.bids:
        own, out, final = scored.get(bid.bid_id), aside.get(bid.bid_id), last.get(bid.vendor_id)
        flag = low.get(bid.bid_id)
        reported.append(
            ReportedBid(
                bid_id=bid.bid_id,
                vendor=bundle.name_of(bid.vendor_id),
                unit_price=bid.unit_price,
                total=_total(bid, lot, bundle.rfp.currency),
                last_price=None if final is None else final.unit_price,
                is_low=bool(prices)
                and bid.unit_price is not None
                and Fraction(bid.unit_price) == min(prices),
                is_winner=bid.vendor_id in winners,
                rank=None if own is None else own.rank,
                value=None if own is None else near(own.value),
                points={} if own is None else {key: near(part) for key, part in own.points.items()},
                failure=bid.failure,
                set_aside=None if out is None else _ASIDE[out.why].format(about=out.about),
                note=None
                if flag is None
                else f"Abnormally low: {near(round(flag.below * 100, 2))} % below comparison",
            )
        )
    return tuple(sorted(reported, key=lambda each: (each.rank is None, each.rank or 0)))


def _total(bid: PublishedBid, lot: PublishedLot, currency: Currency) -> str | None:
    if bid.unit_price is None:
        return None
    return str(total(UnitPrice.parse(bid.unit_price, currency), lot.quantity))


def _criteria(bundle: AwardBundle, lot: PublishedLot) -> tuple[ReportedCriterion, ...]:
    vendors = {bid.bid_id: bundle.name_of(bid.vendor_id) for bid in lot.bids}
    return tuple(
        ReportedCriterion(
            name=each.name,
            kind=each.kind.value,
            weight=f"{each.weight.normalize():f}",
            marks={
                vendors[rolled.bid_id]: near(rolled.mark)
                for rolled in lot.scores.rolled
                if rolled.criterion == each.name and each.kind is not CriterionKind.PRICE
            },
        )
        for each in plan_told(bundle).criteria
    )


def _award(naming: Naming, award: PublishedAward) -> ReportedAward:
    return ReportedAward(
        award_id=award.id,
        vendor=naming.party(award.vendor_id),
        unit_price=award.unit_price,
        quantity=f"{award.quantity:f}",
        total=award.total,
        status=award.status,
        decided_at=award.decided_at,
        standstill_ends_at=award.standstill_ends_at,
        made_at=award.made_at,
        reason=award.reason,
        ended_at=award.ended_at,
        ended_reason=award.ended_reason,
    )


def _lines(naming: Naming, awards: list[PublishedAward]) -> Iterator[ReportedLine]:
    for award in awards:
        for line in award.lines:
            yield ReportedLine(
                member=naming.party(line.member_id),
                vendor=naming.party(award.vendor_id),
                quantity=f"{line.quantity:f}",
                unit_price=award.unit_price,
                total=line.total,
                margin=line.margin,
                today=line.baseline_total,
                saving=line.saving,
                accepts=line.accepts,
            )


def _sums(lines: tuple[ReportedLine, ...], currency: Currency) -> Sums:
    """Sum up what members save and what they pay more, neither hiding the other."""
    savings = saving_by_member(lines, currency)
    known = [saving.minor for saving in savings.values() if saving is not None]
    paid = sum(_minor(line.total, currency) for line in lines)
    return Sums(
        total=str(Money(paid, currency)),
        members=len(savings),
        saving=sum(each > 0 for each in known),
        paying_more=sum(each < 0 for each in known),
        alike=sum(each == 0 for each in known),
        unknown=len(savings) - len(known),
        saved=str(Money(sum(each for each in known if each > 0), currency)),
        added=str(Money(-sum(each for each in known if each < 0), currency)),
    )


def saving_by_member(lines: Iterable[ReportedLine], currency: Currency) -> dict[str, Money | None]:
    """Sum each member's saving over its lines; None where one of them has no today."""
    found: dict[str, Money | None] = {}
    for line in lines:
        before = found.get(line.member, Money(0, currency))
        if before is None or line.saving is None:
            found[line.member] = None
        else:
            found[line.member] = Money(before.minor + _minor(line.saving, currency), currency)
    return found


def _minor(text: str, currency: Currency) -> int:
    return int(Decimal(text).scaleb(digits_of(currency)))


def _scenarios(bundle: AwardBundle, lot: PublishedLot) -> tuple[ReportedScenario, ...]:
    """List the scenarios that hold the lot and have an award, the cheapest first."""
    rebuilt = [scenario_of(bundle, told) for told in bundle.scenarios]
    found = [
        (each, Outcome(each.problem, each.award))
        for each in rebuilt
        if any(one.id == str(lot.id) for one in each.problem.lots)
        and each.result is not None
        and each.result.answer.award is not None
    ]
    found.sort(key=lambda pair: (pair[1].costs().ranked, pair[0].id))
    return tuple(_scenario(bundle, lot, each, outcome_) for each, outcome_ in found)


def _scenario(
    bundle: AwardBundle, lot: PublishedLot, scenario: Scenario, reached: Outcome
) -> ReportedScenario:
    result, costs = scenario.result, reached.costs()
    best = None if result is None else result.best
    winners = reached.winners_of(str(lot.id))
    return ReportedScenario(
        name=scenario.name,
        is_chosen=scenario.chosen_at is not None,
        is_proven=result is not None and result.answer.is_proven,
        paid=amount_text(costs.paid),
        over_best=None if best is None else amount_text(costs.ranked - best),
        winners=tuple(sorted(bundle.name_of(PartyId(UUID(winner))) for winner in winners)),
        rules=tuple(_rules(bundle, lot, scenario)),
        reason=scenario.chosen_reason,
    )


def _rules(bundle: AwardBundle, lot: PublishedLot, scenario: Scenario) -> Iterator[ReportedRule]:
    """Say the rules that bear on a lot; one that was written out for every lot costs as a whole."""
    result = scenario.result
    costs = {} if result is None else {each.rule_id: each.cost for each in result.rule_costs}
    for rule in scenario.rules:
        if rule.lot_id in {None, str(lot.id)}:
            cost = costs.get(_name(rule))
            yield ReportedRule(
                said=rule_in_words(bundle, said(rule)),
                cost=None if cost is None else amount_text(cost),
            )


def _name(rule: Rule) -> str:
    """Tell a rule's name as the buyer gave it, before it was written out for every lot."""
    return rule.id.partition(":each:")[0]
