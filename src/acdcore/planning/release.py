"""The effect of releasing agents now: on the coming half hour from the present state, and on the steady state."""

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from random import Random
from statistics import fmean

from acdcore.calls.model.rows import QueueVisitRow
from acdcore.kernel.ids import AgentId, QueueName
from acdcore.planning import patience
from acdcore.planning.day import Arrival, Day, Person, WorkSpan, mix_seeds
from acdcore.planning.erlang import Expected, OfferedTraffic, Target, expect, required_agents
from acdcore.planning.outcome import DayResult, VisitEnd
from acdcore.planning.patience import Wait
from acdcore.planning.pattern import Duration
from acdcore.planning.simulation import simulate
from acdcore.planning.staffing import QUEUE, SKILL, planned_agent
from acdcore.planning.whatif import Comparison, align_columns, compare_results
from acdcore.queues.agent import AT_WORK, IDLE
from acdcore.queues.inputs import EntryId
from acdcore.queues.settings import DispatcherSettings, QueueSettings
from acdcore.queues.views import DispatcherView

NOW_S = 3_600.0
"""Time of day at which the simulation begins, seconds; callers who wait now have joined before it."""
HORIZON_S = 1_800.0
"""Length of the simulation, seconds; after half an hour the rate of calls is another one anyway."""
RUNS = 40
"""Half hours simulated for one answer."""
RUNS_MIN = 3
"""Fewest half hours, for a dispatcher so busy that more would take too long; its half hours differ little."""
CALLS_DRAWN_MAX = 4_000
"""Most calls in all runs together: some two seconds of one core. `RUNS_MIN` half hours of 500 agents take some ten."""
FEW = 30
"""Below this many calls the rate is a guess: from thirty calls it is known to about a third."""


@dataclass(frozen=True, slots=True)
class Recent:
    """The recent work of the agents of a queue."""

    calls: int
    """Contacts that came to the queue, without those that an overflow rule sent on at once."""
    elsewhere: int
    """Contacts of other queues that the same agents answered."""
    handled: int
    """Contacts that are over, from which the mean handling time is taken."""
    demand: OfferedTraffic

    @property
    def is_thin(self) -> bool:
        """Whether there are too few calls to know the rate, or the handling time."""
        return min(self.calls + self.elsewhere, self.handled) < FEW


def recent(visits: Iterable[QueueVisitRow], queue: QueueName, agents: Collection[AgentId], over_s: float) -> Recent:
    """The demand of the last `over_s` seconds, from the visits that joined in that time, running ones included.

    `agents` are all who serve the queue; what they answer for other queues keeps them busy too. Raises ValueError when
    no contact of theirs is over, since the handling time is then unknown.
    """
    here = elsewhere = 0
    handling: list[float] = []
    waits: list[Wait] = []
    for visit in visits:
        if visit.queue == queue and not (visit.how == "overflowed" and visit.waited_s <= 0):
            here += 1
            waits.append(Wait(visit.waited_s, visit.how in ("abandoned", "abandoned_short")))
        elif visit.agent in agents:
            elsewhere += 1
        if visit.agent in agents and visit.how == "answered":
            handling.append(visit.talked_s + visit.wrap_up_s)
    if not handling:
        raise ValueError(f"no talk of queue {queue} ended in this time; choose a longer time")
    mean_s = max(1.0, fmean(handling))
    calls_per_hour = (here + elsewhere) * 3_600.0 / over_s
    patience_s = patience.fit(waits).mean_s if waits else math.inf
    return Recent(here, elsewhere, len(handling), OfferedTraffic(calls_per_hour, mean_s, max(1.0, patience_s)))


def who_serves(view: DispatcherView, queue: QueueSettings) -> frozenset[AgentId]:
    """Every agent, at work or not, who has the queue's skills."""
    return frozenset(
        agent.agent
        for agent in view.agents
        if all(agent.skills.get(skill, 0) >= level for skill, level in queue.skills.items())
    )


def affordable_runs(demand: OfferedTraffic) -> int:
    """How many half hours can be simulated, twice each, while somebody waits for the answer."""
    calls = 2.0 * demand.calls_per_hour * HORIZON_S / 3_600.0
    return max(RUNS_MIN, min(RUNS, int(CALLS_DRAWN_MAX / max(1.0, calls))))


@dataclass(frozen=True, slots=True)
class Present:
    """The present state of a group of agents who serve the same callers."""

    waited_s: tuple[float, ...]
    """Waits so far of the callers who wait now, seconds."""
    ready: int
    """Agents ready or ringing."""
    talking: int
    """Agents in talk or wrap-up."""
    demand: OfferedTraffic
    """Rate of recent calls, handling time (talk and wrap-up) and patience."""
    target: Target
    """The service level and occupancy to reach."""

    @property
    def agents(self) -> int:
        """All agents at work."""
        return self.ready + self.talking


def present(view: DispatcherView, queue: QueueSettings, demand: OfferedTraffic, target: Target) -> Present:
    """One queue as the dispatcher shows it: its callers, and the agents at work who have the queue's skills.

    Agents who also serve other queues count in full. For a queue that shares its agents, give the demand of all queues.
    """
    waiting = next((shown.waiting for shown in view.queues if shown.queue == queue.name), ())
    serving = who_serves(view, queue)
    states = [agent.state for agent in view.agents if agent.agent in serving]
    return Present(
        tuple(caller.waited_s for caller in waiting if caller.agent is None),
        sum(state in IDLE for state in states),
        sum(state in AT_WORK for state in states),
        demand,
        target,
    )


