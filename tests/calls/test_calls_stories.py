"""Calls from beginning to end, told as their histories: what callers and agents do, in virtual time."""

import pytest
from tests.calls.house import (
    BOTH_TOLD_S,
    CLIP_S,
    HOTLINE,
    ORDINARY,
    SERVICE,
    SERVICE_LINE,
    VIP,
    VIP_KEPT,
    Plan,
    opened,
    password,
)
from tests.calls.phone import FOREIGN, Phone

from acdcore.calls.agents.forking import REACTION_S
from acdcore.calls.model.commands import AgentState, CallState
from acdcore.calls.model.rows import CallEnd, EndedBy
from acdcore.calls.recording import TalkRecording
from acdcore.calls.scripts.conversation import LEAVES_MAX
from acdcore.calls.trunks.trunks import Route
from acdcore.ivr.model.flow import Language
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId
from acdcore.queues.settings import QueueSettings
from acdcore.sdp.model import Direction
from acdcore.sip.events import EndCause, Event, InviteArrived, SessionAnswered, SessionEnded
from acdcore.sip.ladder import header

pytestmark = pytest.mark.looptime


async def test_ordinary_call_is_answered_led_through_the_menu_queued_and_talked() -> None:
    async with opened(Plan(is_recorded=True)) as house:
        house.customer(VIP)
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(HOTLINE)
        await house.pass_time(2)
        house.press("1")
        await house.pass_time(3)
        assert house.live().view.state is CallState.RINGING
        agent.answer()
        await house.pass_time(BOTH_TOLD_S + 30)
        assert house.state("1001") is AgentState.TALKING
        caller.hang_up()
        await house.pass_time(1)
        assert house.story() == [
            "  0.0 arrived 95500",
            "  0.0 answered hotline",
            "  0.0 customer_found 1 phone",
            "  0.0 flow_entered hotline.greeting",
            "  0.5 flow_entered hotline.menu",
            "  2.0 flow_entered hotline.service",
            "  2.0 queued service",
            "  2.0 offered 1001 service",
            "  5.0 connected 1001",
            "  8.0 bridged",
            " 38.0 ended answered caller bye",
        ]
        row = house.cdr()
        assert (row.outcome, row.ended_by, row.agent, row.queue, row.flow) == (
            Outcome.ANSWERED,
            EndedBy.CALLER,
            "1001",
            "service",
            "hotline",
        )
        assert (round(row.wait_s, 1), round(row.ring_s, 1), round(row.talk_s, 1)) == (3.0, 3.0, 30.0)
        assert row.customer_id == 1
        assert row.recording
        assert not agent.is_up
        assert house.state("1001") is AgentState.WRAP_UP
        await house.pass_time(10)
        assert house.state("1001") is AgentState.READY


async def test_caller_is_spoken_to_in_the_flows_own_language_until_another_is_chosen() -> None:
    async with opened(Plan(routes=(Route("carrier", "95599", "english"),))) as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call("95599")
        await house.pass_time(1)
        call = house.live()
        assert (call.language, call.view.language) == (Language.ENGLISH, "en")
        agent.answer()
        await house.pass_time(0.1)
        caller_leg = house.leg(call, "caller")
        number = house.hall.voice.agent_number(AgentId("1001"), Language.ENGLISH)
        assert tuple(house.engine.streams[caller_leg.stream].heard) == number
        caller.hang_up()


async def test_place_in_the_queue_is_told_over_the_music() -> None:
    queue = QueueSettings(SERVICE, announce_first_s=10.0)
    async with opened(Plan(queues=(queue,))) as house:
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(10.2)
        call = house.live()
        heard = house.engine.streams[house.leg(call, "caller").stream]
        assert heard.playback is not None
        assert heard.playback.clips == house.hall.voice.position(1, call.language)
        assert heard.playback.is_over_music
        assert heard.background == house.hall.voice.music(SERVICE)
        caller.hang_up()


async def test_both_hear_each_other_only_after_whisper_and_agent_number() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        call = house.live()
        caller_leg = house.leg(call, "caller")
        assert house.engine.hears(caller_leg.stream) == house.hall.voice.music(SERVICE)
        agent.answer()
        await house.pass_time(BOTH_TOLD_S / 2 - 0.1)
        agent_leg = house.leg(call, "agent")
        language = call.language
        assert house.engine.hears(caller_leg.stream) == house.hall.voice.agent_number(AgentId("1001"), language)
        assert house.engine.hears(agent_leg.stream) == house.hall.voice.whisper(SERVICE, None, language)
        await house.pass_time(BOTH_TOLD_S / 2 + 0.2)
        assert house.engine.hears(caller_leg.stream) == agent_leg.stream
        assert house.engine.hears(agent_leg.stream) == caller_leg.stream
        agent.hang_up()


