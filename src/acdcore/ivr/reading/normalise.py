"""Text as an engine is to read it: plates, numbers, money, dates, times, units and abbreviations in words.

    written                 Mandarin                        Cantonese                   English
    京A·12345               京A，幺二三四五                 京A，一二三四五
    13800138000             幺三八；零零幺三；八零零零      一三八；零零一三，…         one three eight, zero zero…
    1,234.5                 一千二百三十四点五              一千二百三十四點五          one thousand two hundred…
    ¥128.05                 一百二十八元零五分              一百二十八元零五分          … yuan and five fen
    15:05, 9:00-21:00       下午三点零五分                  下晝三點零五分              three oh five p.m.
    2026-10-01              二零二六年十月一日              …十月一號                   October first, twenty…
    35%, 5km, Q3            百分之三十五，五公里            …                           five kilometres
    VIP, SMS                V I P，S M S                    V I P                       V I P

Letters that are spelt stand apart, as capitals, for an engine to say by their English names. What no rule knows stays
as it is. No digit is lost, and what has been through here comes out of it again unchanged: each rule takes digits or
joined letters away, and the rules are gone through until none of them finds anything.
"""

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache, partial

from acdcore.ivr.model.flow import Language
from acdcore.ivr.model.kinds import ReadAs
from acdcore.ivr.model.system_prompts import Word
from acdcore.ivr.reading import written_forms as forms
from acdcore.ivr.reading.cardinals import CARDINAL_MAX, Month, Spoken, cardinal, decimals, quantity
from acdcore.ivr.reading.digit_groups import SEPARATORS, grouped
from acdcore.ivr.reading.values import DAY_PARTS, in_groups, spoken_value
from acdcore.ivr.reading.wording import COLUMNS, MONTHS, ordinal
from acdcore.ivr.reading.wording import text as in_words

Say = Callable[[re.Match[str], Language], str]
Rule = tuple[re.Pattern[str], Say]
"""What is looked for, and what is said for it; what it cannot say it gives back as it was."""

PASSES_MAX = 8
"""Two are enough for what people write; no text can keep this busy."""
KEPT_MAX = 4096
"""Texts whose reading is remembered: those of a configuration, which each start, check and reload reads twice."""
NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
START = r"(?<![\d.,])"
"""No digit stands before it."""
END = r"(?![\d]|[.,]\d)"
_CLOCK = r"(\d{1,2})[:：](\d{2})(?:[:：](\d{2}))?(?!\d)"
_MONTH = "|".join(MONTHS) + "|" + forms.MONTHS_SHORT
_WIDE = {ord("０") + place: ord("0") + place for place in range(10)} | {
    ord(wide) + place: ord(narrow) + place for wide, narrow in (("Ａ", "A"), ("ａ", "a")) for place in range(26)
}
_WIDE[ord("＄")] = ord("$")
"""Letters, digits and the dollar as Chinese typography has them."""


@lru_cache(KEPT_MAX)
def normalise(text: str, language: Language) -> str:
    """The text with everything in words that is written in figures; what no rule knows stays as it is."""
    text = text.translate(_WIDE)
    for _ in range(PASSES_MAX):
        before = text
        for pattern, say in RULES[language]:
            text = pattern.sub(partial(_said, say, language), text)
        if text == before:
            break
    return text


def _said(say: Say, language: Language, found: re.Match[str]) -> str:
    """What is said, apart from the words around it."""
    whole = say(found, language)
    if whole == found[0]:
        return whole
    before, after = found.string[: found.start()][-1:], found.string[found.end() :][:1]
    return (" " if _meet(before, whole[:1]) else "") + whole + (" " if _meet(whole[-1:], after) else "")


def _meet(one: str, other: str) -> bool:
    """Whether two signs would make one word."""
    return all(sign.isascii() and sign.isalnum() for sign in (one, other) if sign) and bool(one and other)


def _form(columns: forms.Forms, language: Language) -> str:
    return columns[COLUMNS[language]]


# --- digits and numbers ----------------------------------------------------------------------------------------


def digits(written: str, language: Language) -> str:
    """Digits one by one, in groups."""
    return in_words(in_groups(grouped(written)), language)


