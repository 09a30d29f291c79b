"""Register parties and custodians' keys."""

from dataclasses import dataclass
from uuid import UUID

from services.bids.domain.parties import (
    CustodianKey,
    Party,
    PartyKind,
    decide_key,
    decide_name,
    decide_register,
)
from services.bids.ports.purchase import Act, Part, PartyStore
from shared import sealing
from shared.clock import Clock
from shared.domain.ids import OpeningId, PartyId


@dataclass(frozen=True, slots=True, kw_only=True)
class NewParty:
    """A party as a buyer names it."""

    kind: PartyKind
    reference: str
    name: str
    area: str


class Parties:
    """Register and list parties."""

    def __init__(self, store: PartyStore, *, clock: Clock) -> None:
        """Keep parties in `store`."""
        self._store = store
        self._clock = clock

    async def register(self, new: NewParty, *, new_id: UUID, actor: PartyId) -> Party:
        """Register a party under the id that the request fixed.

        Raises:
            PartyAlreadyRegistered: Another party has its kind and reference.
        """
        now = self._clock.now()
        party = Party(
            id=PartyId(new_id),
            kind=new.kind,
            reference=new.reference,
            name=new.name,
            area=new.area,
            registered_at=now,
        )
        return await self._store.register(decide_register(party), Act(str(actor), now))

    async def name_buyer(self, new: NewParty, *, buyer_id: PartyId) -> Party:
        """Write down how the buyer itself is called, on notices, reports and open data.

        Raises:
            PartyAlreadyRegistered: Another buyer has its reference.
        """
        now = self._clock.now()
        buyer = Party(
            id=buyer_id,
            kind=PartyKind.BUYER,
            reference=new.reference,
            name=new.name,
            area=new.area,
            registered_at=now,
        )
        return await self._store.name(
            buyer_id, lambda before: decide_name(before, buyer), Act(str(buyer_id), now)
        )

    async def page(self, kind: PartyKind | None, part: Part) -> list[Party]:
        """List parties, of one kind or all."""
        return await self._store.page(kind, part)

    async def register_key(self, custodian_id: PartyId, public_key: bytes) -> CustodianKey:
        """Register the key to which the caller's shares will be sealed.

        Raises:
            KeyMalformed: Nothing can be sealed to the key.
            CustodianNotRegistered: The caller is not a registered custodian.
        """
        _prove_sealable(public_key)
        now = self._clock.now()
        key = CustodianKey(custodian_id=custodian_id, public_key=public_key, registered_at=now)
        return await self._store.update_key(
            custodian_id, lambda party: decide_key(party, key), Act(str(custodian_id), now)
        )


def _prove_sealable(public_key: bytes) -> None:
    """Seal a worthless share to the key, so that a bad key is found now and not at publication."""
    (share,) = sealing.deal(bytes(sealing.KEY_BYTES))
    nowhere = OpeningId(UUID(int=0))
    sealing.seal_share(share.to_bytes(), public_key, opening_id=nowhere, purpose="custody")
