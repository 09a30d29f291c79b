"""Say what a bid tells of its documents, and of what in it its vendor claims to be confidential.

A document is named by its SHA-256. Its sealed copy, which was put into the house's keeping before
the deadline, is named by a hash of its own, with the key that opens it: whoever opens the bid can
open its documents, and nobody before. A document that tells a price is read with the prices alone.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

DOCUMENT_NAME_MAX: Final = 200
GROUND_MAX: Final = 1_000
PART_MAX: Final = 250

MEDIA_TYPE_PATTERN: Final = r"^[a-z0-9][a-z0-9.+-]{0,62}/[a-z0-9][a-z0-9.+-]{0,62}$"
"""A media type without parameters, in lower case. Source: RFC 6838 section 4.2."""

PART_PATTERN: Final = (
    r"^(prices|capacity|members|answer:.{1,200}|alternate:[1-9]\d?|document:[0-9a-f]{64})$"
)
"""What of a bid can be claimed: a member, or one of its answers, alternates and documents."""

ANY_MEDIA_TYPE: Final = "application/octet-stream"

_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MEDIA_TYPE: Final = re.compile(MEDIA_TYPE_PATTERN, re.ASCII)
_PART: Final = re.compile(PART_PATTERN, re.ASCII)


class EnvelopeKind(StrEnum):
    """Which of two envelopes: the one that is judged first, or the one that holds the prices."""

    TECHNICAL = "technical"
    PRICE = "price"


@dataclass(frozen=True, slots=True)
class SealedCopy:
    """A document as it lies in keeping: the hash and length of its sealed bytes, and their key."""

    sha256: str
    length_bytes: int
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Document:
    """A document that is filed by its hash: SHA-256 in hexadecimal, and its length.

    One without a `copy` is kept elsewhere, by whoever filed it. One that names the price's
    `envelope` is read with the prices; of the technical one, which is what others are of, none is
    named, so that a bid without such a document is written as ever.
    """

    name: str
    sha256: str
    length_bytes: int
    media_type: str | None = None
    copy: SealedCopy | None = None
    envelope: EnvelopeKind | None = None

    @property
    def is_priced(self) -> bool:
        """Whether it is read with the prices alone."""
        return self.envelope is EnvelopeKind.PRICE


@dataclass(frozen=True, slots=True)
class Claim:
    """A part of a bid that its vendor claims to be confidential, and the legal ground for it.

    `part` is `prices`, `capacity`, `members`, `answer:` and a criterion, `alternate:` and a number
    from 1, or `document:` and a hash.
    """

    part: str
    ground: str


def envelope_named(envelope: EnvelopeKind | None) -> EnvelopeKind | None:
    """Write an envelope in its one form: the technical one is not named."""
    return envelope if envelope is EnvelopeKind.PRICE else None


def documents_of(documents: Iterable[Document], *, priced: bool) -> tuple[Document, ...]:
    """Pick the documents that are read with the prices, or the others."""
    return tuple(one for one in documents if one.is_priced is priced)


def claims_beside(
    documents: Iterable[Document], claims: Iterable[Claim], *, priced: bool
) -> tuple[Claim, ...]:
    """Pick the claims on documents that are read with the prices, or all others.

    What a claim says of a document lies where the document lies.
    """
    parts = {f"document:{one.sha256}" for one in documents_of(documents, priced=True)}
    return tuple(claim for claim in claims if (claim.part in parts) is priced)


def is_in_both(documents: Iterable[Document]) -> bool:
    """Tell whether a document is named in both envelopes, by one of which it would be told."""
    listed = tuple(documents)
    priced = {one.sha256 for one in documents_of(listed, priced=True)}
    return any(one.sha256 in priced for one in documents_of(listed, priced=False))


def document_of(members: Mapping[str, Any]) -> Document:
    """Read a document.

    Raises:
        ValueError, KeyError, TypeError: It is none.
    """
    media_type, copy = members.get("media_type"), members.get("copy")
    envelope = members.get("envelope")
    _require(envelope in {None, EnvelopeKind.PRICE})
    if media_type is not None:
        _require(_MEDIA_TYPE.fullmatch(media_type))
    return Document(
        name=_text(members["name"], DOCUMENT_NAME_MAX),
        sha256=_digest(members["sha256"]),
        length_bytes=_length(members["length_bytes"]),
        media_type=media_type,
        copy=None if copy is None else copy_of(copy),
        envelope=None if envelope is None else EnvelopeKind(envelope),
    )


def copy_of(members: Mapping[str, Any]) -> SealedCopy:
    """Read what is told of a sealed copy.

    Raises:
        ValueError, KeyError, TypeError: It is none.
    """
    # A key is as long as a digest: 32 bytes in hexadecimal.
    return SealedCopy(
        _digest(members["sha256"]), _length(members["length_bytes"]), _digest(members["key"])
    )


def claim_of(members: Mapping[str, Any]) -> Claim:
    """Read a claim.

    Raises:
        ValueError, KeyError, TypeError: It is none.
    """
    part = _text(members["part"], PART_MAX)
    _require(_PART.fullmatch(part))
    return Claim(part, _text(members["ground"], GROUND_MAX))


def _digest(text: str) -> str:
    _require(_SHA256.fullmatch(text))
    return text


def _length(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError
    return value


def _text(text: object, most: int) -> str:
    # PostgreSQL keeps no NUL, and one sealed bid must not stop the opening of all.
    if not isinstance(text, str) or not 1 <= len(text) <= most or "\x00" in text:
        raise ValueError
    return text


def _require(is_so: object) -> None:
    if not is_so:
        raise ValueError
