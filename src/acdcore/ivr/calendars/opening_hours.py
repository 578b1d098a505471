"""Opening hours as data: the state of a calendar at a moment, and when it changes next.

The first of these that contains a day decides about it:

    special day        hours of its own, or closed
    make-up workday    the hours of `Calendar.makeup_weekday`, although it is a Saturday or a Sunday
    holiday            closed
    weekly hours       by the day of the week

A span belongs to the day on which it begins and may end on the next one: the small hours after Friday's night shift
follow Friday's rule and carry Friday's name. Hours are in local time, so a span over a change to or from daylight
saving time is an hour shorter or longer than it looks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import NewType
from zoneinfo import ZoneInfo

from acdcore.ivr.model.flow import CalendarState

CalendarName = NewType("CalendarName", str)
"""A calendar's key in the configuration."""

DAY_MIN = 24 * 60
NEXT_CHANGE_WITHIN = timedelta(days=14)
"""How far ahead `Moment.next_change_at` looks: over the longest public holiday and the weekends beside it."""
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OpeningPeriod:
    """Hours within one day, or into the next."""

    start_min: int
    """Minutes after midnight, local time of the calendar's zone."""
    end_min: int
    """Minutes after midnight of the same day, exclusive; above 1440 it ends on the next day."""


Week = tuple[tuple[OpeningPeriod, ...], ...]
"""Seven entries from Monday to Sunday; an empty entry means closed."""


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A date with hours of its own."""

    spans: tuple[OpeningPeriod, ...]
    """When it is open; empty: closed."""
    name: str = ""
    """Its name for flows and routes; "" without one."""


@dataclass(frozen=True, slots=True)
class CalendarShift:
    """A part of the opening hours that has a name, such as the night."""

    name: str
    """Its name for flows and routes."""
    weekly: Week
    """When it is on, if the calendar is open."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The state of a calendar at a moment."""

    state: CalendarState
    """Open, or why not."""
    shift: str
    """The shift that is on; "" while closed, or when none is."""
    day: str
    """The special day's or the holiday's name; "" on other days, and while a supervisor's override applies."""
    next_change_at: datetime | None
    """When one of these changes next, UTC; None: not within `NEXT_CHANGE_WITHIN`."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """When the call centre, or a part of it, is open."""

    name: CalendarName
    """Its key."""
    zone: ZoneInfo
    """The time zone of all its hours."""
    weekly: Week
    """The hours of ordinary days."""
    shifts: tuple[CalendarShift, ...] = ()
    """The shifts; of two that overlap the first is on."""
    holidays: Mapping[date, str] = field(default_factory=dict)
    """Holidays, which are closed days, with their names; "" for those without a name."""
    makeup_workdays: frozenset[date] = frozenset()
    """Weekend days that are worked in exchange for days off beside a holiday."""
    makeup_weekday: int = 0
    """The day of the week whose hours they have, from 0 for Monday."""
    special: Mapping[date, SpecialDay] = field(default_factory=dict)
    """Days with hours of their own."""

    def state(self, wall: datetime) -> CalendarState:
        """OPEN, or why not. Raises ValueError when `wall` has no time zone."""
        return self._said(self._local(wall), None)[0]

    def moment(self, wall: datetime, forced: bool | None = None) -> Moment:
        """State, shift, day's name and next change at a moment.

        `forced` is a supervisor's override: open (True) or closed (False); None: the calendar applies.
        Raises ValueError when `wall` has no time zone.
        """
        local = self._local(wall)
        said = self._said(local, forced)
        limit = wall + NEXT_CHANGE_WITHIN
        changes = (at for at in self._turns(local.date()) if wall < at <= limit)
        change = next((at for at in changes if self._said(at.astimezone(self.zone), forced) != said), None)
        return Moment(*said, change)

    def day_names(self) -> frozenset[str]:
        """All names of days that a moment can have."""
        return frozenset({*self.holidays.values(), *(special.name for special in self.special.values())} - {""})

    def names(self) -> frozenset[str]:
        """All names of days and shifts that a moment can have."""
        return self.day_names() | {shift.name for shift in self.shifts if shift.name}

    def _local(self, wall: datetime) -> datetime:
        if wall.tzinfo is None:
            raise ValueError("a calendar needs a time with its zone")
        return wall.astimezone(self.zone)

    def _said(self, local: datetime, forced: bool | None) -> tuple[CalendarState, str, str]:
        """State, shift and day's name at a local time of the calendar's zone."""
        day, minute = local.date(), local.hour * 60 + local.minute
        if forced is not None:
            return (CalendarState.OPEN, self._shift(day, minute), "") if forced else (CalendarState.CLOSED, "", "")
        if _is_on(self._spans(day), minute):
            return CalendarState.OPEN, self._shift(day, minute), self._day_name(day)
        before = day - _ONE_DAY
        if _is_on(self._spans(before), minute + DAY_MIN):
            return CalendarState.OPEN, self._shift(day, minute), self._day_name(before)
        state = CalendarState.HOLIDAY if self._is_holiday(day) else CalendarState.CLOSED
        return state, "", self._day_name(day)

    def _spans(self, day: date) -> tuple[OpeningPeriod, ...]:
        special = self.special.get(day)
        if special is not None:
            return special.spans
        return () if self._is_holiday(day) else self.weekly[self._weekday(day)]

    def _is_holiday(self, day: date) -> bool:
        return day in self.holidays and day not in self.makeup_workdays and day not in self.special

    def _weekday(self, day: date) -> int:
        return self.makeup_weekday if day in self.makeup_workdays else day.weekday()

    def _day_name(self, day: date) -> str:
        special = self.special.get(day)
        if special is not None:
            return special.name
        return self.holidays[day] if self._is_holiday(day) else ""

    def _shift(self, day: date, minute: int) -> str:
        before = day - _ONE_DAY
        for shift in self.shifts:
            if _is_on(shift.weekly[self._weekday(day)], minute):
                return shift.name
            if _is_on(shift.weekly[self._weekday(before)], minute + DAY_MIN):
                return shift.name
        return ""

    def _turns(self, day: date) -> Iterator[datetime]:
        """Every instant (UTC) from `day` on at which something may begin or end, later days later.

        One day more than `NEXT_CHANGE_WITHIN`, since the local day may begin up to 14 hours before UTC's.
        """
        for offset in range(NEXT_CHANGE_WITHIN.days + 2):
            yield from self._turns_of(day + timedelta(days=offset))

    def _turns_of(self, day: date) -> list[datetime]:
        minutes = {0}
        for begun, shifted in ((day, 0), (day - _ONE_DAY, DAY_MIN)):
            weekday = self._weekday(begun)
            for spans in (self._spans(begun), *(shift.weekly[weekday] for shift in self.shifts)):
                minutes.update(span.start_min - shifted for span in spans)
                minutes.update(span.end_min - shifted for span in spans)
        midnight = datetime.combine(day, time(), self.zone)
        walls = [midnight + timedelta(minutes=minute) for minute in minutes if 0 <= minute < DAY_MIN]
        turns = {wall.astimezone(UTC) for wall in walls}
        clock_change = _clock_change(midnight)
        if clock_change is not None:
            # Some local times occur twice, or not at all: then the change is at the moment when the offset changes.
            turns |= {wall.replace(fold=1).astimezone(UTC) for wall in walls} | {clock_change}
        return sorted(turns)


def flow_for(moment: Moment, flow: str, closed_flow: str, holiday_flow: str, by_name: Mapping[str, str]) -> str:
    """The flow for a moment.

    The first that is given: the one by the day's name; when closed, `holiday_flow` on a holiday, then `closed_flow`;
    when open, the one by the shift's name; then `flow`.
    """
    if moment.day in by_name:
        return by_name[moment.day]
    match moment.state:
        case CalendarState.HOLIDAY:
            return holiday_flow or closed_flow or flow
        case CalendarState.CLOSED:
            return closed_flow or flow
        case CalendarState.OPEN:
            return by_name.get(moment.shift, flow)


def _is_on(spans: tuple[OpeningPeriod, ...], minute: int) -> bool:
    return any(span.start_min <= minute < span.end_min for span in spans)


def _clock_change(midnight: datetime) -> datetime | None:
    """The instant (UTC) within the day at which the zone's offset changes, to the second; None: it does not."""
    early = midnight.astimezone(UTC)
    late = (midnight + _ONE_DAY).astimezone(UTC)
    zone = midnight.tzinfo
    offset = early.astimezone(zone).utcoffset()
    if late.astimezone(zone).utcoffset() == offset:
        return None
    while late - early > timedelta(seconds=1):
        middle = early + timedelta(seconds=(late - early) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            early = middle
        else:
            late = middle
    return late
