"""A day in virtual time: the real dispatcher with the callers, agents and phones of the day.

Inputs to come are kept in a heap. Some depend on what happens before (the end of patience, answers of phones, ends of
talks). They are dropped when they no longer apply: nobody hangs up twice, and no phone answers that does not ring.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, Protocol

from acdcore.kernel.ids import AgentId
from acdcore.planning.day import Arrival, Day, Person, Phone
from acdcore.planning.outcome import DayResult
from acdcore.planning.tally import Tally
from acdcore.queues.decisions import (
    AgentState,
    AgentStateChanged,
    Connected,
    Decision,
    Departed,
    Offered,
    OfferMissed,
    OfferWithdrawn,
    Overflowed,
    Queued,
    TalkFinished,
)
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import (
    AgentLoggedIn,
    AgentLoggedOut,
    AgentNotReady,
    AgentPhoneUp,
    AgentReady,
    CallerJoined,
    CallerLeft,
    DeadlinePassed,
    EntryId,
    Input,
    OfferAccepted,
    OfferEnded,
    OfferId,
    TalkEnded,
    WrapUpEnded,
)
from acdcore.queues.settings import OfferEnd, ToQueue

MAX_TAIL_S = 4 * 3_600.0
"""A day without an end is simulated for this many seconds after the last arrival, event and shift; callers without an
end of patience would otherwise wait for agents who never come."""
FIRST_S = 1.0
"""Earliest moment of a day, seconds: for the dispatcher a time of 0 means never."""


class SimulatedDispatcher(Protocol):
    """A machine that decides: `Dispatcher`, or an emulation of another policy."""

    def handle(self, event: Input, now: float) -> Sequence[Decision]:
        """One turn."""
        ...

    def next_deadline(self) -> float | None:
        """When `DeadlinePassed` must be handled next; None: not before another input."""
        ...


@dataclass(frozen=True, slots=True)
class SimulatedTurn:
    """One turn of the dispatcher."""

    at: float
    """When, seconds since midnight."""
    event: Input
    decisions: Sequence[Decision]


class Pending(NamedTuple):
    """An input to come; the heap is ordered by time and serial."""

    at: float
    serial: int
    event: Input
    is_certain: bool
    """False: handle it only if it still applies at its time."""


def simulate(day: Day, dispatcher: SimulatedDispatcher | None = None) -> DayResult:
    """The result of the day with the real dispatcher, or with the given machine.

    Raises ValueError when the day's settings are not valid.
    """
    tally = Tally()
    for arrival in day.arrivals:
        tally.expect(arrival.entry, arrival.facts.tier, arrival.channel)
    for turn in Simulation(day, dispatcher).turns():
        tally.fold(turn.decisions, turn.at)
    return tally.result()


class Simulation:
    """The turns of a day, one by one."""

    def __init__(self, day: Day, dispatcher: SimulatedDispatcher | None = None) -> None:
        self.dispatcher: SimulatedDispatcher = dispatcher if dispatcher is not None else Dispatcher(day.settings)
        self._arrivals = {arrival.entry: arrival for arrival in day.arrivals}
        self._people = {person.settings.agent: person for person in day.people}
        self._heap: list[Pending] = []
        self._serial = 0
        self._inside: set[EntryId] = set()  # waiting or ringing
        self._ringing: set[OfferId] = set()
        self._wrap_up_ends: dict[AgentId, float] = {}
        self._rngs: dict[EntryId, Random] = {}
        self._end_s = self._plan(day)

    def turns(self) -> Iterator[SimulatedTurn]:
        """Run the day; can be called once."""
        while True:
            deadline = self.dispatcher.next_deadline()
            next_at = self._heap[0].at if self._heap else None
            if deadline is not None and (next_at is None or deadline <= next_at):
                pending = Pending(deadline, 0, DeadlinePassed(), is_certain=True)
            elif next_at is not None:
                pending = heapq.heappop(self._heap)
                if not pending.is_certain and not self._makes_sense(pending.event, pending.at):
                    continue
            else:
                return
            if pending.at > self._end_s:
                return
            decisions = self.dispatcher.handle(pending.event, pending.at)
            for decision in decisions:
                self._react(decision, pending.at)
            yield SimulatedTurn(pending.at, pending.event, decisions)

    def _plan(self, day: Day) -> float:
        """Plan everything that is certain from the start; returns the time at which the observation ends."""
        for event in day.events:
            self._expect(event.at, event.input)
        for person in day.people:
            self._plan_shift(person)
        for arrival in day.arrivals:
            self._expect(arrival.at, caller_joined(arrival))
            if arrival.patience_s is not None:
                left = CallerLeft(arrival.entry, arrival.leaves_as)
                self._expect(arrival.at + arrival.patience_s, left, is_certain=False)
        if day.until is not None:
            return day.until
        return max((pending.at for pending in self._heap if pending.is_certain), default=0.0) + MAX_TAIL_S

    def _plan_shift(self, person: Person) -> None:
        agent = person.settings.agent
        for number, span in enumerate(person.spans):
            if number == 0:
                self._expect(span.start, AgentPhoneUp(agent))
                self._expect(span.start, AgentLoggedIn(person.settings))
            self._expect(span.start, AgentReady(agent))
            is_last = number == len(person.spans) - 1
            self._expect(span.end, AgentLoggedOut(agent) if is_last else AgentNotReady(agent))

    def _expect(self, at: float, event: Input, is_certain: bool = True) -> None:
        self._serial += 1
        heapq.heappush(self._heap, Pending(max(at, FIRST_S), self._serial, event, is_certain))

    def _makes_sense(self, event: Input, at: float) -> bool:
        match event:
            case CallerLeft(entry=entry):
                return entry in self._inside
            case OfferAccepted(offer=offer) | OfferEnded(offer=offer):
                return offer in self._ringing
            case WrapUpEnded(agent=agent):
                return self._wrap_up_ends.get(agent) == at
            case AgentReady(agent=agent):
                return any(span.start <= at < span.end for span in self._people[agent].spans)
            case _:
                return True

    def _react(self, decision: Decision, at: float) -> None:
        """Plan what callers, agents and phones do next."""
        match decision:
            case Offered():
                self._ring(decision, at)
            case OfferWithdrawn(offer=offer) | OfferMissed(offer=offer):
                self._ringing.discard(offer)
            case Connected(offer=offer, entry=entry, agent=agent):
                self._ringing.discard(offer)
                self._leave(entry)
                talk_s = self._arrivals[entry].handling_s * self._pace(agent)
                self._expect(at + talk_s, TalkEnded(entry), is_certain=False)
            case TalkFinished(entry=entry, agent=agent):
                wrap_up_s = self._arrivals[entry].wrap_up_s
                if wrap_up_s is not None:
                    self._wrap_up_ends[agent] = at + wrap_up_s * self._pace(agent)
                    self._expect(self._wrap_up_ends[agent], WrapUpEnded(agent), is_certain=False)
            case AgentStateChanged(agent=agent, state=state):
                if state is not AgentState.WRAP_UP:
                    self._wrap_up_ends.pop(agent, None)
                if decision.reason == "missed" and agent in self._people:
                    self._expect(at + self._people[agent].phone.returns_after_s, AgentReady(agent), is_certain=False)
            case Departed(entry=entry):
                self._leave(entry)
            case Overflowed(entry=entry, target=target) if not isinstance(target, ToQueue):
                self._leave(entry)
            case Queued(entry=entry):
                self._inside.add(entry)
            case _:
                pass

    def _ring(self, offered: Offered, at: float) -> None:
        rng = self._rngs.get(offered.entry)
        if rng is None:
            rng = self._rngs[offered.entry] = Random(self._arrivals[offered.entry].chance)
        self._ringing.add(offered.offer)
        phone = self._people[offered.agent].phone if offered.agent in self._people else Phone()
        is_missed = rng.random() < phone.miss_share
        answer_s = rng.choice(phone.answers_s)
        if not is_missed:
            self._expect(at + answer_s, OfferAccepted(offered.offer), is_certain=False)
        elif phone.miss_cause is not OfferEnd.NO_ANSWER:
            self._expect(at + answer_s, OfferEnded(offered.offer, phone.miss_cause), is_certain=False)

    def _leave(self, entry: EntryId) -> None:
        self._inside.discard(entry)
        self._rngs.pop(entry, None)

    def _pace(self, agent: AgentId) -> float:
        return self._people[agent].pace if agent in self._people else 1.0


def caller_joined(arrival: Arrival) -> CallerJoined:
    """The input by which the caller joins."""
    return CallerJoined(
        arrival.entry,
        arrival.queue,
        arrival.priority_s,
        arrival.skills,
        facts=arrival.facts,
        channel=arrival.channel,
        preferred=arrival.preferred,
        waited_s=arrival.waited_s,
    )
