"""The life of an RFP over HTTP and real tables: terms, law, addenda, questions, invitations."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.bids.domain.auctioning import AuctionPlan
from services.bids.domain.policy import PolicyBreached
from services.bids.store.amendments import unconfirmed_bids
from shared import db
from shared.auth import Principal, Role, scopes_of
from shared.db import Pool
from shared.domain.ids import BidId, OpeningId, new_id
from shared.events.bids import AuctionRules
from tests.component.bids_counter import (
    BUYER,
    NOW,
    Answer,
    Counter,
    csv_file,
    csv_row,
    open_counter,
)
from tests.component.bids_purchase import CLOSES_AT as BIDS_CLOSE_AT
from tests.component.bids_purchase import publish as publish_purchase
from tests.patience import PATIENCE_S

CLOSES_AT = NOW + timedelta(days=30)
QUIET_MENTION = "the firm from Carrow"

ACCEPTANCE = {"acceptance_window_s": 1_209_600, "silence_means": "declined"}
"""What group pricing states: two weeks, in which silence declines."""

_AUTHORITY = """-- tests.add_authority
INSERT INTO member_authority (id, member_id, kind, document_sha256, signed_on, recorded_at)
VALUES ($1, $2, 'resolution', '\\x00', '2027-01-01', $3)
"""


@pytest.fixture
async def counter(bids_database: Pool) -> AsyncIterator[Counter]:
    async with open_counter(bids_database) as counter:
        for name in ("ann", "ben"):
            counter.tokens[name] = person(name)
        await counter.register_custodian("KEEPER")
        yield counter


def person(name: str) -> Principal:
    """A person who acts for the buyer."""
    scopes = scopes_of(Role.BUYER)
    return Principal(BUYER, Role.BUYER, scopes, f"{name}-token", NOW + timedelta(days=99), name)


async def ask_draft(counter: Counter, *, by: str = "ann", **changes: Any) -> Answer:
    body = {
        "title": "Links",
        "currency": "USD",
        "consortium_model": "group_procurement",
        "policy_profile": "open",
        "custodian_id": counter.ids["KEEPER"],
        "closes_at": CLOSES_AT.isoformat(),
        "standstill_s": 0,
        **changes,
    }
    return await counter.ask("POST", "/v1/rfps", by=by, json=body)


async def pooled(counter: Counter, *, commitment: str = "firm", **changes: Any) -> tuple[str, str]:
    """Draft an RFP with one lot; tell its id and the lot's."""
    reference = f"M{new_id().hex[-8:]}"
    member_id = await counter.register(Role.MEMBER, reference)
    await counter.pool.execute(_AUTHORITY, new_id(), UUID(member_id), NOW)
    rows = [
        csv_row(reference, f"{reference}-1", item_code=reference),
        csv_row(reference, f"{reference}-2", item_code=reference, commitment=commitment),
    ]
    imported = await counter.ask(
        "POST", "/v1/requirements/import?currency=USD", data=csv_file(*rows)
    )
    assert imported.status == 201, imported.body
    drafted = await ask_draft(counter, **changes)
    assert drafted.status == 201, drafted.body
    rfp_id = str(drafted.body["id"])
    answer = await counter.ask(
        "POST", f"/v1/rfps/{rfp_id}/pool", json={"by": "item", "item_code": reference}
    )
    return rfp_id, str(answer.body["lots"][0]["id"])


async def publish(counter: Counter, rfp_id: str) -> Answer:
    return await counter.ask("POST", f"/v1/rfps/{rfp_id}/publish")


async def published(counter: Counter, **changes: Any) -> tuple[str, str]:
    rfp_id, lot_id = await pooled(counter, **changes)
    answer = await publish(counter, rfp_id)
    assert answer.status == 200, answer.body
    return rfp_id, lot_id


async def amend(counter: Counter, rfp_id: str, *, by: str = "ann", **changes: Any) -> Answer:
    body = {"text": "Ten more links.", "is_substantial": True, **changes}
    return await counter.ask("POST", f"/v1/rfps/{rfp_id}/addenda", by=by, json=body)


