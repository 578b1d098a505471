"""The caller waits: music, announcements, ringing phones, until an agent answers or the caller is moved on."""

from dataclasses import dataclass

from acdcore.calls.context import CallContext
from acdcore.calls.core.call import Call, Note, QueueNote, SentTo
from acdcore.calls.core.leg import AtPhone, Declined, HungUp, Leg, PickedUp, Played, Pressed, Side, contact_of
from acdcore.calls.model import history
from acdcore.calls.model.commands import SeatKind
from acdcore.calls.queueing.queue_client import Entry
from acdcore.calls.record.call_segments import QUEUE_TARGET
from acdcore.calls.record.event_stream import OfferEndedCause, ScreenPopExtras
from acdcore.calls.scripts.dial_out import DialRequest, dial_number
from acdcore.calls.scripts.preferred_agent import caller_facts
from acdcore.calls.scripts.queue_announcements import Announcements
from acdcore.ivr.model.system_prompts import SystemPrompt
from acdcore.kernel.errors import AcdError
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues.decisions import (
    Announce,
    Connected,
    Offered,
    OfferMissed,
    OfferWithdrawn,
    Overflowed,
    Queued,
    ReservedForAgent,
    Widened,
    WithdrawCause,
)
from acdcore.queues.inputs import OfferId
from acdcore.queues.settings import OfferEnd, OverflowTarget, ToAnnouncement, ToExternalNumber, ToFlow, ToQueue

TAKE_KEY = "1"
"""The key with which an agent at an external number takes the call: a mailbox may have answered there."""
TAKE_WITHIN_S = 10.0
"""Seconds from the answer to that key: three times the length of the prompt."""


@dataclass(frozen=True, slots=True)
class Served:
    """An agent has answered for this caller."""

    agent: AgentId
    leg: Leg
    queue: QueueName
    entry: Entry


@dataclass(frozen=True, slots=True)
class ReservedAgent:
    """An agent is kept for the call without being rung yet."""

    agent: AgentId
    queue: QueueName


@dataclass(frozen=True, slots=True)
class QueueKeyPressed:
    """The caller pressed one of the queue's keys."""

    flow: str


Waited = Served | ReservedAgent | QueueKeyPressed | SentTo | ToAnnouncement | ToExternalNumber | ToFlow
"""How waiting ends, apart from a hang-up."""


class RingingAgent:
    """An agent's phone that rings for the call."""

    def __init__(self, offer: Offered, leg: Leg) -> None:
        self.offer = offer
        self.leg = leg
        self.react_by: float | None = None
        """Until when the agent at an external number has to press the key; None before the number answers."""
        self.is_over = False
        """The offer has ended, one way or another."""

    def is_for(self, offer: OfferId) -> bool:
        """Whether the phone rings because of this offer."""
        return self.offer.offer == offer


async def wait_for_agent(
    call: Call, announcements: Announcements, context: CallContext, entry: Entry, *, is_reserved: bool = False
) -> Waited:
    """Wait until an agent answers, a rule or staff send the call elsewhere, or the caller presses a key.

    Without a caller the call is a work item that waits. With `is_reserved` the agent's phone is not rung, as the
    customer is rung first. Notes of the dispatcher and of the phone arrive in one mailbox, so that an answer in the
    moment of a withdrawal is read in the order of the events.
    """
    ring: RingingAgent | None = None
    reserving: Offered | None = None
    while True:
        note = await call.mailbox.next(until=ring.react_by if ring else None)
        if is_of_another(note, entry) or apply_wait_update(call, announcements, context, entry, note):
            continue
        match note:
            case Offered() if is_reserved:
                reserving = note
                pop_screen(call, context, note)
                context.acd.offer_accepted(note.offer)
            case OfferWithdrawn(offer=offer) if reserving is not None and reserving.offer == offer:
                log_offer_end(
                    call, context, reserving, OfferEndedCause.WITHDRAWN
                )  # taken out before an agent was reserved
            case Connected(agent=agent, queue=queue) if reserving is not None:
                tell_accepted(call, context, reserving)
                return ReservedAgent(agent, queue)
            case Offered():
                announcements.broken_off()
                ring = ring_agent(call, context, note)
                if ring is None:
                    announcements.nobody_is_free()
            case OfferMissed(offer=offer) | OfferWithdrawn(offer=offer) if ring is not None and ring.is_for(offer):
                end_ring(call, context, ring, ending_of(note))
                ring = None
                announcements.nobody_is_free()
            case Connected(agent=agent, queue=queue) if ring is not None:
                ring.is_over = True
                tell_accepted(call, context, ring.offer, ring.leg.phone)
                return Served(agent, ring.leg, queue, entry)
            case Overflowed(cause=cause, target=target):
                call.log(history.CallOverflowed(context.clock.now(), cause.value, target_name(target)))
                if not isinstance(target, ToQueue):
                    return target
            case SentTo():
                if ring is not None:
                    end_ring(call, context, ring, OfferEndedCause.WITHDRAWN)
                return note
            case Pressed(leg=leg, digit=digit) if (
                ring is None and leg is announcements.caller and call.view.queue is not None
            ):
                flow = call.rules.queue(call.view.queue).keys.get(digit)
                if flow is not None:
                    return QueueKeyPressed(flow)
            case _ if ring is not None:
                follow_phone(call, context, ring, note)
            case _:
                pass  # keys that nobody asked for, the end of an announcement, phones that ring no more


