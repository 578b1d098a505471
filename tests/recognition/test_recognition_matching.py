"""Which phrase a text sounds like: texts as whisper wrote them for words through a telephone."""

import time

import pytest
from bench.listening_words import (
    DEPARTMENTS_CMN,
    DEPARTMENTS_EN,
    OTHER_CMN,
    OTHER_EN,
    YES_NO_CMN,
    YES_NO_EN,
)

from acdcore.recognition.matching import choose
from acdcore.recognition.model import CONFIDENCE_DEFAULT, RECOGNISED_MAX, Phrase
from acdcore.recognition.recogniser import HINT_MAX, hint

pytest.importorskip("pypinyin", reason="how characters are read comes with the extra speech")
SETS = {
    ("cmn", "departments"): DEPARTMENTS_CMN,
    ("cmn", "yes_no"): YES_NO_CMN,
    ("en", "departments"): DEPARTMENTS_EN,
    ("en", "yes_no"): YES_NO_EN,
}


def best(text: str, language: str, phrases: tuple[Phrase, ...]) -> str:
    """The phrase that is taken for said; empty when none is."""
    found = choose(text, language, phrases)
    return found[0].value if found and found[0].confidence >= CONFIDENCE_DEFAULT else ""


@pytest.mark.parametrize(("language", "kind"), SETS)
def test_every_form_of_every_phrase_is_found_with_certainty(language: str, kind: str) -> None:
    phrases = SETS[language, kind]
    for phrase in phrases:
        for text in phrase.texts:
            found = choose(text, language, phrases)
            assert (found[0].value, found[0].text) == (phrase.value, text)
            assert found[0].confidence >= CONFIDENCE_DEFAULT, text


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("笑肉不温", "sales"),  # 销售部, as it was once heard without a hint
        ("請幫我轉客護服務。", "service"),
        ("我想找一下障单查询", "billing"),
        ("你好,李培部,謝謝", "claims"),
        ("道路周园", "rescue"),
        ("信帮我准采购部", "purchasing"),
        ("我想尝一下配件部", "parts"),
        ("信用他", "credit_card"),
        ("嗯那个请帮我转一下销售部谢谢", "sales"),
        ("人工人工人工", "operator"),
    ],
)
def test_mandarin_is_found_by_its_sound(written: str, meant: str) -> None:
    assert best(written, "cmn", DEPARTMENTS_CMN) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Uh, sales please.", "sales"),
        ("Sails.", "sales"),
        ("bill in", "billing"),
        ("I would like to speak to Technical Supports", "technical"),
        ("and human resources", "personnel"),
        ("repair", "repair"),
        ("Road side assistance!", "rescue"),
        ("hello, an operator, thank you", "operator"),
    ],
)
def test_english_is_found_by_its_sound(written: str, meant: str) -> None:
    assert best(written, "en", DEPARTMENTS_EN) == meant


@pytest.mark.parametrize("language", ["cmn", "en"])
@pytest.mark.parametrize("kind", ["departments", "yes_no"])
def test_what_is_none_of_the_phrases_is_not_taken_for_one(language: str, kind: str) -> None:
    others = OTHER_CMN if language == "cmn" else OTHER_EN
    assert [text for text in others if best(text, language, SETS[language, kind])] == []


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("是, 是", "yes"),
        ("对对对", "yes"),
        ("不是的", "no"),
        ("不需要", "no"),
        ("不可以", "no"),
        ("嗯，好的", "yes"),
        ("没有", "no"),
    ],
)
def test_mandarin_denial_is_no_agreement(text: str, meant: str) -> None:
    assert best(text, "cmn", YES_NO_CMN) == meant


def test_what_is_denied_was_not_said() -> None:
    phrases = (Phrase("want", ("要",)), Phrase("sales", ("销售",)))
    assert best("不要", "cmn", phrases) == ""
    assert best("not sales", "en", (Phrase("sales", ("sales",)), Phrase("legal", ("legal",)))) == ""


