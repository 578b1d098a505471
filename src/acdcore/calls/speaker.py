"""Speech at run time: words that no recording can know are read aloud by a helper process, within a bounded time."""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from acdcore.ivr.cache import PromptCache
from acdcore.ivr.engines import Voices, voices_live
from acdcore.ivr.model import Language, Words
from acdcore.ivr.pack import Pack
from acdcore.ivr.shelf import Shelf, Spoken, spoken_by
from acdcore.ivr.voices import SpeechEngine, VoiceAway, VoiceSettings, stand_in
from acdcore.kernel.errors import AcdError

AT_ONCE_MAX = 4
"""Helper processes at once; callers beyond wait for their turn as far as `WITHIN_S` goes."""
WITHIN_S = 3.0
"""Longer silence would make callers hang up; what is not spoken by then is left out."""
STOPPED_AFTER_S = 2 * WITHIN_S
"""When a helper that hangs is stopped: nobody waits for its words any more, and others want its turn."""
IDLE_S = 600.0
"""How long a helper is kept that nobody needs: kokoro takes a second to load, and some 450 MB while it is."""
CHARS_MAX = 300
"""About half a minute of speech."""
MakeVoices = Callable[[VoiceSettings], Voices]


def helpers(settings: VoiceSettings) -> Voices:
    """The engines of this machine, kept ready."""
    return voices_live(settings, STOPPED_AFTER_S, IDLE_S)


class Speaker:
    """Reads texts aloud, a few at once.

    It has threads of its own: a helper that hangs keeps its thread until it is stopped, and the disk's and the
    database's work must not wait behind it.
    """

    def __init__(
        self, settings: VoiceSettings | None = None, within_s: float = WITHIN_S, make: MakeVoices = helpers
    ) -> None:
        self._within_s = within_s
        self._settings = settings or VoiceSettings()
        self._make = make
        self._voices = make(self._settings)
        self._own = _own_voices(self._voices)
        self._threads = ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="speech")
        self._log = structlog.get_logger("speech")

    def use(self, settings: VoiceSettings) -> bool:
        """Read in these voices from now on; whether any text sounds otherwise than before."""
        is_other, former_own = settings != self._settings, self._own
        if is_other:
            self._settings, former = settings, self._voices
            self._voices = self._make(settings)
            self._threads.submit(former.close)
        self._own = _own_voices(self._voices)  # a voice may have been installed since
        return is_other or self._own != former_own

    def has_voice(self, language: Language) -> bool:
        """Whether the voice that the settings ask for is installed; otherwise espeak stands in for it."""
        return language in self._own

    def warm(self) -> None:
        """Load the voices now, so that the first words need not wait for that."""
        self._threads.submit(self._warm, self._voices)

    def _warm(self, voices: Voices) -> None:
        try:
            voices.warm()
        except (AcdError, OSError) as error:
            self._log.warning("voice not loaded", reason=str(error))

    async def pcm(self, words: Words) -> bytes | None:
        """The words as PCM (16 bit, mono, 8 kHz); None when that cannot be in time."""
        try:
            async with asyncio.timeout(self._within_s):
                # A cancelled wait takes a reading that has not begun out of the line.
                return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, words, self._voices)
        except TimeoutError:
            self._log.warning("not spoken in time", within_s=self._within_s)
        except (AcdError, OSError, UnicodeError) as error:
            self._log.warning("not spoken", reason=type(error).__name__)  # its text repeats a customer's data
        return None

    def close(self) -> None:
        """Speak no more; what is being read is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._voices.stop()

    def _read(self, words: Words, voices: Voices) -> bytes | None:
        """The words from the pack, where they are in it, else read now; nothing of a customer's is kept on disk."""
        with tempfile.TemporaryDirectory(prefix="acdcore-words-") as directory, contextlib.closing(Pack()) as pack:
            shelf = Shelf(PromptCache(Path(directory)), pack)
            spoken = spoken_by(words.text[:CHARS_MAX], words.language, voices, shelf)
            if spoken is None:
                return None
            if not shelf.has(spoken):
                try:
                    voices.read([shelf.reading(spoken)], lambda: None)
                except VoiceAway:
                    if words.clips or spoken.voice.engine is SpeechEngine.ESPEAK:
                        raise
                    self._log.warning(f"espeak reads in the place of {spoken.voice.engine.value}")
                    spoken = Spoken.of(words.text[:CHARS_MAX], words.language, stand_in(words.language))
                    voices.read([shelf.reading(spoken)], lambda: None)
            return shelf.pcm(spoken)


def _own_voices(voices: Voices) -> frozenset[Language]:
    return frozenset(language for language in Language if voices.present(language) == voices.chosen(language))
