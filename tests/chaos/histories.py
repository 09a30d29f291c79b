"""Let programmed vendors bid against replicas that break, and write down all that they saw."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import aiohttp

from shared.clock import Clock
from shared.domain.ids import AuctionId

ATTEMPT_S_MAX: Final = 4.0
ATTEMPTS_MAX: Final = 60
RETRY_S: Final = 0.1
BETWEEN_OFFERS_S: Final = (0.005, 0.06)
SERVER_ERROR: Final = 500
TOO_MANY: Final = 429
CREATED: Final = 201


class Outcome(StrEnum):
    """What a vendor knows in the end."""

    OK = "ok"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass
class Act:
    """One offer under one key, with all its attempts."""

    vendor_id: UUID
    key: str
    price_e4: int
    asked_at: datetime
    attempts: list[tuple[datetime, str]] = field(default_factory=list)
    outcome: Outcome = Outcome.UNKNOWN
    answered_at: datetime | None = None
    answer: dict[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> str:
        return str(self.answer.get("code", ""))


@dataclass
class Vendor:
    """A program that goes down until the auction is over."""

    vendor_id: UUID
    token: str
    price_e4: int
    acts: list[Act] = field(default_factory=list)

    def next_act(self, clock: Clock, dice: random.Random) -> Act:
        price_e4 = self.price_e4 - dice.randrange(100, 5_000)
        act = Act(self.vendor_id, f"offer-{len(self.acts)}", price_e4, clock.now())
        self.acts.append(act)
        return act


class Bidding:
    """Twenty vendors at an auction, each at any replica, until they are told that it is over."""

    def __init__(
        self, auction_id: AuctionId, vendors: Sequence[Vendor], urls: Sequence[str], clock: Clock
    ) -> None:
        self._path = f"/v1/auctions/{auction_id}/offers"
        self._vendors = vendors
        self._urls = urls
        self._clock = clock
        self._dice = random.Random(20)

    @property
    def history(self) -> list[Act]:
        acts = [act for vendor in self._vendors for act in vendor.acts]
        return sorted(acts, key=lambda act: act.asked_at)

    async def run(self) -> list[Act]:
        """Bid until everybody was told that the auction is over."""
        timeout = aiohttp.ClientTimeout(total=ATTEMPT_S_MAX)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            for vendor in self._vendors:
                group.create_task(self._bid(session, vendor))
        return self.history

    async def _bid(self, session: aiohttp.ClientSession, vendor: Vendor) -> None:
        while True:
            act = vendor.next_act(self._clock, self._dice)
            await self._settle(session, vendor, act)
            if act.outcome is Outcome.OK:
                vendor.price_e4 = act.price_e4
            if act.outcome is Outcome.UNKNOWN or act.code == "auction_over":
                return
            await asyncio.sleep(self._dice.uniform(*BETWEEN_OFFERS_S))

    async def _settle(self, session: aiohttp.ClientSession, vendor: Vendor, act: Act) -> None:
        """Try again under the same key until the answer is certain."""
        for _ in range(ATTEMPTS_MAX):
            url = self._dice.choice(self._urls)
            began_at = self._clock.now()
            status, answer = 0, {"code": "no_answer"}
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                status, answer = await self._ask(session, url, vendor, act)
            act.attempts.append((began_at, str(answer.get("code", status))))
            if status and status < SERVER_ERROR and status != TOO_MANY:
                act.outcome = Outcome.OK if status == CREATED else Outcome.REFUSED
                act.answered_at, act.answer = self._clock.now(), answer
                return
            await asyncio.sleep(RETRY_S)

    async def _ask(
        self, session: aiohttp.ClientSession, url: str, vendor: Vendor, act: Act
    ) -> tuple[int, dict[str, Any]]:
        whole, fraction = divmod(act.price_e4, 10_000)
        headers = {"Authorization": f"Bearer {vendor.token}", "Idempotency-Key": act.key}
        body = {"unit_price": f"{whole}.{fraction:04d}", "currency": "USD"}
        async with session.post(url + self._path, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)
