"""Answer buyers who register parties, and custodians who register their keys."""

import base64
from typing import Final, Self
from uuid import UUID

from aiohttp import web
from pydantic import Field

from services.bids.domain.parties import (
    CustodianKey,
    CustodianNotRegistered,
    Party,
    PartyAlreadyRegistered,
    PartyKind,
    PartyKindUnknown,
    key_text,
    registrable,
)
from services.bids.ports.purchase import Part
from services.bids.usecases.parties import NewParty, Parties
from shared.sealing import KeyMalformed
from shared.web import Api, Call
from shared.web.fields import AnswerModel, Label, PageAnswer, RequestModel

PARTIES: Final = web.AppKey("bids_parties", Parties)

routes = Api("bids", title="", version="")


class RegisterParty(RequestModel):
    """A member, a vendor or a custodian; the reference is the cooperative's own."""

    kind: PartyKind = Field(examples=["member"])
    reference: Label = Field(examples=["ALDERBROOK"])
    name: Label = Field(examples=["Alderbrook City"])
    area: Label | None = Field(default=None, examples=["North Shore"])


class NameBuyer(RequestModel):
    """How the buyer is called; the reference is its own, and no other buyer's."""

    reference: Label = Field(examples=["NORTHERN"])
    name: Label = Field(examples=["Northern Purchasing Cooperative"])
    area: Label | None = None


class PartyAnswer(AnswerModel):
    """A party; `id` is what its access tokens name as `party_id`."""

    id: UUID
    kind: PartyKind
    reference: str
    name: str
    area: str | None

    @classmethod
    def of(cls, party: Party) -> Self:
        """Render a party."""
        return cls(
            id=party.id,
            kind=party.kind,
            reference=party.reference,
            name=party.name,
            area=party.area or None,
        )


class RegisterKey(RequestModel):
    """An X25519 public key."""

    public_key: str = Field(
        pattern=r"^[A-Za-z0-9_-]{43}=?$", description="32 bytes in base64url (RFC 4648)."
    )

    def key(self) -> bytes:
        """Decode the key: 32 bytes."""
        return base64.urlsafe_b64decode(self.public_key.rstrip("=") + "=")


class CustodianKeyAnswer(AnswerModel):
    """The key to which shares are sealed from now on."""

    custodian_id: UUID
    public_key: str

    @classmethod
    def of(cls, key: CustodianKey) -> Self:
        """Render a key."""
        return cls(custodian_id=key.custodian_id, public_key=key_text(key.public_key))


@routes.post(
    "/v1/parties",
    scope="party:write",
    body=RegisterParty,
    answer=PartyAnswer,
    summary="Register a party",
    refusals=(PartyAlreadyRegistered, PartyKindUnknown),
    creates=True,
)
async def register_party(call: Call[RegisterParty]) -> PartyAnswer:
    """Register a member, a vendor or a custodian under a reference of its kind's own."""
    body = call.body
    new = NewParty(
        kind=registrable(body.kind),
        reference=body.reference,
        name=body.name,
        area=body.area or "",
    )
    party = await call.of(PARTIES).register(new, new_id=call.new_id, actor=call.caller_party)
    return PartyAnswer.of(party)


@routes.get(
    "/v1/parties",
    scope="party:read",
    answer=PageAnswer[PartyAnswer],
    summary="List parties",
    refusals=(PartyKindUnknown,),
    query={"kind": "Only parties of this kind: `member`, `vendor` or `custodian`."},
    paged=True,
)
async def list_parties(call: Call[None]) -> PageAnswer[PartyAnswer]:
    """List all parties in the order of their registration, or those of one kind."""
    named = call.query("kind")
    page = call.page()
    kind = None if named is None else registrable(named)
    found = await call.of(PARTIES).page(kind, Part(page.after, page.limit))
    items = [PartyAnswer.of(party) for party in found]
    return PageAnswer(items=items, next_after=items[-1].id if len(items) == page.limit else None)


@routes.put(
    "/v1/buyer",
    scope="party:write",
    body=NameBuyer,
    answer=PartyAnswer,
    summary="Say how the buyer is called",
    refusals=(PartyAlreadyRegistered,),
)
async def name_buyer(call: Call[NameBuyer]) -> PartyAnswer:
    """Write down the caller's own name: it stands on reports and in open data."""
    body = call.body
    new = NewParty(
        kind=PartyKind.BUYER,
        reference=body.reference,
        name=body.name,
        area=body.area or "",
    )
    return PartyAnswer.of(await call.of(PARTIES).name_buyer(new, buyer_id=call.caller_party))


@routes.put(
    "/v1/custodian-key",
    scope="custodian:write",
    body=RegisterKey,
    answer=CustodianKeyAnswer,
    summary="Register the caller's public key",
    refusals=(CustodianNotRegistered, KeyMalformed),
)
async def register_key(call: Call[RegisterKey]) -> CustodianKeyAnswer:
    """Have the keys of openings that are published from now on dealt to this key.

    Openings that were dealt before stay sealed to the key of that time, so keep its private half.
    """
    key = await call.of(PARTIES).register_key(call.caller_party, call.body.key())
    return CustodianKeyAnswer.of(key)
