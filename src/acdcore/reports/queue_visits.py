"""Queue visits: every caller's time in one queue from joining to leaving, folded from the dispatcher's decisions.

All figures of queues are counted from visits, live and historical. An answered visit is complete when the talk and its
wrap-up are over, every other visit when the caller has left the queue. Times are monotonic seconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol, assert_never, get_args

from acdcore.kernel.ids import AgentId, CustomerId, QueueName
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
from acdcore.queues.inputs import EntryId, LeaveCause
from acdcore.queues.settings import Channel, ToQueue


class QueueVisitEnd(StrEnum):
    """How a visit ended, or that it has not ended."""

    ANSWERED = "answered"
    """Talk and wrap-up are over."""
    ABANDONED = "abandoned"
    """Hung up after the queue's `short_abandon_s` or more."""
    ABANDONED_SHORT = "abandoned_short"
    """Hung up before that."""
    OVERFLOWED = "overflowed"
    CALLBACK = "callback"
    """Asked to be called back."""
    WITHDRAWN = "withdrawn"
    FAILED = "failed"
    WAITING = "waiting"
    """Still in the queue; a phone may be ringing."""
    IN_CONTACT = "in_contact"
    """Answered; the talk or its wrap-up goes on."""


ENDS = {
    LeaveCause.CALLBACK: QueueVisitEnd.CALLBACK,
    LeaveCause.WITHDRAWN: QueueVisitEnd.WITHDRAWN,
    LeaveCause.FAILED: QueueVisitEnd.FAILED,
}
"""The end of a visit by the cause of leaving, for causes other than hanging up."""


@dataclass(frozen=True, slots=True)
class QueueVisit:
    """One visit of an entry in one queue."""

    entry: EntryId
    n: int
    """Number of the visit within the entry, from 1; overflow to another queue begins a new visit."""
    queue: QueueName
    channel: Channel
    joined_at: float
    left_at: float
    """Time of the answer, or of leaving; the present moment for a caller who still waits."""
    how: QueueVisitEnd
    waited_s: float
    """`left_at` - `joined_at`, as in the dispatcher's decision."""
    is_in_time: bool = False
    """Answered within the queue's target."""
    agent: AgentId | None = None
    """The agent who answered; None: nobody did."""
    offers: int = 0
    """How often a phone rang for the visit."""
    misses: int = 0
    """Offers that were missed."""
    talked_s: float = 0.0
    wrap_up_s: float = 0.0
    announced_wait_s: float | None = None
    """The wait announced first, counted from joining the queue, seconds; None: none was announced."""


EntryStep = Offered | OfferMissed | Announce | Connected | TalkFinished | Departed | Overflowed
"""Decisions about an entry during a visit, or at its end."""
FOLDED: tuple[type[Decision], ...] = (AgentStateChanged, Queued, *get_args(EntryStep))
"""The decisions that `QueueVisitFold` needs."""


@dataclass(slots=True)
class _OpenVisit:
    """A visit that is not over."""

    entry: EntryId
    n: int
    queue: QueueName
    channel: Channel
    joined_at: float
    offers: int = 0
    misses: int = 0
    announced_wait_s: float | None = None
    answer: Connected | None = None
    talking_since: float = 0.0
    talked_s: float = 0.0
    wrap_up_since: float | None = None

    def ended(self, how: QueueVisitEnd, waited_s: float, wrap_up_s: float = 0.0) -> QueueVisit:
        """The completed visit."""
        return QueueVisit(
            self.entry,
            self.n,
            self.queue,
            self.channel,
            self.joined_at,
            self.joined_at + waited_s,
            how,
            waited_s,
            self.answer is not None and self.answer.is_in_time,
            None if self.answer is None else self.answer.agent,
            self.offers,
            self.misses,
            self.talked_s,
            wrap_up_s,
            self.announced_wait_s,
        )

    def as_of(self, now: float) -> QueueVisit:
        """The visit at this moment; a running talk or wrap-up counts up to now."""
        if self.answer is None:
            return self.ended(QueueVisitEnd.WAITING, now - self.joined_at)
        talked_s = self.talked_s if self.wrap_up_since is not None else now - self.talking_since
        wrap_up_s = 0.0 if self.wrap_up_since is None else now - self.wrap_up_since
        running = replace(self, talked_s=talked_s)
        return running.ended(QueueVisitEnd.IN_CONTACT, self.answer.waited_s, wrap_up_s)


