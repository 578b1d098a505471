"""What callers hear, rendered as by the daemon: each shipped prompt, and values read aloud."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count
from pathlib import Path

from acdcore.configuration.settings import load
from acdcore.configuration.snapshot import load_snapshot
from acdcore.ivr.model.flow import Language, PromptKey, PromptName, PromptRequest, RuntimeText, Text
from acdcore.ivr.model.kinds import ReadAs
from acdcore.ivr.model.system_prompts import SystemPhrase, phrase_key
from acdcore.ivr.prompts.render import render
from acdcore.ivr.prompts.shelf import SpeechStore, speech_text_for
from acdcore.ivr.prompts.standard_pack import StandardPack
from acdcore.ivr.reading.announcements import speak_position, speak_wait
from acdcore.ivr.reading.phrases import clips_of
from acdcore.ivr.reading.values import read, spoken_value
from acdcore.ivr.tts.cache import PromptCache
from acdcore.ivr.tts.engines import voices_ahead
from acdcore.ivr.tts.voices import NATURAL, SpeechEngine, TtsRequest, VoiceChoice, stand_in
from acdcore.media.g711 import decode, encode
from acdcore.media.model import EngineCodec
from bench.daemon import CONFIG
from bench.spoken_values import Value, ValueKind
from bench.standard_prompts import standard_requests

SENTENCE_ENDS = "。？！.?!"
READ_AS = {
    ValueKind.NUMBER: ReadAs.NUMBER,
    ValueKind.MONEY: ReadAs.MONEY,
    ValueKind.DATE: ReadAs.DATE,
    ValueKind.TIME: ReadAs.TIME,
    ValueKind.DURATION: ReadAs.DURATION,
    ValueKind.TELEPHONE: ReadAs.DIGITS,
}
Progress = Callable[[int, int], None]
"""Called with (done, total) while texts are being read aloud."""


class Sort(StrEnum):
    """The kind of an utterance, which decides how well it must be understood."""

    SENTENCE = "sentence"
    VALUE = "value"
    FRAGMENT = "fragment"
    """A part of a sentence, for splicing: too short for a recogniser to judge alone."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something that a caller hears."""

    name: str
    """The prompt's name, or the value's kind and how it is written."""
    sort: Sort
    said: str
    """The words."""
    pcm: bytes
    """The sound as a phone decodes it: 16 bit, mono, 8 kHz, after G.711 A-law."""


