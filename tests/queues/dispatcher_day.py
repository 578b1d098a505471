"""Seeded days of one call centre with the real dispatcher: random callers, agents and phones, in virtual time."""

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues.decisions import Connected, Decision, Offered
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
    LeaveCause,
    OfferAccepted,
    OfferEnded,
    TalkEnded,
)
from acdcore.queues.settings import AgentSettings, DispatcherSettings, OfferEnd

Steps = tuple[tuple[float, float], ...]
"""What holds from when on: (second of the day, figure), rising."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A day as chance is to make it."""

    settings: DispatcherSettings
    calls_per_s: dict[QueueName, Steps]
    agents: Steps
    """How many agents are logged in."""
    handling_s: float = 180.0
    """Mean talk; lengths are gamma distributed with shape 2, as talks of a real queue nearly are."""
    patience_s: float = math.inf
    """Mean, exponential."""
    answers_in_s: float = 4.0
    """Mean time until the agent's phone is answered; uniform from 0 to twice that."""
    missed: float = 0.02
    """Share of offers that are refused."""
    callback: float = 0.0
    """Share of those who lose patience and ask to be called back."""
    withdrawn: float = 0.0
    """Share of those who lose patience and are taken out by staff instead."""
    break_every_s: float = math.inf
    """Mean time between an agent's breaks of five minutes."""
    length_s: float = 14_400.0


def at(steps: Steps, now: float) -> float:
    """The figure that holds now."""
    return next((figure for since, figure in reversed(steps) if since <= now), 0.0)


class DispatcherDay:
    """Runs a plan; `on_turn` hears every turn."""

    def __init__(self, plan: Plan, seed: int, on_turn: Callable[[Input, list[Decision], float], None]) -> None:
        self.plan = plan
        self.dispatcher = Dispatcher(plan.settings)
        self.now = 0.0
        self.on_turn = on_turn
        self.entries = 0
        self._chance = random.Random(seed)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self._staff = 0
        for since, _ in plan.agents:
            self._after(since, self._staff_changes)
        for queue in plan.calls_per_s:
            self._next_call(queue)

    def run(self) -> None:
        """Run the whole day; callers who wait or talk at its end go on doing so."""
        while True:
            deadline = self.dispatcher.next_deadline()
            event_at = self._events[0][0] if self._events else math.inf
            self.now = event_at if deadline is None else min(deadline, event_at)
            if self.now >= self.plan.length_s:
                self.now = self.plan.length_s
                return
            if deadline is not None and deadline <= event_at:
                self.handle(DeadlinePassed())
            else:
                heapq.heappop(self._events)[2]()

    def handle(self, event: Input) -> None:
        """One turn, and what follows from it."""
        decisions = self.dispatcher.handle(event, self.now)
        self.on_turn(event, decisions, self.now)
        for decision in decisions:
            match decision:
                case Offered(offer=offer):
                    answer: Input = OfferAccepted(offer)
                    if self._chance.random() < self.plan.missed:
                        answer = OfferEnded(offer, OfferEnd.REFUSED)
                    self._handle_after(self._chance.uniform(0, 2 * self.plan.answers_in_s), answer)
                case Connected(entry=entry):
                    self._handle_after(self._chance.gammavariate(2, self.plan.handling_s / 2), TalkEnded(entry))
                case _:
                    pass

    @property
    def on_duty(self) -> int:
        """How many agents are logged in."""
        return self._staff

    def _after(self, delay_s: float, event: Callable[[], None]) -> None:
        self._serial += 1
        heapq.heappush(self._events, (self.now + delay_s, self._serial, event))

    def _handle_after(self, delay_s: float, event: Input) -> None:
        self._after(delay_s, lambda: self.handle(event))

    def _next_call(self, queue: QueueName) -> None:
        fastest = max(figure for _, figure in self.plan.calls_per_s[queue])
        self._after(self._chance.expovariate(fastest), lambda: self._call(queue, fastest))

    def _call(self, queue: QueueName, fastest: float) -> None:
        self._next_call(queue)
        if self._chance.random() * fastest > at(self.plan.calls_per_s[queue], self.now):
            return
        self.entries += 1
        entry = EntryId(str(self.entries))
        self.handle(CallerJoined(entry, queue))
        if self.plan.patience_s < math.inf:
            patience_s = self._chance.expovariate(1 / self.plan.patience_s)
            self._after(patience_s, lambda: self._lose_patience(entry))

    def _lose_patience(self, entry: EntryId) -> None:
        if not self.dispatcher.is_waiting(entry):
            return
        drawn = self._chance.random()
        if drawn < self.plan.callback:
            self.handle(CallerLeft(entry, LeaveCause.CALLBACK))
        elif drawn < self.plan.callback + self.plan.withdrawn:
            self.handle(CallerLeft(entry, LeaveCause.WITHDRAWN))
        else:
            self.handle(CallerLeft(entry))

    def _staff_changes(self) -> None:
        wanted = int(at(self.plan.agents, self.now))
        for number in range(self._staff, wanted):
            agent = AgentId(str(1_000 + number))
            self.handle(AgentPhoneUp(agent))
            self.handle(AgentLoggedIn(AgentSettings(agent)))
            self.handle(AgentReady(agent))
            self._next_break(agent)
        for number in range(wanted, self._staff):
            self.handle(AgentLoggedOut(AgentId(str(1_000 + number))))
        self._staff = wanted

    def _next_break(self, agent: AgentId) -> None:
        if self.plan.break_every_s < math.inf:
            self._after(self._chance.expovariate(1 / self.plan.break_every_s), lambda: self._break(agent))

    def _break(self, agent: AgentId) -> None:
        self.handle(AgentNotReady(agent))
        self._handle_after(300.0, AgentReady(agent))
        self._after(300.0, lambda: self._next_break(agent))
