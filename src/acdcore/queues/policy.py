"""Routing policy as pure functions: which agents may serve a caller, which caller comes first, which agent first.

Eligibility first, ordering second. An agent is eligible when no filter excludes the agent (`exclusion`). Among the
eligible the smallest key wins: `CallerKey` for callers, `AgentKey` for agents.

Urgency = weight x (priority + ageing x waited). With ageing above 0, only callers who join within (difference of
priority) / ageing seconds can overtake, so nobody starves.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import NamedTuple

from acdcore.kernel.ids import AgentId, SkillName
from acdcore.queues.agent import Agent, Fairness
from acdcore.queues.decisions import AgentKey, AgentState, CallerKey
from acdcore.queues.inputs import CallerFacts, Channel
from acdcore.queues.settings import AgentSettings, NeedRule, QueueSettings, Strategy, WideningStep
from acdcore.queues.views import Exclusion

MEASURES: Mapping[Strategy, Callable[[Fairness], float]] = {
    Strategy.LONGEST_IDLE: attrgetter("idle_since"),
    Strategy.FEWEST_CALLS: attrgetter("answered"),
    Strategy.LEAST_OCCUPIED: attrgetter("idle_load"),
    Strategy.ROUND_ROBIN: attrgetter("last_offer"),
}
"""The figure that each strategy compares, smallest first; constant while an agent is ready."""


class Demand(NamedTuple):
    """What callers of one queue need at this moment; callers with the same demand form one line."""

    skills: Mapping[SkillName, int]
    """Skills with the lowest level that is enough."""
    channel: Channel = Channel.CALL
    only: AgentId | None = None
    """The only agent who may serve; None: any agent."""


class Place(NamedTuple):
    """A caller's place among the callers of one queue; it never changes while the caller waits."""

    measure: float
    """ageing x joined - priority: the urgency without the part that time adds to all callers alike."""
    joined_at: float
    serial: int


def place_of(queue: QueueSettings, priority_s: float, joined_at: float, serial: int) -> Place:
    """The caller's place in a queue."""
    return Place(queue.ageing * joined_at - priority_s, joined_at, serial)


def deficit_s(queue: QueueSettings, at_place: Place, now: float) -> float:
    """Minus the urgency of this moment."""
    return queue.weight * (at_place.measure - queue.ageing * now)


def caller_key(queue: QueueSettings, at_place: Place, now: float) -> CallerKey:
    """The caller's order against callers of other queues at this moment."""
    return CallerKey(deficit_s(queue, at_place, now), at_place.joined_at, at_place.serial)


def equal_place(queue: QueueSettings, key: CallerKey, now: float) -> Place:
    """The place in `queue` that has the same key at this moment: the inverse of `caller_key`."""
    return Place(key.deficit_s / queue.weight + queue.ageing * now, key.joined_at, key.serial)


def needs(queue: QueueSettings, skills: Mapping[SkillName, int], facts: CallerFacts) -> dict[SkillName, int]:
    """The skills that the queue, its rules and the caller ask for; of several levels the highest counts."""
    together = dict(queue.skills)
    _raise(together, skills)
    for rule in queue.rules:
        if _applies(rule, facts):
            _raise(together, rule.skills)
    return together


def language_need(queue: QueueSettings, facts: CallerFacts) -> dict[SkillName, int]:
    """The caller's language as a skill; empty: it is the queue's first language, or the queue needs none."""
    if not queue.language_level or facts.language in ("", queue.first_language):
        return {}
    return {SkillName(facts.language): queue.language_level}


def apply_widening(needed: Mapping[SkillName, int], steps: tuple[WideningStep, ...]) -> dict[SkillName, int]:
    """What is left of the needs when these steps are reached; a widening step lowers needs and never adds one."""
    left = dict(needed)
    for step in steps:
        for skill, level in step.skills.items():
            if level < left.get(skill, 0):
                left[skill] = level
    return {skill: level for skill, level in left.items() if level > 0}


def widening_step_at_entry(steps: tuple[WideningStep, ...], estimated_s: float | None) -> int:
    """The last widening step, from 1, reached on entry, by the estimated wait or because its time is 0; 0: none."""
    reached = 0
    for number, step in enumerate(steps, 1):
        limit_s = step.estimated_wait_s
        is_long = limit_s is not None and estimated_s is not None and estimated_s > limit_s
        if is_long or step.after_s <= 0:
            reached = number
    return reached


def widening_step_reached(steps: tuple[WideningStep, ...], queued_at: float, now: float) -> int:
    """The last widening step, from 1, whose time has come; 0: none."""
    return sum(now >= queued_at + step.after_s for step in steps)


def _applies(rule: NeedRule, facts: CallerFacts) -> bool:
    return (
        (not rule.tiers or facts.tier in rule.tiers)
        and (not rule.languages or facts.language in rule.languages)
        and (not rule.regions or facts.region in rule.regions)
    )


def _raise(levels: dict[SkillName, int], skills: Mapping[SkillName, int]) -> None:
    for skill, level in skills.items():
        levels[skill] = max(level, levels.get(skill, 0))


def settings_exclusion(agent: AgentSettings, demand: Demand) -> tuple[Exclusion, str] | None:
    """The first filter on the agent's settings that excludes the agent, with its detail; None: none does."""
    for skill, level in demand.skills.items():
        has = agent.skills.get(skill)
        if has is None:
            return Exclusion.SKILL_MISSING, skill
        if has < level:
            return Exclusion.LEVEL_TOO_LOW, skill
    if not agent.takes(demand.channel):
        return Exclusion.CHANNEL, demand.channel
    return None


def agent_key(strategy: Strategy, needed: Mapping[SkillName, int], agent: AgentSettings, share: Fairness) -> AgentKey:
    """The agent's order for these callers: higher level first, then the strategy; constant while the agent is ready."""
    skills = agent.skills
    level = 0
    for skill in needed:  # a plain loop: this runs for every line of every agent who becomes ready
        level += skills.get(skill, 0)  # a manual assignment may choose an agent who lacks the skill
    return AgentKey(-level, MEASURES[strategy](share), share.idle_since, agent.agent)


def exclusion(agent: Agent, demand: Demand, retry_at: float | None, now: float) -> tuple[Exclusion | None, str]:
    """The first filter that excludes the agent for a caller, with its detail; (None, ""): none does.

    `retry_at`: when the agent may be tried again after a miss of this very caller, monotonic seconds; None: no miss.
    """
    if agent.state is AgentState.LOGGED_OUT:
        return Exclusion.LOGGED_OUT, ""
    lacking = settings_exclusion(agent.settings, demand)
    if lacking is not None:
        return lacking
    if agent.state is not AgentState.READY:
        return Exclusion(agent.state.value), agent.reason
    if retry_at is not None and retry_at > now:
        return Exclusion.TRIED, ""
    if demand.only is not None and demand.only != agent.id:
        return Exclusion.RESERVED_FOR_ANOTHER, demand.only
    return None, ""
