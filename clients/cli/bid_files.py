"""Read a bid as its vendor wrote it down: a JSON file, or a price on the command line."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, BinaryIO
from uuid import UUID

import click
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from clients.cli.documents import json_object
from clients.http import Document as Shown
from clients.sealed_bids import Offer, PublishedForm
from shared.domain.bid_content import (
    ALTERNATES_MAX,
    ANSWERS_MAX,
    ATTESTATIONS_MAX,
    CLAIMS_MAX,
    DOCUMENTS_MAX,
    MEMBERS_MAX,
    NAME_MAX,
    NONCE_BYTES,
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
    read_content,
    write_content,
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
from shared.domain.bid_forms import BidForm
from shared.domain.canonical import plain
from shared.domain.ids import LotId, PartyId
from shared.domain.money import Currency, UnitPrice, parse_quantity
from shared.domain.refusals import Refusal

Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_MAX)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_MAX)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Written(BaseModel):
    # A price that is wrong is not repeated on a screen that others may see.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class WrittenTier(_Written):
    """A unit price that holds from a quantity up."""

    from_quantity: str = Field(alias="from")
    unit_price: str


class WrittenPrice(_Written):
    """One unit price, or tiers."""

    unit_price: str | None = None
    tiers: Annotated[list[WrittenTier], Field(min_length=1, max_length=TIERS_MAX)] | None = None
    tiers_apply: TiersApply = TiersApply.ALL_UNITS

    def pricing(self, currency: Currency) -> Pricing:
        """Turn it into prices.

        Raises:
            click.BadParameter: Both or neither of the two ways.
            AmountMalformed: A price or a quantity cannot be kept exactly.
        """
        if (self.unit_price is None) == (self.tiers is None):
            sentence = "Give either a unit_price or tiers."
            raise _unfit(sentence)
        if self.unit_price is not None:
            return one_price(UnitPrice.parse(self.unit_price, currency))
        tiers = (
            Tier(parse_quantity(tier.from_quantity), UnitPrice.parse(tier.unit_price, currency))
            for tier in self.tiers or ()
        )
        return Pricing(tuple(tiers), self.tiers_apply)


class WrittenAnswer(_Written):
    """An answer to one criterion; it goes into the envelope that the form asks for, if not said."""

    criterion: Name
    text: Text
    envelope: EnvelopeKind | None = None


class WrittenCopy(_Written):
    """The sealed copy of a document, which was put into keeping, and its key."""

    sha256: Digest
    length_bytes: Annotated[int, Field(strict=True, ge=0)]
    key: Digest


class WrittenDocument(_Written):
    """A document by its hash; one that names the envelope `price` is read with the prices."""

    name: Name
    sha256: Digest
    length_bytes: Annotated[int, Field(strict=True, ge=0)]
    media_type: Annotated[str, StringConstraints(pattern=MEDIA_TYPE_PATTERN)] | None = None
    copy_: WrittenCopy | None = Field(default=None, alias="copy")
    envelope: EnvelopeKind | None = None

    def document(self) -> Document:
        """Turn it into what a bid tells of it."""
        return Document(
            self.name,
            self.sha256,
            self.length_bytes,
            self.media_type,
            None if self.copy_ is None else SealedCopy(**self.copy_.model_dump()),
            envelope_named(self.envelope),
        )


class WrittenClaim(_Written):
    """A part of the bid that is claimed to be confidential, and the legal ground for it."""

    part: Annotated[str, StringConstraints(pattern=PART_PATTERN)]
    ground: Annotated[str, StringConstraints(min_length=1, max_length=GROUND_MAX)]


class WrittenPackagePrice(_Written):
    """A lot of a package, and its unit price within it."""

    lot_id: UUID
    unit_price: str


class WrittenAlternate(WrittenPrice):
    """Another way to meet the need."""

    title: Name


PackageLots = Annotated[list[WrittenPackagePrice], Field(max_length=PACKAGE_LOTS_MAX)]


class WrittenBid(WrittenPrice):
    """A bid on one lot, by the names that `POST /v1/lots/{lot_id}/bids` gives its members."""

    currency: str | None = None
    capacity: str | None = None
    members: Annotated[list[UUID], Field(max_length=MEMBERS_MAX)] | None = None
    packages: Annotated[list[PackageLots], Field(max_length=PACKAGES_MAX)] = Field(default=[])
    alternates: Annotated[list[WrittenAlternate], Field(max_length=ALTERNATES_MAX)] = Field(
        default=[]
    )
    valid_until: AwareDatetime | None = None
    answers: Annotated[list[WrittenAnswer], Field(max_length=ANSWERS_MAX)] = Field(default=[])
    attestations: Annotated[list[Name], Field(max_length=ATTESTATIONS_MAX)] = Field(default=[])
    documents: Annotated[list[WrittenDocument], Field(max_length=DOCUMENTS_MAX)] = Field(default=[])
    claims: Annotated[list[WrittenClaim], Field(max_length=CLAIMS_MAX)] = Field(default=[])

    def with_documents(self, documents: Sequence[Document]) -> "WrittenBid":
        """Add documents that were put into keeping."""
        added = [WrittenDocument.model_validate(plain(each)) for each in documents]
        return self.model_copy(update={"documents": [*self.documents, *added]})

    def offer(self, published: PublishedForm) -> Offer:
        """Turn it into an offer, with a technical part where the form has two envelopes.

        Raises:
            click.BadParameter: It is no bid that could be read at the opening.
        """
        try:
            told, technical = self._told(), None
            if is_in_both(told.documents):
                sentence = "A document goes into one envelope."
                raise _unfit(sentence)
            if published.technical is not None:
                technical = self._of_envelope(told, published.form, is_priced=False)
                priced = self._of_envelope(told, published.form, is_priced=True)
                told = replace(priced, attestations=())
            elif EnvelopeKind.TECHNICAL in self._envelopes():
                sentence = "The solicitation has no technical envelope."
                raise _unfit(sentence)
            content = self._content(Currency(self.currency or published.form.currency), told)
            # What could not be read back would be found out at the opening, when it is too late.
            read_content(write_content(content))
        except Refusal as refusal:
            raise _unfit(refusal.sentence) from refusal
        return Offer(content=content, technical=technical)

    def _envelopes(self) -> set[EnvelopeKind | None]:
        return {one.envelope for one in self.answers} | {one.envelope for one in self.documents}

    def _of_envelope(
        self, told: TechnicalContent, form: BidForm, *, is_priced: bool
    ) -> TechnicalContent:
        placed = ((one, one.envelope or form.envelope_of(one.criterion)) for one in self.answers)
        return replace(
            told,
            answers=tuple(
                Answer(one.criterion, one.text)
                for one, envelope in placed
                if (envelope is EnvelopeKind.PRICE) is is_priced
            ),
            documents=documents_of(told.documents, priced=is_priced),
            claims=claims_beside(told.documents, told.claims, priced=is_priced),
        )

    def _content(self, currency: Currency, told: TechnicalContent) -> BidContent:
        return BidContent(
            currency=currency,
            nonce=told.nonce,
            pricing=self.pricing(currency),
            capacity=None if self.capacity is None else parse_quantity(self.capacity),
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

    def _told(self) -> TechnicalContent:
        return TechnicalContent(
            nonce=bytes(NONCE_BYTES),
            answers=tuple(Answer(one.criterion, one.text) for one in self.answers),
            attestations=tuple(self.attestations),
            documents=tuple(one.document() for one in self.documents),
            claims=tuple(Claim(one.part, one.ground) for one in self.claims),
        )


def written_bid(file: BinaryIO | None, unit_price: str | None) -> WrittenBid:
    """Read a bid from a file, or make one of a price alone."""
    if (file is None) == (unit_price is None):
        sentence = "Give either --bid or --unit-price."
        raise click.UsageError(sentence)
    members = {"unit_price": unit_price} if file is None else json_object(file, hint="--bid")
    try:
        return WrittenBid.model_validate(members)
    except ValidationError as error:
        faults = (
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise _unfit("; ".join(faults)) from error


def form_lines(form: Shown) -> Iterator[str]:
    """Tell a person what a published form asks."""
    yield f"bids in {form['currency']} until {form['closes_at']}"
    if form["technical"] is not None:
        yield "two envelopes: attestations go into the technical one; documents too, if not said"
    for lot in form["lots"]:
        quantity = f"{lot['quantity']} {lot['unit']}"
        yield f"lot {lot['number']:>3}  {lot['id']}  {lot['title']}: {quantity}"
    for asked in form["asked"] or ():
        must = "must be answered" if asked["is_required"] else "may be answered"
        least = "" if asked["least"] is None else f", {asked['least']} or more"
        most = ", at most the price of a unit" if asked.get("is_part_of_price") else ""
        envelope = f", in the {asked['envelope']} envelope" if asked.get("envelope") else ""
        yield f"{asked['name']}: {must}, {asked['kind']}{least}{most}{envelope}"
    for attestation in form["to_attest"]:
        yield f"attest {attestation['name']}: {attestation['sentence']}"


def _package(lots: list[WrittenPackagePrice], currency: Currency) -> Package:
    return Package(
        tuple((LotId(one.lot_id), UnitPrice.parse(one.unit_price, currency)) for one in lots)
    )


def _unfit(sentence: str) -> click.BadParameter:
    return click.BadParameter(sentence, param_hint="bid")
