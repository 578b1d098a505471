"""Obligations of what waiting callers are told: rounded up, never worse than before, and counted as promises."""

import pytest
from tests.queues.desk import ANNA, BO, SALES, TALK, Desk, only

from acdcore.queues.announcements import told_wait_s
from acdcore.queues.decisions import Announce, Connected, Departed, Offered
from acdcore.queues.inputs import AgentLoggedOut, CallerLeft, CallerPaused, CallerResumed, OfferAccepted, TalkEnded
from acdcore.queues.settings import QueueSettings

TELLING = QueueSettings(SALES, {TALK: 1}, wrap_up_s=0, announce_first_s=0, announce_every_s=30, announces_wait=True)


def told(decisions: list[object]) -> list[Announce]:
    """What callers were told."""
    return [decision for decision in decisions if isinstance(decision, Announce)]


def busy_hour(desk: Desk, talk_s: float = 60.0) -> Offered:
    """ANNA takes a call a minute while somebody always waits; the next one rings."""
    desk.staff(ANNA, talk=1)
    offered = only(Offered, desk.join(SALES)[1])
    for _ in range(30):
        desk.join(SALES)
        desk.feed(OfferAccepted(offered.offer))
        desk.wait(talk_s)
        offered = only(Offered, desk.feed(TalkEnded(offered.entry)))
    desk.feed(OfferAccepted(offered.offer))
    return offered


@pytest.mark.parametrize(
    ("estimated_s", "wait_s"),
    [
        (None, None),
        (0.0, 30.0),
        (29.9, 30.0),
        (30.1, 60.0),
        (180.0, 180.0),
        (180.1, 240.0),
        (241.0, 300.0),
        (1_800.0, 1_800.0),
        (1_800.1, None),
    ],
)
def test_wait_is_rounded_up_and_left_out_when_long_or_unknown(estimated_s: float | None, wait_s: float | None) -> None:
    assert told_wait_s(estimated_s) == wait_s


def test_wait_is_told_when_known_and_is_a_promise_the_first_time() -> None:
    desk = Desk(TELLING)
    offered = busy_hour(desk)
    desk.join(SALES)
    first = told([*desk.wait(0)])[-1]
    assert first.wait_s is not None and first.is_promise
    again = told([*desk.wait(30)])[-1]
    assert again.wait_s is not None and again.wait_s <= first.wait_s and not again.is_promise
    connected = desk.feed(TalkEnded(offered.entry))
    assert only(Connected, desk.feed(OfferAccepted(only(Offered, connected).offer))).is_promise_kept is True
    figures = desk.dispatcher.metrics.queues[SALES]
    assert figures.promises_kept >= 1 and figures.promises >= figures.promises_kept + figures.promises_broken


def test_answer_after_the_promised_time_breaks_the_promise() -> None:
    desk = Desk(TELLING)
    offered = busy_hour(desk)
    entry, _ = desk.join(SALES)
    desk.wait(0)
    leaver, _ = desk.join(SALES)
    desk.wait(1_200)
    broken = desk.dispatcher.metrics.queues[SALES].promises_broken
    decisions = desk.feed(TalkEnded(offered.entry))
    assert only(Offered, decisions).entry == entry
    assert only(Connected, desk.feed(OfferAccepted(only(Offered, decisions).offer))).is_promise_kept is False
    assert only(Departed, desk.feed(CallerLeft(leaver))).is_promise_kept is False
    assert desk.dispatcher.metrics.queues[SALES].promises_broken == broken + 2


def test_who_hangs_up_within_the_promised_time_breaks_and_keeps_nothing() -> None:
    desk = Desk(TELLING)
    busy_hour(desk)
    entry, _ = desk.join(SALES)
    assert told([*desk.wait(0)])[-1].is_promise
    assert only(Departed, desk.feed(CallerLeft(entry))).is_promise_kept is None


def test_wait_is_not_told_when_it_rose_or_nobody_is_there() -> None:
    desk = Desk(TELLING)
    busy_hour(desk)
    desk.staff(BO, talk=1)
    only(Offered, desk.join(SALES)[1])
    entry, _ = desk.join(SALES)
    before = told([*desk.wait(0)])[-1]
    assert before.entry == entry and before.wait_s is not None
    desk.feed(AgentLoggedOut(BO))
    for announce in told([*desk.wait(90)]):
        assert announce.entry != entry or announce.wait_s is None or announce.wait_s <= before.wait_s


def test_nothing_is_told_in_a_side_flow_and_the_rhythm_goes_on() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}, announce_first_s=5, announce_every_s=30))
    entry, _ = desk.join(SALES)
    desk.feed(CallerPaused(entry))
    assert desk.wait(40) == []
    desk.feed(CallerResumed(entry))
    assert [announce.position for announce in told([*desk.wait(25)])] == [1]
