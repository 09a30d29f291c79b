"""Documents of bids: what tells a price is read with the prices, and who scores reads the rest."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.bids.domain.scoring.formulas import LowestOverThis
from services.bids.domain.scoring.panels import IndividualScore, Panel
from services.bids.domain.scoring.plan import Plan, ScoredCriterion
from services.bids.domain.terms import CostCovered, Criterion, CriterionKind, Terms
from services.bids.store.rfps import terms_text
from services.bids.store.scoring import ScoringStore
from services.bids.usecases.scoring import Scoring
from services.bids.worker import Unsealer
from shared.db import Pool
from shared.domain.bid_content import NONCE_BYTES, BidContent, TechnicalContent, one_price
from shared.domain.canonical import plain
from shared.domain.ids import BidId, PartyId
from shared.domain.money import UnitPrice
from shared.journal import Journal
from tests.component.bids_documents import (
    ANNA,
    CORA,
    PDF,
    Counter,
    digest,
    open_counter,
    sealed,
)
from tests.component.bids_purchase import USD, Purchase, publish
from tests.component.test_bids_cost_answers import everything_kept
from tests.component.test_cli_documents import run

DRAWING = b"The vessel is quenched at 612 degrees."
COSTS = b"A unit costs us 0.1911, and we ask 0.30."
BOTH = (DRAWING, COSTS)
NONCE = bytes(NONCE_BYTES)


@pytest.fixture
async def counter(bids_database: Pool, tmp_path: Path) -> AsyncIterator[Counter]:
    """An RFP with two envelopes."""
    purchase = await publish(bids_database, envelopes=2)
    async with open_counter(purchase, tmp_path / "kept") as opened:
        yield opened


async def open_technical(purchase: Purchase) -> Unsealer:
    await purchase.close()
    unsealer = purchase.unsealer()
    await unsealer.step(purchase.clock.now())
    await purchase.submit(opening_id=purchase.technical_id)
    assert await unsealer.step(purchase.clock.now()) == 1
    return unsealer


async def open_prices(purchase: Purchase, unsealer: Unsealer, *, is_passed: bool = True) -> None:
    """Judge the only bid, release the results, and open the prices."""
    buyer_id = purchase.buyer_id
    bid_id = BidId(await purchase.pool.fetchval("SELECT id FROM bid"))
    await purchase.judgement.judge(bid_id, is_passed=is_passed, reason="seen", buyer_id=buyer_id)
    await purchase.judgement.release(purchase.rfp_id, buyer_id=buyer_id)
    await purchase.submit()
    assert await unsealer.step(purchase.clock.now()) == 1


async def file_in_the_clear(counter: Counter) -> None:
    """File a bid with a drawing, and a cost sheet that is for the price envelope."""
    said: list[Any] = []
    for content, envelope in ((DRAWING, None), (COSTS, "price")):
        kept = sealed(content, name=f"{envelope}.pdf")
        await counter.put(kept.copy, by="vendor 0", purpose="bid")
        said.append({**_plain(kept.document), "envelope": envelope})
    answer = await counter.ask(
        "POST",
        f"/v1/lots/{counter.purchase.lots[0]}/bids",
        by="vendor 0",
        headers={"Idempotency-Key": "first"},
        json={
            "unit_price": "0.30",
            "currency": "USD",
            "technical_envelope": True,
            "documents": said,
        },
    )
    assert answer.status == 201, answer.body


async def file_by_shell(counter: Counter, folder: Path) -> None:
    """File the same as a vendor's own shell seals it."""
    purchase = counter.purchase
    drawing, costs, out = (folder / name for name in ("drawing.pdf", "costs.csv", "lot.sealed"))
    drawing.write_bytes(DRAWING)
    costs.write_bytes(COSTS)
    done = await run(
        counter,
        *("bid", "seal", purchase.lots[0], "--unit-price", "0.30"),
        *("--party", purchase.vendors[0], "--out", out),
        *("--document", drawing, "--price-document", costs),
        by="vendor 0",
    )
    assert done.exit_code == 0, done.output
    filed = await run(counter, "bid", "file", out, "--receipt", folder / "r", by="vendor 0")
    assert filed.exit_code == 0, filed.output


