"""Policy profiles: every rule names its breach and its source, and a profile is but a file."""

import base64
import dataclasses
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bids.domain.compliance import (
    AuctionUnderPolicy,
    Solicitation,
    beginning_of,
    breaches_of_auction,
    breaches_of_publication,
    earliest_award_on,
    working_days_between,
)
from services.bids.domain.consortium import ConsortiumModel, SilenceMeans
from services.bids.domain.policy import (
    PolicyBook,
    PolicyProfileNotFound,
    PolicyProfileUnknown,
    Profile,
    Rule,
)
from services.bids.domain.terms import (
    PRICE_ALONE,
    Advertised,
    CostCovered,
    Criterion,
    CriterionKind,
    Terms,
)
from services.bids.settings import BidsSettings
from services.bids.store.profiles import ProfileBroken, read_profiles

BOOK: Final = read_profiles()
ERATE: Final = BOOK.find("erate")
PUBLISHED_AT: Final = datetime(2024, 1, 1, 15, tzinfo=UTC)

SHIPPED: Final = {
    "open",
    "erate",
    "federal_2cfr200",
    "us_federal_far17_8",
    "texas_44_031",
    "rhode_island_37_2_18_1",
    "utah_63g_6a_612",
    "new_york_gml",
    "ohio_9_31",
    "eu_2014_24",
}

every_profile = pytest.mark.parametrize("profile", BOOK.profiles, ids=lambda each: each.name)


def price(weight: str, covers: CostCovered = CostCovered.ELIGIBLE) -> Criterion:
    return Criterion(name="price", kind=CriterionKind.PRICE, weight=Decimal(weight), covers=covers)


def rated(name: str, weight: str) -> Criterion:
    return Criterion(name=name, kind=CriterionKind.RATED, weight=Decimal(weight))


def other_cost(weight: str) -> Criterion:
    return Criterion(
        name="other cost",
        kind=CriterionKind.PRICE,
        weight=Decimal(weight),
        covers=CostCovered.INELIGIBLE,
    )


def lawful_terms(**changes: Any) -> Terms:
    """Terms that the profile of E-rate lets pass."""
    terms = Terms(
        certified_on=date(2024, 1, 1),
        declarations=("letters_of_agency",),
        criteria=(price("100"),),
    )
    return dataclasses.replace(terms, **changes)


def solicitation(**changes: Any) -> Solicitation:
    asked = Solicitation(
        terms=lawful_terms(),
        consortium_model=ConsortiumModel.GROUP_PROCUREMENT,
        published_at=PUBLISHED_AT,
        closes_at=PUBLISHED_AT + timedelta(days=28),
        standstill_s=0,
        is_approved_by_another=False,
    )
    return dataclasses.replace(asked, **changes)


def auction(**changes: Any) -> AuctionUnderPolicy:
    asked = AuctionUnderPolicy(
        advertised_as=Advertised.AUCTION_MAY_FOLLOW,
        prequalified_only=True,
        bidders=2,
        format="english",
        show_rank="own",
        show_lead="always",
        show_own_rank="always",
        show_prices="never",
        requested_at=PUBLISHED_AT,
        opens_at=PUBLISHED_AT + timedelta(days=7),
    )
    return dataclasses.replace(asked, **changes)


def rules_broken(profile: Profile, asked: Solicitation | AuctionUnderPolicy) -> list[str]:
    if isinstance(asked, Solicitation):
        return [breach.rule for breach in breaches_of_publication(profile, asked)]
    return [breach.rule for breach in breaches_of_auction(profile, asked)]


def weighing(*criteria: Criterion) -> Solicitation:
    return solicitation(terms=lawful_terms(criteria=criteria))


# The profiles that come with the house -------------------------------------------------------


def test_every_profile_of_the_design_is_there() -> None:
    assert {profile.name for profile in BOOK.profiles} == SHIPPED


@every_profile
def test_every_rule_names_its_law_and_its_source(profile: Profile) -> None:
    rules: list[Rule[Any]] = [each for each in _members(profile) if isinstance(each, Rule)]
    sourced = [(each.law, each.source) for each in rules]
    sourced += [(each.law, each.source) for each in profile.declarations]
    sourced += [(each.law, each.source) for each in profile.attestations]
    sourced += [(each.law, each.source) for each in profile.shown]

    assert sourced
    assert all(law and source for law, source in sourced)
    assert profile.unsettled


@every_profile
def test_what_was_advertised_as_sealed_does_not_become_an_auction(profile: Profile) -> None:
    broken = rules_broken(profile, auction(advertised_as=Advertised.SEALED))

    assert "sealed_bars_auction" in broken


