"""Requests that come before the final response to an INVITE, in either direction (RFC 3261 sections 12.1, 14.2)."""

import pytest
from tests.sip.peer import (
    ANSWER,
    FLOW,
    OFFER,
    SDP,
    endpoint,
    message,
    only_response,
    outgoing,
    request_in,
    sent,
    statuses,
)

from acdcore.sip.endpoint import Endpoint
from acdcore.sip.events import EndCause, InviteArrived, Output, SessionAnswered, SessionEnded, SessionRefused
from acdcore.sip.syntax.message import Request
from acdcore.sip.transaction.tables import FORKS_MAX

CONTACT = [("Contact", "<sip:peer@192.0.2.2>")]


class Ringing:
    """An INVITE of ours that rings at one phone or several."""

    def __init__(self, *tags: str) -> None:
        self.endpoint: Endpoint = endpoint()
        self.session, outputs = self.endpoint.invite(outgoing(), 0.0)
        self.invite = request_in(outputs)
        self._serial = 0
        for tag in tags:
            self.ring(tag)

    def ring(self, tag: str) -> None:
        self.endpoint.receive(self.invite.response(180, headers=CONTACT, to_tag=tag).serialise(), FLOW, 0.1)

    def answer(self, tag: str) -> list[Output]:
        return self.endpoint.receive(
            self.invite.response(200, headers=CONTACT, body=ANSWER, to_tag=tag).serialise(), FLOW, 1.0
        )

    def say(self, method: str, tag: str, *lines: str, cseq: int = 1, body: bytes = b"") -> list[Output]:
        """A request of the phone that rings."""
        self._serial += 1
        data = message(
            method,
            f"From: <sip:peer@192.0.2.2>;tag={tag}",
            f"Call-ID: {self.invite.call_id}",
            *lines,
            branch=f"z9hG4bKearly{self._serial}",
            cseq=cseq,
            to_tag=self.invite.from_.tag or "",
            body=body,
        )
        return self.endpoint.receive(data, FLOW, 0.5)


@pytest.mark.parametrize(
    ("method", "lines", "body", "status"),
    [
        ("OPTIONS", (), b"", 200),
        ("INFO", (), b"", 200),
        ("UPDATE", (), b"", 200),
        ("UPDATE", SDP, OFFER, 491),
        ("INVITE", SDP, OFFER, 491),
        ("PRACK", (), b"", 405),
        ("REFER", (), b"", 405),
    ],
)
def test_request_in_an_early_dialog_is_not_481(method: str, lines: tuple[str, ...], body: bytes, status: int) -> None:
    call = Ringing("desk")
    outputs = call.say(method, "desk", *lines, body=body)
    assert statuses(outputs) == [status]
    assert len(outputs) == 1, "nothing of it is for call control"
    assert call.endpoint.census().sessions == 1


def test_early_dialog_is_known_by_the_phones_tag() -> None:
    call = Ringing("desk", "mobile")
    assert statuses(call.say("OPTIONS", "mobile")) == [200]
    assert statuses(call.say("OPTIONS", "stranger")) == [481]
    call.answer("desk")
    assert statuses(call.say("OPTIONS", "mobile", cseq=2)) == [481]
    assert statuses(call.say("OPTIONS", "desk", cseq=2)) == [200]


def test_sequence_of_an_early_dialog_goes_on_after_the_answer() -> None:
    call = Ringing("desk")
    assert statuses(call.say("OPTIONS", "desk", cseq=7)) == [200]
    assert statuses(call.say("OPTIONS", "desk", cseq=6)) == [500]
    call.answer("desk")
    assert statuses(call.say("INFO", "desk", cseq=7)) == [500]
    assert statuses(call.say("INFO", "desk", cseq=8)) == [200]


def test_phone_that_ends_its_early_dialog_by_bye_is_cancelled() -> None:
    call = Ringing("desk")
    outputs = call.say("BYE", "desk")
    assert statuses(outputs) == [200]
    assert [one.method for one in sent(outputs) if isinstance(one, Request)] == ["CANCEL"]
    assert outputs[-1] == SessionRefused(call.session, 487, "Request Terminated", None)
    assert not any(isinstance(output, SessionEnded) for output in call.answer("desk"))


