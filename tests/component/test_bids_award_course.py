"""Awards over HTTP from a decision to its end: by scenario, second person, protest, answers."""

import json as jsons
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from aiohttp.test_utils import TestClient, TestServer

from services.bids.api import award_course, awards, scenarios, scoring
from services.bids.domain.consortium import CostSharing, PriceOnDeclines
from services.bids.domain.policy import PolicyBook, Rule
from services.bids.domain.terms import ContractTerms, Terms
from services.bids.solver.processes import SolverProcesses
from services.bids.store.awards import AwardStore
from services.bids.store.profiles import read_profiles
from services.bids.store.rfps import terms_text
from services.bids.store.scenarios import ScenarioStore
from services.bids.store.scoring import ScoringStore
from services.bids.usecases.award_course import AwardCourse
from services.bids.usecases.awards import Awarding
from services.bids.usecases.notices import Notices
from services.bids.usecases.scoring import Scoring
from services.bids.usecases.winners import ScenarioSolving, Winners
from services.bids.worker import AwardKeeper
from shared.auth import FixedVerifier, Principal, Role, scopes_of
from shared.db import Pool
from shared.domain.bid_content import NONCE_BYTES, BidContent, Pricing, Tier
from shared.domain.ids import PartyId, new_id
from shared.domain.money import UnitPrice
from shared.idempotency import MemoryIdempotencyStore
from shared.journal import Journal
from shared.web import Api, build_app
from tests.component.bids_purchase import MICROSECOND, STANDSTILL, USD, Purchase, publish

PRICES: Final = {(0, 0): "0.25", (1, 0): "0.24", (0, 1): "0.30", (1, 1): "0.33"}
"""Unit prices by vendor and lot; each lot is 300 and 120 units of two members."""

WINDOW: Final = timedelta(days=30)

_PROFILE: Final = """-- tests.add_member_profile
INSERT INTO member_profile (member_id, kind, enrolment, hazard_zone)
VALUES ($1, 'district', $2, '')
"""


@dataclass
class Counter:
    """Ask the service as somebody, and let its loops step."""

    purchase: Purchase
    client: Any
    scenarios: ScenarioStore
    keeper: AwardKeeper

    async def ask(
        self, method: str, path: str, *, by: str = "buyer", json: object = None
    ) -> tuple[int, Any]:
        sent = {"Authorization": f"Bearer {by}"}
        if method == "POST":
            sent["Idempotency-Key"] = str(new_id())
        async with self.client.request(method, f"/v1{path}", json=json, headers=sent) as response:
            return response.status, await response.json()

    def lot(self, place: int = 0) -> str:
        return f"/lots/{self.purchase.lots[place]}"

    @property
    def rfp(self) -> str:
        return f"/rfps/{self.purchase.rfp_id}"

    async def chosen(self, *rules: Mapping[str, object], **changes: object) -> str:
        """Save a scenario, let it be solved, and choose it; tell its path."""
        body = {"name": "Chosen", "rules": list(rules), **changes}
        _, saved = await self.ask("POST", f"{self.rfp}/scenarios", json=body)
        clock = self.purchase.clock
        solving = ScenarioSolving(self.scenarios, SolverProcesses(), clock=clock)
        assert await solving.step(clock.now()) == 1
        path = f"{self.rfp}/scenarios/{saved['id']}"
        reason = {"reason": "The cheapest that keeps two suppliers."}
        status, _ = await self.ask("POST", f"{path}/choose", json=reason)
        assert status == 200
        return path

    async def awards_of(self, place: int = 0, *, by: str = "buyer") -> list[Any]:
        _, found = await self.ask("GET", f"{self.lot(place)}/awards", by=by)
        items: list[Any] = found["items"]
        return items

    async def pass_time(self, passed: timedelta) -> int:
        """Let time pass, and the loop step once."""
        self.purchase.clock.advance(passed)
        return await self.keeper.step(self.purchase.clock.now())


