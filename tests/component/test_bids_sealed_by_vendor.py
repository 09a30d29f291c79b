"""Bids that their vendors seal, whole bids, two envelopes, and what is written down of them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from deploy.local.postgres import PostgresServer
from services.bids.domain.bid_tables import BidTableInvalid
from services.bids.domain.bids import (
    BidLate,
    BidUnfit,
    BidUnknown,
    BidVersionReused,
    BidVersionUnfit,
    EnvelopesWrong,
    LotNotOpen,
    SealedLengthWrong,
)
from services.bids.domain.custody import TechnicalPartFirst
from services.bids.domain.openings import OpeningUnknown
from services.bids.domain.records import (
    BidNotListed,
    HashListNotPublished,
    OpeningNotOver,
    altered_bids,
    is_root_right,
)
from services.bids.domain.technical import (
    TechnicalNotOpen,
    TechnicalResultsReleased,
    TechnicalUnjudged,
)
from services.bids.ports.sealed import SignedReceipt
from services.bids.usecases.bids import TableAct
from shared.db import Pool
from shared.domain import merkle
from shared.domain.bid_content import (
    Answer,
    BidContent,
    Package,
    Pricing,
    TechnicalContent,
    Tier,
    TiersApply,
    one_price,
    write_content,
    write_technical,
)
from shared.domain.ids import OpeningId, PartyId, new_id
from shared.domain.money import UnitPrice
from shared.receipts import (
    DocumentInvalid,
    DocumentKind,
    ReceiptInvalid,
    verify_document,
    verify_receipt,
)
from shared.sealing import SealContext, seal
from tests.component.bids_purchase import CLOSES_AT, OPENED_AT, USD, Purchase, publish

_FLIP = """-- tests.flip_a_bit
UPDATE bids.bid_version SET sealed = set_bit(sealed, 5000, 1 - get_bit(sealed, 5000))
WHERE bid_id = $1
"""

NONCE = bytes(32)
TECHNICAL = TechnicalContent(nonce=NONCE, answers=(Answer("warranty", "three years"),))

_FAILURES = """-- tests.read_failures
SELECT vendor_id, price_e4, failure FROM unsealed_bid
"""


@pytest.fixture
async def purchase(bids_database: Pool) -> Purchase:
    return await publish(bids_database, lots=2)


@pytest.fixture
async def two_envelopes(bids_database: Pool) -> Purchase:
    return await publish(bids_database, envelopes=2)


def price(text: str) -> UnitPrice:
    return UnitPrice.parse(text, USD)


def bare(text: str) -> BidContent:
    return BidContent(currency=USD, nonce=NONCE, pricing=one_price(price(text)))


def sealed(purchase: Purchase, content: bytes, version_id: UUID, *, vendor: int = 0) -> bytes:
    """Seal to the opening of the prices, as a vendor's client does."""
    return seal(content, purchase.opening_pair.public, context(purchase, version_id, vendor=vendor))


def context(
    purchase: Purchase, version_id: UUID, *, vendor: int = 0, technical: bool = False
) -> SealContext:
    return SealContext(
        opening_id=purchase.technical_id if technical else purchase.opening_id,
        lot_id=purchase.lots[0],
        vendor_id=purchase.vendors[vendor],
        bid_version_id=version_id,
    )


async def file_sealed(
    purchase: Purchase, content: bytes, *, vendor: int = 0, under: UUID | None = None
) -> SignedReceipt:
    version_id = under or new_id()
    act = purchase.act(vendor=vendor, under=version_id)
    return await purchase.bidding.file_sealed(
        act, sealed(purchase, content, version_id, vendor=vendor)
    )


async def outcomes(purchase: Purchase) -> Mapping[UUID, tuple[int | None, str | None]]:
    rows = await purchase.pool.fetch(_FAILURES)
    return {row["vendor_id"]: (row["price_e4"], row["failure"]) for row in rows}


