"""Reads the history of calls from PostgreSQL."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime

import asyncpg
from pydantic import TypeAdapter

from acdcore.calls.model.ports import (
    AGENT_CHANGES_MAX,
    PAGE_ROWS_MAX,
    AnswerFilter,
    BadRecord,
    CallFilter,
    CallHistory,
    QueueVisitFilter,
    RecordingFilter,
    WorkFilter,
)
from acdcore.calls.model.rows import (
    AgentEventRow,
    AnswerRow,
    CallEventRow,
    CdrRow,
    QueueVisitRow,
    RecordingRow,
    TraceRow,
    WorkRow,
)
from acdcore.kernel.errors import Refused
from acdcore.kernel.ids import AgentId, CallId, QueueName
from acdcore.numbering.key import matching_key
from acdcore.storage.postgres.database import Database
from acdcore.work.model import WorkId, WorkItem

UNFINISHED_ROWS_MAX = 100_000
"""Rows of unfinished calls. A crash cuts short as many calls as there were, each with ten to fifty events."""
OPEN_WORK_ROWS_MAX = 50_000
"""Open work items to read: more than the callback queue takes (`MAX_OPEN`)."""
ROWS_AT_A_TIME = 100
"""Queue visits or changes fetched before the event loop gets its turn: about a millisecond of decoding."""

_CDR = TypeAdapter(CdrRow)
_EVENT = TypeAdapter(CallEventRow)
_RECORDING = TypeAdapter(RecordingRow)
_WORK = TypeAdapter(WorkRow)
_ITEM = TypeAdapter(WorkItem)
_ANSWER = TypeAdapter(AnswerRow)
_TRACE = TypeAdapter(TraceRow)
FILED_WITHIN_S = 60
"""Seconds after a talk in which its recording's row is stored; an older record names only a recording with a row."""
_RECORDING_OF = f"""
case when calls.recording = '' or calls.ended_at > now() - interval '{FILED_WITHIN_S} s' then calls.recording
else coalesce((select r.path from recordings r where r.call_id = calls.call_id
    order by r.path <> calls.recording, r.n limit 1), '') end as recording
"""
"""No recording is named when the talk had no audio, the disk was full, or the file was deleted since."""
_CDR_COLUMNS = ", ".join(_RECORDING_OF if field.name == "recording" else field.name for field in fields(CdrRow))
_EVENT_COLUMNS = ", ".join(field.name for field in fields(CallEventRow))
_RECORDING_COLUMNS = ", ".join(field.name for field in fields(RecordingRow))
_WORK_COLUMNS = ", ".join(field.name for field in fields(WorkRow))
_ANSWER_COLUMNS = ", ".join(field.name for field in fields(AnswerRow))
_VISIT_COLUMNS = ", ".join(field.name for field in fields(QueueVisitRow))
_CHANGE_COLUMNS = "agent, at, serial, state, reason, call_id, detail"

AGENT_CHANGES = f"""
with recursive known (agent) as (
    (select agent from agent_events where $3::text is null or agent = $3 order by agent limit 1)
    union all
    select (select e.agent from agent_events e where e.agent > k.agent and $3::text is null order by e.agent limit 1)
    from known k where k.agent is not null
), latest as (
    select e.* from known k cross join lateral (
        select {_CHANGE_COLUMNS} from agent_events
        where agent = k.agent and at < $1 order by at desc, serial desc limit 1
    ) e
)
select {_CHANGE_COLUMNS} from latest
union all
select {_CHANGE_COLUMNS} from agent_events where at >= $1 and at < $2 and ($3::text is null or agent = $3)
order by agent, at, serial
"""
"""Agents are found one by one along the key, because `distinct` would read every stored change."""


