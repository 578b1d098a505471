"""`acdcore prompts`: the list of texts for a studio, and the studio's recordings taken in."""

import csv
import json
import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from acdcore.cli.support.console import DEFAULT_CONFIG, ConfigOption, plain_errors, show
from acdcore.configuration.settings import load
from acdcore.configuration.snapshot import Snapshot, load_snapshot
from acdcore.ivr.audio.resample import TELEPHONE_RATE
from acdcore.ivr.audio.wav import SIZE_MAX, to_pcm, write_wav
from acdcore.ivr.checks.check import prompts_of
from acdcore.ivr.model.flow import Language, PromptKey, PromptRequest, Text, WavFile
from acdcore.ivr.model.system_prompts import SYSTEM
from acdcore.ivr.prompts.recordings import DIRECTORY, file_name, is_by_name, keep_together, with_comment
from acdcore.ivr.prompts.studio_take import TakeError, checked_take
from acdcore.ivr.reading.phrases import OF_QUEUES
from acdcore.ivr.tts.durations import longest_s
from acdcore.kernel.errors import SettingsError, raise_together
from acdcore.kernel.mistakes import near

OTHER_AUDIO = frozenset({".mp3", ".flac", ".aif", ".aiff", ".m4a", ".aac", ".ogg", ".opus", ".wma", ".amr", ".w64"})
"""Endings of recordings that cannot be read: passing them over in silence would lose them."""
USES_SHOWN = 4
NAMES_SHOWN = 8
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A cell that begins so is calculated by spreadsheets, and may send away what stands in others."""
app = typer.Typer(help="The texts that callers hear, and recordings of them.", no_args_is_help=True)


class ListFormat(StrEnum):
    """What the list of texts is written as."""

    CSV = "csv"
    """For spreadsheets."""
    JSON = "json"
    """For programs."""


ListDirectory = Annotated[Path, typer.Argument(metavar="DIR", help="Where the list goes; made if it is not there.")]
TakesDirectory = Annotated[Path, typer.Argument(metavar="DIR", help="Where the WAV files are, at any depth.")]
LanguageOption = Annotated[Language | None, typer.Option("--language", help="Only the texts of this language.")]
FormatOption = Annotated[ListFormat, typer.Option("--format", help="csv for spreadsheets, json for programs.")]
MissingOption = Annotated[bool, typer.Option("--missing", help="Only texts that have no recording yet.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only look whether all is good, and say what is missing.")
]


@app.callback()
def group() -> None:
    """The texts that callers hear, and recordings of them."""


# --- export ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PromptListRow:
    """One text of the list."""

    file: str
    """What its recording is to be called."""
    language: str
    prompt: str
    text: str
    used: str
    """Where callers hear it."""
    longest_s: float
    """A recording that takes longer is refused."""
    recorded: str
    """`yes` or `no`."""


@app.command("export")
def export(
    directory: ListDirectory,
    language: LanguageOption = None,
    format_: FormatOption = ListFormat.CSV,
    missing: MissingOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Write a list of all texts that are read aloud, for a studio: file names, texts, where they are heard, how long.

    The list is `texts.csv` in DIR (`texts-cmn.csv` with --language cmn) in UTF-8, for any spreadsheet. Recordings that
    are called as it says are taken in by `acdcore prompts import`.
    """
    with plain_errors():
        snapshot = load_snapshot(load(config, os.environ), config)
        lines = [
            line
            for line in prompt_list(snapshot)
            if language in (None, line.language) and not (missing and line.recorded == "yes")
        ]
        file = directory / f"texts{f'-{language.value}' if language else ''}.{format_.value}"
        written = as_csv(lines) if format_ is ListFormat.CSV else as_json(lines)
        write_new(file, written)
    show(f"{len(lines)} texts are in {file}. Record each under its file's name, then `acdcore prompts import DIR`.")


