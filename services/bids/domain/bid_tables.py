"""Read bids from a spreadsheet: one bid for each lot that has a row, all of them or none.

The first line names the columns `lot_number`, `unit_price` and, for tiers, `from_quantity`; the
rows of one lot are its tiers. A column `answer:NAME` answers what the RFP asks by that name, and a
column `attest:NAME` attests it with `yes`; both are said in one of a lot's rows. Commas or
semicolons part the cells, as the first line does. No refusal repeats a cell, because it may be a
price.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final, NoReturn

from shared.domain.bid_content import TIERS_MAX, Answer, Pricing, Tier, TiersApply, one_price
from shared.domain.ids import LotId
from shared.domain.money import Currency, UnitPrice, parse_quantity
from shared.domain.refusals import Kind, Refusal

TABLE_BYTES_MAX: Final = 1024 * 1024
ROWS_MAX: Final = 5_000
LOTS_MAX: Final = 1_000
"""The most bids that are filed at once: their transaction takes a second or two."""

ERRORS_MAX: Final = 200
"""How many wrong cells are listed; all of them are counted."""

_NEEDED: Final = frozenset({"lot_number", "unit_price"})
_COLUMNS: Final = _NEEDED | {"from_quantity"}

_ANSWER: Final = "answer:"
_ATTEST: Final = "attest:"
_YES: Final = "yes"


@dataclass(frozen=True, slots=True)
class CellError:
    """What is wrong: on which line (the header's is 1), in which column."""

    line: int
    column: str | None
    reason: str


class BidTableInvalid(Refusal):
    """The table cannot be read, or some of its rows are wrong; nothing was filed."""

    kind = Kind.INVALID
    code = "bid_table_invalid"

    def __init__(self, errors: Sequence[CellError]) -> None:
        """List the first errors, and count them all."""
        listed = [
            {"line": error.line, "column": error.column, "reason": error.reason}
            for error in errors[:ERRORS_MAX]
        ]
        sentence = "Some rows are wrong, and none was filed."
        super().__init__(sentence, details={"errors": listed, "error_count": len(errors)})


@dataclass(frozen=True, slots=True)
class PricedLot:
    """One bid of a table: the lot, its prices, what it says, and the line on which it begins."""

    lot_id: LotId
    pricing: Pricing
    line: int
    answers: tuple[Answer, ...] = ()
    attestations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    lot_id: LotId
    from_quantity: Decimal | None
    unit_price: UnitPrice
    said: Mapping[str, str]


def read_table(
    raw: bytes, lots: Mapping[int, LotId], currency: Currency, *, apply: TiersApply
) -> list[PricedLot]:
    """Read the bids of a table, in the order in which their lots appear.

    Raises:
        BidTableInvalid: Not a table, or rows are wrong; the details say which.
    """
    errors: list[CellError] = []
    by_lot: dict[LotId, list[_Row]] = {}
    for line, cells in _lines(raw):
        row = _row(line, cells, lots, currency)
        if isinstance(row, _Row):
            by_lot.setdefault(row.lot_id, []).append(row)
        else:
            errors += row
    priced = []
    for rows in by_lot.values():
        pricing, said = _pricing(rows, apply), _said(rows)
        wrong = [each for each in (pricing, said) if isinstance(each, CellError)]
        errors += wrong
        if not isinstance(pricing, CellError) and not isinstance(said, CellError):
            priced.append(_bid(rows[0], pricing, said))
    if len(by_lot) > LOTS_MAX:
        errors.append(CellError(1, None, f"A table holds bids on up to {LOTS_MAX} lots."))
    if errors or not priced:
        raise BidTableInvalid(errors or [CellError(1, None, "The table holds no row.")])
    return priced


def _lines(raw: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = raw.decode("utf-8-sig")
        header_text = text.splitlines()[0]
    except (UnicodeDecodeError, IndexError):
        _refuse("The table is text in UTF-8, with a first line.")
    mark = ";" if ";" in header_text else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    try:
        header = [_column(name.strip()) for name in next(reader)]
        named = {name for name in header if not name.startswith((_ANSWER, _ATTEST))}
        if len(set(header)) != len(header) or not _NEEDED <= named <= _COLUMNS:
            _refuse(
                "The first line names lot_number, unit_price, from_quantity, answer:… and attest:…."
            )
        for count, cells in enumerate(reader, start=1):
            if count > ROWS_MAX:
                _refuse(f"A table holds up to {ROWS_MAX} rows.")
            if any(cell.strip() for cell in cells):
                yield reader.line_num, dict(zip(header, map(str.strip, cells), strict=False))
    except csv.Error:
        _refuse("The table's quotes do not close.", reader.line_num)


def _column(name: str) -> str:
    """Read a column's name; what is asked and attested is named as the RFP writes it."""
    mark, colon, asked = name.partition(":")
    return f"{mark.strip().lower()}:{asked.strip()}" if colon else name.lower()


def _row(
    line: int, cells: Mapping[str, str], lots: Mapping[int, LotId], currency: Currency
) -> _Row | list[CellError]:
    errors = []
    number = cells.get("lot_number", "")
    lot_id = lots.get(int(number)) if number.isascii() and number.isdigit() else None
    if lot_id is None:
        errors.append(CellError(line, "lot_number", "The solicitation has no lot of this number."))
    start = cells.get("from_quantity") or None
    try:
        from_quantity = None if start is None else parse_quantity(start)
    except Refusal as refusal:
        errors.append(CellError(line, "from_quantity", refusal.sentence))
        from_quantity = None
    try:
        unit_price = UnitPrice.parse(cells.get("unit_price", ""), currency)
    except Refusal as refusal:
        errors.append(CellError(line, "unit_price", refusal.sentence))
        return errors
    if errors or lot_id is None:
        return errors
    said = {
        name: text for name, text in cells.items() if name.startswith((_ANSWER, _ATTEST)) and text
    }
    return _Row(line, lot_id, from_quantity, unit_price, said)


def _said(rows: Sequence[_Row]) -> dict[str, str] | CellError:
    """Gather what a lot's rows answer and attest; each thing is said once."""
    said: dict[str, str] = {}
    for row in rows:
        for name, text in row.said.items():
            if said.setdefault(name, text) != text:
                return CellError(row.line, name, "A lot's rows say this in one way, or once.")
            if name.startswith(_ATTEST) and text.lower() != _YES:
                return CellError(row.line, name, "What is attested is attested by the word yes.")
    return said


def _bid(first: _Row, pricing: Pricing, said: Mapping[str, str]) -> PricedLot:
    return PricedLot(
        first.lot_id,
        pricing,
        first.line,
        answers=tuple(
            Answer(name.removeprefix(_ANSWER), text)
            for name, text in said.items()
            if name.startswith(_ANSWER)
        ),
        attestations=tuple(name.removeprefix(_ATTEST) for name in said if name.startswith(_ATTEST)),
    )


def _pricing(rows: Sequence[_Row], apply: TiersApply) -> Pricing | CellError:
    if len(rows) == 1 and rows[0].from_quantity is None:
        return one_price(rows[0].unit_price)
    tiers = []
    for row in rows:
        if row.from_quantity is None:
            sentence = "Each of a lot's several rows says from which quantity its price holds."
            return CellError(row.line, "from_quantity", sentence)
        tiers.append(Tier(row.from_quantity, row.unit_price))
    ordered = sorted(tiers, key=lambda tier: tier.from_quantity)
    if any(one.from_quantity == next_.from_quantity for one, next_ in pairwise(ordered)):
        return CellError(rows[0].line, "from_quantity", "A lot's tiers begin at different ones.")
    if len(ordered) > TIERS_MAX:
        return CellError(rows[0].line, None, f"A lot has up to {TIERS_MAX} tiers.")
    return Pricing(tuple(ordered), apply)


def _refuse(reason: str, line: int = 1) -> NoReturn:
    # The cause is cut off: a reader's error may quote the cell that it stumbled on.
    raise BidTableInvalid([CellError(line, None, reason)]) from None
