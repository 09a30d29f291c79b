"""What the player decides by itself: which lot is which, what a vendor's program offers next."""

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.season.pace import Stalled, for_each, until
from examples.season.plan import LiveLot, LiveVendor, Need, PooledBy, Stage
from examples.season.programs import next_price, step_of
from examples.season.sealed import LotsDiffer, by_key, is_signed, keys_of
from shared.domain.ids import BidId, LotId, OpeningId
from shared.domain.money import Currency, UnitPrice
from shared.receipts import (
    Receipt,
    ReceiptAction,
    generate_signing_key,
    jwk_of,
    key_id_of,
    sign_receipt,
)

USD = Currency("USD")


def price(text: str) -> UnitPrice:
    return UnitPrice.parse(text, USD)


def need(reference: str, member: str, quantity: int, **change: Any) -> Need:
    whole: dict[str, Any] = {
        "reference": reference,
        "member_reference": member,
        "category": "goods",
        "item_code": "MILK",
        "specification": "Milk",
        "unit": "half pint",
        "quantity": Decimal(quantity),
        "delivery_area": "Ash",
        "term_months": 12,
        "need_by": date(2027, 9, 1),
        "baseline_unit_price": None,
    }
    return Need(**(whole | change))


def stage(by: PooledBy, *needs: Need) -> Stage:
    return Stage(title="Round", needs=needs, pooled_by=by, bids=(), expected_winners=None)


def lot(number: int, quantity: str, **members: str) -> dict[str, Any]:
    return {"id": f"lot {number}", "number": number, "quantity": quantity, **members}


class TestLots:
    def test_single_needs_are_numbered_by_member_and_reference(self) -> None:
        alone = stage(
            PooledBy.ALONE, need("b", "WEST", 3), need("c", "EAST", 2), need("a", "WEST", 1)
        )

        found = by_key([lot(3, "3"), lot(1, "2"), lot(2, "1")], alone)

        assert {key: each["id"] for key, each in found.items()} == {
            "c": "lot 1",
            "a": "lot 2",
            "b": "lot 3",
        }

    def test_pools_go_by_their_area_or_their_item(self) -> None:
        needs = (need("a", "EAST", 1), need("b", "WEST", 2), need("c", "WEST", 4, item_code="EGGS"))
        by_item = stage(PooledBy.ITEM, *needs)
        by_area = stage(PooledBy.AREA, *needs[:2])

        items = by_key([lot(1, "4", item_code="EGGS"), lot(2, "3.0", item_code="MILK")], by_item)
        areas = by_key([lot(1, "3", delivery_area="Ash")], by_area)

        assert {key: each["number"] for key, each in items.items()} == {"EGGS": 1, "MILK": 2}
        assert areas.keys() == {"Ash"}

    @pytest.mark.parametrize(
        "lots",
        [
            [lot(1, "1")],
            [lot(1, "1"), lot(2, "3")],
            [lot(1, "1"), lot(2, "2"), lot(3, "2")],
            [],
        ],
        ids=["one missing", "another quantity", "one too many", "none"],
    )
    def test_lots_that_are_not_the_plan_s_are_refused(self, lots: list[dict[str, Any]]) -> None:
        alone = stage(PooledBy.ALONE, need("a", "EAST", 1), need("b", "WEST", 2))

        with pytest.raises(LotsDiffer):
            by_key(lots, alone)


KEY = generate_signing_key()

SIGNED = Receipt(
    opening_id=OpeningId(UUID(int=1)),
    lot_id=LotId(UUID(int=2)),
    bid_id=BidId(UUID(int=3)),
    version=1,
    action=ReceiptAction.FILED,
    sealed_sha256="ab" * 32,
    received_at=datetime(2027, 3, 1, tzinfo=UTC),
    log_index=7,
    log_hash="cd" * 32,
)


def answered(**change: Any) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "bid_id": str(SIGNED.bid_id),
        "version": 1,
        "sealed_sha256": "ab" * 32,
        "log_hash": "cd" * 32,
        "receipt": sign_receipt(SIGNED, KEY, key_id_of(KEY.public_key())),
    }
    return answer | change


class TestReceipts:
    def test_a_receipt_verifies_with_the_published_keys(self) -> None:
        keys = keys_of({"keys": [jwk_of(KEY.public_key())]})

        assert is_signed(answered(), keys)

    @pytest.mark.parametrize(
        "change",
        [{"log_hash": "00" * 32}, {"version": 2}, {"receipt": "a.b.c"}],
        ids=["says another hash", "says another version", "is no receipt"],
    )
    def test_a_receipt_that_says_something_else_does_not(self, change: dict[str, Any]) -> None:
        keys = keys_of({"keys": [jwk_of(KEY.public_key())]})

        assert not is_signed(answered(**change), keys)

    def test_a_key_that_was_not_published_does_not_count(self) -> None:
        keys = keys_of({"keys": [jwk_of(generate_signing_key().public_key())]})

        assert not is_signed(answered(), keys)


class TestPrograms:
    @pytest.mark.parametrize(
        ("opening", "limit", "step"),
        [("0.1286", "0.1185", "0.0002"), ("368.00", "347.00", "0.50"), ("1.00", "1.00", "0.0001")],
    )
    def test_a_step_is_round_and_about_a_fortieth_of_the_longest_way(
        self, opening: str, limit: str, step: str
    ) -> None:
        live = LiveLot("Ash", (LiveVendor("A", opening, limit), LiveVendor("B", opening, opening)))

        assert step_of(live, USD) == price(step)

    def test_the_last_price_is_the_limit_itself(self) -> None:
        limit, step = price("0.1185"), price("0.0002")

        assert next_price(price("0.1186"), limit=limit, step=step) == limit
        assert next_price(price("0.1185"), limit=limit, step=step) == limit
        assert next_price(price("0.1184"), limit=limit, step=step) is None

    @given(to_beat=st.integers(1, 10**6), limit=st.integers(1, 10**6), step=st.integers(1, 10**4))
    def test_a_price_beats_what_is_to_beat_and_keeps_the_limit(
        self, to_beat: int, limit: int, step: int
    ) -> None:
        chosen = next_price(
            UnitPrice(to_beat, USD), limit=UnitPrice(limit, USD), step=UnitPrice(step, USD)
        )

        if chosen is None:
            assert to_beat < limit
        else:
            assert limit <= chosen.e4 <= to_beat
            assert to_beat - chosen.e4 < step


class TestPace:
    async def test_no_more_are_under_way_than_allowed(self) -> None:
        under_way, most, done = 0, 0, []

        async def act(item: int) -> None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1
            done.append(item)

        await for_each(range(20), act, at_once=3)

        assert sorted(done) == list(range(20))
        assert most == 3

    async def test_the_first_failure_ends_all(self) -> None:
        begun = []

        async def act(item: int) -> None:
            begun.append(item)
            if item == 1:
                raise LookupError
            await asyncio.Event().wait()

        with pytest.raises(LookupError):
            await for_each(range(20), act, at_once=3)

        assert begun == [0, 1, 2]

    async def test_what_never_comes_is_named(self) -> None:
        async def look() -> None:
            return None

        with pytest.raises(Stalled, match="rain"):
            await until(look, awaited="rain", timeout_s=0.01, poll_s=0.001)
