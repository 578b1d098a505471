"""Hundreds of callers and agents on a few SIP sockets, without audio of their own; every call is followed."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from bench.centre import Target
from bench.load import Pair, Slot
from bench.phone import Dialled, Phone, PhoneCall, PhoneSettings

CALLER_PHONES = 4
AGENT_PHONES = 4
"""SIP sockets on either side: few, as a trunk has, and as phones of one site behind a router share."""
REGISTERED_FOR_S = 3600
FIRST_CALLER = 13_900_000_000
READY = ("log_in", "ready")
BATCH = 16
"""Agents who register, or become ready, at the same time."""


class Unready(Exception):
    """An agent could not be made ready."""


class Failed(Exception):
    """A call did not go as it should; the message says why."""


class Talk:
    """One call as the phones see it; times are `time.monotonic()`."""

    def __init__(self, caller: PhoneCall, slot: Slot) -> None:
        self.caller = caller
        self.slot = slot
        self.agent: PhoneCall | None = None
        self.agent_slot: Slot | None = None
        self.dialled_at = time.monotonic()
        self.answered_at: float | None = None
        self.connected_at: float | None = None
        """The agent's 200 was acknowledged."""
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def pdd_ms(self) -> float:
        """INVITE to 200; 0 before that."""
        return 1000 * ((self.answered_at or self.dialled_at) - self.dialled_at)

    @property
    def connect_ms(self) -> float:
        """INVITE to the agent's ACK; 0 before that."""
        return 1000 * ((self.connected_at or self.dialled_at) - self.dialled_at)

    async def until_connected(self, keys: str, within_s: float) -> None:
        """Wait for the answer, press `keys`, and wait for the agent; raises Failed."""
        try:
            async with asyncio.timeout(within_s):
                await self.caller.answered
                self.answered_at = time.monotonic()
                self.slot.press(keys)
                await self.connected
        except Dialled as refused:
            raise Failed(str(refused)) from refused
        except TimeoutError as late:
            raise Failed("no answer" if self.answered_at is None else "no agent") from late
        self.connected_at = time.monotonic()

    async def hang_up(self, within_s: float) -> None:
        """The caller's BYE must reach the agent; raises Failed."""
        if self.caller.ended.is_set() or self.agent is None or self.agent.ended.is_set():
            raise Failed("cut off")
        self.caller.hang_up()
        try:
            await self.agent.until_ended(within_s)
        except TimeoutError as late:
            raise Failed("the agent was not freed") from late

    def pair(self) -> Pair:
        """The two phones' audio; raises Failed when there is none."""
        if self.agent_slot is None or self.slot.remote is None or self.agent_slot.remote is None:
            raise Failed("no audio")
        return Pair(self.slot, self.agent_slot, self.slot.remote, self.agent_slot.remote)


class Crowd:
    """`async with Crowd(target) as crowd:`; agents answer at once, leaving hangs up what is left."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._talks: dict[str, Talk] = {}
        self._stack = AsyncExitStack()
        self._callers: list[Phone] = []
        self._agents: list[Phone] = []
        self.dialled = 0
        self.strays = 0
        """Calls that rang at an agent without a caller, because the caller gave up or never existed."""

    async def __aenter__(self) -> Self:
        settings = PhoneSettings(self._target.sip)
        for _ in range(CALLER_PHONES):
            self._callers.append(await self._stack.enter_async_context(Phone(settings, new_media=Slot)))
        for _ in range(AGENT_PHONES):
            phone = Phone(settings, on_call=self._ring, new_media=Slot)
            self._agents.append(await self._stack.enter_async_context(phone))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def make_ready(self, agents: int) -> None:
        """Register the first `agents` agents, log them in and make them ready; raises Unready."""
        numbers = sorted(self._target.passwords)[:agents]
        if len(numbers) < agents:
            raise Unready(f"{agents} agents are needed, {len(numbers)} are known")
        async with self._target.client() as client:

            async def one(index: int, number: str) -> None:
                status = await self._agents[index % AGENT_PHONES].register(
                    number, self._target.passwords[number], REGISTERED_FOR_S
                )
                if status != 200:
                    raise Unready(f"agent {number}: REGISTER got {status}")
                for command in READY:
                    async with client.post(f"/v1/agents/{number}/state", json={"command": command}) as answer:
                        if answer.status != 200:
                            raise Unready(f"agent {number}: {command}: {await answer.text()}")

            for first in range(0, len(numbers), BATCH):
                batch = numbers[first : first + BATCH]
                await asyncio.gather(*(one(first + index, number) for index, number in enumerate(batch)))

    def dial(self) -> Talk:
        """The next caller dials, from a new number."""
        number = str(FIRST_CALLER + self.dialled)
        phone = self._callers[self.dialled % CALLER_PHONES]
        self.dialled += 1
        slot = Slot()
        talk = Talk(phone.place(slot, self._target.number, number), slot)
        self._talks[number] = talk
        return talk

    def forget(self, talk: Talk) -> None:
        """Forget an ended call."""
        self._talks.pop(talk.caller.user, None)

    def _ring(self, call: PhoneCall) -> None:
        """An agent's phone rings: answer at once, and tell the caller's side when that is acknowledged."""
        talk = self._talks.get(call.caller)
        if talk is None or not isinstance(call.media, Slot):
            self.strays += 1
            call.refuse(480)
            return
        talk.agent, talk.agent_slot = call, call.media
        call.answered.add_done_callback(confirm(talk))
        call.ring()
        call.answer()


def confirm(talk: Talk) -> Callable[[asyncio.Future[None]], None]:
    """A callback that reports the agent's ACK to `talk`."""

    def confirmed(answered: asyncio.Future[None]) -> None:
        if not answered.cancelled() and answered.exception() is None and not talk.connected.done():
            talk.connected.set_result(None)

    return confirmed
