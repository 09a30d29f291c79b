"""Say before anything is published what pooling saves or costs each member, alone against together.

A price comes from a curve. Together, everybody pays the price of the lot's whole quantity, and a
part of what running the consortium costs; alone, a member pays the price of what it would have to
buy for itself: its own quantity under the lot's rule (a fifth of a post is a whole post, alone), or
what it pays today, where the case is to go by baselines. Where E-rate applies, each side is taken
net: alone at the member's own rate, together at the consortium's; the consortium's running cost is
not eligible. A member joins where joining costs it less; where it costs the same or more, the
answer is not to join.

Rounding: a price is rounded half-even to four decimals, a total half-even to the minor unit; what
is common (the lot's cost by another rule than the sum, the running cost) is split by largest
remainder, so that the members' parts sum to the whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final, TypeAlias

from services.bids.domain import erate
from services.bids.domain.pooling.portions import Asked, portions_of, split_cost
from shared.domain.ids import PartyId
from shared.domain.money import (
    PRICE_SCALE,
    QUANTITY_MAX,
    QUANTITY_SCALE,
    Currency,
    Money,
    UnitPrice,
    digits_of,
    total,
)
from shared.domain.refusals import Kind, Refusal

ELASTICITY_MAX: Final = Decimal(1)
"""At 1 the whole would cost the same whatever its quantity; no market gives more than that."""

TIERS_MAX: Final = 50
"""The most tiers of one curve."""

PRICE_E4_MAX: Final = 10**11 - 1
"""The largest unit price, in ten-thousandths: below ten million."""

EXACT: Final = Context(prec=50, rounding=ROUND_HALF_EVEN)
"""Digits enough that the fourth decimal of any price is right."""


class CurveInvalid(Refusal):
    """A price curve has no price for every quantity, or one that rises with it."""

    kind = Kind.INVALID
    code = "curve_invalid"


@dataclass(frozen=True, slots=True)
class Tier:
    """A unit price that holds from a quantity up, for all units."""

    quantity_from: Decimal
    price: UnitPrice


@dataclass(frozen=True, slots=True)
class TierCurve:
    """Prices by quantity; less than the first tier asks for is paid at the first tier's price."""

    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        """Refuse what is no curve."""
        starts = [tier.quantity_from for tier in self.tiers]
        prices = [tier.price for tier in self.tiers]
        if not 1 <= len(starts) <= TIERS_MAX or starts != sorted(set(starts)):
            sentence = (
                f"A curve has 1 to {TIERS_MAX} tiers, each from a higher quantity than before."
            )
            raise CurveInvalid(sentence)
        if prices != sorted(prices, reverse=True):
            sentence = "A higher tier is no dearer than the one before."
            raise CurveInvalid(sentence)

    def price_at(self, quantity: Decimal) -> UnitPrice:
        """Find the price of every unit at a quantity."""
        reached = [tier.price for tier in self.tiers if tier.quantity_from <= quantity]
        return reached[-1] if reached else self.tiers[0].price


@dataclass(frozen=True, slots=True)
class ElasticCurve:
    """p(q) = p0 * (q / q0) ** -e: `price` at `quantity`, falling by the elasticity e, 0 to 1."""

    price: UnitPrice
    quantity: Decimal
    elasticity: Decimal

    def __post_init__(self) -> None:
        """Refuse what is no curve."""
        if self.quantity <= 0 or not 0 <= self.elasticity <= ELASTICITY_MAX:
            sentence = "A curve begins at a quantity above 0; its elasticity is from 0 to 1."
            raise CurveInvalid(sentence)

    def price_at(self, quantity: Decimal) -> UnitPrice:
        """Find the price of every unit at a quantity above 0."""
        ratio = EXACT.divide(quantity, self.quantity)
        factor = EXACT.power(ratio, -self.elasticity)
        exact = EXACT.multiply(Decimal(self.price.e4), factor)
        e4 = int(exact.to_integral_value(ROUND_HALF_EVEN)) if exact < PRICE_E4_MAX else PRICE_E4_MAX
        return UnitPrice(e4, self.price.currency)


