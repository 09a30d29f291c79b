"""Make an auction's terms of a request, and the first entry of its log."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction

from services.auctions.domain import facts
from services.auctions.domain.amounts import share_of, signed_of
from services.auctions.domain.rules import rules_of
from services.auctions.domain.ruleset import Scoring
from services.auctions.domain.scores import Handicap
from services.auctions.domain.secrecy import commitment
from services.auctions.domain.terms import Entrant, Terms
from shared.domain.ids import AuctionId, LotId, PartyId, RfpId
from shared.domain.money import Currency, UnitPrice
from shared.events.bids import AuctionRequested, AuctionRules, QualifiedVendor


@dataclass(frozen=True, slots=True)
class Salts:
    """Chance, 16 bytes each, for whatever the first entry commits to.

    One for each vendor's name and one for each handicap, in the order of the entrants; they differ,
    so that a name can be revealed without its handicap.
    """

    names: Sequence[bytes] = field(repr=False)
    handicaps: Sequence[bytes] = field(repr=False)
    reserve: bytes = field(repr=False)


def terms_of(request: AuctionRequested, auction_id: AuctionId) -> Terms:
    """Make the terms of a request in which `faults` found nothing wrong."""
    currency = Currency(request.currency)
    return Terms(
        id=auction_id,
        lot_id=LotId(request.lot_id),
        rfp_id=RfpId(request.rfp_id),
        buyer_id=PartyId(request.buyer_id),
        title=request.title,
        unit=request.unit,
        quantity=request.quantity,
        currency=currency,
        opens_at=request.opens_at,
        closes_at=request.closes_at,
        rules=rules_of(request),
        entrants=tuple(
            Entrant(
                PartyId(vendor.vendor_id),
                vendor.alias,
                _e4(vendor.opening_price, currency),
                handicap_of(request.rules, vendor),
            )
            for vendor in request.vendors
        ),
        reserve_e4=_e4(request.reserve, currency),
        budget_e4=_e4(request.budget, currency),
        group_id=request.group_id,
        position=request.position,
    )


def handicap_of(rules: AuctionRules, vendor: QualifiedVendor) -> Handicap | None:
    """Read what is done to a vendor's price before it is ranked; None is nothing."""
    if rules.score == Scoring.COEFFICIENT:
        taken = [share_of(told) for told in vendor.features]
        maxima = [share_of(told) for told in rules.feature_maxima]
        return Handicap.coefficient(taken, maxima)
    factor = vendor.factor
    if factor is None:
        return None
    addend, bonus = signed_of(factor.addend), signed_of(factor.bonus)
    return Handicap.factored(signed_of(factor.percent) / Fraction(100), addend, bonus)


def proposed(rules: AuctionRules, terms: Terms, salts: Salts) -> facts.AuctionProposed:
    """State the first entry: all rules in the clear, and what is secret as commitments."""
    told = {one.name: getattr(rules, one.name) for one in fields(AuctionRules)}
    reserve = _text(terms.reserve_e4, terms.currency)
    entrants = zip(terms.entrants, salts.names, salts.handicaps, strict=True)
    return facts.AuctionProposed(
        **told,
        lot_id=str(terms.lot_id),
        currency=terms.currency,
        opens_at=terms.opens_at,
        closes_at=terms.closes_at,
        entrants=tuple(
            facts.Entrant(
                alias=entrant.alias,
                opening_price=_text(entrant.opening_e4, terms.currency),
                vendor_commitment=commitment(name_salt, entrant.vendor_id.bytes),
                handicap_commitment=_hidden(entrant.handicap, handicap_salt),
            )
            for entrant, name_salt, handicap_salt in entrants
        ),
        reserve_commitment=_hidden(reserve, salts.reserve),
    )


def hidden_of(terms: Terms, salts: Salts) -> dict[str, tuple[str, bytes]]:
    """Gather what the first entry commits to: (value, salt) by the name that `verify` gives it.

    Names are `vendor/<alias>`, `handicap/<alias>` and `reserve`. Who reveals some of it reveals
    nothing of the rest.
    """
    hidden: dict[str, tuple[str, bytes]] = {}
    for entrant, name, handicap in zip(terms.entrants, salts.names, salts.handicaps, strict=True):
        hidden[f"vendor/{entrant.alias}"] = (str(entrant.vendor_id), name)
        if entrant.handicap is not None:
            hidden[f"handicap/{entrant.alias}"] = (str(entrant.handicap), handicap)
    reserve = _text(terms.reserve_e4, terms.currency)
    if reserve is not None:
        hidden["reserve"] = (reserve, salts.reserve)
    return hidden


def _hidden(value: object, salt: bytes) -> str | None:
    return None if value is None else commitment(salt, str(value).encode())


def _e4(text: str | None, currency: Currency) -> int | None:
    return None if text is None else UnitPrice.parse(text, currency).e4


def _text(price_e4: int | None, currency: Currency) -> str | None:
    return None if price_e4 is None else str(UnitPrice(price_e4, currency))
