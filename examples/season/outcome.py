"""Reckon what a season came to, lot by lot and in all, and say so honestly.

Amounts are exact; a difference is what pooling costs more (above zero) or less (below) than buying
alone. Where a vendor won a pool in which it had not priced every need, its price is extrapolated,
and is marked so.
"""

from collections import Counter
from dataclasses import dataclass

from examples.season.plan import Need, Season, cost_alone, lots
from examples.season.records import Award, Played
from examples.season.verdict import winners_matched
from shared.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One pooled lot."""

    lot_key: str
    members: int
    bids: int
    offers: int
    winner: str
    is_extrapolated: bool
    unit_price: str
    alone: Money
    pooled: Money

    @property
    def difference(self) -> Money:
        """What pooling costs more than buying alone; negative where it costs less."""
        return Money(self.pooled.minor - self.alone.minor, self.alone.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A season's lots in the order of their keys, and its sums."""

    rows: tuple[Row, ...]
    alone: Money
    pooled: Money

    @property
    def difference(self) -> Money:
        """What pooling costs more in all; negative where it costs less."""
        return Money(self.pooled.minor - self.alone.minor, self.alone.currency)

    @property
    def dearer(self) -> tuple[str, ...]:
        """Name the lots in which pooling costs more."""
        return tuple(row.lot_key for row in self.rows if row.difference.minor > 0)


def reckon(played: Played) -> Outcome:
    """Reckon a season from its awards."""
    season = played.season
    alone = cost_alone(season)
    names = {vendor.reference: vendor.name for vendor in season.vendors}
    bids = Counter(bid.lot_key for bid in played.pooled.bids)
    offers = {auction.lot_key: len(auction.offers) for auction in played.auctions}
    rows = [
        Row(
            lot_key=award.lot_key,
            members=len(award.lines),
            bids=bids[award.lot_key],
            offers=offers.get(award.lot_key, 0),
            winner=names[award.vendor_reference],
            is_extrapolated=_is_extrapolated(award, season),
            unit_price=str(award.price),
            alone=alone.by_lot[award.lot_key],
            pooled=award.total,
        )
        for award in sorted(played.awards, key=lambda award: award.lot_key)
    ]
    pooled_minor = sum(row.pooled.minor for row in rows)
    return Outcome(
        rows=tuple(rows), alone=alone.in_all, pooled=Money(pooled_minor, season.currency)
    )


def requirements_of(season: Season) -> tuple[Need, ...]:
    """List every need of a season once.

    A need of both stages is one requirement: the pooled stage's, which knows the baseline.
    """
    alone = () if season.alone is None else season.alone.needs
    return tuple({need.reference: need for need in (*alone, *season.pooled.needs)}.values())


def summary(played: Played, *, seconds: float) -> dict[str, object]:
    """Say a season in figures, for programs: counts over all its stages, amounts as text."""
    outcome = reckon(played)
    stages = [stage for stage in (played.alone, played.pooled) if stage is not None]
    checked = 0 if played.alone is None else len(played.alone.stage.expected_winners or {})
    matched = 0 if played.alone is None else winners_matched(played.alone)
    return {
        "dataset": played.season.dataset,
        "members": len(played.season.members),
        "requirements": len(requirements_of(played.season)),
        "lots": sum(len(stage.rankings) for stage in stages),
        "vendors": len(played.season.vendors),
        "bids": sum(len(stage.bids) for stage in stages),
        "sealed_winners_checked": checked,
        "sealed_winners_matched": matched,
        "auctions": len(played.auctions),
        "offers": sum(len(auction.offers) for auction in played.auctions),
        "awards": len(played.awards),
        "award_lines": sum(len(award.lines) for award in played.awards),
        "webhooks_sent": len(played.sent),
        "webhooks_verified": len(played.received.webhooks),
        "cost_alone": str(outcome.alone),
        "cost_pooled": str(outcome.pooled),
        "currency": played.season.currency,
        "seconds": round(seconds, 1),
        "stages": [
            {"title": stage.stage.title, "lots": len(stage.rankings), "bids": len(stage.bids)}
            for stage in stages
        ],
    }


def _is_extrapolated(award: Award, season: Season) -> bool:
    """Tell whether the winner had not priced every need of the pool when each was bought alone."""
    if season.alone is None:
        return False
    priced = {
        bid.lot_key for bid in season.alone.bids if bid.vendor_reference == award.vendor_reference
    }
    needs = lots(season.pooled)[award.lot_key]
    return any(need.reference not in priced for need in needs)
