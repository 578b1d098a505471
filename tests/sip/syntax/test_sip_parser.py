"""The parser: what it refuses and how, and invariants under random and damaged input."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acdcore.kernel.errors import PeerError
from acdcore.sip.syntax.message import Headers, Message, Request, Response
from acdcore.sip.syntax.parser import HEADERS_MAX, LINE_CHARS_MAX, MESSAGE_BYTES_MAX, MalformedMessage, parse
from acdcore.sip.syntax.uri import MalformedValue, SipUri

OPTIONS = (
    b"OPTIONS sip:acd@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKa\r\n"
    b"From: <sip:1001@example.com>;tag=1\r\n"
    b"To: <sip:acd@example.com>\r\n"
    b"Call-ID: abc@10.0.0.5\r\n"
    b"CSeq: 1 OPTIONS\r\n"
)
CORPUS = {path.stem: path.read_bytes() for path in sorted((Path(__file__).parents[1] / "torture").rglob("*.dat"))}


def refusal(data: bytes) -> MalformedMessage:
    with pytest.raises(MalformedMessage) as caught:
        parse(data)
    return caught.value


def use_all(message: Message) -> None:
    """Ask for everything that is read late; only a peer's error may come of it."""
    views = ("vias", "contacts", "contact", "route", "record_route", "max_forwards", "expires", "content_type")
    for view in views:
        try:
            getattr(message, view)
        except MalformedValue:
            continue


def test_line_breaks_before_the_start_line_are_ignored() -> None:
    assert parse(b"\r\n\r\n" + OPTIONS + b"\r\n") == parse(OPTIONS + b"\r\n")


def test_body_without_content_length_reaches_to_the_end_of_the_datagram() -> None:
    assert parse(OPTIONS + b"\r\nabc\r\n\r\n").body == b"abc\r\n\r\n"


def test_octets_behind_the_body_are_ignored() -> None:
    assert parse(OPTIONS + b"Content-Length: 2\r\n\r\nabc").body == b"ab"


@pytest.mark.parametrize(
    "line",
    [
        b"No colon here",
        b": no name",
        b"Bad Name: x",
        b"B\xc3\xa4d: x",
        b"Subject: a\x00b",
        b"Subject: a\nb",
        b"Subject: a\rb",
        b"Content-Length: 1x",
        b"Content-Length: ",
        b"Content-Length: \xd9\xa3",
        b"CSeq: 2 OPTIONS",
        b"l: 0\r\nContent-Length: 0",
    ],
)
def test_malformed_line_is_answered_with_400(line: bytes) -> None:
    fault = refusal(OPTIONS + line + b"\r\n\r\n")
    assert (fault.status, fault.sip_status) == (400, 400)
    assert fault.partial is not None
    assert fault.partial.response(400).serialise().startswith(b"SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP 10.0.0.5;")


def test_datagram_whose_lines_all_end_in_lf_alone_is_read_as_if_they_ended_in_cr_lf() -> None:
    with_body = OPTIONS + b"Subject: a\r\n b\r\nContent-Length: 6\r\n\r\na\n\nb\r\n"
    head, _, body = with_body.partition(b"\r\n\r\n")
    assert parse(head.replace(b"\r\n", b"\n") + b"\n\n" + body) == parse(with_body)


@pytest.mark.parametrize("line", [b"Subject: a\r", b"Subject: a\r\nl: 0", b"No colon here"])
def test_lines_that_end_in_both_ways_are_refused(line: bytes) -> None:
    fault = refusal(OPTIONS.replace(b"\r\n", b"\n") + line + b"\n\n")
    assert fault.status == 400
    assert fault.partial is None or fault.partial.method == "OPTIONS"


@pytest.mark.parametrize("name", [b"Via", b"From", b"To", b"Call-ID", b"CSeq"])
def test_message_without_an_essential_header_is_refused(name: bytes) -> None:
    lines = [line for line in OPTIONS.split(b"\r\n") if not line.startswith(name)]
    assert refusal(b"\r\n".join(lines) + b"\r\n").reason == f"{name.decode()} missing"


@pytest.mark.parametrize("call_id", [b"a b", b"a@b@c", b"\xc3\xa4", b"a,b"])
def test_call_id_that_is_no_word_is_refused(call_id: bytes) -> None:
    assert refusal(OPTIONS.replace(b"abc@10.0.0.5", call_id) + b"\r\n").reason == "malformed Call-ID"


def test_ack_and_replies_and_requests_without_via_are_never_answered() -> None:
    assert refusal(OPTIONS.replace(b"OPTIONS", b"ACK") + b"l: x\r\n\r\n").partial is None
    assert (
        refusal(OPTIONS.replace(b"OPTIONS sip:acd@example.com SIP/2.0", b"SIP/2.0 200 OK") + b"l: x\r\n\r\n").partial
        is None
    )
    assert refusal(OPTIONS.replace(b"Via", b"X-Via") + b"\r\n").partial is None


def test_answer_to_a_broken_request_repeats_no_header_and_no_line_break() -> None:
    partial = refusal(OPTIONS + b"To: <sip:b@example.com>\r\nFrom: a\nVia: x\r\n\r\n").partial
    assert partial is not None
    assert partial.headers.get_all("To") == ("<sip:acd@example.com>",)
    assert partial.response(400, to_tag="9").to.tag == "9"
    assert partial.response(400).serialise().count(b"\nVia:") == 1


