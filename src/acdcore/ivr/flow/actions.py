"""The inputs of the machine that walks a flow, and its actions."""

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
    """The value that the flow keeps for it."""
    texts: tuple[str, ...]
    """Phrases for it; the first is the usual one."""


@dataclass(frozen=True, slots=True)
class PossibleAnswer:
    """An answer that the caller may have said."""

    value: str
    """The value of its `ExpectedAnswer`."""
    confidence: float
    """From 0 to 1."""
    text: str
    """The whole text that was recognised."""


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
    """The directory has answered."""

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
    """Seconds that were kept; 0 when nothing could be kept."""


@dataclass(frozen=True, slots=True)
class CallerSilent:
    """The caller has said nothing for as long as `Record` asked for."""

    recording: int
    """The number that its `Record` carried; an older number is ignored."""


@dataclass(frozen=True, slots=True)
class MessageUnavailable:
    """No message can be taken: too many wait already, or nothing can be recorded."""

    playback: int
    """The number that its `OfferMessage` carried; an older number is ignored."""


@dataclass(frozen=True, slots=True)
class CallbackRequestFinished:
    """The request for a callback was accepted or refused."""

    request: int
    """The number that its `RequestCallback` carried; an older number is ignored."""
    is_accepted: bool
    """Whether the caller will be called back."""


@dataclass(frozen=True, slots=True)
class ServiceAnswered:
    """A service has answered, or did not."""

    ask: int
    """The number that its `AskService` carried; an older number is ignored."""
    result: Mapping[str, str] | ServiceMiss
    """The fields of its answer, or why there is none."""


@dataclass(frozen=True, slots=True)
class ListeningReady:
    """The caller can be listened to."""

    listening: int
    """The number that its `PrepareToListen` carried; an older number is ignored, here and in all that follow."""


@dataclass(frozen=True, slots=True)
class ListeningUnavailable:
    """The caller cannot be listened to, or the speech cannot be recognised; nothing follows for this listening."""

    listening: int
    """Which one."""


@dataclass(frozen=True, slots=True)
class CallerSpeaks:
    """The caller has begun to speak."""

    listening: int
    """Which one."""


@dataclass(frozen=True, slots=True)
class CallerSpoke:
    """The caller has finished speaking, or spoke for too long and was cut off; listening has ended."""

    listening: int
    """Which one."""


@dataclass(frozen=True, slots=True)
class CallerUnderstood:
    """The speech was recognised."""

    listening: int
    """Which one."""
    likely: tuple[PossibleAnswer, ...]
    """The answers that fit, best first; empty when none fits."""


@dataclass(frozen=True, slots=True)
class CallerHungUp:
    """The caller hung up; what was recorded until then still becomes a message.

    Many callers hang up when they have said what they wanted to say, without hearing a further question.
    """

    recorded_s: float = 0.0
    """Length of the running recording, seconds; 0 when none ran."""


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
"""Inputs that follow `PrepareToListen`, `Listen` and `Understand`."""


# --- actions ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entered:
    """The call entered a node. It is for the call's history only."""

    node: NodeName
    """Which one."""


@dataclass(frozen=True, slots=True)
class Play:
    """Play these prompts one after the other, instead of anything that still plays."""

    playback: int
    """Number to return in `PromptsPlayed`."""
    prompts: tuple[PromptKey | RuntimeText, ...]
    """At least one, at most `machine.PROMPTS_MAX`; the speech synthesis speaks a `RuntimeText`."""


@dataclass(frozen=True, slots=True)
class StopPlaying:
    """Stop the playback at once, because the caller pressed a key or spoke."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Find a customer and answer with `LookupFinished`; the machine waits as long as the node allows."""

    lookup: int
    """Number to return in `LookupFinished`."""
    kind: LookupKind
    """What `value` is."""
    value: str
    """The number; for a plate its digits only; empty when the caller withholds the number."""


@dataclass(frozen=True, slots=True)
class SetLanguage:
    """Use this language for the rest of the call."""

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
    """Skills that the call needs besides those of the queue, with the lowest level."""
    preferred: AgentId | None = None
    """The preferred agent; None: no preference."""
    is_back: bool = False
    """Whether the caller waits in this queue already, or was sent here from it; the caller keeps a held place."""


