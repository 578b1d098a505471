"""Calendars: what is open when, over nights, holidays and changes of the clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acdcore.ivr.calendars.file import Calendar, CalendarName, Moment, OpeningPeriod, flow_for, load_calendars
from acdcore.ivr.model.flow import CalendarState
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
        ('monday = ["09:00-18:00"]', "calendars.day.monday", "correct its spelling"),
        ('holidays = ["1 October"]', "calendars.day.holidays.0", "not a day of the calendar"),
    ],
)
def test_wrong_hours_are_refused_by_key(tmp_path: Path, line: str, key: str, reason: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        calendar(tmp_path, f"[calendars.day]\n{line}\n")
    assert refusal.value.key == key
    assert reason in refusal.value.problem


SHIFTS = """
[calendars.day]
timezone = "Asia/Shanghai"
mon = ["00:00-24:00"]
tue = ["00:00-24:00"]
wed = ["08:00-20:00"]
[[calendars.day.holiday]]
name = "founders-day"
from = 2026-10-12
to = 2026-10-13
[calendars.day.special]
2026-10-14 = { name = "stock-taking", hours = ["10:00-12:00"] }
2026-10-21 = { hours = "closed" }
[calendars.day.shifts]
day = ["08:00-20:00"]
night = ["20:00-08:00"]
"""


def said(moment: Moment) -> tuple[CalendarState, str, str]:
    return moment.state, moment.shift, moment.day


@pytest.mark.parametrize(
    ("wall", "expected", "changes_at"),
    [
        ("2026-10-05 07:59:59", (OPEN, "night", ""), "2026-10-05 08:00:00"),
        ("2026-10-05 08:00:00", (OPEN, "day", ""), "2026-10-05 20:00:00"),
        ("2026-10-05 20:00:00", (OPEN, "night", ""), "2026-10-06 08:00:00"),
        ("2026-10-06 23:59:59", (OPEN, "night", ""), "2026-10-07 00:00:00"),
        ("2026-10-07 00:00:00", (CLOSED, "", ""), "2026-10-07 08:00:00"),
        ("2026-10-07 21:00:00", (CLOSED, "", ""), "2026-10-12 00:00:00"),
        ("2026-10-13 12:00:00", (HOLIDAY, "", "founders-day"), "2026-10-14 00:00:00"),
        ("2026-10-14 09:59:30", (CLOSED, "", "stock-taking"), "2026-10-14 10:00:00"),
        ("2026-10-14 11:00:00", (OPEN, "day", "stock-taking"), "2026-10-14 12:00:00"),
        ("2026-10-21 10:00:00", (CLOSED, "", ""), "2026-10-26 00:00:00"),
    ],
)
def test_moment_names_shift_and_day_and_when_they_change(
    tmp_path: Path, wall: str, expected: tuple[CalendarState, str, str], changes_at: str
) -> None:
    moment = calendar(tmp_path, SHIFTS).moment(at(wall))
    assert said(moment) == expected
    assert moment.next_change_at == at(changes_at)
    assert moment.next_change_at.tzinfo is UTC


def test_change_beyond_a_fortnight_is_not_reported(tmp_path: Path) -> None:
    always = calendar(tmp_path, "[calendars.day]\nspecial = { 2026-10-15 = 'closed' }\n" + EVERY_DAY)
    assert always.moment(at("2026-10-01 00:00:00")).next_change_at == at("2026-10-15 00:00:00")
    assert always.moment(at("2026-09-30 23:59:59")).next_change_at is None


EVERY_DAY = "\n".join(f'{day} = ["00:00-24:00"]' for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))


def test_forced_word_goes_before_all(tmp_path: Path) -> None:
    day = calendar(tmp_path, SHIFTS)
    forced_open = day.moment(at("2026-10-12 21:00:00"), forced=True)
    assert said(forced_open) == (OPEN, "night", "")
    assert forced_open.next_change_at == at("2026-10-13 08:00:00")
    assert day.moment(at("2026-10-05 09:00:00"), forced=False) == Moment(CLOSED, "", "", None)
    assert day.moment(at("2026-10-12 09:00:00"), forced=False).state is CLOSED


def test_small_hours_after_the_last_shift_carry_the_name_of_its_day(tmp_path: Path) -> None:
    text = '[calendars.day]\nfri = ["22:00-06:00"]\nsat = ["09:00-18:00"]\n[[calendars.day.holiday]]\n'
    party = calendar(tmp_path, text + 'name = "party"\nfrom = 2026-09-26\n')
    assert said(party.moment(at("2026-09-26 05:59:00"))) == (OPEN, "", "")
    assert said(party.moment(at("2026-09-26 06:00:00"))) == (HOLIDAY, "", "party")


def test_shift_may_have_weekdays_and_the_first_of_two_is_on(tmp_path: Path) -> None:
    text = f'[calendars.day]\n{EVERY_DAY}\n[calendars.day.shifts]\nweekend = {{ sat = ["00:00-24:00"], '
    day = calendar(tmp_path, text + 'sun = ["00:00-24:00"] }\nnight = ["22:00-06:00"]\n')
    shifts = [day.moment(at(f"2026-09-{date} 23:00:00")).shift for date in range(25, 29)]
    assert shifts == ["night", "weekend", "weekend", "night"]
    assert day.moment(at("2026-09-28 05:00:00")).shift == "night"
    assert day.names() == {"weekend", "night"}


CHINA = '[calendars.day]\ncountry = "CN"\n' + "\n".join(
    f'{day} = ["09:00-18:00"]' for day in ("mon", "tue", "wed", "thu", "fri")
)


@pytest.mark.parametrize(
    ("day", "state", "name"),
    [
        # Announced by the State Council for 2026: Spring Festival 15 to 23 February, worked: 14 and 28 February.
        ("2026-02-13", OPEN, ""),
        ("2026-02-14", OPEN, ""),
        *((f"2026-02-{day}", HOLIDAY, "spring-festival") for day in range(15, 24)),
        ("2026-02-24", OPEN, ""),
        ("2026-02-28", OPEN, ""),
        ("2026-03-01", CLOSED, ""),
        # Labour Day 1 to 5 May, worked: 9 May.
        *((f"2026-05-0{day}", HOLIDAY, "labour-day") for day in range(1, 6)),
        ("2026-05-09", OPEN, ""),
        # National Day 1 to 7 October, worked: 20 September and 10 October; Mid-Autumn 25 to 27 September.
        ("2026-09-20", OPEN, ""),
        *((f"2026-09-{day}", HOLIDAY, "mid-autumn") for day in range(25, 28)),
        ("2026-09-28", OPEN, ""),
        *((f"2026-10-0{day}", HOLIDAY, "national-day") for day in range(1, 8)),
        ("2026-10-10", OPEN, ""),
        # New Year 1 to 3 January, worked: 4 January.
        *((f"2026-01-0{day}", HOLIDAY, "new-year") for day in range(1, 4)),
        ("2026-01-04", OPEN, ""),
    ],
)
def test_chinese_holidays_are_those_announced(tmp_path: Path, day: str, state: CalendarState, name: str) -> None:
    moment = calendar(tmp_path, CHINA).moment(at(f"{day} 10:00:00"))
    assert (moment.state, moment.day) == (state, name)


def test_makeup_workday_has_the_hours_that_are_configured(tmp_path: Path) -> None:
    text = CHINA.replace('fri = ["09:00-18:00"]', 'fri = ["09:00-12:00"]')
    assert calendar(tmp_path, text).state(at("2026-02-14 17:00:00")) is OPEN
    assert calendar(tmp_path, text + '\nmakeup_hours = "fri"').state(at("2026-02-14 17:00:00")) is CLOSED


def test_operators_table_goes_before_the_countrys(tmp_path: Path) -> None:
    own = (
        "\nholidays = [2026-02-14, 2026-05-01]\nmakeup_workdays = [2026-05-02]\n"
        '[calendars.day.special]\n2026-10-01 = ["10:00-12:00"]\n'
        '[[calendars.day.holiday]]\nname = "flood"\nfrom = 2026-10-02\n'
    )
    day = calendar(tmp_path, CHINA + own)
    assert said(day.moment(at("2026-02-14 10:00:00"))) == (HOLIDAY, "", "")
    assert said(day.moment(at("2026-05-01 10:00:00"))) == (HOLIDAY, "", "labour-day")
    assert said(day.moment(at("2026-05-02 10:00:00"))) == (OPEN, "", "")
    assert said(day.moment(at("2026-10-01 11:00:00"))) == (OPEN, "", "")
    assert said(day.moment(at("2026-10-02 11:00:00"))) == (HOLIDAY, "", "flood")
    assert {"flood", "labour-day", "spring-festival"} <= day.names()


def test_holidays_of_other_countries_stay_single_days(tmp_path: Path) -> None:
    germany = calendar(tmp_path, '[calendars.day]\ntimezone = "Europe/Berlin"\ncountry = "DE"\n' + EVERY_DAY)
    friday = at("2026-04-03 10:00:00", ZoneInfo("Europe/Berlin"))
    assert said(germany.moment(friday)) == (HOLIDAY, "", "good-friday")
    assert germany.state(friday + timedelta(days=1)) is OPEN


@pytest.mark.parametrize(
    ("hours", "wall", "changes_at"),
    [
        # 02:00 to 03:00 is left out: what begins at 02:30 begins when the clock jumps, at 01:00 UTC.
        ("02:30-05:00", datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("00:00-02:30", datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC)),
        # 02:00 to 03:00 comes twice: what ended at 02:30 is on again from the second 02:00 to the second 02:30.
        ("00:00-02:30", datetime(2026, 10, 25, 0, 10, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("00:00-02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)),
        ("00:00-02:30", datetime(2026, 10, 25, 1, 0, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("02:30-05:00", datetime(2026, 10, 25, 1, 10, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
    ],
)
def test_next_change_is_exact_when_the_clock_is_changed(
    tmp_path: Path, hours: str, wall: datetime, changes_at: datetime
) -> None:
    text = f'[calendars.day]\ntimezone = "Europe/Berlin"\nsun = ["{hours}"]\n'
    assert calendar(tmp_path, text).moment(wall).next_change_at == changes_at


CLOCK_CHANGES = {
    # At midnight in Havana, by half an hour on Lord Howe.
    "America/Havana": (datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 11, 1, 5, tzinfo=UTC)),
    "Europe/Berlin": (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)),
    "Australia/Lord_Howe": (datetime(2026, 4, 4, 15, tzinfo=UTC), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
}
MINUTES = st.integers(0, 4 * 60 - 1) | st.integers(0, 24 * 60 - 1)
"""Most often within the hours in which clocks are changed."""


@st.composite
def moments_near_a_clock_change(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    zone = draw(st.sampled_from(sorted(CLOCK_CHANGES)))
    around = draw(st.sampled_from(CLOCK_CHANGES[zone]))
    start, length = draw(MINUTES), draw(st.integers(1, 90) | st.integers(1, 24 * 60))
    built = Calendar(CalendarName("day"), ZoneInfo(zone), ((OpeningPeriod(start, start + length),),) * 7)
    return built, around + timedelta(seconds=draw(st.integers(-5 * 3_600, 5 * 3_600)))


@settings(max_examples=50, deadline=None)
@given(moments_near_a_clock_change())
def test_next_change_is_the_first_minute_that_differs(given_moment: tuple[Calendar, datetime]) -> None:
    day, wall = given_moment
    state, minute = day.state(wall), wall.replace(second=0)
    scanned = (minute + timedelta(minutes=ahead) for ahead in range(1, 25 * 60))
    first = next((then for then in scanned if day.state(then) is not state), None)
    found = day.moment(wall).next_change_at
    assert found == first or (first is None and (found is None or found > wall + timedelta(days=1)))


@pytest.mark.parametrize(
    ("moment", "flow"),
    [
        (Moment(OPEN, "", "", None), "main"),
        (Moment(OPEN, "night", "", None), "night-flow"),
        (Moment(OPEN, "day", "", None), "main"),
        (Moment(OPEN, "night", "spring-festival", None), "red-flow"),
        (Moment(HOLIDAY, "", "spring-festival", None), "red-flow"),
        (Moment(CLOSED, "", "spring-festival", None), "red-flow"),
        (Moment(HOLIDAY, "", "national-day", None), "holiday-flow"),
        (Moment(CLOSED, "", "", None), "closed-flow"),
    ],
)
def test_flow_is_found_by_name_then_state_then_shift(moment: Moment, flow: str) -> None:
    by_name = {"night": "night-flow", "spring-festival": "red-flow"}
    assert flow_for(moment, "main", "closed-flow", "holiday-flow", by_name) == flow


def test_flow_that_is_not_given_falls_back_to_the_next() -> None:
    assert flow_for(Moment(HOLIDAY, "", "", None), "main", "closed-flow", "", {}) == "closed-flow"
    assert flow_for(Moment(HOLIDAY, "", "", None), "main", "", "", {}) == "main"
    assert flow_for(Moment(CLOSED, "", "", None), "main", "", "holiday-flow", {}) == "main"


@pytest.mark.parametrize(
    ("lines", "key", "reason"),
    [
        ('country = "Utopia"', "country", "no country Utopia"),
        ("holidays = [2027-02-13]\nmakeup_workdays = [2027-02-13]", "makeup_workdays", "also a holiday"),
        ('makeup_hours = "monday"', "makeup_hours", "mon"),
        ('shifts = { Night = ["20:00-08:00"] }', "shifts.Night", "not a valid name"),
        ('shifts = { night = ["20-08"] }', "shifts.night", "not a span"),
        ('shifts = { night = { tue = ["20-08"] } }', "shifts.night.tue", "not a span"),
        ('shifts = { night = { tues = ["20:00-08:00"] } }', "shifts.night.tues", "correct its spelling"),
        ("special = { 2026-10-01 = { hours = 5 } }", "special.2026-10-01.hours", "list"),
        ('special = { 2026-10-01 = { name = "A B", hours = [] } }', "special.2026-10-01.name", "not a valid name"),
        ('holiday = [{ name = "x", from = 2026-10-02, to = 2026-10-01 }]', "holiday.0.to", "0 days"),
        ('holiday = [{ name = "x", from = 2026-10-02, to = 2028-10-01 }]', "holiday.0.to", "731 days"),
        ('holiday = [{ name = "", from = 2026-10-02 }]', "holiday.0.name", "not a valid name"),
        (
            'holiday = [{ name = "x", from = 2026-10-01, to = 2026-10-03 }, { name = "y", from = 2026-10-03 }]',
            "holiday.1",
            "also a day of x",
        ),
        (
            'holiday = [{ name = "x", from = 2026-10-01 }]\nshifts = { x = ["20:00-08:00"] }',
            "shifts.x",
            "has that name too",
        ),
    ],
)
def test_wrong_days_and_shifts_are_refused_by_key(tmp_path: Path, lines: str, key: str, reason: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        calendar(tmp_path, f"[calendars.day]\n{lines}\n")
    assert refusal.value.key == f"calendars.day.{key}"
    assert reason in refusal.value.problem
