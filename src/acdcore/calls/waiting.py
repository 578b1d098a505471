"""The caller waits: music, announcements, ringing phones, until somebody answers or a rule moves the caller on."""

from dataclasses import dataclass

from acdcore.calls import events
from acdcore.calls.acd import Entry
from acdcore.calls.call import Call, Note
from acdcore.calls.cdr import QUEUE_TARGET
from acdcore.calls.feed import OfferEnding
from acdcore.calls.hall import Hall
from acdcore.calls.leg import HungUp, Leg, PickedUp, Ringing, TurnedDown
from acdcore.ivr.steps import EnterQueue
from acdcore.kernel.errors import AcdError
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues.model import (
    Announce,
    Connected,
    Offered,
    OfferId,
    OfferMissed,
    OfferWithdrawn,
    Overflowed,
    Queued,
    WithdrawCause,
)
from acdcore.queues.settings import OfferEnd, ToAnnouncement, ToOutside, ToQueue

REACTION_S = 4.0
"""A phone that has not even said 180 after so long is unreachable; RFC 3261's own timer would take 32 s."""


@dataclass(frozen=True, slots=True)
class Served:
    """An agent has answered for this caller."""

    agent: AgentId
    leg: Leg
    queue: QueueName
    entry: Entry


Waited = Served | ToAnnouncement | ToOutside
"""How waiting ends, other than by hanging up."""


class Ring:
    """An agent's phone that rings for the call."""

    def __init__(self, offer: Offered, leg: Leg, react_by: float) -> None:
        self.offer = offer
        self.leg = leg
        self.react_by: float | None = react_by
        """When the phone must have said something; None once it has."""
        self.is_over = False
        """The offer has ended, one way or another."""

    def is_for(self, offer: OfferId) -> bool:
        """Whether the phone rings because of this offer."""
        return self.offer.offer == offer


async def wait_for_agent(call: Call, caller: Leg, hall: Hall, wanted: EnterQueue) -> Waited:
    """Place the call in the queue and stay until an agent answers, or a rule sends it elsewhere.

    The dispatcher decides and the phone reacts; their notes arrive in one mailbox, so a phone that answers in the
    moment of its withdrawal is heard of in the order in which it happened.
    """
    entry = hall.acd.join(call, wanted.queue, wanted.advance_s)
    call.held.callback(entry.leave, call)
    caller.set_music(hall.voice.music(wanted.queue))
    ring: Ring | None = None
    while True:
        note = await call.mailbox.next(until=ring.react_by if ring else None)
        match note:
            case Queued(queue=queue, at=at):
                call.log(events.Queued(at, queue, wanted.advance_s))
            case Announce(position=position):
                caller.play(hall.voice.position(position, call.language), call.next_playback())
            case Offered():
                ring = ring_agent(call, hall, note)
            case OfferMissed(offer=offer) | OfferWithdrawn(offer=offer) if ring is not None and ring.is_for(offer):
                end_ring(call, hall, ring, ending_of(note))
                ring = None
            case Connected(agent=agent, queue=queue) if ring is not None:
                log_accepted(call, hall, ring)
                return Served(agent, ring.leg, queue, entry)
            case Overflowed(cause=cause, target=target):
                call.log(events.Overflowed(hall.clock.now(), cause.value, named(target)))
                if not isinstance(target, ToQueue):
                    return target
                caller.set_music(hall.voice.music(target.queue))
            case _ if ring is not None:
                follow_phone(hall, ring, note)
            case _:
                pass  # keys that nobody asked for, the end of an announcement, phones that ring no more


def follow_phone(hall: Hall, ring: Ring, note: Note | None) -> None:
    """Tell the dispatcher what the ringing phone did; None is its silence until `react_by`. It decides what follows."""
    match note:
        case None:
            ring.react_by = None
            hall.acd.offer_ended(ring.offer.offer, OfferEnd.UNREACHABLE)
        case Ringing(leg=leg) if leg is ring.leg:
            ring.react_by = None
        case PickedUp(leg=leg) if leg is ring.leg:
            ring.react_by = None
            hall.acd.offer_accepted(ring.offer.offer)
        case TurnedDown(leg=leg, status=status) if leg is ring.leg:
            hall.acd.offer_ended(ring.offer.offer, offer_end_of(status))
        case HungUp(leg=leg) if leg is ring.leg:
            hall.acd.offer_ended(ring.offer.offer, OfferEnd.FAILED)
        case _:
            pass


def ring_agent(call: Call, hall: Hall, offer: Offered) -> Ring | None:
    """Ring the agent's phone and pop the screen; an agent without a phone costs the caller no time."""
    now = hall.clock.now()
    offered = events.Offered(now, offer.agent, offer.queue, f"{offer.caller_key} {offer.agent_key}")
    call.log(offered)
    hall.chronicle.screen_pop(call.view, offered, offer.ring_for_s, call.customer)
    try:
        leg = hall.desks.ring(call, offer.agent, offer.ring_for_s)
    except AcdError:  # no phone, or no port for one
        log_offer_end(call, hall, offer, OfferEnding.UNREACHABLE)
        hall.acd.offer_ended(offer.offer, OfferEnd.UNREACHABLE)
        return None
    ring = Ring(offer, leg, now + REACTION_S)
    call.held.callback(end_ring, call, hall, ring, OfferEnding.WITHDRAWN)
    return ring


def end_ring(call: Call, hall: Hall, ring: Ring, ending: OfferEnding) -> None:
    """The phone rings no more; without effect when the offer has ended before."""
    if ring.is_over:
        return
    ring.is_over = True
    ring.leg.close()
    log_offer_end(call, hall, ring.offer, ending)


def log_accepted(call: Call, hall: Hall, ring: Ring) -> None:
    """The ring has led to a talk, which the call's history tells by `Connected`; the agent's screen is told here."""
    ring.is_over = True
    accepted = events.OfferEnded(hall.clock.now(), ring.offer.agent, OfferEnding.ACCEPTED.value)
    hall.chronicle.offer_over(call.view, ring.offer.queue, accepted, OfferEnding.ACCEPTED)


def log_offer_end(call: Call, hall: Hall, offer: Offered, ending: OfferEnding) -> None:
    """Write down how the offer ended and tell the agent's screen."""
    ended = events.OfferEnded(hall.clock.now(), offer.agent, ending.value)
    call.log(ended)
    hall.chronicle.offer_over(call.view, offer.queue, ended, ending)


def ending_of(note: OfferMissed | OfferWithdrawn) -> OfferEnding:
    """How the dispatcher's word on an offer is shown: letting it ring in vain is the agent's miss, not a withdrawal."""
    match note:
        case OfferMissed(cause=cause):
            return OfferEnding(cause.value)
        case OfferWithdrawn(cause=WithdrawCause.EXPIRED):
            return OfferEnding.NO_ANSWER
        case OfferWithdrawn():
            return OfferEnding.WITHDRAWN


def offer_end_of(status: int) -> OfferEnd:
    """What a phone's final status means for its agent."""
    match status:
        case 486 | 600:
            return OfferEnd.BUSY
        case 603 | 403:
            return OfferEnd.REFUSED
        case 408 | 480 | 503 | 404 | 410:
            return OfferEnd.UNREACHABLE
        case _:
            return OfferEnd.FAILED


def named(target: ToQueue | ToAnnouncement | ToOutside) -> str:
    """The target as one word for records."""
    match target:
        case ToQueue(queue):
            return f"{QUEUE_TARGET}{queue}"
        case ToAnnouncement(prompt):
            return f"announcement:{prompt}"
        case ToOutside(number):
            return f"outside:{number}"
