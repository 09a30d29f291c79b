"""A real purchase as open contracting data: every state keeps the standard and tells no secret."""

import json
from typing import Any, Final

import pytest

from services.bids.domain.awards.award import AwardStatus
from services.bids.domain.consortium import PriceOnDeclines, SilenceMeans
from services.bids.domain.terms import Terms
from services.bids.store import open_data
from services.bids.store.rfps import terms_text
from shared.db import Pool
from tests.component.bids_published import Desk, open_desk
from tests.component.bids_purchase import OPENED_AT, STANDSTILL, Purchase, publish
from tests.open_contracting import package_validator, release_schema, unknown_fields

SCHEMA: Final = release_schema()
VALIDATOR: Final = package_validator(SCHEMA)
WHY: Final = {"reason": "The vendor cannot deliver."}


async def released(desk: Desk, *, by: str = "observer") -> Any:
    """Read the package, hold it against the standard, and hand its one release over."""
    package = await desk.get(f"{desk.rfp}/ocds", by=by)
    assert [error.message for error in VALIDATOR.iter_errors(package)] == []
    (release,) = package["releases"]
    assert list(unknown_fields(release, SCHEMA, SCHEMA)) == []
    assert release["date"] == package["publishedDate"]
    return release


def names(release: Any) -> dict[str, list[str]]:
    return {party["name"]: party["roles"] for party in release["parties"]}


def counted(release: Any, lot_id: object) -> dict[str, Any]:
    statistics = release.get("bids", {}).get("statistics", [])
    return {
        each["measure"]: each["value"] for each in statistics if each["relatedLot"] == str(lot_id)
    }


async def played(pool: Pool) -> tuple[Purchase, dict[str, Any]]:
    """Lead a purchase of two lots to a second award of the first; tell its release at each step."""
    purchase = await publish(pool, lots=2)
    steps: dict[str, Any] = {}
    async with open_desk(purchase) as desk:
        steps["open"] = await released(desk)
        for vendor, price in enumerate(("0.25", "0.24")):
            await purchase.file(price, vendor=vendor)
        await purchase.file("0.30", vendor=2, lot=1)
        steps["sealed"] = await released(desk)
        await purchase.open_bids()
        steps["opened"] = await released(desk)
        await desk.act(f"{desk.lot()}/intent", {})
        steps["intended"] = await released(desk)
        await desk.pass_time(STANDSTILL)
        steps["made"] = await released(desk)
        await desk.act(f"{desk.lot()}/awards/withdraw", WHY)
        steps["withdrawn"] = await released(desk)
        first_bid = await pool.fetchval(
            "SELECT id FROM bid WHERE vendor_id = $1", purchase.vendors[1]
        )
        await desk.ask("PUT", f"{desk.lot()}/bids/{first_bid}/disqualification", json=WHY)
        await desk.act(f"{desk.lot()}/intent", {})
        await desk.pass_time(STANDSTILL)
        steps["again"] = await released(desk)
    return purchase, steps


async def test_purchase_keeps_its_secrets_in_what_is_published(bids_database: Pool) -> None:
    purchase, steps = await played(bids_database)

    open_, opened, made = steps["open"], steps["opened"], steps["made"]
    first, second = purchase.lots
    # While bids are sealed nothing tells that there are any: the release stays as it is.
    assert steps["sealed"] == open_
    assert names(open_) == {"Cooperative 1": ["procuringEntity"]}
    assert "bids" not in open_
    # Opened bids are counted, and an intent names its winner alone.
    assert counted(opened, first) == {"bids": 2, "bidders": 2}
    assert names(steps["intended"]).keys() == {"Cooperative 1", "Dairy 2"}
    assert "contracts" not in steps["intended"]
    assert "105.0" not in json.dumps(steps["intended"])
    # The awarded lot tells its bids; the other keeps its one to itself.
    assert [(each["rank"], each["value"]["amount"]) for each in by_rank(made)] == [
        (1, 100.8),
        (2, 105.0),
    ]
    assert counted(made, first)["lowestValidBidValue"] == 100.8
    assert counted(made, second) == {"bids": 1, "bidders": 1}
    assert names(made) == {
        "Cooperative 1": ["procuringEntity"],
        "Dairy 1": ["tenderer"],
        "Dairy 2": ["tenderer", "supplier"],
        "District 1": ["buyer"],
        "District 2": ["buyer"],
    }
    assert "details" not in steps["withdrawn"]["bids"]


