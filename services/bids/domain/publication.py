"""Publish an RFP, and cancel it.

Publishing deals the key of each of the RFP's openings to its custodians and opens the lots for
sealed bids. Cancelling ends whatever has not been awarded.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from services.bids.domain.amendments import with_award_wait
from services.bids.domain.ceremony import (
    Ceremony,
    CustodianKeys,
    Deal,
    Dealt,
    opening_dealt,
    require_keys,
)
from services.bids.domain.compliance import Solicitation, breaches_of_publication
from services.bids.domain.drafts import is_approved
from services.bids.domain.forms import StatedForm, stated_form
from services.bids.domain.lots import ENDED, Lot, LotCancelled, LotStatus
from services.bids.domain.policy import Breach, Profile, refuse_breaches
from services.bids.domain.rfps import (
    Rfp,
    RfpStatus,
    require_draft,
    require_terms,
    written_terms,
)
from services.bids.domain.scoring.plan import Plan
from shared.domain.facts import Decision, Fact
from shared.domain.ids import OpeningId, PartyId, RfpId
from shared.domain.refusals import Kind, Refusal
from shared.events.bids import LotOpened, RfpCancelled, RfpPublished


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What publishing looks at and changes; nothing is `dealt` until it is done.

    `invited` are the vendors that wait to be told of it, each by an event of its own; `plan` is how
    bids are scored, where that was stated.
    """

    rfp: Rfp
    lots: tuple[Lot, ...]
    ceremony: Ceremony
    custodian_keys: CustodianKeys
    invited: tuple[PartyId, ...] = ()
    plan: Plan | None = None
    dealt: tuple[Dealt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """What cancelling looks at and changes; `opening_id` is None before the publication."""

    rfp: Rfp
    lots: tuple[Lot, ...]
    opening_id: OpeningId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsFrozen(Fact):
    """What was published, criteria and weights among it, and under which text of the profile."""

    TYPE: ClassVar[str] = "rfp.terms_frozen"

    rfp_id: RfpId
    terms: Mapping[str, object]
    policy_profile: str
    profile_sha256: str
    earliest_award_on: str | None
    form: StatedForm | None = None


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


class RfpAwarded(Refusal):
    """A lot of the RFP is awarded; what was awarded is not undone by cancelling."""

    kind = Kind.CONFLICT
    code = "rfp_awarded"


class RfpAwardIntended(Refusal):
    """The award of a lot is on its way; taken back first, those who heard of it are told."""

    kind = Kind.CONFLICT
    code = "rfp_award_intended"


class RfpAlreadyCancelled(Refusal):
    """The RFP is cancelled already."""

    kind = Kind.CONFLICT
    code = "rfp_cancelled"


def decide_publish(
    draft: Publication, *, profile: Profile, deal: Deal, now: datetime
) -> Decision[Publication]:
    """Publish a draft: its lots open for sealed bids until `closes_at`, which is not included.

    Terms, criteria and weights freeze here, and the profile's wait before an award begins.

    `deal` makes each opening's key pair and seals the shares to the custodians' keys; it is
    called only when every rule has let the RFP pass.

    Raises:
        RfpNotDraft: It was published or cancelled before.
        DeadlinePast: Bidding would close now or earlier.
        TermsUnfit: The terms contradict the consortium model, the deadline or each other.
        RfpWithoutLots: Nothing was pooled.
        PolicyBreached: The policy profile forbids it; every breach is named.
        CustodianKeyMissing: A custodian registered no key.
    """
    rfp = draft.rfp
    require_draft(rfp)
    require_terms(rfp, now=now)
    if not draft.lots:
        sentence = "Pool requirements into lots before publishing."
        raise RfpWithoutLots(sentence)
    refuse_breaches(profile, breaches_of(draft, profile, now=now))
    require_keys(draft.ceremony, draft.custodian_keys)
    dealt = tuple(deal(draft.ceremony, draft.custodian_keys))
    published = dataclasses.replace(
        with_award_wait(rfp, profile, began_at=now),
        status=RfpStatus.PUBLISHED,
        published_at=now,
        profile_sha256=bytes.fromhex(profile.sha256),
        form=stated_form(rfp.terms, draft.plan, profile),
    )
    opened = tuple(dataclasses.replace(lot, status=LotStatus.OPEN) for lot in draft.lots)
    after = dataclasses.replace(draft, rfp=published, lots=opened, dealt=dealt)
    return Decision(after, _publication_facts(after, now=now))


def breaches_of(draft: Publication, profile: Profile, *, now: datetime) -> tuple[Breach, ...]:
    """Name every rule of the policy profile that publishing the draft now would break."""
    rfp = draft.rfp
    asked = Solicitation(
        terms=rfp.terms,
        consortium_model=rfp.consortium_model,
        published_at=now,
        closes_at=rfp.closes_at,
        standstill_s=rfp.standstill_s,
        is_approved_by_another=is_approved(rfp, draft.lots),
    )
    return breaches_of_publication(profile, asked)


def decide_cancel(before: Cancellation, *, reason: str) -> Decision[Cancellation]:
    """Cancel an RFP: its lots are cancelled, but for those that ended before.

    The cancellation of a draft is told to nobody, because nobody but its buyer knows of it.

    Raises:
        RfpAlreadyCancelled: It was cancelled before.
        RfpAwarded: A lot is awarded.
        RfpAwardIntended: A lot's award is on its way.
    """
    rfp = before.rfp
    if rfp.status is RfpStatus.CANCELLED:
        sentence = "The RFP is cancelled already."
        raise RfpAlreadyCancelled(sentence)
    if any(lot.status is LotStatus.AWARDED for lot in before.lots):
        sentence = "A lot of the RFP is awarded, so the RFP cannot be cancelled any more."
        raise RfpAwarded(sentence)
    if any(lot.status is LotStatus.INTENDED for lot in before.lots):
        sentence = "The award of a lot is on its way; take it back before you cancel the RFP."
        raise RfpAwardIntended(sentence)
    after = dataclasses.replace(
        before,
        rfp=dataclasses.replace(rfp, status=RfpStatus.CANCELLED, cancelled_reason=reason),
        lots=tuple(
            lot if lot.status in ENDED else dataclasses.replace(lot, status=LotStatus.CANCELLED)
            for lot in before.lots
        ),
    )
    return Decision(after, _cancellation_facts(before, reason))


def _publication_facts(after: Publication, *, now: datetime) -> tuple[Fact, ...]:
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
    openings = (
        opening_dealt(rfp.id, dealt, after.custodian_keys, closes_at=rfp.closes_at)
        for dealt in after.dealt
    )
    opened = (_lot_opened(lot, rfp.closes_at) for lot in after.lots)
    return (_frozen(rfp), published, *openings, *opened)


def _frozen(rfp: Rfp) -> TermsFrozen:
    first = rfp.earliest_award_on
    return TermsFrozen(
        rfp_id=rfp.id,
        terms=written_terms(rfp.terms),
        policy_profile=rfp.policy_profile,
        profile_sha256=(rfp.profile_sha256 or b"").hex(),
        earliest_award_on=None if first is None else first.isoformat(),
        form=rfp.form,
    )


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
