"""Answer whoever asks how a lot's quantity came about, and of which requirements it is made."""

from decimal import Decimal
from typing import Final, Self
from uuid import UUID

from aiohttp import web
from pydantic import Field

from services.bids.domain.lots import LotUnknown
from services.bids.domain.pooling import Basis, Rule, Volume
from services.bids.domain.pooling.posts import Packing, Post
from services.bids.domain.pooling.rules import Circuits, Struck
from services.bids.domain.rfps import RfpUnknown
from services.bids.ports.pools import LotVolume, ShareRecord
from services.bids.ports.purchase import Part
from services.bids.usecases.pools import PooledLots
from shared.auth import Role
from shared.domain.ids import LotId, RfpId
from shared.web import Api, Call
from shared.web.fields import AnswerModel, PageAnswer

POOLED_LOTS: Final = web.AppKey("bids_pooled_lots", PooledLots)

routes = Api("bids", title="", version="")

LISTED_MAX: Final = 1_000
"""How many posts, shares, or requirements left out an answer lists; it counts them all."""


class CircuitsAnswer(AnswerModel):
    """So many circuits of one size."""

    size: str
    count: int


class StruckAnswer(AnswerModel):
    """A need that is counted: a whole hazard zone's, or one member's (no zone)."""

    hazard_zone: str | None
    member_ids: list[UUID]
    quantity: str


class PostAnswer(AnswerModel):
    """One whole post: what it gives to whom, and what is left over, in parts of a post."""

    members: dict[UUID, str]
    filled: str
    spare: str

    @classmethod
    def of(cls, post: Post) -> Self:
        """Render a post."""
        return cls(
            members={member_id: _part(given) for member_id, given in post.members},
            filled=_part(post.filled),
            spare=_part(post.spare),
        )


class VolumeAnswer(AnswerModel):
    """How a quantity came about.

    `demand` is the plain sum of the shares in their unit; `quantity` what vendors bid on; `firm`
    the part that members commit to, `estimated` what the others add. Of a lot of posts, at least
    `at_least` are needed; where that is their number, the packing is proven the best.
    """

    rule: Rule
    basis: Basis = Field(description="By what the cost falls to the shares.")
    demand: str
    quantity: str
    firm: str
    estimated: str
    circuits: list[CircuitsAnswer] | None = None
    struck: list[StruckAnswer] | None = None
    posts: list[PostAnswer] | None = None
    at_least: int | None = None
    spare: str | None = None

    @classmethod
    def of(cls, volume: Volume) -> Self:
        """Render a volume with its detail."""
        answer = cls(
            rule=volume.rule,
            basis=volume.basis,
            demand=text_of(volume.demand),
            quantity=text_of(volume.quantity),
            firm=text_of(volume.firm),
            estimated=text_of(volume.estimated),
        )
        match volume.detail:
            case Circuits(counts):
                circuits = [CircuitsAnswer(size=text_of(size), count=each) for size, each in counts]
                return answer.model_copy(update={"circuits": circuits})
            case Struck():
                return answer.model_copy(update={"struck": _struck(volume.detail)})
            case Packing(posts, at_least):
                spare = _part(volume.detail.spare)
                told = {"posts": [PostAnswer.of(post) for post in posts[:LISTED_MAX]]}
                return answer.model_copy(update={**told, "at_least": at_least, "spare": spare})
        return answer


class LotVolumeAnswer(AnswerModel):
    """How much of a lot members commit to, and how much they only expect to take."""

    lot_id: UUID
    unit: str
    rule: Rule
    basis: Basis
    demand: str
    quantity: str
    firm: str
    estimated: str

    @classmethod
    def of(cls, volume: LotVolume) -> Self:
        """Render a volume that is kept."""
        return cls(
            lot_id=volume.lot_id,
            unit=volume.unit,
            rule=volume.rule,
            basis=volume.basis,
            demand=text_of(volume.demand),
            quantity=text_of(volume.quantity),
            firm=text_of(volume.firm),
            estimated=text_of(volume.quantity - volume.firm),
        )


class LotShareAnswer(AnswerModel):
    """A requirement's part of a lot: whose it is, and how much was asked for, in its own unit."""

    requirement_id: UUID
    member_id: UUID
    member_reference: str
    reference: str
    unit: str
    quantity: str
    is_firm: bool

    @classmethod
    def of(cls, share: ShareRecord) -> Self:
        """Render a share with its provenance."""
        return cls(
            requirement_id=share.requirement_id,
            member_id=share.member_id,
            member_reference=share.member_reference,
            reference=share.reference,
            unit=share.unit,
            quantity=text_of(share.quantity),
            is_firm=share.is_firm,
        )


@routes.get(
    "/v1/rfps/{rfp_id}/volumes",
    scope="rfp:read",
    answer=PageAnswer[LotVolumeAnswer],
    summary="List the firm and the estimated volume of an RFP's lots",
    refusals=(RfpUnknown,),
    paged=True,
)
async def list_volumes(call: Call[None]) -> PageAnswer[LotVolumeAnswer]:
    """List, by the lot's number, how each quantity came about; `after` is the id of a lot."""
    page = call.page()
    found = await call.of(POOLED_LOTS).volumes(
        RfpId(call.id("rfp_id")), Part(page.after, page.limit), viewer_id=call.caller.party_id
    )
    items = [LotVolumeAnswer.of(each) for each in found]
    next_after = items[-1].lot_id if len(items) == page.limit else None
    return PageAnswer(items=items, next_after=next_after)


@routes.get(
    "/v1/lots/{lot_id}/shares",
    scope="requirement:read",
    answer=PageAnswer[LotShareAnswer],
    summary="List the requirements that a lot is made of",
    refusals=(LotUnknown,),
    paged=True,
)
async def list_shares(call: Call[None]) -> PageAnswer[LotShareAnswer]:
    """List all to the lot's buyer and to auditors; a member sees its own.

    An agency sees those of the members that authorised it as well. `after` is the id of a
    requirement.
    """
    page = call.page()
    found = await call.of(POOLED_LOTS).shares(
        LotId(call.id("lot_id")),
        Part(page.after, page.limit),
        viewer_id=call.caller.party_id,
        sees_all=call.caller.role is Role.AUDITOR,
    )
    items = [LotShareAnswer.of(each) for each in found]
    next_after = items[-1].requirement_id if len(items) == page.limit else None
    return PageAnswer(items=items, next_after=next_after)


def _struck(struck: Struck) -> list[StruckAnswer]:
    return [
        StruckAnswer(hazard_zone=zone or None, member_ids=list(ids), quantity=text_of(quantity))
        for zone, ids, quantity in struck.groups[:LISTED_MAX]
    ]


def _part(thousandths: int) -> str:
    """Write thousandths of a post as a part of one."""
    return text_of(Decimal(thousandths).scaleb(-3))


def text_of(quantity: Decimal) -> str:
    """Write a quantity as a plain decimal without trailing zeros."""
    return f"{quantity.normalize():f}"
