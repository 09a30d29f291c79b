"""Let a chosen scenario decide lots, as long as what it was solved on still stands."""

from services.bids.domain.auctioning import Rankings, refuse_unless_evaluated
from services.bids.domain.lots import Lot
from services.bids.domain.winners.award import Outcome
from services.bids.domain.winners.offers import exact_price
from services.bids.domain.winners.scenarios import Scenario
from shared.domain.refusals import Kind, Refusal


class ScenarioNotChosen(Refusal):
    """Only the scenario that was chosen, with a reason, can decide lots."""

    kind = Kind.CONFLICT
    code = "scenario_not_chosen"


class ScenarioStale(Refusal):
    """Something that the scenario was solved on has changed since; it is to be solved anew."""

    kind = Kind.CONFLICT
    code = "scenario_stale"


def require_chosen(scenario: Scenario) -> None:
    """Let only the chosen scenario pass.

    Raises:
        ScenarioNotChosen: It is not.
    """
    if scenario.chosen_at is None:
        sentence = "Choose the scenario first, with a reason; then it can decide the lots."
        raise ScenarioNotChosen(sentence)


def require_current(outcome: Outcome, lot: Lot, rankings: Rankings) -> None:
    """Let a lot pass whose winners may still win it, at the prices that the scenario knows.

    Raises:
        LotNotEvaluated: The lot is decided already, or at auction.
        ScenarioStale: A winner was set aside, or an auction was held since.
    """
    refuse_unless_evaluated(lot)
    lot_id = str(lot.id)
    prices = {str(bidder.vendor_id): bidder.price for bidder in rankings.deciding}
    if not outcome.winners_of(lot_id) <= prices.keys():
        sentence = f"A winner of lot {lot.number} was set aside since; solve the scenario anew."
        raise ScenarioStale(sentence)
    if not rankings.auction:
        return
    won = (bid for bid in outcome.bids.values() if bid.lot_id == lot_id and bid.id in outcome.won)
    if any(
        {tier.unit_price for tier in bid.tiers} != {exact_price(prices[bid.vendor_id])}
        for bid in won
    ) or any(lot_id in package.lot_ids for package in outcome.packages):
        sentence = f"Lot {lot.number} was auctioned since; solve the scenario anew."
        raise ScenarioStale(sentence)
