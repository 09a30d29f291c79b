"""Measure scoring: 200 lots of 100 bids each, by points, with ranks and stability, exactly.

`python -m benchmarks.scoring` scores the same seeded bids by the default plan, lowest ÷ this beside
three rated criteria and two thresholds, says of each result whether it is stable without each
loser, and flags low prices. `seconds` is wall time of one process: the best of some rounds is least
at the mercy of the machine's other work; the worst and the processor's own time stand beside it.
"""

import random
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final
from uuid import UUID

from benchmarks.harness import figures, processor
from benchmarks.harness.figures import Target
from services.bids.domain.scoring.candidates import Candidate
from services.bids.domain.scoring.formulas import LowestOverThis
from services.bids.domain.scoring.low import OfferedPrice, low_flags
from services.bids.domain.scoring.plan import Plan, ScoredCriterion
from services.bids.domain.scoring.ranking import score
from services.bids.domain.scoring.stability import stability
from services.bids.domain.terms import CriterionKind
from shared.domain.ids import BidId, PartyId

LOTS: Final = 200
BIDS: Final = 100
ROUNDS: Final = 5
SEED: Final = 7

RATED: Final = {"method": "30", "team": "20", "references": "10"}
OPENED_AT: Final = datetime(2027, 3, 15, 12, tzinfo=UTC)

TARGETS: Final = (Target("seconds", 1.0),)


def main() -> dict[str, object]:
    """Measure, print a table, save it, and return what was measured."""
    plan, lots = _plan(), _lots()
    spent = [_timed(plan, lots) for _ in range(ROUNDS)]
    walls = [wall_s for wall_s, _ in spent]
    measured = {
        "seconds": round(min(walls), 3),
        "seconds_max": round(max(walls), 3),
        "cpu_seconds": round(min(cpu_s for _, cpu_s in spent), 3),
        "lots": LOTS,
        "bids": LOTS * BIDS,
    }
    unstable = sum(not stability(plan, score(plan, lot)).is_stable for lot in lots)
    notes = [
        ("machine", str(processor.machine())),
        ("results that hang on a loser", f"{unstable} of {LOTS}"),
    ]
    return figures.report("scoring", measured, TARGETS, notes)


def _timed(plan: Plan, lots: list[list[Candidate]]) -> tuple[float, float]:
    """Score all lots; tell the wall time and the processor's."""
    started, started_cpu = time.perf_counter(), time.process_time()
    for lot in lots:
        stability(plan, score(plan, lot))
        low_flags([OfferedPrice(each.bid_id, each.price, each.price) for each in lot])
    return time.perf_counter() - started, time.process_time() - started_cpu


def _plan() -> Plan:
    rated = tuple(
        ScoredCriterion(
            name=name, kind=CriterionKind.RATED, weight=Decimal(weight), minimum=Decimal(1)
        )
        for name, weight in RATED.items()
    )
    price = ScoredCriterion(
        name="price", kind=CriterionKind.PRICE, weight=Decimal(40), formula=LowestOverThis()
    )
    return Plan(criteria=(*rated, price), technical_minimum=Decimal(40))


def _lots() -> list[list[Candidate]]:
    chance = random.Random(SEED)
    return [[_bid(chance, lot, place) for place in range(1, BIDS + 1)] for lot in range(LOTS)]


def _bid(chance: random.Random, lot: int, place: int) -> Candidate:
    """Three evaluators' means, hence thirds; a price of four decimals."""
    bid_id = BidId(UUID(int=lot * BIDS + place))
    return Candidate(
        bid_id=bid_id,
        vendor_id=PartyId(bid_id),
        price=Fraction(chance.randint(900_000, 1_400_000), 10_000),
        received_at=OPENED_AT + timedelta(seconds=place),
        log_index=place,
        marks={name: Fraction(chance.randint(3, 30), 3) for name in RATED},
    )


if __name__ == "__main__":
    main()
