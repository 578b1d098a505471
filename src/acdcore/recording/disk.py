"""The disk as the recorder sees it: files that grow under a `.part` name and are sealed once."""

import contextlib
import os
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from acdcore.recording import wav
from acdcore.recording.events import RecordingPath
from acdcore.recording.names import part_of

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600
"""Talks are confidential: for the daemon's user alone."""
PROBE_NAME = ".probe"
PROBE_BYTES = 32_000
MOVED_BYTES = 1 << 20
CREATE_TRIES = 5
"""A day's directory goes with the last recording that is deleted from it, perhaps while the next one begins."""


class Disk(Protocol):
    """What the recorder needs; every method may raise OSError.

    `create`, `append`, `close` and `free_bytes` are called by one thread, `seal` and `make_durable` by another, and no
    recording is sealed before it is closed.
    """

    def create(self, path: RecordingPath) -> None:
        """Begin the file, with a header that does not know its length. Raises FileExistsError rather than overwrite."""
        ...

    def append(self, path: RecordingPath, samples: bytes) -> None:
        """Write all of `samples` at the end; after an error the end of the file is undefined."""
        ...

    def close(self, path: RecordingPath) -> None:
        """Nothing more will be appended."""
        ...

    def seal(self, path: RecordingPath, length: wav.Length, skipped_frames: int = 0) -> None:
        """Complete the file: `length` after what is skipped, header, flush, final name; drop one without frames."""
        ...

    def make_durable(self, paths: Iterable[RecordingPath]) -> None:
        """Make the final names of `paths` survive a power failure."""
        ...

    def free_bytes(self) -> int:
        """Space left for us."""
        ...

    def probe(self) -> None:
        """Write a file of a second's audio, where the last file could not be made, and remove it."""
        ...


class LocalDisk:
    """Recordings under one directory, with a bounded number of descriptors.

    The descriptors least recently written are closed first; what they cost to open again is measured in
    microseconds, and a fixed limit keeps recordings from taking the descriptors that calls need.
    """

    def __init__(self, directory: Path, open_files_max: int) -> None:
        self._directory = directory
        self._open_files_max = open_files_max
        self._descriptors: OrderedDict[RecordingPath, int] = OrderedDict()
        self._refused_in = directory
        """The day's directory, or the top, in which the last file could not be made: there a try tells."""

    def create(self, path: RecordingPath) -> None:
        final = self._directory / path
        try:
            if final.exists():
                raise FileExistsError(f"{path} exists")
            self._keep(path, self._create_part(final))
        except OSError:
            self._refused_in = final.parent
            raise
        self.append(path, wav.wav_header())

    def append(self, path: RecordingPath, samples: bytes) -> None:
        descriptor = self._descriptor(path)
        written = os.write(descriptor, samples)
        # A regular file takes less than all only when the disk is about to be full; the next write says so.
        while written < len(samples):
            written += os.write(descriptor, memoryview(samples)[written:])

    def close(self, path: RecordingPath) -> None:
        descriptor = self._descriptors.pop(path, None)
        if descriptor is not None:
            os.close(descriptor)

    def seal(self, path: RecordingPath, length: wav.Length, skipped_frames: int = 0) -> None:
        final = self._directory / path
        part = part_of(final)
        if not length.frames:
            part.unlink(missing_ok=True)
            return
        descriptor = os.open(part, os.O_RDWR | os.O_NOFOLLOW)
        try:
            if skipped_frames:
                _move_up(descriptor, length, skipped_frames)
            os.ftruncate(descriptor, length.size_bytes)
            os.pwrite(descriptor, wav.wav_header(length.frames), 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        part.rename(final)

    def make_durable(self, paths: Iterable[RecordingPath]) -> None:
        for directory in {(self._directory / path).parent for path in paths}:
            with contextlib.suppress(FileNotFoundError):  # deleted with all that was in it
                sync_recording_directory(directory)

    def free_bytes(self) -> int:
        self._directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
        figures = os.statvfs(self._directory)
        # What an ordinary user may take; the rest is root's reserve.
        return figures.f_bavail * figures.f_frsize

    def probe(self) -> None:
        place = self._refused_in
        if place.relative_to(self._directory).as_posix() < f"{datetime.now(UTC):%Y/%m/%d}":
            place = self._directory  # nothing more is written under a day that is over
        elif not place.is_dir():
            self._create_day(place)
        self._write_probe(place / PROBE_NAME)
        self._refused_in = self._directory

    def _write_probe(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        try:
            descriptor = os.open(path, flags, FILE_MODE)
            try:
                os.write(descriptor, bytes(PROBE_BYTES))
                os.fsync(descriptor)  # network file systems say only here that there is no room
            finally:
                os.close(descriptor)
        finally:
            with contextlib.suppress(OSError):
                path.unlink()

    def _create_part(self, final: Path) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW
        for _ in range(CREATE_TRIES - 1):
            with contextlib.suppress(FileNotFoundError):
                if not final.parent.is_dir():
                    self._create_day(final.parent)
                return os.open(part_of(final), flags, FILE_MODE)
        return os.open(part_of(final), flags, FILE_MODE)

    def _create_day(self, day: Path) -> None:
        day.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
        # Month, year and top must remember the day too, or a power failure loses all of it.
        for parent in day.relative_to(self._directory).parents:
            sync_recording_directory(self._directory / parent)

    def _descriptor(self, path: RecordingPath) -> int:
        descriptor = self._descriptors.get(path)
        if descriptor is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW
            descriptor = os.open(part_of(self._directory / path), flags)
            self._keep(path, descriptor)
        else:
            self._descriptors.move_to_end(path)
        return descriptor

    def _keep(self, path: RecordingPath, descriptor: int) -> None:
        self._descriptors[path] = descriptor
        if len(self._descriptors) > self._open_files_max:
            _, oldest = self._descriptors.popitem(last=False)
            os.close(oldest)


def _move_up(descriptor: int, length: wav.Length, frames: int) -> None:
    """Write what comes after so many frames to where they are; cut off in the middle, some of it is there twice."""
    for at in range(wav.HEADER_BYTES, length.size_bytes, MOVED_BYTES):
        size = min(MOVED_BYTES, length.size_bytes - at)
        os.pwrite(descriptor, os.pread(descriptor, size, at + frames * wav.FRAME_BYTES), at)


def sync_recording_directory(directory: Path) -> None:
    """Flush the directory's entries; a rename is durable only then."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
