"""Screens: figures by hand, and how they do on bids of vendors that were later shown to collude."""

import csv
import math
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import pytest

from services.bids.domain.screens.contests import SOURCES, Contest, Finding, Screen, VendorBid
from services.bids.domain.screens.patterns import pattern_findings
from services.bids.domain.screens.report import (
    CAUTION,
    MEASURED,
    Accuracy,
    ScreenReport,
    screen,
    told,
)
from services.bids.domain.screens.residuals import correlation, residual_findings, residuals
from services.bids.domain.screens.spread import (
    coefficient_of_variation,
    kurtosis,
    relative_distance,
    spread_findings,
)

CINCINNATI = frozenset({"COORSBROTHERS", "H.MEYER", "LOUISTRAUTH"})
"""Coors and Meyer pleaded guilty; principals of Meyer testified that Trauth took part.

Source: Ohio ex rel. Montgomery v. Louis Trauth Dairy, 925 F. Supp. 1247 (S.D. Ohio 1996).
"""


def contest(
    *prices: str,
    vendors: str = "ABCDEFG",
    season: int = 1980,
    place: str = "north",
    winner: str | None = None,
    volume: int = 1,
) -> Contest:
    bids = [
        VendorBid(vendor, Fraction(price)) for vendor, price in zip(vendors, prices, strict=False)
    ]
    return Contest(
        key=f"{season} {place}",
        season=season,
        place=place,
        bids=tuple(bids),
        winner=winner or min(bids, key=lambda bid: bid.price).vendor,
        drivers=(Fraction(volume),),
    )


def by_screen(findings: Sequence[Finding], wanted: Screen) -> list[Finding]:
    return [finding for finding in findings if finding.screen is wanted]


# One contest ----------------------------------------------------------------------------------


def test_coefficient_of_variation_by_hand() -> None:
    # Mean 10; squares 4 + 0 + 4 over 2 is 4; 2 / 10.
    assert coefficient_of_variation(contest("8", "10", "12")) == pytest.approx(0.2)
    assert coefficient_of_variation(contest("8")) is None


def test_relative_distance_by_hand() -> None:
    # Losers 10 and 12 have a standard deviation of √2; the winner is 2 below the second.
    assert relative_distance(contest("12", "8", "10")) == pytest.approx(math.sqrt(2))
    assert relative_distance(contest("8", "10")) is None
    assert relative_distance(contest("8", "10", "10")) is None


def test_kurtosis_by_hand() -> None:
    # 1 2 3 4: variance 5/3; fourth powers 2 x (81 + 1) / 16 = 10.25; x 9/25 = 3.69;
    # x 20/6 = 12.3; less 3 x 9 / 2 = 13.5.
    assert kurtosis(contest("1", "2", "3", "4")) == pytest.approx(-1.2)
    assert kurtosis(contest("1", "2", "3")) is None
    assert kurtosis(contest("2", "2", "2", "2")) is None


def test_lowest_tenth_of_peers_stands_out() -> None:
    peers = [contest("100", str(100 + gap), place=f"p{gap:02}") for gap in range(1, 21)]

    found = by_screen(spread_findings(peers), Screen.VARIATION)

    assert {finding.contest for finding in found} == {"1980 p01", "1980 p02"}


def test_fewer_than_ten_peers_have_no_tenth() -> None:
    peers = [contest("100", str(100 + gap), place=f"p{gap}") for gap in range(1, 10)]

    assert spread_findings(peers) == []


def test_distant_winner_stands_out_whatever_its_peers() -> None:
    found = spread_findings([contest("80", "100", "101"), contest("99", "100", "110", place="p")])

    assert [(finding.screen, finding.contest) for finding in found] == [
        (Screen.DISTANCE, "1980 north")
    ]


# Pairs over seasons -----------------------------------------------------------------------------


def seasons(winners: str, place: str = "north") -> list[Contest]:
    return [
        contest("10", "11", vendors="AB", season=1980 + number, winner=winner, place=place)
        for number, winner in enumerate(winners)
    ]


