"""Where a request within a dialog goes: route set and Contact, the way it came, or a new connection to the peer."""

from dataclasses import replace

import pytest

from acdcore.kernel.address import Address
from acdcore.sip.events import DialogPath, Hop, InDialog, SipFlow, Transport
from acdcore.sip.session.dialog import Dialog
from acdcore.sip.session.next_hop import ListeningAddresses, next_hop
from acdcore.sip.syntax.headers import parse_name_addr
from acdcore.sip.syntax.uri import SipUri, Uri, parse_uri

OURS = Address("192.168.1.1", 5060)
SENDER = Address("192.168.1.10", 5060)
UDP = SipFlow(Transport.UDP, OURS, SENDER)
TCP = SipFlow(Transport.TCP, OURS, Address("192.168.1.10", 40123), 7)
CLOSED = replace(TCP, connection=0)
LISTENING = ListeningAddresses({Transport.UDP: (OURS,), Transport.TCP: (Address("192.168.1.1", 5061),)})
ROUTE, SOURCE = DialogPath(InDialog.ROUTE), DialogPath(InDialog.SOURCE)
HOME = Hop(Transport.TCP, Address("192.168.1.20", 5070))


def dialog(contact: str, *routes: str) -> Dialog:
    return Dialog(
        call_id="c",
        local="<sip:acd@h>;tag=a",
        local_tag="a",
        remote="<sip:peer@h>;tag=b",
        remote_tag="b",
        remote_target=uri(contact),
        routes=tuple([parse_name_addr(f"<{route}>") for route in routes]),
        local_cseq=1,
        remote_cseq=1,
    )


def uri(text: str) -> Uri:
    return SipUri.parse(text) if text.startswith("sip:") else parse_uri(text)


def way(flow: SipFlow, path: DialogPath, contact: str, *routes: str) -> SipFlow:
    return next_hop(dialog(contact, *routes), flow, path, LISTENING)


def test_request_goes_to_the_first_route() -> None:
    sent = way(UDP, ROUTE, "sip:pbx@192.168.9.9", "sip:192.168.1.30:5080;lr", "sip:192.168.1.31;lr")
    assert sent == SipFlow(Transport.UDP, OURS, Address("192.168.1.30", 5080))


def test_strict_router_is_sent_to_as_a_loose_one() -> None:
    assert way(UDP, ROUTE, "sip:pbx@192.168.9.9", "sip:192.168.1.30").remote == Address("192.168.1.30", 5060)


def test_request_without_a_route_set_goes_to_the_contact() -> None:
    assert way(UDP, ROUTE, "sip:pbx@192.168.1.11:5062").remote == Address("192.168.1.11", 5062)


def test_request_follows_the_source_where_the_path_says_so() -> None:
    assert way(UDP, SOURCE, "sip:pbx@192.168.1.11:5062", "sip:192.168.1.30;lr") == UDP
    assert way(TCP, SOURCE, "sip:pbx@192.168.1.11:5062", "sip:192.168.1.30;lr") == TCP


def test_other_port_of_the_same_host_is_followed_over_udp() -> None:
    assert way(UDP, ROUTE, "sip:pbx@192.168.1.10:5090").remote == Address("192.168.1.10", 5090)


def test_open_connection_to_the_host_is_used_whatever_port_it_came_from() -> None:
    assert way(TCP, ROUTE, "sip:pbx@192.168.1.10:5060;transport=tcp") == TCP


def test_other_host_over_tcp_gets_a_connection_of_ours() -> None:
    sent = way(TCP, ROUTE, "sip:pbx@192.168.1.10", "sip:192.168.1.30;transport=tcp;lr")
    assert sent == SipFlow(Transport.TCP, OURS, Address("192.168.1.30", 5060))


