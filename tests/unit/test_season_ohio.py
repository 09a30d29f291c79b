"""The season of 1986 says what the record says, and what we estimate is worked here by hand."""

import os
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from examples.season import ohio
from examples.season.plan import (
    LiveVendor,
    PooledBy,
    SealedBid,
    Season,
    Stage,
    cost_alone,
    lots,
    requirements_csv,
)

PROJECT = Path(__file__).parents[2]
FOLDER = Path(
    os.environ.get(  # noqa: TID251 - where the real data lies is told to tests by the environment
        "COMMONLOT_REAL_DATA", str(PROJECT.parent / "shared" / "data")
    )
)

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(
        not (FOLDER / "ohio_districts.csv").is_file(),
        reason="the real data folder is absent; name it by COMMONLOT_REAL_DATA",
    ),
]

UNKNOWN = {"044677", "046292", "048561", "050260", "999992"}
"""Contracts whose district has no recorded enrolment; the last is a joint purchase."""


@pytest.fixture(scope="module")
def season() -> Season:
    return ohio.load_season(FOLDER)


@pytest.fixture(scope="module")
def alone(season: Season) -> Stage:
    assert season.alone is not None
    return season.alone


class TestRecord:
    def test_counts_are_the_record_s(self, season: Season, alone: Stage) -> None:
        assert len(season.members) == 373
        assert len(season.vendors) == 58
        assert len(alone.needs) == 378
        assert len(alone.bids) == 751

    def test_every_contract_alone_is_won_by_its_one_lowest_bid(self, alone: Stage) -> None:
        assert alone.expected_winners is not None
        assert alone.expected_winners.keys() == {need.reference for need in alone.needs}
        for contract, winner in alone.expected_winners.items():
            prices = {
                bid.vendor_reference: Decimal(bid.unit_price)
                for bid in alone.bids
                if bid.lot_key == contract
            }
            assert [v for v, p in prices.items() if p == min(prices.values())] == [winner]

    def test_members_bear_recorded_names_and_counties(self, season: Season) -> None:
        by_reference = {member.reference: member for member in season.members}

        assert by_reference["43521"].name == "Athens City"
        assert by_reference["43521"].area == "Athens"
        assert by_reference["99992"].name == "Joint purchase 999992"
        assert by_reference["99992"].area == "Not recorded"

    def test_vendors_references_are_plain_and_distinct(self, season: Season) -> None:
        references = {vendor.name: vendor.reference for vendor in season.vendors}

        assert len(set(references.values())) == 58
        assert references["R&JDAIRY"] == "R-JDAIRY"
        assert references["JOHNSON'SDAIRY"] == "JOHNSON-SDAIRY"
        assert references["H.MEYER"] == "H-MEYER"

    def test_no_vendor_bids_twice_on_a_lot(self, season: Season, alone: Stage) -> None:
        for stage in (alone, season.pooled):
            pairs = Counter((bid.lot_key, bid.vendor_reference) for bid in stage.bids)
            assert set(pairs.values()) == {1}


class TestQuantities:
    def test_unknown_enrolments_are_played_alone_with_quantity_one(
        self, season: Season, alone: Stage
    ) -> None:
        quantity = {need.reference: need.quantity for need in alone.needs}

        assert {quantity[contract] for contract in UNKNOWN} == {Decimal(1)}
        assert UNKNOWN.isdisjoint(need.reference for need in season.pooled.needs)

    def test_half_pints_are_108_for_every_pupil(self, season: Season) -> None:
        quantity = {need.reference: need.quantity for need in season.pooled.needs}

        assert quantity["043521"] == 3481 * 108

    def test_district_of_five_contracts_splits_its_half_pints_evenly(self, season: Season) -> None:
        # Cleveland: 73,633 pupils x 108 = 7,952,364 half pints = 5 x 1,590,472 + 4.
        quantity = {
            need.reference: int(need.quantity)
            for need in season.pooled.needs
            if need.member_reference == "43786"
        }

        assert quantity == {
            "143786": 1_590_473,
            "243786": 1_590_473,
            "343786": 1_590_473,
            "443786": 1_590_473,
            "543786": 1_590_472,
        }


