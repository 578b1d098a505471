"""An operator of the daemon: commands by HTTP, and the event stream read as it comes."""

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self, TypeAlias

import aiohttp
from bench.daemon import Daemon

from acdcore.numbering.plan import at_home

Facts: TypeAlias = dict[str, object]
"""A JSON object."""
SETTLE_S = 8.0
"""How soon after its end a call must have given everything back: a recording is closed within seconds."""

STORED_WITHIN_S = 10.0
"""Rows reach the database a moment later."""
FORGET_S = 40.0
"""64 times T1 (RFC 3261 section 17.1) is 32 s; the rest is for a busy machine."""


class Operator(AbstractAsyncContextManager["Operator"]):
    """`async with Operator(daemon) as operator:` listens from then on; `events` are those so far."""

    def __init__(self, daemon: Daemon) -> None:
        self.events: list[tuple[str, Facts]] = []
        """Kind and data, in order."""
        self.client = daemon.client()
        self._came = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        stream = await self.client.get("/v1/events", timeout=aiohttp.ClientTimeout(total=None))
        self._reading = asyncio.get_running_loop().create_task(self._read(stream))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        await self.client.close()

    # --- the event stream ---

    async def until(self, kind: str, within_s: float = 10.0, **facts: object) -> Facts:
        """The first event of `kind` whose data have these facts, past or to come; raises TimeoutError."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    for seen, data in self.events:
                        if seen == kind and facts.items() <= flat(data).items():
                            return data
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise TimeoutError(f"no {kind} with {facts}; seen: {self.told()}") from None

    async def nth(self, kind: str, number: int, within_s: float = 15.0) -> Facts:
        """The `number`-th event of `kind`, from 1; raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while True:
                told = [data for seen, data in self.events if seen == kind]
                if len(told) >= number:
                    return told[number - 1]
                self._came.clear()
                await self._came.wait()

    async def becomes(self, agent: str, state: str, within_s: float = 10.0) -> Facts:
        """Wait until an agent is in `state`; the agent then. Raises TimeoutError."""
        try:
            async with asyncio.timeout(within_s):
                while (now := await self.get(f"/v1/agents/{agent}"))["state"] != state:
                    self._came.clear()
                    await self._came.wait()
                return now
        except TimeoutError:
            raise TimeoutError(f"agent {agent} did not become {state}, is {now['state']}") from None

    async def ended(self, within_s: float = 10.0, **facts: object) -> Facts:
        """The record of the call with these facts, once it has ended."""
        return await self.until("call_ended", within_s, **facts)

    def told(self, call_id: object = None) -> list[str]:
        """The kinds of events so far, those of one call or all."""
        return [kind for kind, data in self.events if call_id is None or flat(data).get("call_id") == call_id]

    async def _read(self, stream: aiohttp.ClientResponse) -> None:
        kind = ""
        async with stream:
            async for line in stream.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    told = json.loads(value)
                    self.events.append((kind, dialled(told.get("data", told))))
                    self._came.set()

    # --- commands ---

    async def order(self, agent: str, command: str, **facts: str) -> Facts:
        """Change an agent's state; the agent as it is then. Raises RuntimeError when it was refused."""
        async with self.client.post(f"/v1/agents/{agent}/state", json={"command": command, **facts}) as answer:
            told: Facts = await answer.json()
            if answer.status != 200:
                raise RuntimeError(f"{command} of {agent}: {answer.status} {told}")
            return told

    async def tell(self, method: str, path: str, expected: int = 0, **facts: object) -> Facts:
        """Any other command; the answer. Raises RuntimeError for another status than `expected`, or any success."""
        async with self.client.request(method, path, json=None if method == "DELETE" else facts) as answer:
            told: Facts = await answer.json()
            if answer.status != expected and (expected or answer.status >= 300):
                raise RuntimeError(f"{method} {path}: {answer.status} {told}")
            return told

    async def make_ready(self, *agents: str) -> None:
        """Log in and be ready."""
        for agent in agents:
            await self.order(agent, "log_in")
            await self.order(agent, "ready")

    async def get(self, path: str) -> Facts:
        """What `path` answers; raises aiohttp.ClientResponseError."""
        async with self.client.get(path, raise_for_status=True) as answer:
            told: Facts = await answer.json()
            return told

    async def rows(self, path: str, key: str) -> list[Facts]:
        """The list `key` of what `path` answers."""
        told = (await self.get(path))[key]
        assert isinstance(told, list)
        return [dialled(row) for row in told]

    async def found(self, path: str, key: str, count: int = 1) -> list[Facts]:
        """The same once there are `count`; raises TimeoutError."""
        async with asyncio.timeout(STORED_WITHIN_S):
            while True:
                rows = await self.rows(path, key)
                if len(rows) >= count:
                    return rows
                await asyncio.sleep(0.05)

    async def reported(self, queue: str, since: object, channel: str = "call", **counts: int) -> Facts:
        """The queue's counts of visits since that time, once these are so; raises TimeoutError with what they are."""
        path = f"/v1/reports/queues?from={str(since).replace('+', '%2B')}&queue={queue}&channel={channel}"
        told: Facts = {}
        try:
            async with asyncio.timeout(STORED_WITHIN_S):
                while not counts.items() <= told.items():
                    total = (await self.get(path))["total"]
                    assert isinstance(total, dict)
                    told = total["counts"]
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise TimeoutError(f"{queue} reports {told}, not {counts}") from None
        return told

    async def metrics(self) -> dict[str, float]:
        """Every figure of /metrics by its name with labels."""
        async with self.client.get("/metrics", raise_for_status=True) as answer:
            lines = (await answer.text()).splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}

    async def stored(self, call_id: object, within_s: float = 10.0) -> Facts:
        """A call as the database has it, once it is there: its record and its events."""
        async with asyncio.timeout(within_s):
            while True:
                async with self.client.get(f"/v1/history/{call_id}") as answer:
                    if answer.status == 200:
                        told: Facts = await answer.json()
                        return told
                await asyncio.sleep(0.05)

    # --- the ledger ---

    async def log_all_out(self) -> None:
        """Send every agent home."""
        for agent in await self.rows("/v1/agents", "agents"):
            if agent["state"] != "logged_out":
                async with self.client.post(f"/v1/agents/{agent['agent']}/state", json={"command": "log_out"}):
                    pass

    async def hang_up_all(self) -> None:
        """End every call."""
        for call in await self.rows("/v1/calls", "calls"):
            async with self.client.post(f"/v1/calls/{call['call_id']}/hang-up"):
                pass

    async def held(self) -> Facts:
        """What the daemon holds that a daemon without calls does not."""
        metrics = await self.metrics()
        names = ("acdcore_calls", "acdcore_trunk_capacity_taken", "acdcore_streams", "acdcore_recordings_running")
        waiting = {name: value for name, value in metrics.items() if name.startswith("acdcore_queue_waiting")}
        agents = [agent["agent"] for agent in await self.rows("/v1/agents", "agents") if agent["state"] != "logged_out"]
        figures: Facts = {name: metrics[name] for name in names} | waiting | {"agents": agents}
        return {name: value for name, value in figures.items() if value}

    async def settle(self) -> Facts:
        """Wait until nothing is held; what still is after `SETTLE_S`."""
        deadline = asyncio.get_running_loop().time() + SETTLE_S
        while True:
            await self.log_all_out()
            held = await self.held()
            if not held or asyncio.get_running_loop().time() > deadline:
                return held
            await asyncio.sleep(0.05)

    async def forgotten(self) -> Facts:
        """Wait until SIP remembers no call: BYEs to phones that were unplugged are given up after 32 s."""
        deadline = asyncio.get_running_loop().time() + FORGET_S
        while True:
            metrics = await self.metrics()
            names = ("acdcore_sip_sessions", "acdcore_sip_dialogs")
            held: Facts = {name: metrics[name] for name in names if metrics[name]}
            if not held or asyncio.get_running_loop().time() > deadline:
                return held
            await asyncio.sleep(0.2)


def flat(data: Facts) -> Facts:
    """The data with those of its call beside them, as a screen pop has it."""
    call = data.get("call")
    return {**dialled(call), **data} if isinstance(call, dict) else data


def dialled(facts: Facts) -> Facts:
    """Facts with the caller's number as the phones of the tests dial and show it."""
    return {**facts, "caller": at_home(str(facts["caller"]))} if facts.get("caller") else facts
