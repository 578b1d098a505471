"""Work items in the queue: a callback, or a message to be heard. Each attempt at an item is one run of this script.

The call begins when the item is queued. An agent is rung for it as for a caller, and then the customer; or the customer
is rung first and waits for the agent. The queue's `dial_first` decides.
"""

from dataclasses import dataclass

from acdcore.calls.context import CallContext
from acdcore.calls.core.call import Call, Ending, SentTo
from acdcore.calls.core.leg import HungUp, Leg, Played, Pressed, Side, contact_of
from acdcore.calls.model import history
from acdcore.calls.model.rows import EndedBy, SegmentEnd
from acdcore.calls.scripts.conversation import (
    apologise_for_loss,
    converse,
    note_lost,
    play_clips,
    unexpected_language,
    until_played,
)
from acdcore.calls.scripts.dial_out import GIVEN_UP, DialRequest, reach, until_answered
from acdcore.calls.scripts.inbound import lead
from acdcore.calls.scripts.ivr_session import destination_of
from acdcore.calls.scripts.preferred_agent import caller_facts, is_logged_in
from acdcore.calls.scripts.queue_announcements import Announcements
from acdcore.calls.scripts.waiting import (
    TAKE_KEY,
    ReservedAgent,
    Served,
    ask_for_key,
    is_at_external_number,
    ring_seat,
    wait_for_agent,
)
from acdcore.ivr.flow.actions import EnterQueue
from acdcore.ivr.model.flow import Language
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.errors import AcdError, Outcome
from acdcore.kernel.ids import AgentId
from acdcore.media.model import ClipId
from acdcore.queues.inputs import AgentNotReady, CallerJoined, Channel, LeaveCause
from acdcore.work.model import (
    AttemptEnded,
    AttemptOutcome,
    Closed,
    DialFirst,
    InProgress,
    InputRejected,
    LeftQueue,
    WorkItem,
    WorkKind,
)

CHANNELS = {WorkKind.CALLBACK: Channel.CALLBACK, WorkKind.VOICEMAIL: Channel.VOICEMAIL}
ATTEMPT_BY_STATUS = {
    486: AttemptOutcome.BUSY,
    600: AttemptOutcome.BUSY,
    603: AttemptOutcome.BUSY,
    GIVEN_UP: AttemptOutcome.LEFT,
}
"""Results of an attempt by the final status of the customer's phone; 487 means that the agent hung up."""
NOBODY = frozenset({408, 480, 404})
"""Statuses of a phone that was not answered, or is switched off."""
CANCELLED = Ending(Outcome.WITHDRAWN, EndedBy.SYSTEM, "cancelled")
"""Detail of the ending when the callback queue itself took the item out; it is not notified then."""
OUTCOMES = {AttemptOutcome.TALKED: Outcome.ANSWERED, AttemptOutcome.HEARD: Outcome.ANSWERED}
"""The call's outcome by the result of the attempt; all other results reached nobody."""
RING_AGENT_S = 20.0
"""Seconds for which the reserved agent's phone rings while the customer waits on the line."""
MENU_S = 30.0
"""Seconds; an agent who heard a message and presses no key for so long has finished with it."""