# --- the caller hangs up ---


async def test_call_ended_before_its_first_step_still_leaves_a_record() -> None:
    async with opened() as house:

        def end_at_once(event: Event) -> None:
            if isinstance(event, InviteArrived):
                assert house.live().task is None
                house.operations.hang_up(house.live().id, "supervisor")

        house.after_sip = end_at_once
        caller = house.caller(VIP)
        caller.call(HOTLINE)
        await house.pass_time(1)
        assert house.story() == ["  0.0 arrived 95500", "  0.0 ended withdrawn system supervisor"]
        assert house.cdr().outcome is Outcome.WITHDRAWN
        assert caller.session is None


async def test_caller_gone_in_the_menu_is_abandoned_in_the_flow() -> None:
    async with opened() as house:
        caller = house.caller(VIP)
        caller.call(HOTLINE)
        await house.pass_time(2)
        caller.hang_up()
        await house.pass_time(1)
        assert house.story()[-2:] == ["  0.5 flow_entered hotline.menu", "  2.0 ended abandoned_flow caller bye"]
        assert house.cdr().wait_s == 0


async def test_caller_gone_while_waiting_is_abandoned_in_the_queue() -> None:
    async with opened() as house:
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(20)
        caller.hang_up()
        await house.pass_time(1)
        assert house.story()[-2:] == ["  0.0 queued service", " 20.0 ended abandoned_queue caller bye"]
        assert round(house.cdr().wait_s, 1) == 20.0


async def test_caller_gone_while_ringing_stops_the_agents_phone_in_the_same_turn() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(5)
        assert agent.rings
        caller.hang_up()
        await house.pass_time(0.01)
        assert not agent.rings
        assert house.state("1001") is AgentState.READY
        assert house.cable.arrows(agent.address) == [
            "< INVITE sdp",
            "> 100 Trying (INVITE)",
            "> 180 Ringing (INVITE)",
            "< CANCEL",
            "> 200 OK (CANCEL)",
            "> 487 Request Terminated (INVITE)",
            "< ACK",
        ]
        assert house.cdr().outcome is Outcome.ABANDONED_QUEUE
        assert round(house.cdr().ring_s, 1) == 5.0
        assert house.story()[-2:] == [
            "  5.0 offer_ended 1001 withdrawn",
            "  5.0 ended abandoned_queue caller bye",
        ]


async def test_caller_gone_during_the_whisper_counts_as_answered_and_frees_the_agent() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        agent.answer()
        await house.pass_time(1)
        caller.hang_up()
        await house.pass_time(0.1)
        assert not agent.is_up
        assert house.story()[-2:] == ["  1.0 connected 1001", "  2.0 ended answered caller bye"]
        assert house.state("1001") is AgentState.WRAP_UP


async def test_silence_of_a_caller_who_does_not_answer_ends_the_call_as_lost_media() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        await house.talk(agent, caller)
        house.engine.fall_silent(house.leg(house.live(), "caller").stream)
        house.cable.unplugged.add(caller.address)
        await house.pass_time(21)
        assert not agent.is_up
        assert house.story()[-1].endswith("ended answered system no_sign_of_life")
        assert (house.cdr().end_cause, house.cdr().served_by) == (CallEnd.MEDIA_LOST, "1001")
        caller.hang_up()


# --- the agent ---


@pytest.mark.parametrize(
    ("status", "cause"),
    [(603, "refused"), (403, "refused"), (486, "busy"), (600, "busy"), (480, "unreachable"), (500, "failed")],
)
async def test_agent_who_turns_the_call_away_costs_the_caller_nothing_but_the_try(status: int, cause: str) -> None:
    async with opened() as house:
        first = await house.seat("1001")
        await house.pass_time(1)
        second = await house.seat("1002")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(2)
        first.refuse(status)
        await house.pass_time(0.1)
        assert second.rings
        assert house.state("1001") is AgentState.NOT_READY
        second.answer()
        await house.pass_time(10)
        second.hang_up()
        await house.pass_time(1)
        assert house.story()[4:8] == [
            "  0.0 offered 1001 service",
            f"  2.0 offer_ended 1001 {cause}",
            "  2.0 offered 1002 service",
            "  2.1 connected 1002",
        ]


