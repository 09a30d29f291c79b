"""Group like candidates into lots, title them, and leave out what does not fit."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final, TypeAlias, assert_never, cast

from services.bids.domain.pooling import rules
from services.bids.domain.pooling.needs import (
    TITLE_MAX,
    Candidate,
    LeftOut,
    LeftOutReason,
    Like,
    Pool,
    PoolBy,
    PooledLot,
    PoolTerms,
    Share,
)
from services.bids.domain.pooling.rules import Rule, Volume
from shared.domain.money import QUANTITY_MAX

PLACE_MAX: Final = 80
"""How much of a title may say whose or where the lot is; the rest says what it is."""

_Key: TypeAlias = Like | tuple[Like, str] | tuple[Like, str, str]

_REFERENCE: Final = attrgetter("reference")
_MEMBER_REFERENCE: Final = attrgetter("member.reference")
_QUANTITY: Final = attrgetter("quantity")

_KEYS: Final[Mapping[PoolBy, Callable[[Candidate], _Key]]] = {
    PoolBy.ALONE: attrgetter("like", "member.reference", "reference"),
    PoolBy.ITEM: attrgetter("like"),
    PoolBy.AREA: attrgetter("like", "delivery_area"),
}
"""What a lot's requirements have in common, and by what its place among the lots goes."""


def pool(candidates: Iterable[Candidate], terms: PoolTerms) -> Pool:
    """Pool candidates into lots.

    Lots come by category, item, specification, unit and term, then by area or by member; shares by
    the member's reference and the requirement's own. The order of the candidates changes nothing.
    The shares of a lot come to `QUANTITY_MAX` at most; those that would go beyond are left out.
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
    volumes: list[Volume] = []
    for key in sorted(groups):
        kept, beyond = _within_limit(_in_order(groups.pop(key)))
        left_out += (LeftOut(each.requirement_id, LeftOutReason.LOT_FULL) for each in beyond)
        volume = rules.reckon(kept[0].like.category, kept, terms.rules)
        is_told_apart = titles[_title(kept[0], terms.by)] == 1
        title = _title(kept[0], terms.by) if is_told_apart else _long_title(kept[0], terms.by)
        lots.append(_lot(kept, title, volume))
        volumes.append(volume)
    left_out.sort(key=lambda each: each.requirement_id)
    return Pool(tuple(lots), tuple(left_out), tuple(volumes))


def _unfit(candidate: Candidate, terms: PoolTerms) -> LeftOutReason | None:
    if candidate.currency != terms.currency:
        return LeftOutReason.CURRENCY_DIFFERS
    if candidate.is_engaged:
        return LeftOutReason.IN_ANOTHER_RFP
    if candidate.need_by < terms.closes_on:
        return LeftOutReason.NEEDED_BEFORE_CLOSE
    if terms.rules.training is not None and candidate.like.category == rules.TRAINING:
        heads = candidate.quantity
        if heads != heads.to_integral_value():
            return LeftOutReason.QUANTITY_NOT_WHOLE
    return None if terms.allows_late_joiners else _without_authority(candidate, terms)


def _without_authority(candidate: Candidate, terms: PoolTerms) -> LeftOutReason | None:
    signed_on = candidate.member.authority_on
    if signed_on is None:
        return LeftOutReason.AUTHORITY_MISSING
    return LeftOutReason.AUTHORITY_TOO_LATE if signed_on > terms.solicited_on else None


def _in_order(group: list[Candidate]) -> list[Candidate]:
    """Order by the member's reference, then the requirement's own; most members have one each."""
    if len({candidate.member.reference for candidate in group}) < len(group):
        group.sort(key=_REFERENCE)
    group.sort(key=_MEMBER_REFERENCE)
    return group


def _within_limit(group: Sequence[Candidate]) -> tuple[Sequence[Candidate], list[Candidate]]:
    """Part a lot's candidates into those that fit, the earlier first, and those beyond."""
    if sum(map(_QUANTITY, group)) <= QUANTITY_MAX:
        return group, []
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


def _lot(group: Sequence[Candidate], title: str, volume: Volume) -> PooledLot:
    like = group[0].like
    area = group[0].delivery_area
    is_one_area = all(candidate.delivery_area == area for candidate in group)
    return PooledLot(
        title=title,
        category=like.category,
        item_code=like.item_code,
        specification=like.specification,
        unit=rules.SESSION if volume.rule is Rule.SESSIONS else like.unit,
        term_months=like.term_months,
        delivery_area=area if is_one_area else "",
        quantity=volume.quantity,
        # A candidate has all that a share has; half a million copies would take seconds.
        shares=cast("tuple[Share, ...]", tuple(group)),
    )


def _title(candidate: Candidate, by: PoolBy) -> str:
    """Say what the lot is, and where or whose: `Whole milk, half pint · Franklin county`."""
    specification = candidate.like.specification
    match by:
        case PoolBy.ITEM:
            return _joined(specification)
        case PoolBy.AREA:
            return _joined(specification, candidate.delivery_area)
        case PoolBy.ALONE:
            return _joined(specification, candidate.member.name)
    assert_never(by)


def _long_title(candidate: Candidate, by: PoolBy) -> str:
    """Say besides what tells the lot from another of the same title."""
    detail = candidate.reference
    if by is not PoolBy.ALONE:
        like = candidate.like
        detail = f"{like.item_code}, {like.unit}, {like.term_months} months"
    return _joined(_title(candidate, by), detail)


def _joined(what: str, place: str = "") -> str:
    if not place:
        return what
    ending = f" · {_cut(place, PLACE_MAX)}"
    return _cut(what, TITLE_MAX - len(ending)) + ending


def _cut(text: str, length_max: int) -> str:
    return text if len(text) <= length_max else text[: length_max - 1] + "…"