@asynccontextmanager
async def open_counter(
    purchase: Purchase, *, second_person: bool = False
) -> AsyncIterator[Counter]:
    tokens = {
        "buyer": _principal(Role.BUYER, purchase.buyer_id, "first person"),
        "second": _principal(Role.BUYER, purchase.buyer_id, "second person"),
        "rival": _principal(Role.BUYER, PartyId(new_id()), "rival"),
        "auditor": _principal(Role.AUDITOR, None, "auditor"),
        "stranger": _principal(Role.VENDOR, PartyId(new_id()), "stranger"),
        **{
            f"vendor {place}": _principal(Role.VENDOR, vendor_id, f"vendor {place}")
            for place, vendor_id in enumerate(purchase.vendors)
        },
        **{
            f"member {place}": _principal(Role.MEMBER, member_id, f"member {place}")
            for place, member_id in enumerate(purchase.members)
        },
    }
    api = Api("bids", title="Bids", version="1")
    for part in (scenarios, scoring, awards, award_course):
        api.include(part.routes)
    clock, journal = purchase.clock, Journal("bids")
    app = build_app(
        api,
        verifier=FixedVerifier(tokens),
        clock=clock,
        idempotency=MemoryIdempotencyStore(clock),
        checks={},
    )
    store, kept = AwardStore(purchase.pool, journal), ScenarioStore(purchase.pool, journal)
    policies = _policies(second_person=second_person)
    course = AwardCourse(store, clock=clock, policies=policies)
    app[scenarios.WINNERS] = Winners(kept, SolverProcesses(), clock=clock)
    app[scoring.SCORING] = Scoring(ScoringStore(purchase.pool, journal), clock=clock)
    app[awards.AWARDING] = Awarding(store, clock=clock, policies=policies)
    app[award_course.AWARD_COURSE] = course
    app[award_course.NOTICES] = Notices(store, policies=policies)
    async with TestClient(TestServer(app, access_log=None)) as client:
        yield Counter(purchase, client, kept, AwardKeeper(course))


def _policies(*, second_person: bool) -> PolicyBook:
    rule = Rule(value=True, law="The cooperative's own", source="its bylaws")
    return PolicyBook(
        replace(profile, second_person=rule if second_person else None)
        for profile in read_profiles().profiles
    )


def _principal(role: Role, party_id: PartyId | None, subject: str) -> Principal:
    return Principal(
        party_id=party_id,
        role=role,
        scopes=scopes_of(role),
        token_id=f"{subject}-token",
        expires_at=datetime(2099, 1, 1, tzinfo=UTC),
        subject=subject,
    )


async def set_terms(purchase: Purchase, terms: Terms, *, model: str = "group_pricing") -> None:
    await purchase.pool.execute(
        "UPDATE rfp SET terms = $2, consortium_model = $3 WHERE id = $1",
        purchase.rfp_id,
        terms_text(terms),
        model,
    )


@pytest.fixture
async def purchase(bids_database: Pool) -> Purchase:
    purchase = await publish(bids_database, lots=2, vendors=2)
    for (vendor, lot), price in PRICES.items():
        await purchase.file(price, vendor=vendor, lot=lot)
    await purchase.open_bids()
    return purchase


@pytest.fixture
async def counter(purchase: Purchase) -> AsyncIterator[Counter]:
    async with open_counter(purchase) as opened:
        yield opened


# By scenario ---------------------------------------------------------------------------------


async def test_chosen_scenario_names_the_winners_of_all_its_lots(counter: Counter) -> None:
    path = await counter.chosen()

    status, decided = await counter.ask("POST", f"{path}/intent")

    vendors, lots = counter.purchase.vendors, counter.purchase.lots
    assert status == 200, decided
    assert {(each["lot_id"], each["vendor_id"], each["total"]) for each in decided["items"]} == {
        (str(lots[0]), str(vendors[1]), "100.80"),
        (str(lots[1]), str(vendors[0]), "126.00"),
    }
    assert {each["status"] for each in decided["items"]} == {"intended"}
    assert await counter.pass_time(STANDSTILL) == 2
    made = jsons.loads((await counter.purchase.events("award.made.v1"))[0])["data"]
    assert (made["total"], made["lines"]) in {("100.80", 2), ("126.00", 2)}


