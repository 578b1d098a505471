"""Reports: visits grouped by queue, agent, channel and interval, with the figures of each group.

`formulas.py` defines the figures, `grouping.py` the groups, and `drill_down.py` lists the visits behind a figure.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from types import MappingProxyType
from typing import assert_never

from acdcore.queues.decisions import AgentState
from acdcore.reports.agent_time import AgentSpan
from acdcore.reports.first_call_resolution import ANSWERED
from acdcore.reports.formulas import (
    ENDINGS,
    MEANS,
    PERCENTILES,
    SHARES,
    Count,
    Figure,
    MeanFormula,
    SummedTime,
    VisitKind,
    counts_of,
)
from acdcore.reports.grouping import QUARTER_S, By, Group, IntervalFinder, ReportQuery, classify_visits
from acdcore.reports.queue_visits import RecordedVisit

WORK = frozenset({AgentState.TALKING, AgentState.WRAP_UP})
"""Agents' states that count as work in the occupancy."""
RINGING = "ringing"
"""Name of `AgentState.OFFERED` in the history."""
IDLE = frozenset({AgentState.READY, AgentState.OFFERED, RINGING})
"""Agents' states on duty that do not count as work, a ringing phone included."""


@dataclass(frozen=True, slots=True)
class AgentTime:
    """Times of the group's agents while they were logged in, seconds."""

    state_s: Mapping[str, float]
    """Time in each state; a state that did not occur is absent."""
    not_ready_s: Mapping[str, float]
    """Time not ready for each reason, as a part of `state_s`."""

    @property
    def work_s(self) -> float:
        """Time in talk and wrap-up, seconds."""
        return sum(seconds for state, seconds in self.state_s.items() if state in WORK)

    @property
    def idle_s(self) -> float:
        """Time ready or ringing, seconds."""
        return sum(seconds for state, seconds in self.state_s.items() if state in IDLE)

    @property
    def occupancy(self) -> float | None:
        """`FORMULAS[Figure.OCCUPANCY]`, 0 to 1; None: no time on duty."""
        on_duty_s = self.work_s + self.idle_s
        return self.work_s / on_duty_s if on_duty_s > 0 else None


NO_TIME = AgentTime(MappingProxyType({}), MappingProxyType({}))
"""Of agents who were not logged in."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group of a report."""

    group: Group
    counts: Mapping[Count, int]
    """Every count, also when it is 0."""
    figures: Mapping[Figure, float | None]
    """Every figure; None: there is nothing to divide by, or nothing is known."""
    offers: int
    """How often a phone rang for these visits."""
    misses: int
    """Offers for these visits that were missed."""
    agent_time: AgentTime | None
    """None: for groups by queue or channel, whose agents serve others too, or when no spans were given."""

    @property
    def is_balanced(self) -> bool:
        """The cohort identity: every visit offered is in exactly one of `ENDINGS`."""
        return self.counts[Count.OFFERED] == sum(self.counts[ending] for ending in ENDINGS)


@dataclass(frozen=True, slots=True)
class Report:
    """The rows in the order of time, queue, agent and channel, and their total."""

    query: ReportQuery
    rows: tuple[GroupRow, ...]
    """Groups without visits (and, by agent, without time logged in) have no row."""
    total: GroupRow


def report(rows: Iterable[RecordedVisit], query: ReportQuery, agents: Iterable[AgentSpan] | None = None) -> Report:
    """The figures of the visits that joined in the time of the query.

    `agents`: spans of agents, for their time and the occupancy; they are cut to the time of the query. Raises
    ValueError for a visit whose `how` is no `QueueVisitEnd`.
    """
    intervals = IntervalFinder(query)
    tallies: dict[Group, _Tally] = {}
    for visit, group, kind in classify_visits(rows, query, intervals):
        tally = tallies.get(group)
        if tally is None:
            tally = tallies[group] = _Tally()
        tally.add(visit, kind)
    times: dict[Group, AgentTime] = {}
    if agents is not None:
        times = _agent_times(agents, query, intervals)
    is_by_agent_only = agents is not None and query.by <= {By.AGENT}
    if is_by_agent_only:
        for group in times:
            tallies.setdefault(group, _Tally())
    known: dict[VisitKind, frozenset[Count]] = {}
    total = _Tally()
    for tally in tallies.values():
        total.merge(tally)
    group_rows = tuple(
        tallies[group].row(group, known, times.get(group, NO_TIME) if is_by_agent_only else None)
        for group in sorted(tallies)
    )
    return Report(query, group_rows, total.row(Group(), known, None if agents is None else _sum(times.values())))


class _Cell:
    """The number of visits of one kind, and their sums."""

    __slots__ = ("number", "talked_s", "waited_s", "wrap_up_s")

    def __init__(self) -> None:
        self.number = 0
        self.waited_s = 0.0
        self.talked_s = 0.0
        self.wrap_up_s = 0.0


