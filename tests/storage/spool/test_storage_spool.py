"""The spool: rows reach the disk at once, survive kill -9, and never take more disk than allowed."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.storage.keeping import SEEN_WITHIN_S

from acdcore.calls.model.rows import CallEventRow, CdrRow, EndedBy, WorkRow
from acdcore.kernel.clock import SystemClock
from acdcore.kernel.errors import Outcome, Unavailable
from acdcore.kernel.ids import CallId, QueueName
from acdcore.storage.spool import rows, segments
from acdcore.storage.spool.spool import BATCH_ROWS_MAX, DiskSpool
from acdcore.work.model import WorkId, WorkItem, WorkKind

WALL = datetime(2026, 11, 21, tzinfo=UTC)
CHILD = Path(__file__).with_name("spooling_child.py")
APPENDED_BEFORE = 500
"""Rows after which the child rests."""


class MovedClock(SystemClock):
    """Its monotonic time is moved by hand."""

    seconds = 0.0

    def now(self) -> float:
        return self.seconds


def event(number: int, **detail: str) -> CallEventRow:
    return CallEventRow(CallId("c1"), number, WALL, "moved", detail)


def cdr() -> CdrRow:
    return CdrRow(CallId("c1"), "", "", "", Outcome.ANSWERED, EndedBy.CALLER, WALL, WALL)


def promise() -> WorkRow:
    item = WorkItem(WorkId("w1"), WorkKind.CALLBACK, QueueName("service"), "1", WALL)
    return WorkRow(item.id, 1, WALL, item)


def drained(spool: DiskSpool) -> list[int]:
    """Take everything out; returns the serials in order."""
    assert spool.wait_durable(SEEN_WITHIN_S)
    serials = []
    while (batch := spool.next_batch()) is not None:
        assert len(batch.lines) <= BATCH_ROWS_MAX
        for line in batch.lines:
            row = rows.parse(line).row
            assert isinstance(row, CallEventRow)
            serials.append(row.serial)
        spool.confirm(batch)
    return serials


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*.spool"))


def test_rows_come_out_in_order_and_leave_no_file(tmp_path: Path) -> None:
    with DiskSpool(tmp_path, SystemClock()) as spool:
        for number in range(1_234):
            spool.append(event(number))
        assert spool.backlog().rows == 1_234
        assert drained(spool) == list(range(1_234))
        assert (spool.backlog().rows, spool.backlog().size_bytes) == (0, 0)
    assert files(tmp_path) == []


def test_rows_appended_just_before_the_end_are_on_disk_after_it(tmp_path: Path) -> None:
    for number in range(1, 60):
        with DiskSpool(tmp_path, SystemClock()) as spool:
            spool.append(event(number))
            if number % 3 == 0:
                assert spool.wait_durable(SEEN_WITHIN_S)
        assert spool.backlog().rows == number
    with DiskSpool(tmp_path, SystemClock()) as spool:
        assert drained(spool) == list(range(1, 60))


def test_unconfirmed_rows_come_out_again_after_a_restart(tmp_path: Path) -> None:
    with DiskSpool(tmp_path, SystemClock()) as spool:
        for number in range(3):
            spool.append(event(number))
        assert spool.wait_durable(SEEN_WITHIN_S)
        assert spool.next_batch() is not None
    with DiskSpool(tmp_path, SystemClock()) as spool:
        assert spool.backlog().rows == 3
        spool.append(event(3))
        assert drained(spool) == [0, 1, 2, 3]


def test_age_of_the_oldest_row_outlives_a_restart(tmp_path: Path) -> None:
    class Yesterday(SystemClock):
        def wall(self) -> datetime:
            return datetime.fromtimestamp(time.time() - 86_400, UTC)

    with DiskSpool(tmp_path, Yesterday()) as spool:
        spool.append(event(1))
    with DiskSpool(tmp_path, SystemClock()) as spool:
        assert spool.next_batch() is not None
        assert 86_400 <= spool.backlog().oldest_age_s < 86_500


@pytest.mark.parametrize("is_next_file", [False, True])
def test_age_of_what_is_left_is_reported_between_two_batches(tmp_path: Path, is_next_file: bool) -> None:
    old = [rows.encode_line(event(number), time.time() - 86_400) for number in range(BATCH_ROWS_MAX + 1)]
    segments.segment_file(tmp_path, 1).write_bytes(b"".join(old[:BATCH_ROWS_MAX] if is_next_file else old))
    if is_next_file:
        segments.segment_file(tmp_path, 2).write_bytes(old[-1])
    with DiskSpool(tmp_path, SystemClock()) as spool:
        batch = spool.next_batch()
        assert batch is not None
        spool.confirm(batch)
        assert spool.backlog().oldest_age_s >= 86_400
        assert drained(spool) == [BATCH_ROWS_MAX]
        assert spool.backlog().oldest_age_s == 0.0


def test_batch_confirmed_twice_counts_once(tmp_path: Path) -> None:
    with DiskSpool(tmp_path, SystemClock()) as spool:
        spool.append(event(1))
        assert spool.wait_durable(SEEN_WITHIN_S)
        batch = spool.next_batch()
        assert batch is not None
        spool.append(event(2))
        spool.confirm(batch)
        spool.confirm(batch)
        assert spool.backlog().rows == 1
        assert drained(spool) == [2]


def test_files_are_of_bounded_length_and_deleted_one_by_one(tmp_path: Path) -> None:
    filler = "x" * 200_000
    with DiskSpool(tmp_path, SystemClock()) as spool:
        for number in range(60):
            spool.append(event(number, filler=filler))
            assert spool.wait_durable(SEEN_WITHIN_S)
        assert len(files(tmp_path)) >= 3
        assert drained(spool) == list(range(60))
        assert len(files(tmp_path)) <= 1


def test_torn_tail_does_not_count_and_the_rest_is_kept(tmp_path: Path) -> None:
    whole = rows.encode_line(event(1), 0.0)
    for torn in range(len(whole)):
        segments.segment_file(tmp_path, 1).write_bytes(whole + whole[:torn])
        with DiskSpool(tmp_path, SystemClock()) as spool:
            assert drained(spool) == [1]


def test_empty_file_of_a_crash_is_removed(tmp_path: Path) -> None:
    segments.segment_file(tmp_path, 5).touch()
    with DiskSpool(tmp_path, SystemClock()) as spool:
        assert files(tmp_path) == []
        spool.append(event(1))
        assert drained(spool) == [1]


def test_two_processes_never_share_a_spool(tmp_path: Path) -> None:
    with (
        DiskSpool(tmp_path, SystemClock()),
        pytest.raises(Unavailable, match="another acdcore"),
        DiskSpool(tmp_path, SystemClock()),
    ):
        pass


def test_full_spool_drops_events_before_records_and_promises_and_says_so(tmp_path: Path) -> None:
    with DiskSpool(tmp_path, SystemClock(), size_bytes_max=20_000) as spool:
        for number in range(1_000):
            spool.append(event(number))
        assert spool.wait_durable(SEEN_WITHIN_S)
        taken = spool.backlog()
        assert taken.size_bytes <= 18_000
        assert taken.rows + taken.dropped == 1_000
        spool.append(cdr())
        spool.append(promise())
        assert spool.wait_durable(SEEN_WITHIN_S)
        assert spool.backlog().rows == taken.rows + 2
        assert "rows lost" in spool.backlog().alarm


def test_row_of_absurd_length_is_dropped_not_written(tmp_path: Path) -> None:
    with DiskSpool(tmp_path, SystemClock()) as spool:
        spool.append(event(1, filler="x" * segments.LINE_BYTES_MAX))
        spool.append(event(2))
        assert drained(spool) == [2]
        assert spool.backlog().dropped == 1


def test_rubbish_without_an_end_does_not_stop_what_follows(tmp_path: Path) -> None:
    segments.segment_file(tmp_path, 1).write_bytes(b"x" * 2_500_000 + b"\n" + rows.encode_line(event(1), 0.0))
    with DiskSpool(tmp_path, SystemClock()) as spool:
        lines: list[bytes] = []
        while (batch := spool.next_batch()) is not None:
            lines += batch.lines
            spool.confirm(batch)
        row = rows.parse(lines[-1]).row
        assert row == event(1)


def test_failing_disk_is_an_alarm_and_heals_without_loss(tmp_path: Path) -> None:
    # The next file's name is taken by a directory: creating it fails until that is gone.
    obstacle = segments.segment_file(tmp_path, 1)
    with DiskSpool(tmp_path, SystemClock()) as spool:
        obstacle.mkdir()
        spool.append(event(1))
        assert not spool.wait_durable(0.3)
        assert spool.backlog().alarm
        spool.append(event(2))
        assert drained(spool) == [1, 2]
        assert spool.backlog().alarm == ""
    obstacle.rmdir()


@pytest.fixture
def short_files() -> Iterator[Callable[[], None]]:
    """Files of this process end at 8 kB, in the middle of a write, as on a full disk; call it to end that."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, former[1]))
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, former)
    resource.setrlimit(resource.RLIMIT_FSIZE, former)


