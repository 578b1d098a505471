"""Obligations of the agent's table, row by row."""

import itertools

import pytest
from tests.queues.dispatcher_harness import ANNA

from acdcore.queues.agent import TABLE, Agent, AgentEvent, BackOff, Fairness, Rest
from acdcore.queues.decisions import AgentState
from acdcore.queues.settings import AgentSettings, OfferEnd

S, E = AgentState, AgentEvent
RESTING = (S.UNREACHABLE, S.NOT_READY, S.BACKING_OFF, S.BUSY, S.READY)


def test_only_a_ready_agent_can_be_offered_and_only_a_ringing_one_can_accept() -> None:
    assert [state for state in S if (state, E.OFFER) in TABLE] == [S.READY]
    assert [state for state in S if (state, E.ACCEPT) in TABLE] == [S.OFFERED]
    assert [state for state in S if (state, E.OFFER_OVER) in TABLE] == [S.OFFERED]


def test_talk_is_left_by_its_end_only() -> None:
    leaving = {event for event in E if TABLE.get((S.TALKING, event), S.TALKING) is not S.TALKING}
    assert leaving == {E.TALK_OVER, E.CONTACT_OVER}


def test_wrap_up_is_left_by_its_end_or_the_agent_only() -> None:
    leaving = {event for event in E if TABLE.get((S.WRAP_UP, event), S.WRAP_UP) is not S.WRAP_UP}
    assert leaving == {E.CONTACT_OVER, E.WANT_CALLS, E.WANT_NONE, E.LOG_OUT}


def test_resting_states_follow_from_the_facts() -> None:
    for state, event in itertools.product(RESTING, E):
        if event is E.OFFER and state is S.READY:
            continue
        assert TABLE.get((state, event), Rest.REST) is Rest.REST


@pytest.mark.parametrize("state", list(S))
def test_logged_out_agent_takes_nothing_but_a_log_in_and_news_of_the_phone(state: AgentState) -> None:
    if state is not S.LOGGED_OUT:
        assert (state, E.LOG_IN) in TABLE
        return
    events = {event for event in E if (state, event) in TABLE}
    assert events == {E.LOG_IN, E.RESTORE, E.PHONE_UP, E.PHONE_DOWN, E.OWN_CALL, E.OWN_CALL_OVER}


def test_facts_are_asked_in_the_order_of_the_rules() -> None:
    agent = Agent(AgentSettings(ANNA), 0.0)
    agent.is_on_own_call = True
    agent.back_off = BackOff(OfferEnd.BUSY, 9.0)
    agent.not_ready_reason = "lunch"
    expected = [S.LOGGED_OUT, S.UNREACHABLE, S.NOT_READY, S.BUSY, S.BACKING_OFF, S.READY]
    found = [agent.rest()]
    agent.is_logged_in = True
    found.append(agent.rest())
    agent.is_phone_up = True
    found.append(agent.rest())
    agent.not_ready_reason = None
    found.append(agent.rest())
    agent.is_on_own_call = False
    found.append(agent.rest())
    agent.back_off = None
    found.append(agent.rest())
    assert found == expected


def test_load_rises_at_work_fades_while_idle_and_keeps_still_off_duty() -> None:
    share = Fairness()
    share.accrue(S.TALKING, 1_800.0)
    assert share.load == pytest.approx(0.6321, abs=1e-4)
    share.accrue(S.NOT_READY, 9_000.0)
    assert share.load == pytest.approx(0.6321, abs=1e-4)
    share.accrue(S.READY, 10_800.0)
    assert share.load == pytest.approx(0.2325, abs=1e-4)


def test_order_of_idle_loads_does_not_change_while_both_are_idle() -> None:
    before, later = Fairness(load=0.5, load_at=100.0), Fairness(load=0.4, load_at=900.0)
    is_first = before.idle_load < later.idle_load
    before.accrue(S.READY, 2_000.0)
    later.accrue(S.READY, 2_000.0)
    assert is_first is (before.load < later.load)
    assert is_first is (before.idle_load < later.idle_load)
