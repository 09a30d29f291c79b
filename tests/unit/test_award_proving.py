"""Asking the solver again about a published bundle: what it proves, and what it finds wrong."""

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from clients.award_bundle import Proving, check
from clients.cli import cli
from clients.searching import search_again
from services.bids.domain.replay.bundle import AwardBundle
from services.bids.domain.replay.proving import Proof, Searched, proof_of, questions_of
from services.bids.domain.replay.reading import read_bundle
from services.bids.domain.replay.scenarios import scenario_of
from services.bids.domain.winners.rules import Rule, RuleKind
from services.bids.domain.winners.scenarios import Result as ScenarioResult
from services.bids.domain.winners.serial import read, written
from services.bids.domain.winners.tasks import Answer, EngineName, Status, Task
from shared.domain.canonical import canonical

BUNDLE: Final = Path(__file__).resolve().parents[1] / "golden" / "awards" / "coop-award-1.json"
TEXT: Final = BUNDLE.read_text(encoding="utf-8")
CHEAPEST, CHOSEN = 0, 1
CENT: Final = Fraction(1, 100)


@pytest.fixture(scope="module")
def bundle() -> AwardBundle:
    return read_bundle(TEXT)


def result_of(bundle: AwardBundle, place: int) -> ScenarioResult:
    result = scenario_of(bundle, bundle.scenarios[place]).result
    assert result is not None
    return replace(result, answer=replace(result.answer, engine=EngineName.HIGHS))


def with_answer(result: ScenarioResult, **members: Any) -> ScenarioResult:
    return replace(result, answer=replace(result.answer, **members))


def stating(bundle: AwardBundle, place: int, result: ScenarioResult) -> AwardBundle:
    """A bundle in which a scenario states another result."""
    told = json.loads(written(result))
    scenarios = list(bundle.scenarios)
    scenarios[place] = replace(scenarios[place], result=told)
    return replace(bundle, scenarios=tuple(scenarios))


def proof(
    bundle: AwardBundle, *, place: int, found: ScenarioResult, stated: AwardBundle | None = None
) -> Proof:
    """Hold what was found of one scenario; the other is found as it is stated."""
    results = {each: result_of(bundle, each) for each in (CHEAPEST, CHOSEN)} | {place: found}
    searched: Mapping[UUID, Searched] = {
        bundle.scenarios[each].id: Searched(result=written(result))
        for each, result in results.items()
    }
    return proof_of(stated or bundle, searched)


def costing(result: ScenarioResult, more: Fraction) -> ScenarioResult:
    """A result whose award is told to cost more, or less, proven."""
    costs = result.answer.costs
    assert costs is not None
    ranked = costs.ranked + more
    return with_answer(result, costs=replace(costs, ranked=ranked), bound=ranked)


def test_same_award_at_the_same_cost_is_proven_again(bundle: AwardBundle) -> None:
    held = proof(bundle, place=CHOSEN, found=result_of(bundle, CHOSEN))

    assert (held.difference, held.unproven) == (None, ())
    assert held.proven[1] == (
        "scenario No vendor above 60 % of a lot: HiGHS searched again and proves that no award "
        "that keeps its rules costs less than 474.1392 USD; the same award comes out, won as "
        "stated."
    )


def test_cheaper_award_is_a_difference(bundle: AwardBundle) -> None:
    held = proof(bundle, place=CHEAPEST, found=costing(result_of(bundle, CHEAPEST), -CENT))

    assert held.difference == (
        "scenario Cheapest: stated that no award costs less than 462.6312 USD, "
        "found one for 462.6212 USD"
    )


@pytest.mark.parametrize(("below", "differs"), [("1/10000", True), ("1/20000", False)])
def test_cost_differs_from_the_finest_step_of_a_price_on(
    bundle: AwardBundle, below: str, *, differs: bool
) -> None:
    found = costing(result_of(bundle, CHEAPEST), -Fraction(below))

    assert (proof(bundle, place=CHEAPEST, found=found).difference is not None) is differs


def test_cheaper_award_within_the_stated_gap_is_no_difference(bundle: AwardBundle) -> None:
    first = result_of(bundle, CHEAPEST)
    assert first.answer.bound is not None
    open_ = with_answer(
        first, status=Status.BEST_FOUND, gap=Fraction(5), bound=first.answer.bound - 5
    )
    stated = stating(bundle, CHEAPEST, open_)

    held = proof(bundle, place=CHEAPEST, found=costing(first, Fraction(-4)), stated=stated)
    below = proof(bundle, place=CHEAPEST, found=costing(first, Fraction(-6)), stated=stated)

    assert held.difference is None
    (told,) = held.unproven
    assert told == (
        "scenario Cheapest: HiGHS searched again and did not prove it: gap 4 USD, and an award for "
        "458.6312 USD within the stated gap was found."
    )
    assert below.difference is not None
    assert "no award costs less than 457.6312 USD, found one for 456.6312 USD" in below.difference


