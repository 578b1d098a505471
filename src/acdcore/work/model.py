"""Work items: what was asked for, how far it has come, and the inputs of the callback queue.

`wall` times are UTC; the callback queue (`acdcore.work.callback_queue`) decides by them, since a callback may be due
on another day.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from acdcore.kernel.ids import AgentId, CallId, CustomerId, QueueName

WorkId = NewType("WorkId", str)
"""One work item; sortable by the time at which it was asked for."""


class WorkKind(StrEnum):
    """What is to be done."""

    CALLBACK = "callback"
    """Call somebody who does not want to wait, or who hung up waiting."""
    VOICEMAIL = "voicemail"
    """Hear a message, and answer it when a reply is wanted."""


class DialFirst(StrEnum):
    """Who is rung first for a callback."""

    AGENT = "agent"
    """The agent, who then hears the customer's phone ring: a customer who answers never hears silence."""
    CUSTOMER = "customer"
    """The customer, while the agent is reserved: it saves the agent's time, and the customer may wait a moment."""


class WorkState(StrEnum):
    """How far an item has come; the transitions are the table in `transitions.py`."""

    WAITING = "waiting"
    """Not in the queue: its hours have not begun, or the next attempt is not due."""
    QUEUED = "queued"
    """In the queue, waiting for an agent."""
    IN_PROGRESS = "in_progress"
    """An agent works at it: listens, rings the customer's phone, or talks."""
    DONE = "done"
    """Talked to, or heard with no reply wanted."""
    MERGED = "merged"
    """The customer got through otherwise meanwhile: it is not needed any more."""
    GIVEN_UP = "given_up"
    """All attempts failed, or it is too old."""
    CANCELLED = "cancelled"
    """Taken out by staff."""


ENDED = frozenset({WorkState.DONE, WorkState.MERGED, WorkState.GIVEN_UP, WorkState.CANCELLED})
"""States that nothing follows."""


class AttemptOutcome(StrEnum):
    """How one attempt at an item ended."""

    TALKED = "talked"
    """Agent and customer talked."""
    HEARD = "heard"
    """The agent heard the message and did not call: done, unless a reply is wanted and nobody has closed it."""
    NO_ANSWER = "no_answer"
    """The customer's phone rang and nobody answered."""
    BUSY = "busy"
    """The customer's phone was busy."""
    FAILED = "failed"
    """The number cannot be called: refused, unknown, or no trunk."""
    LEFT = "left"
    """The agent left before the customer answered, or put the item back: tried again soon, not counted."""


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One callback or message."""

    id: WorkId
    kind: WorkKind
    queue: QueueName
    """Where it waits for an agent."""
    number: str
    """Whom to call; "" for a message without a number."""
    created_at: datetime
    """When it was asked for, UTC."""
    state: WorkState = WorkState.WAITING
    call_id: CallId | None = None
    """The call in which it was asked for."""
    customer_id: CustomerId | None = None
    language: str = ""
    """Spoken with the customer (cmn, yue, en)."""
    waited_s: float = 0.0
    """Time waited on the line, and in the queue before this visit, which goes on counting for the place."""
    priority_s: float = 0.0
    """Priority as the caller had it: seconds of waiting granted in advance."""
    dial_first: DialFirst | None = None
    """Who is rung first; None: as the queue has it when the attempt begins."""
    subject: str = ""
    """What it is about: a key's meaning in the flow, or staff's words."""
    at: datetime | None = None
    """The time for which it was asked, UTC; it is not tried before. None: as soon as somebody is free."""
    for_agent: AgentId | None = None
    """Who is to do it, when at work; None: anybody."""
    is_reply_wanted: bool = True
    """False: hearing the message is all."""
    recording: str = ""
    """The message's path below the recordings directory."""
    attempts: int = 0
    """Attempts that counted."""
    next_at: datetime | None = None
    """Not to be queued before this, UTC."""
    agent: AgentId | None = None
    """Who has or had it in progress."""
    last_attempt: AttemptOutcome | None = None
    changed_at: datetime | None = None
    """When it came to this state."""
    changed_by: str = ""
    """Who made this change when a person did: an agent's number or the name of an API key."""
    changes: int = 0
    """How often it has changed, its creation included: the serial of what is written down of it."""

    @property
    def is_plain_request(self) -> bool:
        """Whether it only asks to get through, which any talk fulfils; all else has to be closed."""
        is_plain = self.at is None and self.for_agent is None and not self.subject
        return self.kind is WorkKind.CALLBACK and is_plain


