"""The verdict finds each thing that can fail to add up, and nothing where all does."""

import dataclasses
import hashlib
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from examples.season.outcome import reckon, summary
from examples.season.plan import (
    LiveLot,
    LiveVendor,
    Member,
    Need,
    PooledBy,
    SealedBid,
    Season,
    Stage,
    Vendor,
)
from examples.season.records import (
    AuctionPlayed,
    Award,
    FiledBid,
    Line,
    Link,
    Offer,
    Placed,
    Played,
    Published,
    Received,
    StagePlayed,
    Webhook,
)
from examples.season.verdict import faults
from shared.domain.money import Currency, Money, UnitPrice

USD = Currency("USD")


def price(text: str) -> UnitPrice:
    return UnitPrice.parse(text, USD)


def need(reference: str, member: str, quantity: int, area: str) -> Need:
    return Need(
        reference=reference,
        member_reference=member,
        category="goods",
        item_code="MILK",
        specification="Milk",
        unit="half pint",
        quantity=Decimal(quantity),
        delivery_area=area,
        term_months=12,
        need_by=date(2027, 9, 1),
        baseline_unit_price="0.13",
    )


# Two counties: Ash (two members, one with two needs), live; Birch (one member), not live.
NEEDS = (
    need("n1", "EAST", 1000, "Ash"),
    need("n2", "EAST", 500, "Ash"),
    need("n3", "WEST", 2000, "Ash"),
    need("n4", "NORTH", 10, "Birch"),
)

SEASON = Season(
    dataset="A season of two counties",
    currency=USD,
    members=tuple(Member(name, name.title(), "") for name in ("EAST", "WEST", "NORTH")),
    vendors=(Vendor("DAIRY", "Dairy"), Vendor("FARM", "Farm")),
    alone=Stage(
        title="Alone",
        needs=NEEDS,
        pooled_by=PooledBy.ALONE,
        bids=(
            SealedBid("n1", "DAIRY", "0.12"),
            SealedBid("n2", "DAIRY", "0.12"),
            SealedBid("n3", "FARM", "0.14"),
            SealedBid("n4", "FARM", "0.11"),
        ),
        expected_winners={"n1": "DAIRY", "n2": "DAIRY", "n3": "FARM", "n4": "FARM"},
    ),
    pooled=Stage(
        title="Pooled",
        needs=NEEDS,
        pooled_by=PooledBy.AREA,
        bids=(
            SealedBid("Ash", "DAIRY", "0.12"),
            SealedBid("Ash", "FARM", "0.14"),
            SealedBid("Birch", "FARM", "0.15"),
        ),
        expected_winners=None,
    ),
    live=(
        LiveLot("Ash", (LiveVendor("DAIRY", "0.12", "0.11"), LiveVendor("FARM", "0.14", "0.115"))),
    ),
    alone_price_of=dict.fromkeys(("n1", "n2", "n3", "n4"), "0.13"),
    notes=(),
)


def chain(*entries: str) -> tuple[Link, ...]:
    links = []
    previous = bytes(32)
    for sequence, entry in enumerate(entries, start=1):
        previous = hashlib.sha256(previous + entry.encode()).digest()
        links.append(Link(sequence, entry, previous.hex()))
    return tuple(links)


def stage_played(stage: Stage) -> StagePlayed:
    """Play a stage's bids as planned: each lot's ranking is by price."""
    links = chain("dealt", *(f"{bid.lot_key} {bid.vendor_reference}" for bid in stage.bids))
    filed = tuple(
        FiledBid(
            lot_key=bid.lot_key,
            vendor_reference=bid.vendor_reference,
            bid_id=f"{stage.title}-{bid.lot_key}-{bid.vendor_reference}",
            version=1,
            sealed_sha256=f"hash of {bid.lot_key} {bid.vendor_reference}",
            log_index=link.sequence,
            log_hash=link.hash,
            is_signed=True,
        )
        for bid, link in zip(stage.bids, links[1:], strict=True)
    )
    rankings: dict[str, tuple[Placed, ...]] = {}
    for bid in stage.bids:
        placed = Placed(bid.vendor_reference, price(bid.unit_price))
        rankings[bid.lot_key] = (*rankings.get(bid.lot_key, ()), placed)
    return StagePlayed(
        stage=stage,
        bids=filed,
        sealed_list=frozenset((bid.bid_id, bid.version, bid.sealed_sha256) for bid in filed),
        opened=len(filed),
        failed=0,
        chain=links,
        rankings=rankings,
    )


LOG = chain("proposed", "opened", "FARM 0.119", "DAIRY 0.1149", "closed")

