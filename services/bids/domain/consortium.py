"""Say what each consortium model changes: who signs, who pays, what volume vendors are promised.

Source: EducationSuperHighway, "Secure funding: consortia models",
https://www.educationsuperhighway.org/upgrade/secure-funding-consortia-models/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final


class ConsortiumModel(StrEnum):
    """Who contracts with the vendor: each member, the consortium, or the consortium to resell."""

    GROUP_PRICING = "group_pricing"
    GROUP_PROCUREMENT = "group_procurement"
    RESALE = "resale"


class PriceOnDeclines(StrEnum):
    """What becomes of the price when members decline and a lower tier is reached."""

    HOLDS = "holds"
    ANEW = "intended_anew"


class SilenceMeans(StrEnum):
    """What a member says that does not answer within its window."""

    ACCEPTED = "accepted"
    DECLINED = "declined"


class CostSharing(StrEnum):
    """By what the members of a group procurement share its cost."""

    DEMAND = "demand"
    ATTENDANCE = "attendance"
    EQUAL = "equal"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRules:
    """What a consortium model fixes, for the RFP's reader to see before anybody bids."""

    contract_with: str
    paid_by: str
    volume: str
    after_award: str
    awards_told_to: str
    promises_all: bool


@dataclass(frozen=True, slots=True)
class Volume:
    """A lot's quantity, as vendors are shown it: what is promised to them, and what is hoped."""

    firm: Decimal
    estimated: Decimal


MODEL_RULES: Final[Mapping[ConsortiumModel, ModelRules]] = {
    ConsortiumModel.GROUP_PRICING: ModelRules(
        contract_with="each member",
        paid_by="each member pays the vendor for its own line",
        volume="estimated; the firm part is shown apart",
        after_award="each member accepts or declines its line within the window",
        awards_told_to="each member, which answers",
        promises_all=False,
    ),
    ConsortiumModel.GROUP_PROCUREMENT: ModelRules(
        contract_with="the consortium",
        paid_by="the consortium pays the vendor; its members share the cost by the declared rule",
        volume="committed",
        after_award="lines are binding",
        awards_told_to="each member, for which its line is binding",
        promises_all=True,
    ),
    ConsortiumModel.RESALE: ModelRules(
        contract_with="the consortium, which resells",
        paid_by="the consortium pays the vendor; each member pays the consortium cost and margin",
        volume="committed",
        after_award="members get the consortium's price: cost and the declared margin",
        awards_told_to="each member, at the consortium's price",
        promises_all=True,
    ),
}


def shown_volume(model: ConsortiumModel, *, quantity: Decimal, firm: Decimal) -> Volume:
    """Part a lot's quantity into what vendors are promised and what is estimated.

    Under group pricing only what members stated as firm is promised; under the other models the
    consortium commits to the whole, whatever its members stated.
    """
    promised = quantity if MODEL_RULES[model].promises_all else min(firm, quantity)
    return Volume(firm=promised, estimated=quantity - promised)
