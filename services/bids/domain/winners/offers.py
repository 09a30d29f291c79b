"""Make an award problem of an RFP's opened bids: tiers, packages, alternates, whoever is served."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Final

from services.bids.domain.pooling.portions import Asked, members_quantities
from services.bids.domain.winners.problem import (
    Bid,
    Granularity,
    Lot,
    Package,
    Problem,
    Share,
    Tier,
    TierMode,
    Vendor,
)
from shared.domain.bid_content import BidContent, Pricing, TiersApply, one_price
from shared.domain.ids import BidId, LotId, PartyId
from shared.domain.money import PRICE_SCALE, QUANTITY_SCALE, UnitPrice

ONE: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What one member needs of a lot."""

    lot_id: LotId
    member_id: PartyId
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An opened bid with all that it offers."""

    bid_id: BidId
    lot_id: LotId
    vendor_id: PartyId
    content: BidContent


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How the buyer wants lots to be awarded in a scenario, beside its rules.

    Money is in the currency's unit; vendors, lots by their ids. A reserve is a unit price.
    """

    granularity: Granularity = Granularity.WHOLE
    takes_alternates: bool = False
    participation_cost: Fraction = Fraction(0)
    reserves: dict[str, Fraction] = field(default_factory=dict)
    incumbents: dict[str, str] = field(default_factory=dict)
    switching_costs: dict[str, Fraction] = field(default_factory=dict)
    factors: dict[str, Fraction] = field(default_factory=dict)
    scores: dict[str, Fraction] = field(default_factory=dict)


def needs_of(lot_id: LotId, quantity: Decimal, asked: Sequence[Asked]) -> list[Need]:
    """Give a lot's quantity, however it was pooled, to its members."""
    return [
        Need(lot_id=lot_id, member_id=member_id, quantity=part)
        for member_id, part in members_quantities(quantity, asked).items()
    ]


def at_last_price(offer: Offer, opened: UnitPrice | None, final: UnitPrice | None) -> Offer:
    """Take an offer at its vendor's last price of an auction, where that is another."""
    if final is None or final == opened:
        return offer
    content = replace(offer.content, pricing=one_price(final), packages=(), alternates=())
    return replace(offer, content=content)


def problem_of(needs: Sequence[Need], offers: Sequence[Offer], terms: Terms) -> Problem:
    """State what is to be awarded, from what members need and what was opened.

    Steps are whole units where all needs and bounds are whole, else thousandths.
    """
    steps = _steps(needs, offers)
    lots = _lots(needs, terms, steps)
    known = {lot.id: lot for lot in lots}
    vendor_ids = {*(str(offer.vendor_id) for offer in offers), *terms.incumbents.values()}
    heard = [offer for offer in offers if str(offer.lot_id) in known]
    return Problem(
        lots=lots,
        vendors=tuple(
            Vendor(id=vendor_id, participation_cost=terms.participation_cost)
            for vendor_id in sorted(vendor_ids)
        ),
        bids=tuple(bid for offer in heard for bid in _bids(offer, known, terms, steps)),
        packages=tuple(
            package for offer in heard for package in _packages(offer, known, terms, steps)
        ),
        steps_per_unit=steps,
    )


def _steps(needs: Sequence[Need], offers: Sequence[Offer]) -> int:
    quantities = [need.quantity for need in needs]
    for offer in offers:
        pricings = [offer.content.pricing, *(each.pricing for each in offer.content.alternates)]
        quantities += [tier.from_quantity for pricing in pricings for tier in pricing.tiers]
        if offer.content.capacity is not None:
            quantities.append(offer.content.capacity)
    is_whole = all(quantity == quantity.to_integral_value() for quantity in quantities)
    return ONE if is_whole else QUANTITY_SCALE


def _lots(needs: Sequence[Need], terms: Terms, steps: int) -> tuple[Lot, ...]:
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for need in needs:
        sums[str(need.lot_id)][str(need.member_id)] += need.quantity
    return tuple(
        Lot(
            id=lot_id,
            shares=tuple(
                Share(district_id=member_id, quantity=int(quantity * steps))
                for member_id, quantity in sorted(shares.items())
            ),
            granularity=terms.granularity,
            reserve=terms.reserves.get(lot_id),
            incumbent_id=terms.incumbents.get(lot_id),
            switching_cost=terms.switching_costs.get(lot_id, Fraction(0)),
        )
        for lot_id, shares in sorted(sums.items())
    )


def _bids(offer: Offer, lots: dict[str, Lot], terms: Terms, steps: int) -> list[Bid]:
    content, lot = offer.content, lots[str(offer.lot_id)]
    pricings = {str(offer.bid_id): content.pricing}
    if terms.takes_alternates:
        alternates = enumerate(content.alternates, start=1)
        pricings |= {f"{offer.bid_id}:{place}": each.pricing for place, each in alternates}
    most = lot.quantity
    if content.capacity is not None:
        most = min(most, int(content.capacity * steps))
    served = content.members
    bids = [
        Bid(
            id=bid_id,
            vendor_id=str(offer.vendor_id),
            lot_id=lot.id,
            tiers=tiers,
            mode=TierMode(pricing.apply.value),
            factor=terms.factors.get(str(offer.vendor_id), Fraction(1)),
            score=terms.scores.get(str(offer.bid_id)),
            serves=None if served is None else frozenset(str(member) for member in served),
        )
        for bid_id, pricing in pricings.items()
        if (tiers := _tiers(pricing, most, steps))
    ]
    return [bid for bid in bids if bid.tiers[0].lower <= most]


def _tiers(pricing: Pricing, most: int, steps: int) -> tuple[Tier, ...]:
    """List tiers up to what is offered at most; a graduated one begins at its first unit's edge."""
    is_graduated = pricing.apply is TiersApply.GRADUATED
    lowers = [int(tier.from_quantity * steps) for tier in pricing.tiers]
    starts = [lowers[0]]
    starts += [max(lower - steps, 0) if is_graduated else lower for lower in lowers[1:]]
    overlap = 0 if is_graduated else 1
    uppers = [min(following - overlap, most) for _, following in pairwise(starts)] + [most]
    return tuple(
        Tier(lower=start, upper=upper, unit_price=exact_price(tier.unit_price))
        for start, upper, tier in zip(starts, uppers, pricing.tiers, strict=True)
        if start <= upper
    )


def _packages(offer: Offer, lots: dict[str, Lot], terms: Terms, steps: int) -> list[Package]:
    """List an offer's packages of lots that are all still to be decided, priced whole."""
    return [
        Package(
            id=f"{offer.bid_id}:package:{place}",
            vendor_id=str(offer.vendor_id),
            lot_ids=frozenset(str(lot_id) for lot_id, _ in package.prices),
            price=sum(
                (
                    exact_price(price) * lots[str(lot_id)].quantity / steps
                    for lot_id, price in package.prices
                ),
                Fraction(0),
            ),
            factor=terms.factors.get(str(offer.vendor_id), Fraction(1)),
            score=terms.scores.get(str(offer.bid_id)),
        )
        for place, package in enumerate(offer.content.packages, start=1)
        if all(str(lot_id) in lots for lot_id, _ in package.prices)
    ]


def exact_price(price: UnitPrice) -> Fraction:
    """Write a unit price in the currency's unit."""
    return Fraction(price.e4, PRICE_SCALE)
