"""Migrations: each file once, in order, and never one that was changed."""

import asyncio

import asyncpg
import pytest

from acdcore.kernel.errors import SettingsError
from acdcore.storage.postgres.migrate import in_order, migrate, packaged_migrations

FIRST = ("0001_first.sql", "create table first (id integer)")
SECOND = ("0002_second.sql", "alter table first add column name text")
BROKEN = ("0002_broken.sql", "create table second (id integer); create table first (id integer)")


async def run(dsn: str, *files: tuple[str, str]) -> list[str]:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool, pool.acquire() as connection:
        return await migrate(connection, in_order(files))


async def test_each_file_is_applied_once(dsn: str) -> None:
    assert await run(dsn, FIRST) == ["0001_first.sql"]
    assert await run(dsn, SECOND, FIRST) == ["0002_second.sql"]
    assert await run(dsn, FIRST, SECOND) == []


async def test_three_at_once_apply_each_file_once(dsn: str) -> None:
    applied = await asyncio.gather(*(run(dsn, FIRST, SECOND) for _ in range(3)))
    assert sorted(applied, key=len) == [[], [], ["0001_first.sql", "0002_second.sql"]]


async def test_changed_file_is_refused_by_name(dsn: str) -> None:
    await run(dsn, FIRST)
    with pytest.raises(SettingsError, match=r"0001_first\.sql: was changed"):
        await run(dsn, ("0001_first.sql", "create table first (id bigint)"))


async def test_newer_database_is_refused(dsn: str) -> None:
    await run(dsn, FIRST, SECOND)
    with pytest.raises(SettingsError, match="too old"):
        await run(dsn, FIRST)


async def test_failing_file_leaves_no_trace_and_the_lock_is_free(dsn: str) -> None:
    with pytest.raises(asyncpg.DuplicateTableError):
        await run(dsn, FIRST, BROKEN)
    assert await run(dsn, FIRST, ("0002_broken.sql", "create table second (id integer)")) == ["0002_broken.sql"]


async def test_file_that_takes_longer_than_other_statements_may_is_applied_and_those_who_wait_for_it_go_on(
    dsn: str,
) -> None:
    slow = in_order([("0001_slow.sql", "select pg_sleep(1.5); create table first (id integer)")])
    async with asyncpg.create_pool(dsn, min_size=2, max_size=2, command_timeout=0.5) as pool:

        async def start() -> list[str]:
            async with pool.acquire() as connection:
                return await migrate(connection, slow)

        applied = await asyncio.gather(start(), start())
    assert sorted(applied, key=len) == [[], ["0001_slow.sql"]]


async def test_update_says_what_it_applies_and_a_first_start_does_not(dsn: str) -> None:
    told: list[str] = []
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool, pool.acquire() as connection:
        await migrate(connection, in_order([FIRST]), told.append)
        assert told == []
        await migrate(connection, in_order([FIRST, SECOND]), told.append)
    assert told == ["database: applying 0002_second.sql, which may take minutes where there are many calls"]


@pytest.mark.parametrize("name", ["0002_gap.sql", "1_short.sql", "0001 words.sql"])
def test_file_out_of_order_is_refused(name: str) -> None:
    with pytest.raises(SettingsError):
        in_order([(name, "")])


async def test_packaged_migrations_make_the_tables(dsn: str) -> None:
    assert await run(dsn, *((each.name, each.sql) for each in packaged_migrations()))
