"""Any engine that writes down speech as a `Recogniser`: what it wrote is compared with the phrases."""

import asyncio
from collections.abc import Sequence
from itertools import zip_longest

from acdcore.recognition.matching import choose
from acdcore.recognition.model import SAMPLE_OCTETS, TELEPHONE_RATE, Phrase, RecognisedPhrase, Transcriber

SHORTEST_S = 0.1
"""Less sound holds no word; engines invent some."""
HINT_MAX = 200
"""Characters of a hint: engines take some 200 tokens, and longer ones take time and are repeated instead of what was
said."""
FORMS_MAX = 80
"""So many characters have room for further ways to say a phrase: few phrases, as yes and no, are short ones."""


class PhraseRecogniser:
    """Implements `Recogniser`."""

    def __init__(self, engine: Transcriber) -> None:
        self._engine = engine

    async def recognise(
        self, pcm: bytes, language: str, phrases: Sequence[Phrase], within_s: float
    ) -> tuple[RecognisedPhrase, ...]:
        """See `Recogniser`."""
        if not phrases or len(pcm) < SHORTEST_S * TELEPHONE_RATE * SAMPLE_OCTETS:
            return ()
        transcript = await self._engine.transcribe(pcm, language, hint(phrases, language), within_s)
        if not transcript.text:
            return ()
        # Comparing with a hundred phrases takes tens of milliseconds, too long for the loop.
        return await asyncio.to_thread(choose, transcript.text, language, phrases, transcript.certainty)


def hint(phrases: Sequence[Phrase], language: str) -> str:
    """Words that are likely, as one sentence: how each phrase is usually said, then how else, as far as they fit.

    A list with blanks, or of single syllables, has whisper write lists: "不, 不" for a clear 对.
    """
    comma, stop = (", ", ".") if language == "en" else ("，", "。")
    ways = [sorted(phrase.texts, key=_is_short) for phrase in phrases]
    found = ""
    for turn, each in enumerate(zip_longest(*ways)):
        for form in filter(None, each):
            if turn and _is_short(form):
                continue
            longer = f"{found}{comma}{form}" if found else form
            if len(longer) > (FORMS_MAX if turn else HINT_MAX):
                return found + stop
            found = longer
    return found + stop if found else ""


def _is_short(form: str) -> bool:
    """Whether it is a single Chinese character."""
    return len(form) < 2
