"""A lot of milk that unit tests of the bids service decide on."""

from decimal import Decimal
from typing import Final
from uuid import UUID

from services.bids.domain.lots import Lot, LotStatus
from shared.domain.ids import LotId, PartyId, RfpId
from shared.domain.money import Currency, UnitPrice

USD: Final = Currency("USD")

MILK: Final = Lot(
    id=LotId(UUID(int=2)),
    rfp_id=RfpId(UUID(int=5)),
    buyer_id=PartyId(UUID(int=4)),
    number=1,
    title="Whole milk",
    category="goods",
    item_code="50131701",
    specification="half pint",
    unit="each",
    term_months=12,
    delivery_area="",
    quantity=Decimal(420),
    currency=USD,
    status=LotStatus.EVALUATED,
)
"""420 half pints, evaluated."""


def price(text: str) -> UnitPrice:
    """Read a unit price in dollars."""
    return UnitPrice.parse(text, USD)
