"""Load a season that could happen: an invented technology cooperative of twenty districts.

The tables lie in `examples/technology_cooperative/`; its README says what was invented and how.
"""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from examples.season.plan import (
    Commitment,
    LiveLot,
    Member,
    Need,
    PooledBy,
    SealedBid,
    Season,
    Stage,
    Vendor,
    live_lot,
)
from shared.domain.money import Currency, UnitPrice, parse_quantity

FOLDER: Final = Path(__file__).parent.parent / "technology_cooperative"

USD: Final = Currency("USD")

NOTES: Final = (
    "The districts, the vendors and their prices are invented; they are sized like real ones.",
    "What a district pays alone is what it pays today: its baseline.",
    "Bandwidth is pooled by plain sum: no allowance is made for peaks that do not coincide.",
    (
        "Pooling does not help everyone: Alderbrook City has a better price for laptops, and"
        " Bellwater City for the web filter, than any vendor will offer the pool."
    ),
)


def load_season() -> Season:
    """Read the sample's tables and plan its season: one pooled stage, with live auctions."""
    bids = tuple(
        SealedBid(row["lot_key"], row["vendor_reference"], _price(row["unit_price"]))
        for row in _rows("bids.csv")
    )
    needs = tuple(_need(row) for row in _rows("requirements.csv"))
    return Season(
        dataset="A technology cooperative of twenty districts (invented)",
        currency=USD,
        members=tuple(
            Member(row["reference"], row["name"], row["area"]) for row in _rows("districts.csv")
        ),
        vendors=tuple(Vendor(row["reference"], row["name"]) for row in _rows("vendors.csv")),
        alone=None,
        pooled=Stage(
            title="Pooled by item",
            needs=needs,
            pooled_by=PooledBy.ITEM,
            bids=bids,
            expected_winners=None,
        ),
        live=_live(bids),
        alone_price_of={
            need.reference: need.baseline_unit_price
            for need in needs
            if need.baseline_unit_price is not None
        },
        notes=NOTES,
    )


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def _price(text: str) -> str:
    return str(UnitPrice.parse(text, USD))


def _need(row: dict[str, str]) -> Need:
    return Need(
        reference=row["reference"],
        member_reference=row["member_reference"],
        category=row["category"],
        item_code=row["item_code"],
        specification=row["specification"],
        unit=row["unit"],
        quantity=parse_quantity(row["quantity"]),
        delivery_area=row["delivery_area"],
        term_months=int(row["term_months"]),
        need_by=date.fromisoformat(row["need_by"]),
        baseline_unit_price=_price(row["baseline_unit_price"]),
        commitment=_commitment(row["commitment"]),
    )


def _commitment(text: str) -> Commitment:
    match text:
        case "firm" | "estimate":
            return text
    sentence = f"{text!r} is neither firm nor an estimate"
    raise ValueError(sentence)


def _live(bids: tuple[SealedBid, ...]) -> tuple[LiveLot, ...]:
    limits: dict[str, dict[str, str]] = {}
    for row in _rows("limits.csv"):
        limits.setdefault(row["lot_key"], {})[row["vendor_reference"]] = _price(row["limit_price"])
    return tuple(live_lot(key, bids, of_vendor) for key, of_vendor in limits.items())
