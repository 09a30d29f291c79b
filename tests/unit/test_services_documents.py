"""What the services' OpenAPI documents promise of all routes alike."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from services.auctions.api import api as auctions_api
from services.bids.api import api as bids_api
from services.bids.csv_tables import RowError, refused
from services.bids.domain.bid_tables import BidTableInvalid, CellError
from services.notify.api import api as notify_api
from shared.domain.refusals import Refusal
from shared.web.openapi import openapi_document
from shared.web.problems import problem_members

APIS: Final = {api.service: api for api in (bids_api, auctions_api, notify_api)}


@pytest.mark.parametrize("service", APIS)
def test_no_request_is_said_to_take_a_number_with_decimals(service: str) -> None:
    """Such a number is refused wherever it stands, because a reader of JSON may round it."""
    document = openapi_document(APIS[service])
    bodies = [
        operation["requestBody"]["content"]
        for path in document["paths"].values()
        for operation in path.values()
        if "requestBody" in operation
    ]

    found = [place for place, schema in _within(bodies, document) if schema.get("type") == "number"]

    assert bodies
    assert not found


@pytest.mark.parametrize(
    "refusal",
    [
        BidTableInvalid([CellError(2, "unit_price", "No price."), CellError(3, None, "Short.")]),
        refused([RowError(1, None, "There is no row below the header.")]),
    ],
    ids=["a table of bids", "a file of requirements"],
)
def test_what_is_wrong_in_a_table_is_told_as_documented(refusal: Refusal) -> None:
    schema = openapi_document(bids_api)["components"]["schemas"]["Problem"]
    told = {**problem_members(refusal.code, 422, detail=refusal.sentence), **refusal.details}

    faults = list(Draft202012Validator(schema).iter_errors({**told, "instance": "one"}))

    assert told["errors"]
    assert not faults


def test_a_fault_without_any_place_is_not_as_documented() -> None:
    schema = openapi_document(bids_api)["components"]["schemas"]["Problem"]
    told = problem_members("body_invalid", 422, detail="See errors.")

    faults = Draft202012Validator(schema).iter_errors(
        {**told, "instance": "one", "errors": [{"reason": "This cannot be taken."}]}
    )

    assert [list(fault.path) for fault in faults] == [["errors", 0]]


def _within(schema: Any, document: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Walk through a schema and all that it refers to, but not in circles."""
    if isinstance(schema, list):
        for index, each in enumerate(schema):
            yield from _within(each, document, f"{place}/{index}")
    if not isinstance(schema, dict):
        return
    yield place, schema
    for name, each in schema.items():
        if name == "$ref" and place.count("$") < 9:
            named = each.rpartition("/")[2]
            meant = document["components"]["schemas"][named]
            yield from _within(meant, document, f"{place}/${named}")
        else:
            yield from _within(each, document, f"{place}/{name}")
