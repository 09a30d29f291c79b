"""Tell a vendor that bid who is to win, how it did itself, and by when it may protest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from services.bids.domain.auctioning import Bidder
from services.bids.domain.awards.award import Award, AwardStatus
from services.bids.domain.lots import Lot
from services.bids.domain.scoring import ranking
from shared.domain.ids import PartyId
from shared.domain.money import Money, UnitPrice
from shared.domain.refusals import Kind, Refusal


class NoticeUnknown(Refusal):
    """No winner of the lot is named yet, or the caller did not bid on it."""

    kind = Kind.NOT_FOUND
    code = "notice_unknown"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("There is no notice for you on this lot.")


@dataclass(frozen=True, slots=True, kw_only=True)
class BidderScore:
    """How a bid was scored: what it was ranked by, and its points where the method weighs any.

    `set_aside` says why it could not win, where it could not.
    """

    value: Fraction | None = None
    points: Mapping[str, Fraction] | None = None
    set_aside: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticedWinner:
    """What a winner wins, and how it was scored."""

    vendor_id: PartyId
    vendor_name: str
    price: UnitPrice
    quantity: Decimal
    total: Money
    score: BidderScore


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One vendor's notice; `rank` and `price` are None where it has no place in the ranking."""

    lot: Lot
    vendor_id: PartyId
    rank: int | None
    price: UnitPrice | None
    score: BidderScore
    winners: tuple[NoticedWinner, ...]
    by_auction: bool
    by_scenario: bool
    reason: str | None
    standstill_ends_at: datetime | None
    is_suspended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A lot whose winners are named, with what they were named from.

    `scoring` is None where nothing but the price was weighed.
    """

    lot: Lot
    awards: Sequence[tuple[Award, str]]
    bidders: Sequence[Bidder]
    by_auction: bool
    scoring: ranking.Scoring | None


def notice_to(vendor_id: PartyId, decided: Decided) -> Notice:
    """Write the notice to a vendor that bid.

    Raises:
        NoticeUnknown: No winner is named, or what is decided waits for a second person.
    """
    awards = [award for award, _ in decided.awards]
    if not awards or any(award.status is AwardStatus.PROPOSED for award in awards):
        raise NoticeUnknown
    own = next((each for each in decided.bidders if each.vendor_id == vendor_id), None)
    return Notice(
        lot=decided.lot,
        vendor_id=vendor_id,
        rank=None if own is None else own.rank,
        price=None if own is None else own.price,
        score=_score_of(vendor_id, decided.scoring),
        winners=tuple(
            NoticedWinner(
                vendor_id=award.vendor_id,
                vendor_name=name,
                price=award.price,
                quantity=award.quantity,
                total=award.total,
                score=_score_of(award.vendor_id, decided.scoring),
            )
            for award, name in decided.awards
        ),
        by_auction=decided.by_auction,
        by_scenario=awards[0].scenario_id is not None,
        reason=awards[0].reason,
        standstill_ends_at=awards[0].standstill_ends_at,
        is_suspended=awards[0].suspended_at is not None,
    )


def _score_of(vendor_id: PartyId, scoring: ranking.Scoring | None) -> BidderScore:
    if scoring is None:
        return BidderScore()
    for scored in scoring.ranked:
        if scored.candidate.vendor_id == vendor_id:
            return BidderScore(value=scored.value, points=scored.points)
    for aside in scoring.set_aside:
        if aside.candidate.vendor_id == vendor_id:
            return BidderScore(set_aside=f"{aside.why}: {aside.about}")
    return BidderScore()
