"""Requests and replies: headers as an ordered multi-map, typed views, replies, and the wire."""

import pytest

from acdcore.kernel.address import Address
from acdcore.sip.syntax.headers import CSeq
from acdcore.sip.syntax.message import Headers, Request, Response, canonical, reason_of
from acdcore.sip.syntax.parser import parse
from acdcore.sip.syntax.uri import MalformedValue, SipUri

INVITE = Request(
    "INVITE",
    SipUri("sip", "4001", "example.com"),
    Headers(
        [
            ("v", "SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bKa, SIP/2.0/UDP 10.0.0.6;branch=z9hG4bKb"),
            ("Via", "SIP/2.0/UDP 10.0.0.7;branch=z9hG4bKc"),
            ("f", '"Alice" <sip:1001@example.com>;tag=1'),
            ("t", "<sip:4001@example.com>"),
            ("i", "abc@10.0.0.5"),
            ("cseq", "7 INVITE"),
            ("m", "<sip:1001@10.0.0.5>"),
            ("Timestamp", "54"),
            ("Record-Route", "<sip:p2.example.com;lr>, <sip:p1.example.com;lr>"),
            ("Content-Type", "Application/SDP;charset=utf-8"),
            ("Content-Length", "99"),
        ]
    ),
    b"v=0\r\n",
)


def test_names_are_found_in_any_case_and_in_compact_form() -> None:
    assert INVITE.headers.get("CALL-ID") == INVITE.headers.get("i") == "abc@10.0.0.5"
    assert canonical("x-my-header") == canonical("X-MY-HEADER") == "X-My-Header"
    assert canonical("www-AUTHENTICATE") == "WWW-Authenticate"
    assert "subject" not in INVITE.headers
    assert INVITE.headers.get("Subject") is None


def test_lines_and_comma_separated_values_keep_their_order() -> None:
    assert len(INVITE.headers.get_all("Via")) == 2
    assert [via.branch for via in INVITE.vias] == ["z9hG4bKa", "z9hG4bKb", "z9hG4bKc"]
    assert [str(hop.uri) for hop in INVITE.record_route] == ["sip:p2.example.com;lr", "sip:p1.example.com;lr"]


def test_headers_change_only_into_new_headers() -> None:
    before = Headers([("X-B", "2"), ("X-A", "1"), ("X-C", "2"), ("x-a", "3")])
    assert list(before.with_("x-a", "x", "y")) == [("X-B", "2"), ("X-A", "x"), ("X-A", "y"), ("X-C", "2")]
    assert list(before.with_("X-D", "4")) == [*before, ("X-D", "4")]
    assert list(before.with_first("x-a", "z")) == [("X-B", "2"), ("X-A", "z"), ("X-C", "2"), ("X-A", "3")]
    assert list(before.with_first("X-D", "4")) == [*before, ("X-D", "4")]
    assert list(before.added("x-b", "5")) == [*before, ("X-B", "5")]
    assert list(before.without("x-a")) == [("X-B", "2"), ("X-C", "2")]
    assert len(before) == 4
    assert before == Headers(list(before))


def test_content_length_is_the_wires_affair() -> None:
    assert "Content-Length" not in INVITE.headers
    assert INVITE.serialise().endswith(b"Content-Length: 5\r\n\r\nv=0\r\n")


def test_typed_views_read_what_the_headers_say() -> None:
    assert INVITE.via.sent_by == "10.0.0.5:5060"
    assert (INVITE.from_.display, INVITE.from_.tag, INVITE.to.tag) == ("Alice", "1", None)
    assert INVITE.cseq == CSeq(7, "INVITE")
    assert INVITE.contact is not None
    assert INVITE.contact.uri == SipUri("sip", "1001", "10.0.0.5")
    assert INVITE.content_type == "application/sdp"
    assert (INVITE.max_forwards, INVITE.expires, INVITE.route, INVITE.tokens("Require")) == (None, None, (), ())


