"""Read what is to be disclosed of an RFP, at one instant, and keep what was disclosed."""

import json
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import asyncpg

from services.bids.domain.claims import RecordedClaim
from services.bids.domain.disclosures import (
    ClaimsUndecided,
    DisclosedBid,
    DisclosedDocument,
    Disclosure,
    DisclosureId,
    DisclosureUnknown,
    Material,
    RfpDisclosed,
)
from services.bids.domain.documents import DocumentId
from services.bids.domain.lots import LotStatus
from services.bids.domain.rfps import Rfp, RfpUnknown
from services.bids.ports.disclosures import ClaimViewer
from services.bids.store import disclosed_rows as sql
from services.bids.store import rfps
from services.bids.store.claims import ALL_OF_RFP, claim_of
from services.bids.store.readable_documents import readable_of
from shared import db
from shared.db import Connection, Pool
from shared.domain.bid_content import read_content, read_technical
from shared.domain.ids import BidId, LotId, PartyId, RfpId
from shared.domain.money import Currency, Money, UnitPrice
from shared.journal import Aggregate, Entry, Journal

Row = dict[str, object]

_SELECT: Final = """
SELECT disclosure.id, disclosure.rfp_id, disclosure.document_id, disclosure.redactions,
    disclosure.made_at, document.sha256, document.length_bytes
FROM disclosure JOIN document ON document.id = disclosure.document_id
JOIN rfp ON rfp.id = disclosure.rfp_id
"""

_FIND: Final = f"""-- bids.find_disclosure {_SELECT}
WHERE disclosure.id = $1 AND ($3 OR rfp.buyer_id = $2)
"""

_OF_RFP: Final = f"""-- bids.list_disclosures {_SELECT}
WHERE disclosure.rfp_id = $1 ORDER BY disclosure.id
"""

_ADD: Final = """-- bids.add_disclosure
INSERT INTO disclosure (id, rfp_id, document_id, redactions, made_at)
VALUES ($1, $2, $3, $4, $5)
"""


class DisclosureStore:
    """The port `Disclosures` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool, and its journal for the chains of RFPs."""
        self._pool = pool
        self._journal = journal

    async def material(self, rfp_id: RfpId, *, buyer_id: PartyId) -> Material:
        """Read all of a buyer's own RFP, while its row keeps claims and verdicts out.

        Raises:
            RfpUnknown: No such RFP of this buyer's.
        """
        async with db.transaction(self._pool) as connection:
            rfp = await rfps.lock_own(connection, rfp_id, buyer_id)
            lots = await connection.fetch(sql.LOTS, rfp_id)
            return Material(
                rfp_id=rfp_id,
                buyer_id=buyer_id,
                policy_profile=rfp.policy_profile,
                lots={LotId(row["id"]): LotStatus(row["status"]) for row in lots},
                tables=await _tables(connection, rfp, lots),
                bids=await _bids(connection, rfp),
                offers=[
                    _offer(row, rfp.currency) for row in await connection.fetch(sql.OFFERS, rfp_id)
                ],
                claims=await _claims(connection, rfp_id),
                documents=await _documents(connection, rfp_id),
            )

    async def find(self, disclosure_id: DisclosureId, viewer: ClaimViewer) -> Disclosure:
        """Find a disclosure of the viewer's own RFP, or of any to auditors.

        Raises:
            DisclosureUnknown: No such disclosure, or another buyer's.
        """
        async with db.reading(self._pool) as connection:
            row = await connection.fetchrow(
                _FIND, disclosure_id, viewer.party_id, viewer.is_auditor
            )
        if row is None:
            raise DisclosureUnknown
        return _disclosure(row)

    async def of_rfp(self, rfp_id: RfpId, viewer: ClaimViewer) -> list[Disclosure]:
        """List the disclosures of the viewer's own RFP, or of any to auditors.

        Raises:
            RfpUnknown: No such RFP of the viewer's.
        """
        async with db.reading(self._pool) as connection:
            rfp = await rfps.find_visible(connection, rfp_id, viewer.party_id)
            if rfp.buyer_id != viewer.party_id and not viewer.is_auditor:
                raise RfpUnknown
            return [_disclosure(row) for row in await connection.fetch(_OF_RFP, rfp_id)]

    async def add(
        self,
        disclosure: Disclosure,
        fact: RfpDisclosed,
        *,
        claims: Sequence[RecordedClaim],
        buyer_id: PartyId,
    ) -> Disclosure:
        """Record a disclosure, if the claims still stand as they were read.

        Raises:
            ClaimsUndecided: A claim was made or decided anew meanwhile.
        """
        async with db.transaction(self._pool) as connection:
            await rfps.lock_own(connection, disclosure.rfp_id, buyer_id)
            if await _claims(connection, disclosure.rfp_id) != tuple(claims):
                sentence = "Claims were made or decided anew meanwhile. Disclose once more."
                raise ClaimsUndecided(sentence, details={"claim_ids": []})
            await connection.execute(
                _ADD,
                disclosure.id,
                disclosure.rfp_id,
                disclosure.document_id,
                disclosure.redactions,
                disclosure.made_at,
            )
            entry = Entry(Aggregate("rfp", disclosure.rfp_id), (fact,))
            await self._journal.record(
                connection, [entry], actor=str(buyer_id), at=disclosure.made_at
            )
        return disclosure


