"""Name what can be asked of an auction's desk."""

from dataclasses import dataclass

from shared.domain.facts import Fact
from shared.domain.ids import PartyId
from shared.domain.money import UnitPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something that `party_id` asks for."""

    party_id: PartyId


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOffer(Command):
    """A vendor offers a price per unit for the whole quantity."""

    price: UnitPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAuction(Command):
    """The buyer, or the end of the solicitation, ends the auction without outcome."""

    reason: str


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that stands in the log as SHA-256(salt ‖ value), and apart from it as it is."""

    name: str
    value: str
    salt: bytes

    def __repr__(self) -> str:
        """Hide the value."""
        return f"Secret({self.name}, …)"


@dataclass(frozen=True, slots=True)
class Step:
    """One fact that a command brings about, with the secret that the fact commits to, if any."""

    fact: Fact
    secret: Secret | None = None
