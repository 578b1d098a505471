"""The history of a call: its events, append-only, from which its record, its figures and its trace are folded.

Each event has `at` (monotonic seconds, for differences) and its own facts; the wall time is added when it is written.
`KINDS` has the names that operators and the event stream see.
"""

from dataclasses import dataclass

from acdcore.calls.model.rows import CallEnd, EndedBy, SegmentEnd
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CustomerId, QueueName
from acdcore.work.model import WorkId


@dataclass(frozen=True, slots=True)
class Arrived:
    """An INVITE was admitted."""

    at: float
    trunk: str
    """The trunk's name, or `agents` for a phone of ours."""
    caller: str
    dialled: str


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """We answered the caller."""

    at: float
    flow: str
    """The flow that begins; empty when none does."""
    codec: str


@dataclass(frozen=True, slots=True)
class CallRejected:
    """The call is answered only for an announcement that it is refused; `outcome` is the call's outcome in any case."""

    at: float
    outcome: Outcome
    why: str


@dataclass(frozen=True, slots=True)
class NailedUp:
    """An agent's nailed-up leg begins: calls are served over it until the agent hangs up."""

    at: float
    agent: AgentId


@dataclass(frozen=True, slots=True)
class FlowEntered:
    """The flow reached a node."""

    at: float
    node: str


@dataclass(frozen=True, slots=True)
class CustomerFound:
    """The customer was recognised, by the caller's number or by digits that the caller entered."""

    at: float
    customer: CustomerId
    by: str


@dataclass(frozen=True, slots=True)
class LanguageChosen:
    """Prompts go on in this language."""

    at: float
    language: str


@dataclass(frozen=True, slots=True)
class CallQueued:
    """The caller was put into a queue."""

    at: float
    queue: QueueName
    priority_s: float


@dataclass(frozen=True, slots=True)
class CallOffered:
    """The call was offered to an agent, whose phone begins to ring."""

    at: float
    agent: AgentId
    queue: QueueName
    why: str
    """The order keys that decided, as text."""


@dataclass(frozen=True, slots=True)
class CallOfferEnded:
    """The offer ended without a talk."""

    at: float
    agent: AgentId
    cause: str


@dataclass(frozen=True, slots=True)
class Reserved:
    """An agent is kept for a callback while the customer is rung first."""

    at: float
    agent: AgentId


@dataclass(frozen=True, slots=True)
class CallConnected:
    """An agent, or an external party, answered for the caller; both hear each other from `Bridged` on."""

    at: float
    agent: AgentId | None
    external_number: str
    recording: str
    """The recording's path below the recordings directory; empty when the talk is not recorded."""
    phone: str = ""
    """The agent's registered phone that was answered, by its URI; empty for a party by a trunk."""
    is_recorded_at_once: bool = False
    """Whether the recording begins here, and not with `Bridged`."""


@dataclass(frozen=True, slots=True)
class Bridged:
    """Whisper and announcement are over: both hear each other."""

    at: float


@dataclass(frozen=True, slots=True)
class CallHeld:
    """A party put the talk on hold."""

    at: float
    by: EndedBy


@dataclass(frozen=True, slots=True)
class CallResumed:
    """The talk goes on."""

    at: float
    by: EndedBy


@dataclass(frozen=True, slots=True)
class CallOverflowed:
    """A rule moved the caller elsewhere."""

    at: float
    cause: str
    target: str


@dataclass(frozen=True, slots=True)
class NeedsWidened:
    """Other skills are asked for from here on: a widening step began, or the language is not needed any more."""

    at: float
    queue: QueueName
    widening_step: int
    """Which step, from 1; 0 before the first."""
    language: str = ""
    """The caller's language, if it is not needed any more since no agent on duty speaks it; "": a step was reached."""


@dataclass(frozen=True, slots=True)
class CallReservedForAgent:
    """The caller is reserved for one agent, for `for_s` seconds at most."""

    at: float
    agent: AgentId
    for_s: float


@dataclass(frozen=True, slots=True)
class WaitAnnounced:
    """The position was announced to the caller and, if the estimate is good enough, the wait in seconds."""

    at: float
    position: int
    wait_s: float | None


@dataclass(frozen=True, slots=True)
class SteppedAside:
    """The waiting caller pressed a key that leads into a flow; the place in the queue is kept."""

    at: float
    flow: str


@dataclass(frozen=True, slots=True)
class QueueLeft:
    """The caller left the queue by a flow, or the work item was taken out: no answer, no rule, no order of staff."""

    at: float


@dataclass(frozen=True, slots=True)
class SteppedBack:
    """The caller came back from the flow and waits on, at the same place."""

    at: float


@dataclass(frozen=True, slots=True)
class Sent:
    """An agent, a supervisor or a program sent the caller to `target`."""

    at: float
    target: str
    by: str


@dataclass(frozen=True, slots=True)
class Dialled:
    """An external number is rung."""

    at: float
    number: str
    trunk: str
    side: str = ""
    """Which party it becomes: `caller` (of a callback), `agent` or `external_number`; empty in older events."""


@dataclass(frozen=True, slots=True)
class DialFailed:
    """The external number did not answer."""

    at: float
    number: str
    status: int
    """The SIP status that ended it."""


@dataclass(frozen=True, slots=True)
class MessageBegun:
    """The recording of a message begins."""

    at: float
    recording: str
    """The recording's path below the recordings directory."""


@dataclass(frozen=True, slots=True)
class MessageDropped:
    """The recording holds no message, and its file is deleted."""

    at: float
    recording: str
    """The path that `MessageBegun` named."""
    why: str
    """`no_speech`, `noise` (it was loud, but nobody spoke) or `too_short`."""


