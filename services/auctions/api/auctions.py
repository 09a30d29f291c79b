"""Routes by which everybody reads auctions: their state, their logs, what proves them."""

from typing import Any, Final

from aiohttp import web

from services.auctions.answers import AuctionAnswer, auction_answer
from services.auctions.api.rooms import ROOMS, auction_in
from services.auctions.domain.auction import Status
from services.auctions.ports import AuctionUnknown, CheckpointUnknown
from services.auctions.usecases import LogNotPublic
from shared.domain.refusals import Kind, Refusal
from shared.operate import LINKS_MAX, ChainAnswer, SequenceMalformed, after_of, chain_answer
from shared.web import Api, Call
from shared.web.fields import AnswerModel, PageAnswer

routes = Api("auctions", title="", version="")

LOG_TYPE: Final = "application/jsonl"


class StatusUnknown(Refusal):
    """The status asked for is not one that an auction can have."""

    kind = Kind.MALFORMED
    code = "status_unknown"


class CheckpointAnswer(AnswerModel):
    """A signed statement of what an auction's log was at its end: a JWS."""

    checkpoint: str


class KeySetAnswer(AnswerModel):
    """The public keys by which checkpoints are verified: a JWK set (RFC 7517)."""

    keys: list[dict[str, str]]


@routes.get(
    "/v1/auctions",
    scope="auction:read",
    answer=PageAnswer[AuctionAnswer],
    summary="List auctions",
    query={"status": "Only those that are scheduled, live, paused, closed or cancelled."},
    paged=True,
    refusals=(StatusUnknown,),
)
async def list_auctions(call: Call[None]) -> PageAnswer[AuctionAnswer]:
    """List auctions by id, each as far as the caller may see it."""
    rooms, page, status = call.of(ROOMS), call.page(), _status_of(call.query("status"))
    ids = await rooms.auctions.list(after=page.after, status=status, limit=page.limit)
    answers = []
    for auction_id in ids:
        picture, seen = await rooms.show(auction_id, call.caller)
        answers.append(auction_answer(picture, seen, now=rooms.clock.now()))
    return PageAnswer(items=answers, next_after=ids[-1] if len(ids) == page.limit else None)


@routes.get(
    "/v1/auctions/{auction_id}",
    scope="auction:read",
    answer=AuctionAnswer,
    summary="Read an auction",
    refusals=(AuctionUnknown,),
)
async def read_auction(call: Call[None]) -> AuctionAnswer:
    """Return the rules and the committed state, as far as the caller may see it."""
    rooms = call.of(ROOMS)
    auction_id = auction_in(call)
    picture, seen = await rooms.show(auction_id, call.caller)
    is_practice = rooms.find.is_practice(auction_id)
    return auction_answer(picture, seen, now=rooms.clock.now(), is_practice=is_practice)


@routes.get(
    "/v1/auctions/{auction_id}/log",
    scope="auction:read",
    answer=ChainAnswer,
    summary="Read an auction's log",
    query={"after": "The sequence behind which to begin."},
    refusals=(AuctionUnknown, LogNotPublic, SequenceMalformed),
)
async def read_log(call: Call[None]) -> ChainAnswer:
    """Return up to 1,000 hash-chained entries: to all once the auction is over."""
    after = after_of(call.query("after"))
    rows = await call.of(ROOMS).read_log(
        auction_in(call), call.caller, after=after, limit=LINKS_MAX
    )
    return chain_answer([(row.sequence, row.entry, row.hash) for row in rows])


@routes.get(
    "/v1/auctions/{auction_id}/log-file",
    scope="auction:read",
    answer=None,
    answer_type=LOG_TYPE,
    summary="Export an auction's log",
    refusals=(AuctionUnknown, LogNotPublic),
)
async def export_log(call: Call[None]) -> web.StreamResponse:
    """Write the whole log and its checkpoint as JSON Lines, for `commonlot verify`."""
    rooms, auction_id = call.of(ROOMS), auction_in(call)
    await rooms.read_log(auction_id, call.caller, after=0, limit=1)
    return await _stream(call, rooms.notary.export(auction_id))


@routes.get(
    "/v1/auctions/{auction_id}/checkpoint",
    scope="auction:read",
    answer=CheckpointAnswer,
    summary="Read the signed checkpoint of an auction's log",
    refusals=(CheckpointUnknown,),
)
async def read_checkpoint(call: Call[None]) -> CheckpointAnswer:
    """Return what was signed when the auction was over: its log's size, root and last hash."""
    return CheckpointAnswer(checkpoint=await call.of(ROOMS).notary.token(auction_in(call)))


@routes.get(
    "/v1/checkpoint-keys",
    scope=None,
    answer=KeySetAnswer,
    summary="Read the keys that checkpoints are signed with",
)
async def read_checkpoint_keys(call: Call[None]) -> KeySetAnswer:
    """Return them as a JWK set."""
    return KeySetAnswer.model_validate(call.of(ROOMS).notary.key_set())


async def _stream(call: Call[Any], chunks: Any) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": LOG_TYPE})
    await response.prepare(call.request)
    async for chunk in chunks:
        await response.write(chunk)
    await response.write_eof()
    return response


def _status_of(text: str | None) -> Status | None:
    if text is None:
        return None
    try:
        return Status(text)
    except ValueError:
        sentence = f"A status is one of {', '.join(Status)}."
        raise StatusUnknown(sentence) from None
