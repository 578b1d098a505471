"""Texts as sound: which voice reads each, and where its sound is kept once it has been read."""

from collections.abc import Iterable
from dataclasses import dataclass

from acdcore.ivr.model.flow import Language
from acdcore.ivr.prompts.standard_pack import StandardPack
from acdcore.ivr.tts.cache import PromptCache, file_name, kept, text_content
from acdcore.ivr.tts.engines import TtsEngines, as_read
from acdcore.ivr.tts.voices import TtsRequest, VoiceChoice, stand_in


@dataclass(frozen=True, slots=True)
class SpeechText:
    """One text in one voice."""

    text: str
    """As the engine is given it."""
    language: Language
    voice: VoiceChoice
    name: str
    """The file with its sound, in the pack and in the cache."""

    @staticmethod
    def of(text: str, language: Language, voice: VoiceChoice) -> "SpeechText":
        """A text as it stands in a file."""
        read = as_read(text, language, voice)
        return SpeechText(read, language, voice, file_name(text_content(read, language, voice)))


@dataclass(frozen=True, slots=True)
class SpeechStore:
    """All that has been read already: the pack that comes along, and the cache of this installation."""

    cache: PromptCache
    pack: StandardPack

    def has(self, spoken: SpeechText) -> bool:
        """Whether its sound is there."""
        return self.pack.has(spoken.language, spoken.name) or kept(self.cache.directory / spoken.name) is not None

    def pcm(self, spoken: SpeechText) -> bytes | None:
        """Its sound (16 bit little-endian, mono, 8 kHz); None when it is to be read."""
        packed = self.pack.pcm(spoken.language, spoken.name)
        return kept(self.cache.directory / spoken.name) if packed is None else packed

    def reading(self, spoken: SpeechText) -> TtsRequest:
        """The order to read it for the cache."""
        return TtsRequest(spoken.text, spoken.language, self.cache.directory / spoken.name, spoken.voice)


def speech_text_for(text: str, language: Language, voices: TtsEngines, shelf: SpeechStore) -> SpeechText | None:
    """The text in the best voice that can be had: the chosen one, kept or read now, else the one that stands in.

    None: it is not kept in either, and no engine for it is installed.
    """
    chosen = SpeechText.of(text, language, voices.chosen(language))
    present = voices.present(language)
    if present == chosen.voice or shelf.has(chosen):
        return chosen
    if present is not None:
        return SpeechText.of(text, language, present)
    instead = SpeechText.of(text, language, stand_in(language))
    return instead if shelf.has(instead) else None


def in_other_voices(
    texts: Iterable[tuple[str, Language]], voices: TtsEngines, shelf: SpeechStore
) -> dict[Language, list[str]]:
    """The texts that are read by another voice than the chosen one, each once, by language."""
    found: dict[Language, dict[str, None]] = {}
    for text, language in texts:
        spoken = speech_text_for(text, language, voices, shelf)
        if spoken is not None and spoken.voice != voices.chosen(language):
            found.setdefault(language, {})[text] = None
    return {language: list(each) for language, each in found.items()}