# Sealed before it is sent ----------------------------------------------------------------------


async def test_bid_that_its_vendor_sealed_is_opened_beside_one_that_came_in_the_clear(
    purchase: Purchase,
) -> None:
    await file_sealed(purchase, write_content(bare("0.25")), vendor=0)
    await purchase.file("0.30", vendor=1)
    await purchase.open_bids()

    assert await outcomes(purchase) == {
        purchase.vendors[0]: (2500, None),
        purchase.vendors[1]: (3000, None),
    }


async def test_receipt_is_for_the_very_bytes_that_the_vendor_sealed(purchase: Purchase) -> None:
    version_id = new_id()
    envelope = sealed(purchase, write_content(bare("0.25")), version_id)

    signed = await purchase.bidding.file_sealed(purchase.act(under=version_id), envelope)

    assert signed.receipt.sealed_sha256 == sha256(envelope).hexdigest()
    assert verify_receipt(signed.token, purchase.signing_key.public_key()) == signed.receipt


async def test_same_bytes_under_the_same_version_are_answered_with_the_first_receipt(
    purchase: Purchase,
) -> None:
    version_id = new_id()
    envelope = sealed(purchase, write_content(bare("0.25")), version_id)
    first = await purchase.bidding.file_sealed(purchase.act(under=version_id), envelope)
    late = purchase.act(under=version_id, at=CLOSES_AT + timedelta(days=1))
    purchase.clock.advance(CLOSES_AT + timedelta(days=1) - OPENED_AT)

    again = await purchase.bidding.file_sealed(late, envelope)

    assert again == first
    assert await purchase.pool.fetchval("SELECT count(*) FROM bid_version") == 1


async def test_other_bytes_or_another_lot_or_vendor_under_a_used_version_are_refused(
    purchase: Purchase,
) -> None:
    version_id = new_id()
    envelope = sealed(purchase, write_content(bare("0.25")), version_id)
    await purchase.bidding.file_sealed(purchase.act(under=version_id), envelope)
    other = sealed(purchase, write_content(bare("0.25")), version_id)

    with pytest.raises(BidVersionReused):
        await purchase.bidding.file_sealed(purchase.act(under=version_id), other)
    with pytest.raises(BidVersionReused):
        await purchase.bidding.file_sealed(purchase.act(under=version_id, lot=1), envelope)
    with pytest.raises(BidVersionReused):
        await purchase.bidding.file_sealed(purchase.act(under=version_id, vendor=1), envelope)


@pytest.mark.parametrize("length", [0, 4 * 4096 + 47, 4 * 4096 + 49, 17 * 4096 + 48])
async def test_bytes_of_a_length_that_no_sealed_bid_has_are_refused(
    purchase: Purchase, length: int
) -> None:
    with pytest.raises(SealedLengthWrong):
        await purchase.bidding.file_sealed(purchase.act(), bytes(length))


async def test_version_id_is_a_uuid_of_version_7(purchase: Purchase) -> None:
    with pytest.raises(BidVersionUnfit):
        await purchase.bidding.file_sealed(purchase.act(under=uuid4()), bytes(4 * 4096 + 48))


async def test_late_sealed_bid_is_refused(purchase: Purchase) -> None:
    purchase.clock.advance(CLOSES_AT - OPENED_AT)

    with pytest.raises(BidLate):
        await purchase.bidding.file_sealed(purchase.act(at=CLOSES_AT), bytes(4 * 4096 + 48))


async def test_sealed_nonsense_wrong_currency_and_unfit_tiers_are_recorded_failures(
    purchase: Purchase,
) -> None:
    unfit = replace(
        bare("1"), pricing=Pricing((Tier(Decimal(2), price("1")),), TiersApply.GRADUATED)
    )
    await file_sealed(purchase, b"my price is low", vendor=0)
    await file_sealed(purchase, write_content(bare("1")).replace(b"USD", b"EUR"), vendor=1)
    await file_sealed(purchase, write_content(unfit), vendor=2)
    await purchase.open_bids()

    assert await outcomes(purchase) == {
        purchase.vendors[0]: (None, "content_malformed"),
        purchase.vendors[1]: (None, "currency_wrong"),
        purchase.vendors[2]: (None, "content_unfit"),
    }
    failed = [one for one in await purchase.types_of(purchase.opening_id) if "failed" in one]
    assert len(failed) == 3


