"""Delivers the spool to the database: oldest rows first, in batches, each in one transaction, until confirmed.

A batch is sent to the database as the JSON that is in the spool, a statement for each table. If the database refuses
its content, it is stored row by row, and only the rows that are refused alone are set aside. While the database is
away, full, or lacks a table, rows wait.
"""

import asyncio
from collections.abc import Sequence
from typing import TypeAlias

import asyncpg
import structlog

from acdcore.kernel.errors import Unavailable
from acdcore.storage.postgres.database import Connection, Database
from acdcore.storage.spool import rows
from acdcore.storage.spool.spool import Batch, DiskSpool

GATHER_S = 0.1
"""Seconds for which rows are collected before delivery: ten short transactions a second leave the core to others."""
TROUBLE_PAUSE_S = 2.0
"""Seconds before a new try when neither the batch nor the connection is the cause: a missing table, for example."""
FAULT_PAUSE_S = 10.0
"""Seconds before a new try after an error in acdcore, which may concern one row only."""

REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)
"""Errors that the row causes: the database would always refuse it."""

Refused: TypeAlias = tuple[bytes, str]
"""A line that can never be stored, and why."""


class Drainer:
    """Runs as one task: `create_task(drainer.run())`."""

    def __init__(self, spool: DiskSpool, database: Database, durable: asyncio.Event) -> None:
        """`durable` must be set whenever more rows are on disk."""
        self._spool = spool
        self._database = database
        self._durable = durable
        self._durable.set()  # For rows of an earlier process.
        self.leftovers_gone = asyncio.Event()
        """Set when all rows of earlier processes are delivered."""
        self.trouble = ""
        """Why rows wait although the database answers; "" when they do not."""

    async def run(self) -> None:
        """Deliver for ever; after an error in acdcore, which `trouble` and the log show, it goes on where it was."""
        while True:
            try:
                await self._run()
            except Exception as error:
                self.trouble = f"delivery stopped by an internal error: {error!r}"
                structlog.get_logger("storage").exception("delivery_fault")
                self._durable.set()
                await asyncio.sleep(FAULT_PAUSE_S)

    async def _run(self) -> None:
        while True:
            await self._durable.wait()
            await asyncio.sleep(GATHER_S)
            await self._database.up.wait()
            self._durable.clear()
            await self._deliver_all()

    async def finish(self, within_s: float) -> bool:
        """Deliver the rest, when `run` has ended; False when that was not possible in time."""
        try:
            async with asyncio.timeout(within_s):
                await self._deliver_all()
        except TimeoutError:
            return False
        return self._spool.backlog().rows == 0

    async def _deliver_all(self) -> None:
        try:
            batch = await asyncio.to_thread(self._spool.next_batch)
            while batch is not None:
                refused = await self._store(batch.lines)
                self.trouble = ""
                batch = await asyncio.to_thread(self._go_on, batch, refused)
                self._look_for_leftovers()
            self._look_for_leftovers()
            self.trouble = ""  # also errors outside of the database, such as a file that could not be deleted
        except Unavailable as error:
            self._durable.set()
            if self._database.is_up:  # it answers but cannot store rows: its disk is full, for example
                self.trouble = str(error)
                await asyncio.sleep(TROUBLE_PAUSE_S)
        except (OSError, asyncpg.PostgresError) as error:
            self.trouble = str(error)
            self._durable.set()
            await asyncio.sleep(TROUBLE_PAUSE_S)

    def _look_for_leftovers(self) -> None:
        if self._spool.is_rid_of_leftovers():
            self.leftovers_gone.set()

    async def _store(self, lines: Sequence[bytes]) -> Sequence[Refused]:
        """Store the lines; returns those that the database refuses."""
        try:
            inserts = rows.by_table(lines)
            async with self._database.connection() as connection, connection.transaction():
                for table, found in inserts.items():
                    await connection.execute(table.insert, found)
        except (rows.BadLine, *REFUSED):
            async with self._database.connection() as connection, connection.transaction():
                return await _store_singly(connection, lines)
        return ()

    def _go_on(self, batch: Batch, refused: Sequence[Refused]) -> Batch | None:
        """Confirm the batch and read the next one; it runs in a thread, because it uses the disk."""
        if refused:
            self._spool.set_aside(refused)
        self._spool.confirm(batch)
        return self._spool.next_batch()


async def _store_singly(connection: Connection, lines: Sequence[bytes]) -> list[Refused]:
    """Store each line alone, read as a row, so that columns that an older version did not write get their defaults."""
    refused = []
    for line in lines:
        try:
            row = rows.parse(line).row
            async with connection.transaction():
                for table, found in rows.by_table([rows.encode_line(row, 0.0)[:-1]]).items():
                    await connection.execute(table.insert, found)
        except (rows.BadLine, *REFUSED) as error:
            refused.append((line, str(error)))
    return refused