async def readable(counter: Counter, *, by: str) -> list[bytes]:
    """Tell which of the two documents a reader gets, by their own hashes."""
    fetched = [(each, await counter.fetch(digest(each), by=by)) for each in BOTH]
    assert all(answer.status == 404 or answer.content == each for each, answer in fetched)
    return [each for each, answer in fetched if answer.status == 200]


@pytest.mark.parametrize("is_sealed_by_vendor", [True, False])
async def test_cost_sheet_is_read_with_the_prices_and_not_before(
    counter: Counter,
    tmp_path: Path,
    is_sealed_by_vendor: bool,  # noqa: FBT001 - a table
) -> None:
    purchase = counter.purchase
    if is_sealed_by_vendor:
        await file_by_shell(counter, tmp_path)
    else:
        await file_in_the_clear(counter)

    sealed_yet = await readable(counter, by="buyer")
    unsealer = await open_technical(purchase)
    with_technical = [await readable(counter, by=by) for by in ("buyer", "auditor")]
    listed = await purchase.judgement.of_rfp(purchase.rfp_id, viewer_id=None, sees_all=True)
    in_tables = await everything_kept(purchase.pool)
    await open_prices(purchase, unsealer)
    with_prices = [await readable(counter, by=by) for by in ("buyer", "auditor")]

    assert sealed_yet == []
    assert with_technical == [[DRAWING], [DRAWING]]
    assert with_prices == [[DRAWING, COSTS], [DRAWING, COSTS]]
    told = listed.parts[0].content
    assert told is not None
    assert [each.sha256 for each in told.documents] == [digest(DRAWING)]
    # Whoever reads the whole database finds neither that there is a cost sheet, nor its key.
    assert [digest(each) in in_tables for each in BOTH] == [True, False]
    with_key = await everything_kept(purchase.pool)
    assert [digest(each) in with_key for each in BOTH] == [True, True]


async def test_list_of_a_bid_names_what_can_be_fetched(counter: Counter) -> None:
    await file_in_the_clear(counter)
    unsealer = await open_technical(counter.purchase)
    await open_prices(counter.purchase, unsealer)
    bid_id = await counter.purchase.pool.fetchval("SELECT id FROM bid")

    listed = await run(counter, "documents", "list", "--bid", bid_id, by="buyer")

    # The service's log goes to the same output here.
    lines = listed.output.splitlines()
    told = {each: next(line for line in lines if line.startswith(digest(each))) for each in BOTH}
    assert ["with the prices" in told[each] for each in BOTH] == [False, True]


async def test_cost_sheet_of_a_bid_that_did_not_pass_is_never_read(counter: Counter) -> None:
    await file_in_the_clear(counter)
    unsealer = await open_technical(counter.purchase)

    await open_prices(counter.purchase, unsealer, is_passed=False)

    assert await readable(counter, by="buyer") == [DRAWING]


# Who scores ---------------------------------------------------------------------------------------


CRITERIA = (
    Criterion(name="method", kind=CriterionKind.RATED, weight=Decimal(60)),
    Criterion(name="price", kind=CriterionKind.PRICE, weight=Decimal(40), covers=CostCovered.ALL),
)
PLAN = Plan(
    criteria=(
        ScoredCriterion(name="method", kind=CriterionKind.RATED, weight=Decimal(60)),
        ScoredCriterion(
            name="price", kind=CriterionKind.PRICE, weight=Decimal(40), formula=LowestOverThis()
        ),
    )
)
PANELS = (
    Panel(name="technical", criteria=frozenset({"method"}), evaluator_ids=frozenset({ANNA})),
    Panel(name="price", criteria=frozenset({"price"}), evaluator_ids=frozenset({CORA})),
)


