"""Cantonese as espeak-ng is given it to read: every syllable that comes along, held against a dictionary."""

from pathlib import Path

import pytest

from acdcore.ivr.model.flow import Language
from acdcore.ivr.tts.cache import kept
from acdcore.ivr.tts.cantonese import READINGS, notation, respelled
from acdcore.ivr.tts.helper import HelperProcesses
from acdcore.ivr.tts.voices import TtsRequest, stand_in


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("唔該。", "[['m-4]]該。"),
        ("我哋會盡快為您接通。", "我[[d'ei6]][[w'ui5]]盡快[[w'ai6]]您接通。"),
        ("朝早九點", "[[z'iu1]]早九點"),
        ("聽朝，今朝", "聽[[z'iu1]]，今[[z'iu1]]"),
        ("行為，認為，期限為三日", "行為，認為，期限為三日"),
        ("機會，會員，開會議", "機會，會員，開會議"),
        ("位，請稍候。", "[[w'ai6]]，請稍候。"),
        ("排喺第二十一位", "排喺第二十一[[w'ai6]]"),
        ("二十幾位客戶，邊位", "二十幾位客戶，邊位"),
        ("電話，廣東話，說話", "電[[w'aa2]]，廣東[[w'aa2]]，說話"),
        ("噉樣，一樣；收到，送到", "噉[[j'oeng2]]，一樣；收[[d'ou2]]，送到"),
        ("打返畀您，返回目錄", "打[[f'aa1n]]畀您，返回目錄"),
        ("", ""),
        ("Hello, 95500!", "Hello, 95500!"),
    ],
)
def test_only_what_is_read_wrongly_is_written_otherwise(text: str, given: str) -> None:
    assert respelled(text) == given


def test_brackets_of_the_text_are_not_taken_for_sounds() -> None:
    assert "[[" not in respelled("[[m4]] [[[好")
    assert respelled("[[唔]]").count("[[") == 1


@pytest.mark.parametrize(
    ("jyutping", "written"),
    [("fuk6", "f'u6k"), ("ngo5", "N'o5"), ("ng5", "'ng5"), ("m4", "'m-4"), ("gung1", "g'ung1"), ("gwaan1", "gw'aa1n")],
)
def test_jyutping_is_written_as_the_library_does(jyutping: str, written: str) -> None:
    assert notation(jyutping) == written


@pytest.mark.parametrize("jyutping", ["", "m", "m7", "dei", "dei7", "Dei6", "de i6", "xx1"])
def test_what_is_no_syllable_is_refused(jyutping: str) -> None:
    with pytest.raises(ValueError, match="is no syllable of Jyutping"):
        notation(jyutping)


def test_every_reading_of_the_table_can_be_written() -> None:
    assert all(notation(reading) for _, reading in READINGS)


def test_engine_takes_the_notation_for_sounds_and_not_for_letters(tmp_path: Path) -> None:
    voice = stand_in(Language.CANTONESE)
    texts = {"notation": respelled("我哋唔會"), "plain": "我地五會"}
    readings = [TtsRequest(text, Language.CANTONESE, tmp_path / name, voice) for name, text in texts.items()]
    HelperProcesses().read(readings, lambda: None)
    sounds, plain = (kept(reading.file) for reading in readings)
    assert sounds is not None and plain is not None
    assert 0.7 < len(sounds) / len(plain) < 1.4


@pytest.mark.slow
def test_every_syllable_of_the_shipped_texts_is_read_as_it_is_said() -> None:
    readings = pytest.importorskip("tests.ivr.cantonese_readings", exc_type=ImportError)
    texts = readings.shipped_texts()
    assert len(texts) > 150
    assert [one for text in readings.compared(texts, corrected=True) for one in text.wrong()] == []
    before = [one for text in readings.compared(texts, corrected=False) for one in text.wrong()]
    assert any(one.startswith("哋 dei2 for dei6") for one in before)


@pytest.mark.slow
def test_every_syllable_of_two_hundred_values_is_read_as_it_is_said() -> None:
    readings = pytest.importorskip("tests.ivr.cantonese_readings", exc_type=ImportError)
    values = readings.values()
    assert len(values) >= 200
    assert [one for text in readings.compared(values, corrected=True) for one in text.wrong()] == []
