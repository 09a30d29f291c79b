"""What a season says is exact, and the authored sample keeps its own promises."""

import csv
import dataclasses
from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from examples.season import sample
from examples.season.plan import (
    LiveVendor,
    Member,
    Need,
    PooledBy,
    SealedBid,
    Season,
    Stage,
    Vendor,
    cost_alone,
    live_lot,
    lot_key,
    lots,
    most_contested,
    needed_by,
    requirements_csv,
)
from shared.domain.money import Currency

USD = Currency("USD")


def a_need(reference: str = "N1", **changes: object) -> Need:
    need = Need(
        reference=reference,
        member_reference="M1",
        category="goods",
        item_code="MILK",
        specification="School milk",
        unit="half pint",
        quantity=Decimal(100),
        delivery_area="Athens",
        term_months=12,
        need_by=date(2027, 7, 1),
        baseline_unit_price="0.125",
    )
    return dataclasses.replace(need, **changes)  # type: ignore[arg-type]  # a test names the fields


def a_stage(*needs: Need, pooled_by: PooledBy = PooledBy.AREA) -> Stage:
    return Stage(title="Pooled", needs=needs, pooled_by=pooled_by, bids=(), expected_winners=None)


def a_season(*needs: Need, alone_price_of: dict[str, str], alone: Stage | None = None) -> Season:
    return Season(
        dataset="A test",
        currency=USD,
        members=(Member("M1", "Member", "Athens"),),
        vendors=(Vendor("V1", "Vendor"),),
        alone=alone,
        pooled=a_stage(*needs),
        live=(),
        alone_price_of=alone_price_of,
        notes=(),
    )


@pytest.fixture(scope="module")
def season() -> Season:
    return sample.load_season()


class TestLots:
    @pytest.mark.parametrize(
        ("pooled_by", "key"),
        [(PooledBy.ALONE, "N1"), (PooledBy.AREA, "Athens"), (PooledBy.ITEM, "MILK")],
    )
    def test_key_is_what_the_lot_is_pooled_by(self, pooled_by: PooledBy, key: str) -> None:
        assert lot_key(a_need(), pooled_by) == key

    def test_needs_are_grouped_in_the_order_of_the_stage(self) -> None:
        first, second = a_need("N1", delivery_area="Ross"), a_need("N2")
        third = a_need("N3", delivery_area="Ross")

        grouped = lots(a_stage(first, second, third))

        assert list(grouped.items()) == [("Ross", (first, third)), ("Athens", (second,))]


class TestCostAlone:
    def test_each_need_is_rounded_once_half_even_before_it_is_added(self) -> None:
        # Half a cent goes to the even one: 0.125 becomes 0.12, and 0.135 becomes 0.14. In one sum
        # the two of Athens would be 0.25.
        one = Decimal(1)
        season = a_season(
            a_need("N1", quantity=one),
            a_need("N2", quantity=one),
            a_need("N3", quantity=one, delivery_area="Ross"),
            alone_price_of={"N1": "0.125", "N2": "0.125", "N3": "0.135"},
        )

        cost = cost_alone(season)

        assert {key: str(money) for key, money in cost.by_lot.items()} == {
            "Athens": "0.24",
            "Ross": "0.14",
        }
        assert str(cost.in_all) == "0.38"

    def test_price_alone_counts_even_where_the_baseline_is_another(self) -> None:
        season = a_season(a_need(baseline_unit_price="9.99"), alone_price_of={"N1": "0.125"})

        assert str(cost_alone(season).in_all) == "12.50"

    def test_season_without_needs_costs_nothing(self) -> None:
        assert str(cost_alone(a_season(alone_price_of={})).in_all) == "0.00"


class TestLiveLots:
    BIDS = (
        SealedBid("B", "V1", "1.00"),
        SealedBid("A", "V2", "2.00"),
        SealedBid("C", "V1", "3.00"),
        SealedBid("C", "V2", "4.00"),
    )

    def test_most_vendors_come_first_and_ties_go_by_key(self) -> None:
        assert most_contested(self.BIDS, 2) == ("C", "A")
        assert most_contested(self.BIDS, 3) == ("C", "A", "B")

    def test_every_bidder_opens_at_its_sealed_bid(self) -> None:
        lot = live_lot("C", self.BIDS, {"V2": "3.50", "V1": "2.90"})

        assert lot.vendors == (LiveVendor("V1", "3.00", "2.90"), LiveVendor("V2", "4.00", "3.50"))


class TestNeededBy:
    def test_every_need_of_both_stages_is_moved(self) -> None:
        need = a_need()
        season = a_season(need, alone_price_of={"N1": "1.00"}, alone=a_stage(need))
        day = date(2030, 1, 2)

        moved = needed_by(season, day)

        assert moved.alone == a_stage(a_need(need_by=day))
        assert moved.pooled == a_stage(a_need(need_by=day))

    def test_stage_that_is_not_played_stays_out(self) -> None:
        season = a_season(a_need(), alone_price_of={"N1": "1.00"})

        assert needed_by(season, date(2030, 1, 2)).alone is None


