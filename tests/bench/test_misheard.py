"""What is taken for understood, and what is not."""

import pytest
from bench.figures import chinese_cardinal, chinese_figures, english_cardinal, english_figures
from bench.misheard import compare

from acdcore.ivr.model.flow import Language

pinyin = pytest.importorskip("pypinyin", reason="Mandarin is compared by pypinyin, which comes with the speech extra")


def wrong(said: str, heard: str, language: Language = Language.MANDARIN) -> tuple[int, int]:
    misheard = compare(said, heard, language)
    return misheard.edits, misheard.units


def test_homophone_is_understood_and_its_tone_counted_beside() -> None:
    misheard = compare("请按一。", "青岸 一", Language.MANDARIN)
    assert (misheard.edits, misheard.units, misheard.toned_edits) == (0, 3, 1)


@pytest.mark.parametrize(
    ("said", "heard", "edits"),
    [
        ("人工服务，请按一。", "人工服务请按七", 1),
        ("人工服务，请按一。", "人工服务请按", 1),
        ("请稍候。", "请您稍候。", 1),
        ("请稍候。", "", 3),
        ("工号", "thank you", 8),
    ],
)
def test_every_syllable_that_is_wrong_missing_or_too_much_counts(said: str, heard: str, edits: int) -> None:
    assert wrong(said, heard)[0] == edits


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("幺三八零零幺三八零零零", "13800138000"),
        ("幺三八零零幺三八零零零", "138-0013-8000"),
        ("一百二十八元零五分", "128.05元"),
        ("一百二十八元零五分", "一百二十八块零五分".replace("块", "元")),
        ("港币一百二十八元五角", "港币128.5元"),
        ("二零二六年十月一日", "2026年10月1日"),
        ("下午三点零五分", "下午3:05"),
        ("下午三点零五分", "下午3点05分"),
        ("两分钟", "2分钟"),
        ("一万零五十", "10,050"),
        ("负一千二百三十四点五", "负1234.5"),
        ("您目前排在第十二位，请稍候。", "您目前排在第12位,请稍候"),
        ("百分之二十", "20%"),
    ],
)
def test_figures_of_the_recogniser_are_what_was_said_in_words(said: str, heard: str) -> None:
    assert wrong(said, heard)[0] == 0


def test_point_between_figures_stands_for_an_hour_too() -> None:
    assert wrong("晚上十一点五十九分", "晚上11.59分")[0] == 0
    assert wrong("六十一点五十九", "61.59")[0] > 0, "there is no such hour"


@pytest.mark.parametrize(
    ("said", "heard", "edits"), [("十月一日", "10月7日", 1), ("一百二十八元", "138元", 1), ("幺三八零零", "13900", 1)]
)
def test_wrong_figure_is_wrong(said: str, heard: str, edits: int) -> None:
    assert wrong(said, heard)[0] == edits


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("three oh five P M", "3:05 p.m."),
        ("three oh five P M", "305 PM"),
        ("twelve noon", "12 noon."),
        ("October first twenty twenty-six", "October 1st, 2026"),
        ("one hundred and twenty-eight yuan and five fen", "128 yuan and 5 fen"),
        ("one hundred and twenty-eight U S dollars and five cents", "US$128.05"),
        ("one three eight zero zero one three eight zero zero zero", "138-0013-8000."),
        ("minus one thousand two hundred and thirty-four point five", "minus 1,234.5"),
        ("You are number 3 in the queue. Please hold.", "you are number three in the queue, please hold"),
        ("V I P customer", "VIP customer"),
        ("December thirty-first, twenty twenty-six", "December 31, 2026."),
        ("three thirty-eight a.m.", "338 am."),
        ("five fen", "5 FEN."),
    ],
)
def test_english_is_compared_by_words_with_figures_written_out(said: str, heard: str) -> None:
    assert wrong(said, heard, Language.ENGLISH)[0] == 0


def test_figure_stands_for_an_ordinal_behind_a_month_only() -> None:
    assert wrong("press third", "press 3", Language.ENGLISH) == (1, 2)
    assert wrong("I am", "I a.m.", Language.ENGLISH)[0] == 2


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("The wait is about two minutes.", "The weight is about to minutes"),
        ("press four", "Press for"),
        ("zero oh A C", "zero O A see"),
        ("twenty-two", "20 too"),
    ],
)
def test_english_words_that_sound_the_same_are_understood(said: str, heard: str) -> None:
    assert wrong(said, heard, Language.ENGLISH)[0] == 0


@pytest.mark.parametrize(
    ("said", "heard", "edits"),
    [
        ("please wait", "please white", 1),
        ("two yuan", "two UN", 1),
        ("press five", "press fife", 1),
        ("three", "free", 1),
    ],
)
def test_english_words_that_sound_otherwise_are_mistakes(said: str, heard: str, edits: int) -> None:
    assert wrong(said, heard, Language.ENGLISH)[0] == edits


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("You are speaking to agent one.", "You're speaking to agent one"),
        ("We'll call you back.", "We will call you back."),
        ("I am not there", "I'm not there"),
        ("You do not have to wait", "you don't have to weight"),
        ("It is our hour", "it’s our our"),
    ],
)
def test_short_form_says_the_same_as_its_words(said: str, heard: str) -> None:
    assert wrong(said, heard, Language.ENGLISH)[0] == 0


def test_other_words_than_those_of_a_short_form_are_mistakes() -> None:
    assert wrong("you are", "you were", Language.ENGLISH) == (1, 2)
    assert wrong("the caller's number", "the caller is number", Language.ENGLISH)[0] > 0


@pytest.mark.parametrize(
    ("number", "han", "english"),
    [
        (0, "零", "zero"),
        (110, "一百一十", "one hundred and ten"),
        (10_050, "一万零五十", "ten thousand and fifty"),
        (1_000_010, "一百万零一十", "one million and ten"),
        (20_002, "二万零二", "twenty thousand and two"),
        (305_000_400, "三亿零五百万零四百", "three hundred and five million four hundred"),
    ],
)
def test_whole_numbers_have_their_words(number: int, han: str, english: str) -> None:
    assert (chinese_cardinal(number), english_cardinal(number)) == (han, english)


def test_row_of_figures_keeps_all_its_readings() -> None:
    assert chinese_figures("1001") == ("一千零一", "一零零一")
    assert english_figures("1905") == (
        *("one thousand nine hundred and five", "one thousand nine hundred five"),
        *("one nine zero five", "nineteen zero five"),
    )


def test_cantonese_is_not_compared_by_a_recogniser_that_does_not_know_it() -> None:
    with pytest.raises(ValueError, match="yue"):
        compare("你好", "你好", Language.CANTONESE)
