"""Flows as data: languages, prompts, the nodes of a flow, and what is known of a call when its flow starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from acdcore.ivr.model.kinds import AnswerForm, BranchOn, CallbackChoice, QuestionKind, ReadAs
from acdcore.kernel.ids import CustomerId, QueueName, SkillName

FlowName = NewType("FlowName", str)
"""A flow's key: the name of its file without `.toml`."""
NodeName = NewType("NodeName", str)
"""A node's key within its flow."""
PromptName = NewType("PromptName", str)
"""A prompt's name over all flows: `FLOW.NAME`, or `system.NAME` for those that every flow may play."""
VariableName = NewType("VariableName", str)
"""What a flow calls a value: typed digits, an answer, the call's numbers (`variables.py`), or `customer.FIELD`."""


class Language(StrEnum):
    """The languages that prompts are spoken in; the values are ISO 639-3 and also the names of the voices."""

    MANDARIN = "cmn"
    CANTONESE = "yue"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True, order=True)
class PromptKey:
    """One recording: a prompt in one language."""

    name: PromptName
    """Which prompt."""
    language: Language
    """Spoken in this language."""


@dataclass(frozen=True, slots=True)
class RuntimeText:
    """What only the call itself brings up, and no recording can know: spoken at run time."""

    text: str
    """What is said."""
    language: Language
    """In which voice."""
    clips: tuple[PromptKey, ...] = ()
    """Single words that say the same, for when it cannot be spoken in time; empty: nothing does."""


@dataclass(frozen=True, slots=True)
class Text:
    """A prompt that is read aloud by the speech synthesis."""

    text: str
    """What is said, in the language of the prompt's key."""


@dataclass(frozen=True, slots=True)
class WavFile:
    """A prompt that was recorded."""

    file: str
    """Path of the WAV file, relative to the prompts' directory."""
    text: str = ""
    """What is said in it, where it is played instead of a text; empty: not known here."""


@dataclass(frozen=True, slots=True)
class Beep:
    """A short tone that is calculated."""


PromptSource = Text | WavFile | Beep


@dataclass(frozen=True, slots=True)
class PromptRequest:
    """One prompt that must be there before calls are taken."""

    key: PromptKey
    """Name and language under which it is played."""
    source: PromptSource
    """Where its sound comes from."""
    settings_file: str
    """The file that asks for it, for error messages."""


class LookupKind(StrEnum):
    """What a customer is looked up by."""

    MEMBER_NUMBER = "member_number"
    NUMBER_PLATE = "number_plate"
    """The digits of the plate in their order; letters cannot be typed, so several plates may match: then not found."""
    PHONE = "phone"


class LookupMiss(StrEnum):
    """Why a look-up brought no customer: nobody or more than one has that number, or the directory is away."""

    NOT_FOUND = "not_found"
    UNAVAILABLE = "unavailable"


class CalendarState(StrEnum):
    """What the calendar says of a moment."""

    OPEN = "open"
    CLOSED = "closed"
    HOLIDAY = "holiday"


class EndReason(StrEnum):
    """Why the flow hangs up."""

    COMPLETED = "completed"
    CLOSED = "closed"
    NO_INPUT = "no_input"
    """The caller pressed nothing, or nothing that fits."""
    LIMIT = "limit"
    """The call went through more nodes than any caller needs."""


@dataclass(frozen=True, slots=True)
class CustomerCard:
    """What a flow needs to know of a known caller."""

    customer: CustomerId
    """Whose card it is."""
    name: str
    """For the agent's screen."""
    tier: str
    """Customer tier as the directory names it: `standard`, `silver`, `gold`, `vip`."""
    language: Language | None = None
    """The language that the customer asked for, if any."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """What else the card says, by names out of `CUSTOMER_FIELDS`; read as variables `customer.FIELD`."""


@dataclass(frozen=True, slots=True)
class FlowContext:
    """What is known of a call when its flow starts."""

    caller: str
    """The caller's number as the trunk gave it; empty when withheld."""
    dialled: str
    """The number that was dialled."""
    calendar: CalendarState = CalendarState.OPEN
    """The state of the calendar of this dialled number at arrival."""
    language: Language | None = None
    """Language set by the dialled number; None: the flow's own."""
    customer: CustomerCard | None = None
    """Who is calling, when the number is known."""
    shift: str = ""
    """The shift that is on, as the calendar names it."""
    day: str = ""
    """The holiday or special day, as the calendar names it."""
    region: str = ""
    """Where the number belongs to; a region on the customer's card goes before it."""
    queue: QueueName | None = None
    """The queue that the caller waits in, or was sent here from."""
    callback: CallbackChoice = CallbackChoice.OWN_OR_OTHER
    """Which numbers the caller may have called back."""
    variables: Mapping[VariableName, str] = field(default_factory=dict)
    """What an earlier flow of this call kept."""
    visits: int = 0
    """Nodes entered in earlier flows of this call, which count for the limit."""
    number: int = 0
    """The last number that earlier flows gave a playback or a request, so that late answers are told apart."""