def test_transport_of_the_route_is_taken_with_our_address_for_it() -> None:
    sent = way(UDP, ROUTE, "sip:pbx@192.168.1.10", "sip:192.168.1.30;transport=tcp;lr")
    assert sent == SipFlow(Transport.TCP, Address("192.168.1.1", 5061), Address("192.168.1.30", 5060))
    assert way(TCP, ROUTE, "sip:pbx@192.168.1.40;transport=udp").transport is Transport.UDP


def test_address_without_a_transport_is_reached_by_that_of_the_dialog() -> None:
    assert way(TCP, ROUTE, "sip:pbx@192.168.1.40").transport is Transport.TCP


def test_wildcard_address_of_ours_is_named_by_the_one_that_the_peer_knows() -> None:
    listening = ListeningAddresses({Transport.TCP: (Address("0.0.0.0", 5061),)})
    sent = next_hop(dialog("sip:pbx@192.168.1.40;transport=tcp"), UDP, ROUTE, listening)
    assert sent.local == Address("192.168.1.1", 5061)


@pytest.mark.parametrize(
    "contact",
    [
        "sip:pbx@sbc.example.com",  # no name is looked up
        "sip:pbx@192.168.1.30;transport=tls",  # not spoken
        "sip:pbx@192.168.1.30;transport=sctp",
        "sip:pbx@[2001:db8::1]",  # no address of ours in that family
        "sip:pbx@0.0.0.0",
        "sip:pbx@224.0.0.1",
        "sip:pbx@127.0.0.1",  # another machine's own
        "sip:pbx@169.254.1.1",  # another link's
        "sip:pbx@192.168.1.30:0",
        "tel:+861012345678",
    ],
)
@pytest.mark.parametrize("flow", [UDP, TCP])
def test_address_that_cannot_be_right_is_not_followed(contact: str, flow: SipFlow) -> None:
    assert way(flow, ROUTE, contact) == flow


def test_address_of_another_family_is_followed_with_an_address_of_ours_in_it() -> None:
    ours = Address("2001:db8::5", 5060)
    sent = next_hop(dialog("sip:pbx@[2001:db8::1]"), UDP, ROUTE, ListeningAddresses({Transport.UDP: (OURS, ours)}))
    assert sent == SipFlow(Transport.UDP, ours, Address("2001:db8::1", 5060))


def test_inner_address_of_a_machine_behind_nat_is_not_followed() -> None:
    public = replace(UDP, remote=Address("8.8.8.8", 33000))
    assert way(public, ROUTE, "sip:pbx@192.168.1.11") == public
    assert way(public, ROUTE, "sip:pbx@100.64.0.1") == public
    assert way(public, ROUTE, "sip:pbx@8.8.4.4").remote == Address("8.8.4.4", 5060)


def test_maddr_is_where_a_route_leads() -> None:
    assert way(UDP, ROUTE, "sip:pbx@example.com;maddr=192.168.1.30").remote == Address("192.168.1.30", 5060)


def test_closed_connection_is_replaced_by_one_to_the_address_in_the_settings() -> None:
    path = DialogPath(InDialog.SOURCE, HOME)
    assert way(CLOSED, path, "sip:pbx@10.0.0.1") == SipFlow(Transport.TCP, OURS, HOME.address)


def test_closed_connection_is_replaced_by_one_to_where_the_route_leads() -> None:
    path = DialogPath(InDialog.ROUTE, HOME)
    sent = way(CLOSED, path, "sip:pbx@192.168.1.10", "sip:192.168.1.10:5070;transport=tcp;lr")
    assert sent == SipFlow(Transport.TCP, OURS, Address("192.168.1.10", 5070))


def test_phone_without_nat_is_connected_to_at_its_contact() -> None:
    sent = way(CLOSED, SOURCE, "sip:1001@192.168.1.10:5066;transport=tcp")
    assert sent == SipFlow(Transport.TCP, OURS, Address("192.168.1.10", 5066))


def test_phone_behind_nat_cannot_be_connected_to_anywhere_else() -> None:
    assert way(CLOSED, SOURCE, "sip:1001@10.0.0.7:5066;transport=tcp") == CLOSED
