"""What a crash has cut short gets its record, and names a recording only when there is one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.fakes.memory_storage import MemoryHistory
from tests.fakes.strict_bus import strict_bus

from acdcore.calls.model import history as events
from acdcore.calls.model.commands import CallState, LiveCall
from acdcore.calls.model.rows import CallEnd, CallEventRow, CdrRow, EndedBy, RecordingRow, SegmentEnd
from acdcore.calls.record.cdr import WallTime
from acdcore.calls.record.event_log import CallEventLog
from acdcore.calls.record.event_stream import CallEventStream
from acdcore.calls.record.recovery import Recovered, recover
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CallId, QueueName
from acdcore.recording.events import RecordingPath
from acdcore.recording.index import Repaired
from acdcore.storage.stores.directory import MemoryDirectory
from acdcore.work.model import WorkId

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CALL = CallId("20260302T115900000-000001")
PATH = RecordingPath("2026/03/02/1.wav")
TALK: tuple[events.Event, ...] = (
    events.Arrived(0.0, "carrier", "13800000001", "95500"),
    events.CallAnswered(1.0, "hotline", "PCMA"),
    events.CallQueued(2.0, QueueName("service"), 0.0),
    events.CallConnected(5.0, AgentId("1001"), "", PATH),
    events.Bridged(7.5),
)


class NoonClock:
    """The daemon starts again at noon."""

    def now(self) -> float:
        return 0.0

    def wall(self) -> datetime:
        return NOON


def left_behind(told: Sequence[events.Event]) -> MemoryHistory:
    """A history in which a call has these events and no record."""
    directory = MemoryDirectory()
    history = MemoryHistory(directory)
    event_log = CallEventLog(NoonClock(), history, CallEventStream(NOON), directory, strict_bus())
    view = LiveCall(CALL, "carrier", "13800000001", "95500", CallState.ARRIVING, NOON)
    for serial, event in enumerate(told, start=1):
        view = event_log.append(view, serial, event)
    return history


async def recovered(history: MemoryHistory, directory: Path, *repaired: Repaired) -> tuple[CdrRow, list[RecordingRow]]:
    """The call's record after the next start, and its recordings."""
    told = await recover(history, history, NoonClock(), repaired, directory)
    rows = list(history.recording_rows.values())
    assert told == Recovered(calls=1, recordings=len(rows))
    return history.cdrs[CALL], rows


async def test_talk_that_was_cut_short_is_recorded_with_its_mended_file(tmp_path: Path) -> None:
    file = tmp_path / PATH
    file.parent.mkdir(parents=True)
    file.write_bytes(b"as it was repaired")
    record, rows = await recovered(left_behind(TALK), tmp_path, Repaired(PATH, 3.0, 96_044))
    assert (record.outcome, record.end_cause, record.served_by) == (Outcome.ANSWERED, CallEnd.CRASH, "1001")
    assert record.recording == PATH
    (row,) = rows
    assert (row.n, row.path, row.duration_s, row.size_bytes, row.is_repaired) == (1, PATH, 3.0, 96_044, True)
    assert row.started_at == WallTime(0.0, NOON).at(7.5)


async def test_talk_shorter_than_a_second_left_no_file_and_its_record_names_none(tmp_path: Path) -> None:
    record, rows = await recovered(left_behind(TALK), tmp_path, Repaired(PATH, 0.0, 0))
    assert (record.agent, record.recording, rows) == ("1001", "", [])


async def test_call_cut_short_in_the_whisper_has_no_recording(tmp_path: Path) -> None:
    record, rows = await recovered(left_behind(TALK[:-1]), tmp_path)
    assert (record.agent, record.recording, rows) == ("1001", "", [])


async def test_call_whose_beginning_is_lost_has_no_record(tmp_path: Path) -> None:
    history = left_behind(TALK[1:])
    assert await recover(history, history, NoonClock(), (), tmp_path) == Recovered(0, 0)
    assert history.cdrs == {}


class MovedClock(NoonClock):
    """The daemon starts again some days later, or the clock says so."""

    def __init__(self, days: int) -> None:
        self._days = days

    def wall(self) -> datetime:
        return NOON + timedelta(days=self._days)


@pytest.mark.parametrize("days", [0, 1, 3, 20, 400, -1])
async def test_call_that_was_cut_short_gets_its_record_however_late_the_next_start_is(
    tmp_path: Path, days: int
) -> None:
    history = left_behind(TALK)
    assert await recover(history, history, MovedClock(days), (), tmp_path) == Recovered(1, 0)
    assert await recover(history, history, MovedClock(days), (), tmp_path) == Recovered(0, 0), "once"


async def test_calls_of_this_run_are_not_taken_for_those_of_the_last(tmp_path: Path) -> None:
    history = left_behind(TALK)
    assert await recover(history, history, NoonClock(), (), tmp_path, started=NOON - timedelta(minutes=1)) == Recovered(
        0, 0
    )


async def test_calls_of_this_run_do_not_hide_those_that_an_outage_of_days_kept_back(tmp_path: Path) -> None:
    history = left_behind(TALK)
    clock = MovedClock(5)
    history.append(CallEventRow(CallId("20260307T120030000-000001"), 1, clock.wall(), "arrived", {}))
    assert await recover(history, history, clock, (), tmp_path, started=clock.wall()) == Recovered(1, 0)
    assert set(history.cdrs) == {CALL}


async def test_transferred_call_that_was_cut_short_has_each_recording_under_its_own_agent(tmp_path: Path) -> None:
    second = RecordingPath("2026/03/02/2.wav")
    transferred = (
        *TALK,
        events.CallTalkEnded(8.5, EndedBy.SYSTEM),
        events.Sent(8.5, "queue:sales", "1001"),
        events.CallQueued(8.5, QueueName("sales"), 0.0),
        events.CallConnected(9.0, AgentId("1002"), "", second),
        events.Bridged(10.0),
    )
    (tmp_path / second).parent.mkdir(parents=True)
    (tmp_path / second).write_bytes(b"as it was repaired")
    repaired = (Repaired(PATH, 1.0, 32_044), Repaired(second, 2.0, 64_044))
    record, rows = await recovered(left_behind(transferred), tmp_path, *repaired)
    assert [(row.agent, row.queue) for row in rows] == [("1001", "service"), ("1002", "sales")]
    assert (record.served_by, record.recording) == ("1002", second), "the file of the first is not there"
    ends = [(part.agent, part.end) for part in record.segments if part.agent]
    assert ends == [("1001", SegmentEnd.TRANSFERRED), ("1002", SegmentEnd.CRASH)]


async def test_work_that_a_crash_found_in_the_queue_has_no_record(tmp_path: Path) -> None:
    waiting = (
        events.Arrived(0.0, "work", "13800000001", "13800000001"),
        events.WorkBegun(0.0, WorkId("w1"), "callback"),
        events.CallQueued(0.0, QueueName("service"), 0.0),
        events.CallOffered(1.0, AgentId("1001"), QueueName("service"), ""),
    )
    history = left_behind(waiting)
    assert await recover(history, history, NoonClock(), (), tmp_path) == Recovered(0, 0)
    assert history.cdrs == {}
