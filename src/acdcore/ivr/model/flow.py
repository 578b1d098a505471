"""Flows as data: languages, prompts, the nodes of a flow, and the context in which a flow starts."""

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
"""A flow's name for a value: typed digits, an answer, the call's numbers (`variables.py`), or `customer.FIELD`."""


class Language(StrEnum):
    """The languages that prompts are spoken in; the values are ISO 639-3 and also the names of the voices."""

    MANDARIN = "cmn"
    CANTONESE = "yue"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True, order=True)
class PromptKey:
    """One recording: a prompt in one language."""

    name: PromptName
    """The prompt's name."""
    language: Language
    """Spoken in this language."""


@dataclass(frozen=True, slots=True)
class RuntimeText:
    """Text that is known only during the call; the speech synthesis speaks it at run time."""

    text: str
    """The words."""
    language: Language
    """The language of the voice."""
    clips: tuple[PromptKey, ...] = ()
    """Clips of the same words, used when the text cannot be spoken in time; empty: there are none."""


@dataclass(frozen=True, slots=True)
class Text:
    """A prompt that is read aloud by the speech synthesis."""

    text: str
    """The words, in the language of the prompt's key."""


@dataclass(frozen=True, slots=True)
class WavFile:
    """A prompt that was recorded."""

    file: str
    """Path of the WAV file, relative to the prompts' directory."""
    text: str = ""
    """The text that it replaces; empty: none, or not known."""


@dataclass(frozen=True, slots=True)
class Beep:
    """A short tone that is calculated."""


PromptSource = Text | WavFile | Beep


@dataclass(frozen=True, slots=True)
class PromptRequest:
    """A prompt that must exist before calls are taken."""

    key: PromptKey
    """Name and language under which it is played."""
    source: PromptSource
    """Where its sound comes from."""
    settings_file: str
    """The settings file that names it, for error messages."""


class LookupKind(StrEnum):
    """The kind of number by which a customer is looked up."""

    MEMBER_NUMBER = "member_number"
    NUMBER_PLATE = "number_plate"
    """The digits of the plate in order. Letters cannot be typed; when several plates match, nobody is found."""
    PHONE = "phone"


class LookupMiss(StrEnum):
    """Why a look-up found no customer: nobody or several have that number, or the directory is away."""

    NOT_FOUND = "not_found"
    UNAVAILABLE = "unavailable"


class CalendarState(StrEnum):
    """The state of the calendar."""

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
    """The fields of a known customer's card that a flow needs."""

    customer: CustomerId
    """Whose card it is."""
    name: str
    """For the agent's screen."""
    tier: str
    """Customer tier as the directory names it: `standard`, `silver`, `gold`, `vip`."""
    language: Language | None = None
    """The language that the customer asked for, if any."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Other fields of the card, by names in `CUSTOMER_FIELDS`; a flow reads them as variables `customer.FIELD`."""


@dataclass(frozen=True, slots=True)
class FlowContext:
    """The facts of a call that are known when its flow starts."""

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
    """The region of the caller's number; a region on the customer's card takes precedence."""
    queue: QueueName | None = None
    """The queue that the caller waits in, or was sent here from."""
    callback: CallbackChoice = CallbackChoice.OWN_OR_OTHER
    """The numbers that may be called back."""
    variables: Mapping[VariableName, str] = field(default_factory=dict)
    """The variables that earlier flows of this call kept."""
    visits: int = 0
    """Nodes entered in earlier flows of this call, which count for the limit."""
    number: int = 0
    """The last number of a playback or request in earlier flows, so that their late answers are recognised."""


