"""Answer buyers who ask what pooling saves or costs each member, before anything is published."""

from decimal import Decimal
from typing import Annotated, Final, Self
from uuid import UUID

from aiohttp import web
from pydantic import Field, StringConstraints

from services.bids.domain.business_case import (
    TIERS_MAX,
    Advice,
    Curve,
    CurveInvalid,
    ElasticCurve,
    LotCase,
    MemberCase,
    Side,
    Tier,
    TierCurve,
)
from services.bids.domain.erate import ErateCategory
from services.bids.domain.rfps import RfpUnknown
from services.bids.ports.pools import CaseMember
from services.bids.usecases.cases import (
    CaseCurrencyDiffers,
    CaseLot,
    CaseLotUnknown,
    CaseMade,
    Cases,
)
from shared.domain.ids import RfpId
from shared.domain.money import Currency, Money, UnitPrice, digits_of
from shared.web import Api, Call
from shared.web.fields import (
    AnswerModel,
    CurrencyText,
    PriceText,
    QuantityText,
    RequestModel,
)

CASES: Final = web.AppKey("bids_cases", Cases)

routes = Api("bids", title="", version="")

CASE_LOTS_MAX: Final = 50
"""The most lots of one case: fifty lines for each of the most members are reckoned in seconds."""

CASE_MEMBERS_MAX: Final = 1_000
"""How many members an answer lists, those who would lose most first; it counts them all."""

CostText = Annotated[
    str,
    StringConstraints(pattern=r"^\d{1,12}(\.\d{1,2})?$"),
    Field(description="An amount with at most the currency's decimals.", examples=["15000.00"]),
]

ElasticityText = Annotated[
    str,
    StringConstraints(pattern=r"^(0(\.\d{1,4})?|1(\.0{1,4})?)$"),
    Field(
        description="By how much the price falls as the quantity grows: from 0 to 1. For milk that "
        "is delivered to districts, 0.01 to 0.02 was measured.",
        examples=["0.013"],
    ),
]


class TierBody(RequestModel):
    """A unit price that holds from a quantity up, for all units."""

    quantity_from: QuantityText
    unit_price: PriceText


class ElasticBody(RequestModel):
    """p(q) = p0 * (q / q0) ** -e."""

    unit_price: PriceText = Field(description="p0: the price at q0.")
    quantity: QuantityText = Field(description="q0.")
    elasticity: ElasticityText


class CaseLotBody(RequestModel):
    """A lot by its number, with the prices that are expected: tiers, or an elastic curve."""

    number: Annotated[int, Field(strict=True, ge=1)]
    tiers: list[TierBody] | None = Field(default=None, min_length=1, max_length=TIERS_MAX)
    elastic: ElasticBody | None = None
    erate_category: ErateCategory | None = Field(
        default=None, description="Which of a member's discounts applies; none if left out."
    )
    alone_by_baseline: bool = Field(
        default=False,
        description="Alone, a member pays what it pays today, where it stated that for all it "
        "needs; else, and without this, what the curve asks for its own quantity.",
    )

    def lot(self, currency: Currency) -> CaseLot:
        """Turn it into what the use case takes.

        Raises:
            CurveInvalid: Both or neither of the two curves, or one that is none.
        """
        return CaseLot(
            number=self.number,
            curve=self._curve(currency),
            erate_category=self.erate_category,
            by_baseline=self.alone_by_baseline,
        )

    def _curve(self, currency: Currency) -> Curve:
        if self.tiers is not None and self.elastic is None:
            return TierCurve(
                tuple(
                    Tier(tier.quantity_from, UnitPrice.parse(tier.unit_price, currency))
                    for tier in self.tiers
                )
            )
        if self.elastic is not None and self.tiers is None:
            price = UnitPrice.parse(self.elastic.unit_price, currency)
            return ElasticCurve(price, self.elastic.quantity, Decimal(self.elastic.elasticity))
        sentence = "Give a lot either tiers or an elastic curve."
        raise CurveInvalid(sentence)


class MakeCase(RequestModel):
    """Which lots are reckoned, and what running the consortium costs in all."""

    lots: list[CaseLotBody] = Field(min_length=1, max_length=CASE_LOTS_MAX)
    running_cost: CostText = "0"
    currency: CurrencyText

    def running(self) -> Money:
        """Read the running cost in minor units.

        Raises:
            CurveInvalid: More decimals than the currency has.
        """
        minor = Decimal(self.running_cost).scaleb(digits_of(self.currency))
        if minor != minor.to_integral_value():
            sentence = "The running cost has more decimals than its currency."
            raise CurveInvalid(sentence)
        return Money(int(minor), self.currency)


