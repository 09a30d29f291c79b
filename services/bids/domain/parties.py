"""Say who takes part in purchases: buyers, members, vendors, and the custodians of keys."""

import base64
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from shared.domain.facts import Decision, Fact
from shared.domain.ids import PartyId
from shared.domain.refusals import Kind, Refusal


class PartyKind(StrEnum):
    """What a party is to the cooperative."""

    BUYER = "buyer"
    MEMBER = "member"
    VENDOR = "vendor"
    CUSTODIAN = "custodian"


REGISTRABLE: Final = (PartyKind.MEMBER, PartyKind.VENDOR, PartyKind.CUSTODIAN)
"""The kinds of party that a buyer registers; buyers come with their tokens, and name themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Somebody who takes part; `area` is where a member is delivered to, or empty."""

    id: PartyId
    kind: PartyKind
    reference: str
    name: str
    area: str
    registered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodianKey:
    """The X25519 public key to which a custodian's shares of openings' keys are sealed."""

    custodian_id: PartyId
    public_key: bytes
    registered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyRegistered(Fact):
    """A party takes part from now on; its name is kept off the chain."""

    TYPE: ClassVar[str] = "party.registered"

    party_id: PartyId
    kind: PartyKind
    reference: str
    area: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyRenamed(Fact):
    """A party is called otherwise from now on; the name itself is kept off the chain."""

    TYPE: ClassVar[str] = "party.renamed"

    party_id: PartyId
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodianKeyRegistered(Fact):
    """Openings published from now on are dealt to this key (base64url)."""

    TYPE: ClassVar[str] = "custodian_key.registered"

    custodian_id: PartyId
    public_key: str


class PartyKindUnknown(Refusal):
    """The kind is not one that is registered."""

    kind = Kind.INVALID
    code = "party_kind_unknown"

    def __init__(self) -> None:
        """Say which there are."""
        super().__init__(f"The kind of a party is one of {', '.join(REGISTRABLE)}.")


class PartyAlreadyRegistered(Refusal):
    """A party of this kind and reference is registered already."""

    kind = Kind.CONFLICT
    code = "party_registered"

    def __init__(self) -> None:
        """Say what would help."""
        super().__init__("A party of this kind has this reference already; choose another.")


class CustodianNotRegistered(Refusal):
    """The caller is not registered as a custodian."""

    kind = Kind.FORBIDDEN
    code = "custodian_not_registered"

    def __init__(self) -> None:
        """Say what would help."""
        super().__init__("The caller's party must be registered as a custodian first.")


class CustodianUnknown(Refusal):
    """The party that an RFP names is not a registered custodian."""

    kind = Kind.INVALID
    code = "custodian_unknown"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("The party is not registered as a custodian.")


def registrable(named: str) -> PartyKind:
    """Read the kind of a party that is to be registered, or is looked for.

    Raises:
        PartyKindUnknown: It is none of `REGISTRABLE`.
    """
    if named not in REGISTRABLE:
        raise PartyKindUnknown
    return PartyKind(named)


def decide_register(party: Party) -> Decision[Party]:
    """Register a party."""
    registered = PartyRegistered(
        party_id=party.id, kind=party.kind, reference=party.reference, area=party.area
    )
    return Decision(party, (registered,))


def decide_name(before: Party | None, buyer: Party) -> Decision[Party]:
    """Write down how a buyer is called, in place of what it was called before.

    The same again changes nothing.
    """
    if before is None:
        return decide_register(buyer)
    named = replace(before, name=buyer.name, reference=buyer.reference, area=buyer.area)
    if named == before:
        return Decision(before)
    return Decision(named, (PartyRenamed(party_id=buyer.id, reference=buyer.reference),))


def decide_key(party: Party | None, key: CustodianKey) -> Decision[CustodianKey]:
    """Register a custodian's key, in place of an earlier one; openings already dealt keep theirs.

    Raises:
        CustodianNotRegistered: The caller is not a registered custodian.
    """
    if party is None or party.kind is not PartyKind.CUSTODIAN:
        raise CustodianNotRegistered
    registered = CustodianKeyRegistered(
        custodian_id=key.custodian_id, public_key=key_text(key.public_key)
    )
    return Decision(key, (registered,))


def key_text(key: bytes) -> str:
    """Write key bytes as base64url without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode("ascii")
