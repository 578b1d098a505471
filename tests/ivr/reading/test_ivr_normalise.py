"""Texts with figures in them, as they are said."""

import re
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acdcore.ivr.model.flow import Language
from acdcore.ivr.reading.normalise import normalise
from acdcore.ivr.reading.wording import MONTHS, ONES, ORDINALS, TENS

CMN, YUE, EN = Language.MANDARIN, Language.CANTONESE, Language.ENGLISH

CHINESE = [
    # plates and codes
    ("车牌京A·12345的车主", "车牌京A，幺二三四五的车主", "车牌京A，一二三四五的车主"),
    ("粤B·D12345", "粤B，D 幺二三四五", "粤B，D 一二三四五"),
    ("粤BD12345。", "粤B，D 幺二三四五。", ""),
    ("AB 1234", "A B 幺二三四", "A B 一二三四"),
    ("A12345", "A 幺二三四五", "A 一二三四五"),
    ("5G网络", "五 G网络", ""),
    ("AB12-345", "A B 十二-三百四十五", ""),
    ("2.0T，V2.1.3", "二点零 T，V 二点一点三", "二點零 T，V 二點一點三"),
    ("1202室，302房，2间房", "幺二零二室，三零二房，两间房", "一二零二室，三零二房，兩间房"),
    # telephone numbers, orders and members
    ("请拨打13800138000", "请拨打幺三八；零零幺三；八零零零", "请拨打一三八；零零一三；八零零零"),
    ("0755-26331234或400-800-1234", "零七五五；二六三三；幺二三四或四零零；八零零；幺二三四", ""),
    ("+86 755-2633 1234", "八六；七五五；二六三三；幺二三四", ""),
    ("+85223456789", "八五二；二三四五；六七八九", "八五二；二三四五；六七八九"),
    ("订单号20261001123456789", "订单号二零二；六幺零；零幺幺；二三四五；六七八九", ""),
    ("验证码是1024", "验证码是幺零二四", ""),
    ("會員號碼：880001", "會員號碼：八八零；零零幺", "會員號碼：八八零；零零一"),
    ("工号1001为您服务", "工号幺零零幺为您服务", ""),
    ("95588和12345热线", "九五五八八和幺二三四五热线", ""),
    # numbers
    ("1,234.5", "一千二百三十四点五", "一千二百三十四點五"),
    ("共10000000人", "共一千万人", ""),
    ("2个，12个，2.5个，第2个", "两个，十二个，二点五个，第二个", "兩个，十二个，二點五个，第二个"),
    ("您目前排在第3位", "您目前排在第三位", ""),
    ("2号线，2楼，2位", "二号线，二楼，两位", ""),
    ("2万，2亿，12万，2年，2年级", "两万，两亿，十二万，两年，二年级", "兩万，兩亿，十二万，兩年，二年级"),
    ("10050万，10050积分", "一万零五十万，一万零五十积分", ""),
    ("1,2,3", "一,二,三", ""),
    ("-3，0.5，007", "负三，零点五，零零七", "負三，零點五，零零七"),
    ("3/4", "四分之三", "四分之三"),
    ("1.2.3版本", "一点二点三版本", ""),
    ("3-5个工作日", "三到五个工作日", "三至五个工作日"),
    ("优惠35%，5%-10%", "优惠百分之三十五，百分之五到百分之十", ""),
    # money
    ("¥128.05", "一百二十八元零五分", "一百二十八元零五分"),
    ("HK$128.05", "一百二十八港元零五港仙", "港幣一百二十八元零五仙"),
    ("USD 3.25", "三美元二十五美分", "三美元二十五美仙"),
    ("1,234.50元", "一千二百三十四元五角", "一千二百三十四元五毫"),
    ("¥5万，5万元，€20", "五万元，五万元，二十欧元", ""),
    ("-5元", "负五元", "負五元"),
    ("¥-5，-¥5，＄5", "负五元，负五元，五美元", "負五元，負五元，五元"),
    ("2美元，2万美元", "两美元，两万美元", ""),
    # dates and times
    ("2026-10-01", "二零二六年十月一日", "二零二六年十月一號"),
    ("2026/10/1 15:05", "二零二六年十月一日 下午三点零五分", ""),
    ("2026-10-01T15:05:00+08:00", "二零二六年十月一日下午三点零五分", "二零二六年十月一號下晝三點零五分"),
    ("2026-10-01T15:05:30.123Z。", "二零二六年十月一日下午三点零五分。", ""),
    ("2026-10账单，2026/09，2024款", "二零二六年十月账单，二零二六年九月，二零二四款", ""),
    ("10月1日，2026年2月2号", "十月一日，二零二六年二月二号", ""),
    ("9:00-21:00", "上午九点到晚上九点", "上晝九點至夜晚九點"),
    ("上午9:00至下午5:30", "上午九点到下午五点三十分", ""),
    ("早上9：00", "早上九点", ""),
    ("15:05:30，24:00，10点05分", "下午三点零五分三十秒，二十四点，十点零五分", ""),
    ("2026年Q3，Q4", "二零二六年第三季度，第四季度", "二零二六年第三季，第四季"),
    # units and letters
    ("5km，2kg，-3℃，500MB", "五公里，两公斤，负三摄氏度，五百兆", "五公里，兩公斤，負三攝氏度，五百 M B"),
    ("10GB流量，80km/h", "十 G B流量，八十公里每小时", ""),
    ("请下载APP，VIP客户，SMS", "请下载A P P，V I P客户，S M S", ""),
    ("２０２６年１０月，ＶＩＰ", "二零二六年十月，V I P", ""),
]


