"""Check a history against the log: what was acknowledged is there, once, in order, and no more."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from services.auctions.domain.log import LogRow
from shared import journal
from tests.chaos.histories import Act, Outcome


def check(
    history: Sequence[Act], log: Sequence[LogRow], openings: Mapping[UUID, tuple[str, int]]
) -> None:
    """Check everything; `openings` are the vendors' aliases and opening prices, in their order."""
    check_log_is_one_writers(log)
    check_nothing_follows_the_close(log)
    check_acknowledged_is_logged_once(history, log)
    check_refused_is_not_logged(history, log)
    check_order_is_as_it_was_seen(history)
    assert final_ranking(log) == ranking_by_sorting(log, openings)


def check_log_is_one_writers(log: Sequence[LogRow]) -> None:
    """Two writers would leave a gap, a fork in the chain, or time that goes back."""
    assert [row.sequence for row in log] == list(range(1, len(log) + 1))
    assert journal.first_broken([(row.sequence, row.entry, row.hash) for row in log]) is None
    assert all(earlier.at <= later.at for earlier, later in pairwise(log))


def check_nothing_follows_the_close(log: Sequence[LogRow]) -> None:
    assert [row.sequence for row in log if row.type == "auction.closed"] == [log[-1].sequence]
    closes_at = close_of(log)
    assert all(row.at < closes_at for row in log if row.type == "offer.placed")


def check_acknowledged_is_logged_once(history: Sequence[Act], log: Sequence[LogRow]) -> None:
    counted = Counter((row.vendor_id, row.idempotency_key) for row in log if row.vendor_id)
    row_at = {row.sequence: row for row in log}
    for act in history:
        if act.outcome is not Outcome.OK:
            continue
        assert counted[act.vendor_id, act.key] == 1  # type: ignore[index]  # ids are UUIDs
        row = row_at[act.answer["seq"]]
        assert (row.vendor_id, row.idempotency_key) == (act.vendor_id, act.key)
        assert row.hash.hex() == act.answer["hash"]
        assert price_e4_of(row) == act.price_e4


def check_refused_is_not_logged(history: Sequence[Act], log: Sequence[LogRow]) -> None:
    """Whatever the log holds somebody asked for, and was not told no."""
    asked = {(act.vendor_id, act.key): act for act in history}
    for row in log:
        if row.vendor_id is not None:
            act = asked[row.vendor_id, str(row.idempotency_key)]
            assert act.outcome is not Outcome.REFUSED, act


def check_order_is_as_it_was_seen(history: Sequence[Act]) -> None:
    """An offer that was acknowledged before another was asked stands before it."""
    known = [act for act in history if act.outcome is Outcome.OK and act.answered_at is not None]
    answered = sorted(known, key=lambda act: act.answered_at or act.asked_at)
    newest, place = 0, 0
    for act in sorted(known, key=lambda act: act.asked_at):
        while (before := answered[place].answered_at) is not None and before < act.asked_at:
            newest, place = max(newest, answered[place].answer["seq"]), place + 1
        assert act.answer["seq"] > newest


def ranking_by_sorting(
    log: Sequence[LogRow], openings: Mapping[UUID, tuple[str, int]]
) -> list[tuple[str, int]]:
    """Rank the obvious way: each vendor's last price, the earlier first where they are equal."""
    standing = {
        alias: (price_e4, place - len(openings), alias)
        for place, (alias, price_e4) in enumerate(openings.values())
    }
    for row in log:
        if row.type == "offer.placed":
            alias = json.loads(row.entry)["data"]["alias"]
            standing[alias] = (price_e4_of(row), row.sequence, alias)
    return [(alias, price_e4) for price_e4, _, alias in sorted(standing.values())]


def final_ranking(log: Sequence[LogRow]) -> list[tuple[str, int]]:
    told = json.loads(log[-1].entry)["data"]["ranking"]
    return [(place["alias"], _e4(place["price"])) for place in told]


def close_of(log: Sequence[LogRow]) -> datetime:
    """Tell when the auction was to close in the end, from whatever moved its close."""
    closes_at = ""
    for row in log:
        if row.type != "offer.placed":
            closes_at = json.loads(row.entry)["data"].get("closes_at", closes_at)
    return datetime.fromisoformat(closes_at)


def price_e4_of(row: LogRow) -> int:
    return _e4(json.loads(row.entry)["data"]["price"])


def _e4(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole) * 10_000 + int(fraction.ljust(4, "0"))
