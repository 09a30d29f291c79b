"""Keep the claims of vendors who want an opened bid back. The lot's row guards them."""

from datetime import datetime
from typing import Final

import asyncpg

from services.bids.domain.bids import BidUnknown
from services.bids.domain.lots import Lot
from services.bids.domain.scoring.cascade import BidDisqualified
from services.bids.domain.withdrawals import (
    ClaimId,
    ClericalMistake,
    NewClaim,
    OpenedBid,
    WithdrawalClaim,
    WithdrawalClaimUnknown,
    Withdrawing,
)
from services.bids.ports.purchase import Part
from services.bids.ports.withdrawals import DecideClaim, DecideWithdrawal
from services.bids.store.auctioning import lock_own
from services.bids.store.lots import LotStore
from services.bids.store.scoring import set_aside
from shared import db
from shared.db import Connection, Pool
from shared.domain.ids import BidId, LotId, PartyId
from shared.journal import Aggregate, Entry, Journal

VENDOR: Final = "vendor"
"""Who claims, as the chain tells it: a vendor, for whom its bid's id stands."""

_COLUMNS: Final = """id, bid_id, lot_id, vendor_id, mistake, reason, evidence_sha256, claimed_at,
    is_granted, decided_reason, decided_at"""

_FIND: Final = f"""-- bids.find_withdrawal_claim
SELECT {_COLUMNS} FROM withdrawal_claim WHERE id = $1 AND lot_id = $2
"""  # noqa: S608 - joins a constant of this file

_OF_BID: Final = f"""-- bids.find_withdrawal_claim_of_bid
SELECT {_COLUMNS} FROM withdrawal_claim WHERE bid_id = $1
"""  # noqa: S608 - likewise

_PAGE: Final = f"""-- bids.page_withdrawal_claims
SELECT {_COLUMNS} FROM withdrawal_claim
WHERE lot_id = $1 AND ($2::uuid IS NULL OR vendor_id = $2) AND ($3::uuid IS NULL OR id > $3)
ORDER BY id LIMIT $4
"""  # noqa: S608 - likewise

_OPENED: Final = """-- bids.read_opened_bid_to_withdraw
SELECT price.bid_id, price.vendor_id, price.price_e4, opening.unsealed_at, rfp.policy_profile,
    EXISTS (SELECT FROM disqualification WHERE bid_id = price.bid_id) AS is_set_aside,
    (
        SELECT min(other.price_e4) FROM unsealed_bid AS other
        WHERE other.lot_id = price.lot_id AND other.bid_id <> price.bid_id
            AND other.bid_id NOT IN (
                SELECT bid_id FROM disqualification WHERE lot_id = price.lot_id
            )
    ) AS lowest_other_e4
FROM unsealed_bid AS price
JOIN bid ON bid.id = price.bid_id
JOIN opening ON opening.id = bid.opening_id
JOIN rfp ON rfp.id = opening.rfp_id
WHERE price.lot_id = $1 AND price.vendor_id = $2 AND price.failure IS NULL
"""

