"""Read the rules of a requested auction, once `faults` has found nothing wrong with it."""

from datetime import timedelta

from services.auctions.domain.amounts import percent_of, share_of
from services.auctions.domain.checks import (
    EXTENSION_S_MAX,
    EXTENSIONS_MAX,
    VENDORS_MAX,
    VENDORS_MIN,
    faults,
)
from services.auctions.domain.ruleset import (
    Band,
    CloseBase,
    CloseScope,
    FormatName,
    LotOrder,
    OneBidder,
    Rules,
    Scoring,
    Show,
    ShowLead,
    ShowRank,
    StepAgainst,
    StepMode,
    TickerPrice,
    TickerRules,
    TieRanking,
    Ties,
    TurnRules,
)
from shared.domain.money import Currency, UnitPrice
from shared.events.bids import AuctionRequested, AuctionRules

__all__ = [
    "EXTENSIONS_MAX",
    "EXTENSION_S_MAX",
    "VENDORS_MAX",
    "VENDORS_MIN",
    "Rules",
    "ShowLead",
    "ShowRank",
    "StepAgainst",
    "faults",
    "read_rules",
    "rules_of",
]


def rules_of(request: AuctionRequested) -> Rules:
    """Read the rules of a request in which `faults` found nothing wrong."""
    return read_rules(request.rules, Currency(request.currency))


def read_rules(told: AuctionRules, currency: Currency) -> Rules:
    """Read published rules that are whole and without contradiction."""
    is_percent = told.step_kind == "percent"
    return Rules(
        format=FormatName(told.format),
        step_e4=0 if is_percent else UnitPrice.parse(told.step, currency).e4,
        step_percent=percent_of(told.step) if is_percent else None,
        bands=tuple(
            Band(UnitPrice.parse(band.above, currency).e4, UnitPrice.parse(band.step, currency).e4)
            for band in told.step_bands
        ),
        step_against=StepAgainst(told.step_against),
        step_mode=StepMode(told.step_mode),
        step_min_e4=_e4(told.step_min, currency) or 0,
        step_max_e4=_e4(told.step_max, currency),
        ties=Ties(told.ties),
        ties_first=told.ties_first,
        tie_ranking=TieRanking(told.tie_ranking),
        soft_close_window=timedelta(seconds=told.soft_close_window_s),
        soft_close_extension=timedelta(seconds=told.soft_close_extension_s),
        extensions_max=told.extensions_max,
        soft_close_base=CloseBase(told.soft_close_base),
        soft_close_rank=told.soft_close_rank,
        soft_close_scope=CloseScope(told.soft_close_scope),
        hard_stop=_seconds(told.hard_stop_s),
        show_rank=ShowRank(told.show_rank),
        show_lead=Show(told.show_lead),
        show_own_rank=Show(told.show_own_rank),
        show_all_ranks=_show(told.show_all_ranks),
        show_prices=_show(told.show_prices),
        show_bidders=Show(told.show_bidders),
        proxies=told.proxies,
        score=Scoring(told.score),
        feature_maxima=tuple(share_of(one) for one in told.feature_maxima),
        ceiling_e4=_e4(told.ceiling, currency),
        decimals=told.decimals,
        one_bidder=OneBidder(told.one_bidder),
        ticker=_ticker(told, currency),
        turns=_turns(told),
        lots=LotOrder(told.lots),
        extension_moves_next=told.extension_moves_next,
    )


def _ticker(told: AuctionRules, currency: Currency) -> TickerRules | None:
    start, change = _e4(told.ticker_start, currency), _e4(told.ticker_change, currency)
    period = _seconds(told.ticker_period_s)
    if start is None or change is None or period is None:
        return None
    return TickerRules(start, change, period, TickerPrice(told.ticker_price))


def _turns(told: AuctionRules) -> TurnRules | None:
    turn, pause = _seconds(told.turn_s), _seconds(told.round_pause_s)
    if told.rounds is None or turn is None or pause is None:
        return None
    return TurnRules(told.rounds, turn, pause)


def _e4(text: str | None, currency: Currency) -> int | None:
    return None if text is None else UnitPrice.parse(text, currency).e4


def _seconds(told: int | None) -> timedelta | None:
    return None if told is None else timedelta(seconds=told)


def _show(told: str | None) -> Show | None:
    return None if told is None else Show(told)
