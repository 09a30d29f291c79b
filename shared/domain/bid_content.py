"""Write and read what a vendor seals: prices or tiers, packages, alternates, answers, documents.

The content is canonical JSON, the same whether the vendor's client or the service seals it, and one
bid has one written form, so that nothing else travels beside it. No refusal here repeats content.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final, TypeVar
from uuid import UUID

from shared.domain.bid_documents import Claim, Document, claim_of, document_of
from shared.domain.canonical import canonical
from shared.domain.ids import LotId, PartyId
from shared.domain.money import Currency, UnitPrice, parse_quantity
from shared.domain.refusals import Kind, Refusal

NONCE_BYTES: Final = 32
"""Random bytes beside the prices, so that no digest of a bid can be matched by guessing."""

TIERS_MAX: Final = 20
PACKAGES_MAX: Final = 10
PACKAGE_LOTS_MAX: Final = 50
ALTERNATES_MAX: Final = 5
ANSWERS_MAX: Final = 50
DOCUMENTS_MAX: Final = 50
CLAIMS_MAX: Final = 50
ATTESTATIONS_MAX: Final = 20
MEMBERS_MAX: Final = 1_000
TEXT_MAX: Final = 2_000
NAME_MAX: Final = 200

_SENTENCE: Final = "What was sealed is not the content of a bid."

Read = TypeVar("Read")


class ContentMalformed(Refusal):
    """What was sealed is not the content of a bid, in its one written form."""

    kind = Kind.INVALID
    code = "bid_content_malformed"


class TiersApply(StrEnum):
    """To which units a tier's price applies: to all, or to those within the tier."""

    ALL_UNITS = "all_units"
    GRADUATED = "graduated"


@dataclass(frozen=True, slots=True)
class Tier:
    """A unit price that holds from a quantity up."""

    from_quantity: Decimal
    unit_price: UnitPrice


