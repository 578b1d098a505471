"""Where a recording lies: by the day (UTC) it began and the call it belongs to."""

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

from acdcore.kernel.errors import Refused
from acdcore.kernel.ids import CallId
from acdcore.recording.events import RecordingPath

NAME_LENGTH_MAX = 80
"""Characters of the call's id that go into the name; file systems take 255 bytes for all of it."""
UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
PATH = re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2}/[A-Za-z0-9_-]*-[0-9]+\.wav", re.ASCII)


def recording_path(call: CallId, number: int, wall: datetime) -> RecordingPath:
    """The path of the `number`-th recording of `call`, begun at `wall` (aware), counted from 1.

    Ids that would not do as a file name are made safe, and get a digest so that two of them never share a name.
    """
    name = UNSAFE.sub("_", call)[:NAME_LENGTH_MAX]
    if name != call:
        name = f"{name}_{hashlib.sha256(call.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
    return RecordingPath(f"{wall.astimezone(UTC):%Y/%m/%d}/{name}-{number}.wav")


def located(directory: Path, path: str) -> Path:
    """The file of a recording whose path came with a request.

    Raises Refused unless `path` has the form that `recording_path` makes, so that nothing else on the disk can be
    asked for.
    """
    if not PATH.fullmatch(path):
        raise Refused(f"not the path of a recording: {path[:80]!r}")
    return directory / path


def part_of(path: Path) -> Path:
    """The name that a recording has until it is complete."""
    return path.with_name(f"{path.name}.part")
