"""Calls between two real endpoints over an in-memory network; the ladder is the expectation."""

from itertools import pairwise
from typing import TypeVar

import pytest
from tests.scenarios.network import ANSWER, NOTHING_LEFT, OFFER, Network, Party, Weather

from acdcore.kernel.ids import IdSource
from acdcore.sip.auth.digest import Accounts, DigestServer, RequestToVerify, Verified
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.auth.digest_values import ALGORITHMS, Algorithm, digest_ha1
from acdcore.sip.events import (
    EndCause,
    InviteArrived,
    InviteCancelled,
    ModifyAnswered,
    OutgoingInvite,
    OutgoingRequest,
    RequestArrived,
    RequestFinished,
    SessionAnswered,
    SessionConfirmed,
    SessionEnded,
    SessionId,
    SessionModified,
    SessionRefused,
    SipEvent,
    Transport,
)
from acdcore.sip.syntax.headers import NameAddr
from acdcore.sip.syntax.message import Request
from acdcore.sip.syntax.parser import parse
from acdcore.sip.syntax.uri import SipUri

E = TypeVar("E", bound=SipEvent)


def last(party: Party, kind: type[E]) -> E:
    """The latest event that a party heard, which has to be of this kind."""
    event = party.events[-1]
    assert isinstance(event, kind), event
    return event


class OneSecret(Accounts):
    """Everybody has the same password."""

    def algorithms(self, user: str) -> tuple[Algorithm, ...]:
        return ALGORITHMS

    def ha1(self, user: str, algorithm: Algorithm) -> str:
        return digest_ha1(user, "acd", "secret", algorithm)


class Scene:
    """Alice and bob on one network, with the commands of both."""

    def __init__(self, network: Network | None = None) -> None:
        self.network = network or Network()
        self.alice = self.network.join("alice")
        self.bob = self.network.join("bob")

    def wait(self, seconds: float) -> None:
        self.network.run(self.network.now + seconds)

    def invite(self, timeout_s: float = 180.0) -> SessionId:
        session = self.network.call(self.alice, self.bob, timeout_s)
        self.wait(0.1)
        return session

    def talk(self) -> tuple[SessionId, SessionId]:
        """A call up to the talk; the sessions of alice and of bob."""
        alices = self.invite()
        bobs = self.bob.session()
        self.progress(bobs)
        self.wait(0.4)
        self.answer(bobs)
        self.wait(0.5)
        return alices, bobs

    def progress(self, session: SessionId, status: int = 180) -> None:
        self.network.carry_out(self.bob, self.bob.endpoint.progress(session, status, self.network.now))

    def answer(self, session: SessionId) -> None:
        self.network.carry_out(self.bob, self.bob.endpoint.answer(session, ANSWER, self.network.now))

    def hang_up(self, party: Party, session: SessionId) -> None:
        self.network.carry_out(party, party.endpoint.hang_up(session, self.network.now))

    def modify(self, party: Party, session: SessionId) -> None:
        self.network.carry_out(party, party.endpoint.modify(session, OFFER, self.network.now))

    def accept_modify(self, party: Party, session: SessionId) -> None:
        self.network.carry_out(party, party.endpoint.accept_modify(session, ANSWER, self.network.now))


def test_plain_call() -> None:
    scene = Scene()
    alices, _ = scene.talk()
    scene.hang_up(scene.alice, alices)
    scene.network.run_out()
    assert scene.network.ladder() == (
        "          alice                      bob\n"
        "    0.000 |------- INVITE sdp ------>|\n"
        "    0.010 |<-- 100 Trying (INVITE) --|\n"
        "    0.100 |<-- 180 Ringing (INVITE) -|\n"
        "    0.500 |<-- 200 OK (INVITE) sdp --|\n"
        "    0.510 |---------- ACK ---------->|\n"
        "    1.000 |---------- BYE ---------->|\n"
        "    1.010 |<------ 200 OK (BYE) -----|\n"
    )
    assert scene.alice.heard() == ["SessionProgress", "SessionAnswered"]
    assert scene.bob.heard() == ["InviteArrived", "SessionConfirmed", "SessionEnded"]
    assert scene.bob.events[-1] == SessionEnded(SessionId(1), EndCause.BYE)


