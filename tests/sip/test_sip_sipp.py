"""A real stack against SIPp, a stranger's SIP: hundreds of calls over loopback, in both roles, and nothing left."""

import asyncio
import shutil
import socket
from pathlib import Path

import pytest
from bench.ports import free_port

from acdcore.kernel.address import Address
from acdcore.kernel.clock import SystemClock
from acdcore.kernel.ids import IdSource
from acdcore.sip.endpoint import Endpoint, EndpointSettings
from acdcore.sip.events import (
    EndCause,
    EndpointCensus,
    InviteArrived,
    OutgoingInvite,
    SessionAnswered,
    SessionEnded,
    SipEvent,
    Transport,
)
from acdcore.sip.stack import SipStack, StackSettings
from acdcore.sip.syntax.headers import NameAddr
from acdcore.sip.syntax.uri import SipUri
from acdcore.sip.transaction.timers import Timing

LOOPBACK = Address("127.0.0.1", 0)
SIPP = shutil.which("sipp")
CALLS, RATE = 150, 100
TIMING = Timing(t1_s=0.1, t2_s=0.2, t4_s=0.2, d_s=0.5)
"""A short memory, so that the end of the last transaction can be waited for; SIPp may be kept waiting for 6 s."""
WAIT_S = 30.0
LOOK_S = 0.05
NOTHING_LEFT = EndpointCensus(0, 0, 0, 0, 0)
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
    b"a=rtpmap:8 PCMA/8000\r\n"
)

pytestmark = pytest.mark.skipif(SIPP is None, reason="SIPp is not installed")


class Switch:
    """Answers every call, hangs up on every call of its own once it is answered, and counts how they end."""

    def __init__(self) -> None:
        self.events: list[SipEvent] = []
        endpoint = Endpoint(EndpointSettings(timing=TIMING), IdSource(1))
        settings = StackSettings(udp=(LOOPBACK,), tcp=(LOOPBACK,))
        self.stack = SipStack(endpoint, SystemClock(), self._take, settings)

    def _take(self, event: SipEvent) -> None:
        self.events.append(event)
        match event:
            case InviteArrived(session):
                self.stack.progress(session, 180)
                self.stack.answer(session, SDP)
            case SessionAnswered(session):
                self.stack.hang_up(session)
            case _:
                pass

    def heard(self, kind: type[SipEvent]) -> list[SipEvent]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until_nothing_is_left(self) -> None:
        for _ in range(round(WAIT_S / LOOK_S)):
            if self.stack.census() == NOTHING_LEFT:
                return
            await asyncio.sleep(LOOK_S)
        raise AssertionError(f"{self.stack.census()} is left")


async def sipp(directory: Path, port: int, *arguments: str) -> asyncio.subprocess.Process:
    """SIPp at a port of its own; at 5060, its own choice, it would share what comes in with whoever listens there."""
    return await asyncio.create_subprocess_exec(
        SIPP or "sipp",
        *arguments,
        *("-i", "127.0.0.1", "-p", str(port), "-m", str(CALLS), "-nostdin", "-timeout", f"{WAIT_S:.0f}s"),
        cwd=directory,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def exit_status(process: asyncio.subprocess.Process) -> int:
    """How SIPp ended; one that waits for a call that nobody knows of any more is ended here."""
    try:
        async with asyncio.timeout(3 * WAIT_S):
            return await process.wait()
    except TimeoutError:
        process.kill()
        return await process.wait()


@pytest.mark.parametrize("transport", Transport)
async def test_calls_of_a_stranger_all_end_well(transport: Transport, tmp_path: Path) -> None:
    switch = Switch()
    async with switch.stack:
        server = switch.stack.addresses(transport)[0]
        mode = "u1" if transport is Transport.UDP else "t1"
        port = free_port(socket.SOCK_DGRAM if transport is Transport.UDP else socket.SOCK_STREAM)
        caller = await sipp(tmp_path, port, str(server), "-sn", "uac", "-r", str(RATE), "-d", "100", "-t", mode)
        assert await exit_status(caller) == 0, "SIPp got what its scenario expects"
        ended = switch.heard(SessionEnded)
        assert len(ended) == len(switch.heard(InviteArrived)) == CALLS
        assert all(isinstance(event, SessionEnded) and event.cause is EndCause.BYE for event in ended)
        await switch.until_nothing_is_left()
        assert not switch.stack.discarded and not switch.stack.losses


async def test_calls_to_a_stranger_all_end_well(tmp_path: Path) -> None:
    switch = Switch()
    async with switch.stack:
        remote = Address("127.0.0.1", free_port(socket.SOCK_DGRAM))
        callee = await sipp(tmp_path, remote.port, "-sn", "uas", "-t", "u1")
        target = SipUri("sip", "service", remote.host, remote.port)
        me = NameAddr(SipUri("sip", "switch", "127.0.0.1"))
        flow = switch.stack.flow_to(Transport.UDP, remote)
        for _ in range(CALLS):
            switch.stack.invite(OutgoingInvite(target, flow, me, NameAddr(target), SDP))
            await asyncio.sleep(1 / RATE)
        assert await exit_status(callee) == 0
        assert len(switch.heard(SessionAnswered)) == CALLS
        await switch.until_nothing_is_left()
