"""Hold what a solver finds when it is asked again against what a bundle's scenarios state.

Cost and rules of an award are checked by counting; that none is cheaper is not, as it takes a
search. Who has the solver searches again, here it is said for what, and what it means. The seed
draws the same award again among those that cost the same, so that winners can be held too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final
from uuid import UUID

from services.bids.domain.replay.bundle import AwardBundle
from services.bids.domain.replay.differing import Differs, Naming, require, require_same
from services.bids.domain.replay.scenarios import scenario_of
from services.bids.domain.winners.award import Outcome
from services.bids.domain.winners.scenarios import Result, Scenario, read_result
from services.bids.domain.winners.serial import written
from services.bids.domain.winners.tasks import Answer, EngineName, Status
from services.bids.domain.winners.written import amount_text
from shared.domain.ids import PartyId

UNSOLVED: Final = (
    "{place}: cost and rules checked exactly; optimality as stated by the solver: gap {gap}, not "
    "proven here."
)
"""What is told of an award that no solver was asked about again."""

_ENGINES: Final = {EngineName.HIGHS: "HiGHS", EngineName.CP_SAT: "CP-SAT", None: "The solver"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A scenario to be searched again: its task as canonical JSON, and how many searches it is."""

    scenario_id: UUID
    name: str
    task: str
    searches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What came back: a result as canonical JSON, or why there is none."""

    result: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was proven again, in order; the first thing that differs; what was not proven."""

    proven: tuple[str, ...]
    difference: str | None
    unproven: tuple[str, ...]


def questions_of(bundle: AwardBundle) -> Iterator[Question]:
    """List the scenarios that have a result, to be searched again."""
    for scenario in _solved(bundle):
        # One for the award, and where there are rules one without any and one without each.
        rules = len(scenario.rules)
        yield Question(
            scenario_id=scenario.id,
            name=scenario.name,
            task=written(scenario.task),
            searches=2 + rules if rules else 1,
        )


def unsolved(bundle: AwardBundle) -> Iterator[str]:
    """Say of each scenario what is the solver's word, while nobody asked it again."""
    for scenario in _solved(bundle):
        yield _unsolved(bundle, scenario)


def proof_of(bundle: AwardBundle, found: Mapping[UUID, Searched]) -> Proof:
    """Hold what was found against what is stated, scenario by scenario."""
    proven: list[str] = []
    unproven: list[str] = []
    try:
        for scenario in _solved(bundle):
            searched = found.get(scenario.id, Searched())
            result = None if searched.result is None else _read(searched.result)
            if result is None:
                why = searched.failure or "No answer came."
                unproven.append(f"{_unsolved(bundle, scenario)} {why}")
                continue
            told = _Held(bundle, scenario, result)
            sentence = told.sentence()
            if told.is_proven:
                proven.append(sentence)
                unproven.extend(told.left())
            else:
                unproven.append(sentence)
    except Differs as wrong:
        return Proof(proven=tuple(proven), difference=str(wrong), unproven=tuple(unproven))
    return Proof(proven=tuple(proven), difference=None, unproven=tuple(unproven))


