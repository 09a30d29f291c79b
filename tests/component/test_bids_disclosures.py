"""What a public-records request gets: everything, but for what the buyer granted to be kept."""

import hashlib
import io
import json
import secrets
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.bids.domain.claims import salted_digest
from shared.db import Pool
from shared.domain.bid_content import (
    NONCE_BYTES,
    Alternate,
    Answer,
    BidContent,
    TechnicalContent,
    one_price,
)
from shared.domain.bid_documents import Claim, Document
from shared.domain.ids import new_id
from shared.domain.money import UnitPrice
from tests.component.bids_documents import Counter, digest, open_counter, sealed
from tests.component.bids_purchase import OPENED_AT, USD, publish

RECIPE = "Quench at 612 degrees for nine minutes."
PLAIN = "We deliver on Tuesdays."
ALTERNATE = "Oat drink by an unpatented process"
DRAWING = b"A drawing that nobody else has. " * 100
BROCHURE = b"A brochure for everybody."
GROUND = "Trade secret, Uniform Trade Secrets Act."
NONCE = secrets.token_bytes(NONCE_BYTES)

_AWARD = """-- tests.award_lot
INSERT INTO award (id, lot_id, vendor_id, price_e4, currency, quantity, total_minor, status,
    intended_at, standstill_ends_at, decided_at, made_at)
VALUES ($1, $2, $3, 3000, 'USD', 420, 12600, 'made', $4, $4, $4, $4)
"""


@dataclass
class Case:
    """A purchase with one bid of many parts, and another bid of a price alone."""

    counter: Counter
    secret: Document
    public: Document

    async def ask(self, method: str, path: str, *, by: str = "buyer", **sent: Any) -> Any:
        return await self.counter.ask(method, path, by=by, **sent)

    async def bid_id(self, vendor: int = 0) -> str:
        vendor_id = self.counter.purchase.vendors[vendor]
        query = "SELECT id FROM bid WHERE vendor_id = $1"
        return str(await self.counter.purchase.pool.fetchval(query, vendor_id))

    async def claim(self, part: str, *, vendor: int = 0, by: str | None = None) -> Any:
        path = f"/v1/bids/{await self.bid_id(vendor)}/claims"
        body = {"part": part, "ground": GROUND}
        return await self.ask("POST", path, by=by or f"vendor {vendor}", json=body)

    async def claims(self, *, by: str = "buyer") -> list[Any]:
        answer = await self.ask("GET", f"/v1/rfps/{self.rfp_id}/claims", by=by)
        assert answer.status == 200, answer.body
        return list(answer.body["items"])

    async def judge(self, claim_id: str, *, is_granted: bool, by: str = "buyer") -> Any:
        body = {"is_granted": is_granted, "reason": "Looked at, and decided."}
        return await self.ask("PUT", f"/v1/claims/{claim_id}", by=by, json=body)

    async def grant(self, *parts: str) -> None:
        for part in parts:
            claim = await self.claim(part)
            assert claim.status == 201, claim.body
            judged = await self.judge(claim.body["id"], is_granted=True)
            assert judged.status == 200, judged.body

    async def disclose(self, *, by: str = "buyer") -> Any:
        return await self.ask("POST", f"/v1/rfps/{self.rfp_id}/disclosures", by=by)

    async def bundle(self) -> dict[str, bytes]:
        made = await self.disclose()
        assert made.status == 201, made.body
        fetched = await self.ask("GET", f"/v1/disclosures/{made.body['id']}")
        assert digest(fetched.content) == made.body["sha256"]
        with zipfile.ZipFile(io.BytesIO(fetched.content)) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}

    async def nonce(self) -> bytes:
        """Read what was sealed beside the first vendor's parts, as the buyer's insiders could."""
        written = await self.counter.purchase.pool.fetchval(
            "SELECT content FROM unsealed_bid WHERE vendor_id = $1",
            self.counter.purchase.vendors[0],
        )
        return bytes.fromhex(json.loads(written)["nonce"])

    async def award(self, *, vendor: int = 1) -> None:
        purchase = self.counter.purchase
        lot_id, vendor_id = purchase.lots[0], purchase.vendors[vendor]
        await purchase.pool.execute(_AWARD, new_id(), lot_id, vendor_id, OPENED_AT)
        await self.move("awarded")

    async def move(self, status: str) -> None:
        await self.counter.purchase.pool.execute("UPDATE lot SET status = $1", status)

    async def under(self, profile: str) -> None:
        await self.counter.purchase.pool.execute("UPDATE rfp SET policy_profile = $1", profile)

    @property
    def rfp_id(self) -> str:
        return str(self.counter.purchase.rfp_id)


