"""Storage as the application uses it: it implements call control's Protocols, and is started and stopped in order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from acdcore.calls.model.ports import (
    AgentStore,
    CustomerStore,
    Directory,
    History,
    HoursStore,
    IdTaken,
    ScreeningStore,
    Spool,
)
from acdcore.kernel.alarms import AlarmKind
from acdcore.kernel.background import end_task
from acdcore.kernel.bus import EventBus
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import SettingsError
from acdcore.storage import alarms
from acdcore.storage.postgres.database import Database
from acdcore.storage.postgres.embedded import EmbeddedPostgres
from acdcore.storage.postgres.migrate import migrate, packaged_migrations
from acdcore.storage.spool.drainer import Drainer
from acdcore.storage.spool.spool import SPOOL_BYTES_MAX, DiskSpool
from acdcore.storage.stores import people
from acdcore.storage.stores.directory import MemoryDirectory
from acdcore.storage.stores.history import PgHistory
from acdcore.storage.stores.opening_hours import PgHoursStore
from acdcore.storage.stores.people import PgAgentStore, PgCustomerStore
from acdcore.storage.stores.screening import PgScreeningStore
from acdcore.storage.stores.seed import SeededAgent, Seeds, read_seeds, seed

LAST_DELIVERY_WITHIN_S = 5.0
"""Seconds for the delivery of the backlog at the end; the rest waits on disk for the next start."""
LEFTOVERS_WITHIN_S = 10.0
"""Seconds for the delivery of an earlier run's rows before the start goes on, some 60,000 rows; the rest follows."""
LATE_ROW_S = 60.0
"""When the oldest row has waited longer than this, storage is reported as late."""


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """The settings of storage."""

    directory: Path
    """The directory for the cluster and the spool."""
    realm: str
    """The registrar's realm, which is part of the stored password hashes."""
    agents_file: Path
    """Agents for an empty database."""
    customers_file: Path
    """Customers for an empty database."""
    dsn: str = ""
    """The operator's PostgreSQL server (14 or later); "" starts the embedded one."""
    trunk_users: Mapping[str, str] = field(default_factory=dict)
    """Trunks' names by the users with which they log in: no agent may have such a user as its number."""
    spool_bytes_max: int = SPOOL_BYTES_MAX
    """Bytes on disk that undelivered rows may take."""
    first_answer_within_s: float = 30.0
    """Seconds to wait for the first answer of the server, which may be starting at the same time."""


@dataclass(frozen=True, slots=True)
class StorageHealth:
    """The health of storage."""

    is_ok: bool
    """False when the database is away or rows are late, lost or refused."""
    detail: str
    """What is wrong, or how many rows wait."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The parts of storage that call control and the control plane use."""

    directory: Directory
    customers: CustomerStore
    agents: AgentStore
    screening: ScreeningStore
    hours: HoursStore
    history: History
    spool: Spool
    database: Database
    drainer: Drainer
    rejected: Path
    """The file of rows that the database refused."""
    new_agents: tuple[SeededAgent, ...]
    """Agents that this start created, with passwords; empty from the second start on."""

    def health(self) -> StorageHealth:
        """The health, with one line of detail."""
        problems = [problem for _, problem in self.conditions() if problem]
        return StorageHealth(not problems, "; ".join(problems) or f"{self.spool.backlog().rows} rows wait")

    def conditions(self) -> tuple[tuple[AlarmKind, str], ...]:
        """Every alarm of storage with its present detail; "" for one that is not raised."""
        backlog = self.spool.backlog()
        waiting = f"{backlog.rows} rows wait"
        is_up = self.database.is_up
        late = f"{waiting}, the oldest for {backlog.oldest_age_s:.0f} s" if backlog.oldest_age_s > LATE_ROW_S else ""
        return (
            (alarms.DATABASE_AWAY, "" if is_up else f"database away ({self.database.why_away}), {waiting}"),
            (alarms.ROWS_LATE, "; ".join(filter(None, (self.drainer.trouble, late))) if is_up else ""),
            (alarms.ROWS_REFUSED, _refused(backlog.rejected, self.rejected)),
            (alarms.ROWS_LOST, f"{backlog.dropped} rows lost: the spool was full" if backlog.dropped else ""),
            (alarms.SPOOL_DISK, backlog.disk_problem),
        )


