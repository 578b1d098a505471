"""Values read aloud, compared as the text that the prompts of the file say."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.ivr.files.system_prompts import read_system
from acdcore.ivr.model.flow import Language, PromptKey, Text
from acdcore.ivr.model.kinds import ReadAs
from acdcore.ivr.model.system_prompts import Word, word_key
from acdcore.ivr.reading.cardinals import CARDINAL_MAX, cardinal, speak_cardinal, speak_quantity
from acdcore.ivr.reading.digit_groups import WHOLE_MAX, grouped
from acdcore.ivr.reading.values import read, spoken_value
from acdcore.ivr.reading.wording import WORDS, text

CMN, YUE, EN = Language.MANDARIN, Language.CANTONESE, Language.ENGLISH
FILE = Path(__file__).parents[3] / "config" / "prompts" / "system.toml"
TEXTS = {request.key: request.source.text for request in read_system(FILE).requests if isinstance(request.source, Text)}


def in_clips(keys: tuple[PromptKey, ...]) -> str:
    """The texts of the prompts in a row: English words apart, Chinese ones together."""
    texts = [TEXTS[key] for key in keys]
    return (" " if keys[0].language is EN else "").join(texts)


GROUPS = [
    ("13800138000", "138 0013 8000"),
    ("+8613800138000", "86 138 0013 8000"),
    ("008613800138000", "00 86 138 0013 8000"),
    ("+86 13800138000", "86 138 0013 8000"),
    ("02088880000", "020 8888 0000"),
    ("075526331234", "0755 2633 1234"),
    ("07552633123", "0755 263 3123"),
    ("+8675526331234", "86 755 2633 1234"),
    ("755-2633 1234", "755 2633 1234"),
    ("4008001234", "400 800 1234"),
    ("23456789", "2345 6789"),
    ("+85223456789", "852 2345 6789"),
    ("1001", "1001"),
    ("95588", "95588"),
    ("880001", "880 001"),
    ("8800012", "880 0012"),
    ("123456789", "123 456 789"),
    ("440301202610012", "440 3012 0261 0012"),
    ("1 3 8 0 0", "13800"),
]


@pytest.mark.parametrize(("written", "groups"), GROUPS)
def test_digits_are_grouped_as_people_say_them(written: str, groups: str) -> None:
    assert " ".join(grouped(written)) == groups


@given(st.text(alphabet="0123456789 -/()+.", max_size=30))
def test_grouping_loses_no_digit_and_makes_no_group_too_long(written: str) -> None:
    groups = grouped(written)
    assert "".join(groups) == "".join(char for char in written if char.isdigit())
    assert all(0 < len(group) <= WHOLE_MAX for group in groups)


NUMBERS = [
    (0, "零", "零", "zero"),
    (1, "一", "一", "one"),
    (2, "二", "二", "two"),
    (10, "十", "十", "ten"),
    (12, "十二", "十二", "twelve"),
    (19, "十九", "十九", "nineteen"),
    (20, "二十", "二十", "twenty"),
    (21, "二十一", "二十一", "twenty one"),
    (99, "九十九", "九十九", "ninety nine"),
    (100, "一百", "一百", "one hundred"),
    (101, "一百零一", "一百零一", "one hundred and one"),
    (110, "一百一十", "一百一十", "one hundred and ten"),
    (112, "一百一十二", "一百一十二", "one hundred and twelve"),
    (200, "两百", "二百", "two hundred"),
    (222, "两百二十二", "二百二十二", "two hundred and twenty two"),
    (1000, "一千", "一千", "one thousand"),
    (1001, "一千零一", "一千零一", "one thousand and one"),
    (1010, "一千零一十", "一千零一十", "one thousand and ten"),
    (1100, "一千一百", "一千一百", "one thousand one hundred"),
    (1101, "一千一百零一", "一千一百零一", "one thousand one hundred and one"),
    (2000, "两千", "二千", "two thousand"),
    (2002, "两千零二", "二千零二", "two thousand and two"),
    (2222, "两千二百二十二", "二千二百二十二", "two thousand two hundred and twenty two"),
    (10_000, "一万", "一萬", "ten thousand"),
    (10_001, "一万零一", "一萬零一", "ten thousand and one"),
    (10_010, "一万零一十", "一萬零一十", "ten thousand and ten"),
    (10_050, "一万零五十", "一萬零五十", "ten thousand and fifty"),
    (10_500, "一万零五百", "一萬零五百", "ten thousand five hundred"),
    (15_000, "一万五千", "一萬五千", "fifteen thousand"),
    (20_000, "两万", "兩萬", "twenty thousand"),
    (22_000, "两万二千", "兩萬二千", "twenty two thousand"),
    (20_002, "两万零二", "兩萬零二", "twenty thousand and two"),
    (100_000, "十万", "十萬", "one hundred thousand"),
    (100_010, "十万零一十", "十萬零一十", "one hundred thousand and ten"),
    (101_000, "十万一千", "十萬一千", "one hundred and one thousand"),
    (120_000, "十二万", "十二萬", "one hundred and twenty thousand"),
    (1_000_010, "一百万零一十", "一百萬零一十", "one million and ten"),
    (10_010_000, "一千零一万", "一千零一萬", "ten million ten thousand"),
    (10_101_010, "一千零一十万一千零一十", "一千零一十萬一千零一十", ""),
    (20_000_000, "两千万", "二千萬", "twenty million"),
    (100_000_000, "一亿", "一億", "one hundred million"),
    (100_000_001, "一亿零一", "一億零一", "one hundred million and one"),
    (100_002_000, "一亿零二千", "一億零二千", "one hundred million two thousand"),
    (100_020_000, "一亿零二万", "一億零二萬", "one hundred million twenty thousand"),
    (200_000_000, "两亿", "兩億", "two hundred million"),
    (1_234_567_890, "十二亿三千四百五十六万七千八百九十", "十二億三千四百五十六萬七千八百九十", ""),
    (1_000_000_000, "十亿", "十億", "one billion"),
    (
        999_999_999_999,
        "九千九百九十九亿九千九百九十九万九千九百九十九",
        "九千九百九十九億九千九百九十九萬九千九百九十九",
        "nine hundred and ninety nine billion nine hundred and ninety nine million "
        "nine hundred and ninety nine thousand nine hundred and ninety nine",
    ),
]


@pytest.mark.parametrize(("number", "mandarin", "cantonese", "english"), NUMBERS)
def test_whole_numbers_are_said_as_they_are_spoken(number: int, mandarin: str, cantonese: str, english: str) -> None:
    for language, wanted in ((CMN, mandarin), (YUE, cantonese), (EN, english)):
        if wanted:
            assert in_clips(speak_cardinal(number, language)) == wanted
            assert text(cardinal(number, language), language).replace("-", " ") == wanted


VALUES = [
    (ReadAs.DIGITS, "1002", "幺零零二", "一零零二", "one zero zero two"),
    (ReadAs.DIGITS, "13800138000", "幺三八；零零幺三；八零零零", "一三八；零零一三；八零零零", ""),
    (ReadAs.DIGITS, "+86 755-26", "八六；七五五；二六", "", "eight six, seven five five, two six"),
    (ReadAs.NUMBER, "-3", "负三", "負三", "minus three"),
    (ReadAs.NUMBER, "+3", "三", "三", "three"),
    (ReadAs.NUMBER, "007", "七", "七", "seven"),
    (ReadAs.NUMBER, "3.14", "三点一四", "三點一四", "three point one four"),
    (ReadAs.NUMBER, "-0.50", "负零点五零", "負零點五零", "minus zero point five zero"),
    (ReadAs.NUMBER, "2.2", "二点二", "二點二", "two point two"),
    (ReadAs.NUMBER, " 1,234,567 ", "一百二十三万四千五百六十七", "", ""),
    (ReadAs.MONEY, "0", "零元", "零元", "zero yuan"),
    (ReadAs.MONEY, "1", "一元", "一元", "one yuan"),
    (ReadAs.MONEY, "2", "两元", "兩元", "two yuan"),
    (ReadAs.MONEY, "12", "十二元", "十二元", "twelve yuan"),
    (ReadAs.MONEY, "128.50", "一百二十八元五角", "一百二十八元五毫", "one hundred and twenty-eight yuan and fifty fen"),
    (ReadAs.MONEY, "128.5", "一百二十八元五角", "一百二十八元五毫", "one hundred and twenty-eight yuan and fifty fen"),
    (ReadAs.MONEY, "100.05", "一百元零五分", "一百元零五分", "one hundred yuan and five fen"),
    (ReadAs.MONEY, "12.34", "十二元三角四分", "十二元三毫四分", "twelve yuan and thirty-four fen"),
    (ReadAs.MONEY, "2.22", "两元二角二分", "兩元二毫二分", "two yuan and twenty-two fen"),
    (ReadAs.MONEY, "0.20", "两角", "兩毫", "twenty fen"),
    (ReadAs.MONEY, "0.02", "两分", "兩分", "two fen"),
    (ReadAs.MONEY, "-5.00", "负五元", "負五元", "minus five yuan"),
    (ReadAs.MONEY, "¥20000", "两万元", "兩萬元", "twenty thousand yuan"),
    (ReadAs.MONEY, "1 HKD", "一港元", "港幣一元", "one Hong Kong dollar"),
    (ReadAs.MONEY, "HK$1,280.10", "一千二百八十港元十港仙", "港幣一千二百八十元一毫", ""),
    (ReadAs.MONEY, "HK$0.25", "二十五港仙", "港幣兩毫五仙", "twenty-five cents"),
    (ReadAs.MONEY, "HK$2.05", "两港元零五港仙", "港幣兩元零五仙", "two Hong Kong dollars and five cents"),
    (ReadAs.MONEY, "USD 3.01", "三美元零一美分", "三美元零一美仙", "three US dollars and one cent"),
    (ReadAs.MONEY, "0.25 USD", "二十五美分", "二十五美仙", "twenty-five cents"),
    (ReadAs.MONEY, "0.02 USD", "两美分", "兩美仙", "two cents"),
    (ReadAs.MONEY, "3.000", "三元", "三元", "three yuan"),
    (ReadAs.DATE, "2026-10-01", "二零二六年十月一日", "二零二六年十月一號", "October first, twenty twenty-six"),
    (ReadAs.DATE, "2011-02-22", "二零一一年二月二十二日", "", "February twenty-second, twenty eleven"),
    (ReadAs.DATE, "2000-12-31", "二零零零年十二月三十一日", "", "December thirty-first, two thousand"),
    (ReadAs.DATE, "2005-05-20", "", "二零零五年五月二十號", "May twentieth, two thousand and five"),
    (ReadAs.DATE, "1905-01-03", "一九零五年一月三日", "", "January third, nineteen oh five"),
    (ReadAs.DATE, "1900-03-30", "", "", "March thirtieth, nineteen hundred"),
    (ReadAs.DATE, "2026-10-01T23:59:59Z", "二零二六年十月一日", "", ""),
    (ReadAs.DATE, "2026-10-01 08:00", "二零二六年十月一日", "", ""),
    (ReadAs.TIME, "00:00", "凌晨零点", "凌晨零點", "twelve a.m."),
    (ReadAs.TIME, "00:30", "凌晨零点三十分", "凌晨零點三十分", "twelve thirty a.m."),
    (ReadAs.TIME, "02:00", "凌晨两点", "凌晨兩點", "two a.m."),
    (ReadAs.TIME, "04:59", "凌晨四点五十九分", "凌晨四點五十九分", ""),
    (ReadAs.TIME, "05:00", "早上五点", "朝早五點", "five a.m."),
    (ReadAs.TIME, "8:59", "早上八点五十九分", "朝早八點五十九分", "eight fifty-nine a.m."),
    (ReadAs.TIME, "9:05", "上午九点零五分", "上晝九點零五分", "nine oh five a.m."),
    (ReadAs.TIME, "12:00", "中午十二点", "中午十二點", "twelve noon"),
    (ReadAs.TIME, "12:10", "中午十二点十分", "中午十二點十分", "twelve ten p.m."),
    (ReadAs.TIME, "14:02", "下午两点零二分", "下晝兩點零二分", "two oh two p.m."),
    (ReadAs.TIME, "15:15:59", "下午三点十五分", "下晝三點十五分", "three fifteen p.m."),
    (ReadAs.TIME, "23:59", "晚上十一点五十九分", "夜晚十一點五十九分", "eleven fifty-nine p.m."),
    (ReadAs.TIME, "2026-10-01T18:00:00.25+08:00", "晚上六点", "夜晚六點", "six p.m."),
    (ReadAs.DURATION, "0", "零秒", "零秒", "zero seconds"),
    (ReadAs.DURATION, "1", "一秒", "一秒", "one second"),
    (ReadAs.DURATION, "122", "两分钟两秒", "兩分鐘兩秒", "two minutes two seconds"),
    (ReadAs.DURATION, "185.9", "三分钟五秒", "三分鐘五秒", "three minutes five seconds"),
    (ReadAs.DURATION, "7200", "两小时", "兩個鐘頭", "two hours"),
    (
        ReadAs.DURATION,
        "90061",
        "一天一小时一分钟一秒",
        "一日一個鐘頭一分鐘一秒",
        "one day one hour one minute one second",
    ),
    (ReadAs.DURATION, "PT3M5S", "三分钟五秒", "三分鐘五秒", "three minutes five seconds"),
    (ReadAs.DURATION, "P2DT12H", "两天十二小时", "兩日十二個鐘頭", "two days twelve hours"),
    (ReadAs.DURATION, "PT90M", "一小时三十分钟", "", "one hour thirty minutes"),
]


@pytest.mark.parametrize(("kind", "value", "mandarin", "cantonese", "english"), VALUES)
def test_values_are_said_as_whole_texts(kind: ReadAs, value: str, mandarin: str, cantonese: str, english: str) -> None:
    for language, wanted in ((CMN, mandarin), (YUE, cantonese), (EN, english)):
        if wanted:
            assert spoken_value(value, kind, language) == wanted


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, value, *_ in VALUES])
@pytest.mark.parametrize("language", Language)
def test_clips_of_a_value_say_the_same_words_as_its_text(kind: ReadAs, value: str, language: Language) -> None:
    whole = spoken_value(value, kind, language).replace("；", "").replace(",", "").replace("-", " ")
    assert in_clips(read(value, kind, language)).replace("-", " ") == whole


def test_words_of_texts_are_those_of_the_clips() -> None:
    for word in Word:
        for column, language in enumerate((CMN, YUE, EN)):
            assert TEXTS[word_key(word, language)] == WORDS[word][column]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((kind, value) for kind in ReadAs for value in ("", "abc", "一百", "１２", "1\n2", "9" * 40, "1e5")),
        (ReadAs.DIGITS, "粤B12345"),
        (ReadAs.DIGITS, "-"),
        (ReadAs.NUMBER, "1234567890123"),
        (ReadAs.NUMBER, "1,23"),
        (ReadAs.NUMBER, "1."),
        (ReadAs.NUMBER, "--1"),
        (ReadAs.NUMBER, "1.1234567"),
        (ReadAs.MONEY, "1.005"),
        (ReadAs.MONEY, "5 EUR"),
        (ReadAs.MONEY, "CNY 5 CNY"),
        (ReadAs.DATE, "2026-02-30"),
        (ReadAs.DATE, "2026-13-01"),
        (ReadAs.DATE, "01.10.2026"),
        (ReadAs.DATE, "2026-10-01 soon"),
        (ReadAs.TIME, "24:00"),
        (ReadAs.TIME, "12:60"),
        (ReadAs.TIME, "12"),
        (ReadAs.DURATION, "P"),
        (ReadAs.DURATION, "PT"),
        (ReadAs.DURATION, "-5"),
        (ReadAs.DURATION, "P1000D"),
    ],
)
def test_what_is_not_of_its_kind_is_refused(kind: ReadAs, value: str) -> None:
    for language in Language:
        with pytest.raises(ValueError):
            read(value, kind, language)
        with pytest.raises(ValueError):
            spoken_value(value, kind, language)


def test_two_before_what_is_counted_is_a_pair_in_chinese_only() -> None:
    assert [in_clips(speak_quantity(2, language)) for language in (CMN, YUE, EN)] == ["两", "兩", "two"]
    assert [in_clips(speak_quantity(12, language)) for language in (CMN, YUE, EN)] == ["十二", "十二", "twelve"]


@pytest.mark.parametrize("number", [-1, CARDINAL_MAX + 1])
def test_number_without_words_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="beyond"):
        speak_cardinal(number, EN)


CHINESE_DIGITS = {text: value for value, text in enumerate("零一二三四五六七八九")} | {"两": 2}
CHINESE_UNITS = {"十": 10, "百": 100, "千": 1000}


def chinese_value(text: str) -> int:
    """Read a Chinese number back, by the rules of its writing and nothing else."""
    total = group = digit = 0
    for char in text:
        if char in CHINESE_DIGITS:
            digit = CHINESE_DIGITS[char]
        elif char in CHINESE_UNITS:
            group += (digit or 1) * CHINESE_UNITS[char]
            digit = 0
        else:
            total += (group + digit) * (10**8 if char == "亿" else 10**4)
            group = digit = 0
    return total + group + digit


ENGLISH_VALUES = {TEXTS[key]: int(key.name.rpartition("-")[2]) for key in TEXTS if "count-" in key.name}
ENGLISH_GROUPS = {"thousand": 1000, "million": 10**6, "billion": 10**9}


def english_value(text: str) -> int:
    total = group = 0
    for word in text.split():
        if word in ENGLISH_GROUPS:
            total, group = total + group * ENGLISH_GROUPS[word], 0
        elif word == "hundred":
            group *= 100
        elif word not in ("and", "zero"):
            group += ENGLISH_VALUES[word]
    return total + group


@given(st.integers(0, CARDINAL_MAX) | st.integers(0, 12).flatmap(lambda n: st.integers(0, 99).map(lambda d: d * 10**n)))
def test_every_number_can_be_understood_again(number: int) -> None:
    number = min(number, CARDINAL_MAX)
    mandarin = in_clips(speak_cardinal(number, CMN))
    assert chinese_value(mandarin) == number
    assert english_value(in_clips(speak_cardinal(number, EN))) == number
    assert "零零" not in mandarin
    assert number == 0 or not mandarin.endswith("零")
    assert len(speak_cardinal(number, YUE)) == len(speak_cardinal(number, CMN))


@given(st.text(max_size=20), st.sampled_from(ReadAs), st.sampled_from(Language))
def test_any_text_is_read_with_prompts_that_exist_or_refused(value: str, kind: ReadAs, language: Language) -> None:
    try:
        keys = read(value, kind, language)
    except ValueError:
        return
    assert keys
    assert set(keys) <= TEXTS.keys()
    assert spoken_value(value, kind, language)
