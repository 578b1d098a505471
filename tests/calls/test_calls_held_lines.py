"""Lines, legs and loops of one call: nothing is held longer than needed, and no call goes in circles without end."""

import asyncio
from dataclasses import replace

import pytest
from tests.calls.call_centre import (
    ORDINARY,
    OUTSIDE_LINE,
    SALES,
    SERVICE,
    SERVICE_LINE,
    VIP,
    Plan,
    opened,
)
from tests.calls.the_flows import packaged_flows

from acdcore.calls.model.commands import AgentCommand, Seat, SeatKind
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId
from acdcore.queues.settings import OverflowCause, OverflowRule, QueueSettings, ToFlow
from acdcore.work.model import WorkState

pytestmark = pytest.mark.looptime

QUEUE = QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=10.0)
SALES_QUEUE = QueueSettings(SALES, ring_for_s=15.0, wrap_up_s=10.0)


async def test_line_to_an_agents_outside_number_is_free_again_when_the_phone_rings_no_more() -> None:
    async with opened(Plan(capacity=2)) as centre:
        exchange = centre.exchange()
        centre.employ("1001")
        centre.operations.set_agent_state(AgentId("1001"), AgentCommand.LOG_IN, None, Seat(SeatKind.NUMBER, "02155500"))
        centre.command("1001", AgentCommand.READY)
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        for _ in range(3):  # each try takes the second line of two
            await centre.pass_time(1)
            assert exchange.rings
            assert centre.context.trunk_capacity.taken == 2
            exchange.refuse(486)
            await centre.pass_time(0.1)
            assert centre.context.trunk_capacity.taken == 1
            centre.command("1001", AgentCommand.READY)
            await centre.pass_time(31)
        caller.hang_up()
        await centre.pass_time(1)


async def test_line_of_an_outside_talk_is_free_again_when_the_caller_is_sent_on() -> None:
    async with opened() as centre:
        exchange, caller = centre.exchange(), centre.caller(VIP)
        caller.call(OUTSIDE_LINE)
        await centre.pass_time(1)
        exchange.answer()
        await centre.pass_time(5)
        centre.operations.requeue(centre.live().id, SALES, "supervisor")
        await centre.pass_time(1)
        assert not exchange.is_up
        assert centre.context.trunk_capacity.taken == 1
        assert any("sent queue:sales supervisor" in line for line in centre.call_history())
        caller.hang_up()
        await centre.pass_time(1)


async def test_line_is_free_at_once_when_the_outside_number_is_busy() -> None:
    async with opened() as centre:
        exchange, caller = centre.exchange(), centre.caller(VIP)
        caller.call(OUTSIDE_LINE)
        await centre.pass_time(1)
        exchange.refuse(486)
        await centre.pass_time(0.1)
        assert caller.is_up
        assert centre.context.trunk_capacity.taken == 1
        await centre.pass_time(10)


async def test_line_is_free_again_when_there_is_no_port_for_its_audio() -> None:
    async with opened(Plan(streams_max=1)) as centre:
        caller = centre.caller(VIP)
        caller.call(OUTSIDE_LINE)
        await centre.pass_time(0.1)
        assert centre.context.trunk_capacity.taken == 1
        await centre.pass_time(10)


async def test_caller_whom_rules_send_round_in_circles_is_let_go_and_the_loop_goes_on() -> None:
    rule = OverflowRule(OverflowCause.NOBODY_LOGGED_IN, ToFlow("service"))
    async with opened(Plan(queues=(replace(QUEUE, overflow=(rule,)), SALES_QUEUE))) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await asyncio.wait_for(centre.pass_time(1), 5)
        assert not caller.is_up
        assert centre.cdr().outcome is Outcome.FAILED


async def test_caller_who_leaves_a_message_instead_of_waiting_hears_no_music_over_it() -> None:
    rule = OverflowRule(OverflowCause.WAIT, ToFlow("voicemail"))
    queue = replace(QUEUE, max_wait_s=5.0, overflow=(rule,))
    async with opened(Plan(queues=(queue, SALES_QUEUE), flows=packaged_flows("voicemail"), is_recorded=True)) as centre:
        caller = centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(4)
        stream = centre.leg(centre.live(), "caller").stream
        assert centre.engine.hears(stream) == centre.context.prompts.music(SERVICE)
        await centre.pass_time(6)
        for key in "121":
            centre.press(key)
            await centre.pass_time(1)
        await centre.pass_time(5)
        assert centre.engine.taps
        assert centre.engine.hears(stream) == ()
        caller.hang_up()
        await centre.pass_time(1)
        for item in centre.context.callback_scheduler.open_items():
            centre.operations.end_work(item.id, WorkState.DONE, "staff")
        await centre.pass_time(1)
