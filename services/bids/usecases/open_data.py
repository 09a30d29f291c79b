"""Publish a purchase as open contracting data."""

import asyncio
from dataclasses import dataclass

from services.bids.domain.ocds.public import ocid_of, release_of
from services.bids.domain.ocds.releases import Published, package_data
from services.bids.domain.ocds.written import json_text
from services.bids.ports.open_data import RfpFiles
from shared.domain.ids import RfpId


@dataclass(frozen=True, slots=True)
class Package:
    """A release package as it is published: JSON whose numbers are exact."""

    ocid: str
    text: str


class OpenData:
    """Render RFPs as release packages."""

    def __init__(self, files: RfpFiles, *, ocid_prefix: str) -> None:
        """Read from a store; the prefix is the publisher's own."""
        self._files = files
        self._prefix = ocid_prefix

    async def package(self, rfp_id: RfpId, *, uri: str) -> Package:
        """Write the package of a published RFP as it stands, which is found under a URI.

        Raises:
            RfpUnknown: No such RFP, or a draft.
            RfpTooLarge: It has more bids than one package carries.
        """
        file = await self._files.of_rfp(rfp_id)
        published = Published(uri=uri, publisher=file.names[file.rfp.buyer_id], at=file.changed_at)

        def written() -> str:
            return json_text(package_data([release_of(file, prefix=self._prefix)], published))

        # Thousands of lots take a moment to write; others are served meanwhile.
        text = await asyncio.to_thread(written)
        return Package(ocid_of(file.rfp, prefix=self._prefix), text)
