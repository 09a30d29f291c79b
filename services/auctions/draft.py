"""Hold what a desk has been asked, and what it has decided and not yet written."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from services.auctions.domain.commands import Command, Secret
from services.auctions.domain.log import LogRow
from services.auctions.domain.picture import After
from services.auctions.ports import CloseMoved, Written
from shared.domain.facts import Event
from shared.domain.ids import AuctionId
from shared.domain.refusals import Refusal


class Done(NamedTuple):
    """The answer to a command: its fact as it stands in the log, and how it stands after it."""

    auction_id: AuctionId
    written: Written
    after: After


class Asked(NamedTuple):
    """A command that waits for its turn."""

    command: Command
    key: str | None
    at: datetime
    answer: "asyncio.Future[Done]"


@dataclass(slots=True)
class Draft:
    """What the batch under way will write, and who waits for it."""

    rows: list[LogRow] = field(default_factory=list)
    events: list[tuple[int, Event, datetime]] = field(default_factory=list)
    secrets: list[tuple[int, Secret]] = field(default_factory=list)
    moves: list[CloseMoved] = field(default_factory=list)
    done: list[tuple[Asked, Written]] = field(default_factory=list)
    refused: list[tuple[Asked, Refusal]] = field(default_factory=list)
    repeated: list[tuple[Asked, int]] = field(default_factory=list)


def resolve(answer: "asyncio.Future[Done]", done: Done) -> None:
    """Answer, unless the caller has gone."""
    if not answer.done():
        answer.set_result(done)


def dismiss(answers: Iterable["asyncio.Future[Done]"], refusal: Refusal) -> None:
    """Refuse all who still wait for an answer."""
    for answer in answers:
        if not answer.done():
            answer.set_exception(refusal)
