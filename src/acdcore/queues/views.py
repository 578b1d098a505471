"""Read models: what the control plane shows of the dispatcher at one moment. They are plain values, safe to keep."""

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
    """Time in this queue, seconds."""
    waited_total_s: float
    """Time since joining the first queue, seconds; the order counts this."""
    priority_s: float
    agent: AgentId | None
    """The agent whose phone rings for the caller; None: no phone rings."""
    channel: Channel = Channel.CALL
    is_paused: bool = False
    """In a side flow: the caller keeps the place and is not offered."""
    widening_step: int = 0
    """The last widening step reached; 0: none."""
    reserved_for: AgentId | None = None
    """The agent for whom the caller is kept; None: any agent."""


@dataclass(frozen=True, slots=True)
class QueueView:
    """A queue."""

    queue: QueueName
    waiting: tuple[WaitingView, ...]
    """Callers waiting or ringing, in the order of their positions."""
    agents_on_duty: int
    """Agents with the queue's skills who take calls, are logged in and have a reachable phone."""
    agents_ready: int
    """Those of them who are ready now."""
    figures: QueueFigures
    """Counters since the start, of callers on the line."""
    is_open: bool = True
    """False: the overflow rule for `closed` applies to callers who come."""
    expected_wait_s: float | None = None
    """Estimated wait of an ordinary caller who comes now, not rounded, seconds; 0: an agent is ready; None: unknown."""
    work_figures: Mapping[Channel, QueueFigures] = field(default_factory=dict)
    """The same counters for callbacks and messages; a channel that was never used is absent."""


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent."""

    agent: AgentId
    name: str
    skills: Mapping[SkillName, int]
    state: AgentState
    reason: str
    since: float
    """When the state began, monotonic seconds."""
    until: float | None
    """When the state ends by itself (wrap-up, back-off), monotonic seconds; None: it does not."""
    entry: EntryId | None
    """The caller who rings or talks; None: no caller."""
    queue: QueueName | None
    """The queue of that caller, or of the talk that is wrapped up; None: no contact."""
    misses: int
    """Missed offers in a row."""
    figures: AgentFigures
    """Counters since the start, with the time in the present state."""


class AgentSummary(NamedTuple):
    """What a wallboard shows of an agent; a tuple, since wallboards ask for all agents once a second."""

    state: AgentState
    reason: str
    since: float
    """When the state began, monotonic seconds."""
    entry: EntryId | None
    """The caller who rings or talks; None: no caller."""
    answered: int
    """Offers answered since the start."""
    misses: int
    """Offers missed since the start."""


@dataclass(frozen=True, slots=True)
class DispatcherView:
    """The whole dispatcher."""

    at: float
    queues: tuple[QueueView, ...]
    agents: tuple[AgentView, ...]
    """In the order in which they first logged in or had a phone."""


class Exclusion(StrEnum):
    """The first filter, in this order, that excludes an agent for a caller."""

    LOGGED_OUT = "logged_out"
    SKILL_MISSING = "skill_missing"
    LEVEL_TOO_LOW = "level_too_low"
    CHANNEL = "channel"
    """The agent takes no contacts of this channel."""
    UNREACHABLE = "unreachable"
    NOT_READY = "not_ready"
    BACKING_OFF = "backing_off"
    BUSY = "busy"
    OFFERED = "offered"
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    TRIED = "tried"
    """The agent missed this caller less than `retry_after_miss_s` ago."""
    RESERVED_FOR_ANOTHER = "reserved_for_another"
    """The caller is kept for another agent at this moment."""


class BlockingRule(StrEnum):
    """Why a caller is not offered to an agent who could serve."""

    PAUSED = "paused"
    """The caller is in a side flow."""
    PREFERRED_AGENT = "preferred_agent"
    """The caller is kept for one agent for a bounded time."""
    MANUAL_ASSIGNMENT = "manual_assignment"
    """Callers of this queue are assigned manually."""


class TimerName(StrEnum):
    """A timer that runs for a waiting caller."""

    WAIT = "overflow after wait"
    WIDENING = "next widening step"
    LANGUAGE = "language needed"
    PREFERRED_AGENT = "reservation for agent"
    TRIED = "tried agents again"
    ANNOUNCEMENT = "announcement"
    OFFER = "ringing ends"


@dataclass(frozen=True, slots=True)
class CallerTimer:
    """One timer and the time at which it ends."""

    name: TimerName
    at: float
    """Monotonic seconds."""


MISSED_BEFORE = "missed this caller before"
"""Detail of an agent who missed this caller and may be tried again, after all agents who did not miss it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One agent, seen from one caller."""

    agent: AgentId
    exclusion: Exclusion | None
    """None: this agent may be offered the caller now."""
    detail: str
    """The missing skill, the reason for not being ready, `MISSED_BEFORE`, or ""."""
    key: AgentKey | None
    """Order among the candidates; None: excluded."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a caller still waits."""

    entry: EntryId
    queue: QueueName
    position: int
    key: CallerKey
    """Order among the callers at this moment."""
    ringing: AgentId | None
    """The agent whose phone rings; the candidates are then the other agents; None: no phone rings."""
    candidates: tuple[Candidate, ...]
    """All known agents: first those not excluded, the best first (after them those who missed this caller), then the
    excluded ones in the order of the filters."""
    needs: Mapping[SkillName, int] = field(default_factory=dict)
    """Skills needed at this moment, each with its lowest level."""
    widening_step: int = 0
    """The last widening step reached; 0: none."""
    timers: tuple[CallerTimer, ...] = ()
    """The timers that run for this caller, the next first."""
    blocked_by: BlockingRule | None = None
    """The rule that keeps the caller from agents who could serve; None: no rule does."""
    would_change: tuple[str, ...] = ()
    """What would get the caller served, in words, the nearest first; at most `explain.MAX_CHANGES`."""
    strategy: Strategy = Strategy.LONGEST_IDLE
    """The queue's strategy, which says what the measure in the agents' keys means."""
    waited_s: float = 0.0
    """Time in this queue, seconds."""
    priority_s: float = 0.0
    """Seconds of waiting granted in advance."""


@dataclass(frozen=True, slots=True)
class CompetingCaller:
    """Another caller who waited when an agent was offered a caller."""

    entry: EntryId
    label: str
    """As given with `CallerJoined`."""
    queue: QueueName
    key: CallerKey
    """Order among the callers at that moment."""
    waited_s: float
    """Time since joining the first queue, seconds; the order counts this."""
    excluded_by: Exclusion | BlockingRule | None
    """What kept this caller from that agent; None: only the order."""
    detail: str
    """The missing skill, or ""."""


Choice = Offered | Overflowed | Widened | ReservedForAgent
"""Decisions about a caller that depend on the whole dispatcher."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a decision about a caller was based on: the dispatcher before the decision took effect."""

    choice: Choice
    """The decision."""
    explanation: Explanation
    """Candidates with filters and keys; for an offer, the chosen agent is among them."""
    competing_callers: tuple[CompetingCaller, ...] = ()
    """For an offer: at most `explain.MAX_COMPETING_CALLERS` who waited with no phone ringing, the most urgent first."""
    competing_callers_total: int = 0
    """How many such callers there were."""
