"""What staff do to agents at work: callers sent back, seats that can never be rung, assignment, a changed record."""

from dataclasses import replace

import pytest
from tests.calls.call_centre import SALES, SERVICE_LINE, VIP, CallCentre, Plan, opened

from acdcore.calls.model.commands import AgentCommand, LiveAgentState, Seat, SeatKind, WrongState
from acdcore.ivr.model.flow import Language
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.ids import AgentId

pytestmark = pytest.mark.looptime

ONE, TWO = AgentId("1001"), AgentId("1002")


def change(centre: CallCentre, **fields: object) -> None:
    """Change 1001's record as the control plane does."""
    record = centre.directory.agent(ONE)
    assert record is not None
    centre.directory.put_agent(replace(record, **fields))  # type: ignore[arg-type]
    centre.operations.agent_changed(ONE)


async def test_agent_who_sends_the_caller_to_a_queue_is_not_rung_while_another_is_ready() -> None:
    async with opened() as centre:
        first = await centre.seat("1001")
        caller = centre.caller(VIP)
        await centre.talk(first, caller)
        await centre.seat("1002")
        centre.command("1001", AgentCommand.READY)
        centre.operations.requeue(centre.live().id, SALES, "1001")
        await centre.pass_time(12)  # the wrap-up is over, and 1001 is ready
        assert centre.state("1001") is LiveAgentState.READY
        assert centre.state("1002") is LiveAgentState.RINGING
        caller.hang_up()


async def test_agent_who_sends_the_caller_back_is_not_rung_at_once_even_alone() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        await centre.talk(agent, caller)
        centre.operations.requeue(centre.live().id, SALES, "1001")
        await centre.pass_time(12)
        assert centre.state("1001") is LiveAgentState.READY
        await centre.pass_time(20)
        assert centre.state("1001") is LiveAgentState.RINGING
        caller.hang_up()


async def test_agent_deactivated_and_activated_again_in_a_talk_works_on_afterwards() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        await centre.talk(agent, caller)
        change(centre, is_active=False)
        change(centre, is_active=True)
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.state("1001") is LiveAgentState.WRAP_UP
        await centre.pass_time(15)
        assert centre.state("1001") is LiveAgentState.READY


async def test_outside_seat_is_refused_while_no_trunk_may_dial_out() -> None:
    async with opened(Plan(may_dial_out=False)) as centre:
        centre.employ("1001")
        with pytest.raises(WrongState, match="no trunk may dial out, so 02155500 cannot be rung"):
            centre.operations.set_agent_state(ONE, AgentCommand.LOG_IN, None, Seat(SeatKind.NUMBER, "02155500"))
        assert centre.state("1001") is LiveAgentState.LOGGED_OUT


@pytest.mark.parametrize(
    ("seat", "problem"),
    [
        (Seat(SeatKind.NUMBER, "abc"), "abc is no telephone number; write it as in"),
        (Seat(SeatKind.PHONE, "9999"), "there is no phone 9999"),
    ],
)
async def test_seat_that_can_never_be_rung_is_refused(seat: Seat, problem: str) -> None:
    async with opened() as centre:
        centre.employ("1001")
        with pytest.raises(WrongState, match=problem):
            centre.operations.set_agent_state(ONE, AgentCommand.LOG_IN, None, seat)
        assert centre.state("1001") is LiveAgentState.LOGGED_OUT


async def test_boards_see_where_each_agent_is_rung() -> None:
    async with opened() as centre:
        await centre.seat("1001")
        centre.employ("1002")
        outside = Seat(SeatKind.NUMBER, "02155500")
        centre.operations.set_agent_state(TWO, AgentCommand.LOG_IN, None, outside)
        seats = {agent.agent: agent.seat for agent in centre.operations.agents()}
        assert (seats[ONE], seats[TWO]) == (Seat(SeatKind.PHONE, "1001"), outside)
        centre.operations.set_agent_state(TWO, AgentCommand.LOG_OUT, None)
        assert centre.operations.agent(TWO).seat == Seat(SeatKind.PHONE, "1002")


async def test_assignment_of_a_talking_call_names_the_calls_state() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        await centre.talk(agent, caller)
        await centre.seat("1002")
        with pytest.raises(WrongState, match=rf"call {centre.live().id} is talking: only a waiting caller"):
            centre.operations.assign(centre.live().id, TWO, "staff")
        caller.hang_up()


async def test_agent_is_told_of_a_language_that_is_not_the_queues_first() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        call = centre.live()
        call.speak(Language.ENGLISH)
        agent.answer()
        await centre.pass_time(0.2)
        told_in = centre.context.agents.language(ONE)
        (english,) = call.prompts.system(SystemPrompt.WHISPER_ENGLISH, told_in)
        heard = centre.engine.hears(centre.leg(call, "agent").stream)
        assert isinstance(heard, tuple)
        assert english in heard
        caller.hang_up()
