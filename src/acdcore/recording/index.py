"""What lies in the recordings' directory: repair after a crash, what is old, deletion."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeAlias

from acdcore.recording.disk import sync_recording_directory
from acdcore.recording.events import RecordingPath
from acdcore.recording.names import located
from acdcore.recording.wav import repair

PART_SUFFIX = ".wav.part"


@dataclass(frozen=True, slots=True)
class Repaired:
    """A recording whose writer died; it is valid now and has its final name."""

    path: RecordingPath
    """Its final name."""
    duration_s: float
    """Length of what was saved; 0.0 when there was nothing, and then there is no file any more."""
    size_bytes: int
    """Size of the file, 0 when there is none."""


@dataclass(frozen=True, slots=True)
class NotRepaired:
    """A recording that could not be repaired; its `.part` file is still there."""

    path: RecordingPath
    """The final name it would have."""
    reason: str
    """One line for the operator."""


Repair: TypeAlias = Repaired | NotRepaired


def repair_all(directory: Path) -> list[Repair]:
    """Complete every `.part` file below `directory`; to be called at the start, before anything is recorded.

    One file that cannot be repaired does not keep the others from it. Raises OSError when a directory cannot be
    flushed.
    """
    repairs = [_repair(directory, part) for part in _files(directory, PART_SUFFIX)]
    for parent in {(directory / each.path).parent for each in repairs}:
        sync_recording_directory(parent)
    return repairs


@dataclass(frozen=True, slots=True)
class OldFile:
    """A finished recording of a past day."""

    path: RecordingPath
    """Its name."""
    day: date
    """The day (UTC) that it lies under."""
    size_bytes: int
    """Size of the file."""


def old_files(directory: Path, before: date, limit: int) -> list[OldFile]:
    """Finished recordings of days before `before`, oldest days first, at most `limit`; raises OSError."""
    found: list[OldFile] = []
    for folder in sorted(directory.glob("[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]")):
        try:
            day = date(*(int(part) for part in folder.parts[-3:]))
        except ValueError:
            continue  # no day of ours
        if day >= before or len(found) >= limit:
            break
        for file in sorted(folder.glob("*.wav")):
            if not file.is_symlink():
                found.append(OldFile(_name(directory, file), day, file.stat().st_size))
    return found[:limit]


def delete(directory: Path, paths: Iterable[RecordingPath]) -> list[RecordingPath]:
    """Delete these recordings and the days that become empty; returns those that are gone, also those that were.

    Raises Refused for a path that is not one of a recording, before anything is deleted, and OSError when the disk
    refuses.
    """
    gone = []
    for path, file in [(path, located(directory, path)) for path in paths]:
        file.unlink(missing_ok=True)
        _drop_empty(directory, file.parent)
        gone.append(path)
    return gone


def _repair(directory: Path, part: Path) -> Repair:
    final = part.with_suffix("")
    path = _name(directory, final)
    if final.exists():
        return NotRepaired(path, "a finished recording of that name exists")
    try:
        length = repair(part)
        if not length.frames:
            part.unlink()
            return Repaired(path, duration_s=0.0, size_bytes=0)
        part.rename(final)
    except OSError as error:
        return NotRepaired(path, str(error))
    return Repaired(path, length.duration_s, length.size_bytes)


def _files(directory: Path, suffix: str) -> Iterator[Path]:
    """Regular files with this ending, by name, without following links to other places."""
    for parent, directories, files in os.walk(directory):
        directories.sort()
        for name in sorted(files):
            path = Path(parent, name)
            if name.endswith(suffix) and not path.is_symlink():
                yield path


def _name(directory: Path, path: Path) -> RecordingPath:
    return RecordingPath(path.relative_to(directory).as_posix())


def _drop_empty(directory: Path, parent: Path) -> None:
    """Remove day, month and year when nothing is left in them; the kernel refuses where something is."""
    with contextlib.suppress(OSError):
        while parent != directory:
            parent.rmdir()
            parent = parent.parent
