"""Two clocks with two kinds of name: `now` (monotonic seconds, for decisions) and `wall` (UTC, for records)."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What drivers ask for the time; the cores get it as an argument."""

    def now(self) -> float:
        """Monotonic seconds; only differences mean anything."""
        ...

    def wall(self) -> datetime:
        """The time of day in UTC, for records and file names only."""
        ...


def suspended_s() -> float:
    """How long the machine has been suspended since it was started: monotonic time stands still meanwhile."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> datetime:
        return datetime.now(UTC)


class LoopClock:
    """The event loop's own time, so that deadlines given to the loop and decisions made by them agree."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        return self._loop.time()

    def wall(self) -> datetime:
        return datetime.now(UTC)