class PgHistory:
    """Implements `History`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def calls(self, wanted: CallFilter) -> Sequence[CdrRow]:
        conditions = Conditions()
        conditions.add("arrived_at >= {}", wanted.arrived_from)
        conditions.add("arrived_at < {}", wanted.arrived_before)
        conditions.add("caller_key = {}", number_key("caller", wanted.caller))
        conditions.add("agents @> array[{}::text]", wanted.agent)
        conditions.add("queues @> array[{}::text]", wanted.queue)
        conditions.add("customer_id = {}", wanted.customer_id)
        if wanted.is_served is not None:
            conditions.add("served_by is not null" if wanted.is_served else "served_by is null")
        conditions.add("end_cause = {}", wanted.end_cause)
        conditions.add("outcome = {}", wanted.outcome)
        conditions.add("talk_s >= {}", wanted.duration_s_min)
        conditions.add("call_id < {}", wanted.before)
        query = f"select {_CDR_COLUMNS} from calls {conditions} order by call_id desc limit {page(wanted.limit)}"
        async with self._database.connection() as connection:
            found = await connection.fetch(query, *conditions.values)
        return [_CDR.validate_python(_plain(row)) for row in found]

    async def call(self, call_id: CallId) -> CallHistory | None:
        async with self._database.connection() as connection:
            cdr = await connection.fetchrow(f"select {_CDR_COLUMNS} from calls where call_id = $1", call_id)
            if cdr is None:
                return None
            events = await connection.fetch(
                f"select {_EVENT_COLUMNS} from call_events where call_id = $1 order by serial", call_id
            )
            recordings = await connection.fetch(
                f"select {_RECORDING_COLUMNS} from recordings where call_id = $1 order by n", call_id
            )
        return CallHistory(
            _CDR.validate_python(_plain(cdr)),
            tuple(_EVENT.validate_python(_plain(row)) for row in events),
            tuple(_RECORDING.validate_python(_plain(row)) for row in recordings),
        )

    async def trace(self, call_id: CallId) -> TraceRow | None:
        async with self._database.connection() as connection:
            row = await connection.fetchrow("select call_id, at, number from traces where call_id = $1", call_id)
        return None if row is None else _TRACE.validate_python(_plain(row))

    async def unfinished(self, since: CallId, before: CallId | None = None) -> Sequence[CallEventRow]:
        query = (
            f"select {_EVENT_COLUMNS} from call_events e where call_id >= $1 and ($2::text is null or call_id < $2)"
            f" and not exists (select from calls c where c.call_id = e.call_id)"
            f" order by call_id, serial limit {UNFINISHED_ROWS_MAX}"
        )
        async with self._database.connection() as connection:
            found = await connection.fetch(query, since, before)
        return [_EVENT.validate_python(_plain(row)) for row in found]

    async def latest_call(self, before: CallId | None = None) -> CallId | None:
        query = "select max(call_id) from call_events where $1::text is null or call_id < $1"
        async with self._database.connection() as connection:
            latest = await connection.fetchval(query, before)
        return None if latest is None else CallId(latest)

    async def recordings(self, wanted: RecordingFilter) -> Sequence[RecordingRow]:
        conditions = Conditions()
        conditions.add("started_at >= {}", wanted.started_from)
        conditions.add("started_at < {}", wanted.started_before)
        conditions.add("caller_key = {}", number_key("caller", wanted.caller))
        conditions.add("agent = {}", wanted.agent)
        conditions.add(
            "agent in (select agent from agents where strpos(lower(name), lower({})) > 0)", wanted.agent_name
        )
        conditions.add("duration_s >= {}", wanted.duration_s_min)
        conditions.add("duration_s <= {}", wanted.duration_s_max)
        if wanted.before is not None:
            conditions.add("(call_id, n) < ({}, {})", *wanted.before)
        query = (
            f"select {_RECORDING_COLUMNS} from recordings {conditions}"
            f" order by call_id desc, n desc limit {page(wanted.limit)}"
        )
        async with self._database.connection() as connection:
            found = await connection.fetch(query, *conditions.values)
        return [_RECORDING.validate_python(_plain(row)) for row in found]

    async def recording(self, call_id: CallId, n: int) -> RecordingRow | None:
        query = f"select {_RECORDING_COLUMNS} from recordings where call_id = $1 and n = $2"
        async with self._database.connection() as connection:
            row = await connection.fetchrow(query, call_id, n)
        return None if row is None else _RECORDING.validate_python(_plain(row))

    async def work(self, wanted: WorkFilter) -> Sequence[WorkItem]:
        conditions = Conditions()
        conditions.add("queue = {}", wanted.queue)
        conditions.add("kind = {}", wanted.kind)
        conditions.add("state = {}", wanted.state)
        conditions.add("number_key = {}", number_key("number", wanted.number))
        conditions.add("agent = {}", wanted.agent)
        if wanted.is_open is not None:
            conditions.add("is_open" if wanted.is_open else "not is_open")
        conditions.add("work_id < {}", wanted.before)
        query = f"select item from work_items {conditions} order by work_id desc limit {page(wanted.limit)}"
        async with self._database.connection() as connection:
            found = await connection.fetch(query, *conditions.values)
        return [_ITEM.validate_python(row["item"]) for row in found]

    async def work_history(self, work_id: WorkId) -> Sequence[WorkRow]:
        query = f"select {_WORK_COLUMNS} from work_items_log where work_id = $1 order by serial"
        async with self._database.connection() as connection:
            found = await connection.fetch(query, work_id)
        return [_WORK.validate_python(_plain(row)) for row in found]

    async def open_work(self) -> Sequence[WorkRow]:
        query = f"select {_WORK_COLUMNS} from work_items where is_open order by work_id limit {OPEN_WORK_ROWS_MAX}"
        async with self._database.connection() as connection:
            found = await connection.fetch(query)
        return [_WORK.validate_python(_plain(row)) for row in found]

    async def answers(self, wanted: AnswerFilter) -> Sequence[AnswerRow]:
        conditions = Conditions()
        conditions.add("flow = {}", wanted.flow)
        conditions.add("question = {}", wanted.question)
        conditions.add("agent = {}", wanted.agent)
        conditions.add("queue = {}", wanted.queue)
        conditions.add("call_id = {}", wanted.call_id)
        conditions.add("at >= {}", wanted.given_from)
        conditions.add("at < {}", wanted.given_before)
        if wanted.before is not None:
            conditions.add("(call_id, n) < ({}, {})", *wanted.before)
        query = (
            f"select {_ANSWER_COLUMNS} from answers {conditions}"
            f" order by call_id desc, n desc limit {page(wanted.limit)}"
        )
        async with self._database.connection() as connection:
            found = await connection.fetch(query, *conditions.values)
        return [_ANSWER.validate_python(_plain(row)) for row in found]

    async def queue_visits(self, wanted: QueueVisitFilter) -> Sequence[QueueVisitRow]:
        conditions = Conditions()
        conditions.add("joined_at >= {}", wanted.joined_from)
        conditions.add("joined_at < {}", wanted.joined_before)
        conditions.add("queue = {}", wanted.queue)
        conditions.add("agent = {}", wanted.agent)
        query = f"select {_VISIT_COLUMNS} from queue_visits {conditions} order by joined_at, entry, n"
        found: list[QueueVisitRow] = []
        # By a cursor: a day of the largest call centre in one answer would block the event loop for seconds.
        async with self._database.connection() as connection, connection.transaction(readonly=True):
            cursor = await connection.cursor(query, *conditions.values)
            while rows := await cursor.fetch(ROWS_AT_A_TIME):
                if len(found) + len(rows) > wanted.limit:
                    raise too_many_visits(wanted.limit)
                found += [_visit_of(row) for row in rows]
        return found

    async def agent_changes(
        self, changed_from: datetime, changed_before: datetime, agent: AgentId | None = None
    ) -> Sequence[AgentEventRow]:
        found: list[AgentEventRow] = []
        async with self._database.connection() as connection, connection.transaction(readonly=True):
            cursor = await connection.cursor(AGENT_CHANGES, changed_from, changed_before, agent)
            while rows := await cursor.fetch(ROWS_AT_A_TIME):
                if len(found) + len(rows) > AGENT_CHANGES_MAX:
                    raise too_many_changes(AGENT_CHANGES_MAX)
                found += [_change_of(row) for row in rows]
        return found


def too_many_visits(limit: int) -> Refused:
    """The error for too many visits; figures over a part of them would be wrong."""
    return Refused(f"there are more than {limit} queue visits in that time: ask for less at a time")


def too_many_changes(limit: int) -> Refused:
    """The error for too many changes of agents' states."""
    return Refused(f"agents changed their states more than {limit} times in that time: ask for less at a time")