async def test_split_lot_has_an_award_for_each_vendor_and_each_member_its_line(
    counter: Counter,
) -> None:
    two = {"id": "two", "kind": "fewest_winners", "amount": "2", "each_lot": True}
    share = {"id": "share", "kind": "smallest_share", "amount": "0.25", "each_lot": True}
    path = await counter.chosen(two, share, granularity="district")

    await counter.ask("POST", f"{path}/intent")

    shown = await counter.awards_of(0)
    vendors, members = counter.purchase.vendors, counter.purchase.members
    assert {(one["vendor_id"], one["quantity"], one["total"]) for one in shown} == {
        (str(vendors[1]), "300", "72.00"),
        (str(vendors[0]), "120", "30.00"),
    }
    lines: dict[str, Any] = {}
    for award in shown:
        _, page = await counter.ask("GET", f"/awards/{award['id']}/lines")
        lines |= {line["member_id"]: line for line in page["items"]}
    assert {member: (line["quantity"], line["total"]) for member, line in lines.items()} == {
        str(members[0]): ("300", "72.00"),
        str(members[1]): ("120", "30.00"),
    }
    assert (lines[str(members[0])]["baseline_total"], lines[str(members[0])]["saving"]) == (
        "93.00",
        "21.00",
    )


async def test_scenario_that_was_not_chosen_decides_nothing(counter: Counter) -> None:
    path = await counter.chosen()
    later = await counter.chosen(name="Later")

    status, refused = await counter.ask("POST", f"{path}/intent")

    assert (status, refused["code"]) == (409, "scenario_not_chosen")
    assert await counter.awards_of(0) == []
    assert (await counter.ask("POST", f"{later}/intent"))[0] == 200


async def test_scenario_decides_once_and_asked_again_tells_what_stands(counter: Counter) -> None:
    path = await counter.chosen()
    _, first = await counter.ask("POST", f"{path}/intent")

    status, again = await counter.ask("POST", f"{path}/intent")

    assert (status, again) == (200, first)
    assert len(await counter.purchase.events("award.intended.v1")) == 2


async def test_scenario_is_stale_once_a_winner_was_set_aside(counter: Counter) -> None:
    path = await counter.chosen()
    bid_id = await counter.purchase.pool.fetchval(
        "SELECT id FROM bid WHERE vendor_id = $1 AND lot_id = $2",
        counter.purchase.vendors[1],
        counter.purchase.lots[0],
    )
    aside = f"{counter.lot()}/bids/{bid_id}/disqualification"
    await counter.ask("PUT", aside, json={"reason": "Its licence ran out."})

    status, refused = await counter.ask("POST", f"{path}/intent")

    assert (status, refused["code"]) == (409, "scenario_stale")
    assert await counter.purchase.status_of_lot(1) == "evaluated"
    # Solved anew without that bid, the lot goes to the other vendor.
    anew = await counter.chosen(name="Anew")
    _, decided = await counter.ask("POST", f"{anew}/intent")
    assert {each["vendor_id"] for each in decided["items"]} == {str(counter.purchase.vendors[0])}


async def test_lot_that_a_scenario_leaves_to_its_reserve_ends_without_award(
    counter: Counter,
) -> None:
    path = await counter.chosen(reserves={str(counter.purchase.lots[1]): "0.29"})

    status, decided = await counter.ask("POST", f"{path}/intent")

    assert status == 200, decided
    assert [each["lot_id"] for each in decided["items"]] == [str(counter.purchase.lots[0])]
    assert await counter.purchase.status_of_lot(1) == "no_award"


# A second person -----------------------------------------------------------------------------


async def test_second_person_approves_and_only_then_anybody_hears_of_it(
    purchase: Purchase,
) -> None:
    async with open_counter(purchase, second_person=True) as counter:
        _, proposed = await counter.ask("POST", f"{counter.lot()}/intent", json={})
        seen_by_vendor = await counter.awards_of(by="vendor 0")
        told_before = await purchase.events("award.intended.v1")
        await counter.pass_time(2 * STANDSTILL)
        own, refused = await counter.ask("POST", f"{counter.lot()}/awards/approve")
        status, approved = await counter.ask("POST", f"{counter.lot()}/awards/approve", by="second")

        assert (proposed["status"], proposed["standstill_ends_at"]) == ("proposed", None)
        assert (seen_by_vendor, told_before) == ([], [])
        assert (own, refused["code"]) == (403, "approver_decided")
        assert (status, approved["items"][0]["status"]) == (200, "intended")
        assert len(await purchase.events("award.noticed.v1")) == 2
        assert await counter.pass_time(STANDSTILL) == 1
        assert await purchase.status_of_lot() == "awarded"


