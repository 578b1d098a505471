"""Deletes rows past their retention, in small transactions, and finds the recordings that may be deleted.

`acdcore.daemon.retention` decides when and how much. Kept at any age: recordings of open messages, records of calls
whose recordings are kept, open work items, and each agent's last change before the limit, which gives the state at that
moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from acdcore.calls.record.recovery import call_id_at
from acdcore.recording.events import RecordingPath
from acdcore.recording.retention import StoredRecording
from acdcore.storage.postgres.database import Database

OLDEST_RECORDINGS = """
select path, started_at, size_bytes from recordings r
where not exists (select from work_items w where w.is_open and w.item->>'recording' = r.path)
order by started_at limit $1
"""

OLD_CALLS = """
select call_id from calls c where arrived_at < $1
and not exists (select from recordings r where r.call_id = c.call_id) order by arrived_at limit $2
"""


@dataclass(frozen=True, slots=True)
class OldRows:
    """The statements that delete rows of one table; $1 is the limit of time, $2 the number at most."""

    name: str
    """The table."""
    found: str
    """Query for the keys of rows past their retention, at most $2."""
    delete: tuple[str, ...]
    """Statements that delete the rows whose keys are in the temporary table `gone`, the result of `found`."""


OLD_ROWS = (
    OldRows(
        "calls",
        OLD_CALLS,
        (
            "delete from call_events e using gone where e.call_id = gone.call_id",
            "delete from answers a using gone where a.call_id = gone.call_id",
            "delete from calls c using gone where c.call_id = gone.call_id",
        ),
    ),
    OldRows(
        "traces",  # by their own age: a withheld number is not kept longer because a recording is
        "select call_id from traces where at < $1 order by at limit $2",
        ("delete from traces t using gone where t.call_id = gone.call_id",),
    ),
    OldRows(
        "queue_visits",
        "select entry, n from queue_visits where joined_at < $1 order by joined_at limit $2",
        ("delete from queue_visits v using gone where v.entry = gone.entry and v.n = gone.n",),
    ),
    OldRows(
        "agent_events",
        """select agent, at, serial from agent_events e where at < $1 and exists (
            select from agent_events later where later.agent = e.agent and later.at < $1
            and (later.at, later.serial) > (e.at, e.serial)) order by at limit $2""",
        ("delete from agent_events e using gone g where (e.agent, e.at, e.serial) = (g.agent, g.at, g.serial)",),
    ),
    OldRows(
        "work_items",
        """select work_id from work_items w where not is_open and at < $1
            and not exists (select from recordings r where r.path = w.item->>'recording') order by work_id limit $2""",
        (
            "delete from work_items_log l using gone where l.work_id = gone.work_id",
            "delete from work_items w using gone where w.work_id = gone.work_id",
        ),
    ),
)
"""The tables, in the order of deletion."""


class PgRetention:
    """Finds and deletes what is past its retention; every method raises Unavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def oldest_recordings(self, limit: int) -> tuple[StoredRecording, ...]:
        """The oldest recordings that may be deleted, at most `limit`."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(OLDEST_RECORDINGS, limit)
        return tuple(StoredRecording(RecordingPath(row["path"]), row["started_at"], row["size_bytes"]) for row in rows)

    async def recorded_bytes(self) -> int:
        """Bytes of all recordings."""
        async with self._database.connection() as connection:
            return int(await connection.fetchval("select coalesce(sum(size_bytes), 0) from recordings"))

    async def referenced_paths(self, paths: Sequence[str]) -> frozenset[str]:
        """Those of the paths that a row or an open work item names."""
        query = """
            select path from recordings where path = any($1::text[])
            union select item->>'recording' from work_items where is_open and item->>'recording' = any($1::text[])
        """
        if not paths:
            return frozenset()
        async with self._database.connection() as connection:
            return frozenset(row["path"] for row in await connection.fetch(query, list(paths)))

    async def forget_recordings(self, paths: Sequence[str]) -> None:
        """Delete the rows of files that are gone."""
        async with self._database.connection() as connection:
            await connection.execute("delete from recordings where path = any($1::text[])", list(paths))

    async def count_rows(self, old: OldRows, before: datetime, limit: int) -> int:
        """How many rows would be deleted, counted up to `limit`."""
        async with self._database.connection() as connection:
            return int(await connection.fetchval(f"select count(*) from ({old.found}) found", before, limit))

    async def delete_rows(self, old: OldRows, before: datetime, limit: int) -> int:
        """Delete up to `limit` rows and all that belongs to them, in one transaction; returns how many."""
        async with self._database.connection() as connection, connection.transaction():
            found = with_literals(old.found, before, limit)
            await connection.execute(f"create temporary table gone on commit drop as {found}")
            for statement in old.delete:
                await connection.execute(statement)
            return int(await connection.fetchval("select count(*) from gone"))

    async def delete_loose_events(self, before: datetime, limit: int) -> int:
        """Delete events of calls without a record, whose beginning was lost; returns how many."""
        query = """
            delete from call_events where ctid = any(array(select ctid from call_events e where call_id < $1
            and not exists (select from calls c where c.call_id = e.call_id) order by call_id limit $2))
        """
        async with self._database.connection() as connection:
            return int((await connection.execute(query, call_id_at(before), limit)).rpartition(" ")[2])


def with_literals(query: str, before: datetime, limit: int) -> str:
    """The query with its values in place: a statement that makes a table takes no parameters."""
    return query.replace("$1", f"'{before.isoformat()}'::timestamptz").replace("$2", str(int(limit)))
