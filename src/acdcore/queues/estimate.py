"""How long a caller will wait, estimated from the pace at which agents took callers of the queue lately.

The pace is measured only while somebody waits with no phone ringing: then every agent who becomes free is offered a
caller at once. Counted in that time, and forgotten exponentially:
- offers, times the share of them that is answered, for each second of an agent on duty: the pace of one agent;
- callers who gave up, for each second of a waiting caller: this impatience shortens the line ahead;
- seconds of ringing for each caller connected: the time that the caller's own offer adds.

The wait at place k is the sum of k gaps: the callers ahead leave at the pace of the agents plus the impatience of
those who are still ahead (the birth-death chain of the Erlang A model). Its mean and variance, with the
uncertainty of the measured pace itself, are taken as those of a gamma distribution, and the quantile as Wilson and
Hilferty approximate it (Proc. Natl. Acad. Sci. 17, 1931, p. 684).

Every event and every estimate costs the same, however many callers wait.
"""

import math
from dataclasses import dataclass, field, replace

from acdcore.kernel.ids import QueueName

MEMORY_S = 2_400.0
"""Time constant of forgetting, seconds: long enough for some 20 offers of a queue of three agents, short enough to
follow a shift. Changes of staff need no forgetting, since the pace is counted for one agent."""
MIN_OFFERS = 8.0
"""Offers remembered below which there is no estimate: the pace would be uncertain by more than a third."""
QUANTILE = 0.70
"""Share of answered callers whose wait shall not exceed the estimate."""
QUANTILE_NORMAL = 0.5244
"""The standard normal quantile of `QUANTILE`."""


@dataclass(slots=True)
class QueuePace:
    """What is remembered of one queue, as of `as_of`; "faded" figures are forgotten exponentially."""

    as_of: float
    """The time of the last event, monotonic seconds."""
    standing: int = 0
    """Callers who wait with no phone ringing for them."""
    standing_since: float = 0.0
    """Since when there has been at least one such caller."""
    ringing: int = 0
    """Callers for whom a phone rings now."""
    on_duty: int = 0
    """Agents on duty who may serve, as of the last event that said so."""
    offers: float = 0.0
    """Offers to callers who had to wait, faded; an offer at the moment of joining says nothing about the pace."""
    agents_s: float = 0.0
    """Seconds of agents on duty while somebody waited, faded."""
    departures: float = 0.0
    """Callers who left the line without an agent, faded."""
    stood_s: float = 0.0
    """Seconds of callers waiting, faded."""
    answers: float = 0.0
    """Offers that were answered, faded."""
    misses: float = 0.0
    """Offers that were not answered, faded."""
    rung_s: float = 0.0
    """Seconds of phones ringing, faded."""

    def advance(self, at: float) -> None:
        """Let time pass up to `at`: fade what was remembered, and add waiting and ringing time."""
        passed_s = at - self.as_of
        if passed_s <= 0:
            return
        self.as_of = at
        kept = math.exp(-passed_s / MEMORY_S)
        fresh_s = MEMORY_S * (1.0 - kept)  # seconds of this period, faded: the integral of the fading
        self.offers *= kept
        self.departures *= kept
        self.answers *= kept
        self.misses *= kept
        self.agents_s *= kept
        if self.standing:
            self.agents_s += self.on_duty * fresh_s
        self.stood_s = self.stood_s * kept + self.standing * fresh_s
        self.rung_s = self.rung_s * kept + self.ringing * fresh_s

    def stand(self) -> None:
        """Count one waiting caller more."""
        if not self.standing:
            self.standing_since = self.as_of
        self.standing += 1

    def go(self) -> None:
        """Count one waiting caller fewer."""
        self.standing = max(0, self.standing - 1)

    def stop_ringing(self) -> None:
        """Count one ringing phone fewer."""
        self.ringing = max(0, self.ringing - 1)


