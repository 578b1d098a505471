"""What is counted of visits, and what each figure is: one table for values, formulas and receipts.

`counts_of` says to which counts a visit belongs. A share is the number of visits in some counts / the number in others.
A mean is a sum over the visits in some counts. Values and receipts use this table, so they cannot disagree. The cohort
identity: every visit belongs to `OFFERED` and to exactly one of `ENDINGS`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from acdcore.reports.queue_visits import QueueVisitEnd


class Count(StrEnum):
    """A named set of visits."""

    OFFERED = "offered"
    """All visits."""
    ANSWERED = "answered"
    """An agent answered, whether or not the talk is over."""
    ABANDONED = "abandoned"
    """Hung up after the queue's `short_abandon_s` or more."""
    ABANDONED_SHORT = "abandoned_short"
    """Hung up before that."""
    OVERFLOWED = "overflowed"
    CALLBACKS = "callbacks"
    """Left after asking to be called back."""
    WITHDRAWN = "withdrawn"
    FAILED = "failed"
    WAITING = "waiting"
    """Still in the queue."""
    ANSWERED_IN_TIME = "answered_in_time"
    """Answered within the queue's target."""
    ABANDONED_IN_TIME = "abandoned_in_time"
    """Hung up within the queue's target, short abandonments included."""
    HANDLED = "handled"
    """Answered, talk and wrap-up over."""
    ANNOUNCED_WAIT = "announced_wait"
    """A wait was announced, and whether it was kept is known."""
    ANNOUNCED_WAIT_KEPT = "announced_wait_kept"
    """Answered within the wait announced first."""
    ANNOUNCED_WAIT_EXCEEDED = "announced_wait_exceeded"
    """Answered after the wait announced first, or left unanswered after it."""
    FIRST_CALLS = "first_calls"
    """Answered calls of a known caller without an answered call in the window before; the window after is over."""
    FIRST_CALLS_RESOLVED = "first_calls_resolved"
    """First calls without another call of the same caller in the window after."""


ENDINGS = frozenset(
    {
        Count.ANSWERED,
        Count.ABANDONED,
        Count.ABANDONED_SHORT,
        Count.OVERFLOWED,
        Count.CALLBACKS,
        Count.WITHDRAWN,
        Count.FAILED,
        Count.WAITING,
    }
)
"""Every visit belongs to exactly one of these."""

ENDING_OF = {
    QueueVisitEnd.ANSWERED: Count.ANSWERED,
    QueueVisitEnd.IN_CONTACT: Count.ANSWERED,
    QueueVisitEnd.ABANDONED: Count.ABANDONED,
    QueueVisitEnd.ABANDONED_SHORT: Count.ABANDONED_SHORT,
    QueueVisitEnd.OVERFLOWED: Count.OVERFLOWED,
    QueueVisitEnd.CALLBACK: Count.CALLBACKS,
    QueueVisitEnd.WITHDRAWN: Count.WITHDRAWN,
    QueueVisitEnd.FAILED: Count.FAILED,
    QueueVisitEnd.WAITING: Count.WAITING,
}


class Resolution(StrEnum):
    """What is known of a visit for first-call resolution."""

    NOT_A_FIRST_CALL = "not_a_first_call"
    """Not answered, no call, an unknown caller, or a call within the window after an answered one."""
    UNDECIDED = "undecided"
    """A first call whose window is not over yet."""
    RESOLVED = "resolved"
    REPEATED = "repeated"


class VisitKind(NamedTuple):
    """Everything about a visit that decides to which counts it belongs."""

    how: QueueVisitEnd
    is_in_time: bool
    """The time in the queue was within its target."""
    is_announced_wait_over: bool | None
    """True: the wait was longer than the announced one; None: no wait was announced."""
    resolution: Resolution


