"""Converts figures in a recogniser's text into the words that may have been spoken."""

import re
from itertools import product

Readings = tuple[str, ...]
"""What one row of figures may stand for, the usual reading first; Mandarin in characters, English in words."""

_PARTS = re.compile(
    r"(?P<currency>HK\$|US\$|[$¥￥£€])?(?P<whole>\d[\d,]*)(?:\.(?P<decimals>\d+))?(?P<clock>(?::\d\d)*)"
    r"(?P<ordinal>st|nd|rd|th)?(?P<percent>%)?\s?(?P<unit>元|块|yuan|dollars?)?"
)
HOURS = 24
_CARDINAL_DIGITS_MAX = 12
"""Longer rows of digits are not read as numbers."""

# --- Mandarin --------------------------------------------------------------------------------------------------

HAN_DIGITS = "零一二三四五六七八九"
_HAN_PLACES = ("", "十", "百", "千")
_HAN_GROUPS = ("", "万", "亿")
_HAN_CURRENCIES = {"HK$": "港币", "US$": "美元", "$": "美元", "£": "英镑", "€": "欧元"}


def chinese_figures(figures: str) -> Readings:
    """What `figures` may stand for in Mandarin: `128.05元` is an amount, or a number with 元 behind it."""
    found = _found(figures)
    whole, fraction = found["whole"].replace(",", ""), found["decimals"]
    if found["clock"]:
        return _chinese_clock([whole, *found["clock"].split(":")[1:]])
    behind = found["unit"] or ("元" if found["currency"] else "")
    before = _HAN_CURRENCIES.get(found["currency"] or "", "")
    percent = "百分之" if found["percent"] else ""
    point = f"点{_han_digits(fraction)}" if fraction else ""
    readings = [f"{before}{percent}{number}{point}{behind}" for number in _chinese_rows(whole)]
    if fraction and not behind and int(whole) < HOURS and len(fraction) == 2 and fraction[0] in "12345":
        readings += _chinese_clock([whole, fraction])  # 11.59 is 十一点五九, or 十一点五十九
    if fraction and behind and len(fraction) <= 2:
        readings += [f"{before}{amount}" for amount in _chinese_amounts(whole, fraction.ljust(2, "0"), behind)]
    return tuple(readings)


def _chinese_rows(digits: str) -> list[str]:
    """As a number, and digit by digit."""
    one_by_one = _han_digits(digits)
    if len(digits) > _CARDINAL_DIGITS_MAX or (digits[0] == "0" and len(digits) > 1):
        return [one_by_one]
    number = chinese_cardinal(int(digits))
    short = number.removeprefix("一") if number.startswith("一十") else number
    return list(dict.fromkeys((short, number, one_by_one)))


def _chinese_amounts(whole: str, cents: str, unit: str) -> list[str]:
    jiao, fen = int(cents[0]), int(cents[1])
    parts = f"{HAN_DIGITS[jiao]}角" if jiao else "零" if fen else ""
    parts += f"{HAN_DIGITS[fen]}分" if fen else ""
    main = f"{chinese_cardinal(int(whole))}{unit}" if int(whole) else ""
    return [main + parts, main + parts.removeprefix("零") if not main else main + parts]


def _chinese_clock(parts: list[str]) -> Readings:
    hour = chinese_cardinal(int(parts[0])).replace("一十", "十")
    minute = parts[1]
    if minute == "00":
        return (f"{hour}点", f"{hour}点整", f"{hour}点零分")
    words = chinese_cardinal(int(minute)).replace("一十", "十")
    gap = "零" if minute[0] == "0" else ""
    return (f"{hour}点{gap}{words}分", f"{hour}点{gap}{words}", f"{hour}点{words}分")


def chinese_cardinal(number: int) -> str:
    """A whole number below 10 to the 12th in characters; 10 is 一十."""
    if number == 0:
        return "零"
    words = ""
    for place in (2, 1, 0):
        group = number // 10_000**place % 10_000
        if group == 0:
            continue
        is_gap = bool(words) and (group < 1000 or number // 10_000 ** (place + 1) % 10_000 == 0)
        words += ("零" if is_gap else "") + _chinese_group(group) + _HAN_GROUPS[place]
    return words


def _chinese_group(group: int) -> str:
    words = ""
    for place in (3, 2, 1, 0):
        digit = group // 10**place % 10
        if digit:
            words += HAN_DIGITS[digit] + _HAN_PLACES[place]
        elif words and group % 10**place and not words.endswith("零"):
            words += "零"
    return words


def _han_digits(digits: str) -> str:
    return "".join(HAN_DIGITS[int(digit)] for digit in digits)


# --- English ---------------------------------------------------------------------------------------------------

ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_GROUPS = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"))
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}
_CURRENCIES = {
    "HK$": ("hong kong dollars", "cents"),
    "US$": ("u s dollars", "cents"),
    "$": ("dollars", "cents"),
    "¥": ("yuan", "fen"),
    "￥": ("yuan", "fen"),
    "£": ("pounds", "pence"),
    "€": ("euros", "cents"),
    "yuan": ("yuan", "fen"),
    "dollars": ("dollars", "cents"),
    "dollar": ("dollar", "cents"),
}


