"""Read requirements from a CSV file: all of it, or a list of every row that is wrong.

Numbers are written as spreadsheets write them, each column in one way (`csv_fields`). An empty area
means the member's own, an empty baseline that the member does not say what it pays today.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeVar, cast
from uuid import UUID

from services.bids.csv_fields import (
    FieldUnfit,
    NumberColumn,
    notations_of,
    quoted,
    read_area,
    read_baseline,
    read_category,
    read_commitment,
    read_label,
    read_need_by,
    read_quantity,
    read_term_months,
)
from services.bids.csv_tables import Columns, RowError, parted, refused
from services.bids.domain.parties import Party
from services.bids.domain.requirements import Category, Commitment, Requirement
from shared.domain.ids import PartyId, RequirementId
from shared.domain.money import Currency, UnitPrice, digits_of

COLUMNS: Final = (
    "member_reference",
    "category",
    "item_code",
    "specification",
    "unit",
    "quantity",
    "commitment",
    "need_by",
    "term_months",
    "delivery_area",
    "baseline_unit_price",
    "reference",
)
"""The header's names; a file may have them in another order."""

KEY_COLUMNS: Final = frozenset({"member_reference", "reference"})
"""The columns that say which requirement a row states."""

NUMBER_COLUMNS: Final = {"quantity": True, "baseline_unit_price": False}
"""The columns whose notation is to be found, and whether a reason may repeat their fields."""

ROWS_MAX: Final = 10_000
"""The most rows of one file: what one transaction takes in well below its time limit."""


@dataclass(frozen=True, slots=True)
class RowKey:
    """Whose requirement a row states, under which reference, on which line."""

    line: int
    member_reference: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row whose every field can be read."""

    key: RowKey
    category: Category
    item_code: str
    specification: str
    unit: str
    quantity: Decimal
    commitment: Commitment
    need_by: date
    term_months: int
    delivery_area: str
    currency: Currency
    baseline: UnitPrice | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file as it was read: the good rows, the keys that can be read of all rows, the errors."""

    rows: tuple[Row, ...]
    keys: tuple[RowKey, ...]
    errors: tuple[RowError, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the house knows of a file's keys.

    `members` are by reference; `taken` are the references that a member has used; `own` is the
    calling member, who imports for itself and those it `acts_for`, or None for a buyer.
    """

    members: Mapping[str, Party]
    taken: AbstractSet[tuple[PartyId, str]]
    own: PartyId | None
    acts_for: AbstractSet[PartyId] = frozenset()

    def may_state_for(self, member: Party | None) -> bool:
        """Tell whether the caller may import the member's rows; of an unknown one, all may try."""
        if self.own is None:
            return True
        return member is not None and (member.id == self.own or member.id in self.acts_for)


_Read = TypeVar("_Read")


def read_sheet(raw: bytes, currency: Currency, *, decimal: str | None = None) -> Sheet:
    """Read a whole file; what is wrong with its rows is in the sheet's errors.

    `decimal` names the sign before decimals (`point`, `comma`), where the file shall not be asked.

    Raises:
        CsvHeaderInvalid: The columns are not named as they should be.
        CsvRowsInvalid: The rows cannot be told apart (not UTF-8, broken quotes), or are too many.
        CurrencyUnknown: The house does not count in the currency.
        DecimalSignUnknown: Decimals are written in no such way.
    """
    digits_of(currency)
    notations = notations_of(decimal)
    whole, errors = parted(raw, Columns(COLUMNS), rows_max=ROWS_MAX)
    columns = {
        name: NumberColumn((fields[name] for _, fields in whole), notations, is_shown=is_shown)
        for name, is_shown in NUMBER_COLUMNS.items()
    }
    rows: list[Row] = []
    keys: list[RowKey] = []
    for line, fields in whole:
        reader = _RowReader(line, fields, columns)
        row = reader.row(currency)
        errors += reader.errors
        if not any(error.column in KEY_COLUMNS for error in reader.errors):
            keys.append(row.key)
        if not reader.errors:
            rows.append(row)
    if not rows and not errors:
        errors.append(RowError(1, None, "There is no row below the header."))
    return Sheet(tuple(rows), tuple(keys), tuple(errors))


def check(sheet: Sheet, known: Known) -> None:
    """Let only a sheet pass whose every row can be stored.

    Raises:
        CsvRowsInvalid: A row could not be read, is of an unknown member, or repeats a reference.
    """
    errors = [*sheet.errors, *_key_errors(sheet.keys, known)]
    if errors:
        raise refused(errors)


def requirements_of(
    sheet: Sheet,
    members: Mapping[str, Party],
    *,
    import_id: UUID,
    stated_at: datetime,
    mint: Callable[[], RequirementId],
) -> list[Requirement]:
    """Make the requirements of a sheet that was checked, in the order of its rows."""
    return [
        Requirement(
            id=mint(),
            member_id=members[row.key.member_reference].id,
            reference=row.key.reference,
            category=row.category,
            item_code=row.item_code,
            specification=row.specification,
            unit=row.unit,
            quantity=row.quantity,
            commitment=row.commitment,
            need_by=row.need_by,
            term_months=row.term_months,
            delivery_area=row.delivery_area or members[row.key.member_reference].area,
            currency=row.currency,
            baseline=row.baseline,
            stated_at=stated_at,
            import_id=import_id,
        )
        for row in sheet.rows
    ]


class _RowReader:
    """Read the fields of one row, and note what is wrong with each."""

    def __init__(
        self, line: int, fields: Mapping[str, str], columns: Mapping[str, NumberColumn]
    ) -> None:
        self.errors: list[RowError] = []
        self._line = line
        self._fields = fields
        self._columns = columns

    def row(self, currency: Currency) -> Row:
        """Read every field; where there are errors the row is of no use but for its key."""
        read = self._read
        return Row(
            key=RowKey(
                self._line, read("member_reference", read_label), read("reference", read_label)
            ),
            category=read("category", read_category),
            item_code=read("item_code", read_label),
            specification=read("specification", read_label),
            unit=read("unit", read_label),
            quantity=read("quantity", read_quantity),
            commitment=read("commitment", read_commitment),
            need_by=read("need_by", read_need_by),
            term_months=read("term_months", read_term_months),
            delivery_area=read("delivery_area", read_area),
            currency=currency,
            baseline=read("baseline_unit_price", lambda field: read_baseline(field, currency)),
        )

    def _read(self, column: str, read: Callable[[str], _Read]) -> _Read:
        field = self._fields[column]
        try:
            return read(self._columns[column].plain(field) if column in self._columns else field)
        except FieldUnfit as unfit:
            self.errors.append(RowError(self._line, column, unfit.reason))
            return cast("_Read", field)


def _key_errors(keys: Iterable[RowKey], known: Known) -> Iterator[RowError]:
    first_lines: dict[tuple[str, str], int] = {}
    for key in keys:
        first_line = first_lines.setdefault((key.member_reference, key.reference), key.line)
        member = known.members.get(key.member_reference)
        if not known.may_state_for(member):
            reason = "You may import your own requirements only."
            yield RowError(key.line, "member_reference", reason)
        elif member is None:
            reason = f"No member is registered as {quoted(key.member_reference)}."
            yield RowError(key.line, "member_reference", reason)
        elif first_line != key.line:
            reason = f"The member has this reference on line {first_line} already."
            yield RowError(key.line, "reference", reason)
        elif (member.id, key.reference) in known.taken:
            reason = "The member has a requirement of this reference already."
            yield RowError(key.line, "reference", reason)
