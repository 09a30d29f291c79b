"""RFPs: from draft to publication, and their cancellation."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, Final
from uuid import UUID

import pytest

from services.bids.domain.lots import Lot, LotCancelled, LotStatus, exact
from services.bids.domain.parties import CustodianUnknown, Party, PartyKind
from services.bids.domain.pooling import LeftOut, LeftOutReason, Pool, PoolBy, PooledLot, Share
from services.bids.domain.publication import (
    Cancellation,
    CustodianKeyMissing,
    Dealt,
    DraftDropped,
    OpeningCancelled,
    OpeningDealt,
    Publication,
    RfpAlreadyCancelled,
    RfpAwarded,
    RfpWithoutLots,
    decide_cancel,
    decide_publish,
)
from services.bids.domain.rfps import (
    LOTS_MAX,
    ConsortiumModel,
    DeadlinePast,
    LotsTooMany,
    PolicyProfileUnknown,
    Rfp,
    RfpNotDraft,
    RfpPooled,
    RfpStatus,
    decide_draft,
    decide_pool,
    shares_digest,
)
from shared.domain.ids import LotId, OpeningId, PartyId, RequirementId, RfpId
from shared.domain.money import Currency
from shared.domain.refusals import Refusal
from shared.events.bids import LotOpened, RfpCancelled, RfpPublished

NOW: Final = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
CLOSES_AT: Final = NOW + timedelta(days=30)
TICK: Final = timedelta(microseconds=1)
OPENING: Final = OpeningId(UUID(int=50))
KEY: Final = bytes(range(32))
SHARE_TEXT: Final = b"the sealed share"


def rfp(**changes: Any) -> Rfp:
    drafted: dict[str, Any] = {
        "id": RfpId(UUID(int=1)),
        "buyer_id": PartyId(UUID(int=2)),
        "title": "School milk",
        "currency": Currency("USD"),
        "consortium_model": ConsortiumModel.GROUP_PRICING,
        "policy_profile": "open",
        "custodian_id": PartyId(UUID(int=3)),
        "standstill_s": 0,
        "status": RfpStatus.DRAFT,
        "closes_at": CLOSES_AT,
        "drafted_at": NOW,
    }
    return Rfp(**{**drafted, **changes})


def lot(number: int, status: LotStatus = LotStatus.DRAFT) -> Lot:
    return Lot(
        id=LotId(UUID(int=100 + number)),
        rfp_id=RfpId(UUID(int=1)),
        buyer_id=PartyId(UUID(int=2)),
        number=number,
        title="Milk",
        category="goods",
        item_code="50131701",
        specification="Milk",
        unit="half pint",
        term_months=12,
        delivery_area="",
        quantity=Decimal(300),
        currency=Currency("USD"),
        status=status,
    )


def share(number: int, quantity: str = "100.000") -> Share:
    member_id = PartyId(UUID(int=200 + number))
    return Share(RequirementId(UUID(int=300 + number)), member_id, Decimal(quantity))


def pooled_lot(*shares: Share) -> PooledLot:
    return PooledLot(
        title="Milk",
        category="goods",
        item_code="50131701",
        specification="Milk",
        unit="half pint",
        term_months=12,
        delivery_area="",
        quantity=Decimal(100 * len(shares)),
        shares=shares,
    )


def minted() -> Callable[[], LotId]:
    numbers = count(100)
    return lambda: LotId(UUID(int=next(numbers)))


def draft(**changes: Any) -> Publication:
    return dataclasses.replace(
        Publication(rfp=rfp(), lots=(lot(1), lot(2)), custodian_key=KEY), **changes
    )


def deal(_custodian_key: bytes) -> Dealt:
    return Dealt(opening_id=OPENING, public_key=bytes(32), sealed_share=SHARE_TEXT)


def deal_never(_custodian_key: bytes) -> Dealt:
    sentence = "a key was dealt for a publication that was refused"
    raise AssertionError(sentence)


def custodian(kind: PartyKind = PartyKind.CUSTODIAN) -> Party:
    return Party(
        id=PartyId(UUID(int=3)),
        kind=kind,
        reference="C",
        name="Custodian",
        area="",
        registered_at=NOW,
    )


def test_a_draft_is_kept_with_its_terms_on_the_chain() -> None:
    decision = decide_draft(rfp(), custodian(), now=NOW)

    assert decision.state == rfp()
    assert [fact.TYPE for fact in decision.facts] == ["rfp.drafted"]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"policy_profile": "erate"}, PolicyProfileUnknown),
        ({"closes_at": NOW}, DeadlinePast),
    ],
)
def test_a_draft_that_could_not_be_published_is_refused(
    changes: dict[str, Any], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        decide_draft(rfp(**changes), custodian(), now=NOW)


@pytest.mark.parametrize("named", [None, custodian(PartyKind.VENDOR)])
def test_a_custodian_that_is_not_registered_as_one_is_refused(named: Party | None) -> None:
    with pytest.raises(CustodianUnknown):
        decide_draft(rfp(), named, now=NOW)


def test_a_pools_lots_are_numbered_from_one() -> None:
    pool = Pool((pooled_lot(share(1)), pooled_lot(share(2), share(3))), ())

    decision = decide_pool(rfp(), pool, by=PoolBy.ITEM, mint=minted())

    lots = [each.lot for each in decision.state.lots]
    assert [(each.number, each.id, each.status) for each in lots] == [
        (1, UUID(int=100), LotStatus.DRAFT),
        (2, UUID(int=101), LotStatus.DRAFT),
    ]
    assert decision.state.lots[1].shares == (share(2), share(3))


def test_the_chain_binds_every_share_of_a_pool() -> None:
    pool = Pool(
        (pooled_lot(share(1)),),
        (LeftOut(RequirementId(UUID(int=9)), LeftOutReason.LOT_FULL),),
    )

    (fact,) = decide_pool(rfp(), pool, by=PoolBy.ITEM, mint=minted()).facts

    assert isinstance(fact, RfpPooled)
    assert fact.left_out == 1
    assert [outline.shares_sha256 for outline in fact.lots] == [shares_digest((share(1),))]


def test_the_digest_of_shares_is_over_one_line_for_each() -> None:
    # Made by sha256sum of the line, ended by a line feed:
    # 00000000-0000-0000-0000-00000000012d 00000000-0000-0000-0000-0000000000c9 100
    expected = "2b4fd5c5a12d96e78ccf4a0f9de166e9c185184a9ad89c851daf8ad0ff70b015"

    assert shares_digest((share(1),)) == expected
    assert shares_digest((share(1, "100.000"),)) == shares_digest((share(1, "100"),))
    assert shares_digest((share(1),)) != shares_digest((share(1, "100.001"),))


@pytest.mark.parametrize(
    "status", [status for status in RfpStatus if status is not RfpStatus.DRAFT]
)
def test_lots_are_made_in_a_draft_only(status: RfpStatus) -> None:
    with pytest.raises(RfpNotDraft):
        decide_pool(rfp(status=status), Pool((), ()), by=PoolBy.ITEM, mint=minted())


def test_the_most_lots_pass_and_one_more_is_refused() -> None:
    lots = (pooled_lot(share(1)),) * LOTS_MAX
    most = decide_pool(rfp(), Pool(lots, ()), by=PoolBy.ALONE, mint=minted())

    assert len(most.state.lots) == LOTS_MAX
    with pytest.raises(LotsTooMany):
        decide_pool(rfp(), Pool((*lots, lots[0]), ()), by=PoolBy.ALONE, mint=minted())


def test_publishing_opens_every_lot_and_deals_one_opening() -> None:
    decision = decide_publish(draft(), deal=deal, now=NOW)

    after = decision.state
    assert (after.rfp.status, after.rfp.published_at) == (RfpStatus.PUBLISHED, NOW)
    assert [each.status for each in after.lots] == [LotStatus.OPEN, LotStatus.OPEN]
    assert after.dealt == deal(KEY)
    published, opening, *opened = decision.facts
    assert isinstance(published, RfpPublished)
    assert published.lot_ids == (lot(1).id, lot(2).id)
    assert isinstance(opening, OpeningDealt)
    assert opening.public_key == "A" * 43
    assert [each.lot_id for each in opened if isinstance(each, LotOpened)] == [
        lot(1).id,
        lot(2).id,
    ]


def test_the_key_is_dealt_to_the_custodians_own() -> None:
    dealt_to: list[bytes] = []

    def remember(custodian_key: bytes) -> Dealt:
        dealt_to.append(custodian_key)
        return deal(custodian_key)

    decide_publish(draft(), deal=remember, now=NOW)

    assert dealt_to == [KEY]


def test_a_dealt_opening_does_not_show_its_share() -> None:
    assert SHARE_TEXT.decode() not in repr(deal(KEY))


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"rfp": rfp(status=RfpStatus.PUBLISHED)}, RfpNotDraft),
        ({"rfp": rfp(status=RfpStatus.CANCELLED)}, RfpNotDraft),
        ({"rfp": rfp(policy_profile="texas")}, PolicyProfileUnknown),
        ({"rfp": rfp(closes_at=NOW)}, DeadlinePast),
        ({"lots": ()}, RfpWithoutLots),
        ({"custodian_key": None}, CustodianKeyMissing),
    ],
)
def test_what_cannot_be_published_deals_no_key(
    changes: dict[str, Any], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        decide_publish(draft(**changes), deal=deal_never, now=NOW)


def test_bidding_that_closes_in_a_microsecond_may_be_published() -> None:
    late = draft(rfp=rfp(closes_at=NOW + TICK))

    assert decide_publish(late, deal=deal, now=NOW).state.rfp.status is RfpStatus.PUBLISHED


def cancellable(*lots: Lot, status: RfpStatus = RfpStatus.PUBLISHED) -> Cancellation:
    return Cancellation(rfp=rfp(status=status), lots=lots, opening_id=OPENING)


def test_cancelling_ends_every_lot_and_tells_it() -> None:
    decision = decide_cancel(
        cancellable(lot(1, LotStatus.OPEN), lot(2, LotStatus.AUCTIONING)), reason="no funds"
    )

    assert decision.state.rfp.status is RfpStatus.CANCELLED
    assert decision.state.rfp.cancelled_reason == "no funds"
    assert {each.status for each in decision.state.lots} == {LotStatus.CANCELLED}
    told, opening, *cancelled = decision.facts
    assert isinstance(told, RfpCancelled)
    assert told.lot_ids == (lot(1).id, lot(2).id)
    assert isinstance(opening, OpeningCancelled)
    assert [each.was for each in cancelled if isinstance(each, LotCancelled)] == [
        LotStatus.OPEN,
        LotStatus.AUCTIONING,
    ]


def test_a_lot_that_ended_without_award_stays_as_it_is() -> None:
    decision = decide_cancel(
        cancellable(lot(1, LotStatus.NO_AWARD), status=RfpStatus.CLOSED), reason="done"
    )

    assert [each.status for each in decision.state.lots] == [LotStatus.NO_AWARD]
    assert not any(isinstance(fact, LotCancelled) for fact in decision.facts)


def test_a_draft_is_dropped_without_telling_anybody() -> None:
    before = Cancellation(rfp=rfp(), lots=(lot(1),), opening_id=None)

    decision = decide_cancel(before, reason="typo")

    assert decision.state.rfp.status is RfpStatus.CANCELLED
    assert [type(fact) for fact in decision.facts] == [DraftDropped, LotCancelled]


def test_an_rfp_with_an_awarded_lot_is_not_cancelled() -> None:
    with pytest.raises(RfpAwarded):
        decide_cancel(
            cancellable(lot(1, LotStatus.CLOSED), lot(2, LotStatus.AWARDED)), reason="late"
        )


def test_an_rfp_is_cancelled_once() -> None:
    with pytest.raises(RfpAlreadyCancelled):
        decide_cancel(cancellable(status=RfpStatus.CANCELLED), reason="again")


@pytest.mark.parametrize(
    ("quantity", "written"),
    [("300.000", "300"), ("0.200", "0.2"), ("1000000000", "1000000000"), ("2.125", "2.125")],
)
def test_a_quantity_has_one_written_form(quantity: str, written: str) -> None:
    assert f"{exact(Decimal(quantity)):f}" == written
    assert str(exact(Decimal(quantity))) == written
