"""One endpoint against hand-written messages: what RFC 3261 wants for each of them."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
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
    only_response,
    outgoing,
    request_in,
    sent,
    statuses,
)

from acdcore.kernel.address import Address
from acdcore.kernel.ids import IdSource
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.endpoint import Endpoint, EndpointSettings
from acdcore.sip.events import (
    DialogPath,
    Discarded,
    DiscardReason,
    EndCause,
    InfoArrived,
    InviteArrived,
    ModifyAnswered,
    OutgoingRequest,
    Output,
    RequestArrived,
    RequestFinished,
    ServerTransactionId,
    SessionConfirmed,
    SessionEnded,
    SessionId,
    SessionModified,
    SessionRefused,
    SipFlow,
    Transmit,
    Transport,
)
from acdcore.sip.session.reinvite import GLARES_MAX
from acdcore.sip.syntax.headers import NameAddr
from acdcore.sip.syntax.message import Request
from acdcore.sip.syntax.parser import parse
from acdcore.sip.syntax.uri import SipUri

# --- outside of dialogs ---


def test_options_tells_what_we_can_do() -> None:
    response = only_response(endpoint().receive(message("OPTIONS"), FLOW, 0.0))
    assert response.status == 200
    assert response.headers.get("Accept") == "application/sdp, multipart/mixed"
    assert response.headers.get("Supported") == "timer"
    assert {"INVITE", "BYE", "REGISTER"} <= set((response.headers.get("Allow") or "").split(", "))


@pytest.mark.parametrize(("method", "status"), [("SUBSCRIBE", 405), ("MESSAGE", 405), ("BREW", 501)])
def test_unserved_methods_are_refused_with_allow(method: str, status: int) -> None:
    response = only_response(endpoint().receive(message(method), FLOW, 0.0))
    assert response.status == status
    assert "Allow" in response.headers


@pytest.mark.parametrize("method", ["BYE", "INFO", "UPDATE", "INVITE", "OPTIONS", "REFER"])
def test_request_for_an_unknown_dialog_is_481(method: str) -> None:
    assert statuses(endpoint().receive(message(method, to_tag="nobody"), FLOW, 0.0)) == [481]


@pytest.mark.parametrize("method", ["BYE", "CANCEL", "PRACK"])
def test_request_that_needs_a_dialog_but_names_none_is_481(method: str) -> None:
    assert statuses(endpoint().receive(message(method), FLOW, 0.0)) == [481]


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER"])
def test_unknown_required_extension_is_420(method: str) -> None:
    response = only_response(endpoint().receive(message(method, "Require: 100rel, timer"), FLOW, 0.0))
    assert response.status == 420
    assert response.headers.get("Unsupported") == "100rel"


def test_request_that_call_control_does_not_answer_is_500_before_its_sender_gives_up() -> None:
    one = endpoint()
    one.receive(message("REGISTER"), FLOW, 0.0)
    assert one.handle_deadline(29.9) == []
    assert statuses(one.handle_deadline(30.0)) == [500]
    while (at := one.next_deadline()) is not None:
        one.handle_deadline(at)
    assert one.census() == NOTHING_LEFT


def test_request_that_was_answered_has_no_limit_left() -> None:
    one = endpoint()
    arrived = one.receive(message("REGISTER"), FLOW, 0.0)[-1]
    assert isinstance(arrived, RequestArrived)
    one.respond(arrived.transaction, 200, 1.0)
    assert one.handle_deadline(32.0) == []


def test_call_without_a_hop_left_is_483() -> None:
    assert statuses(endpoint().receive(message("INVITE", "Max-Forwards: 0"), FLOW, 0.0)) == [483]
    assert statuses(endpoint().receive(message("OPTIONS", "Max-Forwards: 0"), FLOW, 0.0)) == [200]


def test_same_invite_over_another_path_is_482() -> None:
    one = endpoint()
    one.receive(message("INVITE"), FLOW, 0.0)
    assert statuses(one.receive(message("INVITE", branch="z9hG4bK2"), FLOW, 0.0)) == [482]


@pytest.mark.parametrize(
    ("uri", "status"),
    [("http://example.com/x", 416), ("mailto:acd@example.com", 416), ("sips:acd@192.0.2.1", 416), ("tel:95500", 100)],
)
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER"])
def test_scheme_that_is_not_served_is_416(method: str, uri: str, status: int) -> None:
    asked = message(method).replace(b"sip:acd@192.0.2.1 SIP", f"{uri} SIP".encode())
    answered = statuses(endpoint().receive(asked, FLOW, 0.0))
    assert answered == ([416] if status == 416 else {"INVITE": [100], "OPTIONS": [200], "REGISTER": []}[method])


def test_body_that_is_no_sdp_is_415() -> None:
    response = only_response(endpoint().receive(message("INVITE", "Content-Type: text/plain", body=b"hi"), FLOW, 0.0))
    assert response.status == 415
    assert response.headers.get("Accept") == "application/sdp, multipart/mixed"


def test_invite_without_contact_is_400() -> None:
    assert statuses(endpoint().receive(message("INVITE", "Contact: "), FLOW, 0.0)) == [400]


def test_invite_gets_100_at_once_and_one_event() -> None:
    one = endpoint()
    outputs = one.receive(message("INVITE", *SDP, body=OFFER), FLOW, 0.0)
    assert statuses(outputs) == [100]
    assert isinstance(outputs[-1], InviteArrived)
    assert outputs[-1].offer == OFFER
    again = one.receive(message("INVITE", *SDP, body=OFFER), FLOW, 0.5)
    assert statuses(again) == [100]
    assert len(again) == 1


def test_all_responses_to_one_invite_share_the_to_tag() -> None:
    one = endpoint()
    arrived = one.receive(message("INVITE"), FLOW, 0.0)[-1]
    assert isinstance(arrived, InviteArrived)
    ringing = only_response(one.progress(arrived.session, 180, 0.0))
    answer = only_response(one.answer(arrived.session, ANSWER, 0.0))
    assert ringing.to.tag == answer.to.tag
    assert ringing.to.tag


def test_bye_before_the_answer_ends_the_call_with_487() -> None:
    one = endpoint()
    arrived = one.receive(message("INVITE"), FLOW, 0.0)[-1]
    assert isinstance(arrived, InviteArrived)
    tag = only_response(one.progress(arrived.session, 180, 0.0)).to.tag or ""
    outputs = one.receive(message("BYE", branch="z9hG4bK2", cseq=2, to_tag=tag), FLOW, 0.0)
    assert statuses(outputs) == [200, 487]
    assert outputs[-1] == SessionEnded(arrived.session, EndCause.BYE)


def test_too_many_sessions_are_503_with_retry_after() -> None:
    one = endpoint(EndpointSettings(sessions_max=0, retry_after_s=7))
    response = only_response(one.receive(message("INVITE"), FLOW, 0.0))
    assert (response.status, response.headers.get("Retry-After")) == (503, "7")


def test_too_many_transactions_are_503_without_a_new_one() -> None:
    one = endpoint(EndpointSettings(transactions_max=0))
    first = one.receive(message("INVITE"), FLOW, 0.0)
    assert only_response(first).status == 503
    assert one.census() == NOTHING_LEFT
    assert one.receive(message("INVITE"), FLOW, 0.5) == first, "a stateless reply is the same each time"
    stray = one.receive(message("ACK", to_tag="any"), FLOW, 0.5)
    assert stray == [Discarded(DiscardReason.STRAY_ACK, FLOW)]


def test_our_own_call_above_the_limit_is_refused_at_once() -> None:
    one = endpoint(EndpointSettings(sessions_max=0))
    session, outputs = one.invite(outgoing(), 0.0)
    assert outputs == [SessionRefused(session, 503, "Service Unavailable", None)]


# --- addresses ---


def test_reply_goes_to_the_source_port_when_rport_asks() -> None:
    source = SipFlow(Transport.UDP, US, Address("198.51.100.9", 31000))
    data = message("OPTIONS", "Via: SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bK1")
    (output,) = endpoint().receive(data, source, 0.0)
    assert isinstance(output, Transmit)
    assert output.flow == source
    via = parse(output.data).via
    assert (via.received, via.rport) == ("198.51.100.9", 31000)


def test_reply_goes_to_the_port_of_via_without_rport() -> None:
    source = SipFlow(Transport.UDP, US, Address("198.51.100.9", 31000))
    data = message("OPTIONS", "Via: SIP/2.0/UDP 10.0.0.5:5062;branch=z9hG4bK1")
    (output,) = endpoint().receive(data, source, 0.0)
    assert isinstance(output, Transmit)
    assert output.flow.remote == Address("198.51.100.9", 5062)
    assert parse(output.data).via.received == "198.51.100.9"


def test_reply_cannot_be_aimed_at_a_third_party() -> None:
    for trick in ("maddr=203.0.113.1", "received=203.0.113.1"):
        data = message("OPTIONS", f"Via: SIP/2.0/UDP 203.0.113.1:5060;{trick};branch=z9hG4bK1")
        (output,) = endpoint().receive(data, FLOW, 0.0)
        assert isinstance(output, Transmit)
        assert output.flow.remote.host == PEER.host


def test_advertised_address_stands_in_via_and_contact() -> None:
    one = endpoint(EndpointSettings(advertised={US: Address("203.0.113.7", 5070)}, contact_user="hotline"))
    _, outputs = one.invite(outgoing(), 0.0)
    invite = sent(outputs)[0]
    assert invite.via.sent_by == "203.0.113.7:5070"
    assert str(invite.contact) == "<sip:hotline@203.0.113.7:5070>"


# --- within a dialog ---


def test_bye_ends_the_session() -> None:
    talk = Talk()
    outputs = talk.say("BYE")
    assert statuses(outputs) == [200]
    assert outputs[-1] == SessionEnded(talk.session, EndCause.BYE)
    assert talk.endpoint.census().sessions == talk.endpoint.census().dialogs == 0


def test_requests_within_a_dialog_follow_the_way_of_the_invite() -> None:
    talk = Talk("Contact: <sip:peer@203.0.113.9:7000>")
    (bye,) = [output for output in talk.endpoint.hang_up(talk.session, 1.0) if isinstance(output, Transmit)]
    assert bye.flow == FLOW
    assert bye.data.startswith(b"BYE sip:peer@203.0.113.9:7000 SIP/2.0")


def test_large_request_stays_on_udp() -> None:
    asked = replace(outgoing(), headers=(("Subject", "x" * 1_400),))
    _, outputs = endpoint().invite(asked, 0.0)
    (invite,) = [output for output in outputs if isinstance(output, Transmit)]
    assert len(invite.data) > 1_300
    assert invite.flow == FLOW


def test_request_out_of_order_is_500() -> None:
    talk = Talk()
    talk.say("OPTIONS", cseq=5)
    assert statuses(talk.say("INFO", cseq=4)) == [500]


def test_request_with_another_peers_tag_is_481() -> None:
    talk = Talk()
    assert statuses(talk.say("BYE", "From: <sip:peer@192.0.2.2>;tag=other")) == [481]
    assert talk.endpoint.census().sessions == 1


def test_info_is_answered_and_surfaced() -> None:
    talk = Talk()
    outputs = talk.say("INFO", "Content-Type: Application/DTMF-Relay ;x=1", body=b"Signal=5\r\n")
    assert statuses(outputs) == [200]
    assert outputs[-1] == InfoArrived(talk.session, "application/dtmf-relay", b"Signal=5\r\n")


def test_unserved_methods_within_a_dialog_keep_it() -> None:
    talk = Talk()
    assert statuses(talk.say("REFER")) == [405]
    assert statuses(talk.say("BREW")) == [501]
    assert statuses(talk.say("OPTIONS")) == [200]


def test_update_without_a_body_refreshes_at_once() -> None:
    talk = Talk()
    outputs = talk.say("UPDATE", "Contact: <sip:moved@192.0.2.2:5099>")
    assert statuses(outputs) == [200]
    assert len(outputs) == 1
    bye = sent(talk.endpoint.hang_up(talk.session, 2.0))[0]
    assert isinstance(bye, Request)
    assert str(bye.uri) == "sip:moved@192.0.2.2:5099", "the remote target was refreshed"


def test_update_with_an_offer_is_for_call_control() -> None:
    talk = Talk()
    assert talk.say("UPDATE", *SDP, body=OFFER) == [SessionModified(talk.session, OFFER, FLOW.remote)]
    outputs = talk.endpoint.accept_modify(talk.session, ANSWER, 1.0)
    assert only_response(outputs).body == ANSWER
    assert talk.endpoint.accept_modify(talk.session, ANSWER, 1.0) == [], "once is enough"


def test_re_invite_without_an_offer_gets_ours_and_its_ack_the_answer() -> None:
    talk = Talk()
    outputs = talk.say("INVITE")
    assert statuses(outputs) == [100]
    assert outputs[-1] == SessionModified(talk.session, b"", FLOW.remote)
    assert only_response(talk.endpoint.accept_modify(talk.session, OFFER, 1.0)).body == OFFER
    assert talk.say("ACK", *SDP, cseq=talk.cseq, body=ANSWER) == [SessionConfirmed(talk.session, ANSWER)]


def test_second_re_invite_before_the_answer_to_the_first_is_500() -> None:
    talk = Talk()
    talk.say("INVITE", *SDP, body=OFFER)
    response = only_response(talk.say("INVITE", *SDP, body=OFFER))
    assert response.status == 500
    assert 0 <= int(response.headers.get("Retry-After") or "-1") <= 10


def test_re_invite_while_ours_is_pending_is_491() -> None:
    talk = Talk()
    talk.endpoint.modify(talk.session, OFFER, 1.0)
    assert statuses(talk.say("INVITE", *SDP, body=OFFER)) == [491]


def test_cancelled_re_invite_is_487_and_the_session_goes_on() -> None:
    talk = Talk()
    talk.say("INVITE", *SDP, body=OFFER)
    cancel = message("CANCEL", branch=f"z9hG4bKINVITE{talk.cseq}", cseq=talk.cseq, to_tag=talk.tag)
    assert statuses(talk.endpoint.receive(cancel, FLOW, 1.0)) == [200, 487]
    assert talk.endpoint.accept_modify(talk.session, ANSWER, 1.0) == []
    assert talk.endpoint.census().sessions == 1


def test_cancel_after_the_answer_has_no_effect() -> None:
    one = endpoint()
    arrived = one.receive(message("INVITE"), FLOW, 0.0)[-1]
    assert isinstance(arrived, InviteArrived)
    one.answer(arrived.session, ANSWER, 0.0)
    outputs = one.receive(message("CANCEL"), FLOW, 0.0)
    assert statuses(outputs) == [200]
    assert len(outputs) == 1


def test_broken_contact_in_a_re_invite_is_400_and_the_session_goes_on() -> None:
    talk = Talk()
    assert statuses(talk.say("INVITE", *SDP, "Contact: <sip:@>", body=OFFER)) == [400]
    assert talk.endpoint.census().sessions == 1


def test_re_invite_that_meets_glare_each_time_is_given_up() -> None:
    talk = Talk()
    request = request_in(talk.endpoint.modify(talk.session, OFFER, 1.0))
    now = 1.0
    for _ in range(GLARES_MAX):
        outputs = talk.endpoint.receive(request.response(491).serialise(), FLOW, now)
        assert [one.method for one in sent(outputs) if isinstance(one, Request)] == ["ACK"]
        request, now = retried(talk.endpoint, now)
    outputs = talk.endpoint.receive(request.response(491).serialise(), FLOW, now)
    assert outputs[-1] == ModifyAnswered(talk.session, 491, b"")


def retried(one: Endpoint, now: float) -> tuple[Request, float]:
    """The re-INVITE that follows glare, and when."""
    for _ in range(100):
        now = one.next_deadline() or now
        for again in sent(one.handle_deadline(now)):
            if isinstance(again, Request) and again.method == "INVITE":
                return again, now
    raise AssertionError("nothing was sent again")


@pytest.mark.parametrize("seed", range(20))
def test_owner_of_the_call_id_waits_longer_at_glare(seed: int) -> None:
    calling = Endpoint(EndpointSettings(), IdSource(seed))
    session, outputs = calling.invite(outgoing(), 0.0)
    answer = request_in(outputs).response(200, headers=[("Contact", "<sip:peer@192.0.2.2>")], to_tag="p")
    calling.receive(answer.serialise(), FLOW, 0.0)
    called = Talk(seed=seed)
    for one, number, shortest, longest in ((calling, session, 2.1, 4.0), (called.endpoint, called.session, 0.0, 2.0)):
        request = request_in(one.modify(number, OFFER, 50.0))
        one.receive(request.response(491, to_tag="p").serialise(), FLOW, 50.0)
        assert shortest <= retried(one, 50.0)[1] - 50.0 <= longest + 1e-9


def test_pending_re_invite_does_not_outlive_its_session() -> None:
    talk = Talk()
    request = request_in(talk.endpoint.modify(talk.session, OFFER, 1.0))
    talk.endpoint.receive(request.response(100).serialise(), FLOW, 1.0)
    bye = request_in(talk.endpoint.hang_up(talk.session, 2.0))
    talk.endpoint.receive(bye.response(200).serialise(), FLOW, 2.0)
    while (at := talk.endpoint.next_deadline()) is not None:
        talk.endpoint.handle_deadline(at)
    assert talk.endpoint.census() == NOTHING_LEFT


# --- session timer ---


def test_session_interval_below_the_minimum_is_422() -> None:
    lines = ("Supported: timer", "Session-Expires: 30")
    response = only_response(endpoint().receive(message("INVITE", *lines), FLOW, 0.0))
    assert (response.status, response.headers.get("Min-SE")) == (422, "90")


@pytest.mark.parametrize(
    "lines",
    [("Session-Expires: 300",), ("Supported: timer",)],
)
def test_session_timer_that_the_caller_does_not_know_or_ask_for_is_left_out(lines: tuple[str, ...]) -> None:
    talk = Talk(*lines)
    assert "Session-Expires" not in talk.answer.headers
    assert "Require" not in talk.answer.headers


def test_refresh_moves_the_end_of_the_session() -> None:
    talk = Talk("Supported: timer", "Session-Expires: 300")
    assert talk.answer.headers.get("Session-Expires") == "300;refresher=uac"
    response = only_response(talk.say("UPDATE", "Supported: timer", "Session-Expires: 300", now=200.0))
    assert response.headers.get("Session-Expires") == "300;refresher=uac"
    assert not any(isinstance(output, SessionEnded) for output in talk.endpoint.handle_deadline(467.9))
    assert SessionEnded(talk.session, EndCause.TIMER) in talk.endpoint.handle_deadline(468.0)


# --- requests of ours ---


def register(one: Endpoint, now: float) -> Request:
    target = SipUri.parse("sip:192.0.2.2")
    me = NameAddr(SipUri.parse("sip:acd@192.0.2.2"))
    asked = OutgoingRequest("REGISTER", target, FLOW, me, me, credentials=DigestClient("acd", "secret"))
    return request_in(one.request(asked, now)[1])


def challenge(request: Request, nonce: str, stale: str = "") -> bytes:
    value = f'Digest realm="r", nonce="{nonce}", qop="auth", algorithm=MD5{stale}'
    return request.response(401, headers=[("WWW-Authenticate", value)], to_tag="x").serialise()


def test_stale_nonce_is_tried_once_more_and_no_further() -> None:
    one = endpoint()
    first = register(one, 0.0)
    second = request_in(one.receive(challenge(first, "n1"), FLOW, 0.0))
    third = request_in(one.receive(challenge(second, "n2", ", stale=true"), FLOW, 0.0))
    assert [request.cseq.number for request in (first, second, third)] == [1, 2, 3]
    assert 'nonce="n2"' in (third.headers.get("Authorization") or "")
    assert len(third.headers.get_all("Authorization")) == 1
    (finished,) = one.receive(challenge(third, "n3", ", stale=true"), FLOW, 0.0)
    assert isinstance(finished, RequestFinished)
    assert finished.status == 401


def test_challenge_without_a_known_algorithm_is_the_final_answer() -> None:
    one = endpoint()
    request = register(one, 0.0)
    value = 'Digest realm="r", nonce="n", algorithm=ROT13'
    response = request.response(401, headers=[("WWW-Authenticate", value)], to_tag="x")
    (finished,) = one.receive(response.serialise(), FLOW, 0.0)
    assert isinstance(finished, RequestFinished)


def test_challenged_bye_is_sent_again_with_credentials() -> None:
    one = endpoint()
    session, outputs = one.invite(outgoing(DigestClient("acd", "secret")), 0.0)
    invite = request_in(outputs)
    one.receive(invite.response(200, headers=[("Contact", "<sip:peer@192.0.2.2>")], to_tag="p").serialise(), FLOW, 0.0)
    bye = request_in(one.hang_up(session, 1.0))
    again = request_in(one.receive(challenge(bye, "n1"), FLOW, 1.0))
    assert (again.method, again.cseq.number) == ("BYE", bye.cseq.number + 1)
    one.receive(again.response(200).serialise(), FLOW, 1.0)
    assert one.census().sessions == 0


@pytest.mark.parametrize("method", ["BYE", "INVITE"])
def test_challenged_request_within_an_incoming_call_is_sent_again_with_credentials(method: str) -> None:
    talk = Talk()
    one, session = talk.endpoint, talk.session
    one.set_path(session, DialogPath(), DigestClient("acd", "secret"))
    first = request_in(one.hang_up(session, 1.0) if method == "BYE" else one.modify(session, OFFER, 1.0))
    outputs = one.receive(challenge(first, "n1"), FLOW, 1.0)
    (again,) = [each for each in sent(outputs) if isinstance(each, Request) and each.method == method]
    assert again.cseq.number == first.cseq.number + 1
    assert 'username="acd"' in (again.headers.get("Authorization") or "")


def test_2xx_with_a_broken_contact_is_acknowledged_all_the_same() -> None:
    one = endpoint()
    _, outputs = one.invite(outgoing(), 0.0)
    answer = request_in(outputs).response(200, headers=[("Contact", "<sip:@>")], to_tag="p")
    ack = request_in(one.receive(answer.serialise(), FLOW, 0.0))
    assert (ack.method, str(ack.uri)) == ("ACK", "sip:peer@192.0.2.2")


# --- what is nobody's ---


@pytest.mark.parametrize("data", [b"", b"\r\n", b"\r\n\r\n", b"\x00\x00\x00\x00"])
def test_keep_alives_are_silent(data: bytes) -> None:
    assert endpoint().receive(data, FLOW, 0.0) == []


@pytest.mark.parametrize("data", [b"hello there", b"\xff" * 40, b"SIP/2.0 999 X\r\n\r\n"])
def test_garbage_is_counted_and_never_answered(data: bytes) -> None:
    assert endpoint().receive(data, FLOW, 0.0) == [Discarded(DiscardReason.MALFORMED, FLOW)]


def test_malformed_request_that_can_be_answered_is_400_without_a_transaction() -> None:
    one = endpoint()
    outputs = one.receive(message("OPTIONS", "CSeq: many OPTIONS"), FLOW, 0.0)
    assert statuses_of_bytes(outputs) == [b"400"]
    assert one.census() == NOTHING_LEFT


def statuses_of_bytes(outputs: list[Output]) -> list[bytes]:
    return [output.data.split(b" ")[1] for output in outputs if isinstance(output, Transmit)]


def test_stray_response_is_counted() -> None:
    request = parse(message("OPTIONS"))
    assert isinstance(request, Request)
    outputs = endpoint().receive(request.response(200, to_tag="x").serialise(), FLOW, 0.0)
    assert outputs == [Discarded(DiscardReason.STRAY_RESPONSE, FLOW)]


def test_commands_for_what_is_over_do_nothing() -> None:
    talk = Talk()
    talk.say("BYE")
    one, session = talk.endpoint, talk.session
    assert one.hang_up(session, 2.0) == []
    assert one.answer(session, ANSWER, 2.0) == one.refuse(session, 486, 2.0) == one.progress(session, 180, 2.0) == []
    assert one.modify(session, OFFER, 2.0) == one.accept_modify(session, ANSWER, 2.0) == []
    assert one.refuse_modify(SessionId(999), 488, 2.0) == one.respond(ServerTransactionId(999), 200, 2.0) == []


def test_commands_that_can_only_be_bugs_raise() -> None:
    one = endpoint()
    session, _ = one.invite(outgoing(), 0.0)
    with pytest.raises(RuntimeError, match="outgoing"):
        one.answer(session, ANSWER, 0.0)
    with pytest.raises(ValueError, match="status 200"):
        one.refuse(session, 200, 0.0)
    with pytest.raises(ValueError, match="BYE"):
        one.request(OutgoingRequest("BYE", outgoing().target, FLOW, outgoing().from_, outgoing().to), 0.0)


@effort(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_damaged_messages_never_raise_and_never_leak(seed: int) -> None:
    """Messages of a call with bytes replaced, dropped and cut, in random order: all that is left runs out in time."""
    chance = random.Random(seed)
    talk = Talk()
    messages = [
        talk.invite,
        message("INVITE", *SDP, branch="z9hG4bK9", cseq=9, to_tag=talk.tag, body=OFFER),
        message("BYE", branch="z9hG4bK8", cseq=8, to_tag=talk.tag),
        message("CANCEL"),
        message("REGISTER", branch="z9hG4bK7"),
        message("ACK", to_tag=talk.tag),
    ]
    for _ in range(12):
        data = bytearray(chance.choice(messages))
        for _ in range(chance.randrange(4)):
            data[chance.randrange(len(data))] = chance.choice(b'\r\n:;,<>" \x00\xffaA09=@')
        if chance.random() < 0.2:
            del data[chance.randrange(len(data)) :]
        for output in talk.endpoint.receive(bytes(data), FLOW, 2.0):
            if isinstance(output, InviteArrived):
                talk.endpoint.refuse(output.session, 486, 2.0)
            elif isinstance(output, SessionModified):
                talk.endpoint.refuse_modify(output.session, 488, 2.0)
    talk.endpoint.hang_up(talk.session, 3.0)
    at = talk.endpoint.next_deadline()
    while at is not None:
        talk.endpoint.handle_deadline(at)
        at = talk.endpoint.next_deadline()
    census = talk.endpoint.census()
    assert census == NOTHING_LEFT


# --- what a session keeps to ---


def test_2xx_to_a_re_invite_is_repeated_along_the_way_that_it_came() -> None:
    talk = Talk()
    moved = SipFlow(Transport.UDP, US, Address("192.0.2.2", 7777))
    via = "Via: SIP/2.0/UDP 192.0.2.2:7777;branch=z9hG4bKmoved"
    data = message("INVITE", *SDP, via, cseq=2, to_tag=talk.tag, body=OFFER)
    talk.endpoint.receive(data, moved, 1.0)
    talk.endpoint.accept_modify(talk.session, ANSWER, 1.0)
    again = [output for output in talk.endpoint.handle_deadline(1.6) if isinstance(output, Transmit)]
    assert [output.flow for output in again] == [moved]


def test_2xx_to_a_re_invite_names_the_proxies_of_that_re_invite() -> None:
    talk = Talk("Record-Route: <sip:old@192.0.2.3;lr>")
    talk.say("INVITE", *SDP, "Record-Route: <sip:new@192.0.2.4;lr>", body=OFFER)
    answer = only_response(talk.endpoint.accept_modify(talk.session, ANSWER, 1.0))
    assert answer.headers.get_all("Record-Route") == ("<sip:new@192.0.2.4;lr>",)


def test_refresh_without_an_interval_ends_the_session_timer() -> None:
    talk = Talk("Supported: timer", "Session-Expires: 300")
    response = only_response(talk.say("UPDATE", "Supported: timer", now=200.0))
    assert "Session-Expires" not in response.headers
    assert talk.endpoint.handle_deadline(10_000.0) == []
    assert talk.endpoint.census().sessions == 1


def test_re_invite_of_ours_keeps_the_peer_refreshing() -> None:
    talk = Talk("Supported: timer", "Session-Expires: 300")
    request = request_in(talk.endpoint.modify(talk.session, OFFER, 200.0))
    assert request.headers.get("Session-Expires") == "300;refresher=uas"
    assert request.tokens("Supported") == ("timer",)
    fields = [("Contact", "<sip:peer@192.0.2.2>"), ("Session-Expires", "300;refresher=uas")]
    talk.endpoint.receive(request.response(200, headers=fields, body=ANSWER).serialise(), FLOW, 200.0)
    assert not any(isinstance(output, SessionEnded) for output in talk.endpoint.handle_deadline(467.9))
    assert SessionEnded(talk.session, EndCause.TIMER) in talk.endpoint.handle_deadline(468.0)


def test_peer_that_drops_the_timer_at_our_re_invite_is_not_hung_up_on() -> None:
    talk = Talk("Supported: timer", "Session-Expires: 300")
    request = request_in(talk.endpoint.modify(talk.session, OFFER, 200.0))
    answer = request.response(200, headers=[("Contact", "<sip:peer@192.0.2.2>")], body=ANSWER)
    talk.endpoint.receive(answer.serialise(), FLOW, 200.0)
    assert talk.endpoint.handle_deadline(10_000.0) == []


def test_ack_carries_the_credentials_of_its_invite() -> None:
    one = endpoint()
    _, outputs = one.invite(outgoing(DigestClient("acd", "secret")), 0.0)
    challenge = [("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')]
    outputs = one.receive(request_in(outputs).response(401, headers=challenge, to_tag="a").serialise(), FLOW, 0.1)
    invite = next(one for one in sent(outputs) if isinstance(one, Request) and one.method == "INVITE")
    answer = invite.response(200, headers=[("Contact", "<sip:peer@192.0.2.2>")], body=ANSWER, to_tag="b")
    ack = request_in(one.receive(answer.serialise(), FLOW, 0.2))
    assert ack.method == "ACK"
    assert ack.headers.get("Authorization") == invite.headers.get("Authorization") is not None


@pytest.mark.parametrize(("method", "to_tag"), [("BYE", "nobody"), ("INVITE", "nobody"), ("CANCEL", "")])
def test_strays_are_answered_without_a_transaction(method: str, to_tag: str) -> None:
    one = endpoint()
    for number in range(10):
        outputs = one.receive(message(method, branch=f"z9hG4bK{number}", to_tag=to_tag), FLOW, 0.0)
        assert statuses(outputs) == [481]
    assert one.census() == NOTHING_LEFT


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "INFO", "OPTIONS", "REFER"])
def test_request_after_our_bye_is_481(method: str) -> None:
    talk = Talk()
    talk.endpoint.hang_up(talk.session, 1.0)
    assert statuses(talk.say(method, *SDP, body=OFFER)) == [481]
    assert statuses(talk.say("BYE")) == [200]


@pytest.mark.parametrize(
    ("status", "fields", "expected"),
    [
        (422, (("Min-SE", "1800"),), ("1800;refresher=uas", "1800")),
        (421, (("Require", "timer"),), (None, None)),
    ],
)
def test_invite_is_sent_again_with_the_session_timer_that_its_refusal_asks_for(
    status: int, fields: tuple[tuple[str, str], ...], expected: tuple[str | None, str | None]
) -> None:
    one = endpoint()
    _, outputs = one.invite(outgoing(), 0.0)
    invite = request_in(outputs)
    outputs = one.receive(invite.response(status, headers=fields, to_tag="bob").serialise(), FLOW, 0.1)
    again = next(each for each in sent(outputs) if isinstance(each, Request) and each.method == "INVITE")
    assert (again.headers.get("Session-Expires"), again.headers.get("Min-SE")) == expected
    assert (again.headers.get("Supported"), again.cseq.number, again.call_id) == ("timer", 2, invite.call_id)
    assert again.body == OFFER
    outputs = one.receive(again.response(status, headers=fields, to_tag="bob").serialise(), FLOW, 0.2)
    assert [each.status for each in outputs if isinstance(each, SessionRefused)] == [status]


@pytest.mark.parametrize(
    ("status", "fields"),
    [(422, ()), (422, (("Min-SE", "soon"),)), (421, (("Require", "100rel"),)), (421, (("Require", "timer, gruu"),))],
)
def test_refusal_that_asks_for_what_we_cannot_do_is_the_outcome(
    status: int, fields: tuple[tuple[str, str], ...]
) -> None:
    one = endpoint()
    session, outputs = one.invite(outgoing(), 0.0)
    outputs = one.receive(request_in(outputs).response(status, headers=fields, to_tag="bob").serialise(), FLOW, 0.1)
    assert [(each.session, each.status) for each in outputs if isinstance(each, SessionRefused)] == [(session, status)]


def test_request_under_the_branch_of_an_earlier_one_is_served_when_its_cseq_is_another() -> None:
    talk = Talk()
    again = message("INVITE", *SDP, branch="z9hG4bK1", cseq=2, to_tag=talk.tag, body=OFFER)
    outputs = talk.endpoint.receive(again, FLOW, 1.0)
    assert any(isinstance(output, SessionModified) for output in outputs)
    assert only_response(talk.endpoint.refuse_modify(talk.session, 488, 1.0)).status == 488
    ack = message("ACK", branch="z9hG4bK1", cseq=2, to_tag=talk.tag)
    assert talk.endpoint.receive(ack, FLOW, 1.1) == []
    assert statuses(talk.endpoint.handle_deadline(2.0)) == []  # the 488 is acknowledged
    assert statuses(talk.endpoint.receive(talk.invite, FLOW, 2.0)) == []  # a copy of the first one
    bye = message("BYE", branch="z9hG4bK1", cseq=3, to_tag=talk.tag)
    assert statuses(talk.endpoint.receive(bye, FLOW, 3.0)) == [200]


def test_registrations_under_one_branch_are_told_apart_by_their_cseq() -> None:
    one = endpoint()
    for number in (1, 2, 3):
        outputs = one.receive(message("REGISTER", cseq=number), FLOW, float(number))
        assert isinstance(outputs[-1], RequestArrived)
        assert one.receive(message("REGISTER", cseq=number), FLOW, float(number)) == []
        assert statuses(one.respond(outputs[-1].transaction, 200, float(number))) == [200]
    while (at := one.next_deadline()) is not None:
        one.handle_deadline(at)
    assert one.census() == NOTHING_LEFT


def test_re_invite_without_a_contact_is_taken_and_leaves_the_target_as_it_is() -> None:
    talk = Talk()
    outputs = talk.say("INVITE", "Contact: ", *SDP, body=OFFER)
    assert any(isinstance(output, SessionModified) for output in outputs)
    talk.endpoint.accept_modify(talk.session, ANSWER, 1.0)
    talk.endpoint.receive(message("ACK", branch="z9hG4bKack2", cseq=2, to_tag=talk.tag), FLOW, 1.1)
    assert str(request_in(talk.endpoint.hang_up(talk.session, 2.0)).uri) == "sip:peer@192.0.2.2"
