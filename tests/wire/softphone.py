"""A real softphone in a process of its own, so that its crash is not ours: one JSON line for each order and event.

Orders: `{"do": "register" | "unregister" | "answer" | "ring" | "reject" | "hold" | "resume" | "hang_up"}`,
and with baresip `"press KEYS"`.
Events: `{"event": "registered" | "unregistered" | "incoming" | "established" | "closed" | "done" | "failed" | "audio",
"detail": ..., "pcm": ...}`; each order ends with `done` or `failed`, and what the phone hears comes as base64 PCM.
"""

import asyncio
import base64
import json
import os
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.daemon import Daemon
from tests.wire.hearing import Ear
from tests.wire.hotline import password_of
from tests.wire.tones import AGENT_HZ

START_WITHIN_S = 20.0
ORDER_WITHIN_S = 10.0
LINE_BYTES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Account:
    """What a softphone is started with."""

    user: str
    """The agent's number."""
    password: str
    """The phone's password."""
    server: str
    """Address and port of the switch."""
    transport: str
    """udp or tcp."""
    tone_hz: float
    """What its microphone hears."""


class Softphone(AbstractAsyncContextManager["Softphone"]):
    """`async with Softphone(program, account) as phone:` runs it until the block is left."""

    def __init__(self, program: str, account: Account) -> None:
        """`program` is a script beside this file."""
        self.ear = Ear()
        self.account = account
        self._program = Path(__file__).parent / program
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._events: list[tuple[str, str]] = []
        """What happened to the phone, in order."""
        self._taken = 0
        """Up to where it was waited for."""
        self._results: list[tuple[str, str]] = []
        """How orders went: `done` or `failed`, in order."""
        self._came = asyncio.Event()

    async def __aenter__(self) -> Self:
        root = Path(__file__).parent.parent.parent
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(self._program),
            json.dumps(asdict(self.account)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(root)},
            limit=LINE_BYTES_MAX,
        )
        self._reading = asyncio.get_running_loop().create_task(self._read(self._process.stdout))
        await self.until("ready", START_WITHIN_S)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.unplug()
        if self._reading is not None:
            await self._reading

    async def do(self, what: str) -> None:
        """Give an order and wait until it is carried out; raises RuntimeError when it cannot be.

        What happened before the order is passed over. What happens because of it can be waited for afterwards, whether
        it comes before the order's own end or after.
        """
        if self._process is None or self._process.stdin is None:
            raise RuntimeError(f"{self.account.user}'s phone is unplugged")
        self._taken, orders = len(self._events), len(self._results)
        self._process.stdin.write(json.dumps({"do": what}).encode() + b"\n")
        await self._process.stdin.drain()
        await self._next(lambda: len(self._results) > orders, f"end of {what}", ORDER_WITHIN_S)
        result, detail = self._results[orders]
        if result == "failed":
            raise RuntimeError(f"{self.account.user}'s phone could not {what}: {detail}")

    async def until(self, event: str, within_s: float = ORDER_WITHIN_S) -> str:
        """The next `event` that was not waited for yet, its detail; raises TimeoutError."""
        await self._next(lambda: any(kind == event for kind, _ in self._events[self._taken :]), event, within_s)
        kinds = [kind for kind, _ in self._events]
        self._taken = kinds.index(event, self._taken) + 1
        return self._events[self._taken - 1][1]

    async def unplug(self) -> None:
        """End the process at once: it un-registers nothing and says no good-bye."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def _next(self, has_come: Callable[[], bool], awaited: str, within_s: float) -> None:
        """Wait until `has_come`."""
        try:
            async with asyncio.timeout(within_s):
                while not has_come():
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            seen = [event for event, _ in self._events]
            raise TimeoutError(f"{self.account.user}'s phone: no {awaited} after {seen}") from None

    async def _read(self, stream: asyncio.StreamReader | None) -> None:
        if stream is None:
            return
        async for line in stream:
            if not line.startswith(b"{"):
                continue  # the phone's library talks, too
            told = json.loads(line)
            if told["event"] == "audio":
                self.ear.take(base64.b64decode(told["pcm"]))
                continue
            into = self._results if told["event"] in ("done", "failed") else self._events
            into.append((told["event"], told.get("detail", "")))
            self._came.set()


def agents_phone(program: str, daemon: Daemon, agent: str, transport: str = "udp") -> Softphone:
    """An agent's softphone, not yet registered."""
    return Softphone(program, Account(agent, password_of(agent), str(daemon.sip), transport, AGENT_HZ))
