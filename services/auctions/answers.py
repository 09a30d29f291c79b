"""Render what the auctions service answers and streams."""

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TypedDict
from uuid import UUID

from services.auctions.domain.facts import OfferPlaced, OfferSealed
from services.auctions.domain.picture import Own, Picture, Seen
from services.auctions.domain.ruleset import Rules
from services.auctions.draft import Done
from shared.domain.money import Currency, UnitPrice
from shared.web.fields import AnswerModel


class BandAnswer(AnswerModel):
    """The step against a price strictly above `above`."""

    above: str
    step: str


class RulesAnswer(AnswerModel):
    """The rules of an auction, fixed before it opened; their words are the request's."""

    format: str
    step: str
    step_kind: str
    step_against: str
    step_mode: str
    step_bands: list[BandAnswer]
    step_min: str | None
    step_max: str | None
    ties: str
    ties_first: int
    tie_ranking: str
    soft_close_window_s: int
    soft_close_extension_s: int
    soft_close_base: str
    soft_close_rank: int | None
    soft_close_scope: str
    extensions_max: int
    hard_stop_s: int | None
    lots: str
    extension_moves_next: bool
    show_rank: str
    show_lead: str
    show_own_rank: str
    show_all_ranks: str
    show_prices: str | None
    show_bidders: str
    proxies: bool
    score: str
    ceiling: str | None
    decimals: int
    one_bidder: str
    ticker_start: str | None
    ticker_change: str | None
    ticker_period_s: int | None
    ticker_price: str | None
    rounds: int | None
    turn_s: int | None
    round_pause_s: int | None


class LeadAnswer(AnswerModel):
    """The lead, as far as the caller may see it."""

    alias: str | None
    unit_price: str | None


class RankAnswer(AnswerModel):
    """One line of the ranking; the price only where the caller may see it."""

    alias: str
    rank: int
    unit_price: str | None


class RecentAnswer(AnswerModel):
    """One of the last offers."""

    seq: int
    alias: str
    unit_price: str
    at: datetime


class OwnAnswer(AnswerModel):
    """Where the calling vendor stands, as far as the rules let it know.

    `sealed_price` is what it offered and nobody else may see yet. `still_in` and `accepted` are
    there with a ticker, `is_turn` with rounds.
    """

    alias: str
    rank: int | None
    unit_price: str | None
    price_to_beat: str | None
    sealed_price: str | None
    still_in: bool | None
    accepted: bool | None
    is_turn: bool | None


class ProgressAnswer(AnswerModel):
    """A ticker's level, or a round and whose turn it is, and until when."""

    ends_at: datetime
    level: str | None
    round: int | None
    turn_of: str | None


class AuctionAnswer(AnswerModel):
    """An auction as the caller may see it; `seq` is its log's last sequence.

    `closes_at` is the close that was set, `ended_at` the instant at which the auction was closed or
    cancelled; `cancel_reason` says why it was cancelled.
    """

    id: UUID
    lot_id: UUID
    rfp_id: UUID
    title: str
    unit: str
    quantity: str
    currency: str
    status: str
    opens_at: datetime
    closes_at: datetime
    rules: RulesAnswer
    extensions: int
    offers: int
    seq: int
    lead: LeadAnswer | None
    ranks: list[RankAnswer] | None
    recent: list[RecentAnswer]
    own: OwnAnswer | None
    bidders: int | None
    progress: ProgressAnswer | None
    resumes_at: datetime | None
    pause_reason: str | None
    ended_at: datetime | None
    cancel_reason: str | None
    saving: str | None
    outcome: str | None
    winner: str | None
    contract_price: str | None
    reserve_met: bool | None
    is_practice: bool
    server_time: datetime


class StandingAnswer(OwnAnswer):
    """Where the calling vendor stands, and the highest price that it could offer now."""

    auction_id: UUID
    status: str
    lead_price: str | None
    progress: ProgressAnswer | None
    closes_at: datetime
    seq: int
    server_time: datetime


