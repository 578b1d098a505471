"""A day as data: who calls, who works, how phones answer, and what else happens; chance has been drawn already.

Times are seconds since the local midnight of the day; a night shift may run beyond 86,400.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.queues.inputs import CallerFacts, EntryId, Input, LeaveCause
from acdcore.queues.settings import AgentSettings, Channel, DispatcherSettings, OfferEnd

DAY_S = 86_400.0
"""A day without a change of the clocks."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One caller, with everything that chance decides about this caller; the same whatever the centre does."""

    entry: EntryId
    """A name used once in the day."""
    at: float
    """When the caller joins the queue."""
    queue: QueueName
    """Where the caller joins."""
    handling_s: float
    """Talk with an agent of ordinary pace."""
    patience_s: float | None = None
    """Wait after which the caller leaves; None: waits for ever."""
    leaves_as: LeaveCause = LeaveCause.HUNG_UP
    """How the caller leaves when the patience ends: hangs up, or asks for a callback."""
    wrap_up_s: float | None = None
    """Notes of an agent of ordinary pace; None, or longer than the queue grants: all that the queue grants."""
    priority_s: float = 0.0
    """Priority, seconds of waiting granted in advance."""
    skills: Mapping[SkillName, int] = field(default_factory=dict)
    """What the caller needs beside the queue's skills."""
    facts: CallerFacts = field(default_factory=CallerFacts)
    """Tier, language, region."""
    channel: Channel = Channel.CALL
    """A call, or work that waits in the same queue."""
    preferred: AgentId | None = None
    """The agent whom the caller knows."""
    waited_s: float = 0.0
    """Waited elsewhere before."""
    chance: int = 0
    """Seed of what phones do when they ring for this caller."""


@dataclass(frozen=True, slots=True)
class WorkSpan:
    """Time in which an agent wants calls; between two spans is a break."""

    start: float
    end: float
    """Later than `start`; a talk at that moment is finished first."""


@dataclass(frozen=True, slots=True)
class Phone:
    """How an agent's phone is answered."""

    answers_s: tuple[float, ...] = (3.0,)
    """Observed times to answer, each as likely; at least one."""
    miss_share: float = 0.0
    """Share of the offers that come to nothing."""
    miss_cause: OfferEnd = OfferEnd.NO_ANSWER
    """How they come to nothing; `NO_ANSWER` rings to the end, any other cause ends after a time to answer."""
    returns_after_s: float = 120.0
    """When an agent who was made not ready by misses is back."""


@dataclass(frozen=True, slots=True)
class Person:
    """One agent's day."""

    settings: AgentSettings
    """Who, with which skills."""
    spans: tuple[WorkSpan, ...]
    """When at work, in the order of time, apart from each other; the first begins with the log-in, the last ends with
    the log-out."""
    pace: float = 1.0
    """Handling times of this agent as a multiple of the ordinary ones."""
    phone: Phone = field(default_factory=Phone)
    """How the phone is answered."""


@dataclass(frozen=True, slots=True)
class DayEvent:
    """Something else that the dispatcher is told: a reload, opening hours, a phone that fails, a call of an agent's
    own."""

    at: float
    input: Input


@dataclass(frozen=True, slots=True)
class Day:
    """All of it; a value, so that a change makes another day."""

    settings: DispatcherSettings
    """The queues at the day's start."""
    arrivals: tuple[Arrival, ...]
    """In any order."""
    people: tuple[Person, ...]
    """Each agent once."""
    events: tuple[DayEvent, ...] = ()
    """In any order; in one instant they come before arrivals and people."""
    until: float | None = None
    """When the observation ends, with callers perhaps still inside; None: when everybody is gone."""

    def draw(self, seed: int) -> "Day":
        """The same day with other luck of the phones."""
        arrivals = tuple(replace(arrival, chance=mix_seeds(seed, arrival.chance)) for arrival in self.arrivals)
        return replace(self, arrivals=arrivals)


def mix_seeds(seed: int, number: int) -> int:
    """A seed made of two, the same everywhere."""
    return (seed * 1_000_003 + number) & 0xFFFF_FFFF_FFFF


class DaySource(Protocol):
    """Anything that days can be drawn from: one `Day`, a `Pattern`, a `Recording`."""

    def draw(self, seed: int) -> Day:
        """One possible day; the same for the same seed."""
        ...