@dataclass(frozen=True, slots=True)
class ValueToRead:
    """A part of a sentence that is a variable's value."""

    variable: VariableName
    """Which one; an empty value is passed over."""
    kind: ReadAs | None
    """How it is read; None: as text, by the speech synthesis while the call is there."""


@dataclass(frozen=True, slots=True)
class PlayNode:
    """Say something and go on."""

    prompts: tuple[PromptName | ValueToRead, ...]
    """Played in this order."""
    next: NodeName
    """Where to go afterwards, and when there is nothing to say."""
    is_interruptible: bool = True
    """A key stops the prompt and is kept for the next question; otherwise the prompt is heard to its end."""
    on_failure: NodeName | None = None
    """When a value is empty or cannot be read as it should; None: it is passed over, or spoken as text."""


@dataclass(frozen=True, slots=True)
class MenuNode:
    """Ask for one key."""

    prompts: tuple[PromptName, ...]
    """The question."""
    keys: Mapping[str, NodeName]
    """Where each key leads."""
    timeout_s: float
    """Silence after the question before it is repeated."""
    retries: int
    """How often the question is repeated, over wrong keys and silence together."""
    on_timeout: NodeName
    """After the last silence."""
    on_invalid: NodeName
    """After the last wrong key."""
    before: tuple[PromptName, ...] = ()
    """Said once, before the question; when that is repeated, this is not."""
    invalid_prompts: tuple[PromptName, ...] = ()
    """Said after a wrong key, before the question is repeated."""
    variable: VariableName | None = None
    """Where the choice is kept, if anywhere."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What is kept for each key; the key itself for those that are not named."""


@dataclass(frozen=True, slots=True)
class CollectNode:
    """Ask for a number of several digits; `*` starts over and counts as a try."""

    prompts: tuple[PromptName, ...]
    """The question."""
    variable: VariableName
    """Where the digits are kept."""
    min_digits: int
    """Fewer are wrong."""
    max_digits: int
    """The last one ends the input."""
    terminator: str
    """The key that ends the input early: `#`, or empty for none."""
    timeout_s: float
    """Silence before the first digit."""
    inter_digit_s: float
    """Silence between digits that ends the input."""
    retries: int
    """How often the question is repeated."""
    next: NodeName
    """When a number was typed."""
    on_failure: NodeName
    """When the tries are used up."""
    invalid_prompts: tuple[PromptName, ...] = ()
    """Said after a number of the wrong length, before the question is repeated."""


@dataclass(frozen=True, slots=True)
class ConfirmNode:
    """Read a value back and ask whether it is right."""

    before: tuple[PromptName, ...]
    """Said before the value."""
    value: ValueToRead
    """What is read back."""
    prompts: tuple[PromptName, ...]
    """Said after the value: which key means what."""
    yes_key: str
    """It is right."""
    no_key: str
    """It is wrong."""
    yes: NodeName
    """After the one."""
    no: NodeName
    """After the other, and at once when there is no value to read."""
    timeout_s: float
    """Silence after the question before it is repeated."""
    retries: int
    """How often it is repeated."""
    on_timeout: NodeName
    """When the tries are used up."""
    invalid_prompts: tuple[PromptName, ...] = ()
    """Said after a wrong key; then `prompts`, without the value again for who heard it to its end."""


@dataclass(frozen=True, slots=True)
class QuestionNode:
    """Ask a question whose answer is kept for reports."""

    question: str
    """The question's key in reports: the same in all languages, and for good."""
    form: AnswerForm
    """What an answer is."""
    prompts: tuple[PromptName, ...]
    """The question."""
    timeout_s: float
    """Silence before the first key."""
    retries: int
    """How often the question is repeated."""
    next: NodeName
    """After an answer that no branch names."""
    on_no_answer: NodeName
    """When the tries are used up, or the question was passed over."""
    is_skippable: bool = False
    """`*` or one silence passes the question over; otherwise it is repeated."""
    branches: Mapping[str, NodeName] = field(default_factory=dict)
    """Where single answers lead."""
    variable: VariableName | None = None
    """Where the answer is kept for the rest of the call, if anywhere."""
    before: tuple[PromptName, ...] = ()
    """Said once, before the question; when that is repeated, this is not."""
    invalid_prompts: tuple[PromptName, ...] = ()
    """Said after a wrong answer, before the question is repeated."""


