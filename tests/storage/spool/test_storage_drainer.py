"""The drainer: every row arrives once, bad rows stand aside, and an outage only makes rows wait."""

import asyncio
import os
import signal
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import orjson
import pytest
from tests.storage.keeping import SEEN_WITHIN_S, Delivery, eventually

from acdcore.calls.model.directory import NewCustomer
from acdcore.calls.model.ports import CallFilter
from acdcore.calls.model.rows import CallEventRow, CdrRow, EndedBy
from acdcore.kernel.clock import SystemClock
from acdcore.kernel.errors import Outcome, Unavailable
from acdcore.kernel.ids import CallId
from acdcore.storage.postgres.database import Database
from acdcore.storage.postgres.embedded import EmbeddedPostgres
from acdcore.storage.postgres.migrate import migrate, packaged_migrations
from acdcore.storage.spool import rows, segments
from acdcore.storage.spool.drainer import Drainer
from acdcore.storage.spool.spool import Batch, DiskSpool
from acdcore.storage.stores.directory import MemoryDirectory
from acdcore.storage.stores.history import PgHistory
from acdcore.storage.stores.people import PgCustomerStore

WALL = datetime(2026, 11, 21, tzinfo=UTC)


def cdr(number: int, talk_s: float = 1.0) -> CdrRow:
    ended_at = WALL + timedelta(seconds=number)
    return CdrRow(
        CallId(f"c{number:05}"), "t", "1", "2", Outcome.ANSWERED, EndedBy.CALLER, WALL, ended_at, talk_s=talk_s
    )


async def count(database: Database) -> int:
    async with database.connection() as connection:
        return int(await connection.fetchval("select count(*) from calls"))


async def test_row_that_the_database_refuses_stands_aside_and_the_rest_arrives(
    delivery: Delivery, database: Database, tmp_path: Path
) -> None:
    for number in range(20):
        delivery.spool.append(cdr(number, talk_s=-1.0 if number == 7 else 1.0))
    delivery.spool.append(CallEventRow(CallId("c"), 2**40, WALL, "beyond a column of four bytes"))
    assert await delivery.deliver()
    assert await count(database) == 19
    assert delivery.spool.backlog().rejected == 2
    kept = (tmp_path / "spool" / "rejected.jsonl").read_text()
    assert "c00007" in kept
    assert "talk_s" in kept


async def test_damaged_line_stands_aside_and_the_rest_arrives(database: Database, tmp_path: Path) -> None:
    good = rows.encode_line(cdr(1), 0.0)
    segments.segment_file(tmp_path, 1).write_bytes(good + b"deadbeef {}\n" + rows.encode_line(cdr(2), 0.0))
    with DiskSpool(tmp_path, SystemClock()) as spool:
        assert await Delivery(spool, Drainer(spool, database, asyncio.Event())).deliver()
        assert spool.backlog().rejected == 1
    assert await count(database) == 2


async def test_line_of_an_older_version_arrives_with_what_it_lacks(database: Database, tmp_path: Path) -> None:
    envelope = orjson.loads(rows.encode_line(cdr(1), 0.0)[rows.CRC_DIGITS + 1 :])
    del envelope["row"]["caller_key"], envelope["row"]["figures"]
    body = orjson.dumps(envelope)
    segments.segment_file(tmp_path, 1).write_bytes(
        b"%08x %b\n" % (zlib.crc32(body), body) + rows.encode_line(cdr(2), 0.0)
    )
    with DiskSpool(tmp_path, SystemClock()) as spool:
        assert await Delivery(spool, Drainer(spool, database, asyncio.Event())).deliver()
        assert spool.backlog().rejected == 0
    found = await PgHistory(database).calls(CallFilter(caller="1"))
    assert found == [cdr(2), cdr(1)]


async def test_rows_delivered_before_a_crash_are_delivered_again_to_no_effect(
    database: Database, tmp_path: Path
) -> None:
    lines = b"".join(rows.encode_line(cdr(number), 0.0) for number in range(700))
    for _ in range(2):
        segments.segment_file(tmp_path, 1).write_bytes(lines)
        with DiskSpool(tmp_path, SystemClock()) as spool:
            assert await Delivery(spool, Drainer(spool, database, asyncio.Event())).deliver()
            assert spool.backlog().rejected == 0
    assert await count(database) == 700


