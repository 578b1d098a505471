"""How many short queue calls a second one core sets up, rings through, connects, records and closes.

Every caller dials straight into the queue; an agent's phone rings and answers at once; after --talk seconds the caller
hangs up. A set-up counts when the caller is answered, the agent's phone has been acknowledged, both were freed after
the hang-up, and the daemon's own record says `answered` and has a recording. The phones carry no audio of their own;
the daemon plays its announcements to both. Ends with one JSON line; the exit status is 1 if any call failed.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import uvloop

from bench.audit import judge, read_records
from bench.centre import QUEUE_NUMBER, Cores, Target, allow_many_files, new_daemon, take_cores, target_of
from bench.crowd import Crowd, Failed, Unready
from bench.daemon import cpu_s, rss_mb, scratch

CONNECTED_WITHIN_S = 10.0
FREED_WITHIN_S = 10.0
CLOCK_MARGIN = timedelta(seconds=2)
STEPS = (1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
"""Rates beyond --rate that `--find-limit` tries, as its multiples, until one fails; each for half the time."""
PUNCTUAL_SHARE = 0.95
"""Share of the rate that the phones must have reached; below it the phones were the limit."""
PDD_MS_MAX = 500.0
"""A rate at which a caller waits longer for the answer at p99 is not sustained: a backlog grows."""
BUSY_S = 1.5
"""Seconds that a call keeps an agent busy besides the talk: ringing, announcements, hang-up."""

Figures = dict[str, int | float | bool | str | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    rate: float
    seconds: float
    talk_s: float
    agents: int
    is_limit_wanted: bool


@dataclass(slots=True)
class Tally:
    """What the phones have seen of one run."""

    pdd_ms: list[float] = field(default_factory=list)
    """INVITE to 200."""
    connect_ms: list[float] = field(default_factory=list)
    """INVITE to the ACK for the agent."""
    failures: Counter[str] = field(default_factory=Counter)
    dialled: int = 0
    took_s: float = 0.0
    """Time from the first INVITE to the last."""


async def run(asked: Asked, cores: Cores) -> Figures:
    """One daemon; the rate asked for and, with --find-limit, higher ones until one is too high."""
    with scratch("setups") as directory:
        async with new_daemon(directory, 4 * asked.agents, asked.agents, cores) as daemon:
            target = target_of(daemon, QUEUE_NUMBER)
            async with Crowd(target) as crowd:
                tell(f"{asked.agents} agents log in")
                await crowd.make_ready(asked.agents)
                figures = await one_rate(asked, asked.rate, crowd, target, cores)
                if asked.is_limit_wanted:
                    figures |= {"rate_max": await find_limit(asked, figures, crowd, target, cores)}
    return figures


async def find_limit(asked: Asked, first: Figures, crowd: Crowd, target: Target, cores: Cores) -> float | None:
    """The highest rate of the steps that was sustained; None when not even the first was."""
    if not is_sustained(first):
        return None
    best = asked.rate
    for step in STEPS:
        rate = asked.rate * step
        if not is_sustained(await one_rate(replace(asked, seconds=asked.seconds / 2), rate, crowd, target, cores)):
            break
        best = rate
    return best


def is_sustained(figures: Figures) -> bool:
    """Whether every call was made and went well, and nobody was kept waiting."""
    pdd, rate, achieved = figures["pdd_p99_ms"], figures["rate"], figures["achieved_rate"]
    if not isinstance(pdd, float) or not isinstance(rate, float) or not isinstance(achieved, float):
        return False
    return not figures["failed"] and pdd <= PDD_MS_MAX and achieved >= PUNCTUAL_SHARE * rate


async def one_rate(asked: Asked, rate: float, crowd: Crowd, target: Target, cores: Cores) -> Figures:
    """Dial at `rate` for the given time, and compare the calls with their records."""
    since = datetime.now(UTC) - CLOCK_MARGIN if crowd.dialled == 0 else datetime.now(UTC)
    tell(f"{rate:g} set-ups a second for {asked.seconds:g} s")
    pid = target.pid
    began, began_cpu_s = time.monotonic(), cpu_s(pid) if pid else 0.0
    strays, began_phones_s = crowd.strays, time.process_time()
    tally = await dial_all(crowd, rate, asked)
    busy_s = (cpu_s(pid) if pid else 0.0) - began_cpu_s
    phones_s = time.process_time() - began_phones_s
    elapsed_s = time.monotonic() - began
    connected = len(tally.connect_ms)
    records = await read_records(target, since, tally.dialled)
    audit = await asyncio.to_thread(judge, records, 0, None)
    figures: Figures = {
        "rate": rate,
        "failed": tally.dialled - max(0, min(connected - failed_late(tally), audit.good)),
        "pdd_p99_ms": percentile(tally.pdd_ms, 0.99),
        "pdd_p50_ms": percentile(tally.pdd_ms, 0.50),
        "connected_p99_ms": percentile(tally.connect_ms, 0.99),
        "connected_p50_ms": percentile(tally.connect_ms, 0.50),
        "achieved_rate": round(tally.dialled / max(tally.took_s, 1 / rate), 1),
        "dialled": tally.dialled,
        "connected": connected,
        "cdrs": len(records.calls),
        "answered": audit.answered,
        "recordings": len(records.recordings),
        "recordings_wrong_length": audit.wrong_length,
        "strays": crowd.strays - strays,
        "cpu_pct": round(100 * busy_s / elapsed_s, 1),
        "cpu_ms_per_call": round(1000 * busy_s / max(1, tally.dialled), 2),
        "phones_cpu_pct": round(100 * phones_s / elapsed_s, 1),
        "rss_mb": round(rss_mb(pid), 1) if pid else None,
        "agents": asked.agents,
        "talk_s": asked.talk_s,
        "seconds": asked.seconds,
        "shared_core": cores.are_shared,
        "load_average": round(os.getloadavg()[0], 2),
    }
    tell(f"  {dict(tally.failures)} {json.dumps(figures)}")
    return figures


def failed_late(tally: Tally) -> int:
    """Calls that were connected and went wrong after that."""
    return tally.failures["cut off"] + tally.failures["the agent was not freed"]


async def dial_all(crowd: Crowd, rate: float, asked: Asked) -> Tally:
    """Every call of one run, begun at an even pace; returns when the last is over."""
    loop = asyncio.get_running_loop()
    tally = Tally()
    began = loop.time()
    async with asyncio.TaskGroup() as group:
        for index in range(round(rate * asked.seconds)):
            await asyncio.sleep(began + index / rate - loop.time())
            tally.dialled += 1
            tally.took_s = loop.time() - began + 1 / rate
            group.create_task(one_call(crowd, tally, asked.talk_s))
    return tally


async def one_call(crowd: Crowd, tally: Tally, talk_s: float) -> None:
    """Dial, be connected, talk, hang up."""
    talk = crowd.dial()
    try:
        await talk.until_connected("", CONNECTED_WITHIN_S)
        tally.connect_ms.append(talk.connect_ms)
        await asyncio.sleep(talk_s)
        await talk.hang_up(FREED_WITHIN_S)
    except Failed as failed:
        tally.failures[str(failed)] += 1
        talk.caller.hang_up()
    finally:
        if talk.answered_at is not None:
            tally.pdd_ms.append(talk.pdd_ms)
        crowd.forget(talk)


def percentile(figures: Sequence[float], share: float) -> float | None:
    """The figure below which `share` of all lie, to two places."""
    ordered = sorted(figures)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2) if ordered else None


def tell(line: str) -> None:
    """What goes on, beside the results."""
    print(line, file=sys.stderr, flush=True)


# --- command line ---


def main() -> None:
    """Command line."""
    asked = parse(sys.argv[1:])
    allow_many_files()
    try:
        figures = uvloop.run(run(asked, take_cores()))
    except Unready as error:
        sys.exit(f"setups: {error}")
    print(json.dumps(figures), flush=True)
    sys.exit(bool(figures["failed"]))


def parse(arguments: Sequence[str]) -> Asked:
    """The command line; exits with 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.setups", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rate", type=float, default=100, help="set-ups a second (default 100)")
    parser.add_argument("--seconds", type=float, default=20, help="how long to dial (default 20)")
    parser.add_argument("--talk", type=float, default=1.0, help="seconds from connected to the hang-up (default 1)")
    parser.add_argument("--agents", type=int, default=0, help="default: as many as the rate keeps busy")
    parser.add_argument("--find-limit", action="store_true", help="then try higher rates until one fails")
    found = parser.parse_args(arguments)
    if found.rate <= 0 or found.seconds <= 0 or found.talk < 0 or found.agents < 0:
        parser.error("--rate and --seconds are above 0, --talk and --agents not below")
    most = found.rate * (max(STEPS) / 2 if found.find_limit else 1)
    agents = found.agents or max(4, round(most * (found.talk + BUSY_S)))
    return Asked(found.rate, found.seconds, found.talk, agents, found.find_limit)


if __name__ == "__main__":
    main()