AUCTION = AuctionPlayed(
    lot_key="Ash",
    offers=(
        Offer(vendor_reference="FARM", price=price("0.119"), sequence=3, hash=LOG[2].hash),
        Offer(vendor_reference="DAIRY", price=price("0.1149"), sequence=4, hash=LOG[3].hash),
    ),
    counted=2,
    log=LOG,
    ranking=(Placed("DAIRY", price("0.1149")), Placed("FARM", price("0.119"))),
)


def line(name: str, member: str, quantity: int, total: int, baseline: int) -> Line:
    return Line(
        id=name,
        member_reference=member,
        quantity=Decimal(quantity),
        total=Money(total, USD),
        baseline_total=Money(baseline, USD),
    )


# By hand: 1,500 x 0.1149 = 172.35; 2,000 x 0.1149 = 229.80; 10 x 0.15 = 1.50.
# Alone, at 0.13: 130.00 + 65.00 and 260.00; 1.30.
ASH = Award(
    lot_key="Ash",
    vendor_reference="DAIRY",
    price=price("0.1149"),
    quantity=Decimal(3500),
    total=Money(40_215, USD),
    lines=(line("l1", "EAST", 1500, 17_235, 19_500), line("l2", "WEST", 2000, 22_980, 26_000)),
)
BIRCH = Award(
    lot_key="Birch",
    vendor_reference="FARM",
    price=price("0.15"),
    quantity=Decimal(10),
    total=Money(150, USD),
    lines=(line("l3", "NORTH", 10, 150, 130),),
)

WEBHOOKS = (
    Webhook(id="w1", member_reference="EAST", line_id="l1", total="172.35"),
    Webhook(id="w2", member_reference="WEST", line_id="l2", total="229.80"),
    Webhook(id="w3", member_reference="NORTH", line_id="l3", total="1.50"),
)

SAMPLES = Path(__file__).resolve().parents[1] / "golden" / "awards"
PUBLISHED = Published(
    bundle=(SAMPLES / "coop-award-1.json").read_text(encoding="utf-8"),
    page="",
    keys=(SAMPLES / "receipt-keys.json").read_text(encoding="utf-8"),
)
"""What another purchase published; it verifies by itself."""


@pytest.fixture
def played() -> Played:
    assert SEASON.alone is not None
    return Played(
        season=SEASON,
        alone=stage_played(SEASON.alone),
        pooled=stage_played(SEASON.pooled),
        auctions=(AUCTION,),
        awards=(ASH, BIRCH),
        published=PUBLISHED,
        received=Received(webhooks=WEBHOOKS, repeated=0, unverified=0),
        sent=frozenset({"w1", "w2", "w3"}),
    )


def with_pooled(played: Played, **change: Any) -> Played:
    return dataclasses.replace(played, pooled=dataclasses.replace(played.pooled, **change))


def with_auction(played: Played, **change: Any) -> Played:
    return dataclasses.replace(played, auctions=(dataclasses.replace(AUCTION, **change),))


def with_ash(played: Played, **change: Any) -> Played:
    return dataclasses.replace(played, awards=(dataclasses.replace(ASH, **change), BIRCH))


def with_received(played: Played, **change: Any) -> Played:
    return dataclasses.replace(played, received=dataclasses.replace(played.received, **change))


def with_first_line(played: Played, **change: Any) -> Played:
    return with_ash(played, lines=(dataclasses.replace(ASH.lines[0], **change), ASH.lines[1]))


def with_first_bid(played: Played, **change: Any) -> Played:
    first, *others = played.pooled.bids
    return with_pooled(played, bids=(dataclasses.replace(first, **change), *others))


def test_a_season_that_went_as_planned_has_no_fault(played: Played) -> None:
    assert faults(played) == []


def another_winner(played: Played) -> Played:
    assert played.alone is not None
    rankings = {**played.alone.rankings, "n3": (Placed("DAIRY", price("0.1")),)}
    alone = dataclasses.replace(played.alone, rankings=rankings)
    return dataclasses.replace(played, alone=alone)


def open_data(*awards: tuple[str, float]) -> dict[str, Any]:
    told = [{"status": status, "value": {"amount": amount}} for status, amount in awards]
    return {"releases": [{"awards": told}]}


def test_open_data_that_tell_the_awards_have_no_fault(played: Played) -> None:
    totals = [("active", float(str(award.total))) for award in played.awards]

    told = dataclasses.replace(played, package=open_data(*totals, ("cancelled", 5.0)))

    assert faults(told) == []


def test_open_data_that_leave_an_award_out_are_wrong(played: Played) -> None:
    told = dataclasses.replace(played, package=open_data(("active", 1.5)))

    assert faults(told) == ["open data tell 1 awards of 1.5, made were 2"]