_ADD: Final = """-- bids.add_withdrawal_claim
INSERT INTO withdrawal_claim
    (id, bid_id, lot_id, vendor_id, mistake, reason, evidence_sha256, claimed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

_DECIDE: Final = """-- bids.decide_withdrawal_claim
UPDATE withdrawal_claim SET is_granted = $2, decided_reason = $3, decided_at = $4 WHERE id = $1
"""


class WithdrawalStore:
    """The port `Withdrawals` over PostgreSQL."""

    def __init__(self, pool: Pool, journal: Journal) -> None:
        """Use the service's pool, and its journal for the lots' chains and events."""
        self._pool = pool
        self._journal = journal
        self._lots = LotStore()

    async def claim(
        self, new: NewClaim, decide: DecideClaim, *, received_at: datetime
    ) -> WithdrawalClaim:
        """Keep a claim, with the lot's row held; one that stands under the id is returned.

        Raises:
            LotUnknown: No such lot.
            BidUnknown: The vendor has no opened bid on it.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            lot = await self._lots.lock(connection, new.lot_id)
            standing = await connection.fetchrow(_FIND, new.id, new.lot_id)
            if standing is not None and standing["vendor_id"] == new.vendor_id:
                return _claim_of(standing)
            withdrawing = decide(await _opened(connection, lot, new.vendor_id))
            claim = withdrawing.claim
            await connection.execute(
                _ADD,
                claim.id,
                claim.bid_id,
                claim.lot_id,
                claim.vendor_id,
                claim.mistake,
                claim.reason,
                claim.evidence_sha256,
                claim.claimed_at,
            )
            await self._record(connection, withdrawing, actor=VENDOR, at=received_at)
        return claim

    async def decide(
        self,
        lot_id: LotId,
        claim_id: ClaimId,
        decide: DecideWithdrawal,
        *,
        buyer_id: PartyId,
        at: datetime,
    ) -> WithdrawalClaim:
        """Decide on a claim on the buyer's own lot; a bid that is withdrawn is set aside with it.

        Raises:
            LotUnknown: No such lot, or another buyer's.
            WithdrawalClaimUnknown: No such claim on it.
            Refusal: Whatever `decide` refuses.
        """
        async with db.transaction(self._pool) as connection:
            lot = await lock_own(connection, self._lots, lot_id, buyer_id=buyer_id)
            row = await connection.fetchrow(_FIND, claim_id, lot_id)
            if row is None:
                raise WithdrawalClaimUnknown
            standing = _claim_of(row)
            withdrawing = decide(await _opened(connection, lot, standing.vendor_id))
            if withdrawing is None:
                return standing
            claim = withdrawing.claim
            await connection.execute(
                _DECIDE, claim.id, claim.is_granted, claim.decided_reason, claim.decided_at
            )
            for fact in withdrawing.facts:
                if isinstance(fact, BidDisqualified):
                    await set_aside(connection, fact, at=at)
            await self._record(connection, withdrawing, actor=str(buyer_id), at=at)
        return claim

    async def lot(self, lot_id: LotId) -> Lot:
        """Read a lot.

        Raises:
            LotUnknown: No such lot.
        """
        async with db.reading(self._pool) as connection:
            return await self._lots.read(connection, lot_id)

    async def page(
        self, lot_id: LotId, part: Part, *, vendor_id: PartyId | None
    ) -> list[WithdrawalClaim]:
        """Read a lot's claims by id; with `vendor_id`, that vendor's own."""
        async with db.reading(self._pool) as connection:
            rows = await connection.fetch(_PAGE, lot_id, vendor_id, part.after, part.limit)
        return [_claim_of(row) for row in rows]

    async def _record(
        self, connection: Connection, withdrawing: Withdrawing, *, actor: str, at: datetime
    ) -> None:
        lot = Aggregate("lot", withdrawing.claim.lot_id)
        links = await self._journal.record(
            connection, [Entry(lot, withdrawing.facts)], actor=actor, at=at
        )
        # Which vendor it is stays off the chain; each event goes to its one party.
        told = [(links[lot.id].sequence, withdrawing.told)]
        await self._journal.tell(connection, lot, told, at=at)


async def _opened(connection: Connection, lot: Lot, vendor_id: PartyId) -> OpenedBid:
    row = await connection.fetchrow(_OPENED, lot.id, vendor_id)
    if row is None:
        sentence = "You have no opened bid on this lot."
        raise BidUnknown(sentence)
    claim = await connection.fetchrow(_OF_BID, row["bid_id"])
    return OpenedBid(
        lot=lot,
        bid_id=BidId(row["bid_id"]),
        vendor_id=PartyId(row["vendor_id"]),
        price_e4=row["price_e4"],
        lowest_other_e4=row["lowest_other_e4"],
        unsealed_at=row["unsealed_at"],
        policy_profile=row["policy_profile"],
        is_set_aside=row["is_set_aside"],
        claim=None if claim is None else _claim_of(claim),
    )


def _claim_of(row: asyncpg.Record) -> WithdrawalClaim:
    return WithdrawalClaim(
        id=ClaimId(row["id"]),
        bid_id=BidId(row["bid_id"]),
        lot_id=LotId(row["lot_id"]),
        vendor_id=PartyId(row["vendor_id"]),
        mistake=ClericalMistake(row["mistake"]),
        reason=row["reason"],
        evidence_sha256=row["evidence_sha256"],
        claimed_at=row["claimed_at"],
        is_granted=row["is_granted"],
        decided_reason=row["decided_reason"],
        decided_at=row["decided_at"],
    )
