"""The tables of a flow's nodes in its file: one for each type, with its defaults and bounds."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from acdcore.ivr.files.bounds import (
    ANSWERS_MAX,
    CONFIDENCE_DEFAULT,
    NUMBER_PATTERN,
    PHRASES_MAX,
    RECORDING_MAX_S,
    SERVICE_FIELDS_MAX,
    SILENCE_MIN_S,
    UTTERANCE_MAX_S,
    HowToRead,
    Name,
    Pause,
    Phrase,
    Priority,
    PromptRef,
    Share,
    Tries,
    Value,
    ValueRef,
)
from acdcore.ivr.files.table import TomlTable
from acdcore.ivr.flow.spoken_answers import with_yes_no
from acdcore.ivr.model.flow import (
    BranchNode,
    CallbackNode,
    CollectNode,
    ConfirmNode,
    EndReason,
    ExternalNumberNode,
    FlowName,
    FlowNode,
    HangUpNode,
    Language,
    LanguageNode,
    ListenNode,
    LookupKind,
    LookupNode,
    MenuNode,
    MessageNode,
    Node,
    NodeName,
    PlayNode,
    PromptName,
    QuestionNode,
    QueueNode,
    RecordNode,
    ReturnNode,
    ServiceNode,
    ValueToRead,
    VariableName,
)
from acdcore.ivr.model.kinds import AnswerForm, BranchOn, Choices, Digits, QuestionKind, Range, ReadAs
from acdcore.ivr.model.system_prompts import SYSTEM
from acdcore.ivr.model.variables import NO, YES
from acdcore.kernel.ids import QueueName, SkillName


class PlayTable(TomlTable):
    type: Literal["play"]
    prompts: list[PromptRef] = Field(min_length=1)
    next: Name
    interruptible: bool = True

    def node(self, flow: FlowName) -> Node:
        return PlayNode(qualified(flow, self.prompts), NodeName(self.next), self.interruptible)


class ReadTable(TomlTable):
    """A value among the parts of a sentence."""

    read: ValueRef
    as_: HowToRead = Field(alias="as")

    def part(self) -> ValueToRead:
        return _read(self.read, self.as_)


def _kind_of_part(part: object) -> str:
    """Whether a part is a prompt or a value, so that an error message is about that kind."""
    return "prompt" if isinstance(part, str) else "value"


Part = Annotated[Annotated[PromptRef, Tag("prompt")] | Annotated[ReadTable, Tag("value")], Discriminator(_kind_of_part)]


class SayTable(TomlTable):
    type: Literal["say"]
    parts: list[Part] = Field(min_length=1)
    next: Name
    interruptible: bool = True
    on_failure: Name | None = None

    def node(self, flow: FlowName) -> Node:
        parts: list[PromptName | ValueToRead] = []
        for part in self.parts:
            parts += [part.part()] if isinstance(part, ReadTable) else qualified(flow, [part])
        on_failure = None if self.on_failure is None else NodeName(self.on_failure)
        return PlayNode(tuple(parts), NodeName(self.next), self.interruptible, on_failure)


class MenuTable(TomlTable):
    type: Literal["menu"]
    before: list[PromptRef] = Field(default_factory=list)
    prompts: list[PromptRef] = Field(min_length=1)
    keys: dict[str, Name] = Field(min_length=1)
    variable: Name | None = None
    values: dict[str, Value] = Field(default_factory=dict)
    timeout_s: Pause = 5.0
    retries: Tries = 2
    on_timeout: Name
    on_invalid: Name | None = None
    invalid_prompts: list[PromptRef] = Field(default_factory=list)

    def node(self, flow: FlowName) -> Node:
        return MenuNode(
            prompts=qualified(flow, self.prompts),
            keys={key: NodeName(target) for key, target in self.keys.items()},
            timeout_s=self.timeout_s,
            retries=self.retries,
            on_timeout=NodeName(self.on_timeout),
            on_invalid=NodeName(self.on_invalid or self.on_timeout),
            before=qualified(flow, self.before),
            invalid_prompts=qualified(flow, self.invalid_prompts),
            variable=_variable(self.variable),
            values=self.values,
        )


class ConfirmTable(TomlTable):
    type: Literal["confirm"]
    before: list[PromptRef] = Field(default_factory=list)
    read: ValueRef
    as_: HowToRead = Field(default="digits", alias="as")
    prompts: list[PromptRef] = Field(min_length=1)
    yes_key: str = "1"
    no_key: str = "2"
    yes: Name
    no: Name
    timeout_s: Pause = 5.0
    retries: Tries = 2
    on_timeout: Name
    invalid_prompts: list[PromptRef] = Field(default_factory=list)

    def node(self, flow: FlowName) -> Node:
        return ConfirmNode(
            before=qualified(flow, self.before),
            value=_read(self.read, self.as_),
            prompts=qualified(flow, self.prompts),
            yes_key=self.yes_key,
            no_key=self.no_key,
            yes=NodeName(self.yes),
            no=NodeName(self.no),
            timeout_s=self.timeout_s,
            retries=self.retries,
            on_timeout=NodeName(self.on_timeout),
            invalid_prompts=qualified(flow, self.invalid_prompts),
        )


class _QuestionTable(TomlTable):
    """The keys that all kinds of questions have."""

    type: Literal["question"]
    question: Name
    before: list[PromptRef] = Field(default_factory=list)
    prompts: list[PromptRef] = Field(min_length=1)
    timeout_s: Pause = 6.0
    retries: Tries = 2
    skippable: bool = False
    branches: dict[str, Name] = Field(default_factory=dict)
    variable: Name | None = None
    next: Name
    on_no_answer: Name | None = None
    invalid_prompts: list[PromptRef] = Field(default_factory=list)

    @abstractmethod
    def form(self) -> AnswerForm:
        """The form of an answer; each kind of question has its own."""

    def node(self, flow: FlowName) -> Node:
        return QuestionNode(
            question=self.question,
            form=self.form(),
            prompts=qualified(flow, self.prompts),
            timeout_s=self.timeout_s,
            retries=self.retries,
            next=NodeName(self.next),
            on_no_answer=NodeName(self.on_no_answer or self.next),
            is_skippable=self.skippable,
            branches={value: NodeName(target) for value, target in self.branches.items()},
            variable=_variable(self.variable),
            before=qualified(flow, self.before),
            invalid_prompts=qualified(flow, self.invalid_prompts),
        )


class ChoiceTable(_QuestionTable):
    kind: Literal["choice"]
    keys: dict[str, Value] = Field(min_length=2)

    def form(self) -> AnswerForm:
        return Choices(self.keys)


class YesNoTable(_QuestionTable):
    kind: Literal["yes_no"]
    yes_key: str = "1"
    no_key: str = "2"

    def form(self) -> AnswerForm:
        return Choices({self.yes_key: YES, self.no_key: NO}, QuestionKind.YES_NO)


class NumberTable(_QuestionTable):
    kind: Literal["number"]
    min: int = Field(ge=0, le=999_999_999)
    max: int = Field(ge=0, le=999_999_999)

    def form(self) -> AnswerForm:
        return Range(self.min, self.max)


class DigitsTable(_QuestionTable):
    kind: Literal["digits"]
    min: int = Field(default=1, ge=1, le=32)
    max: int = Field(ge=1, le=32)

    def form(self) -> AnswerForm:
        return Digits(self.min, self.max)


QuestionTable = Annotated[ChoiceTable | YesNoTable | NumberTable | DigitsTable, Field(discriminator="kind")]


class RecordTable(TomlTable):
    type: Literal["record"]
    prompts: list[PromptRef] = Field(default_factory=list)
    end_keys: str = "0123456789*#"
    min_s: float = Field(default=1.0, ge=0)
    max_s: float = Field(default=120.0, gt=0, le=RECORDING_MAX_S)
    silence_s: float = Field(default=5.0, ge=0, le=60)
    limits: bool = True
    next: Name
    on_empty: Name
    on_full: Name | None = None

    @field_validator("silence_s")
    @classmethod
    def _is_long_enough(cls, silence_s: float) -> float:
        if 0 < silence_s < SILENCE_MIN_S:
            raise ValueError(f"a pause in a sentence may be longer; give 0 for never, or at least {SILENCE_MIN_S:g}")
        return silence_s

    def node(self, flow: FlowName) -> Node:
        return RecordNode(
            prompts=qualified(flow, self.prompts),
            keys=frozenset(self.end_keys),
            min_s=self.min_s,
            max_s=self.max_s,
            next=NodeName(self.next),
            on_empty=NodeName(self.on_empty),
            silence_s=self.silence_s,
            has_limits=self.limits,
            on_full=NodeName(self.on_full) if self.on_full else None,
        )


class MessageTable(TomlTable):
    type: Literal["message"]
    queue: str
    own_queue: bool = False
    number: ValueRef
    subject: Value | None = None
    subject_from: ValueRef | None = None
    reply_wanted: bool | None = None
    reply_from: ValueRef | None = None
    next: Name

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.subject is not None and self.subject_from is not None:
            raise ValueError("subject and subject_from both say what it is about; remove one")
        if self.reply_wanted is not None and self.reply_from is not None:
            raise ValueError("reply_wanted and reply_from both say whether a reply is wanted; remove one")
        return self

    def node(self, flow: FlowName) -> Node:
        return MessageNode(
            queue=QueueName(self.queue),
            number=VariableName(self.number),
            next=NodeName(self.next),
            subject=self.subject or "",
            subject_variable=_variable(self.subject_from),
            is_reply_wanted=self.reply_wanted is not False,
            reply_variable=_variable(self.reply_from),
            is_own_queue=self.own_queue,
        )


class CallbackTable(TomlTable):
    type: Literal["callback"]
    queue: str
    number: ValueRef
    next: Name
    refused: Name

    def node(self, flow: FlowName) -> Node:
        number = VariableName(self.number)
        return CallbackNode(QueueName(self.queue), number, NodeName(self.next), NodeName(self.refused))


class ServiceNodeTable(TomlTable):
    type: Literal["service"]
    service: str
    values: dict[str, ValueRef] = Field(default_factory=dict, max_length=SERVICE_FIELDS_MAX)
    save: dict[str, Name] = Field(default_factory=dict, max_length=SERVICE_FIELDS_MAX)
    timeout_s: Annotated[float, Field(gt=0, le=10)] = 3.0
    next: Name
    not_found: Name | None = None
    on_failure: Name
    while_waiting: list[PromptRef] = Field(default_factory=list)

    def node(self, flow: FlowName) -> Node:
        return ServiceNode(
            service=self.service,
            values={name: VariableName(variable) for name, variable in self.values.items()},
            save={name: VariableName(variable) for name, variable in self.save.items()},
            timeout_s=self.timeout_s,
            next=NodeName(self.next),
            not_found=NodeName(self.not_found or self.on_failure),
            on_failure=NodeName(self.on_failure),
            while_waiting=qualified(flow, self.while_waiting),
        )


class CollectTable(TomlTable):
    type: Literal["collect"]
    prompts: list[PromptRef] = Field(min_length=1)
    variable: Name
    min_digits: int = Field(default=1, ge=1, le=32)
    max_digits: int = Field(ge=1, le=32)
    terminator: Literal["#", ""] = "#"
    timeout_s: Pause = 8.0
    inter_digit_s: Pause = 4.0
    retries: Tries = 2
    next: Name
    on_failure: Name
    invalid_prompts: list[PromptRef] = Field(default_factory=list)

    def node(self, flow: FlowName) -> Node:
        return CollectNode(
            prompts=qualified(flow, self.prompts),
            variable=VariableName(self.variable),
            min_digits=self.min_digits,
            max_digits=self.max_digits,
            terminator=self.terminator,
            timeout_s=self.timeout_s,
            inter_digit_s=self.inter_digit_s,
            retries=self.retries,
            next=NodeName(self.next),
            on_failure=NodeName(self.on_failure),
            invalid_prompts=qualified(flow, self.invalid_prompts),
        )


class PhrasesTable(TomlTable):
    """The phrases for one answer, by language."""

    cmn: list[Phrase] = Field(default_factory=list, max_length=PHRASES_MAX)
    yue: list[Phrase] = Field(default_factory=list, max_length=PHRASES_MAX)
    en: list[Phrase] = Field(default_factory=list, max_length=PHRASES_MAX)

    def texts(self) -> dict[Language, tuple[str, ...]]:
        """The phrases by language; languages without a phrase are left out."""
        texts = {Language.MANDARIN: self.cmn, Language.CANTONESE: self.yue, Language.ENGLISH: self.en}
        return {language: tuple(phrases) for language, phrases in texts.items() if phrases}


class ListenTable(TomlTable):
    type: Literal["listen"]
    prompts: list[PromptRef] = Field(min_length=1)
    phrases: dict[Name, PhrasesTable] = Field(default_factory=dict, max_length=ANSWERS_MAX)
    answers: Literal["yes_no"] | None = None
    cases: dict[str, Name] = Field(default_factory=dict)
    otherwise: Name | None = None
    keys: dict[str, Name] = Field(default_factory=dict)
    values: dict[str, Value] = Field(default_factory=dict)
    keys_only: list[Language] = Field(default_factory=list)
    barge_in: bool = True
    timeout_s: Pause = 5.0
    longest_s: Annotated[float, Field(ge=1, le=UTTERANCE_MAX_S)] = 8.0
    confidence: Share = CONFIDENCE_DEFAULT
    confirm: dict[str, PromptRef] = Field(default_factory=dict)
    confirm_from: Share = 0.35
    yes_key: str = "1"
    no_key: str = "2"
    retries: Tries = 2
    variable: Name | None = None
    question: Name | None = None
    on_timeout: Name
    on_no_match: Name | None = None
    unavailable: Name
    invalid_prompts: list[PromptRef] = Field(default_factory=list)

    def node(self, flow: FlowName) -> Node:
        own = {value: phrases.texts() for value, phrases in self.phrases.items()}
        return ListenNode(
            prompts=qualified(flow, self.prompts),
            phrases=with_yes_no(own) if self.answers == "yes_no" else own,
            cases={value: NodeName(target) for value, target in self.cases.items()},
            keys={key: NodeName(target) for key, target in self.keys.items()},
            timeout_s=self.timeout_s,
            longest_s=self.longest_s,
            retries=self.retries,
            on_timeout=NodeName(self.on_timeout),
            on_no_match=NodeName(self.on_no_match or self.on_timeout),
            unavailable=NodeName(self.unavailable),
            otherwise=NodeName(self.otherwise) if self.otherwise else None,
            confidence=self.confidence,
            confirm={value: qualified(flow, [prompt])[0] for value, prompt in self.confirm.items()},
            confirm_from=self.confirm_from,
            yes_key=self.yes_key,
            no_key=self.no_key,
            invalid_prompts=qualified(flow, self.invalid_prompts),
            has_barge_in=self.barge_in,
            keys_only=frozenset(self.keys_only),
            variable=_variable(self.variable),
            values=self.values,
            question=self.question or "",
            kind=QuestionKind.YES_NO if self.answers else QuestionKind.CHOICE,
        )


class LanguageTable(TomlTable):
    type: Literal["language"]
    prompts: list[PromptRef] = Field(min_length=1)
    keys: dict[str, Language] = Field(min_length=1)
    timeout_s: Pause = 5.0
    retries: Tries = 0
    next: Name
    by_customer: bool = False

    def node(self, flow: FlowName) -> Node:
        return LanguageNode(
            prompts=qualified(flow, self.prompts),
            keys=self.keys,
            timeout_s=self.timeout_s,
            retries=self.retries,
            next=NodeName(self.next),
            is_by_customer=self.by_customer,
        )


class LookupTable(TomlTable):
    type: Literal["lookup"]
    by: LookupKind
    variable: ValueRef
    found: Name
    not_found: Name
    unavailable: Name
    timeout_s: Annotated[float, Field(gt=0, le=10)] = 2.0

    def node(self, flow: FlowName) -> Node:
        return LookupNode(
            by=self.by,
            variable=VariableName(self.variable),
            found=NodeName(self.found),
            not_found=NodeName(self.not_found),
            unavailable=NodeName(self.unavailable),
            timeout_s=self.timeout_s,
        )


class BranchTable(TomlTable):
    type: Literal["branch"]
    on: BranchOn
    variable: ValueRef | None = None
    cases: dict[str, Name] = Field(min_length=1)
    otherwise: Name

    def node(self, flow: FlowName) -> Node:
        return BranchNode(
            on=self.on,
            cases={value: NodeName(target) for value, target in self.cases.items()},
            otherwise=NodeName(self.otherwise),
            variable=_variable(self.variable),
        )


class QueueNodeTable(TomlTable):
    type: Literal["queue"]
    queue: str
    priority_s: Priority = 0.0
    tier_priority_s: dict[str, Priority] = Field(default_factory=dict)
    skills: dict[str, Annotated[int, Field(ge=1, le=9)]] = Field(default_factory=dict)
    preferred: ValueRef | None = None

    def node(self, flow: FlowName) -> Node:
        return QueueNode(
            queue=QueueName(self.queue),
            priority_s=self.priority_s,
            tier_priority_s=self.tier_priority_s,
            skills={SkillName(skill): level for skill, level in self.skills.items()},
            preferred=_variable(self.preferred),
        )


class ReturnTable(TomlTable):
    type: Literal["return_to_queue"]
    queue: str

    def node(self, flow: FlowName) -> Node:
        return ReturnNode(QueueName(self.queue))


class FlowNodeTable(TomlTable):
    type: Literal["flow"]
    flow: Name

    def node(self, flow: FlowName) -> Node:
        return FlowNode(FlowName(self.flow))


class ExternalNumberTable(TomlTable):
    type: Literal["external_number"]
    number: str = Field(pattern=NUMBER_PATTERN)
    trunk: str = ""

    def node(self, flow: FlowName) -> Node:
        return ExternalNumberNode(self.number, self.trunk)


class HangUpTable(TomlTable):
    type: Literal["hang_up"]
    reason: EndReason = EndReason.COMPLETED

    def node(self, flow: FlowName) -> Node:
        return HangUpNode(reason=self.reason)


class AnnounceTable(TomlTable):
    type: Literal["announce_and_hang_up"]
    prompts: list[PromptRef] = Field(min_length=1)
    reason: EndReason = EndReason.COMPLETED

    def node(self, flow: FlowName) -> Node:
        return HangUpNode(qualified(flow, self.prompts), self.reason)


NodeTable = Annotated[
    PlayTable
    | SayTable
    | MenuTable
    | CollectTable
    | ConfirmTable
    | QuestionTable
    | ListenTable
    | LanguageTable
    | LookupTable
    | ServiceNodeTable
    | RecordTable
    | MessageTable
    | CallbackTable
    | BranchTable
    | QueueNodeTable
    | ReturnTable
    | FlowNodeTable
    | ExternalNumberTable
    | HangUpTable
    | AnnounceTable,
    Field(discriminator="type"),
]


def qualified(flow: FlowName, prompts: Sequence[str]) -> tuple[PromptName, ...]:
    """Prompt names of one flow with the flow's name in front, as they are named over all flows."""
    return tuple(PromptName(name if name.startswith(f"{SYSTEM}.") else f"{flow}.{name}") for name in prompts)


def _variable(name: str | None) -> VariableName | None:
    return None if name is None else VariableName(name)


def _read(variable: str, how: HowToRead) -> ValueToRead:
    return ValueToRead(VariableName(variable), None if how == "text" else ReadAs(how))
