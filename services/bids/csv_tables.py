"""Part a CSV file into rows by the names of its columns, and tell what is wrong, row by row.

The file is UTF-8, with or without a byte order mark; its fields are parted by commas, or by
semicolons where the header is; they may be quoted; lines end as they like. Spaces around a field do
not count.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.refusals import Kind, Refusal

FILE_BYTES_MAX: Final = 8 * 1024 * 1024
"""Eight MiB: over 800 bytes for each of ten thousand rows."""

LISTED_MAX: Final = 200
"""How many errors a refusal lists; it counts them all."""


class CsvHeaderInvalid(Refusal):
    """The first line does not name the columns."""

    kind = Kind.INVALID
    code = "csv_header_invalid"


class CsvRowsInvalid(Refusal):
    """Some rows are wrong; nothing was stored. `errors` says which, `error_count` how many."""

    kind = Kind.INVALID
    code = "csv_rows_invalid"


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong: on the line where the row begins (the header's is 1), in which column."""

    line: int
    column: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Columns:
    """The names that a header has, each once: all that are needed, and any of the others."""

    needed: tuple[str, ...]
    others: tuple[str, ...] = ()


Fields = dict[str, str]
"""A row's fields by their columns; a column that the file lacks is empty in every row."""


def parted(
    raw: bytes, columns: Columns, *, rows_max: int
) -> tuple[list[tuple[int, Fields]], list[RowError]]:
    """Part a file into its whole rows, by column, and the errors of those that are not whole.

    Raises:
        CsvHeaderInvalid: The columns are not named as they should be.
        CsvRowsInvalid: The rows cannot be told apart (not UTF-8, broken quotes), or are too many.
    """
    lines = _lines(_text(raw))
    positions = _positions(next(lines, (1, []))[1], columns)
    absent = dict.fromkeys(columns.others, "")
    whole: list[tuple[int, Fields]] = []
    errors: list[RowError] = []
    for number, (line, fields) in enumerate(lines, start=1):
        if number > rows_max:
            raise refused([RowError(line, None, f"A file has at most {rows_max} rows.")])
        if len(fields) == len(positions):
            named = {name: fields[at].strip() for name, at in positions.items()}
            whole.append((line, absent | named))
        else:
            reason = f"The row has {len(fields)} fields; the header has {len(positions)}."
            errors.append(RowError(line, None, reason))
    return whole, errors


def refused(errors: Sequence[RowError]) -> CsvRowsInvalid:
    """Build the refusal that lists the errors by their lines, up to `LISTED_MAX` of them."""
    listed = sorted(errors, key=lambda error: error.line)[:LISTED_MAX]
    sentence = f"{len(errors)} errors were found in the file; nothing was stored."
    if len(errors) == 1:
        sentence = "An error was found in the file; nothing was stored."
    return CsvRowsInvalid(
        sentence,
        details={
            "errors": [
                {"line": error.line, "column": error.column, "reason": error.reason}
                for error in listed
            ],
            "error_count": len(errors),
        },
    )


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise refused([RowError(line, None, "The line is not UTF-8 text.")]) from None


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Part the text into rows, each with the line on which it begins; empty lines are no rows."""
    header = io.StringIO(text, newline="").readline()
    delimiter = ";" if header.count(";") > header.count(",") else ","
    # Line ends are left as they are, so that the reader finds those within quotes itself.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for fields in reader:
            if fields:
                yield line, fields
            line = reader.line_num + 1
    except csv.Error:
        reason = "The quotes of the row are broken, or a field is too long."
        raise refused([RowError(line, None, reason)]) from None


def _positions(header: Sequence[str], columns: Columns) -> dict[str, int]:
    names = [name.strip() for name in header]
    known = {*columns.needed, *columns.others}
    missing = sorted(set(columns.needed) - set(names))
    if missing or len(set(names)) < len(names) or not known.issuperset(names):
        sentence = f"The first line must name these columns, each once: {', '.join(columns.needed)}"
        sentence += f"; and may name {', '.join(columns.others)}." if columns.others else "."
        raise CsvHeaderInvalid(sentence, details={"missing": missing})
    return {name: position for position, name in enumerate(names)}
