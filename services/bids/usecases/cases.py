"""Make the business case of an RFP's lots, before anything is published or after."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.bids.domain.business_case import BusinessCase, Curve, LotNeed, MemberNeed, make_case
from services.bids.domain.erate import ErateCategory
from services.bids.domain.pooling.rules import quantity_of
from services.bids.ports.pools import CaseMember, CaseNeed, PooledLotStore, PooledNeeds
from shared.domain.ids import PartyId, RfpId
from shared.domain.money import Money, total
from shared.domain.refusals import Kind, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLot:
    """One lot of a case, as it is asked for; without a category there is no discount."""

    number: int
    curve: Curve
    erate_category: ErateCategory | None
    by_baseline: bool


class CaseLotUnknown(Refusal):
    """The case names a lot that the RFP does not have, or one twice."""

    kind = Kind.INVALID
    code = "case_lot_unknown"


class CaseCurrencyDiffers(Refusal):
    """The case is asked for in another currency than the RFP's."""

    kind = Kind.INVALID
    code = "case_currency_differs"


@dataclass(frozen=True, slots=True)
class CaseMade:
    """A business case, and who its members are."""

    case: BusinessCase
    members: Mapping[PartyId, CaseMember]


class Cases:
    """Make business cases."""

    def __init__(self, store: PooledLotStore) -> None:
        """Read the needs of lots from `store`."""
        self._store = store

    async def make(
        self, rfp_id: RfpId, asked: Sequence[CaseLot], running_cost: Money, *, buyer_id: PartyId
    ) -> CaseMade:
        """Reckon alone against together for lots of the buyer's own RFP.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            CaseCurrencyDiffers: The running cost is in another currency than the RFP.
            CaseLotUnknown: It has no lot of a number that is named, or one is named twice.
        """
        numbers = [each.number for each in asked]
        rfp, found = await self._store.needs(rfp_id, numbers, buyer_id=buyer_id)
        if rfp.currency != running_cost.currency:
            sentence = f"The RFP is in {rfp.currency}; so is its business case."
            raise CaseCurrencyDiffers(sentence)
        by_number = {each.lot.number: each for each in found}
        unknown = sorted(set(numbers) - set(by_number))
        if unknown or len(set(numbers)) < len(numbers):
            sentence = "Name lots that the RFP has by their numbers, each once."
            raise CaseLotUnknown(sentence, details={"unknown": unknown})
        lots = [_lot_need(each, by_number[each.number]) for each in asked]
        members = {need.member.id: need.member for each in found for need in each.needs}
        # In a thread: a curve takes a tenth of a millisecond for each member.
        case = await asyncio.to_thread(make_case, lots, running_cost)
        return CaseMade(case, members)


def _lot_need(asked: CaseLot, pooled: PooledNeeds) -> LotNeed:
    by_member: dict[PartyId, list[CaseNeed]] = {}
    for need in pooled.needs:
        by_member.setdefault(need.member.id, []).append(need)
    return LotNeed(
        number=asked.number,
        quantity=pooled.lot.quantity,
        curve=asked.curve,
        members=tuple(
            _member_need(asked, pooled, by_member[member_id]) for member_id in sorted(by_member)
        ),
    )


def _member_need(asked: CaseLot, pooled: PooledNeeds, needs: Sequence[CaseNeed]) -> MemberNeed:
    member = needs[0].member
    return MemberNeed(
        member_id=member.id,
        asked=sum((need.quantity for need in needs), needs[0].quantity * 0),
        quantity_alone=quantity_of(pooled.terms, needs)[0],
        percent=_percent(member, asked.erate_category),
        paid_today=_paid_today(needs, pooled) if asked.by_baseline else None,
    )


def _percent(member: CaseMember, category: ErateCategory | None) -> int | None:
    match category:
        case None:
            return None
        case ErateCategory.ONE:
            return member.category_one_percent
        case ErateCategory.TWO:
            return member.category_two_percent


def _paid_today(needs: Sequence[CaseNeed], pooled: PooledNeeds) -> Money | None:
    """Add up what a member pays today; None, and so the curve, unless every need states it."""
    minor = 0
    for need in needs:
        if need.baseline is None:
            return None
        minor += total(need.baseline, need.quantity).minor
    return Money(minor, pooled.lot.currency)
