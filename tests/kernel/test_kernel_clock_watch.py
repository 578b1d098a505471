"""Obligations of the clock's watch: a leap is found once, and a clock that cannot be right is not believed."""

from datetime import UTC, datetime, timedelta

import pytest

from acdcore.kernel.clock_watch import OFF_MAX_S, READ_WITHIN_S, ClockReading, ClockStep, ClockTrust, ClockWatch, read

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR_S, DAY_S = 3_600.0, 86_400.0
FIRST = ClockReading(1_000.0, NOON)


def later(passed_s: float, set_by_s: float = 0.0, suspended_s: float = 0.0) -> ClockReading:
    """All clocks after a time, of which the machine was suspended for some, and after the clock was set."""
    wall = NOON + timedelta(seconds=passed_s + set_by_s)
    return ClockReading(FIRST.now + passed_s - suspended_s, wall, suspended_s)


@pytest.mark.parametrize("by_s", [-DAY_S, -HOUR_S, -1.5, 1.5, HOUR_S, DAY_S])
def test_leap_is_found_once(by_s: float) -> None:
    watch = ClockWatch(FIRST)
    assert watch.look(later(10)) is None
    assert watch.look(later(11, by_s)) == ClockStep(timedelta(seconds=by_s), 0.0)
    assert watch.look(later(12, by_s)) is None
    back = watch.look(later(13))
    assert back is not None and back.by == timedelta(seconds=-by_s)


def test_clock_that_is_slewed_does_not_leap() -> None:
    watch = ClockWatch(FIRST)
    assert all(watch.look(later(n, n * 0.0005)) is None for n in range(1_000))


def test_suspended_machine_leaps_by_the_time_of_its_sleep() -> None:
    assert ClockWatch(FIRST).look(later(HOUR_S + 5, suspended_s=HOUR_S)) == ClockStep(timedelta(hours=1), HOUR_S)


def test_reading_of_a_process_that_was_held_up_in_between_is_none() -> None:
    class Held:
        """Each look at monotonic time comes late."""

        def __init__(self, late_s: float) -> None:
            self.at, self.late_s = 0.0, late_s

        def now(self) -> float:
            self.at += self.late_s
            return self.at

        def wall(self) -> datetime:
            return NOON

    assert read(Held(READ_WITHIN_S * 2), lambda: 0.0) is None
    assert read(Held(READ_WITHIN_S / 2), lambda: 0.0) is not None


@pytest.mark.parametrize(
    ("reading", "is_believed"),
    [
        (later(60), True),
        (later(60, HOUR_S / 2), True),
        (later(60, -HOUR_S / 2), True),
        (later(60, 2 * HOUR_S), False),
        (later(60, -2 * HOUR_S), False),
        (later(40 * DAY_S), True),
        (later(40 * DAY_S, suspended_s=39 * DAY_S), True),
    ],
)
def test_run_without_a_former_one_believes_the_clock_while_it_goes_on(reading: ClockReading, is_believed: bool) -> None:
    assert (ClockTrust(FIRST, None).doubt(reading) == "") is is_believed


@pytest.mark.parametrize(
    ("off_s", "is_believed"),
    [(60.0, True), (13 * DAY_S, True), (OFF_MAX_S + 60, False), (365 * DAY_S, False), (-2 * HOUR_S, False)],
)
def test_clock_that_cannot_follow_the_last_run_is_not_believed_until_it_is_right(
    off_s: float, is_believed: bool
) -> None:
    seen = FIRST.wall - timedelta(seconds=off_s)
    trust = ClockTrust(FIRST, seen)
    assert (trust.doubt(FIRST) == "") is is_believed
    assert trust.doubt(later(60, 60 - off_s)) == ""  # put right, a minute after what was seen
    assert (trust.off_s(FIRST) > 0) is (off_s > OFF_MAX_S)


def test_clock_of_a_machine_without_battery_is_believed_as_soon_as_the_time_server_is_reached() -> None:
    trust = ClockTrust(FIRST, NOON)  # began with the time of the last stop
    assert trust.doubt(later(30, 3 * DAY_S)) == ""
    trust = ClockTrust(ClockReading(5.0, datetime(1970, 1, 1, tzinfo=UTC)), None)
    begun = ClockReading(10.0, datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC))
    trust.look(begun)
    assert "1970" in trust.doubt(begun)
    right = ClockReading(20.0, NOON)
    trust.look(right)
    assert trust.doubt(right) == ""
    assert trust.doubt(ClockReading(21.0, NOON + timedelta(days=365))) != ""


def test_clock_that_has_been_right_for_an_hour_is_held_to_what_it_was() -> None:
    trust = ClockTrust(FIRST, NOON)
    for passed_s in (10.0, HOUR_S + 10):
        trust.look(later(passed_s))
    assert trust.doubt(later(HOUR_S + 20, 3 * DAY_S)) != ""
    assert trust.doubt(later(HOUR_S + 30)) == ""
    assert trust.doubt(later(4 * DAY_S, suspended_s=3 * DAY_S)) == ""
