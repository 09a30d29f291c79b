"""Pooling over HTTP and real tables: preview, commit, reopen, shares, the business case."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.bids.store import pools
from shared.auth import Role
from shared.db import Pool
from tests.component.bids_counter import Answer, Counter, csv_file, csv_row, open_counter

IMPORT = "/v1/requirements/import?currency=USD"
SHA = "ab" * 32


@pytest.fixture
async def counter(bids_database: Pool) -> AsyncIterator[Counter]:
    async with open_counter(bids_database) as counter:
        yield counter


async def state(counter: Counter, *members: str, **changes: str) -> None:
    for reference in members:
        if reference not in counter.ids:
            await counter.register(Role.MEMBER, reference)
    code = changes.get("category", "goods")
    rows = [csv_row(reference, f"{reference}-{code}", **changes) for reference in members]
    answer = await counter.ask("POST", IMPORT, data=csv_file(*rows))
    assert answer.status == 201, answer.body


async def draft(counter: Counter, **changes: Any) -> str:
    if "KEEPER" not in counter.ids:
        await counter.register_custodian("KEEPER")
    body = {
        "title": "What districts share",
        "currency": "USD",
        "consortium_model": "group_procurement",
        "policy_profile": "open",
        "custodian_id": counter.ids["KEEPER"],
        "closes_at": "2027-04-01T12:00:00Z",
        "standstill_s": 0,
        **changes,
    }
    answer = await counter.ask("POST", "/v1/rfps", json=body)
    assert answer.status == 201, answer.body
    return str(answer.body["id"])


async def pool(counter: Counter, rfp_id: str, path: str = "", **more: Any) -> Answer:
    body = {"by": "item", **more}
    return await counter.ask("POST", f"/v1/rfps/{rfp_id}/pool{path}", json=body)


async def profile(counter: Counter, reference: str, **known: Any) -> Answer:
    path = f"/v1/parties/{counter.ids[reference]}/member"
    return await counter.ask("PUT", path, json={"kind": "district", **known})


async def test_a_preview_shows_what_a_pool_would_make_and_keeps_nothing(counter: Counter) -> None:
    await state(counter, "CARROW", "DUNMERE")
    await state(counter, "CARROW", category="software", commitment="estimate")
    rfp_id = await draft(counter)

    seen = await pool(counter, rfp_id, "/preview")

    assert seen.status == 200
    assert [lot["members"] for lot in seen.body["lots"]] == [2, 1]
    volumes = [lot["volume"] for lot in seen.body["lots"]]
    assert [(each["firm"], each["estimated"]) for each in volumes] == [("200", "0"), ("0", "100")]
    assert seen.body["shares_count"] == 3
    assert await counter.pool.fetchval("SELECT count(*) FROM lot") == 0
    assert await counter.chain(rfp_id) == ["rfp.drafted"]


async def test_every_rule_makes_its_lot(counter: Counter) -> None:
    needs = {"CARROW": ("40", "0.6"), "DUNMERE": ("30", "0.5"), "EASTMARCH": ("20", "0.4")}
    for reference, (servers, post) in needs.items():
        await state(counter, reference, category="recovery_capacity", quantity=servers)
        await state(counter, reference, category="staff", quantity=post, unit="post")
    await state(counter, "CARROW", category="training", quantity="95", unit="attendee")
    await state(counter, "CARROW", category="bandwidth", quantity="5300", unit="Mbps")
    for reference in ("CARROW", "DUNMERE"):
        assert (await profile(counter, reference, hazard_zone="river")).status == 200
    rfp_id = await draft(counter)

    made = await pool(
        counter,
        rfp_id,
        rules={
            "bandwidth": {"coincidence_factor": "0.6", "circuits": ["1000", "5000"]},
            "recovery_capacity": {"simultaneous": 1},
            "training": {"group_size": 20},
            "staff": {"members_per_post": 3},
        },
    )

    assert made.status == 201, made.body
    lots = {lot["category"]: (lot["quantity"], lot["unit"]) for lot in made.body["lots"]}
    assert lots == {
        "bandwidth": ("5000", "Mbps"),
        "recovery_capacity": ("70", "half pint"),
        "staff": ("2", "post"),
        "training": ("5", "session"),
    }
    by_rule = {volume["rule"]: volume for volume in made.body["volumes"]}
    assert by_rule["posts"]["spare"] == "0.5"
    assert by_rule["largest_needs"]["struck"][0]["hazard_zone"] == "river"
    kept = await counter.ask("GET", f"/v1/rfps/{rfp_id}/volumes")
    assert [(each["rule"], each["demand"]) for each in kept.body["items"]] == [
        ("coincidence", "5300"),
        ("largest_needs", "90"),
        ("posts", "1.5"),
        ("sessions", "95"),
    ]
    assert await counter.chain(rfp_id) == ["rfp.drafted", "rfp.pooled", "rfp.lots_reckoned"]


@pytest.mark.parametrize(
    "rules",
    [
        {"bandwidth": {"coincidence_factor": "1.1"}},
        {"bandwidth": {"coincidence_factor": "0.0"}},
        {"staff": {"members_per_post": 0}},
        {"training": {}},
        {"goods": {}},
    ],
)
async def test_a_rule_that_adds_up_to_nothing_is_refused(
    counter: Counter, rules: dict[str, Any]
) -> None:
    answer = await pool(counter, await draft(counter), rules=rules)

    assert answer.status == 422
    assert answer.body["code"] in {"body_invalid", "pooling_terms_invalid"}


@pytest.mark.parametrize("at_once", [1, 2, 3, 4])
async def test_a_pool_that_is_written_in_parts_is_written_whole(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(pools, "SHARES_AT_ONCE", at_once)
    await state(counter, "CARROW", "DUNMERE")
    await state(counter, "CARROW", category="software", quantity="0.125")
    rfp_id = await draft(counter)

    assert (await pool(counter, rfp_id)).status == 201

    shares = await counter.pool.fetch(
        "SELECT lot.category, party.reference, requirement.quantity = share.quantity AS is_exact"
        " FROM share JOIN lot ON lot.id = share.lot_id"
        " JOIN requirement ON requirement.id = share.requirement_id"
        " JOIN party ON party.id = share.member_id AND party.id = requirement.member_id"
        " ORDER BY lot.category, party.reference"
    )
    assert [tuple(share) for share in shares] == [
        ("goods", "CARROW", True),
        ("goods", "DUNMERE", True),
        ("software", "CARROW", True),
    ]
    assert await counter.pool.fetchval("SELECT count(*) FROM share") == 3


async def test_a_reopened_pool_frees_its_requirements(counter: Counter) -> None:
    await state(counter, "CARROW")
    first_id, second_id = await draft(counter), await draft(counter)
    await pool(counter, first_id)
    engaged = await pool(counter, second_id, "/preview")

    reopened = await pool_reopen(counter, first_id)
    free = await pool(counter, second_id, "/preview")

    assert [each["reason"] for each in engaged.body["left_out"]] == ["in_another_rfp"]
    assert reopened.status == 200
    assert free.body["left_out"] == []
    assert (await counter.ask("GET", f"/v1/rfps/{first_id}/lots")).body["items"] == []
    assert (await counter.chain(first_id))[-1] == "rfp.pool_reopened"


async def pool_reopen(counter: Counter, rfp_id: str, by: str = "buyer") -> Answer:
    return await counter.ask("POST", f"/v1/rfps/{rfp_id}/pool/reopen", by=by)


async def test_a_published_rfp_is_neither_previewed_nor_reopened(counter: Counter) -> None:
    await state(counter, "CARROW")
    rfp_id = await draft(counter)
    await pool(counter, rfp_id)
    published = await counter.ask("POST", f"/v1/rfps/{rfp_id}/publish")
    assert published.status == 200, published.body

    answers = [await pool(counter, rfp_id, "/preview"), await pool_reopen(counter, rfp_id)]

    assert {(each.status, each.body["code"]) for each in answers} == {(409, "rfp_not_draft")}


async def test_another_buyer_neither_sees_nor_changes_a_pool(counter: Counter) -> None:
    rfp_id = await draft(counter)
    body = {"by": "item"}

    answers = [
        await counter.ask("POST", f"/v1/rfps/{rfp_id}/pool/preview", by="rival buyer", json=body),
        await pool_reopen(counter, rfp_id, by="rival buyer"),
        await counter.ask("GET", f"/v1/rfps/{rfp_id}/volumes", by="rival buyer"),
    ]

    assert {(each.status, each.body["code"]) for each in answers} == {(404, "rfp_unknown")}


async def test_under_a_strict_policy_only_members_with_authority_take_part(
    counter: Counter,
) -> None:
    await state(counter, "CARROW", "DUNMERE", "EASTMARCH")
    for reference, signed_on in (("CARROW", "2027-02-01"), ("DUNMERE", "2027-03-02")):
        path = f"/v1/parties/{counter.ids[reference]}/authorities"
        recorded = await counter.ask(
            "POST",
            path,
            json={
                "kind": "board_resolution",
                "document_sha256": SHA,
                "signed_on": signed_on,
            },
        )
        assert recorded.status == 201, recorded.body
    rfp_id = await draft(counter)
    await counter.pool.execute("UPDATE rfp SET policy_profile = 'new_york_gml'")

    seen = await pool(counter, rfp_id, "/preview")

    assert [lot["members"] for lot in seen.body["lots"]] == [1]
    assert sorted(each["reason"] for each in seen.body["left_out"]) == [
        "authority_missing",
        "authority_too_late",
    ]


async def test_a_member_sees_its_own_shares_and_the_buyer_all(counter: Counter) -> None:
    await state(counter, "CARROW", "DUNMERE")
    rfp_id = await draft(counter)
    lot_id = (await pool(counter, rfp_id)).body["lots"][0]["id"]
    await counter.ask("POST", f"/v1/rfps/{rfp_id}/publish")

    seen = {
        by: await counter.ask("GET", f"/v1/lots/{lot_id}/shares", by=by)
        for by in ("buyer", "auditor", "CARROW", "rival buyer")
    }

    listed = {
        by: sorted(share["reference"] for share in answer.body["items"])
        for by, answer in seen.items()
    }
    assert listed == {
        "buyer": ["CARROW-goods", "DUNMERE-goods"],
        "auditor": ["CARROW-goods", "DUNMERE-goods"],
        "CARROW": ["CARROW-goods"],
        "rival buyer": [],
    }


async def test_an_agency_acts_for_the_members_that_authorised_it(counter: Counter) -> None:
    for reference in ("AGENCY", "CARROW", "DUNMERE"):
        await counter.register(Role.MEMBER, reference)
    unfit = await counter.ask(
        "POST", "/v1/authorisations", by="CARROW", json={"agency_id": counter.ids["AGENCY"]}
    )
    await profile(counter, "AGENCY", kind="educational_service_agency")

    granted = await counter.ask(
        "POST", "/v1/authorisations", by="CARROW", json={"agency_id": counter.ids["AGENCY"]}
    )
    own = await counter.ask("POST", IMPORT, by="AGENCY", data=csv_file(csv_row("CARROW", "C-1")))
    other = await counter.ask("POST", IMPORT, by="AGENCY", data=csv_file(csv_row("DUNMERE", "D-1")))
    seen = await counter.ask("GET", "/v1/requirements", by="AGENCY")
    ended = await counter.ask("POST", f"/v1/authorisations/{granted.body['id']}/end", by="CARROW")
    after = await counter.ask("POST", IMPORT, by="AGENCY", data=csv_file(csv_row("CARROW", "C-2")))

    assert (unfit.status, unfit.body["code"]) == (422, "agency_unfit")
    assert (granted.status, own.status, other.status) == (201, 201, 422)
    assert [item["reference"] for item in seen.body["items"]] == ["C-1"]
    assert (ended.status, after.status) == (200, 422)
    assert await counter.told() == ["agency.authorised.v1", "agency.dismissed.v1"]


async def test_a_stranger_ends_no_authorisation(counter: Counter) -> None:
    for reference in ("AGENCY", "CARROW", "DUNMERE"):
        await counter.register(Role.MEMBER, reference)
    await profile(counter, "AGENCY", kind="educational_service_agency")
    body = {"agency_id": counter.ids["AGENCY"]}
    granted = await counter.ask("POST", "/v1/authorisations", by="CARROW", json=body)
    again = await counter.ask("POST", "/v1/authorisations", by="CARROW", json=body)

    path = f"/v1/authorisations/{granted.body['id']}/end"
    stranger = await counter.ask("POST", path, by="DUNMERE")

    assert (again.status, again.body["code"]) == (409, "agency_authorised")
    assert (stranger.status, stranger.body["code"]) == (404, "authorisation_unknown")


async def test_what_is_known_of_a_party_is_read_back(counter: Counter) -> None:
    vendor_id = await counter.register(Role.VENDOR, "TARNWICK")
    known = {
        "registration": "OH-4471",
        "category_prefixes": ["4321", "50"],
        "regions": ["North"],
        "qualified_until": "2027-12-31",
    }

    put = await counter.ask("PUT", f"/v1/parties/{vendor_id}/vendor", json=known)
    read = await counter.ask("GET", f"/v1/parties/{vendor_id}", by="auditor")
    wrong = await counter.ask("PUT", f"/v1/parties/{vendor_id}/member", json={"kind": "district"})

    assert put.body == known
    assert (read.body["vendor"], read.body["member"]) == (known, None)
    assert (wrong.status, wrong.body["code"]) == (404, "party_unknown")


async def test_the_business_case_of_a_draft_tells_each_member(counter: Counter) -> None:
    await state(counter, "CARROW", quantity="100", baseline_unit_price="10")
    await state(counter, "DUNMERE", "EASTMARCH", quantity="100", baseline_unit_price="9")
    await profile(counter, "CARROW", category_one_percent=90)
    for reference in ("DUNMERE", "EASTMARCH"):
        await profile(counter, reference, category_one_percent=60)
    rfp_id = await draft(counter)
    await pool(counter, rfp_id)
    asked = {
        "number": 1,
        "tiers": [{"quantity_from": "1", "unit_price": "5"}],
        "erate_category": 1,
        "alone_by_baseline": True,
    }

    made = await counter.ask(
        "POST", f"/v1/rfps/{rfp_id}/case", json={"lots": [asked], "currency": "USD"}
    )

    assert made.status == 200, made.body
    first, *others = made.body["members"]
    assert (first["reference"], first["alone"]["net"], first["together"]["net"]) == (
        "CARROW",
        "100.00",
        "150.00",
    )
    assert [each["advice"] for each in (first, *others)] == ["dont_join", "join", "join"]
    assert made.body["lots"][0]["consortium_percent"] == 70


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"number": 2}, "case_lot_unknown"),
        ({"tiers": None}, "curve_invalid"),
        ({"elastic": {"unit_price": "1", "quantity": "1", "elasticity": "0.1"}}, "curve_invalid"),
    ],
)
async def test_a_case_of_nothing_is_refused(
    counter: Counter, change: dict[str, Any], code: str
) -> None:
    await state(counter, "CARROW")
    rfp_id = await draft(counter)
    await pool(counter, rfp_id)
    asked = {"number": 1, "tiers": [{"quantity_from": "1", "unit_price": "5"}], **change}

    answer = await counter.ask(
        "POST", f"/v1/rfps/{rfp_id}/case", json={"lots": [asked], "currency": "USD"}
    )

    assert (answer.status, answer.body["code"]) == (422, code)
