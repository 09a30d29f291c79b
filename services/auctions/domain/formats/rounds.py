"""Run rounds of turns: the worst speaks first, and a turn's offer is secret until the turn ends."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from services.auctions.domain import facts
from services.auctions.domain.closing import closing
from services.auctions.domain.commands import Step
from services.auctions.domain.formats.format import Format, Noted, Offer, Progress
from services.auctions.domain.formats.sealing import SealedOffer, known, sealed
from services.auctions.domain.refused import NothingToWithdraw, NotYourTurn
from services.auctions.domain.ruleset import TurnRules
from services.auctions.domain.state import State
from shared.domain.facts import Fact
from shared.domain.money import UnitPrice


@dataclass(slots=True)
class Rounds(Format):
    """Every vendor has a turn of fixed length in each round, in which it may better its own price.

    `boundary` is the exact instant at which the turn or the pause that runs ends; the next begins
    there, however late it is noticed. `left` are those whose turn in this round is to come.
    """

    stands_at_opening: ClassVar[bool] = True
    is_extensible: ClassVar[bool] = False

    rules: TurnRules
    number: int = 0
    is_between: bool = True
    left: tuple[str, ...] = ()
    turn_of: str | None = None
    boundary: datetime | None = None
    pending: SealedOffer | None = None
    pending_offer: int | None = None

    # What vendors may do -----------------------------------------------------------------------

    def place(self, state: State, offer: Offer, *, at: datetime) -> tuple[Step, ...]:
        """Decide on an offer, which replaces an earlier one of the same turn.

        Raises:
            NotYourTurn: Another vendor's turn runs, or a pause.
            Refusal: See `Board.check`; the step counts against what stood before the turn.
        """
        del at
        self._require_turn(offer.alias)
        state.board.check(offer.alias, offer.price_e4)
        return sealed(offer, state.terms.currency)

    def withdraw(self, state: State, alias: str) -> tuple[Step, ...]:
        """Decide on taking back what was offered in the turn that runs.

        Raises:
            NotYourTurn: Another vendor's turn runs, or a pause.
            NothingToWithdraw: Nothing was offered in it.
        """
        del state
        self._require_turn(alias)
        if self.pending_offer is None:
            sentence = "There is no offer to take back in this turn."
            raise NothingToWithdraw(sentence)
        return (Step(facts.OfferWithdrawn(alias=alias)),)

    def voidable(self, state: State, offer: int) -> str | None:
        """Name the alias whose offer this is: of an earlier turn, or of the one that runs."""
        if self.pending_offer == offer:
            return self.turn_of
        # Slots make a class anew, and `super()` would look for the first one.
        return Format.voidable(self, state, offer)

    def forget(self, state: State, alias: str, offer: int) -> None:
        """Take out an offer of an earlier turn, or what is pending."""
        if self.pending_offer == offer:
            self._clear()
        else:
            state.forget_offer(alias, offer)

    def _require_turn(self, alias: str) -> None:
        if alias != self.turn_of:
            sentence = "It is not your turn."
            raise NotYourTurn(sentence)

    # What time brings about --------------------------------------------------------------------

    def due(self, state: State, *, at: datetime) -> tuple[Step, ...]:
        """End the turn, begin the next, end or begin a round, or close: one of them at a time."""
        boundary = self.due_at(state)
        if at < boundary:
            return ()
        if self.turn_of is not None:
            return (Step(self._end_turn(state, self.turn_of)),)
        if self.is_between:
            order = _order(state)
            return (Step(facts.RoundBegan(number=self.number + 1, order=order)),)
        if self.left:
            ends_at = boundary + self.rules.turn
            return (Step(facts.TurnBegan(alias=self.left[0], ends_at=ends_at)),)
        if self.number >= self.rules.rounds:
            return closing(state, self.outcome(state))
        resumes_at = boundary + self.rules.pause
        return (Step(facts.RoundEnded(number=self.number, resumes_at=resumes_at)),)

    def due_at(self, state: State) -> datetime:
        """Tell when the turn or the pause that runs ends."""
        return self.boundary or state.opens_at

    def _end_turn(self, state: State, alias: str) -> facts.TurnEnded:
        if self.pending_offer is None:
            return facts.TurnEnded(alias=alias)
        if self.pending is None:
            sentence = "the offer of this turn is not known here; its secret must be folded with it"
            raise ValueError(sentence)
        price = UnitPrice(self.pending.price_e4, state.terms.currency)
        return facts.TurnEnded(
            alias=alias, offer=self.pending.offer, price=str(price), salt=self.pending.salt
        )

    # What the log leads to ---------------------------------------------------------------------

    def fold(self, state: State, fact: Fact, noted: Noted) -> None:
        """Fold the rounds, the turns, and what was offered in them."""
        match fact:
            case facts.RoundBegan(number=number, order=order):
                self.number, self.left, self.is_between = number, order, False
            case facts.RoundEnded(resumes_at=resumes_at):
                self.boundary, self.is_between = resumes_at, True
            case facts.TurnBegan(alias=alias, ends_at=ends_at):
                self.turn_of, self.left, self.boundary = alias, self.left[1:], ends_at
            case facts.OfferSealed():
                self.pending = known(noted, state.terms.currency)
                self.pending_offer = noted.sequence
            case facts.OfferWithdrawn():
                self._clear()
            case facts.TurnEnded(alias=alias, offer=offer, price=price):
                if offer is not None and price is not None:
                    price_e4 = UnitPrice.parse(price, state.terms.currency).e4
                    state.note_offer(offer, alias, price_e4, noted.at)
                self.turn_of = None
                self._clear()

    def _clear(self) -> None:
        self.pending = self.pending_offer = None

    @property
    def has_begun(self) -> bool:
        """Whether the first turn has begun."""
        return self.boundary is not None

    def shift(self, by: timedelta) -> None:
        """Move the end of the turn or the pause that runs."""
        if self.boundary is not None:
            self.boundary += by

    # What is shown -----------------------------------------------------------------------------

    def progress(self, state: State) -> Progress | None:
        """Tell the round, whose turn it is, and when the turn or the pause ends."""
        return Progress(self.due_at(state), round=self.number, turn_of=self.turn_of)

    def sealed(self, state: State) -> dict[str, int]:
        """Tell the offer of the turn that runs to the vendor whose it is."""
        del state
        if self.turn_of is None or self.pending is None:
            return {}
        return {self.turn_of: self.pending.price_e4}


def _order(state: State) -> tuple[str, ...]:
    """Order the vendors worst first, the later of equal ones first; before them who has no price.

    Source: the turns of openprocurement's auctions.
    """
    ranked = [one.alias for one in state.ranking()]
    unranked = [one.alias for one in state.terms.entrants if one.alias not in state.standings]
    return tuple(reversed(ranked + unranked))
