"""State requirements, one by one or by a file."""

import asyncio
import hashlib
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from services.bids import csv_import
from services.bids.csv_import import Known, Sheet
from services.bids.domain.parties import Party, PartyKind
from services.bids.domain.requirements import (
    Category,
    Commitment,
    MemberUnknown,
    Requirement,
    RequirementsImported,
    decide_state,
    member_stated_for,
)
from services.bids.ports.purchase import Act, Part, PartyStore, RequirementStore
from shared.clock import Clock
from shared.domain.ids import PartyId, RequirementId, new_id
from shared.domain.money import Currency, UnitPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequirement:
    """A requirement as it is stated; without an area it is delivered to the member's own."""

    member_id: PartyId | None
    reference: str
    category: Category
    item_code: str
    specification: str
    unit: str
    quantity: Decimal
    commitment: Commitment
    need_by: date
    term_months: int
    delivery_area: str | None
    currency: Currency
    baseline_unit_price: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stater:
    """Who states: `own` is the calling member, who speaks for itself and those that authorised it.

    It is None for a buyer, who speaks for all.
    """

    actor: PartyId
    own: PartyId | None


class Requirements:
    """State and list requirements."""

    def __init__(self, store: RequirementStore, parties: PartyStore, *, clock: Clock) -> None:
        """Keep requirements in `store`; members are among `parties`."""
        self._store = store
        self._parties = parties
        self._clock = clock

    async def state(self, new: NewRequirement, *, new_id: UUID, stater: Stater) -> Requirement:
        """State one requirement under the id that the request fixed.

        Raises:
            RequirementNotOwn: A member names another that did not authorise it.
            MemberMissing: A buyer names nobody.
            MemberUnknown: The party is not a registered member.
            RequirementReferenceTaken: The member has another of the same reference.
        """
        acts_for = await self._represented(stater)
        member_id = member_stated_for(new.member_id, own=stater.own, acts_for=acts_for)
        member = await self._parties.find(member_id)
        if member is None or member.kind is not PartyKind.MEMBER:
            raise MemberUnknown
        now = self._clock.now()
        decision = decide_state(_requirement(new, member, RequirementId(new_id), stated_at=now))
        return await self._store.state(decision, Act(str(stater.actor), now))

    async def import_csv(
        self,
        raw: bytes,
        currency: Currency,
        *,
        import_id: UUID,
        stater: Stater,
        decimal: str | None = None,
    ) -> int:
        """State all requirements of a file, or none; return how many.

        `decimal` names the sign before decimals, where the file's columns shall not tell it.

        Raises:
            DecimalSignUnknown: Decimals are written in no such way.
            CurrencyUnknown: The house does not count in the currency.
            CsvHeaderInvalid: The columns are not named as they should be.
            CsvRowsInvalid: A row is wrong; the refusal says which, and why.
            RequirementReferenceTaken: One was stated by another request in the meantime.
        """
        imported = await self._store.count_imported(import_id)
        if imported:
            return imported
        # A long file takes some tenths of a second, in which the loop must answer others.
        sheet = await asyncio.to_thread(csv_import.read_sheet, raw, currency, decimal=decimal)
        known = await self._known(sheet, stater)
        csv_import.check(sheet, known)
        now = self._clock.now()
        requirements = csv_import.requirements_of(
            sheet,
            known.members,
            import_id=import_id,
            stated_at=now,
            mint=lambda: RequirementId(new_id()),
        )
        fact = RequirementsImported(
            import_id=import_id,
            rows=len(requirements),
            currency=currency,
            file_sha256=hashlib.sha256(raw).hexdigest(),
        )
        await self._store.add_import(requirements, fact, Act(str(stater.actor), now))
        return len(requirements)

    async def page(self, member_id: PartyId | None, part: Part) -> list[Requirement]:
        """List requirements, of one member or all."""
        return await self._store.page(member_id, part)

    async def _known(self, sheet: Sheet, stater: Stater) -> Known:
        members = await self._store.find_members({key.member_reference for key in sheet.keys})
        taken = await self._store.find_taken(
            [
                (members[key.member_reference].id, key.reference)
                for key in sheet.keys
                if key.member_reference in members
            ]
        )
        acts_for = await self._represented(stater)
        return Known(members=members, taken=taken, own=stater.own, acts_for=acts_for)

    async def _represented(self, stater: Stater) -> AbstractSet[PartyId]:
        """Tell for whom a calling member may speak besides itself."""
        if stater.own is None:
            return frozenset()
        return await self._store.find_represented(stater.own)


def _requirement(
    new: NewRequirement, member: Party, requirement_id: RequirementId, *, stated_at: datetime
) -> Requirement:
    baseline = new.baseline_unit_price
    return Requirement(
        id=requirement_id,
        member_id=member.id,
        reference=new.reference,
        category=new.category,
        item_code=new.item_code,
        specification=new.specification,
        unit=new.unit,
        quantity=new.quantity,
        commitment=new.commitment,
        need_by=new.need_by,
        term_months=new.term_months,
        delivery_area=member.area if new.delivery_area is None else new.delivery_area,
        currency=new.currency,
        baseline=None if baseline is None else UnitPrice.parse(baseline, new.currency),
        stated_at=stated_at,
    )
