"""Hold what is committed of an auction at one moment, for all who watch it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from services.auctions.domain import facts
from services.auctions.domain.formats.format import Exposure, Progress
from services.auctions.domain.terms import RecentOffer, Status, Terms

SEES_ALL: Final = "all"
SEES_PUBLIC: Final = "public"


@dataclass(frozen=True, slots=True)
class Picture:
    """What is committed of an auction at one sequence of its log: never what is in flight.

    `ranking` is (alias, price in ten-thousandths, price to beat), best first; `ranks` belong to it
    where ties share one, and are 1, 2, 3, … if empty. `waiting` is (alias, price to beat) of those
    who stand nowhere yet, `offered` are those who have placed an offer. `sealed` are offers that
    only their own vendors may see; `lead_for` is the lead as each vendor would have to offer it,
    where scores differ from prices. `ended_at` is when the auction was closed or cancelled.
    """

    terms: Terms
    sequence: int
    status: Status
    closes_at: datetime
    extensions: int
    offers: int
    ranking: Sequence[tuple[str, int, int]]
    recent: Sequence[RecentOffer]
    ranks: Sequence[int] = ()
    waiting: Sequence[tuple[str, int]] = ()
    offered: frozenset[str] = frozenset()
    sealed: Mapping[str, int] = field(default_factory=dict, repr=False)
    lead_for: Mapping[str, int] = field(default_factory=dict, repr=False)
    exposure: Exposure = Exposure.BY_RULES
    progress: Progress | None = None
    opens_at: datetime | None = None
    resumes_at: datetime | None = None
    pause_reason: str | None = None
    closed: facts.Closed | None = None
    ended_at: datetime | None = None
    cancel_reason: str | None = None

    def rank(self, place: int) -> int:
        """Tell the rank of a place in `ranking`, counted from 0."""
        return self.ranks[place] if self.ranks else place + 1