async def file_bid(counter: Counter, lot_id: str, vendor: str) -> BidId:
    """Put a bid that stands into the tables, received now."""
    bid_id, pool = BidId(new_id()), counter.pool
    opening_id = await pool.fetchval(
        "SELECT opening.id FROM opening JOIN lot ON lot.rfp_id = opening.rfp_id "
        "WHERE lot.id = $1 AND opening.purpose = 'price'",
        UUID(lot_id),
    )
    await pool.execute(
        "INSERT INTO bid (id, opening_id, lot_id, vendor_id, latest_version, is_withdrawn) "
        "VALUES ($1, $2, $3, $4, 1, false)",
        bid_id,
        opening_id,
        UUID(lot_id),
        UUID(counter.ids[vendor]),
    )
    await pool.execute(
        "INSERT INTO bid_version (id, bid_id, version, received_at, log_index, receipt) "
        "VALUES ($1, $2, 1, $3, 1, '')",
        new_id(),
        bid_id,
        counter.clock.now(),
    )
    return bid_id


async def confirm(counter: Counter, lot_id: str, vendor: str, addendum: int) -> Answer:
    path, body = f"/v1/lots/{lot_id}/bids/confirm", {"addendum": addendum}
    return await counter.ask("POST", path, by=vendor, json=body)


async def not_counted(counter: Counter, rfp_id: str) -> frozenset[BidId]:
    opening_id = await counter.pool.fetchval(
        "SELECT id FROM opening WHERE rfp_id = $1 AND purpose = 'price'", UUID(rfp_id)
    )
    async with db.transaction(counter.pool) as connection:
        return await unconfirmed_bids(connection, OpeningId(opening_id))


async def everything(counter: Counter, *but: str) -> str:
    """All text of all tables of the service, except of those that are named."""
    tables = await counter.pool.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'bids'::regnamespace AND relkind = 'r'"
    )
    kept = [
        str(row[0])
        for table in tables
        if table["relname"] not in but
        for row in await counter.pool.fetch(
            f"SELECT kept::text FROM {table['relname']} AS kept"  # noqa: S608 - from the catalogue
        )
    ]
    return "".join(kept)


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["code"]


# Terms and templates -------------------------------------------------------------------------


async def test_terms_are_written_until_the_publication_freezes_them(counter: Counter) -> None:
    rfp_id, _ = await pooled(counter, consortium_model="group_pricing")
    criteria = [
        {"name": "price", "kind": "price", "weight": "62.5"},
        {"name": "experience", "kind": "rated", "weight": "37.5"},
        {"name": "licence", "kind": "pass_fail"},
    ]
    terms: dict[str, Any] = {"criteria": criteria, "acceptance_window_s": 86_400}
    body = {"terms": terms}
    unsaid = await counter.ask("PUT", f"/v1/rfps/{rfp_id}/terms", json=body)
    refused = await publish(counter, rfp_id)
    terms["silence_means"] = "accepted"

    written = await counter.ask("PUT", f"/v1/rfps/{rfp_id}/terms", json=body)
    await publish(counter, rfp_id)
    late = await counter.ask("PUT", f"/v1/rfps/{rfp_id}/terms", json=body)
    read = await counter.ask("GET", f"/v1/rfps/{rfp_id}", by="observer")

    assert (unsaid.status, code(refused)) == (200, (422, "policy_breached"))
    assert [each["rule"] for each in refused.body["breaches"]] == ["acceptance_window"]
    assert written.status == 200, written.body
    assert read.body["terms"]["criteria"] == [
        {"name": "price", "kind": "price", "weight": "62.5", "covers": "all"},
        {"name": "experience", "kind": "rated", "weight": "37.5", "covers": None},
        {"name": "licence", "kind": "pass_fail", "weight": None, "covers": None},
    ]
    assert read.body["terms"]["acceptance_window_s"] == 86_400
    assert read.body["terms"]["silence_means"] == "accepted"
    assert code(late) == (409, "rfp_not_draft")
    assert "rfp.terms_changed" in await counter.chain(rfp_id)


