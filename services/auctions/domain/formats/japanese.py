"""Run a Japanese reverse auction: the price falls, and whoever lets a level pass is out."""

from dataclasses import dataclass

from services.auctions.domain import facts
from services.auctions.domain.closing import Outcome, outcome_of
from services.auctions.domain.commands import Step
from services.auctions.domain.formats.ticker import Ticker
from services.auctions.domain.refused import LevelAccepted
from services.auctions.domain.ruleset import TickerPrice
from services.auctions.domain.state import State


@dataclass(slots=True)
class Japanese(Ticker):
    """The last who accepts wins; where the last leave together, they tie at the level before.

    Everyone ranks by the last level that it accepted, and equal ones by who accepted it earlier.
    """

    def leave(self, state: State, alias: str) -> tuple[Step, ...]:
        """Decide on leaving for good.

        Raises:
            VendorOut: The vendor is out already.
            LevelAccepted: It has accepted the level that runs, and is bound by it.
        """
        del state
        self.require_in(alias)
        if alias in self.accepted:
            sentence = "The level is accepted; it binds until it ends."
            raise LevelAccepted(sentence)
        return (Step(facts.VendorLeft(alias=alias)),)

    def next_level(self, state: State) -> int | None:
        """Go down while more than one has accepted, and the price stays above 0."""
        del state
        next_e4 = self.level_e4 - self.rules.change_e4
        return next_e4 if len(self.accepted) > 1 and next_e4 > 0 else None

    def dropped(self, state: State) -> tuple[str, ...]:
        """Name those who were in and did not accept the level."""
        return tuple(sorted(self.still_in(state) - set(self.accepted)))

    def outcome(self, state: State) -> Outcome:
        """Pay the last one its own last level, or the runner-up's, as the rules say."""
        runner_up = state.ranking()[1:2]
        if self.rules.price is TickerPrice.RUNNER_UP and runner_up:
            return outcome_of(state, price_e4=runner_up[0].price_e4)
        return outcome_of(state)
