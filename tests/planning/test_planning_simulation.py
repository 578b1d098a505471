"""Obligations of a simulated day: callers, agents and phones do what the day says, and everybody is counted."""

from dataclasses import replace
from itertools import pairwise

import pytest
from tests.planning.scene import AFTERNOON, EVENING, HELP, NOON, SALES, SETTINGS, TALK, agent, arrival

from acdcore.planning.day import Day, DayEvent, Person, Phone, WorkSpan
from acdcore.planning.outcome import DayResult, GroupFigures, VisitEnd, VisitOutcome
from acdcore.planning.simulation import Simulation, simulate
from acdcore.queues.decisions import AgentState, AgentStateChanged, Offered
from acdcore.queues.inputs import AgentPhoneDown, CallerFacts, EntryId, LeaveCause
from acdcore.queues.settings import (
    Channel,
    DispatcherSettings,
    OfferEnd,
    OverflowCause,
    OverflowRule,
    QueueSettings,
    ToAnnouncement,
    ToQueue,
)


def fates(day: Day) -> dict[str, VisitOutcome]:
    return {fate.entry: fate for fate in simulate(day).visits}


def day(*people: Person, callers: int = 1, settings: DispatcherSettings = SETTINGS) -> Day:
    """Callers at one o'clock, a second apart."""
    arrivals = tuple(arrival(number, NOON + 3_600.0 + number, patience_s=200.0) for number in range(callers))
    return Day(settings, arrivals, people)


def test_phone_answers_after_the_time_that_it_takes() -> None:
    assert fates(day(agent(1001, TALK, phone=Phone((7.0,)))))["e0"].waited_s == pytest.approx(7.0)


def test_next_caller_waits_for_the_talk_and_the_notes_at_the_agents_pace() -> None:
    slow = replace(agent(1001, TALK, phone=Phone((0.0,))), pace=2.0)
    scene = day(slow, callers=2)
    with_notes = replace(scene, arrivals=tuple(replace(caller, wrap_up_s=5.0) for caller in scene.arrivals))
    assert fates(with_notes)["e1"].waited_s == pytest.approx(2 * 60.0 + 2 * 5.0 - 1.0)
    assert fates(scene)["e1"].waited_s == pytest.approx(2 * 60.0 + 15.0 - 1.0), "the queue grants 15 s of notes"


def test_patience_ends_in_the_way_that_the_caller_has() -> None:
    asking = replace(day(), arrivals=(replace(arrival(0, NOON, patience_s=30.0), leaves_as=LeaveCause.CALLBACK),))
    assert fates(day())["e0"].end is VisitEnd.ABANDONED and fates(day())["e0"].waited_s == pytest.approx(200.0)
    assert fates(asking)["e0"].end is VisitEnd.CALLBACK


def test_patience_is_over_with_the_wait() -> None:
    scene = day(agent(1001, TALK))
    long_talk = replace(scene, arrivals=(replace(scene.arrivals[0], handling_s=900.0, patience_s=100.0),))
    (share,) = simulate(long_talk).shares
    assert share.work_s == pytest.approx(900.0 + 15.0)


def test_agent_is_logged_out_at_the_end_and_on_a_break_between() -> None:
    spans = (WorkSpan(NOON, NOON + 100.0), WorkSpan(NOON + 200.0, NOON + 300.0))
    turns = list(Simulation(day(agent(1001, TALK, spans=spans))).turns())
    states = [each.state for turn in turns for each in turn.decisions if isinstance(each, AgentStateChanged)]
    rest = [AgentState.READY, AgentState.NOT_READY, AgentState.READY, AgentState.LOGGED_OUT]
    assert states[-4:] == rest


def test_nobody_is_rung_on_a_break_or_after_the_shift() -> None:
    spans = (WorkSpan(NOON, NOON + 3_599.0), WorkSpan(NOON + 3_650.0, NOON + 3_700.0))
    scene = day(agent(1001, TALK, spans=spans, phone=Phone((0.0,))), callers=2)
    assert fates(scene)["e0"].waited_s == pytest.approx(50.0)
    assert fates(scene)["e1"].end is VisitEnd.ABANDONED, "the agent went home after the talk"


