"""How many recorded calls one core carries, and at what cost compared with a bare relay of the same packets.

N callers dial through a menu into a queue, N agents answer, all talks are recorded. Then every leg carries 50 packets a
second each way, and loss, one-way delay and the daemon's processor time are measured. The relay (`floor`, the lower
bound) gets the same packets from the same sockets on the same cores, before, between and after, so that disturbances of
the machine are seen on both. Each step of --lines ends with one JSON line; the exit status is 1 if any call failed.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop

from acdcore.kernel.address import Address
from bench.audit import judge, read_records
from bench.centre import MENU_KEY, MENU_NUMBER, Cores, Target, allow_many_files, new_daemon, softphones, take_cores
from bench.centre import target_of as own_target
from bench.crowd import Crowd, Failed, Talk, Unready
from bench.daemon import rss_mb, scratch
from bench.load import LoadFailed, LoadSettings, Pair, ToolMissing, Window, carry, relaying

CONNECTED_WITHIN_S = 20.0
FREED_WITHIN_S = 10.0
REST_S = 1.0
"""Seconds after the last set-up, so that its work is not counted."""
SOUND_SHARE = 0.99
"""Share of the packets sent that each recording must have; the number of packets differs a little between calls."""
CLOCK_MARGIN = timedelta(seconds=2)

Figures = dict[str, int | float | bool | str | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    lines: tuple[int, ...]
    rate: float
    """Set-ups a second while dialling."""
    seconds: float
    """Length of each window."""
    windows: int
    """Windows of the daemon; the relay has one more."""
    tick_us: int
    """Step of the load's clock."""
    target: Target | None
    """A daemon that runs already."""


@dataclass(frozen=True, slots=True)
class Carried:
    """The windows of one step."""

    daemon: Sequence[Window]
    floor: Sequence[Window]
    rss_mb: float | None


async def run(asked: Asked, cores: Cores) -> list[Figures]:
    """Every step; each prints its line as soon as it is there."""
    results = []
    for lines in asked.lines:
        async with centre(asked, lines, cores) as target:
            figures = await step(asked, lines, target, cores)
        print(json.dumps(figures), flush=True)
        results.append(figures)
    return results


@contextlib.asynccontextmanager
async def centre(asked: Asked, lines: int, cores: Cores) -> AsyncIterator[Target]:
    """The daemon that was named, or a new one."""
    if asked.target is not None:
        yield asked.target
        return
    with scratch("lines") as directory:
        async with new_daemon(directory, lines, lines, cores) as daemon:
            yield own_target(daemon, MENU_NUMBER, MENU_KEY)


async def step(asked: Asked, lines: int, target: Target, cores: Cores) -> Figures:
    """Set `lines` calls up, let them carry audio, end them, and check their records."""
    failures: Counter[str] = Counter()
    since = datetime.now(UTC) - CLOCK_MARGIN
    async with Crowd(target) as crowd:
        tell(f"{lines} lines: agents log in")
        await crowd.make_ready(lines)
        tell(f"{lines} lines: dialling, {asked.rate:g} a second")
        talks = await dial_all(crowd, lines, asked.rate, target.keys, failures)
        await asyncio.sleep(REST_S)
        carried = await carry_all([talk.pair() for talk in talks], asked, target, cores)
        await hang_up_all(talks, failures)
        strays = crowd.strays
    tell(f"{lines} lines: reading the records")
    records = await read_records(target, since, len(talks))
    packets = round(SOUND_SHARE * sum(window.sent_by_each for window in carried.daemon))
    audit = await asyncio.to_thread(judge, records, packets, target.recordings)
    if failures:
        tell(f"{lines} lines: {dict(failures)}")
    return figures_of(asked, lines, carried, cores) | {
        "failed": lines
        - max(0, min(audit.good, len(talks)) - failures["cut off"] - failures["the agent was not freed"]),
        "strays": strays,
        "cdrs": len(records.calls),
        "recordings": len(records.recordings),
        "recordings_wrong_length": audit.wrong_length,
        "recordings_unsound": audit.unsound,
    }


