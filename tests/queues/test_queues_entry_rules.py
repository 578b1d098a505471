"""Obligations of the door: what sends a caller on before standing in line, and for whom."""

import pytest
from tests.queues.desk import ANNA, BO, HELP, REPAIR, SALES, TALK, Desk, kinds, only

from acdcore.kernel.ids import QueueName
from acdcore.queues.decisions import InputRefused, Offered, Overflowed, Queued, RefusalReason, Relaxed
from acdcore.queues.inputs import (
    AgentNotReady,
    AgentReady,
    Channel,
    FloorChanged,
    HoursChanged,
    OfferAccepted,
    OfferEnded,
    TalkEnded,
)
from acdcore.queues.settings import (
    FloorSettings,
    OfferEnd,
    OverflowCause,
    OverflowRule,
    QueueSettings,
    Ring,
    ToFlow,
    ToOutside,
    ToQueue,
)

AWAY = ToOutside("02012345678", trunk="guangzhou")
MESSAGE = ToFlow("message")


def sales(
    cause: OverflowCause, target: ToOutside | ToFlow | ToQueue, max_estimated_wait_s: float | None = None
) -> Desk:
    """A queue with one rule, and one beside it."""
    rule = OverflowRule(cause, target)
    queue = QueueSettings(SALES, {TALK: 1}, wrap_up_s=0, overflow=(rule,), max_estimated_wait_s=max_estimated_wait_s)
    return Desk(queue, QueueSettings(HELP, {REPAIR: 1}))


def busy_hour(desk: Desk) -> None:
    """One agent takes a call a minute while somebody always waits: enough to know the pace."""
    desk.staff(ANNA, talk=1)
    offered = only(Offered, desk.join(SALES)[1])
    for _ in range(30):
        desk.join(SALES)
        desk.feed(OfferAccepted(offered.offer))
        desk.wait(60)
        offered = only(Offered, desk.feed(TalkEnded(offered.entry)))


def test_closed_queue_sends_on_who_comes_and_serves_who_is_inside() -> None:
    desk = sales(OverflowCause.CLOSED, MESSAGE)
    inside, _ = desk.join(SALES)
    desk.feed(HoursChanged(SALES, is_open=False))
    overflowed = only(Overflowed, desk.join(SALES)[1])
    assert (overflowed.cause, overflowed.target) == (OverflowCause.CLOSED, MESSAGE)
    assert only(Offered, desk.staff(ANNA, talk=1)).entry == inside
    desk.feed(HoursChanged(SALES, is_open=True))
    assert not any(isinstance(decision, Overflowed) for decision in desk.join(SALES)[1])


def test_hours_of_a_queue_that_does_not_exist_are_refused() -> None:
    desk = sales(OverflowCause.CLOSED, MESSAGE)
    refused = only(InputRefused, desk.feed(HoursChanged(QueueName("moon"), is_open=False)))
    assert refused.reason is RefusalReason.UNKNOWN_QUEUE


def test_closed_queue_takes_nobody_from_another() -> None:
    onward = QueueSettings(SALES, {TALK: 1}, overflow=(OverflowRule(OverflowCause.NOBODY_READY, ToQueue(HELP)),))
    night = QueueSettings(HELP, {REPAIR: 1}, overflow=(OverflowRule(OverflowCause.CLOSED, MESSAGE),))
    desk = Desk(onward, night)
    desk.feed(HoursChanged(HELP, is_open=False))
    _, decisions = desk.join(SALES)
    causes = [(decision.queue, decision.cause) for decision in decisions if isinstance(decision, Overflowed)]
    assert causes == [(SALES, OverflowCause.NOBODY_READY), (HELP, OverflowCause.CLOSED)]


def test_nobody_ready_sends_on_at_the_door_only() -> None:
    desk = sales(OverflowCause.NOBODY_READY, AWAY)
    desk.staff(ANNA, talk=1)
    desk.feed(AgentNotReady(ANNA))
    assert only(Overflowed, desk.join(SALES)[1]).target == AWAY
    desk.feed(AgentReady(ANNA))
    entry, decisions = desk.join(SALES)
    desk.feed(OfferEnded(only(Offered, decisions).offer, OfferEnd.REFUSED))
    assert desk.why(entry).position == 1, "who is inside waits on"


def test_agent_ready_since_this_very_turn_counts_as_ready_at_the_door() -> None:
    onward = QueueSettings(SALES, {TALK: 1}, max_wait_s=5, overflow=(OverflowRule(OverflowCause.WAIT, ToQueue(HELP)),))
    here = QueueSettings(HELP, {REPAIR: 1}, overflow=(OverflowRule(OverflowCause.NOBODY_READY, AWAY),))
    desk = Desk(onward, here)
    desk.staff(ANNA, repair=1)
    _, decisions = desk.join(HELP)
    desk.feed(OfferEnded(only(Offered, decisions).offer, OfferEnd.REFUSED))
    desk.wait(5)
    entry, _ = desk.join(SALES)
    decisions = desk.wait(5)  # the back-off and the wait end at one moment
    assert [decision.queue for decision in decisions if isinstance(decision, Queued)] == [HELP]
    assert only(Offered, decisions).entry == entry