async def test_bid_sealed_for_another_vendor_does_not_open(purchase: Purchase) -> None:
    """Whoever copies another's sealed bytes files nothing with it."""
    version_id = new_id()
    stolen = sealed(purchase, write_content(bare("0.25")), version_id, vendor=0)
    await purchase.bidding.file_sealed(purchase.act(vendor=1, under=version_id), stolen)
    await purchase.open_bids()

    assert await outcomes(purchase) == {purchase.vendors[1]: (None, "seal_broken")}


async def test_flipped_bit_in_a_sealed_bid_is_found_and_named(
    purchase: Purchase, postgres_server_: PostgresServer
) -> None:
    signed = await purchase.file("0.25", vendor=0)
    await purchase.file("0.30", vendor=1)
    # The service's own role may alter no version; whoever owns the database can.
    owner = await asyncpg.connect(postgres_server_.url)
    try:
        await owner.execute(_FLIP, signed.receipt.bid_id)
    finally:
        await owner.close()
    await purchase.open_bids()

    assert await outcomes(purchase) == {
        purchase.vendors[0]: (None, "hash_mismatch"),
        purchase.vendors[1]: (3000, None),
    }
    record = (await purchase.recording.record(purchase.opening_id)).record
    assert [bid.failure for bid in record.bids] == ["hash_mismatch", None]
    assert [incident.type for incident in record.incidents][-1] == "opening.bid_failed"


# Whole bids ------------------------------------------------------------------------------------


async def test_bid_with_tiers_and_a_package_is_kept_whole_from_the_opening_on(
    purchase: Purchase,
) -> None:
    package = Package(((purchase.lots[0], price("0.24")), (purchase.lots[1], price("0.26"))))
    tiers = (Tier(Decimal(1), price("0.30")), Tier(Decimal(400), price("0.25")))
    content = replace(bare("1"), pricing=Pricing(tiers), packages=(package,))
    await purchase.bidding.file(purchase.act(), content)
    await purchase.open_bids()

    assert await outcomes(purchase) == {purchase.vendors[0]: (2500, None)}
    rows = await purchase.pool.fetch("SELECT place, lot_id, price_e4 FROM package")
    assert {(row["place"], row["lot_id"], row["price_e4"]) for row in rows} == {
        (1, purchase.lots[0], 2400),
        (1, purchase.lots[1], 2600),
    }


async def test_bid_in_the_clear_that_does_not_fit_is_refused_with_every_fault(
    purchase: Purchase,
) -> None:
    elsewhere = Package(((purchase.lots[0], price("1")), (new_id(), price("1"))))  # type: ignore[arg-type]  # no such lot
    content = replace(bare("1"), packages=(elsewhere,), valid_until=CLOSES_AT)

    with pytest.raises(BidUnfit) as refused:
        await purchase.bidding.file(purchase.act(), content)

    faults: Any = refused.value.details["faults"]
    assert [fault["code"] for fault in faults] == ["package_lot_unknown", "validity_too_short"]


async def test_vendor_lists_its_own_bids_so_that_no_receipt_stays_lost(purchase: Purchase) -> None:
    signed = await purchase.file("0.25", vendor=0)
    await purchase.file("0.25", vendor=1)

    held = await purchase.bidding.held_by(purchase.vendors[0], after=None, limit=10)

    assert [bid.bid_id for bid in held] == [signed.receipt.bid_id]
    receipts = await purchase.bidding.receipts_of(held[0].bid_id, vendor_id=purchase.vendors[0])
    assert receipts == [signed]


