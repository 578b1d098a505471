"""The daemon's stderr: a bounded queue and a thread, so that no other thread waits for the reader of stderr.

    print, log line, traceback -> lines in memory -> the thread -> the descriptor

- A reader that stops reading blocks this thread only. Lines that do not fit in memory are dropped and counted; when
  lines can be written again, one says how many were dropped.
- A reader that is gone (EPIPE), a terminal that is closed (EIO) and a full disk are tried again every `RETRY_AFTER_S`;
  nothing is raised, and no exit status depends on it.
"""

import contextlib
import io
import logging
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
import structlog

from acdcore.kernel.alarms import AlarmKind, Severity

if TYPE_CHECKING:
    from typing_extensions import Buffer

STDERR = 2
WAITING_BYTES_MAX = 8_000_000
"""Bytes of waiting lines: some 30,000 lines, which is minutes of a busy call centre."""
LINE_BYTES_MAX = 64_000
"""Bytes of one line, enough for a long traceback; the rest is cut, so that one line never fills the queue."""
BLOCK_BYTES_MAX = 64_000
"""Bytes that are taken from the queue at a time."""
RETRY_AFTER_S = 1.0
"""Pause after a failed write."""
LOOK_EVERY_S = 0.25
"""How often a blocked thread looks whether it has to end."""
STUCK_AFTER_S = 5.0
"""Lines that wait for so long raise the alarm, even if none is dropped yet."""
LAST_LINES_WITHIN_S = 1.0
"""Time for the last lines at the end; what cannot be written by then is lost."""

LOG_STOPPED = AlarmKind(
    "log_stopped",
    Severity.MAJOR,
    "Have somebody read the daemon's stderr again (journald, a pipe, a terminal), or make room where it is written.",
)
"""The log's lines cannot be written; when the queue is full, they are dropped."""


