"""The command line before a small service: what it asks, tells, keeps, and how it ends."""

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiohttp.test_utils import unused_port
from click.testing import CliRunner

from clients.cli import cli
from clients.cli import way as way_module
from clients.custodian import bytes_of, make_key, public_text, text_of
from clients.http import Patience
from shared.domain import merkle
from shared.domain.bid_content import read_content, read_technical
from shared.domain.ids import new_id
from shared.receipts import (
    DocumentKind,
    ReceiptAction,
    jwk_of,
    key_id_of,
    sign_document,
)
from shared.sealing import (
    SealContext,
    commit_to,
    deal,
    generate_key_pair,
    seal_share,
    unseal,
)
from tests.component.cli_house import BID, LOT, OPENING, RFP, SALT, VENDOR, House, open_house


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as house:
        yield house


@pytest.fixture
def bidding(house: House) -> House:
    """A house that takes bids on one lot of 300 units."""
    house.says(f"GET /v1/lots/{LOT}", {"id": str(LOT), "rfp_id": RFP})
    form = {
        "currency": "USD",
        "closes_at": "2027-03-01T12:00:00Z",
        "price": {"opening_id": str(OPENING), "public_key": text_of(house.opening.public)},
        "technical": None,
        "lots": [{"id": str(LOT), "quantity": "300"}],
        "criteria": ["experience"],
        "asked": [{"name": "experience", "kind": "text", "is_required": False, "least": None}],
        "attestations": ["no_collusion"],
    }
    house.says(f"GET /v1/rfps/{RFP}/bid-form", form)
    house.says("GET /v1/receipt-keys", {"keys": [jwk_of(house.public)]})

    def filed(asked: House) -> dict[str, Any]:
        body = asked.asked[f"POST /v1/lots/{LOT}/sealed-bids"]
        return asked.receipt(ReceiptAction.FILED, bytes_of(body["sealed"]))

    house.says(f"POST /v1/lots/{LOT}/sealed-bids", filed, status=201)
    return house


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "lot1.json"
    bid = {
        "tiers": [{"from": "1", "unit_price": "20"}, {"from": "200", "unit_price": "17.5"}],
        "answers": [{"criterion": "experience", "text": "Ten years."}],
        "attestations": ["no_collusion"],
    }
    path.write_text(json.dumps(bid))
    return path


class TestRequirements:
    async def test_table_goes_up_as_it_stands(self, house: House, tmp_path: Path) -> None:
        table = tmp_path / "needs.csv"
        table.write_bytes("\ufeffreference;quantity\r\nA;1.200\r\n".encode())
        house.says("POST /v1/requirements/import", {"id": RFP, "rows": 1}, status=201)
        words = ("requirements", "import", str(table), "--currency", "USD", "--decimal", "comma")

        result = await house.run(*words)

        assert (result.exit_code, result.output) == (0, f"Stated 1 requirements (import {RFP}).\n")
        asked = house.asked["POST /v1/requirements/import"]
        assert asked == "\ufeffreference;quantity\r\nA;1.200\r\n"
        assert house.asked["POST /v1/requirements/import query"] == {
            "currency": "USD",
            "decimal": "comma",
        }
        assert house.tokens == {"Bearer a-token"}

    async def test_wrong_rows_are_named_by_line_and_column_and_counted(
        self, house: House, tmp_path: Path
    ) -> None:
        table = tmp_path / "needs.csv"
        table.write_text("x\n")
        errors = [
            {"line": line, "column": "quantity", "reason": "It is no number."}
            for line in range(2, 27)
        ]
        refusal = {
            "code": "csv_rows_invalid",
            "detail": "Wrong.",
            "errors": errors,
            "error_count": 99,
        }
        house.says("POST /v1/requirements/import", refusal, status=422)
        words = ("requirements", "import", str(table), "--currency", "USD")

        told, as_json = await house.run(*words), await house.run(*words, "--json")

        lines = told.stderr.splitlines()
        assert told.exit_code == as_json.exit_code == 1
        assert lines[0] == "commonlot: Wrong. (422 csv_rows_invalid)"
        assert lines[1] == "  line 2, quantity: It is no number."
        assert (len(lines), lines[-1]) == (22, "  and 79 more")
        problem = json.loads(as_json.stderr)
        assert (problem["code"], len(problem["errors"])) == ("csv_rows_invalid", 25)


LOT_SHOWN: Any = {"number": 1, "title": "Training", "unit": "session", "members": 3}
VOLUME: Any = {"quantity": "5", "firm": "3", "estimated": "2"}


