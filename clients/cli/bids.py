"""Check, seal and file bids from the vendor's own shell, and keep what proves that it was done."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from uuid import UUID

import click

from clients.bids import BidsClient
from clients.cli.bid_files import WrittenBid, form_lines, written_bid
from clients.cli.documents import (
    name_of,
    new_file,
    read_keys,
    read_offer,
    read_receipt,
    write_offer,
    write_receipt,
)
from clients.cli.way import Way, json_option, speaks_as
from clients.client import Client
from clients.documents import deposit
from clients.http import Document
from clients.sealed_bids import (
    BidWouldBeRefused,
    FiledBid,
    Offer,
    PublishedForm,
    ReceiptKeys,
    ReceiptWrong,
    SealedOffer,
    is_in_the_opening,
    published_form,
    seal_offer,
    verified,
    would_be_refused,
)
from clients.sealed_bids import file as file_offer
from shared.checkpoints import read_key_set
from shared.domain.bid_documents import EnvelopeKind
from shared.domain.canonical import canonical
from shared.domain.ids import LotId, PartyId
from shared.receipts import Receipt

Command = TypeVar("Command", bound=Callable[..., Any])


def _bid_options(command: Command) -> Command:
    price = click.option("--unit-price", help="The whole bid: one price for a unit.")
    whole = click.option(
        "--bid",
        "file",
        type=click.File("rb"),
        help="The bid as a JSON file: unit_price or tiers, capacity, packages, answers, …",
    )
    return price(whole(command))


_receipt_option = click.option(
    "--receipt",
    "receipt_file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="A new file, in which the verified receipt is kept.",
)


@click.group()
def bid() -> None:
    """Seal bids on this machine, file them, and prove that they were filed.

    No price leaves this machine but sealed: neither the service nor who runs it can read one before
    the custodians open the bids.

    \b
    Example:
        commonlot bid check LOT_ID --unit-price 0.1234
        commonlot bid seal  LOT_ID --unit-price 0.1234 --party $VENDOR --out lot1.sealed
        commonlot bid file  lot1.sealed --receipt lot1.receipt
        commonlot bid proof lot1.receipt
    """  # noqa: D301 - click reads the \b as "keep these lines"


@bid.command("form")
@click.argument("rfp_id", type=click.UUID)
@speaks_as("vendor")
def bid_form(*, way: Way, rfp_id: UUID) -> None:
    """Show what bids of RFP_ID are asked: its lots, the answers, and what is to be attested.

    What must be answered and is not is refused, or fails at the opening where it was sealed.

    \b
    Example:
        commonlot bid form 0190a1b2-…
    """  # noqa: D301 - likewise

    async def read(client: Client) -> Document:
        return await client.bids.bid_form(str(rfp_id))

    form = way.run(read)
    way.tell(form, form_lines(form))


@bid.command("check")
@click.argument("lot_id", type=click.UUID)
@_bid_options
@speaks_as("vendor")
def bid_check(*, way: Way, lot_id: UUID, file: BinaryIO | None, unit_price: str | None) -> None:
    """Say what a bid on LOT_ID would be refused for at the opening; nothing is sent.

    Once sealed, nobody can tell before the opening, and then it is too late.

    \b
    Example:
        commonlot bid check 0190a1b2-… --bid lot1.json
    """  # noqa: D301 - likewise
    written = written_bid(file, unit_price)

    async def check(client: Client) -> None:
        offer, published = await _offer(client.bids, written, lot_id)
        faults = would_be_refused(offer, published, LotId(lot_id))
        if faults:
            raise BidWouldBeRefused(faults)

    way.run(check)
    way.tell({"lot_id": str(lot_id), "faults": []}, ["Nothing of it would be refused."])


@bid.command("seal")
@click.argument("lot_id", type=click.UUID)
@_bid_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="A new file for the sealed bid.",
)
@click.option(
    "--document",
    "documents",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="A file that goes with the bid: sealed here and put; may be given again.",
)
@click.option(
    "--price-document",
    "price_documents",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="The same, of a file that tells a price: it is read with the prices alone.",
)
@speaks_as("vendor")
def bid_seal(
    *,
    way: Way,
    lot_id: UUID,
    file: BinaryIO | None,
    unit_price: str | None,
    out: Path,
    documents: tuple[Path, ...],
    price_documents: tuple[Path, ...],
) -> None:
    """Check a bid on LOT_ID and seal it on this machine; nothing is filed by that.

    The seal is bound to the lot and to the vendor. A price on the command line can be seen by other
    users of this machine while the command runs: --bid reads a file, and `-` the input.

    Each --document is sealed under a key of its own and put into keeping at once, without its name:
    name, hash and key go into the sealed bid, so that nobody can read it before the opening. What
    tells a price, such as a cost sheet, is a --price-document: who judges the technical parts gets
    it only with the prices. In a --bid, such a document says "envelope": "price".

    \b
    Example:
        commonlot bid seal 0190a1b2-… --bid lot1.json --document drawing.pdf \\
            --price-document costs.xlsx --party $VENDOR --out lot1.sealed
    """  # noqa: D301 - likewise
    written = written_bid(file, unit_price)
    vendor_id = PartyId(way.require_party("a seal is bound to its vendor's own id."))

    async def seal(client: Client) -> SealedOffer:
        offer, published = await _offer(client.bids, written, lot_id)
        if documents or price_documents:
            # A bid that would be refused puts nothing.
            if faults := would_be_refused(offer, published, LotId(lot_id)):
                raise BidWouldBeRefused(faults)
            kept = [await deposit(client.bids, path) for path in documents]
            kept += [
                await deposit(client.bids, path, envelope=EnvelopeKind.PRICE)
                for path in price_documents
            ]
            offer = written.with_documents(kept).offer(published)
        return seal_offer(offer, published, lot_id=LotId(lot_id), vendor_id=vendor_id)

    with new_file(out, hint="--out") as kept:
        sealed = way.run(seal)
        write_offer(kept, sealed)
    told = {"lot_id": str(lot_id), "bid_version_id": str(sealed.version_id), "file": str(out)}
    way.tell(told, [f"Sealed into {out}; it counts once it is filed with `bid file`."])


@bid.command("file")
@click.argument("file", type=click.File("rb"))
@_receipt_option
@speaks_as("vendor")
def bid_file(*, way: Way, file: BinaryIO, receipt_file: Path) -> None:
    """File the sealed bid FILE, or file it in place of an earlier one; keep its receipt.

    The receipt is verified before this counts as done. Where no answer came, file the same FILE
    again, even after the deadline: if it was recorded in time, its first receipt comes back.

    \b
    Example:
        commonlot bid file lot1.sealed --receipt lot1.receipt
    """  # noqa: D301 - likewise
    offer = read_offer(file)

    async def file_now(client: Client) -> tuple[FiledBid, Document]:
        keys, key_set = await _published_keys(client.bids)
        filed = await file_offer(client.bids, offer, keys=keys)
        return filed, key_set

    with new_file(receipt_file, hint="--receipt") as kept:
        filed, key_set = way.run(file_now)
        write_receipt(kept, filed.token, key_set)
    _tell_receipt(way, filed.receipt, f"Kept in {receipt_file}.")


@bid.command("withdraw")
@click.argument("lot_id", type=click.UUID)
@_receipt_option
@speaks_as("vendor")
def bid_withdraw(*, way: Way, lot_id: UUID, receipt_file: Path) -> None:
    """Take one's bid on LOT_ID back; until the deadline it may be filed again.

    \b
    Example:
        commonlot bid withdraw 0190a1b2-… --receipt lot1-withdrawn.receipt
    """  # noqa: D301 - likewise

    async def withdraw(client: Client) -> tuple[FiledBid, Document]:
        keys, key_set = await _published_keys(client.bids)
        token = str((await client.bids.withdraw_bid(str(lot_id)))["receipt"])
        receipt = verified(token, keys)
        if (receipt.action, receipt.lot_id) != ("withdrawn", lot_id):
            sentence = "The receipt is for something else than this withdrawal."
            raise ReceiptWrong(sentence)
        return FiledBid(receipt, token), key_set

    with new_file(receipt_file, hint="--receipt") as kept:
        withdrawn, key_set = way.run(withdraw)
        write_receipt(kept, withdrawn.token, key_set)
    _tell_receipt(way, withdrawn.receipt, f"Kept in {receipt_file}.")


@bid.command("confirm")
@click.argument("lot_id", type=click.UUID)
@click.option("--addendum", type=click.IntRange(1), required=True, help="The last one's number.")
@speaks_as("vendor")
def bid_confirm(*, way: Way, lot_id: UUID, addendum: int) -> None:
    """Let one's bid on LOT_ID stand under a substantial addendum; else it does not count.

    \b
    Example:
        commonlot bid confirm 0190a1b2-… --addendum 2
    """  # noqa: D301 - likewise

    async def confirm(client: Client) -> Document:
        return await client.bids.confirm_bid(str(lot_id), addendum=addendum)

    confirmed = way.run(confirm)
    way.tell(confirmed, [f"Bid {confirmed['bid_id']} stands under addendum {addendum}."])


@bid.command("receipt")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--keys",
    type=click.File("rb"),
    help="The JWK set that signs receipts, got by another way than the receipt itself.",
)
@json_option
def bid_receipt(*, file: BinaryIO, keys: BinaryIO | None, as_json: bool) -> None:
    """Verify the receipt in FILE offline, and say what it confirms.

    Without --keys it is verified by the keys that were kept with it, which convinces only who kept
    it: to convince another, give the keys that /v1/receipt-keys answers.

    \b
    Example:
        commonlot bid receipt lot1.receipt --keys receipt-keys.json
    """  # noqa: D301 - likewise
    way = Way(role="vendor", as_json=as_json)
    kept = read_receipt(file)
    with way.leaving():
        receipt = verified(kept.token, kept.keys if keys is None else read_keys(keys))
    by = "the keys kept with it" if keys is None else name_of(keys)
    _tell_receipt(way, receipt, f"Its signature holds by {by}.")


@bid.command("fetch")
@click.argument("bid_id", type=click.UUID, required=False)
@click.option(
    "--receipt",
    "receipt_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A new file for the last receipt of BID_ID.",
)
@speaks_as("vendor")
def bid_fetch(*, way: Way, bid_id: UUID | None, receipt_file: Path | None) -> None:
    """List one's own bids, or fetch the lost receipt of BID_ID again.

    \b
    Example:
        commonlot bid fetch --party $VENDOR
        commonlot bid fetch --party $VENDOR 0190a1b2-… --receipt lot1.receipt
    """  # noqa: D301 - likewise
    if (bid_id is None) != (receipt_file is None):
        sentence = "Give both BID_ID and --receipt, or neither to list the bids."
        raise click.UsageError(sentence)
    if bid_id is None or receipt_file is None:
        _list_bids(way)
        return

    async def fetch(client: Client) -> tuple[FiledBid, Document]:
        keys, key_set = await _published_keys(client.bids)
        token = str((await client.bids.bid(str(bid_id)))["versions"][-1]["receipt"])
        return FiledBid(verified(token, keys), token), key_set

    with new_file(receipt_file, hint="--receipt") as kept:
        fetched, key_set = way.run(fetch)
        write_receipt(kept, fetched.token, key_set)
    _tell_receipt(way, fetched.receipt, f"Kept in {receipt_file}.")


@bid.command("proof")
@click.argument("file", type=click.File("rb"))
@speaks_as("vendor")
def bid_proof(*, way: Way, file: BinaryIO) -> None:
    """Prove that the bid of the receipt in FILE is in the opening, from the close on.

    The proof leads from the receipt's own hash to the root of the list that the service has signed.
    It is checked here; the exit status is 1 where it does not hold.

    \b
    Example:
        commonlot bid proof lot1.receipt --party $VENDOR
    """  # noqa: D301 - likewise
    kept = read_receipt(file)

    async def prove(client: Client) -> Document:
        receipt = verified(kept.token, kept.keys)
        return await is_in_the_opening(client.bids, receipt, keys=kept.keys)

    proof = way.run(prove)
    place = f"place {proof['index'] + 1} of {proof['size']}"
    way.tell(proof, [f"The bid is in the opening: {place}, root {proof['merkle_root']}."])


def _list_bids(way: Way) -> None:
    async def read(client: Client) -> list[Document]:
        return [held async for held in client.bids.own_bids()]

    held = way.run(read)
    lines = (
        f"{each['bid_id']}  lot {each['lot_id']}  version {each['version']}"
        f"{'  withdrawn' if each['is_withdrawn'] else ''}"
        for each in held
    )
    way.tell({"items": held}, lines)


async def _offer(
    bids: BidsClient, written: WrittenBid, lot_id: UUID
) -> tuple[Offer, PublishedForm]:
    """Read the form of a lot's solicitation, and turn a written bid into an offer under it."""
    lot = await bids.lot(str(lot_id))
    published = await published_form(bids, str(lot["rfp_id"]))
    return written.offer(published), published


async def _published_keys(bids: BidsClient) -> tuple[ReceiptKeys, Document]:
    """Read the keys before anything is done that they are to prove."""
    key_set = await bids.receipt_keys()
    return read_key_set(json.dumps(key_set)), key_set


def _tell_receipt(way: Way, receipt: Receipt, after: str) -> None:
    document = json.loads(canonical(receipt))
    line = (
        f"Bid {receipt.bid_id}, version {receipt.version}, {receipt.action} for lot"
        f" {receipt.lot_id}, received at {receipt.received_at.isoformat()}."
    )
    way.tell(document, [line, after])
