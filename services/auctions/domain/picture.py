"""Take the picture of an auction, from which `seen` shows each audience its part.

A proxy's limit never gets into a picture. The reserve and the handicaps are in its terms, sealed
offers beside them; `seen` alone reads those, and shows a vendor what is its own.
"""

from services.auctions.domain.auction import Auction
from services.auctions.domain.ruleset import Scoring
from services.auctions.domain.seen import (
    Own,
    Row,
    Seen,
    SeenOffer,
    own_of,
    seen_by,
)
from services.auctions.domain.snapshot import SEES_ALL, SEES_PUBLIC, Picture
from services.auctions.domain.terms import Status, Terms
from shared.domain.ids import PartyId

__all__ = [
    "SEES_ALL",
    "SEES_PUBLIC",
    "Own",
    "Picture",
    "Row",
    "Seen",
    "SeenOffer",
    "audience_of",
    "own_of",
    "picture_of",
    "seen_by",
]


def picture_of(auction: Auction) -> Picture:
    """Take the picture of a state that is committed."""
    board, terms = auction.board, auction.terms
    ranking = board.ranking()
    is_scored = terms.rules.score is not Scoring.PRICE
    return Picture(
        terms=terms,
        sequence=auction.sequence,
        status=auction.status,
        closes_at=auction.closes_at,
        extensions=auction.extensions,
        offers=auction.offers,
        ranking=tuple(
            (one.alias, one.price_e4, board.bound(one.alias).highest_e4) for one in ranking
        ),
        recent=tuple(auction.recent),
        ranks=tuple(board.ranks()),
        waiting=tuple(
            (one.alias, board.bound(one.alias).highest_e4)
            for one in terms.entrants
            if one.alias not in board.standings
        ),
        offered=frozenset(auction.offered),
        sealed=auction.format.sealed(auction),
        lead_for=_leads(auction) if is_scored else {},
        exposure=auction.format.exposure,
        progress=auction.format.progress(auction),
        opens_at=auction.opens_at,
        resumes_at=auction.resumes_at,
        pause_reason=auction.pause_reason if auction.status is Status.PAUSED else None,
        closed=auction.closed,
    )


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


def _leads(auction: Auction) -> dict[str, int]:
    """Translate the lead into each vendor's own price, so that nobody's handicap shows."""
    leader = auction.board.leader
    if leader is None:
        return {}
    return {alias: scale.price_at(leader.score) for alias, scale in auction.board.scales.items()}