@dataclass(frozen=True, slots=True)
class ListenNode:
    """Ask for one of some answers, to be said or pressed."""

    prompts: tuple[PromptName, ...]
    """The question."""
    phrases: Mapping[str, Mapping[Language, tuple[str, ...]]]
    """How each value may be said in each language; the first is how it is usually said."""
    cases: Mapping[str, NodeName]
    """Where each value leads."""
    keys: Mapping[str, NodeName]
    """Where each key leads: keys count beside speech, at any moment."""
    timeout_s: float
    """Silence after the question before it is repeated."""
    longest_s: float
    """Who speaks for longer is cut off there; what was said until then counts."""
    retries: int
    """How often the question is repeated, over silence, wrong keys and what was not understood together."""
    on_timeout: NodeName
    """After the last silence."""
    on_no_match: NodeName
    """After the last wrong key, and the last words that no phrase fits."""
    unavailable: NodeName
    """At once when nobody can listen: no recogniser, too many calls, a failure, no answer in time."""
    otherwise: NodeName | None = None
    """Where values lead that no case names."""
    confidence: float = 0.6
    """From 0 to 1: what is less sure is not taken."""
    confirm: Mapping[str, PromptName] = field(default_factory=dict)
    """For each value the question that is put when it is not sure: "did you mean ...?"; empty: none is."""
    confirm_from: float = 0.35
    """What is less sure is not even asked about."""
    yes_key: str = "1"
    """Answers that question."""
    no_key: str = "2"
    """Likewise."""
    invalid_prompts: tuple[PromptName, ...] = ()
    """Said after a wrong key and after words that no phrase fits, before the question is repeated."""
    has_barge_in: bool = True
    """The caller is listened to from the question's begin, and speech stops it; otherwise from its end on."""
    keys_only: frozenset[Language] = frozenset()
    """Languages in which nobody listens: only keys count."""
    variable: VariableName | None = None
    """Where the answer is kept, if anywhere; `kept_of` in `ivr/flow/spoken_answers.py` says what else is."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What is kept for each key; the key itself for those that are not named."""
    question: str = ""
    """The question's key in reports; empty: the answer goes into none."""
    kind: QuestionKind = QuestionKind.CHOICE
    """What the answer is in reports: CHOICE or YES_NO."""


@dataclass(frozen=True, slots=True)
class LanguageNode:
    """Choose the language, by the customer's card or by a key; the question is put once in each language."""

    prompts: tuple[PromptName, ...]
    """The question; each language's wording names its own key."""
    keys: Mapping[str, Language]
    """Which key chooses which language; the question is put in this order."""
    timeout_s: float
    """Silence after the question before it is repeated."""
    retries: int
    """How often the question is repeated before the language stays as it is."""
    next: NodeName
    """Where to go in any case."""
    is_by_customer: bool = False
    """A customer whose card names a language is not asked."""


@dataclass(frozen=True, slots=True)
class LookupNode:
    """Look the customer up by a number."""

    by: LookupKind
    """What the number is."""
    variable: VariableName
    """Where the number is kept."""
    found: NodeName
    """Exactly one customer has it."""
    not_found: NodeName
    """None or several have it."""
    unavailable: NodeName
    """The directory is away or too slow."""
    timeout_s: float = 2.0
    """How long the caller is kept in silence for it."""


@dataclass(frozen=True, slots=True)
class ServiceNode:
    """Ask a service of the operator's, and keep what it answers."""

    service: str
    """Its name in the configuration."""
    values: Mapping[str, VariableName]
    """What is sent: fields of the request and the variables that fill them."""
    save: Mapping[str, VariableName]
    """What is kept: fields of the answer and the variables that take them; a field that is missing is empty."""
    timeout_s: float
    """How long the caller is kept for it."""
    next: NodeName
    """When it answered."""
    not_found: NodeName
    """When it knows nothing of the kind."""
    on_failure: NodeName
    """When it did not answer in time, or not sensibly."""
    while_waiting: tuple[PromptName, ...] = ()
    """Said meanwhile, and heard to its end."""


@dataclass(frozen=True, slots=True)
class RecordNode:
    """Record what the caller says, after a beep."""

    prompts: tuple[PromptName, ...]
    """Said before the beep."""
    keys: frozenset[str]
    """Any of these ends it."""
    min_s: float
    """What is shorter counts as nothing."""
    max_s: float
    """Then it ends by itself."""
    next: NodeName
    """When something was recorded."""
    on_empty: NodeName
    """When nothing was."""
    silence_s: float = 0.0
    """A caller who has not spoken for so long has ended; 0: only a key, or `max_s`, ends it."""
    has_limits: bool = False
    """The caller is told how long it may be, and which key ends it."""
    on_full: NodeName | None = None
    """When no message can be taken, and the caller was told so; None: as `on_empty`."""


