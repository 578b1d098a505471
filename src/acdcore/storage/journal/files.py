"""The journal's directory: names, reading, packing and retention of segments.

`2026-11-05_20261104T161500.123456Z.jsonl`: the operator's day, and the moment in UTC at which the segment began, so
that names sort by time also when daylight saving time ends. Finished days end in `.gz`. Files with other names are not
ours and are not touched.
"""

import contextlib
import gzip
import os
import re
import shutil
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from acdcore.queues.journal.lines import JournalError

PLAIN: Final = ".jsonl"
PACKED: Final = ".jsonl.gz"
_NAME: Final = re.compile(r"(\d{4}-\d\d-\d\d)_(\d{8}T\d{6}\.\d{6})Z\.jsonl(\.gz)?")
_MOMENT: Final = "%Y%m%dT%H%M%S.%f"
LEVEL: Final = 6
"""Compression level of gzip: a busy day of 200 MB becomes some 15 MB in a few seconds of a background thread."""


@dataclass(frozen=True, slots=True, order=True)
class SegmentFile:
    """One file of the journal; they sort by time."""

    began_wall: datetime
    """When it began (UTC)."""
    day: date
    """The operator's day."""
    path: Path
    """Where it is."""

    @property
    def is_packed(self) -> bool:
        """Whether it is compressed."""
        return self.path.name.endswith(PACKED)


@dataclass(frozen=True, slots=True)
class JournalRetention:
    """How much journal is kept."""

    days: int = 35
    """Days back from today: five weeks, enough for a forecast by weekday."""
    size_bytes_max: int = 4_000_000_000
    """Bytes of all segments together; the oldest are deleted first, the one being written never."""


def segment_path(directory: Path, day: date, began_wall: datetime) -> Path:
    """The file for a segment that begins now."""
    return directory / f"{day.isoformat()}_{began_wall.astimezone(UTC).strftime(_MOMENT)}Z{PLAIN}"


def segment_files(directory: Path) -> list[SegmentFile]:
    """All segments, oldest first; none when there is no such directory. Raises `OSError`."""
    found = _found(directory)
    packed = {each.began_wall for each in found if each.is_packed}
    # both files exist when packing was interrupted
    return [each for each in found if each.is_packed or each.began_wall not in packed]


def day_files(directory: Path, day: date) -> list[Path]:
    """The segments of one day in order: one for each start of the daemon, and the one begun at midnight."""
    return [each.path for each in segment_files(directory) if each.day == day]


def lines(path: Path) -> Iterator[str]:
    """The lines of a segment with their line feeds; damaged lines of a plain file are passed on unchanged.

    A segment that was packed after its name was read is still found. Raises `JournalError` where a packed file is
    damaged, and `OSError`.
    """
    if not path.name.endswith(PACKED):
        try:
            file = open(path, encoding="utf-8", errors="replace", newline="\n")  # noqa: SIM115
        except FileNotFoundError:
            path = packed_path(path)
        else:
            with file:
                yield from file
            return
    try:
        with gzip.open(path, "rt", encoding="utf-8", errors="replace", newline="\n") as packed:
            yield from packed
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise JournalError(f"the packed file is damaged: {error}") from error


def packed_path(path: Path) -> Path:
    """The path of a plain segment after packing."""
    return path.with_name(path.name.removesuffix(PLAIN) + PACKED)


def pack(path: Path) -> Path:
    """Compress a finished segment and delete the original; on `OSError` the segment is unchanged."""
    packed = packed_path(path)
    unfinished = packed.with_suffix(".tmp")
    try:
        with (
            open(path, "rb") as source,
            os.fdopen(os.open(unfinished, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as target,
        ):
            with gzip.GzipFile("", "wb", LEVEL, target, mtime=0) as stream:
                shutil.copyfileobj(source, stream, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
        os.rename(unfinished, packed)
        sync_journal_directory(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
    path.unlink()
    return packed


def expired(
    files: Sequence[SegmentFile], sizes: Sequence[int], today: date, retention: JournalRetention
) -> list[SegmentFile]:
    """The segments to delete, oldest first; `files` are sorted, `sizes` are their sizes in bytes."""
    first = today - timedelta(days=retention.days)
    rest_bytes = sum(sizes)
    gone = []
    for file, size in zip(files, sizes, strict=True):
        if file.day >= first and rest_bytes <= retention.size_bytes_max:
            break
        gone.append(file)
        rest_bytes -= size
    return gone


def tidy(directory: Path, writing: Path | None, today: date, retention: JournalRetention) -> None:
    """Pack what is finished and delete what is past the limits, but never `writing`. Raises `OSError`."""
    for each in _found(directory):
        if each.path != writing and each.day < today and not each.is_packed:
            pack(each.path)
    files = [each for each in segment_files(directory) if each.path != writing]
    sizes = [each.path.stat().st_size for each in files]
    for each in expired(files, sizes, today, retention):
        each.path.unlink()


def sync_journal_directory(directory: Path) -> None:
    """Let a new or renamed file survive a power cut. Raises `OSError`."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _found(directory: Path) -> list[SegmentFile]:
    if not directory.is_dir():
        return []
    parsed = [_parsed(path) for path in directory.iterdir()]
    return sorted(each for each in parsed if each is not None)


def _parsed(path: Path) -> SegmentFile | None:
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    try:
        moment = datetime.strptime(match[2], _MOMENT).replace(tzinfo=UTC)
        return SegmentFile(moment, date.fromisoformat(match[1]), path)
    except ValueError:
        return None
