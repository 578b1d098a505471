"""The durable spool: `append` takes a row at once, a thread writes it to disk, the drainer delivers it.

Rules:
- The event loop never touches the disk: `append` puts the row into the thread's queue. The thread encodes what came
  within a millisecond, hands it to the kernel (it then survives `kill -9`), and syncs at most every 50 ms (it then
  survives a power cut).
- A row leaves the spool only when the database has confirmed it, or has refused it and it is in `rejected.jsonl`.
- A restart delivers again what a file still holds; the keys of the tables make that harmless.
- Disk use is bounded. At the limit events are dropped first, then all rows; that raises an alarm but stops no call.
"""

import contextlib
import fcntl
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson

from acdcore.calls.model.ports import Backlog
from acdcore.calls.model.rows import CdrRow, RecordingRow, Row, WorkRow
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import Unavailable
from acdcore.storage.spool import rows, segments
from acdcore.storage.spool.segments import DeliveryProgress, SegmentWriter

GATHER_S = 0.001
"""Seconds that the thread waits for more rows: to wake it costs more than to encode, and a call writes several rows."""
SYNC_EVERY_S = 0.05
"""Seconds of rows that a power cut may lose; 20 syncs a second are no load for any disk."""
RETRY_DISK_AFTER_S = 1.0
SEGMENT_BYTES_MAX = 4_000_000
"""Bytes, about 10,000 rows, which a restart delivers again at most, beside the backlog."""
SPOOL_BYTES_MAX = 1_000_000_000
"""Bytes, about 2.5 million rows: days of a busy call centre without the database."""
EVENTS_SHARE = 0.9
"""Above this share of the limit only call records, recordings and work items are taken."""
MEMORY_ROWS_MAX = 50_000
"""Rows in memory that are not on disk yet: about 50 MB while a disk is full or failing."""
BATCH_ROWS_MAX = 500
"""Rows delivered in one transaction of some 20 ms."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows that the drainer delivers next."""

    lines: tuple[bytes, ...]
    """Lines as found, without newlines."""
    segment: int
    """The file they are in."""
    end: int
    """The offset behind the last one."""


@dataclass(slots=True)
class _Tally:
    """Counts of rows, and the state of the disk."""

    durable: int = 0
    """Rows that reached the disk, those of earlier processes included."""
    confirmed: int = 0
    """Rows of `durable` that were delivered or set aside."""
    dropped: int = 0
    """Rows that were lost."""
    size_bytes: int = 0
    """Bytes of rows that are not confirmed, on disk or about to be written."""
    oldest: float | None = None
    """When the oldest row that was read was appended, Unix time in seconds; None when not known."""
    rejected: int = 0
    """Rows in `rejected.jsonl`, of this process or an earlier one; 0 when the file was moved away."""
    moved_at: float = 0.0
    """When a row was last confirmed, or the first row came to an empty spool; monotonic seconds."""
    disk_problem: str = ""
    """Why the last write failed; "" when it succeeded."""


