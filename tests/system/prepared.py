"""Prepare purchases in every state, so that drawn requests lead to things that are there."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import uuid4

from clients.custodian import open_rfp
from clients.http import Document, Http
from clients.route import Caller
from clients.services import LocalStack
from shared.clock import SystemClock
from tests.patience import until
from tests.system.conftest import People, gather

NOWHERE: Final = "http://127.0.0.1:9/hooks"
"""The discard port of this machine: a receiver that refuses every connection."""

CRITERION: Final = "method"

_TERMS: Final = {
    "criteria": [
        {"name": CRITERION, "kind": "rated", "weight": "60"},
        {"name": "price", "kind": "price", "weight": "40", "covers": "all"},
    ]
}

_RULES: Final = {
    "step": "1.00",
    "step_against": "own",
    "soft_close_window_s": 0,
    "soft_close_extension_s": 0,
    "extensions_max": 0,
    "show_rank": "own",
    "show_lead": "always",
}

_OPEN_S: Final = 4.0
"""How long bids are taken where they are to be opened: two are filed in far less."""

Ids = Mapping[str, Sequence[str]]
"""Ids by the name that they have in a path."""


@dataclass(frozen=True)
class Prepared:
    """What is there: of each purchase, by the state it was left in; of nobody's; and tokens."""

    purchases: Sequence[tuple[str, Ids]]
    ids: Ids
    tokens: Mapping[str, Sequence[str]]


@dataclass
class _Purchase:
    """A purchase that is being led to its state."""

    people: People
    evaluator: Caller
    evaluator_id: str
    ids: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def buyer(self) -> Caller:
        return self.caller("buyer")

    def caller(self, name: str) -> Caller:
        bids = self.people.buyer.bids._caller
        return Caller(bids.http, bids.base_url, self.people.tokens[name])

    async def draft(self, *, closes_in_s: float = 3600, standstill_s: int = 1) -> Document:
        rfp = await self.people.draft(closes_in_s=closes_in_s, standstill_s=standstill_s)
        self.ids["rfp_id"].append(rfp["id"])
        self.ids["lot_id"] += [lot["id"] async for lot in self.people.buyer.bids.lots(rfp["id"])]
        return rfp

    async def publish(self, rfp: Document) -> None:
        """Publish, and let both vendors file bids."""
        await self.people.buyer.bids.publish(rfp["id"])
        (lot_id,) = self.ids["lot_id"]
        for vendor, price in zip(self.people.vendors, ("400", "410"), strict=True):
            bid = await vendor.bids.file_bid(lot_id, unit_price=price, currency="USD")
            self.ids["bid_id"].append(bid["bid_id"])
        self.ids["opening_id"].append((await self.people.buyer.bids.opening(rfp["id"]))["id"])

    async def published(self) -> Ids:
        """Leave an RFP with bids, a question, and one that is answered."""
        rfp = await self.draft()
        await self.publish(rfp)
        path = f"/v1/rfps/{rfp['id']}/questions"
        for asked in ("Which voltage?", "Which colour?"):
            question = await self.caller("vendor-0").post(path, {"question": asked})
            self.ids["question_id"].append(question["id"])
        await self.people.buyer.bids.answer_question(self.ids["question_id"][0], answer="Any.")
        return self.ids

    async def drafted(self) -> Ids:
        """Leave a draft with a lot."""
        await self.draft()
        return self.ids

    async def opened(self, *, standstill_s: int = 1) -> Ids:
        """Leave an RFP whose bids are opened, and a scenario for its award."""
        rfp = await self.draft(closes_in_s=_OPEN_S, standstill_s=standstill_s)
        await self.publish(rfp)
        await self._open(rfp)
        saved = await self.buyer.post(f"/v1/rfps/{rfp['id']}/scenarios", {"name": "No rules"})
        self.ids["scenario_id"].append(saved["id"])
        return self.ids

    async def judged(self) -> Ids:
        """Leave an RFP whose opened bids wait for their evaluators' scores."""
        rfp = await self.draft(closes_in_s=_OPEN_S)
        path = f"/v1/rfps/{rfp['id']}"
        await self.buyer.put(f"{path}/terms", {"terms": _TERMS})
        criteria = [
            {"name": CRITERION, "kind": "rated", "weight": "60", "best": "60"},
            {"name": "price", "kind": "price", "weight": "40", "formula": "lowest_over_this"},
        ]
        panel = {
            "name": "technical",
            "criteria": [CRITERION],
            "evaluator_ids": [self.evaluator_id],
        }
        await self.buyer.put(f"{path}/scoring", {"criteria": criteria, "panels": [panel]})
        await self.publish(rfp)
        statement = {"has_conflict": False, "statement": "None that I know of."}
        await self.evaluator.put(f"{path}/declaration", statement)
        await self._open(rfp)
        return self.ids

    async def awarded(self) -> Ids:
        """Leave an RFP whose lot is awarded."""
        ids = await self.opened()
        awards, (lot_id,) = self.people.buyer.awards, ids["lot_id"]
        await awards.intend(lot_id)

        async def is_made() -> bool:
            (award,) = await awards.of_lot(lot_id)
            return bool(award["status"] == "made")

        await until(is_made)
        (award,) = await awards.of_lot(lot_id)
        self.ids["award_id"].append(award["id"])
        self.ids["line_id"] += [line["id"] async for line in awards.lines(award["id"])]
        return ids

    async def protested(self) -> Ids:
        """Leave an RFP whose lot's award is intended, and protested against."""
        (lot_id,) = (await self.opened(standstill_s=3600))["lot_id"]
        award = await self.people.buyer.awards.intend(lot_id)
        self.ids["award_id"].append(award["id"])
        path, said = f"/v1/lots/{lot_id}/protests", {"grounds": "Ours was cheaper."}
        protest = await self.caller("vendor-1").post(path, said)
        self.ids["protest_id"].append(protest["id"])
        return self.ids

    async def live(self) -> Ids:
        """Leave a lot in a live auction, with an offer."""
        (lot_id,) = (await self.opened())["lot_id"]
        opens_at = SystemClock().now() + timedelta(seconds=1)
        await self.people.buyer.bids.request_auction(
            lot_id, opens_at=opens_at, closes_at=opens_at + timedelta(hours=1), rules=_RULES
        )
        found: list[Document] = []

        async def is_live() -> bool:
            listed = self.people.buyer.auctions.auctions(status="live")
            found[:] = [one async for one in listed if one["lot_id"] == lot_id]
            return bool(found)

        await until(is_live)
        self.ids["auction_id"].append(found[0]["id"])
        bidder = self.people.vendors[1].auctions
        await bidder.offer(found[0]["id"], unit_price="390", currency="USD")
        return self.ids

    async def _open(self, rfp: Document) -> None:
        bids = self.people.buyer.bids

        async def is_closed() -> bool:
            return bool((await bids.opening(rfp["id"]))["status"] != "sealed")

        await until(is_closed)
        await open_rfp(self.people.custodian.bids, rfp["id"], self.people.custodian_key)


