"""Checkpoints of auctions that are over, and the file that anybody can check."""

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clients.cli import cli
from services.auctions.checkpoint import Notary
from services.auctions.domain.auction import AuctionOver
from services.auctions.domain.commands import CancelAuction
from services.auctions.hall import Hall
from services.auctions.ports import CheckpointUnknown
from services.auctions.store import AuctionStore
from shared.auction_log import LogBroken, check_log, checkpoint_line
from shared.checkpoints import (
    Checkpoint,
    CheckpointInvalid,
    read_key_set,
    sign_checkpoint,
    verify_checkpoint,
)
from shared.clock import FixedClock
from shared.domain import merkle
from shared.domain.ids import AuctionId, new_id
from shared.receipts import generate_signing_key
from tests.component.auctions_room import NOW, VENDORS, offer, scheduled, seated, usd

KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def notary(auctions: AuctionStore, standing_clock: FixedClock) -> Notary:
    return Notary(auctions, standing_clock, KEY)


async def closed(auctions: AuctionStore, hall: Hall, clock: FixedClock) -> AuctionId:
    """Run an auction with three offers to its close."""
    auction_id = await scheduled(auctions, clock)
    desk = await seated(hall, auction_id)
    for vendor, price in zip(VENDORS, ("9.00", "8.50", "8.75"), strict=True):
        await offer(desk, vendor, usd(price), key=None)
    clock.advance(timedelta(hours=2))
    with pytest.raises(AuctionOver):
        await offer(desk, VENDORS[0], usd("1.00"), key=None)
    return auction_id


async def exported(notary: Notary, auction_id: AuctionId) -> list[str]:
    text = b"".join([chunk async for chunk in notary.export(auction_id)]).decode()
    return text.splitlines(keepends=True)


async def test_a_closed_auction_gets_one_signed_checkpoint(
    auctions: AuctionStore, hall: Hall, standing_clock: FixedClock, notary: Notary
) -> None:
    auction_id = await closed(auctions, hall, standing_clock)
    hashes = [row.hash for row in await auctions.log(auction_id, after=0, limit=10)]

    signed = await notary.step()
    again = await notary.step()

    keys = read_key_set(json.dumps(notary.key_set()))
    checkpoint = verify_checkpoint(await notary.token(auction_id), keys)
    assert (signed, again) == (1, 0)
    assert (checkpoint.auction_id, checkpoint.size) == (auction_id, 6)
    assert checkpoint.last_hash == hashes[-1].hex()
    proof = merkle.inclusion_proof(hashes, 2)
    root = bytes.fromhex(checkpoint.root)
    assert merkle.is_included(hashes[2], proof, index=2, size=6, root=root)


async def test_two_notaries_sign_the_very_same_text(
    auctions: AuctionStore, hall: Hall, standing_clock: FixedClock, notary: Notary
) -> None:
    auction_id = await closed(auctions, hall, standing_clock)
    ended = await auctions.ended(auction_id)
    await notary.step()
    first = await notary.token(auction_id)

    await Notary(auctions, standing_clock, KEY)._sign(ended)

    assert await notary.token(auction_id) == first


async def test_a_cancelled_auction_gets_its_checkpoint_too(
    auctions: AuctionStore, hall: Hall, standing_clock: FixedClock, notary: Notary
) -> None:
    auction_id = await scheduled(auctions, standing_clock)
    desk = await seated(hall, auction_id)
    buyer_id = desk.picture.terms.buyer_id
    await desk.do(CancelAuction(party_id=buyer_id, reason="no funds"), key=None)

    await notary.step()

    assert check_log(await exported(notary, auction_id), None).checkpoint is not None


async def test_a_running_auction_has_none(
    auctions: AuctionStore, hall: Hall, standing_clock: FixedClock, notary: Notary
) -> None:
    auction_id = await scheduled(auctions, standing_clock)
    await seated(hall, auction_id)

    signed = await notary.step()

    assert signed == 0
    with pytest.raises(CheckpointUnknown):
        await notary.token(auction_id)
    assert check_log(await exported(notary, auction_id), None).checkpoint is None


async def test_a_checkpoint_of_another_key_is_refused() -> None:
    checkpoint = Checkpoint(
        auction_id=AuctionId(new_id()),
        size=1,
        root="0" * 64,
        last_hash="0" * 64,
        at=NOW,
    )
    token = sign_checkpoint(checkpoint, generate_signing_key())

    with pytest.raises(CheckpointInvalid):
        verify_checkpoint(token, read_key_set(json.dumps(jwks(KEY))))


