"""Flows as files: `config/ivr/NAME.toml` to `Flow`."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field

from acdcore.ivr.bounds import NAME_PATTERN, Name
from acdcore.ivr.check import Problem, Surroundings, validate, validate_together
from acdcore.ivr.model import (
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
from acdcore.ivr.node_tables import NodeTable
from acdcore.ivr.system import SYSTEM
from acdcore.ivr.table import Table, read_table
from acdcore.kernel.errors import SettingsError

NODES_MAX = 500
"""A flow with more is a program, and no caller finds through it."""

Spoken = Annotated[str, Field(min_length=1, max_length=600)]
"""A text read aloud: 600 characters are about two minutes."""


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


class FlowTable(Table):
    """A whole file."""

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
        takes=frozenset(VariableName(variable) for variable in table.takes),
    )


def load_flows(directory: Path, surroundings: Surroundings) -> dict[FlowName, Flow]:
    """Read and check all flows of a directory.

    Raises SettingsError for the first problem; its text names the further ones as well.
    """
    flows: dict[FlowName, Flow] = {}
    for file in sorted(directory.glob("*.toml")):
        flow = read_flow(file)
        _refuse(flow, validate(flow, surroundings))
        flows[flow.name] = flow
    if not flows:
        raise SettingsError(str(directory), "", "no flow here; put at least one NAME.toml into it")
    together = validate_together(flows)
    for flow in flows.values():
        _refuse(flow, [problem for at_fault, problem in together if at_fault is flow])
    return flows


def _refuse(flow: Flow, problems: list[Problem]) -> None:
    """Raise SettingsError when there are any."""
    if problems:
        further = "".join(f"; also {problem.key}: {problem.reason}" for problem in problems[1:])
        raise SettingsError(flow.file, problems[0].key, problems[0].reason + further)
