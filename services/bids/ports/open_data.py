"""What publishing a purchase needs of the outside.

Every method may raise `DatabaseUnavailable`; the other refusals are listed.
"""

from typing import Protocol

from services.bids.domain.ocds.public import RfpFile
from shared.domain.ids import RfpId


class RfpFiles(Protocol):
    """Reads what releases tell."""

    async def of_rfp(self, rfp_id: RfpId) -> RfpFile:
        """Read a published RFP. Raises: RfpUnknown, RfpTooLarge."""
