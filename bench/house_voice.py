"""What the house says, as the daemon makes it: each prompt of the shipped configuration, and values read aloud."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from acdcore.ivr.kinds import ReadAs
from acdcore.ivr.model import Language, PromptKey, PromptRequest, Text
from acdcore.ivr.numbers import speak_digits, speak_position, speak_wait
from acdcore.ivr.phrases import clips_of
from acdcore.ivr.prompts import render
from acdcore.ivr.reading import read
from acdcore.ivr.system import SystemPhrase, phrase_key
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
}


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

    def __init__(
        self, cache: Path, reader: Reader | None = None, on_progress: Callable[[int, int], None] | None = None
    ) -> None:
        """`reader` None: the voice that the settings choose. Raises SettingsError and Unavailable as a start does."""
        file = CONFIG / "acdcore.toml"
        plan, errors = read_plan(load(file, {}), file)
        if errors:
            raise errors[0]
        self._requests = plan.prompts
        self._sounds = render(plan.prompts, cache, CONFIG / "prompts", on_progress, reader)
        self._texts = dict(_texts(plan.prompts))

    def prompts(self, language: Language) -> Iterator[Utterance]:
        """Every prompt of a language that is read aloud."""
        for key, text in self._texts.items():
            if key.language is language:
                sort = Sort.SENTENCE if text.rstrip().endswith(tuple(SENTENCE_ENDS)) else Sort.FRAGMENT
                yield Utterance(str(key.name), sort, text, at_the_phone(self._sounds[key]))

    def sound(self, key: PromptKey) -> bytes:
        """What is played for a prompt: 16 bit, mono, 8 kHz."""
        return self._sounds[key]

    def text(self, keys: Iterable[PromptKey]) -> str:
        """What prompts say, one after the other."""
        return " ".join(self._texts[key] for key in keys if key in self._texts)

    def values(self, values: Sequence[Value], language: Language) -> Iterator[Utterance]:
        """Every value as it is read to callers of a language."""
        for value in values:
            keys = spoken(value, language)
            pcm = b"".join(self._sounds[key] for key in keys)
            yield Utterance(f"{value.kind} {value.written}", Sort.VALUE, self.text(keys), at_the_phone(pcm))


def spoken(value: Value, language: Language) -> tuple[PromptKey, ...]:
    """The prompts that say a value."""
    match value.kind:
        case ValueKind.AGENT:
            return clips_of(phrase_key(SystemPhrase.AGENT, value.written, language))
        case ValueKind.POSITION:
            return (speak_position(int(value.written), language),)
        case ValueKind.WAIT:
            return (speak_wait(60.0 * int(value.written), language),)
        case ValueKind.TELEPHONE | ValueKind.PLATE:
            return speak_digits(value.written, language)
        case _:
            return read(value.written, READ_AS[value.kind], language)


def at_the_phone(pcm: bytes) -> bytes:
    """What a phone makes of it."""
    return decode(encode(pcm, Codec.PCMA), Codec.PCMA)


def _texts(requests: Sequence[PromptRequest]) -> Iterator[tuple[PromptKey, str]]:
    for request in requests:
        if isinstance(request.source, Text):
            yield request.key, request.source.text
