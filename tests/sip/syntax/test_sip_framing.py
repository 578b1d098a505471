"""Streams: messages whole and in order however they were cut, keep-alives, and the ways in which framing is lost."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.sip.syntax.framing import Framed, FramingLost, MessageFramed, Ping, StreamFramer
from acdcore.sip.syntax.parser import MESSAGE_BYTES_MAX

HEAD = (
    b"OPTIONS sip:acd@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/TCP 10.0.0.5;branch=z9hG4bKa\r\n"
    b"From: <sip:1001@example.com>;tag=1\r\n"
    b"To: <sip:acd@example.com>\r\n"
    b"Call-ID: abc@10.0.0.5\r\n"
    b"CSeq: 1 OPTIONS\r\n"
)
EMPTY = HEAD + b"Content-Length: 0\r\n\r\n"
WITH_BODY = HEAD + b"l : 9\r\n\r\nab\r\n\r\ncd\n"
FOLDED = HEAD + b"CONTENT-LENGTH:\r\n 3\r\nSubject: a\r\n Content-Length: 77\r\n\r\nabc"


def lost(framed: list[Framed]) -> FramingLost:
    last = framed[-1]
    assert isinstance(last, FramingLost)
    return last


@pytest.mark.parametrize("message", [EMPTY, WITH_BODY, FOLDED], ids=["empty", "compact", "folded"])
def test_message_arrives_whole_when_fed_octet_by_octet(message: bytes) -> None:
    framer = StreamFramer()
    framed = [item for octet in message for item in framer.receive(bytes([octet]))]
    assert framed == [MessageFramed(message)]


@given(
    st.lists(st.sampled_from([EMPTY, WITH_BODY, FOLDED, b"\r\n\r\n"]), max_size=6),
    st.lists(st.integers(0, 1500), max_size=8),
)
def test_stream_gives_the_same_however_it_is_cut(items: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(items)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    framer = StreamFramer()
    framed = [item for a, b in pairwise(edges) for item in framer.receive(stream[a:b])]
    whole: list[Framed] = [Ping() if item == b"\r\n\r\n" else MessageFramed(item) for item in items]
    assert with_pings_once(framed) == with_pings_once(whole)


def with_pings_once(framed: list[Framed]) -> list[Framed]:
    """How often pings in a row are answered depends on how they are cut."""
    return [item for index, item in enumerate(framed) if item != Ping() or framed[index - 1 : index] != [Ping()]]


def test_pings_in_a_row_are_answered_once() -> None:
    framer = StreamFramer()
    assert framer.receive(b"\r\n\r\n" * 50_000 + b"\r\n") == [Ping()]
    assert framer.receive(b"\r\n") == [Ping()]


def test_lone_line_break_before_a_message_is_ignored() -> None:
    assert StreamFramer().receive(b"\r\n" + EMPTY + b"\r\n") == [MessageFramed(EMPTY)]


def test_torn_keep_alive_waits_for_its_other_half() -> None:
    framer = StreamFramer()
    assert [framer.receive(part) for part in (b"\r", b"\n", b"\r", b"\n")] == [[], [], [], [Ping()]]


def test_message_without_a_length_loses_the_framing_but_can_be_answered() -> None:
    fault = lost(StreamFramer().receive(HEAD + b"\r\n")).fault
    assert fault.status == 400
    assert fault.partial is not None
    assert fault.partial.response(400).call_id == "abc@10.0.0.5"


@pytest.mark.parametrize(
    "line", [b"Content-Length: 5\r\nl: 6", b"Content-Length: -1", b"Content-Length: 1 2", b"l: 99999999999"]
)
def test_doubtful_length_loses_the_framing(line: bytes) -> None:
    assert lost(StreamFramer().receive(HEAD + line + b"\r\n\r\n")).fault.status == 400


def test_messages_before_the_fault_are_delivered_and_none_after_it() -> None:
    framer = StreamFramer()
    framed = framer.receive(EMPTY + HEAD + b"\r\n" + EMPTY)
    assert framed[0] == MessageFramed(EMPTY)
    assert len(framed) == 2
    lost(framed)
    assert framer.receive(EMPTY) == []


def test_message_beyond_the_limit_is_refused_before_it_is_collected() -> None:
    rest = MESSAGE_BYTES_MAX - len(HEAD)
    line = b"Content-Length: %d\r\n\r\n" % (rest - 25)
    assert len(HEAD + line) + rest - 25 == MESSAGE_BYTES_MAX
    assert StreamFramer().receive(HEAD + line) == []
    assert lost(StreamFramer().receive(HEAD + b"Content-Length: %d\r\n\r\n" % (rest - 24))).fault.status == 513


def test_headers_without_an_end_are_refused_at_the_limit() -> None:
    framer = StreamFramer()
    assert framer.receive(HEAD + b"X: " + b"y" * (MESSAGE_BYTES_MAX - len(HEAD) - 3)) == []
    assert lost(framer.receive(b"yyyy")).fault.status == 513


@pytest.mark.parametrize("noise", [b"\rX", b"\r\n\rX"])
def test_stray_carriage_return_loses_the_framing(noise: bytes) -> None:
    assert lost(StreamFramer().receive(noise)).fault.partial is None


def test_torture_messages_in_one_stream_come_out_one_by_one() -> None:
    folder = Path(__file__).parents[1] / "torture" / "rfc4475"
    names = (
        "wsinv",
        "intmeth",
        "mpart01",
        "longreq",
    )
    messages = [(folder / f"{name}.dat").read_bytes() for name in names]
    assert StreamFramer().receive(b"".join(messages)) == [MessageFramed(message) for message in messages]


def test_pong_that_was_asked_for_is_no_half_of_a_ping() -> None:
    framer = StreamFramer()
    for _ in range(3):
        framer.expect_pong()
        assert framer.receive(b"\r\n") == []
    assert framer.receive(b"\r\n\r\n") == [Ping()]


def test_peer_that_answers_no_ping_is_heard_all_the_same() -> None:
    framer = StreamFramer()
    framer.expect_pong()
    assert framer.receive(b"\r\n\r\n") == [Ping()]


def test_stream_whose_lines_end_in_lf_alone_is_given_up_at_once() -> None:
    framer = StreamFramer()
    assert lost(framer.receive(EMPTY.replace(b"\r\n", b"\n"))).fault.status == 400
