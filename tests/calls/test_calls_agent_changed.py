"""What the floor makes of a change of an agent's record, made while the agent is anywhere in the day's work."""

from dataclasses import replace

import pytest
from tests.calls.house import SALES, SERVICE, SERVICE_LINE, VIP, House, Plan, opened, password

from acdcore.calls.model.commands import AgentCommand, AgentState, UnknownAgent, WrongState
from acdcore.calls.model.directory import AgentRecord
from acdcore.kernel.ids import AgentId, SkillName
from acdcore.queues.settings import QueueSettings

pytestmark = pytest.mark.looptime

ONE = AgentId("1001")
SKILLED = Plan(queues=(QueueSettings(SERVICE, skills={SkillName("talk"): 1}), QueueSettings(SALES)))


def change(house: House, **fields: object) -> None:
    """Change the record of 1001 as the store does, and tell the floor."""
    record: AgentRecord | None = house.directory.agent(ONE)
    assert record is not None
    house.directory.put_agent(replace(record, **fields))  # type: ignore[arg-type]
    house.operations.agent_changed(ONE)


async def test_skill_given_at_work_brings_the_waiting_caller() -> None:
    async with opened(SKILLED) as house:
        agent = await house.seat("1001")
        change(house, skills={})
        caller = house.caller(VIP)
        await house.seat("1002")
        house.command("1002", AgentCommand.NOT_READY)
        caller.call(SERVICE_LINE)
        await house.pass_time(2)
        assert not agent.rings
        change(house, skills={SkillName("talk"): 5})
        await house.pass_time(0.1)
        assert agent.rings
        assert house.state("1001") is AgentState.RINGING
        caller.hang_up()


async def test_skill_taken_away_at_work_brings_no_more_callers_and_changes_no_state() -> None:
    async with opened(SKILLED) as house:
        agent = await house.seat("1001")
        await house.seat("1002")
        house.command("1002", AgentCommand.NOT_READY)
        change(house, skills={}, name="Agent No. 1")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(2)
        assert not agent.rings
        assert house.state("1001") is AgentState.READY
        assert house.operations.agent(ONE).name == "Agent No. 1"
        caller.hang_up()


async def test_change_of_an_agent_who_is_logged_out_logs_nobody_in() -> None:
    async with opened() as house:
        house.employ("1001")
        change(house, name="Agent No. 1")
        assert house.state("1001") is AgentState.LOGGED_OUT
        await house.seat("1001")
        house.command("1001", AgentCommand.LOG_OUT)
        change(house, name="Agent No. 1")
        assert house.state("1001") is AgentState.LOGGED_OUT


async def test_agent_deactivated_while_ringing_rings_no_more() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(2)
        assert agent.rings
        change(house, is_active=False)
        await house.pass_time(0.1)
        assert not agent.rings
        assert house.state("1001") is AgentState.LOGGED_OUT
        with pytest.raises(WrongState):
            house.command("1001", AgentCommand.LOG_IN)
        caller.hang_up()


async def test_agent_deactivated_while_talking_finishes_the_talk_and_is_logged_out() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        await house.talk(agent, caller)
        change(house, is_active=False)
        await house.pass_time(1)
        assert agent.is_up
        assert house.state("1001") is AgentState.TALKING
        caller.hang_up()
        await house.pass_time(1)
        assert house.state("1001") is AgentState.LOGGED_OUT


async def test_change_during_the_last_talk_does_not_undo_the_log_out() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        await house.talk(agent, caller)
        house.command("1001", AgentCommand.LOG_OUT)
        change(house, name="Agent No. 1")
        caller.hang_up()
        await house.pass_time(1)
        assert house.state("1001") is AgentState.LOGGED_OUT


async def test_agent_who_logs_in_again_during_the_talk_stays() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        await house.talk(agent, caller)
        for command in (AgentCommand.LOG_OUT, AgentCommand.LOG_IN):
            house.command("1001", command)
        change(house, is_active=False)
        change(house, is_active=True)
        house.command("1001", AgentCommand.LOG_IN)
        caller.hang_up()
        await house.pass_time(1)
        assert house.state("1001") is AgentState.WRAP_UP


async def test_registration_of_a_deactivated_agent_is_not_renewed() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        change(house, is_active=False)
        agent.register(password("1001"))
        await house.pass_time(0.1)
        assert agent.statuses()[-1] == 403


async def test_phone_of_an_inactive_agent_is_not_rung_even_before_the_floor_knows() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        record = house.directory.agent(ONE)
        assert record is not None
        house.directory.put_agent(replace(record, is_active=False))
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(2)
        assert agent.invite is None
        caller.hang_up()


async def test_change_of_an_agent_whom_nobody_knows_is_refused() -> None:
    async with opened() as house:
        with pytest.raises(UnknownAgent):
            house.operations.agent_changed(AgentId("9999"))
