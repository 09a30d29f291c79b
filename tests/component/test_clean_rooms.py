"""What the tests here stand on: each finds its database empty."""

from deploy.local.postgres import PostgresServer
from shared.db import Pool
from tests.component.bids_purchase import publish
from tests.conftest import empty_database

_TABLES = """-- tests.list_tables
SELECT relname FROM pg_class
WHERE relnamespace = 'bids'::regnamespace AND relkind = 'r' AND relname <> 'migration'
"""


async def filled_tables(pool: Pool) -> set[str]:
    names = [row["relname"] for row in await pool.fetch(_TABLES)]
    return {name for name in names if await pool.fetchval(f"SELECT count(*) FROM {name}")}  # noqa: S608 - names of ours


async def buy(pool: Pool) -> None:
    purchase = await publish(pool)
    await purchase.file("0.30", vendor=0)
    await purchase.open_bids()


async def test_nothing_is_left_of_the_test_before(postgres_server_: PostgresServer) -> None:
    async with empty_database(postgres_server_, "bids") as pool:
        await buy(pool)
        before = await filled_tables(pool)

    async with empty_database(postgres_server_, "bids") as pool:
        after = await filled_tables(pool)
        await buy(pool)
        first_told = await pool.fetchval("SELECT min(id) FROM outbox")

    assert {"rfp", "lot", "bid", "opening", "outbox"} <= before
    assert after == set()
    assert first_told == 1
