"""Read what can be pooled: half a million requirements within seconds and bounded memory.

Rows become candidates a part at a time and column by column: what is done for each row is then done
by loops of the interpreter's own, which takes half the time of a function called for each.
"""

import asyncio
import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from operator import attrgetter
from typing import Final, TypeAlias, TypeVar

import asyncpg
from asyncpg.cursor import Cursor

from services.bids.domain.lots import exact
from services.bids.domain.pooling import CANDIDATES_MAX, Candidate, Like, PoolMember
from services.bids.ports.purchase import Selection
from shared.db import Connection
from shared.domain.ids import PartyId, RfpId

Key = TypeVar("Key")
Value = TypeVar("Value")

Build: TypeAlias = Callable[[Sequence[asyncpg.Record]], list[Candidate]]

READ_AT_ONCE: Final = 2_000
"""Candidates that are built in one go: half a hundredth of a second, and what a cache holds."""

_ID: Final = attrgetter("id")

_MEMBERS: Final = """-- bids.list_pool_members
SELECT party.id, party.reference, party.name,
    coalesce(member_profile.hazard_zone, '') AS hazard_zone, authority.signed_on
FROM party
LEFT JOIN member_profile ON member_profile.member_id = party.id
LEFT JOIN (
    SELECT member_id, min(signed_on) AS signed_on FROM member_authority GROUP BY member_id
) AS authority ON authority.member_id = party.id
WHERE party.kind = 'member'
"""

# A member's id comes as plain bytes, which are looked up in a quarter of a UUID's time.
_CANDIDATES: Final = """-- bids.list_candidates
SELECT requirement.id, uuid_send(requirement.member_id) AS member, requirement.reference,
    (requirement.quantity * 1000)::bigint AS thousandths, requirement.need_by,
    requirement.delivery_area, requirement.currency, requirement.commitment = 'firm' AS is_firm,
    engaged.requirement_id IS NOT NULL AS is_engaged, requirement.category,
    requirement.item_code, requirement.specification, requirement.unit, requirement.term_months
FROM requirement
LEFT JOIN (
    SELECT DISTINCT share.requirement_id
    FROM share JOIN lot ON lot.id = share.lot_id JOIN rfp ON rfp.id = lot.rfp_id
    WHERE lot.rfp_id <> $1 AND rfp.status <> 'cancelled'
        AND lot.status NOT IN ('no_award', 'cancelled')
) AS engaged ON engaged.requirement_id = requirement.id
WHERE ($2::text IS NULL OR requirement.category = $2)
    AND ($3::text IS NULL OR requirement.item_code = $3)
    AND ($4::text[] IS NULL OR requirement.reference = ANY($4))
LIMIT $5
"""


async def read_candidates(
    connection: Connection, rfp_id: RfpId, selection: Selection
) -> list[Candidate]:
    """Read what the selection names, and at most one more than `CANDIDATES_MAX`.

    Requirements in live lots of other RFPs than this one are engaged.
    """
    references = None if selection.references is None else list(selection.references)
    # By parts, because the rows of a large pool would fill the memory beside what is made of them.
    cursor = await connection.cursor(
        _CANDIDATES, rfp_id, selection.category, selection.item_code, references, CANDIDATES_MAX + 1
    )
    # The members come after: one that registers in between is known before its requirements are.
    build = _builder({row["id"].bytes: _member(row) for row in await connection.fetch(_MEMBERS)})
    return await _build_by_parts(cursor, build)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the collector of cycles from looking through candidates: a third of the time.

    Whatever was made meanwhile is among the old afterwards. It would else be looked through at
    once, for half a second in which nothing else runs.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()
        gc.enable()


def let_go(candidates: list[Candidate]) -> None:
    """Empty a list bit by bit: others have their turn, whom freeing all at once would hold up."""
    while candidates:
        del candidates[-READ_AT_ONCE:]


async def _build_by_parts(cursor: Cursor, build: Build) -> list[Candidate]:
    """Build from part after part; the server makes the next one ready meanwhile."""
    candidates: list[Candidate] = []
    ahead = asyncio.create_task(cursor.fetch(READ_AT_ONCE))
    try:
        while rows := await ahead:
            ahead = asyncio.create_task(cursor.fetch(READ_AT_ONCE))
            # The request leaves before the building begins; others have their turn, too.
            await asyncio.sleep(0)
            candidates += build(rows)
    finally:
        # Whoever gives up must not leave a question open on the connection.
        ahead.cancel()
        await asyncio.wait([ahead])
    return candidates


class _Once(dict[Key, Value]):
    """What many rows have in common: made where a key is first met, then kept."""

    def __init__(self, make: Callable[[Key], Value]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: Key) -> Value:
        made = self[key] = self._make(key)
        return made


def _member(row: asyncpg.Record) -> PoolMember:
    return PoolMember(
        id=PartyId(row["id"]),
        reference=row["reference"],
        name=row["name"],
        hazard_zone=row["hazard_zone"],
        authority_on=row["signed_on"],
    )


def _builder(members: Mapping[bytes, PoolMember]) -> Build:
    """Build candidates from rows of `_CANDIDATES`; what many have in common is kept once."""
    likes = _Once(Like._make)
    quantities = _Once(_quantity)
    words = _Once[object, object](lambda word: word)

    def build(rows: Sequence[asyncpg.Record]) -> list[Candidate]:
        ids, keys, references, thousandths, need_by, area, currency, firm, engaged, *what = zip(
            *rows, strict=True
        )
        found = [members[key] for key in keys]
        fields = zip(
            ids,
            map(_ID, found),
            map(quantities.__getitem__, thousandths),
            found,
            map(likes.__getitem__, zip(*what, strict=True)),
            references,
            map(words.__getitem__, need_by),
            map(words.__getitem__, area),
            map(words.__getitem__, currency),
            firm,
            engaged,
            strict=True,
        )
        # As `Candidate._make` does, but without a call of our own for each.
        return list(map(partial(tuple.__new__, Candidate), fields))

    return build


def _quantity(thousandths: int) -> Decimal:
    return exact(Decimal(thousandths).scaleb(-3))
