"""The journal on disk: `record` takes a turn at once, a thread of its own has it on disk some 50 ms later.

Rules:
- The event loop never touches the disk and never waits: it leaves the turn for the thread, which encodes, writes and
  syncs what came within `GATHER_S`.
- A segment begins at the start, at midnight of the operator's zone, and after a gap; it stands alone, since it begins
  with the whole state of the floor.
- When the disk fails, is nearly full, or falls behind for too long, the segment ends with a mark (if the disk still
  takes one), `alarm` says why, and calls go on; a new segment is tried every `RETRY_AFTER_S`.
- Finished days are packed, days past the limits are deleted, by a second thread that nobody waits for.
"""

import contextlib
import os
import queue
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from types import TracebackType
from typing import Final, Self, assert_never

from acdcore.kernel.clock import Clock
from acdcore.queues import checkpoint, journal
from acdcore.queues.checkpoint import FloorState, StateError
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.journal import Header, Mark, MarkKind
from acdcore.queues.model import Decision, Input
from acdcore.queues.resumption import Resumed, resume
from acdcore.storage.journal_files import Retention, lines, segment_files, segment_path, sync_directory, tidy

GATHER_S: Final = 0.05
"""What a crash may take; 20 syncs a second are nothing to any disk."""
MEMORY_TURNS_MAX: Final = 50_000
"""Turns in memory that the disk has not taken yet: minutes of the busiest floor, some 50 MB."""
RETRY_AFTER_S: Final = 60.0
"""After a gap: to take the whole state for a new segment costs the loop some milliseconds."""
CLOSE_WITHIN_S: Final = 5.0
"""What a disk that hangs may cost the daemon's stop."""
SEGMENTS_TRIED_MAX: Final = 3
"""How many segments a restart looks at: older ones say nothing about now."""
RESERVE_BYTES: Final = 200_000_000
"""Room on the disk that is left to the records of calls, which matter more."""


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """How the journal is kept."""

    directory: Path
    """Where; made when it is not there."""
    zone: tzinfo = UTC
    """The operator's, for where a day ends."""
    retention: Retention = field(default_factory=Retention)
    """How much is kept."""
    version: str = ""
    """Version of the program, for the header."""
    reserve_bytes: int = RESERVE_BYTES
    """Free space on the disk below which the journal stops."""


@dataclass(frozen=True, slots=True)
class _Begin:
    """Begin a segment."""

    serial: int
    """Counts the segments of this process."""
    day: date
    """The operator's day."""
    header: Header
    """Its first line."""
    state: FloorState
    """Its second line."""


@dataclass(frozen=True, slots=True)
class _Turn:
    """Write a turn."""

    at: float
    """Monotonic seconds."""
    fed: Input
    """What happened."""
    decisions: Sequence[Decision]
    """What was decided."""


