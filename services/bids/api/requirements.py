"""Answer members and buyers who state requirements, one by one or by a file."""

from datetime import date
from typing import Annotated, Final, Self
from uuid import UUID

from aiohttp import web
from pydantic import Field

from services.bids.csv_fields import DecimalSignUnknown
from services.bids.csv_tables import FILE_BYTES_MAX, CsvHeaderInvalid, CsvRowsInvalid
from services.bids.domain.requirements import (
    TERM_MONTHS_MAX,
    Category,
    Commitment,
    MemberMissing,
    MemberUnknown,
    Requirement,
    RequirementNotOwn,
    RequirementReferenceTaken,
)
from services.bids.ports.purchase import Part
from services.bids.usecases.requirements import NewRequirement, Requirements, Stater
from shared.auth import Role
from shared.domain.ids import PartyId
from shared.domain.money import Currency, CurrencyUnknown
from shared.web import Api, Call
from shared.web.fields import (
    AnswerModel,
    CurrencyText,
    Label,
    PageAnswer,
    PriceText,
    QuantityText,
    RequestModel,
)

REQUIREMENTS: Final = web.AppKey("bids_requirements", Requirements)

routes = Api("bids", title="", version="")

TermMonths = Annotated[
    int,
    Field(strict=True, ge=0, le=TERM_MONTHS_MAX, description="0 is a single delivery."),
]


class StateRequirement(RequestModel):
    """One member's need for one item."""

    member_id: UUID | None = Field(
        default=None, description="Whose need it is; a member leaves it out."
    )
    reference: Label = Field(examples=["ALDERBROOK-LAPTOP-14"])
    category: Category
    item_code: Label = Field(examples=["LAPTOP-14"])
    specification: Label = Field(examples=["Student laptop 14 in; 8 GB; 3-year warranty"])
    unit: Label = Field(examples=["each"])
    quantity: QuantityText
    commitment: Commitment
    need_by: date = Field(strict=True, examples=["2027-07-01"])
    term_months: TermMonths
    delivery_area: Label | None = Field(
        default=None, description="Where it is delivered; the member's own area if left out."
    )
    currency: CurrencyText
    baseline_unit_price: PriceText | None = Field(
        default=None, description="What the member pays for a unit today."
    )

    def new(self) -> NewRequirement:
        """Turn it into what the use case takes."""
        return NewRequirement(
            member_id=None if self.member_id is None else PartyId(self.member_id),
            reference=self.reference,
            category=self.category,
            item_code=self.item_code,
            specification=self.specification,
            unit=self.unit,
            quantity=self.quantity,
            commitment=self.commitment,
            need_by=self.need_by,
            term_months=self.term_months,
            delivery_area=self.delivery_area,
            currency=self.currency,
            baseline_unit_price=self.baseline_unit_price,
        )


class RequirementAnswer(AnswerModel):
    """A requirement as it stands."""

    id: UUID
    member_id: UUID
    reference: str
    category: Category
    item_code: str
    specification: str
    unit: str
    quantity: str
    commitment: Commitment
    need_by: date
    term_months: int
    delivery_area: str | None
    currency: str
    baseline_unit_price: str | None

    @classmethod
    def of(cls, requirement: Requirement) -> Self:
        """Render a requirement."""
        baseline = requirement.baseline
        return cls(
            id=requirement.id,
            member_id=requirement.member_id,
            reference=requirement.reference,
            category=requirement.category,
            item_code=requirement.item_code,
            specification=requirement.specification,
            unit=requirement.unit,
            quantity=f"{requirement.quantity.normalize():f}",
            commitment=requirement.commitment,
            need_by=requirement.need_by,
            term_months=requirement.term_months,
            delivery_area=requirement.delivery_area or None,
            currency=requirement.currency,
            baseline_unit_price=None if baseline is None else str(baseline),
        )


class ImportAnswer(AnswerModel):
    """An import: `rows` of the file were stored, which is all of them."""

    id: UUID
    rows: int


@routes.post(
    "/v1/requirements",
    scope="requirement:write",
    body=StateRequirement,
    answer=RequirementAnswer,
    summary="State a requirement",
    refusals=(MemberMissing, MemberUnknown, RequirementNotOwn, RequirementReferenceTaken),
    creates=True,
)
async def state_requirement(call: Call[StateRequirement]) -> RequirementAnswer:
    """State one need: a member its own or that of one that authorised it, a buyer anyone's."""
    requirement = await call.of(REQUIREMENTS).state(
        call.body.new(), new_id=call.new_id, stater=_stater(call)
    )
    return RequirementAnswer.of(requirement)


@routes.post(
    "/v1/requirements/import",
    scope="requirement:write",
    answer=ImportAnswer,
    summary="State requirements by a CSV file",
    refusals=(
        CsvHeaderInvalid,
        CsvRowsInvalid,
        CurrencyUnknown,
        DecimalSignUnknown,
        RequirementReferenceTaken,
    ),
    query={
        "currency": "The currency of every baseline price, such as USD.",
        "decimal": "What stands before decimals: `point` or `comma`; left out, each column tells.",
    },
    creates=True,
    media_type="text/csv",
    body_limit=FILE_BYTES_MAX,
)
async def import_requirements(call: Call[None]) -> ImportAnswer:
    """State every row of a file, or none: a refusal lists the rows that are wrong.

    The first line names the columns: `member_reference`, `category`, `item_code`,
    `specification`, `unit`, `quantity`, `commitment`, `need_by`, `term_months`, `delivery_area`,
    `baseline_unit_price`, `reference`. A member imports its own requirements, and those of the
    members that authorised it. Numbers may be written as a spreadsheet of any country writes them
    (`1,234.5`, `1.234,5`, `1 234,5`); a column that could be read in two ways is refused.
    """
    rows = await call.of(REQUIREMENTS).import_csv(
        call.raw,
        Currency(call.query("currency") or ""),
        import_id=call.new_id,
        stater=_stater(call),
        decimal=call.query("decimal"),
    )
    return ImportAnswer(id=call.new_id, rows=rows)


@routes.get(
    "/v1/requirements",
    scope="requirement:read",
    answer=PageAnswer[RequirementAnswer],
    summary="List requirements",
    paged=True,
)
async def list_requirements(call: Call[None]) -> PageAnswer[RequirementAnswer]:
    """List requirements in the order in which they were stated.

    A member sees its own, and those of the members that authorised it.
    """
    page = call.page()
    found = await call.of(REQUIREMENTS).page(_own(call), Part(page.after, page.limit))
    items = [RequirementAnswer.of(requirement) for requirement in found]
    return PageAnswer(items=items, next_after=items[-1].id if len(items) == page.limit else None)


def _stater(call: Call[StateRequirement] | Call[None]) -> Stater:
    return Stater(actor=call.caller_party, own=_own(call))


def _own(call: Call[StateRequirement] | Call[None]) -> PartyId | None:
    return call.caller_party if call.caller.role is Role.MEMBER else None
