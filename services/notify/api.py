"""Answer the owners of endpoints over HTTP: parse, one use case, render."""

from datetime import datetime
from typing import Final, Self
from uuid import UUID

from aiohttp import web
from pydantic import Field

from services.notify.domain.addresses import (
    URL_LENGTH_MAX,
    UrlMalformed,
    UrlNotHttps,
    UrlNotPublic,
    UrlPortClosed,
    UrlWithUser,
)
from services.notify.domain.deliveries import Delivery, DeliveryPending, DeliveryUnknown
from services.notify.domain.endpoints import (
    Endpoint,
    EndpointsTooMany,
    EndpointUnknown,
    EventTypeNotDeliverable,
)
from services.notify.domain.signing import secret_text
from services.notify.ports import Attempt
from services.notify.usecases import Deliveries, Endpoints, Wish
from shared.domain.ids import DeliveryId, EndpointId
from shared.idempotency import IdempotencyKeyReused
from shared.web import Api, Call
from shared.web.fields import AnswerModel, Label, PageAnswer, RequestModel

ENDPOINTS: Final = web.AppKey("notify_endpoints", Endpoints)
DELIVERIES: Final = web.AppKey("notify_deliveries", Deliveries)

EVENT_TYPES_MAX: Final = 100
"""More than there are types."""

api = Api("notify", title="Commonlot notify", version="1")


class RegisterEndpoint(RequestModel):
    """Where to send which events."""

    url: str = Field(max_length=URL_LENGTH_MAX, examples=["https://district.example/webhooks"])
    event_types: list[Label] = Field(
        min_length=1, max_length=EVENT_TYPES_MAX, examples=[["award.line_made.v1"]]
    )
    description: Label | None = None

    def wish(self) -> Wish:
        """Turn it into what the use case takes."""
        return Wish(
            url=self.url, event_types=tuple(self.event_types), description=self.description or ""
        )


class EndpointAnswer(AnswerModel):
    """An endpoint."""

    id: UUID
    url: str
    event_types: list[str]
    description: str | None
    status: str = Field(description="`enabled` or `disabled`.")
    disabled_because: str | None
    registered_at: datetime

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        """Render an endpoint."""
        return cls(
            id=endpoint.id,
            url=endpoint.url,
            event_types=list(endpoint.event_types),
            description=endpoint.description or None,
            status=endpoint.status,
            disabled_because=endpoint.disabled_because,
            registered_at=endpoint.registered_at,
        )


class RegisteredAnswer(EndpointAnswer):
    """An endpoint and its secret, which is shown in this answer only."""

    secret: str = Field(description="`whsec_` and base64: the key that verifies signatures.")


class DeliveryAnswer(AnswerModel):
    """One event for one endpoint."""

    id: UUID
    event_id: UUID = Field(description="The `webhook-id` of every attempt.")
    event_type: str
    status: str = Field(description="`pending`, `delivered` or `exhausted`.")
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Render a delivery."""
        return cls(
            id=delivery.id,
            event_id=delivery.event_id,
            event_type=delivery.event_type,
            status=delivery.status,
            attempts=delivery.attempts,
            next_attempt_at=delivery.next_attempt_at,
            created_at=delivery.created_at,
        )


class AttemptAnswer(AnswerModel):
    """One HTTP try of a delivery."""

    number: int
    at: datetime
    status_code: int | None = Field(description="Null when the receiver did not answer.")
    error: str | None = Field(description="Why there was no answer, such as `timeout`.")
    latency_ms: int
    answer: str = Field(description="The first KiB of what the receiver answered.")

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """Render an attempt."""
        outcome = attempt.outcome
        return cls(
            number=attempt.number,
            at=attempt.at,
            status_code=outcome.status_code,
            error=outcome.failure,
            latency_ms=attempt.latency_ms,
            answer=outcome.answer.decode(errors="replace"),
        )


@api.post(
    "/v1/endpoints",
    scope="endpoint:write",
    body=RegisterEndpoint,
    answer=RegisteredAnswer,
    status=201,
    summary="Register where to receive webhooks",
    refusals=(
        UrlMalformed,
        UrlNotHttps,
        UrlWithUser,
        UrlPortClosed,
        UrlNotPublic,
        EventTypeNotDeliverable,
        EndpointsTooMany,
        EndpointUnknown,
        IdempotencyKeyReused,
    ),
    keyed=True,
)
async def register_endpoint(call: Call[RegisterEndpoint]) -> RegisteredAnswer:
    """Answer with the endpoint's secret. It is kept encrypted and shown nowhere else.

    The Idempotency-Key is kept with the endpoint, so that no copy of this answer has to be: the
    same key and the same body get the same endpoint and secret again.
    """
    endpoint, secret = await call.of(ENDPOINTS).register(
        EndpointId(call.new_id),
        call.caller_party,
        call.body.wish(),
        key=call.idempotency_key,
    )
    shown = EndpointAnswer.of(endpoint)
    return RegisteredAnswer(**shown.model_dump(), secret=secret_text(secret.key))


@api.get(
    "/v1/endpoints",
    scope="endpoint:read",
    answer=PageAnswer[EndpointAnswer],
    summary="List your endpoints",
    paged=True,
)
async def list_endpoints(call: Call[None]) -> PageAnswer[EndpointAnswer]:
    """Show the caller's own endpoints, in the order of their ids."""
    page = call.page()
    found = await call.of(ENDPOINTS).page(call.caller_party, after=page.after, limit=page.limit)
    items = [EndpointAnswer.of(endpoint) for endpoint in found]
    return PageAnswer(items=items, next_after=items[-1].id if len(items) == page.limit else None)