def test_answer_to_an_unreadable_to_leaves_it_alone() -> None:
    partial = refusal(OPTIONS.replace(b"<sip:acd@example.com>", b'"x <sip:acd@example.com>') + b"\r\n").partial
    assert partial is not None
    assert partial.response(400, to_tag="9").headers.get("To") == '"x <sip:acd@example.com>'


def test_limits_are_exact() -> None:
    room = HEADERS_MAX - OPTIONS.count(b"\r\n") + 1
    assert parse(OPTIONS + b"X: y\r\n" * room + b"\r\n")
    assert refusal(OPTIONS + b"X: y\r\n" * (room + 1) + b"\r\n").reason == "too many headers"
    assert parse(OPTIONS + b"X: " + b"y" * (LINE_CHARS_MAX - 3) + b"\r\n\r\n")
    assert refusal(OPTIONS + b"X: " + b"y" * (LINE_CHARS_MAX - 2) + b"\r\n\r\n").reason == "line too long"
    fill = MESSAGE_BYTES_MAX - len(OPTIONS) - 2
    assert parse(OPTIONS + b"\r\n" + b"z" * fill)
    assert refusal(OPTIONS + b"\r\n" + b"z" * (fill + 1)).status == 513


def test_line_folded_beyond_the_limit_is_refused() -> None:
    assert refusal(OPTIONS + b"X: y\r\n" + b" yyyy\r\n" * (LINE_CHARS_MAX // 5) + b"\r\n").reason == "line too long"


@pytest.mark.parametrize(
    "head", [b"SIP/2.0 20 OK", b"SIP/2.0 099 X", b"SIP/2.0 700 X", b"SIP/2.0  200 OK", b"SIP/3.0 200 OK"]
)
def test_malformed_status_line_is_refused(head: bytes) -> None:
    assert refusal(OPTIONS.replace(b"OPTIONS sip:acd@example.com SIP/2.0", head) + b"\r\n").partial is None


def test_version_is_read_in_any_case() -> None:
    assert parse(OPTIONS.replace(b"com SIP/2.0", b"com sip/2.0") + b"\r\n") == parse(OPTIONS + b"\r\n")


@pytest.mark.parametrize("name", sorted(CORPUS))
def test_truncated_message_is_refused_or_the_same_with_less_body(name: str) -> None:
    data = CORPUS[name]
    try:
        whole = parse(data)
    except MalformedMessage:
        whole = None
    for size in range(len(data)):
        try:
            part = parse(data[:size])
        except MalformedMessage:
            continue
        assert whole is not None, "a part of a malformed message was accepted"
        assert part.headers == whole.headers
        assert whole.body.startswith(part.body)


@given(st.binary(max_size=600))
def test_any_octets_parse_or_are_refused(data: bytes) -> None:
    try:
        parse(data)
    except MalformedMessage as fault:
        assert isinstance(fault, PeerError)


@settings(max_examples=300)
@given(
    st.sampled_from(sorted(CORPUS.values())),
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 6), st.binary(max_size=6)), min_size=1, max_size=4),
)
def test_damaged_message_is_refused_or_means_the_same_after_the_wire(
    data: bytes, damages: list[tuple[int, int, bytes]]
) -> None:
    for at, cut, replacement in damages:
        data = data[:at] + replacement + data[at + cut :]
    try:
        message = parse(data)
    except MalformedMessage as fault:
        if fault.partial is not None:
            reply = fault.partial.response(fault.status, to_tag="t")
            assert reply.serialise().count(b"\r\n\r\n") == 1
        return
    use_all(message)
    assert parse(message.serialise()) == message


TOKENS = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), max_size=30)
ESSENTIALS = [
    ("Via", "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKa"),
    ("From", "<sip:1001@example.com>;tag=1"),
    ("To", "<sip:acd@example.com>"),
    ("Call-ID", "abc@10.0.0.5"),
]
EXTRAS = st.lists(st.tuples(TOKENS.map("X-{}".format), VALUES), max_size=6)


@given(TOKENS, EXTRAS, st.binary(max_size=200))
def test_request_is_the_same_after_the_wire(method: str, extras: list[tuple[str, str]], body: bytes) -> None:
    headers = Headers([*ESSENTIALS, ("CSeq", f"1 {method}"), *extras])
    request = Request(method, SipUri("sip", "acd", "example.com"), headers, body)
    assert parse(request.serialise()) == request


@given(st.integers(100, 699), VALUES, EXTRAS, st.binary(max_size=200))
def test_reply_is_the_same_after_the_wire(status: int, reason: str, extras: list[tuple[str, str]], body: bytes) -> None:
    reply = Response(status, reason, Headers([*ESSENTIALS, ("CSeq", "1 INVITE"), *extras]), body)
    assert parse(reply.serialise()) == reply


@given(st.text(max_size=40))
def test_value_is_written_as_one_line_or_not_at_all(value: str) -> None:
    headers = Headers([*ESSENTIALS, ("CSeq", "1 INVITE"), ("Subject", value)])
    request = Request("INVITE", SipUri("sip", "acd", "example.com"), headers)
    if "\r" in value or "\n" in value:
        with pytest.raises(ValueError, match="line break"):
            request.serialise()
    else:
        assert request.serialise().count(b"\r\n") == len(headers) + 3
