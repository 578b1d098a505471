"""The audio of many phones: sockets opened here, `rtpload` that sends and measures, and `floor`, a bare relay."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from acdcore.kernel.address import Address
from acdcore.media.model import EngineCodec
from acdcore.media.rtp import RtpPacket, build
from bench.daemon import cpu_s
from bench.sound import DTMF_END_PACKETS, DTMF_EVENTS, DTMF_FRAMES, FRAME_SAMPLES

BIN = Path(__file__).parent / "bin"
RTPLOAD, FLOOR = BIN / "rtpload", BIN / "floor"
PCMA = 8
RECEIVE_BUFFER = 32 * 1024
"""Half a second of packets; a waiting caller's music, which nobody reads, must not fill the kernel's memory."""
WARM_UP_S = 1.5
"""Long enough for phones to be latched on to and for the processor's clock to rise."""
SETTLE_S = 0.3
"""How long rtpload waits for the last packets."""
ENDS_WITHIN_S = 10.0


class ToolMissing(Exception):
    """`rtpload` or `floor` is missing: `make tools`."""


class LoadFailed(Exception):
    """`rtpload` or `floor` ended with an error."""


class Slot:
    """One phone's RTP socket; the phone's signalling learns the far end, `rtpload` sends and reads."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.socket.setblocking(False)
        self.socket.bind((host, 0))
        self.remote: Address | None = None
        self._dtmf_payload_type: int | None = None
        self._timestamp = 0
        self._sequence = 0

    @property
    def port(self) -> int:
        """The local RTP port."""
        port: int = self.socket.getsockname()[1]
        return port

    def connect(self, remote: Address, codec: EngineCodec, payload_type: int, dtmf_payload_type: int | None) -> None:
        """Set the address that the other side receives at."""
        self.remote = remote
        self._dtmf_payload_type = dtmf_payload_type

    def press(self, keys: str) -> None:
        """Press `keys` as telephone-event (RFC 4733), each in one go: the packets carry its length."""
        if self.remote is None or self._dtmf_payload_type is None:
            return
        for key in keys:
            for number in range(1, DTMF_FRAMES + DTMF_END_PACKETS):
                is_end = number >= DTMF_FRAMES
                payload = bytes((DTMF_EVENTS.index(key), 0x8A if is_end else 0x0A))
                payload += (min(number, DTMF_FRAMES) * FRAME_SAMPLES).to_bytes(2, "big")
                packet = RtpPacket(
                    self._dtmf_payload_type, self._sequence, self._timestamp, self.port, payload, number == 1
                )
                self._sequence += 1
                self.socket.sendto(build(packet), self.remote)
            self._timestamp += 2 * DTMF_FRAMES * FRAME_SAMPLES

    def close(self) -> None:
        """Give the port back."""
        self.socket.close()


@dataclass(frozen=True, slots=True)
class Pair:
    """The two phones of one call and where each sends; one whose port is negative only listens."""

    caller: Slot
    agent: Slot
    caller_to: Address
    agent_to: Address


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """How `rtpload` runs."""

    seconds: float
    """The window that is measured."""
    tick_us: int
    """Streams send in steps of this length."""
    core: int
    """Where it runs."""


@dataclass(frozen=True, slots=True)
class Window:
    """What one run of `rtpload` saw, and what the process in between took."""

    sent: int
    lost: int
    misrouted: int
    """Packets that came out at the wrong phone."""
    invaded: int
    """Phones that heard from where they send something which none of them has sent: prompts, music, strangers."""
    expected: int
    """Packets that all streams together had to send in the time."""
    delay_p50_ms: float
    delay_p99_ms: float
    gap_p99_ms: float
    gap_max_ms: float
    send_late_p99_ms: float
    """How late the load itself sent: a measure of the machine's disturbances."""
    load_cpu_pct: float
    cpu_pct: float | None
    """Of the process that was watched; None when there was none."""
    streams: int

    @property
    def sent_by_each(self) -> float:
        """Packets of one phone, on an average."""
        return self.sent / self.streams