class ActAnswer(AnswerModel):
    """An act that stands in the log: `seq` and `hash` are its place there, for good."""

    auction_id: UUID
    seq: int
    hash: str
    at: datetime
    type: str
    status: str
    closes_at: datetime


class OfferAnswer(AnswerModel):
    """An offer that stands in the log: `seq` and `hash` are its place there, for good.

    `rank`, `lead_price` and `closes_at` are as of the offer, `price_to_beat` as of the answer. So
    is `lead_price` where scores count: there it is the lead as the vendor's own price would have to
    be. What the rules hide from the vendor is null, as is all that a sealed offer does not tell.
    """

    auction_id: UUID
    seq: int
    hash: str
    at: datetime
    unit_price: str
    rank: int | None
    lead_price: str | None
    price_to_beat: str | None
    closes_at: datetime


def auction_answer(
    picture: Picture, seen: Seen, *, now: datetime, is_practice: bool = False
) -> AuctionAnswer:
    """Render a picture as one audience sees it."""
    terms = picture.terms
    has_lead = seen.lead_price is not None or seen.lead_alias is not None
    return AuctionAnswer(
        id=terms.id,
        lot_id=terms.lot_id,
        rfp_id=terms.rfp_id,
        title=terms.title,
        unit=terms.unit,
        quantity=f"{terms.quantity.normalize():f}",
        currency=terms.currency,
        status=seen.status,
        opens_at=picture.opens_at or terms.opens_at,
        closes_at=seen.closes_at,
        rules=_rules_answer(terms.rules, terms.currency),
        extensions=seen.extensions,
        offers=seen.offers,
        seq=seen.sequence,
        lead=LeadAnswer(alias=seen.lead_alias, unit_price=seen.lead_price) if has_lead else None,
        ranks=[RankAnswer.model_validate(row, from_attributes=True) for row in seen.ranks] or None,
        recent=[
            RecentAnswer(seq=one.sequence, alias=one.alias, unit_price=one.unit_price, at=one.at)
            for one in seen.recent
        ],
        own=OwnAnswer.model_validate(seen.own, from_attributes=True) if seen.own else None,
        bidders=seen.bidders,
        progress=_progress_answer(seen),
        resumes_at=picture.resumes_at,
        pause_reason=picture.pause_reason,
        ended_at=picture.ended_at,
        cancel_reason=picture.cancel_reason,
        saving=seen.saving,
        outcome=seen.outcome,
        winner=seen.winner,
        contract_price=seen.contract_price,
        reserve_met=seen.reserve_met,
        is_practice=is_practice,
        server_time=now,
    )


def standing_answer(picture: Picture, seen: Seen, own: Own, *, now: datetime) -> StandingAnswer:
    """Render where a vendor stands."""
    return StandingAnswer(
        **OwnAnswer.model_validate(own, from_attributes=True).model_dump(),
        auction_id=picture.terms.id,
        status=seen.status,
        lead_price=seen.lead_price,
        progress=_progress_answer(seen),
        closes_at=seen.closes_at,
        seq=seen.sequence,
        server_time=now,
    )


def act_answer(done: Done) -> ActAnswer:
    """Render the answer to an act."""
    after, written = done.after, done.written
    return ActAnswer(
        auction_id=done.auction_id,
        seq=written.sequence,
        hash=written.hash.hex(),
        at=written.at,
        type=written.fact.TYPE,
        status=after.status,
        closes_at=after.closes_at,
    )


def offer_answer(done: Done, price: UnitPrice) -> OfferAnswer:
    """Render the answer to an offer of `price`: one that all may know of, or a sealed one."""
    after, written, offer = done.after, done.written, done.written.fact
    if not isinstance(offer, (OfferPlaced, OfferSealed)):
        sentence = f"an offer was answered with {type(offer).__name__}"
        raise TypeError(sentence)
    rank, lead, closes_at = None, None, after.closes_at
    if isinstance(offer, OfferPlaced):
        rank = offer.rank if after.sees_rank else None
        # Another's own price beside what it is to the vendor would give its handicap away.
        lead = (after.own_lead or offer.lead) if after.sees_lead else None
        closes_at = offer.closes_at
    return OfferAnswer(
        auction_id=done.auction_id,
        seq=written.sequence,
        hash=written.hash.hex(),
        at=written.at,
        unit_price=offer.price if isinstance(offer, OfferPlaced) else str(price),
        rank=rank,
        lead_price=lead,
        price_to_beat=after.price_to_beat,
        closes_at=closes_at,
    )


