"""Say what every format of an auction answers; what a format does not know is refused."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, NamedTuple

from services.auctions.domain.closing import Outcome, closing, outcome_of
from services.auctions.domain.commands import Secret, Step
from services.auctions.domain.refused import CommandNotInFormat, ProxiesNotAllowed
from services.auctions.domain.state import State
from shared.domain.facts import Fact


class Exposure(StrEnum):
    """What a format lets be seen of an auction that runs.

    `by_rules`: what the rules show; `level`: the ticker, and nobody's standing but one's own;
    `nothing`: not even the buyer sees an offer.
    """

    BY_RULES = "by_rules"
    LEVEL = "level"
    NOTHING = "nothing"


class Offer(NamedTuple):
    """An offer that a vendor makes, or the buyer for it (and then why)."""

    alias: str
    price_e4: int
    salt: bytes
    surrogate_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ProxyWish:
    """A proxy that a vendor asks for."""

    alias: str
    limit_e4: int = field(repr=False)
    decrement_e4: int
    salt: bytes = field(repr=False)


class Noted(NamedTuple):
    """A fact's place in the log, and the secret that it commits to, if it is known."""

    sequence: int
    at: datetime
    secret: Secret | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a ticker or a sequence of turns is.

    A ticker has a level, the aliases still in, and those of them who have accepted the level; a
    turn has its round, and whose it is (none in a pause).
    """

    ends_at: datetime
    level_e4: int | None = None
    still_in: frozenset[str] = frozenset()
    accepted: frozenset[str] = frozenset()
    round: int | None = None
    turn_of: str | None = None


@dataclass(slots=True)
class Format:
    """One auction's format: what may be done, what follows, what time brings about, who won.

    A format decides by the state and never changes it, except in `fold`, `shift` and `restart`,
    which the log's facts lead to.
    """

    exposure: ClassVar[Exposure] = Exposure.BY_RULES
    stands_at_opening: ClassVar[bool] = False
    is_extensible: ClassVar[bool] = True

    # What vendors may do -----------------------------------------------------------------------

    def place(self, state: State, offer: Offer, *, at: datetime) -> tuple[Step, ...]:
        """Decide on an offer."""
        del offer, at
        raise self._unknown(state)

    def withdraw(self, state: State, alias: str) -> tuple[Step, ...]:
        """Decide on taking an offer back."""
        del alias
        raise self._unknown(state)

    def accept(self, state: State, alias: str, price_e4: int, *, at: datetime) -> tuple[Step, ...]:
        """Decide on accepting the ticker's level."""
        del alias, price_e4, at
        raise self._unknown(state)

    def leave(self, state: State, alias: str) -> tuple[Step, ...]:
        """Decide on leaving."""
        del alias
        raise self._unknown(state)

    def set_proxy(self, state: State, wish: ProxyWish, *, at: datetime) -> tuple[Step, ...]:
        """Decide on a proxy."""
        del state, wish, at
        raise self._no_proxies()

    def cancel_proxy(self, state: State, alias: str) -> tuple[Step, ...]:
        """Decide on the end of a proxy."""
        del state, alias
        raise self._no_proxies()

    def surrogate(self, state: State, offer: Offer, *, at: datetime) -> tuple[Step, ...]:
        """Decide on an offer that the buyer places for a vendor."""
        return self.place(state, offer, at=at)

    def voidable(self, state: State, offer: int) -> str | None:
        """Name the alias whose offer this is, if it counts and can be taken out."""
        if offer < 1:
            return None
        return next((alias for alias in state.standings if state.board.has(alias, offer)), None)

    # What time brings about --------------------------------------------------------------------

    def due(self, state: State, *, at: datetime) -> tuple[Step, ...]:
        """Tell what the time brings about while the auction is live: mostly nothing."""
        return closing(state, self.outcome(state)) if at >= state.closes_at else ()

    def due_at(self, state: State) -> datetime:
        """Tell when the time will next bring something about."""
        return state.closes_at

    def outcome(self, state: State) -> Outcome:
        """Tell who wins, and at what price: the best, at the price that it offered."""
        return outcome_of(state)

    # What the log leads to ---------------------------------------------------------------------

    def fold(self, state: State, fact: Fact, noted: Noted) -> None:
        """Fold a fact that only this format knows."""

    def forget(self, state: State, alias: str, offer: int) -> None:
        """Take an offer out as if it had never been."""
        state.forget_offer(alias, offer)

    @property
    def has_begun(self) -> bool:
        """Whether anything runs that an opening nobody saw would have started: a level, a turn."""
        return True

    def shift(self, by: timedelta) -> None:
        """Move what is under way by a time that did not count."""

    def restart(self, state: State, ends_at: datetime) -> None:
        """Begin a ticker's level anew, without what was accepted in it."""

    def restarts_until(self, at: datetime) -> datetime | None:
        """Tell until when a level would run that began anew now; None where there is none."""
        del at
        return None

    # What is shown -----------------------------------------------------------------------------

    def progress(self, state: State) -> Progress | None:
        """Tell how far a ticker or the turns are."""
        del state
        return None

    def sealed(self, state: State) -> dict[str, int]:
        """Tell the offers that nobody but their own vendors may see, by alias."""
        del state
        return {}

    @staticmethod
    def _unknown(state: State) -> CommandNotInFormat:
        sentence = f"An auction of the format {state.terms.rules.format} knows no such act."
        return CommandNotInFormat(sentence)

    @staticmethod
    def _no_proxies() -> ProxiesNotAllowed:
        sentence = "The rules of this auction know no proxies."
        return ProxiesNotAllowed(sentence)
