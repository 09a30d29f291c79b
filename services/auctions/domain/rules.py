"""Fix the rules of one auction before it opens, and say what is wrong with those proposed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.domain.money import AmountMalformed, Currency, CurrencyUnknown, UnitPrice
from shared.events.bids import AuctionRequested

EXTENSIONS_MAX: Final = 1_000
EXTENSION_S_MAX: Final = 24 * 3600
VENDORS_MAX: Final = 500
VENDORS_MIN: Final = 2
"""One bidder cannot compete with itself; such a lot is decided on its sealed bid."""


class StepAgainst(StrEnum):
    """Which price an offer must undercut by the step."""

    OWN = "own"
    LEAD = "lead"
    BOTH = "both"


class ShowRank(StrEnum):
    """Which ranks vendors and observers are shown."""

    OWN = "own"
    ALL = "all"


class ShowLead(StrEnum):
    """Whether vendors and observers are shown the lead price."""

    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of an English reverse auction.

    An offer must be below the price named by `step_against` by at least `step_e4`. An offer taken
    in the last `soft_close_window` before the close moves the close to `soft_close_extension`
    after the close that stood, at most `extensions_max` times.
    """

    step_e4: int
    step_against: StepAgainst
    soft_close_window: timedelta
    soft_close_extension: timedelta
    extensions_max: int
    show_rank: ShowRank
    show_lead: ShowLead


def rules_of(request: AuctionRequested) -> Rules:
    """Read the rules of a request in which `faults` found nothing wrong."""
    told = request.rules
    return Rules(
        step_e4=UnitPrice.parse(told.step, Currency(request.currency)).e4,
        step_against=StepAgainst(told.step_against),
        soft_close_window=timedelta(seconds=told.soft_close_window_s),
        soft_close_extension=timedelta(seconds=told.soft_close_extension_s),
        extensions_max=told.extensions_max,
        show_rank=ShowRank(told.show_rank),
        show_lead=ShowLead(told.show_lead),
    )


def faults(request: AuctionRequested, *, now: datetime) -> tuple[str, ...]:
    """Name everything that is wrong with a requested auction; nothing is an empty tuple."""
    found = [*_faults_of_rules(request), *_faults_of_times(request, now)]
    if len(request.vendors) < VENDORS_MIN:
        found.append(f"an auction needs at least {VENDORS_MIN} vendors")
    if len(request.vendors) > VENDORS_MAX:
        found.append(f"an auction takes at most {VENDORS_MAX} vendors")
    if len({vendor.vendor_id for vendor in request.vendors}) < len(request.vendors):
        found.append("a vendor is named twice")
    if len({vendor.alias for vendor in request.vendors}) < len(request.vendors):
        found.append("an alias is given twice")
    return tuple(found)


def _faults_of_times(request: AuctionRequested, now: datetime) -> list[str]:
    found = []
    if request.opens_at >= request.closes_at:
        found.append("the auction closes before it opens")
    if request.closes_at <= now:
        found.append("the auction's close has passed")
    return found


def _faults_of_rules(request: AuctionRequested) -> list[str]:
    told = request.rules
    found = []
    if told.format != "english":
        found.append(f"the format {told.format!r} is not offered")
    for name, choices in (
        ("step_against", StepAgainst),
        ("show_rank", ShowRank),
        ("show_lead", ShowLead),
    ):
        if getattr(told, name) not in set(choices):
            found.append(f"{name} must be one of {', '.join(choices)}")
    if not 0 <= told.soft_close_window_s <= EXTENSION_S_MAX:
        found.append("the soft close's window is out of bounds")
    if not 0 <= told.soft_close_extension_s <= EXTENSION_S_MAX:
        found.append("the soft close's extension is out of bounds")
    if not 0 <= told.extensions_max <= EXTENSIONS_MAX:
        found.append(f"at most {EXTENSIONS_MAX} extensions are possible")
    return found + _faults_of_prices(request)


def _faults_of_prices(request: AuctionRequested) -> list[str]:
    currency = Currency(request.currency)
    try:
        step = UnitPrice.parse(request.rules.step, currency)
        openings = [UnitPrice.parse(vendor.opening_price, currency) for vendor in request.vendors]
    except (AmountMalformed, CurrencyUnknown) as refusal:
        return [refusal.sentence]
    if step.e4 == 0:
        return ["the step must be above 0"]
    if openings and step.e4 >= max(opening.e4 for opening in openings):
        return ["the step is as large as the highest opening price"]
    return []
