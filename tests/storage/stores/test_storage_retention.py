"""What is past the operator's limits goes, with its files; what is alive, open or not saved yet stays."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.storage.keeping import Delivery

from acdcore.calls.model.ports import CallFilter, RecordingFilter
from acdcore.calls.model.rows import AgentEventRow, CallEventRow, CdrRow, EndedBy, RecordingRow, TraceRow, WorkRow
from acdcore.daemon.retention import Retention, RetentionPaths
from acdcore.daemon.timekeeping import first_reading
from acdcore.kernel.alarms import Alarms
from acdcore.kernel.background import INTERNAL_FAULT, run_guarded
from acdcore.kernel.clock import SystemClock
from acdcore.kernel.clock_watch import ClockTrust
from acdcore.kernel.errors import Outcome, Unavailable
from acdcore.kernel.ids import AgentId, CallId, QueueName
from acdcore.recording.retention import RetentionSettings
from acdcore.storage.postgres.database import Database
from acdcore.storage.stores.history import PgHistory
from acdcore.storage.stores.retention import PgRetention
from acdcore.work.model import WorkId, WorkItem, WorkKind, WorkState

NOW = datetime.now(UTC)
SIZE = 1_000

Keeper = Callable[[RetentionSettings], Retention]


def id_of(days: int, number: int = 1) -> CallId:
    """A call that arrived so many days ago."""
    return CallId(f"{NOW - timedelta(days=days):%Y%m%dT%H%M%S}000-{number:06}")


def path_of(days: int, number: int = 1) -> str:
    return f"{NOW - timedelta(days=days):%Y/%m/%d}/{id_of(days, number)}-1.wav"


def call(days: int) -> list[CdrRow | CallEventRow]:
    at = NOW - timedelta(days=days)
    row = CdrRow(id_of(days), "t", "1", "2", Outcome.ANSWERED, EndedBy.CALLER, at, at, recording=path_of(days))
    return [row, CallEventRow(row.call_id, 1, at, "arrived"), CallEventRow(row.call_id, 2, at, "ended")]


@pytest.fixture
def keeper(delivery: Delivery, database: Database, tmp_path: Path) -> Keeper:
    """Retention by these limits over a database and a directory."""
    places = RetentionPaths(tmp_path / "recordings", tmp_path / "spool" / "rejected.jsonl")
    old = PgRetention(database)
    return lambda limits: Retention(lambda: limits, places, old, delivery.spool, SystemClock())


async def recorded(delivery: Delivery, directory: Path, *days: int) -> None:
    """A call with a recording for each, so many days old."""
    for each in days:
        for row in call(each):
            delivery.spool.append(row)
        at = NOW - timedelta(days=each)
        delivery.spool.append(RecordingRow(id_of(each), 1, path_of(each), at, 10.0, SIZE))
        file = directory / "recordings" / path_of(each)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(SIZE))
    assert await delivery.deliver()


def left(directory: Path) -> list[str]:
    return sorted(str(file.relative_to(directory / "recordings")) for file in directory.rglob("recordings/**/*.wav*"))


async def test_recordings_past_their_days_go_with_their_rows_and_no_record_names_them(
    delivery: Delivery, database: Database, keeper: Keeper, tmp_path: Path
) -> None:
    await recorded(delivery, tmp_path, 40, 29, 1)
    report = await keeper(RetentionSettings(recordings_days=30)).carry_out("test", False)
    assert (report.recordings, report.recordings_bytes, report.is_complete) == (1, SIZE, True)
    assert left(tmp_path) == sorted([path_of(29), path_of(1)])
    history = PgHistory(database)
    assert [row.call_id for row in await history.recordings(RecordingFilter())] == [id_of(1), id_of(29)]
    assert [row.recording for row in await history.calls(CallFilter())] == [path_of(1), path_of(29), ""]


async def test_dry_run_counts_the_same_and_deletes_nothing(
    delivery: Delivery, database: Database, keeper: Keeper, tmp_path: Path
) -> None:
    await recorded(delivery, tmp_path, 40, 29, 1)
    retention = keeper(RetentionSettings(recordings_days=30, history_days=35))
    counted = await retention.carry_out("test", True)
    assert len(left(tmp_path)) == 3 and len(await PgHistory(database).calls(CallFilter())) == 3
    done = await retention.carry_out("test", False)
    assert counted.recordings == done.recordings == 1


async def test_without_limits_nothing_is_ever_deleted(delivery: Delivery, keeper: Keeper, tmp_path: Path) -> None:
    await recorded(delivery, tmp_path, 4_000, 1)
    report = await keeper(RetentionSettings()).carry_out("test", False)
    assert (report.recordings, report.rows, len(left(tmp_path))) == (0, {}, 2)


async def test_oldest_go_first_until_the_rest_fits(delivery: Delivery, keeper: Keeper, tmp_path: Path) -> None:
    await recorded(delivery, tmp_path, 1, 2, 3, 4)
    await keeper(RetentionSettings(recordings_gb=2.5 * SIZE / 1e9)).carry_out("test", False)
    assert left(tmp_path) == sorted([path_of(1), path_of(2)])


async def test_files_that_are_written_or_younger_stay_and_files_without_a_row_go(
    delivery: Delivery, keeper: Keeper, tmp_path: Path
) -> None:
    await recorded(delivery, tmp_path, 1)
    loose, live = tmp_path / "recordings" / path_of(50), tmp_path / "recordings" / f"{path_of(50, 2)}.part"
    loose.parent.mkdir(parents=True)
    loose.write_bytes(bytes(SIZE))
    live.write_bytes(bytes(SIZE))
    await keeper(RetentionSettings(recordings_days=30)).carry_out("test", False)
    assert left(tmp_path) == sorted([path_of(1), f"{path_of(50, 2)}.part"])


async def test_message_that_nobody_has_dealt_with_keeps_its_recording(
    delivery: Delivery, keeper: Keeper, tmp_path: Path
) -> None:
    await recorded(delivery, tmp_path, 40)
    at = NOW - timedelta(days=40)
    item = WorkItem(WorkId("w1"), WorkKind.VOICEMAIL, QueueName("service"), "1", at, recording=path_of(40))
    delivery.spool.append(WorkRow(item.id, 1, at, item))
    assert await delivery.deliver()
    retention = keeper(RetentionSettings(recordings_days=30))
    assert (await retention.carry_out("test", False)).recordings == 0
    delivery.spool.append(WorkRow(item.id, 2, at, replace(item, state=WorkState.DONE)))
    assert await delivery.deliver()
    assert (await retention.carry_out("test", False)).recordings == 1


async def test_nothing_is_deleted_while_rows_wait(delivery: Delivery, keeper: Keeper, tmp_path: Path) -> None:
    await recorded(delivery, tmp_path, 40)
    for number in range(1_100):
        delivery.spool.append(CallEventRow(CallId("c"), number, NOW, "moved"))
    with pytest.raises(Unavailable, match="rows wait"):
        await keeper(RetentionSettings(recordings_days=30)).carry_out("test", False)
    assert len(left(tmp_path)) == 1


class SteppedClock(SystemClock):
    """The machine's clocks, and somebody who sets the time of day."""

    step = timedelta()

    def wall(self) -> datetime:
        return super().wall() + self.step


