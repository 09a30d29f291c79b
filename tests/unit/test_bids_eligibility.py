"""Which vendors may bid on a lot: by region, and by qualification where it is asked for."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Final
from uuid import UUID

import pytest

from services.bids.domain.bids import VendorUnknown
from services.bids.domain.eligibility import Eligibility, RegionNotServed, VendorNotQualified
from services.bids.domain.vendors import VendorProfile
from shared.domain.ids import PartyId

LAST_DAY: Final = date(2027, 3, 15)
PROFILE: Final = VendorProfile(
    vendor_id=PartyId(UUID(int=1)),
    registration="",
    category_prefixes=("5013",),
    regions=("north",),
    qualified_until=LAST_DAY,
)
STANDING: Final = Eligibility(
    is_vendor=True,
    profile=PROFILE,
    item_code="50131701",
    regions=("north", "west"),
    prequalified_only=True,
    policy_profile="open",
)


def test_party_that_is_no_vendor_is_refused() -> None:
    STANDING.require_vendor()

    with pytest.raises(VendorUnknown):
        replace(STANDING, is_vendor=False).require_vendor()


@pytest.mark.parametrize("regions", [("north",), ("south", "west"), ()])
def test_vendor_that_delivers_to_a_region_or_everywhere_bids(regions: tuple[str, ...]) -> None:
    replace(STANDING, profile=replace(PROFILE, regions=regions)).require_region()


@pytest.mark.parametrize("profile", [replace(PROFILE, regions=("south",)), None])
def test_vendor_that_delivers_elsewhere_or_is_not_known_is_refused(
    profile: VendorProfile | None,
) -> None:
    standing = replace(STANDING, profile=profile)

    with pytest.raises(RegionNotServed):
        standing.require_region()
    replace(standing, regions=()).require_region()


def test_vendor_is_qualified_through_its_last_day() -> None:
    STANDING.require_qualified(LAST_DAY)

    with pytest.raises(VendorNotQualified, match="ended with 2027-03-15"):
        STANDING.require_qualified(LAST_DAY + timedelta(days=1))


@pytest.mark.parametrize("profile", [replace(PROFILE, qualified_until=None), None])
def test_vendor_that_was_never_qualified_bids_only_where_nobody_asks(
    profile: VendorProfile | None,
) -> None:
    standing = replace(STANDING, profile=profile)

    with pytest.raises(VendorNotQualified, match="you are not qualified"):
        standing.require_qualified(LAST_DAY)
    replace(standing, prequalified_only=False).require_qualified(LAST_DAY)


def test_vendor_is_qualified_for_what_its_prefixes_begin() -> None:
    replace(STANDING, item_code="5013").require_qualified(LAST_DAY)
    replace(
        STANDING, item_code="4321", profile=replace(PROFILE, category_prefixes=())
    ).require_qualified(LAST_DAY)

    with pytest.raises(VendorNotQualified, match="4321"):
        replace(STANDING, item_code="4321").require_qualified(LAST_DAY)
