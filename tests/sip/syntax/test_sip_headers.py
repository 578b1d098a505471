"""Typed header values: reading, writing, and the rules that go with them."""

import pytest

from acdcore.kernel.address import Address
from acdcore.sip.syntax.headers import (
    LIST_VALUES_MAX,
    SECONDS_MAX,
    CSeq,
    NameAddr,
    Via,
    parse_contact,
    parse_cseq,
    parse_name_addr,
    parse_params,
    parse_seconds,
    parse_small_number,
    parse_via,
    quoted,
    split_values,
    unquoted,
)
from acdcore.sip.syntax.uri import MalformedValue, OtherUri, SipUri

ALICE = SipUri("sip", "alice", "example.com")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("<sip:alice@example.com>", NameAddr(ALICE)),
        ("sip:alice@example.com", NameAddr(ALICE)),
        ("sip:alice@example.com ; tag = 1", NameAddr(ALICE, "", (("tag", "1"),))),
        ("Alice B. <sip:alice@example.com>;tag=1;x", NameAddr(ALICE, "Alice B.", (("tag", "1"), ("x", None)))),
        ('"Bell, \\"A\\" <b>" <sip:alice@example.com>', NameAddr(ALICE, 'Bell, "A" <b>')),
        ('"张三" <sip:alice@example.com>', NameAddr(ALICE, "张三")),
        ("张三 <sip:alice@example.com>", NameAddr(ALICE, "张三")),
        ("Bell, Alice <sip:alice@example.com>;tag=1", NameAddr(ALICE, "Bell, Alice", (("tag", "1"),))),
        ("OFFICE\\alice <sip:alice@example.com>", NameAddr(ALICE, "OFFICE\\alice")),
        ('"Alice" < sip:alice@example.com\t>', NameAddr(ALICE, "Alice")),
        ('"" <sip:alice@example.com>', NameAddr(ALICE)),
        ('"a\\\x00b" <sip:alice@example.com>', NameAddr(ALICE, "ab")),
        ('<sip:alice@example.com>;note="a;b=\\"c\\""', NameAddr(ALICE, "", (("note", 'a;b="c"'),))),
        ("<tel:10086>", NameAddr(OtherUri("tel", "10086"))),
    ],
)
def test_address_is_read_in_all_its_forms(text: str, address: NameAddr) -> None:
    assert parse_name_addr(text) == address
    assert parse_name_addr(str(address)) == address


def test_uri_parameters_within_brackets_are_the_uris_and_outside_the_headers() -> None:
    inside, outside = parse_name_addr("<sip:a@h;lr>"), parse_name_addr("sip:a@h;lr")
    assert inside.sip_uri.is_loose
    assert inside.params == ()
    assert not outside.sip_uri.is_loose
    assert outside.param("lr") == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<>",
        '"Alice <sip:a@h>',
        "<sip:a@h",
        "sip:a@h>",
        "<sip:a@h> x",
        "<sip:a@h>;",
        "<sip:a@h>;=1",
        '<sip:a@h>;x="1',
        "<sip:a@h>;x=a b",
        "Bell; A <sip:a@h>",
        '"Bell" A <sip:a@h>',
        "sip:a@h?Subject=x",
        "< >",
        "<sip:a @h>",
        "<sip:a@h><sip:b@h>",
        "*",
    ],
)
def test_malformed_address_is_refused(text: str) -> None:
    with pytest.raises(MalformedValue):
        parse_name_addr(text)


def test_wildcard_is_a_contact_and_nothing_else() -> None:
    assert parse_contact("*").is_wildcard
    assert str(parse_contact("*")) == "*"
    assert not parse_contact("<sip:a@h>").is_wildcard
    with pytest.raises(MalformedValue):
        _ = parse_contact("*").sip_uri


def test_parameter_is_replaced_in_place_or_added() -> None:
    address = parse_name_addr("<sip:a@h>;a=1;tag=2;b")
    assert str(address.with_param("tag", "9")) == "<sip:a@h>;a=1;tag=9;b"
    assert str(address.with_param("c")) == "<sip:a@h>;a=1;tag=2;b;c"


