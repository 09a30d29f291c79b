"""Render bids: counted for every lot as soon as there are any, and each one once it may be told."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from services.bids.domain.ocds.parts import references, told, value, when
from services.bids.domain.ocds.purchase import Bid, BidStatus, Party, Purchase
from services.bids.domain.ocds.written import Data


def bids_data(purchase: Purchase, parties: Mapping[str, Party]) -> Data:
    """Render the statistics of all lots, and the bids where these may be told.

    While bids may not be told, no amount and no judgement is: they are counted, and that is all.
    """
    if not purchase.bids:
        return None
    by_lot: defaultdict[str, list[Bid]] = defaultdict(list)
    for bid in filter(_stands, purchase.bids):
        for lot_id in bid.lot_ids:
            by_lot[lot_id].append(bid)
    statistics = [
        statistic
        for lot in purchase.tender.lots
        for statistic in _statistics(by_lot[lot.id], lot.id, may_tell=purchase.tells_bids)
    ]
    details: list[Data] = [_bid(bid, parties) for bid in purchase.told_bids]
    return told({"statistics": statistics, "details": details})


def _statistics(bids: Sequence[Bid], lot_id: str, *, may_tell: bool) -> list[Data]:
    tells_all = may_tell and all(bid.is_told for bid in bids)
    counts = {"bids": len(bids), "bidders": len({bid.tenderer_id for bid in bids})}
    if tells_all:
        counts["validBids"] = sum(bid.status is BidStatus.VALID for bid in bids)
        counts["disqualifiedBids"] = sum(bid.status is BidStatus.DISQUALIFIED for bid in bids)
    told_counts: list[Data] = [
        {"id": f"{lot_id}-{measure}", "measure": measure, "value": count, "relatedLot": lot_id}
        for measure, count in counts.items()
    ]
    return [*told_counts, *(_extremes(bids, lot_id) if tells_all else [])]


def _extremes(bids: Sequence[Bid], lot_id: str) -> list[Data]:
    """Tell the lowest and the highest valid bid that is for this lot alone."""
    values = [
        bid.value
        for bid in bids
        if bid.status is BidStatus.VALID and bid.value is not None and len(bid.lot_ids) == 1
    ]
    if not values:
        return []
    ends = {"lowestValidBidValue": min(values), "highestValidBidValue": max(values)}
    return [
        {
            "id": f"{lot_id}-{measure}",
            "measure": measure,
            "value": Decimal(str(amount)),
            "currency": amount.currency,
            "relatedLot": lot_id,
        }
        for measure, amount in ends.items()
    ]


def _bid(bid: Bid, parties: Mapping[str, Party]) -> Data:
    return told(
        {
            "id": bid.id,
            "submissionType": "bid",
            "date": when(bid.filed_at),
            "status": bid.status.value,
            "tenderers": references([bid.tenderer_id], parties),
            "value": value(bid.value),
            "relatedLots": list(bid.lot_ids),
            "hasRank": bid.rank is not None,
            "rank": bid.rank,
            "variant": bid.is_variant,
        }
    )


def _stands(bid: Bid) -> bool:
    return bid.status is not BidStatus.WITHDRAWN
