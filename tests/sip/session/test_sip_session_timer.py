"""Sessions that we refresh because the peer asks us to (RFC 4028 sections 9 and 10)."""

import pytest
from tests.sip.peer import ANSWER, FLOW, NOTHING_LEFT, OFFER, Talk, endpoint, only_response, outgoing, request_in, sent

from acdcore.sip.endpoint import Endpoint
from acdcore.sip.events import EndCause, ModifyAnswered, Output, SessionEnded
from acdcore.sip.syntax.message import Request

ASKED = ("Supported: timer", "Session-Expires: 300;refresher=uas")
UPDATE = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE"
CONTACT = ("Contact", "<sip:peer@192.0.2.2>")


def requests(outputs: list[Output]) -> list[str]:
    return [one.method for one in sent(outputs) if isinstance(one, Request)]


def is_over(outputs: list[Output]) -> bool:
    return any(isinstance(output, SessionEnded) for output in outputs)


@pytest.mark.parametrize("lines", [ASKED, ("Require: timer", "Session-Expires: 300;refresher=uas")])
def test_caller_that_asks_us_to_refresh_is_told_that_we_do(lines: tuple[str, ...]) -> None:
    talk = Talk(*lines)
    assert talk.answer.headers.get("Session-Expires") == "300;refresher=uas"
    assert "Require" not in talk.answer.headers


def test_session_that_we_refresh_goes_on_by_update_where_the_peer_knows_it() -> None:
    talk = Talk(*ASKED, UPDATE)
    for at in (150.0, 300.0, 450.0):
        assert requests(talk.endpoint.handle_deadline(at - 0.1)) == []
        update = request_in(talk.endpoint.handle_deadline(at))
        assert (update.method, update.headers.get("Session-Expires"), update.body) == (
            "UPDATE",
            "300;refresher=uac",
            b"",
        )
        assert update.headers.get("Contact") is not None
        answer = update.response(200, headers=[CONTACT, ("Session-Expires", "300;refresher=uac")])
        assert not is_over(talk.endpoint.receive(answer.serialise(), FLOW, at))


def test_session_that_we_refresh_goes_on_by_a_re_invite_that_changes_nothing() -> None:
    talk = Talk(*ASKED)
    invite = request_in(talk.endpoint.handle_deadline(150.0))
    assert (invite.method, invite.body) == ("INVITE", ANSWER)
    assert invite.headers.get("Session-Expires") == "300;refresher=uac"
    answer = invite.response(200, headers=[CONTACT, ("Session-Expires", "300;refresher=uac")], body=OFFER)
    outputs = talk.endpoint.receive(answer.serialise(), FLOW, 150.1)
    assert requests(outputs) == ["ACK"]
    assert not any(isinstance(output, ModifyAnswered) for output in outputs)
    assert requests(talk.endpoint.handle_deadline(300.2)) == ["INVITE"]


def test_peer_that_does_not_know_update_after_all_gets_a_re_invite() -> None:
    talk = Talk(*ASKED, UPDATE)
    update = request_in(talk.endpoint.handle_deadline(150.0))
    talk.endpoint.receive(update.response(501).serialise(), FLOW, 150.1)
    assert requests(talk.endpoint.handle_deadline(160.1)) == ["INVITE"]


def test_refresh_that_is_refused_is_tried_again_and_the_session_ends_in_time_when_none_helps() -> None:
    talk = Talk(*ASKED, UPDATE)
    at, tries = 150.0, 0
    while at < 268.0:
        outputs = talk.endpoint.handle_deadline(at)
        for update in [one for one in sent(outputs) if isinstance(one, Request) and one.method == "UPDATE"]:
            tries += 1
            talk.endpoint.receive(update.response(500).serialise(), FLOW, at)
        at = talk.endpoint.next_deadline() or 1e9
    assert tries == 12
    assert SessionEnded(talk.session, EndCause.TIMER) in talk.endpoint.handle_deadline(268.0)


@pytest.mark.parametrize("status", [481, 408])
def test_refresh_that_finds_no_dialog_ends_the_session(status: int) -> None:
    talk = Talk(*ASKED, UPDATE)
    update = request_in(talk.endpoint.handle_deadline(150.0))
    outputs = talk.endpoint.receive(update.response(status).serialise(), FLOW, 150.1)
    assert SessionEnded(talk.session, EndCause.GONE) in outputs


def test_refresh_by_the_peer_takes_the_timer_over() -> None:
    talk = Talk(*ASKED, UPDATE)
    response = only_response(talk.say("UPDATE", "Supported: timer", "Session-Expires: 600;refresher=uac", now=100.0))
    assert response.headers.get("Session-Expires") == "600;refresher=uac"
    assert requests(talk.endpoint.handle_deadline(500.0)) == []


def test_called_party_that_asks_us_to_refresh_is_refreshed() -> None:
    one = endpoint()
    _, outputs = one.invite(outgoing(), 0.0)
    fields = [CONTACT, ("Allow", "INVITE, UPDATE"), ("Session-Expires", "90;refresher=uac"), ("Require", "timer")]
    answer = request_in(outputs).response(200, headers=fields, body=ANSWER, to_tag="bob")
    one.receive(answer.serialise(), FLOW, 1.0)
    assert requests(one.handle_deadline(46.0)) == ["UPDATE"]


def answered(*timer: tuple[str, str]) -> Endpoint:
    """An endpoint whose call was answered after a second, with what the called party says of the session timer."""
    one = endpoint()
    _, outputs = one.invite(outgoing(), 0.0)
    fields = [CONTACT, ("Allow", "INVITE, UPDATE"), *timer]
    answer = request_in(outputs).response(200, headers=fields, body=ANSWER, to_tag="bob")
    one.receive(answer.serialise(), FLOW, 1.0)
    return one


def test_called_party_that_wants_the_session_refreshed_each_moment_is_not_flooded() -> None:
    one, refreshed = answered(("Session-Expires", "1;refresher=uac")), 0
    while (at := one.next_deadline()) is not None and at < 61.0:
        for update in sent(outputs := one.handle_deadline(at)):
            assert isinstance(update, Request) and update.method == "UPDATE"
            refreshed += 1
            fields = [CONTACT, ("Session-Expires", "1;refresher=uac")]
            outputs = [*outputs, *one.receive(update.response(200, headers=fields).serialise(), FLOW, at)]
        assert not is_over(outputs)
    assert refreshed == 5


def test_called_party_that_refreshes_has_the_least_time_of_the_rfc() -> None:
    one = answered(("Session-Expires", "1;refresher=uas"))
    assert not is_over(one.handle_deadline(60.0))
    assert is_over(one.handle_deadline(62.0))


def test_nothing_is_left_of_a_session_that_ends_while_it_is_refreshed() -> None:
    talk = Talk(*ASKED, UPDATE)
    talk.endpoint.handle_deadline(150.0)
    talk.say("BYE", now=150.1)
    while (at := talk.endpoint.next_deadline()) is not None:
        talk.endpoint.handle_deadline(at)
    assert talk.endpoint.census() == NOTHING_LEFT
