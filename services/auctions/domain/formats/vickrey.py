"""Run a sealed second-price auction: the lowest wins, and is paid what the second asked."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from services.auctions.domain import facts
from services.auctions.domain.closing import Outcome, closing, outcome_of
from services.auctions.domain.commands import Step
from services.auctions.domain.formats.format import Exposure, Format, Noted, Offer
from services.auctions.domain.formats.sealing import SealedOffer, known, sealed
from services.auctions.domain.state import State
from shared.domain.facts import Fact
from shared.domain.money import UnitPrice


@dataclass(slots=True)
class Vickrey(Format):
    """Each vendor has one offer, replaceable until the close, and nobody sees any before it."""

    exposure: ClassVar[Exposure] = Exposure.NOTHING

    held: dict[str, SealedOffer] = field(default_factory=dict)
    alias_of_offer: dict[int, str] = field(default_factory=dict)

    def place(self, state: State, offer: Offer, *, at: datetime) -> tuple[Step, ...]:
        """Decide on an offer, which replaces the vendor's earlier one, higher or lower.

        Raises:
            PriceTooFine, OfferTooHigh, OfferTooLow: See `Board.check_form`.
        """
        del at
        state.board.check_form(offer.price_e4)
        return sealed(offer, state.terms.currency)

    def voidable(self, state: State, offer: int) -> str | None:
        """Name the alias whose offer this is, if no later one has replaced it."""
        del state
        return self.alias_of_offer.get(offer)

    def due(self, state: State, *, at: datetime) -> tuple[Step, ...]:
        """Open all offers at the close, and rank them."""
        if at < state.closes_at:
            return ()
        revealed = tuple(
            facts.Revealed(
                alias=alias,
                offer=one.offer,
                price=str(UnitPrice(one.price_e4, state.terms.currency)),
                salt=one.salt,
            )
            for alias, one in self.held.items()
        )
        opened = State(state.terms, state.board.copy())
        _stand(opened, revealed)
        return closing(state, self.outcome(opened), revealed)

    def outcome(self, state: State) -> Outcome:
        """Pay the winner the second score, turned back into a price by its own factor.

        Alone, it is paid the reserve or the ceiling, the lower of them, or else its own price.
        """
        ranking, terms = state.ranking(), state.terms
        if not ranking:
            return outcome_of(state)
        best = ranking[0]
        if len(ranking) > 1:
            second_e4 = state.board.scales[best.alias].price_at(ranking[1].score)
            paid_e4 = second_e4 - second_e4 % terms.rules.tick_e4
        else:
            bounds = (terms.reserve_e4, terms.rules.ceiling_e4)
            paid_e4 = min((one for one in bounds if one is not None), default=best.price_e4)
        if terms.rules.ceiling_e4 is not None:
            paid_e4 = min(paid_e4, terms.rules.ceiling_e4)
        return outcome_of(state, price_e4=max(paid_e4, best.price_e4))

    def fold(self, state: State, fact: Fact, noted: Noted) -> None:
        """Fold an offer, whose price is known only with its secret, and what the close opened."""
        match fact:
            case facts.OfferSealed(alias=alias):
                self._drop(alias)
                state.offered.add(alias)
                state.offers += 1
                self.alias_of_offer[noted.sequence] = alias
                offer = known(noted, state.terms.currency)
                if offer is not None:
                    self.held[alias] = offer
            case facts.Closed(revealed=revealed):
                _stand(state, revealed)

    def forget(self, state: State, alias: str, offer: int) -> None:
        """Take out a vendor's offer; it may make another."""
        del offer
        self._drop(alias)
        state.offered.discard(alias)
        state.offers -= 1

    def _drop(self, alias: str) -> None:
        self.held.pop(alias, None)
        kept = {offer: one for offer, one in self.alias_of_offer.items() if one != alias}
        self.alias_of_offer = kept

    def sealed(self, state: State) -> dict[str, int]:
        """Tell each vendor's own offer, until the close opens them."""
        if state.status.is_over:
            return {}
        return {alias: one.price_e4 for alias, one in self.held.items()}


def _stand(state: State, revealed: tuple[facts.Revealed, ...]) -> None:
    """Let the vendors stand at what they offered, in the order in which they did."""
    for one in revealed:
        price_e4 = UnitPrice.parse(one.price, state.terms.currency).e4
        state.board.stand(one.alias, price_e4, one.offer)