async def test_an_rfp_is_drafted_from_an_earlier_one_and_from_a_template(
    counter: Counter,
) -> None:
    first = await ask_draft(counter, standstill_s=60, terms={"bids_min": 3})
    kept = {"name": "Links every year", "rfp_id": first.body["id"]}
    template = await counter.ask("POST", "/v1/rfp-templates", json=kept)
    later = (CLOSES_AT + timedelta(days=365)).isoformat()

    ways = ({"from_rfp_id": first.body["id"]}, {"template_id": template.body["id"]})
    made = [await counter.ask("POST", "/v1/rfps", json={"closes_at": later, **way}) for way in ways]

    assert [each.status for each in made] == [201, 201]
    assert {each.body["drafted_from"] for each in made} == {first.body["id"]}
    assert {(each.body["standstill_s"], each.body["terms"]["bids_min"]) for each in made} == {
        (60, 3)
    }
    listed = await counter.ask("GET", "/v1/rfp-templates")
    assert [each["name"] for each in listed.body["items"]] == ["Links every year"]
    assert code(await counter.ask("POST", "/v1/rfp-templates", json=kept)) == (
        409,
        "template_name_taken",
    )
    rival = await counter.ask(
        "POST", "/v1/rfps", by="rival buyer", json={"closes_at": later, **ways[1]}
    )
    assert code(rival) == (422, "draft_source_unknown")


async def test_each_model_shows_vendors_its_own_volume(counter: Counter) -> None:
    shown = {}
    for model in ("group_pricing", "group_procurement", "resale"):
        terms = ACCEPTANCE if model == "group_pricing" else {}
        rfp_id, lot_id = await published(
            counter, consortium_model=model, commitment="estimate", terms=terms
        )
        lot = (await counter.ask("GET", f"/v1/lots/{lot_id}", by="observer")).body
        rfp = (await counter.ask("GET", f"/v1/rfps/{rfp_id}", by="observer")).body
        shown[model] = (
            lot["firm_quantity"],
            lot["estimated_quantity"],
            rfp["consortium"]["contract_with"],
        )

    assert shown == {
        "group_pricing": ("100", "100", "each member"),
        "group_procurement": ("200", "0", "the consortium"),
        "resale": ("200", "0", "the consortium, which resells"),
    }


# The law -------------------------------------------------------------------------------------


async def test_every_breach_is_named_before_and_at_the_publication(counter: Counter) -> None:
    criteria = [
        {"name": "price", "kind": "price", "weight": "30", "covers": "eligible"},
        {"name": "experience", "kind": "rated", "weight": "30"},
        {"name": "other", "kind": "rated", "weight": "40"},
    ]
    rfp_id, _ = await pooled(
        counter,
        policy_profile="erate",
        closes_at=(NOW + timedelta(days=27)).isoformat(),
        terms={"criteria": criteria, "certified_on": "2027-03-01"},
    )

    before = await counter.ask("GET", f"/v1/rfps/{rfp_id}/breaches")
    answer = await publish(counter, rfp_id)

    assert code(answer) == (422, "policy_breached")
    assert answer.body["breaches"] == before.body["breaches"]
    assert [each["rule"] for each in answer.body["breaches"]] == [
        "days_open",
        "price_dominates",
        "declarations.letters_of_agency",
    ]
    assert answer.body["breaches"][1]["sentence"] == (
        "price 30, experience 30, other 40: under 47 CFR 54.511 the price of eligible items must "
        "weigh more than any other factor"
    )
    assert await counter.pool.fetchval("SELECT count(*) FROM opening") == 0


