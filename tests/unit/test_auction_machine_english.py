"""An open auction, driven at random beside an oracle that scans the whole history each time."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil, floor

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.auctions.domain import facts
from services.auctions.domain.auction import Status, fold
from services.auctions.domain.commands import (
    ExtendAuction,
    PauseAuction,
    PlaceOffer,
    ResumeAuction,
    VoidOffer,
)
from services.auctions.domain.picture import picture_of
from services.auctions.domain.rules import Rules, StepAgainst
from services.auctions.domain.ruleset import Band, CloseBase, StepMode, TieRanking, Ties
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
    RULES,
    SALT,
    USD,
    Room,
    room,
)

VENDORS = (ANN, BOB, CAT)
ALIASES = ("Bidder 1", "Bidder 2", "Bidder 3")
OPENINGS = (1000, 1100, 1200)

SECONDS = st.integers(0, 400).map(lambda count: timedelta(seconds=count))
ANY_RULES = st.builds(
    replace,
    st.just(RULES),
    step_e4=st.integers(1, 60),
    step_percent=st.none() | st.fractions(1, 20, max_denominator=4),
    bands=st.just(()) | st.just((Band(900, 40), Band(500, 15))),
    step_mode=st.sampled_from([StepMode.MINIMUM, StepMode.MINIMUM, StepMode.FREE]),
    step_max_e4=st.sampled_from([None, None, None, 150]),
    step_against=st.sampled_from(list(StepAgainst)),
    ties=st.sampled_from([Ties.ALLOWED, Ties.ALLOWED, *Ties]),
    ties_first=st.integers(1, 2),
    tie_ranking=st.sampled_from(list(TieRanking)),
    soft_close_window=SECONDS,
    soft_close_extension=SECONDS,
    soft_close_base=st.sampled_from(list(CloseBase)),
    soft_close_rank=st.none() | st.integers(1, 3),
    extensions_max=st.integers(0, 3),
    hard_stop=st.none() | SECONDS,
    ceiling_e4=st.none() | st.integers(800, 1300),
)
ANY_HANDICAP = st.builds(Handicap, st.fractions("1/2", 2, max_denominator=6), st.just(Fraction(0)))
ANY_HANDICAPS = st.just((None, None, None)) | st.tuples(*[st.none() | ANY_HANDICAP] * 3)


@dataclass
class Said:
    """One offer of the history."""

    sequence: int
    who: int
    price: int
    is_void: bool = False


class Oracle:
    """The rules said once more, naively: all offers ever made, scanned for each question."""

    def __init__(self, rules: Rules, handicaps: tuple[Handicap | None, ...]) -> None:
        self.rules, self.handicaps = rules, [one or Handicap() for one in handicaps]
        self.history = [Said(who - 3, who, price) for who, price in enumerate(OPENINGS)]
        self.closes_at, self.extensions = CLOSES, 0
        self.hard_stop = None if rules.hard_stop is None else CLOSES + rules.hard_stop
        self.paused_at: datetime | None = None

    def standings(self) -> list[Said]:
        """Everyone's last offer that counts, best first."""
        last = {said.who: said for said in self.history if not said.is_void}
        return sorted(last.values(), key=lambda said: (self.score(said), said.sequence))

    def score(self, said: Said) -> Fraction:
        return self.handicaps[said.who].score_of(Fraction(said.price))

    def own(self, who: int) -> Said:
        return next(said for said in self.standings() if said.who == who)

    def step(self, reference: int) -> int:
        rules = self.rules
        for band in rules.bands:
            if reference > band.above_e4:
                return band.step_e4
        if rules.bands or rules.step_percent is None:
            return rules.step_e4
        return ceil(reference * rules.step_percent / 100)

    def references(self, who: int) -> list[int]:
        lead, handicap = self.standings()[0], self.handicaps[who]
        translated = floor((self.score(lead) - handicap.offset) / handicap.slope)
        own = self.own(who).price
        against = {"own": [own], "lead": [translated], "both": [own, translated]}
        return against[self.rules.step_against]

    def admits(self, who: int, price: int) -> bool:
        rules, said = self.rules, Said(0, who, price)
        if not 0 < price < self.own(who).price or price > (rules.ceiling_e4 or 10**9):
            return False
        references = self.references(who)
        if rules.step_mode is StepMode.FREE:
            lead = self.standings()[0]
            beats_lead = self.score(said) < self.score(lead)
            keeps_step = rules.step_against is StepAgainst.OWN or beats_lead
        else:
            keeps_step = all(price <= one - self.step(one) for one in references)
        return keeps_step and not self.slips(references, price) and not self.ties(said)

    def slips(self, references: list[int], price: int) -> bool:
        most, free = self.rules.step_max_e4, self.rules.step_mode is StepMode.FREE
        binding = min(references, key=lambda one: (one if free else one - self.step(one), one))
        return most is not None and binding - price > most

    def ties(self, said: Said) -> bool:
        others = [self.score(one) for one in self.standings() if one.who != said.who]
        score = self.score(said)
        place = 1 + sum(one < score for one in others)
        among = self.rules.ties is Ties.NONE or place <= self.rules.ties_first
        return self.rules.ties is not Ties.ALLOWED and score in others and among

    def rank(self, who: int) -> int:
        scores, own = [self.score(said) for said in self.standings()], self.score(self.own(who))
        match self.rules.tie_ranking:
            case TieRanking.EARLIEST:
                return 1 + [said.who for said in self.standings()].index(who)
            case TieRanking.EQUAL_BEST:
                return 1 + sum(score < own for score in scores)
            case TieRanking.EQUAL_WORST:
                return sum(score <= own for score in scores)

    def offer(self, who: int, price: int, at: datetime, sequence: int) -> bool:
        if self.paused_at or not OPENS <= at < self.closes_at or not self.admits(who, price):
            return False
        self.history.append(Said(sequence, who, price))
        rules, rank = self.rules, self.rank(who)
        is_late = self.closes_at - at <= rules.soft_close_window
        may_move = self.extensions < rules.extensions_max and bool(rules.soft_close_extension)
        if is_late and may_move and rank <= (rules.soft_close_rank or 99):
            base = at if rules.soft_close_base is CloseBase.RECEIPT else self.closes_at
            stop = self.hard_stop or base + timedelta(days=9)
            moved = min(base + rules.soft_close_extension, stop)
            if moved > self.closes_at:
                self.closes_at = moved
                self.extensions += 1
        return True


