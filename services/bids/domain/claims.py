"""Claim that a part of a bid is confidential, and decide on it: by the vendor, then by the buyer.

A claim stands in the sealed bid, or is made after the opening; it names one part and its legal
ground. Nothing is withheld because a vendor says so: the buyer decides each claim with a reason.
Prices are the public's where the policy profile says so, and wherever they were awarded.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import ClassVar, Final, NewType
from uuid import UUID

from services.bids.domain.policy import Profile
from shared.domain.bid_content import BidContent, TechnicalContent
from shared.domain.bid_documents import Claim
from shared.domain.canonical import Json, canonical, plain
from shared.domain.facts import Decision, Fact
from shared.domain.ids import BidId, LotId, PartyId, RfpId
from shared.domain.refusals import Kind, Refusal

ClaimId = NewType("ClaimId", UUID)

PRICES: Final = "prices"

_SALT: Final = b"coop-redaction/1\x00"


class ClaimUnknown(Refusal):
    """There is no such claim, or none on a bid to an RFP of the caller's."""

    kind = Kind.NOT_FOUND
    code = "claim_unknown"


class ClaimPartUnknown(Refusal):
    """The bid has no such part."""

    kind = Kind.INVALID
    code = "claim_part_unknown"


class ClaimMadeAlready(Refusal):
    """This part of the bid is claimed already."""

    kind = Kind.CONFLICT
    code = "claim_made_already"


class ClaimsClosed(Refusal):
    """Claims are made and decided from the opening until the first disclosure."""

    kind = Kind.CONFLICT
    code = "claims_closed"


class PriceNotRedactable(Refusal):
    """Prices are public: by the policy profile, or because they were awarded."""

    kind = Kind.INVALID
    code = "price_not_redactable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidentialityClaimed(Fact):
    """A vendor claimed a part of its opened bid."""

    TYPE: ClassVar[str] = "bid.confidentiality_claimed"

    claim_id: ClaimId
    bid_id: BidId
    part: str
    ground: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidentialityDecided(Fact):
    """The buyer granted or refused a claim; decided again, the last one counts."""

    TYPE: ClassVar[str] = "bid.confidentiality_decided"

    claim_id: ClaimId
    bid_id: BidId
    part: str
    is_granted: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedClaim:
    """A claim as it stands; `is_granted` is None until the buyer has decided."""

    id: ClaimId
    rfp_id: RfpId
    bid_id: BidId
    vendor_id: PartyId
    part: str
    ground: str
    claimed_at: datetime
    is_granted: bool | None = None
    reason: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimableBid:
    """An opened bid, as far as claims on it are concerned; it has neither content until opened."""

    rfp_id: RfpId
    policy_profile: str
    bid_id: BidId
    lot_id: LotId
    vendor_id: PartyId
    content: BidContent | None = field(repr=False)
    technical: TechnicalContent | None = field(repr=False)
    is_awarded: bool
    is_disclosed: bool


def decide_claim(
    bid: ClaimableBid, claim: Claim, profile: Profile, *, claim_id: ClaimId, now: datetime
) -> Decision[RecordedClaim]:
    """Record a claim that is made after the opening.

    Raises:
        ClaimsClosed: The bid is not opened, or its RFP was disclosed.
        ClaimPartUnknown: The bid has no such part.
        PriceNotRedactable: Prices are public.
    """
    _require_time(bid)
    _require_claimable(bid, claim.part, profile)
    recorded = RecordedClaim(
        id=claim_id,
        rfp_id=bid.rfp_id,
        bid_id=bid.bid_id,
        vendor_id=bid.vendor_id,
        part=claim.part,
        ground=claim.ground,
        claimed_at=now,
    )
    fact = ConfidentialityClaimed(
        claim_id=claim_id, bid_id=bid.bid_id, part=claim.part, ground=claim.ground
    )
    return Decision(recorded, (fact,))


def decide_verdict(
    bid: ClaimableBid,
    claim: RecordedClaim,
    profile: Profile,
    *,
    is_granted: bool,
    reason: str,
    now: datetime,
) -> Decision[RecordedClaim]:
    """Grant or refuse a claim, in place of what was decided before.

    Raises:
        ClaimsClosed: The RFP was disclosed.
        ClaimPartUnknown: Granted, and the bid has no such part.
        PriceNotRedactable: Granted, and prices are public.
    """
    _require_time(bid)
    if is_granted:
        _require_claimable(bid, claim.part, profile)
    fact = ConfidentialityDecided(
        claim_id=claim.id,
        bid_id=claim.bid_id,
        part=claim.part,
        is_granted=is_granted,
        reason=reason,
    )
    decided = replace(claim, is_granted=is_granted, reason=reason, decided_at=now)
    return Decision(decided, (fact,))


def parts_of(
    content: BidContent | None, technical: TechnicalContent | None
) -> Mapping[str, tuple[Json, bytes]]:
    """Name every part of a bid that can be claimed: what it says, and the nonce sealed beside it.

    Answers and documents are those of the technical envelope where there are two.
    """
    parts: dict[str, tuple[Json, bytes]] = {}
    if content is not None:
        written = written_parts(content)
        priced = ("pricing", "packages")
        parts[PRICES] = ({each: written[each] for each in priced if each in written}, content.nonce)
        parts |= _priced_parts(content, written)
    for told in (content, technical):
        if told is not None:
            parts |= {f"answer:{one.criterion}": (one.text, told.nonce) for one in told.answers}
            parts |= {
                f"document:{one.sha256}": (plain(replace(one, copy=None)), told.nonce)
                for one in told.documents
            }
    return parts


def written_parts(content: BidContent | TechnicalContent) -> dict[str, Json]:
    """Write a content member by member, without its nonce and its claims."""
    members = ((each.name, getattr(content, each.name)) for each in fields(content))
    return {
        name: plain(said)
        for name, said in members
        if name not in {"nonce", "claims"} and said is not None
    }


def salted_digest(part: str, said: Json, nonce: bytes) -> str:
    """Commit to what a part says, so that it can be compared later and not guessed now.

    SHA-256 over a salt and the part's canonical text. The salt is made of the 32 random bytes that
    were sealed beside the part, which nobody is shown but whoever may read the bid itself.
    """
    salt = hashlib.sha256(_SALT + nonce + part.encode()).digest()
    return hashlib.sha256(salt + canonical(said).encode()).hexdigest()


def _priced_parts(
    content: BidContent, written: Mapping[str, Json]
) -> dict[str, tuple[Json, bytes]]:
    named = {name: written[name] for name in ("capacity", "members") if name in written}
    alternates = {
        f"alternate:{number}": plain(one) for number, one in enumerate(content.alternates, start=1)
    }
    return {part: (said, content.nonce) for part, said in {**named, **alternates}.items()}


def _require_time(bid: ClaimableBid) -> None:
    if bid.is_disclosed or (bid.content is None and bid.technical is None):
        sentence = "Claims are made and decided from the opening until the first disclosure."
        raise ClaimsClosed(sentence)


def _require_claimable(bid: ClaimableBid, part: str, profile: Profile) -> None:
    if part not in parts_of(bid.content, bid.technical):
        sentence = "The bid has no such part."
        raise ClaimPartUnknown(sentence)
    rule = profile.prices_public
    if part == PRICES and rule is not None and rule.value:
        sentence = f"Prices are public under {rule.law}."
        raise PriceNotRedactable(sentence, details={"source": rule.source})
    if part == PRICES and bid.is_awarded:
        sentence = "Prices that were awarded are public."
        raise PriceNotRedactable(sentence)
