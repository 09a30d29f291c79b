"""Hold a solicitation against its policy profile, and name every rule that it breaks.

Checked when an RFP is published, and again when one of its lots goes to auction.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from services.bids.domain.consortium import ConsortiumModel
from services.bids.domain.policy import Breach, Profile, Rule
from services.bids.domain.terms import Advertised, CostCovered, Criterion, Terms

DAYS_OF_WEEK: Final = 7

SATURDAY: Final = 5
"""The first day of the week that is no working day; holidays are not known here."""

ACCEPTANCE_SOURCE: Final = "The house's own rule, after the consortium model of group pricing."
"""Where it stands that a window is stated: in no law that is at hand."""

_MAIN_COST: Final = frozenset({CostCovered.ELIGIBLE, CostCovered.ALL})
"""What the dominant price covers. One over all cost is refused for mixing, not for its weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solicitation:
    """What a profile looks at when an RFP is published.

    The approver is another person than the drafter where `is_approved_by_another`.
    """

    terms: Terms
    consortium_model: ConsortiumModel
    published_at: datetime
    closes_at: datetime
    standstill_s: int
    is_approved_by_another: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionUnderPolicy:
    """What a profile looks at when a lot goes to auction."""

    advertised_as: Advertised
    prequalified_only: bool
    bidders: int
    format: str
    show_rank: str
    show_lead: str
    show_own_rank: str
    show_prices: str
    requested_at: datetime
    opens_at: datetime


def breaches_of_publication(profile: Profile, asked: Solicitation) -> tuple[Breach, ...]:
    """Name every rule of the profile that publishing as asked would break."""
    return (
        *_open_too_short(profile, asked),
        *_not_certified(profile, asked),
        *_price_too_light(profile, asked.terms.criteria),
        *_cost_mixed(profile, asked.terms.criteria),
        *_bidders_too_few_asked(profile, asked.terms),
        *_not_prequalified(profile, is_asked=asked.terms.prequalified_only),
        *_standstill_too_short(profile, asked),
        *_acceptance_unstated(asked),
        *_not_declared(profile, asked.terms),
        *_not_approved(profile, asked),
    )


def breaches_of_auction(profile: Profile, asked: AuctionUnderPolicy) -> tuple[Breach, ...]:
    """Name every rule of the profile that auctioning a lot as asked would break."""
    return (
        *_format_not_allowed(profile, asked.format),
        *_advertised_as_sealed(profile, asked.advertised_as),
        *_shown_otherwise(profile, asked),
        *_notice_too_short(profile, asked),
        *_not_prequalified(profile, is_asked=asked.prequalified_only),
        *_bidders_too_few(profile, asked),
    )


def earliest_award_on(profile: Profile, started_on: Iterable[date | None]) -> date | None:
    """Tell the first day on which the profile lets a lot be awarded; None where it does not say.

    `started_on` are the days of certification, publication and the last substantial addendum; the
    latest of them is day 1, and weekends and holidays count. A wait of 28 days that began on
    2024-01-01 ends on 2024-01-29.
    """
    rule = profile.award_wait_days
    days = [day for day in started_on if day is not None]
    if rule is None or not days:
        return None
    return max(days) + timedelta(days=rule.value)


def day_in(zone: ZoneInfo, at: datetime) -> date:
    """Tell which day it is at an instant in a time zone; at the ends of time, in its own zone."""
    try:
        return at.astimezone(zone).date()
    except OverflowError:
        return at.date()


def beginning_of(day: date, zone: ZoneInfo) -> datetime:
    """Tell the instant at which a day begins in a time zone, in that zone."""
    return datetime.combine(day, time(), tzinfo=zone)


def working_days_between(first: date, last: date) -> int:
    """Count the working days after `first` up to and including `last`; holidays count as such."""
    weeks, rest = divmod(max(0, (last - first).days), DAYS_OF_WEEK)
    weekdays = ((first.weekday() + number) % DAYS_OF_WEEK for number in range(1, rest + 1))
    return weeks * SATURDAY + sum(weekday < SATURDAY for weekday in weekdays)


