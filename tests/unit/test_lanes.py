"""Which tests share a process."""

from pathlib import Path

import pytest

from tests.lanes import FIRST, WHOLE_FOLDERS, lane_of

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("test", "lane"),
    [
        ("tests/unit/test_money.py::test_sum", "tests/unit/test_money.py"),
        ("tests/unit/test_money.py::TestSums::test_sum[a::b]", "tests/unit/test_money.py"),
        ("tests/chaos/test_last_minute.py::test_rush", "tests/chaos/"),
    ],
)
def test_file_is_one_lane_but_where_the_folder_is(test: str, lane: str) -> None:
    assert lane_of(test) == lane


@pytest.mark.parametrize("folder", sorted({*FIRST, *WHOLE_FOLDERS}))
def test_folder_that_is_named_is_there(folder: str) -> None:
    assert any((CHECKOUT / folder).glob("test_*.py"))
