"""How soon a phone rings when its agent is free: the whole daemon in a large call centre, over UDP and HTTP.

--agents agents register, each with a phone on a UDP socket of its own, and log in; --talking of them talk, the others
are not ready, so that --waiting callers wait in --queues queues and hear music. Then --rate agents a second become
free for --seconds: by turns one hangs up (no wrap-up) and one says `ready` over HTTP. The time runs from before the BYE
or the request is built until the INVITE arrives at the phone's socket; as many callers come as are answered. Callers
and agents send no audio. Also measured: a bare UDP echo on the daemon's core, the time that the hypervisor took, the
dispatcher's turn alone, and a wallboard's three requests. The last line is JSON; the exit status is 1 if a phone did
not ring.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import random
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import uvloop

from bench import dispatch
from bench.agent_phone import AgentPhone, Freed
from bench.centre import FIRST_AGENT, PASSWORD, CallCentre, Cores, allow_many_files, daemon_of, take_cores
from bench.crowd import BATCH, CALLER_PHONES, FIRST_CALLER, Unready
from bench.daemon import AgentSeed, Daemon, cpu_s, rss_mb, scratch
from bench.dispatch import percentile
from bench.echo import Probe, echoing
from bench.load import Slot
from bench.phone import Phone, PhoneCall, PhoneSettings

TARGET_P99_MS = 10.0
SKILLS_OF_AN_AGENT = 5
FIRST_NUMBER = 95_500
"""Dialled for the first queue; the next leads into the next."""
LINES_SPARE = 40
"""Lines for calls that are being set up or ended."""
DIAL_RATE = 40.0
"""Callers a second while the queues fill."""
LOOK_EVERY_S = 0.5
LOOKS_MAX = 60
"""Looks until as many callers as asked for must wait."""
TALK_S = 1.5
"""Seconds, longer than whisper and agent's number: if an agent hangs up before, the caller waits again."""
SETTLE_S = 2.0
"""Seconds after the queues are filled, and before the last phones are judged."""
BOARDS = ("queues", "agents", "calls")
"""The requests of a wallboard."""
BOARD_ROUNDS = 15
ECHO_EVERY_S = 0.05
QUIET_MS = 5.0
"""An echo that took longer was delayed by something else: the daemon's threads let others run after some 3 ms."""
DISPATCH_S = 2.0
"""Real time in which the dispatcher alone is measured."""
RNG_SEED = 1
NICE = -10
"""As in production (`Nice=-10`), so that other programs on the machine are not measured."""

TOML = """
log = "warning"
[trunk_capacity]
limit = {lines}
reserve = 0
when_full = "refuse"
[trunks.bench]
addresses = ["127.0.0.0/8"]
capacity = {lines}
[trunks.bench.routes]
{routes}
"""
QUEUE = """
[queues.q{index}]
title = {{ cmn = "a", yue = "a", en = "a" }}
skills = {{ s{index} = 1 }}
ring_for_s = 15
wrap_up_s = 0
misses_until_not_ready = 100
announce_first_s = 30
announce_every_s = 60
"""
FLOW = """
language = "cmn"
languages = ["cmn"]
start = "service"
[nodes.service]
type = "queue"
queue = "q{index}"
"""

