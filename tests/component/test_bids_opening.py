"""Closing at the deadline, and the opening by one custodian."""

import asyncio
import json
from datetime import timedelta
from functools import partial

import pytest

from services.bids.domain.bids import Filing, decide_filing
from services.bids.domain.ceremony import ShareFault
from services.bids.domain.custody import (
    OpenerKeyStale,
    OpeningNotClosed,
    ResealedShareMalformed,
)
from services.bids.domain.openings import OpeningStatus, OpeningUnknown
from services.bids.store.bids import BidStore
from services.bids.store.unsealing import LEASE_NAME
from services.bids.usecases.bids import ReceiptSigner
from shared import lease
from shared.db import Pool
from shared.domain import merkle
from shared.domain.ids import BidId, PartyId, RfpId, new_id
from shared.journal import Journal, first_broken, read_chain
from shared.lease import LeaseHolder
from shared.receipts import generate_signing_key
from shared.sealing import generate_key_pair, public_of
from tests.component.bids_purchase import (
    CLOSES_AT,
    GRACE,
    MICROSECOND,
    OPENED_AT,
    Purchase,
    publish,
)

RANKING = """-- tests.read_ranking
SELECT vendor_id, rank, price_e4, score::text AS score, failure FROM unsealed_bid
WHERE lot_id = $1 ORDER BY rank NULLS LAST
"""


@pytest.fixture
async def purchase(bids_database: Pool) -> Purchase:
    return await publish(bids_database, lots=2)


async def status_of(purchase: Purchase) -> OpeningStatus:
    return (await purchase.custody.opening_of(purchase.rfp_id)).opening.status


async def test_opening_stays_sealed_until_the_grace_has_passed(purchase: Purchase) -> None:
    purchase.clock.advance(CLOSES_AT + GRACE - OPENED_AT - MICROSECOND)

    assert await purchase.closer.step(purchase.clock.now()) == 0

    assert await status_of(purchase) == "sealed"


async def test_opening_closes_at_the_instant_at_which_the_grace_ends(purchase: Purchase) -> None:
    purchase.clock.advance(CLOSES_AT + GRACE - OPENED_AT)

    assert await purchase.closer.step(purchase.clock.now()) == 1

    assert await status_of(purchase) == "closed"
    assert await purchase.status_of_lot() == "closed"
    assert await purchase.pool.fetchval("SELECT status FROM rfp") == "closed"


async def test_opening_is_closed_once(purchase: Purchase) -> None:
    await purchase.close()

    assert await purchase.closer.step(purchase.clock.now()) == 0


async def test_two_closers_at_once_close_an_opening_once(purchase: Purchase) -> None:
    purchase.clock.advance(CLOSES_AT + GRACE - OPENED_AT)
    now = purchase.clock.now()

    await asyncio.gather(purchase.closer.step(now), purchase.closer.step(now))

    assert await purchase.types_of(purchase.opening_id) == ["opening.closed"]
    assert await purchase.types_of(purchase.lots[0]) == ["lot.closed.v1"]


async def test_close_publishes_the_root_over_the_bids_that_stand_in_the_logs_order(
    purchase: Purchase,
) -> None:
    await purchase.file("0.31", vendor=0)
    second = await purchase.file("0.29", vendor=1)
    await purchase.file("0.27", vendor=2)
    await purchase.bidding.withdraw(purchase.act(vendor=2))
    replaced = await purchase.file("0.28", vendor=0)
    await purchase.close()

    record = await purchase.custody.opening_of(purchase.rfp_id)

    standing = [second.receipt.sealed_sha256, replaced.receipt.sealed_sha256]
    assert [entry.sealed_sha256.hex() for entry in record.sealed_bids] == standing
    leaves = [bytes.fromhex(digest or "") for digest in standing]
    assert record.opening.merkle_root == merkle.root(leaves)


async def test_close_tells_how_many_bids_each_lot_has(purchase: Purchase) -> None:
    await purchase.file("0.31", vendor=0, lot=1)
    await purchase.file("0.29", vendor=1, lot=1)
    await purchase.close()

    told = [json.loads(envelope)["data"] for envelope in await purchase.events("lot.closed.v1")]

    assert {event["lot_id"]: event["bids"] for event in told} == {
        str(purchase.lots[0]): 0,
        str(purchase.lots[1]): 2,
    }


