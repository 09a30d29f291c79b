"""Publish a purchase as open contracting data."""

import asyncio
from dataclasses import dataclass

from services.bids.domain.ocds.public import ocid_of, release_of
from services.bids.domain.ocds.releases import Published, package_data
from services.bids.domain.ocds.written import json_text
from services.bids.domain.policy import PolicyBook
from services.bids.ports.open_data import RfpFiles
from shared.domain.ids import RfpId


@dataclass(frozen=True, slots=True)
class Package:
    """A release package as it is published: JSON whose numbers are exact."""

    ocid: str
    text: str


class OpenData:
    """Render RFPs as release packages."""

    def __init__(self, files: RfpFiles, *, policies: PolicyBook, ocid_prefix: str) -> None:
        """Read from a store; a profile has its time zone, and the prefix is the publisher's own."""
        self._policies = policies
        self._files = files
        self._prefix = ocid_prefix

    async def package(self, rfp_id: RfpId, *, uri: str) -> Package:
        """Write the package of a published RFP as it stands, which is found under a URI.

        Raises:
            RfpUnknown: No such RFP, or a draft.
            RfpTooLarge: It has more bids, or award lines, than one package carries.
            PolicyProfileUnknown: The RFP's profile was taken out of its folder.
        """
        file = await self._files.of_rfp(rfp_id)
        zone = self._policies.find(file.rfp.policy_profile).zone
        published = Published(uri=uri, publisher=file.names[file.rfp.buyer_id], at=file.changed_at)

        def written() -> str:
            release = release_of(file, prefix=self._prefix, zone=zone)
            return json_text(package_data([release], published))

        # Thousands of lots take a moment to write; others are served meanwhile.
        text = await asyncio.to_thread(written)
        return Package(ocid_of(file.rfp, prefix=self._prefix), text)
