"""Price an award anew where members declined, by the bid's own tiers."""

from collections.abc import Sequence
from decimal import Decimal

from services.bids.domain.awards.answers import Repriced
from services.bids.domain.awards.lines import Line, graduated_cost, lines_for
from shared.domain.bid_content import Pricing
from shared.domain.money import UnitPrice


def reprice(
    pricing: Pricing | None, price: UnitPrice, before: Sequence[Line], accepted: Sequence[Line]
) -> Repriced | None:
    """Price accepted lines anew, at the quantity that they reach together.

    None where the award's price is not its bid's (an auction, a package or several bids made it),
    and where the bid has no other price for that quantity.
    """
    whole = sum((line.quantity for line in before), start=Decimal(0))
    if pricing is None or (unit_e4_before := pricing.exact_e4(whole)) is None:
        return None
    quantity = sum((line.quantity for line in accepted), start=Decimal(0))
    unit_e4 = pricing.exact_e4(quantity)
    if round(unit_e4_before) != price.e4 or unit_e4 is None or unit_e4 == unit_e4_before:
        return None
    new_price = UnitPrice(round(unit_e4), price.currency)
    return Repriced(
        price=new_price,
        lines=lines_for(
            {line.member_id: line.quantity for line in accepted},
            new_price,
            baselines={line.member_id: line.baseline_total for line in accepted},
            cost=graduated_cost(pricing, quantity, new_price),
        ),
    )
