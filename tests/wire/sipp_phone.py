"""SIPp as a phone that listens before it presses: SIPp's signalling, with a voice, an ear and keys of the test's own.

SIPp plays audio by the clock only (`sipp_caller.py`), which is no way to follow a menu. Here its session description
names a socket of ours, which hears, speaks and presses keys (RFC 4733) when the test says so.
"""

import asyncio
import shutil
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import pytest
from bench.sound import Sound, tone
from tests.wire.hearing import Ear, SoundEar
from tests.wire.sipp_caller import SCENARIOS

from acdcore.kernel.address import Address
from acdcore.media.model import EngineCodec

HOST = "127.0.0.1"
PCMA = 8
DTMF = 101
"""The payload types in the scenarios."""
RINGS_FOR_S = 0.3


class SymmetricSound(Sound):
    """Speaks to wherever it first hears from: SIPp keeps what the other side described to itself."""

    def __init__(self) -> None:
        super().__init__()
        self._is_connected = False

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self._is_connected:
            self._is_connected = True
            self.connect(Address(addr[0], addr[1]), EngineCodec.PCMA, PCMA, DTMF)
        super().datagram_received(data, addr)


class SippPhone(AbstractAsyncContextManager["SippPhone"]):
    """`async with calling(...) as phone:` or `async with ringing(...)`: one call of a SIPp of its own."""

    def __init__(self, directory: Path, speaks_hz: float, command: list[str]) -> None:
        """`command` is what follows SIPp's name."""
        self._errors = directory / f"{speaks_hz:.0f}-errors.log"
        self._speaks_hz = speaks_hz
        self._command = [*command, "-trace_err", "-error_file", str(self._errors)]
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        sipp = require_sipp()
        self.sound = cast(SymmetricSound, await SymmetricSound.open(HOST))
        self.ear: Ear = SoundEar(self.sound)
        self.sound.say(tone(self._speaks_hz))
        nothing = asyncio.subprocess.DEVNULL
        ports = ("-key", "rtp_port", str(self.sound.port))
        self._process = await asyncio.create_subprocess_exec(
            sipp, *self._command, *ports, cwd=self._errors.parent, stdout=nothing, stderr=nothing
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self.sound.close()

    def press(self, keys: str) -> None:
        """Press keys, one after the other."""
        self.sound.press(keys)

    async def parted(self, within_s: float = 10.0) -> None:
        """The other side has hung up, and every message was as in the scenario; raises TimeoutError, AssertionError."""
        async with asyncio.timeout(within_s):
            status = await self._running().wait()
        assert status == 0, self._errors.read_text() if self._errors.exists() else f"SIPp ended with {status}"

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("SIPp has not been started")
        return self._process


def calling(directory: Path, server: Address, dialled: str, number: str, speaks_hz: float) -> SippPhone:
    """A phone that calls `dialled` on `server` as `number`."""
    command = [str(server), "-sf", str(SCENARIOS / "phone_calls.xml"), "-s", dialled, "-key", "caller", number]
    return SippPhone(directory, speaks_hz, [*command, *one_call()])


def ringing(directory: Path, port: int, speaks_hz: float, scenario: str = "phone_rings") -> SippPhone:
    """A phone that listens on `port`, rings shortly, and answers, unless the scenario refuses the call."""
    command = ["-sf", str(SCENARIOS / f"{scenario}.xml"), "-p", str(port), "-d", str(round(1000 * RINGS_FOR_S))]
    return SippPhone(directory, speaks_hz, [*command, *one_call()])


def one_call() -> tuple[str, ...]:
    """SIPp's options for one call over UDP on the loopback interface."""
    return ("-i", HOST, "-mi", HOST, "-m", "1", "-t", "u1", "-timeout", "90s", "-nostdin")


def require_sipp() -> str:
    """SIPp's path; skips the test where it is missing. It sends no audio itself, so that no right is needed."""
    path = shutil.which("sipp")
    if path is None:
        pytest.skip("needs SIPp: install Debian's sip-tester")
    return path
