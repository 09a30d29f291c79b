"""Say what a bid must look like to be taken, and find whatever in a bid would be refused.

The form is published with the solicitation. The service cannot read a sealed bid, so that the
vendor's client checks it against the form before it is sealed; the service checks what comes to it
in the clear, and at the opening what was sealed elsewhere. All three check by this code.
"""

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from shared.domain.bid_content import BidContent, Pricing, TechnicalContent, TiersApply
from shared.domain.bid_documents import EnvelopeKind, documents_of
from shared.domain.ids import LotId
from shared.domain.money import PRICE_SCALE, Currency

_PACKAGE_LOTS_MIN: Final = 2

_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
"""A number as it is scored by: no exponent, no thousands separators, a point before decimals."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason why a bid would be refused: a stable code, and a sentence without content."""

    code: str
    sentence: str


class AnswerKind(StrEnum):
    """How something is answered: by a plain decimal number, or in words."""

    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Something that bids are asked beside their prices; a number is `least` or more, if said.

    Where there are two envelopes the answer goes into `envelope`. A number that is a part of the
    price is at most what a unit costs at the lot's quantity.
    """

    name: str
    kind: AnswerKind = AnswerKind.TEXT
    is_required: bool = False
    least: Decimal | None = None
    envelope: EnvelopeKind = EnvelopeKind.TECHNICAL
    is_part_of_price: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BidForm:
    """What bids of one solicitation are checked against; `lots` holds each lot's quantity.

    Where `asked` is None, answers may be to anything. `attestations` are all demanded.
    """

    currency: Currency
    closes_at: datetime
    lots: Mapping[LotId, Decimal]
    asked: tuple[Asked, ...] | None = None
    attestations: AbstractSet[str] = frozenset()
    envelopes: int = 1

    def asked_in(self, envelope: EnvelopeKind) -> tuple[Asked, ...]:
        """List what is answered in an envelope; where there is one, everything is."""
        return tuple(
            asked for asked in self.asked or () if self.envelopes == 1 or asked.envelope is envelope
        )

    def envelope_of(self, name: str) -> EnvelopeKind:
        """Tell which envelope an answer goes into; the technical one takes what is not asked."""
        is_priced = any(asked.name == name for asked in self.asked_in(EnvelopeKind.PRICE))
        return EnvelopeKind.PRICE if is_priced else EnvelopeKind.TECHNICAL


def faults_of(content: BidContent, form: BidForm, lot_id: LotId) -> tuple[Fault, ...]:
    """List all that a bid on one lot would be refused for; nothing, when it would be taken."""
    quantity = form.lots.get(lot_id)
    if quantity is None:
        return (Fault("lot_not_in_form", "The lot is not one of this solicitation."),)
    attested = () if form.envelopes > 1 else _attestation_faults(content, form)
    return (
        *_currency_faults(content, form),
        *_pricing_faults(content.pricing, quantity),
        *_package_faults(content, form, lot_id),
        *(fault for one in content.alternates for fault in _pricing_faults(one.pricing, quantity)),
        *_promise_faults(content, form),
        *_told_faults(content, form, EnvelopeKind.PRICE, _unit_price(content, quantity)),
        *attested,
    )


def technical_faults_of(content: TechnicalContent, form: BidForm) -> tuple[Fault, ...]:
    """List all that the technical part of a bid would be refused for."""
    return (
        *_told_faults(content, form, EnvelopeKind.TECHNICAL),
        *_attestation_faults(content, form),
        *_document_faults(content),
    )


def _unit_price(content: BidContent, quantity: Decimal) -> Fraction | None:
    """Find what a unit costs, rounded as it is shown and scored; None where no tier is reached."""
    exact_e4 = content.pricing.exact_e4(quantity)
    return None if exact_e4 is None else Fraction(round(exact_e4), PRICE_SCALE)


def _currency_faults(content: BidContent, form: BidForm) -> Iterator[Fault]:
    if content.currency != form.currency:
        yield Fault("currency_wrong", f"Bids of this solicitation are in {form.currency}.")


def _pricing_faults(pricing: Pricing, quantity: Decimal) -> Iterator[Fault]:
    if any(tier.unit_price.e4 == 0 for tier in pricing.tiers):
        yield Fault("price_zero", "A unit price is above 0.")
    if pricing.apply is TiersApply.GRADUATED and (
        pricing.tiers[0].from_quantity != 1 or any(tier.from_quantity % 1 for tier in pricing.tiers)
    ):
        yield Fault("tiers_unfit", "Graduated tiers begin at 1, and at whole quantities.")
    elif pricing.exact_e4(quantity) is None:
        yield Fault("quantity_not_reached", "The first tier begins above the lot's quantity.")


def _package_faults(content: BidContent, form: BidForm, lot_id: LotId) -> Iterator[Fault]:
    for package in content.packages:
        lots = [one for one, _ in package.prices]
        if len(set(lots)) != len(lots) or len(lots) < _PACKAGE_LOTS_MIN or lot_id not in lots:
            yield Fault("package_unfit", "A package holds this lot and others, each once.")
        if not form.lots.keys() >= set(lots):
            yield Fault("package_lot_unknown", "A package holds lots of one opening.")
        if any(price.e4 == 0 for _, price in package.prices):
            yield Fault("price_zero", "A unit price is above 0.")


def _promise_faults(content: BidContent, form: BidForm) -> Iterator[Fault]:
    if content.valid_until is not None and content.valid_until <= form.closes_at:
        yield Fault("validity_too_short", "A bid is valid beyond the deadline.")
    if content.members is not None and (
        not content.members or len(set(content.members)) != len(content.members)
    ):
        yield Fault("members_unfit", "Name each member that is served once, or leave them out.")


def _told_faults(
    content: BidContent | TechnicalContent,
    form: BidForm,
    envelope: EnvelopeKind,
    unit_price: Fraction | None = None,
) -> Iterator[Fault]:
    answered = {answer.criterion: answer.text for answer in content.answers}
    if len(answered) != len(content.answers):
        yield Fault("answer_twice", "Answer each criterion once.")
    if form.asked is None:
        return
    here = form.asked_in(envelope)
    for asked in form.asked:
        # What was asked is published, so that naming it tells nothing.
        if asked.name in answered and asked not in here:
            sentence = f"“{asked.name}” goes into the {asked.envelope} envelope."
            yield Fault("answer_misplaced", sentence)
    if not answered.keys() <= {asked.name for asked in form.asked}:
        yield Fault("criterion_unknown", "An answer is to a criterion that was not asked.")
    for asked in here:
        yield from _answer_faults(asked, answered.get(asked.name), unit_price)


def _attestation_faults(content: BidContent | TechnicalContent, form: BidForm) -> Iterator[Fault]:
    if not form.attestations <= set(content.attestations):
        yield Fault("attestation_missing", "An attestation that the solicitation asks is missing.")


def _document_faults(content: TechnicalContent) -> Iterator[Fault]:
    if documents_of(content.documents, priced=True):
        sentence = "A document that is read with the prices goes into the price envelope."
        yield Fault("document_misplaced", sentence)


def _answer_faults(asked: Asked, text: str | None, unit_price: Fraction | None) -> Iterator[Fault]:
    if text is None:
        if asked.is_required:
            yield Fault("answer_missing", f"“{asked.name}” is not answered.")
    elif asked.kind is AnswerKind.NUMBER:
        if not _NUMBER.fullmatch(text):
            yield Fault("answer_no_number", f"“{asked.name}” is answered by a plain number.")
        elif asked.least is not None and Decimal(text) < asked.least:
            yield Fault("answer_too_low", f"“{asked.name}” is {asked.least:f} or more.")
        elif asked.is_part_of_price and unit_price is not None and Fraction(text) > unit_price:
            sentence = f"“{asked.name}” is at most what a unit costs at the lot's quantity."
            yield Fault("answer_above_price", sentence)
