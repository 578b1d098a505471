"""Any engine that writes down speech as a `Recogniser`: what it wrote is compared with the phrases."""

from collections.abc import Sequence

from acdcore.recognition.matching import choose
from acdcore.recognition.model import SAMPLE_OCTETS, TELEPHONE_RATE, Heard, Phrase, Transcriber

SHORTEST_S = 0.1
"""Less sound holds no word; engines invent some."""
HINT_MAX = 200
"""Characters of a hint: engines take some 200 tokens, and longer ones are repeated instead of what was said."""


class PhraseRecogniser:
    """Implements `Recogniser`."""

    def __init__(self, engine: Transcriber) -> None:
        self._engine = engine

    async def recognise(
        self, pcm: bytes, language: str, phrases: Sequence[Phrase], within_s: float
    ) -> tuple[Heard, ...]:
        """See `Recogniser`."""
        if not phrases or len(pcm) < SHORTEST_S * TELEPHONE_RATE * SAMPLE_OCTETS:
            return ()
        transcript = await self._engine.transcribe(pcm, language, hint(phrases), within_s)
        return choose(transcript.text, language, phrases) if transcript.text else ()


def hint(phrases: Sequence[Phrase]) -> str:
    """Words that are likely: how each phrase is usually said, as far as they fit."""
    found = ""
    for phrase in phrases:
        longer = f"{found}, {phrase.texts[0]}" if found else phrase.texts[0]
        if len(longer) > HINT_MAX:
            break
        found = longer
    return found