def counts_of(kind: VisitKind) -> frozenset[Count]:
    """The counts that a visit of this kind belongs to."""
    ending = ENDING_OF[kind.how]
    counts = {Count.OFFERED, ending}
    if ending is Count.ANSWERED and kind.is_in_time:
        counts.add(Count.ANSWERED_IN_TIME)
    if ending in (Count.ABANDONED, Count.ABANDONED_SHORT) and kind.is_in_time:
        counts.add(Count.ABANDONED_IN_TIME)
    if kind.how is QueueVisitEnd.ANSWERED:
        counts.add(Count.HANDLED)
    if kind.is_announced_wait_over is True and ending is not Count.WAITING:
        counts |= {Count.ANNOUNCED_WAIT, Count.ANNOUNCED_WAIT_EXCEEDED}
    if kind.is_announced_wait_over is False and ending is Count.ANSWERED:
        counts |= {Count.ANNOUNCED_WAIT, Count.ANNOUNCED_WAIT_KEPT}
    if kind.resolution in (Resolution.RESOLVED, Resolution.REPEATED):
        counts.add(Count.FIRST_CALLS)
    if kind.resolution is Resolution.RESOLVED:
        counts.add(Count.FIRST_CALLS_RESOLVED)
    return frozenset(counts)


class Figure(StrEnum):
    """A figure's name."""

    SERVICE_LEVEL_OF_OFFERED = "service_level_of_offered"
    SERVICE_LEVEL_WITHOUT_SHORT = "service_level_without_short"
    SERVICE_LEVEL_OF_ANSWERED = "service_level_of_answered"
    SERVICE_LEVEL_WITH_ABANDONED = "service_level_with_abandoned"
    SERVICE_LEVEL = "service_level"
    """The service level that wallboards show: answered in time / (answered + abandoned)."""
    ANSWERED_SHARE = "answered_share"
    ABANDONED_SHARE = "abandoned_share"
    ANNOUNCED_WAIT_KEPT_SHARE = "announced_wait_kept_share"
    FIRST_CALL_RESOLUTION = "first_call_resolution"
    AVERAGE_SPEED_OF_ANSWER_S = "average_speed_of_answer_s"
    AVERAGE_HANDLING_S = "average_handling_s"
    AVERAGE_TALK_S = "average_talk_s"
    AVERAGE_WRAP_UP_S = "average_wrap_up_s"
    WAIT_P50_S = "wait_p50_s"
    WAIT_P90_S = "wait_p90_s"
    WAIT_P95_S = "wait_p95_s"
    WAIT_P99_S = "wait_p99_s"
    WAIT_MAX_S = "wait_max_s"
    OCCUPANCY = "occupancy"


@dataclass(frozen=True, slots=True)
class ShareFormula:
    """The number of visits in `counted` / the number in `over` and not in `less`; 0 to 1.

    No visit is in two counts of one set. A visit in `counted` is in `over` and not in `less`.
    """

    figure: Figure
    counted: frozenset[Count]
    over: frozenset[Count]
    less: frozenset[Count] = frozenset()
    """A part of `over` that is subtracted."""

    @property
    def formula(self) -> str:
        """The formula in the counts' names."""
        less = "".join(f" - {count}" for count in sorted(self.less))
        return f"({_sum(self.counted)}) / ({_sum(self.over)}{less})"

    def value(self, counts: Mapping[Count, int]) -> float | None:
        """The share, given how many visits each count has; None when there is nothing to divide by."""
        over = sum(counts[count] for count in self.over) - sum(counts[count] for count in self.less)
        return sum(counts[count] for count in self.counted) / over if over else None

    def is_counted(self, counts: frozenset[Count]) -> bool:
        """Whether a visit with these counts is in the numerator."""
        return not counts.isdisjoint(self.counted)

    def is_over(self, counts: frozenset[Count]) -> bool:
        """Whether a visit with these counts is in the denominator."""
        return not counts.isdisjoint(self.over) and counts.isdisjoint(self.less)


class SummedTime(StrEnum):
    """A time that is summed over visits, seconds."""

    WAITED_S = "waited_s"
    TALKED_S = "talked_s"
    WRAP_UP_S = "wrap_up_s"


@dataclass(frozen=True, slots=True)
class MeanFormula:
    """The sum of `measures` over the visits in `over`, divided by their number; seconds."""

    figure: Figure
    measures: tuple[SummedTime, ...]
    over: Count

    @property
    def formula(self) -> str:
        """The formula in the names of measures and counts."""
        return f"sum of {' + '.join(self.measures)} of {self.over} / {self.over}"

    def is_over(self, counts: frozenset[Count]) -> bool:
        """Whether a visit with these counts is included."""
        return self.over in counts


