"""A real PostgreSQL for the whole run, with fresh tables for each test."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from tests.fakes.memory_storage import MemoryAgentStore, MemoryCustomerStore, MemoryHistory
from tests.fakes.strict_bus import strict_bus
from tests.storage.keeping import REALM, SEEN_WITHIN_S, TRUNK_USERS, Delivery, StorageUnderTest

from acdcore.kernel.clock import SystemClock
from acdcore.storage.postgres.database import Database
from acdcore.storage.postgres.embedded import EmbeddedPostgres
from acdcore.storage.postgres.migrate import migrate, packaged_migrations
from acdcore.storage.spool.drainer import Drainer
from acdcore.storage.spool.spool import DiskSpool
from acdcore.storage.stores.directory import MemoryDirectory
from acdcore.storage.stores.history import PgHistory
from acdcore.storage.stores.opening_hours import MemoryHoursStore, PgHoursStore
from acdcore.storage.stores.people import PgAgentStore, PgCustomerStore
from acdcore.storage.stores.screening import MemoryScreeningStore, PgScreeningStore


@pytest.fixture(scope="session")
def open_directory() -> Iterator[Path]:
    """A directory that the server's user can reach; pytest's own are closed to it when we are root."""
    directory = Path(tempfile.mkdtemp(prefix="acdcore-storage-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def server(open_directory: Path) -> Iterator[EmbeddedPostgres]:
    """One server for all tests that do not hurt it; its watcher sleeps, for its loop only runs here."""
    loop = asyncio.new_event_loop()
    postgres = EmbeddedPostgres(open_directory / "shared")
    loop.run_until_complete(postgres.start())
    yield postgres
    loop.run_until_complete(postgres.stop())
    loop.close()


@pytest.fixture
async def dsn(server: EmbeddedPostgres) -> str:
    """A database without any table."""
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("drop schema public cascade; create schema public")
    await connection.close()
    return server.dsn


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """A database with all tables, and up."""
    async with Database(dsn) as connected:
        await connected.first_answer(SEEN_WITHIN_S)
        async with connected.connection() as connection:
            await migrate(connection, packaged_migrations())
        yield connected


@pytest.fixture
async def delivery(database: Database, tmp_path: Path) -> AsyncIterator[Delivery]:
    """Rows appended here arrive in `database`."""
    with DiskSpool(tmp_path / "spool", SystemClock()) as spool:
        yield Delivery(spool, Drainer(spool, database, asyncio.Event()))


@pytest.fixture(params=["memory", "postgres"])
def kept(request: pytest.FixtureRequest) -> StorageUnderTest:
    """Storage of either kind: what holds for one must hold for the other."""
    directory, bus = MemoryDirectory(), strict_bus()
    if request.param == "memory":
        history = MemoryHistory(directory)
        customers, agents = MemoryCustomerStore(directory), MemoryAgentStore(directory, REALM, TRUNK_USERS)
        screening, hours = MemoryScreeningStore(bus), MemoryHoursStore()
        return StorageUnderTest(directory, customers, agents, screening, hours, history, history, None, bus)
    database: Database = request.getfixturevalue("database")
    delivery: Delivery = request.getfixturevalue("delivery")
    return StorageUnderTest(
        directory,
        PgCustomerStore(database, directory),
        PgAgentStore(database, directory, REALM, TRUNK_USERS),
        PgScreeningStore(database, bus),
        PgHoursStore(database),
        delivery.spool,
        PgHistory(database),
        delivery,
        bus,
    )


@pytest.fixture
def wall() -> datetime:
    """An instant."""
    return datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
