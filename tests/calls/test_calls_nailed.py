"""Nailed-up legs: an agent's call that stays up, and is lent to one caller after another."""

import asyncio

import pytest
from tests.calls.call_centre import (
    BOTH_TOLD_S,
    CLIP_S,
    ORDINARY,
    OURS,
    SALES,
    SERVICE,
    SERVICE_LINE,
    VIP,
    CallCentre,
    Plan,
    opened,
    password,
)
from tests.calls.phone import Phone

from acdcore.calls.core.call import Call
from acdcore.calls.core.leg import HungUp
from acdcore.calls.model import history
from acdcore.calls.model.commands import AgentCommand, CallState, LiveAgentState, Seat, SeatKind, WrongState
from acdcore.calls.model.rows import CdrRow
from acdcore.calls.routing_rules import QueueRules
from acdcore.calls.scripts.conversation import LINE_LOST
from acdcore.ivr.model.flow import Language
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId
from acdcore.media.model import ClipId, StreamId
from acdcore.queues.settings import QueueSettings
from acdcore.sip.events import SessionEnded, SipEvent, SipFlow, Transport
from acdcore.work.model import DialFirst, WorkItem, WorkKind

pytestmark = pytest.mark.looptime

ANSWER_WITHIN_S = 20.0
"""In which a silent phone must answer whether it is there."""
NO_WRAP_UP = (QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=0.0), QueueSettings(SALES))


async def nailed(centre: CallCentre, agent: str = "1001", code: str = "*16") -> Phone:
    """An agent on a nailed-up leg, ready."""
    phone = centre.employ(agent)
    phone.register(password(agent))
    await centre.pass_time(0.1)
    phone.call(code, password=password(agent))
    await centre.pass_time(CLIP_S + 0.5)
    assert phone.is_up
    assert centre.state(agent) is LiveAgentState.READY
    return phone


async def release(centre: CallCentre, phone: Phone) -> None:
    """Hang up the nailed-up leg, so that no call is left."""
    if phone.is_up:
        phone.hang_up()
    await centre.pass_time(1)


def standing(centre: CallCentre, agent: str = "1001") -> StreamId:
    """The stream of the nailed-up leg."""
    line = centre.context.agents.nailed_up_leg(AgentId(agent))
    assert line is not None
    return line.call.the_caller().stream


def served(centre: CallCentre, trunk: str = "carrier") -> Call:
    """The one call that came by the trunk."""
    (call,) = [call for call in centre.switchboard.calls.values() if call.view.trunk == trunk]
    return call


def record_of(centre: CallCentre, dialled: str) -> CdrRow:
    """The record of the one call to that number."""
    (row,) = [row for row in centre.cdrs() if row.dialled == dialled]
    return row


def beep(centre: CallCentre) -> ClipId:
    """What stands for the ringing."""
    return centre.context.prompts.system(SystemPrompt.BEEP, Language.MANDARIN)[0]


def says(centre: CallCentre, prompt: SystemPrompt) -> tuple[ClipId, ...]:
    """What the agent hears of a key."""
    return centre.context.prompts.system(prompt, Language.MANDARIN)


async def test_caller_is_served_at_once_on_the_line_that_stands_and_the_next_one_too() -> None:
    async with opened(Plan(queues=NO_WRAP_UP)) as centre:
        phone = await nailed(centre)
        line = standing(centre)
        for number in (VIP, ORDINARY):
            caller = centre.caller(number)
            caller.call(SERVICE_LINE)
            await centre.pass_time(0.1)
            call = served(centre)
            assert centre.state("1001") is LiveAgentState.TALKING
            assert (call.view.state, call.view.agent) == (CallState.TALKING, "1001")
            assert centre.context.trunk_capacity.taken == 1  # the caller's own
            heard = centre.engine.hears(line)
            assert isinstance(heard, tuple)
            assert (heard[0], heard[-1]) == (beep(centre), beep(centre))  # instead of ringing, and after the whisper
            await centre.pass_time(BOTH_TOLD_S + 1)
            assert centre.engine.hears(line) == call.the_caller().stream
            caller.hang_up()
            await centre.pass_time(1)
            assert centre.engine.hears(line) == ()
            assert phone.is_up
            assert centre.state("1001") is LiveAgentState.READY
        await release(centre, phone)
        assert [row.outcome for row in centre.cdrs()] == [Outcome.FEATURE_CODE, Outcome.ANSWERED, Outcome.ANSWERED]
        assert [row.agent for row in centre.cdrs()] == [None, "1001", "1001"]
        assert all(row.ring_s == 0 for row in centre.cdrs())
        assert [line.split()[1] for line in centre.call_history(0)] == ["arrived", "answered", "nailed_up", "ended"]