async def dial_all(crowd: Crowd, lines: int, rate: float, keys: str, failures: Counter[str]) -> list[Talk]:
    """Dial at an even pace; the calls that have reached an agent."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    talks: list[Talk] = []

    async def one() -> None:
        talk = crowd.dial()
        try:
            await talk.until_connected(keys, CONNECTED_WITHIN_S)
            talk.pair()
        except Failed as failed:
            failures[str(failed)] += 1
            talk.caller.hang_up()
        else:
            talks.append(talk)

    async with asyncio.TaskGroup() as group:
        for index in range(lines):
            await asyncio.sleep(began + index / rate - loop.time())
            group.create_task(one())
    if not talks:
        raise Unready(f"no call was set up: {dict(failures)}")
    return talks


async def carry_all(pairs: list[Pair], asked: Asked, target: Target, cores: Cores) -> Carried:
    """Windows in turn: relay, daemon, relay, daemon, relay."""
    load = LoadSettings(asked.seconds, asked.tick_us, cores.load)
    daemon: list[Window] = []
    floor = [await carry_floor(pairs, load, cores)]
    tell_window("floor", floor[-1])
    for _ in range(asked.windows):
        daemon.append(await carry(pairs, load, target.pid))
        tell_window("daemon", daemon[-1])
        floor.append(await carry_floor(pairs, load, cores))
        tell_window("floor", floor[-1])
    return Carried(daemon, floor, None if target.pid is None else rss_mb(target.pid))


async def carry_floor(pairs: list[Pair], load: LoadSettings, cores: Cores) -> Window:
    """The same packets through the bare relay."""
    async with relaying(pairs, cores.daemon) as (pid, relayed):
        return await carry(relayed, load, pid)


async def hang_up_all(talks: list[Talk], failures: Counter[str]) -> None:
    """Every caller hangs up, and every agent must notice."""

    async def one(talk: Talk) -> None:
        try:
            await talk.hang_up(FREED_WITHIN_S)
        except Failed as failed:
            failures[str(failed)] += 1

    await asyncio.gather(*(one(talk) for talk in talks))


# --- figures ---


def figures_of(asked: Asked, lines: int, carried: Carried, cores: Cores) -> Figures:
    """Medians over the windows; loss is of all of them together."""
    daemon, floor = carried.daemon, carried.floor
    cpu_pct, floor_cpu_pct = median_cpu(daemon), median_cpu(floor)
    return {
        "lines": lines,
        "failed": lines,
        "loss": round(loss(daemon), 8),
        "delay_p50_ms": median([window.delay_p50_ms for window in daemon]),
        "delay_p99_ms": median([window.delay_p99_ms for window in daemon]),
        "floor_loss": round(loss(floor), 8),
        "floor_delay_p50_ms": median([window.delay_p50_ms for window in floor]),
        "floor_delay_p99_ms": median([window.delay_p99_ms for window in floor]),
        "cpu_pct": cpu_pct,
        "floor_cpu_pct": floor_cpu_pct,
        "cpu_ratio": round(cpu_pct / floor_cpu_pct, 2) if cpu_pct and floor_cpu_pct else None,
        "rss_mb": None if carried.rss_mb is None else round(carried.rss_mb, 1),
        "packets": sum(window.sent for window in daemon),
        "misrouted": sum(window.misrouted for window in daemon),
        "load_short": round(1 - sum(window.sent for window in daemon) / sum(window.expected for window in daemon), 4),
        "load_late_p99_ms": median([window.send_late_p99_ms for window in daemon]),
        "rate": asked.rate,
        "seconds": asked.seconds,
        "windows": asked.windows,
        "tick_us": asked.tick_us,
        "shared_core": cores.are_shared,
        "load_average": round(os.getloadavg()[0], 2),
    }


def median(figures: Sequence[float]) -> float:
    """To three places."""
    return round(statistics.median(figures), 3)


def median_cpu(windows: Sequence[Window]) -> float | None:
    """None for a process that we cannot see."""
    known = [window.cpu_pct for window in windows if window.cpu_pct is not None]
    return round(statistics.median(known), 2) if known else None


def loss(windows: Sequence[Window]) -> float:
    """The share of all packets that did not arrive."""
    return sum(window.lost for window in windows) / max(1, sum(window.sent for window in windows))


def tell(line: str) -> None:
    """What goes on, beside the results."""
    print(line, file=sys.stderr, flush=True)


def tell_window(what: str, window: Window) -> None:
    """One window's figures."""
    cpu = "cpu unknown" if window.cpu_pct is None else f"cpu {window.cpu_pct:5.1f} %"
    tell(
        f"{what:>8}: {cpu}, delay p50 {window.delay_p50_ms:.2f} p99 {window.delay_p99_ms:.2f} ms, "
        f"lost {window.lost} of {window.sent}, load late p99 {window.send_late_p99_ms:.2f} ms"
    )


