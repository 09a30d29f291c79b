"""Receive the members' webhooks on loopback, and verify every signature with another's library."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from examples.season.records import Received, Webhook

LOOPBACK: Final = "127.0.0.1"
BODY_BYTES_MAX: Final = 256 * 1024


class Receiver:
    """All members' receivers in one: each has a path of its own, and its endpoint's secret."""

    def __init__(self) -> None:
        """Start without endpoints."""
        self._url = ""
        self._verifier_of: dict[str, Verifier] = {}
        self._webhooks: dict[str, Webhook] = {}
        self._repeated = 0
        self._unverified = 0

    @property
    def count(self) -> int:
        """How many different webhooks came."""
        return len(self._webhooks)

    @property
    def received(self) -> Received:
        """What came so far."""
        return Received(
            webhooks=tuple(self._webhooks.values()),
            repeated=self._repeated,
            unverified=self._unverified,
        )

    def url_for(self, member_reference: str) -> str:
        """Name the address of one member's receiver."""
        return f"{self._url}/{member_reference}"

    def trust(self, member_reference: str, secret: str) -> None:
        """Learn the secret of a member's endpoint."""
        self._verifier_of[member_reference] = Verifier(secret)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Receiver"]:
        """Listen on a free port of loopback."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_post("/{member_reference}", self._receive)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, LOOPBACK, 0)
            await site.start()
            port = runner.addresses[0][1]
            self._url = f"http://{LOOPBACK}:{port}"
            yield self
        finally:
            await runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        member_reference = request.match_info["member_reference"]
        body = await request.read()
        try:
            self._verifier_of[member_reference].verify(
                body, dict(request.headers), json_parse=False
            )
        except (KeyError, ValueError, WebhookVerificationError):
            self._unverified += 1
            return web.Response(status=401)
        line = json.loads(body)["data"]
        webhook = Webhook(
            id=request.headers["webhook-id"],
            member_reference=member_reference,
            line_id=line["award_line_id"],
            total=line["total"],
        )
        self._repeated += webhook.id in self._webhooks
        self._webhooks.setdefault(webhook.id, webhook)
        return web.Response(status=204)