# ---- inputs of the callback queue --------------------


@dataclass(frozen=True, slots=True)
class Requested:
    """A caller, a rule or staff asks for it."""

    item: WorkItem
    """In state WAITING; an open callback for the same number and queue, time and matter absorbs it."""
    since: datetime | None = None
    """When the wait of a customer began who hung up while waiting. A talk since then, or one that is going on, makes
    the callback needless. None: somebody asked for the callback."""


@dataclass(frozen=True, slots=True)
class InProgress:
    """An agent has accepted it."""

    id: WorkId
    agent: AgentId


@dataclass(frozen=True, slots=True)
class Dialling:
    """The customer's number is about to be called. When this is rejected it must not be: the customer calls us."""

    id: WorkId


@dataclass(frozen=True, slots=True)
class AttemptConnected:
    """Agent and customer begin to talk: after this a crash leaves it done, and nobody is called twice."""

    id: WorkId


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """The attempt is over; follows every `InProgress` that was not rejected, once."""

    id: WorkId
    how: AttemptOutcome


@dataclass(frozen=True, slots=True)
class CustomerCallStarted:
    """A call of this customer is up, in whatever state; sent again when more is known of the customer."""

    call: CallId
    number: str
    """"" when withheld."""
    customer: CustomerId | None = None


@dataclass(frozen=True, slots=True)
class CustomerTalkStarted:
    """The customer of that call talks to somebody: the request to get through is fulfilled."""

    call: CallId


@dataclass(frozen=True, slots=True)
class CustomerTalkEnded:
    """That talk is over; the call may go on."""

    call: CallId


@dataclass(frozen=True, slots=True)
class CustomerCallEnded:
    """That call is over."""

    call: CallId


@dataclass(frozen=True, slots=True)
class LeftQueue:
    """The queue let it go without an agent (a rule, a reload): it waits for its next time."""

    id: WorkId


@dataclass(frozen=True, slots=True)
class WorkHoursChanged:
    """A queue opens or closes; items of a closed queue wait."""

    queue: QueueName
    is_open: bool


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Staff take it out."""

    id: WorkId
    by: str


@dataclass(frozen=True, slots=True)
class Closed:
    """Staff or the agent say that it is done."""

    id: WorkId
    by: str


@dataclass(frozen=True, slots=True)
class CameDue:
    """The timer fired: what is due by now is queued, what is too old is given up."""


Input = (
    Requested
    | InProgress
    | Dialling
    | AttemptConnected
    | AttemptEnded
    | CustomerCallStarted
    | CustomerTalkStarted
    | CustomerTalkEnded
    | CustomerCallEnded
    | LeftQueue
    | WorkHoursChanged
    | Cancelled
    | Closed
    | CameDue
)


# ---- outputs of the callback queue --------------------


@dataclass(frozen=True, slots=True)
class Changed:
    """Write the item down; it has come to another state or time."""

    item: WorkItem


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Place the item in its queue now."""

    item: WorkItem


@dataclass(frozen=True, slots=True)
class Dequeue:
    """Take the item out of its queue: not needed any more."""

    item: WorkItem


@dataclass(frozen=True, slots=True)
class BreakOff:
    """The customer calls in: end the attempt that is under way, before the customer's phone is rung or is answered."""

    item: WorkItem


@dataclass(frozen=True, slots=True)
class Absorbed:
    """The request is covered by an item that is open already."""

    item: WorkItem
    """The open one."""


@dataclass(frozen=True, slots=True)
class InputRejected:
    """The input did not fit and changed nothing."""

    input: Input
    why: str


Output = Changed | Enqueue | Dequeue | BreakOff | Absorbed | InputRejected


def moved(item: WorkItem, by: timedelta, *, is_appointment_moved: bool) -> WorkItem:
    """The item by a clock that was set by so much: as old as before, and due in as long a time.

    A time that was asked for stays what it is, unless the clock is wrong: nobody is called by a mistake.
    """
    at = item.at + by if item.at is not None and is_appointment_moved else item.at
    next_at = item.next_at
    if next_at is not None:
        next_at = at if next_at == item.at else next_at + by
    return replace(item, created_at=item.created_at + by, next_at=next_at, at=at)