def test_the_same_inputs_give_the_same_bytes() -> None:
    def sent(seed: int) -> list[bytes]:
        scene = Scene(Network(seed, Weather(jitter_s=0.3, loss=0.2, duplication=0.1)))
        alices = scene.invite()
        scene.wait(40)
        scene.hang_up(scene.alice, alices)
        scene.network.run_out()
        return [one.data for one in scene.network.seen]

    assert sent(7) == sent(7)
    assert sent(7) != sent(8)


def test_ringing_is_told_again_each_minute_until_the_answer() -> None:
    scene = Scene()
    alices = scene.invite()
    bobs = scene.bob.session()
    scene.progress(bobs)
    scene.wait(130)
    scene.answer(bobs)
    scene.wait(130)
    scene.hang_up(scene.alice, alices)
    scene.network.run_out()
    assert scene.network.arrows().count("bob > alice: 180 Ringing (INVITE)") == 3
    assert scene.alice.heard().count("SessionProgress") == 3


def test_call_that_nobody_takes_up_is_500_after_three_minutes() -> None:
    scene = Scene()
    scene.invite(timeout_s=1_000.0)
    scene.network.run(179.0)
    assert scene.bob.heard() == ["InviteArrived"]
    scene.network.run_out()
    assert scene.bob.events[-1] == SessionEnded(SessionId(1), EndCause.UNANSWERED)
    assert last(scene.alice, SessionRefused).status == 500


def test_call_that_rings_for_an_hour_is_500() -> None:
    scene = Scene()
    scene.invite(timeout_s=10_000.0)
    scene.progress(scene.bob.session())
    scene.network.run(3_600.0)
    assert scene.bob.heard() == ["InviteArrived"]
    scene.network.run_out()
    assert scene.bob.events[-1] == SessionEnded(SessionId(1), EndCause.UNANSWERED)
    assert last(scene.alice, SessionRefused).status == 500


def test_cancel_while_ringing() -> None:
    scene = Scene()
    alices = scene.invite()
    scene.progress(scene.bob.session())
    scene.wait(1)
    scene.hang_up(scene.alice, alices)
    scene.network.run_out()
    assert scene.network.arrows()[3:] == [
        "alice > bob: CANCEL",
        "bob > alice: 200 OK (CANCEL)",
        "bob > alice: 487 Request Terminated (INVITE)",
        "alice > bob: ACK",
    ]
    assert scene.bob.heard() == ["InviteArrived", "InviteCancelled"]
    refused = last(scene.alice, SessionRefused)
    assert refused.status == 487


def test_cancel_waits_for_a_provisional_response() -> None:
    scene = Scene()
    session = scene.network.call(scene.alice, scene.bob)
    scene.hang_up(scene.alice, session)
    scene.network.run_out()
    assert scene.network.arrows() == [
        "alice > bob: INVITE sdp",
        "bob > alice: 100 Trying (INVITE)",
        "alice > bob: CANCEL",
        "bob > alice: 200 OK (CANCEL)",
        "bob > alice: 487 Request Terminated (INVITE)",
        "alice > bob: ACK",
    ]


def test_cancel_crossing_200_ends_in_ack_and_bye() -> None:
    scene = Scene()
    alices = scene.invite()
    bobs = scene.bob.session()
    scene.hang_up(scene.alice, alices)
    scene.answer(bobs)
    scene.network.run_out()
    assert scene.network.arrows()[2:] == [
        "alice > bob: CANCEL",
        "bob > alice: 200 OK (INVITE) sdp",
        "bob > alice: 200 OK (CANCEL)",
        "alice > bob: ACK",
        "alice > bob: BYE",
        "bob > alice: 200 OK (BYE)",
    ]
    assert scene.alice.heard() == ["SessionRefused"], "the late 2xx must never surface"
    assert scene.bob.heard()[-2:] == ["SessionConfirmed", "SessionEnded"]


