"""Obligations of the figures."""

from dataclasses import replace

import pytest
from tests.queues.dispatcher_harness import ANNA, SALES, TALK, DispatcherHarness, only

from acdcore.queues.decisions import AgentState, Offered
from acdcore.queues.inputs import AgentNotReady, CallerLeft, Channel, LeaveCause, OfferAccepted, OfferEnded, TalkEnded
from acdcore.queues.live_figures import AgentFigures, Metrics, QueueFigures
from acdcore.queues.settings import OfferEnd, QueueSettings


def worked() -> DispatcherHarness:
    """ANNA has taken one call after 30 s of waiting, talked for 60 s and wrapped up for 15 s."""
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}))
    entry, _ = harness.join(SALES)
    harness.wait(30)
    offer = only(Offered, harness.staff(ANNA, talk=1)).offer
    harness.wait(5)
    harness.handle(OfferAccepted(offer))
    harness.wait(60)
    harness.handle(TalkEnded(entry))
    harness.wait(40)
    return harness


def test_nobody_served_yet_means_no_level_rather_than_a_perfect_one() -> None:
    assert QueueFigures().service_level is None
    assert QueueFigures().average_speed_of_answer_s is None
    assert AgentFigures().occupancy is None


def test_waits_and_talks_add_up() -> None:
    figures = worked().dispatcher.metrics.queues[SALES]
    assert (figures.offered, figures.answered, figures.answered_in_time, figures.waiting) == (1, 1, 0, 0)
    assert figures.average_speed_of_answer_s == 35.0
    assert (figures.talks, figures.talked_s, figures.offers, figures.misses) == (1, 60.0, 1, 0)


def test_service_level_leaves_short_abandonments_out() -> None:
    figures = QueueFigures(offered=10, answered=6, answered_in_time=4, abandoned=2, abandoned_short=2)
    assert figures.service_level == 0.5
    assert figures.is_balanced


def test_agents_time_is_counted_by_state_up_to_the_moment() -> None:
    harness = worked()
    (view,) = harness.dispatcher.snapshot(harness.now + 10).agents
    assert view.figures.seconds[AgentState.TALKING] == 60.0
    assert view.figures.seconds[AgentState.WRAP_UP] == 15.0
    assert view.figures.seconds[AgentState.OFFERED] == 5.0
    assert view.figures.seconds[AgentState.READY] == 35.0
    assert view.figures.occupancy == pytest.approx(75 / 115)


def test_breaks_do_not_count_for_occupancy() -> None:
    harness = worked()
    harness.handle(AgentNotReady(ANNA))
    before = harness.dispatcher.snapshot(harness.now).agents[0].figures.occupancy
    harness.wait(3_600)
    assert harness.dispatcher.snapshot(harness.now).agents[0].figures.occupancy == before


def test_misses_are_counted_for_queue_and_agent() -> None:
    harness = DispatcherHarness(QueueSettings(SALES, {TALK: 1}))
    harness.staff(ANNA, talk=1)
    _, decisions = harness.join(SALES)
    harness.handle(OfferEnded(only(Offered, decisions).offer, OfferEnd.BUSY))
    assert harness.dispatcher.metrics.queues[SALES].misses == 1
    assert harness.dispatcher.metrics.agents[ANNA].misses == 1


def test_work_items_are_counted_apart_from_callers_on_the_line() -> None:
    harness = worked()
    caller = harness.dispatcher.metrics.queues[SALES]
    before = replace(caller)
    item, decisions = harness.come(SALES, channel=Channel.CALLBACK)
    harness.handle(OfferEnded(only(Offered, decisions).offer, OfferEnd.BUSY))
    while not harness.auditor.live:
        harness.wait(1)
    harness.handle(OfferAccepted(next(iter(harness.auditor.live))))
    harness.wait(60)
    harness.handle(TalkEnded(item))
    message, _ = harness.come(SALES, channel=Channel.VOICEMAIL)
    harness.handle(CallerLeft(message, LeaveCause.WITHDRAWN))
    assert caller == before
    work = harness.dispatcher.snapshot(harness.now).queues[0].work_figures
    callbacks, messages = work[Channel.CALLBACK], work[Channel.VOICEMAIL]
    assert (callbacks.offered, callbacks.answered, callbacks.answered_in_time, callbacks.talks) == (1, 1, 0, 1)
    assert (callbacks.offers, callbacks.misses) == (2, 1)
    assert (messages.offered, messages.withdrawn, messages.waiting) == (1, 1, 0)
    assert harness.dispatcher.metrics.items == {}


def test_figures_are_the_fold_over_the_decisions() -> None:
    harness = worked()
    entry, _ = harness.join(SALES)
    harness.handle(CallerLeft(entry))
    assert harness.auditor.metrics.queues == harness.dispatcher.metrics.queues
    assert harness.auditor.metrics.agents == harness.dispatcher.metrics.agents


def test_snapshot_is_a_copy() -> None:
    harness = worked()
    figures = harness.dispatcher.snapshot(harness.now).queues[0].figures
    harness.join(SALES)
    assert figures.offered == 1
    assert Metrics().queues == {}
