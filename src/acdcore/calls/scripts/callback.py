"""Work in the queue without anybody on the line: a callback, or a message to be heard, one script an attempt.

The call begins when the item is queued. An agent is rung for it like for any caller; then the customer is rung, or
hears from us first and waits for the agent, as the queue has it.
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
"""What a customer's phone says, where it is not simply that nobody answered; 487 is the agent's own hang-up."""
NOBODY = frozenset({408, 480, 404})
"""Statuses of a phone that nobody answered, or that is switched off."""
CANCELLED = Ending(Outcome.WITHDRAWN, EndedBy.SYSTEM, "cancelled")
"""Of a call whose item the callback queue has taken out of the queue by itself, and needs not be told so."""
OUTCOMES = {AttemptOutcome.TALKED: Outcome.ANSWERED, AttemptOutcome.HEARD: Outcome.ANSWERED}
"""What an attempt makes of its call; the others reached nobody."""
RING_AGENT_S = 20.0
"""How long the reserved agent's phone rings while the customer waits on the line."""
MENU_S = 30.0
"""An agent who heard a message and presses nothing for so long is done with it."""


async def attempt(call: Call, context: CallContext, item: WorkItem) -> Ending:
    """Wait for an agent, then do what the item asks for; the callback queue hears how it ended in every case."""
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
    """The item's place: as its customer would stand if nobody had hung up."""
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
    """How an attempt ended, and what follows."""

    how: AttemptOutcome
    then: SentTo | EnterQueue | None = None
    """Where the customer, who is still on the line, goes on; None: nobody is."""
    end: SegmentEnd | None = None
    """Why the part with the agent ended, where neither hung up nor sent the customer on."""


class AttemptProgress:
    """Tells the callback queue of the attempt, each thing once, whatever ends it."""

    def __init__(self, call: Call, item: WorkItem, context: CallContext) -> None:
        self._call = call
        self._item = item
        self._context = context
        self._is_begun = False
        self._is_over = False

    def begin(self, agent: AgentId) -> bool:
        """An agent has it; False when it was settled, or the number is in hand already, in this very moment."""
        outputs = self._context.callback_scheduler.handle(InProgress(self._item.id, agent))
        self._is_begun = not any(isinstance(output, InputRejected) for output in outputs)
        self._is_over = not self._is_begun
        return self._is_begun

    def ended(self, how: AttemptOutcome) -> None:
        """The attempt came to its end."""
        if not self._is_over:
            self._is_over = True
            self._context.callback_scheduler.handle(AttemptEnded(self._item.id, how))

    def close(self) -> None:
        """The call is over: broken off when nothing was said of it before."""
        if self._is_begun:
            self.ended(AttemptOutcome.LEFT)
        elif not self._is_over and self._call.ending != CANCELLED:
            self._is_over = True
            self._context.callback_scheduler.handle(LeftQueue(self._item.id))


async def call_back(call: Call, context: CallContext, item: WorkItem, served: Served, path: str) -> AttemptResult:
    """The agent hears what it is about, then the customer's phone ringing, then the customer."""
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
    """Tell the customer who calls and why, before music and agent; the playback's number."""
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
    """Both talk until the agent hangs up or sends the customer elsewhere; whose agent is lost waits for another."""
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
    """The agent is reserved and sees whom for; the customer is rung, then the agent, while the customer hears so.

    An agent who does not come is set aside, so that the next customer is not rung for nobody; this one waits for
    another, at the place that waiting has earned.
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
    """Ring the reserved agent; None when the agent does not come."""
    try:
        leg = ring_seat(call, context, agent, RING_AGENT_S)
    except AcdError:
        return None
    if await until_answered(call, leg) is None and await is_taken(call, context, agent, leg):
        return leg
    leg.close()
    return None


async def is_taken(call: Call, context: CallContext, agent: AgentId, leg: Leg) -> bool:
    """Whether it is the agent who picked up: at an external number only the key tells."""
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
    for each in later:  # for whoever has the caller next
        call.mailbox.post(each)
    return is_pressed


async def hear(call: Call, context: CallContext, item: WorkItem, served: Served, path: str) -> AttemptResult:
    """The agent hears the message and decides by key: 1 call the customer, 2 hear it again, 3 done."""
    agent, language = served.leg, context.agents.language(served.agent)
    speaks = unexpected_language(call, item.queue)
    whisper = call.prompts.work_whisper(item.kind, item.queue, call.customer, language, speaks)
    if agent.session is None:
        return AttemptResult(AttemptOutcome.LEFT)  # hung up in the moment of answering
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
    """Say something to the agent, who may hang up meanwhile."""
    clips = call.prompts.system(prompt, context.agents.language(served.agent))
    await until_played(call, {play_clips(call, served.leg, clips)}, served.leg)
