"""A daemon that also notes how late its event loop is: a timer is due each 10 ms, and the time when it ran is noted.

When it stops it writes `lateness.json` beside its settings' directory: pairs of the monotonic time in seconds, which
all processes of a machine share, and the lateness in ms. The loop's timers have steps of 1 ms, so up to that is no
lateness.
"""

import argparse
import asyncio
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from acdcore.__main__ import daemon
from acdcore.daemon.logs import LineWriter, queued_stderr

STEP_S = 0.01
FILE = "lateness.json"


@dataclass(slots=True)
class Punctuality:
    """What was seen so far."""

    seen: list[tuple[float, float]] = field(default_factory=list)

    async def watch(self) -> None:
        """Until it is cancelled."""
        while True:
            due = time.monotonic() + STEP_S
            await asyncio.sleep(STEP_S)
            now = time.monotonic()
            self.seen.append((round(now, 4), round(1000 * max(0.0, now - due), 3)))


async def watched(config: Path, log: LineWriter) -> None:
    """Serve until a signal comes, as the daemon does."""
    punctuality = Punctuality()
    watching = asyncio.create_task(punctuality.watch())
    try:
        await daemon(config, log)
    finally:
        watching.cancel()
        (config.parent.parent / FILE).write_text(json.dumps(punctuality.seen))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    config = parser.parse_args().config
    with queued_stderr() as log:
        uvloop.run(watched(config, log))


if __name__ == "__main__":
    main()
