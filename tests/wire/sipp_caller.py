"""SIPp as a caller: a real stranger's SIP, its voice and keys from raw sockets, and our ear on its RTP port."""

import asyncio
import shutil
import socket
import struct
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from bench.sound import tone
from tests.wire.hearing import RtpEar

from acdcore.kernel.address import Address
from acdcore.media.g711 import encode
from acdcore.media.model import EngineCodec
from acdcore.media.rtp import RtpPacket, build

SCENARIOS = Path(__file__).parent / "sipp"
TALK_S = 25.0
"""How long the caller speaks at most."""
EAR_OFFSET = 8
"""SIPp binds its own media port and those beside it; the scenario names one further on, which is ours to listen on."""
FRAME_SAMPLES = 160
KEY_AT_FRAMES = 50
"""The key is pressed after a second: past the greeting."""
DTMF = 101
SSRC = 0x0ACD


class Sipp(AbstractAsyncContextManager["Sipp"]):
    """`async with Sipp(...) as caller:` places one call; `finished` is SIPp's own verdict on it."""

    def __init__(
        self, directory: Path, server: Address, dialled: str, number: str, scenario: str = "caller", pause_s: float = 0
    ) -> None:
        """`pause_s` is how long the scenario pauses, where it says so."""
        self._command = [
            *(require_sipp(), str(server), "-sf", str(SCENARIOS / f"{scenario}.xml"), "-s", dialled),
            *("-key", "caller", number, "-d", str(round(1000 * pause_s)), "-i", "127.0.0.1", "-mi", "127.0.0.1"),
            *("-m", "1", "-t", "u1", "-timeout", "60s"),
            *("-nostdin", "-trace_err", "-error_file", str(directory / "sipp-errors.log")),
        ]
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None
        self._listening: RtpEar | None = None

    async def __aenter__(self) -> Self:
        media_port = free_media_port()
        self._listening = await RtpEar.open(media_port + EAR_OFFSET)
        self.ear = self._listening.ear
        return_code_only = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            "-mp",
            str(media_port),
            cwd=self._directory,
            stdout=return_code_only,
            stderr=return_code_only,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._listening is not None:
            self._listening.close()

    async def finished(self, within_s: float) -> int:
        """SIPp's exit status: 0 when every message was as the scenario says. Raises TimeoutError."""
        assert self._process is not None
        async with asyncio.timeout(within_s):
            return await self._process.wait()


def require_sipp() -> str:
    """SIPp's path; skips the test where SIPp, or the right to send raw packets, is missing."""
    path = shutil.which("sipp")
    if path is None:
        pytest.skip("needs SIPp: install Debian's sip-tester")
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP).close()
    except PermissionError:
        pytest.skip("SIPp (Debian's sip-tester) plays audio through raw sockets: run as root or give it CAP_NET_RAW")
    return path


def free_media_port() -> int:
    """An even port with a free one `EAR_OFFSET` further on."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1] & ~1
        try:
            for offset in (0, 2, EAR_OFFSET):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    probe.bind(("127.0.0.1", port + offset))
        except OSError:
            continue
        return port


def write_caller(file: Path, key: str, frequency_hz: float) -> None:
    """A packet capture for SIPp to play: silence while the greeting is heard, a key, then a tone.

    SIPp's own `play_dtmf` sends events of zeros here, so the key (RFC 4733) is made by us as well.
    """
    pcm = tone(frequency_hz)
    silence = encode(bytes(2 * FRAME_SAMPLES), EngineCodec.PCMA)
    speech = [encode(pcm[start : start + 320], EngineCodec.PCMA) for start in range(0, len(pcm) - 319, 320)]
    packets = [RtpPacket(8, 0, 0, SSRC, silence)] * KEY_AT_FRAMES + key_packets(key)
    packets += [RtpPacket(8, 0, 0, SSRC, speech[number % len(speech)]) for number in range(int(TALK_S * 50))]
    with file.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, packet in enumerate(packets):
            begun = KEY_AT_FRAMES if packet.payload_type == DTMF else number
            timed = replace(packet, sequence=number, timestamp=begun * FRAME_SAMPLES)
            out.write(captured(build(timed), number * 20_000))


def key_packets(key: str) -> list[RtpPacket]:
    """One key pressed for 100 ms, its end sent three times."""
    durations = [(number * FRAME_SAMPLES, 0x0A) for number in range(1, 6)] + [(5 * FRAME_SAMPLES, 0x8A)] * 3
    return [
        RtpPacket(DTMF, 0, 0, SSRC, struct.pack(">BBH", int(key), flags, duration), place == 0)
        for place, (duration, flags) in enumerate(durations)
    ]


def captured(rtp: bytes, microseconds: int) -> bytes:
    """One packet of a capture: Ethernet, IPv4, UDP; SIPp puts in its own addresses."""
    udp = struct.pack(">HHHH", 4000, 4002, 8 + len(rtp), 0) + rtp
    loopback = b"\x7f\0\0\1"
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, loopback, loopback)
    frame = bytes(12) + b"\x08\x00" + ip + udp
    return struct.pack("<IIII", *divmod(microseconds, 1_000_000), len(frame), len(frame)) + frame
