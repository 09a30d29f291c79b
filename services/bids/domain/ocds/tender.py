"""Render the solicitation: its lots with their criteria, its items, its periods and its opening."""

from collections.abc import Mapping

from services.bids.domain.ocds.parts import item, period, references, told, value, when
from services.bids.domain.ocds.purchase import Criterion, Lot, Party, Tender
from services.bids.domain.ocds.written import Data


def tender_data(tender: Tender, parties: Mapping[str, Party]) -> dict[str, Data]:
    """Render a tender."""
    has_auction = any(lot.has_auction for lot in tender.lots)
    methods: list[Data] = ["electronicSubmission"]
    if has_auction:
        methods.append("electronicAuction")
    (procuring_entity,) = references([tender.procuring_entity_id], parties)
    return told(
        {
            "id": tender.id,
            "title": tender.title,
            "description": tender.description,
            "status": tender.status.value,
            "procuringEntity": procuring_entity,
            "procurementMethod": tender.method.value,
            "mainProcurementCategory": tender.bought.value if tender.bought else None,
            "awardCriteria": tender.decided.value,
            "submissionMethod": methods,
            "value": value(tender.budget),
            "tenderPeriod": period(tender.bidding),
            "enquiryPeriod": period(tender.questions),
            "bidOpening": told(
                {"date": when(tender.opened_at), "description": tender.opening_told}
            ),
            "techniques": {"hasElectronicAuction": has_auction},
            "items": [item(each) for each in tender.items],
            "lots": [_lot(each) for each in tender.lots],
        }
    )


def _lot(lot: Lot) -> Data:
    return told(
        {
            "id": lot.id,
            "title": lot.title,
            "status": lot.status.value,
            "value": value(lot.budget),
            "contractPeriod": period(lot.period),
            "awardCriteria": told({"criteria": [_criterion(each) for each in lot.criteria]}),
            "techniques": {"hasElectronicAuction": lot.has_auction},
        }
    )


def _criterion(criterion: Criterion) -> Data:
    numbers: list[Data] = []
    if criterion.percent is not None:
        numbers.append({"number": criterion.percent, "weight": "percentageExact"})
    if criterion.points_min is not None:
        numbers.append({"number": criterion.points_min, "threshold": "minimumScore"})
    return told(
        {
            "type": criterion.type.value,
            "name": criterion.name,
            "description": criterion.description,
            "numbers": numbers,
        }
    )
