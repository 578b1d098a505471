"""Agents required through a day, and shifts that provide them; checked by simulated days.

Each interval is a steady state of its own (Erlang A with a known patience, Erlang C without). Callers who are still
waiting when an interval ends are not carried over to the next; `check` simulates that.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.planning.day import DAY_S, Person, Phone, WorkSpan, mix_seeds
from acdcore.planning.erlang import Expected, OfferedTraffic, Target, expect, required_agents
from acdcore.planning.pattern import Duration, Pattern, Stream
from acdcore.planning.simulation import simulate
from acdcore.planning.whatif import (
    ABANDONMENT,
    AVERAGE_WAIT,
    OCCUPANCY,
    SERVICE_LEVEL,
    Estimate,
    align_columns,
    estimate_text,
)
from acdcore.queues.settings import AgentSettings, DispatcherSettings, QueueSettings

MAX_ROUNDS = 10_000
"""Most agents that a cover may schedule; every round of the search adds or removes one."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The calls and their handling, interval by interval."""

    calls: tuple[float, ...]
    """Expected calls in each interval."""
    interval_s: float = 1_800.0
    start: float = 0.0
    """When the first interval begins, seconds since midnight."""
    handling_s: float = 180.0
    """Mean talk and wrap-up, seconds."""
    patience_s: float = math.inf
    """Mean patience, seconds; infinite: Erlang C."""

    def demand(self, interval: int) -> OfferedTraffic:
        """One interval as a steady state."""
        return OfferedTraffic(self.calls[interval] * 3_600.0 / self.interval_s, self.handling_s, self.patience_s)


@dataclass(frozen=True, slots=True)
class Requirement:
    """What one interval requires."""

    start: float
    """Seconds since midnight."""
    calls: float
    seats: int
    """Agents required at work."""
    scheduled: int
    """Agents to schedule so that this many are at work after shrinkage."""
    expected: Expected
    """What the formulas give with these agents at work."""


def required_seats(workload: Workload, target: Target, shrinkage: float = 0.0) -> tuple[Requirement, ...]:
    """The agents of each interval. `shrinkage`: share of scheduled time lost to breaks, training and sickness.

    Raises ValueError for a shrinkage outside of [0, 1), and as `required_agents` does.
    """
    if not 0.0 <= shrinkage < 1.0:
        raise ValueError(f"a shrinkage of {shrinkage} is not possible; give a share from 0 to below 1")
    rows = []
    for interval, calls in enumerate(workload.calls):
        demand = workload.demand(interval)
        seats = required_agents(demand, target)
        scheduled = math.ceil(seats / (1.0 - shrinkage) - 1e-9)
        start = workload.start + interval * workload.interval_s
        rows.append(Requirement(start, calls, seats, scheduled, expect(demand, seats, target.within_s)))
    return tuple(rows)


def render(rows: Sequence[Requirement]) -> str:
    """The requirements as a table of plain text."""
    lines: list[tuple[str, ...]] = [("from", "", "calls", "seats", "scheduled", "in time", "average wait", "occupancy")]
    lines += [
        (
            clock_time(row.start),
            "",
            f"{row.calls:.0f}",
            str(row.seats),
            str(row.scheduled),
            f"{row.expected.service_level:.1%}",
            f"{row.expected.average_wait_s:.0f} s",
            f"{row.expected.occupancy:.0%}",
        )
        for row in rows
    ]
    return "\n".join(align_columns(lines))


