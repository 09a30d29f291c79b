"""Decide what of an RFP is public, and say it in the words of the standard.

A release is the same for everybody: it tells what somebody without a part in the purchase may see.
Bids are counted once bidding is over, so that nobody learns before how many there are; they are
told one by one, with names and prices, while their lot is awarded. An award is told when it is
announced, and stays, as cancelled, when it was withdrawn. What is signed, and by which members, is
told when an award is made.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from services.bids.domain.awards.award import Award as LotAward
from services.bids.domain.awards.award import AwardStatus as LotAwardStatus
from services.bids.domain.evaluation import Sight, sight_of
from services.bids.domain.lots import Lot as PooledLot
from services.bids.domain.lots import LotStatus
from services.bids.domain.ocds.contracting import (
    AwardLines,
    Won,
    buying_members,
    contracts_told,
    lead_buyer,
    planning_of,
)
from services.bids.domain.ocds.purchase import (
    Award,
    AwardStatus,
    Bid,
    BidStatus,
    Bought,
    Contract,
    ContractStatus,
    Criterion,
    CriterionType,
    Decided,
    Item,
    Lot,
    Method,
    Party,
    Period,
    Purchase,
    Tag,
    Tender,
    TenderStatus,
)
from services.bids.domain.ocds.releases import Told, release_data
from services.bids.domain.ocds.written import Data, json_text
from services.bids.domain.rfps import Rfp, RfpStatus
from services.bids.domain.terms import Criterion as TermsCriterion
from services.bids.domain.terms import CriterionKind
from shared.domain.ids import BidId, LotId, PartyId
from shared.domain.money import UnitPrice, total

DIGEST_DIGITS: Final = 16
"""Hexadecimal digits of a release's digest in its id: 64 bits tell the states of one RFP apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledBid:
    """A bid that was not withdrawn; its price and rank are the auction's where one was held.

    The price is None before the opening, and where the bid did not open; `is_out` where it takes
    no part: it failed, did not pass, or was disqualified.
    """

    bid_id: BidId
    lot_id: LotId
    vendor_id: PartyId
    received_at: datetime
    price: UnitPrice | None
    rank: int | None
    is_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningTold:
    """When bidding was over and when bids were opened, by how many of the custodians at least."""

    closed_at: datetime | None = None
    unsealed_at: datetime | None = None
    threshold: int = 1
    custodians: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RfpFile:
    """All that a release may tell of a published RFP.

    `names` are those of its buyer, of every vendor that bid or won, and of the members of `lines`:
    those that were taken of awards that were made. `members` counts whose needs were pooled.
    `auctioned` are the lots that are or were at auction; `changed_at` is when anything last changed
    that a release tells.
    """

    rfp: Rfp
    lots: Sequence[PooledLot]
    auctioned: frozenset[LotId]
    opening: OpeningTold
    bids: Sequence[FiledBid]
    awards: Sequence[LotAward]
    lines: AwardLines
    members: int
    names: Mapping[PartyId, str]
    changed_at: datetime


def ocid_of(rfp: Rfp, *, prefix: str) -> str:
    """Name the contracting process: the publisher's prefix, and the RFP's id."""
    return f"{prefix}-{rfp.id}"


def release_of(file: RfpFile, *, prefix: str, zone: ZoneInfo) -> dict[str, Data]:
    """Render the release of an RFP as it stands; its id is a digest of what it tells.

    What is told twice alike has one id, and what differs in anything has another. Contracts begin
    and end by the days of the zone.
    """
    purchase = public_purchase(file, ocid=ocid_of(file.rfp, prefix=prefix), zone=zone)
    release = release_data(
        purchase, Told(id="", at=file.changed_at, tags=_tags(file.rfp, purchase))
    )
    digest = hashlib.sha256(json_text(release).encode()).hexdigest()[:DIGEST_DIGITS]
    return {**release, "id": f"{purchase.ocid}-{digest}"}