# Two envelopes ---------------------------------------------------------------------------------


async def judged(purchase: Purchase) -> dict[int, Any]:
    """File two bids with two envelopes, open the technical ones; return the bids by vendor."""
    receipts = {
        vendor: await purchase.bidding.file(
            purchase.act(vendor=vendor), bare(f"0.2{vendor}"), TECHNICAL
        )
        for vendor in (0, 1)
    }
    await purchase.close()
    unsealer = purchase.unsealer()
    await unsealer.step(purchase.clock.now())
    with pytest.raises(TechnicalPartFirst):
        await purchase.submit()
    await purchase.submit(opening_id=purchase.technical_id)
    assert await unsealer.step(purchase.clock.now()) == 1
    return {"unsealer": unsealer, **{n: one.receipt for n, one in receipts.items()}}  # type: ignore[dict-item]


async def test_price_of_a_bid_that_did_not_pass_is_never_opened(two_envelopes: Purchase) -> None:
    purchase = two_envelopes
    found: Any = await judged(purchase)
    buyer = purchase.buyer_id
    await purchase.judgement.judge(found[0].bid_id, is_passed=False, reason="no", buyer_id=buyer)
    await purchase.judgement.judge(found[1].bid_id, is_passed=True, reason="yes", buyer_id=buyer)

    with pytest.raises(TechnicalPartFirst):
        await purchase.submit()
    await purchase.judgement.release(purchase.rfp_id, buyer_id=buyer)
    await purchase.submit()
    assert await found["unsealer"].step(purchase.clock.now()) == 1

    assert await outcomes(purchase) == {
        purchase.vendors[0]: (None, "technical_not_passed"),
        purchase.vendors[1]: (2100, None),
    }
    assert await purchase.status_of_lot() == "evaluated"


async def test_nothing_is_judged_before_the_opening_or_after_the_release(
    two_envelopes: Purchase,
) -> None:
    purchase, judgement = two_envelopes, two_envelopes.judgement
    with pytest.raises(TechnicalNotOpen):
        await judgement.release(purchase.rfp_id, buyer_id=purchase.buyer_id)
    found: Any = await judged(purchase)
    bid_id, buyer = found[0].bid_id, purchase.buyer_id

    with pytest.raises(TechnicalUnjudged):
        await judgement.release(purchase.rfp_id, buyer_id=buyer)
    with pytest.raises(BidUnknown):
        await judgement.judge(bid_id, is_passed=True, reason="x", buyer_id=PartyId(new_id()))
    for vendor in (0, 1):
        await judgement.judge(found[vendor].bid_id, is_passed=True, reason="x", buyer_id=buyer)
    await judgement.release(purchase.rfp_id, buyer_id=buyer)
    with pytest.raises(TechnicalResultsReleased):
        await judgement.judge(bid_id, is_passed=False, reason="x", buyer_id=buyer)
    with pytest.raises(OpeningUnknown):
        await judgement.of_rfp(purchase.rfp_id, viewer_id=PartyId(new_id()), sees_all=False)


async def test_technical_parts_show_neither_vendor_nor_price(two_envelopes: Purchase) -> None:
    purchase = two_envelopes
    await judged(purchase)

    judging = await purchase.judgement.of_rfp(
        purchase.rfp_id, viewer_id=purchase.buyer_id, sees_all=False
    )

    assert len(judging.parts) == 2
    shown = str([(part, part.content) for part in judging.parts])
    assert "three years" in shown
    assert str(purchase.vendors[0]) not in shown
    assert "0.2" not in shown


async def test_envelopes_are_as_many_as_the_solicitation_has(
    two_envelopes: Purchase, bids_database: Pool
) -> None:
    with pytest.raises(EnvelopesWrong):
        await two_envelopes.bidding.file(two_envelopes.act(), bare("1"))
    with pytest.raises(EnvelopesWrong):
        await two_envelopes.bidding.file_sealed(two_envelopes.act(), bytes(4 * 4096 + 48))
    one_envelope = await publish(bids_database)
    with pytest.raises(EnvelopesWrong):
        await one_envelope.bidding.file(one_envelope.act(), bare("1"), TECHNICAL)


