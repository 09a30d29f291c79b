"""Sign where an auction's log ended, so that it cannot be rewritten unnoticed.

A checkpoint is a compact JWS (RFC 7515) signed with Ed25519 (RFC 8037) over the log's size, its
last hash, and the Merkle root (RFC 6962) over all its hashes. Its payload is canonical JSON, and
Ed25519 draws no random numbers: whoever signs the same log with the same key makes the same token.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.utils import base64url_decode

from shared.domain.canonical import canonical
from shared.domain.ids import AuctionId
from shared.domain.refusals import Kind, Refusal
from shared.receipts import ALGORITHM, key_id_of

CHECKPOINT_TYPE: Final = "checkpoint+jws"
"""The `typ` of the header, so that no other token of the house passes as a checkpoint."""

TOKEN_CHARACTERS_MAX: Final = 2048
"""A checkpoint takes about 600 characters; what is much longer is refused before it is parsed."""

_TOKEN: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_JWS: Final = jwt.PyJWS(algorithms=[ALGORITHM])
_SENTENCE: Final = "This is not a checkpoint signed with one of these keys."


class CheckpointInvalid(Refusal):
    """The token is not a checkpoint that was signed with a known key."""

    kind = Kind.INVALID
    code = "checkpoint_invalid"


class KeySetMalformed(Refusal):
    """The text is not a set of Ed25519 public keys."""

    kind = Kind.INVALID
    code = "key_set_malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """State that an auction's log ended with `size` entries at `at`.

    `root` and `last_hash` are 64 lower-case hexadecimal digits; `at` is in UTC.

    Raises:
        ValueError: A member is out of its range, which is a defect of whoever made it.
    """

    auction_id: AuctionId
    size: int
    root: str
    last_hash: str
    at: datetime

    def __post_init__(self) -> None:
        """Hold every member to its range."""
        is_hashed = all(_HASH.fullmatch(digits) for digits in (self.root, self.last_hash))
        if self.size < 1 or self.at.utcoffset() != timedelta(0) or not is_hashed:
            sentence = "a member of the checkpoint is out of its range"
            raise ValueError(sentence)


def sign_checkpoint(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """Sign a checkpoint as a compact JWS; the header names the key by its thumbprint."""
    headers = {"typ": CHECKPOINT_TYPE, "kid": key_id_of(key.public_key())}
    return _JWS.encode(canonical(checkpoint).encode(), key, algorithm=ALGORITHM, headers=headers)


def verify_checkpoint(token: str, keys: Mapping[str, Ed25519PublicKey]) -> Checkpoint:
    """Check a checkpoint against known keys by their ids, without asking anybody.

    Raises:
        CheckpointInvalid: Not a token, another type or algorithm, an unknown key, or altered.
    """
    header = _header_of(token)
    key = keys.get(str(header.get("kid")))
    if key is None or header.get("typ") != CHECKPOINT_TYPE:
        raise CheckpointInvalid(_SENTENCE)
    try:
        payload: bytes = _JWS.decode_complete(token, key, algorithms=[ALGORITHM])["payload"]
    except jwt.PyJWTError:
        raise CheckpointInvalid(_SENTENCE) from None
    return _checkpoint(payload)


def read_unverified(token: str) -> Checkpoint:
    """Read what a checkpoint says, whoever signed it.

    Raises:
        CheckpointInvalid: Not a checkpoint at all.
    """
    _header_of(token)
    try:
        return _checkpoint(base64url_decode(token.split(".")[1]))
    except ValueError:
        raise CheckpointInvalid(_SENTENCE) from None


def read_key_set(text: str) -> Mapping[str, Ed25519PublicKey]:
    """Read a JWK set of Ed25519 keys, by their ids. Source: RFC 7517, RFC 8037.

    Raises:
        KeySetMalformed: It is none.
    """
    try:
        keys = [
            Ed25519PublicKey.from_public_bytes(base64url_decode(key["x"]))
            for key in json.loads(text)["keys"]
            if key["crv"] == "Ed25519"
        ]
    except (ValueError, TypeError, KeyError, RecursionError):
        sentence = "This is not a JWK set of Ed25519 keys."
        raise KeySetMalformed(sentence) from None
    return {key_id_of(key): key for key in keys}


def _header_of(token: str) -> Mapping[str, Any]:
    if len(token) > TOKEN_CHARACTERS_MAX or not _TOKEN.fullmatch(token):
        raise CheckpointInvalid(_SENTENCE)
    try:
        return _JWS.get_unverified_header(token)
    except jwt.PyJWTError:
        raise CheckpointInvalid(_SENTENCE) from None


def _checkpoint(payload: bytes) -> Checkpoint:
    try:
        members = json.loads(payload)
        checkpoint = Checkpoint(
            auction_id=AuctionId(UUID(members["auction_id"])),
            size=int(members["size"]),
            root=members["root"],
            last_hash=members["last_hash"],
            at=datetime.fromisoformat(members["at"]),
        )
        is_whole = canonical(checkpoint).encode() == payload
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise CheckpointInvalid(_SENTENCE) from None
    if not is_whole:
        raise CheckpointInvalid(_SENTENCE)
    return checkpoint
