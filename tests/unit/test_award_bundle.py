"""The verifier of award bundles, on a purchase that was published: whatever is changed is named."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from clients.award_bundle import BundleMalformed, check
from clients.cli import cli
from services.bids.domain.erate import ErateCategory
from services.bids.domain.replay.reading import read, read_bundle, write_bundle
from services.bids.domain.terms import ContractTerms, Terms
from services.bids.store.rfps import terms_text
from shared.checkpoints import read_key_set
from shared.domain.canonical import canonical
from shared.receipts import generate_signing_key, jwk_of

SAMPLES: Final = Path(__file__).resolve().parents[1] / "golden" / "awards"
BUNDLE: Final = SAMPLES / "coop-award-1.json"
KEYS: Final = SAMPLES / "receipt-keys.json"
TEXT: Final = BUNDLE.read_text(encoding="utf-8")

Change = Callable[[Any], None]


def changed(change: Change) -> str:
    document = json.loads(TEXT)
    change(document)
    return canonical(document)


def difference(change: Change) -> str:
    """What the verifier names, without any key."""
    found = check(changed(change), None).difference
    assert found is not None, "nothing was found"
    return found


def lot(document: Any, number: int) -> Any:
    return document["lots"][number - 1]


def award(document: Any, number: int, status: str = "made") -> Any:
    return next(each for each in lot(document, number)["awards"] if each["status"] == status)


def scenario(document: Any, *, is_chosen: bool = True) -> Any:
    return next(each for each in document["scenarios"] if ("chosen_at" in each) == is_chosen)


def assign(find: Callable[[Any], Any], name: str | int, value: object) -> Change:
    def change(document: Any) -> None:
        find(document)[name] = value

    return change


def drop(find: Callable[[Any], Any], name: str) -> Change:
    def change(document: Any) -> None:
        del find(document)[name]

    return change


def swap(find: Callable[[Any], Any]) -> Change:
    def change(document: Any) -> None:
        entries = find(document)
        entries[0], entries[1] = entries[1], entries[0]

    return change


def first_hash(document: Any) -> Any:
    return document["openings"][0]["hash_list"]["entries"][0]


def first_line(document: Any) -> Any:
    return award(document, 1)["lines"][0]


def answer_of(document: Any) -> Any:
    return scenario(document)["result"]["answer"]


WITHDRAWN_AT: Final = "2027-03-15T12:00:02.000000Z"


def moot(moot_at: str | None) -> dict[str, object]:
    """Write a protest of the next vendor, of which nothing was decided."""
    told: dict[str, object] = {
        "id": "01a201d4-a601-76ec-9d8e-1266f0c4fda5",
        "vendor_id": "01a201d4-9c7f-70d8-9b40-7cb2e4dbb9cd",
        "grounds": "The winner was late last year.",
        "filed_at": WITHDRAWN_AT,
    }
    return told if moot_at is None else {**told, "moot_at": moot_at}


FLIPS: Final[dict[str, tuple[Change, str]]] = {
    "a sealed hash": (
        assign(first_hash, "sealed_sha256", "0" * 64),
        r"price opening: hash list: its entries do not have the Merkle root",
    ),
    "the root": (
        assign(lambda told: told["openings"][0]["hash_list"], "merkle_root", "0" * 64),
        r"price opening: hash list: its entries do not have the Merkle root 0000",
    ),
    "the record's failure": (
        drop(lambda told: told["openings"][0]["record"]["bids"][-1], "failure"),
        r"price opening: signed record",
    ),
    "a failure": (
        assign(lambda told: lot(told, 5)["bids"][0], "failure", "hash_mismatch"),
        r"lot 5: bid of Dairy 3: failure: stated hash_mismatch, computed seal_broken",
    ),
    "a price in a bid": (
        assign(lambda told: lot(told, 1)["bids"][1]["content"], "unit_price", "0.26"),
        r"lot 1: bids: bid of Dairy 2: unit price: stated 0.27, computed 0.26",
    ),
    "a stated price": (
        assign(lambda told: lot(told, 1)["bids"][1], "unit_price", "0.26"),
        r"lot 1: bids: bid of Dairy 2: unit price: stated 0.26, computed 0.27",
    ),
    "a rank": (
        assign(lambda told: lot(told, 1)["bids"][1], "rank", 2),
        r"lot 1: bids: bid of Dairy 2: rank: stated 2, computed 3",
    ),
    "the order of bids": (
        swap(lambda told: lot(told, 1)["bids"]),
        r"lot 1: bids: they are not in the order of the log",
    ),
    "a bid left out": (
        lambda told: lot(told, 1)["bids"].pop(),
        r"lot 1: recorded bids are missing",
    ),
    "an evaluator's mark": (
        assign(lambda told: lot(told, 1)["marks"][0], "mark", "2"),
        r"lot 1: scores: rolled: bid of Dairy \d, quality: mark",
    ),
    "a rolled mark": (
        assign(lambda told: lot(told, 1)["scores"]["rolled"][0], "mark", "10"),
        r"lot 1: scores: rolled: bid of Dairy \d, quality: mark: stated 10, computed 8",
    ),
    "points": (
        assign(
            lambda told: lot(told, 1)["scores"]["steps"][0]["ranked"][0]["points"], "price", "40"
        ),
        r"lot 1: scores: steps: entry 1: ranked: bid of Dairy 1: points: price: stated 40",
    ),
    "the order of a ranking": (
        swap(lambda told: lot(told, 2)["scores"]["steps"][0]["ranked"]),
        r"lot 2: scores: steps: entry 1: ranked: place 1: stated bid of Dairy 2",
    ),
    "a tie rule": (
        assign(
            lambda told: lot(told, 2)["scores"]["steps"][0]["ranked"][1], "parted_by", "drawn_lot"
        ),
        r"lot 2: scores: .*parted by: stated drawn_lot, computed nothing",
    ),
    "a weight": (
        assign(lambda told: told["scheme"]["plan"]["criteria"][0], "weight", "61"),
        r"scoring plan: digest",
    ),
    "the terms": (
        assign(lambda told: told["rfp"]["terms"], "bids_min", 4),
        r"terms: digest",
    ),
    "a disqualification's reason": (
        assign(lambda told: lot(told, 1)["disqualifications"][0], "reason", "I dislike it."),
        r"lot 1: scores: .*set aside: bid of Dairy 1: about: stated Its dairy licence lapsed.",
    ),
    "a disqualification left out": (
        assign(lambda told: lot(told, 1), "disqualifications", []),
        r"lot 1: scores: steps: entry 1: ",
    ),
    "a scenario's award": (
        assign(lambda told: answer_of(told)["award"]["lines"][0], "quantity", 1),
        r"scenario No vendor above 60 % of a lot: its award breaks a rule: Lot ",
    ),
    "a scenario's cost": (
        assign(lambda told: answer_of(told)["costs"], "bids", "1"),
        r"scenario No vendor above 60 % of a lot: costs: bids: stated 1, computed ",
    ),
    "a price in a scenario's problem": (
        assign(lambda told: scenario(told)["problem"]["bids"][0]["tiers"][0], "unit_price", "1/10"),
        r"scenario No vendor above 60 % of a lot: problem: bids: .*: stated 0.1, computed 0.3",
    ),
    "a rule": (
        assign(lambda told: scenario(told)["rules"][0], "amount", "1/10"),
        r"its award breaks a rule: Each winner has at most 10 % in lot ",
    ),
    "a scenario's seed": (
        assign(scenario, "seed", "0" * 64),
        r"scenario No vendor above 60 % of a lot: seed: stated 0000",
    ),
    "the reason of the choice": (
        drop(scenario, "chosen_reason"),
        r"scenario No vendor above 60 % of a lot: it is chosen for no reason",
    ),
    "an award to another, without a reason": (
        assign(lambda told: award(told, 2), "vendor_id", "dairy 3"),
        r"lot 2: award to Dairy 3: Say in writing why the lot goes to another than the best.",
    ),
    "an awarded price": (
        assign(lambda told: award(told, 1), "unit_price", "0.28"),
        r"lot 1: award to Dairy 2: unit price: stated 0.28, computed 0.27",
    ),
    "a line by a cent": (
        assign(first_line, "total", "81.01"),
        r"lot 1: line of District \d: total: stated 81.01, computed 81.00",
    ),
    "a saving": (
        assign(first_line, "saving", "99.00"),
        r"lot 1: line of District \d: saving: stated 99.00, computed 12.00",
    ),
    "a line left out": (
        lambda told: award(told, 1)["lines"].pop(),
        r"lot 1: there is no line of District \d",
    ),
    "a withdrawn award's line": (
        assign(lambda told: award(told, 1, "withdrawn")["lines"][0], "total", "1.00"),
        r"lot 1: line of District \d: total: stated 1.00, computed 75.00",
    ),
    "a total": (
        assign(lambda told: award(told, 3), "total", "1.00"),
        r"lot 3: award to Dairy \d: total: stated 1.00",
    ),
    "a baseline": (
        assign(lambda told: lot(told, 1)["shares"][0], "baseline", "0.99"),
        r"lot 1: line of District \d: baseline total: stated 93.00, computed 297.00",
    ),
    "an auction's standing": (
        assign(lambda told: lot(told, 2)["auction"]["standing"][0], "unit_price", "0.2300"),
        r"lot 2: award to Dairy 2: unit price: stated 0.2399, computed 0.23",
    ),
    "why an award was withdrawn": (
        drop(lambda told: award(told, 1, "withdrawn"), "ended_reason"),
        r"lot 1: an award was withdrawn without a reason",
    ),
    "a moot protest while its award stood": (
        lambda told: lot(told, 1)["protests"].append(moot("2027-03-15T12:00:01.000000Z")),
        r"lot 1: a protest is moot without its award's withdrawal",
    ),
    "a moot protest that was decided": (
        assign(lambda told: lot(told, 1)["protests"][0], "moot_at", WITHDRAWN_AT),
        r"lot 1: a protest is moot without its award's withdrawal",
    ),
    "a protest that was passed over": (
        lambda told: lot(told, 1)["protests"].append(moot(None)),
        r"lot 1: a protest was never decided",
    ),
    "why nobody won": (
        drop(lambda told: lot(told, 5), "not_awarded_reason"),
        r"lot 5: it ended without award and without a reason",
    ),
    "an award before its standstill ended": (
        assign(lambda told: award(told, 4), "made_at", "2027-03-16T12:00:00.000000Z"),
        r"lot 4: an award was made before its standstill ended",
    ),
}


def test_published_bundle_verifies_with_its_key() -> None:
    checked = check(TEXT, read_key_set(KEYS.read_text(encoding="utf-8")))

    assert checked.difference is None
    assert "Signatures: give --key." not in checked.not_checked
    assert any("solver" in line for line in checked.not_checked)


def test_published_bundle_has_one_written_form() -> None:
    assert write_bundle(read_bundle(TEXT)) == TEXT.rstrip("\n")


def test_protest_that_lost_its_award_undecided_is_no_difference() -> None:
    told = changed(lambda document: lot(document, 1)["protests"].append(moot(WITHDRAWN_AT)))

    assert check(told, None).difference is None


@pytest.mark.parametrize("name", FLIPS)
def test_whatever_is_changed_is_found_and_named(name: str) -> None:
    change, expected = FLIPS[name]

    def with_ids(document: Any) -> None:
        """Put a vendor's id where the table names it."""
        change(document)
        ids = {party["name"].casefold(): party["id"] for party in document["parties"]}
        for each in (one for told in document["lots"] for one in told["awards"]):
            each["vendor_id"] = ids.get(each["vendor_id"], each["vendor_id"])

    found = difference(with_ids)

    assert re.search(expected, found), found


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (assign(lambda told: told, "format", "coop-award/2"), "no.* award bundle of the format"),
        (assign(lambda told: told, "more", 1), "the bundle.more is not"),
        (drop(lambda told: told["rfp"], "title"), "the bundle.rfp.title is not"),
        (assign(lambda told: told["rfp"], "standstill_s", "1"), "the bundle.rfp.standstill_s"),
        (assign(lambda told: told["rfp"], "standstill_s", True), "the bundle.rfp.standstill_s"),
        (assign(lambda told: lot(told, 1), "status", "sold"), r"the bundle.lots\[0\].status"),
    ],
)
def test_what_is_not_of_the_format_is_refused(change: Change, expected: str) -> None:
    with pytest.raises(BundleMalformed, match=expected):
        check(changed(change), None)


