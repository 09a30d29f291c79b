"""The OpenAPI document and the reference page: whole, valid, and without any address outside."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import UUID

import pytest
from aiohttp import web
from jsonschema import Draft202012Validator
from pydantic import Field

from shared.domain.refusals import Kind, Refusal
from shared.web import STATUS, Api, Call
from shared.web.fields import (
    AnswerModel,
    CurrencyText,
    Instant,
    Label,
    PageAnswer,
    PriceText,
    QuantityText,
    RequestModel,
)
from shared.web.openapi import openapi_document
from shared.web.reference import reference_page


class LotClosed(Refusal):
    """The lot no longer takes bids.

    A second paragraph, which the document leaves out.
    """

    kind = Kind.CONFLICT
    code = "lot_closed"


class FileBid(RequestModel):
    """A bid on one lot."""

    price: PriceText = Field(description="Per unit & before <tax>.")
    currency: CurrencyText
    quantity: QuantityText
    title: Label
    valid_until: Instant | None = None


class BidAnswer(AnswerModel):
    """What was filed."""

    bid_id: UUID
    quantity: QuantityText


api = Api("tiny", title="Tiny <bids>", version="7")


@api.get("/v1/lots", scope=None, answer=PageAnswer[BidAnswer], summary="List lots", paged=True)
async def list_lots(_call: Call[None]) -> PageAnswer[BidAnswer]:
    """List the lots.

    The newest stand last.
    """
    return PageAnswer[BidAnswer](items=[])


@api.post(
    "/v1/lots/{lot_id}/bids",
    scope="bid:write",
    body=FileBid,
    answer=BidAnswer,
    summary="File a bid",
    refusals=(LotClosed,),
    query={"envelope": "Which envelope."},
    creates=True,
    compare_bodies=False,
)
async def file_bid(call: Call[FileBid]) -> BidAnswer:
    return BidAnswer(bid_id=call.new_id, quantity=call.body.quantity)


@api.put(
    "/v1/lots/{lot_id}/bids/{bid_id}",
    scope="bid:write",
    body=FileBid,
    answer=BidAnswer,
    summary="Replace a bid",
)
async def replace_bid(call: Call[FileBid]) -> BidAnswer:
    return BidAnswer(bid_id=call.id("bid_id"), quantity=call.body.quantity)


@api.delete("/v1/lots/{lot_id}/bids/{bid_id}", scope="bid:write", answer=None, summary="Withdraw")
async def withdraw_bid(_call: Call[None]) -> None:
    return


@api.post(
    "/v1/requirements",
    scope="requirement:write",
    answer=None,
    summary="Import",
    media_type="text/csv",
    answer_type="text/plain",
    body_limit=1_000_000,
)
async def import_requirements(_call: Call[None]) -> web.Response:
    return web.Response()


DOCUMENT: Final = openapi_document(api)

_SCHEMA_HOLDER: Final = {
    "type": "object",
    "required": ["schema"],
    "properties": {"schema": {"type": "object"}},
    "additionalProperties": False,
}
_PARAMETER: Final = {
    "type": "object",
    "required": ["name", "in", "required", "schema"],
    "properties": {
        "name": {"type": "string"},
        "in": {"enum": ["path", "query", "header"]},
        "required": {"type": "boolean"},
        "description": {"type": "string"},
        "schema": {"type": "object"},
    },
    "additionalProperties": False,
}
_RESPONSE: Final = {
    "type": "object",
    "required": ["description"],
    "properties": {
        "description": {"type": "string", "minLength": 1},
        "content": {"additionalProperties": _SCHEMA_HOLDER},
        "headers": {"type": "object"},
    },
    "additionalProperties": False,
}
_OPERATION: Final = {
    "type": "object",
    "required": ["operationId", "summary", "responses", "security", "tags"],
    "properties": {
        "operationId": {"type": "string", "pattern": "^[a-z_]+$"},
        "summary": {"type": "string"},
        "description": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "security": {"type": "array"},
        "parameters": {"type": "array", "items": _PARAMETER},
        "requestBody": {
            "type": "object",
            "required": ["content", "required"],
            "properties": {
                "content": {"additionalProperties": _SCHEMA_HOLDER},
                "required": {"const": True},
                "description": {"type": "string"},
            },
            "additionalProperties": False,
        },
        "responses": {
            "type": "object",
            "patternProperties": {"^[2-5][0-9][0-9]$": _RESPONSE},
            "additionalProperties": False,
        },
    },
    "additionalProperties": False,
}
_METHODS: Final = ("get", "post", "put", "delete")
_STRUCTURE: Final = {
    "type": "object",
    "required": ["openapi", "info", "paths", "components"],
    "properties": {
        "openapi": {"const": "3.1.0"},
        "info": {"type": "object", "required": ["title", "version"]},
        "jsonSchemaDialect": {"type": "string"},
        "paths": {
            "patternProperties": {
                "^/": {
                    "properties": dict.fromkeys(_METHODS, _OPERATION),
                    "additionalProperties": False,
                }
            },
            "additionalProperties": False,
        },
        "components": {
            "properties": {"schemas": {"type": "object"}, "securitySchemes": {"type": "object"}},
            "additionalProperties": False,
        },
    },
    "additionalProperties": False,
}
"""The parts of OpenAPI 3.1.0 (sections 4.8.1 to 4.8.17) of which a document of ours is made."""


def operation(path: str, method: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][path][method]
    return found


def test_document_has_the_structure_of_openapi() -> None:
    Draft202012Validator(_STRUCTURE).validate(DOCUMENT)
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT


def test_every_route_is_present_under_a_name_of_its_own() -> None:
    told = [
        (method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods
    ]
    names = [operation(path, method.lower())["operationId"] for method, path in told]

    assert told == [
        ("GET", "/v1/lots"),
        ("POST", "/v1/lots/{lot_id}/bids"),
        ("PUT", "/v1/lots/{lot_id}/bids/{bid_id}"),
        ("DELETE", "/v1/lots/{lot_id}/bids/{bid_id}"),
        ("POST", "/v1/requirements"),
    ]
    assert names == [
        "list_lots",
        "file_bid",
        "replace_bid",
        "withdraw_bid",
        "import_requirements",
    ]


def test_every_schema_is_valid_and_every_reference_leads_somewhere() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)

    targets = {str(found).rpartition("/")[2] for found in values_of("$ref", DOCUMENT)}

    assert targets <= set(schemas)
    assert {"FileBid", "BidAnswer", "Problem"} <= targets


def test_no_amount_is_a_json_number_with_a_fraction() -> None:
    assert "number" not in values_of("type", DOCUMENT["components"])


def test_quantity_is_taken_as_text_or_whole_number_and_answered_as_text() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    taken = schemas["FileBid"]["properties"]["quantity"]["anyOf"]
    answered = schemas["BidAnswer"]["properties"]["quantity"]

    assert [kind["type"] for kind in taken] == ["string", "integer"]
    assert answered["type"] == "string"


def test_names_in_the_path_and_the_query_are_parameters() -> None:
    parameters = operation("/v1/lots/{lot_id}/bids", "post")["parameters"]

    assert [(told["in"], told["name"], told["required"]) for told in parameters] == [
        ("path", "lot_id", True),
        ("query", "envelope", False),
        ("header", "Idempotency-Key", False),
    ]
    assert "not compared" in parameters[2]["description"]


def test_paged_route_takes_after_and_limit() -> None:
    parameters = operation("/v1/lots", "get")["parameters"]

    assert [told["name"] for told in parameters] == ["after", "limit"]
    assert parameters[1]["schema"]["maximum"] == 200


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/v1/lots", "get", "200"),
        ("/v1/lots/{lot_id}/bids", "post", "201"),
        ("/v1/lots/{lot_id}/bids/{bid_id}", "put", "200"),
        ("/v1/lots/{lot_id}/bids/{bid_id}", "delete", "204"),
        ("/v1/requirements", "post", "200"),
    ],
)
def test_good_answer_has_the_status_of_its_act(path: str, method: str, status: str) -> None:
    good = [told for told in operation(path, method)["responses"] if told < "400"]

    assert good == [status]


def test_scope_is_told_and_open_routes_need_none() -> None:
    assert operation("/v1/lots/{lot_id}/bids", "post")["security"] == [{"bearer": ["bid:write"]}]
    assert operation("/v1/lots", "get")["security"] == []


def test_refusals_are_grouped_by_status_with_the_first_line_of_each() -> None:
    responses = operation("/v1/lots/{lot_id}/bids", "post")["responses"]

    assert responses["409"]["description"].splitlines() == [
        "- `lot_closed`: The lot no longer takes bids.",
        "- `idempotency_key_running`: A request with this Idempotency-Key is still running.",
    ]
    schema = responses["409"]["content"]["application/problem+json"]["schema"]
    assert schema["allOf"][1]["properties"]["code"]["enum"] == [
        "lot_closed",
        "idempotency_key_running",
    ]


def test_every_route_tells_the_refusals_of_the_edge_that_it_can_answer() -> None:
    open_read = operation("/v1/lots", "get")["responses"]
    closed_write = operation("/v1/lots/{lot_id}/bids", "post")["responses"]

    assert set(open_read) == {"200", "400", "429", "500", "503"}
    assert set(closed_write) == {
        *("201", "400", "401", "403", "408", "409", "413", "415", "422", "429", "500", "503")
    }


def test_description_is_the_docstring_of_the_handler() -> None:
    assert operation("/v1/lots", "get")["description"] == (
        "List the lots.\n\nThe newest stand last."
    )


def test_every_kind_of_refusal_has_its_status() -> None:
    assert {kind.value: status for kind, status in STATUS.items()} == {
        "malformed": 400,
        "unauthenticated": 401,
        "forbidden": 403,
        "not_found": 404,
        "conflict": 409,
        "precondition": 412,
        "too_large": 413,
        "unsupported": 415,
        "invalid": 422,
        "too_many": 429,
        "unavailable": 503,
    }
    assert set(STATUS) == set(Kind)


class TestReferencePage:
    page = reference_page(DOCUMENT)

    def test_page_holds_no_address_outside_and_no_script(self) -> None:
        linked = re.findall(r'(?:href|src|action)\s*=\s*"([^"]*)"', self.page.html)

        assert not [link for link in linked if not link.startswith("#") and link != "/openapi.json"]
        assert "//" not in re.sub(r"<style>.*?</style>", "", self.page.html, flags=re.DOTALL)
        assert "url(" not in self.page.html
        assert "@import" not in self.page.html
        assert "<script" not in self.page.html

    def test_its_policy_allows_nothing_but_its_own_style(self) -> None:
        style = re.search(r"<style>(.*?)</style>", self.page.html, re.DOTALL)
        assert style is not None
        digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()

        assert self.page.security_policy.startswith(
            f"default-src 'none'; style-src 'sha256-{digest}';"
        )
        assert "style=" not in self.page.html

    def test_every_link_inside_has_its_target(self) -> None:
        anchors = set(re.findall(r'id="([^"]+)"', self.page.html))
        links = set(re.findall(r'href="#([^"]+)"', self.page.html))

        assert links <= anchors
        assert {"file_bid", "model-FileBid"} <= links

    def test_page_tells_every_route_and_every_code(self) -> None:
        for path in DOCUMENT["paths"]:
            assert path in self.page.html
        for codes in values_of("enum", DOCUMENT["paths"]):
            for code in codes:
                assert f"<code>{code}</code>" in self.page.html

    def test_texts_are_escaped(self) -> None:
        assert "Tiny &lt;bids&gt;" in self.page.html
        assert "Per unit &amp; before &lt;tax&gt;." in self.page.html
        assert "<tax>" not in self.page.html

    def test_page_suits_the_dark_and_a_phone(self) -> None:
        assert "prefers-color-scheme: dark" in self.page.html
        assert 'name="viewport"' in self.page.html


def values_of(name: str, content: object) -> list[Any]:
    """Collect every value that stands under a name, at any depth."""
    return list(_values_of(name, content))


def _values_of(name: str, content: object) -> Iterator[Any]:
    if isinstance(content, Mapping):
        for key, member in content.items():
            if key == name and not isinstance(member, Mapping):
                yield member
            yield from _values_of(name, member)
    elif isinstance(content, list):
        for member in content:
            yield from _values_of(name, member)
