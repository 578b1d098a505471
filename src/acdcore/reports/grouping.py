"""Cohorts: which stays a report is about, and what they are grouped by.

A stay belongs to the interval in which it joined, however long it lasted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import NamedTuple

from acdcore.kernel.ids import AgentId, QueueName
from acdcore.reports.first_call_resolution import resolutions
from acdcore.reports.formulas import Kind, Resolution
from acdcore.reports.queue_visits import KeptStay, StayEnd

DEFAULT_WITHIN_S = 20.0
"""Target of a queue that `Asked.within_s` does not name: the default of `QueueSettings.service_level_within_s`."""
QUARTER_S = 900
"""Seconds of the shortest interval; local time differs from UTC by a whole number of quarters everywhere."""
DAY_S = 86_400.0
NOBODY = AgentId("")
"""Stands for the agent of stays that nobody answered."""
HUNG_UP = frozenset({StayEnd.ABANDONED, StayEnd.ABANDONED_SHORT})
"""Ends whose time is held against the queue's target here; of an answered stay the dispatcher told it."""


class By(StrEnum):
    """What stays are grouped by, beside the interval."""

    QUEUE = "queue"
    AGENT = "agent"
    """Who answered; stays that nobody answered are one group."""
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
class Asked:
    """What a report is to be about."""

    joined_from: datetime
    """With a time zone, as all times here."""
    joined_before: datetime
    by: frozenset[By] = frozenset({By.QUEUE})
    interval: Interval = Interval.WHOLE
    channels: frozenset[str] | None = None
    """Only stays of these channels; None: of all. Callbacks and messages wait long, and hide how callers fare."""
    zone: tzinfo = UTC
    """Whose local time divides the intervals."""
    within_s: Mapping[QueueName, float] = field(default_factory=dict)
    """Each queue's target, for those who hung up; of those answered the stay itself says whether it was in time."""
    first_call_days: int = 7
    """Window of first-call resolution; 0: the figure is not asked for. For a right one the stays of so many days before
    and after belong to the rows; they are not counted otherwise."""
    known_until: datetime | None = None
    """Up to when the rows tell everything; a first call whose window ends later is left out. None: `joined_before`."""


class Group(NamedTuple):
    """What the stays of one line have in common; None: not asked for. `Group()` is the total."""

    began_at: datetime | None = None
    """Begin of the interval, UTC: local times occur twice when the clocks go back."""
    queue: QueueName | None = None
    agent: AgentId | None = None
    """"" when nobody answered."""
    channel: str | None = None


class Calendar:
    """Finds the interval of a moment; remembers what it found, once for each quarter of an hour."""

    def __init__(self, asked: Asked) -> None:
        self._interval = asked.interval
        self._is_whole = asked.interval is Interval.WHOLE
        self._zone = asked.zone
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


def classified(rows: Iterable[KeptStay], asked: Asked, calendar: Calendar) -> Iterator[tuple[KeptStay, Group, Kind]]:
    """Every stay that the report is about, with its group and its kind, in the order given.

    Raises ValueError for a stay whose `how` is no `StayEnd`.
    """
    stays = rows if isinstance(rows, list) else list(rows)
    joined = [stay.joined_at.timestamp() for stay in stays]
    known_until = (asked.known_until or asked.joined_before).timestamp()
    days = asked.first_call_days
    first_calls = resolutions(stays, joined, days * DAY_S, known_until) if days else {}
    since, until = asked.joined_from.timestamp(), asked.joined_before.timestamp()
    is_by_queue, is_by_agent, is_by_channel = By.QUEUE in asked.by, By.AGENT in asked.by, By.CHANNEL in asked.by
    # Making or looking up enums and named tuples for every stay would take most of the time: it is done once.
    groups: dict[tuple[datetime | None, QueueName | None, AgentId | None, str | None], Group] = {}
    kinds: dict[tuple[str, bool, bool | None, Resolution], Kind] = {}
    channels = asked.channels
    no_first_call = Resolution.NOT_A_FIRST_CALL
    for row, stay in enumerate(stays):
        if not since <= joined[row] < until or (channels is not None and stay.channel not in channels):
            continue
        common = (
            calendar.began_at(joined[row]),
            stay.queue if is_by_queue else None,
            (stay.agent or NOBODY) if is_by_agent else None,
            stay.channel if is_by_channel else None,
        )
        group = groups.get(common)
        if group is None:
            group = groups[common] = Group(*common)
        traits = (
            stay.how,
            _is_in_time(stay, asked),
            None if stay.promised_s is None else stay.waited_s > stay.promised_s,
            first_calls.get(row, no_first_call),
        )
        kind = kinds.get(traits)
        if kind is None:
            kind = kinds[traits] = Kind(StayEnd(traits[0]), *traits[1:])
        yield stay, group, kind


def _is_in_time(stay: KeptStay, asked: Asked) -> bool:
    """Whether the stay was over within the queue's target."""
    if stay.how in HUNG_UP:
        return stay.waited_s <= asked.within_s.get(stay.queue, DEFAULT_WITHIN_S)
    return stay.is_in_time
