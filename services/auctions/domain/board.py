"""Keep the standing prices of one auction: who stands where, and what would beat them.

Whatever is asked costs at most one pass over the vendors, however long the log is. Scores are
whole numbers (see `scores`), the lower the better; the earlier of equal scores leads.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from services.auctions.domain.refused import (
    OfferNotMultiple,
    OfferTied,
    OfferTooHigh,
    OfferTooLow,
    PriceTooFine,
)
from services.auctions.domain.ruleset import Rules, StepAgainst, StepMode, TieRanking, Ties
from services.auctions.domain.scores import Scale, scales_of
from services.auctions.domain.steps import step_below
from services.auctions.domain.terms import Terms
from shared.domain.money import PRICE_SCALE, Currency, UnitPrice

PRICE_E4_MAX: Final = 10**7 * PRICE_SCALE - 1
"""The highest price that can be written: below ten million."""


class Standing(NamedTuple):
    """A vendor's last price, the order in which it came, and its score."""

    alias: str
    price_e4: int
    order: int
    score: int

    def __repr__(self) -> str:
        """Write it without the score, which beside the price gives a handicap away."""
        return f"Standing({self.alias!r}, {self.price_e4}, {self.order})"

    def is_better_than(self, other: "Standing | None") -> bool:
        """Whether it ranks before another: by its score, then by who stood there earlier."""
        return other is None or (self.score, self.order) < (other.score, other.order)


NOBODY: Final = Standing("", 0, 0, 0)
"""Who leads where nobody does, or where nobody may know."""


class Bound(NamedTuple):
    """The highest price that may be offered, and the price and step that it comes from.

    A reference of 0 says that there is nothing to undercut yet; a highest of 0, that no price
    would do.
    """

    highest_e4: int
    reference_e4: int
    step_e4: int


