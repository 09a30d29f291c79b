"""The command line on awards: deciding, approving, protesting, answering, and what is told."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from tests.component.cli_house import LOT, RFP, VENDOR, House, open_house

AWARD = "01890000-0000-7000-8000-00000000000a"
LINE = "01890000-0000-7000-8000-00000000000b"
SCENARIO = "01890000-0000-7000-8000-00000000000c"
PROTEST = "01890000-0000-7000-8000-00000000000d"
ENDS_AT = "2027-03-25T12:00:00Z"


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as house:
        yield house


def award(**changed: Any) -> Mapping[str, Any]:
    return {
        "id": AWARD,
        "vendor_name": "Dairy 2",
        "unit_price": "0.25",
        "quantity": "420",
        "total": "105.00",
        "currency": "USD",
        "status": "intended",
        "standstill_ends_at": ENDS_AT,
        "suspended_at": None,
        "answers_end_at": None,
        "ended_reason": None,
        **changed,
    }


async def test_intent_is_told_with_the_end_of_its_standstill(house: House) -> None:
    place = f"POST /v1/lots/{LOT}/intent"
    house.says(place, award(), status=201)

    result = await house.run(
        "award", "intend", str(LOT), "--vendor", str(VENDOR), "--reason", "The best withdrew."
    )

    assert result.output.splitlines() == [
        f"intended  Dairy 2: 420 at 0.25 = 105.00 USD  (award {AWARD})",
        f"  final after {ENDS_AT}, unless a vendor protests",
    ]
    assert house.asked[place] == {"vendor_id": str(VENDOR), "reason": "The best withdrew."}


async def test_scenario_is_chosen_and_then_decides(house: House) -> None:
    choose = f"POST /v1/rfps/{RFP}/scenarios/{SCENARIO}/choose"
    house.says(choose, {"id": SCENARIO})
    house.says(f"POST /v1/rfps/{RFP}/scenarios/{SCENARIO}/intent", {"items": [award()]})

    chosen = await house.run("award", "intend-scenario", RFP, SCENARIO, "--choose", "Cheapest.")

    assert chosen.exit_code == 0
    assert house.asked[choose] == {"reason": "Cheapest."}


async def test_scenario_that_was_not_chosen_is_refused_in_a_sentence(house: House) -> None:
    refusal = {"code": "scenario_not_chosen", "detail": "Choose the scenario first."}
    house.says(f"POST /v1/rfps/{RFP}/scenarios/{SCENARIO}/intent", refusal, status=409)

    result = await house.run("award", "intend-scenario", RFP, SCENARIO)

    assert result.exit_code == 1
    assert result.stderr == "commonlot: Choose the scenario first. (409 scenario_not_chosen)\n"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"suspended_at": ENDS_AT}, "  a protest stops the standstill"),
        (
            {"status": "recommended", "answers_end_at": ENDS_AT},
            f"  members answer until {ENDS_AT}",
        ),
        ({"status": "withdrawn", "ended_reason": "It closed."}, "  It closed."),
    ],
)
async def test_awards_are_shown_with_what_holds_them_up(
    house: House, changed: Mapping[str, Any], told: str
) -> None:
    house.says(f"GET /v1/lots/{LOT}/awards", {"items": [award(**changed)]})

    result = await house.run("award", "show", str(LOT))

    assert result.output.splitlines()[-1] == told


async def test_lot_without_award_is_said_to_have_none(house: House) -> None:
    house.says(f"GET /v1/lots/{LOT}/awards", {"items": []})

    result = await house.run("award", "show", str(LOT))

    assert result.output == "The lot has no award.\n"


async def test_second_person_approves_and_a_reason_withdraws(house: House) -> None:
    withdraw = f"POST /v1/lots/{LOT}/awards/withdraw"
    house.says(f"POST /v1/lots/{LOT}/awards/approve", {"items": [award()]})
    house.says(withdraw, {"items": [award(status="withdrawn", ended_reason="It closed.")]})

    approved = await house.run("award", "approve", str(LOT))
    withdrawn = await house.run("award", "withdraw", str(LOT), "--reason", "It closed.")

    assert approved.output.startswith("intended  Dairy 2")
    assert withdrawn.output.startswith("withdrawn  Dairy 2")
    assert house.asked[withdraw] == {"reason": "It closed."}


async def test_notice_tells_own_place_the_winner_and_until_when_to_protest(house: House) -> None:
    score = {"value": None, "points": None, "set_aside": None}
    winner = {
        "vendor_name": "Dairy 2",
        "unit_price": "0.25",
        "quantity": "420",
        "total": "105.00",
        "score": score,
    }
    notice = {
        "lot_title": "Whole milk",
        "rank": 2,
        "unit_price": "0.28",
        "score": score,
        "winners": [winner],
        "currency": "USD",
        "reason": None,
        "is_suspended": False,
        "standstill_ends_at": ENDS_AT,
    }
    house.says(f"GET /v1/lots/{LOT}/notice", notice)

    result = await house.run("award", "notice", str(LOT))

    assert result.output.splitlines() == [
        "Whole milk: your bid ranks 2 at 0.28.",
        "Dairy 2 is to get 420 at 0.25 = 105.00 USD.",
        f"Protests are taken until {ENDS_AT}.",
    ]


async def test_protest_is_filed_and_denied(house: House) -> None:
    decision = f"POST /v1/lots/{LOT}/protests/{PROTEST}/decision"
    house.says(f"POST /v1/lots/{LOT}/protests", {"id": PROTEST}, status=201)
    house.says(decision, {"id": PROTEST, "is_upheld": False})

    filed = await house.run("award", "protest", str(LOT), "--grounds", "Read wrong.")
    denied = await house.run(
        "award", "rule", str(LOT), PROTEST, "--deny", "--decision", "It says ten days."
    )

    assert filed.output == f"Protest {PROTEST} is filed; the standstill rests.\n"
    assert denied.output == f"Protest {PROTEST} is denied; the standstill goes on.\n"
    assert house.asked[decision] == {"is_upheld": False, "decision": "It says ten days."}


async def test_ruling_says_which_way(house: House) -> None:
    result = await house.run("award", "rule", str(LOT), PROTEST, "--decision", "Because.")

    assert result.exit_code == 2
    assert house.asked == {}


async def test_member_answers_its_line(house: House) -> None:
    place = f"PUT /v1/awards/{AWARD}/lines/{LINE}/answer"
    house.says(place, {"award_line_id": LINE, "accepts": False})

    result = await house.run("award", "answer", AWARD, LINE, "--decline")

    assert result.output == f"Line {LINE} is declined.\n"
    assert house.asked[place] == {"accepts": False}


async def test_contracts_tell_who_signs_and_what_is_left_to_pay(house: House) -> None:
    line = {
        "order_reference": "0123456789AB-1",
        "member_id": str(VENDOR),
        "quantity": "300",
        "total": "75.00",
        "support": "60.00",
        "net": "15.00",
    }
    contract = {
        "signed_by": str(VENDOR),
        "total": "75.00",
        "currency": "USD",
        "begins_on": "2027-07-01",
        "ends_on": None,
        "fee": "1.50",
        "lines": [line],
    }
    house.says(f"GET /v1/awards/{AWARD}/contracts", {"items": [contract]})

    result = await house.run("award", "contracts", AWARD)
    as_json = await house.run("award", "contracts", AWARD, "--json")

    assert result.output.splitlines() == [
        f"{VENDOR} signs for 75.00 USD, from 2027-07-01 for a single delivery; fee 1.50",
        f"  0123456789AB-1  {VENDOR}: 300 for 75.00, 60.00 of it supported; net 15.00",
    ]
    assert json.loads(as_json.output)["items"] == [contract]