class SideAnswer(AnswerModel):
    """What a purchase costs, and what is left of that after discounts."""

    cost: str
    net: str

    @classmethod
    def of(cls, side: Side) -> Self:
        """Render one side."""
        return cls(cost=str(side.cost), net=str(side.net))


class MemberCaseAnswer(AnswerModel):
    """A member's answer; `together` includes its part of the running cost."""

    member_id: UUID
    reference: str
    name: str
    alone: SideAnswer
    together: SideAnswer
    running_cost: str
    saving: str = Field(description="After discounts; negative where joining costs.")
    advice: Advice

    @classmethod
    def of(cls, case: MemberCase, member: CaseMember) -> Self:
        """Render a member's case."""
        return cls(
            member_id=case.member_id,
            reference=member.reference,
            name=member.name,
            alone=SideAnswer.of(case.alone),
            together=SideAnswer.of(case.together),
            running_cost=str(case.running_cost),
            saving=str(case.saving),
            advice=case.advice,
        )


class LotCaseAnswer(AnswerModel):
    """A lot's answer before discounts; `break_even` is null where no volume pays."""

    number: int
    quantity: str
    unit_price: str
    alone: str
    together: str
    running_cost: str
    consortium_percent: int | None
    break_even: str | None = Field(
        description="The smallest quantity at which pooling covers its running cost."
    )

    @classmethod
    def of(cls, case: LotCase) -> Self:
        """Render a lot's case."""
        return cls(
            number=case.number,
            quantity=f"{case.quantity.normalize():f}",
            unit_price=str(case.price),
            alone=str(case.alone),
            together=str(case.together),
            running_cost=str(case.running_cost),
            consortium_percent=case.percent,
            break_even=None if case.break_even is None else f"{case.break_even.normalize():f}",
        )


class CaseAnswer(AnswerModel):
    """Alone against together, in all and for each member; those who would lose most come first.

    At most 1,000 members are listed; `joining` counts those that are told to join.
    """

    currency: str
    alone: SideAnswer
    together: SideAnswer
    running_cost: str
    saving: str
    advice: Advice
    lots: list[LotCaseAnswer]
    members: list[MemberCaseAnswer]
    members_count: int
    joining: int

    @classmethod
    def of(cls, made: CaseMade) -> Self:
        """Render a case."""
        case = made.case
        ranked = sorted(case.members, key=lambda each: (each.saving.minor, each.member_id))
        return cls(
            currency=case.running_cost.currency,
            alone=SideAnswer.of(case.alone),
            together=SideAnswer.of(case.together),
            running_cost=str(case.running_cost),
            saving=str(case.saving),
            advice=case.advice,
            lots=[LotCaseAnswer.of(lot) for lot in case.lots],
            members=[
                MemberCaseAnswer.of(each, made.members[each.member_id])
                for each in ranked[:CASE_MEMBERS_MAX]
            ],
            members_count=len(ranked),
            joining=sum(each.advice is Advice.JOIN for each in ranked),
        )


@routes.post(
    "/v1/rfps/{rfp_id}/case",
    scope="rfp:write",
    body=MakeCase,
    answer=CaseAnswer,
    summary="Reckon the business case of an RFP's lots",
    refusals=(RfpUnknown, CaseCurrencyDiffers, CaseLotUnknown, CurveInvalid),
)
async def make_case(call: Call[MakeCase]) -> CaseAnswer:
    """Say what pooling saves or costs each member, alone against together; nothing is kept.

    Alone, a member pays the curve's price for what it would have to buy for itself; together, all
    pay the price of the lot's whole quantity, and the running cost by what they spend. Where
    E-rate applies, alone is net of the member's own discount and together of the consortium's: a
    lower price at a lower discount can cost a member more, and then it is told not to join.
    """
    body = call.body
    made = await call.of(CASES).make(
        RfpId(call.id("rfp_id")),
        [lot.lot(body.currency) for lot in body.lots],
        body.running(),
        buyer_id=call.caller_party,
    )
    return CaseAnswer.of(made)
