"""Report what an award or a season saved, without flattery.

Every line is held against up to four references: what its member paid before (the baseline), its
budget, what it would pay alone, and the lowest first offers. A line without a reference is left
out of that comparison, and counted as left out; no percentage is taken of what was not compared.
Members that pay more are named, and lines that cost more are counted, even where others make up
for them.

What is saved against standing alone has two parts that sum to it: the volume effect, from standing
alone to the pooled quantity at the same first offers; and the competition effect, from the first
offers to the final price. What competition did before the first offers were sealed shows in
neither. Amounts are what members pay in all, with fees and margins, before any discount; a saving
is negative where it costs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from shared.domain.bid_content import Pricing
from shared.domain.ids import LotId, PartyId
from shared.domain.money import PRICE_SCALE, Currency, Money, digits_of

LOCAL_CAUTION: Final = (
    "For goods that are delivered locally, expect little from volume: winning bids for school milk "
    "were 1 to 2 percent lower at most for each doubling of volume, and about 5 percent lower with "
    "four bidders or more than with one. What goes beyond that has other causes."
)
"""What a report says that holds such goods.

Source: least squares on winning bids for school milk, with effects of the year. Ohio 1980 to 1990,
3,622 contracts: elasticity to size -0.0128, and 5.42 percent less with four bidders or more than
with one. Kentucky 1983 to 1991, whole milk, 103 contracts: elasticity to quantity -0.0219. Ohio's
bids are those of R. Porter and J. D. Zona, *Ohio School Milk Markets*, RAND Journal of Economics
30(2), 1999. These are comparisons between contracts, not effects of pooling.
"""

PER_MILLE: Final = 1_000


class Reference(StrEnum):
    """What a line is held against."""

    BASELINE = "baseline"
    BUDGET = "budget"
    ALONE = "alone"
    FIRST_OFFERS = "first_offers"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingLine:
    """One member's line of one award: what it pays, and what that is held against, if known."""

    lot_id: LotId
    member_id: PartyId
    paid: Money
    references: Mapping[Reference, Money]
    is_delivered_locally: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSaving:
    """What one member pays on all lines compared, and what these are held against."""

    member_id: PartyId
    paid: Money
    reference: Money

    @property
    def saving(self) -> Money:
        """What the member saves; negative where it pays more."""
        return _less(self.reference, self.paid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All lines against one reference: those compared, and those left out.

    `lines_dearer` of the lines compared cost more than their reference, by `dearer_by` in all.
    """

    against: Reference
    paid: Money
    reference: Money
    members: tuple[MemberSaving, ...]
    lines: int
    lines_dearer: int
    dearer_by: Money
    lines_left_out: int
    paid_left_out: Money

    @property
    def saving(self) -> Money:
        """What is saved on the lines compared; negative where they cost more."""
        return _less(self.reference, self.paid)

    @property
    def part_saved(self) -> Fraction | None:
        """The saving as a part of the reference; None where that is nothing."""
        if not self.reference.minor:
            return None
        return Fraction(self.saving.minor, self.reference.minor)

    @property
    def paying_more(self) -> tuple[MemberSaving, ...]:
        """The members that pay more on all their lines compared."""
        return tuple(member for member in self.members if member.saving.minor < 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What is saved against standing alone, in two parts, on the lines for which both are known."""

    volume: Money
    competition: Money
    lines: int
    lines_left_out: int
    paid_left_out: Money

    @property
    def saving(self) -> Money:
        """Both parts together."""
        return Money(self.volume.minor + self.competition.minor, self.volume.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingsReport:
    """What an award or a season saved, against each reference; `cautions` belong to the figures."""

    paid: Money
    lines: int
    members: int
    comparisons: tuple[Comparison, ...]
    effects: Effects
    cautions: tuple[str, ...]


def report_savings(lines: Sequence[SavingLine]) -> SavingsReport:
    """Report on at least one line, all in one currency; their order changes nothing."""
    currency = lines[0].paid.currency
    is_local = any(line.is_delivered_locally for line in lines)
    return SavingsReport(
        paid=_sum((line.paid for line in lines), currency),
        lines=len(lines),
        members=len({line.member_id for line in lines}),
        comparisons=tuple(_compared(lines, against, currency) for against in Reference),
        effects=_effects(lines, currency),
        cautions=(LOCAL_CAUTION,) if is_local else (),
    )


def at_first_offers(
    offers: Iterable[Pricing], quantity: Decimal, *, pooled: Decimal
) -> dict[Reference, Money]:
    """Price a member's quantity by the lowest of a lot's first offers, alone and pooled.

    It is the lowest offer at either quantity, whoever won: a saving against the winner's own first
    offer would be larger, and would flatter. Totals are rounded half-even to the minor unit; where
    nobody offers so small a quantity, there is no reference.
    """
    listed = list(offers)
    found = {
        Reference.ALONE: _lowest(listed, quantity, quantity),
        Reference.FIRST_OFFERS: _lowest(listed, quantity, pooled),
    }
    return {reference: amount for reference, amount in found.items() if amount is not None}


def told(report: SavingsReport) -> list[str]:
    """Tell a report in plain sentences, with what speaks against it."""
    sentences = [
        (
            f"Paid: {_amount(report.paid)}, by {_count(report.members, 'member')} on "
            f"{_count(report.lines, 'line')}."
        )
    ]
    for comparison in report.comparisons:
        sentences += _told_comparison(comparison)
    return [*sentences, *_told_effects(report.effects), *report.cautions]


def _compared(lines: Sequence[SavingLine], against: Reference, currency: Currency) -> Comparison:
    within = [line for line in lines if against in line.references]
    without = [line for line in lines if against not in line.references]
    by_member: dict[PartyId, list[SavingLine]] = {}
    for line in within:
        by_member.setdefault(line.member_id, []).append(line)
    members = tuple(
        MemberSaving(
            member_id=member_id,
            paid=_sum((line.paid for line in by_member[member_id]), currency),
            reference=_sum((line.references[against] for line in by_member[member_id]), currency),
        )
        for member_id in sorted(by_member)
    )
    extra = [_less(line.paid, line.references[against]) for line in within]
    dearer = [amount for amount in extra if amount.minor > 0]
    return Comparison(
        against=against,
        paid=_sum((member.paid for member in members), currency),
        reference=_sum((member.reference for member in members), currency),
        members=members,
        lines=len(within),
        lines_dearer=len(dearer),
        dearer_by=_sum(dearer, currency),
        lines_left_out=len(without),
        paid_left_out=_sum((line.paid for line in without), currency),
    )


def _effects(lines: Sequence[SavingLine], currency: Currency) -> Effects:
    needed = {Reference.ALONE, Reference.FIRST_OFFERS}
    within = [line for line in lines if needed <= line.references.keys()]
    without = [line for line in lines if not needed <= line.references.keys()]
    alone = _sum((line.references[Reference.ALONE] for line in within), currency)
    first = _sum((line.references[Reference.FIRST_OFFERS] for line in within), currency)
    return Effects(
        volume=_less(alone, first),
        competition=_less(first, _sum((line.paid for line in within), currency)),
        lines=len(within),
        lines_left_out=len(without),
        paid_left_out=_sum((line.paid for line in without), currency),
    )


def _lowest(offers: Sequence[Pricing], quantity: Decimal, reached: Decimal) -> Money | None:
    units_e4 = [each for offer in offers if (each := offer.exact_e4(reached)) is not None]
    if not units_e4:
        return None
    currency = offers[0].tiers[0].unit_price.currency
    exact = min(units_e4) * Fraction(quantity) / PRICE_SCALE
    return Money(round(exact * 10 ** digits_of(currency)), currency)


_SAID: Final = {
    Reference.BASELINE: "what the members paid before",
    Reference.BUDGET: "their budgets",
    Reference.ALONE: "standing alone",
    Reference.FIRST_OFFERS: "the lowest first offers",
}


def _told_comparison(comparison: Comparison) -> list[str]:
    against = _SAID[comparison.against]
    if not comparison.lines:
        return [f"Nothing can be compared with {against}."]
    sentences = [
        (
            f"Against {against}: {_change(comparison.saving)}{_in_percent(comparison.part_saved)}, "
            f"on {_count(comparison.lines, 'line')}."
        )
    ]
    if comparison.lines_dearer:
        sentences.append(
            f"Members that pay more in all: {len(comparison.paying_more)} of "
            f"{len(comparison.members)}; lines that cost more: {comparison.lines_dearer} of "
            f"{comparison.lines}, by {_amount(comparison.dearer_by)}."
        )
    if comparison.lines_left_out:
        sentences.append(_told_left_out(comparison.lines_left_out, comparison.paid_left_out))
    return sentences


def _told_effects(effects: Effects) -> list[str]:
    if not effects.lines:
        return ["Volume and competition cannot be told apart."]
    sentences = [
        (
            f"Of what is saved against standing alone, by volume: {_change(effects.volume)}; by "
            f"competition after the first offers: {_change(effects.competition)}; on "
            f"{_count(effects.lines, 'line')}."
        )
    ]
    if effects.lines_left_out:
        sentences.append(_told_left_out(effects.lines_left_out, effects.paid_left_out))
    return sentences


def _told_left_out(lines: int, paid: Money) -> str:
    return f"Left out, with nothing to compare: {_count(lines, 'line')} of {_amount(paid)}."


def _change(saving: Money) -> str:
    if not saving.minor:
        return "neither less nor more"
    word = "less" if saving.minor > 0 else "more"
    return f"{_amount(Money(abs(saving.minor), saving.currency))} {word}"


def _in_percent(part: Fraction | None) -> str:
    if not part:
        return ""
    whole, tenths = divmod(round(abs(part) * PER_MILLE), 10)
    return f" ({whole}.{tenths} percent)"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _amount(amount: Money) -> str:
    return f"{amount.currency} {amount}"


def _sum(amounts: Iterable[Money], currency: Currency) -> Money:
    return Money(sum(amount.minor for amount in amounts), currency)


def _less(amount: Money, other: Money) -> Money:
    return Money(amount.minor - other.minor, amount.currency)
