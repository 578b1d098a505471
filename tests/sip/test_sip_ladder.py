"""The ladder as text."""

from acdcore.kernel.address import Address
from acdcore.sip.events import SipFlow, Transport
from acdcore.sip.ladder import LadderMessage, MessageDirection, label, ladder_message, messages_of_calls, render

ALICE, ACD, BOB = Address("192.0.2.1", 5060), Address("192.0.2.2", 5060), Address("192.0.2.3", 5060)
INVITE = b"INVITE sip:b SIP/2.0\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n\r\nv=0"
RINGING = b"SIP/2.0 180 Ringing\r\nCall-ID: two\r\nCSeq: 1 INVITE\r\n\r\n"


def test_label_names_method_status_and_sdp() -> None:
    assert label(INVITE) == "INVITE sdp"
    assert label(RINGING) == "180 Ringing (INVITE)"
    assert label(b"\xff\x00 what\r\n") == "(not SIP)"


def test_arrows_point_from_sender_to_receiver_over_the_lanes_between() -> None:
    messages = [
        LadderMessage(10.0, ALICE, ACD, INVITE),
        LadderMessage(10.5, BOB, ACD, RINGING),
        LadderMessage(11.0, ALICE, BOB, INVITE, is_lost=True),
    ]
    assert render(messages, {ALICE: "alice", ACD: "acd", BOB: "bob"}) == (
        "          alice                      acd                        bob\n"
        "    0.000 |------- INVITE sdp ------>|                          |\n"
        "    0.500 |                          |<-- 180 Ringing (INVITE) -|\n"
        "    1.000 |-------------------- INVITE sdp --------------------x|\n"
    )


def test_party_without_a_name_shows_its_address() -> None:
    assert "192.0.2.3:5060" in render([LadderMessage(0.0, ALICE, BOB, INVITE)], {ALICE: "alice"})


def test_no_messages_is_said() -> None:
    assert render([], {}) == "(no messages)\n"


def test_only_the_calls_asked_for_are_kept() -> None:
    messages = [LadderMessage(0.0, ALICE, ACD, INVITE), LadderMessage(0.0, BOB, ACD, RINGING)]
    assert messages_of_calls(messages, frozenset({"two"})) == messages[1:]


def test_flow_and_direction_tell_sender_and_receiver() -> None:
    flow = SipFlow(Transport.UDP, ACD, ALICE)
    assert (
        ladder_message(MessageDirection.OUT, flow, b"", 0.0).sender,
        ladder_message(MessageDirection.IN, flow, b"", 0.0).sender,
    ) == (ACD, ALICE)
