"""Delivers the spool to the database: oldest first, in batches, each in one transaction, again until confirmed.

A batch goes to the database as the JSON that is in the spool, a statement for each table. If it is refused for its
content it is read and stored row by row, and only the rows that are refused by themselves are set aside. A database
that is away, full or not as expected only makes rows wait.
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
"""How long rows gather before they are delivered: ten short transactions a second on a core that others need too."""
TROUBLE_PAUSE_S = 2.0
"""Before trying again when neither the batch nor the connection is to blame: a missing table, an unreadable file."""
FAULT_PAUSE_S = 10.0
"""Before trying again after a fault of ours: it may be one row's, and rows must not wait for a restart."""

REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)
"""The row is to blame: it would be refused again, always."""

Refused: TypeAlias = tuple[bytes, str]
"""A line that can never be stored, and why."""


class Drainer:
    """Runs as one task: `create_task(drainer.run())`."""

    def __init__(self, spool: DiskSpool, database: Database, durable: asyncio.Event) -> None:
        """`durable` is to be set whenever more rows are on disk."""
        self._spool = spool
        self._database = database
        self._durable = durable
        self._durable.set()  # For what an earlier process left.
        self.leftovers_gone = asyncio.Event()
        """Set once all that an earlier process left is delivered."""
        self.trouble = ""
        """Why rows wait although the database answers; "" when they do not."""

    async def run(self) -> None:
        """Deliver for ever; after a fault of ours, which `trouble` and the log tell, from where it was."""
        while True:
            try:
                await self._run()
            except Exception as error:
                self.trouble = f"delivery stopped by a fault of ours: {error!r}"
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
        """Deliver what is left, while nobody else does; False when that was not possible in time."""
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
            self.trouble = ""  # also what was not the database's, such as a file that could not be deleted
        except Unavailable as error:
            self._durable.set()
            if self._database.is_up:  # it answers, and cannot do this: its disk is full, say
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
        """Store what can be stored; returns what cannot."""
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
        """In a thread, for it touches the disk: be done with the batch; the next one."""
        if refused:
            self._spool.set_aside(refused)
        self._spool.confirm(batch)
        return self._spool.next_batch()


async def _store_singly(connection: Connection, lines: Sequence[bytes]) -> list[Refused]:
    """Read each line as a row, which fills in what a line of an older version lacks, and store it alone."""
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