@dataclass(frozen=True, slots=True)
class Pricing:
    """One price, as a single tier from 0, or several tiers in ascending order."""

    tiers: tuple[Tier, ...]
    apply: TiersApply = TiersApply.ALL_UNITS

    def exact_e4(self, quantity: Decimal) -> Fraction | None:
        """Compute the price of one unit at a quantity, in ten-thousandths; None below all tiers.

        By all-units tiers it is that of the highest tier which the quantity reaches. Graduated, it
        is the average: with prices 20, 17 and 15 from 1, 11 and 21, the first ten units cost 20
        each, the next ten 17, and 23 of them 415, where all-units tiers give 345.
        """
        reached = [tier for tier in self.tiers if quantity >= tier.from_quantity]
        if self.apply is TiersApply.ALL_UNITS:
            return Fraction(reached[-1].unit_price.e4) if reached else None
        return self._total_e4(quantity) / Fraction(quantity)

    def _total_e4(self, quantity: Decimal) -> Fraction:
        # The eleventh unit is what lies between 10 and 11, so that a tier begins one below.
        starts = [max(Decimal(0), tier.from_quantity - 1) for tier in self.tiers]
        ends = [*starts[1:], quantity]
        return sum(
            (
                Fraction(max(Decimal(0), min(end, quantity) - start)) * tier.unit_price.e4
                for tier, start, end in zip(self.tiers, starts, ends, strict=True)
            ),
            start=Fraction(0),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a vendor answers to one criterion."""

    criterion: str
    text: str


@dataclass(frozen=True, slots=True)
class Package:
    """Unit prices that hold if all of these lots are awarded together."""

    prices: tuple[tuple[LotId, UnitPrice], ...]


@dataclass(frozen=True, slots=True)
class Alternate:
    """Another way to meet the need, offered beside the bid that meets it as specified."""

    title: str
    pricing: Pricing


@dataclass(frozen=True, slots=True, kw_only=True)
class BidContent:
    """All that a vendor seals for one lot. `members` is None where all of them are served."""

    currency: Currency
    nonce: bytes
    pricing: Pricing
    capacity: Decimal | None = None
    members: tuple[PartyId, ...] | None = None
    answers: tuple[Answer, ...] = ()
    packages: tuple[Package, ...] = ()
    alternates: tuple[Alternate, ...] = ()
    valid_until: datetime | None = None
    attestations: tuple[str, ...] = ()
    documents: tuple[Document, ...] = ()
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TechnicalContent:
    """What goes into the technical envelope, where there are two: all that tells no price."""

    nonce: bytes
    answers: tuple[Answer, ...] = ()
    attestations: tuple[str, ...] = ()
    documents: tuple[Document, ...] = ()
    claims: tuple[Claim, ...] = ()


def one_price(price: UnitPrice) -> Pricing:
    """Price every quantity alike."""
    return Pricing((Tier(Decimal(0), price),))


def write_content(content: BidContent) -> bytes:
    """Write a bid as it is sealed."""
    members: dict[str, object] = {
        "currency": content.currency,
        "nonce": content.nonce.hex(),
        **_priced(content.pricing),
        "capacity": None if content.capacity is None else quantity_text(content.capacity),
        "members": None if content.members is None else [str(one) for one in content.members],
        "packages": [
            [{"lot_id": lot_id, "unit_price": str(price)} for lot_id, price in package.prices]
            for package in content.packages
        ],
        "alternates": [
            {"title": alternate.title, **_priced(alternate.pricing)}
            for alternate in content.alternates
        ],
        "valid_until": content.valid_until,
        **_told(content),
    }
    return _written(members)


def write_technical(content: TechnicalContent) -> bytes:
    """Write the technical part of a bid as it is sealed."""
    return _written({"nonce": content.nonce.hex(), **_told(content)})


def read_content(content: bytes) -> BidContent:
    """Read what `write_content` wrote.

    Raises:
        ContentMalformed: Not such content, or not in its one written form.
    """
    return _read(content, _content_of, write_content)


def read_technical(content: bytes) -> TechnicalContent:
    """Read what `write_technical` wrote.

    Raises:
        ContentMalformed: Not such content, or not in its one written form.
    """
    return _read(content, _technical_of, write_technical)


def quantity_text(quantity: Decimal) -> str:
    """Write a quantity without trailing zeros."""
    return f"{quantity.normalize():f}"


def _written(members: Mapping[str, object]) -> bytes:
    # What is absent or empty is left out, so that a bare price is written as ever.
    return canonical({name: value for name, value in members.items() if value}).encode()


def _priced(pricing: Pricing) -> dict[str, object]:
    first = pricing.tiers[0]
    if len(pricing.tiers) == 1 and first.from_quantity == 0:
        return {"unit_price": str(first.unit_price)}
    tiers = [
        {"from": quantity_text(tier.from_quantity), "unit_price": str(tier.unit_price)}
        for tier in pricing.tiers
    ]
    return {"tiers": tiers, "tiers_apply": pricing.apply}


def _told(content: BidContent | TechnicalContent) -> dict[str, object]:
    return {
        "answers": list(content.answers),
        "attestations": list(content.attestations),
        "documents": list(content.documents),
        "claims": list(content.claims),
    }


def _read(
    content: bytes, parse: Callable[[dict[str, Any]], Read], write: Callable[[Read], bytes]
) -> Read:
    try:
        parsed = parse(json.loads(content))
        is_whole = write(parsed) == content
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        ArithmeticError,
        RecursionError,
        Refusal,
    ):
        raise ContentMalformed(_SENTENCE) from None
    if not is_whole:
        sentence = "What was sealed is not the canonical content of a bid."
        raise ContentMalformed(sentence)
    return parsed


def _content_of(members: dict[str, Any]) -> BidContent:
    currency = Currency(members["currency"])
    capacity, served = members.get("capacity"), members.get("members")
    valid_until = members.get("valid_until")
    return BidContent(
        currency=currency,
        nonce=_nonce(members),
        pricing=_pricing(members, currency),
        capacity=None if capacity is None else parse_quantity(capacity),
        members=None if served is None else _each(served, MEMBERS_MAX, _party),
        packages=_each(
            members.get("packages", []), PACKAGES_MAX, lambda one: _package(one, currency)
        ),
        alternates=_each(
            members.get("alternates", []), ALTERNATES_MAX, lambda one: _alternate(one, currency)
        ),
        valid_until=None if valid_until is None else datetime.fromisoformat(valid_until),
        answers=_each(members.get("answers", []), ANSWERS_MAX, _answer),
        attestations=_each(members.get("attestations", []), ATTESTATIONS_MAX, _name),
        documents=_each(members.get("documents", []), DOCUMENTS_MAX, document_of),
        claims=_each(members.get("claims", []), CLAIMS_MAX, claim_of),
    )


def _technical_of(members: dict[str, Any]) -> TechnicalContent:
    return TechnicalContent(
        nonce=_nonce(members),
        answers=_each(members.get("answers", []), ANSWERS_MAX, _answer),
        attestations=_each(members.get("attestations", []), ATTESTATIONS_MAX, _name),
        documents=_each(members.get("documents", []), DOCUMENTS_MAX, document_of),
        claims=_each(members.get("claims", []), CLAIMS_MAX, claim_of),
    )


def _each(listed: Sequence[Any], most: int, read: Callable[[Any], Read]) -> tuple[Read, ...]:
    if not isinstance(listed, list) or len(listed) > most:
        raise ContentMalformed(_SENTENCE)
    return tuple(read(one) for one in listed)


def _nonce(members: dict[str, Any]) -> bytes:
    nonce = bytes.fromhex(members["nonce"])
    if len(nonce) != NONCE_BYTES:
        raise ContentMalformed(_SENTENCE)
    return nonce


def _pricing(members: dict[str, Any], currency: Currency) -> Pricing:
    if "tiers" not in members:
        return one_price(UnitPrice.parse(members["unit_price"], currency))
    tiers = _each(
        members["tiers"],
        TIERS_MAX,
        lambda one: Tier(parse_quantity(one["from"]), UnitPrice.parse(one["unit_price"], currency)),
    )
    steps = [tier.from_quantity for tier in tiers]
    if not steps or any(step >= later for step, later in pairwise(steps)):
        raise ContentMalformed(_SENTENCE)
    return Pricing(tiers, TiersApply(members["tiers_apply"]))


def _package(listed: list[dict[str, Any]], currency: Currency) -> Package:
    def priced(one: dict[str, Any]) -> tuple[LotId, UnitPrice]:
        return LotId(UUID(one["lot_id"])), UnitPrice.parse(one["unit_price"], currency)

    return Package(_each(listed, PACKAGE_LOTS_MAX, priced))


def _alternate(one: dict[str, Any], currency: Currency) -> Alternate:
    return Alternate(_name(one["title"]), _pricing(one, currency))


def _answer(one: dict[str, Any]) -> Answer:
    return Answer(_name(one["criterion"]), _text(one["text"], TEXT_MAX))


def _party(text: str) -> PartyId:
    return PartyId(UUID(text))


def _name(text: str) -> str:
    return _text(text, NAME_MAX)


def _text(text: object, most: int) -> str:
    if not isinstance(text, str) or not 1 <= len(text) <= most:
        raise ContentMalformed(_SENTENCE)
    return text
