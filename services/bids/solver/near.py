"""Search near the relaxation: guess an award, then prove in small steps that none is cheaper.

An award's distance is what it costs above the relaxation. Whatever is found within a distance is
the cheapest of all: no award that is as cheap has any of the columns that were left out.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

from services.bids.solver.engine import Aim, Ending, Run
from services.bids.solver.hunt import Found, Hunt
from services.bids.solver.narrow import Relaxation
from services.bids.solver.ties import exclude

GUESS_DISTANCES: Final = (3e-5, 6e-5)
"""How far above the relaxation an award is guessed, as shares of its cost."""

GUESSED: Final = 1e-4
"""An award that was guessed from the first distance and is no farther off needs no better guess."""

DISTANCES: Final = (1e-4, 4e-4, 1e-3, 1e-2)
"""How far above the relaxation is searched, one after another, where no good guess is known."""

FAR: Final = 4e-4
"""A guess no farther than this is held against all others at once. From this distance on an award
is guessed anew: one from so near was too far off to be of use."""

GUESS_SHARE: Final = 0.1
"""How much of the time left a guess gets; where it needs more, the proof is the better searcher."""

NEAR_SHARE: Final = 0.7
KNOWN_SHARE: Final = 0.95
"""How much of the time left one search near the relaxation gets, the second where an award is known
already; the rest is for any award."""


@dataclass(frozen=True, slots=True)
class Cheapest:
    """The cheapest award's run; `is_only` when it was proven that no other costs as little."""

    run: Run
    is_only: bool = False


def cheapest_near(hunt: Hunt, relaxation: Relaxation) -> Cheapest:
    """Find the cheapest award near the relaxation, then farther and farther from it."""
    guess: Found | None = None
    for distance in GUESS_DISTANCES:
        if guess is None or hunt.ceiling(guess) > relaxation.reach(GUESSED):
            guess = _better(guess, _guess(hunt, relaxation, distance))
    bound = -math.inf
    for distance in DISTANCES:
        most = relaxation.reach(distance)
        if distance >= FAR and (guess is None or hunt.ceiling(guess) > most):
            guess = _better(guess, _guess(hunt, relaxation, distance))
        held = max(most, relaxation.reach(FAR))
        known = guess if guess is not None and hunt.ceiling(guess) <= held else None
        step = _step(hunt, relaxation, most, known)
        if step.run.ending is Ending.OPTIMAL:
            return step
        bound = max(bound, step.run.bound)
        guess = _better(guess, hunt.read(step.run))
        if step.run.ending is Ending.OUT_OF_TIME or known is not None:
            break
    return Cheapest(_anywhere(hunt, guess, bound))


def _step(hunt: Hunt, relaxation: Relaxation, most: float, known: Found | None) -> Cheapest:
    """Search up to `most`, or for another award that is as cheap as the known one.

    Where there is no other, the known one is both the cheapest and the only one.
    """
    if known is None:
        found = hunt.run(relaxation.narrowed(most), aim=Aim.PROVE, cutoff=most, share=NEAR_SHARE)
        return Cheapest(replace(found, bound=most) if found.ending is Ending.INFEASIBLE else found)
    most = float(hunt.ceiling(known))
    program = relaxation.narrowed(most)
    is_excluded = exclude(hunt, program, known)
    found = hunt.run(program, aim=Aim.PROVE, cutoff=most, share=KNOWN_SHARE)
    units = float(known.cost / hunt.scale.unit)
    if found.ending is Ending.INFEASIBLE and is_excluded:
        return Cheapest(Run(Ending.OPTIMAL, known.values, units, units), is_only=True)
    if found.ending is Ending.INFEASIBLE:
        # The known award itself was not found, so this run is believed in nothing.
        return Cheapest(replace(found, bound=-math.inf))
    return Cheapest(replace(found, bound=min(found.bound, units)))


def _guess(hunt: Hunt, relaxation: Relaxation, distance: float) -> Found | None:
    program = relaxation.narrowed(relaxation.reach(distance))
    return hunt.read(hunt.run(program, aim=Aim.GUESS, share=GUESS_SHARE))


def _better(one: Found | None, other: Found | None) -> Found | None:
    stated = [found for found in (one, other) if found is not None]
    return min(stated, key=lambda found: found.cost, default=None)


def _anywhere(hunt: Hunt, guess: Found | None, bound: float) -> Run:
    """Search the whole program; what was guessed is better than nothing."""
    last = hunt.run(hunt.model.program)
    if last.ending is not Ending.OUT_OF_TIME:
        return last
    units = math.inf if guess is None else float(guess.cost / hunt.scale.unit)
    if guess is not None and units < last.objective:
        last = Run(Ending.OUT_OF_TIME, guess.values, last.bound, units)
    return replace(last, bound=max(bound, last.bound))
