"""Sentences with values in them, and what a file of prompts may lack."""

import re
from pathlib import Path

import pytest

from acdcore.ivr.files.system_prompts import SystemFile, read_system
from acdcore.ivr.model.flow import Language, PromptKey, PromptName, PromptSource, Text, WavFile
from acdcore.ivr.model.system_prompts import SystemPhrase, clip_names, phrase_key
from acdcore.ivr.reading.phrases import OF_QUEUES, PIECES, VALUES, clips_of, phrase_of
from acdcore.kernel.errors import SettingsError

CMN, YUE, EN = Language.MANDARIN, Language.CANTONESE, Language.ENGLISH
FILE = Path(__file__).parents[3] / "config" / "prompts" / "system.toml"
SHIPPED = FILE.read_text("utf-8")
TITLES = {CMN: "售后服务", YUE: "售後服務", EN: "After-sales Service"}


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "system.toml"
    file.write_text(text, "utf-8")
    return file


def without(*names: str) -> str:
    """The shipped file without some of its tables."""
    text = SHIPPED
    for name in names:
        text, count = re.subn(rf"\[prompts\.{name}\]\n(\w+ = .*\n)+", "", text)
        assert count == 1, name
    return text


def recorded(*names: str) -> str:
    """Tables that name a recording for each prompt."""
    return "".join(f'\n[prompts.{name}]\nwav = "{name}.wav"\n' for name in names)


def source(system: SystemFile, name: str, language: Language) -> PromptSource | None:
    key = PromptKey(PromptName(f"system.{name}"), language)
    return next((request.source for request in system.requests if request.key == key), None)


def text(system: SystemFile, name: str, language: Language) -> str:
    found = source(system, name, language)
    assert isinstance(found, Text), name
    return found.text


def of_value(system: SystemFile, phrase: SystemPhrase, value: str, language: Language) -> PromptSource | None:
    requests = {request.key: request.source for request in system.of_value(phrase, value, TITLES)}
    return requests.get(phrase_key(phrase, value, language))


SHIPPED_SYSTEM = read_system(FILE)

SENTENCES = [
    ("place-1", "您是下一位，请稍候。", "您係下一位，請稍候。", "You are next in the queue. Please hold."),
    (
        "place-2",
        "您目前排在第二位，请稍候。",
        "您而家排喺第二位，請稍候。",
        "You are number two in the queue. Please hold.",
    ),
    ("place-12", "您目前排在第十二位，请稍候。", "", "You are number twelve in the queue. Please hold."),
    ("place-20", "您目前排在第二十位，请稍候。", "", "You are number twenty in the queue. Please hold."),
    ("wait-minutes-1", "预计还需等候大约一分钟。", "預計仲要等大約一分鐘。", "The wait is about one minute."),
    ("wait-minutes-2", "预计还需等候大约两分钟。", "預計仲要等大約兩分鐘。", "The wait is about two minutes."),
    ("wait-minutes-22", "预计还需等候大约二十二分钟。", "", "The wait is about twenty-two minutes."),
    ("message-end-key-1", "说完后请按数字一结束。", "講完之後請按數字一結束。", "When you have finished, press one."),
]


@pytest.mark.parametrize(("name", "mandarin", "cantonese", "english"), SENTENCES)
def test_each_value_is_a_whole_sentence_of_its_own(name: str, mandarin: str, cantonese: str, english: str) -> None:
    for language, wanted in ((CMN, mandarin), (YUE, cantonese), (EN, english)):
        if wanted:
            assert text(SHIPPED_SYSTEM, name, language) == wanted


def test_sentences_of_queues_and_lengths_are_made_when_those_are_known() -> None:
    assert of_value(SHIPPED_SYSTEM, SystemPhrase.CALL_FOR, "sales", CMN) == Text("售后服务来电。")
    assert of_value(SHIPPED_SYSTEM, SystemPhrase.CALLBACK_FOR, "sales", YUE) == Text("售後服務覆電。")
    introduction = of_value(SHIPPED_SYSTEM, SystemPhrase.CALLBACK_INTRODUCTION, "sales", EN)
    assert isinstance(introduction, Text) and introduction.text.startswith("Hello, this is After-sales Service.")
    lengths = list(SHIPPED_SYSTEM.of_value(SystemPhrase.MESSAGE_LENGTH, "90", {}))
    assert [one.source for one in lengths] == [
        Text("留言时间最长为一分钟三十秒。"),
        Text("留言時間最長係一分鐘三十秒。"),
        Text("Your message may last up to one minute thirty seconds."),
    ]


def test_agent_number_is_one_sentence_with_its_digits_apart() -> None:
    sayings = SHIPPED_SYSTEM.sayings(SHIPPED_SYSTEM.requests)
    words = [sayings.agent_words("1001", language) for language in Language]
    assert [each.text for each in words if each] == [
        "工号幺零零幺，为您服务。",
        "工號一零零一，為您服務。",
        "You are speaking to agent one zero zero one.",
    ]


def test_shipped_file_is_complete_and_says_each_text_once() -> None:
    assert SHIPPED_SYSTEM.warnings == ()
    assert "俾" not in SHIPPED
    keys = [request.key for request in SHIPPED_SYSTEM.requests]
    assert len(keys) == len(set(keys))
    assert not any("{" in one.source.text for one in SHIPPED_SYSTEM.requests if isinstance(one.source, Text))


