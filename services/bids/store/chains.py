"""Name the chain on which each fact of an RFP is written."""

from collections.abc import Sequence
from typing import Final

from services.bids.domain.amendments import BidConfirmed, DeadlineMoved
from services.bids.domain.ceremony import CeremonyPlanned, OpeningDealt
from services.bids.domain.drafts import (
    LotLimited,
    RfpApproved,
    RfpDrafted,
    TemplateMade,
    TermsChanged,
)
from services.bids.domain.invitations import IntentStated, VendorsInvited
from services.bids.domain.lots import LotCancelled
from services.bids.domain.publication import DraftDropped, OpeningCancelled, TermsFrozen
from services.bids.domain.questions import QuestionAsked
from services.bids.domain.rfps import RfpPooled
from shared.domain.facts import Fact
from shared.events.bids import (
    LotOpened,
    QuestionAnswered,
    RfpAmended,
    RfpCancelled,
    RfpPublished,
)
from shared.journal import Aggregate, Entry


def entries_of(facts: Sequence[Fact]) -> list[Entry]:
    """Put each fact on the chain of the RFP, the opening or the lot that it is about."""
    by_aggregate: dict[Aggregate, list[Fact]] = {}
    for fact in facts:
        by_aggregate.setdefault(_aggregate_of(fact), []).append(fact)
    return [Entry(aggregate, tuple(listed)) for aggregate, listed in by_aggregate.items()]


_ON_LOT: Final = (LotOpened, LotCancelled, LotLimited)
_ON_OPENING: Final = (OpeningDealt, OpeningCancelled, DeadlineMoved, BidConfirmed)
_ON_RFP: Final = (
    RfpDrafted,
    TermsChanged,
    RfpApproved,
    TemplateMade,
    RfpPooled,
    CeremonyPlanned,
    DraftDropped,
    TermsFrozen,
    RfpPublished,
    RfpAmended,
    RfpCancelled,
    QuestionAsked,
    QuestionAnswered,
    VendorsInvited,
    IntentStated,
)


def _aggregate_of(fact: Fact) -> Aggregate:
    if isinstance(fact, _ON_LOT):
        return Aggregate("lot", fact.lot_id)
    if isinstance(fact, _ON_OPENING):
        return Aggregate("opening", fact.opening_id)
    if isinstance(fact, _ON_RFP):
        return Aggregate("rfp", fact.rfp_id)
    raise TypeError(type(fact).__name__)