async def prepare(local: LocalStack, http: Http) -> Prepared:
    """Lead purchases of the same people to every state, side by side."""
    people, evaluator_id = await gather(local, http), str(uuid4())
    evaluator = await local.token(http, role="evaluator", party_id=evaluator_id)
    caller = Caller(http, local.services.bids, evaluator)
    ids = await _of_parties(people, evaluator_id)
    start = partial(_Purchase, people, caller, evaluator_id)
    led = {
        "draft": [start().drafted(), start().drafted()],
        "published": [start().published(), start().published()],
        "opened": [start().opened(), start().opened(), start().judged()],
        "awarded": [start().awarded()],
        "intended": [start().protested()],
        "live": [start().live()],
    }
    states = [state for state, purchases in led.items() for _ in purchases]
    purchases = await asyncio.gather(*(each for ways in led.values() for each in ways))
    tokens: defaultdict[str, list[str]] = defaultdict(list)
    for name, token in people.tokens.items():
        tokens[name.partition("-")[0]].append(token)
    tokens["evaluator"].append(evaluator)
    await _deliver(people, ids)
    return Prepared(tuple(zip(states, purchases, strict=True)), ids, tokens)


async def _of_parties(people: People, evaluator_id: str) -> dict[str, list[str]]:
    """Let one member act for the other, give it an endpoint, and list who and what there is."""
    agency_id = people.member_ids[1]
    buyer = people.buyer.bids._caller
    member = Caller(buyer.http, buyer.base_url, people.tokens["member-0"])
    await buyer.put(f"/v1/parties/{agency_id}/member", {"kind": "educational_service_agency"})
    granted = await member.post("/v1/authorisations", {"agency_id": agency_id})
    endpoint = await people.members[0].notify.create_endpoint(NOWHERE, ["award.line_made.v1"])
    return {
        "party_id": [*people.member_ids, *people.vendor_ids, people.custodian_id],
        "member_id": list(people.member_ids),
        "agency_id": [agency_id],
        "vendor_id": list(people.vendor_ids),
        "custodian_id": [people.custodian_id],
        "evaluator_id": [evaluator_id],
        "authorisation_id": [granted["id"]],
        "endpoint_id": [endpoint["id"]],
        "name": ["open", "erate"],
    }


async def _deliver(people: People, ids: dict[str, list[str]]) -> None:
    """Wait until the member's endpoint was tried with its part of the award."""
    notify = people.members[0].notify
    found: list[str] = []

    async def is_tried() -> bool:
        listed = notify.deliveries(ids["endpoint_id"][0])
        found[:] = [one["id"] async for one in listed if one["attempts"]]
        return bool(found)

    await until(is_tried)
    ids["delivery_id"] = found
