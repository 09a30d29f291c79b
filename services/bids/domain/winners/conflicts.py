"""Find which rules cannot hold together, and which give way when not all can.

Both ask one question again and again: can these conditions all hold? The caller answers it.
"""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from services.bids.domain.winners.rules import Rule, rule_name

CanHold = Callable[[AbstractSet[str]], bool]
"""Tell whether an award keeps all the named conditions, and no matter what else."""


def smallest_conflict(names: Sequence[str], can_hold: CanHold) -> tuple[str, ...]:
    """Leave only names that cannot all hold, none of which can be left out; in their order.

    Halves are tried before single names. The names are known not to hold together.
    Source: Junker 2004, QuickXplain.
    """
    if not can_hold(frozenset()):
        return ()
    return tuple(sorted(_explain([], list(names), can_hold, is_fresh=False), key=names.index))


def _explain(
    kept: list[str], doubted: list[str], can_hold: CanHold, *, is_fresh: bool
) -> list[str]:
    """Find what of `doubted` is needed for a conflict with `kept`."""
    if is_fresh and not can_hold(frozenset(kept)):
        return []
    if len(doubted) == 1:
        return doubted
    middle = len(doubted) // 2
    first, second = doubted[:middle], doubted[middle:]
    of_second = _explain([*kept, *first], second, can_hold, is_fresh=True)
    of_first = _explain([*kept, *of_second], first, can_hold, is_fresh=bool(of_second))
    return [*of_first, *of_second]


def relaxed_rules(
    rules: Sequence[Rule], always: AbstractSet[str], can_hold: CanHold
) -> tuple[str, ...]:
    """Name the rules that give way, so that each more important rule is kept if it can be.

    Rules are taken up by priority, the lowest number first, then by id; one that cannot hold beside
    those taken up before gives way. `always` holds, as do mandatory rules; together they can.
    """
    kept = set(always) | {rule_name(rule) for rule in rules if rule.priority is None}
    asked = sorted(
        (rule.priority, rule.id, rule_name(rule)) for rule in rules if rule.priority is not None
    )
    relaxed = []
    for _, rule_id, name in asked:
        if can_hold(kept | {name}):
            kept.add(name)
        else:
            relaxed.append(rule_id)
    return tuple(relaxed)
