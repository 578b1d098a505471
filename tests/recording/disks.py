"""Disks for the tests of the recorder and the writer: one in memory that fails when told to."""

import errno
from collections.abc import Iterable
from dataclasses import dataclass, field

from acdcore.recording import wav
from acdcore.recording.events import RecordingPath


@dataclass(slots=True)
class MemoryDisk:
    """Passes the same contract tests as LocalDisk."""

    free: int = 10_000_000
    """Bytes left; running out of them is ENOSPC."""
    broken: int = 0
    """Fail everything with this errno."""
    broken_writes: int = 0
    """Fail only what writes with this errno, as a directory without rights does."""
    parts: dict[RecordingPath, bytearray] = field(default_factory=dict)
    finals: dict[RecordingPath, bytes] = field(default_factory=dict)
    open: set[RecordingPath] = field(default_factory=set)
    settled: set[RecordingPath] = field(default_factory=set)

    def create(self, path: RecordingPath) -> None:
        self._fail()
        if path in self.parts or path in self.finals:
            raise FileExistsError(errno.EEXIST, "exists")
        self.parts[path] = bytearray()
        self.open.add(path)
        self.append(path, wav.wav_header())

    def append(self, path: RecordingPath, samples: bytes) -> None:
        self._fail()
        taken = samples[: self.free]
        self.parts[path].extend(taken)
        self.free -= len(taken)
        if len(taken) < len(samples):
            raise OSError(errno.ENOSPC, "No space left on device")

    def close(self, path: RecordingPath) -> None:
        self.open.discard(path)

    def seal(self, path: RecordingPath, length: wav.Length, skipped_frames: int = 0) -> None:
        self._fail()
        part = self.parts.pop(path, bytearray())
        if length.frames:
            begin = wav.HEADER_BYTES + skipped_frames * wav.FRAME_BYTES
            samples = part[begin : begin + length.frames * wav.FRAME_BYTES]
            self.finals[path] = wav.wav_header(length.frames) + bytes(samples)

    def make_durable(self, paths: Iterable[RecordingPath]) -> None:
        self._fail()
        self.settled.update(paths)

    def free_bytes(self) -> int:
        self._fail()
        return self.free

    def probe(self) -> None:
        self._fail()
        if self.broken_writes:
            raise OSError(self.broken_writes, "injected")

    def _fail(self) -> None:
        if self.broken:
            raise OSError(self.broken, "injected")
