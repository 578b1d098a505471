"""The thread that owns the journal's file: it encodes, writes and syncs what came within `GATHER_S`."""

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, timedelta, tzinfo
from pathlib import Path
from typing import Final, assert_never

from acdcore.queues.decisions import Decision
from acdcore.queues.inputs import Input
from acdcore.queues.journal import lines
from acdcore.queues.journal.checkpoint import DispatcherCheckpoint
from acdcore.queues.journal.lines import Header, Mark, MarkKind
from acdcore.storage.journal.files import JournalRetention, segment_path, sync_journal_directory, tidy

GATHER_S: Final = 0.05
"""Seconds of turns that a crash may lose; 20 syncs a second are no load for any disk."""
CLOSE_WITHIN_S: Final = 5.0
"""Seconds that a blocked disk may delay the stop of the daemon."""
NAMES_TRIED_MAX: Final = 100
"""File names to try for segments that begin in the same microsecond: more than a clock set by hand can cause."""
DAYS_MAX: Final = 36_500
"""Age limit in days while the clock is not believed: nothing is deleted for its age then."""
RESERVE_BYTES: Final = 200_000_000
"""Bytes of free disk space that are left for the records of calls, which matter more."""


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """How the journal is kept."""

    directory: Path
    """The journal's directory; created when it is missing."""
    zone: tzinfo = UTC
    """The operator's time zone, which decides when a day ends."""
    retention: JournalRetention = field(default_factory=JournalRetention)
    """How much is kept."""
    is_clock_right: Callable[[], bool] = lambda: True
    """Whether the clock is believed; called in a thread before anything is deleted for its age."""
    version: str = ""
    """Version of the program, for the header."""
    reserve_bytes: int = RESERVE_BYTES
    """Free space on the disk below which the journal stops."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin a segment."""

    serial: int
    """Counts the segments of this process."""
    day: date
    """The operator's day."""
    header: Header
    """Its first line."""
    state: DispatcherCheckpoint
    """Its second line."""


@dataclass(frozen=True, slots=True)
class KeepTurn:
    """Write a turn."""

    at: float
    """Monotonic seconds."""
    event: Input
    """What happened."""
    decisions: Sequence[Decision]
    """What was decided."""


Order = Begin | KeepTurn | Mark | threading.Event
"""Orders to the thread. It sets an event when all orders before it are carried out."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a segment ended before its time."""

    serial: int
    """The segment."""
    text: str
    """For people."""