@dataclass(frozen=True, slots=True)
class Release:
    """The effect of releasing agents."""

    count: int
    """How many agents go."""
    before: Expected
    """The steady state with all of them."""
    after: Expected
    """The steady state without the agents who go."""
    required: int
    """Agents that the target requires at the present rate."""
    soon: Comparison
    """The coming half hour, simulated from the present state, with and without the agents who go."""
    agents_left: int
    """Agents who stay."""

    @property
    def is_advisable(self) -> bool:
        """Whether at least as many agents stay as the target requires."""
        return self.required <= self.agents_left

    def render(self) -> str:
        """Plain text: the advice, the steady state, the coming half hour."""
        lines: list[tuple[str, ...]] = [("in the long run", "", "as it is", "afterwards")]
        rows = (
            ("service level", f"{self.before.service_level:.1%}", f"{self.after.service_level:.1%}"),
            ("average wait", f"{self.before.average_wait_s:.1f} s", f"{self.after.average_wait_s:.1f} s"),
            ("abandonment", f"{self.before.abandonment:.1%}", f"{self.after.abandonment:.1%}"),
            ("occupancy", f"{self.before.occupancy:.1%}", f"{self.after.occupancy:.1%}"),
        )
        lines += [("", name, before, after) for name, before, after in rows]
        verdict = "enough" if self.is_advisable else "too few"
        advice = f"{self.agents_left} agents stay; the target asks for {self.required}: {verdict}"
        return "\n".join([advice, "", *align_columns(lines), "", "the coming half hour", self.soon.render()])


def release(
    present: Present, count: int, runs: int = RUNS, seed: int = 1, progress: Callable[[int], None] | None = None
) -> Release:
    """The effect when `count` agents go now: ready agents at once, the others after their talk.

    Raises ValueError when fewer agents are at work, or without a run.
    """
    if not 0 < count <= present.agents:
        raise ValueError(f"{present.agents} agents are at work in this queue; {count} cannot go")
    pairs = []
    for run in range(runs):
        stay = _simulated_day(present, mix_seeds(seed, run))
        go = replace(stay, people=_people(present, count, mix_seeds(seed, run)))
        pairs.append((_count_waiting_as_late(simulate(stay)), _count_waiting_as_late(simulate(go))))
        if progress is not None:
            progress(run + 1)
    return Release(
        count,
        expect(present.demand, present.agents, present.target.within_s),
        expect(present.demand, present.agents - count, present.target.within_s),
        required_agents(present.demand, present.target),
        compare_results(pairs),
        present.agents - count,
    )


def _count_waiting_as_late(result: DayResult) -> DayResult:
    """Count callers still waiting at the end as answered, too late; without them an overloaded queue looks good."""
    visits = [
        replace(visit, end=VisitEnd.ANSWERED) if visit.end is VisitEnd.WAITING else visit for visit in result.visits
    ]
    return replace(result, visits=tuple(visits))


def _simulated_day(present: Present, seed: int) -> Day:
    queue = QueueSettings(QUEUE, {SKILL: 1}, wrap_up_s=0.0, service_level_within_s=present.target.within_s)
    return Day(
        DispatcherSettings((queue,)),
        tuple(_arrivals(present, Random(mix_seeds(seed, 1)))),
        _people(present, 0, seed),
        until=NOW_S + HORIZON_S + 2.0 * present.demand.handling_s,
    )


def _people(present: Present, going: int, seed: int) -> tuple[Person, ...]:
    """Agents in a talk come in when it ends (the rest of an exponential time is as long as the whole). Agents who go
    are left out."""
    rng = Random(mix_seeds(seed, 2))
    ends = [rng.expovariate(1.0 / present.demand.handling_s) for _ in range(present.talking)]
    free_at = sorted(NOW_S + end for end in ends)
    if going > present.ready:
        free_at = free_at[going - present.ready :]
    free_at = [NOW_S] * max(0, present.ready - going) + free_at
    return tuple(planned_agent(number, (WorkSpan(at, at + 10.0 * HORIZON_S),)) for number, at in enumerate(free_at, 1))


def _arrivals(present: Present, rng: Random) -> list[Arrival]:
    """Callers who wait now, the longest first, and callers to come."""
    demand = present.demand
    ats = sorted(NOW_S - waited_s for waited_s in present.waited_s)
    at = NOW_S
    while demand.calls_per_hour > 0:
        at += rng.expovariate(demand.calls_per_hour / 3_600.0)
        if at > NOW_S + HORIZON_S:
            break
        ats.append(at)
    arrivals = []
    for number, joined_at in enumerate(ats):
        patience_s = Duration(demand.patience_s).draw(rng)
        waited_s = max(0.0, NOW_S - joined_at)  # time waited already
        patience = None if math.isinf(patience_s) else waited_s + patience_s
        handling_s = Duration(demand.handling_s).draw(rng)
        arrivals.append(Arrival(EntryId(str(number)), joined_at, QUEUE, handling_s, patience))
    return arrivals