@dataclass(frozen=True, slots=True)
class VoicemailRefused:
    """No message could be taken; the caller heard an announcement about it."""

    at: float
    queue: str
    """The queue that the message was for; empty when the flow names none."""
    why: str
    """`full`: too many messages wait there; `no_recording`: nothing is recorded, or the disk is full."""


@dataclass(frozen=True, slots=True)
class MessageLeft:
    """The message became a work item."""

    at: float
    work: WorkId
    queue: QueueName


@dataclass(frozen=True, slots=True)
class MessageHeard:
    """The agent has heard the message of this work item."""

    at: float
    agent: AgentId


@dataclass(frozen=True, slots=True)
class CallbackRequested:
    """A callback to `number` was taken down."""

    at: float
    work: WorkId
    number: str
    queue: QueueName


@dataclass(frozen=True, slots=True)
class WorkBegun:
    """The call is an attempt at a work item."""

    at: float
    work: WorkId
    kind: str


@dataclass(frozen=True, slots=True)
class QuestionAnswered:
    """The caller answered a question of a survey or a questionnaire."""

    at: float
    flow: str
    question: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class SpeechHeard:
    """The caller answered a question by speech; the next event shows where the flow goes."""

    at: float
    value: str
    """The most likely answer; empty when none fits."""
    confidence: float | None
    """From 0 to 1; None when none fits."""
    text: str
    """The whole text of the recogniser."""
    others: str
    """The next best answers, each with its confidence."""
    length_s: float
    """How long the caller spoke, seconds."""
    took_s: float
    """From the end of speech to the answer, seconds."""


@dataclass(frozen=True, slots=True)
class NotListened:
    """A question could not be answered by speech, and the flow took its other way."""

    at: float
    cause: str
    """`no_recogniser`: there is none; `too_many`: all are in use; `failed`: the recogniser failed or took too long."""
    detail: str
    """The recogniser's error."""


@dataclass(frozen=True, slots=True)
class ServiceAsked:
    """The flow asked an HTTP service."""

    at: float
    service: str
    is_answered: bool
    took_s: float


@dataclass(frozen=True, slots=True)
class PartyLost:
    """A party was lost without a hang-up: its phone, its gateway, or the network between has failed."""

    at: float
    whose: str
    """`caller`, `agent` or `external_number`."""
    agent: AgentId | None
    """The agent who was lost; None for the caller and for an external party."""
    cause: str
    """The cause with which its session ended."""


@dataclass(frozen=True, slots=True)
class Returned:
    """The agent was lost before both could hear each other: there was no talk, and the caller waits on."""

    at: float
    queue: QueueName
    """The queue to which the caller goes back: the one that the call came from."""
    agent: AgentId


@dataclass(frozen=True, slots=True)
class CallTalkEnded:
    """The talk is over; the caller may still be there."""

    at: float
    by: EndedBy
    end: SegmentEnd | None = None
    """Why; None: the party in `by` hung up, or the caller was sent on (`system`)."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over; nothing follows."""

    at: float
    outcome: Outcome
    by: EndedBy
    detail: str
    end_cause: CallEnd | None = None
    """How it ended; None in older events."""


Event = (
    Arrived
    | CallRejected
    | CallAnswered
    | NailedUp
    | FlowEntered
    | CustomerFound
    | LanguageChosen
    | CallQueued
    | CallOffered
    | CallOfferEnded
    | Reserved
    | CallConnected
    | Bridged
    | PartyLost
    | CallHeld
    | CallResumed
    | CallOverflowed
    | NeedsWidened
    | CallReservedForAgent
    | WaitAnnounced
    | SteppedAside
    | QueueLeft
    | SteppedBack
    | Sent
    | Dialled
    | DialFailed
    | MessageBegun
    | MessageDropped
    | VoicemailRefused
    | MessageLeft
    | MessageHeard
    | CallbackRequested
    | WorkBegun
    | QuestionAnswered
    | SpeechHeard
    | NotListened
    | ServiceAsked
    | Returned
    | CallTalkEnded
    | Ended
)

KINDS: dict[type[Event], str] = {
    Arrived: "arrived",
    CallRejected: "rejected",
    CallAnswered: "answered",
    NailedUp: "nailed_up",
    FlowEntered: "flow_entered",
    CustomerFound: "customer_found",
    LanguageChosen: "language_chosen",
    CallQueued: "queued",
    CallOffered: "offered",
    CallOfferEnded: "offer_ended",
    Reserved: "reserved",
    CallConnected: "connected",
    Bridged: "bridged",
    PartyLost: "media_lost",
    CallHeld: "held",
    CallResumed: "resumed",
    CallOverflowed: "overflowed",
    NeedsWidened: "needs_widened",
    CallReservedForAgent: "reserved_for_agent",
    WaitAnnounced: "wait_announced",
    SteppedAside: "stepped_aside",
    QueueLeft: "queue_left",
    SteppedBack: "stepped_back",
    Sent: "sent",
    Dialled: "dialled",
    DialFailed: "dial_failed",
    MessageBegun: "message_begun",
    MessageDropped: "message_dropped",
    VoicemailRefused: "message_refused",
    MessageLeft: "message_left",
    MessageHeard: "message_heard",
    CallbackRequested: "callback_requested",
    WorkBegun: "work_begun",
    QuestionAnswered: "question_answered",
    SpeechHeard: "speech_heard",
    NotListened: "not_listened",
    ServiceAsked: "service_asked",
    Returned: "returned",
    CallTalkEnded: "talk_ended",
    Ended: "ended",
}
"""The name of each event in records and in the event stream."""
