"""The daemon with a fault that can be switched on: its event loop is blocked for half a second every two seconds.

SIGUSR1 makes the loop sleep, as a blocking call would; SIGUSR2 makes it compute in Python, which also keeps the
interpreter's lock from all other threads. The same signal again ends it. Everything else is the unchanged daemon.
"""

import argparse
import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

import uvloop

from acdcore.__main__ import daemon
from acdcore.daemon.logs import LineWriter, queued_stderr

STALL_S = 0.5
EVERY_S = 2.0


def sleep() -> None:
    """Block the loop without holding the interpreter's lock."""
    time.sleep(STALL_S)


def compute() -> None:
    """Block the loop and hold the lock as long as the interpreter lets one thread."""
    until = time.perf_counter() + STALL_S
    while time.perf_counter() < until:
        pass


class Fault:
    """What blocks the loop at present, if anything."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    def switch(self, block: Callable[[], None]) -> None:
        """Begin, or end what was begun."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            return
        self._block(block)

    def _block(self, block: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._block, block)
        block()


async def stalled(config: Path, log: LineWriter) -> None:
    """Serve until a signal comes, as the daemon does."""
    fault = Fault()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, fault.switch, sleep)
    loop.add_signal_handler(signal.SIGUSR2, fault.switch, compute)
    await daemon(config, log)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    config = parser.parse_args().config
    with queued_stderr() as log:
        uvloop.run(stalled(config, log))


if __name__ == "__main__":
    main()
