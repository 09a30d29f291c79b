"""Show auctions that another replica writes to those who watch here, and ours to theirs.

On `watch` every process says which auctions are watched there and written elsewhere; whoever writes
one of these tells its pictures on `picture.<auction>`, at most ten a second, for as long as it is
asked. What nobody watches costs nothing. Without NATS, what is watched is read from the record.
"""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from services.auctions.domain.picture import Moment, Picture
from services.auctions.follow import Follower
from services.auctions.forward import VERSION, auction_of
from services.auctions.hall import Hall
from services.auctions.wire import picture_document, read_picture
from shared.bus import BusUnavailable, Ear, Line, Spoken
from shared.db import DatabaseUnavailable
from shared.domain.ids import AuctionId
from shared.domain.refusals import Refusal

STEP_S: Final = 0.1
"""How often pictures are told: ten frames a second, as for watchers."""

WATCH_S: Final = 2.0
INTEREST_S: Final = 5.0
"""How long what was said to be watched is told of: two and a half times `WATCH_S`."""

FOLLOW_S: Final = 1.0
"""How often watched auctions are read from the record while there is no talk."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Watched:
    """What the watchers of this process see: auctions by id, or all of them."""

    ids: frozenset[AuctionId]
    is_all: bool


class Gallery:
    """Pictures for those who watch at other replicas, and theirs for those who watch here."""

    def __init__(
        self,
        line: Line,
        hall: Hall,
        follower: Follower,
        *,
        name: UUID,
        watched: Callable[[], Watched],
        show: Callable[[Picture], None],
    ) -> None:
        """Show what is heard by `show`; `watched` says for whom."""
        self._line = line
        self._hall = hall
        self._follower = follower
        self._name = str(name)
        self._watched = watched
        self._show = show
        self._wanted: dict[AuctionId | None, float] = {}
        self._news: dict[AuctionId, Moment] = {}
        self._heard: dict[AuctionId, bytes] = {}
        self._ears: list[Ear] = []
        self._said: tuple[Watched, float] = (Watched(frozenset(), is_all=False), 0.0)
        self._talks = False

    def show(self, moment: Moment) -> None:
        """Take a moment of a desk here; its picture is told if somebody elsewhere watches."""
        if self._wanted and self._is_wanted(moment.terms.id):
            self._news[moment.terms.id] = moment

    async def run(self) -> None:
        """Tell and hear pictures for ever, at most one per auction and `STEP_S`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_alone())
            while True:
                try:
                    await self.step()
                except (BusUnavailable, DatabaseUnavailable) as error:
                    self._talks = False
                    log.warning("gallery_waits", reason=type(error).__name__)
                else:
                    self._talks = True
                await asyncio.sleep(STEP_S)

    async def step(self) -> None:
        """Do once what `run` does again and again.

        Raises:
            BusUnavailable: There is no talk now.
            DatabaseUnavailable: The record is away.
        """
        if not self._ears:
            self._ears.append(await self._line.listen("watch", self._take_interest))
            self._ears.append(await self._line.listen("picture.*", self._take_picture))
        await self._say_what_is_watched()
        heard, self._heard = self._heard, {}
        for auction_id, body in heard.items():
            terms = await self._follower.terms(auction_id)
            self._show_newer(read_picture(json.loads(body)["picture"], terms))
        news, self._news = self._news, {}
        for auction_id, moment in news.items():
            document = {"v": VERSION, "picture": picture_document(moment.picture)}
            await self._line.tell(f"picture.{auction_id}", json.dumps(document).encode())

    async def _say_what_is_watched(self) -> None:
        """Say what is watched here and written elsewhere: what is new at once, the rest again."""
        watched = self._watched()
        elsewhere = Watched(watched.ids - set(self._hall.seated), watched.is_all)
        said, said_at = self._said
        now = time.monotonic()
        is_nothing = not elsewhere.ids and not elsewhere.is_all
        if is_nothing or (elsewhere == said and now - said_at < WATCH_S):
            return
        document = {
            "v": VERSION,
            "from": self._name,
            "all": elsewhere.is_all,
            "ids": [str(one) for one in elsewhere.ids],
        }
        await self._line.tell("watch", json.dumps(document).encode())
        self._said = (elsewhere, now)

    def _take_interest(self, spoken: Spoken) -> None:
        told = json.loads(spoken.body)
        if told["v"] != VERSION or told["from"] == self._name:
            return
        now = time.monotonic()
        self._wanted = {key: until for key, until in self._wanted.items() if until > now}
        seated = set(self._hall.seated)
        wanted = seated if told["all"] else seated & {AuctionId(UUID(one)) for one in told["ids"]}
        for auction_id in wanted:
            desk = self._hall.desk(auction_id)
            if desk is not None and not self._is_wanted(auction_id):
                # Whoever begins to watch may have missed what came before its word.
                self._news[auction_id] = desk.moment
            self._wanted[auction_id] = now + INTEREST_S
        if told["all"]:
            self._wanted[None] = now + INTEREST_S

    def _take_picture(self, spoken: Spoken) -> None:
        auction_id = auction_of(spoken.subject)
        watched = self._watched()
        is_ours = auction_id in self._hall.seated
        if (watched.is_all or auction_id in watched.ids) and not is_ours:
            self._heard[auction_id] = spoken.body

    def _is_wanted(self, auction_id: AuctionId) -> bool:
        now = time.monotonic()
        return max(self._wanted.get(auction_id, 0.0), self._wanted.get(None, 0.0)) > now

    def _show_newer(self, picture: Picture) -> None:
        if self._follower.note(picture):
            self._show(picture)

    async def _follow_alone(self) -> None:
        """While there is no talk, read what is watched from the record."""
        while True:
            await asyncio.sleep(FOLLOW_S)
            if self._talks or self._hall.is_cut_off:
                continue
            for auction_id in self._watched().ids - set(self._hall.seated):
                with suppress(Refusal):
                    self._show(await self._follower.picture(auction_id))