def test_open_lets_a_sale_of_minutes_pass() -> None:
    asked = solicitation(terms=Terms(), closes_at=PUBLISHED_AT + timedelta(seconds=5))

    assert rules_broken(BOOK.find("open"), asked) == []
    quick = auction(prequalified_only=False, opens_at=PUBLISHED_AT + timedelta(seconds=1))
    assert rules_broken(BOOK.find("open"), quick) == []


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("open", True),
        ("texas_44_031", True),
        ("utah_63g_6a_612", True),
        ("us_federal_far17_8", True),
        ("eu_2014_24", True),
        ("erate", False),
        ("federal_2cfr200", False),
        ("new_york_gml", False),
    ],
)
def test_an_auction_needs_a_law_that_allows_its_format(name: str, allowed: bool) -> None:  # noqa: FBT001 - a table
    assert (rules_broken(BOOK.find(name), auction()) == []) is allowed


@pytest.mark.parametrize(
    ("name", "changes", "rule"),
    [
        ("texas_44_031", {"format": "dutch"}, "auction_formats"),
        ("utah_63g_6a_612", {"prequalified_only": False}, "prequalification"),
        ("rhode_island_37_2_18_1", {}, "auction_show_prices"),
        (
            "rhode_island_37_2_18_1",
            {"show_prices": "always", "show_lead": "never"},
            "auction_show_lead",
        ),
        ("us_federal_far17_8", {"show_prices": "always"}, "auction_show_prices"),
        ("us_federal_far17_8", {"bidders": 1}, "fewest_bidders"),
        ("eu_2014_24", {"show_own_rank": "after_first_offer"}, "auction_show_own_rank"),
    ],
)
def test_an_auction_keeps_the_rules_of_its_law(
    name: str, changes: dict[str, Any], rule: str
) -> None:
    assert rules_broken(BOOK.find(name), auction(**changes)) == [rule]


def test_the_union_gives_bidders_two_working_days() -> None:
    union = BOOK.find("eu_2014_24")
    friday = datetime(2024, 1, 5, 12, tzinfo=UTC)
    monday, tuesday = friday + timedelta(days=3), friday + timedelta(days=4)

    assert rules_broken(union, auction(requested_at=friday, opens_at=tuesday)) == []
    assert rules_broken(union, auction(requested_at=friday, opens_at=monday)) == [
        "auction_notice_working_days"
    ]


def test_a_week_has_five_working_days() -> None:
    monday = date(2024, 1, 1)

    assert working_days_between(monday, monday) == 0
    assert working_days_between(monday, monday + timedelta(days=7)) == 5
    assert working_days_between(monday, monday - timedelta(days=1)) == 0


@given(st.dates(date(2024, 1, 1), date(2024, 2, 1)), st.integers(0, 40))
def test_working_days_are_counted_as_a_calendar_shows_them(first: date, days: int) -> None:
    shown = [(first + timedelta(days=number)).isoweekday() for number in range(1, days + 1)]

    counted = working_days_between(first, first + timedelta(days=days))

    assert counted == sum(weekday not in {6, 7} for weekday in shown)


def test_the_last_instant_of_all_is_some_day() -> None:
    last = datetime.max.replace(tzinfo=UTC)

    assert rules_broken(BOOK.find("eu_2014_24"), auction(opens_at=last)) == []


@pytest.mark.parametrize(
    ("name", "late", "clerical"),
    [
        ("open", True, True),
        ("new_york_gml", False, True),
        ("ohio_9_31", False, True),
        ("rhode_island_37_2_18_1", False, False),
        ("texas_44_031", False, False),
    ],
)
def test_late_joiners_and_withdrawals_are_as_the_profile_says(
    name: str,
    late: bool,  # noqa: FBT001 - a table
    clerical: bool,  # noqa: FBT001 - a table
) -> None:
    profile = BOOK.find(name)

    assert profile.allows_late_joiners is late
    assert profile.allows_clerical_withdrawal is clerical


# E-rate --------------------------------------------------------------------------------------


def test_a_lawful_e_rate_solicitation_breaks_nothing() -> None:
    assert rules_broken(ERATE, solicitation()) == []


def test_equal_weights_are_named_with_law_and_source() -> None:
    (breach,) = breaches_of_publication(
        ERATE, weighing(price("30"), rated("experience", "30"), rated("service", "25"))
    )

    assert breach.rule == "price_dominates"
    assert breach.sentence == (
        "price 30, experience 30: under 47 CFR 54.511 the price of eligible items must weigh "
        "more than any other factor"
    )
    assert "54.511" in breach.source