_Order = _Begin | _Turn | Mark


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a segment ended before its time."""

    serial: int
    """The segment."""
    text: str
    """For people."""


class DiskJournal:
    """`with DiskJournal(...) as journal:`, then `journal.record` is the floor's journal. Never raises for the disk.

    All methods are for the event loop's thread.
    """

    def __init__(self, settings: JournalSettings, dispatcher: Dispatcher, clock: Clock) -> None:
        """`dispatcher` is the one whose turns will be recorded; its state begins every segment."""
        self._settings = settings
        self._dispatcher = dispatcher
        self._clock = clock
        self._writer = _Writer(settings)
        self._serial = 0
        self._midnight = datetime.max.replace(tzinfo=UTC)
        """When the segment's day ends."""
        self._look_at = 0.0
        """When to look whether it has, monotonic."""
        self._stop: tuple[float, str] | None = None
        """Since when no journal is kept (monotonic), and why; None while one is."""
        self._is_closed = False
        self.gaps = 0
        """How often turns were lost since the start."""

    def __enter__(self) -> Self:
        self._writer.start()
        self._begin(self._clock.now())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Everything recorded is on disk when this returns, unless the disk fails. What comes later is not recorded."""
        self._is_closed = True
        self._writer.put(Mark(MarkKind.CLOSED, self._clock.now()))
        self._writer.close()

    @property
    def alarm(self) -> str:
        """What is wrong with the journal at this moment; "" when nothing is."""
        if self._stop is not None:
            return f"no journal is kept: {self._stop[1]}"
        return self._writer.tidying_problem

    def record(self, now: float, fed: Input, decisions: Sequence[Decision]) -> None:
        """Keep one turn that was carried out; nobody may change `decisions` afterwards."""
        if self._is_closed:
            return
        if self._stop is None:
            self._keep(now, fed, decisions)
        elif now >= self._stop[0] + RETRY_AFTER_S:
            self._begin(now)  # with the state that this turn led to

    def note_shutdown(self) -> None:
        """The daemon begins to stop: what callers and agents lose from here on, the next start may give back."""
        if self._stop is None and not self._is_closed:
            self._writer.put(Mark(MarkKind.SHUTDOWN, self._clock.now()))

    def _keep(self, now: float, fed: Input, decisions: Sequence[Decision]) -> None:
        failure = self._writer.failure
        if failure is not None and failure.serial == self._serial:
            self._give_up(now, failure.text)
        elif self._writer.backlog() > MEMORY_TURNS_MAX:
            text = f"{MEMORY_TURNS_MAX} turns wait for the disk"
            self._writer.put(Mark(MarkKind.STOPPED, now, text))
            self._give_up(now, text)
        else:
            self._writer.put(_Turn(now, fed, decisions))
            if now >= self._look_at:
                self._look_at_the_day(now)

    def _give_up(self, now: float, text: str) -> None:
        self.gaps += 1
        self._stop = (now, text)

    def _look_at_the_day(self, now: float) -> None:
        """The turn that finds midnight past is the last of its segment."""
        rest_s = (self._midnight - self._clock.wall()).total_seconds()
        if rest_s > 0:  # the time of day went slower than monotonic time, or was set back
            self._look_at = now + rest_s
            return
        self._writer.put(Mark(MarkKind.CONTINUED, now))
        self._begin(now)

    def _begin(self, now: float) -> None:
        wall = self._clock.wall()
        local = wall.astimezone(self._settings.zone)
        self._midnight = _midnight_after(local)
        self._look_at = now + (self._midnight - wall).total_seconds()
        self._stop = None
        self._serial += 1
        header = Header(wall, now, checkpoint.settings(self._dispatcher), self._settings.version)
        self._writer.put(_Begin(self._serial, local.date(), header, checkpoint.dump(self._dispatcher)))


class _Writer:
    """The thread that has the file."""

    def __init__(self, settings: JournalSettings) -> None:
        self._settings = settings
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        """None is the end."""
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._tidying: threading.Thread | None = None
        self._file: _File | None = None
        """The segment being written."""
        self._serial = 0
        """Its number."""
        self._at = 0.0
        """Time of the last order, monotonic."""
        self.failure: _Failure | None = None
        """The last one; replaced as a whole, so that any thread may look."""
        self.tidying_problem = ""
        """Why old segments could not be packed or deleted the last time."""

    def start(self) -> None:
        self._thread.start()

    def put(self, order: _Order) -> None:
        """Leave an order; returns at once."""
        self._orders.put(order)

    def backlog(self) -> int:
        """Orders that the thread has not taken."""
        return self._orders.qsize()

    def close(self) -> None:
        """Write what was ordered, and end."""
        self._orders.put(None)
        self._thread.join(CLOSE_WITHIN_S)

    def _run(self) -> None:
        is_over = False
        while not is_over:
            found = [self._orders.get()]
            if found[0] is not None:
                time.sleep(GATHER_S)
                found += [self._orders.get_nowait() for _ in range(self._orders.qsize())]
            is_over = None in found
            self._carry_out([order for order in found if order is not None])
        if self._file is not None:
            self._file.close()

    def _carry_out(self, orders: Iterable[_Order]) -> None:
        try:
            for order in orders:
                self._carry_out_one(order)
            if self._file is not None:
                self._file.sync()
        except (OSError, ValueError) as error:  # ValueError: something that has no form in JSON
            self._fail(str(error))

    def _carry_out_one(self, order: _Order) -> None:
        match order:
            case _Begin():
                self._open(order)
            case _Turn(at=at, fed=fed, decisions=decisions):
                self._at = at
                if self._file is not None:
                    self._file.add(journal.write(at, fed, decisions))
            case Mark():
                if self._file is not None:
                    self._file.add(journal.write_mark(order))
            case _:
                assert_never(order)

    def _open(self, order: _Begin) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._serial, self._at = order.serial, order.header.began_at
        directory = self._settings.directory
        path = segment_path(directory, order.day, order.header.began_wall)
        self._file = _File(path, self._settings)
        self._file.add(journal.write_header(order.header))
        self._file.add(journal.write_state(order.state))
        self._tidy(path, order.day)

    def _fail(self, text: str) -> None:
        if self._file is not None:
            self._file.abandon(Mark(MarkKind.STOPPED, self._at, text))
            self._file = None
        self.failure = _Failure(self._serial, text)

    def _tidy(self, writing: Path, today: date) -> None:
        if self._tidying is None or not self._tidying.is_alive():
            self._tidying = threading.Thread(
                target=self._tidy_now, args=(writing, today), name="journal-tidying", daemon=True
            )
            self._tidying.start()

    def _tidy_now(self, writing: Path, today: date) -> None:
        try:
            tidy(self._settings.directory, writing, today, self._settings.retention)
        except OSError as error:
            self.tidying_problem = f"old segments of the journal cannot be packed or deleted: {error}"
        else:
            self.tidying_problem = ""


class _File:
    """One segment while it is written; every method may raise `OSError` unless it says otherwise."""

    def __init__(self, path: Path, settings: JournalSettings) -> None:
        """Creates the file, and the directory where it is missing."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._settings = settings
        self._block: list[bytes] = []
        """Lines that are not written yet."""
        self._durable_bytes = 0
        self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            sync_directory(path.parent)
        except OSError:
            self.close()
            raise

    def add(self, line: str) -> None:
        """Take a line; never raises. What is no UTF-8 becomes an escape that JSON knows."""
        self._block.append(line.encode("utf-8", "backslashreplace") + b"\n")

    def sync(self) -> None:
        """Wait until the disk has it all."""
        if not self._block:
            return
        block, self._block = b"".join(self._block), []
        self._check_room(len(block))
        self._write(block)
        os.fdatasync(self._descriptor)
        self._durable_bytes += len(block)

    def abandon(self, mark: Mark) -> None:
        """After a failure: keep what is durable, say that there is a gap if the disk takes that; never raises."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, self._durable_bytes)
            if self._durable_bytes:
                self._write(journal.write_mark(mark).encode("utf-8", "backslashreplace") + b"\n")
            else:
                self._path.unlink()
        self.close()

    def close(self) -> None:
        """Give the file back; never raises."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)

    def _write(self, block: bytes) -> None:
        rest = memoryview(block)
        while rest:  # ends: every write takes a byte at least, or raises
            rest = rest[os.write(self._descriptor, rest) :]

    def _check_room(self, more_bytes: int) -> None:
        disk = os.fstatvfs(self._descriptor)
        if disk.f_bavail * disk.f_frsize < self._settings.reserve_bytes + more_bytes:
            raise OSError(f"the disk of {self._path.parent} is nearly full")
        if self._durable_bytes + more_bytes > self._settings.retention.size_bytes_max:
            raise OSError(f"{self._path} alone is larger than the journal may be")


def _midnight_after(local: datetime) -> datetime:
    """Where the day of `local` ends in its zone."""
    following = local.date() + timedelta(days=1)
    return datetime.combine(following, datetime.min.time(), local.tzinfo)


def last_state(directory: Path) -> Resumed | None:
    """Where the last run ended; None when there is no journal that can be read. Not for the event loop.

    Of a run whose newest segment has no readable beginning (the crash came too soon), the one before counts.
    """
    problem = ""
    for each in reversed(segment_files(directory)[-SEGMENTS_TRIED_MAX:]):
        try:
            resumed = resume(journal.open_segment(lines(each.path)))
        except (OSError, StateError) as error:
            problem = f"{each.path.name}: {error}"
            continue
        return replace(resumed, problem=resumed.problem or problem)
    return None
