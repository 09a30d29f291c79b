"""What the use cases of sealed bids, openings and auctions need of the outside.

Every method may raise `DatabaseUnavailable`; the other refusals are listed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.bids.domain.auctioning import AuctionDecision, Bidder, Rankings
from services.bids.domain.bids import Bid, Envelope, Filing, Gate
from services.bids.domain.ceremony import Purpose
from services.bids.domain.eligibility import Eligibility
from services.bids.domain.evaluation import Ranked
from services.bids.domain.lots import Lot
from services.bids.domain.openings import Opening, SealedBid, UnsealedBid
from services.bids.domain.rfps import Rfp
from services.bids.domain.technical import TechnicalPart
from services.bids.domain.terms import Attestation
from shared.domain.bid_forms import BidForm
from shared.domain.facts import Decision
from shared.domain.ids import AuctionId, BidId, EventId, LotId, OpeningId, PartyId, RfpId
from shared.receipts import Receipt

DecideFiling = Callable[[Gate, Bid | None], Decision[Bid]]
DecideOpening = Callable[[Opening], Decision[Opening]]
DecideLot = Callable[[Lot], Decision[Lot]]
DecideAuction = Callable[[Lot, Rankings, Rfp], AuctionDecision]


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt and its signed form, as the vendor gets it."""

    receipt: Receipt
    token: str


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """What is public of a sealed bid from the close on."""

    bid_id: BidId
    version: int
    sealed_sha256: bytes


@dataclass(frozen=True, slots=True)
class OpeningRecord:
    """What may be read of an opening; the counts are None until it was unsealed."""

    opening: Opening
    sealed_bids: tuple[SealedEntry, ...]
    opened: int | None
    failed: int | None


@dataclass(frozen=True, slots=True)
class Unsealing:
    """All that an opening brings to light, to be written at once."""

    bids: Sequence[UnsealedBid]
    ranked: Sequence[Ranked]


@dataclass(frozen=True, slots=True)
class PublishedForm:
    """A solicitation's form with its lots, and the openings to whose keys bids are sealed.

    `attestations` says what the names in the form attest.
    """

    rfp_id: RfpId
    form: BidForm
    price: Envelope
    technical: Envelope | None
    lots: tuple[Lot, ...]
    attestations: tuple[Attestation, ...]


@dataclass(frozen=True, slots=True)
class HeldBid:
    """A vendor's own bid, as a list shows it."""

    bid_id: BidId
    lot_id: LotId
    version: int
    is_withdrawn: bool


class Signer(Protocol):
    """Signs receipts."""

    def sign(self, receipt: Receipt) -> str:
        """Sign a receipt as a compact JWS."""

    def public_keys(self) -> tuple[dict[str, str], ...]:
        """Describe the keys that receipts are verified with, as JWKs."""


class Lease(Protocol):
    """Says whether this process is the one opener."""

    async def token(self) -> int | None:
        """Return the standing token; None while another holds the lease."""


class Bids(Protocol):
    """Keeps sealed bids."""

    async def eligibility(self, lot_id: LotId, *, vendor_id: PartyId) -> Eligibility:
        """Read what the lot asks of its vendors, and what is known of this one."""

    async def gate(self, lot_id: LotId) -> Gate:
        """Read a lot's gate without holding it. Raises: LotUnknown."""

    async def form(self, opening_id: OpeningId) -> BidForm:
        """Read what bids of an opening's RFP are checked against."""

    async def file_all(
        self,
        filings: Sequence[tuple[Filing, DecideFiling]],
        *,
        sign: Callable[[Receipt], str],
    ) -> list[SignedReceipt]:
        """Record several versions, all of them or none. Raises: as `file`."""

    async def published_form(self, rfp_id: RfpId, *, viewer_id: PartyId | None) -> PublishedForm:
        """Read the form of a published RFP with the lots that a viewer is shown; None sees all.

        Raises: OpeningUnknown.
        """

    async def receipt_of(self, version_id: UUID, *, vendor_id: PartyId) -> SignedReceipt | None:
        """Find the receipt that a vendor was given under an id."""

    async def file(
        self,
        filing: Filing,
        decide: DecideFiling,
        *,
        sign: Callable[[Receipt], str],
    ) -> SignedReceipt:
        """Record a version and its receipt.

        Raises: what `decide` raises; LotUnknown; BidVersionReused.
        """

    async def held_by(self, vendor_id: PartyId, *, after: UUID | None, limit: int) -> list[HeldBid]:
        """Read a vendor's own bids, by their ids."""

    async def receipts_of(self, bid_id: BidId, *, vendor_id: PartyId) -> list[SignedReceipt]:
        """Read the receipts of a vendor's own bid, oldest first. Raises: BidUnknown."""