def test_award_without_a_stated_gap_claims_nothing_that_could_be_wrong(
    bundle: AwardBundle,
) -> None:
    first = result_of(bundle, CHEAPEST)
    stated = stating(
        bundle, CHEAPEST, with_answer(first, status=Status.BEST_FOUND, gap=None, bound=None)
    )

    held = proof(bundle, place=CHEAPEST, found=costing(first, Fraction(-4)), stated=stated)

    assert held.difference is None
    assert "458.6312 USD" in held.unproven[0]


def test_search_that_does_not_end_proves_nothing_and_contradicts_nothing(
    bundle: AwardBundle,
) -> None:
    late = ScenarioResult(answer=Answer(status=Status.OUT_OF_TIME, engine=EngineName.HIGHS))
    found = result_of(bundle, CHEAPEST)
    assert found.answer.bound is not None
    short = with_answer(found, status=Status.BEST_FOUND, bound=found.answer.bound - 3)

    nothing = proof(bundle, place=CHEAPEST, found=late)
    little = proof(bundle, place=CHEAPEST, found=short)

    assert (nothing.difference, little.difference) == (None, None)
    assert nothing.unproven == (
        "scenario Cheapest: HiGHS searched again and came to no answer in its time.",
    )
    assert little.unproven == (
        "scenario Cheapest: HiGHS searched again and did not prove it: gap 3 USD.",
    )


def test_another_award_that_the_seed_draws_is_a_difference(bundle: AwardBundle) -> None:
    found = result_of(bundle, CHEAPEST)
    other = result_of(bundle, CHOSEN).answer.award

    drawn = proof(bundle, place=CHEAPEST, found=with_answer(found, award=other))
    unsettled = proof(
        bundle, place=CHEAPEST, found=with_answer(found, award=other, ties_settled=False)
    )

    assert drawn.difference is not None
    assert "scenario Cheapest: stated lot 3 to Dairy" in drawn.difference
    assert unsettled.difference is None
    assert unsettled.proven[0].endswith("which is taken was not settled by the seed.")


def test_rules_that_gave_way_otherwise_are_a_difference(bundle: AwardBundle) -> None:
    found = with_answer(result_of(bundle, CHOSEN), relaxed=("two",))

    held = proof(bundle, place=CHOSEN, found=found)

    assert held.difference is not None
    assert "rules that gave way" in held.difference


def test_what_a_rule_costs_is_held_and_named_where_it_is_not_found(bundle: AwardBundle) -> None:
    found = result_of(bundle, CHOSEN)
    (cost,) = found.rule_costs

    other = replace(found, rule_costs=(replace(cost, cost=Fraction(1)),))
    none = replace(found, rule_costs=(replace(cost, cost=None),), best=None)
    best = replace(found, best=Fraction(1))

    assert proof(bundle, place=CHOSEN, found=other).difference == (
        "scenario No vendor above 60 % of a lot: what the rule two costs: stated 11.508, computed 1"
    )
    assert "without any rule" in (proof(bundle, place=CHOSEN, found=best).difference or "")
    held = proof(bundle, place=CHOSEN, found=none)
    assert held.difference is None
    assert held.unproven == (
        "scenario No vendor above 60 % of a lot: what these rules cost: two.",
        "scenario No vendor above 60 % of a lot: what the cheapest award without any rule costs.",
    )


def test_stated_conflict_is_proven_again_or_contradicted(bundle: AwardBundle) -> None:
    none = ScenarioResult(answer=Answer(status=Status.INFEASIBLE, engine=EngineName.HIGHS))
    stated = stating(bundle, CHOSEN, none)

    again = proof(bundle, place=CHOSEN, found=none, stated=stated)
    award = proof(bundle, place=CHOSEN, found=result_of(bundle, CHOSEN), stated=stated)
    against = proof(bundle, place=CHOSEN, found=none)

    assert again.difference is None
    assert again.proven[1].endswith("no award keeps its rules, as stated.")
    assert "no award keeps its rules, and one does" in (award.difference or "")
    assert "finds no award that keeps its rules, and one is stated" in (against.difference or "")


def test_search_for_rules_that_give_way_may_run_out_of_time(bundle: AwardBundle) -> None:
    soft = Rule(id="soft", kind=RuleKind.BUDGET, amount=Fraction(1), priority=1)
    scenarios = list(bundle.scenarios)
    scenarios[CHOSEN] = replace(scenarios[CHOSEN], rules=(json.loads(written(soft)),))
    stated = stating(
        replace(bundle, scenarios=tuple(scenarios)),
        CHOSEN,
        with_answer(result_of(bundle, CHOSEN), relaxed=("soft",)),
    )
    late = ScenarioResult(answer=Answer(status=Status.INFEASIBLE, engine=EngineName.HIGHS))

    held = proof(bundle, place=CHOSEN, found=late, stated=stated)

    assert held.difference is None
    assert held.unproven[-1].endswith("came to no answer in its time.")