@pytest.mark.parametrize(
    ("criteria", "broken"),
    [
        ((price("25"), rated("a", "20"), rated("b", "20"), rated("c", "20")), []),
        ((price("30.0001"), rated("a", "30"), rated("b", "29.9999")), []),
        ((price("30"), rated("a", "30.0001")), ["price_dominates"]),
        ((price("60"), other_cost("40")), []),
        ((price("40"), other_cost("60")), ["price_dominates"]),
        ((rated("a", "100"),), ["price_dominates"]),
        ((other_cost("100"),), ["price_dominates"]),
        (PRICE_ALONE, ["ineligible_apart"]),
    ],
)
def test_the_price_of_eligible_items_outweighs_every_other_factor(
    criteria: tuple[Criterion, ...], broken: list[str]
) -> None:
    assert rules_broken(ERATE, weighing(*criteria)) == broken


@given(st.lists(st.integers(1, 100), min_size=2, max_size=8))
def test_the_price_dominates_exactly_when_it_is_the_single_heaviest(weights: list[int]) -> None:
    first, *others = weights
    criteria = [price(str(first)), *(rated(f"c{n}", str(w)) for n, w in enumerate(others))]

    broken = rules_broken(ERATE, weighing(*criteria))

    assert (broken == []) == (first > max(others))


@pytest.mark.parametrize(("days", "broken"), [(28, []), (27, ["days_open"])])
def test_bidding_stays_open_for_28_days(days: int, broken: list[str]) -> None:
    asked = solicitation(closes_at=PUBLISHED_AT + timedelta(days=days))

    assert rules_broken(ERATE, asked) == broken


@every_profile
def test_group_pricing_says_until_when_members_answer_and_what_silence_means(
    profile: Profile,
) -> None:
    def broken(model: ConsortiumModel, **terms: Any) -> bool:
        asked = solicitation(terms=lawful_terms(**terms), consortium_model=model)
        return "acceptance_window" in rules_broken(profile, asked)

    window = {"acceptance_window_s": 86_400}
    silence = {"silence_means": SilenceMeans.DECLINED}

    assert broken(ConsortiumModel.GROUP_PRICING)
    assert broken(ConsortiumModel.GROUP_PRICING, **window)
    assert broken(ConsortiumModel.GROUP_PRICING, **silence)
    assert not broken(ConsortiumModel.GROUP_PRICING, **window, **silence)
    assert not broken(ConsortiumModel.GROUP_PROCUREMENT)
    assert not broken(ConsortiumModel.RESALE)


def test_days_are_counted_in_the_profiles_time_zone() -> None:
    # 04:30 in Greenwich is still the evening before in New York.
    published_at = datetime(2024, 1, 2, 4, 30, tzinfo=UTC)
    closes_at = datetime(2024, 1, 30, 4, 30, tzinfo=UTC)
    asked = solicitation(published_at=published_at, closes_at=closes_at)

    assert rules_broken(ERATE, asked) == []
    assert rules_broken(
        ERATE, dataclasses.replace(asked, published_at=published_at + timedelta(hours=1))
    ) == ["days_open"]


@pytest.mark.parametrize("certified_on", [None, date(2024, 1, 2)])
def test_the_form_is_certified_before_bids_are_asked_for(certified_on: date | None) -> None:
    asked = solicitation(terms=lawful_terms(certified_on=certified_on))

    assert rules_broken(ERATE, asked) == ["award_wait_days"]


def test_every_breach_is_named_at_once() -> None:
    asked = solicitation(
        terms=Terms(criteria=(price("50"), rated("experience", "50"))),
        closes_at=PUBLISHED_AT + timedelta(days=1),
    )

    assert rules_broken(ERATE, asked) == [
        "days_open",
        "award_wait_days",
        "price_dominates",
        "declarations.letters_of_agency",
    ]


def test_what_was_certified_on_new_years_day_may_be_awarded_on_the_29th() -> None:
    day = earliest_award_on(ERATE, [date(2024, 1, 1)])

    assert day == date(2024, 1, 29)


def test_the_latest_beginning_counts_and_none_asks_for_no_wait() -> None:
    later = earliest_award_on(ERATE, [date(2024, 1, 1), None, date(2024, 1, 10)])

    assert later == date(2024, 2, 7)
    assert earliest_award_on(ERATE, [None]) is None
    assert earliest_award_on(BOOK.find("open"), [date(2024, 1, 1)]) is None


