"""Filing, replacing and withdrawing sealed bids, up to the deadline and at it."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import pytest

from services.bids.domain.bids import (
    BidLate,
    BidUnknown,
    BidWithdrawnAlready,
    FilingTooSlow,
    LotNotOpen,
    PriceZero,
    VendorUnknown,
)
from services.bids.domain.lots import LotUnknown
from services.bids.store.bids import BidStore
from services.bids.store.profiles import read_profiles
from services.bids.usecases.bids import ReceiptSigner, SealedBidding
from shared.db import Pool
from shared.domain.ids import LotId, PartyId, new_id
from shared.domain.money import CurrencyWrong, UnitPrice
from shared.journal import Journal, first_broken, read_chain
from shared.receipts import ReceiptAction, generate_signing_key, verify_receipt
from tests.component.bids_purchase import (
    CLOSES_AT,
    EUR,
    GRACE,
    MICROSECOND,
    OPENED_AT,
    USD,
    Purchase,
    publish,
)
from tests.patience import PATIENCE_S

WAITING = """-- tests.count_waiting
SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1
"""


@pytest.fixture
async def purchase(bids_database: Pool) -> Purchase:
    return await publish(bids_database)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():  # noqa: ASYNC110 - the server sets no event
            await asyncio.sleep(0.01)


async def is_waiting(pool: Pool, query: str) -> bool:
    return bool(await pool.fetchval(WAITING, f"-- {query}%"))


async def test_receipt_of_a_bid_verifies_offline_and_names_its_place_in_the_log(
    bids_database: Pool,
) -> None:
    purchase = await publish(bids_database)
    key = generate_signing_key()
    bidding = SealedBidding(
        BidStore(bids_database, Journal("bids")),
        ReceiptSigner(key),
        clock=purchase.clock,
        policies=read_profiles(),
        deadline_s=5,
        new_nonce=lambda: bytes(32),
    )

    signed = await bidding.file(purchase.act(), UnitPrice.parse("0.2875", USD))

    receipt = verify_receipt(signed.token, key.public_key())
    assert receipt == signed.receipt
    assert (receipt.version, receipt.action) == (1, ReceiptAction.FILED)
    async with bids_database.acquire() as connection:
        chain = await read_chain(connection, purchase.opening_id, after=0, limit=10)
    assert first_broken(chain) is None
    sequence, entry, digest = chain[receipt.log_index - 1]
    assert (sequence, digest.hex()) == (receipt.log_index, receipt.log_hash)
    assert json.loads(entry)["data"]["sealed_sha256"] == receipt.sealed_sha256


async def test_log_tells_that_a_bid_was_filed_but_not_by_whom(purchase: Purchase) -> None:
    signed = await purchase.file("0.2875")

    chain = await purchase.pool.fetchval("SELECT string_agg(entry, ' ') FROM audit")
    assert str(signed.receipt.bid_id) in chain
    assert str(purchase.vendors[0]) not in chain


async def test_bid_received_a_microsecond_before_the_deadline_is_filed(purchase: Purchase) -> None:
    signed = await purchase.file("0.2875", at=CLOSES_AT - MICROSECOND)

    assert signed.receipt.received_at == CLOSES_AT - MICROSECOND


async def test_bid_received_at_the_closing_instant_is_late(purchase: Purchase) -> None:
    with pytest.raises(BidLate):
        await purchase.file("0.2875", at=CLOSES_AT)

    assert await purchase.pool.fetchval("SELECT count(*) FROM bid_version") == 0


async def test_withdrawal_received_at_the_closing_instant_is_late(purchase: Purchase) -> None:
    await purchase.file("0.2875")

    with pytest.raises(BidLate):
        await purchase.bidding.withdraw(purchase.act(at=CLOSES_AT))


async def test_bid_is_replaced_withdrawn_and_filed_again_as_versions_of_one_bid(
    purchase: Purchase,
) -> None:
    first = await purchase.file("0.2875")
    second = await purchase.file("0.2725")
    third = await purchase.bidding.withdraw(purchase.act())
    fourth = await purchase.file("0.2650")

    receipts = [signed.receipt for signed in (first, second, third, fourth)]
    assert [receipt.version for receipt in receipts] == [1, 2, 3, 4]
    assert len({receipt.bid_id for receipt in receipts}) == 1
    assert [receipt.action for receipt in receipts] == ["filed", "filed", "withdrawn", "filed"]
    assert receipts[2].sealed_sha256 is None
    kept = await purchase.bidding.receipts_of(receipts[0].bid_id, vendor_id=purchase.vendors[0])
    assert kept == [first, second, third, fourth]


async def test_bid_that_was_never_filed_cannot_be_withdrawn(purchase: Purchase) -> None:
    await purchase.file("0.2875", vendor=1)

    with pytest.raises(BidUnknown):
        await purchase.bidding.withdraw(purchase.act(vendor=0))


async def test_bid_cannot_be_withdrawn_twice(purchase: Purchase) -> None:
    await purchase.file("0.2875")
    await purchase.bidding.withdraw(purchase.act())

    with pytest.raises(BidWithdrawnAlready):
        await purchase.bidding.withdraw(purchase.act())


async def test_repeated_filing_returns_the_first_receipt_even_after_the_close(
    purchase: Purchase,
) -> None:
    act = purchase.act()
    first = await purchase.bidding.file(act, UnitPrice.parse("0.2875", USD))
    await purchase.close()

    late = replace(act, received_at=purchase.clock.now())
    again = await purchase.bidding.file(late, UnitPrice.parse("0.1111", USD))

    assert again == first
    assert await purchase.pool.fetchval("SELECT count(*) FROM bid_version") == 1


async def test_repeated_withdrawal_returns_the_first_receipt(purchase: Purchase) -> None:
    await purchase.file("0.2875")
    act = purchase.act()
    first = await purchase.bidding.withdraw(act)

    assert await purchase.bidding.withdraw(act) == first


async def test_vendor_reads_the_receipts_of_no_other_vendors_bid(purchase: Purchase) -> None:
    signed = await purchase.file("0.2875", vendor=0)

    with pytest.raises(BidUnknown):
        await purchase.bidding.receipts_of(signed.receipt.bid_id, vendor_id=purchase.vendors[1])


async def test_id_of_a_filing_finds_its_receipt_for_its_own_vendor_alone(
    purchase: Purchase,
) -> None:
    store, version_id = BidStore(purchase.pool, Journal("bids")), new_id()
    signed = await purchase.bidding.file(
        purchase.act(vendor=0, under=version_id), UnitPrice.parse("0.2875", USD)
    )

    own, other = [
        await store.receipt_of(version_id, vendor_id=vendor_id)
        for vendor_id in purchase.vendors[:2]
    ]

    assert (own, other) == (signed, None)


async def test_party_that_is_no_vendor_files_no_bid(purchase: Purchase) -> None:
    purchase.vendors.append(purchase.members[0])

    with pytest.raises(VendorUnknown):
        await purchase.file("0.2875", vendor=-1)


async def test_stranger_files_no_bid(purchase: Purchase) -> None:
    purchase.vendors.append(PartyId(new_id()))

    with pytest.raises(VendorUnknown):
        await purchase.file("0.2875", vendor=-1)


async def test_bid_in_another_currency_is_refused(purchase: Purchase) -> None:
    with pytest.raises(CurrencyWrong):
        await purchase.bidding.file(purchase.act(), UnitPrice.parse("0.2875", EUR))


async def test_price_of_zero_is_refused_and_the_smallest_price_is_filed(
    purchase: Purchase,
) -> None:
    with pytest.raises(PriceZero):
        await purchase.file("0")

    assert (await purchase.file("0.0001")).receipt.version == 1


async def test_lot_that_does_not_exist_takes_no_bid(purchase: Purchase) -> None:
    purchase.lots.append(LotId(new_id()))

    with pytest.raises(LotUnknown):
        await purchase.file("0.2875", lot=-1)


async def test_cancelled_lot_takes_no_bid(purchase: Purchase) -> None:
    await purchase.pool.execute("UPDATE lot SET status = 'cancelled'")
    await purchase.pool.execute("UPDATE opening SET status = 'cancelled'")

    with pytest.raises(LotNotOpen):
        await purchase.file("0.2875")


async def test_filing_that_holds_the_gate_delays_the_closer_and_counts(
    purchase: Purchase,
) -> None:
    pool = purchase.pool
    purchase.clock.advance(CLOSES_AT + GRACE - OPENED_AT)
    now = purchase.clock.now()
    # The clock of a filing that hangs is not the closer's: its body came in time.
    store = BidStore(pool, Journal("bids"))
    bidding = SealedBidding(
        store,
        ReceiptSigner(generate_signing_key()),
        clock=type(purchase.clock)(CLOSES_AT),
        policies=read_profiles(),
        deadline_s=5,
        new_nonce=lambda: bytes(32),
    )
    async with (
        pool.acquire() as connection,
        asyncio.TaskGroup() as group,
        connection.transaction(),
    ):
        await connection.execute("SELECT FROM opening_log FOR UPDATE")
        act = purchase.act(at=CLOSES_AT - MICROSECOND)
        filing = group.create_task(bidding.file(act, UnitPrice.parse("0.2875", USD)))
        await until(partial(is_waiting, pool, "bids.lock_opening_log"))
        closing = group.create_task(purchase.closer.step(now))
        await until(partial(is_waiting, pool, "bids.lock_opening "))
        assert not closing.done()

    assert closing.result() == 1
    assert filing.result().receipt.version == 1
    record = await purchase.custody.opening_of(purchase.rfp_id)
    assert [entry.bid_id for entry in record.sealed_bids] == [filing.result().receipt.bid_id]


async def test_filing_after_the_gate_was_shut_is_refused_though_received_in_time(
    purchase: Purchase,
) -> None:
    await purchase.close()
    late = SealedBidding(
        BidStore(purchase.pool, Journal("bids")),
        ReceiptSigner(generate_signing_key()),
        clock=type(purchase.clock)(CLOSES_AT),
        policies=read_profiles(),
        deadline_s=5,
        new_nonce=lambda: bytes(32),
    )

    with pytest.raises(BidLate):
        await late.file(purchase.act(at=CLOSES_AT - MICROSECOND), UnitPrice.parse("0.2875", USD))


async def test_filing_that_exceeds_its_deadline_is_in_doubt_and_can_be_repeated(
    purchase: Purchase,
) -> None:
    pool = purchase.pool
    hasty = SealedBidding(
        BidStore(pool, Journal("bids")),
        ReceiptSigner(generate_signing_key()),
        clock=purchase.clock,
        policies=read_profiles(),
        deadline_s=0.2,
        new_nonce=lambda: bytes(32),
    )
    act = purchase.act()
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM opening_log FOR UPDATE")
        with pytest.raises(FilingTooSlow):
            await hasty.file(act, UnitPrice.parse("0.2875", USD))

    signed = await purchase.bidding.file(act, UnitPrice.parse("0.2875", USD))

    assert signed.receipt.version == 1


async def test_nothing_in_any_table_can_be_read_of_a_price_before_the_opening(
    purchase: Purchase,
) -> None:
    canary = "7391.4826"
    await purchase.file(canary)
    await purchase.file("6283.1853")
    await purchase.bidding.withdraw(purchase.act())
    await purchase.file(canary)
    await purchase.close()
    await purchase.unsealer().step(purchase.clock.now())

    text = await _whole_database_as_text(purchase.pool)

    scaled = "73914826"
    forms = {canary, scaled, f"{int(scaled):x}", *_encoded(canary), *_encoded(scaled)}
    assert str(purchase.lots[0]) in text
    assert [form for form in forms if form.lower() in text.lower()] == []


def _encoded(text: str) -> list[str]:
    """Hexadecimal, and base64 at each of its three alignments, without the edge characters."""
    raw = text.encode()
    shifted = (base64.b64encode(b"\0" * skip + raw + b"\0\0").decode() for skip in range(3))
    return [raw.hex(), *(form[4:-4] for form in shifted)]


async def _whole_database_as_text(pool: Pool) -> str:
    tables = await pool.fetch(
        "SELECT relname FROM pg_class"
        " WHERE relnamespace = 'bids'::regnamespace AND relkind = 'r' AND relname <> 'migration'"
    )
    rows = [
        row["row"]
        for table in tables
        for row in await pool.fetch(f"SELECT t::text AS row FROM {table['relname']} AS t")  # noqa: S608 - names from the catalogue
    ]
    return "\n".join(rows)
