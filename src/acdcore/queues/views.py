"""Read models: what the control plane shows of the dispatcher at one moment; plain values, safe to keep."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from acdcore.kernel.ids import AgentId, QueueName, SkillName
from acdcore.queues.decisions import AgentKey, AgentState, CallerKey, Offered, Overflowed, ReservedForAgent, Widened
from acdcore.queues.inputs import Channel, EntryId
from acdcore.queues.live_figures import AgentFigures, QueueFigures
from acdcore.queues.settings import Strategy


@dataclass(frozen=True, slots=True)
class WaitingView:
    """A caller in a queue."""

    entry: EntryId
    label: str
    """As given with `CallerJoined`."""
    position: int
    """1 is next, VIPs' priority included."""
    waited_s: float
    """Time in this queue."""
    waited_total_s: float
    """Since joining the first queue; what the order counts."""
    priority_s: float
    agent: AgentId | None
    """Whose phone rings for the caller, if any."""
    channel: Channel = Channel.CALL
    is_paused: bool = False
    """In a side flow: keeps the place and is not offered."""
    widening_step: int = 0
    """The last widening step reached; 0: none."""
    reserved_for: AgentId | None = None
    """For whom the caller is kept, if for anybody."""


@dataclass(frozen=True, slots=True)
class QueueView:
    """A queue."""

    queue: QueueName
    waiting: tuple[WaitingView, ...]
    """Callers waiting or ringing, in the order of their positions."""
    agents_on_duty: int
    """Agents with the queue's skills who take calls, logged in, phone reachable."""
    agents_ready: int
    """Those of them who are ready now."""
    figures: QueueFigures
    """Counters since the start, of callers on the line."""
    is_open: bool = True
    """False: the overflow rule for `closed` holds."""
    expected_wait_s: float | None = None
    """The wait, not rounded, that an ordinary caller who comes now is to expect; 0 while somebody is ready."""
    work_figures: Mapping[Channel, QueueFigures] = field(default_factory=dict)
    """The same counters of callbacks and messages; a channel that was never used has none."""


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent."""

    agent: AgentId
    name: str
    skills: Mapping[SkillName, int]
    state: AgentState
    reason: str
    since: float
    """When the state began."""
    until: float | None
    """When it ends by itself (wrap-up, back-off)."""
    entry: EntryId | None
    """The caller ringing or talking."""
    queue: QueueName | None
    """That caller's queue, or the one whose talk is wrapped up."""
    misses: int
    """Missed offers in a row."""
    figures: AgentFigures
    """Counters since the start, the running state's time included."""


class AgentSummary(NamedTuple):
    """What a wallboard shows of an agent: a tuple, since wallboards ask for all agents once a second."""

    state: AgentState
    reason: str
    since: float
    """When the state began."""
    entry: EntryId | None
    """The caller ringing or talking."""
    answered: int
    """Offers taken since the start."""
    misses: int
    """Offers not taken since the start."""


@dataclass(frozen=True, slots=True)
class DispatcherView:
    """The whole dispatcher."""

    at: float
    queues: tuple[QueueView, ...]
    agents: tuple[AgentView, ...]
    """In the order in which they first appeared."""


class Exclusion(StrEnum):
    """The first filter, in this order, that keeps an agent from a caller."""

    LOGGED_OUT = "logged_out"
    SKILL_MISSING = "skill_missing"
    LEVEL_TOO_LOW = "level_too_low"
    CHANNEL = "channel"
    """Takes no contacts of this kind."""
    UNREACHABLE = "unreachable"
    NOT_READY = "not_ready"
    BACKING_OFF = "backing_off"
    BUSY = "busy"
    OFFERED = "offered"
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    TRIED = "tried"
    """Missed this very caller less than `retry_after_miss_s` ago."""
    RESERVED_FOR_ANOTHER = "reserved_for_another"
    """The caller is kept for another agent for the moment."""


class BlockingRule(StrEnum):
    """Why a caller is not offered to an agent who could serve."""

    PAUSED = "paused"
    """The caller is in a side flow."""
    PREFERRED_AGENT = "preferred_agent"
    """The caller is kept for one agent for a bounded time."""
    MANUAL_ASSIGNMENT = "manual_assignment"
    """Callers of this queue are assigned manually."""


class TimerName(StrEnum):
    """What is running for a waiting caller."""

    WAIT = "overflow after wait"
    WIDENING = "next widening step"
    LANGUAGE = "language needed"
    PREFERRED_AGENT = "reservation for agent"
    TRIED = "tried agents again"
    ANNOUNCEMENT = "announcement"
    OFFER = "ringing ends"


@dataclass(frozen=True, slots=True)
class CallerTimer:
    """One of them."""

    name: TimerName
    at: float
    """Monotonic seconds."""


MISSED_BEFORE = "missed this caller before"
"""Detail of an agent who may be offered the caller again, after all who never were."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One agent, seen from one caller."""

    agent: AgentId
    exclusion: Exclusion | None
    """None: this agent may be offered the caller now."""
    detail: str
    """The skill missing, the reason for not being ready, `MISSED_BEFORE`, or empty."""
    key: AgentKey | None
    """Place among the candidates, for those who are not excluded."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a caller still waits."""

    entry: EntryId
    queue: QueueName
    position: int
    key: CallerKey
    """Place among the callers at this moment."""
    ringing: AgentId | None
    """Whose phone rings, if any; then the candidates are the others."""
    candidates: tuple[Candidate, ...]
    """All agents known, the best first (those who missed this very caller last), then the excluded ones in the order
    of their filters."""
    needs: Mapping[SkillName, int] = field(default_factory=dict)
    """Skills asked for at this moment, with their lowest levels."""
    widening_step: int = 0
    """The last widening step reached; 0: none."""
    timers: tuple[CallerTimer, ...] = ()
    """What is running for this caller, the next first."""
    blocked_by: BlockingRule | None = None
    """The rule that keeps agents who could serve from being offered the caller."""
    would_change: tuple[str, ...] = ()
    """What would get the caller served, in words, the nearest first; at most `explain.MAX_CHANGES`."""
    strategy: Strategy = Strategy.LONGEST_IDLE
    """What the agents' measure is."""
    waited_s: float = 0.0
    """Time in this queue."""
    priority_s: float = 0.0
    """Seconds of waiting granted in advance."""


@dataclass(frozen=True, slots=True)
class CompetingCaller:
    """Somebody else who waited while an agent was given a caller."""

    entry: EntryId
    label: str
    """As given with `CallerJoined`."""
    queue: QueueName
    key: CallerKey
    """Place among the callers at that moment."""
    waited_s: float
    """Since joining the first queue; what the order counts."""
    excluded_by: Exclusion | BlockingRule | None
    """What kept the caller from that agent; None: nothing but the order."""
    detail: str
    """The skill missing, or empty."""


Choice = Offered | Overflowed | Widened | ReservedForAgent
"""Decisions on a caller that are made from the whole dispatcher."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a decision on a caller was made from: the dispatcher at that moment, before the decision took effect."""

    choice: Choice
    """What was decided."""
    explanation: Explanation
    """Candidates with filters and keys; of an offer, the agent chosen is still among them."""
    competing_callers: tuple[CompetingCaller, ...] = ()
    """Of an offer: who else waited and was not rung for, the most urgent first; at most `explain.MAX_RIVALS`."""
    competing_callers_total: int = 0
    """How many there were."""