# --- command line ---


def main() -> None:
    """Command line."""
    asked = parse(sys.argv[1:])
    allow_many_files()
    cores = take_cores()
    try:
        results = uvloop.run(run(asked, cores))
    except (Unready, Failed, ToolMissing, LoadFailed) as error:
        sys.exit(f"lines: {error}")
    sys.exit(any(figures["failed"] for figures in results))


def parse(arguments: Sequence[str]) -> Asked:
    """The command line; exits with 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.lines", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--lines", default="150", help="calls at once, or several steps: 150,500,1000 (default 150)")
    parser.add_argument("--rate", type=float, default=40, help="set-ups a second while dialling (default 40)")
    parser.add_argument("--seconds", type=float, default=10, help="length of a window (default 10)")
    parser.add_argument("--windows", type=int, default=2, help="windows of the daemon (default 2)")
    parser.add_argument("--tick-us", type=int, default=100, help="the load sends in steps of this length (default 100)")
    other = parser.add_argument_group("a daemon that runs already")
    other.add_argument("--target", help="its SIP address, HOST:PORT; default: start one, with one agent for each line")
    other.add_argument("--var", type=Path, help="its var directory: agents' passwords, API key, recordings")
    other.add_argument("--http", default="http://127.0.0.1:8080", help="its control plane (default %(default)s)")
    other.add_argument("--dial", default=MENU_NUMBER, help="the number to dial (default %(default)s)")
    other.add_argument("--press", default="11", help="the keys to press then (default %(default)s)")
    other.add_argument("--pid", type=int, help="its process, for processor time and memory")
    found = parser.parse_args(arguments)
    if found.target and not found.var:
        parser.error("--target needs --var")
    try:
        lines = tuple(int(step) for step in found.lines.split(","))
        target = other_target(found) if found.target else None
    except (ValueError, OSError) as error:
        parser.error(str(error))
    if min(lines) < 1 or found.rate <= 0 or found.seconds <= 0 or found.windows < 1:
        parser.error("--lines, --rate, --seconds and --windows are above 0")
    return Asked(lines, found.rate, found.seconds, found.windows, found.tick_us, target)


def other_target(found: argparse.Namespace) -> Target:
    """The daemon that the command line names; raises ValueError, OSError."""
    host, _, port = found.target.rpartition(":")
    keys = [line.split() for line in (found.var / "api-keys").read_text().splitlines()]
    return Target(
        sip=Address(host, int(port)),
        http=found.http,
        key=next(key[2] for key in keys if key[:1] == ["admin"]),
        number=found.dial,
        keys=found.press,
        passwords=softphones(found.var / "softphones"),
        pid=found.pid,
        recordings=found.var / "recordings",
    )


if __name__ == "__main__":
    main()
