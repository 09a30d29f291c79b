"""Sealed bids, openings and awards over HTTP: what each caller sends, sees and is refused."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.bids.api import (
    award_course,
    awards,
    bids,
    ceremonies,
    lot_auctions,
    openings,
    records,
    technical,
)
from services.bids.api.openings import bytes_of
from services.bids.api.rfps import RFPS
from services.bids.domain.parties import key_text
from services.bids.store.profiles import read_profiles
from services.bids.store.rfps import PostgresRfpStore
from services.bids.usecases.rfps import Rfps
from shared.auth import FixedVerifier, Principal, Role, scopes_of
from shared.db import Pool
from shared.domain.ids import PartyId, new_id
from shared.idempotency import MemoryIdempotencyStore
from shared.journal import Journal
from shared.receipts import verify_receipt
from shared.sealing import generate_key_pair, seal_share, unseal_share
from shared.web import Api, build_app
from tests.component.bids_purchase import CLOSES_AT, OPENED_AT, STANDSTILL, Purchase, publish

RULES = {
    "step": "0.0010",
    "step_against": "own",
    "soft_close_window_s": 120,
    "soft_close_extension_s": 120,
    "extensions_max": 10,
    "show_rank": "own",
    "show_lead": "never",
}


@dataclass
class Counter:
    """Ask the service as somebody."""

    purchase: Purchase
    client: Any

    async def ask(
        self,
        method: str,
        path: str,
        *,
        by: str,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        sent = {"Authorization": f"Bearer {by}", **(headers or {})}
        async with self.client.request(method, path, json=json, headers=sent) as response:
            return response.status, await response.json()

    async def file(
        self, price: object, *, by: str = "vendor 0", headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        path = f"/v1/lots/{self.purchase.lots[0]}/bids"
        body = {"unit_price": price, "currency": "USD"}
        return await self.ask("POST", path, by=by, json=body, headers=headers)

    async def hand_over(self) -> tuple[int, Any]:
        """Read the share, seal it to the opener's key, submit it."""
        purchase = self.purchase
        _, opening = await self.ask("GET", f"/v1/rfps/{purchase.rfp_id}/opening", by="custodian")
        place = f"/v1/openings/{opening['id']}/share"
        _, dealt = await self.ask("GET", place, by="custodian")
        share = unseal_share(
            bytes_of(dealt["sealed_share"]),
            purchase.custodian.private,
            opening_id=purchase.opening_id,
            purpose="custody",
        )
        resealed = seal_share(
            share,
            bytes_of(opening["opener_key"]),
            opening_id=purchase.opening_id,
            purpose="opening",
        )
        body = {"opener_key": opening["opener_key"], "resealed_share": key_text(resealed)}
        return await self.ask("POST", place, by="custodian", json=body)


def tokens_of(purchase: Purchase) -> dict[str, Principal]:
    def principal(role: Role, party_id: PartyId | None) -> Principal:
        return Principal(party_id, role, scopes_of(role), f"{role}", CLOSES_AT, "subject")

    return {
        "buyer": principal(Role.BUYER, purchase.buyer_id),
        "custodian": principal(Role.CUSTODIAN, purchase.custodian_id),
        "other custodian": principal(Role.CUSTODIAN, PartyId(new_id())),
        "stranger": principal(Role.VENDOR, PartyId(new_id())),
        "member": principal(Role.MEMBER, purchase.members[0]),
        **{
            f"vendor {place}": principal(Role.VENDOR, vendor_id)
            for place, vendor_id in enumerate(purchase.vendors)
        },
    }


