"""Who sends no audio need not be gone: the peer is asked, and only one that does not answer is.

What follows from a party that is gone, in every state that a call can be in.
"""

import pytest
from tests.calls.call_centre import (
    BOTH_TOLD_S,
    CLIP_S,
    EXCHANGE,
    HOTLINE,
    ORDINARY,
    OUTSIDE,
    OUTSIDE_LINE,
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
from tests.scenarios.test_races_work import ask_for_callback

from acdcore.calls.media.audio_address import AudioSettings
from acdcore.calls.model.commands import AgentCommand, LiveAgentState, Seat, SeatKind
from acdcore.calls.model.rows import SegmentEnd
from acdcore.calls.routing_rules import QueueRules
from acdcore.calls.scripts.conversation import LINE_LOST
from acdcore.calls.scripts.waiting import TAKE_KEY
from acdcore.ivr.model.flow import Language
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.address import Address
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId
from acdcore.media.model import StreamId
from acdcore.queues.settings import QueueSettings
from acdcore.sip.ladder import header_value, label
from acdcore.work.model import DialFirst

pytestmark = pytest.mark.looptime

ANSWER_WITHIN_S = 20.0
"""Of the 30 s without a sign of life that the settings allow, after the 10 s that the engine has waited."""
FOUND_S = ANSWER_WITHIN_S + 1.0
LOST_AGENT = ("media_lost agent 1001 no_sign_of_life", "talk_ended system")
REACHABLE_S = 70.0
"""A phone that was found dead is asked again within it."""


def questions(centre: CallCentre, to: Address) -> int:
    """How often somebody was asked within a call."""
    seen = [one.data for one in centre.cable.seen if one.receiver == to]
    return sum(label(each) == "OPTIONS" and ";tag=" in header_value(each, "To") for each in seen)


def stream_of(centre: CallCentre, side: str) -> StreamId:
    """The stream of one side of the one call."""
    return centre.leg(centre.live(), side).stream


def dies(centre: CallCentre, phone: Phone, stream: StreamId) -> None:
    """Its network is gone, and the engine has heard nothing for a while."""
    centre.cable.unplugged.add(phone.address)
    centre.engine.fall_silent(stream)


def comes_back(centre: CallCentre, phone: Phone) -> None:
    """Its network is there again; of the call it knows nothing more."""
    centre.cable.unplugged.discard(phone.address)
    if phone.is_up:
        phone.hang_up()


def facts(centre: CallCentre, call: int = 0) -> list[str]:
    """A call's history without times."""
    return [line[6:] for line in centre.call_history(call)]


# --- those who live ---


async def test_caller_who_waits_in_silence_is_asked_and_kept() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(12)
        centre.engine.fall_silent(stream_of(centre, "caller"))
        await centre.pass_time(1)
        assert questions(centre, caller.address) == 1
        await centre.pass_time(3_600)
        assert caller.is_up
        assert 100 < questions(centre, caller.address) <= 121
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.cdr().outcome is Outcome.ABANDONED_QUEUE


async def test_muted_agent_without_reports_is_kept_in_the_talk() -> None:
    async with opened() as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        centre.engine.fall_silent(stream_of(centre, "agent"))
        await centre.pass_time(600)
        assert (agent.is_up, caller.is_up) == (True, True)
        agent.hang_up()
        await centre.pass_time(1)
        assert centre.call_history()[-1].endswith("ended answered agent")


async def test_phone_that_is_heard_again_is_asked_no_more() -> None:
    async with opened() as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        stream = stream_of(centre, "agent")
        centre.engine.fall_silent(stream)
        await centre.pass_time(1)
        centre.engine.come_back(stream)
        await centre.pass_time(600)
        assert questions(centre, agent.address) == 1
        caller.hang_up()
        await centre.pass_time(1)


async def test_phone_whose_signalling_is_out_for_a_while_is_kept_when_it_is_heard_again() -> None:
    async with opened() as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        stream = stream_of(centre, "agent")
        dies(centre, agent, stream)
        await centre.pass_time(ANSWER_WITHIN_S - 1)
        centre.engine.come_back(stream)
        await centre.pass_time(60)
        assert (agent.is_up, caller.is_up) == (True, True)
        centre.cable.unplugged.clear()
        caller.hang_up()
        await centre.pass_time(1)


async def test_silent_party_that_answers_is_hung_up_on_after_the_longest_silence() -> None:
    async with opened(Plan(audio=AudioSettings(silent_max_s=600.0))) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(11)
        centre.engine.fall_silent(stream_of(centre, "caller"), silent_for_s=10.0)
        await centre.pass_time(589)
        assert caller.is_up
        await centre.pass_time(2)
        assert not caller.is_up
        assert facts(centre)[-1] == "ended media_lost system silent_too_long"


async def test_longest_silence_is_not_begun_anew_by_re_invites_that_refresh_the_session() -> None:
    async with opened(Plan(audio=AudioSettings(silent_max_s=600.0))) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(11)
        centre.engine.fall_silent(stream_of(centre, "caller"), silent_for_s=10.0)
        for _ in range(2):
            await centre.pass_time(240)
            caller.resume()
            await centre.pass_time(10)
            centre.engine.fall_silent(stream_of(centre, "caller"), silent_for_s=10.0)
        await centre.pass_time(88)
        assert caller.is_up
        await centre.pass_time(4)
        assert not caller.is_up
        assert facts(centre)[-1] == "ended media_lost system silent_too_long"


async def test_party_that_was_heard_between_two_silences_has_the_longest_silence_anew() -> None:
    async with opened(Plan(audio=AudioSettings(silent_max_s=600.0))) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(11)
        stream = stream_of(centre, "caller")
        centre.engine.fall_silent(stream, silent_for_s=10.0)
        await centre.pass_time(240)
        caller.resume()
        await centre.pass_time(60)
        centre.engine.speak(stream)
        await centre.pass_time(10)
        centre.engine.fall_silent(stream, silent_for_s=10.0)
        await centre.pass_time(500)
        assert caller.is_up
        await centre.pass_time(100)
        assert not caller.is_up


async def test_word_of_a_silence_that_a_re_invite_overtook_ends_nobody_who_is_heard() -> None:
    async with opened(Plan(audio=AudioSettings(silent_max_s=600.0))) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(11)
        stream = stream_of(centre, "caller")
        caller.resume()
        await centre.pass_time(0.5)
        centre.engine.fall_silent(stream, silent_for_s=10.0)  # told by the engine before the re-INVITE was taken
        await centre.pass_time(1)
        centre.engine.speak(stream)  # the engine, which has counted anew, tells nothing of that
        await centre.pass_time(900)
        assert caller.is_up
        caller.hang_up()
        await centre.pass_time(1)


async def test_silence_has_no_limit_where_the_settings_say_so() -> None:
    async with opened(Plan(audio=AudioSettings(silent_max_s=0.0))) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(11)
        centre.engine.fall_silent(stream_of(centre, "caller"))
        await centre.pass_time(86_400)
        assert caller.is_up
        caller.hang_up()
        await centre.pass_time(1)


@pytest.mark.parametrize(
    ("lost_after_s", "suspected_s", "answer_s"),
    [(30.0, 10.0, 20.0), (6.0, 2.0, 4.0), (120.0, 88.0, 32.0), (0.0, None, 32.0)],
)
def test_time_without_a_sign_of_life_is_shared_between_waiting_and_asking(
    lost_after_s: float, suspected_s: float | None, answer_s: float
) -> None:
    audio = AudioSettings(lost_after_s=lost_after_s)
    assert (audio.suspected_after_s, audio.answer_within_s) == (suspected_s, answer_s)


# --- callers who are gone ---


@pytest.mark.parametrize("line", [HOTLINE, SERVICE_LINE], ids=["in the flow", "in the queue"])
async def test_caller_whose_gateway_dies_is_found_and_the_record_says_lost(line: str) -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(line)
        await centre.pass_time(0.2)
        dies(centre, caller, stream_of(centre, "caller"))
        await centre.pass_time(FOUND_S)
        assert not centre.switchboard.calls
        assert facts(centre)[-2:] == ["media_lost caller no_sign_of_life", "ended media_lost system no_sign_of_life"]
        comes_back(centre, caller)


async def test_caller_whose_gateway_dies_in_a_talk_ends_it_for_the_agent_too() -> None:
    async with opened() as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        dies(centre, caller, stream_of(centre, "caller"))
        await centre.pass_time(FOUND_S)
        assert not agent.is_up
        assert centre.state("1001") is LiveAgentState.WRAP_UP
        assert facts(centre)[-2:] == ["media_lost caller no_sign_of_life", "ended answered system no_sign_of_life"]
        comes_back(centre, caller)


# --- agents who are gone ---


async def test_agent_who_is_lost_in_a_talk_costs_the_caller_neither_the_place_nor_a_survey() -> None:
    plan = Plan(around={SERVICE: QueueRules(survey="outside"), SALES: QueueRules()})
    async with opened(plan) as centre:
        agent, caller, behind = await centre.seat("1001"), centre.caller(VIP), centre.caller(ORDINARY)
        await centre.talk(agent, caller)
        behind.call(SERVICE_LINE)
        await centre.pass_time(30)
        stream = next(call for call in centre.switchboard.calls.values() if call.view.agent)
        dies(centre, agent, centre.leg(stream, "agent").stream)
        await centre.pass_time(FOUND_S)
        assert (caller.is_up, behind.is_up) == (True, True)
        assert facts(centre)[-3:] == [*LOST_AGENT, "queued service"]
        first = next(call for call in centre.switchboard.calls.values() if call.caller is not None)
        assert centre.context.acd.positions()[first.id] == 1
        other = await centre.seat("1002")
        await centre.pass_time(1)
        other.answer()
        await centre.pass_time(BOTH_TOLD_S + 1)
        assert facts(centre)[-3:] == ["offered 1002 service", "connected 1002", "bridged"]
        other.hang_up()
        if caller.is_up:
            caller.hang_up()
        behind.hang_up()
        comes_back(centre, agent)
        await centre.pass_time(5)


async def test_caller_hears_an_apology_when_the_agent_is_lost() -> None:
    async with opened() as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        dies(centre, agent, stream_of(centre, "agent"))
        await centre.pass_time(ANSWER_WITHIN_S + 0.2)
        (sorry,) = centre.live().prompts.system(SystemPrompt.AGENT_LOST, Language.MANDARIN)
        heard = centre.engine.streams[stream_of(centre, "caller")].heard
        assert heard[-1] == sorry
        await centre.pass_time(1)
        assert centre.engine.hears(stream_of(centre, "caller")) == centre.live().prompts.music(SERVICE)
        caller.hang_up()
        comes_back(centre, agent)
        await centre.pass_time(1)


async def test_lost_agent_is_offered_nobody_until_the_phone_answers_again() -> None:
    plan = Plan(queues=(QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=0.0), QueueSettings(SALES)))
    async with opened(plan) as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        dies(centre, agent, stream_of(centre, "agent"))
        await centre.pass_time(FOUND_S)
        assert centre.state("1001") is LiveAgentState.UNREACHABLE
        await centre.pass_time(120)
        assert facts(centre)[-1] == "queued service", "nobody was offered a caller"
        comes_back(centre, agent)
        await centre.pass_time(REACHABLE_S)
        assert facts(centre).count("offered 1001 service") > 1
        caller.hang_up()
        await centre.pass_time(1)


