"""Calendars that supervisors have forced open or closed: in PostgreSQL, with a copy in memory for calls."""

import asyncio
from collections.abc import Sequence
from dataclasses import fields

from acdcore.calls.model.ports import BadRecord, ForcedHours
from acdcore.storage.postgres.database import Connection, Database

CALENDARS_MAX = 1_000
"""Forced calendars at most: more than any configuration has."""
NAME_CHARS_MAX = 200

COLUMNS = ", ".join(field.name for field in fields(ForcedHours))
FORCE = (
    f"insert into forced_hours ({COLUMNS}) values ($1, $2, $3, $4, $5) on conflict (calendar) do update"
    " set is_open = excluded.is_open, until = excluded.until, by = excluded.by, at = excluded.at"
)


class MemoryHoursStore:
    """Implements `HoursStore` without a database."""

    def __init__(self) -> None:
        self._forced: dict[str, ForcedHours] = {}

    def forced(self) -> Sequence[ForcedHours]:
        return sorted(self._forced.values(), key=lambda forced: forced.calendar)

    async def force(self, forced: ForcedHours) -> None:
        self.check(forced)
        self.take_over(forced)

    async def release(self, calendar: str) -> None:
        self.take_out(calendar)

    def check(self, forced: ForcedHours) -> None:
        """Raises `BadRecord` for what cannot be kept."""
        if forced.calendar not in self._forced and len(self._forced) >= CALENDARS_MAX:
            raise BadRecord("calendar", f"{CALENDARS_MAX} calendars are forced already")
        for field, text in (("calendar", forced.calendar), ("by", forced.by)):
            if not text.isprintable() or len(text) > NAME_CHARS_MAX:  # Half surrogates are not printable either.
                raise BadRecord(field, f"is no name of at most {NAME_CHARS_MAX} characters")

    def is_forced(self, calendar: str) -> bool:
        """Whether that calendar has an override, expired or not."""
        return calendar in self._forced

    def take_over(self, forced: ForcedHours) -> None:
        """Keep what was checked."""
        self._forced[forced.calendar] = forced

    def take_out(self, calendar: str) -> None:
        """Remove that calendar's override, if it has one."""
        self._forced.pop(calendar, None)


class PgHoursStore:
    """Implements `HoursStore`; one change at a time, so that memory and database agree."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._memory = MemoryHoursStore()
        self._turn = asyncio.Lock()

    async def load(self, connection: Connection) -> None:
        """Fill the memory with what is stored."""
        for row in await connection.fetch(f"select {COLUMNS} from forced_hours"):
            self._memory.take_over(ForcedHours(*row))

    def forced(self) -> Sequence[ForcedHours]:
        return self._memory.forced()

    async def force(self, forced: ForcedHours) -> None:
        async with self._turn:
            self._memory.check(forced)
            values = (forced.calendar, forced.is_open, forced.until, forced.by, forced.at)
            async with self._database.connection() as connection:
                await connection.execute(FORCE, *values)
            self._memory.take_over(forced)

    async def release(self, calendar: str) -> None:
        async with self._turn:
            if not self._memory.is_forced(calendar):
                return
            async with self._database.connection() as connection:
                await connection.execute("delete from forced_hours where calendar = $1", calendar)
            self._memory.take_out(calendar)
