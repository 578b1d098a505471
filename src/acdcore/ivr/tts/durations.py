"""How long a text may take to be spoken: what is outside of it is another text, a cut-off one, or noise after it.

Chinese is counted by its characters, of which each is a syllable, and everything else by its letters; a digit may be
read as a word of two syllables. Speakers of prompts say three to five syllables a second.
"""

import unicodedata

SYLLABLE_S = 0.55
"""At most, for a Chinese character or a digit: half as fast as a slow speaker."""
LETTER_S = 0.16
"""At most, for a letter of an alphabet: a slow speaker takes half a second for a word of five."""
PAUSE_S = 0.8
"""At most, after a comma or a full stop."""
AROUND_S = 1.5
"""At most, before the first word and after the last."""
SYLLABLE_MIN_S = 0.06
"""At least: nobody is understood who says more than fifteen syllables a second."""
LETTER_MIN_S = 0.02
WORD_MIN_S = 0.08
"""At least, for any word at all."""


def longest_s(text: str) -> float:
    """The seconds beyond which a sound is not this text."""
    syllables, letters, pauses = _counted(text)
    return AROUND_S + SYLLABLE_S * syllables + LETTER_S * letters + PAUSE_S * pauses


def shortest_s(text: str) -> float:
    """The seconds below which a sound is not the whole of this text."""
    syllables, letters, _ = _counted(text)
    return max(WORD_MIN_S, SYLLABLE_MIN_S * syllables + LETTER_MIN_S * letters)


def _counted(text: str) -> tuple[int, int, int]:
    """Characters that are a syllable, letters of words, and marks of punctuation."""
    kinds = [unicodedata.category(char) for char in text]
    syllables = sum(kind in ("Lo", "Nd") for kind in kinds)
    letters = sum(kind in ("Lu", "Ll") for kind in kinds)
    return syllables, letters, sum(kind.startswith("P") for kind in kinds)
