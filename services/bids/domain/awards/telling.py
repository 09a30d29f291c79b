"""Write what is told of awards: to all the totals, to each member its own part."""

from collections.abc import Sequence

from services.bids.domain.auctioning import Bidder
from services.bids.domain.awards.award import Award
from services.bids.domain.awards.lines import AwardLineId, Line
from services.bids.domain.lots import Lot, exact
from shared.domain.facts import Event
from shared.domain.money import Money
from shared.events.awards import (
    AwardIntended,
    AwardLineMade,
    AwardLineRecommended,
    AwardLineWithdrawn,
    AwardMade,
    AwardNoticed,
    AwardRecommended,
    AwardWithdrawn,
)

LineOf = tuple[AwardLineId, Line]


def intended_events(
    lot: Lot, awards: Sequence[Award], bidders: Sequence[Bidder]
) -> tuple[Event, ...]:
    """Tell that a lot's winners are named: to all, and each bidder for itself."""
    winners = {award.vendor_id for award in awards}
    ends_at = max(award.standstill_ends_at for award in awards if award.standstill_ends_at)
    noticed = (
        AwardNoticed(
            lot_id=lot.id,
            rfp_id=lot.rfp_id,
            buyer_id=lot.buyer_id,
            vendor_id=bidder.vendor_id,
            is_winner=bidder.vendor_id in winners,
            rank=bidder.rank,
            unit_price=str(bidder.price),
            currency=bidder.price.currency,
            standstill_ends_at=ends_at,
        )
        for bidder in bidders
    )
    return (*(_intended(lot, award) for award in awards), *noticed)


def _intended(lot: Lot, award: Award) -> AwardIntended:
    assert award.standstill_ends_at is not None, "what is intended has a standstill"
    return AwardIntended(
        award_id=award.id,
        lot_id=lot.id,
        rfp_id=lot.rfp_id,
        buyer_id=lot.buyer_id,
        vendor_id=award.vendor_id,
        unit_price=str(award.price),
        currency=award.price.currency,
        standstill_ends_at=award.standstill_ends_at,
    )


def recommended_events(
    lot: Lot, award: Award, lines: Sequence[LineOf], *, vendor_name: str
) -> tuple[Event, ...]:
    """Tell that members may take an award, and ask each for its answer."""
    assert award.answers_end_at is not None, "what is recommended has a window"
    recommended = AwardRecommended(
        award_id=award.id,
        lot_id=lot.id,
        rfp_id=lot.rfp_id,
        buyer_id=lot.buyer_id,
        vendor_id=award.vendor_id,
        unit_price=str(award.price),
        currency=award.price.currency,
        answers_end_at=award.answers_end_at,
        lines=len(lines),
    )
    asked = (
        AwardLineRecommended(
            award_line_id=line_id,
            award_id=award.id,
            lot_id=lot.id,
            rfp_id=lot.rfp_id,
            buyer_id=lot.buyer_id,
            member_id=line.member_id,
            vendor_id=award.vendor_id,
            vendor_name=vendor_name,
            lot_title=lot.title,
            quantity=exact(line.quantity),
            unit=lot.unit,
            unit_price=str(award.price),
            total=str(line.total),
            currency=award.price.currency,
            answers_end_at=award.answers_end_at,
        )
        for line_id, line in lines
    )
    return (recommended, *asked)


def made_events(
    lot: Lot, award: Award, lines: Sequence[LineOf], *, vendor_name: str
) -> tuple[Event, ...]:
    """Tell that an award is final, and give each member its line."""
    made = AwardMade(
        award_id=award.id,
        lot_id=lot.id,
        rfp_id=lot.rfp_id,
        buyer_id=lot.buyer_id,
        vendor_id=award.vendor_id,
        quantity=award.quantity,
        unit=lot.unit,
        unit_price=str(award.price),
        total=str(award.total),
        currency=award.price.currency,
        lines=len(lines),
    )
    told = (
        AwardLineMade(
            award_line_id=line_id,
            award_id=award.id,
            lot_id=lot.id,
            rfp_id=lot.rfp_id,
            buyer_id=lot.buyer_id,
            member_id=line.member_id,
            vendor_id=award.vendor_id,
            vendor_name=vendor_name,
            lot_title=lot.title,
            quantity=exact(line.quantity),
            unit=lot.unit,
            unit_price=str(award.price),
            total=str(line.total),
            currency=award.price.currency,
            baseline_total=_text(line.baseline_total),
            saving=_text(line.saving),
            margin=_text(line.margin),
        )
        for line_id, line in lines
    )
    return (made, *told)


def withdrawn_events(
    lot: Lot, award: Award, lines: Sequence[LineOf], *, reason: str
) -> tuple[Event, ...]:
    """Tell that an award holds no more; members that were told of their line are told of this."""
    withdrawn = AwardWithdrawn(
        award_id=award.id,
        lot_id=lot.id,
        rfp_id=lot.rfp_id,
        buyer_id=lot.buyer_id,
        vendor_id=award.vendor_id,
        reason=reason,
    )
    told = (
        AwardLineWithdrawn(
            award_line_id=line_id,
            award_id=award.id,
            lot_id=lot.id,
            rfp_id=lot.rfp_id,
            buyer_id=lot.buyer_id,
            member_id=line.member_id,
            vendor_id=award.vendor_id,
            lot_title=lot.title,
        )
        for line_id, line in lines
    )
    return (withdrawn, *told)


def _text(amount: Money | None) -> str | None:
    return None if amount is None else str(amount)