def test_200_after_a_cancel_that_was_lost_ends_in_ack_and_bye() -> None:
    scene = Scene()
    alices = scene.invite()
    bobs = scene.bob.session()
    scene.network.lose("CANCEL")
    scene.hang_up(scene.alice, alices)
    scene.wait(0.2)
    scene.answer(bobs)
    scene.network.run_out()
    assert scene.alice.heard() == ["SessionRefused"]
    assert "alice x bob: CANCEL" in scene.network.arrows()
    assert scene.network.arrows().count("alice > bob: BYE") == 1


def test_cancel_without_any_final_response_is_given_up() -> None:
    scene = Scene()
    alices = scene.invite()
    scene.network.weather = Weather(loss=1.0)
    scene.hang_up(scene.alice, alices)
    scene.wait(31)
    assert scene.alice.heard() == []
    scene.wait(2)
    assert scene.alice.heard() == ["SessionRefused"]
    scene.wait(40)
    assert scene.alice.endpoint.census() == NOTHING_LEFT


def test_ring_limit_cancels_and_reports_408_at_once() -> None:
    scene = Scene()
    scene.invite(timeout_s=20)
    scene.progress(scene.bob.session())
    scene.wait(19)
    assert "SessionRefused" not in scene.alice.heard()
    scene.wait(1)
    refused = last(scene.alice, SessionRefused)
    assert refused.status == 408
    scene.network.run_out()
    assert scene.alice.heard().count("SessionRefused") == 1
    assert scene.bob.heard()[-1] == "InviteCancelled"


def test_nobody_there_is_408_after_timer_b() -> None:
    scene = Scene(Network(weather=Weather(loss=1.0)))
    scene.network.call(scene.alice, scene.bob)
    scene.network.run_out()
    gaps = [one.at for one in scene.network.seen]
    assert gaps == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    refused = last(scene.alice, SessionRefused)
    assert (refused.status, refused.response) == (408, None)


def test_refusal_with_retry_after_and_redirect_reach_the_caller() -> None:
    for status, field in ((503, ("Retry-After", "30")), (302, ("Contact", "<sip:other@192.0.2.9>"))):
        scene = Scene()
        scene.invite()
        outputs = scene.bob.endpoint.refuse(scene.bob.session(), status, scene.network.now, headers=(field,))
        scene.network.carry_out(scene.bob, outputs)
        scene.network.run_out()
        refused = last(scene.alice, SessionRefused)
        assert refused.status == status
        assert refused.response is not None
        assert refused.response.headers.get(field[0]) == field[1]
        assert scene.bob.heard() == ["InviteArrived"], "our own refusal brings no event"


def test_hanging_up_on_an_unanswered_caller_is_480() -> None:
    scene = Scene()
    scene.invite()
    scene.hang_up(scene.bob, scene.bob.session())
    scene.network.run_out()
    assert "bob > alice: 480 Temporarily Unavailable (INVITE)" in scene.network.arrows()


def test_lost_ack_is_repeated_with_the_200() -> None:
    scene = Scene()
    scene.invite()
    scene.network.lose("ACK")
    scene.answer(scene.bob.session())
    scene.wait(3)
    assert scene.network.arrows()[2:] == [
        "bob > alice: 200 OK (INVITE) sdp",
        "alice x bob: ACK",
        "bob > alice: 200 OK (INVITE) sdp",
        "alice > bob: ACK",
    ]
    assert scene.alice.heard() == ["SessionAnswered"]
    assert scene.bob.heard() == ["InviteArrived", "SessionConfirmed"]


def test_ack_that_never_comes_ends_the_session_with_bye() -> None:
    scene = Scene()
    scene.invite()
    scene.network.weather = Weather(loss=1.0)
    scene.answer(scene.bob.session())
    scene.wait(31.9)
    assert scene.bob.heard() == ["InviteArrived"]
    scene.wait(0.2)
    assert scene.bob.events[-1] == SessionEnded(scene.bob.session(), EndCause.ACK_TIMEOUT)
    answers = [one.at for one in scene.network.seen if one.data.startswith(b"SIP/2.0 200")]
    gaps = [round(b - a, 3) for a, b in pairwise(answers)]
    assert gaps == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0]
    scene.network.run_out()


