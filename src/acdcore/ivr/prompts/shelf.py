"""Texts as sound: which voice reads each, and where its sound is kept once it has been read."""

from collections.abc import Iterable
from dataclasses import dataclass

from acdcore.ivr.model.flow import Language
from acdcore.ivr.prompts.standard_pack import Pack
from acdcore.ivr.tts.cache import PromptCache, file_name, kept, text_content
from acdcore.ivr.tts.engines import Voices, as_read
from acdcore.ivr.tts.voices import Reading, VoiceChoice, stand_in


@dataclass(frozen=True, slots=True)
class Spoken:
    """One text in one voice."""

    text: str
    """As the engine is given it."""
    language: Language
    voice: VoiceChoice
    name: str
    """The file with its sound, in the pack and in the cache."""

    @staticmethod
    def of(text: str, language: Language, voice: VoiceChoice) -> "Spoken":
        """A text as it stands in a file."""
        read = as_read(text, language, voice)
        return Spoken(read, language, voice, file_name(text_content(read, language, voice)))


@dataclass(frozen=True, slots=True)
class Shelf:
    """All that has been read already: the pack that comes along, and the cache of this installation."""

    cache: PromptCache
    pack: Pack

    def has(self, spoken: Spoken) -> bool:
        """Whether its sound is there."""
        return self.pack.has(spoken.language, spoken.name) or kept(self.cache.directory / spoken.name) is not None

    def pcm(self, spoken: Spoken) -> bytes | None:
        """Its sound (16 bit little-endian, mono, 8 kHz); None when it is to be read."""
        packed = self.pack.pcm(spoken.language, spoken.name)
        return kept(self.cache.directory / spoken.name) if packed is None else packed

    def reading(self, spoken: Spoken) -> Reading:
        """The order to read it for the cache."""
        return Reading(spoken.text, spoken.language, self.cache.directory / spoken.name, spoken.voice)


def spoken_by(text: str, language: Language, voices: Voices, shelf: Shelf) -> Spoken | None:
    """The text in the best voice that can be had: the chosen one, kept or read now, else the one that stands in.

    None: it is not kept in either, and no engine for it is installed.
    """
    chosen = Spoken.of(text, language, voices.chosen(language))
    present = voices.present(language)
    if present == chosen.voice or shelf.has(chosen):
        return chosen
    if present is not None:
        return Spoken.of(text, language, present)
    instead = Spoken.of(text, language, stand_in(language))
    return instead if shelf.has(instead) else None


def in_other_voices(texts: Iterable[tuple[str, Language]], voices: Voices, shelf: Shelf) -> dict[Language, list[str]]:
    """The texts that are read by another voice than the chosen one, each once, by language."""
    found: dict[Language, dict[str, None]] = {}
    for text, language in texts:
        spoken = spoken_by(text, language, voices, shelf)
        if spoken is not None and spoken.voice != voices.chosen(language):
            found.setdefault(language, {})[text] = None
    return {language: list(each) for language, each in found.items()}
