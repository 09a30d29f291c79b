"""Say what a kept document is, who may put one, and by what it is found.

A document is named by the SHA-256 of its bytes. A vendor's is sealed by the vendor before it is put
(`shared/document_seal.py`), under a key that travels inside its sealed bid: until the opening it is
bytes that nobody can read, without a name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final, NewType
from uuid import UUID

from shared.document_seal import SCHEME, is_sealed_length, sealed_length
from shared.domain.bid_documents import ANY_MEDIA_TYPE, DOCUMENT_NAME_MAX, MEDIA_TYPE_PATTERN
from shared.domain.facts import Fact
from shared.domain.ids import BidId, PartyId, RfpId
from shared.domain.refusals import Kind, Refusal

DocumentId = NewType("DocumentId", UUID)

DOCUMENT_BYTES_MAX: Final = 64 * 1024 * 1024
"""The largest document: hundreds of scanned pages; drawings beyond that are split."""

STORED_BYTES_MAX: Final = sealed_length(DOCUMENT_BYTES_MAX)
"""The same, sealed: what an upload may hold."""

OWNER_DOCUMENTS_MAX: Final = 10_000
"""How many documents one party may keep here: fifty for each of two hundred bids."""

ORPHAN_AGE: Final = timedelta(hours=24)
"""How old bytes without a record must be to be swept: far older than any upload under way."""

_MEDIA_TYPE: Final = re.compile(MEDIA_TYPE_PATTERN, re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Purpose(StrEnum):
    """What a document is for, which decides who may read it."""

    SOLICITATION = "solicitation"
    BID = "bid"
    AUTHORITY = "authority"
    DISCLOSURE = "disclosure"


class Deposit(StrEnum):
    """What the opening found of a document that a bid lists."""

    KEPT = "kept"
    ELSEWHERE = "elsewhere"
    LATE = "late"
    MISSING = "missing"


_WHO: Final[Mapping[Purpose, frozenset[str]]] = {
    Purpose.SOLICITATION: frozenset({"buyer"}),
    Purpose.BID: frozenset({"vendor"}),
    Purpose.AUTHORITY: frozenset({"buyer", "member"}),
    Purpose.DISCLOSURE: frozenset(),
}
"""Which roles put what; bundles of disclosure are made here."""


class DocumentUnknown(Refusal):
    """There is no such document, or none that the caller may read now."""

    kind = Kind.NOT_FOUND
    code = "document_unknown"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("There is no such document.")


class DocumentUnfit(Refusal):
    """What is said of a document is not what its purpose asks."""

    kind = Kind.INVALID
    code = "document_unfit"


class DocumentPurposeForbidden(Refusal):
    """The caller may not put documents for this purpose."""

    kind = Kind.FORBIDDEN
    code = "document_purpose_forbidden"


class DocumentDigestMismatch(Refusal):
    """What was received has another SHA-256 than was stated; nothing is kept of it."""

    kind = Kind.INVALID
    code = "document_digest_mismatch"


class DocumentNotSealed(Refusal):
    """A bid's document was not sealed before it was put; nothing is kept of it."""

    kind = Kind.INVALID
    code = "document_not_sealed"


class DocumentsTooMany(Refusal):
    """The party keeps as many documents here as a party may."""

    kind = Kind.CONFLICT
    code = "documents_too_many"


class DocumentBroken(Refusal):
    """What is kept is not what was put: its bytes were altered, or they are gone."""

    kind = Kind.CONFLICT
    code = "document_broken"

    def __init__(self, sha256: str) -> None:
        """Name the document."""
        sentence = f"The document {sha256} is not as it was put; tell the cooperative's operator."
        super().__init__(sentence, details={"sha256": sha256})


class DocumentStoreUnavailable(Refusal):
    """The store of documents is away."""

    kind = Kind.UNAVAILABLE
    code = "document_store_unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentAttached(Fact):
    """A document became part of a solicitation."""

    TYPE: ClassVar[str] = "rfp.document_attached"

    rfp_id: RfpId
    name: str
    media_type: str
    sha256: str
    length_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentMissed(Fact):
    """A bid lists a document that was not in keeping at the deadline; the bid stands.

    Whether a bid without it is responsive is for the buyer to judge.
    """

    TYPE: ClassVar[str] = "opening.document_missed"

    bid_id: BidId
    envelope: str
    sha256: str
    deposit: Deposit


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposited:
    """A document that is kept: `length_bytes` and `sha256` are those of its bytes as they lie."""

    id: DocumentId
    owner_id: PartyId
    purpose: Purpose
    rfp_id: RfpId | None
    name: str
    media_type: str
    sha256: str
    length_bytes: int
    stored_at: datetime

    @property
    def key(self) -> str:
        """Name the object: by its content, and by the upload, so that no two share bytes."""
        return object_key(self.sha256, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """A document as a reader gets it: the kept bytes, or what their seal opens to."""

    stored: Deposited
    name: str
    media_type: str
    sha256: str
    length_bytes: int
    seal_key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDocument:
    """A document as an opened bid lists it; one `with_prices` is read with them alone."""

    name: str
    media_type: str
    sha256: str
    length_bytes: int
    with_prices: bool
    deposit: Deposit


def object_key(sha256: str, document_id: DocumentId) -> str:
    """Name an object in the store."""
    return f"{sha256[:2]}/{sha256}/{document_id}"


def require_fit(document: Deposited, role: str) -> Deposited:
    """Let a document pass that its purpose allows; a bid's loses its name and type.

    Raises:
        DocumentPurposeForbidden: Not for this role.
        DocumentUnfit: A digest, name or type that is none, or an RFP too few or too many.
    """
    if role not in _WHO[document.purpose]:
        sentence = f"A {role} puts no documents for the purpose {document.purpose.value}."
        raise DocumentPurposeForbidden(sentence)
    if (document.rfp_id is None) == (document.purpose is Purpose.SOLICITATION):
        sentence = "Name the RFP of a solicitation's document, and of no other."
        raise DocumentUnfit(sentence)
    if not _SHA256.fullmatch(document.sha256):
        sentence = "State the document's SHA-256: 64 hexadecimal digits in lower case."
        raise DocumentUnfit(sentence)
    if document.purpose is Purpose.BID:
        # Its name and type are content: they stand in the sealed bid, and nowhere else.
        return replace(document, name="", media_type=ANY_MEDIA_TYPE)
    if not is_name(document.name) or not _MEDIA_TYPE.fullmatch(document.media_type):
        sentence = (
            f"Give a name of 1 to {DOCUMENT_NAME_MAX} characters without slashes, and a media type"
            " such as application/pdf."
        )
        raise DocumentUnfit(sentence)
    return document


def require_digest(sha256: str) -> None:
    """Let only a SHA-256 pass by which a document can be asked for.

    Raises:
        DocumentUnknown: It is none.
    """
    if not _SHA256.fullmatch(sha256):
        raise DocumentUnknown


def is_name(name: str) -> bool:
    """Tell whether a text can be a document's name: printable, and no path."""
    return 1 <= len(name) <= DOCUMENT_NAME_MAX and name.isprintable() and "/" not in name


def require_sealed(head: bytes, length_bytes: int) -> None:
    """Let only pass what looks like a sealed copy; `head` is the first bytes of it.

    Raises:
        DocumentNotSealed: It is none.
    """
    if not head.startswith(SCHEME) or not is_sealed_length(length_bytes):
        sentence = "Seal a bid's document before it is put, by the scheme coop-doc/1."
        raise DocumentNotSealed(sentence)
