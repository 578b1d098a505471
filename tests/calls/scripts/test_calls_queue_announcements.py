"""What a waiting caller hears, in which order: the busy word, music, places, and never too much of them."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from tests.calls.house import CLIP_S, HOTLINE, SALES, SERVICE, SERVICE_LINE, VIP, House, Plan, opened
from tests.calls.the_flows import packaged_flows

from acdcore.calls.model.commands import AgentCommand
from acdcore.calls.routing_rules import QueueRules
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.ids import AgentId
from acdcore.media.model import ClipId
from acdcore.queues.settings import OverflowCause, OverflowRule, QueueSettings, ToQueue

pytestmark = pytest.mark.looptime

QUEUE = QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=10.0)
OTHER_QUEUE = QueueSettings(SALES, ring_for_s=15.0, wrap_up_s=10.0)


def busy(house: House) -> tuple[ClipId, ...]:
    return house.hall.voice.system(SystemPrompt.PLEASE_HOLD, house.live().language)


def hears(house: House) -> object:
    """What the caller hears at this moment."""
    return house.engine.hears(house.leg(house.live(), "caller").stream)


def times_told(house: House) -> int:
    """How often the caller was told that all agents are busy."""
    (clip,) = busy(house)
    return house.engine.streams[house.leg(house.live(), "caller").stream].heard.count(clip)


async def test_caller_whom_nobody_can_take_is_told_so_before_the_music() -> None:
    async with opened() as house:
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(0.1)
        assert hears(house) == busy(house)
        await house.pass_time(CLIP_S + 0.1)
        assert hears(house) == house.hall.voice.music(SERVICE)
        await house.pass_time(60)
        assert times_told(house) == 1
        caller.hang_up()


async def test_caller_for_whom_a_phone_rings_at_once_hears_music_only() -> None:
    async with opened() as house:
        await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(0.1)
        assert hears(house) == house.hall.voice.music(SERVICE)
        assert times_told(house) == 0
        caller.hang_up()


async def test_caller_is_told_when_the_first_phone_rang_in_vain_and_no_other_rings() -> None:
    async with opened(Plan(queues=(QUEUE, OTHER_QUEUE))) as house:
        await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(14.9)
        assert times_told(house) == 0
        await house.pass_time(0.2)
        assert hears(house) == busy(house)
        caller.hang_up()


async def test_caller_is_not_told_while_another_phone_rings_after_the_first() -> None:
    async with opened(Plan(queues=(QUEUE, OTHER_QUEUE))) as house:
        await house.seat("1001")
        await house.seat("1002")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(16)
        assert times_told(house) == 0
        await house.pass_time(15)
        assert times_told(house) == 1
        caller.hang_up()


async def test_connection_does_not_wait_for_the_end_of_the_busy_word() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        house.command("1001", AgentCommand.NOT_READY)
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(0.1)
        assert hears(house) == busy(house)
        house.command("1001", AgentCommand.READY)
        await house.pass_time(0.1)
        agent.answer()
        await house.pass_time(0.1)
        assert hears(house) == house.hall.voice.agent_number(AgentId("1001"), house.live().language)
        caller.hang_up()


@pytest.mark.parametrize("first_s", [0.0, 0.2])
async def test_place_that_is_due_while_the_busy_word_is_said_is_told_after_it(first_s: float) -> None:
    async with opened(Plan(queues=(replace(QUEUE, announce_first_s=first_s), OTHER_QUEUE))) as house:
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(CLIP_S - 0.1)
        assert hears(house) == busy(house)
        await house.pass_time(0.2)
        assert hears(house) == house.hall.voice.position(1, house.live().language)
        await house.pass_time(5)
        assert hears(house) == house.hall.voice.music(SERVICE)
        caller.hang_up()


async def test_caller_who_overflows_into_another_queue_is_not_told_again() -> None:
    moves = replace(QUEUE, max_wait_s=5.0, overflow=(OverflowRule(OverflowCause.WAIT, ToQueue(SALES)),))
    async with opened(Plan(queues=(moves, OTHER_QUEUE))) as house:
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(7)
        assert house.live().view.queue == SALES
        assert times_told(house) == 1
        assert hears(house) == house.hall.voice.music(SALES)
        caller.hang_up()


async def test_caller_who_steps_aside_and_back_is_not_told_again_and_hears_places_still() -> None:
    queue = replace(QUEUE, announce_first_s=10.0)
    around = {SERVICE: QueueRules(keys={"1": "callback"})}
    plan = Plan(queues=(queue, OTHER_QUEUE), flows=packaged_flows("callback", "voicemail"), around=around)
    async with opened(plan) as house:
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(0.1)
        house.press("1")  # in the middle of the busy word
        await house.pass_time(0.2)
        house.press("2")
        await house.pass_time(8)
        assert times_told(house) == 1
        await house.pass_time(2)
        assert hears(house) == house.hall.voice.position(1, house.live().language)
        caller.hang_up()


@pytest.mark.parametrize(("prompt", "heard"), [("", []), ("system.goodbye", [SystemPrompt.GOODBYE])])
async def test_queue_may_have_other_words_or_none(prompt: str, heard: Iterable[SystemPrompt]) -> None:
    async with opened(Plan(around={SERVICE: QueueRules(busy_prompt=prompt)})) as house:
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(2)
        call = house.live()
        clips = [clip for each in heard for clip in house.hall.voice.system(each, call.language)]
        assert house.engine.streams[house.leg(call, "caller").stream].heard == clips
        caller.hang_up()


async def test_caller_whom_a_rule_sends_on_at_the_door_is_not_told_of_busy_agents() -> None:
    moves = replace(QUEUE, overflow=(OverflowRule(OverflowCause.NOBODY_LOGGED_IN, ToQueue(SALES)),))
    async with opened(Plan(queues=(moves, OTHER_QUEUE))) as house:
        caller = house.caller(VIP)
        caller.call(HOTLINE)
        await house.pass_time(1.1)
        house.press("1")
        await house.pass_time(0.1)
        assert house.live().view.queue == SALES
        assert times_told(house) == 1
        caller.hang_up()
