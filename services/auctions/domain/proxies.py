"""Let proxies answer: on being beaten, a proxy offers less than the best, within its limit.

Where several proxies stand against each other they settle at once, by their scores: each weaker
one goes to its limit if it would still lead there, and the strongest has the last word, its
decrement below that. It is where bidding against each other leads them, without the thousands of
offers between. Where no stronger one beats a limit by the step, equal limits among them, the proxy
that was set first leads at its own limit.
"""

from collections.abc import Sequence

from services.auctions.domain.board import Board
from services.auctions.domain.state import Proxy

Answer = tuple[str, int]
"""An alias and the price that its proxy offers."""


def answers_of(board: Board, proxies: Sequence[Proxy]) -> list[Answer]:
    """Tell what the proxies offer now, in order; the board stays as it is."""
    trial = board.copy()
    # Later among equals is weaker, so that the equal price stays with the earlier.
    ranked = sorted(proxies, key=lambda one: (-_score_at_limit(board, one), -one.order))
    able = [proxy for proxy in ranked if _leads_at(trial, proxy, proxy.limit_e4)]
    answers = list[Answer]()
    for place, weaker in enumerate(able[:-1], start=1):
        answers += _driven(trial, weaker, able[place:])
    for proxy in reversed(able):
        price_e4 = _answer(trial, proxy)
        if price_e4:
            answers.append(_stand(trial, proxy, price_e4))
    return answers


def _driven(trial: Board, weaker: Proxy, stronger: Sequence[Proxy]) -> list[Answer]:
    """Drive a weaker proxy to its limit, if it leads there before a stronger one answers."""
    if not _leads_at(trial, weaker, weaker.limit_e4):
        return []
    tried = trial.copy()
    _stand(tried, weaker, weaker.limit_e4)
    if any(_answer(tried, proxy) for proxy in stronger):
        return [_stand(trial, weaker, weaker.limit_e4)]
    rivals = [one for one in (weaker, *stronger) if _leads_at(trial, one, one.limit_e4)]
    first = min(rivals, key=lambda one: one.order)
    return [_stand(trial, first, first.limit_e4)]


def _answer(board: Board, proxy: Proxy) -> int:
    """Tell what a proxy offers now: its decrement below the best, or its limit; 0 is nothing."""
    leader = board.leader
    if leader is not None and leader.alias == proxy.alias:
        return 0
    price_e4 = board.bound(proxy.alias).highest_e4
    if leader is not None:
        best_e4 = board.scales[proxy.alias].price_at(leader.score)
        price_e4 = min(price_e4, best_e4 - proxy.decrement_e4)
    price_e4 = max(price_e4 - price_e4 % board.rules.tick_e4, proxy.limit_e4)
    while price_e4 > proxy.limit_e4 and board.is_tied(proxy.alias, price_e4):
        price_e4 -= board.rules.tick_e4
    return price_e4 if _leads_at(board, proxy, price_e4) else 0


def _leads_at(board: Board, proxy: Proxy, price_e4: int) -> bool:
    """Whether the rules admit this offer now, and it would lead."""
    leader, alias = board.leader, proxy.alias
    if leader is not None and board.scales[alias].score(price_e4) >= leader.score:
        return False
    return price_e4 <= board.bound(alias).highest_e4 and not board.is_tied(alias, price_e4)


def _stand(trial: Board, proxy: Proxy, price_e4: int) -> Answer:
    """Let the proxy stand there, after all others; its true place is the log's to give."""
    order = 1 + max((one.order for one in trial.standings.values()), default=0)
    trial.stand(proxy.alias, price_e4, order)
    return proxy.alias, price_e4


def _score_at_limit(board: Board, proxy: Proxy) -> int:
    return board.scales[proxy.alias].score(proxy.limit_e4)
