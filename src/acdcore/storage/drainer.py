"""Delivers the spool to the database: oldest first, in batches, each in one transaction, again until confirmed.

A batch that the database refuses for its content is stored row by row, and only the rows that are refused by
themselves are set aside. A database that is away, full or not as expected only makes rows wait.
"""

import asyncio
from collections.abc import Sequence

import asyncpg

from acdcore.calls.ports import Row
from acdcore.kernel.errors import Unavailable
from acdcore.storage import rows
from acdcore.storage.database import Connection, Database
from acdcore.storage.spool import Batch, DiskSpool

GATHER_S = 0.1
"""How long rows gather before they are delivered: at most ten transactions a second."""
TROUBLE_PAUSE_S = 2.0
"""Before trying again when neither the batch nor the connection is to blame: a missing table, an unreadable file."""

REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)
"""The row is to blame: it would be refused again, always."""


class Drainer:
    """Runs as one task: `create_task(drainer.run())`."""

    def __init__(self, spool: DiskSpool, database: Database, durable: asyncio.Event) -> None:
        """`durable` is to be set whenever more rows are on disk."""
        self._spool = spool
        self._database = database
        self._durable = durable
        self._durable.set()  # For what an earlier process left.
        self.trouble = ""
        """Why rows wait although the database answers; "" when they do not."""

    async def run(self) -> None:
        """Deliver for ever; a fault of ours ends it, and then `trouble` says so."""
        try:
            await self._run()
        except Exception as error:
            self.trouble = f"delivery stopped by a fault, rows wait for a restart: {error!r}"
            raise

    async def _run(self) -> None:
        while True:
            await self._durable.wait()
            await asyncio.sleep(GATHER_S)
            await self._database.up.wait()
            self._durable.clear()
            await self._deliver_all()

    async def finish(self, within_s: float) -> bool:
        """Deliver what is left, while nobody else does; False when that was not possible in time."""
        try:
            async with asyncio.timeout(within_s):
                await self._deliver_all()
        except TimeoutError:
            return False
        return self._spool.backlog().rows == 0

    async def _deliver_all(self) -> None:
        try:
            while (batch := await asyncio.to_thread(self._spool.next_batch)) is not None:
                await self._deliver(batch)
                self.trouble = ""
        except Unavailable:
            self._durable.set()
        except (OSError, asyncpg.PostgresError) as error:
            self.trouble = str(error)
            self._durable.set()
            await asyncio.sleep(TROUBLE_PAUSE_S)

    async def _deliver(self, batch: Batch) -> None:
        parsed: list[tuple[bytes, Row]] = []
        refused: list[tuple[bytes, str]] = []
        for line in batch.lines:
            try:
                parsed.append((line, rows.parse(line).row))
            except rows.BadLine as error:
                refused.append((line, str(error)))
        try:
            async with self._database.connection() as connection, connection.transaction():
                await _store_together(connection, [row for _, row in parsed])
        except REFUSED:
            async with self._database.connection() as connection, connection.transaction():
                refused += await _store_singly(connection, parsed)
        if refused:
            await asyncio.to_thread(self._spool.set_aside, refused)
        await asyncio.to_thread(self._spool.confirm, batch)


async def _store_together(connection: Connection, batch: Sequence[Row]) -> None:
    for kind, table in rows.TABLES.items():
        values = [rows.arguments(row) for row in batch if isinstance(row, kind)]
        if values:
            await connection.executemany(table.insert, values)


async def _store_singly(connection: Connection, batch: Sequence[tuple[bytes, Row]]) -> list[tuple[bytes, str]]:
    """Store what can be stored; returns the lines that cannot, with the database's reason."""
    refused = []
    for line, row in batch:
        try:
            async with connection.transaction():
                await connection.execute(rows.TABLES[type(row)].insert, *rows.arguments(row))
        except REFUSED as error:
            refused.append((line, str(error)))
    return refused
