"""Whatever is thrown at the ports, the daemon refuses, counts, and takes the next call as if nothing had happened."""

import asyncio
import os
import random
import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from bench.daemon import Daemon
from bench.phone import Phone
from bench.sound import tone
from tests.wire.hearing import seconds_of
from tests.wire.hotline import ORDINARY, SERVICE, VIP
from tests.wire.parties import both_talk, dial_in, pick_up, take_seat
from tests.wire.tones import CALLER_HZ, STRANGER_HZ
from tests.wire.watch import Operator

from acdcore.kernel.address import Address
from acdcore.media.g711 import encode
from acdcore.media.model import EngineCodec
from acdcore.media.rtp import RtpPacket, build

pytestmark = pytest.mark.wire

TORTURE = sorted((Path(__file__).parent.parent / "sip" / "torture").rglob("*.dat"))
SEED = 4475
COUNTERS = ("acdcore_refused", "acdcore_sip_discarded")
OTHER_FILES = 5
"""HTTP's and the database's connections come and go; the sixty of the test may not stay."""
PACE_S = 0.002
"""Between datagrams, so that they are read and not dropped by the kernel."""


def throw(server: Address, datagrams: Iterable[bytes], host: str = "127.0.0.1") -> None:
    """Send each from a port that is gone afterwards."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind((host, 0))
        for datagram in datagrams:
            out.sendto(datagram, (server.host, server.port))
            time.sleep(PACE_S)


def torture_messages() -> list[bytes]:
    """RFC 4475's and our own."""
    return [file.read_bytes() for file in TORTURE]


def random_bytes() -> list[bytes]:
    """Noise of any length."""
    source = random.Random(SEED)
    return [source.randbytes(source.randrange(1, 1500)) for _ in range(200)]


def damaged_messages() -> list[bytes]:
    """Good messages cut short, and with octets replaced."""
    source = random.Random(SEED)
    damaged = []
    for message in torture_messages():
        damaged.append(message[: source.randrange(len(message))])
        spoilt = bytearray(message)
        for _ in range(5):
            spoilt[source.randrange(len(spoilt))] = source.randrange(256)
        damaged.append(bytes(spoilt))
    return damaged


def oversized_messages() -> list[bytes]:
    """As much as a datagram carries: one header without end, and headers without number."""
    start = b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\n"
    return [start + b"Subject: " + b"x" * 60_000, start + b"Via: SIP/2.0/UDP 127.0.0.1\r\n" * 2_000]


def open_files(daemon: Daemon) -> int:
    """How many files and sockets the daemon holds."""
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))


async def serves_a_normal_call(operator: Operator, caller: Phone, agent_phone: Phone) -> bool:
    """Whether a caller reaches an agent."""
    await take_seat(operator, agent_phone, "1001")
    party = await dial_in(caller, SERVICE, VIP)
    agent = await pick_up(agent_phone)
    is_served = await both_talk(party, agent)
    agent.call.hang_up()
    await operator.ended(caller=VIP)
    return is_served


@pytest.mark.parametrize("messages", [torture_messages, random_bytes, damaged_messages, oversized_messages])
async def test_hostile_datagrams_are_counted_and_leave_nothing(
    daemon: Daemon, operator: Operator, caller: Phone, agent_phone: Phone, messages: Callable[[], list[bytes]]
) -> None:
    before = await operator.metrics()
    await asyncio.to_thread(throw, daemon.sip, messages(), "127.0.0.9")
    assert await serves_a_normal_call(operator, caller, agent_phone)
    after = await operator.metrics()
    moved = {name for name in after if name.startswith(COUNTERS) and after[name] > before.get(name, 0)}
    assert moved, "nothing was counted"
    assert (await operator.get("/health/ready"))["is_ready"] is True


