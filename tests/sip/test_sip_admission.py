"""Floods of strangers: they are answered once and briefly or not at all, and take nothing from anybody else."""

from dataclasses import replace
from ipaddress import ip_network

import pytest
from tests.sip.accounts import REALM, OneAccount
from tests.sip.digest_answer import authorised
from tests.sip.peer import ANSWER, FLOW, NOTHING_LEFT, OFFER, SDP, message, only_response, outgoing, sent, statuses
from tests.sip.test_sip_routes import response

from acdcore.kernel.address import Address
from acdcore.kernel.ids import IdSource
from acdcore.kernel.lockout import Lockout, LockoutSettings
from acdcore.sip.admission import NEWCOMER_MESSAGES, AdmissionRejected, Admitted, SourceClass, SourceLimits, Sources
from acdcore.sip.auth.digest import Denied, DigestServer, RequestToVerify, Verified
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.endpoint import Endpoint
from acdcore.sip.events import (
    CloseFlow,
    DialogPath,
    Discarded,
    DiscardReason,
    EndCause,
    FlowProven,
    InDialog,
    InviteArrived,
    RequestRejected,
    SessionEnded,
    SipFlow,
    Transmit,
    Transport,
)
from acdcore.sip.peers import Peer, PeerKind
from acdcore.sip.session.own_headers import EndpointSettings
from acdcore.sip.syntax.message import Request

TRUNK, PHONE, STRANGER = "192.0.2.2", "198.51.100.1", "203.0.113.1"
CHALLENGE = ("WWW-Authenticate", 'Digest realm="acdcore", nonce="' + 60 * "0" + '", algorithm=MD5, qop="auth"')


class TrunksOnly:
    """Lets the trunk in, and challenges everybody else."""

    def admit(self, request: Request, flow: SipFlow, now: float) -> Admitted | AdmissionRejected:
        if flow.remote.host == TRUNK:
            return Admitted(Peer(PeerKind.TRUNK, "carrier"))
        return AdmissionRejected(401, (CHALLENGE,))


def known() -> Sources:
    sources = Sources()
    sources.use_trunks([ip_network(TRUNK)])
    sources.trust(PHONE, 0.0)
    return sources


def guarded(settings: EndpointSettings | None = None, sources: Sources | None = None) -> Endpoint:
    return Endpoint(settings or EndpointSettings(), IdSource(1), TrunksOnly(), sources or known())


def flow_from(host: str) -> SipFlow:
    return SipFlow(Transport.UDP, FLOW.local, Address(host, 5060))


