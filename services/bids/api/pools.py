"""Answer buyers who pool requirements into a draft's lots."""

from typing import Final, Self
from uuid import UUID

from pydantic import Field

from services.bids.api.rfps import RFPS, LotAnswer
from services.bids.domain.pooling import (
    LeftOut,
    LeftOutReason,
    PoolBy,
    RequirementsTooMany,
    RequirementUnknown,
)
from services.bids.domain.requirements import Category
from services.bids.domain.rfps import LotsTooMany, PooledRfp, RfpNotDraft, RfpUnknown
from services.bids.ports.purchase import ListedLot, Selection
from shared.domain.ids import RfpId
from shared.web import Api, Call
from shared.web.fields import AnswerModel, Label, RequestModel

routes = Api("bids", title="", version="")

REFERENCES_MAX: Final = 10_000
"""The most requirements that one pool names; more are chosen by category and item."""

POOL_BYTES_MAX: Final = 2 * 1024 * 1024
"""The longest request to pool: the most references at their longest."""

LEFT_OUT_LISTED_MAX: Final = 1_000
"""How many requirements that were left out an answer lists; it counts them all."""


class PoolRequirements(RequestModel):
    """Which requirements make lots, and what those of one lot have in common."""

    by: PoolBy = Field(description="`alone`, `item`, or `area`: like items of one delivery area.")
    category: Category | None = None
    item_code: Label | None = None
    requirement_references: list[Label] | None = Field(
        default=None,
        min_length=1,
        max_length=REFERENCES_MAX,
        description="Only requirements of these references, whoever stated them.",
    )

    def selection(self) -> Selection:
        """Turn it into what the use case takes."""
        named = self.requirement_references
        return Selection(
            category=self.category,
            item_code=self.item_code,
            references=None if named is None else frozenset(named),
        )


class LeftOutAnswer(AnswerModel):
    """A requirement that is in no lot, and why."""

    requirement_id: UUID
    reason: LeftOutReason

    @classmethod
    def of(cls, left_out: LeftOut) -> Self:
        """Render what was left out."""
        return cls(requirement_id=left_out.requirement_id, reason=left_out.reason)


class PoolAnswer(AnswerModel):
    """A draft's lots; of what was left out the first 1,000 are listed, and all are counted."""

    lots: list[LotAnswer]
    left_out: list[LeftOutAnswer]
    left_out_count: int

    @classmethod
    def of(cls, pooled: PooledRfp) -> Self:
        """Render a pool."""
        lots = (
            ListedLot(each.lot, len({share.member_id for share in each.shares}))
            for each in pooled.lots
        )
        left_out = pooled.left_out[:LEFT_OUT_LISTED_MAX]
        return cls(
            lots=[LotAnswer.of(lot) for lot in lots],
            left_out=[LeftOutAnswer.of(each) for each in left_out],
            left_out_count=len(pooled.left_out),
        )


@routes.post(
    "/v1/rfps/{rfp_id}/pool",
    scope="rfp:write",
    body=PoolRequirements,
    answer=PoolAnswer,
    summary="Pool requirements into the draft's lots",
    refusals=(RfpUnknown, RfpNotDraft, RequirementUnknown, RequirementsTooMany, LotsTooMany),
    creates=True,
    body_limit=POOL_BYTES_MAX,
)
async def pool_requirements(call: Call[PoolRequirements]) -> PoolAnswer:
    """Pool requirements into lots; pooling a draft again replaces its lots.

    Requirements that are alike in category, item, specification, unit and term make one lot.
    """
    pooled = await call.of(RFPS).pool(
        RfpId(call.id("rfp_id")),
        call.body.selection(),
        by=call.body.by,
        buyer_id=call.caller_party,
    )
    return PoolAnswer.of(pooled)
