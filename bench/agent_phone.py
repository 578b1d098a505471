"""An agent with a phone on its own socket, which notes when the agent became free and when the phone rang then."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import aiohttp

from acdcore.kernel.address import Address
from acdcore.sip.events import SipFlow
from acdcore.sip.ladder import MessageDirection
from bench.crowd import REGISTERED_FOR_S, Unready
from bench.load import Slot
from bench.phone import Phone, PhoneCall, PhoneSettings

ANSWER_AFTER_S = 0.2
"""Seconds for which an agent lets the phone ring."""
INVITE = b"INVITE "


class Freed(StrEnum):
    """How an agent became free."""

    BYE = "bye"
    """The agent hung up; there is no wrap-up."""
    HTTP = "http"
    """The agent sent `ready` over HTTP."""


@dataclass(frozen=True, slots=True)
class Rang:
    """A phone rang after its agent became free."""

    freed: Freed
    freed_at: float
    """`time.monotonic()`."""
    after_ms: float
    """Milliseconds from then to the INVITE."""


class AgentPhone:
    """Notes the time from becoming free to the INVITE; answers, and calls `on_talk` once the answer is acknowledged."""

    def __init__(self, number: str, server: Address, on_talk: Callable[["AgentPhone"], None]) -> None:
        self.number = number
        self.phone = Phone(PhoneSettings(server), on_call=self._ring, new_media=Slot, observer=self._watch)
        self.call: PhoneCall | None = None
        self.freed: Freed | None = None
        """How the agent became free; None once the phone has rung since."""
        self.rang: list[Rang] = []
        self._freed_at = 0.0
        self._on_talk = on_talk

    async def log_in(self, password: str, client: aiohttp.ClientSession) -> None:
        """Register and log in, without being ready yet; raises Unready."""
        status = await self.phone.register(self.number, password, REGISTERED_FOR_S)
        if status != 200:
            raise Unready(f"agent {self.number}: REGISTER got {status}")
        await self.say("log_in", client)

    async def say(self, command: str, client: aiohttp.ClientSession) -> None:
        """Change the agent's state over HTTP; raises Unready."""
        async with client.post(f"/v1/agents/{self.number}/state", json={"command": command}) as answer:
            if answer.status != 200:
                raise Unready(f"agent {self.number}: {command}: {await answer.text()}")
            await answer.read()

    def hang_up(self) -> None:
        """Become free by a BYE; the time begins before it is built and sent."""
        call, self.call = self.call, None
        if call is not None:
            self._free(Freed.BYE)
            call.hang_up()

    def leave(self) -> None:
        """Send `not_ready`, then hang up: the phone must not ring any more."""
        call, self.call = self.call, None
        if call is not None:
            call.hang_up()

    async def be_ready(self, client: aiohttp.ClientSession) -> None:
        """Become free by `ready` over HTTP; the time begins before the request is built and sent."""
        self._free(Freed.HTTP)
        await self.say("ready", client)

    def _free(self, freed: Freed) -> None:
        self.freed, self._freed_at = freed, time.monotonic()

    def _watch(self, direction: MessageDirection, flow: SipFlow, data: bytes, at: float) -> None:
        """Note when datagrams arrive, before the phone reads them; the loop's clock, `at`, is too coarse."""
        if direction is MessageDirection.IN and self.freed is not None and data.startswith(INVITE):
            self.rang.append(Rang(self.freed, self._freed_at, 1000 * (time.monotonic() - self._freed_at)))
            self.freed = None

    def _ring(self, call: PhoneCall) -> None:
        call.ring()
        call.answered.add_done_callback(lambda answered: self._talk(call, answered))
        asyncio.get_running_loop().call_later(ANSWER_AFTER_S, call.answer)

    def _talk(self, call: PhoneCall, answered: asyncio.Future[None]) -> None:
        if not answered.cancelled() and answered.exception() is None:
            self.call = call
            self._on_talk(self)
