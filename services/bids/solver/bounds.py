"""Write a buyer's rules as rows of the program."""

import math
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

from services.bids.domain.winners.check import is_fit
from services.bids.domain.winners.rules import Rule, RuleKind
from services.bids.solver.model import USE, Model
from services.bids.solver.program import Number, Terms


def write_rules(model: Model, rules: Sequence[Rule]) -> None:
    """Add the rows of all rules that are among the model's conditions."""
    for rule in rules:
        if model.holds(rule):
            _write(model, rule)


def _write(model: Model, rule: Rule) -> None:
    match rule.kind:
        case RuleKind.MOST_WINNERS | RuleKind.FEWEST_WINNERS:
            _count_winners(model, rule)
        case RuleKind.LARGEST_SHARE | RuleKind.SMALLEST_SHARE | RuleKind.MINIMUM_SPEND:
            _bound_share(model, rule)
        case RuleKind.INCUMBENT_SHARE:
            _keep_incumbent(model, rule)
        case RuleKind.BUDGET:
            model.program.row(_paid(model, rule.lot_id), most=rule.amount)
        case RuleKind.MINIMUM_SCORE:
            _bar_unfit(model, rule)
        case RuleKind.BARRED | RuleKind.REQUIRED:
            _fix_vendor(model, rule)
        case RuleKind.ALL_AWARDED:
            _award_all(model, rule)


def _bound_share(model: Model, rule: Rule) -> None:
    if rule.lot_id is None:
        _bound_spend(model, rule)
    else:
        _bound_units(model, rule, rule.lot_id)


def _count_winners(model: Model, rule: Rule) -> None:
    wins = [term for terms in model.wins_of(rule.lot_id).values() for term in terms]
    if rule.kind is RuleKind.MOST_WINNERS:
        model.program.row(wins, most=rule.amount)
        return
    empty = [] if rule.lot_id is None else model.emptiness(rule.lot_id)
    relief = [(column, rule.amount) for column, _ in empty]
    model.program.row([*wins, *relief], least=rule.amount)


def _bound_units(model: Model, rule: Rule, lot_id: str) -> None:
    whole = model.lots[lot_id].quantity
    for vendor_id, win in model.wins_of(lot_id).items():
        if rule.vendor_id in {None, vendor_id}:
            _bound(model, rule, model.units_of(vendor_id, lot_id), (win, rule.amount * whole))


def _bound(model: Model, rule: Rule, terms: Terms, bound: tuple[Terms, Number]) -> None:
    """Keep terms at most, or at least, an amount where `win` is 1."""
    win, amount = bound
    sums: dict[int, Number] = defaultdict(int)
    for column, value in (*terms, *((column, -amount * one) for column, one in win)):
        sums[column] += value
    if rule.kind is RuleKind.LARGEST_SHARE:
        model.program.row(list(sums.items()), most=0)
    else:
        model.program.row(list(sums.items()), least=0)


def _bound_spend(model: Model, rule: Rule) -> None:
    for vendor_id in model.vendors:
        if rule.vendor_id not in {None, vendor_id}:
            continue
        use = model.program.keys[USE, vendor_id]
        spend = model.spend.get(vendor_id, [])
        match rule.kind:
            case RuleKind.MINIMUM_SPEND:
                _bound(model, rule, spend, ([(use, 1)], rule.amount))
            case RuleKind.LARGEST_SHARE:
                model.program.row(_less_share(model, spend, rule.amount), most=0)
            case _:
                most = _spend_max(model) * rule.amount
                terms = [*_less_share(model, spend, rule.amount), (use, -most)]
                model.program.row(terms, least=-most)


def _less_share(model: Model, spend: Terms, share: Fraction) -> Terms:
    """List a vendor's spend less a share of all vendors' spend."""
    sums: dict[int, Fraction] = defaultdict(Fraction)
    for column, price in spend:
        sums[column] += price
    for terms in model.spend.values():
        for column, price in terms:
            sums[column] -= share * price
    return list(sums.items())


def _spend_max(model: Model) -> Fraction:
    """Bound what can be paid: by the dearest way to cover every lot."""
    dearest = Fraction(0)
    for terms in model.paid_for.values():
        dearest += max((abs(Fraction(price)) for _, price in terms), default=Fraction(0))
    return Fraction(math.ceil(dearest * (2 * len(model.cells) + len(model.problem.packages))))


def _keep_incumbent(model: Model, rule: Rule) -> None:
    lot = model.lots[rule.lot_id or ""]
    least = rule.amount * lot.quantity
    relief = [(column, least) for column, _ in model.emptiness(lot.id)]
    model.program.row([*model.units_of(lot.incumbent_id or "", lot.id), *relief], least=least)


def _paid(model: Model, lot_id: str | None) -> Terms:
    if lot_id is not None:
        return list(model.paid_for.get(lot_id, []))
    participation: Terms = [
        (model.program.keys[USE, vendor.id], vendor.participation_cost)
        for vendor in model.vendors.values()
        if vendor.participation_cost
    ]
    return [*(term for terms in model.spend.values() for term in terms), *participation]


def _bar_unfit(model: Model, rule: Rule) -> None:
    unfit_bids = {bid.id for bid in model.problem.bids if not is_fit(bid, rule)}
    unfit_packages = {each.id for each in model.problem.packages if not is_fit(each, rule)}
    barred: Terms = [
        (column, 1)
        for key, column in model.program.keys.items()
        if (key[0] == "switch" and key[1] in unfit_bids)
        or (key[0] == "package" and key[1] in unfit_packages)
    ]
    model.program.row(barred, most=0)


def _fix_vendor(model: Model, rule: Rule) -> None:
    terms = model.wins_of(rule.lot_id).get(rule.vendor_id or "", [])
    if rule.kind is RuleKind.REQUIRED:
        model.program.row(terms, least=1)
    else:
        model.program.row(terms, most=0)


def _award_all(model: Model, rule: Rule) -> None:
    left: Terms = [
        (column, 1)
        for key, column in model.program.keys.items()
        if key[0] == "left"
        and isinstance(key[1], int)
        and rule.lot_id in {None, model.cells[key[1]].lot_id}
    ]
    model.program.row(left, most=0)
