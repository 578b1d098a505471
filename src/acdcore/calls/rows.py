"""Rows of history as plain values. The first fields of each are its key: appended twice, a row is stored once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CallId, CustomerId, QueueName
from acdcore.work.model import WorkId, WorkItem

Detail: TypeAlias = Mapping[str, str | int | float | bool | None]
"""Flat facts that go with a record; kept as JSON."""


class Direction(StrEnum):
    """Who placed the call, seen from the centre."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class EndedBy(StrEnum):
    """Which side ended a call."""

    CALLER = "caller"
    AGENT = "agent"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class CdrRow:
    """The record of one ended call; all times are UTC."""

    call_id: CallId
    """The key."""
    trunk: str
    """The trunk that the call came from, or left by."""
    caller: str
    """The caller's number, canonical; as received when it is none; "" when withheld."""
    dialled: str
    """The number that was dialled."""
    outcome: Outcome
    """How the call ended."""
    ended_by: EndedBy
    """Which side ended it; the first cause wins."""
    arrived_at: datetime
    """INVITE received."""
    ended_at: datetime
    """Everything given back."""
    answered_at: datetime | None = None
    """Our 200 was sent; None when never answered."""
    queued_at: datetime | None = None
    """First entered a queue."""
    connected_at: datetime | None = None
    """First talked to an agent."""
    direction: Direction = Direction.INBOUND
    """Who placed the call."""
    flow: str = ""
    """The IVR flow that ran."""
    queue: QueueName | None = None
    """The last queue it waited in."""
    agent: AgentId | None = None
    """The last agent it talked to."""
    customer_id: CustomerId | None = None
    """Who the caller was found to be."""
    wait_s: float = 0.0
    """Time in queues until connected or gone."""
    ring_s: float = 0.0
    """Time for which agents' phones rang for it, all offers together."""
    talk_s: float = 0.0
    """Time connected to agents, holds included."""
    overflowed_to: str = ""
    """Where the last overflow sent it."""
    recording: str = ""
    """Path of the first recording below the recordings directory."""
    figures: Detail = field(default_factory=dict)
    """Loss, jitter and the like of the caller's stream."""


@dataclass(frozen=True, slots=True)
class CallEventRow:
    """One event of a call's history; the key is (`call_id`, `serial`)."""

    call_id: CallId
    """The call."""
    serial: int
    """Position in the call's history, from 1."""
    at: datetime
    """When it happened."""
    kind: str
    """What happened, in the past tense."""
    detail: Detail = field(default_factory=dict)
    """The event's facts."""


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """One finished recording; the key is (`call_id`, `n`)."""

    call_id: CallId
    """The call."""
    n: int
    """Which recording of the call, from 1."""
    path: str
    """Relative to the recordings directory, with forward slashes."""
    started_at: datetime
    """Wall time of the first sample."""
    duration_s: float
    """Length of the audio."""
    size_bytes: int
    """Size of the file."""
    agent: AgentId | None = None
    """Who is heard on the right channel."""
    queue: QueueName | None = None
    """The queue that the call came through."""
    caller: str = ""
    """The caller's number, for searching."""
    is_repaired: bool = False
    """The file was found unfinished after a crash and mended."""


@dataclass(frozen=True, slots=True)
class AgentEventRow:
    """One change of an agent's state; the key is (`agent`, `at`, `serial`)."""

    agent: AgentId
    """The agent."""
    at: datetime
    """When the new state began."""
    serial: int
    """Tells apart two changes at the same instant."""
    state: str
    """The new state."""
    reason: str = ""
    """Why not ready, who forced it, and so on."""
    call_id: CallId | None = None
    """The call that the state belongs to, also for wrap-up."""
    detail: Detail = field(default_factory=dict)
    """Further facts."""


@dataclass(frozen=True, slots=True)
class WorkRow:
    """A work item as it stood after a change; the key is (`work_id`, `serial`), the latest one is the present."""

    work_id: WorkId
    """The item."""
    serial: int
    """Counts the item's changes, from 1."""
    at: datetime
    """When it came to this."""
    item: WorkItem
    """All of it."""


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answer of a survey or a questionnaire; the key is (`call_id`, `n`)."""

    call_id: CallId
    """The call in which it was given."""
    n: int
    """Which answer of the call, from 1."""
    at: datetime
    """When, UTC."""
    flow: str
    """The questionnaire."""
    question: str
    """The question's key."""
    kind: str
    """`choice`, `number`, `digits` or `yes_no`."""
    value: str
    """What was answered, as the kind writes it."""
    agent: AgentId | None = None
    """Who talked to the caller last, which a survey is about."""
    queue: QueueName | None = None
    """The queue that the call came through."""
    customer_id: CustomerId | None = None


@dataclass(frozen=True, slots=True)
class StayRow:
    """One stay of an entry in one queue, from joining to leaving; the key is (`entry`, `n`).

    All figures of queues and agents, live and historical, are folds over these.
    """

    entry: str
    """The entry; `CALL/N` for a call's N-th joining, `WORK/N` for a work item's."""
    n: int
    """Which stay of the entry, from 1: overflow to another queue begins a new one."""
    call_id: str
    """The call or the work item, for the receipts."""
    queue: QueueName
    channel: str
    """`call`, `callback` or `voicemail`."""
    joined_at: datetime
    """UTC."""
    left_at: datetime
    """UTC."""
    how: str
    """`answered`, `abandoned`, `abandoned_short`, `overflowed`, `callback`, `withdrawn` or `failed`.

    A running stay, which is not written down yet, is `waiting` or `in_contact`.
    """
    waited_s: float
    is_in_time: bool = False
    """Answered within the queue's target."""
    agent: AgentId | None = None
    """Who answered."""
    offers: int = 0
    """Times that a phone rang for it."""
    misses: int = 0
    """Offers that were not taken."""
    talked_s: float = 0.0
    wrap_up_s: float = 0.0
    """Only of answered ones, which are written when the wrap-up is over."""
    caller: str = ""
    """The number, for first-call resolution."""
    customer_id: CustomerId | None = None
    promised_s: float | None = None
    """The wait, counted from joining the queue, that the first announcement of one promised; None: none did."""


@dataclass(frozen=True, slots=True)
class TraceRow:
    """The number of a caller who withheld it; the key is `call_id`.

    It stands in no other row and in no event, so that whatever shows calls cannot show it.
    """

    call_id: CallId
    """The call."""
    at: datetime
    """When it arrived, UTC."""
    number: str
    """The number that the trunk asserted, canonical."""


Row: TypeAlias = CdrRow | CallEventRow | RecordingRow | AgentEventRow | WorkRow | AnswerRow | StayRow | TraceRow
