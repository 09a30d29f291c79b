"""Run a ticker: the house names a price for each period, and vendors take it or not."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from services.auctions.domain import facts
from services.auctions.domain.closing import closing
from services.auctions.domain.commands import Step
from services.auctions.domain.formats.format import Exposure, Format, Noted, Offer, Progress
from services.auctions.domain.refused import (
    AuctionNotOpen,
    LevelAccepted,
    LevelPassed,
    VendorOut,
)
from services.auctions.domain.ruleset import TickerRules
from services.auctions.domain.state import State
from shared.domain.facts import Fact
from shared.domain.money import UnitPrice


@dataclass(slots=True)
class Ticker(Format):
    """What a falling and a rising ticker have in common.

    A level runs for a period, each from the exact end of the one before. `accepted` are those who
    accepted the level that runs, with their offer's sequence; `out` those who cannot come back.
    """

    exposure: ClassVar[Exposure] = Exposure.LEVEL

    rules: TickerRules
    level_e4: int = 0
    ends_at: datetime | None = None
    accepted: dict[str, int] = field(default_factory=dict)
    out: set[str] = field(default_factory=set)

    def accept(self, state: State, alias: str, price_e4: int, *, at: datetime) -> tuple[Step, ...]:
        """Decide on accepting the level that runs.

        Raises:
            AuctionNotOpen: No level has begun.
            LevelPassed: `price_e4` is not the level.
            LevelAccepted: The vendor has accepted it already.
            VendorOut: The vendor has left, or let a level pass.
        """
        return self.surrogate(state, Offer(alias, price_e4, b""), at=at)

    def surrogate(self, state: State, offer: Offer, *, at: datetime) -> tuple[Step, ...]:
        """Decide on a level that the buyer accepts for a vendor, or the vendor itself."""
        del at
        self.require_in(offer.alias)
        if self.ends_at is None:
            sentence = "The ticker has not started yet."
            raise AuctionNotOpen(sentence)
        level = str(UnitPrice(self.level_e4, state.terms.currency))
        if offer.price_e4 != self.level_e4:
            sentence = f"The level is {level} now."
            raise LevelPassed(sentence, details={"level": level})
        if offer.alias in self.accepted:
            sentence = f"The level {level} is accepted already."
            raise LevelAccepted(sentence)
        fact = facts.LevelAccepted(
            alias=offer.alias, price=level, surrogate_reason=offer.surrogate_reason
        )
        return (Step(fact), *self.after_acceptance(state, offer.alias))

    def after_acceptance(self, state: State, alias: str) -> tuple[Step, ...]:
        """Tell what an acceptance brings about at once."""
        del state, alias
        return ()

    def voidable(self, state: State, offer: int) -> str | None:
        """Take nothing out: what a level led to cannot be undone."""
        del state, offer
        return None

    def due(self, state: State, *, at: datetime) -> tuple[Step, ...]:
        """Start the ticker, move it on where a level has ended, or close."""
        if self.ends_at is None:
            return self._begin(state, self.rules.start_e4, state.opens_at)
        if at < self.due_at(state):
            return ()
        next_e4 = self.next_level(state)
        if at >= state.closes_at or next_e4 is None:
            return closing(state, self.outcome(state))
        return self._begin(state, next_e4, self.ends_at)

    def due_at(self, state: State) -> datetime:
        """Tell when the ticker starts, the level ends, or the auction."""
        return state.opens_at if self.ends_at is None else min(self.ends_at, state.closes_at)

    def next_level(self, state: State) -> int | None:
        """Tell the level that follows; None where the auction is over."""
        raise NotImplementedError

    def dropped(self, state: State) -> tuple[str, ...]:
        """Name those whom the end of the level puts out."""
        del state
        return ()

    def require_in(self, alias: str) -> None:
        """Refuse a vendor that cannot come back.

        Raises:
            VendorOut: It has left, or let a level pass.
        """
        if alias in self.out:
            sentence = "Whoever left, or let a level pass, is out of this auction."
            raise VendorOut(sentence)

    def _begin(self, state: State, level_e4: int, begins_at: datetime) -> tuple[Step, ...]:
        began = facts.LevelBegan(
            price=str(UnitPrice(level_e4, state.terms.currency)),
            ends_at=begins_at + self.rules.period,
            out=() if self.ends_at is None else self.dropped(state),
        )
        return (Step(began),)

    def fold(self, state: State, fact: Fact, noted: Noted) -> None:
        """Fold the levels, and who accepted or left."""
        match fact:
            case facts.LevelBegan(price=price, ends_at=ends_at, out=out):
                self.level_e4 = UnitPrice.parse(price, state.terms.currency).e4
                self.ends_at = ends_at
                self.accepted.clear()
                self.out.update(out)
            case facts.LevelAccepted(alias=alias):
                self.accepted[alias] = noted.sequence
                state.note_offer(noted.sequence, alias, self.level_e4, noted.at)
            case facts.VendorLeft(alias=alias):
                self.out.add(alias)

    @property
    def has_begun(self) -> bool:
        """Whether the first level has begun."""
        return self.ends_at is not None

    def shift(self, by: timedelta) -> None:
        """Move the level's end."""
        if self.ends_at is not None:
            self.ends_at += by

    def restarts_until(self, at: datetime) -> datetime | None:
        """Let the level that was under way run for a whole period again."""
        return None if self.ends_at is None else at + self.rules.period

    def restart(self, state: State, ends_at: datetime) -> None:
        """Void what was accepted in the level, and let it run until `ends_at`."""
        for alias, offer in self.accepted.items():
            state.forget_offer(alias, offer)
        self.accepted.clear()
        self.ends_at = ends_at

    def progress(self, state: State) -> Progress | None:
        """Tell the level, until when it runs, and who is still in."""
        if self.ends_at is None:
            return None
        still_in = frozenset(self.still_in(state))
        accepted = frozenset(self.accepted)
        return Progress(self.due_at(state), self.level_e4, still_in, accepted)

    def still_in(self, state: State) -> set[str]:
        """Name those who are not out."""
        return {entrant.alias for entrant in state.terms.entrants} - self.out