async def test_agent_hears_nothing_between_talks_and_is_told_of_the_log_in() -> None:
    async with opened() as centre:
        phone = centre.employ("1001")
        phone.register(password("1001"))
        await centre.pass_time(0.1)
        phone.call("*16", password=password("1001"))
        await centre.pass_time(CLIP_S - 0.2)
        assert centre.state("1001") is LiveAgentState.BUSY
        assert centre.engine.hears(standing(centre)) == says(centre, SystemPrompt.LOGGED_IN)
        await centre.pass_time(1)
        assert centre.engine.hears(standing(centre)) == ()
        await release(centre, phone)
        assert centre.state("1001") is LiveAgentState.LOGGED_OUT


async def test_keys_make_the_agent_not_ready_and_ready() -> None:
    async with opened() as centre:
        phone = await nailed(centre)
        for key, state, prompt in (
            ("*", LiveAgentState.NOT_READY, SystemPrompt.NOT_READY),
            ("#", LiveAgentState.READY, SystemPrompt.READY),
        ):
            centre.engine.press(standing(centre), key)
            await centre.pass_time(0.1)
            assert centre.state("1001") is state
            assert centre.engine.hears(standing(centre)) == says(centre, prompt)
        await release(centre, phone)


async def test_star_ends_the_talk_but_not_the_line_and_hash_the_wrap_up() -> None:
    async with opened() as centre:
        phone, caller = await nailed(centre), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(BOTH_TOLD_S + 2)
        centre.engine.press(standing(centre), "*")
        await centre.pass_time(0.1)
        assert (caller.is_up, phone.is_up) == (False, True)
        assert record_of(centre, SERVICE_LINE).outcome is Outcome.ANSWERED
        assert centre.state("1001") is LiveAgentState.WRAP_UP
        centre.engine.press(standing(centre), "#")
        await centre.pass_time(0.1)
        assert centre.state("1001") is LiveAgentState.READY
        await release(centre, phone)


async def test_agent_who_hangs_up_in_a_talk_ends_it_and_is_logged_out() -> None:
    async with opened() as centre:
        phone, caller = await nailed(centre), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(BOTH_TOLD_S + 2)
        phone.hang_up()
        await centre.pass_time(0.1)
        assert not caller.is_up
        assert centre.state("1001") is LiveAgentState.LOGGED_OUT
        assert record_of(centre, SERVICE_LINE).outcome is Outcome.ANSWERED
        assert record_of(centre, "*16").outcome is Outcome.FEATURE_CODE