def test_missed_offers_go_to_the_next_agent_and_the_agent_comes_back() -> None:
    deaf = agent(1001, TALK, phone=Phone((1.0,), 1.0, OfferEnd.REFUSED, returns_after_s=60.0))
    good = agent(1002, TALK, phone=Phone((2.0,)))
    result = simulate(day(deaf, good, callers=1))
    assert [fate.agent for fate in result.visits] == ["1002"]
    assert result.visits[0].waited_s in (pytest.approx(2.0), pytest.approx(3.0))
    turns = list(Simulation(day(deaf, callers=4)).turns())
    offers = [turn.at for turn in turns for each in turn.decisions if isinstance(each, Offered)]
    assert len(offers) > 2, "two misses make an agent not ready; back after a minute, the agent is rung again"
    assert max(later - sooner for sooner, later in pairwise(offers)) >= 60.0


def test_overflow_counts_in_both_queues_and_ends_elsewhere() -> None:
    to_help = OverflowRule(OverflowCause.WAIT, ToQueue(HELP))
    over = OverflowRule(OverflowCause.NOBODY_LOGGED_IN, ToAnnouncement("closed"))
    settings = DispatcherSettings(
        (QueueSettings(SALES, max_wait_s=20, overflow=(to_help,)), QueueSettings(HELP, overflow=(over,)))
    )
    busy = agent(1001, phone=Phone((500.0,)))
    result = simulate(day(busy, settings=settings))
    assert [(fate.queue, fate.end) for fate in result.visits] == [
        (SALES, VisitEnd.OVERFLOWED),
        (HELP, VisitEnd.ABANDONED),
    ]
    assert result.queues == (HELP, SALES) and result.queue(SALES).overflowed == 1


def test_events_of_the_day_reach_the_dispatcher() -> None:
    scene = day(agent(1001, TALK))
    gone = replace(scene, events=(DayEvent(NOON + 60.0, AgentPhoneDown(scene.people[0].settings.agent)),))
    assert fates(scene)["e0"].end is VisitEnd.ANSWERED
    assert fates(gone)["e0"].end is VisitEnd.ABANDONED


def test_observation_ends_with_those_who_wait_counted() -> None:
    scene = replace(day(), until=NOON + 3_700.0, arrivals=(arrival(0, NOON + 3_600.0), arrival(1, NOON + 3_690.0)))
    result = simulate(scene)
    assert [fate.end for fate in result.visits] == [VisitEnd.WAITING, VisitEnd.WAITING]
    assert simulate(replace(scene, until=None)).overall.other == 2, "a day without agents ends too"


def test_everybody_is_accounted_for_and_the_day_repeats() -> None:
    drawn = AFTERNOON.draw(3)
    result = simulate(drawn)
    assert simulate(drawn) == result
    assert simulate(AFTERNOON.draw(4)) != result
    figures = result.overall
    counted = figures.answered + figures.abandoned + figures.abandoned_short + figures.overflowed + figures.callbacks
    assert figures.offered == len(drawn.arrivals) == counted + figures.other
    assert sum(result.queue(name).offered for name in result.queues) == figures.offered
    assert sum(result.tier(tier).offered for tier in result.tiers) == figures.offered
    assert sum(share.answered for share in result.shares) == figures.answered
    assert 0 < result.occupancy < 1 and result.unevenness < 1


def test_agents_are_on_duty_for_their_shift() -> None:
    result = simulate(AFTERNOON.draw(3))
    for share in result.shares:
        assert share.work_s + share.idle_s == pytest.approx(EVENING - NOON, rel=0.05)


def test_figures_follow_their_formulas() -> None:
    ends = [
        (VisitEnd.ANSWERED, 10.0),
        (VisitEnd.ANSWERED, 50.0),
        (VisitEnd.ABANDONED, 90.0),
        (VisitEnd.ABANDONED_SHORT, 1.0),
    ]
    group = [
        VisitOutcome(EntryId(str(number)), SALES, CallerFacts().tier, Channel.CALL, end, waited_s, waited_s <= 20, None)
        for number, (end, waited_s) in enumerate(ends)
    ]
    figures = GroupFigures.of(group)
    assert figures.service_level == pytest.approx(1 / 3)
    assert figures.abandonment == pytest.approx(1 / 3)
    assert (figures.average_wait_s, figures.wait_s(0.5), figures.wait_s(0.95), figures.worst_wait_s) == (30, 10, 50, 90)
    nobody = DayResult((), ()).overall
    assert (nobody.service_level, nobody.abandonment, nobody.average_wait_s, nobody.wait_s(0.5)) == (1.0, 0.0, 0.0, 0.0)