def _progress_answer(seen: Seen) -> ProgressAnswer | None:
    if seen.progress is None:
        return None
    return ProgressAnswer.model_validate(seen.progress, from_attributes=True)


def _rules_answer(rules: Rules, currency: Currency) -> RulesAnswer:
    ticker, turns = rules.ticker, rules.turns
    return RulesAnswer(
        format=rules.format,
        **_step_members(rules, currency),
        ties=rules.ties,
        ties_first=rules.ties_first,
        tie_ranking=rules.tie_ranking,
        **_close_members(rules),
        lots=rules.lots,
        extension_moves_next=rules.extension_moves_next,
        show_rank=rules.show_rank,
        show_lead=rules.show_lead,
        show_own_rank=rules.show_own_rank,
        show_all_ranks=rules.all_ranks,
        show_prices=rules.show_prices,
        show_bidders=rules.show_bidders,
        proxies=rules.proxies,
        score=rules.score,
        ceiling=_price(rules.ceiling_e4, currency),
        decimals=rules.decimals,
        one_bidder=rules.one_bidder,
        ticker_start=_price(ticker.start_e4, currency) if ticker else None,
        ticker_change=_price(ticker.change_e4, currency) if ticker else None,
        ticker_period_s=_seconds(ticker.period) if ticker else None,
        ticker_price=ticker.price if ticker else None,
        rounds=turns.rounds if turns else None,
        turn_s=_seconds(turns.turn) if turns else None,
        round_pause_s=_seconds(turns.pause) if turns else None,
    )


class _StepMembers(TypedDict):
    step: str
    step_kind: str
    step_against: str
    step_mode: str
    step_bands: list[BandAnswer]
    step_min: str | None
    step_max: str | None


def _step_members(rules: Rules, currency: Currency) -> _StepMembers:
    percent = rules.step_percent
    kind = "percent" if percent is not None else "bands" if rules.bands else "amount"
    least = _price(rules.step_min_e4, currency) if rules.step_min_e4 else None
    return _StepMembers(
        step=_percent(percent) if percent is not None else _text(rules.step_e4, currency),
        step_kind=kind,
        step_against=rules.step_against,
        step_mode=rules.step_mode,
        step_bands=[
            BandAnswer(above=_text(band.above_e4, currency), step=_text(band.step_e4, currency))
            for band in rules.bands
        ],
        step_min=least,
        step_max=_price(rules.step_max_e4, currency),
    )


class _CloseMembers(TypedDict):
    soft_close_window_s: int
    soft_close_extension_s: int
    soft_close_base: str
    soft_close_rank: int | None
    soft_close_scope: str
    extensions_max: int
    hard_stop_s: int | None


def _close_members(rules: Rules) -> _CloseMembers:
    return _CloseMembers(
        soft_close_window_s=_seconds(rules.soft_close_window),
        soft_close_extension_s=_seconds(rules.soft_close_extension),
        soft_close_base=rules.soft_close_base,
        soft_close_rank=rules.soft_close_rank,
        soft_close_scope=rules.soft_close_scope,
        extensions_max=rules.extensions_max,
        hard_stop_s=_seconds(rules.hard_stop) if rules.hard_stop is not None else None,
    )


def _percent(percent: Fraction) -> str:
    """Write a percentage as the decimal that it was read from."""
    return f"{Decimal(percent.numerator) / Decimal(percent.denominator):f}"


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())


def _price(price_e4: int | None, currency: Currency) -> str | None:
    return None if price_e4 is None else _text(price_e4, currency)


def _text(price_e4: int, currency: Currency) -> str:
    return str(UnitPrice(price_e4, currency))