def number_in_words(written: str, language: Language, *, is_counting: bool = False) -> str:
    """A number with commas and decimals; `is_counting`: before what is counted."""
    whole, _, fraction = written.replace(",", "").partition(".")
    behind: list[Spoken] = [Word.POINT, *decimals(fraction)] if fraction else []
    if int(whole) > CARDINAL_MAX:
        return in_words([*in_groups(grouped(whole)), *behind], language)
    is_quantity = is_counting and not fraction
    return in_words([*(quantity if is_quantity else cardinal)(int(whole), language), *behind], language)


def _digits(found: re.Match[str], language: Language) -> str:
    return digits(found[0], language)


def _telephone(found: re.Match[str], language: Language) -> str:
    """Groups with separators between them, when they are as many digits as a telephone number has."""
    return digits(found[0], language) if len(SEPARATORS.sub("", found[0])) >= 7 else found[0]


def _after_word(found: re.Match[str], language: Language) -> str:
    return found[1] + digits(found[2], language)


def _number(found: re.Match[str], language: Language) -> str:
    minus = in_words([Word.MINUS], language) + _gap(language) if found[1] else ""
    return minus + number_in_words(found[2], language)


def _counted(found: re.Match[str], language: Language) -> str:
    return number_in_words(found[1], language, is_counting=True) + found[2]


def _range(found: re.Match[str], language: Language) -> str:
    low, high = number_in_words(found[1], language), number_in_words(found[2], language)
    return f"{low}{_form(forms.TO, language)}{high}" if _gap(language) == "" else f"{low} to {high}"


def _dotted(found: re.Match[str], language: Language) -> str:
    """A version, an address of a computer: numbers with points between them."""
    gap, point = _gap(language), in_words([Word.POINT], language)
    return f"{gap}{point}{gap}".join(number_in_words(part, language) for part in found[0].split("."))


def _version(found: re.Match[str], language: Language) -> str:
    """Numbers with points between letters, as of an engine or of a program."""
    before, figures, after = found[1], found[2], found[3]
    if not before and not after:
        return found[0]
    gap, point = _gap(language), in_words([Word.POINT], language)
    parts = figures.split(".")
    whole = (
        number_in_words(figures, language)
        if len(parts) == 2
        else f"{gap}{point}{gap}".join(number_in_words(p, language) for p in parts)
    )
    return " ".join(filter(None, (_run(before, language), whole, _run(after, language))))


def _few(found: re.Match[str], language: Language) -> str:
    """What no other rule took: one or two digits are counted, more are read out."""
    written = found[0]
    return number_in_words(written, language) if len(written) <= 2 and written[0] != "0" else digits(written, language)


def _fraction(found: re.Match[str], language: Language) -> str:
    part, whole = int(found[1]), int(found[2])
    if part >= whole:
        return found[0]
    return in_words(cardinal(whole, language), language) + "分之" + in_words(cardinal(part, language), language)


def _percent(found: re.Match[str], language: Language) -> str:
    said_number = number_in_words(found[2], language)
    whole = _form(forms.PERCENT, language).format(said_number)
    return in_words([Word.MINUS], language) + _gap(language) + whole if found[1] else whole


def _percents(found: re.Match[str], language: Language) -> str:
    """From one share to another."""
    form, low, high = (
        _form(forms.PERCENT, language),
        number_in_words(found[1], language),
        number_in_words(found[2], language),
    )
    if language is Language.ENGLISH:
        return form.format(f"{low} to {high}")
    return form.format(low) + _form(forms.TO, language) + form.format(high)


def _gap(language: Language) -> str:
    return " " if language is Language.ENGLISH else ""


# --- plates, codes and letters ---------------------------------------------------------------------------------


def spelt(code: str, language: Language) -> str:
    """Letters and digits one by one."""
    runs = re.findall(r"\d+|[A-Za-z]", code)
    return " ".join(digits(run, language) if run[0].isdigit() else run.upper() for run in runs)


def _plate(found: re.Match[str], language: Language) -> str:
    return f"{found[1]}{found[2]}{', ' if language is Language.ENGLISH else '，'}{spelt(found[3], language)}"


