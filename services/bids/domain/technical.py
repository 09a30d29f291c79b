"""Judge the technical parts before anybody can open a price.

Where an RFP has two envelopes, the technical ones are opened first, with a key of their own. The
buyer records for each bid whether it passes, and then releases the results, which change no more;
only then do the custodians' shares for the prices get taken, and the price of a bid that did not
pass is never opened. Whoever judges sees answers and documents by the bid's id, and no vendor.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar

from services.bids.domain.bids import BidUnknown
from services.bids.domain.openings import (
    BidFailure,
    Opening,
    OpeningStatus,
    SealedBid,
    failure_of,
    over,
    unsealed_content,
)
from shared.domain.bid_content import ContentMalformed, TechnicalContent, read_technical
from shared.domain.bid_forms import BidForm, technical_faults_of
from shared.domain.facts import Decision, Fact
from shared.domain.ids import BidId, LotId, OpeningId
from shared.domain.refusals import Kind, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class TechnicalPart:
    """A bid's technical part after its opening; `is_passed` is None until it is judged."""

    bid_id: BidId
    lot_id: LotId
    content: TechnicalContent | None = field(repr=False)
    failure: BidFailure | None
    is_passed: bool | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """An RFP's technical opening with its parts; `released_at` is when the results were."""

    opening: Opening
    parts: tuple[TechnicalPart, ...]
    released_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TechnicalUnsealed(Fact):
    """The technical parts were opened; the prices are not."""

    TYPE: ClassVar[str] = "opening.technical_unsealed"

    opened: int
    failed: int
    unsealed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TechnicalJudged(Fact):
    """A technical part passed or did not; judged again before the release, the last one counts."""

    TYPE: ClassVar[str] = "opening.technical_judged"

    bid_id: BidId
    is_passed: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TechnicalReleased(Fact):
    """The technical results stand; the prices of those that passed may be opened."""

    TYPE: ClassVar[str] = "opening.technical_released"

    passed: tuple[BidId, ...]
    not_passed: tuple[BidId, ...]
    released_at: datetime


class TechnicalNotOpen(Refusal):
    """The technical parts are not opened, so that nobody can judge them."""

    kind = Kind.CONFLICT
    code = "technical_not_open"


class TechnicalResultsReleased(Refusal):
    """The technical results are released; they change no more."""

    kind = Kind.CONFLICT
    code = "technical_released"


class TechnicalUnjudged(Refusal):
    """Some technical parts are not judged; the details name their bids."""

    kind = Kind.CONFLICT
    code = "technical_unjudged"


def open_technical(
    bid: SealedBid, *, opening_id: OpeningId, form: BidForm, private_key: bytes
) -> TechnicalPart:
    """Open one technical part; one that does not open or fit has failed and does not pass."""
    opened = unsealed_content(bid, opening_id, private_key)
    content = opened if isinstance(opened, BidFailure) else _content_in(opened, form)
    if isinstance(content, BidFailure):
        return TechnicalPart(
            bid_id=bid.bid_id, lot_id=bid.lot_id, content=None, failure=content, is_passed=False
        )
    return TechnicalPart(bid_id=bid.bid_id, lot_id=bid.lot_id, content=content, failure=None)


def decide_technical_unseal(
    opening: Opening, *, parts: Sequence[TechnicalPart], now: datetime
) -> Decision[Opening]:
    """End the technical opening."""
    failed = sum(part.failure is not None for part in parts)
    fact = TechnicalUnsealed(opened=len(parts) - failed, failed=failed, unsealed_at=now)
    return Decision(over(opening, now), (fact,))


def decide_judge(
    judging: Judging, bid_id: BidId, *, is_passed: bool, reason: str
) -> Decision[TechnicalPart]:
    """Record whether a technical part passes, in place of what was recorded before.

    Raises:
        TechnicalNotOpen: The parts are not opened.
        TechnicalResultsReleased: The results stand.
        BidUnknown: No such part, or one that did not open.
    """
    _require_judging(judging)
    part = next((part for part in judging.parts if part.bid_id == bid_id), None)
    if part is None or part.failure is not None:
        sentence = "No such bid has a technical part to be judged."
        raise BidUnknown(sentence)
    fact = TechnicalJudged(bid_id=bid_id, is_passed=is_passed, reason=reason)
    return Decision(replace(part, is_passed=is_passed, reason=reason), (fact,))


def decide_release(judging: Judging, now: datetime) -> Decision[Judging]:
    """Let the results stand, so that prices may be opened.

    Raises:
        TechnicalNotOpen: The parts are not opened.
        TechnicalResultsReleased: They stand already.
        TechnicalUnjudged: Some are not judged.
    """
    _require_judging(judging)
    unjudged = [str(part.bid_id) for part in judging.parts if part.is_passed is None]
    if unjudged:
        sentence = "Every technical part must be judged before the results are released."
        raise TechnicalUnjudged(sentence, details={"bid_ids": unjudged})
    fact = TechnicalReleased(
        passed=tuple(part.bid_id for part in judging.parts if part.is_passed),
        not_passed=tuple(part.bid_id for part in judging.parts if not part.is_passed),
        released_at=now,
    )
    return Decision(replace(judging, released_at=now), (fact,))


def _require_judging(judging: Judging) -> None:
    if judging.opening.status is not OpeningStatus.UNSEALED:
        sentence = "The technical parts are not opened yet."
        raise TechnicalNotOpen(sentence)
    if judging.released_at is not None:
        sentence = "The technical results are released; they change no more."
        raise TechnicalResultsReleased(sentence)


def _content_in(opened: bytes, form: BidForm) -> TechnicalContent | BidFailure:
    try:
        content = read_technical(opened)
    except ContentMalformed:
        return BidFailure.CONTENT_MALFORMED
    faults = technical_faults_of(content, form)
    return failure_of(faults) if faults else content
