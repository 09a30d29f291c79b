"""Check an award against every rule, in exact numbers and without the solver's model."""

from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from fractions import Fraction

from services.bids.domain.winners.award import Award, Left, Line, Outcome
from services.bids.domain.winners.problem import (
    Bid,
    Lot,
    Package,
    Problem,
    TierMode,
    cells_of,
    tiers_of,
)
from services.bids.domain.winners.rules import Rule, RuleKind, said


def violations(problem: Problem, rules: Sequence[Rule], award: Award) -> tuple[str, ...]:
    """Say what an award breaks; nothing where it keeps all."""
    outcome = Outcome(problem, award)
    structural = (*_broken_cells(outcome), *_broken_bids(outcome), *_broken_packages(outcome))
    if structural:
        return structural
    return (
        *_broken_vendors(outcome),
        *(said(rule) for rule in rules if not keeps(outcome, rule)),
    )


def keeps(outcome: Outcome, rule: Rule) -> bool:
    """Whether an award keeps a rule."""
    match rule.kind:
        case RuleKind.MOST_WINNERS | RuleKind.FEWEST_WINNERS:
            return _keeps_count(outcome, rule)
        case RuleKind.BARRED | RuleKind.REQUIRED:
            wins = rule.vendor_id in _winners(outcome, rule)
            return wins == (rule.kind is RuleKind.REQUIRED)
        case RuleKind.BUDGET:
            return _paid(outcome, rule) <= rule.amount
        case RuleKind.ALL_AWARDED:
            return not any(rule.lot_id in {None, left.lot_id} for left in outcome.award.left)
        case RuleKind.MINIMUM_SCORE:
            offers: list[Bid | Package] = [*_winning_bids(outcome), *outcome.packages]
            return all(is_fit(offer, rule) for offer in offers)
        case _:
            return _keeps_share(outcome, rule)


def is_fit(offer: Bid | Package, rule: Rule) -> bool:
    """Whether an offer scores what a rule asks for; an offer without a score does not."""
    lots = offer.lot_ids if isinstance(offer, Package) else {offer.lot_id}
    if rule.lot_id is not None and rule.lot_id not in lots:
        return True
    return offer.score is not None and offer.score >= rule.amount


def _keeps_count(outcome: Outcome, rule: Rule) -> bool:
    count = len(_winners(outcome, rule))
    if rule.kind is RuleKind.MOST_WINNERS:
        return count <= rule.amount
    return count >= rule.amount or _is_left(outcome, rule)


def _keeps_share(outcome: Outcome, rule: Rule) -> bool:
    """Check the rules that compare what a vendor gets with a bound."""
    if rule.kind is RuleKind.INCUMBENT_SHARE:
        lot = outcome.lots[rule.lot_id or ""]
        kept = outcome.units.get((lot.incumbent_id or "", lot.id), 0)
        return kept >= rule.amount * lot.quantity or _is_left(outcome, rule)
    bound_of = {
        RuleKind.MINIMUM_SPEND: rule.amount,
        RuleKind.LARGEST_SHARE: rule.amount * _whole(outcome, rule),
        RuleKind.SMALLEST_SHARE: rule.amount * _whole(outcome, rule),
    }
    bound = bound_of[rule.kind]
    won = [
        _won(outcome, rule, vendor_id)
        for vendor_id in _winners(outcome, rule)
        if rule.vendor_id in {None, vendor_id}
    ]
    if rule.kind is RuleKind.LARGEST_SHARE:
        return all(part <= bound for part in won)
    return all(part >= bound for part in won)


def _winners(outcome: Outcome, rule: Rule) -> AbstractSet[str]:
    return outcome.winners if rule.lot_id is None else outcome.winners_of(rule.lot_id)


def _won(outcome: Outcome, rule: Rule, vendor_id: str) -> Fraction:
    if rule.lot_id is None or rule.kind is RuleKind.MINIMUM_SPEND:
        return outcome.spend.get(vendor_id, Fraction(0))
    return Fraction(outcome.units.get((vendor_id, rule.lot_id), 0))


def _whole(outcome: Outcome, rule: Rule) -> Fraction:
    if rule.lot_id is None:
        return sum(outcome.spend.values(), Fraction(0))
    return Fraction(outcome.lots[rule.lot_id].quantity)


def _paid(outcome: Outcome, rule: Rule) -> Fraction:
    return outcome.costs().paid if rule.lot_id is None else outcome.paid_for(rule.lot_id)


