"""What a leg and the story of waiting read from phones: keys in INFO, final statuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.calls.leg import KEYS, digit_of_info
from acdcore.calls.waiting import named, offer_end_of
from acdcore.kernel.ids import QueueName
from acdcore.queues.settings import OfferEnd, ToAnnouncement, ToOutside, ToQueue

RELAY = "application/dtmf-relay"
PLAIN = "application/dtmf"


@pytest.mark.parametrize(
    ("content_type", "body", "digit"),
    [
        (RELAY, b"Signal=5\r\nDuration=160\r\n", "5"),
        (RELAY, b"Signal= *\r\n", "*"),
        (RELAY, b"Duration=160\r\nsignal=#", "#"),
        (RELAY, b"Signal=a", "A"),
        (RELAY, b"Signal=11", ""),
        (RELAY, b"Signal=", ""),
        (RELAY, b"Duration=160", ""),
        (RELAY, b"", ""),
        (PLAIN, b"7", "7"),
        (PLAIN, b" d \r\n", "D"),
        (PLAIN, b"77", ""),
        (PLAIN, b"", ""),
        (PLAIN, b"\xff\xfe", ""),
        ("text/plain", b"5", ""),
        ("", b"Signal=5", ""),
    ],
)
def test_key_is_read_from_both_bodies_that_phones_send(content_type: str, body: bytes, digit: str) -> None:
    assert digit_of_info(content_type, body) == digit


@given(st.sampled_from([RELAY, PLAIN, "x/y"]), st.binary(max_size=200))
def test_any_body_is_one_key_or_none(content_type: str, body: bytes) -> None:
    digit = digit_of_info(content_type, body)
    assert not digit or digit in KEYS


@pytest.mark.parametrize(
    ("statuses", "end"),
    [
        ((486, 600), OfferEnd.BUSY),
        ((403, 603), OfferEnd.REFUSED),
        ((404, 408, 410, 480, 503), OfferEnd.UNREACHABLE),
        ((302, 401, 407, 415, 487, 488, 500, 501, 606), OfferEnd.FAILED),
    ],
)
def test_final_status_says_what_became_of_the_offer(statuses: tuple[int, ...], end: OfferEnd) -> None:
    assert {offer_end_of(status) for status in statuses} == {end}


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (ToQueue(QueueName("sales")), "queue:sales"),
        (ToAnnouncement("system.closed"), "announcement:system.closed"),
        (ToOutside("02155500"), "outside:02155500"),
    ],
)
def test_overflow_target_is_one_word_in_records(target: ToQueue | ToAnnouncement | ToOutside, name: str) -> None:
    assert named(target) == name
