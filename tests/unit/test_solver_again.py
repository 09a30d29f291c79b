"""The command that searches again for a published task: what it takes, tells and refuses."""

import io
import sys
from pathlib import Path
from typing import Final

import pytest

from services.bids.domain.replay.proving import questions_of
from services.bids.domain.replay.reading import read_bundle
from services.bids.domain.replay.scenarios import scenario_of
from services.bids.domain.winners.scenarios import read_result
from services.bids.solver import again

BUNDLE: Final = Path(__file__).resolve().parents[1] / "golden" / "awards" / "coop-award-1.json"


def ask(monkeypatch: pytest.MonkeyPatch, text: str) -> int:
    monkeypatch.setattr(sys, "argv", ["again", "--seconds", "30"])
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    return again.main()


def test_published_task_comes_to_the_result_that_was_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = read_bundle(BUNDLE.read_text(encoding="utf-8"))
    question = list(questions_of(bundle))[1]

    status = ask(monkeypatch, question.task)

    found = read_result(capsys.readouterr().out)
    kept = scenario_of(bundle, bundle.scenarios[1]).result
    assert kept is not None
    assert status == 0
    assert (found.answer.award, found.answer.costs) == (kept.answer.award, kept.answer.costs)
    assert (found.best, found.rule_costs) == (kept.best, kept.rule_costs)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"problem": 1}'])
def test_what_is_no_task_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    status = ask(monkeypatch, text)

    assert status == 2
    assert capsys.readouterr().err == "This is no task in its one written form.\n"


def test_solver_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = read_bundle(BUNDLE.read_text(encoding="utf-8"))
    question = next(questions_of(bundle))
    monkeypatch.setattr(again, "find_spec", lambda _name: None)

    status = ask(monkeypatch, question.task)

    assert status == 2
    assert capsys.readouterr().err.startswith("highspy is not installed here")
