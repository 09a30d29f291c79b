"""The published language: golden samples, the envelope's limits, audiences, the AsyncAPI page."""

import dataclasses
import json
import traceback
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from shared.domain.facts import Audience, Event
from shared.events.asyncapi import asyncapi_document, asyncapi_text
from shared.events.catalogue import BY_TYPE, PARTY_MEMBER_OF, PUBLISHERS, deliverable_types
from shared.events.envelope import EnvelopeMalformed, TypeUnheard, read

PROJECT: Final = Path(__file__).resolve().parents[2]
GOLDEN: Final = PROJECT / "tests" / "golden" / "events"

INTERNAL: Final = {
    "agency.authorised.v1",
    "agency.dismissed.v1",
    "auction.requested.v1",
    "auction.lead_changed.v1",
    "auction.closed.v1",
    "delivery.exhausted.v1",
    "endpoint.disabled.v1",
}
"""Types that carry prices or house matters: no webhook may ever carry one."""

CANARY: Final = "4711.0815"
"""A value that stands for a secret price."""

every_type = pytest.mark.parametrize("event_type", sorted(BY_TYPE))


def golden(event_type: str) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((GOLDEN / f"{event_type}.json").read_text("utf-8"))
    return sample


def compact(document: object) -> str:
    """Write what the envelope should write, by the standard library alone."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


# Golden samples ------------------------------------------------------------------------------


@every_type
def test_golden_sample_is_read_and_written_unchanged(event_type: str) -> None:
    sample = golden(event_type)

    envelope = read(json.dumps(sample))

    assert type(envelope.event) is BY_TYPE[event_type]
    assert envelope.to_json() == compact(sample)


@every_type
def test_golden_sample_holds_every_member_of_its_type(event_type: str) -> None:
    """A member that no sample shows could change its written form unseen."""
    members = {field.name for field in dataclasses.fields(BY_TYPE[event_type])}

    assert set(golden(event_type)["data"]) == members


@every_type
def test_members_of_a_newer_publisher_are_ignored(event_type: str) -> None:
    sample = golden(event_type)
    newer = {**sample, "dataschema": "urn:x", "data": {**sample["data"], "colour": "green"}}

    assert read(json.dumps(newer)) == read(json.dumps(sample))


@every_type
def test_no_required_member_may_be_missing(event_type: str) -> None:
    sample = golden(event_type)
    for field in dataclasses.fields(BY_TYPE[event_type]):
        data = {name: value for name, value in sample["data"].items() if name != field.name}

        if field.default is not dataclasses.MISSING:
            event = read(json.dumps({**sample, "data": data})).event
            assert getattr(event, field.name) == field.default
            continue
        with pytest.raises(EnvelopeMalformed):
            read(json.dumps({**sample, "data": data}))


@pytest.mark.parametrize(
    "attribute",
    ["specversion", "id", "source", "subject", "time", "sequence", "type", "data"],
)
def test_no_attribute_of_the_envelope_may_be_missing(attribute: str) -> None:
    sample = golden("award.made.v1")
    del sample[attribute]

    with pytest.raises(EnvelopeMalformed):
        read(json.dumps(sample))


def test_unknown_type_is_told_apart_from_a_malformed_message() -> None:
    sample = golden("award.made.v1")

    with pytest.raises(TypeUnheard, match=r"award\.made\.v2"):
        read(json.dumps({**sample, "type": "award.made.v2"}))


def test_sequence_is_padded_so_that_text_compares_like_numbers() -> None:
    ninth = read(json.dumps({**golden("award.made.v1"), "sequence": "000000000009"}))
    tenth = dataclasses.replace(ninth, sequence=10)

    assert ninth.to_json() < tenth.to_json()
    assert '"sequence":"000000000010"' in tenth.to_json()


# What is malformed ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"id": CANARY},
        {"time": f"{CANARY} o'clock"},
        {"sequence": CANARY},
        {"sequence": f"-{CANARY}"},
        {"data": CANARY},
        {"data": [CANARY]},
        {"data": {"unit_price": CANARY}},
        {"data": {**golden("award.made.v1")["data"], "lines": CANARY}},
        {"data": {**golden("award.made.v1")["data"], "quantity": f"{CANARY} pieces"}},
        {"source": [CANARY]},
    ],
    ids=lambda change: "-".join(f"{name}-{type(value).__name__}" for name, value in change.items()),
)
def test_malformed_envelope_is_refused_without_echoing_it(change: dict[str, object]) -> None:
    text = json.dumps({**golden("award.made.v1"), **change})

    with pytest.raises(EnvelopeMalformed) as caught:
        read(text)

    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("text", ["", "{", "null", "[]", f'"{CANARY}"', f"{{{CANARY}}}", b"\xff"])
def test_what_is_no_json_object_is_malformed(text: str | bytes) -> None:
    with pytest.raises(EnvelopeMalformed) as caught:
        read(text)

    assert CANARY not in "".join(traceback.format_exception(caught.value))


# Audiences -----------------------------------------------------------------------------------


def test_internal_types_are_not_deliverable() -> None:
    assert deliverable_types() == set(BY_TYPE) - INTERNAL


def test_a_type_that_declares_no_audience_is_internal() -> None:
    assert Event.AUDIENCE is Audience.INTERNAL


def test_every_audience_of_one_party_names_the_member_that_says_which() -> None:
    assert set(PARTY_MEMBER_OF) == set(Audience) - {Audience.INTERNAL, Audience.PUBLIC}


@every_type
def test_type_for_one_party_says_which_party(event_type: str) -> None:
    event = BY_TYPE[event_type]
    party_member = PARTY_MEMBER_OF.get(event.AUDIENCE)

    types = {field.name: field.type for field in dataclasses.fields(event)}

    assert party_member is None or getattr(types[party_member], "__name__", None) == "UUID"


def test_every_type_has_one_publisher_and_a_version() -> None:
    told = [event.TYPE for events in PUBLISHERS.values() for event in events]

    assert len(told) == len(set(told))
    assert all(event_type.rpartition(".v")[2].isdigit() for event_type in told)


# The AsyncAPI document -----------------------------------------------------------------------


def test_committed_asyncapi_document_is_the_generated_one() -> None:
    """If this fails: `make events`."""
    committed = (PROJECT / "docs" / "asyncapi.json").read_text("utf-8")

    assert committed == asyncapi_text()


def test_asyncapi_document_has_a_channel_for_every_type() -> None:
    document = asyncapi_document()

    assert document["asyncapi"] == "3.0.0"
    assert document["channels"]["award.line_made.v1"]["address"] == (
        "{namespace}.bids.award.line_made.v1"
    )
    for part in (document["channels"], document["operations"], document["components"]["messages"]):
        assert set(part) == set(BY_TYPE)


def test_asyncapi_document_refers_to_nothing_that_it_lacks() -> None:
    document = json.loads(asyncapi_text())
    references = [node["$ref"] for node in _objects(document) if "$ref" in node]

    for reference in references:
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    assert references


@every_type
def test_golden_sample_fits_the_asyncapi_schema_of_its_message(event_type: str) -> None:
    document = json.loads(asyncapi_text())
    payload = document["components"]["messages"][event_type]["payload"]
    validator = Draft202012Validator(
        {**document, **payload}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    sample = golden(event_type)

    validator.validate(sample)
    assert not validator.is_valid({**sample, "sequence": "7"})
    assert not validator.is_valid({**sample, "data": {}})


def test_asyncapi_document_says_who_may_be_sent_a_type() -> None:
    messages = asyncapi_document()["components"]["messages"]

    assert messages["award.line_made.v1"]["x-audience"] == "member"
    assert messages["award.line_made.v1"]["x-party-member"] == "member_id"
    assert messages["auction.closed.v1"]["x-audience"] == "internal"
    assert "x-party-member" not in messages["auction.closed.v1"]


def _objects(node: object) -> list[dict[str, Any]]:
    """List a JSON document's objects, whatever their depth."""
    match node:
        case dict():
            return [node, *(found for member in node.values() for found in _objects(member))]
        case list():
            return [found for member in node for found in _objects(member)]
    return []
