"""Who reads a text: the voice of the settings, what comes along spoken, what stands in for an engine that is away."""

import contextlib
import sys
import time
import zipfile
from array import array
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bench.standard_prompts import compressed
from structlog.testing import capture_logs
from tests.ivr.prompts.test_ivr_render import LOADED, TICK, CountingReader, text

from acdcore.ivr.audio.wav import from_pcm, to_pcm
from acdcore.ivr.model.flow import Language, PromptKey, PromptName
from acdcore.ivr.prompts.render import render, second_best
from acdcore.ivr.prompts.shelf import SpeechStore, SpeechText, speech_text_for
from acdcore.ivr.prompts.standard_pack import StandardPack, expanded, file_of
from acdcore.ivr.tts.cache import PromptCache
from acdcore.ivr.tts.engines import ReadersAhead, TtsEngines, as_read
from acdcore.ivr.tts.helper import HelperProcesses
from acdcore.ivr.tts.phonemes import english, mandarin, stops, tokens
from acdcore.ivr.tts.voices import EngineUnavailable, SpeechEngine, TtsRequest, VoiceChoice, VoiceSettings, stand_in
from acdcore.kernel.errors import SettingsError, Unavailable

NATURAL = VoiceChoice(SpeechEngine.KOKORO, "zf_xiaobei")
KEY = PromptKey(PromptName("test.hello"), Language.MANDARIN)


class Away(CountingReader):
    """An engine that is not installed."""

    def is_there(self) -> bool:
        return False


def voices(kokoro: CountingReader, espeak: CountingReader, chosen: VoiceChoice = NATURAL) -> TtsEngines:
    readers = {SpeechEngine.KOKORO: kokoro, SpeechEngine.ESPEAK: espeak}
    return TtsEngines(dict.fromkeys(Language, chosen), readers)


def packed(directory: Path, spoken: SpeechText, pcm: bytes) -> StandardPack:
    with zipfile.ZipFile(file_of(directory, spoken.language), "w") as file:
        file.writestr(spoken.name, compressed(pcm))
    return StandardPack(directory)


def test_text_that_comes_along_is_read_by_nobody(tmp_path: Path) -> None:
    kokoro, espeak = Away(), Away()
    pack = packed(tmp_path, SpeechText.of("hello", Language.MANDARIN, NATURAL), TICK)
    (pcm,) = render([text("hello")], tmp_path, tmp_path, voices=voices(kokoro, espeak), pack=pack).values()
    assert len(pcm) == len(TICK)
    assert max(abs(a - b) for a, b in zip(from_pcm(pcm), from_pcm(TICK), strict=True)) < 40


def test_other_name_and_other_speed_are_read_anew(tmp_path: Path) -> None:
    kokoro = CountingReader()
    others = (VoiceChoice(NATURAL.engine, "zf_xiaoyi"), VoiceChoice(NATURAL.engine, NATURAL.name, 1.2))
    for chosen in (NATURAL, *others):
        render([text("hello")], tmp_path, tmp_path, voices=voices(kokoro, Away(), chosen))
    assert kokoro.read_texts == ["hello"] * 3


def test_long_text_is_told_as_cut_off(tmp_path: Path) -> None:
    (warning,) = second_best([text("long " * 20)], tmp_path, voices(Away(), CountingReader()))
    assert "so espeak reads 1 text, which" in warning and f"'{'long ' * 8}...';" in warning


def test_engine_that_is_away_is_stood_in_for_and_the_texts_and_the_remedy_are_told_once(tmp_path: Path) -> None:
    espeak = CountingReader()
    requests = [text(spoken, PromptKey(PromptName(f"test.{spoken}"), Language.MANDARIN)) for spoken in "abcde"]
    apart = voices(Away(), espeak)
    (warning,) = second_best(requests, tmp_path, apart)
    assert "espeak reads 5 texts" in warning and "'a', 'b', 'c' and 2 more" in warning
    assert 'run acdcore voice install, or pip install "acdcore[voice]"' in warning
    render(requests, tmp_path, tmp_path, voices=apart)
    assert espeak.read_texts == list("abcde")
    assert second_best(requests, tmp_path, voices(CountingReader(), espeak)) == ()


def broken(engine: SpeechEngine = SpeechEngine.KOKORO) -> HelperProcesses:
    """An engine that is installed, and does not start: a spoilt model, a processor that lacks something."""
    return HelperProcesses(engine, (), 1, command=(sys.executable, "-c", "raise SystemExit('model is spoilt')"))


