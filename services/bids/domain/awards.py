"""Award a lot: name the winner, wait out the standstill, give every member its part.

A line's total is rounded once, half-even; an award's total is the sum of its lines, so that what
the members are told always adds up. It may differ by some minor units from the unit price times
the whole quantity, rounded once.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, NewType
from uuid import UUID

from services.bids.domain.auctioning import Bidder, Placed, Rankings, refuse_unless_evaluated
from services.bids.domain.lots import Lot, LotStatus, exact
from shared.domain.facts import Decision, Fact
from shared.domain.ids import AwardId, LotId, PartyId
from shared.domain.money import Money, UnitPrice, total
from shared.domain.refusals import Kind, Refusal
from shared.events.bids import AwardIntended, AwardLineMade, AwardMade

AwardLineId = NewType("AwardLineId", UUID)


class AwardStatus(StrEnum):
    """How far an award has come."""

    INTENDED = "intended"
    MADE = "made"


class BidsMissing(Refusal):
    """No bid of the lot was opened, so there is nobody to award it to."""

    kind = Kind.CONFLICT
    code = "bids_missing"


class BidderUnknown(Refusal):
    """The vendor has no place in the ranking of the lot."""

    kind = Kind.INVALID
    code = "bidder_unknown"


class ReasonMissing(Refusal):
    """Awarding to another than the best needs a written reason."""

    kind = Kind.INVALID
    code = "reason_missing"


class AwardUnknown(Refusal):
    """There is no such award."""

    kind = Kind.NOT_FOUND
    code = "award_unknown"


class EvaluationUnknown(Refusal):
    """The lot's bids are not opened yet, or the caller may not see them yet."""

    kind = Kind.NOT_FOUND
    code = "evaluation_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class LotDecided(Fact):
    """The buyer chose from a ranking; where it is not the best, the reason is here."""

    TYPE: ClassVar[str] = "lot.decided"

    award_id: AwardId
    by_auction: bool
    ranking: tuple[Placed, ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LotNotAwarded(Fact):
    """The buyer ends a lot without award."""

    TYPE: ClassVar[str] = "lot.not_awarded"

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A requirement's part of a lot, with what its member pays for one unit today, if stated."""

    member_id: PartyId
    quantity: Decimal
    baseline: UnitPrice | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One member's part of an award; the baseline is None unless all its shares have one."""

    member_id: PartyId
    quantity: Decimal
    total: Money
    baseline_total: Money | None

    @property
    def saving(self) -> Money | None:
        """What the member saves; negative where it pays more than today."""
        if self.baseline_total is None:
            return None
        return Money(self.baseline_total.minor - self.total.minor, self.total.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """The decision on a lot. `total` is the sum of its lines' totals."""

    id: AwardId
    lot_id: LotId
    vendor_id: PartyId
    price: UnitPrice
    quantity: Decimal
    total: Money
    reason: str | None
    status: AwardStatus
    intended_at: datetime
    standstill_ends_at: datetime
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the buyer decides: a vendor, or None for the best, and why."""

    award_id: AwardId
    vendor_id: PartyId | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class LotAward:
    """A lot together with its award: one is never changed without the other."""

    lot: Lot
    award: Award


def lines_of(shares: Sequence[Share], price: UnitPrice) -> tuple[Line, ...]:
    """Give each member its line: the sum of its shares at the price, in the order of member ids."""
    by_member: dict[PartyId, list[Share]] = defaultdict(list)
    for share in shares:
        by_member[share.member_id].append(share)
    return tuple(_line(member_id, by_member[member_id], price) for member_id in sorted(by_member))


def decide_intent(
    lot: Lot,
    choice: Choice,
    *,
    rankings: Rankings,
    shares: Sequence[Share],
    standstill: timedelta,
    now: datetime,
) -> Decision[LotAward]:
    """Name the winner of a lot; the award stands when the standstill has passed.

    Raises:
        LotNotEvaluated: The lot's bids are not opened, or it is decided already.
        BidsMissing: No bid was opened.
        BidderUnknown: The chosen vendor is not in the deciding ranking.
        ReasonMissing: Another than the best was chosen without a reason.
    """
    refuse_unless_evaluated(lot)
    winner = _winner(choice, rankings.deciding)
    lines = lines_of(shares, winner.price)
    award = Award(
        id=choice.award_id,
        lot_id=lot.id,
        vendor_id=winner.vendor_id,
        price=winner.price,
        quantity=exact(_quantity(lines)),
        total=_sum(lines, winner.price),
        reason=choice.reason,
        status=AwardStatus.INTENDED,
        intended_at=now,
        standstill_ends_at=now + standstill,
    )
    decided = LotDecided(
        award_id=award.id,
        by_auction=bool(rankings.auction),
        ranking=tuple(
            Placed(vendor_id=bidder.vendor_id, rank=bidder.rank, unit_price=str(bidder.price))
            for bidder in rankings.deciding
        ),
        reason=choice.reason,
    )
    intended = replace(lot, status=LotStatus.INTENDED)
    return Decision(LotAward(intended, award), (decided, _intended_event(intended, award)))


def decide_made(
    standing: LotAward,
    lines: Sequence[tuple[AwardLineId, Line]],
    vendor_name: str,
    *,
    now: datetime,
) -> Decision[LotAward]:
    """Make an award final once its standstill has ended; changes nothing before or afterwards.

    The total that was intended must be the sum of the lines; anything else is a defect.

    Raises:
        ValueError: The lines do not add up to the award's total or quantity.
    """
    lot, award = standing.lot, standing.award
    is_due = award.status is AwardStatus.INTENDED and award.standstill_ends_at <= now
    if lot.status is not LotStatus.INTENDED or not is_due:
        return Decision(standing)
    only_lines = [line for _, line in lines]
    if _sum(only_lines, award.price) != award.total or _quantity(only_lines) != award.quantity:
        sentence = f"the lines of award {award.id} do not add up to it"
        raise ValueError(sentence)
    made = replace(award, status=AwardStatus.MADE, made_at=now)
    awarded = replace(lot, status=LotStatus.AWARDED)
    told = tuple(
        _line_event(awarded, made, line_id=line_id, line=line, vendor_name=vendor_name)
        for line_id, line in lines
    )
    return Decision(LotAward(awarded, made), (_made_event(awarded, made, lines=len(lines)), *told))


def decide_no_award(lot: Lot, reason: str) -> Decision[Lot]:
    """End a lot without award.

    Raises:
        LotNotEvaluated: The lot is in another state than evaluated.
    """
    refuse_unless_evaluated(lot)
    return Decision(replace(lot, status=LotStatus.NO_AWARD), (LotNotAwarded(reason=reason),))


def _winner(choice: Choice, ranking: Sequence[Bidder]) -> Bidder:
    if not ranking:
        sentence = "No bid of the lot was opened; end it without award."
        raise BidsMissing(sentence)
    if choice.vendor_id is None:
        return ranking[0]
    chosen = [bidder for bidder in ranking if bidder.vendor_id == choice.vendor_id]
    if not chosen:
        sentence = "The vendor has no place in the ranking of the lot."
        raise BidderUnknown(sentence)
    if chosen[0] is not ranking[0] and not (choice.reason or "").strip():
        sentence = "Say in writing why the lot goes to another than the best."
        raise ReasonMissing(sentence)
    return chosen[0]


def _line(member_id: PartyId, shares: Sequence[Share], price: UnitPrice) -> Line:
    quantity = _quantity(shares)
    return Line(
        member_id=member_id,
        quantity=quantity,
        total=total(price, quantity),
        baseline_total=_baseline(shares),
    )


def _baseline(shares: Sequence[Share]) -> Money | None:
    minor = 0
    for share in shares:
        if share.baseline is None:
            return None
        minor += total(share.baseline, share.quantity).minor
    return Money(minor, shares[0].baseline.currency) if shares[0].baseline else None


def _quantity(parts: Sequence[Share] | Sequence[Line]) -> Decimal:
    return sum((part.quantity for part in parts), Decimal(0))


def _sum(lines: Sequence[Line], price: UnitPrice) -> Money:
    return Money(sum(line.total.minor for line in lines), price.currency)


def _intended_event(lot: Lot, award: Award) -> AwardIntended:
    return AwardIntended(
        award_id=award.id,
        lot_id=lot.id,
        rfp_id=lot.rfp_id,
        buyer_id=lot.buyer_id,
        vendor_id=award.vendor_id,
        unit_price=str(award.price),
        currency=award.price.currency,
        standstill_ends_at=award.standstill_ends_at,
    )


def _made_event(lot: Lot, award: Award, *, lines: int) -> AwardMade:
    return AwardMade(
        award_id=award.id,
        lot_id=lot.id,
        rfp_id=lot.rfp_id,
        buyer_id=lot.buyer_id,
        vendor_id=award.vendor_id,
        quantity=award.quantity,
        unit=lot.unit,
        unit_price=str(award.price),
        total=str(award.total),
        currency=award.price.currency,
        lines=lines,
    )


def _line_event(
    lot: Lot, award: Award, *, line_id: AwardLineId, line: Line, vendor_name: str
) -> AwardLineMade:
    return AwardLineMade(
        award_line_id=line_id,
        award_id=award.id,
        lot_id=lot.id,
        rfp_id=lot.rfp_id,
        buyer_id=lot.buyer_id,
        member_id=line.member_id,
        vendor_id=award.vendor_id,
        vendor_name=vendor_name,
        lot_title=lot.title,
        quantity=exact(line.quantity),
        unit=lot.unit,
        unit_price=str(award.price),
        total=str(line.total),
        currency=award.price.currency,
        baseline_total=_text(line.baseline_total),
        saving=_text(line.saving),
    )


def _text(amount: Money | None) -> str | None:
    return None if amount is None else str(amount)