@pytest.mark.parametrize("step", [timedelta(days=365), timedelta(days=-365)])
async def test_clock_that_is_set_deletes_nothing_until_it_is_right(
    delivery: Delivery, database: Database, tmp_path: Path, step: timedelta
) -> None:
    await recorded(delivery, tmp_path, 40, 1)
    clock, alarms = SteppedClock(), Alarms(SystemClock())
    places = RetentionPaths(tmp_path / "recordings", tmp_path / "spool" / "rejected.jsonl")
    limits = RetentionSettings(recordings_days=30)
    retention = Retention(lambda: limits, places, PgRetention(database), delivery.spool, clock)
    clock.step = step
    await retention.turn(alarms)
    assert len(left(tmp_path)) == 2
    assert [alarm.kind.name for alarm in alarms.raised()] == ["retention"]
    clock.step = timedelta()
    await retention.turn(alarms)
    assert left(tmp_path) == [path_of(1)]
    assert not alarms.raised()


async def test_clock_that_is_a_year_ahead_at_the_start_deletes_nothing_until_it_is_right(
    delivery: Delivery, database: Database, tmp_path: Path
) -> None:
    await recorded(delivery, tmp_path, 40, 1)
    clock, alarms = SteppedClock(), Alarms(SystemClock())
    seen = clock.wall()
    clock.step = timedelta(days=365)
    places = RetentionPaths(tmp_path / "recordings", tmp_path / "spool" / "rejected.jsonl")
    limits, trust = RetentionSettings(recordings_days=30), ClockTrust(first_reading(clock), seen)
    retention = Retention(lambda: limits, places, PgRetention(database), delivery.spool, clock, trust)
    await retention.turn(alarms)
    assert len(left(tmp_path)) == 2
    clock.step = timedelta()
    await retention.turn(alarms)
    assert left(tmp_path) == [path_of(1)]