class TestPooling:
    async def test_rules_are_asked_for_and_a_preview_keeps_nothing(self, house: House) -> None:
        left_out = {"requirement_id": RFP, "reason": "authority_missing", "sentence": "No paper."}
        answer = {
            "lots": [LOT_SHOWN | {"volume": VOLUME}],
            "left_out": [left_out],
            "left_out_count": 1,
        }
        house.says(f"POST /v1/rfps/{RFP}/pool/preview", answer)
        words = ("pool", RFP, "--by", "item", "--group-size", "20", "--reference", "A", "--preview")

        result = await house.run(*words)

        assert result.exit_code == 0
        assert house.asked[f"POST /v1/rfps/{RFP}/pool/preview"] == {
            "by": "item",
            "requirement_references": ["A"],
            "rules": {"training": {"group_size": 20}},
        }
        assert "Training: 5 session (3 firm, 2 estimated), members: 3" in result.output
        assert f"left out {RFP}: No paper." in result.output
        assert "Nothing was kept" in result.output

    async def test_commit_shows_the_lots_ids(self, house: House) -> None:
        lots = [LOT_SHOWN | {"id": str(LOT)}]
        answer = {"lots": lots, "volumes": [VOLUME], "left_out": [], "left_out_count": 0}
        house.says(f"POST /v1/rfps/{RFP}/pool", answer, status=201)

        result = await house.run("pool", RFP, "--by", "alone")

        assert result.exit_code == 0
        assert house.asked[f"POST /v1/rfps/{RFP}/pool"] == {"by": "alone"}
        assert str(LOT) in result.output

    async def test_case_is_reckoned_in_the_rfps_currency_and_advises_against(
        self, house: House
    ) -> None:
        side = {"cost": "100.00", "net": "100.00"}
        member = {"reference": "A", "name": "Alder", "saving": "-50.00", "advice": "dont_join"}
        answer = {
            "currency": "EUR",
            "alone": side,
            "together": side,
            "saving": "-50.00",
            "lots": [],
            "members": [member],
            "members_count": 1,
            "joining": 0,
        }
        house.says(f"GET /v1/rfps/{RFP}", {"currency": "EUR"})
        house.says(f"POST /v1/rfps/{RFP}/case", answer)
        tiers = ("--tier", "1", "1", "0.21", "--tier", "1", "1000", "0.19", "--erate", "1", "2")

        result = await house.run("case", RFP, *tiers, "--running-cost", "15")

        assert result.exit_code == 0
        assert house.asked[f"POST /v1/rfps/{RFP}/case"] == {
            "currency": "EUR",
            "running_cost": "15",
            "lots": [
                {
                    "number": 1,
                    "tiers": [
                        {"quantity_from": "1", "unit_price": "0.21"},
                        {"quantity_from": "1000", "unit_price": "0.19"},
                    ],
                    "erate_category": 2,
                }
            ],
        }
        assert "don't join" in result.output


