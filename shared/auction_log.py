r"""Write an auction's log as JSON Lines, and check such a file without asking anybody.

The first line names the format and the auction; then comes one line per entry with the exact text
that was hashed; the last line carries the signed checkpoint, once the auction is over:

    {"auction_id":"…","format":"commonlot-auction-log/1"}
    {"entry":"{\"actor\":…}","hash":"…","sequence":1}
    {"checkpoint":"eyJ…"}
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.checkpoints import Checkpoint, CheckpointInvalid, read_unverified, verify_checkpoint
from shared.domain import merkle
from shared.domain.canonical import canonical
from shared.domain.ids import AuctionId

FORMAT: Final = "commonlot-auction-log/1"
MEDIA_TYPE: Final = "application/jsonl"
LINE_CHARACTERS_MAX: Final = 1024 * 1024

GENESIS: Final = bytes(32)
"""The hash before the first entry, as the journal has it."""

Entry = tuple[int, str, bytes]
"""An entry's sequence, its canonical text, and its hash."""


class LogBroken(Exception):  # noqa: N818 - a fact about a file
    """The file is not what was written: `line` is the first that is wrong, from 1."""

    def __init__(self, line: int, sentence: str) -> None:
        """Point at the line and say what is wrong with it."""
        super().__init__(f"line {line}: {sentence}")
        self.line = line
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class CheckedLog:
    """A log whose chain is whole.

    `checkpoint` is None where the file has none; `is_signature_checked` is False where no key was
    at hand. Both must be told to whoever relies on it.
    """

    auction_id: AuctionId
    entries: Sequence[Entry]
    checkpoint: Checkpoint | None
    is_signature_checked: bool


def header_line(auction_id: AuctionId) -> str:
    """Write the first line."""
    return _line({"format": FORMAT, "auction_id": auction_id})


def entry_line(entry: Entry) -> str:
    """Write one entry."""
    sequence, text, digest = entry
    return _line({"sequence": sequence, "entry": text, "hash": digest.hex()})


def checkpoint_line(token: str) -> str:
    """Write the last line."""
    return _line({"checkpoint": token})


def check_log(lines: Iterable[str], keys: Mapping[str, Ed25519PublicKey] | None) -> CheckedLog:
    """Check a file's chain and checkpoint; without keys the checkpoint's signature is not checked.

    Raises:
        LogBroken: Something was altered, is missing, or was never such a file.
    """
    numbered = _documents(lines)
    auction_id = _auction_of(*next(numbered, (1, {})))
    entries: list[Entry] = []
    token, number = None, 1
    for number, document in numbered:
        if token is not None:
            raise LogBroken(number, "something follows the checkpoint")
        token = document.get("checkpoint")
        if token is None:
            entries.append(_next_entry(number, document, entries, auction_id))
    if not entries:
        raise LogBroken(number, "there are no entries")
    checkpoint = None if token is None else _checked(number, token, keys)
    if checkpoint is not None:
        _compare(number, checkpoint, auction_id, entries)
    is_signature_checked = checkpoint is not None and keys is not None
    return CheckedLog(auction_id, entries, checkpoint, is_signature_checked)


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Compute the Merkle root over the entries' hashes."""
    return merkle.root(hashes)


def _line(document: Mapping[str, object]) -> str:
    return canonical(document) + "\n"


def _documents(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, start=1):
        if len(line) > LINE_CHARACTERS_MAX:
            raise LogBroken(number, "the line is too long")
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            raise LogBroken(number, "this is no JSON") from None
        if not isinstance(document, dict):
            raise LogBroken(number, "this is no JSON object")
        yield number, document


def _auction_of(number: int, document: Mapping[str, Any]) -> AuctionId:
    if document.get("format") != FORMAT:
        raise LogBroken(number, f"the first line does not name the format {FORMAT}")
    try:
        return AuctionId(UUID(document["auction_id"]))
    except (KeyError, ValueError, AttributeError):
        raise LogBroken(number, "the first line names no auction") from None


def _next_entry(
    number: int, document: Mapping[str, Any], before: Sequence[Entry], auction_id: AuctionId
) -> Entry:
    """Read an entry that follows those before it."""
    previous = before[-1][2] if before else GENESIS
    try:
        text, kept = document["entry"], bytes.fromhex(document["hash"])
        digest = hashlib.sha256(previous + text.encode()).digest()
        told = json.loads(text)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        raise LogBroken(number, "this is no entry") from None
    if digest != kept:
        raise LogBroken(number, "the hash does not follow from the text and the hash before")
    place = (document.get("sequence"), told.get("sequence"), told.get("aggregate"))
    if place != (len(before) + 1, len(before) + 1, f"auction/{auction_id}"):
        raise LogBroken(number, "the entry is not in its place")
    return len(before) + 1, text, digest


def _checked(number: int, token: object, keys: Mapping[str, Ed25519PublicKey] | None) -> Checkpoint:
    try:
        if keys is None:
            return read_unverified(str(token))
        return verify_checkpoint(str(token), keys)
    except CheckpointInvalid as refusal:
        raise LogBroken(number, refusal.sentence) from refusal


def _compare(
    number: int, checkpoint: Checkpoint, auction_id: AuctionId, entries: Sequence[Entry]
) -> None:
    hashes = [digest for _, _, digest in entries]
    if checkpoint.auction_id != auction_id:
        raise LogBroken(number, "the checkpoint is of another auction")
    if checkpoint.size != len(hashes):
        sentence = f"the checkpoint counts {checkpoint.size} entries, the file {len(hashes)}"
        raise LogBroken(number, sentence)
    is_same = (checkpoint.root, checkpoint.last_hash) == (root_of(hashes).hex(), hashes[-1].hex())
    if not is_same:
        raise LogBroken(number, "the checkpoint was signed over other entries than these")