@pytest.mark.parametrize("turns", range(5))
async def test_agent_who_hangs_up_in_the_moment_of_an_offer_leaves_a_caller_who_waits_on(turns: int) -> None:
    async with opened() as centre:
        phone, caller = await nailed(centre), centre.caller(VIP)
        centre.command("1001", AgentCommand.NOT_READY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        centre.cable.lose(phone.address, "BYE")
        phone.hang_up()
        bye = centre.cable.seen[-1].data
        centre.command("1001", AgentCommand.READY)  # and offered in the same turn
        for _ in range(turns):
            await asyncio.sleep(0)
        centre.stack.arrive(bye, SipFlow(Transport.UDP, OURS, phone.address))
        await centre.pass_time(1)
        assert centre.state("1001") is LiveAgentState.LOGGED_OUT
        assert (caller.is_up, served(centre).view.state) == (True, CallState.WAITING)
        caller.hang_up()
        await centre.pass_time(1)
        record = record_of(centre, SERVICE_LINE)
        assert (record.outcome, record.agent) == (Outcome.ABANDONED_QUEUE, None)


async def test_line_is_silent_again_when_the_caller_goes_in_the_whisper() -> None:
    async with opened() as centre:
        phone, caller = await nailed(centre), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(CLIP_S)
        caller.hang_up()
        await centre.pass_time(0.1)
        assert centre.engine.hears(standing(centre)) == ()
        assert phone.is_up
        assert centre.state("1001") is LiveAgentState.WRAP_UP
        await centre.pass_time(10)
        assert centre.state("1001") is LiveAgentState.READY
        await release(centre, phone)


async def test_agent_is_reachable_by_the_line_while_the_phone_is_not_registered() -> None:
    async with opened() as centre:
        phone, caller = await nailed(centre), centre.caller(VIP)
        phone.register(password("1001"), expires_s=0)
        await centre.pass_time(0.1)
        assert centre.state("1001") is LiveAgentState.READY
        phone.register(password("1001"))
        caller.call(SERVICE_LINE)
        await centre.pass_time(BOTH_TOLD_S + 1)
        phone.register(password("1001"), expires_s=0)
        await centre.pass_time(0.1)
        assert caller.is_up
        assert centre.state("1001") is LiveAgentState.TALKING
        caller.hang_up()
        await release(centre, phone)
        centre.command("1001", AgentCommand.LOG_IN)
        centre.command("1001", AgentCommand.READY)
        assert centre.state("1001") is LiveAgentState.UNREACHABLE


async def test_line_whose_phone_keeps_no_promise_to_refresh_it_leaves_the_agent_not_ready() -> None:
    async with opened() as centre:
        phone = centre.employ("1001")
        phone.register(password("1001"))
        await centre.pass_time(0.1)
        centre.cable.lose(phone.address, *["UPDATE"] * 20)
        phone.call("*16", password=password("1001"), session_expires_s=90)
        await centre.pass_time(59)
        assert centre.state("1001") is LiveAgentState.READY
        await centre.pass_time(60)
        live = centre.operations.agent(AgentId("1001"))
        assert (live.state, live.reason) == (LiveAgentState.NOT_READY, LINE_LOST)
        assert record_of(centre, "*16").outcome is Outcome.MEDIA_LOST
        await release(centre, phone)


async def test_line_that_dies_in_a_talk_ends_and_the_caller_waits_for_another_agent() -> None:
    async with opened() as centre:
        phone, caller = await nailed(centre), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(BOTH_TOLD_S + 2)
        centre.engine.fall_silent(standing(centre))
        centre.cable.unplugged.add(phone.address)
        await centre.pass_time(ANSWER_WITHIN_S + 1)
        assert caller.is_up
        assert record_of(centre, "*16").outcome is Outcome.MEDIA_LOST
        centre.cable.unplugged.clear()
        await centre.pass_time(70)
        assert centre.operations.agent(AgentId("1001")).reason == LINE_LOST
        caller.hang_up()
        await release(centre, phone)


async def test_phone_that_holds_the_line_is_busy_and_hold_in_a_talk_is_the_talks() -> None:
    async with opened() as centre:
        phone, caller = await nailed(centre), centre.caller(VIP)
        phone.hold()
        await centre.pass_time(0.1)
        assert centre.state("1001") is LiveAgentState.BUSY
        phone.resume()
        await centre.pass_time(0.1)
        assert centre.state("1001") is LiveAgentState.READY
        caller.call(SERVICE_LINE)
        await centre.pass_time(BOTH_TOLD_S + 2)
        phone.hold()
        await centre.pass_time(0.1)
        assert served(centre).view.state is CallState.HELD
        caller.hang_up()
        await centre.pass_time(11)
        assert centre.state("1001") is LiveAgentState.BUSY
        phone.resume()
        await centre.pass_time(0.1)
        assert centre.state("1001") is LiveAgentState.READY
        await release(centre, phone)


async def test_caller_sent_elsewhere_leaves_the_line_to_its_agent() -> None:
    async with opened(Plan(is_recorded=True)) as centre:
        phone, caller = await nailed(centre), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(BOTH_TOLD_S + 2)
        centre.operations.requeue(served(centre).id, SERVICE, "supervisor")
        await centre.pass_time(0.1)
        assert centre.engine.hears(standing(centre)) == ()
        assert centre.state("1001") is LiveAgentState.WRAP_UP
        await centre.pass_time(30 + BOTH_TOLD_S + 1)  # whom the caller was sent off from is tried last, as after a miss
        assert centre.engine.hears(standing(centre)) == served(centre).the_caller().stream  # the same two again
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.engine.taps == {}
        await release(centre, phone)


async def test_logging_out_by_screen_ends_the_line_after_the_talk() -> None:
    async with opened() as centre:
        phone, caller = await nailed(centre), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(BOTH_TOLD_S + 2)
        centre.command("1001", AgentCommand.LOG_OUT)
        await centre.pass_time(1)
        assert (phone.is_up, caller.is_up) == (True, True)
        caller.hang_up()
        await centre.pass_time(1)
        assert not phone.is_up
        assert centre.state("1001") is LiveAgentState.LOGGED_OUT


async def test_line_ends_when_its_agent_logs_in_elsewhere_but_not_out_of_a_talk() -> None:
    async with opened() as centre:
        phone, phone_1009 = await nailed(centre), centre.employ("1009")
        phone_1009.register(password("1009"))
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(BOTH_TOLD_S + 2)
        elsewhere = Seat(SeatKind.PHONE, "1009")
        with pytest.raises(WrongState, match="1001 talks on a nailed-up leg"):
            centre.operations.set_agent_state(AgentId("1001"), AgentCommand.LOG_IN, None, elsewhere)
        caller.hang_up()
        await centre.pass_time(11)
        centre.operations.set_agent_state(AgentId("1001"), AgentCommand.LOG_IN, None, elsewhere)
        await centre.pass_time(1)
        assert not phone.is_up
        assert centre.state("1001") is LiveAgentState.READY
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert phone_1009.rings
        caller.hang_up()
        await centre.pass_time(1)


async def test_second_line_of_an_agent_replaces_the_first() -> None:
    async with opened() as centre:
        first = await nailed(centre)
        second = centre.stranger("1001")
        second.call("*16", password=password("1001"))
        await centre.pass_time(2)
        assert (first.is_up, second.is_up) == (False, True)
        assert centre.state("1001") is LiveAgentState.READY
        await release(centre, second)
        assert centre.state("1001") is LiveAgentState.LOGGED_OUT


async def test_guests_line_is_refused_at_a_phone_where_another_works() -> None:
    async with opened() as centre:
        phone_1009 = centre.employ("1009")
        phone_1009.register(password("1009"))
        centre.employ("1001", is_active=True)
        await centre.pass_time(0.1)
        centre.operations.set_agent_state(AgentId("1001"), AgentCommand.LOG_IN, None, Seat(SeatKind.PHONE, "1009"))
        phone_1009.call("*16", password=password("1009"))
        await centre.pass_time(1)
        assert centre.state("1001") is LiveAgentState.READY  # the guest's leg; the phone is another agent's
        assert centre.state("1009") is LiveAgentState.LOGGED_OUT
        await release(centre, phone_1009)


async def test_going_down_does_not_wait_for_lines_that_stand_and_leaves_their_agents_at_work() -> None:
    async with opened() as centre:
        phone, caller = await nailed(centre), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(BOTH_TOLD_S + 2)
        began_at = centre.clock.now()
        draining = asyncio.create_task(centre.switchboard.drain(600.0))
        await centre.pass_time(5)
        assert (phone.is_up, caller.is_up) == (True, True)
        caller.hang_up()
        await draining
        assert centre.clock.now() - began_at < 10
        await centre.pass_time(1)
        assert not phone.is_up
        assert record_of(centre, "*16").outcome is Outcome.SHUTDOWN
        assert centre.state("1001") is LiveAgentState.WRAP_UP


async def test_operators_end_of_the_line_ends_the_talk_first() -> None:
    async with opened(Plan(is_recorded=True)) as centre:
        phone, caller = await nailed(centre), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(BOTH_TOLD_S + 2)
        line = centre.context.agents.nailed_up_leg(AgentId("1001"))
        assert line is not None
        centre.operations.hang_up(line.call.id, "supervisor")
        await centre.pass_time(0.1)
        assert (phone.is_up, caller.is_up) == (False, False)
        assert record_of(centre, SERVICE_LINE).outcome is Outcome.ANSWERED
        await centre.pass_time(11)
        assert centre.operations.agent(AgentId("1001")).reason == LINE_LOST


async def test_served_call_hears_of_the_lines_end_in_the_same_turn_as_the_line() -> None:
    async with opened() as centre:
        phone, caller = await nailed(centre), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(BOTH_TOLD_S + 2)
        call = served(centre)
        heard = []

        def look(event: SipEvent) -> None:
            if isinstance(event, SessionEnded):
                heard.append(call.mailbox.holds(HungUp))

        centre.after_sip = look
        phone.hang_up()
        await centre.pass_time(1)
        assert heard == [True]
        assert not caller.is_up


async def test_line_that_ends_in_the_moment_in_which_both_were_told_leaves_no_talk_to_record() -> None:
    async with opened(Plan(is_recorded=True)) as centre:
        await nailed(centre)
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(BOTH_TOLD_S - 0.5)
        line = centre.context.agents.nailed_up_leg(AgentId("1001"))
        assert line is not None
        deliver = centre.engine.on_ready

        def end_first() -> None:
            centre.switchboard.hang_up(line.call.id, "supervisor")
            deliver()

        centre.engine.on_ready = end_first
        await centre.pass_time(1)
        assert (caller.is_up, served(centre).view.state) == (True, CallState.WAITING)
        caller.hang_up()
        await centre.pass_time(1)
        record = record_of(centre, SERVICE_LINE)
        assert (record.outcome, record.agent) == (Outcome.ABANDONED_QUEUE, None)
        assert centre.history.recording_rows == {}
        await centre.pass_time(11)


@pytest.mark.parametrize("first", DialFirst)
async def test_callback_comes_over_the_line_with_a_beep_and_leaves_it_standing(first: DialFirst) -> None:
    async with opened(Plan(queues=NO_WRAP_UP, around={SERVICE: QueueRules(dial_first=first)})) as centre:
        exchange, phone = centre.exchange(), await nailed(centre)
        wanted = WorkItem(
            id=centre.context.callback_scheduler.next_id(),
            kind=WorkKind.CALLBACK,
            queue=SERVICE,
            number=ORDINARY,
            created_at=centre.clock.wall(),
            dial_first=first,
        )
        centre.operations.request_callback(wanted)
        await centre.pass_time(1)
        if first is DialFirst.AGENT:
            await centre.pass_time(4 * CLIP_S)  # beep and whisper
        exchange.answer()
        await centre.pass_time(CLIP_S - 0.1)
        assert centre.engine.streams[standing(centre)].heard.count(beep(centre)) >= 1
        await centre.pass_time(2)
        assert centre.engine.hears(standing(centre)) == centre.leg(served(centre), "caller").stream
        exchange.hang_up()
        await centre.pass_time(1)
        assert centre.engine.hears(standing(centre)) == ()
        assert centre.state("1001") is LiveAgentState.READY
        await release(centre, phone)


async def test_prompt_of_the_last_caller_that_ends_late_is_not_taken_for_the_next_ones() -> None:
    """The agent's own prompt is the longer one only where the caller's number is short."""
    async with opened(Plan(queues=NO_WRAP_UP)) as centre:
        phone = await nailed(centre, "7")
        first, second = centre.caller(VIP), centre.caller(ORDINARY)
        first.call(SERVICE_LINE)
        second.call(SERVICE_LINE)
        await centre.pass_time(4 * CLIP_S - 0.1)  # beep and whisper are nearly over
        deliver = centre.engine.on_ready

        def deliver_late() -> None:
            asyncio.get_running_loop().call_later(0.2, deliver)

        centre.engine.on_ready = deliver_late
        await centre.pass_time(0.15)
        first.hang_up()
        await centre.pass_time(0.2)
        centre.engine.on_ready = deliver
        began_at = centre.clock.now()
        while_told = served(centre)
        await centre.pass_time(3)
        (bridged_at,) = [event.at for event in while_told.history if isinstance(event, history.Bridged)]
        assert bridged_at - began_at > 4 * CLIP_S - 0.4
        second.hang_up()
        await centre.pass_time(1)
        await release(centre, phone)
