"""Register a party with all that is known of it at once, as files of parties do."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from services.bids.domain.membership import (
    Authority,
    MemberProfile,
    decide_authority,
    decide_member,
)
from services.bids.domain.parties import Party, decide_register
from shared.domain.facts import Decision, Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A party, and of a member its profile and its authority document where they are known."""

    party: Party
    profile: MemberProfile | None = None
    authority: Authority | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartiesImported(Fact):
    """Parties were registered by a file; its hash stands for what it says."""

    TYPE: ClassVar[str] = "parties.imported"

    import_id: UUID
    rows: int
    file_sha256: str


def decide_registration(new: Registration) -> Decision[Registration]:
    """Register a party with what is known of it; the facts are those of doing it one by one.

    Raises:
        PartyUnknown: The party is no member, and a profile or a document is one's.
    """
    facts = decide_register(new.party).facts
    if new.profile is not None:
        facts += decide_member(new.party, new.profile).facts
    if new.authority is not None:
        facts += decide_authority(new.party, new.authority).facts
    return Decision(new, facts)