class TestRfps:
    async def test_draft_names_its_custodians(self, house: House) -> None:
        house.says("POST /v1/rfps", {"id": RFP, "title": "Milk"}, status=201)
        house.says(f"PUT /v1/rfps/{RFP}/ceremony", {})
        first, second = str(new_id()), str(new_id())
        named = ("--custodian", first, "--custodian", second, "--threshold", "2")
        words = ("--title", "Milk", "--currency", "USD", "--closes-at", "2027-03-01T12:00:00Z")

        result = await house.run("rfp", "draft", *words, *named, "--standstill", "0")

        assert result.exit_code == 0
        assert house.asked["POST /v1/rfps"] == {
            "title": "Milk",
            "currency": "USD",
            "closes_at": "2027-03-01T12:00:00+00:00",
            "standstill_s": 0,
            "consortium_model": "group_procurement",
            "policy_profile": "open",
            "custodian_id": first,
        }
        ceremony = house.asked[f"PUT /v1/rfps/{RFP}/ceremony"]
        assert (ceremony["custodian_ids"], ceremony["threshold"]) == ([first, second], 2)

    async def test_draft_from_another_takes_its_model_and_policy(self, house: House) -> None:
        house.says("POST /v1/rfps", {"id": RFP, "title": "Milk"}, status=201)
        words = ("--from", RFP, "--closes-at", "2027-03-01T12:00:00Z")

        await house.run("rfp", "draft", *words)

        assert house.asked["POST /v1/rfps"] == {
            "closes_at": "2027-03-01T12:00:00+00:00",
            "from_rfp_id": RFP,
        }

    async def test_breaches_are_named_with_their_source(self, house: House) -> None:
        breach = {"rule": "price_dominates", "sentence": "Weigh more.", "source": "47 CFR 54.511"}
        refusal = {"code": "policy_breached", "detail": "No.", "breaches": [breach]}
        house.says(f"POST /v1/rfps/{RFP}/publish", refusal, status=422)
        house.says(f"GET /v1/rfps/{RFP}/breaches", {"breaches": [breach]})

        refused = await house.run("rfp", "publish", RFP)
        checked = await house.run("rfp", "publish", RFP, "--check")

        line = "price_dominates: Weigh more. (47 CFR 54.511)"
        assert (refused.exit_code, checked.exit_code) == (1, 1)
        assert line in refused.stderr
        assert checked.output == f"{line}\n"

    async def test_check_without_breaches_is_exit_status_0(self, house: House) -> None:
        house.says(f"GET /v1/rfps/{RFP}/breaches", {"breaches": []})

        result = await house.run("rfp", "publish", RFP, "--check")

        assert result.exit_code == 0

    async def test_addendum_and_answer_are_told_to_all(self, house: House) -> None:
        issued = {"version": 2, "closes_at": "2027-03-02T12:00:00Z"}
        house.says(f"POST /v1/rfps/{RFP}/addenda", issued, status=201)
        house.says(f"POST /v1/questions/{RFP}/answer", {"question": "Half-pints?"})

        amended = await house.run("rfp", "amend", RFP, "--text", "More.", "--substantial")
        answered = await house.run("rfp", "answer", RFP, "--text", "Yes.")

        assert amended.output == "Issued addendum 2; bids until 2027-03-02T12:00:00Z.\n"
        assert house.asked[f"POST /v1/rfps/{RFP}/addenda"] == {
            "text": "More.",
            "is_substantial": True,
        }
        assert answered.output == "Answered: Half-pints?\n"
        assert house.asked[f"POST /v1/questions/{RFP}/answer"] == {"answer": "Yes."}

    async def test_show_tells_lots_addenda_and_questions(self, house: House) -> None:
        told = {
            "title": "Milk",
            "status": "published",
            "currency": "USD",
            "policy_profile": "erate",
            "closes_at": "2027-03-01T12:00:00Z",
            "earliest_award_on": "2027-03-29",
            "terms": {
                "prequalified_only": True,
                "acceptance_window_s": 1_209_600,
                "silence_means": "declined",
            },
        }
        lot = {"number": 1, "id": str(LOT), "title": "Milk", "quantity": "300", "unit": "pint"}
        house.says(f"GET /v1/rfps/{RFP}", told)
        house.lists(f"GET /v1/rfps/{RFP}/lots", lot | {"status": "open"})
        addendum = {"version": 1, "is_substantial": True, "text": "More."}
        house.lists(f"GET /v1/rfps/{RFP}/addenda", addendum)
        asked = {"id": str(BID), "question": "Half-pints?", "answer": None}
        house.lists(f"GET /v1/rfps/{RFP}/questions", asked)

        result = await house.run("rfp", "show", RFP)

        assert result.output.splitlines() == [
            "Milk (published), USD, policy erate",
            "bids until 2027-03-01T12:00:00Z",
            "no award before 2027-03-29",
            "for vendors that are qualified on the day on which they file",
            "members answer within 14 days of an award; silence means declined",
            f"lot   1  {LOT}  Milk: 300 pint (open)",
            "addendum 1 (substantial): More.",
            f"question {BID}: Half-pints?",
            "  not answered yet",
        ]

    async def test_nobody_there_is_exit_status_3(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(way_module, "PATIENCE", Patience(total_s=0.1))
        house.url = f"http://127.0.0.1:{unused_port()}"

        result = await house.run("rfp", "show", RFP, "--json")

        assert result.exit_code == 3
        assert json.loads(result.stderr)["code"] == "unreachable"


class TestBids:
    async def test_price_leaves_sealed_and_its_receipt_is_kept_and_verified_offline(
        self, bidding: House, written: Path, tmp_path: Path
    ) -> None:
        sealed, receipt = tmp_path / "lot1.sealed", tmp_path / "lot1.receipt"
        seal = ("bid", "seal", str(LOT), "--bid", str(written), "--out", str(sealed))

        sealing = await bidding.run(*seal, "--party", str(VENDOR))
        filing = await bidding.run("bid", "file", str(sealed), "--receipt", str(receipt))
        offline = CliRunner().invoke(cli, ["bid", "receipt", str(receipt), "--json"])

        assert (sealing.exit_code, filing.exit_code, offline.exit_code) == (0, 0, 0)
        assert "17.5" not in json.dumps(bidding.asked)
        body = bidding.asked[f"POST /v1/lots/{LOT}/sealed-bids"]
        context = SealContext(
            opening_id=OPENING,
            lot_id=LOT,
            vendor_id=VENDOR,
            bid_version_id=UUID(body["bid_version_id"]),
        )
        content = read_content(unseal(bytes_of(body["sealed"]), bidding.opening.private, context))
        assert [str(tier.unit_price) for tier in content.pricing.tiers] == ["20.00", "17.50"]
        assert content.nonce != bytes(32)
        digest = sha256(bytes_of(body["sealed"])).hexdigest()
        assert json.loads(offline.output)["sealed_sha256"] == digest

    async def test_receipt_for_something_else_is_not_kept(
        self, bidding: House, written: Path, tmp_path: Path
    ) -> None:
        sealed, receipt = tmp_path / "lot1.sealed", tmp_path / "lot1.receipt"
        seal = ("bid", "seal", str(LOT), "--bid", str(written), "--out", str(sealed))
        await bidding.run(*seal, "--party", str(VENDOR))
        other = bidding.receipt(ReceiptAction.FILED, b"something else")
        bidding.says(f"POST /v1/lots/{LOT}/sealed-bids", other, status=201)

        result = await bidding.run("bid", "file", str(sealed), "--receipt", str(receipt))

        assert result.exit_code == 1
        assert not receipt.exists()

    async def test_receipt_that_is_kept_is_never_overwritten_and_nothing_is_filed(
        self, bidding: House, written: Path, tmp_path: Path
    ) -> None:
        sealed, receipt = tmp_path / "lot1.sealed", tmp_path / "lot1.receipt"
        receipt.write_text("kept")
        seal = ("bid", "seal", str(LOT), "--bid", str(written), "--out", str(sealed))
        await bidding.run(*seal, "--party", str(VENDOR))

        result = await bidding.run("bid", "file", str(sealed), "--receipt", str(receipt))

        assert (result.exit_code, receipt.read_text()) == (2, "kept")
        assert f"POST /v1/lots/{LOT}/sealed-bids" not in bidding.asked

    async def test_bid_that_would_be_refused_is_named_and_not_sealed(
        self, bidding: House, written: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "lot1.sealed"
        price = ("--unit-price", "0.1234")
        party = ("--party", str(VENDOR))

        fine = await bidding.run("bid", "check", str(LOT), "--bid", str(written))
        checked = await bidding.run("bid", "check", str(LOT), *price, "--json")
        sealed = await bidding.run("bid", "seal", str(LOT), *price, *party, "--out", str(out))

        assert (fine.exit_code, checked.exit_code, sealed.exit_code) == (0, 1, 1)
        problem = json.loads(checked.stderr)
        assert problem["code"] == "bid_would_be_refused"
        assert [fault["code"] for fault in problem["faults"]] == ["attestation_missing"]
        assert not out.exists()

    async def test_withdrawal_is_receipted(self, bidding: House, tmp_path: Path) -> None:
        path = tmp_path / "withdrawn.receipt"
        withdrawn = bidding.receipt(ReceiptAction.WITHDRAWN, None)
        bidding.says(f"POST /v1/lots/{LOT}/bids/withdraw", withdrawn, status=201)

        result = await bidding.run("bid", "withdraw", str(LOT), "--receipt", str(path), "--json")

        assert result.exit_code == 0
        assert json.loads(result.output)["action"] == "withdrawn"
        assert CliRunner().invoke(cli, ["bid", "receipt", str(path)]).exit_code == 0

    async def test_lost_receipt_is_fetched_again_and_proves_the_bid_is_in_the_opening(
        self, bidding: House, tmp_path: Path
    ) -> None:
        path, sealed = tmp_path / "lot1.receipt", b"sealed"
        held = {"bid_id": str(BID), "lot_id": str(LOT), "version": 1, "is_withdrawn": False}
        bidding.lists("GET /v1/bids", held)
        version = bidding.receipt(ReceiptAction.FILED, sealed)
        bidding.says(f"GET /v1/bids/{BID}", {"versions": [version]})
        digest = sha256(sealed).hexdigest()
        root = merkle.root([bytes.fromhex(digest)]).hex()
        entry = {"bid_id": str(BID), "version": 1, "sealed_sha256": digest}
        place = {"opening_id": str(OPENING), "index": 0, "size": 1, "proof": []}
        bidding.says(f"GET /v1/bids/{BID}/inclusion", entry | place | {"merkle_root": root})
        listed = {"entries": [entry], "merkle_root": root}
        key_id, kind = key_id_of(bidding.public), DocumentKind.HASH_LIST
        document = sign_document(listed, bidding.signing, key_id, kind=kind)
        bidding.says(f"GET /v1/openings/{OPENING}/hash-list", {"document": document})

        own = await bidding.run("bid", "fetch")
        fetched = await bidding.run("bid", "fetch", str(BID), "--receipt", str(path))
        proven = await bidding.run("bid", "proof", str(path))
        wrong = entry | place | {"merkle_root": root, "sealed_sha256": "00" * 32}
        bidding.says(f"GET /v1/bids/{BID}/inclusion", wrong)
        disproven = await bidding.run("bid", "proof", str(path), "--json")

        assert own.output == f"{BID}  lot {LOT}  version 1\n"
        assert (fetched.exit_code, proven.exit_code, disproven.exit_code) == (0, 0, 1)
        assert "place 1 of 1" in proven.output
        assert json.loads(disproven.stderr)["code"] == "bid_not_in_opening"

    async def test_bid_is_confirmed_under_an_addendum(self, bidding: House) -> None:
        bidding.says(f"POST /v1/lots/{LOT}/bids/confirm", {"bid_id": str(BID)})

        result = await bidding.run("bid", "confirm", str(LOT), "--addendum", "2")

        assert result.exit_code == 0
        assert bidding.asked[f"POST /v1/lots/{LOT}/bids/confirm"] == {"addendum": 2}

    async def test_answers_go_into_the_envelopes_that_the_form_says(
        self, bidding: House, tmp_path: Path
    ) -> None:
        place = f"GET /v1/rfps/{RFP}/bid-form"
        _, form = bidding.answers[place]
        energy = {
            "name": "energy",
            "kind": "number",
            "is_required": True,
            "least": "0",
            "envelope": "price",
            "is_part_of_price": False,
        }
        asked = [*form["asked"], energy]
        bidding.says(place, form | {"technical": form["price"], "asked": asked})
        path, out = tmp_path / "lot1.json", tmp_path / "lot1.sealed"
        told = [
            {"criterion": "experience", "text": "Ten years."},
            {"criterion": "energy", "text": "12.5"},
        ]
        bid = {"unit_price": "20", "answers": told, "attestations": ["no_collusion"]}
        path.write_text(json.dumps(bid))
        words = ("bid", "seal", str(LOT), "--bid", str(path), "--party", str(VENDOR))

        result = await bidding.run(*words, "--out", str(out))

        assert result.exit_code == 0
        sealed = json.loads(out.read_text())
        context = SealContext(
            opening_id=OPENING,
            lot_id=LOT,
            vendor_id=VENDOR,
            bid_version_id=UUID(sealed["bid_version_id"]),
        )
        private = bidding.opening.private
        content = read_content(unseal(bytes_of(sealed["sealed"]), private, context))
        technical = read_technical(unseal(bytes_of(sealed["technical"]), private, context))
        assert [(one.criterion, one.text) for one in content.answers] == [("energy", "12.5")]
        assert [one.criterion for one in technical.answers] == ["experience"]

    async def test_answer_that_its_writer_puts_into_the_wrong_envelope_would_be_refused(
        self, bidding: House, tmp_path: Path
    ) -> None:
        place = f"GET /v1/rfps/{RFP}/bid-form"
        _, form = bidding.answers[place]
        path = tmp_path / "lot1.json"
        told = {"criterion": "experience", "text": "Ten years."}
        bid = {"unit_price": "20", "attestations": ["no_collusion"]}
        check = ("bid", "check", str(LOT), "--bid", str(path), "--json")

        path.write_text(json.dumps(bid | {"answers": [told | {"envelope": "technical"}]}))
        no_second = await bidding.run(*check)
        bidding.says(place, form | {"technical": form["price"]})
        second = await bidding.run(*check)
        path.write_text(json.dumps(bid | {"answers": [told | {"envelope": "price"}]}))
        misplaced = await bidding.run(*check)

        assert (no_second.exit_code, second.exit_code, misplaced.exit_code) == (2, 0, 1)
        assert "no technical envelope" in no_second.stderr
        faults = json.loads(misplaced.stderr)["faults"]
        assert [fault["code"] for fault in faults] == ["answer_misplaced"]

    async def test_bid_that_leaves_a_question_unanswered_is_not_sealed(
        self, bidding: House, written: Path, tmp_path: Path
    ) -> None:
        place = f"GET /v1/rfps/{RFP}/bid-form"
        _, form = bidding.answers[place]
        uptime = {"name": "uptime", "kind": "number", "is_required": True, "least": None}
        bidding.says(place, form | {"asked": [*form["asked"], uptime]})
        out = tmp_path / "lot1.sealed"
        words = ("bid", "seal", str(LOT), "--bid", str(written), "--party", str(VENDOR))

        result = await bidding.run(*words, "--out", str(out), "--json")

        assert result.exit_code == 1
        faults = json.loads(result.stderr)["faults"]
        assert [fault["code"] for fault in faults] == ["answer_missing"]
        assert not out.exists()


class TestCustodians:
    def opening(self, house: House, key_file: Path, *, status: str) -> dict[str, Any]:
        (share,) = deal(house.opening.private)
        public = bytes_of(public_text(make_key(key_file)))
        sealed = seal_share(share.to_bytes(), public, opening_id=OPENING, purpose="custody")
        dealt = {"index": share.index, "sealed_share": text_of(sealed)}
        house.says(f"GET /v1/openings/{OPENING}/share", dealt)
        seat = {
            "index": share.index,
            "salt": SALT.hex(),
            "commitment": commit_to(share, SALT).hex(),
            "is_submitted": False,
            "refused_reason": None,
        }
        return {
            "id": str(OPENING),
            "status": status,
            "threshold": 1,
            "seats": [seat],
            "opener_key": text_of(generate_key_pair().public),
            "opened": None,
            "failed": None,
        }

    async def test_key_is_registered_without_its_private_half(
        self, house: House, tmp_path: Path
    ) -> None:
        key_file = tmp_path / "custodian.key"
        private = make_key(key_file)
        public = public_text(private)
        house.says("PUT /v1/custodian-key", {"public_key": public, "custodian_id": "c"})

        result = await house.run("keys", "register", "--key-file", str(key_file))

        assert result.output == f"Registered {public} for custodian c.\n"
        assert house.asked["PUT /v1/custodian-key"] == {"public_key": public}

    async def test_share_is_checked_and_not_handed_over(self, house: House, tmp_path: Path) -> None:
        key_file, other = tmp_path / "custodian.key", tmp_path / "other.key"
        opening = self.opening(house, key_file, status="sealed")
        make_key(other)
        house.says(f"GET /v1/rfps/{RFP}/opening", opening)

        fine = await house.run("keys", "share", RFP, "--key-file", str(key_file))
        wrong = await house.run("keys", "share", RFP, "--key-file", str(other))
        opening["seats"][0]["commitment"] = "00" * 32
        altered = await house.run("keys", "share", RFP, "--key-file", str(key_file))

        assert (fine.exit_code, wrong.exit_code, altered.exit_code) == (0, 1, 1)
        assert "is the one that was dealt" in fine.output
        assert "not the one" in altered.stderr
        assert f"POST /v1/openings/{OPENING}/share" not in house.asked

    async def test_open_hands_the_share_over_and_ends_when_the_bids_are_open(
        self, house: House, tmp_path: Path
    ) -> None:
        key_file = tmp_path / "custodian.key"
        opening = self.opening(house, key_file, status="closed")
        submitted = f"POST /v1/openings/{OPENING}/share"
        opened = opening | {"status": "unsealed", "opened": 3, "failed": 1}

        def stands(asked: House) -> dict[str, Any]:
            return opened if submitted in asked.asked else opening

        house.says(f"GET /v1/rfps/{RFP}/opening", stands)
        house.says(submitted, {}, status=202)

        result = await house.run("open", RFP, "--key-file", str(key_file))

        assert result.output == "Opened 3 bids; 1 could not be opened.\n"
        assert house.asked[submitted]["opener_key"] == opening["opener_key"]

    async def test_opening_that_takes_too_long_is_exit_status_1(
        self, house: House, tmp_path: Path
    ) -> None:
        key_file = tmp_path / "custodian.key"
        house.says(f"GET /v1/rfps/{RFP}/opening", self.opening(house, key_file, status="sealed"))

        result = await house.run("open", RFP, "--key-file", str(key_file), "--wait", "0.2")

        assert result.exit_code == 1
        assert "was not over" in result.stderr
