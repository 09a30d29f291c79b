"""What would be refused at the filing is told to who will bid, and to who invites."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.bids.domain.terms import Terms
from services.bids.store.rfps import terms_text
from shared.auth import Role
from shared.db import Pool
from tests.component.bids_counter import NOW, Counter, open_counter
from tests.component.test_bids_solicitation import person, published


@pytest.fixture
async def counter(bids_database: Pool) -> AsyncIterator[Counter]:
    async with open_counter(bids_database) as counter:
        counter.tokens["ann"] = person("ann")
        await counter.register_custodian("KEEPER")
        yield counter


async def test_intents_and_invitations_tell_what_would_be_refused_at_the_filing(
    counter: Counter,
) -> None:
    rfp_id, lot_id = await published(counter)
    for vendor, until in (("LAPSED", NOW - timedelta(days=30)), ("FIT", NOW + timedelta(days=999))):
        await counter.register(Role.VENDOR, vendor)
        await counter.pool.execute(
            "INSERT INTO vendor_profile (vendor_id, registration, category_prefixes, regions,"
            " qualified_until) VALUES ($1, '', '{}', '{}', $2)",
            UUID(counter.ids[vendor]),
            until.date(),
        )
    await counter.pool.execute(
        "UPDATE rfp SET terms = $1", terms_text(Terms(prequalified_only=True))
    )
    lapsed = {
        "vendor_id": counter.ids["LAPSED"],
        "code": "vendor_not_qualified",
        "sentence": f"The vendor's qualification ended with {NOW.date() - timedelta(days=30)}.",
        "lot_ids": [lot_id],
    }
    path, both = f"/v1/rfps/{rfp_id}", [counter.ids["FIT"], counter.ids["LAPSED"]]

    intents = {
        vendor: await counter.ask("PUT", f"{path}/intent", by=vendor, json={"intent": "bid"})
        for vendor in ("LAPSED", "FIT")
    }
    declined = await counter.ask("PUT", f"{path}/intent", by="LAPSED", json={"intent": "decline"})
    invited = [
        await counter.ask("POST", f"{path}/invitations", json={"vendor_ids": both})
        for _ in range(2)
    ]

    assert {each.status for each in (*intents.values(), declined, *invited)} == {200}
    assert intents["LAPSED"].body["intent"] == "bid"
    assert intents["LAPSED"].body["hindrances"] == [lapsed]
    assert intents["FIT"].body["hindrances"] == declined.body["hindrances"] == []
    assert [len(answer.body["invited"]) for answer in invited] == [2, 0]
    assert [answer.body["hindrances"] for answer in invited] == [[lapsed], [lapsed]]


async def test_qualification_is_told_by_the_day_in_the_profiles_time_zone(
    counter: Counter,
) -> None:
    """Bidding closes at an instant that is the day before in Utah."""
    rfp_id, _ = await published(counter)
    await counter.register(Role.VENDOR, "DAIRY")
    closes_at = datetime(2027, 6, 2, 6, tzinfo=UTC)
    await counter.pool.execute(
        "UPDATE rfp SET terms = $1, closes_at = $2, policy_profile = 'utah_63g_6a_612'",
        terms_text(Terms(prequalified_only=True)),
        closes_at,
    )
    await counter.pool.execute(
        "INSERT INTO vendor_profile (vendor_id, registration, category_prefixes, regions,"
        " qualified_until) VALUES ($1, '', '{}', '{}', '2027-06-01')",
        UUID(counter.ids["DAIRY"]),
    )

    async def hindered() -> list[str]:
        path, body = f"/v1/rfps/{rfp_id}/intent", {"intent": "bid"}
        told = (await counter.ask("PUT", path, by="DAIRY", json=body)).body["hindrances"]
        return [each["sentence"] for each in told]

    at_midnight = await hindered()
    await counter.pool.execute(
        "UPDATE rfp SET closes_at = $1", closes_at + timedelta(microseconds=1)
    )
    behind_midnight = await hindered()

    assert at_midnight == []
    assert behind_midnight == [
        "The vendor's qualification ends with 2027-06-01, before the deadline."
    ]
