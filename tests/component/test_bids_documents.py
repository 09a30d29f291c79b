"""Documents over a real folder: by hash, whole or not at all, and sealed until the opening."""

import io
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog

from services.bids.domain import documents as rules
from services.bids.store import documents as document_store
from services.bids.store.objects import FolderObjects
from shared.db import Pool
from shared.document_seal import SEALED_FRAME_BYTES
from shared.domain.bid_documents import Document
from shared.domain.ids import new_id
from tests.component.bids_documents import PDF, Counter, digest, open_counter, sealed
from tests.component.bids_purchase import CLOSES_AT, MICROSECOND, publish

SECRET = b"The alloy is quenched at 612 degrees for nine minutes."
NAME = "quenching-of-alloys.pdf"
ABSENT = "0" * 64


@pytest.fixture
async def counter(bids_database: Pool, tmp_path: Path) -> AsyncIterator[Counter]:
    purchase = await publish(bids_database)
    async with open_counter(purchase, tmp_path) as opened:
        yield opened


# Putting ----------------------------------------------------------------------------------------


async def test_document_is_kept_under_its_hash_and_comes_back_whole(counter: Counter) -> None:
    content = bytes(range(256)) * 5_000

    put = await counter.attach(content)
    fetched = await counter.fetch(digest(content), by="observer")

    assert put.status == 201, put.body
    assert put.body["length_bytes"] == len(content)
    assert counter.kept() == [f"{digest(content)[:2]}/{digest(content)}/{put.body['id']}"]
    assert (fetched.status, fetched.content) == (200, content)


async def test_fetched_document_is_saved_and_not_shown(counter: Counter) -> None:
    await counter.attach(b"<script>", name='a"b; ü.html', media_type="text/html")

    headers = (await counter.fetch(digest(b"<script>"), by="vendor 0")).headers

    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%22b%3B%20%C3%BC.html"
    assert headers["Content-Type"] == "text/html"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


async def test_document_put_again_has_one_record_and_one_copy(counter: Counter) -> None:
    first = await counter.attach(b"terms")

    second = await counter.attach(b"terms")

    assert second.body == first.body
    assert len(counter.kept()) == 1


async def test_body_that_is_not_what_was_stated_leaves_nothing(counter: Counter) -> None:
    answer = await counter.attach(b"other terms", sha256=digest(b"terms"))

    assert (answer.status, answer.body["code"]) == (422, "document_digest_mismatch")
    assert answer.body["received"] == digest(b"other terms")
    assert counter.kept() == []
    assert (await counter.fetch(digest(b"terms"), by="buyer")).status == 404


async def test_document_as_long_as_the_limit_is_taken_and_a_byte_more_is_not(
    counter: Counter,
) -> None:
    longest = bytes(rules.STORED_BYTES_MAX)

    taken = await counter.attach(longest)
    refused = await counter.attach(longest + b"x")

    assert taken.status == 201, taken.body
    assert (refused.status, refused.body["code"]) == (413, "body_too_large")
    assert len(counter.kept()) == 1