def test_via_is_read_with_blanks_ipv6_and_any_transport() -> None:
    assert parse_via("SIP/2.0/UDP 10.0.0.5:5062;rport;branch=z9hG4bKa") == Via(
        "UDP", "10.0.0.5", 5062, (("rport", None), ("branch", "z9hG4bKa"))
    )
    assert parse_via("SIP / 2.0 / tcp [2001:db8::9] : 5060 ; received=2001:db8::1").received == "2001:db8::1"
    assert str(parse_via("sip/2.0/wss [2001:db8::9]:5060")) == "SIP/2.0/WSS [2001:db8::9]:5060"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0 h",
        "UDP h",
        "SIP/2.0/UDP h:70000",
        "SIP/2.0/UDP h;",
        "SIP/2.0/UDP h x",
        "SIP/2.0/UDP [::x]",
    ],
)
def test_malformed_via_is_refused(text: str) -> None:
    with pytest.raises(MalformedValue):
        parse_via(text)


def test_server_stamps_source_where_the_client_asks_for_rport() -> None:
    via = parse_via("SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bKa").stamped(Address("198.51.100.7", 40000))
    assert str(via) == "SIP/2.0/UDP 10.0.0.5:5060;rport=40000;branch=z9hG4bKa;received=198.51.100.7"
    assert (via.received, via.rport) == ("198.51.100.7", 40000)


def test_server_stamps_received_only_when_the_host_differs() -> None:
    via = parse_via("SIP/2.0/UDP 10.0.0.5:5070;branch=z9hG4bKa")
    assert via.stamped(Address("10.0.0.5", 40000)) is via
    stamped = via.stamped(Address("198.51.100.7", 40000))
    assert (stamped.received, stamped.rport, stamped.port) == ("198.51.100.7", None, 5070)


def test_received_and_rport_of_a_stranger_are_overwritten() -> None:
    via = parse_via("SIP/2.0/UDP h;rport=1;received=203.0.113.1").stamped(Address("198.51.100.7", 40000))
    assert (via.received, via.rport) == ("198.51.100.7", 40000)


def test_rport_that_is_no_port_is_refused() -> None:
    with pytest.raises(MalformedValue):
        _ = parse_via("SIP/2.0/UDP h;rport=x").rport


def test_cseq_keeps_the_case_of_the_method() -> None:
    assert parse_cseq("0009  INVITE") == CSeq(9, "INVITE")
    assert str(CSeq(2147483647, "invite")) == "2147483647 invite"


@pytest.mark.parametrize(
    "text", ["", "1", "INVITE", "x INVITE", "1 IN VITE", "-1 ACK", "2147483648 ACK", "1 A(K", "٣ ACK"]
)
def test_malformed_cseq_is_refused(text: str) -> None:
    with pytest.raises(MalformedValue):
        parse_cseq(text)


def test_seconds_beyond_the_range_count_as_the_greatest() -> None:
    assert parse_seconds("3600;note") == 3600
    assert parse_seconds("9" * 30) == SECONDS_MAX
    for text in ("", "soon", "-1", "٣"):
        with pytest.raises(MalformedValue):
            parse_seconds(text)


def test_max_forwards_is_at_most_255() -> None:
    assert parse_small_number("0255") == 255
    for text in ("256", "", "-1"):
        with pytest.raises(MalformedValue):
            parse_small_number(text)


def test_values_are_split_at_commas_outside_quotes_and_brackets() -> None:
    assert split_values('"a, b" <sip:a,b@h>;x="1,2" , <sip:c@h>') == ('"a, b" <sip:a,b@h>;x="1,2"', "<sip:c@h>")
    assert split_values('"a\\", b" <sip:a@h>') == ('"a\\", b" <sip:a@h>',)


@pytest.mark.parametrize("text", ["a,", ",a", "a,,b", 'a,"b', "a,<b", "a," * LIST_VALUES_MAX + "a"])
def test_broken_or_endless_list_is_refused(text: str) -> None:
    with pytest.raises(MalformedValue):
        split_values(text)


def test_parameters_are_read_with_and_without_blanks_alike() -> None:
    assert parse_params(";A=1;b") == parse_params(" ; a = 1 ; B ".strip()) == (("a", "1"), ("b", None))


@pytest.mark.parametrize("text", ["", "plain", 'with "quotes"', "back\\slash", "ü,;<>"])
def test_quoting_is_undone_by_unquoting(text: str) -> None:
    assert unquoted(quoted(text)) == text


@pytest.mark.parametrize("text", ['"', '"a', '"a\\"', '"a"b"'])
def test_broken_quotes_are_refused(text: str) -> None:
    with pytest.raises(MalformedValue):
        unquoted(text)
