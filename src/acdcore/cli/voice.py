"""`acdcore voice`: shows what reads texts aloud on this machine, installs the natural voice, and tries a voice."""

import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from acdcore.cli.support.console import DEFAULT_CONFIG, ConfigOption, err, plain_errors, show
from acdcore.configuration.settings import load
from acdcore.configuration.snapshot import Snapshot, load_snapshot
from acdcore.ivr.audio.resample import TELEPHONE_RATE
from acdcore.ivr.audio.wav import write_wav
from acdcore.ivr.model.flow import Language, PromptKey, PromptName, PromptRequest, Text
from acdcore.ivr.prompts.render import render
from acdcore.ivr.prompts.shelf import SpeechStore, speech_text_for
from acdcore.ivr.prompts.standard_pack import StandardPack
from acdcore.ivr.tts.cache import PromptCache
from acdcore.ivr.tts.engines import TtsEngines, voices_ahead
from acdcore.ivr.tts.voices import VoiceChoice
from acdcore.kernel.errors import SettingsError, Unavailable

EXTRA = "voice"
PIP_WITHIN_S = 3_600.0
"""300 MB over a slow line."""
LAST_LINES = 3
"""Lines of pip's output that are shown when it fails."""

app = typer.Typer(help="The speech synthesis of this machine: status, install, try.", no_args_is_help=True)


@app.command()
def install() -> None:
    """Install the natural voice for Mandarin and English into this program's own environment, some 300 MB.

    Exit status: 0 when it is installed now, 1 when it could not be installed.
    """
    with plain_errors():
        wanted = extra_requirements(EXTRA)
        show(f"installing {len(wanted)} packages and what they need into {sys.prefix}")
        pip_install(wanted)
        show("the natural voice is installed; restart the daemon, or run acdcore reload")


def extra_requirements(extra: str) -> list[str]:
    """What the extra of the installed acdcore asks for, as pip reads it. Raises SettingsError."""
    marker = re.compile(rf"""extra\s*==\s*["']{extra}["']""")
    found = [one for one in importlib.metadata.requires("acdcore") or () if marker.search(one)]
    if not found:
        raise SettingsError("acdcore", extra, "this installation does not know the extra; install acdcore again")
    return [_without(one, marker) for one in found]


def _without(requirement: str, marker: re.Pattern[str]) -> str:
    """A requirement without its marker `extra == ...`, which pip does not understand on its command line."""
    name, _, condition = requirement.partition(";")
    rest = re.sub(r"^\s*and\s+|\s+and\s*$", "", marker.sub("", condition)).strip()
    return f"{name.strip()}; {rest}" if rest else name.strip()


def pip_install(wanted: Sequence[str], command: Sequence[str] = ()) -> None:
    """Have pip install these, showing its output. Raises Unavailable with its last lines."""
    if not command and importlib.util.find_spec("pip") is None:
        raise Unavailable(f"{sys.prefix} has no pip; run: {sys.executable} -m ensurepip, then this command again")
    pip = command or (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input")
    said: list[str] = []
    with subprocess.Popen([*pip, *wanted], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            err().print(line.rstrip(), style="dim", markup=False, soft_wrap=True)
            said = [*said, line.strip()][-LAST_LINES:]
        status = process.wait(PIP_WITHIN_S)
    if status:
        raise Unavailable(f"pip ended with status {status}: {' '.join(said) or 'without a word'}")


@app.command()
def status(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Show the voice of each language, and how many of its texts are shipped, are kept, and are still to be read."""
    with plain_errors():
        snapshot = load_snapshot(load(config, os.environ), config)
        voices = voices_ahead(snapshot.settings.voice.settings(snapshot.file.parent))
        with closing(StandardPack()) as pack:
            show(
                _table(
                    snapshot, voices, SpeechStore(PromptCache(snapshot.settings.storage.directory / "prompts"), pack)
                )
            )


def _table(snapshot: Snapshot, voices: TtsEngines, shelf: SpeechStore) -> Table:
    table = Table("language", "voice", "installed", "come along", "kept", "to be read", "by another voice")
    for language in Language:
        chosen, counted = voices.chosen(language), {"pack": 0, "kept": 0, "new": 0, "other": 0}
        texts = {
            one.source.text for one in snapshot.prompts if isinstance(one.source, Text) and one.key.language is language
        }
        for text in texts:
            spoken = speech_text_for(text, language, voices, shelf)
            if spoken is None or not shelf.has(spoken):
                counted["new"] += 1
            else:
                counted["pack" if shelf.pack.has(language, spoken.name) else "kept"] += 1
            counted["other"] += spoken is not None and spoken.voice != chosen
        is_there = "yes" if voices.readers[chosen.engine].is_there() else "no: acdcore voice install"
        row = (language.value, f"{chosen.engine.value} {chosen.name}", is_there)
        table.add_row(*row, *(str(counted[name]) for name in ("pack", "kept", "new", "other")))
    return table


@app.command()
def say(
    text: Annotated[str, typer.Argument(help="The text to read.")],
    out: Annotated[Path, typer.Option("--out", help="The WAV file to write: 8 kHz, as callers hear it.")],
    language: Annotated[Language, typer.Option("--language", help="The language of the text.")] = Language.MANDARIN,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Read a text as callers would hear it, into a WAV file."""
    with plain_errors():
        if any(unicodedata.category(char) == "Cs" for char in text):
            raise SettingsError("TEXT", "", "the text is not UTF-8; write it in a terminal whose locale is")
        snapshot = load_snapshot(load(config, os.environ), config)
        voices = voices_ahead(snapshot.settings.voice.settings(snapshot.file.parent))
        pcm, voice = synthesise_text(text, language, voices)
        out.write_bytes(write_wav(pcm, TELEPHONE_RATE))
        show(f"{out}: {len(pcm) / 2 / TELEPHONE_RATE:.1f} s, {voice.engine.value} {voice.name}")


def synthesise_text(text: str, language: Language, voices: TtsEngines) -> tuple[bytes, VoiceChoice]:
    """A text as PCM (16 bit, mono, 8 kHz), and the voice that read it. Raises Unavailable."""
    key = PromptKey(PromptName("voice.say"), language)
    with tempfile.TemporaryDirectory(prefix="acdcore-voice-") as directory, closing(StandardPack()) as pack:
        found = speech_text_for(text, language, voices, SpeechStore(PromptCache(Path(directory)), pack))
        if found is None:
            raise Unavailable("no installed voice can read this text; run acdcore voice install")
        request = PromptRequest(key, Text(text), "--language")
        return render([request], Path(directory), Path(directory), voices=voices)[key], found.voice
