"""Take the custodians' shares, within their window, and put an opening's key together.

The opener, one leased process, shows an ephemeral key; each custodian seals its share to it, on
its own token. The window begins with the first share that stands; when it passes with too few,
all shares are void and the custodians begin anew, as they do when another opener shows another
key. A share that is not the one that was dealt is found by its commitment, and refused by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, Final

from services.bids.domain.ceremony import Seat, ShareFault
from services.bids.domain.openings import Opening, OpeningStatus, OpeningUnknown
from services.bids.domain.parties import key_text
from shared import sealing
from shared.domain.facts import Decision, Fact
from shared.domain.ids import PartyId
from shared.domain.refusals import Kind, Refusal
from shared.sealing import OVERHEAD_BYTES, SHARE_BYTES, Share

RESEALED_SHARE_BYTES: Final = OVERHEAD_BYTES + SHARE_BYTES

CLOCKS_APART_MAX: Final = timedelta(milliseconds=250)
"""How far two processes' clocks may differ; a share that seems older tells of a clock that jumped.

A process that differs by more from the database's clock refuses writes.
"""


class OpeningNotClosed(Refusal):
    """The opening takes no share: its deadline has not come, or it is over."""

    kind = Kind.CONFLICT
    code = "opening_not_closed"


class OpenerKeyStale(Refusal):
    """The share was sealed to a key that is not the present opener's."""

    kind = Kind.CONFLICT
    code = "opener_key_stale"


class ResealedShareMalformed(Refusal):
    """The bytes cannot be a share that was sealed to the opener."""

    kind = Kind.INVALID
    code = "resealed_share_malformed"


