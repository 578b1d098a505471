"""Ears: what a real phone hears, as PCM, and what it sounds like."""

import asyncio
from typing import cast

from bench.sound import Sound, samples_of, share_of_tone

from acdcore.media.g711 import decode
from acdcore.media.model import EngineCodec
from acdcore.media.rtp import parse

STRETCH_BYTES = 4_800
"""By how much of a sound it is recognised: 0.3 s."""
STEP_BYTES = 960
"""60 ms."""
CODECS = {0: EngineCodec.PCMU, 8: EngineCodec.PCMA}


class Ear:
    """Everything heard so far; sounds are waited for in their order, as one listens to a conversation."""

    def __init__(self) -> None:
        self.heard = bytearray()
        """PCM, 16 bit, mono, 8 kHz."""
        self._listened = 0
        """Up to where it was listened to."""
        self._arrived = asyncio.Event()

    def take(self, pcm: bytes) -> None:
        """More has been heard."""
        self.heard += pcm
        self._arrived.set()

    async def hear(self, frequency_hz: float, within_s: float) -> bool:
        """Wait for a tone after the last one that was waited for; False when it does not come in time."""
        place = self._listened
        try:
            async with asyncio.timeout(within_s):
                while True:
                    while place + STRETCH_BYTES <= len(self.heard):
                        if share_of_tone(bytes(self.heard[place : place + STRETCH_BYTES]), frequency_hz) > 0.5:
                            self._listened = place + STRETCH_BYTES
                            return True
                        place += STEP_BYTES
                    await self.more()
        except TimeoutError:
            return False

    async def more(self) -> None:
        """Wait until more has been heard."""
        self._arrived.clear()
        await self._arrived.wait()

    def forget(self) -> None:
        """Listen only to what comes from now on."""
        self._listened = len(self.heard)


class SoundEar(Ear):
    """An ear on a scripted phone's call."""

    def __init__(self, sound: Sound) -> None:
        super().__init__()
        self.heard = sound.heard

    async def more(self) -> None:
        await asyncio.sleep(0.02)


class RtpEar(asyncio.DatagramProtocol):
    """An ear on a port of its own, for a phone that keeps what it hears to itself."""

    def __init__(self) -> None:
        self.ear = Ear()
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls, port: int) -> "RtpEar":
        """Listen on `port` of 127.0.0.1."""
        _, ear = await asyncio.get_running_loop().create_datagram_endpoint(cls, local_addr=("127.0.0.1", port))
        return ear

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        packet = parse(data)
        if packet is not None and packet.payload_type in CODECS:
            self.ear.take(decode(packet.payload, CODECS[packet.payload_type]))

    def close(self) -> None:
        """Give the port back."""
        if self._transport is not None:
            self._transport.close()


def seconds_of(pcm: bytes, frequency_hz: float) -> float:
    """For how long a tone is heard, in steps of 20 ms."""
    frames = [pcm[start : start + 320] for start in range(0, len(pcm) - 319, 320)]
    return sum(share_of_tone(frame, frequency_hz) > 0.5 for frame in frames) * 0.02


def is_silent(pcm: bytes) -> bool:
    """Whether there is nothing but silence."""
    return max((abs(sample) for sample in samples_of(pcm)), default=0) < 300
