"""The members of a whole bid, as a vendor sends it in the clear."""

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from shared.domain.bid_content import (
    ALTERNATES_MAX,
    ANSWERS_MAX,
    ATTESTATIONS_MAX,
    CLAIMS_MAX,
    DOCUMENTS_MAX,
    MEMBERS_MAX,
    PACKAGE_LOTS_MAX,
    PACKAGES_MAX,
    TEXT_MAX,
    TIERS_MAX,
    Alternate,
    Answer,
    BidContent,
    Package,
    Pricing,
    TechnicalContent,
    Tier,
    TiersApply,
    one_price,
)
from shared.domain.bid_documents import (
    GROUND_MAX,
    MEDIA_TYPE_PATTERN,
    PART_PATTERN,
    Claim,
    Document,
    EnvelopeKind,
    SealedCopy,
    claims_beside,
    documents_of,
    envelope_named,
    is_in_both,
)
from shared.domain.ids import LotId, PartyId
from shared.domain.money import Currency, UnitPrice
from shared.web.fields import (
    CurrencyText,
    Instant,
    Label,
    PriceText,
    QuantityText,
    RequestModel,
    unfit,
)


class TierField(RequestModel):
    """A unit price that holds from a quantity up."""

    from_quantity: QuantityText = Field(alias="from")
    unit_price: PriceText


class PricedField(RequestModel):
    """Either one unit price, or tiers in ascending order of their quantities."""

    unit_price: PriceText | None = None
    tiers: Annotated[list[TierField], Field(min_length=1, max_length=TIERS_MAX)] | None = None
    tiers_apply: Literal["all_units", "graduated"] = "all_units"

    @model_validator(mode="after")
    def _must_have_one_way_of_pricing(self) -> Self:
        steps = [tier.from_quantity for tier in self.tiers or ()]
        if (self.unit_price is None) == (not steps):
            raise unfit(code="pricing", sentence="Give either unit_price or tiers.")
        if any(step >= later for step, later in pairwise(steps)):
            raise unfit(code="tiers", sentence="Give tiers in ascending order of quantity.")
        return self

    def pricing(self, currency: Currency) -> Pricing:
        """Turn it into the domain's prices."""
        if self.unit_price is not None:
            return one_price(UnitPrice.parse(self.unit_price, currency))
        tiers = tuple(
            Tier(Decimal(tier.from_quantity), UnitPrice.parse(tier.unit_price, currency))
            for tier in self.tiers or ()
        )
        return Pricing(tiers, TiersApply(self.tiers_apply))


class AnswerField(RequestModel):
    """An answer to one of the solicitation's criteria, in the envelope that the form asks for."""

    criterion: Label
    text: Annotated[str, StringConstraints(min_length=1, max_length=TEXT_MAX)]
    envelope: Annotated[
        EnvelopeKind | None,
        Field(description="Which of two envelopes; the technical one, if not said."),
    ] = None


Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Length = Annotated[int, Field(strict=True, ge=0, le=2**40)]


class SealedCopyField(RequestModel):
    """The sealed copy of a document, which was put into keeping, and the key that opens it."""

    sha256: Digest
    length_bytes: Length
    key: Digest


class DocumentField(RequestModel):
    """A document by its hash; one without a sealed copy is kept elsewhere.

    What tells a price, such as a cost sheet, names the envelope `price`: those who judge the
    technical parts get it only with the prices, also where there is one envelope.
    """

    name: Label
    sha256: Digest
    length_bytes: Length
    media_type: Annotated[str, StringConstraints(pattern=MEDIA_TYPE_PATTERN)] | None = None
    copy_: SealedCopyField | None = Field(default=None, alias="copy")
    envelope: Annotated[
        EnvelopeKind | None,
        Field(description="With what it is read; with the technical parts, if not said."),
    ] = None

    def document(self) -> Document:
        """Turn it into the domain's document."""
        return Document(
            self.name,
            self.sha256,
            self.length_bytes,
            self.media_type,
            None if self.copy_ is None else SealedCopy(**self.copy_.model_dump()),
            envelope_named(self.envelope),
        )


class ClaimField(RequestModel):
    """A part of the bid that is claimed to be confidential, and the legal ground for it."""

    part: Annotated[str, StringConstraints(pattern=PART_PATTERN)]
    ground: Annotated[str, StringConstraints(min_length=1, max_length=GROUND_MAX)]