def clock_time(at: float) -> str:
    """Seconds since midnight as HH:MM, from 24:00 on again from 00:00."""
    minutes = int(at // 60) % 1_440
    return f"{minutes // 60:02}:{minutes % 60:02}"


# ---- shifts -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WorkShift:
    """A shift that agents can be given."""

    name: str
    spans: tuple[WorkSpan, ...]
    """Times at work, with breaks between them; times above 24 h are the next morning, and cover this morning too."""
    max_agents: int = 1_000
    """Most agents on this shift."""


@dataclass(frozen=True, slots=True)
class Cover:
    """How many agents work which shift."""

    counts: Mapping[str, int]
    """Agents by name of the shift."""
    present: tuple[int, ...]
    """Agents scheduled in each interval."""
    missing: tuple[int, ...]
    """Agents missing in each interval; all 0: every interval is covered."""
    idle_share: float
    """Share of the scheduled time above what is required, 0 to 1."""

    @property
    def is_complete(self) -> bool:
        """Whether no agent is missing in any interval."""
        return not any(self.missing)

    def render(self) -> str:
        """Plain text: agents by shift, and what is missing."""
        lines = [f"{name}: {count}" for name, count in self.counts.items()]
        lines.append(f"{sum(self.counts.values())} agents, {self.idle_share:.0%} of their time above what is required")
        if not self.is_complete:
            short = sum(short > 0 for short in self.missing)
            lines.append(f"{short} intervals are short of agents, by up to {max(self.missing)}; add shifts")
        return "\n".join(lines)


def cover(needed: Sequence[Requirement], interval_s: float, shifts: Sequence[WorkShift]) -> Cover:
    """Few agents on the given shifts, so that every interval has its scheduled agents.

    Greedy: the next agent gets the shift that fills the largest part of what is missing for its hours. Afterwards every
    agent whom no interval needs is removed. The result is not proven minimal; for shifts of equal length it is within a
    few per cent of the minimum. A shift covers an interval only if it is at work for all of it.
    """
    reach = {shift.name: [_is_there(shift, row.start, interval_s) for row in needed] for shift in shifts}
    missing = [row.scheduled for row in needed]
    counts = {shift.name: 0 for shift in shifts}
    limits = {shift.name: shift.max_agents for shift in shifts}
    for _ in range(MAX_ROUNDS):
        best, best_worth = "", 0.0
        for name, there in reach.items():
            hours = sum(there)
            filled = sum(short for short, is_there in zip(missing, there, strict=True) if is_there and short > 0)
            useful = sum(short > 0 and is_there for short, is_there in zip(missing, there, strict=True))
            worth = useful / hours + 1e-3 * filled / (1 + sum(map(abs, missing))) if hours else 0.0
            if useful and counts[name] < limits[name] and worth > best_worth:
                best, best_worth = name, worth
        if not best:
            break
        _give(missing, reach[best], 1)
        counts[best] += 1
    _spare(missing, counts, reach)
    present = tuple(row.scheduled - short for row, short in zip(needed, missing, strict=True))
    over = sum(-short for short in missing if short < 0)
    return Cover(
        counts,
        present,
        tuple(max(0, short) for short in missing),
        over / sum(present) if any(present) else 0.0,
    )


def _spare(missing: list[int], counts: dict[str, int], reach: Mapping[str, Sequence[bool]]) -> None:
    """Remove agents whom no interval needs, longest shifts first."""
    for name in sorted(reach, key=lambda name: -sum(reach[name])):
        there = reach[name]
        while counts[name] and all(short < 0 for short, is_there in zip(missing, there, strict=True) if is_there):
            _give(missing, there, -1)
            counts[name] -= 1


def _give(missing: list[int], there: Sequence[bool], agents: int) -> None:
    for interval, is_there in enumerate(there):
        missing[interval] -= agents * is_there


def _is_there(shift: WorkShift, start: float, interval_s: float) -> bool:
    """Whether the shift is at work for the whole interval, begun today or yesterday."""
    end = start + interval_s
    return any(span.start <= start + day and end + day <= span.end for span in shift.spans for day in (0.0, DAY_S))


# ---- the check ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Check:
    """The result of simulated days of a plan."""

    service_level: Estimate
    abandonment: Estimate
    occupancy: Estimate
    average_wait_s: Estimate
    is_met: bool
    """Whether the service level of the whole day reaches the target, within its 95 % interval."""

    def render(self) -> str:
        """As plain text."""
        figures = (
            (SERVICE_LEVEL, self.service_level),
            (ABANDONMENT, self.abandonment),
            (OCCUPANCY, self.occupancy),
            (AVERAGE_WAIT, self.average_wait_s),
        )
        lines = [f"{measure.name}: {estimate_text(estimate, measure)}" for measure, estimate in figures]
        return "\n".join(["target met" if self.is_met else "target missed", *lines])


QUEUE, SKILL = QueueName("planned"), SkillName("planned")


def check(
    workload: Workload, people: Sequence[tuple[WorkSpan, ...]], target: Target, runs: int = 10, seed: int = 1
) -> Check:
    """Simulate days with the real dispatcher; `people` has the times at work of each agent.

    Shrinkage is not simulated: give only the agents who are really there. Raises ValueError without a run.
    """
    results = [simulate(_pattern(workload, people, target).draw(mix_seeds(seed, run))) for run in range(runs)]
    overall = [result.overall for result in results]
    level = Estimate.of([figures.answered_in_time / max(1, figures.offered) for figures in overall])
    return Check(
        level,
        Estimate.of([figures.abandonment for figures in overall]),
        Estimate.of([result.occupancy for result in results]),
        Estimate.of([figures.average_wait_s for figures in overall]),
        level.mean + level.half_width >= target.service_level,
    )


def staff(counts: Mapping[str, int], shifts: Sequence[WorkShift]) -> list[tuple[WorkSpan, ...]]:
    """The times at work of every agent whom a cover schedules, for `check`; night shifts work this morning too."""
    people: list[tuple[WorkSpan, ...]] = []
    for shift in shifts:
        early = tuple(
            WorkSpan(max(0.0, span.start - DAY_S), span.end - DAY_S) for span in shift.spans if span.end > DAY_S
        )
        people += [shift.spans] * counts.get(shift.name, 0)
        people += [early] * counts.get(shift.name, 0) if early else []
    return people


def _pattern(workload: Workload, people: Sequence[tuple[WorkSpan, ...]], target: Target) -> Pattern:
    queue = QueueSettings(QUEUE, {SKILL: 1}, wrap_up_s=0.0, service_level_within_s=target.within_s, short_abandon_s=0.0)
    stream = Stream(QUEUE, workload.calls, Duration(workload.handling_s), Duration(workload.patience_s))
    seats = tuple(planned_agent(number, spans) for number, spans in enumerate(people, 1))
    return Pattern(DispatcherSettings((queue,)), (stream,), seats, workload.interval_s, workload.start)


def planned_agent(number: int, spans: tuple[WorkSpan, ...]) -> Person:
    """A planned agent, who answers at once: the target's wait is the wait for a free agent."""
    settings = AgentSettings(AgentId(f"{number:05}"), skills={SKILL: 1})
    return Person(settings, tuple(replace(span, start=max(1.0, span.start)) for span in spans), phone=Phone((0.0,)))
