"""Audio of phones that only have to show that they are alive: sound every 100 ms, an RTCP report every second."""

import asyncio
import contextlib
import socket
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from acdcore.kernel.address import Address
from acdcore.media.model import EngineCodec
from acdcore.media.rtcp import Report
from acdcore.media.rtcp import build as build_report
from acdcore.media.rtp import RtpPacket
from acdcore.media.rtp import build as build_packet
from bench.sound import DTMF_END_PACKETS, DTMF_EVENTS, DTMF_FRAMES, FRAME_SAMPLES

BEAT_S = 0.1
BEAT_SAMPLES = 800
"""The timestamp goes on through the packets that are left out, as with silence suppression (RFC 3551 section 4.1)."""
REPORT_EACH_BEATS = 10
SOUND = bytes(range(0x50, 0x50 + FRAME_SAMPLES))
"""One packet in either codec: a short noise."""


class Heart(AbstractAsyncContextManager["Heart"]):
    """`async with Heart() as heart:` lets every pulse that it made beat; one task for all of them."""

    def __init__(self) -> None:
        self._pulses: set[Pulse] = set()
        self._beating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._beating = asyncio.get_running_loop().create_task(self._beat())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._beating is not None:
            self._beating.cancel()
        for pulse in tuple(self._pulses):
            pulse.close()

    def new(self) -> "Pulse":
        """Audio for one call; closing it ends it."""
        pulse = Pulse(self)
        self._pulses.add(pulse)
        return pulse

    def forget(self, pulse: "Pulse") -> None:
        """It is closed."""
        self._pulses.discard(pulse)

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        began, beats = loop.time(), 0
        while True:
            for pulse in tuple(self._pulses):
                pulse.beat(beats)
            beats += 1
            await asyncio.sleep(began + beats * BEAT_S - loop.time())


class Pulse:
    """One call's RTP and RTCP sockets."""

    def __init__(self, heart: Heart) -> None:
        self._heart = heart
        self._rtp, self._rtcp = _pair()
        self.port: int = self._rtp.getsockname()[1]
        """The local RTP port."""
        self._remote: Address | None = None
        self._payload_type = 0
        self._dtmf_payload_type: int | None = None
        self._sequence = 0
        self._timestamp = 0
        self.talks = True
        """Whether sound is sent; a mute phone with silence suppression sends none."""
        self.reports = True
        """Whether RTCP is sent."""

    def connect(self, remote: Address, codec: EngineCodec, payload_type: int, dtmf_payload_type: int | None) -> None:
        """Where the other side wants its packets."""
        self._remote, self._payload_type, self._dtmf_payload_type = remote, payload_type, dtmf_payload_type

    def press(self, keys: str) -> None:
        """Press `keys` as telephone-event (RFC 4733), each in one go: the packets carry its length."""
        if self._dtmf_payload_type is None:
            return
        for key in keys:
            for number in range(1, DTMF_FRAMES + DTMF_END_PACKETS):
                end = 0x8A if number >= DTMF_FRAMES else 0x0A
                lasts = min(number, DTMF_FRAMES) * FRAME_SAMPLES
                event = bytes((DTMF_EVENTS.index(key), end)) + lasts.to_bytes(2, "big")
                self._send(self._dtmf_payload_type, event, is_first=number == 1)
            self._timestamp += 2 * DTMF_FRAMES * FRAME_SAMPLES

    def beat(self, beats: int) -> None:
        """100 ms have passed."""
        if self.talks:
            self._send(self._payload_type, SOUND)
        self._timestamp += BEAT_SAMPLES
        if (
            self.reports
            and self._remote is not None
            and beats % REPORT_EACH_BEATS == self.port // 2 % REPORT_EACH_BEATS
        ):
            _try_to_send(self._rtcp, build_report(Report(self.port)), self._remote.host, self._remote.port + 1)

    def close(self) -> None:
        """Give the ports back."""
        self._remote = None
        self._rtp.close()
        self._rtcp.close()
        self._heart.forget(self)

    def _send(self, payload_type: int, payload: bytes, *, is_first: bool = False) -> None:
        if self._remote is None:
            return
        sequence, timestamp = self._sequence & 0xFFFF, self._timestamp & 0xFFFFFFFF
        packet = RtpPacket(payload_type, sequence, timestamp, self.port, payload, is_first)
        self._sequence += 1
        _try_to_send(self._rtp, build_packet(packet), self._remote.host, self._remote.port)


def _try_to_send(out: socket.socket, data: bytes, host: str, port: int) -> None:
    with contextlib.suppress(OSError):  # the other side's port is closed, as after a hang-up, or our buffer is full
        out.sendto(data, (host, port))


def _pair() -> tuple[socket.socket, socket.socket]:
    """An even port and the odd one above (RFC 3550 section 11)."""
    while True:
        rtp, rtcp = _udp(), _udp()
        try:
            rtp.bind(("127.0.0.1", 0))
            port = rtp.getsockname()[1]
            if port % 2 == 0:
                rtcp.bind(("127.0.0.1", port + 1))
                return rtp, rtcp
        except OSError:
            pass
        rtp.close()
        rtcp.close()


def _udp() -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # nobody reads
    return opened
