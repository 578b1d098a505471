"""What the machine that walks a flow is told, and what it asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from acdcore.ivr.model.flow import (
    CustomerCard,
    EndReason,
    FlowName,
    Language,
    LookupKind,
    LookupMiss,
    NodeName,
    PromptKey,
    RuntimeText,
)
from acdcore.ivr.model.kinds import QuestionKind, ServiceMiss
from acdcore.kernel.ids import AgentId, QueueName, SkillName


@dataclass(frozen=True, slots=True)
class ExpectedAnswer:
    """An answer that may be said."""

    value: str
    """What it means to the flow."""
    texts: tuple[str, ...]
    """How it may be said; the first is how it usually is."""


@dataclass(frozen=True, slots=True)
class PossibleAnswer:
    """An answer that was said, more or less surely."""

    value: str
    """The value of its `Sayable`."""
    confidence: float
    """From 0 to 1."""
    text: str
    """All that was understood, as it was written down."""


# --- inputs ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The caller pressed a key."""

    digit: str
    """One of `0123456789*#`; anything else is ignored."""


@dataclass(frozen=True, slots=True)
class PromptsPlayed:
    """A playback came to its end, or could not be played; one that was stopped need not be reported."""

    playback: int
    """The number that its `Play` carried; an older number is ignored."""


@dataclass(frozen=True, slots=True)
class LookupFinished:
    """The directory answered."""

    lookup: int
    """The number that its `Lookup` carried; an older number is ignored."""
    result: CustomerCard | LookupMiss
    """The customer, or why there is none."""


@dataclass(frozen=True, slots=True)
class CallerRecorded:
    """A recording has ended: because it was stopped, because it was long enough, or because no more sound comes."""

    recording: int
    """The number that its `Record` carried; an older number is ignored."""
    length_s: float
    """What was kept; 0 when it could not be kept."""


@dataclass(frozen=True, slots=True)
class CallerSilent:
    """The caller has said nothing more for as long as `Record` said."""

    recording: int
    """The number that its `Record` carried; an older number is ignored."""


@dataclass(frozen=True, slots=True)
class MessageUnavailable:
    """No message can be taken: too many wait already, or nothing can be recorded."""

    playback: int
    """The number that its `OfferMessage` carried; an older number is ignored."""


@dataclass(frozen=True, slots=True)
class CallbackRequestFinished:
    """The request for a callback was taken down, or not."""

    request: int
    """The number that its `RequestCallback` carried; an older number is ignored."""
    is_accepted: bool
    """Whether the caller will be called back."""


@dataclass(frozen=True, slots=True)
class ServiceAnswered:
    """A service answered."""

    ask: int
    """The number that its `Ask` carried; an older number is ignored."""
    result: Mapping[str, str] | ServiceMiss
    """The fields of its answer, or why there is none."""


@dataclass(frozen=True, slots=True)
class ListeningReady:
    """The caller can be listened to."""

    listening: int
    """The number that its `PrepareToListen` carried; an older number is ignored, here and in all that follow."""


@dataclass(frozen=True, slots=True)
class ListeningUnavailable:
    """The caller cannot be listened to, or what was said cannot be made out; no more is told."""

    listening: int
    """Which one."""


@dataclass(frozen=True, slots=True)
class CallerSpeaks:
    """The caller has begun to speak."""

    listening: int
    """Which one."""


@dataclass(frozen=True, slots=True)
class CallerSpoke:
    """The caller has ended, or was cut off for having spoken for too long; nobody listens any more."""

    listening: int
    """Which one."""


@dataclass(frozen=True, slots=True)
class CallerUnderstood:
    """What was said."""

    listening: int
    """Which one."""
    likely: tuple[PossibleAnswer, ...]
    """The answers that it may have been, best first; empty when none fits."""


@dataclass(frozen=True, slots=True)
class CallerHungUp:
    """The caller hung up; what was recorded by then is still worth a message.

    Many hang up when they have said what they wanted to say, and hear no further question.
    """

    recorded_s: float = 0.0
    """How long a recording that still ran was; 0 when none ran."""


Input = (
    KeyPressed
    | PromptsPlayed
    | LookupFinished
    | CallerRecorded
    | CallerSilent
    | MessageUnavailable
    | CallbackRequestFinished
    | ServiceAnswered
    | ListeningReady
    | ListeningUnavailable
    | CallerSpeaks
    | CallerSpoke
    | CallerUnderstood
    | CallerHungUp
)
SpeechInput = ListeningReady | ListeningUnavailable | CallerSpeaks | CallerSpoke | CallerUnderstood
"""What comes of listening."""


# --- actions ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entered:
    """The call came to a node: for the call's history, nothing to do."""

    node: NodeName
    """Which one."""


@dataclass(frozen=True, slots=True)
class Play:
    """Play these prompts one after the other, instead of anything that still plays."""

    playback: int
    """To be given back in `PlaybackFinished`."""
    prompts: tuple[PromptKey | RuntimeText, ...]
    """At least one, at most `machine.PROMPTS_MAX`; words are spoken by the speech synthesis."""


@dataclass(frozen=True, slots=True)
class StopPlaying:
    """The caller has pressed a key: be silent at once."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Find a customer and answer with `LookupFinished`; the machine does not wait longer than the node allows."""

    lookup: int
    """To be given back in `LookupFinished`."""
    kind: LookupKind
    """What `value` is."""
    value: str
    """The number; for a plate its digits only; empty when the caller withholds his."""


