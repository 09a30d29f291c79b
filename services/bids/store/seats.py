"""Keep custodians' places in openings, and how an RFP's ceremony is planned.

A seat is changed only while its opening's row is locked.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg

from services.bids.domain.ceremony import Ceremony, Dealt, Seat, ShareFault
from services.bids.domain.rfps import Rfp
from shared.db import Connection
from shared.domain.ids import OpeningId, PartyId, RfpId

_SEATS: Final = """-- bids.read_seats
SELECT opening_id, index, custodian_id, salt, commitment, sealed_share, submitted_share,
    submitted_at, refused_reason
FROM seat WHERE opening_id = ANY($1::uuid[]) ORDER BY opening_id, index
"""

_ADD_SEATS: Final = """-- bids.add_seats
INSERT INTO seat (opening_id, index, custodian_id, sealed_share, salt, commitment)
SELECT $1, * FROM unnest($2::integer[], $3::uuid[], $4::bytea[], $5::bytea[], $6::bytea[])
"""

_SAVE_SEATS: Final = """-- bids.save_seats
UPDATE seat SET
    submitted_share = changed.share, submitted_at = changed.at, refused_reason = changed.reason
FROM unnest($2::integer[], $3::bytea[], $4::timestamptz[], $5::text[])
    AS changed (index, share, at, reason)
WHERE seat.opening_id = $1 AND seat.index = changed.index
"""

_CEREMONY: Final = """-- bids.read_ceremony
SELECT custodian_ids, threshold, opening_window_s, envelopes FROM ceremony WHERE rfp_id = $1
"""

_SAVE_CEREMONY: Final = """-- bids.save_ceremony
INSERT INTO ceremony (rfp_id, custodian_ids, threshold, opening_window_s, envelopes)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (rfp_id) DO UPDATE SET
    custodian_ids = excluded.custodian_ids, threshold = excluded.threshold,
    opening_window_s = excluded.opening_window_s, envelopes = excluded.envelopes
"""

_HOLD_KEYS: Final = """-- bids.hold_custodian_keys
SELECT custodian_id, public_key FROM custodian_key
WHERE custodian_id = ANY($1::uuid[]) ORDER BY custodian_id FOR SHARE
"""

_CUSTODIANS: Final = """-- bids.find_custodians
SELECT id FROM party WHERE id = ANY($1::uuid[]) AND kind = 'custodian'
"""


async def seats_of(
    connection: Connection, openings: Sequence[OpeningId]
) -> Mapping[OpeningId, tuple[Seat, ...]]:
    """Read the seats of openings, by their indexes."""
    seats: dict[OpeningId, list[Seat]] = defaultdict(list)
    for row in await connection.fetch(_SEATS, openings):
        seats[OpeningId(row["opening_id"])].append(_seat(row))
    return {opening_id: tuple(listed) for opening_id, listed in seats.items()}


async def add_seats(connection: Connection, dealt: Dealt) -> None:
    """Add the seats of an opening that was dealt."""
    seats = dealt.seats
    await connection.execute(
        _ADD_SEATS,
        dealt.opening_id,
        [seat.index for seat in seats],
        [seat.custodian_id for seat in seats],
        [seat.sealed_share for seat in seats],
        [seat.salt for seat in seats],
        [seat.commitment for seat in seats],
    )


async def save_seats(connection: Connection, opening_id: OpeningId, seats: Sequence[Seat]) -> None:
    """Write what was submitted, refused or voided."""
    await connection.execute(
        _SAVE_SEATS,
        opening_id,
        [seat.index for seat in seats],
        [seat.submitted_share for seat in seats],
        [seat.submitted_at for seat in seats],
        [seat.refused_reason for seat in seats],
    )


async def ceremony_of(connection: Connection, rfp: Rfp) -> Ceremony:
    """Read how an RFP's bids are to be opened: by its one custodian, unless planned otherwise."""
    row = await connection.fetchrow(_CEREMONY, rfp.id)
    if row is None:
        return Ceremony(custodian_ids=(rfp.custodian_id,))
    return Ceremony(
        custodian_ids=tuple(map(PartyId, row["custodian_ids"])),
        threshold=row["threshold"],
        opening_window_s=row["opening_window_s"],
        envelopes=row["envelopes"],
    )


async def save_ceremony(connection: Connection, rfp_id: RfpId, ceremony: Ceremony) -> None:
    """Keep a plan, in place of an earlier one."""
    await connection.execute(
        _SAVE_CEREMONY,
        rfp_id,
        ceremony.custodian_ids,
        ceremony.threshold,
        ceremony.opening_window_s,
        ceremony.envelopes,
    )


async def hold_keys(connection: Connection, ceremony: Ceremony) -> Mapping[PartyId, bytes]:
    """Read the custodians' public keys, and let nobody replace one before the commit."""
    rows = await connection.fetch(_HOLD_KEYS, ceremony.custodian_ids)
    return {PartyId(row["custodian_id"]): row["public_key"] for row in rows}


async def custodians_among(
    connection: Connection, parties: Sequence[PartyId]
) -> frozenset[PartyId]:
    """Tell which of the parties are registered as custodians."""
    rows = await connection.fetch(_CUSTODIANS, parties)
    return frozenset(PartyId(row["id"]) for row in rows)


def _seat(row: asyncpg.Record) -> Seat:
    reason: str | None = row["refused_reason"]
    return Seat(
        index=row["index"],
        custodian_id=PartyId(row["custodian_id"]),
        salt=row["salt"],
        commitment=row["commitment"],
        sealed_share=row["sealed_share"],
        submitted_share=row["submitted_share"],
        submitted_at=row["submitted_at"],
        refused_reason=None if reason is None else ShareFault(reason),
    )
