"""Rehearse an opening: a throwaway key, a canary sealed to it, and the very ceremony to come.

Whether every custodian's key file, share and token work is known before vendors rely on them. A
rehearsal opens no bid and decides nothing; its result stands on its own chain.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from services.bids.domain.openings import Opening, OpeningStatus, over
from shared import sealing
from shared.domain.facts import Decision, Fact
from shared.domain.ids import LotId, OpeningId, PartyId
from shared.sealing import SealContext


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningRehearsed(Fact):
    """The custodians brought a throwaway key together; the canary opened with it, or did not."""

    TYPE: ClassVar[str] = "opening.rehearsed"

    is_canary_opened: bool
    custodian_ids: tuple[PartyId, ...]
    rehearsed_at: datetime


def canary_content(opening_id: OpeningId) -> bytes:
    """Say what a rehearsal seals, which anybody may know."""
    return f"canary of {opening_id}".encode()


def canary_context(opening_id: OpeningId) -> SealContext:
    """Bind a canary to its rehearsal, and to no vendor or lot."""
    return SealContext(
        opening_id=opening_id,
        lot_id=LotId(opening_id),
        vendor_id=PartyId(opening_id),
        bid_version_id=opening_id,
    )


def is_canary_opened(opening: Opening, private_key: bytes) -> bool:
    """Open the canary with the recovered key, and look whether it is the one that was sealed."""
    try:
        content = sealing.unseal(opening.canary or b"", private_key, canary_context(opening.id))
    except sealing.SealBroken:
        return False
    return content == canary_content(opening.id)


def decide_rehearsed(opening: Opening, *, canary_opened: bool, now: datetime) -> Decision[Opening]:
    """End a rehearsal, whichever way it went; one that was cancelled meanwhile stays so."""
    if opening.status is not OpeningStatus.CLOSED:
        return Decision(opening)
    fact = OpeningRehearsed(
        is_canary_opened=canary_opened,
        custodian_ids=tuple(seat.custodian_id for seat in opening.submitted),
        rehearsed_at=now,
    )
    return Decision(over(opening, now), (fact,))