Curve: TypeAlias = TierCurve | ElasticCurve


class Advice(StrEnum):
    """What a member is told."""

    JOIN = "join"
    DONT_JOIN = "dont_join"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberNeed:
    """What a member needs of one lot, and would pay for alone.

    `asked` is its weight in the lot; `quantity_alone` what it would buy for itself. `paid_today` is
    its whole cost today, where the case goes by that instead of the curve.
    """

    member_id: PartyId
    asked: Decimal
    quantity_alone: Decimal
    percent: int | None = None
    paid_today: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LotNeed:
    """One lot of a case: its quantity, its curve, and what its members need, by member id."""

    number: int
    quantity: Decimal
    curve: Curve
    members: tuple[MemberNeed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What a purchase costs, and what is left of that after discounts."""

    cost: Money
    net: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberCase:
    """One member's answer over all lots: `together` includes its part of the running cost."""

    member_id: PartyId
    alone: Side
    together: Side
    running_cost: Money

    @property
    def saving(self) -> Money:
        """What joining saves after discounts; negative where it costs."""
        return _less(self.alone.net, self.together.net)

    @property
    def advice(self) -> Advice:
        """Join where it saves something, and not otherwise."""
        return Advice.JOIN if self.saving.minor > 0 else Advice.DONT_JOIN


@dataclass(frozen=True, slots=True, kw_only=True)
class LotCase:
    """One lot's answer, before the running cost; `break_even` is None where no volume pays.

    `break_even` is the smallest quantity of the lot at which what pooling saves before discounts
    covers the lot's part of the running cost, were all members to grow in proportion. `percent` is
    the rate that its members share.
    """

    number: int
    quantity: Decimal
    price: UnitPrice
    alone: Money
    together: Money
    running_cost: Money
    percent: int | None
    break_even: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessCase:
    """Alone against together: for each member, for each lot, and in all."""

    members: tuple[MemberCase, ...]
    lots: tuple[LotCase, ...]
    alone: Side
    together: Side
    running_cost: Money

    @property
    def saving(self) -> Money:
        """What pooling saves all members together after discounts; negative where it costs."""
        return _less(self.alone.net, self.together.net)

    @property
    def advice(self) -> Advice:
        """Pool where it saves something in all, and not otherwise."""
        return Advice.JOIN if self.saving.minor > 0 else Advice.DONT_JOIN


def make_case(lots: Sequence[LotNeed], running_cost: Money) -> BusinessCase:
    """Reckon the business case of at least one lot, each with at least one member.

    The running cost falls to the lots, and within a lot to its members, by what they cost together.
    """
    currency = running_cost.currency
    parts = [_LotParts.of(lot) for lot in lots]
    fees = _split(running_cost, [part.together for part in parts])
    members: dict[PartyId, _Sums] = {}
    for part, fee in zip(parts, fees, strict=True):
        member_fees = _split(fee, part.members_together)
        for need, alone, together, own_fee in zip(
            part.lot.members, part.members_alone, part.members_together, member_fees, strict=True
        ):
            sums = members.setdefault(need.member_id, _Sums())
            sums.add(alone, together, fee=own_fee, need=need, percent=part.percent)
    cases = tuple(members[member_id].case(member_id, currency) for member_id in sorted(members))
    return BusinessCase(
        members=cases,
        lots=tuple(part.case(fee) for part, fee in zip(parts, fees, strict=True)),
        alone=_sum_of([case.alone for case in cases], currency),
        together=_sum_of([case.together for case in cases], currency),
        running_cost=running_cost,
    )


def break_even(
    curve: Curve, *, quantity: Decimal, alone: Money, running_cost: Money
) -> Decimal | None:
    """Find the smallest quantity at which pooling saves at least its running cost.

    Alone, a unit costs what it costs the members now on the average: `alone` / `quantity`. Prices
    are rounded as they are paid, and the quantity is exact to the thousandth; it is None where even
    the largest quantity does not pay.
    """
    minor_per_unit = Fraction(alone.minor) / Fraction(quantity)
    scale = Fraction(10 ** digits_of(alone.currency), PRICE_SCALE)

    def pays(thousandths: int) -> bool:
        volume = Decimal(thousandths) / QUANTITY_SCALE
        saved = minor_per_unit - curve.price_at(volume).e4 * scale
        # What saves nothing pays for nothing, even where there is nothing to pay for.
        return saved > 0 and saved * Fraction(volume) >= running_cost.minor

    # A price never rises with the quantity, so that whatever pays at one pays at any larger one.
    low, high = 1, int(QUANTITY_MAX) * QUANTITY_SCALE
    if not pays(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if pays(middle) else (middle + 1, high)
    return Decimal(low) / QUANTITY_SCALE


@dataclass(frozen=True, slots=True)
class _LotParts:
    """A lot with what each of its members pays for it, alone and together, by member."""

    lot: LotNeed
    price: UnitPrice
    members_alone: tuple[Money, ...]
    members_together: tuple[Money, ...]

    @classmethod
    def of(cls, lot: LotNeed) -> "_LotParts":
        price = lot.curve.price_at(lot.quantity)
        shares = [Asked(need.member_id, need.asked) for need in lot.members]
        cost_of = {each.member_id: each.total for each in portions_of(lot.quantity, price, shares)}
        alone = tuple(
            total(lot.curve.price_at(need.quantity_alone), need.quantity_alone)
            if need.paid_today is None
            else need.paid_today
            for need in lot.members
        )
        together = tuple(cost_of[need.member_id] for need in lot.members)
        return cls(lot, price, alone, together)

    @property
    def alone(self) -> Money:
        return _sum(self.members_alone, self.price.currency)

    @property
    def together(self) -> Money:
        return _sum(self.members_together, self.price.currency)

    @property
    def percent(self) -> int | None:
        return erate.consortium_percent(need.percent for need in self.lot.members)

    def case(self, fee: Money) -> LotCase:
        return LotCase(
            number=self.lot.number,
            quantity=self.lot.quantity,
            price=self.price,
            alone=self.alone,
            together=self.together,
            running_cost=fee,
            percent=self.percent,
            break_even=break_even(
                self.lot.curve, quantity=self.lot.quantity, alone=self.alone, running_cost=fee
            ),
        )


@dataclass(slots=True)
class _Sums:
    """What one member pays over all lots, in minor units."""

    alone: int = 0
    alone_net: int = 0
    together: int = 0
    together_net: int = 0
    fee: int = 0

    def add(
        self, alone: Money, together: Money, *, fee: Money, need: MemberNeed, percent: int | None
    ) -> None:
        shared = None if need.percent is None else percent
        self.alone += alone.minor
        self.alone_net += erate.net_cost(alone, need.percent).minor
        self.together += together.minor + fee.minor
        self.together_net += erate.net_cost(together, shared).minor + fee.minor
        self.fee += fee.minor

    def case(self, member_id: PartyId, currency: Currency) -> MemberCase:
        return MemberCase(
            member_id=member_id,
            alone=Side(cost=Money(self.alone, currency), net=Money(self.alone_net, currency)),
            together=Side(
                cost=Money(self.together, currency), net=Money(self.together_net, currency)
            ),
            running_cost=Money(self.fee, currency),
        )


def _split(cost: Money, weights: Sequence[Money]) -> list[Money]:
    """Split a cost by what others cost, or evenly where those cost nothing."""
    minor = [Decimal(weight.minor) for weight in weights]
    return split_cost(cost, minor if any(minor) else [Decimal(1)] * len(minor))


def _sum(amounts: Sequence[Money], currency: Currency) -> Money:
    return Money(sum(amount.minor for amount in amounts), currency)


def _sum_of(sides: Sequence[Side], currency: Currency) -> Side:
    return Side(
        cost=_sum([side.cost for side in sides], currency),
        net=_sum([side.net for side in sides], currency),
    )


def _less(amount: Money, other: Money) -> Money:
    return Money(amount.minor - other.minor, amount.currency)
