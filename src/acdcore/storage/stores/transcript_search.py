"""The search in transcripts, by pairs of neighbouring characters (pure).

A text contains a word only if it contains all its pairs. That leaves few texts, which are then searched for the word
itself. It works for Chinese, where a word is two characters somewhere in a sentence, and for names and numbers.
"""

import unicodedata
from collections.abc import Iterable

WORDS_MAX = 10
"""Words of one search at most."""


def fold_text(text: str) -> str:
    """The text for comparison: lower case, one width, one blank for punctuation and blanks."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(char if char.isalnum() else " " for char in plain).split())


def pairs(words: Iterable[str]) -> tuple[str, ...]:
    """The pairs of neighbouring characters in words of `folded` text, each once."""
    found = {word[place : place + 2] for word in words for place in range(len(word) - 1)}
    return tuple(sorted(found))
