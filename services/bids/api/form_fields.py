"""Render the form of a solicitation: its lots, what bids are asked, and the keys to seal to."""

from datetime import datetime
from typing import Self
from uuid import UUID

from services.bids.api.rfps import AttestationAnswer
from services.bids.domain.bids import Envelope
from services.bids.domain.parties import key_text
from services.bids.ports.sealed import PublishedForm
from shared.domain.bid_content import quantity_text
from shared.domain.bid_documents import EnvelopeKind
from shared.domain.bid_forms import AnswerKind, Asked
from shared.web.fields import AnswerModel


class EnvelopeAnswer(AnswerModel):
    """The opening to whose public key (base64url) an envelope is sealed."""

    opening_id: UUID
    public_key: str


class FormLotAnswer(AnswerModel):
    """A lot on which bids are taken."""

    id: UUID
    number: int
    title: str
    unit: str
    quantity: str


class AskedAnswer(AnswerModel):
    """Something that a bid is asked: a plain number (`least` or more, if said), or words.

    Of two envelopes the answer goes into `envelope`, which is null where there is one. A number
    that is a part of the price is at most what a unit costs at the lot's quantity.
    """

    name: str
    kind: AnswerKind
    is_required: bool
    least: str | None
    envelope: EnvelopeKind | None
    is_part_of_price: bool


class BidFormAnswer(AnswerModel):
    """What bids of a solicitation are checked against; `technical` is null with one envelope.

    Answers may be to anything where `asked` is null; `criteria` are the names of what is asked.
    Each of `attestations` must be in a bid; `to_attest` says what each of them attests.
    """

    rfp_id: UUID
    currency: str
    closes_at: datetime
    price: EnvelopeAnswer
    technical: EnvelopeAnswer | None
    lots: list[FormLotAnswer]
    criteria: list[str] | None
    asked: list[AskedAnswer] | None
    attestations: list[str]
    to_attest: list[AttestationAnswer]

    @classmethod
    def of(cls, published: PublishedForm) -> Self:
        """Render a form."""
        form, technical = published.form, published.technical
        return cls(
            rfp_id=published.rfp_id,
            currency=form.currency,
            closes_at=form.closes_at,
            price=_envelope(published.price),
            technical=None if technical is None else _envelope(technical),
            lots=[
                FormLotAnswer(
                    id=lot.id,
                    number=lot.number,
                    title=lot.title,
                    unit=lot.unit,
                    quantity=quantity_text(lot.quantity),
                )
                for lot in published.lots
            ],
            criteria=None if form.asked is None else sorted(each.name for each in form.asked),
            asked=None
            if form.asked is None
            else [_asked(each, has_two=technical is not None) for each in form.asked],
            attestations=sorted(form.attestations),
            to_attest=[AttestationAnswer.of(each) for each in published.attestations],
        )


def _envelope(envelope: Envelope) -> EnvelopeAnswer:
    return EnvelopeAnswer(opening_id=envelope.opening_id, public_key=key_text(envelope.public_key))


def _asked(asked: Asked, *, has_two: bool) -> AskedAnswer:
    return AskedAnswer(
        name=asked.name,
        kind=asked.kind,
        is_required=asked.is_required,
        least=None if asked.least is None else f"{asked.least:f}",
        envelope=asked.envelope if has_two else None,
        is_part_of_price=asked.is_part_of_price,
    )
