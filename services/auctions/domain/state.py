"""Hold what changes while an auction lives, whatever its format."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from services.auctions.domain import facts
from services.auctions.domain.board import NOBODY, Board, Standing
from services.auctions.domain.refused import (
    AuctionNotOpen,
    AuctionOver,
    AuctionPaused,
    VendorNotAdmitted,
)
from services.auctions.domain.terms import Calendar, RecentOffer, Status, Terms
from shared.domain.ids import PartyId
from shared.domain.money import UnitPrice

RECENT_MAX: Final = 20
"""Offers that the live picture shows beside the ranking."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """What a vendor lets the house bid for it; `order` is when it was set."""

    alias: str
    limit_e4: int = field(repr=False)
    decrement_e4: int
    order: int


@dataclass(slots=True)
class State:
    """What the log has led to; the format keeps what only it knows."""

    terms: Terms
    board: Board
    status: Status = Status.SCHEDULED
    opens_at: datetime = field(init=False)
    closes_at: datetime = field(init=False)
    hard_stop_at: datetime | None = field(init=False)
    paused_at: datetime | None = None
    resumes_at: datetime | None = None
    pause_reason: str = ""
    ended_at: datetime | None = None
    cancel_reason: str | None = None
    extensions: int = 0
    offers: int = 0
    sequence: int = 0
    recent: deque[RecentOffer] = field(default_factory=lambda: deque(maxlen=RECENT_MAX))
    offered: set[str] = field(default_factory=set)
    proxies: dict[str, Proxy] = field(default_factory=dict)
    closed: facts.Closed | None = None
    _alias_of: Mapping[PartyId, str] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with the times of the terms."""
        terms = self.terms
        self.opens_at, self.closes_at = terms.opens_at, terms.closes_at
        hard_stop = terms.rules.hard_stop
        self.hard_stop_at = None if hard_stop is None else terms.closes_at + hard_stop
        self._alias_of = {entrant.vendor_id: entrant.alias for entrant in terms.entrants}

    @property
    def standings(self) -> Mapping[str, Standing]:
        """Where each alias stands that stands anywhere."""
        return self.board.standings

    def alias_of(self, vendor_id: PartyId) -> str:
        """Tell under which alias a vendor bids.

        Raises:
            VendorNotAdmitted: It is not among the entrants.
        """
        try:
            return self._alias_of[vendor_id]
        except KeyError:
            sentence = "This auction is open only to the vendors that were qualified for it."
            raise VendorNotAdmitted(sentence) from None

    def ranking(self) -> Sequence[Standing]:
        """List all standings, best first: by score, then by who stood there earlier."""
        return self.board.ranking()

    def lead(self) -> Standing:
        """Tell who leads; `NOBODY` where nobody stands anywhere."""
        return self.board.leader or NOBODY

    def rank_of(self, alias: str) -> int:
        """Tell an alias's rank, from 1."""
        return self.board.rank_of(alias)

    def price_to_beat(self, alias: str) -> UnitPrice:
        """Tell the highest price at which the vendor could offer now; 0 where there is none."""
        return self.board.price_to_beat(alias)

    def note_offer(self, sequence: int, alias: str, price_e4: int, at: datetime) -> None:
        """Let a vendor stand at what it offered, and show it among the last offers."""
        self.board.stand(alias, price_e4, sequence)
        self.recent.append(RecentOffer(sequence, alias, price_e4, at))
        self.offered.add(alias)
        self.offers += 1

    def forget_offer(self, alias: str, offer: int) -> None:
        """Take an offer out as if it had never been; its vendor's proxy goes with it."""
        self.board.remove(alias, offer)
        kept = [one for one in self.recent if one.sequence != offer]
        self.recent = deque(kept, maxlen=RECENT_MAX)
        self.offers -= 1
        self.proxies.pop(alias, None)

    def require_running(self, at: datetime) -> None:
        """Let pass while the auction's time runs.

        Raises:
            AuctionNotOpen: `at` is before the opening.
            AuctionOver: `at` is at or after the close, or the auction is closed or cancelled.
            AuctionPaused: The buyer has paused it.
        """
        if self.status is Status.LIVE and at < self.closes_at:
            return
        if self.status is Status.PAUSED:
            sentence = "This auction is paused; its time does not run."
            raise AuctionPaused(sentence)
        if self.status is Status.SCHEDULED and at < self.closes_at:
            raise AuctionNotOpen(_opens_at(self.opens_at))
        raise over(self)

    def require_not_over(self) -> None:
        """Let pass while something can follow.

        Raises:
            AuctionOver: The auction is closed or cancelled.
        """
        if self.status.is_over:
            raise over(self)


def over(state: State) -> AuctionOver:
    """Make the refusal of what comes after the close."""
    return AuctionOver(_over_since(state.closes_at))


def refuse_without_desk(calendar: Calendar) -> None:
    """Refuse offers to an auction that nobody writes now, if it is over or not yet due.

    Raises:
        AuctionNotOpen: It has not opened yet.
        AuctionOver: It was closed or cancelled.
    """
    if calendar.status.is_over:
        raise AuctionOver(_over_since(calendar.closes_at))
    if calendar.status is Status.SCHEDULED:
        raise AuctionNotOpen(_opens_at(calendar.opens_at))


def _over_since(closes_at: datetime) -> str:
    return f"This auction closed at {closes_at:%Y-%m-%d %H:%M:%S} UTC."


def _opens_at(opens_at: datetime) -> str:
    return f"This auction opens at {opens_at:%Y-%m-%d %H:%M:%S} UTC."