def english_figures(figures: str) -> Readings:
    """What `figures` may stand for in English: `1905` is a number, a year, a time, or four digits."""
    found = _found(figures)
    whole, fraction = found["whole"].replace(",", ""), found["decimals"]
    if found["clock"]:
        return _english_clock([whole, *found["clock"].split(":")[1:]])
    if found["ordinal"]:
        return tuple(_ordinal(number) for number in _english_cardinals(whole))
    rows = _english_rows(whole)
    point = f" point {_english_digits(fraction)}" if fraction else ""
    percent = " percent" if found["percent"] else ""
    money = _CURRENCIES.get(found["currency"] or found["unit"] or "")
    if money is None:
        return tuple(f"{row}{point}{percent}" for row in rows)
    unit, part = money
    singular = unit.removesuffix("s") if whole == "1" else unit
    readings = [f"{row}{point} {name}" for row in rows for name in dict.fromkeys((singular, unit))]
    if fraction and len(fraction) == 2:
        cents = f"{english_cardinal(int(fraction))} {part.removesuffix('s') if fraction == '01' else part}"
        main = [f"{row} {singular}" for row in rows]
        readings += [f"{row}{gap}{cents}" for row, gap in product(main, (" and ", " "))] + [cents]
    return tuple(readings)


def _english_rows(digits: str) -> list[str]:
    """As a number with and without `and`, in pairs as a year or a time, and digit by digit."""
    rows = [*_english_cardinals(digits), _english_digits(digits)]
    if len(digits) in (3, 4) and digits[0] != "0":
        first, last = digits[:-2], digits[-2:]
        rest = (
            "hundred" if last == "00" else f"zero {ONES[int(last)]}" if last[0] == "0" else english_cardinal(int(last))
        )
        rows.append(f"{english_cardinal(int(first))} {rest}")
    return list(dict.fromkeys(rows))


def _english_cardinals(digits: str) -> list[str]:
    if len(digits) > _CARDINAL_DIGITS_MAX or (digits[0] == "0" and len(digits) > 1):
        return []
    number = english_cardinal(int(digits))
    return list(dict.fromkeys((number, number.replace(" and ", " "))))


def english_cardinal(number: int) -> str:
    """A whole number below 10 to the 12th in words, with the `and` of British English."""
    words: list[str] = []
    for unit, name in _GROUPS:
        group, number = divmod(number, unit)
        if group:
            words += [*_english_group(group), name]
    if number or not words:
        words += [*(["and"] if words and number < 100 else []), *_english_group(number)]
    return " ".join(words)


def _english_group(group: int) -> list[str]:
    hundreds, rest = divmod(group, 100)
    words = [ONES[hundreds], "hundred"] if hundreds else []
    if words and rest:
        words.append("and")
    if rest >= len(ONES):
        words += [TENS[rest // 10], *([ONES[rest % 10]] if rest % 10 else [])]
    elif rest or not hundreds:
        words.append(ONES[rest])
    return words


def _ordinal(cardinal: str) -> str:
    before, _, last = cardinal.rpartition(" ")
    if last == "twelve":
        ordinal = "twelfth"
    elif last.endswith("y"):
        ordinal = f"{last.removesuffix('y')}ieth"
    else:
        ordinal = _ORDINALS.get(last, f"{last}th")
    return f"{before} {ordinal}".strip()


def _english_clock(parts: list[str]) -> Readings:
    hour, minute = english_cardinal(int(parts[0])), parts[1]
    if minute == "00":
        return (hour, f"{hour} o'clock", f"{hour} hundred")
    words = english_cardinal(int(minute))
    return (f"{hour} zero {words}", f"{hour} {words}") if minute[0] == "0" else (f"{hour} {words}",)


def _english_digits(digits: str) -> str:
    return " ".join(ONES[int(digit)] for digit in digits)


def _found(figures: str) -> re.Match[str]:
    found = _PARTS.fullmatch(figures)
    if found is None:
        raise ValueError(f"{figures!r} is not a row of figures")
    return found
