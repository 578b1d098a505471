"""Whole numbers and decimals as sequences of prompts.

Mandarin and Cantonese count in groups of four digits (万, 亿), English in groups of three:

    10050         一万零五十            ten thousand and fifty
    110           一百一十              one hundred and ten
    12            十二                  twelve: ten has no 一 before it where a number begins
    1000010       一百万零一十          one million and ten: 零 once for any row of zeros that more follows
    20002         两万零二              twenty thousand and two

Two is 两 (兩) where it is all that stands before a large unit at the number's beginning, hundreds and thousands too in
Mandarin (on a telephone 二百 sounds like "bye bye"), and before what is counted; it is 二 in ten, in ordinals, after a
point and wherever more stands before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from acdcore.ivr.model.flow import Language, PromptKey
from acdcore.ivr.model.system_prompts import COUNTS, Word, count_key, digit_key, month_day_key, month_key, word_key

CARDINAL_MAX = 10**12 - 1
"""The largest number that has words: three groups of four digits, or four of three."""

CHINESE_GROUPS = ((10**8, Word.HUNDRED_MILLION), (10**4, Word.TEN_THOUSAND), (1, None))
CHINESE_PLACES = ((1000, Word.THOUSAND), (100, Word.HUNDRED))
ENGLISH_GROUPS = ((10**9, Word.BILLION), (10**6, Word.MILLION), (1000, Word.THOUSAND))


@dataclass(frozen=True, slots=True)
class Month:
    """A month's name."""

    number: int
    """From 1."""


@dataclass(frozen=True, slots=True)
class MonthDay:
    """A day of a month, as it is read in a date."""

    number: int
    """From 1."""


Spoken = str | int | Word | Month | MonthDay
"""A clip by what it says: a digit ("0"), one of `COUNTS`, a word, a part of a date; or a pause, which has no clip."""
ZERO: Spoken = "0"
PAUSE: Spoken = ","
"""Between groups of digits and parts of a value: a comma in English, a semicolon in Chinese, for a longer rest."""


def speak_cardinal(number: int, language: Language) -> tuple[PromptKey, ...]:
    """A number from 0 to `CARDINAL_MAX`. Raises ValueError outside of it."""
    return keys(cardinal(number, language), language)


def speak_quantity(number: int, language: Language) -> tuple[PromptKey, ...]:
    """The same before what is counted: two is 两 (兩). Raises ValueError likewise."""
    return keys(quantity(number, language), language)


def cardinal(number: int, language: Language) -> list[Spoken]:
    """A number's words."""
    if not 0 <= number <= CARDINAL_MAX:
        raise ValueError(f"{number} is beyond what can be said")
    if number == 0:
        return [ZERO]
    return _english(number) if language is Language.ENGLISH else _chinese(number, language)


def quantity(number: int, language: Language) -> list[Spoken]:
    """A number's words before what is counted."""
    return [Word.TWO] if number == 2 and language is not Language.ENGLISH else cardinal(number, language)


def decimals(digits: str) -> list[Spoken]:
    """What follows the point, one by one; 1 is 一 here, not 幺."""
    return [int(digit) if digit != "0" else ZERO for digit in digits]


def keys(spoken: Sequence[Spoken], language: Language) -> tuple[PromptKey, ...]:
    """The clips of some words."""
    return tuple(_key(word, language) for word in spoken if word != PAUSE)


def _key(spoken: Spoken, language: Language) -> PromptKey:
    match spoken:
        case Word():
            return word_key(spoken, language)
        case Month(number):
            return month_key(number, language)
        case MonthDay(number):
            return month_day_key(number, language)
        case int():
            return count_key(spoken, language)
        case _:
            return digit_key(spoken, language)


# --- Mandarin and Cantonese ------------------------------------------------------------------------------------


def _chinese(number: int, language: Language) -> list[Spoken]:
    spoken: list[Spoken] = []
    for unit, word in CHINESE_GROUPS:
        group = number // unit % 10_000
        if group == 0:
            continue
        if spoken and (group < 1000 or number // (unit * 10_000) % 10_000 == 0):
            spoken.append(ZERO)
        if group == 2 and word is not None and not spoken:
            spoken.append(Word.TWO)
        else:
            spoken += _chinese_group(group, language, is_first=not spoken)
        if word is not None:
            spoken.append(word)
    return spoken


def _chinese_group(group: int, language: Language, *, is_first: bool) -> list[Spoken]:
    """Up to four digits, without a zero before the first of them."""
    if is_first and group in COUNTS:
        return [group]
    spoken: list[Spoken] = []
    rest = group
    for place, word in CHINESE_PLACES:
        digit, rest = divmod(rest, place)
        if digit:
            is_pair = digit == 2 and is_first and not spoken and language is Language.MANDARIN
            spoken += [Word.TWO if is_pair else digit, word]
        if spoken and rest and rest < place // 10 and spoken[-1] != ZERO:
            spoken.append(ZERO)
    tens, ones = divmod(rest, 10)
    if tens == 1 and is_first and not spoken:
        return [rest]
    if tens:
        spoken += [1, 10] if tens == 1 else [tens * 10]
    if ones:
        spoken.append(ones)
    return spoken


# --- English ---------------------------------------------------------------------------------------------------


def _english(number: int) -> list[Spoken]:
    spoken: list[Spoken] = []
    rest = number
    for unit, word in ENGLISH_GROUPS:
        group, rest = divmod(rest, unit)
        if group:
            spoken += [*_english_group(group), word]
    if rest and rest < 100 and spoken:
        spoken.append(Word.AND)
    return [*spoken, *_english_group(rest)]


def _english_group(group: int) -> list[Spoken]:
    hundreds, rest = divmod(group, 100)
    spoken: list[Spoken] = [hundreds, Word.HUNDRED] if hundreds else []
    if hundreds and rest:
        spoken.append(Word.AND)
    if rest in COUNTS:
        return [*spoken, rest]
    tens, ones = divmod(rest, 10)
    return [*spoken, *([tens * 10] if tens else []), *([ones] if ones else [])]
