"""Figures of queues and agents: a fold over the dispatcher's decisions and nothing else.

Callers on the line and work items (callbacks, messages) are counted apart: an item waits for hours by nature, and a
service level over both would say nothing of either. For each queue and channel, at any time:
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
    """Counters of one queue and channel since the start; who overflows into another queue is offered there again."""

    offered: int = 0
    """Entries that came in; those turned away at the door by an overflow rule are among them."""
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
    """In the queue now, ringing ones included."""
    offers: int = 0
    """Times that a phone rang."""
    misses: int = 0
    """Offers that the agent did not take."""
    waited_by_answered_s: float = 0.0
    """Sum over those answered."""
    talks: int = 0
    """Talks that are over."""
    talked_s: float = 0.0
    """Sum over the talks that are over."""
    announced_waits: int = 0
    """Callers who were told an estimated wait."""
    announced_waits_kept: int = 0
    """Of these, answered within the wait told first."""
    announced_waits_exceeded: int = 0
    """Of these, answered later, or gone unanswered after it was over; the rest left before, or still waits."""

    @property
    def service_level(self) -> float | None:
        """Answered in time / (answered + abandoned), short abandonments left out; None before the first."""
        served = self.answered + self.abandoned
        return self.answered_in_time / served if served else None

    @property
    def average_speed_of_answer_s(self) -> float | None:
        """Mean wait of those answered."""
        return self.waited_by_answered_s / self.answered if self.answered else None

    @property
    def is_balanced(self) -> bool:
        """Whether every caller offered is accounted for."""
        gone = self.answered + self.abandoned + self.abandoned_short + self.overflowed
        return self.offered == gone + self.callbacks + self.withdrawn + self.failed + self.waiting


@dataclass(slots=True)
class AgentFigures:
    """Counters of one agent since the start, over all log-ins."""

    answered: int = 0
    misses: int = 0
    seconds: dict[AgentState, float] = field(default_factory=dict)
    """Time spent in each state."""
    state: AgentState = AgentState.LOGGED_OUT
    """The running state."""
    since: float | None = None
    """When it began; None before the first change."""

    def as_of(self, now: float) -> "AgentFigures":
        """A copy with the running state's time counted up to `now`."""
        copy = AgentFigures(self.answered, self.misses, dict(self.seconds), self.state, self.since)
        copy.enter(self.state, now)
        return copy

    def enter(self, state: AgentState, at: float) -> None:
        """Close the running state at `at` and begin `state`."""
        spent_s = 0.0 if self.since is None else at - self.since
        self.seconds[self.state] = self.seconds.get(self.state, 0.0) + spent_s
        self.state = state
        self.since = at

    @property
    def occupancy(self) -> float | None:
        """Work (talk and wrap-up) / (work + ready); ringing counts as ready. None before the first second on duty."""
        work_s = self.seconds.get(AgentState.TALKING, 0.0) + self.seconds.get(AgentState.WRAP_UP, 0.0)
        idle_s = self.seconds.get(AgentState.READY, 0.0) + self.seconds.get(AgentState.OFFERED, 0.0)
        return work_s / (work_s + idle_s) if work_s + idle_s > 0 else None


class Metrics:
    """The fold: give it every decision once, in order."""

    def __init__(self) -> None:
        self.queues: dict[QueueName, QueueFigures] = {}
        """Of callers on the line."""
        self.work: dict[Channel, dict[QueueName, QueueFigures]] = {}
        """Of the other channels."""
        self.agents: dict[AgentId, AgentFigures] = {}
        self.items: dict[EntryId, Channel] = {}
        """Channels of the entries inside that are not on the line."""

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
                self.items.pop(decision.entry, None)  # in another queue it is `Queued` again
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
        """The counters that an entry counts for."""
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
    """One caller fewer in the queue."""
    figures.waiting -= 1
    if decision.is_announced_wait_kept is not None:
        figures.announced_waits_kept += decision.is_announced_wait_kept
        figures.announced_waits_exceeded += not decision.is_announced_wait_kept
