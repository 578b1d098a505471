"""RTCP compounds: what is built is parsed, what is malformed is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.media.rtcp import Report, ReportBlock, SenderInfo, build, parse

word = st.integers(0, 0xFFFFFFFF)
senders = st.builds(SenderInfo, ntp=st.integers(0, 2**64 - 1), timestamp=word, packets=word, octets=word)
blocks = st.builds(
    ReportBlock,
    ssrc=word,
    fraction_lost=st.integers(0, 255),
    lost=st.integers(0, 0x7FFFFF),
    highest=word,
    jitter=word,
    last_report=word,
    since_report=word,
)
reports = st.builds(Report, ssrc=word, sender=st.none() | senders, block=st.none() | blocks, is_bye=st.booleans())

REPORT = Report(7, SenderInfo(1 << 40, 160, 1, 160), ReportBlock(9, 128, 3, 70000, 16, 1, 2))


@given(reports)
def test_what_is_built_is_parsed(report: Report) -> None:
    assert parse(build(report)) == report


def test_a_compound_begins_with_a_report_and_names_its_source() -> None:
    data = build(REPORT)
    assert data[:2] == b"\x81\xc8"
    assert b"\xca" in data[52:56]
    assert data[60:62] == bytes([1, 16])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\xc9\0",
        build(REPORT)[:-1],  # cut off
        build(REPORT)[52:],  # begins with a description
        b"\x40" + build(REPORT)[1:],  # version 1
        b"\xa1" + build(REPORT)[1:],  # padding in the first packet
        b"\x9f" + build(REPORT)[1:],  # 31 blocks announced, one there
        b"\x80\xc8\0\1\0\0\0\1",  # a sender report without its sender information
        b"\x80\xc9\xff\xff\0\0\0\1",  # longer than the datagram
    ],
)
def test_malformed_compounds_are_refused(data: bytes) -> None:
    assert parse(data) is None


@given(st.binary(max_size=120))
def test_any_octets_give_a_report_or_none(data: bytes) -> None:
    parse(data)