class TechnicalPartFirst(Refusal):
    """Prices are opened when the technical parts are judged, and not before."""

    kind = Kind.CONFLICT
    code = "technical_part_first"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenerChanged(Fact):
    """Another process opens from now on; shares that were sealed to an older key are void."""

    TYPE: ClassVar[str] = "opening.opener_changed"

    opener_key: str
    shares_voided: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareSubmitted(Fact):
    """A custodian handed its share over, sealed to the opener's key."""

    TYPE: ClassVar[str] = "opening.share_submitted"

    custodian_id: PartyId
    index: int
    opener_key: str
    submitted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRefused(Fact):
    """A submitted share is not what was dealt; its custodian may submit again."""

    TYPE: ClassVar[str] = "opening.share_refused"

    custodian_id: PartyId
    index: int
    reason: ShareFault


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPassed(Fact):
    """Too few custodians came in time: their shares are void, and they begin anew."""

    TYPE: ClassVar[str] = "opening.window_passed"

    opened_at: datetime
    passed_at: datetime
    shares_voided: tuple[int, ...]
    missing_custodian_ids: tuple[PartyId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockWentBack(Fact):
    """A share came at an instant before one already taken; the later instant is what counts."""

    TYPE: ClassVar[str] = "opening.clock_went_back"

    told: datetime
    counted: datetime


def decide_new_opener(opening: Opening, opener_key: bytes) -> Decision[Opening]:
    """Show another opener's key; what was sealed to the one before is void."""
    if opening.status is not OpeningStatus.CLOSED or opening.opener_key == opener_key:
        return Decision(opening)
    fact = OpenerChanged(
        opener_key=key_text(opener_key),
        shares_voided=tuple(seat.index for seat in opening.submitted),
    )
    return Decision(replace(_voided(opening), opener_key=opener_key), (fact,))


def decide_submit(
    opening: Opening,
    *,
    custodian_id: PartyId,
    opener_key: bytes,
    share: bytes,
    now: datetime,
) -> Decision[Opening]:
    """Take a custodian's share, sealed to the present opener's key, in place of an earlier one.

    A share that comes when the window has passed opens the next one.

    Raises:
        OpeningUnknown: The custodian has no seat in it.
        OpeningNotClosed: The deadline has not come, or the opening is over.
        OpenerKeyStale: Sealed to another key than the one that is shown.
        ResealedShareMalformed: Not of the length that a sealed share has.
    """
    seat = next((seat for seat in opening.seats if seat.custodian_id == custodian_id), None)
    if seat is None:
        raise OpeningUnknown
    _require_takes_share(opening, opener_key=opener_key, share=share)
    latest = max((seat.submitted_at or now for seat in opening.submitted), default=now)
    at = max(now, latest)
    passed = decide_window(opening, now=at)
    taken = replace(seat, submitted_share=share, submitted_at=at, refused_reason=None)
    fact = ShareSubmitted(
        custodian_id=custodian_id,
        index=seat.index,
        opener_key=key_text(opener_key),
        submitted_at=at,
    )
    jumped = latest - now > CLOCKS_APART_MAX
    jump = (ClockWentBack(told=now, counted=at),) if jumped else ()
    return Decision(_seated(passed.state, taken), (*passed.facts, *jump, fact))


def decide_window(opening: Opening, *, now: datetime) -> Decision[Opening]:
    """Void the shares when the window has passed with too few of them.

    The window is `[first share, first share + window_s)`. Once enough shares are there, time does
    nothing any more, however late the opener looks.
    """
    opened_at = opening.window_opened_at
    if opened_at is None or opening.status is not OpeningStatus.CLOSED:
        return Decision(opening)
    if len(opening.submitted) >= opening.threshold:
        return Decision(opening)
    if now < opened_at + timedelta(seconds=opening.window_s):
        return Decision(opening)
    fact = WindowPassed(
        opened_at=opened_at,
        passed_at=now,
        shares_voided=tuple(seat.index for seat in opening.submitted),
        missing_custodian_ids=tuple(
            seat.custodian_id for seat in opening.seats if seat.submitted_share is None
        ),
    )
    return Decision(_voided(opening), (fact,))


def decide_refuse_shares(
    opening: Opening, faults: Mapping[int, tuple[bytes, ShareFault]]
) -> Decision[Opening]:
    """Put shares aside that are wrong, each with its fault by its index.

    One that was submitted anew meanwhile is not what was looked at, and stays.
    """
    if opening.status is not OpeningStatus.CLOSED:
        return Decision(opening)
    facts: list[Fact] = []
    for seat in opening.seats:
        share, fault = faults.get(seat.index, (None, None))
        if fault is None or share is None or seat.submitted_share != share:
            continue
        refused = replace(seat, submitted_share=None, submitted_at=None, refused_reason=fault)
        opening = _seated(opening, refused)
        facts.append(ShareRefused(custodian_id=seat.custodian_id, index=seat.index, reason=fault))
    return Decision(opening, tuple(facts))


def recover_key(
    opening: Opening, opener_private: bytes
) -> bytes | Mapping[int, tuple[bytes, ShareFault]] | None:
    """Put the opening's private key together; None while too few shares are there.

    Every share is checked against its commitment first, and the faults are told by index, with
    the bytes that were looked at; without the check a corrupt share would make a wrong key, and
    nobody could say whose it was. The key itself is checked against the published one: should all
    shares be the dealt ones and the key be wrong, then it was dealt wrong, and all are refused.
    """
    looked_at = {seat.index: seat.submitted_share or b"" for seat in opening.submitted}
    shares = [_examined(opening, seat, opener_private) for seat in opening.submitted]
    found = dict(zip(looked_at, shares, strict=True))
    faults = {at: one for at, one in found.items() if isinstance(one, ShareFault)}
    if faults:
        return {at: (looked_at[at], fault) for at, fault in faults.items()}
    good = [share for share in shares if isinstance(share, Share)]
    if len(good) < opening.threshold:
        return None
    key = sealing.combine(good)
    if sealing.check_pair(key, opening.public_key):
        return key
    return {at: (share, ShareFault.MISMATCH) for at, share in looked_at.items()}


def _examined(opening: Opening, seat: Seat, opener_private: bytes) -> Share | ShareFault:
    try:
        share = Share.from_bytes(
            sealing.unseal_share(
                seat.submitted_share or b"",
                opener_private,
                opening_id=opening.id,
                purpose="opening",
            )
        )
    except (sealing.SealBroken, sealing.ShareMalformed):
        return ShareFault.BROKEN
    is_dealt = sealing.commit_to(share, seat.salt) == seat.commitment
    return share if is_dealt else ShareFault.ALTERED


def _require_takes_share(opening: Opening, *, opener_key: bytes, share: bytes) -> None:
    if opening.status is not OpeningStatus.CLOSED:
        sentence = f"The opening is {opening.status}; a share is taken while it is closed."
        raise OpeningNotClosed(sentence)
    if opening.awaits_technical:
        sentence = "The technical parts must be opened and judged before the prices are opened."
        raise TechnicalPartFirst(sentence)
    if opening.opener_key is None or opener_key != opening.opener_key:
        sentence = "Read the opening again and seal the share to the opener key that it shows now."
        raise OpenerKeyStale(sentence)
    if len(share) != RESEALED_SHARE_BYTES:
        sentence = f"A share that is sealed to the opener has {RESEALED_SHARE_BYTES} bytes."
        raise ResealedShareMalformed(sentence)


def _seated(opening: Opening, changed: Seat) -> Opening:
    seats = tuple(changed if seat.index == changed.index else seat for seat in opening.seats)
    return replace(opening, seats=seats)


def _voided(opening: Opening) -> Opening:
    seats = tuple(replace(seat, submitted_share=None, submitted_at=None) for seat in opening.seats)
    return replace(opening, seats=seats)