@asynccontextmanager
async def open_counter(purchase: Purchase) -> AsyncIterator[Counter]:
    api = Api("bids", title="Bids", version="1")
    for part in (
        bids,
        openings,
        ceremonies,
        records,
        technical,
        lot_auctions,
        awards,
        award_course,
    ):
        api.include(part.routes)
    clock, journal = purchase.clock, Journal("bids")
    app = build_app(
        api,
        verifier=FixedVerifier(tokens_of(purchase)),
        clock=clock,
        idempotency=MemoryIdempotencyStore(clock),
        checks={},
    )
    app[bids.SEALED_BIDDING] = purchase.bidding
    app[openings.CUSTODY] = purchase.custody
    app[records.RECORDING] = purchase.recording
    app[technical.JUDGEMENT] = purchase.judgement
    app[awards.AWARDING] = purchase.awarding
    app[award_course.AWARD_COURSE] = purchase.course
    app[lot_auctions.AUCTIONING] = purchase.auctioning
    app[RFPS] = Rfps(
        PostgresRfpStore(purchase.pool, journal), clock=clock, policies=read_profiles()
    )
    async with TestClient(TestServer(app, access_log=None)) as client:
        yield Counter(purchase, client)


@pytest.fixture
async def counter(bids_database: Pool) -> AsyncIterator[Counter]:
    async with open_counter(await publish(bids_database)) as opened:
        yield opened


async def test_receipt_verifies_against_the_served_key(counter: Counter) -> None:
    status, receipt = await counter.file("0.2875")

    async with counter.client.get("/v1/receipt-keys") as response:
        (key,) = (await response.json())["keys"]
    public_key = Ed25519PublicKey.from_public_bytes(bytes_of(key["x"]))
    verified = verify_receipt(receipt["receipt"], public_key)
    assert status == 201
    assert (str(verified.bid_id), verified.version) == (receipt["bid_id"], 1)
    assert (receipt["action"], receipt["log_index"]) == ("filed", verified.log_index)
    assert "0.2875" not in str(receipt)


async def test_same_key_returns_the_first_receipt_though_the_price_is_another(
    counter: Counter,
) -> None:
    headers = {"Idempotency-Key": "milk"}

    _, first = await counter.file("0.2875", headers=headers)
    _, second = await counter.file("0.1111", headers=headers)
    _, third = await counter.file("0.1111")

    assert second == first
    assert third["version"] == 2


async def test_late_bid_is_a_conflict_that_tells_no_price(counter: Counter) -> None:
    counter.purchase.clock.advance(CLOSES_AT - OPENED_AT)

    status, problem = await counter.file("0.2875")

    assert (status, problem["code"]) == (409, "bid_late")
    assert "2875" not in str(problem)


async def test_price_as_a_number_is_refused_without_repeating_it(counter: Counter) -> None:
    status, problem = await counter.file(0.2875)

    assert (status, problem["code"]) == (422, "body_invalid")
    assert "2875" not in str(problem)


async def test_vendor_reads_its_own_bid_and_no_other(counter: Counter) -> None:
    _, receipt = await counter.file("0.2875")
    path = f"/v1/bids/{receipt['bid_id']}"

    own = await counter.ask("GET", path, by="vendor 0")
    other = await counter.ask("GET", path, by="vendor 1")

    assert own == (
        200,
        {
            "bid_id": receipt["bid_id"],
            "lot_id": str(counter.purchase.lots[0]),
            "versions": [receipt],
        },
    )
    assert (other[0], other[1]["code"]) == (404, "bid_unknown")


async def test_bid_is_withdrawn_once(counter: Counter) -> None:
    await counter.file("0.2875")
    path = f"/v1/lots/{counter.purchase.lots[0]}/bids/withdraw"

    first = await counter.ask("POST", path, by="vendor 0")
    second = await counter.ask("POST", path, by="vendor 0")

    assert (first[0], first[1]["action"], first[1]["sealed_sha256"]) == (201, "withdrawn", None)
    assert (second[0], second[1]["code"]) == (409, "bid_withdrawn_already")


@pytest.mark.parametrize(
    ("by", "code"), [("stranger", "vendor_unknown"), ("buyer", "scope_missing")]
)
async def test_whoever_is_no_registered_vendor_files_no_bid(
    counter: Counter, by: str, code: str
) -> None:
    status, problem = await counter.file("0.2875", by=by)

    assert (status, problem["code"]) == (403, code)


