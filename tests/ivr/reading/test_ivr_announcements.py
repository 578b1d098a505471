"""Numbers spoken as prompts that exist."""

from pathlib import Path

import pytest

from acdcore.ivr.files.system_prompts import read_system
from acdcore.ivr.model.flow import Language, PromptKey
from acdcore.ivr.model.system_prompts import COUNT_MAX, SystemPhrase, Word, phrase_key, word_key
from acdcore.ivr.reading.announcements import DIGITS_MAX, WAIT_MIN_MAX, speak_digits, speak_position, speak_wait
from acdcore.ivr.reading.phrases import clips_of

CMN = Language.MANDARIN
FILE = Path(__file__).parents[3] / "config" / "prompts" / "system.toml"
KEYS = {request.key for request in read_system(FILE).requests}


def name(key: PromptKey) -> str:
    return key.name.removeprefix("system.")


def names(keys: tuple[PromptKey, ...]) -> list[str]:
    return [name(key) for key in keys]


def test_digits_are_spoken_one_by_one() -> None:
    assert names(speak_digits("+10 0-9x", CMN)) == ["digit-1", "digit-0", "digit-0", "digit-9"]


def test_endless_digits_are_cut() -> None:
    assert len(speak_digits("1" * 1000, CMN)) == DIGITS_MAX


def test_digits_of_other_scripts_are_not_spoken() -> None:
    assert speak_digits("١٢³", CMN) == ()


def test_agent_number_is_framed_by_words_where_it_is_put_together() -> None:
    spoken = clips_of(phrase_key(SystemPhrase.AGENT, "1001", CMN))
    assert names(spoken) == ["agent-number", "digit-1", "digit-0", "digit-0", "digit-1", "at-your-service"]


def test_position_is_spoken_up_to_the_largest() -> None:
    assert name(speak_position(1, CMN)) == "place-1"
    assert name(speak_position(COUNT_MAX, CMN)) == "place-20"
    assert name(speak_position(COUNT_MAX + 1, CMN)) == "position-beyond"
    with pytest.raises(ValueError, match="from 1"):
        speak_position(0, CMN)


@pytest.mark.parametrize(
    ("wait_s", "spoken"),
    [
        (0.0, "wait-short"),
        (59.9, "wait-short"),
        (60.0, "wait-minutes-1"),
        (60.1, "wait-minutes-2"),
        (150.0, "wait-minutes-3"),
        (22 * 60.0, "wait-minutes-22"),
        (WAIT_MIN_MAX * 60.0, "wait-minutes-60"),
        (WAIT_MIN_MAX * 60 + 0.1, "wait-long"),
    ],
)
def test_wait_is_spoken_in_minutes_rounded_up(wait_s: float, spoken: str) -> None:
    assert name(speak_wait(wait_s, CMN)) == spoken


@pytest.mark.parametrize("wait_s", [-1.0, float("inf"), float("nan")])
def test_wait_without_a_length_is_refused(wait_s: float) -> None:
    with pytest.raises(ValueError, match="length"):
        speak_wait(wait_s, CMN)


@pytest.mark.parametrize("language", Language)
def test_everything_that_can_be_spoken_is_in_the_file(language: Language) -> None:
    spoken = {speak_position(position, language) for position in range(1, COUNT_MAX + 2)}
    spoken |= {speak_wait(minutes * 60.0, language) for minutes in range(WAIT_MIN_MAX + 2)}
    spoken |= set(clips_of(phrase_key(SystemPhrase.AGENT, "0123456789", language)))
    spoken |= {word_key(word, language) for word in Word}
    assert spoken <= KEYS