def prompt_list(snapshot: Snapshot) -> list[PromptListRow]:
    """Every text, in the order of the files; a prompt with a `wav` in the TOML has none."""
    used = uses(snapshot)
    return [
        PromptListRow(
            file=file_name(request.key),
            language=request.key.language.value,
            prompt=str(request.key.name),
            text=request.source.text,
            used=used_in_words(str(request.key.name), used),
            longest_s=round(longest_s(request.source.text), 1),
            recorded="yes" if isinstance(request.source, WavFile) else "no",
        )
        for request in snapshot.prompts
        if isinstance(request.source, Text | WavFile) and request.source.text
    ]


def uses(snapshot: Snapshot) -> Mapping[str, Sequence[str]]:
    """Where each prompt is named."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    found[snapshot.settings.trunk_capacity.announcement].append("all lines taken")
    for name, table in snapshot.settings.queues.items():
        for spoken in (f"queue.{name}", *(f"{SYSTEM}.{phrase.value}-{name}" for phrase in OF_QUEUES)):
            found[spoken].append(f"names the queue {name}")
        if table.keys_prompt:
            found[table.keys_prompt].append(f"queue {name}: keys")
        for cause, target in table.overflow.items():
            if target.announcement:
                found[target.announcement].append(f"queue {name}: {cause.value}")
    for flow in snapshot.flows.values():
        for node, what in flow.nodes.items():
            for prompt in dict.fromkeys(name for _, names in prompts_of(what) for name in names):
                found[str(prompt)].append(f"flow {flow.name}: {node}")
    return found


def used_in_words(name: str, used: Mapping[str, Sequence[str]]) -> str:
    """The places, the first few by name."""
    places = list(used.get(name, ()))
    if name.startswith(f"{SYSTEM}."):
        places.insert(0, "acdcore itself")
    more = len(places) - USES_SHOWN
    return "; ".join(places[:USES_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def as_csv(lines: Sequence[PromptListRow]) -> bytes:
    """With a byte order mark, without which some spreadsheets take UTF-8 for something else."""
    out = StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([field.name for field in fields(PromptListRow)])
    writer.writerows([escape_formula(str(cell)) for cell in asdict(line).values()] for line in lines)
    return out.getvalue().encode("utf-8-sig")


def escape_formula(cell: str) -> str:
    """A cell that is shown as it is, and not calculated."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def as_json(lines: Sequence[PromptListRow]) -> bytes:
    """A list of objects."""
    return json.dumps([asdict(line) for line in lines], ensure_ascii=False, indent=2).encode() + b"\n"


def write_new(file: Path, content: bytes) -> None:
    """Raises SettingsError; a list that somebody may have written notes into is never overwritten."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("xb") as stream:
            stream.write(content)
    except FileExistsError as error:
        raise SettingsError(str(file), "", "is there already and is not overwritten; name another DIR") from error


# --- import ----------------------------------------------------------------------------------------------------


@app.command("import")
def import_(
    directory: TakesDirectory,
    dry_run: DryRunOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Take in a studio's recordings: WAV files of any rate, stereo or mono, called as `acdcore prompts export` says.

    Each is looked at (name, silence, clipping, noise, length), trimmed, levelled and brought to 8 kHz, and from then on
    played instead of its text. When one is not good, none is written. What is still missing is said at the end.
    """
    with plain_errors():
        snapshot = load_snapshot(load(config, os.environ), config)
        home = snapshot.file.parent / snapshot.settings.ivr.prompts / DIRECTORY
        found = studio_takes_in(directory, snapshot)
        files = prepare_files(found, home)
        replaced = sum(file.exists() for file in files)
        if not dry_run:
            keep_together(files)
        would = "would be " if dry_run else ""
        show(f"{would}taken in: {len(files) - replaced} new recordings, {replaced} replaced, in {home}")
        tell_missing(snapshot, frozenset(request.key for request in found.values()))
        if not dry_run:
            show("`acdcore check` looks at them, `acdcore reload` has a running daemon play them.")


