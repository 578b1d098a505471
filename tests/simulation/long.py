"""`python -m tests.simulation.long --days 1000`: days of chaos in two processes; status 1 when a rule is broken."""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.watcher import watch

SHOWN = 10
"""Broken days that are shown at the end."""
BATCH = 5
"""Days that a process takes at once."""


def verdict(seed: int) -> str:
    """What is wrong with a day; empty: nothing."""
    try:
        watch(seed)
    except Exception as error:  # whatever a day raises is its verdict; the other days go on
        return f"{type(error).__name__}: {error}" if isinstance(error, AssertionError) else f"day {seed}: {error!r}"
    return ""


def main() -> int:
    """Run the days and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first day")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.days)
    began = time.monotonic()
    broken: list[str] = []
    with ProcessPoolExecutor(options.processes) as pool:
        for done, text in enumerate(pool.map(verdict, seeds, chunksize=BATCH), 1):
            if text:
                broken.append(text)
            if done % 10 == 0 or done == options.days:
                pace = done / (time.monotonic() - began)
                print(f"\r{done} of {options.days} days, {pace:.1f} a second, {len(broken)} broken", end="", flush=True)
    print()
    for text in broken[:SHOWN]:
        print(text)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
