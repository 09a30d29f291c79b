"""Part equals: by declared rules in their order, and at last by the earlier receipt.

A drawn lot orders bids by SHA-256 over the root of the sealed hash list, the lot's id and the bid's
id, the lowest first. The root is published at the close, before anything is opened; it rests on
hashes that nobody knew whole, so that nobody could steer it, and anyone can draw again.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

from services.bids.domain.scoring.candidates import Candidate
from services.bids.domain.scoring.exactly import sorted_exactly
from services.bids.domain.scoring.plan import EARLIEST_FIRST, Plan, TieBreak, TieRule
from services.bids.domain.scoring.values import Valued, Weights
from shared.domain.ids import BidId, LotId
from shared.domain.refusals import Kind, Refusal

DRAW_PURPOSE: Final = b"commonlot/drawn-lot/1\x00"
"""Keeps these digests apart from all others that are made of the same parts."""

Key = Fraction | bytes | tuple[object, ...]


class LotNotDrawable(Refusal):
    """A lot is to be drawn, but the list of sealed hashes has no published root yet."""

    kind = Kind.CONFLICT
    code = "lot_not_drawable"


@dataclass(frozen=True, slots=True)
class Draw:
    """What a lot is drawn from: the root of the sealed hash list, and the lot that is decided."""

    merkle_root: bytes
    lot_id: LotId

    def digest(self, bid_id: BidId) -> bytes:
        """Draw a bid's lot: 32 bytes, the lowest wins."""
        parts = DRAW_PURPOSE, self.merkle_root, self.lot_id.bytes, bid_id.bytes
        return hashlib.sha256(b"".join(parts)).digest()


@dataclass(frozen=True, slots=True)
class Placed:
    """A valued bid in its place; `parted_by` is the tie rule that put it behind its equal."""

    valued: Valued
    value: Fraction
    parted_by: TieRule | None = None


def placed(plan: Plan, bids: Iterable[Valued], weights: Weights, draw: Draw | None) -> list[Placed]:
    """Put bids into their order, the best first; no two share a place.

    Raises:
        LotNotDrawable: Equals are to be parted by a lot, and there is no `draw`.
    """
    # Receipts part all that is left, by their place in the log at the last.
    by_receipt = sorted(bids, key=lambda each: _receipt(each.candidate))
    found = [(each.value(weights), each) for each in by_receipt]
    listed = sorted_exactly(found, lambda pair: pair[0], is_falling=True)
    if all(left[0] != right[0] for left, right in pairwise(listed)):
        return [Placed(each, value) for value, each in listed]
    rules = (*plan.ties, *EARLIEST_FIRST)
    return _parted(listed, [(rule, _key(rule, draw)) for rule in rules])


def _parted(
    listed: list[tuple[Fraction, Valued]], keys: list[tuple[TieRule, Callable[[Valued], Key]]]
) -> list[Placed]:
    """Sort each run of equals by the rules' keys, and name the rule that parted neighbours."""
    result: list[Placed] = []
    start = 0
    while start < len(listed):
        value = listed[start][0]
        end = start
        while end < len(listed) and listed[end][0] == value:
            end += 1
        equals = [each for _, each in listed[start:end]]
        if len(equals) > 1:
            for _, key in reversed(keys):
                equals.sort(key=key)
        result.append(Placed(equals[0], value))
        result += [
            Placed(behind, value, next(rule for rule, key in keys if key(ahead) != key(behind)))
            for ahead, behind in pairwise(equals)
        ]
        start = end
    return result


def _key(rule: TieRule, draw: Draw | None) -> Callable[[Valued], Key]:
    match rule:
        case TieRule(by=TieBreak.LOWER_PRICE):
            return lambda each: each.candidate.price
        case TieRule(by=TieBreak.CRITERION, criterion=str(name)):
            return lambda each: -_share(each, name)
        case TieRule(by=TieBreak.DRAWN_LOT):
            if draw is None:
                sentence = "A lot is drawn from the root of the sealed hashes, which is not known."
                raise LotNotDrawable(sentence)
            return lambda each: draw.digest(each.candidate.bid_id)
        case _:
            return lambda each: _receipt(each.candidate)


def _share(each: Valued, name: str) -> Fraction:
    """Compute what a bid earns of a criterion; where the method has no points, only a mark does."""
    share = each.measured.shares.get(name)
    return each.parts.get(name, Fraction(0)) if share is None else share


def _receipt(candidate: Candidate) -> tuple[object, ...]:
    return candidate.received_at, candidate.log_index, candidate.bid_id