async def test_hostile_streams_are_closed_and_slow_ones_hurt_nobody(
    daemon: Daemon, operator: Operator, caller: Phone, agent_phone: Phone
) -> None:
    files_before = open_files(daemon)
    slow = [await asyncio.open_connection(daemon.sip.host, daemon.sip.port) for _ in range(20)]
    for _, writer in slow:
        writer.write(b"INVITE sip:95500@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0")
        await writer.drain()
    for message in [*random_bytes()[:20], *torture_messages()[:20], b"\0" * 100_000]:
        reader, writer = await asyncio.open_connection(daemon.sip.host, daemon.sip.port)
        try:
            writer.write(message)
            await writer.drain()
            writer.write_eof()
            async with asyncio.timeout(5):
                while await reader.read(65536):
                    pass  # whatever is answered, in the end the connection is closed
        except ConnectionError:
            pass  # closed before all was written
        finally:
            writer.close()
    assert await serves_a_normal_call(operator, caller, agent_phone)
    for _, writer in slow:
        writer.close()
        await writer.wait_closed()
    await operator.settle()
    assert open_files(daemon) <= files_before + OTHER_FILES


async def test_audio_of_strangers_is_counted_and_never_heard(
    operator: Operator, caller: Phone, agent_phone: Phone, recordings: Path
) -> None:
    await take_seat(operator, agent_phone, "1001")
    party = await dial_in(caller, SERVICE)
    agent = await pick_up(agent_phone)
    assert await both_talk(party, agent)
    heard_by_then = len(agent.ear.heard), len(party.ear.heard)
    targets = [call.negotiated.remote for call in (party.call, agent.call) if call.negotiated is not None]
    speech = encode(tone(STRANGER_HZ)[:320], EngineCodec.PCMA)
    for sequence in range(50):
        packet = build(RtpPacket(8, sequence, sequence * 160, 0xBAD, speech))
        for target in targets:
            await asyncio.to_thread(throw, target, [packet, b"\x80", b"noise" * 30], "127.0.0.1")
        await asyncio.sleep(0.02)
    assert seconds_of(bytes(agent.ear.heard[heard_by_then[0] :]), STRANGER_HZ) == 0
    assert seconds_of(bytes(party.ear.heard[heard_by_then[1] :]), STRANGER_HZ) == 0
    assert seconds_of(bytes(agent.ear.heard[heard_by_then[0] :]), CALLER_HZ) > 0.9
    assert int(str((await operator.get("/v1/engine"))["packets_refused"])) >= 100
    agent.call.hang_up()
    figures = (await operator.ended(caller=ORDINARY))["figures"]
    assert isinstance(figures, dict)
    assert figures["strangers"] >= 50


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/agents/1001/state", b"{", 400),
        ("POST", "/v1/agents/1001/state", b'{"command": "dance"}', 400),
        ("POST", "/v1/agents/9999/state", b'{"command": "ready"}', 404),
        ("GET", "/v1/calls/no-such-call", b"", 404),
        ("POST", "/v1/calls/no-such-call/hang-up", b"", 404),
        ("GET", "/v1/history/no-such-call", b"", 404),
        ("GET", "/v1/recordings/..%2f..%2fetc/1/audio", b"", 400),
        ("GET", "/v1/history?limit=-1", b"", 400),
        ("POST", "/v1/customers", b'{"name": "\\u0000"}', 400),
    ],
)
async def test_bad_requests_are_refused_with_a_reason(
    operator: Operator, method: str, path: str, body: bytes, status: int
) -> None:
    headers = {"Content-Type": "application/json"}
    async with operator.client.request(method, path, data=body or None, headers=headers) as answer:
        told = await answer.json()
    assert answer.status == status, told
    assert told["error"]


async def test_nothing_is_told_without_a_key(operator: Operator) -> None:
    for path in ("/v1/calls", "/v1/events", "/metrics"):
        async with operator.client.get(path, headers={"X-API-Key": "wrong"}) as answer:
            assert answer.status == 401


async def test_lookup_by_phone_is_quick(operator: Operator, record_property: Callable[[str, object], None]) -> None:
    took_ms = []
    for _ in range(200):
        began = time.perf_counter()
        told = await operator.get(f"/v1/customers/lookup?phone={VIP}")
        took_ms.append((time.perf_counter() - began) * 1000)
        assert told["is_known"] is True
    took_ms.sort()
    record_property("lookup_median_ms", round(took_ms[100], 2))
    record_property("lookup_p95_ms", round(took_ms[190], 2))
    print(f"look-up by phone: median {took_ms[100]:.2f} ms, p95 {took_ms[190]:.2f} ms")
