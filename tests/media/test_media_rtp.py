"""RTP packets: what is built is parsed, what is malformed is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.media.rtp import RtpPacket, build, parse

PACKET = RtpPacket(8, 0xFFFE, 0xFFFFFF60, 0xDEADBEEF, bytes(range(160)), marker=True)

packets = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=480),
    marker=st.booleans(),
)


@given(packets)
def test_what_is_built_is_parsed(packet: RtpPacket) -> None:
    assert parse(build(packet)) == packet


def test_header_lies_as_rfc_3550_draws_it() -> None:
    assert build(PACKET)[:12].hex() == "8088fffeffffff60deadbeef"


def with_first(data: bytes, first: int) -> bytes:
    return bytes([first]) + data[1:]


@pytest.mark.parametrize(
    "first_and_rest",
    [
        (0x82, b"\0" * 8),  # two contributing sources
        (0x90, b"\xbe\xde\0\1\1\2\3\4"),  # an extension of one word
        (0x91, b"\0" * 4 + b"\xbe\xde\0\0"),  # a source and an empty extension
    ],
)
def test_sources_and_extensions_are_skipped(first_and_rest: tuple[int, bytes]) -> None:
    first, rest = first_and_rest
    data = build(PACKET)
    assert parse(with_first(data[:12] + rest + data[12:], first)) == PACKET


def test_padding_is_no_payload() -> None:
    assert parse(with_first(build(PACKET) + b"\0\0\3", 0xA0)) == PACKET


@pytest.mark.parametrize(
    "data",
    [
        b"",
        build(PACKET)[:11],
        with_first(build(PACKET), 0x40),  # version 1
        with_first(build(PACKET), 0x00),  # a STUN request has these bits
        with_first(build(PACKET)[:12], 0x8F),  # 15 sources, none there
        with_first(build(PACKET)[:12] + b"\0\0", 0x90),  # half an extension header
        with_first(build(PACKET)[:12] + b"\0\0\xff\xff", 0x90),  # 256 KB of extension
        with_first(build(PACKET)[:12] + b"\0\0\0", 0xA0),  # no padding, not even its count
        with_first(build(PACKET)[:12] + b"\0\0\xff", 0xA0),  # more padding than packet
    ],
)
def test_malformed_packets_are_refused(data: bytes) -> None:
    assert parse(data) is None


@given(st.binary(max_size=64))
def test_any_octets_give_a_packet_inside_them_or_none(data: bytes) -> None:
    packet = parse(data)
    if packet is not None:
        assert packet.payload in data
