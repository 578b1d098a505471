"""Recordings by name: a WAV file that is called as a prompt and its language is played instead of the prompt's text.

    config/prompts/recorded/hotline.greeting.cmn.wav     [prompts.greeting] of the flow hotline, in Mandarin
    config/prompts/recorded/system.goodbye.yue.wav       [prompts.goodbye] of system.toml, in Cantonese
    config/prompts/recorded/system.place-3.en.wav        [prompts.place] with its third value, in English

A `wav` that is named in the TOML goes before both. The file itself keeps what was said in it as a comment (RIFF: a
chunk `LIST` of type `INFO` with an `ICMT`), so that a text that was changed since the recording is noticed.
"""

import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from acdcore.ivr.model.flow import PromptKey, PromptRequest, Text, WavFile
from acdcore.kernel.errors import SettingsError
from acdcore.kernel.mistakes import near

DIRECTORY = "recorded"
"""Below the prompts' directory."""
SUFFIX = ".wav"
COMMENT_MAX = 4_096
"""Bytes of a comment: no text of a prompt is longer."""
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def file_name(key: PromptKey) -> str:
    """The name of a prompt's recording; what may not stand in a file's name is written as its number, as in `~2f`."""
    written = "".join(char if char in _SAFE else f"~{ord(char):x}" for char in str(key.name))
    return f"{written}.{key.language.value}{SUFFIX}"


def with_recordings(requests: Iterable[PromptRequest], prompts_dir: Path) -> tuple[PromptRequest, ...]:
    """The same prompts, each text that has a recording by name replaced by it."""
    there = names_in(prompts_dir / DIRECTORY)
    return tuple(_by_name(request, there) for request in requests)


def _by_name(request: PromptRequest, there: frozenset[str]) -> PromptRequest:
    name = file_name(request.key)
    if not isinstance(request.source, Text) or name not in there:
        return request
    return replace(request, source=WavFile(f"{DIRECTORY}/{name}", request.source.text))


def names_in(directory: Path) -> frozenset[str]:
    """The names of all files there; nothing where there is no directory."""
    try:
        return frozenset(os.listdir(directory))
    except OSError:
        return frozenset()


def is_by_name(source: WavFile) -> bool:
    """Whether a recording is there by its name and not by a `wav` of the TOML."""
    return bool(source.text)


@dataclass(frozen=True, slots=True)
class RecordingsStatus:
    """How the recordings by name stand to the prompts."""

    recorded: Mapping[PromptKey, Path]
    """The prompts that have one."""
    doubts: tuple[str, ...]
    """Files that no prompt is called as, and recordings of what is no longer the text."""


def recordings_status(requests: Iterable[PromptRequest], prompts_dir: Path) -> RecordingsStatus:
    """Look at all recordings by name; `requests` as `with_recordings` gives them."""
    every = list(requests)
    by_name = {
        request.key: request.source
        for request in every
        if isinstance(request.source, WavFile) and is_by_name(request.source)
    }
    recorded = {key: prompts_dir / source.file for key, source in by_name.items()}
    doubts = [*_strays(every, prompts_dir / DIRECTORY, {file.name for file in recorded.values()})]
    doubts += (doubt for key, source in by_name.items() for doubt in _outdated(recorded[key], source.text))
    return RecordingsStatus(recorded, tuple(doubts))


def _strays(requests: list[PromptRequest], directory: Path, used: set[str]) -> Iterator[str]:
    """Files that nobody hears: most are misspelt, or their prompt was renamed."""
    known = {file_name(request.key): request for request in requests}
    for name in sorted(names_in(directory) - used):
        if name.startswith("."):
            continue
        if name in known:
            yield f"{directory / name}: is not heard: the prompt has a wav of its own; delete the one or the other"
        else:
            yield f"{directory / name}: no prompt is called so{near(name, known)}; rename or delete it"


def _outdated(file: Path, text: str) -> Iterator[str]:
    try:
        said = comment_of(file.read_bytes())
    except OSError:
        return  # told by whoever plays it
    if said and said != text:
        yield f"{file}: was recorded as {said!r}, but the text is now {text!r}; record it anew, or delete the file"


# --- what a file says of itself ---


def with_comment(wav: bytes, text: str) -> bytes:
    """A WAV file with a comment at its end."""
    comment = text.encode() + b"\0"
    comment += b"\0" * (len(comment) % 2)
    body = b"INFO" + struct.pack("<4sI", b"ICMT", len(comment)) + comment
    chunk = struct.pack("<4sI", b"LIST", len(body)) + body
    return wav[:4] + struct.pack("<I", len(wav) - 8 + len(chunk)) + wav[8:] + chunk


def comment_of(wav: bytes) -> str:
    """The comment of a WAV file; "" when there is none, or none that can be read."""
    at = 12
    while at + 8 <= len(wav):
        name, size = struct.unpack_from("<4sI", wav, at)
        body = wav[at + 8 : at + 8 + size]
        if name == b"LIST" and body[:8] == b"INFOICMT" and len(body) >= 12:
            (length,) = struct.unpack_from("<I", body, 8)
            return body[12 : 12 + min(length, COMMENT_MAX)].rstrip(b"\0").decode("utf-8", "ignore")
        at += 8 + size + size % 2
    return ""


def keep_together(files: Mapping[Path, bytes]) -> None:
    """Write all files, the first only once all are on the disk; each appears whole. Raises SettingsError."""
    parts: dict[Path, Path] = {}
    try:
        for file, data in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            part = parts[file] = file.with_name(f".{file.name}.{os.getpid()}.part")
            part.write_bytes(data)
        for file, part in parts.items():
            os.replace(part, file)
    except OSError as error:
        raise SettingsError(str(error.filename or ""), "", f"cannot be written: {error.strerror}") from error
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