@api.get(
    "/v1/endpoints/{endpoint_id}",
    scope="endpoint:read",
    answer=EndpointAnswer,
    summary="Show one of your endpoints",
    refusals=(EndpointUnknown,),
)
async def read_endpoint(call: Call[None]) -> EndpointAnswer:
    """Show an endpoint, without its secret."""
    endpoint_id = EndpointId(call.id("endpoint_id"))
    return EndpointAnswer.of(await call.of(ENDPOINTS).read(endpoint_id, call.caller_party))


@api.delete(
    "/v1/endpoints/{endpoint_id}",
    scope="endpoint:write",
    answer=None,
    summary="Delete an endpoint",
    refusals=(EndpointUnknown,),
)
async def delete_endpoint(call: Call[None]) -> None:
    """Forget the secret; what is still queued for the endpoint is not sent."""
    await call.of(ENDPOINTS).delete(EndpointId(call.id("endpoint_id")), call.caller_party)


@api.post(
    "/v1/endpoints/{endpoint_id}/enable",
    scope="endpoint:write",
    answer=EndpointAnswer,
    summary="Send again to an endpoint",
    refusals=(EndpointUnknown,),
)
async def enable_endpoint(call: Call[None]) -> EndpointAnswer:
    """Send what was held back while the endpoint was disabled, and what is to come."""
    endpoint_id = EndpointId(call.id("endpoint_id"))
    return EndpointAnswer.of(await call.of(ENDPOINTS).enable(endpoint_id, call.caller_party))


@api.post(
    "/v1/endpoints/{endpoint_id}/disable",
    scope="endpoint:write",
    answer=EndpointAnswer,
    summary="Hold back what is sent to an endpoint",
    refusals=(EndpointUnknown,),
)
async def disable_endpoint(call: Call[None]) -> EndpointAnswer:
    """Hold deliveries back until the endpoint is enabled again; none is lost."""
    endpoint_id = EndpointId(call.id("endpoint_id"))
    return EndpointAnswer.of(await call.of(ENDPOINTS).disable(endpoint_id, call.caller_party))


@api.get(
    "/v1/endpoints/{endpoint_id}/deliveries",
    scope="endpoint:read",
    answer=PageAnswer[DeliveryAnswer],
    summary="List what is sent to an endpoint",
    refusals=(EndpointUnknown,),
    paged=True,
)
async def list_deliveries(call: Call[None]) -> PageAnswer[DeliveryAnswer]:
    """Show an endpoint's deliveries, in the order of their ids."""
    page = call.page()
    found = await call.of(DELIVERIES).page(
        EndpointId(call.id("endpoint_id")),
        call.caller_party,
        after=page.after,
        limit=page.limit,
    )
    items = [DeliveryAnswer.of(delivery) for delivery in found]
    return PageAnswer(items=items, next_after=items[-1].id if len(items) == page.limit else None)


@api.get(
    "/v1/deliveries/{delivery_id}/attempts",
    scope="endpoint:read",
    answer=PageAnswer[AttemptAnswer],
    summary="List the tries of a delivery",
    refusals=(DeliveryUnknown,),
)
async def list_attempts(call: Call[None]) -> PageAnswer[AttemptAnswer]:
    """Show a delivery's latest 200 tries, oldest first, on one page."""
    delivery_id = DeliveryId(call.id("delivery_id"))
    found = await call.of(DELIVERIES).attempts(delivery_id, call.caller_party)
    return PageAnswer(items=[AttemptAnswer.of(attempt) for attempt in found])


@api.post(
    "/v1/deliveries/{delivery_id}/replay",
    scope="endpoint:write",
    answer=DeliveryAnswer,
    status=202,
    summary="Send a delivery again",
    refusals=(DeliveryUnknown, DeliveryPending),
)
async def replay_delivery(call: Call[None]) -> DeliveryAnswer:
    """Send an exhausted or delivered event once more, under the same `webhook-id`."""
    delivery_id = DeliveryId(call.id("delivery_id"))
    return DeliveryAnswer.of(await call.of(DELIVERIES).replay(delivery_id, call.caller_party))
