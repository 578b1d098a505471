"""Values read aloud: digits, numbers, money, dates, times and durations as sequences of the system's prompts.

    kind        written                                       Mandarin                      English
    digits      13800138000, +86 755-2633 1234                幺三八零零…                   one three eight zero zero…
    number      -1,234.5; 12 digits before the point          负一千二百三十四点五          minus one thousand two…
    money       128.05, 128.05 HKD, USD 3, ¥2                 一百二十八元零五分            … yuan and five fen
    date        2026-10-01, also with a time behind it        二零二六年十月一日            October first twenty…
    time        15:05, 15:05:30, also with a date before it   下午三点零五分                three oh five P M
    duration    185, PT3M5S (ISO 8601)                        三分钟五秒                    three minutes five seconds

Money without a currency is CNY. Seconds of a time and parts of a second are left out. A time is read as it is written:
its zone is not looked at.
"""

import re
from datetime import date
from typing import assert_never

from acdcore.ivr.cardinals import Spoken, cardinal, decimals, keys, quantity
from acdcore.ivr.kinds import ReadAs
from acdcore.ivr.model import Language, PromptKey
from acdcore.ivr.numbers import DIGITS_MAX
from acdcore.ivr.system import Word, digit_key, month_day_key, month_key

DAYS_MAX = 999
"""The longest duration: nobody counts years in seconds."""

_NUMBER = r"(?P<minus>[+-]?)(?P<whole>[0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.(?P<decimals>[0-9]{1,6}))?"
_SEPARATORS = re.compile(r"[ ./()+-]")
_DIGITS = re.compile(rf"[0-9]{{1,{DIGITS_MAX}}}")
_DECIMAL = re.compile(_NUMBER)
_CURRENCY = r"CNY|HKD|USD|[¥￥]|HK\$|US\$"
_AMOUNT = re.compile(rf"(?P<before>{_CURRENCY})? ?{_NUMBER} ?(?P<after>{_CURRENCY})?")
_DAY = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_CLOCK = r"([0-9]{1,2}):([0-9]{2})(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_DATE = re.compile(rf"{_DAY}(?:[T ]{_CLOCK})?")
_TIME = re.compile(rf"(?:{_DAY}[T ])?{_CLOCK}")
_SECONDS = re.compile(r"([0-9]{1,9})(?:\.[0-9]+)?")
_PERIOD = re.compile(r"P(?=.)(?:([0-9]{1,4})D)?(?:T(?=.)(?:([0-9]{1,6})H)?(?:([0-9]{1,8})M)?(?:([0-9]{1,9})S)?)?")

SYMBOLS = {"¥": "CNY", "￥": "CNY", "HK$": "HKD", "US$": "USD"}
CURRENCY_NAMES = {"HKD": Word.HKD, "USD": Word.USD}
"""In Chinese they stand before the amount; yuan are understood."""
ENGLISH_UNITS = {
    "CNY": ((Word.YUAN, Word.YUAN), (Word.FEN, Word.FEN)),
    "HKD": ((Word.HKD_ONE, Word.HKD), (Word.CENT, Word.CENTS)),
    "USD": ((Word.USD_ONE, Word.USD), (Word.CENT, Word.CENTS)),
}
"""The unit and its hundredth part, each for one and for more."""
DURATION_UNITS = (
    (86_400, Word.DAY, Word.DAYS),
    (3_600, Word.HOUR, Word.HOURS),
    (60, Word.MINUTE, Word.MINUTES),
    (1, Word.SECOND, Word.SECONDS),
)
"""Seconds, and the unit for one and for more."""
DAY_PARTS = ((5, Word.SMALL_HOURS), (12, Word.MORNING), (13, Word.NOON), (18, Word.AFTERNOON), (24, Word.EVENING))
"""The hour before which each ends."""


def read(value: str, kind: ReadAs, language: Language) -> tuple[PromptKey, ...]:
    """The prompts that say `value`. Raises ValueError when it is not what `kind` asks for, or out of range."""
    written = value.strip()
    match kind:
        case ReadAs.DIGITS:
            return _digits(written, language)
        case ReadAs.NUMBER:
            return keys(_number(written, language), language)
        case ReadAs.MONEY:
            return keys(_money(written, language), language)
        case ReadAs.DATE:
            return _date(written, language)
        case ReadAs.TIME:
            return keys(_time(written, language), language)
        case ReadAs.DURATION:
            return keys(_duration(written, language), language)
        case _:
            assert_never(kind)


def _digits(written: str, language: Language) -> tuple[PromptKey, ...]:
    digits = _SEPARATORS.sub("", written)
    if _DIGITS.fullmatch(digits) is None:
        raise ValueError(f"{written!r} is not 1 to {DIGITS_MAX} digits")
    return tuple(digit_key(digit, language) for digit in digits)


def _number(written: str, language: Language) -> list[Spoken]:
    found = _DECIMAL.fullmatch(written)
    if found is None:
        raise ValueError(f"{written!r} is not a number of at most 12 digits")
    minus: list[Spoken] = [Word.MINUS] if found["minus"] == "-" else []
    fraction: list[Spoken] = [Word.POINT, *decimals(found["decimals"])] if found["decimals"] else []
    return [*minus, *cardinal(_whole(found["whole"]), language), *fraction]


def _whole(digits: str) -> int:
    return int(digits.replace(",", ""))


