"""Timekeeping: when the machine's clock is set while calls are up, everything that uses the time of day follows.

records, events, live views     have the new time from the next event on; durations stay right
callbacks and messages          are due, and expire, after the same waiting time as before; appointments keep their time
                                of day, unless the clock is not believed
opening hours                   are evaluated again
the journal                     goes on in a new segment
calls, registrations, bans      use monotonic time and are not affected
retention                       deletes nothing while the clock is not believed (`kernel.clock_watch.ClockTrust`)
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from acdcore.calls.context import CallContext
from acdcore.calls.switchboard import Switchboard
from acdcore.daemon.watch import Condition
from acdcore.kernel.alarms import AlarmKind, Alarms, Severity
from acdcore.kernel.background import Rhythm, repeat_in_background
from acdcore.kernel.clock import Clock, suspended_s
from acdcore.kernel.clock_watch import ClockReading, ClockStep, ClockTrust, ClockWatch, read

SEEN_FILE = "clock-seen"
"""File in the storage directory: the last time of day that was believed, in ISO 8601."""
KEEP_EVERY_S = 600.0
"""Seconds between two writes of that file."""
CLOCK_SET = AlarmKind(
    "clock_set",
    Severity.MINOR,
    "Find out who sets the clock: let NTP (chrony, systemd-timesyncd) slew it, and start the daemon after it.",
    3_600.0,
)
"""The time of day was set while the daemon ran."""
CLOCK_DOUBTED = AlarmKind(
    "clock_doubted",
    Severity.MAJOR,
    "Put the machine's clock right. If it is right, delete clock-seen in [storage] directory and restart.",
)
"""The time of day cannot be right, so nothing is deleted by it."""


def first_reading(clock: Clock) -> ClockReading:
    """The first reading of all clocks, at the start."""
    return read(clock) or ClockReading(clock.now(), clock.wall(), suspended_s())


def load_trust(directory: Path, clock: Clock) -> ClockTrust:
    """Load the time that the last run believed. It is for the start, before anything is deleted."""
    try:
        seen = datetime.fromisoformat((directory / SEEN_FILE).read_text("ascii").strip())
    except (OSError, ValueError):
        seen = None
    return ClockTrust(first_reading(clock), seen if seen is not None and seen.tzinfo is not None else None)


def keep_seen(directory: Path, wall: datetime) -> None:
    """Write the believed time into the file. Raises OSError. It writes to the disk, so not on the event loop."""
    unfinished = directory / f"{SEEN_FILE}.tmp"
    unfinished.write_text(f"{wall.isoformat()}\n", "ascii")
    os.replace(unfinished, directory / SEEN_FILE)


def keeping_time(directory: Path, trust: ClockTrust, clock: Clock, alarms: Alarms) -> AbstractAsyncContextManager[None]:
    """Write the believed time for the next start again and again, until the block ends."""

    async def keep() -> None:
        reading = read(clock)
        if reading is not None and not trust.doubt(reading):
            with suppress(OSError):  # a full disk has its own alarms; an older time in the file does no harm
                await asyncio.to_thread(keep_seen, directory, reading.wall)

    return repeat_in_background("clock", keep, Rhythm(KEEP_EVERY_S), alarms)


@dataclass(frozen=True, slots=True)
class Timed:
    """The parts that use the time of day."""

    context: CallContext
    switchboard: Switchboard
    journal: Callable[[], None]
    """Begins a new segment."""


class Timekeeper:
    """Compares the clocks every second and informs the parts; `look` is called by `watching`."""

    def __init__(
        self, timed: Timed, trust: ClockTrust, first: ClockReading, reading: Callable[[], ClockReading | None]
    ) -> None:
        self._timed = timed
        self._trust = trust
        self._reading = reading
        self._watch = ClockWatch(first)
        self._doubt = trust.doubt(first)

    def look(self) -> tuple[Condition, ...]:
        """Follow a clock that was set; returns the alarms about it."""
        reading = self._reading()
        if reading is None:
            return ()
        self._trust.look(reading)
        former, self._doubt = self._doubt, self._trust.doubt(reading)
        step = self._watch.look(reading)
        if step is not None:
            self._follow(step, is_clock_wrong=bool(former or self._doubt))
        return ((CLOCK_DOUBTED, self._doubt),)

    def _follow(self, step: ClockStep, *, is_clock_wrong: bool) -> None:
        context = self._timed.context
        context.event_log.clock_set()
        context.agents.clock_set()
        self._timed.switchboard.clock_set(step.by)
        context.callback_scheduler.clock_set(step.by, is_clock_wrong=is_clock_wrong)
        context.hours.look()
        self._timed.journal()
        by_s = step.by.total_seconds()
        structlog.get_logger("clock").warning("clock_set", by_s=round(by_s, 3), suspended_s=round(step.suspended_s, 1))
        suspended = f"; the machine was suspended for {step.suspended_s:.0f} s of it" if step.suspended_s >= 1 else ""
        context.event_log.alarms.raise_alarm(CLOCK_SET, f"the machine's clock went {by_s:+.0f} s at once{suspended}")
