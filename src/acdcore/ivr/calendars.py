"""Opening hours: weekly hours, holidays and special days in the time zone of the centre."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import NewType
from zoneinfo import ZoneInfo

from acdcore.ivr.model import CalendarState

CalendarName = NewType("CalendarName", str)
"""A calendar's key in the configuration."""


@dataclass(frozen=True, slots=True)
class Span:
    """Opening hours within one day, or into the next."""

    start_min: int
    """Minutes after midnight, wall clock of the calendar's time zone."""
    end_min: int
    """Minutes after midnight of the same day, exclusive; above 1440 it ends on the next day."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """When the centre, or a part of it, is open."""

    name: CalendarName
    """Its key."""
    zone: ZoneInfo
    """The time zone of all its hours."""
    weekly: tuple[tuple[Span, ...], ...]
    """Seven entries from Monday to Sunday; an empty one is a closed day."""
    holidays: frozenset[date] = frozenset()
    """Closed days that are announced as holidays."""
    special: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)
    """Days with hours of their own, before holidays and weekly hours; empty: closed."""

    def is_open(self, wall: datetime) -> bool:
        """Whether `wall` (aware) falls into the hours."""
        ...

    def state(self, wall: datetime) -> CalendarState:
        """OPEN, or why not."""
        ...

    def next_change(self, wall: datetime) -> datetime | None:
        """The first moment after `wall` (UTC) at which the state is another; None within `HORIZON_DAYS`."""
        ...


def load_calendars(file: Path) -> dict[CalendarName, Calendar]:
    """Read `[calendars.NAME]` tables. Raises SettingsError naming file and key."""
    ...