async def attempt(call: Call, context: CallContext, item: WorkItem) -> Ending:
    """Wait for an agent, then do the item's work; the callback queue is notified of the result in every case."""
    call.speak(Language(item.language) if item.language in set(Language) else Language.MANDARIN)
    call.log(history.WorkBegun(context.clock.now(), item.id, item.kind.value))
    progress = AttemptProgress(call, item, context)
    call.resources.callback(progress.close)
    entry = context.acd.join(call, callback_joined(call, context, item))
    call.resources.callback(entry.abandon, call)
    first = item.dial_first or call.rules.queue(item.queue).dial_first
    is_customer_first = item.kind is WorkKind.CALLBACK and first is DialFirst.CUSTOMER
    match await wait_for_agent(call, Announcements(call, None, context), context, entry, is_reserved=is_customer_first):
        case Served() as served if progress.begin(served.agent):
            path = context.recorder.path_for(call)
            call.log(history.CallConnected(context.clock.now(), served.agent, "", path, contact_of(served.leg.phone)))
            is_message = item.kind is WorkKind.VOICEMAIL
            tried = await (hear if is_message else call_back)(call, context, item, served, path)
        case ReservedAgent() as reserved if progress.begin(reserved.agent):
            call.log(history.Reserved(context.clock.now(), reserved.agent))
            tried = await customer_first(call, context, item, reserved)
        case _:
            entry.leave(LeaveCause.WITHDRAWN)
            call.log(history.QueueLeft(context.clock.now()))
            return Ending(Outcome.WITHDRAWN, EndedBy.SYSTEM, "left the queue")
    progress.ended(tried.how)
    call.log(
        history.CallTalkEnded(context.clock.now(), EndedBy.AGENT if tried.then is None else EndedBy.SYSTEM, tried.end)
    )
    entry.talk_ended()
    match tried.then:
        case SentTo() as sent_to:
            return await lead(call, call.the_caller(), context, destination_of(call, context, sent_to))
        case EnterQueue() as where:
            return await lead(call, call.the_caller(), context, where)
    if tried.how in OUTCOMES:
        return Ending(OUTCOMES[tried.how], EndedBy.AGENT, tried.how.value)
    return Ending(Outcome.UNANSWERED, EndedBy.SYSTEM, tried.how.value)


def callback_joined(call: Call, context: CallContext, item: WorkItem) -> CallerJoined:
    """The item's entry for the queue: the place that the customer would have without the hang-up."""
    return CallerJoined(
        entry=context.acd.name(call),
        queue=item.queue,
        priority_s=item.priority_s,
        label=item.number,
        facts=caller_facts(call, context),
        channel=CHANNELS[item.kind],
        preferred=item.for_agent if item.for_agent is not None and is_logged_in(context, item.for_agent) else None,
        waited_s=call.waited_s(context.clock.now()),
        edition=call.settings.edition,
    )


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The result of an attempt, and what follows."""

    how: AttemptOutcome
    then: SentTo | EnterQueue | None = None
    """Where the customer goes next; None when the customer is not on the line any more."""
    end: SegmentEnd | None = None
    """Why the agent's segment ended, if neither hung up nor sent the customer on."""


class AttemptProgress:
    """Notifies the callback queue of the attempt's begin and end, each once, however the script ends."""

    def __init__(self, call: Call, item: WorkItem, context: CallContext) -> None:
        self._call = call
        self._item = item
        self._context = context
        self._is_begun = False
        self._is_over = False

    def begin(self, agent: AgentId) -> bool:
        """An agent has the item; False when it was closed, or its number came into progress, in this very moment."""
        outputs = self._context.callback_scheduler.handle(InProgress(self._item.id, agent))
        self._is_begun = not any(isinstance(output, InputRejected) for output in outputs)
        self._is_over = not self._is_begun
        return self._is_begun

    def ended(self, how: AttemptOutcome) -> None:
        """The attempt has ended."""
        if not self._is_over:
            self._is_over = True
            self._context.callback_scheduler.handle(AttemptEnded(self._item.id, how))

    def close(self) -> None:
        """The call is over: an attempt without an end is reported as broken off."""
        if self._is_begun:
            self.ended(AttemptOutcome.LEFT)
        elif not self._is_over and self._call.ending != CANCELLED:
            self._is_over = True
            self._context.callback_scheduler.handle(LeftQueue(self._item.id))


