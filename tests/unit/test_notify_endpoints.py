"""Hold endpoints to their types, their states, and the facts that say so."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.notify.consumer import handlers
from services.notify.domain.endpoints import (
    GONE,
    Endpoint,
    EndpointDeleted,
    EndpointEnabled,
    EndpointRegistered,
    EndpointStatus,
    EventTypeNotDeliverable,
    decide_delete,
    decide_disable,
    decide_enable,
    decide_register,
    wanted_types,
)
from services.notify.usecases import QueueEvent
from shared.clock import FixedClock
from shared.domain.ids import EndpointId, PartyId
from shared.events.notify import EndpointDisabled

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
ENABLED = Endpoint(
    id=EndpointId(UUID(int=1)),
    party_id=PartyId(UUID(int=2)),
    url="https://district.example.org:8443/hooks/a-secret-path?token=t",
    event_types=("award.line_made.v1", "award.made.v1"),
    description="",
    status=EndpointStatus.ENABLED,
    registered_at=NOW,
)
DISABLED = replace(ENABLED, status=EndpointStatus.DISABLED, disabled_because=GONE)


def test_types_are_kept_once_and_in_order() -> None:
    named = ["lot.opened.v1", "award.made.v1", "lot.opened.v1"]

    assert wanted_types(named) == ("award.made.v1", "lot.opened.v1")


@pytest.mark.parametrize(
    "other",
    ["auction.lead_changed.v1", "auction.requested.v1", "auction.closed.v1", "no.such.v1", "*", ""],
)
def test_type_that_never_leaves_the_house_is_refused_by_name(other: str) -> None:
    with pytest.raises(EventTypeNotDeliverable) as refused:
        wanted_types(["award.made.v1", other])

    assert refused.value.details["refused"] == [other]


def test_endpoint_without_types_is_refused() -> None:
    with pytest.raises(EventTypeNotDeliverable):
        wanted_types([])


def test_registration_names_the_host_and_not_the_rest_of_the_url() -> None:
    decision = decide_register(ENABLED)

    assert decision.facts == (
        EndpointRegistered(
            endpoint_id=ENABLED.id,
            party_id=ENABLED.party_id,
            host="district.example.org",
            event_types=ENABLED.event_types,
        ),
    )


def test_disabling_tells_why() -> None:
    decision = decide_disable(ENABLED, because=GONE)

    assert decision.state == DISABLED
    assert decision.facts == (
        EndpointDisabled(endpoint_id=UUID(int=1), party_id=UUID(int=2), reason=GONE),
    )


def test_disabling_again_keeps_the_first_reason_and_says_nothing() -> None:
    decision = decide_disable(DISABLED, because="another")

    assert (decision.state, decision.facts) == (DISABLED, ())


def test_enabling_forgets_the_reason() -> None:
    decision = decide_enable(DISABLED)

    assert decision.state == ENABLED
    assert decision.facts == (EndpointEnabled(endpoint_id=ENABLED.id),)


def test_enabling_again_says_nothing() -> None:
    decision = decide_enable(ENABLED)

    assert (decision.state, decision.facts) == (ENABLED, ())


@pytest.mark.parametrize("endpoint", [ENABLED, DISABLED], ids=["enabled", "disabled"])
def test_deleting_ends_an_endpoint_in_any_state(endpoint: Endpoint) -> None:
    decision = decide_delete(endpoint)

    assert decision.state.status is EndpointStatus.DELETED
    assert decision.facts == (EndpointDeleted(endpoint_id=ENABLED.id),)


def test_consumer_hears_every_type_that_may_leave_the_house_and_no_other() -> None:
    class NoStore:
        """Never called."""

    table = handlers(QueueEvent(NoStore(), FixedClock(NOW)))  # type: ignore[arg-type]

    assert sorted(event.TYPE for event in table) == [
        "auction.cancelled.v1",
        "auction.extended.v1",
        "auction.opened.v1",
        "auction.refused.v1",
        "auction.scheduled.v1",
        "award.intended.v1",
        "award.line_made.v1",
        "award.line_recommended.v1",
        "award.line_withdrawn.v1",
        "award.made.v1",
        "award.noticed.v1",
        "award.protest_mooted.v1",
        "award.protested.v1",
        "award.recommended.v1",
        "award.withdrawn.v1",
        "bid.withdrawal_claimed.v1",
        "bid.withdrawal_decided.v1",
        "bids.unsealed.v1",
        "lot.closed.v1",
        "lot.opened.v1",
        "rfp.amended.v1",
        "rfp.cancelled.v1",
        "rfp.published.v1",
        "rfp.question_answered.v1",
        "rfp.vendor_invited.v1",
    ]
