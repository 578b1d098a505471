"""Reads `config/prompts/system.toml`, acdcore's own prompts, and adds what it lacks in any language.

A file of an earlier version is accepted: what it lacks is taken from the shipped file, and a warning says so. The same
applies to a file without the sentences of `acdcore.ivr.reading.phrases`, unless it has recordings of their words.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import Field

from acdcore.ivr.files.flows import PromptTable
from acdcore.ivr.files.table import TomlTable, read_table
from acdcore.ivr.model.flow import Beep, Language, PromptKey, PromptName, PromptRequest, PromptSource, Text, WavFile
from acdcore.ivr.model.system_prompts import (
    SYSTEM,
    SystemPhrase,
    SystemPrompt,
    clip_names,
    digit_key,
    phrase_key,
    system_key,
)
from acdcore.ivr.reading.phrases import (
    BEFORE,
    PIECES,
    PLACEHOLDERS,
    VALUES,
    RuntimePhrases,
    filled,
    phrase_of,
    value_text,
)
from acdcore.kernel.errors import SettingsError, raise_together
from acdcore.kernel.mistakes import near
from acdcore.kernel.shipped import shipped

FILE = Path("prompts") / "system.toml"
"""Its path below the directory of the settings."""
AS_TEXT_ONLY_IN_SENTENCES = frozenset(
    piece.value for phrase, pieces in PIECES.items() if phrase is not SystemPhrase.AGENT for piece in pieces
)
"""Words of earlier versions that are played only where they are recorded."""
_BRACES = re.compile(r"\{[^}]*\}?")

Sources = Mapping[str, Mapping[Language, PromptSource]]
"""Sources by the prompt's name without `system.`, then by language."""


class SystemTable(TomlTable):
    """The whole file."""

    prompts: dict[str, PromptTable] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SystemFile:
    """The prompts of the file, completed from the shipped file."""

    file: str
    """The path of the file, for messages."""
    requests: tuple[PromptRequest, ...]
    """All prompts without values."""
    templates: Mapping[SystemPhrase, Mapping[Language, PromptSource]]
    """The sentences with a place for a value; a language is missing where they are put together from recordings."""
    single: Sources
    """Sentences for one certain value, which are used before the templates."""
    warnings: tuple[str, ...]
    """What the file lacks, and which of its prompts are no longer used."""

    def sayings(self, requests: Iterable[PromptRequest]) -> RuntimePhrases:
        """How values are said that only calls bring up; `requests` are all prompts, with recordings where there are.

        Where all digits are recorded, and in the sentence of the agent's number its words, no engine mixes into them.
        """
        recorded = {request.key for request in requests if isinstance(request.source, WavFile)}
        digits = {lang for lang in Language if recorded.issuperset(digit_key(digit, lang) for digit in "0123456789")}
        frames = PIECES[SystemPhrase.AGENT]
        framed = {lang for lang in digits if recorded.issuperset(system_key(frame, lang) for frame in frames)}
        templates = self.templates[SystemPhrase.AGENT].items()
        agent = {lang: one.text for lang, one in templates if isinstance(one, Text) and lang not in framed}
        return RuntimePhrases(agent, frozenset(digits))

    def of_value(self, phrase: SystemPhrase, value: str, titles: Mapping[Language, str]) -> Iterator[PromptRequest]:
        """The sentence with this value in all languages, where it is not put together from recordings.

        `titles` say the value in each language where it has a name; otherwise it is read.
        """
        own = self.single.get(f"{phrase.value}-{value}", {})
        for language in Language:
            source, template = own.get(language), self.templates[phrase].get(language)
            if source is None and isinstance(template, Text):
                said = titles.get(language) or value_text(phrase, value, language)
                source = Text(filled(template.text, phrase, said))
            if source is not None:
                yield PromptRequest(phrase_key(phrase, value, language), source, self.file)


def read_system(file: Path, standard: Path | None = None) -> SystemFile:
    """Read the file; what it lacks comes from `standard`, else from the shipped file.

    Raises SettingsError for all that is wrong.
    """
    own = sources_of(file)
    standard = standard or shipped() / FILE
    lacking = list(_lacking(own))
    whole = {name: dict(sources) for name, sources in own.items()}
    if lacking:
        theirs = sources_of(standard)
        for name, language in lacking:
            for each in (name, *(one for one in theirs if one.startswith(f"{name}-") and name in PHRASES)):
                if language in theirs.get(each, {}):
                    whole.setdefault(each, {}).setdefault(language, theirs[each][language])
    return _system_file(str(file), whole, tuple(_warnings(str(file), own, lacking, standard)))


PHRASES: Mapping[str, SystemPhrase] = {phrase.value: phrase for phrase in SystemPhrase}


def sources_of(file: Path) -> dict[str, dict[Language, PromptSource]]:
    """The prompts of one file, checked alone. Raises SettingsError with all mistakes."""
    sources = {name: table.sources() for name, table in read_table(file, SystemTable).prompts.items()}
    raise_together([SettingsError(str(file), f"prompts.{name}", text) for name, text in _problems(sources)])
    return sources


