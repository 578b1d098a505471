"""Migrations: each file once, in order, and never one that was changed."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from tests.storage.keeping import SEEN_WITHIN_S

from acdcore.calls.model.ports import CallFilter
from acdcore.calls.model.rows import CallEnd
from acdcore.kernel.errors import Outcome, SettingsError
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.storage.postgres.database import Database
from acdcore.storage.postgres.migrate import in_order, migrate, packaged_migrations
from acdcore.storage.stores import people
from acdcore.storage.stores.directory import MemoryDirectory
from acdcore.storage.stores.history import PgHistory

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


OLD_CALL = (
    "insert into calls (call_id, direction, trunk, caller, caller_key, dialled, flow, outcome, ended_by, queue, agent,"
    " arrived_at, ended_at, wait_s, ring_s, talk_s, overflowed_to, recording, figures)"
    " values ($1, 'inbound', 't', '1', '1', '2', '', $2, $3, $4, $5, $6, $7, 0, 0, 9, '', '', '{}')"
)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TRANSFERRED: tuple[tuple[str, dict[str, object]], ...] = (
    ("arrived", {"trunk": "t"}),
    ("queued", {"queue": "service", "advance_s": 0}),
    ("offered", {"agent": "1003", "queue": "service"}),
    ("connected", {"agent": "1003", "outside": "", "recording": "", "phone": ""}),
    ("returned", {"agent": "1003", "queue": "service"}),
    ("queued", {"queue": "service", "advance_s": 0}),
    ("connected", {"agent": "1001", "outside": "", "recording": "", "phone": ""}),
    ("bridged", {}),
    ("held", {"by": "agent"}),
    ("talk_ended", {"by": "system"}),
    ("sent", {"target": "queue:sales", "by": "1001"}),
    ("queued", {"queue": "sales", "advance_s": 0}),
    ("overflowed", {"cause": "wait", "target": "queue:vip"}),
    ("queued", {"queue": "vip", "advance_s": 0}),
    ("connected", {"agent": "1002", "outside": "", "recording": "", "phone": ""}),
    ("bridged", {}),
    ("ended", {"outcome": "media_lost", "by": "system", "detail": ""}),
)
"""One second between any two."""


async def test_records_of_before_keep_all_and_get_their_parts_from_their_events(dsn: str) -> None:
    files = [(each.name, each.sql) for each in packaged_migrations()]
    await run(dsn, *files[:7])
    async with Database(dsn) as database:
        await database.first_answer(SEEN_WITHIN_S)
        async with database.connection() as connection:
            last = NOON + timedelta(seconds=len(TRANSFERRED) - 1)
            await connection.execute(OLD_CALL, "c1", "media_lost", "system", "vip", "1002", NOON, last)
            await connection.execute(OLD_CALL, "c2", "answered", "caller", "service", "1001", NOON, last)
            await connection.execute(OLD_CALL, "c3", "abandoned_flow", "caller", None, None, NOON, last)
            rows = [
                ("c1", serial, NOON + timedelta(seconds=serial - 1), *event)
                for serial, event in enumerate(TRANSFERRED, start=1)
            ]
            await connection.executemany("insert into call_events values ($1, $2, $3, $4, $5)", rows)
    assert (await run(dsn, *files))[0] == files[7][0]
    async with Database(dsn) as database:
        await database.first_answer(SEEN_WITHIN_S)
        history = PgHistory(database)
        without_parts, without_events, with_events = await history.calls(CallFilter())
        for agent in ("1001", "1002", "1003"):
            assert with_events in await history.calls(CallFilter(agent=AgentId(agent))), agent
        for queue in ("service", "sales", "vip"):
            assert with_events in await history.calls(CallFilter(queue=QueueName(queue))), queue
        assert await history.calls(CallFilter(agent=AgentId("1002"))) == [with_events]
        assert without_events in await history.calls(CallFilter(agent=AgentId("1001"), queue=QueueName("service")))
    assert (with_events.outcome, with_events.end_cause) == (Outcome.ANSWERED, CallEnd.MEDIA_LOST)
    assert (with_events.served_by, with_events.agent, with_events.talk_s) == ("1002", "1002", 9.0)
    parts = [(part.kind.value, part.queue, part.agent, part.end.value, part.talk_s) for part in with_events.segments]
    assert parts == [
        ("queue", "service", None, "answered", 0.0),
        ("agent", "service", "1003", "no_talk", 0.0),
        ("queue", "service", None, "answered", 0.0),
        ("agent", "service", "1001", "transferred", 2.0),
        ("queue", "sales", None, "overflowed", 0.0),
        ("queue", "vip", None, "answered", 0.0),
        ("agent", "vip", "1002", "media_lost", 1.0),
    ]
    assert (with_events.segments[3].began_at, with_events.segments[3].ended_at) == (
        NOON + timedelta(seconds=6),
        NOON + timedelta(seconds=9),
    )
    assert (without_events.served_by, without_events.end_cause) == ("1001", CallEnd.HUNG_UP)
    assert (without_parts.served_by, without_parts.segments, without_parts.end_cause) == (None, (), CallEnd.HUNG_UP)


async def test_packaged_migrations_make_the_tables(dsn: str) -> None:
    assert await run(dsn, *((each.name, each.sql) for each in packaged_migrations()))
