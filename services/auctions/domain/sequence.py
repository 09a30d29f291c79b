"""Tell how the times of lots that are held together move when one of them is extended.

The hall asks `moved` after each fact that moved a close of an auction with a group, and sends each
other lot that it names a `MoveClose` with the times that it tells. Repeated, that changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.auctions.domain.ruleset import CloseScope, LotOrder, Rules


@dataclass(frozen=True, slots=True)
class LotTimes:
    """When one lot of a group runs, and its place among them."""

    auction_id: UUID
    position: int
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Extension:
    """A lot whose close moved: which, and from when to when."""

    auction_id: UUID
    before: datetime
    after: datetime


def planned(
    lots: int, *, order: LotOrder, opens_at: datetime, runs_for: timedelta, gap: timedelta
) -> list[tuple[datetime, datetime]]:
    """Lay out when each of some lots opens and closes.

    Parallel lots run together. Serial ones follow each other, `gap` apart. Staggered ones open
    together and close `gap` after each other.
    """
    times = []
    for place in range(lots):
        opens, closes = opens_at, opens_at + runs_for
        if order is LotOrder.SERIAL:
            opens, closes = (instant + place * (runs_for + gap) for instant in (opens, closes))
        if order is LotOrder.STAGGERED:
            closes += place * gap
        times.append((opens, closes))
    return times


def moved(lots: Sequence[LotTimes], extension: Extension, rules: Rules) -> list[LotTimes]:
    """Tell the new times of those other lots that move with an extended one, by their place.

    With the scope `all` every lot's close moves by as much; otherwise only lots behind it move, if
    the rules say that an extension moves the next: serial lots as a whole, staggered ones their
    close.
    """
    by = extension.after - extension.before
    place = next(lot.position for lot in lots if lot.auction_id == extension.auction_id)
    others = sorted(
        (lot for lot in lots if lot.auction_id != extension.auction_id),
        key=lambda lot: lot.position,
    )
    is_serial = rules.lots is LotOrder.SERIAL
    if rules.soft_close_scope is not CloseScope.ALL:
        others = [lot for lot in others if rules.extension_moves_next and lot.position > place]
    return [
        replace(
            lot,
            opens_at=lot.opens_at + by if is_serial and lot.position > place else lot.opens_at,
            closes_at=lot.closes_at + by,
        )
        for lot in others
    ]