def _open_too_short(profile: Profile, asked: Solicitation) -> Iterator[Breach]:
    rule = profile.days_open
    if rule is None:
        return
    first, last = (day_in(profile.zone, at) for at in (asked.published_at, asked.closes_at))
    days = (last - first).days
    if days < rule.value:
        yield _breach(
            "days_open",
            rule,
            f"open for {_days(days)}: under {rule.law} bidding stays open for {rule.value} days, "
            f"counted in {profile.time_zone}",
        )


def _not_certified(profile: Profile, asked: Solicitation) -> Iterator[Breach]:
    rule = profile.award_wait_days
    if rule is None:
        return
    certified_on, today = asked.terms.certified_on, day_in(profile.zone, asked.published_at)
    if certified_on is None:
        sentence = f"no day of certification: under {rule.law} the wait of {rule.value} days"
        yield _breach("award_wait_days", rule, f"{sentence} before an award begins with it")
    elif certified_on > today:
        sentence = f"certified on {certified_on}, which is to come: under {rule.law} the form"
        yield _breach("award_wait_days", rule, f"{sentence} stands before bids are asked for")


def _price_too_light(profile: Profile, criteria: tuple[Criterion, ...]) -> Iterator[Breach]:
    rule = profile.price_dominates
    if rule is None or not rule.value:
        return
    what = _dominant_price(profile)
    price = next((each for each in criteria if each.covers in _MAIN_COST), None)
    must = f"under {rule.law} the price {what} must weigh more than any other factor"
    if price is None or price.weight is None:
        yield _breach("price_dominates", rule, f"no criterion weighs the price {what}: {must}")
        return
    heavy = [each for each in criteria if each is not price and _weight(each) >= price.weight]
    if heavy:
        listed = ", ".join(f"{each.name} {_weight(each):f}" for each in (price, *heavy))
        yield _breach("price_dominates", rule, f"{listed}: {must}")


def _cost_mixed(profile: Profile, criteria: tuple[Criterion, ...]) -> Iterator[Breach]:
    rule = profile.ineligible_apart
    if rule is None or not rule.value:
        return
    for each in criteria:
        if each.covers is CostCovered.ALL:
            yield _breach(
                "ineligible_apart",
                rule,
                f"{each.name} {_weight(each):f} covers all cost: under {rule.law} ineligible cost "
                "counts only in a lighter criterion of its own",
            )


def _bidders_too_few_asked(profile: Profile, terms: Terms) -> Iterator[Breach]:
    rule = profile.fewest_bidders
    if rule is not None and terms.bids_min < rule.value:
        sentence = f"bids_min {terms.bids_min}: under {rule.law} there are at least {rule.value}"
        yield _breach("fewest_bidders", rule, f"{sentence} bidders")


def _not_prequalified(profile: Profile, *, is_asked: bool) -> Iterator[Breach]:
    rule = profile.prequalification
    if rule is not None and rule.value and not is_asked:
        sentence = f"open to all vendors: under {rule.law} only prequalified vendors take part"
        yield _breach("prequalification", rule, sentence)


def _standstill_too_short(profile: Profile, asked: Solicitation) -> Iterator[Breach]:
    rule = profile.standstill_days
    if rule is None:
        return
    least = timedelta(days=rule.value)
    if timedelta(seconds=asked.standstill_s) < least:
        yield _breach(
            "standstill_days",
            rule,
            f"standstill of {asked.standstill_s} seconds: under {rule.law} it lasts "
            f"{_days(rule.value)}, {int(least.total_seconds())} seconds, or longer",
        )


def _acceptance_unstated(asked: Solicitation) -> Iterator[Breach]:
    """Insist, under every profile, that vendors and members know how lines are accepted."""
    terms = asked.terms
    unstated = [
        name
        for name, value in (
            ("acceptance_window_s", terms.acceptance_window_s),
            ("silence_means", terms.silence_means),
        )
        if value is None
    ]
    if asked.consortium_model is ConsortiumModel.GROUP_PRICING and unstated:
        sentence = f"{' and '.join(unstated)} not stated: under group pricing each member accepts"
        until = "or declines its line, so that the RFP says until when, and what silence means"
        yield Breach("acceptance_window", f"{sentence} {until}", ACCEPTANCE_SOURCE)