# --- money -----------------------------------------------------------------------------------------------------


def _money(written: str, language: Language) -> list[Spoken]:
    found = _AMOUNT.fullmatch(written)
    if found is None or (found["before"] and found["after"]):
        raise ValueError(f"{written!r} is not an amount in CNY, HKD or USD")
    symbol = found["before"] or found["after"] or "CNY"
    currency = SYMBOLS.get(symbol, symbol)
    cents = (found["decimals"] or "").rstrip("0").ljust(2, "0")
    if len(cents) > 2:
        raise ValueError(f"{written!r} has parts of a cent")
    whole, hundredths = _whole(found["whole"]), int(cents)
    minus: list[Spoken] = [Word.MINUS] if found["minus"] == "-" else []
    if language is Language.ENGLISH:
        return [*minus, *_english_amount(whole, hundredths, currency)]
    return [*minus, *_chinese_amount(whole, hundredths, currency, language)]


def _chinese_amount(whole: int, hundredths: int, currency: str, language: Language) -> list[Spoken]:
    """Yuan, jiao and fen; 零 stands for jiao that are left out between the two others."""
    name: list[Spoken] = [CURRENCY_NAMES[currency]] if currency in CURRENCY_NAMES else []
    jiao, fen = divmod(hundredths, 10)
    spoken: list[Spoken] = []
    if whole or not hundredths:
        spoken += [*quantity(whole, language), Word.YUAN]
    if jiao:
        spoken += [*(cardinal(jiao, language) if spoken else quantity(jiao, language)), Word.JIAO]
    elif fen and spoken:
        spoken.append("0")
    if fen:
        spoken += [*(cardinal(fen, language) if spoken else quantity(fen, language)), Word.FEN]
    return [*name, *spoken]


def _english_amount(whole: int, hundredths: int, currency: str) -> list[Spoken]:
    (one, more), (one_part, more_parts) = ENGLISH_UNITS[currency]
    spoken: list[Spoken] = []
    if whole or not hundredths:
        spoken += [*cardinal(whole, Language.ENGLISH), one if whole == 1 else more]
    if spoken and hundredths:
        spoken.append(Word.AND)
    if hundredths:
        spoken += [*cardinal(hundredths, Language.ENGLISH), one_part if hundredths == 1 else more_parts]
    return spoken


# --- dates, times and durations --------------------------------------------------------------------------------


def _date(written: str, language: Language) -> tuple[PromptKey, ...]:
    found = _DATE.fullmatch(written)
    if found is None:
        raise ValueError(f"{written!r} is not a date as in 2026-10-01")
    day = date(int(found[1]), int(found[2]), int(found[3]))
    month, month_day = month_key(day.month, language), month_day_key(day.day, language)
    if language is Language.ENGLISH:
        return (month, month_day, *keys(_english_year(day.year), language))
    return (*keys([*decimals(found[1]), Word.YEAR], language), month, month_day)


def _english_year(year: int) -> list[Spoken]:
    """Two halves, but for the first decade of a century, and for its first year."""
    century, rest = divmod(year, 100)
    if century % 10 == 0 and rest < 10:
        return cardinal(year, Language.ENGLISH)
    if rest == 0:
        return [*cardinal(century, Language.ENGLISH), Word.HUNDRED]
    gap: list[Spoken] = [Word.OH] if rest < 10 else []
    return [*cardinal(century, Language.ENGLISH), *gap, *cardinal(rest, Language.ENGLISH)]


def _time(written: str, language: Language) -> list[Spoken]:
    found = _TIME.fullmatch(written)
    if found is None:
        raise ValueError(f"{written!r} is not a time as in 15:05")
    hour, minute = int(found[4]), int(found[5])
    if hour > 23 or minute > 59:
        raise ValueError(f"{written!r} is not a time of day")
    part = next(word for end_hour, word in DAY_PARTS if hour < end_hour)
    gap: list[Spoken] = [Word.OH] if 0 < minute < 10 else []
    minutes = [*gap, *cardinal(minute, language)] if minute else []
    if language is Language.ENGLISH:
        if part is Word.NOON and minute:
            part = Word.AFTERNOON
        return [*cardinal(hour % 12 or 12, language), *minutes, part]
    spoken: list[Spoken] = [part, *quantity(hour - 12 if hour > 12 else hour, language), Word.OCLOCK]
    return [*spoken, *minutes, Word.PAST] if minutes else spoken


def _duration(written: str, language: Language) -> list[Spoken]:
    rest = _seconds(written)
    spoken: list[Spoken] = []
    for unit_s, one, more in DURATION_UNITS:
        count, rest = divmod(rest, unit_s)
        if count or (unit_s == 1 and not spoken):
            spoken += [*quantity(count, language), one if count == 1 else more]
    return spoken


def _seconds(written: str) -> int:
    plain = _SECONDS.fullmatch(written)
    period = _PERIOD.fullmatch(written)
    if plain is not None:
        seconds = int(plain[1])
    elif period is not None:
        seconds = sum(int(n or 0) * unit[0] for n, unit in zip(period.groups(), DURATION_UNITS, strict=True))
    else:
        raise ValueError(f"{written!r} is not a number of seconds, nor a duration as in PT3M5S")
    if seconds >= (DAYS_MAX + 1) * DURATION_UNITS[0][0]:
        raise ValueError(f"{written!r} is more than {DAYS_MAX} days")
    return seconds