async def test_an_e_rate_award_waits_and_a_substantial_addendum_begins_anew(
    counter: Counter,
) -> None:
    terms = {
        "certified_on": "2027-03-01",
        "declarations": ["letters_of_agency"],
        "criteria": [{"name": "price", "kind": "price", "weight": "100", "covers": "eligible"}],
    }
    rfp_id, _ = await published(counter, policy_profile="erate", terms=terms)
    first = (await counter.ask("GET", f"/v1/rfps/{rfp_id}")).body
    counter.clock.advance(timedelta(days=3))

    await amend(counter, rfp_id, is_substantial=False)
    slight = (await counter.ask("GET", f"/v1/rfps/{rfp_id}")).body
    await amend(counter, rfp_id)
    anew = (await counter.ask("GET", f"/v1/rfps/{rfp_id}")).body

    assert first["earliest_award_on"] == slight["earliest_award_on"] == "2027-03-29"
    assert first["earliest_award_at"] == "2027-03-29T04:00:00Z"
    assert anew["earliest_award_on"] == "2027-04-01"
    assert len(first["profile_sha256"]) == 64


async def test_profiles_tell_what_they_allow_and_where_it_stands(counter: Counter) -> None:
    listed = await counter.ask("GET", "/v1/policy-profiles", by="observer")
    read = await counter.ask("GET", "/v1/policy-profiles/erate", by="observer")
    missing = await counter.ask("GET", "/v1/policy-profiles/nowhere", by="observer")

    assert len(listed.body["items"]) == 10
    assert read.body in listed.body["items"]
    rules = {rule["name"]: rule for rule in read.body["rules"]}
    assert rules["retention_years"]["value"] == 10
    assert all(rule["source"] for rule in rules.values())
    assert [each["name"] for each in read.body["attestations"]] == ["lowest_corresponding_price"]
    assert code(missing) == (404, "policy_profile_not_found")


async def test_only_another_person_approves_a_draft(counter: Counter) -> None:
    rfp_id, _ = await pooled(counter)

    own = await counter.ask("POST", f"/v1/rfps/{rfp_id}/approve", by="ann")
    other = await counter.ask("POST", f"/v1/rfps/{rfp_id}/approve", by="ben")

    assert code(own) == (403, "approver_is_drafter")
    assert other.body["approved"] is True
    assert "rfp.approved" in await counter.chain(rfp_id)


# Addenda -------------------------------------------------------------------------------------


async def test_addenda_are_numbered_listed_and_told(counter: Counter) -> None:
    rfp_id, _ = await published(counter)

    first = await amend(counter, rfp_id, is_substantial=False)
    await amend(counter, rfp_id)
    listed = await counter.ask("GET", f"/v1/rfps/{rfp_id}/addenda?limit=1", by="observer")
    rest = await counter.ask(
        "GET", f"/v1/rfps/{rfp_id}/addenda?after={listed.body['next_after']}", by="observer"
    )

    assert (first.status, first.body["version"]) == (201, 1)
    assert [each["version"] for each in listed.body["items"] + rest.body["items"]] == [1, 2]
    assert (await counter.told()).count("rfp.amended.v1") == 2
    assert code(await amend(counter, rfp_id, by="rival buyer")) == (404, "rfp_unknown")


async def test_a_moved_deadline_moves_the_gate_and_keeps_the_key(counter: Counter) -> None:
    rfp_id, _ = await published(counter)
    later = CLOSES_AT + timedelta(days=7)
    key = "SELECT public_key FROM opening"
    before = await counter.pool.fetchval(key)

    moved = await amend(counter, rfp_id, is_substantial=False, closes_at=later.isoformat())
    back = await amend(counter, rfp_id, closes_at=CLOSES_AT.isoformat())
    counter.clock.advance(later - NOW)
    late = await amend(counter, rfp_id)

    assert moved.status == 201, moved.body
    assert await counter.pool.fetchval("SELECT closes_at FROM opening") == later
    assert await counter.pool.fetchval("SELECT closes_at FROM rfp") == later
    assert await counter.pool.fetchval(key) == before
    assert code(back) == (422, "deadline_moved_back")
    assert code(late) == (409, "rfp_not_published")
    opening_id = await counter.pool.fetchval("SELECT id FROM opening")
    assert "opening.deadline_moved" in await counter.chain(str(opening_id))


