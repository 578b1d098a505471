"""The call centre's own callers, phones and wallboards, which go on while strangers attack."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import aiohttp

from acdcore.sip.events import Transport
from bench.centre import Target
from bench.crowd import Crowd, Failed
from bench.phone import Phone, PhoneSettings
from bench.tally import Tally

CALL_EACH_S = 0.5
"""Two short calls a second beside the 50."""
TALK_S = 0.5
REGISTER_EACH_S = 0.5
ASK_EACH_S = 1.0
CONNECTED_WITHIN_S = 5.0
FREED_WITHIN_S = 5.0
ANSWERED_WITHIN_S = 5.0
"""For a registration or a request."""
ASK_AT = "/v1/queues"


class Regulars:
    """Short calls, registrations and requests; each goes on until it is cancelled and counts into `tally`."""

    def __init__(self, target: Target, crowd: Crowd, numbers: Sequence[str]) -> None:
        """`crowd` has agents ready for the calls; those of `numbers` only register."""
        self._target = target
        self._crowd = crowd
        self._numbers = numbers
        self.tally = Tally("")

    async def call(self) -> None:
        """Short calls at an even pace; at the end of a phase, calls in progress are waited for."""
        loop = asyncio.get_running_loop()
        calls: set[asyncio.Task[None]] = set()
        began = loop.time()
        try:
            while True:
                calls.add(asyncio.create_task(self._one_call()))
                self.tally.dialled += 1
                await asyncio.sleep(began + self.tally.dialled * CALL_EACH_S - loop.time())
        finally:
            await asyncio.gather(*calls)

    async def _one_call(self) -> None:
        tally, talk = self.tally, self._crowd.dial()
        try:
            await talk.until_connected("", CONNECTED_WITHIN_S)
            tally.connect_ms.append(talk.connect_ms)
            await asyncio.sleep(TALK_S)
            await talk.hang_up(FREED_WITHIN_S)
        except Failed as failed:
            tally.failures[f"call: {failed}"] += 1
            tally.ring_failed += talk.answered_at is not None and talk.agent is None
            talk.caller.hang_up()
        finally:
            self._crowd.forget(talk)

    async def register(self) -> None:
        """Agents' phones register, by turns over UDP and over a TCP connection of their own."""
        settings = PhoneSettings(self._target.sip, transport=Transport.TCP)
        async with Phone(replace(settings, transport=Transport.UDP)) as by_udp:
            while True:
                number = self._numbers[self.tally.registered % len(self._numbers)]
                if self.tally.registered % 2:
                    await self._registration("UDP", by_udp, number)
                else:
                    async with Phone(settings) as by_tcp:
                        await self._registration("TCP", by_tcp, number)
                await asyncio.sleep(REGISTER_EACH_S)

    async def _registration(self, kind: str, phone: Phone, number: str) -> None:
        tally = self.tally
        tally.registered += 1
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                status = await phone.register(number, self._target.passwords[number])
        except TimeoutError:
            status = 408
        if status != 200:
            tally.failures[f"REGISTER over {kind}: {status}"] += 1

    async def ask(self) -> None:
        """The requests of a wallboard, each on a new connection."""
        while True:
            self.tally.asked += 1
            try:
                async with (
                    asyncio.timeout(ANSWERED_WITHIN_S),
                    self._target.client() as client,
                    client.get(ASK_AT) as answer,
                ):
                    await answer.read()
                    problem = "" if answer.status == 200 else str(answer.status)
            except (aiohttp.ClientError, TimeoutError) as error:
                problem = type(error).__name__
            if problem:
                self.tally.failures[f"HTTP: {problem}"] += 1
            await asyncio.sleep(ASK_EACH_S)
