"""The mailbox: order, deadlines, cancellation, on a clock that jumps."""

import asyncio

import pytest

from acdcore.calls.core.mailbox import NOTES_MAX, Mailbox

pytestmark = pytest.mark.looptime


async def test_notes_come_in_the_order_in_which_they_were_posted() -> None:
    mailbox: Mailbox[int] = Mailbox()
    for note in range(5):
        mailbox.post(note)
    assert [await mailbox.next() for _ in range(5)] == [0, 1, 2, 3, 4]


async def test_notes_that_are_put_back_come_first_and_push_none_out() -> None:
    mailbox: Mailbox[int] = Mailbox()
    for note in range(3, NOTES_MAX):
        mailbox.post(note)
    mailbox.put_back([0, 1, 2, NOTES_MAX])
    assert [await mailbox.next() for _ in range(NOTES_MAX)] == list(range(NOTES_MAX))


async def test_reader_is_woken_by_a_note() -> None:
    mailbox: Mailbox[str] = Mailbox()
    loop = asyncio.get_running_loop()
    loop.call_later(3, mailbox.post, "note")
    assert await mailbox.next(until=10) == "note"
    assert loop.time() == pytest.approx(3)


async def test_wait_ends_at_its_deadline_and_not_before() -> None:
    mailbox: Mailbox[str] = Mailbox()
    assert await mailbox.next(until=5) is None
    assert asyncio.get_running_loop().time() == pytest.approx(5)


async def test_deadline_that_has_passed_waits_for_nothing() -> None:
    mailbox: Mailbox[str] = Mailbox()
    assert await mailbox.next(until=0) is None
    assert asyncio.get_running_loop().time() == 0


async def test_note_that_is_there_goes_before_a_deadline_that_has_passed() -> None:
    mailbox: Mailbox[str] = Mailbox()
    mailbox.post("note")
    assert await mailbox.next(until=-1) == "note"


async def test_several_notes_in_one_turn_wake_the_reader_once_and_none_is_lost() -> None:
    mailbox: Mailbox[int] = Mailbox()
    loop = asyncio.get_running_loop()

    def post_three() -> None:
        for note in (1, 2, 3):
            mailbox.post(note)

    loop.call_later(1, post_three)
    assert [await mailbox.next(until=5) for _ in range(4)] == [1, 2, 3, None]


async def test_cancelled_reader_loses_no_note() -> None:
    mailbox: Mailbox[str] = Mailbox()
    reader = asyncio.get_running_loop().create_task(mailbox.next())
    await asyncio.sleep(1)
    mailbox.post("note")
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert await mailbox.next() == "note"


async def test_mailbox_keeps_the_newest_notes_when_it_overflows() -> None:
    mailbox: Mailbox[int] = Mailbox()
    for note in range(NOTES_MAX + 2):
        mailbox.post(note)
    assert await mailbox.next() == 2