def test_single_value_goes_before_the_sentence_it_would_be_put_into(tmp_path: Path) -> None:
    more = '\n[prompts.place-3]\nyue = "第三位。"\nwav = { cmn = "third.wav" }\n'
    more += '\n[prompts.call-for-sales]\nen = "Sales!"\n'
    system = read_system(written(tmp_path, SHIPPED + more))
    assert source(system, "place-3", CMN) == WavFile("third.wav")
    assert source(system, "place-3", YUE) == Text("第三位。")
    assert text(system, "place-3", EN).startswith("You are number three")
    assert of_value(system, SystemPhrase.CALL_FOR, "sales", EN) == Text("Sales!")
    assert of_value(system, SystemPhrase.CALL_FOR, "sales", CMN) == Text("售后服务来电。")


def test_what_a_file_lacks_is_said_as_shipped_with_a_warning_that_names_it(tmp_path: Path) -> None:
    lacking = without("place", "place-1", "goodbye").replace('en = "You are now ready."\n', "")
    system = read_system(written(tmp_path, lacking))
    assert {request.key for request in system.requests} == {request.key for request in SHIPPED_SYSTEM.requests}
    assert text(system, "place-1", CMN) == "您是下一位，请稍候。"
    assert text(system, "goodbye", EN) == "Thank you for calling. Goodbye."
    (warning,) = system.warnings
    assert warning.startswith(f"{tmp_path / 'system.toml'}: lacks prompts.goodbye, prompts.place, prompts.ready in en;")
    assert str(FILE) in warning


def test_file_of_an_earlier_version_is_good_and_its_words_are_named(tmp_path: Path) -> None:
    earlier = without("place", "place-1") + '\n[prompts.position]\ncmn = "第"\nyue = "第"\nen = "You are number"\n'
    earlier += '\n[prompts.in-the-queue]\ncmn = "位"\nyue = "位"\nen = "in the queue"\n'
    system = read_system(written(tmp_path, earlier))
    assert text(system, "place-4", CMN) == "您目前排在第四位，请稍候。"
    assert source(system, "position", CMN) is None
    lacks, former = system.warnings
    assert "prompts.place" in lacks
    assert "prompts.in-the-queue, prompts.position: no longer used" in former


def test_house_that_has_recorded_words_hears_no_other_voice(tmp_path: Path) -> None:
    """As files of an earlier version were, with a recording for everything."""
    new = {"early-morning", "hong-kong-cents", *(name for name in clip_names() if name.startswith("whisper-vip-"))}
    system = read_system(written(tmp_path, recorded(*(clip_names() - new))))
    assert system.warnings == ()
    assert not any(isinstance(request.source, Text) for request in system.requests)
    sayings = system.sayings(system.requests)
    assert sayings.recorded == frozenset(Language)
    assert sayings.agent_words("1001", CMN) is None
    assert not any(list(system.of_value(phrase, "sales", TITLES)) for phrase in OF_QUEUES)
    there = {request.key for request in system.requests}
    for phrase, value in [(phrase, value) for phrase, values in VALUES.items() for value in values]:
        assert set(clips_of(phrase_key(phrase, value, EN))) <= there
    for name in new:
        assert set(clips_of(PromptKey(PromptName(f"system.{name}"), CMN))) <= there


def test_words_are_recorded_language_by_language(tmp_path: Path) -> None:
    half = without("place", "place-1")
    for name in ("position", "in-the-queue"):
        half += f'\n[prompts.{name}]\nwav = {{ cmn = "{name}.wav" }}\nyue = "位"\nen = "place"\n'
    system = read_system(written(tmp_path, half))
    assert source(system, "place-2", CMN) is None
    assert source(system, "position", CMN) == WavFile("position.wav")
    assert text(system, "place-2", EN) == "You are number two in the queue. Please hold."
    assert source(system, "position", EN) is None


@pytest.mark.parametrize(
    ("more", "key", "problem"),
    [
        ('[prompts.reddy]\nen = "Ready."', "prompts.reddy", "is not a prompt of acdcore"),
        ('[prompts.place-21]\nen = "Far."', "prompts.place-21", "is not a prompt of acdcore"),
        ('[prompts.agent-introduction-x]\nen = "X."', "prompts.agent-introduction-x", "is not a prompt of acdcore"),
    ],
)
def test_prompt_that_nobody_plays_is_refused(tmp_path: Path, more: str, key: str, problem: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        read_system(written(tmp_path, f"{SHIPPED}\n{more}\n"))
    assert refusal.value.key == key
    assert problem in refusal.value.problem


@pytest.mark.parametrize(
    ("was", "becomes", "key", "problem"),
    [
        ("number {position} in", "number {place} in", "prompts.place.en", "write {position} where it is to be heard"),
        ("第{position}位，请", "第五位，请", "prompts.place.cmn", "write {position} where it is to be heard"),
        ("Logged", "{who} logged", "prompts.logged-in.en", "{who} stands for nothing here; remove it"),
    ],
)
def test_sentence_without_a_place_for_its_value_is_refused(
    tmp_path: Path, was: str, becomes: str, key: str, problem: str
) -> None:
    shipped = SHIPPED.replace("You are logged in.", "Logged in.")
    assert was in shipped
    with pytest.raises(SettingsError) as refusal:
        read_system(written(tmp_path, shipped.replace(was, becomes)))
    assert refusal.value.key == key
    assert problem in refusal.value.problem


def test_recording_for_all_values_at_once_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"prompts\.place: .* as in \[prompts\.place-1\]"):
        read_system(written(tmp_path, without("place") + recorded("place")))


@pytest.mark.parametrize("phrase", SystemPhrase)
def test_names_of_sentences_are_not_those_of_other_prompts(phrase: SystemPhrase) -> None:
    assert not any((phrase_of(name) or ("",))[0] is phrase for name in clip_names())
    assert all(piece.value in clip_names() for piece in PIECES[phrase])
