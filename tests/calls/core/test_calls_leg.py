"""What the script `waiting` reads from an agent's phone: the final status."""

import pytest

from acdcore.calls.scripts.waiting import offer_end_of, target_name
from acdcore.kernel.ids import QueueName
from acdcore.queues.settings import OfferEnd, ToAnnouncement, ToExternalNumber, ToQueue


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
        (ToExternalNumber("02155500"), "external_number:02155500"),
    ],
)
def test_overflow_target_is_one_word_in_records(target: ToQueue | ToAnnouncement | ToExternalNumber, name: str) -> None:
    assert target_name(target) == name
