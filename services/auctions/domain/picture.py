"""Take the picture of an auction, from which `seen` shows each audience its part.

Most moments of a busy auction are passed over unseen, so a `Moment` is kept of each commit, and its
picture drawn once somebody looks. A proxy's limit never gets into a picture. The reserve and the
handicaps are in its terms, sealed offers beside them; `seen` alone reads those, and shows a vendor
what is its own.
"""

from dataclasses import dataclass, field, replace
from typing import Self, TypeAlias

from services.auctions.domain.auction import Auction
from services.auctions.domain.board import Board
from services.auctions.domain.ruleset import Scoring
from services.auctions.domain.seen import (
    After,
    Own,
    Row,
    Seen,
    SeenOffer,
    after_of,
    own_of,
    seen_by,
    told_after,
)
from services.auctions.domain.snapshot import SEES_ALL, SEES_PUBLIC, Picture
from services.auctions.domain.terms import Status, Terms
from shared.domain.ids import PartyId

__all__ = [
    "SEES_ALL",
    "SEES_PUBLIC",
    "After",
    "Moment",
    "Own",
    "Picture",
    "Row",
    "Seen",
    "SeenOffer",
    "Shown",
    "after_of",
    "audience_of",
    "drawn",
    "own_of",
    "picture_of",
    "seen_by",
]


@dataclass(slots=True)
class Moment:
    """A committed moment of an auction, of which a picture can be drawn at any time.

    What costs a pass over the vendors, their prices to beat above all, waits until then. The board
    is a copy of its own: whatever the desk decides meanwhile is not seen here.
    """

    sketch: Picture
    board: Board = field(repr=False)
    _picture: Picture | None = None

    @classmethod
    def of(cls, auction: Auction) -> Self:
        """Keep a state that is committed, as it is now."""
        sketch = Picture(
            terms=auction.terms,
            sequence=auction.sequence,
            status=auction.status,
            closes_at=auction.closes_at,
            extensions=auction.extensions,
            offers=auction.offers,
            ranking=(),
            recent=tuple(auction.recent),
            offered=frozenset(auction.offered),
            sealed=auction.format.sealed(auction),
            exposure=auction.format.exposure,
            progress=auction.format.progress(auction),
            opens_at=auction.opens_at,
            resumes_at=auction.resumes_at,
            pause_reason=auction.pause_reason if auction.status is Status.PAUSED else None,
            closed=auction.closed,
            ended_at=auction.ended_at,
            cancel_reason=auction.cancel_reason,
        )
        return cls(sketch, auction.board.copy())

    @property
    def terms(self) -> Terms:
        """What does not change while the auction lives."""
        return self.sketch.terms

    @property
    def sequence(self) -> int:
        """The last entry of the log that counts."""
        return self.sketch.sequence

    @property
    def picture(self) -> Picture:
        """The picture; drawn the first time that it is asked for."""
        if self._picture is None:
            self._picture = self._draw()
        return self._picture

    def after(self, audience: str) -> After:
        """Tell what an audience is told after an act; no picture is drawn for that."""
        board, lead_e4 = self.board, None
        if audience not in board.scales:
            return told_after(self.sketch, audience)
        if _is_scored(self.terms) and board.leader is not None:
            lead_e4 = board.scales[audience].price_at(board.leader.score)
        to_beat_e4 = board.bound(audience).highest_e4
        return told_after(self.sketch, audience, to_beat_e4=to_beat_e4, own_lead_e4=lead_e4)

    def _draw(self) -> Picture:
        board, terms = self.board, self.terms
        return replace(
            self.sketch,
            ranking=tuple(
                (one.alias, one.price_e4, board.bound(one.alias).highest_e4)
                for one in board.ranking()
            ),
            ranks=tuple(board.ranks()),
            waiting=tuple(
                (one.alias, board.bound(one.alias).highest_e4)
                for one in terms.entrants
                if one.alias not in board.standings
            ),
            lead_for=_leads(board) if _is_scored(terms) else {},
        )


Shown: TypeAlias = Moment | Picture
"""What watchers may be shown: a moment that was committed here, or a picture from elsewhere."""


def drawn(shown: Shown) -> Picture:
    """Tell the picture of what is shown."""
    return shown.picture if isinstance(shown, Moment) else shown


def picture_of(auction: Auction) -> Picture:
    """Take the picture of a state that is committed."""
    return Moment.of(auction).picture


def audience_of(terms: Terms, party_id: PartyId | None, *, is_auditor: bool) -> str:
    """Name the audience that a viewer belongs to: `all`, an entrant's alias, or `public`.

    Everyone of one audience is shown the same, so that a frame is written once for all of them.
    What a vendor sees only after its first offer needs no audience more: each has its own.
    """
    if is_auditor or party_id == terms.buyer_id:
        return SEES_ALL
    for entrant in terms.entrants:
        if entrant.vendor_id == party_id:
            return entrant.alias
    return SEES_PUBLIC


def _is_scored(terms: Terms) -> bool:
    return terms.rules.score is not Scoring.PRICE


def _leads(board: Board) -> dict[str, int]:
    """Translate the lead into each vendor's own price, so that nobody's handicap shows."""
    leader = board.leader
    if leader is None:
        return {}
    return {alias: scale.price_at(leader.score) for alias, scale in board.scales.items()}