def _letters_and_digits(found: re.Match[str], language: Language) -> str:
    """A plate of Hong Kong, a flight."""
    return f"{spelt(found[1], language)} {digits(found[2], language)}"


def _code(found: re.Match[str], language: Language) -> str:
    """Letters and digits together: a number of an order, a kind of network."""
    runs = re.findall(r"\d+|[A-Z]+(?![a-z])|[A-Za-z]+", found[0])
    return " ".join(_run(run, language) for run in runs)


def _run(run: str, language: Language) -> str:
    if not run[:1].isdigit():
        return " ".join(run) if run.isupper() else run
    is_count = len(run) <= 2 and run[0] != "0"
    return number_in_words(run, language) if is_count else digits(run, language)


def _letters(found: re.Match[str], language: Language) -> str:
    abbreviation = found[0]
    is_word = language is Language.ENGLISH and abbreviation not in forms.SPELT and re.search("[AEIOUY]", abbreviation)
    return abbreviation if is_word else " ".join(abbreviation)


def _word(found: re.Match[str], language: Language) -> str:
    said_word = _form(forms.WORDS[found[0]], language)
    return said_word if found[0] != "&" or language is not Language.ENGLISH else f" {said_word} "


# --- money and units -------------------------------------------------------------------------------------------


def _money(found: re.Match[str], language: Language) -> str:
    """An amount with its currency before it or behind it."""
    minus, before, amount, after = found["minus"] or found["inner"], found["before"], found["amount"], found["after"]
    large = (found["large"] or "").strip()
    sign = before or after or ""
    if not sign:
        return found[0]
    currency = forms.SIGNS.get(sign, sign)
    if sign == "元":
        currency = "CNY"
    plain = amount.replace(",", "")
    part = plain.partition(".")[2]
    is_dollar = sign == "$" and language is not Language.CANTONESE  # there it is the house's own
    known = "USD" if is_dollar else currency if currency in ("CNY", "HKD", "USD") else ""
    is_exact = not large and len(part.rstrip("0")) <= 2 and len(plain.partition(".")[0]) <= 12
    negative = in_words([Word.MINUS], language) + _gap(language) if minus else ""
    if known and is_exact and len(part) <= 6:
        whole = spoken_value(f"{plain} {known}", ReadAs.MONEY, language)
        return negative + (whole.replace("US dollar", "dollar") if sign == "$" else whole)
    unit = _form(forms.OTHER_MONEY.get(currency, forms.OTHER_MONEY["$"]), language)
    if language is Language.ENGLISH and amount == "1" and not large:
        unit = unit.removesuffix("s")
    words = (number_in_words(amount, language, is_counting=True), forms.LARGE_ENGLISH.get(large.lower(), large), unit)
    return negative + _gap(language).join(filter(None, words))


def _unit(found: re.Match[str], language: Language) -> str:
    minus, amount, unit = found[1], found[2], _form(forms.UNITS[found[3]], language)
    if language is Language.ENGLISH and amount == "1":
        unit = unit.replace("degrees", "degree") if "degree" in unit else re.sub(r"s(?= per|$)", "", unit, count=1)
    said_number = number_in_words(amount, language, is_counting=True)
    negative = in_words([Word.MINUS], language) + _gap(language) if minus else ""
    gap = _gap(language) or (" " if unit.isascii() else "")
    return f"{negative}{said_number}{gap}{unit}"


# --- dates and times -------------------------------------------------------------------------------------------


def _date(found: re.Match[str], language: Language) -> str:
    try:
        day = date(int(found[1]), int(found[3]), int(found[4]))
    except ValueError:
        return found[0]
    return spoken_value(day.isoformat(), ReadAs.DATE, language)


def _moment(found: re.Match[str], language: Language) -> str:
    """A date and a time as programs write them (ISO 8601), as it is written: its zone is not looked at."""
    try:
        whole = (spoken_value(found[1], ReadAs.DATE, language), spoken_value(found[2], ReadAs.TIME, language))
    except ValueError:
        return found[0]
    return (", " if language is Language.ENGLISH else "").join(whole)