RESPONSE = (
    b"\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKguess\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\n"
    b"Call-ID: one\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)

# --- nothing is remembered of strangers ---


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
def test_challenge_leaves_no_transaction_behind(method: str) -> None:
    one = guarded()
    outputs = one.receive(message(method), flow_from(STRANGER), 0.0)
    assert statuses(outputs) == [401]
    assert any(isinstance(output, RequestRejected) for output in outputs)
    assert one.census() == NOTHING_LEFT
    assert one.next_deadline() is None


@pytest.mark.parametrize("method", ["OPTIONS", "BYE", "CANCEL", "SUBSCRIBE", "MESSAGE", "NOVEL", "INFO", "UPDATE"])
def test_no_method_of_a_stranger_leaves_a_transaction_behind(method: str) -> None:
    one = guarded()
    assert len(statuses(one.receive(message(method), flow_from(STRANGER), 0.0))) == 1
    assert one.census() == NOTHING_LEFT


def test_ack_of_a_stateless_refusal_is_absorbed() -> None:
    one = guarded()
    refused = only_response(one.receive(message("INVITE"), flow_from(STRANGER), 0.0))
    outputs = one.receive(message("ACK", to_tag=refused.to.tag or ""), flow_from(STRANGER), 0.0)
    assert not [output for output in outputs if isinstance(output, Transmit)]


def test_same_request_again_gets_the_same_to_tag() -> None:
    one = guarded()
    first, second = (only_response(one.receive(message("INVITE"), flow_from(STRANGER), 0.0)) for _ in range(2))
    assert first.to.tag == second.to.tag


@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS", "BYE", "SUBSCRIBE", "NOVEL"])
def test_stranger_is_never_answered_with_much_more_than_he_sent(method: str) -> None:
    one = guarded()
    request = message(method, *SDP, body=OFFER)
    outputs = one.receive(request, flow_from(STRANGER), 0.0)
    for second in range(1, 64):
        outputs += one.handle_deadline(float(second))
    answered = sum(len(output.data) for output in outputs if isinstance(output, Transmit))
    assert 0 < answered < len(request) + len(CHALLENGE[1]) + 60


def test_broken_request_is_answered_with_no_more_than_it_was() -> None:
    request = message("INVITE", "CSeq: nonsense")
    outputs = guarded().receive(request, flow_from(STRANGER), 0.0)
    (answer,) = [output.data for output in outputs if isinstance(output, Transmit)]
    assert len(answer) <= len(request)


def test_trunk_that_asks_for_our_abilities_is_told_them() -> None:
    told = only_response(guarded().receive(message("OPTIONS"), flow_from(TRUNK), 0.0))
    assert "INVITE" in (told.headers.get("Allow") or "")
    brief = only_response(guarded().receive(message("OPTIONS"), flow_from(STRANGER), 0.0))
    assert (brief.status, brief.headers.get("Allow")) == (200, None)


# --- nobody takes what others need ---


def test_flood_of_strangers_leaves_trunks_phones_and_our_own_calls_alone() -> None:
    one = guarded()
    for number in range(10_000):
        host = f"203.0.113.{number % 200}"
        one.receive(message("REGISTER", branch=f"z9hG4bK{number}"), flow_from(host), number / 3_000)
    assert one.census() == NOTHING_LEFT
    arrived = one.receive(message("INVITE", *SDP, body=OFFER), flow_from(TRUNK), 3.4)
    assert [output.peer for output in arrived if isinstance(output, InviteArrived)] == [Peer(PeerKind.TRUNK, "carrier")]
    _, placed = one.invite(outgoing(), 3.4)
    assert [output for output in placed if isinstance(output, Transmit)]


def test_requests_of_peers_take_none_of_our_own_transactions() -> None:
    one = guarded(EndpointSettings(transactions_max=1))
    one.receive(message("INVITE", *SDP, body=OFFER), flow_from(TRUNK), 0.0)
    full = one.receive(message("INVITE", "Call-ID: other", *SDP, branch="z9hG4bK2", body=OFFER), flow_from(TRUNK), 0.0)
    assert only_response(full).status == 503
    _, placed = one.invite(outgoing(), 0.0)
    assert [output for output in placed if isinstance(output, Transmit)]


def test_one_peer_cannot_take_the_transactions_of_all_the_others() -> None:
    one = Endpoint(EndpointSettings(source_transactions_max=2), IdSource(1))
    for number in range(3):
        lines = (f"Call-ID: {number}", *SDP)
        outputs = one.receive(message("INVITE", *lines, branch=f"z9hG4bK{number}", body=OFFER), flow_from(TRUNK), 0.0)
    assert only_response(outputs).status == 503
    other = one.receive(message("INVITE", "Call-ID: x", *SDP, branch="z9hG4bKx", body=OFFER), flow_from(PHONE), 0.0)
    assert any(isinstance(output, InviteArrived) for output in other)


def test_offers_within_a_call_count_towards_the_limit_and_leave_the_call_as_it_is() -> None:
    one = Endpoint(EndpointSettings(source_transactions_max=2), IdSource(1))
    arrived = one.receive(message("INVITE", *SDP, body=OFFER), flow_from(TRUNK), 0.0)[-1]
    assert isinstance(arrived, InviteArrived)
    tag = only_response(one.answer(arrived.session, ANSWER, 0.0)).to.tag or ""
    one.receive(message("ACK", branch="z9hG4bKack", to_tag=tag), flow_from(TRUNK), 0.0)
    for cseq in range(2, 10):
        update = message("UPDATE", branch=f"z9hG4bK{cseq}", cseq=cseq, to_tag=tag)
        told = only_response(one.receive(update, flow_from(TRUNK), 1.0))
    assert (told.status, "Retry-After" in told.headers) == (500, True)
    assert one.census().transactions == 2
    bye = message("BYE", branch="z9hG4bKbye", cseq=10, to_tag=tag)
    assert SessionEnded(arrived.session, EndCause.BYE) in one.receive(bye, flow_from(TRUNK), 1.0)


# --- limits by source ---


@pytest.mark.parametrize("is_flooded", [False, True])
def test_other_hosts_of_a_trunks_cluster_are_served_within_its_dialogs(is_flooded: bool) -> None:
    one, core = guarded(), flow_from(STRANGER)
    for number in range(1, 11 if is_flooded else 1):
        flood(one, f"203.0.113.{number}", 0.0)
    session, outputs = one.invite(replace(outgoing(), path=DialogPath(InDialog.ROUTE)), 0.0)
    (invite,) = sent(outputs)
    assert isinstance(invite, Request)
    record_route = f"Record-Route: <sip:{STRANGER};lr>"
    acknowledged = one.receive(response(invite, 200, record_route, *SDP, body=ANSWER), flow_from(TRUNK), 0.1)
    assert [output.flow.remote.host for output in acknowledged if isinstance(output, Transmit)] == [STRANGER]
    for second in range(1, 200):
        keep_alive = message("OPTIONS", *dialog_lines(invite), branch=f"z9hG4bK{second}", cseq=second)
        assert statuses(one.receive(keep_alive, core, 1.0)) == [200]
    bye = message("BYE", *dialog_lines(invite), branch="z9hG4bKbye", cseq=200)
    assert SessionEnded(session, EndCause.BYE) in one.receive(bye, core, 1.0)


def test_who_knows_the_tags_of_a_dialog_is_no_stranger_and_nor_is_its_connection() -> None:
    one = guarded()
    arrived = one.receive(message("INVITE", *SDP, body=OFFER), flow_from(TRUNK), 0.0)[-1]
    assert isinstance(arrived, InviteArrived)
    (answer,) = sent(one.answer(arrived.session, ANSWER, 0.0))
    core = SipFlow(Transport.TCP, FLOW.local, Address(STRANGER, 40_000), 7)
    ack = message("ACK", branch="z9hG4bKack", to_tag=answer.to.tag or "")
    assert FlowProven(core) in one.receive(ack, core, 0.1)
    assert one.is_known(STRANGER, 0.2)


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        ("Require: novel", 420, "bad extension"),
        ("Max-Forwards: 0", 483, "too many hops"),
        ("Content-Type: text/plain", 415, "unsupported media type"),
    ],
)
def test_admitted_invite_that_cannot_be_served_is_told_for_the_log(line: str, status: int, reason: str) -> None:
    outputs = guarded().receive(message("INVITE", *SDP, line, body=OFFER), flow_from(TRUNK), 0.0)
    (told,) = [output for output in outputs if isinstance(output, RequestRejected)]
    assert (told.status, told.reason) == (status, reason)


