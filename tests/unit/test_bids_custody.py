"""The custodians' shares, their window, and the key that they make: pure decisions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.bids.domain.ceremony import (
    CUSTODIANS_MAX,
    Ceremony,
    CeremonyUnfit,
    CustodianKeyMissing,
    Seat,
    ShareFault,
    decide_plan,
    require_keys,
)
from services.bids.domain.custody import (
    ClockWentBack,
    OpenerChanged,
    OpenerKeyStale,
    OpeningNotClosed,
    ResealedShareMalformed,
    ShareRefused,
    ShareSubmitted,
    TechnicalPartFirst,
    WindowPassed,
    decide_new_opener,
    decide_refuse_shares,
    decide_submit,
    decide_window,
    recover_key,
)
from services.bids.domain.openings import Opening, OpeningStatus, OpeningUnknown
from services.bids.domain.parties import CustodianUnknown
from services.bids.domain.rehearsal import decide_rehearsed
from shared.domain.ids import OpeningId, PartyId, RfpId
from shared.sealing import Share, commit_to, deal, generate_key_pair, seal_share

NOON = datetime(2027, 3, 15, 12, tzinfo=UTC)
WINDOW = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
OPENING_ID = OpeningId(UUID(int=1))
KEYS, OPENER, OTHER_OPENER = generate_key_pair(), generate_key_pair(), generate_key_pair()
SALT = bytes(32)
SHARES = deal(KEYS.private, threshold=2, custodians=3)
CUSTODIANS = tuple(PartyId(UUID(int=10 + share.index)) for share in SHARES)


def opening_of(shares: tuple[Share, ...] = SHARES) -> Opening:
    """A closed opening that two of three custodians open, nobody having come yet."""
    return Opening(
        id=OPENING_ID,
        rfp_id=RfpId(UUID(int=2)),
        buyer_id=PartyId(UUID(int=3)),
        status=OpeningStatus.CLOSED,
        closes_at=NOON,
        public_key=KEYS.public,
        threshold=2,
        window_s=int(WINDOW.total_seconds()),
        opener_key=OPENER.public,
        seats=tuple(
            Seat(
                index=share.index,
                custodian_id=custodian,
                salt=SALT,
                commitment=commit_to(share, SALT),
                sealed_share=b"",
            )
            for share, custodian in zip(shares, CUSTODIANS, strict=True)
        ),
    )


def resealed(share: Share, *, opener: bytes = OPENER.public) -> bytes:
    return seal_share(share.to_bytes(), opener, opening_id=OPENING_ID, purpose="opening")


def submit(
    opening: Opening, seat: int, *, at: datetime = NOON, share: bytes | None = None
) -> Opening:
    return decide_submit(
        opening,
        custodian_id=CUSTODIANS[seat],
        opener_key=OPENER.public,
        share=share or resealed(SHARES[seat]),
        now=at,
    ).state


def flipped(share: Share) -> Share:
    return replace(share, value=bytes([share.value[0] ^ 1]) + share.value[1:])


def test_two_of_three_shares_make_the_key_whichever_they_are() -> None:
    for first, second in ((0, 1), (0, 2), (2, 1)):
        opening = submit(submit(opening_of(), first), second)

        assert recover_key(opening, OPENER.private) == KEYS.private


def test_one_share_of_two_makes_no_key_and_is_no_fault() -> None:
    assert recover_key(submit(opening_of(), 0), OPENER.private) is None


def test_same_custodian_twice_is_one_share() -> None:
    opening = submit(submit(opening_of(), 0), 0)

    assert len(opening.submitted) == 1
    assert recover_key(opening, OPENER.private) is None


def test_all_three_shares_make_the_key_too() -> None:
    opening = submit(submit(submit(opening_of(), 0), 1), 2)

    assert recover_key(opening, OPENER.private) == KEYS.private


def test_share_with_one_flipped_bit_is_named_among_the_right_ones() -> None:
    opening = submit(submit(opening_of(), 0), 1, share=resealed(flipped(SHARES[1])))

    recovered = recover_key(opening, OPENER.private)

    assert isinstance(recovered, dict)
    assert {index: fault for index, (_, fault) in recovered.items()} == {2: ShareFault.ALTERED}


def test_wrong_share_is_named_before_there_are_enough() -> None:
    opening = submit(opening_of(), 2, share=resealed(SHARES[0]))

    recovered = recover_key(opening, OPENER.private)

    assert isinstance(recovered, dict)
    assert recovered[3][1] is ShareFault.ALTERED


@pytest.mark.parametrize("place", [0, 40, 81])
def test_share_whose_seal_has_a_flipped_bit_does_not_open(place: int) -> None:
    sealed = bytearray(resealed(SHARES[0]))
    sealed[place] ^= 1

    recovered = recover_key(submit(opening_of(), 0, share=bytes(sealed)), OPENER.private)

    assert isinstance(recovered, dict)
    assert recovered[1][1] is ShareFault.BROKEN


def test_shares_as_dealt_that_make_another_key_are_the_dealers_fault_and_all_refused() -> None:
    opening = replace(opening_of(), public_key=generate_key_pair().public)

    recovered = recover_key(submit(submit(opening, 0), 1), OPENER.private)

    assert isinstance(recovered, dict)
    assert {fault for _, fault in recovered.values()} == {ShareFault.MISMATCH}


def test_refused_share_leaves_its_seat_with_the_reason_and_the_other_stands() -> None:
    wrong = resealed(flipped(SHARES[1]))
    opening = submit(submit(opening_of(), 0), 1, share=wrong)

    decision = decide_refuse_shares(opening, {2: (wrong, ShareFault.ALTERED)})

    assert decision.facts == (
        ShareRefused(custodian_id=CUSTODIANS[1], index=2, reason=ShareFault.ALTERED),
    )
    assert [seat.index for seat in decision.state.submitted] == [1]
    assert decision.state.seats[1].refused_reason is ShareFault.ALTERED
    assert recover_key(submit(decision.state, 1), OPENER.private) == KEYS.private
    assert submit(decision.state, 1).seats[1].refused_reason is None


def test_share_that_was_submitted_meanwhile_is_not_put_aside() -> None:
    opening = submit(opening_of(), 1)

    decision = decide_refuse_shares(opening, {2: (b"an older one", ShareFault.BROKEN)})

    assert (decision.state, decision.facts) == (opening, ())


def test_window_stands_until_its_end_and_voids_the_shares_at_its_end() -> None:
    opening = submit(opening_of(), 0)

    before = decide_window(opening, now=NOON + WINDOW - MICROSECOND)
    after = decide_window(opening, now=NOON + WINDOW)

    assert before.facts == ()
    assert after.state.submitted == ()
    assert after.facts == (
        WindowPassed(
            opened_at=NOON,
            passed_at=NOON + WINDOW,
            shares_voided=(1,),
            missing_custodian_ids=(CUSTODIANS[1], CUSTODIANS[2]),
        ),
    )


def test_window_does_nothing_once_enough_shares_are_there() -> None:
    opening = submit(submit(opening_of(), 0), 1, at=NOON + WINDOW - MICROSECOND)

    assert decide_window(opening, now=NOON + 10 * WINDOW).facts == ()


def test_share_after_the_window_begins_the_next_one_alone() -> None:
    first = submit(opening_of(), 0)

    decision = decide_submit(
        first,
        custodian_id=CUSTODIANS[1],
        opener_key=OPENER.public,
        share=resealed(SHARES[1]),
        now=NOON + WINDOW,
    )

    assert [type(fact) for fact in decision.facts] == [WindowPassed, ShareSubmitted]
    assert [seat.index for seat in decision.state.submitted] == [2]
    assert decision.state.window_opened_at == NOON + WINDOW


def test_clock_that_went_back_makes_no_share_older_and_is_recorded() -> None:
    first = submit(opening_of(), 0)

    decision = decide_submit(
        first,
        custodian_id=CUSTODIANS[1],
        opener_key=OPENER.public,
        share=resealed(SHARES[1]),
        now=NOON - WINDOW,
    )

    assert decision.facts[0] == ClockWentBack(told=NOON - WINDOW, counted=NOON)
    assert decision.state.seats[1].submitted_at == NOON
    assert decision.state.window_opened_at == NOON


def test_clocks_a_quarter_second_apart_are_nothing_to_record() -> None:
    decision = decide_submit(
        submit(opening_of(), 0),
        custodian_id=CUSTODIANS[1],
        opener_key=OPENER.public,
        share=resealed(SHARES[1]),
        now=NOON - timedelta(milliseconds=250),
    )

    assert [type(fact) for fact in decision.facts] == [ShareSubmitted]


def test_clock_that_goes_back_prolongs_no_window_that_passes_later() -> None:
    opening = submit(opening_of(), 0)

    assert decide_window(opening, now=NOON - WINDOW).facts == ()
    assert decide_window(opening, now=NOON + WINDOW).facts != ()


def test_new_opener_voids_the_shares_that_were_sealed_to_the_one_before() -> None:
    opening = submit(opening_of(), 2)

    decision = decide_new_opener(opening, OTHER_OPENER.public)

    (fact,) = decision.facts
    assert isinstance(fact, OpenerChanged)
    assert fact.shares_voided == (3,)
    assert decision.state.submitted == ()
    with pytest.raises(OpenerKeyStale):
        submit(decision.state, 0)


def test_same_opener_changes_nothing() -> None:
    opening = submit(opening_of(), 0)

    assert decide_new_opener(opening, OPENER.public).state == opening


@pytest.mark.parametrize(
    "status", [OpeningStatus.SEALED, OpeningStatus.UNSEALED, OpeningStatus.CANCELLED]
)
def test_opening_that_is_not_closed_changes_by_nothing(status: OpeningStatus) -> None:
    opening = replace(submit(opening_of(), 0), status=status)
    share = opening.seats[0].submitted_share or b""

    assert decide_new_opener(opening, OTHER_OPENER.public).facts == ()
    assert decide_window(opening, now=NOON + WINDOW).facts == ()
    assert decide_refuse_shares(opening, {1: (share, ShareFault.BROKEN)}).facts == ()
    assert decide_rehearsed(opening, canary_opened=True, now=NOON).facts == ()
    with pytest.raises(OpeningNotClosed):
        submit(opening, 1)


def test_whoever_has_no_seat_submits_nothing() -> None:
    with pytest.raises(OpeningUnknown):
        decide_submit(
            opening_of(),
            custodian_id=PartyId(UUID(int=99)),
            opener_key=OPENER.public,
            share=resealed(SHARES[0]),
            now=NOON,
        )


@pytest.mark.parametrize("shown", [OTHER_OPENER.public, None], ids=["another", "none"])
def test_share_for_another_openers_key_is_stale(shown: bytes | None) -> None:
    with pytest.raises(OpenerKeyStale):
        submit(replace(opening_of(), opener_key=shown), 0)


@pytest.mark.parametrize("length", [1, 81, 83])
def test_share_of_another_length_is_malformed(length: int) -> None:
    with pytest.raises(ResealedShareMalformed):
        submit(opening_of(), 0, share=bytes(length))


def test_prices_take_no_share_while_the_technical_parts_are_not_judged() -> None:
    with pytest.raises(TechnicalPartFirst):
        submit(replace(opening_of(), awaits_technical=True), 0)


def test_opening_shows_no_share_when_printed() -> None:
    opening = submit(opening_of(), 0)

    assert repr(opening.seats[0].submitted_share) not in repr(opening)


# The plan --------------------------------------------------------------------------------------


def ceremony(custodians: tuple[PartyId, ...] = CUSTODIANS, *, threshold: int = 2) -> Ceremony:
    return Ceremony(custodian_ids=custodians, threshold=threshold)


@pytest.mark.parametrize("threshold", [1, 3])
def test_threshold_is_between_one_and_all(threshold: int) -> None:
    planned = ceremony(threshold=threshold)

    assert decide_plan(RfpId(UUID(int=2)), planned, set(CUSTODIANS)).state == planned


@pytest.mark.parametrize(
    "unfit",
    [
        ceremony(threshold=0),
        ceremony(threshold=4),
        ceremony((CUSTODIANS[0], CUSTODIANS[0])),
        ceremony(()),
        ceremony(tuple(PartyId(UUID(int=n)) for n in range(CUSTODIANS_MAX + 1))),
    ],
)
def test_plan_that_nobody_could_follow_is_unfit(unfit: Ceremony) -> None:
    with pytest.raises(CeremonyUnfit):
        decide_plan(RfpId(UUID(int=2)), unfit, set(unfit.custodian_ids))


def test_plan_names_registered_custodians_alone() -> None:
    with pytest.raises(CustodianUnknown):
        decide_plan(RfpId(UUID(int=2)), ceremony(), set(CUSTODIANS[:2]))


def test_custodian_without_a_key_is_named() -> None:
    with pytest.raises(CustodianKeyMissing) as refused:
        require_keys(ceremony(), {CUSTODIANS[0]: b"", CUSTODIANS[2]: b""})

    assert refused.value.details == {"custodian_ids": [str(CUSTODIANS[1])]}