@dataclass
class Judged:
    """A purchase whose bids Anna judges by their method, and Cora by their price."""

    counter: Counter
    scoring: Scoring

    async def declare(self, *evaluators: PartyId, has_conflict: bool = False) -> None:
        for evaluator_id in evaluators:
            await self.scoring.declare(
                self.counter.purchase.rfp_id,
                evaluator_id=evaluator_id,
                has_conflict=has_conflict,
                statement="As I know.",
            )

    async def bid_id(self) -> BidId:
        return BidId(await self.counter.purchase.pool.fetchval("SELECT id FROM bid"))

    async def score_and_release(self) -> None:
        purchase = self.counter.purchase
        lot_id = purchase.lots[0]
        given = IndividualScore(
            bid_id=await self.bid_id(), criterion="method", evaluator_id=ANNA, mark=Decimal(8)
        )
        await self.scoring.score(lot_id, given)
        await self.scoring.release(lot_id, buyer_id=purchase.buyer_id)

    async def listed(self, *, by: str) -> list[str] | str:
        """List the digests that a reader is told, or the code of the refusal."""
        path = f"/v1/bids/{await self.bid_id()}/documents"
        answer = await self.counter.ask("GET", path, by=by)
        if answer.status != 200:
            return str(answer.body["code"])
        return [each["sha256"] for each in answer.body["items"]]


@asynccontextmanager
async def judged(pool: Pool, folder: Path, *, envelopes: int) -> AsyncIterator[Judged]:
    purchase = await publish(pool, envelopes=envelopes)
    terms = terms_text(Terms(criteria=CRITERIA))
    await pool.execute("UPDATE rfp SET terms = $1, status = 'draft'", terms)
    scoring = Scoring(ScoringStore(pool, Journal("bids")), clock=purchase.clock)
    await scoring.state(purchase.rfp_id, PLAN, PANELS, buyer_id=purchase.buyer_id)
    await pool.execute("UPDATE rfp SET status = 'published'")
    async with open_counter(purchase, folder / "kept") as counter:
        yield Judged(counter, scoring)


async def test_evaluators_read_technical_documents_with_their_envelope_and_costs_when_released(
    bids_database: Pool, tmp_path: Path
) -> None:
    async with judged(bids_database, tmp_path, envelopes=2) as case:
        counter = case.counter
        await file_in_the_clear(counter)
        await case.declare(ANNA, CORA)

        sealed_yet = [await readable(counter, by=by) for by in ("anna", "cora")]
        refused = await case.listed(by="anna")
        unsealer = await open_technical(counter.purchase)
        with_technical = [await readable(counter, by=by) for by in ("anna", "cora")]
        await open_prices(counter.purchase, unsealer)
        unreleased = [await readable(counter, by=by) for by in ("anna", "cora")]
        listed_before = await case.listed(by="cora")
        await case.score_and_release()
        released = [await readable(counter, by=by) for by in ("anna", "cora")]
        listed_after = [await case.listed(by=by) for by in ("anna", "cora")]

    assert (sealed_yet, refused) == ([[], []], "bid_unknown")
    assert with_technical == [[DRAWING], [DRAWING]]
    assert unreleased == [[DRAWING], [DRAWING]]
    assert listed_before == [digest(DRAWING)]
    assert released == [[DRAWING], [DRAWING, COSTS]]
    assert listed_after == [[digest(DRAWING)], [digest(DRAWING), digest(COSTS)]]


async def test_whatever_lies_beside_the_price_is_read_with_it(
    bids_database: Pool, tmp_path: Path
) -> None:
    """Another client may put a document there and not mark it."""
    async with judged(bids_database, tmp_path, envelopes=2) as case:
        counter = case.counter
        kept = sealed(COSTS)
        await counter.put(kept.copy, by="vendor 0", purpose="bid")
        priced = one_price(UnitPrice.parse("0.30", USD))
        content = BidContent(currency=USD, nonce=NONCE, pricing=priced, documents=(kept.document,))
        await counter.purchase.bidding.file(
            counter.purchase.act(), content, TechnicalContent(nonce=NONCE)
        )
        await case.declare(ANNA, CORA)
        await open_prices(counter.purchase, await open_technical(counter.purchase))

        opened = [await readable(counter, by=by) for by in ("buyer", "anna", "cora")]
        await case.score_and_release()
        released = [await readable(counter, by=by) for by in ("anna", "cora")]

    assert opened == [[COSTS], [], []]
    assert released == [[], [COSTS]]


