"""A seeded day on the floor: callers, agents and phones as random processes around the real dispatcher."""

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.model import (
    AgentLoggedIn,
    AgentPhoneUp,
    AgentReady,
    CallerJoined,
    CallerLeft,
    Connected,
    DeadlinePassed,
    Decision,
    EntryId,
    Input,
    OfferAccepted,
    Offered,
    TalkEnded,
)
from acdcore.queues.settings import AgentSettings, FloorSettings, QueueSettings

QUEUE, SKILL = QueueName("line"), SkillName("skill")


class Day:
    """A queue of events in virtual time; what happens is given as functions."""

    def __init__(self, settings: FloorSettings) -> None:
        self.dispatcher = Dispatcher(settings)
        self.now = 0.0
        self.on_turn: Callable[[Input, list[Decision]], None] = lambda fed, decisions: None
        self.on_decision: Callable[[Decision], None] = lambda decision: None
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0

    def after(self, delay_s: float, event: Callable[[], None]) -> None:
        """Let something happen later."""
        self._serial += 1
        heapq.heappush(self._events, (self.now + delay_s, self._serial, event))

    def feed(self, fed: Input) -> None:
        """One turn, and what follows from its decisions."""
        decisions = self.dispatcher.handle(fed, self.now)
        self.on_turn(fed, decisions)
        for decision in decisions:
            self.on_decision(decision)

    def run(self, until: float) -> None:
        """Events and deadlines in the order of their times."""
        while True:
            deadline = self.dispatcher.next_deadline()
            event_at = self._events[0][0] if self._events else until
            at = event_at if deadline is None else min(deadline, event_at)
            if at >= until:
                return
            self.now = at
            if deadline is not None and deadline <= event_at:
                self.feed(DeadlinePassed())
            else:
                heapq.heappop(self._events)[2]()


@dataclass(frozen=True, slots=True)
class Traffic:
    """One queue in the terms of Erlang's formulas; all times are exponential."""

    agents: int
    load: float
    """Erlangs."""
    handling_s: float
    patience_s: float
    """Infinite: callers wait for ever."""
    within_s: float

    def draw(self, calls: int, seed: int) -> "list[Call]":
        """A day's calls in the order of arrival."""
        source = random.Random(seed)
        drawn, at = [], 0.0
        for _ in range(calls):
            at += source.expovariate(self.load / self.handling_s)
            patience_s = source.expovariate(1 / self.patience_s) if self.patience_s < math.inf else math.inf
            drawn.append(Call(at, source.expovariate(1 / self.handling_s), patience_s))
        return drawn


@dataclass(frozen=True, slots=True)
class Call:
    """One caller as chance made them."""

    at: float
    handling_s: float
    patience_s: float


def fifo_waits(agents: int, calls: list[Call]) -> list[float | None]:
    """Each caller's wait by the recursion of Kiefer and Wolfowitz, None for those who lost patience: the same floor
    without a dispatcher."""
    free_at = [0.0] * agents
    waits: list[float | None] = []
    for call in calls:
        start = max(call.at, free_at[0])
        if start - call.at > call.patience_s:
            waits.append(None)
            continue
        waits.append(start - call.at)
        heapq.heapreplace(free_at, start + call.handling_s)
    return waits


class ErlangDay:
    """Phones that answer at once, no wrap-up: the textbook's floor, run by the dispatcher."""

    def __init__(self, traffic: Traffic, calls: list[Call]) -> None:
        queue = QueueSettings(QUEUE, {SKILL: 1}, wrap_up_s=0, service_level_within_s=traffic.within_s)
        self.day = Day(FloorSettings(queues=(queue,)))
        self.day.on_decision = self._react
        self.calls = calls
        self.waits: list[float | None] = [None] * len(calls)
        for number in range(traffic.agents):
            agent = AgentId(str(1_000 + number))
            self.day.feed(AgentPhoneUp(agent))
            self.day.feed(AgentLoggedIn(AgentSettings(agent, skills={SKILL: 1})))
            self.day.feed(AgentReady(agent))
        self._expect(0)

    def run(self) -> list[float | None]:
        """Each caller's wait, None for those who lost patience."""
        self.day.run(until=math.inf)
        return self.waits

    def _expect(self, number: int) -> None:
        if number < len(self.calls):
            self.day.after(self.calls[number].at - self.day.now, lambda: self._arrive(number))

    def _arrive(self, number: int) -> None:
        entry = EntryId(str(number))
        self.day.feed(CallerJoined(entry, QUEUE))
        patience_s = self.calls[number].patience_s
        if patience_s < math.inf:
            self.day.after(patience_s, lambda: self._lose_patience(entry))
        self._expect(number + 1)

    def _lose_patience(self, entry: EntryId) -> None:
        if self.day.dispatcher.is_waiting(entry):
            self.day.feed(CallerLeft(entry))

    def _react(self, decision: Decision) -> None:
        match decision:
            case Offered(offer=offer):
                self.day.feed(OfferAccepted(offer))
            case Connected(entry=entry, waited_s=waited_s):
                self.waits[int(entry)] = waited_s
                self.day.after(self.calls[int(entry)].handling_s, lambda: self.day.feed(TalkEnded(entry)))
            case _:
                pass
