"""Routes by which buyers try rules, and vendors rehearse alone against robots."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from services.auctions.answers import AuctionAnswer, auction_answer
from services.auctions.api.acts import ProposeBody, request_of
from services.auctions.api.rooms import ROOMS
from services.auctions.domain.picture import seen_by
from services.auctions.ports import PracticesTooMany
from services.auctions.practice import Robot
from services.auctions.usecases import AuctionRulesRefused, audience_for
from shared.auth import Role
from shared.domain.ids import AuctionId, PartyId, new_id
from shared.domain.money import UnitPrice
from shared.domain.refusals import Kind, Refusal
from shared.web import Api, Call
from shared.web.fields import PriceText, RequestModel

routes = Api("auctions", title="", version="")

ROBOTS_MAX: Final = 10


class PracticeNotOwn(Refusal):
    """A vendor practises alone: it names itself and robots, and no other vendor."""

    kind = Kind.FORBIDDEN
    code = "practice_not_own"


class RobotUnknown(Refusal):
    """A robot plays one of the vendors that the practice names."""

    kind = Kind.INVALID
    code = "robot_unknown"


class RobotBody(RequestModel):
    """Which of the vendors a robot plays, and how far down it goes."""

    vendor_id: UUID
    limit: PriceText


class PracticeBody(ProposeBody):
    """An auction for practice, and who of its vendors is a robot."""

    robots: Annotated[tuple[RobotBody, ...], Field(max_length=ROBOTS_MAX)] = ()


@routes.post(
    "/v1/practice-auctions",
    scope="auction:read",
    body=PracticeBody,
    answer=AuctionAnswer,
    status=201,
    summary="Hold an auction for practice",
    refusals=(AuctionRulesRefused, PracticeNotOwn, PracticesTooMany, RobotUnknown),
)
async def practise(call: Call[PracticeBody]) -> AuctionAnswer:
    """Hold it in memory alone: it is bid in and watched by the same routes, and then forgotten."""
    rooms, body = call.of(ROOMS), call.body
    _refuse_strangers(call)
    # A vendor that rehearses sees what a vendor sees: the buyer of its auction is nobody.
    is_buyer = call.caller.role is Role.BUYER
    buyer_id = call.caller_party if is_buyer else PartyId(new_id())
    request = request_of(body, buyer_id=buyer_id, auction_id=call.new_id)
    robots = _robots(body)
    picture = rooms.practise(request, auction_id=AuctionId(call.new_id), robots=robots)
    seen = seen_by(picture, audience_for(picture.terms, call.caller))
    return auction_answer(picture, seen, now=rooms.clock.now(), is_practice=True)


def _refuse_strangers(call: Call[PracticeBody]) -> None:
    """Let a buyer invite whom it likes, and anybody else only itself.

    Raises:
        PracticeNotOwn: Another vendor is named who is no robot.
    """
    if call.caller.role is Role.BUYER:
        return
    robots = {robot.vendor_id for robot in call.body.robots}
    people = {vendor.vendor_id for vendor in call.body.vendors} - robots
    if people - {call.caller_party}:
        sentence = "Practise against robots: name no other vendor."
        raise PracticeNotOwn(sentence)


def _robots(body: PracticeBody) -> list[Robot]:
    alias_of = {vendor.vendor_id: vendor.alias for vendor in body.vendors}
    if any(robot.vendor_id not in alias_of for robot in body.robots):
        sentence = "A robot plays one of the vendors that the practice names."
        raise RobotUnknown(sentence)
    return [
        Robot(
            PartyId(robot.vendor_id),
            alias_of[robot.vendor_id],
            UnitPrice.parse(robot.limit, body.currency),
        )
        for robot in body.robots
    ]
