"""The command line of shares, savings and open data: what it asks for, and what people are told."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from tests.component.cli_house import LOT, RFP, VENDOR, House, open_house

MEMBER: Final = str(VENDOR)
CORE: Final = {
    "is_stable": True,
    "looked": "all_groups",
    "groups": 2,
    "objecting": 0,
    "strongest": [],
    "gain": None,
    "told": "No group of members would pay less by itself; all 2 were looked at.",
}
SHARE: Final = {"member_id": MEMBER, "pays": "9.00", "saving": "-1.00", "standard_error": "0.02"}
SHARINGS: Final[dict[str, Any]] = {
    "lot_id": str(LOT),
    "currency": "USD",
    "cost": "9.00",
    "members": 1,
    "built_on": ["By the winning bid's own prices."],
    "alone": [{"member_id": MEMBER, "cost": "8.00"}],
    "sharings": [{"rule": "shapley", "shares": [SHARE], "core": CORE}],
    "left_out": [{"rule": "airport", "reason": "Nobody sets the cost."}],
    "seed": "",
}
SAVINGS: Final[dict[str, Any]] = {
    "currency": "USD",
    "told": ["Paid: USD 9.00, by 1 member on 1 line."],
    "comparisons": [
        {"against": "baseline", "members": [{"member_id": MEMBER, "saving": "-1.00"}]},
        {"against": "alone", "members": [{"member_id": MEMBER, "saving": "2.00"}]},
    ],
    "left_out": ["Lot 2 (Bread): nothing is awarded; it is evaluated."],
}
RELEASE: Final[dict[str, Any]] = {
    "id": "ocds-local0-1-ab",
    "tag": ["tender", "award"],
    "date": "2027-03-01T12:00:00.000000Z",
    "tender": {"title": "Milk", "status": "complete", "lots": [{}]},
    "awards": [{"id": "a", "status": "active", "suppliers": [{"name": "Dairy"}]}],
}


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as opened:
        yield opened


async def test_shares_are_asked_for_by_rule_and_told_with_their_core(house: House) -> None:
    house.says(f"GET /v1/lots/{LOT}/sharings", SHARINGS)

    result = await house.run("award", "shares", "--rule", "shapley", str(LOT))

    assert result.exit_code == 0, result.output
    assert house.asked[f"GET /v1/lots/{LOT}/sharings query"] == {"rule": "shapley"}
    told = result.output.splitlines()
    assert told[:2] == [
        "Members: 1; what they pay together: USD 9.00.",
        "By the winning bid's own prices.",
    ]
    assert told[2] == f"shapley: {CORE['told']}"
    assert all(each in told[3] for each in (MEMBER, "9.00 (give or take 0.02)", "8.00", "-1.00"))
    assert told[4] == "left out airport: Nobody sets the cost."


async def test_savings_name_who_pays_more_and_what_is_left_out(house: House) -> None:
    house.says(f"GET /v1/rfps/{RFP}/savings", SAVINGS)

    result = await house.run("award", "savings", RFP)

    assert result.output.splitlines() == [
        "Paid: USD 9.00, by 1 member on 1 line.",
        f"  pays 1.00 more against baseline: {MEMBER}",
        "left out: Lot 2 (Bread): nothing is awarded; it is evaluated.",
    ]


async def test_release_is_told_in_lines_and_printed_whole_for_programs(house: House) -> None:
    package = {"uri": "https://example.org/1", "releases": [RELEASE]}
    house.says(f"GET /v1/rfps/{RFP}/ocds", package)

    told = await house.run("rfp", "ocds", RFP)
    printed = await house.run("rfp", "ocds", "--json", RFP)

    assert told.output.splitlines()[:3] == [
        "ocds-local0-1-ab (tender, award), 2027-03-01T12:00:00.000000Z",
        "Milk (complete), lots: 1",
        "award a (active): Dairy",
    ]
    assert json.loads(printed.output) == package


@pytest.mark.parametrize(
    "words", [("award", "shares", str(LOT)), ("award", "savings", RFP), ("rfp", "ocds", RFP)]
)
async def test_refusal_is_told_with_exit_status_1(house: House, words: tuple[str, ...]) -> None:
    result = await house.run(*words)

    assert result.exit_code == 1
    assert "Nobody put" in result.stderr
