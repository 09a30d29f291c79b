"""Claims to withdraw opened bids over PostgreSQL, and what they do to a lot's ranking."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from aiohttp.test_utils import TestClient, TestServer

from services.bids.api import withdrawals
from services.bids.domain.auctioning import AuctionPlan, LotNotEvaluated
from services.bids.domain.awards.deciding import Choice
from services.bids.domain.bids import BidUnknown
from services.bids.domain.lots import LotUnknown
from services.bids.domain.withdrawals import (
    ClaimId,
    ClericalMistake,
    NewClaim,
    WithdrawalClaim,
    WithdrawalClaimed,
    WithdrawalClaimUnknown,
    WithdrawalLate,
    WithdrawalUndecided,
)
from services.bids.ports.purchase import Part
from services.bids.store.auctioning import read_rankings
from services.bids.store.lots import LotStore
from services.bids.store.profiles import read_profiles
from services.bids.store.withdrawals import WithdrawalStore
from services.bids.usecases.withdrawals import ClericalErrors
from shared import db
from shared.auth import FixedVerifier, Principal, Role
from shared.db import Pool
from shared.domain.ids import AwardId, LotId, PartyId, new_id
from shared.events.bids import AuctionRules
from shared.idempotency import MemoryIdempotencyStore
from shared.journal import Journal
from shared.web import Api, build_app
from tests.component.bids_purchase import CLOSES_AT, GRACE, MICROSECOND, Purchase, publish

DAY: Final = timedelta(days=1)
WEDNESDAY_ENDS: Final = datetime(2027, 3, 18, tzinfo=UTC)
"""The opening is on a Monday, and two working days follow it; the profile counts in UTC."""

RULES: Final = AuctionRules(
    format="english",
    step="0.0010",
    step_against="own",
    soft_close_window_s=120,
    soft_close_extension_s=120,
    extensions_max=10,
    show_rank="own",
    show_lead="never",
)
WHOLE: Final = Part(None, 10)
SECRET: Final = "A column of 0.11 each was not added."


@pytest.fixture
async def purchase(bids_database: Pool) -> Purchase:
    """A lot whose bids of 0.20, 0.30 and 0.40 are opened."""
    purchase = await publish(bids_database, vendors=4)
    for vendor, price in enumerate(("0.20", "0.30", "0.40")):
        await purchase.file(price, vendor=vendor)
    await purchase.open_bids()
    return purchase


@pytest.fixture
def errors(purchase: Purchase) -> ClericalErrors:
    store = WithdrawalStore(purchase.pool, Journal("bids"))
    return ClericalErrors(store, clock=purchase.clock, policies=read_profiles())


async def claim(
    purchase: Purchase,
    errors: ClericalErrors,
    *,
    vendor: int = 0,
    at: datetime = CLOSES_AT + GRACE,
    under: ClaimId | None = None,
) -> WithdrawalClaim:
    new = NewClaim(
        id=under or ClaimId(new_id()),
        lot_id=purchase.lots[0],
        vendor_id=purchase.vendors[vendor],
        mistake=ClericalMistake.ARITHMETIC_ERROR,
        reason=SECRET,
        evidence_sha256=bytes(range(32)),
    )
    return await errors.claim(new, received_at=at)


async def decide(
    purchase: Purchase, errors: ClericalErrors, claimed: WithdrawalClaim, *, is_granted: bool
) -> WithdrawalClaim:
    return await errors.decide(
        purchase.lots[0],
        claimed.id,
        is_granted=is_granted,
        reason="The work papers show it.",
        buyer_id=purchase.buyer_id,
    )


async def ranking(purchase: Purchase) -> list[PartyId]:
    async with db.reading(purchase.pool) as connection:
        lot = await LotStore().read(connection, purchase.lots[0])
        rankings = await read_rankings(connection, lot)
    return [bidder.vendor_id for bidder in rankings.deciding]


def caller(role: Role, party_id: PartyId | None) -> Principal:
    return Principal(party_id, role, frozenset(), "a-token", datetime(2030, 1, 1, tzinfo=UTC))


async def test_withdrawn_bid_leaves_the_ranking_and_the_next_one_leads(
    purchase: Purchase, errors: ClericalErrors
) -> None:
    claimed = await claim(purchase, errors)

    withdrawn = await decide(purchase, errors, claimed, is_granted=True)

    assert withdrawn.is_granted
    assert await ranking(purchase) == purchase.vendors[1:3]
    chain = await purchase.types_of(purchase.lots[0])
    assert chain[-3:] == [
        "bid.withdrawal_sought",
        "bid.withdrawal_judged",
        "bid.disqualified",
    ]


async def test_bid_whose_claim_was_refused_stands_and_leads(
    purchase: Purchase, errors: ClericalErrors
) -> None:
    claimed = await claim(purchase, errors)

    await decide(purchase, errors, claimed, is_granted=False)

    assert await ranking(purchase) == purchase.vendors[:3]
    assert "bid.disqualified" not in await purchase.types_of(purchase.lots[0])


async def test_claim_is_taken_until_its_last_day_is_over(
    purchase: Purchase, errors: ClericalErrors
) -> None:
    await claim(purchase, errors, at=WEDNESDAY_ENDS - MICROSECOND)

    with pytest.raises(WithdrawalLate):
        await claim(purchase, errors, vendor=1, at=WEDNESDAY_ENDS)


async def test_repeated_claim_finds_the_one_that_stands_and_another_is_refused(
    purchase: Purchase, errors: ClericalErrors
) -> None:
    first = await claim(purchase, errors)

    again = await claim(purchase, errors, at=WEDNESDAY_ENDS + DAY, under=first.id)

    assert again == first
    with pytest.raises(WithdrawalClaimed):
        await claim(purchase, errors)


async def test_nothing_is_claimed_or_decided_once_the_lot_is(
    purchase: Purchase, errors: ClericalErrors
) -> None:
    claimed = await claim(purchase, errors)
    await purchase.pool.execute("UPDATE lot SET status = 'intended'")

    with pytest.raises(LotNotEvaluated):
        await claim(purchase, errors, vendor=1)
    with pytest.raises(LotNotEvaluated):
        await decide(purchase, errors, claimed, is_granted=True)


async def test_vendor_without_an_opened_bid_claims_nothing(
    purchase: Purchase, errors: ClericalErrors
) -> None:
    with pytest.raises(BidUnknown):
        await claim(purchase, errors, vendor=3)


async def test_only_the_lots_buyer_decides(purchase: Purchase, errors: ClericalErrors) -> None:
    claimed = await claim(purchase, errors)
    rival = PartyId(new_id())

    with pytest.raises(LotUnknown):
        await errors.decide(
            purchase.lots[0], claimed.id, is_granted=True, reason="No.", buyer_id=rival
        )
    with pytest.raises(WithdrawalClaimUnknown):
        await errors.decide(
            purchase.lots[0],
            ClaimId(new_id()),
            is_granted=True,
            reason="No.",
            buyer_id=purchase.buyer_id,
        )


async def test_lot_goes_to_no_auction_while_a_claim_waits(
    purchase: Purchase, errors: ClericalErrors
) -> None:
    claimed = await claim(purchase, errors)
    now = purchase.clock.now()
    plan = AuctionPlan(opens_at=now + DAY, closes_at=now + 2 * DAY, rules=RULES)

    with pytest.raises(WithdrawalUndecided):
        await purchase.auctioning.request(purchase.lots[0], plan, buyer_id=purchase.buyer_id)

    await decide(purchase, errors, claimed, is_granted=True)
    lot = await purchase.auctioning.request(purchase.lots[0], plan, buyer_id=purchase.buyer_id)
    assert lot.status == "auctioning"
    (asked,) = await purchase.events("auction.requested.v1")
    assert str(purchase.vendors[0]) not in asked


async def test_lot_is_neither_awarded_nor_ended_while_a_claim_waits(
    purchase: Purchase, errors: ClericalErrors
) -> None:
    claimed, lot_id = await claim(purchase, errors), purchase.lots[0]
    choice = Choice(award_id=AwardId(new_id()), vendor_id=None, reason=None)

    with pytest.raises(WithdrawalUndecided):
        await purchase.awarding.intend(lot_id, choice, buyer_id=purchase.buyer_id)
    with pytest.raises(WithdrawalUndecided):
        await purchase.awarding.end_without_award(lot_id, "why", buyer_id=purchase.buyer_id)

    await decide(purchase, errors, claimed, is_granted=True)
    record = await purchase.awarding.intend(lot_id, choice, buyer_id=purchase.buyer_id)
    assert record.award.vendor_id == purchase.vendors[1]


async def test_buyer_sees_all_claims_a_vendor_its_own_and_others_none(
    purchase: Purchase, errors: ClericalErrors
) -> None:
    claims = [await claim(purchase, errors, vendor=vendor) for vendor in (0, 1)]
    lot_id = purchase.lots[0]

    async def seen(role: Role, party_id: PartyId | None) -> list[WithdrawalClaim]:
        return await errors.page(lot_id, WHOLE, viewer=caller(role, party_id))

    assert await seen(Role.BUYER, purchase.buyer_id) == claims
    assert await seen(Role.AUDITOR, None) == claims
    assert await seen(Role.VENDOR, purchase.vendors[1]) == claims[1:]
    assert await seen(Role.VENDOR, purchase.vendors[2]) == []
    assert await seen(Role.OBSERVER, None) == []
    await purchase.pool.execute("UPDATE lot SET status = 'auctioning'")
    assert await seen(Role.AUDITOR, None) == []
    with pytest.raises(LotUnknown):
        await errors.page(LotId(new_id()), WHOLE, viewer=caller(Role.AUDITOR, None))


async def test_buyer_is_told_of_a_claim_and_the_vendor_of_the_decision_without_its_words(
    purchase: Purchase, errors: ClericalErrors
) -> None:
    claimed = await claim(purchase, errors)
    await decide(purchase, errors, claimed, is_granted=True)

    (sought,) = await purchase.events("bid.withdrawal_claimed.v1")
    (judged,) = await purchase.events("bid.withdrawal_decided.v1")
    chain = await purchase.pool.fetchval("SELECT string_agg(entry, ' ') FROM audit")

    assert str(purchase.buyer_id) in sought
    assert str(purchase.vendors[0]) in judged
    assert SECRET not in f"{sought}{judged}{chain}"
    assert str(purchase.vendors[0]) not in chain


async def test_claim_and_decision_go_over_the_routes(
    purchase: Purchase, errors: ClericalErrors
) -> None:
    principals = {
        "vendor": (Role.VENDOR, purchase.vendors[0], frozenset({"bid:write", "award:read"})),
        "buyer": (Role.BUYER, purchase.buyer_id, frozenset({"award:read", "award:write"})),
    }
    verifier = FixedVerifier(
        {
            name: Principal(party_id, role, scopes, name, CLOSES_AT + DAY)
            for name, (role, party_id, scopes) in principals.items()
        }
    )
    app = build_app(
        whole_api(),
        verifier=verifier,
        clock=purchase.clock,
        idempotency=MemoryIdempotencyStore(purchase.clock),
        checks={},
    )
    app[withdrawals.CLERICAL_ERRORS] = errors
    path = f"/v1/lots/{purchase.lots[0]}/withdrawal-claims"
    said = {"mistake": "omission", "reason": SECRET, "evidence_sha256": "ab" * 32}

    async with TestClient(TestServer(app, access_log=None)) as client:
        as_vendor = {"Authorization": "Bearer vendor", "Idempotency-Key": "slip"}
        as_buyer = {"Authorization": "Bearer buyer"}
        claimed = await client.post(path, json=said, headers=as_vendor)
        again = await client.post(path, json=said, headers=as_vendor)
        claim_id = (await claimed.json())["id"]
        granted = await client.put(
            f"{path}/{claim_id}/decision",
            json={"is_granted": True, "reason": "Shown."},
            headers=as_buyer,
        )
        listed = await (await client.get(path, headers=as_vendor)).json()

        assert (claimed.status, again.status, granted.status) == (201, 201, 200)
        assert (await again.json())["id"] == claim_id
        assert [(one["id"], one["is_granted"]) for one in listed["items"]] == [(claim_id, True)]
        assert listed["items"][0]["decided_reason"] == "Shown."


def whole_api() -> Api:
    api = Api("bids", title="Bids", version="1")
    api.include(withdrawals.routes)
    return api
