"""Say what a member needs, and who may say so."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from services.bids.domain.lots import exact
from shared.domain.facts import Decision, Fact
from shared.domain.ids import PartyId, RequirementId
from shared.domain.money import Currency, UnitPrice
from shared.domain.refusals import Kind, Refusal

TERM_MONTHS_MAX: Final = 600
"""Fifty years: longer than any lease of fibre that a district signs. 0 is a single delivery."""

TEXT_MAX: Final = 200
"""The longest reference, code, specification, unit or area, in characters."""


class Category(StrEnum):
    """What is bought; it decides how quantities add up (`pooling.rules`)."""

    GOODS = "goods"
    SOFTWARE = "software"
    BANDWIDTH = "bandwidth"
    NETWORK_SECURITY = "network_security"
    RECOVERY_CAPACITY = "recovery_capacity"
    TRAINING = "training"
    STAFF = "staff"


class Commitment(StrEnum):
    """Whether the member will take the quantity, or only expects to."""

    FIRM = "firm"
    ESTIMATE = "estimate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One member's need for one item; `baseline` is what the member pays for a unit today."""

    id: RequirementId
    member_id: PartyId
    reference: str
    category: Category
    item_code: str
    specification: str
    unit: str
    quantity: Decimal
    commitment: Commitment
    need_by: date
    term_months: int
    delivery_area: str
    currency: Currency
    baseline: UnitPrice | None
    stated_at: datetime
    import_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementStated(Fact):
    """A member stated a need."""

    TYPE: ClassVar[str] = "requirement.stated"

    requirement_id: RequirementId
    member_id: PartyId
    reference: str
    category: Category
    item_code: str
    specification: str
    unit: str
    quantity: Decimal
    commitment: Commitment
    need_by: str
    term_months: int
    delivery_area: str
    currency: Currency
    baseline_unit_price: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementsImported(Fact):
    """Needs were stated by a file; its hash stands for what they say."""

    TYPE: ClassVar[str] = "requirements.imported"

    import_id: UUID
    rows: int
    currency: Currency
    file_sha256: str


class MemberUnknown(Refusal):
    """The party for which a requirement is stated is not a registered member."""

    kind = Kind.INVALID
    code = "member_unknown"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("The party is not registered as a member.")


class MemberMissing(Refusal):
    """A buyer states a requirement without saying whose it is."""

    kind = Kind.INVALID
    code = "member_missing"

    def __init__(self) -> None:
        """Say what would help."""
        super().__init__("Say in member_id whose requirement this is.")


class RequirementNotOwn(Refusal):
    """A member speaks for another that did not authorise it."""

    kind = Kind.FORBIDDEN
    code = "requirement_not_own"

    def __init__(self) -> None:
        """Say what would help."""
        super().__init__(
            "A member speaks for itself; leave out member_id, or have the member authorise you."
        )


class RequirementReferenceTaken(Refusal):
    """The member has a requirement of this reference already."""

    kind = Kind.CONFLICT
    code = "requirement_reference_taken"

    def __init__(self) -> None:
        """Say what would help."""
        super().__init__("The member has a requirement of this reference already; choose another.")


def member_stated_for(
    named: PartyId | None,
    *,
    own: PartyId | None,
    acts_for: AbstractSet[PartyId] = frozenset(),
) -> PartyId:
    """Find whose requirement it is.

    `own` is the calling member, None for a buyer; `acts_for` are the members that authorised it.

    Raises:
        RequirementNotOwn: A member names another that did not authorise it.
        MemberMissing: A buyer names nobody.
    """
    if own is not None:
        if named is not None and named != own and named not in acts_for:
            raise RequirementNotOwn
        return own if named is None else named
    if named is None:
        raise MemberMissing
    return named


def decide_state(requirement: Requirement) -> Decision[Requirement]:
    """State one requirement."""
    baseline = requirement.baseline
    stated = RequirementStated(
        requirement_id=requirement.id,
        member_id=requirement.member_id,
        reference=requirement.reference,
        category=requirement.category,
        item_code=requirement.item_code,
        specification=requirement.specification,
        unit=requirement.unit,
        quantity=exact(requirement.quantity),
        commitment=requirement.commitment,
        need_by=requirement.need_by.isoformat(),
        term_months=requirement.term_months,
        delivery_area=requirement.delivery_area,
        currency=requirement.currency,
        baseline_unit_price=None if baseline is None else str(baseline),
    )
    return Decision(requirement, (stated,))
