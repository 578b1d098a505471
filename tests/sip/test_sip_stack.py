"""The drivers on real loopback sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network

import pytest
import uvloop

from acdcore.kernel.address import Address
from acdcore.kernel.buckets import Rate
from acdcore.kernel.clock import SystemClock
from acdcore.kernel.connection_limits import ConnectionRules
from acdcore.kernel.errors import Unavailable
from acdcore.kernel.ids import IdSource
from acdcore.sip.admission import SourceLimits, Sources
from acdcore.sip.endpoint import Endpoint, EndpointSettings
from acdcore.sip.events import (
    DialogPath,
    DiscardReason,
    EndCause,
    FlowClosed,
    InDialog,
    InviteArrived,
    OutgoingInvite,
    OutgoingRequest,
    RequestFinished,
    SessionAnswered,
    SessionConfirmed,
    SessionEnded,
    SessionId,
    SessionRefused,
    SipEvent,
    SipFlow,
    Transport,
)
from acdcore.sip.ladder import LadderMessage, MessageDirection, ladder_message, render
from acdcore.sip.stack import SipStack, StackSettings
from acdcore.sip.syntax.headers import NameAddr
from acdcore.sip.syntax.uri import SipUri
from acdcore.sip.transaction.timers import Timing
from acdcore.sip.transports.tcp import FLOOD_PAUSE_S, TcpLimits
from acdcore.sip.transports.udp import SocketLoss

LOOPBACK = Address("127.0.0.1", 0)
OPTIONS = (
    b"OPTIONS sip:us SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKa\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:us>\r\n"
    b"Call-ID: one\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
WAIT_S = 5.0
"""A message over loopback takes well under a millisecond; this only ends a broken test."""
OFFER, ANSWER = b"v=0 offer\r\n", b"v=0 answer\r\n"


class Phone:
    """A stack that keeps the events that it reports."""

    def __init__(
        self,
        seed: int,
        settings: StackSettings | None = None,
        timing: Timing | None = None,
        sources: Sources | None = None,
    ) -> None:
        self.events: list[SipEvent] = []
        self.messages: list[LadderMessage] = []
        self._heard = asyncio.Event()
        self.on_event: Callable[[SipEvent], None] = lambda event: None
        self.stack = SipStack(
            Endpoint(EndpointSettings(timing=timing or Timing()), IdSource(seed), sources=sources),
            SystemClock(),
            self._take,
            settings or StackSettings(udp=(LOOPBACK,), tcp=(LOOPBACK,)),
            self._see,
        )

    def _take(self, event: SipEvent) -> None:
        self.events.append(event)
        self._heard.set()
        self.on_event(event)

    def _see(self, direction: MessageDirection, flow: SipFlow, data: bytes, now: float) -> None:
        self.messages.append(ladder_message(direction, flow, data, now))
        self._heard.set()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something that a message or an event brings."""
        async with asyncio.timeout(WAIT_S):
            while not is_so():
                self._heard.clear()
                await self._heard.wait()

    async def heard(self, kind: type[SipEvent]) -> SipEvent:
        await self.until(lambda: any(isinstance(event, kind) for event in self.events))
        return next(event for event in self.events if isinstance(event, kind))

    async def heard_events(self, count: int) -> None:
        await self.until(lambda: len(self.events) >= count)

    def address(self, transport: Transport) -> Address:
        return self.stack.addresses(transport)[0]

    def invite(self, other: "Phone", transport: Transport) -> SessionId:
        remote = other.address(transport)
        target = SipUri.parse(f"sip:bob@{remote}")
        me = NameAddr(SipUri.parse("sip:alice@example.com"))
        flow = self.stack.flow_to(transport, remote)
        return self.stack.invite(OutgoingInvite(target, flow, me, NameAddr(target), OFFER))


@asynccontextmanager
async def two_phones() -> AsyncIterator[tuple[Phone, Phone]]:
    alice, bob = Phone(1), Phone(2)
    async with alice.stack, bob.stack:
        yield alice, bob


@pytest.fixture
async def phones() -> AsyncIterator[tuple[Phone, Phone]]:
    async with two_phones() as pair:
        yield pair


