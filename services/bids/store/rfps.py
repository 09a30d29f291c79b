"""Keep RFPs: their publication and cancellation, each in one transaction, and who sees them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from services.bids.domain.consortium import ConsortiumModel, shown_volume
from services.bids.domain.invitations import tell
from services.bids.domain.lots import Lot
from services.bids.domain.publication import Cancellation, Publication
from services.bids.domain.rfps import Rfp, RfpStatus, RfpUnknown, written_terms
from services.bids.domain.terms import Terms
from services.bids.ports.purchase import Act, ListedLot, Part
from services.bids.store import publications, seats
from services.bids.store.chains import entries_of
from services.bids.store.forms import form_of
from services.bids.store.lots import LotStore
from services.bids.store.scorebooks import stated_plan
from shared import db
from shared.db import Connection, Pool
from shared.domain.canonical import canonical
from shared.domain.facts import Decision, Fact
from shared.domain.ids import LotId, OpeningId, PartyId, RfpId
from shared.domain.money import Currency
from shared.journal import Aggregate, Journal, Link

SELECT: Final = """
SELECT id, buyer_id, title, currency, consortium_model, policy_profile,
    custodian_id, standstill_s, status, closes_at, drafted_at, published_at, cancelled_reason,
    terms, drafted_by, approved_by, approved_sha256, drafted_from, addendum, earliest_award_on,
    earliest_award_at, profile_sha256, form
FROM rfp
"""
"""The columns of an RFP, as `rfp_of` reads them."""

_LOCK_OWN: Final = f"""-- bids.lock_own_rfp
{SELECT}WHERE id = $1 AND buyer_id = $2 FOR UPDATE
"""

_LOCK: Final = f"""-- bids.lock_rfp
{SELECT}WHERE id = $1 FOR UPDATE
"""

_SAVE: Final = """-- bids.save_rfp
UPDATE rfp SET
    status = $2, published_at = $3, cancelled_reason = $4, closes_at = $5, terms = $6,
    approved_by = $7, approved_sha256 = $8, addendum = $9, earliest_award_on = $10,
    earliest_award_at = $11, profile_sha256 = $12, form = $13
WHERE id = $1
"""

_FIND_VISIBLE: Final = f"""-- bids.find_visible_rfp
{SELECT}WHERE id = $1 AND (published_at IS NOT NULL OR buyer_id = $2)
"""

_PAGE_VISIBLE: Final = f"""-- bids.page_visible_rfps
{SELECT}WHERE (published_at IS NOT NULL OR buyer_id = $1) AND ($2::uuid IS NULL OR id > $2)
ORDER BY id LIMIT $3
"""

_TERMS: Final = TypeAdapter(Terms)


class PostgresRfpStore:
    """Keep RFPs and their lots in PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's own schema."""
        self._pool = pool
        self._journal = journal
        self._lots = LotStore()

    async def publish(
        self,
        rfp_id: RfpId,
        opening_id: OpeningId,
        decide: Callable[[Publication], Decision[Publication]],
        act: Act,
        *,
        buyer_id: PartyId,
    ) -> Rfp:
        """Save a publication; one that stands under this opening's id is returned."""
        async with db.transaction(self._pool) as connection:
            rfp = await lock_own(connection, rfp_id, buyer_id)
            if await publications.is_dealt(connection, opening_id, rfp_id):
                return rfp
            decision = decide(await self._publication(connection, rfp))
            after = decision.state
            await save(connection, after.rfp)
            await self._save_lots(connection, after)
            await publications.add_openings(connection, after)
            links = await self._record(connection, decision.facts, act)
            told = [(links[rfp_id].sequence, event) for event in tell(after.rfp, after.invited)]
            # Whom a buyer invites is on no chain; each event goes to its one vendor.
            await self._journal.tell(connection, Aggregate("rfp", rfp_id), told, at=act.at)
        return after.rfp

    async def find_publication(self, rfp_id: RfpId, *, buyer_id: PartyId) -> Publication:
        """Read what a publication would look at; it holds nothing longer than this takes."""
        async with db.transaction(self._pool) as connection:
            rfp = await lock_own(connection, rfp_id, buyer_id)
            return await self._publication(connection, rfp)

    async def cancel(
        self,
        rfp_id: RfpId,
        decide: Callable[[Cancellation], Decision[Cancellation]],
        act: Act,
        *,
        buyer_id: PartyId,
    ) -> Rfp:
        """Save a cancellation; bids that are being filed are waited for."""
        async with db.transaction(self._pool) as connection:
            opening_id = await publications.lock_opening_of(connection, rfp_id, buyer_id)
            rfp = await lock_own(connection, rfp_id, buyer_id)
            if opening_id is None and rfp.status is RfpStatus.PUBLISHED:
                # It was published while this waited for its row; nobody closes it so early.
                opening_id = await publications.lock_opening_of(connection, rfp_id, buyer_id)
            before = Cancellation(
                rfp=rfp,
                lots=tuple(await self._lots.lock_lots_of(connection, rfp_id)),
                opening_id=opening_id,
            )
            decision = decide(before)
            after = decision.state
            await save(connection, after.rfp)
            await self._save_lots(connection, after)
            if after.opening_id is not None:
                await publications.cancel_opening(connection, after.opening_id)
            await self._record(connection, decision.facts, act)
        return after.rfp

    async def find(self, rfp_id: RfpId, *, viewer_id: PartyId | None) -> Rfp:
        """Read an RFP that was published, or the viewer's own."""
        async with db.reading(self._pool) as connection:
            return await find_visible(connection, rfp_id, viewer_id)

    async def page(self, part: Part, *, viewer_id: PartyId | None) -> list[Rfp]:
        """Read RFPs by id: those that were published, and the viewer's own."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_PAGE_VISIBLE, viewer_id, part.after, part.limit)
        return [rfp_of(row) for row in rows]

    async def find_lot(self, lot_id: LotId, *, viewer_id: PartyId | None) -> ListedLot:
        """Read a lot of an RFP that the viewer may see."""
        async with db.reading(self._pool) as connection:
            lot = await self._lots.find_visible(connection, lot_id, viewer_id=viewer_id)
            rfp = await find_visible(connection, lot.rfp_id, viewer_id)
            (listed,) = await list_lots(connection, [lot], rfp.consortium_model)
        return listed

    async def page_lots(
        self, rfp_id: RfpId, part: Part, *, viewer_id: PartyId | None
    ) -> list[ListedLot]:
        """Read an RFP's lots by their number."""
        async with db.reading(self._pool) as connection:
            rfp = await find_visible(connection, rfp_id, viewer_id)
            lots = await self._lots.page_of(connection, rfp_id, part, viewer_id=viewer_id)
            return await list_lots(connection, lots, rfp.consortium_model)

    async def _publication(self, connection: Connection, rfp: Rfp) -> Publication:
        ceremony = await seats.ceremony_of(connection, rfp)
        return Publication(
            rfp=rfp,
            lots=tuple(await self._lots.lock_lots_of(connection, rfp.id)),
            ceremony=ceremony,
            custodian_keys=await seats.hold_keys(connection, ceremony),
            invited=await publications.invited_to(connection, rfp.id),
            plan=await stated_plan(connection, rfp.id),
        )

    async def _save_lots(self, connection: Connection, after: Publication | Cancellation) -> None:
        by_status = {lot.status for lot in after.lots}
        for status in sorted(by_status):
            lot_ids = [lot.id for lot in after.lots if lot.status is status]
            await self._lots.save_statuses(connection, lot_ids, status)

    async def _record(
        self, connection: Connection, facts: Sequence[Fact], act: Act
    ) -> Mapping[UUID, Link]:
        return await self._journal.record(connection, entries_of(facts), actor=act.actor, at=act.at)


