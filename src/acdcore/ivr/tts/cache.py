"""The directory that keeps rendered prompts: one WAV file per content, named by its hash.

A changed text or recording makes a new file and an unchanged one costs a read. A file appears whole or not at all, so
several threads and daemons may share the directory, and a spoilt file counts as missing. A file's time is that of its
last use, so that those which nobody has used for longest go when there is too much.
"""

import contextlib
import os
import secrets
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from acdcore.ivr.audio.resample import TELEPHONE_RATE
from acdcore.ivr.audio.wav import WavError, is_cut_off, read_wav, to_pcm, write_wav
from acdcore.ivr.model.flow import Language
from acdcore.ivr.tts.voices import VoiceChoice
from acdcore.kernel.errors import SettingsError

VERSION = 2
"""Goes into every hash: raise it when the same text or recording is to sound differently."""


@dataclass(frozen=True, slots=True)
class PromptCache:
    """Where rendered prompts are kept."""

    directory: Path
    """Made when it is not there."""

    def open(self) -> None:
        """Make the directory. Raises SettingsError."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = f"the directory for rendered prompts cannot be made: {error.strerror}"
            raise SettingsError(str(self.directory), "", reason) from error

    def file(self, content: bytes) -> Path:
        """The file for a content: a recording, or a text with its voice."""
        return self.directory / file_name(content)


def file_name(content: bytes) -> str:
    """What the file of a content is called."""
    return f"{sha256(f'{VERSION}:'.encode() + content).hexdigest()}.wav"


def text_content(text: str, language: Language, voice: VoiceChoice) -> bytes:
    """What a text that is read aloud is kept under: as it is given to the engine, with all that changes its sound."""
    return f"text:{language.value}:{voice.mark()}:{text}".encode()


def kept(file: Path) -> bytes | None:
    """The PCM in a file of the cache; None when it is not there, not whole, or not what `keep` writes."""
    try:
        data = file.read_bytes()
        sound = read_wav(data)
    except (OSError, WavError):
        return None
    if is_cut_off(data) or sound.rate != TELEPHONE_RATE:
        return None
    with contextlib.suppress(OSError):  # a directory that may only be read keeps its times
        os.utime(file)
    return to_pcm(sound.samples)


def keep(file: Path, pcm: bytes) -> None:
    """Let `file` appear with all of `pcm` (8 kHz, 16 bit, mono). Raises SettingsError."""
    part = file.with_name(f"{file.name}.{secrets.token_hex(8)}.part")
    try:
        part.write_bytes(write_wav(pcm, TELEPHONE_RATE))
        os.replace(part, file)
    except OSError as error:
        with contextlib.suppress(OSError):  # it may never have been there, nor the directory
            part.unlink()
        raise SettingsError(str(file), "", f"the rendered prompt cannot be kept: {error.strerror}") from error


def prune(directory: Path, bytes_max: int) -> None:
    """Remove the files that were used longest ago until the rest has at most `bytes_max`; what cannot go stays."""
    files: list[tuple[int, Path, int]] = []
    for file in directory.glob("*.wav*"):  # also parts that a killed process left
        with contextlib.suppress(OSError):  # another daemon may have removed it
            found = file.stat()
            files.append((found.st_mtime_ns, file, found.st_size))
    left = sum(size for _, _, size in files)
    for _, file, size in sorted(files):
        if left <= bytes_max:
            return
        with contextlib.suppress(OSError):
            file.unlink()
            left -= size
