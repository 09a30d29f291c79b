"""Tickers, sealed second prices and rounds, driven at random beside naive oracles."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from math import floor

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.auctions.domain.auction import fold
from services.auctions.domain.commands import (
    AcceptLevel,
    Command,
    LeaveAuction,
    PlaceOffer,
    VoidOffer,
    WithdrawOffer,
)
from services.auctions.domain.picture import picture_of
from services.auctions.domain.ruleset import FormatName, OneBidder, Rules, TickerPrice
from services.auctions.domain.scores import Handicap
from shared.domain.money import UnitPrice
from shared.domain.refusals import Refusal
from tests.unit.auction_room import (
    ANN,
    BOB,
    BUYER,
    CAT,
    CLOSES,
    OPENS,
    SALT,
    USD,
    VICKREY,
    Room,
    minutes,
    room,
    ticker,
    turns,
)

VENDORS = (ANN, BOB, CAT)
WHO = st.integers(0, 2)
Result = list[tuple[int, int]]
"""Who ended at which price, best first."""


def text(price: int) -> str:
    return str(UnitPrice(price, USD))


class Machine(RuleBasedStateMachine):
    """A room, a clock, and what every format has to keep."""

    live: Room
    now: datetime

    def start(self, live: Room) -> None:
        self.live, self.now = live, OPENS

    def tries(self, command: Command) -> bool:
        """Whether the auction took a command."""
        try:
            self.live.do(command, self.now)
        except Refusal:
            return False
        return True

    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.live.wait(self.now)

    def standings(self) -> Result:
        return [(int(one.alias[-1]) - 1, one.price_e4) for one in self.live.state.ranking()]

    def winner(self) -> tuple[int, int] | None:
        closed = self.live.state.closed
        if closed is None or closed.winner is None or closed.price is None:
            return None
        return int(closed.winner[-1]) - 1, UnitPrice.parse(closed.price, USD).e4

    def teardown(self) -> None:
        """Fold the log anew: the same state comes out."""
        if hasattr(self, "live"):
            folded = fold(self.live.state.terms, self.live.log)
            assert picture_of(folded) == picture_of(self.live.state)


# Japanese --------------------------------------------------------------------------------------


class JapaneseMachine(Machine):
    """Levels fall from 10 by 1 each minute; the oracle walks through them from the first."""

    @initialize(pays=st.sampled_from(list(TickerPrice)))
    def begin(self, pays: TickerPrice) -> None:
        rules = ticker(FormatName.JAPANESE, "10", "1", price=pays)
        rules = replace(rules, one_bidder=OneBidder.REASONABLENESS)
        self.start(room(rules, closes_at=OPENS + minutes(7.5)))
        self.pays = pays
        self.accepted: list[tuple[int, int]] = []
        self.left: list[tuple[int, int]] = []

    def level(self) -> int:
        return (self.now - OPENS) // minutes(1)

    def active(self, level: int) -> set[int]:
        """Who accepted every level before."""
        return {who for who in range(3) if all((who, one) in self.accepted for one in range(level))}

    def is_over(self) -> bool:
        stopped = any(len(self.active(level)) <= 1 for level in range(1, self.level() + 1))
        return stopped or self.now >= OPENS + minutes(7.5)

    @rule(
        who=WHO,
        wait=st.sampled_from([0, 0, 5, 20, 59, 60]),
        off=st.sampled_from([0, 0, 0, 0, 1, -1]),
    )
    def accept(self, who: int, wait: int, off: int) -> None:
        self.pass_time(wait)
        level = self.level()
        price = (10 - level + off) * 10_000
        may = (
            not self.is_over()
            and off == 0
            and who in self.active(level)
            and who not in [one for one, _ in self.left]
            and (who, level) not in self.accepted
        )
        command = AcceptLevel(party_id=VENDORS[who], price=UnitPrice(max(price, 0), USD))
        assert self.tries(command) is may
        if may:
            self.accepted.append((who, level))

    @rule(wait=st.sampled_from([0, 1, 60]))
    def all_accept(self, wait: int) -> None:
        for who in range(3):
            self.accept(who, wait if who == 0 else 0, 0)

    @rule(who=WHO)
    def leave(self, who: int) -> None:
        level = self.level()
        may = (
            not self.is_over()
            and who in self.active(level)
            and who not in [one for one, _ in self.left]
            and (who, level) not in self.accepted
        )
        assert self.tries(LeaveAuction(party_id=VENDORS[who])) is may
        if may:
            self.left.append((who, level))

    @invariant()
    def ranks_by_the_last_level_accepted(self) -> None:
        if not hasattr(self, "live"):
            return
        last = {who: (-level, place, level) for place, (who, level) in enumerate(self.accepted)}
        ranked = sorted(last, key=lambda who: last[who])
        assert self.standings() == [(who, (10 - last[who][2]) * 10_000) for who in ranked]
        assert self.live.state.status.is_over == self.is_over()
        if self.is_over() and ranked:
            paid = ranked[1] if self.pays is TickerPrice.RUNNER_UP and ranked[1:] else ranked[0]
            assert self.winner() == (ranked[0], (10 - last[paid][2]) * 10_000)


# Dutch -----------------------------------------------------------------------------------------


class DutchMachine(Machine):
    """The price rises from 50 by 10 each minute to 100; the first who accepts wins."""

    @initialize()
    def begin(self) -> None:
        rules = replace(ticker(FormatName.DUTCH, "50", "10"), ceiling_e4=1_000_000)
        self.start(room(rules, closes_at=OPENS + minutes(60)))
        self.won: tuple[int, int] | None = None

    @rule(who=WHO, wait=st.integers(0, 90), off=st.sampled_from([0, 1, -1, 1, -1]))
    def accept(self, who: int, wait: int, off: int) -> None:
        self.pass_time(wait)
        level = (self.now - OPENS) // minutes(1)
        price = (50 + 10 * (level + off)) * 10_000
        may = self.won is None and off == 0 and level <= 5
        assert self.tries(AcceptLevel(party_id=VENDORS[who], price=UnitPrice(price, USD))) is may
        if may:
            self.won = (who, price)

    @invariant()
    def has_the_winner_of_the_oracle(self) -> None:
        if hasattr(self, "live"):
            assert self.winner() == self.won
            is_past = self.now >= OPENS + minutes(6)
            assert self.live.state.status.is_over is (is_past or self.won is not None)


# Vickrey ---------------------------------------------------------------------------------------


class VickreyMachine(Machine):
    """Sealed offers, replaced and voided; the oracle opens the whole history at the end."""

    @initialize(
        ceiling=st.none() | st.integers(50, 300),
        factors=st.tuples(*[st.sampled_from([Fraction(1), Fraction(3, 2), Fraction(2, 3)])] * 3),
    )
    def begin(self, ceiling: int | None, factors: tuple[Fraction, ...]) -> None:
        rules = replace(VICKREY, ceiling_e4=ceiling, one_bidder=OneBidder.REASONABLENESS)
        handicaps = [Handicap(factor) for factor in factors]
        self.start(room(rules, handicaps=handicaps))
        self.ceiling, self.factors = ceiling, factors
        self.history: list[tuple[int, int, int]] = []
        self.voided: set[int] = set()

    @rule(who=WHO, price=st.integers(0, 320), wait=st.integers(0, 60))
    def offer(self, who: int, price: int, wait: int) -> None:
        self.pass_time(wait)
        sequence = len(self.live.log) + 2
        may = self.now < CLOSES and 0 < price <= (self.ceiling or 10**9)
        command = PlaceOffer(party_id=VENDORS[who], price=UnitPrice(price, USD), salt=SALT)
        assert self.tries(command) is may
        if may:
            self.history.append((who, price, sequence))

    @rule(pick=st.integers(0, 10**6))
    def void(self, pick: int) -> None:
        if self.history:
            who, _, sequence = self.history[pick % len(self.history)]
            newest = [one for one in self.history if one[0] == who][-1]
            may = self.now < CLOSES and newest[2] == sequence and sequence not in self.voided
            command = VoidOffer(party_id=BUYER, offer=sequence, reason="x")
            assert self.tries(command) is may
            if may:
                self.voided.add(sequence)

    @invariant()
    def opens_as_the_oracle_says(self) -> None:
        if not hasattr(self, "live"):
            return
        if self.now < CLOSES:
            assert self.standings() == []
            return
        last = {who: (who, price, sequence) for who, price, sequence in self.history}
        counted = [one for one in last.values() if one[2] not in self.voided]
        ranked = sorted(counted, key=lambda one: (one[1] * self.factors[one[0]], one[2]))
        assert self.standings() == [(who, price) for who, price, _ in ranked]
        if not ranked:
            assert self.winner() is None
            return
        best = ranked[0]
        paid = self.ceiling or best[1]
        if len(ranked) > 1:
            second = ranked[1][1] * self.factors[ranked[1][0]]
            paid = min(floor(second / self.factors[best[0]]), self.ceiling or 10**9)
        assert self.winner() == (best[0], paid)


# Rounds ----------------------------------------------------------------------------------------


@dataclass
class Turn:
    """Whose turn it is, and when it began."""

    who: int
    began: datetime


class RoundsMachine(Machine):
    """Two rounds of one-minute turns, a minute between; the oracle lays them out by the clock."""

    @initialize(openings=st.tuples(*[st.integers(800, 1000)] * 3))
    def begin(self, openings: tuple[int, int, int]) -> None:
        self.rules_: Rules = replace(turns(2), step_e4=20)
        self.start(room(self.rules_, [text(price) for price in openings]))
        self.history: list[tuple[int, int, int, datetime]] = [
            (who, price, who - 3, OPENS - minutes(1)) for who, price in enumerate(openings)
        ]

    def revealed(self, at: datetime) -> dict[int, tuple[int, int]]:
        """Everyone's last price of a turn that ended by `at`, with its sequence."""
        last = {}
        for who, price, sequence, said_at in self.history:
            turn_began = OPENS + (said_at - OPENS) // minutes(1) * minutes(1)
            if turn_began + minutes(1) <= at:
                last[who] = (price, sequence)
        return last

    def ranked(self, at: datetime) -> list[int]:
        last = self.revealed(at)
        return sorted(last, key=lambda who: last[who])

    def turn(self) -> Turn | None:
        """Minutes 0, 1, 2 are the first round, 3 is the pause, 4, 5, 6 the second."""
        minute = (self.now - OPENS) // minutes(1)
        if minute == 3 or minute > 6:
            return None
        round_began = OPENS if minute < 3 else OPENS + minutes(4)
        worst_first = self.ranked(round_began)[::-1]
        place = minute if minute < 3 else minute - 4
        return Turn(worst_first[place], OPENS + minute * minutes(1))

    @rule(who=WHO | st.just(-1), price=st.integers(700, 1000), wait=st.integers(0, 45))
    def offer(self, who: int, price: int, wait: int) -> None:
        self.pass_time(wait)
        turn = self.turn()
        if who < 0:
            who = turn.who if turn else 0
        own = self.revealed(self.now)[who][0]
        may = turn is not None and turn.who == who and price <= own - 20
        sequence = len(self.live.log) + 2
        command = PlaceOffer(party_id=VENDORS[who], price=UnitPrice(price, USD), salt=SALT)
        assert self.tries(command) is may
        if may:
            self.history.append((who, price, sequence, self.now))

    @rule(who=WHO)
    def withdraw(self, who: int) -> None:
        turn = self.turn()
        of_turn = [one for one in self.history if turn and one[3] >= turn.began]
        may = turn is not None and turn.who == who and bool(of_turn)
        assert self.tries(WithdrawOffer(party_id=VENDORS[who])) is may
        if may:
            self.history = [one for one in self.history if one not in of_turn]

    @invariant()
    def stands_as_the_oracle_says(self) -> None:
        if not hasattr(self, "live"):
            return
        last = self.revealed(self.now)
        assert self.standings() == [(who, last[who][0]) for who in self.ranked(self.now)]
        assert self.live.state.status.is_over is (self.now >= OPENS + minutes(7))
        if self.live.state.status.is_over:
            best = self.ranked(self.now)[0]
            assert self.winner() == (best, last[best][0])


BRIEF = settings(max_examples=50, stateful_step_count=40, deadline=None)
TestJapanese = JapaneseMachine.TestCase
TestJapanese.settings = BRIEF
TestDutch = DutchMachine.TestCase
TestDutch.settings = BRIEF
TestVickrey = VickreyMachine.TestCase
TestVickrey.settings = BRIEF
TestRounds = RoundsMachine.TestCase
TestRounds.settings = BRIEF
