"""Put the notify service together: the only file that knows what fills which port."""

from importlib.metadata import version
from secrets import SystemRandom

from aiohttp import web

from services.notify.api import DELIVERIES, ENDPOINTS, api
from services.notify.consumer import handlers
from services.notify.domain.addresses import AddressRules
from services.notify.ports import SendingLimits
from services.notify.sender.loop import Sender
from services.notify.sender.post import open_poster
from services.notify.settings import NotifySettings
from services.notify.store.deliveries import PostgresDeliveries
from services.notify.store.endpoints import PostgresEndpoints
from services.notify.store.queue import PostgresQueue
from services.notify.store.vault import Vault
from services.notify.usecases import Deliveries, Endpoints, QueueEvent
from shared import house
from shared.house import House


async def main() -> None:
    """Run the service until it is told to stop."""
    settings = NotifySettings.load()
    async with house.open_house(settings, service="notify") as opened:
        await _run(opened, settings)


async def _run(opened: House, settings: NotifySettings) -> None:
    pool, journal, clock = opened.pool, opened.journal, opened.clock
    vault = Vault.from_text(settings.vault_key.get_secret_value())
    rules = AddressRules(is_loopback_allowed=settings.webhook_allow_loopback)
    endpoints = PostgresEndpoints(
        pool, vault, journal, per_party_max=settings.endpoints_per_party_max
    )
    deliveries = PostgresDeliveries(pool, journal)

    def fill(app: web.Application) -> None:
        app[ENDPOINTS] = Endpoints(endpoints, clock, rules)
        app[DELIVERIES] = Deliveries(deliveries, clock)

    async with open_poster(
        rules,
        user_agent=f"commonlot/{version('commonlot')}",
        timeout_s=settings.webhook_timeout_s,
        connections_max=settings.webhook_concurrency_max,
    ) as poster:
        sender = Sender(
            PostgresQueue(pool, vault, journal),
            poster,
            clock,
            _limits(settings),
            jitter=SystemRandom().random,
        )
        await house.run(
            opened,
            api,
            fill=fill,
            handlers=handlers(QueueEvent(deliveries, clock)),
            loops=[sender.run],
        )


def _limits(settings: NotifySettings) -> SendingLimits:
    return SendingLimits(
        concurrency_max=settings.webhook_concurrency_max,
        per_endpoint_max=settings.webhook_per_endpoint_max,
        claim_batch_max=settings.webhook_claim_batch_max,
        claim_s=settings.webhook_claim_s,
        poll_s=settings.webhook_poll_s,
        schedule_s=settings.webhook_schedule_s,
    )
