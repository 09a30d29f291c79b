"""Decide on what the buyer does to an auction, and on what the house does to its times."""

from datetime import datetime, timedelta

from services.auctions.domain import facts
from services.auctions.domain.commands import (
    ExtendAuction,
    GiveBack,
    MoveClose,
    PauseAuction,
    ResumeAuction,
    Step,
    VoidOffer,
)
from services.auctions.domain.formats.english import proxies_answer
from services.auctions.domain.formats.format import Format
from services.auctions.domain.refused import (
    AuctionNotOpen,
    AuctionNotPaused,
    CloseNotMoved,
    CommandNotInFormat,
    OfferUnknown,
    ResumptionPast,
)
from services.auctions.domain.soft_close import not_past_hard_stop
from services.auctions.domain.state import State
from services.auctions.domain.terms import Status

MILLISECOND = timedelta(milliseconds=1)


def pause(state: State, command: PauseAuction, *, at: datetime) -> tuple[Step, ...]:
    """Decide on a pause, which keeps the time that is left.

    Raises:
        AuctionNotOpen, AuctionOver, AuctionPaused: The auction's time does not run.
    """
    state.require_running(at)
    return (Step(facts.Paused(reason=command.reason)),)


def resume(state: State, command: ResumeAuction, *, at: datetime) -> tuple[Step, ...]:
    """Decide on the end of a pause: now, or at an instant to come, which may be set anew.

    Raises:
        AuctionOver: It is closed or cancelled.
        AuctionNotPaused: It is not paused.
        ResumptionPast: The instant has passed.
    """
    state.require_not_over()
    if state.paused_at is None:
        sentence = "This auction is not paused."
        raise AuctionNotPaused(sentence)
    resumes_at = command.resumes_at
    if resumes_at is None:
        return resumed(state, at, command.reason)
    if resumes_at <= at:
        sentence = "An auction is resumed now, or at an instant to come."
        raise ResumptionPast(sentence)
    return (Step(facts.ResumptionSet(resumes_at=resumes_at, reason=command.reason)),)


def resumed(state: State, at: datetime, reason: str) -> tuple[Step, ...]:
    """State that the time runs on from `at`, with as much left as there was."""
    paused_for = at - (state.paused_at or at)
    return (Step(facts.Resumed(closes_at=state.closes_at + paused_for, reason=reason)),)


def extend(
    state: State, auction_format: Format, command: ExtendAuction, *, at: datetime
) -> tuple[Step, ...]:
    """Decide on a later close.

    Raises:
        AuctionOver: It is closed or cancelled.
        CommandNotInFormat: The format's turns say when it closes.
        CloseNotMoved: The instant is not later than the close, or past the hard stop.
    """
    _require_movable(state, auction_format, at)
    closes_at = command.closes_at
    if closes_at <= state.closes_at or closes_at != not_past_hard_stop(state, closes_at):
        raise _not_moved(state)
    return (Step(facts.ExtendedByBuyer(closes_at=closes_at, reason=command.reason)),)


def move(
    state: State, auction_format: Format, command: MoveClose, *, at: datetime
) -> tuple[Step, ...]:
    """Decide on times that move with another lot's; asked twice, it moves them once.

    Raises:
        AuctionOver: It is closed or cancelled.
        CommandNotInFormat: The format's turns say when it closes.
        CloseNotMoved: The close is there or later already, or the hard stop stands before it.
    """
    _require_movable(state, auction_format, at)
    closes_at = not_past_hard_stop(state, command.closes_at)
    opens_at = state.opens_at
    if command.opens_at is not None and state.status is Status.SCHEDULED:
        opens_at = max(opens_at, command.opens_at)
        # A lot that has not opened keeps its whole time: its hard stop moves with it.
        closes_at = command.closes_at
    if closes_at <= state.closes_at:
        raise _not_moved(state)
    return (Step(facts.Moved(opens_at=opens_at, closes_at=closes_at, reason=command.reason)),)


def give_back(
    state: State, auction_format: Format, command: GiveBack, *, at: datetime
) -> tuple[Step, ...]:
    """Decide on giving back the time for which nobody wrote the auction.

    It must come before what time has brought about meanwhile. Where nobody was there at the
    opening, the auction begins now; a ticker's level begins anew.

    Raises:
        AuctionOver: It is closed or cancelled.
        AuctionPaused: Its time did not run.
        AuctionNotOpen: It was not due yet.
    """
    state.require_not_over()
    if state.status is Status.PAUSED:
        state.require_running(at)
    since_opening = at - state.opens_at
    is_begun = state.status is Status.LIVE and auction_format.has_begun
    away = min(command.away, since_opening) if is_begun else since_opening
    lost = away - away % MILLISECOND
    if lost <= timedelta(0):
        sentence = "The auction was not away while its time ran."
        raise AuctionNotOpen(sentence)
    given = facts.TimeGivenBack(
        away_ms=lost // MILLISECOND,
        opens_at=state.opens_at if is_begun else state.opens_at + lost,
        closes_at=state.closes_at + lost,
        level_ends_at=auction_format.restarts_until(at),
    )
    return (Step(given),)


def void(
    state: State, auction_format: Format, command: VoidOffer, *, at: datetime
) -> tuple[Step, ...]:
    """Decide on taking out an offer; proxies answer to what is left.

    Raises:
        AuctionOver: It is closed or cancelled.
        OfferUnknown: No such offer counts.
    """
    state.require_not_over()
    alias = auction_format.voidable(state, command.offer)
    if alias is None:
        sentence = f"There is no offer {command.offer} that counts."
        raise OfferUnknown(sentence)
    voided = Step(facts.OfferVoided(alias=alias, offer=command.offer, reason=command.reason))
    if not state.proxies or state.status is not Status.LIVE or at >= state.closes_at:
        return (voided,)
    trial = state.board.without(alias, command.offer)
    return (voided, *proxies_answer(state, trial, at=at, without=alias))


def _require_movable(state: State, auction_format: Format, at: datetime) -> None:
    state.require_not_over()
    if state.status is Status.LIVE:
        state.require_running(at)
    if not auction_format.is_extensible:
        sentence = "The turns say when this auction closes."
        raise CommandNotInFormat(sentence)


def _not_moved(state: State) -> CloseNotMoved:
    stop = state.hard_stop_at
    until = "" if stop is None else f" and not after {stop:%Y-%m-%d %H:%M:%S} UTC"
    sentence = f"The close must be later than {state.closes_at:%Y-%m-%d %H:%M:%S} UTC{until}."
    return CloseNotMoved(sentence)