async def test_purchase_is_published_from_its_publication_to_a_second_award(
    bids_database: Pool,
) -> None:
    purchase, steps = await played(bids_database)

    assert {step: release["tag"] for step, release in steps.items()} == {
        "open": ["tender"],
        "sealed": ["tender"],
        "opened": ["tender"],
        "intended": ["tender", "award"],
        "made": ["tender", "award", "contract"],
        "withdrawn": ["tender", "awardCancellation", "contractUpdate"],
        "again": ["tender", "awardUpdate", "contractUpdate"],
    }
    assert steps["open"]["date"] == OPENED_AT.strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    assert [lot["status"] for lot in steps["made"]["tender"]["lots"]] == ["complete", "active"]
    assert [each["status"] for each in steps["intended"]["awards"]] == ["pending"]
    assert {each["status"] for each in steps["withdrawn"]["contracts"]} == {"cancelled"}
    assert [each["status"] for each in steps["again"]["contracts"]] == [
        "cancelled",
        "cancelled",
        "pending",
        "pending",
    ]
    # A withdrawn award stays, as cancelled, and the next in rank has its own.
    again = steps["again"]
    assert [each["status"] for each in steps["withdrawn"]["awards"]] == ["cancelled"]
    assert [(each["status"], each["suppliers"][0]["name"]) for each in again["awards"]] == [
        ("cancelled", "Dairy 2"),
        ("active", "Dairy 1"),
    ]
    assert {each["status"]: each.get("rank") for each in again["bids"]["details"]} == {
        "valid": 1,
        "disqualified": None,
    }
    ids = {step: release["id"] for step, release in steps.items()}
    assert all(one.startswith(f"ocds-local0-{purchase.rfp_id}-") for one in ids.values())
    assert ids.pop("sealed") == ids["open"]
    assert len(set(ids.values())) == len(ids)


def by_rank(release: Any) -> list[Any]:
    ranked = [each for each in release["bids"]["details"] if each["hasRank"]]
    return sorted(ranked, key=lambda each: int(each["rank"]))


async def test_contracts_sum_to_their_award_and_planning_says_why(bids_database: Pool) -> None:
    _, steps = await played(bids_database)

    made = steps["made"]
    (award,) = made["awards"]
    signed = {each["buyer"]["name"]: each for each in made["contracts"]}
    # 300 and 120 units at 0.24.
    assert {name: each["value"]["amount"] for name, each in signed.items()} == {
        "District 1": 72.0,
        "District 2": 28.8,
    }
    assert {each["awardID"] for each in signed.values()} == {award["id"]}
    assert award["value"]["amount"] == 100.8
    assert {each["status"] for each in signed.values()} == {"pending"}
    assert "dateSigned" not in signed["District 1"]
    assert steps["open"]["planning"] == made["planning"]
    assert "What 2 members of the cooperative asked for" in made["planning"]["rationale"]
    # The first member pays 0.31 a unit today, 93.00 in all: that is its own.
    assert "0.31" not in json.dumps(made)
    assert "93.0" not in json.dumps(made)


