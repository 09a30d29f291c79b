"""What the use cases, the desks and the stream need, and the refusals they meet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.auctions.domain.auction import Auction, Calendar, Status, Terms
from services.auctions.domain.log import Batch, LogRow
from shared.domain.facts import Fact
from shared.domain.ids import AuctionId, EventId, PartyId, RfpId
from shared.domain.refusals import Kind, Refusal
from shared.events.auctions import AuctionRefused, AuctionScheduled


class AuctionUnknown(Refusal):
    """There is no such auction, or the caller may not know of it."""

    kind = Kind.NOT_FOUND
    code = "auction_unknown"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("There is no such auction.")


class DeskElsewhere(Refusal):
    """The auction's desk is at another replica, or changes hands just now."""

    kind = Kind.UNAVAILABLE
    code = "desk_elsewhere"

    def __init__(self) -> None:
        """Ask to try again soon, under the same idempotency key."""
        sentence = "The auction's desk is changing hands. Try again with the same Idempotency-Key."
        super().__init__(sentence, retry_after_s=1)


class DeskBusy(Refusal):
    """More offers wait at the desk than it takes."""

    kind = Kind.UNAVAILABLE
    code = "desk_busy"

    def __init__(self) -> None:
        """Ask to try again soon, under the same idempotency key."""
        sentence = "Too many offers wait at this auction's desk. Try again in a moment."
        super().__init__(sentence, retry_after_s=1)


class DeskLost(Exception):  # noqa: N818 - a fact about a lease
    """Another process writes this auction now."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A requested auction with the answer to it; without terms where the answer is no."""

    id: AuctionId
    terms: Terms | None
    salts: Sequence[bytes]
    first_entry: LogRow | None
    answer: AuctionScheduled | AuctionRefused


@dataclass(frozen=True, slots=True)
class Written:
    """A fact in the log, as whoever brought it about was answered."""

    sequence: int
    hash: bytes
    at: datetime
    fact: Fact


@dataclass(frozen=True, slots=True)
class Head:
    """Where an auction's log ends: its last sequence and hash."""

    sequence: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Loaded:
    """An auction folded from its log, the log's head, and the offers' idempotency keys."""

    auction: Auction
    head: Head
    sequence_of_key: Mapping[tuple[PartyId, str], int]


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who may open one stream, once: of one auction, or of the board (no auction)."""

    party_id: PartyId | None
    role: str
    auction_id: AuctionId | None
    expires_at: datetime


class Auctions(Protocol):
    """The record of the auctions service. Every method may raise `DatabaseUnavailable`."""

    async def propose(self, proposal: Proposal, *, cause: EventId, at: datetime) -> bool:
        """Store a requested auction, or its refusal; False where it was answered before."""

    async def bury_rfp(self, rfp_id: RfpId, *, reason: str, cause: EventId) -> None:
        """Note a cancelled solicitation; its auctions' desks will see it."""

    async def cancellation_of(self, rfp_id: RfpId) -> str | None:
        """Return why a solicitation was cancelled, or None."""

    async def doomed(self, ids: Sequence[AuctionId]) -> Mapping[AuctionId, str]:
        """Return those whose solicitation was cancelled, with the reason."""

    async def due(self, *, until: datetime, limit: int) -> Sequence[AuctionId]:
        """List auctions that need a desk by `until`."""

    async def lease(
        self, ids: Sequence[AuctionId], *, holder: UUID, lease_s: float
    ) -> Mapping[AuctionId, int]:
        """Take or renew desks' leases; return the token of each that is held."""

    async def release(self, ids: Sequence[AuctionId], *, holder: UUID) -> None:
        """Give desks' leases back."""

    async def calendar(self, auction_id: AuctionId) -> Calendar:
        """Read when an auction runs. Raises `AuctionUnknown`."""

    async def load(self, auction_id: AuctionId) -> Loaded:
        """Fold an auction from its log. Raises `AuctionUnknown`."""

    async def commit(self, batch: Batch, *, token: int) -> None:
        """Write what a desk decided. Raises `DeskLost`."""

    async def written(self, auction_id: AuctionId, sequence: int) -> Written:
        """Read back a fact of the log. Raises `AuctionUnknown`."""

    async def log(self, auction_id: AuctionId, *, after: int, limit: int) -> Sequence[LogRow]:
        """Return log rows behind `after`, oldest first."""

    async def list(
        self, *, after: UUID | None, status: Status | None, limit: int
    ) -> Sequence[AuctionId]:
        """List auctions by id."""

    async def newest(self, *, limit: int) -> Sequence[AuctionId]:
        """List the auctions that were scheduled last, newest first."""

    async def add_ticket(self, sha256: bytes, ticket: Ticket) -> None:
        """Keep a ticket by its hash."""

    async def use_ticket(self, sha256: bytes) -> Ticket | None:
        """Take a ticket away and return it."""

    async def sweep_tickets(self, *, now: datetime) -> None:
        """Forget tickets that were never used."""
