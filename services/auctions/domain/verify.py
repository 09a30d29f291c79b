"""Recompute an auction from its published rules and its log alone.

Whoever has the log can do this without asking anybody. What the log only commits to is listed as
hidden; given with its salt, it is checked and counted. Nothing here needs a clock or a key: the
chain's signed head is checked elsewhere.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from services.auctions.domain import facts
from services.auctions.domain.auction import Auction
from services.auctions.domain.closing import places
from services.auctions.domain.commands import Secret
from services.auctions.domain.reading import EntryMalformed, Read, read_entry
from services.auctions.domain.rules import read_rules
from services.auctions.domain.ruleset import Scoring
from services.auctions.domain.scores import Handicap
from services.auctions.domain.secrecy import opens
from services.auctions.domain.terms import Entrant, Terms
from shared.domain.ids import AuctionId, LotId, PartyId, RfpId
from shared.domain.money import Currency, UnitPrice
from shared.domain.refusals import Refusal
from shared.events.bids import AuctionRules

GENESIS: Final = bytes(32)
"""The hash before a log's first entry."""

Line = tuple[int, str, bytes]
"""A log's entry as it is kept: its sequence, its text, its hash."""

Revealed = Mapping[str, tuple[str, bytes]]
"""What is no longer secret: (value, salt) by name, as `Verdict.hidden` names them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a log proves.

    `first_broken` is the sequence of the first entry that was altered, or that the rules do not
    allow where it stands, and `why`; the rest is what the entries before it say. `hidden` names
    what could not be checked: where a handicap is, neither could the ranks.
    """

    first_broken: int | None
    why: str | None
    ranking: tuple[facts.Place, ...]
    winner: str | None
    price: str | None
    hidden: tuple[str, ...]


class _Contradiction(Exception):  # noqa: N818 - a fact about a log
    """The log says something that its rules, or its own entries, do not bear out."""


@dataclass(slots=True)
class _Replay:
    """What is known so far."""

    revealed: Revealed
    previous: bytes = GENESIS
    sequence: int = 0
    at: datetime | None = None
    auction: Auction | None = None
    is_ranked: bool = True
    commitments: dict[str, str] = field(default_factory=dict)
    offers: dict[int, tuple[str, str]] = field(default_factory=dict)


def replay(log: Iterable[Line], revealed: Revealed | None = None) -> Verdict:
    """Check a log from its first entry on: its chain, its order, each offer, and the outcome."""
    course = _Replay(revealed or {})
    for line in log:
        try:
            _follow(course, line)
        except (_Contradiction, EntryMalformed, Refusal, ValueError, KeyError) as error:
            return _verdict(course, line[0], str(error) or type(error).__name__)
    return _verdict(course, None, None)


def _verdict(course: _Replay, broken: int | None, why: str | None) -> Verdict:
    auction = course.auction
    closed = auction.closed if auction is not None else None
    hidden = tuple(sorted(set(course.commitments) - set(course.revealed)))
    ranking = () if auction is None else places(auction)
    if not course.is_ranked and closed is not None:
        ranking = closed.ranking
    winner, price = (closed.winner, closed.price) if closed is not None else (None, None)
    return Verdict(broken, why, ranking, winner, price, hidden)


def _follow(course: _Replay, line: Line) -> None:
    sequence, text, kept = line
    digest = hashlib.sha256(course.previous + text.encode()).digest()
    if digest != kept:
        _contradict("the hash does not follow")
    read = read_entry(text)
    if sequence != course.sequence + 1 or read.sequence != sequence:
        _contradict("the sequence has a gap")
    if course.at is not None and read.at < course.at:
        _contradict("the instant is before that of the entry before")
    course.previous, course.sequence, course.at = digest, sequence, read.at
    if course.auction is None:
        course.auction = _begun(course, read.fact)
        return
    _check(course, course.auction, read)
    secret = course.revealed.get(_name_of(read))
    known = Secret(_name_of(read), *secret) if secret is not None else None
    course.auction.apply(read.fact, sequence=sequence, at=read.at, secret=known)
    if isinstance(read.fact, facts.Closed):
        _check_outcome(course, course.auction, read.fact)


def _begun(course: _Replay, fact: object) -> Auction:
    """Begin with the first entry's rules."""
    if not isinstance(fact, facts.AuctionProposed):
        _contradict("the first entry proposes no auction")
    assert isinstance(fact, facts.AuctionProposed)
    for name, commitment in _commitments(fact):
        course.commitments[name] = commitment
        if name in course.revealed:
            value, salt = course.revealed[name]
            # A name is committed to by the bytes of the vendor's id.
            text = UUID(value).bytes if name.startswith("vendor/") else value.encode()
            if not opens(commitment, text, salt):
                _contradict(f"{name} is not what was committed to")
    needs = [f"handicap/{one.alias}" for one in fact.entrants if one.handicap_commitment]
    course.is_ranked = all(name in course.revealed for name in needs)
    return Auction(_terms(course, fact))


