"""Obligations of changes: each does what it says, what does not fit is refused, and words read as meant."""

import math
from dataclasses import replace

import pytest
from tests.planning.scene import AFTERNOON, EVENING, HELP, NOON, REPAIR, SALES, SETTINGS, TALK

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.planning.change_words import read
from acdcore.planning.changes import (
    Change,
    ChangeError,
    FewerAgents,
    HandlingTimes,
    MoreAgents,
    MoreCalls,
    PriorityFor,
    QueueKey,
    RingFor,
    StrategyIs,
    apply_changes,
)
from acdcore.planning.day import DayEvent, WorkSpan
from acdcore.queues.inputs import DispatcherChanged
from acdcore.queues.settings import Strategy

DAY = AFTERNOON.draw(1)
YUE, EN = SkillName("yue"), SkillName("en")


def test_new_agents_are_like_most_at_work_then() -> None:
    after = apply_changes(DAY, (MoreAgents(2, NOON, EVENING),))
    new = after.people[len(DAY.people) :]
    assert [dict(person.settings.skills) for person in new] == [{TALK: 1}] * 2
    assert new[0].spans == (WorkSpan(NOON, EVENING),)
    assert len({person.settings.agent for person in after.people}) == len(after.people)
    twice = apply_changes(DAY, (MoreAgents(2, NOON, EVENING), MoreAgents(1, NOON, EVENING)))
    assert len({person.settings.agent for person in twice.people}) == len(DAY.people) + 3


def test_new_agents_have_the_skills_asked_for_or_those_of_a_colleague() -> None:
    asked = apply_changes(DAY, (MoreAgents(1, NOON, EVENING, {REPAIR: 3}),)).people[-1]
    like = apply_changes(DAY, (MoreAgents(1, NOON, EVENING, like=AgentId("1006")),)).people[-1]
    assert dict(asked.settings.skills) == {REPAIR: 3}
    assert dict(like.settings.skills) == {TALK: 1, REPAIR: 1}


def test_agents_sent_home_are_away_for_the_time_only() -> None:
    after = apply_changes(DAY, (FewerAgents(1, NOON + 600, NOON + 1_200, {REPAIR: 1}),))
    (gone,) = [person for person, before in zip(after.people, DAY.people, strict=True) if person != before]
    assert gone.settings.agent == "1007"
    assert gone.spans == (WorkSpan(NOON, NOON + 600), WorkSpan(NOON + 1_200, EVENING))
    assert len(apply_changes(DAY, (FewerAgents(2, NOON, EVENING),)).people) == len(DAY.people) - 2


def test_advance_goes_to_the_tier() -> None:
    after = apply_changes(DAY, (PriorityFor("vip", 300.0),))
    assert {arrival.priority_s for arrival in after.arrivals if arrival.facts.tier == "vip"} == {300.0}
    assert {arrival.priority_s for arrival in after.arrivals if arrival.facts.tier == "standard"} == {0.0}


def test_settings_change_in_one_queue_or_in_all_and_in_the_days_reloads() -> None:
    reloading = replace(DAY, events=(DayEvent(NOON, DispatcherChanged(SETTINGS)),))
    after = apply_changes(reloading, (RingFor(SALES, 9.0), StrategyIs(None, Strategy.ROUND_ROBIN)))
    assert [queue.ring_for_s for queue in after.settings.queues] == [9.0, 20.0]
    assert {queue.strategy for queue in after.settings.queues} == {Strategy.ROUND_ROBIN}
    assert after.events == (DayEvent(NOON, DispatcherChanged(after.settings)),)


def test_any_key_of_a_queue_can_be_set() -> None:
    after = apply_changes(DAY, (QueueKey(HELP, "weight", "2"), QueueKey(HELP, "is_manual_assignment", "true")))
    assert after.settings.queues[1].weight == 2.0 and after.settings.queues[1].is_manual_assignment


def test_calls_grow_by_the_factor_and_the_calls_of_the_day_stay() -> None:
    more, fewer = apply_changes(DAY, (MoreCalls(1.5),)), apply_changes(DAY, (MoreCalls(0.5),))
    assert len(more.arrivals) / len(DAY.arrivals) == pytest.approx(1.5, abs=0.1)
    assert len(fewer.arrivals) / len(DAY.arrivals) == pytest.approx(0.5, abs=0.1)
    assert all(arrival in more.arrivals for arrival in DAY.arrivals)
    assert len({arrival.entry for arrival in more.arrivals}) == len(more.arrivals)
    sales_only = apply_changes(DAY, (MoreCalls(0.0, SALES),))
    assert {arrival.queue for arrival in sales_only.arrivals} == {HELP}