def content(*documents: Document, claims: tuple[Claim, ...] = ()) -> BidContent:
    return BidContent(
        currency=USD,
        nonce=NONCE,
        pricing=one_price(UnitPrice.parse("0.2713", USD)),
        answers=(Answer("quality", RECIPE), Answer("delivery", PLAIN)),
        alternates=(Alternate(ALTERNATE, one_price(UnitPrice.parse("0.2219", USD))),),
        documents=documents,
        claims=claims,
    )


@pytest.fixture
async def case(bids_database: Pool, tmp_path: Path) -> AsyncIterator[Case]:
    """The bids are opened; nothing is claimed or awarded."""
    purchase = await publish(bids_database)
    async with open_counter(purchase, tmp_path) as counter:
        secret, public = sealed(DRAWING, name="furnace.pdf"), sealed(BROCHURE, name="brochure.pdf")
        for each in (secret, public):
            await counter.put(each.copy, by="vendor 0", purpose="bid")
        await counter.attach(b"terms of the solicitation")
        await purchase.bidding.file(purchase.act(), content(secret.document, public.document))
        await purchase.file("0.30", vendor=1)
        await purchase.open_bids()
        yield Case(counter, secret.document, public.document)


def lines(bundle: dict[str, bytes], name: str) -> list[Any]:
    return [json.loads(line) for line in bundle[f"{name}.jsonl"].splitlines()]


# What is in the bundle ---------------------------------------------------------------------------


async def test_nothing_granted_is_anywhere_in_the_bundle(case: Case) -> None:
    parts = ("answer:quality", "alternate:1", f"document:{case.secret.sha256}")
    await case.grant(*parts)
    await case.award()

    bundle = await case.bundle()

    whole = b"".join(bundle.values()) + " ".join(bundle).encode()
    nonce = (await case.nonce()).hex()
    for kept in (RECIPE, ALTERNATE, "0.2219", "furnace.pdf", case.secret.sha256, nonce):
        assert kept.encode() not in whole
    assert DRAWING not in whole
    assert case.secret.copy is not None
    for hidden in (case.secret.copy.key, case.secret.copy.sha256):
        assert hidden.encode() not in whole


async def test_everything_else_is_in_the_bundle(case: Case) -> None:
    await case.grant("answer:quality", f"document:{case.secret.sha256}")
    await case.award()

    bundle = await case.bundle()

    first, second = sorted(lines(bundle, "bids"), key=lambda bid: bid["rank"])
    assert (first["unit_price"], second["unit_price"]) == ("0.2713", "0.30")
    assert first["vendor"] == "Dairy 1"
    assert first["content"]["answers"] == [
        {"criterion": "quality", "text": {"redacted": 1}},
        {"criterion": "delivery", "text": PLAIN},
    ]
    assert first["content"]["alternates"][0]["title"] == ALTERNATE
    assert bundle[f"documents/{digest(BROCHURE)}"] == BROCHURE
    assert bundle[f"documents/{digest(b'terms of the solicitation')}"].startswith(b"terms")
    assert lines(bundle, "awards")[0]["total"] == "126.00"
    assert [lot["number"] for lot in lines(bundle, "lots")] == [1]
    assert lines(bundle, "solicitation")[0]["title"] == "Milk"


async def test_log_says_what_was_left_out_whose_on_what_ground_by_whom_and_why(
    case: Case,
) -> None:
    await case.grant("answer:quality", f"document:{case.secret.sha256}")
    await case.award()

    log = lines(await case.bundle(), "redactions")

    assert [entry["part"] for entry in log] == ["answer:quality", "document"]
    assert [entry["number"] for entry in log] == [1, 2]
    assert log[0]["bid_id"] == await case.bid_id()
    assert log[0]["vendor_id"] == str(case.counter.purchase.vendors[0])
    assert (log[0]["ground"], log[0]["decided_by"]) == (GROUND, "buyer")
    assert log[0]["reason"] == "Looked at, and decided."
    nonce = await case.nonce()
    assert log[0]["salted_sha256"] == salted_digest("answer:quality", RECIPE, nonce)


