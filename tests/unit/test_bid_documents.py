"""Documents of a bid in their envelopes: how they are written, parted, and refused."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import click
import pytest
from pydantic import ValidationError

from clients.cli.bid_files import written_bid
from clients.sealed_bids import EnvelopeKey, PublishedForm
from services.bids.api.bid_fields import WholeBid
from shared.domain.bid_content import (
    NONCE_BYTES,
    BidContent,
    ContentMalformed,
    TechnicalContent,
    one_price,
    read_content,
    read_technical,
    write_content,
    write_technical,
)
from shared.domain.bid_documents import Claim, Document, EnvelopeKind
from shared.domain.bid_forms import BidForm, faults_of, technical_faults_of
from shared.domain.ids import LotId, OpeningId
from shared.domain.money import Currency, UnitPrice

USD: Final = Currency("USD")
NONCE: Final = bytes(NONCE_BYTES)
LOT: Final = LotId(UUID(int=1))
DRAWING: Final = Document("drawing.pdf", "c" * 64, 12)
COSTS: Final = Document("costs.csv", "d" * 64, 34, envelope=EnvelopeKind.PRICE)
ON_DRAWING: Final = Claim(f"document:{DRAWING.sha256}", "Trade secret.")
ON_COSTS: Final = Claim(f"document:{COSTS.sha256}", "Our margins.")
BID: Final = BidContent(
    currency=USD, nonce=NONCE, pricing=one_price(UnitPrice.parse("0.25", USD)), documents=(COSTS,)
)
TWO: Final = BidForm(
    currency=USD,
    closes_at=datetime(2027, 3, 15, tzinfo=UTC),
    lots={LOT: Decimal(10)},
    envelopes=2,
)
KEY: Final = EnvelopeKey(OpeningId(UUID(int=2)), bytes(32))

SAID_DRAWING: Final = {"name": "drawing.pdf", "sha256": "c" * 64, "length_bytes": 12}
SAID_COSTS: Final = {
    "name": "costs.csv",
    "sha256": "d" * 64,
    "length_bytes": 34,
    "envelope": "price",
}
CLAIMS: Final = [
    {"part": ON_DRAWING.part, "ground": ON_DRAWING.ground},
    {"part": ON_COSTS.part, "ground": ON_COSTS.ground},
    {"part": "prices", "ground": "Law."},
]


def in_the_clear(**said: Any) -> WholeBid:
    """Read a bid as the service does."""
    return WholeBid.model_validate({"unit_price": "0.25", "currency": "USD", **said})


def by_file(published: PublishedForm, **said: Any) -> tuple[BidContent, TechnicalContent | None]:
    """Read a bid as the vendor's own shell does."""
    file = io.BytesIO(json.dumps({"unit_price": "0.25", **said}).encode())
    offer = written_bid(file, None).offer(published)
    return offer.content, offer.technical


# How it is written -------------------------------------------------------------------------------


def test_document_without_an_envelope_is_written_as_ever() -> None:
    written = write_technical(TechnicalContent(nonce=NONCE, documents=(DRAWING,)))

    assert written == (
        b'{"documents":[{"length_bytes":12,"name":"drawing.pdf","sha256":"' + b"c" * 64 + b'"}],'
        b'"nonce":"' + b"00" * 32 + b'"}'
    )


def test_document_of_the_price_names_its_envelope_and_comes_back() -> None:
    written = write_content(BID)

    assert b'{"envelope":"price","length_bytes":34,"name":"costs.csv"' in written
    assert read_content(written) == BID


@pytest.mark.parametrize("envelope", [b'"technical"', b"null", b'"both"', b"1", b"[]"])
def test_envelope_has_one_written_form(envelope: bytes) -> None:
    written = write_content(BID).replace(b'"envelope":"price"', b'"envelope":' + envelope)

    with pytest.raises(ContentMalformed):
        read_content(written)


# Which envelope ----------------------------------------------------------------------------------


def test_document_of_the_price_in_the_technical_envelope_is_misplaced() -> None:
    told = TechnicalContent(nonce=NONCE, documents=(DRAWING, COSTS))

    (fault,) = technical_faults_of(told, TWO)

    assert fault.code == "document_misplaced"
    assert technical_faults_of(replace(told, documents=(DRAWING,)), TWO) == ()
    assert faults_of(BID, TWO, LOT) == ()


def test_bid_in_the_clear_is_parted_by_envelopes() -> None:
    bid = in_the_clear(technical_envelope=True, documents=[SAID_DRAWING, SAID_COSTS], claims=CLAIMS)

    technical = bid.technical()

    assert technical is not None
    assert technical.documents == (DRAWING,)
    assert technical.claims == (ON_DRAWING, Claim("prices", "Law."))
    assert bid.content().documents == (COSTS,)
    assert bid.content().claims == (ON_COSTS,)


def test_document_that_names_the_technical_envelope_is_of_it() -> None:
    said = {**SAID_DRAWING, "envelope": "technical"}

    technical = in_the_clear(technical_envelope=True, documents=[said]).technical()

    assert technical is not None
    assert technical.documents == (DRAWING,)


def test_one_envelope_keeps_the_mark_of_what_is_read_with_the_prices() -> None:
    content = in_the_clear(documents=[SAID_DRAWING, SAID_COSTS], claims=CLAIMS).content()

    assert content.documents == (DRAWING, COSTS)
    assert len(content.claims) == 3


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ([{**SAID_DRAWING, "envelope": "technical"}], "no technical envelope"),
        ([SAID_COSTS, {**SAID_COSTS, "envelope": None}], "goes into one envelope"),
    ],
)
def test_document_in_an_envelope_that_cannot_keep_it_is_refused(
    said: list[dict[str, object]], sentence: str
) -> None:
    published = PublishedForm(replace(TWO, envelopes=1), KEY, None)

    with pytest.raises(ValidationError, match=sentence):
        in_the_clear(documents=said)
    with pytest.raises(click.BadParameter, match=sentence):
        by_file(published, documents=said)


def test_bid_in_a_file_is_parted_as_one_in_the_clear() -> None:
    said: dict[str, Any] = {
        "documents": [SAID_DRAWING, SAID_COSTS],
        "claims": CLAIMS,
        "attestations": ["no_gifts"],
    }
    bid = in_the_clear(technical_envelope=True, **said)

    content, technical = by_file(PublishedForm(TWO, KEY, KEY), **said)

    assert technical is not None
    assert replace(technical, nonce=b"") == bid.technical()
    assert replace(content, nonce=b"") == bid.content()
    assert content.documents == (COSTS,)
    assert (technical.attestations, content.attestations) == (("no_gifts",), ())
    assert read_technical(write_technical(technical)).documents == (DRAWING,)