def _commitments(fact: facts.AuctionProposed) -> Iterator[tuple[str, str]]:
    for entrant in fact.entrants:
        yield f"vendor/{entrant.alias}", entrant.vendor_commitment
        if entrant.handicap_commitment is not None:
            yield f"handicap/{entrant.alias}", entrant.handicap_commitment
    if fact.reserve_commitment is not None:
        yield "reserve", fact.reserve_commitment


def _terms(course: _Replay, fact: facts.AuctionProposed) -> Terms:
    """Make terms of what is published; ids and amounts that decide nothing stay empty."""
    rules = AuctionRules(**{one.name: getattr(fact, one.name) for one in fields(AuctionRules)})
    currency, nobody = Currency(fact.currency), UUID(int=0)
    reserve = course.revealed.get("reserve")
    return Terms(
        id=AuctionId(nobody),
        lot_id=LotId(UUID(fact.lot_id)),
        rfp_id=RfpId(nobody),
        buyer_id=PartyId(nobody),
        title="",
        unit="",
        quantity=Decimal(0),
        currency=currency,
        opens_at=fact.opens_at,
        closes_at=fact.closes_at,
        rules=read_rules(rules, currency),
        entrants=tuple(
            Entrant(
                PartyId(UUID(int=place)),
                one.alias,
                None
                if one.opening_price is None
                else UnitPrice.parse(one.opening_price, currency).e4,
                _handicap(course, rules, one.alias),
            )
            for place, one in enumerate(fact.entrants, start=1)
        ),
        reserve_e4=None if reserve is None else UnitPrice.parse(reserve[0], currency).e4,
    )


def _handicap(course: _Replay, rules: AuctionRules, alias: str) -> Handicap | None:
    told = course.revealed.get(f"handicap/{alias}")
    if rules.score == Scoring.PRICE or told is None or not course.is_ranked:
        return None
    return Handicap.parse(told[0])


def _name_of(read: Read) -> str:
    """Name the secret to which an entry commits."""
    match read.fact:
        case facts.ProxySet(alias=alias):
            return f"limit/{alias}#{read.sequence}"
        case facts.OfferSealed(alias=alias):
            return f"offer/{alias}#{read.sequence}"
    return ""


def _check(course: _Replay, auction: Auction, read: Read) -> None:
    """Check an entry against the state before it."""
    match read.fact:
        case facts.OfferPlaced():
            _check_offer(course, auction, read.fact, read.at)
        case facts.ProxySet(limit_commitment=commitment):
            _note(course, read, commitment)
        case facts.OfferSealed(alias=alias, commitment=commitment):
            auction.require_running(read.at)
            course.offers[read.sequence] = (alias, commitment)
            _note(course, read, commitment)
        case facts.TurnEnded(alias=alias, offer=int() as offer, price=str() as price, salt=salt):
            _check_revealed(course, alias, offer, (price, salt or ""))
        case facts.Closed(revealed=revealed):
            for one in revealed:
                _check_revealed(course, one.alias, one.offer, (one.price, one.salt))
        case facts.LevelAccepted():
            auction.require_running(read.at)


def _note(course: _Replay, read: Read, commitment: str) -> None:
    name = _name_of(read)
    course.commitments[name] = commitment
    if name in course.revealed:
        _check_opening(commitment, *course.revealed[name])


def _check_offer(course: _Replay, auction: Auction, offer: facts.OfferPlaced, at: datetime) -> None:
    auction.require_running(at)
    if not course.is_ranked:
        return
    price = UnitPrice.parse(offer.price, auction.terms.currency)
    auction.board.check(offer.alias, price.e4)
    if auction.board.rank_with(offer.alias, price.e4) != offer.rank:
        _contradict("the offer did not come to the rank that it states")


def _check_revealed(course: _Replay, alias: str, offer: int, opening: tuple[str, str]) -> None:
    """Check that a revealed offer is the one that was sealed."""
    sealed_by, commitment = course.offers.get(offer, ("", ""))
    if sealed_by != alias:
        _contradict("an offer is revealed that its vendor never sealed")
    price, salt = opening
    _check_opening(commitment, price, bytes.fromhex(salt))
    course.commitments.pop(f"offer/{alias}#{offer}", None)


def _check_opening(commitment: str, value: str, salt: bytes) -> None:
    if not opens(commitment, value.encode(), salt):
        _contradict("a revealed value is not the one that was committed to")


def _check_outcome(course: _Replay, auction: Auction, closed: facts.Closed) -> None:
    """Compare the outcome with the one that follows from the offers."""
    if not course.is_ranked:
        return
    end = auction.format.outcome(auction)
    if end.ranking != closed.ranking:
        _contradict("the ranking does not follow from the offers")
    is_reserve_hidden = "reserve" in course.commitments and "reserve" not in course.revealed
    if is_reserve_hidden:
        return
    price = None if end.price_e4 is None else str(UnitPrice(end.price_e4, auction.terms.currency))
    stated = (closed.outcome, closed.winner, closed.price, closed.reserve_met)
    if stated != (end.outcome, end.winner, price, end.reserve_met):
        _contradict("the outcome does not follow from the offers")


def _contradict(sentence: str) -> None:
    raise _Contradiction(sentence)
