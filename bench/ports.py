"""Ports that only this process uses, so that tests and benchmarks that run at the same time do not collide.

Every process takes a block below the range from which Linux gives free ports to those who ask for none in particular
(32768 and above), so that phones do not meet it either. A socket bound to the block's first TCP port keeps others out
as long as the process runs.
"""

import atexit
import contextlib
import functools
import itertools
import socket

HOST = "127.0.0.1"
BLOCK = 2_000
BLOCKS = range(10_000, 32_000, BLOCK)
"""Where they begin. Low ones are taken first: the shipped configuration has its media ports from 20000 on."""
SINGLE = 200
"""Of a block's ports, the first are for listeners, the others for ranges of media ports."""


class NoPorts(Exception):
    """Nothing is left of what was asked for."""


class PortBlock:
    """The ports of one process, given out one after the other and round again, until `close`."""

    def __init__(self) -> None:
        """Takes the first block that nobody has; raises NoPorts."""
        self._locks = contextlib.ExitStack()
        first = self._take(1)
        self._single = itertools.cycle(range(first + 1, first + SINGLE))
        self._media = range(first + SINGLE, first + BLOCK, 2)
        self._next = 0

    def close(self) -> None:
        """Leave them to others."""
        self._locks.close()

    def free_port(self, kind: socket.SocketKind) -> int:
        """A port of 127.0.0.1 that was free a moment ago; raises NoPorts."""
        for port in itertools.islice(self._single, SINGLE):
            with socket.socket(socket.AF_INET, kind) as probe:
                if _is_bound(probe, port):
                    return port
        raise NoPorts(f"none of the {SINGLE} ports below {self._media[0]} is free")

    def media_range(self, ports: int) -> range:
        """Even ports of a range of `ports`, RTP and RTCP together; raises NoPorts."""
        pairs = (ports + 1) // 2
        if pairs > len(self._media):
            first = self._take(-(-ports // BLOCK))
            return range(first, first + 2 * pairs, 2)
        if self._next + pairs > len(self._media):
            self._next = 0
        given = self._media[self._next : self._next + pairs]
        self._next += pairs
        return given

    def _take(self, count: int) -> int:
        """The first port of `count` blocks side by side, ours from now on."""
        for start in range(len(BLOCKS) - count + 1):
            with contextlib.ExitStack() as locks:
                taken = [locks.enter_context(_tcp()) for _ in range(count)]
                if all(map(_is_bound, taken, BLOCKS[start : start + count])):
                    self._locks.enter_context(locks.pop_all())
                    return BLOCKS[start]
        raise NoPorts(f"other processes have the ports from {BLOCKS[0]} to {BLOCKS.stop}: wait for one to end")


@functools.cache
def block() -> PortBlock:
    """This process's block."""
    taken = PortBlock()
    atexit.register(taken.close)
    return taken


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    return block().free_port(kind)


def media_range(ports: int) -> tuple[int, int]:
    """The first and the last port of a range that no process beside this one uses."""
    pairs = block().media_range(ports)
    return pairs[0], pairs[-1] + 1


def media_environment(ports: int) -> dict[str, str]:
    """The same as a daemon's settings."""
    first, last = media_range(ports)
    return {"ACDCORE_MEDIA__FIRST_PORT": str(first), "ACDCORE_MEDIA__LAST_PORT": str(last)}


def listener_environment() -> dict[str, str]:
    """Ports for a daemon to listen at, or to be looked at by `acdcore check`, as its settings."""
    sip = str(free_port(socket.SOCK_DGRAM))
    return {"ACDCORE_SIP__UDP_PORT": sip, "ACDCORE_SIP__TCP_PORT": sip, "ACDCORE_HTTP__PORT": str(free_port())}


def _tcp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM)


def _is_bound(opened: socket.socket, port: int) -> bool:
    try:
        opened.bind((HOST, port))
    except OSError:
        return False
    return True
