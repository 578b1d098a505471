"""The talk: whisper to the agent, the agent's number to the caller, then both together, recorded, on and off hold."""

from acdcore.calls import events
from acdcore.calls.call import Call, SentTo
from acdcore.calls.commands import CallState
from acdcore.calls.hall import Hall
from acdcore.calls.leg import FellSilent, HoldChanged, HungUp, Leg, Played, contact_of
from acdcore.calls.rows import EndedBy
from acdcore.calls.waiting import Served
from acdcore.ivr.model import Language, PromptName
from acdcore.kernel.ids import QueueName
from acdcore.media.model import ClipId, TapId
from acdcore.queues.model import AgentNotReady

LEAVES_MAX = 2
"""An agent who was gone before the talk so often with one caller is set aside: a phone that picks up and hangs up by
itself would take the same caller again and again."""


async def talk_to_agent(call: Call, caller: Leg, hall: Hall, served: Served) -> SentTo | None:
    """From the agent's answer until the agent hangs up, or somebody sends the caller elsewhere.

    When the agent is gone before both hear each other, no talk was had (`Call.has_talked`).
    """
    now = hall.clock.now()
    path = hall.recorder.path_for(call)
    is_recorded = bool(path) and hall.recorder.talks.begins_at_answer and served.leg.session is not None
    call.log(events.Connected(now, served.agent, "", path, contact_of(served.leg.phone), is_recorded))
    # Before the announcements: so whoever hangs up during them has a recording too.
    tap = hall.recorder.begin(call, caller, served.leg, path) if is_recorded else None
    both_told = {
        announce(call, caller, call.voice.agent_number(served.agent, call.language)),
        announce(call, served.leg, whisper_to(call, hall, served)),
    }
    sent_to: SentTo | None = None
    # An agent who hung up in the moment of answering did so before anybody here listened for it.
    if served.leg.session is not None:
        match await until_played(call, both_told, served.leg):
            case None:
                sent_to = await converse(call, caller, served.leg, hall, path, tap)
            case SentTo() as sent_to:
                caller.stop_playing()
            case _:
                pass  # the agent is gone
    is_left = sent_to is None and not call.has_talked
    if tap is not None:
        hall.recorder.end(tap, 0.0 if is_left else None)
    if is_left:
        caller.stop_playing()
        note_left(call, hall, served)
    else:
        call.log(events.TalkEnded(hall.clock.now(), EndedBy.AGENT if sent_to is None else EndedBy.SYSTEM))
    served.leg.close()
    served.entry.talk_ended()
    return sent_to


def whisper_to(call: Call, hall: Hall, served: Served) -> tuple[ClipId, ...]:
    """What the agent is told of the caller."""
    told_in = hall.desks.language(served.agent)
    return call.voice.whisper(served.queue, call.customer, told_in, unexpected_language(call, served.queue))


def unexpected_language(call: Call, queue: QueueName) -> Language | None:
    """The caller's language; None when it is the queue's first, which agents expect."""
    return None if call.language is call.rules.queue(queue).first_language else call.language


def note_left(call: Call, hall: Hall, served: Served) -> None:
    """Write down that the agent has left the caller before the talk; who does so again takes no more callers."""
    call.log(events.Returned(hall.clock.now(), served.queue, served.agent))
    if call.times_left_by(served.agent) >= LEAVES_MAX:
        hall.acd.feed(AgentNotReady(served.agent, "missed"))


async def talk_to_outside(call: Call, caller: Leg, outside: Leg, number: str, hall: Hall) -> SentTo | None:
    """From the outside party's answer until that party hangs up, or somebody sends the caller elsewhere."""
    path = hall.recorder.path_for(call)
    call.log(events.Connected(hall.clock.now(), None, number, path))
    sent_to = await converse(call, caller, outside, hall, path)
    call.log(events.TalkEnded(hall.clock.now(), EndedBy.AGENT if sent_to is None else EndedBy.SYSTEM))
    outside.close()
    return sent_to


async def say(call: Call, leg: Leg, hall: Hall, prompt: PromptName) -> None:
    """Play one prompt to its end."""
    await until_played(call, {announce(call, leg, call.voice.say((prompt,), call.language))})


def announce(call: Call, leg: Leg, clips: tuple[ClipId, ...]) -> int:
    """Play `clips` to one party; the playback's number."""
    playback = call.next_playback()
    leg.play(clips, playback)
    return playback


async def until_played(
    call: Call, playbacks: set[int], agent: Leg | None = None
) -> HungUp | FellSilent | SentTo | None:
    """Wait until all `playbacks` were heard: None; or what came first, `agent` gone or the caller sent elsewhere.

    Without an `agent` the playbacks are the caller's last, and nothing comes first.
    """
    while playbacks:
        match await call.mailbox.next():
            case Played(playback=playback):
                playbacks.discard(playback)
            case HungUp(leg=leg) | FellSilent(leg=leg) as gone if leg is agent:
                return gone
            case SentTo() as sent_to if agent is not None:
                return sent_to
            case _:
                pass
    return None


async def converse(
    call: Call, caller: Leg, partner: Leg, hall: Hall, path: str, tap: TapId | None = None
) -> SentTo | None:
    """Both hear each other, or music while one holds, until the partner is gone or the caller is sent elsewhere.

    `tap` is their recording, when it has begun already.
    """
    if partner.session is None:
        return None  # gone, and the note of it not read yet
    if tap is None:
        tap = hall.recorder.begin(call, caller, partner, path)
    try:
        return await until_parted(call, caller, partner, hall)
    finally:
        caller.unbridge()
        if tap is not None:
            hall.recorder.end(tap)


async def until_parted(call: Call, caller: Leg, partner: Leg, hall: Hall) -> SentTo | None:
    """Follow who holds and who goes."""
    caller.set_music(call.voice.music())
    partner.set_music(call.voice.music())
    caller.bridge(partner)
    call.log(events.Bridged(hall.clock.now()))
    for leg in (caller, partner):
        if leg.is_held:  # since the announcements, which are heard on hold or not
            follow_hold(call, caller, partner, hall, leg)
    while True:
        match await call.mailbox.next():
            case HungUp(leg=leg) if leg is partner:
                return None
            case FellSilent(leg=leg) if leg is partner:
                call.log(events.MediaLost(hall.clock.now(), leg.side.value))
                return None
            case SentTo() as sent_to:
                return sent_to
            case HoldChanged(leg=leg):
                follow_hold(call, caller, partner, hall, leg)
            case _:
                pass


def follow_hold(call: Call, caller: Leg, partner: Leg, hall: Hall, changed: Leg) -> None:
    """Part the two while either holds, so that the other hears music; together again when neither does."""
    is_held = caller.is_held or partner.is_held
    if is_held == (call.view.state is CallState.HELD):
        return
    now, by = hall.clock.now(), EndedBy.CALLER if changed is caller else EndedBy.AGENT
    if is_held:
        caller.unbridge()
        call.log(events.Held(now, by))
    else:
        caller.bridge(partner)
        call.log(events.Resumed(now, by))
