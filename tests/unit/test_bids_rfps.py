"""RFPs: from draft to publication, and their cancellation."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, Final
from uuid import UUID

import pytest

from services.bids.domain.ceremony import (
    Ceremony,
    CustodianKeyMissing,
    CustodianKeys,
    Dealt,
    OpeningDealt,
    Purpose,
    Seat,
)
from services.bids.domain.consortium import ConsortiumModel
from services.bids.domain.drafts import (
    ApproverIsDrafter,
    Draft,
    Drafter,
    DraftIncomplete,
    decide_approve,
    decide_draft,
    decide_terms,
    is_approved,
    written,
)
from services.bids.domain.lots import Lot, LotCancelled, LotStatus, exact
from services.bids.domain.parties import CustodianUnknown, Party, PartyKind
from services.bids.domain.policy import PolicyBreached, Profile, Rule
from services.bids.domain.pooling import LeftOut, LeftOutReason, Pool, PoolBy, PooledLot, Share
from services.bids.domain.publication import (
    Cancellation,
    DraftDropped,
    OpeningCancelled,
    Publication,
    RfpAlreadyCancelled,
    RfpAwarded,
    RfpAwardIntended,
    RfpWithoutLots,
    TermsFrozen,
    decide_cancel,
    decide_publish,
)
from services.bids.domain.rfps import (
    LOTS_MAX,
    DeadlinePast,
    LotsTooMany,
    Rfp,
    RfpNotDraft,
    RfpPooled,
    RfpStatus,
    decide_pool,
    shares_digest,
)
from services.bids.domain.terms import Terms, TermsUnfit
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
CUSTODIAN: Final = PartyId(UUID(int=3))
OPEN: Final = Profile(
    name="open", title="Open", jurisdiction="none", time_zone="UTC", sha256="ab" * 32
)
STRICT: Final = dataclasses.replace(
    OPEN,
    days_open=Rule(value=31, law="Act 1", source="s1"),
    second_person=Rule(value=True, law="Act 2", source="s2"),
)


def rfp(**changes: Any) -> Rfp:
    drafted: dict[str, Any] = {
        "id": RfpId(UUID(int=1)),
        "buyer_id": PartyId(UUID(int=2)),
        "title": "School milk",
        "currency": Currency("USD"),
        "consortium_model": ConsortiumModel.GROUP_PROCUREMENT,
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
    prepared = Publication(
        rfp=rfp(),
        lots=(lot(1), lot(2)),
        ceremony=Ceremony(custodian_ids=(CUSTODIAN,)),
        custodian_keys={CUSTODIAN: KEY},
    )
    return dataclasses.replace(prepared, **changes)


def deal(ceremony: Ceremony, _keys: CustodianKeys) -> list[Dealt]:
    seat = Seat(
        index=1,
        custodian_id=ceremony.custodian_ids[0],
        salt=bytes(32),
        commitment=bytes(32),
        sealed_share=SHARE_TEXT,
    )
    return [
        Dealt(
            opening_id=OPENING,
            purpose=Purpose.PRICE,
            public_key=bytes(32),
            threshold=1,
            window_s=3600,
            seats=(seat,),
        )
    ]


def deal_never(_ceremony: Ceremony, _keys: CustodianKeys) -> list[Dealt]:
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
        ({"closes_at": NOW}, DeadlinePast),
        ({"terms": Terms(criteria=())}, TermsUnfit),
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
    decision = decide_publish(draft(), profile=OPEN, deal=deal, now=NOW)

    after = decision.state
    assert (after.rfp.status, after.rfp.published_at) == (RfpStatus.PUBLISHED, NOW)
    assert [each.status for each in after.lots] == [LotStatus.OPEN, LotStatus.OPEN]
    assert after.dealt == tuple(deal(draft().ceremony, {}))
    frozen, published, opening, *opened = decision.facts
    assert isinstance(frozen, TermsFrozen)
    assert frozen.profile_sha256 == "ab" * 32
    assert isinstance(published, RfpPublished)
    assert published.lot_ids == (lot(1).id, lot(2).id)
    assert isinstance(opening, OpeningDealt)
    assert opening.public_key == "A" * 43
    assert [each.lot_id for each in opened if isinstance(each, LotOpened)] == [
        lot(1).id,
        lot(2).id,
    ]


def test_the_key_is_dealt_to_the_custodians_own() -> None:
    dealt_to: list[CustodianKeys] = []

    def remember(ceremony: Ceremony, keys: CustodianKeys) -> list[Dealt]:
        dealt_to.append(keys)
        return deal(ceremony, keys)

    decide_publish(draft(), profile=OPEN, deal=remember, now=NOW)

    assert dealt_to == [{CUSTODIAN: KEY}]


def test_a_dealt_opening_does_not_show_its_share() -> None:
    assert SHARE_TEXT.decode() not in repr(deal(draft().ceremony, {}))


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"rfp": rfp(status=RfpStatus.PUBLISHED)}, RfpNotDraft),
        ({"rfp": rfp(status=RfpStatus.CANCELLED)}, RfpNotDraft),
        ({"rfp": rfp(terms=Terms(bids_min=0))}, TermsUnfit),
        ({"rfp": rfp(closes_at=NOW)}, DeadlinePast),
        ({"lots": ()}, RfpWithoutLots),
        ({"custodian_keys": {}}, CustodianKeyMissing),
    ],
)
def test_what_cannot_be_published_deals_no_key(
    changes: dict[str, Any], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        decide_publish(draft(**changes), profile=OPEN, deal=deal_never, now=NOW)


def test_bidding_that_closes_in_a_microsecond_may_be_published() -> None:
    late = draft(rfp=rfp(closes_at=NOW + TICK))

    decision = decide_publish(late, profile=OPEN, deal=deal, now=NOW)

    assert decision.state.rfp.status is RfpStatus.PUBLISHED


def test_a_publication_that_breaks_the_profile_names_every_rule_and_deals_no_key() -> None:
    with pytest.raises(PolicyBreached) as refused:
        decide_publish(draft(), profile=STRICT, deal=deal_never, now=NOW)

    breaches: Any = refused.value.details["breaches"]
    assert [(each["rule"], each["source"]) for each in breaches] == [
        ("days_open", "s1"),
        ("second_person", "s2"),
    ]


def approved_by(person: str, *, drafted_by: str = "ann") -> Rfp:
    drafted = rfp(drafted_by=drafted_by, closes_at=NOW + timedelta(days=31))
    return decide_approve(drafted, (lot(1), lot(2)), person=person).state


def test_a_second_persons_approval_lets_a_strict_profile_publish() -> None:
    approved = draft(rfp=approved_by("ben"))

    decision = decide_publish(approved, profile=STRICT, deal=deal, now=NOW)

    assert decision.state.rfp.status is RfpStatus.PUBLISHED


@pytest.mark.parametrize(("person", "drafter"), [("ann", "ann"), ("", "ann"), ("ben", "")])
def test_nobody_approves_an_own_draft_or_without_a_name(person: str, drafter: str) -> None:
    with pytest.raises(ApproverIsDrafter):
        approved_by(person, drafted_by=drafter)


def test_a_draft_that_changed_since_its_approval_is_not_approved() -> None:
    approved = approved_by("ben")
    changed = decide_terms(approved, Terms(bids_min=2), closes_at=None, now=NOW).state

    assert is_approved(approved, (lot(1), lot(2)))
    assert not is_approved(changed, (lot(1), lot(2)))
    assert not is_approved(approved, (lot(1), lot(3)))


def drafter() -> Drafter:
    return Drafter(rfp_id=RfpId(UUID(int=8)), buyer_id=PartyId(UUID(int=2)), person="ann", at=NOW)


def test_a_draft_takes_from_an_earlier_rfp_what_it_leaves_unsaid() -> None:
    timely = Terms(bids_min=2, certified_on=NOW.date(), declarations=("letters",))
    source = rfp(title="Milk 2026", standstill_s=60, terms=timely)

    made = written(Draft(closes_at=CLOSES_AT + TICK, title="Milk 2027"), source, drafter())

    assert (made.title, made.standstill_s, made.closes_at) == ("Milk 2027", 60, CLOSES_AT + TICK)
    assert (made.drafted_from, made.drafted_by) == (source.id, "ann")
    assert made.terms == Terms(bids_min=2)


def test_a_draft_from_nothing_must_say_everything() -> None:
    with pytest.raises(DraftIncomplete) as refused:
        written(Draft(closes_at=CLOSES_AT, title="Milk"), None, drafter())

    assert refused.value.details == {"missing": "currency"}


@pytest.mark.parametrize(
    "status", [status for status in RfpStatus if status is not RfpStatus.DRAFT]
)
def test_terms_are_frozen_once_it_is_published(status: RfpStatus) -> None:
    with pytest.raises(RfpNotDraft):
        decide_terms(rfp(status=status), Terms(), closes_at=None, now=NOW)


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


def test_an_rfp_whose_award_is_on_its_way_is_not_cancelled() -> None:
    with pytest.raises(RfpAwardIntended):
        decide_cancel(
            cancellable(lot(1, LotStatus.CLOSED), lot(2, LotStatus.INTENDED)), reason="late"
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
