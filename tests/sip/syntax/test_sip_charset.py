"""Header bytes that are not UTF-8: carried as they came, readable for people, never a reason to refuse."""

import json
from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sip.accounts import REALM, OneAccount
from tests.sip.digest_answer import authorised
from tests.sip.peer import ANSWER, FLOW, OFFER, endpoint, message, sent

from acdcore.kernel.ids import IdSource
from acdcore.sip.auth.digest import DigestServer, RequestToVerify, Verified
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.endpoint import Endpoint, EndpointSettings
from acdcore.sip.events import (
    InviteArrived,
    Leniency,
    OutgoingInvite,
    RequestArrived,
    SessionAnswered,
    SessionRefused,
    Tolerated,
    Transmit,
)
from acdcore.sip.ladder import header_value, label
from acdcore.sip.registrar import Registrar, RegistrarSettings
from acdcore.sip.syntax.charset import decoded, double_bytes_escaped, encoded, is_utf8, readable
from acdcore.sip.syntax.framing import MessageFramed, StreamFramer
from acdcore.sip.syntax.headers import NameAddr, parse_name_addr, split_values
from acdcore.sip.syntax.message import Request, Response
from acdcore.sip.syntax.parser import MalformedMessage, parse
from acdcore.sip.syntax.uri import SipUri

GBK = "张三丰".encode("gbk")
LATIN = "café".encode("latin-1")
BIG_NAME = "㐀𠀀".encode("gb18030")  # characters of four bytes
BACKSLASH = "乗\u4e00".encode("gbk")  # the first has a backslash for its second byte
assert b"\\" in BACKSLASH


def raw(method: str, name: str, value: bytes, **parts: bytes) -> bytes:
    """A request of the peer with one header that is not text."""
    data = message(method, f"{name}: @@", *(("Content-Type: application/sdp",) if "body" in parts else ()), **parts)  # type: ignore[arg-type]
    return data.replace(b"@@", value)


def test_bytes_of_any_kind_come_out_as_they_went_in() -> None:
    for data in (GBK, LATIN, BIG_NAME, "张三".encode(), b"\xed\xb2\x80", bytes(range(256))):
        assert encoded(decoded(data)) == data


@given(st.binary())
def test_any_bytes_are_carried_and_become_readable(data: bytes) -> None:
    text = decoded(data)
    assert encoded(text) == data
    readable(text).encode()  # what people see can be stored anywhere
    double_bytes_escaped(text)


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ("张三".encode(), "张三"),
        (GBK, "张三丰"),
        (BIG_NAME, "㐀𠀀"),
        (LATIN, "caf\N{REPLACEMENT CHARACTER}"),
        (b"\xff\xff", "\N{REPLACEMENT CHARACTER}" * 2),
        ("张三".encode()[:-1], "张"),
        (b"plain", "plain"),
    ],
)
def test_text_is_shown_as_utf8_else_gb18030_else_with_replacements(data: bytes, shown: str) -> None:
    assert readable(decoded(data)) == shown


def test_only_the_head_must_be_utf8() -> None:
    assert is_utf8("a: 张\r\n\r\n".encode() + b"\xff")
    assert not is_utf8(b"a: \xff\r\n\r\n")


@pytest.mark.parametrize("name", [GBK, LATIN, BIG_NAME, BACKSLASH], ids=["gbk", "latin-1", "gb18030", "backslash"])
@pytest.mark.parametrize("form", [b'"%b" <sip:1001@h>;tag=1', b"%b <sip:1001@h>;tag=1"], ids=["quoted", "bare"])
def test_display_name_in_any_charset_is_read(name: bytes, form: bytes) -> None:
    address = parse_name_addr(decoded(form % name))
    assert address.display == readable(decoded(name))
    assert (address.uri.username, address.tag) == ("1001", "1")
    json.dumps(str(address), ensure_ascii=False).encode()


def test_half_of_a_gbk_character_is_no_escape() -> None:
    name = BACKSLASH[:2]  # the closing quote follows its backslash
    assert parse_name_addr(decoded(b'"%b" <sip:a@h>;x="1"' % name)).display == name.decode("gbk")
    first, second = split_values(decoded(b'"%b" <sip:a@h>, <sip:b@h>' % name))
    assert [parse_name_addr(each).uri.username for each in (first, second)] == ["a", "b"]
    assert parse_name_addr(first).display == name.decode("gbk")