class DiskSpool:
    """Implements `Spool`. `with DiskSpool(...) as spool:`; one process at a time may hold a directory.

    Only one thread may `append`: its count is kept without a lock.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        on_durable: Callable[[], None] = lambda: None,
        size_bytes_max: int = SPOOL_BYTES_MAX,
    ) -> None:
        """`on_durable` is called in the spool's thread after each sync; it must return at once."""
        self._directory = directory
        self._clock = clock
        self._on_durable = on_durable
        self._size_bytes_max = size_bytes_max
        self._rejected = directory / "rejected.jsonl"
        self._writer = SegmentWriter(directory)
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self._lock: int | None = None
        self._inbox: queue.SimpleQueue[Row | None] = queue.SimpleQueue()
        """Rows for the thread; None only wakes the thread."""
        self._appended = 0
        """Rows appended by this process and adopted from earlier ones; only the appending thread changes it."""
        self._adopted = 0
        """Rows of `_appended` that are of earlier processes, which are delivered first."""
        self._changed = threading.Condition()
        # Under `_changed`:
        self._delivery = DeliveryProgress()
        self._tally = _Tally()
        self._is_closing = False

    def __enter__(self) -> Self:
        """Raises `Unavailable` when the directory cannot be used."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self._directory / "lock")
            self._take_over()
        except BlockingIOError as error:
            raise Unavailable(f"spool: {self._directory} is in use: is another acdcore running?") from error
        except OSError as error:
            raise Unavailable(f"spool: {self._directory} cannot be used: {error}") from error
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Everything appended is on disk when this returns, unless the disk fails."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._inbox.put(None)
        self._thread.join()
        if self._lock is not None:
            os.close(self._lock)

    # For call control

    def append(self, row: Row) -> None:
        if self._appended == self._tally.confirmed + self._tally.dropped:
            self._tally.moved_at = self._clock.now()
        self._appended += 1
        if self._in_memory() > MEMORY_ROWS_MAX:
            self._drop(1)
        else:
            self._inbox.put(row)

    def backlog(self) -> Backlog:
        with self._changed:
            tally = self._tally
            rows_waiting = self._appended - tally.confirmed - tally.dropped
            age_s = 0.0
            if rows_waiting:  # at least the time without a delivery, also when no row was read yet
                age_s = max(0.0, self._clock.now() - tally.moved_at)
            if rows_waiting and tally.oldest is not None:
                age_s = max(age_s, self._clock.wall().timestamp() - tally.oldest)
            alarm = _alarm(tally, self._directory)
            return Backlog(
                rows_waiting, age_s, tally.size_bytes, tally.rejected, tally.dropped, alarm, tally.disk_problem
            )

    def is_rid_of_leftovers(self) -> bool:
        """Whether all that earlier processes left is delivered or set aside."""
        return self._tally.confirmed >= self._adopted

    def wait_durable(self, within_s: float) -> bool:
        """Block until all appended rows are on disk; False on timeout. Do not call it on the event loop."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._in_memory(), within_s)

    def _in_memory(self) -> int:
        """Rows that are neither on disk nor lost."""
        return self._appended - self._tally.durable - self._tally.dropped

    def _drop(self, count: int) -> None:
        with self._changed:
            self._tally.dropped += count
            self._changed.notify_all()

    # For the drainer, in a thread of its choice

    def next_batch(self) -> Batch | None:
        """The oldest lines on disk that are not confirmed; None when there are none. Raises `OSError`."""
        with self._changed:
            reach = self._delivery.reach()
        if reach is None:
            return None
        number, offset, end = reach
        path = segments.segment_file(self._directory, number)
        lines, end = segments.read_lines(path, offset, end, BATCH_ROWS_MAX)
        if not lines:
            raise OSError(f"{path} is shorter than it was; restart acdcore to go on with the rest of it")
        with self._changed:
            self._tally.oldest = _spooled_at(lines[0])
        return Batch(tuple(lines), number, end)

    def confirm(self, batch: Batch) -> None:
        """Note that the batch is delivered or set aside, and delete files that are confirmed. Raises `OSError`."""
        is_dealt_with = not self._rejected.exists()  # without the lock, which the event loop takes too
        with self._changed:
            if not self._delivery.advance(batch.segment, batch.end):
                return
            self._tally.confirmed += len(batch.lines)
            self._tally.size_bytes -= sum(len(line) + 1 for line in batch.lines)
            if self._delivery.is_confirmed():  # else the rest is about as old: without an age the alarm would end
                self._tally.oldest = None
            self._tally.moved_at = self._clock.now()
            if is_dealt_with:
                self._tally.rejected = 0
        self._delete_delivered()

    def set_aside(self, rejected: Sequence[tuple[bytes, str]]) -> None:
        """Keep lines that can never be delivered, with the reason, in `rejected.jsonl`. Raises `OSError`."""
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
        with os.fdopen(os.open(self._rejected, flags, 0o600), "ab") as file:
            for line, reason in rejected:
                record = {"reason": reason, "line": line.decode("utf-8", "replace")}
                file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
            file.flush()
            os.fsync(file.fileno())
        with self._changed:
            self._tally.rejected += len(rejected)

    # The thread

    def _run(self) -> None:
        sync_at = 0.0
        while True:
            taken, is_closing = self._take(sync_at)
            try:
                self._writer.write(self._encoded(taken))
                if is_closing or time.monotonic() >= sync_at:
                    self._sync()
                    sync_at = time.monotonic() + SYNC_EVERY_S
            except OSError as error:
                self._give_up_file(error)
            if is_closing:
                break
        self._finish_file()

    def _take(self, sync_at: float) -> tuple[list[Row], bool]:
        """Wait for rows, for the next sync, or for the end."""
        rest_s = max(0.0, sync_at - time.monotonic()) if self._writer.is_behind else None
        found = []
        with contextlib.suppress(queue.Empty):
            found.append(self._inbox.get(timeout=rest_s))
        if found and not self._is_closing:
            time.sleep(GATHER_S)
        # Read before the inbox is emptied: at the end the inbox then holds all remaining rows.
        is_closing = self._is_closing
        found += [self._inbox.get_nowait() for _ in range(self._inbox.qsize())]
        return [row for row in found if row is not None], is_closing

    def _encoded(self, taken: Sequence[Row]) -> list[bytes]:
        """The rows as lines, without those for which there is no room."""
        if not taken:
            return []
        now = self._clock.wall().timestamp()
        lines = []
        size_bytes = self._tally.size_bytes
        for row in taken:
            line = rows.encode_line(row, now)
            limit = self._size_bytes_max * (1.0 if isinstance(row, CdrRow | RecordingRow | WorkRow) else EVENTS_SHARE)
            if size_bytes + len(line) <= limit and len(line) <= segments.LINE_BYTES_MAX:
                lines.append(line)
                size_bytes += len(line)
        with self._changed:
            self._tally.size_bytes += sum(map(len, lines))
        if len(lines) < len(taken):
            self._drop(len(taken) - len(lines))
        return lines

    def _sync(self) -> None:
        synced = self._writer.sync(SEGMENT_BYTES_MAX)
        if synced is None:
            return
        with self._changed:
            self._delivery.grow(synced.number, synced.end)
            if synced.is_finished:
                self._delivery.finish(synced.number)
            self._tally.durable += synced.lines
            self._tally.disk_problem = ""
            self._changed.notify_all()
        self._on_durable()

    def _give_up_file(self, error: OSError) -> None:
        number = self._writer.abandon()
        with self._changed:
            self._tally.disk_problem = str(error)
            if number is not None:
                self._delivery.finish(number)
        # If all its lines are delivered, nothing would confirm it again, and it would block the files after it.
        with contextlib.suppress(OSError):
            self._delete_delivered()
        with self._changed:
            self._changed.wait_for(lambda: self._is_closing, RETRY_DISK_AFTER_S)

    def _finish_file(self) -> None:
        """At the end: finish the file, so that the next process does not deliver again what is delivered."""
        number = self._writer.current
        self._writer.close()
        with self._changed:
            if number is not None:
                self._delivery.finish(number)
        with contextlib.suppress(OSError):
            self._delete_delivered()

    def _delete_delivered(self) -> None:
        with self._changed:
            delivered = self._delivery.take_delivered()
        for number in delivered:
            segments.segment_file(self._directory, number).unlink(missing_ok=True)

    def _take_over(self) -> None:
        """Adopt the files of earlier processes, and count their rows."""
        self._tally.moved_at = self._clock.now()
        self._tally.rejected = _lines_in(self._rejected)
        for found in segments.find_segments(self._directory):
            self._delivery.grow(found.number, found.size_bytes)
            self._delivery.finish(found.number)
            self._appended += found.lines
            self._tally.durable += found.lines
            self._tally.size_bytes += found.size_bytes
            self._writer.begin_after(found.number)
        self._adopted = self._appended


def _locked(path: Path) -> int:
    """A descriptor that holds the lock until it is closed; raises `BlockingIOError` when another process has it."""
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _lines_in(path: Path) -> int:
    """How many lines a file has; none when it is not there. Raises `OSError`."""
    try:
        with open(path, "rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(segments.READ_BYTES_MAX), b""))
    except FileNotFoundError:
        return 0


def _spooled_at(line: bytes) -> float | None:
    try:
        return rows.parse(line).spooled_at
    except rows.BadLine:
        return None


def _alarm(tally: _Tally, directory: Path) -> str:
    problems = []
    if tally.disk_problem:
        problems.append(f"{directory}: {tally.disk_problem}")
    if tally.dropped:
        problems.append(f"{tally.dropped} rows lost: the spool was full")
    if tally.rejected:
        problems.append(f"{tally.rejected} rows refused by the database: see {directory / 'rejected.jsonl'}")
    return "; ".join(problems)
