"""Port pairs: even below odd, not to be foreseen, never one that somebody else holds."""

import itertools
import resource
import socket

import pytest

from acdcore.kernel.ids import IdSource
from acdcore.media.model import PortsExhausted
from acdcore.media.ports import PortPairs

FIRST = 32100


@pytest.mark.parametrize("taken", [FIRST, FIRST + 1])
def test_pair_with_either_port_taken_is_passed_over(taken: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", taken))
        port, rtp, rtcp = PortPairs("127.0.0.1", FIRST, FIRST + 3, IdSource(1)).bind()
    with rtp, rtcp:
        assert port == FIRST + 2
        assert (rtp.getsockname()[1], rtcp.getsockname()[1]) == (FIRST + 2, FIRST + 3)


def test_range_is_exhausted_when_all_are_held() -> None:
    pairs = PortPairs("127.0.0.1", FIRST, FIRST + 1, IdSource(1))
    port, rtp, rtcp = pairs.bind()
    with rtp, rtcp, pytest.raises(PortsExhausted, match=f"{FIRST}-{FIRST + 1}"):
        pairs.bind()
    pairs.give_back(port)
    assert take(pairs) == FIRST


def take(pairs: PortPairs) -> int:
    """A pair's port; its sockets are closed at once."""
    port, rtp, rtcp = pairs.bind()
    rtp.close()
    rtcp.close()
    return port


def test_every_pair_of_the_range_is_given_out_once() -> None:
    pairs = PortPairs("127.0.0.1", FIRST, FIRST + 99, IdSource(1))
    assert sorted(take(pairs) for _ in range(50)) == list(range(FIRST, FIRST + 100, 2))
    with pytest.raises(PortsExhausted):
        pairs.bind()


def test_next_pair_cannot_be_foreseen() -> None:
    given = []
    for seed in range(8):
        pairs = PortPairs("127.0.0.1", FIRST, FIRST + 999, IdSource(seed))
        given.append([take(pairs) for _ in range(8)])
    assert len({tuple(ports) for ports in given}) == 8
    steps = [later - sooner for ports in given for sooner, later in itertools.pairwise(ports)]
    assert len(set(steps)) > len(steps) // 2


def test_pair_that_was_given_back_rests_for_half_of_the_free_ones() -> None:
    pairs = PortPairs("127.0.0.1", FIRST, FIRST + 99, IdSource(1))
    ended = take(pairs)
    pairs.give_back(ended)
    for _ in range(24):
        port = take(pairs)
        assert port != ended
        pairs.give_back(port)


def test_address_of_another_machine_is_named_at_once() -> None:
    with pytest.raises(PortsExhausted, match=r"port \d+ of 192\.0\.2\.1: Cannot assign"):
        PortPairs("192.0.2.1", 20000, 65000, IdSource(1)).bind()


def test_lack_of_descriptors_is_named_at_once() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as lowest:
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest.fileno() + 1, limits[1]))
    try:
        with pytest.raises(PortsExhausted, match=f"{FIRST} of 127.0.0.1: Too many open files"):
            PortPairs("127.0.0.1", FIRST, FIRST + 1, IdSource(1)).bind()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize(("first", "last"), [(20000, 20000), (20001, 20002), (20, 30), (65534, 65536), (30000, 20000)])
def test_range_without_a_pair_is_refused(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="no RTP pair"):
        PortPairs("127.0.0.1", first, last, IdSource(1))


@pytest.mark.parametrize("address", ["", "localhost", "::1", "127.0.0"])
def test_address_that_is_no_ipv4_literal_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="IPv4"):
        PortPairs(address, 20000, 20010, IdSource(1))