@dataclass(frozen=True, slots=True)
class EnterFlow:
    """The flow has ended: go on in another one, which starts with `FlowMachine.handover()`."""

    flow: FlowName
    """Which one."""


@dataclass(frozen=True, slots=True)
class Dial:
    """The flow has ended: connect the call to an external number."""

    number: str
    """As it is dialled on the trunk."""
    trunk: str = ""
    """The trunk to use, of another site for example; empty: the first that may dial out."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """The flow has ended: hang up."""

    reason: EndReason
    """For the record."""


@dataclass(frozen=True, slots=True)
class OfferMessage:
    """The caller will be asked for a message; answered with `MessageUnavailable` when none can be taken."""

    playback: int
    """Number of the playback that asks for it and follows; to return in `MessageUnavailable`."""
    queue: QueueName | None
    """Whose agents it is for; None when the flow leads to no message."""


@dataclass(frozen=True, slots=True)
class Record:
    """Record the caller from now on, and answer with `CallerRecorded`."""

    recording: int
    """Number to return in `CallerRecorded`."""
    max_s: float
    """Longest time in seconds; the machine stops the recording then."""
    silence_s: float = 0.0
    """Answer with `CallerSilent` after so many seconds of silence; 0: never."""
    min_s: float = 0.0
    """Seconds up to the last word; a shorter recording is not kept."""


@dataclass(frozen=True, slots=True)
class StopRecording:
    """End the recording; answered with `CallerRecorded`."""

    recording: int
    """Which one."""


@dataclass(frozen=True, slots=True)
class FileMessage:
    """Leave a message for a queue's agents; no answer follows."""

    queue: QueueName
    """Whose agents."""
    number: str
    """The number to call back; empty when the caller gave none and withholds the own number."""
    subject: str
    """What it is about; may be empty."""
    is_reply_wanted: bool
    """False: the agent only needs to hear the message."""
    recording: int = 0
    """Number of the recording in this flow; 0: nothing was recorded."""


@dataclass(frozen=True, slots=True)
class RequestCallback:
    """Ask for a callback, and answer with `CallbackRequestFinished`; the machine waits `CALLBACK_MAX_S` at most."""

    request: int
    """Number to return in `CallbackRequestFinished`."""
    queue: QueueName
    """The queue in which the callback waits: the caller's own, if there is one."""
    number: str
    """Whom to call."""


@dataclass(frozen=True, slots=True)
class AskService:
    """Ask a service, and answer with `ServiceAnswered`; the machine waits as long as the node allows."""

    ask: int
    """Number to return in `ServiceAnswered`."""
    service: str
    """Its name in the configuration."""
    values: Mapping[str, str]
    """Values to send, by field."""
    timeout_s: float
    """Seconds after which an answer is ignored."""


@dataclass(frozen=True, slots=True)
class PrepareToListen:
    """Prepare to listen to the caller; answered at once with `ListeningReady` or `ListeningUnavailable`."""

    listening: int
    """Number to return in every answer."""
    expected: tuple[ExpectedAnswer, ...]
    """The answers that the caller may say."""
    language: Language
    """In which language."""
    longest_s: float
    """Seconds; a caller who speaks for longer is cut off."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Listen from here on; answered with `CallerSpeaks`, then `CallerSpoke`."""

    listening: int
    """Which one was prepared."""


@dataclass(frozen=True, slots=True)
class Understand:
    """Recognise the speech; answered with `CallerUnderstood`, or `ListeningUnavailable` when it takes too long."""

    listening: int
    """Which one."""


@dataclass(frozen=True, slots=True)
class StopListening:
    """Stop listening; it follows every `PrepareToListen`, unless the flow ends before."""

    listening: int
    """Which one."""


@dataclass(frozen=True, slots=True)
class AnswerGiven:
    """The caller answered a question. It is for reports only."""

    question: str
    """The question's key."""
    kind: QuestionKind
    """What the value is."""
    value: str
    """What was answered."""


FlowEnd = EnterQueue | EnterFlow | Dial | HangUp
"""Actions that end the flow; no action follows, and every later input is ignored."""
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
