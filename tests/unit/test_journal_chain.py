"""Links of a chain: what is hashed is the canonical text of the entry's members."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Final
from uuid import UUID

import pytest

from shared.domain.canonical import canonical
from shared.domain.facts import Fact
from shared.journal import GENESIS, Aggregate, chain

AT: Final = datetime(2026, 3, 2, 15, 0, 0, 1200, tzinfo=UTC)
LOT: Final = Aggregate("lot", UUID("0190a0b0-0000-7000-8000-000000000001"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Painted(Fact):
    """Something was painted."""

    TYPE: ClassVar[str] = "fence.painted"

    colour: str
    coats: int
    note: str | None = None


@pytest.mark.parametrize("actor", ["auctions", 'Bidder "1"\\', "Žižkov\n"])
def test_entry_is_the_canonical_text_of_its_members(actor: str) -> None:
    fact = Painted(colour='red "ish"', coats=2)

    link = chain(LOT, fact, (7, GENESIS), actor=actor, at=AT)

    assert link.entry == canonical(
        {
            "type": "fence.painted",
            "sequence": 7,
            "data": fact,
            "at": AT,
            "aggregate": "lot/0190a0b0-0000-7000-8000-000000000001",
            "actor": actor,
        }
    )


def test_entry_is_written_the_same_for_ever() -> None:
    link = chain(LOT, Painted(colour="red", coats=2), (7, GENESIS), actor="auctions", at=AT)

    assert link.entry == (
        '{"actor":"auctions","aggregate":"lot/0190a0b0-0000-7000-8000-000000000001",'
        '"at":"2026-03-02T15:00:00.001200Z","data":{"coats":2,"colour":"red"},'
        '"sequence":7,"type":"fence.painted"}'
    )


def test_hash_covers_the_hash_before_and_the_entry() -> None:
    before = bytes(range(32))

    link = chain(LOT, Painted(colour="red", coats=2), (7, before), actor="auctions", at=AT)

    assert link.hash == hashlib.sha256(before + link.entry.encode()).digest()
