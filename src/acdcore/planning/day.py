"""A day as data: who calls, who works, how phones answer, and what else happens; all random values are drawn already.

Times are seconds since the local midnight of the day; a night shift may run beyond 86,400.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.queues.inputs import CallerFacts, EntryId, Input, LeaveCause
from acdcore.queues.settings import AgentSettings, Channel, DispatcherSettings, OfferEnd

DAY_S = 86_400.0
"""Seconds of a day without a change of the clocks."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One caller, with every random value of this caller; these do not depend on what the call centre does."""

    entry: EntryId
    """A name used once in the day."""
    at: float
    """When the caller joins the queue."""
    queue: QueueName
    """The queue that the caller joins."""
    handling_s: float
    """Talk time with an agent of ordinary pace, seconds."""
    patience_s: float | None = None
    """Wait after which the caller leaves, seconds; None: the caller waits without end."""
    leaves_as: LeaveCause = LeaveCause.HUNG_UP
    """How the caller leaves when the patience ends: hangs up, or asks for a callback."""
    wrap_up_s: float | None = None
    """Wrap-up of an agent of ordinary pace, seconds, at most what the queue grants; None: all that the queue grants."""
    priority_s: float = 0.0
    """Priority, seconds of waiting granted in advance."""
    skills: Mapping[SkillName, int] = field(default_factory=dict)
    """What the caller needs beside the queue's skills."""
    facts: CallerFacts = field(default_factory=CallerFacts)
    """Tier, language, region."""
    channel: Channel = Channel.CALL
    """A call, or a callback or message that waits in the same queue."""
    preferred: AgentId | None = None
    """The preferred agent; None: none."""
    waited_s: float = 0.0
    """Seconds waited before; they count for the order."""
    chance: int = 0
    """Seed for what phones do when they ring for this caller."""


@dataclass(frozen=True, slots=True)
class WorkSpan:
    """A time in which an agent wants calls; between two spans the agent is on a break."""

    start: float
    end: float
    """Later than `start`; a talk at that moment is finished first."""


@dataclass(frozen=True, slots=True)
class Phone:
    """How an agent's phone is answered."""

    answers_s: tuple[float, ...] = (3.0,)
    """Observed times to answer, seconds; each is equally likely; at least one."""
    miss_share: float = 0.0
    """Share of the offers that are missed, 0 to 1."""
    miss_cause: OfferEnd = OfferEnd.NO_ANSWER
    """How offers are missed; `NO_ANSWER` rings for the whole ring time, other causes end after a time to answer."""
    returns_after_s: float = 120.0
    """Seconds after which an agent who was made not ready by misses is ready again."""


@dataclass(frozen=True, slots=True)
class Person:
    """One agent's day."""

    settings: AgentSettings
    """Who, with which skills."""
    spans: tuple[WorkSpan, ...]
    """Times at work, in order and not adjacent; the first begins with the log-in, the last ends with the log-out."""
    pace: float = 1.0
    """Handling times of this agent as a multiple of the ordinary ones."""
    phone: Phone = field(default_factory=Phone)
    """How this agent's phone is answered."""


@dataclass(frozen=True, slots=True)
class DayEvent:
    """Another input to the dispatcher: a reload, opening hours, a phone that fails, a call of an agent's own."""

    at: float
    input: Input


@dataclass(frozen=True, slots=True)
class Day:
    """The whole day; it is a value, so that a change makes another day."""

    settings: DispatcherSettings
    """The dispatcher's settings at the start of the day."""
    arrivals: tuple[Arrival, ...]
    """In any order."""
    people: tuple[Person, ...]
    """Each agent once."""
    events: tuple[DayEvent, ...] = ()
    """In any order; events of one instant come before arrivals and people."""
    until: float | None = None
    """End of the observation, callers perhaps still inside; None: when everybody is gone."""

    def draw(self, seed: int) -> "Day":
        """The same day with other random values for the phones."""
        arrivals = tuple(replace(arrival, chance=mix_seeds(seed, arrival.chance)) for arrival in self.arrivals)
        return replace(self, arrivals=arrivals)


def mix_seeds(seed: int, number: int) -> int:
    """A seed from two seeds, the same on every machine."""
    return (seed * 1_000_003 + number) & 0xFFFF_FFFF_FFFF


class DaySource(Protocol):
    """A source from which days can be drawn: one `Day`, a `Pattern`, a `RecordedDay`."""

    def draw(self, seed: int) -> Day:
        """One possible day; the same for the same seed."""
        ...