async def test_agent_who_hangs_up_leads_to_the_survey_as_before() -> None:
    async with opened(Plan(around={SERVICE: QueueRules(survey="closed"), SALES: QueueRules()})) as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        agent.hang_up()
        await centre.pass_time(2)
        assert "talk_ended agent" in facts(centre)
        assert "flow_entered closed.bye" in facts(centre)


async def test_agent_who_is_lost_during_the_whisper_is_unreachable_and_the_caller_waits_on() -> None:
    async with opened() as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(0.2)
        centre.cable.unplugged.add(agent.address)
        leg = centre.leg(centre.live(), "agent")
        assert leg.session is not None
        leg.play([centre.live().prompts.music()[0]] * 60, 999)  # a whisper of half a minute
        centre.engine.fall_silent(leg.stream)
        await centre.pass_time(FOUND_S)
        (sorry,) = centre.live().prompts.system(SystemPrompt.AGENT_LOST, Language.MANDARIN)
        assert sorry in centre.engine.streams[stream_of(centre, "caller")].heard
        assert facts(centre)[-3:] == [
            "media_lost agent 1001 no_sign_of_life",
            "returned service 1001",
            "queued service",
        ]
        caller.hang_up()
        comes_back(centre, agent)
        await centre.pass_time(1)


async def test_agents_phone_that_dies_while_it_holds_is_found_and_the_caller_keeps_the_place() -> None:
    async with opened() as centre:
        agent, caller = await centre.seat("1001"), centre.caller(VIP)
        await centre.talk(agent, caller)
        agent.hold()
        await centre.pass_time(100)
        centre.cable.unplugged.add(agent.address)
        await centre.pass_time(30 + FOUND_S)
        assert caller.is_up
        assert facts(centre)[-3:] == ["media_lost agent 1001 gone", "talk_ended system", "queued service"]
        assert centre.state("1001") is not LiveAgentState.TALKING
        caller.hang_up()
        comes_back(centre, agent)
        await centre.pass_time(1)
        row = centre.cdr()
        assert (row.served_by, row.outcome) == ("1001", Outcome.ABANDONED_QUEUE)
        assert [part.end for part in row.segments] == [SegmentEnd.ANSWERED, SegmentEnd.MEDIA_LOST, SegmentEnd.ABANDONED]


