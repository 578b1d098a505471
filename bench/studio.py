"""The natural voice as its engine makes it, at 24 kHz: what a recogniser misses there is not the telephone's fault."""

from acdcore.ivr.audio.wav import to_pcm
from acdcore.ivr.model.flow import Language
from acdcore.ivr.tts.engines import as_read
from acdcore.ivr.tts.kokoro import RATE, open_kokoro
from acdcore.ivr.tts.voices import NATURAL, SpeechEngine, VoiceChoice

STUDIO_RATE = RATE


class Studio:
    """The engine in this process: a bench may hold it, the daemon never does."""

    def __init__(self) -> None:
        """Raises ModuleNotFoundError without the extra `voice`."""
        self._kokoro = open_kokoro()

    def pcm(self, text: str, language: Language) -> bytes:
        """A text in the natural voice of its language, at `STUDIO_RATE`, neither shaped nor coded."""
        voice = VoiceChoice(SpeechEngine.KOKORO, NATURAL[language])
        spoken = self._kokoro.speak(voice.name, voice.speed, language.value, as_read(text, language, voice))
        return to_pcm(spoken)