def test_engine_that_is_installed_but_does_not_start_keeps_nobody_from_starting(tmp_path: Path) -> None:
    espeak = CountingReader()
    apart = TtsEngines(dict.fromkeys(Language, NATURAL), {SpeechEngine.KOKORO: broken(), SpeechEngine.ESPEAK: espeak})
    with capture_logs() as logs:
        render([text("hello")], tmp_path, tmp_path, voices=apart)
    assert espeak.read_texts == ["hello"]
    (told,) = logs
    assert told["event"] == "espeak reads until the next reload or start" and "model is spoilt" in told["reason"]
    with pytest.raises(Unavailable, match="model is spoilt"):
        render([text("other")], tmp_path, tmp_path, voices=apart, may_stand_in=False)


def test_espeak_that_does_not_start_is_not_stood_in_for_by_itself(tmp_path: Path) -> None:
    alone = TtsEngines(dict.fromkeys(Language, stand_in(Language.MANDARIN)), {SpeechEngine.ESPEAK: broken()})
    with capture_logs() as logs, pytest.raises(Unavailable, match="model is spoilt"):
        render([text("hello")], tmp_path, tmp_path, voices=alone)
    assert logs == []


def test_kept_natural_voice_is_played_where_its_engine_is_gone(tmp_path: Path) -> None:
    espeak = CountingReader()
    render([text("hello")], tmp_path, tmp_path, voices=voices(CountingReader(), espeak))
    render([text("hello")], tmp_path, tmp_path, voices=voices(Away(), espeak))
    assert espeak.read_texts == []


def test_no_engine_at_all_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="run acdcore voice install"):
        render([text("hello")], tmp_path, tmp_path, voices=voices(Away(), Away()))


def test_pack_that_is_spoilt_counts_as_none(tmp_path: Path) -> None:
    file_of(tmp_path, Language.MANDARIN).write_bytes(b"no zip")
    with contextlib.closing(StandardPack(tmp_path)) as pack:
        shelf = SpeechStore(PromptCache(tmp_path), pack)
        spoken = speech_text_for("hello", Language.MANDARIN, voices(CountingReader(), Away()), shelf)
        assert spoken is not None
        assert not shelf.has(spoken)


def test_pack_is_read_once_for_each_text_and_not_by_those_who_only_look(tmp_path: Path) -> None:
    spoken = SpeechText.of("hello", Language.MANDARIN, NATURAL)
    with contextlib.closing(packed(tmp_path, spoken, TICK)) as pack:
        assert pack.has(spoken.language, spoken.name)
        file = file_of(tmp_path, Language.MANDARIN)
        file.write_bytes(file.read_bytes().replace(compressed(TICK), bytes(len(compressed(TICK)))))
        assert pack.pcm(spoken.language, spoken.name) is not None
    with (
        contextlib.closing(StandardPack(tmp_path)) as read,
        contextlib.closing(StandardPack(tmp_path, is_read=False)) as looked_at,
    ):
        assert not read.has(spoken.language, spoken.name)
        assert looked_at.has(spoken.language, spoken.name)


def test_text_that_is_spoilt_in_the_pack_is_read_like_all_others(tmp_path: Path) -> None:
    kokoro, spoken = CountingReader(), SpeechText.of("hello", Language.MANDARIN, NATURAL)
    packed(tmp_path, spoken, TICK).close()
    file = file_of(tmp_path, Language.MANDARIN)
    file.write_bytes(file.read_bytes().replace(compressed(TICK), bytes(len(compressed(TICK)))))
    (pcm,) = render(
        [text("hello")], tmp_path, tmp_path, voices=voices(kokoro, Away()), pack=StandardPack(tmp_path)
    ).values()
    assert pcm == TICK
    assert kokoro.read_texts == ["hello"]


