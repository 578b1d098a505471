"""Flows as data: languages, prompts, the nodes of a flow, and what is known of a call when its flow starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from acdcore.kernel.ids import CustomerId, QueueName

FlowName = NewType("FlowName", str)
"""A flow's key: the name of its file without `.toml`."""
NodeName = NewType("NodeName", str)
"""A node's key within its flow."""
PromptName = NewType("PromptName", str)
"""A prompt's name over all flows: `FLOW.NAME`, or `system.NAME` for those that every flow may play."""
VariableName = NewType("VariableName", str)
"""What a flow calls a number: typed digits, or one of `CALLER` and `DIALLED`."""

CALLER = VariableName("caller")
"""The caller's number, known from the start."""
DIALLED = VariableName("dialled")
"""The number that was dialled, known from the start."""
GIVEN_VARIABLES = frozenset({CALLER, DIALLED})
"""Variables that a flow may read without having collected them."""

KEYS = frozenset("0123456789*#")
"""The keys of a telephone; A to D exist in RFC 4733 but on no caller's phone, and are ignored."""


UNKNOWN_TIER = "unknown"
"""What stands for the tier of a caller without a card."""


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
class Text:
    """A prompt that is read aloud by the speech synthesis."""

    text: str
    """What is said, in the language of the prompt's key."""


@dataclass(frozen=True, slots=True)
class WavFile:
    """A prompt that was recorded."""

    file: str
    """Path of the WAV file, relative to the prompts' directory."""


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
    """Why a look-up brought no customer."""

    NOT_FOUND = "not_found"
    """Nobody, or more than one, has that number."""
    UNAVAILABLE = "unavailable"
    """The directory did not answer in time or is away."""


class CalendarState(StrEnum):
    """What the calendar says of a moment."""

    OPEN = "open"
    CLOSED = "closed"
    HOLIDAY = "holiday"


class BranchOn(StrEnum):
    """What a branch decides by."""

    VARIABLE = "variable"
    TIER = "tier"
    LANGUAGE = "language"
    CALENDAR = "calendar"


class EndReason(StrEnum):
    """Why the flow hangs up."""

    COMPLETED = "completed"
    """The caller got what the flow offers."""
    CLOSED = "closed"
    """Nobody is on duty."""
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
    """For the agent's screen; never spoken."""
    tier: str
    """Customer tier as the directory names it: `standard`, `silver`, `gold`, `vip`."""
    language: Language | None = None
    """The language that the customer asked for, if any."""


@dataclass(frozen=True, slots=True)
class Context:
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


@dataclass(frozen=True, slots=True)
class PlayNode:
    """Say something and go on."""

    prompts: tuple[PromptName, ...]
    """Played in this order."""
    next: NodeName
    """Where to go afterwards."""
    is_interruptible: bool = True
    """A key stops the prompt and is kept for the next question; otherwise the prompt is heard to its end."""


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
    invalid_prompts: tuple[PromptName, ...] = ()
    """Said after a wrong key, before the question is repeated."""


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
    advance_s: float = 0.0
    """Seconds that every caller from this node is put ahead."""
    tier_advance_s: Mapping[str, float] = field(default_factory=dict)
    """Further seconds by customer tier."""


@dataclass(frozen=True, slots=True)
class OutsideNode:
    """Be connected to an outside number: the flow ends here."""

    number: str
    """The number as it is dialled on the trunk."""


@dataclass(frozen=True, slots=True)
class HangUpNode:
    """Say good-bye, if anything, and hang up: the flow ends here."""

    prompts: tuple[PromptName, ...] = ()
    """Played to the end before hanging up; keys do nothing."""
    reason: EndReason = EndReason.COMPLETED
    """For the record."""


Node = PlayNode | MenuNode | CollectNode | LanguageNode | LookupNode | BranchNode | QueueNode | OutsideNode | HangUpNode


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow as it was read from its file; see `acdcore.ivr.check` for what makes it fit for calls."""

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
