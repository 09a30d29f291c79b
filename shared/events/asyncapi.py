"""Describe the published language as an AsyncAPI 3.0 document.

`python -m shared.events.asyncapi > docs/asyncapi.json` writes it anew; a test sees to it.
Source: AsyncAPI 3.0.0; the envelope is CloudEvents 1.0.2 in its JSON form.
"""

import inspect
import json
import sys
from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from shared.domain.facts import Event
from shared.events.catalogue import BY_TYPE, PARTY_MEMBER_OF, PUBLISHERS
from shared.events.envelope import SEQUENCE_DIGITS, adapter_of

Document = dict[str, Any]

MEDIA_TYPE: Final = "application/cloudevents+json"
"""Source: CloudEvents JSON event format 1.0.2, section 3."""

_INSTANT: Final = {"type": "string", "format": "date-time"}
_ID: Final = {"type": "string", "format": "uuid"}

_ENVELOPE_MEMBERS: Final[Mapping[str, Mapping[str, object]]] = {
    "specversion": {"const": "1.0"},
    "id": {
        **_ID,
        "description": "The idempotency key: also the `Nats-Msg-Id`, and a webhook's `webhook-id`.",
    },
    "source": {"type": "string", "description": "The service that tells it."},
    "subject": {"type": "string", "description": "What it is about: a kind, a slash, an id."},
    "time": _INSTANT,
    "sequence": {
        "type": "string",
        "pattern": f"^[0-9]{{{SEQUENCE_DIGITS}}}$",
        "description": "The place in the subject's chain, by which consumers order.",
    },
    "type": {"type": "string"},
    "datacontenttype": {"const": "application/json"},
    "data": {"type": "object"},
}

_NAMESPACE: Final = {
    "description": "The deployment: its setting `COMMONLOT_BUS_NAMESPACE`.",
    "default": "commonlot",
}


class _Untitled(GenerateJsonSchema):
    """Leave out titles that only repeat the members' names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - overridden as it is
        return False


def asyncapi_document() -> Document:
    """Write the document from the catalogue: one channel, one message, one operation per type."""
    told = [(service, event) for service, events in PUBLISHERS.items() for event in events]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Commonlot events",
            "version": "1",
            "description": "What the services tell each other over NATS JetStream, and, where a "
            "type declares an audience (`x-audience`), their parties by webhook. Members may be "
            "added to a type; whatever breaks a reader is a new version beside the old one.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": MEDIA_TYPE,
        "channels": {event.TYPE: _channel(service, event) for service, event in told},
        "operations": {event.TYPE: _operation(service, event) for service, event in told},
        "components": {
            "messages": {event.TYPE: _message(service, event) for service, event in told},
            "schemas": {"Envelope": _envelope(), **_schemas()},
        },
    }


def asyncapi_text() -> str:
    """Write the document as the text of its file."""
    return json.dumps(asyncapi_document(), indent=2, ensure_ascii=False) + "\n"


def _channel(service: str, event: type[Event]) -> Document:
    return {
        "address": f"{{namespace}}.{service}.{event.TYPE}",
        "summary": _summary(event),
        "parameters": {"namespace": _NAMESPACE},
        "messages": {event.TYPE: {"$ref": f"#/components/messages/{event.TYPE}"}},
    }


def _operation(service: str, event: type[Event]) -> Document:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{event.TYPE}"},
        "messages": [{"$ref": f"#/channels/{event.TYPE}/messages/{event.TYPE}"}],
        "tags": [{"name": service}],
    }


def _message(service: str, event: type[Event]) -> Document:
    narrowed = {
        "source": {"const": f"/commonlot/{service}"},
        "type": {"const": event.TYPE},
        "data": {"$ref": f"#/components/schemas/{event.__name__}"},
    }
    message: Document = {
        "name": event.TYPE,
        "title": event.__name__,
        "summary": _summary(event),
        "contentType": MEDIA_TYPE,
        "payload": {"allOf": [{"$ref": "#/components/schemas/Envelope"}, {"properties": narrowed}]},
        "x-audience": event.AUDIENCE.value,
    }
    if party_member := PARTY_MEMBER_OF.get(event.AUDIENCE):
        message["x-party-member"] = party_member
    return message


def _envelope() -> Document:
    return {
        "type": "object",
        "description": "CloudEvents 1.0. Readers ignore members that they do not know.",
        "required": list(_ENVELOPE_MEMBERS),
        "properties": _ENVELOPE_MEMBERS,
    }


def _schemas() -> Document:
    """Describe the data of every type, and what it is made of, as it is written."""
    _, definitions = TypeAdapter.json_schemas(
        [(event_type, "serialization", adapter_of(event_type)) for event_type in BY_TYPE],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Untitled,
    )
    schemas: Document = definitions["$defs"]
    return schemas


def _summary(event: type[Event]) -> str:
    return (inspect.getdoc(event) or "").partition("\n")[0]


if __name__ == "__main__":
    sys.stdout.write(asyncapi_text())
