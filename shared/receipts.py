"""Sign receipts for filed and withdrawn bids, so that a vendor can prove its filing offline.

The same key signs the list of sealed bids and the record of an opening.

A receipt is a compact JWS (RFC 7515) signed with Ed25519 (RFC 8037). Its payload is canonical
JSON, and Ed25519 draws no random numbers: the same receipt and key give the same token, so that a
repeated request is answered with the very same bytes. It holds hashes and times, never a price.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.utils import base64url_encode

from shared.domain.canonical import canonical
from shared.domain.ids import BidId, LotId, OpeningId
from shared.domain.refusals import Kind, Refusal

RECEIPT_TYPE: Final = "receipt+jws"
"""The `typ` of the header, so that no other token of the house passes as a receipt."""

ALGORITHM: Final = "EdDSA"

TOKEN_CHARACTERS_MAX: Final = 2048
"""A receipt takes about 750 characters; what is much longer is refused before it is parsed."""

# PyJWT forgives trailing `=`; without them a receipt has exactly one written form.
_TOKEN: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_JWS: Final = jwt.PyJWS(algorithms=[ALGORITHM])
_SENTENCE: Final = "This is not a receipt signed with that key."


DOCUMENT_CHARACTERS_MAX: Final = 16 * 1024 * 1024
"""A list of a hundred thousand bids; what is longer is refused before it is parsed."""


class DocumentKind(StrEnum):
    """What a signed document is: its `typ`, so that none passes as another, or as a receipt."""

    HASH_LIST = "hash-list+jws"
    OPENING_RECORD = "opening-record+jws"


class ReceiptInvalid(Refusal):
    """The token is not a receipt that was signed with this key."""

    kind = Kind.INVALID
    code = "receipt_invalid"


class DocumentInvalid(Refusal):
    """The token is not a document of this kind that was signed with this key."""

    kind = Kind.INVALID
    code = "document_invalid"


class ReceiptAction(StrEnum):
    """What a receipt confirms."""

    FILED = "filed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Confirm one version of a bid, and where the audit log holds it.

    Hashes are 64 lower-case hexadecimal digits of SHA-256; `sealed_sha256` is that of the sealed
    bytes, and absent for a withdrawal; `technical_sha256` that of the second envelope, if any.
    `version` counts from 1, `log_index` from 0; `received_at` is in UTC.

    Raises:
        ValueError: A member is out of its range, which is a defect of whoever made it.
    """

    opening_id: OpeningId
    lot_id: LotId
    bid_id: BidId
    version: int
    action: ReceiptAction
    sealed_sha256: str | None
    received_at: datetime
    log_index: int
    log_hash: str
    technical_sha256: str | None = None

    def __post_init__(self) -> None:
        """Hold every member to its range."""
        hashes = [self.log_hash]
        hashes += [one for one in (self.sealed_sha256, self.technical_sha256) if one is not None]
        holds = (
            self.version >= 1,
            self.log_index >= 0,
            self.received_at.utcoffset() == timedelta(0),
            (self.sealed_sha256 is None) == (self.action is ReceiptAction.WITHDRAWN),
            all(_HASH.fullmatch(digits) for digits in hashes),
        )
        if not all(holds):
            sentence = "a member of the receipt is out of its range"
            raise ValueError(sentence)


def sign_receipt(claims: Receipt, key: Ed25519PrivateKey, key_id: str) -> str:
    """Sign a receipt as a compact JWS; `key_id` goes into the header as `kid`."""
    headers = {"typ": RECEIPT_TYPE, "kid": key_id}
    return _JWS.encode(canonical(claims).encode(), key, algorithm=ALGORITHM, headers=headers)


def verify_receipt(token: str, public_key: Ed25519PublicKey) -> Receipt:
    """Check a receipt against a known key, without asking anybody.

    The payload must be the canonical form of exactly the members of `Receipt`.

    Raises:
        ReceiptInvalid: Not a token, another type or algorithm, another key, or altered.
    """
    _refuse_misshapen(token)
    try:
        parts = _JWS.decode_complete(token, public_key, algorithms=[ALGORITHM])
    except jwt.PyJWTError:
        raise ReceiptInvalid(_SENTENCE) from None
    if parts["header"].get("typ") != RECEIPT_TYPE:
        raise ReceiptInvalid(_SENTENCE)
    return _receipt(parts["payload"])


