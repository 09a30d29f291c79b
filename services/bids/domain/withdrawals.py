"""Take a bid back after the opening for a mistake of the pen, where the policy profile lets one.

The vendor claims it, with a reason and the hash of its evidence, within the profile's days; the
buyer decides, with a reason. A bid that is withdrawn leaves the ranking as one that is set aside
does. Nobody's price is changed by it.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, NewType
from uuid import UUID

from services.bids.domain.auctioning import LotNotEvaluated, refuse_unless_evaluated
from services.bids.domain.compliance import day_in, working_days_between
from services.bids.domain.lots import Lot, LotStatus
from services.bids.domain.policy import Profile, Rule
from services.bids.domain.scoring.cascade import BidDisqualified, BidUnscored
from shared.domain.facts import Fact
from shared.domain.ids import BidId, LotId, PartyId
from shared.domain.refusals import Kind, Refusal
from shared.events.bid_withdrawals import BidWithdrawalClaimed, BidWithdrawalDecided

ClaimId = NewType("ClaimId", UUID)


class ClericalMistake(StrEnum):
    """What went wrong when the bid was written; none of it is a judgment."""

    ARITHMETIC_ERROR = "arithmetic_error"
    OMISSION = "omission"
    TRANSCRIPTION = "transcription"


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalClaim:
    """A vendor's claim to take its bid back; `is_granted` is None until the buyer decides."""

    id: ClaimId
    bid_id: BidId
    lot_id: LotId
    vendor_id: PartyId
    mistake: ClericalMistake
    reason: str = field(repr=False)
    evidence_sha256: bytes
    claimed_at: datetime
    is_granted: bool | None = None
    decided_reason: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClaim:
    """A claim as its vendor writes it."""

    id: ClaimId
    lot_id: LotId
    vendor_id: PartyId
    mistake: ClericalMistake
    reason: str = field(repr=False)
    evidence_sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBid:
    """An opened bid as whoever claims or decides finds it, with its lot's row held.

    `lowest_other_e4` is the lowest price among the lot's other bids that were not set aside; None
    where there are none.
    """

    lot: Lot
    bid_id: BidId
    vendor_id: PartyId
    price_e4: int = field(repr=False)
    lowest_other_e4: int | None = field(repr=False)
    unsealed_at: datetime
    policy_profile: str
    is_set_aside: bool
    claim: WithdrawalClaim | None


@dataclass(frozen=True, slots=True)
class Withdrawing:
    """A claim as it now stands, its facts for the lot's chain, and whom to tell."""

    claim: WithdrawalClaim
    facts: tuple[Fact, ...]
    told: BidWithdrawalClaimed | BidWithdrawalDecided


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalSought(Fact):
    """A vendor claims to withdraw its opened bid; its own words stay off the chain."""

    TYPE: ClassVar[str] = "bid.withdrawal_sought"

    claim_id: ClaimId
    lot_id: LotId
    bid_id: BidId
    mistake: ClericalMistake
    evidence_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalJudged(Fact):
    """The buyer lets an opened bid be withdrawn, or holds its vendor to it."""

    TYPE: ClassVar[str] = "bid.withdrawal_judged"

    claim_id: ClaimId
    lot_id: LotId
    bid_id: BidId
    is_granted: bool
    reason: str


class WithdrawalBarred(Refusal):
    """The policy profile lets no bid be withdrawn after the opening."""

    kind = Kind.CONFLICT
    code = "withdrawal_barred"


class MistakeNotClerical(Refusal):
    """The policy profile lets no bid be withdrawn for such a mistake."""

    kind = Kind.INVALID
    code = "mistake_not_clerical"


class WithdrawalLate(Refusal):
    """The days within which the policy profile lets a withdrawal be claimed are over."""

    kind = Kind.CONFLICT
    code = "withdrawal_late"


class WithdrawalClaimed(Refusal):
    """The withdrawal of this bid was claimed before; it is decided once."""

    kind = Kind.CONFLICT
    code = "withdrawal_claimed"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("The withdrawal of this bid was claimed before.")


