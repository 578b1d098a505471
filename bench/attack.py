"""What strangers can do to a daemon with 50 recorded talks, while the call centre's own callers and phones go on.

One phase after the other, each for --seconds:

  quiet        nobody attacks: what the same figures are without strangers
  rtp_silent   RTP to every port each 0.5 s before any party has said a word; then all talk while it goes on
  rtp_talking  the same while all talk
  rtp_muted    the same while callers are silent and agents talk
  rtp_held     the same while agents hold their callers; then all talk while it goes on
  flood_one    3,000 bad REGISTERs, INVITEs, OPTIONS and garbage a second from one address
  flood_many   the same from 200 addresses
  tcp_idle     1,000 TCP connections to the SIP port that say nothing
  http_idle    2,000 connections to the control plane that say nothing
  passwords    guesses for agents' passwords and API keys, as fast as they are answered

In each phase callers dial through the queue to agents' phones, phones register anew over UDP and over fresh TCP
connections, and the control plane is asked. Prints one JSON line for each phase and one for all of them, with

  loss              share of the 50 talks' packets that did not arrive
  legit_failed      calls, registrations and requests of the centre's own that failed
  legit_p99_ms      INVITE to the agent's ACK, at p99, in the worst phase
  ring_failed       of the failed calls, those whose agent's phone did not ring
  memory_growth_mb  the daemon's most resident memory less that before the first phase
  captured          phones that heard a stranger, and ports of ours from which a stranger was sent audio
  admitted          guesses that were let in

The exit status is 1 when one of them is not as it should be: loss under 0.001, nothing failed, captured or admitted,
p99 under 500 ms, growth under 50 MB. The attackers sit on 127.66.0.0/16, stay on the loopback and end by themselves.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import uvloop

from bench.centre import (
    FIRST_AGENT,
    PASSWORD,
    QUEUE_NUMBER,
    STRAIGHT,
    CallCentre,
    Cores,
    Target,
    allow_many_files,
    daemon_of,
    take_cores,
    target_of,
)
from bench.crowd import Crowd, Failed, Talk, Unready
from bench.daemon import AgentSeed, Daemon, rss_mb, scratch
from bench.load import LoadSettings, carry, end
from bench.regulars import ANSWERED_WITHIN_S, CONNECTED_WITHIN_S, Regulars
from bench.setups import tell
from bench.tally import Figures, Tally, failing, total

DIAL_RATE = 20.0
SHORT_AGENTS = 8
"""Agents for the short calls; each call takes about a second."""
TCP_PHONES = 4
"""Agents whose phones only register, over TCP."""
REST_S = 1.0
TICK_US = 1000
MARGIN_S = 2.0
"""Seconds for which strangers go on after the window, which begins with a warm-up and ends with a pause."""
OTHER_CALLERS = 500_000
"""Offset of the short calls' numbers, so that they differ from the long ones'."""
WATCH_EACH_S = 0.25
SETTINGS = """
log = "warning"
[trunk_capacity]
limit = {lines}
reserve = 0
when_full = "refuse"
[trunks.bench]
addresses = ["127.0.0.1/32"]
capacity = {lines}
[trunks.bench.routes]
{number} = {{ flow = "straight" }}
[queues.bench]
title = {{ cmn = "a", yue = "a", en = "a" }}
skills = {{ service = 1 }}
ring_for_s = 15
wrap_up_s = 0
misses_until_not_ready = 100
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    talks: int
    seconds: float
    rate: float
    phases: tuple[str, ...]