@pytest.mark.parametrize(
    ("text", "language", "meant"),
    [
        ("維修", "yue", "repair"),
        ("唔該維修部", "yue", "repair"),
        ("我想搵銷售", "yue", "sales"),
        ("唔係維修", "yue", ""),
        ("冇維修", "yue", ""),
        ("我唔要銷售", "yue", ""),
        ("of course not", "en", ""),
        ("of course", "en", "yes"),
        ("sales, not repair", "en", "sales"),
        ("不好意思，维修", "cmn", "repair"),
        ("我有事情要问，维修好吗", "cmn", "repair"),
        ("hello there, I have a question about sales", "en", "sales"),
    ],
)
def test_denial_is_known_in_each_language_and_politeness_is_none(text: str, language: str, meant: str) -> None:
    phrases = (
        Phrase("repair", ("维修", "維修", "維修部", "repair")),
        Phrase("sales", ("销售", "銷售", "sales")),
        Phrase("yes", ("of course",)),
    )
    assert best(text, language, phrases) == meant


def test_apology_is_no_denial() -> None:
    assert best("不好意思", "cmn", YES_NO_CMN) == ""
    assert best("不好意思，可以", "cmn", YES_NO_CMN) == "yes"


def test_longer_of_two_phrases_is_meant_when_all_of_it_was_said() -> None:
    phrases = (Phrase("sales", ("sales",)), Phrase("sales_support", ("sales support",)))
    assert best("sales support", "en", phrases) == "sales_support"
    assert best("sales", "en", phrases) == "sales"


def test_two_phrases_that_sound_alike_are_both_told_and_neither_is_sure() -> None:
    phrases = (Phrase("legal", ("法务部",)), Phrase("finance", ("财务部",)))
    found = choose("账务部", "cmn", phrases)
    assert {heard.value for heard in found} == {"legal", "finance"}
    assert found[0].confidence < CONFIDENCE_DEFAULT


def test_best_come_first_each_value_once_and_no_more_than_are_told() -> None:
    phrases = tuple(Phrase(f"line{number}", (f"line {number}", f"number {number}")) for number in range(10))
    found = choose("line five", "en", phrases)
    confidences = [heard.confidence for heard in found]
    assert found[0].value == "line5"
    assert confidences == sorted(confidences, reverse=True)
    assert len({heard.value for heard in found}) == len(found) <= RECOGNISED_MAX


@pytest.mark.parametrize("text", ["", " ", "...", "♪", "\x00", "ß" * 10, "!" * 100_000, "1" * 100_000, "是" * 100_000])
@pytest.mark.parametrize("language", ["cmn", "yue", "en"])
def test_any_text_is_answered_soon(text: str, language: str) -> None:
    began = time.process_time()
    for heard in choose(text, language, DEPARTMENTS_CMN):
        assert 0 <= heard.confidence <= 1
    assert time.process_time() - began < 2.0


def test_nothing_is_found_among_no_phrases_and_in_phrases_without_words() -> None:
    assert choose("sales", "en", ()) == ()
    assert choose("sales", "en", (Phrase("none", ()), Phrase("empty", ("", "...")))) == ()


def test_hint_has_every_phrase_before_further_forms_and_is_bounded() -> None:
    assert hint(YES_NO_EN, "en").startswith("yes, no, yeah, nope")
    assert all(phrase.texts[0] in hint(DEPARTMENTS_CMN, "cmn") for phrase in DEPARTMENTS_CMN)
    assert len(hint(tuple(Phrase(str(number), ("word " * 10,)) for number in range(100)), "en")) <= HINT_MAX + 1
    assert hint((Phrase("none", ()),), "en") == ""


def test_hint_is_a_sentence_and_has_no_single_syllables_where_there_are_longer_forms() -> None:
    assert hint(YES_NO_CMN, "cmn").startswith("是的，不是，对的，不对")
    assert hint(YES_NO_CMN, "cmn").endswith("。")
    assert not {"是", "对", "要", "行", "不", "否"} & set(hint(YES_NO_CMN, "cmn").strip("。").split("，"))
    assert hint((Phrase("yes", ("是",)), Phrase("no", ("否",))), "cmn") == "是，否。"


def test_single_syllable_needs_an_engine_that_is_sure() -> None:
    assert choose("不", "cmn", YES_NO_CMN, 0.9)[0].confidence >= CONFIDENCE_DEFAULT
    assert choose("不", "cmn", YES_NO_CMN, 0.2)[0].confidence < CONFIDENCE_DEFAULT
    assert choose("不是", "cmn", YES_NO_CMN, 0.2)[0].confidence >= CONFIDENCE_DEFAULT