async def test_purchase_goes_from_bids_to_award_lines(counter: Counter) -> None:
    purchase = counter.purchase
    lot = f"/v1/lots/{purchase.lots[0]}"
    await counter.file("0.30", by="vendor 0")
    await counter.file("0.25", by="vendor 1")
    await purchase.close()
    unsealer = purchase.unsealer()
    await unsealer.step(purchase.clock.now())

    submitted, _ = await counter.hand_over()
    await unsealer.step(purchase.clock.now())
    _, opening = await counter.ask("GET", f"/v1/rfps/{purchase.rfp_id}/opening", by="member")
    _, evaluation = await counter.ask("GET", f"{lot}/evaluation", by="buyer")
    intended, award = await counter.ask("POST", f"{lot}/intent", by="buyer", json={})
    purchase.clock.advance(STANDSTILL)
    await purchase.keeper.step(purchase.clock.now())
    _, made = await counter.ask("GET", f"{lot}/awards", by="vendor 0")
    (made,) = made["items"]
    _, lines = await counter.ask("GET", f"/v1/awards/{award['id']}/lines", by="member")

    assert (submitted, intended) == (202, 201)
    assert (opening["status"], opening["opened"], opening["failed"]) == ("unsealed", 2, 0)
    assert [(bid["rank"], bid["unit_price"], bid["total"]) for bid in evaluation["bids"]] == [
        (1, "0.25", "105.00"),
        (2, "0.30", "126.00"),
    ]
    assert [bid["score"] for bid in evaluation["bids"]] == ["100.000000", "83.333333"]
    assert (award["status"], award["vendor_name"]) == ("intended", "Dairy 2")
    assert (made["status"], made["total"], made["quantity"]) == ("made", "105.00", "420")
    assert [(line["total"], line["saving"]) for line in lines["items"]] == [("75.00", "18.00")]


async def test_share_is_its_custodians_alone(counter: Counter) -> None:
    path = f"/v1/openings/{counter.purchase.opening_id}/share"

    status, problem = await counter.ask("GET", path, by="other custodian")

    assert (status, problem["code"]) == (404, "opening_unknown")


async def test_share_before_the_close_is_a_conflict(counter: Counter) -> None:
    body = {
        "opener_key": key_text(generate_key_pair().public),
        "resealed_share": key_text(bytes(82)),
    }
    path = f"/v1/openings/{counter.purchase.opening_id}/share"

    status, problem = await counter.ask("POST", path, by="custodian", json=body)

    assert (status, problem["code"]) == (409, "opening_not_closed")


@pytest.mark.parametrize("text", ["a", "a+b=", "x" * 401, ""])
async def test_share_that_is_not_base64url_is_refused(counter: Counter, text: str) -> None:
    path = f"/v1/openings/{counter.purchase.opening_id}/share"
    body = {"opener_key": text, "resealed_share": key_text(bytes(82))}

    status, problem = await counter.ask("POST", path, by="custodian", json=body)

    assert (status, problem["code"]) == (422, "body_invalid")


async def test_lot_sent_to_auction_is_answered_as_auctioning(counter: Counter) -> None:
    purchase = counter.purchase
    await counter.file("0.30", by="vendor 0")
    await counter.file("0.25", by="vendor 1")
    await purchase.open_bids()
    body = {
        "opens_at": "2027-03-16T12:00:00Z",
        "closes_at": "2027-03-16T13:00:00Z",
        "rules": RULES,
    }
    path = f"/v1/lots/{purchase.lots[0]}/auction"

    status, lot = await counter.ask("POST", path, by="buyer", json=body)

    assert (status, lot["status"], lot["members"]) == (202, "auctioning", 2)


async def test_evaluation_is_hidden_from_vendors_before_the_award(counter: Counter) -> None:
    await counter.file("0.30", by="vendor 0")
    await counter.purchase.open_bids()

    status, problem = await counter.ask(
        "GET", f"/v1/lots/{counter.purchase.lots[0]}/evaluation", by="vendor 0"
    )

    assert (status, problem["code"]) == (404, "evaluation_unknown")


