"""Say what pooling looks at and what it makes: candidates and terms, lots and their shares."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from services.bids.domain.pooling.rules import PoolingRules, Volume
from shared.domain.ids import PartyId, RequirementId
from shared.domain.money import Currency
from shared.domain.refusals import Kind, Refusal

TITLE_MAX: Final = 200
"""The longest title, in characters: as long as any label."""

CANDIDATES_MAX: Final = 700_000
"""The most requirements of one pool: thirteen thousand members with fifty lines each, and some."""

UNKNOWN_LISTED_MAX: Final = 20
"""How many unknown references a refusal names."""


class PoolBy(StrEnum):
    """What the requirements of one lot have in common, besides being alike."""

    ALONE = "alone"
    ITEM = "item"
    AREA = "area"


class LeftOutReason(StrEnum):
    """Why a requirement is in no lot of the pool."""

    CURRENCY_DIFFERS = "currency_differs"
    IN_ANOTHER_RFP = "in_another_rfp"
    NEEDED_BEFORE_CLOSE = "needed_before_close"
    AUTHORITY_MISSING = "authority_missing"
    AUTHORITY_TOO_LATE = "authority_too_late"
    QUANTITY_NOT_WHOLE = "quantity_not_whole"
    LOT_FULL = "lot_full"


SENTENCES: Final[Mapping[LeftOutReason, str]] = MappingProxyType(
    {
        LeftOutReason.CURRENCY_DIFFERS: "Its baseline is in another currency than the RFP's.",
        LeftOutReason.IN_ANOTHER_RFP: "It is in a lot of another RFP that is still alive.",
        LeftOutReason.NEEDED_BEFORE_CLOSE: "It is needed before bidding closes.",
        LeftOutReason.AUTHORITY_MISSING: (
            "No document is recorded by which the member lets the cooperative buy for it."
        ),
        LeftOutReason.AUTHORITY_TOO_LATE: (
            "The member's authority document does not predate the solicitation."
        ),
        LeftOutReason.QUANTITY_NOT_WHOLE: "Attendees are counted whole; this quantity is not.",
        LeftOutReason.LOT_FULL: "The lot would hold more than a thousand million units.",
    }
)
"""Each reason in words, for whoever asks why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolMember:
    """A member as pooling sees it.

    `authority_on` is the day of its earliest authority document, None where none is recorded.
    Members of one hazard zone are struck together; an empty zone is shared with nobody.
    """

    id: PartyId
    reference: str
    name: str
    hazard_zone: str = ""
    authority_on: date | None = None


class Like(NamedTuple):
    """What requirements of one lot always have in common; lots come in this order.

    It is a tuple because it is hashed for each candidate, and a tuple's hash costs a tenth.
    """

    category: str
    item_code: str
    specification: str
    unit: str
    term_months: int


@dataclass(frozen=True, slots=True)
class Share:
    """One requirement's part of a lot, in the requirement's own quantity."""

    requirement_id: RequirementId
    member_id: PartyId
    quantity: Decimal


class Candidate(NamedTuple):
    """A requirement that might become a share: what a share has, and what pooling must know.

    Half a million of them must fit into memory and be made within seconds. So `member` and `like`
    are common to many, those that are pooled stand for their shares, and each is a tuple, which
    takes a third of the time of a frozen dataclass to make.
    """

    requirement_id: RequirementId
    member_id: PartyId
    quantity: Decimal
    member: PoolMember
    like: Like
    reference: str
    need_by: date
    delivery_area: str
    currency: Currency
    is_firm: bool = True
    is_engaged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolTerms:
    """What the RFP asks of a requirement and of its member.

    A need that falls before the day on which bidding closes could not be met. A member takes part
    when its authority document is of `solicited_on` or earlier (a draft is solicited after the day
    on which it is pooled), or whenever the policy `allows_late_joiners`.
    """

    by: PoolBy
    currency: Currency
    closes_on: date
    solicited_on: date
    allows_late_joiners: bool
    rules: PoolingRules = field(default_factory=PoolingRules)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A requirement that is in no lot of the pool, and why."""

    requirement_id: RequirementId
    reason: LeftOutReason


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledLot:
    """A lot before it has a number; `delivery_area` is empty where its shares' areas differ.

    `quantity` is what vendors bid on, in `unit`; by the lot's rule it may differ from the sum of
    the shares, and the unit from theirs (sessions for attendees).
    """

    title: str
    category: str
    item_code: str
    specification: str
    unit: str
    term_months: int
    delivery_area: str
    quantity: Decimal
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Pool:
    """Every candidate is in exactly one of two: in a lot's shares, or left out.

    `volumes` say of each lot, in the same order, how its quantity came about.
    """

    lots: tuple[PooledLot, ...]
    left_out: tuple[LeftOut, ...]
    volumes: tuple[Volume, ...] = ()


class RequirementUnknown(Refusal):
    """A reference to be pooled names no requirement of the category and item asked for."""

    kind = Kind.INVALID
    code = "requirement_unknown"


class RequirementsTooMany(Refusal):
    """More requirements fit than are pooled at once."""

    kind = Kind.INVALID
    code = "requirements_too_many"


def require_poolable(candidates: Sequence[Candidate], references: AbstractSet[str] | None) -> None:
    """Let only candidates pass that can be pooled at once, with none missing that were named.

    Raises:
        RequirementsTooMany: More than `CANDIDATES_MAX`.
        RequirementUnknown: A named reference is that of no candidate.
    """
    if len(candidates) > CANDIDATES_MAX:
        sentence = f"At most {CANDIDATES_MAX} requirements are pooled at once; narrow the choice."
        raise RequirementsTooMany(sentence)
    if references is None:
        return
    unknown = sorted(references - {candidate.reference for candidate in candidates})
    if unknown:
        sentence = "Some references name no requirement of the category and item asked for."
        listed = unknown[:UNKNOWN_LISTED_MAX]
        raise RequirementUnknown(sentence, details={"references": listed, "unknown": len(unknown)})
