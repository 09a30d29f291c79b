"""Register parties by a file: all of them, or none."""

import asyncio
import hashlib
from functools import partial
from uuid import UUID

from services.bids import csv_parties
from services.bids.domain.registration import PartiesImported, decide_registration
from services.bids.ports.purchase import Act
from services.bids.ports.registrations import RegistrationStore
from shared.clock import Clock
from shared.domain.ids import PartyId, new_id


class Registrations:
    """Register parties by a file."""

    def __init__(self, store: RegistrationStore, *, clock: Clock) -> None:
        """Keep parties in `store`."""
        self._store = store
        self._clock = clock

    async def import_csv(self, raw: bytes, *, import_id: UUID, actor: PartyId) -> int:
        """Register all parties of a file, or none; return how many.

        Raises:
            CsvHeaderInvalid: The columns are not named as they should be.
            CsvRowsInvalid: A row is wrong; the refusal says which, and why.
            PartyAlreadyRegistered: One was registered by another request in the meantime.
        """
        imported = await self._store.count_imported(import_id)
        if imported:
            return imported
        now = self._clock.now()
        read = partial(csv_parties.read_sheet, raw, mint=new_id, registered_at=now)
        # A long file takes some hundredths of a second, in which the loop must answer others.
        sheet = await asyncio.to_thread(read)
        csv_parties.check(sheet, await self._store.find_taken(sheet.keys))
        decisions = [decide_registration(row) for _, row in sheet.rows]
        fact = PartiesImported(
            import_id=import_id, rows=len(decisions), file_sha256=hashlib.sha256(raw).hexdigest()
        )
        await self._store.add_import(decisions, fact, Act(str(actor), now))
        return len(decisions)