async def test_agent_who_does_not_answer_is_rung_for_the_ring_time_only() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(15.5)
        assert not agent.rings
        assert house.story()[4:] == ["  0.0 offered 1001 service", " 15.0 offer_ended 1001 no_answer"]
        caller.hang_up()


async def test_phone_that_never_rings_is_unreachable_after_the_reaction_time() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        agent.on_ring = Phone.say_nothing
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(REACTION_S + 0.5)
        assert house.story()[4:] == ["  0.0 offered 1001 service", "  4.0 offer_ended 1001 unreachable"]
        caller.hang_up()


async def test_phone_that_answers_at_once_need_not_ring() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        agent.on_ring = Phone.answer
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(10)
        assert house.story()[4:] == ["  0.0 offered 1001 service", "  0.0 connected 1001", "  3.0 bridged"]
        caller.hang_up()


async def test_phone_without_a_common_codec_fails_the_offer_and_is_hung_up() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        agent.answer_without_codec()
        await house.pass_time(0.1)
        assert not agent.is_up
        assert house.story()[5:] == ["  1.0 offer_ended 1001 failed"]
        caller.hang_up()


async def test_phone_that_unregisters_while_ringing_is_left_alone() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        agent.register(password("1001"), expires_s=0)
        await house.pass_time(0.1)
        assert not agent.rings
        assert house.state("1001") is AgentState.UNREACHABLE
        assert house.story()[5:] == ["  1.0 offer_ended 1001 withdrawn"]
        caller.hang_up()


async def test_agent_who_hangs_up_ends_the_call_and_wraps_up() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        await house.talk(agent, caller)
        agent.hang_up()
        await house.pass_time(0.1)
        assert not caller.is_up
        assert house.story()[-2:] == ["  5.0 talk_ended agent", "  5.0 ended answered agent"]
        assert house.state("1001") is AgentState.WRAP_UP


LEFT = [
    "  0.0 offered 1001 service",
    "  1.0 connected 1001",
    "  2.0 returned service 1001",
    "  2.0 queued service",
]
"""Of a caller whose agent answers after a second, and is gone a second later: in the whisper."""


async def test_caller_whose_agent_is_gone_during_the_whisper_waits_on() -> None:
    async with opened(Plan(is_recorded=True)) as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        agent.answer()
        await house.pass_time(1)
        agent.hang_up()
        await house.pass_time(0.1)
        call = house.live()
        assert (caller.is_up, agent.is_up, call.view.state) == (True, False, CallState.WAITING)
        heard = house.leg(call, "caller").stream
        assert house.engine.hears(heard) == house.hall.voice.system(SystemPrompt.PLEASE_HOLD, call.language)
        assert house.state("1001") is AgentState.WRAP_UP
        await house.pass_time(CLIP_S)
        assert house.engine.hears(heard) == house.hall.voice.music(SERVICE)
        caller.hang_up()
        await house.pass_time(1)
        assert house.story()[4:] == [*LEFT, "  2.6 ended abandoned_queue caller bye"]
        row = house.cdr()
        assert (row.agent, row.connected_at, row.recording, row.talk_s) == (None, None, "", 0)
        assert round(row.wait_s, 1) == 2.6


async def test_caller_whose_agent_hung_up_during_the_whisper_is_served_next_as_one_who_has_waited() -> None:
    async with opened() as house:
        first = await house.seat("1001")
        caller, later = house.caller(VIP), house.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        later.call(SERVICE_LINE)
        first.answer()
        await house.pass_time(1)
        first.hang_up()
        await house.pass_time(0.1)
        second = await house.seat("1002")
        await house.pass_time(0.5)
        second.answer()
        await house.pass_time(BOTH_TOLD_S + 5)
        second.hang_up()
        await house.pass_time(1)
        assert not caller.is_up
        assert house.story()[4:8] == LEFT
        assert [line[6:] for line in house.story()[8:]] == [
            "offered 1002 service",
            "connected 1002",
            "bridged",
            "talk_ended agent",
            "ended answered agent",
        ]
        (row,) = [row for row in house.cdrs() if row.caller == VIP_KEPT]
        assert (row.outcome, row.agent) == (Outcome.ANSWERED, "1002")
        later.hang_up()