async def test_a_draft_is_not_amended(counter: Counter) -> None:
    rfp_id, _ = await pooled(counter)

    assert code(await amend(counter, rfp_id)) == (409, "rfp_not_published")


async def test_an_earlier_bid_counts_once_it_is_confirmed(counter: Counter) -> None:
    rfp_id, lot_id = await published(counter)
    for vendor in ("EARLY", "IDLE", "LATE"):
        await counter.register(Role.VENDOR, vendor)
    early, idle = [await file_bid(counter, lot_id, vendor) for vendor in ("EARLY", "IDLE")]
    counter.clock.advance(timedelta(days=1))
    await amend(counter, rfp_id, is_substantial=False)
    assert await not_counted(counter, rfp_id) == frozenset()
    await amend(counter, rfp_id)
    counter.clock.advance(timedelta(microseconds=1))
    await file_bid(counter, lot_id, "LATE")
    assert await not_counted(counter, rfp_id) == {early, idle}

    stale = await confirm(counter, lot_id, "EARLY", 1)
    answers = [await confirm(counter, lot_id, "EARLY", 2) for _ in range(2)]

    assert code(stale) == (409, "addendum_not_last")
    assert [answer.status for answer in answers] == [200, 200]
    assert await not_counted(counter, rfp_id) == {idle}
    opening_id = await counter.pool.fetchval("SELECT id FROM opening")
    assert (await counter.chain(str(opening_id))).count("bid.confirmed") == 1
    counter.clock.advance(CLOSES_AT - counter.clock.now())
    assert code(await confirm(counter, lot_id, "IDLE", 2)) == (409, "confirmation_late")


async def test_a_bid_that_is_not_there_is_not_confirmed(counter: Counter) -> None:
    rfp_id, lot_id = await published(counter)
    await counter.register(Role.VENDOR, "NOBODY")
    await amend(counter, rfp_id)

    assert code(await confirm(counter, lot_id, "NOBODY", 1)) == (404, "bid_unknown")


async def test_an_addendum_waits_for_a_filing_under_way(counter: Counter) -> None:
    rfp_id, _ = await published(counter)
    async with db.transaction(counter.pool) as filing:
        await filing.execute("SELECT FROM opening FOR SHARE")
        amending = asyncio.create_task(amend(counter, rfp_id))
        async with asyncio.timeout(PATIENCE_S):
            while not await counter.pool.fetchval(  # noqa: ASYNC110 - no event tells it
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            ):
                await asyncio.sleep(0.01)
        counter.clock.advance(timedelta(minutes=1))

    answer = await amending

    # Its instant is later than whatever the filing brought in.
    assert answer.body["issued_at"] == "2027-03-01T12:01:00Z"


# Questions and invitations -------------------------------------------------------------------


async def test_questions_are_answered_to_all_and_nobody_learns_who_asked(
    counter: Counter,
) -> None:
    rfp_id, _ = await published(counter)
    for vendor in ("ASKER", "RIVAL"):
        await counter.register(Role.VENDOR, vendor)
    path = f"/v1/rfps/{rfp_id}/questions"
    asked = await counter.ask(
        "POST", path, by="ASKER", json={"question": f"May {QUIET_MENTION} deliver?"}
    )
    unseen = await counter.ask("GET", path, by="RIVAL")
    own = await counter.ask("GET", path, by="ASKER")

    answered = await counter.ask(
        "POST",
        f"/v1/questions/{asked.body['id']}/answer",
        json={"question": "May a firm from afar deliver?", "answer": "Yes."},
    )

    assert asked.status == 201, asked.body
    assert unseen.body["items"] == []
    assert [each["is_own"] for each in own.body["items"]] == [True]
    assert answered.status == 200, answered.body
    for viewer in ("RIVAL", "observer", "buyer"):
        (seen,) = (await counter.ask("GET", path, by=viewer)).body["items"]
        assert (seen["answer"], seen["is_own"]) == ("Yes.", False)
        assert QUIET_MENTION not in str(seen)
    assert (await counter.told())[-1] == "rfp.question_answered.v1"
    kept = await everything(counter, "question", "party")
    assert counter.ids["ASKER"] not in await chains_and_events(counter)
    assert QUIET_MENTION not in kept


