"""Callers whose words are read off their audio, and a recogniser that does so: the real one's promises without a model.

    words("销售") + pause()      a caller says this, and then nothing for long enough

A word is a square wave whose height is its number in `SAID`, so that it survives being cut.
"""

import asyncio
from array import array
from collections.abc import Sequence

from acdcore.kernel.errors import Unavailable
from acdcore.recognition.endpoint import Probability
from acdcore.recognition.model import TELEPHONE_RATE, Phrase, RecognisedPhrase
from acdcore.recognition.service import Understanding

SAID = ("销售", "售后", "是的", "不是", "小手", "今天天气", "sales")
"""All that callers ever say."""
HEIGHT = 1_000
"""Of the first of these; what is lower is noise."""
STEP = 100
SURE, UNSURE, UNLIKELY = 0.9, 0.45, 0.2
UNCLEAR = {"小手": "销售"}
"""What is said, and what it may have been."""
AT_ONCE_MAX = 2
"""Answers made out at once; more are refused."""


def words(text: str, length_s: float = 0.8) -> bytes:
    """Somebody says this."""
    height = HEIGHT + STEP * SAID.index(text)
    return array("h", [height, -height] * int(length_s * TELEPHONE_RATE / 2)).tobytes()


def pause(length_s: float = 1.0) -> bytes:
    """Nobody says anything."""
    return bytes(2 * int(length_s * TELEPHONE_RATE))


def noise(length_s: float) -> bytes:
    """A fan: loud enough to be heard, and no speech."""
    return array("h", [HEIGHT // 2, -HEIGHT // 2] * int(length_s * TELEPHONE_RATE / 2)).tobytes()


def probability(window: bytes) -> float:
    """As silero's: of speech."""
    return 1.0 if max(array("h", window)) >= HEIGHT else 0.0


class PlainDetectors:
    """As `VoiceDetectors`, and how many are in use."""

    def __init__(self) -> None:
        self.in_use = 0

    def take(self) -> Probability:
        self.in_use += 1
        return probability

    def give_back(self, probability: Probability) -> None:
        self.in_use -= 1


class PlainRecogniser:
    """As the real one, at once or after a while."""

    def __init__(self, takes_s: float = 0.0, is_broken: bool = False) -> None:
        self.takes_s = takes_s
        self.is_broken = is_broken
        self.running = 0
        self.asked: list[tuple[str, str]] = []
        """The language and the words of each question."""

    async def recognise(
        self, pcm: bytes, language: str, phrases: Sequence[Phrase], within_s: float
    ) -> tuple[RecognisedPhrase, ...]:
        """As `Recogniser.recognise`."""
        if self.is_broken:
            raise Unavailable("the recogniser has no model")
        if self.running >= AT_ONCE_MAX:
            raise Unavailable("too many answers wait to be made out")
        self.running += 1
        try:
            async with asyncio.timeout(within_s):
                await asyncio.sleep(self.takes_s)
        except TimeoutError:
            raise Unavailable(f"no answer within {within_s:g} s") from None
        finally:
            self.running -= 1
        text = text_of(pcm)
        self.asked.append((language, text))
        return heard(text, phrases)


def text_of(pcm: bytes) -> str:
    """What was said; empty when nothing was."""
    height = max(array("h", pcm), default=0)
    return SAID[(height - HEIGHT) // STEP] if height >= HEIGHT else ""


def heard(text: str, phrases: Sequence[Phrase]) -> tuple[RecognisedPhrase, ...]:
    """The phrase that was said, and the others behind it; nothing when none was."""
    sure = SURE if text not in UNCLEAR else UNSURE
    said = UNCLEAR.get(text, text)
    best = [RecognisedPhrase(phrase.value, sure, text) for phrase in phrases if said in phrase.texts]
    rest = [RecognisedPhrase(phrase.value, UNLIKELY, text) for phrase in phrases if said not in phrase.texts]
    return tuple(best + rest[:4]) if best else ()


def speech(recogniser: PlainRecogniser | None = None, within_s: float = 2.0) -> Understanding:
    """The recogniser and the phrases of the call centre."""
    return Understanding(recogniser or PlainRecogniser(), PlainDetectors(), within_s)
