"""Migrations: each file once, in order, and never one that was changed."""

import asyncio

import asyncpg
import pytest
from tests.storage.keeping import SEEN_WITHIN_S

from acdcore.kernel.errors import SettingsError
from acdcore.storage import people
from acdcore.storage.database import Database
from acdcore.storage.directory import MemoryDirectory
from acdcore.storage.migrate import in_order, migrate, packaged_migrations

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


@pytest.mark.parametrize("name", ["0002_gap.sql", "1_short.sql", "0001 words.sql"])
def test_file_out_of_order_is_refused(name: str) -> None:
    with pytest.raises(SettingsError):
        in_order([(name, "")])


async def test_tables_of_the_first_release_keep_what_they_hold(dsn: str) -> None:
    files = [(each.name, each.sql) for each in packaged_migrations()]
    await run(dsn, files[0])
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool, pool.acquire() as connection:
        await connection.execute(
            "insert into customers (name, tier, language, numbers, plates, address, note, version)"
            " values ('Fleet', 'vip', '', '{13800000007}', '{}', '', '', 1)"
        )
        await connection.execute(
            "insert into calls (call_id, direction, trunk, caller, caller_key, dialled, flow, outcome, ended_by,"
            " arrived_at, ended_at, wait_s, ring_s, talk_s, overflowed_to, recording, figures)"
            " values ('c1', 'inbound', 't', '1', '1', '2', '', 'answered', 'agent',"
            " now(), now(), 0, 0, 1, '', '', '{}')"
        )
    assert (await run(dsn, *files))[0] == files[1][0]
    async with Database(dsn) as database:
        await database.first_answer(SEEN_WITHIN_S)
        directory = MemoryDirectory()
        async with database.connection() as connection:
            await people.load(connection, directory)
    customer = directory.customer_by_phone("13800000007")
    assert customer is not None
    assert (customer.name, customer.owner, customer.region) == ("Fleet", None, "")
    assert [contact.call_id for contact in directory.last_contacts("1", 5)] == ["c1"]


async def test_packaged_migrations_make_the_tables(dsn: str) -> None:
    assert await run(dsn, *((each.name, each.sql) for each in packaged_migrations()))
