"""Whether the time of day goes as the machine's own clock does, and whether it can be believed. Pure.

    the machine's clock is set         time of day leaps, monotonic time goes on
    the machine is suspended           monotonic time stands still, time of day leaps when it is resumed
    NTP slews it, daylight saving      both go on together; UTC knows no daylight saving

When the clock is believed:
- What was seen last is kept over a restart. A clock that is behind it, or too far ahead of it, is not believed.
- A clock may be put right within the first hour of a run (a machine without a battery starts with the time of its last
  stop): after that only time in which the machine was suspended may be missing from monotonic time.
- A clock that has come back to where it ought to be is believed again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from acdcore.kernel.clock import Clock, suspended_s

STEP_MIN_S = 1.0
"""A smaller leap harms nothing, and NTP slews what is smaller."""
READ_WITHIN_S = 0.1
"""Two clocks are read one after the other; a process that was held up in between read nothing."""
STEP_MAX_S = 3_600.0
"""No time server corrects a working clock by more. A smaller leap does not matter for what is kept for days."""
OFF_MAX_S = 14 * 86_400.0
"""A daemon may have been off for so long: over the longest public holiday and the weekends beside it."""
STABLE_AFTER_S = 3_600.0
"""By then a time server has been reached, if there is one."""
EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)
"""No machine that runs this program is right to show an earlier time."""


@dataclass(frozen=True, slots=True)
class ClockReading:
    """All clocks at one moment."""

    now: float
    """Monotonic seconds."""
    wall: datetime
    """UTC."""
    suspended_s: float = 0.0
    """For how long the machine has been suspended so far."""

    def ahead_of(self, expected: "ClockReading") -> float:
        """Seconds by which the time of day has gone further than real time since `expected`; negative: less far."""
        passed_s = self.now - expected.now + self.suspended_s - expected.suspended_s
        return (self.wall - expected.wall).total_seconds() - passed_s


def read(clock: Clock, suspended: Callable[[], float] = suspended_s) -> ClockReading | None:
    """Look at all clocks; None when that took so long that they do not belong together."""
    before = clock.now()
    reading = ClockReading(before, clock.wall(), suspended())
    return reading if clock.now() - before <= READ_WITHIN_S else None


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The time of day has leapt."""

    by: timedelta
    """Against monotonic time; negative: it was set back."""
    suspended_s: float
    """For how long of it the machine was suspended."""


class ClockWatch:
    """Finds leaps of the time of day against monotonic time."""

    def __init__(self, first: ClockReading) -> None:
        self._anchor = first

    def look(self, reading: ClockReading) -> ClockStep | None:
        """The leap since the last one, if there was one."""
        anchor = self._anchor
        by_s = (reading.wall - anchor.wall).total_seconds() - (reading.now - anchor.now)
        if abs(by_s) < STEP_MIN_S:
            return None
        self._anchor = reading
        return ClockStep(timedelta(seconds=by_s), reading.suspended_s - anchor.suspended_s)


class ClockTrust:
    """Whether what is past its time by this clock may be deleted."""

    def __init__(self, first: ClockReading, seen: datetime | None) -> None:
        """`seen` is the time that the last run believed last; None: there was none."""
        self._first = first
        self._expected = first if seen is None else ClockReading(first.now, seen, first.suspended_s)
        self._ahead_max_s = STEP_MAX_S if seen is None else OFF_MAX_S
        self._is_stable = False

    def look(self, reading: ClockReading) -> None:
        """To be called every few seconds: a time that is believed for long enough is kept."""
        if self._is_stable:
            return
        if self._expected.wall < EARLIEST <= reading.wall:
            self._expected = reading  # the first time that can be right
        if reading.now - self._first.now >= STABLE_AFTER_S and not self.doubt(reading):
            self._expected, self._ahead_max_s, self._is_stable = reading, STEP_MAX_S, True

    def off_s(self, reading: ClockReading) -> float:
        """How far the clock is ahead of what can be; negative: behind it; 0 when it is believed."""
        off_s = reading.ahead_of(self._expected)
        return 0.0 if -STEP_MAX_S <= off_s <= self._ahead_max_s else off_s

    def doubt(self, reading: ClockReading) -> str:
        """Why the clock is not believed; "" when it is."""
        off_s = self.off_s(reading)
        shown = f"the machine's clock shows {reading.wall:%Y-%m-%d %H:%M}"
        if reading.wall < EARLIEST:
            return shown
        if not off_s:
            return ""
        return f"{shown}, {abs(off_s):.0f} s {'ahead of' if off_s > 0 else 'behind'} what was seen before"
