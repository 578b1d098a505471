"""Which samples go into which file, and when recording has to stop.

    BEGUN    --first samples-->  WRITING  --last block-->  sealed, forgotten
    BEGUN    --last block----->  failed: no audio came, forgotten
    BEGUN, WRITING  --fault--->  STOPPED  --last block-->  forgotten

- A recording that stops keeps what it has: its file is sealed with the reason beside it.
- The last block may say how much of the recording is kept: the file is cut there, and removed where nothing is.
- A full or broken disk stops all recordings and raises the alarm. While it is raised new ones fail at once, so that
  one talk is never recorded in two pieces with a hole between. Calls are not touched.
- The alarm ends when there is clearly enough space again and, after an error, some time has passed and a file could be
  written for a try.

No threads and no clock here: `writer` has those. The outputs are to be carried out in order.
"""

import errno
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeAlias

from acdcore.recording.disk import Disk
from acdcore.recording.events import (
    DiskAlarm,
    RecordingCompleted,
    RecordingDropped,
    RecordingEvent,
    RecordingFailed,
    RecordingPath,
)
from acdcore.recording.wav import FRAME_BYTES, FRAMES_MAX, Length

RECORDINGS_MAX = 4_096
"""Recordings at once; four times what one core's media engine carries."""
RETRY_AFTER_S = 30.0
"""After a disk error, before new recordings try it again: an alarm that flaps is no alarm."""
CLEAR_AT_SHARE = 1.1
"""Free space must exceed the limit by a tenth before the alarm ends, else it would flap at the limit."""
DISK_ERRORS = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM))
"""Errors that will hit the next recording too; others concern one file."""


class AudioBlock(Protocol):
    """Samples of one tap, about a second of them."""

    @property
    def tap(self) -> int:
        """The engine's name for the tap."""
        ...

    @property
    def samples(self) -> bytes:
        """Interleaved stereo, 16 bits little-endian, 8,000 Hz, whole frames; may be empty in a last block."""
        ...

    @property
    def is_last(self) -> bool:
        """Nothing follows from this tap."""
        ...

    @property
    def kept_frames(self) -> int | None:
        """Of a last block: how much of the whole recording is kept, from its beginning; None for all."""
        ...


@dataclass(frozen=True, slots=True)
class Seal:
    """A file to be completed; slow, because it waits for the disk."""

    tap: int
    """Whose samples they were."""
    path: RecordingPath
    """Its name."""
    length: Length
    """What was written without an error."""
    fault: str
    """Why the recording is not complete, empty when it is."""
    skipped_frames: int = 0
    """Before what is kept; not in `length`."""


Output: TypeAlias = RecordingEvent | Seal


class TrackState(Enum):
    """See the head of the file."""

    BEGUN = "begun"
    WRITING = "writing"
    STOPPED = "stopped"


@dataclass(slots=True)
class Track:
    """One recording that is not finished."""

    path: RecordingPath
    state: TrackState = TrackState.BEGUN
    frames: int = 0
    skipped_frames: int = 0
    """At the beginning; left out when the file is completed."""


@dataclass(slots=True)
class RecordingFigures:
    """Counters since the start."""

    blocks: int = 0
    """Blocks written."""
    bytes_written: int = 0
    """Samples in them."""
    blocks_dropped: int = 0
    """Blocks that came after their recording had stopped."""
    blocks_unknown: int = 0
    """Blocks of taps that no recording was begun for."""


@dataclass(slots=True)
class DiskAlarmState:
    """Whether the disk is out of use."""

    is_raised: bool = False
    retry_at: float = 0.0
    """Not to be cleared before this (monotonic seconds)."""
    free_bytes: int = 0
    """Space at the last check."""
    was_tried: bool = False
    """Whether the disk was written to for a try since the start."""


