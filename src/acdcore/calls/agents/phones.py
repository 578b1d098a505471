"""The agents' phones: registered, asked whether they are still there, and rung."""

import asyncio
from collections.abc import Iterable, Sequence

from acdcore.calls.agents.phone_probe import PhoneKey, Reachability, phone_key
from acdcore.calls.agents.ringing import DEAD, Branch, PhoneToRing, RingingPhones
from acdcore.calls.core.call import Call
from acdcore.calls.core.event_router import EventRouter
from acdcore.calls.core.leg import AtPhone, Leg, PhoneVanished, Side
from acdcore.calls.model.events import PhoneReachabilityChanged, RegistrationsChanged
from acdcore.kernel.bus import EventBus
from acdcore.kernel.clock import Clock
from acdcore.kernel.errors import Unavailable
from acdcore.kernel.ids import AgentId
from acdcore.numbering.plan import at_home
from acdcore.sip.events import OutgoingInvite, OutgoingRequest, RequestFinished, RequestId, SipFlow
from acdcore.sip.registrar import Binding, BindingChange, Refreshed, Registered, Registrar, RegistrarReply
from acdcore.sip.syntax.headers import NameAddr
from acdcore.sip.syntax.message import Request
from acdcore.sip.syntax.uri import SipUri, escaped_user

RING_MARGIN_S = 5.0
"""The dispatcher ends an offer in time; the INVITE's own limit, so many seconds later, only guards against a fault of
ours."""


