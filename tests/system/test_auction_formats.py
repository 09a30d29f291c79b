"""Every format of auction over HTTP, in real time, and what one vendor can see of the others."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import pytest

from clients.errors import Problem
from clients.http import Document
from shared.clock import SystemClock
from shared.domain.ids import new_id
from tests.patience import until
from tests.system.conftest import People

ALIASES: Final = ("Bidder A", "Bidder B")


@dataclass(frozen=True)
class Scene:
    """An auction of two vendors, under way."""

    people: People
    auction_id: str

    async def see(self, who: int) -> Document:
        return await self.people.vendors[who].auctions.auction(self.auction_id)

    async def offer(self, who: int, price: str) -> Document:
        vendor = self.people.vendors[who].auctions
        return await vendor.offer(self.auction_id, unit_price=price, currency="USD")

    async def is_over(self) -> bool:
        auction = await self.people.buyer.auctions.auction(self.auction_id)
        return auction["status"] in {"closed", "cancelled"}

    async def outcome(self, *, timeout_s: float = 30.0) -> Document:
        await until(self.is_over, timeout_s=timeout_s)
        return await self.people.buyer.auctions.auction(self.auction_id)


def proposal(people: People, *, lasts_s: float, rules: Document, **changes: object) -> Document:
    """A valid auction of 300 laptops that opens in a second; a test changes one thing."""
    opens_at = SystemClock().now() + timedelta(seconds=1)
    openings: list[str | None] = ["410.00", "400.00"]
    return {
        "title": "Laptops",
        "unit": "each",
        "quantity": "300",
        "currency": "USD",
        "opens_at": opens_at.isoformat(),
        "closes_at": (opens_at + timedelta(seconds=lasts_s)).isoformat(),
        "rules": {"soft_close_window_s": 0, "soft_close_extension_s": 0, "extensions_max": 0}
        | dict(rules),
        "vendors": [
            {"vendor_id": vendor_id, "alias": alias, "opening_price": opening}
            for vendor_id, alias, opening in zip(people.vendor_ids, ALIASES, openings, strict=True)
        ],
    } | changes


def without_openings(people: People) -> list[Document]:
    return [
        {"vendor_id": vendor_id, "alias": alias}
        for vendor_id, alias in zip(people.vendor_ids, ALIASES, strict=True)
    ]


async def live(people: People, proposed: Document) -> Scene:
    """Hold the auction and wait until it is open."""
    auction = await people.buyer.auctions.propose(proposed)
    scene = Scene(people, str(auction["id"]))

    async def is_live() -> bool:
        return bool((await scene.see(0))["status"] == "live")

    await until(is_live)
    return scene


async def test_english_the_lowest_wins_and_its_log_is_signed(people: People) -> None:
    scene = await live(people, proposal(people, lasts_s=3, rules={"step": "1.00"}))

    await scene.offer(0, "395.00")
    outcome = await scene.outcome()

    assert (outcome["winner"], outcome["contract_price"]) == ("Bidder A", "395.00")

    async def is_signed() -> bool:
        try:
            return bool(await people.buyer.auctions.checkpoint(scene.auction_id))
        except Problem:
            return False

    await until(is_signed)


async def test_japanese_the_last_one_in_wins_at_its_last_level(people: People) -> None:
    rules = {
        "format": "japanese",
        "ticker_start": "400.00",
        "ticker_change": "10.00",
        "ticker_period_s": 1,
    }
    scene = await live(
        people, proposal(people, lasts_s=25, rules=rules, vendors=without_openings(people))
    )

    async def stay_down_to(who: int, limit: float) -> None:
        vendor = people.vendors[who].auctions
        while not await scene.is_over():
            seen = await scene.see(who)
            own, progress = seen["own"], seen["progress"]
            if progress and own["still_in"] and not own["accepted"]:
                if float(progress["level"]) < limit:
                    return
                try:
                    await vendor.accept_level(
                        scene.auction_id, unit_price=progress["level"], currency="USD"
                    )
                except Problem as problem:
                    assert problem.code in {"level_passed", "auction_over", "level_accepted"}  # noqa: PT017 - a race
            await asyncio.sleep(0.1)

    await asyncio.gather(stay_down_to(0, 375.0), stay_down_to(1, 385.0))
    outcome = await scene.outcome()

    assert outcome["winner"] == "Bidder A"
    assert float(outcome["contract_price"]) <= 390.0


async def test_dutch_the_first_to_accept_the_rising_price_wins(people: People) -> None:
    rules = {
        "format": "dutch",
        "ticker_start": "350.00",
        "ticker_change": "10.00",
        "ticker_period_s": 1,
        "ceiling": "420.00",
    }
    scene = await live(
        people, proposal(people, lasts_s=20, rules=rules, vendors=without_openings(people))
    )

    async def has_risen() -> bool:
        progress = (await scene.see(1))["progress"]
        return bool(progress) and float(progress["level"]) >= 370.0

    await until(has_risen)
    level = (await scene.see(1))["progress"]["level"]
    await people.vendors[1].auctions.accept_level(
        scene.auction_id, unit_price=level, currency="USD"
    )
    outcome = await scene.outcome()

    assert (outcome["winner"], outcome["contract_price"]) == ("Bidder B", level)


async def test_vickrey_the_winner_is_paid_the_second_price(people: People) -> None:
    rules = {"format": "vickrey"}
    scene = await live(
        people, proposal(people, lasts_s=3, rules=rules, vendors=without_openings(people))
    )

    await scene.offer(0, "361.00")
    await scene.offer(1, "377.00")
    seen = await scene.see(0)
    outcome = await scene.outcome()

    assert "377" not in str(seen)
    assert (outcome["winner"], outcome["contract_price"]) == ("Bidder A", "377.00")


async def test_rounds_the_vendors_speak_in_turn(people: People) -> None:
    rules = {
        "format": "rounds",
        "step": "1.00",
        "rounds": 2,
        "turn_s": 2,
        "round_pause_s": 1,
    }
    scene = await live(people, proposal(people, lasts_s=60, rules=rules))
    refused: set[str] = set()

    async def turn_is_over(who: int) -> bool:
        return not (await scene.see(who))["own"]["is_turn"] or await scene.is_over()

    async def speak(who: int, prices: list[str]) -> None:
        while prices and not await scene.is_over():
            own = (await scene.see(who))["own"]
            if own["is_turn"]:
                price = prices.pop(0)
                await scene.offer(who, price)
                await until(partial(turn_is_over, who))
            elif not refused:
                try:
                    await scene.offer(who, "1.00")
                except Problem as problem:
                    refused.add(str(problem.code))
            await asyncio.sleep(0.1)

    await asyncio.gather(speak(0, ["390.00", "380.00"]), speak(1, ["385.00", "370.00"]))
    outcome = await scene.outcome()

    assert refused == {"not_your_turn"}
    assert (outcome["winner"], outcome["contract_price"]) == ("Bidder B", "370.00")


async def test_a_contradictory_rule_set_is_refused_with_every_fault(people: People) -> None:
    rules = {
        "format": "dutch",
        "ticker_start": "350.00",
        "soft_close_window_s": 60,
        "soft_close_extension_s": 60,
        "extensions_max": 3,
    }

    with pytest.raises(Problem) as refused:
        await people.buyer.auctions.propose(proposal(people, lasts_s=20, rules=rules))

    assert refused.value.code == "auction_rules_refused"
    assert len(refused.value.detail.split(";")) >= 2


async def test_a_vendor_finds_nothing_hidden_in_anything_it_can_read(people: People) -> None:
    """The other's limit, handicap and name, and the buyer's reserve, while all are at work."""
    vendors = proposal(people, lasts_s=6, rules={})["vendors"]
    vendors[0]["factor"] = {"percent": "0", "addend": "1", "bonus": "0"}
    vendors[1]["factor"] = {"percent": "7.25", "addend": "3.1415", "bonus": "0"}
    scene = await live(
        people,
        proposal(
            people,
            lasts_s=6,
            rules={"step": "1.00", "score": "factored", "proxies": True, "show_lead": "always"},
            vendors=vendors,
            reserve="333.3333",
        ),
    )
    rival = people.vendors[1].auctions
    await rival.set_proxy(scene.auction_id, limit="301.0123", decrement="2.00", currency="USD")

    read: list[str] = []
    for price in ("404.00", "399.00", "380.00", "300.00"):
        try:
            read.append(str(await scene.offer(0, price)))
        except Problem as problem:
            read.append(f"{problem} {problem.detail} {problem.errors}")
        read.append(str(await scene.see(0)))
        read.append(str(await people.vendors[0].auctions.standing(scene.auction_id)))
    frames = people.vendors[0].auctions.watch(scene.auction_id)
    read.append(str(await anext(frames)))
    await frames.aclose()  # type: ignore[attr-defined]  # it is a generator
    try:
        read.append(str([row async for row in people.vendors[0].auctions.log(scene.auction_id)]))
    except Problem as problem:
        read.append(str(problem))

    everything = "\n".join(read)
    hidden = ("301.0123", "7.25", "3.1415", "333.3333", people.vendor_ids[1])
    assert [secret for secret in hidden if secret in everything] == []
    assert (await rival.standing(scene.auction_id))["alias"] == "Bidder B"


async def test_a_vendor_rehearses_against_a_robot_and_nobody_else_knows(people: People) -> None:
    robot_id = str(new_id())
    rules = {"step": "1.00", "step_against": "both"}
    proposed = dict(proposal(people, lasts_s=12, rules=rules))
    proposed["vendors"][1]["vendor_id"] = robot_id
    proposed["robots"] = [{"vendor_id": robot_id, "limit": "390.00"}]

    auction = await people.vendors[0].auctions.practise(proposed)
    scene = Scene(people, str(auction["id"]))

    async def is_live() -> bool:
        return bool((await scene.see(0))["status"] == "live")

    await until(is_live)
    await scene.offer(0, "395.00")

    async def robot_answers() -> bool:
        return bool((await scene.see(0))["own"]["rank"] == 2)

    await until(robot_answers)
    listed = [one["id"] async for one in people.buyer.auctions.auctions()]
    assert auction["is_practice"] is True
    assert scene.auction_id not in listed


async def test_the_buyer_pauses_and_resumes_with_the_time_that_was_left(people: People) -> None:
    scene = await live(people, proposal(people, lasts_s=4, rules={"step": "1.00"}))
    conduct = partial(people.buyer.auctions.conduct, scene.auction_id)

    paused = await conduct("pause", reason="fire alarm")
    with pytest.raises(Problem) as refused:
        await scene.offer(0, "395.00")
    await asyncio.sleep(1.5)
    resumed = await conduct("resume", reason="false alarm")

    assert refused.value.code == "auction_paused"
    assert resumed["closes_at"] > paused["closes_at"]
    assert (await scene.offer(0, "395.00"))["rank"] == 1
