"""Invite vendors to an RFP, and hear whether they intend to bid or decline.

An invitation shuts nobody out: any vendor may say what it intends, and change its mind until the
deadline. Who intends to bid is told to the buyer, never to another vendor, and is on no chain.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from services.bids.domain.amendments import require_published
from services.bids.domain.rfps import Rfp, RfpStatus
from shared.domain.facts import Decision, Fact
from shared.domain.ids import PartyId, RfpId
from shared.domain.refusals import Kind, Refusal
from shared.events.bids import VendorInvited

INVITED_AT_ONCE_MAX: Final = 500
"""How many vendors one request invites: each is told by an event of its own."""


class Intent(StrEnum):
    """What a vendor says it will do."""

    BID = "bid"
    DECLINE = "decline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A vendor's place beside an RFP; `invited_at` is None where it answers uninvited."""

    rfp_id: RfpId
    vendor_id: PartyId
    invited_at: datetime | None = None
    intent: Intent | None = None
    reason: str | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorsInvited(Fact):
    """Vendors were invited; how many stands on the chain, and not who."""

    TYPE: ClassVar[str] = "rfp.vendors_invited"

    rfp_id: RfpId
    vendors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentStated(Fact):
    """Some vendor said whether it intends to bid."""

    TYPE: ClassVar[str] = "rfp.intent_stated"

    rfp_id: RfpId
    intent: Intent


class InvitedUnknown(Refusal):
    """A party that is to be invited is not a registered vendor; `vendor_ids` names each."""

    kind = Kind.INVALID
    code = "invited_vendor_unknown"


@dataclass(frozen=True, slots=True)
class Inviting:
    """The invitations that are new, and the events that tell each vendor of its own."""

    invitations: tuple[Invitation, ...]
    told: tuple[VendorInvited, ...]
    facts: tuple[Fact, ...]


def decide_invite(
    rfp: Rfp,
    vendor_ids: Sequence[PartyId],
    *,
    known: AbstractSet[PartyId],
    invited: AbstractSet[PartyId],
    now: datetime,
) -> Inviting:
    """Invite vendors to a draft or a published RFP; whoever is `invited` already is not again.

    Those invited to a draft are told at its publication, for nobody knows of it before.

    Raises:
        RfpNotPublished: Bidding is over, or the RFP is cancelled.
        InvitedUnknown: Some are not among the registered vendors (`known`).
    """
    if rfp.status is not RfpStatus.DRAFT:
        require_published(rfp, now=now)
    unknown = sorted(str(each) for each in set(vendor_ids) - known)
    if unknown:
        sentence = "Only registered vendors are invited."
        raise InvitedUnknown(sentence, details={"vendor_ids": unknown})
    fresh = [each for each in dict.fromkeys(vendor_ids) if each not in invited]
    if not fresh:
        return Inviting((), (), ())
    invitations = tuple(Invitation(rfp_id=rfp.id, vendor_id=each, invited_at=now) for each in fresh)
    told = () if rfp.status is RfpStatus.DRAFT else tell(rfp, fresh)
    return Inviting(invitations, told, (VendorsInvited(rfp_id=rfp.id, vendors=len(fresh)),))


def tell(rfp: Rfp, vendor_ids: Iterable[PartyId]) -> tuple[VendorInvited, ...]:
    """Tell each vendor that it is invited to a published RFP."""
    return tuple(
        VendorInvited(
            rfp_id=rfp.id,
            buyer_id=rfp.buyer_id,
            vendor_id=each,
            title=rfp.title,
            closes_at=rfp.closes_at,
        )
        for each in vendor_ids
    )


def decide_intent(
    rfp: Rfp, standing: Invitation, *, intent: Intent, reason: str | None, now: datetime
) -> Decision[Invitation]:
    """Say whether a vendor intends to bid; until the deadline it may say otherwise.

    Raises:
        RfpNotPublished: Bidding is over, or the RFP is cancelled.
    """
    require_published(rfp, now=now)
    stated = replace(standing, intent=intent, reason=reason, answered_at=now)
    return Decision(stated, (IntentStated(rfp_id=rfp.id, intent=intent),))