async def call(transport: Transport) -> str:
    """A whole call, hung up by the callee; returns its ladder."""
    async with two_phones() as (alice, bob):

        def answer(event: SipEvent) -> None:
            if isinstance(event, InviteArrived):
                bob.stack.progress(event.session, 180)
                bob.stack.answer(event.session, ANSWER)

        bob.on_event = answer
        session = alice.invite(bob, transport)
        assert await alice.heard(SessionAnswered) == SessionAnswered(session, ANSWER)
        confirmed = await bob.heard(SessionConfirmed)
        assert isinstance(confirmed, SessionConfirmed)
        bob.stack.hang_up(confirmed.session)
        assert await alice.heard(SessionEnded) == SessionEnded(session, EndCause.BYE)
        names = {alice.address(transport): "alice", bob.address(transport): "bob"}
        return render([one for one in alice.messages if one.receiver in names and one.sender in names], names)


def call_on(new_loop: Callable[[], asyncio.AbstractEventLoop], transport: Transport) -> str:
    loop = new_loop()
    try:
        return loop.run_until_complete(call(transport))
    finally:
        loop.close()


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
async def test_call_over_real_sockets(new_loop: Callable[[], asyncio.AbstractEventLoop], transport: Transport) -> None:
    ladder = await asyncio.to_thread(call_on, new_loop, transport)
    for arrow in ("INVITE sdp", "180 Ringing", "200 OK (INVITE) sdp", "ACK", "BYE"):
        assert arrow in ladder


async def test_events_of_a_command_come_after_it_has_returned() -> None:
    phone = Phone(1)
    async with phone.stack:
        flow = phone.stack.flow_to(Transport.UDP, phone.address(Transport.UDP))
        me = NameAddr(SipUri.parse("sip:alice@example.com"))
        endpoint = Endpoint(EndpointSettings(sessions_max=0), IdSource(3))
        full = SipStack(endpoint, SystemClock(), phone.events.append, StackSettings(udp=(LOOPBACK,)))
        async with full:
            session = full.invite(OutgoingInvite(SipUri.parse("sip:bob@127.0.0.1"), flow, me, me, OFFER))
            assert phone.events == []
            await asyncio.sleep(0)
            assert [event.session for event in phone.events if isinstance(event, SessionRefused)] == [session]


async def test_a_failing_listener_does_not_swallow_later_events() -> None:
    heard: list[SipEvent] = []
    failures: list[str] = []

    def listener(event: SipEvent) -> None:
        heard.append(event)
        if len(heard) == 1:
            raise LookupError("first")

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failures.append(str(context.get("exception"))))
    endpoint = Endpoint(EndpointSettings(sessions_max=0), IdSource(3))
    async with SipStack(endpoint, SystemClock(), listener, StackSettings(udp=(LOOPBACK,))) as stack:
        me = NameAddr(SipUri.parse("sip:alice@example.com"))
        flow = stack.flow_to(Transport.UDP, stack.addresses(Transport.UDP)[0])
        for _ in range(2):
            stack.invite(OutgoingInvite(SipUri.parse("sip:bob@127.0.0.1"), flow, me, me, OFFER))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert len(heard) == 2
    assert failures == ["first"]


@pytest.mark.parametrize("transport", Transport)
async def test_taken_address_is_named(transport: Transport) -> None:
    phone = Phone(1)
    async with phone.stack:
        taken = phone.address(transport)
        settings = StackSettings(udp=(taken,)) if transport is Transport.UDP else StackSettings(tcp=(taken,))
        with pytest.raises(Unavailable, match=f"sip: {transport} {taken} is taken"):
            await Phone(2, settings).stack.__aenter__()


async def test_foreign_address_is_named() -> None:
    with pytest.raises(Unavailable, match=r"sip: UDP 192\.0\.2\.1:5060 is not an address of this machine"):
        await Phone(1, StackSettings(udp=(Address("192.0.2.1", 5060),))).stack.__aenter__()


async def test_flow_to_a_transport_without_a_socket_is_refused() -> None:
    async with Phone(1, StackSettings(udp=(LOOPBACK,))).stack as stack:
        with pytest.raises(Unavailable, match="no TCP address"):
            stack.flow_to(Transport.TCP, Address("127.0.0.1", 5060))


async def test_wildcard_address_is_replaced_by_the_one_that_the_peer_sees() -> None:
    async with Phone(1, StackSettings(udp=(Address("0.0.0.0", 0),))).stack as stack:
        flow = stack.flow_to(Transport.UDP, Address("127.0.0.1", 5060))
        assert flow.local.host == "127.0.0.1"