def public_purchase(file: RfpFile, *, ocid: str, zone: ZoneInfo) -> Purchase:
    """Say what anybody may know of an RFP."""
    rfp, lead = file.rfp, lead_buyer(file.rfp)
    members = buying_members(rfp, file.lines)
    told = frozenset(lot.id for lot in file.lots if _is_told(lot))
    lots = {lot.id: lot for lot in file.lots}
    bids = [_bid(bid, lots[bid.lot_id], is_told=bid.lot_id in told) for bid in file.bids]
    bid_of = {(bid.lot_id, bid.vendor_id): bid.bid_id for bid in file.bids}
    is_over = file.opening.closed_at is not None
    return Purchase(
        ocid=ocid,
        parties=tuple(
            Party(id=str(one), name=name, is_buyer=one in members)
            for one, name in sorted(file.names.items())
        ),
        buyer_id=None if lead is None else str(lead),
        planning=planning_of(rfp, members=file.members, lots=len(file.lots)),
        tender=_tender(file, procuring_entity_id=str(rfp.buyer_id)),
        bids=tuple(bids) if is_over and rfp.status is not RfpStatus.CANCELLED else (),
        tells_bids=is_over,
        awards=tuple(
            _award(award, lots[award.lot_id], bid_of.get((award.lot_id, award.vendor_id)))
            for award in file.awards
            if award.intended_at is not None
        ),
        contracts=contracts_told(
            rfp,
            [
                Won(award, lots[award.lot_id], file.lines.get(award.id, ()))
                for award in file.awards
                if award.made_at is not None
            ],
            zone,
        ),
    )


def _is_told(lot: PooledLot) -> bool:
    return sight_of(lot, viewer_id=None, is_auditor=False) is Sight.WHOLE


def _tags(rfp: Rfp, purchase: Purchase) -> tuple[Tag, ...]:
    tender = Tag.TENDER_AMENDMENT if rfp.addendum else Tag.TENDER
    if rfp.status is RfpStatus.CANCELLED:
        tender = Tag.TENDER_CANCELLATION
    return (tender, *_award_tags(purchase.awards), *_contract_tags(purchase.contracts))


def _award_tags(awards: Sequence[Award]) -> tuple[Tag, ...]:
    cancelled = [award.status is AwardStatus.CANCELLED for award in awards]
    if not cancelled:
        return ()
    if all(cancelled):
        return (Tag.AWARD_CANCELLATION,)
    return (Tag.AWARD_UPDATE if any(cancelled) else Tag.AWARD,)


def _contract_tags(contracts: Sequence[Contract]) -> tuple[Tag, ...]:
    if not contracts:
        return ()
    is_changed = any(contract.status is ContractStatus.CANCELLED for contract in contracts)
    return (Tag.CONTRACT_UPDATE if is_changed else Tag.CONTRACT,)


def _tender(file: RfpFile, *, procuring_entity_id: str) -> Tender:
    rfp, opening = file.rfp, file.opening
    questions_close_at = rfp.terms.questions_close_at
    return Tender(
        id=str(rfp.id),
        title=rfp.title,
        status=_tender_status(rfp, file.lots),
        procuring_entity_id=procuring_entity_id,
        method=Method.SELECTIVE if rfp.terms.prequalified_only else Method.OPEN,
        decided=_decided(rfp.terms.criteria),
        lots=tuple(_lot(lot, rfp, has_auction=lot.id in file.auctioned) for lot in file.lots),
        items=tuple(_item(lot) for lot in file.lots),
        bought=_bought(file.lots),
        bidding=Period(starts_at=rfp.published_at, ends_at=rfp.closes_at),
        questions=None if questions_close_at is None else Period(ends_at=questions_close_at),
        opened_at=opening.unsealed_at,
        opening_told=_opening_told(opening),
    )


def _opening_told(opening: OpeningTold) -> str | None:
    if opening.unsealed_at is None:
        return None
    return f"Opened by at least {opening.threshold} of {opening.custodians} custodians together."


_LOT_STATUS: Final[Mapping[LotStatus, TenderStatus]] = {
    LotStatus.DRAFT: TenderStatus.PLANNING,
    LotStatus.OPEN: TenderStatus.ACTIVE,
    LotStatus.CLOSED: TenderStatus.ACTIVE,
    LotStatus.EVALUATED: TenderStatus.ACTIVE,
    LotStatus.AUCTIONING: TenderStatus.ACTIVE,
    LotStatus.INTENDED: TenderStatus.ACTIVE,
    LotStatus.AWARDED: TenderStatus.COMPLETE,
    LotStatus.NO_AWARD: TenderStatus.UNSUCCESSFUL,
    LotStatus.CANCELLED: TenderStatus.CANCELLED,
}


