"""Check a bundle's scenarios: their problems against the bids, their awards against every rule."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from services.bids.domain.pooling.portions import Asked
from services.bids.domain.replay.bundle import AwardBundle, PublishedScenario
from services.bids.domain.replay.differing import Label, Naming, require, require_same
from services.bids.domain.replay.rebuilding import RebuiltLot
from services.bids.domain.replay.sealed import price_opening
from services.bids.domain.winners.award import Outcome
from services.bids.domain.winners.check import violations
from services.bids.domain.winners.offers import (
    Offer,
    Terms,
    at_last_price,
    needs_of,
    problem_of,
)
from services.bids.domain.winners.problem import Bid, Package, Problem, ordered
from services.bids.domain.winners.rules import Rule
from services.bids.domain.winners.scenarios import Result, Scenario, ScenarioStatus
from services.bids.domain.winners.serial import read
from shared.domain.canonical import canonical
from shared.domain.ids import PartyId


def scenario_of(bundle: AwardBundle, told: PublishedScenario) -> Scenario:
    """Rebuild a scenario as it was kept.

    Raises:
        KeyError: A member is missing.
        ValueError: A member is not as it is written.
    """
    result = None if told.result is None else read(Result, canonical(told.result))
    return Scenario(
        id=told.id,
        rfp_id=bundle.rfp.id,
        name=told.name,
        rules=read(tuple[Rule, ...], canonical(list(told.rules))),
        problem=read(Problem, canonical(told.problem)),
        seed=told.seed,
        seconds=1,
        made_at=told.made_at,
        status=ScenarioStatus.WAITING if result is None else ScenarioStatus.SOLVED,
        result=result,
        chosen_at=told.chosen_at,
        chosen_reason=told.chosen_reason,
    )


def outcomes_of(bundle: AwardBundle) -> Mapping[UUID, Outcome]:
    """Read the awards of all scenarios that have one."""
    scenarios = (scenario_of(bundle, told) for told in bundle.scenarios)
    return {
        each.id: Outcome(each.problem, each.award)
        for each in scenarios
        if each.result is not None and each.result.answer.award is not None
    }


def check_scenarios(bundle: AwardBundle, naming: Naming) -> Iterator[str]:
    """Check every scenario; that no award is cheaper is its solver's word.

    Raises:
        Differs: A problem is not what was bid, or an award breaks a rule or costs something else.
    """
    chosen = [told for told in bundle.scenarios if told.chosen_at is not None]
    require("scenarios", holds=len(chosen) <= 1, sentence="more than one is chosen")
    for told in bundle.scenarios:
        place = f"scenario {told.name}"
        scenario = scenario_of(bundle, told)
        opening = price_opening(bundle)
        root = None if opening is None else opening.hash_list.merkle_root
        require_same(f"{place}: seed", told.seed, root, naming.label)
        _check_problem(bundle, scenario, naming)
        yield from _check_award(scenario, place, naming)
        _check_choice(bundle, told, naming)


def _check_award(scenario: Scenario, place: str, naming: Naming) -> Iterator[str]:
    result = scenario.result
    if result is None or result.answer.award is None:
        yield f"{place}: its problem is what was bid; it has no award."
        return
    broken = violations(scenario.problem, scenario.kept_task.rules, result.answer.award)
    require(place, holds=not broken, sentence=f"its award breaks a rule: {' '.join(broken)}")
    costs = Outcome(scenario.problem, result.answer.award).costs()
    require_same(f"{place}: costs", result.answer.costs, costs, naming.label)
    yield (
        f"{place}: its problem is what was bid; its award keeps all rules and costs exactly "
        "what is stated."
    )


def _check_choice(bundle: AwardBundle, told: PublishedScenario, naming: Naming) -> None:
    if told.chosen_at is None:
        return
    place = f"scenario {told.name}"
    require(
        place, holds=bool((told.chosen_reason or "").strip()), sentence="it is chosen for no reason"
    )
    for lot in bundle.lots:
        for award in lot.awards:
            if award.scenario_id == told.id and award.ended_at is None:
                to = f"{naming.place(lot)}: award to {naming.party(award.vendor_id)}: reason"
                require_same(to, award.reason, told.chosen_reason, naming.label)


def _check_problem(bundle: AwardBundle, scenario: Scenario, naming: Naming) -> None:
    """State the problem anew from shares and bids, and compare."""
    told = scenario.problem
    lots = {lot.id for lot in told.lots}
    rebuilt = [RebuiltLot(bundle, lot) for lot in bundle.lots if str(lot.id) in lots]
    needs = [
        need
        for each in rebuilt
        for need in needs_of(
            each.told.id,
            each.told.quantity,
            [Asked(share.member_id, share.quantity) for share in each.told.shares],
        )
    ]
    known = {bid.id.partition(":")[0] for bid in told.bids}
    offers = [offer for each in rebuilt for offer in _offers(each, scenario.made_at, known)]
    problem = problem_of(needs, offers, _terms_of(told))
    place = f"scenario {scenario.name}: problem"
    require_same(place, ordered(told), ordered(problem), _label_of(naming))


def _offers(rebuilt: RebuiltLot, made_at: datetime, known: set[str]) -> Iterator[Offer]:
    """List a lot's offers as they stood when a scenario was made.

    Of a bid that was set aside at the very instant only the problem knows whether it took part.
    """
    told = rebuilt.told
    out = {
        each.bid_id
        for each in told.disqualifications
        if each.decided_at < made_at
        or (each.decided_at == made_at and str(each.bid_id) not in known)
    }
    auction = told.auction
    held = auction is not None and auction.closed_at <= made_at and bool(auction.standing)
    final = {
        place.vendor_id: rebuilt.price(place.unit_price)
        for place in (auction.standing if auction is not None and held else ())
    }
    for bid in told.bids:
        content = rebuilt.contents.get(bid.bid_id)
        if content is None or bid.unit_price is None or bid.bid_id in out:
            continue
        if held and bid.vendor_id not in final:
            continue
        offer = Offer(bid_id=bid.bid_id, lot_id=told.id, vendor_id=bid.vendor_id, content=content)
        yield at_last_price(offer, rebuilt.price(bid.unit_price), final.get(bid.vendor_id))


def _terms_of(problem: Problem) -> Terms:
    """Read off a problem what its buyer laid down beside the rules."""
    bids: list[Bid | Package] = [*problem.bids, *problem.packages]
    scores = ((bid.id.partition(":")[0], bid.score) for bid in bids)
    return Terms(
        granularity=problem.lots[0].granularity,
        takes_alternates=any(":" in bid.id for bid in problem.bids),
        participation_cost=max(
            (vendor.participation_cost for vendor in problem.vendors), default=Fraction(0)
        ),
        reserves={lot.id: lot.reserve for lot in problem.lots if lot.reserve is not None},
        incumbents={lot.id: lot.incumbent_id for lot in problem.lots if lot.incumbent_id},
        switching_costs={lot.id: lot.switching_cost for lot in problem.lots},
        factors={bid.vendor_id: bid.factor for bid in bids},
        scores={bid_id: score for bid_id, score in scores if score is not None},
    )


def _label_of(naming: Naming) -> Label:
    """Name what a problem lists by id: bids by their vendors, and parties by name."""

    def label(entry: object, index: int) -> str:
        vendor_id = getattr(entry, "vendor_id", None)
        if vendor_id is not None:
            return f"bid of {naming.party(PartyId(UUID(vendor_id)))}"
        return f"{type(entry).__name__.lower()} {getattr(entry, 'id', index)}"

    return label
