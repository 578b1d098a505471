"""After a crash: writes the records of calls that were cut short, rows of repaired recordings, and agents' log-outs."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from acdcore.calls.model import history as events
from acdcore.calls.model.commands import LiveAgentState
from acdcore.calls.model.ports import History, Spool
from acdcore.calls.model.rows import AgentEventRow, CallEventRow, CdrRow, RecordingRow, SegmentKind
from acdcore.calls.record.call_segments import FoldedSegment, segments_of
from acdcore.calls.record.cdr import WallTime, cdr, is_on_record, recordings
from acdcore.kernel.clock import Clock
from acdcore.kernel.ids import CallId
from acdcore.recording.index import Repaired

LOOK_BACK = timedelta(days=2)
"""How far back from the last call of the last run calls without a record are looked for: no call lasts longer, and
each start has written the records of the run before."""
CRASH_REASON = "restart"
"""Reason of the log-out of agents whom the last run left logged in."""
TYPES: dict[str, TypeAdapter[events.Event]] = {name: TypeAdapter(kind) for kind, name in events.KINDS.items()}
EPOCH = WallTime(0.0, datetime(1970, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Recovered:
    """What recovery has written."""

    calls: int
    """Records written for calls that were cut short."""
    recordings: int
    """Rows written for recordings that were repaired."""


def call_id_at(wall: datetime) -> CallId:
    """The smallest id of calls that arrive at `wall` or later; ids begin with the time of arrival in UTC."""
    return CallId(f"{wall:%Y%m%dT%H%M%S}")


async def first_to_look_at(history: History, wall: datetime, before: CallId | None = None) -> CallId:
    """The smallest id of a call that the last run can have cut short, whatever the clock did since; raises Unavailable.

    It is not counted from the present time alone: an outage of weeks, or a clock that jumped ahead, must hide no call.
    Nor from the last call alone: its clock may have been ahead of ours. Calls from `before` on are those of this run.
    """
    latest = await history.latest_call(before)
    last_wall = None if latest is None else arrival_in(latest)
    return call_id_at(min(wall, last_wall or wall) - LOOK_BACK)


def arrival_in(call_id: CallId) -> datetime | None:
    """When a call arrived, by its id; None when the id has no time."""
    try:
        return datetime.strptime(call_id[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


async def recover(
    history: History,
    spool: Spool,
    clock: Clock,
    repaired: Iterable[Repaired],
    directory: Path,
    started: datetime | None = None,
) -> Recovered:
    """Write what is missing; call it when the rows of the last run are in the database.

    Call it before the first call and the first log-in, or with the time at which this run `started` (UTC).

    `directory` holds the recordings: a talk that was cut short within its first second has left no file, and its
    record must not name one. Raises Unavailable without the database.
    """
    before = None if started is None else call_id_at(started)
    await end_duties(history, spool, started or clock.wall())
    rows = await history.unfinished(await first_to_look_at(history, clock.wall(), before), before)
    by_path: dict[str, Repaired] = {repair.path: repair for repair in repaired if repair.duration_s > 0}
    recovered = Recovered(0, 0)
    for call_id, of_call in groupby(rows, key=lambda row: row.call_id):
        history_of_call = [event for row in of_call if (event := event_of(row)) is not None]
        if not history_of_call or not isinstance(history_of_call[0], events.Arrived):
            continue  # its beginning is lost
        if not is_on_record(history_of_call):
            continue
        record = await asyncio.to_thread(record_of, call_id, history_of_call, directory)  # it looks at the disk
        spool.append(record)
        found = recording_rows(record, history_of_call, by_path)
        for row in found:
            spool.append(row)
        recovered = Recovered(recovered.calls + 1, recovered.recordings + len(found))
    return recovered


async def end_duties(history: History, spool: Spool, before: datetime) -> None:
    """Log out the agents whom the last run left logged in, at the time of the last change of any agent.

    No later time of the last run is known. Otherwise the time until the next log-in would count as ready, or as
    talking. Raises Unavailable.
    """
    latest = await history.agent_changes(before, before)
    if not latest:
        return
    known_until = max(row.at for row in latest)
    serial = max(row.serial for row in latest) + 1
    for row in latest:
        if row.state != LiveAgentState.LOGGED_OUT:
            spool.append(AgentEventRow(row.agent, known_until, serial, LiveAgentState.LOGGED_OUT.value, CRASH_REASON))


def record_of(call_id: CallId, history_of_call: Sequence[events.Event], directory: Path) -> CdrRow:
    """The record of a call that was cut short; it names a recording only if there is one."""
    there = (path for path, _ in recordings(history_of_call) if (directory / path).is_file())
    return replace(cdr(call_id, history_of_call, EPOCH, {}), recording=next(there, ""))


def event_of(row: CallEventRow) -> events.Event | None:
    """The event of a stored row; None for a kind or fields of another version."""
    adapter = TYPES.get(row.kind)
    if adapter is None:
        return None
    try:
        return adapter.validate_python({"at": row.at.timestamp(), **row.detail})
    except ValidationError:
        return None


def recording_rows(
    record: CdrRow, history_of_call: Iterable[events.Event], by_path: Mapping[str, Repaired]
) -> list[RecordingRow]:
    """The rows of the call's repaired recordings, each with the agent of its own talk."""
    history_of_call = list(history_of_call)
    talks = {segment.recording: segment for segment in segments_of(history_of_call) if segment.recording}
    nobody = FoldedSegment(SegmentKind.QUEUE, 0.0, record.queue)  # a message: the caller alone
    return [
        RecordingRow(
            call_id=record.call_id,
            n=number,
            path=path,
            started_at=EPOCH.at(at),
            duration_s=by_path[path].duration_s,
            size_bytes=by_path[path].size_bytes,
            agent=talks.get(path, nobody).agent,
            queue=talks.get(path, nobody).queue,
            caller=record.caller,
            is_repaired=True,
        )
        for number, (path, at) in enumerate(recordings(history_of_call), start=1)
        if path in by_path
    ]
