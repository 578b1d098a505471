"""The connection: whatever the server's leaving looks like, it comes out as Unavailable and heals by itself."""

import asyncio
import time

import asyncpg
import pytest
from tests.storage.keeping import SEEN_WITHIN_S, eventually

from acdcore.kernel.errors import Unavailable
from acdcore.storage.postgres.database import CONNECTIONS_MAX, Database


async def dismiss(dsn: str, condition: str = "true") -> int:
    """End other sessions, as a server that shuts down does; returns how many."""
    connection = await asyncpg.connect(dsn)
    ended = await connection.fetchval(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        f" where application_name = 'acdcore' and {condition}"
    )
    await connection.close()
    return int(ended)


async def sleeping(dsn: str) -> int:
    """How many sessions read something long."""
    connection = await asyncpg.connect(dsn)
    query = "select count(*) from pg_stat_activity where query like 'select pg_sleep(60)%' and state = 'active'"
    found = await connection.fetchval(query)
    await connection.close()
    return int(found)


@pytest.mark.parametrize("is_farewell_read", [False, True])
async def test_session_ended_between_two_statements_is_unavailable_and_heals(
    database: Database, dsn: str, is_farewell_read: bool
) -> None:
    with pytest.raises(Unavailable):
        async with database.connection() as connection, connection.transaction():
            await connection.execute("select 1")
            await dismiss(dsn)
            if is_farewell_read:
                await eventually(connection.is_closed)
            await connection.execute("select 1")
    await eventually(lambda: database.is_up)
    async with database.connection() as connection:
        assert await connection.fetchval("select 42") == 42


async def test_session_ended_during_a_statement_is_unavailable(database: Database, dsn: str) -> None:
    async def sleep() -> None:
        async with database.connection() as connection:
            await connection.execute("select pg_sleep(60)")

    task = asyncio.create_task(sleep())
    async with asyncio.timeout(SEEN_WITHIN_S):
        while not await dismiss(dsn, "query like '%pg_sleep(60)%' and state = 'active'"):
            pass
    with pytest.raises(Unavailable):
        await task


async def test_database_whose_connections_are_all_in_use_is_not_away(database: Database, dsn: str) -> None:
    async def read() -> None:
        async with database.connection() as connection:
            await connection.execute("select pg_sleep(60)")

    reports = [asyncio.create_task(read()) for _ in range(CONNECTIONS_MAX)]
    try:
        async with asyncio.timeout(SEEN_WITHIN_S):
            while await sleeping(dsn) < CONNECTIONS_MAX:
                pass
        with pytest.raises(Unavailable, match="in use"):
            async with database.connection():
                pass
        assert database.is_up
    finally:
        for report in reports:
            report.cancel()
        await asyncio.gather(*reports, return_exceptions=True)
    async with database.connection() as connection:
        assert await connection.fetchval("select 42") == 42


async def test_refused_row_is_the_callers_affair(database: Database) -> None:
    with pytest.raises(asyncpg.DataError):
        async with database.connection() as connection:
            await connection.fetchval("select $1::integer", 2**40)
    assert database.is_up


async def test_server_that_is_away_is_said_at_once() -> None:
    async with Database("postgresql://nobody@127.0.0.1:1/nothing") as away:
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            async with away.connection():
                pass
        assert time.monotonic() - begun < 0.1
        with pytest.raises(Unavailable, match="no answer within"):
            await away.first_answer(0.2)
        assert away.why_away
