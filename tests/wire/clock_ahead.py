"""The daemon on a machine whose clock is some days ahead: `clock_ahead.py DAYS run --config FILE`."""

import sys
from datetime import datetime, timedelta

from acdcore.__main__ import main
from acdcore.kernel.clock import LoopClock


def go_ahead(days: int) -> None:
    """Let every clock of the daemon show another day."""
    right = LoopClock.wall

    def wall(self: LoopClock) -> datetime:
        return right(self) + timedelta(days=days)

    LoopClock.wall = wall  # type: ignore[method-assign]  # it stands for the machine's own clock


if __name__ == "__main__":
    go_ahead(int(sys.argv.pop(1)))
    main()
