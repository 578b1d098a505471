"""Obligations of the door: what sends a caller on before standing in line, and for whom."""

import pytest
from tests.queues.dispatcher_harness import ANNA, BO, HELP, REPAIR, SALES, TALK, DispatcherHarness, kinds, only

from acdcore.kernel.ids import QueueName
from acdcore.queues.decisions import InputRefused, Offered, Overflowed, Queued, RefusalReason, Widened
from acdcore.queues.inputs import (
    AgentNotReady,
    AgentReady,
    Channel,
    DispatcherChanged,
    HoursChanged,
    OfferAccepted,
    OfferEnded,
    TalkEnded,
)
from acdcore.queues.settings import (
    DispatcherSettings,
    OfferEnd,
    OverflowCause,
    OverflowRule,
    QueueSettings,
    ToExternalNumber,
    ToFlow,
    ToQueue,
    WideningStep,
)

AWAY = ToExternalNumber("02012345678", trunk="guangzhou")
MESSAGE = ToFlow("message")


def sales(
    cause: OverflowCause, target: ToExternalNumber | ToFlow | ToQueue, max_estimated_wait_s: float | None = None
) -> DispatcherHarness:
    """A queue with one rule, and one beside it."""
    rule = OverflowRule(cause, target)
    queue = QueueSettings(SALES, {TALK: 1}, wrap_up_s=0, overflow=(rule,), max_estimated_wait_s=max_estimated_wait_s)
    return DispatcherHarness(queue, QueueSettings(HELP, {REPAIR: 1}))


def busy_hour(harness: DispatcherHarness) -> None:
    """One agent takes a call a minute while somebody always waits: enough to know the pace."""
    harness.staff(ANNA, talk=1)
    offered = only(Offered, harness.join(SALES)[1])
    for _ in range(30):
        harness.join(SALES)
        harness.handle(OfferAccepted(offered.offer))
        harness.wait(60)
        offered = only(Offered, harness.handle(TalkEnded(offered.entry)))


def test_closed_queue_sends_on_who_comes_and_serves_who_is_inside() -> None:
    harness = sales(OverflowCause.CLOSED, MESSAGE)
    inside, _ = harness.join(SALES)
    harness.handle(HoursChanged(SALES, is_open=False))
    overflowed = only(Overflowed, harness.join(SALES)[1])
    assert (overflowed.cause, overflowed.target) == (OverflowCause.CLOSED, MESSAGE)
    assert only(Offered, harness.staff(ANNA, talk=1)).entry == inside
    harness.handle(HoursChanged(SALES, is_open=True))
    assert not any(isinstance(decision, Overflowed) for decision in harness.join(SALES)[1])


def test_hours_of_a_queue_that_does_not_exist_are_refused() -> None:
    harness = sales(OverflowCause.CLOSED, MESSAGE)
    refused = only(InputRefused, harness.handle(HoursChanged(QueueName("moon"), is_open=False)))
    assert refused.reason is RefusalReason.UNKNOWN_QUEUE


def test_closed_queue_takes_nobody_from_another() -> None:
    onward = QueueSettings(SALES, {TALK: 1}, overflow=(OverflowRule(OverflowCause.NOBODY_READY, ToQueue(HELP)),))
    night = QueueSettings(HELP, {REPAIR: 1}, overflow=(OverflowRule(OverflowCause.CLOSED, MESSAGE),))
    harness = DispatcherHarness(onward, night)
    harness.handle(HoursChanged(HELP, is_open=False))
    _, decisions = harness.join(SALES)
    causes = [(decision.queue, decision.cause) for decision in decisions if isinstance(decision, Overflowed)]
    assert causes == [(SALES, OverflowCause.NOBODY_READY), (HELP, OverflowCause.CLOSED)]


def test_nobody_ready_sends_on_at_the_door_only() -> None:
    harness = sales(OverflowCause.NOBODY_READY, AWAY)
    harness.staff(ANNA, talk=1)
    harness.handle(AgentNotReady(ANNA))
    assert only(Overflowed, harness.join(SALES)[1]).target == AWAY
    harness.handle(AgentReady(ANNA))
    entry, decisions = harness.join(SALES)
    harness.handle(OfferEnded(only(Offered, decisions).offer, OfferEnd.REFUSED))
    assert harness.why(entry).position == 1, "who is inside waits on"


def test_agent_ready_since_this_very_turn_counts_as_ready_at_the_door() -> None:
    onward = QueueSettings(SALES, {TALK: 1}, max_wait_s=5, overflow=(OverflowRule(OverflowCause.WAIT, ToQueue(HELP)),))
    here = QueueSettings(HELP, {REPAIR: 1}, overflow=(OverflowRule(OverflowCause.NOBODY_READY, AWAY),))
    harness = DispatcherHarness(onward, here)
    harness.staff(ANNA, repair=1)
    _, decisions = harness.join(HELP)
    harness.handle(OfferEnded(only(Offered, decisions).offer, OfferEnd.REFUSED))
    harness.wait(5)
    entry, _ = harness.join(SALES)
    decisions = harness.wait(5)  # the back-off and the wait end at one moment
    assert [decision.queue for decision in decisions if isinstance(decision, Queued)] == [HELP]
    assert only(Offered, decisions).entry == entry


