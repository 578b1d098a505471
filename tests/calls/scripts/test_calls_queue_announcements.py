"""What a waiting caller hears, in which order: the busy word, music, places, and never too much of them."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from tests.calls.call_centre import CLIP_S, HOTLINE, SALES, SERVICE, SERVICE_LINE, VIP, CallCentre, Plan, opened
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


def busy(centre: CallCentre) -> tuple[ClipId, ...]:
    return centre.context.prompts.system(SystemPrompt.PLEASE_HOLD, centre.live().language)


def hears(centre: CallCentre) -> object:
    """What the caller hears at this moment."""
    return centre.engine.hears(centre.leg(centre.live(), "caller").stream)


def times_told(centre: CallCentre) -> int:
    """How often the caller was told that all agents are busy."""
    (clip,) = busy(centre)
    return centre.engine.streams[centre.leg(centre.live(), "caller").stream].heard.count(clip)


async def test_caller_whom_nobody_can_take_is_told_so_before_the_music() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(0.1)
        assert hears(centre) == busy(centre)
        await centre.pass_time(CLIP_S + 0.1)
        assert hears(centre) == centre.context.prompts.music(SERVICE)
        await centre.pass_time(60)
        assert times_told(centre) == 1
        caller.hang_up()


async def test_caller_for_whom_a_phone_rings_at_once_hears_music_only() -> None:
    async with opened() as centre:
        await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(0.1)
        assert hears(centre) == centre.context.prompts.music(SERVICE)
        assert times_told(centre) == 0
        caller.hang_up()


async def test_caller_is_told_when_the_first_phone_rang_in_vain_and_no_other_rings() -> None:
    async with opened(Plan(queues=(QUEUE, OTHER_QUEUE))) as centre:
        await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(14.9)
        assert times_told(centre) == 0
        await centre.pass_time(0.2)
        assert hears(centre) == busy(centre)
        caller.hang_up()


async def test_caller_is_not_told_while_another_phone_rings_after_the_first() -> None:
    async with opened(Plan(queues=(QUEUE, OTHER_QUEUE))) as centre:
        await centre.seat("1001")
        await centre.seat("1002")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(16)
        assert times_told(centre) == 0
        await centre.pass_time(15)
        assert times_told(centre) == 1
        caller.hang_up()


async def test_connection_does_not_wait_for_the_end_of_the_busy_word() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        centre.command("1001", AgentCommand.NOT_READY)
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(0.1)
        assert hears(centre) == busy(centre)
        centre.command("1001", AgentCommand.READY)
        await centre.pass_time(0.1)
        agent.answer()
        await centre.pass_time(0.1)
        assert hears(centre) == centre.context.prompts.agent_number(AgentId("1001"), centre.live().language)
        caller.hang_up()


@pytest.mark.parametrize("first_s", [0.0, 0.2])
async def test_place_that_is_due_while_the_busy_word_is_said_is_told_after_it(first_s: float) -> None:
    async with opened(Plan(queues=(replace(QUEUE, announce_first_s=first_s), OTHER_QUEUE))) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(CLIP_S - 0.1)
        assert hears(centre) == busy(centre)
        await centre.pass_time(0.2)
        assert hears(centre) == centre.context.prompts.position(1, centre.live().language)
        await centre.pass_time(5)
        assert hears(centre) == centre.context.prompts.music(SERVICE)
        caller.hang_up()


async def test_caller_who_overflows_into_another_queue_is_not_told_again() -> None:
    moves = replace(QUEUE, max_wait_s=5.0, overflow=(OverflowRule(OverflowCause.WAIT, ToQueue(SALES)),))
    async with opened(Plan(queues=(moves, OTHER_QUEUE))) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(7)
        assert centre.live().view.queue == SALES
        assert times_told(centre) == 1
        assert hears(centre) == centre.context.prompts.music(SALES)
        caller.hang_up()


async def test_caller_who_steps_aside_and_back_is_not_told_again_and_hears_places_still() -> None:
    queue = replace(QUEUE, announce_first_s=10.0)
    around = {SERVICE: QueueRules(keys={"1": "callback"})}
    plan = Plan(queues=(queue, OTHER_QUEUE), flows=packaged_flows("callback", "voicemail"), around=around)
    async with opened(plan) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(0.1)
        centre.press("1")  # in the middle of the busy word
        await centre.pass_time(0.2)
        centre.press("2")
        await centre.pass_time(8)
        assert times_told(centre) == 1
        await centre.pass_time(2)
        assert hears(centre) == centre.context.prompts.position(1, centre.live().language)
        caller.hang_up()


@pytest.mark.parametrize(("prompt", "heard"), [("", []), ("system.goodbye", [SystemPrompt.GOODBYE])])
async def test_queue_may_have_other_words_or_none(prompt: str, heard: Iterable[SystemPrompt]) -> None:
    async with opened(Plan(around={SERVICE: QueueRules(busy_prompt=prompt)})) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(2)
        call = centre.live()
        clips = [clip for each in heard for clip in centre.context.prompts.system(each, call.language)]
        assert centre.engine.streams[centre.leg(call, "caller").stream].heard == clips
        caller.hang_up()


async def test_caller_whom_a_rule_sends_on_at_the_door_is_not_told_of_busy_agents() -> None:
    moves = replace(QUEUE, overflow=(OverflowRule(OverflowCause.NOBODY_LOGGED_IN, ToQueue(SALES)),))
    async with opened(Plan(queues=(moves, OTHER_QUEUE))) as centre:
        caller = centre.caller(VIP)
        caller.call(HOTLINE)
        await centre.pass_time(1.1)
        centre.press("1")
        await centre.pass_time(0.1)
        assert centre.live().view.queue == SALES
        assert times_told(centre) == 1
        caller.hang_up()
