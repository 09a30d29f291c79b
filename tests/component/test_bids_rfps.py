"""RFPs over HTTP and real tables: drafts, pools, publication, cancellation, and who sees what."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.bids.domain.lots import LotStatus, LotUnknown
from services.bids.store.lots import LotStore
from shared import db
from shared.auth import Role
from shared.db import Pool
from shared.domain.ids import LotId, OpeningId, RfpId, new_id
from shared.sealing import Share, check_pair, unseal_share
from tests.component.bids_counter import (
    BUYER,
    NOW,
    Answer,
    Counter,
    csv_file,
    csv_row,
    open_counter,
)
from tests.patience import BUSY_S_MAX, PATIENCE_S, timed

CLOSES_AT = NOW + timedelta(days=30)


@pytest.fixture
async def counter(bids_database: Pool) -> AsyncIterator[Counter]:
    async with open_counter(bids_database) as counter:
        await counter.register_custodian("KEEPER")
        yield counter


async def draft(counter: Counter, *, by: str = "buyer", **changes: Any) -> str:
    answer = await ask_draft(counter, by=by, **changes)
    assert answer.status == 201, answer.body
    return str(answer.body["id"])


async def ask_draft(counter: Counter, *, by: str = "buyer", **changes: Any) -> Answer:
    body = {
        "title": "School milk",
        "currency": "USD",
        "consortium_model": "group_procurement",
        "policy_profile": "open",
        "custodian_id": counter.ids["KEEPER"],
        "closes_at": CLOSES_AT.isoformat(),
        "standstill_s": 0,
        **changes,
    }
    return await counter.ask("POST", "/v1/rfps", by=by, json=body)


async def state_needs(counter: Counter, *references: str, **changes: str) -> None:
    """Register a member of each reference, and state one need of a hundred half pints for it."""
    for reference in references:
        await counter.register(Role.MEMBER, reference, area=f"{reference} county")
    rows = (csv_row(reference, f"{reference}-1", **changes) for reference in references)
    answer = await counter.ask("POST", "/v1/requirements/import?currency=USD", data=csv_file(*rows))
    assert answer.status == 201, answer.body


async def pool(counter: Counter, rfp_id: str, **changes: Any) -> Answer:
    body = {"by": "item", **changes}
    return await counter.ask("POST", f"/v1/rfps/{rfp_id}/pool", json=body)


async def publish(counter: Counter, rfp_id: str, *, by: str = "buyer") -> Answer:
    return await counter.ask("POST", f"/v1/rfps/{rfp_id}/publish", by=by)


async def cancel(counter: Counter, rfp_id: str, *, by: str = "buyer") -> Answer:
    body = {"reason": "no funds"}
    return await counter.ask("POST", f"/v1/rfps/{rfp_id}/cancel", by=by, json=body)


async def published(counter: Counter, *references: str) -> tuple[str, list[str]]:
    """Publish an RFP with a lot for each member; tell its id and its lots'."""
    await state_needs(counter, *references)
    rfp_id = await draft(counter)
    pooled = await pool(counter, rfp_id, by="alone")
    answer = await publish(counter, rfp_id)
    assert answer.status == 200, answer.body
    return rfp_id, [lot["id"] for lot in pooled.body["lots"]]


async def opening_row(counter: Counter, rfp_id: str) -> Any:
    return await counter.pool.fetchrow(
        "SELECT opening.*, seat.sealed_share FROM opening "
        "JOIN seat ON seat.opening_id = opening.id WHERE rfp_id = $1",
        UUID(rfp_id),
    )


async def lot_statuses(counter: Counter, rfp_id: str) -> list[str]:
    rows = await counter.pool.fetch(
        "SELECT status FROM lot WHERE rfp_id = $1 ORDER BY number", UUID(rfp_id)
    )
    return [row["status"] for row in rows]


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["code"]


