"""Numbers spoken as prompts that exist."""

from pathlib import Path

import pytest

from acdcore.ivr.model import Language, PromptKey
from acdcore.ivr.numbers import DIGITS_MAX, WAIT_MIN_MAX, speak_agent, speak_digits, speak_position, speak_wait
from acdcore.ivr.prompts import system_requests
from acdcore.ivr.system import COUNT_MAX, SystemPrompt, Word, system_key, word_key
from acdcore.kernel.errors import SettingsError

CMN = Language.MANDARIN
FILE = Path(__file__).parents[2] / "config" / "prompts" / "system.toml"
KEYS = {request.key for request in system_requests(FILE)}


def names(keys: tuple[PromptKey, ...]) -> list[str]:
    return [key.name.removeprefix("system.") for key in keys]


def test_digits_are_spoken_one_by_one() -> None:
    assert names(speak_digits("+10 0-9x", CMN)) == ["digit-1", "digit-0", "digit-0", "digit-9"]


def test_endless_digits_are_cut() -> None:
    assert len(speak_digits("1" * 1000, CMN)) == DIGITS_MAX


def test_digits_of_other_scripts_are_not_spoken() -> None:
    assert speak_digits("١٢³", CMN) == ()


def test_agent_number_is_framed() -> None:
    assert names(speak_agent("1001", CMN)) == [
        "agent-number",
        "digit-1",
        "digit-0",
        "digit-0",
        "digit-1",
        "at-your-service",
    ]


def test_position_is_spoken_as_a_number_up_to_the_largest() -> None:
    assert names(speak_position(COUNT_MAX, CMN)) == ["position", "count-20", "in-the-queue"]
    assert names(speak_position(COUNT_MAX + 1, CMN)) == ["position-beyond"]
    with pytest.raises(ValueError, match="from 1"):
        speak_position(0, CMN)


@pytest.mark.parametrize(
    ("wait_s", "spoken"),
    [
        (0.0, ["wait-short"]),
        (59.9, ["wait-short"]),
        (60.0, ["wait", "count-1", "minute"]),
        (60.1, ["wait", "two-of", "minutes"]),
        (150.0, ["wait", "count-3", "minutes"]),
        (22 * 60.0, ["wait", "count-20", "count-2", "minutes"]),
        (WAIT_MIN_MAX * 60.0, ["wait", "count-60", "minutes"]),
        (WAIT_MIN_MAX * 60 + 0.1, ["wait-long"]),
    ],
)
def test_wait_is_spoken_in_minutes_rounded_up(wait_s: float, spoken: list[str]) -> None:
    assert names(speak_wait(wait_s, CMN)) == spoken


@pytest.mark.parametrize("wait_s", [-1.0, float("inf"), float("nan")])
def test_wait_without_a_length_is_refused(wait_s: float) -> None:
    with pytest.raises(ValueError, match="length"):
        speak_wait(wait_s, CMN)


@pytest.mark.parametrize("language", Language)
def test_everything_that_can_be_spoken_is_in_the_file(language: Language) -> None:
    spoken = {*speak_agent("0123456789", language), *speak_position(21, language)}
    spoken |= {key for position in range(1, COUNT_MAX + 1) for key in speak_position(position, language)}
    spoken |= {key for minutes in range(WAIT_MIN_MAX + 2) for key in speak_wait(minutes * 60.0, language)}
    spoken |= {system_key(prompt, language) for prompt in SystemPrompt}
    spoken |= {word_key(word, language) for word in Word}
    assert spoken <= KEYS


def test_incomplete_file_is_refused_by_key(tmp_path: Path) -> None:
    file = tmp_path / "system.toml"
    file.write_text(FILE.read_text("utf-8").replace('en = "Ready."\n', ""), "utf-8")
    with pytest.raises(SettingsError) as refusal:
        system_requests(file)
    assert (refusal.value.key, refusal.value.problem) == ("prompts.ready", "missing in en; add a text or wav")


def test_unknown_prompt_in_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "system.toml"
    file.write_text(FILE.read_text("utf-8") + '\n[prompts.reddy]\nen = "Ready."\n', "utf-8")
    with pytest.raises(SettingsError, match=r"prompts\.reddy: is no prompt"):
        system_requests(file)
