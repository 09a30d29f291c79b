"""An opening by two of three custodians, and what may go wrong on the way; and its rehearsal."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.bids.domain.ceremony import Ceremony, CustodianKeyMissing, Purpose, ShareFault
from services.bids.domain.openings import Opening, OpeningUnknown
from services.bids.domain.parties import CustodianUnknown
from services.bids.domain.rfps import RfpNotDraft, RfpUnknown
from services.bids.store.ceremonies import CeremonyStore
from services.bids.usecases.ceremonies import Rehearsing
from services.bids.worker import Unsealer
from shared.db import Pool
from shared.domain.ids import OpeningId, PartyId, new_id
from shared.journal import Journal, first_broken, read_chain
from shared.sealing import Share, check_pair, combine, seal_share, unseal_share
from tests.component.bids_purchase import OPENED_AT, WINDOW, Purchase, publish

_KEY = """-- tests.add_custodian_key
INSERT INTO custodian_key (custodian_id, public_key, registered_at) VALUES ($1, $2, $3)
"""

_FACT = """-- tests.read_facts
SELECT entry FROM audit WHERE aggregate_id = $1 AND type = $2 ORDER BY sequence
"""


@pytest.fixture
async def purchase(bids_database: Pool) -> Purchase:
    return await publish(bids_database, custodians=3, threshold=2)


async def closed(purchase: Purchase) -> Unsealer:
    """Close with one bid filed, and let an opener show its key."""
    await purchase.file("0.30", vendor=0)
    await purchase.close()
    unsealer = purchase.unsealer()
    await unsealer.step(purchase.clock.now())
    return unsealer


async def opening_of(purchase: Purchase) -> Opening:
    return (await purchase.custody.opening_of(purchase.rfp_id)).opening


async def facts(pool: Pool, opening_id: OpeningId, fact: str) -> list[Any]:
    return [json.loads(row["entry"])["data"] for row in await pool.fetch(_FACT, opening_id, fact)]


async def submit_altered(purchase: Purchase, *, seat: int) -> None:
    """Hand over a share one bit of which is flipped, sealed as a right one is."""
    _, sealed = await purchase.custody.sealed_share(
        purchase.opening_id, custodian_id=purchase.custodian_ids[seat]
    )
    keys, opening_id = purchase.custodians[seat], purchase.opening_id
    share = Share.from_bytes(
        unseal_share(sealed, keys.private, opening_id=opening_id, purpose="custody")
    )
    altered = replace(share, value=bytes([share.value[0] ^ 1]) + share.value[1:])
    opener_key = (await opening_of(purchase)).opener_key
    assert opener_key is not None
    resealed = seal_share(altered.to_bytes(), opener_key, opening_id=opening_id, purpose="opening")
    await purchase.custody.submit(
        opening_id,
        custodian_id=purchase.custodian_ids[seat],
        opener_key=opener_key,
        share=resealed,
    )


@pytest.mark.parametrize("present", [(0, 1), (2, 0), (1, 2)])
async def test_any_two_of_three_custodians_open_the_bids(
    purchase: Purchase, present: tuple[int, int]
) -> None:
    unsealer = await closed(purchase)

    for seat in present:
        assert await unsealer.step(purchase.clock.now()) == 0
        await purchase.submit(seat=seat)
    assert await unsealer.step(purchase.clock.now()) == 1

    record = await purchase.custody.opening_of(purchase.rfp_id)
    assert (record.opening.status, record.opened, record.failed) == ("unsealed", 1, 0)
    attended = {seat.index for seat in record.opening.seats if seat.submitted_at is not None}
    assert attended == {seat + 1 for seat in present}
    async with purchase.pool.acquire() as connection:
        chain = await read_chain(connection, purchase.opening_id, after=0, limit=100)
    assert first_broken(chain) is None


async def test_one_custodian_alone_opens_nothing_however_often_it_comes(
    purchase: Purchase,
) -> None:
    unsealer = await closed(purchase)

    for _ in range(3):
        await purchase.submit(seat=1)
        assert await unsealer.step(purchase.clock.now()) == 0

    assert await purchase.pool.fetchval("SELECT count(*) FROM unsealed_bid") == 0


async def test_flipped_bit_in_one_share_is_named_and_its_custodian_comes_again(
    purchase: Purchase,
) -> None:
    unsealer = await closed(purchase)
    await purchase.submit(seat=0)
    await submit_altered(purchase, seat=2)

    assert await unsealer.step(purchase.clock.now()) == 0

    reasons = [seat.refused_reason for seat in (await opening_of(purchase)).seats]
    assert reasons == [None, None, ShareFault.ALTERED]
    assert await facts(purchase.pool, purchase.opening_id, "opening.share_refused") == [
        {
            "custodian_id": str(purchase.custodian_ids[2]),
            "index": 3,
            "reason": "share_is_not_the_dealt_one",
        }
    ]
    await purchase.submit(seat=2)
    assert await unsealer.step(purchase.clock.now()) == 1


async def test_missing_custodian_lets_the_window_pass_and_all_begin_anew(
    purchase: Purchase,
) -> None:
    unsealer = await closed(purchase)
    await purchase.submit(seat=0)
    purchase.clock.advance(WINDOW)

    await unsealer.step(purchase.clock.now())

    assert (await opening_of(purchase)).submitted == ()
    (passed,) = await facts(purchase.pool, purchase.opening_id, "opening.window_passed")
    assert passed["missing_custodian_ids"] == [str(one) for one in purchase.custodian_ids[1:]]
    await purchase.submit(seat=2)
    assert await unsealer.step(purchase.clock.now()) == 0
    await purchase.submit(seat=0)
    assert await unsealer.step(purchase.clock.now()) == 1


async def test_two_custodians_within_the_window_count_though_the_opener_looks_later(
    purchase: Purchase,
) -> None:
    unsealer = await closed(purchase)
    await purchase.submit(seat=0)
    purchase.clock.advance(WINDOW - timedelta(microseconds=1))
    await purchase.submit(seat=1)
    purchase.clock.advance(timedelta(days=1))

    assert await unsealer.step(purchase.clock.now()) == 1


async def test_opener_that_dies_between_two_shares_is_followed_by_one_that_needs_both_anew(
    purchase: Purchase,
) -> None:
    await purchase.file("0.30", vendor=0)
    await purchase.close()
    await purchase.unsealer(purchase.lease(lease_s=0.001)).step(purchase.clock.now())
    await purchase.submit(seat=0)

    # The first opener never steps again.
    second = purchase.unsealer()
    await second.step(purchase.clock.now())
    assert (await opening_of(purchase)).submitted == ()
    await purchase.submit(seat=1)
    assert await second.step(purchase.clock.now()) == 0
    await purchase.submit(seat=0)

    assert await second.step(purchase.clock.now()) == 1
    changes = await facts(purchase.pool, purchase.opening_id, "opening.opener_changed")
    assert [change["shares_voided"] for change in changes] == [[], [1]]


async def test_clock_that_jumps_back_between_two_shares_changes_nothing_but_is_recorded(
    purchase: Purchase,
) -> None:
    unsealer = await closed(purchase)
    await purchase.submit(seat=0)
    purchase.clock.advance(timedelta(minutes=-30))
    await purchase.submit(seat=1)

    assert await unsealer.step(purchase.clock.now()) == 1

    (jump,) = await facts(purchase.pool, purchase.opening_id, "opening.clock_went_back")
    assert jump["counted"] > jump["told"]


async def test_clock_that_jumps_on_voids_the_shares_and_the_window_begins_anew(
    purchase: Purchase,
) -> None:
    unsealer = await closed(purchase)
    await purchase.submit(seat=0)
    purchase.clock.advance(timedelta(days=400))
    await unsealer.step(purchase.clock.now())
    purchase.clock.advance(timedelta(days=-400))

    await purchase.submit(seat=0)
    await purchase.submit(seat=1)

    assert await unsealer.step(purchase.clock.now()) == 1


async def test_no_share_is_readable_in_any_table_and_no_two_sealed_ones_make_the_key(
    purchase: Purchase,
) -> None:
    await closed(purchase)
    await purchase.submit(seat=0)

    rows = await purchase.pool.fetch("SELECT * FROM seat")

    for row in rows:
        with pytest.raises(Exception, match="share"):
            Share.from_bytes(row["sealed_share"])
    # What an insider could try: cut the sealed bytes where a share might lie, and combine.
    pieces = [
        Share(index=row["index"], threshold=2, value=row["sealed_share"][-32:]) for row in rows
    ]
    assert not check_pair(combine(pieces), purchase.opening_pair.public)


# Planning and rehearsing ------------------------------------------------------------------------


def rehearsing(purchase: Purchase) -> Rehearsing:
    return Rehearsing(CeremonyStore(purchase.pool, Journal("bids")), clock=purchase.clock)


async def draft_again(purchase: Purchase) -> None:
    await purchase.pool.execute("UPDATE rfp SET status = 'draft', published_at = NULL")


async def register_keys(purchase: Purchase) -> None:
    for party_id, keys in zip(purchase.custodian_ids, purchase.custodians, strict=True):
        await purchase.pool.execute(_KEY, party_id, keys.public, OPENED_AT)


def two_of_three(purchase: Purchase) -> Ceremony:
    return Ceremony(
        custodian_ids=tuple(purchase.custodian_ids), threshold=2, opening_window_s=60, envelopes=2
    )


async def test_plan_is_kept_and_replaced_while_the_rfp_is_a_draft(purchase: Purchase) -> None:
    await draft_again(purchase)
    planning, buyer = rehearsing(purchase), purchase.buyer_id

    await planning.plan(purchase.rfp_id, two_of_three(purchase), buyer_id=buyer)
    alone = Ceremony(custodian_ids=(purchase.custodian_ids[2],))
    await planning.plan(purchase.rfp_id, alone, buyer_id=buyer)

    assert await planning.ceremony_of(purchase.rfp_id, viewer_id=buyer) == alone
    planned = await facts(purchase.pool, OpeningId(purchase.rfp_id), "rfp.ceremony_planned")
    assert [plan["ceremony"]["threshold"] for plan in planned] == [2, 1]
    with pytest.raises(RfpUnknown):
        await planning.ceremony_of(purchase.rfp_id, viewer_id=PartyId(new_id()))


async def test_rfp_without_a_plan_is_opened_by_its_one_custodian(purchase: Purchase) -> None:
    ceremony = await rehearsing(purchase).ceremony_of(purchase.rfp_id, viewer_id=None)

    assert ceremony == Ceremony(custodian_ids=(purchase.custodian_id,), threshold=1)


async def test_plan_of_a_published_or_foreign_rfp_or_with_a_stranger_is_refused(
    purchase: Purchase,
) -> None:
    planning, plan = rehearsing(purchase), two_of_three(purchase)
    stranger = replace(plan, custodian_ids=(*plan.custodian_ids, purchase.vendors[0]))

    with pytest.raises(RfpNotDraft):
        await planning.plan(purchase.rfp_id, plan, buyer_id=purchase.buyer_id)
    await draft_again(purchase)
    with pytest.raises(RfpUnknown):
        await planning.plan(purchase.rfp_id, plan, buyer_id=PartyId(new_id()))
    with pytest.raises(CustodianUnknown):
        await planning.plan(purchase.rfp_id, stranger, buyer_id=purchase.buyer_id)


async def test_rehearsal_takes_the_whole_ceremony_and_opens_a_canary(purchase: Purchase) -> None:
    await draft_again(purchase)
    await register_keys(purchase)
    planning = rehearsing(purchase)
    await planning.plan(purchase.rfp_id, two_of_three(purchase), buyer_id=purchase.buyer_id)

    real_id = purchase.opening_id
    purchase.opening_id = await planning.rehearse(
        purchase.rfp_id, rehearsal_id=new_id(), buyer_id=purchase.buyer_id
    )
    unsealer = purchase.unsealer()
    await unsealer.step(purchase.clock.now())
    for seat in (0, 2):
        await rehearse_share(purchase, seat)
    assert await unsealer.step(purchase.clock.now()) == 1

    found = await purchase.custody.find(
        purchase.opening_id, viewer_id=purchase.custodian_ids[1], sees_all=False
    )
    assert (found.opening.purpose, found.opening.status) == (Purpose.REHEARSAL, "unsealed")
    (rehearsed,) = await facts(purchase.pool, purchase.opening_id, "opening.rehearsed")
    assert rehearsed["is_canary_opened"] is True
    assert rehearsed["custodian_ids"] == [
        str(purchase.custodian_ids[0]),
        str(purchase.custodian_ids[2]),
    ]
    # The opening to come has not been touched.
    row = await purchase.pool.fetchrow("SELECT status FROM opening WHERE id = $1", real_id)
    assert row is not None
    assert row["status"] == "sealed"
    assert await purchase.events("bids.unsealed.v1") == []


async def rehearse_share(purchase: Purchase, seat: int) -> None:
    _, sealed = await purchase.custody.sealed_share(
        purchase.opening_id, custodian_id=purchase.custodian_ids[seat]
    )
    found = await purchase.custody.find(purchase.opening_id, viewer_id=None, sees_all=True)
    opener_key = found.opening.opener_key
    assert opener_key is not None
    share = unseal_share(
        sealed,
        purchase.custodians[seat].private,
        opening_id=purchase.opening_id,
        purpose="custody",
    )
    resealed = seal_share(share, opener_key, opening_id=purchase.opening_id, purpose="opening")
    await purchase.custody.submit(
        purchase.opening_id,
        custodian_id=purchase.custodian_ids[seat],
        opener_key=opener_key,
        share=resealed,
    )


async def test_rehearsal_is_dealt_once_under_one_id_and_hidden_from_strangers(
    purchase: Purchase,
) -> None:
    await register_keys(purchase)
    planning, rehearsal_id = rehearsing(purchase), new_id()

    for _ in range(2):
        await planning.rehearse(
            purchase.rfp_id, rehearsal_id=rehearsal_id, buyer_id=purchase.buyer_id
        )

    seats = await purchase.pool.fetchval(
        "SELECT count(*) FROM seat WHERE opening_id = $1", rehearsal_id
    )
    assert seats == 1
    held = await purchase.custody.custody_of(purchase.custodian_id, after=None, limit=10)
    assert {opening.purpose for opening in held} == {Purpose.PRICE, Purpose.REHEARSAL}
    with pytest.raises(OpeningUnknown):
        await purchase.custody.find(
            OpeningId(rehearsal_id), viewer_id=purchase.vendors[0], sees_all=False
        )


async def test_rehearsal_needs_every_custodians_key(purchase: Purchase) -> None:
    with pytest.raises(CustodianKeyMissing):
        await rehearsing(purchase).rehearse(
            purchase.rfp_id, rehearsal_id=new_id(), buyer_id=purchase.buyer_id
        )
