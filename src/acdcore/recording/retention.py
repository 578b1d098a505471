"""Which recordings are to be deleted: those past the age limit, then the oldest until the rest fits the size limit."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated

from annotated_types import Ge, Le

from acdcore.recording.events import RecordingPath


class Reason(Enum):
    """Why a recording goes."""

    AGE = "age"
    """It is older than the limit."""
    SIZE = "size"
    """All together are larger than the limit, and it is among the oldest."""


@dataclass(frozen=True, slots=True)
class StoredRecording:
    """One recording as the plan sees it."""

    path: RecordingPath
    """Its name."""
    began: datetime
    """When it began (aware)."""
    size_bytes: int
    """What it takes on the disk."""
    is_protected: bool = False
    """Marked by staff: never deleted by a limit, though it counts towards the size."""


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """The section `[retention]`: how long things are kept; 0: for ever."""

    recordings_days: Annotated[int, Ge(0), Le(36_500)] = 0
    """Age from which on a recording is deleted, with its row."""
    recordings_gb: Annotated[float, Ge(0)] = 0.0
    """What all recordings may take; beyond it the oldest are deleted first."""
    history_days: Annotated[int, Ge(0), Le(36_500)] = 0
    """Age from which on the records of calls are deleted."""
    refused_days: Annotated[int, Ge(0), Le(36_500)] = 0
    """Age from which on rows that the database refused are deleted."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator allows; None is no limit."""

    age_max: timedelta | None = None
    """How long a recording is kept."""
    total_bytes_max: int | None = None
    """What all recordings may take."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """One recording to be deleted."""

    path: RecordingPath
    """Its name."""
    size_bytes: int
    """What that gives back."""
    reason: Reason
    """The limit that asks for it."""


def plan(
    recordings: Iterable[StoredRecording], limits: Limits, wall: datetime, total_bytes: int | None = None
) -> tuple[Deletion, ...]:
    """The deletions that bring `recordings` within `limits` at `wall` (aware), oldest first.

    `total_bytes` is what all take when `recordings` are only the oldest of them.
    """
    oldest_first = sorted(recordings, key=lambda each: (each.began, each.path))
    if total_bytes is None:
        total_bytes = sum(each.size_bytes for each in oldest_first)
    deletions = []
    for each in oldest_first:
        reason = _reason(each, limits, wall, total_bytes)
        if reason is not None:
            deletions.append(Deletion(each.path, each.size_bytes, reason))
            total_bytes -= each.size_bytes
    return tuple(deletions)


def _reason(recording: StoredRecording, limits: Limits, wall: datetime, total_bytes: int) -> Reason | None:
    if recording.is_protected:
        return None
    if limits.age_max is not None and wall - recording.began > limits.age_max:
        return Reason.AGE
    if limits.total_bytes_max is not None and total_bytes > limits.total_bytes_max:
        return Reason.SIZE
    return None
