"""`acdcore prompts`: exports the list of texts for a studio, and imports the studio's recordings."""

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
"""Endings of audio files that cannot be read. The import refuses them: to ignore them would lose a recording."""
USES_SHOWN = 4
NAMES_SHOWN = 8
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A spreadsheet evaluates a cell that begins with one of these; such a formula could send other cells to strangers."""
app = typer.Typer(help="The texts that callers hear, and recordings of them.", no_args_is_help=True)


class ListFormat(StrEnum):
    """The file format of the list of texts."""

    CSV = "csv"
    """For spreadsheets."""
    JSON = "json"
    """For programs."""


ListDirectory = Annotated[
    Path, typer.Argument(metavar="DIR", help="Directory for the list; created if it does not exist.")
]
TakesDirectory = Annotated[
    Path, typer.Argument(metavar="DIR", help="Directory with the WAV files; its subdirectories are searched too.")
]
LanguageOption = Annotated[Language | None, typer.Option("--language", help="Only the texts of this language.")]
FormatOption = Annotated[ListFormat, typer.Option("--format", help="csv for spreadsheets, json for programs.")]
MissingOption = Annotated[bool, typer.Option("--missing", help="Only texts that have no recording yet.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only check the recordings, and say what is missing.")]


@app.callback()
def group() -> None:
    """The texts that callers hear, and recordings of them."""


# --- export ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PromptListRow:
    """One text of the list."""

    file: str
    """The file name that its recording must have."""
    language: str
    prompt: str
    text: str
    used: str
    """Where callers hear it."""
    longest_s: float
    """Seconds; a longer recording is refused."""
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
    """Write a list of all texts that are read aloud, for a studio: file name, text, where it is heard, its length.

    The list is `texts.csv` in DIR (`texts-cmn.csv` with --language cmn), in UTF-8, for any spreadsheet. Recordings that
    have the file names of the list are taken in by `acdcore prompts import`.
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
    """Every text, in the order of the files. A prompt with a `wav` in the TOML has no text."""
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
    """The first few places by name, then how many more."""
    places = list(used.get(name, ()))
    if name.startswith(f"{SYSTEM}."):
        places.insert(0, "acdcore itself")
    more = len(places) - USES_SHOWN
    return "; ".join(places[:USES_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def as_csv(lines: Sequence[PromptListRow]) -> bytes:
    """CSV with a byte order mark, because some spreadsheets read UTF-8 wrongly without it."""
    out = StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([field.name for field in fields(PromptListRow)])
    writer.writerows([escape_formula(str(cell)) for cell in asdict(line).values()] for line in lines)
    return out.getvalue().encode("utf-8-sig")


def escape_formula(cell: str) -> str:
    """The cell, quoted if a spreadsheet would evaluate it."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def as_json(lines: Sequence[PromptListRow]) -> bytes:
    """The list as a JSON array of objects."""
    return json.dumps([asdict(line) for line in lines], ensure_ascii=False, indent=2).encode() + b"\n"


def write_new(file: Path, content: bytes) -> None:
    """Write a new file. Raises SettingsError if it exists: somebody may have written notes into the list."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("xb") as stream:
            stream.write(content)
    except FileExistsError as error:
        raise SettingsError(str(file), "", "exists already and is not overwritten; name another DIR") from error


# --- import ----------------------------------------------------------------------------------------------------


@app.command("import")
def import_(
    directory: TakesDirectory,
    dry_run: DryRunOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Take in a studio's recordings: WAV files of any rate, stereo or mono, named as `acdcore prompts export` says.

    Each is checked (name, silence, clipping, noise, length), trimmed, levelled and converted to 8 kHz. From then on it
    is played instead of its text. If one is refused, none is written. At the end the command lists what is missing.
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
            show("`acdcore check` checks them; after `acdcore reload` a running daemon plays them.")


def studio_takes_in(directory: Path, snapshot: Snapshot) -> Mapping[Path, PromptRequest]:
    """The WAV files there and the prompts that they are named after. Raises SettingsError for all other files."""
    if not directory.is_dir():
        raise SettingsError(str(directory), "", "is not a directory; name the directory with the studio's WAV files")
    known = {file_name(request.key).casefold(): request for request in snapshot.prompts}
    found: dict[Path, PromptRequest] = {}
    errors: list[SettingsError] = []
    for file in sorted(path for path in directory.rglob("*") if not path.is_dir() and not path.name.startswith(".")):
        if file.suffix.lower() in OTHER_AUDIO:
            errors.append(SettingsError(str(file), "", "is not a WAV file; ask the studio for WAV, 16 or 24 bit"))
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
        raise SettingsError(str(directory), "", "contains no WAV file; record the list of `acdcore prompts export`")
    return found


def refusal(
    file: Path,
    request: PromptRequest | None,
    known: Mapping[str, PromptRequest],
    found: Mapping[Path, PromptRequest],
) -> str:
    """What is wrong with a file's name, or with the file of that name; "" when nothing is wrong."""
    if not file.is_file():
        return "cannot be read as a file; copy the recording itself there"
    if request is None:
        hint = near(file.name.casefold(), known) or "; the list of `acdcore prompts export` has the names"
        return f"no prompt has this name{hint}"
    source = request.source
    if not isinstance(source, Text) and not (isinstance(source, WavFile) and is_by_name(source)):
        return f"{request.settings_file} gives this prompt a wav; remove that wav, or leave this file out"
    twin = next((other for other, one in found.items() if one.key == request.key), None)
    return f"exists twice, also as {twin}; delete one of the two" if twin else ""


def prepare_files(found: Mapping[Path, PromptRequest], home: Path) -> Mapping[Path, bytes]:
    """The target file of each take and its content. Raises SettingsError with every take that is refused."""
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
    """Print how many texts of each language are recorded, and the first names that are missing."""
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
    """Number of texts and of recordings by language, and the prompts without a recording."""
    every = [one for one in snapshot.prompts if isinstance(one.source, Text | WavFile)]
    missing = [one.key for one in every if isinstance(one.source, Text) and one.key not in new]
    texts = Counter(one.key.language for one in every)
    lacking = Counter(key.language for key in missing)
    return texts, texts - lacking, missing