def test_packed_sound_is_the_nearest_of_its_law_and_silence_stays_silence() -> None:
    samples = array("h", [0, 5, -5, 100, -100, 1_000, -1_000, 30_000, -30_000, 32_767, -32_768])
    again = from_pcm(expanded(compressed(to_pcm(samples))))
    assert again[0] == 0
    assert all(abs(a - b) <= max(4, abs(a) // 16) for a, b in zip(samples, again, strict=True))


def test_helper_that_says_much_on_its_standard_error_is_not_held_up(tmp_path: Path) -> None:
    program = LOADED + "import sys; input(); sys.stderr.write('x\\n' * 500_000); print('{\"error\": \"\"}')"
    helper = HelperProcesses(modules=(), command=(sys.executable, "-c", program), jobs=1, text_timeout_s=60.0)
    began = time.monotonic()
    helper.read([TtsRequest("hello", Language.ENGLISH, tmp_path / "a.wav", stand_in(Language.ENGLISH))], lambda: None)
    assert time.monotonic() - began < 50


def test_helper_that_takes_too_long_is_stopped_and_said_to_be_late(tmp_path: Path) -> None:
    program = LOADED + "input(); input()"
    helper = HelperProcesses(modules=(), command=(sys.executable, "-c", program), jobs=1, text_timeout_s=0.5)
    reading = TtsRequest("hello", Language.ENGLISH, tmp_path / "a.wav", stand_in(Language.ENGLISH))
    with pytest.raises(EngineUnavailable, match=r"was stopped at 'hello': it took more than 0\.5 s$"):
        helper.read([reading], lambda: None)


def test_helpers_are_never_more_than_allowed_and_who_waits_too_long_is_told(tmp_path: Path) -> None:
    program = LOADED + "input(); input()"
    helper = HelperProcesses(modules=(), command=(sys.executable, "-c", program), jobs=1, text_timeout_s=0.5)
    reading = TtsRequest("hello", Language.ENGLISH, tmp_path / "a.wav", stand_in(Language.ENGLISH))
    with helper._helper(), pytest.raises(Unavailable, match="all speech helpers of espeak are busy"):
        helper.read([reading], lambda: None)


@pytest.mark.parametrize("answer", ["[]", "5", "null", "[" * 100_000, '{"error": {}}', "x" * 1_000_000])
def test_helper_that_answers_nonsense_is_given_up(tmp_path: Path, answer: str) -> None:
    (tmp_path / "answer").write_text(answer)
    program = LOADED + f"input(); print(open({str(tmp_path / 'answer')!r}).read(), flush=True); input()"
    helper = HelperProcesses(modules=(), command=(sys.executable, "-c", program), jobs=1, text_timeout_s=60.0)
    reading = TtsRequest("hello", Language.ENGLISH, tmp_path / "a.wav", stand_in(Language.ENGLISH))
    with pytest.raises(Unavailable, match="stopped at 'hello'"):
        helper.read([reading], lambda: None)


def test_helper_may_say_octets_of_any_kind_on_its_standard_error(tmp_path: Path) -> None:
    noise = "import os; [os.write(2, bytes([255, 254] * 40_000 + [10])) for _ in range(4)]; "
    program = noise + LOADED + 'input(); print(\'{"error": ""}\')'
    helper = HelperProcesses(modules=(), command=(sys.executable, "-c", program), jobs=1, text_timeout_s=20.0)
    reading = TtsRequest("hello", Language.ENGLISH, tmp_path / "a.wav", stand_in(Language.ENGLISH))
    helper.read([reading], lambda: None)


def test_helper_that_leaves_a_process_behind_holds_nobody_up(tmp_path: Path) -> None:
    program = LOADED + "import subprocess; subprocess.Popen(['sleep', '60'], stdin=-3, stdout=-3); input()"
    helper = HelperProcesses(modules=(), command=(sys.executable, "-c", program), jobs=1, text_timeout_s=10.0)
    reading = TtsRequest("hello", Language.ENGLISH, tmp_path / "a.wav", stand_in(Language.ENGLISH))
    began = time.monotonic()
    with pytest.raises(Unavailable, match="stopped at 'hello'"):
        helper.read([reading], lambda: None)
    assert time.monotonic() - began < 40


def test_idle_helper_is_used_again_and_ended_after_its_time(tmp_path: Path) -> None:
    program = LOADED + '\nwhile True: input(); print(\'{"error": ""}\', flush=True)'
    helper = HelperProcesses(modules=(), command=(sys.executable, "-c", program), jobs=1, idle_s=60.0)
    reading = TtsRequest("hello", Language.ENGLISH, tmp_path / "a.wav", stand_in(Language.ENGLISH))
    helper.read([reading], lambda: None)
    (first,) = helper._idle
    helper.read([reading], lambda: None)
    assert helper._idle == [first]
    helper._end_idle()
    assert first._process.poll() is not None
    helper.close()


def test_helper_that_died_while_it_was_idle_costs_nobody_a_text(tmp_path: Path) -> None:
    program = LOADED + '\nwhile True: input(); print(\'{"error": ""}\', flush=True)'
    helper = HelperProcesses(modules=(), command=(sys.executable, "-c", program), jobs=1, idle_s=60.0)
    reading = TtsRequest("hello", Language.ENGLISH, tmp_path / "a.wav", stand_in(Language.ENGLISH))
    helper.read([reading], lambda: None)
    (first,) = helper._idle
    first._process.kill()  # the kernel does so where memory is short
    first._process.wait()
    helper.read([reading], lambda: None)
    assert helper._idle != [first]
    helper.close()


def test_text_that_cannot_be_read_costs_no_helper(tmp_path: Path) -> None:
    program = LOADED + '\nwhile True: input(); print(\'{"error": "no sounds in it"}\', flush=True)'
    helper = HelperProcesses(modules=(), command=(sys.executable, "-c", program), jobs=1, idle_s=60.0)
    reading = TtsRequest("?", Language.ENGLISH, tmp_path / "a.wav", stand_in(Language.ENGLISH))
    with pytest.raises(Unavailable, match="no sounds in it"):
        helper.read([reading], lambda: None)
    assert len(helper._idle) == 1
    helper.close()


def test_helper_that_cannot_be_started_is_unavailable(tmp_path: Path) -> None:
    helper = HelperProcesses(modules=(), command=(str(tmp_path / "nothing"),), jobs=1)
    reading = TtsRequest("hello", Language.ENGLISH, tmp_path / "a.wav", stand_in(Language.ENGLISH))
    with pytest.raises(Unavailable, match="does not start"):
        helper.read([reading], lambda: None)


@pytest.mark.parametrize("program", ["import time; time.sleep(60)", LOADED + "import time; time.sleep(60)"])
def test_stop_ends_helpers_that_load_or_read_and_no_other_is_started(tmp_path: Path, program: str) -> None:
    reader = HelperProcesses(modules=(), command=(sys.executable, "-c", program), jobs=1)
    reading = TtsRequest("hello", Language.ENGLISH, tmp_path / "a.wav", stand_in(Language.ENGLISH))
    voices = TtsEngines(dict.fromkeys(Language, reading.voice), {SpeechEngine.ESPEAK: reader})
    with ThreadPoolExecutor(1) as threads:
        began = time.monotonic()
        at_work = threads.submit(voices.read, [reading], lambda: None)
        while not reader._up:
            time.sleep(0.005)
        voices.stop()
        with pytest.raises(EngineUnavailable):
            at_work.result()
    with pytest.raises(EngineUnavailable, match="stopped"):
        voices.read([reading], lambda: None)
    assert time.monotonic() - began < 30
    assert not reader._up


def test_all_that_is_read_ahead_ends_with_the_daemon() -> None:
    readers = ReadersAhead()
    with readers.of(VoiceSettings()) as voices:
        kokoro = voices.readers[SpeechEngine.KOKORO]
        assert isinstance(kokoro, HelperProcesses)
        readers.stop()
        assert kokoro._is_closed
    with pytest.raises(Unavailable, match="the daemon stops"), readers.of(VoiceSettings()):
        pass


def test_warm_helper_is_there_before_the_first_text(tmp_path: Path) -> None:
    program = LOADED + "input()"
    kokoro = HelperProcesses(SpeechEngine.KOKORO, (), 1, command=(sys.executable, "-c", program), idle_s=60.0)
    warm = TtsEngines(dict.fromkeys(Language, NATURAL), {SpeechEngine.KOKORO: kokoro})
    warm.warm()
    assert len(kokoro._idle) == 1
    warm.close()
    assert kokoro._idle == []


# --- phonemes ---


@pytest.mark.parametrize(
    ("initial", "final", "symbols"),
    [
        ("n", "i3", "ni↓"),
        ("zh", "ong1", "\uab67ʊ→ŋ"),
        ("sh", "i4", "ʂɨ↘"),
        ("", "uei4", "wei↘"),
        ("d", "e5", "tɤ"),
        ("l", "ve4", "lɥe↘"),
        ("x", "iong2", "ɕjʊ↗ŋ"),
        ("", "er2", "ɚ↗"),
        ("", "o1", "ɔ→"),
    ],
)
def test_syllable_is_written_with_its_tone_behind_the_vowel(initial: str, final: str, symbols: str) -> None:
    assert mandarin(initial, final) == symbols
    assert len(tokens(symbols)) == len(symbols)


def test_groups_of_digits_are_apart_by_more_than_a_comma() -> None:
    assert stops("幺三八；零零幺三；八零零零") == "幺三八. . . 零零幺三. . . 八零零零"
    assert stops("请稍候；谢谢，再见。") == "请稍候; 谢谢, 再见. "


def test_english_of_espeak_becomes_the_symbols_of_the_model() -> None:
    assert english("wˈe^ɪt") == "wˈAt"
    assert english("ˈo^ʊpən") == "ˈOpən"
    assert english("nˈʌmbɚ") == "nˈʌmbəɹ"
    assert english("ɡˈo^ʊ^ʊ", is_british=True) != english("ɡˈo^ʊ")
    assert english("ɡˈə^ʊ", is_british=True) == "ɡˈQ"


def test_punctuation_of_chinese_is_that_of_the_model() -> None:
    assert stops("您好，请按一。") == "您好, 请按一. "


def test_yuan_is_stressed_at_its_end_by_the_voices_of_this_machine() -> None:
    written = "¥128.05"
    for engine in (SpeechEngine.KOKORO, SpeechEngine.ESPEAK):
        read = as_read(written, Language.ENGLISH, VoiceChoice(engine, "any"))
        assert read == "one hundred and twenty-eight you-ahn and five fen"
    served = as_read(written, Language.ENGLISH, VoiceChoice(SpeechEngine.HTTP, "any"))
    assert served == "one hundred and twenty-eight yuan and five fen"
