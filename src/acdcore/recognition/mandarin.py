"""How Mandarin sounds: syllables without tones, and which of them are easily taken for each other.

Tones are left out because engines choose characters by what is usual, not by the tone that was said; at the
telephone, and as most of the country speaks, the pairs of `CLOSE` are hard to tell apart, or sound the same.
"""

import importlib
import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from types import ModuleType

from acdcore.kernel.errors import Unavailable

READINGS = "pypinyin"
"""The package that knows how characters are read; part of the extra `speech`."""
INITIALS = (
    *("zh", "ch", "sh", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "r", "z", "c", "s"),
    *("y", "w"),
)
"""Longer ones first; y and w stand where a syllable has no other."""
DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")
CLOSE = 0.4
"""Difference of two sounds that many do not tell apart."""
ALIKE = 0.7
"""Difference of two sounds that a telephone's band makes alike."""
INITIAL_WEIGHT = 0.5
FINAL_WEIGHT = 0.6
"""Finals are longer and louder."""
KNOWN_MAX = 65_536
"""Pairs of syllables whose difference is remembered; there are 400 syllables, of which few are ever met."""
_CLOSE_INITIALS = ("n l", "zh z", "sh s", "ch c", "f h", "r l")
_ALIKE_INITIALS = (
    "b p",
    "d t",
    "g k",
    "j q",
    "z c",
    "zh ch",
    "zh j",
    "ch q",
    "sh x",
    "s x",
    "z j",
    "c q",
    "m n",
    "y j",
)
_CLOSE_FINALS = ("in ing", "en eng", "an ang", "ian iang", "uan uang", "un ong", "o uo", "u v", "ue ve", "ian uan")
_ALIKE_FINALS = ("ei ui", "e o", "ie ian", "ei i", "ou u", "ao ou", "ai ei", "an ai", "ia ian", "iu ou", "a ia", "a ua")


def syllables(text: str) -> tuple[str, ...]:
    """The syllables of a text in Chinese characters, traditional ones too, as "zh-ang": initial, hyphen, final.

    Digits are read one by one, Latin words are one syllable each, all else is left out. Raises Unavailable when
    nothing on this machine knows how characters are read.
    """
    spoken = "".join(char if char.isalnum() else " " for char in text.lower().translate(DIGITS))
    words = _readings().lazy_pinyin(spoken)
    return tuple(_split(word) for each in words for word in each.split())


def is_installed() -> bool:
    """Whether the package is there; it is not loaded."""
    return importlib.util.find_spec(READINGS) is not None


@lru_cache(1)
def _readings() -> ModuleType:
    """Loaded once, when it is needed: it takes 0.1 s and some memory."""
    if not is_installed():
        raise Unavailable(f"the package {READINGS} is not installed; pip install 'acdcore[speech]'")
    return importlib.import_module(READINGS)


@lru_cache(KNOWN_MAX)
def difference(one: str, other: str) -> float:
    """Of two syllables: 0 for the same, 1 for nothing in common."""
    (initial, _, final), (other_initial, _, other_final) = one.partition("-"), other.partition("-")
    apart = INITIAL_WEIGHT * _apart(initial, other_initial, _INITIALS_APART)
    return min(1.0, apart + FINAL_WEIGHT * _apart(final, other_final, _FINALS_APART))


def _apart(one: str, other: str, table: dict[frozenset[str], float]) -> float:
    return 0.0 if one == other else table.get(frozenset((one, other)), 1.0)


def _split(word: str) -> str:
    initial = next((each for each in INITIALS if word.startswith(each)), "")
    return f"{initial}-{word[len(initial) :]}"


def _table(close: Sequence[str], alike: Sequence[str]) -> dict[frozenset[str], float]:
    pairs = {frozenset(pair.split()): ALIKE for pair in alike}
    return pairs | {frozenset(pair.split()): CLOSE for pair in close}


_INITIALS_APART = _table(_CLOSE_INITIALS, _ALIKE_INITIALS)
_FINALS_APART = _table(_CLOSE_FINALS, _ALIKE_FINALS)
