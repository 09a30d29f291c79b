"""What contracts will say, as an RFP's buyer writes it and as others read it."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from services.bids.domain.erate import ErateCategory
from services.bids.domain.terms import RENEWAL_MONTHS_MAX, RENEWALS_MAX, ContractTerms
from shared.web.fields import AnswerModel, RequestModel

PercentText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,4})?$")]
"""A percentage as a decimal string of at most four decimals."""

AmountText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,4})?$")]
"""An amount of money as a decimal string, in the RFP's currency."""


class ContractTermsBody(RequestModel):
    """Renewals, the cooperative's fee on the vendor, and what of it E-rate supports."""

    renewals: Annotated[int, Field(strict=True, ge=0, le=RENEWALS_MAX)] = 0
    renewal_months: Annotated[int, Field(strict=True, ge=0, le=RENEWAL_MONTHS_MAX)] = 0
    fee_percent: PercentText | None = Field(
        default=None, description="Of what is sold, net of tax and shipping."
    )
    fee_per_order: AmountText | None = None
    erate_category: ErateCategory | None = None
    eligible_percent: PercentText = Field(
        default="100", description="Of what is bought, how much its E-rate category supports."
    )

    def terms(self) -> ContractTerms:
        """Turn it into what the domain knows."""
        return ContractTerms(
            renewals=self.renewals,
            renewal_months=self.renewal_months,
            fee_percent=None if self.fee_percent is None else Decimal(self.fee_percent),
            fee_per_order=None if self.fee_per_order is None else Decimal(self.fee_per_order),
            erate_category=self.erate_category,
            eligible_percent=Decimal(self.eligible_percent),
        )


class ContractTermsAnswer(AnswerModel):
    """Renewals, the cooperative's fee on the vendor, and what of it E-rate supports."""

    renewals: int
    renewal_months: int
    fee_percent: str | None
    fee_per_order: str | None
    erate_category: ErateCategory | None
    eligible_percent: str

    @classmethod
    def of(cls, terms: ContractTerms) -> Self:
        """Render the terms."""
        fee, per_order = terms.fee_percent, terms.fee_per_order
        return cls(
            renewals=terms.renewals,
            renewal_months=terms.renewal_months,
            fee_percent=None if fee is None else f"{fee:f}",
            fee_per_order=None if per_order is None else f"{per_order:f}",
            erate_category=terms.erate_category,
            eligible_percent=f"{terms.eligible_percent:f}",
        )
