"""A separate daemon for demo, tests and benchmarks: a real process on free loopback ports, with its own directory."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from acdcore.kernel.address import Address
from bench.ports import free_port

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "config"
RUN = ("-m", "acdcore", "run")
READY_WITHIN_S = 90.0
"""Seconds; the first start makes the database and renders the prompts."""
STOP_WITHIN_S = 15.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A directory for one run, deleted afterwards; the database's user, who is never root, can enter it."""
    with tempfile.TemporaryDirectory(prefix=f"acdcore-{name}-") as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


@dataclass(frozen=True, slots=True)
class AgentSeed:
    """An agent of agents.toml."""

    number: str
    password: str
    skills: Mapping[str, int] = field(default_factory=lambda: {"service": 5})
    language: str = "cmn"


@dataclass(frozen=True, slots=True)
class DaemonSettings:
    """The differences from the configuration in `config/`."""

    directory: Path
    """The directory of configuration and data; a second daemon there finds the same data."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Further ACDCORE_ settings."""
    toml: str = ""
    """The text of the settings file; "" for the shipped one."""
    flows: Mapping[str, str] = field(default_factory=dict)
    """Flows by name, in place of the shipped ones."""
    prompts: Mapping[str, bytes] = field(default_factory=dict)
    """WAV files for the flows, by file name."""
    agents: Sequence[AgentSeed] = ()
    """Agents, in place of the shipped ones."""
    customers: str = ""
    """customers.toml, in place of the shipped one."""
    processors: frozenset[int] = frozenset()
    """Where the daemon may run; empty: anywhere."""
    program: Sequence[str] = RUN
    """What Python runs; `--config FILE` follows."""


class Daemon(AbstractAsyncContextManager["Daemon"]):
    """`async with Daemon(settings) as daemon:` runs it until the block is left; `kill` ends it by SIGKILL."""

    def __init__(self, settings: DaemonSettings) -> None:
        self.settings = settings
        self.sip = Address("127.0.0.1", free_port(socket.SOCK_DGRAM))
        self.http = Address("127.0.0.1", free_port())
        self.log = settings.directory / "log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def var(self) -> Path:
        """Where the daemon writes."""
        return self.settings.directory / "var"

    @property
    def recordings(self) -> Path:
        """Where it records."""
        return self.var / "recordings"

    @property
    def pid(self) -> int:
        """The daemon's process."""
        if self._process is None:
            raise RuntimeError("the daemon is not running")
        return self._process.pid

    async def __aenter__(self) -> Self:
        self._write_configuration()
        try:
            await self.start()
        except BaseException:
            await self.kill()  # a block that was not entered is not left
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start and wait until calls are taken; raises RuntimeError with the log's end."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ACDCORE_")}
        environment |= {
            "ACDCORE_SIP__UDP_PORT": str(self.sip.port),
            "ACDCORE_SIP__TCP_PORT": str(self.sip.port),
            "ACDCORE_HTTP__PORT": str(self.http.port),
            "ACDCORE_STORAGE__DIRECTORY": str(self.var),
            "ACDCORE_RECORDING__DIRECTORY": str(self.recordings),
            **self.settings.environment,
        }
        config = self.settings.directory / "config" / "acdcore.toml"
        log = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, *self.settings.program, "--config", str(config)),
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        finally:
            os.close(log)
        if self.settings.processors:
            os.sched_setaffinity(self._process.pid, self.settings.processors)
        async with asyncio.timeout(READY_WITHIN_S):
            while not await self._is_ready():
                if self._process.returncode is not None:
                    raise RuntimeError(f"the daemon ended: {self.log_end()}")
                await asyncio.sleep(0.1)

    async def stop(self) -> int | None:
        """Order it to stop, and wait; its exit status, None when it does not run."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return None
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise RuntimeError(f"the daemon did not stop: {self.log_end()}") from None
        return process.returncode

    async def kill(self) -> None:
        """kill -9."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
                process.kill()
            await process.wait()

    def key(self) -> str:
        """The admin's key of the control plane."""
        for line in (self.var / "api-keys").read_text().splitlines():
            if line.startswith("admin "):
                return line.split()[2]
        raise RuntimeError("there is no admin's key")

    def client(self) -> aiohttp.ClientSession:
        """An HTTP client with the admin's key; close it after use."""
        return aiohttp.ClientSession(f"http://{self.http}", headers={"X-API-Key": self.key()})

    def cpu_s(self) -> float:
        """Processor time of the daemon so far."""
        return cpu_s(self.pid)

    def rss_mb(self) -> float:
        """Resident memory."""
        return rss_mb(self.pid)

    def log_end(self) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    async def _is_ready(self) -> bool:
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as client,
                client.get(f"http://{self.http}/health/ready") as answer,
            ):
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    def _write_configuration(self) -> None:
        settings = self.settings
        config = settings.directory / "config"
        shutil.copytree(CONFIG, config, dirs_exist_ok=True)
        if settings.toml:
            (config / "acdcore.toml").write_text(settings.toml)
        if settings.flows:
            for flow in (config / "ivr").glob("*.toml"):
                flow.unlink()
            for name, text in settings.flows.items():
                (config / "ivr" / f"{name}.toml").write_text(text)
        for name, wav in settings.prompts.items():
            (config / "prompts" / name).write_bytes(wav)
        if settings.agents:
            (config / "agents.toml").write_text("\n".join(agent_table(agent) for agent in settings.agents))
        if settings.customers:
            (config / "customers.toml").write_text(settings.customers)


def cpu_s(pid: int) -> float:
    """Processor time of a process so far, user and system, all its threads, children left out."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def rss_mb(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def agent_table(agent: AgentSeed) -> str:
    """One entry of agents.toml."""
    skills = ", ".join(f"{skill} = {level}" for skill, level in agent.skills.items())
    return (
        f'[[agents]]\nnumber = "{agent.number}"\nname = "Agent {agent.number}"\n'
        f"password = {json.dumps(agent.password)}\nskills = {{ {skills} }}\n"
        f'languages = ["{agent.language}"]\n'
    )
