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


class CallDirection(StrEnum):
    """Who placed the call, seen from the centre."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class EndedBy(StrEnum):
    """Which side ended a call."""

    CALLER = "caller"
    AGENT = "agent"
    SYSTEM = "system"


class CallEnd(StrEnum):
    """How a call ended, whatever it had come to before: `Outcome` tells that."""

    HUNG_UP = "hung_up"
    """A party hung up; `ended_by` tells which."""
    COMPLETED = "completed"
    """It came to its end by itself: a flow, a rule, a feature code."""
    UNANSWERED = "unanswered"
    """The number that was rung last was not answered, and nothing followed."""
    REFUSED = "refused"
    """Turned away at the door."""
    MEDIA_LOST = "media_lost"
    """The caller's audio stopped without a BYE."""
    WITHDRAWN = "withdrawn"
    """Operations staff hung up, or what the call was for was settled otherwise."""
    SHUTDOWN = "shutdown"
    """The daemon was stopped."""
    CRASH = "crash"
    """The daemon died; the record was made at the next start."""
    FAILED = "failed"
    """A fault of ours or of the network."""


class SegmentKind(StrEnum):
    """What a part of a call was."""

    QUEUE = "queue"
    """The caller, or work of ours, waited in a queue."""
    AGENT = "agent"
    """An agent answered."""
    EXTERNAL_NUMBER = "external_number"
    """An external number was rung for the caller."""


class SegmentEnd(StrEnum):
    """Why a part of a call ended."""

    ANSWERED = "answered"
    """Of a queue: an agent answered, or was reserved."""
    ABANDONED = "abandoned"
    """Of a queue: the caller hung up."""
    OVERFLOWED = "overflowed"
    """Of a queue: a rule moved the caller on."""
    LEFT_QUEUE = "left_queue"
    """Of a queue: the caller chose otherwise by a key, or the work was taken out."""
    TRANSFERRED = "transferred"
    """Somebody sent the caller elsewhere."""
    CALLER_HUNG_UP = "caller_hung_up"
    AGENT_HUNG_UP = "agent_hung_up"
    EXTERNAL_HUNG_UP = "external_number_hung_up"
    NO_TALK = "no_talk"
    """Of an agent: gone before both heard each other, or did not come to the phone."""
    UNANSWERED = "unanswered"
    """The number that was rung did not answer."""
    COMPLETED = "completed"
    """The call came to its end by itself."""
    MEDIA_LOST = "media_lost"
    WITHDRAWN = "withdrawn"
    SHUTDOWN = "shutdown"
    CRASH = "crash"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CallSegment:
    """One part of a call: a visit to a queue, the time with one agent, an external number; times are UTC."""

    kind: SegmentKind
    """Which of these it was."""
    began_at: datetime
    """Joined the queue; the agent answered or was reserved; the number was dialled."""
    ended_at: datetime
    """Left, or parted."""
    end: SegmentEnd
    """Why it ended."""
    queue: QueueName | None = None
    """The queue; of an agent the one that the call came through."""
    agent: AgentId | None = None
    """The agent."""
    number: str = ""
    """The number outside."""
    trunk: str = ""
    """The trunk by which that number was called."""
    talk_s: float = 0.0
    """Time in which both could hear each other, holds included; whisper, announcement and ringing are not."""


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
    """What the call came to; a talk that was had stays one however the call ended."""
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
    """First answered by an agent, or outside."""
    direction: CallDirection = CallDirection.INBOUND
    """Who placed the call."""
    flow: str = ""
    """The IVR flow that ran."""
    queue: QueueName | None = None
    """The last queue it waited in."""
    agent: AgentId | None = None
    """The last agent who answered, or was reserved for it."""
    customer_id: CustomerId | None = None
    """Who the caller was found to be."""
    wait_s: float = 0.0
    """Time in queues until connected or gone."""
    ring_s: float = 0.0
    """Time for which agents' phones rang for it, all offers together."""
    talk_s: float = 0.0
    """Time of all talks, holds included: from when both hear each other, so without whisper and announcement."""
    overflowed_to: str = ""
    """Where the last overflow sent it."""
    recording: str = ""
    """Path of the first recording below the recordings directory."""
    figures: Detail = field(default_factory=dict)
    """Loss, jitter and the like of the caller's stream."""
    end_cause: CallEnd | None = None
    """How it ended; None in records of versions that did not tell."""
    served_by: AgentId | None = None
    """The last agent who talked to the caller; None when none did."""
    segments: tuple[CallSegment, ...] = ()
    """Its parts in order: who took part, from when to when, and why it ended."""


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
class QueueVisitRow:
    """One visit of an entry to one queue, from joining to leaving; the key is (`entry`, `n`).

    All figures of queues and agents, live and historical, are folds over these.
    """

    entry: str
    """The entry; `CALL/N` for a call's N-th joining, `WORK/N` for a work item's."""
    n: int
    """Which visit of the entry, from 1: overflow to another queue begins a new one."""
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

    A running visit, which is not written down yet, is `waiting` or `in_contact`.
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
    announced_wait_s: float | None = None
    """The wait, counted from joining the queue, that was announced first; None: none was."""


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


@dataclass(frozen=True, slots=True)
class SpokenPart:
    """What one side of a recording said without a longer pause."""

    side: str
    """`caller` or `agent`."""
    from_s: float
    """From the recording's beginning."""
    until_s: float
    text: str


@dataclass(frozen=True, slots=True)
class TranscriptRow:
    """What was said in a recording; the key is (`call_id`, `n`), as the recording's. Not sent through the spool."""

    call_id: CallId
    n: int
    at: datetime
    """When it was written down, UTC."""
    language: str
    """As the engine took it to be; empty when it did not say."""
    parts: tuple[SpokenPart, ...]
    """In the order in which they began."""
    problem: str = ""
    """Why nothing is written down; it is not tried again."""


Row: TypeAlias = CdrRow | CallEventRow | RecordingRow | AgentEventRow | WorkRow | AnswerRow | QueueVisitRow | TraceRow