async def list_lots(
    connection: Connection, lots: Sequence[Lot], model: ConsortiumModel
) -> list[ListedLot]:
    """Put beside each lot what is shown with it."""
    store, lot_ids = LotStore(), [lot.id for lot in lots]
    members = await store.count_members(connection, lot_ids)
    firm = await store.read_firm(connection, lot_ids)
    regions = await store.read_regions(connection, lot_ids)
    return [
        ListedLot(
            lot,
            members.get(lot.id, 0),
            shown_volume(model, quantity=lot.quantity, firm=firm[lot.id]),
            regions.get(lot.id, ()),
        )
        for lot in lots
    ]


def rfp_of(row: asyncpg.Record) -> Rfp:
    """Build an RFP from the columns that every query here lists."""
    return Rfp(
        id=RfpId(row["id"]),
        buyer_id=PartyId(row["buyer_id"]),
        title=row["title"],
        currency=Currency(row["currency"]),
        consortium_model=ConsortiumModel(row["consortium_model"]),
        policy_profile=row["policy_profile"],
        custodian_id=PartyId(row["custodian_id"]),
        standstill_s=row["standstill_s"],
        status=RfpStatus(row["status"]),
        closes_at=row["closes_at"],
        drafted_at=row["drafted_at"],
        published_at=row["published_at"],
        cancelled_reason=row["cancelled_reason"],
        terms=_TERMS.validate_json(row["terms"]),
        drafted_by=row["drafted_by"],
        approved_by=row["approved_by"],
        approved_sha256=row["approved_sha256"],
        drafted_from=None if row["drafted_from"] is None else RfpId(row["drafted_from"]),
        addendum=row["addendum"],
        earliest_award_on=row["earliest_award_on"],
        earliest_award_at=row["earliest_award_at"],
        profile_sha256=row["profile_sha256"],
        form=form_of(row["form"]),
    )


async def lock_own(connection: Connection, rfp_id: RfpId, buyer_id: PartyId) -> Rfp:
    """Read and lock a buyer's own RFP. Raises: RfpUnknown."""
    return _one(await connection.fetchrow(_LOCK_OWN, rfp_id, buyer_id))


async def lock(connection: Connection, rfp_id: RfpId) -> Rfp:
    """Read and lock an RFP, whoever asks. Raises: RfpUnknown."""
    return _one(await connection.fetchrow(_LOCK, rfp_id))


async def find_visible(connection: Connection, rfp_id: RfpId, viewer_id: PartyId | None) -> Rfp:
    """Read an RFP that was published, or the viewer's own. Raises: RfpUnknown."""
    return _one(await connection.fetchrow(_FIND_VISIBLE, rfp_id, viewer_id))


async def save(connection: Connection, rfp: Rfp) -> None:
    """Write what an RFP has become."""
    await connection.execute(
        _SAVE,
        rfp.id,
        rfp.status,
        rfp.published_at,
        rfp.cancelled_reason,
        rfp.closes_at,
        terms_text(rfp.terms),
        rfp.approved_by,
        rfp.approved_sha256,
        rfp.addendum,
        rfp.earliest_award_on,
        rfp.earliest_award_at,
        rfp.profile_sha256,
        None if rfp.form is None else canonical(rfp.form),
    )


def terms_text(terms: Terms) -> str:
    """Write terms as they are kept: canonical JSON."""
    return canonical(written_terms(terms))


def _one(row: asyncpg.Record | None) -> Rfp:
    if row is None:
        raise RfpUnknown
    return rfp_of(row)
