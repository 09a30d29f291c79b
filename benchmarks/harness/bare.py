"""Answer offers without a desk: what the house itself costs. `python -m benchmarks.harness.bare`.

The same house, application, middlewares, token check, kind of body and collector's settings as the
auctions service; the answer is ready before anybody asks, of as many bytes as a real one.
"""

from typing import Final

from aiohttp import web
from pydantic import PositiveInt

from services.auctions.app import spare_the_collector
from shared import house
from shared.settings import ServiceSettings
from shared.web import Api, Call
from shared.web.fields import CurrencyText, PriceText, RequestModel

ANSWER: Final = web.AppKey("answer", bytes)

SCHEMA: Final = "notify"
"""A schema that the auctions service has no part in, so that neither relays the other's events."""

api: Final = Api("bare", title="A bare handler", version="1")


class OfferBody(RequestModel):
    """What the auctions service takes for an offer."""

    unit_price: PriceText
    currency: CurrencyText


class BareSettings(ServiceSettings):
    """How long the answer is."""

    answer_bytes: PositiveInt


@api.post(
    "/v1/auctions/{auction_id}/offers",
    scope="offer:write",
    body=OfferBody,
    answer=None,
    status=201,
    summary="Do nothing",
    keyed=True,
)
async def answer_at_once(call: Call[OfferBody]) -> web.StreamResponse:
    """Answer what was ready."""
    body = call.of(ANSWER)
    return web.Response(status=201, body=body, content_type="application/json")


async def main() -> None:
    """Serve until told to stop."""
    settings = BareSettings.load()

    def fill(app: web.Application) -> None:
        app[ANSWER] = b'"%b"' % (b"x" * (settings.answer_bytes - 2))

    spare_the_collector()
    async with house.open_house(settings, service=SCHEMA) as opened:
        await house.run(opened, api, fill=fill, handlers={}, loops=[])


if __name__ == "__main__":
    house.start(main)
