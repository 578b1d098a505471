"""Routing policy: who may serve whom, which caller comes first, which agent comes first; pure functions.

Eligibility first, ordering second. An agent is eligible when every filter lets the agent through (`exclusion`); among
the eligible the smallest key wins, callers by `CallerKey`, agents by `AgentKey`.

Urgency = weight x (advance + ageing x waited). With ageing above 0 a caller can only be overtaken by those who join
within (difference of advance) / ageing seconds, so nobody starves.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import NamedTuple

from acdcore.kernel.ids import SkillName
from acdcore.queues.agent import Agent, Fairness
from acdcore.queues.model import AgentKey, AgentState, CallerKey
from acdcore.queues.settings import AgentSettings, QueueSettings, Strategy
from acdcore.queues.view import Exclusion

MEASURES: Mapping[Strategy, Callable[[Fairness], float]] = {
    Strategy.LONGEST_IDLE: attrgetter("idle_since"),
    Strategy.FEWEST_CALLS: attrgetter("answered"),
    Strategy.LEAST_OCCUPIED: attrgetter("idle_load"),
    Strategy.ROUND_ROBIN: attrgetter("last_offer"),
}
"""What each strategy compares, smallest first; constant while an agent is ready."""


class Place(NamedTuple):
    """A caller's place among the callers of one queue; it never changes while the caller waits."""

    measure: float
    """ageing x joined - advance: the urgency without what all share (the time that passes)."""
    joined_at: float
    serial: int


def place(queue: QueueSettings, advance_s: float, joined_at: float, serial: int) -> Place:
    """The caller's place in a queue."""
    return Place(queue.ageing * joined_at - advance_s, joined_at, serial)


def deficit_s(queue: QueueSettings, at_place: Place, now: float) -> float:
    """Minus the urgency of this moment."""
    return queue.weight * (at_place.measure - queue.ageing * now)


def caller_key(queue: QueueSettings, at_place: Place, now: float) -> CallerKey:
    """The caller's order against callers of other queues at this moment."""
    return CallerKey(deficit_s(queue, at_place, now), at_place.joined_at, at_place.serial)


def equal_place(queue: QueueSettings, key: CallerKey, now: float) -> Place:
    """The place in `queue` that would have the same key at this moment: the inverse of `caller_key`."""
    return Place(key.deficit_s / queue.weight + queue.ageing * now, key.joined_at, key.serial)


def needs(queue: QueueSettings, skills: Mapping[SkillName, int]) -> dict[SkillName, int]:
    """Skills with lowest levels that queue and caller ask for together; the higher level counts."""
    both = dict(queue.skills)
    for skill, level in skills.items():
        both[skill] = max(level, both.get(skill, 0))
    return both


def unskilled(agent: AgentSettings, needed: Mapping[SkillName, int]) -> tuple[Exclusion, SkillName] | None:
    """The first skill that keeps the agent from these callers; None: skilled for all of them."""
    for skill, level in needed.items():
        has = agent.skills.get(skill)
        if has is None:
            return Exclusion.SKILL_MISSING, skill
        if has < level:
            return Exclusion.LEVEL_TOO_LOW, skill
    return None


def agent_key(strategy: Strategy, needed: Mapping[SkillName, int], agent: AgentSettings, share: Fairness) -> AgentKey:
    """The agent's order for these callers: higher level first, then the strategy; constant while the agent is ready."""
    skills = agent.skills
    level = 0
    for skill in needed:  # a plain loop: this runs for every line of every agent who becomes ready
        level += skills[skill]
    return AgentKey(-level, MEASURES[strategy](share), share.idle_since, agent.agent)


def exclusion(
    agent: Agent, needed: Mapping[SkillName, int], held_until: float | None, now: float
) -> tuple[Exclusion | None, str]:
    """The first filter that keeps the agent from a caller, with its detail; (None, "") when none does.

    `held_until`: end of the hold when the agent has missed this very caller.
    """
    if agent.state is AgentState.LOGGED_OUT:
        return Exclusion.LOGGED_OUT, ""
    lacking = unskilled(agent.settings, needed)
    if lacking is not None:
        return lacking
    if agent.state is not AgentState.READY:
        return Exclusion(agent.state.value), agent.reason
    if held_until is not None and held_until > now:
        return Exclusion.TRIED, ""
    return None, ""
