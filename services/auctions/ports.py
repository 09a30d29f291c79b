"""What the use cases, the desks and the stream need, and the refusals they meet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from services.auctions.domain import facts
from services.auctions.domain.auction import Auction, Calendar, Status, Terms
from services.auctions.domain.log import Batch, LogRow
from services.auctions.domain.proposal import Salts
from services.auctions.domain.snapshot import SEES_PUBLIC
from shared.domain.facts import Fact
from shared.domain.ids import AuctionId, EventId, PartyId, RfpId
from shared.domain.refusals import Kind, Refusal
from shared.events.auctions import AuctionRefused, AuctionScheduled
from shared.events.bids import AuctionRequested


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


class CheckpointUnknown(Refusal):
    """The auction has no checkpoint (yet)."""

    kind = Kind.NOT_FOUND
    code = "checkpoint_unknown"

    def __init__(self) -> None:
        """Say when there will be one."""
        super().__init__("There is no checkpoint: it is signed when the auction is over.")


class PracticesTooMany(Refusal):
    """As many practice auctions are held as may be."""

    kind = Kind.UNAVAILABLE
    code = "practices_too_many"

    def __init__(self) -> None:
        """Ask to come back later."""
        super().__init__("Too many practise at the moment. Try again later.", retry_after_s=60)


class DeskLost(Exception):  # noqa: N818 - a fact about a lease
    """Another process writes this auction now."""


class LeaseRanOut(DeskLost):
    """The lease was not renewed in time; whether another process writes now is unknown."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An auction that will be held: what was asked, what it comes to, and how its log begins."""

    request: AuctionRequested
    terms: Terms
    salts: Salts
    first_entry: LogRow


@dataclass(frozen=True, slots=True)
class Proposal:
    """A requested auction with the answer to it."""

    id: AuctionId
    accepted: Accepted | None
    answer: AuctionScheduled | AuctionRefused


class Written(NamedTuple):
    """A fact in the log, as whoever brought it about was answered."""

    sequence: int
    hash: bytes
    at: datetime
    fact: Fact

    @property
    def audience(self) -> str:
        """Who is told prices in the answer: the vendor of an offer; with any other act, nobody."""
        offers = (facts.OfferPlaced, facts.OfferSealed)
        return self.fact.alias if isinstance(self.fact, offers) else SEES_PUBLIC


class Head(NamedTuple):
    """Where an auction's log ends: its last sequence and hash."""

    sequence: int
    hash: bytes


EXTENSIONS: Final = frozenset({facts.Extended.TYPE, facts.ExtendedByBuyer.TYPE})
"""The facts by which a lot's close moves of itself, and not with another lot's."""


@dataclass(frozen=True, slots=True)
class CloseMoved:
    """The close of a lot that is held together with others was moved by the entry `sequence`."""

    terms: Terms
    sequence: int
    before: datetime
    after: datetime


@dataclass(slots=True)
class Loaded:
    """An auction folded from its log, the log's head, and the offers' idempotency keys.

    `keys` are each party's, with the sequences that stand under them. `moves` are the extensions of
    a lot that is held together with others.
    """

    auction: Auction
    head: Head
    keys: dict[PartyId, dict[str, int]] = field(default_factory=dict)
    moves: list[CloseMoved] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Hold:
    """How a desk is held: the fencing token, and how long nobody had renewed it before."""

    token: int
    away: timedelta


@dataclass(frozen=True, slots=True)
class Ended:
    """The log of an auction that is over: its entries' hashes, and the last entry's instant."""

    auction_id: AuctionId
    hashes: Sequence[bytes]
    at: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who may open one stream, once: of one auction, or of the board (no auction)."""

    party_id: PartyId | None
    role: str
    auction_id: AuctionId | None
    expires_at: datetime


class DeskRecord(Protocol):
    """Where a desk writes. Every method may raise `DatabaseUnavailable`."""

    async def commit(self, batch: Batch, *, token: int) -> None:
        """Write what a desk decided. Raises `DeskLost`."""

    async def written(self, auction_id: AuctionId, sequence: int) -> Written:
        """Read back a fact of the log. Raises `AuctionUnknown`."""


class Auctions(DeskRecord, Protocol):
    """The record of the auctions service. Every method may raise `DatabaseUnavailable`."""

    async def propose(self, proposal: Proposal, *, cause: EventId, at: datetime) -> bool:
        """Store a requested auction, or its refusal; False where it was answered before."""

    async def group(self, group_id: UUID) -> Sequence[AuctionId]:
        """List the auctions of the lots that are held together."""

    async def bury_rfp(self, rfp_id: RfpId, *, reason: str, cause: EventId) -> None:
        """Note a cancelled solicitation; its auctions' desks will see it."""

    async def cancellation_of(self, rfp_id: RfpId) -> str | None:
        """Return why a solicitation was cancelled, or None."""

    async def doomed(self) -> Mapping[AuctionId, str]:
        """Return the unfinished auctions whose solicitation was cancelled, with the reason."""

    async def due(self, *, until: datetime, limit: int) -> Sequence[AuctionId]:
        """List auctions that need a desk by `until` and have none."""

    async def take(
        self, ids: Sequence[AuctionId], *, holder: UUID, lease_s: float
    ) -> Mapping[AuctionId, Hold]:
        """Take the desks' leases that are free; return how each that was taken is held."""

    async def renew(
        self, ids: Sequence[AuctionId], *, holder: UUID, lease_s: float
    ) -> frozenset[AuctionId]:
        """Renew desks' leases; return those that were still held."""

    async def release(self, ids: Sequence[AuctionId], *, holder: UUID) -> None:
        """Give desks' leases back."""

    async def calendar(self, auction_id: AuctionId) -> Calendar:
        """Read when an auction runs. Raises `AuctionUnknown`."""

    async def terms(self, auction_id: AuctionId) -> Terms:
        """Read what does not change while an auction lives. Raises `AuctionUnknown`."""

    async def faltering(self, *, holder: UUID, within_s: float, limit: int) -> Sequence[AuctionId]:
        """List auctions whose desks others hold by leases that run out within `within_s`."""

    async def load(self, auction_id: AuctionId, *, onto: Loaded | None = None) -> Loaded:
        """Fold an auction from its log, or what came since onto what was folded before.

        Raises `AuctionUnknown`.
        """

    async def catch_up(self, auction: Auction) -> None:
        """Fold what was committed since into a state that was loaded before."""

    async def written_under(
        self, auction_id: AuctionId, party_id: PartyId, key: str
    ) -> Written | None:
        """Read back the fact that was written under a party's idempotency key, if any was."""

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

    async def ended_unsigned(self, *, since: datetime, limit: int) -> Sequence[AuctionId]:
        """List auctions that closed after `since` and have no checkpoint."""

    async def ended(self, auction_id: AuctionId) -> Ended:
        """Read the hashes of a log that has ended."""

    async def add_checkpoint(self, ended: Ended, *, root: bytes, token: str) -> None:
        """Keep a signed checkpoint; the first that was made stands."""

    async def checkpoint(self, auction_id: AuctionId) -> str:
        """Read an auction's signed checkpoint. Raises `CheckpointUnknown`."""