async def test_streamed_body_that_grows_too_long_leaves_nothing(counter: Counter) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(rules.STORED_BYTES_MAX // 2**20 + 2):
            yield bytes(2**20)

    answer = await counter.ask(
        "POST",
        "/v1/documents",
        by="buyer",
        params={
            "sha256": ABSENT,
            "purpose": "solicitation",
            "rfp_id": str(counter.purchase.rfp_id),
            "name": "long",
        },
        data=pieces(),
        headers={"Content-Type": "application/octet-stream"},
    )

    assert (answer.status, answer.body["code"]) == (413, "body_too_large")
    assert counter.kept() == []


@pytest.mark.parametrize(
    ("by", "said", "code"),
    [
        ("vendor 0", {}, "document_purpose_forbidden"),
        ("member", {}, "document_purpose_forbidden"),
        ("observer", {}, "scope_missing"),
        ("rival buyer", {}, "rfp_unknown"),
        ("buyer", {"purpose": "disclosure", "rfp_id": ""}, "document_unfit"),
        ("buyer", {"purpose": "authority"}, "document_unfit"),
        ("buyer", {"purpose": "drawing"}, "document_unfit"),
        ("buyer", {"name": "../terms"}, "document_unfit"),
        ("buyer", {"name": ""}, "document_unfit"),
        ("buyer", {"media_type": "text/html; charset=utf-8"}, "document_unfit"),
        ("buyer", {"sha256": digest(b"terms").upper()}, "document_unfit"),
    ],
)
async def test_document_that_its_purpose_does_not_allow_is_refused(
    counter: Counter, by: str, said: dict[str, str], code: str
) -> None:
    answer = await counter.attach(b"terms", by=by, **said)

    assert answer.body["code"] == code
    assert counter.kept() == []


async def test_no_party_fills_the_store(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_store, "OWNER_DOCUMENTS_MAX", 1)
    await counter.attach(b"first")

    answer = await counter.attach(b"second")

    assert (answer.status, answer.body["code"]) == (409, "documents_too_many")
    assert len(counter.kept()) == 1


async def test_attachment_is_written_on_the_chain_of_its_rfp(counter: Counter) -> None:
    await counter.attach(b"terms")
    await counter.attach(b"terms")

    chain = await counter.purchase.types_of(counter.purchase.rfp_id)

    assert chain == ["rfp.document_attached"]


# Who reads ---------------------------------------------------------------------------------------


async def test_draft_is_for_its_buyer_alone_until_it_is_published(counter: Counter) -> None:
    rfp_id = counter.purchase.rfp_id
    await counter.purchase.pool.execute(
        "UPDATE rfp SET status = 'draft', published_at = NULL WHERE id = $1", rfp_id
    )
    await counter.attach(b"terms")

    statuses = {
        by: (await counter.fetch(digest(b"terms"), by=by)).status
        for by in ("buyer", "rival buyer", "vendor 0", "auditor")
    }

    assert statuses == {"buyer": 200, "rival buyer": 404, "vendor 0": 404, "auditor": 404}


async def test_authority_is_for_its_member_for_buyers_and_auditors(counter: Counter) -> None:
    await counter.put(b"letter", by="member", purpose="authority", name="letter.pdf")

    statuses = {
        by: (await counter.fetch(digest(b"letter"), by=by)).status
        for by in ("member", "buyer", "auditor", "other member", "vendor 0", "observer")
    }

    assert statuses == {
        "member": 200,
        "buyer": 200,
        "auditor": 200,
        "other member": 404,
        "vendor 0": 404,
        "observer": 404,
    }


async def test_owner_lists_its_own_documents_and_no_other(counter: Counter) -> None:
    kept = sealed(SECRET)
    await counter.put(kept.copy, by="vendor 0", purpose="bid")
    await counter.attach(b"terms")

    listed = await counter.ask("GET", "/v1/documents", by="vendor 0")

    assert [each["sha256"] for each in listed.body["items"]] == [digest(kept.copy)]


@pytest.mark.parametrize("sha256", [ABSENT, "terms", "A" * 64, ABSENT + "0"])
async def test_unknown_hash_is_not_found(counter: Counter, sha256: str) -> None:
    answer = await counter.fetch(sha256, by="auditor")

    assert (answer.status, answer.body["code"]) == (404, "document_unknown")


# A bid's documents -------------------------------------------------------------------------------


async def test_bid_document_is_sealed_until_the_opening_and_open_to_the_buyer_after_it(
    counter: Counter,
) -> None:
    kept = sealed(SECRET, name=NAME)
    await counter.put(kept.copy, by="vendor 0", purpose="bid")
    await counter.file_with(kept.document)
    readers = ("buyer", "auditor", "vendor 0", "vendor 1", "rival buyer", "observer")

    before = {by: (await counter.fetch(digest(SECRET), by=by)).status for by in readers}
    await counter.purchase.open_bids()
    after = {by: (await counter.fetch(digest(SECRET), by=by)).status for by in readers}
    fetched = await counter.fetch(digest(SECRET), by="buyer")

    assert set(before.values()) == {404}
    assert after == {
        "buyer": 200,
        "auditor": 200,
        "vendor 0": 200,
        "vendor 1": 404,
        "rival buyer": 404,
        "observer": 404,
    }
    assert fetched.content == SECRET
    assert fetched.headers["Content-Type"] == PDF
    assert fetched.headers["Content-Disposition"].endswith(NAME)


async def test_sealed_copy_comes_back_to_its_vendor_and_after_the_opening_to_the_buyer(
    counter: Counter,
) -> None:
    kept = sealed(SECRET)
    await counter.put(kept.copy, by="vendor 0", purpose="bid")
    await counter.file_with(kept.document)

    own = await counter.fetch(digest(kept.copy), by="vendor 0")
    early = await counter.fetch(digest(kept.copy), by="buyer")
    await counter.purchase.open_bids()
    late = await counter.fetch(digest(kept.copy), by="buyer")

    assert own.content == kept.copy
    assert early.status == 404
    assert late.content == kept.copy


async def test_auditors_wait_for_documents_while_their_lot_is_at_auction(
    counter: Counter,
) -> None:
    kept = sealed(SECRET)
    await counter.put(kept.copy, by="vendor 0", purpose="bid")
    await counter.file_with(kept.document)
    await counter.purchase.open_bids()
    await counter.purchase.pool.execute("UPDATE lot SET status = 'auctioning'")

    auditor = await counter.fetch(digest(SECRET), by="auditor")
    buyer = await counter.fetch(digest(SECRET), by="buyer")

    assert (auditor.status, buyer.status) == (404, 200)


async def test_insider_who_reads_everything_before_the_opening_finds_nothing(
    counter: Counter, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The whole database, every file, the log: neither the document, nor its name, nor its key."""
    kept = sealed(SECRET, name=NAME)
    assert kept.document.copy is not None
    key = kept.document.copy.key
    log = io.StringIO()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(log))
    await counter.put(kept.copy, by="vendor 0", purpose="bid", name=NAME, media_type=PDF)
    await counter.file_with(kept.document)

    database = await _dump(counter.purchase.pool)
    files = b"".join((tmp_path / name).read_bytes() for name in counter.kept())
    told = log.getvalue() + capfd.readouterr().out + " ".join(counter.kept())
    structlog.reset_defaults()

    seen = database.encode() + files + told.encode()
    assert digest(kept.copy).encode() in seen, "the insider has looked in the right places"
    for secret in (SECRET, SECRET.hex().encode(), NAME.encode(), PDF.encode()):
        assert secret not in seen
    for hexadecimal in (key, digest(SECRET)):
        assert hexadecimal.encode() not in seen
        assert bytes.fromhex(hexadecimal) not in seen


async def test_document_of_a_bid_must_be_sealed(counter: Counter) -> None:
    answer = await counter.put(SECRET, by="vendor 0", purpose="bid")

    assert (answer.status, answer.body["code"]) == (422, "document_not_sealed")
    assert counter.kept() == []


@pytest.mark.parametrize(
    ("put_at", "deposit"),
    [
        (CLOSES_AT - MICROSECOND, "kept"),
        (CLOSES_AT, "late"),
        (None, "missing"),
    ],
)
async def test_opening_records_what_was_not_in_keeping_at_the_deadline(
    counter: Counter, put_at: datetime | None, deposit: str
) -> None:
    kept = sealed(SECRET)
    await counter.file_with(kept.document)
    if put_at is not None:
        counter.purchase.clock.advance(put_at - counter.purchase.clock.now())
        await counter.put(kept.copy, by="vendor 0", purpose="bid")

    await counter.purchase.open_bids()

    found = await counter.purchase.pool.fetchval("SELECT deposit FROM bid_document")
    chain = await counter.purchase.types_of(counter.purchase.opening_id)
    record = await counter.purchase.recording.record(counter.purchase.opening_id)
    types = {each.type for each in record.record.incidents}
    assert found == deposit
    assert ("opening.document_missed" in chain) == (deposit != "kept")
    assert ("opening.document_missed" in types) == (deposit != "kept")
    assert record.record.opened == 1, "the bid itself stands"


async def test_another_vendors_copy_is_not_the_bids_own(counter: Counter) -> None:
    kept = sealed(SECRET)
    await counter.put(kept.copy, by="vendor 1", purpose="bid")
    await counter.file_with(kept.document)

    await counter.purchase.open_bids()

    assert await counter.purchase.pool.fetchval("SELECT deposit FROM bid_document") == "missing"
    assert (await counter.fetch(digest(SECRET), by="buyer")).status == 404


async def test_document_kept_elsewhere_is_no_incident(counter: Counter) -> None:
    await counter.file_with(Document("brochure.pdf", digest(b"brochure"), 8))

    await counter.purchase.open_bids()

    chain = await counter.purchase.types_of(counter.purchase.opening_id)
    assert await counter.purchase.pool.fetchval("SELECT deposit FROM bid_document") == "elsewhere"
    assert "opening.document_missed" not in chain


# Damage and crashes ------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 20, SEALED_FRAME_BYTES + 20, -1])
async def test_flipped_bit_of_a_sealed_copy_is_found_and_named(
    counter: Counter, tmp_path: Path, place: int
) -> None:
    content = SECRET * 2_000
    kept = sealed(content)
    await counter.put(kept.copy, by="vendor 0", purpose="bid")
    await counter.file_with(kept.document)
    await counter.purchase.open_bids()
    _flip(tmp_path / counter.kept()[0], place)

    opened = await counter.fetch(digest(content), by="buyer")
    copy = await counter.fetch(digest(kept.copy), by="buyer")

    for answer in (opened, copy):
        assert (answer.status, answer.body["code"]) == (409, "document_broken")
        assert answer.body["sha256"] == digest(kept.copy)


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
async def test_damaged_attachment_is_named_and_not_sent(
    counter: Counter, tmp_path: Path, damage: str
) -> None:
    await counter.attach(b"terms and conditions")
    path = tmp_path / counter.kept()[0]
    match damage:
        case "flipped":
            _flip(path, 3)
        case "cut":
            path.write_bytes(path.read_bytes()[:-1])
        case _:
            path.unlink()

    answer = await counter.fetch(digest(b"terms and conditions"), by="vendor 0")

    assert (answer.status, answer.body["code"]) == (409, "document_broken")


async def test_document_that_breaks_while_it_is_sent_is_cut_off(
    bids_database: Pool, tmp_path: Path
) -> None:
    """A reader never takes half a document, or an altered one, for the whole."""
    purchase = await publish(bids_database)
    objects = _BreaksAtSecondReading(tmp_path)
    async with open_counter(purchase, tmp_path, objects=objects) as counter:
        await counter.attach(bytes(2_000_000))

        with pytest.raises(Exception, match=r"(?i)payload|disconnected|closing"):
            await counter.fetch(digest(bytes(2_000_000)), by="buyer")

    assert objects.readings == 2


async def test_crash_between_bytes_and_record_leaves_nothing_that_is_found(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> None:
        raise SystemError

    with monkeypatch.context() as broken:
        broken.setattr(document_store.DocumentStore, "add", dies)
        crashed = await counter.attach(b"terms")
    fetched = await counter.fetch(digest(b"terms"), by="buyer")
    again = await counter.attach(b"terms")

    assert crashed.status == 500
    assert fetched.status == 404
    assert again.status == 201
    assert len(counter.kept()) == 2


async def test_sweep_removes_what_has_no_record_once_it_is_a_day_old(
    counter: Counter, tmp_path: Path
) -> None:
    put = await counter.attach(b"terms")
    orphan = f"ab/{'ab' * 32}/{new_id()}"
    unfinished = f"incoming/{new_id()}"
    strange = "notes.txt"
    for name in (orphan, unfinished, strange):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"bytes")
    written_at = max((tmp_path / name).stat().st_mtime for name in counter.kept())
    now = counter.purchase.clock.now()
    now += timedelta(seconds=written_at - now.timestamp())

    too_early = await counter.documents.sweep(now + rules.ORPHAN_AGE - timedelta(minutes=1))
    swept = await counter.documents.sweep(now + rules.ORPHAN_AGE + timedelta(minutes=1))

    assert (too_early, swept) == (0, 2)
    document = f"{digest(b'terms')[:2]}/{digest(b'terms')}/{put.body['id']}"
    assert counter.kept() == sorted([document, strange])


class _BreaksAtSecondReading(FolderObjects):
    """The first reading checks the document; the second, which is sent, finds it altered."""

    readings = 0

    async def read(self, key: str) -> AsyncIterator[bytes]:
        self.readings += 1
        async for piece in super().read(key):
            yield piece if self.readings == 1 else bytes(len(piece) - 1) + b"x"


def _flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))


async def _dump(pool: Pool) -> str:
    """Write out every row of every table, bytes as hexadecimal."""
    tables = await pool.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'bids'::regnamespace AND relkind = 'r'"
    )
    texts = [
        await pool.fetchval(f"SELECT string_agg(t::text, ' ') FROM {table['relname']} t")  # noqa: S608 - names of tables
        for table in tables
    ]
    return "\n".join(text for text in texts if text)
