"""The savings report over HTTP: what is compared, who pays more, what is left out, who sees it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import pytest

from services.bids.domain.consortium import SilenceMeans
from services.bids.domain.terms import Terms
from services.bids.store.rfps import terms_text
from shared.db import Pool
from tests.component.bids_published import Desk, file_tiers, open_desk
from tests.component.bids_purchase import STANDSTILL, Purchase, publish

NEEDS: Final = {0: (("300", "0.31"),), 1: (("120", "0.20"),), 2: (("80", None),)}
"""Three districts: one pays much today, one little, and one does not say."""

_PEAK: Final = """-- tests.pool_by_the_largest_need
INSERT INTO lot_volume (lot_id, rule, basis, terms, demand, firm)
VALUES ($1, 'largest_needs', 'demand', $2, 500, 300)
"""


@pytest.fixture
async def purchase(bids_database: Pool) -> Purchase:
    """Two lots of 500 units; the first has a bid that is cheaper by the quantity."""
    purchase = await publish(bids_database, lots=2, needs=NEEDS)
    await file_tiers(purchase, (("1", "0.30"), ("400", "0.25")))
    await purchase.file("0.28", vendor=1)
    await purchase.file("0.27", vendor=2)
    await purchase.file("0.22", vendor=1, lot=1)
    await purchase.open_bids()
    return purchase


@pytest.fixture
async def desk(purchase: Purchase) -> AsyncIterator[Desk]:
    async with open_desk(purchase) as opened:
        await opened.act(f"{opened.lot()}/intent", {})
        yield opened


def against(report: Any, reference: str) -> Any:
    (found,) = [each for each in report["comparisons"] if each["against"] == reference]
    return found


async def test_report_holds_what_is_paid_against_each_reference(desk: Desk) -> None:
    report = await desk.get(f"{desk.rfp}/savings")

    # 500 units at 0.25 are 125.00.
    assert (report["paid"], report["lines"], report["members"]) == ("125.00", 3, 3)
    # Before: 93.00 for 75.00, and 24.00 for 30.00; the third did not say.
    baseline = against(report, "baseline")
    assert (baseline["reference"], baseline["saving"], baseline["percent"]) == (
        "117.00",
        "12.00",
        "10.3",
    )
    assert (baseline["lines_left_out"], baseline["paid_left_out"]) == (1, "20.00")
    # Alone nobody reaches 400, and all would take the 0.27: 135.00.
    assert against(report, "alone")["reference"] == "135.00"
    assert against(report, "first_offers")["saving"] == "0.00"
    assert (report["effects"]["volume"], report["effects"]["competition"]) == ("10.00", "0.00")
    assert against(report, "budget")["lines"] == 0


async def test_members_that_pay_more_come_first_and_are_told(desk: Desk) -> None:
    report = await desk.get(f"{desk.rfp}/savings", by="auditor")

    baseline = against(report, "baseline")
    dearer, cheaper = baseline["members"]
    assert (dearer["member_id"], dearer["saving"]) == (str(desk.purchase.members[1]), "-6.00")
    assert (cheaper["member_id"], cheaper["saving"]) == (str(desk.purchase.members[0]), "18.00")
    assert (baseline["members_paying_more"], baseline["dearer_by"]) == (1, "6.00")
    assert any("Members that pay more in all: 1 of 2" in each for each in report["told"])
    assert "school milk" in report["cautions"][0]


async def test_lots_without_award_and_missing_budgets_are_named(desk: Desk) -> None:
    report = await desk.get(f"{desk.rfp}/savings")

    assert report["left_out"] == [
        "Lot 2 (Whole milk 2): nothing is awarded; it is evaluated.",
        "Requirements state no budgets, so that nothing is held against one.",
    ]


async def test_member_sees_its_own_lines_and_offers_only_when_the_award_is_final(
    desk: Desk,
) -> None:
    intended = await desk.get(f"{desk.rfp}/savings", by="member 0")
    await desk.pass_time(STANDSTILL)

    made = await desk.get(f"{desk.rfp}/savings", by="member 0")

    assert (intended["paid"], intended["lines"]) == ("75.00", 1)
    assert against(intended, "baseline")["saving"] == "18.00"
    assert against(intended, "alone")["lines"] == 0
    assert any("not finally awarded" in each for each in intended["left_out"])
    # 300 units at 0.27 are 81.00.
    assert against(made, "alone")["saving"] == "6.00"
    assert [each["member_id"] for each in against(made, "alone")["members"]] == [
        str(desk.purchase.members[0])
    ]
    assert not any("not finally awarded" in each for each in made["left_out"])


@pytest.mark.parametrize("by", ["vendor 0", "stranger", "rival", "observer"])
async def test_savings_are_nothing_to_others(desk: Desk, by: str) -> None:
    status, refused = await desk.ask("GET", f"{desk.rfp}/savings", by=by)

    assert (status, refused["code"]) in {(404, "rfp_unknown"), (403, "scope_missing")}


async def test_bid_that_was_set_aside_is_no_offer_to_be_held_against(purchase: Purchase) -> None:
    bid_id = await purchase.pool.fetchval(
        "SELECT id FROM bid WHERE vendor_id = $1", purchase.vendors[2]
    )
    async with open_desk(purchase) as desk:
        why = {"reason": "It cannot deliver."}
        await desk.ask("PUT", f"{desk.lot()}/bids/{bid_id}/disqualification", json=why)
        await desk.act(f"{desk.lot()}/intent", {})

        report = await desk.get(f"{desk.rfp}/savings")

    # Without the 0.27, standing alone is 500 units at 0.28.
    assert against(report, "alone")["reference"] == "140.00"


async def test_standing_alone_is_reckoned_by_the_lots_rule_of_pooling(purchase: Purchase) -> None:
    await purchase.pool.execute("UPDATE lot SET quantity = 300 WHERE id = $1", purchase.lots[1])
    await purchase.pool.execute(_PEAK, purchase.lots[1], {"simultaneous": 1})
    async with open_desk(purchase) as desk:
        await desk.act(f"{desk.lot(1)}/intent", {})

        report = await desk.get(f"{desk.rfp}/savings")

    # Together they hold 300 at 0.22; alone each holds its own need: 500 at 0.22.
    assert (report["paid"], against(report, "alone")["reference"]) == ("66.00", "110.00")
    assert against(report, "first_offers")["reference"] == "66.00"


async def test_before_any_award_there_is_no_report(purchase: Purchase) -> None:
    async with open_desk(purchase) as desk:
        status, refused = await desk.ask("GET", f"{desk.rfp}/savings")

    assert (status, refused["code"]) == (404, "savings_unknown")


@pytest.mark.parametrize(
    ("means", "paid"), [(SilenceMeans.DECLINED, "75.00"), (SilenceMeans.ACCEPTED, "95.00")]
)
async def test_lines_that_members_did_not_take_save_and_share_nothing(
    purchase: Purchase, means: SilenceMeans, paid: str
) -> None:
    window = timedelta(days=10)
    terms = Terms(acceptance_window_s=int(window.total_seconds()), silence_means=means)
    await purchase.pool.execute("UPDATE rfp SET terms = $1", terms_text(terms))
    async with open_desk(purchase) as desk:
        award = await desk.act(f"{desk.lot()}/intent", {})
        await desk.pass_time(STANDSTILL)
        lines = await desk.get(f"/awards/{award['id']}/lines")
        line_of = {line["member_id"]: line["id"] for line in lines["items"]}
        # The first takes its 300, the second declines its 120, the third is silent on its 80.
        for place, accepts in enumerate((True, False)):
            line_id = line_of[str(purchase.members[place])]
            path = f"/awards/{award['id']}/lines/{line_id}/answer"
            await desk.ask("PUT", path, by=f"member {place}", json={"accepts": accepts})
        await desk.pass_time(window)

        report = await desk.get(f"{desk.rfp}/savings")
        shared = await desk.get(f"{desk.lot()}/sharings?rule=equal_price")

    assert (report["paid"], shared["cost"]) == (paid, paid)