async def test_lot_is_ended_without_award_with_a_reason(counter: Counter) -> None:
    await counter.purchase.open_bids()
    path = f"/v1/lots/{counter.purchase.lots[0]}/no-award"

    without = await counter.ask("POST", path, by="buyer", json={})
    ended = await counter.ask("POST", path, by="buyer", json={"reason": "No bids."})

    assert (without[0], without[1]["code"]) == (422, "body_invalid")
    assert (ended[0], ended[1]["status"]) == (200, "no_award")


async def test_bids_of_a_spreadsheet_are_filed_over_http(counter: Counter) -> None:
    path = f"/v1/rfps/{counter.purchase.rfp_id}/bids/import"
    headers = {"Authorization": "Bearer vendor 0", "Content-Type": "text/csv"}

    async def send(table: str, query: str = "") -> tuple[int, Any]:
        async with counter.client.post(path + query, data=table, headers=headers) as answer:
            return answer.status, await answer.json()

    filed = await send("lot_number,unit_price\n1,0.25\n")
    wrong = await send("lot_number,unit_price\n1,0.25\n9,7391.48\n")
    unheard = await send("lot_number,unit_price\n1,0.25\n", "?tiers_apply=never")

    assert (filed[0], filed[1]["receipts"][0]["version"]) == (201, 1)
    assert (wrong[0], wrong[1]["code"], wrong[1]["error_count"]) == (422, "bid_table_invalid", 1)
    assert "7391" not in str(wrong[1])
    assert (unheard[0], unheard[1]["code"]) == (422, "bid_table_invalid")


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"unit_price": "1", "tiers": [{"from": "1", "unit_price": "1"}]},
        {"tiers": [{"from": "2", "unit_price": "1"}, {"from": "2", "unit_price": "1"}]},
        {"tiers": []},
        {"unit_price": "1", "packages": [[]]},
        {"unit_price": "1", "documents": [{"name": "a", "sha256": "00", "length_bytes": 1}]},
    ],
)
async def test_whole_bid_that_says_two_things_or_none_is_refused(
    counter: Counter, members: Mapping[str, object]
) -> None:
    path = f"/v1/lots/{counter.purchase.lots[0]}/bids"

    status, problem = await counter.ask(
        "POST", path, by="vendor 0", json={"currency": "USD", **members}
    )

    assert (status, problem["code"]) == (422, "body_invalid")


async def test_technical_parts_are_judged_and_released_over_http(bids_database: Pool) -> None:
    async with open_counter(await publish(bids_database, envelopes=2)) as counter:
        purchase = counter.purchase
        rfp, lot = f"/v1/rfps/{purchase.rfp_id}", f"/v1/lots/{purchase.lots[0]}"
        body = {
            "unit_price": "0.25",
            "currency": "USD",
            "answers": [{"criterion": "warranty", "text": "three years"}],
            "technical_envelope": True,
        }
        _, receipt = await counter.ask("POST", f"{lot}/bids", by="vendor 0", json=body)
        _, form = await counter.ask("GET", f"{rfp}/bid-form", by="vendor 0")
        await purchase.close()
        unsealer = purchase.unsealer()
        await unsealer.step(purchase.clock.now())
        await purchase.submit(opening_id=purchase.technical_id)
        await unsealer.step(purchase.clock.now())

        shown, parts = await counter.ask("GET", f"{rfp}/technical", by="buyer")
        early, refused = await counter.hand_over()
        judge = f"/v1/bids/{receipt['bid_id']}/technical"
        verdict = {"is_passed": True, "reason": "meets the specification"}
        _, judged = await counter.ask("PUT", judge, by="buyer", json=verdict)
        released, _ = await counter.ask("POST", f"{rfp}/technical/release", by="buyer")
        taken, _ = await counter.hand_over()
        stranger, _ = await counter.ask("GET", f"{rfp}/technical", by="vendor 1")

        assert form["technical"]["opening_id"] == str(purchase.technical_id)
        assert receipt["technical_sha256"] is not None
        assert shown == 200
        assert parts["parts"][0]["answers"] == body["answers"]
        assert (early, refused["code"]) == (409, "technical_part_first")
        assert judged["is_passed"] is True
        assert (released, taken) == (200, 202)
        assert stranger in {403, 404}