async def test_connection_that_cannot_be_opened_is_503(phones: tuple[Phone, Phone]) -> None:
    alice, _ = phones
    gone = Phone(3)
    async with gone.stack:
        remote = gone.address(Transport.TCP)
    target = SipUri.parse(f"sip:{remote}")
    flow = alice.stack.flow_to(Transport.TCP, remote)
    number = alice.stack.request(OutgoingRequest("OPTIONS", target, flow, NameAddr(target), NameAddr(target)))
    assert await alice.heard(RequestFinished) == RequestFinished(number, 503, None)


async def ask(phone: Phone, remote: Address) -> int:
    """Send OPTIONS over TCP; the status of its end."""
    target = SipUri.parse(f"sip:{remote}")
    flow = phone.stack.flow_to(Transport.TCP, remote)
    phone.stack.request(OutgoingRequest("OPTIONS", target, flow, NameAddr(target), NameAddr(target)))
    finished = await phone.heard(RequestFinished)
    assert isinstance(finished, RequestFinished)
    return finished.status


async def test_peer_that_closes_before_it_answers_is_503(phones: tuple[Phone, Phone]) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, *LOOPBACK) as server:
        host, port = server.sockets[0].getsockname()
        assert await ask(phones[0], Address(host, port)) == 503


async def test_peer_that_does_not_read_is_dropped(phones: tuple[Phone, Phone]) -> None:
    _, bob = phones
    settings = StackSettings(tcp=(LOOPBACK,), tcp_limits=TcpLimits(write_buffer_max_bytes=10))
    narrow = Phone(3, settings)
    async with narrow.stack as stack:
        assert await ask(narrow, bob.address(Transport.TCP)) == 503
        assert stack.losses[SocketLoss.STALLED] == 1


async def test_idle_connection_is_closed() -> None:
    phone = Phone(1, StackSettings(tcp=(LOOPBACK,), tcp_limits=TcpLimits(idle_s=0.02)))
    async with phone.stack:
        reader, writer = await asyncio.open_connection(*phone.address(Transport.TCP))
        async with asyncio.timeout(WAIT_S):
            assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize("is_callers", [True, False], ids=["caller", "callee"])
async def test_talk_whose_connection_was_closed_is_ended_over_another_one(is_callers: bool) -> None:
    settings = StackSettings(tcp=(LOOPBACK,), tcp_limits=TcpLimits(idle_s=0.2))
    alice, bob = Phone(1, settings), Phone(2, settings)
    async with alice.stack, bob.stack:

        def answer(event: SipEvent) -> None:
            if isinstance(event, InviteArrived):
                bob.stack.set_path(event.session, DialogPath(InDialog.ROUTE))
                bob.stack.answer(event.session, ANSWER)

        bob.on_event = answer
        session = alice.invite(bob, Transport.TCP)
        confirmed = await bob.heard(SessionConfirmed)
        assert isinstance(confirmed, SessionConfirmed)
        await alice.until(lambda: FlowClosed in map(type, alice.events))
        await bob.until(lambda: FlowClosed in map(type, bob.events))
        leaving, staying = (alice, bob) if is_callers else (bob, alice)
        leaving.stack.hang_up(session if is_callers else confirmed.session)
        ended = await staying.heard(SessionEnded)
        assert isinstance(ended, SessionEnded)
        assert ended.cause is EndCause.BYE
        await leaving.until(lambda: leaving.stack.census().sessions == 0)


async def test_connection_of_ours_carries_pings() -> None:
    pings = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(3):
            assert await reader.readexactly(4) == b"\r\n\r\n"
            writer.write(b"\r\n")
        pings.set()
        await reader.read()
        writer.close()

    phone = Phone(1, StackSettings(tcp=(LOOPBACK,), tcp_limits=TcpLimits(ping_every_s=0.01)))
    async with await asyncio.start_server(listen, *LOOPBACK) as server, phone.stack as stack:
        host, port = server.sockets[0].getsockname()
        target = SipUri.parse(f"sip:{host}:{port}")
        flow = stack.flow_to(Transport.TCP, Address(host, port))
        stack.request(OutgoingRequest("OPTIONS", target, flow, NameAddr(target), NameAddr(target)))
        async with asyncio.timeout(WAIT_S):
            await pings.wait()


