"""After a crash: calls that were cut short get their records, and repaired recordings theirs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from pydantic import TypeAdapter, ValidationError

from acdcore.calls import events
from acdcore.calls.cdr import WallTime, cdr
from acdcore.calls.ports import CallEventRow, CdrRow, History, RecordingRow, Spool
from acdcore.kernel.clock import Clock
from acdcore.kernel.ids import CallId
from acdcore.recording.index import Repaired

LOOK_BACK = timedelta(days=2)
"""How far back calls without a record are looked for: a daemon that was down for longer is started by hand."""
TYPES: dict[str, TypeAdapter[events.Event]] = {name: TypeAdapter(kind) for kind, name in events.KINDS.items()}
EPOCH = WallTime(0.0, datetime(1970, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a crash left and what was made of it."""

    calls: int
    """Records written for calls that were cut short."""
    recordings: int
    """Rows written for recordings that were mended."""


def call_id_at(wall: datetime) -> CallId:
    """The least call id of calls that arrive at `wall` or later; ids begin with the time of arrival in UTC."""
    return CallId(f"{wall:%Y%m%dT%H%M%S}")


async def recover(history: History, spool: Spool, clock: Clock, repaired: Iterable[Repaired]) -> Recovered:
    """Write what is missing; to be called before the first call is taken, when the spool has been delivered.

    Raises Unavailable when the database is away.
    """
    rows = await history.unfinished(call_id_at(clock.wall() - LOOK_BACK))
    mended: dict[str, Repaired] = {repair.path: repair for repair in repaired if repair.duration_s > 0}
    calls = recordings = 0
    for call_id, of_call in groupby(rows, key=lambda row: row.call_id):
        told = list(of_call)
        record = record_of(call_id, told)
        if record is None:
            continue
        spool.append(record)
        calls += 1
        for number, (path, began_at) in enumerate(recordings_of(told), start=1):
            repair = mended.get(path)
            if repair is not None:
                spool.append(recording_row(record, number, repair, began_at))
                recordings += 1
    return Recovered(calls, recordings)


def record_of(call_id: CallId, rows: Sequence[CallEventRow]) -> CdrRow | None:
    """The record of a call from its stored events; None when its beginning is lost."""
    history = [event for row in rows if (event := event_of(row)) is not None]
    if not history or not isinstance(history[0], events.Arrived):
        return None
    return cdr(call_id, history, EPOCH, {})


def event_of(row: CallEventRow) -> events.Event | None:
    """A stored event as it was; None for a kind or a shape of another version of ours."""
    adapter = TYPES.get(row.kind)
    if adapter is None:
        return None
    try:
        return adapter.validate_python({"at": row.at.timestamp(), **row.detail})
    except ValidationError:
        return None


def recordings_of(rows: Iterable[CallEventRow]) -> Iterator[tuple[str, datetime]]:
    """The recordings that a call began, with the time they began."""
    path = ""
    for row in rows:
        if row.kind == events.KINDS[events.Connected]:
            path = str(row.detail.get("recording", ""))
        elif row.kind == events.KINDS[events.Bridged] and path:
            yield path, row.at


def recording_row(record: CdrRow, number: int, repair: Repaired, began_at: datetime) -> RecordingRow:
    """The row of a mended recording."""
    return RecordingRow(
        call_id=record.call_id,
        n=number,
        path=repair.path,
        started_at=began_at,
        duration_s=repair.duration_s,
        size_bytes=repair.size_bytes,
        agent=record.agent,
        queue=record.queue,
        caller=record.caller,
        is_repaired=True,
    )
