"""One English reverse auction, rule by rule, and against a naive oracle."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.auctions.domain import facts
from services.auctions.domain.auction import (
    Auction,
    AuctionNotOpen,
    AuctionOver,
    CurrencyWrong,
    Entrant,
    OfferTooHigh,
    Status,
    Terms,
    VendorNotAdmitted,
    cancel,
    due,
    place,
)
from services.auctions.domain.commands import Step
from services.auctions.domain.picture import audience_of, picture_of, seen_by
from services.auctions.domain.rules import Rules, ShowLead, ShowRank, StepAgainst
from shared.domain.facts import Fact
from shared.domain.ids import AuctionId, LotId, PartyId, RfpId
from shared.domain.money import Currency, UnitPrice
from shared.domain.refusals import Refusal

USD: Final = Currency("USD")
OPENS: Final = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
CLOSES: Final = OPENS + timedelta(minutes=10)
ANN, BOB, CAT, BUYER, STRANGER = (PartyId(UUID(int=number)) for number in range(1, 6))
RULES: Final = Rules(
    step_e4=500,
    step_against=StepAgainst.OWN,
    soft_close_window=timedelta(seconds=30),
    soft_close_extension=timedelta(seconds=60),
    extensions_max=2,
    show_rank=ShowRank.OWN,
    show_lead=ShowLead.ALWAYS,
)


def usd(text: str) -> UnitPrice:
    return UnitPrice.parse(text, USD)


def auction(rules: Rules = RULES, *prices: str) -> Auction:
    """A live auction: Ann, Bob and Cat stand at 10.00, 11.00 and 12.00 unless said otherwise."""
    opening = prices or ("10", "11", "12")
    entrants = tuple(
        Entrant(vendor, f"Bidder {index + 1}", usd(price).e4)
        for index, (vendor, price) in enumerate(zip((ANN, BOB, CAT), opening, strict=True))
    )
    terms = Terms(
        id=AuctionId(UUID(int=100)),
        lot_id=LotId(UUID(int=101)),
        rfp_id=RfpId(UUID(int=102)),
        buyer_id=BUYER,
        title="Milk",
        unit="half pint",
        quantity=Decimal(1000),
        currency=USD,
        opens_at=OPENS,
        closes_at=CLOSES,
        rules=rules,
        entrants=entrants,
    )
    state = Auction(terms)
    state.apply(facts.Opened(), sequence=2, at=OPENS)
    return state


def take(state: Auction, vendor: PartyId, price: str, at: datetime = OPENS) -> tuple[Fact, ...]:
    """Place an offer and fold what follows."""
    return fold_in(state, place(state, vendor, usd(price), at=at), at)


def fold_in(state: Auction, steps: tuple[Step, ...], at: datetime) -> tuple[Fact, ...]:
    """Fold what was decided; return the facts."""
    for step in steps:
        state.apply(step.fact, sequence=state.sequence + 1, at=at)
    return tuple(step.fact for step in steps)


def aliases(state: Auction) -> list[str]:
    return [standing.alias for standing in state.ranking()]


def test_an_offer_that_keeps_the_step_stands_and_one_above_it_does_not() -> None:
    state = auction()

    take(state, CAT, "11.95")

    with pytest.raises(OfferTooHigh):
        take(state, CAT, "11.9001")
    assert state.standings["Bidder 3"].price_e4 == 119_500


@pytest.mark.parametrize(
    ("against", "to_beat"),
    [(StepAgainst.OWN, "11.95"), (StepAgainst.LEAD, "9.95"), (StepAgainst.BOTH, "9.95")],
)
def test_the_step_counts_against_what_the_rules_name(against: StepAgainst, to_beat: str) -> None:
    state = auction(replace(RULES, step_against=against))

    assert str(state.price_to_beat("Bidder 3")) == to_beat
    with pytest.raises(OfferTooHigh):
        place(state, CAT, UnitPrice(usd(to_beat).e4 + 1, USD), at=OPENS)
    assert place(state, CAT, usd(to_beat), at=OPENS)


def test_equal_prices_rank_by_who_stood_there_first() -> None:
    state = auction()

    offer = take(state, BOB, "10.00")[0]

    assert aliases(state) == ["Bidder 1", "Bidder 2", "Bidder 3"]
    assert isinstance(offer, facts.OfferPlaced)
    assert offer.rank == 2


def test_equal_opening_prices_rank_by_the_order_of_the_entrants() -> None:
    assert aliases(auction(RULES, "10", "10", "10")) == ["Bidder 1", "Bidder 2", "Bidder 3"]


def test_an_auction_takes_offers_from_its_opening_to_just_before_its_close() -> None:
    state = auction(replace(RULES, extensions_max=0))
    instant = timedelta(microseconds=1)

    with pytest.raises(AuctionNotOpen):
        take(state, ANN, "9", OPENS - instant)
    take(state, ANN, "9", OPENS)
    take(state, ANN, "8", CLOSES - instant)
    with pytest.raises(AuctionOver):
        take(state, ANN, "7", CLOSES)


def test_a_late_offer_moves_the_close_by_the_extension_and_one_before_the_window_does_not() -> None:
    state = auction()
    window_begins = CLOSES - timedelta(seconds=30)

    early = take(state, ANN, "9", window_begins - timedelta(microseconds=1))
    late = take(state, ANN, "8", window_begins)

    assert len(early) == 1
    assert late[1] == facts.Extended(closes_at=CLOSES + timedelta(seconds=60))
    assert state.closes_at == CLOSES + timedelta(seconds=60)


def test_the_close_moves_at_most_as_often_as_the_rules_say() -> None:
    state = auction()
    price = 9

    for _ in range(4):
        take(state, ANN, str(price), state.closes_at - timedelta(seconds=1))
        price -= 1

    assert state.extensions == 2
    assert state.closes_at == CLOSES + timedelta(seconds=120)


def test_time_alone_opens_and_closes_an_auction() -> None:
    state = Auction(auction().terms)

    assert due(state, at=OPENS - timedelta(microseconds=1)) == ()
    assert due(state, at=OPENS) == (Step(facts.Opened()),)
    state.apply(facts.Opened(), sequence=2, at=OPENS)
    assert due(state, at=CLOSES - timedelta(microseconds=1)) == ()
    closed = due(state, at=CLOSES)[0].fact
    assert isinstance(closed, facts.Closed)
    assert [(place_.alias, place_.rank, place_.price) for place_ in closed.ranking] == [
        ("Bidder 1", 1, "10.00"),
        ("Bidder 2", 2, "11.00"),
        ("Bidder 3", 3, "12.00"),
    ]


def test_a_stranger_and_another_currency_are_refused() -> None:
    with pytest.raises(VendorNotAdmitted):
        take(auction(), STRANGER, "1")
    with pytest.raises(CurrencyWrong):
        place(auction(), ANN, UnitPrice(1, Currency("EUR")), at=OPENS)


def test_an_offer_of_nothing_is_refused() -> None:
    state = auction(RULES, "0.05", "11", "12")

    with pytest.raises(OfferTooHigh):
        place(state, ANN, UnitPrice(0, USD), at=OPENS)


def test_a_cancelled_auction_takes_no_offer_and_stays_cancelled() -> None:
    state = auction()
    fold_in(state, cancel(state, reason="no funds"), OPENS)

    with pytest.raises(AuctionOver):
        take(state, ANN, "9")
    with pytest.raises(AuctionOver):
        cancel(state, reason="again")
    assert due(state, at=CLOSES) == ()


# What each viewer is shown ---------------------------------------------------------------------


def test_a_vendor_is_shown_its_own_rank_and_nobody_elses() -> None:
    state = auction(replace(RULES, show_lead=ShowLead.NEVER))
    take(state, BOB, "9.9999")
    picture = picture_of(state)

    seen = seen_by(picture, audience_of(state.terms, CAT, is_auditor=False))

    assert seen.own is not None
    assert (seen.own.rank, seen.own.unit_price, seen.own.price_to_beat) == (3, "12.00", "11.95")
    assert (seen.lead_price, seen.lead_alias, seen.ranks, seen.recent) == (None, None, (), ())
    assert "9.9999" not in repr(seen)


def test_the_lead_price_is_shown_without_its_bidder_where_ranks_are_hidden() -> None:
    state = auction()
    take(state, BOB, "9.5")

    seen = seen_by(picture_of(state), audience_of(state.terms, STRANGER, is_auditor=False))

    assert (seen.lead_price, seen.lead_alias, seen.ranks, seen.recent) == ("9.50", None, (), ())


def test_all_ranks_are_shown_without_prices_where_the_rules_say_so() -> None:
    state = auction(replace(RULES, show_rank=ShowRank.ALL))

    seen = seen_by(picture_of(state), audience_of(state.terms, None, is_auditor=False))

    assert [(row.alias, row.rank, row.unit_price) for row in seen.ranks] == [
        ("Bidder 1", 1, None),
        ("Bidder 2", 2, None),
        ("Bidder 3", 3, None),
    ]


@pytest.mark.parametrize(("party", "is_auditor"), [(BUYER, False), (STRANGER, True)])
def test_the_buyer_and_an_auditor_see_everything(party: PartyId, *, is_auditor: bool) -> None:
    state = auction(replace(RULES, show_lead=ShowLead.NEVER))
    take(state, CAT, "9")

    seen = seen_by(picture_of(state), audience_of(state.terms, party, is_auditor=is_auditor))

    assert [row.unit_price for row in seen.ranks] == ["9.00", "10.00", "11.00"]
    assert [offer.alias for offer in seen.recent] == ["Bidder 3"]


def test_after_the_close_everyone_sees_the_whole_ranking_by_alias() -> None:
    state = auction(replace(RULES, show_lead=ShowLead.NEVER))
    fold_in(state, due(state, at=CLOSES), CLOSES)

    seen = seen_by(picture_of(state), audience_of(state.terms, None, is_auditor=False))

    assert [row.unit_price for row in seen.ranks] == ["10.00", "11.00", "12.00"]


# Against an oracle that sorts the whole history each time ---------------------------------------

OFFERS = st.lists(
    st.tuples(
        st.sampled_from([ANN, BOB, CAT]),
        st.integers(1, 130_000),
        st.integers(0, 900),
    ),
    max_size=40,
)
ANY_RULES = st.builds(
    Rules,
    step_e4=st.integers(1, 20_000),
    step_against=st.sampled_from(list(StepAgainst)),
    soft_close_window=st.integers(0, 300).map(lambda s: timedelta(seconds=s)),
    soft_close_extension=st.integers(0, 300).map(lambda s: timedelta(seconds=s)),
    extensions_max=st.integers(0, 3),
    show_rank=st.just(ShowRank.OWN),
    show_lead=st.just(ShowLead.ALWAYS),
)


class Oracle:
    """The rules said once more, naively: a list of all prices ever, scanned for each question."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.history: list[tuple[PartyId, int]] = [(ANN, 100_000), (BOB, 110_000), (CAT, 120_000)]
        self.closes_at = CLOSES
        self.extensions = 0

    def own(self, vendor: PartyId) -> int:
        return [price for who, price in self.history if who == vendor][-1]

    def lead(self) -> int:
        return min(self.own(vendor) for vendor in (ANN, BOB, CAT))

    def offer(self, vendor: PartyId, e4: int, at: datetime) -> bool:
        bounds = {"own": [self.own(vendor)], "lead": [self.lead()]}
        bounds["both"] = bounds["own"] + bounds["lead"]
        keeps_step = all(
            e4 <= bound - self.rules.step_e4 for bound in bounds[self.rules.step_against]
        )
        if not (OPENS <= at < self.closes_at and keeps_step and 0 < e4 < self.own(vendor)):
            return False
        self.history.append((vendor, e4))
        is_late = self.closes_at - at <= self.rules.soft_close_window
        may_move = self.extensions < self.rules.extensions_max
        if is_late and may_move and self.rules.soft_close_extension:
            self.closes_at += self.rules.soft_close_extension
            self.extensions += 1
        return True

    def ranking(self) -> list[tuple[int, int, PartyId]]:
        last = {vendor: index for index, (vendor, _) in enumerate(self.history)}
        return sorted((self.history[index][1], index, vendor) for vendor, index in last.items())


@settings(max_examples=300)
@given(ANY_RULES, OFFERS)
def test_every_course_of_offers_goes_as_the_oracle_says(
    rules: Rules, offers: list[tuple[PartyId, int, int]]
) -> None:
    state, oracle = auction(rules), Oracle(rules)

    for vendor, e4, after_s in sorted(offers, key=lambda offer: offer[2]):
        at = OPENS + timedelta(seconds=after_s)
        is_taken = oracle.offer(vendor, e4, at)
        try:
            decided = take(state, vendor, str(UnitPrice(e4, USD)), at)
        except Refusal:
            assert not is_taken
            continue
        assert is_taken
        offer = decided[0]
        assert isinstance(offer, facts.OfferPlaced)
        assert offer.rank == 1 + [who for _, _, who in oracle.ranking()].index(vendor)
        assert usd(offer.lead).e4 == oracle.lead()
        assert state.rank_of(state.alias_of(vendor)) == offer.rank

    assert state.closes_at == oracle.closes_at
    alias_of = {ANN: "Bidder 1", BOB: "Bidder 2", CAT: "Bidder 3"}
    assert aliases(state) == [alias_of[vendor] for _, _, vendor in oracle.ranking()]
    assert state.status is Status.LIVE
