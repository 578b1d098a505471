"""The spool's files, `NNNNNNNN.spool`: one writer appends, the oldest is read first, delivered ones are deleted.

Rules: a line counts when its newline is on disk. What follows the last newline after a crash is an incomplete line and
is not read. A process never appends to a file that an earlier process left.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

SUFFIX = ".spool"
READ_BYTES_MAX = 1_000_000
"""Bytes to read at a time: some thousand rows, so that a large backlog needs little memory."""
LINE_BYTES_MAX = READ_BYTES_MAX // 4
"""Bytes of a line at most. A row has some hundred bytes; a longer line is a mistake and is not stored."""


@dataclass(frozen=True, slots=True)
class LeftSegment:
    """A file left by an earlier process."""

    number: int
    """The number in its name; lower numbers are delivered first."""
    size_bytes: int
    """Its length up to the last newline; an incomplete line behind it does not count."""
    lines: int
    """Number of its lines."""


def segment_file(directory: Path, number: int) -> Path:
    """The file with that number."""
    return directory / f"{number:08}{SUFFIX}"


def find_segments(directory: Path) -> list[LeftSegment]:
    """The files in `directory` in order; those without a whole line are deleted. Raises `OSError`."""
    found = []
    for path in sorted(directory.glob(f"*{SUFFIX}")):
        if not path.stem.isdigit():
            continue
        size_bytes, lines = _whole_lines(path)
        if lines == 0:
            path.unlink()
            continue
        found.append(LeftSegment(int(path.stem), size_bytes, lines))
    return found


def read_lines(path: Path, offset: int, end: int, lines_max: int) -> tuple[list[bytes], int]:
    """Up to `lines_max` whole lines from `offset` on, without newlines, and the offset behind them.

    Nothing at or behind `end` is read. Raises `OSError`.
    """
    with open(path, "rb") as file:
        file.seek(offset)
        block = file.read(min(READ_BYTES_MAX, end - offset))
    lines = block.split(b"\n")
    if len(lines) == 1 and len(block) == READ_BYTES_MAX:
        # Damaged data: returned as one bad line, so that reading goes on behind it.
        return [block], offset + len(block)
    del lines[-1]  # After the last newline there is nothing, or a line that is read with the next block.
    del lines[lines_max:]
    return lines, offset + sum(len(text) + 1 for text in lines)


class SpoolSegment:
    """The file being written."""

    def __init__(self, directory: Path, number: int) -> None:
        """Creates the file; raises `OSError`."""
        self.number = number
        self.written_bytes = 0
        self.durable_bytes = 0
        self._path = segment_file(directory, number)
        self._descriptor = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            _sync_directory(directory)
        except OSError:
            self.abandon()
            raise

    @property
    def is_dirty(self) -> bool:
        """Whether something is written that a power cut would lose."""
        return self.written_bytes > self.durable_bytes

    def write(self, block: bytes) -> None:
        """Hand the lines to the kernel; from then on they survive the end of this process."""
        rest = memoryview(block)
        while rest:
            count = os.write(self._descriptor, rest)
            self.written_bytes += count
            rest = rest[count:]

    def sync(self) -> None:
        """Wait until everything written is on disk."""
        os.fdatasync(self._descriptor)
        self.durable_bytes = self.written_bytes

    def abandon(self) -> None:
        """After a failure: keep what is on disk and close the file; never raises.

        The file is not used again: after a failed fsync the kernel may have dropped data silently.
        """
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, self.durable_bytes)
        if self.durable_bytes == 0:
            with contextlib.suppress(OSError):
                self._path.unlink()
        self.close()

    def close(self) -> None:
        """Give the file back."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync made durable."""

    number: int
    """The file."""
    end: int
    """Its durable length."""
    lines: int
    """How many lines became durable."""
    is_finished: bool
    """The file has reached its full length: the next lines go into a new one."""


