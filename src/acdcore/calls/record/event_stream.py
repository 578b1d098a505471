"""The live event stream: numbered events of calls and agents, for boards, screen pops and CRMs.

Call control publishes, any number of listeners subscribe. Rules:

- Serial numbers grow by one and are never reused, so a listener that lost its connection resumes after the last
  one it saw; when the history no longer reaches back that far, a `gap` event says so first.
- Publishing never waits. For a listener that is too slow the waiting events are dropped, it gets one last `overrun`
  event, and its subscription ends. It can resume from the history like any other listener.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self, TypeAlias

from acdcore.calls.model.commands import LiveAgent, LiveCall, LiveHours, ReloadReport
from acdcore.calls.model.directory import Customer, PastContact
from acdcore.calls.model.rows import AnswerRow, CdrRow, RecordingRow
from acdcore.kernel.alarms import Severity
from acdcore.kernel.errors import Refused
from acdcore.kernel.ids import AgentId, CallId, QueueName
from acdcore.work.model import WorkItem

HISTORY_EVENTS = 10_000
"""Events kept for resuming: some 1,200 calls, which is ten minutes with 150 calls at once, in about 10 MB."""
SUBSCRIBERS_MAX = 256
"""Listeners at once; each costs an append for every event. Boards and CRMs are dozens."""


class StreamEventKind(StrEnum):
    """Kinds of events; the comment beside each is the type of its data."""

    CALL_ARRIVED = "call_arrived"  # LiveCall
    CALL_ANSWERED = "call_answered"  # LiveCall
    CALL_QUEUED = "call_queued"  # LiveCall
    AGENT_OFFERED = "agent_offered"  # ScreenPop
    OFFER_ENDED = "offer_ended"  # OfferOver
    CALL_CONNECTED = "call_connected"  # LiveCall
    CALL_HELD = "call_held"  # LiveCall
    CALL_RESUMED = "call_resumed"  # LiveCall
    CALL_MOVED = "call_moved"  # LiveCall; out of a queue or a talk, and on in a flow or to an external number
    CALL_ENDED = "call_ended"  # CdrRow
    AGENT_STATE = "agent_state"  # LiveAgent
    RECORDING_FINISHED = "recording_finished"  # RecordingRow
    WORK_CHANGED = "work_changed"  # WorkItem
    QUESTION_ANSWERED = "question_answered"  # AnswerRow
    HOURS_CHANGED = "hours_changed"  # LiveHours
    RELOADED = "reloaded"  # ReloadReport
    ALARM = "alarm"  # Alarm
    GAP = "gap"  # Missed; first event after a resume that reaches back too far
    OVERRUN = "overrun"  # Missed; last event of a listener that was too slow


class OfferEndedCause(StrEnum):
    """How an offer to an agent ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    BUSY = "busy"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    """The caller left, overflowed or was hung up, or the agent logged out or became not ready."""


@dataclass(frozen=True, slots=True)
class ScreenPop:
    """A call is offered to an agent: the contents of the agent's screen at the first ring."""

    agent: AgentId
    """Whose phone begins to ring."""
    queue: QueueName
    """The queue that the caller waited in."""
    ring_for_s: float
    """How long it will ring, seconds."""
    call: LiveCall
    """The call, with number, language and times."""
    customer: Customer | None
    """The customer it was recognised as."""
    last_contacts: tuple[PastContact, ...]
    """That customer's or that number's latest contacts, newest first."""
    place: str = ""
    """The place of the number; empty when unknown."""
    region: str = ""
    """The customer's region by the card, else the number's; empty when no region claims it."""
    work: WorkItem | None = None
    """The callback or message that the agent is rung for; None: a caller is on the line."""
    open_work: tuple[WorkItem, ...] = ()
    """Other open work items of this customer, newest first; the agent can close them."""


@dataclass(frozen=True, slots=True)
class ScreenPopExtras:
    """The parts of a screen pop besides the call and the customer's card."""

    place: str
    region: str
    work: WorkItem | None
    open_work: tuple[WorkItem, ...]


@dataclass(frozen=True, slots=True)
class AgentOfferEnded:
    """An offer ended."""

    call_id: CallId
    """The call that was offered."""
    agent: AgentId
    """To whom."""
    queue: QueueName
    """From which queue."""
    cause: OfferEndedCause
    """How it ended."""
    phone: str = ""
    """The registered phone that was answered, by its URI; empty when none was."""


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """An alarm was raised or has ended."""

    name: str
    """Stable key, such as `recording_off`."""
    is_raised: bool
    """False: it has ended."""
    detail: str
    """One line for a human, with figures."""
    about: str = ""
    """Which of several, such as a trunk's name; empty where there is only one."""
    severity: Severity = Severity.MAJOR
    """How soon somebody has to come."""


