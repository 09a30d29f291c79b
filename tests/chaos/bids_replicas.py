"""Bids services that are broken on purpose, over the servers of the session."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from deploy.local.apart import until
from deploy.local.launches import answers, keys_of, loopback_url, service_launch
from deploy.local.nats import nats_url
from deploy.local.processes import Launch
from shared import db
from shared.db import Pool
from shared.migrate import migrate
from shared.settings import ServiceSettings
from tests.chaos.conftest import READY_S, STREAM_BYTES_MAX, Child, Ground


@dataclass
class BidsReplica:
    """One bids service."""

    child: Child
    url: str

    async def ready(self) -> None:
        await until("bids", lambda: answers(f"{self.url}/readyz"), timeout_s=READY_S)


@asynccontextmanager
async def bids_pool_of(ground: Ground) -> AsyncIterator[Pool]:
    """Open a pool of the bids service's own role, with its tables made."""
    await migrate(ground.server.url, "bids")
    settings = ServiceSettings(
        database_url=SecretStr(ground.server.service_url("bids")),
        nats_url=SecretStr(nats_url(ground.folder, ground.settings)),
        issuer=ground.issuer_url,
        port=0,
    )
    pool = await db.open_pool(settings, service="bids")
    yield pool
    await pool.close()


@asynccontextmanager
async def replicas_of(
    ground: Ground, namespace: str, *, replicas: int
) -> AsyncIterator[list[BidsReplica]]:
    """Run so many bids services beside each other."""
    async with AsyncExitStack() as cleanup:
        started = []
        for number in range(replicas):
            port = ground.folder.port(f"{namespace}-{number}")
            child = Child(_launch(ground, namespace, port), ground.folder)
            cleanup.push_async_callback(asyncio.to_thread, child.end)
            child.start()
            started.append(BidsReplica(child, loopback_url(port)))
        for replica in started:
            await replica.ready()
        yield started


def _launch(ground: Ground, namespace: str, port: int) -> Callable[[], Launch]:
    assigned = {
        "COMMONLOT_DATABASE_URL": ground.server.service_url("bids"),
        "COMMONLOT_NATS_URL": nats_url(ground.folder, ground.settings),
        "COMMONLOT_PORT": str(port),
        "COMMONLOT_ISSUER": ground.issuer_url,
        "COMMONLOT_BUS_NAMESPACE": namespace,
        "COMMONLOT_BUS_STREAM_BYTES_MAX": str(STREAM_BYTES_MAX),
        "COMMONLOT_FILING_DEADLINE_S": "3",
        "COMMONLOT_INTAKE_GRACE_S": "4",
        "COMMONLOT_LEASE_S": "1.5",
        **keys_of("bids", ground.folder),
    }
    return lambda: service_launch("bids", assigned, ground.settings)
