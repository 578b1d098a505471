"""A bare UDP echo: the round-trip time of the machine alone, to a process on the daemon's core and back.

`python -m bench.echo` is the echo: it prints its port and sends back what comes. `Probe` is the other end, on the
event loop of the phones.
"""

import asyncio
import os
import socket
import sys
import time
from bisect import bisect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

PACKET_BYTES = 1_000
"""About as long as an INVITE."""
DATAGRAM_MAX_BYTES = 65_535


class Probe(asyncio.DatagramProtocol):
    """Sends single packets to the echo and notes each round-trip time."""

    def __init__(self) -> None:
        self.away_ms: list[float] = []
        self.sent_at: list[float] = []
        """`time.monotonic()` of each that came back."""
        self.came_back = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # as with SIP: no loop derives from that class

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        self.away_ms.append(1000 * (time.monotonic() - self._sent_at))
        self.sent_at.append(self._sent_at)
        self.came_back.set()

    async def send_every(self, gap_s: float) -> None:
        """One after the other, until cancelled."""
        while True:
            self.send()
            await asyncio.sleep(gap_s)
            await self.came_back.wait()

    def is_quiet(self, at: float, limit_ms: float) -> bool:
        """Whether the packets before and after `at` were both back within `limit_ms`."""
        after = bisect(self.sent_at, at)
        around = self.away_ms[max(0, after - 1) : after + 1]
        return len(around) > 1 and max(around) <= limit_ms

    def send(self) -> None:
        """Send one; the one before should be back."""
        if self._transport is not None:
            self.came_back.clear()
            self._sent_at = time.monotonic()
            self._transport.sendto(bytes(PACKET_BYTES))


@asynccontextmanager
async def echoing(core: int) -> AsyncIterator[Probe]:
    """An echo on `core`, and a probe that is connected to it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.echo", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    if process.stdout is None:
        raise RuntimeError("the echo has no output")
    try:
        os.sched_setaffinity(process.pid, {core})
        remote = ("127.0.0.1", int(await process.stdout.readline()))
        transport, probe = await asyncio.get_running_loop().create_datagram_endpoint(Probe, remote_addr=remote)
        try:
            yield probe
        finally:
            transport.close()
    finally:
        process.kill()
        await process.wait()


def main() -> None:
    """Echo until killed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        print(bound.getsockname()[1], flush=True)
        while True:
            data, sender = bound.recvfrom(DATAGRAM_MAX_BYTES)
            bound.sendto(data, sender)


if __name__ == "__main__":
    main()
