"""Bid as a vendor's program does: step by step downward while another leads, never below a limit.

The prices are on a ladder of whole steps above the limit, so that the last one is the limit itself.
"""

import asyncio
from typing import Final

from clients.client import Client
from clients.errors import Problem
from examples.season.plan import LiveLot, LiveVendor
from examples.season.records import Offer
from shared.domain.money import Currency, UnitPrice

STEPS_WANTED: Final = 40
"""About as many steps has the vendor that goes furthest: enough to see, few enough to end soon."""

PAUSE_S: Final = 0.1
"""Between two looks at the standing: a program that hurries less than it could."""

_ROUND_STEPS: Final = (5, 2, 1)


def step_of(lot: LiveLot, currency: Currency) -> UnitPrice:
    """Choose a lot's step: 1, 2 or 5 times a power of ten, by how far the vendors will go."""
    furthest_e4 = max(
        UnitPrice.parse(vendor.opening_price, currency).e4
        - UnitPrice.parse(vendor.limit_price, currency).e4
        for vendor in lot.vendors
    )
    wanted_e4 = max(furthest_e4 // STEPS_WANTED, 1)
    power = 10 ** (len(str(wanted_e4)) - 1)
    step_e4 = next(digit * power for digit in _ROUND_STEPS if digit * power <= wanted_e4)
    return UnitPrice(step_e4, currency)


def next_price(to_beat: UnitPrice, *, limit: UnitPrice, step: UnitPrice) -> UnitPrice | None:
    """Choose the highest price on the ladder that is admitted, or none above the limit."""
    if to_beat < limit:
        return None
    steps = (to_beat.e4 - limit.e4) // step.e4
    return UnitPrice(limit.e4 + steps * step.e4, limit.currency)


class Program:
    """One vendor's program in one auction; `offers` are those that were acknowledged."""

    def __init__(
        self, client: Client, auction_id: str, vendor: LiveVendor, *, step: UnitPrice
    ) -> None:
        """Prepare to bid."""
        self.offers: list[Offer] = []
        self._client = client.auctions
        self._auction_id = auction_id
        self._reference = vendor.vendor_reference
        self._limit = UnitPrice.parse(vendor.limit_price, step.currency)
        self._step = step

    async def run(self, over: asyncio.Event) -> None:
        """Bid until the limit is reached, or until the auction is over."""
        while not over.is_set():
            standing = await self._client.standing(self._auction_id)
            to_beat = UnitPrice.parse(standing["price_to_beat"], self._limit.currency)
            price = next_price(to_beat, limit=self._limit, step=self._step)
            if price is None:
                return
            if standing["rank"] != 1 and not await self._offer(price):
                return
            await asyncio.sleep(PAUSE_S)

    async def _offer(self, price: UnitPrice) -> bool:
        """Place a price; False when the auction takes no more."""
        try:
            answer = await self._client.offer(
                self._auction_id, unit_price=str(price), currency=price.currency
            )
        except Problem as problem:
            if problem.code == "auction_over":
                return False
            if problem.code == "auction_not_open":
                return True
            raise
        self.offers.append(
            Offer(
                vendor_reference=self._reference,
                price=price,
                sequence=answer["seq"],
                hash=answer["hash"],
            )
        )
        return True
