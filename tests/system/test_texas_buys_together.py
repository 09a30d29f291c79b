"""The districts of Texas buy together: every one of them from its need to the opened bids."""

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from clients.custodian import open_rfp
from clients.errors import Problem
from clients.http import Document
from shared.clock import SystemClock
from shared.domain.ids import new_id
from tests.patience import until
from tests.system.conftest import People

REGIONS: Final = 20
"""The Education Service Center regions, each of which is a lot."""

PUPILS_PER_LAPTOP: Final = 4
BASELINE: Final = Decimal("450.00")
SMALL_MOST: Final = 500
"""Districts of at most so many pupils only estimate what they need."""

CHEAPER: Final = Decimal("399.90")
DEARER: Final = Decimal("401.25")

CLOSES_IN_S: Final = 15.0
"""Long enough to pool, publish and file, on a machine that is busy."""

STRICT: Final = "texas_44_031"
"""A policy under which nobody joins late: a member's document predates the solicitation."""

pytestmark = pytest.mark.realdata


@dataclass(frozen=True)
class District:
    """A row of the file, and what follows from it."""

    reference: str
    name: str
    county: str
    region: str
    enrolment: int

    @property
    def laptops(self) -> int:
        return max(1, self.enrolment // PUPILS_PER_LAPTOP)

    @property
    def is_firm(self) -> bool:
        return self.enrolment > SMALL_MOST


@pytest.fixture
def districts(real_data: Path) -> list[District]:
    with (real_data / "texas_districts.csv").open(encoding="utf-8", newline="") as file:
        return [
            District(
                reference=row["district_id"],
                name=row["name"],
                county=row["county"],
                region=f"Region {int(row['region']):02}",
                enrolment=int(row["enrolment"]),
            )
            for row in csv.DictReader(file)
        ]


def table(rows: Sequence[Mapping[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def members_table(districts: Sequence[District], mark: str) -> str:
    """Each district with its board's resolution; the mark keeps this run's references its own."""
    return table(
        [
            {
                "kind": "member",
                "reference": f"{mark}-{each.reference}",
                "name": each.name,
                "area": each.region,
                "member_kind": "district",
                "enrolment": each.enrolment,
                "hazard_zone": each.county,
                "authority_kind": "board_resolution",
                "authority_sha256": hashlib.sha256(each.reference.encode()).hexdigest(),
                "authority_signed_on": "2026-01-15",
            }
            for each in districts
        ]
    )


def needs_table(districts: Sequence[District], mark: str) -> str:
    return table(
        [
            {
                "member_reference": f"{mark}-{each.reference}",
                "category": "goods",
                "item_code": mark,
                "specification": "laptop, 14 inch",
                "unit": "each",
                "quantity": each.laptops,
                "commitment": "firm" if each.is_firm else "estimate",
                "need_by": "2031-08-01",
                "term_months": 0,
                "delivery_area": "",
                "baseline_unit_price": BASELINE,
                "reference": f"{mark}-{each.reference}",
            }
            for each in districts
        ]
    )


@dataclass(frozen=True)
class Expected:
    """What the file alone says of a region."""

    laptops: int
    firm: int


def expected_of(districts: Sequence[District]) -> dict[str, Expected]:
    grouped: defaultdict[str, list[District]] = defaultdict(list)
    for each in districts:
        grouped[each.region].append(each)
    return {
        region: Expected(
            sum(each.laptops for each in those),
            sum(each.laptops for each in those if each.is_firm),
        )
        for region, those in grouped.items()
    }


async def drafted(people: People, *, closes_in_s: float, policy_profile: str = "open") -> Document:
    return await people.buyer.bids.draft_rfp(
        title="Laptops for Texas",
        currency="USD",
        custodian_id=people.custodian_id,
        closes_at=SystemClock().now() + timedelta(seconds=closes_in_s),
        standstill_s=1,
        policy_profile=policy_profile,
    )


async def opened(people: People, rfp: Document) -> Document:
    """Wait for the deadline, and let the custodian open the bids."""

    async def is_closed() -> bool:
        return bool((await people.buyer.bids.opening(rfp["id"]))["status"] != "sealed")

    await until(is_closed, timeout_s=2 * CLOSES_IN_S)
    return await open_rfp(people.custodian.bids, rfp["id"], people.custodian_key)


def cents(amount: Decimal) -> str:
    return f"{amount:.2f}"


async def test_every_district_of_texas_is_in_the_opened_lots_to_the_last_laptop(
    people: People, districts: list[District]
) -> None:
    mark, buyer, expected = new_id().hex[-12:], people.buyer.bids, expected_of(districts)
    imported = await buyer.import_parties(members_table(districts, mark))
    stated = await buyer.import_requirements(needs_table(districts, mark), currency="USD")
    assert imported["rows"] == stated["rows"] == len(districts) == 1_196

    rfp = await drafted(people, closes_in_s=CLOSES_IN_S)
    made = await buyer.pool_by(rfp["id"], {"by": "area", "item_code": mark})
    lots = made["lots"]
    firm = [volume["firm"] for volume in made["volumes"]]
    regions = [expected[lot["delivery_area"]] for lot in lots]
    assert (len(lots), len(expected), made["left_out"]) == (REGIONS, REGIONS, [])
    assert [lot["quantity"] for lot in lots] == [str(region.laptops) for region in regions]
    assert firm == [str(region.firm) for region in regions]

    await buyer.publish(rfp["id"])
    everywhere, in_odd_lots = people.vendors
    every = [{"lot_number": lot["number"], "unit_price": DEARER} for lot in lots]
    odd = [{"lot_number": lot["number"], "unit_price": CHEAPER} for lot in lots[::2]]
    await everywhere.bids.file_table(rfp["id"], table(every))
    await in_odd_lots.bids.file_table(rfp["id"], table(odd))
    opening = await opened(people, rfp)
    assert (opening["opened"], opening["failed"]) == (REGIONS + REGIONS // 2, 0)

    evaluated = [(await people.buyer.awards.evaluation(lot["id"]))["bids"] for lot in lots]
    assert [[bid["total"] for bid in bids] for bids in evaluated] == [
        [
            cents(region.laptops * price)
            for price in ((CHEAPER, DEARER) if place % 2 == 0 else (DEARER,))
        ]
        for place, region in enumerate(regions)
    ]
    shares = [share for lot in lots async for share in buyer.shares(lot["id"])]
    assert {share["member_reference"]: share["quantity"] for share in shares} == {
        f"{mark}-{each.reference}": str(each.laptops) for each in districts
    }


async def test_the_business_case_of_texas_adds_up_over_every_district(
    people: People, districts: list[District]
) -> None:
    mark, buyer = new_id().hex[-12:], people.buyer.bids
    await buyer.import_parties(members_table(districts, mark))
    await buyer.import_requirements(needs_table(districts, mark), currency="USD")
    rfp = await drafted(people, closes_in_s=3600)
    made = await buyer.pool_by(rfp["id"], {"by": "area", "item_code": mark})
    tiers = [{"quantity_from": "1", "unit_price": str(DEARER)}]

    case = await buyer.case(
        rfp["id"],
        {
            "currency": "USD",
            "lots": [
                {"number": lot["number"], "tiers": tiers, "alone_by_baseline": True}
                for lot in made["lots"]
            ],
        },
    )

    laptops = sum(each.laptops for each in districts)
    assert (case["members_count"], case["joining"]) == (1_196, 1_196)
    assert case["alone"]["cost"] == cents(laptops * BASELINE)
    assert case["together"]["cost"] == cents(laptops * DEARER)
    assert case["saving"] == cents(laptops * (BASELINE - DEARER))


async def test_only_districts_whose_papers_are_on_record_buy_under_a_strict_policy(
    people: People, districts: list[District]
) -> None:
    mark, buyer = new_id().hex[-12:], people.buyer.bids
    region = [each for each in districts if each.region == "Region 07"]
    last = region[-1]
    papers = members_table(region[:-1], mark)
    await buyer.import_parties(papers)
    without = {"kind": "member", "reference": f"{mark}-{last.reference}", "name": last.name}
    await buyer.import_parties(table([without | {"area": last.region}]))
    await buyer.import_requirements(needs_table(region, mark), currency="USD")
    rfp = await drafted(people, closes_in_s=3600, policy_profile=STRICT)

    seen = await buyer.preview_pool(rfp["id"], {"by": "item", "item_code": mark})

    (lot,) = seen["lots"]
    assert lot["volume"]["quantity"] == str(sum(each.laptops for each in region[:-1]))
    assert [one["reason"] for one in seen["left_out"]] == ["authority_missing"]


async def test_texas_is_not_registered_in_part(people: People, districts: list[District]) -> None:
    mark = new_id().hex[-12:]
    lines = members_table(districts, mark).splitlines()
    wrong = [line.replace("board_resolution", "handshake") for line in lines[-2:]]

    with pytest.raises(Problem) as refused:
        await people.buyer.bids.import_parties("\n".join([*lines[:-2], *wrong]))

    assert refused.value.code == "csv_rows_invalid"
    assert [one async for one in registered(people, mark)] == []


async def registered(people: People, mark: str) -> AsyncIterator[Document]:
    async for party in people.buyer.bids.parties():
        if party["reference"].startswith(mark):
            yield party