async def test_list_of_sealed_bids_is_empty_before_the_close(purchase: Purchase) -> None:
    await purchase.file("0.31")

    record = await purchase.custody.opening_of(purchase.rfp_id)

    assert (record.sealed_bids, record.opening.merkle_root) == ((), None)


async def test_bids_are_ranked_by_price_and_equal_prices_by_the_earlier_receipt(
    purchase: Purchase,
) -> None:
    await purchase.file("0.30", vendor=0, at=OPENED_AT + 2 * MICROSECOND)
    await purchase.file("0.25", vendor=1, at=OPENED_AT + MICROSECOND)
    await purchase.file("0.25", vendor=2, at=OPENED_AT)
    await purchase.open_bids()

    rows = await purchase.pool.fetch(RANKING, purchase.lots[0])

    assert [(row["vendor_id"], row["rank"], row["price_e4"], row["score"]) for row in rows] == [
        (purchase.vendors[2], 1, 2500, "100.000000"),
        (purchase.vendors[1], 2, 2500, "100.000000"),
        (purchase.vendors[0], 3, 3000, "83.333333"),
    ]


async def test_replaced_bid_is_opened_at_its_latest_price_and_withdrawn_one_not_at_all(
    purchase: Purchase,
) -> None:
    await purchase.file("0.30", vendor=0)
    await purchase.file("0.28", vendor=0)
    await purchase.file("0.20", vendor=1)
    await purchase.bidding.withdraw(purchase.act(vendor=1))
    await purchase.open_bids()

    rows = await purchase.pool.fetch(RANKING, purchase.lots[0])

    assert [(row["vendor_id"], row["price_e4"]) for row in rows] == [(purchase.vendors[0], 2800)]


async def test_opening_evaluates_every_lot_also_one_without_bids(purchase: Purchase) -> None:
    await purchase.file("0.30", vendor=0)
    await purchase.open_bids()

    assert await purchase.status_of_lot(0) == "evaluated"
    assert await purchase.status_of_lot(1) == "evaluated"
    assert (await purchase.types_of(purchase.lots[1]))[-1] == "lot.evaluated"


async def test_opening_without_any_bid_takes_place(purchase: Purchase) -> None:
    await purchase.open_bids()

    record = await purchase.custody.opening_of(purchase.rfp_id)

    assert (record.opening.status, record.opened, record.failed) == ("unsealed", 0, 0)


async def test_opening_is_told_with_root_and_counts_and_its_chain_holds_no_price(
    purchase: Purchase,
) -> None:
    await purchase.file("7391.4826", vendor=0)
    await purchase.open_bids()

    told = json.loads((await purchase.events("bids.unsealed.v1"))[0])["data"]
    entries = await purchase.pool.fetchval("SELECT string_agg(entry, ' ') FROM audit")
    async with purchase.pool.acquire() as connection:
        chain = await read_chain(connection, purchase.opening_id, after=0, limit=100)

    record = await purchase.custody.opening_of(purchase.rfp_id)
    assert record.opening.merkle_root is not None
    assert told["merkle_root"] == record.opening.merkle_root.hex()
    assert (told["opened"], told["failed"]) == (1, 0)
    assert "7391" not in entries
    assert first_broken(chain) is None


async def test_bid_that_does_not_open_is_recorded_as_failed_and_takes_no_part(
    purchase: Purchase,
) -> None:
    await purchase.file("0.30", vendor=0)
    await _file_garbage(purchase, vendor=1)
    await purchase.open_bids()

    rows = await purchase.pool.fetch(RANKING, purchase.lots[0])
    record = await purchase.custody.opening_of(purchase.rfp_id)

    assert [(row["vendor_id"], row["rank"], row["failure"]) for row in rows] == [
        (purchase.vendors[0], 1, None),
        (purchase.vendors[1], None, "seal_broken"),
    ]
    assert (record.opened, record.failed) == (1, 1)
    assert "opening.bid_failed" in await purchase.types_of(purchase.opening_id)


