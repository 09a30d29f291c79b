"""Bring everybody on stage: parties with their tokens, the custodian's key, the requirements."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import uuid4

from clients.bids import PartyKind
from clients.client import Client
from clients.custodian import public_text
from clients.http import Http
from clients.services import LocalStack
from examples.season.outcome import requirements_of
from examples.season.pace import for_each
from examples.season.plan import Need, Season, requirements_csv
from examples.season.screen import Screen
from shared.clock import Clock
from shared.sealing import generate_key_pair

CUSTODIAN_REFERENCE: Final = "CUSTODIAN"
BUYER_REFERENCE: Final = "BUYER"
BUYER_NAME: Final = "The purchasing cooperative of the demonstration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """How long things take in this run: the requests and the services' settings say it, no code.

    A deadline for bids leaves `restart_allowance_s`, in which a service that dies comes back, and
    `filing_margin` times what filing should take by the pace measured at registration; no more than
    `filing_s_max`, since a service that died during registration made the pace seem slow.
    """

    restart_allowance_s: float = 8.0
    filing_margin: float = 3.0
    filing_s_max: float = 60.0
    auction_lead: timedelta = timedelta(seconds=2)
    auction: timedelta = timedelta(seconds=12)
    soft_close_s: int = 3
    standstill_s: int = 2


@dataclass(slots=True, kw_only=True)
class Cast:
    """Everybody who plays, each with a client of its own; parties go by their reference."""

    season: Season
    stack: LocalStack
    http: Http
    screen: Screen
    clock: Clock
    clocks: Clocks
    buyer: Client
    buyer_id: str
    auditor: Client
    custodian: Client
    custodian_id: str
    custodian_key: bytes = field(repr=False)
    vendors: Mapping[str, Client]
    vendor_of_id: Mapping[str, str]
    members: Mapping[str, Client]
    member_of_id: Mapping[str, str]
    request_s: float

    def filing_window(self, bids: int) -> timedelta:
        """Tell how far away the deadline of so many bids has to be."""
        clocks = self.clocks
        filing_s = min(bids * self.request_s * clocks.filing_margin, clocks.filing_s_max)
        return timedelta(seconds=clocks.restart_allowance_s + filing_s)


@dataclass(slots=True)
class _Casting:
    """What casting needs throughout, and the ids that it collects by kind and reference."""

    stack: LocalStack
    http: Http
    buyer: Client
    ids: dict[tuple[PartyKind, str], str] = field(default_factory=dict)

    async def client(self, role: str, party_id: str | None) -> Client:
        token = await self.stack.token(self.http, role=role, party_id=party_id)
        return Client(self.stack.services, token, self.http)

    async def clients(self, kind: PartyKind) -> dict[str, Client]:
        """Make a client of everybody of a kind."""
        clients: dict[str, Client] = {}

        async def admit(item: tuple[tuple[PartyKind, str], str]) -> None:
            (_, reference), party_id = item
            clients[reference] = await self.client(kind, party_id)

        await for_each((item for item in self.ids.items() if item[0][0] == kind), admit)
        return clients

    def references(self, kind: PartyKind) -> dict[str, str]:
        """Tell the reference of each id of a kind."""
        return {party_id: reference for (of, reference), party_id in self.ids.items() if of == kind}


async def gather(
    season: Season,
    *,
    stack: LocalStack,
    http: Http,
    screen: Screen,
    clock: Clock,
    clocks: Clocks,
) -> Cast:
    """Register everybody, and give each a client with a token of its own."""
    # The buyer is nobody's party before it begins: any id is its own.
    buyer_id = str(uuid4())
    buyer_token = await stack.token(http, role="buyer", party_id=buyer_id)
    casting = _Casting(stack, http, Client(stack.services, buyer_token, http))
    request_s = await _register(season, casting, screen)
    with screen.step("Everybody gets an access token"):
        custodian_id = casting.ids["custodian", CUSTODIAN_REFERENCE]
        key_pair = generate_key_pair()
        custodian = await casting.client("custodian", custodian_id)
        await custodian.bids.register_custodian_key(public_text(key_pair.private))
        return Cast(
            season=season,
            stack=stack,
            http=http,
            screen=screen,
            clock=clock,
            clocks=clocks,
            buyer=casting.buyer,
            buyer_id=buyer_id,
            auditor=await casting.client("auditor", None),
            custodian=custodian,
            custodian_id=custodian_id,
            custodian_key=key_pair.private,
            vendors=await casting.clients("vendor"),
            vendor_of_id=casting.references("vendor"),
            members=await casting.clients("member"),
            member_of_id=casting.references("member"),
            request_s=request_s,
        )


async def _register(season: Season, casting: _Casting, screen: Screen) -> float:
    """Register everybody, and return how long one request took, on the way of many at once."""
    parties: list[tuple[PartyKind, str, str, str | None]] = [
        ("custodian", CUSTODIAN_REFERENCE, "Custodian of the bids", None),
        *(("vendor", vendor.reference, vendor.name, None) for vendor in season.vendors),
        *(("member", member.reference, member.name, member.area) for member in season.members),
    ]
    title = f"{len(season.members)} members and {len(season.vendors)} vendors are registered"
    with screen.step(title, len(parties)) as advance:
        began_s = time.monotonic()

        async def register(party: tuple[PartyKind, str, str, str | None]) -> None:
            kind, reference, name, area = party
            answer = await casting.buyer.bids.register_party(
                kind, reference=reference, name=name, area=area
            )
            casting.ids[kind, reference] = answer["id"]
            advance()

        await casting.buyer.bids.name_buyer(reference=BUYER_REFERENCE, name=BUYER_NAME)
        await for_each(parties, register)
    return (time.monotonic() - began_s) / len(parties)


async def state_requirements(cast: Cast) -> None:
    """Import every need of the season by CSV, once."""
    needs = requirements_of(cast.season)
    with cast.screen.step(f"{len(needs)} requirements are imported by CSV"):
        await cast.buyer.bids.import_requirements(
            requirements_csv(needs), currency=cast.season.currency
        )


def references(needs: Iterable[Need]) -> list[str]:
    """Name needs by their references."""
    return [need.reference for need in needs]
