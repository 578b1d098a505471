"""Flows as files: `config/ivr/NAME.toml` to `Flow`."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from acdcore.ivr.check import Surroundings, validate
from acdcore.ivr.kinds import BranchOn
from acdcore.ivr.model import (
    BranchNode,
    CollectNode,
    EndReason,
    Flow,
    FlowName,
    HangUpNode,
    Language,
    LanguageNode,
    LookupKind,
    LookupNode,
    MenuNode,
    Node,
    NodeName,
    OutsideNode,
    PlayNode,
    PromptKey,
    PromptName,
    PromptSource,
    QueueNode,
    Text,
    VariableName,
    WavFile,
)
from acdcore.ivr.system import SYSTEM
from acdcore.ivr.table import Table, read_table
from acdcore.kernel.errors import SettingsError
from acdcore.kernel.ids import QueueName

NODES_MAX = 500
"""A flow with more is a program, and no caller finds through it."""
NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
"""Names of flows, nodes, prompts and variables: they go into files' names and into records."""

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
PromptRef = Annotated[str, Field(pattern=r"^(system\.)?[a-z0-9][a-z0-9_-]{0,62}$")]
Spoken = Annotated[str, Field(min_length=1, max_length=600)]
"""A text read aloud: 600 characters are about two minutes."""
Pause = Annotated[float, Field(gt=0, le=60)]
"""Seconds of silence that a caller is given."""
Tries = Annotated[int, Field(ge=0, le=9)]
Advance = Annotated[float, Field(ge=0, le=86_400)]
"""Seconds that a caller is put ahead: at most a day."""


class PromptTable(Table):
    """`[prompts.NAME]`: a text for each language, or recordings."""

    wav: str | dict[Language, str] | None = None
    cmn: Spoken | None = None
    yue: Spoken | None = None
    en: Spoken | None = None

    def sources(self) -> dict[Language, PromptSource]:
        """Where the sound of each language comes from; a recording goes before a text."""
        texts = {Language.MANDARIN: self.cmn, Language.CANTONESE: self.yue, Language.ENGLISH: self.en}
        sources: dict[Language, PromptSource] = {language: Text(text) for language, text in texts.items() if text}
        if isinstance(self.wav, str):
            sources |= {language: WavFile(self.wav) for language in Language}
        elif self.wav is not None:
            sources |= {language: WavFile(file) for language, file in self.wav.items()}
        return sources


class PlayTable(Table):
    type: Literal["play"]
    prompts: list[PromptRef] = Field(min_length=1)
    next: Name
    interruptible: bool = True

    def node(self, flow: FlowName) -> Node:
        return PlayNode(_qualified(flow, self.prompts), NodeName(self.next), self.interruptible)


class MenuTable(Table):
    type: Literal["menu"]
    prompts: list[PromptRef] = Field(min_length=1)
    keys: dict[str, Name] = Field(min_length=1)
    timeout_s: Pause = 5.0
    retries: Tries = 2
    on_timeout: Name
    on_invalid: Name | None = None
    invalid_prompts: list[PromptRef] = Field(default_factory=list)

    def node(self, flow: FlowName) -> Node:
        return MenuNode(
            prompts=_qualified(flow, self.prompts),
            keys={key: NodeName(target) for key, target in self.keys.items()},
            timeout_s=self.timeout_s,
            retries=self.retries,
            on_timeout=NodeName(self.on_timeout),
            on_invalid=NodeName(self.on_invalid or self.on_timeout),
            invalid_prompts=_qualified(flow, self.invalid_prompts),
        )


class CollectTable(Table):
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
            prompts=_qualified(flow, self.prompts),
            variable=VariableName(self.variable),
            min_digits=self.min_digits,
            max_digits=self.max_digits,
            terminator=self.terminator,
            timeout_s=self.timeout_s,
            inter_digit_s=self.inter_digit_s,
            retries=self.retries,
            next=NodeName(self.next),
            on_failure=NodeName(self.on_failure),
            invalid_prompts=_qualified(flow, self.invalid_prompts),
        )


class LanguageTable(Table):
    type: Literal["language"]
    prompts: list[PromptRef] = Field(min_length=1)
    keys: dict[str, Language] = Field(min_length=1)
    timeout_s: Pause = 5.0
    retries: Tries = 0
    next: Name
    by_customer: bool = False

    def node(self, flow: FlowName) -> Node:
        return LanguageNode(
            prompts=_qualified(flow, self.prompts),
            keys=self.keys,
            timeout_s=self.timeout_s,
            retries=self.retries,
            next=NodeName(self.next),
            is_by_customer=self.by_customer,
        )