def test_commitment_of_a_redaction_cannot_be_guessed_without_the_salt() -> None:
    """A price has so few forms that its bare digest would tell it."""
    salted = salted_digest("capacity", "300", NONCE)

    assert salted != hashlib.sha256(b'"300"').hexdigest()
    assert salted != salted_digest("capacity", "300", bytes(NONCE_BYTES))
    assert salted != salted_digest("members", "300", NONCE)
    assert salted == salted_digest("capacity", "300", NONCE)


async def test_claim_that_was_refused_hides_nothing(case: Case) -> None:
    claim = await case.claim("answer:quality")
    await case.judge(claim.body["id"], is_granted=False)
    await case.award()

    bundle = await case.bundle()

    assert RECIPE.encode() in bundle["bids.jsonl"]
    assert lines(bundle, "redactions") == []


async def test_same_record_makes_the_same_bytes(case: Case) -> None:
    await case.grant("answer:quality")
    await case.award()

    first = await case.disclose()
    second = await case.disclose()

    fetched = await case.ask("GET", f"/v1/disclosures/{second.body['id']}")
    with zipfile.ZipFile(io.BytesIO(fetched.content)) as archive:
        times = {entry.date_time for entry in archive.infolist()}

    assert times == {(1980, 1, 1, 0, 0, 0)}, "a file's time would change the bytes"
    assert first.body["id"] != second.body["id"]
    assert first.body["sha256"] == second.body["sha256"]
    assert await case.counter.purchase.pool.fetchval("SELECT count(*) FROM disclosure") == 2


async def test_manifest_names_every_file_by_its_hash(case: Case) -> None:
    await case.award()

    bundle = await case.bundle()

    manifest = json.loads(bundle.pop("manifest.json"))
    assert manifest == {name: digest(text) for name, text in bundle.items()}


async def test_what_members_pay_today_and_who_scored_what_stay_inside(case: Case) -> None:
    purchase = case.counter.purchase
    evaluator = new_id()
    await purchase.pool.execute(
        "INSERT INTO individual_score VALUES ($1, $2, 'quality', $3, 1, 7.125, 'weak', $4)",
        purchase.lots[0],
        (await purchase.pool.fetchval("SELECT id FROM bid LIMIT 1")),
        evaluator,
        OPENED_AT,
    )
    await case.award()

    whole = b"".join((await case.bundle()).values())

    for inside in ("0.31", str(evaluator), "7.125", "weak"):
        assert inside.encode() not in whole


async def test_redactions_and_the_bundle_stand_on_the_chain(case: Case) -> None:
    await case.grant("answer:quality")
    await case.award()
    made = await case.disclose()

    purchase = case.counter.purchase
    rows = await purchase.pool.fetch(
        "SELECT type, entry FROM audit WHERE aggregate_id = $1 ORDER BY sequence", purchase.rfp_id
    )

    assert [row["type"] for row in rows] == [
        "rfp.document_attached",
        "rfp.closed",
        "bid.confidentiality_claimed",
        "bid.confidentiality_decided",
        "rfp.disclosed",
    ]
    told = json.loads(rows[-1]["entry"])["data"]
    assert told["sha256"] == made.body["sha256"]
    committed = salted_digest("answer:quality", RECIPE, await case.nonce())
    assert told["redacted"][0]["salted_sha256"] == committed
    assert RECIPE not in "".join(row["entry"] for row in rows)


async def test_damaged_document_is_named_and_nothing_is_disclosed(
    case: Case, tmp_path: Path
) -> None:
    await case.award()
    attached = digest(b"terms of the solicitation")
    (damaged,) = (name for name in case.counter.kept() if attached in name)
    (tmp_path / damaged).write_bytes(b"other terms")

    answer = await case.disclose()

    assert (answer.status, answer.body["code"]) == (409, "document_broken")
    assert await case.counter.purchase.pool.fetchval("SELECT count(*) FROM disclosure") == 0