async def test_a_draft_is_seen_by_its_buyer_only(counter: Counter) -> None:
    await state_needs(counter, "CARROW")
    rfp_id = await draft(counter)
    lot_id = (await pool(counter, rfp_id)).body["lots"][0]["id"]

    paths = (f"/v1/rfps/{rfp_id}", f"/v1/rfps/{rfp_id}/lots")
    for path in paths:
        assert (await counter.ask("GET", path)).status == 200
        for stranger in ("rival buyer", "observer"):
            assert code(await counter.ask("GET", path, by=stranger)) == (404, "rfp_unknown")
    assert (await counter.ask("GET", f"/v1/lots/{lot_id}")).status == 200
    unseen = await counter.ask("GET", f"/v1/lots/{lot_id}", by="rival buyer")
    assert code(unseen) == (404, "lot_unknown")
    assert (await counter.ask("GET", "/v1/rfps", by="observer")).body["items"] == []
    assert len((await counter.ask("GET", "/v1/rfps")).body["items"]) == 1


async def test_another_buyers_rfp_is_unknown_to_every_act(counter: Counter) -> None:
    rfp_id = await draft(counter)

    acts = [
        counter.ask("POST", f"/v1/rfps/{rfp_id}/pool", by="rival buyer", json={"by": "item"}),
        publish(counter, rfp_id, by="rival buyer"),
        cancel(counter, rfp_id, by="rival buyer"),
    ]

    assert {code(await act) for act in acts} == {(404, "rfp_unknown")}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"policy_profile": "nowhere"}, (422, "policy_profile_unknown")),
        ({"title": None}, (422, "draft_incomplete")),
        ({"terms": {"margin_percent": "5"}}, (422, "terms_unfit")),
        ({"from_rfp_id": str(BUYER)}, (422, "draft_source_unknown")),
        ({"from_rfp_id": str(BUYER), "template_id": str(BUYER)}, (422, "body_invalid")),
        ({"closes_at": NOW.isoformat()}, (422, "deadline_past")),
        ({"custodian_id": str(BUYER)}, (422, "custodian_unknown")),
        ({"closes_at": "2027-04-01T12:00:00"}, (422, "body_invalid")),
        ({"standstill_s": -1}, (422, "body_invalid")),
        ({"standstill_s": 90 * 86_400 + 1}, (422, "body_invalid")),
        ({"consortium_model": "charity"}, (422, "body_invalid")),
    ],
)
async def test_a_draft_on_terms_that_cannot_hold_is_refused(
    counter: Counter, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert code(await ask_draft(counter, **change)) == expected


async def test_like_requirements_are_pooled_into_one_lot(counter: Counter) -> None:
    await state_needs(counter, "CARROW", "DUNMERE")
    rfp_id = await draft(counter)

    answer = await pool(counter, rfp_id)

    (lot,) = answer.body["lots"]
    assert answer.status == 201
    assert lot == {
        "id": lot["id"],
        "rfp_id": rfp_id,
        "number": 1,
        "title": "Whole milk",
        "category": "goods",
        "item_code": "50131701",
        "specification": "Whole milk",
        "unit": "half pint",
        "term_months": 12,
        "delivery_area": None,
        "quantity": "200",
        "status": "draft",
        "members": 2,
        "firm_quantity": None,
        "estimated_quantity": None,
        "regions": [],
    }
    listed = await counter.ask("GET", f"/v1/rfps/{rfp_id}/lots")
    promised = {**lot, "firm_quantity": "200", "estimated_quantity": "0"}
    assert listed.body["items"] == [promised]
    assert (await counter.ask("GET", f"/v1/lots/{lot['id']}")).body == promised


async def test_pooling_again_replaces_the_lots(counter: Counter) -> None:
    await state_needs(counter, "CARROW", "DUNMERE")
    rfp_id = await draft(counter)
    await pool(counter, rfp_id)

    again = await pool(counter, rfp_id, by="alone")

    assert [lot["title"] for lot in again.body["lots"]] == [
        "Whole milk · CARROW name",
        "Whole milk · DUNMERE name",
    ]
    listed = await counter.ask("GET", f"/v1/rfps/{rfp_id}/lots")
    assert [lot["id"] for lot in listed.body["items"]] == [lot["id"] for lot in again.body["lots"]]
    assert await counter.pool.fetchval("SELECT count(*) FROM share") == 2
    facts = [fact for fact in await counter.chain(rfp_id) if fact != "rfp.lots_reckoned"]
    assert facts == ["rfp.drafted", "rfp.pooled", "rfp.pooled"]


async def test_a_pool_takes_what_is_selected(counter: Counter) -> None:
    await state_needs(counter, "CARROW", "DUNMERE")
    await state_needs(counter, "LANE", category="training", item_code="DAY")
    rfp_id = await draft(counter)

    by_category = await pool(counter, rfp_id, category="training")
    by_item = await pool(counter, rfp_id, item_code="50131701")
    by_reference = await pool(counter, rfp_id, requirement_references=["DUNMERE-1"])

    assert [lot["category"] for lot in by_category.body["lots"]] == ["training"]
    assert [lot["members"] for lot in by_item.body["lots"]] == [2]
    assert [lot["quantity"] for lot in by_reference.body["lots"]] == ["100"]


async def test_a_reference_that_names_nothing_is_refused(counter: Counter) -> None:
    rfp_id = await draft(counter)

    answer = await pool(counter, rfp_id, requirement_references=["NOWHERE-1"])

    assert code(answer) == (422, "requirement_unknown")
    assert answer.body["references"] == ["NOWHERE-1"]


async def test_a_requirement_of_another_live_rfp_is_left_out_until_that_one_ends(
    counter: Counter,
) -> None:
    first_id, _ = await published(counter, "CARROW")
    second_id = await draft(counter)

    engaged = await pool(counter, second_id)
    await cancel(counter, first_id)
    free = await pool(counter, second_id)

    assert engaged.body["lots"] == []
    assert [each["reason"] for each in engaged.body["left_out"]] == ["in_another_rfp"]
    assert engaged.body["left_out_count"] == 1
    assert len(free.body["lots"]) == 1
    assert free.body["left_out"] == []


async def test_a_lot_without_award_frees_its_requirements(counter: Counter) -> None:
    _, (lot_id,) = await published(counter, "CARROW")
    await counter.pool.execute("UPDATE lot SET status = 'no_award' WHERE id = $1", UUID(lot_id))

    answer = await pool(counter, await draft(counter))

    assert len(answer.body["lots"]) == 1


async def test_two_rfps_that_pool_at_once_do_not_both_get_a_requirement(
    counter: Counter,
) -> None:
    await state_needs(counter, "CARROW", "DUNMERE")
    rfp_ids = [await draft(counter) for _ in range(4)]

    answers = await asyncio.gather(*(pool(counter, rfp_id) for rfp_id in rfp_ids))

    assert sorted(len(answer.body["lots"]) for answer in answers) == [0, 0, 0, 1]


async def test_publishing_opens_the_lots_and_tells_it(counter: Counter) -> None:
    rfp_id, lot_ids = await published(counter, "CARROW", "DUNMERE")

    seen = await counter.ask("GET", f"/v1/rfps/{rfp_id}", by="observer")
    opening = await opening_row(counter, rfp_id)

    assert (seen.body["status"], seen.body["published_at"]) == (
        "published",
        "2027-03-01T12:00:00Z",
    )
    assert await lot_statuses(counter, rfp_id) == ["open", "open"]
    assert (opening["status"], opening["closes_at"]) == ("sealed", CLOSES_AT)
    assert await counter.told() == ["rfp.published.v1", "lot.opened.v1", "lot.opened.v1"]
    assert await counter.chain(rfp_id) == [
        "rfp.drafted",
        "rfp.pooled",
        "rfp.lots_reckoned",
        "rfp.terms_frozen",
        "rfp.published.v1",
    ]
    assert await counter.chain(str(opening["id"])) == ["opening.dealt"]
    assert await counter.chain(lot_ids[0]) == ["lot.opened.v1"]
    assert await counter.pool.fetchval("SELECT opening_id FROM opening_log") == opening["id"]


async def test_only_the_custodian_can_open_the_share_and_it_is_the_key(counter: Counter) -> None:
    rfp_id, _ = await published(counter, "CARROW")
    opening = await opening_row(counter, rfp_id)

    share = Share.from_bytes(
        unseal_share(
            opening["sealed_share"],
            counter.keys["KEEPER"].private,
            opening_id=OpeningId(opening["id"]),
            purpose="custody",
        )
    )

    assert check_pair(share.value, opening["public_key"])


async def test_the_private_key_is_in_no_table(counter: Counter) -> None:
    rfp_id, _ = await published(counter, "CARROW")
    opening = await opening_row(counter, rfp_id)
    secret = Share.from_bytes(
        unseal_share(
            opening["sealed_share"],
            counter.keys["KEEPER"].private,
            opening_id=OpeningId(opening["id"]),
            purpose="custody",
        )
    ).value

    tables = await counter.pool.fetch(
        "SELECT relname FROM pg_class "
        "WHERE relnamespace = 'bids'::regnamespace AND relkind = 'r' AND relname <> 'migration'"
    )
    kept = "".join(
        [
            str(row[0])
            for table in tables
            for row in await counter.pool.fetch(
                f"SELECT kept::text FROM {table['relname']} AS kept"  # noqa: S608 - from the catalogue
            )
        ]
    )
    assert opening["public_key"].hex() in kept
    assert secret.hex() not in kept


async def test_a_publication_whose_answer_was_lost_is_found_by_its_id(counter: Counter) -> None:
    await state_needs(counter, "CARROW")
    rfp_id = RfpId(UUID(await draft(counter)))
    await pool(counter, str(rfp_id))
    opening_id = OpeningId(new_id())

    first = await counter.rfps.publish(rfp_id, opening_id=opening_id, buyer_id=BUYER)
    again = await counter.rfps.publish(rfp_id, opening_id=opening_id, buyer_id=BUYER)

    assert first == again
    assert (await counter.told()).count("rfp.published.v1") == 1


async def test_an_rfp_is_published_once(counter: Counter) -> None:
    rfp_id, _ = await published(counter, "CARROW")

    assert code(await publish(counter, rfp_id)) == (409, "rfp_not_draft")
    assert code(await pool(counter, rfp_id)) == (409, "rfp_not_draft")


async def test_nothing_is_published_without_lots(counter: Counter) -> None:
    rfp_id = await draft(counter)

    assert code(await publish(counter, rfp_id)) == (409, "rfp_without_lots")


async def test_nothing_is_published_without_the_custodians_key(counter: Counter) -> None:
    await state_needs(counter, "CARROW")
    keyless_id = await counter.register(Role.CUSTODIAN, "KEYLESS")
    rfp_id = await draft(counter, custodian_id=keyless_id)
    await pool(counter, rfp_id)

    assert code(await publish(counter, rfp_id)) == (409, "custodian_key_missing")
    assert await opening_row(counter, rfp_id) is None


async def test_nothing_is_published_at_its_deadline(counter: Counter) -> None:
    await state_needs(counter, "CARROW")
    rfp_id = await draft(counter)
    await pool(counter, rfp_id)

    counter.clock.advance(CLOSES_AT - NOW)

    assert code(await publish(counter, rfp_id)) == (422, "deadline_past")
    assert await lot_statuses(counter, rfp_id) == ["draft"]


async def test_four_hundred_lots_are_published_in_well_under_a_second(counter: Counter) -> None:
    await counter.register(Role.MEMBER, "CARROW")
    rows = [csv_row("CARROW", f"C-{number}", item_code=f"I-{number}") for number in range(400)]
    await counter.ask("POST", "/v1/requirements/import?currency=USD", data=csv_file(*rows))
    rfp_id = await draft(counter)
    pooled = await pool(counter, rfp_id)
    assert len(pooled.body["lots"]) == 400

    with timed() as took:
        answer = await publish(counter, rfp_id)

    assert answer.status == 200
    assert (await counter.told()).count("lot.opened.v1") == 400
    assert took.own_s <= 1
    assert took.wall_s <= BUSY_S_MAX


async def test_lots_are_paged_by_their_number(counter: Counter) -> None:
    rfp_id, lot_ids = await published(counter, "CARROW", "DUNMERE", "LANE")
    path = f"/v1/rfps/{rfp_id}/lots?limit=2"

    first = await counter.ask("GET", path, by="observer")
    second = await counter.ask("GET", f"{path}&after={first.body['next_after']}", by="observer")

    assert [lot["id"] for lot in first.body["items"] + second.body["items"]] == lot_ids
    assert second.body["next_after"] is None


async def test_cancelling_ends_lots_and_opening_and_tells_it(counter: Counter) -> None:
    rfp_id, lot_ids = await published(counter, "CARROW", "DUNMERE")

    answer = await cancel(counter, rfp_id)

    opening = await opening_row(counter, rfp_id)
    assert (answer.body["status"], answer.body["cancelled_reason"]) == ("cancelled", "no funds")
    assert await lot_statuses(counter, rfp_id) == ["cancelled", "cancelled"]
    assert opening["status"] == "cancelled"
    assert (await counter.told())[-1] == "rfp.cancelled.v1"
    assert await counter.chain(str(opening["id"])) == ["opening.dealt", "opening.cancelled"]
    assert await counter.chain(lot_ids[0]) == ["lot.opened.v1", "lot.cancelled"]
    assert code(await cancel(counter, rfp_id)) == (409, "rfp_cancelled")


async def test_a_cancelled_draft_stays_unseen_and_untold(counter: Counter) -> None:
    rfp_id = await draft(counter)

    answer = await cancel(counter, rfp_id)

    assert answer.body["status"] == "cancelled"
    assert await counter.told() == []
    unseen = await counter.ask("GET", f"/v1/rfps/{rfp_id}", by="observer")
    assert code(unseen) == (404, "rfp_unknown")


@pytest.mark.parametrize(
    ("status", "refusal"), [("awarded", "rfp_awarded"), ("intended", "rfp_award_intended")]
)
async def test_an_rfp_with_an_award_is_not_cancelled(
    counter: Counter, status: str, refusal: str
) -> None:
    rfp_id, lot_ids = await published(counter, "CARROW", "DUNMERE")
    won_id = UUID(lot_ids[0])
    await counter.pool.execute("UPDATE lot SET status = $2 WHERE id = $1", won_id, status)

    assert code(await cancel(counter, rfp_id)) == (409, refusal)
    assert await lot_statuses(counter, rfp_id) == [status, "open"]


async def test_an_opening_that_took_place_is_not_cancelled(counter: Counter) -> None:
    rfp_id, _ = await published(counter, "CARROW")
    await counter.pool.execute("UPDATE opening SET status = 'unsealed'")

    answer = await cancel(counter, rfp_id)

    assert answer.status == 200
    assert (await opening_row(counter, rfp_id))["status"] == "unsealed"


async def test_a_publication_and_a_cancellation_at_once_leave_no_open_gate(
    counter: Counter,
) -> None:
    await state_needs(counter, "CARROW")
    rfp_id = await draft(counter)
    await pool(counter, rfp_id)

    await asyncio.gather(publish(counter, rfp_id), cancel(counter, rfp_id))

    opening = await opening_row(counter, rfp_id)
    assert opening is None or opening["status"] == "cancelled"
    assert await lot_statuses(counter, rfp_id) == ["cancelled"]


async def test_a_cancellation_that_waited_for_the_publication_closes_its_gate(
    counter: Counter,
) -> None:
    await state_needs(counter, "CARROW")
    rfp_id = await draft(counter)
    await pool(counter, rfp_id)
    async with db.transaction(counter.pool) as holding:
        await holding.execute("SELECT FROM rfp WHERE id = $1 FOR UPDATE", UUID(rfp_id))
        publishing = asyncio.create_task(publish(counter, rfp_id))
        await waiting(counter, 1)
        cancelling = asyncio.create_task(cancel(counter, rfp_id))
        await waiting(counter, 2)

    assert (await publishing).status == 200
    assert (await cancelling).status == 200
    assert (await opening_row(counter, rfp_id))["status"] == "cancelled"


async def waiting(counter: Counter, count: int) -> None:
    """Wait until so many sessions wait for a lock, at most five seconds."""
    async with asyncio.timeout(PATIENCE_S):
        while count != await counter.pool.fetchval(  # noqa: ASYNC110 - no event tells it
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0.01)


async def test_a_lot_is_locked_and_saved_by_its_store(counter: Counter) -> None:
    rfp_id, (lot_id,) = await published(counter, "CARROW")
    store = LotStore()

    async with db.transaction(counter.pool) as connection:
        locked = await store.lock(connection, LotId(UUID(lot_id)))
        await store.save_status(connection, locked.id, LotStatus.CLOSED)

    async with db.reading(counter.pool) as connection:
        lots = await store.lots_of(connection, RfpId(UUID(rfp_id)))
        with pytest.raises(LotUnknown):
            await store.read(connection, LotId(new_id()))
    assert locked.status is LotStatus.OPEN
    assert (locked.buyer_id, locked.currency) == (BUYER, "USD")
    assert [each.status for each in lots] == [LotStatus.CLOSED]
