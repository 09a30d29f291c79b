"""Tell how an auction ends: the ranking, who won, and at what price."""

from dataclasses import dataclass
from typing import Final

from services.auctions.domain import facts
from services.auctions.domain.commands import Step
from services.auctions.domain.ruleset import OneBidder
from services.auctions.domain.state import State
from shared.domain.money import UnitPrice

WON: Final = "won"
REASONABLENESS: Final = "reasonableness"
RESERVE_NOT_MET: Final = "reserve_not_met"
NO_OFFER: Final = "no_offer"

ALONE: Final = "Only one vendor stood at the close."


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an auction, as it will be told."""

    ranking: tuple[facts.Place, ...]
    outcome: str
    winner: str | None = None
    price_e4: int | None = None
    reserve_met: bool | None = None


def places(state: State) -> tuple[facts.Place, ...]:
    """List all standings, best first, each at the price that it offered."""
    board = state.board
    return tuple(
        facts.Place(alias=one.alias, rank=rank, price=_text(state, one.price_e4))
        for one, rank in zip(board.ranking(), board.ranks(), strict=True)
    )


def outcome_of(state: State, *, price_e4: int | None = None) -> Outcome:
    """Let the best win at the price that it offered, or at `price_e4`, within the reserve."""
    ranking, best, reserve_e4 = places(state), state.lead(), state.terms.reserve_e4
    if not ranking:
        return Outcome((), NO_OFFER)
    met = None if reserve_e4 is None else best.price_e4 <= reserve_e4
    if met is False:
        return Outcome(ranking, RESERVE_NOT_MET, reserve_met=met)
    paid_e4 = best.price_e4 if price_e4 is None else price_e4
    outcome = REASONABLENESS if len(ranking) == 1 else WON
    return Outcome(ranking, outcome, best.alias, paid_e4, met)


def closing(
    state: State, end: Outcome, revealed: tuple[facts.Revealed, ...] = ()
) -> tuple[Step, ...]:
    """Close the auction; or cancel it, where one vendor alone is not enough."""
    if end.outcome == REASONABLENESS and state.terms.rules.one_bidder is OneBidder.CANCEL:
        return (Step(facts.Cancelled(reason=ALONE)),)
    closed = facts.Closed(
        ranking=end.ranking,
        outcome=end.outcome,
        winner=end.winner,
        price=None if end.price_e4 is None else _text(state, end.price_e4),
        reserve_met=end.reserve_met,
        revealed=revealed,
    )
    return (Step(closed),)


def _text(state: State, price_e4: int) -> str:
    return str(UnitPrice(price_e4, state.terms.currency))
