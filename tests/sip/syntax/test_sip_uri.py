"""URIs: what is read, what is refused, what is the same."""

import pytest

from acdcore.sip.syntax.uri import URI_CHARS_MAX, MalformedValue, OtherUri, SipUri, parse_uri


def test_all_parts_of_a_sip_uri_are_read() -> None:
    uri = SipUri.parse(
        "SIP:alice:s3cret@Example.com:5070;transport=TCP;lr;maddr=192.0.2.1?subject=a%20b&priority=urgent"
    )
    assert uri == SipUri(
        scheme="sip",
        user="alice",
        host="Example.com",
        port=5070,
        params=(("transport", "TCP"), ("lr", None), ("maddr", "192.0.2.1")),
        password="s3cret",
        headers=(("subject", "a%20b"), ("priority", "urgent")),
    )
    assert (uri.transport, uri.is_loose, uri.hostport) == ("tcp", True, "Example.com:5070")
    assert uri.param("lr") == ""
    assert uri.param("ttl") is None


@pytest.mark.parametrize(
    "text",
    [
        "sip:example.com",
        "sips:4001@example.com;lr",
        "sip:*45%23@10.0.0.1",
        "sip:[2001:db8::1]:5060;transport=udp",
        "sip:1001@[2001:db8::1]",
        "sip:user;par=u%40example.net@example.com",
        "sip:a:@example.com",
        "sip:a@example.com?x=1",
        "tel:+86-21-5555;phone-context=example.com",
    ],
)
def test_uri_is_written_as_it_was_read(text: str) -> None:
    assert str(parse_uri(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "sip:@example.com",
        "4001",
        "sip:a@",
        "sip:a b@example.com",
        "sip:a@example.com;",
        "sip:a@example.com;;lr",
        "sip:a@example.com;=x",
        "sip:a@example.com:65536",
        "sip:a@example.com:x",
        "sip:a@[2001:db8::1",
        "sip:a@[1:2]",
        "sip:%zz@example.com",
        "sip:a%4@example.com",
        "sip:a@example.com\r\nVia: x",
        "sip:a@exämple.com",
        "<sip:a@example.com>",
        "sip:" + "a" * URI_CHARS_MAX + "@example.com",
    ],
)
def test_malformed_uri_is_refused(text: str) -> None:
    with pytest.raises(MalformedValue):
        parse_uri(text)


def test_username_is_unescaped_only_to_printable_text() -> None:
    assert SipUri.parse("sip:*45%23@h").username == "*45#"
    assert SipUri.parse("sip:%E5%BC%A0@h").username == "张"
    assert SipUri.parse("sip:a%00b@h").username == "a%00b"
    assert SipUri.parse("sip:a%0D%0Ab@h").username == "a%0D%0Ab"
    assert SipUri.parse("sip:%FF@h").username == "%FF"


def test_octets_that_should_be_escaped_are_read_and_written_escaped() -> None:
    assert str(SipUri.parse("sip:张三@example.com")) == "sip:%E5%BC%A0%E4%B8%89@example.com"
    raw = SipUri.parse(b"sip:\xd5\xc5\xc8\xfd@example.com;x=\xff".decode("utf-8", "surrogateescape"))
    assert (str(raw), raw.username) == ("sip:%D5%C5%C8%FD@example.com;x=%FF", "张三")
    assert raw.is_equivalent(SipUri.parse("sip:%d5%c5%c8%fd@example.com"))
    assert parse_uri("urn:服务").username == ""


def test_hash_key_is_read_although_it_should_be_escaped() -> None:
    assert SipUri.parse("sip:*45#@example.com").username == "*45#"


def test_telephone_uri_gives_its_number_without_separators() -> None:
    uri = parse_uri("tel:+86-(21)5555.01;ext=3")
    assert isinstance(uri, OtherUri)
    assert uri.user == uri.username == "+8621555501"
    assert parse_uri("mailto:a@example.com").username == ""


# The examples of RFC 3261 section 19.1.4.
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
    ],
)
def test_equivalent_uris_are_the_same(one: str, other: str) -> None:
    assert SipUri.parse(one).is_equivalent(SipUri.parse(other))
    assert SipUri.parse(other).is_equivalent(SipUri.parse(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
        ("sip:a%3Bb@h", "sip:a;b@h"),
        ("sip:a:x@h", "sip:a:y@h"),
    ],
)
def test_uris_that_differ_are_not_the_same(one: str, other: str) -> None:
    assert not SipUri.parse(one).is_equivalent(SipUri.parse(other))
    assert not SipUri.parse(other).is_equivalent(SipUri.parse(one))