def _tender_status(rfp: Rfp, lots: Sequence[PooledLot]) -> TenderStatus:
    if rfp.status is RfpStatus.CANCELLED:
        return TenderStatus.CANCELLED
    statuses = {_LOT_STATUS[lot.status] for lot in lots}
    if TenderStatus.ACTIVE in statuses or not statuses:
        return TenderStatus.ACTIVE
    is_awarded = TenderStatus.COMPLETE in statuses
    return TenderStatus.COMPLETE if is_awarded else TenderStatus.UNSUCCESSFUL


def _decided(criteria: Sequence[TermsCriterion]) -> Decided:
    weighed = [each for each in criteria if each.kind is not CriterionKind.PASS_FAIL]
    is_price = all(each.kind is CriterionKind.PRICE for each in weighed)
    return Decided.PRICE_ONLY if is_price else Decided.RATED_CRITERIA


_BOUGHT: Final[Mapping[str, Bought]] = {
    "goods": Bought.GOODS,
    "software": Bought.GOODS,
    "bandwidth": Bought.SERVICES,
    "network_security": Bought.SERVICES,
    "recovery_capacity": Bought.SERVICES,
    "training": Bought.SERVICES,
    "staff": Bought.SERVICES,
}
"""What the categories of requirements are to the standard."""


def _bought(lots: Sequence[PooledLot]) -> Bought | None:
    """Say what is bought, where all lots are alike in that."""
    kinds = {_BOUGHT.get(lot.category) for lot in lots}
    return kinds.pop() if len(kinds) == 1 else None


def _lot(lot: PooledLot, rfp: Rfp, *, has_auction: bool) -> Lot:
    return Lot(
        id=str(lot.id),
        title=lot.title,
        status=_LOT_STATUS[lot.status],
        criteria=tuple(_criterion(each) for each in rfp.terms.criteria),
        has_auction=has_auction,
    )


def _criterion(criterion: TermsCriterion) -> Criterion:
    is_price = criterion.kind is CriterionKind.PRICE
    return Criterion(
        name=criterion.name,
        type=CriterionType.PRICE if is_price else CriterionType.QUALITY,
        percent=criterion.weight,
    )


_UNSPSC: Final = re.compile(r"\d{8}", re.ASCII)
"""A code of the United Nations Standard Products and Services Code has eight digits."""


def _item(lot: PooledLot, award: LotAward | None = None) -> Item:
    """Say what a lot, or an award of it, is of; the cooperative's own codes belong to no scheme."""
    is_listed = _UNSPSC.fullmatch(lot.item_code) is not None
    is_said = lot.specification in lot.title
    described = lot.title if is_said else f"{lot.title}: {lot.specification}"
    return Item(
        id=str(lot.id),
        description=described,
        quantity=lot.quantity if award is None else award.quantity,
        unit=lot.unit,
        lot_id=str(lot.id),
        scheme="UNSPSC" if is_listed else None,
        code=lot.item_code if is_listed else None,
    )


def _bid(bid: FiledBid, lot: PooledLot, *, is_told: bool) -> Bid:
    status = BidStatus.DISQUALIFIED if bid.is_out else BidStatus.VALID
    if bid.price is None and not bid.is_out:
        status = BidStatus.PENDING
    return Bid(
        id=str(bid.bid_id),
        tenderer_id=str(bid.vendor_id),
        status=status,
        filed_at=bid.received_at,
        lot_ids=(str(bid.lot_id),),
        value=None if bid.price is None else total(bid.price, lot.quantity),
        rank=None if bid.is_out else bid.rank,
        is_told=is_told,
    )


_AWARD_STATUS: Final[Mapping[LotAwardStatus, AwardStatus]] = {
    LotAwardStatus.PROPOSED: AwardStatus.PENDING,
    LotAwardStatus.INTENDED: AwardStatus.PENDING,
    LotAwardStatus.RECOMMENDED: AwardStatus.PENDING,
    LotAwardStatus.MADE: AwardStatus.ACTIVE,
    LotAwardStatus.WITHDRAWN: AwardStatus.CANCELLED,
}


def _award(award: LotAward, lot: PooledLot, bid_id: BidId | None) -> Award:
    return Award(
        id=str(award.id),
        title=lot.title,
        status=_AWARD_STATUS[award.status],
        decided_at=award.decided_at,
        lot_ids=(str(award.lot_id),),
        supplier_ids=(str(award.vendor_id),),
        value=award.total,
        items=(_item(lot, award),),
        bid_ids=() if bid_id is None else (str(bid_id),),
        reason=award.ended_reason or award.reason,
    )