class LookupTable(Table):
    type: Literal["lookup"]
    by: LookupKind
    variable: Name
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


class BranchTable(Table):
    type: Literal["branch"]
    on: BranchOn
    variable: Name | None = None
    cases: dict[str, Name] = Field(min_length=1)
    otherwise: Name

    def node(self, flow: FlowName) -> Node:
        return BranchNode(
            on=self.on,
            cases={value: NodeName(target) for value, target in self.cases.items()},
            otherwise=NodeName(self.otherwise),
            variable=None if self.variable is None else VariableName(self.variable),
        )


class QueueTable(Table):
    type: Literal["queue"]
    queue: str
    advance_s: Advance = 0.0
    tier_advance_s: dict[str, Advance] = Field(default_factory=dict)

    def node(self, flow: FlowName) -> Node:
        return QueueNode(QueueName(self.queue), self.advance_s, self.tier_advance_s)


class OutsideTable(Table):
    type: Literal["outside"]
    number: str = Field(pattern=r"^\+?[0-9]{2,20}$")

    def node(self, flow: FlowName) -> Node:
        return OutsideNode(self.number)


class HangUpTable(Table):
    type: Literal["hang_up"]
    reason: EndReason = EndReason.COMPLETED

    def node(self, flow: FlowName) -> Node:
        return HangUpNode(reason=self.reason)


class AnnounceTable(Table):
    type: Literal["announce_and_hang_up"]
    prompts: list[PromptRef] = Field(min_length=1)
    reason: EndReason = EndReason.COMPLETED

    def node(self, flow: FlowName) -> Node:
        return HangUpNode(_qualified(flow, self.prompts), self.reason)


NodeTable = Annotated[
    PlayTable
    | MenuTable
    | CollectTable
    | LanguageTable
    | LookupTable
    | BranchTable
    | QueueTable
    | OutsideTable
    | HangUpTable
    | AnnounceTable,
    Field(discriminator="type"),
]


class FlowTable(Table):
    """A whole file."""

    language: Language = Language.MANDARIN
    languages: list[Language] = Field(default_factory=lambda: list(Language), min_length=1)
    start: Name
    prompts: dict[Name, PromptTable] = Field(default_factory=dict)
    nodes: dict[Name, NodeTable] = Field(min_length=1, max_length=NODES_MAX)


def read_flow(file: Path) -> Flow:
    """Read one flow without checking it against anything else. Raises SettingsError naming file and key."""
    name = FlowName(file.stem)
    if not re.match(NAME_PATTERN, name) or name == SYSTEM:
        raise SettingsError(str(file), "", f"{name} cannot name a flow; use small letters, digits, - and _")
    table = read_table(file, FlowTable)
    prompts: dict[PromptKey, PromptSource] = {}
    for prompt, sources in table.prompts.items():
        for language, source in sources.sources().items():
            prompts[PromptKey(PromptName(f"{name}.{prompt}"), language)] = source
    return Flow(
        name=name,
        file=str(file),
        language=table.language,
        languages=tuple(dict.fromkeys(table.languages)),
        start=NodeName(table.start),
        nodes={NodeName(key): node.node(name) for key, node in table.nodes.items()},
        prompts={key: source for key, source in prompts.items() if key.language in table.languages},
    )


def load_flows(directory: Path, surroundings: Surroundings) -> dict[FlowName, Flow]:
    """Read and check all flows of a directory.

    Raises SettingsError for the first problem; its text names the further ones as well.
    """
    flows: dict[FlowName, Flow] = {}
    for file in sorted(directory.glob("*.toml")):
        flow = read_flow(file)
        problems = validate(flow, surroundings)
        if problems:
            further = "".join(f"; also {problem.key}: {problem.reason}" for problem in problems[1:])
            raise SettingsError(str(file), problems[0].key, problems[0].reason + further)
        flows[flow.name] = flow
    if not flows:
        raise SettingsError(str(directory), "", "no flow here; put at least one NAME.toml into it")
    return flows


def _qualified(flow: FlowName, prompts: list[str]) -> tuple[PromptName, ...]:
    """Prompt names of one flow as names over all flows."""
    return tuple(PromptName(name if name.startswith(f"{SYSTEM}.") else f"{flow}.{name}") for name in prompts)