Figures = dict[str, int | float | bool | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    agents: int
    waiting: int
    talking: int
    queues: int
    rate: float
    seconds: float
    boards: float
    """How often a second a board asks while agents become free; 0: never."""


class RunningCentre:
    """Callers and agents of one centre; `async with`."""

    def __init__(self, daemon: Daemon, asked: Asked) -> None:
        self.talking: deque[AgentPhone] = deque()
        """In the order in which their talks began."""
        self.resting: deque[AgentPhone] = deque()
        """Not ready, the longest first."""
        self.agent_phones = [AgentPhone(seed.number, daemon.sip, self._talks) for seed in daemon.settings.agents]
        self.callers: list[Phone] = []
        self.client = daemon.client()
        self.dialled = 0
        self._asked = asked
        self._server = daemon.sip
        self._leaving: set[AgentPhone] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "RunningCentre":
        await self._stack.enter_async_context(self.client)
        for agent_phone in self.agent_phones:
            await self._stack.enter_async_context(agent_phone.phone)
        for _ in range(CALLER_PHONES):
            phone = Phone(PhoneSettings(self._server), new_media=Slot)
            self.callers.append(await self._stack.enter_async_context(phone))
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await self._stack.aclose()

    async def log_in(self) -> None:
        """All agents; raises Unready."""
        for first in range(0, len(self.agent_phones), BATCH):
            batch = self.agent_phones[first : first + BATCH]
            await asyncio.gather(*(agent_phone.log_in(PASSWORD, self.client) for agent_phone in batch))
        self.resting.extend(self.agent_phones)

    async def fill(self) -> None:
        """Some agents talk, the others rest, and as many callers as asked for wait; raises Unready."""
        for _ in range(self._asked.talking):
            await self.resting.popleft().say("ready", self.client)
        for _ in range(self._asked.talking + self._asked.waiting):
            self.dial()
            await asyncio.sleep(1 / DIAL_RATE)
        for _ in range(LOOKS_MAX):
            if len(self.talking) == self._asked.talking and await self.waiting() >= self._asked.waiting:
                return
            await asyncio.sleep(LOOK_EVERY_S)
        raise Unready(f"{len(self.talking)} talk and {await self.waiting()} wait, which is too few")

    def dial(self) -> PhoneCall:
        """The next caller, for the next queue."""
        number = FIRST_NUMBER + self.dialled % self._asked.queues
        caller = self.callers[self.dialled % CALLER_PHONES]
        self.dialled += 1
        return caller.place(Slot(), str(number), str(FIRST_CALLER + self.dialled))

    async def waiting(self) -> int:
        """How many callers wait, as the daemon says."""
        async with self.client.get("/v1/queues") as answer:
            queues = (await answer.json())["queues"]
        return sum(queue["waiting"] for queue in queues)

    def hang_up(self) -> None:
        """The agent who has talked longest becomes free by a BYE."""
        if self.talking:
            self.talking.popleft().hang_up()

    async def be_ready(self) -> None:
        """The agent who rests longest becomes free by HTTP, and rests again after the talk, so that as many talk."""
        agent_phone = self.resting.popleft()
        self._leaving.add(agent_phone)
        await agent_phone.be_ready(self.client)

    def _talks(self, agent_phone: AgentPhone) -> None:
        if agent_phone not in self._leaving:
            self.talking.append(agent_phone)
            return
        self._leaving.discard(agent_phone)
        task = asyncio.get_running_loop().create_task(self._rest(agent_phone))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _rest(self, agent_phone: AgentPhone) -> None:
        await asyncio.sleep(TALK_S)
        await agent_phone.say("not_ready", self.client)
        agent_phone.leave()
        self.resting.append(agent_phone)


@dataclass(slots=True)
class WallboardLoad:
    """How long each of a board's requests took, in ms."""

    took_ms: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in BOARDS})

    async def look(self, client: aiohttp.ClientSession) -> None:
        """All requests, one after the other."""
        for name, took_ms in self.took_ms.items():
            asked_at = time.monotonic()
            async with client.get(f"/v1/{name}") as answer:
                await answer.read()
            took_ms.append(1000 * (time.monotonic() - asked_at))


# --- the measurement ---


async def run(asked: Asked, cores: Cores) -> Figures:
    """Run one daemon and one call centre, and return the figures."""
    with scratch("ringing") as directory:
        async with new_centre(asked, directory, cores) as daemon, RunningCentre(daemon, asked) as room:
            tell(f"{asked.agents} agents log in")
            await room.log_in()
            tell(f"{asked.talking} agents talk, {asked.waiting} callers come to wait")
            await room.fill()
            gc.collect()
            gc.freeze()  # thousands of phones: a garbage collection over them would be measured as ringing
            await asyncio.sleep(SETTLE_S)
            board = WallboardLoad()
            for _ in range(BOARD_ROUNDS):
                await board.look(room.client)
            tell(f"{asked.rate:g} agents a second become free for {asked.seconds:g} s")
            async with echoing(cores.daemon) as probe:
                figures = await measure(asked, room, daemon.pid, probe)
            figures["rss_mb"] = round(rss_mb(daemon.pid), 1)
    alone = dispatch.run(dispatch.Size(asked.agents, asked.queues, asked.waiting, DISPATCH_S, RNG_SEED))
    boards = {f"{name}_p50_ms": rounded(took_ms, 0.5) for name, took_ms in board.took_ms.items()}
    turns = {"turn_p50_us": alone["p50_us"], "turn_p99_us": alone["p99_us"]}
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    shared = {"nice": nice, "shared_core": cores.are_shared, "load_average": round(os.getloadavg()[0], 2)}
    return figures | turns | boards | shared