def test_full_disk_is_an_alarm_and_heals_without_loss(tmp_path: Path, short_files: Callable[[], None]) -> None:
    with DiskSpool(tmp_path, SystemClock()) as spool:
        for number in range(200):
            spool.append(event(number))
        assert not spool.wait_durable(0.3)
        assert "too large" in spool.backlog().alarm
        short_files()
        assert drained(spool) == list(range(200))
        assert spool.backlog().alarm == ""


def test_rejected_lines_are_kept_with_their_reason(tmp_path: Path) -> None:
    with DiskSpool(tmp_path, SystemClock()) as spool:
        spool.set_aside([(b"\xff", "no text"), (b"line", "too long")])
        assert spool.backlog().rejected == 2
        assert "rejected.jsonl" in spool.backlog().alarm
    lines = (tmp_path / "rejected.jsonl").read_text().splitlines()
    assert [json.loads(line)["reason"] for line in lines] == ["no text", "too long"]


def test_append_never_waits_for_the_disk(tmp_path: Path) -> None:
    with DiskSpool(tmp_path, SystemClock()) as spool:
        took = []
        for number in range(2_000):
            row = event(number)
            begun = time.perf_counter()
            spool.append(row)
            took.append(time.perf_counter() - begun)
        took.sort()
        print(f"append: median {took[1_000] * 1e6:.0f} us, p99 {took[1_980] * 1e6:.0f} us")
        assert took[1_000] < 0.000_5


