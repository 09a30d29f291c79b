"""Hear every event of the other services that may leave the house."""

from collections.abc import Mapping

from services.notify.usecases import QueueEvent
from shared.bus import HEARS
from shared.domain.facts import Audience, Event
from shared.events.catalogue import PUBLISHERS
from shared.inbox import Handler, handles


def handlers(queue_event: QueueEvent) -> Mapping[type[Event], Handler]:
    """Build the table that `shared.inbox.Inbox` takes."""
    return dict(
        handles(event_class, queue_event)
        for publisher in HEARS["notify"]
        for event_class in PUBLISHERS[publisher]
        if event_class.AUDIENCE is not Audience.INTERNAL
    )