async def test_share_before_the_close_is_refused(purchase: Purchase) -> None:
    with pytest.raises(OpeningNotClosed):
        await purchase.custody.submit(
            purchase.opening_id,
            custodian_id=purchase.custodian_id,
            opener_key=bytes(32),
            share=bytes(82),
        )


async def test_share_sealed_to_another_key_than_the_openers_is_refused(
    purchase: Purchase,
) -> None:
    await purchase.close()
    await purchase.unsealer().step(purchase.clock.now())

    with pytest.raises(OpenerKeyStale):
        await purchase.custody.submit(
            purchase.opening_id,
            custodian_id=purchase.custodian_id,
            opener_key=generate_key_pair().public,
            share=bytes(82),
        )


async def test_share_of_another_length_than_a_sealed_one_is_refused(purchase: Purchase) -> None:
    await purchase.close()
    await purchase.unsealer().step(purchase.clock.now())
    opener_key, share = await purchase.resealed()

    with pytest.raises(ResealedShareMalformed):
        await purchase.custody.submit(
            purchase.opening_id,
            custodian_id=purchase.custodian_id,
            opener_key=opener_key,
            share=share[:-1],
        )


async def test_another_custodian_sees_neither_opening_nor_share(purchase: Purchase) -> None:
    other = PartyId(new_id())

    with pytest.raises(OpeningUnknown):
        await purchase.custody.sealed_share(purchase.opening_id, custodian_id=other)
    with pytest.raises(OpeningUnknown):
        await purchase.custody.submit(
            purchase.opening_id, custodian_id=other, opener_key=bytes(32), share=bytes(82)
        )


async def test_rfp_without_opening_is_unknown_to_the_openings(purchase: Purchase) -> None:
    with pytest.raises(OpeningUnknown):
        await purchase.custody.opening_of(RfpId(new_id()))


async def test_share_of_a_wrong_key_is_refused_and_recorded_and_the_right_one_opens(
    purchase: Purchase,
) -> None:
    await purchase.file("0.30", vendor=0)
    await purchase.close()
    unsealer = purchase.unsealer()
    await unsealer.step(purchase.clock.now())
    await purchase.submit(private=generate_key_pair().private)

    assert await unsealer.step(purchase.clock.now()) == 0

    refused = (await purchase.custody.opening_of(purchase.rfp_id)).opening
    assert refused.status == "closed"
    assert refused.seats[0].refused_reason == ShareFault.ALTERED
    assert (await purchase.types_of(purchase.opening_id))[-1] == "opening.share_refused"
    await purchase.submit()
    assert await unsealer.step(purchase.clock.now()) == 1
    assert await status_of(purchase) == "unsealed"


async def test_share_that_does_not_open_is_refused_and_recorded(purchase: Purchase) -> None:
    await purchase.close()
    unsealer = purchase.unsealer()
    await unsealer.step(purchase.clock.now())
    opener_key, share = await purchase.resealed()
    altered = share[:-1] + bytes([share[-1] ^ 1])
    await purchase.custody.submit(
        purchase.opening_id,
        custodian_id=purchase.custodian_id,
        opener_key=opener_key,
        share=altered,
    )

    assert await unsealer.step(purchase.clock.now()) == 0

    opening = (await purchase.custody.opening_of(purchase.rfp_id)).opening
    assert opening.seats[0].refused_reason == ShareFault.BROKEN


async def test_opener_that_dies_holding_a_share_is_followed_by_one_with_another_key(
    purchase: Purchase,
) -> None:
    await purchase.file("0.30", vendor=0)
    await purchase.close()
    first = purchase.unsealer(purchase.lease(lease_s=0.001))
    await first.step(purchase.clock.now())
    key_before, _ = await purchase.resealed()
    await purchase.submit()

    # The first opener never steps again: its memory, and the share with it, is gone.
    second = purchase.unsealer()
    assert await second.step(purchase.clock.now()) == 0

    opening = (await purchase.custody.opening_of(purchase.rfp_id)).opening
    assert opening.opener_key != key_before
    assert opening.submitted == ()
    assert await second.step(purchase.clock.now()) == 0
    await purchase.submit()
    assert await second.step(purchase.clock.now()) == 1
    assert await status_of(purchase) == "unsealed"