@dataclass(frozen=True, slots=True)
class MessageNode:
    """Leave what was recorded, and what was said about it, to a queue's agents."""

    queue: QueueName
    """Whose agents."""
    number: VariableName
    """Whom to call back; when nothing is kept there, the caller's own number."""
    next: NodeName
    """Where to go afterwards."""
    subject: str = ""
    """What it is about, when no variable says so."""
    subject_variable: VariableName | None = None
    """Which variable says what it is about."""
    is_reply_wanted: bool = True
    """Whether an answer is wanted, when no variable says so."""
    reply_variable: VariableName | None = None
    """Which variable says by `no` that none is wanted."""
    is_own_queue: bool = False
    """The queue that the caller waits in or comes from goes before `queue`."""


@dataclass(frozen=True, slots=True)
class CallbackNode:
    """Ask for a callback, which keeps the caller's place."""

    queue: QueueName
    """Which queue, unless the caller waits in one or comes from one."""
    number: VariableName
    """Whom to call; when nothing is kept there, the caller's own number."""
    next: NodeName
    """When it was taken down."""
    refused: NodeName
    """When it was not: not a number that may be called, or too many."""


@dataclass(frozen=True, slots=True)
class BranchNode:
    """Go on by something that is known."""

    on: BranchOn
    """What decides."""
    cases: Mapping[str, NodeName]
    """Where each value leads; for tiers, `unknown` is a caller without a card."""
    otherwise: NodeName
    """Where all other values lead."""
    variable: VariableName | None = None
    """Which variable decides, when `on` is VARIABLE."""


@dataclass(frozen=True, slots=True)
class QueueNode:
    """Wait for an agent: the flow ends here."""

    queue: QueueName
    """Which queue."""
    priority_s: float = 0.0
    """Seconds that every caller from this node is put ahead."""
    tier_priority_s: Mapping[str, float] = field(default_factory=dict)
    """Further seconds by customer tier."""
    skills: Mapping[SkillName, int] = field(default_factory=dict)
    """Needed of the agent besides what the queue asks for, with the least level."""
    preferred: VariableName | None = None
    """Where the number of the agent is kept who is to be tried first."""


@dataclass(frozen=True, slots=True)
class ReturnNode:
    """Back to the queue that the caller waits in or was sent here from: the flow ends here."""

    queue: QueueName
    """Where a caller waits who comes from no queue."""


@dataclass(frozen=True, slots=True)
class FlowNode:
    """Go on in another flow, with language and variables: this one ends here."""

    flow: FlowName
    """Which one."""


@dataclass(frozen=True, slots=True)
class ExternalNumberNode:
    """Be connected to an external number: the flow ends here."""

    number: str
    """The number as it is dialled on the trunk."""
    trunk: str = ""
    """Which trunk; empty: the first that may dial out."""


@dataclass(frozen=True, slots=True)
class HangUpNode:
    """Say good-bye, if anything, and hang up: the flow ends here."""

    prompts: tuple[PromptName, ...] = ()
    """Played to the end before hanging up; keys do nothing."""
    reason: EndReason = EndReason.COMPLETED
    """For the record."""


Question = MenuNode | CollectNode | ConfirmNode | QuestionNode | ListenNode | LanguageNode
ExternalRequest = LookupNode | ServiceNode | CallbackNode
Ending = QueueNode | ReturnNode | FlowNode | ExternalNumberNode | HangUpNode
Node = Question | ExternalRequest | Ending | PlayNode | RecordNode | MessageNode | BranchNode


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow as it was read from its file; see `acdcore.ivr.checks.check` for what makes it fit for calls."""

    name: FlowName
    """Its key."""
    file: str
    """Where it was read from, for error messages."""
    language: Language
    """The language that a call starts in unless the dialled number says otherwise."""
    languages: tuple[Language, ...]
    """All languages that the flow speaks; each prompt must exist in all of them."""
    start: NodeName
    """The first node."""
    nodes: Mapping[NodeName, Node]
    """All nodes."""
    prompts: Mapping[PromptKey, PromptSource]
    """The flow's own prompts."""
    takes: frozenset[VariableName] = frozenset()
    """Variables that earlier flows may have kept, and this one reads; empty values when they did not."""

    def reads_values(self) -> bool:
        """Whether a caller may hear what no prompt says: a value that is read aloud."""
        return any(
            isinstance(node, ConfirmNode)
            or (isinstance(node, PlayNode) and any(isinstance(part, ValueToRead) for part in node.prompts))
            for node in self.nodes.values()
        )