class Phones:
    """Every phone that is registered."""

    def __init__(self, event_router: EventRouter, registrar: Registrar[SipFlow], bus: EventBus, clock: Clock) -> None:
        self._event_router = event_router
        self._registrar = registrar
        self._bus = bus
        self._clock = clock
        self._reachability = Reachability()
        self._questions: dict[RequestId, tuple[PhoneKey, Binding[SipFlow]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        bus.subscribe(PhoneVanished, self._vanished)

    def register(self, request: Request, flow: SipFlow, agent: AgentId) -> RegistrarReply[SipFlow]:
        """A REGISTER of this agent's phone with the right credentials."""
        reply = self._registrar.handle(request, flow, agent, self._clock.now())
        self._follow(reply.changes)
        return reply

    def export(self) -> Sequence[tuple[str, Binding[SipFlow]]]:
        """Every phone that is registered now, with its user."""
        return self._registrar.export(self._clock.now())

    def restore(self, kept: Iterable[tuple[str, Binding[SipFlow]]]) -> int:
        """Restore the registrations of before a restart; returns how many. Each phone is asked by OPTIONS soon."""
        restored = self._registrar.restore(kept, self._clock.now())
        self._follow(restored)
        return len(restored)

    def is_registered(self, agent: AgentId) -> bool:
        """Whether a phone of the agent is registered now."""
        return self._registrar.is_registered(agent, self._clock.now())

    def is_reachable(self, agent: AgentId) -> bool:
        """Whether one of them is registered and answers."""
        return bool(self._reachable(agent))

    def ring(self, call: Call, agent: AgentId, ring_for_s: float) -> Leg:
        """Ring the agent's phones by preference; raises Unavailable when none can be reached, PortsExhausted.

        The resources of the call hold the leg.
        """
        reachable = one_way_each(self._reachable(agent))
        if not reachable:
            raise Unavailable(f"agent {agent} has no phone that can be reached")
        leg = Leg(self._event_router, Side.AGENT, call)
        leg.has_nat = self._event_router.audio.phones_nat
        call.resources.callback(leg.close)
        phones = [
            PhoneToRing(self._invitation(call, agent, binding, ring_for_s), binding.q, phone_at(agent, binding))
            for binding in reachable
        ]
        ringing = RingingPhones(leg, phones, ring_for_s, self._suspect, self._event_router, self._clock)
        ringing.start()
        return leg

    def _vanished(self, event: PhoneVanished) -> None:
        """A phone was lost in a call: unreachable until it answers an OPTIONS, which is sent at once."""
        phone = event.phone
        agent, now = AgentId(phone.user), self._clock.now()
        for binding in self._registrar.contacts(agent, now):
            if is_same_phone(phone, phone_at(agent, binding)):
                self._reachability.suspect(phone_key(agent, binding), now)
        self._arm()
        self._bus.publish(PhoneReachabilityChanged(agent))

    def _suspect(self, phone: AtPhone) -> None:
        """Do not ring this phone until it answers, if the agent has another one: each try would cost a caller
        `REACTION_S`. An agent without another phone is made not ready by the offer that failed."""
        agent = AgentId(phone.user)
        if any(not is_same_phone(phone, phone_at(agent, other)) for other in self._reachable(agent)):
            self._reachability.suspect(PhoneKey(phone.user, phone.contact, phone.instance), self._clock.now())
            self._arm()

    def _invitation(self, call: Call, agent: AgentId, binding: Binding[SipFlow], ring_for_s: float) -> OutgoingInvite:
        name = one_line_name(call.customer.name) if call.customer else ""
        host = self._event_router.stack.shown_host(binding.flow)
        shown = SipUri("sip", escaped_user(at_home(call.view.caller) or "anonymous"), host)
        return OutgoingInvite(
            target=binding.contact.sip_uri,
            flow=binding.flow,
            from_=NameAddr(shown, name),
            to=NameAddr(SipUri("sip", agent, host)),
            headers=(("X-Acdcore-Call", call.id), ("X-Acdcore-Queue", call.view.queue or "")),
            timeout_s=ring_for_s + RING_MARGIN_S,
        )

    def on_flow_closed(self, flow: SipFlow) -> None:
        """A connection is gone, and with it the phones that registered over it."""
        self._follow(self._registrar.forget_flow(flow))

    def on_request_finished(self, event: RequestFinished) -> None:
        """An OPTIONS to a phone was answered, or was not."""
        question = self._questions.pop(event.request, None)
        if question is None:
            return
        key, asked = question
        if self._reachability.answered(key, asked, event.status not in DEAD, self._clock.now()):
            self._bus.publish(PhoneReachabilityChanged(AgentId(key.user)))
        self._arm()

    def close(self) -> None:
        """Stop asking."""
        self._is_closed = True
        self._arm()

    def _reachable(self, agent: AgentId) -> list[Binding[SipFlow]]:
        contacts = self._registrar.contacts(agent, self._clock.now())
        return [binding for binding in contacts if not self._reachability.is_silent(agent, binding)]

    def _follow(self, changes: Iterable[BindingChange[SipFlow]]) -> None:
        changes = tuple(changes)
        came = [change for change in changes if isinstance(change, Registered | Refreshed)]
        moved = [
            one for one in came if not self._reachability.is_at(phone_key(one.user, one.binding), one.binding.flow)
        ]
        self._reachability.follow(changes, self._clock.now())
        for change in moved:
            self._move(phone_at(change.user, change.binding), change.binding)
        self._arm()
        for agent in dict.fromkeys(AgentId(change.user) for change in changes):
            self._bus.publish(PhoneReachabilityChanged(agent))
        if changes:
            self._bus.publish(RegistrationsChanged())

    def _move(self, phone: AtPhone, binding: Binding[SipFlow]) -> None:
        """Send requests in the calls of a phone to its new Contact, on its new connection."""
        for session, party in self._event_router.sessions.items():
            at = party.phone if isinstance(party, Leg | Branch) else None
            if at is not None and is_same_phone(at, phone):
                self._event_router.stack.move(session, binding.flow, binding.contact.sip_uri)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._is_closed:
            return
        deadlines = (self._registrar.next_deadline(), self._reachability.next_deadline())
        earliest = min((at for at in deadlines if at is not None), default=None)
        if earliest is not None:
            delay_s = max(0.0, earliest - self._clock.now())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._wake)

    def _wake(self) -> None:
        now = self._clock.now()
        for key, binding in self._reachability.handle_deadline(now):
            self._ask(key, binding)
        self._follow(self._registrar.handle_deadline(now))

    def _ask(self, key: PhoneKey, binding: Binding[SipFlow]) -> None:
        target = binding.contact.sip_uri
        us = NameAddr(SipUri("sip", "acdcore", self._event_router.stack.shown_host(binding.flow)))
        question = OutgoingRequest("OPTIONS", target, binding.flow, us, NameAddr(target))
        self._questions[self._event_router.stack.request(question)] = key, binding


def phone_at(user: str, binding: Binding[SipFlow]) -> AtPhone:
    """A registered phone as a leg names it."""
    return AtPhone(user, str(binding.contact.uri), binding.instance)


def is_same_phone(one: AtPhone, other: AtPhone) -> bool:
    """Whether both are the same machine: by its instance when both name one, else by its address, parameters apart:
    some phones name others in an INVITE than they registered."""
    if one.user != other.user:
        return False
    if one.instance and other.instance:
        return one.instance == other.instance
    return one.contact.partition(";")[0] == other.contact.partition(";")[0]


def one_way_each(bindings: Iterable[Binding[SipFlow]]) -> list[Binding[SipFlow]]:
    """One binding for each phone: the first of those over several flows (RFC 5626 section 6), so that it rings once."""
    ways: dict[str, Binding[SipFlow]] = {}
    for binding in bindings:
        ways.setdefault(binding.instance or str(binding.contact.uri), binding)
    return list(ways.values())


def one_line_name(name: str) -> str:
    """A customer's name as it may stand in a header: a line break in it would begin a header of its own."""
    return " ".join("".join(char if char.isprintable() else " " for char in name).split())
