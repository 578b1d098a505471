"""Reads the file of calendars: hours, shifts, holidays and special days; reports every mistake in it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from acdcore.ivr.calendars.opening_hours import (
    DAY_MIN,
    Calendar,
    CalendarName,
    CalendarShift,
    Moment,
    OpeningPeriod,
    SpecialDay,
    Week,
    flow_for,
)
from acdcore.ivr.calendars.public_holidays import PublicHolidays, public_holidays
from acdcore.ivr.files.table import TomlTable, read_table
from acdcore.kernel.errors import SettingsError, raise_together

__all__ = [
    "Calendar",
    "CalendarName",
    "CalendarShift",
    "Moment",
    "OpeningPeriod",
    "SpecialDay",
    "flow_for",
    "load_calendars",
]

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOSED = "closed"
"""The word for a special day without hours."""
HOLIDAY_DAYS_MAX = 366
"""Days of the longest holiday; a longer one is a typing mistake."""
_SPAN = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")

Countries = Callable[[str], PublicHolidays]
"""Gives a country's holidays; raises ValueError for one that is not known."""


class WeekTable(TomlTable):
    """Hours by the day of the week as "HH:MM-HH:MM"; an end before its start is on the next day."""

    mon: list[str] = Field(default_factory=list)
    tue: list[str] = Field(default_factory=list)
    wed: list[str] = Field(default_factory=list)
    thu: list[str] = Field(default_factory=list)
    fri: list[str] = Field(default_factory=list)
    sat: list[str] = Field(default_factory=list)
    sun: list[str] = Field(default_factory=list)

    def days(self) -> tuple[list[str], ...]:
        """The hours of the seven days, from Monday to Sunday."""
        return self.mon, self.tue, self.wed, self.thu, self.fri, self.sat, self.sun


class HolidayTable(TomlTable):
    """`[[calendars.NAME.holiday]]`: a holiday with a name, of one day or more."""

    name: str
    first: date = Field(alias="from")
    last: date | None = Field(default=None, alias="to")


class SpecialTable(TomlTable):
    """A special day with a name."""

    name: str = ""
    hours: list[str] | Literal["closed"]


class CalendarTable(WeekTable):
    """`[calendars.NAME]`."""

    timezone: str = "Asia/Shanghai"
    country: str = ""
    holidays: list[date] = Field(default_factory=list)
    holiday: list[HolidayTable] = Field(default_factory=list)
    makeup_workdays: list[date] = Field(default_factory=list)
    makeup_hours: Weekday = "mon"
    special: dict[date, SpecialTable | list[str] | Literal["closed"]] = Field(default_factory=dict)
    shifts: dict[str, WeekTable | list[str]] = Field(default_factory=dict)


class CalendarsTable(TomlTable):
    """A file of calendars."""

    calendars: dict[str, CalendarTable] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CalendarErrors:
    """The mistakes of a file, collected while it is read."""

    file: str
    """Which file."""
    errors: list[SettingsError] = field(default_factory=list)
    """In the order in which they were found."""

    def add(self, key: str, problem: str) -> None:
        """Add a mistake."""
        self.errors.append(SettingsError(self.file, key, problem))


def load_calendars(file: Path) -> dict[CalendarName, Calendar]:
    """Read `[calendars.NAME]` tables. Raises SettingsError naming file and key, for all that is wrong."""
    tables = read_table(file, CalendarsTable).calendars
    countries, report = cache(public_holidays), CalendarErrors(str(file))
    read = {CalendarName(name): _calendar(report, name, table, countries) for name, table in tables.items()}
    raise_together(report.errors)
    return read


def _calendar(report: CalendarErrors, name: str, table: CalendarTable, countries: Countries) -> Calendar:
    at = f"calendars.{name}"
    zone = _zone(report, at, table.timezone)
    public = _public(report, at, table, countries)
    own = _own_holidays(report, at, table, public)
    for day in table.makeup_workdays:
        if day in own:
            report.add(f"{at}.makeup_workdays", f"{day} is also a holiday; remove one of the two")
    calendar = Calendar(
        name=CalendarName(name),
        zone=zone,
        weekly=_week(report, at, table),
        shifts=_shifts(report, f"{at}.shifts", table.shifts),
        holidays={**public.names, **own},
        makeup_workdays=(public.makeup_workdays - own.keys()) | frozenset(table.makeup_workdays),
        makeup_weekday=WEEKDAYS.index(table.makeup_hours),
        special=_special(report, f"{at}.special", table),
    )
    _refuse_name_twice(report, at, calendar)
    return calendar


