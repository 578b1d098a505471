"""Obligations of overflow: by wait, by length, for lack of agents, and along chains of queues."""

from dataclasses import replace

from tests.queues.dispatcher_harness import ANNA, BO, HELP, REPAIR, SALES, SPARE, TALK, DispatcherHarness, kinds, only

from acdcore.queues.decisions import Connected, Offered, OfferWithdrawn, Overflowed, Queued
from acdcore.queues.inputs import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentNotReady,
    AgentPhoneDown,
    CallerLeft,
    DispatcherChanged,
    OfferAccepted,
    OfferEnded,
    WrapUpEnded,
)
from acdcore.queues.settings import (
    AgentSettings,
    DispatcherSettings,
    OfferEnd,
    OverflowCause,
    OverflowRule,
    OverflowTarget,
    QueueSettings,
    ToAnnouncement,
    ToExternalNumber,
    ToQueue,
)

NOBODY = OverflowCause.NOBODY_LOGGED_IN
HELP_QUEUE = QueueSettings(HELP, {REPAIR: 1})
SPARE_QUEUE = QueueSettings(SPARE)


def sales(cause: OverflowCause, target: OverflowTarget) -> QueueSettings:
    """A queue with one rule, and limits of 60 s or two callers where the rule needs one."""
    queue = QueueSettings(SALES, {TALK: 1}, overflow=(OverflowRule(cause, target),))
    if cause is OverflowCause.WAIT:
        return replace(queue, max_wait_s=60)
    return replace(queue, max_length=2) if cause is OverflowCause.LENGTH else queue


def test_wait_overflows_at_its_limit_to_each_kind_of_target() -> None:
    for target in (ToQueue(HELP), ToAnnouncement("busy"), ToExternalNumber("10086")):
        harness = DispatcherHarness(sales(OverflowCause.WAIT, target), HELP_QUEUE)
        entry, _ = harness.join(SALES)
        assert harness.wait(59.9) == []
        overflowed = only(Overflowed, harness.wait(0.1))
        assert (overflowed.entry, overflowed.queue, overflowed.cause) == (entry, SALES, OverflowCause.WAIT)
        assert (overflowed.target, overflowed.waited_s) == (target, 60.0)
        is_inside = harness.dispatcher.why(entry, harness.now) is not None
        assert is_inside is isinstance(target, ToQueue)


def test_overflow_keeps_the_time_waited_for_the_order_but_not_for_limits() -> None:
    harness = DispatcherHarness(sales(OverflowCause.WAIT, ToQueue(HELP)), HELP_QUEUE)
    old, _ = harness.join(SALES)
    harness.wait(50)
    young, _ = harness.join(HELP)
    harness.wait(10)
    (_, queue) = harness.dispatcher.snapshot(harness.now).queues
    assert [(view.entry, view.waited_s, view.waited_total_s) for view in queue.waiting] == [
        (old, 0.0, 60.0),
        (young, 10.0, 10.0),
    ]
    assert only(Offered, harness.staff(ANNA, repair=1)).entry == old


def test_max_wait_that_expires_while_ringing_lets_the_phone_ring_on() -> None:
    harness = DispatcherHarness(sales(OverflowCause.WAIT, ToExternalNumber("10086")))
    entry, _ = harness.join(SALES)
    harness.wait(50)
    offer = only(Offered, harness.staff(ANNA, talk=1)).offer
    assert harness.wait(15) == []
    assert only(Connected, harness.handle(OfferAccepted(offer))).entry == entry
    assert harness.wait(600) == []


def test_max_wait_that_expired_while_ringing_applies_when_the_offer_fails() -> None:
    for ending in ("refused", "not ready", "expired"):
        harness = DispatcherHarness(sales(OverflowCause.WAIT, ToExternalNumber("10086")))
        harness.join(SALES)
        harness.wait(50)
        offer = only(Offered, harness.staff(ANNA, talk=1)).offer
        harness.wait(15)
        match ending:
            case "refused":
                decisions = harness.handle(OfferEnded(offer, OfferEnd.REFUSED))
            case "not ready":
                decisions = harness.handle(AgentNotReady(ANNA))
            case _:
                decisions = harness.wait(5)
        assert only(Overflowed, decisions).cause is OverflowCause.WAIT, ending


def test_length_turns_the_next_caller_away_at_the_door_and_counts_ringing_ones() -> None:
    harness = DispatcherHarness(sales(OverflowCause.LENGTH, ToAnnouncement("full")))
    harness.staff(ANNA, talk=1)
    ringing, decisions = harness.join(SALES)
    offer = only(Offered, decisions).offer
    harness.join(SALES)
    _, decisions = harness.join(SALES)
    assert kinds(decisions) == ["Queued", "Overflowed"]
    harness.handle(OfferAccepted(offer))
    assert kinds(harness.join(SALES)[1]) == ["Queued"]
    harness.handle(CallerLeft(ringing))


def test_nobody_logged_in_turns_away_at_the_door() -> None:
    harness = DispatcherHarness(sales(NOBODY, ToAnnouncement("closed")))
    harness.staff(BO, repair=1)
    assert only(Overflowed, harness.join(SALES)[1]).cause is NOBODY
    harness.handle(AgentLoggedIn(AgentSettings(BO, skills={TALK: 1})))
    assert kinds(harness.join(SALES)[1]) == ["Queued", "Offered", "AgentStateChanged"]


def test_agents_on_a_break_are_a_reason_to_wait() -> None:
    harness = DispatcherHarness(sales(NOBODY, ToAnnouncement("closed")))
    harness.staff(ANNA, talk=1)
    harness.handle(AgentNotReady(ANNA))
    assert kinds(harness.join(SALES)[1]) == ["Queued"]


