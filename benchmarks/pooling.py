"""Measure pooling: 13,000 members with 50 requirement lines each, previewed from the database.

`python -m benchmarks.pooling` fills PostgreSQL with 650,000 requirements. A process of its own,
which has nothing but the database, then previews the pool as the service does: read, group, add up
by the rules, render the answer. Measured are the seconds of that preview and the most memory that
the process ever held, interpreter and all. Then the same pool is committed, and taken back.
"""

import asyncio
import json
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import asyncpg
from pydantic import SecretStr

from benchmarks.harness import figures
from benchmarks.harness.figures import Target
from deploy.local.places import temporary_data_folder
from deploy.local.postgres import postgres_server
from services.bids.api.pools import PoolAnswer, PreviewAnswer
from services.bids.domain.pooling import PoolBy, PoolingRules
from services.bids.domain.pooling.rules import CoincidenceTerms, LargestNeedsTerms, SessionTerms
from services.bids.ports.purchase import Selection
from services.bids.store.pools import PostgresPoolStore
from services.bids.store.profiles import read_profiles
from services.bids.usecases.pools import PoolRequest, Pools
from shared import db
from shared.clock import FixedClock
from shared.domain.ids import PartyId, RfpId
from shared.journal import Journal
from shared.migrate import migrate
from shared.settings import ServiceSettings

MEMBERS: Final = 13_000
LINES: Final = 50
BUYER: Final = PartyId(UUID(int=1))
RFP: Final = RfpId(UUID(int=2))
NOW: Final = datetime(2027, 3, 1, 12, tzinfo=UTC)

TARGETS: Final = (Target("seconds", 5.0), Target("rss_mib", 500.0), Target("commit_seconds", 15.0))

_KIB_PER_MIB: Final = 1024

_FILL: Final = (
    """
    INSERT INTO party (id, kind, reference, name, area, registered_at)
    SELECT gen_random_uuid(), 'member', 'M' || lpad(number::text, 5, '0'),
        'District ' || number, 'Region ' || number % 20, '2027-01-01'
    FROM generate_series(1, $1::integer) AS number
    """,
    """
    INSERT INTO member_profile (member_id, kind, hazard_zone)
    SELECT id, 'district', 'zone ' || substr(reference, 5) FROM party
    """,
    """
    INSERT INTO requirement (id, member_id, reference, category, item_code, specification, unit,
        quantity, commitment, need_by, term_months, delivery_area, currency, stated_at)
    SELECT gen_random_uuid(), party.id, party.reference || '-' || line,
        (ARRAY['goods', 'software', 'bandwidth', 'recovery_capacity', 'training'])[line % 5 + 1],
        'ITEM-' || lpad(line::text, 3, '0'), 'Something that districts buy, kind ' || line,
        'each', (1 + (line * 7919 + substr(party.reference, 2)::integer) % 500)::numeric,
        CASE WHEN line % 3 = 0 THEN 'estimate' ELSE 'firm' END, '2027-08-01', 12, party.area,
        'USD', '2027-02-01'
    FROM party CROSS JOIN generate_series(1, $1::integer) AS line
    """,
    """
    INSERT INTO rfp (id, buyer_id, title, currency, consortium_model, policy_profile,
        custodian_id, standstill_s, status, closes_at, drafted_at)
    VALUES ($1, $2, 'All that districts buy', 'USD', 'group_procurement', 'open', $2, 0, 'draft',
        '2027-05-01', '2027-03-01')
    """,
)


def main() -> dict[str, object]:
    """Measure, print a table, save it, and return what was measured."""
    with temporary_data_folder() as folder, postgres_server(folder) as server:
        asyncio.run(_fill(server.url))
        url = server.service_url("bids")
        arguments = [sys.executable, "-m", "benchmarks.pooling", url]
        told = subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True)
    measured = json.loads(told.stdout)
    reopen_s, committed_mib = measured.pop("reopen_s"), measured.pop("committed_mib")
    cpu_s = measured.pop("cpu_s")
    notes = [
        ("requirements", f"{MEMBERS * LINES:,} of {MEMBERS:,} members, from PostgreSQL"),
        ("of the seconds, on the processor", f"{cpu_s:.1f} s; the rest is waiting"),
        ("committing the same pool", f"{committed_mib:.0f} MiB at the most"),
        ("taking it back", f"{reopen_s:.1f} s"),
    ]
    return figures.report("pooling", measured, TARGETS, notes)


async def _fill(url: str) -> None:
    await migrate(url, "bids")
    connection = await asyncpg.connect(url, server_settings={"search_path": "bids"})
    try:
        members, zones, requirements, rfp = _FILL
        await connection.execute(members, MEMBERS)
        await connection.execute(zones)
        await connection.execute(requirements, LINES)
        await connection.execute(rfp, RFP, BUYER)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def _measure(url: str) -> dict[str, float]:
    settings = ServiceSettings(
        database_url=SecretStr(url),
        nats_url=SecretStr("nats://127.0.0.1:1"),
        issuer="http://127.0.0.1:1",
        port=0,
    )
    pool = await db.open_pool(settings, service="bids")
    store = PostgresPoolStore(pool, Journal("bids"))
    pools = Pools(store, read_profiles(), clock=FixedClock(NOW))
    request = PoolRequest(
        Selection(),
        PoolBy.ITEM,
        PoolingRules(
            bandwidth=CoincidenceTerms(Decimal("0.65"), (Decimal(1_000), Decimal(10_000))),
            recovery_capacity=LargestNeedsTerms(3),
            training=SessionTerms(20),
        ),
    )
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    preview = await pools.preview(RFP, request, PreviewAnswer.of, buyer_id=BUYER)
    preview.model_dump_json()
    measured = {
        "seconds": round(time.perf_counter() - began_s, 2),
        "rss_mib": round(_most_mib(), 1),
        "lots": len(preview.lots),
        "cpu_s": time.process_time() - began_cpu_s,
    }
    began_s = time.perf_counter()
    PoolAnswer.of(await pools.commit(RFP, request, buyer_id=BUYER))
    measured["commit_seconds"] = round(time.perf_counter() - began_s, 2)
    measured["committed_mib"] = _most_mib()
    began_s = time.perf_counter()
    await pools.reopen(RFP, buyer_id=BUYER)
    measured["reopen_s"] = time.perf_counter() - began_s
    await pool.close()
    return measured


def _most_mib() -> float:
    """Tell the most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB_PER_MIB


if __name__ == "__main__":
    if len(sys.argv) > 1:
        json.dump(asyncio.run(_measure(sys.argv[1])), sys.stdout)
    else:
        main()