def test_kill_9_loses_nothing_that_was_appended_a_moment_before(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, CHILD, tmp_path], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    while int(child.stdout.readline()) < APPENDED_BEFORE:
        pass
    child.kill()
    child.stdout.close()
    child.wait()
    with DiskSpool(tmp_path, SystemClock()) as spool:
        serials = drained(spool)
    assert serials == list(range(1, len(serials) + 1))
    assert len(serials) >= APPENDED_BEFORE


def test_rows_that_come_after_a_full_disk_are_delivered_without_a_restart(
    tmp_path: Path, short_files: Callable[[], None]
) -> None:
    """The file that failed is delivered to its end already: it must not stand before those that follow."""
    with DiskSpool(tmp_path, SystemClock()) as spool:
        spool.append(event(0))
        assert drained(spool) == [0]
        for number in range(1, 200):
            spool.append(event(number))
        assert not spool.wait_durable(0.3)
        short_files()
        assert drained(spool) == list(range(1, 200))
        spool.append(event(200))
        assert drained(spool) == [200]
        assert spool.backlog().rows == 0
    assert files(tmp_path) == []


def test_rows_that_nobody_takes_grow_old_also_when_the_disk_has_none_of_them(tmp_path: Path) -> None:
    clock = MovedClock()
    with DiskSpool(tmp_path, clock) as spool:
        segments.segment_file(tmp_path, 1).mkdir()
        clock.seconds = 1_000.0
        spool.append(event(1))
        clock.seconds = 1_090.0
        assert spool.backlog().oldest_age_s >= 90.0


def test_age_begins_anew_with_the_first_row_after_all_were_delivered(tmp_path: Path) -> None:
    clock = MovedClock()
    with DiskSpool(tmp_path, clock) as spool:
        spool.append(event(1))
        assert drained(spool) == [1]
        clock.seconds = 1_000.0
        spool.append(event(2))
        assert spool.backlog().oldest_age_s < 1.0


def test_rejected_rows_of_an_earlier_run_are_reported_until_their_file_is_moved_away(tmp_path: Path) -> None:
    with DiskSpool(tmp_path, SystemClock()) as spool:
        spool.set_aside([(b"line", "too long"), (b"other", "too long")])
    with DiskSpool(tmp_path, SystemClock()) as spool:
        assert spool.backlog().rejected == 2
        (tmp_path / "rejected.jsonl").rename(tmp_path / "dealt-with")
        spool.append(event(1))
        assert drained(spool) == [1]
        assert spool.backlog().rejected == 0


def test_rejected_rows_can_be_read_by_our_user_alone(tmp_path: Path) -> None:
    with DiskSpool(tmp_path, SystemClock()) as spool:
        spool.set_aside([(b"line", "too long")])
    assert (tmp_path / "rejected.jsonl").stat().st_mode & 0o077 == 0
