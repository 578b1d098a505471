"""The SIP of calls in the log: messages as they were, without what nobody may read."""

import pytest
from structlog.testing import capture_logs

from acdcore.calls.record.sip_log import MESSAGE_CHARS_MAX, MESSAGES, sip_observer, without_secrets
from acdcore.kernel.address import Address
from acdcore.sip.events import SipFlow, Transport
from acdcore.sip.ladder import MessageDirection

FLOW = SipFlow(Transport.UDP, Address("192.0.2.1", 5060), Address("192.0.2.2", 5060))


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("INVITE sip:1001:geheim@192.0.2.1 SIP/2.0\r\n", "INVITE sip:1001:***@192.0.2.1 SIP/2.0\r\n"),
        ("Contact: <sip:a:geheim@h:5060>\r\n", "Contact: <sip:a:***@h:5060>\r\n"),
        ("Contact: <sip:a@h:5060>\r\n", "Contact: <sip:a@h:5060>\r\n"),
        ("authorization: Basic Z2VoZWlt\r\nTo: x", "authorization: ***\nTo: x"),
        ('Authorization: Digest response="ab"\r\n', 'Authorization: Digest response="ab"\r\n'),
        ("a=crypto:1 AES_CM_128 inline:geheim\r\nm=", "a=crypto:1 AES_CM_128 ***\nm="),
        ("k=clear:geheim\r\nm=", "k=***\nm="),
    ],
)
def test_no_password_and_no_key_is_written(line: str, shown: str) -> None:
    assert without_secrets(line.encode()).replace("\r", "") == shown.replace("\r", "")
    assert "geheim" not in without_secrets(line.encode())


def test_messages_are_cut_and_read_whatever_bytes_they_are() -> None:
    assert len(without_secrets(b"\xff" * 60_000)) < MESSAGE_CHARS_MAX + 30


def test_flood_is_counted_instead_of_written() -> None:
    observe = sip_observer()
    with capture_logs() as lines:
        for _ in range(int(MESSAGES.burst) + 10):
            observe(MessageDirection.IN, FLOW, b"OPTIONS", 1.0)
        observe(MessageDirection.OUT, FLOW, b"\r\n\r\n", 2.0)
        observe(MessageDirection.OUT, FLOW, b"SIP/2.0 200 OK", 2.0)
    assert len(lines) == MESSAGES.burst + 1
    assert (lines[-1]["left_out"], lines[-1]["direction"], lines[-1]["peer"]) == (10, "out", "192.0.2.2:5060")
