"""Play a round of sealed bids: solicitation, lots, bids, deadline, opening, ranking."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clients.bids import BidsClient
from clients.custodian import bytes_of, open_rfp
from clients.errors import Problem
from clients.http import Document
from examples.season.cast import Cast, references
from examples.season.pace import for_each, until
from examples.season.plan import Need, PooledBy, SealedBid, Stage
from examples.season.plan import lots as planned_lots
from examples.season.records import FiledBid, Link, Placed, StagePlayed
from shared.domain.money import UnitPrice
from shared.receipts import ReceiptInvalid, claimed_key_id, verify_receipt

CLOSE_TIMEOUT_S: Final = 60.0
"""After the deadline: the grace for bids under way, and time for a service to come back."""

CONFLICT: Final = 409


class LotsDiffer(Exception):  # noqa: N818 - a fact about the run
    """The service's lots are not the plan's."""


async def publish(cast: Cast, stage: Stage) -> tuple[Document, dict[str, Document]]:
    """Publish a stage's needs as a solicitation, and return it with its lots by their keys."""
    bids = cast.buyer.bids
    with cast.screen.step(f"{stage.title}: the solicitation is published"):
        rfp = await bids.draft_rfp(
            title=stage.title,
            currency=cast.season.currency,
            custodian_id=cast.custodian_id,
            closes_at=cast.clock.now() + cast.filing_window(len(stage.bids)),
            standstill_s=cast.clocks.standstill_s,
        )
        await bids.pool(rfp["id"], by=stage.pooled_by.value, references=references(stage.needs))
        await settle(lambda: bids.publish(rfp["id"]), lambda: _has(bids, rfp["id"], "published"))
        lots = by_key([lot async for lot in bids.lots(rfp["id"])], stage)
    return rfp, lots


async def file_bids(cast: Cast, stage: Stage, lots: dict[str, Document]) -> tuple[FiledBid, ...]:
    """Let every vendor file its bids under its own token, and keep the receipts."""
    receipts: list[FiledBid] = []
    keys = keys_of(await cast.buyer.bids.receipt_keys())
    title = f"{stage.title}: vendors file {len(stage.bids)} sealed bids on {len(lots)} lots"
    with cast.screen.step(title, len(stage.bids)) as advance:

        async def file(bid: SealedBid) -> None:
            vendor = cast.vendors[bid.vendor_reference]
            receipt = await vendor.bids.file_bid(
                lots[bid.lot_key]["id"], unit_price=bid.unit_price, currency=cast.season.currency
            )
            receipts.append(_filed(bid, receipt, keys))
            advance()

        await for_each(stage.bids, file)
    return tuple(receipts)


async def open_bids(cast: Cast, rfp: Document) -> Document:
    """Wait for the deadline, and let the custodian hand its share over; return the opening."""
    bids, title = cast.custodian.bids, rfp["title"]

    async def closed() -> Document | None:
        opening = await bids.opening(rfp["id"])
        return None if opening["status"] == "sealed" else opening

    left_s = (datetime.fromisoformat(rfp["closes_at"]) - cast.clock.now()).total_seconds()
    with cast.screen.step(f"{title}: nobody can read a price before the deadline"):
        await until(
            closed, awaited="the deadline to pass", timeout_s=max(left_s, 0) + CLOSE_TIMEOUT_S
        )
    with cast.screen.step(f"{title}: the custodian hands its key share over; the bids are opened"):
        return await open_rfp(bids, rfp["id"], cast.custodian_key)


async def play(cast: Cast, stage: Stage) -> tuple[StagePlayed, str, dict[str, Document]]:
    """Play a whole stage; return what was recorded, the solicitation's id, and its lots."""
    rfp, lots = await publish(cast, stage)
    filed = await file_bids(cast, stage, lots)
    opening = await open_bids(cast, rfp)
    with cast.screen.step(f"{stage.title}: rankings and the audit chain are read"):
        chain = [link async for link in cast.auditor.bids.chain(opening["id"])]
        played = StagePlayed(
            stage=stage,
            bids=filed,
            sealed_list=frozenset(
                (sealed["bid_id"], sealed["version"], sealed["sealed_sha256"])
                for sealed in opening["sealed_bids"]
            ),
            opened=opening["opened"],
            failed=opening["failed"],
            chain=tuple(link_of(link) for link in chain),
            rankings=await _rankings(cast, lots),
        )
    return played, rfp["id"], lots


async def cancel(cast: Cast, rfp_id: str, reason: str) -> None:
    """Cancel a solicitation, so that its requirements are free for the next one."""
    bids = cast.buyer.bids
    await settle(
        lambda: bids.cancel(rfp_id, reason=reason), lambda: _has(bids, rfp_id, "cancelled")
    )