def _year_and_month(found: re.Match[str], language: Language) -> str:
    """2026-10."""
    year, month = found[1], Month(int(found[2]))
    if language is Language.ENGLISH:
        return f"{in_words([month], language)} {year_in_english(int(year))}"
    return in_words([*decimals(year), Word.YEAR, month], language)


def _year(found: re.Match[str], language: Language) -> str:
    """2026年, and 2024款: what was made for that year."""
    return in_words(decimals(found[1]), language) + found[2]


def _english_year(found: re.Match[str], language: Language) -> str:
    return found[1] + year_in_english(int(found[2]))


def year_in_english(year: int) -> str:
    """As years are said: two halves."""
    return spoken_value(f"{year:04d}-01-01", ReadAs.DATE, Language.ENGLISH).partition(", ")[2]


def _month_first(found: re.Match[str], language: Language) -> str:
    """October 1, 2026."""
    return f"{_month(found[1])} {_day(found[2])}" + (f", {year_in_english(int(found[3]))}" if found[3] else "")


def _day_first(found: re.Match[str], language: Language) -> str:
    """1 October 2026."""
    year = f", {year_in_english(int(found[3]))}" if found[3] else ""
    return f"the {_day(found[1])} of {_month(found[2])}{year}"


def _month(name: str) -> str:
    return next(month for month in MONTHS if month.startswith(name[:3]))


def _day(written: str) -> str:
    return (
        ordinal(int(written))
        if 0 < int(written) < 100
        else in_words(cardinal(int(written), Language.ENGLISH), Language.ENGLISH)
    )


def _ordinal(found: re.Match[str], language: Language) -> str:
    hundreds, rest = divmod(int(found[1]), 100)
    if not hundreds:
        return ordinal(rest) if rest else found[0]
    whole = in_words(cardinal(hundreds, language), language) + " hundred"
    return f"{whole} and {ordinal(rest)}" if rest else f"{whole}th"


def _quarter(found: re.Match[str], language: Language) -> str:
    """Q3, 2026Q3 and Q3 2026."""
    year, which = found[1] or found[3], int(found[2])
    if language is Language.ENGLISH:
        whole = f"the {ordinal(which)} quarter"
        return f"{whole} of {year_in_english(int(year))}" if year else whole
    named = _form(forms.QUARTER, language).format(in_words(cardinal(which, language), language))
    return (in_words([*decimals(year), Word.YEAR], language) if year else "") + named


def _time(found: re.Match[str], language: Language) -> str:
    whole = clock_in_words(found["hour"], found["minute"], found["second"], found["part"] or "", language)
    return whole if whole is not None else found[0]


def _times(found: re.Match[str], language: Language) -> str:
    """From one time to another."""
    ends = [
        clock_in_words(
            found[f"hour{end}"], found[f"minute{end}"], found[f"second{end}"], found[f"part{end}"] or "", language
        )
        for end in ("", "2")
    ]
    if ends[0] is None or ends[1] is None:
        return found[0]
    gap = _gap(language)
    return f"{ends[0]}{gap}{_form(forms.TO, language)}{gap}{ends[1]}"


def _hour(found: re.Match[str], language: Language) -> str:
    """5 pm."""
    return f"{number_in_words(found[1], language)} {found[2].lower()}.m."


def _hours(found: re.Match[str], language: Language) -> str:
    """9am-5pm."""
    ends = (f"{number_in_words(found[at], language)} {found[at + 1].lower()}.m." for at in (1, 3))
    return " to ".join(ends)


def clock_in_words(hour: str, minute: str, second: str | None, part: str, language: Language) -> str | None:
    """A time of day; `part` is what stands with it already, 下午 or pm. None when it is no time."""
    hours, minutes, seconds = int(hour), int(minute), int(second or 0)
    if hours > 24 or minutes > 59 or seconds > 59 or (hours == 24 and (minutes or seconds)):
        return None
    if language is Language.ENGLISH:
        return _english_clock(hours, minutes, seconds if second else None, part)
    named = part or ("" if hours == 24 else in_words([_part_of(hours)], language))
    said_hours = hours - 12 if 12 < hours < 24 else hours
    words: list[Spoken] = [*quantity(said_hours, language), Word.OCLOCK]
    if minutes or second:
        words += [*(["0"] if minutes < 10 else []), *(cardinal(minutes, language) if minutes else []), Word.PAST]
    if second:
        words += [*(["0"] if 0 < seconds < 10 else []), *cardinal(seconds, language), Word.SECONDS]
    return named + in_words(words, language)


