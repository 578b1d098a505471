"""The words of values as text: what the clips of single words say, for sentences that are spoken as a whole.

`config/prompts/system.toml` has the same words as clips, for houses that record them; a test compares the two.
"""

from collections.abc import Mapping, Sequence

from acdcore.ivr.model.flow import Language
from acdcore.ivr.model.system_prompts import Word
from acdcore.ivr.reading.cardinals import PAUSE, Month, MonthDay, Spoken

WORDS: Mapping[Word, tuple[str, str, str]] = {
    Word.TWO: ("两", "兩", "two"),
    Word.HUNDRED: ("百", "百", "hundred"),
    Word.THOUSAND: ("千", "千", "thousand"),
    Word.TEN_THOUSAND: ("万", "萬", "ten thousand"),
    Word.MILLION: ("百万", "百萬", "million"),
    Word.HUNDRED_MILLION: ("亿", "億", "hundred million"),
    Word.BILLION: ("十亿", "十億", "billion"),
    Word.MINUS: ("负", "負", "minus"),
    Word.POINT: ("点", "點", "point"),
    Word.AND: ("和", "同", "and"),
    Word.YUAN: ("元", "元", "yuan"),
    Word.JIAO: ("角", "毫", "jiao"),
    Word.FEN: ("分", "分", "fen"),
    Word.HKD: ("港元", "港幣", "Hong Kong dollars"),
    Word.HKD_ONE: ("港元", "港幣", "Hong Kong dollar"),
    Word.HKD_CENTS: ("港仙", "仙", "cents"),
    Word.USD: ("美元", "美元", "US dollars"),
    Word.USD_ONE: ("美元", "美元", "US dollar"),
    Word.CENTS: ("美分", "美仙", "cents"),
    Word.CENT: ("美分", "美仙", "cent"),
    Word.YEAR: ("年", "年", "year"),
    Word.SMALL_HOURS: ("凌晨", "凌晨", "a.m."),
    Word.EARLY: ("早上", "朝早", "a.m."),
    Word.MORNING: ("上午", "上晝", "a.m."),
    Word.NOON: ("中午", "中午", "noon"),
    Word.AFTERNOON: ("下午", "下晝", "p.m."),
    Word.EVENING: ("晚上", "夜晚", "p.m."),
    Word.OCLOCK: ("点", "點", "o'clock"),
    Word.PAST: ("分", "分", "minutes past"),
    Word.OH: ("零", "零", "oh"),
    Word.DAYS: ("天", "日", "days"),
    Word.DAY: ("天", "日", "day"),
    Word.HOURS: ("小时", "個鐘頭", "hours"),
    Word.HOUR: ("小时", "個鐘頭", "hour"),
    Word.MINUTES: ("分钟", "分鐘", "minutes"),
    Word.MINUTE: ("分钟", "分鐘", "minute"),
    Word.SECONDS: ("秒", "秒", "seconds"),
    Word.SECOND: ("秒", "秒", "second"),
}
"""Each in Mandarin, Cantonese and English."""
CHINESE_ONES = "零一二三四五六七八九"
YAO = "幺"
"""One in Mandarin, where digits are read one by one."""
ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
    *("eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth"),
    *("nineteenth", "twentieth"),
)
COLUMNS = {Language.MANDARIN: 0, Language.CANTONESE: 1, Language.ENGLISH: 2}
DAY_SIGNS = {Language.MANDARIN: "日", Language.CANTONESE: "號"}


def text(spoken: Sequence[Spoken], language: Language) -> str:
    """The words of a value in a row, as one would write them out: Chinese together, English apart."""
    if language is not Language.ENGLISH:
        return "".join("；" if each == PAUSE else _chinese(each, language) for each in spoken)
    written = ""
    before: Spoken = PAUSE
    for each in spoken:
        if each == PAUSE:
            written += ","
        else:
            is_compound = isinstance(before, int) and before >= 20 and isinstance(each, int) and each < 10
            gap = "-" if is_compound else " "
            written += (gap if written else "") + _english(each)
        before = each
    return written


def ordinal(number: int) -> str:
    """An English ordinal from 1 to 99."""
    if number <= len(ORDINALS):
        return ORDINALS[number - 1]
    tens, ones = divmod(number, 10)
    return f"{TENS[tens]}-{ORDINALS[ones - 1]}" if ones else f"{TENS[tens].removesuffix('y')}ieth"


def _chinese(spoken: Spoken, language: Language) -> str:
    match spoken:
        case Word():
            return WORDS[spoken][COLUMNS[language]]
        case Month(number):
            return f"{_chinese(number, language)}月"
        case MonthDay(number):
            return f"{_chinese_count(number)}{DAY_SIGNS[language]}"
        case int():
            return _chinese_count(spoken)
        case _:
            return YAO if spoken == "1" and language is Language.MANDARIN else CHINESE_ONES[int(spoken)]


def _chinese_count(count: int) -> str:
    """A number below a hundred, as in one clip."""
    tens, ones = divmod(count, 10)
    if not tens:
        return CHINESE_ONES[ones]
    return (CHINESE_ONES[tens] if tens > 1 else "") + "十" + (CHINESE_ONES[ones] if ones else "")


def _english(spoken: Spoken) -> str:
    match spoken:
        case Word():
            return WORDS[spoken][COLUMNS[Language.ENGLISH]]
        case Month(number):
            return MONTHS[number - 1]
        case MonthDay(number):
            return ordinal(number)
        case int():
            return ONES[spoken] if spoken < len(ONES) else TENS[spoken // 10]
        case _:
            return ONES[int(spoken)]
