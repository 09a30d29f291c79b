"""Read and keep the files that commands are given: JSON documents, sealed offers, receipts."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO
from uuid import UUID

import click

from clients.custodian import bytes_of, text_of
from clients.http import Document
from clients.sealed_bids import ReceiptKeys, SealedOffer
from shared.checkpoints import KeySetMalformed, read_key_set
from shared.domain.ids import LotId

SCHEME: Final = "coop-seal/1"
FILE_BYTES_MAX: Final = 4 * 1024 * 1024
"""No bid, sealed offer or receipt is near this."""

_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class KeptReceipt:
    """A receipt as it is kept in a file, with the keys that were published when it was issued."""

    token: str
    keys: ReceiptKeys


def json_object(file: BinaryIO, *, hint: str) -> dict[str, Any]:
    """Read a JSON object from a file, or say that it holds none."""
    try:
        document = json.loads(file.read(FILE_BYTES_MAX))
    except (ValueError, RecursionError) as error:
        raise _unfit(name_of(file), f"it is not JSON: {error}", hint) from error
    if not isinstance(document, dict):
        raise _unfit(name_of(file), "it holds no JSON object", hint)
    return document


def table_text(file: BinaryIO) -> str:
    """Read a table as text, or say that it is none."""
    try:
        return file.read().decode()
    except UnicodeDecodeError as error:
        sentence = f"{name_of(file)} is not UTF-8; save it as `CSV UTF-8`."
        raise click.BadParameter(sentence, param_hint="FILE") from error


def name_of(file: BinaryIO) -> str:
    """Name a file to whoever gave it; the input may have no name."""
    return str(getattr(file, "name", "the input"))


@contextmanager
def new_file(path: Path, *, hint: str) -> Iterator[TextIO]:
    """Make a file that its owner alone may read, before anything is done that it must keep.

    A file that is there is never overwritten. Where the act inside fails, none is left behind.
    """
    with new_binary_file(path, hint=hint) as file, TextIOWrapper(file, encoding="utf-8") as text:
        yield text


@contextmanager
def new_binary_file(path: Path, *, hint: str) -> Iterator[BinaryIO]:
    """Make a file for bytes, likewise."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE)
    except OSError as error:
        raise _unfit(str(path), error.strerror or "it cannot be made", hint) from error
    with open(descriptor, "w+b") as file:  # noqa: PTH123 - it is a descriptor
        try:
            yield file
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def write_offer(file: TextIO, offer: SealedOffer) -> None:
    """Write a sealed offer."""
    technical = None if offer.technical is None else text_of(offer.technical)
    document = {
        "scheme": SCHEME,
        "lot_id": str(offer.lot_id),
        "bid_version_id": str(offer.version_id),
        "sealed": text_of(offer.sealed),
        "technical": technical,
    }
    file.write(json.dumps(document, indent=2) + "\n")


def read_offer(file: BinaryIO) -> SealedOffer:
    """Read what `write_offer` wrote."""
    document = json_object(file, hint="FILE")
    reason = "it is no sealed bid that `bid seal` made"
    if document.get("scheme") != SCHEME:
        raise _unfit(name_of(file), reason, "FILE")
    try:
        technical = document["technical"]
        return SealedOffer(
            lot_id=LotId(UUID(document["lot_id"])),
            version_id=UUID(document["bid_version_id"]),
            sealed=bytes_of(document["sealed"]),
            technical=None if technical is None else bytes_of(technical),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise _unfit(name_of(file), reason, "FILE") from error


def write_receipt(file: TextIO, token: str, key_set: Document) -> None:
    """Write a receipt beside the keys that verify it."""
    file.write(json.dumps({"receipt": token, "keys": key_set["keys"]}, indent=2) + "\n")


def read_receipt(file: BinaryIO) -> KeptReceipt:
    """Read what `write_receipt` wrote; nothing is verified by this."""
    document = json_object(file, hint="FILE")
    try:
        keys = read_key_set(json.dumps({"keys": document["keys"]}))
        return KeptReceipt(str(document["receipt"]), keys)
    except (KeyError, KeySetMalformed) as error:
        reason = "it is no receipt that `bid file` kept"
        raise _unfit(name_of(file), reason, "FILE") from error


def read_keys(file: BinaryIO) -> ReceiptKeys:
    """Read a JWK set."""
    try:
        return read_key_set(file.read(FILE_BYTES_MAX).decode())
    except (UnicodeDecodeError, KeySetMalformed) as error:
        raise _unfit(name_of(file), "it is no JWK set of Ed25519 keys", "--keys") from error


def _unfit(name: str, reason: str, hint: str) -> click.BadParameter:
    sentence = f"{name} cannot be used: {reason}."
    return click.BadParameter(sentence, param_hint=hint)
