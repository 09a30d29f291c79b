"""Run a Dutch reverse auction: the price rises, and the first who accepts wins."""

from dataclasses import dataclass

from services.auctions.domain import facts
from services.auctions.domain.closing import NO_OFFER, WON, Outcome, closing
from services.auctions.domain.commands import Step
from services.auctions.domain.formats.ticker import Ticker
from services.auctions.domain.state import State
from shared.domain.money import UnitPrice


@dataclass(slots=True)
class Dutch(Ticker):
    """The first acceptance ends the auction; past the ceiling it ends without one."""

    def next_level(self, state: State) -> int | None:
        """Go up to the ceiling."""
        next_e4 = self.level_e4 + self.rules.change_e4
        ceiling_e4 = state.terms.rules.ceiling_e4
        return next_e4 if ceiling_e4 is None or next_e4 <= ceiling_e4 else None

    def after_acceptance(self, state: State, alias: str) -> tuple[Step, ...]:
        """Close at once: nobody else can win any more, however many were asked."""
        return closing(state, self._won(state, alias))

    def outcome(self, state: State) -> Outcome:
        """Tell that whoever accepted has won; with nobody else to compare, that is no lone bid."""
        return self._won(state, state.lead().alias) if state.standings else Outcome((), NO_OFFER)

    def _won(self, state: State, alias: str) -> Outcome:
        level = str(UnitPrice(self.level_e4, state.terms.currency))
        return Outcome((facts.Place(alias=alias, rank=1, price=level),), WON, alias, self.level_e4)
