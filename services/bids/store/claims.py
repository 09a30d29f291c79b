"""Keep claims of confidentiality, and what was decided of them."""

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Final

import asyncpg

from services.bids.domain.bids import BidUnknown
from services.bids.domain.claims import (
    ClaimableBid,
    ClaimId,
    ClaimMadeAlready,
    ClaimUnknown,
    ConfidentialityClaimed,
    RecordedClaim,
)
from services.bids.ports.disclosures import ClaimViewer, DecideClaim, DecideVerdict
from services.bids.store import rfps
from shared import db
from shared.db import Connection, Pool
from shared.domain.bid_content import read_content, read_technical
from shared.domain.bid_documents import Claim
from shared.domain.facts import Fact
from shared.domain.ids import BidId, LotId, PartyId, RfpId, new_id
from shared.journal import Aggregate, Entry, Journal

ListedClaims = tuple[BidId, Sequence[Claim]]
"""A bid, and the claims that its sealed content makes."""

_SELECT: Final = """
SELECT claim.id, claim.rfp_id, claim.bid_id, bid.vendor_id, claim.part, claim.ground,
    claim.claimed_at, claim.is_granted, claim.reason, claim.decided_at
FROM confidentiality_claim AS claim JOIN bid ON bid.id = claim.bid_id
"""

_OF_RFP: Final = f"""-- bids.list_claims {_SELECT}
JOIN rfp ON rfp.id = claim.rfp_id
WHERE claim.rfp_id = $1 AND ($3 OR rfp.buyer_id = $2 OR bid.vendor_id = $2) ORDER BY claim.id
"""

ALL_OF_RFP: Final = f"""-- bids.list_all_claims {_SELECT}
WHERE claim.rfp_id = $1 ORDER BY claim.id
"""

_OF_BUYER: Final = f"""-- bids.find_claim_to_judge {_SELECT}
JOIN rfp ON rfp.id = claim.rfp_id WHERE claim.id = $1 AND rfp.buyer_id = $2
"""

_BID: Final = """-- bids.read_claimable_bid
SELECT bid.id, bid.lot_id, bid.vendor_id, lot.rfp_id, rfp.policy_profile,
    unsealed.content, part.content AS technical,
    EXISTS (
        SELECT FROM award WHERE award.lot_id = bid.lot_id AND award.vendor_id = bid.vendor_id
            AND award.status <> 'withdrawn'
    ) AS is_awarded,
    EXISTS (SELECT FROM disclosure WHERE disclosure.rfp_id = lot.rfp_id) AS is_disclosed
FROM bid
JOIN lot ON lot.id = bid.lot_id
JOIN rfp ON rfp.id = lot.rfp_id
LEFT JOIN unsealed_bid AS unsealed ON unsealed.bid_id = bid.id
LEFT JOIN technical_part AS part ON part.bid_id = bid.id
WHERE bid.id = $1
"""

_RFP_OF_BID: Final = """-- bids.find_rfp_of_claimed_bid
SELECT lot.rfp_id FROM bid JOIN lot ON lot.id = bid.lot_id WHERE bid.id = $1 AND bid.vendor_id = $2
"""

_ADD: Final = """-- bids.add_claim
INSERT INTO confidentiality_claim (id, rfp_id, bid_id, part, ground, claimed_at)
VALUES ($1, $2, $3, $4, $5, $6)
"""

_ADD_SEALED: Final = """-- bids.add_sealed_claims
INSERT INTO confidentiality_claim (id, rfp_id, bid_id, part, ground, claimed_at)
SELECT listed.id, lot.rfp_id, listed.bid_id, listed.part, listed.ground, $1
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[]) AS listed (id, bid_id, part, ground)
JOIN bid ON bid.id = listed.bid_id
JOIN lot ON lot.id = bid.lot_id
ON CONFLICT ON CONSTRAINT confidentiality_claim_part_key DO NOTHING
RETURNING id, bid_id, part, ground
"""

_JUDGE: Final = """-- bids.judge_claim
UPDATE confidentiality_claim SET is_granted = $2, reason = $3, decided_at = $4 WHERE id = $1
"""


