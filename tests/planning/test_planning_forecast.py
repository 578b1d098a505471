"""Obligations of the forecast: weekday, recency and holidays count; the shape is the day's, the level the week's."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from acdcore.planning.forecast import ForecastError, counts, forecast

MONDAY = date(2026, 11, 9)
SHAPE = (1.0, 3.0, 2.0)


def weeks(*levels: float) -> dict[date, tuple[float, ...]]:
    """Mondays before, the last one first."""
    return {
        MONDAY - timedelta(weeks=number): tuple(level * part for part in SHAPE)
        for number, level in enumerate(levels, 1)
    }


def test_equal_weeks_repeat() -> None:
    expected = forecast(weeks(10, 10, 10), MONDAY)
    assert expected.calls == pytest.approx((10, 30, 20))
    assert expected.spread == pytest.approx(0.0) and expected.days == 3


def test_recent_weeks_weigh_more() -> None:
    rising = forecast(weeks(20, 10), MONDAY)
    assert sum(rising.calls) > 90
    assert rising.spread > 0.2


def test_level_of_a_busy_week_leaves_the_shape_alone() -> None:
    past = weeks(10, 50)
    assert forecast(past, MONDAY).calls[1] / sum(forecast(past, MONDAY).calls) == pytest.approx(0.5)


def test_other_weekdays_holidays_and_the_far_past_do_not_count() -> None:
    past = weeks(10, 10)
    past |= {MONDAY - timedelta(days=1): (99, 99, 99), MONDAY - timedelta(weeks=30): (99, 99, 99), MONDAY: (99, 99, 99)}
    past[MONDAY - timedelta(weeks=3)] = (99, 99, 99)
    holidays = frozenset({MONDAY - timedelta(weeks=3)})
    assert forecast(past, MONDAY, holidays).calls == pytest.approx((10, 30, 20))


def test_holiday_goes_by_past_holidays() -> None:
    past = weeks(10) | {MONDAY - timedelta(days=39): (1.0, 1.0, 1.0)}
    holidays = frozenset({MONDAY, MONDAY - timedelta(days=39)})
    assert forecast(past, MONDAY, holidays).calls == pytest.approx((1, 1, 1))


def test_days_without_a_call_are_no_division_by_zero() -> None:
    assert forecast(weeks(0), MONDAY).calls == (0, 0, 0)


def test_too_little_past_is_said() -> None:
    with pytest.raises(ForecastError, match="Monday that is no holiday"):
        forecast({}, MONDAY)
    with pytest.raises(ForecastError, match="different lengths"):
        forecast(weeks(1) | {MONDAY - timedelta(weeks=2): (1.0,)}, MONDAY)


def test_calls_are_counted_by_the_local_clock() -> None:
    calls = [datetime(2026, 11, 8, hour, 40, tzinfo=UTC) for hour in (15, 16, 16)]
    found = counts(calls, ZoneInfo("Asia/Shanghai"), 3_600)
    assert list(found) == [date(2026, 11, 8), date(2026, 11, 9)]
    assert found[date(2026, 11, 8)][23] == 1 and found[date(2026, 11, 9)][0] == 2
    assert {len(day) for day in found.values()} == {24}
    with pytest.raises(ValueError, match="fill a day"):
        counts([], UTC, 7_000)
