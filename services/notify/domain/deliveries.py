"""Deliver one event to one endpoint: who receives it, when it is tried again, when given up."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import ClassVar, Final, TypeAlias

from shared.domain.facts import Audience, Decision, Event, Fact
from shared.domain.ids import DeliveryId, EndpointId, EventId, PartyId
from shared.domain.refusals import Kind, Refusal
from shared.events.catalogue import PARTY_MEMBER_OF
from shared.events.notify import DeliveryExhausted

DAY_S: Final = 24 * 3600.0

SCHEDULE_S: Final = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, DAY_S)
"""Pauses after the first failure, the second, and so on: about three days in all.
Source: Standard Webhooks 1.0.0, section "Deliverability and reliability".
"""

JITTER_SHARE: Final = 0.2
"""A pause is stretched or cut by up to this share, so that retries do not come in waves."""

RETRY_AFTER_S_MAX: Final = DAY_S
"""No receiver may hold a delivery for longer than our own longest pause."""

ANSWER_BYTES_MAX: Final = 1_024
"""How much of an answer is read and kept."""

GONE_STATUS: Final = 410

_SECONDS: Final = re.compile(r"\d{1,10}", re.ASCII)


class DeliveryUnknown(Refusal):
    """The party has no such delivery."""

    kind = Kind.NOT_FOUND
    code = "delivery_unknown"


class DeliveryPending(Refusal):
    """The delivery is still being tried, so there is nothing to replay."""

    kind = Kind.CONFLICT
    code = "delivery_pending"


class DeliveryStatus(StrEnum):
    """How far a delivery has come."""

    PENDING = "pending"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"


class Failure(StrEnum):
    """Why an attempt had no answer, in words that are safe to show to the endpoint's owner."""

    ADDRESS_REFUSED = "address_refused"
    NAME_UNRESOLVED = "name_unresolved"
    CONNECTION_FAILED = "connection_failed"
    CONNECTION_LOST = "connection_lost"
    TLS_FAILED = "tls_failed"
    TIMEOUT = "timeout"
    ANSWER_MALFORMED = "answer_malformed"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Everyone:
    """Every endpoint that wants the type may be sent it."""


@dataclass(frozen=True, slots=True)
class OneParty:
    """Only the endpoints of this party may be sent it."""

    party_id: PartyId


@dataclass(frozen=True, slots=True)
class Nobody:
    """It never leaves the house."""


Recipients: TypeAlias = Everyone | OneParty | Nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one endpoint.

    `attempts` counts all tries; `failures` those since it was created or last replayed, which say
    how far along the schedule it is.
    """

    id: DeliveryId
    endpoint_id: EndpointId
    event_id: EventId
    event_type: str
    status: DeliveryStatus
    attempts: int
    failures: int
    next_attempt_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReplayed(Fact):
    """Its owner asked for a delivery once more, under the same `webhook-id`."""

    TYPE: ClassVar[str] = "delivery.replayed"

    delivery_id: DeliveryId
    endpoint_id: EndpointId
    event_id: EventId
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an attempt: an answer's status, or why there was none."""

    status_code: int | None
    failure: Failure | None = None
    retry_after: str | None = None
    answer: bytes = b""

    @property
    def is_good(self) -> bool:
        """Whether the receiver took the event: any 2xx. A redirect is not followed, so it fails."""
        return self.status_code is not None and 200 <= self.status_code < 300  # noqa: PLR2004 - HTTP's own numbers

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants nothing more."""
        return self.status_code == GONE_STATUS


@dataclass(frozen=True, slots=True)
class Retrying:
    """When to try again: the pauses, and this time's jitter, drawn evenly from [0, 1)."""

    schedule_s: Sequence[float]
    jitter: float

    def pause(self, failures: int) -> timedelta:
        """Tell how long to wait after the given number of failures, at least 1."""
        stretch = 1 - JITTER_SHARE + 2 * JITTER_SHARE * self.jitter
        return timedelta(seconds=self.schedule_s[failures - 1] * stretch)


def recipients_of(event: Event) -> Recipients:
    """Tell who may be sent an event, by the audience that its type declares."""
    if event.AUDIENCE is Audience.INTERNAL:
        return Nobody()
    if event.AUDIENCE is Audience.PUBLIC:
        return Everyone()
    return OneParty(PartyId(getattr(event, PARTY_MEMBER_OF[event.AUDIENCE])))


def decide_settle(
    delivery: Delivery, outcome: Outcome, *, party_id: PartyId, retrying: Retrying, now: datetime
) -> Decision[Delivery]:
    """Take an attempt's outcome: delivered, to be tried again, or given up.

    A receiver's `Retry-After` takes the place of the scheduled pause. Attempts are kept in a table
    of their own, so only the giving up is a fact.
    """
    attempts = delivery.attempts + 1
    if outcome.is_good:
        delivered = replace(
            delivery, status=DeliveryStatus.DELIVERED, attempts=attempts, next_attempt_at=None
        )
        return Decision(delivered)
    failures = delivery.failures + 1
    if failures > len(retrying.schedule_s):
        return _give_up(delivery, party_id, attempts=attempts, failures=failures)
    asked = None
    if outcome.retry_after is not None:
        asked = retry_after(outcome.retry_after, now=now)
    pause = retrying.pause(failures) if asked is None else asked
    waiting = replace(delivery, attempts=attempts, failures=failures, next_attempt_at=now + pause)
    return Decision(waiting)


def decide_replay(delivery: Delivery, *, now: datetime) -> Decision[Delivery]:
    """Send a delivery once more, from the start of the schedule.

    Raises:
        DeliveryPending: It is still being tried.
    """
    if delivery.status is DeliveryStatus.PENDING:
        sentence = "The delivery is still being tried."
        raise DeliveryPending(sentence)
    fact = DeliveryReplayed(
        delivery_id=delivery.id,
        endpoint_id=delivery.endpoint_id,
        event_id=delivery.event_id,
        attempts=delivery.attempts,
    )
    again = replace(delivery, status=DeliveryStatus.PENDING, failures=0, next_attempt_at=now)
    return Decision(again, (fact,))


def retry_after(header: str, *, now: datetime) -> timedelta | None:
    """Read a `Retry-After`: seconds or an HTTP date, held between 0 and a day; None if unreadable.

    Source: RFC 9110 section 10.2.3.
    """
    text = header.strip()
    if _SECONDS.fullmatch(text):
        return timedelta(seconds=min(float(text), RETRY_AFTER_S_MAX))
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    wait = (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta(0)), timedelta(seconds=RETRY_AFTER_S_MAX))


def _give_up(
    delivery: Delivery, party_id: PartyId, *, attempts: int, failures: int
) -> Decision[Delivery]:
    exhausted = replace(
        delivery,
        status=DeliveryStatus.EXHAUSTED,
        attempts=attempts,
        failures=failures,
        next_attempt_at=None,
    )
    event = DeliveryExhausted(
        delivery_id=delivery.id,
        endpoint_id=delivery.endpoint_id,
        party_id=party_id,
        event_type=delivery.event_type,
        attempts=attempts,
    )
    return Decision(exhausted, (event,))
