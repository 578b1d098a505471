"""The result of a day: every visit's outcome, and the figures of queues, tiers and agents that follow from it.

Formulas: service level = answered in time / (answered + abandoned), short abandonments left out; abandonment =
abandoned / (offered - short); occupancy = (talk + wrap-up) / (talk + wrap-up + ready + ringing); unevenness is the
coefficient of variation (standard deviation / mean) of the agents' occupancies, 0 when all share alike.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, pstdev

from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues.inputs import EntryId
from acdcore.queues.settings import Channel

MIN_ON_DUTY_S = 600.0
"""Agents on duty for fewer seconds are left out of the unevenness."""


class VisitEnd(StrEnum):
    """How a visit in a queue ended."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    ABANDONED_SHORT = "abandoned_short"
    OVERFLOWED = "overflowed"
    CALLBACK = "callback"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"
    WAITING = "waiting"
    """Still in the queue when the observation ended."""


@dataclass(frozen=True, slots=True)
class VisitOutcome:
    """One visit of one caller in one queue."""

    entry: EntryId
    queue: QueueName
    tier: str
    """The caller's tier."""
    channel: Channel
    end: VisitEnd
    waited_s: float
    """Time in this queue, seconds."""
    is_in_time: bool
    """Answered within the queue's `service_level_within_s`."""
    agent: AgentId | None
    """The agent who answered; None: nobody did."""


@dataclass(frozen=True, slots=True)
class AgentShare:
    """One agent's share of the work."""

    agent: AgentId
    answered: int
    work_s: float
    """Time in talk and wrap-up, seconds."""
    idle_s: float
    """Time ready or ringing, seconds."""

    @property
    def occupancy(self) -> float:
        """Work / (work + idle), 0 to 1; 0: never on duty."""
        on_duty_s = self.work_s + self.idle_s
        return self.work_s / on_duty_s if on_duty_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """Counters and waits of one group of visits."""

    offered: int
    answered: int
    answered_in_time: int
    abandoned: int
    abandoned_short: int
    overflowed: int
    callbacks: int
    other: int
    """Withdrawn, failed, still waiting."""
    waits_s: tuple[float, ...]
    """Waits of answered visits, seconds, in rising order."""
    worst_wait_s: float
    """Longest time in the queue, however it ended, seconds."""

    @classmethod
    def of(cls, visits: Iterable[VisitOutcome]) -> "GroupFigures":
        """Count a group."""
        group = list(visits)
        ends = [visit.end for visit in group]
        answered = [visit for visit in group if visit.end is VisitEnd.ANSWERED]
        counted = (
            VisitEnd.ANSWERED,
            VisitEnd.ABANDONED,
            VisitEnd.ABANDONED_SHORT,
            VisitEnd.OVERFLOWED,
            VisitEnd.CALLBACK,
        )
        return cls(
            offered=len(group),
            answered=len(answered),
            answered_in_time=sum(visit.is_in_time for visit in answered),
            abandoned=ends.count(VisitEnd.ABANDONED),
            abandoned_short=ends.count(VisitEnd.ABANDONED_SHORT),
            overflowed=ends.count(VisitEnd.OVERFLOWED),
            callbacks=ends.count(VisitEnd.CALLBACK),
            other=sum(end not in counted for end in ends),
            waits_s=tuple(sorted(visit.waited_s for visit in answered)),
            worst_wait_s=max((visit.waited_s for visit in group), default=0.0),
        )

    @property
    def service_level(self) -> float:
        """Answered in time / (answered + abandoned), 0 to 1; 1 without visits."""
        served = self.answered + self.abandoned
        return self.answered_in_time / served if served else 1.0

    @property
    def abandonment(self) -> float:
        """Abandoned / (offered - short), 0 to 1; 0 without visits."""
        counted = self.offered - self.abandoned_short
        return self.abandoned / counted if counted else 0.0

    @property
    def average_wait_s(self) -> float:
        """Average speed of answer, seconds; 0 without an answered visit."""
        return fmean(self.waits_s) if self.waits_s else 0.0

    def wait_s(self, share: float) -> float:
        """The wait that `share` of those answered did not exceed (nearest rank), seconds; 0: nobody answered."""
        if not self.waits_s:
            return 0.0
        return self.waits_s[max(0, math.ceil(share * len(self.waits_s)) - 1)]


@dataclass(frozen=True, slots=True)
class DayResult:
    """The result of a day."""

    visits: tuple[VisitOutcome, ...]
    """Every visit, in the order in which they ended."""
    shares: tuple[AgentShare, ...]
    """Every agent."""

    @property
    def overall(self) -> GroupFigures:
        """All visits; a caller who overflows into another queue counts in both."""
        return GroupFigures.of(self.visits)

    def queue(self, name: QueueName) -> GroupFigures:
        """One queue's visits."""
        return self._only(lambda visit: visit.queue == name)

    def tier(self, tier: str) -> GroupFigures:
        """The visits of one tier of customers."""
        return self._only(lambda visit: visit.tier == tier)

    @property
    def queues(self) -> tuple[QueueName, ...]:
        """Names of queues with visits, sorted."""
        return tuple(sorted({visit.queue for visit in self.visits}))

    @property
    def tiers(self) -> tuple[str, ...]:
        """Names of tiers with visits, sorted."""
        return tuple(sorted({visit.tier for visit in self.visits}))

    @property
    def occupancy(self) -> float:
        """Occupancy of all agents together, 0 to 1."""
        work_s = sum(share.work_s for share in self.shares)
        on_duty_s = work_s + sum(share.idle_s for share in self.shares)
        return work_s / on_duty_s if on_duty_s > 0 else 0.0

    @property
    def unevenness(self) -> float:
        """Coefficient of variation of the agents' occupancies; 0: all share alike."""
        return variation([share.occupancy for share in self.shares if share.work_s + share.idle_s >= MIN_ON_DUTY_S])

    def _only(self, is_meant: Callable[[VisitOutcome], bool]) -> GroupFigures:
        return GroupFigures.of(visit for visit in self.visits if is_meant(visit))


def variation(figures: Sequence[float]) -> float:
    """Standard deviation / mean; 0 for fewer than two figures or a mean of 0."""
    if len(figures) < 2 or fmean(figures) == 0.0:
        return 0.0
    return pstdev(figures) / fmean(figures)
