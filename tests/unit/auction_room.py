"""Build auctions for tests, and drive them as a desk does: decide, then fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from services.auctions.domain.auction import Auction, Entrant, Terms, decide, due, due_at
from services.auctions.domain.commands import (
    AcceptLevel,
    Command,
    PlaceOffer,
    Secret,
    SetProxy,
    Step,
)
from services.auctions.domain.rules import Rules, ShowLead, ShowRank, StepAgainst
from services.auctions.domain.ruleset import (
    FormatName,
    TickerPrice,
    TickerRules,
    TurnRules,
)
from services.auctions.domain.scores import Handicap
from shared.domain.facts import Fact
from shared.domain.ids import AuctionId, LotId, PartyId, RfpId
from shared.domain.money import Currency, UnitPrice
from shared.events.bids import AuctionRequested, AuctionRules, QualifiedVendor

USD: Final = Currency("USD")
OPENS: Final = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
CLOSES: Final = OPENS + timedelta(minutes=10)
ANN, BOB, CAT, BUYER, STRANGER = (PartyId(UUID(int=number)) for number in range(1, 6))
SALT: Final = bytes(range(16))
INSTANT: Final = timedelta(microseconds=1)

RULES: Final = Rules(
    step_e4=500,
    step_against=StepAgainst.OWN,
    soft_close_window=timedelta(seconds=30),
    soft_close_extension=timedelta(seconds=60),
    extensions_max=2,
    show_rank=ShowRank.OWN,
    show_lead=ShowLead.ALWAYS,
)
HIDDEN: Final = replace(RULES, show_lead=ShowLead.NEVER)
VICKREY: Final = replace(HIDDEN, format=FormatName.VICKREY)


def usd(text: str) -> UnitPrice:
    return UnitPrice.parse(text, USD)


def e4(text: str) -> int:
    return usd(text).e4


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def ticker(
    kind: FormatName, start: str, change: str, *, price: TickerPrice = TickerPrice.OWN
) -> Rules:
    """A ticker that changes every minute."""
    told = TickerRules(e4(start), e4(change), minutes(1), price)
    return replace(HIDDEN, format=kind, ticker=told)


def turns(rounds: int = 3) -> Rules:
    """Rounds of turns of a minute, with a minute between rounds."""
    told = TurnRules(rounds, minutes(1), minutes(1))
    return replace(RULES, format=FormatName.ROUNDS, turns=told)


def auction(
    rules: Rules = RULES,
    openings: Sequence[str | None] = ("10", "11", "12"),
    *,
    handicaps: Sequence[Handicap | None] = (None, None, None),
    **terms: Any,
) -> Auction:
    """An auction that has not opened: Ann, Bob and Cat stand at 10.00, 11.00 and 12.00.

    They are Bidder 1, 2 and 3; it is for 1,000 half pints and runs for ten minutes.
    """
    entrants = tuple(
        Entrant(vendor, f"Bidder {place}", None if price is None else e4(price), handicap)
        for place, (vendor, price, handicap) in enumerate(
            zip((ANN, BOB, CAT), openings, handicaps, strict=False), start=1
        )
    )
    fields: dict[str, Any] = {
        "id": AuctionId(UUID(int=100)),
        "lot_id": LotId(UUID(int=101)),
        "rfp_id": RfpId(UUID(int=102)),
        "buyer_id": BUYER,
        "title": "Milk",
        "unit": "half pint",
        "quantity": Decimal(1000),
        "currency": USD,
        "opens_at": OPENS,
        "closes_at": CLOSES,
        "rules": rules,
        "entrants": entrants,
    }
    return Auction(Terms(**(fields | terms)))


@dataclass
class Room:
    """An auction with the log that it has so far."""

    state: Auction
    log: list[tuple[int, Fact, datetime, Secret | None]] = field(default_factory=list)

    def do(self, command: Command, at: datetime = OPENS) -> tuple[Fact, ...]:
        """Let the time bring about what is due, decide, and fold."""
        self.wait(at)
        return self.fold(decide(self.state, command, at=at), at)

    def wait(self, until: datetime) -> tuple[Fact, ...]:
        """Let the time run, and fold what it brings about, each at its own instant."""
        found: tuple[Fact, ...] = ()
        while (next_at := due_at(self.state)) is not None and next_at <= until:
            found += self.fold(due(self.state, at=next_at), next_at)
        return found

    def fold(self, steps: tuple[Step, ...], at: datetime) -> tuple[Fact, ...]:
        for step in steps:
            sequence = len(self.log) + 2
            self.log.append((sequence, step.fact, at, step.secret))
            self.state.apply(step.fact, sequence=sequence, at=at, secret=step.secret)
        return tuple(step.fact for step in steps)

    def offer(self, vendor: PartyId, price: str, at: datetime = OPENS) -> tuple[Fact, ...]:
        return self.do(PlaceOffer(party_id=vendor, price=usd(price), salt=SALT), at)

    def accept(self, vendor: PartyId, price: str, at: datetime = OPENS) -> tuple[Fact, ...]:
        return self.do(AcceptLevel(party_id=vendor, price=usd(price)), at)

    def proxy(
        self, vendor: PartyId, limit: str, decrement: str, at: datetime = OPENS
    ) -> tuple[Fact, ...]:
        command = SetProxy(party_id=vendor, limit=usd(limit), decrement=usd(decrement), salt=SALT)
        return self.do(command, at)

    def price(self, vendor: PartyId) -> str:
        standing = self.state.standings[self.state.alias_of(vendor)]
        return str(UnitPrice(standing.price_e4, USD))

    def aliases(self) -> list[str]:
        return [standing.alias for standing in self.state.ranking()]


def room(
    rules: Rules = RULES, openings: Sequence[str | None] = ("10", "11", "12"), **more: Any
) -> Room:
    """An auction that is open."""
    opened = Room(auction(rules, openings, **more))
    opened.wait(OPENS)
    return opened


def request(
    rules: Mapping[str, object] | None = None,
    openings: Sequence[str | None] = ("10", "11", "12"),
    **changes: Any,
) -> AuctionRequested:
    """A request in which nothing is wrong: an English auction of three vendors."""
    told: dict[str, Any] = {
        "format": "english",
        "step": "0.05",
        "step_against": "own",
        "soft_close_window_s": 120,
        "soft_close_extension_s": 120,
        "extensions_max": 5,
        "show_rank": "own",
        "show_lead": "never",
    }
    fields: dict[str, Any] = {
        "lot_id": UUID(int=101),
        "rfp_id": UUID(int=102),
        "buyer_id": BUYER,
        "title": "Milk",
        "unit": "half pint",
        "quantity": Decimal(1000),
        "currency": "USD",
        "policy_profile": "open",
        "opens_at": OPENS,
        "closes_at": CLOSES,
        "rules": AuctionRules(**(told | dict(rules or {}))),
        "vendors": tuple(
            QualifiedVendor(vendor_id=vendor, alias=f"Bidder {place}", opening_price=price)
            for place, (vendor, price) in enumerate(
                zip((ANN, BOB, CAT), openings, strict=False), start=1
            )
        ),
    }
    return AuctionRequested(**(fields | changes))