class JournalWriter:
    """The thread that owns the file."""

    def __init__(self, settings: JournalSettings) -> None:
        self._settings = settings
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        """Orders in their sequence; None ends the thread."""
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._tidying: threading.Thread | None = None
        self._file: JournalFile | None = None
        """The segment being written."""
        self._serial = 0
        """Serial number of the segment being written."""
        self._at = 0.0
        """Time of the last order, monotonic."""
        self.failure: Failure | None = None
        """The last failure; replaced as a whole, so that any thread may read it."""
        self.tidying_problem = ""
        """Why old segments could not be packed or deleted the last time; "" when they could."""

    def start(self) -> None:
        self._thread.start()

    def put(self, order: Order) -> None:
        """Put an order into the queue; returns at once."""
        self._orders.put(order)

    def backlog(self) -> int:
        """Number of orders that the thread has not taken yet."""
        return self._orders.qsize()

    def wait_durable(self, within_s: float) -> bool:
        """Block until all orders are carried out; False on timeout."""
        is_done = threading.Event()
        self._orders.put(is_done)
        return is_done.wait(within_s)

    def close(self) -> None:
        """Carry out the remaining orders, and end the thread."""
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
            for order in found:
                self._carry_out(order)
            self._sync()
            for order in found:
                if isinstance(order, threading.Event):
                    order.set()
        if self._file is not None:
            self._file.close()

    def _carry_out(self, order: Order | None) -> None:
        match order:
            case Begin():
                self._open(order)
            case KeepTurn(at=at, event=event, decisions=decisions):
                self._at = at
                self._add(lambda: lines.write(at, event, decisions))
            case Mark():
                self._at = order.at
                self._add(lambda: lines.write_mark(order))
            case threading.Event() | None:
                pass
            case _:
                assert_never(order)

    def _open(self, order: Begin) -> None:
        self._sync()
        if self._file is not None:
            self._file.close()
            self._file = None
        self._serial, self._at = order.serial, order.header.began_at
        try:
            path = self._new_path(order)
            self._file = JournalFile(path, self._settings)
        except OSError as error:
            self._fail(error)
            return
        self._add(lambda: lines.write_header(order.header))
        self._add(lambda: lines.write_state(order.state))
        self._tidy(path, order.day)

    def _new_path(self, order: Begin) -> Path:
        """A unique name for each segment, also when the clock stands still."""
        for microseconds in range(NAMES_TRIED_MAX):
            began_wall = order.header.began_wall + timedelta(microseconds=microseconds)
            path = segment_path(self._settings.directory, order.day, began_wall)
            if not path.exists():
                return path
        raise FileExistsError(f"{path} exists already")

    def _add(self, line: Callable[[], str]) -> None:
        if self._file is None:
            return
        try:
            self._file.add(line())
        except ValueError as error:  # it cannot be encoded as JSON: the fold would miss it
            self._fail(error)

    def _sync(self) -> None:
        if self._file is None:
            return
        try:
            self._file.sync()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self._file is not None:
            self._file.abandon(Mark(MarkKind.STOPPED, self._at, str(error)))
            self._file = None
        self.failure = Failure(self._serial, str(error))

    def _tidy(self, writing: Path, today: date) -> None:
        if self._tidying is None or not self._tidying.is_alive():
            self._tidying = threading.Thread(
                target=self._tidy_now, args=(writing, today), name="journal-tidying", daemon=True
            )
            self._tidying.start()

    def _tidy_now(self, writing: Path, today: date) -> None:
        try:
            retention = self._settings.retention
            if not self._settings.is_clock_right():
                retention = replace(retention, days=DAYS_MAX)
            tidy(self._settings.directory, writing, today, retention)
        except OSError as error:
            self.tidying_problem = f"old segments of the journal cannot be packed or deleted: {error}"
        else:
            self.tidying_problem = ""


class JournalFile:
    """One segment while it is written; every method may raise `OSError` unless it says otherwise."""

    def __init__(self, path: Path, settings: JournalSettings) -> None:
        """Creates the file, and the directory where it is missing."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._settings = settings
        self._block: list[bytes] = []
        """Lines to write."""
        self._durable_bytes = 0
        self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            sync_journal_directory(path.parent)
        except OSError:
            self.close()
            raise

    def add(self, line: str) -> None:
        """Add a line; never raises. Characters that are not valid UTF-8 become JSON escapes."""
        self._block.append(line.encode("utf-8", "backslashreplace") + b"\n")

    def sync(self) -> None:
        """Write all lines and wait until they are on disk."""
        if not self._block:
            return
        block, self._block = b"".join(self._block), []
        self._check_room(len(block))
        self._write(block)
        os.fdatasync(self._descriptor)
        self._durable_bytes += len(block)

    def abandon(self, mark: Mark) -> None:
        """After a failure: keep what is on disk, and add a mark for the gap if it can be written; never raises."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, self._durable_bytes)
            if self._durable_bytes:
                self._write(lines.write_mark(mark).encode("utf-8", "backslashreplace") + b"\n")
            else:
                self._path.unlink()
        self.close()

    def close(self) -> None:
        """Close the file; never raises."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)

    def _write(self, block: bytes) -> None:
        rest = memoryview(block)
        while rest:  # it ends: every write takes at least a byte, or raises
            rest = rest[os.write(self._descriptor, rest) :]

    def _check_room(self, more_bytes: int) -> None:
        disk = os.fstatvfs(self._descriptor)
        if disk.f_bavail * disk.f_frsize < self._settings.reserve_bytes + more_bytes:
            raise OSError(f"the disk of {self._path.parent} is nearly full")
        if self._durable_bytes + more_bytes > self._settings.retention.size_bytes_max:
            raise OSError(f"{self._path} alone is larger than the journal may be")