class PackagePriceField(RequestModel):
    """A lot of a package, and its unit price within it."""

    lot_id: UUID
    unit_price: PriceText


class AlternateField(PricedField):
    """Another way to meet the need, beside the bid itself."""

    title: Label


Packages = Annotated[
    list[Annotated[list[PackagePriceField], Field(min_length=2, max_length=PACKAGE_LOTS_MAX)]],
    Field(max_length=PACKAGES_MAX),
]


class WholeBid(PricedField):
    """A bid on one lot: a price or tiers, and whatever else the vendor offers.

    A package's prices hold if all of its lots are awarded together. Members are all where none is
    named. Where there are two envelopes, attestations go into the technical one, and so does an
    answer or a document that does not name the other, and each claim but one on a document there.
    """

    currency: CurrencyText
    capacity: QuantityText | None = None
    members: Annotated[list[UUID], Field(min_length=1, max_length=MEMBERS_MAX)] | None = None
    packages: Packages = Field(default=[])
    alternates: Annotated[list[AlternateField], Field(max_length=ALTERNATES_MAX)] = Field(
        default=[]
    )
    valid_until: Instant | None = None
    answers: Annotated[list[AnswerField], Field(max_length=ANSWERS_MAX)] = Field(default=[])
    attestations: Annotated[list[Label], Field(max_length=ATTESTATIONS_MAX)] = Field(default=[])
    documents: Annotated[list[DocumentField], Field(max_length=DOCUMENTS_MAX)] = Field(default=[])
    claims: Annotated[list[ClaimField], Field(max_length=CLAIMS_MAX)] = Field(default=[])
    technical_envelope: bool = False

    @model_validator(mode="after")
    def _must_have_the_envelopes_that_it_names(self) -> Self:
        named = {one.envelope for one in self.answers} | {one.envelope for one in self.documents}
        if EnvelopeKind.TECHNICAL in named and not self.technical_envelope:
            raise unfit(code="envelope", sentence="This bid has no technical envelope.")
        if is_in_both(one.document() for one in self.documents):
            raise unfit(code="envelope", sentence="A document goes into one envelope.")
        return self

    def content(self) -> BidContent:
        """Turn it into what is sealed; the nonce is still to be drawn."""
        told = self._told()
        if self.technical_envelope:
            told = replace(self._of_envelope(is_priced=True), attestations=())
        currency = self.currency
        return BidContent(
            currency=currency,
            nonce=b"",
            pricing=self.pricing(currency),
            capacity=self.capacity,
            members=None if self.members is None else tuple(map(PartyId, self.members)),
            packages=tuple(_package(lots, currency) for lots in self.packages),
            alternates=tuple(
                Alternate(one.title, one.pricing(currency)) for one in self.alternates
            ),
            valid_until=self.valid_until,
            answers=told.answers,
            attestations=told.attestations,
            documents=told.documents,
            claims=told.claims,
        )

    def technical(self) -> TechnicalContent | None:
        """Turn it into what goes into the technical envelope, where the bid has one."""
        if not self.technical_envelope:
            return None
        return self._of_envelope(is_priced=False)

    def _of_envelope(self, *, is_priced: bool) -> TechnicalContent:
        told = self._told()
        return replace(
            told,
            answers=tuple(
                Answer(one.criterion, one.text)
                for one in self.answers
                if (one.envelope is EnvelopeKind.PRICE) is is_priced
            ),
            documents=documents_of(told.documents, priced=is_priced),
            claims=claims_beside(told.documents, told.claims, priced=is_priced),
        )

    def _told(self) -> TechnicalContent:
        return TechnicalContent(
            nonce=b"",
            answers=tuple(Answer(one.criterion, one.text) for one in self.answers),
            attestations=tuple(self.attestations),
            documents=tuple(one.document() for one in self.documents),
            claims=tuple(Claim(one.part, one.ground) for one in self.claims),
        )


def _package(lots: list[PackagePriceField], currency: Currency) -> Package:
    return Package(
        tuple((LotId(one.lot_id), UnitPrice.parse(one.unit_price, currency)) for one in lots)
    )