def test_other_phones_ring_on_when_one_ends_its_early_dialog() -> None:
    call = Ringing("desk", "mobile")
    assert len(call.say("BYE", "desk")) == 1
    assert statuses(call.say("BYE", "desk", cseq=2)) == [481]
    assert isinstance(call.say("BYE", "mobile")[-1], SessionRefused)


def test_early_dialogs_of_one_invite_are_limited() -> None:
    call = Ringing(*[f"phone{number}" for number in range(FORKS_MAX + 1)])
    assert statuses(call.say("OPTIONS", f"phone{FORKS_MAX - 1}")) == [200]
    assert statuses(call.say("OPTIONS", f"phone{FORKS_MAX}")) == [481]


def test_early_dialogs_go_with_their_session() -> None:
    call = Ringing("desk")
    assert call.endpoint.census().dialogs == 1
    call.endpoint.receive(call.invite.response(486, to_tag="desk").serialise(), FLOW, 1.0)
    assert call.endpoint.census().dialogs == 0


def test_second_offer_before_our_answer_is_500_and_a_refresh_is_200() -> None:
    one = endpoint()
    arrived = one.receive(message("INVITE", *SDP, body=OFFER), FLOW, 0.0)[-1]
    assert isinstance(arrived, InviteArrived)
    tag = only_response(one.progress(arrived.session, 180, 0.0)).to.tag or ""

    def say(method: str, *lines: str, cseq: int, body: bytes = b"") -> list[Output]:
        return one.receive(
            message(method, *lines, branch=f"z9hG4bKe{cseq}", cseq=cseq, to_tag=tag, body=body), FLOW, 0.5
        )

    for cseq, method in ((2, "INVITE"), (3, "UPDATE")):
        response = only_response(say(method, *SDP, cseq=cseq, body=OFFER))
        assert response.status == 500
        assert 0 <= int(response.headers.get("Retry-After") or "-1") <= 10
    assert statuses(say("UPDATE", "Contact: <sip:moved@192.0.2.2>", cseq=4)) == [200]
    one.answer(arrived.session, ANSWER, 1.0)
    assert say("BYE", cseq=5)[-1] == SessionEnded(arrived.session, EndCause.BYE)


def test_cancel_is_answered_with_the_tag_of_its_invite() -> None:
    one = endpoint()
    arrived = one.receive(message("INVITE"), FLOW, 0.0)[-1]
    assert isinstance(arrived, InviteArrived)
    tag = only_response(one.progress(arrived.session, 180, 0.0)).to.tag
    tags = [answer.to.tag for answer in sent(one.receive(message("CANCEL"), FLOW, 0.5))]
    assert tags == [tag, tag]


@pytest.mark.parametrize(("tag", "heard"), [("one", ANSWER), ("another", b"")])
def test_answer_that_came_before_the_2xx_counts_where_the_same_phones_2xx_has_none(tag: str, heard: bytes) -> None:
    ringing = Ringing()
    typed = [*CONTACT, ("Content-Type", "application/sdp")]
    for status, body in ((183, ANSWER), (183, OFFER)):
        early = ringing.invite.response(status, headers=typed, body=body, to_tag="one")
        ringing.endpoint.receive(early.serialise(), FLOW, 0.1)
    answer = ringing.invite.response(200, headers=CONTACT, to_tag=tag)
    outputs = ringing.endpoint.receive(answer.serialise(), FLOW, 1.0)
    assert outputs[-1] == SessionAnswered(ringing.session, heard)


def test_called_party_whose_2xx_had_no_tag_may_write_one_in_its_requests() -> None:
    ringing = Ringing()
    answer = ringing.invite.response(200, headers=CONTACT, body=ANSWER).serialise()
    ringing.endpoint.receive(answer, FLOW, 1.0)
    assert statuses(ringing.say("INVITE", "late", *SDP, body=OFFER)) == [100]
    stranger = ringing.say("BYE", "late", "Call-ID: another", cseq=2)
    assert statuses(stranger) == [481]
    assert statuses(ringing.say("BYE", "late", cseq=3)) == [200, 487]
