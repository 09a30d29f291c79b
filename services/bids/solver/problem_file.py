"""Read a purchase written down by hand as JSON, in the words of a purchase; `FORM` teaches them.

Amounts are texts or whole numbers, read exactly. An unknown member is refused, so that a misspelt
condition is never passed over.
"""

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import lcm
from typing import Any, Final

from services.bids.domain.winners.fit import ProblemUnfit
from services.bids.domain.winners.problem import (
    Bid,
    Granularity,
    Lot,
    Package,
    Problem,
    Share,
    Tier,
    TierMode,
    Vendor,
)
from services.bids.domain.winners.rules import Rule, RuleKind
from services.bids.domain.winners.tasks import Task

FORM: Final = """\
A problem file is one JSON object. Amounts are decimal texts ("12.50"), fractions ("1/3") or whole
numbers; only `lots` must be there.

  lots        [{id, quantity}] or [{id, shares: [{district, quantity}]}]; optional beside them:
              granularity (whole, district, split), reserve (a unit price from which no award is
              better), incumbent (a vendor), switching_cost
  vendors     [{id, capacity, minimum, participation_cost, serves: [district]}]; whoever only bids
              need not be listed
  bids        [{vendor, lot, tiers: [{from, to, unit_price}], setup_cost, mode, factor, score,
              serves, id}]; bids of one vendor on one lot are alternates
  lot_prices  [{vendor, lot, price}]: a price for the whole lot; a part costs the same part of it
  packages    [{vendor, lots: [lot], price, either, factor, score, id}]: all of the lots or nothing;
              packages of one vendor with the same `either` exclude each other
  rules       [{kind, amount, lot, vendor, priority, id}]; kinds: {kinds};
              without priority a rule is mandatory, of the others the higher number gives way first
  tier_mode   all_units (default) or graduated, for bids that do not say a mode
  granularity whole (default), district or split, for lots that do not say one
  free_disposal   true where a lot may be covered more than once
  about, source, optimum   are for people; `about` counts where the two above are not said: "may be
              split" means granularity split, "free disposal" means free_disposal
""".replace("{kinds}", ", ".join(RuleKind))

SEED: Final = "0"
"""Settles ties where none is given: a purchase's own seed comes from its sealed bids."""

_TOLD: Final = {
    "": "about source optimum lots vendors bids lot_prices packages rules tier_mode granularity"
    " free_disposal",
    "lots": "id quantity shares granularity reserve incumbent switching_cost",
    "shares": "district quantity",
    "vendors": "id capacity minimum participation_cost serves",
    "bids": "id vendor lot tiers setup_cost mode factor score serves",
    "tiers": "from to unit_price",
    "lot_prices": "vendor lot price",
    "packages": "id vendor lots price either factor score",
    "rules": "id kind amount lot vendor priority",
}

Told = Mapping[str, Any]


def task_of(text: str, *, seed: str = SEED, seconds: int = 60) -> Task:
    """Read a problem file.

    Raises:
        ProblemUnfit: It is no such file; the reason names the place.
    """
    try:
        told = json.loads(text, parse_float=str)
        _require_known(told, "")
        steps = _steps(told)
        return Task(problem=_problem(told, steps), rules=_rules(told), seed=seed, seconds=seconds)
    except KeyError as error:
        sentence = f"This is no problem file: {error} is missing."
        raise ProblemUnfit([sentence]) from error
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        sentence = f"This is no problem file: {type(error).__name__}, {error}."
        raise ProblemUnfit([sentence]) from error


def _require_known(told: Told, place: str) -> None:
    unknown = told.keys() - set(_TOLD[place].split())
    if unknown:
        sentence = f"{place or 'the file'} has no {', '.join(sorted(unknown))}"
        raise ValueError(sentence)
    for name, value in told.items():
        if name in _TOLD and isinstance(value, list):
            for each in value:
                if isinstance(each, Mapping):
                    _require_known(each, name)


def _steps(told: Told) -> int:
    """Find how many steps of quantity make a unit, so that all quantities are whole."""
    stated = [
        *(each["quantity"] for lot in told["lots"] for each in lot.get("shares", [lot])),
        *(tier[end] for bid in told.get("bids", []) for tier in bid["tiers"] for end in _ENDS),
        *(each.get(bound, 0) for each in told.get("vendors", []) for bound in _BOUNDS),
    ]
    return lcm(*(Fraction(quantity or 0).denominator for quantity in stated))


_ENDS: Final = ("from", "to")
_BOUNDS: Final = ("capacity", "minimum")