async def test_member_that_declines_is_neither_named_nor_signs(bids_database: Pool) -> None:
    purchase = await publish(bids_database)
    terms = Terms(
        acceptance_window_s=int(STANDSTILL.total_seconds()),
        price_on_declines=PriceOnDeclines.HOLDS,
        silence_means=SilenceMeans.DECLINED,
    )
    await purchase.pool.execute("UPDATE rfp SET terms = $1", terms_text(terms))
    await purchase.file("0.25")
    await purchase.open_bids()
    async with open_desk(purchase) as desk:
        await desk.act(f"{desk.lot()}/intent", {})
        await desk.pass_time(STANDSTILL)
        asked = await released(desk)
        (award,) = (await desk.get(f"{desk.lot()}/awards"))["items"]
        lines = await desk.get(f"/awards/{award['id']}/lines", by="member 1")
        await desk.ask(
            "PUT",
            f"/awards/{award['id']}/lines/{lines['items'][0]['id']}/answer",
            by="member 1",
            json={"accepts": True},
        )
        await desk.pass_time(STANDSTILL)
        made = await released(desk)

    assert "contracts" not in asked
    assert "District" not in json.dumps(asked)
    assert [each["buyer"]["name"] for each in made["contracts"]] == ["District 2"]
    assert "District 1" not in json.dumps(made)


@pytest.mark.parametrize(
    ("model", "buyers"),
    [
        ("group_procurement", {"Cooperative 1", "District 1", "District 2"}),
        ("resale", {"Cooperative 1"}),
    ],
)
async def test_consortium_that_signs_is_the_lead_buyer(
    bids_database: Pool, model: str, buyers: set[str]
) -> None:
    purchase = await publish(bids_database)
    await purchase.pool.execute("UPDATE rfp SET consortium_model = $1", model)
    await purchase.file("0.25")
    await purchase.open_bids()
    async with open_desk(purchase) as desk:
        await desk.act(f"{desk.lot()}/intent", {})
        before = await released(desk)
        await desk.pass_time(STANDSTILL)
        made = await released(desk)

    assert before["buyer"]["name"] == made["buyer"]["name"] == "Cooperative 1"
    assert names(before)["Cooperative 1"] == ["buyer", "procuringEntity"]
    assert {name for name, roles in names(made).items() if "buyer" in roles} == buyers
    (contract,) = made["contracts"]
    assert (contract["value"]["amount"], "buyer" in contract) == (105.0, False)