async def test_session_of_a_caller_that_breaks_after_the_agent_was_gone_is_lost_and_no_talk() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        agent.answer()
        await house.pass_time(1)
        agent.hang_up()
        await house.pass_time(1)
        leg = house.leg(house.live(), "caller")
        assert leg.session is not None
        house.switchboard.on_sip(SessionEnded(leg.session, EndCause.GONE))
        await house.pass_time(0.1)
        assert house.cdr().outcome is Outcome.MEDIA_LOST
        caller.hang_up()  # it has not heard of the end


async def test_phone_that_picks_up_and_hangs_up_by_itself_is_set_aside_at_the_second_time() -> None:
    async with opened(Plan(queues=(QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=0.0),))) as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        for _ in range(LEAVES_MAX):
            await house.pass_time(0.1)
            agent.answer()
            await house.pass_time(0.1)
            agent.hang_up()
        await house.pass_time(1)
        assert not agent.rings
        who = house.operations.agent(AgentId("1001"))
        assert (who.state, who.reason, house.live().view.state) == (AgentState.NOT_READY, "missed", CallState.WAITING)
        caller.hang_up()


async def test_silence_of_the_agent_alone_ends_nothing() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        await house.talk(agent, caller)
        house.engine.fall_silent(house.leg(house.live(), "agent").stream)
        await house.pass_time(60)
        assert (caller.is_up, agent.is_up) == (True, True)
        caller.hang_up()
        await house.pass_time(1)
        assert house.cdr().outcome is Outcome.ANSWERED


async def test_caller_whose_agent_hangs_up_in_the_moment_of_answering_waits_on() -> None:
    async with opened() as house:

        def end_at_once(event: Event) -> None:
            if isinstance(event, SessionAnswered):
                house.switchboard.on_sip(SessionEnded(event.session, EndCause.BYE))

        house.after_sip = end_at_once
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        agent.answer()
        await house.pass_time(1)
        agent.hang_up()
        assert caller.is_up
        assert house.story()[-2:] == ["  1.0 returned service 1001", "  1.0 queued service"]
        caller.hang_up()


async def test_second_call_waits_until_the_only_agent_has_wrapped_up() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        first, second = house.caller(VIP), house.caller(ORDINARY)
        await house.talk(agent, first)
        second.call(SERVICE_LINE)
        await house.pass_time(5)
        assert [call.view.state for call in house.switchboard.calls.values()] == [
            CallState.TALKING,
            CallState.WAITING,
        ]
        first.hang_up()
        await house.pass_time(9)
        assert not agent.rings
        await house.pass_time(1.5)
        assert agent.rings
        agent.answer()
        await house.pass_time(5)
        agent.hang_up()
        await house.pass_time(1)
        assert house.story(1)[3:6] == ["  0.0 queued service", " 15.0 offered 1001 service", " 15.5 connected 1001"]


async def test_answer_that_crosses_the_withdrawal_never_talks() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(2)
        # The phone answers while our CANCEL is still on the way.
        caller.hang_up()
        await house.pass_time(0.0015)
        agent.answer()
        await house.pass_time(1)
        assert not agent.is_up
        assert "< BYE" in house.cable.arrows(agent.address)
        assert house.cdr().outcome is Outcome.ABANDONED_QUEUE
        assert house.cdr().talk_s == 0
        assert house.state("1001") is AgentState.READY


# --- hold ---


@pytest.mark.parametrize("side", ["agent", "caller"])
async def test_who_is_held_hears_music_until_it_is_resumed(side: str) -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        await house.talk(agent, caller)
        holder, held = (agent, "caller") if side == "agent" else (caller, "agent")
        call = house.live()
        stream = house.leg(call, held).stream
        holder.hold()
        await house.pass_time(10)
        assert house.engine.hears(stream) == house.hall.voice.music()
        assert house.live().view.state is CallState.HELD
        holder.resume()
        await house.pass_time(1)
        assert house.engine.hears(stream) == house.leg(call, side).stream
        assert house.story()[-2:] == [f"  5.0 held {side}", f" 15.0 resumed {side}"]
        caller.hang_up()


async def test_talk_stays_apart_until_both_have_resumed() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        await house.talk(agent, caller)
        agent.hold()
        await house.pass_time(1)
        caller.hold()
        await house.pass_time(1)
        agent.resume()
        await house.pass_time(1)
        assert house.live().view.state is CallState.HELD
        caller.resume()
        await house.pass_time(1)
        assert house.live().view.state is CallState.TALKING
        caller.hang_up()