async def test_history_past_its_days_goes_with_all_that_belongs_to_it(
    delivery: Delivery, database: Database, keeper: Keeper
) -> None:
    for days in (400, 300):
        for row in call(days):
            delivery.spool.append(row)
    for days, state in ((500, "ready"), (450, "talking"), (1, "ready")):
        delivery.spool.append(AgentEventRow(AgentId("1001"), NOW - timedelta(days=days), 1, state))
    at = NOW - timedelta(days=400)
    for work, state in (("done", WorkState.DONE), ("open", WorkState.WAITING)):
        item = WorkItem(WorkId(work), WorkKind.CALLBACK, QueueName("service"), "1", at, state=state)
        delivery.spool.append(WorkRow(item.id, 1, at, item))
    assert await delivery.deliver()
    report = await keeper(RetentionSettings(history_days=365)).carry_out("test", False)
    assert report.rows == {"calls": 1, "traces": 0, "queue_visits": 0, "agent_events": 1, "work_items": 1}
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from call_events") == 2
        assert await connection.fetchval("select count(*) from work_items_log") == 1
        states = await connection.fetch("select state from agent_events order by at")
    assert [row["state"] for row in states] == ["talking", "ready"], "the state at the limit is still known"


async def test_withheld_number_past_its_days_goes_though_the_record_stays_or_was_lost(
    delivery: Delivery, database: Database, keeper: Keeper, tmp_path: Path
) -> None:
    await recorded(delivery, tmp_path, 400)
    for days in (400, 390, 10):  # with a record that is kept, without one, not old enough
        delivery.spool.append(TraceRow(id_of(days), NOW - timedelta(days=days), "+8613800138000"))
    assert await delivery.deliver()
    report = await keeper(RetentionSettings(history_days=365)).carry_out("test", False)
    assert (report.rows["calls"], report.rows["traces"]) == (0, 2)
    history = PgHistory(database)
    assert [await history.trace(id_of(days)) is not None for days in (400, 390, 10)] == [False, False, True]


async def test_record_stays_as_long_as_its_recording(
    delivery: Delivery, database: Database, keeper: Keeper, tmp_path: Path
) -> None:
    await recorded(delivery, tmp_path, 400)
    await keeper(RetentionSettings(history_days=365)).carry_out("test", False)
    assert len(await PgHistory(database).calls(CallFilter())) == 1
    await keeper(RetentionSettings(history_days=365, recordings_days=30)).carry_out("test", False)
    assert await PgHistory(database).calls(CallFilter()) == []


async def test_refused_rows_go_when_the_last_of_them_is_old(delivery: Delivery, keeper: Keeper, tmp_path: Path) -> None:
    delivery.spool.set_aside([(b"line", "too long")])
    retention = keeper(RetentionSettings(refused_days=1))
    assert (await retention.carry_out("test", False)).refused_bytes == 0
    file = tmp_path / "spool" / "rejected.jsonl"
    os.utime(file, (0, 0))
    assert (await retention.carry_out("test", False)).refused_bytes > 0
    assert not file.exists()


async def test_pass_that_the_database_refuses_is_reported_and_the_next_one_deletes(
    delivery: Delivery, database: Database, keeper: Keeper, tmp_path: Path
) -> None:
    await recorded(delivery, tmp_path, 40)
    alarms, retention = Alarms(SystemClock()), keeper(RetentionSettings(recordings_days=30))
    async with database.connection() as connection:
        await connection.execute("alter table recordings rename to elsewhere")
    await run_guarded("retention", lambda: retention.turn(alarms), alarms)
    assert [(alarm.kind, alarm.about) for alarm in alarms.raised()] == [(INTERNAL_FAULT, "retention")]
    async with database.connection() as connection:
        await connection.execute("alter table elsewhere rename to recordings")
    await run_guarded("retention", lambda: retention.turn(alarms), alarms)
    assert (alarms.raised(), left(tmp_path)) == ((), [])
