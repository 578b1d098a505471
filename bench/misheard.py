"""How far what was heard is from what was said, in syllables for Mandarin and in words for English.

Both sides are spelled in the same way before they are compared:

  1. Punctuation, spaces and case say nothing.
  2. Mandarin is compared by its syllables without tones (pinyin): a recogniser that writes a homophone has heard
     what was said. The same with tones is counted beside it. A Latin letter is its name's syllable.
  3. English is compared by its words, and those that sound the same (`wait`, `weight`) are the same to who listens.
     Short forms are written out: `you're` is `you are`. Single letters, letters with dots and words in capitals are
     spelled out (`a.m.`, `A M`, `AM`, and `am` behind figures are alike), and hyphens part words. A word in capitals
     may be a word, too.
  4. Figures are written out. A recogniser that writes `1001` does not tell whether it heard a number or its digits, so
     each row of figures has several readings, and the one nearest to what was said counts. `May 3` is the third of May.

Nothing else is forgiven: a word that sounds otherwise is a mistake (`at` for `add`), as is a word too much.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from acdcore.ivr.model.flow import Language
from acdcore.ivr.reading.wording import MONTHS
from bench.figures import chinese_figures, english_figures

Unit = frozenset[str]
"""A syllable or a word, in each of its spellings."""
Reading = tuple[Unit, ...]
Slot = tuple[Reading, ...]
"""A part of a sentence, in each of its readings; the first is the usual one."""

LETTER_NAMES = {
    "a": "ei",
    "b": "bi",
    "c": "xi",
    "d": "di",
    "e": "yi",
    "g": "ji",
    "i": "ai",
    "n": "en",
    "o": "ou",
    "p": "pi",
}
LETTER_NAMES |= {"t": "ti", "u": "you", "y": "wai"}
"""Latin letters that Mandarin speakers name by a syllable of Mandarin; the others are heard as themselves or not."""
TOLD_ALIKE = {"二": "二两", "一": "一幺", "zero": "zero oh o"}
"""Figures do not tell these apart."""
ALIKE = (
    *("wait weight", "two to too", "four for", "one won", "eight ate", "hear here", "right write", "by buy bye"),
    *("our hour", "no know", "see sea c", "be b", "are r", "you u", "why y"),
    *("oh o", "i eye", "week weak", "new knew", "mail male", "whole hole", "sent cent scent"),
)
"""English words, and letters' names, that nobody can tell from each other by ear."""
SOUND_ALIKE = {word: frozenset(row.split()) for row in ALIKE for word in row.split()}
SHORT_FORMS = (
    (re.compile(r"\b(can|could|do|does|did|is|are|was|were|has|have|should|would)n't\b", re.IGNORECASE), r"\1 not"),
    (re.compile(r"\bwon't\b", re.IGNORECASE), "will not"),
    (re.compile(r"\b(?:can't|cannot)\b", re.IGNORECASE), "can not"),
    (re.compile(r"\b(you|we|they)'re\b", re.IGNORECASE), r"\1 are"),
    (re.compile(r"\b(I|you|we|they|it|that|he|she)'ll\b", re.IGNORECASE), r"\1 will"),
    (re.compile(r"\b(I|you|we|they)'ve\b", re.IGNORECASE), r"\1 have"),
    (re.compile(r"\bI'm\b", re.IGNORECASE), "I am"),
    (re.compile(r"\b(it|that|what|there|here)'s\b", re.IGNORECASE), r"\1 is"),
)
"""The same said more quickly; which of them is written depends on who writes."""
Spell = Callable[[str], list[str]]
_HAN = r"[㐀-鿿]"
_CHINESE_PARTS = re.compile(
    rf"(?P<han>{_HAN}+)|(?P<figures>(?:HK\$|US\$|[$¥￥])?\d[\d,]*(?:\.\d+)?(?::\d\d)*%?(?:元|块)?)|(?P<letter>[A-Za-z])"
)
_ENGLISH_PARTS = re.compile(
    r"(?P<figures>(?:HK\$|US\$|[$¥￥£€])?\d[\d,]*(?:\.\d+)?(?::\d\d)*(?:st|nd|rd|th|%)?(?: (?:yuan|dollars?)\b)?)"
    r"|(?P<letters>\b(?:[A-Za-z]\.){2,}|(?<=\d)[ap]m\b|(?<=\d )[ap]m\b)"
    r"|(?P<capitals>\b[A-Z]{2,5}\b)|(?P<word>[A-Za-z']+)"
)
_DAY_OF_MONTH = re.compile(rf"\b((?:{'|'.join(MONTHS)}) [0-3]?\d)\b(?!\d|[,.:]\d)")
"""As it is written where an ordinal is said."""


