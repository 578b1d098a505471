"""A call centre's bad day of any length: calls at an even rate, of which hardly any is normal.

Callers press wrong keys, give up at any moment, fall silent, are held, sent to other queues and into a survey, hung
up by staff, called back, and drop off the network; agents refuse, let it ring, take breaks, and drop off the network,
too. Meanwhile settings are reloaded and the daemon's clock is set, an hour and a day, there and back. Phones send some
sound every 100 ms and RTCP every second; a phone that is silent for 5 s is asked whether it is there.

At the end every call is compared with what its phones saw: it must have one matching record, and nothing may be left:
no call, line, stream, port, SIP dialog, recording or waiting caller. It ends with one JSON line; the exit status is 1
if anything was wrong. Until then recordings take some 200 KB for each call.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp
import uvloop

from bench.centre import allow_many_files, take_cores
from bench.daemon import Daemon, cpu_s, rss_mb, scratch
from bench.ports import free_port
from bench.soak_callers import World
from bench.soak_centre import FIRST_AGENT, MOODS, new_daemon, settings
from bench.soak_records import judge, read_records

WATCH_EACH_S = 2.0
RELOAD_EACH_S = 7.0
HOUR_EACH_S = 31.0
DAY_EACH_S = 83.0
DAY_FOR_S = 5.0
TOLD_EACH_S = 30.0
LEFT_WITHIN_S = 90.0
"""SIP forgets a phone that was unplugged after 32 s, and callbacks are tried again after 5."""
OWN_PHONES = 4
"""One agent of so many has a phone of its own, which may be unplugged."""
SETTLED_SHARE = 0.25
"""Memory is compared with that after this share of the time, since caches fill at first."""
LEFT_OVER = (
    "acdcore_calls",
    "acdcore_trunk_capacity_taken",
    "acdcore_streams",
    "acdcore_recordings_running",
    "acdcore_queue_waiting",
    "acdcore_sip_sessions",
    "acdcore_sip_dialogs",
)
"""Figures of /metrics that must be zero in the end."""

Figures = dict[str, object]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    rate: float
    seconds: float
    agents: int
    seed: int


@dataclass(slots=True)
class Watch:
    """The daemon's memory and calls while it runs."""

    rss_mb: list[tuple[float, float]] = field(default_factory=list)
    """Seconds since the start, and resident memory."""
    calls_most: int = 0
    reloads: int = 0
    leaps: int = 0

    def growth_mb(self, seconds: float) -> float:
        """Memory at the end, beyond that after the first part; each is the median of a tenth of the time."""
        tenth = seconds / 10

        def around(at_s: float) -> float:
            found = sorted(mb for seen_s, mb in self.rss_mb if abs(seen_s - at_s) <= tenth)
            return found[len(found) // 2] if found else 0.0

        return round(around(seconds - tenth / 2) - around(seconds * SETTLED_SHARE), 1)


async def run(asked: Asked) -> Figures:
    """One soak; raises RuntimeError when the daemon does not start or agents cannot work."""
    outside_port = free_port(socket.SOCK_DGRAM)
    chance = random.Random(asked.seed)
    with scratch("soak") as directory:
        async with new_daemon(directory, outside_port, asked.agents) as daemon, daemon.client() as client:
            before = await figures_of(client)
            async with World(daemon, chance, client, outside_port) as world:
                numbers = [str(FIRST_AGENT + index) for index in range(asked.agents)]
                tell(f"{asked.agents} agents log in")
                await world.staff(numbers, numbers[::OWN_PHONES])
                began, began_cpu_s = time.monotonic(), cpu_s(daemon.pid)
                watch = await soak(asked, daemon, world)
                busy_s, took_s = cpu_s(daemon.pid) - began_cpu_s, time.monotonic() - began
                tell(f"{world.dialled} calls dialled; waiting for the last and for what is left")
                await end_callbacks(client)
                left = await what_is_left(client, before)
                left |= await agents_left(client, numbers)
                records = await read_records(client, len(world.truths))
                wrong = judge(world.truths, records) + world.faults
            status = await daemon.stop()
    return {
        "rate": asked.rate,
        "seconds": asked.seconds,
        "agents": asked.agents,
        "seed": asked.seed,
        "calls": len(world.truths),
        "records": len(records.calls),
        "wrong": len(wrong),
        "left": left,
        "memory_growth_mb": watch.growth_mb(asked.seconds),
        "rss_mb": watch.rss_mb[-1][1] if watch.rss_mb else None,
        "calls_at_once_max": watch.calls_most,
        "cpu_pct": round(100 * busy_s / took_s, 1),
        "load_average": round(os.getloadavg()[0], 2),
        "reloads": watch.reloads,
        "clock_set": watch.leaps,
        "exit_status": status,
        "outcomes": records.outcomes(),
        "done": dict(sorted(world.done.items())),
        "examples": wrong[:20],
    }


async def soak(asked: Asked, daemon: Daemon, world: World) -> Watch:
    """Dial at the rate for the time, with all disturbances; returns when the last call is over."""
    watch = Watch()
    loop = asyncio.get_running_loop()
    beside = [
        asyncio.create_task(work)
        for work in (
            observe(daemon, world, watch),
            reload(daemon, world, watch),
            set_clock(daemon, watch, signal.SIGUSR1, HOUR_EACH_S, HOUR_EACH_S),
            set_clock(daemon, watch, signal.SIGUSR2, DAY_EACH_S, DAY_FOR_S),
            world.take_break(),
        )
    ]
    began = loop.time()
    try:
        async with asyncio.TaskGroup() as calls:
            for index in range(round(asked.rate * asked.seconds)):
                await asyncio.sleep(began + index / asked.rate - loop.time())
                calls.create_task(world.call())
                raise_first(beside)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
    return watch


def raise_first(tasks: Sequence[asyncio.Task[None]]) -> None:
    """End the soak with the error of what should go on for ever."""
    for task in tasks:
        if task.done():
            task.result()


async def observe(daemon: Daemon, world: World, watch: Watch) -> None:
    """Note memory and calls, and say how far it is."""
    began = told = time.monotonic()
    while True:
        now = time.monotonic()
        watch.rss_mb.append((now - began, round(rss_mb(daemon.pid), 1)))
        watch.calls_most = max(watch.calls_most, len(world.live))
        if now - told >= TOLD_EACH_S:
            told = now
            faulty = sum(1 for truth in world.truths if truth.fault) + len(world.faults)
            memory = watch.rss_mb[-1][1]
            tell(f"{now - began:.0f} s: {world.dialled} dialled, {len(world.live)} live, {faulty} faults, {memory} MB")
        await asyncio.sleep(WATCH_EACH_S)


async def reload(daemon: Daemon, world: World, watch: Watch) -> None:
    """Change the settings, and have them read."""
    file = daemon.settings.directory / "config" / "acdcore.toml"
    for mood in itertools.cycle(MOODS):
        await asyncio.sleep(RELOAD_EACH_S)
        file.write_text(settings(world.outside_port, mood))
        async with world.client.post("/v1/reload", json={}) as answer:
            if answer.status != 200:
                world.faults.append(f"reload: {answer.status} {await answer.text()}")
        watch.reloads += 1


async def set_clock(daemon: Daemon, watch: Watch, by: signal.Signals, each_s: float, for_s: float) -> None:
    """Set the daemon's clock ahead, and back."""
    while True:
        for pause_s in (each_s, for_s):
            await asyncio.sleep(pause_s)
            os.kill(daemon.pid, by)
            watch.leaps += 1


async def end_callbacks(client: aiohttp.ClientSession) -> None:
    """Cancel the callbacks that no agent has begun; one in progress is refused, and ends by itself."""
    async with client.get("/v1/work", params={"state": "waiting", "limit": "500"}, raise_for_status=True) as answer:
        items = (await answer.json())["items"]
    for item in items:
        async with client.post(f"/v1/work/{item['id']}/cancel", json={}) as answer:
            await answer.read()


async def figures_of(client: aiohttp.ClientSession) -> dict[str, float]:
    """Every figure of /metrics by its name with labels."""
    async with client.get("/metrics", raise_for_status=True) as answer:
        lines = (await answer.text()).splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


async def what_is_left(client: aiohttp.ClientSession, before: dict[str, float]) -> dict[str, float]:
    """Wait until nothing is; what still is after that."""
    until = time.monotonic() + LEFT_WITHIN_S
    while True:
        now = await figures_of(client)
        left = {name: value for name, value in now.items() if value and name.partition("{")[0] in LEFT_OVER}
        if now["acdcore_ports_free"] != before["acdcore_ports_free"]:
            left["ports missing"] = before["acdcore_ports_free"] - now["acdcore_ports_free"]
        if not left or time.monotonic() > until:
            return left
        await asyncio.sleep(0.5)


async def agents_left(client: aiohttp.ClientSession, numbers: Sequence[str]) -> dict[str, float]:
    """Agents who are not ready, or are held by a call that is over."""
    async with client.get("/v1/agents") as answer:
        agents = {agent["agent"]: agent for agent in (await answer.json())["agents"]}
    states = [agents[number]["state"] for number in numbers]
    return {f"agents {state}": states.count(state) for state in set(states) - {"ready", "not_ready"}}


def tell(line: str) -> None:
    """What goes on, beside the results."""
    print(line, file=sys.stderr, flush=True)


# --- command line ---


def main() -> None:
    """Command line."""
    asked = parse(sys.argv[1:])
    allow_many_files()
    take_cores()
    try:
        figures = uvloop.run(run(asked))
    except RuntimeError as error:
        sys.exit(f"soak: {error}")
    print(json.dumps(figures), flush=True)
    sys.exit(bool(figures["wrong"] or figures["left"] or figures["exit_status"]))


def parse(arguments: Sequence[str]) -> Asked:
    """The command line; exits with 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rate", type=float, default=8, help="calls a second (default 8)")
    parser.add_argument("--seconds", type=float, default=1200, help="how long to dial (default 1200)")
    parser.add_argument("--agents", type=int, default=0, help="default: as many as the rate keeps busy")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes another day (default 1)")
    found = parser.parse_args(arguments)
    if found.rate <= 0 or found.seconds <= 0 or found.agents < 0:
        parser.error("--rate and --seconds are above 0, --agents not below")
    return Asked(found.rate, found.seconds, found.agents or max(16, round(found.rate * 6)), found.seed)


if __name__ == "__main__":
    main()
