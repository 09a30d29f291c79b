"""Ask the auctions service: follow live auctions, and bid in them."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Literal

from clients.http import Document
from clients.route import Caller
from clients.stream import Frame, frames


class AuctionsClient:
    """One caller at the auctions service."""

    def __init__(self, caller: Caller) -> None:
        """Speak as this caller."""
        self._caller = caller

    def auctions(self, *, status: str | None = None) -> AsyncIterator[Document]:
        """List the auctions, all or those of one status."""
        query = {} if status is None else {"status": status}
        return self._caller.items("/v1/auctions", **query)

    async def auction(self, auction_id: str) -> Document:
        """Read one auction as this caller may see it."""
        return await self._caller.get(f"/v1/auctions/{auction_id}")

    async def standing(self, auction_id: str) -> Document:
        """Read one's own rank, last price, and the price to beat (vendor)."""
        return await self._caller.get(f"/v1/auctions/{auction_id}/standing")

    async def offer(
        self,
        auction_id: str,
        *,
        unit_price: str,
        currency: str,
        idempotency_key: str | None = None,
    ) -> Document:
        """Place a price; the answer carries its place in the log and its hash (vendor)."""
        body = {"unit_price": unit_price, "currency": currency}
        path = f"/v1/auctions/{auction_id}/offers"
        return await self._caller.post(path, body, idempotency_key=idempotency_key)

    async def accept_level(self, auction_id: str, *, unit_price: str, currency: str) -> Document:
        """Stay in at the ticker's price, or take it where it rises (vendor)."""
        body = {"unit_price": unit_price, "currency": currency}
        return await self._caller.post(f"/v1/auctions/{auction_id}/acceptances", body)

    async def leave(self, auction_id: str) -> Document:
        """Leave a falling ticker for good (vendor)."""
        return await self._caller.post(f"/v1/auctions/{auction_id}/leave")

    async def set_proxy(
        self, auction_id: str, *, limit: str, decrement: str, currency: str
    ) -> Document:
        """Let the house bid down to a limit that nobody else can see (vendor)."""
        body = {"limit": limit, "decrement": decrement, "currency": currency}
        return await self._caller.post(f"/v1/auctions/{auction_id}/proxy", body)

    async def cancel_proxy(self, auction_id: str) -> Document:
        """End one's proxy (vendor)."""
        return await self._caller.post(f"/v1/auctions/{auction_id}/proxy/cancel")

    async def propose(self, auction: Mapping[str, Any]) -> Document:
        """Hold an auction that belongs to no solicitation (buyer)."""
        return await self._caller.post("/v1/auctions", auction)

    async def practise(self, auction: Mapping[str, Any]) -> Document:
        """Hold an auction for practice, against robots (buyer, or a vendor alone)."""
        return await self._caller.post("/v1/practice-auctions", auction)

    async def conduct(
        self,
        auction_id: str,
        act: Literal["pause", "resume", "extend", "void", "surrogate-offers", "cancel"],
        **said: Any,
    ) -> Document:
        """Conduct an auction: each act takes a `reason`, and what else its route asks (buyer)."""
        return await self._caller.post(f"/v1/auctions/{auction_id}/{act}", said)

    async def checkpoint(self, auction_id: str) -> Document:
        """Read the signed checkpoint of an auction that is over."""
        return await self._caller.get(f"/v1/auctions/{auction_id}/checkpoint")

    def log(self, auction_id: str) -> AsyncIterator[Document]:
        """Read an auction's log from its beginning (all, once it is over)."""
        return self._caller.items(f"/v1/auctions/{auction_id}/log")

    def watch(self, auction_id: str) -> AsyncIterator[Frame]:
        """Follow one auction to its end; a lost connection is taken up where it broke."""
        return frames(self._caller, f"/v1/auctions/{auction_id}/stream", auction_id=auction_id)
