"""The savings report: every reference, both effects, and nothing that flatters."""

import csv
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bids.domain.savings import (
    LOCAL_CAUTION,
    Comparison,
    Reference,
    SavingLine,
    SavingsReport,
    at_first_offers,
    report_savings,
    told,
)
from shared.domain.bid_content import Pricing, Tier, one_price
from shared.domain.ids import LotId, PartyId
from shared.domain.money import Currency, Money, UnitPrice, total

USD: Final = Currency("USD")
LOT: Final = LotId(UUID(int=1))


def usd(amount: str | Decimal) -> Money:
    return Money(int(Decimal(amount).scaleb(2)), USD)


def price(text: str) -> UnitPrice:
    return UnitPrice.parse(text, USD)


def member(number: int) -> PartyId:
    return PartyId(UUID(int=number))


def line(number: int, paid: str, *, is_local: bool = False, **references: str) -> SavingLine:
    return SavingLine(
        lot_id=LOT,
        member_id=member(number),
        paid=usd(paid),
        references={Reference(name): usd(amount) for name, amount in references.items()},
        is_delivered_locally=is_local,
    )


def against(report: SavingsReport, reference: Reference) -> Comparison:
    return next(each for each in report.comparisons if each.against is reference)


VOLUME: Final = Pricing(
    tuple(
        Tier(Decimal(start), price(text))
        for start, text in [(1, "10"), (1_000, "9"), (5_000, "8"), (10_000, "7.50")]
    )
)


def season() -> list[SavingLine]:
    """Four districts; first offers by tiers, 7.20 after the auction; one has no baseline."""
    return [
        SavingLine(
            lot_id=LOT,
            member_id=member(number),
            paid=total(price("7.20"), Decimal(quantity)),
            references={
                **at_first_offers([VOLUME], Decimal(quantity), pooled=Decimal(11_000)),
                **({} if baseline is None else {Reference.BASELINE: usd(baseline)}),
            },
        )
        for number, quantity, baseline in [
            (1, 400, "3600"),
            (2, 1_600, "11500"),
            (3, 3_000, "24000"),
            (4, 6_000, None),
        ]
    ]


def test_the_saving_against_standing_alone_is_volume_and_competition() -> None:
    """Alone 93,400, together at first offers 82,500, at 7.20 in the end 79,200."""
    report = report_savings(season())

    alone = against(report, Reference.ALONE)
    assert str(alone.reference) == "93400.00"
    assert str(alone.saving) == "14200.00"
    assert str(report.effects.volume) == "10900.00"
    assert str(report.effects.competition) == "3300.00"
    assert report.effects.saving == alone.saving


def test_the_saving_against_first_offers_is_the_competition() -> None:
    comparison = against(report_savings(season()), Reference.FIRST_OFFERS)

    assert str(comparison.saving) == "3300.00"
    assert comparison.part_saved == Fraction(1, 25)


def test_a_line_without_a_baseline_is_left_out_and_counted() -> None:
    """Of 5,000 x 7.20 = 36,000 the saving is 3,100 on baselines of 39,100; the fourth has none."""
    comparison = against(report_savings(season()), Reference.BASELINE)

    assert (comparison.lines, comparison.lines_left_out) == (3, 1)
    assert str(comparison.paid_left_out) == "43200.00"
    assert str(comparison.saving) == "3100.00"
    assert comparison.part_saved == Fraction(31, 391)


def test_a_member_that_pays_more_is_named() -> None:
    """The second pays 11,520 instead of 11,500."""
    comparison = against(report_savings(season()), Reference.BASELINE)

    assert [each.member_id for each in comparison.paying_more] == [member(2)]
    assert str(comparison.paying_more[0].saving) == "-20.00"


def test_what_costs_the_same_costs_nobody_more() -> None:
    report = report_savings([line(1, "5", budget="5"), line(2, "5.01", budget="5")])

    comparison = against(report, Reference.BUDGET)
    assert [each.member_id for each in comparison.paying_more] == [member(2)]
    assert (comparison.lines_dearer, str(comparison.dearer_by)) == (1, "0.01")


def test_a_dearer_line_is_counted_though_its_member_saves_in_all() -> None:
    report = report_savings([line(1, "12", budget="10"), line(1, "5", budget="10")])

    comparison = against(report, Reference.BUDGET)
    assert comparison.paying_more == ()
    assert (comparison.lines_dearer, str(comparison.dearer_by)) == (1, "2.00")
    assert str(comparison.saving) == "3.00"


def test_what_has_no_reference_at_all_has_no_percentage() -> None:
    comparison = against(report_savings([line(1, "5")]), Reference.BUDGET)

    assert (comparison.lines, comparison.lines_left_out) == (0, 1)
    assert comparison.part_saved is None


def test_effects_take_both_references() -> None:
    report = report_savings([line(1, "5", alone="9"), line(2, "5", first_offers="6"), line(3, "5")])

    assert (report.effects.lines, report.effects.lines_left_out) == (0, 3)
    assert str(report.effects.paid_left_out) == "15.00"


def test_the_lowest_first_offer_is_the_reference_whoever_won() -> None:
    found = at_first_offers([one_price(price("8")), VOLUME], Decimal(400), pooled=Decimal(11_000))

    assert found == {Reference.ALONE: usd("3200"), Reference.FIRST_OFFERS: usd("3000")}