async def call_back(call: Call, context: CallContext, item: WorkItem, served: Served, path: str) -> AttemptResult:
    """The agent hears the whisper, then the ringing of the customer's phone, then the customer."""
    agent = served.leg
    told_in, speaks = context.agents.language(served.agent), unexpected_language(call, item.queue)
    whisper = call.prompts.work_whisper(WorkKind.CALLBACK, item.queue, call.customer, told_in, speaks)
    if agent.session is None or await until_played(call, {play_clips(call, agent, whisper)}, agent) is not None:
        return AttemptResult(AttemptOutcome.LEFT)
    if not context.callback_scheduler.may_dial(item):
        await tell_agent(call, context, served, SystemPrompt.CALL_FAILED)
        return AttemptResult(AttemptOutcome.LEFT)
    try:
        agent.set_music(call.prompts.ringback())
        wanted = DialRequest(item.number, side=Side.CALLER, agent=served.agent)
        customer = await reach(call, context, wanted, agent, hearer=agent)
    except AcdError:
        await tell_agent(call, context, served, SystemPrompt.CALL_FAILED)
        return AttemptResult(AttemptOutcome.FAILED)
    if isinstance(customer, int):
        if customer != GIVEN_UP:
            await tell_agent(call, context, served, SystemPrompt.CALL_FAILED)
        return unreached(customer)
    call.caller = customer
    context.callback_scheduler.customer_reached(call, item)
    agent.unbridge()
    agent.set_music(call.prompts.music(item.queue))
    return await introduced(call, context, item, agent, introduce(call, item, customer), path)


def introduce(call: Call, item: WorkItem, customer: Leg) -> int:
    """Play to the customer who calls and why, before music and agent; returns the playback's number."""
    return play_clips(call, customer, call.prompts.callback_introduction(item.queue, call.language))


async def introduced(
    call: Call, context: CallContext, item: WorkItem, agent: Leg, introduction: int, path: str
) -> AttemptResult:
    """Let the customer hear the introduction to its end; then both talk, or the customer waits for another agent."""
    match await until_played(call, {introduction}, agent):
        case None:
            return await talk(call, context, item, call.the_caller(), agent, path)
        case SentTo() as sent_to:
            agent.close()
            return AttemptResult(AttemptOutcome.TALKED, sent_to)
        case _:
            return AttemptResult(AttemptOutcome.TALKED, EnterQueue(item.queue, item.priority_s))


def unreached(status: int) -> AttemptResult:
    """The customer's phone was not answered."""
    return AttemptResult(
        ATTEMPT_BY_STATUS.get(status, AttemptOutcome.NO_ANSWER if status in NOBODY else AttemptOutcome.FAILED)
    )


async def talk(call: Call, context: CallContext, item: WorkItem, customer: Leg, agent: Leg, path: str) -> AttemptResult:
    """Both talk until one hangs up or the customer is sent on. After a lost agent the customer waits for another."""
    sent_to = await converse(call, customer, agent, context, path)
    if agent.is_lost:
        note_lost(call, context, agent, call.view.agent)
        apologise_for_loss(call, context, customer)
        agent.close()
        return AttemptResult(AttemptOutcome.TALKED, EnterQueue(item.queue, item.priority_s), SegmentEnd.MEDIA_LOST)
    agent.close()
    if sent_to is None:
        customer.hang_up()
    return AttemptResult(AttemptOutcome.TALKED, sent_to)


async def customer_first(call: Call, context: CallContext, item: WorkItem, reserved: ReservedAgent) -> AttemptResult:
    """The agent is reserved and gets the screen pop; the customer is rung, then the agent, while the customer waits.

    An agent who does not answer becomes not ready, so that the next customer is not rung without an agent. This
    customer waits for another agent, at the same place.
    """
    if not context.callback_scheduler.may_dial(item):
        return AttemptResult(AttemptOutcome.LEFT)
    try:
        customer = await reach(call, context, DialRequest(item.number, side=Side.CALLER, agent=reserved.agent))
    except AcdError:
        return AttemptResult(AttemptOutcome.FAILED)
    if isinstance(customer, int):
        return unreached(customer)
    call.caller = customer
    context.callback_scheduler.customer_reached(call, item)
    customer.set_music(call.prompts.music(item.queue))
    introduction = introduce(call, item, customer)
    agent = await fetch(call, context, reserved.agent)
    if agent is None:
        context.acd.handle(AgentNotReady(reserved.agent, "missed"))
        return AttemptResult(AttemptOutcome.TALKED, EnterQueue(item.queue, item.priority_s))
    path = context.recorder.path_for(call)
    call.log(history.CallConnected(context.clock.now(), reserved.agent, "", path, contact_of(agent.phone)))
    return await introduced(call, context, item, agent, introduction, path)


