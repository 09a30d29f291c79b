"""Whatever is sent, each service answers as its own OpenAPI document says, and never by a defect.

Requests are drawn by Schemathesis: those that the document allows, and those that it does not. They
go out under tokens of all roles, mostly to things that are there. The draws are the same in every
run; ids, and what earlier requests have left behind, are not.
"""

import random
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

import pytest
import pytest_asyncio
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import Case, CheckContext, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from clients.http import Http
from clients.services import LocalStack
from services.auctions.api import api as auctions_api
from services.bids.api import api as bids_api
from services.notify.api import api as notify_api
from shared import operate
from shared.web.routes import Api, Route
from tests.system.aim import Aim
from tests.system.prepared import Prepared, prepare

UNAVAILABLE: Final = 503


def is_no_defect(context: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """Pass all but errors of the server; "not now", which a busy machine says, is none."""
    if response.status_code == UNAVAILABLE:
        return None
    return not_a_server_error(context, response, case)


CHECKS: Final = [
    is_no_defect,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

EXAMPLES: Final = {GenerationMode.POSITIVE: 15, GenerationMode.NEGATIVE: 5}
"""How many requests of each kind a route gets: all of bids in about a minute."""

ANSWER_TIMEOUT_S: Final = 30.0

ENDLESS: Final = "text/event-stream"
"""The media type of answers that never end; other tests read those."""

ENDINGS: Final = (
    "disqualification",
    "reopen",
    "publish",
    "withdraw",
    "leave",
    "no-award",
    "cancel",
    "/end",
    "disable",
    "DELETE",
)
"""What ends things is asked last, in this order, so that what is asked before finds them."""


def _operations() -> Iterator[tuple[str, Route]]:
    for api in (auctions_api, notify_api, bids_api):
        served = Api(api.service, title="", version="")
        served.include(api)
        served.include(operate.routes(api.service))
        yield from ((api.service, route) for route in served.routes if route.answer_type != ENDLESS)


def _place(route: Route) -> int:
    name = f"{route.method} {route.path}"
    return max((place for place, word in enumerate(ENDINGS, 1) if word in name), default=0)


def can_be_wrong(route: Route) -> bool:
    """Whether there is anything in a request that its document could forbid."""
    return bool(route.path_names or route.query_names or route.takes_body or route.creates)


OPERATIONS: Final = {
    f"{service} {route.method} {route.path}": (service, route)
    for service, route in sorted(_operations(), key=lambda served: _place(served[1]))
}


class Asker:
    """Send drawn requests to one service."""

    def __init__(self, prepared: Prepared, schema: Any) -> None:
        self._prepared = prepared
        self._schema = schema
        self._session = requests.Session()

    def drawn(self, route: Route, mode: GenerationMode) -> SearchStrategy[Case[Any]]:
        """Draw requests of one route from the service's own document."""
        operation = self._schema[route.path][route.method]
        strategy: SearchStrategy[Case[Any]] = operation.as_strategy(mode, feedback=NO_FEEDBACK)
        return strategy

    def ask(self, case: Case[Any], route: Route, chance: random.Random) -> None:
        """Aim a drawn request, send it, and check the answer."""
        aim = Aim(route, self._prepared, chance)
        aim.turn(case)
        token = aim.token()
        case.call_and_validate(
            session=self._session,
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
            checks=CHECKS,
            timeout=ANSWER_TIMEOUT_S,
        )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def askers(local: LocalStack) -> AsyncIterator[Mapping[str, Asker]]:
    async with Http() as http:
        prepared = await prepare(local, http)
    yield {
        name: Asker(prepared, schemathesis.openapi.from_url(f"{url}/openapi.json"))
        for name, url in (
            ("bids", local.services.bids),
            ("auctions", local.services.auctions),
            ("notify", local.services.notify),
        )
    }


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_answer_is_documented(askers: Mapping[str, Asker], operation: str) -> None:
    service, route = OPERATIONS[operation]
    asker, chance = askers[service], random.Random(operation)

    for mode, examples in EXAMPLES.items():
        # What has no parameters cannot be asked wrongly.
        if mode is GenerationMode.NEGATIVE and not can_be_wrong(route):
            continue

        @settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=asker.drawn(route, mode))
        def ask(case: Case[Any]) -> None:
            asker.ask(case, route, chance)

        ask()
