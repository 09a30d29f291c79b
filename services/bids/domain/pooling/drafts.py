"""Give a draft the lots of a pool, or take them back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from services.bids.domain.pooling.needs import LeftOut, Pool, PoolBy
from services.bids.domain.pooling.rules import Basis, Rule, Terms, Volume
from services.bids.domain.rfps import (
    LOTS_MAX,
    LotsTooMany,
    LotWithShares,
    Rfp,
    decide_pool,
    require_draft,
)
from shared.domain.facts import Decision, Fact
from shared.domain.ids import LotId, RfpId


@dataclass(frozen=True, slots=True)
class DraftLot:
    """A lot of a draft, whose requirements it is made of, and how its quantity came about."""

    made: LotWithShares
    volume: Volume


@dataclass(frozen=True, slots=True)
class DraftLots:
    """What a pool makes of a draft."""

    lots: tuple[DraftLot, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoned:
    """How one lot's quantity came about, as the chain keeps it."""

    lot_id: LotId
    rule: Rule
    basis: Basis
    terms: Terms
    demand: Decimal
    quantity: Decimal
    firm: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LotsReckoned(Fact):
    """The quantities of a draft's lots were added up, each by its rule."""

    TYPE: ClassVar[str] = "rfp.lots_reckoned"

    rfp_id: RfpId
    lots: tuple[Reckoned, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolReopened(Fact):
    """A draft's lots were taken back; their requirements are free."""

    TYPE: ClassVar[str] = "rfp.pool_reopened"

    rfp_id: RfpId
    lots: int


def decide_preview(rfp: Rfp, pooled: Pool) -> Pool:
    """Show what a pool would make of a draft.

    Raises:
        RfpNotDraft: The lots stand.
        LotsTooMany: More lots than `LOTS_MAX`.
    """
    require_draft(rfp)
    if len(pooled.lots) > LOTS_MAX:
        sentence = f"The pool makes {len(pooled.lots)} lots; an RFP carries at most {LOTS_MAX}."
        raise LotsTooMany(sentence)
    return pooled


def decide_commit(
    rfp: Rfp, pooled: Pool, *, by: PoolBy, mint: Callable[[], LotId]
) -> Decision[DraftLots]:
    """Give a draft the pool's lots in place of those it had.

    Raises:
        RfpNotDraft: The lots stand.
        LotsTooMany: More lots than `LOTS_MAX`.
    """
    made = decide_pool(rfp, pooled, by=by, mint=mint)
    lots = tuple(
        DraftLot(lot, volume) for lot, volume in zip(made.state.lots, pooled.volumes, strict=True)
    )
    reckoned = LotsReckoned(rfp_id=rfp.id, lots=tuple(_reckoned(each) for each in lots))
    return Decision(DraftLots(lots, pooled.left_out), (*made.facts, reckoned))


def decide_reopen(rfp: Rfp, lots: Sequence[LotId]) -> Decision[Rfp]:
    """Take a draft's lots back; a draft without lots stays as it is.

    Raises:
        RfpNotDraft: The lots stand.
    """
    require_draft(rfp)
    if not lots:
        return Decision(rfp)
    return Decision(rfp, (PoolReopened(rfp_id=rfp.id, lots=len(lots)),))


def _reckoned(each: DraftLot) -> Reckoned:
    volume = each.volume
    return Reckoned(
        lot_id=each.made.lot.id,
        rule=volume.rule,
        basis=volume.basis,
        terms=volume.terms,
        demand=volume.demand,
        quantity=volume.quantity,
        firm=volume.firm,
    )
