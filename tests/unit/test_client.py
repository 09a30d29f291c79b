"""The client's parts that need no server: waits, refusals, frames, keys, where a stack runs."""

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from clients.cli import cli
from clients.custodian import bytes_of, make_key, public_text, read_key, text_of
from clients.errors import Problem
from clients.http import Patience
from clients.services import LocalStack, Services, StackNotFound
from clients.stream import Frame, _Reader

PARTY = "01890000-0000-7000-8000-000000000001"

STREAM = (
    b": heartbeat\n\n"
    b'id: 7\nevent: picture\ndata: {"status": "live",\ndata:  "offers": 2}\n\n'
    b'data: {"status": "closed"}\r\n\r\n'
)


class TestPatience:
    def test_waits_grow_and_never_exceed_the_longest(self) -> None:
        patience = Patience(first_wait_s=0.1, longest_wait_s=2.0)

        assert all(patience.wait_s(0, 0.0) <= 0.1 for _ in range(100))
        assert all(patience.wait_s(50, 0.0) <= 2.0 for _ in range(100))
        assert max(patience.wait_s(50, 0.0) for _ in range(100)) > 0.5

    def test_a_wait_that_was_asked_for_is_the_least(self) -> None:
        assert all(Patience().wait_s(0, 3.0) >= 3.0 for _ in range(100))


class TestProblem:
    def test_a_problem_document_is_read(self) -> None:
        document = {"code": "bid_late", "detail": "Too late.", "instance": "r-1", "status": 409}

        problem = Problem.read(409, json.dumps(document).encode())

        assert (problem.code, problem.detail, problem.request_id) == (
            "bid_late",
            "Too late.",
            "r-1",
        )
        assert problem.errors == ()

    @pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"[1]", b"", b"\xff"])
    def test_anything_else_is_quoted(self, body: bytes) -> None:
        problem = Problem.read(502, body)

        assert (problem.status, problem.code) == (502, "unknown")


class TestFrames:
    @given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=8).map(sorted))
    def test_frames_are_the_same_however_the_bytes_come(self, cuts: list[int]) -> None:
        reader = _Reader()
        ends = [*cuts, len(STREAM)]
        pieces = [STREAM[start:end] for start, end in zip([0, *cuts], ends, strict=True)]

        frames = [frame for piece in pieces for frame in reader.feed(piece)]

        assert frames == [
            Frame("7", "picture", {"status": "live", "offers": 2}),
            Frame("", "message", {"status": "closed"}),
        ]


class TestKeys:
    def test_a_key_file_is_its_owners_alone_and_is_read_back(self, tmp_path: Path) -> None:
        path = tmp_path / "custodian.key"

        private = make_key(path)

        assert read_key(path) == private
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_a_key_is_never_overwritten(self, tmp_path: Path) -> None:
        path = tmp_path / "custodian.key"
        private = make_key(path)

        with pytest.raises(FileExistsError):
            make_key(path)

        assert read_key(path) == private

    def test_base64url_has_no_padding_and_is_read_with_or_without(self) -> None:
        assert text_of(b"\xfb\xff") == "-_8"
        assert bytes_of("-_8") == bytes_of("-_8=") == b"\xfb\xff"

    def test_what_is_no_key_is_said_to_be_none(self) -> None:
        with pytest.raises(ValueError, match="32 bytes"):
            public_text(b"short")


class TestServices:
    def test_one_gateway_stands_before_all(self) -> None:
        services = Services.behind("https://buy.example.org/")

        assert services == Services(*["https://buy.example.org"] * 3)

    def test_a_running_stack_says_where_it_answers(self, tmp_path: Path) -> None:
        facts = {
            "bids": "http://127.0.0.1:1",
            "auctions": "http://127.0.0.1:2",
            "notify": "http://127.0.0.1:3",
            "issuer": "http://127.0.0.1:4",
            "token_secret_file": "/data/token-secret",
        }
        (tmp_path / "stack.json").write_text(json.dumps(facts))

        stack = LocalStack.read(tmp_path)

        assert stack.services.auctions == "http://127.0.0.1:2"
        assert stack.token_secret_file == Path("/data/token-secret")

    def test_no_stack_is_said_to_be_none(self, tmp_path: Path) -> None:
        with pytest.raises(StackNotFound, match=r"stack\.json"):
            LocalStack.read(tmp_path)


class TestCommandLine:
    @pytest.mark.parametrize(
        "command",
        [[], ["token"], ["custodian", "key"], ["custodian", "open"], ["auctions", "watch"]],
        ids=" ".join,
    )
    def test_every_command_teaches(self, command: list[str]) -> None:
        result = CliRunner().invoke(cli, [*command, "--help"])

        assert result.exit_code == 0
        assert "Usage:" in result.output

    @pytest.mark.parametrize(
        "command",
        [
            ["token", "--role", "king"],
            ["token", "--role", "buyer", "--party", "me"],
            ["custodian", "open", "--key-file", "/nowhere/key", PARTY],
        ],
        ids=["role", "party", "key file"],
    )
    def test_a_wrong_command_line_is_exit_status_2(self, command: list[str]) -> None:
        result = CliRunner().invoke(cli, command)

        assert result.exit_code == 2

    def test_no_stack_is_exit_status_3(self, tmp_path: Path) -> None:
        result = CliRunner().invoke(cli, ["token", "--role", "buyer", "--data", str(tmp_path)])

        assert result.exit_code == 3
        assert "No local stack" in result.stderr