def test_admitted_invite_for_which_there_is_no_room_is_told_for_the_log() -> None:
    one = guarded(EndpointSettings(transactions_max=0))
    outputs = one.receive(message("INVITE", *SDP, body=OFFER), flow_from(TRUNK), 0.0)
    assert [output.reason for output in outputs if isinstance(output, RequestRejected)] == ["service unavailable"]


def test_wrong_tags_and_branches_make_nobody_known() -> None:
    one = guarded()
    for wrong in (message("BYE", to_tag="guess"), message("ACK", to_tag="guess"), b"SIP/2.0 200 OK" + RESPONSE):
        outputs = one.receive(wrong, flow_from(STRANGER), 0.0)
        assert not [output for output in outputs if isinstance(output, FlowProven)]
    assert not one.is_known(STRANGER, 0.0)


def dialog_lines(invite: Request) -> tuple[str, ...]:
    """What the callee of our INVITE writes into its requests."""
    ours = invite.headers.get("From")
    return (f"Call-ID: {invite.call_id}", f"To: {ours}", f"From: {invite.headers.get('To')};tag=bob")


def flood(one: Endpoint, host: str, now: float) -> None:
    for number in range(200):
        one.receive(message("OPTIONS", branch=f"z9hG4bK{host}{number}"), flow_from(host), now)


def test_forged_addresses_of_one_network_of_a_trunk_take_no_more_than_that_trunk() -> None:
    limits, sources = SourceLimits(), Sources()
    sources.use_trunks([ip_network("10.1.0.0/16"), ip_network(TRUNK)])
    forged = [f"10.1.{index // 250}.{index % 250}" for index in range(10_000)]
    assert sum(sources.refuse(host, 1.0) is None for host in forged) == limits.trunk.burst
    assert sources.refuse(TRUNK, 1.0) is None


