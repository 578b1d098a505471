"""Figures of queues and agents, folded from the dispatcher's decisions alone.

Callers on the line and work items (callbacks, messages) are counted apart. An item may wait for hours, so a service
level over both would be true of neither. For each queue and channel, at any time:
offered = answered + abandoned + abandoned_short + overflowed + callbacks + withdrawn + failed + waiting.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import assert_never

from acdcore.kernel.ids import AgentId, QueueName
from acdcore.queues.decisions import (
    AgentState,
    AgentStateChanged,
    Announce,
    Connected,
    Decision,
    Departed,
    InputRefused,
    LateAccept,
    Offered,
    OfferMissed,
    OfferWithdrawn,
    Overflowed,
    Queued,
    ReservedForAgent,
    TalkFinished,
    Widened,
)
from acdcore.queues.inputs import Channel, EntryId, LeaveCause

EntryStep = Queued | Announce | Offered | OfferMissed | Connected | TalkFinished | Departed | Overflowed
"""Decisions that count for an entry's queue."""


@dataclass(slots=True)
class QueueFigures:
    """Counters of one queue and channel since the start; a caller who overflows into another queue is offered there."""

    offered: int = 0
    """Entries that came in, including those that an overflow rule sent on at once."""
    answered: int = 0
    answered_in_time: int = 0
    """Answered within `service_level_within_s`."""
    abandoned: int = 0
    """Hung up after `short_abandon_s` or more."""
    abandoned_short: int = 0
    """Hung up before that."""
    overflowed: int = 0
    callbacks: int = 0
    withdrawn: int = 0
    failed: int = 0
    waiting: int = 0
    """In the queue now, including those for whom a phone rings."""
    offers: int = 0
    """Times that a phone rang."""
    misses: int = 0
    """Offers that the agent did not take."""
    waited_by_answered_s: float = 0.0
    """Sum of the waits of answered callers, seconds."""
    talks: int = 0
    """Talks that are over."""
    talked_s: float = 0.0
    """Sum of the lengths of the talks that are over, seconds."""
    announced_waits: int = 0
    """Callers to whom a wait was announced."""
    announced_waits_kept: int = 0
    """Of these, answered within the wait announced first."""
    announced_waits_exceeded: int = 0
    """Of these, answered later, or left unanswered after that wait; the others left before its end, or still wait."""

    @property
    def service_level(self) -> float | None:
        """Answered in time / (answered + abandoned), without short abandonments, 0 to 1; None: nobody counted yet."""
        served = self.answered + self.abandoned
        return self.answered_in_time / served if served else None

    @property
    def average_speed_of_answer_s(self) -> float | None:
        """Mean wait of answered callers, seconds; None: nobody answered yet."""
        return self.waited_by_answered_s / self.answered if self.answered else None

    @property
    def is_balanced(self) -> bool:
        """Whether every entry offered is counted exactly once."""
        gone = self.answered + self.abandoned + self.abandoned_short + self.overflowed
        return self.offered == gone + self.callbacks + self.withdrawn + self.failed + self.waiting


@dataclass(slots=True)
class AgentFigures:
    """Counters of one agent since the start, over all log-ins."""

    answered: int = 0
    misses: int = 0
    seconds: dict[AgentState, float] = field(default_factory=dict)
    """Seconds spent in each state."""
    state: AgentState = AgentState.LOGGED_OUT
    """The present state."""
    since: float | None = None
    """When it began, monotonic seconds; None: no change of state yet."""

    def as_of(self, now: float) -> "AgentFigures":
        """A copy with the time in the present state counted up to `now`."""
        copy = AgentFigures(self.answered, self.misses, dict(self.seconds), self.state, self.since)
        copy.enter(self.state, now)
        return copy

    def enter(self, state: AgentState, at: float) -> None:
        """End the present state at `at` and begin `state`."""
        spent_s = 0.0 if self.since is None else at - self.since
        self.seconds[self.state] = self.seconds.get(self.state, 0.0) + spent_s
        self.state = state
        self.since = at

    @property
    def occupancy(self) -> float | None:
        """(Talk + wrap-up) / (talk + wrap-up + ready + ringing), 0 to 1; None: no time on duty yet."""
        work_s = self.seconds.get(AgentState.TALKING, 0.0) + self.seconds.get(AgentState.WRAP_UP, 0.0)
        idle_s = self.seconds.get(AgentState.READY, 0.0) + self.seconds.get(AgentState.OFFERED, 0.0)
        return work_s / (work_s + idle_s) if work_s + idle_s > 0 else None