async def test_lines_of_a_proposal_are_the_buyers_to_see(purchase: Purchase) -> None:
    async with open_counter(purchase, second_person=True) as counter:
        _, proposed = await counter.ask("POST", f"{counter.lot()}/intent", json={})
        path = f"/awards/{proposed['id']}/lines"
        seen = {
            by: len((await counter.ask("GET", path, by=by))[1]["items"])
            for by in ("buyer", "auditor", "member 0", "vendor 1")
        }

        assert seen == {"buyer": 2, "auditor": 2, "member 0": 0, "vendor 1": 0}


# Protest and withdrawal ----------------------------------------------------------------------


async def test_protest_suspends_the_award_until_it_is_decided(counter: Counter) -> None:
    await counter.ask("POST", f"{counter.lot()}/intent", json={})
    protests = f"{counter.lot()}/protests"
    grounds = {"grounds": "Our price was read wrong."}

    stranger, unknown = await counter.ask("POST", protests, by="stranger", json=grounds)
    status, filed = await counter.ask("POST", protests, by="vendor 0", json=grounds)
    resting = await counter.pass_time(2 * STANDSTILL)
    decision = {"is_upheld": False, "decision": "It is as it was opened."}
    rival, _ = await counter.ask(
        "POST", f"{protests}/{filed['id']}/decision", by="rival", json=decision
    )
    decided, denied = await counter.ask("POST", f"{protests}/{filed['id']}/decision", json=decision)

    assert (stranger, unknown["code"]) == (403, "protester_unknown")
    assert (status, filed["is_upheld"], resting) == (201, None, 0)
    assert (rival, decided, denied["is_upheld"]) == (404, 200, False)
    assert await counter.pass_time(STANDSTILL - MICROSECOND) == 0
    assert await counter.pass_time(MICROSECOND) == 1
    assert await counter.purchase.status_of_lot() == "awarded"


async def test_upheld_protest_moots_the_others_and_they_hold_up_no_later_standstill(
    counter: Counter,
) -> None:
    protests = f"{counter.lot()}/protests"
    decision = {"is_upheld": True, "decision": "The licence lapsed."}

    async def protest(by: str) -> str:
        _, filed = await counter.ask("POST", protests, by=by, json={"grounds": "The licence."})
        return f"{protests}/{filed['id']}/decision"

    await counter.ask("POST", f"{counter.lot()}/intent", json={})
    first, second = [await protest(by) for by in ("vendor 0", "vendor 1")]
    await counter.ask("POST", first, json=decision)
    _, listed = await counter.ask("GET", protests, by="vendor 1")
    late, refused = await counter.ask("POST", second, json=decision)
    (told,) = await counter.purchase.events("award.protest_mooted.v1")
    await counter.ask("POST", f"{counter.lot()}/intent", json={})
    third = await protest("vendor 1")
    _, denied = await counter.ask("POST", third, json={**decision, "is_upheld": False})

    (moot,) = listed["items"]
    assert (moot["status"], moot["is_upheld"], moot["moot_at"] is None) == ("moot", None, False)
    assert (late, refused["code"]) == (409, "protest_moot")
    data = jsons.loads(told)["data"]
    assert data["vendor_id"] == str(counter.purchase.vendors[1])
    assert data["reason"] == "The licence lapsed."
    assert denied["status"] == "denied"
    assert await counter.pass_time(STANDSTILL) == 1
    assert await counter.purchase.status_of_lot() == "awarded"


async def test_protests_are_shown_to_the_buyer_auditors_and_who_filed_them(
    counter: Counter,
) -> None:
    await counter.ask("POST", f"{counter.lot()}/intent", json={})
    protests = f"{counter.lot()}/protests"
    await counter.ask("POST", protests, by="vendor 0", json={"grounds": "Wrong."})

    seen = {
        by: len((await counter.ask("GET", protests, by=by))[1]["items"])
        for by in ("buyer", "auditor", "vendor 0", "vendor 1", "member 0")
    }

    assert seen == {"buyer": 1, "auditor": 1, "vendor 0": 1, "vendor 1": 0, "member 0": 0}


