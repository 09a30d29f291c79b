"""Report what an RFP's awards saved, to its buyer, to auditors, and to each member for itself."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from services.bids.domain.evaluation import Sight, sight_of
from services.bids.domain.lots import Lot
from services.bids.domain.pooling.rules import quantity_of
from services.bids.domain.rfps import RfpTooLarge, RfpUnknown
from services.bids.domain.savings import (
    Reference,
    SavingLine,
    SavingsReport,
    at_first_offers,
    report_savings,
    told,
)
from services.bids.domain.sharing.of_lot import PLAIN_SUM
from services.bids.ports.awards import OpenedBid
from services.bids.ports.sharing import AwardedLine, AwardedRfp, Savings
from shared.auth import Principal, Role
from shared.domain.bid_content import Pricing
from shared.domain.ids import PartyId, RfpId
from shared.domain.money import Money
from shared.domain.refusals import Kind, Refusal

LINES_MAX: Final = 100_000
"""The most award lines of one report: it takes some seconds then."""

GOODS: Final = "goods"

_NO_BUDGETS: Final = "Requirements state no budgets, so that nothing is held against one."

_SEALED: Final = (
    "Lots that are not finally awarded are held against no offers here: prices of others are shown "
    "when the award is final."
)


class SavingsUnknown(Refusal):
    """No award of the RFP was announced yet, or none in which the caller has a line."""

    kind = Kind.NOT_FOUND
    code = "savings_unknown"


@dataclass(frozen=True, slots=True)
class RfpSavings:
    """A report, the sentences that tell it, and what is left out of it and why."""

    report: SavingsReport
    told: tuple[str, ...]
    left_out: tuple[str, ...]


class SavingsReporting:
    """Hold what members pay against what they paid, would pay alone, and were first offered."""

    def __init__(self, savings: Savings) -> None:
        """Use a reader of awards."""
        self._savings = savings

    async def of_rfp(self, rfp_id: RfpId, viewer: Principal) -> RfpSavings:
        """Report on the announced awards of an RFP: a member on its own lines alone.

        Raises:
            RfpUnknown: No such RFP, or the viewer has no part in what it saved.
            RfpTooLarge: It has more award lines than one report holds.
            SavingsUnknown: No award was announced yet.
        """
        awarded = await self._savings.of_rfp(rfp_id, lines_max=LINES_MAX)
        if len(awarded.lines) > LINES_MAX:
            sentence = f"The RFP has more than {LINES_MAX} award lines, which no report holds."
            raise RfpTooLarge(sentence)
        only = _member_of(awarded, viewer)
        # A hundred thousand lines take seconds; others are served meanwhile.
        return await asyncio.to_thread(_reported, awarded, only)


def _member_of(awarded: AwardedRfp, viewer: Principal) -> PartyId | None:
    """Find whose lines alone a viewer sees: None for all of them.

    Raises:
        RfpUnknown: It sees none.
    """
    if viewer.role is Role.AUDITOR or viewer.party_id == awarded.buyer_id:
        return None
    if viewer.party_id is None or not any(
        viewer.party_id in each for each in awarded.asked.values()
    ):
        raise RfpUnknown
    return viewer.party_id


def _reported(awarded: AwardedRfp, only: PartyId | None) -> RfpSavings:
    shown = [each for each in awarded.lines if only in {None, each.line.member_id}]
    if not shown:
        sentence = "No award of this RFP was announced in which you have a line."
        raise SavingsUnknown(sentence)
    lots = {lot.id: lot for lot in awarded.lots}
    lines = [
        _line(awarded, lots[each.lot_id], each, tells_offers=_tells(lots[each.lot_id], only))
        for each in shown
    ]
    report = report_savings(lines)
    return RfpSavings(report, tuple(told(report)), tuple(_left_out(awarded, shown, only)))


def _tells(lot: Lot, only: PartyId | None) -> bool:
    """Tell whether what others offered may enter a report: to a member, from the final award on."""
    return only is None or sight_of(lot, viewer_id=only, is_auditor=False) is Sight.WHOLE


def _line(awarded: AwardedRfp, lot: Lot, each: AwardedLine, *, tells_offers: bool) -> SavingLine:
    line = each.line
    references: dict[Reference, Money] = {}
    if line.baseline_total is not None:
        references[Reference.BASELINE] = line.baseline_total
    if tells_offers:
        references |= _at_offers(awarded, lot, each)
    return SavingLine(
        lot_id=lot.id,
        member_id=line.member_id,
        paid=line.total,
        references=references,
        is_delivered_locally=lot.category == GOODS,
    )


def _at_offers(awarded: AwardedRfp, lot: Lot, each: AwardedLine) -> dict[Reference, Money]:
    """Price a line by the lowest offers: alone by what the member needs then, and pooled."""
    member_id, quantity = each.line.member_id, each.line.quantity
    offers = awarded.offers.get(lot.id, ())
    rule, alone = awarded.rules.get(lot.id, PLAIN_SUM), quantity
    if rule.terms is not None:
        asked = awarded.asked[lot.id][member_id]
        alone, _ = quantity_of(rule.terms, [rule.needed(member_id, asked)])
    by_itself = at_first_offers(_serving(offers, member_id, alone), alone, pooled=alone)
    together = at_first_offers(
        _serving(offers, member_id, lot.quantity), quantity, pooled=lot.quantity
    )
    found = {
        Reference.ALONE: by_itself.get(Reference.ALONE),
        Reference.FIRST_OFFERS: together.get(Reference.FIRST_OFFERS),
    }
    return {reference: amount for reference, amount in found.items() if amount is not None}


def _serving(offers: Iterable[OpenedBid], member_id: PartyId, quantity: Decimal) -> list[Pricing]:
    """Keep the offers that serve a member, and have the capacity for a quantity."""
    return [
        offer.content.pricing
        for offer in offers
        if (offer.content.members is None or member_id in offer.content.members)
        and (offer.content.capacity is None or offer.content.capacity >= quantity)
    ]


def _left_out(
    awarded: AwardedRfp, shown: Iterable[AwardedLine], only: PartyId | None
) -> Iterable[str]:
    """Say which lots are not in a report, and what nothing is held against."""
    within = {each.lot_id for each in shown}
    for lot in awarded.lots:
        is_concerned = only is None or only in awarded.asked.get(lot.id, {})
        if lot.id not in within and is_concerned:
            yield f"Lot {lot.number} ({lot.title}): nothing is awarded; it is {lot.status}."
    yield _NO_BUDGETS
    if not all(_tells(lot, only) for lot in awarded.lots if lot.id in within):
        yield _SEALED