class ClaimStore:
    """The port `Claims` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool, and its journal for the chains of RFPs."""
        self._pool = pool
        self._journal = journal

    async def add(
        self, bid_id: BidId, decide: DecideClaim, *, vendor_id: PartyId, at: datetime
    ) -> RecordedClaim:
        """Record a vendor's claim on its own bid.

        Raises:
            BidUnknown: No such bid, or another vendor's.
            ClaimMadeAlready: The part is claimed already.
            Refusal: Whatever `decide` refuses, with the RFP locked.
        """
        async with db.transaction(self._pool) as connection:
            rfp_id = await connection.fetchval(_RFP_OF_BID, bid_id, vendor_id)
            if rfp_id is None:
                sentence = "You have no such bid."
                raise BidUnknown(sentence)
            await rfps.lock(connection, RfpId(rfp_id))
            decision = decide(await _claimable(connection, bid_id))
            claim = decision.state
            values = (claim.id, claim.rfp_id, claim.bid_id, claim.part, claim.ground, at)
            try:
                await connection.execute(_ADD, *values)
            except asyncpg.UniqueViolationError as error:
                sentence = "This part of the bid is claimed already."
                raise ClaimMadeAlready(sentence) from error
            await self._tell(connection, claim, decision.facts, actor=vendor_id, at=at)
        return claim

    async def judge(
        self, claim_id: ClaimId, decide: DecideVerdict, *, buyer_id: PartyId, at: datetime
    ) -> RecordedClaim:
        """Record a buyer's verdict.

        Raises:
            ClaimUnknown: No such claim on a bid to an RFP of this buyer's.
            Refusal: Whatever `decide` refuses, with the RFP locked.
        """
        async with db.transaction(self._pool) as connection:
            found = await connection.fetchrow(_OF_BUYER, claim_id, buyer_id)
            if found is None:
                sentence = "There is no such claim."
                raise ClaimUnknown(sentence)
            await rfps.lock(connection, RfpId(found["rfp_id"]))
            claim = claim_of(await connection.fetchrow(_OF_BUYER, claim_id, buyer_id))
            decision = decide(await _claimable(connection, claim.bid_id), claim)
            judged = decision.state
            await connection.execute(
                _JUDGE, judged.id, judged.is_granted, judged.reason, judged.decided_at
            )
            await self._tell(connection, judged, decision.facts, actor=buyer_id, at=at)
        return judged

    async def of_rfp(self, rfp_id: RfpId, viewer: ClaimViewer) -> list[RecordedClaim]:
        """List an RFP's claims that a viewer may see.

        Raises:
            RfpUnknown: No such RFP that was published.
        """
        async with db.reading(self._pool) as connection:
            await rfps.find_visible(connection, rfp_id, viewer.party_id)
            rows = await connection.fetch(_OF_RFP, rfp_id, viewer.party_id, viewer.is_auditor)
        return [claim_of(row) for row in rows]

    async def _tell(
        self,
        connection: Connection,
        claim: RecordedClaim,
        facts: tuple[Fact, ...],
        *,
        actor: PartyId,
        at: datetime,
    ) -> None:
        entry = Entry(Aggregate("rfp", claim.rfp_id), facts)
        await self._journal.record(connection, [entry], actor=str(actor), at=at)


async def add_claims(
    connection: Connection, listed: Sequence[ListedClaims], at: datetime
) -> tuple[ConfidentialityClaimed, ...]:
    """Write the claims that opened bids make; a part that is claimed twice is claimed once."""
    rows = list(
        chain.from_iterable(
            [(new_id(), bid_id, claim.part, claim.ground) for claim in claims]
            for bid_id, claims in listed
        )
    )
    if not rows:
        return ()
    added = await connection.fetch(_ADD_SEALED, at, *map(list, zip(*rows, strict=True)))
    return tuple(
        ConfidentialityClaimed(
            claim_id=ClaimId(row["id"]),
            bid_id=BidId(row["bid_id"]),
            part=row["part"],
            ground=row["ground"],
        )
        for row in added
    )


def claim_of(row: asyncpg.Record | None) -> RecordedClaim:
    """Build a claim from the columns that every query here lists."""
    assert row is not None, "a claim that was just found is gone, though none is removed"
    return RecordedClaim(
        id=ClaimId(row["id"]),
        rfp_id=RfpId(row["rfp_id"]),
        bid_id=BidId(row["bid_id"]),
        vendor_id=PartyId(row["vendor_id"]),
        part=row["part"],
        ground=row["ground"],
        claimed_at=row["claimed_at"],
        is_granted=row["is_granted"],
        reason=row["reason"],
        decided_at=row["decided_at"],
    )


async def _claimable(connection: Connection, bid_id: BidId) -> ClaimableBid:
    row = await connection.fetchrow(_BID, bid_id)
    assert row is not None, "a bid that was just found is gone, though none is removed"
    content, technical = row["content"], row["technical"]
    return ClaimableBid(
        rfp_id=RfpId(row["rfp_id"]),
        policy_profile=row["policy_profile"],
        bid_id=bid_id,
        lot_id=LotId(row["lot_id"]),
        vendor_id=PartyId(row["vendor_id"]),
        content=None if content is None else read_content(content.encode()),
        technical=None if technical is None else read_technical(technical.encode()),
        is_awarded=row["is_awarded"],
        is_disclosed=row["is_disclosed"],
    )
