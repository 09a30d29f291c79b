"""What the use cases of claims and disclosures need of the outside.

Every method may raise `DatabaseUnavailable`; the other refusals are listed.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.bids.domain.claims import ClaimableBid, ClaimId, RecordedClaim
from services.bids.domain.disclosures import Disclosure, DisclosureId, Material, RfpDisclosed
from services.bids.domain.documents import Readable
from shared.domain.facts import Decision
from shared.domain.ids import BidId, PartyId, RfpId

DecideClaim = Callable[[ClaimableBid], Decision[RecordedClaim]]
DecideVerdict = Callable[[ClaimableBid, RecordedClaim], Decision[RecordedClaim]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimViewer:
    """Who asks for claims: a party, and whether it sees those of all."""

    party_id: PartyId | None
    is_auditor: bool = False


class Claims(Protocol):
    """Keeps claims of confidentiality."""

    async def add(
        self, bid_id: BidId, decide: DecideClaim, *, vendor_id: PartyId, at: datetime
    ) -> RecordedClaim:
        """Record a vendor's claim on its own bid.

        Raises: BidUnknown; ClaimMadeAlready; what `decide` raises.
        """

    async def judge(
        self, claim_id: ClaimId, decide: DecideVerdict, *, buyer_id: PartyId, at: datetime
    ) -> RecordedClaim:
        """Record a buyer's verdict. Raises: ClaimUnknown; what `decide` raises."""

    async def of_rfp(self, rfp_id: RfpId, viewer: ClaimViewer) -> list[RecordedClaim]:
        """List an RFP's claims that a viewer may see: a vendor its own. Raises: RfpUnknown."""


class Disclosures(Protocol):
    """Reads what is to be disclosed, and keeps what was."""

    async def material(self, rfp_id: RfpId, *, buyer_id: PartyId) -> Material:
        """Read all of a buyer's own RFP at one instant. Raises: RfpUnknown."""

    async def find(self, disclosure_id: DisclosureId, viewer: ClaimViewer) -> Disclosure:
        """Find a disclosure of the viewer's own RFP. Raises: DisclosureUnknown."""

    async def of_rfp(self, rfp_id: RfpId, viewer: ClaimViewer) -> list[Disclosure]:
        """List the disclosures of the viewer's own RFP. Raises: RfpUnknown."""

    async def add(
        self,
        disclosure: Disclosure,
        fact: RfpDisclosed,
        *,
        claims: Sequence[RecordedClaim],
        buyer_id: PartyId,
    ) -> Disclosure:
        """Record a disclosure, if the claims still stand as they were read.

        Raises: ClaimsUndecided.
        """


class Written(Protocol):
    """A bundle that was written, and lies here for a moment."""

    sha256: str
    length_bytes: int

    def pieces(self) -> AsyncIterator[bytes]:
        """Read it, piece by piece."""


class Archive(Protocol):
    """Writes bundles: the same files make the same bytes."""

    def write(
        self,
        texts: Mapping[str, bytes],
        documents: Mapping[str, Readable],
        *,
        pieces_of: Callable[[Readable], AsyncIterator[bytes]],
    ) -> AbstractAsyncContextManager[Written]:
        """Write the files and a manifest of their digests. Raises: DocumentBroken."""
