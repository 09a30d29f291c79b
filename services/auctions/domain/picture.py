"""Show an auction to those who watch it, each as far as the rules let them see."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.auctions.domain.auction import Auction, RecentOffer, Status, Terms
from services.auctions.domain.rules import ShowLead, ShowRank
from shared.domain.ids import PartyId
from shared.domain.money import UnitPrice

SEES_ALL: Final = "all"
SEES_PUBLIC: Final = "public"


@dataclass(frozen=True, slots=True)
class Picture:
    """What is committed of an auction at one sequence of its log: never what is in flight.

    `ranking` is (alias, price in ten-thousandths, price to beat), best first.
    """

    terms: Terms
    sequence: int
    status: Status
    closes_at: datetime
    extensions: int
    offers: int
    ranking: Sequence[tuple[str, int, int]]
    recent: Sequence[RecentOffer]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a ranking; the price is there where the viewer may see it."""

    alias: str
    rank: int
    unit_price: str | None


@dataclass(frozen=True, slots=True)
class SeenOffer:
    """One of the last offers, as shown."""

    sequence: int
    alias: str
    unit_price: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Own:
    """Where the viewing vendor stands; no other vendor is shown this."""

    alias: str
    rank: int
    unit_price: str
    price_to_beat: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture as one audience may see it."""

    sequence: int
    status: Status
    closes_at: datetime
    extensions: int
    offers: int
    lead_price: str | None
    lead_alias: str | None
    ranks: tuple[Row, ...]
    recent: tuple[SeenOffer, ...]
    own: Own | None


def picture_of(auction: Auction) -> Picture:
    """Take the picture of a state that is committed."""
    return Picture(
        terms=auction.terms,
        sequence=auction.sequence,
        status=auction.status,
        closes_at=auction.closes_at,
        extensions=auction.extensions,
        offers=auction.offers,
        ranking=tuple(
            (one.alias, one.price_e4, auction.price_to_beat(one.alias).e4)
            for one in auction.ranking()
        ),
        recent=tuple(auction.recent),
    )


def audience_of(terms: Terms, party_id: PartyId | None, *, is_auditor: bool) -> str:
    """Name the audience that a viewer belongs to: `all`, an entrant's alias, or `public`.

    Everyone of one audience is shown the same, so that a frame is written once for all of them.
    """
    if is_auditor or party_id == terms.buyer_id:
        return SEES_ALL
    for entrant in terms.entrants:
        if entrant.vendor_id == party_id:
            return entrant.alias
    return SEES_PUBLIC


def seen_by(picture: Picture, audience: str) -> Seen:
    """Show the picture to an audience.

    The buyer and auditors see everything by alias, and so does everyone once the auction is over.
    Before that, vendors and observers see ranks and the lead as the rules say; a vendor always
    sees its own rank, its own price and the price that it has to beat.
    """
    rules = picture.terms.rules
    sees_all = audience == SEES_ALL or picture.status.is_over
    sees_lead = sees_all or rules.show_lead is ShowLead.ALWAYS
    sees_ranks = sees_all or rules.show_rank is ShowRank.ALL
    lead_alias, lead_e4, _ = picture.ranking[0]
    return Seen(
        sequence=picture.sequence,
        status=picture.status,
        closes_at=picture.closes_at,
        extensions=picture.extensions,
        offers=picture.offers,
        lead_price=_text(picture, lead_e4) if sees_lead else None,
        lead_alias=lead_alias if sees_ranks else None,
        ranks=_rows(picture, sees_all=sees_all) if sees_ranks else (),
        recent=_recent(picture, None if sees_all or (sees_lead and sees_ranks) else audience),
        own=own_of(picture, audience),
    )


def own_of(picture: Picture, audience: str) -> Own | None:
    """Find where the vendor behind an alias stands; None for other audiences."""
    for rank, (alias, price_e4, to_beat_e4) in enumerate(picture.ranking, start=1):
        if alias == audience:
            return Own(alias, rank, _text(picture, price_e4), _text(picture, to_beat_e4))
    return None


def _rows(picture: Picture, *, sees_all: bool) -> tuple[Row, ...]:
    return tuple(
        Row(alias, rank, _text(picture, price_e4) if sees_all else None)
        for rank, (alias, price_e4, _) in enumerate(picture.ranking, start=1)
    )


def _recent(picture: Picture, only: str | None) -> tuple[SeenOffer, ...]:
    """List the last offers, newest first; those of one alias where others' are hidden."""
    return tuple(
        SeenOffer(one.sequence, one.alias, _text(picture, one.price_e4), one.at)
        for one in reversed(picture.recent)
        if only is None or one.alias == only
    )


def _text(picture: Picture, price_e4: int) -> str:
    return str(UnitPrice(price_e4, picture.terms.currency))
