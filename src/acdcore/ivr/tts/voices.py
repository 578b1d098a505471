"""Voices: who reads a text aloud, chosen for each language, and what a reader of any engine looks like."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Protocol

from annotated_types import Ge, Le

from acdcore.ivr.model.flow import Language
from acdcore.kernel.errors import Unavailable


class SpeechEngine(StrEnum):
    """What makes speech of text."""

    KOKORO = "kokoro"
    """A neural voice on this machine, of the extra `voice`."""
    ESPEAK = "espeak"
    """A voice calculated by rules, of the extra `tts`: small, quick, and hard to understand in Mandarin."""
    HTTP = "http"
    """A service of one's own or of somebody else."""


@dataclass(frozen=True, slots=True)
class VoiceChoice:
    """One voice of one engine."""

    engine: SpeechEngine
    name: str
    """As the engine calls it."""
    speed: float = 1.0
    """How fast it reads; 1.0 is its own pace."""

    def mark(self) -> str:
        """A name for the voice, the same for the same voice only; part of what sounds are kept under."""
        return f"{self.engine.value}:{self.name}:{self.speed:g}"


NATURAL: Mapping[Language, str] = {Language.MANDARIN: "zf_xiaobei", Language.ENGLISH: "af_heart"}
"""The voices of kokoro that come along; it speaks no Cantonese."""


def stand_in(language: Language) -> VoiceChoice:
    """The voice that reads where the chosen one's engine is not installed."""
    return VoiceChoice(SpeechEngine.ESPEAK, language.value)


CHOSEN: Mapping[Language, VoiceChoice] = {
    language: VoiceChoice(SpeechEngine.KOKORO, NATURAL[language]) if language in NATURAL else stand_in(language)
    for language in Language
}
"""The voice of each language that the settings say nothing of: the natural one, where there is one."""


@dataclass(frozen=True, slots=True)
class HttpVoice:
    """The service that the engine `http` asks."""

    url: str = ""
    """Where, as in `http://192.0.2.40:8000/v1/audio/speech`; empty: there is none."""
    key_file: Path | None = None
    """A file with nothing but the service's key."""
    model: str = ""
    """The model that is asked for, where the service has several."""
    within_s: Annotated[float, Ge(0.5), Le(300)] = 30.0
    """A text that is not read by then has failed."""


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """Which voice reads each language."""

    by_language: Mapping[Language, VoiceChoice] = field(default_factory=lambda: CHOSEN)
    http: HttpVoice = HttpVoice()


@dataclass(frozen=True, slots=True)
class TtsRequest:
    """One text to be read aloud."""

    text: str
    """What is read, normalised."""
    language: Language
    """In which language."""
    file: Path
    """The WAV file that is to appear."""
    voice: VoiceChoice
    """By whom."""


class EngineUnavailable(Unavailable):
    """An engine is of no use at the moment; another voice may read the text."""


class TtsEngine(Protocol):
    """An engine, as seen from here."""

    def is_there(self) -> bool:
        """Whether this machine can read texts with it at all."""
        ...

    def read(self, readings: Sequence[TtsRequest], on_read: Callable[[], None]) -> None:
        """Make all files; `on_read` follows each. Raises EngineUnavailable; Unavailable for a text without sound."""
        ...

    def close(self) -> None:
        """End what is kept ready for the next texts."""
        ...

    def stop(self) -> None:
        """End what is at work too; no further text is read."""
        ...
