"""Tell when an auction closes once an offer was taken late."""

from datetime import datetime

from services.auctions.domain.ruleset import CloseBase
from services.auctions.domain.state import State


def close_after(state: State, *, rank: int, at: datetime) -> datetime:
    """Tell the close once an offer that came to `rank` was taken at `at`.

    The window is closed at its beginning: an offer exactly `soft_close_window` before the close
    moves it. A close never moves to an earlier instant, nor past the hard stop.
    """
    rules, closes_at = state.terms.rules, state.closes_at
    is_late = at >= closes_at - rules.soft_close_window
    if not is_late or not rules.soft_close_extension or state.extensions >= rules.extensions_max:
        return closes_at
    if rules.soft_close_rank is not None and rank > rules.soft_close_rank:
        return closes_at
    base = closes_at if rules.soft_close_base is CloseBase.CLOSE else at
    return max(closes_at, not_past_hard_stop(state, base + rules.soft_close_extension))


def not_past_hard_stop(state: State, closes_at: datetime) -> datetime:
    """Bring a close back to the hard stop, if there is one before it."""
    return closes_at if state.hard_stop_at is None else min(closes_at, state.hard_stop_at)
