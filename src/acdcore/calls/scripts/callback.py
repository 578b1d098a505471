"""Work in the queue without anybody on the line: a callback, or a message to be heard, told as one story an attempt.

The call begins when the item is queued. An agent is rung for it like for any caller; then the customer is rung, or
hears from us first and waits for the agent, as the queue has it.
"""

from dataclasses import dataclass

from acdcore.calls.context import Hall
from acdcore.calls.core.call import Call, Ending, SentTo
from acdcore.calls.core.leg import HungUp, Leg, Played, Pressed, Side, contact_of
from acdcore.calls.model import history
from acdcore.calls.model.rows import EndedBy, SegmentEnd
from acdcore.calls.scripts.conversation import (
    announce,
    apologise_for_loss,
    converse,
    note_lost,
    unexpected_language,
    until_played,
)
from acdcore.calls.scripts.dial_out import LEFT, Wanted, reach, until_answered
from acdcore.calls.scripts.inbound import lead
from acdcore.calls.scripts.ivr_session import sent
from acdcore.calls.scripts.preferred_agent import facts_of, is_logged_in
from acdcore.calls.scripts.queue_announcements import Announcements
from acdcore.calls.scripts.waiting import (
    TAKE_KEY,
    Reserved,
    Served,
    ask_for_key,
    is_outside,
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
    Attempt,
    AttemptEnded,
    Closed,
    DialFirst,
    InHand,
    LeftQueue,
    Rejected,
    WorkItem,
    WorkKind,
)

CHANNELS = {WorkKind.CALLBACK: Channel.CALLBACK, WorkKind.VOICEMAIL: Channel.VOICEMAIL}
ATTEMPT_BY_STATUS = {486: Attempt.BUSY, 600: Attempt.BUSY, 603: Attempt.BUSY, LEFT: Attempt.LEFT}
"""What a customer's phone says, where it is not simply that nobody answered; 487 is the agent's own hang-up."""
NOBODY = frozenset({408, 480, 404})
"""Statuses of a phone that nobody answered, or that is switched off."""
SETTLED = Ending(Outcome.WITHDRAWN, EndedBy.SYSTEM, "settled")
"""Of a call whose item the book has taken out of the queue by itself, and needs not be told so."""
OUTCOMES = {Attempt.TALKED: Outcome.ANSWERED, Attempt.HEARD: Outcome.ANSWERED}
"""What an attempt makes of its call; the others reached nobody."""
RING_AGENT_S = 20.0
"""How long the reserved agent's phone rings while the customer waits on the line."""
MENU_S = 30.0
"""An agent who heard a message and presses nothing for so long is done with it."""


async def attempt(call: Call, hall: Hall, item: WorkItem) -> Ending:
    """Wait for an agent, then do what the item asks for; the book hears how it ended in every case."""
    call.speak(Language(item.language) if item.language in set(Language) else Language.MANDARIN)
    call.log(history.WorkBegun(hall.clock.now(), item.id, item.kind.value))
    progress = Progress(call, item, hall)
    call.held.callback(progress.close)
    entry = hall.acd.join(call, joined(call, hall, item))
    call.held.callback(entry.abandon, call)
    first = item.dial_first or call.rules.queue(item.queue).dial_first
    is_customer_first = item.kind is WorkKind.CALLBACK and first is DialFirst.CUSTOMER
    match await wait_for_agent(call, Announcements(call, None, hall), hall, entry, is_reserved=is_customer_first):
        case Served() as served if progress.in_hand(served.agent):
            path = hall.recorder.path_for(call)
            call.log(history.Connected(hall.clock.now(), served.agent, "", path, contact_of(served.leg.phone)))
            is_message = item.kind is WorkKind.VOICEMAIL
            tried = await (hear if is_message else call_back)(call, hall, item, served, path)
        case Reserved() as reserved if progress.in_hand(reserved.agent):
            call.log(history.Reserved(hall.clock.now(), reserved.agent))
            tried = await customer_first(call, hall, item, reserved)
        case _:
            entry.leave(LeaveCause.WITHDRAWN)
            call.log(history.QueueLeft(hall.clock.now()))
            return Ending(Outcome.WITHDRAWN, EndedBy.SYSTEM, "left the queue")
    progress.ended(tried.how)
    call.log(history.TalkEnded(hall.clock.now(), EndedBy.AGENT if tried.then is None else EndedBy.SYSTEM, tried.end))
    entry.talk_ended()
    match tried.then:
        case SentTo() as sent_to:
            return await lead(call, call.the_caller(), hall, sent(call, hall, sent_to))
        case EnterQueue() as where:
            return await lead(call, call.the_caller(), hall, where)
    if tried.how in OUTCOMES:
        return Ending(OUTCOMES[tried.how], EndedBy.AGENT, tried.how.value)
    return Ending(Outcome.UNANSWERED, EndedBy.SYSTEM, tried.how.value)