def test_agent_who_has_just_missed_the_caller_is_not_ready_for_that_caller() -> None:
    onward = QueueSettings(SALES, {TALK: 1}, max_wait_s=5, overflow=(OverflowRule(OverflowCause.WAIT, ToQueue(HELP)),))
    here = QueueSettings(HELP, {REPAIR: 1}, overflow=(OverflowRule(OverflowCause.NOBODY_READY, AWAY),))
    harness = DispatcherHarness(settings=DispatcherSettings(queues=(onward, here), back_off_s={}))
    harness.staff(ANNA, repair=1, talk=1)
    _, decisions = harness.join(SALES)
    harness.wait(6)
    ended = harness.handle(OfferEnded(only(Offered, decisions).offer, OfferEnd.REFUSED))
    assert [decision.target for decision in ended if isinstance(decision, Overflowed)] == [ToQueue(HELP), AWAY]


def test_long_wait_to_expect_sends_on_at_the_door() -> None:
    harness = sales(OverflowCause.ESTIMATED_WAIT, MESSAGE, max_estimated_wait_s=300)
    busy_hour(harness)
    for _ in range(9):
        decisions = harness.join(SALES)[1]
    overflowed = only(Overflowed, decisions)
    assert (overflowed.cause, overflowed.target, overflowed.waited_s) == (OverflowCause.ESTIMATED_WAIT, MESSAGE, 0.0)


def test_supervisor_sees_what_the_next_caller_is_to_expect() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}, wrap_up_s=0))
    assert harness.dispatcher.snapshot(harness.now).queues[0].expected_wait_s is None
    busy_hour(harness)
    expected_s = harness.dispatcher.snapshot(harness.now).queues[0].expected_wait_s
    assert expected_s is not None and 45 <= expected_s <= 240
    harness.staff(BO, talk=1)
    assert harness.dispatcher.snapshot(harness.now).queues[0].expected_wait_s == 0.0


def test_wait_that_nobody_can_estimate_sends_nobody_on() -> None:
    harness = sales(OverflowCause.ESTIMATED_WAIT, MESSAGE, max_estimated_wait_s=0)
    assert kinds(harness.join(SALES)[1]) == ["Queued"]


def test_wait_to_expect_is_none_while_somebody_is_ready() -> None:
    harness = sales(OverflowCause.ESTIMATED_WAIT, MESSAGE, max_estimated_wait_s=300)
    busy_hour(harness)
    harness.handle(DispatcherChanged(sales(OverflowCause.ESTIMATED_WAIT, MESSAGE, max_estimated_wait_s=0).settings))
    assert "Overflowed" in kinds(harness.join(SALES)[1])
    harness.staff(BO, talk=1)
    assert only(Offered, harness.join(SALES)[1]).agent == BO


def test_long_wait_to_expect_widens_from_the_start() -> None:
    steps = (WideningStep(300, {TALK: 1}), WideningStep(600, {TALK: 0}, estimated_wait_s=50))
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 2}, wrap_up_s=0, widening=steps))
    harness.staff(BO, repair=1)
    harness.handle(AgentNotReady(BO))
    assert not any(isinstance(decision, Widened) for decision in harness.join(SALES)[1])
    harness.staff(ANNA, talk=2)
    (live,) = harness.auditor.live.values()
    offered = live[0]
    for _ in range(12):
        harness.join(SALES)
        harness.handle(OfferAccepted(offered.offer))
        harness.wait(60)
        offered = only(Offered, harness.handle(TalkEnded(offered.entry)))
    harness.join(SALES)
    harness.join(SALES)
    entry, decisions = harness.join(SALES)
    assert only(Widened, decisions).widening_step == 2
    assert (harness.why(entry).needs, harness.why(entry).widening_step) == ({}, 2)


@pytest.mark.parametrize("channel", [Channel.CALLBACK, Channel.VOICEMAIL])
def test_nobody_on_the_line_is_sent_nowhere_and_fills_no_queue(channel: Channel) -> None:
    rules = tuple(
        OverflowRule(cause, AWAY)
        for cause in (OverflowCause.NOBODY_LOGGED_IN, OverflowCause.LENGTH, OverflowCause.WAIT, OverflowCause.CLOSED)
    )
    harness = DispatcherHarness(
        QueueSettings(SALES, {TALK: 1}, max_length=1, max_wait_s=60, overflow=rules, announce_first_s=1)
    )
    harness.handle(HoursChanged(SALES, is_open=False))
    entry, _ = harness.come(SALES, channel=channel)
    assert harness.wait(300) == []
    harness.handle(HoursChanged(SALES, is_open=True))
    harness.staff(BO, talk=1)
    harness.handle(AgentNotReady(BO))
    caller, decisions = harness.join(SALES)
    assert not any(isinstance(decision, Overflowed) for decision in decisions), "the callback counts for the length"
    assert [harness.why(each).position for each in (entry, caller)] == [1, 2]
