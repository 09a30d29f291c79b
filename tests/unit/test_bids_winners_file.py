"""Problem files: what they say, what is refused, and the answer that is printed."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from services.bids.domain.winners.fit import ProblemUnfit
from services.bids.domain.winners.problem import Granularity, TierMode
from services.bids.domain.winners.rules import RuleKind
from services.bids.domain.winners.tasks import Answer, Status
from services.bids.solver.__main__ import agree
from services.bids.solver.problem_file import task_of

MILK: dict[str, Any] = {
    "lots": [
        {
            "id": "milk",
            "shares": [
                {"district": "east", "quantity": "40.5"},
                {"district": "west", "quantity": 60},
            ],
            "granularity": "district",
            "reserve": "9",
            "incumbent": "bob",
            "switching_cost": 3,
        }
    ],
    "vendors": [{"id": "ann", "capacity": 200, "minimum": "0.5", "participation_cost": "7.25"}],
    "bids": [
        {
            "vendor": "ann",
            "lot": "milk",
            "tiers": [{"from": 0, "to": 200, "unit_price": "1/3"}],
            "factor": "0.9",
            "score": 80,
            "serves": ["east"],
        }
    ],
    "lot_prices": [{"vendor": "bob", "lot": "milk", "price": "201"}],
    "packages": [{"vendor": "bob", "lots": ["milk"], "price": 150, "either": "one"}],
    "rules": [{"kind": "most_winners", "amount": 1, "lot": "milk", "priority": 2}],
}


def told(**changes: Any) -> str:
    return json.dumps({**MILK, **changes})


def solved(tmp_path: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "problem.json"
    file.write_text(text)
    command = [sys.executable, "-m", "services.bids.solver", str(file), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def test_file_is_read_exactly() -> None:
    task = task_of(told(), seed="s", seconds=5)

    problem = task.problem
    assert problem.steps_per_unit == 2
    assert [share.quantity for share in problem.lots[0].shares] == [81, 120]
    assert problem.lots[0].granularity is Granularity.DISTRICT
    assert (problem.lots[0].reserve, problem.lots[0].incumbent_id) == (Fraction(9), "bob")
    assert {vendor.id: vendor.capacity for vendor in problem.vendors} == {"ann": 400, "bob": None}
    assert problem.bids[0].tiers[0].unit_price == Fraction(1, 3)
    assert problem.bids[0].serves == frozenset({"east"})
    assert problem.bids[1].tiers[0].unit_price == 2
    assert (problem.packages[0].price, problem.packages[0].either) == (Fraction(150), "one")
    assert (task.rules[0].kind, task.rules[0].priority) == (RuleKind.MOST_WINNERS, 2)


def test_words_of_an_about_count_where_nothing_else_is_said() -> None:
    lots = [{"id": "milk", "quantity": 1}]
    about = "Lots may be split; packages with free disposal."

    problem = task_of(told(lots=lots, about=about, tier_mode="graduated")).problem

    assert problem.lots[0].granularity is Granularity.SPLIT
    assert problem.free_disposal
    assert problem.bids[0].mode is TierMode.GRADUATED


def test_what_a_file_says_outweighs_its_about() -> None:
    lots = [{"id": "milk", "quantity": 1}]
    about = "Lots may be split; packages with free disposal."

    problem = task_of(
        told(lots=lots, about=about, granularity="whole", free_disposal=False)
    ).problem

    assert problem.lots[0].granularity is Granularity.WHOLE
    assert not problem.free_disposal


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "no problem file"),
        ("{", "no problem file"),
        (told(lots=[{"id": "milk"}]), "quantity"),
        (told(capacities=[]), "capacities"),
        (told(vendors=[{"id": "ann", "capcity": 3}]), "vendors has no capcity"),
        (told(rules=[{"kind": "cheapest"}]), "cheapest"),
    ],
)
def test_unfit_file_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(ProblemUnfit, match=says):
        task_of(text)


def test_answer_is_printed_as_json(tmp_path: Path) -> None:
    ended = solved(tmp_path, told(), "--check")

    answer = json.loads(ended.stdout)
    assert ended.returncode == 0, ended.stderr
    assert (answer["status"], answer["engine"], answer["cost"]) == ("optimal", "highs", "150")
    assert answer["packages"] == [
        {"package": "package 0", "vendor": "bob", "lots": ["milk"], "price": "150"}
    ]


def test_conflict_is_printed_in_words(tmp_path: Path) -> None:
    rules = [{"kind": "all_awarded"}, {"kind": "budget", "amount": 100}]

    ended = solved(tmp_path, told(rules=rules))

    assert ended.returncode == 1, ended.stderr
    assert json.loads(ended.stdout)["conflict"] == [
        "Everything is awarded over all lots.",
        "At most 100 is paid over all lots.",
    ]


def test_unfit_file_ends_with_its_reason(tmp_path: Path) -> None:
    ended = solved(tmp_path, told(lots=[]))

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "There are between 1 and 5000 lots.\n"


def test_help_teaches_the_form(tmp_path: Path) -> None:
    ended = solved(tmp_path, told(), "--help")

    for word in ("lot_prices", "free_disposal", *RuleKind):
        assert word in ended.stdout


def test_engines_that_prove_different_things_do_not_agree() -> None:
    none = Answer(status=Status.INFEASIBLE)

    assert agree(none, none)
    assert agree(none, Answer(status=Status.OUT_OF_TIME))