def apply_wait_update(
    call: Call, announcements: Announcements, context: CallContext, entry: Entry, note: Note | None
) -> bool:
    """Log a change of a wait that goes on, and play it to the caller; False for any other note."""
    match note:
        case Queued(queue=queue, at=at):
            call.log(history.CallQueued(at, queue, entry.priority_s))
            announcements.queued(queue)
        case Announce():
            announcements.position(note)
        case Played(leg=leg, playback=playback) if leg is announcements.caller:
            announcements.played(playback)
        case Widened(queue=queue, widening_step=number, at=at, language=language):
            call.log(history.NeedsWidened(at, queue, number, language))
        case ReservedForAgent(agent=agent, until=until):
            now = context.clock.now()
            call.log(history.CallReservedForAgent(now, agent, round(until - now, 3)))
        case _:
            return False
    return True


def is_of_another(note: Note | None, entry: Entry) -> bool:
    """Whether a note belongs to an earlier queue visit of this call: its last one may be read late."""
    return isinstance(note, QueueNote) and note.entry != entry.name


def follow_phone(call: Call, context: CallContext, ring: RingingAgent, note: Note | None) -> None:
    """Report to the dispatcher what the ringing phone did (None: no key until `react_by`); it decides what follows."""
    match note:
        case None:
            ring.react_by = None
            context.acd.offer_ended(ring.offer.offer, OfferEnd.NO_ANSWER)
        case PickedUp(leg=leg) if leg is ring.leg and is_at_external_number(leg):
            ring.react_by = ask_for_key(call, context, leg, ring.offer.agent)
        case Pressed(leg=leg, digit=digit) if leg is ring.leg and is_asked(leg) and digit == TAKE_KEY:
            ring.react_by = None
            leg.stop_playing()
            context.acd.offer_accepted(ring.offer.offer)
        case PickedUp(leg=leg) if leg is ring.leg:
            context.acd.offer_accepted(ring.offer.offer)
        case Declined(leg=leg, status=status) if leg is ring.leg:
            context.acd.offer_ended(ring.offer.offer, offer_end_of(status))
        case HungUp(leg=leg) if leg is ring.leg:
            context.acd.offer_ended(ring.offer.offer, OfferEnd.REFUSED if is_asked(leg) else OfferEnd.FAILED)
        case _:
            pass


def ring_agent(call: Call, context: CallContext, offer: Offered) -> RingingAgent | None:
    """Ring the agent's phone and publish the screen pop. An agent without a phone is refused at once."""
    pop_screen(call, context, offer)
    context.library.prerendered.want(call.prompts.sayings.agent_words(offer.agent, call.language), is_urgent=True)
    try:
        leg = ring_seat(call, context, offer.agent, offer.ring_for_s)
    except AcdError:  # no phone, no port or no line for one
        log_offer_end(call, context, offer, OfferEndedCause.UNREACHABLE)
        context.acd.offer_ended(offer.offer, OfferEnd.UNREACHABLE)
        return None
    ring = RingingAgent(offer, leg)
    call.resources.callback(end_ring, call, context, ring, OfferEndedCause.WITHDRAWN)
    return ring


