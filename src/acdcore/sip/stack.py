"""The driver of the endpoint: owns the sockets and the one timer, carries out what the endpoint returns."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from acdcore.kernel.address import Address
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import Unavailable
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.endpoint import Endpoint
from acdcore.sip.events import (
    CloseFlow,
    DialogPath,
    Discarded,
    DiscardReason,
    EndpointCensus,
    Fields,
    FlowProven,
    Leniency,
    OutgoingInvite,
    OutgoingRequest,
    Output,
    RequestId,
    ServerTransactionId,
    SessionId,
    SipEvent,
    SipFlow,
    Tolerated,
    Transmit,
    Transport,
    Watch,
)
from acdcore.sip.ladder import MessageDirection, Observer
from acdcore.sip.session.next_hop import ListeningAddresses
from acdcore.sip.syntax.parser import MalformedMessage
from acdcore.sip.syntax.uri import SipUri
from acdcore.sip.transports.tcp import TcpLimits, TcpListener, TcpStreams
from acdcore.sip.transports.udp import WILDCARDS, SocketLoss, UdpSocket, source_host


@dataclass(frozen=True, slots=True)
class StackSettings:
    """Where to listen, and the limits of the sockets."""

    udp: tuple[Address, ...] = ()
    """UDP addresses to bind; port 0 takes any free one."""
    tcp: tuple[Address, ...] = ()
    """TCP addresses to listen on."""
    datagram_max_bytes: int = 65_535
    """Longer datagrams cannot exist over UDP; smaller values refuse earlier."""
    tcp_limits: TcpLimits = field(default_factory=TcpLimits)
    """Connections, idle time, buffers."""


class SipStack:
    """Sockets, timer and endpoint as one async context manager.

    Commands are those of `Endpoint` without `now`. Messages go out during the command; events reach `on_event` in
    order and never from inside a command. Raises Unavailable on entry when an address cannot be bound.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        on_event: Callable[[SipEvent], None],
        settings: StackSettings,
        observer: Observer | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._on_event = on_event
        self._settings = settings
        self._observer = observer
        self._events: deque[SipEvent] = deque()
        self._is_drain_due = False
        self._timer = _Timer(self._deadline_passed)
        listener = TcpListener(self._receive, self._stream_lost, self._flow_closed, self._is_known)
        self._sockets = _Sockets(self._receive, listener, settings)
        self.discarded: Counter[DiscardReason] = Counter()
        self.tolerated: Counter[Leniency] = Counter()

    async def __aenter__(self) -> Self:
        try:
            await self._sockets.open()
            self._endpoint.listen(ListeningAddresses({each: self._sockets.addresses(each) for each in Transport}))
        except BaseException:
            await self._sockets.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        await self._sockets.close()

    @property
    def losses(self) -> Mapping[SocketLoss, int]:
        """What the sockets dropped, by reason."""
        return self._sockets.losses

    @property
    def connections(self) -> int:
        """TCP connections that are up."""
        return self._sockets.connections

    def addresses(self, transport: Transport) -> tuple[Address, ...]:
        """The addresses really bound, in the order of the settings."""
        return self._sockets.addresses(transport)

    def flow_to(self, transport: Transport, remote: Address) -> SipFlow:
        """A flow for a new request; raises Unavailable when we listen on no address of that transport and family."""
        return self._sockets.flow_to(transport, remote)

    def shown_host(self, flow: SipFlow) -> str:
        """The host that our addresses name on this flow."""
        return self._endpoint.shown_host(flow)

    def progress(self, session: SessionId, status: int, body: bytes = b"", headers: Fields = ()) -> None:
        """Send 101 to 199 to a caller."""
        self._carry_out(self._endpoint.progress(session, status, self._clock.now(), body, headers))

    def answer(self, session: SessionId, body: bytes, headers: Fields = ()) -> None:
        """Answer a caller; SessionConfirmed follows."""
        self._carry_out(self._endpoint.answer(session, body, self._clock.now(), headers))

    def refuse(self, session: SessionId, status: int, reason: str | None = None, headers: Fields = ()) -> None:
        """End an unanswered incoming session with 300 to 699."""
        self._carry_out(self._endpoint.refuse(session, status, self._clock.now(), reason, headers))

    def invite(self, invite: OutgoingInvite) -> SessionId:
        """Place a call; its events carry the number returned."""
        session, outputs = self._endpoint.invite(invite, self._clock.now())
        self._carry_out(outputs)
        return session

    def hang_up(self, session: SessionId, headers: Fields = ()) -> None:
        """End a session in the way that its state needs."""
        self._carry_out(self._endpoint.hang_up(session, self._clock.now(), headers))

    def move(self, session: SessionId, flow: SipFlow, contact: SipUri | None = None) -> None:
        """The peer of a session is reached there from now on, where it has registered `contact`."""
        self._endpoint.move(session, flow, contact)

    def set_path(self, session: SessionId, path: DialogPath, credentials: DigestClient | None = None) -> None:
        """Say how requests within the dialog of an incoming session find its peer, and what answers its challenges."""
        self._endpoint.set_path(session, path, credentials)

    def modify(self, session: SessionId, body: bytes) -> None:
        """Offer other media; ModifyAnswered follows."""
        self._carry_out(self._endpoint.modify(session, body, self._clock.now()))

    def accept_modify(self, session: SessionId, body: bytes) -> None:
        """Answer SessionModified with 200."""
        self._carry_out(self._endpoint.accept_modify(session, body, self._clock.now()))

    def refuse_modify(self, session: SessionId, status: int, headers: Fields = ()) -> None:
        """Answer SessionModified with 300 to 699."""
        self._carry_out(self._endpoint.refuse_modify(session, status, self._clock.now(), headers))

    def watch(self, session: SessionId, watch: Watch | None) -> None:
        """Ask from time to time whether the peer is still there; HoldLimitReached may follow."""
        self._carry_out(self._endpoint.watch(session, watch, self._clock.now()))

    def respond(self, transaction: ServerTransactionId, status: int, headers: Fields = (), body: bytes = b"") -> None:
        """Answer RequestArrived."""
        self._carry_out(self._endpoint.respond(transaction, status, self._clock.now(), headers, body))

    def request(self, request: OutgoingRequest) -> RequestId:
        """Send a request outside of dialogs; RequestFinished follows."""
        number, outputs = self._endpoint.request(request, self._clock.now())
        self._carry_out(outputs)
        return number

    def census(self) -> EndpointCensus:
        """What is alive in the endpoint."""
        return self._endpoint.census()

    # --- what the sockets and the timer bring ---

    def _receive(self, data: bytes, flow: SipFlow) -> None:
        now = self._clock.now()
        if self._observer is not None:
            self._observer(MessageDirection.IN, flow, data, now)
        self._transmit(self._endpoint.receive(data, flow, now))
        self._drain()

    def _is_known(self, host: str) -> bool:
        return self._endpoint.is_known(host, self._clock.now())

    def _stream_lost(self, fault: MalformedMessage, flow: SipFlow) -> None:
        self._transmit(self._endpoint.stream_lost(fault, flow, self._clock.now()))
        self._drain()

    def _flow_closed(self, flow: SipFlow) -> None:
        self._transmit(self._endpoint.flow_closed(flow, self._clock.now()))
        self._drain()

    def _deadline_passed(self) -> None:
        self._transmit(self._endpoint.handle_deadline(self._clock.now()))
        self._drain()

    # --- what the endpoint wants ---

    def _carry_out(self, outputs: list[Output]) -> None:
        """After a command: its events wait until the command has returned, so that call control knows the new
        number."""
        self._transmit(outputs)
        if self._events and not self._is_drain_due:
            self._is_drain_due = True
            asyncio.get_running_loop().call_soon(self._drain)

    def _transmit(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Transmit(data, flow):
                    if self._observer is not None:
                        self._observer(MessageDirection.OUT, flow, data, self._clock.now())
                    self._sockets.send(data, flow)
                case CloseFlow(flow):
                    self._sockets.close_flow(flow)
                case FlowProven(flow):
                    self._sockets.prove(flow)
                case Discarded(reason, flow):
                    self.discarded[reason] += 1
                    if reason is DiscardReason.FLOOD and flow.connection:
                        self._sockets.slow_down(flow)
                case Tolerated(leniency):
                    self.tolerated[leniency] += 1
                case event:
                    self._events.append(event)
        self._timer.arm(self._endpoint.next_deadline(), self._clock.now())

    def _drain(self) -> None:
        """Give the events to call control, in order; should it fail on one, the next ones still get there."""
        self._is_drain_due = False
        while self._events:
            event = self._events.popleft()
            try:
                self._on_event(event)
            except Exception:
                self._carry_out([])
                raise


class _Timer:
    """The one timer; moved only when the deadline comes closer, because firing too early costs less than moving."""

    def __init__(self, on_due: Callable[[], None]) -> None:
        self._on_due = on_due
        self._handle: asyncio.TimerHandle | None = None
        self._at = 0.0

    def arm(self, at: float | None, now: float) -> None:
        if at is None or (self._handle is not None and self._at <= at):
            return
        self.cancel()
        self._at = at
        self._handle = asyncio.get_running_loop().call_later(max(0.0, at - now), self._fire)

    def cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        self._handle = None
        self._on_due()


class _Sockets:
    """The sockets of one stack, by transport and address."""

    def __init__(
        self,
        on_message: Callable[[bytes, SipFlow], None],
        listener: TcpListener,
        settings: StackSettings,
    ) -> None:
        self.losses: Counter[SocketLoss] = Counter()
        self._on_message = on_message
        self._settings = settings
        self._udp: list[UdpSocket] = []
        self._tcp = TcpStreams(listener, settings.tcp_limits, self.losses)
        self._tcp_addresses: list[Address] = []

    @property
    def connections(self) -> int:
        return len(self._tcp)

    async def open(self) -> None:
        for address in self._settings.udp:
            bound = UdpSocket(self._on_message, self._settings.datagram_max_bytes, self.losses)
            await bound.bind(address)
            self._udp.append(bound)
        for address in self._settings.tcp:
            self._tcp_addresses.append(await self._tcp.listen(address))

    async def close(self) -> None:
        for bound in self._udp:
            await bound.close()
        await self._tcp.close()

    def addresses(self, transport: Transport) -> tuple[Address, ...]:
        if transport is Transport.UDP:
            return tuple(bound.local for bound in self._udp)
        return tuple(self._tcp_addresses)

    def flow_to(self, transport: Transport, remote: Address) -> SipFlow:
        is_ipv6 = ":" in remote.host
        for local in self.addresses(transport):
            if (":" in local.host) == is_ipv6:
                host = source_host(remote) if local.host in WILDCARDS else local.host
                return SipFlow(transport, Address(host, local.port), remote)
        raise Unavailable(f"sip: no {transport} address of ours can reach {remote}; add one to the settings")

    def send(self, data: bytes, flow: SipFlow) -> None:
        if flow.transport is Transport.TCP:
            self._tcp.send(data, flow)
            return
        for bound in self._udp:
            if bound.local == flow.local or (bound.local.host in WILDCARDS and bound.local.port == flow.local.port):
                bound.send(data, flow.remote)
                return
        self.losses[SocketLoss.SEND_FAILED] += 1

    def close_flow(self, flow: SipFlow) -> None:
        self._tcp.close_flow(flow)

    def slow_down(self, flow: SipFlow) -> None:
        self._tcp.slow_down(flow)

    def prove(self, flow: SipFlow) -> None:
        if flow.connection:
            self._tcp.prove(flow)
