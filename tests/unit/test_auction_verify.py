"""An auction's log proves its own ranking and winner, and what it hides stays hidden."""

import hashlib
import json
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.auctions.domain import facts
from services.auctions.domain.auction import Auction
from services.auctions.domain.commands import Secret, VoidOffer
from services.auctions.domain.picture import SEES_ALL, SEES_PUBLIC, picture_of, seen_by
from services.auctions.domain.proposal import Salts, hidden_of, proposed, terms_of
from services.auctions.domain.reading import read_entry
from services.auctions.domain.verify import Line, replay
from shared.domain.canonical import canonical
from shared.domain.facts import Fact
from shared.domain.ids import AuctionId
from shared.domain.refusals import Refusal
from shared.events.bids import AuctionRequested, PriceFactor
from tests.unit.auction_room import (
    ANN,
    BOB,
    BUYER,
    CAT,
    CLOSES,
    OPENS,
    SALT,
    Room,
    minutes,
    request,
)
from tests.unit.test_auction_checks import DUTCH, JAPANESE, ROUNDS, VICKREY

SALTS: Final = Salts([b"n" * 16] * 3, [b"h" * 16] * 3, b"r" * 16)
FACTORED: Final = tuple(
    replace(vendor, factor=PriceFactor(percent=percent, addend="0.0917", bonus="0"))
    for vendor, percent in zip(request().vendors, ("13.57", "-2.468", "0"), strict=True)
)


class Recorded(Room):
    """A room that keeps the log's text, chained as it is in the record."""

    def __init__(self, asked: AuctionRequested) -> None:
        terms = terms_of(asked, AuctionId(asked.lot_id))
        super().__init__(Auction(terms))
        self.lines: list[Line] = []
        self.secrets: dict[str, tuple[str, bytes]] = {}
        self.write(1, proposed(asked.rules, terms, SALTS), OPENS)
        self.secrets.update(hidden_of(terms, SALTS))
        self.wait(OPENS)

    def write(self, sequence: int, fact: Fact, at: datetime) -> None:
        previous = self.lines[-1][2] if self.lines else bytes(32)
        text = canonical({"at": at, "data": fact, "sequence": sequence, "type": fact.TYPE})
        self.lines.append((sequence, text, hashlib.sha256(previous + text.encode()).digest()))

    def fold(self, steps: Any, at: datetime) -> tuple[Fact, ...]:
        for place, step in enumerate(steps, start=len(self.log) + 2):
            self.write(place, step.fact, at)
            if step.secret is not None:
                self.secrets[f"{step.secret.name}/{step.fact.alias}#{place}"] = (
                    step.secret.value,
                    step.secret.salt,
                )
        return super().fold(steps, at)


def english(**rules: object) -> Recorded:
    live = Recorded(request(rules))
    live.offer(BOB, "9.5")
    live.offer(CAT, "9.25")
    live.offer(BOB, "9.1")
    return live


def rechained(lines: list[Line], place: int, **changes: Any) -> list[Line]:
    """Alter one entry's data and chain all anew, as a clever forger would."""
    texts = [text for _, text, _ in lines]
    entry = json.loads(texts[place])
    entry["data"] |= changes
    texts[place] = canonical(entry)
    forged, previous = [], bytes(32)
    for sequence, text in enumerate(texts, start=1):
        previous = hashlib.sha256(previous + text.encode()).digest()
        forged.append((sequence, text, previous))
    return forged


# What a log proves -----------------------------------------------------------------------------


def test_a_whole_log_proves_its_ranking_and_winner_and_lists_the_names_as_hidden() -> None:
    live = english()
    live.do(VoidOffer(party_id=BUYER, offer=5, reason="a slip"))
    live.wait(CLOSES)

    verdict = replay(live.lines)

    assert (verdict.first_broken, verdict.winner, verdict.price) == (None, "Bidder 3", "9.25")
    assert [(one.alias, one.price) for one in verdict.ranking] == [
        ("Bidder 3", "9.25"),
        ("Bidder 2", "9.50"),
        ("Bidder 1", "10.00"),
    ]
    assert verdict.hidden == ("vendor/Bidder 1", "vendor/Bidder 2", "vendor/Bidder 3")


