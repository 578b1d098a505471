"""What the phones notice when the daemon's event loop is blocked: for half a second in every two seconds.

Calls are set up and carry audio as in `bench.lines`. In turn the daemon is left alone, its loop sleeps, and its loop
computes in Python (which also holds the interpreter's lock). `gap_growth_p99_ms` is by how much the 99th percentile
of the gap between packets at the phones is greater in the worse of the two than when left alone. Ends with one
JSON line; the exit status is 1 if a call failed.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aiohttp
import uvloop

from bench.centre import MENU_KEY, MENU_NUMBER, Cores, Target, allow_many_files, new_daemon, take_cores, target_of
from bench.crowd import Crowd, Failed, Unready
from bench.daemon import scratch
from bench.lines import Figures, dial_all, hang_up_all, loss, median, tell, tell_window
from bench.load import LoadFailed, LoadSettings, Pair, ToolMissing, Window, carry

REST_S = 1.0
FAULTS = {"sleeping": signal.SIGUSR1, "computing": signal.SIGUSR2}
"""What `bench.stalled` does at which signal."""
LEFT_ALONE = "left_alone"
PROBE_EVERY_S = 0.1
PROBE_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Observed:
    """One window, and the proof that the loop stood still, or did not."""

    window: Window
    http_longest_ms: float
    """The control plane's slowest answer, which comes from the same loop."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    lines: int
    rate: float
    seconds: float
    rounds: int
    tick_us: int


async def run(asked: Asked, cores: Cores) -> Figures:
    """One daemon, one set of calls, every state in turn."""
    failures: Counter[str] = Counter()
    with scratch("stall") as directory:
        async with new_daemon(directory, asked.lines, asked.lines, cores, ("-m", "bench.stalled")) as daemon:
            target = target_of(daemon, MENU_NUMBER, MENU_KEY)
            async with Crowd(target) as crowd:
                tell(f"{asked.lines} agents log in, {asked.lines} callers dial")
                await crowd.make_ready(asked.lines)
                talks = await dial_all(crowd, asked.lines, asked.rate, target.keys, failures)
                await asyncio.sleep(REST_S)
                windows = await all_windows([talk.pair() for talk in talks], asked, target, cores)
                await hang_up_all(talks, failures)
    return figures_of(asked, windows, failures, cores)


async def all_windows(pairs: list[Pair], asked: Asked, target: Target, cores: Cores) -> dict[str, list[Observed]]:
    """By state of the daemon, round after round."""
    load = LoadSettings(asked.seconds, asked.tick_us, cores.load)
    observed: dict[str, list[Observed]] = {LEFT_ALONE: [], **{name: [] for name in FAULTS}}
    for _ in range(asked.rounds):
        for name, found in observed.items():
            with switched_on(name, target.pid):
                found.append(await observe(pairs, load, target))
            tell_window(name, found[-1].window)
    return observed


@contextlib.contextmanager
def switched_on(name: str, pid: int | None) -> Iterator[None]:
    """The fault of that name, if it is one, until the block is left."""
    if pid is None or name not in FAULTS:
        yield
        return
    os.kill(pid, FAULTS[name])
    yield
    os.kill(pid, FAULTS[name])


async def observe(pairs: list[Pair], load: LoadSettings, target: Target) -> Observed:
    """Carry audio and ask the control plane for its health all the time."""
    longest_s = 0.0

    async def probe(client: aiohttp.ClientSession) -> None:
        nonlocal longest_s
        while True:
            began = time.monotonic()
            async with client.get("/health/live", timeout=aiohttp.ClientTimeout(total=PROBE_WITHIN_S)):
                longest_s = max(longest_s, time.monotonic() - began)
            await asyncio.sleep(PROBE_EVERY_S)

    async with target.client() as client:
        probing = asyncio.create_task(probe(client))
        try:
            window = await carry(pairs, load, target.pid)
        finally:
            probing.cancel()
            await asyncio.wait([probing])
    return Observed(window, 1000 * longest_s)


def figures_of(asked: Asked, observed: dict[str, list[Observed]], failures: Counter[str], cores: Cores) -> Figures:
    """Medians over the rounds."""
    windows = {name: [one.window for one in found] for name, found in observed.items()}
    gaps = {name: median([window.gap_p99_ms for window in found]) for name, found in windows.items()}
    longest = {name: median([window.gap_max_ms for window in found]) for name, found in windows.items()}
    growth = {name: round(gaps[name] - gaps[LEFT_ALONE], 3) for name in FAULTS}
    return {
        "gap_growth_p99_ms": max(growth.values()),
        "lines": asked.lines,
        "failed": sum(failures.values()),
        **{f"gap_growth_p99_{name}_ms": growth[name] for name in FAULTS},
        **{f"gap_p99_{name}_ms": gap for name, gap in gaps.items()},
        **{f"gap_max_{name}_ms": gap for name, gap in longest.items()},
        **{f"loss_{name}": round(loss(found), 8) for name, found in windows.items()},
        **{f"http_max_{name}_ms": median([one.http_longest_ms for one in found]) for name, found in observed.items()},
        "seconds": asked.seconds,
        "rounds": asked.rounds,
        "tick_us": asked.tick_us,
        "shared_core": cores.are_shared,
        "load_average": round(os.getloadavg()[0], 2),
    }


# --- command line ---


def main() -> None:
    """Command line."""
    asked = parse(sys.argv[1:])
    allow_many_files()
    try:
        figures = uvloop.run(run(asked, take_cores()))
    except (Unready, Failed, ToolMissing, LoadFailed) as error:
        sys.exit(f"stall: {error}")
    print(json.dumps(figures), flush=True)
    sys.exit(bool(figures["failed"]))


def parse(arguments: Sequence[str]) -> Asked:
    """The command line; exits with 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.stall", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--lines", type=int, default=150, help="calls at once (default 150)")
    parser.add_argument("--rate", type=float, default=40, help="set-ups a second while dialling (default 40)")
    parser.add_argument("--seconds", type=float, default=8, help="length of a window (default 8)")
    parser.add_argument("--rounds", type=int, default=2, help="windows of each kind (default 2)")
    parser.add_argument("--tick-us", type=int, default=100, help="the load sends in steps of this length (default 100)")
    found = parser.parse_args(arguments)
    if min(found.lines, found.rate, found.seconds, found.rounds) <= 0:
        parser.error("--lines, --rate, --seconds and --rounds are above 0")
    return Asked(found.lines, found.rate, found.seconds, found.rounds, found.tick_us)


if __name__ == "__main__":
    main()