class WithdrawalClaimUnknown(Refusal):
    """There is no such claim on a lot of the caller's."""

    kind = Kind.NOT_FOUND
    code = "withdrawal_claim_unknown"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("There is no such claim.")


class ClaimDecided(Refusal):
    """The claim was decided otherwise; that stands."""

    kind = Kind.CONFLICT
    code = "claim_decided"


class WithdrawalUnfounded(Refusal):
    """The policy profile lets a bid be withdrawn only where it is lower than all others."""

    kind = Kind.CONFLICT
    code = "withdrawal_unfounded"


class WithdrawalUndecided(Refusal):
    """A vendor claims to withdraw its bid on the lot, and the buyer has not decided on that."""

    kind = Kind.CONFLICT
    code = "withdrawal_undecided"


def decide_claim(
    bid: OpenedBid, new: NewClaim, *, profile: Profile, received_at: datetime
) -> Withdrawing:
    """Claim to withdraw an opened bid, before its lot is decided; also while it is at auction.

    Raises:
        LotNotEvaluated: The lot is decided, or ended.
        BidUnscored: The bid was set aside before.
        WithdrawalClaimed: The vendor claimed it before.
        WithdrawalBarred: The profile does not allow it.
        MistakeNotClerical: The profile does not allow it for such a mistake.
        WithdrawalLate: The profile's days are over.
    """
    if bid.lot.status not in {LotStatus.EVALUATED, LotStatus.AUCTIONING}:
        sentence = f"The lot is {bid.lot.status}; no bid is withdrawn from it any more."
        raise LotNotEvaluated(sentence)
    if bid.claim is not None:
        raise WithdrawalClaimed
    _require_standing(bid)
    _require_lawful(profile, new.mistake)
    _require_timely(profile, opened_at=bid.unsealed_at, received_at=received_at)
    claim = WithdrawalClaim(
        id=new.id,
        bid_id=bid.bid_id,
        lot_id=bid.lot.id,
        vendor_id=bid.vendor_id,
        mistake=new.mistake,
        reason=new.reason,
        evidence_sha256=new.evidence_sha256,
        claimed_at=received_at,
    )
    fact = WithdrawalSought(
        claim_id=claim.id,
        lot_id=claim.lot_id,
        bid_id=claim.bid_id,
        mistake=claim.mistake,
        evidence_sha256=claim.evidence_sha256.hex(),
    )
    return Withdrawing(claim, (fact,), _claimed(bid, claim))


def decide_withdrawal(
    bid: OpenedBid, *, is_granted: bool, reason: str, profile: Profile, now: datetime
) -> Withdrawing | None:
    """Grant a claim, so that the bid leaves the ranking, or refuse it, so that the bid stands.

    The same decision again is None: it changes nothing.

    Raises:
        WithdrawalClaimUnknown: Nothing was claimed.
        ClaimDecided: It was decided otherwise.
        LotNotEvaluated: The lot is at auction, decided or ended.
        BidUnscored: The bid was set aside since, so that there is nothing to be withdrawn.
        WithdrawalUnfounded: The profile asks for a bid lower than all others, and it is not.
    """
    claim = bid.claim
    if claim is None:
        raise WithdrawalClaimUnknown
    if claim.is_granted is not None:
        if (claim.is_granted, claim.decided_reason) == (is_granted, reason):
            return None
        sentence = "The claim was decided before; that stands."
        raise ClaimDecided(sentence)
    refuse_unless_evaluated(bid.lot)
    facts: tuple[Fact, ...] = ()
    if is_granted:
        _require_standing(bid)
        _require_lowest(bid, profile)
        facts = (_set_aside(claim, reason),)
    decided = replace(claim, is_granted=is_granted, decided_reason=reason, decided_at=now)
    judged = WithdrawalJudged(
        claim_id=claim.id,
        lot_id=claim.lot_id,
        bid_id=claim.bid_id,
        is_granted=is_granted,
        reason=reason,
    )
    return Withdrawing(decided, (judged, *facts), _decided(bid, judged))


