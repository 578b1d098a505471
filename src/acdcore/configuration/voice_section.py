"""`[voice.cmn]`, `[voice.yue]`, `[voice.en]` and `[voice.http]`: who reads texts aloud in each language."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Le, MaxLen
from pydantic import AfterValidator

from acdcore.ivr.model.flow import Language
from acdcore.ivr.tts.voices import CHOSEN, NATURAL, HttpVoice, SpeechEngine, VoiceChoice, VoiceSettings
from acdcore.kernel.setting_types import OptionalHttpUrl

LANGUAGES = {Language.MANDARIN: "Mandarin", Language.CANTONESE: "Cantonese", Language.ENGLISH: "English"}
KOKORO_FILE = ".bin"
"""A voice of kokoro that does not come along is named by its file."""


@dataclass(frozen=True, slots=True)
class LanguageVoiceSection:
    """The voice of one language."""

    engine: SpeechEngine | None = None
    """None: the one of `CHOSEN`."""
    name: Annotated[str, MaxLen(200)] = ""
    """As the engine calls it; empty: the engine's own of the language."""
    speed: Annotated[float, Ge(0.5), Le(2.0)] = 1.0
    """How fast it reads; 1.0 is its own pace."""

    def choice(self, language: Language) -> VoiceChoice:
        """What is asked for, with what is not said filled in."""
        engine = self.engine or CHOSEN[language].engine
        return VoiceChoice(engine, self.name or OWN_NAMES[engine](language), self.speed)


OWN_NAMES: dict[SpeechEngine, Callable[[Language], str]] = {
    SpeechEngine.KOKORO: lambda language: NATURAL.get(language, ""),
    SpeechEngine.ESPEAK: lambda language: language.value,
    SpeechEngine.HTTP: lambda language: "",
}
"""Each engine's voice of a language where none is named."""


@dataclass(frozen=True, slots=True)
class HttpVoiceSection(HttpVoice):
    """The service that the engine `http` asks, with a URL that is checked."""

    url: OptionalHttpUrl = ""


def _speaks(language: Language) -> AfterValidator:
    """Whether what is asked for can be the voice of `language`."""

    def speaks(table: LanguageVoiceSection) -> LanguageVoiceSection:
        problem = voice_problem(table.choice(language), language)
        if problem:
            raise ValueError(problem)
        return table

    return AfterValidator(speaks)


@dataclass(frozen=True, slots=True)
class VoiceSection:
    """Who reads aloud."""

    cmn: Annotated[LanguageVoiceSection, _speaks(Language.MANDARIN)] = field(default_factory=LanguageVoiceSection)
    yue: Annotated[LanguageVoiceSection, _speaks(Language.CANTONESE)] = field(default_factory=LanguageVoiceSection)
    en: Annotated[LanguageVoiceSection, _speaks(Language.ENGLISH)] = field(default_factory=LanguageVoiceSection)
    http: HttpVoiceSection = field(default_factory=HttpVoiceSection)

    def __post_init__(self) -> None:
        """Raises ValueError for a voice whose service has no address."""
        asking = [language.value for language, table in self._tables().items() if table.engine is SpeechEngine.HTTP]
        if asking and not self.http.url:
            raise ValueError(f'engine = "http" of {asking[0]} needs the service\'s address; set url in [voice.http]')

    def settings(self, here: Path) -> VoiceSettings:
        """For those who read; `here` is where files are that are named without a directory."""
        key_file = None if self.http.key_file is None else here / self.http.key_file
        http = replace(self.http, key_file=key_file)
        choices = {language: table.choice(language) for language, table in self._tables().items()}
        return VoiceSettings({language: _found(choice, here) for language, choice in choices.items()}, http)

    def _tables(self) -> dict[Language, LanguageVoiceSection]:
        return {Language.MANDARIN: self.cmn, Language.CANTONESE: self.yue, Language.ENGLISH: self.en}


def _found(voice: VoiceChoice, here: Path) -> VoiceChoice:
    is_file = voice.engine is SpeechEngine.KOKORO and voice.name.endswith(KOKORO_FILE)
    return replace(voice, name=str((here / voice.name).absolute())) if is_file else voice


def voice_problem(voice: VoiceChoice, language: Language) -> str:
    """Why the voice cannot be for the language; "" when it can."""
    match voice.engine:
        case SpeechEngine.KOKORO if language not in NATURAL:
            return f'kokoro speaks no {LANGUAGES[language]}; take engine = "espeak", or "http" with a service that does'
        case SpeechEngine.KOKORO if not voice.name.endswith(KOKORO_FILE) and voice.name != NATURAL[language]:
            return (
                f"kokoro has no {LANGUAGES[language]} voice {voice.name} here; take {NATURAL[language]}, or name the"
                f" file of another, as in var/zf_xiaoxiao{KOKORO_FILE}"
            )
        case _:
            return ""
