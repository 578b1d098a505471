"""The far end of a stream for the engine's tests: real sockets on the loopback, no clock of its own."""

import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.media import loudness

from acdcore.kernel.address import Address
from acdcore.media import g711, rtcp, rtp
from acdcore.media.model import EngineCodec, StreamTarget

SO_TIMESTAMPNS = getattr(socket, "SO_TIMESTAMPNS", 35)
DTMF = 101
TALKER = str(Path(__file__).with_name("talker.py"))
LISTEN_S = 5.0
"""How long a test waits for a packet that should come; it takes 20 ms unless the machine is overloaded."""


@dataclass
class Handset:
    """An RTP port and the RTCP port above it."""

    codec: EngineCodec = EngineCodec.PCMU
    host: str = "127.0.0.1"
    ssrc: int = 0x1000
    sequence: int = 65530
    timestamp: int = 0xFFFFFF00
    audio: socket.socket = field(init=False)
    control: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.audio, self.control = _bind_pair(self.host)
        self.audio.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def close(self) -> None:
        self.audio.close()
        self.control.close()

    @property
    def address(self) -> Address:
        return Address(*self.audio.getsockname())

    def target(
        self, *, sends: bool = True, receives: bool = True, dtmf: int | None = DTMF, dtmf_in: tuple[int, ...] = ()
    ) -> StreamTarget:
        return StreamTarget(self.address, self.codec, self.codec.value, dtmf, dtmf_in, sends=sends, receives=receives)

    def talk(self, port: int, payload: bytes | None = None, payload_type: int | None = None) -> None:
        """Send one packet of 20 ms to the engine's port."""
        silence = b"\xff" if self.codec is EngineCodec.PCMU else b"\xd5"
        packet = rtp.RtpPacket(
            self.codec.value if payload_type is None else payload_type,
            self.sequence,
            self.timestamp,
            self.ssrc,
            silence * 160 if payload is None else payload,
        )
        self.sequence = (self.sequence + 1) & 0xFFFF
        if payload_type is None:
            self.timestamp = (self.timestamp + 160) & 0xFFFFFFFF
        self.audio.sendto(rtp.build(packet), (self.host, port))

    def say(self, port: int, pcm: bytes, step_s: float = 0.0) -> None:
        """Send PCM as packets of 20 ms, as fast as `step_s` says."""
        codes = g711.encode(pcm, self.codec)
        for at in range(0, len(codes) - 159, 160):
            self.talk(port, codes[at : at + 160])
            time.sleep(step_s)

    def skip(self, packets: int) -> None:
        """Leave out so many packets of 20 ms, as if they were lost; below zero: go back."""
        self.sequence = (self.sequence + packets) & 0xFFFF
        self.timestamp = (self.timestamp + 160 * packets) & 0xFFFFFFFF

    def talk_apart(self, port: int, packets: int) -> "subprocess.Popen[bytes]":
        """Send packets of 20 ms from another process, the time in each (`talker.py`)."""
        socket = self.audio.fileno()
        return subprocess.Popen([sys.executable, TALKER, str(socket), str(port), str(packets)], pass_fds=[socket])

    def press(self, port: int, key: int, ends: int = 3, payload_type: int = DTMF) -> None:
        """Press a key for 100 ms, without waiting that long."""
        for flags, duration in [(0, 400), *[(0x80, 800)] * ends]:
            self.talk(port, struct.pack("!BBH", key, flags, duration), payload_type)
        self.timestamp = (self.timestamp + 800) & 0xFFFFFFFF

    def hear(self) -> rtp.RtpPacket:
        """The next packet; TimeoutError when none comes."""
        packet = rtp.parse(self.audio.recv(2048))
        assert packet is not None
        return packet

    def listen(self, packets: int) -> list[rtp.RtpPacket]:
        return [self.hear() for _ in range(packets)]

    def hears_nothing(self, for_s: float = 0.06) -> bool:
        self.audio.settimeout(for_s)
        try:
            self.audio.recv(2048)
        except TimeoutError:
            return True
        finally:
            self.audio.settimeout(LISTEN_S)
        return False

    def hear_report(self) -> rtcp.Report:
        report = rtcp.parse(self.control.recv(2048))
        assert report is not None
        return report

    def arrivals(self, packets: int) -> list[tuple[float, bytes]]:
        """The next payloads and when the kernel took them in: our own lateness in reading is not in it."""
        arrived: list[tuple[float, bytes]] = []
        while len(arrived) < packets:
            packet, control, _, _ = self.audio.recvmsg(2048, 64)
            for level, kind, data in control:
                if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                    seconds, nanoseconds = struct.unpack("qq", data)
                    arrived.append((seconds + nanoseconds / 1e9, packet[12:]))
        return arrived


def pcm_of(packets: list[rtp.RtpPacket], codec: EngineCodec) -> bytes:
    return b"".join(g711.decode(packet.payload, codec) for packet in packets)


def loudest(pcm: bytes, candidates_hz: tuple[int, ...] = (300, 440, 700, 1000, 1600)) -> int:
    """Which of some frequencies is heard; 0 when none is."""
    best = max(candidates_hz, key=lambda hz: loudness.power_dbfs(pcm, hz))
    return best if loudness.power_dbfs(pcm, best) > -20 else 0


def is_clean(pcm: bytes, frequency_hz: int) -> bool:
    """Whether a tone came through whole: at the level it was sent with, and nothing beside it."""
    power = loudness.power_dbfs(pcm, frequency_hz)
    return abs(power + 12) < 0.5 and abs(loudness.level_dbfs(pcm) - power) < 0.2


def _bind_pair(host: str) -> tuple[socket.socket, socket.socket]:
    while True:
        first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        second = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        first.bind((host, 0))
        port = first.getsockname()[1]
        try:
            second.bind((host, port + 1 if port % 2 == 0 else 0))
        except OSError:
            port = 1
        if port % 2:
            first.close()
            second.close()
            continue
        first.settimeout(LISTEN_S)
        second.settimeout(LISTEN_S)
        return first, second