async def test_vendor_seals_both_envelopes_itself(two_envelopes: Purchase) -> None:
    purchase, version_id = two_envelopes, new_id()
    technical = seal(
        write_technical(TECHNICAL),
        purchase.technical_pair.public,
        context(purchase, version_id, technical=True),
    )

    signed = await purchase.bidding.file_sealed(
        purchase.act(under=version_id),
        sealed(purchase, write_content(bare("0.25")), version_id),
        technical,
    )

    assert signed.receipt.technical_sha256 == sha256(technical).hexdigest()
    assert verify_receipt(signed.token, purchase.signing_key.public_key()) == signed.receipt


# What is written down --------------------------------------------------------------------------


async def test_inclusion_proof_leads_from_the_receipt_to_the_published_root(
    purchase: Purchase,
) -> None:
    receipts = [(await purchase.file("0.25", vendor=vendor)).receipt for vendor in range(3)]
    await purchase.close()

    for vendor, receipt in enumerate(receipts):
        proof = await purchase.recording.inclusion(
            receipt.bid_id, vendor_id=purchase.vendors[vendor]
        )

        assert proof.sealed_sha256 == receipt.sealed_sha256
        assert merkle.is_included(
            bytes.fromhex(receipt.sealed_sha256 or ""),
            [bytes.fromhex(sibling) for sibling in proof.proof],
            index=proof.index,
            size=proof.size,
            root=bytes.fromhex(proof.merkle_root),
        )


async def test_inclusion_is_asked_of_own_bids_after_the_close_that_were_not_withdrawn(
    purchase: Purchase,
) -> None:
    receipt = (await purchase.file("0.25", vendor=0)).receipt
    withdrawn = (await purchase.file("0.25", vendor=1)).receipt
    await purchase.bidding.withdraw(purchase.act(vendor=1))

    async def ask(bid_id: Any, vendor: int) -> None:
        await purchase.recording.inclusion(bid_id, vendor_id=purchase.vendors[vendor])

    with pytest.raises(HashListNotPublished):
        await ask(receipt.bid_id, 0)
    await purchase.close()
    with pytest.raises(BidUnknown):
        await ask(receipt.bid_id, 2)
    with pytest.raises(BidNotListed):
        await ask(withdrawn.bid_id, 1)


async def test_flipped_bit_in_the_hash_list_is_found_and_its_bid_named(
    purchase: Purchase,
) -> None:
    receipts = [(await purchase.file("0.25", vendor=vendor)).receipt for vendor in range(3)]
    await purchase.close()
    signed = await purchase.recording.hash_list(purchase.opening_id)
    filed = {(one.bid_id, one.version): one.sealed_sha256 or "" for one in receipts}

    entry = signed.listed.entries[1]
    flipped = f"{int(entry.sealed_sha256, 16) ^ 1:064x}"
    entries = (
        signed.listed.entries[0],
        replace(entry, sealed_sha256=flipped),
        signed.listed.entries[2],
    )
    altered = replace(signed.listed, entries=entries)

    assert (is_root_right(signed.listed), altered_bids(signed.listed, filed)) == (True, ())
    assert (is_root_right(altered), altered_bids(altered, filed)) == (False, (entry.bid_id,))
    public_key = purchase.signing_key.public_key()
    told = verify_document(signed.token, public_key, kind=DocumentKind.HASH_LIST)
    assert told["entries"][1]["sealed_sha256"] == entry.sealed_sha256
    for place in range(0, len(signed.token), 97):
        other = "A" if signed.token[place] != "A" else "B"
        with pytest.raises(DocumentInvalid):
            verify_document(
                signed.token[:place] + other + signed.token[place + 1 :],
                public_key,
                kind=DocumentKind.HASH_LIST,
            )