def test_e_rate_category_among_the_terms_is_read_as_it_is_written() -> None:
    terms = Terms(contract=ContractTerms(erate_category=ErateCategory.TWO))
    document = json.loads(terms_text(terms))

    assert read(Terms, document) == terms
    for wrong in ("3", " 2", 2, True):
        document["contract"]["erate_category"] = wrong
        with pytest.raises(BundleMalformed, match="erate_category"):
            read(Terms, document)


@pytest.mark.parametrize("text", ["", "[]", "{", json.dumps(json.loads(TEXT), indent=1)])
def test_what_is_not_in_the_written_form_is_refused(text: str) -> None:
    with pytest.raises(BundleMalformed):
        check(text, None)


class TestCommand:
    def run(self, *words: str) -> Result:
        return CliRunner().invoke(cli, ("award", "verify", *words))

    def test_whole_bundle_is_told_line_by_line(self) -> None:
        result = self.run(str(BUNDLE), "--key", str(KEYS))

        assert result.exit_code == 0
        assert "ok  lot 1: the award to Dairy 2 follows from the rules" in result.output
        assert "--  Not checked. That each bid is what lay sealed" in result.output
        assert result.output.endswith("Everything that can be computed anew comes out as stated.\n")

    def test_difference_is_named_and_ends_with_status_1(self, tmp_path: Path) -> None:
        file = tmp_path / "award.json"
        file.write_text(changed(assign(first_line, "total", "81.01")), encoding="utf-8")

        result = self.run(str(file))
        as_json = self.run(str(file), "--json")

        assert (result.exit_code, as_json.exit_code) == (1, 1)
        assert "stated 81.01, computed 81.00" in result.output
        assert json.loads(as_json.output)["difference"].endswith("stated 81.01, computed 81.00")

    def test_signature_of_another_key_is_named(self, tmp_path: Path) -> None:
        keys = tmp_path / "keys.json"
        other = jwk_of(generate_signing_key().public_key())
        keys.write_text(json.dumps({"keys": [other]}), encoding="utf-8")

        result = self.run(str(BUNDLE), "--key", str(keys))

        assert result.exit_code == 1
        assert "price opening: the hash list is not signed with the key" in result.output

    def test_file_that_is_no_bundle_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "award.json"
        file.write_text("{}", encoding="utf-8")

        result = self.run(str(file), "--json")

        assert result.exit_code == 1
        assert "coop-award/1" in result.output
