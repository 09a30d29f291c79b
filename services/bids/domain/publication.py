"""Publish an RFP, and cancel it.

Publishing deals the key of the RFP's one opening to its custodian and opens the lots for sealed
bids. Cancelling ends whatever has not been awarded.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from services.bids.domain.lots import ENDED, Lot, LotCancelled, LotStatus
from services.bids.domain.parties import key_text
from services.bids.domain.rfps import Rfp, RfpStatus, require_draft, require_terms
from shared.domain.facts import Decision, Fact
from shared.domain.ids import OpeningId, PartyId, RfpId
from shared.domain.refusals import Kind, Refusal
from shared.events.bids import LotOpened, RfpCancelled, RfpPublished


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealt:
    """An opening whose key was dealt: the public key, and the share sealed to the custodian."""

    opening_id: OpeningId
    public_key: bytes
    sealed_share: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What publishing looks at and changes; `dealt` is None until it is done."""

    rfp: Rfp
    lots: tuple[Lot, ...]
    custodian_key: bytes | None
    dealt: Dealt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """What cancelling looks at and changes; `opening_id` is None before the publication."""

    rfp: Rfp
    lots: tuple[Lot, ...]
    opening_id: OpeningId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningDealt(Fact):
    """An opening's private key was dealt to its custodian; bids are sealed to the public key."""

    TYPE: ClassVar[str] = "opening.dealt"

    opening_id: OpeningId
    rfp_id: RfpId
    custodian_id: PartyId
    custodian_key: str
    public_key: str
    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningCancelled(Fact):
    """An opening will never take place; its bids stay sealed."""

    TYPE: ClassVar[str] = "opening.cancelled"

    opening_id: OpeningId
    rfp_id: RfpId


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftDropped(Fact):
    """A draft was cancelled; nobody but its buyer had seen it, so nobody is told."""

    TYPE: ClassVar[str] = "rfp.draft_dropped"

    rfp_id: RfpId
    reason: str


class RfpWithoutLots(Refusal):
    """Nothing was pooled, so there is nothing to bid on."""

    kind = Kind.CONFLICT
    code = "rfp_without_lots"


class CustodianKeyMissing(Refusal):
    """The custodian has no key to which the opening's key could be dealt."""

    kind = Kind.CONFLICT
    code = "custodian_key_missing"


class RfpAwarded(Refusal):
    """A lot of the RFP is awarded; what was awarded is not undone by cancelling."""

    kind = Kind.CONFLICT
    code = "rfp_awarded"


class RfpAlreadyCancelled(Refusal):
    """The RFP is cancelled already."""

    kind = Kind.CONFLICT
    code = "rfp_cancelled"


def decide_publish(
    draft: Publication, *, deal: Callable[[bytes], Dealt], now: datetime
) -> Decision[Publication]:
    """Publish a draft: its lots open for sealed bids until `closes_at`, which is not included.

    `deal` makes the opening's key pair and seals the private key to the custodian's key; it is
    called only when every rule has let the RFP pass.

    Raises:
        RfpNotDraft: It was published or cancelled before.
        PolicyProfileUnknown: No such policy profile.
        DeadlinePast: Bidding would close now or earlier.
        RfpWithoutLots: Nothing was pooled.
        CustodianKeyMissing: The custodian registered no key.
    """
    rfp = draft.rfp
    require_draft(rfp)
    require_terms(rfp, now=now)
    if not draft.lots:
        sentence = "Pool requirements into lots before publishing."
        raise RfpWithoutLots(sentence)
    if draft.custodian_key is None:
        sentence = "The custodian must register a public key before the RFP is published."
        raise CustodianKeyMissing(sentence)
    dealt = deal(draft.custodian_key)
    published = dataclasses.replace(rfp, status=RfpStatus.PUBLISHED, published_at=now)
    opened = tuple(dataclasses.replace(lot, status=LotStatus.OPEN) for lot in draft.lots)
    after = dataclasses.replace(draft, rfp=published, lots=opened, dealt=dealt)
    return Decision(after, _publication_facts(after, dealt, draft.custodian_key, now=now))


def decide_cancel(before: Cancellation, *, reason: str) -> Decision[Cancellation]:
    """Cancel an RFP: its lots are cancelled, but for those that ended before.

    The cancellation of a draft is told to nobody, because nobody but its buyer knows of it.

    Raises:
        RfpAlreadyCancelled: It was cancelled before.
        RfpAwarded: A lot is awarded.
    """
    rfp = before.rfp
    if rfp.status is RfpStatus.CANCELLED:
        sentence = "The RFP is cancelled already."
        raise RfpAlreadyCancelled(sentence)
    if any(lot.status is LotStatus.AWARDED for lot in before.lots):
        sentence = "A lot of the RFP is awarded, so the RFP cannot be cancelled any more."
        raise RfpAwarded(sentence)
    after = dataclasses.replace(
        before,
        rfp=dataclasses.replace(rfp, status=RfpStatus.CANCELLED, cancelled_reason=reason),
        lots=tuple(
            lot if lot.status in ENDED else dataclasses.replace(lot, status=LotStatus.CANCELLED)
            for lot in before.lots
        ),
    )
    return Decision(after, _cancellation_facts(before, reason))


def _publication_facts(
    after: Publication, dealt: Dealt, custodian_key: bytes, *, now: datetime
) -> tuple[Fact, ...]:
    rfp = after.rfp
    published = RfpPublished(
        rfp_id=rfp.id,
        buyer_id=rfp.buyer_id,
        title=rfp.title,
        policy_profile=rfp.policy_profile,
        consortium_model=rfp.consortium_model,
        lot_ids=tuple(lot.id for lot in after.lots),
        published_at=now,
        closes_at=rfp.closes_at,
    )
    opening = OpeningDealt(
        opening_id=dealt.opening_id,
        rfp_id=rfp.id,
        custodian_id=rfp.custodian_id,
        custodian_key=key_text(custodian_key),
        public_key=key_text(dealt.public_key),
        closes_at=rfp.closes_at,
    )
    return (published, opening, *(_lot_opened(lot, rfp.closes_at) for lot in after.lots))


def _lot_opened(lot: Lot, closes_at: datetime) -> LotOpened:
    return LotOpened(
        lot_id=lot.id,
        rfp_id=lot.rfp_id,
        buyer_id=lot.buyer_id,
        number=lot.number,
        title=lot.title,
        category=lot.category,
        item_code=lot.item_code,
        specification=lot.specification,
        unit=lot.unit,
        quantity=lot.quantity,
        closes_at=closes_at,
    )


def _cancellation_facts(before: Cancellation, reason: str) -> tuple[Fact, ...]:
    rfp = before.rfp
    head: Fact = DraftDropped(rfp_id=rfp.id, reason=reason)
    if rfp.status is not RfpStatus.DRAFT:
        lot_ids = tuple(lot.id for lot in before.lots)
        head = RfpCancelled(rfp_id=rfp.id, buyer_id=rfp.buyer_id, lot_ids=lot_ids, reason=reason)
    lots = (
        LotCancelled(lot_id=lot.id, rfp_id=rfp.id, was=lot.status)
        for lot in before.lots
        if lot.status not in ENDED
    )
    if before.opening_id is None:
        return (head, *lots)
    return (head, OpeningCancelled(opening_id=before.opening_id, rfp_id=rfp.id), *lots)
