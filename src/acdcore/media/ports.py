"""RTP and RTCP port pairs of one address, given out at random."""

import errno
import socket
import threading

from acdcore.kernel.ids import IdSource
from acdcore.media.model import PortsExhausted

# 500 ms of 20 ms packets, should the engine's thread be stopped so long, are 25; the kernel accounts some 1.2 KB for
# each and doubles what is asked for.
RECEIVE_BUFFER = 32 * 1024
EXPEDITED_FORWARDING = 46 << 2
"""DSCP EF (RFC 3246, RFC 4594 section 4.1) in the TOS octet."""


class PortPairs:
    """Even ports for RTP with the odd one above for RTCP (RFC 3550 section 11).

    Which pair comes next cannot be foreseen. One that was given back rests until half as many others were taken as are
    free, some two thousand with the default range: late packets of an ended call do not reach the next one.
    """

    def __init__(self, address: str, first_port: int, last_port: int, ids: IdSource) -> None:
        """Raises ValueError when the address is no IPv4 literal or the range holds no pair."""
        try:
            socket.inet_pton(socket.AF_INET, address)
        except OSError:
            raise ValueError(f"{address!r} is not an IPv4 address") from None
        self._address = address
        self._ids = ids
        self._lock = threading.Lock()
        first = first_port + first_port % 2
        count = (last_port - first + 1) // 2
        if first < 1024 or last_port > 65535 or count < 1:
            raise ValueError(f"ports {first_port}-{last_port} hold no RTP pair between 1024 and 65535")
        self._range = range(first, first + 2 * count, 2)
        self._free = list(self._range)
        """Those that have rested longest come first; at the start none has been used."""

    def bind(self) -> tuple[int, socket.socket, socket.socket]:
        """The RTP port and the bound sockets (RTP, RTCP); pairs in use by others are skipped.

        Raises PortsExhausted when no pair of the range is free, or when the machine refuses for another reason.
        """
        with self._lock:
            for untried in range(len(self._free), 0, -1):
                port = self._free.pop(self._ids.number((untried + 1) // 2))
                try:
                    return port, *self._bind_pair(port)
                except OSError as error:
                    self._free.append(port)
                    # No descriptor left, or not an address of ours: the next pair would fare no better.
                    if error.errno != errno.EADDRINUSE:
                        raise PortsExhausted(f"port {port} of {self._address}: {error.strerror}") from error
        raise PortsExhausted(f"no RTP port pair is free in {self._range[0]}-{self._range[-1] + 1}")

    def give_back(self, port: int) -> None:
        """The pair's sockets are closed; it rests."""
        self._free.append(port)

    def _bind_pair(self, port: int) -> tuple[socket.socket, socket.socket]:
        rtp = _bind(self._address, port)
        try:
            return rtp, _bind(self._address, port + 1)
        except OSError:
            rtp.close()
            raise


def _bind(address: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        bound.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, EXPEDITED_FORWARDING)
        bound.bind((address, port))
    except OSError:
        bound.close()
        raise
    return bound