def _zone(report: CalendarErrors, at: str, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        report.add(f"{at}.timezone", f'there is no time zone {name}; write it as in "Asia/Shanghai"')
        return ZoneInfo("UTC")


def _public(report: CalendarErrors, at: str, table: CalendarTable, countries: Countries) -> PublicHolidays:
    if not table.country:
        return PublicHolidays({}, frozenset())
    try:
        return countries(table.country)
    except ValueError as error:
        report.add(f"{at}.country", f'{error}; write its ISO code, as in "CN"')
        return PublicHolidays({}, frozenset())


def _own_holidays(report: CalendarErrors, at: str, table: CalendarTable, public: PublicHolidays) -> Mapping[date, str]:
    """The operator's holidays by date: those with names, then those that are only listed."""
    named: dict[date, str] = {}
    for number, holiday in enumerate(table.holiday):
        key = f"{at}.holiday.{number}"
        _refuse_bad_name(report, f"{key}.name", holiday.name)
        days = ((holiday.last or holiday.first) - holiday.first).days + 1
        if not 1 <= days <= HOLIDAY_DAYS_MAX:
            report.add(f"{key}.to", f"{holiday.name} has {days} days; correct its first or its last day")
            continue
        for day in (holiday.first + timedelta(days=offset) for offset in range(days)):
            if day in named:
                report.add(key, f"{day} is also a day of {named[day]}; let one of them end earlier")
                break
            named[day] = holiday.name
    return {**{day: public.names.get(day, "") for day in table.holidays}, **named}


def _special(report: CalendarErrors, at: str, table: CalendarTable) -> Mapping[date, SpecialDay]:
    special: dict[date, SpecialDay] = {}
    for day, given in table.special.items():
        name, hours = (given.name, given.hours) if isinstance(given, SpecialTable) else ("", given)
        if name:
            _refuse_bad_name(report, f"{at}.{day}.name", name)
        special[day] = SpecialDay(() if isinstance(hours, str) else _spans(report, f"{at}.{day}", hours), name)
    return special


def _shifts(report: CalendarErrors, at: str, tables: Mapping[str, WeekTable | list[str]]) -> tuple[CalendarShift, ...]:
    shifts = []
    for name, given in tables.items():
        _refuse_bad_name(report, f"{at}.{name}", name)
        if isinstance(given, list):
            shifts.append(CalendarShift(name, (_spans(report, f"{at}.{name}", given),) * len(WEEKDAYS)))
        else:
            shifts.append(CalendarShift(name, _week(report, f"{at}.{name}", given)))
    return tuple(shifts)


def _refuse_bad_name(report: CalendarErrors, key: str, name: str) -> None:
    if _NAME.fullmatch(name) is None:
        report.add(key, f"{name!r} is not a valid name; use small letters, digits, - and _")


def _refuse_name_twice(report: CalendarErrors, at: str, calendar: Calendar) -> None:
    """Refuse a shift with a day's name, because flows distinguish both by name only."""
    days = {*calendar.holidays.values(), *(special.name for special in calendar.special.values())}
    for shift in calendar.shifts:
        if shift.name in days:
            report.add(f"{at}.shifts.{shift.name}", "a holiday or a special day has that name too")


def _week(report: CalendarErrors, at: str, table: WeekTable) -> Week:
    return tuple(_spans(report, f"{at}.{day}", texts) for day, texts in zip(WEEKDAYS, table.days(), strict=True))


def _spans(report: CalendarErrors, key: str, texts: list[str]) -> tuple[OpeningPeriod, ...]:
    spans = sorted(filter(None, (_span(report, key, text) for text in texts)), key=lambda span: span.start_min)
    for before, after in pairwise(spans):
        if after.start_min < before.end_min:
            report.add(key, "two spans overlap; join them or correct their hours")
            break
    return tuple(spans)


def _span(report: CalendarErrors, key: str, text: str) -> OpeningPeriod | None:
    match = _SPAN.fullmatch(text)
    if match is None:
        report.add(key, f'{text!r} is not a span of hours; write it as "09:00-18:00"')
        return None
    start_h, start_min, end_h, end_min = (int(part) for part in match.groups())
    start, end = start_h * 60 + start_min, end_h * 60 + end_min
    if max(start, end) > DAY_MIN or start == DAY_MIN:
        report.add(key, f"{text!r} goes beyond 24:00; let it end on the next day, as in 22:00-06:00")
        return None
    if start == end:
        report.add(key, f'{text!r} has no length; for the whole day write "00:00-24:00"')
        return None
    return OpeningPeriod(start, end if end > start else end + DAY_MIN)