async def test_rfp_of_more_lines_than_a_package_carries_is_refused(
    bids_database: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase = await publish(bids_database)
    await purchase.file("0.25")
    await purchase.open_bids()
    async with open_desk(purchase) as desk:
        await desk.act(f"{desk.lot()}/intent", {})
        await desk.pass_time(STANDSTILL)
        monkeypatch.setattr(open_data, "LINES_MAX", 2)
        fits, _ = await desk.ask("GET", f"{desk.rfp}/ocds")
        monkeypatch.setattr(open_data, "LINES_MAX", 1)
        status, refused = await desk.ask("GET", f"{desk.rfp}/ocds")

    assert fits == 200
    assert (status, refused["code"]) == (422, "rfp_too_large")


async def test_package_is_the_same_for_every_caller_and_every_time(bids_database: Pool) -> None:
    purchase = await publish(bids_database)
    await purchase.file("0.25")
    await purchase.open_bids()
    async with open_desk(purchase) as desk:
        first = await desk.get(f"{desk.rfp}/ocds", by="observer")
        await desk.pass_time(STANDSTILL)

        others = [
            await desk.get(f"{desk.rfp}/ocds", by=by)
            for by in ("buyer", "auditor", "vendor 0", "member 0")
        ]

    assert all(other == first for other in others)


async def test_draft_is_not_published_even_to_its_buyer(bids_database: Pool) -> None:
    purchase = await publish(bids_database)
    await purchase.pool.execute("UPDATE rfp SET status = 'draft', published_at = NULL")
    async with open_desk(purchase) as desk:
        status, refused = await desk.ask("GET", f"{desk.rfp}/ocds")

    assert (status, refused["code"]) == (404, "rfp_unknown")


async def test_cancelled_purchase_tells_that_and_none_of_its_bids(bids_database: Pool) -> None:
    purchase = await publish(bids_database)
    await purchase.file("0.25")
    await purchase.open_bids()
    await purchase.pool.execute("UPDATE rfp SET status = 'cancelled', addendum = 1")
    await purchase.pool.execute("UPDATE lot SET status = 'cancelled'")
    async with open_desk(purchase) as desk:
        release = await released(desk)

    assert (release["tag"], release["tender"]["status"]) == (["tenderCancellation"], "cancelled")
    assert "bids" not in release


async def test_amended_lot_without_award_is_unsuccessful(bids_database: Pool) -> None:
    purchase = await publish(bids_database)
    await purchase.file("0.25")
    await purchase.open_bids()
    await purchase.pool.execute("UPDATE rfp SET addendum = 1")
    async with open_desk(purchase) as desk:
        await desk.pass_time(STANDSTILL)
        await purchase.awarding.end_without_award(
            purchase.lots[0], "Too dear.", buyer_id=purchase.buyer_id
        )

        release = await released(desk)

    assert (release["tag"], release["tender"]["status"]) == (["tenderAmendment"], "unsuccessful")
    assert counted(release, purchase.lots[0]) == {"bids": 1, "bidders": 1}
    assert release["date"] > release["tender"]["bidOpening"]["date"]


async def test_proposal_leaves_no_trace_in_what_is_published(bids_database: Pool) -> None:
    purchase = await publish(bids_database)
    await purchase.file("0.25")
    await purchase.open_bids()
    async with open_desk(purchase) as desk:
        await desk.act(f"{desk.lot()}/intent", {})
        await purchase.pool.execute(
            "UPDATE award SET status = $1, intended_at = NULL, standstill_ends_at = NULL",
            AwardStatus.PROPOSED,
        )

        release = await released(desk)

    assert "awards" not in release
    assert release["date"] == release["tender"]["bidOpening"]["date"]
    assert names(release) == {"Cooperative 1": ["procuringEntity"]}


async def test_package_comes_as_a_file_that_a_browser_shows(bids_database: Pool) -> None:
    purchase = await publish(bids_database)
    async with open_desk(purchase) as desk:
        headers = {"Authorization": "Bearer observer"}
        async with desk.client.get(f"/v1{desk.rfp}/ocds", headers=headers) as response:
            disposition = response.headers["Content-Disposition"]
            package = await response.json()

    assert disposition == f'inline; filename="ocds-local0-{purchase.rfp_id}.json"'
    assert package["uri"].endswith(f"/v1/rfps/{purchase.rfp_id}/ocds")


@pytest.mark.parametrize("decides", ["auction", "sealed"])
async def test_lot_is_told_at_the_prices_that_decided_it(bids_database: Pool, decides: str) -> None:
    purchase = await publish(bids_database, vendors=2)
    for vendor, price in enumerate(("0.25", "0.24")):
        await purchase.file(price, vendor=vendor)
    await purchase.open_bids()
    if decides == "auction":
        await purchase.pool.execute(
            """-- tests.add_standings
            INSERT INTO auction_standing (lot_id, vendor_id, auction_id, place, rank, price_e4)
            VALUES ($1, $2, $1, 1, 1, 2000), ($1, $3, $1, 2, 2, 2100)
            """,
            purchase.lots[0],
            *purchase.vendors,
        )
    async with open_desk(purchase) as desk:
        await desk.act(f"{desk.lot()}/intent", {})
        await desk.pass_time(STANDSTILL)

        release = await released(desk)

    amounts = {"auction": [84.0, 88.2], "sealed": [100.8, 105.0]}[decides]
    assert [each["value"]["amount"] for each in by_rank(release)] == amounts
    (lot,) = release["tender"]["lots"]
    assert lot["techniques"]["hasElectronicAuction"] is (decides == "auction")