def test_parameter_of_an_address_is_readable() -> None:
    assert parse_name_addr(decoded(b'<sip:a@h>;note="%b"' % GBK)).param("note") == "张三丰"


@pytest.mark.parametrize("value", [GBK, LATIN, BIG_NAME])
@pytest.mark.parametrize(
    "name",
    ["Subject", "User-Agent", "Warning", "Reason", "P-Asserted-Identity", "Date", "X-Unknown", "s", "Organization"],
)
def test_request_with_foreign_text_in_any_header_is_taken_and_counted(name: str, value: bytes) -> None:
    outputs = endpoint().receive(raw("INVITE", name, value, body=OFFER), FLOW, 0.0)
    assert any(isinstance(each, InviteArrived) for each in outputs)
    assert Tolerated(Leniency.NOT_UTF8, FLOW) in outputs


def test_utf8_is_not_counted() -> None:
    outputs = endpoint().receive(raw("INVITE", "Subject", "张三".encode(), body=b"\xff"), FLOW, 0.0)
    assert not any(isinstance(each, Tolerated) for each in outputs)


@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS", "BYE", "UNKNOWN"])
def test_response_repeats_addresses_byte_for_byte(method: str) -> None:
    sender = b'"%b" <sip:%b@h>;tag=peer;x="%b"' % (GBK, GBK, LATIN)
    receiver = b"%b <sip:acd@192.0.2.1>" % BIG_NAME
    via = b'SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK1;comment="%b"' % GBK
    data = message(method, "From: @f", "To: @t", "Via: @v").replace(b"@f", sender)
    data = data.replace(b"@t", receiver).replace(b"@v", via)
    stack = endpoint()
    outputs = stack.receive(data, FLOW, 0.0)
    for each in list(outputs):
        if isinstance(each, InviteArrived):
            outputs += stack.refuse(each.session, 486, 0.0)
        elif isinstance(each, RequestArrived):
            outputs += stack.respond(each.transaction, 200, 0.0)
    replies = [each.data for each in outputs if isinstance(each, Transmit)]
    assert replies
    for reply in replies:
        assert b"\r\nFrom: " + sender + b"\r\n" in reply
        assert b"\r\nTo: " + receiver in reply
        assert b"\r\nVia: " + via + b"\r\n" in reply


def test_refusal_of_a_broken_message_repeats_addresses_byte_for_byte() -> None:
    data = message("INVITE", "From: @f", "CSeq: x INVITE").replace(b"@f", b'"%b" <sip:a@h>;tag=1' % GBK)
    with pytest.raises(MalformedMessage) as caught:
        parse(data)
    assert caught.value.partial is not None
    assert b'\r\nFrom: "%b" <sip:a@h>;tag=1\r\n' % GBK in caught.value.partial.response(400).serialise()


def test_blanks_of_other_scripts_belong_to_the_value() -> None:
    value = "\N{IDEOGRAPHIC SPACE}张三 <sip:a@h>;tag=1"
    request = parse(message("OPTIONS", f"From: {value}"))
    assert request.headers.get("From") == value
    assert request.from_.display == "张三"


def calling() -> tuple[Endpoint, Request]:
    stack = endpoint()
    uri = SipUri("sip", "1001", "192.0.2.2")
    _, outputs = stack.invite(OutgoingInvite(uri, FLOW, NameAddr(uri), NameAddr(uri), OFFER), 0.0)
    (invite,) = sent(outputs)
    assert isinstance(invite, Request)
    return stack, invite


@pytest.mark.parametrize("value", [GBK, LATIN, BIG_NAME])
@pytest.mark.parametrize("name", ["Server", "Warning", "Subject", "Reason"])
def test_answer_with_foreign_text_is_taken_and_acknowledged(name: str, value: bytes) -> None:
    stack, invite = calling()
    fields = (("Contact", "<sip:1001@192.0.2.2>"), (name, decoded(value)))
    answer = invite.response(200, decoded(value), fields, ANSWER, "phone").serialise()
    assert value in answer
    outputs = stack.receive(answer, FLOW, 1.0)
    assert any(isinstance(each, SessionAnswered) for each in outputs)
    assert [each.method for each in sent(outputs) if isinstance(each, Request)] == ["ACK"]
    assert Tolerated(Leniency.NOT_UTF8, FLOW) in outputs