async def chains_and_events(counter: Counter) -> str:
    rows = await counter.pool.fetch(
        "SELECT entry AS told FROM audit WHERE type <> 'party.registered' "
        "UNION ALL SELECT envelope FROM outbox"
    )
    return "".join(row["told"] for row in rows)


async def test_a_question_is_asked_by_vendors_and_answered_by_the_rfps_buyer(
    counter: Counter,
) -> None:
    rfp_id, _ = await published(counter)
    draft_id, _ = await pooled(counter)
    await counter.register(Role.VENDOR, "ASKER")
    body = {"question": "Why?"}
    counter.tokens["stranger"] = Principal(
        BUYER, Role.VENDOR, scopes_of(Role.VENDOR), "s", NOW + timedelta(days=9)
    )

    unregistered = await counter.ask(
        "POST", f"/v1/rfps/{rfp_id}/questions", by="stranger", json=body
    )
    of_a_draft = await counter.ask("POST", f"/v1/rfps/{draft_id}/questions", by="ASKER", json=body)
    asked = await counter.ask("POST", f"/v1/rfps/{rfp_id}/questions", by="ASKER", json=body)
    answer_path = f"/v1/questions/{asked.body['id']}/answer"
    by_rival = await counter.ask("POST", answer_path, by="rival buyer", json={"answer": "No."})
    first, again = [
        await counter.ask("POST", answer_path, json={"answer": "So."}) for _ in range(2)
    ]

    assert code(unregistered) == (403, "vendor_unknown")
    assert code(of_a_draft) == (404, "rfp_unknown")
    assert code(by_rival) == (404, "question_unknown")
    assert first.status == 200
    assert code(again) == (409, "question_answered")


async def test_vendors_invited_to_a_draft_are_told_at_its_publication(counter: Counter) -> None:
    rfp_id, _ = await pooled(counter)
    for vendor in ("EARLY", "LATER"):
        await counter.register(Role.VENDOR, vendor)
    path = f"/v1/rfps/{rfp_id}/invitations"
    early, later = ({"vendor_ids": [counter.ids[name]]} for name in ("EARLY", "LATER"))

    await counter.ask("POST", path, json=early)
    untold = (await counter.told()).count("rfp.vendor_invited.v1")
    await publish(counter, rfp_id)
    told = (await counter.told()).count("rfp.vendor_invited.v1")
    answers = [await counter.ask("POST", path, json=later) for _ in range(2)]

    assert (untold, told) == (0, 1)
    assert [len(answer.body["invited"]) for answer in answers] == [1, 0]
    assert (await counter.told()).count("rfp.vendor_invited.v1") == 2
    rows = await counter.pool.fetch("SELECT entry FROM audit WHERE type <> 'party.registered'")
    assert not any(counter.ids["EARLY"] in row["entry"] for row in rows)
    unknown = await counter.ask("POST", path, json={"vendor_ids": [counter.ids["KEEPER"]]})
    assert code(unknown) == (422, "invited_vendor_unknown")


async def test_intents_are_seen_by_the_buyer_and_by_their_vendor(counter: Counter) -> None:
    rfp_id, _ = await published(counter)
    for vendor in ("WILLING", "RIVAL"):
        await counter.register(Role.VENDOR, vendor)
    path = f"/v1/rfps/{rfp_id}/intent"

    await counter.ask("PUT", path, by="WILLING", json={"intent": "decline", "reason": "far"})
    stated = await counter.ask("PUT", path, by="WILLING", json={"intent": "bid"})
    listed = {
        viewer: (await counter.ask("GET", f"/v1/rfps/{rfp_id}/invitations", by=viewer)).body
        for viewer in ("buyer", "auditor", "WILLING", "RIVAL", "observer")
    }

    assert (stated.body["intent"], stated.body["invited_at"]) == ("bid", None)
    assert {viewer: len(body["items"]) for viewer, body in listed.items()} == {
        "buyer": 1,
        "auditor": 1,
        "WILLING": 1,
        "RIVAL": 0,
        "observer": 0,
    }


