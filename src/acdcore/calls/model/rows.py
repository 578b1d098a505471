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
"""Further facts of a row, without nesting; stored as JSON."""


class CallDirection(StrEnum):
    """Who placed the call, seen from the call centre."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class EndedBy(StrEnum):
    """Which side ended a call."""

    CALLER = "caller"
    AGENT = "agent"
    SYSTEM = "system"


class CallEnd(StrEnum):
    """How a call ended; `Outcome` tells what it achieved before."""

    HUNG_UP = "hung_up"
    """A party hung up; `ended_by` tells which."""
    COMPLETED = "completed"
    """It came to its end by itself: a flow, a rule, a feature code."""
    UNANSWERED = "unanswered"
    """The last number that was dialled did not answer, and nothing followed."""
    REFUSED = "refused"
    """Refused before it was served."""
    MEDIA_LOST = "media_lost"
    """The caller's audio stopped without a BYE."""
    WITHDRAWN = "withdrawn"
    """Staff hung up, or the work item of the call was closed otherwise."""
    SHUTDOWN = "shutdown"
    """The daemon was stopped."""
    CRASH = "crash"
    """The daemon died; the record was made at the next start."""
    FAILED = "failed"
    """A fault of ours or of the network."""


class SegmentKind(StrEnum):
    """Kinds of segments."""

    QUEUE = "queue"
    """The caller, or a work item, waited in a queue."""
    AGENT = "agent"
    """An agent answered."""
    EXTERNAL_NUMBER = "external_number"
    """An external number was rung for the caller."""


