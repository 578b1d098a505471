"""A scripted phone's audio: RTP over its own socket, 20 ms at a time, without the engine under test."""

import asyncio
import math
import random
from collections.abc import Sequence
from typing import cast

from acdcore.kernel.address import Address
from acdcore.media.g711 import decode, encode
from acdcore.media.model import EngineCodec
from acdcore.media.rtp import RtpPacket, build, parse

FRAME_SAMPLES = 160
FRAME_S = 0.02
SILENCE = bytes(2 * FRAME_SAMPLES)
CATCH_UP_FRAMES = 5
"""Sent in a burst after a pause of the process; more is skipped."""
HEARD_S_MAX = 600
"""Audio that is kept; a scripted call is shorter."""
DTMF_EVENTS = "0123456789*#ABCD"
DTMF_FRAMES = 5
"""Packets of one key press: 100 ms."""
DTMF_END_PACKETS = 3
"""RFC 4733 section 2.5.1.4: the end is sent three times."""


class Sound(asyncio.DatagramProtocol):
    """One RTP stream both ways. `heard` is PCM (16 bit, mono, 8 kHz) as it came, in the order of arrival."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.packets_in = 0
        self.payload_types: set[int] = set()
        self._transport: asyncio.DatagramTransport | None = None
        self._remote: Address | None = None
        self._codec = EngineCodec.PCMA
        self._payload_type = 8
        self._dtmf_payload_type: int | None = None
        self._source = b""
        self._position = 0
        self._is_muted = False
        random_source = random.SystemRandom()
        self._sequence = random_source.randrange(1 << 16)
        self._timestamp = random_source.randrange(1 << 32)
        self._ssrc = random_source.randrange(1 << 32)
        self._sender: asyncio.Handle | None = None
        self._next_at = 0.0
        self._keys: list[str] = []
        self._arrived = asyncio.Event()

    @classmethod
    async def open(cls, host: str) -> "Sound":
        """A stream on a free port of `host`."""
        loop = asyncio.get_running_loop()
        _, sound = await loop.create_datagram_endpoint(cls, local_addr=(host, 0))
        return sound

    @property
    def port(self) -> int:
        """The local RTP port."""
        if self._transport is None:
            raise RuntimeError("the stream is closed")
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # not its subclass in CPython 3.11

    def error_received(self, exc: Exception) -> None:
        """The other side's port may be closed already; a phone goes on."""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        packet = parse(data)
        if packet is None:
            return
        self.packets_in += 1
        self.payload_types.add(packet.payload_type)
        if packet.payload_type == self._payload_type and len(self.heard) < HEARD_S_MAX * 16000:
            self.heard += decode(packet.payload, self._codec)
            self._arrived.set()

    def connect(self, remote: Address, codec: EngineCodec, payload_type: int, dtmf_payload_type: int | None) -> None:
        """Send to `remote` from now on: the source, or silence."""
        self._remote, self._codec, self._payload_type = remote, codec, payload_type
        self._dtmf_payload_type = dtmf_payload_type
        if self._sender is None:
            loop = asyncio.get_running_loop()
            self._next_at = loop.time()
            self._sender = loop.call_soon(self._tick)

    def say(self, pcm: bytes) -> None:
        """Loop `pcm` as what the phone's microphone hears."""
        self._source, self._position = pcm, 0

    def mute(self, is_muted: bool) -> None:
        """Stop sending packets altogether, as a phone on hold or unplugged does."""
        self._is_muted = is_muted

    def press(self, keys: str) -> None:
        """Send keys as telephone-events, one after the other."""
        self._keys += keys

    async def hear(self, frequency_hz: float, within_s: float, of_s: float = 0.3) -> bool:
        """Wait until the last `of_s` seconds are dominated by a tone; False when `within_s` passes first."""
        size = int(of_s * 8000) * 2
        start = len(self.heard)
        try:
            async with asyncio.timeout(within_s):
                while True:
                    recent = bytes(self.heard[max(start, len(self.heard) - size) :])
                    if len(recent) >= size and share_of_tone(recent, frequency_hz) > 0.5:
                        return True
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            return False

    def close(self) -> None:
        """Stop and give the port back."""
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        if self._keys and self._dtmf_payload_type is not None:
            self._send_key(self._keys.pop(0))
        elif not self._is_muted:
            self._send(self._payload_type, encode(self._frame(), self._codec), self._timestamp)
        self._timestamp = (self._timestamp + FRAME_SAMPLES) % (1 << 32)
        self._next_at += FRAME_S
        behind = int((loop.time() - self._next_at) / FRAME_S)
        if behind > CATCH_UP_FRAMES:  # what was not said in time is silence: the clock of a real phone goes on
            self._next_at += behind * FRAME_S
            self._timestamp = (self._timestamp + behind * FRAME_SAMPLES) % (1 << 32)
        self._sender = loop.call_at(self._next_at, self._tick)

    def _send_key(self, key: str) -> None:
        """One press in one go: the packets carry its length, so that receivers need not see them spaced."""
        event = DTMF_EVENTS.index(key)
        for number in range(1, DTMF_FRAMES + DTMF_END_PACKETS):
            is_end = number >= DTMF_FRAMES
            duration = min(number, DTMF_FRAMES) * FRAME_SAMPLES
            payload = bytes((event, 0x8A if is_end else 0x0A)) + duration.to_bytes(2, "big")
            self._send(self._dtmf_payload_type or 0, payload, self._timestamp, marker=number == 1)
        self._timestamp = (self._timestamp + DTMF_FRAMES * FRAME_SAMPLES) % (1 << 32)

    def _frame(self) -> bytes:
        if not self._source:
            return SILENCE
        frame = self._source[self._position : self._position + 2 * FRAME_SAMPLES]
        self._position = (self._position + 2 * FRAME_SAMPLES) % len(self._source)
        return frame.ljust(2 * FRAME_SAMPLES, b"\0")

    def _send(self, payload_type: int, payload: bytes, timestamp: int, marker: bool = False) -> None:
        if self._transport is None or self._remote is None or self._remote.port == 0:
            return
        packet = RtpPacket(payload_type, self._sequence, timestamp, self._ssrc, payload, marker)
        self._sequence = (self._sequence + 1) % (1 << 16)
        self._transport.sendto(build(packet), self._remote)


def tone(frequency_hz: float, seconds: float = 1.0, level: int = 8000) -> bytes:
    """A sine as PCM (16 bit, mono, 8 kHz); whole periods only, so that it loops without a click."""
    periods = max(1, round(frequency_hz * seconds))
    samples = round(periods * 8000 / frequency_hz)
    return b"".join(
        int(level * math.sin(2 * math.pi * frequency_hz * index / 8000)).to_bytes(2, "little", signed=True)
        for index in range(samples)
    )


def share_of_tone(pcm: bytes, frequency_hz: float) -> float:
    """The share (0 to 1) of the signal's energy at one frequency (Goertzel); 0 for near silence."""
    samples = samples_of(pcm)
    energy = sum(sample * sample for sample in samples)
    if not samples or energy < 100.0 * len(samples):
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * frequency_hz / 8000)
    before, last = 0.0, 0.0
    for sample in samples:
        before, last = last, sample + coefficient * last - before
    power = last * last + before * before - coefficient * last * before
    return min(1.0, 2 * power / (len(samples) * energy))


def samples_of(pcm: bytes) -> Sequence[int]:
    """16-bit little-endian PCM as numbers."""
    return memoryview(pcm[: len(pcm) // 2 * 2]).cast("h")