class Attack:
    """A daemon with talks, its own callers and phones, and strangers."""

    def __init__(self, asked: Asked, daemon: Daemon, cores: Cores) -> None:
        self._asked = asked
        self._daemon = daemon
        self._cores = cores
        self._talks: list[Talk] = []
        self._target = target_of(daemon, QUEUE_NUMBER)
        self._tally = Tally("")

    async def run(self) -> list[Tally]:
        """All phases."""
        numbers = sorted(self._target.passwords)
        held, short, tcp = (
            numbers[: self._asked.talks],
            numbers[self._asked.talks : -TCP_PHONES],
            numbers[-TCP_PHONES:],
        )
        async with AsyncExitStack() as stack:
            long_calls = await stack.enter_async_context(Crowd(only(self._target, held)))
            self._crowd = await stack.enter_async_context(Crowd(only(self._target, short)))
            self._crowd.dialled = OTHER_CALLERS
            self._regulars = Regulars(self._target, self._crowd, tcp)
            tell(f"{len(held)} talks are set up")
            await long_calls.make_ready(len(held))
            await self._dial(long_calls, len(held))
            await self._crowd.make_ready(len(short))
            await asyncio.sleep(REST_S)
            self.before_mb = rss_mb(self._daemon.pid)
            tallies = [await self._phase(name) for name in self._asked.phases]
            for talk in self._talks:
                talk.caller.hang_up()
            await asyncio.sleep(REST_S)
        return tallies

    async def _dial(self, crowd: Crowd, talks: int) -> None:
        for _ in range(talks):
            talk = crowd.dial()
            self._talks.append(talk)
            await asyncio.sleep(1 / DIAL_RATE)
            await talk.until_connected("", CONNECTED_WITHIN_S)

    # --- a phase ---

    async def _phase(self, name: str) -> Tally:
        self._tally = self._regulars.tally = tally = Tally(name)
        tell(f"{name}: {self._asked.seconds:g} s")
        began, began_s = asyncio.get_running_loop().time(), self._daemon.cpu_s()
        began_dropped = udp_dropped(self._daemon.sip.port)
        regulars = self._regulars
        going_on = [
            asyncio.create_task(work)
            for work in (regulars.call(), regulars.register(), regulars.ask(), self._watch_memory())
        ]
        try:
            await PHASES[name](self)
        finally:
            elapsed_s = asyncio.get_running_loop().time() - began
            for task in going_on:
                task.cancel()
            ended = await asyncio.gather(*going_on, return_exceptions=True)
        for outcome in ended:
            if isinstance(outcome, Exception):
                raise outcome
        tally.failures["talk cut off"] += sum(talk.caller.ended.is_set() for talk in self._talks)
        tally.cpu_pct = round(100 * (self._daemon.cpu_s() - began_s) / elapsed_s, 1)
        tally.sip_dropped = udp_dropped(self._daemon.sip.port) - began_dropped
        tally.load_average = round(os.getloadavg()[0], 2)
        print(json.dumps(tally.figures(self.before_mb)), flush=True)
        if tally.failures.total():
            tell(f"  {dict(+tally.failures)}")
        return tally

    async def quiet(self) -> None:
        """Nobody attacks."""
        await self._carry(self._asked.seconds)

    async def rtp_silent(self) -> None:
        """Nothing is said for half the time."""
        half = self._asked.seconds / 2
        await self._beside("rtp", asyncio.sleep, half)
        await self._beside("rtp", self._carry, half)

    async def rtp_talking(self) -> None:
        """All talk."""
        await self._beside("rtp", self._carry)

    async def rtp_muted(self) -> None:
        """Only agents talk."""
        await self._beside("rtp", partial(self._carry, muted=True))

    async def rtp_held(self) -> None:
        """Agents hold their callers for half the time."""
        half = self._asked.seconds / 2
        await asyncio.gather(*(self._agreed(talk.agent.hold()) for talk in self._talks if talk.agent))
        await self._beside("rtp", asyncio.sleep, half)
        await asyncio.gather(*(self._agreed(talk.agent.resume()) for talk in self._talks if talk.agent))
        await self._beside("rtp", self._carry, half)

    async def flood_one(self) -> None:
        """One address."""
        await self._beside(f"flood --rate {self._asked.rate}", self._carry)

    async def flood_many(self) -> None:
        """200 addresses."""
        await self._beside(f"flood --rate {self._asked.rate} --sources 200", self._carry)

    async def tcp_idle(self) -> None:
        """Connections to the SIP port."""
        await self._beside("tcp --count 1000", self._carry)

    async def http_idle(self) -> None:
        """Connections to the control plane."""
        await self._beside("http --count 2000", self._carry)

    async def passwords(self) -> None:
        """Guesses, from one address for half the time and from 200 for the other."""
        half = self._asked.seconds / 2
        await self._beside("passwords", self._carry, half)
        await self._beside("passwords --sources 200", self._carry, half)

    # --- the strangers and the talks ---

    async def _beside(
        self, orders: str, work: Callable[[float], Awaitable[object]], seconds: float | None = None
    ) -> None:
        """Do `work` while strangers of that kind are at it, each for so long, and count what the strangers got."""
        seconds = self._asked.seconds if seconds is None else seconds
        first, last = (self._daemon.settings.environment[f"ACDCORE_MEDIA__{end}_PORT"] for end in ("FIRST", "LAST"))
        arguments = f"{orders} --seconds {seconds + MARGIN_S} --ports {first}-{last}"
        strangers = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.strangers", *arguments.split()),
            *("--sip", str(self._daemon.sip), "--http", str(self._daemon.http)),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            if strangers.stdout is not None:
                await strangers.stdout.readline()  # they have begun
            if not self._tally.strangers:
                self._tally.connect_ms.clear()  # connections of callers that existed before the strangers'
            _, (out, _) = await asyncio.gather(work(seconds), strangers.communicate())
        finally:
            await end(strangers)
        if strangers.returncode != 0:
            raise Unready(f"the strangers of {orders} ended with {strangers.returncode}")
        outcome = json.loads(out)
        self._tally.captured += len(outcome["heard"])
        self._tally.admitted += outcome["admitted"]
        for key in ("sent", "answered", "turned_away"):
            self._tally.strangers[key] = self._tally.strangers.get(key, 0) + outcome[key]

    async def _carry(self, seconds: float, *, muted: bool = False) -> None:
        """Carry the talks' audio, which only the two parties may hear."""
        pairs = [talk.pair() for talk in self._talks if not talk.caller.ended.is_set()]
        if muted:
            pairs = [replace(pair, caller_to=pair.caller_to._replace(port=-pair.caller_to.port)) for pair in pairs]
        if pairs:
            load = LoadSettings(seconds, TICK_US, self._cores.load)
            self._tally.carried(await carry(pairs, load, None))

    async def _agreed(self, status: Awaitable[int]) -> None:
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                if await status == 200:
                    return
        except TimeoutError:
            pass
        self._tally.failures["re-INVITE"] += 1

    async def _watch_memory(self) -> None:
        while True:
            self._tally.rss_mb = max(self._tally.rss_mb, rss_mb(self._daemon.pid))
            await asyncio.sleep(WATCH_EACH_S)