@dataclass(frozen=True, slots=True)
class PercentileFormula:
    """The shortest wait that `percent` % of the answered visits do not exceed (nearest rank); seconds."""

    figure: Figure
    percent: int

    @property
    def formula(self) -> str:
        """The formula in words."""
        if self.percent == 100:
            return f"longest wait of {Count.ANSWERED}"
        return f"shortest wait that {self.percent} % of {Count.ANSWERED} do not exceed"

    def is_over(self, counts: frozenset[Count]) -> bool:
        """Whether a visit with these counts is included."""
        return Count.ANSWERED in counts

    def rank(self, answered: int) -> int:
        """The place of the percentile in the sorted waits, from 1."""
        return max(1, -(-self.percent * answered // 100))


def _sum(counts: Iterable[Count]) -> str:
    return " + ".join(sorted(counts))


def _share(figure: Figure, counted: Iterable[Count], over: Iterable[Count], less: Iterable[Count] = ()) -> ShareFormula:
    return ShareFormula(figure, frozenset(counted), frozenset(over), frozenset(less))


_IN_TIME = (Count.ANSWERED_IN_TIME,)
_OFFERED = (Count.OFFERED,)
_SHORT = (Count.ABANDONED_SHORT,)

SHARES = (
    _share(Figure.SERVICE_LEVEL_OF_OFFERED, _IN_TIME, _OFFERED),
    _share(Figure.SERVICE_LEVEL_WITHOUT_SHORT, _IN_TIME, _OFFERED, _SHORT),
    _share(Figure.SERVICE_LEVEL_OF_ANSWERED, _IN_TIME, (Count.ANSWERED,)),
    _share(Figure.SERVICE_LEVEL_WITH_ABANDONED, (*_IN_TIME, Count.ABANDONED_IN_TIME), _OFFERED),
    _share(Figure.SERVICE_LEVEL, _IN_TIME, (Count.ANSWERED, Count.ABANDONED)),
    _share(Figure.ANSWERED_SHARE, (Count.ANSWERED,), _OFFERED),
    _share(Figure.ABANDONED_SHARE, (Count.ABANDONED,), _OFFERED, _SHORT),
    _share(Figure.ANNOUNCED_WAIT_KEPT_SHARE, (Count.ANNOUNCED_WAIT_KEPT,), (Count.ANNOUNCED_WAIT,)),
    _share(Figure.FIRST_CALL_RESOLUTION, (Count.FIRST_CALLS_RESOLVED,), (Count.FIRST_CALLS,)),
)
"""The first four are the service levels in use, side by side."""

MEANS = (
    MeanFormula(Figure.AVERAGE_SPEED_OF_ANSWER_S, (SummedTime.WAITED_S,), Count.ANSWERED),
    MeanFormula(Figure.AVERAGE_HANDLING_S, (SummedTime.TALKED_S, SummedTime.WRAP_UP_S), Count.HANDLED),
    MeanFormula(Figure.AVERAGE_TALK_S, (SummedTime.TALKED_S,), Count.HANDLED),
    MeanFormula(Figure.AVERAGE_WRAP_UP_S, (SummedTime.WRAP_UP_S,), Count.HANDLED),
)

PERCENTILES = (
    PercentileFormula(Figure.WAIT_P50_S, 50),
    PercentileFormula(Figure.WAIT_P90_S, 90),
    PercentileFormula(Figure.WAIT_P95_S, 95),
    PercentileFormula(Figure.WAIT_P99_S, 99),
    PercentileFormula(Figure.WAIT_MAX_S, 100),
)

OCCUPANCY_FORMULA = "(talking + wrap_up) / (talking + wrap_up + ready + ringing), seconds of agents in each state"

DEFINITIONS: Mapping[Figure, ShareFormula | MeanFormula | PercentileFormula] = MappingProxyType(
    {definition.figure: definition for definition in (*SHARES, *MEANS, *PERCENTILES)}
)
"""Every figure that is counted from visits: all but the occupancy."""
FORMULAS: Mapping[Figure, str] = MappingProxyType(
    {figure: definition.formula for figure, definition in DEFINITIONS.items()} | {Figure.OCCUPANCY: OCCUPANCY_FORMULA}
)
"""The formula of each figure, as shown beside it."""
