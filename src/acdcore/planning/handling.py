"""How long talks and wrap-ups take, by queue and by agent, learnt from recorded ones.

A queue with enough talks is its own sample. A queue with few uses the talks of all queues, scaled towards its own mean
as far as its number of talks supports that. An agent's pace is shrunk towards 1 in the same way. Talk times scatter
some four times as much (standard deviation of the logarithm about 0.8) as agents differ (about 0.2), so 16 talks of an
agent weigh as much as what is known of all agents.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from acdcore.kernel.ids import AgentId, QueueName

WEIGHT_OF_ALL = 16.0
"""The prior of all talks weighs as much as this many talks; see above."""
ENOUGH = 50
"""From this many talks on, a queue is its own sample."""
SHORTEST_S = 0.1
"""Shorter talks count as this many seconds, so that their logarithm exists."""


@dataclass(frozen=True, slots=True)
class Talk:
    """One talk with its wrap-up."""

    agent: AgentId
    queue: QueueName
    talk_s: float
    wrap_up_s: float
    """Seconds; 0: no wrap-up."""


@dataclass(frozen=True, slots=True)
class Handling:
    """The handling times that `fit` has learnt."""

    paces: Mapping[AgentId, float]
    """Handling time of each agent as a multiple of the ordinary one."""
    samples: Mapping[QueueName, tuple[Talk, ...]]
    """Talks of each queue."""
    everything: tuple[Talk, ...]
    """Talks of all queues."""
    levels: Mapping[QueueName, float]
    """Mean of the logarithm of the handling time by queue, shrunk towards that of all."""
    level: float
    """Mean of the logarithm over all queues."""

    def pace(self, agent: AgentId) -> float:
        """The agent's factor; 1 for an unknown agent."""
        return self.paces.get(agent, 1.0)

    def ordinary(self, talk: Talk) -> Talk:
        """The same talk with an agent of ordinary pace."""
        pace = self.pace(talk.agent)
        return Talk(talk.agent, talk.queue, talk.talk_s / pace, talk.wrap_up_s / pace)

    def draw(self, queue: QueueName, chance: float) -> Talk | None:
        """A talk of the queue at ordinary pace; `chance` in [0, 1) selects it. None: no talk is known."""
        own = self.samples.get(queue, ())
        sample = own if len(own) >= ENOUGH else self.everything
        if not sample:
            return None
        talk = self.ordinary(sample[int(chance * len(sample))])
        factor = 1.0 if sample is own else math.exp(self.levels.get(queue, self.level) - self.level)
        return Talk(talk.agent, queue, talk.talk_s * factor, talk.wrap_up_s * factor)


def fit(talks: Iterable[Talk]) -> Handling:
    """Learn from any number of talks; none is allowed."""
    everything = tuple(talks)
    samples: dict[QueueName, list[Talk]] = defaultdict(list)
    for talk in everything:
        samples[talk.queue].append(talk)
    level = fmean(_log(talk) for talk in everything) if everything else 0.0
    levels = {
        queue: (sum(_log(talk) for talk in sample) + WEIGHT_OF_ALL * level) / (len(sample) + WEIGHT_OF_ALL)
        for queue, sample in samples.items()
    }
    residues: dict[AgentId, list[float]] = defaultdict(list)
    for talk in everything:
        residues[talk.agent].append(_log(talk) - levels[talk.queue])
    paces = {agent: math.exp(sum(own) / (len(own) + WEIGHT_OF_ALL)) for agent, own in residues.items()}
    frozen = {queue: tuple(sample) for queue, sample in samples.items()}
    return Handling(paces, frozen, everything, levels, level)


def _log(talk: Talk) -> float:
    return math.log(max(talk.talk_s, SHORTEST_S))