def sign_document(
    document: object, key: Ed25519PrivateKey, key_id: str, *, kind: DocumentKind
) -> str:
    """Sign the canonical form of a document as a compact JWS."""
    headers = {"typ": kind.value, "kid": key_id}
    return _JWS.encode(canonical(document).encode(), key, algorithm=ALGORITHM, headers=headers)


def verify_document(
    token: str, public_key: Ed25519PublicKey, *, kind: DocumentKind
) -> dict[str, Any]:
    """Check a signed document against a known key, without asking anybody.

    Raises:
        DocumentInvalid: Not a token, another kind or algorithm, another key, or altered.
    """
    sentence = "This is not a document of that kind, signed with that key."
    if len(token) > DOCUMENT_CHARACTERS_MAX or not _TOKEN.fullmatch(token):
        raise DocumentInvalid(sentence)
    try:
        parts = _JWS.decode_complete(token, public_key, algorithms=[ALGORITHM])
        document = json.loads(parts["payload"])
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise DocumentInvalid(sentence) from None
    if parts["header"].get("typ") != kind or not isinstance(document, dict):
        raise DocumentInvalid(sentence)
    return document


def claimed_key_id(token: str, *, characters_max: int = TOKEN_CHARACTERS_MAX) -> str:
    """Read which key a receipt names, to choose among known keys; nothing is verified by this.

    For another signed document name its own limit, `DOCUMENT_CHARACTERS_MAX`.

    Raises:
        ReceiptInvalid: Not a token, or it names no key.
    """
    _refuse_misshapen(token, characters_max)
    try:
        key_id = _JWS.get_unverified_header(token).get("kid")
    except jwt.PyJWTError:
        raise ReceiptInvalid(_SENTENCE) from None
    if not isinstance(key_id, str):
        raise ReceiptInvalid(_SENTENCE)
    return key_id


def generate_signing_key() -> Ed25519PrivateKey:
    """Make a new signing key."""
    return Ed25519PrivateKey.generate()


def load_signing_key(seed: bytes) -> Ed25519PrivateKey:
    """Read a signing key from its 32-byte seed.

    Raises:
        ValueError: Not 32 bytes.
    """
    return Ed25519PrivateKey.from_private_bytes(seed)


def dump_signing_key(key: Ed25519PrivateKey) -> bytes:
    """Write a signing key as its 32-byte seed, which is the secret itself."""
    return key.private_bytes_raw()


def key_id_of(public_key: Ed25519PublicKey) -> str:
    """Name a key by its thumbprint, the same wherever it is computed. Source: RFC 7638."""
    thumbprint = hashlib.sha256(canonical(_required_members(public_key)).encode()).digest()
    return base64url_encode(thumbprint).decode()


def jwk_of(public_key: Ed25519PublicKey) -> dict[str, str]:
    """Describe a public key as a JWK, ready for a key set. Source: RFC 8037 section 2."""
    described = {"kid": key_id_of(public_key), "use": "sig", "alg": ALGORITHM}
    return _required_members(public_key) | described


def _refuse_misshapen(token: str, characters_max: int = TOKEN_CHARACTERS_MAX) -> None:
    if len(token) > characters_max or not _TOKEN.fullmatch(token):
        raise ReceiptInvalid(_SENTENCE)


def _required_members(public_key: Ed25519PublicKey) -> dict[str, str]:
    coordinate = base64url_encode(public_key.public_bytes_raw()).decode()
    return {"crv": "Ed25519", "kty": "OKP", "x": coordinate}


def _receipt(payload: bytes) -> Receipt:
    try:
        members = json.loads(payload)
        receipt = Receipt(
            opening_id=OpeningId(UUID(members["opening_id"])),
            lot_id=LotId(UUID(members["lot_id"])),
            bid_id=BidId(UUID(members["bid_id"])),
            version=int(members["version"]),
            action=ReceiptAction(members["action"]),
            sealed_sha256=members.get("sealed_sha256"),
            received_at=datetime.fromisoformat(members["received_at"]),
            log_index=int(members["log_index"]),
            log_hash=members["log_hash"],
            technical_sha256=members.get("technical_sha256"),
        )
        is_whole = canonical(receipt).encode() == payload
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ReceiptInvalid(_SENTENCE) from None
    if not is_whole:
        raise ReceiptInvalid(_SENTENCE)
    return receipt