def _problems(sources: Sources) -> Iterator[tuple[str, str]]:
    """Prompts that are never played and sentences without a place for their value, each with the mistake."""
    known = clip_names() | PHRASES.keys()
    for name in sorted(sources):
        phrase = PHRASES.get(name)
        if name not in known and phrase_of(name) is None:
            yield name, f"is not a prompt of acdcore; remove it{near(name, known - sources.keys())}"
        for language, source in sources[name].items():
            if phrase is not None and isinstance(source, WavFile):
                yield name, f"has a value in it; record one for each, as in [prompts.{_example(phrase)}]"
                break
            if isinstance(source, Text):
                yield from _misplaced(name, language, source.text, "" if phrase is None else PLACEHOLDERS[phrase])


def _example(phrase: SystemPhrase) -> str:
    return f"{phrase.value}-{VALUES.get(phrase, ('...',))[0]}"


def _misplaced(name: str, language: Language, text: str, wanted: str) -> Iterator[tuple[str, str]]:
    found = _BRACES.findall(text)
    where = f"{name}.{language.value}"
    if wanted and wanted not in found:
        yield where, f"does not say its value; write {wanted} where it is to be heard"
    for other in sorted(set(found) - {wanted}):
        yield where, f"{other} stands for nothing here; " + (f"write {wanted}" if wanted else "remove it")


def _needed() -> Iterator[str]:
    """The names of all prompts that the file must have."""
    yield from sorted((clip_names() - AS_TEXT_ONLY_IN_SENTENCES) | PHRASES.keys())


def _lacking(own: Sources) -> Iterator[tuple[str, Language]]:
    """The prompts that the file lacks, and in which languages."""
    for name in _needed():
        for language in Language:
            phrase = PHRASES.get(name)
            is_there = language in own.get(name, {}) or _is_recorded_otherwise(own, name, language)
            if not is_there and not (phrase is not None and _is_said(own, phrase, language)):
                yield name, language


def _is_recorded_otherwise(own: Sources, name: str, language: Language) -> bool:
    """Whether a file lacks a new prompt, but has a recording of its predecessor."""
    former = [own.get(each, {}).get(language) for each in BEFORE.get(name, ())]
    return bool(former) and all(isinstance(source, WavFile) for source in former)


def _is_said(own: Sources, phrase: SystemPhrase, language: Language) -> bool:
    """Whether a file has no template and needs none."""
    singles = [f"{phrase.value}-{value}" for value in VALUES.get(phrase, ())]
    is_whole = bool(singles) and all(language in own.get(single, {}) for single in singles)
    return is_whole or is_spliced(own, phrase, language)


def is_spliced(own: Sources, phrase: SystemPhrase, language: Language) -> bool:
    """Whether a file has no sentence but its words, at least one of them recorded."""
    pieces = [own.get(piece.value, {}).get(language) for piece in PIECES[phrase]]
    is_recorded = all(pieces) and any(isinstance(piece, WavFile) for piece in pieces)
    return is_recorded and language not in own.get(phrase.value, {})


def _warnings(file: str, own: Sources, lacking: Iterable[tuple[str, Language]], standard: Path) -> Iterator[str]:
    names: dict[str, list[str]] = {}
    for name, language in lacking:
        names.setdefault(name, []).append(language.value)
    if names:
        every = len(Language)
        told = ", ".join(
            f"prompts.{name}" + ("" if len(of) == every else f" in {', '.join(of)}") for name, of in names.items()
        )
        yield f"{file}: lacks {told}; the shipped texts are used: copy them from {standard}"
    former = sorted(
        f"prompts.{piece.value}"
        for phrase, pieces in PIECES.items()
        if phrase is not SystemPhrase.AGENT and not any(is_spliced(own, phrase, language) for language in Language)
        for piece in pieces
        if piece.value in own
    )
    if former:
        yield f"{file}: {', '.join(former)}: no longer used, because whole sentences replaced them; remove them"


def _system_file(file: str, whole: Sources, warnings: tuple[str, ...]) -> SystemFile:
    spliced = {
        (phrase, language) for phrase in SystemPhrase for language in Language if is_spliced(whole, phrase, language)
    }
    templates = {
        phrase: {lang: source for lang, source in whole.get(phrase.value, {}).items() if (phrase, lang) not in spliced}
        for phrase in SystemPhrase
    }
    pieces = {(piece.value, language) for phrase, language in spliced for piece in PIECES[phrase]}
    requests = [PromptRequest(system_key(SystemPrompt.BEEP, language), Beep(), file) for language in Language]
    for name in sorted(whole):
        found = phrase_of(name)
        is_fixed = name not in PHRASES and (found is None or found[0] is SystemPhrase.AGENT)
        for language, source in whole[name].items() if is_fixed else ():
            if name not in AS_TEXT_ONLY_IN_SENTENCES or (name, language) in pieces:
                requests.append(PromptRequest(PromptKey(PromptName(f"{SYSTEM}.{name}"), language), source, file))
    made = SystemFile(file, (), templates, whole, warnings)
    for phrase, values in VALUES.items():
        for value in values:
            requests += made.of_value(phrase, value, {})
    return replace(made, requests=tuple(requests))
