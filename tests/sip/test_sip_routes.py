"""Requests within a dialog reach a cluster's other hosts, and survive the closing of their connection."""

from dataclasses import replace

import pytest
from tests.sip.peer import (
    ANSWER,
    FLOW,
    NOTHING_LEFT,
    OFFER,
    PEER,
    SDP,
    US,
    Talk,
    endpoint,
    message,
    outgoing,
    request_in,
    sent,
)

from acdcore.kernel.address import Address
from acdcore.sip.endpoint import Endpoint
from acdcore.sip.events import (
    DialogPath,
    EndCause,
    Hop,
    InDialog,
    InviteArrived,
    ModifyAnswered,
    OutgoingInvite,
    Output,
    SessionEnded,
    SessionId,
    SessionRefused,
    SipFlow,
    Transmit,
    Transport,
)
from acdcore.sip.syntax.message import Request
from acdcore.sip.syntax.parser import parse
from acdcore.sip.syntax.uri import SipUri

CORE = Address("192.0.2.7", 5070)
"""The host of the cluster that stays in the call, other than the one that sends."""
RECORD_ROUTE = f"Record-Route: <sip:{CORE};lr>"
ROUTE = DialogPath(InDialog.ROUTE)
TCP = SipFlow(Transport.TCP, US, Address("192.0.2.2", 40001), 5)
HOME = DialogPath(InDialog.SOURCE, Hop(Transport.TCP, PEER))


def ways(outputs: list[Output]) -> list[tuple[str, Address]]:
    """Each request that went out, and where to."""
    found = [(parse(output.data), output.flow) for output in outputs if isinstance(output, Transmit)]
    return [(one.method, flow.remote) for one, flow in found if isinstance(one, Request)]


def flows(outputs: list[Output]) -> list[SipFlow]:
    return [output.flow for output in outputs if isinstance(output, Transmit)]


def response(request: Request, status: int, *lines: str, tag: str = "bob", body: bytes = b"") -> bytes:
    head = [
        f"SIP/2.0 {status} X",
        f"Via: {request.headers.get('Via')}",
        f"From: {request.headers.get('From')}",
        f"To: {request.headers.get('To')};tag={tag}",
        f"Call-ID: {request.call_id}",
        f"CSeq: {request.headers.get('CSeq')}",
        *lines,
    ]
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body


def dialled(invite: OutgoingInvite) -> tuple[Endpoint, SessionId, Request]:
    one = endpoint()
    session, outputs = one.invite(invite, 0.0)
    (request,) = sent(outputs)
    assert isinstance(request, Request)
    return one, session, request


def tcp_talk(path: DialogPath, *lines: str) -> tuple[Endpoint, SessionId, str]:
    """An incoming call over a connection that the peer opened."""
    one = endpoint()
    arrived = one.receive(message("INVITE", *SDP, *lines, body=OFFER), TCP, 0.0)[-1]
    assert isinstance(arrived, InviteArrived)
    one.set_path(arrived.session, path)
    (answer,) = sent(one.answer(arrived.session, ANSWER, 0.0))
    tag = answer.to.tag or ""
    one.receive(message("ACK", branch="z9hG4bKack", to_tag=tag), TCP, 0.0)
    return one, arrived.session, tag


# --- a cluster: Record-Route names another host than the sender's ---


def test_bye_of_an_incoming_call_goes_to_the_record_route() -> None:
    talk = Talk(RECORD_ROUTE)
    talk.endpoint.set_path(talk.session, ROUTE)
    outputs = talk.endpoint.hang_up(talk.session, 1.0)
    assert ways(outputs) == [("BYE", CORE)]
    (bye,) = sent(outputs)
    assert bye.headers.get("Route") == f"<sip:{CORE};lr>"


def test_bye_of_a_call_that_nobody_acknowledged_is_aimed_at_nobody_else() -> None:
    one = endpoint()
    arrived = one.receive(message("INVITE", *SDP, RECORD_ROUTE, body=OFFER), FLOW, 0.0)[-1]
    assert isinstance(arrived, InviteArrived)
    one.set_path(arrived.session, ROUTE)
    one.answer(arrived.session, ANSWER, 0.0)
    asked: list[tuple[str, Address]] = []
    while (at := one.next_deadline()) is not None:
        asked += ways(one.handle_deadline(at))
    assert {method for method, _ in asked} == {"BYE"}
    assert {there for _, there in asked} == {PEER}


def test_re_invite_and_its_ack_go_to_the_record_route() -> None:
    talk = Talk(RECORD_ROUTE)
    talk.endpoint.set_path(talk.session, ROUTE)
    outputs = talk.endpoint.modify(talk.session, OFFER, 1.0)
    assert ways(outputs) == [("INVITE", CORE)]
    (invite,) = sent(outputs)
    assert isinstance(invite, Request)
    answer = response(invite, 200, "Contact: <sip:peer@192.0.2.2>", tag="peer", body=ANSWER)
    assert ways(talk.endpoint.receive(answer, replace(FLOW, remote=CORE), 1.0)) == [("ACK", CORE)]


