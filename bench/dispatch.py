"""How long the dispatcher's turns take: a large call centre in virtual time, every turn measured in real time.

First --waiting callers join --skills queues (one skill each), which --agents agents serve, with five skills each. Then
the call centre runs for --seconds of real time: callers come, some of them VIPs, and hang up; phones answer, decline or
do not answer; talks and wrap-ups end; agents take breaks. As many callers come as leave.
A turn is one input (or one timer) with all its decisions. `p99_us` is by the clock and suffers from whatever else runs
on the machine, `p99_cpu_us` is the processor time of the same turns. The last line is JSON.
"""

import argparse
import gc
import json
import random
import time
from dataclasses import dataclass
from typing import TypeVar

from acdcore.__main__ import COLLECT_EVERY
from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.queues.decisions import Connected, Decision, Departed, Offered, Queued
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import (
    AgentLoggedIn,
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
    TalkEnded,
)
from acdcore.queues.settings import AgentSettings, DispatcherSettings, OfferEnd, QueueSettings, Strategy

T = TypeVar("T")

SKILLS_OF_AN_AGENT = 5
STEP_S = 0.02
"""Virtual seconds between events: fifty events a second, as 1,300 agents with talks of about a minute cause."""
TARGET_P99_US = 100.0


@dataclass(frozen=True, slots=True)
class Size:
    """What the command line asks for."""

    agents: int
    skills: int
    waiting: int
    seconds: float
    seed: int


