"""What staff do to agents at work: callers sent back, seats that can never be rung, assignment, a changed record."""

from dataclasses import replace

import pytest
from tests.calls.house import SALES, SERVICE_LINE, VIP, House, Plan, opened

from acdcore.calls.model.commands import AgentCommand, AgentState, Seat, SeatKind, WrongState
from acdcore.ivr.model.flow import Language
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.ids import AgentId

pytestmark = pytest.mark.looptime

ONE, TWO = AgentId("1001"), AgentId("1002")


def change(house: House, **fields: object) -> None:
    """Change 1001's record as the control plane does."""
    record = house.directory.agent(ONE)
    assert record is not None
    house.directory.put_agent(replace(record, **fields))  # type: ignore[arg-type]
    house.operations.agent_changed(ONE)


async def test_agent_who_sends_the_caller_to_a_queue_is_not_rung_while_another_is_ready() -> None:
    async with opened() as house:
        first = await house.seat("1001")
        caller = house.caller(VIP)
        await house.talk(first, caller)
        await house.seat("1002")
        house.command("1001", AgentCommand.READY)
        house.operations.requeue(house.live().id, SALES, "1001")
        await house.pass_time(12)  # the wrap-up is over, and 1001 is ready
        assert house.state("1001") is AgentState.READY
        assert house.state("1002") is AgentState.RINGING
        caller.hang_up()


async def test_agent_who_sends_the_caller_back_is_not_rung_at_once_even_alone() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        await house.talk(agent, caller)
        house.operations.requeue(house.live().id, SALES, "1001")
        await house.pass_time(12)
        assert house.state("1001") is AgentState.READY
        await house.pass_time(20)
        assert house.state("1001") is AgentState.RINGING
        caller.hang_up()


async def test_agent_deactivated_and_activated_again_in_a_talk_works_on_afterwards() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        await house.talk(agent, caller)
        change(house, is_active=False)
        change(house, is_active=True)
        caller.hang_up()
        await house.pass_time(1)
        assert house.state("1001") is AgentState.WRAP_UP
        await house.pass_time(15)
        assert house.state("1001") is AgentState.READY


async def test_outside_seat_is_refused_while_no_trunk_may_dial_out() -> None:
    async with opened(Plan(may_dial_out=False)) as house:
        house.employ("1001")
        with pytest.raises(WrongState, match="no trunk may dial out, so 02155500 cannot be rung"):
            house.operations.set_agent_state(ONE, AgentCommand.LOG_IN, None, Seat(SeatKind.NUMBER, "02155500"))
        assert house.state("1001") is AgentState.LOGGED_OUT


@pytest.mark.parametrize(
    ("seat", "problem"),
    [
        (Seat(SeatKind.NUMBER, "abc"), "abc is no telephone number; write it as in"),
        (Seat(SeatKind.PHONE, "9999"), "there is no phone 9999"),
    ],
)
async def test_seat_that_can_never_be_rung_is_refused(seat: Seat, problem: str) -> None:
    async with opened() as house:
        house.employ("1001")
        with pytest.raises(WrongState, match=problem):
            house.operations.set_agent_state(ONE, AgentCommand.LOG_IN, None, seat)
        assert house.state("1001") is AgentState.LOGGED_OUT


async def test_boards_see_where_each_agent_is_rung() -> None:
    async with opened() as house:
        await house.seat("1001")
        house.employ("1002")
        outside = Seat(SeatKind.NUMBER, "02155500")
        house.operations.set_agent_state(TWO, AgentCommand.LOG_IN, None, outside)
        seats = {agent.agent: agent.seat for agent in house.operations.agents()}
        assert (seats[ONE], seats[TWO]) == (Seat(SeatKind.PHONE, "1001"), outside)
        house.operations.set_agent_state(TWO, AgentCommand.LOG_OUT, None)
        assert house.operations.agent(TWO).seat == Seat(SeatKind.PHONE, "1002")


async def test_assignment_of_a_talking_call_names_the_calls_state() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        await house.talk(agent, caller)
        await house.seat("1002")
        with pytest.raises(WrongState, match=rf"call {house.live().id} is talking: only who waits in a queue"):
            house.operations.assign(house.live().id, TWO, "staff")
        caller.hang_up()


async def test_agent_is_told_of_a_language_that_is_not_the_queues_first() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        call = house.live()
        call.speak(Language.ENGLISH)
        agent.answer()
        await house.pass_time(0.2)
        told_in = house.hall.desks.language(ONE)
        (english,) = call.voice.system(SystemPrompt.WHISPER_ENGLISH, told_in)
        heard = house.engine.hears(house.leg(call, "agent").stream)
        assert isinstance(heard, tuple)
        assert english in heard
        caller.hang_up()