# The file ----------------------------------------------------------------------------------------


@pytest.fixture
async def lines(
    auctions: AuctionStore, hall: Hall, standing_clock: FixedClock, notary: Notary
) -> list[str]:
    auction_id = await closed(auctions, hall, standing_clock)
    await notary.step()
    return await exported(notary, auction_id)


async def test_the_exported_file_proves_itself_and_names_the_winner(
    lines: list[str], notary: Notary, tmp_path: Path
) -> None:
    result = verified(lines, notary, tmp_path)

    assert result.exit_code == 0, result.output
    assert "6 entries, the chain is whole." in result.output
    assert "signature checked." in result.output
    assert "Winner: Bidder 2 at 8.50." in result.output
    assert "   1  Bidder 2  8.50\n   2  Bidder 3  8.75\n   3  Bidder 1  9.00" in result.output
    assert "Not checked, since it is secret: vendor/Bidder 1." in result.output


@pytest.mark.parametrize("line", range(2, 8))
async def test_an_altered_line_is_pointed_at(
    lines: list[str], notary: Notary, tmp_path: Path, line: int
) -> None:
    altered = list(lines)
    document = json.loads(altered[line - 1])
    document["entry"] = document["entry"].replace("2026", "2027")
    altered[line - 1] = json.dumps(document) + "\n"

    result = verified(altered, notary, tmp_path)

    assert result.exit_code == 1
    assert f"line {line}:" in result.output


async def test_a_missing_line_is_noticed(lines: list[str]) -> None:
    for number in range(1, len(lines)):
        shortened = [line for place, line in enumerate(lines, start=1) if place != number]

        with pytest.raises(LogBroken) as broken:
            check_log(shortened, None)

        assert broken.value.line <= len(shortened)


async def test_a_log_that_was_chained_anew_does_not_fit_its_checkpoint(
    lines: list[str], notary: Notary, tmp_path: Path
) -> None:
    entries = [json.loads(line) for line in lines[1:-1]]
    entries[3]["entry"] = entries[3]["entry"].replace('"8.50"', '"8.40"')
    previous = bytes(32)
    for entry in entries:
        previous = hashlib.sha256(previous + entry["entry"].encode()).digest()
        entry["hash"] = previous.hex()
    forged = [lines[0], *(json.dumps(entry) + "\n" for entry in entries), lines[-1]]

    result = verified(forged, notary, tmp_path)

    assert result.exit_code == 1
    assert f"line {len(lines)}: the checkpoint was signed over other entries" in result.output


async def test_a_log_that_was_cut_short_does_not_fit_its_checkpoint(
    lines: list[str], notary: Notary, tmp_path: Path
) -> None:
    cut = [*lines[:-2], lines[-1]]

    result = verified(cut, notary, tmp_path)

    assert result.exit_code == 1
    assert "the checkpoint counts 6 entries, the file 5" in result.output


async def test_a_checkpoint_signed_by_somebody_else_is_noticed_with_a_key_only(
    lines: list[str], notary: Notary, tmp_path: Path
) -> None:
    own = check_log(lines, None).checkpoint
    assert own is not None
    forged = [*lines[:-1], checkpoint_line(sign_checkpoint(own, generate_signing_key()))]

    with_key = verified(forged, notary, tmp_path)
    without_key = verified(forged, None, tmp_path)

    assert with_key.exit_code == 1
    assert f"line {len(lines)}:" in with_key.output
    assert without_key.exit_code == 0
    assert "its signature was not checked" in without_key.output


async def test_a_file_that_never_was_a_log_is_refused(tmp_path: Path) -> None:
    for text in ("", "{}\n", "not json\n", "[1]\n", '{"format":"commonlot-auction-log/1"}\n'):
        result = verified([text], None, tmp_path)

        assert result.exit_code == 1
        assert "line 1:" in result.output


def jwks(key: Ed25519PrivateKey) -> dict[str, list[dict[str, str]]]:
    x = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()
    return {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x}]}


def verified(lines: Sequence[str], notary: Notary | None, folder: Path) -> Result:
    """Run `commonlot verify` on the lines, with the notary's keys if there is one."""
    (folder / "log.jsonl").write_text("".join(lines))
    words = ["verify", str(folder / "log.jsonl")]
    if notary is not None:
        (folder / "keys.json").write_text(json.dumps(notary.key_set()))
        words += ["--key", str(folder / "keys.json")]
    return CliRunner().invoke(cli, words)