@dataclass(slots=True)
class TrackRecorder:
    """All recordings that are not finished, over one disk."""

    disk: Disk
    min_free_bytes: int
    """Recording stops when less is left."""
    figures: RecordingFigures = field(default_factory=RecordingFigures)
    alarm: DiskAlarmState = field(default_factory=DiskAlarmState)
    _tracks: dict[int, Track] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._tracks)

    def begin(self, tap: int, path: RecordingPath) -> list[Output]:
        """Expect blocks of `tap`; the file is made when the first comes."""
        if tap in self._tracks:
            return [_failed(tap, path, f"tap {tap} is being recorded already")]
        if len(self._tracks) >= RECORDINGS_MAX:
            return [_failed(tap, path, f"{RECORDINGS_MAX} recordings are under way")]
        self._tracks[tap] = Track(path)
        return []

    def skip(self, tap: int, frames: int) -> None:
        """Leave out so much of the beginning of a recording that is under way."""
        track = self._tracks.get(tap)
        if track is not None:
            track.skipped_frames = max(0, frames)

    def write(self, block: AudioBlock, now: float) -> list[Output]:
        """Take one block."""
        tap = block.tap
        track = self._tracks.get(tap)
        if track is None:
            self.figures.blocks_unknown += 1
            return []
        outputs = self._append(tap, track, block.samples, now) if block.samples else []
        if block.is_last:
            outputs.extend(self._end(tap, track, block.kept_frames))
        return outputs

    def check(self, now: float) -> list[Output]:
        """Look at the free space; to be called about once a second."""
        try:
            free_bytes = self.disk.free_bytes()
        except OSError as error:
            return self.fault(str(error), now)
        self.alarm.free_bytes = free_bytes
        if not self.alarm.is_raised:
            if free_bytes >= self.min_free_bytes:
                return self._first_look(now)
            return self.fault(f"less than {self.min_free_bytes} bytes are free", now)
        if free_bytes < self.min_free_bytes * CLEAR_AT_SHARE or now < self.alarm.retry_at:
            return []
        try:
            self.disk.probe()
        except OSError as error:
            return self.fault(str(error), now)
        self.alarm.is_raised = False
        return [DiskAlarm(is_raised=False, free_bytes=free_bytes, reason="there is space again")]

    def _first_look(self, now: float) -> list[Output]:
        """Whether the disk takes anything at all, before the first talk finds that out."""
        if self.alarm.was_tried:
            return []
        self.alarm.was_tried = True
        try:
            self.disk.probe()
        except OSError as error:
            return self.fault(str(error), now)
        return []

    def fault(self, reason: str, now: float) -> list[Output]:
        """The disk is full or broken: stop everything that is being written."""
        self.alarm.retry_at = now + RETRY_AFTER_S
        if self.alarm.is_raised:
            return []
        self.alarm.is_raised = True
        outputs: list[Output] = [DiskAlarm(is_raised=True, free_bytes=self.alarm.free_bytes, reason=reason)]
        for tap, track in self._tracks.items():
            if track.state is TrackState.WRITING:
                outputs.append(self._stop(tap, track, reason))
        return outputs

    def refused(self, error: OSError, now: float) -> list[Output]:
        """Completing a file failed; that is a fault of the disk only if the next one must expect it too."""
        return self.fault(str(error), now) if error.errno in DISK_ERRORS else []

    def finish(self) -> list[Output]:
        """No more blocks will come: complete what there is."""
        outputs: list[Output] = []
        for tap, track in list(self._tracks.items()):
            outputs.extend(self._end(tap, track))
        return outputs

    def _append(self, tap: int, track: Track, samples: bytes, now: float) -> list[Output]:
        if track.state is TrackState.STOPPED:
            self.figures.blocks_dropped += 1
            return []
        if self.alarm.is_raised:
            track.state = TrackState.STOPPED
            self.figures.blocks_dropped += 1
            return [_failed(tap, track.path, "the disk alarm is raised")]
        frames = len(samples) // FRAME_BYTES
        if track.frames + frames > FRAMES_MAX:
            return [self._stop(tap, track, "a WAV file cannot hold more")]
        try:
            if track.state is TrackState.BEGUN:
                self.disk.create(track.path)
                track.state = TrackState.WRITING
            self.disk.append(track.path, samples)
        except OSError as error:
            return self._not_taken(tap, track, error, now)
        track.frames += frames
        self.figures.blocks += 1
        self.figures.bytes_written += len(samples)
        return []

    def _not_taken(self, tap: int, track: Track, error: OSError, now: float) -> list[Output]:
        """The disk did not take a block of `track`."""
        outputs: list[Output] = []
        is_disk_error = error.errno in DISK_ERRORS
        if track.state is TrackState.WRITING or is_disk_error:
            # A file may exist even if making it failed half-way; sealing without frames removes it.
            outputs.append(self._stop(tap, track, str(error)))
        else:
            track.state = TrackState.STOPPED
            outputs.append(_failed(tap, track.path, str(error)))
        if is_disk_error:
            outputs.extend(self.fault(str(error), now))
        return outputs

    def _close(self, tap: int, track: Track, fault: str) -> Seal:
        try:
            self.disk.close(track.path)
        except OSError as error:
            # Network file systems report here what they could not write.
            fault = fault or str(error)
        skipped = track.skipped_frames if track.skipped_frames < track.frames else 0
        return Seal(tap, track.path, Length(track.frames - skipped), fault, skipped)

    def _stop(self, tap: int, track: Track, reason: str) -> Seal:
        track.state = TrackState.STOPPED
        return self._close(tap, track, reason)

    def _end(self, tap: int, track: Track, kept_frames: int | None = None) -> list[Output]:
        del self._tracks[tap]
        if kept_frames is not None:
            track.frames = min(track.frames, kept_frames)
        match track.state:
            case TrackState.BEGUN if kept_frames == 0:
                return [RecordingDropped(tap, track.path)]
            case TrackState.BEGUN:
                return [_failed(tap, track.path, "no audio came")]
            case TrackState.WRITING:
                return [self._close(tap, track, "")]
            case TrackState.STOPPED:
                return []


def finished_event(seal: Seal) -> RecordingEvent:
    """What to tell when `seal` has been carried out."""
    if not seal.fault and not seal.length.frames:
        return RecordingDropped(seal.tap, seal.path)
    if not seal.fault:
        skipped_s = Length(seal.skipped_frames).duration_s
        return RecordingCompleted(seal.tap, seal.path, seal.length.duration_s, seal.length.size_bytes, skipped_s)
    if not seal.length.frames:
        return _failed(seal.tap, seal.path, seal.fault)
    return RecordingFailed(seal.tap, seal.path, seal.fault, seal.length.duration_s, seal.length.size_bytes)


def failed_event(seal: Seal, error: OSError) -> RecordingEvent:
    """What to tell when the disk did not let `seal` be carried out; the next start tries again."""
    return _failed(seal.tap, seal.path, seal.fault or str(error))


def _failed(tap: int, path: RecordingPath, reason: str) -> RecordingFailed:
    return RecordingFailed(tap, path, reason, duration_s=0.0, size_bytes=0)
