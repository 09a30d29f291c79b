"""What the use cases of sharings and savings need of the outside.

Every method may raise `DatabaseUnavailable`; the other refusals are listed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from services.bids.domain.awards.lines import Line
from services.bids.domain.lots import Lot
from services.bids.domain.sharing.beside import Shared, SharingTask
from services.bids.domain.sharing.of_lot import PoolRule
from services.bids.ports.awards import OpenedBid
from shared.domain.ids import LotId, PartyId, RfpId


class PoolRules(Protocol):
    """Reads by which rules lots were pooled."""

    async def of_lot(self, lot_id: LotId) -> PoolRule:
        """Read a lot's rule; one without a rule is a plain sum."""


class Sharers(Protocol):
    """Shares costs, away from whoever else is served."""

    async def share(self, tasks: Sequence[SharingTask]) -> list[list[Shared]]:
        """Share each cost by each rule that comes to an end in time; the others are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardedLine:
    """One member's line of an award that was announced and stands."""

    lot_id: LotId
    line: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardedRfp:
    """An RFP's lots with what was awarded of them, and what that is held against.

    `offers` are the opened bids of each lot that were not set aside; `asked` is what each member
    asked for of a lot, and `rules` how lots were pooled, where these are no plain sums.
    """

    buyer_id: PartyId
    lots: Sequence[Lot]
    lines: Sequence[AwardedLine]
    offers: Mapping[LotId, Sequence[OpenedBid]]
    asked: Mapping[LotId, Mapping[PartyId, Decimal]]
    rules: Mapping[LotId, PoolRule]


class Savings(Protocol):
    """Reads what an RFP's members pay."""

    async def of_rfp(self, rfp_id: RfpId, *, lines_max: int) -> AwardedRfp:
        """Read an RFP's announced lines, one more than a limit at most. Raises: RfpUnknown."""