PHASES: dict[str, Callable[[Attack], Awaitable[None]]] = {
    method.__name__: method
    for method in (
        Attack.quiet,
        Attack.rtp_silent,
        Attack.rtp_talking,
        Attack.rtp_muted,
        Attack.rtp_held,
        Attack.flood_one,
        Attack.flood_many,
        Attack.tcp_idle,
        Attack.http_idle,
        Attack.passwords,
    )
}


def only(target: Target, numbers: Sequence[str]) -> Target:
    """The same daemon with these agents only."""
    return replace(target, passwords={number: target.passwords[number] for number in numbers})


def udp_dropped(port: int) -> int:
    """What the kernel has dropped at the sockets of that port since they were opened."""
    sockets = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    return sum(int(fields[-1]) for fields in sockets if int(fields[1].rpartition(":")[2], 16) == port)


async def run(asked: Asked, cores: Cores) -> Figures:
    """One daemon, all phases, the figures of all."""
    agents = asked.talks + SHORT_AGENTS + TCP_PHONES
    lines = asked.talks + 4 * SHORT_AGENTS
    call_centre = CallCentre(
        toml=SETTINGS.format(lines=lines, number=QUEUE_NUMBER),
        flows={"straight": STRAIGHT},
        agents=[AgentSeed(str(FIRST_AGENT + index), PASSWORD) for index in range(agents)],
        lines=lines,
    )
    began = time.monotonic()
    with scratch("attack") as directory:
        async with daemon_of(call_centre, directory, cores) as daemon:
            attack = Attack(asked, daemon, cores)
            tallies = await attack.run()
    return total(tallies, attack.before_mb) | {
        "talks": asked.talks,
        "seconds": asked.seconds,
        "took_s": round(time.monotonic() - began),
        "shared_core": int(cores.are_shared),
    }


# --- command line ---


def main() -> None:
    """Command line."""
    asked = parse(sys.argv[1:])
    allow_many_files()
    try:
        figures = uvloop.run(run(asked, take_cores()))
    except (Unready, Failed) as error:
        sys.exit(f"attack: {error}")
    print(json.dumps(figures), flush=True)
    missed = failing(figures)
    for line in missed:
        tell(f"attack: {line}")
    sys.exit(bool(missed))


def parse(arguments: Sequence[str]) -> Asked:
    """The command line; exits with 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.attack", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seconds", type=float, default=15, help="length of a phase, 2 to 300 (default 15)")
    parser.add_argument("--talks", type=int, default=50, help="recorded talks that are up meanwhile (default 50)")
    parser.add_argument("--rate", type=float, default=3000, help="bad datagrams a second (default 3000)")
    parser.add_argument("--phases", default=",".join(PHASES), help="which, by commas (default: all)")
    found = parser.parse_args(arguments)
    phases = tuple(found.phases.split(","))
    unknown = [name for name in phases if name not in PHASES]
    if unknown:
        parser.error(f"--phases: {unknown[0]} is none of {', '.join(PHASES)}")
    if not 2 <= found.seconds <= 300 or not 1 <= found.talks <= 500 or found.rate <= 0:
        parser.error("--seconds is 2 to 300, --talks 1 to 500, --rate above 0")
    return Asked(found.talks, found.seconds, found.rate, phases)


if __name__ == "__main__":
    main()