class SegmentEnd(StrEnum):
    """Why a segment ended."""

    ANSWERED = "answered"
    """Of a queue: an agent answered, or was reserved."""
    ABANDONED = "abandoned"
    """Of a queue: the caller hung up."""
    OVERFLOWED = "overflowed"
    """Of a queue: a rule moved the caller on."""
    LEFT_QUEUE = "left_queue"
    """Of a queue: the caller left by a key, or the work item was taken out."""
    TRANSFERRED = "transferred"
    """Staff or an agent sent the caller to another queue or flow."""
    CALLER_HUNG_UP = "caller_hung_up"
    AGENT_HUNG_UP = "agent_hung_up"
    EXTERNAL_HUNG_UP = "external_number_hung_up"
    NO_TALK = "no_talk"
    """Of an agent: lost before both heard each other, or did not answer after a reservation."""
    UNANSWERED = "unanswered"
    """The external number did not answer."""
    COMPLETED = "completed"
    """The call came to its end by itself."""
    MEDIA_LOST = "media_lost"
    WITHDRAWN = "withdrawn"
    SHUTDOWN = "shutdown"
    CRASH = "crash"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CallSegment:
    """One segment of a call: a visit to a queue, the time with one agent, or an external number; times are UTC."""

    kind: SegmentKind
    """Which of these it is."""
    began_at: datetime
    """Joined the queue; the agent answered or was reserved; the number was dialled."""
    ended_at: datetime
    """When the queue was left, or the talk ended."""
    end: SegmentEnd
    """Why it ended."""
    queue: QueueName | None = None
    """The queue; of an agent the one that the call came through."""
    agent: AgentId | None = None
    """The agent."""
    number: str = ""
    """The external number; empty for the other kinds."""
    trunk: str = ""
    """The trunk by which that number was called."""
    talk_s: float = 0.0
    """Seconds in which both could hear each other, with holds, without whisper, announcement and ringing."""


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
    """What the call achieved; with a talk it is `answered`, however the call ended."""
    ended_by: EndedBy
    """Which side ended it; the first cause wins."""
    arrived_at: datetime
    """INVITE received."""
    ended_at: datetime
    """When all its resources were given back."""
    answered_at: datetime | None = None
    """Our 200 was sent; None when never answered."""
    queued_at: datetime | None = None
    """First entered a queue."""
    connected_at: datetime | None = None
    """First answered by an agent, or at an external number."""
    direction: CallDirection = CallDirection.INBOUND
    """Who placed the call."""
    flow: str = ""
    """The IVR flow that ran."""
    queue: QueueName | None = None
    """The last queue it waited in."""
    agent: AgentId | None = None
    """The last agent who answered, or was reserved for it."""
    customer_id: CustomerId | None = None
    """The customer as which the caller was recognised."""
    wait_s: float = 0.0
    """Seconds in queues until connected, or until the end."""
    ring_s: float = 0.0
    """Seconds for which agents' phones rang for it, all offers together."""
    talk_s: float = 0.0
    """Seconds of all talks, with holds, from when both heard each other: without whisper and announcement."""
    overflowed_to: str = ""
    """Target of the last overflow; empty when there was none."""
    recording: str = ""
    """Path of the first recording below the recordings directory; empty when there is none."""
    figures: Detail = field(default_factory=dict)
    """Loss, jitter and the like of the caller's stream."""
    end_cause: CallEnd | None = None
    """How it ended; None in records of older versions."""
    served_by: AgentId | None = None
    """The last agent who talked to the caller; None when none did."""
    segments: tuple[CallSegment, ...] = ()
    """Its segments in order."""


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
    """Time of the first sample, UTC."""
    duration_s: float
    """Length of the audio, seconds."""
    size_bytes: int
    """Size of the file."""
    agent: AgentId | None = None
    """Who is heard on the right channel."""
    queue: QueueName | None = None
    """The queue that the call came through."""
    caller: str = ""
    """The caller's number, for searching."""
    is_repaired: bool = False
    """The file was found unfinished after a crash and repaired."""


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
    """Why the agent is not ready, who set the state, and the like."""
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
    """When the change happened."""
    item: WorkItem
    """The whole item."""


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
    """The last agent who talked to the caller, for surveys."""
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
    """The call or the work item, so that each figure can be traced to its calls."""
    queue: QueueName
    channel: str
    """`call`, `callback` or `voicemail`."""
    joined_at: datetime
    """UTC."""
    left_at: datetime
    """UTC."""
    how: str
    """`answered`, `abandoned`, `abandoned_short`, `overflowed`, `callback`, `withdrawn` or `failed`.

    A visit that is not over is `waiting` or `in_contact`; it has no row in the database yet.
    """
    waited_s: float
    is_in_time: bool = False
    """Answered within the queue's target."""
    agent: AgentId | None = None
    """Who answered."""
    offers: int = 0
    """Offers: how often an agent was rung for it."""
    misses: int = 0
    """Offers that were not taken."""
    talked_s: float = 0.0
    wrap_up_s: float = 0.0
    """Only for answered visits, which are written when the wrap-up is over."""
    caller: str = ""
    """The number, for first-call resolution."""
    customer_id: CustomerId | None = None
    announced_wait_s: float | None = None
    """The first announced wait, seconds from joining the queue; None: none was announced."""


@dataclass(frozen=True, slots=True)
class TraceRow:
    """The number of a caller who withheld it; the key is `call_id`.

    It is in no other row and in no event, so that nothing that shows calls can show it.
    """

    call_id: CallId
    """The call."""
    at: datetime
    """When it arrived, UTC."""
    number: str
    """The number that the trunk asserted, canonical."""


@dataclass(frozen=True, slots=True)
class SpokenPart:
    """Words of one side of a recording, without a longer pause."""

    side: str
    """`caller` or `agent`."""
    from_s: float
    """Seconds from the recording's beginning."""
    until_s: float
    text: str


@dataclass(frozen=True, slots=True)
class TranscriptRow:
    """What was said in a recording; the key is (`call_id`, `n`), as the recording's. Not sent through the spool."""

    call_id: CallId
    n: int
    at: datetime
    """When it was transcribed, UTC."""
    language: str
    """The language that the recogniser found; empty when it named none."""
    parts: tuple[SpokenPart, ...]
    """In the order in which they began."""
    problem: str = ""
    """Why there is no transcript, after which it is not tried again; empty when there is one."""


Row: TypeAlias = CdrRow | CallEventRow | RecordingRow | AgentEventRow | WorkRow | AnswerRow | QueueVisitRow | TraceRow
