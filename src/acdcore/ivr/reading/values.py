"""Values read aloud: digits, numbers, money, dates, times and durations as one text each, and as clips of single words.

    kind        written                                       Mandarin                      English
    digits      13800138000, +86 755-2633 1234                幺三八；零零幺三；八零零零    one three eight, zero zero…
    number      -1,234.5; 12 digits before the point          负一千二百三十四点五          minus one thousand two…
    money       128.05, 128.05 HKD, USD 3, ¥2                 一百二十八元零五分            … yuan and five fen
    date        2026-10-01, also with a time behind it        二零二六年十月一日            October first, twenty…
    time        15:05, 15:05:30, also with a date before it   下午三点零五分                three oh five p.m.
    duration    185, PT3M5S (ISO 8601)                        三分钟五秒                    three minutes five seconds

Money without a currency is CNY. Seconds of a time and parts of a second are left out. A time is read as it is written:
its zone is not looked at. The text is what an engine speaks in one breath; the clips are for where there is no engine,
where it is too slow, and where a call centre has recorded the words.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import assert_never

from acdcore.ivr.model.flow import Language, PromptKey
from acdcore.ivr.model.kinds import ReadAs
from acdcore.ivr.model.system_prompts import Word
from acdcore.ivr.reading.announcements import DIGITS_MAX
from acdcore.ivr.reading.cardinals import PAUSE, Month, MonthDay, Spoken, cardinal, decimals, keys, quantity
from acdcore.ivr.reading.digit_groups import SEPARATORS, grouped
from acdcore.ivr.reading.wording import text

DAYS_MAX = 999
"""The longest duration: nobody counts years in seconds."""

_NUMBER = r"(?P<minus>[+-]?)(?P<whole>[0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.(?P<decimals>[0-9]{1,6}))?"
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


@dataclass(frozen=True, slots=True)
class Money:
    """How Chinese says an amount."""

    before: Word | None
    """The currency's name before it."""
    unit: Word
    tenth: Word | None
    """None: hundredths are counted together."""
    hundredth: Word


YUAN = Money(None, Word.YUAN, Word.JIAO, Word.FEN)
DOLLARS = Money(None, Word.USD, None, Word.CENTS)
CHINESE_MONEY = {
    ("CNY", Language.MANDARIN): YUAN,
    ("CNY", Language.CANTONESE): YUAN,
    ("HKD", Language.MANDARIN): Money(None, Word.HKD, None, Word.HKD_CENTS),
    ("HKD", Language.CANTONESE): Money(Word.HKD, Word.YUAN, Word.JIAO, Word.HKD_CENTS),
    ("USD", Language.MANDARIN): DOLLARS,
    ("USD", Language.CANTONESE): DOLLARS,
}
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
DAY_PARTS = (
    (5, Word.SMALL_HOURS),
    (9, Word.EARLY),
    (12, Word.MORNING),
    (13, Word.NOON),
    (18, Word.AFTERNOON),
    (24, Word.EVENING),
)
"""The hour before which each ends."""


def read(value: str, kind: ReadAs, language: Language) -> tuple[PromptKey, ...]:
    """The clips that say `value`. Raises ValueError when it is not what `kind` asks for, or out of range."""
    return keys(value_parts(value, kind, language), language)


def spoken_value(value: str, kind: ReadAs, language: Language) -> str:
    """The text that says `value` as a whole. Raises ValueError likewise."""
    return text(value_parts(value, kind, language), language)


def value_parts(value: str, kind: ReadAs, language: Language) -> list[Spoken]:
    """The words that say `value`, with the pauses between them. Raises ValueError likewise."""
    written = value.strip()
    match kind:
        case ReadAs.DIGITS:
            return _digits(written)
        case ReadAs.NUMBER:
            return _number(written, language)
        case ReadAs.MONEY:
            return _money(written, language)
        case ReadAs.DATE:
            return _date(written, language)
        case ReadAs.TIME:
            return _time(written, language)
        case ReadAs.DURATION:
            return _duration(written, language)
        case _:
            assert_never(kind)


def in_groups(groups: tuple[str, ...]) -> list[Spoken]:
    """Digits one by one, with a pause between groups."""
    words: list[Spoken] = []
    for group in groups:
        words += [*([PAUSE] if words else []), *group]
    return words


def _digits(written: str) -> list[Spoken]:
    if _DIGITS.fullmatch(SEPARATORS.sub("", written)) is None:
        raise ValueError(f"{written!r} is not 1 to {DIGITS_MAX} digits")
    return in_groups(grouped(written))


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
    """Whole units, tenths and hundredths; 零 stands for tenths that are left out between the two others."""
    money = CHINESE_MONEY[currency, language]
    tenths, rest = divmod(hundredths, 10) if money.tenth is not None else (0, hundredths)
    words: list[Spoken] = []
    if whole or not hundredths:
        words += [*quantity(whole, language), money.unit]
    if tenths and money.tenth is not None:
        words += [*(cardinal(tenths, language) if words else quantity(tenths, language)), money.tenth]
    elif 0 < rest < 10 and words:
        words.append("0")
    if rest:
        words += [*(cardinal(rest, language) if words else quantity(rest, language)), money.hundredth]
    return [*([money.before] if money.before is not None else []), *words]


def _english_amount(whole: int, hundredths: int, currency: str) -> list[Spoken]:
    (one, more), (one_part, more_parts) = ENGLISH_UNITS[currency]
    words: list[Spoken] = []
    if whole or not hundredths:
        words += [*cardinal(whole, Language.ENGLISH), one if whole == 1 else more]
    if words and hundredths:
        words.append(Word.AND)
    if hundredths:
        words += [*cardinal(hundredths, Language.ENGLISH), one_part if hundredths == 1 else more_parts]
    return words


# --- dates, times and durations --------------------------------------------------------------------------------


def _date(written: str, language: Language) -> list[Spoken]:
    found = _DATE.fullmatch(written)
    if found is None:
        raise ValueError(f"{written!r} is not a date as in 2026-10-01")
    day = date(int(found[1]), int(found[2]), int(found[3]))
    if language is Language.ENGLISH:
        return [Month(day.month), MonthDay(day.day), PAUSE, *_english_year(day.year)]
    return [*decimals(found[1]), Word.YEAR, Month(day.month), MonthDay(day.day)]


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
    words: list[Spoken] = [part, *quantity(hour - 12 if hour > 12 else hour, language), Word.OCLOCK]
    return [*words, *minutes, Word.PAST] if minutes else words


def _duration(written: str, language: Language) -> list[Spoken]:
    rest = _seconds(written)
    words: list[Spoken] = []
    for unit_s, one, more in DURATION_UNITS:
        count, rest = divmod(rest, unit_s)
        if count or (unit_s == 1 and not words):
            words += [*quantity(count, language), one if count == 1 else more]
    return words


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