BROKEN: dict[str, tuple[Callable[[Played], Played], str]] = {
    "another winner than recorded": (
        another_winner,
        "n3 is won by DAIRY, and was won by FARM",
    ),
    "a bid without receipt": (
        lambda played: with_pooled(played, bids=played.pooled.bids[1:]),
        "DAIRY has 0 receipts for its bid on Ash",
    ),
    "a bid counted twice": (
        lambda played: with_pooled(played, bids=(*played.pooled.bids, played.pooled.bids[0])),
        "DAIRY has 2 receipts for its bid on Ash",
    ),
    "an acknowledged bid that is not on the sealed list": (
        lambda played: with_first_bid(played, bid_id="lost"),
        "bid lost was acknowledged and is not on the sealed list",
    ),
    "a sealed bid that nobody filed": (
        lambda played: with_pooled(
            played, sealed_list=played.pooled.sealed_list | {("strange", 1, "00")}
        ),
        "bid strange is on the sealed list and nobody filed it",
    ),
    "a bid that did not open": (
        lambda played: with_pooled(played, opened=2, failed=1),
        "2 of 3 bids opened, and 1 failed",
    ),
    "a receipt that is not in the chain": (
        lambda played: with_first_bid(played, log_hash="00"),
        "the receipt of bid Pooled-Ash-DAIRY is not in the opening's chain",
    ),
    "a receipt that is not signed": (
        lambda played: with_first_bid(played, is_signed=False),
        "the receipt of bid Pooled-Ash-DAIRY is not signed with a published key",
    ),
    "a chain with an altered entry": (
        lambda played: with_pooled(
            played,
            chain=(
                played.pooled.chain[0],
                dataclasses.replace(played.pooled.chain[1], entry="rewritten"),
                *played.pooled.chain[2:],
            ),
        ),
        "the chain breaks at place 2",
    ),
    "a chain that lost its beginning": (
        lambda played: with_auction(played, log=LOG[1:]),
        "the chain breaks at place 1",
    ),
    "an acknowledged offer that is not in the log": (
        lambda played: with_auction(
            played, offers=(dataclasses.replace(AUCTION.offers[0], hash="00"), AUCTION.offers[1])
        ),
        "FARM's offer 3 is not in the log",
    ),
    "an offer counted twice": (
        lambda played: with_auction(played, counted=3),
        "2 offers were acknowledged, and 3 are counted",
    ),
    "two acknowledgements of one place": (
        lambda played: with_auction(played, offers=(*AUCTION.offers, AUCTION.offers[1]), counted=3),
        "3 offers were acknowledged, and 3 are counted",
    ),
    "an offer below its vendor's limit": (
        lambda played: with_auction(
            played,
            offers=(AUCTION.offers[0], dataclasses.replace(AUCTION.offers[1], price=price("0.1"))),
        ),
        "DAIRY offered 0.10, below its limit",
    ),
    "a last offer that does not stand": (
        lambda played: with_auction(
            played, ranking=(AUCTION.ranking[0], Placed("FARM", price("0.14")))
        ),
        "FARM's last offer, 0.119, is not where it stands at the close",
    ),
    "a final ranking that is not by price": (
        lambda played: with_auction(played, ranking=AUCTION.ranking[::-1]),
        "the final ranking is not by price",
    ),
    "a lot without award": (
        lambda played: dataclasses.replace(played, awards=(ASH,)),
        "0 awards were made of Birch",
    ),
    "a lot awarded twice": (
        lambda played: dataclasses.replace(played, awards=(ASH, BIRCH, BIRCH)),
        "2 awards were made of Birch",
    ),
    "an award to another than the best": (
        lambda played: with_ash(played, vendor_reference="FARM"),
        "FARM at 0.1149 is not the best of the ranking",
    ),
    "an award at another price than the lowest bid": (
        lambda played: with_pooled(
            dataclasses.replace(
                played, awards=(ASH, dataclasses.replace(BIRCH, price=price("0.16")))
            ),
            rankings={"Birch": (Placed("FARM", price("0.16")),)},
        ),
        "it was made at 0.16, and the lowest bid is 0.15",
    ),
    "lines that do not sum": (
        lambda played: with_ash(played, total=Money(40_216, USD)),
        "its lines do not sum to 402.16",
    ),
    "a line that is not price times quantity": (
        lambda played: with_first_line(played, total=Money(17_234, USD)),
        "the line of EAST is not price times quantity",
    ),
    "a line of another quantity than was needed": (
        lambda played: with_first_line(played, quantity=Decimal(1499)),
        "its lines are not its members' quantities",
    ),
    "a line of a member that needs nothing there": (
        lambda played: with_first_line(played, member_reference="NORTH"),
        "its lines are not its members' quantities",
    ),
    "an award of another quantity than its lines": (
        lambda played: with_ash(played, quantity=Decimal(3501)),
        "its lines are not its members' quantities",
    ),
    "baselines that are not what is paid alone": (
        lambda played: with_first_line(played, baseline_total=Money(19_501, USD)),
        "its baselines do not sum to 455.00",
    ),
    "a line without a baseline": (
        lambda played: with_first_line(played, baseline_total=None),
        "its baselines do not sum to 455.00",
    ),
    "a webhook with a false signature": (
        lambda played: with_received(played, unverified=1),
        "1 webhooks came with a signature that does not fit",
    ),
    "a line that no webhook told": (
        lambda played: with_received(played, webhooks=WEBHOOKS[1:]),
        "award line l1 was told by 0 webhooks",
    ),
    "a line told under two ids": (
        lambda played: with_received(
            played, webhooks=(*WEBHOOKS, dataclasses.replace(WEBHOOKS[0], id="w4"))
        ),
        "award line l1 was told by 2 webhooks",
    ),
    "a webhook of a line that does not exist": (
        lambda played: with_received(
            played, webhooks=(*WEBHOOKS, dataclasses.replace(WEBHOOKS[0], line_id="l9"))
        ),
        "award line l9 was told by 1 webhooks",
    ),
    "a webhook to another member": (
        lambda played: with_received(
            played,
            webhooks=(dataclasses.replace(WEBHOOKS[0], member_reference="WEST"), *WEBHOOKS[1:]),
        ),
        "webhook w1 went astray, or tells another total than its line",
    ),
    "a webhook that tells another total": (
        lambda played: with_received(
            played, webhooks=(dataclasses.replace(WEBHOOKS[0], total="172.36"), *WEBHOOKS[1:])
        ),
        "webhook w1 went astray, or tells another total than its line",
    ),
    "a webhook that is called delivered and never came": (
        lambda played: dataclasses.replace(played, sent=played.sent | {"w9"}),
        "webhook w9 was sent and never came",
    ),
    "a webhook that no book knows": (
        lambda played: dataclasses.replace(played, sent=played.sent - {"w1"}),
        "webhook w1 is in no book of deliveries",
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_what_does_not_add_up_is_named(
    played: Played, broken: tuple[Callable[[Played], Played], str]
) -> None:
    change, sentence = broken

    found = faults(change(played))

    assert any(fault.endswith(sentence) for fault in found), found


def test_a_webhook_that_came_twice_under_one_id_is_no_fault(played: Played) -> None:
    assert faults(with_received(played, repeated=2)) == []


class TestOutcome:
    def test_costs_are_those_worked_by_hand(self, played: Played) -> None:
        outcome = reckon(played)

        assert str(outcome.alone) == "456.30"
        assert str(outcome.pooled) == "403.65"
        assert [str(row.difference) for row in outcome.rows] == ["-52.85", "0.20"]

    def test_a_lot_in_which_pooling_costs_more_is_named(self, played: Played) -> None:
        assert reckon(played).dearer == ("Birch",)

    def test_a_price_is_marked_where_its_vendor_had_not_priced_every_need(
        self, played: Played
    ) -> None:
        marked = {row.lot_key: row.is_extrapolated for row in reckon(played).rows}

        # Dairy had not bid on n3 of Ash; Farm had bid on all of Birch.
        assert marked == {"Ash": True, "Birch": False}

    def test_the_summary_counts_both_stages(self, played: Played) -> None:
        figures = summary(played, seconds=12.34)

        assert figures == {
            "dataset": "A season of two counties",
            "members": 3,
            "requirements": 4,
            "lots": 6,
            "vendors": 2,
            "bids": 7,
            "sealed_winners_checked": 4,
            "sealed_winners_matched": 4,
            "auctions": 1,
            "offers": 2,
            "awards": 2,
            "award_lines": 3,
            "webhooks_sent": 3,
            "webhooks_verified": 3,
            "cost_alone": "456.30",
            "cost_pooled": "403.65",
            "currency": "USD",
            "seconds": 12.3,
            "stages": [
                {"title": "Alone", "lots": 4, "bids": 4},
                {"title": "Pooled", "lots": 2, "bids": 3},
            ],
        }

    def test_the_summary_counts_only_winners_that_match(self, played: Played) -> None:
        figures = summary(another_winner(played), seconds=1.0)

        assert (figures["sealed_winners_checked"], figures["sealed_winners_matched"]) == (4, 3)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"total":"81.00"', '"total":"81.01"', "stated 81.01, computed 81.00"),
        ("coop-award/1", "coop-award/2", "not an award bundle"),
    ],
)
def test_bundle_that_does_not_verify_is_a_fault(
    played: Played, old: str, new: str, fault: str
) -> None:
    bundle = PUBLISHED.bundle.replace(old, new)

    found = faults(
        dataclasses.replace(played, published=dataclasses.replace(PUBLISHED, bundle=bundle))
    )

    assert [fault in one for one in found] == [True]
