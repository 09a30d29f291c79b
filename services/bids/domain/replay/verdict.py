"""Decide everything again from a bundle alone, and tell the first thing that differs.

Nobody is asked. The rules are those that decided; what they were given is rebuilt from the bundle.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from services.bids.domain.replay.awards import check_awards
from services.bids.domain.replay.bundle import AwardBundle
from services.bids.domain.replay.differing import Differs, Naming, require_same
from services.bids.domain.replay.proving import unsolved
from services.bids.domain.replay.reading import BundleMalformed
from services.bids.domain.replay.rebuilding import RebuiltLot
from services.bids.domain.replay.scenarios import check_scenarios, outcomes_of
from services.bids.domain.replay.scores import check_scores
from services.bids.domain.replay.sealed import check_bids, check_openings
from shared.domain.canonical import canonical, digest
from shared.domain.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found right, in order; the first thing that differs; what cannot be shown.

    `unsolved` says of each scenario what is its solver's word: who has the solver asks it again.
    """

    checked: tuple[str, ...]
    difference: str | None
    unproven: tuple[str, ...]
    unsolved: tuple[str, ...] = ()


def verdict_on(bundle: AwardBundle) -> Verdict:
    """Check a bundle from its openings to its last line."""
    checked: list[str] = []
    difference = None
    try:
        # What was found before something differs is kept.
        checked.extend(_checked(bundle, Naming(bundle)))
    except Differs as wrong:
        difference = str(wrong)
    except (Refusal, BundleMalformed, LookupError, ValueError, TypeError, AssertionError) as wrong:
        difference = f"the bundle contradicts itself: {str(wrong) or type(wrong).__name__}"
    # What differs may be a scenario that no task can be made of.
    open_questions = tuple(unsolved(bundle)) if difference is None else ()
    return Verdict(tuple(checked), difference, tuple(_unproven(bundle)), open_questions)


def _checked(bundle: AwardBundle, naming: Naming) -> Iterator[str]:
    head, scheme = bundle.rfp, bundle.scheme
    # The texts are hashed as they stand: a later version of the rules may know of more members.
    computed = digest(canonical(head.terms)).hex()
    require_same("terms: digest", head.terms_sha256, computed, naming.label)
    plan_sha256 = digest(canonical(scheme.plan)).hex()
    require_same("scoring plan: digest", scheme.plan_sha256, plan_sha256, naming.label)
    yield "Terms and scoring plan have the stated digests."
    yield from check_openings(bundle, naming)
    for lot in bundle.lots:
        rebuilt = RebuiltLot(bundle, lot)
        yield from check_bids(rebuilt, naming)
        yield from check_scores(rebuilt, naming)
    yield from check_scenarios(bundle, naming)
    outcomes = outcomes_of(bundle)
    for lot in bundle.lots:
        yield from check_awards(RebuiltLot(bundle, lot), outcomes, naming)


def _unproven(bundle: AwardBundle) -> Iterator[str]:
    """Say what no bundle can show by itself."""
    yield (
        "That each bid is what lay sealed under its hash: the sealed bytes and their key are not "
        "published. A vendor shows it of its own bid by its receipt."
    )
    if any(bid.failure is not None for lot in bundle.lots for bid in lot.bids):
        yield "That bids which failed could not be opened: of them only the record tells."
    if any(lot.auction is not None for lot in bundle.lots):
        yield "How an auction came to its standing: `commonlot verify` replays its own log."
    if bundle.lots_left_out:
        numbers = ", ".join(each.name for each in bundle.lots_left_out)
        yield f"Lots of which not all may be seen yet: {numbers}."
    yield "Names, titles and evaluators' marks: they are held by the chains whose heads are told."
    if any(lot.pooling is not None for lot in bundle.lots):
        yield "How shares of lots add up that are no plain sums: the RFP's chain holds it."
