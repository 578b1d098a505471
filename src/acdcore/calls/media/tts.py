"""Speech at run time: words that cannot be recorded are read aloud by a helper process, within a bounded time."""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import structlog

from acdcore.ivr.model.flow import Language, RuntimeText
from acdcore.ivr.prompts.shelf import SpeechStore, SpeechText, speech_text_for
from acdcore.ivr.prompts.standard_pack import StandardPack
from acdcore.ivr.tts.cache import PromptCache, kept
from acdcore.ivr.tts.engines import KOKORO_JOBS, TtsEngines, voices_live
from acdcore.ivr.tts.voices import EngineUnavailable, SpeechEngine, TtsRequest, VoiceSettings, stand_in
from acdcore.kernel.errors import AcdError

AT_ONCE_MAX = 4
"""Texts that are looked up at once, and texts that each engine reads at once."""
AT_ONCE = {SpeechEngine.KOKORO: KOKORO_JOBS, SpeechEngine.ESPEAK: AT_ONCE_MAX, SpeechEngine.HTTP: AT_ONCE_MAX}
"""For each engine; callers beyond it wait for their turn, `WITHIN_S` at most."""
WITHIN_S = 3.0
"""Seconds: callers would hang up in a longer silence. Words that are not ready by then are left out."""
STOPPED_AFTER_S = 2 * WITHIN_S
"""Seconds after which a helper that hangs is stopped: no caller waits for its words any more."""
IDLE_S = 600.0
"""Seconds for which an idle helper is kept: kokoro takes a second to load, and 450 MB while it is loaded."""
CHARS_MAX = 300
"""Characters, about half a minute of speech."""
NOWHERE = Path("/nonexistent")
"""No file is kept: a text that was read for one caller may hold personal data."""
MakeVoices = Callable[[VoiceSettings], TtsEngines]


def helpers(settings: VoiceSettings) -> TtsEngines:
    """The engines of this machine, each in a helper process that is kept."""
    return voices_live(settings, STOPPED_AFTER_S, IDLE_S)


class RuntimeTts:
    """Reads texts aloud, a few at once.

    It has threads of its own: a helper that hangs holds its thread until it is stopped, and work for the disk and the
    database must not wait behind it. Each engine has its own threads, so that engines do not wait for each other. A
    text whose caller hangs up before its turn is not read.
    """

    def __init__(
        self, settings: VoiceSettings | None = None, within_s: float = WITHIN_S, make: MakeVoices = helpers
    ) -> None:
        self._within_s = within_s
        self._settings = settings or VoiceSettings()
        self._make = make
        self._voices = make(self._settings)
        self._own = _own_voices(self._voices)
        self._looking = ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="speech")
        self._reading = {engine: ThreadPoolExecutor(n, f"speech {engine.value}") for engine, n in AT_ONCE.items()}
        self._warming: Future[bool] | None = None
        """The last attempt to load the voices; its result tells whether they are loaded."""
        self._log = structlog.get_logger("speech")

    def use(self, settings: VoiceSettings) -> bool:
        """Use these voices from now on; True when any text sounds different from before."""
        is_other, former_own = settings != self._settings, self._own
        self._warming = None
        if is_other:
            self._settings, former = settings, self._voices
            self._voices = self._make(settings)
            self._looking.submit(former.close)
        self._own = _own_voices(self._voices)  # a voice may have been installed since
        return is_other or self._own != former_own

    def has_voice(self, language: Language) -> bool:
        """Whether the voice that the settings ask for is installed; otherwise espeak stands in for it."""
        return language in self._own

    def warm(self) -> None:
        """Load the voices now, so that no words wait for it; without effect while a load runs or after it failed."""
        if self._warming is None or (self._warming.done() and self._warming.result()):
            self._warming = self._reading[SpeechEngine.KOKORO].submit(self._warm, self._voices)

    def _warm(self, voices: TtsEngines) -> bool:
        try:
            voices.warm()
        except (AcdError, OSError) as error:
            self._log.warning("voice not loaded", reason=str(error))
            return False
        return True

    async def pcm(self, words: RuntimeText) -> bytes | None:
        """The words as PCM (16 bit, mono, 8 kHz); None when they cannot be ready in time."""
        try:
            async with asyncio.timeout(self._within_s):
                return await self._spoken(words, self._voices)
        except TimeoutError:
            self._log.warning("not spoken in time", within_s=self._within_s)
        except (AcdError, OSError, UnicodeError) as error:
            self._log.warning("not spoken", reason=type(error).__name__)  # its text may repeat a customer's data
        return None

    def close(self) -> None:
        """Stop the synthesis, without waiting for texts that are being read."""
        for threads in (self._looking, *self._reading.values()):
            threads.shutdown(wait=False, cancel_futures=True)
        self._voices.stop()

    async def _spoken(self, words: RuntimeText, voices: TtsEngines) -> bytes | None:
        """The words from the pack if it holds them, else read now. A cancelled wait leaves the executor's queue.

        If the engine fails, espeak reads the words, unless there are clips with the right voice.
        """
        loop = asyncio.get_running_loop()
        spoken, pcm = await loop.run_in_executor(self._looking, prerecorded_or_voice, words, voices)
        if spoken is None or pcm is not None:
            return pcm
        engine = spoken.voice.engine
        try:
            return await loop.run_in_executor(self._reading[engine], synthesise, spoken, voices)
        except EngineUnavailable:
            if words.clips or engine is SpeechEngine.ESPEAK:
                raise
        self._log.warning(f"espeak reads in the place of {engine.value}")
        threads = self._reading[SpeechEngine.ESPEAK]
        return await loop.run_in_executor(threads, lambda: synthesise(espeak_speech(words), voices))


def prerecorded_or_voice(words: RuntimeText, voices: TtsEngines) -> tuple[SpeechText | None, bytes | None]:
    """The words for the best voice there is, with their audio if the pack holds it; None: no engine can read them."""
    with contextlib.closing(StandardPack()) as pack:
        shelf = SpeechStore(PromptCache(NOWHERE), pack)
        spoken = speech_text_for(words.text[:CHARS_MAX], words.language, voices, shelf)
        return spoken, None if spoken is None else shelf.pcm(spoken)


def espeak_speech(words: RuntimeText) -> SpeechText:
    """The words for espeak, which replaces a missing voice."""
    return SpeechText.of(words.text[:CHARS_MAX], words.language, stand_in(words.language))


def synthesise(spoken: SpeechText, voices: TtsEngines) -> bytes | None:
    """Read now; no customer's data is kept on disk. Raises as `TtsEngine.read`, and OSError."""
    with tempfile.TemporaryDirectory(prefix="acdcore-words-") as directory:
        file = Path(directory) / spoken.name
        voices.read([TtsRequest(spoken.text, spoken.language, file, spoken.voice)], lambda: None)
        return kept(file)


def _own_voices(voices: TtsEngines) -> frozenset[Language]:
    return frozenset(language for language in Language if voices.present(language) == voices.chosen(language))