def refuse_pending(pending: int) -> None:
    """Let a lot go on whose claims are all decided.

    Raises:
        WithdrawalUndecided: Some are not.
    """
    if pending:
        sentence = "Decide first on the vendor's claim to withdraw its bid on this lot."
        raise WithdrawalUndecided(sentence)


def _require_standing(bid: OpenedBid) -> None:
    if bid.is_set_aside:
        sentence = "The bid was set aside before; there is nothing to be withdrawn."
        raise BidUnscored(sentence)


def _require_lawful(profile: Profile, mistake: ClericalMistake) -> None:
    if not profile.allows_clerical_withdrawal:
        rule = profile.withdrawal_after_opening
        by = f"the profile {profile.name}, which names no law for it," if rule is None else rule.law
        sentence = f"By {by} no bid is withdrawn after the opening."
        raise WithdrawalBarred(sentence, details=_source_of(rule))
    mistakes = profile.withdrawal_mistakes
    if mistakes is not None and mistake not in mistakes.value:
        sentence = f"By {mistakes.law} a bid is withdrawn for: {', '.join(mistakes.value)}."
        raise MistakeNotClerical(sentence, details=_source_of(mistakes))


def _require_timely(profile: Profile, *, opened_at: datetime, received_at: datetime) -> None:
    """Count days in the profile's zone; that of the opening is none of them."""
    first, today = (day_in(profile.zone, at) for at in (opened_at, received_at))
    passed = (
        (profile.withdrawal_working_days, working_days_between(first, today), "working days"),
        (profile.withdrawal_days, (today - first).days, "days"),
    )
    for rule, days, word in passed:
        if rule is not None and days > rule.value:
            within = f"within {rule.value} {word} of the opening on {first}"
            sentence = f"By {rule.law} a withdrawal is claimed {within}."
            raise WithdrawalLate(sentence, details=_source_of(rule))


def _require_lowest(bid: OpenedBid, profile: Profile) -> None:
    # The vendor is not told this when it claims: it would learn whether it was the lowest.
    rule = profile.withdrawal_lowest_only
    if rule is None or not rule.value:
        return
    if bid.lowest_other_e4 is not None and bid.price_e4 >= bid.lowest_other_e4:
        sentence = f"By {rule.law} only a bid that is lower than all others is withdrawn."
        raise WithdrawalUnfounded(sentence, details=_source_of(rule))


def _source_of(
    rule: Rule[str] | Rule[int] | Rule[bool] | Rule[tuple[str, ...]] | None,
) -> dict[str, object]:
    return {} if rule is None else {"law": rule.law, "source": rule.source}


def _set_aside(claim: WithdrawalClaim, reason: str) -> BidDisqualified:
    return BidDisqualified(
        lot_id=claim.lot_id,
        bid_id=claim.bid_id,
        reason=f"Withdrawn by its vendor for a clerical error ({claim.mistake}): {reason}",
    )


def _claimed(bid: OpenedBid, claim: WithdrawalClaim) -> BidWithdrawalClaimed:
    return BidWithdrawalClaimed(
        claim_id=claim.id,
        lot_id=claim.lot_id,
        rfp_id=bid.lot.rfp_id,
        buyer_id=bid.lot.buyer_id,
        bid_id=claim.bid_id,
        mistake=claim.mistake,
        claimed_at=claim.claimed_at,
    )


def _decided(bid: OpenedBid, judged: WithdrawalJudged) -> BidWithdrawalDecided:
    return BidWithdrawalDecided(
        claim_id=judged.claim_id,
        lot_id=judged.lot_id,
        rfp_id=bid.lot.rfp_id,
        buyer_id=bid.lot.buyer_id,
        vendor_id=bid.vendor_id,
        bid_id=judged.bid_id,
        is_granted=judged.is_granted,
        reason=judged.reason,
    )