def number_key(field: str, number: str | None) -> str | None:
    """The key to filter by; raises `BadRecord` for text without a number, which would match every withheld one."""
    if number is None:
        return None
    key = matching_key(number)
    if not key:
        raise BadRecord(field, f"{number[:40]!r} is no telephone number")
    return key


def page(limit: int) -> int:
    """A page's size; raises `BadRecord` unless it is 1 to `PAGE_ROWS_MAX`."""
    if not 1 <= limit <= PAGE_ROWS_MAX:
        raise BadRecord("limit", f"is {limit}; 1 to {PAGE_ROWS_MAX} rows are given at a time")
    return limit


class Conditions:
    """A `where` clause: conditions are fixed texts, values are parameters."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self.values: list[object] = []

    def add(self, text: str, *values: object) -> None:
        if None in values:
            return
        places = range(len(self.values) + 1, len(self.values) + len(values) + 1)
        self._texts.append(text.format(*(f"${place}" for place in places)))
        self.values += values

    def __str__(self) -> str:
        return f"where {' and '.join(self._texts)}" if self._texts else ""


def _visit_of(row: asyncpg.Record) -> QueueVisitRow:
    """A visit from a row, by position and unchecked: there may be many, and we wrote them."""
    entry, n, call_id, queue, channel, joined_at, left_at, how, waited_s, is_in_time, agent, *rest = row
    joined = (QueueName(sys.intern(queue)), sys.intern(channel), joined_at)
    answered_by = None if agent is None else AgentId(sys.intern(agent))
    return QueueVisitRow(entry, n, call_id, *joined, left_at, sys.intern(how), waited_s, is_in_time, answered_by, *rest)


def _change_of(row: asyncpg.Record) -> AgentEventRow:
    """A change of an agent's state from a row, as in `_visit_of`."""
    agent, at, serial, state, reason, call_id, detail = row
    return AgentEventRow(AgentId(sys.intern(agent)), at, serial, sys.intern(state), sys.intern(reason), call_id, detail)


def _plain(row: asyncpg.Record) -> Mapping[str, object]:
    return dict(row.items())
