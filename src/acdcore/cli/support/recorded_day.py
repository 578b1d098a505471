"""Finds the days of the journal that the command line names."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from acdcore.configuration.settings import load
from acdcore.kernel.errors import AcdError, SettingsError, Unavailable
from acdcore.planning.recorded import RecordedDay
from acdcore.planning.recorded_files import recording
from acdcore.storage.journal.files import day_files, segment_files

JOURNAL = "journal"
"""The journal's directory below that of the storage."""

DayArgument = Annotated[str, typer.Argument(metavar="DAY", help="The day: 2026-11-21, today or yesterday.")]
JournalOption = Annotated[
    Path | None,
    typer.Option("--journal", help="The journal's directory; without it journal in the storage directory."),
]
ZoneOption = Annotated[
    str, typer.Option("--zone", help="The time zone of times of day, such as Asia/Shanghai; without it this machine's.")
]


class BadArgument(AcdError):
    """An argument of the command line that cannot be read; the message shows a valid one."""


@dataclass(frozen=True, slots=True)
class JournalLocation:
    """Where the journal lies."""

    config: Path
    """The settings; read only when no directory is named."""
    directory: Path | None

    def path(self) -> Path:
        """The directory; raises SettingsError."""
        return self.directory or load(self.config, os.environ).storage.directory / JOURNAL

    def day(self, word: str) -> date:
        """The journal's day that `word` names, which ends at its own midnight; raises BadArgument, SettingsError.

        For a directory given by --journal, without its settings, days end at this machine's midnight.
        """
        zone = None if self.directory else ZoneInfo(load(self.config, os.environ).journal.timezone)
        return day_of(word, zone)


def day_of(word: str, zone: tzinfo | None = None) -> date:
    """The day that `word` names, in that zone or the machine's own; raises BadArgument."""
    today = datetime.now().astimezone(zone).date()
    if word in ("today", "yesterday"):
        return today - timedelta(days=word == "yesterday")
    try:
        return date.fromisoformat(word)
    except ValueError:
        raise BadArgument(f"{word} is not a day; write 2026-11-21, today or yesterday") from None


def zone_of(name: str) -> tzinfo | None:
    """The zone of that name, None for the machine's own; raises BadArgument."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadArgument(f"there is no time zone {name}; write one such as Asia/Shanghai") from None


def files_of(place: JournalLocation, day: date) -> Sequence[Path]:
    """The day's segments; raises Unavailable when there are none."""
    directory = place.path()
    try:
        found = day_files(directory, day)
        if found:
            return found
        days = sorted({each.day for each in segment_files(directory)})
    except OSError as error:
        raise SettingsError(str(directory), "", f"cannot be read: {error.strerror}") from error
    there = f"there is {days[0]} to {days[-1]}" if days else "there is nothing; is the daemon's journal on?"
    raise Unavailable(f"{directory} has no journal of {day}: {there}")


def recording_of(files: Sequence[Path], day: date, zone: tzinfo | None) -> RecordedDay:
    """The recorded day; raises StateError for a damaged file, Unavailable for a day without a turn."""
    local = zone or datetime.combine(day, time(12)).astimezone().tzinfo
    assert local is not None  # astimezone always sets one
    try:
        return recording(files, local)
    except ValueError as error:
        raise Unavailable(f"{files[0].name}: {error}") from error
    except OSError as error:
        raise SettingsError(str(files[0].parent), "", f"cannot be read: {error}") from error