async def test_signed_documents_pass_for_nothing_else(purchase: Purchase) -> None:
    receipt = await purchase.file("0.25")
    await purchase.close()
    listed = await purchase.recording.hash_list(purchase.opening_id)
    public_key = purchase.signing_key.public_key()

    with pytest.raises(DocumentInvalid):
        verify_document(listed.token, public_key, kind=DocumentKind.OPENING_RECORD)
    with pytest.raises(DocumentInvalid):
        verify_document(receipt.token, public_key, kind=DocumentKind.HASH_LIST)
    with pytest.raises(ReceiptInvalid):
        verify_receipt(listed.token, public_key)


async def test_record_tells_attendance_times_root_results_and_lots_without_bids(
    purchase: Purchase,
) -> None:
    await purchase.file("7391.4826", vendor=0)
    with pytest.raises(OpeningNotOver):
        await purchase.recording.record(purchase.opening_id)
    await purchase.open_bids()

    signed = await purchase.recording.record(purchase.opening_id)
    record = signed.record

    assert [(one.custodian_id, one.attended_at is not None) for one in record.custodians] == [
        (purchase.custodian_id, True)
    ]
    assert [(lot.bids, lot.opened) for lot in record.lots] == [(1, 1), (0, 0)]
    assert (record.opened, record.failed) == (1, 0)
    assert "7391" not in str(record)
    public_key = purchase.signing_key.public_key()
    told = verify_document(signed.token, public_key, kind=DocumentKind.OPENING_RECORD)
    assert told["merkle_root"] == record.merkle_root


async def test_rehearsal_has_no_list_and_no_record(purchase: Purchase) -> None:
    with pytest.raises(OpeningUnknown):
        await purchase.recording.record(OpeningId(new_id()))


# By spreadsheet --------------------------------------------------------------------------------


def table_act(purchase: Purchase) -> TableAct:
    return TableAct(request_id=new_id(), vendor_id=purchase.vendors[0], received_at=OPENED_AT)


async def test_table_files_one_bid_for_each_priced_lot_and_a_repetition_files_none(
    purchase: Purchase,
) -> None:
    act, table = table_act(purchase), b"lot_number,unit_price\n2,0.26\n1,0.25\n"

    first = await purchase.bidding.file_table(purchase.rfp_id, table, act)
    again = await purchase.bidding.file_table(purchase.rfp_id, table, act)

    assert again == first
    assert [one.receipt.lot_id for one in first] == [purchase.lots[1], purchase.lots[0]]
    await purchase.open_bids()
    rows = await purchase.pool.fetch("SELECT lot_id, price_e4 FROM unsealed_bid")
    assert {row["lot_id"]: row["price_e4"] for row in rows} == {
        purchase.lots[0]: 2500,
        purchase.lots[1]: 2600,
    }


async def test_table_with_one_wrong_row_files_nothing(purchase: Purchase) -> None:
    table = b"lot_number,from_quantity,unit_price\n1,,0.25\n2,100000,0.26\n"

    with pytest.raises(BidTableInvalid) as refused:
        await purchase.bidding.file_table(purchase.rfp_id, table, table_act(purchase))

    assert refused.value.details["error_count"] == 1
    assert await purchase.pool.fetchval("SELECT count(*) FROM bid") == 0


async def test_table_of_which_one_lot_is_closed_files_nothing(purchase: Purchase) -> None:
    await purchase.pool.execute(
        "UPDATE lot SET status = 'cancelled' WHERE id = $1", purchase.lots[1]
    )
    table = b"lot_number,unit_price\n1,0.25\n2,0.26\n"

    with pytest.raises(LotNotOpen):
        await purchase.bidding.file_table(purchase.rfp_id, table, table_act(purchase))

    assert await purchase.pool.fetchval("SELECT count(*) FROM bid") == 0