async def settle(
    act: Callable[[], Awaitable[Document]], is_done: Callable[[], Awaitable[bool]]
) -> None:
    """Do an act that may have been done already, its answer lost with the process that gave it.

    Raises:
        Problem: It was refused, and it is not done either.
    """
    try:
        await act()
    except Problem as problem:
        if problem.status != CONFLICT or not await is_done():
            raise


def by_key(lots: Sequence[Document], stage: Stage) -> dict[str, Document]:
    """Tell which lot is which of the plan's, by the key that the needs of one lot share.

    Lots of single needs carry no reference of their own; they are numbered in the order in which
    pooling puts them: by what is needed, then by the member's reference and the need's own.

    Raises:
        LotsDiffer: A lot is missing, is one too many, or holds another quantity than planned.
    """
    in_order = sorted(lots, key=itemgetter("number"))
    if stage.pooled_by is PooledBy.ALONE:
        keys = [need.reference for need in sorted(stage.needs, key=_place_alone)]
    else:
        name = "delivery_area" if stage.pooled_by is PooledBy.AREA else "item_code"
        keys = [str(lot[name]) for lot in in_order]
    planned = {
        key: sum((need.quantity for need in needs), start=Decimal(0))
        for key, needs in planned_lots(stage).items()
    }
    met = [(key, Decimal(lot["quantity"])) for key, lot in zip(keys, in_order, strict=False)]
    if len(in_order) != len(planned) or dict(met) != planned:
        unlike = sorted({key for key, _ in set(met) ^ set(planned.items())})
        sentence = f"{stage.title}: the lots are not as planned: {', '.join(unlike[:5])}."
        raise LotsDiffer(sentence)
    return dict(zip(keys, in_order, strict=True))


def link_of(link: Document) -> Link:
    """Read one place of a chain."""
    return Link(link["sequence"], link["entry"], link["hash"])


def _place_alone(need: Need) -> tuple[str | int, ...]:
    return (
        need.category,
        need.item_code,
        need.specification,
        need.unit,
        need.term_months,
        need.member_reference,
        need.reference,
    )


def keys_of(key_set: Document) -> dict[str, Ed25519PublicKey]:
    """Read the published keys that sign receipts, by their ids."""
    return {
        key["kid"]: Ed25519PublicKey.from_public_bytes(bytes_of(key["x"]))
        for key in key_set["keys"]
    }


def is_signed(receipt: Document, keys: Mapping[str, Ed25519PublicKey]) -> bool:
    """Tell whether a receipt verifies with a published key, and says what the answer says."""
    token = receipt["receipt"]
    try:
        signed = verify_receipt(token, keys[claimed_key_id(token)])
    except (ReceiptInvalid, KeyError):
        return False
    said = (receipt["bid_id"], receipt["version"], receipt["sealed_sha256"], receipt["log_hash"])
    return said == (str(signed.bid_id), signed.version, signed.sealed_sha256, signed.log_hash)


def _filed(bid: SealedBid, receipt: Document, keys: Mapping[str, Ed25519PublicKey]) -> FiledBid:
    return FiledBid(
        lot_key=bid.lot_key,
        vendor_reference=bid.vendor_reference,
        bid_id=receipt["bid_id"],
        version=receipt["version"],
        sealed_sha256=receipt["sealed_sha256"],
        log_index=receipt["log_index"],
        log_hash=receipt["log_hash"],
        is_signed=is_signed(receipt, keys),
    )


async def _rankings(cast: Cast, lots: dict[str, Document]) -> dict[str, tuple[Placed, ...]]:
    rankings: dict[str, tuple[Placed, ...]] = {}

    async def rank(item: tuple[str, Document]) -> None:
        key, lot = item
        evaluation = await cast.buyer.awards.evaluation(lot["id"])
        rankings[key] = ranking_of(cast, evaluation["bids"])

    await for_each(lots.items(), rank)
    return rankings


def ranking_of(cast: Cast, ranked: Sequence[Document]) -> tuple[Placed, ...]:
    """Read a ranking as the service gives it, the best first."""
    return tuple(
        Placed(
            cast.vendor_of_id[place["vendor_id"]],
            UnitPrice.parse(place["unit_price"], cast.season.currency),
        )
        for place in sorted(ranked, key=itemgetter("rank"))
    )


async def _has(bids: BidsClient, rfp_id: str, status: str) -> bool:
    rfp = await bids.rfp(rfp_id)
    return bool(rfp["status"] == status)
