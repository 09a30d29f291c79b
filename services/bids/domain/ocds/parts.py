"""Render the small parts that all sections of a release share."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from services.bids.domain.ocds.purchase import Item, Party, Period
from services.bids.domain.ocds.written import Data
from shared.domain.canonical import instant
from shared.domain.money import Money


def told(members: Mapping[str, Data]) -> dict[str, Data]:
    """Keep what says something: the standard has no use for nulls and empty lists."""
    return {
        name: member
        for name, member in members.items()
        if member is not None and member not in ([], {})
    }


def when(at: datetime | None) -> str | None:
    """Write an aware instant in UTC."""
    return None if at is None else instant(at)


def period(given: Period | None) -> Data:
    """Write a period."""
    if given is None:
        return None
    return told(
        {
            "startDate": when(given.starts_at),
            "endDate": when(given.ends_at),
            "maxExtentDate": when(given.extends_to),
        }
    )


def value(amount: Money | None) -> Data:
    """Write an amount and its currency."""
    return None if amount is None else {"amount": Decimal(str(amount)), "currency": amount.currency}


def item(given: Item) -> Data:
    """Write something bought."""
    return told(
        {
            "id": given.id,
            "description": given.description,
            "quantity": given.quantity,
            "unit": {"name": given.unit},
            "relatedLot": given.lot_id,
            "classification": told({"scheme": given.scheme, "id": given.code}),
        }
    )


def references(ids: Iterable[str], parties: Mapping[str, Party]) -> list[Data]:
    """Refer to parties by their ids, which are all known, and names."""
    return [{"id": party_id, "name": parties[party_id].name} for party_id in ids]