def test_hang_up_before_the_ack_waits_for_it() -> None:
    scene = Scene()
    scene.invite()
    bobs = scene.bob.session()
    scene.answer(bobs)
    scene.hang_up(scene.bob, bobs)
    scene.network.run_out()
    assert scene.network.arrows()[2:] == [
        "bob > alice: 200 OK (INVITE) sdp",
        "alice > bob: ACK",
        "bob > alice: BYE",
        "alice > bob: 200 OK (BYE)",
    ]
    assert scene.bob.heard() == ["InviteArrived"], "our own hang-up brings no event"


def test_lost_bye_is_repeated() -> None:
    scene = Scene()
    alices, _ = scene.talk()
    scene.network.lose("BYE", "200 OK (BYE)")
    scene.hang_up(scene.alice, alices)
    scene.network.run_out()
    assert scene.network.arrows()[5:] == [
        "alice x bob: BYE",
        "alice > bob: BYE",
        "bob x alice: 200 OK (BYE)",
        "alice > bob: BYE",
        "bob > alice: 200 OK (BYE)",
    ]
    assert scene.bob.heard().count("SessionEnded") == 1


def test_byes_that_cross_are_both_answered_with_200() -> None:
    scene = Scene()
    alices, bobs = scene.talk()
    scene.hang_up(scene.alice, alices)
    scene.hang_up(scene.bob, bobs)
    scene.network.run_out()
    assert scene.network.arrows()[-2:] == ["bob > alice: 200 OK (BYE)", "alice > bob: 200 OK (BYE)"] or (
        scene.network.arrows()[-2:] == ["alice > bob: 200 OK (BYE)", "bob > alice: 200 OK (BYE)"]
    )
    assert "SessionEnded" not in scene.alice.heard() + scene.bob.heard()


def test_hold_and_resume_by_re_invite() -> None:
    scene = Scene()
    alices, bobs = scene.talk()
    for _ in range(2):
        scene.modify(scene.alice, alices)
        scene.wait(0.1)
        assert scene.bob.events[-1] == SessionModified(bobs, OFFER, scene.alice.address)
        scene.accept_modify(scene.bob, bobs)
        scene.wait(0.9)
        assert scene.alice.events[-1] == ModifyAnswered(alices, 200, ANSWER)
    assert scene.network.arrows()[5:9] == [
        "alice > bob: INVITE sdp",
        "bob > alice: 100 Trying (INVITE)",
        "bob > alice: 200 OK (INVITE) sdp",
        "alice > bob: ACK",
    ]
    scene.hang_up(scene.bob, bobs)
    scene.network.run_out()
    assert scene.alice.heard()[-1] == "SessionEnded"


def test_refused_re_invite_leaves_the_session_as_it_was() -> None:
    scene = Scene()
    alices, bobs = scene.talk()
    scene.modify(scene.bob, bobs)
    scene.wait(0.1)
    scene.network.carry_out(scene.alice, scene.alice.endpoint.refuse_modify(alices, 488, scene.network.now))
    scene.wait(1)
    assert scene.bob.events[-1] == ModifyAnswered(bobs, 488, b"")
    scene.hang_up(scene.bob, bobs)
    scene.network.run_out()
    assert scene.alice.events[-1] == SessionEnded(alices, EndCause.BYE)


def test_glare_of_two_re_invites_is_settled_by_waiting() -> None:
    scene = Scene()
    alices, bobs = scene.talk()

    def accept(party: Party, event: SipEvent) -> None:
        if isinstance(event, SessionModified):
            scene.accept_modify(party, event.session)

    scene.alice.on_event = scene.bob.on_event = accept
    scene.modify(scene.alice, alices)
    scene.modify(scene.bob, bobs)
    scene.wait(10)
    assert "bob > alice: 491 Request Pending (INVITE)" in scene.network.arrows()
    assert "alice > bob: 491 Request Pending (INVITE)" in scene.network.arrows()
    assert ModifyAnswered(alices, 200, ANSWER) in scene.alice.events
    assert ModifyAnswered(bobs, 200, ANSWER) in scene.bob.events
    scene.hang_up(scene.alice, alices)
    scene.network.run_out()


