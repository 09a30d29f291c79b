"""Documents from the shell, before the real service: sealed here, put there, checked on return."""

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from clients import documents
from clients.cli import cli
from shared.db import Pool
from shared.domain.bid_documents import Document
from tests.component.bids_documents import Counter, digest, open_counter
from tests.component.bids_purchase import publish

SECRET = b"The alloy is quenched at 612 degrees for nine minutes." * 2_000


@pytest.fixture
async def counter(bids_database: Pool, tmp_path: Path) -> AsyncIterator[Counter]:
    purchase = await publish(bids_database)
    async with open_counter(purchase, tmp_path / "kept") as opened:
        yield opened


@pytest.fixture
def drawing(tmp_path: Path) -> Path:
    path = tmp_path / "drawing.pdf"
    path.write_bytes(SECRET)
    return path


async def run(counter: Counter, *words: str | Path | UUID, by: str) -> Result:
    url = str(counter.client.make_url("")).rstrip("/")
    sent = ["--url", url, "--token", by]
    return await asyncio.to_thread(CliRunner().invoke, cli, [*map(str, words), *sent])


async def test_attachment_goes_there_and_comes_back(
    counter: Counter, drawing: Path, tmp_path: Path
) -> None:
    out = tmp_path / "copy.pdf"

    put = await run(
        counter, "documents", "put", drawing, "--rfp", counter.purchase.rfp_id, by="buyer"
    )
    got = await run(counter, "documents", "get", digest(SECRET), "--out", out, by="vendor 0")

    assert put.exit_code == 0, put.output
    assert digest(SECRET) in put.output
    assert got.exit_code == 0, got.output
    assert out.read_bytes() == SECRET


async def test_document_of_a_sealed_bid_is_read_by_the_buyer_after_the_opening_alone(
    counter: Counter, drawing: Path, tmp_path: Path
) -> None:
    purchase = counter.purchase
    out, receipt, copy = (tmp_path / name for name in ("lot.sealed", "lot.receipt", "copy.pdf"))
    lot, vendor = purchase.lots[0], purchase.vendors[0]

    sealed = await run(
        counter,
        *("bid", "seal", lot, "--unit-price", "0.30", "--party", vendor),
        *("--document", drawing, "--out", out),
        by="vendor 0",
    )
    filed = await run(counter, "bid", "file", out, "--receipt", receipt, by="vendor 0")
    early = await run(counter, "documents", "get", digest(SECRET), "--out", copy, by="buyer")
    await purchase.open_bids()
    got = await run(counter, "documents", "get", digest(SECRET), "--out", copy, by="buyer")

    assert sealed.exit_code == 0, sealed.output
    assert filed.exit_code == 0, filed.output
    assert early.exit_code == 1
    assert "document_unknown" in early.output
    assert got.exit_code == 0, got.output
    assert copy.read_bytes() == SECRET
    assert await purchase.pool.fetchval("SELECT deposit FROM bid_document") == "kept"


async def test_bid_that_would_be_refused_puts_no_document(
    counter: Counter, drawing: Path, tmp_path: Path
) -> None:
    out = tmp_path / "lot.sealed"

    sealed = await run(
        counter,
        *("bid", "seal", counter.purchase.lots[0], "--unit-price", "0"),
        *("--party", counter.purchase.vendors[0], "--document", drawing, "--out", out),
        by="vendor 0",
    )

    assert sealed.exit_code == 1
    assert "price is above 0" in sealed.output
    assert counter.kept() == []
    assert not out.exists()


async def test_list_names_what_one_has_put(counter: Counter, drawing: Path) -> None:
    await run(counter, "documents", "put", drawing, "--authority", by="member")

    listed = await run(counter, "documents", "list", "--json", by="member")

    assert '"name": "drawing.pdf"' in listed.output


async def test_refused_document_leaves_no_file(counter: Counter, tmp_path: Path) -> None:
    out = tmp_path / "copy.pdf"

    got = await run(counter, "documents", "get", "0" * 64, "--out", out, by="buyer")

    assert got.exit_code == 1
    assert not out.exists()


@pytest.mark.parametrize("more", [0, 1])
async def test_file_larger_than_any_document_is_not_sent(
    counter: Counter, drawing: Path, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    monkeypatch.setattr(documents, "DOCUMENT_BYTES_MAX", len(SECRET) - more)

    put = await run(
        counter, "documents", "put", drawing, "--rfp", counter.purchase.rfp_id, by="buyer"
    )

    assert put.exit_code == more
    assert len(counter.kept()) == 1 - more


async def test_put_says_what_the_document_is_for(counter: Counter, drawing: Path) -> None:
    put = await run(counter, "documents", "put", drawing, by="buyer")

    assert put.exit_code == 2
    assert "--rfp or --authority" in put.output


async def test_claim_is_made_judged_and_kept_out_of_what_is_disclosed(
    counter: Counter, tmp_path: Path
) -> None:
    purchase = counter.purchase
    out = tmp_path / "milk.zip"
    await counter.file_with(Document("recipe.pdf", digest(SECRET), len(SECRET)))
    await purchase.open_bids()
    await purchase.pool.execute("UPDATE lot SET status = 'no_award'")
    bid_id = await purchase.pool.fetchval("SELECT id FROM bid")
    part = f"document:{digest(SECRET)}"

    claimed = await run(
        counter, "bid", "claim", bid_id, "--part", part, "--ground", "Ours.", by="vendor 0"
    )
    early = await run(counter, "rfp", "disclose", purchase.rfp_id, "--out", out, by="buyer")
    listed = await run(counter, "rfp", "claims", purchase.rfp_id, by="buyer")
    claim_id = await purchase.pool.fetchval("SELECT id FROM confidentiality_claim")
    judged = await run(
        counter, "rfp", "judge", claim_id, "--grant", "--reason", "It is.", by="buyer"
    )
    disclosed = await run(counter, "rfp", "disclose", purchase.rfp_id, "--out", out, by="buyer")

    assert claimed.exit_code == 0, claimed.output
    assert early.exit_code == 1
    assert "claims_undecided" in early.output
    assert "undecided" in listed.output
    assert "granted" in judged.output
    assert disclosed.exit_code == 0, disclosed.output
    with zipfile.ZipFile(out) as bundle:
        assert json.loads(bundle.read("redactions.jsonl"))["reason"] == "It is."
        assert b"recipe.pdf" not in bundle.read("bids.jsonl") + bundle.read("documents.jsonl")