def test_an_altered_entry_is_pointed_at() -> None:
    lines = english().lines
    sequence, text, digest = lines[3]
    lines[3] = (sequence, text.replace("9.25", "9.24"), digest)

    assert replay(lines).first_broken == 4


@pytest.mark.parametrize(
    ("place", "changes", "why"),
    [
        (3, {"rank": 2}, "the offer did not come to the rank"),
        (3, {"price": "11.99"}, "An offer must be at most 11.95"),
        (6, {"winner": "Bidder 1"}, "the outcome does not follow"),
        (6, {"price": "10.00"}, "the outcome does not follow"),
        (6, {"ranking": []}, "the ranking does not follow"),
        (3, {"alias": "Bidder 9"}, "Bidder 9"),
        (3, {"rank": "first"}, "TypeError"),
    ],
)
def test_a_log_that_is_chained_anew_around_a_lie_is_found_out(
    place: int, changes: dict[str, Any], why: str
) -> None:
    live = english()
    live.wait(CLOSES)
    lines = rechained(live.lines, place - (place == 6), **changes)

    verdict = replay(lines)

    assert verdict.first_broken is not None
    assert why in (verdict.why or "")


def test_a_gap_and_an_instant_that_goes_back_are_found() -> None:
    lines = english().lines

    assert replay(lines[1:]).first_broken == 2
    assert replay(lines[:2] + lines[3:]).first_broken == 4
    assert replay([]).first_broken is None


@pytest.mark.parametrize("rules", [VICKREY, ROUNDS])
def test_sealed_offers_are_checked_against_their_commitments(rules: dict[str, object]) -> None:
    live = Recorded(request(rules))
    live.offer(CAT, "9")
    if rules is VICKREY:
        live.offer(ANN, "9.5")
    live.wait(CLOSES)

    honest = replay(live.lines)

    assert (honest.first_broken, honest.winner) == (None, "Bidder 3")
    assert not any(name.startswith("offer/") for name in honest.hidden)
    place = next(index for index, (_, text, _) in enumerate(live.lines) if SALT.hex() in text)
    told = json.loads(live.lines[place][1])["data"]
    lie = (
        {"price": "8.00"}
        if "revealed" not in told
        else {"revealed": [told["revealed"][0] | {"price": "8.00"}, *told["revealed"][1:]]}
    )
    assert replay(rechained(live.lines, place, **lie)).first_broken == place + 1


@pytest.mark.parametrize("rules", [DUTCH, JAPANESE])
def test_tickers_are_proved_from_their_levels(rules: dict[str, object]) -> None:
    live = Recorded(request(rules | {"one_bidder": "reasonableness"}))
    live.accept(CAT, "50")
    live.wait(CLOSES)

    verdict = replay(live.lines)

    assert (verdict.first_broken, verdict.winner, verdict.price) == (None, "Bidder 3", "50.00")


def test_hidden_handicaps_leave_the_ranking_to_the_log_and_revealed_ones_prove_it() -> None:
    live = Recorded(request({"score": "factored"}, vendors=FACTORED, reserve="9.99"))
    live.offer(BOB, "9.5")
    live.wait(CLOSES)

    blind, sighted = replay(live.lines), replay(live.lines, live.secrets)

    assert blind.first_broken is None
    assert {"handicap/Bidder 1", "reserve"} <= set(blind.hidden)
    assert blind.ranking == sighted.ranking
    assert (sighted.first_broken, sighted.winner) == (None, "Bidder 2")
    assert sighted.hidden == ()
    lie = live.secrets | {"handicap/Bidder 1": ("1,0", SALTS.handicaps[0])}
    assert replay(live.lines, lie).first_broken == 1


