"""SIP over UDP: one bound socket, datagrams in and out."""

import asyncio
import errno
import socket
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import cast

from acdcore.kernel.address import Address
from acdcore.kernel.errors import Unavailable
from acdcore.sip.events import SipFlow, Transport

RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
"""Asked of the kernel for each socket: a burst of 100 set-ups while Python pauses must not be lost."""
SOURCES_MAX = 4_096
"""Peers whose route is remembered when we are bound to a wildcard address."""
WILDCARDS = frozenset({"0.0.0.0", "::"})

OnDatagram = Callable[[bytes, SipFlow], None]


class SocketLoss(StrEnum):
    """Why a driver dropped something before the endpoint saw it, or after; counted."""

    TOO_LONG = "too_long"
    """A datagram above the limit."""
    SEND_FAILED = "send_failed"
    """The kernel refused or the peer's host said that nobody listens."""
    NO_CONNECTION = "no_connection"
    """A TCP connection that is gone."""
    TOO_MANY = "too_many_connections"
    """A TCP connection above the limit."""
    STALLED = "stalled"
    """A TCP peer that stopped reading."""


class UdpSocket(asyncio.DatagramProtocol):
    """One listening address."""

    def __init__(self, on_datagram: OnDatagram, datagram_max_bytes: int, losses: Counter[SocketLoss]) -> None:
        self._on_datagram = on_datagram
        self._datagram_max_bytes = datagram_max_bytes
        self._losses = losses
        self._transport: asyncio.DatagramTransport | None = None
        self._sources: dict[str, Address] = {}
        self._closed = asyncio.Event()
        self.local = Address("", 0)

    async def bind(self, address: Address) -> None:
        """Raises Unavailable when the address is taken or not ours."""
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_DGRAM)
        bound.setblocking(False)
        try:
            bound.bind((address.host, address.port))  # not left to the loop: uvloop would not say why it failed
        except OSError as error:
            bound.close()
            raise Unavailable(f"sip: UDP {address} {reason_of_bind(error)}") from error
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=bound)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Neither loop's class derives from asyncio.DatagramTransport.
        self._transport = cast(asyncio.DatagramTransport, transport)
        host, port = transport.get_extra_info("sockname")[:2]
        self.local = Address(host, port)
        bound = transport.get_extra_info("socket")
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        if len(data) > self._datagram_max_bytes:
            self._losses[SocketLoss.TOO_LONG] += 1
            return
        remote = Address(str(addr[0]), int(addr[1]))
        self._on_datagram(data, SipFlow(Transport.UDP, self.source_for(remote), remote))

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set()

    def error_received(self, exc: Exception) -> None:
        self._losses[SocketLoss.SEND_FAILED] += 1

    def send(self, data: bytes, remote: Address) -> None:
        """Send one datagram; what the kernel refuses is counted, and retransmission deals with it."""
        if self._transport is None or self._transport.is_closing():
            self._losses[SocketLoss.SEND_FAILED] += 1
            return
        self._transport.sendto(data, remote)

    def source_for(self, remote: Address) -> Address:
        """The address of ours that a peer sees: on a wildcard address the kernel's route tells."""
        if self.local.host not in WILDCARDS:
            return self.local
        found = self._sources.get(remote.host)
        if found is None:
            if len(self._sources) >= SOURCES_MAX:
                self._sources.clear()
            found = self._sources[remote.host] = Address(source_host(remote), self.local.port)
        return found

    async def close(self) -> None:
        """Close the socket; what the kernel could not take yet is dropped."""
        if self._transport is not None:
            self._transport.abort()
            await self._closed.wait()


def source_host(remote: Address) -> str:
    """The local host that the kernel would send from (a UDP connect sends nothing); loopback when there is no way."""
    is_ipv6 = ":" in remote.host
    with socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote.host, remote.port or 5060))
        except OSError:
            return "::1" if is_ipv6 else "127.0.0.1"
        host: str = probe.getsockname()[0]
        return host


def reason_of_bind(error: OSError) -> str:
    """Why an address cannot be bound, in words that help the operator."""
    match error.errno:
        case errno.EADDRINUSE:
            return "is taken by another program; stop it or choose another port in the settings"
        case errno.EADDRNOTAVAIL:
            return "is not an address of this machine; correct it in the settings"
        case errno.EACCES:
            return "needs privileges: ports below 1024 belong to root"
        case _:
            return f"cannot be bound: {error.strerror or error}"
