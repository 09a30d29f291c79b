"""Say in the standard's words what is signed upon awards, and whose budgets pay for it.

To the standard a buyer is whose budget is used, and the procuring entity who leads the purchase.
Under group pricing each member pays and signs for itself, so that it is the buyer of its own
contract; a group procurement's consortium signs and pays, with its members' money; and one that
resells buys for itself. Members are named where something is to be signed, and not before.

Source: https://standard.open-contracting.org/1.1/en/schema/codelists/#party-role
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from services.bids.domain.awards.award import Award, AwardStatus
from services.bids.domain.awards.lines import AwardLineId, Line
from services.bids.domain.consortium import MODEL_RULES, ConsortiumModel
from services.bids.domain.contracts import Awarded, contracts_of
from services.bids.domain.contracts import Contract as Signed
from services.bids.domain.lots import Lot
from services.bids.domain.ocds.purchase import Contract, ContractStatus, Item, Period, Planning
from services.bids.domain.rfps import Rfp
from services.bids.domain.terms import ContractTerms
from shared.domain.ids import AwardId, PartyId

AwardLines = Mapping[AwardId, Sequence[tuple[AwardLineId, Line]]]

_PAYS_ITSELF: Final = frozenset({ConsortiumModel.GROUP_PROCUREMENT, ConsortiumModel.RESALE})
"""Under these models the consortium's own account pays the vendor."""

SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Won:
    """An award that was made at some time, its lot, and the lines that its members took."""

    award: Award
    lot: Lot
    lines: Sequence[tuple[AwardLineId, Line]]


def lead_buyer(rfp: Rfp) -> PartyId | None:
    """Name whose budget pays before members are named: nobody's where each pays for itself."""
    return rfp.buyer_id if rfp.consortium_model in _PAYS_ITSELF else None


def buying_members(rfp: Rfp, lines: AwardLines) -> frozenset[PartyId]:
    """Name the members whose budgets pay; who buys from a consortium that resells is no party."""
    if rfp.consortium_model is ConsortiumModel.RESALE:
        return frozenset()
    return frozenset(line.member_id for own in lines.values() for _, line in own)


def planning_of(rfp: Rfp, *, members: int, lots: int) -> Planning:
    """Say why is bought together. Of budgets nothing is public: what members pay is their own."""
    rules = MODEL_RULES[rfp.consortium_model]
    return Planning(
        rationale=(
            f"What {_counted(members, 'member')} of the cooperative asked for was pooled into "
            f"{_counted(lots, 'lot')}, to be bought together. Contracts are with "
            f"{rules.contract_with}; {rules.paid_by}."
        )
    )


def contracts_told(rfp: Rfp, won: Sequence[Won], zone: ZoneInfo) -> tuple[Contract, ...]:
    """Tell what is signed upon awards that were made; days are those of the law's time zone.

    Whether and when it was signed nobody records: contracts are pending, and cancelled with their
    award.
    """
    return tuple(told for each in won for told in _contracts(rfp, each, zone))


def _contracts(rfp: Rfp, won: Won, zone: ZoneInfo) -> Iterator[Contract]:
    made_at = won.award.made_at
    if made_at is None or not won.lines:
        return
    awarded = Awarded(
        lot=won.lot,
        award=won.award,
        lines=won.lines,
        model=rfp.consortium_model,
        terms=rfp.terms.contract or ContractTerms(),
    )
    for signed in contracts_of(awarded, {}, begins_on=made_at.astimezone(zone).date()):
        yield _contract(rfp, won, signed, zone)


def _contract(rfp: Rfp, won: Won, signed: Signed, zone: ZoneInfo) -> Contract:
    is_cancelled = won.award.status is AwardStatus.WITHDRAWN
    is_own = rfp.consortium_model is ConsortiumModel.GROUP_PRICING
    (*_, last) = signed.lines
    item = Item(
        id=str(won.lot.id),
        description=won.lot.title,
        quantity=last.quantity,
        unit=won.lot.unit,
        lot_id=str(won.lot.id),
    )
    return Contract(
        id=str(last.line_id if is_own else won.award.id),
        award_id=str(won.award.id),
        status=ContractStatus.CANCELLED if is_cancelled else ContractStatus.PENDING,
        title=won.lot.title,
        value=signed.total,
        period=_period(signed, zone),
        # What is the same as the award's is not repeated.
        items=(item,) if is_own else (),
        buyer_id=str(signed.signed_by) if is_own else None,
    )


def _period(signed: Signed, zone: ZoneInfo) -> Period:
    renewed = signed.renewed_until if signed.renewals else None
    return Period(
        starts_at=datetime.combine(signed.begins_on, time(), zone),
        ends_at=_end_of(signed.ends_on, zone),
        extends_to=_end_of(renewed, zone),
    )


def _end_of(day: date | None, zone: ZoneInfo) -> datetime | None:
    """Find a day's last second; a day may have 23 hours, or 25."""
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=1), time(), zone) - SECOND


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
