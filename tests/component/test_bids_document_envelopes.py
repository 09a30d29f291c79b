"""Two envelopes and documents: what tells a price is read with the prices, and not before."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.bids.worker import Unsealer
from shared.db import Pool
from shared.domain.canonical import plain
from shared.domain.ids import BidId
from tests.component.bids_documents import Counter, digest, open_counter, sealed
from tests.component.bids_purchase import Purchase, publish
from tests.component.test_cli_documents import run

DRAWING = b"The vessel is quenched at 612 degrees."
COSTS = b"A unit costs us 0.1911, and we ask 0.30."


@pytest.fixture
async def counter(bids_database: Pool, tmp_path: Path) -> AsyncIterator[Counter]:
    """An RFP with two envelopes."""
    purchase = await publish(bids_database, envelopes=2)
    async with open_counter(purchase, tmp_path / "kept") as opened:
        yield opened


async def open_technical(purchase: Purchase) -> Unsealer:
    await purchase.close()
    unsealer = purchase.unsealer()
    await unsealer.step(purchase.clock.now())
    await purchase.submit(opening_id=purchase.technical_id)
    assert await unsealer.step(purchase.clock.now()) == 1
    return unsealer


async def open_prices(purchase: Purchase, unsealer: Unsealer, *, is_passed: bool = True) -> None:
    """Judge the only bid, release the results, and open the prices."""
    buyer_id = purchase.buyer_id
    bid_id = BidId(await purchase.pool.fetchval("SELECT id FROM bid"))
    await purchase.judgement.judge(bid_id, is_passed=is_passed, reason="seen", buyer_id=buyer_id)
    await purchase.judgement.release(purchase.rfp_id, buyer_id=buyer_id)
    await purchase.submit()
    assert await unsealer.step(purchase.clock.now()) == 1


async def file_in_the_clear(counter: Counter) -> None:
    """File a bid with a drawing, and a cost sheet that is for the price envelope."""
    said: list[Any] = []
    for content, envelope in ((DRAWING, None), (COSTS, "price")):
        kept = sealed(content, name=f"{envelope}.pdf")
        await counter.put(kept.copy, by="vendor 0", purpose="bid")
        said.append({**_plain(kept.document), "envelope": envelope})
    answer = await counter.ask(
        "POST",
        f"/v1/lots/{counter.purchase.lots[0]}/bids",
        by="vendor 0",
        headers={"Idempotency-Key": "first"},
        json={
            "unit_price": "0.30",
            "currency": "USD",
            "technical_envelope": True,
            "documents": said,
        },
    )
    assert answer.status == 201, answer.body


async def file_by_shell(counter: Counter, folder: Path) -> None:
    """File the same as a vendor's own shell seals it."""
    purchase = counter.purchase
    drawing, costs, out = (folder / name for name in ("drawing.pdf", "costs.csv", "lot.sealed"))
    drawing.write_bytes(DRAWING)
    costs.write_bytes(COSTS)
    done = await run(
        counter,
        *("bid", "seal", purchase.lots[0], "--unit-price", "0.30"),
        *("--party", purchase.vendors[0], "--out", out),
        *("--document", drawing, "--price-document", costs),
        by="vendor 0",
    )
    assert done.exit_code == 0, done.output
    filed = await run(counter, "bid", "file", out, "--receipt", folder / "r", by="vendor 0")
    assert filed.exit_code == 0, filed.output


async def readable(counter: Counter, *, by: str) -> list[bytes]:
    """Tell which of the two documents a reader gets, by their own hashes."""
    fetched = [(each, await counter.fetch(digest(each), by=by)) for each in (DRAWING, COSTS)]
    assert all(answer.status == 404 or answer.content == each for each, answer in fetched)
    return [each for each, answer in fetched if answer.status == 200]


@pytest.mark.parametrize("is_sealed_by_vendor", [True, False])
async def test_cost_sheet_is_read_with_the_prices_and_not_before(
    counter: Counter,
    tmp_path: Path,
    is_sealed_by_vendor: bool,  # noqa: FBT001 - a table
) -> None:
    purchase = counter.purchase
    if is_sealed_by_vendor:
        await file_by_shell(counter, tmp_path)
    else:
        await file_in_the_clear(counter)

    sealed_yet = await readable(counter, by="buyer")
    unsealer = await open_technical(purchase)
    with_technical = [await readable(counter, by=by) for by in ("buyer", "auditor")]
    listed = await purchase.judgement.of_rfp(purchase.rfp_id, viewer_id=None, sees_all=True)
    await open_prices(purchase, unsealer)
    with_prices = [await readable(counter, by=by) for by in ("buyer", "auditor")]

    assert sealed_yet == []
    assert with_technical == [[DRAWING], [DRAWING]]
    assert with_prices == [[DRAWING, COSTS], [DRAWING, COSTS]]
    told = listed.parts[0].content
    assert told is not None
    assert [each.sha256 for each in told.documents] == [digest(DRAWING)]


async def test_cost_sheet_of_a_bid_that_did_not_pass_is_never_read(counter: Counter) -> None:
    await file_in_the_clear(counter)
    unsealer = await open_technical(counter.purchase)

    await open_prices(counter.purchase, unsealer, is_passed=False)

    assert await readable(counter, by="buyer") == [DRAWING]


def _plain(document: object) -> dict[str, Any]:
    told = plain(document)
    assert isinstance(told, dict)
    return told