class SegmentWriter:
    """Appends lines to one file after the other; belongs to one thread."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._segment: SpoolSegment | None = None
        self._next_number = 1
        self._unsynced: list[bytes] = []
        """Lines to write again if the sync fails."""

    @property
    def is_behind(self) -> bool:
        """Whether there are lines that are not durable yet."""
        return bool(self._unsynced)

    @property
    def current(self) -> int | None:
        """The file being written; None between two."""
        return None if self._segment is None else self._segment.number

    def begin_after(self, number: int) -> None:
        """Number the files from `number` + 1 on."""
        self._next_number = number + 1

    def write(self, lines: list[bytes]) -> None:
        """Hand the lines to the kernel, after those that an earlier failure left; raises `OSError`."""
        self._unsynced += lines
        if self._segment is None and self._unsynced:
            number, self._next_number = self._next_number, self._next_number + 1
            self._segment = SpoolSegment(self._directory, number)
            lines = self._unsynced
        if self._segment is not None and lines:
            self._segment.write(b"".join(lines))

    def sync(self, size_bytes_max: int) -> Synced | None:
        """Make all that was written durable; None when there was nothing to do. Raises `OSError`."""
        segment = self._segment
        if segment is None or not segment.is_dirty:
            return None
        segment.sync()
        lines, self._unsynced = len(self._unsynced), []
        is_finished = segment.durable_bytes >= size_bytes_max
        if is_finished:
            self.close()
        return Synced(segment.number, segment.durable_bytes, lines, is_finished)

    def abandon(self) -> int | None:
        """Give up a file that failed; the next `write` begins a new one. Returns the number of the failed file."""
        if self._segment is None:
            return None
        segment, self._segment = self._segment, None
        segment.abandon()
        return segment.number

    def close(self) -> None:
        """Give the file back."""
        if self._segment is not None:
            self._segment.close()
            self._segment = None


class DeliveryProgress:
    """The files that are durable and not delivered, in order, and how far the first was delivered. Does no I/O."""

    def __init__(self) -> None:
        self._ends: dict[int, int] = {}
        """Durable length of each file, oldest first."""
        self._finished: set[int] = set()
        """Files that will not grow any more."""
        self._read_to = 0
        """Offset in the oldest file up to which every line is confirmed."""

    def grow(self, number: int, end: int) -> None:
        """The file is durable up to `end`."""
        self._ends[number] = end

    def finish(self, number: int) -> None:
        """The file will not grow any more."""
        if number in self._ends:
            self._finished.add(number)

    def reach(self) -> tuple[int, int, int] | None:
        """(file, offset, end) of what can be read next; None when all is confirmed."""
        for number, end in self._ends.items():
            return (number, self._read_to, end) if end > self._read_to else None
        return None

    def advance(self, number: int, offset: int) -> bool:
        """The oldest file, `number`, is confirmed up to `offset`; False when that was known already."""
        if number != next(iter(self._ends), None) or offset <= self._read_to:
            return False
        self._read_to = offset
        return True

    def is_confirmed(self) -> bool:
        """Whether all that is durable is confirmed."""
        return len(self._ends) <= 1 and all(end <= self._read_to for end in self._ends.values())

    def take_delivered(self) -> list[int]:
        """Forget the files that are finished and confirmed to their end; returns them, to be deleted."""
        delivered = []
        while (number := next(iter(self._ends), None)) in self._finished and self._ends[number] <= self._read_to:
            delivered.append(number)
            del self._ends[number]
            self._finished.discard(number)
            self._read_to = 0
        return delivered


def _whole_lines(path: Path) -> tuple[int, int]:
    size_bytes = lines = position = 0
    with open(path, "rb") as file:
        while block := file.read(READ_BYTES_MAX):
            last = block.rfind(b"\n")
            if last >= 0:
                size_bytes = position + last + 1
                lines += block.count(b"\n")
            position += len(block)
    return size_bytes, lines


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
