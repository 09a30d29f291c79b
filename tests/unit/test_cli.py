"""The command line where no service is needed: what it teaches, refuses, makes and verifies."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from clients.cli import cli
from clients.custodian import public_text, read_key
from shared.domain.ids import BidId, LotId, OpeningId, new_id
from shared.receipts import (
    Receipt,
    ReceiptAction,
    generate_signing_key,
    jwk_of,
    key_id_of,
    sign_receipt,
)

ID = "01890000-0000-7000-8000-000000000001"
SERVICE = ("--url", "http://127.0.0.1:1", "--token", "t")
DRAFT = ("rfp", "draft", "--title", "Milk", "--closes-at")


def run(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(cli, words, input=typed)


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


COMMANDS = list(commands(cli))


class TestHelp:
    @pytest.mark.parametrize("path", COMMANDS[1:], ids=" ".join)
    def test_every_command_teaches_by_an_example_of_itself(self, path: tuple[str, ...]) -> None:
        result = run(*path, "--help")

        assert result.exit_code == 0
        example = "commonlot open" if path == ("custodian", "open") else "commonlot " + path[0]
        assert example in result.output

    @pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "commonlot")
    def test_every_option_says_what_it_is_for(self, path: tuple[str, ...]) -> None:
        command: click.Command = cli
        for name in path:
            assert isinstance(command, click.Group)
            command = command.commands[name]

        options = [one for one in command.params if isinstance(one, click.Option)]

        assert [one.name for one in options if not one.help] == []

    def test_every_command_speaks_to_machines(self) -> None:
        for path in COMMANDS:
            result = run(*path, "--help")
            if "COMMAND" not in result.output.splitlines()[0]:
                assert "--json" in result.output, path

    def test_no_command_is_missing(self) -> None:
        told = {" ".join(path) for path in COMMANDS}

        assert told >= {
            "parties import",
            "requirements import",
            "pool",
            "case",
            *(f"rfp {act}" for act in ("draft", "publish", "amend", "answer", "show", "ocds")),
            *(f"award {act}" for act in ("shares", "savings")),
            *(f"rfp {act}" for act in ("cancel", "invite", "invitations", "intent")),
            *(f"withdrawal {act}" for act in ("claim", "list", "decide")),
            *(f"keys {act}" for act in ("generate", "register", "share")),
            *(f"bid {act}" for act in ("seal", "file", "withdraw", "receipt", "check")),
            "open",
            "token",
            "custodian key",
            "custodian open",
            "auctions watch",
            "verify",
        }


class TestUsage:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("pool", ID, *SERVICE), "--by"),
            (("pool", "one", "--by", "item", *SERVICE), "not a valid UUID"),
            (("case", ID, *SERVICE), "--tier"),
            (("case", ID, "--tier", "1", "1", "0.2", "--erate", "2", "1", *SERVICE), "Lot 2"),
            (("rfp", "amend", ID, "--text", "More", *SERVICE), "--substantial"),
            ((*DRAFT, "2027-03-01T12:00:00", *SERVICE), "no instant"),
            ((*DRAFT, "tomorrow", *SERVICE), "no instant"),
            (
                (*DRAFT, "2027-03-01T12:00:00Z", "--custodian", ID, "--threshold", "2", *SERVICE),
                "more than there are custodians",
            ),
            (("bid", "check", ID, *SERVICE), "--unit-price"),
            (("bid", "seal", ID, "--unit-price", "1", "--out", "x", *SERVICE), "--party"),
            (("bid", "fetch", ID, *SERVICE), "--receipt"),
            (("open", ID, "--key-file", "/nowhere/key", *SERVICE), "/nowhere/key"),
            (("requirements", "import", "/nowhere.csv", "--currency", "USD"), "/nowhere.csv"),
        ],
        ids=lambda words: " ".join(words[:2]) if isinstance(words, tuple) else "",
    )
    def test_wrong_command_line_is_exit_status_2_and_says_why(
        self, words: tuple[str, ...], said: str
    ) -> None:
        result = run(*words)

        assert result.exit_code == 2
        assert said in result.stderr

    def test_table_that_is_not_utf8_is_said_to_be_none(self, tmp_path: Path) -> None:
        table = tmp_path / "needs.csv"
        table.write_bytes("reference\nMüller\n".encode("latin-1"))

        result = run("requirements", "import", str(table), "--currency", "USD", *SERVICE)

        assert result.exit_code == 2
        assert "UTF-8" in result.stderr

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ("not json", "not JSON"),
            ("[]", "no JSON object"),
            ('{"unit_price": 0.5}', "unit_price"),
            ('{"unit_prise": "0.5"}', "unit_prise"),
            ('{"unit_price": "0.5", "documents": [{"name": "a"}]}', "documents.0.sha256"),
        ],
    )
    def test_bid_that_is_written_wrong_is_named_by_its_member_and_not_repeated(
        self, written: str, said: str
    ) -> None:
        result = run("bid", "check", ID, "--bid", "-", *SERVICE, typed=written)

        assert result.exit_code == 2
        assert said in result.stderr
        assert "0.5" not in result.stderr

    def test_no_stack_is_exit_status_3_and_told_to_machines(self, tmp_path: Path) -> None:
        result = run("rfp", "show", ID, "--data", str(tmp_path), "--json")

        assert result.exit_code == 3
        assert "No local stack" in json.loads(result.stderr)["detail"]


class TestKeys:
    def test_key_is_made_once_and_its_public_half_told(self, tmp_path: Path) -> None:
        path = tmp_path / "custodian.key"

        made = run("keys", "generate", "--key-file", str(path), "--json")
        again = run("keys", "generate", "--key-file", str(path))

        assert made.exit_code == 0
        assert json.loads(made.output)["public_key"] == public_text(read_key(path))
        assert again.exit_code == 2
        assert "File exists" in again.stderr


class TestReceipts:
    RECEIPT = Receipt(
        opening_id=OpeningId(new_id()),
        lot_id=LotId(new_id()),
        bid_id=BidId(new_id()),
        version=2,
        action=ReceiptAction.FILED,
        sealed_sha256="ab" * 32,
        received_at=datetime(2027, 3, 1, 11, 59, 59, tzinfo=UTC),
        log_index=7,
        log_hash="cd" * 32,
    )

    def kept(self, folder: Path) -> Path:
        key = generate_signing_key()
        public_key = key.public_key()
        token = sign_receipt(self.RECEIPT, key, key_id_of(public_key))
        path = folder / "lot1.receipt"
        path.write_text(json.dumps({"receipt": token, "keys": [jwk_of(public_key)]}))
        return path

    def test_receipt_is_verified_offline_and_told(self, tmp_path: Path) -> None:
        result = run("bid", "receipt", str(self.kept(tmp_path)), "--json")

        told = json.loads(result.output)
        assert result.exit_code == 0
        assert (told["bid_id"], told["version"]) == (str(self.RECEIPT.bid_id), 2)
        assert (told["action"], told["sealed_sha256"]) == ("filed", "ab" * 32)

    def test_altered_receipt_is_refused(self, tmp_path: Path) -> None:
        path = self.kept(tmp_path)
        kept = json.loads(path.read_text())
        head, payload, signature = kept["receipt"].split(".")
        other = "A" if payload[20] != "A" else "B"
        kept["receipt"] = f"{head}.{payload[:20]}{other}{payload[21:]}.{signature}"
        path.write_text(json.dumps(kept))

        result = run("bid", "receipt", str(path), "--json")

        assert result.exit_code == 1
        assert json.loads(result.stderr)["code"] == "receipt_wrong"

    def test_receipt_of_another_house_is_refused_by_keys_that_were_given(
        self, tmp_path: Path
    ) -> None:
        other = tmp_path / "keys.json"
        other.write_text(json.dumps({"keys": [jwk_of(generate_signing_key().public_key())]}))

        result = run("bid", "receipt", str(self.kept(tmp_path)), "--keys", str(other))

        assert result.exit_code == 1

    def test_file_that_is_no_receipt_is_exit_status_2(self, tmp_path: Path) -> None:
        path = tmp_path / "lot1.receipt"
        path.write_text("{}")

        result = run("bid", "receipt", str(path))

        assert result.exit_code == 2
        assert "no receipt" in result.stderr
