"""Name the chain on which each fact of an RFP is written."""

from collections.abc import Sequence

from services.bids.domain.lots import LotCancelled
from services.bids.domain.publication import DraftDropped, OpeningCancelled, OpeningDealt
from services.bids.domain.rfps import RfpDrafted, RfpPooled
from shared.domain.facts import Fact
from shared.events.bids import LotOpened, RfpCancelled, RfpPublished
from shared.journal import Aggregate, Entry


def entries_of(facts: Sequence[Fact]) -> list[Entry]:
    """Put each fact on the chain of the RFP, the opening or the lot that it is about."""
    by_aggregate: dict[Aggregate, list[Fact]] = {}
    for fact in facts:
        by_aggregate.setdefault(_aggregate_of(fact), []).append(fact)
    return [Entry(aggregate, tuple(listed)) for aggregate, listed in by_aggregate.items()]


def _aggregate_of(fact: Fact) -> Aggregate:
    match fact:
        case LotOpened() | LotCancelled():
            return Aggregate("lot", fact.lot_id)
        case OpeningDealt() | OpeningCancelled():
            return Aggregate("opening", fact.opening_id)
        case RfpDrafted() | RfpPooled() | DraftDropped() | RfpPublished() | RfpCancelled():
            return Aggregate("rfp", fact.rfp_id)
    raise TypeError(type(fact).__name__)
