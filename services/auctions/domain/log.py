"""Chain the log of one auction: each entry's hash covers the one before it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.auctions.domain.auction import Auction
from services.auctions.domain.commands import Secret
from shared.domain.facts import Event
from shared.domain.ids import PartyId


class LogRow(NamedTuple):
    """One entry as it is kept: its text, its hash, and whose offer under which key it was."""

    sequence: int
    type: str
    at: datetime
    entry: str
    hash: bytes
    vendor_id: PartyId | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one commit of a desk writes: log rows, events with their sequence, the state after.

    `secrets` are what rows commit to, each with its row's sequence.
    """

    auction: Auction
    rows: Sequence[LogRow]
    events: Sequence[tuple[int, Event, datetime]]
    secrets: Sequence[tuple[int, Secret]] = ()