class LineWriter:
    """The thread that writes, and the lines that wait for it. `put` is for any thread and never waits."""

    def __init__(self, descriptor: int, waiting_bytes_max: int = WAITING_BYTES_MAX) -> None:
        """`descriptor` is not closed here; that is up to the caller."""
        self._descriptor = descriptor
        self._waiting_bytes_max = waiting_bytes_max
        self._changed = threading.Condition()
        # Under `_changed`:
        self._lines: deque[bytes] = deque()
        """The waiting lines, each with its line feed."""
        self._waiting_bytes = 0
        self._unsaid = 0
        """Lines dropped since the last line that said how many."""
        self._dropped = 0
        self._failure = ""
        """Why the last write failed."""
        self._is_stuck = False
        """Set when nothing could be written for a while or the queue was full; reset when half of it is free again."""
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    @property
    def dropped(self) -> int:
        """Lines lost since the start."""
        return self._dropped

    def start(self) -> None:
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Add a line, given without its line feed."""
        line = line[:LINE_BYTES_MAX] + b"\n"
        with self._changed:
            if self._waiting_bytes + len(line) > self._waiting_bytes_max:
                self._dropped += 1
                self._unsaid += 1
                self._is_stuck = True
                return
            self._say_dropped()
            self._lines.append(line)
            self._waiting_bytes += len(line)
            self._changed.notify_all()

    def problem(self) -> str:
        """Why the lines cannot be written; "" while they can."""
        with self._changed:
            if not (self._failure or self._is_stuck):
                return ""
            why = self._failure or "nobody reads stderr"
            return f"{why}; {self._dropped} lines dropped since the start"

    def close(self) -> None:
        """Write the waiting lines, as far as that is possible within `LAST_LINES_WITHIN_S`, and end the thread."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
            is_hopeless = bool(self._failure)
        self._thread.join(0.0 if is_hopeless else LAST_LINES_WITHIN_S)

    def _run(self) -> None:
        block = b""
        while block or (block := self._next_block()):
            block = self._write(block)

    def _next_block(self) -> bytes:
        """Wait for lines; returns b"" at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._unsaid or self._is_closing)
            if not self._lines:
                self._say_dropped()
            taken: list[bytes] = []
            size_bytes = 0
            while self._lines and size_bytes < BLOCK_BYTES_MAX:
                taken.append(self._lines.popleft())
                size_bytes += len(taken[-1])
            self._waiting_bytes -= size_bytes
            return b"".join(taken)

    def _say_dropped(self) -> None:
        """Add a line that says how many were dropped before it."""
        if self._unsaid:
            self._lines.append(dropped_line(self._unsaid))
            self._waiting_bytes += len(self._lines[-1])
            self._unsaid = 0

    def _write(self, block: bytes) -> bytes:
        """Write a part of the block; returns the rest."""
        try:
            if not self._is_ready():
                return b"" if self._is_closing else block
            count = os.write(self._descriptor, block[: select.PIPE_BUF])  # after the poll, so much never blocks
        except BlockingIOError:
            return block  # another process that shares the descriptor has made it non-blocking: the poll waits
        except OSError as error:
            return self._failed(block, error)
        with self._changed:
            self._failure = ""
            self._is_stuck = self._is_stuck and self._waiting_bytes > self._waiting_bytes_max // 2
        return block[count:]

    def _is_ready(self) -> bool:
        """Wait `LOOK_EVERY_S` for room, so that a blocked pipe is noticed and cannot block the end."""
        waited_s = 0.0
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        while not poll.poll(LOOK_EVERY_S * 1_000):
            waited_s += LOOK_EVERY_S
            with self._changed:
                self._is_stuck = self._is_stuck or waited_s >= STUCK_AFTER_S
                if self._is_closing:
                    self._lines.clear()  # the rest could not be written either
                    return False
        return True

    def _failed(self, block: bytes, error: OSError) -> bytes:
        with self._changed:
            self._failure = f"stderr: {error.strerror or error}"
            self._changed.wait_for(lambda: self._is_closing, RETRY_AFTER_S)
            if self._is_closing:
                self._lines.clear()
                return b""
            return block


class LineFile(io.RawIOBase):
    """The raw file below `sys.stderr` while the daemon runs: takes bytes from any thread and passes on whole lines."""

    def __init__(self, writer: LineWriter, is_terminal: bool) -> None:
        self._writer = writer
        self._is_terminal = is_terminal
        self._lock = threading.Lock()
        self._begun = b""

    def write(self, data: "Buffer", /) -> int:
        text = bytes(data)
        with self._lock:
            *lines, self._begun = (self._begun + text).split(b"\n")
            if len(self._begun) > LINE_BYTES_MAX:
                lines.append(self._begun)
                self._begun = b""
            for line in lines:
                self._writer.put(line)
        return len(text)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._is_terminal

    def finish(self) -> None:
        """Pass on a last line that has no line feed."""
        if self._begun:
            self.write(b"\n")


def dropped_line(count: int) -> bytes:
    """The line that says how many lines are missing, in the same JSON form as the others."""
    event = {"count": count, "event": "log_lines_dropped", "level": "error"}
    return orjson.dumps({**event, "timestamp": datetime.now(UTC).isoformat()}, option=orjson.OPT_APPEND_NEWLINE)


@contextlib.contextmanager
def queued_stderr() -> Iterator[LineWriter]:
    """Send everything that Python writes to stderr through a queue until the block ends."""
    former = sys.stderr
    writer = LineWriter(STDERR)
    file = LineFile(writer, is_terminal=former.isatty())
    writer.start()
    sys.stderr = io.TextIOWrapper(io.BufferedWriter(file, 1), "utf-8", "backslashreplace", write_through=True)
    try:
        yield writer
    finally:
        file.finish()
        sys.stderr = former
        writer.close()


def keep_standard_files() -> None:
    """Open descriptors 0, 1 and 2 on /dev/null where they are closed: else a socket could get the number of stderr."""
    for descriptor in (0, 1, STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
    if sys.stderr is None:  # Python found it closed
        sys.stderr = text_on(STDERR)
    if sys.stdout is None:
        sys.stdout = text_on(1)


def text_on(descriptor: int) -> io.TextIOWrapper:
    """A text file on a descriptor, which is left open when the file is closed."""
    return io.TextIOWrapper(io.FileIO(descriptor, "w", closefd=False), "utf-8")


def set_up_log(level: str) -> None:
    """Configure the log: one line for each event on stderr, as text on a terminal, else as JSON."""
    renderer = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