def _english_clock(hours: int, minutes: int, seconds: int | None, part: str) -> str:
    half = f"{part[0].lower()}.m." if part else "a.m." if hours % 24 < 12 else "p.m."
    words: list[Spoken] = [*cardinal(hours % 12 or 12, Language.ENGLISH)]
    if minutes:
        words += [*([Word.OH] if minutes < 10 else []), *cardinal(minutes, Language.ENGLISH)]
    if seconds is not None:
        words += [Word.AND, *cardinal(seconds, Language.ENGLISH), Word.SECOND if seconds == 1 else Word.SECONDS]
    if hours == 12 and not minutes and seconds is None and not part:
        return "twelve noon"
    return f"{in_words(words, Language.ENGLISH)} {half}"


def _part_of(hour: int) -> Word:
    return next(word for end_hour, word in DAY_PARTS if hour < end_hour)


# --- the rules, in the order in which they are tried -----------------------------------------------------------


def _rules(*rules: tuple[str, Say]) -> tuple[Rule, ...]:
    return tuple((re.compile(pattern, re.ASCII), say) for pattern, say in rules)


def _clock_pattern(end: str, language: Language) -> str:
    part = rf"(?:(?P<part{end}>{forms.DAY_PARTS})\s*)?" if language is not Language.ENGLISH else ""
    half = rf"(?:\s?(?P<part{end}>[AaPp])\.?[Mm]\b\.?)?" if language is Language.ENGLISH else ""
    figures = rf"(?P<hour{end}>\d{{1,2}})[:：](?P<minute{end}>\d{{2}})(?:[:：](?P<second{end}>\d{{2}}))?(?![\d:：])"
    return rf"{part}(?<![\d:：]){figures}{half}"


_MINUS = r"(?<![A-Za-z\d%％℃°)）零一二三四五六七八九十百千万亿萬億幺])-"
"""A sign, and no dash between two things."""
_TO = r"[-–—~～至到]"
_SIGN = r"HK\$|US\$|[¥￥€£$]|\b(?:RMB|CNY|HKD|USD|EUR|GBP)(?![A-Za-z])"
_MOMENT = (
    rf"{START}(\d{{4}}-\d{{2}}-\d{{2}})T(\d{{2}}:\d{{2}})(?::\d{{2}}(?:\.\d+)?)?(?:Z|[+-]\d{{2}}:?\d{{2}})?(?![\d:])"
)
_HOUR = r"(1[0-2]|0?[1-9])\s?([AaPp])\.?[Mm]"
_UNITS = "|".join(sorted(map(re.escape, forms.UNITS), key=len, reverse=True))
_PLATE = rf"([{forms.PLATES}])([A-Z])[·・•.\- ]?(?=[A-Z]*\d)([A-Z0-9]{{5,6}})(?![A-Za-z0-9])"


def _money_pattern(language: Language) -> str:
    large = r" ?(?:thousand|million|billion|trillion)\b|(?:[KkMm]|[Bb]n?)(?![A-Za-z0-9])"
    return (
        rf"(?P<minus>{_MINUS})?(?:(?P<before>{_SIGN}) ?(?P<inner>-)?)?{START}(?P<amount>{NUMBER}){END}"
        rf"(?P<large>{large if language is Language.ENGLISH else '[万亿萬億]'})?(?: ?(?P<after>{_SIGN}|元))?"
    )


