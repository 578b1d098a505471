"""Cohorts: which visits a report is about, and what they are grouped by.

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
"""Target of a queue that `Asked.within_s` does not name: the default of `QueueSettings.service_level_within_s`."""
QUARTER_S = 900
"""Seconds of the shortest interval; local time differs from UTC by a whole number of quarters everywhere."""
DAY_S = 86_400.0
NOBODY = AgentId("")
"""Stands for the agent of visits that nobody answered."""
HUNG_UP = frozenset({QueueVisitEnd.ABANDONED, QueueVisitEnd.ABANDONED_SHORT})
"""Ends whose time is held against the queue's target here; of an answered visit the dispatcher told it."""


class By(StrEnum):
    """What visits are grouped by, beside the interval."""

    QUEUE = "queue"
    AGENT = "agent"
    """Who answered; visits that nobody answered are one group."""
    CHANNEL = "channel"


class Interval(StrEnum):
    """Into what the time asked for is divided, in local time."""

    WHOLE = "whole"
    """Not at all."""
    QUARTER_HOUR = "quarter_hour"
    HALF_HOUR = "half_hour"
    HOUR = "hour"
    DAY = "day"


_MINUTES = {Interval.QUARTER_HOUR: 15, Interval.HALF_HOUR: 30, Interval.HOUR: 60}


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """What a report is to be about."""

    joined_from: datetime
    """With a time zone, as all times here."""
    joined_before: datetime
    by: frozenset[By] = frozenset({By.QUEUE})
    interval: Interval = Interval.WHOLE
    channels: frozenset[str] | None = None
    """Only visits of these channels; None: of all. Callbacks and messages wait long, and hide how callers fare."""
    zone: tzinfo = UTC
    """Whose local time divides the intervals."""
    within_s: Mapping[QueueName, float] = field(default_factory=dict)
    """Each queue's target, for those who hung up; of those answered the visit itself says whether it was in time."""
    first_call_days: int = 7
    """Window of first-call resolution; 0: the figure is not asked for. For a right one the visits of so many days
    before and after belong to the rows; they are not counted otherwise."""
    known_until: datetime | None = None
    """Up to when the rows tell everything; a first call whose window ends later is left out. None: `joined_before`."""


class Group(NamedTuple):
    """What the visits of one row have in common; None: not asked for. `Group()` is the total."""

    began_at: datetime | None = None
    """Begin of the interval, UTC: local times occur twice when the clocks go back."""
    queue: QueueName | None = None
    agent: AgentId | None = None
    """"" when nobody answered."""
    channel: str | None = None


class IntervalFinder:
    """Finds the interval of a moment; remembers what it found, once for each quarter of an hour."""

    def __init__(self, query: ReportQuery) -> None:
        self._interval = query.interval
        self._is_whole = query.interval is Interval.WHOLE
        self._zone = query.zone
        self._begins: dict[int, datetime] = {}  # quarter of the epoch to the begin of its interval

    def began_at(self, seconds: float) -> datetime | None:
        """Begin of the interval that contains this second of the epoch, UTC; None when time is not divided."""
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
    """Every visit that the report is about, with its group and its kind, in the order given.

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
    """Whether the visit was over within the queue's target."""
    if visit.how in HUNG_UP:
        return visit.waited_s <= query.within_s.get(visit.queue, DEFAULT_WITHIN_S)
    return visit.is_in_time