class Crowd:
    """Random callers, agents and phones."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.random = random.Random(size.seed)
        strategies = list(Strategy)
        self.queues = [
            QueueSettings(
                QueueName(f"q{number}"),
                {SkillName(f"s{number}"): 1},
                strategies[number % len(strategies)],
                announce_first_s=30,
                announce_every_s=60,
                misses_until_not_ready=5,
            )
            for number in range(size.skills)
        ]
        self.dispatcher = Dispatcher(DispatcherSettings(queues=tuple(self.queues)))
        self.now = 0.0
        self.turns_us: list[float] = []
        self.turns_cpu_us: list[float] = []
        self.offering_us: list[float] = []
        self.ringing: list[Offered] = []
        self.talking: list[EntryId] = []
        self.inside: list[EntryId] = []
        self.joined = 0
        self.waiting = 0

    def feed(self, fed: Input) -> None:
        """One measured turn."""
        began, began_cpu = time.perf_counter_ns(), time.thread_time_ns()
        decisions = self.dispatcher.handle(fed, self.now)
        took_cpu_us = (time.thread_time_ns() - began_cpu) / 1_000
        took_us = (time.perf_counter_ns() - began) / 1_000
        self.turns_us.append(took_us)
        self.turns_cpu_us.append(took_cpu_us)
        self._learn(decisions, took_us)

    def fill(self) -> None:
        """All agents log in, then callers join until as many wait as asked for."""
        for number in range(self.size.agents):
            agent = AgentId(str(1_000 + number))
            chosen = self.random.sample(range(self.size.skills), min(SKILLS_OF_AN_AGENT, self.size.skills))
            skills = {SkillName(f"s{skill}"): self.random.randint(1, 9) for skill in chosen}
            self.feed(AgentPhoneUp(agent))
            self.feed(AgentLoggedIn(AgentSettings(agent, skills=skills)))
            self.feed(AgentReady(agent))
        for _ in range(self.size.agents + self.size.waiting):
            self.join()
        while self.ringing:
            self.feed(OfferAccepted(self.ringing.pop().offer))

    def join(self) -> None:
        """One more caller, a VIP in ten."""
        self.joined += 1
        priority_s = 120.0 if self.random.random() < 0.1 else 0.0
        queue = self.random.choice(self.queues).name
        self.feed(CallerJoined(EntryId(f"e{self.joined}"), queue, priority_s))

    def live(self) -> None:
        """One step: the timers that are due, each at its time, then a random event."""
        until = self.now + STEP_S
        deadline = self.dispatcher.next_deadline()
        while deadline is not None and deadline <= until:
            self.now = max(self.now, deadline)
            self.feed(DeadlinePassed())
            deadline = self.dispatcher.next_deadline()
        self.now = until
        chance = self.random.random()
        if self.waiting < self.size.waiting:
            self.join()
        elif chance < 0.55 and self.ringing:
            self._phone(self._any(self.ringing))
        elif chance < 0.85 and self.talking:
            self.feed(TalkEnded(self._any(self.talking)))
        elif chance < 0.93 and self.inside:
            self.feed(CallerLeft(self._any(self.inside)))
        else:
            agent = AgentId(str(1_000 + self.random.randrange(self.size.agents)))
            self.feed(AgentNotReady(agent) if chance > 0.99 else AgentReady(agent))

    def _phone(self, offered: Offered) -> None:
        """Eight of ten answer, one declines, one rings on until the offer expires."""
        chance = self.random.random()
        if chance < 0.8:
            self.feed(OfferAccepted(offered.offer))
        elif chance < 0.9:
            self.feed(OfferEnded(offered.offer, OfferEnd.REFUSED))

    def _any(self, things: list[T]) -> T:
        place = self.random.randrange(len(things))
        things[place], things[-1] = things[-1], things[place]
        return things.pop()

    def _learn(self, decisions: list[Decision], took_us: float) -> None:
        for decision in decisions:
            match decision:
                case Queued(entry=entry):
                    self.waiting += 1
                    self.inside.append(entry)
                case Offered():
                    self.ringing.append(decision)
                    self.offering_us.append(took_us)
                case Connected(entry=entry):
                    self.waiting -= 1
                    self.talking.append(entry)
                case Departed():
                    self.waiting -= 1
                case _:
                    pass


def percentile(figures: list[float], share: float) -> float:
    """The figure below which `share` of all lie."""
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def run(size: Size) -> dict[str, float]:
    """Fill, live, and the figures of the time in between."""
    crowd = Crowd(size)
    crowd.fill()
    print(f"filled: {crowd.waiting} waiting, {len(crowd.talking)} talking, {len(crowd.turns_us)} turns")
    crowd.turns_us.clear()
    crowd.turns_cpu_us.clear()
    crowd.offering_us.clear()
    gc.collect()
    gc.freeze()  # as the daemon does after its start: the state itself is not garbage
    gc.set_threshold(*COLLECT_EVERY)
    until = time.perf_counter() + size.seconds
    while time.perf_counter() < until:
        crowd.live()
    return {
        "turns": len(crowd.turns_us),
        "offers": len(crowd.offering_us),
        "waiting": crowd.waiting,
        "agents": size.agents,
        "skills": size.skills,
        "mean_us": round(sum(crowd.turns_us) / len(crowd.turns_us), 1),
        "p50_us": round(percentile(crowd.turns_us, 0.50), 1),
        "p99_us": round(percentile(crowd.turns_us, 0.99), 1),
        "p99_cpu_us": round(percentile(crowd.turns_cpu_us, 0.99), 1),
        "p99_offering_us": round(percentile(crowd.offering_us, 0.99), 1),
        "max_us": round(max(crowd.turns_us), 1),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Time the dispatcher's turns in a large call centre.")
    parser.add_argument("--agents", type=int, default=1_300, help="agents logged in (default 1300)")
    parser.add_argument("--skills", type=int, default=100, help="skills, each with a queue (default 100)")
    parser.add_argument("--waiting", type=int, default=5_000, help="callers who wait at any time (default 5000)")
    parser.add_argument("--seconds", type=float, default=10.0, help="real time to measure (default 10)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random numbers (default 1)")
    asked = parser.parse_args()
    figures = run(Size(asked.agents, asked.skills, asked.waiting, asked.seconds, asked.seed))
    for name, figure in figures.items():
        print(f"{name:>16} {figure}")
    print(f"target: p99_us below {TARGET_P99_US}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
