"""The connection to PostgreSQL: a small pool that knows whether the server answers.

While the server is away every request fails at once with `Unavailable`. Only one task tries to connect, at growing
intervals; everything else waits for `up`. After a restart of the server the connection comes back by itself.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self, TypeAlias

import asyncpg
import asyncpg.pool
import orjson

from acdcore.kernel.background import end_task
from acdcore.kernel.errors import Unavailable

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

CONNECTIONS_MAX = 6
"""Connections of the pool: the drainer takes one, the control plane the rest."""
CONNECT_WITHIN_S = 3.0
STATEMENT_WITHIN_S = 10.0
"""Time limit of a statement. None needs a second; a server that takes longer counts as away."""
KNOCK_AFTER_S = (0.1, 0.25, 0.5, 1.0, 2.0)
"""Seconds between attempts to connect while the server is away; the last one is repeated."""
LOOK_EVERY_S = 5.0
"""Seconds between tests of an idle connection."""

AWAY = (
    OSError,  # Includes TimeoutError and refused connections.
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,  # Starting up or shutting down.
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,  # The connection was lost under the statement.
    asyncpg.InternalClientError,  # The server closed the connection between two statements of a transaction.
)
"""Errors that mean that the database is away."""
UNABLE = (
    asyncpg.InsufficientResourcesError,  # Its disk is full, or its memory.
    asyncpg.OperatorInterventionError,  # A statement was cancelled by a person or by the server's time limit.
    asyncpg.InternalServerError,
)
"""Errors of a database that answers but cannot carry out the statement. If it counted as away, the alarm would begin
and end each second, since the next statement is answered."""


class Database:
    """`async with Database(dsn) as database:`; then `async with database.connection() as connection:`."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: Pool | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._look = asyncio.Event()
        self._why_away = "not tried yet"
        self.up = asyncio.Event()
        """Set while the server answers."""

    @property
    def is_up(self) -> bool:
        """Whether the server answered the last time."""
        return self.up.is_set()

    @property
    def why_away(self) -> str:
        """Why the server is away; "" while it is up."""
        return "" if self.is_up else self._why_away

    async def __aenter__(self) -> Self:
        """Does not wait for the server; a caller who needs it at once awaits `first_answer`."""
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=0,
            max_size=CONNECTIONS_MAX,
            timeout=CONNECT_WITHIN_S,
            command_timeout=STATEMENT_WITHIN_S,
            server_settings={"application_name": "acdcore", "timezone": "UTC"},
            init=_speak_json,
        )
        self._watcher = asyncio.create_task(self._keep_looking(), name="database watcher")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watcher is not None:
            await end_task(self._watcher)
        if self._pool is not None:
            self._pool.terminate()

    async def first_answer(self, within_s: float) -> None:
        """Wait until the server answers; raises `Unavailable` with the reason after `within_s`."""
        try:
            await asyncio.wait_for(self.up.wait(), within_s)
        except TimeoutError as error:
            remedy = "start PostgreSQL, or correct [storage] dsn"
            raise Unavailable(f"database: no answer within {within_s:g} s: {self._why_away}; {remedy}") from error

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of the pool; errors in `AWAY` and `UNABLE` are raised as `Unavailable`."""
        if self._pool is None or not self.is_up:
            raise Unavailable(f"database: away: {self._why_away}")
        is_taken = False
        try:
            async with self._pool.acquire(timeout=CONNECT_WITHIN_S) as connection:
                is_taken = True
                yield connection
        except AWAY as error:
            if not is_taken and self._is_only_busy(error):
                raise Unavailable(f"database: all {CONNECTIONS_MAX} connections are in use; try again") from error
            self._note_away(error)
            raise Unavailable(f"database: away: {self._why_away}") from error
        except UNABLE as error:
            self._look.set()  # the watcher finds out whether it answers at all
            raise Unavailable(f"database: {error}") from error

    def _note_away(self, error: BaseException) -> None:
        self._why_away = str(error) or type(error).__name__
        self.up.clear()
        self._look.set()

    async def _keep_looking(self) -> None:
        attempts = 0
        while True:
            if await self._is_answered():
                attempts = 0
                self._look.clear()
                self.up.set()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._look.wait(), LOOK_EVERY_S)
                continue
            await asyncio.sleep(KNOCK_AFTER_S[min(attempts, len(KNOCK_AFTER_S) - 1)])
            attempts += 1

    async def _is_answered(self) -> bool:
        if self._pool is None:
            return False
        is_taken = False
        try:
            async with self._pool.acquire(timeout=CONNECT_WITHIN_S) as connection:
                is_taken = True
                await connection.execute("select 1", timeout=CONNECT_WITHIN_S)
        except (*AWAY, asyncpg.PostgresError) as error:
            if not is_taken and self._is_only_busy(error):
                return self.is_up  # those who use the connections find out
            self._note_away(error)
            return False
        return True

    def _is_only_busy(self, error: BaseException) -> bool:
        """Whether all connections were in use, by long reports for example; the server is then not away."""
        pool = self._pool
        is_full = pool is not None and pool.get_size() == pool.get_max_size() and not pool.get_idle_size()
        return isinstance(error, TimeoutError) and is_full


async def _speak_json(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Convert jsonb columns to and from Python values."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
    )