async def test_withdrawn_award_goes_to_the_next_in_rank(counter: Counter) -> None:
    purchase = counter.purchase
    await counter.ask("POST", f"{counter.lot()}/intent", json={})
    await counter.pass_time(STANDSTILL)
    why = {"reason": "The vendor cannot deliver."}

    status, after = await counter.ask("POST", f"{counter.lot()}/awards/withdraw", json=why)
    bid_id = await purchase.pool.fetchval(
        "SELECT id FROM bid WHERE vendor_id = $1 AND lot_id = $2",
        purchase.vendors[1],
        purchase.lots[0],
    )
    aside = f"{counter.lot()}/bids/{bid_id}/disqualification"
    await counter.ask("PUT", aside, json=why)
    _, following = await counter.ask("POST", f"{counter.lot()}/intent", json={})

    assert (status, after["items"][0]["status"]) == (200, "withdrawn")
    assert len(await purchase.events("award.line_withdrawn.v1")) == 2
    assert (following["vendor_id"], following["total"]) == (str(purchase.vendors[0]), "105.00")
    assert [each["status"] for each in await counter.awards_of()] == ["intended", "withdrawn"]
    again, refused = await counter.ask("POST", f"{counter.lot(1)}/awards/withdraw", json=why)
    assert (again, refused["code"]) == (409, "award_not_standing")


# Members' answers ----------------------------------------------------------------------------


async def recommended(counter: Counter) -> dict[str, str]:
    """Intend a lot, let its standstill pass; tell each member's line."""
    _, award = await counter.ask("POST", f"{counter.lot()}/intent", json={})
    assert await counter.pass_time(STANDSTILL) == 1
    _, page = await counter.ask("GET", f"/awards/{award['id']}/lines")
    return {
        line["member_id"]: f"/awards/{award['id']}/lines/{line['id']}/answer"
        for line in page["items"]
    }


async def test_members_answer_and_those_who_accepted_get_their_lines(counter: Counter) -> None:
    purchase = counter.purchase
    await set_terms(purchase, Terms(acceptance_window_s=int(WINDOW.total_seconds())))
    answers = await recommended(counter)
    first, second = (answers[str(member)] for member in purchase.members)

    stranger, unknown = await counter.ask("PUT", first, by="member 1", json={"accepts": True})
    for accepts in (False, True):
        await counter.ask("PUT", first, by="member 0", json={"accepts": accepts})
    status, declined = await counter.ask("PUT", second, by="member 1", json={"accepts": False})
    counted = await counter.pass_time(WINDOW)
    late, closed = await counter.ask("PUT", first, by="member 0", json={"accepts": False})

    assert (stranger, unknown["code"]) == (404, "award_line_unknown")
    assert (status, declined["accepts"]) == (200, False)
    assert (counted, late, closed["code"]) == (1, 409, "answers_closed")
    (award,) = await counter.awards_of()
    assert (award["status"], award["quantity"], award["total"]) == ("made", "300", "72.00")
    told = [jsons.loads(each)["data"] for each in await purchase.events("award.line_made.v1")]
    assert [line["member_id"] for line in told] == [str(purchase.members[0])]


async def test_lower_quantity_is_priced_anew_by_the_bids_own_tiers(bids_database: Pool) -> None:
    purchase = await publish(bids_database, vendors=1)
    steps = (("1", "0.30"), ("400", "0.25"))
    tiers = tuple(Tier(Decimal(first), UnitPrice.parse(each, USD)) for first, each in steps)
    content = BidContent(currency=USD, nonce=bytes(NONCE_BYTES), pricing=Pricing(tiers))
    await purchase.bidding.file(purchase.act(), content)
    await purchase.open_bids()
    window_s = int(WINDOW.total_seconds())
    await set_terms(
        purchase, Terms(acceptance_window_s=window_s, price_on_declines=PriceOnDeclines.ANEW)
    )
    async with open_counter(purchase) as counter:
        answers = await recommended(counter)
        path = answers[str(purchase.members[0])]
        await counter.ask("PUT", path, by="member 0", json={"accepts": True})

        await counter.pass_time(WINDOW)

        renewed, ended = await counter.awards_of()
        # 420 units reach the tier of 0.25, the 300 that were accepted do not.
        assert (renewed["status"], renewed["unit_price"], renewed["total"]) == (
            "intended",
            "0.30",
            "90.00",
        )
        assert (ended["status"], ended["unit_price"]) == ("withdrawn", "0.25")
        _, lines = await counter.ask("GET", f"/awards/{renewed['id']}/lines")
        assert [line["total"] for line in lines["items"]] == ["90.00"]


# Notices and contracts -----------------------------------------------------------------------


