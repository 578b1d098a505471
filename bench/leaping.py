"""The daemon on a machine whose clock is set while it runs: SIGUSR1 sets it an hour ahead, or back; SIGUSR2 a day.

Monotonic time goes on as before, as when NTP sets a clock or a virtual machine was suspended: only the date changes.
Everything else is the unchanged daemon.
"""

import signal
from datetime import datetime, timedelta

from acdcore.__main__ import main
from acdcore.kernel.clock import LoopClock

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Leaps:
    """The time by which the clock is ahead now."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def hour(self, *_: object) -> None:
        """There, or back again."""
        self.ahead += -HOUR if self.ahead % DAY else HOUR

    def day(self, *_: object) -> None:
        """There, or back again."""
        self.ahead += -DAY if self.ahead >= DAY else DAY


def install(leaps: Leaps) -> None:
    """Let the daemon's clock show another date."""
    right = LoopClock.wall

    def wall(self: LoopClock) -> datetime:
        return right(self) + leaps.ahead

    LoopClock.wall = wall  # type: ignore[method-assign]  # it stands for the machine's own clock
    signal.signal(signal.SIGUSR1, leaps.hour)
    signal.signal(signal.SIGUSR2, leaps.day)


if __name__ == "__main__":
    install(Leaps())
    main()
