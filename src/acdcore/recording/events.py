"""What the recording writer reports of its recordings, and how it names them."""

from dataclasses import dataclass
from typing import NewType, TypeAlias

RecordingPath = NewType("RecordingPath", str)
"""Where a recording lies, relative to the recordings' directory, with forward slashes: `2026/11/21/c1-1.wav`."""


@dataclass(frozen=True, slots=True)
class RecordingCompleted:
    """The file is complete, on the disk and under its final name."""

    tap: int
    """The engine's tap that the samples came from."""
    path: RecordingPath
    """The name given at `begin`."""
    duration_s: float
    """Length of the audio."""
    size_bytes: int
    """Size of the file."""
    skipped_s: float = 0.0
    """So much of the beginning is not in it."""


@dataclass(frozen=True, slots=True)
class RecordingFailed:
    """The talk is not recorded, or only its beginning; the call goes on."""

    tap: int
    """The engine's tap that the samples came from."""
    path: RecordingPath
    """The name given at `begin`; a file lies there only when `duration_s` is above zero."""
    reason: str
    """One line for the operator."""
    duration_s: float
    """Length of the audio that was saved before the fault, 0.0 when there is no file."""
    size_bytes: int
    """Size of that file, 0 when there is none."""


@dataclass(frozen=True, slots=True)
class RecordingDropped:
    """Nothing of the recording was to be kept, and there is no file."""

    tap: int
    """The engine's tap that the samples came from."""
    path: RecordingPath
    """The name given at `begin`; nothing lies there."""


@dataclass(frozen=True, slots=True)
class DiskAlarm:
    """Recording stopped because the disk takes no more, or works again."""

    is_raised: bool
    """False when new recordings are taken again."""
    free_bytes: int
    """Space left for us on the disk of the recordings' directory."""
    reason: str
    """One line for the operator."""


RecordingEvent: TypeAlias = RecordingCompleted | RecordingFailed | RecordingDropped | DiskAlarm