def _problem(told: Told, steps: int) -> Problem:
    lots = tuple(_lots(told, steps))
    quantities = {lot.id: lot.quantity for lot in lots}
    about = told.get("about", "")
    return Problem(
        lots=lots,
        vendors=tuple(_vendors(told, steps)),
        bids=(*_bids(told, steps), *_lot_prices(told, quantities, steps)),
        packages=tuple(_packages(told)),
        free_disposal=bool(told.get("free_disposal", "free disposal" in about)),
        steps_per_unit=steps,
    )


def _lots(told: Told, steps: int) -> Iterator[Lot]:
    is_split = "may be split" in told.get("about", "")
    usual = told.get("granularity", Granularity.SPLIT if is_split else Granularity.WHOLE)
    for each in told["lots"]:
        shares = each.get("shares") or [{"district": "", "quantity": each["quantity"]}]
        yield Lot(
            id=str(each["id"]),
            shares=tuple(
                Share(
                    district_id=str(share["district"]),
                    quantity=int(Fraction(share["quantity"]) * steps),
                )
                for share in shares
            ),
            granularity=Granularity(each.get("granularity", usual)),
            reserve=_optional(each.get("reserve")),
            incumbent_id=each.get("incumbent"),
            switching_cost=Fraction(each.get("switching_cost", 0)),
        )


def _vendors(told: Told, steps: int) -> Iterator[Vendor]:
    listed = {str(each["id"]): each for each in told.get("vendors", [])}
    offers = [offer for kind in ("bids", "lot_prices", "packages") for offer in told.get(kind, [])]
    for vendor_id in {**listed, **{str(offer["vendor"]): {} for offer in offers}}:
        each = listed.get(vendor_id, {})
        capacity = _optional(each.get("capacity"))
        yield Vendor(
            id=vendor_id,
            capacity=None if capacity is None else int(capacity * steps),
            minimum=int(Fraction(each.get("minimum", 0)) * steps),
            participation_cost=Fraction(each.get("participation_cost", 0)),
            serves=_served(each),
        )


def _bids(told: Told, steps: int) -> Iterator[Bid]:
    for place, each in enumerate(told.get("bids", [])):
        yield Bid(
            id=str(each.get("id", f"bid {place}")),
            vendor_id=str(each["vendor"]),
            lot_id=str(each["lot"]),
            tiers=tuple(
                Tier(
                    lower=int(Fraction(tier["from"]) * steps),
                    upper=int(Fraction(tier["to"]) * steps),
                    unit_price=Fraction(tier["unit_price"]),
                )
                for tier in each["tiers"]
            ),
            mode=TierMode(each.get("mode", told.get("tier_mode", TierMode.ALL_UNITS))),
            setup_cost=Fraction(each.get("setup_cost", 0)),
            factor=Fraction(each.get("factor", 1)),
            score=_optional(each.get("score")),
            serves=_served(each),
        )


def _lot_prices(told: Told, quantities: Mapping[str, int], steps: int) -> Iterator[Bid]:
    for place, each in enumerate(told.get("lot_prices", [])):
        quantity = quantities.get(str(each["lot"]), steps)
        price = Fraction(each["price"]) * steps / quantity
        yield Bid(
            id=f"price {place}",
            vendor_id=str(each["vendor"]),
            lot_id=str(each["lot"]),
            tiers=(Tier(lower=0, upper=quantity, unit_price=price),),
        )


def _packages(told: Told) -> Iterator[Package]:
    for place, each in enumerate(told.get("packages", [])):
        yield Package(
            id=str(each.get("id", f"package {place}")),
            vendor_id=str(each["vendor"]),
            lot_ids=frozenset(map(str, each["lots"])),
            price=Fraction(each["price"]),
            either=each.get("either"),
            factor=Fraction(each.get("factor", 1)),
            score=_optional(each.get("score")),
        )


def _rules(told: Told) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            id=str(each.get("id", f"rule {place}")),
            kind=RuleKind(each["kind"]),
            amount=Fraction(each.get("amount", 0)),
            lot_id=each.get("lot"),
            vendor_id=each.get("vendor"),
            priority=each.get("priority"),
        )
        for place, each in enumerate(told.get("rules", []))
    )


def _served(each: Told) -> frozenset[str] | None:
    return None if each.get("serves") is None else frozenset(map(str, each["serves"]))


def _optional(amount: Any) -> Fraction | None:
    return None if amount is None else Fraction(amount)