async def test_connection_that_brings_no_message_is_closed() -> None:
    phone = Phone(1, StackSettings(tcp=(LOOPBACK,), tcp_limits=TcpLimits(first_message_s=0.5)))
    async with phone.stack as stack:
        address = phone.address(Transport.TCP)
        asking, asked = await asyncio.open_connection(*address)
        asked.write(OPTIONS)
        dripping, dripped = await asyncio.open_connection(*address)
        dripped.write(b"\r\n\r\nOPTIONS sip:us SIP/2.0\r\nX-Never: ends")
        async with asyncio.timeout(WAIT_S):
            assert (await asking.readline()).startswith(b"SIP/2.0 200")
            with suppress(ConnectionResetError):
                assert await dripping.read() == b"\r\n", "a pong, and the end"
        assert stack.connections == 1, "who has asked something may stay"
        asked.close()
        dripped.close()


async def test_options_over_tcp_reuses_the_connection(phones: tuple[Phone, Phone]) -> None:
    alice, bob = phones
    remote = bob.address(Transport.TCP)
    target = SipUri.parse(f"sip:{remote}")
    flow = alice.stack.flow_to(Transport.TCP, remote)
    for count in (1, 2):
        alice.stack.request(OutgoingRequest("OPTIONS", target, flow, NameAddr(target), NameAddr(target)))
        await alice.heard_events(count)
    assert [event.status for event in alice.events if isinstance(event, RequestFinished)] == [200, 200]
    assert bob.stack.connections == 1


async def test_unframable_stream_is_answered_and_closed(phones: tuple[Phone, Phone]) -> None:
    _, bob = phones
    reader, writer = await asyncio.open_connection(*bob.address(Transport.TCP))
    writer.write(
        b"OPTIONS sip:bob@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
        b"To: <sip:bob@127.0.0.1>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n"
    )
    async with asyncio.timeout(WAIT_S):
        answer = await reader.read()
    assert answer.startswith(b"SIP/2.0 400")
    writer.close()


async def test_ping_is_answered_with_pong(phones: tuple[Phone, Phone]) -> None:
    _, bob = phones
    reader, writer = await asyncio.open_connection(*bob.address(Transport.TCP))
    writer.write(b"\r\n\r\n")
    async with asyncio.timeout(WAIT_S):
        assert await reader.readexactly(2) == b"\r\n"
    writer.close()


async def test_connections_above_the_limit_are_closed() -> None:
    settings = StackSettings(tcp=(LOOPBACK,), tcp_limits=TcpLimits(connections=ConnectionRules(known_max=1)))
    phone = Phone(1, settings)
    async with phone.stack as stack:
        _, first = await asyncio.open_connection(*phone.address(Transport.TCP))
        first.write(OPTIONS)
        await phone.until(lambda: bool(phone.messages))
        reader, second = await asyncio.open_connection(*phone.address(Transport.TCP))
        async with asyncio.timeout(WAIT_S):
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
        assert stack.connections == 1
        assert stack.losses[SocketLoss.TOO_MANY] == 1
        first.close()
        second.close()


async def test_garbage_and_long_datagrams_are_counted() -> None:
    phone = Phone(1, StackSettings(udp=(LOOPBACK,), datagram_max_bytes=2_000))
    async with phone.stack as stack:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=phone.address(Transport.UDP)
        )
        transport.sendto(b"x" * 3_000)
        transport.sendto(b"\r\n\r\n")
        transport.sendto(b"not SIP at all\r\n\r\n")
        await phone.until(lambda: stack.discarded[DiscardReason.MALFORMED] == 1)
        assert stack.losses[SocketLoss.TOO_LONG] == 1
        transport.close()


async def test_the_timer_fires_deadlines() -> None:
    phone = Phone(1, timing=Timing(t1_s=0.01))
    async with phone.stack as stack:
        with Silent() as silent:
            target = SipUri.parse(f"sip:{silent}")
            flow = stack.flow_to(Transport.UDP, silent)
            me = NameAddr(SipUri.parse("sip:alice@example.com"))
            stack.invite(OutgoingInvite(target, flow, me, me, OFFER))
            await phone.until(lambda: len(phone.messages) == 3)
    first, *repeated = phone.messages
    assert all(message.data == first.data for message in repeated)