def test_last_agent_who_goes_sends_everybody_on() -> None:
    for gone in (AgentLoggedOut(ANNA), AgentPhoneDown(ANNA), AgentLoggedIn(AgentSettings(ANNA, skills={REPAIR: 1}))):
        harness = DispatcherHarness(sales(NOBODY, ToQueue(HELP)), HELP_QUEUE)
        harness.staff(ANNA, talk=1)
        harness.handle(AgentNotReady(ANNA))
        harness.staff(BO, talk=1)
        waiting = [harness.join(SALES)[0] for _ in range(3)]
        assert not any(isinstance(d, Overflowed) for d in harness.handle(AgentLoggedOut(BO)))
        decisions = harness.handle(gone)
        assert [d.entry for d in decisions if isinstance(d, Queued)] == waiting, gone


def test_last_agent_who_goes_while_ringing_withdraws_first() -> None:
    harness = DispatcherHarness(sales(NOBODY, ToExternalNumber("10086")))
    harness.staff(ANNA, talk=1)
    harness.join(SALES)
    decisions = harness.handle(AgentPhoneDown(ANNA))
    assert kinds(decisions) == ["OfferWithdrawn", "AgentStateChanged", "Overflowed"]


def test_agent_who_is_leaving_after_the_talk_is_no_reason_to_wait() -> None:
    harness = DispatcherHarness(sales(NOBODY, ToExternalNumber("10086")))
    harness.staff(ANNA, talk=1)
    _, decisions = harness.join(SALES)
    harness.handle(OfferAccepted(only(Offered, decisions).offer))
    harness.join(SALES)
    assert only(Overflowed, harness.handle(AgentLoggedOut(ANNA))).cause is NOBODY


def test_phone_lost_during_wrap_up_sends_callers_on_when_it_ends() -> None:
    harness = DispatcherHarness(sales(NOBODY, ToExternalNumber("10086")))
    harness.staff(ANNA, talk=1)
    talk, decisions = harness.join(SALES)
    harness.handle(OfferAccepted(only(Offered, decisions).offer))
    harness.join(SALES)
    harness.handle(CallerLeft(talk))
    assert harness.handle(AgentPhoneDown(ANNA)) == []
    assert only(Overflowed, harness.handle(WrapUpEnded(ANNA))).cause is NOBODY


def test_chain_of_overflows_is_walked_in_one_turn() -> None:
    harness = DispatcherHarness(
        sales(NOBODY, ToQueue(HELP)),
        replace(HELP_QUEUE, overflow=(OverflowRule(NOBODY, ToQueue(SPARE)),)),
        SPARE_QUEUE,
    )
    _, decisions = harness.join(SALES)
    assert kinds(decisions) == ["Queued", "Overflowed", "Queued", "Overflowed", "Queued"]
    assert {name: figures.waiting for name, figures in harness.dispatcher.metrics.queues.items()} == {
        SALES: 0,
        HELP: 0,
        SPARE: 1,
    }


def test_overflow_leads_to_the_queue_of_the_settings_that_the_caller_came_under() -> None:
    harness = DispatcherHarness(sales(OverflowCause.WAIT, ToQueue(HELP)), HELP_QUEUE)
    entry, _ = harness.join(SALES)
    harness.staff(ANNA, repair=1)
    harness.handle(DispatcherChanged(DispatcherSettings(queues=(SPARE_QUEUE,))))
    assert only(Offered, harness.wait(60)).entry == entry


def test_chain_of_overflows_stays_with_the_old_settings_and_leaves_nothing_behind() -> None:
    help_queue = replace(HELP_QUEUE, max_wait_s=30, overflow=(OverflowRule(OverflowCause.WAIT, ToQueue(SPARE)),))
    harness = DispatcherHarness(sales(OverflowCause.WAIT, ToQueue(HELP)), help_queue, SPARE_QUEUE)
    entry, _ = harness.join(SALES)
    harness.handle(DispatcherChanged(DispatcherSettings(queues=(HELP_QUEUE,))))
    assert [d.queue for d in harness.wait(90) if isinstance(d, Queued)] == [HELP, SPARE]
    assert [queue.queue for queue in harness.dispatcher.snapshot(harness.now).queues] == [HELP, SPARE]
    harness.handle(CallerLeft(entry))
    assert [queue.queue for queue in harness.dispatcher.snapshot(harness.now).queues] == [HELP]


def test_caller_is_held_from_the_agent_who_missed_it_in_the_next_queue_too() -> None:
    harness = DispatcherHarness(sales(OverflowCause.WAIT, ToQueue(HELP)), HELP_QUEUE)
    entry, _ = harness.join(SALES)
    harness.wait(50)
    offer = only(Offered, harness.staff(ANNA, talk=1, repair=1)).offer
    harness.handle(OfferEnded(offer, OfferEnd.REFUSED))
    assert not any(isinstance(d, (Offered, OfferWithdrawn)) for d in harness.wait(29))
    assert only(Offered, harness.wait(1)).entry == entry


def test_caller_whose_ringing_agent_lost_the_skills_is_sent_on_when_the_offer_fails() -> None:
    harness = DispatcherHarness(sales(NOBODY, ToExternalNumber("10086")))
    harness.staff(ANNA, talk=1)
    entry, decisions = harness.join(SALES)
    harness.handle(AgentLoggedIn(AgentSettings(ANNA)))
    failed = harness.handle(OfferEnded(only(Offered, decisions).offer, OfferEnd.REFUSED))
    assert only(Overflowed, failed).entry == entry
