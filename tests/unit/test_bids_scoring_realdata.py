"""Real awards: every total, rank, order and winner that was published comes out of our scoring."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.bids.domain.scoring.candidates import Candidate, CostRule
from services.bids.domain.scoring.cascade import Disqualification, cascade
from services.bids.domain.scoring.plan import HighestValue, LowestCost, Plan
from services.bids.domain.scoring.ranking import score
from shared.domain.ids import BidId, PartyId

pytestmark = pytest.mark.realdata

SOME_DAY = datetime(2011, 5, 31, tzinfo=UTC)
CHEAPEST = Plan(method=LowestCost())


def candidate(number: int, price: Fraction, **others: Any) -> Candidate:
    bid_id = BidId(UUID(int=number))
    return Candidate(
        **{
            "bid_id": bid_id,
            "vendor_id": PartyId(bid_id),
            "price": price,
            "received_at": SOME_DAY,
            "log_index": number,
            **others,
        }
    )


def exact(amount: object) -> Fraction:
    """Take a JSON number by its written digits."""
    return Fraction(str(amount))


def total_of(contract: Mapping[str, Any], bid: Mapping[str, Any]) -> Fraction:
    """Multiply and sum every item; a lump sum is one."""
    return sum(
        (
            Fraction(item["unit_price"])
            * (
                1
                if (qty := contract["items"][number]["qty"]) == "LUMP SUM"
                else Fraction(qty.replace(",", ""))
            )
            for number, item in bid["items"].items()
        ),
        Fraction(0),
    )


def test_totals_and_official_order_of_all_unit_price_contracts(real_data: Path) -> None:
    contracts = json.loads((real_data / "unit_price_contracts.json").read_text())["contracts"]

    for contract in contracts.values():
        bids = {bid["bidder"]: bid for bid in contract["bids"]}
        totals = {number: total_of(contract, bid) for number, bid in bids.items()}
        scored = score(
            CHEAPEST,
            [candidate(number, total) for number, total in totals.items()],
            disqualified={
                BidId(UUID(int=number)): bid["not_awarded_reason"]
                for number, bid in bids.items()
                if bid["not_awarded_reason"] is not None
            },
        )

        official = sorted(bids, key=lambda number: int(bids[number]["rank"]))
        assert totals == {number: Fraction(bid["bid_total"]) for number, bid in bids.items()}
        assert [bid_id.int for bid_id in scored.order] == official
    assert len(contracts) == 7


def test_ranks_of_all_price_plus_time_evaluations(real_data: Path) -> None:
    groups = json.loads((real_data / "price_plus_time.json").read_text())["groups"]

    for group in groups:
        plan = Plan(method=LowestCost(), cost=CostRule(rate_per_day=Decimal(group["rate_per_day"])))
        bids = [
            candidate(bid["rank"], Fraction(bid["A_price"]), days=Fraction(bid["B_days"]))
            for bid in group["bids"]
        ]
        scored = score(plan, list(reversed(bids)))
        alone = score(CHEAPEST, bids)

        assert [each.candidate.bid_id.int for each in scored.ranked] == [
            bid["rank"] for bid in group["bids"]
        ]
        assert [each.value for each in scored.ranked] == [
            Fraction(bid["A_plus_B"]) for bid in group["bids"]
        ]
        assert [each.candidate.bid_id.int for each in alone.ranked] == group[
            "price_only_would_rank"
        ]
    assert len(groups) == 3


def lots(real_data: Path) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for tender in json.loads((real_data / "real_awards.json").read_text())["tenders"]:
        for lot in tender["lots"]:
            yield tender, lot


def offered(tender: Mapping[str, Any], bid_id: str, lot: Mapping[str, Any]) -> Fraction:
    """Take what bids are compared by: the price, or what an energy service is worth in all."""
    bid = next(each for each in lot["bids"] if each["id"] == bid_id)
    return exact(bid["amountPerformance" if tender["procedure"] == "esco" else "amount"])


def plan_of_lot(tender: Mapping[str, Any], lot: Mapping[str, Any]) -> Plan:
    # An energy service contract goes to whoever offers the highest value of what is saved.
    method = HighestValue() if tender["procedure"] == "esco" else LowestCost()
    features = {each["code"]: Decimal(str(max(each["enum"]))) for each in lot["features"]}
    return Plan(method=method, cost=CostRule(features_max=features))


def test_order_of_awards_in_every_real_lot_through_disqualifications(real_data: Path) -> None:
    awards_seen = 0
    for tender, lot in lots(real_data):
        numbers = {bid["id"]: place for place, bid in enumerate(lot["bids"], start=1)}
        bids = [
            candidate(
                numbers[bid["id"]],
                offered(tender, bid["id"], lot),
                received_at=datetime.fromisoformat(bid["date"]),
                features={code: exact(each) for code, each in bid.get("parameters", {}).items()},
            )
            for bid in lot["bids"]
        ]
        unsuccessful = [each for each in lot["awards"] if each["status"] == "unsuccessful"]

        steps = cascade(
            plan_of_lot(tender, lot),
            bids,
            [
                Disqualification(BidId(UUID(int=numbers[each["bid_id"]])), "unsuccessful")
                for each in unsuccessful
            ],
        )

        # A cancelled award is given anew to the same bid; an unsuccessful one moves on.
        place = 0
        for award in lot["awards"]:
            winner = steps[place].scoring.winner
            assert winner is not None
            assert winner.candidate.bid_id.int == numbers[award["bid_id"]], lot["lot"]
            place += award["status"] == "unsuccessful"
            awards_seen += 1
    assert awards_seen > 20


def test_coefficient_parts_two_equal_real_prices(real_data: Path) -> None:
    tender, lot = next(
        (tender, lot)
        for tender, lot in lots(real_data)
        if lot["features"] and len({bid["amount"] for bid in lot["bids"]}) == 1
    )
    bids = [
        candidate(
            place,
            exact(bid["amount"]),
            features={code: exact(each) for code, each in bid["parameters"].items()},
        )
        for place, bid in enumerate(lot["bids"], start=1)
    ]

    scored = score(plan_of_lot(tender, lot), bids)

    costs = {each.candidate.bid_id.int: each.value for each in scored.ranked}
    assert [f"{float(costs[place]):.2f}" for place in (1, 2)] == [
        f"{bid['weighted']:.2f}" for bid in lot["bids"]
    ]
    assert scored.ranked[0].value < scored.ranked[1].value


def test_winner_of_every_milk_contract(real_data: Path) -> None:
    contracts: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    with (real_data / "ohio_milk_bids_1980_1986.csv").open() as file:
        for row in csv.DictReader(file):
            contracts[row["year"], row["district_id"]].append(row)

    for rows in contracts.values():
        bids = [
            candidate(place, Fraction(row["unit_price_usd"])) for place, row in enumerate(rows, 1)
        ]
        best, *others = score(CHEAPEST, bids).ranked

        won = [place for place, row in enumerate(rows, 1) if row["won"] == "1"]
        assert won == [best.candidate.bid_id.int]
        # No tie rule was needed to name it.
        assert all(other.value > best.value for other in others)
    assert len(contracts) == 2201
    assert sum(map(len, contracts.values())) == 4213
