"""Answer whoever wants to know what a policy profile allows, and where each rule stands."""

from dataclasses import fields
from typing import Final, Self

from aiohttp import web
from pydantic import Field

from services.bids.domain.policy import (
    Declaration,
    PolicyBook,
    PolicyProfileNotFound,
    Profile,
    Rule,
    Shown,
)
from shared.web import Api, Call
from shared.web.fields import AnswerModel

POLICIES: Final = web.AppKey("bids_policies", PolicyBook)

routes = Api("bids", title="", version="")


class RuleAnswer(AnswerModel):
    """One rule of a profile: its value, the law it stands in, and where that was read.

    `is_verified` is false where the primary text was not at hand.
    """

    name: str
    value: bool | int | str | list[str]
    law: str
    source: str
    note: str
    is_verified: bool

    @classmethod
    def of(
        cls, name: str, rule: Rule[bool] | Rule[int] | Rule[str] | Rule[tuple[str, ...]]
    ) -> Self:
        """Render a rule."""
        value = rule.value
        return cls(
            name=name,
            value=list(value) if isinstance(value, tuple) else value,
            law=rule.law,
            source=rule.source,
            note=rule.note,
            is_verified=rule.is_verified,
        )


class DeclarationAnswer(AnswerModel):
    """Something to be declared under a profile."""

    name: str
    sentence: str
    law: str
    source: str
    is_verified: bool

    @classmethod
    def of(cls, declaration: Declaration) -> Self:
        """Render a declaration."""
        return cls(
            name=declaration.name,
            sentence=declaration.sentence,
            law=declaration.law,
            source=declaration.source,
            is_verified=declaration.is_verified,
        )


class ShownAnswer(AnswerModel):
    """What is shown to whom, and when."""

    what: str
    to: str
    when: str
    law: str
    source: str
    is_verified: bool

    @classmethod
    def of(cls, shown: Shown) -> Self:
        """Render what is shown."""
        return cls(
            what=shown.what,
            to=shown.to,
            when=shown.when,
            law=shown.law,
            source=shown.source,
            is_verified=shown.is_verified,
        )


class ProfileAnswer(AnswerModel):
    """A policy profile: what it asks and allows, and what its sources leave open.

    A rule that is not listed asks nothing; but where `auction_formats` is not listed, no lot may
    go to auction.
    """

    name: str
    title: str
    jurisdiction: str
    time_zone: str = Field(description="In which the profile's days are counted.")
    sha256: str
    rules: list[RuleAnswer]
    declarations: list[DeclarationAnswer] = Field(description="Asked of the buyer.")
    attestations: list[DeclarationAnswer] = Field(description="Asked of each vendor.")
    shown: list[ShownAnswer]
    unsettled: list[str]

    @classmethod
    def of(cls, profile: Profile) -> Self:
        """Render a profile."""
        named = ((each.name, getattr(profile, each.name)) for each in fields(profile))
        return cls(
            name=profile.name,
            title=profile.title,
            jurisdiction=profile.jurisdiction,
            time_zone=profile.time_zone,
            sha256=profile.sha256,
            rules=[RuleAnswer.of(name, rule) for name, rule in named if isinstance(rule, Rule)],
            declarations=[DeclarationAnswer.of(each) for each in profile.declarations],
            attestations=[DeclarationAnswer.of(each) for each in profile.attestations],
            shown=[ShownAnswer.of(each) for each in profile.shown],
            unsettled=list(profile.unsettled),
        )


class ProfilesAnswer(AnswerModel):
    """Every policy profile that an RFP can be put under, by name."""

    items: list[ProfileAnswer]


@routes.get(
    "/v1/policy-profiles",
    scope="rfp:read",
    answer=ProfilesAnswer,
    summary="List policy profiles",
)
async def list_profiles(call: Call[None]) -> ProfilesAnswer:
    """List the profiles that came with the house, and those of its own folder."""
    return ProfilesAnswer(items=[ProfileAnswer.of(each) for each in call.of(POLICIES).profiles])


@routes.get(
    "/v1/policy-profiles/{name}",
    scope="rfp:read",
    answer=ProfileAnswer,
    summary="Read a policy profile",
    refusals=(PolicyProfileNotFound,),
)
async def read_profile(call: Call[None]) -> ProfileAnswer:
    """Read what a profile allows, rule by rule."""
    return ProfileAnswer.of(call.of(POLICIES).look_up(call.request.match_info["name"]))
