"""What may come while a silent party is asked, and while the caller of a lost agent hears so."""

import pytest
from tests.calls.call_centre import VIP, opened
from tests.scenarios.test_signs_of_life import ANSWER_WITHIN_S, FOUND_S, comes_back, dies, facts, questions, stream_of

from acdcore.calls.model.commands import LiveAgentState
from acdcore.kernel.errors import Outcome

pytestmark = pytest.mark.looptime


async def test_agent_who_hangs_up_while_asked_has_hung_up() -> None:
    async with opened() as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        dies(centre, agent, stream_of(centre, "agent"))
        await centre.pass_time(5)
        centre.cable.unplugged.clear()
        agent.hang_up()
        await centre.pass_time(60)
        assert "talk_ended agent" in facts(centre)
        assert not any(line.startswith("media_lost") for line in facts(centre))
        assert centre.state("1001") is not LiveAgentState.UNREACHABLE


async def test_agent_who_holds_while_asked_is_on_hold() -> None:
    async with opened() as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        centre.engine.heard.update(centre.engine.streams)
        dies(centre, agent, stream_of(centre, "agent"))
        await centre.pass_time(5)
        centre.cable.unplugged.clear()
        agent.hold()
        await centre.pass_time(ANSWER_WITHIN_S + 1)
        assert facts(centre)[-1] == "held agent"
        before = questions(centre, agent.address)
        await centre.pass_time(300)
        assert 9 <= questions(centre, agent.address) - before <= 11
        agent.resume()
        await centre.pass_time(1)
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.cdr().outcome is Outcome.ANSWERED


async def test_caller_who_hangs_up_during_the_apology_has_left_the_queue() -> None:
    async with opened() as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        dies(centre, agent, stream_of(centre, "agent"))
        await centre.pass_time(ANSWER_WITHIN_S + 0.2)
        caller.hang_up()
        await centre.pass_time(1)
        assert facts(centre)[-1] == "ended abandoned_queue caller bye"
        comes_back(centre, agent)
        await centre.pass_time(90)
        assert centre.state("1001") is not LiveAgentState.UNREACHABLE


async def test_lost_agent_who_comes_back_while_the_caller_is_offered_to_another_is_left_alone() -> None:
    async with opened() as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        other = await centre.seat("1002")
        dies(centre, agent, stream_of(centre, "agent"))
        await centre.pass_time(FOUND_S)
        assert other.rings
        comes_back(centre, agent)
        await centre.pass_time(2)
        assert not agent.rings
        other.answer()
        await centre.pass_time(10)
        assert (other.is_up, caller.is_up, agent.is_up) == (True, True, False)
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.cdr().outcome is Outcome.ANSWERED
