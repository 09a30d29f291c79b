"""Name what can be asked of an auction's desk."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.domain.facts import Fact
from shared.domain.ids import PartyId
from shared.domain.money import UnitPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something that `party_id` asks for."""

    party_id: PartyId


# A vendor's ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOffer(Command):
    """A vendor offers a price per unit for the whole quantity.

    `salt`, 16 random bytes, hides the price in the log where an offer is secret at first (sealed
    second price, rounds); it must be given there and is not used elsewhere.
    """

    price: UnitPrice
    salt: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawOffer(Command):
    """A vendor takes back what it offered in the turn that runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptLevel(Command):
    """A vendor accepts the price that the ticker shows: `price`, so that a late one is noticed."""

    price: UnitPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveAuction(Command):
    """A vendor leaves a falling ticker for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetProxy(Command):
    """A vendor lets the house bid for it down to `limit`, or changes what it set before.

    Whenever it is beaten, the proxy offers `decrement` less than the best, and never less than
    the limit, which the log hides by `salt`, 16 random bytes.
    """

    limit: UnitPrice = field(repr=False)
    decrement: UnitPrice
    salt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelProxy(Command):
    """A vendor ends its proxy; offers that it has placed stand."""


# The buyer's -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyerAct(Command):
    """Something that only the auction's buyer may do, with a reason that all are told."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseAuction(BuyerAct):
    """Stop the auction's time; what is left of it is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeAuction(BuyerAct):
    """Let the time run on: at once, or at an instant to come."""

    resumes_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendAuction(BuyerAct):
    """Move the close to a later instant."""

    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidOffer(BuyerAct):
    """Take an offer out as if it had never been; `offer` is its sequence in the log."""

    offer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceSurrogate(BuyerAct):
    """Place an offer for a vendor that cannot, under the same rules."""

    vendor_id: PartyId
    price: UnitPrice
    salt: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAuction(BuyerAct):
    """The buyer, or the end of the solicitation, ends the auction without outcome."""


# The house's -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveBack(Command):
    """Give back the time for which nobody wrote the auction."""

    away: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveClose(Command):
    """Move the times of a lot with those of another that is held together with it."""

    closes_at: datetime
    opens_at: datetime | None = None
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


class Step(NamedTuple):
    """One fact that a command brings about, with the secret that the fact commits to, if any."""

    fact: Fact
    secret: Secret | None = None
