"""What a day came to: every caller's fate, and the figures of queues, tiers and agents that follow from it.

Formulas: service level = answered in time / (answered + abandoned), short abandonments left out; abandonment =
abandoned / (offered - short); occupancy = (talk + wrap-up) / (talk + wrap-up + ready + ringing); fairness is the
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
"""Agents on duty for less say nothing about fairness."""


class End(StrEnum):
    """How a stay in a queue ended."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    ABANDONED_SHORT = "abandoned_short"
    OVERFLOWED = "overflowed"
    CALLBACK = "callback"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"
    WAITING = "waiting"
    """Still inside when the observation ended."""


@dataclass(frozen=True, slots=True)
class Fate:
    """One stay of one caller in one queue."""

    entry: EntryId
    queue: QueueName
    tier: str
    """The caller's tier."""
    channel: Channel
    end: End
    waited_s: float
    """Stay in this queue."""
    is_in_time: bool
    """Answered within the queue's threshold."""
    agent: AgentId | None
    """Who answered."""


@dataclass(frozen=True, slots=True)
class Share:
    """One agent's part of the work."""

    agent: AgentId
    answered: int
    work_s: float
    """Talk and wrap-up."""
    idle_s: float
    """Ready or ringing."""

    @property
    def occupancy(self) -> float:
        """Work / (work + idle); 0 for who was never on duty."""
        on_duty_s = self.work_s + self.idle_s
        return self.work_s / on_duty_s if on_duty_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Counters and waits of one group of stays."""

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
    """Of those answered, in rising order."""
    worst_wait_s: float
    """Longest stay, however it ended."""

    @classmethod
    def of(cls, fates: Iterable[Fate]) -> "Figures":
        """Count a group."""
        group = list(fates)
        ends = [fate.end for fate in group]
        answered = [fate for fate in group if fate.end is End.ANSWERED]
        counted = (End.ANSWERED, End.ABANDONED, End.ABANDONED_SHORT, End.OVERFLOWED, End.CALLBACK)
        return cls(
            offered=len(group),
            answered=len(answered),
            answered_in_time=sum(fate.is_in_time for fate in answered),
            abandoned=ends.count(End.ABANDONED),
            abandoned_short=ends.count(End.ABANDONED_SHORT),
            overflowed=ends.count(End.OVERFLOWED),
            callbacks=ends.count(End.CALLBACK),
            other=sum(end not in counted for end in ends),
            waits_s=tuple(sorted(fate.waited_s for fate in answered)),
            worst_wait_s=max((fate.waited_s for fate in group), default=0.0),
        )

    @property
    def service_level(self) -> float:
        """Answered in time / (answered + abandoned); 1 when there was nobody."""
        served = self.answered + self.abandoned
        return self.answered_in_time / served if served else 1.0

    @property
    def abandonment(self) -> float:
        """Abandoned / (offered - short); 0 when there was nobody."""
        counted = self.offered - self.abandoned_short
        return self.abandoned / counted if counted else 0.0

    @property
    def average_wait_s(self) -> float:
        """Average speed of answer; 0 when nobody was answered."""
        return fmean(self.waits_s) if self.waits_s else 0.0

    def wait_s(self, share: float) -> float:
        """The wait that `share` of those answered did not exceed (nearest rank); 0 when nobody was answered."""
        if not self.waits_s:
            return 0.0
        return self.waits_s[max(0, math.ceil(share * len(self.waits_s)) - 1)]


@dataclass(frozen=True, slots=True)
class DayResult:
    """What a day came to."""

    fates: tuple[Fate, ...]
    """Every stay, in the order in which they ended."""
    shares: tuple[Share, ...]
    """Every agent."""

    @property
    def overall(self) -> Figures:
        """All stays; a caller who overflows into another queue counts in both."""
        return Figures.of(self.fates)

    def queue(self, name: QueueName) -> Figures:
        """One queue's stays."""
        return self._only(lambda fate: fate.queue == name)

    def tier(self, tier: str) -> Figures:
        """The stays of one tier of customers."""
        return self._only(lambda fate: fate.tier == tier)

    @property
    def queues(self) -> tuple[QueueName, ...]:
        """Queues that somebody was in, by name."""
        return tuple(sorted({fate.queue for fate in self.fates}))

    @property
    def tiers(self) -> tuple[str, ...]:
        """Tiers that somebody had, by name."""
        return tuple(sorted({fate.tier for fate in self.fates}))

    @property
    def occupancy(self) -> float:
        """Of all agents together."""
        work_s = sum(share.work_s for share in self.shares)
        on_duty_s = work_s + sum(share.idle_s for share in self.shares)
        return work_s / on_duty_s if on_duty_s > 0 else 0.0

    @property
    def unevenness(self) -> float:
        """Coefficient of variation of the agents' occupancies: 0 is fair."""
        return variation([share.occupancy for share in self.shares if share.work_s + share.idle_s >= MIN_ON_DUTY_S])

    def _only(self, is_meant: Callable[[Fate], bool]) -> Figures:
        return Figures.of(fate for fate in self.fates if is_meant(fate))


def variation(figures: Sequence[float]) -> float:
    """Standard deviation / mean; 0 for fewer than two figures or a mean of 0."""
    if len(figures) < 2 or fmean(figures) == 0.0:
        return 0.0
    return pstdev(figures) / fmean(figures)
