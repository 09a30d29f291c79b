"""The command line on what surrounds bids: who is asked, who wants out, and what is called off."""

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.component.cli_house import BID, LOT, RFP, VENDOR, House, open_house

CLAIM = "01890000-0000-7000-8000-000000000009"
CLAIMS = f"/v1/lots/{LOT}/withdrawal-claims"


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as house:
        yield house


async def test_form_tells_what_must_be_answered_and_attested(house: House) -> None:
    uptime = {"name": "uptime", "kind": "number", "is_required": True, "least": None}
    energy = {"name": "energy", "kind": "number", "is_required": False, "least": "0"}
    form = {
        "currency": "USD",
        "closes_at": "2027-03-01T12:00:00Z",
        "technical": None,
        "lots": [{"number": 1, "id": str(LOT), "title": "Links", "unit": "Mbps", "quantity": "9"}],
        "asked": [uptime, energy],
        "to_attest": [{"name": "no_gifts", "sentence": "nothing was given"}],
    }
    house.says(f"GET /v1/rfps/{RFP}/bid-form", form)

    told = await house.run("bid", "form", RFP)
    house.says(f"GET /v1/rfps/{RFP}/bid-form", form | {"technical": {}, "asked": None})
    two = await house.run("bid", "form", RFP)
    as_json = await house.run("bid", "form", RFP, "--json")

    assert told.output.splitlines() == [
        "bids in USD until 2027-03-01T12:00:00Z",
        f"lot   1  {LOT}  Links: 9 Mbps",
        "uptime: must be answered, number",
        "energy: may be answered, number, 0 or more",
        "attest no_gifts: nothing was given",
    ]
    assert "two envelopes" in two.output
    assert json.loads(as_json.output)["asked"] is None


async def test_form_tells_into_which_of_two_envelopes_an_answer_goes(house: House) -> None:
    uptime = {
        "name": "uptime",
        "kind": "number",
        "is_required": True,
        "least": None,
        "envelope": "technical",
        "is_part_of_price": False,
    }
    eligible = uptime | {
        "name": "eligible_unit_price",
        "least": "0",
        "envelope": "price",
        "is_part_of_price": True,
    }
    form = {
        "currency": "USD",
        "closes_at": "2027-03-01T12:00:00Z",
        "technical": {},
        "lots": [],
        "asked": [uptime, eligible],
        "to_attest": [],
    }
    house.says(f"GET /v1/rfps/{RFP}/bid-form", form)

    told = await house.run("bid", "form", RFP)

    assert told.output.splitlines()[1:] == [
        "two envelopes: attestations go into the technical one; documents too, if not said",
        "uptime: must be answered, number, in the technical envelope",
        (
            "eligible_unit_price: must be answered, number, 0 or more, at most the price of a "
            "unit, in the price envelope"
        ),
    ]


class TestVendors:
    async def test_invited_vendors_are_told_and_those_before_are_counted(
        self, house: House
    ) -> None:
        place = f"POST /v1/rfps/{RFP}/invitations"
        house.says(place, {"invited": [{"vendor_id": str(VENDOR)}]})

        result = await house.run("rfp", "invite", RFP, str(VENDOR), str(BID))

        assert result.output.splitlines() == [
            f"Invited {VENDOR}.",
            "1 of them had been invited before.",
        ]
        assert house.asked[place] == {"vendor_ids": [str(VENDOR), str(BID)]}

    async def test_nobody_to_invite_is_a_wrong_command_line(self, house: House) -> None:
        result = await house.run("rfp", "invite", RFP)

        assert result.exit_code == 2
        assert house.asked == {}

    async def test_vendor_that_is_none_is_named_by_its_id(self, house: House) -> None:
        refusal = {
            "code": "invited_vendor_unknown",
            "detail": "Only vendors.",
            "vendor_ids": [str(BID)],
        }
        house.says(f"POST /v1/rfps/{RFP}/invitations", refusal, status=422)

        result = await house.run("rfp", "invite", RFP, str(BID))

        assert result.exit_code == 1
        assert str(BID) in result.stderr

    async def test_invitations_tell_who_answered_what(self, house: House) -> None:
        one = {"vendor_id": str(VENDOR), "invited_at": None, "intent": "decline", "reason": "Far."}
        other = {"vendor_id": str(BID), "invited_at": "2027", "intent": None, "reason": None}
        house.lists(f"GET /v1/rfps/{RFP}/invitations", one, other)

        result = await house.run("rfp", "invitations", RFP)

        assert result.output.splitlines() == [
            f"{VENDOR}  not invited, says: decline (Far.)",
            f"{BID}  invited, has not answered",
        ]

    async def test_what_would_be_refused_is_told_to_who_invites_and_who_will_bid(
        self, house: House
    ) -> None:
        hindrance = {
            "vendor_id": str(VENDOR),
            "code": "vendor_not_qualified",
            "sentence": "The vendor's qualification ended with 2027-03-15.",
            "lot_ids": [str(BID)],
        }
        house.says(f"POST /v1/rfps/{RFP}/invitations", {"invited": [], "hindrances": [hindrance]})
        house.says(f"PUT /v1/rfps/{RFP}/intent", {"intent": "bid", "hindrances": [hindrance]})

        outputs = [
            (await house.run("rfp", *words)).output
            for words in (("invite", RFP, str(VENDOR)), ("intent", RFP, "--bid"))
        ]

        told = (
            f"A bid of {VENDOR} would be refused, vendor_not_qualified: "
            f"The vendor's qualification ended with 2027-03-15. (lots {BID})"
        )
        assert [output.splitlines()[-1] for output in outputs] == [told, told]

    async def test_vendor_says_whether_it_will_bid_and_never_neither(self, house: House) -> None:
        place = f"PUT /v1/rfps/{RFP}/intent"
        house.says(place, {"intent": "decline"})

        neither = await house.run("rfp", "intent", RFP)
        declined = await house.run("rfp", "intent", RFP, "--decline", "--reason", "Too far.")
        asked = house.asked[place]
        house.says(place, {"intent": "bid"})
        bidding = await house.run("rfp", "intent", RFP, "--bid", "--json")

        assert neither.exit_code == 2
        assert declined.output == "The buyer is told that you decline.\n"
        assert asked == {"intent": "decline", "reason": "Too far."}
        assert json.loads(bidding.output) == {"intent": "bid"}
        assert house.asked[place] == {"intent": "bid"}