def test_requests_within_the_dialog_name_the_peer_as_it_named_itself() -> None:
    stack, invite = calling()
    fields = (("Contact", decoded(b'"%b" <sip:1001@192.0.2.2>' % GBK)),)
    answer = invite.response(200, None, fields, ANSWER).serialise()
    named = b'To: "%b" <sip:1001@192.0.2.2>;tag=phone' % GBK
    answer = answer.replace(b"To: <sip:1001@192.0.2.2>", named)
    ack = next(each for each in stack.receive(answer, FLOW, 1.0) if isinstance(each, Transmit))
    assert named + b"\r\n" in ack.data


def test_reason_of_a_refusal_is_readable() -> None:
    stack, invite = calling()
    refused = invite.response(486, decoded("占线".encode("gbk")), to_tag="phone").serialise()
    (event,) = [each for each in stack.receive(refused, FLOW, 1.0) if isinstance(each, SessionRefused)]
    assert event.reason == "占线"


def test_phone_with_a_foreign_name_is_registered_and_kept() -> None:
    contact = b'"%b" <sip:%b@192.0.2.2>;note="%b"' % (GBK, GBK, LATIN)
    data = message("REGISTER", "From: @@", "Contact: ##").replace(b"@@", b'"%b" <sip:1001@h>;tag=1' % GBK)
    request = parse(data.replace(b"To: <sip:acd@", b"To: <sip:1001@").replace(b"##", contact))
    assert isinstance(request, Request)
    registrar: Registrar[str] = Registrar(RegistrarSettings())
    outcome = registrar.handle(request, "flow", "1001", 0.0)
    assert outcome.status == 200
    ((user, binding),) = registrar.export(0.0)
    assert (user, binding.contact.display, binding.contact.uri.username) == ("1001", "张三丰", "张三丰")
    json.dumps([str(binding.contact), *[value for _, value in outcome.headers]], ensure_ascii=False).encode()


def test_digest_counts_the_bytes_of_the_wire() -> None:
    realm = "总机".encode("gbk")
    challenge = decoded(b'Digest realm="%b", nonce="n"' % realm)
    value = authorised(DigestClient("1001", "pw"), [challenge], "REGISTER", "sip:h", IdSource(2))
    secret = md5(b"1001:%b:pw" % realm).hexdigest()
    expected = md5(f"{secret}:n:{md5(b'REGISTER:sip:h').hexdigest()}".encode()).hexdigest()
    assert b'realm="%b"' % realm in encoded(value)
    assert f'response="{expected}"' in value


@pytest.mark.parametrize(
    "name", ["username", "nonce", "cnonce", "uri", "response", "nc", "algorithm", "realm", "opaque"]
)
def test_credentials_with_foreign_bytes_are_judged_and_never_break_the_judge(name: str) -> None:
    server, client = DigestServer(REALM, b"secret", IdSource(1)), DigestClient("1001", "pass")
    value = authorised(client, server.challenge(0.0), "REGISTER", "sip:h", IdSource(2))
    foreign = decoded(b'"%b"' % GBK)
    start, _, rest = value.partition(f"{name}=")
    value = f"{start}{name}={foreign}{rest[rest.find(',') :]}" if rest else f"{value}, {name}={foreign}"
    verdict = server.verify([value], RequestToVerify("REGISTER", "sip:h"), OneAccount(), 1.0)
    assert isinstance(verdict, Verified) is (name == "opaque")


def test_stream_is_cut_at_the_length_whatever_the_bytes_before_it() -> None:
    data = raw("OPTIONS", "Subject", BACKSLASH + GBK + b"\xff")
    assert StreamFramer().receive(data + data) == [MessageFramed(data)] * 2


def test_ladder_is_readable() -> None:
    assert label(b"SIP/2.0 200 \xba\xc3\r\nCSeq: 1 INVITE\r\n\r\n") == "200 好 (INVITE)"
    assert header_value(b"OPTIONS sip:a@h SIP/2.0\r\nSubject: %b\r\n\r\n" % GBK, "Subject") == "张三丰"


def test_response_line_keeps_its_bytes() -> None:
    reply = parse(message("INVITE").replace(b"INVITE sip:acd@192.0.2.1 SIP/2.0", b"SIP/2.0 200 " + GBK))
    assert isinstance(reply, Response)
    assert reply.serialise().startswith(b"SIP/2.0 200 " + GBK + b"\r\n")
    assert Endpoint(EndpointSettings(), IdSource(1)).receive(reply.serialise(), FLOW, 0.0)