def test_a_day_begins_when_it_does_in_the_time_zone() -> None:
    assert beginning_of(date(2024, 1, 29), ERATE.zone) == datetime(2024, 1, 29, 5, tzinfo=UTC)
    assert beginning_of(date(2024, 7, 1), ERATE.zone) == datetime(2024, 7, 1, 4, tzinfo=UTC)


# Rules that no shipped profile has ----------------------------------------------------------------


def test_a_standstill_is_as_long_as_the_profile_asks() -> None:
    slow = dataclasses.replace(
        BOOK.find("open"), standstill_days=Rule(value=10, law="Act", source="here")
    )
    enough = timedelta(days=10).total_seconds()

    assert rules_broken(slow, solicitation(standstill_s=int(enough))) == []
    assert rules_broken(slow, solicitation(standstill_s=int(enough) - 1)) == ["standstill_days"]


def test_the_buyer_asks_for_as_many_bids_as_the_profile() -> None:
    federal = BOOK.find("federal_2cfr200")
    declared = ("independent_estimate", "conflict_of_interest")

    both = solicitation(terms=Terms(bids_min=2, declarations=declared))
    one = solicitation(terms=Terms(bids_min=1, declarations=declared))

    assert rules_broken(federal, both) == []
    assert rules_broken(federal, one) == ["fewest_bidders"]


# Files ---------------------------------------------------------------------------------------

TOWN: Final = """
name = "town"
title = "Rules of the town"
jurisdiction = "a town"
time_zone = "America/Chicago"

[rules.days_open]
value = 10
law = "Ordinance 7"
source = "the town's clerk"
"""


def test_a_profile_in_a_folder_needs_no_code(tmp_path: Path) -> None:
    (tmp_path / "town.toml").write_text(TOWN, encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not a profile", encoding="utf-8")

    town = read_profiles(tmp_path).find("town")

    assert {profile.name for profile in read_profiles(tmp_path).profiles} == {*SHIPPED, "town"}
    brief = solicitation(closes_at=PUBLISHED_AT + timedelta(days=9))
    (breach,) = breaches_of_publication(town, brief)
    assert breach.sentence == (
        "open for 9 days: under Ordinance 7 bidding stays open for 10 days, "
        "counted in America/Chicago"
    )
    assert breach.source == "the town's clerk"


def test_the_settings_name_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "town.toml").write_text(TOWN, encoding="utf-8")
    said = {
        "DATABASE_URL": "postgresql://127.0.0.1:1/bids",
        "NATS_URL": "nats://127.0.0.1:1",
        "ISSUER": "http://127.0.0.1:1",
        "PORT": "0",
        "RECEIPT_KEY": base64.b64encode(bytes(32)).decode(),
        "PROFILES_FOLDER": str(tmp_path),
    }
    for name, value in said.items():
        monkeypatch.setenv(f"COMMONLOT_{name}", value)

    settings = BidsSettings.load()

    assert read_profiles(settings.profiles_folder).find("town").title == "Rules of the town"


@pytest.mark.parametrize(
    ("file_name", "text"),
    [
        ("town.toml", TOWN + "[rules.no_such_rule]\nvalue = 1\nlaw = 'x'\nsource = 'y'\n"),
        ("town.toml", TOWN.replace('source = "the town\'s clerk"', "")),
        ("town.toml", TOWN.replace("value = 10", 'value = "10"')),
        ("town.toml", TOWN.replace("America/Chicago", "Town/Hall")),
        ("town.toml", "name = "),
        ("city.toml", TOWN),
        ("erate.toml", TOWN.replace('"town"', '"erate"')),
    ],
)
def test_a_file_that_is_no_profile_stops_the_service(
    tmp_path: Path, file_name: str, text: str
) -> None:
    (tmp_path / file_name).write_text(text, encoding="utf-8")

    with pytest.raises(ProfileBroken):
        read_profiles(tmp_path)


def test_a_folder_that_is_missing_stops_the_service(tmp_path: Path) -> None:
    with pytest.raises(ProfileBroken):
        read_profiles(tmp_path / "nowhere")


def test_a_profile_that_is_not_there_is_unknown() -> None:
    with pytest.raises(PolicyProfileUnknown, match="erate"):
        BOOK.find("nowhere")
    with pytest.raises(PolicyProfileNotFound):
        PolicyBook([]).look_up("open")


def _members(profile: Profile) -> list[object]:
    return [getattr(profile, each.name) for each in dataclasses.fields(profile)]
