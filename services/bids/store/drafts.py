"""Keep drafts of RFPs, their terms and approvals, the regions of their lots, and templates."""

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

import asyncpg

from services.bids.domain.drafts import LotLimited, Template, TemplateNameTaken
from services.bids.domain.lots import LotUnknown
from services.bids.domain.rfps import Rfp, require_draft
from services.bids.ports.purchase import Act, ListedLot, Part
from services.bids.ports.solicitation import DecideDraft
from services.bids.store.chains import entries_of
from services.bids.store.lots import LotStore
from services.bids.store.rfps import SELECT, list_lots, lock_own, rfp_of, save, terms_text
from shared import db
from shared.db import Pool
from shared.domain.facts import Decision
from shared.domain.ids import LotId, PartyId, RfpId
from shared.journal import Journal

_ADD: Final = """-- bids.add_rfp
INSERT INTO rfp (
    id, buyer_id, title, currency, consortium_model, policy_profile, custodian_id, standstill_s,
    status, closes_at, drafted_at, terms, drafted_by, drafted_from
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (id) DO NOTHING RETURNING id
"""

_SOURCE: Final = f"""-- bids.find_source_of_draft
{SELECT}WHERE buyer_id = $3
    AND (id = $1 OR id = (SELECT rfp_id FROM rfp_template WHERE id = $2 AND buyer_id = $3))
"""  # noqa: S608 - joins a constant of `store.rfps`

_ADD_TEMPLATE: Final = """-- bids.add_rfp_template
INSERT INTO rfp_template (id, buyer_id, name, rfp_id, made_at) VALUES ($1, $2, $3, $4, $5)
"""

_FIND_TEMPLATE: Final = """-- bids.find_rfp_template
SELECT id, buyer_id, name, rfp_id, made_at FROM rfp_template WHERE id = $1 AND buyer_id = $2
"""

_PAGE_TEMPLATES: Final = """-- bids.page_rfp_templates
SELECT id, buyer_id, name, rfp_id, made_at FROM rfp_template
WHERE buyer_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3
"""


class PostgresDraftStore:
    """The port `DraftStore` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool, and its journal for the chains."""
        self._pool = pool
        self._journal = journal
        self._lots = LotStore()

    async def add(self, decision: Decision[Rfp], act: Act) -> Rfp:
        """Add a draft; one of the same id is returned as it stands."""
        rfp = decision.state
        async with db.transaction(self._pool) as connection:
            is_new = await connection.fetchval(
                _ADD,
                rfp.id,
                rfp.buyer_id,
                rfp.title,
                rfp.currency,
                rfp.consortium_model,
                rfp.policy_profile,
                rfp.custodian_id,
                rfp.standstill_s,
                rfp.status,
                rfp.closes_at,
                rfp.drafted_at,
                terms_text(rfp.terms),
                rfp.drafted_by,
                rfp.drafted_from,
            )
            if is_new is None:
                return await lock_own(connection, rfp.id, rfp.buyer_id)
            await self._journal.record(
                connection, entries_of(decision.facts), actor=act.actor, at=act.at
            )
        return rfp

    async def find_source(
        self, *, rfp_id: RfpId | None, template_id: UUID | None, buyer_id: PartyId
    ) -> Rfp | None:
        """Read the buyer's own RFP, by its id or by that of a template made of it."""
        async with db.reading(self._pool) as connection:
            row = await connection.fetchrow(_SOURCE, rfp_id, template_id, buyer_id)
        return None if row is None else rfp_of(row)

    async def change(
        self, rfp_id: RfpId, decide: DecideDraft, act: Act, *, buyer_id: PartyId
    ) -> Rfp:
        """Save what was decided on a draft and its lots."""
        async with db.transaction(self._pool) as connection:
            rfp = await lock_own(connection, rfp_id, buyer_id)
            decision = decide(rfp, await self._lots.lock_lots_of(connection, rfp_id))
            await save(connection, decision.state)
            await self._journal.record(
                connection, entries_of(decision.facts), actor=act.actor, at=act.at
            )
        return decision.state

    async def limit(
        self, lot_id: LotId, regions: Sequence[str], act: Act, *, buyer_id: PartyId
    ) -> ListedLot:
        """Limit a draft's lot to regions, in place of those before."""
        async with db.transaction(self._pool) as connection:
            lot = await self._lots.read(connection, lot_id)
            if lot.buyer_id != buyer_id:
                raise LotUnknown
            rfp = await lock_own(connection, lot.rfp_id, buyer_id)
            require_draft(rfp)
            # The draft's row is held, so that no pool drops the lot; it may have, just before.
            lot = await self._lots.lock(connection, lot_id)
            await self._lots.save_regions(connection, lot_id, regions)
            fact = LotLimited(lot_id=lot_id, rfp_id=rfp.id, regions=tuple(regions))
            await self._journal.record(connection, entries_of([fact]), actor=act.actor, at=act.at)
            (listed,) = await list_lots(connection, [lot], rfp.consortium_model)
        return listed

    async def keep_template(
        self,
        rfp_id: RfpId,
        decide: Callable[[Rfp], Decision[Template]],
        act: Act,
        *,
        buyer_id: PartyId,
    ) -> Template:
        """Add a template; one of the same id is returned."""
        async with db.transaction(self._pool) as connection:
            decision = decide(await lock_own(connection, rfp_id, buyer_id))
            made = decision.state
            standing = await connection.fetchrow(_FIND_TEMPLATE, made.id, buyer_id)
            if standing is not None:
                return _template_of(standing)
            try:
                await connection.execute(
                    _ADD_TEMPLATE, made.id, made.buyer_id, made.name, made.rfp_id, made.made_at
                )
            except asyncpg.UniqueViolationError as error:
                raise TemplateNameTaken from error
            await self._journal.record(
                connection, entries_of(decision.facts), actor=act.actor, at=act.at
            )
        return made

    async def page_templates(self, part: Part, *, buyer_id: PartyId) -> list[Template]:
        """Read the buyer's own templates by id."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_PAGE_TEMPLATES, buyer_id, part.after, part.limit)
        return [_template_of(row) for row in rows]


def _template_of(row: asyncpg.Record) -> Template:
    return Template(
        id=row["id"],
        buyer_id=PartyId(row["buyer_id"]),
        name=row["name"],
        rfp_id=RfpId(row["rfp_id"]),
        made_at=row["made_at"],
    )
