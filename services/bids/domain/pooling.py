"""Pool like requirements into lots, exactly and in a stable order.

Requirements are alike when category, item, specification, unit and term are the same. Whatever the
category, their quantities add up plainly; the finer rules of bandwidth, recovery capacity, training
and staff are not applied. Every share keeps its requirement, so that an award goes back exactly.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from typing import Final, TypeAlias, assert_never

from services.bids.domain.lots import exact
from shared.domain.ids import PartyId, RequirementId
from shared.domain.money import QUANTITY_MAX, Currency
from shared.domain.refusals import Kind, Refusal

TITLE_MAX: Final = 200
"""The longest title, in characters: as long as any label."""

PLACE_MAX: Final = 80
"""How much of a title may say whose or where the lot is; the rest says what it is."""

CANDIDATES_MAX: Final = 100_000
"""The most requirements of one pool: it is made in one transaction, within its time limit."""

UNKNOWN_LISTED_MAX: Final = 20
"""How many unknown references a refusal names."""

_Key: TypeAlias = tuple[str | int, ...]


_ALIKE: Final = ("category", "item_code", "specification", "unit", "term_months")
"""What requirements of one lot always have in common."""

_PLACE_IN_LOT: Final = attrgetter("member_reference", "reference")


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
    LOT_FULL = "lot_full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A requirement as pooling sees it, with its member's own reference and name."""

    requirement_id: RequirementId
    member_id: PartyId
    member_reference: str
    member_name: str
    reference: str
    category: str
    item_code: str
    specification: str
    unit: str
    quantity: Decimal
    need_by: date
    term_months: int
    delivery_area: str
    currency: Currency


_KEYS: Final[Mapping[PoolBy, Callable[[Candidate], _Key]]] = {
    PoolBy.ALONE: attrgetter(*_ALIKE, "member_reference", "reference"),
    PoolBy.ITEM: attrgetter(*_ALIKE),
    PoolBy.AREA: attrgetter(*_ALIKE, "delivery_area"),
}
"""What a lot's requirements have in common, and by what its place among the lots goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolTerms:
    """What the RFP asks of a requirement.

    A need that falls before the day on which bidding closes could not be met. `engaged` are the
    requirements that are in a lot of another RFP that is still alive.
    """

    by: PoolBy
    currency: Currency
    closes_on: date
    engaged: AbstractSet[RequirementId] = frozenset()


@dataclass(frozen=True, slots=True)
class Share:
    """One requirement's part of a lot."""

    requirement_id: RequirementId
    member_id: PartyId
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A requirement that is in no lot of the pool, and why."""

    requirement_id: RequirementId
    reason: LeftOutReason


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledLot:
    """A lot before it has a number; `delivery_area` is empty where its shares' areas differ."""

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
    """Every candidate is in exactly one of the two: in a lot's shares, or left out."""

    lots: tuple[PooledLot, ...]
    left_out: tuple[LeftOut, ...]


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
    unknown = sorted((references or set()) - {candidate.reference for candidate in candidates})
    if unknown:
        sentence = "Some references name no requirement of the category and item asked for."
        listed = unknown[:UNKNOWN_LISTED_MAX]
        raise RequirementUnknown(sentence, details={"references": listed, "unknown": len(unknown)})


def pool(candidates: Iterable[Candidate], terms: PoolTerms) -> Pool:
    """Pool candidates into lots.

    Lots come by category, item, specification, unit and term, then by area or by member; shares by
    the member's reference and the requirement's own. The order of the candidates changes nothing.
    A lot holds at most `QUANTITY_MAX`; the shares that would go beyond are left out.
    """
    left_out: list[LeftOut] = []
    groups: dict[_Key, list[Candidate]] = {}
    key_of = _KEYS[terms.by]
    for candidate in candidates:
        reason = _unfit(candidate, terms)
        if reason is None:
            groups.setdefault(key_of(candidate), []).append(candidate)
        else:
            left_out.append(LeftOut(candidate.requirement_id, reason))
    titles = Counter(_title(group[0], terms.by) for group in groups.values())
    lots: list[PooledLot] = []
    for key in sorted(groups):
        kept, beyond = _within_limit(sorted(groups[key], key=_PLACE_IN_LOT))
        left_out += (LeftOut(each.requirement_id, LeftOutReason.LOT_FULL) for each in beyond)
        is_told_apart = titles[_title(kept[0], terms.by)] == 1
        lots.append(_lot(kept, terms.by, is_told_apart=is_told_apart))
    return Pool(tuple(lots), tuple(sorted(left_out, key=lambda each: each.requirement_id)))


def _unfit(candidate: Candidate, terms: PoolTerms) -> LeftOutReason | None:
    if candidate.currency != terms.currency:
        return LeftOutReason.CURRENCY_DIFFERS
    if candidate.requirement_id in terms.engaged:
        return LeftOutReason.IN_ANOTHER_RFP
    if candidate.need_by < terms.closes_on:
        return LeftOutReason.NEEDED_BEFORE_CLOSE
    return None


def _within_limit(group: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    """Part a lot's candidates into those that fit, the earlier first, and those beyond."""
    if sum(candidate.quantity for candidate in group) <= QUANTITY_MAX:
        return list(group), []
    kept: list[Candidate] = []
    beyond: list[Candidate] = []
    room = QUANTITY_MAX
    for candidate in group:
        if candidate.quantity <= room:
            room -= candidate.quantity
            kept.append(candidate)
        else:
            beyond.append(candidate)
    return kept, beyond


def _lot(group: Sequence[Candidate], by: PoolBy, *, is_told_apart: bool) -> PooledLot:
    first = group[0]
    areas = {candidate.delivery_area for candidate in group}
    return PooledLot(
        title=_title(first, by) if is_told_apart else _long_title(first, by),
        category=first.category,
        item_code=first.item_code,
        specification=first.specification,
        unit=first.unit,
        term_months=first.term_months,
        delivery_area=first.delivery_area if len(areas) == 1 else "",
        quantity=exact(sum((candidate.quantity for candidate in group), start=Decimal(0))),
        shares=tuple(
            Share(candidate.requirement_id, candidate.member_id, candidate.quantity)
            for candidate in group
        ),
    )


def _title(candidate: Candidate, by: PoolBy) -> str:
    """Say what the lot is, and where or whose: `Whole milk, half pint · Franklin county`."""
    match by:
        case PoolBy.ITEM:
            return _joined(candidate.specification)
        case PoolBy.AREA:
            return _joined(candidate.specification, candidate.delivery_area)
        case PoolBy.ALONE:
            return _joined(candidate.specification, candidate.member_name)
    assert_never(by)


def _long_title(candidate: Candidate, by: PoolBy) -> str:
    """Say besides what tells the lot from another of the same title."""
    detail = candidate.reference
    if by is not PoolBy.ALONE:
        detail = f"{candidate.item_code}, {candidate.unit}, {candidate.term_months} months"
    return _joined(_title(candidate, by), detail)


def _joined(what: str, place: str = "") -> str:
    if not place:
        return what
    ending = f" · {_cut(place, PLACE_MAX)}"
    return _cut(what, TITLE_MAX - len(ending)) + ending


def _cut(text: str, length_max: int) -> str:
    return text if len(text) <= length_max else text[: length_max - 1] + "…"
