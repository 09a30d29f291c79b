"""Put together what a public-records request may get of an RFP, and say of what it was relieved.

The bundle is files of plain JSON beside the documents. What the buyer granted to be confidential is
left out, and each such place names its line in the redaction log. The same record makes the same
bytes: nothing in a bundle tells when, or how often, it was made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar, Final, NewType
from uuid import UUID

from services.bids.domain.claims import (
    PRICES,
    ClaimId,
    RecordedClaim,
    parts_of,
    salted_digest,
    written_parts,
)
from services.bids.domain.documents import DocumentId, Readable
from services.bids.domain.lots import ENDED, LotStatus
from services.bids.domain.policy import Profile
from shared.domain.bid_content import BidContent, TechnicalContent
from shared.domain.canonical import Json, canonical, plain
from shared.domain.facts import Fact
from shared.domain.ids import BidId, LotId, PartyId, RfpId
from shared.domain.refusals import Kind, Refusal

DisclosureId = NewType("DisclosureId", UUID)

DISCLOSURE_BYTES_MAX: Final = 1024**3
"""The most that the documents of a bundle hold: beyond that, they are handed out singly."""

AWARDED: Final = frozenset({LotStatus.AWARDED, *ENDED})
OPENED: Final = frozenset({LotStatus.EVALUATED, LotStatus.INTENDED, *AWARDED})
"""At auction a lot is not among them: its prices wait for the close."""

BUYER: Final = "buyer"
"""The role that decides on claims."""

_README: Final = """What is public of this solicitation.

