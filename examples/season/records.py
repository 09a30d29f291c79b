"""Keep what a run was told: every acknowledgement, and what the services' books say at the end.

The verdict holds the one against the other; see `examples.season.verdict`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from clients.http import Document
from examples.season.plan import Season, Stage
from shared.domain.money import Money, UnitPrice


@dataclass(frozen=True, slots=True)
class Link:
    """One place of a hash chain: its entry as text, and its hash in hexadecimal digits."""

    sequence: int
    entry: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledBid:
    """A sealed bid that a receipt acknowledged; `log_index` and `log_hash` are its place.

    `is_signed` tells whether the receipt verifies offline, with the keys that were published.
    """

    lot_key: str
    vendor_reference: str
    bid_id: str
    version: int
    sealed_sha256: str
    log_index: int
    log_hash: str
    is_signed: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """A vendor's place in a ranking, the best first."""

    vendor_reference: str
    price: UnitPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlayed:
    """A round of lots from its bids to its ranking.

    `sealed_list` is what the service published at the deadline, before it could read any price:
    bid id, version and hash of each; `rankings` go by the lot's key.
    """

    stage: Stage
    bids: tuple[FiledBid, ...]
    sealed_list: frozenset[tuple[str, int, str]]
    opened: int
    failed: int
    chain: tuple[Link, ...]
    rankings: Mapping[str, tuple[Placed, ...]]

    def winner_of(self, lot_key: str) -> str | None:
        """Name the vendor that is ranked first on a lot, if anybody is."""
        ranking = self.rankings.get(lot_key, ())
        return ranking[0].vendor_reference if ranking else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An offer that was acknowledged, with its place in its auction's log."""

    vendor_reference: str
    price: UnitPrice
    sequence: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionPlayed:
    """A live auction: the offers its vendors were answered, and what its books say."""

    lot_key: str
    offers: tuple[Offer, ...]
    counted: int
    log: tuple[Link, ...]
    ranking: tuple[Placed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One member's part of an award."""

    id: str
    member_reference: str
    quantity: Decimal
    total: Money
    baseline_total: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """A lot's final award with all of its lines."""

    lot_key: str
    vendor_reference: str
    price: UnitPrice
    quantity: Decimal
    total: Money
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook whose signature was verified: which line it told, to whose endpoint."""

    id: str
    member_reference: str
    line_id: str
    total: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What came in at the members' endpoints: one `Webhook` per id, and what was wrong.

    `repeated` counts verified webhooks whose id had come before, as may happen when a service dies
    between sending and recording; `unverified` those whose signature did not fit.
    """

    webhooks: tuple[Webhook, ...]
    repeated: int
    unverified: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What the bids service publishes of the pooled stage: its award bundle, its report as a page.

    `keys` is the JWK set that the opening's record is signed with.
    """

    bundle: str
    page: str
    keys: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A whole season as it went. `sent` are the webhook ids that notify's books call delivered.

    `package` is the pooled stage as open contracting data.
    """

    season: Season
    alone: StagePlayed | None
    pooled: StagePlayed
    auctions: tuple[AuctionPlayed, ...]
    awards: tuple[Award, ...]
    published: Published
    received: Received
    sent: frozenset[str]
    package: Document | None = None