def _is_left(outcome: Outcome, rule: Rule) -> bool:
    """Whether the rule's lot is not awarded at all, so that nothing is asked of its winners."""
    return rule.lot_id is not None and not outcome.winners_of(rule.lot_id)


def _winning_bids(outcome: Outcome) -> Iterator[Bid]:
    return (outcome.bids[bid_id] for bid_id in outcome.quantities)


def _broken_cells(outcome: Outcome) -> Iterator[str]:
    problem, award = outcome.problem, outcome.award
    given: Counter[tuple[str, str | None]] = Counter()
    parts: list[Line | Left] = [*award.lines, *award.left]
    for part in parts:
        given[part.lot_id, part.district_id] += part.quantity
    packaged = Counter(lot_id for package in outcome.packages for lot_id in package.lot_ids)
    known = set()
    for lot in problem.lots:
        for cell in cells_of(lot):
            place = (lot.id, cell.district_id)
            known.add(place)
            covered = given[place] + packaged[lot.id] * cell.quantity
            if covered < cell.quantity or (covered > cell.quantity and not problem.free_disposal):
                yield f"Lot {lot.id} is covered by {covered} of {cell.quantity} steps."
        if lot.reserve is None and any(left.lot_id == lot.id for left in award.left):
            yield f"Lot {lot.id} has no reserve and is not awarded whole."
    if set(given) - known:
        yield "The award supplies what nobody asked for."


def _broken_bids(outcome: Outcome) -> Iterator[str]:
    for line in outcome.award.lines:
        bid = outcome.bids[line.bid_id]
        if bid.lot_id != line.lot_id or not _reaches(outcome, bid, line.district_id):
            yield f"Bid {bid.id} does not offer what it is awarded."
        if line.quantity <= 0 or not _is_whole_enough(
            outcome.lots[bid.lot_id], line.quantity, line.district_id
        ):
            yield f"Bid {bid.id} is awarded a part that cannot be parted."
    for bid_id, quantity in outcome.quantities.items():
        if not _is_priced(outcome.bids[bid_id], quantity):
            yield f"Bid {bid_id} has no price for {quantity} steps."
    used = Counter((bid.vendor_id, bid.lot_id) for bid in _winning_bids(outcome))
    for (vendor_id, lot_id), count in sorted(used.items()):
        if count > 1:
            yield f"Vendor {vendor_id} wins lot {lot_id} by two alternates."


def _reaches(outcome: Outcome, bid: Bid, district_id: str | None) -> bool:
    vendor, lot = outcome.vendors[bid.vendor_id], outcome.lots[bid.lot_id]
    districts = (
        [share.district_id for share in lot.shares] if district_id is None else [district_id]
    )
    return all(bid.reaches(vendor, district) for district in districts)


def _is_whole_enough(lot: Lot, quantity: int, district_id: str | None) -> bool:
    cells = {cell.district_id: cell for cell in cells_of(lot)}
    cell = cells.get(district_id)
    return cell is not None and (cell.is_divisible or quantity == cell.quantity)


def _is_priced(bid: Bid, quantity: int) -> bool:
    if bid.mode is TierMode.GRADUATED:
        return bid.tiers[0].lower <= quantity <= bid.tiers[-1].upper
    return any(tier.lower <= quantity <= tier.upper for tier in tiers_of(bid))


def _broken_packages(outcome: Outcome) -> Iterator[str]:
    chosen = Counter(
        (package.vendor_id, package.either) for package in outcome.packages if package.either
    )
    for (vendor_id, either), count in sorted(chosen.items(), key=str):
        if count > 1:
            yield f"Vendor {vendor_id} wins two packages of {either}, which exclude each other."
    for package in outcome.packages:
        vendor = outcome.vendors[package.vendor_id]
        districts = {
            share.district_id for lot_id in package.lot_ids for share in outcome.lots[lot_id].shares
        }
        if not all(vendor.reaches(district) for district in districts):
            yield f"Package {package.id} holds districts that vendor {vendor.id} does not serve."


def _broken_vendors(outcome: Outcome) -> Iterator[str]:
    total: Counter[str] = Counter()
    for (vendor_id, _), units in outcome.units.items():
        total[vendor_id] += units
    for vendor_id in sorted(total):
        vendor = outcome.vendors[vendor_id]
        if vendor.capacity is not None and total[vendor_id] > vendor.capacity:
            yield f"Vendor {vendor_id} wins more than it can supply."
        if total[vendor_id] < vendor.minimum:
            yield f"Vendor {vendor_id} wins less than its least quantity."