async def fetch(call: Call, context: CallContext, agent: AgentId) -> Leg | None:
    """Ring the reserved agent; None when the agent does not answer."""
    try:
        leg = ring_seat(call, context, agent, RING_AGENT_S)
    except AcdError:
        return None
    if await until_answered(call, leg) is None and await is_taken(call, context, agent, leg):
        return leg
    leg.close()
    return None


async def is_taken(call: Call, context: CallContext, agent: AgentId, leg: Leg) -> bool:
    """Whether the agent answered; at an external number only after the agent pressed the key."""
    if not is_at_external_number(leg):
        return True
    until = ask_for_key(call, context, leg, agent)
    later: list[SentTo | Played] = []
    is_pressed = False
    while True:
        match await call.mailbox.next(until=until):
            case Pressed(leg=pressing, digit=digit) if pressing is leg and digit == TAKE_KEY:
                leg.stop_playing()
                is_pressed = True
                break
            case HungUp(leg=gone) if gone is leg:
                break
            case None:
                break
            case SentTo() | Played() as note:
                later.append(note)
            case _:
                pass
    for each in later:  # for the next step of the script
        call.mailbox.post(each)
    return is_pressed


async def hear(call: Call, context: CallContext, item: WorkItem, served: Served, path: str) -> AttemptResult:
    """The agent hears the message and decides by key: 1 call the customer, 2 hear it again, 3 done."""
    agent, language = served.leg, context.agents.language(served.agent)
    speaks = unexpected_language(call, item.queue)
    whisper = call.prompts.work_whisper(item.kind, item.queue, call.customer, language, speaks)
    if agent.session is None:
        return AttemptResult(AttemptOutcome.LEFT)  # hung up at once after the answer
    file = context.recorder.file(item.recording)
    message = None if file is None else await context.library.recording(file)
    if message is not None:
        call.resources.callback(context.library.drop, message)
    spoken: tuple[ClipId, ...] = () if message is None else (message,)
    menu = call.prompts.system(SystemPrompt.MESSAGE_KEYS, language)
    playback = play_clips(call, agent, (*whisper, *spoken, *menu))
    is_heard = False
    until: float | None = None
    while True:
        match await call.mailbox.next(until=until):
            case Played(playback=done) if done == playback:
                is_heard, until = True, context.clock.now() + MENU_S
            case Pressed(leg=leg, digit="1") if leg is agent and item.number:
                call.log(history.MessageHeard(context.clock.now(), served.agent))
                agent.stop_playing()
                return await call_back(call, context, item, served, path)
            case Pressed(leg=leg, digit="2") if leg is agent:
                playback, until = play_clips(call, agent, (*spoken, *menu)), None
            case Pressed(leg=leg, digit="3") if leg is agent:
                context.callback_scheduler.handle(Closed(item.id, served.agent))
                break
            case HungUp(leg=leg) if leg is agent and not is_heard:
                return AttemptResult(AttemptOutcome.LEFT)
            case HungUp(leg=leg) if leg is agent:
                break
            case None:
                break
            case _:
                pass
    call.log(history.MessageHeard(context.clock.now(), served.agent))
    agent.close()
    return AttemptResult(AttemptOutcome.HEARD)


async def tell_agent(call: Call, context: CallContext, served: Served, prompt: SystemPrompt) -> None:
    """Play prompts to the agent, who may hang up meanwhile."""
    clips = call.prompts.system(prompt, context.agents.language(served.agent))
    await until_played(call, {play_clips(call, served.leg, clips)}, served.leg)