class PromptVoice:
    """The prompts of the shipped settings, flows and examples, rendered as at the daemon's start once asked for."""

    def __init__(self, cache: Path, engine: SpeechEngine | None = None, on_progress: Progress | None = None) -> None:
        """`engine` reads instead of those that the settings choose, but no Cantonese. Raises SettingsError."""
        file = CONFIG / "acdcore.toml"
        self._plan = load_snapshot(load(file, {}), file)
        self._cache, self._on_progress = cache, on_progress or (lambda done, total: None)
        chosen = self._plan.settings.voice.settings(file.parent)
        others = {language: voice_of(engine, language) for language in NATURAL if engine is not None}
        self._voices = voices_ahead(replace(chosen, by_language={**chosen.by_language, **others}))
        self._requests = {request.key: request for request in standard_requests(CONFIG)}
        self._sounds: dict[PromptKey, bytes] = {}

    def prompts(self, language: Language) -> list[tuple[PromptKey, Sort]]:
        """Every prompt of a language that is read aloud, and what it is."""
        return [
            (key, Sort.SENTENCE if self.text([key]).rstrip().endswith(tuple(SENTENCE_ENDS)) else Sort.FRAGMENT)
            for key, request in self._requests.items()
            if key.language is language and isinstance(request.source, Text)
        ]

    def make_ready(self, keys: Iterable[PromptKey] | None = None) -> None:
        """Have prompts spoken, all or some of them, many at once. Raises SettingsError and Unavailable."""
        chosen = self._requests.keys() if keys is None else keys
        new = [self._requests[key] for key in dict.fromkeys(chosen) if key not in self._sounds]
        self._read_aloud(new)
        self._sounds |= render(new, self._cache, CONFIG / "prompts", voices=self._voices)

    def _read_aloud(self, requests: Iterable[PromptRequest]) -> None:
        """Read new texts with the requested voice only: if it fails, that is an error."""
        cache = PromptCache(self._cache)
        cache.open()
        with closing(StandardPack()) as pack:
            shelf, new = SpeechStore(cache, pack), dict[str, TtsRequest]()
            for request in requests:
                if isinstance(request.source, Text):
                    spoken = speech_text_for(request.source.text, request.key.language, self._voices, shelf)
                    if spoken is not None and not shelf.has(spoken):
                        new[spoken.name] = shelf.reading(spoken)
        done = count(1)
        self._voices.read(list(new.values()), lambda: self._on_progress(next(done), len(new)))

    def utterances(self, chosen: Sequence[tuple[PromptKey, Sort]]) -> Iterator[Utterance]:
        """Prompts as a phone has them."""
        self.make_ready([key for key, _ in chosen])
        for key, sort in chosen:
            yield Utterance(str(key.name), sort, self.text([key]), at_the_phone(self._sounds[key]))

    def know(self, name: str, words: RuntimeText) -> PromptKey:
        """Add a sentence that is known only in a call, spoken as in a call; returns its key."""
        key = PromptKey(PromptName(name), words.language)
        self._requests[key] = PromptRequest(key, Text(words.text), "")
        return key

    def is_natural(self, language: Language) -> bool:
        """Whether a language has a voice other than espeak's."""
        return self._voices.chosen(language).engine is not SpeechEngine.ESPEAK

    def agent(self, number: str, language: Language) -> RuntimeText:
        """Who is speaking, to the caller."""
        return self._plan.sayings.agent_words(number, language) or RuntimeText(number, language)

    def sound(self, key: PromptKey) -> bytes:
        """What is played for a prompt: 16 bit, mono, 8 kHz."""
        if key not in self._sounds:
            self.make_ready([key])
        return self._sounds[key]

    def text(self, keys: Iterable[PromptKey]) -> str:
        """The texts of prompts, joined; sounds without words have none."""
        sources = [self._requests[key].source for key in keys]
        return " ".join(source.text for source in sources if isinstance(source, Text))

    def values(self, values: Sequence[Value], language: Language) -> Iterator[Utterance]:
        """Every value as it is read to callers of a language; values without a prompt are spoken as in a call."""
        keys = {value: self._key(value, language) for value in values}
        self.make_ready(keys.values())
        for value, key in keys.items():
            text = self.text([key])
            said = " ".join(text) if value.kind is ValueKind.PLATE else text  # sign by sign
            yield Utterance(f"{value.kind} {value.written}", Sort.VALUE, said, at_the_phone(self._sounds[key]))

    def spliced(self, values: Iterable[Value], language: Language) -> Iterator[Utterance]:
        """As `values`, without the language's voice: single words in a row; values without such words are left out."""
        pieces = {value: self._pieces(value, language) for value in values}
        self.make_ready(key for keys in pieces.values() for key in keys)
        for value, keys in pieces.items():
            if keys:
                pcm = b"".join(self._sounds[key] for key in keys)
                yield Utterance(f"{value.kind} {value.written}", Sort.VALUE, self.text(keys), at_the_phone(pcm))

    def _pieces(self, value: Value, language: Language) -> tuple[PromptKey, ...]:
        """The prompts of single words that say a value; none where it is a prompt of its own, or free text."""
        if value.kind is ValueKind.AGENT:
            return clips_of(phrase_key(SystemPhrase.AGENT, value.written, language))
        return read(value.written, READ_AS[value.kind], language) if value.kind in READ_AS else ()

    def _key(self, value: Value, language: Language) -> PromptKey:
        spoken = self._spoken(value, language)
        if isinstance(spoken, PromptKey):
            return spoken
        return self.know(f"value.{value.kind}-{value.written}", RuntimeText(spoken, language))

    def _spoken(self, value: Value, language: Language) -> PromptKey | str:
        """The prompt that says a value, or the words that are spoken for it."""
        match value.kind:
            case ValueKind.POSITION:
                return speak_position(int(value.written), language)
            case ValueKind.WAIT:
                return speak_wait(60.0 * int(value.written), language)
            case ValueKind.AGENT:
                return self.agent(value.written, language).text
            case ValueKind.PLATE:
                return value.written[1:] if language is Language.ENGLISH else value.written
            case _:
                return spoken_value(value.written, READ_AS[value.kind], language)


def voice_of(engine: SpeechEngine | None, language: Language) -> VoiceChoice:
    """An engine's own voice of a language."""
    return VoiceChoice(SpeechEngine.KOKORO, NATURAL[language]) if engine is SpeechEngine.KOKORO else stand_in(language)


def at_the_phone(pcm: bytes) -> bytes:
    """The sound after G.711, as a phone plays it."""
    return decode(encode(pcm, EngineCodec.PCMA), EngineCodec.PCMA)