def test_handling_times_grow_by_the_factor() -> None:
    after = apply_changes(DAY, (HandlingTimes(2.0, SALES),))
    for before, then in zip(DAY.arrivals, after.arrivals, strict=True):
        assert then.handling_s == before.handling_s * (2.0 if before.queue == SALES else 1.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (FewerAgents(4, NOON, EVENING, {REPAIR: 1}), "only 3 such agents"),
        (MoreAgents(0, NOON, EVENING), "give 1 to"),
        (MoreAgents(1, NOON, EVENING, like=AgentId("7")), "nobody with the number 7"),
        (PriorityFor("gold", 1.0), "standard, unknown, vip"),
        (RingFor(QueueName("none"), 3.0), "there are help, sales"),
        (RingFor(SALES, 0.0), "not within"),
        (QueueKey(SALES, "widening", "1"), "widening=1"),
        (QueueKey(SALES, "wait", 1.0), "no key wait"),
        (QueueKey(SALES, "max_wait_s", 60.0), "leads nowhere"),
        (MoreCalls(11.0), "factor"),
        (HandlingTimes(0.0), "factor"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(change: Change, said: str) -> None:
    with pytest.raises(ChangeError, match=said):
        apply_changes(DAY, (change,))


def test_agent_without_hours_is_there_as_long_as_anybody_is() -> None:
    spans = [span for person in DAY.people for span in person.spans]
    after = apply_changes(DAY, (MoreAgents(1, -math.inf, math.inf),))
    assert after.people[-1].spans == (WorkSpan(min(s.start for s in spans), max(s.end for s in spans)),)
    assert len(apply_changes(DAY, (FewerAgents(1, -math.inf, math.inf),)).people) == len(DAY.people) - 1
    with pytest.raises(ChangeError, match="add the time"):
        apply_changes(replace(DAY, people=()), (MoreAgents(1, -math.inf, math.inf, {REPAIR: 1}),))


@pytest.mark.parametrize(
    ("word", "change"),
    [
        ("agents+2@10:00-12:00", MoreAgents(2, 36_000, 43_200)),
        (
            "agents+1@22:00-06:00/skills=yue:2,en",
            MoreAgents(1, 79_200, 108_000, {YUE: 2, EN: 1}),
        ),
        ("agents+1", MoreAgents(1, -math.inf, math.inf)),
        ("agents-1/like=1001", FewerAgents(1, -math.inf, math.inf, like=AgentId("1001"))),
        ("agents-2@14:00-15:30/like=1001", FewerAgents(2, 50_400, 55_800, like=AgentId("1001"))),
        ("vip.priority=120", PriorityFor("vip", 120.0)),
        ("queues.sales.ring_for_s=12", RingFor(SALES, 12.0)),
        ("queues.*.strategy=fewest_calls", StrategyIs(None, Strategy.FEWEST_CALLS)),
        ("queues.sales.max_wait_s=none", QueueKey(SALES, "max_wait_s", None)),
        ("queues.sales.skills=talk:2", QueueKey(SALES, "skills", {TALK: 2})),
        ("queues.sales.ageing=0.5", QueueKey(SALES, "ageing", "0.5")),
        ("calls*1.1", MoreCalls(1.1)),
        ("queues.sales.calls*2", MoreCalls(2.0, SALES)),
        ("handling*0.9", HandlingTimes(0.9)),
    ],
)
def test_words_read_as_meant(word: str, change: Change) -> None:
    assert read(word) == change


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("agents+2@10:00", "agents.2@10:00-12:00"),
        ("agents+2@10:00-12:77", "12:77 is not a time"),
        ("agents+2@10:00-12:00/fast=1", "no /fast="),
        ("agents+2@10:00-12:00/skills=yue:much", "level of yue is a number"),
        ("vip.priority=soon", "number of seconds"),
        ("queues.sales.strategy=best", "longest_idle"),
        ("queues.sales.ageing=old", "ageing=old"),
        ("queues.sales.overflow=x", "holds a table"),
        ("queues.sales.tempo=2", "no key tempo"),
        ("calls*1.1.1", "not a factor"),
        ("more please", "not a change; write for example agents"),
    ],
)
def test_words_that_are_no_change_teach(word: str, said: str) -> None:
    with pytest.raises(ChangeError, match=said):
        read(word)
