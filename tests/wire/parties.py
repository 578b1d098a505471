"""Callers and agents on scripted phones, as the tests direct them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bench.phone import Phone, PhoneCall
from bench.sound import tone
from tests.wire.hearing import Ear, SoundEar
from tests.wire.hotline import ORDINARY, password_of
from tests.wire.tones import AGENT_HZ, CALLER_HZ
from tests.wire.watch import Operator

RING_WITHIN_S = 10.0


@dataclass(slots=True)
class Party:
    """One end of a call."""

    call: PhoneCall
    """The phone's side of it."""
    ear: Ear
    """What it hears."""

    async def gone(self, within_s: float = 5.0) -> str:
        """How the other side ended the call; raises TimeoutError."""
        return await self.call.until_ended(within_s)


async def dial_in(phone: Phone, number: str, caller: str = ORDINARY) -> Party:
    """A caller who is answered and speaks."""
    call = await phone.call(number, caller)
    call.sound.say(tone(CALLER_HZ))
    return Party(call, SoundEar(call.sound))


async def take_seat(operator: Operator, phone: Phone, *agents: str) -> None:
    """Register the agents' phones and make them ready, the first one idle longest."""
    for agent in agents:
        assert await phone.register(agent, password_of(agent)) == 200
    await operator.make_ready(*agents)


async def rung(phone: Phone, within_s: float = RING_WITHIN_S) -> Party:
    """The next call that rings at an agent's phone."""
    call = await phone.incoming(within_s)
    call.ring()
    return Party(call, SoundEar(call.sound))


def answer(party: Party, speaks_hz: float = AGENT_HZ) -> None:
    """Pick up and speak."""
    party.call.answer()
    party.call.sound.say(tone(speaks_hz))


async def pick_up(phone: Phone, within_s: float = RING_WITHIN_S) -> Party:
    """Answer the next call that rings."""
    party = await rung(phone, within_s)
    answer(party)
    return party


async def all_talk(caller: Phone, agent_phone: Phone, number: str, callers: Sequence[str]) -> None:
    """Every caller is served by one of the agents at `agent_phone`, all at once."""
    parties = [await dial_in(caller, number, each) for each in callers]
    agents = [await pick_up(agent_phone) for _ in callers]
    await asyncio.gather(*(both_talk(party, agent) for party, agent in zip(parties, agents, strict=True)))


async def both_talk(caller: Party, agent: Party, within_s: float = 10.0) -> bool:
    """Each hears the other; raises AssertionError that says who does not."""
    for listener, speaker_hz in ((agent, CALLER_HZ), (caller, AGENT_HZ)):
        if not await listener.ear.hear(speaker_hz, within_s):
            heard_s = len(listener.ear.heard) / 16000
            raise AssertionError(
                f"{listener.call.user} does not hear {speaker_hz:.0f} Hz: {heard_s:.2f} s heard, "
                f"{listener.call.sound.packets_in} packets, call {listener.call.end_cause or 'up'}"
            )
    return True
