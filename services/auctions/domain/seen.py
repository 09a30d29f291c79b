"""Show a picture to an audience: everything that it may see, and nothing else, is said here."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.auctions.domain.board import PRICE_E4_MAX
from services.auctions.domain.formats.format import Exposure
from services.auctions.domain.ruleset import Scoring, Show
from services.auctions.domain.snapshot import SEES_ALL, Picture
from services.auctions.domain.terms import Status
from shared.domain.money import Money, UnitPrice, total


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a ranking; the price is there where the viewer may see it."""

    alias: str
    rank: int
    unit_price: str | None


@dataclass(frozen=True, slots=True)
class SeenOffer:
    """One of the last offers, as shown."""

    sequence: int
    alias: str
    unit_price: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SeenProgress:
    """A ticker's level, or a round and whose turn it is, where the viewer may know that."""

    ends_at: datetime
    level: str | None = None
    round: int | None = None
    turn_of: str | None = None


@dataclass(frozen=True, slots=True)
class Own:
    """Where the viewing vendor stands; no other vendor is shown this.

    `sealed_price` is what it offered that nobody else may see yet. `still_in` and `accepted` are
    there with a ticker, `is_turn` with rounds.
    """

    alias: str
    rank: int | None
    unit_price: str | None
    price_to_beat: str | None
    sealed_price: str | None = None
    still_in: bool | None = None
    accepted: bool | None = None
    is_turn: bool | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture as one audience may see it."""

    sequence: int
    status: Status
    closes_at: datetime
    extensions: int
    offers: int
    lead_price: str | None
    lead_alias: str | None
    ranks: tuple[Row, ...]
    recent: tuple[SeenOffer, ...]
    own: Own | None
    bidders: int | None = None
    progress: SeenProgress | None = None
    saving: str | None = None
    outcome: str | None = None
    winner: str | None = None
    contract_price: str | None = None
    reserve_met: bool | None = None


class After(NamedTuple):
    """How an auction stands after an act, as far as whoever acted may know.

    `sees_rank` and `sees_lead` say whether it may know the rank to which its offer came, and the
    lead. Where scores differ from prices, `own_lead` is the lead as its own price would have to be.
    Who is no vendor of the auction is told of neither.
    """

    status: Status
    closes_at: datetime
    sees_rank: bool = False
    sees_lead: bool = False
    own_lead: str | None = None
    price_to_beat: str | None = None


def after_of(picture: Picture, audience: str) -> After:
    """Tell what an audience is told after an act, from a picture."""
    if all(entrant.alias != audience for entrant in picture.terms.entrants):
        return told_after(picture, audience)
    _, _, to_beat_e4 = _place_of(picture, audience)
    lead_e4 = picture.lead_for.get(audience)
    return told_after(picture, audience, to_beat_e4=to_beat_e4, own_lead_e4=lead_e4)


def told_after(
    picture: Picture,
    audience: str,
    *,
    to_beat_e4: int | None = None,
    own_lead_e4: int | None = None,
) -> After:
    """Tell what may be told after an act; no standings are read of the picture.

    `to_beat_e4` is there for vendors of the auction, `own_lead_e4` where scores count as well.
    """
    if to_beat_e4 is None:
        return After(picture.status, picture.closes_at)
    sight = _Sight(picture, audience)
    return After(
        picture.status,
        picture.closes_at,
        sees_rank=sight.own_rank,
        sees_lead=sight.lead,
        own_lead=_text(picture, own_lead_e4) if sight.lead else None,
        price_to_beat=_text(picture, to_beat_e4) if sight.has_bound(to_beat_e4) else None,
    )


def seen_by(picture: Picture, audience: str) -> Seen:
    """Show the picture to an audience.

    The buyer and auditors see everything by alias, and so does everyone once the auction is over.
    Before that, vendors and observers see what the rules say; a vendor always sees its own price
    and the price that it has to beat. Of sealed offers nobody sees any but its own before they are
    opened, and of a ticker nobody but the buyer and auditors sees who accepted.
    """
    sight = _Sight(picture, audience)
    closed = picture.closed
    return Seen(
        sequence=picture.sequence,
        status=picture.status,
        closes_at=picture.closes_at,
        extensions=picture.extensions,
        offers=sight.offers(),
        lead_price=sight.lead_price(),
        lead_alias=picture.ranking[0][0] if picture.ranking and sight.ranks else None,
        ranks=sight.rows() if sight.ranks else (),
        recent=sight.recent(),
        own=own_of(picture, audience),
        bidders=sight.bidders(),
        progress=sight.progress(),
        saving=_saving(picture) if audience == SEES_ALL else None,
        outcome=closed.outcome if closed else None,
        winner=closed.winner if closed else None,
        contract_price=closed.price if closed else None,
        reserve_met=closed.reserve_met if closed else None,
    )


def own_of(picture: Picture, audience: str) -> Own | None:
    """Find where the vendor behind an alias stands; None for other audiences."""
    if all(entrant.alias != audience for entrant in picture.terms.entrants):
        return None
    rank, price_e4, to_beat_e4 = _place_of(picture, audience)
    sight, progress = _Sight(picture, audience), picture.progress
    has_level = picture.exposure is Exposure.LEVEL and progress is not None
    sealed_e4 = picture.sealed.get(audience)
    return Own(
        alias=audience,
        rank=rank if sight.own_rank else None,
        unit_price=_text(picture, price_e4),
        price_to_beat=_text(picture, to_beat_e4) if sight.has_bound(to_beat_e4) else None,
        sealed_price=_text(picture, sealed_e4),
        still_in=audience in progress.still_in if progress and has_level else None,
        accepted=audience in progress.accepted if progress and has_level else None,
        is_turn=progress.turn_of == audience if progress and not has_level else None,
    )


class _Sight:
    """What an audience may see of a picture."""

    __slots__ = ("all", "audience", "lead", "own_rank", "picture", "prices", "ranks")

    def __init__(self, picture: Picture, audience: str) -> None:
        rules, is_over = picture.terms.rules, picture.status.is_over
        self.picture, self.audience = picture, audience
        self.all = audience == SEES_ALL or is_over
        is_open = picture.exposure is Exposure.BY_RULES
        is_scored = rules.score is not Scoring.PRICE
        self.ranks = self.all or (is_open and self._shows(rules.all_ranks))
        self.lead = self.all or (is_open and self._shows(rules.show_lead))
        self.own_rank = self.all or (is_open and self._shows(rules.show_own_rank))
        told = rules.show_prices
        shown = self.lead and self.ranks if told is None else self._shows(told)
        # Another's price beside one's own price to beat would give its handicap away.
        self.prices = self.all or (is_open and shown and not is_scored)

    def _shows(self, show: Show) -> bool:
        has_offered = self.audience in self.picture.offered
        return show is Show.ALWAYS or (show is Show.AFTER_FIRST_OFFER and has_offered)

    def has_bound(self, to_beat_e4: int) -> bool:
        """Whether there is anything to beat: not where prices are given, or still unbounded."""
        return self.picture.exposure is Exposure.BY_RULES and to_beat_e4 != PRICE_E4_MAX

    def offers(self) -> int:
        """Count the offers; sealed ones are not even counted for others before the close."""
        picture = self.picture
        if self.all or picture.exposure is Exposure.BY_RULES:
            return picture.offers
        return sum(one.alias == self.audience for one in picture.recent) or int(
            self.audience in picture.sealed
        )

    def lead_price(self) -> str | None:
        """Tell the lead: to a vendor, where scores count, as its own price would have to be."""
        picture = self.picture
        if not self.lead or not picture.ranking:
            return None
        if not picture.lead_for or self.all:
            return _text(picture, picture.ranking[0][1])
        return _text(picture, picture.lead_for.get(self.audience))

    def rows(self) -> tuple[Row, ...]:
        """List the ranking; prices only where the rules name them, or all is seen."""
        picture = self.picture
        has_prices = self.all or (self.prices and picture.terms.rules.show_prices is not None)
        return tuple(
            Row(alias, picture.rank(place), _text(picture, price_e4) if has_prices else None)
            for place, (alias, price_e4, _) in enumerate(picture.ranking)
        )

    def recent(self) -> tuple[SeenOffer, ...]:
        """List the last offers, newest first; one's own where others' are hidden."""
        picture = self.picture
        return tuple(
            SeenOffer(
                one.sequence,
                one.alias,
                str(UnitPrice(one.price_e4, picture.terms.currency)),
                one.at,
            )
            for one in reversed(picture.recent)
            if self.prices or one.alias == self.audience
        )

    def bidders(self) -> int | None:
        """Tell how many vendors are in."""
        picture = self.picture
        if not (self.all or self._shows(picture.terms.rules.show_bidders)):
            return None
        progress = picture.progress
        if picture.exposure is Exposure.LEVEL and progress is not None:
            return len(progress.still_in)
        return len(picture.terms.entrants)

    def progress(self) -> SeenProgress | None:
        """Tell the level or the round to all; whose turn it is tells a rank."""
        progress = self.picture.progress
        if progress is None or self.picture.status.is_over:
            return None
        may_know = self.ranks or progress.turn_of == self.audience
        return SeenProgress(
            progress.ends_at,
            _text(self.picture, progress.level_e4),
            progress.round,
            progress.turn_of if may_know else None,
        )


def _place_of(picture: Picture, alias: str) -> tuple[int | None, int | None, int]:
    """Find an alias's rank, price, and price to beat."""
    for place, (ranked, price_e4, to_beat_e4) in enumerate(picture.ranking):
        if ranked == alias:
            return picture.rank(place), price_e4, to_beat_e4
    return None, None, dict(picture.waiting).get(alias, 0)


def _saving(picture: Picture) -> str | None:
    """Compare the best price with the budget, over the whole quantity."""
    terms = picture.terms
    if terms.budget_e4 is None or not picture.ranking:
        return None
    budget, best = (
        total(UnitPrice(price_e4, terms.currency), terms.quantity)
        for price_e4 in (terms.budget_e4, picture.ranking[0][1])
    )
    return str(Money(budget.minor - best.minor, terms.currency))


def _text(picture: Picture, price_e4: int | None) -> str | None:
    return None if price_e4 is None else str(UnitPrice(price_e4, picture.terms.currency))
