"""Order keys and filters in words, for people who ask why."""

import math
from collections.abc import Mapping
from typing import Final

from acdcore.kernel.ids import SkillName
from acdcore.queues.agent import LOAD_MEMORY_S
from acdcore.queues.decisions import AgentKey, CallerKey
from acdcore.queues.settings import OverflowCause, Strategy
from acdcore.queues.views import BlockingRule, Candidate, Exclusion, Explanation

WHO_COMES_FIRST: Final[Mapping[Strategy, str]] = {
    Strategy.LONGEST_IDLE: "whose last contact ended first",
    Strategy.FEWEST_CALLS: "who has answered the fewest calls",
    Strategy.LEAST_OCCUPIED: "who has been at work for the smallest share of the recent time",
    Strategy.ROUND_ROBIN: "whose last offer is the oldest",
}
"""The second part of the agents' order, after the level."""
WHY_NOT_OFFERED: Final[Mapping[Exclusion | BlockingRule, str]] = {
    Exclusion.LOGGED_OUT: "logged out",
    Exclusion.SKILL_MISSING: "lacks the skill",
    Exclusion.LEVEL_TOO_LOW: "level too low",
    Exclusion.CHANNEL: "takes no contacts of this channel",
    Exclusion.UNREACHABLE: "phone not registered",
    Exclusion.NOT_READY: "not ready",
    Exclusion.BACKING_OFF: "in a back-off after a missed offer",
    Exclusion.BUSY: "in a call of the agent's own",
    Exclusion.OFFERED: "phone rings for another caller",
    Exclusion.TALKING: "talking",
    Exclusion.WRAP_UP: "wrapping up",
    Exclusion.TRIED: "has just missed this caller",
    Exclusion.RESERVED_FOR_ANOTHER: "caller is kept for another agent",
    BlockingRule.PAUSED: "in a side flow",
    BlockingRule.PREFERRED_AGENT: "kept for another agent",
    BlockingRule.MANUAL_ASSIGNMENT: "assigned manually only",
}
"""Why an agent was not offered the caller."""
WHY_OVERFLOWED: Final[Mapping[OverflowCause, str]] = {
    OverflowCause.WAIT: "the longest wait was over",
    OverflowCause.LENGTH: "the queue was full",
    OverflowCause.NOBODY_LOGGED_IN: "nobody who could serve was logged in",
    OverflowCause.ESTIMATED_WAIT: "the estimated wait was too long",
    OverflowCause.NOBODY_READY: "nobody who could serve was ready",
    OverflowCause.CLOSED: "the queue was closed",
}
"""Why a caller overflowed."""


def agent_key(strategy: Strategy, key: AgentKey, now: float) -> str:
    """An agent's order among the candidates: level first, then the figure of the queue's strategy."""
    free = f"free for {now - key.idle_since:.1f} s"
    match strategy:
        case Strategy.LONGEST_IDLE:
            measure = free
        case Strategy.FEWEST_CALLS:
            measure = f"answered {key.measure:.0f}, {free}"
        case Strategy.LEAST_OCCUPIED:
            load = math.exp(min(0.0, key.measure - now / LOAD_MEMORY_S))
            measure = f"occupied {load:.0%}, {free}"
        case Strategy.ROUND_ROBIN:
            measure = f"last offer no. {key.measure:.0f}, {free}" if key.measure else f"no offer yet, {free}"
    return f"level {-key.minus_level}, {measure}"


def urgency(key: CallerKey) -> str:
    """The urgency of a caller; the highest is served first."""
    return f"urgency {0.0 - key.deficit_s:.1f} s"


def caller_key(why: Explanation) -> str:
    """A caller's urgency, and what it is made of."""
    lead = f" and {why.priority_s:+g} s in advance" if why.priority_s else ""
    return f"{urgency(why.key)}, after {why.waited_s:.1f} s in this queue{lead}"


def needs(skills: Mapping[SkillName, int]) -> str:
    """The skills that a caller needs, with their levels."""
    return ", ".join(f"{skill} {level} or more" for skill, level in skills.items()) or "no skill"


def candidate_reason(candidate: Candidate) -> str:
    """Why a candidate was excluded, with its detail; for one who was not, the detail or that an offer was possible."""
    if candidate.exclusion is None:
        return candidate.detail or "could be offered the caller"
    detail = f": {candidate.detail}" if candidate.detail else ""
    return f"{WHY_NOT_OFFERED[candidate.exclusion]}{detail}"