async def test_only_the_holder_of_the_lease_shows_a_key(purchase: Purchase) -> None:
    await purchase.close()
    await purchase.unsealer().step(purchase.clock.now())
    key_before, _ = await purchase.resealed()

    await purchase.unsealer().step(purchase.clock.now())

    key_after, _ = await purchase.resealed()
    assert key_after == key_before


async def test_opener_that_lost_its_lease_unawares_opens_nothing(purchase: Purchase) -> None:
    await purchase.file("0.30", vendor=0)
    await purchase.close()
    slept = purchase.unsealer()
    await slept.step(purchase.clock.now())
    await purchase.submit()
    async with purchase.pool.acquire() as connection:
        await connection.execute("UPDATE lease SET until = clock_timestamp() - interval '1 s'")
        await lease.acquire(connection, [LEASE_NAME], holder=new_id(), lease_s=30)

    assert await slept.step(purchase.clock.now()) == 0

    assert await purchase.pool.fetchval("SELECT count(*) FROM unsealed_bid") == 0
    assert await status_of(purchase) == "closed"


class LapsingLease:
    """A lease that is lost after so many questions."""

    def __init__(self, held: LeaseHolder) -> None:
        self._held = held
        self.answers_left: int | None = None

    async def token(self) -> int | None:
        if self.answers_left is None:
            return await self._held.token()
        self.answers_left -= 1
        return await self._held.token() if self.answers_left >= 0 else None


async def test_opener_that_loses_its_lease_while_it_opens_writes_nothing(
    purchase: Purchase,
) -> None:
    await purchase.file("0.30", vendor=0)
    await purchase.close()
    held = LapsingLease(purchase.lease())
    unsealer = purchase.unsealer(held)
    await unsealer.step(purchase.clock.now())
    await purchase.submit()

    # It is asked once for the list, once for the opening, and then for each page of bids.
    held.answers_left = 2
    assert await unsealer.step(purchase.clock.now()) == 0
    assert await purchase.pool.fetchval("SELECT count(*) FROM unsealed_bid") == 0

    held.answers_left = 3
    assert await unsealer.step(purchase.clock.now()) == 1


async def test_openings_key_is_nowhere_in_the_database_after_the_opening(
    purchase: Purchase,
) -> None:
    await purchase.file("0.30", vendor=0)
    await purchase.open_bids()

    row = await purchase.pool.fetchrow("SELECT * FROM opening JOIN seat ON opening_id = id")

    assert row is not None
    assert row["submitted_share"] is None
    assert row["submitted_at"] is not None
    assert public_of(purchase.opening_pair.private) == row["public_key"]
    assert purchase.opening_pair.private.hex() not in str(dict(row))


async def test_cancelled_opening_is_neither_closed_nor_opened(purchase: Purchase) -> None:
    await purchase.pool.execute("UPDATE opening SET status = 'cancelled'")
    purchase.clock.advance(CLOSES_AT + GRACE - OPENED_AT + timedelta(days=1))

    assert await purchase.closer.step(purchase.clock.now()) == 0
    assert await purchase.unsealer().step(purchase.clock.now()) == 0


async def _file_garbage(purchase: Purchase, *, vendor: int) -> None:
    """File what has the length of a sealed bid, and is none."""
    filing = Filing(
        version_id=new_id(),
        opening_id=purchase.opening_id,
        lot_id=purchase.lots[0],
        vendor_id=purchase.vendors[vendor],
        received_at=OPENED_AT,
        sealed=bytes(4 * 4096 + 48),
    )

    decide = partial(decide_filing, filing=filing, new_bid_id=BidId(new_id()))
    store = BidStore(purchase.pool, Journal("bids"))
    signer = ReceiptSigner(generate_signing_key())
    await store.file(filing, decide, sign=signer.sign)
