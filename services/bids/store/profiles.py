"""Read policy profiles from their files: those that come with the house, and a buyer's own folder.

A profile is one TOML file; adding one needs no code. What cannot be read stops the service at its
start, because a law that is half understood is worse than none.
"""

import hashlib
import tomllib
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    field_validator,
)

from services.bids.domain.policy import Declaration, PolicyBook, Profile, Rule, Shown
from services.bids.domain.withdrawals import ClericalMistake

SUFFIX: Final = ".toml"

Value = TypeVar("Value")


class ProfileBroken(Exception):  # noqa: N818 - a fact about a file, told when a service starts
    """A file in a folder of profiles is none, or its name is taken."""


class _FileModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Rule(_FileModel, Generic[Value]):
    value: Value
    law: str
    source: str
    note: str = ""
    is_verified: bool = True

    def rule(self) -> Rule[Value]:
        return Rule(
            value=self.value,
            law=self.law,
            source=self.source,
            note=self.note,
            is_verified=self.is_verified,
        )


class _Listed(_Rule[list[str]]):
    def listed(self) -> Rule[tuple[str, ...]]:
        return Rule(
            value=tuple(self.value),
            law=self.law,
            source=self.source,
            note=self.note,
            is_verified=self.is_verified,
        )


class _Mistakes(_Listed):
    @field_validator("value")
    @classmethod
    def _must_be_clerical(cls, value: list[str]) -> list[str]:
        return [ClericalMistake(each).value for each in value]


class _Rules(_FileModel):
    days_open: _Rule[PositiveInt] | None = None
    award_wait_days: _Rule[PositiveInt] | None = None
    price_dominates: _Rule[bool] | None = None
    ineligible_apart: _Rule[bool] | None = None
    auction_formats: _Listed | None = None
    auction_show_rank: _Listed | None = None
    auction_show_lead: _Listed | None = None
    auction_show_own_rank: _Listed | None = None
    auction_show_prices: _Listed | None = None
    auction_notice_working_days: _Rule[PositiveInt] | None = None
    sealed_bars_auction: _Rule[bool] | None = None
    fewest_bidders: _Rule[PositiveInt] | None = None
    prequalification: _Rule[bool] | None = None
    standstill_days: _Rule[NonNegativeInt] | None = None
    late_joiners: _Rule[bool] | None = None
    withdrawal_after_opening: _Rule[Literal["clerical_error", "never"]] | None = None
    withdrawal_working_days: _Rule[PositiveInt] | None = None
    withdrawal_days: _Rule[PositiveInt] | None = None
    withdrawal_mistakes: _Mistakes | None = None
    withdrawal_evidence: _Listed | None = None
    withdrawal_lowest_only: _Rule[bool] | None = None
    withdrawal_decided_by: _Rule[Literal["buyer"]] | None = None
    second_person: _Rule[bool] | None = None
    retention_years: _Rule[PositiveInt] | None = None
    disclosure_from: _Rule[Literal["opening", "award"]] | None = None
    prices_public: _Rule[bool] | None = None


class _Declaration(_FileModel):
    name: str
    sentence: str
    law: str
    source: str
    is_verified: bool = True


class _Shown(_FileModel):
    what: str
    to: str
    when: str
    law: str
    source: str
    is_verified: bool = True


class _ProfileFile(_FileModel):
    name: str
    title: str
    jurisdiction: str
    time_zone: str
    unsettled: list[str] = []
    rules: _Rules = _Rules()
    declarations: list[_Declaration] = []
    attestations: list[_Declaration] = []
    shown: list[_Shown] = []

    @field_validator("time_zone")
    @classmethod
    def _must_be_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            sentence = "is no time zone that this machine knows"
            raise ValueError(sentence) from error
        return value

    def profile(self, sha256: str) -> Profile:
        named = {name: getattr(self.rules, name) for name in _Rules.model_fields}
        # Each name is a rule's of `Profile` too, of the same value: the models above say which.
        rules: dict[str, Any] = {
            name: each.listed() if isinstance(each, _Listed) else each.rule()
            for name, each in named.items()
            if each is not None
        }
        return Profile(
            name=self.name,
            title=self.title,
            jurisdiction=self.jurisdiction,
            time_zone=self.time_zone,
            sha256=sha256,
            unsettled=tuple(self.unsettled),
            declarations=tuple(Declaration(**each.model_dump()) for each in self.declarations),
            attestations=tuple(Declaration(**each.model_dump()) for each in self.attestations),
            shown=tuple(Shown(**each.model_dump()) for each in self.shown),
            **rules,
        )


def read_profiles(folder: Path | None = None) -> PolicyBook:
    """Read the profiles that come with the house and, if there is one, those of a folder.

    Raises:
        ProfileBroken: A file is not a profile, is named otherwise than its profile, or takes the
            name of another.
    """
    profiles = list(_shipped())
    if folder is not None:
        if not folder.is_dir():
            sentence = f"{folder} is no folder of profiles"
            raise ProfileBroken(sentence)
        profiles += [_read(file) for file in _files_in(folder)]
    names = [profile.name for profile in profiles]
    taken = sorted({name for name in names if names.count(name) > 1})
    if taken:
        sentence = f"two profiles are named {', '.join(taken)}"
        raise ProfileBroken(sentence)
    return PolicyBook(profiles)


@cache
def _shipped() -> tuple[Profile, ...]:
    """Read the house's own once: they do not change while it runs."""
    return tuple(_read(file) for file in _files_in(resources.files("services.bids") / "profiles"))


def _files_in(folder: Traversable) -> list[Traversable]:
    files = (file for file in folder.iterdir() if file.name.endswith(SUFFIX))
    return sorted(files, key=lambda file: file.name)


def _read(file: Traversable) -> Profile:
    content = file.read_bytes()
    try:
        parsed = _ProfileFile.model_validate(tomllib.loads(content.decode()))
    except (ValidationError, ValueError) as error:
        sentence = f"{file.name} is no policy profile: {error}"
        raise ProfileBroken(sentence) from error
    if f"{parsed.name}{SUFFIX}" != file.name:
        sentence = f"{file.name} holds a profile that is named {parsed.name}"
        raise ProfileBroken(sentence)
    return parsed.profile(hashlib.sha256(content).hexdigest())