# From when, and by whom --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "status", "code"),
    [
        ("open", "evaluated", "disclosure_too_early"),
        ("open", "intended", "disclosure_too_early"),
        ("open", "auctioning", "disclosure_too_early"),
        ("open", "awarded", None),
        ("open", "no_award", None),
        ("open", "cancelled", None),
        ("erate", "intended", "disclosure_too_early"),
        ("erate", "awarded", None),
        ("rhode_island_37_2_18_1", "closed", "disclosure_too_early"),
        ("rhode_island_37_2_18_1", "auctioning", "disclosure_too_early"),
        ("rhode_island_37_2_18_1", "evaluated", None),
    ],
)
async def test_law_says_from_when_bids_are_public(
    case: Case, profile: str, status: str, code: str | None
) -> None:
    await case.under(profile)
    await case.move(status)

    answer = await case.disclose()

    assert answer.body.get("code") == code
    assert (answer.status == 201) == (code is None)


async def test_undecided_claim_holds_the_disclosure_up(case: Case) -> None:
    claim = await case.claim("answer:quality")
    await case.award()

    refused = await case.disclose()
    await case.judge(claim.body["id"], is_granted=True)
    made = await case.disclose()

    assert (refused.status, refused.body["code"]) == (409, "claims_undecided")
    assert refused.body["claim_ids"] == [claim.body["id"]]
    assert made.status == 201


async def test_buyer_and_auditors_fetch_a_disclosure_and_nobody_else(case: Case) -> None:
    await case.award()
    path = f"/v1/disclosures/{(await case.disclose()).body['id']}"
    listed = f"/v1/rfps/{case.rfp_id}/disclosures"
    readers = ("buyer", "auditor", "rival buyer", "vendor 0", "observer")

    fetched = {by: (await case.ask("GET", path, by=by)).status for by in readers}
    lists = {by: (await case.ask("GET", listed, by=by)).status for by in readers}

    expected = {"buyer": 200, "auditor": 200, "rival buyer": 404, "vendor 0": 404, "observer": 404}
    assert fetched == expected
    assert lists == expected


async def test_another_buyer_discloses_nothing(case: Case) -> None:
    await case.award()

    assert (await case.disclose(by="rival buyer")).body["code"] == "rfp_unknown"
    assert (await case.disclose(by="vendor 0")).body["code"] == "scope_missing"


# Claims ------------------------------------------------------------------------------------------


async def test_claim_of_the_sealed_bid_is_recorded_at_the_opening(
    bids_database: Pool, tmp_path: Path
) -> None:
    purchase = await publish(bids_database)
    async with open_counter(purchase, tmp_path) as counter:
        claim = Claim("answer:quality", GROUND)
        await purchase.bidding.file(purchase.act(), content(claims=(claim, claim)))
        case = Case(counter, Document("", "", 0), Document("", "", 0))
        before = await case.claims()

        await purchase.open_bids()
        (recorded,) = await case.claims()

    assert before == []
    assert (recorded["part"], recorded["ground"]) == ("answer:quality", GROUND)
    assert recorded.get("is_granted") is None
    assert "bid.confidentiality_claimed" in await purchase.types_of(purchase.opening_id)


async def test_claim_of_a_technical_envelope_hides_its_answer(
    bids_database: Pool, tmp_path: Path
) -> None:
    purchase = await publish(bids_database, envelopes=2)
    claims = (Claim("answer:quality", GROUND),)
    technical = TechnicalContent(nonce=NONCE, answers=(Answer("quality", RECIPE),), claims=claims)
    price = BidContent(currency=USD, nonce=NONCE, pricing=one_price(UnitPrice.parse("0.3", USD)))
    async with open_counter(purchase, tmp_path) as counter:
        await purchase.bidding.file(purchase.act(), price, technical)
        await purchase.close()
        unsealer = purchase.unsealer()
        await unsealer.step(purchase.clock.now())
        await purchase.submit(opening_id=purchase.technical_id)
        await unsealer.step(purchase.clock.now())
        case = Case(counter, Document("", "", 0), Document("", "", 0))
        (claim,) = await case.claims()
        await case.judge(claim["id"], is_granted=True)
        await case.award()

        bundle = await case.bundle()

    assert RECIPE.encode() not in b"".join(bundle.values())
    (bid,) = lines(bundle, "bids")
    assert bid["technical"]["answers"][0]["text"] == {"redacted": 1}


@pytest.mark.parametrize(
    ("part", "by", "code"),
    [
        ("answer:price", None, "claim_part_unknown"),
        ("alternate:2", None, "claim_part_unknown"),
        ("capacity", None, "claim_part_unknown"),
        ("everything", None, "body_invalid"),
        ("prices", None, "price_not_redactable"),
        ("answer:quality", "vendor 1", "bid_unknown"),
        ("answer:quality", "buyer", "scope_missing"),
    ],
)
async def test_claim_that_cannot_be_made_is_refused(
    case: Case, part: str, by: str | None, code: str
) -> None:
    answer = await case.claim(part, by=by)

    assert answer.body["code"] == code
    assert await case.claims() == []


