"""Obligations of the comparison: every policy sees the same day, each emulation does what it is described to do."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from bench.policies.emulations import Fifo, PenaltyPolling, StrictPriority
from bench.policies.standings import POLICIES, VIP, overloaded, standings
from tests.planning.scene import AFTERNOON, NOON, REPAIR, SETTINGS, TALK, agent, arrival

from acdcore.planning.day import Arrival, Day, Person, Phone
from acdcore.planning.simulation import simulate
from acdcore.queues.settings import OfferEnd

NOW = NOON + 100.0
EMULATIONS = [Fifo, StrictPriority, PenaltyPolling]
AT_ONCE = Phone((0.0,))


def run(policy: type[Fifo], people: Sequence[Person], *callers: Arrival) -> dict[str, float]:
    """Waits of those answered, in the order of their answers."""
    day = Day(SETTINGS, tuple(callers), tuple(people))
    return {fate.entry: fate.waited_s for fate in simulate(day, policy(SETTINGS)).visits if fate.agent}


def callers(*advances_s: float) -> list[Arrival]:
    """One a second, talks of a minute."""
    return [
        replace(arrival(number, NOW + number), priority_s=priority_s) for number, priority_s in enumerate(advances_s)
    ]


def test_fifo_serves_in_the_order_of_coming() -> None:
    assert list(run(Fifo, [agent(1001, TALK, phone=AT_ONCE)], *callers(0, 0, 500))) == ["e0", "e1", "e2"]


def test_strict_priority_lets_ordinary_callers_wait_for_ever_later_ones() -> None:
    waits = run(StrictPriority, [agent(1001, TALK, phone=AT_ONCE)], *callers(0, 0, 1, 1, 1))
    assert list(waits) == ["e0", "e2", "e3", "e4", "e1"]


def test_polling_serves_a_free_agent_at_the_callers_next_look() -> None:
    half = replace(arrival(1, NOW + 1.5), priority_s=0.0)
    waits = run(PenaltyPolling, [agent(1001, TALK, phone=AT_ONCE)], arrival(0, NOW), half)
    assert waits["e1"] == pytest.approx(74.0), "free at 75.0 after the first came, looked at 75.5"
    assert run(Fifo, [agent(1001, TALK, phone=AT_ONCE)], arrival(0, NOW), half)["e1"] == pytest.approx(73.5)


def test_polling_retries_five_seconds_after_a_miss() -> None:
    deaf = agent(1001, TALK, phone=Phone((2.0,), 1.0, OfferEnd.REFUSED))
    late = agent(1002, TALK, phone=AT_ONCE)
    waits = run(PenaltyPolling, [deaf, late], arrival(0, NOW, patience_s=600.0))
    assert waits == {} or waits["e0"] % 7.0 == pytest.approx(0.0), "each attempt costs 2 s of ringing and 5 s of pause"


def test_polling_rings_the_highest_level_first() -> None:
    junior, senior = agent(1001, TALK, phone=AT_ONCE), agent(1002, TALK, phone=AT_ONCE)
    senior = replace(senior, settings=replace(senior.settings, skills={TALK: 5}))
    day = Day(SETTINGS, (arrival(0, NOW),), (junior, senior))
    assert [fate.agent for fate in simulate(day, PenaltyPolling(SETTINGS)).visits] == ["1002"]


@pytest.mark.parametrize("policy", EMULATIONS)
def test_caller_whom_nobody_can_serve_holds_up_nobody(policy: type[Fifo]) -> None:
    rare = replace(arrival(0, NOW, patience_s=300.0), skills={REPAIR: 1})
    assert run(policy, [agent(1001, TALK, phone=AT_ONCE)], rare, arrival(1, NOW + 1)) == {"e1": pytest.approx(0.0)}


@pytest.mark.parametrize("policy", EMULATIONS)
def test_emulations_lose_nobody_and_ring_only_those_who_can(policy: type[Fifo]) -> None:
    day = AFTERNOON.draw(5)
    skilled = {person.settings.agent: person.settings.skills for person in day.people}
    needs = {queue.name: queue.skills for queue in SETTINGS.queues}
    result = simulate(day, policy(SETTINGS))
    assert result.overall.offered == len(day.arrivals) == len(result.visits)
    assert result.overall.other == 0
    for fate in result.visits:
        if fate.agent is not None:
            assert needs[fate.queue].keys() <= skilled[fate.agent].keys()
    assert result.overall.service_level == pytest.approx(simulate(day).overall.service_level, abs=0.1)


def test_overloaded_day_is_what_it_says() -> None:
    day = overloaded(1, agents=8)
    vips = sum(arrival.facts.tier == VIP for arrival in day.arrivals)
    assert vips / len(day.arrivals) == pytest.approx(0.05, abs=0.02)
    assert overloaded(1, agents=8) == day != overloaded(2, agents=8)


@pytest.mark.slow
def test_table_has_every_policy_and_priority_serves_vips_sooner_than_fifo() -> None:
    done: list[int] = []
    table = standings(runs=1, progress=done.append, agents=16)
    waits = {row.policy: row.figures[2].mean for row in table.rows}
    assert list(waits) == list(POLICIES) and done == [1]
    assert waits["acdcore"] < waits["plain FIFO"] and waits["strict priority"] < waits["plain FIFO"]
    assert "acdcore" in table.render() and table.markdown().count("\n") == len(POLICIES) + 1