async def test_outside_party_that_is_lost_ends_the_call_and_the_history_says_who() -> None:
    async with opened() as centre:
        exchange, caller = centre.exchange(), centre.caller(VIP)
        caller.call(OUTSIDE_LINE)
        await centre.pass_time(1)
        exchange.answer()
        await centre.pass_time(1)
        centre.cable.unplugged.add(EXCHANGE)
        centre.engine.fall_silent(stream_of(centre, "external_number"))
        await centre.pass_time(FOUND_S)
        assert not caller.is_up
        assert facts(centre)[-3:-1] == ["media_lost external_number no_sign_of_life", "talk_ended system"]
        exchange.hang_up()


# --- lines that stay up ---


async def nailed(centre: CallCentre) -> Phone:
    """An agent whose line stands, ready."""
    phone = centre.employ("1001")
    phone.register(password("1001"))
    await centre.pass_time(0.1)
    phone.call("*16", password=password("1001"))
    await centre.pass_time(CLIP_S + 0.5)
    assert centre.state("1001") is LiveAgentState.READY
    return phone


def lost_line(centre: CallCentre) -> tuple[LiveAgentState, str | None]:
    live = centre.operations.agent(AgentId("1001"))
    return live.state, live.reason


async def test_nailed_up_line_between_calls_may_be_silent_for_hours() -> None:
    async with opened() as centre:
        phone = await nailed(centre)
        centre.engine.fall_silent(stream_of(centre, "caller"))
        await centre.pass_time(7_200)
        assert centre.state("1001") is LiveAgentState.READY
        phone.hang_up()
        await centre.pass_time(1)