def test_bye_during_the_peers_re_invite_ends_both() -> None:
    scene = Scene()
    alices, bobs = scene.talk()
    scene.modify(scene.alice, alices)
    scene.wait(0.1)
    scene.hang_up(scene.bob, bobs)
    scene.network.run_out()
    assert scene.network.arrows()[7:] == [
        "bob > alice: 487 Request Terminated (INVITE)",
        "bob > alice: BYE",
        "alice > bob: ACK",
        "alice > bob: 200 OK (BYE)",
    ]
    assert scene.alice.events[-1] == SessionEnded(alices, EndCause.BYE)


def test_re_invite_that_is_never_answered_keeps_the_session() -> None:
    scene = Scene()
    alices, _ = scene.talk()
    scene.modify(scene.alice, alices)
    scene.wait(40)
    assert scene.alice.events[-1] == ModifyAnswered(alices, 487, b""), "it was cancelled"
    assert scene.network.arrows()[-4:] == [
        "alice > bob: CANCEL",
        "bob > alice: 200 OK (CANCEL)",
        "bob > alice: 487 Request Terminated (INVITE)",
        "alice > bob: ACK",
    ]
    scene.hang_up(scene.alice, alices)
    scene.network.run_out()


def test_silent_peer_at_re_invite_ends_the_session() -> None:
    scene = Scene()
    alices, _ = scene.talk()
    scene.network.weather = Weather(loss=1.0)
    scene.modify(scene.alice, alices)
    scene.wait(33)
    assert scene.alice.events[-1] == SessionEnded(alices, EndCause.GONE)


def test_retransmitted_requests_are_absorbed() -> None:
    scene = Scene(Network(weather=Weather(duplication=1.0, jitter_s=0.05)))
    alices, _ = scene.talk()
    scene.hang_up(scene.alice, alices)
    scene.network.run_out()
    assert scene.bob.heard() == ["InviteArrived", "SessionConfirmed", "SessionEnded"]
    # A provisional response is not sent reliably, so its copies cannot be told from new ones.
    assert [name for name in scene.alice.heard() if name != "SessionProgress"] == ["SessionAnswered"]


def test_call_over_tcp_retransmits_nothing() -> None:
    scene = Scene(Network(transport=Transport.TCP, weather=Weather(delay_s=1.0)))
    scene.network.call(scene.alice, scene.bob)
    scene.wait(5)
    bobs = scene.bob.session()
    scene.progress(bobs)
    scene.wait(5)
    scene.hang_up(scene.bob, bobs)
    scene.network.run_out()
    assert scene.network.arrows() == [
        "alice > bob: INVITE sdp",
        "bob > alice: 100 Trying (INVITE)",
        "bob > alice: 180 Ringing (INVITE)",
        "bob > alice: 480 Temporarily Unavailable (INVITE)",
        "alice > bob: ACK",
    ]
    assert b"SIP/2.0/TCP" in scene.network.seen[0].data
    assert b";transport=tcp>" in scene.network.seen[0].data


def test_closed_connection_ends_what_is_not_answered_and_no_talk() -> None:
    scene = Scene(Network(transport=Transport.TCP))
    scene.talk()
    ringing = scene.network.call(scene.alice, scene.bob)
    scene.wait(0.1)
    flow = scene.network.flow(scene.alice, scene.bob)
    scene.network.carry_out(scene.alice, scene.alice.endpoint.flow_closed(flow, scene.network.now))
    assert not [event for event in scene.alice.events if isinstance(event, SessionEnded)]
    (refused,) = [event for event in scene.alice.events if isinstance(event, SessionRefused)]
    assert (refused.session, refused.status) == (ringing, 503)
    assert scene.alice.endpoint.census().sessions == 1