async def test_part_is_claimed_once(case: Case) -> None:
    await case.claim("answer:quality")

    answer = await case.claim("answer:quality")

    assert (answer.status, answer.body["code"]) == (409, "claim_made_already")


async def test_vendor_sees_its_own_claims_and_no_other(case: Case) -> None:
    await case.claim("answer:quality")

    seen = {
        by: len(await case.claims(by=by)) for by in ("buyer", "auditor", "vendor 0", "vendor 1")
    }

    assert seen == {"buyer": 1, "auditor": 1, "vendor 0": 1, "vendor 1": 0}


async def test_only_the_buyer_of_the_rfp_decides(case: Case) -> None:
    claim = await case.claim("answer:quality")

    rival = await case.judge(claim.body["id"], is_granted=True, by="rival buyer")
    vendor = await case.judge(claim.body["id"], is_granted=True, by="vendor 0")

    assert (rival.body["code"], vendor.body["code"]) == ("claim_unknown", "scope_missing")


async def test_claims_stand_once_the_rfp_was_disclosed(case: Case) -> None:
    claim = await case.claim("answer:quality")
    await case.judge(claim.body["id"], is_granted=False)
    await case.judge(claim.body["id"], is_granted=True)
    await case.award()
    await case.disclose()

    judged = await case.judge(claim.body["id"], is_granted=False)
    claimed = await case.claim("answer:delivery")

    assert (judged.status, judged.body["code"]) == (409, "claims_closed")
    assert (claimed.status, claimed.body["code"]) == (409, "claims_closed")


async def test_bid_that_is_not_opened_is_claimed_in_itself_alone(
    bids_database: Pool, tmp_path: Path
) -> None:
    purchase = await publish(bids_database)
    async with open_counter(purchase, tmp_path) as counter:
        await purchase.file("0.30")
        case = Case(counter, Document("", "", 0), Document("", "", 0))

        answer = await case.claim("prices")

    assert (answer.status, answer.body["code"]) == (409, "claims_closed")


# Prices ------------------------------------------------------------------------------------------


async def test_prices_are_kept_where_no_law_makes_them_public_and_nothing_was_awarded(
    case: Case,
) -> None:
    await case.under("erate")
    await case.grant("prices")
    await case.award(vendor=1)

    bundle = await case.bundle()

    whole = b"".join(bundle.values())
    for price in ("0.2713", "0.2219"):
        assert price.encode() not in whole
    kept = next(bid for bid in lines(bundle, "bids") if bid["vendor"] == "Dairy 1")
    assert kept["unit_price"] == kept["score"] == {"redacted": 1}
    assert kept["content"]["pricing"] == {"redacted": 1}
    assert kept["rank"] == 1
    assert b"0.30" in whole, "the price that was awarded is public"


@pytest.mark.parametrize(
    ("profile", "winner", "code"),
    [
        ("open", 1, "price_not_redactable"),
        ("utah_63g_6a_612", 1, "price_not_redactable"),
        ("erate", 0, "price_not_redactable"),
        ("erate", 1, None),
    ],
)
async def test_prices_are_public_by_law_or_by_award(
    case: Case, profile: str, winner: int, code: str | None
) -> None:
    await case.under("erate")
    claim = await case.claim("prices")
    await case.under(profile)
    await case.award(vendor=winner)

    granted = await case.judge(claim.body["id"], is_granted=True)
    refused = await case.judge(claim.body["id"], is_granted=False)

    assert granted.body.get("code") == code
    assert refused.status == 200


async def test_prices_that_win_after_they_were_granted_are_decided_anew(case: Case) -> None:
    await case.under("erate")
    await case.grant("prices")
    await case.award(vendor=0)
    (claim,) = await case.claims()

    held_up = await case.disclose()
    await case.judge(claim["id"], is_granted=False)
    bundle = await case.bundle()

    assert (held_up.body["code"], held_up.body["claim_ids"]) == ("claims_undecided", [claim["id"]])
    assert b"0.2713" in bundle["bids.jsonl"]
