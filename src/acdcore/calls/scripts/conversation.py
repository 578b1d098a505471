"""The talk: whisper to the agent, the agent's number to the caller, then the bridge, with recording and hold."""

from acdcore.calls.context import CallContext
from acdcore.calls.core.call import Call, SentTo
from acdcore.calls.core.leg import HoldChanged, HungUp, Leg, Played, contact_of
from acdcore.calls.model import history
from acdcore.calls.model.commands import CallState
from acdcore.calls.model.rows import EndedBy, SegmentEnd
from acdcore.calls.scripts.waiting import Served
from acdcore.ivr.model.flow import Language, PromptName
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.media.model import ClipId, TapId
from acdcore.queues.inputs import AgentNotReady
from acdcore.sip.events import EndCause

LINE_LOST = "line lost"
"""Reason for not ready after a lost leg, so that no caller is offered to a phone that may be dead."""
LEAVES_MAX = 2
"""An agent who was lost before the talk so often with one caller becomes not ready: a phone that answers and hangs up
by itself would get the same caller again and again."""


async def talk_to_agent(call: Call, caller: Leg, context: CallContext, served: Served) -> SentTo | None:
    """From the agent's answer until the agent hangs up, or the caller is sent elsewhere.

    When the agent is lost before both hear each other, there was no talk (`Call.has_talked`).
    """
    now = context.clock.now()
    path = context.recorder.path_for(call)
    is_recorded = bool(path) and context.recorder.settings.begins == "answer" and served.leg.session is not None
    call.log(history.CallConnected(now, served.agent, "", path, contact_of(served.leg.phone), is_recorded))
    # Before the announcements, so that a call that ends during them has a recording too.
    tap = context.recorder.begin(call, caller, served.leg, path) if is_recorded else None
    before_talk = (
        (caller, call.prompts.agent_number(served.agent, call.language)),
        (served.leg, whisper_to(call, context, served)),
    )
    playbacks = {play_clips(call, leg, clips) for leg, clips in before_talk if clips}
    sent_to: SentTo | None = None
    # The agent may have hung up right after the answer, before this script read the mailbox.
    if served.leg.session is not None:
        match await until_played(call, playbacks, served.leg):
            case None:
                sent_to = await converse(call, caller, served.leg, context, path, tap)
            case SentTo() as sent_to:
                caller.stop_playing()
            case _:
                pass  # the agent was lost
    if served.leg.is_lost:
        note_lost(call, context, served.leg, served.agent)
    is_left = sent_to is None and not call.has_talked
    if tap is not None:
        context.recorder.end(tap, 0.0 if is_left else None)
    if is_left:
        caller.stop_playing()
        note_left(call, context, served)
    else:
        end_talk(call, context, served.leg)
    served.leg.close()
    served.entry.talk_ended()
    return sent_to


def whisper_to(call: Call, context: CallContext, served: Served) -> tuple[ClipId, ...]:
    """The whisper for the agent: queue, VIP, language."""
    told_in = context.agents.language(served.agent)
    return call.prompts.whisper(served.queue, call.customer, told_in, unexpected_language(call, served.queue))


def unexpected_language(call: Call, queue: QueueName) -> Language | None:
    """The caller's language; None when it is the queue's first, which agents expect."""
    return None if call.language is call.rules.queue(queue).first_language else call.language


def note_left(call: Call, context: CallContext, served: Served) -> None:
    """Log that the agent was lost before the talk. After `LEAVES_MAX` times with one caller: not ready."""
    call.log(history.Returned(context.clock.now(), served.queue, served.agent))
    if call.times_left_by(served.agent) >= LEAVES_MAX:
        context.acd.handle(AgentNotReady(served.agent, "missed"))


def end_talk(call: Call, context: CallContext, partner: Leg) -> None:
    """Log that the talk is over, and who ended it: the partner, or the system after a loss or an order."""
    by = EndedBy.AGENT if partner.ended_by is EndCause.BYE else EndedBy.SYSTEM
    call.log(history.CallTalkEnded(context.clock.now(), by, SegmentEnd.MEDIA_LOST if partner.is_lost else None))


