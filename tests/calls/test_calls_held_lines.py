"""Lines, legs and loops of one call: nothing is held longer than it is needed, and nothing goes round for ever."""

import asyncio
from dataclasses import replace

import pytest
from tests.calls.house import (
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
    async with opened(Plan(trunk_lines=2)) as house:
        exchange = house.exchange()
        house.employ("1001")
        house.operations.set_agent_state(AgentId("1001"), AgentCommand.LOG_IN, None, Seat(SeatKind.NUMBER, "02155500"))
        house.command("1001", AgentCommand.READY)
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        for _ in range(3):  # each try takes the second line of two
            await house.pass_time(1)
            assert exchange.rings
            assert house.hall.lines.taken == 2
            exchange.refuse(486)
            await house.pass_time(0.1)
            assert house.hall.lines.taken == 1
            house.command("1001", AgentCommand.READY)
            await house.pass_time(31)
        caller.hang_up()
        await house.pass_time(1)


async def test_line_of_an_outside_talk_is_free_again_when_the_caller_is_sent_on() -> None:
    async with opened() as house:
        exchange, caller = house.exchange(), house.caller(VIP)
        caller.call(OUTSIDE_LINE)
        await house.pass_time(1)
        exchange.answer()
        await house.pass_time(5)
        house.operations.requeue(house.live().id, SALES, "supervisor")
        await house.pass_time(1)
        assert not exchange.is_up
        assert house.hall.lines.taken == 1
        assert any("sent queue:sales supervisor" in line for line in house.story())
        caller.hang_up()
        await house.pass_time(1)


async def test_line_is_free_at_once_when_the_outside_number_is_busy() -> None:
    async with opened() as house:
        exchange, caller = house.exchange(), house.caller(VIP)
        caller.call(OUTSIDE_LINE)
        await house.pass_time(1)
        exchange.refuse(486)
        await house.pass_time(0.1)
        assert caller.is_up
        assert house.hall.lines.taken == 1
        await house.pass_time(10)


async def test_line_is_free_again_when_there_is_no_port_for_its_audio() -> None:
    async with opened(Plan(streams_max=1)) as house:
        caller = house.caller(VIP)
        caller.call(OUTSIDE_LINE)
        await house.pass_time(0.1)
        assert house.hall.lines.taken == 1
        await house.pass_time(10)


async def test_caller_whom_rules_send_round_in_circles_is_let_go_and_the_loop_goes_on() -> None:
    rule = OverflowRule(OverflowCause.NOBODY_LOGGED_IN, ToFlow("service"))
    async with opened(Plan(queues=(replace(QUEUE, overflow=(rule,)), SALES_QUEUE))) as house:
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await asyncio.wait_for(house.pass_time(1), 5)
        assert not caller.is_up
        assert house.cdr().outcome is Outcome.FAILED


async def test_caller_who_leaves_a_message_instead_of_waiting_hears_no_music_over_it() -> None:
    rule = OverflowRule(OverflowCause.WAIT, ToFlow("voicemail"))
    queue = replace(QUEUE, max_wait_s=5.0, overflow=(rule,))
    async with opened(Plan(queues=(queue, SALES_QUEUE), flows=packaged_flows("voicemail"), is_recorded=True)) as house:
        caller = house.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await house.pass_time(4)
        stream = house.leg(house.live(), "caller").stream
        assert house.engine.hears(stream) == house.hall.voice.music(SERVICE)
        await house.pass_time(6)
        for key in "121":
            house.press(key)
            await house.pass_time(1)
        await house.pass_time(5)
        assert house.engine.taps
        assert house.engine.hears(stream) == ()
        caller.hang_up()
        await house.pass_time(1)
        for item in house.hall.workbench.open_items():
            house.operations.end_work(item.id, WorkState.DONE, "staff")
        await house.pass_time(1)
