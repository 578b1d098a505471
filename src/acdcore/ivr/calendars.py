"""Opening hours: weekly hours, holidays and special days in the time zone of the centre.

A special day goes before a holiday, a holiday before the weekly hours. A span belongs to the day on which it begins
and may end on the next one: the small hours after Friday's night shift follow Friday's rule. Hours are those of the
clock on the wall, so a span over a change to or from daylight saving time is an hour shorter or longer than it looks.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Literal, NewType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from acdcore.ivr.model import CalendarState
from acdcore.ivr.table import Table, read_table
from acdcore.kernel.errors import SettingsError

CalendarName = NewType("CalendarName", str)
"""A calendar's key in the configuration."""

DAY_MIN = 24 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOSED = "closed"
"""What stands for no hours at all on a special day."""
_SPAN = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


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

    def state(self, wall: datetime) -> CalendarState:
        """OPEN, or why not. Raises ValueError when `wall` has no time zone."""
        if wall.tzinfo is None:
            raise ValueError("a calendar needs a time with its zone")
        local = wall.astimezone(self.zone)
        today = local.date()
        minute = local.hour * 60 + local.minute
        if any(span.start_min <= minute < span.end_min for span in self._spans(today)):
            return CalendarState.OPEN
        if any(minute < span.end_min - DAY_MIN for span in self._spans(today - timedelta(days=1))):
            return CalendarState.OPEN
        is_holiday = today in self.holidays and today not in self.special
        return CalendarState.HOLIDAY if is_holiday else CalendarState.CLOSED

    def _spans(self, day: date) -> tuple[Span, ...]:
        if day in self.special:
            return self.special[day]
        return () if day in self.holidays else self.weekly[day.weekday()]


class CalendarTable(Table):
    """`[calendars.NAME]`: hours as "HH:MM-HH:MM"; an end before its start is on the next day."""

    timezone: str = "Asia/Shanghai"
    mon: list[str] = Field(default_factory=list)
    tue: list[str] = Field(default_factory=list)
    wed: list[str] = Field(default_factory=list)
    thu: list[str] = Field(default_factory=list)
    fri: list[str] = Field(default_factory=list)
    sat: list[str] = Field(default_factory=list)
    sun: list[str] = Field(default_factory=list)
    holidays: list[date] = Field(default_factory=list)
    special: dict[date, list[str] | Literal["closed"]] = Field(default_factory=dict)


class CalendarsTable(Table):
    """A file of calendars."""

    calendars: dict[str, CalendarTable] = Field(default_factory=dict)


def load_calendars(file: Path) -> dict[CalendarName, Calendar]:
    """Read `[calendars.NAME]` tables. Raises SettingsError naming file and key."""
    tables = read_table(file, CalendarsTable).calendars
    return {CalendarName(name): _calendar(str(file), name, table) for name, table in tables.items()}


def _calendar(file: str, name: str, table: CalendarTable) -> Calendar:
    at = f"calendars.{name}"
    try:
        zone = ZoneInfo(table.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError(file, f"{at}.timezone", f"there is no time zone {table.timezone}") from error
    hours = (table.mon, table.tue, table.wed, table.thu, table.fri, table.sat, table.sun)
    weekly = tuple(_spans(file, f"{at}.{day}", texts) for day, texts in zip(WEEKDAYS, hours, strict=True))
    special = {
        day: () if texts == CLOSED else _spans(file, f"{at}.special.{day}", list(texts))
        for day, texts in table.special.items()
    }
    return Calendar(CalendarName(name), zone, weekly, frozenset(table.holidays), special)


def _spans(file: str, key: str, texts: list[str]) -> tuple[Span, ...]:
    spans = sorted((_span(file, key, text) for text in texts), key=lambda span: span.start_min)
    for before, after in pairwise(spans):
        if after.start_min < before.end_min:
            raise SettingsError(file, key, "two spans overlap; join them or mend their hours")
    return tuple(spans)


def _span(file: str, key: str, text: str) -> Span:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise SettingsError(file, key, f'{text!r} is not a span of hours; write it as "09:00-18:00"')
    start_h, start_min, end_h, end_min = (int(part) for part in match.groups())
    start, end = start_h * 60 + start_min, end_h * 60 + end_min
    if max(start, end) > DAY_MIN or start == DAY_MIN:
        raise SettingsError(file, key, f"{text!r} goes beyond 24:00; let it end on the next day, as in 22:00-06:00")
    if start == end:
        raise SettingsError(file, key, f'{text!r} has no length; for the whole day write "00:00-24:00"')
    return Span(start, end if end > start else end + DAY_MIN)
