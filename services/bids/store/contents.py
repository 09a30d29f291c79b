"""Read opened bids as their vendors wrote them."""

import asyncpg

from shared.domain.bid_content import BidContent, one_price, read_content
from shared.domain.money import Currency, UnitPrice


def content_of(row: asyncpg.Record) -> BidContent:
    """Read an opened bid; one of an earlier version of the service had one price and no more.

    The row has `content`, `price_e4` and the RFP's `currency`.
    """
    if row["content"] is not None:
        return read_content(row["content"].encode())
    price = UnitPrice(row["price_e4"], Currency(row["currency"]))
    return BidContent(currency=price.currency, nonce=b"", pricing=one_price(price))
