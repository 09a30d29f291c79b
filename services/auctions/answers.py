"""Render what the auctions service answers and streams."""

from datetime import datetime
from uuid import UUID

from services.auctions.desk import Done
from services.auctions.domain.facts import OfferPlaced
from services.auctions.domain.picture import Own, Picture, Seen, own_of
from services.auctions.domain.rules import Rules, ShowLead
from shared.domain.money import UnitPrice
from shared.web.fields import AnswerModel


class RulesAnswer(AnswerModel):
    """The rules of an auction, fixed before it opened."""

    format: str
    step: str
    step_against: str
    soft_close_window_s: int
    soft_close_extension_s: int
    extensions_max: int
    show_rank: str
    show_lead: str


class LeadAnswer(AnswerModel):
    """The lead, as far as the caller may see it."""

    alias: str | None
    unit_price: str | None


class RankAnswer(AnswerModel):
    """One line of the ranking; the price only where the caller may see it."""

    alias: str
    rank: int
    unit_price: str | None


class RecentAnswer(AnswerModel):
    """One of the last offers."""

    seq: int
    alias: str
    unit_price: str
    at: datetime


class OwnAnswer(AnswerModel):
    """Where the calling vendor stands."""

    alias: str
    rank: int
    unit_price: str
    price_to_beat: str


class AuctionAnswer(AnswerModel):
    """An auction as the caller may see it; `seq` is its log's last sequence."""

    id: UUID
    lot_id: UUID
    rfp_id: UUID
    title: str
    unit: str
    quantity: str
    currency: str
    status: str
    opens_at: datetime
    closes_at: datetime
    rules: RulesAnswer
    extensions: int
    offers: int
    seq: int
    lead: LeadAnswer | None
    ranks: list[RankAnswer] | None
    recent: list[RecentAnswer]
    own: OwnAnswer | None
    server_time: datetime


class StandingAnswer(AnswerModel):
    """Where the calling vendor stands, and the highest price that it could offer now."""

    auction_id: UUID
    status: str
    alias: str
    rank: int
    unit_price: str
    lead_price: str | None
    price_to_beat: str
    closes_at: datetime
    seq: int
    server_time: datetime


class OfferAnswer(AnswerModel):
    """An offer that stands in the log: `seq` and `hash` are its place there, for good.

    `rank`, `lead_price` and `closes_at` are as of the offer; `price_to_beat` is as of the answer.
    """

    auction_id: UUID
    seq: int
    hash: str
    at: datetime
    unit_price: str
    rank: int
    lead_price: str | None
    price_to_beat: str
    closes_at: datetime


def auction_answer(picture: Picture, seen: Seen, *, now: datetime) -> AuctionAnswer:
    """Render a picture as one audience sees it."""
    terms = picture.terms
    has_lead = seen.lead_price is not None or seen.lead_alias is not None
    return AuctionAnswer(
        id=terms.id,
        lot_id=terms.lot_id,
        rfp_id=terms.rfp_id,
        title=terms.title,
        unit=terms.unit,
        quantity=f"{terms.quantity.normalize():f}",
        currency=terms.currency,
        status=seen.status,
        opens_at=terms.opens_at,
        closes_at=seen.closes_at,
        rules=_rules_answer(terms.rules, picture),
        extensions=seen.extensions,
        offers=seen.offers,
        seq=seen.sequence,
        lead=LeadAnswer(alias=seen.lead_alias, unit_price=seen.lead_price) if has_lead else None,
        ranks=[RankAnswer.model_validate(row, from_attributes=True) for row in seen.ranks] or None,
        recent=[
            RecentAnswer(seq=one.sequence, alias=one.alias, unit_price=one.unit_price, at=one.at)
            for one in seen.recent
        ],
        own=OwnAnswer.model_validate(seen.own, from_attributes=True) if seen.own else None,
        server_time=now,
    )


def standing_answer(picture: Picture, seen: Seen, own: Own, *, now: datetime) -> StandingAnswer:
    """Render where a vendor stands."""
    return StandingAnswer(
        auction_id=picture.terms.id,
        status=seen.status,
        alias=own.alias,
        rank=own.rank,
        unit_price=own.unit_price,
        lead_price=seen.lead_price,
        price_to_beat=own.price_to_beat,
        closes_at=seen.closes_at,
        seq=seen.sequence,
        server_time=now,
    )


def offer_answer(done: Done) -> OfferAnswer:
    """Render the answer to an offer."""
    picture, written, offer = done.picture, done.written, done.written.fact
    if not isinstance(offer, OfferPlaced):
        sentence = f"an offer was answered with {type(offer).__name__}"
        raise TypeError(sentence)
    own = own_of(picture, offer.alias)
    return OfferAnswer(
        auction_id=picture.terms.id,
        seq=written.sequence,
        hash=written.hash.hex(),
        at=written.at,
        unit_price=offer.price,
        rank=offer.rank,
        lead_price=offer.lead if picture.terms.rules.show_lead is ShowLead.ALWAYS else None,
        price_to_beat=own.price_to_beat if own is not None else offer.price,
        closes_at=offer.closes_at,
    )


def _rules_answer(rules: Rules, picture: Picture) -> RulesAnswer:
    return RulesAnswer(
        format="english",
        step=str(UnitPrice(rules.step_e4, picture.terms.currency)),
        step_against=rules.step_against,
        soft_close_window_s=int(rules.soft_close_window.total_seconds()),
        soft_close_extension_s=int(rules.soft_close_extension.total_seconds()),
        extensions_max=rules.extensions_max,
        show_rank=rules.show_rank,
        show_lead=rules.show_lead,
    )