def test_ack_and_bye_of_an_outgoing_call_go_to_the_record_route() -> None:
    one, session, invite = dialled(replace(outgoing(), path=ROUTE))
    answer = response(invite, 200, RECORD_ROUTE, "Contact: <sip:bob@192.0.2.50>", body=ANSWER)
    assert ways(one.receive(answer, FLOW, 0.1)) == [("ACK", CORE)]
    assert ways(one.receive(answer, FLOW, 0.6)) == [("ACK", CORE)]  # the 2xx again
    assert ways(one.hang_up(session, 1.0)) == [("BYE", CORE)]


def test_ack_and_bye_of_an_outgoing_call_without_a_route_go_to_the_contact() -> None:
    one, session, invite = dialled(replace(outgoing(), path=ROUTE))
    contact = Address("192.0.2.50", 5066)
    answer = response(invite, 200, f"Contact: <sip:bob@{contact}>", body=ANSWER)
    assert ways(one.receive(answer, FLOW, 0.1)) == [("ACK", contact)]
    assert ways(one.hang_up(session, 1.0)) == [("BYE", contact)]


def test_second_phone_that_answers_is_acknowledged_and_ended_by_its_own_route() -> None:
    one, _, invite = dialled(replace(outgoing(), path=ROUTE))
    one.receive(response(invite, 200, "Contact: <sip:bob@192.0.2.50>", body=ANSWER), FLOW, 0.1)
    fork = response(invite, 200, RECORD_ROUTE, "Contact: <sip:eve@192.0.2.51>", tag="eve", body=ANSWER)
    assert ways(one.receive(fork, FLOW, 0.2)) == [("ACK", CORE), ("BYE", CORE)]


def test_ack_of_a_refusal_goes_where_the_invite_went() -> None:
    one, _, invite = dialled(replace(outgoing(), path=ROUTE))
    assert ways(one.receive(response(invite, 486, RECORD_ROUTE), FLOW, 0.1)) == [("ACK", PEER)]


def test_cancel_goes_where_the_invite_went() -> None:
    one, session, invite = dialled(replace(outgoing(), path=ROUTE))
    one.receive(response(invite, 180, RECORD_ROUTE, "Contact: <sip:bob@192.0.2.50>"), FLOW, 0.1)
    assert ways(one.hang_up(session, 1.0)) == [("CANCEL", PEER)]


def test_target_refresh_moves_the_bye_but_not_off_the_route_set() -> None:
    talk = Talk()
    talk.endpoint.set_path(talk.session, ROUTE)
    talk.say("UPDATE", "Contact: <sip:peer@192.0.2.60>")
    assert ways(talk.endpoint.hang_up(talk.session, 2.0)) == [("BYE", Address("192.0.2.60", 5060))]


# --- a connection that closes ---


def test_talk_outlives_its_connection_and_bye_goes_to_the_address_in_the_settings() -> None:
    one, session, _ = tcp_talk(HOME)
    assert not [each for each in one.flow_closed(TCP, 5.0) if isinstance(each, SessionEnded)]
    assert flows(one.hang_up(session, 6.0)) == [SipFlow(Transport.TCP, US, PEER)]


def test_talk_outlives_its_connection_and_bye_goes_to_the_record_route() -> None:
    one, session, _ = tcp_talk(ROUTE, f"Record-Route: <sip:{CORE};transport=tcp;lr>")
    one.flow_closed(TCP, 5.0)
    assert flows(one.hang_up(session, 6.0)) == [SipFlow(Transport.TCP, US, CORE)]


def test_peer_ends_the_talk_over_another_connection() -> None:
    one, session, tag = tcp_talk(HOME)
    one.flow_closed(TCP, 5.0)
    another = replace(TCP, remote=Address("192.0.2.2", 40002), connection=6)
    outputs = one.receive(message("BYE", branch="z9hG4bKbye", cseq=2, to_tag=tag), another, 6.0)
    assert SessionEnded(session, EndCause.BYE) in outputs
    assert flows(outputs) == [another]


def test_request_of_the_peer_over_another_connection_is_where_ours_go_from_then_on() -> None:
    one, session, tag = tcp_talk(DialogPath())
    one.flow_closed(TCP, 5.0)
    another = replace(TCP, remote=Address("192.0.2.2", 40002), connection=6)
    one.receive(message("INFO", branch="z9hG4bKinfo", cseq=2, to_tag=tag), another, 6.0)
    assert flows(one.hang_up(session, 7.0)) == [another]