def _not_declared(profile: Profile, terms: Terms) -> Iterator[Breach]:
    for each in profile.declarations:
        if each.name not in terms.declarations:
            sentence = f"{each.name} is not declared: under {each.law} {each.sentence}"
            yield Breach(f"declarations.{each.name}", sentence, each.source)


def _not_approved(profile: Profile, asked: Solicitation) -> Iterator[Breach]:
    rule = profile.second_person
    if rule is not None and rule.value and not asked.is_approved_by_another:
        sentence = f"nobody but its drafter approved it: under {rule.law} a second person does"
        yield _breach("second_person", rule, sentence)


def _format_not_allowed(profile: Profile, wanted: str) -> Iterator[Breach]:
    rule = profile.auction_formats
    if rule is None:
        sentence = f"{wanted}: the profile {profile.name} names no law that allows an auction"
        source = "No source at hand settles it; see what the profile lists as unsettled."
        yield Breach("auction_formats", sentence, source)
    elif wanted not in rule.value:
        allowed = ", ".join(rule.value) or "none"
        sentence = f"{wanted}: under {rule.law} the formats of an auction are: {allowed}"
        yield _breach("auction_formats", rule, sentence)


def _advertised_as_sealed(profile: Profile, advertised_as: Advertised) -> Iterator[Breach]:
    rule = profile.sealed_bars_auction
    if rule is not None and rule.value and advertised_as is Advertised.SEALED:
        sentence = f"advertised as sealed bidding: under {rule.law} no auction may follow it"
        yield _breach("sealed_bars_auction", rule, sentence)


def _shown_otherwise(profile: Profile, asked: AuctionUnderPolicy) -> Iterator[Breach]:
    for name, rule, wanted in (
        ("auction_show_rank", profile.auction_show_rank, asked.show_rank),
        ("auction_show_lead", profile.auction_show_lead, asked.show_lead),
        ("auction_show_own_rank", profile.auction_show_own_rank, asked.show_own_rank),
        ("auction_show_prices", profile.auction_show_prices, asked.show_prices),
    ):
        if rule is not None and wanted not in rule.value:
            what = name.removeprefix("auction_")
            sentence = f"{what} {wanted}: under {rule.law} it is {' or '.join(rule.value)}"
            yield _breach(name, rule, sentence)


def _notice_too_short(profile: Profile, asked: AuctionUnderPolicy) -> Iterator[Breach]:
    rule = profile.auction_notice_working_days
    if rule is None:
        return
    first, last = (day_in(profile.zone, at) for at in (asked.requested_at, asked.opens_at))
    days = working_days_between(first, last)
    if days < rule.value:
        sentence = f"opens after {_days(days, 'working day')}: under {rule.law} bidders have"
        yield _breach(
            "auction_notice_working_days",
            rule,
            f"{sentence} {_days(rule.value, 'working day')} from their invitation",
        )


def _bidders_too_few(profile: Profile, asked: AuctionUnderPolicy) -> Iterator[Breach]:
    rule = profile.fewest_bidders
    if rule is not None and asked.bidders < rule.value:
        sentence = f"{asked.bidders} bidders: under {rule.law} there are at least {rule.value}"
        yield _breach("fewest_bidders", rule, sentence)


def _dominant_price(profile: Profile) -> str:
    is_apart = profile.ineligible_apart is not None and profile.ineligible_apart.value
    return "of eligible items" if is_apart else "of what is bought"


def _weight(criterion: Criterion) -> Decimal:
    return Decimal(0) if criterion.weight is None else criterion.weight


def _days(count: int, word: str = "day") -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _breach(
    name: str, rule: Rule[bool] | Rule[int] | Rule[tuple[str, ...]], sentence: str
) -> Breach:
    return Breach(name, sentence, rule.source)
