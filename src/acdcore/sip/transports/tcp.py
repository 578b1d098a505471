"""SIP over TCP: listening sockets, connections of ours, and the framing of both."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import cast

from acdcore.kernel.address import Address
from acdcore.kernel.buckets import source_of
from acdcore.kernel.connection_limits import ConnectionLimits, ConnectionRules
from acdcore.kernel.errors import Unavailable
from acdcore.sip.events import SipFlow, Transport
from acdcore.sip.syntax.framing import PING, PONG, FramingLost, MessageFramed, Ping, StreamFramer
from acdcore.sip.syntax.parser import MalformedMessage
from acdcore.sip.transports.udp import SocketLoss, reason_of_bind

BACKLOG = 512
"""Connections that wait to be accepted: all phones of a site that come back after a power cut."""
WAITING_MAX = 256
"""Messages that wait for one connection to be opened."""
FAREWELL_S = 1.0
"""How long the last bytes (BYE at shutdown) may take to leave before connections are cut."""


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """Limits of all connections."""

    connections: ConnectionRules = field(default_factory=ConnectionRules)
    """How many at once, of known peers and of strangers."""
    idle_s: float = 7_200.0
    """Closed when silent for so long; a closed connection ends its registrations, so it exceeds any refresh of them."""
    first_message_s: float = 10.0
    """A stranger's connection has brought a message by then; a phone sends its REGISTER at once."""
    proof_s: float = 60.0
    """By then it is a known peer's: with right credentials, or from a trunk's address. Otherwise it is closed."""
    write_buffer_max_bytes: int = 1_048_576
    """Unsent bytes for one peer."""
    connect_timeout_s: float = 5.0
    """A connection must be up in this time."""
    ping_every_s: float = 0.0
    """How often a connection opened by us carries a keep-alive (RFC 5626 section 4.4.1); 0 for never. An answer is not
    insisted on: many servers give none."""


@dataclass(frozen=True, slots=True)
class TcpListener:
    """Where connections report to."""

    on_message: Callable[[bytes, SipFlow], None]
    """One framed message."""
    on_lost: Callable[[MalformedMessage, SipFlow], None]
    """The framing is lost; the listener says what to send and then closes the flow."""
    on_closed: Callable[[SipFlow], None]
    """The connection is gone, or could not be opened."""
    is_known: Callable[[str], bool] = lambda host: True
    """Whether an address is a trunk's or a phone's: its connections are not strangers'."""


FLOOD_PAUSE_S = 0.1
"""Nothing is read for so long from a peer over its limit: what it sends waits in its own buffers, not in our loop."""

MESSAGES_A_READ_MAX = 32
"""More of them in one read, some 10 ms of work, and others are served before the next read: the event loop's library
reads a busy connection up to 32 times in a row."""


