"""Score and rank opened bids, by price alone, exactly; and say who may see what of that, and when.

Where an auction follows, prices wait for its close: they would tell a bidder how low to go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from services.bids.domain.bids import ContentMalformed, CurrencyWrong, PriceZero, read_content
from services.bids.domain.lots import Lot, LotStatus
from services.bids.domain.openings import (
    BidFailure,
    SealedBid,
    UnsealedBid,
    unsealed_content,
)
from shared.domain.ids import OpeningId, PartyId
from shared.domain.money import Currency, UnitPrice

SCORE_MAX: Final = 100
SCORE_DECIMALS: Final = 6
"""How many decimals of a score are shown; ranks never depend on them."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """An opened bid, its rank from 1, and its score as an exact fraction of 100."""

    bid: UnsealedBid
    price: UnitPrice
    rank: int
    score: Fraction


class Sight(StrEnum):
    """How much of a lot's evaluation somebody may see."""

    NOTHING = "nothing"
    COUNTS = "counts"
    WHOLE = "whole"


_BEFORE_OPENING: Final = frozenset({LotStatus.DRAFT, LotStatus.OPEN, LotStatus.CLOSED})


def sight_of(lot: Lot, *, viewer_id: PartyId | None, is_auditor: bool) -> Sight:
    """Tell how much of a lot's evaluation a viewer may see now.

    Once the lot is awarded, all see all of it. Until then only its buyer and auditors see it, and
    while it is at auction auditors see which bids take part, without ranks and prices.
    """
    if lot.status in _BEFORE_OPENING:
        return Sight.NOTHING
    if lot.status is LotStatus.AWARDED or viewer_id == lot.buyer_id:
        return Sight.WHOLE
    if not is_auditor:
        return Sight.NOTHING
    return Sight.COUNTS if lot.status is LotStatus.AUCTIONING else Sight.WHOLE


def open_bid(
    bid: SealedBid, *, opening_id: OpeningId, currency: Currency, private_key: bytes
) -> UnsealedBid:
    """Open one bid; whatever is wrong with it becomes its outcome."""
    content = unsealed_content(bid, opening_id, private_key)
    outcome = content if isinstance(content, BidFailure) else _price_in(content, currency)
    return UnsealedBid(
        bid_id=bid.bid_id,
        lot_id=bid.lot_id,
        vendor_id=bid.vendor_id,
        version=bid.version,
        received_at=bid.received_at,
        log_index=bid.log_index,
        outcome=outcome,
    )


def rank_bids(bids: Sequence[UnsealedBid]) -> tuple[Ranked, ...]:
    """Rank one lot's bids, best first; those that failed take no part.

    The score is 100 x lowest price / own price. Equal prices go by the earlier receipt, then by the
    place in the log, so that no two bids share a rank.
    """
    priced = [(bid.outcome, bid) for bid in bids if isinstance(bid.outcome, UnitPrice)]
    priced.sort(key=lambda pair: (pair[0].e4, pair[1].received_at, pair[1].log_index))
    return tuple(
        Ranked(bid, price, rank, Fraction(SCORE_MAX * priced[0][0].e4, price.e4))
        for rank, (price, bid) in enumerate(priced, start=1)
    )


def displayed(score: Fraction) -> Decimal:
    """Round a score half-even to the decimals that are shown."""
    return Decimal(round(score * 10**SCORE_DECIMALS)).scaleb(-SCORE_DECIMALS)


def _price_in(content: bytes, currency: Currency) -> UnitPrice | BidFailure:
    try:
        return read_content(content, currency)
    except ContentMalformed:
        return BidFailure.CONTENT_MALFORMED
    except CurrencyWrong:
        return BidFailure.CURRENCY_WRONG
    except PriceZero:
        return BidFailure.PRICE_ZERO