class _Waits:
    """Waits for percentiles, in buckets of a tenth of a second.

    Only the bucket of a rank is sorted. To sort all waits at once would hold the interpreter, and with it the calls,
    for tens of milliseconds.
    """

    def __init__(self) -> None:
        self._tenths: dict[int, list[float]] = {}
        self.number = 0

    def add(self, wait_s: float) -> None:
        """Add one wait."""
        self.number += 1
        tenth = int(wait_s * 10)
        waits = self._tenths.get(tenth)
        if waits is None:
            self._tenths[tenth] = [wait_s]
        else:
            waits.append(wait_s)

    def merge(self, other: "_Waits") -> None:
        """Add the waits of another group."""
        self.number += other.number
        for tenth, waits in other._tenths.items():
            self._tenths.setdefault(tenth, []).extend(waits)

    def ranked(self, ranks: Iterable[int]) -> Iterator[float]:
        """The waits at these ranks, which start at 1 and rise; no rank is above `number`."""
        tenths = iter(sorted(self._tenths))
        waits: list[float] = []
        before = 0
        for rank in ranks:
            while before + len(waits) < rank:
                before += len(waits)
                waits = sorted(self._tenths[next(tenths)])
            yield waits[rank - before - 1]


class _Tally:
    """The sums of one group."""

    def __init__(self) -> None:
        self._cells: dict[VisitKind, _Cell] = {}  # there are some dozens of kinds
        self._waits = _Waits()  # of those answered
        self._offers = 0
        self._misses = 0

    def add(self, visit: RecordedVisit, kind: VisitKind) -> None:
        """Count one visit."""
        cell = self._cells.get(kind)
        if cell is None:
            cell = self._cells[kind] = _Cell()
        cell.number += 1
        cell.waited_s += visit.waited_s
        cell.talked_s += visit.talked_s
        cell.wrap_up_s += visit.wrap_up_s
        if kind.how in ANSWERED:
            self._waits.add(visit.waited_s)
        self._offers += visit.offers
        self._misses += visit.misses

    def merge(self, other: "_Tally") -> None:
        """Add another group."""
        for kind, theirs in other._cells.items():
            cell = self._cells.setdefault(kind, _Cell())
            cell.number += theirs.number
            cell.waited_s += theirs.waited_s
            cell.talked_s += theirs.talked_s
            cell.wrap_up_s += theirs.wrap_up_s
        self._waits.merge(other._waits)
        self._offers += other._offers
        self._misses += other._misses

    def row(self, group: Group, known: dict[VisitKind, frozenset[Count]], agent_time: AgentTime | None) -> GroupRow:
        """The figures of the group; `known` keeps the counts of each kind from row to row."""
        cells: _Cells = []
        counts = dict.fromkeys(Count, 0)
        for kind, cell in self._cells.items():
            if kind not in known:
                known[kind] = counts_of(kind)
            cells.append((known[kind], cell))
            for count in known[kind]:
                counts[count] += cell.number
        figures: dict[Figure, float | None] = {share.figure: share.value(counts) for share in SHARES}
        figures |= {mean.figure: _mean(mean, cells) for mean in MEANS}
        number = self._waits.number
        waits = self._waits.ranked(percentile.rank(number) for percentile in PERCENTILES) if number else repeat(None)
        figures |= {percentile.figure: wait_s for percentile, wait_s in zip(PERCENTILES, waits, strict=False)}
        figures[Figure.OCCUPANCY] = None if agent_time is None else agent_time.occupancy
        return GroupRow(group, counts, figures, self._offers, self._misses, agent_time)


_Cells = list[tuple[frozenset[Count], _Cell]]


def _mean(mean: MeanFormula, cells: _Cells) -> float | None:
    members = [cell for counts, cell in cells if mean.is_over(counts)]
    number = sum(cell.number for cell in members)
    return sum(_measured(cell, measure) for cell in members for measure in mean.measures) / number if number else None


def _measured(cell: _Cell, measure: SummedTime) -> float:
    match measure:
        case SummedTime.WAITED_S:
            return cell.waited_s
        case SummedTime.TALKED_S:
            return cell.talked_s
        case SummedTime.WRAP_UP_S:
            return cell.wrap_up_s
        case _:
            assert_never(measure)


class _Duty:
    """Times of one group's agents, added up, seconds."""

    def __init__(self) -> None:
        self.state_s: dict[str, float] = {}
        self.not_ready_s: dict[str, float] = {}

    def add(self, state: str, reason: str, seconds: float) -> None:
        """Add a span or a part of it."""
        self.state_s[state] = self.state_s.get(state, 0.0) + seconds
        if state == AgentState.NOT_READY:
            self.not_ready_s[reason] = self.not_ready_s.get(reason, 0.0) + seconds


def _agent_times(agents: Iterable[AgentSpan], query: ReportQuery, intervals: IntervalFinder) -> dict[Group, AgentTime]:
    """Times in each state, divided among the intervals in which they passed."""
    since, until = query.joined_from.timestamp(), query.joined_before.timestamp()
    duties: dict[Group, _Duty] = {}
    for span in agents:
        if span.state == AgentState.LOGGED_OUT:
            continue
        agent = span.agent if By.AGENT in query.by else None
        at, end = max(since, span.began_at.timestamp()), min(until, span.ended_at.timestamp())
        while at < end:  # a step for each quarter of an hour that the span touches
            step_end = min(end, (at // QUARTER_S + 1) * QUARTER_S)
            group = Group(intervals.began_at(at), None, agent)
            duties.setdefault(group, _Duty()).add(span.state, span.reason, step_end - at)
            at = step_end
    return {group: AgentTime(duty.state_s, duty.not_ready_s) for group, duty in duties.items()}


def _sum(times: Iterable[AgentTime]) -> AgentTime:
    total = _Duty()
    for time in times:
        for states, sums in ((time.state_s, total.state_s), (time.not_ready_s, total.not_ready_s)):
            for name, seconds in states.items():
                sums[name] = sums.get(name, 0.0) + seconds
    return AgentTime(total.state_s, total.not_ready_s)