class Connection(asyncio.Protocol):
    """One TCP connection in either direction."""

    def __init__(self, streams: "TcpStreams", flow: SipFlow | None, listening: Address) -> None:
        self._streams = streams
        self._framer = StreamFramer()
        self._listening = listening
        self._transport: asyncio.Transport | None = None
        self._is_ours = flow is not None
        self.is_in_use = self._is_ours
        """A session, a transaction or a registration may depend on it; nothing depends on a stranger's."""
        self.flow = flow or SipFlow(Transport.TCP, listening, Address("", 0))
        self._patience: asyncio.TimerHandle | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._pause_s = 0.0
        self.last_heard_at = 0.0
        self._has_spoken = False
        self._is_last_chance = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Neither loop's class derives from asyncio.Transport.
        self._transport = cast(asyncio.Transport, transport)
        if not self._is_ours:
            local = transport.get_extra_info("sockname")
            peer = transport.get_extra_info("peername")
            if peer is None:  # reset before it was accepted
                self._transport.abort()
                return
            remote = Address(peer[0], peer[1])
            self.flow = SipFlow(Transport.TCP, Address(local[0], self._listening.port), remote)
            first_message_s = self._streams.limits.first_message_s
            self._patience = asyncio.get_running_loop().call_later(first_message_s, self._run_out)
        self.last_heard_at = asyncio.get_running_loop().time()
        self._streams.opened(self, self._is_ours)

    def data_received(self, data: bytes) -> None:
        self.last_heard_at = asyncio.get_running_loop().time()
        all_framed = self._framer.receive(data)
        if len(all_framed) > MESSAGES_A_READ_MAX:
            self.slow_down(0.0)
        for framed in all_framed:
            if self._transport is None or self._transport.is_closing():
                return  # what came before has closed it, and the rest may be thousands of messages
            match framed:
                case MessageFramed(message):
                    self._has_spoken = True
                    self._streams.heard(self.flow)
                    self._streams.listener.on_message(message, self.flow)
                case Ping():
                    self.write(PONG)
                case FramingLost(fault):
                    self._streams.listener.on_lost(fault, self.flow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_patience()
        if self._pause is not None:
            self._pause.cancel()
        self._streams.closed(self, self._is_ours)

    def _run_out(self) -> None:
        """Time for the first message, or for the proof, is over."""
        self._patience = None
        limits = self._streams.limits
        if self._streams.is_known(self.flow) and self._has_spoken:
            return
        if not self._has_spoken or self._is_last_chance:
            self.abort()
            return
        self._is_last_chance = True
        wait_s = max(0.0, limits.proof_s - limits.first_message_s)
        self._patience = asyncio.get_running_loop().call_later(wait_s, self._run_out)

    def _end_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def write(self, data: bytes) -> None:
        """Send, or drop a peer that has stopped reading."""
        if self._transport is None or self._transport.is_closing():
            self._streams.losses[SocketLoss.NO_CONNECTION] += 1
            return
        if self._transport.get_write_buffer_size() + len(data) > self._streams.limits.write_buffer_max_bytes:
            self._streams.losses[SocketLoss.STALLED] += 1
            self._transport.abort()
            return
        self._transport.write(data)

    def slow_down(self, pause_s: float = FLOOD_PAUSE_S) -> None:
        """Read nothing for a while; TCP holds the peer back meanwhile."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._pause is not None:
            if pause_s <= self._pause_s:
                return  # a thousand messages of one read ask for the same
            self._pause.cancel()
        self._transport.pause_reading()
        self._pause_s = pause_s
        self._pause = asyncio.get_running_loop().call_later(pause_s, self._read_on)

    def _read_on(self) -> None:
        self._pause = None
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def ping(self) -> None:
        """Keep the connection up: proxies and address translators forget those that are silent."""
        self._framer.expect_pong()
        self.write(PING)

    def close(self) -> None:
        """Send what is buffered, then close."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()


class TcpStreams:
    """All TCP connections of a stack."""

    def __init__(self, listener: TcpListener, limits: TcpLimits, losses: Counter[SocketLoss]) -> None:
        self.listener = listener
        self.limits = limits
        self.losses = losses
        self._connections: dict[int, Connection] = {}
        self._counted = ConnectionLimits(limits.connections)
        self._ours: dict[Address, Connection] = {}
        self._opening: dict[Address, asyncio.Task[None]] = {}
        self._waiting: dict[Address, deque[bytes]] = {}
        self._servers: list[asyncio.Server] = []
        self._idle_check: asyncio.TimerHandle | None = None
        self._next_ping: asyncio.TimerHandle | None = None
        self._serial = 0
        self._is_closing = False
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._connections)

    async def listen(self, address: Address) -> Address:
        """Listen on one address; returns the one really bound. Raises Unavailable."""
        loop = asyncio.get_running_loop()
        bound = address

        def accept() -> Connection:
            return Connection(self, None, bound)

        try:
            server = await loop.create_server(accept, address.host, address.port, backlog=BACKLOG)
        except OSError as error:
            raise Unavailable(f"sip: TCP {address} {reason_of_bind(error)}") from error
        name = server.sockets[0].getsockname()
        bound = Address(name[0], name[1])
        self._servers.append(server)
        self._check_idle()
        return bound

    def send(self, data: bytes, flow: SipFlow) -> None:
        """Send on a flow's connection; connection 0 reuses or opens one of ours to that remote."""
        connection = self._connections.get(flow.connection) if flow.connection else self._ours.get(flow.remote)
        if connection is not None:
            connection.write(data)
        elif flow.connection:
            self.losses[SocketLoss.NO_CONNECTION] += 1
        else:
            self._open(data, flow)

    def close_flow(self, flow: SipFlow) -> None:
        """Close one connection after what is buffered has gone out."""
        connection = self._connections.get(flow.connection)
        if connection is not None:
            connection.close()

    def slow_down(self, flow: SipFlow) -> None:
        """The peer sends more over this connection than it may."""
        connection = self._connections.get(flow.connection)
        if connection is not None:
            connection.slow_down()

    def prove(self, flow: SipFlow) -> None:
        """A known peer uses this connection."""
        connection = self._connections.get(flow.connection)
        if connection is not None:
            connection.is_in_use = True
        self._counted.proved(flow.connection)

    def heard(self, flow: SipFlow) -> None:
        """A message came over this connection."""
        self._counted.heard(flow.connection)

    def is_known(self, flow: SipFlow) -> bool:
        """Whether this connection is a known peer's."""
        return self._counted.is_known(flow.connection)

    async def close(self) -> None:
        """Stop listening and close everything; nothing is reported any more."""
        self._is_closing = True
        for timer in (self._idle_check, self._next_ping):
            if timer is not None:
                timer.cancel()
        for server in self._servers:
            server.close()
        opening = list(self._opening.values())
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        for connection in list(self._connections.values()):
            connection.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await self._empty.wait()
        for connection in list(self._connections.values()):
            connection.abort()
        await self._empty.wait()

    def opened(self, connection: Connection, is_ours: bool) -> None:
        """A connection is up: number it and send what waited for it."""
        self._serial += 1
        is_known = is_ours or self.listener.is_known(connection.flow.remote.host)
        surplus = self._counted.opened(self._serial, source_of(connection.flow.remote.host), is_known=is_known)
        if surplus is not None:
            self.losses[SocketLoss.TOO_MANY] += 1
            self._connections.get(surplus, connection).abort()
        if surplus == self._serial:
            return
        if is_ours:
            self._counted.heard(self._serial)
        connection.flow = replace(connection.flow, connection=self._serial)
        connection.is_in_use = is_known
        self._connections[self._serial] = connection
        self._empty.clear()
        if is_ours:
            self._ours[connection.flow.remote] = connection
            self._ping_soon()
            for data in self._waiting.pop(connection.flow.remote, ()):
                connection.write(data)

    def closed(self, connection: Connection, is_ours: bool) -> None:
        """A connection is gone."""
        flow = connection.flow
        self._connections.pop(flow.connection, None)
        self._counted.closed(flow.connection)
        if not self._connections:
            self._empty.set()
        if self._is_closing:
            return
        if is_ours:
            if self._ours.get(flow.remote) is connection:
                del self._ours[flow.remote]
            self._waiting.pop(flow.remote, None)
            # Requests that have not yet been answered know this connection only as the one to be opened.
            self.listener.on_closed(replace(flow, connection=0))
        if flow.connection and connection.is_in_use:  # a peer that opens and closes thousands makes us search nothing
            self.listener.on_closed(flow)

    def _open(self, data: bytes, flow: SipFlow) -> None:
        waiting = self._waiting.setdefault(flow.remote, deque())
        if len(waiting) >= WAITING_MAX:
            self.losses[SocketLoss.NO_CONNECTION] += 1
            return
        waiting.append(data)
        if flow.remote not in self._opening:
            self._opening[flow.remote] = asyncio.get_running_loop().create_task(self._connect(flow))

    async def _connect(self, flow: SipFlow) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.limits.connect_timeout_s):
                await loop.create_connection(lambda: Connection(self, flow, flow.local), *flow.remote)
        except (OSError, TimeoutError):
            self._waiting.pop(flow.remote, None)
            self.listener.on_closed(flow)
        finally:
            self._opening.pop(flow.remote, None)

    def _ping_soon(self) -> None:
        if self._next_ping is None and self.limits.ping_every_s and not self._is_closing:
            self._next_ping = asyncio.get_running_loop().call_later(self.limits.ping_every_s, self._ping)

    def _ping(self) -> None:
        self._next_ping = None
        for connection in self._ours.values():
            connection.ping()
        if self._ours:
            self._ping_soon()

    def _check_idle(self) -> None:
        """Close what has been silent for too long; looks four times in that period."""
        loop = asyncio.get_running_loop()
        if self._idle_check is not None:
            self._idle_check.cancel()
        self._idle_check = loop.call_later(self.limits.idle_s / 4, self._check_idle)
        for connection in list(self._connections.values()):
            if loop.time() - connection.last_heard_at > self.limits.idle_s:
                connection.close()