class TestCancelling:
    async def test_it_is_asked_whether_that_is_meant(self, house: House) -> None:
        place = f"POST /v1/rfps/{RFP}/cancel"
        house.says(place, {"id": RFP, "title": "Milk"})
        words = ("rfp", "cancel", RFP, "--reason", "No grant.")

        unanswered = await house.run(*words)
        asked = dict(house.asked)
        meant = await house.run(*words, "--yes")

        assert (unanswered.exit_code, asked) == (1, {})
        assert meant.output == f"Cancelled {RFP}: Milk.\n"
        assert house.asked[place] == {"reason": "No grant."}

    async def test_awarded_rfp_is_exit_status_1_and_says_why(self, house: House) -> None:
        refusal = {"code": "rfp_awarded", "detail": "A lot is awarded."}
        house.says(f"POST /v1/rfps/{RFP}/cancel", refusal, status=409)

        result = await house.run("rfp", "cancel", RFP, "--reason", "No.", "--yes", "--json")

        assert result.exit_code == 1
        assert json.loads(result.stderr) == {
            "code": "rfp_awarded",
            "status": 409,
            "detail": "A lot is awarded.",
        }


class TestWithdrawals:
    async def test_claim_sends_the_hash_of_its_evidence_and_not_the_evidence(
        self, house: House, tmp_path: Path
    ) -> None:
        papers = tmp_path / "papers.txt"
        papers.write_bytes(b"0.11 was not added")
        digest = sha256(b"0.11 was not added").hexdigest()
        house.says(f"POST {CLAIMS}", {"id": CLAIM}, status=201)
        words = ("withdrawal", "claim", str(LOT), "--mistake", "omission", "--reason", "Row 7.")

        result = await house.run(*words, "--evidence", str(papers))

        assert result.output == f"Claimed {CLAIM}; evidence {digest}. The buyer decides.\n"
        assert house.asked[f"POST {CLAIMS}"] == {
            "mistake": "omission",
            "reason": "Row 7.",
            "evidence_sha256": digest,
        }

    async def test_claim_that_comes_too_late_is_exit_status_1(
        self, house: House, tmp_path: Path
    ) -> None:
        papers = tmp_path / "papers.txt"
        papers.write_bytes(b"")
        refusal = {"code": "withdrawal_late", "detail": "By Ohio law, within 2 working days."}
        house.says(f"POST {CLAIMS}", refusal, status=409)
        words = ("withdrawal", "claim", str(LOT), "--mistake", "omission", "--reason", "Row 7.")

        result = await house.run(*words, "--evidence", str(papers), "--json")

        assert result.exit_code == 1
        assert json.loads(result.stderr)["code"] == "withdrawal_late"

    async def test_list_tells_what_was_decided(self, house: House) -> None:
        claim = {
            "id": CLAIM,
            "bid_id": str(BID),
            "mistake": "omission",
            "reason": "Row 7.",
            "evidence_sha256": "ab",
        }
        house.lists(f"GET {CLAIMS}", claim | {"is_granted": None}, claim | {"is_granted": True})

        listed = await house.run("withdrawal", "list", str(LOT))
        house.lists(f"GET {CLAIMS}")
        empty = await house.run("withdrawal", "list", str(LOT))

        assert listed.output.splitlines()[2::3] == [
            "  evidence ab; not decided",
            "  evidence ab; withdrawn",
        ]
        assert empty.output == "Nobody wants a bid back.\n"

    async def test_decision_is_granted_or_refused_and_never_neither(self, house: House) -> None:
        place = f"PUT {CLAIMS}/{CLAIM}/decision"
        house.says(place, {"bid_id": str(BID), "is_granted": False})
        words = ("withdrawal", "decide", str(LOT), CLAIM, "--reason", "A judgment.")

        neither = await house.run(*words)
        refused = await house.run(*words, "--refuse")

        assert neither.exit_code == 2
        assert refused.output == f"Bid {BID} stands.\n"
        assert house.asked[place] == {"is_granted": False, "reason": "A judgment."}
