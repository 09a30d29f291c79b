"""Check a requested auction as a whole: every fault is named, so that one answer tells them all."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from services.auctions.domain.checked_prices import faults_of_prices, faults_of_scores
from services.auctions.domain.ruleset import (
    CloseBase,
    CloseScope,
    FormatName,
    LotOrder,
    OneBidder,
    Scoring,
    Show,
    ShowRank,
    StepAgainst,
    StepMode,
    TickerPrice,
    TieRanking,
    Ties,
)
from shared.events.bids import AuctionRequested, AuctionRules

EXTENSIONS_MAX: Final = 1_000
EXTENSION_S_MAX: Final = 24 * 3600
PERIOD_S_MAX: Final = 24 * 3600
ROUNDS_MAX: Final = 20
"""Twenty rounds of any length are more than anybody sits through."""
DECIMALS_MAX: Final = 4
VENDORS_MAX: Final = 500
VENDORS_MIN: Final = 2
"""One bidder cannot compete with itself, unless its price is to be judged by itself."""
RANK_MAX: Final = VENDORS_MAX

STEP_KINDS: Final = ("amount", "percent", "bands")

_CHOICES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("step_kind", STEP_KINDS),
    *(
        (name, tuple(choices))
        for name, choices in (
            ("step_against", StepAgainst),
            ("step_mode", StepMode),
            ("ties", Ties),
            ("tie_ranking", TieRanking),
            ("soft_close_base", CloseBase),
            ("soft_close_scope", CloseScope),
            ("show_rank", ShowRank),
            ("show_lead", Show),
            ("show_own_rank", Show),
            ("show_all_ranks", Show),
            ("show_prices", Show),
            ("show_bidders", Show),
            ("score", Scoring),
            ("one_bidder", OneBidder),
            ("ticker_price", TickerPrice),
            ("lots", LotOrder),
        )
    ),
)
_ALL_RANKS: Final[Mapping[str, str]] = {ShowRank.ALL: Show.ALWAYS}
"""What `show_rank` says of all ranks, where nothing else does."""

_HIDING: Final = {FormatName.VICKREY, FormatName.JAPANESE, FormatName.DUTCH}
_MAY_BE_ABSENT: Final = {"show_all_ranks", "show_prices"}


def faults(request: AuctionRequested, *, now: datetime) -> tuple[str, ...]:
    """Name everything that is wrong with a requested auction; nothing is an empty tuple."""
    rules = request.rules
    return (
        *_faults_of_format(request),
        *_faults_of_choices(rules),
        *_faults_of_numbers(rules),
        *_faults_of_times(request, now),
        *_faults_of_vendors(request),
        *faults_of_prices(request),
        *faults_of_scores(request),
        *_contradictions(request),
    )


def _faults_of_format(request: AuctionRequested) -> Iterator[str]:
    told, allowed = request.rules.format, request.allowed_formats
    if told not in set(FormatName):
        yield f"the format {told!r} is not offered"
    elif allowed is not None and told not in allowed:
        profile = request.policy_profile
        yield f"the policy {profile!r} does not allow the format {told!r}"


def _faults_of_choices(rules: AuctionRules) -> Iterator[str]:
    for name, choices in _CHOICES:
        told = getattr(rules, name)
        if told not in choices and not (told is None and name in _MAY_BE_ABSENT):
            yield f"{name} must be one of {', '.join(choices)}"


def _faults_of_numbers(rules: AuctionRules) -> Iterator[str]:
    if not 0 <= rules.soft_close_window_s <= EXTENSION_S_MAX:
        yield "the soft close's window is out of bounds"
    if not 0 <= rules.soft_close_extension_s <= EXTENSION_S_MAX:
        yield "the soft close's extension is out of bounds"
    if not 0 <= rules.extensions_max <= EXTENSIONS_MAX:
        yield f"at most {EXTENSIONS_MAX} extensions are possible"
    for name, least, most in (
        ("soft_close_rank", 1, RANK_MAX),
        ("hard_stop_s", 0, EXTENSION_S_MAX),
        ("decimals", 0, DECIMALS_MAX),
        ("ties_first", 0, RANK_MAX),
        ("ticker_period_s", 1, PERIOD_S_MAX),
        ("rounds", 1, ROUNDS_MAX),
        ("turn_s", 1, PERIOD_S_MAX),
        ("round_pause_s", 0, PERIOD_S_MAX),
    ):
        told = getattr(rules, name)
        if told is not None and not least <= told <= most:
            yield f"{name} must be from {least} to {most}"


def _faults_of_times(request: AuctionRequested, now: datetime) -> Iterator[str]:
    if request.opens_at >= request.closes_at:
        yield "the auction closes before it opens"
    if request.closes_at <= now:
        yield "the auction's close has passed"


def _faults_of_vendors(request: AuctionRequested) -> Iterator[str]:
    vendors, alone_is_judged = request.vendors, request.rules.one_bidder == OneBidder.REASONABLENESS
    least = 1 if alone_is_judged else VENDORS_MIN
    if len(vendors) < least:
        yield f"an auction needs at least {least} vendor{'s' * (least > 1)}"
    if len(vendors) > VENDORS_MAX:
        yield f"an auction takes at most {VENDORS_MAX} vendors"
    if len({vendor.vendor_id for vendor in vendors}) < len(vendors):
        yield "a vendor is named twice"
    if len({vendor.alias for vendor in vendors}) < len(vendors):
        yield "an alias is given twice"
    if {vendor.alias for vendor in vendors} & {"", "all", "public"}:
        yield "an alias must be a name, and neither 'all' nor 'public'"


# What does not go together ---------------------------------------------------------------------


def _contradictions(request: AuctionRequested) -> Iterator[str]:
    rules = request.rules
    yield from _contradictions_of_close(rules)
    yield from _contradictions_of_sight(rules)
    yield from _contradictions_of_steps(rules)
    if rules.format in {FormatName.JAPANESE, FormatName.DUTCH}:
        yield from _contradictions_of_ticker(rules)
    elif rules.ticker_start or rules.ticker_change or rules.ticker_period_s:
        yield f"the format {rules.format!r} has no ticker"
    if rules.format == FormatName.ROUNDS:
        yield from _contradictions_of_rounds(request)
    elif rules.rounds or rules.turn_s or rules.round_pause_s:
        yield f"the format {rules.format!r} has no rounds"
    yield from _contradictions_of_lots(request)


def _contradictions_of_close(rules: AuctionRules) -> Iterator[str]:
    is_soft = bool(rules.soft_close_window_s and rules.soft_close_extension_s)
    if is_soft and rules.extensions_max and rules.format != FormatName.ENGLISH:
        yield f"the format {rules.format!r} has no soft close"
    if rules.hard_stop_s is not None and rules.format != FormatName.ENGLISH:
        yield f"the format {rules.format!r} has no hard stop beside its close"
    has_window, has_extension = rules.soft_close_window_s > 0, rules.soft_close_extension_s > 0
    is_used = rules.extensions_max > 0 and rules.format == FormatName.ENGLISH
    if is_used and has_extension and not has_window and rules.soft_close_base == CloseBase.RECEIPT:
        yield "an extension from receipt needs a window in which an offer triggers it"


def _contradictions_of_sight(rules: AuctionRules) -> Iterator[str]:
    all_ranks = rules.show_all_ranks or _ALL_RANKS.get(rules.show_rank, Show.NEVER)
    prices = rules.show_prices or Show.NEVER
    if all_ranks == Show.NEVER and rules.show_rank == ShowRank.ALL:
        yield "all ranks are both shown and never shown"
    if all_ranks != Show.NEVER and rules.show_own_rank == Show.NEVER:
        yield "all ranks show a vendor's own rank, which is never shown"
    if prices != Show.NEVER:
        yield from _contradictions_of_public_prices(rules, all_ranks)
    if rules.format in _HIDING:
        for what, told in (
            ("the lead price", rules.show_lead),
            ("all prices", prices),
            ("all ranks", all_ranks),
        ):
            if told != Show.NEVER:
                yield f"the format {rules.format!r} shows {what} to nobody before the close"


def _contradictions_of_public_prices(rules: AuctionRules, all_ranks: str) -> Iterator[str]:
    if all_ranks == Show.NEVER:
        yield "feedback by own rank only does not go with public prices"
    if rules.show_lead == Show.NEVER:
        yield "public prices show the lead price, which is never shown"
    if rules.score != Scoring.PRICE:
        yield "where scores count, others' prices would give handicaps away"


def _contradictions_of_steps(rules: AuctionRules) -> Iterator[str]:
    if rules.step_mode == StepMode.MULTIPLE and rules.step_kind == "percent":
        yield "a percentage has no multiples: its amount changes with the price"
    if (rules.step_kind == "bands") != bool(rules.step_bands):
        yield "a table of bands goes with a step by bands, and only with it"
    if rules.ties == Ties.NONE_AMONG_FIRST and rules.ties_first < 1:
        yield "ties excluded among the first ranks need to know how many"
    if rules.ties != Ties.ALLOWED and rules.format in _HIDING:
        yield f"ties cannot be excluded in the format {rules.format!r}: nobody sees the others"
    if rules.proxies:
        yield from _contradictions_of_proxies(rules)


def _contradictions_of_proxies(rules: AuctionRules) -> Iterator[str]:
    if rules.format != FormatName.ENGLISH:
        yield f"the format {rules.format!r} has no proxies"
    if rules.step_mode == StepMode.MULTIPLE:
        yield "proxies do not go with exact multiples: a limit need not be one"
    if rules.step_max is not None:
        yield "proxies do not go with a largest step: they may have far to go"


def _contradictions_of_ticker(rules: AuctionRules) -> Iterator[str]:
    for name in ("ticker_start", "ticker_change", "ticker_period_s"):
        if getattr(rules, name) is None:
            yield f"the format {rules.format!r} needs {name}"
    if rules.score != Scoring.PRICE:
        yield "a ticker names one price to all; scores do not go with it"
    if rules.format == FormatName.DUTCH and rules.ticker_price != TickerPrice.OWN:
        yield "the first to accept a rising price has no runner-up"


def _contradictions_of_rounds(request: AuctionRequested) -> Iterator[str]:
    rules = request.rules
    if rules.step_against != StepAgainst.OWN:
        yield "in rounds the step is against the vendor's own price"
    if rules.rounds is None or rules.turn_s is None or rules.round_pause_s is None:
        yield "rounds need rounds, turn_s and round_pause_s"
        return
    turns_s = rules.rounds * rules.turn_s * len(request.vendors)
    needed = timedelta(seconds=turns_s + (rules.rounds - 1) * rules.round_pause_s)
    if request.closes_at - request.opens_at < needed:
        yield f"the rounds need {needed} from the opening to the close"


def _contradictions_of_lots(request: AuctionRequested) -> Iterator[str]:
    rules = request.rules
    is_alone = request.group_id is None
    if rules.lots != LotOrder.PARALLEL and (is_alone or request.position is None):
        yield f"{rules.lots} lots need their group and their order"
    if request.position is not None and request.position < 1:
        yield "lots are counted from 1"
    if rules.soft_close_scope == CloseScope.ALL and is_alone:
        yield "an extension of all lots needs their group"
    if rules.extension_moves_next and rules.lots == LotOrder.PARALLEL:
        yield "parallel lots have none behind them that an extension could move"