@dataclass(slots=True)
class Estimator:
    """The paces of all queues: takes every step of every caller, and gives estimates.

    Times are monotonic seconds and do not run backwards. `on_duty` is the number of agents on duty who may serve the
    caller in question. A caller who only moves to another line of the same queue takes no step.
    """

    paces: dict[QueueName, QueuePace] = field(default_factory=dict)
    """The whole state; at most one pace for each queue that was ever configured."""

    def joined(self, queue: QueueName, on_duty: int, at: float) -> None:
        """A caller begins to wait, by coming in or by coming back from a pause."""
        pace = self._advance(queue, at)
        pace.on_duty = on_duty
        pace.stand()

    def offered(self, queue: QueueName, on_duty: int, at: float) -> None:
        """A phone begins to ring for a waiting caller."""
        pace = self._advance(queue, at)
        pace.on_duty = on_duty
        pace.offers += pace.standing > 0 and pace.standing_since < at
        pace.go()
        pace.ringing += 1

    def missed(self, queue: QueueName, at: float) -> None:
        """The offer was not answered, on whichever side it ended: the caller waits again."""
        pace = self._advance(queue, at)
        pace.misses += 1
        pace.stop_ringing()
        pace.stand()

    def connected(self, queue: QueueName, at: float) -> None:
        """The offer was answered: the caller is out of the queue."""
        pace = self._advance(queue, at)
        pace.answers += 1
        pace.stop_ringing()

    def left(self, queue: QueueName, at: float) -> None:
        """A waiting caller left the queue without an agent: hung up, overflowed, or was taken out."""
        pace = self._advance(queue, at)
        pace.departures += 1
        pace.go()

    def paused(self, queue: QueueName, at: float) -> None:
        """A waiting caller keeps the place but cannot be offered for now; `joined` follows when that is over."""
        self._advance(queue, at).go()

    def estimate(self, queue: QueueName, position: int, on_duty: int, at: float) -> float | None:
        """The wait until the answer, in seconds, that `QUANTILE` of the answered callers at `position` do not exceed.

        `position` counts from 1 (the next) and includes callers for whom a phone rings. None: no agent is on duty, or
        fewer than `MIN_OFFERS` are remembered. A caller who can be offered to a ready agent at once needs no estimate.
        """
        pace = self.paces.get(queue)
        if pace is None or on_duty <= 0:
            return None
        known = replace(pace)
        known.advance(at)
        return _quantile_s(known, position, on_duty) if known.offers >= MIN_OFFERS else None

    def _advance(self, queue: QueueName, at: float) -> QueuePace:
        pace = self.paces.get(queue)
        if pace is None:
            pace = self.paces[queue] = QueuePace(at)
        else:
            pace.advance(at)
        return pace


def _quantile_s(pace: QueuePace, position: int, on_duty: int) -> float | None:
    """`QUANTILE` of the gaps of the callers ahead, plus the ringing time of the caller's own offer, in seconds."""
    if pace.agents_s <= 0 or pace.answers <= 0:
        return None
    answered = pace.answers / (pace.answers + pace.misses)
    per_s = pace.offers * answered / pace.agents_s * on_duty
    impatience = pace.departures / pace.stood_s if pace.stood_s > 0 else 0.0
    ahead = max(position - pace.ringing, 1)
    mean_s, variance = _gaps(per_s, impatience, ahead)
    variance += mean_s * mean_s / pace.offers  # the measured pace rests on so many gaps
    return _gamma_quantile(mean_s, variance) + pace.rung_s / pace.answers


def _gaps(per_s: float, impatience: float, count: int) -> tuple[float, float]:
    """Mean and variance of the sum of `count` exponential gaps of rates per_s + i x impatience, i from 0.

    The sums over i from 1 are taken as integrals from 1/2 to count - 1/2, so that a long line costs no more.
    """
    mean_s, variance = 1.0 / per_s, 1.0 / per_s**2
    if count == 1:
        return mean_s, variance
    if impatience * count < 1e-6 * per_s:
        return count * mean_s, count * variance
    first, last = per_s + 0.5 * impatience, per_s + (count - 0.5) * impatience
    return mean_s + math.log(last / first) / impatience, variance + (1.0 / first - 1.0 / last) / impatience


def _gamma_quantile(mean: float, variance: float) -> float:
    """The `QUANTILE` of a gamma distribution by Wilson and Hilferty: the cube root is close to normal."""
    ninth = variance / (9.0 * mean * mean)
    return float(mean * (1.0 - ninth + QUANTILE_NORMAL * math.sqrt(ninth)) ** 3)
