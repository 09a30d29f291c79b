"""The report of awards: its sentences, its bars, its figures for people."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import pytest

from services.bids.api.report_pages import instant, money, number, page_of, saving_bars
from services.bids.domain.replay.bundle import AwardBundle, PublishedHinge, PublishedLot
from services.bids.domain.replay.reading import read_bundle
from services.bids.domain.report.figures import LotReport
from services.bids.domain.report.sentences import near
from services.bids.domain.report.whole import report_of

MOOT_AT: Final = datetime(2027, 3, 15, 12, 0, 2, tzinfo=UTC)
BUNDLE: Final = Path(__file__).resolve().parents[1] / "golden" / "awards" / "coop-award-1.json"


@pytest.fixture(scope="module")
def bundle() -> AwardBundle:
    return read_bundle(BUNDLE.read_text(encoding="utf-8"))


def changed(
    bundle: AwardBundle, number_: int, change: Callable[[PublishedLot], PublishedLot]
) -> LotReport:
    """The report of a lot of a bundle in which it was changed."""
    lots = tuple(change(lot) if lot.number == number_ else lot for lot in bundle.lots)
    report = report_of(replace(bundle, lots=lots))
    return next(lot for lot in report.lots if lot.number == number_)


def with_ranked(lot: PublishedLot, place: int, **members: Any) -> PublishedLot:
    """A lot in whose standing ranking one bid is another."""
    step = lot.scores.steps[-1]
    ranked = list(step.ranked)
    ranked[place] = replace(ranked[place], **members)
    steps = (*lot.scores.steps[:-1], replace(step, ranked=tuple(ranked)))
    return replace(lot, scores=replace(lot.scores, steps=steps))


def test_winner_by_scores_is_told_with_its_points_and_the_next(bundle: AwardBundle) -> None:
    report = report_of(bundle).lots[0]

    assert report.outcome == "Awarded to Dairy 2."
    assert report.why == (
        (
            "By the published plan (quality 60, price 40), Dairy 2 has 86.5556 points "
            "(35.5556 for price, 51 for quality), place 1."
        ),
        "Next is the bid of Dairy 3 at 79, 7.5556 below (8.73 %).",
        "The bid of Dairy 1 was set aside: Its dairy licence lapsed.",
        "An earlier award to Dairy 1 was withdrawn: The licence lapsed in May.",
    )


def test_equals_are_told_with_the_rule_that_parted_them(bundle: AwardBundle) -> None:
    first = bundle.lots[0].scores.steps[-1].ranked[0]

    report = changed(
        bundle, 1, lambda lot: with_ranked(lot, 1, value=first.value, parted_by="drawn_lot")
    )

    assert "The bid of Dairy 3 is equal; drawn lot parted them." in report.why


def test_losing_bid_that_decides_is_named(bundle: AwardBundle) -> None:
    ranked = bundle.lots[1].scores.steps[-1].ranked
    hinge = PublishedHinge(loser_id=ranked[2].bid_id, winner_without_id=ranked[1].bid_id)

    report = changed(
        bundle, 2, lambda lot: replace(lot, scores=replace(lot.scores, hinges=(hinge,)))
    )

    assert (
        "Without the losing bid of Dairy 3, the bid of Dairy 2 would be first." in report.firmness
    )


def test_scenario_is_told_with_its_reason_and_what_its_rules_cost(bundle: AwardBundle) -> None:
    report = report_of(bundle).lots[2]

    assert report.why == (
        (
            "Decided by the scenario “No vendor above 60 % of a lot”. "
            "Lots 3 and 4 were decided together."
        ),
        "It was chosen for this reason: Milk must come even when one dairy fails.",
        "The cheapest award without any rule would have cost 11.51 USD less.",
        "A solver proved that no award under its rules costs less.",
    )
    cheapest, chosen = report.scenarios
    assert (cheapest.name, cheapest.over_best, cheapest.rules) == ("Cheapest", "0", ())
    assert chosen.is_chosen
    assert [(rule.said, rule.cost) for rule in chosen.rules] == [
        ("Each winner has at most 60 % in lot 3.", chosen.over_best)
    ]


def test_report_of_one_lot_holds_no_other(bundle: AwardBundle) -> None:
    report = report_of(bundle, lot_id=bundle.lots[3].id)

    assert [lot.number for lot in report.lots] == [4]


def test_bars_of_members_lie_on_either_side_of_the_middle(bundle: AwardBundle) -> None:
    bars = saving_bars(report_of(bundle).lots[0])

    # Of 14.00, 12.00 and -3.60 the largest fills its half.
    assert [(bar.name, bar.start, bar.length, bar.kind) for bar in bars] == [
        ("District 4", "50.00", "50.00", "saves"),
        ("District 1", "50.00", "42.86", "saves"),
        ("District 2", "37.14", "12.86", "more"),
    ]


def test_protest_that_lost_its_award_is_told_as_moot(bundle: AwardBundle) -> None:
    lots = tuple(
        replace(
            lot,
            protests=tuple(
                replace(each, is_upheld=None, decision=None, decided_at=None, moot_at=MOOT_AT)
                for each in lot.protests
            ),
        )
        for lot in bundle.lots
    )

    page = page_of(report_of(replace(bundle, lots=lots)))

    assert "became moot on 2027-03-15 12:00:02 UTC, when the award was withdrawn." in page
    assert "It is not decided yet." not in page


def test_whatever_a_party_is_called_is_escaped(bundle: AwardBundle) -> None:
    parties = tuple(
        replace(party, name=f'<b onclick="x">{party.name}</b>') for party in bundle.parties
    )

    page = page_of(report_of(replace(bundle, parties=parties)))

    assert "<b " not in page
    assert "&lt;b onclick=&#34;x&#34;&gt;Dairy 1" in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1234567.89", "1,234,567.89\u00a0USD"),
        ("-0.5", "-0.50\u00a0USD"),
        ("1/3", "0.33\u00a0USD"),
        ("0", "0.00\u00a0USD"),
    ],
)
def test_sum_is_written_for_people(text: str, shown: str) -> None:
    assert money(text, "USD") == shown


def test_figures_keep_their_decimals() -> None:
    assert number("1750.5") == "1,750.5"
    assert number("0.2312") == "0.2312"
    assert instant(datetime(2027, 3, 1, 12, 5, 9, 7, tzinfo=UTC)) == "2027-03-01 12:05:09 UTC"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1/3", "0.3333"),
        ("0.12345", "0.1234"),
        ("0.1234", "0.1234"),
        ("100", "100"),
        ("2/3", "0.6667"),
    ],
)
def test_exact_number_is_told_to_four_decimals(amount: str, text: str) -> None:
    assert near(Fraction(amount)) == text
