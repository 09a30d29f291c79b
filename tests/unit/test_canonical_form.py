"""The canonical text has one form, whichever way it is written."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, StrEnum
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.canonical import WHOLE_NUMBER_MAX, canonical, plain
from shared.domain.money import Currency, Money, UnitPrice


class Colour(StrEnum):
    """An enumeration of texts."""

    RED = 'r"ed'


class Number(Enum):
    """An enumeration of numbers."""

    ONE = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A dataclass whose members do not stand in the order of their names."""

    zeal: object
    alias: object = None
    Middle: object = None


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-WHOLE_NUMBER_MAX, WHOLE_NUMBER_MAX),
    st.text(),
    st.sampled_from([Colour.RED, Number.ONE, Decimal("1E+5"), Decimal("1.50")]),
    st.uuids(),
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])),
    st.builds(UnitPrice, st.integers(0, 10**10), st.just(Currency("USD"))),
    st.builds(Money, st.integers(-(10**10), 10**10), st.just(Currency("JPY"))),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(st.text(), st.just(Colour.RED)), inner),
        st.builds(Entry, inner, inner, inner),
    ),
    max_leaves=12,
)


@given(VALUES)
def test_text_is_plain_data_with_its_members_in_order(value: object) -> None:
    expected = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), sort_keys=True)

    assert canonical(value) == expected


def test_entry_is_written_without_its_absent_members() -> None:
    entry = Entry(zeal=datetime(2027, 3, 1, 12, 0, 0, 5, tzinfo=UTC), alias=UUID(int=1))

    assert canonical(entry) == (
        '{"alias":"00000000-0000-0000-0000-000000000001","zeal":"2027-03-01T12:00:00.000005Z"}'
    )


@pytest.mark.parametrize(
    "value",
    [1.5, datetime(2027, 3, 1), WHOLE_NUMBER_MAX + 1, -WHOLE_NUMBER_MAX - 1, b"x", Entry],  # noqa: DTZ001 - naive on purpose
)
def test_value_without_one_written_form_is_refused_at_any_depth(value: object) -> None:
    for holder in (value, [value], {"member": value}, Entry(value)):
        with pytest.raises(TypeError):
            canonical(holder)
