"""`python -m bench.starts`: how long the shipped configuration needs before it answers, at its first start and later.

The first start makes the database and finds, or speaks, every prompt; the second has both. The time runs from the
start of the program until `/health/ready` says so, as `make run` does once `make setup` is done. It ends with a JSON
line; the exit status is 1 beyond the limits.
"""

import argparse
import asyncio
import json
import sys
import time

from bench.daemon import Daemon, DaemonSettings, scratch
from bench.ports import media_environment

FIRST_S, SECOND_S = 12.0, 4.0
"""Limits in seconds; after a longer wait people doubt that it works."""
MEDIA_PORTS = 40


async def started_s(daemon: Daemon) -> float:
    """Start, and stop again; the seconds until calls are taken."""
    began = time.monotonic()
    await daemon.start()
    taken_s = time.monotonic() - began
    await daemon.stop()
    return taken_s


async def measure(rounds: int) -> list[dict[str, float]]:
    """Some pairs of starts, each in a directory of its own."""
    pairs: list[dict[str, float]] = []
    for number in range(rounds):
        with scratch(f"starts-{number}") as directory:
            began = time.monotonic()
            async with Daemon(DaemonSettings(directory, environment=media_environment(MEDIA_PORTS))) as daemon:
                first_s = time.monotonic() - began
                await daemon.stop()
                pairs.append({"first_s": round(first_s, 2), "second_s": round(await started_s(daemon), 2)})
        print(f"starts: {pairs[-1]}", file=sys.stderr, flush=True)
    return pairs


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.starts", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="pairs of starts; the best of each counts")
    pairs = asyncio.run(measure(parser.parse_args().rounds))
    best = {name: min(pair[name] for pair in pairs) for name in ("first_s", "second_s")}
    print(json.dumps({"bench": "starts", **best, "rounds": pairs}))
    return 0 if best["first_s"] <= FIRST_S and best["second_s"] <= SECOND_S else 1


if __name__ == "__main__":
    sys.exit(main())
