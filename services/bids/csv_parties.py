"""Read parties from a CSV file: all of it, or a list of every row that is wrong.

A row is one party. A member's row may also say what is known of the member, and by which document
it lets the cooperative buy for it; those columns may be left out, or left empty.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from services.bids.csv_fields import FieldUnfit, quoted, read_area, read_label, read_need_by
from services.bids.csv_tables import Columns, RowError, parted, refused
from services.bids.domain.membership import (
    ENROLMENT_MAX,
    Authority,
    AuthorityId,
    AuthorityKind,
    MemberKind,
    MemberProfile,
)
from services.bids.domain.parties import REGISTRABLE, Party, PartyKind
from services.bids.domain.registration import Registration
from shared.domain.ids import PartyId

PROFILE: Final = (
    "member_kind",
    "enrolment",
    "hazard_zone",
    "category_one_percent",
    "category_two_percent",
)
AUTHORITY: Final = ("authority_kind", "authority_sha256", "authority_signed_on")
COLUMNS: Final = Columns(("kind", "reference", "name", "area"), (*PROFILE, *AUTHORITY))

ROWS_MAX: Final = 2_000
"""The most rows of one file: their chains are written in half a second. Longer files are parted."""

_PERCENT_MAX: Final = 100
_WHOLE: Final = re.compile(r"\d{1,9}", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)

Key = tuple[PartyKind, str]
"""What no two parties share: their kind and reference."""

_Read = TypeVar("_Read")
_Named = TypeVar("_Named", PartyKind, MemberKind, AuthorityKind)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file as it was read: the good rows by their lines, the keys of all rows, the errors."""

    rows: tuple[tuple[int, Registration], ...]
    errors: tuple[RowError, ...]

    @property
    def keys(self) -> list[Key]:
        """The kinds and references of the good rows."""
        return [(row.party.kind, row.party.reference) for _, row in self.rows]


def read_sheet(raw: bytes, *, mint: Callable[[], UUID], registered_at: datetime) -> Sheet:
    """Read a whole file; what is wrong with its rows is in the sheet's errors.

    Raises:
        CsvHeaderInvalid: The columns are not named as they should be.
        CsvRowsInvalid: The rows cannot be told apart (not UTF-8, broken quotes), or are too many.
    """
    whole, errors = parted(raw, COLUMNS, rows_max=ROWS_MAX)
    rows: list[tuple[int, Registration]] = []
    for line, fields in whole:
        reader = _RowReader(line, fields)
        row = reader.row(mint, registered_at)
        errors += reader.errors
        if row is not None:
            rows.append((line, row))
    if not rows and not errors:
        errors.append(RowError(1, None, "There is no row below the header."))
    return Sheet(tuple(rows), tuple(errors))


def check(sheet: Sheet, taken: AbstractSet[Key]) -> None:
    """Let only a sheet pass whose every row can be stored; `taken` are registered already.

    Raises:
        CsvRowsInvalid: A row could not be read, or its reference is another party's.
    """
    errors = [*sheet.errors, *_key_errors(sheet, taken)]
    if errors:
        raise refused(errors)


def _key_errors(sheet: Sheet, taken: AbstractSet[Key]) -> Iterator[RowError]:
    first_lines: dict[Key, int] = {}
    for (line, _), key in zip(sheet.rows, sheet.keys, strict=True):
        first_line = first_lines.setdefault(key, line)
        if first_line != line:
            reason = f"A {key[0]} has this reference on line {first_line} already."
            yield RowError(line, "reference", reason)
        elif key in taken:
            yield RowError(line, "reference", f"A {key[0]} has this reference already.")


class _RowReader:
    """Read the fields of one row, and note what is wrong with each."""

    def __init__(self, line: int, fields: Mapping[str, str]) -> None:
        self.errors: list[RowError] = []
        self._line = line
        self._fields = fields

    def row(self, mint: Callable[[], UUID], at: datetime) -> Registration | None:
        """Read every field; None where any is wrong."""
        party_id = PartyId(mint())
        kind = self._read("kind", _kind)
        reference = self._read("reference", read_label)
        name = self._read("name", read_label)
        area = self._read("area", read_area)
        profile = self._profile(party_id) if self._are_given(PROFILE) else None
        authority = self._authority(party_id, mint, at) if self._are_given(AUTHORITY) else None
        if kind is not None and kind is not PartyKind.MEMBER:
            self._refuse_for(kind)
        if self.errors or kind is None or reference is None or name is None or area is None:
            return None
        party = Party(
            id=party_id, kind=kind, reference=reference, name=name, area=area, registered_at=at
        )
        return Registration(party=party, profile=profile, authority=authority)

    def _profile(self, member_id: PartyId) -> MemberProfile | None:
        kind = self._read("member_kind", _member_kind)
        enrolment = self._read("enrolment", _enrolment)
        zone = self._read("hazard_zone", read_area)
        percents = [self._read(name, _percent) for name in PROFILE[-2:]]
        if kind is None:
            return None
        return MemberProfile(
            member_id=member_id,
            kind=kind,
            enrolment=enrolment,
            hazard_zone=zone or "",
            category_one_percent=percents[0],
            category_two_percent=percents[1],
        )

    def _authority(
        self, member_id: PartyId, mint: Callable[[], UUID], at: datetime
    ) -> Authority | None:
        kind = self._read("authority_kind", _authority_kind)
        digest = self._read("authority_sha256", _sha256)
        signed_on = self._read("authority_signed_on", read_need_by)
        if kind is None or digest is None or signed_on is None:
            return None
        return Authority(
            id=AuthorityId(mint()),
            member_id=member_id,
            kind=kind,
            document_sha256=digest,
            signed_on=signed_on,
            recorded_at=at,
        )

    def _refuse_for(self, kind: PartyKind) -> None:
        reason = f"Only a member's row has this; here it is a {kind}'s."
        for column in (*PROFILE, *AUTHORITY):
            if self._fields[column]:
                self.errors.append(RowError(self._line, column, reason))

    def _are_given(self, columns: tuple[str, ...]) -> bool:
        return any(self._fields[column] for column in columns)

    def _read(self, column: str, read: Callable[[str], _Read]) -> _Read | None:
        try:
            return read(self._fields[column])
        except FieldUnfit as unfit:
            self.errors.append(RowError(self._line, column, unfit.reason))
            return None


def _kind(field: str) -> PartyKind:
    return _one_of(REGISTRABLE, field)


def _member_kind(field: str) -> MemberKind:
    return _one_of(tuple(MemberKind), field)


def _authority_kind(field: str) -> AuthorityKind:
    return _one_of(tuple(AuthorityKind), field)


def _one_of(known: tuple[_Named, ...], field: str) -> _Named:
    for each in known:
        if each == field:
            return each
    reason = f"{quoted(field)} is none of {', '.join(known)}."
    raise FieldUnfit(reason)


def _enrolment(field: str) -> int | None:
    return _whole(field, ENROLMENT_MAX)


def _percent(field: str) -> int | None:
    return _whole(field, _PERCENT_MAX)


def _whole(field: str, most: int) -> int | None:
    """Read a whole number in plain digits; an empty field is None."""
    if not field:
        return None
    if not _WHOLE.fullmatch(field) or int(field) > most:
        reason = f"{quoted(field)} is no whole number from 0 to {most}, in plain digits."
        raise FieldUnfit(reason)
    return int(field)


def _sha256(field: str) -> bytes:
    if not _SHA256.fullmatch(field):
        reason = f"{quoted(field)} is no SHA-256: write 64 hexadecimal digits in lower case."
        raise FieldUnfit(reason)
    return bytes.fromhex(field)