def joined(call: Call, hall: Hall, item: WorkItem) -> CallerJoined:
    """The item's place: as its customer would stand if nobody had hung up."""
    return CallerJoined(
        entry=hall.acd.name(call),
        queue=item.queue,
        advance_s=item.advance_s,
        label=item.number,
        facts=facts_of(call, hall),
        channel=CHANNELS[item.kind],
        preferred=item.for_agent if item.for_agent is not None and is_logged_in(hall, item.for_agent) else None,
        waited_s=call.waited_s(hall.clock.now()),
        edition=call.settings.edition,
    )


@dataclass(frozen=True, slots=True)
class Tried:
    """How an attempt ended, and what follows."""

    how: Attempt
    then: SentTo | EnterQueue | None = None
    """Where the customer, who is still on the line, goes on; None: nobody is."""
    end: SegmentEnd | None = None
    """Why the part with the agent ended, where neither hung up nor sent the customer on."""


class Progress:
    """Tells the book of the attempt, each thing once, whatever ends it."""

    def __init__(self, call: Call, item: WorkItem, hall: Hall) -> None:
        self._call = call
        self._item = item
        self._hall = hall
        self._is_in_hand = False
        self._is_over = False

    def in_hand(self, agent: AgentId) -> bool:
        """An agent has it; False when it was settled, or the number is in hand already, in this very moment."""
        outputs = self._hall.workbench.feed(InHand(self._item.id, agent))
        self._is_in_hand = not any(isinstance(output, Rejected) for output in outputs)
        self._is_over = not self._is_in_hand
        return self._is_in_hand

    def ended(self, how: Attempt) -> None:
        """The attempt came to its end."""
        if not self._is_over:
            self._is_over = True
            self._hall.workbench.feed(AttemptEnded(self._item.id, how))

    def close(self) -> None:
        """The call is over: broken off when nothing was said of it before."""
        if self._is_in_hand:
            self.ended(Attempt.LEFT)
        elif not self._is_over and self._call.ending != SETTLED:
            self._is_over = True
            self._hall.workbench.feed(LeftQueue(self._item.id))


async def call_back(call: Call, hall: Hall, item: WorkItem, served: Served, path: str) -> Tried:
    """The agent hears what it is about, then the customer's phone ringing, then the customer."""
    agent = served.leg
    told_in, speaks = hall.desks.language(served.agent), unexpected_language(call, item.queue)
    whisper = call.voice.work_whisper(WorkKind.CALLBACK, item.queue, call.customer, told_in, speaks)
    if agent.session is None or await until_played(call, {announce(call, agent, whisper)}, agent) is not None:
        return Tried(Attempt.LEFT)
    if not hall.workbench.may_dial(item):
        await tell(call, hall, served, SystemPrompt.CALL_FAILED)
        return Tried(Attempt.LEFT)
    try:
        agent.set_music(call.voice.ringback())
        wanted = Wanted(item.number, side=Side.CALLER, agent=served.agent)
        customer = await reach(call, hall, wanted, agent, hearer=agent)
    except AcdError:
        await tell(call, hall, served, SystemPrompt.CALL_FAILED)
        return Tried(Attempt.FAILED)
    if isinstance(customer, int):
        if customer != LEFT:
            await tell(call, hall, served, SystemPrompt.CALL_FAILED)
        return unreached(customer)
    call.caller = customer
    hall.workbench.reached(call, item)
    agent.unbridge()
    agent.set_music(call.voice.music(item.queue))
    return await introduced(call, hall, item, agent, introduce(call, item, customer), path)


def introduce(call: Call, item: WorkItem, customer: Leg) -> int:
    """Tell the customer who calls and why, before music and agent; the playback's number."""
    return announce(call, customer, call.voice.callback_introduction(item.queue, call.language))


async def introduced(call: Call, hall: Hall, item: WorkItem, agent: Leg, introduction: int, path: str) -> Tried:
    """Let the customer hear the introduction to its end; then both talk, or the customer waits for another agent."""
    match await until_played(call, {introduction}, agent):
        case None:
            return await talk(call, hall, item, call.the_caller(), agent, path)
        case SentTo() as sent_to:
            agent.close()
            return Tried(Attempt.TALKED, sent_to)
        case _:
            return Tried(Attempt.TALKED, EnterQueue(item.queue, item.advance_s))


def unreached(status: int) -> Tried:
    """The customer's phone was not answered."""
    return Tried(ATTEMPT_BY_STATUS.get(status, Attempt.NO_ANSWER if status in NOBODY else Attempt.FAILED))