async def test_missing_table_makes_rows_wait_and_is_reported(database: Database, delivery: Delivery) -> None:
    async with database.connection() as connection:
        await connection.execute("alter table calls rename to elsewhere")
    delivery.spool.append(cdr(1))
    await asyncio.to_thread(delivery.spool.wait_durable, SEEN_WITHIN_S)
    assert not await delivery.drainer.finish(0.5)
    assert "calls" in delivery.drainer.trouble
    assert (delivery.spool.backlog().rows, delivery.spool.backlog().rejected) == (1, 0)
    async with database.connection() as connection:
        await connection.execute("alter table elsewhere rename to calls")
    assert await delivery.deliver()
    assert delivery.drainer.trouble == ""


FULL = """
    create function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
    create trigger refuse before insert on calls for each row execute function refuse()
"""
"""A database whose disk is full."""


async def test_full_disk_of_the_database_is_late_rows_and_no_database_that_comes_and_goes(
    database: Database, delivery: Delivery
) -> None:
    async with database.connection() as connection:
        await connection.execute(FULL)
    delivery.spool.append(cdr(1))
    await asyncio.to_thread(delivery.spool.wait_durable, SEEN_WITHIN_S)
    assert not await delivery.drainer.finish(0.5)
    assert database.is_up
    assert "No space left" in delivery.drainer.trouble
    async with database.connection() as connection:
        await connection.execute("drop trigger refuse on calls")
    assert await delivery.deliver()
    assert (delivery.drainer.trouble, await count(database)) == ("", 1)


class SpoolOnAFailingDisk(DiskSpool):
    """One whose files cannot be deleted."""

    def confirm(self, batch: Batch) -> None:
        super().confirm(batch)
        raise OSError("Input/output error")


async def test_trouble_with_a_delivered_file_is_over_when_nothing_is_left_to_deliver(
    database: Database, tmp_path: Path
) -> None:
    with SpoolOnAFailingDisk(tmp_path, SystemClock()) as spool:
        drainer = Drainer(spool, database, asyncio.Event())
        spool.append(cdr(1))
        await asyncio.to_thread(spool.wait_durable, SEEN_WITHIN_S)
        await drainer.finish(0.5)
        assert "Input/output" in drainer.trouble
        assert await drainer.finish(SEEN_WITHIN_S)
        assert drainer.trouble == ""


@pytest.fixture
async def own_server(open_directory: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server to be hurt."""
    async with EmbeddedPostgres(open_directory / "hurt") as server:
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("drop schema public cascade; create schema public")
        await connection.close()
        yield server


async def test_outage_makes_rows_wait_and_each_arrives_once(own_server: EmbeddedPostgres, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    durable = asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(durable.set)

    async with Database(own_server.dsn) as database:
        await database.first_answer(SEEN_WITHIN_S)
        async with database.connection() as connection:
            await migrate(connection, packaged_migrations())
        directory = MemoryDirectory()
        customers = PgCustomerStore(database, directory)
        with DiskSpool(tmp_path, SystemClock(), wake) as spool:
            task = asyncio.create_task(Drainer(spool, database, durable).run())
            for number in range(500):
                spool.append(cdr(number))
            await own_server.stop()
            for number in range(500, 1_000):
                spool.append(cdr(number))
            with pytest.raises(Unavailable):
                await customers.create(NewCustomer("nobody"))
            await eventually(lambda: not database.is_up)
            with pytest.raises(Unavailable):
                await PgHistory(database).calls(CallFilter())
            assert not directory.search("nobody", 1)
            assert spool.backlog().rows >= 500
            assert database.why_away
            await own_server.start()
            await eventually(lambda: spool.backlog().rows == 0)
            assert await count(database) == 1_000
            assert (await customers.create(NewCustomer("somebody"))).version == 1
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_server_killed_under_load_is_started_again_and_loses_nothing(
    own_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    loop = asyncio.get_running_loop()
    durable = asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(durable.set)

    async with Database(own_server.dsn) as database:
        await database.first_answer(SEEN_WITHIN_S)
        async with database.connection() as connection:
            await migrate(connection, packaged_migrations())
        with DiskSpool(tmp_path, SystemClock(), wake) as spool:
            task = asyncio.create_task(Drainer(spool, database, durable).run())
            for number in range(3_000):
                spool.append(cdr(number))
                if number % 100 == 0:
                    await asyncio.sleep(0)
                if number == 1_000:
                    await eventually(lambda: spool.backlog().rows <= 501)
                    assert own_server.pid is not None
                    os.kill(own_server.pid, signal.SIGKILL)
            await eventually(lambda: spool.backlog().rows == 0)
            assert own_server.restarts == 1
            assert await count(database) == 3_000
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