@contextlib.asynccontextmanager
async def open_storage(
    settings: StorageSettings,
    clock: Clock,
    bus: EventBus,
    on_progress: Callable[[str], None] = lambda _: None,
    keep: Callable[[Sequence[SeededAgent]], None] = lambda _: None,
) -> AsyncIterator[Storage]:
    """Start storage; at the end deliver what can be delivered, and leave the rest on disk.

    `keep` stores the new agents' passwords for the operator before they come into force. Raises `Unavailable` when
    there is no database at the start, `SettingsError` for a wrong file.
    """
    async with contextlib.AsyncExitStack() as stack:
        dsn = settings.dsn
        if not dsn:
            postgres = EmbeddedPostgres(settings.directory / "postgres", on_progress)
            dsn = (await stack.enter_async_context(postgres)).dsn
        else:
            on_progress(
                f"database: asking the server of [storage] dsn, for {settings.first_answer_within_s:g} s at most"
            )
        database = await stack.enter_async_context(Database(dsn))
        await database.first_answer(settings.first_answer_within_s)
        new_agents = await _prepare(database, settings, keep, on_progress)
        spool, drainer = await stack.enter_async_context(_delivery(settings, clock, database))
        directory = MemoryDirectory()
        screening, hours = PgScreeningStore(database, bus), PgHoursStore(database)
        async with database.connection() as connection:
            await people.load(connection, directory)  # After the rows of the last run, which contain the last contacts.
            await screening.load(connection)
            await hours.load(connection)
        _refuse_shadowed_trunks(directory, settings.trunk_users)
        yield Storage(
            directory=directory,
            customers=PgCustomerStore(database, directory),
            agents=PgAgentStore(database, directory, settings.realm, settings.trunk_users),
            screening=screening,
            hours=hours,
            history=PgHistory(database),
            spool=spool,
            database=database,
            drainer=drainer,
            rejected=settings.directory / "spool" / "rejected.jsonl",
            new_agents=new_agents,
        )


def _refused(count: int, file: Path) -> str:
    return f"{count} rows refused by the database: see {file}" if count else ""


def _refuse_shadowed_trunks(directory: Directory, trunk_users: Mapping[str, str]) -> None:
    for record in directory.agents():
        try:
            people.check_free(record.agent, trunk_users)
        except IdTaken as error:
            raise SettingsError(f"trunks.{trunk_users[record.agent]}.user", "", str(error)) from error


async def _prepare(
    database: Database,
    settings: StorageSettings,
    keep: Callable[[Sequence[SeededAgent]], None],
    on_progress: Callable[[str], None],
) -> tuple[SeededAgent, ...]:
    def seeds() -> Seeds:
        return read_seeds(settings.agents_file, settings.customers_file, settings.realm, settings.trunk_users)

    async with database.connection() as connection:
        await migrate(connection, packaged_migrations(), on_progress)
        return tuple(await seed(connection, seeds, keep))


@contextlib.asynccontextmanager
async def _delivery(
    settings: StorageSettings, clock: Clock, database: Database
) -> AsyncIterator[tuple[DiskSpool, Drainer]]:
    """The spool and its drainer; at the end rows are written to disk first, then delivered if that is possible."""
    loop = asyncio.get_running_loop()
    durable = asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(durable.set)

    with DiskSpool(settings.directory / "spool", clock, wake, settings.spool_bytes_max) as spool:
        drainer = Drainer(spool, database, durable)
        # so that the history is complete when it is asked for calls that a crash cut short
        await drainer.finish(LEFTOVERS_WITHIN_S)
        task = asyncio.create_task(drainer.run(), name="spool drainer")
        try:
            yield spool, drainer
        finally:
            try:
                await end_task(task)
            finally:
                await asyncio.to_thread(spool.wait_durable, LAST_DELIVERY_WITHIN_S)
                await drainer.finish(LAST_DELIVERY_WITHIN_S)