def test_taking_turns_is_rotation() -> None:
    found = pattern_findings(seasons("ABABABABABA"))

    assert [(each.screen, each.vendors, each.value) for each in found] == [
        (Screen.ROTATION, ("A", "B"), 1.0)
    ]


def test_keeping_to_ones_own_places_is_territory() -> None:
    found = pattern_findings([*seasons("AAAAAA", "north"), *seasons("BBBBBB", "south")])

    assert [(each.screen, each.value, each.contests) for each in found] == [
        (Screen.TERRITORY, 1.0, 10)
    ]


def test_nine_returns_are_too_few_for_a_pattern() -> None:
    assert pattern_findings(seasons("ABABABABAB")) == []


def test_third_vendors_that_win_break_a_pattern() -> None:
    turns = [
        contest("10", "11", "9", vendors="ABC", season=1980 + number, winner="ABC"[number % 3])
        for number in range(14)
    ]

    found = pattern_findings(turns)

    assert found == []


def test_identical_prices_twice_stand_out_and_once_do_not() -> None:
    same = contest("10", "10", vendors="AB")
    again = contest("11", "11", "12", vendors="BAC", place="south")

    assert pattern_findings([same]) == []
    assert [
        (each.screen, each.vendors, each.contests) for each in pattern_findings([same, again])
    ] == [(Screen.IDENTICAL, ("A", "B"), 2)]


# Residuals --------------------------------------------------------------------------------------


def explained(count: int, *, together: bool) -> list[Contest]:
    """Prices of 10 x volume^-0.1 by two vendors, moved by a tenth: the same way, or crosswise."""
    contests = []
    for number in range(count):
        volume = 1 + number
        price = Fraction(10 * volume**-0.1)
        tenth = Fraction(11, 10) if number % 2 else Fraction(9, 10)
        other = tenth if together else Fraction(11, 10) if number // 2 % 2 else Fraction(9, 10)
        contests.append(
            contest(
                str(price * tenth),
                str(price * other),
                vendors="AB",
                place=f"p{number:02}",
                volume=volume,
            )
        )
    return contests


def test_prices_that_cost_explains_leave_nothing() -> None:
    plain = [
        contest(str(Fraction(10 * volume**-0.5)), vendors="A", place=str(volume), volume=volume)
        for volume in (1, 2, 4, 8)
    ]

    assert all(abs(left) < 1e-9 for left in residuals(plain).values())


def test_residuals_that_move_together_stand_out() -> None:
    together = residual_findings(explained(20, together=True))

    assert [(each.vendors, each.contests) for each in together] == [(("A", "B"), 20)]
    assert together[0].value == pytest.approx(1.0)
    assert residual_findings(explained(20, together=False)) == []


def test_nineteen_common_contests_are_too_few() -> None:
    assert residual_findings(explained(19, together=True)) == []


def test_regression_without_one_answer_finds_nothing() -> None:
    constant = [contest("10", "11", place=str(place), volume=1) for place in range(30)]
    collinear = [
        Contest(
            key=each.key,
            season=each.season,
            place=each.place,
            bids=each.bids,
            winner="A",
            drivers=(Fraction(3), Fraction(3)),
        )
        for each in constant
    ]

    assert residuals([]) == {}
    assert residuals(collinear) == {}


def test_correlation_by_hand() -> None:
    assert correlation([(1, 2), (2, 4), (3, 6)]) == pytest.approx(1.0)
    assert correlation([(1, 3), (2, 2), (3, 1)]) == pytest.approx(-1.0)
    assert correlation([(1, 3), (1, 2)]) is None


# The report ---------------------------------------------------------------------------------------


def test_report_is_the_same_whatever_the_order() -> None:
    contests = [*seasons("ABABABABABA"), *seasons("AAAAAA", "south")]

    assert screen(list(reversed(contests))) == screen(contests)


def test_report_of_nothing_is_empty() -> None:
    report = screen([])

    assert (report.contests, report.findings, report.pairs) == (0, (), ())
    assert report.caution == CAUTION