@dataclass(frozen=True, slots=True)
class _Held:
    """A scenario beside what was found of it."""

    bundle: AwardBundle
    scenario: Scenario
    found: Result

    @property
    def place(self) -> str:
        return f"scenario {self.scenario.name}"

    @property
    def stated(self) -> Result:
        assert self.scenario.result is not None, "only scenarios with a result are held"
        return self.scenario.result

    @property
    def has_ended(self) -> bool:
        """Whether the search came to an award, or to none that keeps the rules, in its time."""
        other = self.found.answer
        gives_way = any(rule.priority is not None for rule in self.scenario.rules)
        is_settled = other.conflict is not None or not gives_way
        return other.costs is not None or (other.status is Status.INFEASIBLE and is_settled)

    @property
    def is_proven(self) -> bool:
        """Whether the search proves what is stated: its bound lies at the stated cost."""
        one, other = self.stated.answer, self.found.answer
        if not self.has_ended:
            return False
        if one.costs is None:
            return one.status is other.status is Status.INFEASIBLE
        step = self.scenario.problem.money_step
        return other.bound is not None and one.costs.ranked - other.bound < step

    def sentence(self) -> str:
        """Say what was found.

        Raises:
            Differs: It contradicts what is stated.
        """
        one, other = self.stated.answer, self.found.answer
        engine = _ENGINES[other.engine]
        if not self.has_ended:
            return f"{self.place}: {engine} searched again and came to no answer in its time."
        if one.costs is None:
            return self._without_award(engine)
        if other.costs is not None:
            require_same(f"{self.place}: rules that gave way", one.relaxed, other.relaxed, _entry)
        self._require_none_cheaper()
        if not self.is_proven:
            return self._open(engine, one.costs.ranked)
        self._require_same_award()
        self._require_same_prices()
        cost = _sum(self.bundle, one.costs.ranked)
        return (
            f"{self.place}: {engine} searched again and proves that no award that keeps its rules "
            f"costs less than {cost}; {self._winners()}."
        )

    def left(self) -> Iterator[str]:
        """Say which further sums were not proven again."""
        known = {each.rule_id for each in self.found.rule_costs if each.cost is not None}
        stated = [each.rule_id for each in self.stated.rule_costs if each.cost is not None]
        missing = [rule_id for rule_id in stated if rule_id not in known]
        if missing:
            yield f"{self.place}: what these rules cost: {', '.join(missing)}."
        if self.stated.best is not None and self.found.best is None:
            yield f"{self.place}: what the cheapest award without any rule costs."

    def _without_award(self, engine: str) -> str:
        other = self.found.answer
        require(
            self.place,
            holds=self.stated.answer.status is not Status.INFEASIBLE or other.award is None,
            sentence="it is stated that no award keeps its rules, and one does",
        )
        if self.is_proven:
            return f"{self.place}: {engine} searched again: no award keeps its rules, as stated."
        return f"{self.place}: it has no award, and a search again proves nothing of it."

    def _open(self, engine: str, stated: Fraction) -> str:
        """Say how far a search came that did not prove the stated cost."""
        bound, costs = self.found.answer.bound, self.found.answer.costs
        less = "unknown" if bound is None else _sum(self.bundle, max(stated - bound, Fraction(0)))
        sentence = f"{self.place}: {engine} searched again and did not prove it: gap {less}"
        if costs is not None and costs.ranked < stated:
            found = _sum(self.bundle, costs.ranked)
            return f"{sentence}, and an award for {found} within the stated gap was found."
        return f"{sentence}."

    def _require_none_cheaper(self) -> None:
        """Refuse an award that is cheaper than stated awards may be by their own bound."""
        one, other = self.stated.answer, self.found.answer
        require(
            self.place,
            holds=other.status is not Status.INFEASIBLE,
            sentence="the solver finds no award that keeps its rules, and one is stated",
        )
        if one.costs is None or other.costs is None or one.gap is None:
            return
        bound = one.costs.ranked - one.gap
        is_cheaper = bound - other.costs.ranked >= self.scenario.problem.money_step
        stated, cheaper = _sum(self.bundle, bound), _sum(self.bundle, other.costs.ranked)
        sentence = f"stated that no award costs less than {stated}, found one for {cheaper}"
        require(self.place, holds=not is_cheaper, sentence=sentence)

    def _require_same_award(self) -> None:
        """Hold the award itself, where the seed settled both times which one it is."""
        one, other = self.stated.answer, self.found.answer
        if one.ties_settled and other.ties_settled and one.award != other.award:
            names = [self._winners_of(each) for each in (one, other)]
            sentence = f"stated {names[0]}; the seed draws {names[1]}, at the same cost"
            if names[0] == names[1]:
                sentence = "its seed draws another award of the same winners and cost"
            require(self.place, holds=False, sentence=sentence)

    def _require_same_prices(self) -> None:
        """Hold what the cheapest award without rules costs, and what each rule does."""
        if self.stated.best is not None and self.found.best is not None:
            what = f"{self.place}: the cheapest without any rule"
            require_same(what, self.stated.best, self.found.best, _entry)
        found = {each.rule_id: each.cost for each in self.found.rule_costs}
        for each in self.stated.rule_costs:
            cost = found.get(each.rule_id)
            if each.cost is not None and cost is not None:
                what = f"{self.place}: what the rule {each.rule_id} costs"
                require_same(what, each.cost, cost, _entry)

    def _winners(self) -> str:
        one, other = self.stated.answer, self.found.answer
        if one.award == other.award:
            return "the same award comes out, won as stated"
        return "another award costs the same, and which is taken was not settled by the seed"

    def _winners_of(self, answer: Answer) -> str:
        assert answer.award is not None, "an answer with costs has an award"
        outcome = Outcome(self.scenario.problem, answer.award)
        naming = Naming(self.bundle)
        return "; ".join(
            f"lot {lot.number} to "
            + (", ".join(sorted(_named(naming, outcome.winners_of(str(lot.id))))) or "nobody")
            for lot in self.bundle.lots
            if str(lot.id) in outcome.lots
        )


def _solved(bundle: AwardBundle) -> Iterator[Scenario]:
    for told in bundle.scenarios:
        if told.result is not None:
            yield scenario_of(bundle, told)


def _read(text: str) -> Result | None:
    """Read what a search told; None where it is no result."""
    try:
        return read_result(text)
    except (LookupError, TypeError, ValueError, ArithmeticError):
        return None


def _unsolved(bundle: AwardBundle, scenario: Scenario) -> str:
    place = f"scenario {scenario.name}"
    assert scenario.result is not None, "it is solved"
    answer = scenario.result.answer
    if answer.costs is not None:
        return UNSOLVED.format(place=place, gap=_gap(bundle, answer))
    if answer.status is Status.INFEASIBLE:
        return (
            f"{place}: that no award keeps its rules is as stated by the solver, not proven here."
        )
    return f"{place}: the solver found no award in its time."


def _gap(bundle: AwardBundle, answer: Answer) -> str:
    return "unknown" if answer.gap is None else _sum(bundle, answer.gap)


def _sum(bundle: AwardBundle, amount: Fraction) -> str:
    return f"{amount_text(amount)} {bundle.rfp.currency}"


def _named(naming: Naming, vendor_ids: frozenset[str]) -> Iterator[str]:
    return (naming.party(PartyId(UUID(vendor_id))) for vendor_id in vendor_ids)


def _entry(_entry: object, index: int) -> str:
    return f"entry {index}"
