"""Days made from rates: random calls at given rates by interval, with random handling times and patience."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from acdcore.kernel.ids import QueueName, SkillName
from acdcore.planning.day import Arrival, Day, Person, mix_seeds
from acdcore.queues.inputs import CallerFacts, EntryId
from acdcore.queues.settings import DispatcherSettings


@dataclass(frozen=True, slots=True)
class Duration:
    """A random length of time."""

    mean_s: float
    """Mean, seconds; infinite: without end."""
    variation: float = 1.0
    """Standard deviation / mean; 1: exponential, 0: fixed, otherwise lognormal, as talks are (Brown et al. 2005)."""

    def draw(self, rng: Random) -> float:
        """One random length, seconds."""
        if math.isinf(self.mean_s) or self.variation == 0.0 or self.mean_s == 0.0:
            return self.mean_s
        if self.variation == 1.0:
            return rng.expovariate(1.0 / self.mean_s)
        spread = math.log(1.0 + self.variation**2)
        return rng.lognormvariate(math.log(self.mean_s) - spread / 2.0, math.sqrt(spread))


@dataclass(frozen=True, slots=True)
class CallerKind:
    """A kind of callers within a stream."""

    share: float = 1.0
    """Weight among the kinds of the stream, 0 or more."""
    facts: CallerFacts = field(default_factory=CallerFacts)
    priority_s: float = 0.0
    skills: Mapping[SkillName, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stream:
    """The calls to one queue."""

    queue: QueueName
    calls: tuple[float, ...]
    """Expected calls in each interval of the pattern."""
    handling: Duration
    """Talk time."""
    patience: Duration = Duration(math.inf)
    wrap_up: Duration | None = None
    """Wrap-up; None: the whole time that the queue grants."""
    kinds: tuple[CallerKind, ...] = (CallerKind(),)


@dataclass(frozen=True, slots=True)
class Pattern:
    """The rates of days; days are drawn from it."""

    settings: DispatcherSettings
    streams: tuple[Stream, ...]
    people: tuple[Person, ...]
    interval_s: float = 1_800.0
    start: float = 0.0
    """When the first interval begins, seconds since midnight."""
    until: float | None = None
    """End of the observation, seconds since midnight; None: when everybody is gone."""

    def draw(self, seed: int) -> Day:
        """One day: a Poisson stream for each interval and queue."""
        arrivals: list[Arrival] = []
        for number, stream in enumerate(self.streams):
            arrivals += self._draw_arrivals(stream, Random(mix_seeds(seed, number)))
        arrivals.sort(key=lambda arrival: arrival.at)
        return Day(self.settings, tuple(arrivals), self.people, until=self.until)

    def _draw_arrivals(self, stream: Stream, rng: Random) -> list[Arrival]:
        arrivals: list[Arrival] = []
        weights = [kind.share for kind in stream.kinds]
        for interval, calls in enumerate(stream.calls):
            if calls <= 0.0:
                continue
            begin_s = self.start + interval * self.interval_s
            at = begin_s + rng.expovariate(calls / self.interval_s)
            while at < begin_s + self.interval_s:
                kind = rng.choices(stream.kinds, weights)[0]
                arrivals.append(_arrival(EntryId(f"{stream.queue}-{len(arrivals)}"), at, stream, kind, rng))
                at += rng.expovariate(calls / self.interval_s)
        return arrivals


def _arrival(entry: EntryId, at: float, stream: Stream, kind: CallerKind, rng: Random) -> Arrival:
    patience_s = stream.patience.draw(rng)
    return Arrival(
        entry,
        at,
        stream.queue,
        stream.handling.draw(rng),
        None if math.isinf(patience_s) else patience_s,
        wrap_up_s=None if stream.wrap_up is None else stream.wrap_up.draw(rng),
        priority_s=kind.priority_s,
        skills=kind.skills,
        facts=kind.facts,
        chance=rng.getrandbits(48),
    )
