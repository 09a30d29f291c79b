"""Keep pools: what the use cases of pooling and of the business case need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeAlias, TypeVar

from services.bids.domain.lots import Lot
from services.bids.domain.pooling import Basis, Candidate, Rule
from services.bids.domain.pooling.drafts import DraftLots
from services.bids.domain.pooling.rules import Terms
from services.bids.domain.rfps import Rfp
from services.bids.ports.purchase import Act, Part, Selection
from shared.domain.facts import Decision
from shared.domain.ids import LotId, PartyId, RequirementId, RfpId
from shared.domain.money import UnitPrice

Shown = TypeVar("Shown")

DecideCommit: TypeAlias = Callable[[Rfp, Sequence[Candidate]], Decision[DraftLots]]
"""Decide on a draft and its candidates."""

DecideReopen: TypeAlias = Callable[[Rfp, Sequence[LotId]], Decision[Rfp]]
"""Decide on a draft and the lots that it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LotVolume:
    """How a lot's quantity came about, as it is kept; `demand` is the plain sum of its shares."""

    lot_id: LotId
    unit: str
    quantity: Decimal
    rule: Rule
    basis: Basis
    demand: Decimal
    firm: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRecord:
    """A share with its provenance: which requirement of which member."""

    requirement_id: RequirementId
    member_id: PartyId
    member_reference: str
    reference: str
    unit: str
    quantity: Decimal
    is_firm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseNeed:
    """A share as the business case sees it: with what its member pays today for one unit."""

    member: "CaseMember"
    quantity: Decimal
    is_firm: bool
    baseline: UnitPrice | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMember:
    """A member as the business case sees it; a rate is None where it gets no discount."""

    id: PartyId
    reference: str
    name: str
    hazard_zone: str
    category_one_percent: int | None
    category_two_percent: int | None


@dataclass(frozen=True, slots=True)
class PooledNeeds:
    """A lot of an RFP, the terms of its rule, and the needs that it is made of."""

    lot: Lot
    terms: Terms
    needs: tuple[CaseNeed, ...]


class PoolStore(Protocol):
    """Keep pools. Another buyer's RFP is unknown."""

    async def preview(
        self,
        rfp_id: RfpId,
        selection: Selection,
        show: Callable[[Rfp, Sequence[Candidate]], Shown],
        *,
        buyer_id: PartyId,
    ) -> Shown:
        """Show what may be made of a draft and its candidates; nothing is kept.

        Raises:
            RfpUnknown: No such RFP of this buyer.
        """
        ...

    async def commit(
        self,
        rfp_id: RfpId,
        selection: Selection,
        decide: DecideCommit,
        act: Act,
        *,
        buyer_id: PartyId,
    ) -> DraftLots:
        """Put the decided lots in place of the draft's earlier ones; one pool at a time.

        Raises:
            RfpUnknown: No such RFP of this buyer.
        """
        ...

    async def reopen(
        self, rfp_id: RfpId, decide: DecideReopen, act: Act, *, buyer_id: PartyId
    ) -> Rfp:
        """Drop a draft's lots.

        Raises:
            RfpUnknown: No such RFP of this buyer.
        """
        ...


class PooledLotStore(Protocol):
    """Read how lots came about."""

    async def volumes(
        self, rfp_id: RfpId, part: Part, *, viewer_id: PartyId | None
    ) -> list[LotVolume]:
        """Read how the quantities of an RFP's lots came about, by the lot's number.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
        """
        ...

    async def shares(
        self, lot_id: LotId, part: Part, *, viewer_id: PartyId | None, sees_all: bool
    ) -> list[ShareRecord]:
        """Read a lot's shares by requirement: all for its buyer and whoever `sees_all`.

        A member sees its own, and those of the members that authorised it.

        Raises:
            LotUnknown: No such lot, or one of another's draft.
        """
        ...

    async def needs(
        self, rfp_id: RfpId, numbers: Sequence[int], *, buyer_id: PartyId
    ) -> tuple[Rfp, list[PooledNeeds]]:
        """Read the lots of these numbers of the buyer's own RFP, with all their needs.

        Raises:
            RfpUnknown: No such RFP of this buyer.
        """
        ...
