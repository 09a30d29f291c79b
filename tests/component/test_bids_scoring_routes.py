"""Scoring and screens over HTTP: what is stated, shown and refused."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from services.bids.api import scoring, screens
from services.bids.domain.terms import CostCovered, Criterion, CriterionKind, Terms
from services.bids.store.rfps import terms_text
from services.bids.store.scoring import ScoringStore
from services.bids.store.screens import ScreenStore
from services.bids.usecases.scoring import Scoring
from services.bids.usecases.screens import Screening
from shared.auth import FixedVerifier, Principal, Role
from shared.db import Pool
from shared.domain.ids import PartyId, new_id
from shared.idempotency import MemoryIdempotencyStore
from shared.journal import Journal
from shared.web import Api, build_app
from tests.component.bids_purchase import CLOSES_AT, Purchase, publish

ANNA = PartyId(new_id())
CRITERIA = (
    Criterion(name="method", kind=CriterionKind.RATED, weight=Decimal(60)),
    Criterion(name="price", kind=CriterionKind.PRICE, weight=Decimal(40), covers=CostCovered.ALL),
)
PLAN = {
    "criteria": [
        {"name": "method", "kind": "rated", "weight": "60", "best": "60"},
        {"name": "price", "kind": "price", "weight": "40", "formula": "lowest_over_this"},
    ],
    "panels": [{"name": "technical", "criteria": ["method"], "evaluator_ids": [str(ANNA)]}],
}


class Counter:
    """Ask the service as somebody."""

    def __init__(self, purchase: Purchase, client: Any) -> None:
        self.purchase = purchase
        self._client = client

    async def ask(self, method: str, path: str, *, by: str, body: object = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {by}", "Idempotency-Key": str(new_id())}
        async with self._client.request(method, path, json=body, headers=headers) as response:
            return response.status, await response.json()

    async def state(self, body: object = PLAN) -> tuple[int, Any]:
        """State a plan while the RFP is a draft, and publish it again."""
        pool, rfp_id = self.purchase.pool, self.purchase.rfp_id
        await pool.execute("UPDATE rfp SET status = 'draft' WHERE id = $1", rfp_id)
        told = await self.ask("PUT", f"/v1/rfps/{rfp_id}/scoring", by="buyer", body=body)
        await pool.execute("UPDATE rfp SET status = 'published' WHERE id = $1", rfp_id)
        return told

    async def declare(self) -> tuple[int, Any]:
        path = f"/v1/rfps/{self.purchase.rfp_id}/declaration"
        body = {"has_conflict": False, "statement": "None that I know of."}
        return await self.ask("PUT", path, by="anna", body=body)

    async def open_two(self) -> dict[int, str]:
        """File two bids and open them; tell the paths below which each is judged."""
        await self.purchase.file("100", vendor=0)
        await self.purchase.file("120", vendor=1)
        await self.purchase.open_bids()
        rows = await self.purchase.pool.fetch("SELECT id, vendor_id FROM bid")
        lot = self.purchase.lots[0]
        places = {row["vendor_id"]: f"/v1/lots/{lot}/bids/{row['id']}" for row in rows}
        return {
            place: places[vendor]
            for place, vendor in enumerate(self.purchase.vendors)
            if vendor in places
        }

    async def judge(self, path: str, mark: str) -> tuple[int, Any]:
        body = {"criterion": "method", "mark": mark}
        return await self.ask("PUT", f"{path}/score", by="anna", body=body)

    async def scores(self, *, by: str = "buyer") -> tuple[int, Any]:
        return await self.ask("GET", f"/v1/lots/{self.purchase.lots[0]}/scores", by=by)


def tokens_of(purchase: Purchase) -> dict[str, Principal]:
    everything = frozenset({"rfp:read", "rfp:write", "award:read", "award:write", "score:write"})

    def principal(role: Role, party_id: PartyId | None) -> Principal:
        return Principal(party_id, role, everything, f"{role}", CLOSES_AT, "subject")

    return {
        "buyer": principal(Role.BUYER, purchase.buyer_id),
        "anna": principal(Role.OBSERVER, ANNA),
        "auditor": principal(Role.AUDITOR, None),
        "vendor": principal(Role.VENDOR, purchase.vendors[0]),
    }


@pytest.fixture
async def counter(bids_database: Pool) -> AsyncIterator[Counter]:
    purchase = await publish(bids_database)
    terms = terms_text(Terms(criteria=CRITERIA))
    await bids_database.execute("UPDATE rfp SET terms = $1", terms)
    api = Api("bids", title="Bids", version="1")
    api.include(scoring.routes)
    api.include(screens.routes)
    app = build_app(
        api,
        verifier=FixedVerifier(tokens_of(purchase)),
        clock=purchase.clock,
        idempotency=MemoryIdempotencyStore(purchase.clock),
        checks={},
    )
    app[scoring.SCORING] = Scoring(
        ScoringStore(bids_database, Journal("bids")), clock=purchase.clock
    )
    app[screens.SCREENING] = Screening(ScreenStore(bids_database))
    async with TestClient(TestServer(app, access_log=None)) as client:
        yield Counter(purchase, client)


async def test_lot_is_scored_from_the_plan_to_the_flip(counter: Counter) -> None:
    status, stated = await counter.state()
    paths = await counter.open_two()
    declared, _ = await counter.declare()
    await counter.judge(paths[0], "50")
    await counter.judge(paths[1], "56")

    shown_status, shown = await counter.scores()

    assert (status, declared, shown_status) == (200, 200, 200)
    assert stated["plan"]["criteria"][1]["formula"] == {"kind": "lowest_over_this"}
    assert [each["value"] for each in shown["ranked"]] == [
        {"exact": "90", "shown": "90.000000"},
        {"exact": "268/3", "shown": "89.333333"},
    ]
    assert (shown["is_stable"], shown["flips"][0]["change"]["exact"]) == (True, "-4")
    assert [each["mark"] for each in shown["scores"]] in (["50", "56"], ["56", "50"])


async def test_disqualified_bid_is_shown_with_its_reason(counter: Counter) -> None:
    await counter.state()
    paths = await counter.open_two()
    await counter.declare()
    for path in paths.values():
        await counter.judge(path, "50")

    status, shown = await counter.ask(
        "PUT", f"{paths[0]}/disqualification", by="buyer", body={"reason": "No licence."}
    )

    assert status == 200
    assert [each["vendor_id"] for each in shown["ranked"]] == [str(counter.purchase.vendors[1])]
    assert shown["set_aside"][0]["about"] == "No licence."
    assert shown["disqualified"][0]["is_as_ranked"] is True


async def test_released_prices_fix_the_scores(counter: Counter) -> None:
    await counter.state()
    paths = await counter.open_two()
    await counter.declare()
    release = f"/v1/lots/{counter.purchase.lots[0]}/price-release"
    early, lacking = await counter.ask("POST", release, by="buyer")
    for path in paths.values():
        await counter.judge(path, "50")

    status, released = await counter.ask("POST", release, by="buyer")
    late, refused = await counter.judge(paths[0], "60")

    assert (early, lacking["code"], lacking["missing"]) == (409, "scores_incomplete", 2)
    assert (status, released["prices_released_at"] is not None) == (200, True)
    assert (late, refused["code"]) == (409, "scores_final")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**PLAN, "method": "monetised", "value_per_point": {"hue": "1"}}, 422),
        ({**PLAN, "method": "astrology"}, 422),
        ({**PLAN, "method": "monetised", "value_per_point": {"method": "1.20"}}, 200),
        ({**PLAN, "ties": [{"by": "drawn_lot"}]}, 200),
    ],
)
async def test_plan_is_taken_or_refused_whole(
    counter: Counter, body: dict[str, object], status: int
) -> None:
    told, _ = await counter.state(body)

    assert told == status
    kept = await counter.purchase.pool.fetchval("SELECT count(*) FROM scoring_plan")
    assert kept == (status == 200)


async def test_who_is_on_no_panel_neither_declares_nor_scores(counter: Counter) -> None:
    await counter.state()
    path = f"/v1/rfps/{counter.purchase.rfp_id}/declaration"

    status, told = await counter.ask(
        "PUT", path, by="vendor", body={"has_conflict": False, "statement": "None."}
    )

    assert (status, told["code"]) == (403, "evaluator_unknown")


async def test_scores_and_screens_are_not_a_vendors_to_see(counter: Counter) -> None:
    await counter.open_two()

    status, told = await counter.scores(by="vendor")
    screened, hidden = await counter.ask(
        "GET", f"/v1/rfps/{counter.purchase.rfp_id}/screens", by="vendor"
    )

    assert (status, told["code"]) == (404, "evaluation_unknown")
    assert (screened, hidden["code"]) == (404, "rfp_unknown")


async def test_auditor_reads_the_screens_with_their_caution(counter: Counter) -> None:
    await counter.open_two()

    status, shown = await counter.ask(
        "GET", f"/v1/rfps/{counter.purchase.rfp_id}/screens", by="auditor"
    )

    assert status == 200
    assert "proves nothing and excludes nobody" in shown["caution"]
    assert (shown["contests"], shown["bids"], len(shown["about"])) == (1, 2, 7)
