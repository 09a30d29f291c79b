"""Keep parties that are registered by a file."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol
from uuid import UUID

from services.bids.domain.parties import PartyKind
from services.bids.domain.registration import PartiesImported, Registration
from services.bids.ports.purchase import Act
from shared.domain.facts import Decision


class RegistrationStore(Protocol):
    """Keep parties that are registered by a file."""

    async def find_taken(
        self, keys: Sequence[tuple[PartyKind, str]]
    ) -> AbstractSet[tuple[PartyKind, str]]:
        """Tell which of these kinds and references are registered."""
        ...

    async def add_import(
        self, decisions: Sequence[Decision[Registration]], imported: PartiesImported, act: Act
    ) -> None:
        """Register all parties of a file, or none.

        Raises:
            PartyAlreadyRegistered: Another party has the kind and reference of one.
        """
        ...

    async def count_imported(self, import_id: UUID) -> int:
        """Count the parties of an import; 0 says that there is none."""
        ...