# Regions -------------------------------------------------------------------------------------


async def test_a_lot_of_a_region_is_seen_by_vendors_that_serve_it(counter: Counter) -> None:
    rfp_id, lot_id = await pooled(counter)
    for vendor, regions in (
        ("NEAR", ["north", "east"]),
        ("FAR", ["south"]),
        ("ALL", []),
        ("NEW", None),
    ):
        await counter.register(Role.VENDOR, vendor)
        if regions is not None:
            await counter.pool.execute(
                "INSERT INTO vendor_profile (vendor_id, registration, category_prefixes, regions) "
                "VALUES ($1, '', '{}', $2) ON CONFLICT (vendor_id) DO UPDATE SET regions = $2",
                UUID(counter.ids[vendor]),
                regions,
            )
    body = {"regions": ["north", "west"]}
    limited = await counter.ask("PUT", f"/v1/lots/{lot_id}/regions", json=body)
    stranger = await counter.ask("PUT", f"/v1/lots/{lot_id}/regions", by="rival buyer", json=body)
    await publish(counter, rfp_id)

    seen = {
        viewer: (await counter.ask("GET", f"/v1/lots/{lot_id}", by=viewer)).status
        for viewer in ("NEAR", "FAR", "ALL", "NEW", "buyer", "rival buyer", "observer")
    }
    listed = await counter.ask("GET", f"/v1/rfps/{rfp_id}/lots", by="FAR")

    assert limited.body["regions"] == ["north", "west"]
    assert code(stranger) == (404, "lot_unknown")
    assert seen == {
        "NEAR": 200,
        "FAR": 404,
        "ALL": 200,
        "NEW": 404,
        "buyer": 200,
        "rival buyer": 200,
        "observer": 200,
    }
    assert listed.body["items"] == []
    late = await counter.ask("PUT", f"/v1/lots/{lot_id}/regions", json={"regions": []})
    assert code(late) == (409, "rfp_not_draft")


# Auctions ------------------------------------------------------------------------------------

PLAN = AuctionPlan(
    opens_at=BIDS_CLOSE_AT + timedelta(days=7),
    closes_at=BIDS_CLOSE_AT + timedelta(days=7, hours=1),
    rules=AuctionRules(
        format="english",
        step="0.0010",
        step_against="own",
        soft_close_window_s=120,
        soft_close_extension_s=120,
        extensions_max=10,
        show_rank="own",
        show_lead="always",
    ),
)


@pytest.mark.parametrize(
    ("profile", "terms", "broken"),
    [
        ("open", "{}", []),
        ("texas_44_031", "{}", []),
        ("erate", "{}", ["auction_formats"]),
        ("open", '{"advertised_as": "sealed"}', ["sealed_bars_auction"]),
        ("utah_63g_6a_612", "{}", ["prequalification"]),
    ],
)
async def test_a_lot_goes_to_auction_as_far_as_its_law_allows(
    bids_database: Pool, profile: str, terms: str, broken: list[str]
) -> None:
    purchase = await publish_purchase(bids_database)
    await purchase.pool.execute("UPDATE rfp SET policy_profile = $1, terms = $2", profile, terms)
    for vendor in (0, 1):
        await purchase.file("0.20", vendor=vendor)
    await purchase.open_bids()

    try:
        await purchase.auctioning.request(purchase.lots[0], PLAN, buyer_id=purchase.buyer_id)
        breaches: Any = []
    except PolicyBreached as refused:
        breaches = refused.details["breaches"]

    assert [breach["rule"] for breach in breaches] == broken
    assert await purchase.status_of_lot() == ("evaluated" if broken else "auctioning")