class Silent:
    """A UDP port that takes everything and says nothing."""

    def __enter__(self) -> Address:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        host, port = self._socket.getsockname()
        return Address(host, port)

    def __exit__(self, *_: object) -> None:
        self._socket.close()


async def test_idle_strangers_over_tcp_leave_room_for_a_phone_that_registers() -> None:
    rules = ConnectionRules(known_max=10, strangers_max=20, source_max=20)
    phone = Phone(1, StackSettings(tcp=(LOOPBACK,), tcp_limits=TcpLimits(connections=rules)), sources=Sources())
    async with phone.stack as stack:
        address = phone.address(Transport.TCP)
        idlers = [await asyncio.open_connection(*address) for _ in range(60)]
        reader, asked = await asyncio.open_connection(*address)
        asked.write(OPTIONS)
        async with asyncio.timeout(WAIT_S):
            assert (await reader.readline()).startswith(b"SIP/2.0 200")
        assert stack.connections <= rules.strangers_max
        for _, writer in [*idlers, (reader, asked)]:
            writer.close()


async def test_stranger_who_proves_nothing_is_closed_in_the_end() -> None:
    limits = TcpLimits(first_message_s=0.05, proof_s=0.1)
    phone = Phone(1, StackSettings(tcp=(LOOPBACK,), tcp_limits=limits), sources=Sources())
    async with phone.stack as stack:
        reader, asked = await asyncio.open_connection(*phone.address(Transport.TCP))
        asked.write(OPTIONS)
        async with asyncio.timeout(WAIT_S):
            with suppress(ConnectionResetError):
                assert (await reader.read()).startswith(b"SIP/2.0 200")
        assert stack.connections == 0
        asked.close()


async def test_closed_connection_is_looked_for_only_where_something_may_hang_on_it() -> None:
    sources = Sources()
    phone = Phone(1, StackSettings(tcp=(LOOPBACK,)), sources=sources)
    async with phone.stack, asyncio.timeout(WAIT_S):
        for is_known in (False, True):
            if is_known:
                sources.trust("127.0.0.1", SystemClock().now())
            reader, asked = await asyncio.open_connection(*phone.address(Transport.TCP))
            asked.write(OPTIONS)
            assert (await reader.readline()).startswith(b"SIP/2.0 200")
            asked.close()
        await phone.heard(FlowClosed)
        closed = [event.flow.connection for event in phone.events if isinstance(event, FlowClosed)]
        assert closed == [2]  # the stranger's was the first


async def test_peer_that_sends_too_much_over_tcp_is_held_back() -> None:
    sources = Sources(SourceLimits(trunk=Rate(20.0, 50.0)))
    sources.use_trunks([ip_network("127.0.0.0/8")])
    phone = Phone(1, StackSettings(tcp=(LOOPBACK,)), sources=sources)
    async with phone.stack as stack:
        reader, writer = await asyncio.open_connection(*phone.address(Transport.TCP))
        sending = asyncio.create_task(everything(writer, OPTIONS * 200_000))
        answers, begun_at = 0, asyncio.get_running_loop().time()
        async with asyncio.timeout(WAIT_S):
            while answers < 80:  # the first 50, and a second and a half
                answers += (await reader.readline()).startswith(b"SIP/2.0 200")
        reads_max = 2 + (asyncio.get_running_loop().time() - begun_at) / FLOOD_PAUSE_S
        read_bytes_max = 262_144
        assert 0 < stack.discarded[DiscardReason.FLOOD] <= reads_max * read_bytes_max / len(OPTIONS)
        sending.cancel()
        await asyncio.wait([sending])
        writer.transport.abort()


async def test_stream_of_thousands_of_requests_is_answered_whole_though_its_reads_are_spread() -> None:
    phone, requests = Phone(1, StackSettings(udp=(LOOPBACK,), tcp=(LOOPBACK,))), 10_000
    async with phone.stack:
        reader, writer = await asyncio.open_connection(*phone.address(Transport.TCP))
        sending = asyncio.create_task(everything(writer, OPTIONS * requests))
        answers = 0
        async with asyncio.timeout(6 * WAIT_S):
            while answers < requests:
                answers += (await reader.readline()).startswith(b"SIP/2.0 200")
        await sending
        writer.close()


async def everything(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()