@dataclass(frozen=True, slots=True)
class Misheard:
    """What a comparison came to."""

    edits: int
    """Units that are wrong, missing or too many."""
    units: int
    """Units that were said."""
    toned_edits: int = 0
    """The same where syllables with another tone are wrong, too; Mandarin only."""

    def __add__(self, other: "Misheard") -> "Misheard":
        return Misheard(self.edits + other.edits, self.units + other.units, self.toned_edits + other.toned_edits)

    @property
    def share(self) -> float:
        """Errors for each unit that was said; above 1 when more was heard than said."""
        return self.edits / self.units if self.units else float(self.edits > 0)

    @property
    def toned_share(self) -> float:
        """The same with tones."""
        return self.toned_edits / self.units if self.units else float(self.toned_edits > 0)


NOTHING = Misheard(0, 0)


def compare(said: str, heard: str, language: Language) -> Misheard:
    """How far `heard` is from `said`. Raises ValueError for Cantonese, which no recogniser here knows."""
    match language:
        case Language.MANDARIN:
            plain, toned = (
                (first_readings(chinese(said, has_tones)), chinese(heard, has_tones)) for has_tones in (False, True)
            )
            return Misheard(edits(*plain), len(plain[0]), edits(*toned))
        case Language.ENGLISH:
            units = first_readings(english(said))
            return Misheard(edits(units, english(heard)), len(units))
        case _:
            raise ValueError(f"{language} is not compared by what a recogniser wrote")


def first_readings(slots: Sequence[Slot]) -> Reading:
    """What was said is known: figures in it have their usual reading."""
    return tuple(unit for slot in slots for unit in slot[0])


def edits(said: Reading, heard: Sequence[Slot]) -> int:
    """The least number of units to be changed, left out or put in, over all readings of what was heard."""
    row = list(range(len(said) + 1))
    for slot in heard:
        rows = [_after(row, said, reading) for reading in slot]
        row = [min(column) for column in zip(*rows, strict=True)]
    return row[-1]


def _after(row: list[int], said: Reading, reading: Reading) -> list[int]:
    """Levenshtein's row after the units of one reading; two units are alike when they share a spelling."""
    for unit in reading:
        following = [row[0] + 1]
        for place, meant in enumerate(said):
            wrong = row[place] + (not unit & meant)
            following.append(min(wrong, row[place + 1] + 1, following[place] + 1))
        row = following
    return row


# --- sentences in their units ----------------------------------------------------------------------------------


def chinese(text: str, has_tones: bool = False) -> tuple[Slot, ...]:
    """The syllables of a Mandarin text."""
    spell = _toned if has_tones else _toneless
    slots: list[Slot] = []
    for part in _CHINESE_PARTS.finditer(text):
        match part.lastgroup:
            case "figures":
                slots.append(tuple(_chinese_row(words, spell) for words in chinese_figures(part[0])))
            case "letter":
                slots.append(((_unit(LETTER_NAMES.get(part[0].lower(), part[0].lower())),),))
            case _:
                slots.append((tuple(_unit(syllable) for syllable in spell(part[0])),))
    return tuple(slots)


def _chinese_row(words: str, spell: Spell) -> Reading:
    """Figures that are written out: nobody can tell 二 from 两 or 一 from 幺 by them."""
    return tuple(_unit(*spell(TOLD_ALIKE.get(character, character))) for character in words)


def _toneless(han: str) -> list[str]:
    from pypinyin import lazy_pinyin  # only where Mandarin is compared

    return lazy_pinyin(han)


def _toned(han: str) -> list[str]:
    from pypinyin import Style, lazy_pinyin

    return lazy_pinyin(han, style=Style.TONE3, neutral_tone_with_five=True)


def english(text: str) -> tuple[Slot, ...]:
    """The words of an English text."""
    text = text.replace("’", "'")
    for short, whole in SHORT_FORMS:
        text = short.sub(whole, text)
    slots: list[Slot] = []
    for part in _ENGLISH_PARTS.finditer(_DAY_OF_MONTH.sub(r"\1th", text)):
        match part.lastgroup:
            case "figures":
                slots.append(tuple(_english_row(words) for words in english_figures(part[0])))
            case "letters":
                slots.append((tuple(_word(letter) for letter in part[0].lower() if letter.isalpha()),))
            case "capitals":
                slots.append((tuple(map(_word, part[0].lower())), (_word(part[0].lower()),)))
            case _:
                slots.append(((_word(part[0].lower().replace("'", "")),),))
    return tuple(slots)


def _word(word: str) -> Unit:
    return SOUND_ALIKE.get(word, frozenset({word}))


def _english_row(words: str) -> Reading:
    """Figures that are written out: nobody can tell `zero` from `oh` by them."""
    return tuple(
        frozenset().union(*map(_word, TOLD_ALIKE.get(word, word).split())) for word in words.replace("'", "").split()
    )


def _unit(*spellings: str) -> Unit:
    return frozenset(spellings)
