"""Which vendors may bid: by region and qualification, and what is told of it beforehand."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

import pytest

from services.bids.domain.bids import VendorUnknown
from services.bids.domain.eligibility import (
    Admission,
    Eligibility,
    Hindrance,
    RegionNotServed,
    VendorNotQualified,
    hindrances,
)
from services.bids.domain.vendors import VendorProfile
from shared.domain.ids import LotId, PartyId

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


# What is told beforehand -------------------------------------------------------------------------

DAIRY: Final = PROFILE.vendor_id
MILK, CREAM, BREAD = (LotId(UUID(int=number)) for number in (11, 12, 13))
ADMISSION: Final = Admission(
    lots=((MILK, "50131701", ("north",)), (CREAM, "50131702", ()), (BREAD, "50181900", ())),
    prequalified_only=True,
    policy_profile="open",
    closes_at=datetime(2027, 3, 16, tzinfo=UTC),
    profiles=(PROFILE,),
)


def found(
    admission: Admission, *, today: date = LAST_DAY, last_day: date = LAST_DAY
) -> list[tuple[str, str, tuple[LotId, ...]]]:
    """List what keeps the dairy from filing: the code, why, and the lots."""
    return [
        (each.code, each.sentence, each.lot_ids)
        for each in hindrances(admission, DAIRY, today=today, last_day=last_day)
    ]


def test_vendor_is_told_for_which_lots_it_is_not_qualified() -> None:
    assert found(ADMISSION) == [
        ("vendor_not_qualified", "The vendor is not qualified for 50181900.", (BREAD,))
    ]


def test_vendor_whose_qualification_ended_is_told_its_last_day() -> None:
    milk = replace(ADMISSION, lots=ADMISSION.lots[:2])

    assert found(milk) == []
    assert found(milk, today=LAST_DAY + timedelta(days=1)) == [
        (
            "vendor_not_qualified",
            "The vendor's qualification ended with 2027-03-15.",
            (MILK, CREAM),
        )
    ]


def test_vendor_whose_qualification_ends_before_the_deadline_is_told_so() -> None:
    milk = replace(ADMISSION, lots=ADMISSION.lots[:1])

    assert found(milk, last_day=LAST_DAY) == []
    assert found(milk, last_day=LAST_DAY + timedelta(days=1)) == [
        (
            "vendor_not_qualified",
            "The vendor's qualification ends with 2027-03-15, before the deadline.",
            (MILK,),
        )
    ]


@pytest.mark.parametrize("profiles", [(), (replace(PROFILE, qualified_until=None),)])
def test_vendor_that_was_never_qualified_is_told_so(profiles: tuple[VendorProfile, ...]) -> None:
    told = found(replace(ADMISSION, lots=ADMISSION.lots[1:], profiles=profiles))

    sentence = "Only qualified vendors bid, and the vendor is not qualified."
    assert told == [("vendor_not_qualified", sentence, (CREAM, BREAD))]


def test_lots_of_other_regions_are_named_to_nobody_and_the_last_one_missing_is_told() -> None:
    elsewhere = replace(PROFILE, regions=("south",))
    some = replace(ADMISSION, profiles=(elsewhere,), lots=ADMISSION.lots[:2])
    none = replace(some, lots=ADMISSION.lots[:1])

    assert found(some, today=LAST_DAY + timedelta(days=1))[0][2] == (CREAM,)
    assert hindrances(none, DAIRY, today=LAST_DAY, last_day=LAST_DAY) == (
        Hindrance(
            vendor_id=DAIRY,
            code="region_not_served",
            sentence="No lot is for regions to which the vendor delivers.",
        ),
    )


def test_nothing_is_told_where_nothing_is_asked_or_there_is_no_lot_yet() -> None:
    unknown = replace(ADMISSION, profiles=())

    assert found(replace(unknown, lots=())) == []
    assert found(replace(unknown, lots=ADMISSION.lots[1:], prequalified_only=False)) == []
