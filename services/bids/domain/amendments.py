"""Amend a published RFP by addenda: numbered, each substantial or not, with or without more time.

A substantial addendum changes what is asked for: bids received before it count only if their
vendors confirm them or file anew, and the profile's wait before an award begins again. A deadline
only moves later, and only before it has come: then nothing of the opening's key was combined, and
the key stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from services.bids.domain.compliance import beginning_of, day_in, earliest_award_on
from services.bids.domain.policy import Profile
from services.bids.domain.rfps import Rfp, RfpStatus, require_terms
from shared.domain.facts import Decision, Fact
from shared.domain.ids import BidId, LotId, OpeningId, RfpId
from shared.domain.refusals import Kind, Refusal
from shared.events.bids import RfpAmended

ADDENDA_MAX: Final = 1_000
"""An RFP that changes more often than this should be cancelled and drafted anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addendum:
    """One change of a published RFP; `closes_at` is the deadline that stands from it on."""

    id: UUID
    rfp_id: RfpId
    version: int
    is_substantial: bool
    text: str
    closes_at: datetime
    issued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAddendum:
    """An addendum as its buyer writes it; without `closes_at` the deadline stays."""

    id: UUID
    is_substantial: bool
    text: str
    closes_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What an addendum looks at and changes.

    `opening_ids` are those whose gate is held and still sealed; nothing else can be amended.
    """

    rfp: Rfp
    opening_ids: tuple[OpeningId, ...]
    addendum: Addendum | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineMoved(Fact):
    """An opening's deadline was moved; its key stays, for nothing of it was combined."""

    TYPE: ClassVar[str] = "opening.deadline_moved"

    opening_id: OpeningId
    addendum: int
    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BidConfirmed(Fact):
    """A vendor lets its bid stand under an addendum; the bid's id stands for the vendor."""

    TYPE: ClassVar[str] = "bid.confirmed"

    opening_id: OpeningId
    bid_id: BidId
    lot_id: LotId
    addendum: int
    confirmed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmable:
    """A bid that stands, as whoever confirms it finds it, with its gate held."""

    opening_id: OpeningId
    bid_id: BidId
    lot_id: LotId
    is_sealed: bool
    closes_at: datetime
    addendum: int


class RfpNotPublished(Refusal):
    """The RFP is a draft, closed or cancelled; only a published one is amended or asked about."""

    kind = Kind.CONFLICT
    code = "rfp_not_published"


class DeadlineMovedBack(Refusal):
    """A deadline that was published is never moved to an earlier instant."""

    kind = Kind.INVALID
    code = "deadline_moved_back"

    def __init__(self) -> None:
        """Say what is possible."""
        super().__init__("A published deadline can only be moved to a later instant.")


class AddendaTooMany(Refusal):
    """The RFP has as many addenda as an RFP may have."""

    kind = Kind.CONFLICT
    code = "addenda_too_many"


class AddendumUnknown(Refusal):
    """The addendum to be confirmed is not the last one of the RFP."""

    kind = Kind.CONFLICT
    code = "addendum_not_last"


class ConfirmationLate(Refusal):
    """The deadline has come, and with it the last instant to confirm a bid."""

    kind = Kind.CONFLICT
    code = "confirmation_late"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("The deadline for bids on this lot has passed.")


