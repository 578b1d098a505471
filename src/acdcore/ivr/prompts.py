"""Prompts as sound: recordings and speech to 8 kHz PCM, made once and kept on disk."""

from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import Field

from acdcore.ivr.cache import PromptCache, keep, kept
from acdcore.ivr.flow_file import PromptTable
from acdcore.ivr.model import Beep, Flow, Language, PromptKey, PromptName, PromptRequest, Text, WavFile
from acdcore.ivr.music import beep, hold_music
from acdcore.ivr.resample import Resampler
from acdcore.ivr.system import SYSTEM, SystemPrompt, required_names, system_key
from acdcore.ivr.table import Table, read_table
from acdcore.ivr.voices import HelperProcesses, Reader, Reading
from acdcore.ivr.wav import WavError, read_wav, to_pcm
from acdcore.kernel.errors import SettingsError, Unavailable

Progress = Callable[[int, int], None]
"""Called with (done, total) while texts are being read aloud."""


class SystemTable(Table):
    """`config/prompts/system.toml`."""

    prompts: dict[str, PromptTable] = Field(default_factory=dict)


def flow_requests(flow: Flow) -> tuple[PromptRequest, ...]:
    """The flow's own prompts."""
    return tuple(PromptRequest(key, source, flow.file) for key, source in flow.prompts.items())


def system_requests(file: Path) -> tuple[PromptRequest, ...]:
    """The prompts of `config/prompts/system.toml`, which must be complete in all languages, and the beep.

    Raises SettingsError.
    """
    tables = read_table(file, SystemTable).prompts
    requests = [PromptRequest(system_key(SystemPrompt.BEEP, language), Beep(), str(file)) for language in Language]
    for name in sorted(required_names()):
        sources = tables[name].sources() if name in tables else {}
        absent = [language.value for language in Language if language not in sources]
        if absent:
            raise SettingsError(str(file), f"prompts.{name}", f"missing in {', '.join(absent)}; add a text or wav")
        requests += [
            PromptRequest(PromptKey(PromptName(f"{SYSTEM}.{name}"), language), source, str(file))
            for language, source in sources.items()
        ]
    for name in tables:
        if name not in required_names():
            raise SettingsError(str(file), f"prompts.{name}", "is no prompt of the system; remove it")
    return tuple(requests)


def render(
    requests: Iterable[PromptRequest],
    cache_dir: Path,
    prompts_dir: Path,
    on_progress: Progress | None = None,
    reader: Reader | None = None,
) -> dict[PromptKey, bytes]:
    """PCM (16 bit little-endian, mono, 8 kHz) of every request; takes seconds the first time: call it in a thread.

    Raises SettingsError (a bad or missing recording, a text without speech synthesis, a cache that cannot be written)
    and Unavailable (the speech synthesis failed).
    """
    wanted = list(requests)
    cache = PromptCache(cache_dir)
    cache.open()
    _read_aloud(wanted, cache, reader or HelperProcesses(), on_progress)
    return {request.key: _sound(request, cache, prompts_dir) for request in wanted}


def render_music(cache_dir: Path, prompts_dir: Path, wav: str | None = None) -> bytes:
    """PCM of the music on hold, to be looped: the file, or the built-in piece. Raises SettingsError."""
    cache = PromptCache(cache_dir)
    cache.open()
    if wav is not None:
        return _recording(prompts_dir / wav, cache, "the music on hold")
    file = cache.file(b"music:")
    pcm = kept(file)
    if pcm is None:
        pcm = to_pcm(hold_music())
        keep(file, pcm)
    return pcm


# --- texts -----------------------------------------------------------------------------------------------------


def _read_aloud(
    requests: list[PromptRequest], cache: PromptCache, reader: Reader, on_progress: Progress | None
) -> None:
    """Make the missing files of all texts, each once however many prompts have it."""
    missing: dict[Path, Reading] = {}
    for request in requests:
        if not isinstance(request.source, Text):
            continue
        file = _text_file(request.source, request.key.language, cache)
        if file in missing or kept(file) is not None:
            continue
        if not missing and not reader.is_there():
            remedy = 'is read aloud, but no speech synthesis is installed; pip install "acdcore[tts]" or give a wav'
            raise SettingsError(request.settings_file, _where(request.key), remedy)
        missing[file] = Reading(request.source.text, request.key.language, file)
    done = 0

    def one_read() -> None:
        nonlocal done
        done += 1
        if on_progress is not None:
            on_progress(done, len(missing))

    if missing:
        reader.read(list(missing.values()), one_read)


def _text_file(source: Text, language: Language, cache: PromptCache) -> Path:
    return cache.file(f"text:{language.value}:{source.text}".encode())


def _where(key: PromptKey) -> str:
    """The prompt's key in its file."""
    return f"prompts.{key.name.partition('.')[2]}.{key.language.value}"


# --- sounds ----------------------------------------------------------------------------------------------------


def _sound(request: PromptRequest, cache: PromptCache, prompts_dir: Path) -> bytes:
    match request.source:
        case Beep():
            return to_pcm(beep())
        case WavFile(file):
            return _recording(prompts_dir / file, cache, f"{request.settings_file}: {_where(request.key)}")
        case Text(text):
            pcm = kept(_text_file(request.source, request.key.language, cache))
            if pcm is None:
                raise Unavailable(f"{request.settings_file}: {_where(request.key)}: {text!r} gave no sound")
            return pcm


def _recording(file: Path, cache: PromptCache, wanted_by: str) -> bytes:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SettingsError(str(file), "", f"cannot be read: {error.strerror}; wanted by {wanted_by}") from error
    rendered = cache.file(b"wav:" + data)
    pcm = kept(rendered)
    if pcm is not None:
        return pcm
    try:
        sound = read_wav(data)
    except WavError as error:
        raise SettingsError(str(file), "", f"{error}; wanted by {wanted_by}") from error
    pcm = to_pcm(Resampler(sound.rate).convert(sound.samples))
    keep(rendered, pcm)
    return pcm
