"""What a vendor seals: one written form, tiers to the cent, and every fault by name."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bid_content import (
    Alternate,
    Answer,
    BidContent,
    ContentMalformed,
    Package,
    Pricing,
    TechnicalContent,
    Tier,
    TiersApply,
    one_price,
    read_content,
    read_technical,
    write_content,
    write_technical,
)
from shared.domain.bid_documents import DOCUMENT_NAME_MAX, Claim, Document, SealedCopy
from shared.domain.bid_forms import Asked, BidForm, faults_of, technical_faults_of
from shared.domain.ids import LotId, PartyId
from shared.domain.money import Currency, UnitPrice

USD, EUR = Currency("USD"), Currency("EUR")
LOT, OTHER_LOT, STRANGE_LOT = (LotId(UUID(int=number)) for number in (1, 2, 3))
CLOSES_AT = datetime(2027, 3, 15, 12, tzinfo=UTC)
NONCE = bytes(32)


def price(text: str, currency: Currency = USD) -> UnitPrice:
    return UnitPrice.parse(text, currency)


def tiers(*steps: tuple[str, str], apply: TiersApply = TiersApply.ALL_UNITS) -> Pricing:
    return Pricing(tuple(Tier(Decimal(start), price(text)) for start, text in steps), apply)


STEPS = (("1", "20"), ("11", "17"), ("21", "15"))

FORM = BidForm(
    currency=USD,
    closes_at=CLOSES_AT,
    lots={LOT: Decimal(23), OTHER_LOT: Decimal(5)},
    asked=(Asked(name="warranty"),),
    attestations={"no collusion"},
)

BARE = BidContent(currency=USD, nonce=NONCE, pricing=one_price(price("12.50")))

WHOLE = BidContent(
    currency=USD,
    nonce=NONCE,
    pricing=tiers(*STEPS, apply=TiersApply.GRADUATED),
    capacity=Decimal("30.5"),
    members=(PartyId(UUID(int=7)),),
    answers=(Answer("warranty", "three years"),),
    packages=(Package(((LOT, price("14")), (OTHER_LOT, price("9.99")))),),
    alternates=(Alternate("refurbished", one_price(price("9"))),),
    valid_until=datetime(2027, 6, 1, tzinfo=UTC),
    attestations=("no collusion",),
    documents=(Document("brochure", "ab" * 32, 1234),),
)


def codes(content: BidContent, form: BidForm = FORM) -> list[str]:
    return [fault.code for fault in faults_of(content, form, LOT)]


@pytest.mark.parametrize(
    ("apply", "quantity", "total"),
    [
        (TiersApply.ALL_UNITS, "23", "345"),
        (TiersApply.GRADUATED, "23", "415"),
        (TiersApply.ALL_UNITS, "10", "200"),
        (TiersApply.GRADUATED, "10", "200"),
        (TiersApply.ALL_UNITS, "11", "187"),
        (TiersApply.GRADUATED, "11", "217"),
        (TiersApply.ALL_UNITS, "21", "315"),
        (TiersApply.GRADUATED, "21", "385"),
        (TiersApply.GRADUATED, "10.5", "208.5"),
        (TiersApply.GRADUATED, "0.5", "10"),
    ],
)
def test_tiers_cost_what_their_way_of_applying_says(
    apply: TiersApply, quantity: str, total: str
) -> None:
    exact_e4 = tiers(*STEPS, apply=apply).exact_e4(Decimal(quantity))

    assert exact_e4 is not None
    assert exact_e4 * Fraction(quantity) == 10_000 * Fraction(total)


def test_quantity_below_all_tiers_has_no_price() -> None:
    assert tiers(("5", "20")).exact_e4(Decimal("4.999")) is None
    assert tiers(("5", "20")).exact_e4(Decimal(5)) == 200_000


def test_bare_price_is_written_as_ever() -> None:
    assert write_content(BARE) == (
        b'{"currency":"USD","nonce":"' + b"00" * 32 + b'","unit_price":"12.50"}'
    )


@pytest.mark.parametrize("content", [BARE, WHOLE])
def test_what_is_written_is_read_back(content: BidContent) -> None:
    assert read_content(write_content(content)) == content


def test_technical_part_is_read_back_and_holds_no_price() -> None:
    technical = TechnicalContent(
        nonce=NONCE, answers=WHOLE.answers, attestations=("a",), documents=WHOLE.documents
    )

    written = write_technical(technical)

    assert read_technical(written) == technical
    assert b"price" not in written


@given(st.data())
def test_every_flipped_bit_is_read_as_another_bid_or_as_none(data: st.DataObject) -> None:
    written = bytearray(write_content(WHOLE))
    bit = data.draw(st.integers(0, 8 * len(written) - 1))
    written[bit // 8] ^= 1 << bit % 8

    with suppress(ContentMalformed):
        assert read_content(bytes(written)) != WHOLE


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (b'"from":"11"', b'"from":"21"'),
        (b'"from":"11"', b'"from":"11.0"'),
        (b'"from":"1"', b'"from":"0"'),
        (b'"length_bytes":1234', b'"length_bytes":-1'),
        (b'"length_bytes":1234', b'"length_bytes":true'),
        (b'"capacity":"30.5"', b'"capacity":30.5'),
        (b'"graduated"', b'"sometimes"'),
        (b'"three years"', b'""'),
        (b'"currency":"USD"', b'"currency":"USD","currency":"USD"'),
    ],
)
def test_content_in_any_other_form_is_malformed(was: bytes, now: bytes) -> None:
    written = write_content(WHOLE)
    assert was in written

    with pytest.raises(ContentMalformed) as refused:
        read_content(written.replace(was, now, 1))

    assert "three" not in refused.value.sentence


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b"\xff", b"[" * 100_000])
def test_bytes_that_are_no_bid_are_malformed(content: bytes) -> None:
    with pytest.raises(ContentMalformed):
        read_content(content)


def test_whole_bid_that_meets_the_form_has_no_fault() -> None:
    assert codes(WHOLE) == []


PACKAGED = Package(((LOT, price("1")), (OTHER_LOT, price("1"))))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (replace(WHOLE, currency=EUR), "currency_wrong"),
        (replace(WHOLE, pricing=one_price(price("0"))), "price_zero"),
        (replace(WHOLE, pricing=tiers(("24", "5"))), "quantity_not_reached"),
        (replace(WHOLE, pricing=tiers(("2", "5"), apply=TiersApply.GRADUATED)), "tiers_unfit"),
        (
            replace(WHOLE, pricing=tiers(("1", "5"), ("2.5", "4"), apply=TiersApply.GRADUATED)),
            "tiers_unfit",
        ),
        (replace(WHOLE, packages=(Package(PACKAGED.prices[:1]),)), "package_unfit"),
        (replace(WHOLE, packages=(Package(PACKAGED.prices[1:] * 2),)), "package_unfit"),
        (
            replace(WHOLE, packages=(Package((*PACKAGED.prices, (STRANGE_LOT, price("1")))),)),
            "package_lot_unknown",
        ),
        (replace(WHOLE, alternates=(Alternate("x", tiers(("99", "1"))),)), "quantity_not_reached"),
        (replace(WHOLE, valid_until=CLOSES_AT), "validity_too_short"),
        (replace(WHOLE, members=(PartyId(UUID(int=7)),) * 2), "members_unfit"),
        (replace(WHOLE, answers=WHOLE.answers * 2), "answer_twice"),
        (replace(WHOLE, answers=(Answer("colour", "red"),)), "criterion_unknown"),
        (replace(WHOLE, attestations=()), "attestation_missing"),
    ],
)
def test_each_fault_is_found_and_named_alone(content: BidContent, fault: str) -> None:
    assert codes(content) == [fault]


def test_several_faults_are_all_named() -> None:
    content = replace(WHOLE, currency=EUR, attestations=(), valid_until=CLOSES_AT)

    assert codes(content) == ["currency_wrong", "validity_too_short", "attestation_missing"]


def test_lot_of_another_solicitation_is_named() -> None:
    assert [fault.code for fault in faults_of(WHOLE, FORM, STRANGE_LOT)] == ["lot_not_in_form"]


def test_with_two_envelopes_the_technical_part_is_checked_in_its_own() -> None:
    two = replace(FORM, envelopes=2)
    priced = replace(WHOLE, answers=(), attestations=(), documents=())

    assert codes(priced, two) == []
    faults = technical_faults_of(TechnicalContent(nonce=NONCE), two)
    assert [fault.code for fault in faults] == ["attestation_missing"]


COPY = SealedCopy("a" * 64, 65_563, "b" * 64)
DRAWING = Document("drawing.pdf", "c" * 64, 12, "application/pdf", COPY)
CLAIM = Claim("answer:quality", "Trade secret.")


def test_documents_and_claims_come_back_as_they_were_written() -> None:
    bid = replace(BARE, documents=(DRAWING,), claims=(CLAIM,))

    assert read_content(write_content(bid)) == bid


@pytest.mark.parametrize(
    "document",
    [
        replace(DRAWING, name="drawing\x00.pdf"),
        replace(DRAWING, name=""),
        replace(DRAWING, name="d" * (DOCUMENT_NAME_MAX + 1)),
        replace(DRAWING, sha256="C" * 64),
        replace(DRAWING, length_bytes=-1),
        replace(DRAWING, media_type="text/html; charset=utf-8"),
        replace(DRAWING, copy=replace(COPY, key="b" * 62)),
        replace(DRAWING, copy=replace(COPY, sha256="")),
        replace(DRAWING, copy=replace(COPY, length_bytes=-1)),
    ],
)
def test_document_that_could_not_be_kept_is_malformed(document: Document) -> None:
    """What is read is what the opening writes down: one bid must not stop all others there."""
    bid = replace(BARE, documents=(document,))

    with pytest.raises(ContentMalformed):
        read_content(write_content(bid))


@pytest.mark.parametrize(
    "claim",
    [
        Claim("answer:a\x00b", "Trade secret."),
        Claim("answer:quality", "Trade\x00secret."),
        Claim("answer:quality", ""),
        Claim("answer:", "Trade secret."),
        Claim("everything", "Trade secret."),
        Claim("alternate:0", "Trade secret."),
    ],
)
def test_claim_that_could_not_be_kept_is_malformed(claim: Claim) -> None:
    bid = replace(BARE, claims=(claim,))

    with pytest.raises(ContentMalformed):
        read_content(write_content(bid))


def test_document_at_the_longest_name_is_read() -> None:
    longest = replace(DRAWING, name="d" * DOCUMENT_NAME_MAX)
    bid = replace(BARE, documents=(longest,))

    assert read_content(write_content(bid)).documents == (longest,)


def test_key_of_a_document_shows_in_no_repr() -> None:
    assert "b" * 64 not in repr(DRAWING)
