"""How what was said is searched: by pairs of neighbouring characters (pure).

A word that is looked for stands in a text only if all its pairs do. That leaves few texts, in which the word itself
is then looked for. It is the same for Chinese, where a word is two characters somewhere in a sentence, and for names
and numbers.
"""

import unicodedata
from collections.abc import Iterable

WORDS_MAX = 10
"""That are looked for at once."""


def fold_text(text: str) -> str:
    """The text as it is compared: small letters of one width, one blank where punctuation or blanks are."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(char if char.isalnum() else " " for char in plain).split())


def pairs(words: Iterable[str]) -> tuple[str, ...]:
    """The pairs of neighbouring characters in words of `folded` text, each once."""
    found = {word[place : place + 2] for word in words for place in range(len(word) - 1)}
    return tuple(sorted(found))