async def test_hold_during_the_whisper_is_followed_when_the_talk_begins() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        agent.answer()
        await house.pass_time(1)
        caller.hold()
        await house.pass_time(BOTH_TOLD_S)
        call = house.live()
        assert house.live().view.state is CallState.HELD
        assert house.engine.hears(house.leg(call, "agent").stream) == house.hall.voice.music()
        caller.resume()
        await house.pass_time(1)
        assert house.live().view.state is CallState.TALKING
        caller.hang_up()


async def test_phone_that_answers_on_hold_is_followed_when_the_talk_begins() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        agent.answer(Direction.SENDONLY)
        await house.pass_time(BOTH_TOLD_S + 1)
        assert house.live().view.state is CallState.HELD
        agent.resume()
        await house.pass_time(1)
        assert house.live().view.state is CallState.TALKING
        caller.hang_up()


async def test_reinvite_without_a_common_codec_is_refused_and_the_talk_goes_on() -> None:
    async with opened() as house:
        agent = await house.seat("1001")
        caller = house.caller(VIP)
        await house.talk(agent, caller)
        caller.offer_foreign()
        await house.pass_time(1)
        assert caller.modify_statuses() == [488]
        assert house.live().view.state is CallState.TALKING
        caller.hang_up()


async def test_caller_without_a_common_codec_is_refused_with_488_and_recorded() -> None:
    async with opened() as house:
        caller = house.caller(VIP)
        caller.call(HOTLINE, offer=FOREIGN)
        await house.pass_time(1)
        assert caller.refused_with == 488
        assert house.cdr().outcome is Outcome.REFUSED_REQUEST


async def test_caller_without_a_port_for_audio_is_refused_with_503_and_recorded() -> None:
    async with opened(Plan(streams_max=1)) as house:
        first, second = house.caller(VIP), house.caller(ORDINARY)
        first.call(SERVICE_LINE)
        second.call(SERVICE_LINE)
        await house.pass_time(1)
        assert second.refused_with == 503
        (refusal,) = [one.data for one in house.cable.seen if one.data.startswith(b"SIP/2.0 503")]
        assert header(refusal, "Retry-After") == "5"
        assert house.cdr().outcome is Outcome.REFUSED_LINES
        first.hang_up()


@pytest.mark.parametrize("begins_at_answer", [True, False])
async def test_caller_gone_during_the_whisper_has_a_recording_from_the_answer_where_that_is_wanted(
    begins_at_answer: bool,
) -> None:
    async with opened(Plan(is_recorded=True)) as house:
        house.hall.recorder.talks = TalkRecording(begins_at_answer, has_announcements=True)
        agent = await house.seat("1001")
        caller = house.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        agent.answer()
        await house.pass_time(0.1)
        assert len(house.engine.taps) == begins_at_answer
        assert len(house.engine.with_prompts) == begins_at_answer
        caller.hang_up()
        await house.pass_time(1)
        cdr = house.cdr()
        assert cdr.outcome is Outcome.ANSWERED
        assert [row.path for row in house.history.recording_rows.values()] == [cdr.recording] * begins_at_answer
        assert bool(cdr.recording) == begins_at_answer
        assert list(house.engine.kept_s.values()) == [None] * begins_at_answer


async def test_whisper_that_the_agent_leaves_is_not_kept_as_a_talk() -> None:
    async with opened(Plan(is_recorded=True)) as house:
        agent = await house.seat("1001")
        caller = house.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        agent.answer()
        await house.pass_time(0.5)
        agent.hang_up()
        await house.pass_time(1)
        assert list(house.engine.kept_s.values()) == [0.0]
        caller.hang_up()
        await house.pass_time(1)
        assert house.cdr().recording == ""
        assert house.history.recording_rows == {}


async def test_caller_sent_on_during_the_whisper_is_recorded_anew_in_the_next_talk() -> None:
    async with opened(Plan(is_recorded=True)) as house:
        agent = await house.seat("1001")
        caller = house.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await house.pass_time(1)
        agent.answer()
        await house.pass_time(0.5)
        house.operations.send_to_flow(house.live().id, "hotline", "staff")
        await house.pass_time(0.5)
        assert house.engine.taps == {}
        caller.hang_up()
        await house.pass_time(1)