async def test_every_bidder_reads_its_notice_once_a_winner_is_named(counter: Counter) -> None:
    path, purchase = f"{counter.lot()}/notice", counter.purchase
    early, unknown = await counter.ask("GET", path, by="vendor 0")
    why = {"vendor_id": str(purchase.vendors[0]), "reason": "The best delivers too late."}
    await counter.ask("POST", f"{counter.lot()}/intent", json=why)

    _, loser = await counter.ask("GET", path, by="vendor 1")
    _, winner = await counter.ask("GET", path, by="vendor 0")
    stranger, _ = await counter.ask("GET", path, by="stranger")

    assert (early, unknown["code"], stranger) == (404, "notice_unknown", 404)
    assert (loser["rank"], loser["unit_price"], loser["reason"]) == (
        1,
        "0.24",
        "The best delivers too late.",
    )
    assert (winner["rank"], winner["unit_price"]) == (2, "0.25")
    for notice in (loser, winner):
        (won,) = notice["winners"]
        assert (won["vendor_name"], won["unit_price"], won["total"]) == (
            "Dairy 1",
            "0.25",
            "105.00",
        )
        assert notice["standstill_ends_at"] is not None


async def test_notice_of_a_proposal_is_nobodys(purchase: Purchase) -> None:
    async with open_counter(purchase, second_person=True) as counter:
        await counter.ask("POST", f"{counter.lot()}/intent", json={})

        status, _ = await counter.ask("GET", f"{counter.lot()}/notice", by="vendor 1")

        assert status == 404


async def test_contracts_follow_a_made_award(counter: Counter) -> None:
    terms = ContractTerms(renewals=1, renewal_months=12, fee_percent=Decimal(2))
    await set_terms(counter.purchase, Terms(contract=terms))
    _, award = await counter.ask("POST", f"{counter.lot()}/intent", json={})
    path = f"/awards/{award['id']}/contracts"
    early, refused = await counter.ask("GET", path)
    await counter.pass_time(STANDSTILL)

    _, whole = await counter.ask("GET", path)
    _, own = await counter.ask("GET", path, by="member 0")
    _, strangers = await counter.ask("GET", path, by="vendor 0")

    assert (early, refused["code"]) == (409, "contracts_not_ready")
    assert {(each["signed_by"], each["total"], each["fee"]) for each in whole["items"]} == {
        (str(counter.purchase.members[0]), "72.00", "1.44"),
        (str(counter.purchase.members[1]), "28.80", "0.58"),
    }
    # Made on 25 March 2027, for twelve months.
    assert {(each["begins_on"], each["ends_on"]) for each in whole["items"]} == {
        ("2027-03-25", "2028-03-24")
    }
    assert [each["signed_by"] for each in own["items"]] == [str(counter.purchase.members[0])]
    assert strangers["items"] == []


# What members pay ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "model", "totals"),
    [
        (Terms(cost_shared_by=CostSharing.EQUAL), "group_procurement", ["50.40", "50.40"]),
        (Terms(cost_shared_by=CostSharing.DEMAND), "group_procurement", ["72.00", "28.80"]),
        (Terms(cost_shared_by=CostSharing.ATTENDANCE), "group_procurement", ["25.20", "75.60"]),
        (Terms(margin_percent=Decimal("2.5")), "resale", ["73.80", "29.52"]),
    ],
)
async def test_members_pay_by_the_rule_of_the_consortium_model(
    counter: Counter, terms: Terms, model: str, totals: list[str]
) -> None:
    purchase = counter.purchase
    await set_terms(purchase, terms, model=model)
    for member, enrolment in zip(purchase.members, (500, 1500), strict=True):
        await purchase.pool.execute(_PROFILE, member, enrolment)

    _, award = await counter.ask("POST", f"{counter.lot()}/intent", json={})

    # 420 units at 0.24 are 100.80, whoever pays what of it.
    assert award["total"] == "100.80"
    _, page = await counter.ask("GET", f"/awards/{award['id']}/lines")
    found = {line["member_id"]: line["total"] for line in page["items"]}
    assert [found[str(member)] for member in purchase.members] == totals


async def test_cost_by_attendance_needs_every_enrolment(counter: Counter) -> None:
    terms = Terms(cost_shared_by=CostSharing.ATTENDANCE)
    await set_terms(counter.purchase, terms, model="group_procurement")

    status, refused = await counter.ask("POST", f"{counter.lot()}/intent", json={})

    assert (status, refused["code"]) == (409, "enrolment_missing")
    assert await counter.purchase.status_of_lot() == "evaluated"