def test_where_nobody_offers_so_little_there_is_no_standing_alone() -> None:
    large = Pricing((Tier(Decimal(1_000), price("8")),))

    assert at_first_offers([large], Decimal(999), pooled=Decimal(1_000)) == {
        Reference.FIRST_OFFERS: usd("7992")
    }
    assert at_first_offers([], Decimal(1), pooled=Decimal(1)) == {}


# In words -------------------------------------------------------------------------------------


def test_a_report_tells_what_speaks_against_it() -> None:
    assert told(report_savings(season())) == [
        "Paid: USD 79200.00, by 4 members on 4 lines.",
        "Against what the members paid before: USD 3100.00 less (7.9 percent), on 3 lines.",
        "Members that pay more in all: 1 of 3; lines that cost more: 1 of 3, by USD 20.00.",
        "Left out, with nothing to compare: 1 line of USD 43200.00.",
        "Nothing can be compared with their budgets.",
        "Against standing alone: USD 14200.00 less (15.2 percent), on 4 lines.",
        "Against the lowest first offers: USD 3300.00 less (4.0 percent), on 4 lines.",
        (
            "Of what is saved against standing alone, by volume: USD 10900.00 less; by competition "
            "after the first offers: USD 3300.00 less; on 4 lines."
        ),
    ]


def test_a_loss_is_told_as_one() -> None:
    sentences = told(report_savings([line(1, "11", budget="10")]))

    assert "Against their budgets: USD 1.00 more (10.0 percent), on 1 line." in sentences


def test_goods_delivered_locally_come_with_what_data_show() -> None:
    local = told(report_savings([line(1, "1"), line(2, "1", is_local=True)]))
    other = told(report_savings([line(1, "1")]))

    assert local[-1] == LOCAL_CAUTION
    assert "1 to 2 percent" in LOCAL_CAUTION
    assert LOCAL_CAUTION not in other


# Properties -----------------------------------------------------------------------------------

REFERENCES: Final = st.dictionaries(
    st.sampled_from(Reference), st.integers(0, 10**6).map(lambda minor: Money(minor, USD))
)
LINES: Final = st.lists(
    st.builds(
        SavingLine,
        lot_id=st.just(LOT),
        member_id=st.integers(1, 4).map(member),
        paid=st.integers(0, 10**6).map(lambda minor: Money(minor, USD)),
        references=REFERENCES,
    ),
    min_size=1,
    max_size=8,
)


@given(lines=LINES, data=st.data())
def test_every_line_is_compared_or_left_out(lines: list[SavingLine], data: st.DataObject) -> None:
    report = report_savings(lines)

    assert report_savings(data.draw(st.permutations(lines))) == report
    for each in report.comparisons:
        assert each.lines + each.lines_left_out == report.lines
        assert each.paid.minor + each.paid_left_out.minor == report.paid.minor
        assert each.saving.minor == sum(own.saving.minor for own in each.members)
        assert each.dearer_by.minor >= -sum(own.saving.minor for own in each.paying_more)
    both = [
        own for own in lines if {Reference.ALONE, Reference.FIRST_OFFERS} <= own.references.keys()
    ]
    assert report.effects.saving.minor == sum(
        own.references[Reference.ALONE].minor - own.paid.minor for own in both
    )


# Real purchases -------------------------------------------------------------------------------


@pytest.mark.realdata
def test_ohio_milk_of_1984_against_the_year_before(real_data: Path) -> None:
    """A half pint for every pupil on 180 days: what was won, against the same district's last."""
    won = _milk(real_data, "1984")
    before = _milk(real_data, "1983")
    lines = [
        SavingLine(
            lot_id=LOT,
            member_id=member(int(district)),
            paid=total(UnitPrice.parse(unit, USD), Decimal(quantity)),
            references={
                Reference.BASELINE: total(
                    UnitPrice.parse(before[district][0], USD), Decimal(quantity)
                )
            }
            if district in before
            else {},
            is_delivered_locally=True,
        )
        for district, (unit, quantity) in won.items()
    ]

    report = report_savings(lines)

    saved = {
        district: _cents(before[district][0], quantity) - _cents(unit, quantity)
        for district, (unit, quantity) in won.items()
        if district in before
    }
    dearer = {district for district, cents in saved.items() if cents < 0}
    comparison = against(report, Reference.BASELINE)
    assert comparison.lines == len(saved)
    assert comparison.lines_left_out == len(won) - len(saved) > 0
    assert comparison.saving.minor == sum(saved.values())
    assert {each.member_id for each in comparison.paying_more} == {
        member(int(district)) for district in dearer
    }
    assert (len(won), len(saved), len(dearer)) == (326, 281, 147)
    assert report.cautions == (LOCAL_CAUTION,)


def _milk(real_data: Path, year: str) -> dict[str, tuple[str, int]]:
    """Read the price that won and the half pints of a year, by district of known enrolment."""
    with (real_data / "ohio_districts.csv").open() as file:
        pupils = {row["district_id"]: row["enrolment"] for row in csv.DictReader(file)}
    with (real_data / "ohio_milk_bids_1980_1986.csv").open() as file:
        return {
            row["district_id"]: (row["unit_price_usd"], 180 * int(pupils[row["district_id"]]))
            for row in csv.DictReader(file)
            if row["year"] == year and row["won"] == "1" and pupils.get(row["district_id"])
        }


def _cents(unit: str, quantity: int) -> int:
    return int((Decimal(unit) * quantity * 100).quantize(Decimal(1), ROUND_HALF_EVEN))
