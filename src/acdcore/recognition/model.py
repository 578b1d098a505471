"""What is listened for, what was heard, and what a recogniser can do."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

TELEPHONE_RATE = 8_000
"""Samples a second in everything that is given to a recogniser."""
SAMPLE_OCTETS = 2
"""Signed 16 bit, little-endian."""
CONFIDENCE_DEFAULT = 0.6
"""At and above this a phrase counts as said. Below it, the flow asks again or offers keys."""
RECOGNISED_MAX = 5
"""Of the phrases that may have been said, so many of the best are returned."""


class TranscriptKind(StrEnum):
    """Which recordings are written down."""

    NONE = "none"
    MESSAGES = "messages"
    RECORDINGS = "recordings"
    """Talks, and not messages."""
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Phrase:
    """One answer that is understood."""

    value: str
    """What it means: the name of a branch, as the flow knows it."""
    texts: tuple[str, ...]
    """How callers may say it, in the language that is spoken; the first is how it is usually said."""


@dataclass(frozen=True, slots=True)
class RecognisedPhrase:
    """One phrase that may have been said."""

    value: str
    """Of the `Phrase`."""
    confidence: float
    """0 to 1; a wrong phrase is rare from `CONFIDENCE_DEFAULT` on."""
    text: str
    """All that was understood, as the engine wrote it."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What an engine wrote down."""

    text: str
    """Empty when nothing was said."""
    certainty: float
    """0 to 1, as the engine sees it; 1 for an engine that does not say."""


class Transcriber(Protocol):
    """An engine: something that writes down what was said."""

    async def transcribe(self, pcm: bytes, language: str, hint: str, within_s: float) -> Transcript:
        """What was said in `pcm` (8 kHz, 16 bit little-endian, mono, at most 30 s).

        `hint` holds words that are likely, in the language. Raises Unavailable as `Recogniser.recognise` does.
        """
        ...


class Recogniser(Protocol):
    """Something that tells which phrase was said."""

    async def recognise(
        self, pcm: bytes, language: str, phrases: Sequence[Phrase], within_s: float
    ) -> tuple[RecognisedPhrase, ...]:
        """The phrases that may have been said in `pcm` (8 kHz, 16 bit little-endian, mono), best first.

        Empty when nothing fits, at most `RECOGNISED_MAX`, each value once. `language` is "cmn", "yue" or "en". Raises
        Unavailable when there is no answer within `within_s` seconds, when too many wait already, and when the engine
        is broken or not installed. Cancelling it gives up the work.
        """
        ...