async def carry(pairs: Sequence[Pair], settings: LoadSettings, pid: int | None) -> Window:
    """Send 50 packets a second each way on every pair, and measure; `pid` is the process that carries them.

    Raises ToolMissing, LoadFailed.
    """
    if not RTPLOAD.exists():
        raise ToolMissing("bench/bin/rtpload is missing; run make tools")
    descriptors = [slot.socket.fileno() for pair in pairs for slot in (pair.caller, pair.agent)]
    arguments = f"--inherit --seconds {settings.seconds} --warmup-s {WARM_UP_S} --payload-type {PCMA}"
    process = await asyncio.create_subprocess_exec(
        *(str(RTPLOAD), *arguments.split(), "--tick-us", str(settings.tick_us), "--cpu", str(settings.core)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        pass_fds=descriptors,
    )
    watching = asyncio.create_task(watch_cpu(pid, settings.seconds))
    try:
        async with asyncio.timeout(WARM_UP_S + settings.seconds + SETTLE_S + ENDS_WITHIN_S):
            out, said = await process.communicate(stream_table(pairs).encode())
            cpu_pct = await watching
    finally:
        watching.cancel()
        await end(process)
    if process.returncode != 0:
        raise LoadFailed(said.decode().strip())
    return window_of(out, len(descriptors), settings.seconds, cpu_pct)


def stream_table(pairs: Sequence[Pair]) -> str:
    """The input of `rtpload`: caller and agent of each pair in adjacent lines, each the other's partner."""
    lines = []
    for index, pair in enumerate(pairs):
        caller, agent = pair.caller.socket.fileno(), pair.agent.socket.fileno()
        lines.append(f"{caller} {pair.caller_to.host} {pair.caller_to.port} {2 * index + 1}")
        lines.append(f"{agent} {pair.agent_to.host} {pair.agent_to.port} {2 * index}")
    return "\n".join(lines) + "\n"


def window_of(out: bytes, streams: int, seconds: float, cpu_pct: float | None) -> Window:
    """The figures that `rtpload` printed."""
    figures: dict[str, float] = json.loads(out)
    return Window(
        sent=int(figures["sent"]),
        lost=int(figures["lost"]),
        misrouted=int(figures["misrouted"]),
        invaded=int(figures["invaded"]),
        expected=round(50 * seconds * streams),
        delay_p50_ms=figures["delay_p50_ms"],
        delay_p99_ms=figures["delay_p99_ms"],
        gap_p99_ms=figures["gap_p99_ms"],
        gap_max_ms=figures["gap_max_ms"],
        send_late_p99_ms=figures["send_late_p99_ms"],
        load_cpu_pct=figures["cpu_pct"],
        cpu_pct=cpu_pct,
        streams=streams,
    )


async def watch_cpu(pid: int | None, seconds: float) -> float | None:
    """The share of a core that a process takes after the warm-up, for so long; None without a process."""
    if pid is None:
        return None
    await asyncio.sleep(WARM_UP_S)
    loop = asyncio.get_running_loop()
    began_at, began_cpu_s = loop.time(), cpu_s(pid)
    await asyncio.sleep(seconds)
    return 100 * (cpu_s(pid) - began_cpu_s) / (loop.time() - began_at)


@contextlib.asynccontextmanager
async def relaying(pairs: Sequence[Pair], core: int) -> AsyncIterator[tuple[int, list[Pair]]]:
    """Run `floor` for the same phones: its process, and the pairs as they have to send to it.

    Raises ToolMissing, LoadFailed.
    """
    if not FLOOR.exists():
        raise ToolMissing("bench/bin/floor is missing; run make tools")
    ports = free_ports(2 * len(pairs))
    sides = list(zip(ports[::2], ports[1::2], pairs, strict=True))
    table = "".join(f"{a} {b} {pair.caller.port} {pair.agent.port}\n" for a, b, pair in sides)
    process = await asyncio.create_subprocess_exec(
        *(str(FLOOR), "--cpu", str(core)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise LoadFailed("floor: no pipes")
        process.stdin.write(table.encode())
        process.stdin.close()
        async with asyncio.timeout(ENDS_WITHIN_S):
            if await process.stdout.readline() != b"ready\n":
                raise LoadFailed((await process.stderr.read()).decode().strip())
        host = "127.0.0.1"
        yield process.pid, [Pair(pair.caller, pair.agent, Address(host, a), Address(host, b)) for a, b, pair in sides]
    finally:
        await end(process)


def free_ports(count: int) -> list[int]:
    """So many different UDP ports of 127.0.0.1 that were free a moment ago."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


async def end(process: asyncio.subprocess.Process) -> None:
    """Make sure that the process has ended."""
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(ENDS_WITHIN_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
