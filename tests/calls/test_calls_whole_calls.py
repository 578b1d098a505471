"""Calls from beginning to end in virtual time: what callers and agents do, and the history that follows."""

import pytest
from tests.calls.call_centre import (
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
from acdcore.calls.model.commands import CallState, LiveAgentState
from acdcore.calls.model.rows import CallEnd, EndedBy
from acdcore.calls.scripts.conversation import LEAVES_MAX
from acdcore.calls.trunks.trunks import InboundRoute
from acdcore.ivr.model.flow import Language
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId
from acdcore.queues.settings import QueueSettings
from acdcore.recording.settings import RecordingSettings
from acdcore.sdp.model import MediaDirection
from acdcore.sip.events import EndCause, InviteArrived, SessionAnswered, SessionEnded, SipEvent
from acdcore.sip.ladder import header_value

pytestmark = pytest.mark.looptime


async def test_ordinary_call_is_answered_led_through_the_menu_queued_and_talked() -> None:
    async with opened(Plan(is_recorded=True)) as centre:
        centre.customer(VIP)
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(HOTLINE)
        await centre.pass_time(2)
        centre.press("1")
        await centre.pass_time(3)
        assert centre.live().view.state is CallState.RINGING
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S + 30)
        assert centre.state("1001") is LiveAgentState.TALKING
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.call_history() == [
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
        row = centre.cdr()
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
        assert centre.state("1001") is LiveAgentState.WRAP_UP
        await centre.pass_time(10)
        assert centre.state("1001") is LiveAgentState.READY


async def test_caller_is_spoken_to_in_the_flows_own_language_until_another_is_chosen() -> None:
    async with opened(Plan(routes=(InboundRoute("carrier", "95599", "english"),))) as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call("95599")
        await centre.pass_time(1)
        call = centre.live()
        assert (call.language, call.view.language) == (Language.ENGLISH, "en")
        agent.answer()
        await centre.pass_time(0.1)
        caller_leg = centre.leg(call, "caller")
        number = centre.context.prompts.agent_number(AgentId("1001"), Language.ENGLISH)
        assert tuple(centre.engine.streams[caller_leg.stream].heard) == number
        caller.hang_up()


async def test_place_in_the_queue_is_told_over_the_music() -> None:
    queue = QueueSettings(SERVICE, announce_first_s=10.0)
    async with opened(Plan(queues=(queue,))) as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(10.2)
        call = centre.live()
        heard = centre.engine.streams[centre.leg(call, "caller").stream]
        assert heard.playback is not None
        assert heard.playback.clips == centre.context.prompts.position(1, call.language)
        assert heard.playback.is_over_music
        assert heard.background == centre.context.prompts.music(SERVICE)
        caller.hang_up()


async def test_both_hear_each_other_only_after_whisper_and_agent_number() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        call = centre.live()
        caller_leg = centre.leg(call, "caller")
        assert centre.engine.hears(caller_leg.stream) == centre.context.prompts.music(SERVICE)
        agent.answer()
        await centre.pass_time(BOTH_TOLD_S / 2 - 0.1)
        agent_leg = centre.leg(call, "agent")
        language = call.language
        assert centre.engine.hears(caller_leg.stream) == centre.context.prompts.agent_number(AgentId("1001"), language)
        assert centre.engine.hears(agent_leg.stream) == centre.context.prompts.whisper(SERVICE, None, language)
        await centre.pass_time(BOTH_TOLD_S / 2 + 0.2)
        assert centre.engine.hears(caller_leg.stream) == agent_leg.stream
        assert centre.engine.hears(agent_leg.stream) == caller_leg.stream
        agent.hang_up()


# --- the caller hangs up ---


async def test_call_ended_before_its_first_step_still_leaves_a_record() -> None:
    async with opened() as centre:

        def end_at_once(event: SipEvent) -> None:
            if isinstance(event, InviteArrived):
                assert centre.live().task is None
                centre.operations.hang_up(centre.live().id, "supervisor")

        centre.after_sip = end_at_once
        caller = centre.caller(VIP)
        caller.call(HOTLINE)
        await centre.pass_time(1)
        assert centre.call_history() == ["  0.0 arrived 95500", "  0.0 ended withdrawn system supervisor"]
        assert centre.cdr().outcome is Outcome.WITHDRAWN
        assert caller.session is None


async def test_caller_gone_in_the_menu_is_abandoned_in_the_flow() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(HOTLINE)
        await centre.pass_time(2)
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.call_history()[-2:] == [
            "  0.5 flow_entered hotline.menu",
            "  2.0 ended abandoned_flow caller bye",
        ]
        assert centre.cdr().wait_s == 0


async def test_caller_gone_while_waiting_is_abandoned_in_the_queue() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(20)
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.call_history()[-2:] == ["  0.0 queued service", " 20.0 ended abandoned_queue caller bye"]
        assert round(centre.cdr().wait_s, 1) == 20.0


async def test_caller_gone_while_ringing_stops_the_agents_phone_in_the_same_turn() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(5)
        assert agent.rings
        caller.hang_up()
        await centre.pass_time(0.01)
        assert not agent.rings
        assert centre.state("1001") is LiveAgentState.READY
        assert centre.cable.arrows(agent.address) == [
            "< INVITE sdp",
            "> 100 Trying (INVITE)",
            "> 180 Ringing (INVITE)",
            "< CANCEL",
            "> 200 OK (CANCEL)",
            "> 487 Request Terminated (INVITE)",
            "< ACK",
        ]
        assert centre.cdr().outcome is Outcome.ABANDONED_QUEUE
        assert round(centre.cdr().ring_s, 1) == 5.0
        assert centre.call_history()[-2:] == [
            "  5.0 offer_ended 1001 withdrawn",
            "  5.0 ended abandoned_queue caller bye",
        ]


async def test_caller_gone_during_the_whisper_counts_as_answered_and_frees_the_agent() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(1)
        caller.hang_up()
        await centre.pass_time(0.1)
        assert not agent.is_up
        assert centre.call_history()[-2:] == ["  1.0 connected 1001", "  2.0 ended answered caller bye"]
        assert centre.state("1001") is LiveAgentState.WRAP_UP


async def test_silence_of_a_caller_who_does_not_answer_ends_the_call_as_lost_media() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        await centre.talk(agent, caller)
        centre.engine.fall_silent(centre.leg(centre.live(), "caller").stream)
        centre.cable.unplugged.add(caller.address)
        await centre.pass_time(21)
        assert not agent.is_up
        assert centre.call_history()[-1].endswith("ended answered system no_sign_of_life")
        assert (centre.cdr().end_cause, centre.cdr().served_by) == (CallEnd.MEDIA_LOST, "1001")
        caller.hang_up()


# --- the agent ---


@pytest.mark.parametrize(
    ("status", "cause"),
    [(603, "refused"), (403, "refused"), (486, "busy"), (600, "busy"), (480, "unreachable"), (500, "failed")],
)
async def test_agent_who_turns_the_call_away_costs_the_caller_nothing_but_the_try(status: int, cause: str) -> None:
    async with opened() as centre:
        first = await centre.seat("1001")
        await centre.pass_time(1)
        second = await centre.seat("1002")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(2)
        first.refuse(status)
        await centre.pass_time(0.1)
        assert second.rings
        assert centre.state("1001") is LiveAgentState.NOT_READY
        second.answer()
        await centre.pass_time(10)
        second.hang_up()
        await centre.pass_time(1)
        assert centre.call_history()[4:8] == [
            "  0.0 offered 1001 service",
            f"  2.0 offer_ended 1001 {cause}",
            "  2.0 offered 1002 service",
            "  2.1 connected 1002",
        ]


async def test_agent_who_does_not_answer_is_rung_for_the_ring_time_only() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(15.5)
        assert not agent.rings
        assert centre.call_history()[4:] == ["  0.0 offered 1001 service", " 15.0 offer_ended 1001 no_answer"]
        caller.hang_up()


async def test_phone_that_never_rings_is_unreachable_after_the_reaction_time() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        agent.on_ring = Phone.say_nothing
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(REACTION_S + 0.5)
        assert centre.call_history()[4:] == ["  0.0 offered 1001 service", "  4.0 offer_ended 1001 unreachable"]
        caller.hang_up()


async def test_phone_that_answers_at_once_need_not_ring() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        agent.on_ring = Phone.answer
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(10)
        assert centre.call_history()[4:] == ["  0.0 offered 1001 service", "  0.0 connected 1001", "  3.0 bridged"]
        caller.hang_up()


async def test_phone_without_a_common_codec_fails_the_offer_and_is_hung_up() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.answer_without_codec()
        await centre.pass_time(0.1)
        assert not agent.is_up
        assert centre.call_history()[5:] == ["  1.0 offer_ended 1001 failed"]
        caller.hang_up()


async def test_phone_that_unregisters_while_ringing_is_left_alone() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.register(password("1001"), expires_s=0)
        await centre.pass_time(0.1)
        assert not agent.rings
        assert centre.state("1001") is LiveAgentState.UNREACHABLE
        assert centre.call_history()[5:] == ["  1.0 offer_ended 1001 withdrawn"]
        caller.hang_up()


async def test_agent_who_hangs_up_ends_the_call_and_wraps_up() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        await centre.talk(agent, caller)
        agent.hang_up()
        await centre.pass_time(0.1)
        assert not caller.is_up
        assert centre.call_history()[-2:] == ["  5.0 talk_ended agent", "  5.0 ended answered agent"]
        assert centre.state("1001") is LiveAgentState.WRAP_UP


LEFT = [
    "  0.0 offered 1001 service",
    "  1.0 connected 1001",
    "  2.0 returned service 1001",
    "  2.0 queued service",
]
"""Of a caller whose agent answers after a second, and is gone a second later: in the whisper."""


async def test_caller_whose_agent_is_gone_during_the_whisper_waits_on() -> None:
    async with opened(Plan(is_recorded=True)) as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(1)
        agent.hang_up()
        await centre.pass_time(0.1)
        call = centre.live()
        assert (caller.is_up, agent.is_up, call.view.state) == (True, False, CallState.WAITING)
        heard = centre.leg(call, "caller").stream
        assert centre.engine.hears(heard) == centre.context.prompts.system(SystemPrompt.PLEASE_HOLD, call.language)
        assert centre.state("1001") is LiveAgentState.WRAP_UP
        await centre.pass_time(CLIP_S)
        assert centre.engine.hears(heard) == centre.context.prompts.music(SERVICE)
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.call_history()[4:] == [*LEFT, "  2.6 ended abandoned_queue caller bye"]
        row = centre.cdr()
        assert (row.agent, row.connected_at, row.recording, row.talk_s) == (None, None, "", 0)
        assert round(row.wait_s, 1) == 2.6


async def test_caller_whose_agent_hung_up_during_the_whisper_is_served_next_as_one_who_has_waited() -> None:
    async with opened() as centre:
        first = await centre.seat("1001")
        caller, later = centre.caller(VIP), centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        later.call(SERVICE_LINE)
        first.answer()
        await centre.pass_time(1)
        first.hang_up()
        await centre.pass_time(0.1)
        second = await centre.seat("1002")
        await centre.pass_time(0.5)
        second.answer()
        await centre.pass_time(BOTH_TOLD_S + 5)
        second.hang_up()
        await centre.pass_time(1)
        assert not caller.is_up
        assert centre.call_history()[4:8] == LEFT
        assert [line[6:] for line in centre.call_history()[8:]] == [
            "offered 1002 service",
            "connected 1002",
            "bridged",
            "talk_ended agent",
            "ended answered agent",
        ]
        (row,) = [row for row in centre.cdrs() if row.caller == VIP_KEPT]
        assert (row.outcome, row.agent) == (Outcome.ANSWERED, "1002")
        later.hang_up()


async def test_session_of_a_caller_that_breaks_after_the_agent_was_gone_is_lost_and_no_talk() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(1)
        agent.hang_up()
        await centre.pass_time(1)
        leg = centre.leg(centre.live(), "caller")
        assert leg.session is not None
        centre.switchboard.on_sip(SessionEnded(leg.session, EndCause.GONE))
        await centre.pass_time(0.1)
        assert centre.cdr().outcome is Outcome.MEDIA_LOST
        caller.hang_up()  # it has not heard of the end


async def test_phone_that_picks_up_and_hangs_up_by_itself_is_set_aside_at_the_second_time() -> None:
    async with opened(Plan(queues=(QueueSettings(SERVICE, ring_for_s=15.0, wrap_up_s=0.0),))) as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        for _ in range(LEAVES_MAX):
            await centre.pass_time(0.1)
            agent.answer()
            await centre.pass_time(0.1)
            agent.hang_up()
        await centre.pass_time(1)
        assert not agent.rings
        who = centre.operations.agent(AgentId("1001"))
        assert (who.state, who.reason, centre.live().view.state) == (
            LiveAgentState.NOT_READY,
            "missed",
            CallState.WAITING,
        )
        caller.hang_up()


async def test_silence_of_the_agent_alone_ends_nothing() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        await centre.talk(agent, caller)
        centre.engine.fall_silent(centre.leg(centre.live(), "agent").stream)
        await centre.pass_time(60)
        assert (caller.is_up, agent.is_up) == (True, True)
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.cdr().outcome is Outcome.ANSWERED


async def test_caller_whose_agent_hangs_up_in_the_moment_of_answering_waits_on() -> None:
    async with opened() as centre:

        def end_at_once(event: SipEvent) -> None:
            if isinstance(event, SessionAnswered):
                centre.switchboard.on_sip(SessionEnded(event.session, EndCause.BYE))

        centre.after_sip = end_at_once
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(1)
        agent.hang_up()
        assert caller.is_up
        assert centre.call_history()[-2:] == ["  1.0 returned service 1001", "  1.0 queued service"]
        caller.hang_up()


async def test_second_call_waits_until_the_only_agent_has_wrapped_up() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        first, second = centre.caller(VIP), centre.caller(ORDINARY)
        await centre.talk(agent, first)
        second.call(SERVICE_LINE)
        await centre.pass_time(5)
        assert [call.view.state for call in centre.switchboard.calls.values()] == [
            CallState.TALKING,
            CallState.WAITING,
        ]
        first.hang_up()
        await centre.pass_time(9)
        assert not agent.rings
        await centre.pass_time(1.5)
        assert agent.rings
        agent.answer()
        await centre.pass_time(5)
        agent.hang_up()
        await centre.pass_time(1)
        assert centre.call_history(1)[3:6] == [
            "  0.0 queued service",
            " 15.0 offered 1001 service",
            " 15.5 connected 1001",
        ]


async def test_answer_that_crosses_the_withdrawal_never_talks() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(2)
        # The phone answers while our CANCEL is still on the way.
        caller.hang_up()
        await centre.pass_time(0.0015)
        agent.answer()
        await centre.pass_time(1)
        assert not agent.is_up
        assert "< BYE" in centre.cable.arrows(agent.address)
        assert centre.cdr().outcome is Outcome.ABANDONED_QUEUE
        assert centre.cdr().talk_s == 0
        assert centre.state("1001") is LiveAgentState.READY


# --- hold ---


@pytest.mark.parametrize("side", ["agent", "caller"])
async def test_who_is_held_hears_music_until_it_is_resumed(side: str) -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        await centre.talk(agent, caller)
        holder, held = (agent, "caller") if side == "agent" else (caller, "agent")
        call = centre.live()
        stream = centre.leg(call, held).stream
        holder.hold()
        await centre.pass_time(10)
        assert centre.engine.hears(stream) == centre.context.prompts.music()
        assert centre.live().view.state is CallState.HELD
        holder.resume()
        await centre.pass_time(1)
        assert centre.engine.hears(stream) == centre.leg(call, side).stream
        assert centre.call_history()[-2:] == [f"  5.0 held {side}", f" 15.0 resumed {side}"]
        caller.hang_up()


async def test_talk_stays_apart_until_both_have_resumed() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        await centre.talk(agent, caller)
        agent.hold()
        await centre.pass_time(1)
        caller.hold()
        await centre.pass_time(1)
        agent.resume()
        await centre.pass_time(1)
        assert centre.live().view.state is CallState.HELD
        caller.resume()
        await centre.pass_time(1)
        assert centre.live().view.state is CallState.TALKING
        caller.hang_up()


async def test_hold_during_the_whisper_is_followed_when_the_talk_begins() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(1)
        caller.hold()
        await centre.pass_time(BOTH_TOLD_S)
        call = centre.live()
        assert centre.live().view.state is CallState.HELD
        assert centre.engine.hears(centre.leg(call, "agent").stream) == centre.context.prompts.music()
        caller.resume()
        await centre.pass_time(1)
        assert centre.live().view.state is CallState.TALKING
        caller.hang_up()


async def test_phone_that_answers_on_hold_is_followed_when_the_talk_begins() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.answer(MediaDirection.SENDONLY)
        await centre.pass_time(BOTH_TOLD_S + 1)
        assert centre.live().view.state is CallState.HELD
        agent.resume()
        await centre.pass_time(1)
        assert centre.live().view.state is CallState.TALKING
        caller.hang_up()


async def test_reinvite_without_a_common_codec_is_refused_and_the_talk_goes_on() -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(VIP)
        await centre.talk(agent, caller)
        caller.offer_foreign()
        await centre.pass_time(1)
        assert caller.modify_statuses() == [488]
        assert centre.live().view.state is CallState.TALKING
        caller.hang_up()


async def test_caller_without_a_common_codec_is_refused_with_488_and_recorded() -> None:
    async with opened() as centre:
        caller = centre.caller(VIP)
        caller.call(HOTLINE, offer=FOREIGN)
        await centre.pass_time(1)
        assert caller.refused_with == 488
        assert centre.cdr().outcome is Outcome.REFUSED_REQUEST


async def test_caller_without_a_port_for_audio_is_refused_with_503_and_recorded() -> None:
    async with opened(Plan(streams_max=1)) as centre:
        first, second = centre.caller(VIP), centre.caller(ORDINARY)
        first.call(SERVICE_LINE)
        second.call(SERVICE_LINE)
        await centre.pass_time(1)
        assert second.refused_with == 503
        (refusal,) = [one.data for one in centre.cable.seen if one.data.startswith(b"SIP/2.0 503")]
        assert header_value(refusal, "Retry-After") == "5"
        assert centre.cdr().outcome is Outcome.REFUSED_CAPACITY
        first.hang_up()


@pytest.mark.parametrize("begins_at_answer", [True, False])
async def test_caller_gone_during_the_whisper_has_a_recording_from_the_answer_where_that_is_wanted(
    begins_at_answer: bool,
) -> None:
    async with opened(Plan(is_recorded=True)) as centre:
        centre.context.recorder.settings = RecordingSettings(
            begins="answer" if begins_at_answer else "talk", announcements=True
        )
        agent = await centre.seat("1001")
        caller = centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(0.1)
        assert len(centre.engine.taps) == begins_at_answer
        assert len(centre.engine.with_prompts) == begins_at_answer
        caller.hang_up()
        await centre.pass_time(1)
        cdr = centre.cdr()
        assert cdr.outcome is Outcome.ANSWERED
        assert [row.path for row in centre.history.recording_rows.values()] == [cdr.recording] * begins_at_answer
        assert bool(cdr.recording) == begins_at_answer
        assert list(centre.engine.kept_s.values()) == [None] * begins_at_answer


async def test_whisper_that_the_agent_leaves_is_not_kept_as_a_talk() -> None:
    async with opened(Plan(is_recorded=True)) as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(0.5)
        agent.hang_up()
        await centre.pass_time(1)
        assert list(centre.engine.kept_s.values()) == [0.0]
        caller.hang_up()
        await centre.pass_time(1)
        assert centre.cdr().recording == ""
        assert centre.history.recording_rows == {}


async def test_caller_sent_on_during_the_whisper_is_recorded_anew_in_the_next_talk() -> None:
    async with opened(Plan(is_recorded=True)) as centre:
        agent = await centre.seat("1001")
        caller = centre.caller(ORDINARY)
        caller.call(SERVICE_LINE)
        await centre.pass_time(1)
        agent.answer()
        await centre.pass_time(0.5)
        centre.operations.send_to_flow(centre.live().id, "hotline", "staff")
        await centre.pass_time(0.5)
        assert centre.engine.taps == {}
        caller.hang_up()
        await centre.pass_time(1)
