"""Cohorts: which visits a report includes, and how they are grouped.

A visit belongs to the interval in which it joined, however long it lasted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import NamedTuple

from acdcore.kernel.ids import AgentId, QueueName
from acdcore.reports.first_call_resolution import resolutions
from acdcore.reports.formulas import Resolution, VisitKind
from acdcore.reports.queue_visits import QueueVisitEnd, RecordedVisit

DEFAULT_WITHIN_S = 20.0
"""Target of a queue that `ReportQuery.within_s` does not name, seconds: as `QueueSettings.service_level_within_s`."""
QUARTER_S = 900
"""Length of the shortest interval, seconds; every zone differs from UTC by a whole number of quarters of an hour."""
DAY_S = 86_400.0
NOBODY = AgentId("")
"""The agent of visits that nobody answered."""
HUNG_UP = frozenset({QueueVisitEnd.ABANDONED, QueueVisitEnd.ABANDONED_SHORT})
"""Ends for which the report compares the wait with the target; for answered visits the dispatcher did so."""


class By(StrEnum):
    """How visits are grouped, beside the interval."""

    QUEUE = "queue"
    AGENT = "agent"
    """The agent who answered; visits that nobody answered are one group."""
    CHANNEL = "channel"


class Interval(StrEnum):
    """How the time of the report is divided, in local time."""

    WHOLE = "whole"
    """One interval for the whole time."""
    QUARTER_HOUR = "quarter_hour"
    HALF_HOUR = "half_hour"
    HOUR = "hour"
    DAY = "day"


_MINUTES = {Interval.QUARTER_HOUR: 15, Interval.HALF_HOUR: 30, Interval.HOUR: 60}


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """What a report is about."""

    joined_from: datetime
    """With a time zone, like all times here."""
    joined_before: datetime
    by: frozenset[By] = frozenset({By.QUEUE})
    interval: Interval = Interval.WHOLE
    channels: frozenset[str] | None = None
    """Only visits of these channels; None: all. Callbacks and messages wait long, which hides the callers' figures."""
    zone: tzinfo = UTC
    """The intervals are in the local time of this zone."""
    within_s: Mapping[QueueName, float] = field(default_factory=dict)
    """Each queue's target in seconds, for callers who hung up; answered visits themselves say if they were in time."""
    first_call_days: int = 7
    """Window of first-call resolution in days; 0: the figure is left out. For a correct figure the rows must contain
    the visits of as many days before and after; these are not counted otherwise."""
    known_until: datetime | None = None
    """The rows are complete up to here; first calls whose window ends later are left out. None: `joined_before`."""


class Group(NamedTuple):
    """What the visits of one row have in common; None: not grouped by this. `Group()` is the total."""

    began_at: datetime | None = None
    """Beginning of the interval, UTC: local times occur twice when the clocks go back."""
    queue: QueueName | None = None
    agent: AgentId | None = None
    """"" for visits that nobody answered."""
    channel: str | None = None


class IntervalFinder:
    """Finds the interval of a moment; it remembers one result for each quarter of an hour."""

    def __init__(self, query: ReportQuery) -> None:
        self._interval = query.interval
        self._is_whole = query.interval is Interval.WHOLE
        self._zone = query.zone
        self._begins: dict[int, datetime] = {}  # quarter of an hour since the epoch to the beginning of its interval

    def began_at(self, seconds: float) -> datetime | None:
        """Beginning of the interval that contains this second of the epoch, UTC; None: time is not divided."""
        if self._is_whole:
            return None
        quarter = int(seconds // QUARTER_S)
        began_at = self._begins.get(quarter)
        if began_at is None:
            began_at = self._begins[quarter] = self._find(quarter)
        return began_at

    def _find(self, quarter: int) -> datetime:
        moment = datetime.fromtimestamp(quarter * QUARTER_S, self._zone)
        if self._interval is Interval.DAY:
            return moment.replace(hour=0, minute=0, fold=0).astimezone(UTC)
        past_min = moment.minute % _MINUTES[self._interval]
        return moment.astimezone(UTC) - timedelta(minutes=past_min)


def classify_visits(
    rows: Iterable[RecordedVisit], query: ReportQuery, intervals: IntervalFinder
) -> Iterator[tuple[RecordedVisit, Group, VisitKind]]:
    """Every visit that the report includes, with its group and its kind, in the given order.

    Raises ValueError for a visit whose `how` is no `QueueVisitEnd`.
    """
    visits = rows if isinstance(rows, list) else list(rows)
    joined = [visit.joined_at.timestamp() for visit in visits]
    known_until = (query.known_until or query.joined_before).timestamp()
    days = query.first_call_days
    first_calls = resolutions(visits, joined, days * DAY_S, known_until) if days else {}
    since, until = query.joined_from.timestamp(), query.joined_before.timestamp()
    is_by_queue, is_by_agent, is_by_channel = By.QUEUE in query.by, By.AGENT in query.by, By.CHANNEL in query.by
    # Making or looking up enums and named tuples for every visit would take most of the time: it is done once.
    groups: dict[tuple[datetime | None, QueueName | None, AgentId | None, str | None], Group] = {}
    kinds: dict[tuple[str, bool, bool | None, Resolution], VisitKind] = {}
    channels = query.channels
    no_first_call = Resolution.NOT_A_FIRST_CALL
    for row, visit in enumerate(visits):
        if not since <= joined[row] < until or (channels is not None and visit.channel not in channels):
            continue
        common = (
            intervals.began_at(joined[row]),
            visit.queue if is_by_queue else None,
            (visit.agent or NOBODY) if is_by_agent else None,
            visit.channel if is_by_channel else None,
        )
        group = groups.get(common)
        if group is None:
            group = groups[common] = Group(*common)
        traits = (
            visit.how,
            _is_in_time(visit, query),
            None if visit.announced_wait_s is None else visit.waited_s > visit.announced_wait_s,
            first_calls.get(row, no_first_call),
        )
        kind = kinds.get(traits)
        if kind is None:
            kind = kinds[traits] = VisitKind(QueueVisitEnd(traits[0]), *traits[1:])
        yield visit, group, kind


def _is_in_time(visit: RecordedVisit, query: ReportQuery) -> bool:
    """Whether the time in the queue was within the queue's target."""
    if visit.how in HUNG_UP:
        return visit.waited_s <= query.within_s.get(visit.queue, DEFAULT_WITHIN_S)
    return visit.is_in_time
