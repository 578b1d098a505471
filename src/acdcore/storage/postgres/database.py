"""The connection to PostgreSQL: a small pool that knows whether the server is there.

While the server is away every request fails at once with `Unavailable`, and one watcher alone knocks, ever more
slowly; `up` is what the rest waits on. A restart of the server needs nothing from anybody.
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
"""The drainer takes one, the control plane the rest; reads are short and come from people."""
CONNECT_WITHIN_S = 3.0
STATEMENT_WITHIN_S = 10.0
"""No statement of ours needs a second; past this the server is as good as away."""
KNOCK_AFTER_S = (0.1, 0.25, 0.5, 1.0, 2.0)
"""Pauses between attempts while the server is away; the last one is repeated."""
LOOK_EVERY_S = 5.0
"""How often an idle connection is tried while all seems well."""

AWAY = (
    OSError,  # Includes TimeoutError and refused connections.
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,  # Starting up or shutting down.
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,  # The connection was lost under the statement.
    asyncpg.InternalClientError,  # The server's farewell came between two statements of a transaction.
)
"""What the database's being away looks like."""
UNABLE = (
    asyncpg.InsufficientResourcesError,  # Its disk is full, or its memory.
    asyncpg.OperatorInterventionError,  # A statement was cancelled by a person or by the server's time limit.
    asyncpg.InternalServerError,
)
"""What a database says that answers and cannot do this: to take it for away would raise and end that alarm each second,
since it answers the next question."""


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
        """Whether the last attempt was answered."""
        return self.up.is_set()

    @property
    def why_away(self) -> str:
        """What the last attempt failed with; "" while it is up."""
        return "" if self.is_up else self._why_away

    async def __aenter__(self) -> Self:
        """Never waits for the server: whoever needs it at once awaits `first_answer`."""
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
        """A connection of the pool; whatever says that the server is away, or unable, comes out as `Unavailable`."""
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
            self._look.set()  # whether it answers at all is for the watcher to find out
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
                return self.is_up  # whoever has the connections finds out
            self._note_away(error)
            return False
        return True

    def _is_only_busy(self, error: BaseException) -> bool:
        """Whether no connection was to be had because others read long reports, which is no fault of the server's."""
        pool = self._pool
        is_full = pool is not None and pool.get_size() == pool.get_max_size() and not pool.get_idle_size()
        return isinstance(error, TimeoutError) and is_full


async def _speak_json(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Let jsonb columns be given and taken as Python values."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
    )