def studio_takes_in(directory: Path, snapshot: Snapshot) -> Mapping[Path, PromptRequest]:
    """The WAV files there with the prompts that they are called as. Raises SettingsError for all that are not."""
    if not directory.is_dir():
        raise SettingsError(str(directory), "", "is no directory; name the one with the studio's WAV files")
    known = {file_name(request.key).casefold(): request for request in snapshot.prompts}
    found: dict[Path, PromptRequest] = {}
    errors: list[SettingsError] = []
    for file in sorted(path for path in directory.rglob("*") if not path.is_dir() and not path.name.startswith(".")):
        if file.suffix.lower() in OTHER_AUDIO:
            errors.append(SettingsError(str(file), "", "is no WAV file; ask the studio for WAV, 16 or 24 bit"))
        if file.suffix.lower() != ".wav":
            continue
        request = known.get(file.name.casefold())
        problem = refusal(file, request, known, found)
        if problem:
            errors.append(SettingsError(str(file), "", problem))
        elif request is not None:
            found[file] = request
    raise_together(errors)
    if not found:
        raise SettingsError(str(directory), "", "has no WAV file in it; record the list of `acdcore prompts export`")
    return found


def refusal(
    file: Path,
    request: PromptRequest | None,
    known: Mapping[str, PromptRequest],
    found: Mapping[Path, PromptRequest],
) -> str:
    """What is wrong with a file's name, or with what is called so; "" when nothing is."""
    if not file.is_file():
        return "is no file that can be read; copy the recording itself there"
    if request is None:
        hint = near(file.name.casefold(), known) or "; the list of `acdcore prompts export` has the names"
        return f"no prompt is called so{hint}"
    source = request.source
    if not isinstance(source, Text) and not (isinstance(source, WavFile) and is_by_name(source)):
        return f"the prompt has a sound of its own in {request.settings_file}; remove its wav there, or leave this out"
    twin = next((other for other, one in found.items() if one.key == request.key), None)
    return f"is there twice, also as {twin}; delete one of the two" if twin else ""


def prepare_files(found: Mapping[Path, PromptRequest], home: Path) -> Mapping[Path, bytes]:
    """What is to be written where. Raises SettingsError for every take that is not good."""
    files: dict[Path, bytes] = {}
    errors: list[SettingsError] = []
    for file, request in found.items():
        source = request.source
        text = source.text if isinstance(source, Text | WavFile) else ""
        try:
            if file.stat().st_size > SIZE_MAX:
                raise TakeError(f"is larger than {SIZE_MAX // 1024 // 1024} MB; cut it")
            take = checked_take(file.read_bytes(), text)
        except TakeError as error:
            errors.append(SettingsError(str(file), "", str(error)))
        else:
            wav = write_wav(to_pcm(take.samples), TELEPHONE_RATE)
            files[home / file_name(request.key)] = with_comment(wav, text)
    raise_together(errors)
    return files


def tell_missing(snapshot: Snapshot, new: frozenset[PromptKey]) -> None:
    """How far each language is, and the first texts that have no recording."""
    table = Table("language", "texts", "recorded", "missing")
    texts, recorded, missing = _counted(snapshot, new)
    for language in Language:
        if texts[language]:
            counts = (texts[language], recorded[language], texts[language] - recorded[language])
            table.add_row(language.value, *map(str, counts))
    show(table)
    for language in sorted({key.language for key in new}):
        names = [str(key.name) for key in missing if key.language is language]
        if names:
            more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
            show(f"missing in {language.value}: {', '.join(names[:NAMES_SHOWN])}{more}")
    if missing:
        show("`acdcore prompts export DIR --missing` lists all that are missing.")


def _counted(
    snapshot: Snapshot, new: frozenset[PromptKey]
) -> tuple[Counter[Language], Counter[Language], Sequence[PromptKey]]:
    """Texts and recordings by language, and what has no recording."""
    every = [one for one in snapshot.prompts if isinstance(one.source, Text | WavFile)]
    missing = [one.key for one in every if isinstance(one.source, Text) and one.key not in new]
    texts = Counter(one.key.language for one in every)
    lacking = Counter(key.language for key in missing)
    return texts, texts - lacking, missing