def session_timer_invite(party: Party, interval: str) -> bytes:
    return (
        f"INVITE sip:bob@{party.address} SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.77:5060;branch=z9hG4bKtimer1\r\n"
        "Max-Forwards: 70\r\n"
        "From: <sip:trunk@192.0.2.77>;tag=trunk\r\n"
        f"To: <sip:bob@{party.address}>\r\n"
        "Call-ID: timer@192.0.2.77\r\n"
        "CSeq: 1 INVITE\r\n"
        "Contact: <sip:trunk@192.0.2.77>\r\n"
        "Supported: timer\r\n"
        f"Session-Expires: {interval}\r\n"
        "Content-Type: application/sdp\r\n"
        "Content-Length: 5\r\n\r\n"
        "v=0\r\n"
    ).encode()


def test_session_timer_expiry_ends_the_session() -> None:
    network = Network()
    bob, trunk = network.join("bob"), network.join("trunk")
    flow = network.flow(bob, trunk)
    invite = session_timer_invite(bob, "300").replace(b"192.0.2.77", str(trunk.address.host).encode())
    network.deliver(invite, flow)
    network.run(0.1)
    session = bob.session()
    network.carry_out(bob, bob.endpoint.answer(session, ANSWER, network.now))
    answer = parse(network.seen[-1].data)
    assert answer.headers.get("Session-Expires") == "300;refresher=uac"
    assert answer.headers.get("Require") == "timer"
    ack = invite.replace(b"INVITE sip", b"ACK sip").replace(b"1 INVITE", b"1 ACK").replace(b"timer1", b"timer2")
    tag = (answer.to.tag or "").encode()
    ack = ack.replace(b"\r\nCall-ID", b";tag=" + tag + b"\r\nCall-ID")
    network.deliver(ack, flow)
    network.run(268.0)
    assert bob.heard() == ["InviteArrived", "SessionConfirmed"]
    network.run(268.2)
    assert bob.events[-1] == SessionEnded(session, EndCause.TIMER)
    assert network.arrows()[-1].endswith("BYE") or "481" in network.arrows()[-1]
    network.run_out()


def test_challenged_invite_is_sent_again_with_credentials() -> None:
    scene = Scene()
    server = DigestServer("acd", b"0" * 32, IdSource(9))

    def guard(party: Party, event: SipEvent) -> None:
        if not isinstance(event, InviteArrived):
            return
        now = scene.network.now

        values = event.request.headers.get_all("Proxy-Authorization")
        verdict = server.verify(values, RequestToVerify("INVITE", str(event.request.uri)), OneSecret(), now)
        if isinstance(verdict, Verified):
            scene.network.carry_out(party, party.endpoint.answer(event.session, ANSWER, now))
        else:
            fields = tuple(("Proxy-Authenticate", value) for value in server.challenge(now))
            scene.network.carry_out(party, party.endpoint.refuse(event.session, 407, now, headers=fields))

    scene.bob.on_event = guard
    plain = scene.network.invitation(scene.alice, scene.bob)
    for password, end in (("secret", SessionAnswered), ("wrong", SessionRefused)):
        invite = OutgoingInvite(
            plain.target, plain.flow, plain.from_, plain.to, OFFER, credentials=DigestClient("alice", password)
        )
        session, outputs = scene.alice.endpoint.invite(invite, scene.network.now)
        scene.network.carry_out(scene.alice, outputs)
        scene.wait(2)
        assert isinstance(scene.alice.events[-1], end)
        scene.hang_up(scene.alice, session)
    scene.network.run_out()
    assert scene.network.arrows()[:8] == [
        "alice > bob: INVITE sdp",
        "bob > alice: 100 Trying (INVITE)",
        "bob > alice: 407 Proxy Authentication Required (INVITE)",
        "alice > bob: ACK",
        "alice > bob: INVITE sdp",
        "bob > alice: 100 Trying (INVITE)",
        "bob > alice: 200 OK (INVITE) sdp",
        "alice > bob: ACK",
    ]
    invites = [parse(one.data) for one in scene.network.seen if one.data.startswith(b"INVITE")]
    assert [message.cseq.number for message in invites] == [1, 2, 1, 2], "a wrong password is tried once"
    assert invites[0].call_id == invites[1].call_id


