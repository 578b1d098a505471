"""Starts and stops the control plane."""

import asyncio
import errno
from types import TracebackType
from typing import Self

from aiohttp import web

from acdcore.control.access import access_log
from acdcore.control.app import ControlParts, build
from acdcore.control.connections import CONNECTIONS, IDLE_S, CountedSite
from acdcore.control.keys import Keyring
from acdcore.control.settings import ApiKey, ControlSettings
from acdcore.control.stream import EventStreamRoutes
from acdcore.control.unreadable import ReadingHandler
from acdcore.kernel.address import Address
from acdcore.kernel.errors import Unavailable

SHUTDOWN_S = 5.0
"""Seconds that requests in progress may take when the daemon stops; streams are ended at once."""


class ControlPlane:
    """`async with ControlPlane(settings, parts) as plane:` serves HTTP until the block is left.

    Entering raises Unavailable, with address and remedy, when the address cannot be used.
    """

    def __init__(self, settings: ControlSettings, parts: ControlParts) -> None:
        self._wanted = settings.address
        self._stream = EventStreamRoutes(parts.events, parts.registry)
        self._keyring = Keyring(settings.keys)
        self._runner = web.AppRunner(
            build(settings, parts, self._stream, self._keyring),
            shutdown_timeout=SHUTDOWN_S,
            handle_signals=False,
        )
        self._access_log = access_log(parts.registry)

    def use_keys(self, keys: tuple[ApiKey, ...]) -> None:
        """Accept these keys from now on, and end the event streams of clients whose key is no longer valid."""
        self._stream.end(self._keyring.change(keys))

    @property
    def address(self) -> Address:
        """The address that it listens on; its port differs from the settings when they say 0."""
        host, port = self._runner.addresses[0][:2]
        return Address(host, port)

    @property
    def connections(self) -> int:
        """Number of open connections."""
        return len(self._runner.app[CONNECTIONS])

    async def __aenter__(self) -> Self:
        self._runner.app.on_shutdown.append(self._end_streams)
        await self._runner.setup()
        try:
            await CountedSite(self._runner, self._wanted, self._runner.app[CONNECTIONS], self._handler).start()
        except OSError as error:
            await self._runner.cleanup()
            raise Unavailable(f"http: {listen_problem(error, self._wanted)}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def _handler(self, server: web.Server) -> ReadingHandler:
        loop = asyncio.get_running_loop()
        return ReadingHandler(server, loop=loop, access_log_class=self._access_log, keepalive_timeout=IDLE_S)

    async def _end_streams(self, app: web.Application) -> None:
        self._stream.close()


def listen_problem(error: OSError, address: Address) -> str:
    """Why the address cannot be used, with the remedy."""
    match error.errno:
        case errno.EADDRINUSE:
            return f"{address} is taken; stop the program that has it, or choose another address for http"
        case errno.EADDRNOTAVAIL:
            return f"{address} is not an address of this machine; choose one that is, such as 127.0.0.1"
        case errno.EACCES:
            return f"{address} needs more rights than we have; choose a port above 1023"
        case _:
            return f"{address} cannot be listened on: {error.strerror or error}"