@dataclass(frozen=True, slots=True)
class MissedEvents:
    """The listener has missed events and has to read the state again."""

    first_serial: int
    """First event that was not delivered."""
    detail: str
    """Why, for a human."""


StreamEventData: TypeAlias = (
    LiveCall
    | LiveAgent
    | ScreenPop
    | AgentOfferEnded
    | CdrRow
    | RecordingRow
    | WorkItem
    | AnswerRow
    | LiveHours
    | ReloadReport
    | AlarmChange
    | MissedEvents
)


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event."""

    serial: int
    """Grows by one from event to event."""
    at: datetime
    """When, UTC."""
    kind: StreamEventKind
    """What happened."""
    data: StreamEventData
    """The data of that kind."""

    @property
    def agent(self) -> AgentId | None:
        """The agent whom it concerns; None when it concerns none."""
        match self.data:
            case AlarmChange() | MissedEvents() | LiveHours() | ReloadReport():
                return None
            case data:
                return data.agent


class TooManySubscribers(Refused):
    """The stream has as many listeners as it can serve."""

    sip_status = 503


class Subscription:
    """One listener's place in the stream: an async iterator, to be left by `close()` or by a `with` block."""

    def __init__(self, limit: int, stream: "CallEventStream") -> None:
        self._limit = limit
        self._stream = stream
        self._events: deque[StreamEvent] = deque()
        self._wake = asyncio.Event()
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamEvent:
        while not self._events:
            if self._is_closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()  # cancelling here loses nothing
        return self._events.popleft()

    def close(self) -> None:
        """Stop listening; buffered events can still be read."""
        self._is_closed = True
        self._stream.forget(self)
        self._wake.set()

    def take(self, event: StreamEvent) -> None:
        """Buffer one event, or end the subscription when its buffer is full."""
        if len(self._events) < self._limit:
            self._events.append(event)
            self._wake.set()
            return
        missed = MissedEvents(self._events[0].serial, f"more than {self._limit} events were waiting for this listener")
        self._events.clear()
        # The serial is that of the last event delivered, so that a resume continues at the first one lost.
        self._events.append(StreamEvent(missed.first_serial - 1, event.at, StreamEventKind.OVERRUN, missed))
        self.close()


class CallEventStream:
    """The numbered events with a bounded history and a bounded set of listeners."""

    def __init__(self, started_at: datetime, history_events: int = HISTORY_EVENTS) -> None:
        """`started_at` (UTC) in milliseconds is the first serial number, so that no run repeats another's ids."""
        self._started_at = started_at
        self._next_serial = int(started_at.timestamp() * 1000)
        self._history: deque[StreamEvent] = deque(maxlen=history_events)
        self._subscriptions: set[Subscription] = set()

    def publish(self, kind: StreamEventKind, data: StreamEventData, at: datetime) -> StreamEvent:
        """Number the event, keep it and hand it to every listener."""
        event = StreamEvent(self._next_serial, at, kind, data)
        self._next_serial += 1
        self._history.append(event)
        for subscription in tuple(self._subscriptions):
            subscription.take(event)
        return event

    def subscribe(self, limit: int, after: int | None = None) -> Subscription:
        """Listen from now on, or from the event after serial number `after`.

        `limit` bounds the events that may wait for this listener. Raises TooManySubscribers.
        """
        if len(self._subscriptions) >= SUBSCRIBERS_MAX:
            raise TooManySubscribers(f"the event stream has {SUBSCRIBERS_MAX} listeners already; close one of them")
        subscription = Subscription(limit, self)
        if after is not None:
            for event in self._replay(limit, after):
                subscription.take(event)
        self._subscriptions.add(subscription)
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """Hand no more events to `subscription`."""
        self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End every subscription once its buffer is read."""
        for subscription in tuple(self._subscriptions):
            subscription.close()

    def _replay(self, limit: int, after: int) -> list[StreamEvent]:
        """The events after serial number `after`, with a gap event first if some are not kept any more.

        Half of the listener's buffer is left free for events that come while it reads.
        """
        is_of_this_run = after < self._next_serial
        missed = [event for event in self._history if event.serial > after or not is_of_this_run]
        missed = missed[-max(limit // 2, 1) :]
        first = missed[0].serial if missed else self._next_serial
        if first == after + 1:
            return missed
        at = missed[0].at if missed else self._started_at
        detail = f"the history begins at event {first}; read calls, queues and agents again"
        return [StreamEvent(first - 1, at, StreamEventKind.GAP, MissedEvents(after + 1, detail)), *missed]
