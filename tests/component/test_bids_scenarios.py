"""Award scenarios over PostgreSQL and HTTP, solved by real processes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, Final

import pytest
from aiohttp.test_utils import TestClient, TestServer

from services.bids.api import scenarios
from services.bids.domain.winners.fit import ProblemUnfit
from services.bids.domain.winners.problem import (
    Bid,
    Granularity,
    Lot,
    Problem,
    Share,
    Tier,
    Vendor,
)
from services.bids.domain.winners.sensitivity import Flip
from services.bids.domain.winners.tasks import Answer, FlipTask, RunnerUpTask, Task
from services.bids.ports.winners import SearchFailed
from services.bids.solver import processes
from services.bids.solver.processes import SolverProcesses
from services.bids.store.scenarios import ScenarioStore
from services.bids.usecases.winners import CLAIM, ScenarioSolving, Winners
from shared.auth import FixedVerifier, Principal, Role, scopes_of
from shared.db import Pool
from shared.domain.ids import PartyId, new_id
from shared.idempotency import MemoryIdempotencyStore
from shared.journal import Journal
from shared.web import Api, build_app
from tests.component.bids_purchase import Purchase, publish
from tests.patience import PATIENCE_S

PRICES: Final = {(0, 0): "0.25", (1, 0): "0.24", (0, 1): "0.30", (1, 1): "0.33", (2, 1): "0.35"}
"""Unit prices by vendor and lot; each lot is 420 units."""

MICROSECOND: Final = timedelta(microseconds=1)


class DyingSolver:
    """A twin of the solver whose every search dies."""

    async def solve(self, task: Task) -> Answer:
        sentence = "The search ended before it had an answer."
        raise SearchFailed(sentence)

    async def runner_up(self, asked: RunnerUpTask) -> Answer:
        return await self.solve(asked.task)

    async def flip(self, asked: FlipTask) -> Flip | None:
        await self.solve(asked.task)
        return None


@dataclass
class Counter:
    """Ask the service as somebody, and let its loop step."""

    purchase: Purchase
    client: Any
    store: ScenarioStore

    async def ask(
        self, method: str, path: str, *, by: str = "buyer", json: object = None
    ) -> tuple[int, Any]:
        sent = {"Authorization": f"Bearer {by}"}
        if method == "POST":
            sent["Idempotency-Key"] = str(new_id())
        place = f"/v1/rfps/{self.purchase.rfp_id}{path}"
        async with self.client.request(method, place, json=json, headers=sent) as response:
            return response.status, await response.json()

    async def step(self, solver: SolverProcesses | DyingSolver | None = None) -> int:
        clock = self.purchase.clock
        solving = ScenarioSolving(self.store, solver or SolverProcesses(), clock=clock)
        return await solving.step(clock.now())

    async def solved(self, *rules: Mapping[str, object], **changes: object) -> Any:
        """Save a scenario, let it be solved, and read it."""
        body = {"name": "Cheapest", "rules": list(rules), **changes}
        status, saved = await self.ask("POST", "/scenarios", json=body)
        assert status == 202, saved
        assert await self.step() == 1
        _, read = await self.ask("GET", f"/scenarios/{saved['id']}")
        return read


@asynccontextmanager
async def open_counter(purchase: Purchase) -> AsyncIterator[Counter]:
    tokens = {
        "buyer": _principal(Role.BUYER, purchase.buyer_id),
        "rival": _principal(Role.BUYER, PartyId(new_id())),
        "vendor": _principal(Role.VENDOR, purchase.vendors[0]),
        "auditor": _principal(Role.AUDITOR, None),
    }
    api = Api("bids", title="Bids", version="1")
    api.include(scenarios.routes)
    app = build_app(
        api,
        verifier=FixedVerifier(tokens),
        clock=purchase.clock,
        idempotency=MemoryIdempotencyStore(purchase.clock),
        checks={},
    )
    store = ScenarioStore(purchase.pool, Journal("bids"))
    app[scenarios.WINNERS] = Winners(store, SolverProcesses(), clock=purchase.clock)
    async with TestClient(TestServer(app, access_log=None)) as client:
        yield Counter(purchase, client, store)


def _principal(role: Role, party_id: PartyId | None) -> Principal:
    return Principal(
        party_id=party_id,
        role=role,
        scopes=scopes_of(role),
        token_id=f"{role}-token",
        expires_at=datetime(2099, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
async def purchase(bids_database: Pool) -> Purchase:
    purchase = await publish(bids_database, lots=2, vendors=3)
    for (vendor, lot), price in PRICES.items():
        await purchase.file(price, vendor=vendor, lot=lot)
    return purchase


@pytest.fixture
async def counter(purchase: Purchase) -> AsyncIterator[Counter]:
    await purchase.open_bids()
    async with open_counter(purchase) as opened:
        yield opened


def task(seconds: int = 20) -> Task:
    """Two vendors offer one lot, one cheaper."""
    share = Share(district_id="d", quantity=10)
    tiers = {
        name: Tier(lower=1, upper=10, unit_price=Fraction(price))
        for name, price in (("ann", 2), ("bob", 3))
    }
    bids = tuple(
        Bid(id=name, vendor_id=name, lot_id="milk", tiers=(tier,)) for name, tier in tiers.items()
    )
    return Task(
        problem=Problem(
            lots=(Lot(id="milk", shares=(share,), granularity=Granularity.WHOLE),),
            vendors=tuple(Vendor(id=name) for name in tiers),
            bids=bids,
        ),
        seconds=seconds,
    )


# Processes -----------------------------------------------------------------------------------


async def test_search_in_a_process_answers() -> None:
    answer = await SolverProcesses().solve(task())

    assert answer.is_proven
    assert answer.costs is not None
    assert answer.costs.ranked == 20


async def test_what_if_is_asked_in_a_process() -> None:
    solver = SolverProcesses()

    second = await solver.runner_up(RunnerUpTask(task=task(), lot_id="milk", winners=("ann",)))
    flipped = await solver.flip(FlipTask(task=task(), vendor_id="bob", lot_id="milk"))

    assert second.costs is not None
    assert second.costs.ranked == 30
    assert flipped is not None
    assert flipped.change == -1


async def test_refusal_travels_out_of_the_process() -> None:
    unfit = replace(task(), problem=replace(task().problem, lots=()))

    with pytest.raises(ProblemUnfit, match="between 1 and"):
        await SolverProcesses().solve(unfit)


async def test_search_beyond_its_memory_fails_alone() -> None:
    with pytest.raises(SearchFailed):
        await SolverProcesses(memory_bytes=64 * 1024**2).solve(task())


async def test_search_beyond_its_time_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_S", 0.0)

    with pytest.raises(SearchFailed):
        await SolverProcesses().solve(task(seconds=0))


async def test_cancelled_search_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[asyncio.subprocess.Process] = []
    is_started = asyncio.Event()
    start = asyncio.create_subprocess_exec

    async def remember(*command: str, **options: Any) -> asyncio.subprocess.Process:
        started.append(await start(*command, **options))
        is_started.set()
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", remember)
    search = asyncio.create_task(SolverProcesses().solve(task()))
    async with asyncio.timeout(PATIENCE_S):
        await is_started.wait()
    search.cancel()

    with pytest.raises(asyncio.CancelledError):
        await search
    assert started[0].returncode is not None


async def test_killed_search_is_refused_and_decides_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = asyncio.create_subprocess_exec

    async def kill_at_once(*command: str, **options: Any) -> asyncio.subprocess.Process:
        process = await start(*command, **options)
        process.kill()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", kill_at_once)

    with pytest.raises(SearchFailed):
        await SolverProcesses().solve(task())


# Scenarios -----------------------------------------------------------------------------------


async def test_scenario_is_solved_and_shown(counter: Counter) -> None:
    vendors, lots = counter.purchase.vendors, counter.purchase.lots

    read = await counter.solved()

    result = read["result"]
    assert (read["status"], result["status"], result["gap"]) == ("solved", "optimal", "0")
    assert result["engine"] == "highs"
    assert result["ranked"] == result["paid"] == "226.8"
    won = {line["lot_id"]: line["vendor_id"] for line in result["lines"]}
    assert won == {str(lots[0]): str(vendors[1]), str(lots[1]): str(vendors[0])}
    assert await counter.purchase.types_of(read["id"]) == ["scenario.saved", "scenario.solved"]


async def test_scenario_waits_until_the_loop_steps(counter: Counter) -> None:
    status, saved = await counter.ask("POST", "/scenarios", json={"name": "Later"})

    assert (status, saved["status"], saved["result"]) == (202, "waiting", None)
    assert await counter.step() == 1
    assert await counter.step() == 0


async def test_rule_costs_what_the_award_costs_more_with_it(counter: Counter) -> None:
    one = {"id": "one", "kind": "most_winners", "amount": "1"}
    idle = {"id": "idle", "kind": "budget", "amount": "100000"}

    result = (await counter.solved(one, idle))["result"]

    assert result["ranked"] == "231"
    assert result["over_best"] == "4.2"
    assert result["rule_costs"] == [
        {"rule_id": "idle", "cost": "0"},
        {"rule_id": "one", "cost": "4.2"},
    ]


async def test_rule_of_each_lot_is_written_out(counter: Counter) -> None:
    two = {"id": "two", "kind": "fewest_winners", "amount": "2", "each_lot": True}
    share = {"id": "share", "kind": "smallest_share", "amount": "0.25", "each_lot": True}

    result = (await counter.solved(two, share, granularity="district"))["result"]

    # The cheaper vendor of each lot has the member of 300 units, the next the one of 120.
    assert result["ranked"] == str(Fraction("0.24") * 300 + Fraction("0.25") * 120 + 90 + 39.6)[:5]
    assert [cost["rule_id"] for cost in result["rule_costs"]] == ["share", "two"]


async def test_conflict_is_said_in_words(counter: Counter) -> None:
    poor = {"id": "poor", "kind": "budget", "amount": "100"}

    result = (await counter.solved(poor))["result"]

    assert result["status"] == "infeasible"
    assert "At most 100 is paid over all lots." in result["conflict"]


async def test_soft_rule_gives_way(counter: Counter) -> None:
    poor = {"id": "poor", "kind": "budget", "amount": "100", "priority": 1}

    result = (await counter.solved(poor))["result"]

    assert (result["status"], result["relaxed"]) == ("optimal", ["poor"])


async def test_scenarios_are_compared_and_one_is_chosen(counter: Counter) -> None:
    cheapest = await counter.solved()
    single = await counter.solved({"id": "one", "kind": "most_winners", "amount": "1"}, name="One")
    body = {"reason": "One truck a day."}

    _, first = await counter.ask("POST", f"/scenarios/{cheapest['id']}/choose", json=body)
    _, second = await counter.ask("POST", f"/scenarios/{single['id']}/choose", json=body)
    _, compared = await counter.ask("GET", "/scenario-comparison")

    assert first["chosen_reason"] == second["chosen_reason"] == "One truck a day."
    shown = [(each["name"], each["over_best"], each["is_chosen"]) for each in compared["items"]]
    assert shown == [("Cheapest", "0", False), ("One", "4.2", True)]
    assert (await counter.purchase.types_of(single["id"]))[-1] == "scenario.chosen"


async def test_scenario_without_award_is_not_chosen(counter: Counter) -> None:
    poor = await counter.solved({"id": "poor", "kind": "budget", "amount": "100"})

    status, refused = await counter.ask(
        "POST", f"/scenarios/{poor['id']}/choose", json={"reason": "Cheap."}
    )

    assert (status, refused["code"]) == (409, "scenario_without_award")


async def test_runner_up_and_flipping_price_are_told(counter: Counter) -> None:
    scenario = await counter.solved()
    lot, vendor = counter.purchase.lots[0], counter.purchase.vendors[0]
    place = f"/scenarios/{scenario['id']}"

    _, second = await counter.ask("GET", f"{place}/runner-up/{lot}")
    _, flipped = await counter.ask("GET", f"{place}/flip/{lot}/{vendor}")

    assert (second["runners_up"], second["more"]) == ([str(vendor)], "4.2")
    assert flipped["change"] == "-0.01"


async def test_stranger_sees_no_scenario(counter: Counter) -> None:
    scenario = await counter.solved()

    for by in ("rival", "vendor"):
        status, refused = await counter.ask("GET", f"/scenarios/{scenario['id']}", by=by)
        assert (status, refused["code"]) == (404, "scenario_unknown")
        status, refused = await counter.ask("GET", "/scenarios", by=by)
        assert (status, refused["code"]) == (404, "rfp_unknown")
    status, listed = await counter.ask("GET", "/scenarios", by="auditor")
    assert (status, len(listed["items"])) == (200, 1)
    status, _ = await counter.ask("POST", "/scenarios", by="rival", json={"name": "Mine"})
    assert status == 404


async def test_nothing_is_solved_before_the_opening(purchase: Purchase) -> None:
    async with open_counter(purchase) as counter:
        status, refused = await counter.ask("POST", "/scenarios", json={"name": "Early"})

    assert (status, refused["code"]) == (409, "lot_not_evaluated")


async def test_unfit_rule_is_refused(counter: Counter) -> None:
    half = {"id": "half", "kind": "most_winners", "amount": "0.5"}

    status, refused = await counter.ask("POST", "/scenarios", json={"name": "X", "rules": [half]})

    assert (status, refused["code"]) == (422, "award_problem_unfit")


async def test_dead_search_leaves_the_scenario_waiting_and_at_last_failed(
    counter: Counter,
) -> None:
    _, saved = await counter.ask("POST", "/scenarios", json={"name": "Unlucky"})
    statuses = []
    for _ in range(3):
        assert await counter.step(DyingSolver()) == 0
        _, read = await counter.ask("GET", f"/scenarios/{saved['id']}")
        statuses.append(read["status"])

    assert statuses == ["waiting", "waiting", "failed"]
    assert await counter.purchase.types_of(saved["id"]) == ["scenario.saved", "scenario.failed"]


async def test_claimed_scenario_is_nobody_elses_until_its_process_is_taken_for_dead(
    counter: Counter,
) -> None:
    await counter.ask("POST", "/scenarios", json={"name": "Claimed"})
    now = counter.purchase.clock.now()

    assert await counter.store.claim(now, now + CLAIM) is not None
    assert await counter.store.claim(now + CLAIM - MICROSECOND, now + CLAIM) is None
    assert await counter.store.claim(now + CLAIM, now + 2 * CLAIM) is not None