async def measure(asked: Asked, room: RunningCentre, pid: int, probe: Probe) -> Figures:
    """Agents become free at an even pace."""
    loop = asyncio.get_running_loop()
    waiting_before, stolen, ticks = await room.waiting(), *machine_ticks()
    began, began_cpu_s, began_phones_s = loop.time(), cpu_s(pid), time.process_time()
    beside = [loop.create_task(probe.send_every(ECHO_EVERY_S))]
    if asked.boards:
        beside.append(loop.create_task(watch(room, asked.boards)))
    times = round(asked.rate * asked.seconds)
    for index in range(times):
        await asyncio.sleep(began + index / asked.rate - loop.time())
        if index % 2:
            await room.be_ready()
        else:
            room.hang_up()
        await asyncio.sleep(began + (index + 0.5) / asked.rate - loop.time())
        room.dial()
    elapsed_s, busy_s, phones_s = loop.time() - began, cpu_s(pid) - began_cpu_s, time.process_time() - began_phones_s
    stolen_after, ticks_after = machine_ticks()
    await asyncio.sleep(SETTLE_S)
    for task in beside:
        task.cancel()
    rang = [each for agent_phone in room.agent_phones for each in agent_phone.rang]
    figures_ms = {
        "": [each.after_ms for each in rang],
        "quiet_": [each.after_ms for each in rang if probe.is_quiet(each.freed_at, QUIET_MS)],
        "bye_": [each.after_ms for each in rang if each.freed is Freed.BYE],
        "http_": [each.after_ms for each in rang if each.freed is Freed.HTTP],
        "echo_": probe.away_ms,
    }
    figures: Figures = {"agents": asked.agents, "talking": asked.talking, "waiting": waiting_before}
    figures |= {"waiting_after": await room.waiting(), "freed": times, "failed": times - len(rang)}
    figures |= {"quiet": len(figures_ms["quiet_"])}
    for name, took_ms in figures_ms.items():
        figures |= {
            f"{name}p50_ms": rounded(took_ms, 0.5),
            f"{name}p99_ms": rounded(took_ms, 0.99),
            f"{name}max_ms": rounded(took_ms, 1.0),
        }
    figures |= {
        "steal_pct": round(100 * (stolen_after - stolen) / max(1, ticks_after - ticks), 2),
        "cpu_pct": round(100 * busy_s / elapsed_s, 1),
        "phones_cpu_pct": round(100 * phones_s / elapsed_s, 1),
        "boards_per_s": asked.boards,
    }
    return figures


async def watch(room: RunningCentre, rate: float) -> None:
    """A wallboard that asks again and again."""
    board = WallboardLoad()
    while True:
        await board.look(room.client)
        await asyncio.sleep(1 / rate)


def new_centre(asked: Asked, directory: Path, cores: Cores) -> Daemon:
    """Many queues of one skill each, agents of several skills."""
    chance = random.Random(RNG_SEED)
    lines = asked.waiting + asked.talking + LINES_SPARE
    routes = [f'{FIRST_NUMBER + index} = {{ flow = "flow{index}" }}' for index in range(asked.queues)]
    settings = TOML.format(lines=lines, routes="\n".join(routes))
    call_centre = CallCentre(
        toml=settings + "".join(QUEUE.format(index=index) for index in range(asked.queues)),
        flows={f"flow{index}": FLOW.format(index=index) for index in range(asked.queues)},
        agents=[
            AgentSeed(str(FIRST_AGENT + index), PASSWORD, some_skills(asked.queues, chance))
            for index in range(asked.agents)
        ],
        lines=lines,
    )
    return daemon_of(call_centre, directory, cores)


def some_skills(queues: int, chance: random.Random) -> dict[str, int]:
    """An agent's."""
    return {
        f"s{queue}": chance.randint(1, 9) for queue in chance.sample(range(queues), min(SKILLS_OF_AN_AGENT, queues))
    }


def take_priority() -> None:
    """Raise our priority, if that is allowed; child processes inherit it."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)


def machine_ticks() -> tuple[int, int]:
    """Processor time that the hypervisor took, and all processor time, since the machine's start."""
    ticks = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return ticks[7], sum(ticks)


def rounded(figures: list[float], share: float) -> float | None:
    """The figure below which `share` of all lie, to two places; None without figures."""
    return round(percentile(figures, share), 2) if figures else None


def tell(line: str) -> None:
    """What goes on, beside the results."""
    print(line, file=sys.stderr, flush=True)


# --- command line ---


def main() -> None:
    """Command line."""
    asked = parse(sys.argv[1:])
    allow_many_files()
    take_priority()
    try:
        figures = uvloop.run(run(asked, take_cores()))
    except Unready as error:
        sys.exit(f"ringing: {error}")
    print(json.dumps(figures), flush=True)
    tell(f"target: p99_ms below {TARGET_P99_MS:g}")
    sys.exit(bool(figures["failed"]))


def parse(arguments: Sequence[str]) -> Asked:
    """The command line; exits with 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.ringing", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--agents", type=int, default=1_300, help="agents logged in (default 1300)")
    parser.add_argument("--waiting", type=int, default=500, help="callers waiting all the time (default 500)")
    parser.add_argument("--talking", type=int, default=60, help="agents talking all the time (default 60)")
    parser.add_argument("--queues", type=int, default=20, help="queues, each of one skill (default 20)")
    parser.add_argument("--rate", type=float, default=5, help="agents who become free a second (default 5)")
    parser.add_argument("--seconds", type=float, default=60, help="how long (default 60)")
    parser.add_argument("--boards", type=float, default=0, help="a board's looks a second meanwhile (default 0)")
    found = parser.parse_args(arguments)
    if min(found.agents, found.waiting, found.talking, found.queues, found.rate, found.seconds) <= 0:
        parser.error("all but --boards are above 0")
    if found.boards < 0 or found.agents <= found.talking:
        parser.error("--boards is not below 0, --agents above --talking")
    counts = (found.agents, found.waiting, found.talking, found.queues)
    return Asked(*counts, found.rate, found.seconds, found.boards)


if __name__ == "__main__":
    main()