@pytest.mark.parametrize("before", [b"", b"\r\n\r\n"])
def test_forged_invites_of_a_trunk_leave_its_other_messages_and_other_trunks(before: bytes) -> None:
    limits, sources = SourceLimits(), known()
    other = "192.0.2.9"
    sources.use_trunks([ip_network(TRUNK), ip_network(other)])
    one = guarded(sources=sources)
    outputs = [one.receive(before + message("INVITE"), flow_from(TRUNK), 1.0) for _ in range(1_000)]
    dropped = sum(out == [Discarded(DiscardReason.FLOOD, flow_from(TRUNK))] for out in outputs)
    assert dropped == 1_000 - limits.setups.burst
    assert statuses(one.receive(message("OPTIONS"), flow_from(TRUNK), 1.0)) == [200]
    assert statuses(one.receive(message("INVITE"), flow_from(other), 1.0)) != []


def taken(sources: Sources, host: str, messages: int, now: float = 0.0) -> int:
    return sum(sources.refuse(host, now) is None for _ in range(messages))


def test_each_class_of_sources_has_its_own_allowance() -> None:
    limits, sources = SourceLimits(), known()
    assert [sources.of(host, 0.0) for host in (TRUNK, PHONE, STRANGER)] == list(SourceClass)
    assert taken(sources, STRANGER, 10_000) == limits.stranger.burst
    assert taken(sources, PHONE, 10_000) == limits.phone.burst
    assert taken(sources, TRUNK, 10_000) == limits.trunk.burst


def test_all_strangers_together_have_a_limit() -> None:
    limits, sources = SourceLimits(), known()
    admitted = sum(taken(sources, f"10.0.{number >> 8}.{number & 255}", 100) for number in range(2_000))
    assert admitted == limits.newcomers.burst + limits.strangers.burst


def test_phone_that_is_plugged_in_during_a_flood_gets_through() -> None:
    sources = known()
    for second in range(60):
        for number in range(200):
            taken(sources, f"10.0.0.{number}", 15, float(second))
    assert taken(sources, STRANGER, NEWCOMER_MESSAGES, 60.0) == NEWCOMER_MESSAGES


def test_stranger_who_proves_himself_is_none_any_more() -> None:
    sources = known()
    sources.trust(STRANGER, 0.0)
    assert sources.of(STRANGER, 1.0) is SourceClass.PHONE
    assert sources.of(STRANGER, 1e6) is SourceClass.STRANGER


def test_banned_stranger_is_dropped_unread_and_a_known_address_never() -> None:
    lockout = Lockout(LockoutSettings(failures_before_ban=1))
    sources = Sources(None, lockout)
    sources.trust(PHONE, 0.0)
    for host in (STRANGER, PHONE):
        lockout.offended(host, 0.0)
    one = guarded(sources=sources)
    assert one.receive(message("REGISTER"), flow_from(STRANGER), 1.0) == [
        Discarded(DiscardReason.BANNED, flow_from(STRANGER))
    ]
    assert sources.refuse(PHONE, 1.0) is None


def test_garbage_counts_like_any_other_message() -> None:
    one, limits = guarded(), SourceLimits()
    reasons = [one.receive(b"garbage\r\n\r\n", flow_from(STRANGER), 0.0) for _ in range(int(limits.stranger.burst) + 1)]
    assert reasons[0] == [Discarded(DiscardReason.MALFORMED, flow_from(STRANGER))]
    assert reasons[-1] == [Discarded(DiscardReason.FLOOD, flow_from(STRANGER))]


@pytest.mark.parametrize("host", [STRANGER, PHONE, TRUNK])
def test_connection_of_a_stranger_who_floods_is_closed_and_a_known_peers_is_not(host: str) -> None:
    one, flow = guarded(), SipFlow(Transport.TCP, FLOW.local, Address(host, 40_000), 7)
    outputs = [output for _ in range(5_000) for output in one.receive(message("OPTIONS"), flow, 0.0)]
    assert Discarded(DiscardReason.FLOOD, flow) in outputs
    assert (CloseFlow(flow) in outputs) is (host == STRANGER)


# --- a source address may be another's ---


def test_nonce_is_good_only_where_it_was_sent() -> None:
    server = DigestServer(REALM, b"secret", IdSource(1))
    answer = authorised(
        DigestClient("1001", "wrong"),
        server.challenge(0.0, source=STRANGER),
        "REGISTER",
        "sip:a",
        IdSource(2),
    )

    def judged(source: str) -> object:
        return server.verify([answer], RequestToVerify("REGISTER", "sip:a", source), OneAccount(), 1.0)

    assert isinstance(judged(STRANGER), Denied)
    assert not isinstance(judged(PHONE), Denied | Verified)
