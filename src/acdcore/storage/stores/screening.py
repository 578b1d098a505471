"""The black and white list: in PostgreSQL, with a copy in memory for calls."""

import asyncio
from collections.abc import Sequence
from dataclasses import fields, replace

import asyncpg

from acdcore.calls.model.events import ScreeningChanged
from acdcore.calls.model.ports import BadRecord, Screening, ScreeningVerdict, UnknownRecord
from acdcore.kernel.bus import EventBus
from acdcore.numbering.key import INTERNATIONAL_PREFIX, dialable, matching_key
from acdcore.storage.postgres.database import Connection, Database

ENTRIES_MAX = 100_000
"""Entries at most: far more than staff enter by hand. A longer list belongs to the carrier."""
REASON_CHARS_MAX = 400
ANY_ENDING = "*"
"""At the end of an entry it stands for every number with that beginning."""
ABROAD = "+"
HOME = "0*"
"""The key of a beginning that is only the own country."""

COLUMNS = ", ".join(field.name for field in fields(Screening))
PUT = (
    f"insert into screening (number_key, {COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7)"
    " on conflict (number_key) do update set number = excluded.number, verdict = excluded.verdict,"
    " reason = excluded.reason, until = excluded.until, by = excluded.by, at = excluded.at"
)


class MemoryScreeningStore:
    """Implements `ScreeningStore` without a database."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self._entries: dict[str, Screening] = {}
        """Entries by the number's key, so that one number has one entry in any way of writing."""

    def entries(self) -> Sequence[Screening]:
        return sorted(self._entries.values(), key=lambda entry: (entry.at, entry.number), reverse=True)

    async def put(self, entry: Screening) -> None:
        self.take_over(self.admitted(entry_key(entry.number), entry))
        self._bus.publish(ScreeningChanged())

    async def remove(self, number: str) -> None:
        self.take_out(self.known(number))
        self._bus.publish(ScreeningChanged())

    def admitted(self, key: str, entry: Screening) -> Screening:
        """The entry as it is stored; raises `BadRecord` when it cannot be stored."""
        if key not in self._entries and len(self._entries) >= ENTRIES_MAX:
            raise BadRecord("number", f"{ENTRIES_MAX} numbers are listed already")
        for field, text in (("reason", entry.reason), ("by", entry.by)):
            if len(text) > REASON_CHARS_MAX or "\0" in text or not _is_text(text):
                raise BadRecord(field, f"is no text of at most {REASON_CHARS_MAX} characters")
        begins = entry.number.removesuffix(ANY_ENDING)
        kept = begins if begins == ABROAD else dialable(begins)
        return replace(entry, number=kept + entry.number[len(begins) :])

    def known(self, number: str) -> str:
        """The key of an entry; raises `UnknownRecord` when the number is not listed."""
        try:
            key = entry_key(number)
        except BadRecord as error:
            raise UnknownRecord(f"{number[:40]!r} is not listed") from error
        if key not in self._entries:
            raise UnknownRecord(f"{number} is not listed")
        return key

    def take_over(self, entry: Screening) -> None:
        """Add an admitted entry."""
        self._entries[entry_key(entry.number)] = entry

    def take_out(self, key: str) -> None:
        """Forget the entry with that key."""
        self._entries.pop(key, None)


class PgScreeningStore:
    """Implements `ScreeningStore`; one change at a time, so that memory and database agree."""

    def __init__(self, database: Database, bus: EventBus) -> None:
        self._database = database
        self._bus = bus
        self._memory = MemoryScreeningStore(bus)
        self._turn = asyncio.Lock()

    async def load(self, connection: Connection) -> None:
        """Fill the memory with what is stored."""
        for row in await connection.fetch(f"select {COLUMNS} from screening"):
            self._memory.take_over(_entry_of(row))

    def entries(self) -> Sequence[Screening]:
        return self._memory.entries()

    async def put(self, entry: Screening) -> None:
        key = entry_key(entry.number)
        async with self._turn:
            kept = self._memory.admitted(key, entry)
            values = (kept.number, kept.verdict, kept.reason, kept.until, kept.by, kept.at)
            async with self._database.connection() as connection:
                await connection.execute(PUT, key, *values)
            self._memory.take_over(kept)
            self._bus.publish(ScreeningChanged())

    async def remove(self, number: str) -> None:
        async with self._turn:
            key = self._memory.known(number)
            async with self._database.connection() as connection:
                await connection.execute("delete from screening where number_key = $1", key)
            self._memory.take_out(key)
            self._bus.publish(ScreeningChanged())


def entry_key(number: str) -> str:
    """The key under which a number, or the beginning of numbers, is listed; raises `BadRecord` for neither.

    A `*` alone is everybody, `+*` or `00*` every number from abroad, `+86*` or `0*` every number of the own country.
    """
    begins = number.removesuffix(ANY_ENDING)
    key = matching_key(begins)
    if key:
        return key + number[len(begins) :]
    if begins != number and begins in ("", ABROAD, INTERNATIONAL_PREFIX):
        return (ABROAD if begins else "") + ANY_ENDING
    if begins != number and dialable(begins):
        return HOME
    raise BadRecord("number", f"{number[:40]!r} is neither a telephone number nor the beginning of one followed by *")


def _entry_of(row: asyncpg.Record) -> Screening:
    return Screening(row["number"], ScreeningVerdict(row["verdict"]), row["reason"], row["until"], row["by"], row["at"])


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
