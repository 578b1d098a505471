"""What follows from a change of an agent's record, in each state in which the agent can be."""

from dataclasses import replace

import pytest
from tests.calls.call_centre import SALES, SERVICE, SERVICE_LINE, VIP, CallCentre, Plan, opened, password

from acdcore.calls.model.commands import AgentCommand, LiveAgentState, UnknownAgent, WrongState
from acdcore.calls.model.directory import AgentRecord
from acdcore.kernel.ids import AgentId, SkillName
from acdcore.queues.settings import QueueSettings

pytestmark = pytest.mark.looptime

ONE = AgentId("1001")
SKILLED = Plan(queues=(QueueSettings(SERVICE, skills={SkillName("talk"): 1}), QueueSettings(SALES)))


def change(centre: CallCentre, **fields: object) -> None:
    """Change the record of 1001 as the store does, and report it."""
    record: AgentRecord | None = centre.directory.agent(ONE)
    assert record is not None
    centre.directory.put_agent(replace(record, **fields))  # type: ignore[arg-type]
    centre.operations.agent_changed(ONE)


async def test_skill_given_at_work_brings_the_waiting_caller() -> None:
    async with opened(SKILLED) as centre:
        agent = await centre.seat("1001")
        change(centre, skills={})
        caller = centre.caller(VIP)
        await centre.seat("1002")
        centre.command("1002", AgentCommand.NOT_READY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(2)
        assert not agent.rings
        change(centre, skills={SkillName("talk"): 5})
        await centre.pass_time(0.1)
        assert agent.rings
        assert centre.state("1001") is LiveAgentState.RINGING
        caller.hang_up()


async def test_skill_taken_away_at_work_brings_no_more_callers_and_changes_no_state() -> None:
    async with opened(SKILLED) as centre:
        agent = await centre.seat("1001")
        await centre.seat("1002")
        centre.command("1002", AgentCommand.NOT_READY)
        change(centre, skills={}, name="Agent No. 1")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(2)
        assert not agent.rings
        assert centre.state("1001") is LiveAgentState.READY
        assert centre.operations.agent(ONE).name == "Agent No. 1"
        caller.hang_up()


async def test_change_of_an_agent_who_is_logged_out_logs_nobody_in() -> None:
    async with opened() as centre:
        centre.employ("1001")
        change(centre, name="Agent No. 1")
        assert centre.state("1001") is LiveAgentState.LOGGED_OUT
        await centre.seat("1001")
        centre.command("1001", AgentCommand.LOG_OUT)
        change(centre, name="Agent No. 1")
        assert centre.state("1001") is LiveAgentState.LOGGED_OUT


async def test_agent_deactivated_while_ringing_rings_no_more() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(2)
        assert agent.rings
        change(centre, is_active=False)
        await centre.pass_time(0.1)
        assert not agent.rings
        assert centre.state("1001") is LiveAgentState.LOGGED_OUT
        with pytest.raises(WrongState):
            centre.command("1001", AgentCommand.LOG_IN)
        caller.hang_up()


async def test_agent_deactivated_while_talking_finishes_the_talk_and_is_logged_out() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        await centre.talk(agent, caller)
        change(centre, is_active=False)
        await centre.pass_time(1)
        assert agent.is_up
        assert centre.state("1001") is LiveAgentState.TALKING
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.state("1001") is LiveAgentState.LOGGED_OUT


async def test_change_during_the_last_talk_does_not_undo_the_log_out() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        await centre.talk(agent, caller)
        centre.command("1001", AgentCommand.LOG_OUT)
        change(centre, name="Agent No. 1")
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.state("1001") is LiveAgentState.LOGGED_OUT


async def test_agent_who_logs_in_again_during_the_talk_stays() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        await centre.talk(agent, caller)
        for command in (AgentCommand.LOG_OUT, AgentCommand.LOG_IN):
            centre.command("1001", command)
        change(centre, is_active=False)
        change(centre, is_active=True)
        centre.command("1001", AgentCommand.LOG_IN)
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.state("1001") is LiveAgentState.WRAP_UP


async def test_registration_of_a_deactivated_agent_is_not_renewed() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        change(centre, is_active=False)
        agent.register(password("1001"))
        await centre.pass_time(0.1)
        assert agent.statuses()[-1] == 403


async def test_phone_of_an_inactive_agent_is_not_rung_even_before_the_floor_knows() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        record = centre.directory.agent(ONE)
        assert record is not None
        centre.directory.put_agent(replace(record, is_active=False))
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(2)
        assert agent.invite is None
        caller.hang_up()


async def test_change_of_an_agent_whom_nobody_knows_is_refused() -> None:
    async with opened() as centre:
        with pytest.raises(UnknownAgent):
            centre.operations.agent_changed(AgentId("9999"))
