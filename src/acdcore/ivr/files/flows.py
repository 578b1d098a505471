"""Reads flows: from `config/ivr/NAME.toml` to `Flow`."""

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from acdcore.ivr.checks.check import FlowReferences, validate, validate_together
from acdcore.ivr.files.bounds import NAME_PATTERN, Name, SpokenText
from acdcore.ivr.files.node_tables import NodeTable
from acdcore.ivr.files.table import TomlTable, read_table
from acdcore.ivr.model.flow import (
    Flow,
    FlowName,
    Language,
    NodeName,
    PromptKey,
    PromptName,
    PromptSource,
    Text,
    VariableName,
    WavFile,
)
from acdcore.ivr.model.system_prompts import SYSTEM
from acdcore.kernel.errors import SettingsError

NODES_MAX = 500
"""Nodes of a flow at most: callers do not find their way through a larger one."""


class PromptTable(TomlTable):
    """`[prompts.NAME]`: a text for each language, or recordings."""

    wav: str | dict[Language, str] | None = None
    cmn: SpokenText | None = None
    yue: SpokenText | None = None
    en: SpokenText | None = None

    def sources(self) -> dict[Language, PromptSource]:
        """The source of each language's sound; a recording is used before a text."""
        texts = {Language.MANDARIN: self.cmn, Language.CANTONESE: self.yue, Language.ENGLISH: self.en}
        sources: dict[Language, PromptSource] = {language: Text(text) for language, text in texts.items() if text}
        if isinstance(self.wav, str):
            sources |= {language: WavFile(self.wav) for language in Language}
        elif self.wav is not None:
            sources |= {language: WavFile(file) for language, file in self.wav.items()}
        return sources


class FlowTable(TomlTable):
    """The file of a flow."""

    language: Language = Language.MANDARIN
    languages: list[Language] = Field(default_factory=lambda: list(Language), min_length=1)
    start: Name
    takes: list[Name] = Field(default_factory=list)
    prompts: dict[Name, PromptTable] = Field(default_factory=dict)
    nodes: dict[Name, NodeTable] = Field(min_length=1, max_length=NODES_MAX)


def read_flow(file: Path) -> Flow:
    """Read one flow without checking it against anything else. Raises SettingsError naming file and key."""
    name = FlowName(file.stem)
    if not re.match(NAME_PATTERN, name) or name == SYSTEM:
        raise SettingsError(str(file), "", f"{name} cannot be a flow's name; use small letters, digits, - and _")
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
        takes=frozenset(VariableName(variable) for variable in table.takes),
    )


@dataclass(frozen=True, slots=True)
class FlowsRead:
    """The flows of a directory, and its mistakes."""

    flows: dict[FlowName, Flow]
    """Those that could be read, with mistakes or without."""
    unread: frozenset[FlowName]
    """Flows whose files could not be read: their transitions are not known, and they are not checked further."""
    errors: tuple[SettingsError, ...]
    """Everything that is wrong; empty: all may take calls."""

    @property
    def are_named(self) -> bool:
        """Whether the names of all flows are known: a file with a wrong name may be any flow."""
        return bool(self.flows or self.unread) and all(re.match(NAME_PATTERN, name) for name in self.unread)


def read_flows(directory: Path, references: FlowReferences) -> FlowsRead:
    """Read and check all flows of a directory; mistakes are returned, not raised."""
    flows: dict[FlowName, Flow] = {}
    unread: set[FlowName] = set()
    errors: list[SettingsError] = []
    if not directory.is_dir():
        absent = SettingsError(str(directory), "", "cannot be read as a directory; put the flows there as NAME.toml")
        return FlowsRead({}, frozenset(), (absent,))
    for file in sorted(directory.glob("*.toml")):
        try:
            flow = flows[FlowName(file.stem)] = read_flow(file)
        except SettingsError as error:
            unread.add(FlowName(file.stem))
            errors.append(error)
        else:
            errors += [SettingsError(flow.file, one.key, one.reason) for one in validate(flow, references)]
    if not flows and not unread:
        errors.append(SettingsError(str(directory), "", "no flow here; put at least one NAME.toml into it"))
    together = validate_together(flows, unread)
    errors += [SettingsError(flow.file, problem.key, problem.reason) for flow, problem in together]
    return FlowsRead(flows, frozenset(unread), tuple(errors))