@dataclass(slots=True)
class Board:
    """The standings of one auction, and what vendors stood at before.

    `past` holds prices and orders in turn, oldest first; in arrays, so that Python's cycle
    collector does not go through them again and again, however many offers there were.
    """

    rules: Rules
    currency: Currency
    scales: Mapping[str, Scale] = field(repr=False)
    standings: dict[str, Standing]
    leader: Standing | None = None
    past: dict[str, "array[int]"] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, terms: Terms, *, with_openings: bool) -> "Board":
        """Let the entrants stand at their opening prices, or nowhere; ties go by their order."""
        entrants = terms.entrants
        scales = scales_of([entrant.handicap for entrant in entrants])
        names = [entrant.alias for entrant in entrants]
        board = cls(terms.rules, terms.currency, dict(zip(names, scales, strict=True)), {})
        for index, entrant in enumerate(entrants):
            if with_openings and entrant.opening_e4 is not None:
                board.stand(entrant.alias, entrant.opening_e4, index - len(entrants))
        return board

    def copy(self) -> "Board":
        """Copy it, without the past, to try what an offer would lead to."""
        return Board(self.rules, self.currency, self.scales, dict(self.standings), self.leader)

    def without(self, alias: str, order: int) -> "Board":
        """Copy it as if a vendor had never offered what came as `order`."""
        trial = self.copy()
        if alias in self.past:
            trial.past[alias] = self.past[alias][:]
        trial.remove(alias, order)
        return trial

    # What changes ------------------------------------------------------------------------------

    def stand(self, alias: str, price_e4: int, order: int) -> None:
        """Let a vendor stand at a price."""
        before = self.standings.get(alias)
        if before is not None:
            self.past.setdefault(alias, array("q")).extend((before.price_e4, before.order))
        now = Standing(alias, price_e4, order, self.scales[alias].score(price_e4))
        self.standings[alias] = now
        leader = self.leader
        if leader is None or now.is_better_than(leader):
            self.leader = now
        elif leader is before:
            self._find_leader()

    def remove(self, alias: str, order: int) -> None:
        """Take out what a vendor offered as `order`, as if it had never been."""
        history = self._history(alias)
        self.standings.pop(alias, None)
        self.past.pop(alias, None)
        for price_e4, placed in history:
            if placed != order:
                self.stand(alias, price_e4, placed)
        self._find_leader()

    def has(self, alias: str, order: int) -> bool:
        """Whether what a vendor offered as `order` counts."""
        return any(placed == order for _, placed in self._history(alias))

    def _history(self, alias: str) -> list[tuple[int, int]]:
        """List the prices that a vendor stood at, each with its order, oldest first."""
        past, last = self.past.get(alias, array("q")), self.standings.get(alias)
        history = list(zip(past[::2], past[1::2], strict=True))
        return history if last is None else [*history, (last.price_e4, last.order)]

    def _find_leader(self) -> None:
        ranking = self.ranking()
        self.leader = ranking[0] if ranking else None

    # Ranks -------------------------------------------------------------------------------------

    def ranking(self) -> list[Standing]:
        """List all standings, best first: by score, then by who stood there earlier."""
        return sorted(self.standings.values(), key=lambda one: (one.score, one.order))

    def ranks(self) -> list[int]:
        """Tell the ranks that belong to `ranking`, where ties share one as the rules say."""
        scores = [one.score for one in self.ranking()]
        match self.rules.tie_ranking:
            case TieRanking.EARLIEST:
                return list(range(1, len(scores) + 1))
            case TieRanking.EQUAL_BEST:
                return [1 + scores.index(score) for score in scores]
            case TieRanking.EQUAL_WORST:
                return [len(scores) - scores[::-1].index(score) for score in scores]

    def rank_of(self, alias: str) -> int:
        """Tell an alias's rank, from 1."""
        own = self.standings[alias]
        others = self.standings.values()
        match self.rules.tie_ranking:
            case TieRanking.EARLIEST:
                return 1 + sum(one.is_better_than(own) for one in others)
            case TieRanking.EQUAL_BEST:
                return 1 + sum(one.score < own.score for one in others)
            case TieRanking.EQUAL_WORST:
                return sum(one.score <= own.score for one in others)

    def rank_with(self, alias: str, price_e4: int) -> int:
        """Tell the rank that an offer would have now: whoever stood there before goes first."""
        score = self.scales[alias].score(price_e4)
        if self.rules.tie_ranking is TieRanking.EQUAL_BEST:
            score -= 1
        rank = 1
        for one in self.standings.values():
            if one.score <= score and one.alias != alias:
                rank += 1
        return rank

    # What may be offered -----------------------------------------------------------------------

    def price_to_beat(self, alias: str) -> UnitPrice:
        """Tell the highest price at which the vendor could offer now; 0 where there is none."""
        return UnitPrice(self.bound(alias).highest_e4, self.currency)

    def check(self, alias: str, price_e4: int) -> None:
        """Refuse an offer that the rules on prices do not admit.

        Raises:
            PriceTooFine: More decimals than allowed.
            OfferTooHigh: Above the ceiling, or the step is not kept; `price_to_beat` would do.
            OfferTooLow: 0, or further down at once than `step_max_e4`; `lowest` would do.
            OfferNotMultiple: Not a whole number of steps down.
            OfferTied: Equal to another's, where the rules exclude it.
        """
        rules = self.rules
        self.check_form(price_e4)
        bound = self.bound(alias)
        if price_e4 > bound.highest_e4:
            self._refuse_high(bound.highest_e4)
        below_e4 = bound.reference_e4 - price_e4
        is_strict = rules.step_mode is StepMode.MULTIPLE and bound.step_e4 > 0
        if is_strict and below_e4 % bound.step_e4:
            sentence = f"An offer must be a whole number of steps below {self._text(bound[1])}."
            raise OfferNotMultiple(sentence, details={"price_to_beat": self._text(bound[0])})
        if rules.step_max_e4 is not None and below_e4 > rules.step_max_e4:
            lowest = self._text(bound.reference_e4 - rules.step_max_e4)
            sentence = f"An offer must be at least {lowest} now: mind the decimal point."
            raise OfferTooLow(sentence, details={"lowest": lowest})
        if self.is_tied(alias, price_e4):
            sentence = "Another vendor stands at this price; an offer must differ from it."
            raise OfferTied(sentence, details={"price_to_beat": self._text(bound[0])})

    def check_form(self, price_e4: int) -> None:
        """Refuse a price that could never be offered here.

        Raises:
            PriceTooFine: More decimals than allowed.
            OfferTooHigh: Above the ceiling.
            OfferTooLow: 0.
        """
        rules = self.rules
        if price_e4 % rules.tick_e4:
            sentence = f"A price in this auction has at most {rules.decimals} decimals."
            raise PriceTooFine(sentence)
        if price_e4 == 0:
            sentence = "An offer must be above 0."
            raise OfferTooLow(sentence)
        if rules.ceiling_e4 is not None and price_e4 > rules.ceiling_e4:
            self._refuse_high(rules.ceiling_e4)

    def bound(self, alias: str) -> Bound:
        """Tell the highest price that the vendor may offer now, and where it comes from."""
        rules, own = self.rules, self.standings.get(alias)
        ceiling_e4 = PRICE_E4_MAX if rules.ceiling_e4 is None else rules.ceiling_e4
        highest_e4, reference_e4, step_e4 = self._least(alias, own) or (ceiling_e4, 0, 0)
        if own is not None:
            # An offer never raises a vendor's own standing price, whatever the step is against.
            ceiling_e4 = min(ceiling_e4, own.price_e4 - 1)
        if highest_e4 > ceiling_e4:
            highest_e4 = _lowered(highest_e4, ceiling_e4, rules, step_e4)
        highest_e4 -= highest_e4 % rules.tick_e4
        if rules.ties is not Ties.ALLOWED:
            highest_e4 = self._untied(alias, highest_e4, step_e4)
        return Bound(max(highest_e4, 0), reference_e4, step_e4)

    def _least(self, alias: str, own: Standing | None) -> tuple[int, int, int] | None:
        """Tell the bound against each price that the step counts against; the lowest binds."""
        against, leader = self.rules.step_against, self.leader
        found = None
        if own is not None and (against is not StepAgainst.LEAD or own is leader):
            found = self._below(own.price_e4, own.price_e4 - 1)
        if against is not StepAgainst.OWN and leader is not None and own is not leader:
            scale = self.scales[alias]
            other = self._below(scale.price_at(leader.score), scale.price_at(leader.score - 1))
            found = other if found is None else min(found, other)
        return found

    def _below(self, reference_e4: int, next_e4: int) -> tuple[int, int, int]:
        """Tell the bound against a price; `next_e4` is the first price that is better at all."""
        rules = self.rules
        step_e4 = step_below(rules, reference_e4)
        if rules.step_mode is StepMode.FREE:
            return next_e4, reference_e4, step_e4
        if rules.step_mode is StepMode.MULTIPLE:
            reference_e4 -= reference_e4 % rules.tick_e4
        return min(reference_e4 - step_e4, next_e4), reference_e4, step_e4

    def is_tied(self, alias: str, price_e4: int) -> bool:
        """Whether an offer would tie where the rules exclude it."""
        rules = self.rules
        if rules.ties is Ties.ALLOWED:
            return False
        score = self.scales[alias].score(price_e4)
        others = [one.score for one in self.standings.values() if one.alias != alias]
        if score not in others:
            return False
        place = 1 + sum(one < score for one in others)
        return rules.ties is Ties.NONE or place <= rules.ties_first

    def _untied(self, alias: str, highest_e4: int, step_e4: int) -> int:
        """Go down from a price until it ties with nobody: at most once for each vendor."""
        is_gridded = self.rules.step_mode is StepMode.MULTIPLE and step_e4
        down_e4 = step_e4 if is_gridded else self.rules.tick_e4
        while highest_e4 > 0 and self.is_tied(alias, highest_e4):
            highest_e4 -= down_e4
        return highest_e4

    def _refuse_high(self, highest_e4: int) -> None:
        highest = self._text(highest_e4)
        sentence = f"An offer must be at most {highest} now."
        raise OfferTooHigh(sentence, details={"price_to_beat": highest})

    def _text(self, price_e4: int) -> str:
        return str(UnitPrice(price_e4, self.currency))


def _lowered(highest_e4: int, ceiling_e4: int, rules: Rules, step_e4: int) -> int:
    """Bring a price down to a ceiling, by whole steps where only those are allowed."""
    if rules.step_mode is StepMode.MULTIPLE and step_e4:
        return highest_e4 - -(-(highest_e4 - ceiling_e4) // step_e4) * step_e4
    return ceiling_e4
