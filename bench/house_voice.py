"""What the house says, as the daemon makes it: each prompt of the shipped configuration, and values read aloud."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from acdcore.ivr.kinds import ReadAs
from acdcore.ivr.model import Language, PromptKey, PromptName, PromptRequest, Text, Words
from acdcore.ivr.numbers import speak_position, speak_wait
from acdcore.ivr.prompts import render
from acdcore.ivr.reading import said
from acdcore.ivr.voices import Reader
from acdcore.media.g711 import decode, encode
from acdcore.media.model import Codec
from acdcore.plan import read_plan
from acdcore.settings import load
from bench.daemon import CONFIG
from bench.spoken_values import Value, ValueKind

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
    """What an utterance is, which decides how well it has to be understood."""

    SENTENCE = "sentence"
    VALUE = "value"
    FRAGMENT = "fragment"
    """A part of a sentence, for splicing: too short for a recogniser to judge by itself."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something that a caller hears."""

    name: str
    """The prompt's name, or the value's kind and how it is written."""
    sort: Sort
    said: str
    """The words."""
    pcm: bytes
    """As a phone decodes it: 16 bit, mono, 8 kHz, after G.711 A-law."""


class HouseVoice:
    """All prompts of the shipped configuration, rendered as at the daemon's start."""

    def __init__(self, cache: Path, reader: Reader | None = None, on_progress: Progress | None = None) -> None:
        """`reader` None: the voice that the settings choose. Raises SettingsError and Unavailable as a start does."""
        file = CONFIG / "acdcore.toml"
        plan, errors = read_plan(load(file, {}), file)
        if errors:
            raise errors[0]
        self._cache, self._reader, self._sayings = cache, reader, plan.sayings
        self._sounds = render(plan.prompts, cache, CONFIG / "prompts", on_progress, reader)
        self._texts = dict(_texts(plan.prompts))

    def prompts(self, language: Language) -> Iterator[Utterance]:
        """Every prompt of a language that is read aloud."""
        for key, text in self._texts.items():
            if key.language is language:
                sort = Sort.SENTENCE if text.rstrip().endswith(tuple(SENTENCE_ENDS)) else Sort.FRAGMENT
                yield Utterance(str(key.name), sort, text, at_the_phone(self._sounds[key]))

    def know(self, name: str, words: Words) -> PromptKey:
        """A sentence that only a call brings up, spoken here as there; its key among the others."""
        key = PromptKey(PromptName(name), words.language)
        request = PromptRequest(key, Text(words.text), "")
        self._sounds |= render([request], self._cache, CONFIG / "prompts", None, self._reader)
        self._texts[key] = words.text
        return key

    def agent(self, number: str, language: Language) -> Words:
        """Who is speaking, to the caller."""
        return self._sayings.agent_words(number, language) or Words(number, language)

    def sound(self, key: PromptKey) -> bytes:
        """What is played for a prompt: 16 bit, mono, 8 kHz."""
        return self._sounds[key]

    def text(self, keys: Iterable[PromptKey]) -> str:
        """What prompts say, one after the other."""
        return " ".join(self._texts[key] for key in keys if key in self._texts)

    def values(
        self, values: Sequence[Value], language: Language, on_progress: Progress | None = None
    ) -> Iterator[Utterance]:
        """Every value as it is read to callers of a language; those that are no prompts are spoken as in a call."""
        spoken = {value: self._spoken(value, language) for value in values}
        requests = {
            value: PromptRequest(PromptKey(PromptName(f"value.{place}"), language), Text(words), "")
            for place, (value, words) in enumerate(spoken.items())
            if isinstance(words, str)
        }
        sounds = render(requests.values(), self._cache, CONFIG / "prompts", on_progress, self._reader)
        for value, words in spoken.items():
            pcm = sounds[requests[value].key] if isinstance(words, str) else self._sounds[words]
            text = self._texts[words] if isinstance(words, PromptKey) else words
            if value.kind is ValueKind.PLATE:
                text = " ".join(text)  # sign by sign
            yield Utterance(f"{value.kind} {value.written}", Sort.VALUE, text, at_the_phone(pcm))

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
                return said(value.written, READ_AS[value.kind], language)


def at_the_phone(pcm: bytes) -> bytes:
    """What a phone makes of it."""
    return decode(encode(pcm, Codec.PCMA), Codec.PCMA)


def _texts(requests: Sequence[PromptRequest]) -> Iterator[tuple[PromptKey, str]]:
    for request in requests:
        if isinstance(request.source, Text):
            yield request.key, request.source.text
