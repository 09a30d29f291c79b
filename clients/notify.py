"""Ask the notify service: where a party receives webhooks, and what was delivered there."""

from collections.abc import AsyncIterator, Sequence

from clients.http import Document
from clients.route import Caller


class NotifyClient:
    """One caller at the notify service."""

    def __init__(self, caller: Caller) -> None:
        """Speak as this caller."""
        self._caller = caller

    async def create_endpoint(self, url: str, event_types: Sequence[str]) -> Document:
        """Ask for webhooks; the answer's `secret`, shown only here, verifies their signatures."""
        return await self._caller.post(
            "/v1/endpoints", {"url": url, "event_types": list(event_types)}
        )

    def endpoints(self) -> AsyncIterator[Document]:
        """List one's endpoints."""
        return self._caller.items("/v1/endpoints")

    async def delete_endpoint(self, endpoint_id: str) -> None:
        """Ask for no more webhooks."""
        await self._caller.delete(f"/v1/endpoints/{endpoint_id}")

    async def enable_endpoint(self, endpoint_id: str) -> Document:
        """Let an endpoint receive again; what waited for it goes out."""
        return await self._caller.post(f"/v1/endpoints/{endpoint_id}/enable")

    def deliveries(self, endpoint_id: str) -> AsyncIterator[Document]:
        """List what was, or is to be, delivered to one endpoint."""
        return self._caller.items(f"/v1/endpoints/{endpoint_id}/deliveries")

    def attempts(self, delivery_id: str) -> AsyncIterator[Document]:
        """List the tries of one delivery."""
        return self._caller.items(f"/v1/deliveries/{delivery_id}/attempts")

    async def replay(self, delivery_id: str) -> Document:
        """Deliver once more, under the same webhook-id."""
        return await self._caller.post(f"/v1/deliveries/{delivery_id}/replay")