def _for(language: Language) -> tuple[Rule, ...]:
    is_english = language is Language.ENGLISH
    english_dates = (
        (rf"\b({_MONTH})\.? (\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,? (\d{{4}})\b)?", _month_first),
        (rf"(?<![\d.,/:-])(\d{{1,2}})(?:st|nd|rd|th)? ({_MONTH})\b\.?(?:,? (\d{{4}})\b)?", _day_first),
        (r"(?<![\d.,])(\d{1,3})(?:st|nd|rd|th)\b", _ordinal),
        (rf"(?<![\d.,:]){_HOUR}\.?\s?{_TO}\s?{_HOUR}\b\.?", _hours),
        (rf"(?<![\d.,:]){_HOUR}\b\.?", _hour),
        (r"(\b[Ii]n |\b[Ss]ince |\b[Oo]f |\b[Uu]ntil )((?:19|20)\d{2})(?![\d%]|[.,]\d|\s?[A-Za-z])", _english_year),
    )
    chinese_dates = (
        (rf"{START}([12]\d{{3}})(年)", _year),
        (rf"{START}((?:19|20)\d{{2}})(款)", _year),
        (rf"{START}\d{{3,4}}(?=室|[号號]房|房(?![间間]))", _digits),
        (rf"{START}(\d{{1,3}})/(\d{{1,3}})(?![\d/])", _fraction),
    )
    after_word = rf"(?i:({forms.NUMBERED_ENGLISH}))" if is_english else rf"({forms.NUMBERED})"
    return _rules(
        (_PLATE, _plate),
        (_MOMENT, _moment),
        (rf"{START}(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){END}", _date),
        (rf"{START}((?:19|20)\d{{2}})[-/](0[1-9]|1[0-2])(?![\d/-]|[.,]\d)月?", _year_and_month),
        (rf"{_clock_pattern('', language)}\s?{_TO}\s?{_clock_pattern('2', language)}", _times),
        (_clock_pattern("", language), _time),
        (r"(?<![A-Za-z\d])(?:([12]\d{3})年? ?)?Q([1-4])(?: ([12]\d{3}))?(?![A-Za-z\d])", _quarter),
        *(english_dates if is_english else chinese_dates),
        (_money_pattern(language), _money),
        (rf"{START}({NUMBER})[%％]?{_TO}({NUMBER}){END} ?[%％]", _percents),
        (rf"({_MINUS})?{START}({NUMBER}){END} ?[%％]", _percent),
        (rf"({_MINUS})?{START}({NUMBER}){END} ?({_UNITS})(?![A-Za-z²³/])", _unit),
        (r"(?<![\d.,+A-Za-z-])\+?\(?\d{1,4}\)?(?:[ -]\d{2,8}){1,4}(?![\d.,-]*\d)", _telephone),
        (r"(?<![A-Za-z\d])\+\d{6,}", _digits),
        (rf"{after_word}(\d{{3,}})(?![\d.,]*\d|[A-Za-z])", _after_word),
        (r"(?<![\d.,A-Za-z])\d+(?:\.\d+){2,}(?![\d.]*\d|[A-Za-z])", _dotted),
        (r"(?<![A-Za-z0-9])([A-Z]{2}) (\d{3,4})(?![\d.,]*\d|[A-Za-z])", _letters_and_digits),
        (r"(?<![A-Za-z0-9.,])([A-Za-z]*)(\d+(?:\.\d+)+)([A-Za-z]*)(?![A-Za-z0-9]|[.,]\d)", _version),
        (r"(?<![A-Za-z0-9])(?=[A-Za-z0-9]*[A-Za-z])(?=[A-Za-z0-9]*\d)[A-Za-z0-9]+", _code),
        (rf"{START}({forms.HOTLINES})(?![\d.,]*\d|{forms.MEASURES})", _digits),
        (rf"{START}0\d+{END}", _digits),
        (rf"{START}\d{{7,}}(?![\d.,]*\d|[万亿萬億]|{forms.MEASURES})", _digits),
        (rf"{START}({NUMBER}){_TO}({NUMBER}){END}(?![-\d])", _range),
        *(() if is_english else ((rf"(?<![\d.,第]){START}({NUMBER}){END} ?({forms.MEASURES})", _counted),)),
        (rf"({_MINUS})?{START}({NUMBER}){END}", _number),
        (r"\d+", _few),
        (r"(?<![A-Za-z'])(?:APP|App|app)(?![A-Za-z'])|&", _word),
        (r"(?<![A-Za-z'])[A-Z]{2,6}(?![A-Za-z'])", _letters),
    )


RULES = {language: _for(language) for language in Language}