class Openings(Protocol):
    """Keeps openings, and what they bring to light."""

    async def of_rfp(self, rfp_id: RfpId, *, purpose: Purpose = Purpose.PRICE) -> OpeningRecord:
        """Read an RFP's opening. Raises: OpeningUnknown."""

    async def find(
        self, opening_id: OpeningId, *, viewer_id: PartyId | None, sees_all: bool
    ) -> OpeningRecord:
        """Read one opening that the viewer may see. Raises: OpeningUnknown."""

    async def custody_of(
        self, custodian_id: PartyId, *, after: UUID | None, limit: int
    ) -> list[Opening]:
        """Read the openings in which a custodian has a seat."""

    async def sealed_share(
        self, opening_id: OpeningId, *, custodian_id: PartyId
    ) -> tuple[int, bytes]:
        """Read the share that was dealt to this custodian, and its index.

        Raises: OpeningUnknown.
        """

    async def due(self, closed_by: datetime, *, limit: int) -> list[OpeningId]:
        """List sealed openings whose deadline is at or before an instant, oldest first."""

    async def close(
        self,
        opening_id: OpeningId,
        decide: Callable[[Opening, Sequence[bytes]], Decision[Opening]],
        *,
        at: datetime,
    ) -> Opening:
        """Hold the gate, and close the opening with its RFP and its lots."""

    async def submit(
        self, opening_id: OpeningId, decide: DecideOpening, *, custodian_id: PartyId, at: datetime
    ) -> OpeningRecord:
        """Change an opening for a custodian. Raises: OpeningUnknown; what `decide` raises."""


class Unsealings(Protocol):
    """Keeps what the opener does while it holds the lease."""

    async def closed(self, *, limit: int) -> list[Opening]:
        """List openings that wait: those with a share first, then the latest closed."""

    async def change(
        self, opening_id: OpeningId, decide: DecideOpening, *, token: int, at: datetime
    ) -> Opening | None:
        """Change an opening while the lease stands; None when it was lost."""

    async def form(self, opening_id: OpeningId) -> BidForm:
        """Read what bids of an opening's RFP are checked against."""

    async def sealed_bids(
        self, opening_id: OpeningId, *, after_index: int, limit: int
    ) -> list[SealedBid]:
        """Read the bids that stand, by their place in the log."""

    async def technical_parts(
        self, opening_id: OpeningId, *, after_index: int, limit: int
    ) -> list[SealedBid]:
        """Read the technical envelopes of the bids that stand, likewise."""

    async def unseal_technical(
        self,
        opening_id: OpeningId,
        decide: DecideOpening,
        parts: Sequence[TechnicalPart],
        *,
        token: int,
        at: datetime,
    ) -> bool:
        """Write all technical parts at once; False when nothing was to be done."""

    async def unseal(
        self,
        opening_id: OpeningId,
        decide: DecideOpening,
        unsealing: Unsealing,
        *,
        token: int,
        at: datetime,
    ) -> bool:
        """Write everything that was opened at once; False when nothing was to be done."""


class Auctionings(Protocol):
    """Keeps what goes to auction and comes back."""

    async def request(
        self, lot_id: LotId, decide: DecideAuction, *, buyer_id: PartyId, at: datetime
    ) -> Lot:
        """Send the buyer's own lot to auction. Raises: LotUnknown; what `decide` raises."""

    async def hear(
        self,
        lot_id: LotId,
        decide: DecideLot,
        *,
        cause: EventId,
        at: datetime,
        standing: tuple[AuctionId, Sequence[Bidder]] | None = None,
    ) -> None:
        """Act on an event once, keeping the final ranking if the lot changes with it."""
