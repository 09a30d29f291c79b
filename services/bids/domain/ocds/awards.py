"""Render awards and the contracts that follow them."""

from collections.abc import Collection, Mapping

from services.bids.domain.ocds.parts import item, period, references, told, value, when
from services.bids.domain.ocds.purchase import Award, Contract, Party
from services.bids.domain.ocds.written import Data


def award_data(award: Award, parties: Mapping[str, Party], *, told_ids: Collection[str]) -> Data:
    """Render an award; of the bids on which it rests those are named that may be told."""
    return told(
        {
            "id": award.id,
            "title": award.title,
            "description": award.reason,
            "status": award.status.value,
            "date": when(award.decided_at),
            "value": value(award.value),
            "suppliers": references(award.supplier_ids, parties),
            "items": [item(each) for each in award.items],
            "relatedLots": list(award.lot_ids),
            "relatedBids": [bid_id for bid_id in award.bid_ids if bid_id in told_ids],
        }
    )


def contract_data(contract: Contract, parties: Mapping[str, Party]) -> Data:
    """Render a contract; its buyer is told by an extension, and only where it is its own."""
    buyers = references([contract.buyer_id] if contract.buyer_id else [], parties)
    return told(
        {
            "id": contract.id,
            "awardID": contract.award_id,
            "title": contract.title,
            "status": contract.status.value,
            "buyer": buyers[0] if buyers else None,
            "period": period(contract.period),
            "value": value(contract.value),
            "dateSigned": when(contract.signed_at),
            "items": [item(each) for each in contract.items],
        }
    )
