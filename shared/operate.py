"""Answer what auditors and operators ask of every service: chains and dead letters."""

from datetime import datetime
from typing import Final

from aiohttp import web

from shared import db, inbox, journal
from shared.db import Pool
from shared.domain.refusals import Kind, Refusal
from shared.inbox import Inbox
from shared.web import Api, Call
from shared.web.fields import AnswerModel

POOL: Final = web.AppKey("pool", Pool)
INBOX: Final = web.AppKey("inbox", Inbox)

LINKS_MAX: Final = 1_000
LETTERS_MAX: Final = 200


class DeadLetterUnknown(Refusal):
    """There is no such dead letter."""

    kind = Kind.NOT_FOUND
    code = "dead_letter_unknown"


class SequenceMalformed(Refusal):
    """The sequence is not a whole number."""

    kind = Kind.MALFORMED
    code = "sequence_malformed"


class LinkAnswer(AnswerModel):
    """One entry of a chain: `hash` is SHA-256 over the previous hash and `entry`, in hex."""

    sequence: int
    entry: str
    hash: str


class ChainAnswer(AnswerModel):
    """Part of an aggregate's chain, oldest first; `next_after` is there while more follows."""

    items: list[LinkAnswer]
    next_after: int | None


class DeadLetterAnswer(AnswerModel):
    """A message that its consumer gave up."""

    event_id: str
    subject: str
    reason: str
    attempts: int
    buried_at: datetime


class DeadLettersAnswer(AnswerModel):
    """The messages that wait for an operator, oldest first."""

    items: list[DeadLetterAnswer]


def routes(service: str) -> Api:
    """Make the routes that every service has."""
    api = Api(service, title="", version="")
    _add_chains(api)
    _add_dead_letters(api)
    return api


def after_of(text: str | None) -> int:
    """Read a sequence from a query parameter; none is the beginning.

    Raises:
        SequenceMalformed: Not digits.
    """
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 18):  # noqa: PLR2004 - fits a bigint
        sentence = "The query parameter after is the sequence of the last entry of the page before."
        raise SequenceMalformed(sentence)
    return int(text)


def chain_answer(rows: list[tuple[int, str, bytes]]) -> ChainAnswer:
    """Render rows of a chain; a full page says where the next one begins."""
    items = [
        LinkAnswer(sequence=place, entry=entry, hash=hash_.hex()) for place, entry, hash_ in rows
    ]
    return ChainAnswer(items=items, next_after=rows[-1][0] if len(rows) == LINKS_MAX else None)


def _add_chains(api: Api) -> None:
    @api.get(
        "/v1/chains/{aggregate_id}",
        scope="audit:read",
        answer=ChainAnswer,
        summary="Read an aggregate's hash chain",
        query={"after": "The sequence behind which to begin."},
        refusals=(SequenceMalformed,),
    )
    async def read_chain(call: Call[None]) -> ChainAnswer:
        """Return up to 1,000 entries, oldest first; an unknown aggregate has none."""
        after = after_of(call.query("after"))
        async with db.reading(call.of(POOL)) as connection:
            rows = await journal.read_chain(
                connection, call.id("aggregate_id"), after=after, limit=LINKS_MAX
            )
        return chain_answer(rows)


def _add_dead_letters(api: Api) -> None:
    @api.get(
        "/v1/dead-letters",
        scope="operate",
        answer=DeadLettersAnswer,
        summary="List messages that were given up",
    )
    async def list_dead_letters(call: Call[None]) -> DeadLettersAnswer:
        """Return up to 200 letters, oldest first."""
        letters = await inbox.dead_letters(call.of(POOL), limit=LETTERS_MAX)
        return DeadLettersAnswer(
            items=[DeadLetterAnswer.model_validate(letter) for letter in letters]
        )

    @api.post(
        "/v1/dead-letters/{event_id}/replay",
        scope="operate",
        answer=None,
        status=204,
        summary="Handle a dead letter again",
        refusals=(DeadLetterUnknown,),
    )
    async def replay_dead_letter(call: Call[None]) -> None:
        """Handle it now, and take it off the list if that went well."""
        try:
            await call.of(INBOX).replay(call.request.match_info["event_id"])
        except KeyError:
            sentence = "There is no such dead letter."
            raise DeadLetterUnknown(sentence) from None