def test_every_screen_names_its_source_and_what_it_was_worth() -> None:
    assert set(SOURCES) == set(MEASURED) == set(Screen)
    assert told(Screen.RESIDUALS).endswith(
        "it flagged 9, of which 3 right, of 3 that were there: precision 33%, recall 100%."
    )


def test_screen_that_flags_nothing_has_no_precision() -> None:
    assert Accuracy(flagged=0, right=0, there=0).precision == 0
    assert Accuracy(flagged=0, right=0, there=0).recall == 0


# Where the truth is known -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def milk(real_data: Path) -> list[Contest]:
    """Every contract of a district whose enrolment is known; that is its volume."""
    with (real_data / "ohio_districts.csv").open() as file:
        enrolment = {row["district_id"]: row["enrolment"] for row in csv.DictReader(file)}
    rows = defaultdict(list)
    with (real_data / "ohio_milk_bids_1980_1986.csv").open() as file:
        for row in csv.DictReader(file):
            rows[row["year"], row["district_id"]].append(row)
    return [
        Contest(
            key=f"{year} {district}",
            season=int(year),
            place=district,
            bids=tuple(VendorBid(row["vendor"], Fraction(row["unit_price_usd"])) for row in bids),
            winner=next(row["vendor"] for row in bids if row["won"] == "1"),
            # A first digit above 0 numbers a further contract of the same district.
            drivers=(Fraction(pupils),),
        )
        for (year, district), bids in rows.items()
        if (pupils := enrolment.get(f"0{district[-5:]}"))
    ]


@pytest.fixture(scope="module")
def milk_report(milk: list[Contest]) -> ScreenReport:
    return screen(milk)


@pytest.mark.realdata
def test_market_is_screened_whole(milk_report: ScreenReport) -> None:
    assert milk_report.contests == 2181


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("screened", "bids_min"),
    [(Screen.VARIATION, 2), (Screen.DISTANCE, 3), (Screen.KURTOSIS, 4)],
)
def test_precision_and_recall_on_contracts_are_as_stated(
    milk: list[Contest], milk_report: ScreenReport, screened: Screen, bids_min: int
) -> None:
    there = {
        each.key
        for each in milk
        if len(each.bids) >= bids_min and sum(bid.vendor in CINCINNATI for bid in each.bids) >= 2
    }

    flagged = {each.contest for each in by_screen(milk_report.findings, screened)}

    found = Accuracy(flagged=len(flagged), right=len(flagged & there), there=len(there))
    assert found == MEASURED[screened]


@pytest.mark.realdata
@pytest.mark.parametrize(
    "screened", [Screen.RESIDUALS, Screen.IDENTICAL, Screen.ROTATION, Screen.TERRITORY]
)
def test_precision_and_recall_on_pairs_are_as_stated(
    milk_report: ScreenReport, screened: Screen
) -> None:
    there = set(combinations(sorted(CINCINNATI), 2))

    flagged = {each.vendors for each in by_screen(milk_report.findings, screened)}

    found = Accuracy(flagged=len(flagged), right=len(flagged & there), there=len(there))
    assert found == MEASURED[screened]


@pytest.mark.realdata
def test_one_pair_stands_out_by_three_screens_and_it_is_one_that_colluded(
    milk_report: ScreenReport,
) -> None:
    by_three = [each.vendors for each in milk_report.pairs if len(each.screens) >= 3]

    assert by_three == [("H.MEYER", "LOUISTRAUTH")]


@pytest.mark.realdata
def test_variation_of_prices_tells_no_more_than_chance_on_so_few_bids(milk: list[Contest]) -> None:
    comparable = [each for each in milk if len(each.bids) >= 2]
    there = [each for each in comparable if sum(bid.vendor in CINCINNATI for bid in each.bids) >= 2]

    # Of any contracts drawn at random this share would be right.
    by_chance = len(there) / len(comparable)

    assert by_chance == pytest.approx(0.115, abs=0.001)
    assert MEASURED[Screen.VARIATION].precision - by_chance < 0.02