async def test_nailed_up_line_whose_phone_dies_between_calls_is_found() -> None:
    async with opened() as centre:
        phone = await nailed(centre)
        dies(centre, phone, stream_of(centre, "caller"))
        await centre.pass_time(FOUND_S)
        assert not centre.switchboard.calls
        assert centre.state("1001") is LiveAgentState.UNREACHABLE
        comes_back(centre, phone)
        await centre.pass_time(REACHABLE_S)
        assert lost_line(centre) == (LiveAgentState.NOT_READY, LINE_LOST)


async def test_nailed_up_line_whose_phone_dies_in_wrap_up_is_found() -> None:
    plan = Plan(queues=(QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=60.0), QueueSettings(SALES)))
    async with opened(plan) as centre:
        phone, caller = await nailed(centre), centre.caller(VIP)
        stream = stream_of(centre, "caller")
        caller.call(SERVICE_LINE)
        await centre.pass_time(BOTH_TOLD_S + 2)
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.state("1001") is LiveAgentState.WRAP_UP
        dies(centre, phone, stream)
        await centre.pass_time(FOUND_S)
        assert not centre.switchboard.calls
        await centre.pass_time(60)
        assert centre.state("1001") is LiveAgentState.UNREACHABLE
        comes_back(centre, phone)


