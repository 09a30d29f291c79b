"""What a scenario's award gives each vendor and each member, to the cent."""

from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bids.domain.awards.lines import Pooled, Share
from services.bids.domain.awards.splitting import Split, split_of
from services.bids.domain.lots import Lot, LotStatus
from services.bids.domain.winners import problem as asked
from services.bids.domain.winners.award import Award, Left, Line, Outcome
from shared.domain.ids import LotId, PartyId, RfpId
from shared.domain.money import Currency, UnitPrice

USD = Currency("USD")
LOT_ID, OTHER_ID = (LotId(UUID(int=number)) for number in (1, 2))
ANN, BOB = (PartyId(UUID(int=number)) for number in (11, 12))
NORTH, SOUTH, WEST = (PartyId(UUID(int=number)) for number in (21, 22, 23))
MAIN, ALTERNATE, BOBS = "bid-a", "bid-a:1", "bid-b"


def price(text: str) -> UnitPrice:
    return UnitPrice.parse(text, USD)


def pooled(*shares: tuple[PartyId, str], quantity: str | None = None) -> Pooled:
    whole = sum((Decimal(each) for _, each in shares), Decimal(0))
    lot = Lot(
        id=LOT_ID,
        rfp_id=RfpId(UUID(int=3)),
        buyer_id=PartyId(UUID(int=4)),
        number=1,
        title="Laptops",
        category="goods",
        item_code="43211503",
        specification="14 inch",
        unit="piece",
        term_months=0,
        delivery_area="",
        quantity=Decimal(quantity) if quantity else whole,
        currency=USD,
        status=LotStatus.EVALUATED,
    )
    return Pooled(
        lot=lot,
        shares=[
            Share(member_id=member_id, quantity=Decimal(each), baseline=price("1.00"))
            for member_id, each in shares
        ],
    )


def bid(
    bid_id: str,
    vendor_id: PartyId,
    *tiers: tuple[int, int, str],
    mode: asked.TierMode = asked.TierMode.ALL_UNITS,
) -> asked.Bid:
    return asked.Bid(
        id=bid_id,
        vendor_id=str(vendor_id),
        lot_id=str(LOT_ID),
        tiers=tuple(
            asked.Tier(lower=lower, upper=upper, unit_price=Fraction(each))
            for lower, upper, each in tiers
        ),
        mode=mode,
    )


def outcome(
    lots: Pooled, award: Award, *bids: asked.Bid, packages: tuple[asked.Package, ...] = ()
) -> Outcome:
    shares = tuple(
        asked.Share(district_id=str(share.member_id), quantity=int(share.quantity))
        for share in lots.shares
    )
    other = asked.Share(district_id=str(NORTH), quantity=10)
    return Outcome(
        asked.Problem(
            lots=(
                asked.Lot(id=str(LOT_ID), shares=shares),
                asked.Lot(id=str(OTHER_ID), shares=(other,)),
            ),
            vendors=(asked.Vendor(id=str(ANN)), asked.Vendor(id=str(BOB))),
            bids=bids,
            packages=packages,
        ),
        award,
    )


def won(split: Split) -> dict[PartyId, list[tuple[PartyId, str, int]]]:
    return {
        part.vendor_id: [
            (line.member_id, f"{line.quantity:f}", line.total.minor) for line in part.lines
        ]
        for part in split.parts
    }


def lines(*each: tuple[PartyId | None, str, int]) -> Award:
    return Award(
        lines=tuple(
            Line(
                lot_id=str(LOT_ID),
                district_id=None if member_id is None else str(member_id),
                bid_id=bid_id,
                quantity=quantity,
            )
            for member_id, bid_id, quantity in each
        )
    )


def test_whole_lot_goes_to_its_winner_at_the_tier_of_its_whole_quantity() -> None:
    lots = pooled((NORTH, "600"), (SOUTH, "400"))
    award = lines((None, MAIN, 1000))

    split = split_of(
        lots, outcome(lots, award, bid(MAIN, ANN, (1, 999, "10"), (1000, 2000, "9"))), {}
    )

    assert won(split) == {ANN: [(NORTH, "600", 540_000), (SOUTH, "400", 360_000)]}
    assert (split.parts[0].price, split.left) == (price("9"), None)


def test_lot_is_parted_by_member_at_the_tier_that_each_vendor_reaches() -> None:
    lots = pooled((NORTH, "600"), (SOUTH, "400"))
    award = lines((NORTH, MAIN, 600), (SOUTH, BOBS, 400))
    bids = bid(MAIN, ANN, (1, 599, "10"), (600, 2000, "9")), bid(BOBS, BOB, (1, 2000, "8.5"))

    split = split_of(lots, outcome(lots, award, *bids), {})

    assert won(split) == {ANN: [(NORTH, "600", 540_000)], BOB: [(SOUTH, "400", 340_000)]}


def test_member_that_two_vendors_serve_has_a_line_of_each_and_its_baseline_is_parted() -> None:
    lots = pooled((NORTH, "900"))
    award = lines((NORTH, MAIN, 600), (NORTH, BOBS, 300))

    split = split_of(
        lots,
        outcome(lots, award, bid(MAIN, ANN, (1, 900, "0.5")), bid(BOBS, BOB, (1, 900, "0.6"))),
        {},
    )

    baselines = [part.lines[0].baseline_total for part in split.parts]
    assert won(split) == {ANN: [(NORTH, "600", 30_000)], BOB: [(NORTH, "300", 18_000)]}
    assert [each.minor for each in baselines if each is not None] == [60_000, 30_000]