def ring_seat(call: Call, context: CallContext, agent: AgentId, ring_for_s: float) -> Leg:
    """Ring the agent's seat; raises AcdError when there is no phone, no port or no trunk capacity for it.

    On a nailed-up leg a beep replaces the ringing, and the agent counts as having answered.
    """
    nailed_up_leg = context.agents.nailed_up_leg(agent)
    if nailed_up_leg is not None:
        return nailed_up_leg.lend(call, call.prompts.system(SystemPrompt.BEEP, context.agents.language(agent)))
    seat = context.agents.seat(agent)
    if seat is not None and seat.kind is SeatKind.NUMBER:
        return dial_number(call, context, DialRequest(seat.where, side=Side.AGENT))
    return context.agents.ring(call, agent, ring_for_s)


def is_at_external_number(leg: Leg) -> bool:
    """Whether the agent is reached by a trunk; only such a leg takes trunk capacity."""
    return leg.capacity is not None


def is_asked(leg: Leg) -> bool:
    """Whether an external number has answered and has to press the key."""
    return is_at_external_number(leg) and leg.is_answered


def ask_for_key(call: Call, context: CallContext, leg: Leg, agent: AgentId) -> float:
    """Ask for `TAKE_KEY` at an external number that answered; returns until when."""
    leg.play(call.prompts.system(SystemPrompt.PRESS_TO_TAKE, context.agents.language(agent)), call.next_playback())
    return context.clock.now() + TAKE_WITHIN_S


def pop_screen(call: Call, context: CallContext, offer: Offered) -> None:
    """Log the offer, and publish the screen pop."""
    offered = history.CallOffered(
        context.clock.now(), offer.agent, offer.queue, f"{offer.caller_key} {offer.agent_key}"
    )
    call.log(offered)
    work = None if call.work is None else context.callback_scheduler.item(call.work)
    place = call.rules.regions.place(call.view.caller)
    beside = ScreenPopExtras(
        place, caller_facts(call, context).region, work, context.callback_scheduler.open_for(call.view, call.work)
    )
    context.event_log.screen_pop(call.view, offered, offer.ring_for_s, call.customer, beside)


def end_ring(call: Call, context: CallContext, ring: RingingAgent, ending: OfferEndedCause) -> None:
    """Stop the ringing; without effect when the offer has ended already."""
    if ring.is_over:
        return
    ring.is_over = True
    ring.leg.close()
    log_offer_end(call, context, ring.offer, ending)


def tell_accepted(call: Call, context: CallContext, offer: Offered, phone: AtPhone | None = None) -> None:
    """Publish that the agent has the call, and at which phone; the history has it in the next event."""
    accepted = history.CallOfferEnded(context.clock.now(), offer.agent, OfferEndedCause.ACCEPTED.value)
    context.event_log.offer_ended(call.view, offer.queue, accepted, OfferEndedCause.ACCEPTED, contact_of(phone))


def log_offer_end(call: Call, context: CallContext, offer: Offered, ending: OfferEndedCause) -> None:
    """Log how the offer ended, and publish it for the agent's screen."""
    ended = history.CallOfferEnded(context.clock.now(), offer.agent, ending.value)
    call.log(ended)
    context.event_log.offer_ended(call.view, offer.queue, ended, ending)


def ending_of(note: OfferMissed | OfferWithdrawn) -> OfferEndedCause:
    """How the end of an offer is shown: an unanswered offer is a miss of the agent, not a withdrawal."""
    match note:
        case OfferMissed(cause=cause):
            return OfferEndedCause(cause.value)
        case OfferWithdrawn(cause=WithdrawCause.EXPIRED):
            return OfferEndedCause.NO_ANSWER
        case OfferWithdrawn():
            return OfferEndedCause.WITHDRAWN


def offer_end_of(status: int) -> OfferEnd:
    """How the dispatcher counts a phone's final status."""
    match status:
        case 486 | 600:
            return OfferEnd.BUSY
        case 603 | 403:
            return OfferEnd.REFUSED
        case 408 | 480 | 503 | 404 | 410:
            return OfferEnd.UNREACHABLE
        case _:
            return OfferEnd.FAILED


def target_name(target: OverflowTarget) -> str:
    """The target as one word for the history."""
    match target:
        case ToQueue(queue):
            return f"{QUEUE_TARGET}{queue}"
        case ToAnnouncement(prompt):
            return f"announcement:{prompt}"
        case ToExternalNumber(number):
            return f"external_number:{number}"
        case ToFlow(flow):
            return f"flow:{flow}"
