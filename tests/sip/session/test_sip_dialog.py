"""Dialogs: route sets, targets and sequence numbers of both sides."""

import pytest

from acdcore.sip.session.dialog import Dialog, Order, dialog_of_uac, dialog_of_uas
from acdcore.sip.syntax.message import Request, Response
from acdcore.sip.syntax.parser import parse
from acdcore.sip.syntax.uri import MalformedValue

ROUTES = "Record-Route: <sip:p2.example.com;lr>\r\nRecord-Route: <sip:p1.example.com;lr>\r\n"


def invite(routes: str = "", contact: str = "Contact: <sip:alice@192.0.2.1>\r\n", to: str = "") -> Request:
    message = parse(
        (
            "INVITE sip:bob@example.com SIP/2.0\r\n"
            "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
            "From: Alice <sip:alice@example.com>;tag=a\r\n"
            f"To: <sip:bob@example.com>{to}\r\n"
            "Call-ID: one\r\n"
            f"CSeq: 7 INVITE\r\n{routes}{contact}\r\n"
        ).encode()
    )
    assert isinstance(message, Request)
    return message


def answer(routes: tuple[str, ...] = (), contact: str = "<sip:bob@192.0.2.2>") -> Response:
    fields = [*[("Record-Route", route) for route in routes], ("Contact", contact)]
    return invite().response(200, headers=fields, to_tag="b")


def callee(routes: str = "") -> Dialog:
    return dialog_of_uas(invite(routes), "b")


def test_callee_takes_the_route_set_in_order() -> None:
    bye = callee(ROUTES).request("BYE", "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2")
    assert str(bye.uri) == "sip:alice@192.0.2.1"
    assert bye.headers.get_all("Route") == ("<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>")


def test_caller_takes_the_route_set_in_reverse() -> None:
    dialog = dialog_of_uac(invite(), answer(("<sip:p2.example.com;lr>, <sip:p1.example.com;lr>",)))
    ack = dialog.request("ACK", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2", 7)
    assert str(ack.uri) == "sip:bob@192.0.2.2"
    assert ack.headers.get_all("Route") == ("<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>")
    assert ack.cseq.number == 7


def test_strict_router_is_addressed_itself() -> None:
    strict = "Record-Route: <sip:old.example.com>\r\nRecord-Route: <sip:p1.example.com;lr>\r\n"
    bye = callee(strict).request("BYE", "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2")
    assert str(bye.uri) == "sip:old.example.com"
    assert bye.headers.get_all("Route") == ("<sip:p1.example.com;lr>", "<sip:alice@192.0.2.1>")


def test_requests_swap_from_and_to_and_count_up() -> None:
    dialog = callee()
    first = dialog.request("INFO", "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2")
    second = dialog.request("BYE", "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK3")
    assert (first.from_.tag, first.to.tag, first.to.display) == ("b", "a", "Alice")
    assert (first.cseq.number, second.cseq.number) == (1, 2)


def test_peers_sequence_only_goes_up() -> None:
    dialog = callee()
    assert [dialog.order(number) for number in (7, 8, 8, 12, 9, 13)] == [
        Order.STALE,
        Order.NEXT,
        Order.STALE,
        Order.NEXT,
        Order.STALE,
        Order.NEXT,
    ]


def test_first_request_of_the_called_side_may_have_any_number() -> None:
    assert dialog_of_uac(invite(), answer()).order(0) is Order.NEXT


def test_refresh_takes_the_new_contact_and_keeps_the_routes() -> None:
    dialog = callee(ROUTES)
    dialog.refresh(invite("Record-Route: <sip:evil.example.com;lr>\r\n", "Contact: <sip:alice@192.0.2.77>\r\n"))
    bye = dialog.request("BYE", "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2")
    assert str(bye.uri) == "sip:alice@192.0.2.77"
    assert len(bye.headers.get_all("Route")) == 2


def test_answer_without_contact_leaves_the_request_uri() -> None:
    response = invite().response(200, to_tag="b")
    assert str(dialog_of_uac(invite(), response).remote_target) == "sip:bob@example.com"


@pytest.mark.parametrize("contact", ["", "Contact: <tel:+862155555555>\r\n", "Contact: *\r\n"])
def test_invite_needs_a_sip_contact(contact: str) -> None:
    with pytest.raises(MalformedValue):
        dialog_of_uas(invite(contact=contact), "b")


def test_route_set_has_a_limit() -> None:
    with pytest.raises(MalformedValue):
        callee("Record-Route: <sip:p.example.com;lr>\r\n" * 33)