async def test_one_envelope_keeps_costs_from_who_judges_the_method(
    bids_database: Pool, tmp_path: Path
) -> None:
    async with judged(bids_database, tmp_path, envelopes=1) as case:
        counter = case.counter
        await file_by_shell(counter, tmp_path)
        await case.declare(ANNA, CORA)

        await counter.purchase.open_bids()
        opened = [await readable(counter, by=by) for by in ("buyer", "anna", "cora")]
        await case.score_and_release()
        released = [await readable(counter, by=by) for by in ("anna", "cora")]

    assert opened == [[DRAWING, COSTS], [DRAWING], [DRAWING]]
    assert released == [[DRAWING], [DRAWING, COSTS]]


async def test_released_costs_are_kept_from_evaluators_while_their_lot_is_at_auction(
    bids_database: Pool, tmp_path: Path
) -> None:
    async with judged(bids_database, tmp_path, envelopes=1) as case:
        counter = case.counter
        await file_by_shell(counter, tmp_path)
        await case.declare(ANNA, CORA)
        await counter.purchase.open_bids()
        await case.score_and_release()
        await counter.purchase.pool.execute("UPDATE lot SET status = 'auctioning'")

        read = [await readable(counter, by=by) for by in ("cora", "auditor", "buyer")]
        listed = [await case.listed(by=by) for by in ("cora", "auditor")]

    assert read == [[DRAWING], [], [DRAWING, COSTS]]
    assert listed == [[digest(DRAWING)], "bid_unknown"]


async def test_whoever_does_not_score_unconflicted_reads_nothing(
    bids_database: Pool, tmp_path: Path
) -> None:
    async with judged(bids_database, tmp_path, envelopes=1) as case:
        counter = case.counter
        await file_by_shell(counter, tmp_path)
        await counter.purchase.open_bids()

        undeclared = await case.listed(by="anna"), await readable(counter, by="anna")
        await case.declare(ANNA, has_conflict=True)
        conflicted = await case.listed(by="anna"), await readable(counter, by="anna")
        on_no_panel = await case.listed(by="guest"), await readable(counter, by="guest")
        strangers = [await case.listed(by=by) for by in ("vendor 1", "rival buyer", "observer")]

    assert undeclared == ("bid_unknown", [])
    assert conflicted == ("bid_unknown", [])
    assert on_no_panel == ("bid_unknown", [])
    assert strangers == ["bid_unknown"] * 3


async def test_opened_bid_lists_its_documents_to_its_buyer_its_vendor_and_auditors(
    counter: Counter,
) -> None:
    await file_in_the_clear(counter)
    unsealer = await open_technical(counter.purchase)
    await open_prices(counter.purchase, unsealer)
    bid_id = await counter.purchase.pool.fetchval("SELECT id FROM bid")

    answers = [
        await counter.ask("GET", f"/v1/bids/{bid_id}/documents", by=by)
        for by in ("buyer", "auditor", "vendor 0")
    ]

    assert {answer.status for answer in answers} == {200}
    assert answers[0].body == answers[1].body == answers[2].body
    assert [each["name"] for each in answers[0].body["items"]] == ["None.pdf", "price.pdf"]
    assert answers[0].body["items"][1] == {
        "name": "price.pdf",
        "media_type": PDF,
        "sha256": digest(COSTS),
        "length_bytes": len(COSTS),
        "with_prices": True,
        "deposit": "kept",
    }
    assert "key" not in answers[0].content.decode()


async def test_documents_that_an_earlier_release_listed_are_taken_to_tell_prices(
    bids_database: Pool, tmp_path: Path
) -> None:
    async with judged(bids_database, tmp_path, envelopes=1) as case:
        counter = case.counter
        await file_by_shell(counter, tmp_path)
        await case.declare(ANNA)
        await counter.purchase.open_bids()
        # So does a process that does not know the column write its rows.
        await bids_database.execute(
            "INSERT INTO bid_document (bid_id, envelope, place, name, media_type, sha256,"
            " length_bytes, sealed_sha256, seal_key, deposit) SELECT bid_id, envelope, place + 9,"
            " name, media_type, sha256, length_bytes, sealed_sha256, seal_key, deposit"
            " FROM bid_document"
        )

        listed = await case.listed(by="anna")

    assert listed == [digest(DRAWING)]


def _plain(document: object) -> dict[str, Any]:
    told = plain(document)
    assert isinstance(told, dict)
    return told