async def _tables(
    connection: Connection, rfp: Rfp, lots: Sequence[asyncpg.Record]
) -> Mapping[str, Sequence[Row]]:
    currency = rfp.currency
    rfp_rows = await connection.fetch(sql.SOLICITATION, rfp.id)
    awards = await connection.fetch(sql.AWARDS, rfp.id)
    lines = await connection.fetch(sql.AWARD_LINES, rfp.id)
    return {
        "solicitation": [{**row, "terms": json.loads(row["terms"])} for row in rfp_rows],
        "lots": [dict(row) for row in lots],
        "addenda": await _listed(connection, sql.ADDENDA, rfp.id),
        "questions": await _listed(connection, sql.QUESTIONS, rfp.id),
        "agreed_scores": await _listed(connection, sql.AGREED_SCORES, rfp.id),
        "disqualifications": await _listed(connection, sql.DISQUALIFICATIONS, rfp.id),
        "awards": [_totalled(_priced(dict(row), currency), currency) for row in awards],
        "award_lines": [_totalled(dict(row), currency) for row in lines],
    }


async def _listed(connection: Connection, query: str, rfp_id: RfpId) -> list[Row]:
    return [dict(row) for row in await connection.fetch(query, rfp_id)]


async def _bids(connection: Connection, rfp: Rfp) -> tuple[DisclosedBid, ...]:
    rows = await connection.fetch(sql.BIDS, rfp.id)
    return tuple(_bid(dict(row), rfp.currency) for row in rows)


def _bid(row: Row, currency: Currency) -> DisclosedBid:
    content, technical = row.pop("content"), row.pop("technical")
    priced = _priced({"price_e4": row.pop("price_e4")}, currency)
    prices = {**priced, "score": row.pop("score")}
    return DisclosedBid(
        bid_id=BidId(_id(row["bid_id"])),
        lot_id=LotId(_id(row["lot_id"])),
        vendor_id=PartyId(_id(row["vendor_id"])),
        is_awarded=bool(row["is_awarded"]),
        told=row,
        prices={name: value for name, value in prices.items() if value is not None},
        content=read_content(content.encode()) if isinstance(content, str) else None,
        technical=read_technical(technical.encode()) if isinstance(technical, str) else None,
    )


def _offer(row: asyncpg.Record, currency: Currency) -> tuple[BidId | None, Row, Row]:
    told = dict(row)
    bid_id = told["bid_id"]
    prices = _priced({"price_e4": told.pop("price_e4")}, currency)
    return (None if bid_id is None else BidId(bid_id)), told, prices


async def _claims(connection: Connection, rfp_id: RfpId) -> tuple[RecordedClaim, ...]:
    return tuple(claim_of(row) for row in await connection.fetch(ALL_OF_RFP, rfp_id))


async def _documents(connection: Connection, rfp_id: RfpId) -> tuple[DisclosedDocument, ...]:
    rows = await connection.fetch(sql.DOCUMENTS, rfp_id)
    return tuple(
        DisclosedDocument(
            bid_id=None if row["bid_id"] is None else BidId(row["bid_id"]),
            name=row["told_name"],
            media_type=row["told_media_type"],
            sha256=row["told_sha256"].hex(),
            length_bytes=row["told_length_bytes"],
            deposit=row["deposit"],
            readable=None if row["id"] is None else readable_of(row),
        )
        for row in rows
    )


def _priced(row: Row, currency: Currency) -> Row:
    price_e4 = row.pop("price_e4")
    if isinstance(price_e4, int):
        row["unit_price"] = UnitPrice(price_e4, currency)
    return row


def _totalled(row: Row, currency: Currency) -> Row:
    total_minor = row.pop("total_minor")
    assert isinstance(total_minor, int)
    return {**row, "total": Money(total_minor, currency), "currency": currency}


def _id(value: object) -> UUID:
    assert isinstance(value, UUID)
    return value


def _disclosure(row: asyncpg.Record) -> Disclosure:
    return Disclosure(
        id=DisclosureId(row["id"]),
        rfp_id=RfpId(row["rfp_id"]),
        document_id=DocumentId(row["document_id"]),
        sha256=row["sha256"].hex(),
        length_bytes=row["length_bytes"],
        redactions=row["redactions"],
        made_at=row["made_at"],
    )
