"""Answer buyers who pool requirements into a draft's lots."""

from itertools import islice
from typing import Final, Self
from uuid import UUID

from aiohttp import web
from pydantic import Field

from services.bids.api.pool_requests import PoolRequirements
from services.bids.api.rfps import LotAnswer
from services.bids.api.volumes import LISTED_MAX, VolumeAnswer, text_of
from services.bids.domain.pooling import (
    LeftOut,
    LeftOutReason,
    Pool,
    PooledLot,
    RequirementsTooMany,
    RequirementUnknown,
    Share,
    Volume,
)
from services.bids.domain.pooling.drafts import DraftLots
from services.bids.domain.pooling.needs import SENTENCES
from services.bids.domain.pooling.rules import PoolingTermsInvalid
from services.bids.domain.rfps import LotsTooMany, RfpNotDraft, RfpUnknown
from services.bids.ports.purchase import ListedLot
from services.bids.usecases.pools import Pools
from shared.domain.ids import RfpId
from shared.web import Api, Call
from shared.web.fields import AnswerModel

POOLS: Final = web.AppKey("bids_pools", Pools)

routes = Api("bids", title="", version="")

POOL_BYTES_MAX: Final = 2 * 1024 * 1024
"""The longest request to pool: the most references at their longest."""


class LeftOutAnswer(AnswerModel):
    """A requirement that is in no lot, and why: by a stable code, and in words."""

    requirement_id: UUID
    reason: LeftOutReason
    sentence: str

    @classmethod
    def of(cls, left_out: LeftOut) -> Self:
        """Render what was left out."""
        return cls(
            requirement_id=left_out.requirement_id,
            reason=left_out.reason,
            sentence=SENTENCES[left_out.reason],
        )


class ShareAnswer(AnswerModel):
    """A requirement's part of a lot, in the requirement's own quantity."""

    lot_number: int
    requirement_id: UUID
    member_id: UUID
    quantity: str

    @classmethod
    def of(cls, number: int, share: Share) -> Self:
        """Render a share."""
        return cls(
            lot_number=number,
            requirement_id=share.requirement_id,
            member_id=share.member_id,
            quantity=text_of(share.quantity),
        )


class PreviewLotAnswer(AnswerModel):
    """A lot as it would be made."""

    number: int
    title: str
    category: str
    item_code: str
    specification: str
    unit: str
    term_months: int
    delivery_area: str | None
    members: int
    shares: int
    volume: VolumeAnswer

    @classmethod
    def of(cls, number: int, lot: PooledLot, volume: Volume) -> Self:
        """Render a lot that is not made yet."""
        return cls(
            number=number,
            title=lot.title,
            category=lot.category,
            item_code=lot.item_code,
            specification=lot.specification,
            unit=lot.unit,
            term_months=lot.term_months,
            delivery_area=lot.delivery_area or None,
            members=_count_members(lot.shares),
            shares=len(lot.shares),
            volume=VolumeAnswer.of(volume),
        )


class PreviewAnswer(AnswerModel):
    """What pooling would make: of shares and of what is left out the first 1,000 are listed."""

    lots: list[PreviewLotAnswer]
    shares: list[ShareAnswer]
    shares_count: int
    left_out: list[LeftOutAnswer]
    left_out_count: int

    @classmethod
    def of(cls, pooled: Pool) -> Self:
        """Render a pool that is not kept."""
        numbered = list(enumerate(zip(pooled.lots, pooled.volumes, strict=True), start=1))
        shares = ((number, share) for number, (lot, _) in numbered for share in lot.shares)
        return cls(
            lots=[PreviewLotAnswer.of(number, lot, volume) for number, (lot, volume) in numbered],
            shares=[
                ShareAnswer.of(*numbered_share) for numbered_share in islice(shares, LISTED_MAX)
            ],
            shares_count=sum(len(lot.shares) for lot in pooled.lots),
            left_out=[LeftOutAnswer.of(each) for each in pooled.left_out[:LISTED_MAX]],
            left_out_count=len(pooled.left_out),
        )


class PoolAnswer(AnswerModel):
    """A draft's lots with their volumes; of what was left out the first 1,000 are listed."""

    lots: list[LotAnswer]
    volumes: list[VolumeAnswer] = Field(description="One for each lot, in the same order.")
    left_out: list[LeftOutAnswer]
    left_out_count: int

    @classmethod
    def of(cls, pooled: DraftLots) -> Self:
        """Render a draft's new lots."""
        made = (each.made for each in pooled.lots)
        return cls(
            lots=[LotAnswer.of(ListedLot(lot.lot, _count_members(lot.shares))) for lot in made],
            volumes=[VolumeAnswer.of(each.volume) for each in pooled.lots],
            left_out=[LeftOutAnswer.of(each) for each in pooled.left_out[:LISTED_MAX]],
            left_out_count=len(pooled.left_out),
        )


class ReopenedAnswer(AnswerModel):
    """A draft that has no lots now."""

    rfp_id: UUID


@routes.post(
    "/v1/rfps/{rfp_id}/pool/preview",
    scope="rfp:write",
    body=PoolRequirements,
    answer=PreviewAnswer,
    summary="See what pooling would make",
    refusals=(
        RfpUnknown,
        RfpNotDraft,
        RequirementUnknown,
        RequirementsTooMany,
        LotsTooMany,
        PoolingTermsInvalid,
    ),
    body_limit=POOL_BYTES_MAX,
)
async def preview_pool(call: Call[PoolRequirements]) -> PreviewAnswer:
    """Show the lots, their shares, and what would be left out and why; nothing is kept."""
    return await call.of(POOLS).preview(
        RfpId(call.id("rfp_id")),
        call.body.request(),
        PreviewAnswer.of,
        buyer_id=call.caller_party,
    )


@routes.post(
    "/v1/rfps/{rfp_id}/pool",
    scope="rfp:write",
    body=PoolRequirements,
    answer=PoolAnswer,
    summary="Pool requirements into the draft's lots",
    refusals=(
        RfpUnknown,
        RfpNotDraft,
        RequirementUnknown,
        RequirementsTooMany,
        LotsTooMany,
        PoolingTermsInvalid,
    ),
    creates=True,
    body_limit=POOL_BYTES_MAX,
)
async def pool_requirements(call: Call[PoolRequirements]) -> PoolAnswer:
    """Pool requirements into lots; pooling a draft again replaces its lots.

    Requirements that are alike in category, item, specification, unit and term make one lot. Their
    quantities add up by the rule of their category, where its terms are given, else plainly.
    """
    pooled = await call.of(POOLS).commit(
        RfpId(call.id("rfp_id")), call.body.request(), buyer_id=call.caller_party
    )
    return PoolAnswer.of(pooled)


@routes.post(
    "/v1/rfps/{rfp_id}/pool/reopen",
    scope="rfp:write",
    answer=ReopenedAnswer,
    summary="Take a draft's lots back",
    refusals=(RfpUnknown, RfpNotDraft),
    creates=True,
    status=200,
)
async def reopen_pool(call: Call[None]) -> ReopenedAnswer:
    """Drop a draft's lots; their requirements are free for any pool again."""
    rfp = await call.of(POOLS).reopen(RfpId(call.id("rfp_id")), buyer_id=call.caller_party)
    return ReopenedAnswer(rfp_id=rfp.id)


def _count_members(shares: tuple[Share, ...]) -> int:
    return len({share.member_id for share in shares})
