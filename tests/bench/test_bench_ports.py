"""What runs side by side does not meet at a port."""

import contextlib
import socket
from collections.abc import Iterator

import pytest
from bench.ports import BLOCK, BLOCKS, NoPorts, PortBlock


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    with contextlib.closing(PortBlock()) as block:
        yield block


def test_two_blocks_share_no_port() -> None:
    with contextlib.closing(PortBlock()) as one, contextlib.closing(PortBlock()) as other:
        assert one.free_port(socket.SOCK_DGRAM) // BLOCK != other.free_port(socket.SOCK_DGRAM) // BLOCK
        assert not set(one.media_range(800)) & set(other.media_range(800))


def test_ports_come_again_only_after_all_others(ports: PortBlock) -> None:
    ranges = [ports.media_range(600) for _ in range(4)]
    assert len({port for given in ranges[:3] for port in given}) == 900
    assert ranges[3] == ranges[0]
    singles = [ports.free_port(socket.SOCK_DGRAM) for _ in range(50)]
    assert len(set(singles)) == 50


def test_listener_in_use_is_passed_over(ports: PortBlock) -> None:
    first = ports.free_port(socket.SOCK_STREAM)
    with socket.socket() as other:
        other.bind(("127.0.0.1", first + 1))
        assert ports.free_port(socket.SOCK_STREAM) > first + 1


def test_large_range_takes_blocks_side_by_side(ports: PortBlock) -> None:
    given = ports.media_range(BLOCK + 200)
    assert given[0] in BLOCKS and given[-1] + 1 == given[0] + BLOCK + 199


def test_range_beyond_every_block_is_refused(ports: PortBlock) -> None:
    with pytest.raises(NoPorts, match="wait for one to end"):
        ports.media_range(100_000)