def test_register_is_surfaced_and_answered() -> None:
    scene = Scene()
    target = SipUri.parse(f"sip:{scene.bob.address}")
    me = NameAddr(SipUri.parse("sip:alice@example.com"))
    flow = scene.network.flow(scene.alice, scene.bob)
    number, outputs = scene.alice.endpoint.request(OutgoingRequest("REGISTER", target, flow, me, me), scene.network.now)
    scene.network.carry_out(scene.alice, outputs)
    scene.wait(0.6)
    arrived = last(scene.bob, RequestArrived)
    assert scene.bob.heard() == ["RequestArrived"], "the retransmission is absorbed"
    scene.network.carry_out(
        scene.bob, scene.bob.endpoint.respond(arrived.transaction, 200, scene.network.now, (("Expires", "60"),))
    )
    scene.network.run_out()
    finished = last(scene.alice, RequestFinished)
    assert (finished.request, finished.status) == (number, 200)


def test_two_phones_that_both_answer_leave_one_call() -> None:
    scene = Scene()
    alices = scene.invite()
    invite = scene.network.seen[0].data
    request = parse(invite)
    assert isinstance(request, Request)
    flow = scene.network.flow(scene.alice, scene.bob)
    for tag in ("desk", "mobile", "desk"):
        contact = (("Contact", f"<sip:{tag}@{scene.bob.address}>"), ("Content-Type", "application/sdp"))
        answer = request.response(200, headers=contact, body=ANSWER, to_tag=tag)
        scene.network.deliver(answer.serialise(), flow)
    scene.wait(1)
    assert scene.alice.heard() == ["SessionAnswered"]
    sent = [parse(one.data) for one in scene.network.seen if one.sender == scene.alice.address]
    told = [(message.method, message.to.tag) for message in sent[1:] if isinstance(message, Request)]
    assert told[:4] == [("ACK", "desk"), ("ACK", "mobile"), ("BYE", "mobile"), ("ACK", "desk")]
    scene.hang_up(scene.alice, alices)
    scene.hang_up(scene.bob, scene.bob.session())
    scene.network.run_out()


@pytest.mark.parametrize("seed", range(60))
def test_every_call_ends_on_a_lossy_network(seed: int) -> None:
    """20 % lost, some doubled, all reordered: each side hears one end and nothing is left behind."""
    network = Network(seed, Weather(delay_s=0.02, jitter_s=0.4, loss=0.2, duplication=0.1))
    scene = Scene(network)

    def behave(party: Party, event: SipEvent) -> None:
        now = network.now
        match event:
            case InviteArrived(session) if seed % 3 == 0:
                network.at(
                    now + 0.3, lambda: network.carry_out(party, party.endpoint.answer(session, ANSWER, network.now))
                )
            case InviteArrived(session) if seed % 3 == 1:
                network.carry_out(party, party.endpoint.refuse(session, 486, now))
            case SessionModified(session):
                network.carry_out(party, party.endpoint.accept_modify(session, ANSWER, now))
            case SessionAnswered(session):
                network.at(now + 1, lambda: scene.modify(scene.alice, session))
            case SessionConfirmed(session):
                network.at(now + 1.1, lambda: scene.modify(scene.bob, session))
                network.at(now + 20, lambda: scene.hang_up(scene.bob, session))
            case _:
                pass

    scene.alice.on_event = scene.bob.on_event = behave
    calls = [network.call(scene.alice, scene.bob, timeout_s=8 + seed % 7) for _ in range(5)]
    network.run_out()
    ends = [event for event in scene.alice.events if isinstance(event, SessionRefused | SessionEnded)]
    assert sorted(event.session for event in ends) == calls, "each call ends once for alice"
    arrived = [event.session for event in scene.bob.events if isinstance(event, InviteArrived)]
    for_bob = [event.session for event in scene.bob.events if isinstance(event, SessionEnded | InviteCancelled)]
    assert len(for_bob) == len(set(for_bob))
    assert set(for_bob) <= set(arrived)