class TestPooled:
    def test_counts_of_the_pooled_stage(self, season: Season, alone: Stage) -> None:
        pooled = {need.reference for need in season.pooled.needs}

        assert len(pooled) == 373
        assert len({need.member_reference for need in season.pooled.needs}) == 368
        assert len([bid for bid in alone.bids if bid.lot_key in pooled]) == 740
        assert season.pooled.pooled_by is PooledBy.AREA
        assert len(lots(season.pooled)) == 85
        assert len(season.pooled.bids) == 276
        assert sum(need.quantity for need in season.pooled.needs) == 122_582_484

    def test_athens_by_hand(self, season: Season) -> None:
        # Half pints: 043521 375,948; 044446 170,640; 045914 179,712; 051607 99,576.
        # MEADOWGOLD (0.1169 x 375,948 + 0.108 x 170,640) / 546,588 = 0.11412...
        # UNITEDDAIRY (0.1225 x 375,948 + 0.1089 x 170,640 + 0.11 x 99,576) / 646,164 = 0.11698...
        # BROUGHTON (0.145 x 375,948 + 0.1375 x 99,576) / 475,524 = 0.14342...
        # VALLEYBELL bid for 045914 only.
        bids = {bid for bid in season.pooled.bids if bid.lot_key == "Athens"}

        assert bids == {
            SealedBid("Athens", "MEADOWGOLD", "0.1141"),
            SealedBid("Athens", "UNITEDDAIRY", "0.117"),
            SealedBid("Athens", "BROUGHTON", "0.1434"),
            SealedBid("Athens", "VALLEYBELL", "0.141"),
        }

    def test_athens_alone_by_hand(self, season: Season) -> None:
        # 375,948 x 0.1169 = 43,948.3212; 170,640 x 0.108 = 18,429.12;
        # 179,712 x 0.141 = 25,339.392; 99,576 x 0.11 = 10,953.36.
        assert str(cost_alone(season).by_lot["Athens"]) == "98670.19"

    def test_baseline_of_a_pooled_need_is_its_recorded_winning_price(
        self, season: Season, alone: Stage
    ) -> None:
        baseline = {need.reference: need.baseline_unit_price for need in season.pooled.needs}

        assert baseline["043521"] == season.alone_price_of["043521"] == "0.1169"
        assert {need.baseline_unit_price for need in alone.needs} == {None}

    def test_three_counties_of_seven_vendors_go_live(self, season: Season) -> None:
        live = {lot.lot_key: len(lot.vendors) for lot in season.live}

        assert live == {"Cuyahoga": 7, "Licking": 7, "Scioto": 7}

    def test_vendor_opens_at_its_pooled_bid_and_stops_at_its_lowest_price(
        self, season: Season
    ) -> None:
        scioto = next(lot for lot in season.live if lot.lot_key == "Scioto")

        assert LiveVendor("MEADOWGOLD", "0.1308", "0.1297") in scioto.vendors
        assert LiveVendor("CLAXONDISTRIBUT", "0.119", "0.119") in scioto.vendors


class TestTotals:
    def test_contracts_of_known_enrolment_cost_fifteen_million_alone(self, season: Season) -> None:
        assert str(cost_alone(season).in_all) == "14993716.57"

    def test_pooling_saves_little_at_the_sealed_bids_and_costs_more_in_19_counties(
        self, season: Season
    ) -> None:
        saving = _saving_cents(season)

        assert sum(saving.values()) == 14_993_716_57 - 14_802_356_78
        assert sum(cents < 0 for cents in saving.values()) == 19
        assert sum(cents > 0 for cents in saving.values()) == 53
        assert sum(cents == 0 for cents in saving.values()) == 13

    def test_saving_comes_from_vendors_that_priced_a_part_of_the_county(
        self, season: Season, alone: Stage
    ) -> None:
        saving = _saving_cents(season)
        lowest = _lowest(season)
        priced = {(bid.lot_key, bid.vendor_reference) for bid in alone.bids}

        in_part = {
            county
            for county, needs in lots(season.pooled).items()
            if any(
                (need.reference, lowest[county].vendor_reference) not in priced for need in needs
            )
        }

        assert len(in_part) == 54
        assert sum(saving[county] for county in in_part) == 213_367_98
        assert sum(saving[county] for county in saving.keys() - in_part) == -22_008_19

    def test_requirements_are_written_one_line_a_need(self, season: Season) -> None:
        lines = requirements_csv(season.pooled.needs).splitlines()

        assert len(lines) == 1 + 373
        assert (
            "43521,goods,50131701,School milk in half-pint cartons,half pint,375948,estimate,"
            "1986-09-01,12,Athens,0.1169,043521"
        ) in lines


def _lowest(season: Season) -> dict[str, SealedBid]:
    lowest: dict[str, SealedBid] = {}
    for bid in sorted(season.pooled.bids, key=lambda bid: Decimal(bid.unit_price)):
        lowest.setdefault(bid.lot_key, bid)
    return lowest


def _saving_cents(season: Season) -> dict[str, int]:
    """Work out, in fractions and apart from the code under test, what each county saves."""
    lowest = _lowest(season)
    return {
        county: sum(
            round(Fraction(season.alone_price_of[need.reference]) * int(need.quantity) * 100)
            - round(Fraction(lowest[county].unit_price) * int(need.quantity) * 100)
            for need in needs
        )
        for county, needs in lots(season.pooled).items()
    }