@dataclass(frozen=True, slots=True)
class ValueToRead:
    """A part of a sentence that is a variable's value."""

    variable: VariableName
    """The variable; an empty value is skipped."""
    kind: ReadAs | None
    """How it is read; None: as text, by the speech synthesis at run time."""


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
    """The node when a value is empty or does not fit its kind; None: it is skipped, or spoken as text."""


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
    """The question's key in reports: the same in all languages; do not change it later."""
    form: AnswerForm
    """The form of an answer."""
    prompts: tuple[PromptName, ...]
    """The question."""
    timeout_s: float
    """Silence before the first key."""
    retries: int
    """How often the question is repeated."""
    next: NodeName
    """After an answer that no branch names."""
    on_no_answer: NodeName
    """When the tries are used up, or the question was skipped."""
    is_skippable: bool = False
    """Whether `*` or one silence skips the question; otherwise it is repeated."""
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
    """Ask for one of several answers, spoken or by key."""

    prompts: tuple[PromptName, ...]
    """The question."""
    phrases: Mapping[str, Mapping[Language, tuple[str, ...]]]
    """The phrases for each value in each language; the first is the usual one."""
    cases: Mapping[str, NodeName]
    """Where each value leads."""
    keys: Mapping[str, NodeName]
    """Where each key leads; a key may be pressed at any moment."""
    timeout_s: float
    """Silence after the question before it is repeated."""
    longest_s: float
    """Seconds of speech, after which the caller is cut off; the speech until then counts."""
    retries: int
    """How often the question is repeated, over silence, wrong keys and what was not understood together."""
    on_timeout: NodeName
    """After the last silence."""
    on_no_match: NodeName
    """After the last wrong key, or the last words that match no phrase."""
    unavailable: NodeName
    """At once when listening is not possible: no recogniser, too many calls, a failure, no answer in time."""
    otherwise: NodeName | None = None
    """Where values lead that no case names."""
    confidence: float = 0.6
    """From 0 to 1: an answer with less confidence is not accepted."""
    confirm: Mapping[str, PromptName] = field(default_factory=dict)
    """For each value the question "did you mean ...?", asked when it is not sure; empty: it is never asked."""
    confirm_from: float = 0.35
    """From 0 to 1: an answer with less confidence is not asked about."""
    yes_key: str = "1"
    """The key for yes to that question."""
    no_key: str = "2"
    """The key for no to that question."""
    invalid_prompts: tuple[PromptName, ...] = ()
    """Said after a wrong key and after words that no phrase fits, before the question is repeated."""
    has_barge_in: bool = True
    """Whether listening begins with the question, and speech stops it; otherwise it begins at the question's end."""
    keys_only: frozenset[Language] = frozenset()
    """Languages without listening, in which only keys count."""
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
    """Seconds for which the caller waits in silence."""


@dataclass(frozen=True, slots=True)
class ServiceNode:
    """Ask a service of the operator, and keep its answer."""

    service: str
    """Its name in the configuration."""
    values: Mapping[str, VariableName]
    """What is sent: fields of the request and the variables that fill them."""
    save: Mapping[str, VariableName]
    """What is kept: fields of the answer and the variables that take them; a field that is missing is empty."""
    timeout_s: float
    """Seconds for which the caller waits."""
    next: NodeName
    """When it answered."""
    not_found: NodeName
    """When its answer is that there is no such thing."""
    on_failure: NodeName
    """When it did not answer in time, or its answer cannot be used."""
    while_waiting: tuple[PromptName, ...] = ()
    """Played meanwhile, always to its end."""


@dataclass(frozen=True, slots=True)
class RecordNode:
    """Record what the caller says, after a beep."""

    prompts: tuple[PromptName, ...]
    """Said before the beep."""
    keys: frozenset[str]
    """Keys that end the recording."""
    min_s: float
    """Seconds; a shorter recording counts as empty."""
    max_s: float
    """Seconds after which it ends by itself."""
    next: NodeName
    """When something was recorded."""
    on_empty: NodeName
    """When nothing was."""
    silence_s: float = 0.0
    """Seconds of silence that end it; 0: only a key or `max_s` ends it."""
    has_limits: bool = False
    """Whether an announcement gives the longest length and the key that ends it."""
    on_full: NodeName | None = None
    """When no message can be taken, after an announcement of that; None: as `on_empty`."""


@dataclass(frozen=True, slots=True)
class MessageNode:
    """Leave the recording and its subject to a queue's agents."""

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
    """Go on by a known value."""

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
        """Whether the flow reads values aloud."""
        return any(
            isinstance(node, ConfirmNode)
            or (isinstance(node, PlayNode) and any(isinstance(part, ValueToRead) for part in node.prompts))
            for node in self.nodes.values()
        )