class EnglishMachine(RuleBasedStateMachine):
    """Offers near what would do, voids, pauses and extensions, at any distance in time."""

    live: Room
    oracle: Oracle
    now: datetime

    @initialize(rules=ANY_RULES, handicaps=ANY_HANDICAPS)
    def begin(self, rules: Rules, handicaps: tuple[Handicap | None, ...]) -> None:
        openings = [str(UnitPrice(price, USD)) for price in OPENINGS]
        self.live = room(rules, openings, handicaps=handicaps)
        self.oracle = Oracle(rules, handicaps)
        self.now = OPENS

    @property
    def is_running(self) -> bool:
        return self.live.state.status in {Status.LIVE, Status.PAUSED}

    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.live.wait(self.now)

    @rule(
        who=st.integers(0, 2),
        near=st.sampled_from([0, 0, 0, 0, -1, -7, -40, 1]),
        wait=st.integers(0, 40),
    )
    def offer(self, who: int, near: int, wait: int) -> None:
        if self.live.state.status is Status.PAUSED and near == 0:
            self.resume(wait)
        self.pass_time(wait)
        self.place(who, max(self.live.state.price_to_beat(ALIASES[who]).e4 + near, 0))

    @rule(who=st.integers(0, 2), other=st.integers(0, 2))
    def tie(self, who: int, other: int) -> None:
        """Offer what comes nearest to another's score."""
        handicap, score = self.oracle.handicaps[who], self.oracle.score(self.oracle.own(other))
        self.place(who, floor((score - handicap.offset) / handicap.slope))

    def place(self, who: int, price: int) -> None:
        sequence = len(self.live.log) + 2
        is_taken = self.oracle.offer(who, price, self.now, sequence)
        command = PlaceOffer(party_id=VENDORS[who], price=UnitPrice(price, USD), salt=SALT)
        try:
            told = self.live.do(command, self.now)
        except Refusal:
            assert not is_taken
            return
        assert is_taken
        (offer, *_) = told
        assert isinstance(offer, facts.OfferPlaced)
        lead = self.oracle.standings()[0].price
        assert (offer.rank, offer.lead) == (self.oracle.rank(who), str(UnitPrice(lead, USD)))
        assert offer.closes_at == self.oracle.closes_at

    @precondition(lambda self: self.is_running and len(self.oracle.history) > 3)
    @rule(pick=st.integers(0, 10**6))
    def void(self, pick: int) -> None:
        said = self.oracle.history[3 + pick % (len(self.oracle.history) - 3)]
        try:
            self.live.do(VoidOffer(party_id=BUYER, offer=said.sequence, reason="x"), self.now)
        except Refusal:
            assert said.is_void
        else:
            assert not said.is_void
            said.is_void = True

    @precondition(
        lambda self: self.live.state.status is Status.LIVE and len(self.live.log) % 5 == 0
    )
    @rule()
    def pause(self) -> None:
        self.live.do(PauseAuction(party_id=BUYER, reason="x"), self.now)
        self.oracle.paused_at = self.now

    @precondition(lambda self: self.live.state.status is Status.PAUSED)
    @rule(wait=st.integers(0, 1000))
    def resume(self, wait: int) -> None:
        self.pass_time(wait)
        self.live.do(ResumeAuction(party_id=BUYER, reason="x"), self.now)
        assert self.oracle.paused_at is not None
        paused_for, self.oracle.paused_at = self.now - self.oracle.paused_at, None
        self.oracle.closes_at += paused_for
        if self.oracle.hard_stop is not None:
            self.oracle.hard_stop += paused_for

    @precondition(lambda self: self.live.state.status is Status.LIVE)
    @rule(by=st.integers(1, 100))
    def extend(self, by: int) -> None:
        closes_at = self.oracle.closes_at + timedelta(seconds=by)
        may = self.oracle.hard_stop is None or closes_at <= self.oracle.hard_stop
        try:
            self.live.do(ExtendAuction(party_id=BUYER, closes_at=closes_at, reason="x"), self.now)
        except Refusal:
            assert not may
        else:
            assert may
            self.oracle.closes_at = closes_at

    @invariant()
    def stands_as_the_oracle_says(self) -> None:
        if not hasattr(self, "live"):
            return
        state, ranked = self.live.state, self.oracle.standings()
        assert [(one.alias, one.price_e4) for one in state.ranking()] == [
            (ALIASES[said.who], said.price) for said in ranked
        ]
        assert state.board.ranks() == [self.oracle.rank(said.who) for said in ranked]
        assert state.board.leader == state.ranking()[0]
        assert state.closes_at == self.oracle.closes_at
        is_open = self.oracle.paused_at or self.now < self.oracle.closes_at
        assert state.status.is_over is not bool(is_open)

    @invariant()
    def price_to_beat_would_do_and_one_more_would_not(self) -> None:
        if not hasattr(self, "live"):
            return
        for who, alias in enumerate(ALIASES):
            to_beat = self.live.state.price_to_beat(alias).e4
            assert not self.oracle.admits(who, to_beat + 1)
            if to_beat and self.oracle.rules.step_max_e4 is None:
                assert self.oracle.admits(who, to_beat)

    def teardown(self) -> None:
        """Fold the log anew: the same state comes out."""
        if hasattr(self, "live"):
            folded = fold(self.live.state.terms, [(1, *_NOTHING), *self.live.log])
            assert picture_of(folded) == picture_of(self.live.state)


_NOTHING = (facts.OfferWithdrawn(alias="nobody"), OPENS, None)
"""The first entry changes nothing in the state; here any such fact stands for it."""

TestEnglish = EnglishMachine.TestCase
TestEnglish.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
