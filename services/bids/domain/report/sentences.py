"""Say in plain words why a lot went where it went, and how firm that is."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from services.bids.domain.consortium import CostSharing
from services.bids.domain.lots import LotStatus
from services.bids.domain.replay.bundle import (
    AwardBundle,
    PublishedAward,
    PublishedLot,
    PublishedScenario,
    PublishedStep,
    ScoredBid,
)
from services.bids.domain.replay.differing import Naming
from services.bids.domain.replay.rebuilding import plan_told
from services.bids.domain.replay.scenarios import scenario_of
from services.bids.domain.scoring.plan import Plan, WeighedPoints, plan_of
from services.bids.domain.scoring.ranking import is_lower_better
from services.bids.domain.terms import PRICE_ALONE, Terms
from services.bids.domain.winners.award import Outcome
from services.bids.domain.winners.written import amount_text
from shared.domain.money import Currency, digits_of

SHOWN_PLACES: Final = 4
"""Decimals of a point, a price or a share of a percent in a sentence; ranks never depend on it."""

RANKED_BY: Final = {
    "weighed_points": "points",
    "lowest_cost": "cost",
    "highest_value": "value",
    "monetised": "cost less the value of quality",
    "quality_per_price": "points per price",
    "utility_index": "index",
}
"""What a plan's method compares, in a word."""


def near(amount: Fraction) -> str:
    """Write an exact number, to four decimals where it has more."""
    text = amount_text(amount)
    if "/" not in text and len(text.partition(".")[2]) <= SHOWN_PLACES:
        return text
    rounded = Decimal(round(amount * 10**SHOWN_PLACES)).scaleb(-SHOWN_PLACES)
    return f"{rounded.normalize():f}"


def in_money(amount: Fraction, currency: Currency) -> str:
    """Write a sum for people, rounded half-even to the minor unit: `1,234.50 USD`."""
    digits = digits_of(currency)
    rounded = Decimal(round(amount * 10**digits)).scaleb(-digits)
    return f"{rounded:,.{digits}f} {currency}"


def listed(names: Sequence[str]) -> str:
    """Name several in a sentence: `A, B and C`."""
    if len(names) <= 1:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def outcome(naming: Naming, lot: PublishedLot) -> str:
    """Say in one sentence what became of a lot."""
    winners = listed([naming.party(award.vendor_id) for award in standing(lot)])
    match lot.status:
        case LotStatus.AWARDED:
            return f"Awarded to {winners}."
        case LotStatus.INTENDED:
            return f"Intended for {winners}; vendors may still object, and nothing is final."
        case LotStatus.NO_AWARD:
            return f"Not awarded. {lot.not_awarded_reason or ''}".strip()
        case _:
            return "Not decided yet."


def standing(lot: PublishedLot) -> list[PublishedAward]:
    """List the awards that were not withdrawn, by the vendors' ids."""
    kept = (award for award in lot.awards if award.ended_at is None)
    return sorted(kept, key=lambda award: award.vendor_id)


def why(bundle: AwardBundle, lot: PublishedLot) -> Iterator[str]:
    """Say why the winner won, from what is stored: the ranking, the auction or the scenario."""
    naming, awards = Naming(bundle), standing(lot)
    if not awards:
        return
    first = awards[0]
    if first.scenario_id is not None:
        found = [each for each in bundle.scenarios if each.id == first.scenario_id]
        yield from (line for each in found for line in _by_scenario(bundle, each))
    elif lot.auction is not None and lot.auction.standing:
        yield from _by_auction(naming, lot, first)
    else:
        yield from _by_ranking(bundle, lot, first)
    for each in lot.disqualifications:
        yield f"The {naming.bid(each.bid_id)} was set aside: {each.reason}"
    for award in lot.awards:
        if award.ended_at is not None:
            name = naming.party(award.vendor_id)
            yield f"An earlier award to {name} was withdrawn: {award.ended_reason}"


def firmness(bundle: AwardBundle, lot: PublishedLot) -> Iterator[str]:
    """Say whether losing bids, other weights or a missing bid would change the ranking's winner."""
    naming, scores = Naming(bundle), lot.scores
    if scores.unscored is not None:
        yield f"The bids are not scored: {scores.unscored}"
        return
    if not scores.steps or not scores.steps[-1].ranked:
        return
    if lot.auction is not None or any(award.scenario_id for award in standing(lot)):
        yield "The ranking by sealed scores did not decide this lot. In that ranking:"
    first = naming.bid(scores.steps[-1].ranked[0].bid_id)
    if not scores.hinges and len(scores.steps[-1].ranked) > 1:
        yield f"The {first} stays first whichever losing bid one takes away."
    for hinge in scores.hinges:
        yield (
            f"Without the losing {naming.bid(hinge.loser_id)}, the "
            f"{naming.bid(hinge.winner_without_id)} would be first."
        )
    for flip in scores.flips:
        way = "rose" if flip.change > 0 else "fell"
        then = "nobody" if flip.winner_id is None else f"the {naming.bid(flip.winner_id)}"
        least = "to" if flip.is_reached else "beyond"
        yield (
            f"If the weight of {flip.weight} {way} by {near(abs(flip.change))} {least} "
            f"{near(flip.new_weight)}, {then} would be first."
        )
    plan = plan_told(bundle)
    if not scores.flips and len(scores.steps[-1].ranked) > 1 and plan != plan_of(PRICE_ALONE):
        yield "No change of one weight alone would put another bid first."