async def talk(call: Call, hall: Hall, item: WorkItem, customer: Leg, agent: Leg, path: str) -> Tried:
    """Both talk until the agent hangs up or sends the customer elsewhere; whose agent is lost waits for another."""
    sent_to = await converse(call, customer, agent, hall, path)
    if agent.is_lost:
        note_lost(call, hall, agent, call.view.agent)
        apologise_for_loss(call, hall, customer)
        agent.close()
        return Tried(Attempt.TALKED, EnterQueue(item.queue, item.advance_s), SegmentEnd.MEDIA_LOST)
    agent.close()
    if sent_to is None:
        customer.hang_up()
    return Tried(Attempt.TALKED, sent_to)


async def customer_first(call: Call, hall: Hall, item: WorkItem, reserved: Reserved) -> Tried:
    """The agent is reserved and sees whom for; the customer is rung, then the agent, while the customer hears so.

    An agent who does not come is set aside, so that the next customer is not rung for nobody; this one waits for
    another, at the place that waiting has earned.
    """
    if not hall.workbench.may_dial(item):
        return Tried(Attempt.LEFT)
    try:
        customer = await reach(call, hall, Wanted(item.number, side=Side.CALLER, agent=reserved.agent))
    except AcdError:
        return Tried(Attempt.FAILED)
    if isinstance(customer, int):
        return unreached(customer)
    call.caller = customer
    hall.workbench.reached(call, item)
    customer.set_music(call.voice.music(item.queue))
    introduction = introduce(call, item, customer)
    agent = await fetch(call, hall, reserved.agent)
    if agent is None:
        hall.acd.feed(AgentNotReady(reserved.agent, "missed"))
        return Tried(Attempt.TALKED, EnterQueue(item.queue, item.advance_s))
    path = hall.recorder.path_for(call)
    call.log(history.Connected(hall.clock.now(), reserved.agent, "", path, contact_of(agent.phone)))
    return await introduced(call, hall, item, agent, introduction, path)


async def fetch(call: Call, hall: Hall, agent: AgentId) -> Leg | None:
    """Ring the reserved agent; None when the agent does not come."""
    try:
        leg = ring_seat(call, hall, agent, RING_AGENT_S)
    except AcdError:
        return None
    if await until_answered(call, leg) is None and await is_taken(call, hall, agent, leg):
        return leg
    leg.close()
    return None


async def is_taken(call: Call, hall: Hall, agent: AgentId, leg: Leg) -> bool:
    """Whether it is the agent who picked up: at an outside number only the key tells."""
    if not is_outside(leg):
        return True
    until = ask_for_key(call, hall, leg, agent)
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


async def hear(call: Call, hall: Hall, item: WorkItem, served: Served, path: str) -> Tried:
    """The agent hears the message and decides by key: 1 call the customer, 2 hear it again, 3 done."""
    agent, language = served.leg, hall.desks.language(served.agent)
    speaks = unexpected_language(call, item.queue)
    whisper = call.voice.work_whisper(item.kind, item.queue, call.customer, language, speaks)
    if agent.session is None:
        return Tried(Attempt.LEFT)  # hung up in the moment of answering
    file = hall.recorder.file(item.recording)
    message = None if file is None else await hall.library.recording(file)
    if message is not None:
        call.held.callback(hall.library.drop, message)
    spoken: tuple[ClipId, ...] = () if message is None else (message,)
    menu = call.voice.system(SystemPrompt.MESSAGE_KEYS, language)
    playback = announce(call, agent, (*whisper, *spoken, *menu))
    is_heard = False
    until: float | None = None
    while True:
        match await call.mailbox.next(until=until):
            case Played(playback=done) if done == playback:
                is_heard, until = True, hall.clock.now() + MENU_S
            case Pressed(leg=leg, digit="1") if leg is agent and item.number:
                call.log(history.MessageHeard(hall.clock.now(), served.agent))
                agent.stop_playing()
                return await call_back(call, hall, item, served, path)
            case Pressed(leg=leg, digit="2") if leg is agent:
                playback, until = announce(call, agent, (*spoken, *menu)), None
            case Pressed(leg=leg, digit="3") if leg is agent:
                hall.workbench.feed(Closed(item.id, served.agent))
                break
            case HungUp(leg=leg) if leg is agent and not is_heard:
                return Tried(Attempt.LEFT)
            case HungUp(leg=leg) if leg is agent:
                break
            case None:
                break
            case _:
                pass
    call.log(history.MessageHeard(hall.clock.now(), served.agent))
    agent.close()
    return Tried(Attempt.HEARD)


async def tell(call: Call, hall: Hall, served: Served, prompt: SystemPrompt) -> None:
    """Say something to the agent, who may hang up meanwhile."""
    clips = call.voice.system(prompt, hall.desks.language(served.agent))
    await until_played(call, {announce(call, served.leg, clips)}, served.leg)
