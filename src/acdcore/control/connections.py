"""HTTP connections: limits their number and their idle time for clients without a key; aiohttp limits neither."""

import asyncio
from collections.abc import Callable
from typing import cast

from aiohttp import web

from acdcore.kernel.address import Address
from acdcore.kernel.buckets import source_of
from acdcore.kernel.connection_limits import ConnectionLimits, ConnectionRules

RULES = ConnectionRules(known_max=512, strangers_max=128, source_max=64)
"""Limits of connections: wallboards, CRMs and Prometheus need dozens, the event stream 256, a browser six."""
IDLE_S = 15.0
"""Seconds until the first request's head, and between requests: a client can open a new connection in a millisecond."""
BODY_S = 15.0
"""Seconds for a request's body of 1 MiB at most."""
BACKLOG = 512
"""Connections that wait to be accepted."""
CONNECTIONS: "web.AppKey[Connections]" = web.AppKey("connections")
"""The key under which the application holds its connections."""


class Connections:
    """Every HTTP connection of the control plane. One that has shown a valid key no longer counts as a stranger's."""

    def __init__(self, rules: ConnectionRules = RULES) -> None:
        self._limits = ConnectionLimits(rules)
        self._open: dict[int, asyncio.Transport] = {}
        self._numbers: dict[tuple[object, ...], int] = {}
        self._serial = 0
        self.refused = 0
        """Connections closed because there were too many."""

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, transport: asyncio.Transport) -> int:
        """Count a new connection; if there are too many, one is closed at once, perhaps this one."""
        self._serial += 1
        number = self._serial
        peer = peer_of(transport)
        self._open[number] = transport
        self._numbers[peer] = number
        surplus = self._limits.opened(number, source_of(str(peer[0])), is_known=False)
        if surplus is not None:
            self.refused += 1
            self._open[surplus].abort()
        return number

    def closed(self, number: int, transport: asyncio.Transport) -> None:
        """Forget a connection that was closed."""
        self._open.pop(number, None)
        self._limits.closed(number)
        peer = peer_of(transport)
        if self._numbers.get(peer) == number:
            del self._numbers[peer]

    def heard(self, request: web.BaseRequest, *, is_known: bool) -> None:
        """Note a request on a connection, and whether it had a valid key."""
        transport = request.transport
        number = self._numbers.get(peer_of(transport)) if transport is not None else None
        if number is None:
            return
        self._limits.heard(number)
        if is_known:
            self._limits.proved(number)


class CountedProtocol(asyncio.Protocol):
    """Wraps aiohttp's protocol, and counts its connection."""

    def __init__(self, inner: asyncio.Protocol, connections: Connections) -> None:
        self._inner = inner
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._number = self._connections.opened(self._transport)
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._connections.closed(self._number, self._transport)
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


class CountedSite(web.BaseSite):
    """A listening address whose connections are counted. `start` raises OSError."""

    def __init__(
        self,
        runner: web.AppRunner,
        address: Address,
        connections: Connections,
        make: Callable[[web.Server], asyncio.Protocol],
    ) -> None:
        """`make` gives the protocol of a new connection to the runner's server."""
        super().__init__(runner, backlog=BACKLOG)
        self._address = address
        self._connections = connections
        self._make = make

    @property
    def name(self) -> str:
        return f"http://{self._address}"

    async def start(self) -> None:
        await super().start()
        server = cast(web.Server, self._runner.server)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: CountedProtocol(self._make(server), self._connections),
            self._address.host,
            self._address.port,
            backlog=self._backlog,
        )


def peer_of(transport: asyncio.BaseTransport) -> tuple[object, ...]:
    """Address and port of the other end, as a key; unique for one listening address."""
    peer = transport.get_extra_info("peername")
    return tuple(peer) if peer else ("", id(transport))
