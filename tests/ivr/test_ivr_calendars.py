"""Calendars: what is open when, over nights, holidays and changes of the clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from acdcore.ivr.calendars import Calendar, CalendarName, load_calendars
from acdcore.ivr.model import CalendarState
from acdcore.kernel.errors import SettingsError

SHANGHAI = ZoneInfo("Asia/Shanghai")
OPEN, CLOSED, HOLIDAY = CalendarState.OPEN, CalendarState.CLOSED, CalendarState.HOLIDAY

DAY = """
[calendars.day]
timezone = "Asia/Shanghai"
mon = ["09:00-12:00", "13:00-18:00"]
tue = ["09:00-18:00"]
fri = ["22:00-06:00"]
sat = ["00:00-24:00"]
holidays = [2026-10-01, 2026-10-02]
[calendars.day.special]
2026-10-02 = ["10:00-12:00"]
2026-10-10 = "closed"
"""


def calendar(tmp_path: Path, text: str = DAY) -> Calendar:
    file = tmp_path / "calendars.toml"
    file.write_text(text, "utf-8")
    return load_calendars(file)[CalendarName("day")]


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("moment", "state"),
    [
        ("2026-09-21 08:59:59", CLOSED),
        ("2026-09-21 09:00:00", OPEN),
        ("2026-09-21 12:00:00", CLOSED),
        ("2026-09-21 17:59:59", OPEN),
        ("2026-09-21 18:00:00", CLOSED),
        ("2026-09-23 10:00:00", CLOSED),
        ("2026-09-25 21:59:59", CLOSED),
        ("2026-09-25 23:00:00", OPEN),
        ("2026-09-26 23:59:59", OPEN),
        ("2026-09-27 00:00:00", CLOSED),
        ("2026-10-01 10:00:00", HOLIDAY),
        ("2026-10-02 09:59:00", CLOSED),
        ("2026-10-02 10:00:00", OPEN),
        ("2026-10-02 23:00:00", CLOSED),
        ("2026-10-10 03:00:00", OPEN),
        ("2026-10-10 06:00:00", CLOSED),
    ],
)
def test_state_follows_hours_holidays_and_special_days(tmp_path: Path, moment: str, state: CalendarState) -> None:
    assert calendar(tmp_path).state(at(moment)) is state
    assert calendar(tmp_path).state(at(moment).astimezone(UTC)) is state


def test_time_without_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="zone"):
        calendar(tmp_path).state(datetime(2026, 9, 21, 9))


BERLIN = """
[calendars.day]
timezone = "Europe/Berlin"
sat = ["22:00-06:00"]
"""


@pytest.mark.parametrize(
    ("start", "end"),
    [
        # 22:00 CET is 21:00 UTC, 06:00 CEST is 04:00 UTC; the night is 7 hours long.
        (datetime(2026, 3, 28, 21, tzinfo=UTC), datetime(2026, 3, 29, 4, tzinfo=UTC)),
        # 22:00 CEST is 20:00 UTC, 06:00 CET is 05:00 UTC; the night is 9 hours long.
        (datetime(2026, 10, 24, 20, tzinfo=UTC), datetime(2026, 10, 25, 5, tzinfo=UTC)),
    ],
)
def test_clock_change_keeps_the_hours_of_the_wall(tmp_path: Path, start: datetime, end: datetime) -> None:
    night, minute = calendar(tmp_path, BERLIN), timedelta(minutes=1)
    assert night.state(start - minute) is CLOSED
    assert night.state(end) is CLOSED
    while start < end:
        assert night.state(start) is OPEN
        start += minute


@pytest.mark.parametrize(
    ("line", "key", "reason"),
    [
        ('mon = ["9-18"]', "calendars.day.mon", "not a span of hours"),
        ('mon = ["09:00-24:30"]', "calendars.day.mon", "beyond 24:00"),
        ('mon = ["24:00-06:00"]', "calendars.day.mon", "beyond 24:00"),
        ('mon = ["09:00-09:00"]', "calendars.day.mon", "no length"),
        ('mon = ["09:00-12:00", "11:00-13:00"]', "calendars.day.mon", "overlap"),
        ('special = { 2026-10-01 = ["x"] }', "calendars.day.special.2026-10-01", "not a span"),
        ('timezone = "Asia/Nowhere"', "calendars.day.timezone", "no time zone Asia/Nowhere"),
        ('monday = ["09:00-18:00"]', "calendars.day.monday", "mend its spelling"),
        ('holidays = ["1 October"]', "calendars.day.holidays.0", "date"),
    ],
)
def test_wrong_hours_are_refused_by_key(tmp_path: Path, line: str, key: str, reason: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        calendar(tmp_path, f"[calendars.day]\n{line}\n")
    assert refusal.value.key == key
    assert reason in refusal.value.problem