@dataclass(frozen=True, slots=True)
class SetLanguage:
    """From here on the call is held in this language."""

    language: Language
    """Which one."""


@dataclass(frozen=True, slots=True)
class EnterQueue:
    """The flow has ended: place the call in a queue."""

    queue: QueueName
    """Which one."""
    priority_s: float
    """Seconds that the call is put ahead: those of the node and those of the customer's tier."""
    skills: Mapping[SkillName, int] = field(default_factory=dict)
    """What the call needs besides what the queue asks for, with the least level."""
    preferred: AgentId | None = None
    """Who is to be tried first."""
    is_back: bool = False
    """The caller waits in this queue already, or was sent here from it, and keeps the place if there still is one."""


@dataclass(frozen=True, slots=True)
class EnterFlow:
    """The flow has ended: go on in another one, with `Machine.handover()` as what is known."""

    flow: FlowName
    """Which one."""


@dataclass(frozen=True, slots=True)
class Dial:
    """The flow has ended: connect the call to an external number."""

    number: str
    """As it is dialled on the trunk."""
    trunk: str = ""
    """Which trunk, of another site for example; empty: the first that may dial out."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """The flow has ended: hang up."""

    reason: EndReason
    """For the record."""


@dataclass(frozen=True, slots=True)
class OfferMessage:
    """The caller is about to be asked for a message; answered with `MessageRefused` when there is no room for it."""

    playback: int
    """Of what asks for it, which follows; to be given back in `MessageRefused`."""
    queue: QueueName | None
    """Whose agents it is for; None when the flow leads to no message."""


@dataclass(frozen=True, slots=True)
class Record:
    """Record the caller from now on, and answer with `RecordingFinished`."""

    recording: int
    """To be given back in `RecordingFinished`."""
    max_s: float
    """How long at the most; the machine stops it then."""
    silence_s: float = 0.0
    """Answer with `CallerSilent` when the caller has not spoken for so long; 0: never."""
    min_s: float = 0.0
    """What is shorter, up to the last word, is not kept."""


@dataclass(frozen=True, slots=True)
class StopRecording:
    """End the recording; it is answered with `RecordingFinished`."""

    recording: int
    """Which one."""


@dataclass(frozen=True, slots=True)
class FileMessage:
    """Leave a message to a queue's agents; nothing to wait for."""

    queue: QueueName
    """Whose agents."""
    number: str
    """Whom to call back; empty when the caller gave no number and withholds his own."""
    subject: str
    """What it is about; may be empty."""
    is_reply_wanted: bool
    """False: hearing it is enough."""
    recording: int = 0
    """Which recording of this flow it is; 0: nothing was recorded."""


@dataclass(frozen=True, slots=True)
class RequestCallback:
    """Have the caller called back, and answer with `CallbackPlaced`; the machine does not wait long."""

    request: int
    """To be given back in `CallbackPlaced`."""
    queue: QueueName
    """Which queue the callback waits in: the caller's own, if there is one."""
    number: str
    """Whom to call."""


@dataclass(frozen=True, slots=True)
class AskService:
    """Ask a service, and answer with `ServiceAnswered`; the machine does not wait longer than the node allows."""

    ask: int
    """To be given back in `ServiceAnswered`."""
    service: str
    """Its name in the configuration."""
    values: Mapping[str, str]
    """What is sent, by field."""
    timeout_s: float
    """How long the answer is of use."""


@dataclass(frozen=True, slots=True)
class PrepareToListen:
    """See to it that the caller can be listened to; answered at once, `ListeningReady` or `ListeningUnavailable`."""

    listening: int
    """To be given back in every answer."""
    expected: tuple[ExpectedAnswer, ...]
    """What may be said."""
    language: Language
    """In which language."""
    longest_s: float
    """Who speaks for longer is cut off."""


@dataclass(frozen=True, slots=True)
class Listen:
    """What the caller says counts from here on; answered with `CallerSpeaks`, then `CallerSpoke`."""

    listening: int
    """Which one was prepared."""


@dataclass(frozen=True, slots=True)
class Understand:
    """Make out what was said; answered with `CallerUnderstood`, or `ListeningUnavailable` when that takes too long."""

    listening: int
    """Which one."""


@dataclass(frozen=True, slots=True)
class StopListening:
    """Nothing of it is wanted any more; follows every `PrepareToListen`, unless the flow is left before."""

    listening: int
    """Which one."""


@dataclass(frozen=True, slots=True)
class AnswerGiven:
    """The caller answered a question: for reports, nothing to wait for."""

    question: str
    """The question's key."""
    kind: QuestionKind
    """What the value is."""
    value: str
    """What was answered."""


FlowEnd = EnterQueue | EnterFlow | Dial | HangUp
"""What ends the flow; nothing follows and every later input is ignored."""
Action = (
    Entered
    | Play
    | StopPlaying
    | Lookup
    | SetLanguage
    | OfferMessage
    | Record
    | StopRecording
    | FileMessage
    | RequestCallback
    | AskService
    | PrepareToListen
    | Listen
    | Understand
    | StopListening
    | AnswerGiven
    | FlowEnd
)