def note_lost(call: Call, context: CallContext, partner: Leg, agent: AgentId | None) -> None:
    """Log that the partner was lost without a hang-up.

    A registered phone counts as unreachable until it answers again (`PhoneVanished`). An agent's external number cannot
    be asked, so the agent has to become ready again by command.
    """
    cause = partner.ended_by.value if partner.ended_by is not None else ""
    call.log(history.PartyLost(context.clock.now(), partner.side.value, agent, cause))
    if agent is not None and partner.phone is None:
        context.acd.handle(AgentNotReady(agent, LINE_LOST))


def apologise_for_loss(call: Call, context: CallContext, caller: Leg) -> None:
    """Play an apology to the caller after a lost agent; the caller keeps the place and may be served meanwhile."""
    play_clips(call, caller, call.prompts.system(SystemPrompt.AGENT_LOST, call.language))


async def talk_to_external_number(
    call: Call, caller: Leg, partner: Leg, number: str, context: CallContext
) -> SentTo | None:
    """From the external party's answer until that party hangs up, or the caller is sent elsewhere."""
    path = context.recorder.path_for(call)
    call.log(history.CallConnected(context.clock.now(), None, number, path))
    sent_to = await converse(call, caller, partner, context, path)
    if partner.is_lost:
        note_lost(call, context, partner, None)
    end_talk(call, context, partner)
    partner.close()
    return sent_to


async def play_prompt(call: Call, leg: Leg, context: CallContext, prompt: PromptName) -> None:
    """Play one prompt to its end."""
    await until_played(call, {play_clips(call, leg, call.prompts.say((prompt,), call.language))})


def play_clips(call: Call, leg: Leg, clips: tuple[ClipId, ...]) -> int:
    """Play `clips` to one party; returns the playback's number."""
    playback = call.next_playback()
    leg.play(clips, playback)
    return playback


async def until_played(call: Call, playbacks: set[int], agent: Leg | None = None) -> HungUp | SentTo | None:
    """Wait until all `playbacks` have ended: None; or the note that came first: `agent` lost, or the caller sent on.

    Without an `agent` these playbacks are the last of the call, and no note comes first.
    """
    while playbacks:
        match await call.mailbox.next():
            case Played(playback=playback):
                playbacks.discard(playback)
            case HungUp(leg=leg) as gone if leg is agent:
                return gone
            case SentTo() as sent_to if agent is not None:
                return sent_to
            case _:
                pass
    return None


async def converse(
    call: Call, caller: Leg, partner: Leg, context: CallContext, path: str, tap: TapId | None = None
) -> SentTo | None:
    """Both hear each other, or music while one holds, until the partner hangs up or is lost, or the caller is sent on.

    `tap` is their recording, when it has begun already.
    """
    if partner.session is None:
        return None  # the partner is gone, and the note is not read yet
    if tap is None:
        tap = context.recorder.begin(call, caller, partner, path)
    try:
        return await until_parted(call, caller, partner, context)
    finally:
        caller.unbridge()
        if tap is not None:
            context.recorder.end(tap)


async def until_parted(call: Call, caller: Leg, partner: Leg, context: CallContext) -> SentTo | None:
    """Follow hold and resume until the talk ends."""
    caller.set_music(call.prompts.music())
    partner.set_music(call.prompts.music())
    caller.bridge(partner)
    call.log(history.Bridged(context.clock.now()))
    for leg in (caller, partner):
        if leg.is_held:  # a hold may have begun during the announcements, which are played in any case
            follow_hold(call, caller, partner, context, leg)
    while True:
        match await call.mailbox.next():
            case HungUp(leg=leg) if leg is partner:
                return None
            case SentTo() as sent_to:
                return sent_to
            case HoldChanged(leg=leg):
                follow_hold(call, caller, partner, context, leg)
            case _:
                pass


def follow_hold(call: Call, caller: Leg, partner: Leg, context: CallContext, changed: Leg) -> None:
    """Unbridge while either party holds, so that the other hears music; bridge again when neither holds."""
    is_held = caller.is_held or partner.is_held
    if is_held == (call.view.state is CallState.HELD):
        return
    now, by = context.clock.now(), EndedBy.CALLER if changed is caller else EndedBy.AGENT
    if is_held:
        caller.unbridge()
        call.log(history.CallHeld(now, by))
    else:
        caller.bridge(partner)
        call.log(history.CallResumed(now, by))
