"""The call centre that is measured: a new daemon on one core, or one that runs already."""

import os
import resource
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from acdcore.ivr.audio.wav import write_wav
from acdcore.ivr.model.system_prompts import clip_names
from acdcore.kernel.address import Address
from bench.daemon import RUN, AgentSeed, Daemon, DaemonSettings
from bench.ports import media_environment
from bench.sound import tone

MENU_NUMBER = "95500"
"""Leads through a menu, in which 1 is pressed, into the queue."""
QUEUE_NUMBER = "95501"
"""Leads straight into the queue."""
MENU_KEY = "1"
FIRST_AGENT = 1001
PASSWORD = "bench-and-nothing-else"
PROMPT_S = 0.02
"""Length of every prompt, one packet, so that announcements do not keep agents busy."""
MEDIA_LOST_AFTER_S = 600
"""Calls are set up before they carry audio; until then the phones are silent."""
PORTS_SPARE = 200

SETTINGS = """
log = "warning"
[trunk_capacity]
limit = {lines}
reserve = 0
when_full = "refuse"
[trunks.bench]
addresses = ["127.0.0.0/8"]
capacity = {lines}
[trunks.bench.routes]
{menu_number} = {{ flow = "menu" }}
{queue_number} = {{ flow = "straight" }}
[queues.bench]
title = {{ cmn = "a", yue = "a", en = "a" }}
skills = {{ service = 1 }}
ring_for_s = 15
wrap_up_s = 0
misses_until_not_ready = 100
"""
MENU = """
language = "cmn"
languages = ["cmn"]
start = "menu"
[nodes.menu]
type = "menu"
prompts = ["welcome"]
keys = { 1 = "service" }
retries = 0
on_timeout = "sorry"
on_invalid = "sorry"
[nodes.service]
type = "queue"
queue = "bench"
[nodes.sorry]
type = "announce_and_hang_up"
prompts = ["system.goodbye"]
[prompts.welcome]
wav = "bench.wav"
"""
STRAIGHT = """
language = "cmn"
languages = ["cmn"]
start = "service"
[nodes.service]
type = "queue"
queue = "bench"
"""


@dataclass(frozen=True, slots=True)
class Cores:
    """The cores for daemon and load; the same when there is only one."""

    daemon: int
    """The core of the daemon, or of the relay `floor`."""
    load: int
    """The core of the phones and the load."""

    @property
    def are_shared(self) -> bool:
        """Whether the load takes time from what it measures."""
        return self.daemon == self.load


@dataclass(frozen=True, slots=True)
class Target:
    """A daemon that takes calls, and what a load needs to know about it."""

    sip: Address
    """Its SIP address for UDP."""
    http: str
    """The control plane's base URL."""
    key: str
    """An API key that may change agents' states."""
    number: str
    """What callers dial."""
    keys: str
    """The keys that they press then."""
    passwords: dict[str, str]
    """The agents' passwords, by number."""
    pid: int | None
    """The process, if it runs on this machine."""
    recordings: Path | None
    """Its recordings directory; None when it cannot be read."""

    def client(self) -> aiohttp.ClientSession:
        """An HTTP client with the key; close it after use."""
        return aiohttp.ClientSession(self.http, headers={"X-API-Key": self.key})


def take_cores() -> Cores:
    """The first and the last core that we may use; this process and its children run on the last."""
    usable = sorted(os.sched_getaffinity(0))
    cores = Cores(usable[0], usable[-1])
    os.sched_setaffinity(0, {cores.load})
    return cores


def allow_many_files() -> None:
    """Raise the limit of open files to the hard limit, for this process and its children."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@dataclass(frozen=True, slots=True)
class CallCentre:
    """The configuration of a daemon."""

    toml: str
    """acdcore.toml."""
    flows: dict[str, str]
    """By name."""
    agents: list[AgentSeed]
    lines: int
    """As the TOML says."""


def new_daemon(directory: Path, lines: int, agents: int, cores: Cores, program: tuple[str, ...] = RUN) -> Daemon:
    """A daemon, not yet started, with `lines` lines and `agents` agents who can take every call."""
    centre = CallCentre(
        toml=SETTINGS.format(lines=lines, menu_number=MENU_NUMBER, queue_number=QUEUE_NUMBER),
        flows={"menu": MENU, "straight": STRAIGHT},
        agents=[AgentSeed(str(FIRST_AGENT + index), PASSWORD) for index in range(agents)],
        lines=lines,
    )
    return daemon_of(centre, directory, cores, program)


def daemon_of(centre: CallCentre, directory: Path, cores: Cores, program: tuple[str, ...] = RUN) -> Daemon:
    """A daemon, not yet started, of this configuration; all its prompts are one packet of sound."""
    port_count = 2 * (centre.lines + len(centre.agents)) + PORTS_SPARE
    sound = write_wav(tone(1000, PROMPT_S), 8000)
    return Daemon(
        DaemonSettings(
            directory=directory,
            environment={
                **media_environment(port_count),
                "ACDCORE_MEDIA__LOST_AFTER_S": str(MEDIA_LOST_AFTER_S),
            },
            toml=centre.toml,
            flows=centre.flows,
            prompts={"bench.wav": sound, "system.toml": system_prompts().encode()},
            agents=centre.agents,
            processors=frozenset({cores.daemon}),
            program=program,
        )
    )


def system_prompts() -> str:
    """`system.toml` in which every prompt is the same short sound."""
    return "\n".join(f'[prompts.{name}]\nwav = "bench.wav"' for name in sorted(clip_names()))


def target_of(daemon: Daemon, number: str, keys: str = "") -> Target:
    """The daemon as a target."""
    return Target(
        sip=daemon.sip,
        http=f"http://{daemon.http}",
        key=daemon.key(),
        number=number,
        keys=keys,
        passwords={agent.number: agent.password for agent in daemon.settings.agents},
        pid=daemon.pid,
        recordings=daemon.recordings,
    )


def softphones(file: Path) -> dict[str, str]:
    """The agents' passwords as a daemon writes them down: a line is `NUMBER PASSWORD`."""
    entries = [line.split() for line in file.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return {entry[0]: entry[1] for entry in entries}
