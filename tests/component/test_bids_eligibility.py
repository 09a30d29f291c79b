"""Whose bids are taken: by region and qualification, whichever way a bid comes in."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final

import pytest

from services.bids.domain.eligibility import RegionNotServed, VendorNotQualified
from services.bids.domain.terms import Terms
from services.bids.store.rfps import terms_text
from services.bids.usecases.bids import TableAct
from shared.db import Pool
from shared.domain.ids import new_id
from tests.component.bids_purchase import MICROSECOND, OPENED_AT, Purchase, publish

SEALED: Final = bytes(4 * 4096 + 48)
TABLE: Final = b"lot_number,unit_price\n1,0.20\n"

_PROFILE: Final = """-- tests.add_vendor_profile
INSERT INTO vendor_profile (vendor_id, registration, category_prefixes, regions, qualified_until)
VALUES ($1, '', $2, $3, $4)
"""

_REGION: Final = "INSERT INTO lot_region (lot_id, region) VALUES ($1, 'north')"

MIDNIGHT_IN_UTAH: Final = datetime(2027, 3, 3, 7, tzinfo=UTC)

Way = Callable[[Purchase, datetime], Awaitable[object]]


async def in_clear(purchase: Purchase, at: datetime) -> object:
    return await purchase.file("0.20", at=at)


async def by_vendor(purchase: Purchase, at: datetime) -> object:
    return await purchase.bidding.file_sealed(purchase.act(at=at), SEALED)


async def by_table(purchase: Purchase, at: datetime) -> object:
    act = TableAct(request_id=new_id(), vendor_id=purchase.vendors[0], received_at=at)
    return await purchase.bidding.file_table(purchase.rfp_id, TABLE, act)


every_way = pytest.mark.parametrize("way", [in_clear, by_vendor, by_table])


@pytest.fixture
async def purchase(bids_database: Pool) -> Purchase:
    return await publish(bids_database)


async def know(
    purchase: Purchase,
    *,
    prefixes: tuple[str, ...] = (),
    regions: tuple[str, ...] = (),
    until: date | None = None,
) -> None:
    await purchase.pool.execute(_PROFILE, purchase.vendors[0], prefixes, regions, until)


async def prequalified_only(purchase: Purchase, *, profile: str) -> None:
    await purchase.pool.execute(
        "UPDATE rfp SET terms = $1, policy_profile = $2",
        terms_text(Terms(prequalified_only=True)),
        profile,
    )


async def versions(purchase: Purchase) -> int:
    count: int = await purchase.pool.fetchval("SELECT count(*) FROM bid_version")
    return count


@every_way
async def test_vendor_of_another_region_files_no_way(purchase: Purchase, way: Way) -> None:
    await purchase.pool.execute(_REGION, purchase.lots[0])
    await know(purchase, regions=("south",))

    with pytest.raises(RegionNotServed):
        await way(purchase, OPENED_AT)

    assert await versions(purchase) == 0


@every_way
async def test_vendor_of_the_region_files_every_way(purchase: Purchase, way: Way) -> None:
    await purchase.pool.execute(_REGION, purchase.lots[0])
    await know(purchase, regions=("north",))

    await way(purchase, OPENED_AT)

    assert await versions(purchase) == 1


@every_way
async def test_qualification_ends_with_its_day_in_the_profiles_time_zone(
    purchase: Purchase, way: Way
) -> None:
    await prequalified_only(purchase, profile="utah_63g_6a_612")
    await know(purchase, prefixes=("5013",), until=date(2027, 3, 2))

    with pytest.raises(VendorNotQualified):
        await way(purchase, MIDNIGHT_IN_UTAH)
    await way(purchase, MIDNIGHT_IN_UTAH - MICROSECOND)

    assert await versions(purchase) == 1


@every_way
async def test_vendor_qualified_for_something_else_files_no_way(
    purchase: Purchase, way: Way
) -> None:
    await prequalified_only(purchase, profile="open")
    await know(purchase, prefixes=("4321",), until=date(2027, 12, 31))

    with pytest.raises(VendorNotQualified):
        await way(purchase, OPENED_AT)


async def test_vendor_whose_qualification_lapsed_still_withdraws(purchase: Purchase) -> None:
    await prequalified_only(purchase, profile="open")
    await know(purchase, until=OPENED_AT.date())
    await purchase.file("0.20")
    act = replace(purchase.act(), received_at=OPENED_AT.replace(day=2))

    withdrawn = await purchase.bidding.withdraw(act)

    assert withdrawn.receipt.action == "withdrawn"
    with pytest.raises(VendorNotQualified):
        await purchase.file("0.19", at=act.received_at)


async def test_form_shows_a_vendor_the_lots_of_its_regions(bids_database: Pool) -> None:
    purchase = await publish(bids_database, lots=2)
    await purchase.pool.execute(_REGION, purchase.lots[0])
    await know(purchase, regions=("south",))
    elsewhere = purchase.vendors[0]

    seen = await purchase.bidding.form_of(purchase.rfp_id, viewer_id=elsewhere)
    whole = await purchase.bidding.form_of(purchase.rfp_id, viewer_id=purchase.buyer_id)

    assert [lot.number for lot in seen.lots] == [2]
    assert [lot.number for lot in whole.lots] == [1, 2]