@pytest.mark.parametrize(("written", "mandarin", "cantonese"), CHINESE)
def test_figures_in_chinese_are_said_as_people_say_them(written: str, mandarin: str, cantonese: str) -> None:
    assert normalise(written, CMN) == mandarin
    if cantonese:
        assert normalise(written, YUE) == cantonese


ENGLISH = [
    ("Call 13800138000.", "Call one three eight, zero zero one three, eight zero zero zero."),
    ("+86 755 2633 1234", "eight six, seven five five, two six three three, one two three four"),
    ("Order number 1024, room 1001", "Order number one zero two four, room one zero zero one"),
    ("1,234.5", "one thousand two hundred and thirty-four point five"),
    ("Press 1. Then 12.", "Press one. Then twelve."),
    ("5-10 days", "five to ten days"),
    ("35%, 5%-10%", "thirty-five percent, five to ten percent"),
    ("¥128.05", "one hundred and twenty-eight yuan and five fen"),
    ("HK$1", "one Hong Kong dollar"),
    ("$5.50, $1,000,000", "five dollars and fifty cents, one million dollars"),
    ("$1.5 million, US$1 million.", "one point five million dollars, one million U S dollars."),
    ("$5M, €2bn, HK$3k", "five million dollars, two billion euros, three thousand Hong Kong dollars"),
    ("£1, 1 EUR, £2", "one pound, one euro, two pounds"),
    ("2026-10-01", "October first, twenty twenty-six"),
    ("2026-10-01T15:05:00+08:00", "October first, twenty twenty-six, three oh five p.m."),
    ("2026-10", "October twenty twenty-six"),
    ("9am-5pm, 9 a.m. – 5 p.m.", "nine a.m. to five p.m., nine a.m. to five p.m."),
    ("the 112th, 100th and 120th", "the one hundred and twelfth, one hundredth and one hundred and twentieth"),
    ("v2.0", "v two point zero"),
    ("since 1999. In 2026, we", "since nineteen ninety-nine. In twenty twenty-six, we"),
    ("October 1, 2026 or 3 May", "October first, twenty twenty-six or the third of May"),
    ("the 22nd, in 2026", "the twenty-second, in twenty twenty-six"),
    ("15:05, 12:00", "three oh five p.m., twelve noon"),
    ("9:00-21:00", "nine a.m. to nine p.m."),
    ("9:00 am, 3:05 p.m. or 5pm", "nine a.m., three oh five p.m. or five p.m."),
    ("15:05:01", "three oh five and one second p.m."),
    ("1km, 5km, -3℃", "one kilometre, five kilometres, minus three degrees Celsius"),
    ("Q3 2026", "the third quarter of twenty twenty-six"),
    ("VIP customer, SMS, APP, STOP", "V I P customer, S M S, app, STOP"),
    ("US dollars, R&D", "U S dollars, R and D"),
    ("A12345", "A one two three four five"),
]