def decide_amend(
    before: Amendment, new: NewAddendum, *, profile: Profile, now: datetime
) -> Decision[Amendment]:
    """Issue the next addendum of a published RFP, before its deadline has come.

    `now` is an instant at which every gate is held, so that no bid is received before it and
    committed after it.

    Raises:
        RfpNotPublished: A draft, closed or cancelled, or its deadline has come.
        DeadlineMovedBack: The new deadline is earlier than the one that stands.
        AddendaTooMany: It has `ADDENDA_MAX`.
    """
    rfp = before.rfp
    require_published(rfp, now=now)
    if rfp.addendum >= ADDENDA_MAX:
        sentence = f"An RFP has at most {ADDENDA_MAX} addenda."
        raise AddendaTooMany(sentence)
    closes_at = new.closes_at or rfp.closes_at
    if closes_at < rfp.closes_at:
        raise DeadlineMovedBack
    addendum = Addendum(
        id=new.id,
        rfp_id=rfp.id,
        version=rfp.addendum + 1,
        is_substantial=new.is_substantial,
        text=new.text,
        closes_at=closes_at,
        issued_at=now,
    )
    amended = replace(rfp, closes_at=closes_at, addendum=addendum.version)
    if new.is_substantial:
        amended = with_award_wait(amended, profile, began_at=now)
    require_terms(amended, now=now)
    after = replace(before, rfp=amended, addendum=addendum)
    return Decision(after, _amendment_facts(before, after, addendum))


def with_award_wait(rfp: Rfp, profile: Profile, *, began_at: datetime) -> Rfp:
    """Let the profile's wait before an award begin at an instant, or at the certification.

    Whichever is later counts; a wait that began earlier is never shortened.
    """
    began_on = day_in(profile.zone, began_at)
    day = earliest_award_on(profile, (rfp.terms.certified_on, began_on))
    if day is None:
        return rfp
    first = max(day, rfp.earliest_award_on or day)
    return replace(
        rfp, earliest_award_on=first, earliest_award_at=beginning_of(first, profile.zone)
    )


def decide_confirm(
    bid: Confirmable, *, version: int, received_at: datetime
) -> Decision[Confirmable]:
    """Let a bid stand under the RFP's last addendum.

    Raises:
        ConfirmationLate: Not received before the deadline, or the gate has been shut since.
        AddendumUnknown: Another addendum than the last.
    """
    if received_at >= bid.closes_at or not bid.is_sealed:
        raise ConfirmationLate
    if version != bid.addendum or version == 0:
        sentence = f"The last addendum of the RFP is number {bid.addendum}; read and confirm that."
        raise AddendumUnknown(sentence)
    fact = BidConfirmed(
        opening_id=bid.opening_id,
        bid_id=bid.bid_id,
        lot_id=bid.lot_id,
        addendum=version,
        confirmed_at=received_at,
    )
    return Decision(bid, (fact,))


def is_counted(received_at: datetime, *, confirmed: int, addenda: Sequence[Addendum]) -> bool:
    """Tell whether a bid counts at the closing.

    It does if it was received at or after the last substantial addendum, or if its vendor
    confirmed that addendum or a later one. `confirmed` is 0 where nothing was confirmed.
    """
    substantial = [each for each in addenda if each.is_substantial]
    if not substantial:
        return True
    last = max(substantial, key=lambda each: each.version)
    return received_at >= last.issued_at or confirmed >= last.version


def require_published(rfp: Rfp, *, now: datetime) -> None:
    """Let only a published RFP pass whose deadline has not come.

    Raises:
        RfpNotPublished: It is anything else.
    """
    if rfp.status is not RfpStatus.PUBLISHED:
        sentence = f"The RFP is {rfp.status}; this is done while it is published."
        raise RfpNotPublished(sentence)
    if now >= rfp.closes_at:
        sentence = "The RFP's deadline has passed."
        raise RfpNotPublished(sentence)


def _amendment_facts(before: Amendment, after: Amendment, addendum: Addendum) -> tuple[Fact, ...]:
    rfp = after.rfp
    first = rfp.earliest_award_on
    amended = RfpAmended(
        rfp_id=rfp.id,
        buyer_id=rfp.buyer_id,
        version=addendum.version,
        is_substantial=addendum.is_substantial,
        text=addendum.text,
        amended_at=addendum.issued_at,
        closes_at=addendum.closes_at,
        earliest_award_on=None if first is None else first.isoformat(),
    )
    if rfp.closes_at == before.rfp.closes_at:
        return (amended,)
    moved = (
        DeadlineMoved(opening_id=each, addendum=addendum.version, closes_at=rfp.closes_at)
        for each in before.opening_ids
    )
    return (amended, *moved)