@pytest.mark.parametrize("told", ["", "{}", "[]", '{"answer": {"status": "sure"}}'])
def test_what_is_no_result_is_no_proof(bundle: AwardBundle, told: str) -> None:
    searched = {each.id: Searched(result=told) for each in bundle.scenarios}

    held = proof_of(bundle, searched)

    assert (held.proven, held.difference, len(held.unproven)) == ((), None, 2)
    assert "not proven here. No answer came." in held.unproven[0]


def test_question_holds_problem_rules_and_seed_and_nothing_else(bundle: AwardBundle) -> None:
    first, second = questions_of(bundle)

    assert (first.searches, second.searches) == (1, 4)
    task = read(Task, second.task)
    assert task.seed == bundle.scenarios[CHOSEN].seed
    assert len(task.rules) == 2


class TestCommand:
    def run(self, *words: str) -> Result:
        return CliRunner().invoke(cli, ("award", "verify", *words))

    def test_without_a_search_the_output_says_what_is_the_solvers_word(self) -> None:
        result = self.run(str(BUNDLE))

        assert result.exit_code == 0
        assert (
            "--  Not proven. scenario Cheapest: cost and rules checked exactly; optimality as "
            "stated by the solver: gap 0 USD, not proven here."
        ) in result.output

    def test_bundle_is_proven_by_the_solver_itself(self) -> None:
        result = self.run(str(BUNDLE), "--prove", "--json")

        assert result.exit_code == 0, result.output
        told = json.loads(result.stdout)
        assert (told["difference"], told["not_proven"]) == (None, [])
        proven = [line for line in told["found"] if "searched again" in line]
        assert len(proven) == 2
        assert all("the same award comes out" in line for line in proven)
        assert "searching again: Cheapest" in result.stderr

    def test_dearer_award_that_keeps_all_rules_is_found_by_the_solver_alone(
        self, bundle: AwardBundle, tmp_path: Path
    ) -> None:
        document = json.loads(TEXT)
        dear, cheap = (
            next(each for each in document["scenarios"] if ("chosen_at" in each) == is_chosen)
            for is_chosen in (True, False)
        )
        cheap["result"]["answer"] = dear["result"]["answer"]
        file = tmp_path / "award.json"
        file.write_text(canonical(document), encoding="utf-8")

        counted, searched = self.run(str(file)), self.run(str(file), "--prove")

        assert counted.exit_code == 0
        assert searched.exit_code == 1
        assert (
            "commonlot: differs at scenario Cheapest: stated that no award costs less than "
            "474.1392 USD, found one for 462.6312 USD"
        ) in searched.output

    def test_proof_that_was_asked_for_and_did_not_come_ends_with_status_4(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        complains = (sys.executable, "-c", "import sys; sys.exit('highspy is not installed here.')")
        monkeypatch.setattr("clients.award_bundle.COMMAND", complains)

        result = self.run(str(BUNDLE), "--prove")

        assert result.exit_code == 4
        assert "not proven here. highspy is not installed here." in result.output

    def test_bundle_that_differs_is_not_searched(self, tmp_path: Path) -> None:
        document = json.loads(TEXT)
        document["lots"][0]["awards"][0]["total"] = "1.00"
        file = tmp_path / "award.json"
        file.write_text(canonical(document), encoding="utf-8")

        result = self.run(str(file), "--prove")

        assert result.exit_code == 1
        assert "searching again" not in result.output


def test_search_that_never_ends_is_ended(
    bundle: AwardBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clients.searching.GRACE_S", 0)
    asked: list[str] = []
    sleeps = (sys.executable, "-c", "import time; time.sleep(60)")

    found = search_again(
        replace(bundle, scenarios=bundle.scenarios[:1]),
        seconds=1,
        say=asked.append,
        command=sleeps,
    )

    (searched,) = found.values()
    assert searched.failure == "The search did not end within 1 seconds."
    assert asked == [f"searching again: {bundle.scenarios[0].name}"]


def test_difference_that_stands_leaves_the_solver_alone() -> None:
    document = json.loads(TEXT)
    document["rfp"]["terms"]["bids_min"] = 4
    asked: list[str] = []

    checked = check(canonical(document), None, Proving(seconds=1, say=asked.append))

    assert checked.difference is not None
    assert (asked, checked.not_proven) == ([], ())