def test_every_fact_is_read_back_as_it_was_written() -> None:
    live = Recorded(request(ROUNDS))
    live.offer(CAT, "9")
    live.wait(CLOSES)

    read = [read_entry(text).fact for _, text, _ in live.lines]

    assert read[1:] == [fact for _, fact, _, _ in live.log]
    assert isinstance(read[0], facts.AuctionProposed)


# What nobody else may learn --------------------------------------------------------------------

AUDIENCES: Final = ("Bidder 1", "Bidder 2", "Bidder 3", SEES_PUBLIC, SEES_ALL)
NEAR: Final = st.integers(-3000, 3000)


def views_of(live: Recorded, *, but: str) -> str:
    """Everything that all but one vendor can see: the log's text, and every audience's view."""
    picture = picture_of(live.state)
    views = [repr(seen_by(picture, one)) for one in AUDIENCES if one != but]
    return "\n".join([*(text for _, text, _ in live.lines), *views])


def texts_of(live: Recorded, *, but: str) -> str:
    """What can be seen, and what would stand in a log line that wrote the state by mistake."""
    return "\n".join([views_of(live, but=but), repr(picture_of(live.state)), repr(live.state)])


@settings(max_examples=100, deadline=None)
@given(
    acts=st.lists(st.tuples(st.sampled_from([ANN, BOB, CAT]), st.booleans(), NEAR), max_size=12),
    is_closed=st.booleans(),
)
def test_no_limit_reserve_or_handicap_is_seen_by_anybody_else(
    *, acts: list[tuple[Any, bool, int]], is_closed: bool
) -> None:
    rules = {"score": "factored", "proxies": True, "step_against": "lead"}
    live = Recorded(request(rules, vendors=FACTORED, reserve="7.6543"))
    limits: dict[str, str] = {}
    for number, (vendor, is_proxy, near) in enumerate(acts):
        alias = live.state.alias_of(vendor)
        price = max(live.state.price_to_beat(alias).e4 + near, 2) // 100 * 100 + number % 90 + 5
        text = f"{price // 10_000}.{price % 10_000:04d}"
        try:
            if is_proxy:
                live.proxy(vendor, text, "0.01")
                limits[alias] = text.rstrip("0")
            else:
                live.offer(vendor, text)
        except Refusal:
            continue
    if is_closed:
        live.wait(CLOSES + minutes(60))

    offered = {json.loads(text)["data"].get("price") for _, text, _ in live.lines}
    for alias, limit in limits.items():
        assert limit in offered or f'"{limit}"' not in texts_of(live, but="")
        assert limit in offered or f"'{limit}'" not in texts_of(live, but=alias)
    whole = texts_of(live, but="")
    for hidden in ("7.6543", "76543", "13.57", "2.468", "0.0917"):
        assert hidden not in whole
    for vendor in (ANN, BOB, CAT):
        assert str(vendor) not in views_of(live, but="")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([ANN, BOB, CAT]), st.integers(1, 10**6)), max_size=8))
def test_no_sealed_offer_is_seen_by_anybody_else_before_the_close(
    acts: list[tuple[Any, int]],
) -> None:
    live = Recorded(request(VICKREY))
    held: dict[str, str] = {}
    for vendor, price in acts:
        text = f"{price // 10_000}.{price % 10_000:04d}"
        live.offer(vendor, text)
        held[live.state.alias_of(vendor)] = text

    picture = picture_of(live.state)
    for alias, text in held.items():
        for audience in AUDIENCES:
            if audience != alias and held.get(audience) != text:
                assert text not in repr(seen_by(picture, audience))
    assert all(text not in line for _, line, _ in live.lines for text in held.values())


def test_a_secret_is_not_written_by_accident() -> None:
    secret = Secret("limit", "3111.11", SALT)

    assert "3111" not in repr(secret) + f"{secret}"