def test_lines_of_one_bid_for_one_member_add_up() -> None:
    lots = pooled((NORTH, "100"))
    award = lines((NORTH, MAIN, 60), (NORTH, MAIN, 40))

    split = split_of(lots, outcome(lots, award, bid(MAIN, ANN, (1, 200, "2"))), {})

    assert won(split) == {ANN: [(NORTH, "100", 20_000)]}


def test_what_one_vendor_wins_by_two_bids_is_one_part_with_one_line_each() -> None:
    lots = pooled((NORTH, "100"), (SOUTH, "50"))
    award = lines((NORTH, MAIN, 60), (NORTH, ALTERNATE, 40), (SOUTH, ALTERNATE, 50))

    split = split_of(
        lots,
        outcome(lots, award, bid(MAIN, ANN, (1, 200, "2")), bid(ALTERNATE, ANN, (1, 200, "1"))),
        {},
    )

    (part,) = split.parts
    # 60 at 2.00 and 40 at 1.00; 160 + 50 over 150 units are 1.40 on average.
    assert won(split) == {ANN: [(NORTH, "100", 16_000), (SOUTH, "50", 5_000)]}
    assert (part.price, part.quantity) == (price("1.40"), Decimal(150))
    assert part.lines[0].baseline_total is not None
    assert part.lines[0].baseline_total.minor == 10_000


def test_graduated_bid_costs_its_tiers_and_falls_to_the_members_by_quantity() -> None:
    lots = pooled((NORTH, "20"), (SOUTH, "3"))
    award = lines((None, MAIN, 23))
    graduated = bid(
        MAIN,
        ANN,
        (1, 10, "20"),
        (10, 20, "17"),
        (20, 100, "15"),
        mode=asked.TierMode.GRADUATED,
    )

    split = split_of(lots, outcome(lots, award, graduated), {})

    # 200 + 170 + 45 = 415.00; 20 and 3 of 23 parts of it are 360.87 and 54.13.
    assert won(split) == {ANN: [(NORTH, "20", 36_087), (SOUTH, "3", 5_413)]}
    assert split.parts[0].price == price("18.0435")


def test_package_is_paid_at_its_own_price_of_each_lot() -> None:
    lots = pooled((NORTH, "100"), (SOUTH, "300"))
    package = asked.Package(
        id="bid-a:package:1",
        vendor_id=str(ANN),
        lot_ids=frozenset({str(LOT_ID), str(OTHER_ID)}),
        price=Fraction(330),
    )
    award = Award(package_ids=(package.id,))
    prices = {package.id: {LOT_ID: price("0.80"), OTHER_ID: price("1.00")}}

    split = split_of(lots, outcome(lots, award, packages=(package,)), prices)

    assert won(split) == {ANN: [(NORTH, "100", 8_000), (SOUTH, "300", 24_000)]}


def test_lot_of_another_rule_than_the_sum_is_split_by_what_was_asked() -> None:
    lots = pooled((NORTH, "50"), (SOUTH, "15"), (WEST, "30"), quantity="5")
    award = lines((None, MAIN, 5))

    split = split_of(lots, outcome(lots, award, bid(MAIN, ANN, (1, 95, "1000"))), {})

    # 95 seats make 5 sessions; 50, 15 and 30 of 95 parts of 5.000 and of 5,000.00.
    assert won(split) == {
        ANN: [
            (NORTH, "2.632", 263_158),
            (SOUTH, "0.789", 78_947),
            (WEST, "1.579", 157_895),
        ]
    }


def test_what_nobody_wins_is_told() -> None:
    lots = pooled((NORTH, "100"), (SOUTH, "50"))
    award = Award(
        lines=lines((NORTH, MAIN, 100)).lines,
        left=(Left(lot_id=str(LOT_ID), district_id=str(SOUTH), quantity=50),),
    )

    split = split_of(lots, outcome(lots, award, bid(MAIN, ANN, (1, 200, "2"))), {})

    assert (won(split), split.left) == ({ANN: [(NORTH, "100", 20_000)]}, Decimal(50))


@pytest.mark.parametrize("mode", asked.TierMode)
@given(
    quantities=st.lists(st.integers(1, 10**6), min_size=1, max_size=6),
    e4=st.integers(1, 10**7),
)
def test_parts_always_sum_to_what_the_vendor_is_paid(
    mode: asked.TierMode, quantities: list[int], e4: int
) -> None:
    members = [PartyId(UUID(int=100 + place)) for place in range(len(quantities))]
    lots = pooled(*((member, str(each)) for member, each in zip(members, quantities, strict=True)))
    whole = sum(quantities)
    unit = Fraction(e4, 10_000)
    tiered = asked.Bid(
        id=MAIN,
        vendor_id=str(ANN),
        lot_id=str(LOT_ID),
        tiers=(asked.Tier(lower=1, upper=whole, unit_price=unit),),
        mode=mode,
    )

    split = split_of(lots, outcome(lots, lines((None, MAIN, whole)), tiered), {})

    (part,) = split.parts
    assert part.quantity == whole
    # Each line is rounded by itself, so that it is off by half a cent at the most.
    off = sum(line.total.minor for line in part.lines) - unit * whole * 100
    assert abs(off) <= Fraction(len(quantities), 2)