class QueueVisitFold:
    """The fold: give it every decision once, in order.

    The fold keeps only open entries and agents in wrap-up. An entry that joined before the fold began is left out.
    """

    def __init__(self) -> None:
        self._open: dict[EntryId, _OpenVisit] = {}  # waiting or talking
        self._onward: dict[EntryId, int] = {}  # overflowed, until `Queued` follows in the same turn: visits so far
        self._wrapping: dict[AgentId, _OpenVisit] = {}  # talk over, wrap-up running or about to begin

    def fold(self, decisions: Iterable[Decision], now: float) -> list[QueueVisit]:
        """Take one turn's decisions; returns the visits that end by it, in the order in which they ended."""
        over: list[QueueVisit] = []
        for decision in decisions:
            visit = self.step(decision, now)
            if visit is not None:
                over.append(visit)
        return over

    def open(self, now: float) -> list[QueueVisit]:
        """The visits that are not over (`WAITING` and `IN_CONTACT`), as they are at `now`."""
        return [visit.as_of(now) for visit in (*self._open.values(), *self._wrapping.values())]

    def step(self, decision: Decision, now: float) -> QueueVisit | None:
        """Take one decision; returns the visit that it ends; None: it ends no visit."""
        match decision:
            case AgentStateChanged(agent=agent, state=state, at=at):
                return self._agent_changed(agent, state, at)
            case Queued(entry=entry, queue=queue, at=at, channel=channel):
                self._open[entry] = _OpenVisit(entry, self._onward.pop(entry, 0) + 1, queue, channel, at)
                return None
            case OfferWithdrawn() | LateAccept() | InputRefused() | Widened() | ReservedForAgent():
                return None
            case _:
                visit = self._open.get(decision.entry)
                return None if visit is None else self._entry_step(visit, decision, now)

    def _entry_step(self, visit: _OpenVisit, decision: EntryStep, now: float) -> QueueVisit | None:
        match decision:
            case Offered():
                visit.offers += 1
            case OfferMissed():
                visit.misses += 1
            case Announce(wait_s=wait_s, is_first_wait=is_first_wait):
                if is_first_wait and wait_s is not None:
                    visit.announced_wait_s = now - visit.joined_at + wait_s
            case Connected():
                visit.answer = decision
                visit.talking_since = now
            case TalkFinished(agent=agent, talked_s=talked_s):
                visit.talked_s = talked_s
                self._wrapping[agent] = self._open.pop(visit.entry)
            case Departed(waited_s=waited_s):
                del self._open[visit.entry]
                return visit.ended(_end(decision), waited_s)
            case Overflowed(target=target, waited_s=waited_s):
                del self._open[visit.entry]
                if isinstance(target, ToQueue):
                    self._onward[visit.entry] = visit.n
                return visit.ended(QueueVisitEnd.OVERFLOWED, waited_s)
            case _:
                assert_never(decision)
        return None

    def _agent_changed(self, agent: AgentId, state: AgentState, at: float) -> QueueVisit | None:
        """End a visit after the talk: in the same turn the agent's next state is wrap-up, or the visit is over."""
        visit = self._wrapping.get(agent)
        if visit is None or visit.answer is None:
            return None
        if state is AgentState.WRAP_UP:
            if visit.wrap_up_since is None:
                visit.wrap_up_since = at
            return None
        del self._wrapping[agent]
        wrap_up_s = 0.0 if visit.wrap_up_since is None else at - visit.wrap_up_since
        return visit.ended(QueueVisitEnd.ANSWERED, visit.answer.waited_s, wrap_up_s)


def _end(departed: Departed) -> QueueVisitEnd:
    if departed.cause is LeaveCause.HUNG_UP:
        return QueueVisitEnd.ABANDONED_SHORT if departed.is_short else QueueVisitEnd.ABANDONED
    return ENDS[departed.cause]


class RecordedVisit(Protocol):
    """A visit with its call and with times of day, as the history keeps it."""

    @property
    def entry(self) -> str:
        """The entry."""
        ...

    @property
    def n(self) -> int:
        """Number of the visit within the entry, from 1."""
        ...

    @property
    def call_id(self) -> str:
        """The call or the work item."""
        ...

    @property
    def queue(self) -> QueueName:
        """The queue of the visit."""
        ...

    @property
    def channel(self) -> str:
        """`call`, `callback` or `voicemail`."""
        ...

    @property
    def joined_at(self) -> datetime:
        """When the visit began, with a time zone."""
        ...

    @property
    def how(self) -> str:
        """A value of `QueueVisitEnd`."""
        ...

    @property
    def waited_s(self) -> float:
        """Time in the queue, seconds."""
        ...

    @property
    def is_in_time(self) -> bool:
        """Answered within the queue's target."""
        ...

    @property
    def agent(self) -> AgentId | None:
        """The agent who answered; None: nobody did."""
        ...

    @property
    def offers(self) -> int:
        """How often a phone rang for the visit."""
        ...

    @property
    def misses(self) -> int:
        """Offers that were missed."""
        ...

    @property
    def talked_s(self) -> float:
        """Length of the talk, seconds."""
        ...

    @property
    def wrap_up_s(self) -> float:
        """Length of the wrap-up, seconds."""
        ...

    @property
    def caller(self) -> str:
        """The caller's number; "": withheld."""
        ...

    @property
    def customer_id(self) -> CustomerId | None:
        """The customer that the caller was recognised as; None: not recognised."""
        ...

    @property
    def announced_wait_s(self) -> float | None:
        """The wait announced first, from joining on, seconds; None: none was announced."""
        ...
