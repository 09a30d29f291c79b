"""Two of three custodians, bids sealed by their vendors, and an insider who reads everything."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from clients.client import Client
from clients.custodian import OpeningFailed, bytes_of, open_rfp, public_text, rehearse
from clients.errors import Problem
from clients.http import Document, Http
from clients.sealed_bids import (
    BidNotInOpening,
    BidWouldBeRefused,
    Offer,
    ReceiptWrong,
    altered_entries,
    file,
    is_in_the_opening,
    lost_receipts,
    published_form,
    receipt_keys,
    seal_offer,
    signed_list,
    verified,
)
from clients.services import LocalStack
from deploy.local.stack import RunningStack
from shared.clock import SystemClock
from shared.domain.bid_content import BidContent, Pricing, Tier, one_price
from shared.domain.ids import LotId, OpeningId, PartyId, new_id
from shared.domain.money import Currency, UnitPrice
from shared.sealing import (
    Share,
    check_pair,
    combine,
    generate_key_pair,
    unseal_share,
)
from tests.system.conftest import People, requirement, until_instant

USD: Final = Currency("USD")
CANARY: Final = "87654.3219"
KEY_BYTES: Final = 32

_TABLES: Final = """-- tests.list_tables
SELECT table_schema || '.' || table_name AS name FROM information_schema.tables
WHERE table_schema IN ('bids', 'auctions', 'notify') AND table_type = 'BASE TABLE'
"""


@dataclass(frozen=True)
class Custodian:
    """A custodian with its own token and its own key."""

    id: str
    client: Client
    private: bytes


@pytest.fixture
async def custodians(people: People, local: LocalStack, http: Http) -> list[Custodian]:
    found = []
    for number in range(3):
        answer = await people.buyer.bids.register_party(
            "custodian", reference=f"custodian-{number}-{uuid4()}", name="Notary"
        )
        party_id = str(answer["id"])
        token = await local.token(http, role="custodian", party_id=party_id)
        client, private = Client(local.services, token, http), generate_key_pair().private
        await client.bids.register_custodian_key(public_text(private))
        found.append(Custodian(party_id, client, private))
    return found


async def draft(people: People, custodians: list[Custodian], *, closes_in_s: float) -> Document:
    """Draft an RFP with one lot, whose bids two of three custodians open."""
    mark = new_id().hex[-12:]
    await people.buyer.bids.state_requirement(
        requirement(people.member_ids[0], reference=mark, item_code=mark)
    )
    rfp = await people.buyer.bids.draft_rfp(
        title="Laptops",
        currency="USD",
        custodian_id=custodians[0].id,
        closes_at=SystemClock().now() + timedelta(seconds=closes_in_s),
        standstill_s=1,
    )
    await people.buyer.bids.pool(rfp["id"], by="item", references=[mark])
    await people.buyer.bids.plan_ceremony(
        rfp["id"], custodian_ids=[one.id for one in custodians], threshold=2
    )
    return rfp


def offer(text: str) -> Offer:
    price = UnitPrice.parse(text, USD)
    return Offer(content=BidContent(currency=USD, nonce=bytes(32), pricing=one_price(price)))


async def only_lot(people: People, rfp: Document) -> LotId:
    (lot,) = [lot async for lot in people.buyer.bids.lots(rfp["id"])]
    return LotId(UUID(lot["id"]))


async def test_two_of_three_custodians_rehearse_and_then_open_bids_that_vendors_sealed(
    people: People, custodians: list[Custodian]
) -> None:
    rfp = await draft(people, custodians, closes_in_s=8)
    rehearsal = await people.buyer.bids.rehearse(rfp["id"])
    held = [one async for one in custodians[2].client.bids.custody()]
    assert [(one["id"], one["purpose"]) for one in held] == [(rehearsal["id"], "rehearsal")]
    rehearsed = await asyncio.gather(
        *(rehearse(one.client.bids, rehearsal["id"], one.private) for one in custodians[1:])
    )
    assert {one["status"] for one in rehearsed} == {"unsealed"}
    await people.buyer.bids.publish(rfp["id"])
    lot_id = await only_lot(people, rfp)

    bids = [vendor.bids for vendor in people.vendors]
    keys, form = await receipt_keys(bids[0]), await published_form(bids[0], rfp["id"])
    vendor_ids = [PartyId(UUID(one)) for one in people.vendor_ids]
    unreachable = Pricing((Tier(Decimal(10**6), UnitPrice.parse("1", USD)),))
    content = BidContent(currency=USD, nonce=bytes(32), pricing=unreachable)
    with pytest.raises(BidWouldBeRefused) as refused:
        seal_offer(Offer(content=content), form, lot_id=lot_id, vendor_id=vendor_ids[0])
    assert [fault.code for fault in refused.value.faults] == ["quantity_not_reached"]
    sealed = seal_offer(offer("700.50"), form, lot_id=lot_id, vendor_id=vendor_ids[0])
    filed = await file(bids[0], sealed, keys=keys)
    again = await file(bids[0], sealed, keys=keys)
    in_the_clear = await bids[1].file_bid(str(lot_id), unit_price="690", currency="USD")
    assert again == filed
    assert await lost_receipts(bids[0], keys=keys) == [filed]
    with pytest.raises(ReceiptWrong):
        verified(filed.token[:-1] + ("A" if filed.token[-1] != "A" else "Q"), keys)

    await until_instant(rfp["closes_at"])
    openings = await asyncio.gather(
        *(
            open_rfp(one.client.bids, rfp["id"], one.private)
            for one in (custodians[0], custodians[2])
        )
    )

    assert {(one["status"], one["opened"], one["failed"]) for one in openings} == {
        ("unsealed", 2, 0)
    }
    evaluation = await people.buyer.awards.evaluation(str(lot_id))
    assert [bid["unit_price"] for bid in evaluation["bids"]] == ["690.00", "700.50"]
    proof = await is_in_the_opening(bids[0], filed.receipt, keys=keys)
    assert proof["size"] == 2
    await _named_when_altered(people, openings[0], str(in_the_clear["bid_id"]))
    record = await people.buyer.bids.opening_record(openings[0]["id"])
    attended = [one["index"] for one in record["custodians"] if one["attended_at"]]
    assert attended == [1, 3]


async def _named_when_altered(people: People, opening: Document, bid_id: str) -> None:
    """Flip a bit in a copy of the published list: it is found, and the bid is named."""
    bids = people.vendors[1].bids
    keys = await receipt_keys(bids)
    listed = await bids.hash_list(opening["id"])
    signed = signed_list(listed["document"], keys)
    entries = [dict(entry) for entry in listed["entries"]]
    (at,) = [place for place, entry in enumerate(entries) if entry["bid_id"] == bid_id]
    entries[at]["sealed_sha256"] = f"{int(entries[at]['sealed_sha256'], 16) ^ 1:064x}"

    assert altered_entries(listed, signed) == []
    named = altered_entries({**listed, "entries": entries}, signed)
    assert [str(one) for one in named] == [bid_id]
    with pytest.raises(BidNotInOpening):
        signed_list(listed["document"][:-9] + "AAAAAAAAA", keys)


async def test_one_custodian_waits_in_vain_and_its_share_alone_opens_nothing(
    people: People, custodians: list[Custodian]
) -> None:
    rfp = await draft(people, custodians, closes_in_s=4)
    await people.buyer.bids.publish(rfp["id"])
    lot_id = await only_lot(people, rfp)
    await people.vendors[0].bids.file_bid(str(lot_id), unit_price="700", currency="USD")
    await until_instant(rfp["closes_at"])

    with pytest.raises(OpeningFailed):
        await open_rfp(custodians[0].client.bids, rfp["id"], custodians[0].private, timeout_s=4)

    opening = await people.buyer.bids.opening(rfp["id"])
    assert (opening["status"], [one["is_submitted"] for one in opening["seats"]]) == (
        "closed",
        [True, False, False],
    )
    with pytest.raises(Problem):
        await people.buyer.awards.evaluation(str(lot_id))


async def test_insider_who_reads_everything_before_the_opening_finds_no_price_and_no_key(
    stack: RunningStack, people: People, custodians: list[Custodian]
) -> None:
    rfp = await draft(people, custodians, closes_in_s=60)
    await people.buyer.bids.publish(rfp["id"])
    lot_id = await only_lot(people, rfp)
    bids, vendor_id = people.vendors[0].bids, PartyId(UUID(people.vendor_ids[0]))
    keys, form = await receipt_keys(bids), await published_form(bids, rfp["id"])
    sealed = seal_offer(offer(CANARY), form, lot_id=lot_id, vendor_id=vendor_id)
    await file(bids, sealed, keys=keys)
    await people.vendors[1].bids.file_bid(str(lot_id), unit_price=CANARY, currency="USD")
    opening = await people.buyer.bids.opening(rfp["id"])
    public_key = bytes_of(opening["public_key"])

    tables = await _everything_in(stack.facts.database_url)
    environments, files = await asyncio.to_thread(_environments_and_files, stack)

    read = [*tables, *environments, *files]
    assert not any(CANARY.encode() in one or b"876543219" in one for one in read)
    # Whatever is 32 bytes long anywhere in it, as it stands or as text: none is the key.
    held = await _seat_rows(stack.facts.database_url, opening["id"])
    candidates = {piece for one in (*held, *environments) for piece in _pieces(one)}
    assert len(candidates) > 1_000
    assert not any(check_pair(candidate, public_key) for candidate in candidates)
    # One custodian in league with the insider is not enough; two are, which shows the search fair.
    shares = [await _share_of(one, opening) for one in custodians]
    alone = [Share(index=one.index, threshold=1, value=one.value) for one in shares]
    assert not any(check_pair(combine([one]), public_key) for one in alone)
    assert check_pair(combine(shares[:2]), public_key)


async def _share_of(custodian: Custodian, opening: Document) -> Share:
    dealt = await custodian.client.bids.sealed_share(opening["id"])
    opening_id = OpeningId(UUID(opening["id"]))
    return Share.from_bytes(
        unseal_share(
            bytes_of(dealt["sealed_share"]),
            custodian.private,
            opening_id=opening_id,
            purpose="custody",
        )
    )


async def _everything_in(database_url: str) -> list[bytes]:
    """Read every row of every table of all services, as text."""
    owner = await asyncpg.connect(database_url)
    try:
        names = [row["name"] for row in await owner.fetch(_TABLES)]
        rows = [
            row["line"]
            for name in names
            for row in await owner.fetch(f"SELECT t::text AS line FROM {name} AS t")  # noqa: S608 - the catalogue's own names
        ]
    finally:
        await owner.close()
    assert len(rows) > 10
    return [line.encode() for line in rows]


async def _seat_rows(database_url: str, opening_id: str) -> list[bytes]:
    owner = await asyncpg.connect(database_url)
    try:
        rows = await owner.fetch(
            "SELECT sealed_share, salt, commitment FROM bids.seat WHERE opening_id = $1",
            UUID(opening_id),
        )
    finally:
        await owner.close()
    return [value for row in rows for value in row.values()]


def _environments_and_files(stack: RunningStack) -> tuple[list[bytes], list[bytes]]:
    """Read what the processes were told, and all that they and the servers have written."""
    facts = stack.facts
    pids = [pid for name, pid in facts.pids.items() if name in {"bids", "supervisor"}]
    environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in pids]
    files = [path.read_bytes() for path in facts.data.rglob("*") if path.is_file()]
    return environments, files


def _pieces(text: bytes) -> Iterator[bytes]:
    """Cut out every 32 bytes, and every text of 43 or 44 characters as base64."""
    for start in range(len(text) - KEY_BYTES + 1):
        yield text[start : start + KEY_BYTES]
    for word in text.replace(b"=", b" ").replace(b"\0", b" ").split():
        try:
            decoded = bytes_of(word.decode("ascii").replace("+", "-").replace("/", "_"))
        except ValueError:
            continue
        if len(decoded) == KEY_BYTES:
            yield decoded
