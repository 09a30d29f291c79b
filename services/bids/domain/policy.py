"""Say what a policy profile is: the law that a solicitation is under, as data with its sources.

A profile is read from a file; nothing here knows any law by name. Where a profile is silent on a
rule, the rule is None: then nothing is asked, but for the formats of auctions, where silence is no.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from zoneinfo import ZoneInfo

from shared.domain.refusals import Kind, Refusal

Value = TypeVar("Value")

FROM_OPENING: Final = "opening"
"""Bids are the public's once they are opened; where nothing is said, only once all is awarded."""

CLERICAL_ERROR: Final = "clerical_error"
"""A bid may be taken back after the opening for a mistake of the pen, never of judgment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Generic[Value]):
    """One rule: its value, the law that it stands in, and where that was read.

    `is_verified` is False where the primary text was not at hand when the profile was written.
    """

    value: Value
    law: str
    source: str
    note: str = ""
    is_verified: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """Something that the buyer, or each vendor, must declare under a profile."""

    name: str
    sentence: str
    law: str
    source: str
    is_verified: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is shown to whom, and when."""

    what: str
    to: str
    when: str
    law: str
    source: str
    is_verified: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One policy profile. Days are calendar days in `time_zone` unless a rule's name says working.

    `unsettled` lists what the sources at hand leave open. `sha256` is that of the profile's file,
    in hexadecimal: a publication keeps it, so that a later change of the file shows.
    """

    name: str
    title: str
    jurisdiction: str
    time_zone: str
    sha256: str
    unsettled: tuple[str, ...] = ()
    days_open: Rule[int] | None = None
    award_wait_days: Rule[int] | None = None
    price_dominates: Rule[bool] | None = None
    ineligible_apart: Rule[bool] | None = None
    auction_formats: Rule[tuple[str, ...]] | None = None
    auction_show_rank: Rule[tuple[str, ...]] | None = None
    auction_show_lead: Rule[tuple[str, ...]] | None = None
    auction_show_own_rank: Rule[tuple[str, ...]] | None = None
    auction_show_prices: Rule[tuple[str, ...]] | None = None
    auction_notice_working_days: Rule[int] | None = None
    sealed_bars_auction: Rule[bool] | None = None
    fewest_bidders: Rule[int] | None = None
    prequalification: Rule[bool] | None = None
    standstill_days: Rule[int] | None = None
    late_joiners: Rule[bool] | None = None
    withdrawal_after_opening: Rule[str] | None = None
    withdrawal_working_days: Rule[int] | None = None
    withdrawal_days: Rule[int] | None = None
    withdrawal_mistakes: Rule[tuple[str, ...]] | None = None
    withdrawal_evidence: Rule[tuple[str, ...]] | None = None
    withdrawal_lowest_only: Rule[bool] | None = None
    withdrawal_decided_by: Rule[str] | None = None
    second_person: Rule[bool] | None = None
    retention_years: Rule[int] | None = None
    disclosure_from: Rule[str] | None = None
    prices_public: Rule[bool] | None = None
    declarations: tuple[Declaration, ...] = ()
    attestations: tuple[Declaration, ...] = ()
    shown: tuple[Shown, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which the profile's days are counted."""
        return ZoneInfo(self.time_zone)

    @property
    def allows_late_joiners(self) -> bool:
        """Whether a member may take part whose authority is younger than the solicitation."""
        return self.late_joiners is not None and self.late_joiners.value

    @property
    def discloses_from_opening(self) -> bool:
        """Whether bids may be disclosed before the award: as soon as they are opened."""
        return self.disclosure_from is not None and self.disclosure_from.value == FROM_OPENING

    @property
    def allows_clerical_withdrawal(self) -> bool:
        """Whether a bid may be taken back after the opening for a clerical error."""
        rule = self.withdrawal_after_opening
        return rule is not None and rule.value == CLERICAL_ERROR


@dataclass(frozen=True, slots=True)
class Breach:
    """One rule that is not kept: its name, what is wrong, and where the rule stands."""

    rule: str
    sentence: str
    source: str


class PolicyProfileUnknown(Refusal):
    """The policy profile is none that this house applies."""

    kind = Kind.INVALID
    code = "policy_profile_unknown"


class PolicyProfileNotFound(Refusal):
    """There is no policy profile of this name."""

    kind = Kind.NOT_FOUND
    code = "policy_profile_not_found"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("There is no policy profile of this name.")


class PolicyBreached(Refusal):
    """The policy profile forbids it; `breaches` names every rule that is not kept."""

    kind = Kind.INVALID
    code = "policy_breached"

    def __init__(self, profile: str, breaches: Sequence[Breach]) -> None:
        """List all breaches, so that they can be mended at once."""
        count = "one rule" if len(breaches) == 1 else f"{len(breaches)} rules"
        listed = [
            {"rule": breach.rule, "sentence": breach.sentence, "source": breach.source}
            for breach in breaches
        ]
        super().__init__(
            f"This breaks {count} of the policy profile {profile}.", details={"breaches": listed}
        )


class PolicyBook:
    """The profiles that this house applies, by name."""

    def __init__(self, profiles: Iterable[Profile]) -> None:
        """Keep the profiles in the order of their names."""
        self._by_name: Mapping[str, Profile] = {
            profile.name: profile for profile in sorted(profiles, key=lambda each: each.name)
        }

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """Every profile, by name."""
        return tuple(self._by_name.values())

    def find(self, name: str) -> Profile:
        """Find a profile.

        Raises:
            PolicyProfileUnknown: None has this name.
        """
        profile = self._by_name.get(name)
        if profile is None:
            sentence = f"The policy profile must be one of {', '.join(self._by_name)}."
            raise PolicyProfileUnknown(sentence)
        return profile

    def look_up(self, name: str) -> Profile:
        """Find a profile that somebody asks to read.

        Raises:
            PolicyProfileNotFound: None has this name.
        """
        profile = self._by_name.get(name)
        if profile is None:
            raise PolicyProfileNotFound
        return profile


def refuse_breaches(profile: Profile, breaches: Sequence[Breach]) -> None:
    """Let pass what breaks no rule.

    Raises:
        PolicyBreached: It breaks at least one.
    """
    if breaches:
        raise PolicyBreached(profile.name, breaches)
