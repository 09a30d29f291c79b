"""A rule set is checked as a whole: each contradiction is refused, and all are named at once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.auctions.domain.proposal import terms_of
from services.auctions.domain.rules import faults
from shared.domain.ids import AuctionId
from shared.events.bids import PriceFactor, StepBand
from tests.unit.auction_room import CLOSES, OPENS, minutes, request

TICKER = {"ticker_start": "50", "ticker_change": "10", "ticker_period_s": 60}
DUTCH = {"format": "dutch", "soft_close_window_s": 0, "step": "0", "ceiling": "150", **TICKER}
JAPANESE = {"format": "japanese", "soft_close_window_s": 0, "step": "0", **TICKER}
VICKREY = {"format": "vickrey", "soft_close_window_s": 0, "step": "0"}
ROUNDS = {
    "format": "rounds",
    "soft_close_window_s": 0,
    "rounds": 2,
    "turn_s": 60,
    "round_pause_s": 60,
}
GROUP = UUID(int=7)


@pytest.mark.parametrize(
    ("rules", "changes"),
    [
        ({}, {}),
        (DUTCH, {}),
        (JAPANESE, {}),
        (VICKREY, {}),
        (ROUNDS, {}),
        ({"step_kind": "percent", "step": "2.5"}, {}),
        ({"step_kind": "bands", "step_bands": (StepBand(above="9", step="1"),)}, {}),
        ({"step_mode": "free", "step": "0"}, {}),
        ({"show_rank": "all", "show_lead": "always", "show_prices": "always"}, {}),
        ({"proxies": True, "step_against": "lead"}, {}),
        ({"lots": "serial", "extension_moves_next": True}, {"group_id": GROUP, "position": 2}),
        ({"soft_close_scope": "all"}, {"group_id": GROUP}),
        ({"one_bidder": "reasonableness"}, {"vendors": request().vendors[:1]}),
        ({}, {"allowed_formats": ("english",), "reserve": "9", "budget": "12"}),
    ],
)
def test_a_sound_request_has_no_faults_and_makes_terms(
    rules: dict[str, object], changes: dict[str, Any]
) -> None:
    asked = request(rules, **changes)

    assert faults(asked, now=OPENS) == ()
    assert terms_of(asked, AuctionId(UUID(int=1))).rules.format == asked.rules.format


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        ({"format": "lottery"}, "the format 'lottery' is not offered"),
        ({"show_lead": "sometimes"}, "show_lead must be one of"),
        ({"step_kind": "magic"}, "step_kind must be one of"),
        ({**DUTCH, "soft_close_window_s": 60}, "the format 'dutch' has no soft close"),
        ({**DUTCH, "ceiling": None}, "a rising ticker needs a ceiling"),
        ({**DUTCH, "ceiling": "49"}, "the ticker starts above the ceiling"),
        ({**DUTCH, "ticker_price": "runner_up"}, "has no runner-up"),
        ({**DUTCH, "ticker_period_s": None}, "needs ticker_period_s"),
        ({**DUTCH, "show_lead": "always"}, "shows the lead price to nobody"),
        ({**JAPANESE, "ticker_change": "50"}, "the ticker falls to nothing"),
        ({**JAPANESE, "show_rank": "all"}, "shows all ranks to nobody"),
        ({**VICKREY, "ties": "none"}, "ties cannot be excluded"),
        ({**VICKREY, "hard_stop_s": 60}, "has no hard stop"),
        ({**ROUNDS, "step_against": "lead"}, "the step is against the vendor's own price"),
        ({**ROUNDS, "rounds": 4}, "the rounds need 0:15:00 from the opening"),
        ({**ROUNDS, "turn_s": None}, "rounds need rounds, turn_s and round_pause_s"),
        ({"ticker_start": "5"}, "the format 'english' has no ticker"),
        ({"rounds": 3}, "the format 'english' has no rounds"),
        ({"step": "0"}, "the step must be above 0"),
        ({"step": "12"}, "the step is as large as the highest opening price"),
        ({"step": "9", "ceiling": "9"}, "the step is as large as the ceiling"),
        ({"step": "1.23456"}, "step: A unit price is a decimal string"),
        ({"step": "0.055", "decimals": 2}, "step has more than 2 decimals"),
        ({"step_max": "0.04"}, "the largest step is below the smallest"),
        ({"step_kind": "percent", "step_mode": "multiple", "step": "2"}, "has no multiples"),
        ({"step_kind": "percent", "step": "51"}, "a step by percent is from 0.001 to 50"),
        ({"step_kind": "percent", "step": "much"}, "step: A share is a decimal string"),
        ({"step_kind": "bands"}, "a table of bands goes with a step by bands"),
        ({"step_bands": (StepBand(above="9", step="1"),)}, "a table of bands goes with"),
        (
            {
                "step_kind": "bands",
                "step_bands": (StepBand(above="8", step="1"), StepBand(above="9", step="1")),
            },
            "bands go from the highest price down",
        ),
        ({"show_prices": "always", "show_lead": "always"}, "feedback by own rank only"),
        ({"show_prices": "always", "show_rank": "all"}, "public prices show the lead price"),
        ({"show_rank": "all", "show_own_rank": "never"}, "all ranks show a vendor's own rank"),
        ({"show_rank": "all", "show_all_ranks": "never"}, "both shown and never shown"),
        ({"ties": "none_among_first"}, "need to know how many"),
        ({**VICKREY, "proxies": True}, "the format 'vickrey' has no proxies"),
        ({"proxies": True, "step_mode": "multiple"}, "proxies do not go with exact multiples"),
        ({"proxies": True, "step_max": "5"}, "proxies do not go with a largest step"),
        ({"lots": "serial"}, "serial lots need their group and their order"),
        ({"soft_close_scope": "all"}, "an extension of all lots needs their group"),
        ({"extension_moves_next": True}, "parallel lots have none behind them"),
        ({"score": "factored"}, "a factor is given where the score is factored"),
        ({"score": "coefficient"}, "features' maxima are given where"),
        ({"feature_maxima": ("0.6", "0.4")}, "features together must weigh less"),
        ({"extensions_max": 1001}, "at most 1000 extensions"),
        ({"soft_close_window_s": -1}, "the soft close's window is out of bounds"),
        ({"decimals": 5}, "decimals must be from 0 to 4"),
        ({"hard_stop_s": -1}, "hard_stop_s must be from 0"),
    ],
)
def test_a_contradiction_is_refused(rules: dict[str, object], fault: str) -> None:
    assert any(fault in found for found in faults(request(rules), now=OPENS))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"opens_at": CLOSES}, "closes before it opens"),
        ({"currency": "XXX"}, "The currency must be one of"),
        ({"vendors": request().vendors[:1]}, "needs at least 2 vendors"),
        ({"vendors": ()}, "needs at least 2 vendors"),
        ({"vendors": request().vendors[:1] * 2}, "a vendor is named twice"),
        ({"vendors": request().vendors[:1] * 2}, "an alias is given twice"),
        ({"reserve": "x"}, "reserve: A unit price"),
        ({"allowed_formats": ("vickrey",)}, "does not allow the format 'english'"),
        ({"position": 0}, "lots are counted from 1"),
    ],
)
def test_what_is_wrong_beside_the_rules_is_refused(changes: dict[str, Any], fault: str) -> None:
    assert any(fault in found for found in faults(request(**changes), now=OPENS))


def test_an_auction_whose_close_has_passed_is_refused_and_one_that_still_runs_is_not() -> None:
    assert faults(request(), now=CLOSES - timedelta(microseconds=1)) == ()
    assert faults(request(), now=CLOSES) == ("the auction's close has passed",)


def test_every_fault_is_named_at_once() -> None:
    asked = request(
        {**DUTCH, "soft_close_window_s": 60, "show_prices": "always", "lots": "serial"},
        closes_at=OPENS - minutes(1),
        vendors=(),
    )

    found = faults(asked, now=OPENS)

    assert len(found) >= 6
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("factor", "fault"),
    [
        (PriceFactor(percent="-100", addend="0", bonus="0"), "must leave something"),
        (PriceFactor(percent="1e3", addend="0", bonus="0"), "A share is a decimal string"),
    ],
)
def test_a_handicap_that_cannot_be_counted_is_refused_without_repeating_it(
    factor: PriceFactor, fault: str
) -> None:
    vendors = tuple(
        replace(vendor, factor=factor, alias=f"B{place}")
        for place, vendor in enumerate(request().vendors)
    )

    found = faults(request({"score": "factored"}, vendors=vendors), now=OPENS)

    assert any(fault in one for one in found)
    assert not any("1e3" in one for one in found)
