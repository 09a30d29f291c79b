"""Score and rank opened bids, by price alone, exactly; and say who may see what of that, and when.

Where an auction follows, prices wait for its close: they would tell a bidder how low to go.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from services.bids.domain.lots import Lot, LotStatus
from services.bids.domain.openings import (
    BidFailure,
    SealedBid,
    UnsealedBid,
    failure_of,
    unsealed_content,
)
from shared.domain.bid_content import BidContent, ContentMalformed, read_content
from shared.domain.bid_forms import BidForm, faults_of
from shared.domain.ids import LotId, OpeningId, PartyId
from shared.domain.money import UnitPrice

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
    bid: SealedBid, *, opening_id: OpeningId, form: BidForm, private_key: bytes
) -> UnsealedBid:
    """Open one bid and check it against the form; whatever is wrong becomes its outcome."""
    opened = unsealed_content(bid, opening_id, private_key)
    content = opened if isinstance(opened, BidFailure) else _content_in(opened, form, bid.lot_id)
    unsealed = UnsealedBid(
        bid_id=bid.bid_id,
        lot_id=bid.lot_id,
        vendor_id=bid.vendor_id,
        version=bid.version,
        received_at=bid.received_at,
        log_index=bid.log_index,
        outcome=BidFailure.CONTENT_UNFIT,
    )
    if isinstance(content, BidFailure):
        return replace(unsealed, outcome=content)
    exact_e4 = content.pricing.exact_e4(form.lots[bid.lot_id])
    assert exact_e4 is not None, "the form let a bid pass that has no price for the lot"
    price = UnitPrice(round(exact_e4), content.currency)
    return replace(unsealed, outcome=price, exact_e4=exact_e4, content=content)


def rank_bids(bids: Sequence[UnsealedBid]) -> tuple[Ranked, ...]:
    """Rank one lot's bids, best first; those that failed take no part.

    What is compared is the price of a unit at the lot's whole quantity, unrounded. The score is
    100 x lowest price / own price. Equal prices go by the earlier receipt, then by the place in
    the log, so that no two bids share a rank.
    """
    priced = [
        (bid.exact_e4 or Fraction(bid.outcome.e4), bid.outcome, bid)
        for bid in bids
        if isinstance(bid.outcome, UnitPrice)
    ]
    priced.sort(key=lambda one: (one[0], one[2].received_at, one[2].log_index))
    return tuple(
        Ranked(bid, price, rank, SCORE_MAX * priced[0][0] / exact_e4)
        for rank, (exact_e4, price, bid) in enumerate(priced, start=1)
    )


def displayed(score: Fraction) -> Decimal:
    """Round a score half-even to the decimals that are shown."""
    return Decimal(round(score * 10**SCORE_DECIMALS)).scaleb(-SCORE_DECIMALS)


def _content_in(opened: bytes, form: BidForm, lot_id: LotId) -> BidContent | BidFailure:
    try:
        content = read_content(opened)
    except ContentMalformed:
        return BidFailure.CONTENT_MALFORMED
    faults = faults_of(content, form, lot_id)
    return failure_of(faults) if faults else content
