"""Endpoints joined by an in-memory network on a virtual clock; what they said is a ladder as text."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from acdcore.kernel.address import Address
from acdcore.kernel.ids import IdSource
from acdcore.sip.endpoint import Endpoint, EndpointSettings
from acdcore.sip.events import (
    CloseFlow,
    Discarded,
    EndpointCensus,
    FlowProven,
    InviteArrived,
    OutgoingInvite,
    Output,
    SessionAnswered,
    SessionConfirmed,
    SessionId,
    SessionModified,
    SessionProgress,
    SipEvent,
    SipFlow,
    Tolerated,
    Transmit,
    Transport,
)
from acdcore.sip.ladder import LadderMessage, label, render
from acdcore.sip.syntax.headers import NameAddr
from acdcore.sip.syntax.uri import SipUri

TURNS_MAX = 100_000
"""Steps of one scenario; more is an endless loop."""
OFFER = b"v=0 offer\r\n"
ANSWER = b"v=0 answer\r\n"
NOTHING_LEFT = EndpointCensus(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Weather:
    """What the network does to datagrams; streams are only delayed."""

    delay_s: float = 0.01
    """Time from one party to the other."""
    jitter_s: float = 0.0
    """Up to so much more, which reorders."""
    loss: float = 0.0
    """Share lost."""
    duplication: float = 0.0
    """Share that arrives twice."""


@dataclass
class Party:
    """One user agent and the events that it reported."""

    name: str
    address: Address
    endpoint: Endpoint
    events: list[SipEvent] = field(default_factory=list)
    discarded: list[Discarded] = field(default_factory=list)
    on_event: Callable[["Party", SipEvent], None] | None = None

    def heard(self) -> list[str]:
        """The names of the events, in order."""
        return [type(event).__name__ for event in self.events]

    def session(self) -> SessionId:
        """The session of the latest event that has one."""
        for event in reversed(self.events):
            if isinstance(
                event, InviteArrived | SessionProgress | SessionAnswered | SessionConfirmed | SessionModified
            ):
                return event.session
        raise AssertionError(f"{self.name} has heard of no session")


class Network:
    """Carries messages between parties; time jumps to whatever happens next."""

    def __init__(self, seed: int = 1, weather: Weather | None = None, transport: Transport = Transport.UDP) -> None:
        self.now = 0.0
        self.weather = weather or Weather()
        self.transport = transport
        self.seen: list[LadderMessage] = []
        self._seed = seed
        self._random = random.Random(seed)
        self._parties: dict[Address, Party] = {}
        self._in_flight: list[tuple[float, int, Address, SipFlow, bytes]] = []
        self._plans: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self._losing: Callable[[bytes], bool] = lambda data: False

    def join(self, name: str, settings: EndpointSettings | None = None) -> Party:
        """A new party; each has its own seed."""
        number = len(self._parties) + 1
        address = Address(f"192.0.2.{number}", 5060)
        endpoint = Endpoint(
            settings or EndpointSettings(user_agent=name, contact_user=name), IdSource(self._seed * 100 + number)
        )
        party = self._parties[address] = Party(name, address, endpoint)
        return party

    def flow(self, sender: Party, receiver: Party) -> SipFlow:
        """The way from one party to another."""
        number = 0 if self.transport is Transport.UDP else 1
        return SipFlow(self.transport, sender.address, receiver.address, number)

    def call(self, caller: Party, callee: Party, timeout_s: float = 180.0) -> SessionId:
        """Place a call from one party to another."""
        invite = self.invitation(caller, callee, timeout_s)
        session, outputs = caller.endpoint.invite(invite, self.now)
        self.carry_out(caller, outputs)
        return session

    def invitation(self, caller: Party, callee: Party, timeout_s: float = 180.0) -> OutgoingInvite:
        """What a caller asks its endpoint for."""
        target = SipUri.parse(f"sip:{callee.name}@{callee.address}")
        from_ = NameAddr(SipUri.parse(f"sip:{caller.name}@example.com"))
        return OutgoingInvite(target, self.flow(caller, callee), from_, NameAddr(target), OFFER, timeout_s=timeout_s)

    def carry_out(self, party: Party, outputs: list[Output]) -> None:
        """Do what a driver does."""
        for output in outputs:
            match output:
                case Transmit(data, flow):
                    self._send(data, flow)
                case CloseFlow():
                    raise AssertionError("no scenario loses its framing")
                case FlowProven():
                    pass
                case Discarded():
                    party.discarded.append(output)
                case Tolerated():
                    raise AssertionError("no scenario has messages that are not UTF-8")
                case event:
                    party.events.append(event)
                    if party.on_event is not None:
                        party.on_event(party, event)

    def lose(self, *labels: str) -> None:
        """Lose the next message of each of these labels (as in the ladder), once."""
        pending = list(labels)

        def losing(data: bytes) -> bool:
            if label(data) in pending:
                pending.remove(label(data))
                return True
            return False

        self._losing = losing

    def cut(self, party: Party) -> None:
        """Nothing reaches a party any more: its cable is out."""
        del self._parties[party.address]

    def at(self, at: float, plan: Callable[[], None]) -> None:
        """Do something at a moment of the virtual clock."""
        self._serial += 1
        heapq.heappush(self._plans, (at, self._serial, plan))

    def run(self, until: float) -> None:
        """Let everything happen that happens up to a moment."""
        for _ in range(TURNS_MAX):
            at = self._next_at()
            if at is None or at > until:
                self.now = max(self.now, until)
                return
            self.now = max(self.now, at)
            self._happen()
        raise AssertionError("the scenario does not come to rest")

    def run_out(self) -> None:
        """Until no message, plan or timer is left, and check that nothing leaked."""
        self.run(until=self.now + 100_000.0)
        for party in self._parties.values():
            assert party.endpoint.census() == NOTHING_LEFT, (party.name, party.endpoint.census())

    def ladder(self) -> str:
        """All messages so far."""
        return render(self.seen, {party.address: party.name for party in self._parties.values()})

    def arrows(self) -> list[str]:
        """All messages so far without times: `alice > bob: INVITE sdp`, and `x` for `>` when lost."""
        names = {party.address: party.name for party in self._parties.values()}

        def arrow(one: LadderMessage) -> str:
            tip = "x" if one.is_lost else ">"
            return f"{names.get(one.sender, '?')} {tip} {names.get(one.receiver, '?')}: {label(one.data)}"

        return [arrow(one) for one in self.seen]

    def deliver(self, data: bytes, flow: SipFlow) -> None:
        """Put bytes of anybody on the way to `flow.local`; the sender need not be a party."""
        self._queue(flow.local, flow, data, self.weather.delay_s)

    def _send(self, data: bytes, flow: SipFlow) -> None:
        weather = self.weather
        is_lost = self._losing(data)
        if flow.transport is Transport.UDP:
            is_lost = is_lost or self._random.random() < weather.loss
        self.seen.append(LadderMessage(self.now, flow.local, flow.remote, data, is_lost))
        if is_lost:
            return
        arrival = SipFlow(flow.transport, flow.remote, flow.local, flow.connection)
        self._queue(flow.remote, arrival, data, self._delay())
        if flow.transport is Transport.UDP and self._random.random() < weather.duplication:
            self._queue(flow.remote, arrival, data, self._delay())

    def _delay(self) -> float:
        if self.transport is Transport.TCP or not self.weather.jitter_s:
            return self.weather.delay_s
        return self.weather.delay_s + self._random.random() * self.weather.jitter_s

    def _queue(self, to: Address, flow: SipFlow, data: bytes, delay_s: float) -> None:
        self._serial += 1
        heapq.heappush(self._in_flight, (self.now + delay_s, self._serial, to, flow, data))

    def _next_at(self) -> float | None:
        moments = [party.endpoint.next_deadline() for party in self._parties.values()]
        moments += [queue[0][0] for queue in (self._in_flight, self._plans) if queue]
        return min((at for at in moments if at is not None), default=None)

    def _happen(self) -> None:
        if self._plans and self._plans[0][0] <= self.now:
            heapq.heappop(self._plans)[2]()
        elif self._in_flight and self._in_flight[0][0] <= self.now:
            _, _, to, flow, data = heapq.heappop(self._in_flight)
            party = self._parties.get(to)
            if party is not None:
                self.carry_out(party, party.endpoint.receive(data, flow, self.now))
        else:
            for party in self._parties.values():
                self.carry_out(party, party.endpoint.handle_deadline(self.now))