def test_malformed_optional_header_is_refused_when_asked_for() -> None:
    request = Request("INVITE", INVITE.uri, INVITE.headers.with_("Max-Forwards", "300").with_("Contact", "x"))
    with pytest.raises(MalformedValue):
        _ = request.max_forwards
    with pytest.raises(MalformedValue):
        _ = request.contact


def test_unreadable_expires_counts_as_an_hour() -> None:
    assert Request("REGISTER", INVITE.uri, Headers([("Expires", "soon")])).expires == 3600
    assert Request("REGISTER", INVITE.uri, Headers([("Expires", "60")])).expires == 60


def test_reply_copies_what_section_8_2_6_names() -> None:
    reply = INVITE.response(180, to_tag="77", headers=[("Contact", "<sip:acd@192.0.2.1>")])
    assert reply.reason == "Ringing"
    assert reply.headers.get_all("Via") == INVITE.headers.get_all("Via")
    assert reply.from_ == INVITE.from_
    assert reply.to.tag == "77"
    assert reply.to.uri == INVITE.to.uri
    assert (reply.call_id, reply.cseq) == (INVITE.call_id, INVITE.cseq)
    assert [name for name, _ in reply.headers] == ["Via", "Via", "From", "To", "Call-ID", "CSeq", "Contact"]


def test_reply_keeps_a_tag_that_the_request_brought() -> None:
    within = Request("BYE", INVITE.uri, INVITE.headers.with_("To", "<sip:4001@example.com>;tag=old"))
    assert within.response(200, to_tag="new").to.tag == "old"


def test_only_trying_echoes_the_timestamp() -> None:
    assert INVITE.response(100).headers.get("Timestamp") == "54"
    assert INVITE.response(180).headers.get("Timestamp") is None


def test_request_from_elsewhere_is_stamped_and_keeps_its_other_hops() -> None:
    stamped = INVITE.received_from(Address("198.51.100.7", 40000))
    assert (stamped.via.received, stamped.via.rport) == ("198.51.100.7", 40000)
    assert [via.branch for via in stamped.vias] == ["z9hG4bKa", "z9hG4bKb", "z9hG4bKc"]
    assert (INVITE.via.received, stamped.from_, stamped.body) == (None, INVITE.from_, INVITE.body)
    assert stamped == parse(stamped.serialise())
    plain = Request("BYE", INVITE.uri, Headers([("Via", "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKa")]))
    assert plain.received_from(Address("10.0.0.5", 1)) is plain


def test_message_is_the_same_after_the_wire() -> None:
    assert parse(INVITE.serialise()) == INVITE
    reply = INVITE.response(486, "Busy, 忙", to_tag="x", body=b"\x00\xff")
    assert parse(reply.serialise()) == reply


@pytest.mark.parametrize("evil", ["a\r\nVia: x", "a\rb", "a\nb", "\r\n"])
def test_line_break_in_a_value_is_never_written(evil: str) -> None:
    messages: list[Request | Response] = [
        Request("INVITE", INVITE.uri, INVITE.headers.added("Subject", evil)),
        Request("INVITE", INVITE.uri, INVITE.headers.added(f"X{evil}", "a")),
        Request("INVITE", SipUri("sip", evil, "h"), INVITE.headers),
        Response(200, evil, INVITE.headers),
        INVITE.response(200, to_tag=evil),
    ]
    for message in messages:
        with pytest.raises(ValueError, match="line break"):
            message.serialise()


def test_unknown_status_gets_the_phrase_of_its_class() -> None:
    assert reason_of(486) == "Busy Here"
    assert reason_of(499) == "Bad Request"
    assert reason_of(799) == "Unknown"


def test_reply_knows_whether_it_is_final() -> None:
    flags = [(r.is_provisional, r.is_success) for r in map(INVITE.response, (183, 202, 300))]
    assert flags == [(True, False), (False, True), (False, False)]
