"""Ask the auctions service: follow live auctions, and bid in them."""

from collections.abc import AsyncIterator

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

    def log(self, auction_id: str) -> AsyncIterator[Document]:
        """Read an auction's log from its beginning (all, once it is over)."""
        return self._caller.items(f"/v1/auctions/{auction_id}/log")

    def watch(self, auction_id: str) -> AsyncIterator[Frame]:
        """Follow one auction to its end; a lost connection is taken up where it broke."""
        return frames(self._caller, f"/v1/auctions/{auction_id}/stream", auction_id=auction_id)
