"""A visit to a queue: from joining to the end of the talk, and what follows."""

from acdcore.calls.context import CallContext
from acdcore.calls.core.call import Call, Ending, SentTo
from acdcore.calls.core.leg import Leg
from acdcore.calls.model import history
from acdcore.calls.model.rows import EndedBy
from acdcore.calls.queueing.queue_client import Entry
from acdcore.calls.scripts.conversation import apologise_for_loss, play_prompt, talk_to_agent
from acdcore.calls.scripts.dial_out import number_to_call
from acdcore.calls.scripts.ivr_session import Destination, destination_of, navigate, renew
from acdcore.calls.scripts.preferred_agent import caller_facts, preferred_agent
from acdcore.calls.scripts.queue_announcements import Announcements
from acdcore.calls.scripts.waiting import QueueKeyPressed, Served, wait_for_agent
from acdcore.ivr.flow.actions import Dial, EnterFlow, EnterQueue
from acdcore.ivr.model.flow import FlowName, PromptName
from acdcore.kernel.errors import Outcome
from acdcore.queues.decisions import Overflowed
from acdcore.queues.inputs import MAX_WAITED_S, CallerJoined, Channel, LeaveCause
from acdcore.queues.settings import ToAnnouncement, ToExternalNumber, ToFlow


async def serve_in_queue(call: Call, caller: Leg, context: CallContext, wanted: EnterQueue) -> Destination:
    """Wait and talk; returns where the call goes next."""
    entry = take_place(call, context, wanted)
    announcements = Announcements(call, caller, context, is_told_busy=wanted.is_back)
    while True:
        match await wait_for_agent(call, announcements, context, entry):
            case Served() as served:
                return await talk_and_after(call, caller, context, served, wanted)
            case QueueKeyPressed(flow):
                announcements.broken_off()
                elsewhere = await step_aside(call, caller, context, entry, FlowName(flow))
                if elsewhere is not None:
                    return elsewhere
            case SentTo() as sent_to:
                entry.leave(LeaveCause.WITHDRAWN)
                return destination_of(call, context, sent_to)
            case ToFlow(flow):
                return EnterFlow(FlowName(flow))
            case ToExternalNumber(number, trunk):
                return Dial(number, trunk)
            case ToAnnouncement(prompt):
                await play_prompt(call, caller, context, PromptName(prompt))
                return Ending(Outcome.OVERFLOWED, EndedBy.SYSTEM, prompt)


def take_place(call: Call, context: CallContext, wanted: EnterQueue) -> Entry:
    """Join the queue. Time waited before counts: for a promised callback, or before a restart cut the caller off."""
    now = context.clock.now()
    if not context.acd.dispatcher.keeps(call.settings.edition):
        renew(call, context)  # after more reloads than a call of usual length sees
    wish = context.callback_scheduler.wish_of(call, wanted.queue)
    call.priority_s = wanted.priority_s if wish is None else max(wanted.priority_s, wish.priority_s)
    call.waited_before_s = max(
        call.waited_before_s,
        0.0 if wish is None else wish.waited_s,
        context.places.claim(call.view.caller, wanted.queue, now) or 0.0,
    )
    was_answered = any(isinstance(event, history.CallConnected) and event.agent for event in call.history)
    # Neither the agent who sent the caller on nor the one who was lost before the talk.
    last_choice = None if was_answered else preferred_agent(call, context, wanted.queue)
    joined = CallerJoined(
        entry=context.acd.name(call),
        queue=wanted.queue,
        priority_s=call.priority_s,
        skills=wanted.skills,
        label=call.view.caller,
        facts=caller_facts(call, context),
        channel=Channel.CALL,
        preferred=wanted.preferred or last_choice,
        tried_agents=tuple(filter(None, (call.sent_by,))),
        waited_s=min(call.waited_s(now), MAX_WAITED_S),
        edition=call.settings.edition,
    )
    entry = context.acd.join(call, joined)
    call.resources.callback(gone, call, context, entry)
    return entry


def gone(call: Call, context: CallContext, entry: Entry) -> None:
    """The call is over: a caller who hung up while waiting is called back, if the queue's rules say so."""
    was_inside = not entry.is_over
    entry.abandon(call)
    queue = call.view.queue
    is_abandoned = call.ending is not None and call.ending.outcome is Outcome.ABANDONED_QUEUE
    if not was_inside or not is_abandoned or queue is None or context.rules.trunks.outbound_trunk() is None:
        return
    around = call.rules.queue(queue)
    number = number_to_call(call, context, call.view.caller)
    is_number = len(number.removeprefix("+")) >= around.callback_digits_min
    now = context.clock.now()
    has_waited = call.waited_s(now) >= call.rules.callbacks.min_wait_s
    if around.is_abandoned_called_back and is_number and has_waited:
        since = call.view.queued_at or context.event_log.time.at(now)
        context.callback_scheduler.request_callback(call, queue, number, around.dial_first, since)


async def step_aside(call: Call, caller: Leg, context: CallContext, entry: Entry, flow: FlowName) -> Destination | None:
    """Run a flow while the place is kept; None: the caller waits on."""
    if call.mailbox.holds(Overflowed) or not entry.pause():
        return None  # a rule was quicker than the key; its note waits in the mailbox
    call.log(history.SteppedAside(context.clock.now(), flow))
    match await navigate(call, caller, context, flow):
        case EnterQueue(is_back=True):
            call.log(history.SteppedBack(context.clock.now()))
            caller.set_music(call.prompts.music(call.view.queue or ""))
            entry.resume()
            return None
        case elsewhere:
            is_promised = call.completed() is Outcome.CALLBACK
            entry.leave(LeaveCause.CALLBACK if is_promised else LeaveCause.WITHDRAWN)
            call.log(history.QueueLeft(context.clock.now()))
            return elsewhere


async def talk_and_after(
    call: Call, caller: Leg, context: CallContext, served: Served, wanted: EnterQueue
) -> Destination:
    """The talk; then the destination to which the caller was sent, the queue's survey, or the end.

    When the agent is lost before the talk or in it, the caller goes back to the same queue, without a survey. The
    caller needs the same skills, but is not reserved for an agent any more: that may be the agent who was lost.
    """
    sent_to = await talk_to_agent(call, caller, context, served)
    if sent_to is not None:
        return destination_of(call, context, sent_to)
    if served.leg.is_lost:
        apologise_for_loss(call, context, caller)
    if served.leg.is_lost or not call.has_talked:
        return EnterQueue(served.queue, wanted.priority_s, wanted.skills, is_back=served.leg.is_lost)
    survey = call.rules.queue(served.queue).survey
    if survey:
        return EnterFlow(FlowName(survey))
    return Ending(Outcome.ANSWERED, EndedBy.AGENT)  # a caller who hangs up first cancels the script