@pytest.mark.parametrize(("written", "english"), ENGLISH)
def test_figures_in_english_are_said_as_people_say_them(written: str, english: str) -> None:
    assert normalise(written, EN) == english


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    "text", ["", " ", "您好，欢迎致电。", "Please hold. It's fine, isn't it?", "iPhone", "①②③", "١٢٣", "3²"[1:], "…—·"]
)
def test_what_no_rule_knows_stays_as_it_is(text: str, language: Language) -> None:
    assert normalise(text, language) == text


# --- whatever is written ---------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *("2026-10-01", "9:00-21:00", "¥128.05", "HK$", "5km", "35%", "VIP", "Q3", "京A·12345", "13800138000", "1/2"),
        *(
            "-",
            ".",
            ",",
            ":",
            "年",
            "月",
            "日",
            "个",
            "元",
            "万",
            "号码",
            " ",
            "to",
            "A",
            "app",
            "am",
            "第",
            "：",
            "$",
            "%",
        ),
    ]
)
WRITTEN = st.lists(PIECES | st.text(alphabet="0123456789", max_size=5), max_size=8).map("".join) | st.text(max_size=40)


@given(WRITTEN, st.sampled_from(Language))
def test_any_text_can_be_said_and_is_left_alone_the_second_time(text: str, language: Language) -> None:
    once = normalise(text, language)
    assert re.search("[0-9]", once) is None
    assert normalise(once, language) == once


VALUES = {"两": "2", "兩": "2", "幺": "1"} | {sign: str(value) for value, sign in enumerate("零一二三四五六七八九")}
ENGLISH_VALUES = {word: str(value) for value, word in enumerate(ONES) if value} | {
    word: str(value) for value, word in enumerate(ORDINALS, 1)
}
ENGLISH_VALUES |= {word: str(value) for value, word in enumerate(TENS) if word} | {
    f"{word.removesuffix('y')}ieth": str(value) for value, word in enumerate(TENS) if word
}
ENGLISH_VALUES |= {name: str(value) for value, name in enumerate(MONTHS, 1)}


def heard(said: str, language: Language) -> Counter[str]:
    """The digits that somebody writes down who hears it, without zeros: they are heard by their places."""
    if language is EN:
        digits = "".join(ENGLISH_VALUES.get(word, "") for word in re.findall("[A-Za-z]+", said))
    else:
        digits = "".join(VALUES.get(sign, "") for sign in re.sub("(?<![一二两兩三四五六七八九])十", "一十", said))
    return Counter(digits.replace("0", ""))


FIGURES = st.lists(
    st.text(alphabet="0123456789", min_size=1, max_size=20)
    | st.sampled_from([".", ",", "-", " ", "/", "+", "%，", "km，"]),
    min_size=1,
    max_size=9,
).map("".join)


@given(FIGURES, st.sampled_from(Language))
@example("12.5", CMN)
@example("128,05", EN)
def test_no_digit_is_lost(written: str, language: Language) -> None:
    """Of times the hour changes its digits, and of amounts the zeros behind the point; their words are told above."""
    wanted = Counter(char for char in written if char in "123456789")
    assert heard(normalise(written, language), language) == wanted


@given(
    st.sampled_from("京沪粤川"),
    st.text(alphabet="ABCDEFGH0123456789", min_size=5, max_size=6),
    st.sampled_from(Language),
)
def test_plates_are_said_sign_by_sign(province: str, rest: str, language: Language) -> None:
    said = normalise(f"{province}A·{rest}", language)
    wanted = Counter(char for char in rest if char in "123456789")
    assert heard(said, language) == wanted
    assert Counter(re.findall("[A-Z]", said)) == Counter(re.findall("[A-Z]", f"{province}A{rest}"))
