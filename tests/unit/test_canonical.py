"""The one written form: what RFC 8785 says, for the values that the house uses."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.canonical import Json, canonical, plain
from shared.domain.money import Currency, Money, UnitPrice

WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | WHOLE | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="ascii"), max_size=6), inner, max_size=4)
    ),
    max_leaves=20,
)


@dataclass(frozen=True)
class Sample:
    price: UnitPrice
    absent: str | None
    parts: tuple[Money, ...]


@given(DOCUMENTS)
def test_plain_data_is_written_as_an_independent_library_writes_it(document: Json) -> None:
    assert canonical(document).encode() == rfc8785.dumps(document)


def test_values_of_the_domain_have_one_form() -> None:
    usd = Currency("USD")
    sample = Sample(UnitPrice(1250, usd), None, (Money(-5, usd),))

    assert canonical(sample) == '{"parts":["-0.05"],"price":"0.125"}'


def test_an_instant_is_written_in_utc_with_microseconds() -> None:
    local = datetime(2026, 3, 1, 7, 30, tzinfo=timezone(timedelta(hours=-5)))

    assert plain(local) == "2026-03-01T12:30:00.000000Z"


def test_a_decimal_keeps_its_digits_and_never_an_exponent() -> None:
    assert plain(Decimal("1E+3")) == "1000"
    assert plain(Decimal("0.200")) == "0.200"


@pytest.mark.parametrize(
    "value",
    [1.5, float("nan"), 2**53, -(2**53), datetime(2026, 1, 1), b"x", object()],  # noqa: DTZ001
)
def test_what_has_no_single_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        plain(value)


def test_the_edge_of_whole_numbers_is_kept() -> None:
    assert plain(2**53 - 1) == 2**53 - 1


def test_an_id_is_written_as_text() -> None:
    assert plain(UUID(int=1)) == "00000000-0000-0000-0000-000000000001"


def test_midnight_in_utc_is_written_in_full() -> None:
    assert plain(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000000Z"