def test_bye_that_crosses_the_closing_of_its_connection_is_sent_once_more() -> None:
    one, session, _ = tcp_talk(HOME)
    assert flows(one.hang_up(session, 5.0)) == [TCP]
    again = flows(one.flow_closed(TCP, 5.1))
    assert again == [SipFlow(Transport.TCP, US, PEER)]
    assert flows(one.flow_closed(again[0], 5.2)) == []  # nobody listens there either
    assert one.census().sessions == 0


def test_phone_that_cannot_be_reached_any_more_is_forgotten_after_one_try() -> None:
    one, session, _ = tcp_talk(DialogPath(), "Contact: <sip:1001@10.0.0.7;transport=tcp>")
    one.flow_closed(TCP, 5.0)
    (tried,) = flows(one.hang_up(session, 6.0))
    assert tried == replace(TCP, connection=0)
    one.flow_closed(tried, 6.1)
    assert one.census() == replace(
        NOTHING_LEFT, transactions=one.census().transactions, deadlines=one.census().deadlines
    )


def test_moved_phone_is_sent_to_where_it_is_now() -> None:
    one, session, _ = tcp_talk(DialogPath())
    one.flow_closed(TCP, 5.0)
    now_at = replace(TCP, remote=Address("192.0.2.2", 40010), connection=9)
    one.move(session, now_at)
    assert flows(one.hang_up(session, 6.0)) == [now_at]


def test_moved_phone_behind_an_edge_proxy_is_addressed_by_its_new_contact() -> None:
    talk = Talk()
    talk.endpoint.set_path(talk.session, ROUTE)
    now_at = replace(FLOW, remote=Address("192.0.2.60", 5060))
    talk.endpoint.move(talk.session, now_at, SipUri.parse("sip:peer@192.0.2.60:5060;ob"))
    outputs = talk.endpoint.hang_up(talk.session, 2.0)
    assert ways(outputs) == [("BYE", now_at.remote)]
    assert str(request_in(outputs).uri) == "sip:peer@192.0.2.60:5060;ob"


@pytest.mark.parametrize("is_answered", [False, True])
def test_phone_that_moves_while_it_rings_is_cancelled_or_acknowledged_where_it_is_now(is_answered: bool) -> None:
    one, session, invite = dialled(outgoing())
    now_at = replace(FLOW, remote=Address("192.0.2.2", 6060))
    one.receive(response(invite, 180), FLOW, 0.1)
    one.move(session, now_at)
    if not is_answered:
        assert ways(one.hang_up(session, 1.0)) == [("CANCEL", now_at.remote)]
        return
    assert ways(one.receive(response(invite, 200, *SDP, body=ANSWER), now_at, 1.0)) == [("ACK", now_at.remote)]
    assert ways(one.hang_up(session, 2.0)) == [("BYE", now_at.remote)]


def test_re_invite_that_meets_a_closed_connection_ends_no_talk() -> None:
    one, session, _ = tcp_talk(HOME)
    one.modify(session, OFFER, 5.0)
    outputs = one.flow_closed(TCP, 5.1)
    assert ModifyAnswered(session, 503, b"") in outputs
    assert one.census().sessions == 1


def test_answer_is_repeated_over_a_connection_of_ours_until_its_ack() -> None:
    one = endpoint()
    arrived = one.receive(message("INVITE", *SDP, body=OFFER), TCP, 0.0)[-1]
    assert isinstance(arrived, InviteArrived)
    one.answer(arrived.session, ANSWER, 0.0)
    one.flow_closed(TCP, 0.1)
    assert flows(one.handle_deadline(0.5)) == [SipFlow(Transport.TCP, US, PEER)]


def test_caller_whose_connection_closes_before_the_answer_is_gone() -> None:
    one = endpoint()
    arrived = one.receive(message("INVITE", *SDP, body=OFFER), TCP, 0.0)[-1]
    assert isinstance(arrived, InviteArrived)
    assert SessionEnded(arrived.session, EndCause.FLOW_CLOSED) in one.flow_closed(TCP, 0.1)


def test_ringing_at_a_trunk_outlives_the_connection_and_at_a_phone_does_not() -> None:
    there = replace(TCP, connection=0, remote=PEER)
    opened = replace(there, connection=5)
    for path, is_over in ((HOME, False), (DialogPath(), True)):
        one, session, invite = dialled(replace(outgoing(), flow=there, path=path))
        one.receive(response(invite, 180), opened, 0.1)
        outputs = one.flow_closed(there, 1.0) + one.flow_closed(opened, 1.0)
        assert any(isinstance(each, SessionRefused) for each in outputs) is is_over
        if not is_over:
            assert flows(one.hang_up(session, 2.0)) == [there]  # CANCEL, on a new connection