class TestRequirementsCsv:
    HEADER = (
        "member_reference,category,item_code,specification,unit,quantity,commitment,need_by,"
        "term_months,delivery_area,baseline_unit_price,reference\n"
    )

    def test_row_is_written_in_the_order_of_the_header(self) -> None:
        text = requirements_csv([a_need(commitment="estimate")])

        row = "M1,goods,MILK,School milk,half pint,100,estimate,2027-07-01,12,Athens,0.125,N1\n"
        assert text == self.HEADER + row

    def test_unknown_baseline_is_left_empty(self) -> None:
        assert requirements_csv([a_need(baseline_unit_price=None)]).endswith(",Athens,,N1\n")

    def test_commas_and_quotes_survive_a_reader(self) -> None:
        text = requirements_csv([a_need(specification='Laptop, 14" screen')])

        (row,) = csv.DictReader(text.splitlines())
        assert row["specification"] == 'Laptop, 14" screen'

    def test_large_quantity_is_written_without_an_exponent(self) -> None:
        assert ",1000000,firm," in requirements_csv([a_need(quantity=Decimal("1E+6"))])

    def test_no_needs_make_a_bare_header(self) -> None:
        assert requirements_csv([]) == self.HEADER


class TestSample:
    def test_twenty_districts_and_seven_vendors_buy_four_items(self, season: Season) -> None:
        assert len({member.reference for member in season.members}) == 20
        assert len({vendor.reference for vendor in season.vendors}) == 7
        assert {key: len(needs) for key, needs in lots(season.pooled).items()} == {
            "LAPTOP-14": 20,
            "INTERNET-MBPS": 19,
            "WEB-FILTER": 20,
            "TRAINING-DAY": 18,
        }

    def test_needs_of_one_lot_differ_in_nothing_that_pooling_looks_at(self, season: Season) -> None:
        for needs in lots(season.pooled).values():
            looks = {(n.category, n.specification, n.unit, n.term_months) for n in needs}
            assert len(looks) == 1

    def test_written_requirements_are_the_file_itself(self, season: Season) -> None:
        file = (sample.FOLDER / "requirements.csv").read_text(encoding="utf-8")

        assert requirements_csv(season.pooled.needs) == file

    def test_quantities_follow_from_enrolment(self, season: Season) -> None:
        with (sample.FOLDER / "districts.csv").open(encoding="utf-8", newline="") as lines:
            pupils = {row["reference"]: int(row["enrolment"]) for row in csv.DictReader(lines)}
        per_pupil = {
            "LAPTOP-14": (4, 1),
            "INTERNET-MBPS": (100, 100),
            "WEB-FILTER": (1, 1),
            "TRAINING-DAY": (45, 1),
        }

        for need in season.pooled.needs:
            every, step = per_pupil[need.item_code]
            assert need.quantity == -(-pupils[need.member_reference] // every) * step

    def test_references_meet(self, season: Season) -> None:
        members = {member.reference: member.area for member in season.members}
        vendors = {vendor.reference for vendor in season.vendors}
        needs = season.pooled.needs

        assert len({need.reference for need in needs}) == len(needs) == 77
        assert all(members[need.member_reference] == need.delivery_area for need in needs)
        assert {bid.vendor_reference for bid in season.pooled.bids} == vendors
        assert {bid.lot_key for bid in season.pooled.bids} == set(lots(season.pooled))
        assert (
            max(Counter((b.lot_key, b.vendor_reference) for b in season.pooled.bids).values()) == 1
        )
        assert set(season.alone_price_of) == {need.reference for need in needs}

    def test_live_lots_are_the_most_contested(self, season: Season) -> None:
        live = {lot.lot_key: len(lot.vendors) for lot in season.live}

        assert live == {"LAPTOP-14": 4, "INTERNET-MBPS": 4, "WEB-FILTER": 3}
        assert set(most_contested(season.pooled.bids, 3)) == set(live)

    def test_no_vendor_opens_below_its_limit(self, season: Season) -> None:
        for lot in season.live:
            for vendor in lot.vendors:
                assert Decimal(vendor.limit_price) < Decimal(vendor.opening_price)

    def test_cost_alone_agrees_with_a_plain_sum_over_the_file(self, season: Season) -> None:
        # Every product is in whole cents, so nothing is rounded.
        with (sample.FOLDER / "requirements.csv").open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        expected = sum(
            Decimal(row["quantity"]) * Decimal(row["baseline_unit_price"]) for row in rows
        )

        cost = cost_alone(season)

        assert str(cost.in_all) == f"{expected:.2f}" == "6975829.00"
        assert str(cost.by_lot["TRAINING-DAY"]) == "112450.00"

    def test_only_the_two_declared_members_do_better_alone_than_any_limit(
        self, season: Season
    ) -> None:
        floor = {bid.lot_key: Decimal("Infinity") for bid in season.pooled.bids}
        for bid in season.pooled.bids:
            floor[bid.lot_key] = min(floor[bid.lot_key], Decimal(bid.unit_price))
        for lot in season.live:
            floor[lot.lot_key] = min(Decimal(vendor.limit_price) for vendor in lot.vendors)

        better_alone = {
            need.reference
            for need in season.pooled.needs
            if Decimal(season.alone_price_of[need.reference]) < floor[need.item_code]
        }

        assert better_alone == {"ALDERBROOK-LAPTOP-14", "BELLWATER-WEB-FILTER"}

    def test_unknown_word_for_a_commitment_is_a_defect(self) -> None:
        with pytest.raises(ValueError, match="neither firm nor an estimate"):
            sample._commitment("perhaps")
