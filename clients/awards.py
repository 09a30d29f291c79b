"""Ask the bids service about awards: evaluations, scenarios, decisions, and what follows them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from clients.http import Document
from clients.route import Caller


class AwardsClient:
    """One party's way to the decisions of the bids service."""

    def __init__(self, caller: Caller) -> None:
        """Ask through a caller, who knows the service's address and the party's token."""
        self._caller = caller

    async def evaluation(self, lot_id: str) -> Document:
        """Read how a lot's bids rank, and its auction's final ranking (buyer, auditor)."""
        return await self._caller.get(f"/v1/lots/{lot_id}/evaluation")

    async def scores(self, lot_id: str) -> Document:
        """Read a lot's scores, and how firm they are (buyer, auditor; all once awarded)."""
        return await self._caller.get(f"/v1/lots/{lot_id}/scores")

    async def save_scenario(
        self, rfp_id: str, *, name: str, rules: Sequence[Mapping[str, Any]] = (), **terms: Any
    ) -> Document:
        """Save a scenario, to be solved; `terms` are further members of its body (buyer)."""
        body = {"name": name, "rules": [dict(rule) for rule in rules], **terms}
        return await self._caller.post(f"/v1/rfps/{rfp_id}/scenarios", body)

    async def scenario(self, rfp_id: str, scenario_id: str) -> Document:
        """Read a scenario, and what came of it (buyer, auditor)."""
        return await self._caller.get(f"/v1/rfps/{rfp_id}/scenarios/{scenario_id}")

    async def compare_scenarios(self, rfp_id: str) -> Document:
        """Put a solicitation's scenarios beside each other (buyer, auditor)."""
        return await self._caller.get(f"/v1/rfps/{rfp_id}/scenario-comparison")

    async def choose_scenario(self, rfp_id: str, scenario_id: str, *, reason: str) -> Document:
        """Choose the scenario to award by (buyer)."""
        path = f"/v1/rfps/{rfp_id}/scenarios/{scenario_id}/choose"
        return await self._caller.post(path, {"reason": reason})

    async def intend_scenario(self, rfp_id: str, scenario_id: str) -> list[Document]:
        """Name the winners of the chosen scenario's lots (buyer)."""
        path = f"/v1/rfps/{rfp_id}/scenarios/{scenario_id}/intent"
        return _items(await self._caller.post(path))

    async def intend(
        self, lot_id: str, *, vendor_id: str | None = None, reason: str | None = None
    ) -> Document:
        """Name the winner: the best ranked, or another with a reason (buyer)."""
        said = {"vendor_id": vendor_id, "reason": reason}
        body = {name: value for name, value in said.items() if value is not None}
        return await self._caller.post(f"/v1/lots/{lot_id}/intent", body)

    async def end_without_award(self, lot_id: str, *, reason: str) -> Document:
        """End a lot without award (buyer)."""
        return await self._caller.post(f"/v1/lots/{lot_id}/no-award", {"reason": reason})

    async def of_lot(self, lot_id: str) -> list[Document]:
        """Read a lot's awards: those that stand, and behind them those that were withdrawn."""
        return _items(await self._caller.get(f"/v1/lots/{lot_id}/awards"))

    async def approve(self, lot_id: str) -> list[Document]:
        """Approve what another person of the buyer's proposed (buyer)."""
        return _items(await self._caller.post(f"/v1/lots/{lot_id}/awards/approve"))

    async def withdraw(self, lot_id: str, *, reason: str) -> list[Document]:
        """Take a lot's awards back, so that it is decided anew (buyer)."""
        body = {"reason": reason}
        return _items(await self._caller.post(f"/v1/lots/{lot_id}/awards/withdraw", body))

    async def notice(self, lot_id: str) -> Document:
        """Read one's notice of a lot's award: own scores, the winner's, the reason (vendor)."""
        return await self._caller.get(f"/v1/lots/{lot_id}/notice")

    async def protest(self, lot_id: str, *, grounds: str) -> Document:
        """Protest against a lot's award within its standstill (vendor)."""
        return await self._caller.post(f"/v1/lots/{lot_id}/protests", {"grounds": grounds})

    async def protests(self, lot_id: str) -> list[Document]:
        """List a lot's protests (buyer, auditor; a vendor: its own)."""
        return _items(await self._caller.get(f"/v1/lots/{lot_id}/protests"))

    async def decide_protest(
        self, lot_id: str, protest_id: str, *, is_upheld: bool, decision: str
    ) -> Document:
        """Uphold a protest, or deny it (buyer)."""
        path = f"/v1/lots/{lot_id}/protests/{protest_id}/decision"
        return await self._caller.post(path, {"is_upheld": is_upheld, "decision": decision})

    def lines(self, award_id: str) -> AsyncIterator[Document]:
        """List the members' parts of an award (a member: its own)."""
        return self._caller.items(f"/v1/awards/{award_id}/lines")

    async def answer_line(self, award_id: str, line_id: str, *, accepts: bool) -> Document:
        """Accept or decline one's own line, within the window (member)."""
        path = f"/v1/awards/{award_id}/lines/{line_id}/answer"
        return await self._caller.put(path, {"accepts": accepts})

    async def contracts(self, award_id: str) -> list[Document]:
        """Sum up what is signed after an award, by whom and until when."""
        return _items(await self._caller.get(f"/v1/awards/{award_id}/contracts"))

    async def sharings(self, lot_id: str, *, rule: str | None = None) -> Document:
        """Read what members would pay by each rule of sharing (buyer, auditor, own members)."""
        asked = {} if rule is None else {"rule": rule}
        return await self._caller.get(f"/v1/lots/{lot_id}/sharings", **asked)

    async def savings(self, rfp_id: str) -> Document:
        """Read what a solicitation's awards saved, and whom they cost (a member: its own)."""
        return await self._caller.get(f"/v1/rfps/{rfp_id}/savings")

    async def bundle(self, rfp_id: str) -> str:
        """Read all that was decided of an RFP, as the text that is verified offline."""
        return await self._caller.page(f"/v1/rfps/{rfp_id}/award-bundle")

    async def report(self, rfp_id: str) -> str:
        """Read the report of an RFP's awards as one page of HTML."""
        return await self._caller.page(f"/v1/rfps/{rfp_id}/report.html")


def _items(found: Document) -> list[Document]:
    items: list[Document] = found["items"]
    return items
