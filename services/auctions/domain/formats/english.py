"""Run an English reverse auction: open offers, each better than the last, until a soft close."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, NamedTuple

from services.auctions.domain import facts
from services.auctions.domain.board import Board
from services.auctions.domain.commands import Step
from services.auctions.domain.formats.format import Format, Offer, ProxyWish
from services.auctions.domain.proxies import answers_of
from services.auctions.domain.refused import LimitTooHigh, ProxyUnknown
from services.auctions.domain.secrecy import committed
from services.auctions.domain.soft_close import close_after
from services.auctions.domain.state import Proxy, State
from shared.domain.money import UnitPrice

LIMIT_NAME: Final = "limit"


class _Taken(NamedTuple):
    """An offer, the rank that it comes to, and the lead after it."""

    offer: Offer
    rank: int
    lead_e4: int
    by_proxy: bool | None


@dataclass(slots=True)
class English(Format):
    """Vendors offer at any time; each offer stands at once."""

    stands_at_opening: ClassVar[bool] = True

    def place(self, state: State, offer: Offer, *, at: datetime) -> tuple[Step, ...]:
        """Decide on an offer, with what proxies answer to it."""
        board = state.board
        board.check(offer.alias, offer.price_e4)
        taken = _taken(board, offer)
        if not state.proxies:
            return _told(state, [taken], at)
        trial = board.copy()
        trial.stand(offer.alias, offer.price_e4, state.sequence + 1)
        return _told(state, [taken, *_answered(state, trial, list(state.proxies.values()))], at)

    def set_proxy(self, state: State, wish: ProxyWish, *, at: datetime) -> tuple[Step, ...]:
        """Decide on a proxy, new or in place of an earlier one; beaten, it answers at once.

        Raises:
            ProxiesNotAllowed: The rules know none.
            PriceTooFine, OfferTooHigh, OfferTooLow: The limit could never be offered.
            LimitTooHigh: The limit is not below what the vendor stands at.
        """
        board, currency = state.board, state.terms.currency
        if not state.terms.rules.proxies:
            raise self._no_proxies()
        board.check_form(wish.limit_e4)
        board.check_form(min(wish.decrement_e4, wish.limit_e4))
        own = board.standings.get(wish.alias)
        if own is not None and wish.limit_e4 >= own.price_e4:
            sentence = "A proxy's limit must be below what you stand at."
            raise LimitTooHigh(sentence)
        commitment, secret = committed(
            LIMIT_NAME, str(UnitPrice(wish.limit_e4, currency)), wish.salt
        )
        decrement = str(UnitPrice(wish.decrement_e4, currency))
        fact = facts.ProxySet(alias=wish.alias, decrement=decrement, limit_commitment=commitment)
        proxy = Proxy(wish.alias, wish.limit_e4, wish.decrement_e4, state.sequence + 1)
        others = [one for one in state.proxies.values() if one.alias != wish.alias]
        answers = _answered(state, board, [*others, proxy])
        return (Step(fact, secret), *_told(state, answers, at))

    def cancel_proxy(self, state: State, alias: str) -> tuple[Step, ...]:
        """Decide on the end of a proxy.

        Raises:
            ProxyUnknown: The vendor has set none.
        """
        if alias not in state.proxies:
            sentence = "You have set no proxy."
            raise ProxyUnknown(sentence)
        return (Step(facts.ProxyCancelled(alias=alias)),)


def proxies_answer(
    state: State, board: Board, *, at: datetime, without: str | None = None
) -> tuple[Step, ...]:
    """Let the proxies, but for one alias's, answer to a board that an act has led to."""
    proxies = [one for one in state.proxies.values() if one.alias != without]
    return _told(state, _answered(state, board, proxies), at)


def _answered(state: State, board: Board, proxies: list[Proxy]) -> list[_Taken]:
    """Tell the proxies' offers, each with the rank to which it comes."""
    trial, taken = board.copy(), list[_Taken]()
    for alias, price_e4 in answers_of(board, proxies):
        taken.append(_taken(trial, Offer(alias, price_e4, b""), by_proxy=True))
        trial.stand(alias, price_e4, state.sequence + 1 + len(taken))
    return taken


def _taken(board: Board, offer: Offer, *, by_proxy: bool | None = None) -> _Taken:
    rank = board.rank_with(offer.alias, offer.price_e4)
    leader = board.leader
    score = board.scales[offer.alias].score(offer.price_e4)
    leads = leader is None or score < leader.score or leader.alias == offer.alias
    lead_e4 = offer.price_e4 if leader is None or leads else leader.price_e4
    return _Taken(offer, rank, lead_e4, by_proxy)


def _told(state: State, taken: list[_Taken], at: datetime) -> tuple[Step, ...]:
    """State offers of one instant; together they move the close at most once."""
    if not taken:
        return ()
    closes_at = close_after(state, rank=min(one.rank for one in taken), at=at)
    steps = [Step(_fact(state, one, closes_at)) for one in taken]
    if closes_at != state.closes_at:
        steps.append(Step(facts.Extended(closes_at=closes_at)))
    return tuple(steps)


def _fact(state: State, taken: _Taken, closes_at: datetime) -> facts.OfferPlaced:
    currency, offer = state.terms.currency, taken.offer
    price = str(UnitPrice(offer.price_e4, currency))
    leads = taken.lead_e4 == offer.price_e4
    return facts.OfferPlaced(
        alias=offer.alias,
        price=price,
        rank=taken.rank,
        lead=price if leads else str(UnitPrice(taken.lead_e4, currency)),
        closes_at=closes_at,
        by_proxy=taken.by_proxy,
        surrogate_reason=offer.surrogate_reason,
    )
