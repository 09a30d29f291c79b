"""Read what a buyer asks of pooling: which requirements, into which lots, by which rules."""

from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from services.bids.domain.pooling import PoolBy, PoolingRules
from services.bids.domain.pooling.rules import (
    CIRCUITS_MAX,
    CoincidenceTerms,
    LargestNeedsTerms,
    PostTerms,
    SessionTerms,
)
from services.bids.domain.requirements import Category
from services.bids.ports.purchase import Selection
from services.bids.usecases.pools import PoolRequest
from shared.web.fields import Label, QuantityText, RequestModel

REFERENCES_MAX: Final = 10_000
"""The most requirements that one pool names; more are chosen by category and item."""

COUNT_MAX: Final = 1_000_000
"""The largest group, and the most members of one post: beyond any that could be meant."""

Count = Annotated[int, Field(strict=True, ge=1, le=COUNT_MAX)]

FactorText = Annotated[
    str, StringConstraints(pattern=r"^(0\.\d{1,4}|1(\.0{1,4})?)$"), Field(examples=["0.65"])
]
"""A share of a whole, above 0 and at most 1, with at most four decimals."""


class BandwidthRule(RequestModel):
    """Peaks do not coincide, and capacity is sold in circuits."""

    coincidence_factor: FactorText = "1"
    circuits: list[QuantityText] = Field(
        default=[],
        max_length=CIRCUITS_MAX,
        description="The sizes that are offered; without any, capacity is not rounded up.",
    )

    def terms(self) -> CoincidenceTerms:
        """Turn it into the domain's.

        Raises:
            PoolingTermsInvalid: Nothing can be added up by it.
        """
        return CoincidenceTerms(Decimal(self.coincidence_factor), tuple(sorted(set(self.circuits))))


class RecoveryRule(RequestModel):
    """Capacity is held for one another: only the largest simultaneous needs count."""

    simultaneous: Count = Field(
        description="How many members, or whole hazard zones, are struck at once at the worst."
    )


class TrainingRule(RequestModel):
    """Attendees share sessions."""

    group_size: Count = Field(description="How many attendees one session holds.")


class StaffRule(RequestModel):
    """Members share whole posts."""

    members_per_post: Count = Field(description="How many members one post serves at most.")


class PoolingRulesBody(RequestModel):
    """How quantities add up, by category; what is left out here adds up plainly."""

    bandwidth: BandwidthRule | None = None
    recovery_capacity: RecoveryRule | None = None
    training: TrainingRule | None = None
    staff: StaffRule | None = None

    def rules(self) -> PoolingRules:
        """Turn them into the domain's.

        Raises:
            PoolingTermsInvalid: Nothing can be added up by them.
        """
        bandwidth, recovery = self.bandwidth, self.recovery_capacity
        training, staff = self.training, self.staff
        return PoolingRules(
            bandwidth=None if bandwidth is None else bandwidth.terms(),
            recovery_capacity=None
            if recovery is None
            else LargestNeedsTerms(recovery.simultaneous),
            training=None if training is None else SessionTerms(training.group_size),
            staff=None if staff is None else PostTerms(staff.members_per_post),
        )


class PoolRequirements(RequestModel):
    """Which requirements make lots, what those of one lot have in common, how they add up."""

    by: PoolBy = Field(description="`alone`, `item`, or `area`: like items of one delivery area.")
    category: Category | None = None
    item_code: Label | None = None
    requirement_references: list[Label] | None = Field(
        default=None,
        min_length=1,
        max_length=REFERENCES_MAX,
        description="Only requirements of these references, whoever stated them.",
    )
    rules: PoolingRulesBody = PoolingRulesBody()

    def request(self) -> PoolRequest:
        """Turn it into what the use case takes.

        Raises:
            PoolingTermsInvalid: Nothing can be added up by the rules' terms.
        """
        named = self.requirement_references
        selection = Selection(
            category=self.category,
            item_code=self.item_code,
            references=None if named is None else frozenset(named),
        )
        return PoolRequest(selection, self.by, self.rules.rules())