def sharing(terms: Terms) -> str:
    """Say by which rule members share what is paid."""
    said = {
        CostSharing.DEMAND: "Members share the cost by what each asked for.",
        CostSharing.ATTENDANCE: "Members share the cost by their enrolment.",
        CostSharing.EQUAL: "Members share the cost in equal parts.",
        None: "Each member pays for what it gets, at the awarded price.",
    }[terms.cost_shared_by]
    if terms.margin_percent is None:
        return said
    return f"{said} The consortium adds a margin of {terms.margin_percent.normalize():f} percent."


def rule_in_words(bundle: AwardBundle, sentence: str) -> str:
    """Put names in the place of ids."""
    for party in bundle.parties:
        sentence = sentence.replace(str(party.id), party.name)
    for lot in bundle.lots:
        sentence = sentence.replace(f"lot {lot.id}", f"lot {lot.number}")
    return sentence


def _by_scenario(bundle: AwardBundle, told: PublishedScenario) -> Iterator[str]:
    scenario = scenario_of(bundle, told)
    lots = {lot.id for lot in scenario.problem.lots}
    numbers = [str(lot.number) for lot in bundle.lots if str(lot.id) in lots]
    among = "" if len(numbers) == 1 else f" Lots {listed(numbers)} were decided together."
    yield f"Decided by the scenario “{told.name}”.{among}"
    if told.chosen_reason:
        yield f"It was chosen for this reason: {told.chosen_reason}"
    if scenario.result is None or scenario.result.answer.award is None:
        return
    result, costs = scenario.result, Outcome(scenario.problem, scenario.award).costs()
    if result.best is not None and costs.ranked > result.best:
        more = in_money(costs.ranked - result.best, bundle.rfp.currency)
        yield f"The cheapest award without any rule would have cost {more} less."
    elif result.best is not None:
        yield "No award without its rules would have been cheaper."
    if result.answer.is_proven:
        yield "A solver proved that no award under its rules costs less."
    elif result.answer.gap is not None:
        gap = in_money(result.answer.gap, bundle.rfp.currency)
        yield f"An award under its rules might cost up to {gap} less."


def _by_auction(naming: Naming, lot: PublishedLot, award: PublishedAward) -> Iterator[str]:
    places = lot.auction.standing if lot.auction is not None else ()
    name = naming.party(award.vendor_id)
    yield (
        f"Decided by a live auction among {len(places)} vendors, in which {name} ended at "
        f"{award.unit_price} {_currency(naming.bundle)} a unit."
    )
    others = [place for place in places if place.vendor_id != award.vendor_id]
    if others:
        second = others[0]
        yield f"Next was {naming.party(second.vendor_id)} at {second.unit_price}."
    if award.reason:
        yield f"The buyer's reason: {award.reason}"


def _by_ranking(bundle: AwardBundle, lot: PublishedLot, award: PublishedAward) -> Iterator[str]:
    naming, step = Naming(bundle), lot.scores.steps[-1] if lot.scores.steps else None
    name = naming.party(award.vendor_id)
    own = _own(lot, step, award)
    if step is None or own is None:
        yield f"{name} won at {award.unit_price} {_currency(bundle)} a unit."
        return
    if plan_told(bundle) == plan_of(PRICE_ALONE):
        yield f"{name} asks {award.unit_price} {_currency(bundle)} a unit: {_place(step, own)}."
    else:
        yield f"By the published plan ({_plan(plan_told(bundle))}), {_points(bundle, own, name)}."
    yield from _next(bundle, step, own)
    if own.rank > 1:
        yield f"It is not the first in rank. The buyer's reason: {award.reason}"


def _own(lot: PublishedLot, step: PublishedStep | None, award: PublishedAward) -> ScoredBid | None:
    bids = {bid.bid_id for bid in lot.bids if bid.vendor_id == award.vendor_id}
    return next((each for each in (step.ranked if step else ()) if each.bid_id in bids), None)


def _place(step: PublishedStep, own: ScoredBid) -> str:
    count = len(step.ranked)
    if count == 1:
        return "the only bid that could be compared"
    return f"the lowest of {count} prices" if own.rank == 1 else f"place {own.rank} of {count}"


def _points(bundle: AwardBundle, own: ScoredBid, name: str) -> str:
    plan, value = plan_told(bundle), near(own.value)
    if isinstance(plan.method, WeighedPoints):
        parts = ", ".join(f"{near(part)} for {key}" for key, part in own.points.items())
        return f"{name} has {value} points ({parts}), place {own.rank}"
    return f"{name} is ranked by {RANKED_BY[plan.method.kind]}, {value}: place {own.rank}"


def _next(bundle: AwardBundle, step: PublishedStep, own: ScoredBid) -> Iterator[str]:
    """Name the runner-up and how far behind it is, by the stored figures."""
    behind = [each for each in step.ranked if each.rank == own.rank + 1]
    naming = Naming(bundle)
    for each in behind:
        who = naming.bid(each.bid_id)
        if each.value == own.value:
            yield f"The {who} is equal; {_rule(each.parted_by)} parted them."
            continue
        is_price = plan_told(bundle) == plan_of(PRICE_ALONE)
        one, other = (own.cost, each.cost) if is_price else (own.value, each.value)
        way = "above" if is_price or is_lower_better(plan_told(bundle)) else "below"
        more = f"{near(abs(other - one))} {way}"
        share = f" ({near(round(abs(other - one) / abs(one) * 100, 2))} %)" if one else ""
        yield f"Next is the {who} at {near(other)}, {more}{share}."


def _rule(parted_by: str | None) -> str:
    return "a tie rule" if parted_by is None else parted_by.replace("_", " ")


def _plan(plan: Plan) -> str:
    weighed = [each for each in plan.criteria if each.weight]
    return ", ".join(f"{each.name} {each.weight.normalize():f}" for each in weighed)


def _currency(bundle: AwardBundle) -> str:
    return bundle.rfp.currency