Each .jsonl file holds one JSON object on each line. redactions.jsonl lists every place from which
something was left out: whose it is, the legal ground that its vendor claimed, who decided and why,
and a salted SHA-256 of what stands there, by which it can be compared once it is shown.
documents.jsonl lists every document, and where it lies in this bundle or why it does not.
manifest.json holds the SHA-256 of every other file.
"""


class DisclosureUnknown(Refusal):
    """There is no such disclosure, or none that the caller may read."""

    kind = Kind.NOT_FOUND
    code = "disclosure_unknown"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("There is no such disclosure.")


class DisclosureTooEarly(Refusal):
    """The law that applies keeps the bids for now; `lot_ids` says which lots are not there yet."""

    kind = Kind.CONFLICT
    code = "disclosure_too_early"


class ClaimsUndecided(Refusal):
    """Some claims are not decided, or are to be decided anew; `claim_ids` names them."""

    kind = Kind.CONFLICT
    code = "claims_undecided"


class DisclosureTooLarge(Refusal):
    """The documents together are larger than a bundle may be."""

    kind = Kind.CONFLICT
    code = "disclosure_too_large"


@dataclass(frozen=True, slots=True)
class RedactedPart:
    """What was left out, as the chain tells it: the claim, and the commitment to what it covers."""

    claim_id: ClaimId
    salted_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RfpDisclosed(Fact):
    """A bundle was made for the public; from here on claims stand as they were decided."""

    TYPE: ClassVar[str] = "rfp.disclosed"

    disclosure_id: DisclosureId
    sha256: str
    length_bytes: int
    redacted: tuple[RedactedPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosedBid:
    """A bid as the record has it, with what its evaluation came to: ranks, scores, failures."""

    bid_id: BidId
    lot_id: LotId
    vendor_id: PartyId
    is_awarded: bool
    told: Mapping[str, object] = field(repr=False)
    prices: Mapping[str, object] = field(repr=False)
    content: BidContent | None = field(repr=False)
    technical: TechnicalContent | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosedDocument:
    """A document of the solicitation, or of a bid; not `readable` where it is not in keeping."""

    bid_id: BidId | None
    name: str
    media_type: str
    sha256: str
    length_bytes: int
    deposit: str
    readable: Readable | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """All that a bundle is made of. `tables` hold what nobody can claim, by the name of the file.

    `offers` are the final prices of auctions; their prices fall under the claims of their bids.
    """

    rfp_id: RfpId
    buyer_id: PartyId
    policy_profile: str
    lots: Mapping[LotId, LotStatus]
    tables: Mapping[str, Sequence[Mapping[str, object]]] = field(repr=False)
    bids: tuple[DisclosedBid, ...]
    offers: Sequence[tuple[BidId | None, Mapping[str, object], Mapping[str, object]]]
    claims: tuple[RecordedClaim, ...]
    documents: tuple[DisclosedDocument, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """One thing that was left out, as the log lists it; `number` stands in its place."""

    number: int
    claim_id: ClaimId
    bid_id: BidId
    vendor_id: PartyId
    part: str
    ground: str
    decided_by: str
    decided_at: datetime
    reason: str
    salted_sha256: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of a bundle: texts by their names, documents by theirs, and what was left out."""

    texts: Mapping[str, bytes] = field(repr=False)
    documents: Mapping[str, Readable]
    redactions: tuple[Redaction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """A bundle that was made; `sha256` is the document by which it is kept."""

    id: DisclosureId
    rfp_id: RfpId
    document_id: DocumentId
    sha256: str
    length_bytes: int
    redactions: int
    made_at: datetime


def require_disclosable(material: Material, profile: Profile) -> None:
    """Let a record be disclosed whose time has come, and whose claims are decided.

    Raises:
        DisclosureTooEarly: Lots are not awarded (or not opened, where the profile says so).
        ClaimsUndecided: The buyer has not decided every claim.
        DisclosureTooLarge: The documents are more than a bundle holds.
    """
    ready = OPENED if profile.discloses_from_opening else AWARDED
    early = [str(lot_id) for lot_id, status in material.lots.items() if status not in ready]
    if early or not material.lots:
        when = "opened" if profile.discloses_from_opening else "awarded, or ended without award"
        rule = profile.disclosure_from
        sentence = f"Bids are disclosed when every lot is {when}."
        source = rule.source if rule else "the house's own rule"
        raise DisclosureTooEarly(sentence, details={"lot_ids": early, "source": source})
    awarded = {bid.bid_id for bid in material.bids if bid.is_awarded}
    open_claims = [
        str(claim.id)
        for claim in material.claims
        if claim.is_granted is None
        # Granted before its bid won: what is paid is public, so that it is to be decided anew.
        or (claim.is_granted and claim.part == PRICES and claim.bid_id in awarded)
    ]
    if open_claims:
        sentence = "Decide every claim of confidentiality first."
        raise ClaimsUndecided(sentence, details={"claim_ids": open_claims})
    if sum(each.length_bytes for each in material.documents) > DISCLOSURE_BYTES_MAX:
        sentence = f"A bundle holds up to {DISCLOSURE_BYTES_MAX} bytes of documents."
        raise DisclosureTooLarge(sentence)


def bundle_of(material: Material) -> Bundle:
    """Put the bundle together, but for its manifest."""
    granted = _granted(material)
    redactions = _redactions(material, granted)
    numbers = {(claim.bid_id, claim.part): number for number, claim in enumerate(granted, start=1)}
    documents, listed = _documents(material, numbers)
    lines: dict[str, Sequence[object]] = {
        **material.tables,
        "bids": [_bid(bid, numbers) for bid in material.bids],
        "auctions": [
            {**told, **_prices(prices, numbers.get((bid_id, PRICES)) if bid_id else None)}
            for bid_id, told, prices in material.offers
        ],
        "documents": listed,
        "redactions": redactions,
    }
    texts = {f"{name}.jsonl": _json_lines(each) for name, each in lines.items()}
    return Bundle({"README.txt": _README.encode(), **texts}, documents, redactions)


def _granted(material: Material) -> list[RecordedClaim]:
    """List what is to be left out, by bid and part: the order tells nothing else."""
    granted = (claim for claim in material.claims if claim.is_granted)
    return sorted(granted, key=lambda claim: (str(claim.bid_id), claim.part))


def _redactions(material: Material, granted: Sequence[RecordedClaim]) -> tuple[Redaction, ...]:
    parts = {bid.bid_id: parts_of(bid.content, bid.technical) for bid in material.bids}
    return tuple(
        _redaction(number, claim, salted_digest(claim.part, *parts[claim.bid_id][claim.part]))
        for number, claim in enumerate(granted, start=1)
    )


def _redaction(number: int, claim: RecordedClaim, salted_sha256: str) -> Redaction:
    assert claim.decided_at is not None
    assert claim.reason is not None
    return Redaction(
        number=number,
        claim_id=claim.id,
        bid_id=claim.bid_id,
        vendor_id=claim.vendor_id,
        part=_public_part(claim.part),
        ground=claim.ground,
        decided_by=BUYER,
        decided_at=claim.decided_at,
        reason=claim.reason,
        salted_sha256=salted_sha256,
    )


def _public_part(part: str) -> str:
    """Name a part without telling it: a document's hash would say which document it is."""
    return "document" if part.startswith("document:") else part


def _bid(bid: DisclosedBid, numbers: Mapping[tuple[BidId, str], int]) -> dict[str, Json]:
    marks = {part: number for (bid_id, part), number in numbers.items() if bid_id == bid.bid_id}
    return {
        **_plain(bid.told),
        **_prices(bid.prices, marks.get(PRICES)),
        "content": _content(bid.content, marks),
        "technical": _content(bid.technical, marks),
    }


def _prices(prices: Mapping[str, object], number: int | None) -> dict[str, Json]:
    return _plain(prices) if number is None else {name: _mark(number) for name in prices}


def _content(
    content: BidContent | TechnicalContent | None, marks: Mapping[str, int]
) -> dict[str, Json] | None:
    """Write what was sealed, without nonces, keys and claims, and with marks for what is kept."""
    if content is None:
        return None
    written = written_parts(content)
    for name in ("capacity", "members"):
        if name in marks and name in written:
            written[name] = _mark(marks[name])
    written["answers"] = [
        {
            "criterion": one.criterion,
            "text": _or_mark(one.text, marks.get(f"answer:{one.criterion}")),
        }
        for one in content.answers
    ]
    written["documents"] = [
        _or_mark(plain(replace(one, copy=None)), marks.get(f"document:{one.sha256}"))
        for one in content.documents
    ]
    return written if isinstance(content, TechnicalContent) else _unpriced(written, marks)


def _unpriced(written: dict[str, Json], marks: Mapping[str, int]) -> dict[str, Json]:
    """Put marks in place of prices, and of whole alternates."""
    number = marks.get(PRICES)
    pricing, alternates = written.pop("pricing"), written.get("alternates", [])
    assert isinstance(alternates, list)
    written["pricing"] = _or_mark(pricing, number)
    if number is not None and written.get("packages"):
        written["packages"] = _mark(number)
    written["alternates"] = [
        _or_mark(
            {**_plain(each), "pricing": _or_mark(_plain(each)["pricing"], number)},
            marks.get(f"alternate:{place}"),
        )
        for place, each in enumerate(alternates, start=1)
    ]
    return written


def _documents(
    material: Material, numbers: Mapping[tuple[BidId, str], int]
) -> tuple[dict[str, Readable], list[Json]]:
    """Choose what goes into the bundle, each document once, and list every one of them."""
    chosen: dict[str, Readable] = {}
    listed: list[Json] = []
    for each in material.documents:
        number = each.bid_id and numbers.get((each.bid_id, f"document:{each.sha256}"))
        whose = {"bid_id": None if each.bid_id is None else str(each.bid_id)}
        if number:
            listed.append({**whose, **_mark(number)})
            continue
        file = None
        if each.readable is not None:
            file = f"documents/{each.sha256}"
            chosen[file] = each.readable
        listed.append({**whose, **_described(each), "file": file})
    return chosen, listed


def _described(document: DisclosedDocument) -> dict[str, Json]:
    return {
        "name": document.name,
        "media_type": document.media_type,
        "sha256": document.sha256,
        "length_bytes": document.length_bytes,
        "deposit": document.deposit,
    }


def _or_mark(said: Json, number: int | None) -> Json:
    return said if number is None else _mark(number)


def _mark(number: int) -> dict[str, Json]:
    """Say that something was left out here, and which line of the log tells why."""
    return {"redacted": number}


def _plain(value: object) -> dict[str, Json]:
    written = plain(value)
    assert isinstance(written, dict)
    return written


def _json_lines(listed: Sequence[object]) -> bytes:
    return "".join(f"{canonical(each)}\n" for each in listed).encode()