async def test_nailed_up_line_whose_phone_dies_in_a_talk_gives_the_caller_back_the_place() -> None:
    async with opened() as centre:
        phone = await nailed(centre)
        stream, caller = stream_of(centre, "caller"), centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(BOTH_TOLD_S + 2)
        dies(centre, phone, stream)
        await centre.pass_time(FOUND_S)
        assert caller.is_up
        assert facts(centre, 1)[-3:] == [*LOST_AGENT, "queued service"]
        await centre.pass_time(11)
        assert centre.state("1001") is LiveAgentState.UNREACHABLE
        caller.hang_up()
        comes_back(centre, phone)
        await centre.pass_time(1)


# --- work, and agents at outside numbers ---


@pytest.mark.parametrize("first", list(DialFirst))
async def test_customer_who_was_called_back_and_loses_the_agent_waits_for_another(first: DialFirst) -> None:
    async with opened() as centre:
        agent, exchange = await centre.seat("1001"), centre.exchange()
        exchange.on_ring = Phone.answer
        await ask_for_callback(centre, first)
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S + 2)
        assert (agent.is_up, exchange.is_up) == (True, True)
        dies(centre, agent, stream_of(centre, "agent"))
        await centre.pass_time(FOUND_S)
        assert exchange.is_up
        assert facts(centre)[-3:] == [*LOST_AGENT, "queued service"]
        exchange.hang_up()
        comes_back(centre, agent)
        await centre.pass_time(1)


async def test_agent_at_an_outside_number_who_is_lost_is_not_ready() -> None:
    async with opened() as centre:
        centre.employ("1001")
        exchange, caller = centre.exchange(), centre.caller(VIP)
        exchange.on_ring = Phone.answer
        centre.operations.set_agent_state(AgentId("1001"), AgentCommand.LOG_IN, None, Seat(SeatKind.NUMBER, OUTSIDE))
        centre.command("1001", AgentCommand.READY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        stream = stream_of(centre, "agent")
        centre.engine.press(stream, TAKE_KEY)
        await centre.pass_time(BOTH_TOLD_S + 1)
        centre.cable.unplugged.add(EXCHANGE)
        centre.engine.fall_silent(stream)
        await centre.pass_time(FOUND_S)
        assert caller.is_up
        assert facts(centre)[-3:] == [*LOST_AGENT, "queued service"]
        await centre.pass_time(11)
        assert lost_line(centre) == (LiveAgentState.NOT_READY, LINE_LOST)
        caller.hang_up()
        exchange.hang_up()
        await centre.pass_time(1)