def test_agent_who_has_just_missed_the_caller_is_not_ready_for_that_caller() -> None:
    onward = QueueSettings(SALES, {TALK: 1}, max_wait_s=5, overflow=(OverflowRule(OverflowCause.WAIT, ToQueue(HELP)),))
    here = QueueSettings(HELP, {REPAIR: 1}, overflow=(OverflowRule(OverflowCause.NOBODY_READY, AWAY),))
    desk = Desk(floor=FloorSettings(queues=(onward, here), back_off_s={}))
    desk.staff(ANNA, repair=1, talk=1)
    _, decisions = desk.join(SALES)
    desk.wait(6)
    ended = desk.feed(OfferEnded(only(Offered, decisions).offer, OfferEnd.REFUSED))
    assert [decision.target for decision in ended if isinstance(decision, Overflowed)] == [ToQueue(HELP), AWAY]


def test_long_wait_to_expect_sends_on_at_the_door() -> None:
    desk = sales(OverflowCause.ESTIMATED_WAIT, MESSAGE, max_estimated_wait_s=300)
    busy_hour(desk)
    for _ in range(9):
        decisions = desk.join(SALES)[1]
    overflowed = only(Overflowed, decisions)
    assert (overflowed.cause, overflowed.target, overflowed.waited_s) == (OverflowCause.ESTIMATED_WAIT, MESSAGE, 0.0)


def test_supervisor_sees_what_the_next_caller_is_to_expect() -> None:
    desk = Desk(QueueSettings(SALES, {TALK: 1}, wrap_up_s=0))
    assert desk.dispatcher.snapshot(desk.now).queues[0].expected_wait_s is None
    busy_hour(desk)
    expected_s = desk.dispatcher.snapshot(desk.now).queues[0].expected_wait_s
    assert expected_s is not None and 45 <= expected_s <= 240
    desk.staff(BO, talk=1)
    assert desk.dispatcher.snapshot(desk.now).queues[0].expected_wait_s == 0.0


def test_wait_that_nobody_can_estimate_sends_nobody_on() -> None:
    desk = sales(OverflowCause.ESTIMATED_WAIT, MESSAGE, max_estimated_wait_s=0)
    assert kinds(desk.join(SALES)[1]) == ["Queued"]


def test_wait_to_expect_is_none_while_somebody_is_ready() -> None:
    desk = sales(OverflowCause.ESTIMATED_WAIT, MESSAGE, max_estimated_wait_s=300)
    busy_hour(desk)
    desk.feed(FloorChanged(sales(OverflowCause.ESTIMATED_WAIT, MESSAGE, max_estimated_wait_s=0).settings))
    assert "Overflowed" in kinds(desk.join(SALES)[1])
    desk.staff(BO, talk=1)
    assert only(Offered, desk.join(SALES)[1]).agent == BO


def test_long_wait_to_expect_widens_the_ring_from_the_start() -> None:
    rings = (Ring(300, {TALK: 1}), Ring(600, {TALK: 0}, estimated_wait_s=50))
    desk = Desk(QueueSettings(SALES, {TALK: 2}, wrap_up_s=0, rings=rings))
    desk.staff(BO, repair=1)
    desk.feed(AgentNotReady(BO))
    assert not any(isinstance(decision, Relaxed) for decision in desk.join(SALES)[1])
    desk.staff(ANNA, talk=2)
    (live,) = desk.auditor.live.values()
    offered = live[0]
    for _ in range(12):
        desk.join(SALES)
        desk.feed(OfferAccepted(offered.offer))
        desk.wait(60)
        offered = only(Offered, desk.feed(TalkEnded(offered.entry)))
    desk.join(SALES)
    desk.join(SALES)
    entry, decisions = desk.join(SALES)
    assert only(Relaxed, decisions).ring == 2
    assert (desk.why(entry).needs, desk.why(entry).ring) == ({}, 2)


@pytest.mark.parametrize("channel", [Channel.CALLBACK, Channel.VOICEMAIL])
def test_nobody_on_the_line_is_sent_nowhere_and_fills_no_queue(channel: Channel) -> None:
    rules = tuple(
        OverflowRule(cause, AWAY)
        for cause in (OverflowCause.NOBODY_LOGGED_IN, OverflowCause.LENGTH, OverflowCause.WAIT, OverflowCause.CLOSED)
    )
    desk = Desk(QueueSettings(SALES, {TALK: 1}, max_length=1, max_wait_s=60, overflow=rules, announce_first_s=1))
    desk.feed(HoursChanged(SALES, is_open=False))
    entry, _ = desk.come(SALES, channel=channel)
    assert desk.wait(300) == []
    desk.feed(HoursChanged(SALES, is_open=True))
    desk.staff(BO, talk=1)
    desk.feed(AgentNotReady(BO))
    caller, decisions = desk.join(SALES)
    assert not any(isinstance(decision, Overflowed) for decision in decisions), "the callback counts for the length"
    assert [desk.why(each).position for each in (entry, caller)] == [1, 2]