class Metrics:
    """All figures: fold every decision once, in order."""

    def __init__(self) -> None:
        self.queues: dict[QueueName, QueueFigures] = {}
        """Figures of callers on the line."""
        self.work: dict[Channel, dict[QueueName, QueueFigures]] = {}
        """Figures of the other channels."""
        self.agents: dict[AgentId, AgentFigures] = {}
        self.items: dict[EntryId, Channel] = {}
        """Channels of the entries in the queues that are not on the line."""

    def fold(self, decisions: Iterable[Decision]) -> None:
        """Count one turn's decisions."""
        for decision in decisions:
            self._count(decision)

    def _count(self, decision: Decision) -> None:
        match decision:  # the most frequent ones first
            case Announce():
                if decision.is_first_wait:
                    self._queue(decision).announced_waits += 1
            case AgentStateChanged(agent=agent, state=state, at=at):
                self._agent(agent).enter(state, at)
            case Queued(entry=entry, channel=channel):
                if channel is not Channel.CALL:
                    self.items[entry] = channel
                figures = self._queue(decision)
                figures.offered += 1
                figures.waiting += 1
            case Offered():
                self._queue(decision).offers += 1
            case OfferMissed(agent=agent):
                self._queue(decision).misses += 1
                self._agent(agent).misses += 1
            case Connected():
                self._connected(decision)
            case Departed():
                self._departed(decision)
            case Overflowed():
                figures = self._queue(decision)
                figures.overflowed += 1
                _left(figures, decision)
                self.items.pop(decision.entry, None)  # in the next queue, `Queued` notes it again
            case TalkFinished(talked_s=talked_s):
                figures = self._queue(decision)
                figures.talks += 1
                figures.talked_s += talked_s
                self.items.pop(decision.entry, None)
            case OfferWithdrawn() | LateAccept() | InputRefused() | Widened() | ReservedForAgent():
                pass
            case _:
                assert_never(decision)

    def _queue(self, decision: EntryStep) -> QueueFigures:
        """The counters of the entry's queue and channel."""
        channel = self.items.get(decision.entry) if self.items else None
        queues = self.queues if channel is None else self.work.setdefault(channel, {})
        figures = queues.get(decision.queue)
        if figures is None:
            figures = queues[decision.queue] = QueueFigures()
        return figures

    def _agent(self, agent: AgentId) -> AgentFigures:
        figures = self.agents.get(agent)
        if figures is None:
            figures = self.agents[agent] = AgentFigures()
        return figures

    def _connected(self, decision: Connected) -> None:
        figures = self._queue(decision)
        figures.answered += 1
        figures.answered_in_time += decision.is_in_time
        figures.waited_by_answered_s += decision.waited_s
        _left(figures, decision)
        self._agent(decision.agent).answered += 1

    def _departed(self, decision: Departed) -> None:
        figures = self._queue(decision)
        match decision.cause:
            case LeaveCause.HUNG_UP if decision.is_short:
                figures.abandoned_short += 1
            case LeaveCause.HUNG_UP:
                figures.abandoned += 1
            case LeaveCause.CALLBACK:
                figures.callbacks += 1
            case LeaveCause.WITHDRAWN:
                figures.withdrawn += 1
            case LeaveCause.FAILED:
                figures.failed += 1
            case _:
                assert_never(decision.cause)
        _left(figures, decision)
        self.items.pop(decision.entry, None)


def _left(figures: QueueFigures, decision: Connected | Departed | Overflowed) -> None:
    """Count one caller fewer in the queue."""
    figures.waiting -= 1
    if decision.is_announced_wait_kept is not None:
        figures.announced_waits_kept += decision.is_announced_wait_kept
        figures.announced_waits_exceeded += not decision.is_announced_wait_kept
