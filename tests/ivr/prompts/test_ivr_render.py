"""Prompts: rendered once, kept, and refused with the reason; judged by length and energy."""

import os
import sys
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from tests.ivr.read_by import read_by

from acdcore.ivr.audio.hold_music import BAR_S, CHORDS, hold_music
from acdcore.ivr.audio.loudness import PROMPT_LUFS, loudness
from acdcore.ivr.audio.wav import from_pcm, to_pcm, write_wav
from acdcore.ivr.files.flows import read_flow
from acdcore.ivr.model.flow import Beep, Language, PromptKey, PromptName, PromptRequest, Text, WavFile
from acdcore.ivr.prompts.render import flow_requests, render, render_music
from acdcore.ivr.tts.cache import PromptCache, keep, kept, prune
from acdcore.ivr.tts.helper import HelperProcesses
from acdcore.ivr.tts.voices import TtsRequest
from acdcore.kernel.errors import SettingsError, Unavailable

LOADED = 'print(\'{"error": ""}\', flush=True);'
"""A helper's first answer, once it has loaded its engine."""
HELLO = PromptKey(PromptName("test.hello"), Language.MANDARIN)
TICK = to_pcm(array("h", [1000, -1000] * 800))


class CountingReader:
    """Reads every text as a tick, and counts."""

    def __init__(self) -> None:
        self.read_texts: list[str] = []

    def is_there(self) -> bool:
        return True

    def read(self, readings: Sequence[TtsRequest], on_read: Callable[[], None]) -> None:
        for reading in readings:
            self.read_texts.append(reading.text)
            keep(reading.file, TICK)
            on_read()

    def close(self) -> None:
        pass

    def stop(self) -> None:
        pass


def text(spoken: str, key: PromptKey = HELLO) -> PromptRequest:
    return PromptRequest(key, Text(spoken), "test.toml")


def recorded(file: str) -> PromptRequest:
    return PromptRequest(HELLO, WavFile(file), "test.toml")


def energy(pcm: bytes) -> float:
    samples = from_pcm(pcm)
    return sqrt(sum(sample * sample for sample in samples) / len(samples))


def test_what_was_used_longest_ago_goes_when_the_cache_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(write_wav(TICK, 8_000))
    monkeypatch.setattr("acdcore.ivr.prompts.render.CACHE_BYTES_MAX", 2 * size)
    reader = CountingReader()
    for spoken in ("一", "二", "一", "三"):  # the first is used again before the third comes
        render([text(spoken)], tmp_path, tmp_path, voices=read_by(reader))
    assert reader.read_texts == ["一", "二", "三"]
    assert len(list(tmp_path.iterdir())) == 2
    render([text("一"), text("三")], tmp_path, tmp_path, voices=read_by(reader))
    assert reader.read_texts == ["一", "二", "三"]
    render([text("二")], tmp_path, tmp_path, voices=read_by(reader))
    assert reader.read_texts[-1] == "二"


def test_part_of_a_file_that_nobody_finished_goes_too(tmp_path: Path) -> None:
    keep(tmp_path / "whole.wav", TICK)
    part = tmp_path / "other.wav.0123.part"
    part.write_bytes(TICK)
    os.utime(part, (0, 0))
    (tmp_path / "notes.txt").write_text("not ours")
    prune(tmp_path, (tmp_path / "whole.wav").stat().st_size)
    assert {file.name for file in tmp_path.iterdir()} == {"whole.wav", "notes.txt"}


def test_text_is_read_once_and_then_kept(tmp_path: Path) -> None:
    reader = CountingReader()
    first = render([text("hello")], tmp_path / "cache", tmp_path, voices=read_by(reader))
    second = render([text("hello")], tmp_path / "cache", tmp_path, voices=read_by(reader))
    assert first == second == {HELLO: TICK}
    assert reader.read_texts == ["hello"]


def test_changed_text_and_other_language_are_read_anew(tmp_path: Path) -> None:
    reader = CountingReader()
    english = PromptKey(HELLO.name, Language.ENGLISH)
    render([text("hello")], tmp_path, tmp_path, voices=read_by(reader))
    render([text("hello"), text("hello", english)], tmp_path, tmp_path, voices=read_by(reader))
    render([text("hello there")], tmp_path, tmp_path, voices=read_by(reader))
    assert reader.read_texts == ["hello", "hello", "hello there"]


def test_same_text_of_two_prompts_is_read_once(tmp_path: Path) -> None:
    reader = CountingReader()
    other = PromptKey(PromptName("test.other"), Language.MANDARIN)
    assert len(render([text("hello"), text("hello", other)], tmp_path, tmp_path, voices=read_by(reader))) == 2
    assert reader.read_texts == ["hello"]


def test_spoilt_file_in_the_cache_is_made_again(tmp_path: Path) -> None:
    reader = CountingReader()
    render([text("hello")], tmp_path, tmp_path, voices=read_by(reader))
    (file,) = tmp_path.glob("*.wav")
    file.write_bytes(file.read_bytes()[:20])
    assert render([text("hello")], tmp_path, tmp_path, voices=read_by(reader)) == {HELLO: TICK}


@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_half_a_file_and_a_file_of_another_rate_in_the_cache_are_made_again(tmp_path: Path, rate: int) -> None:
    reader = CountingReader()
    render([text("hello")], tmp_path, tmp_path, voices=read_by(reader))
    (file,) = tmp_path.glob("*.wav")
    half = file.read_bytes()[: 44 + len(TICK) // 2]
    file.write_bytes(half if rate == 8_000 else write_wav(TICK, rate))
    assert render([text("hello")], tmp_path, tmp_path, voices=read_by(reader)) == {HELLO: TICK}
    assert reader.read_texts == ["hello", "hello"]


def test_file_that_several_threads_keep_at_once_is_whole_and_no_thread_fails(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(keep, file, TICK) for _ in range(400)]:
            done.result()
    assert kept(file) == TICK
    assert list(tmp_path.iterdir()) == [file]


def test_file_whose_place_is_gone_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no directory any more")
    with pytest.raises(SettingsError, match="cannot be kept: Not a directory"):
        keep(tmp_path / "cache" / "a.wav", TICK)


def test_progress_counts_to_the_total(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    render([text("a"), text("b")], tmp_path, tmp_path, lambda *step: steps.append(step), read_by(CountingReader()))
    assert steps == [(1, 2), (2, 2)]


def test_missing_synthesis_names_the_prompt_and_the_remedy(tmp_path: Path) -> None:
    absent = read_by(HelperProcesses(modules=("no_such_speech_library",)))
    with pytest.raises(SettingsError) as refusal:
        render([text("hello")], tmp_path, tmp_path, voices=absent)
    assert (refusal.value.file, refusal.value.key) == ("test.toml", "prompts.hello.cmn")
    assert 'run acdcore voice install (or pip install "acdcore[voice]"), or give a wav' in refusal.value.problem


def test_missing_synthesis_does_not_matter_to_what_is_kept_or_recorded(tmp_path: Path) -> None:
    render([text("hello")], tmp_path, tmp_path, voices=read_by(CountingReader()))
    (tmp_path / "a.wav").write_bytes(write_wav(TICK, 8000))
    absent = read_by(HelperProcesses(modules=("no_such_speech_library",)))
    assert render([text("hello")], tmp_path, tmp_path, voices=absent) == {HELLO: TICK}
    assert render([recorded("a.wav")], tmp_path, tmp_path, voices=absent) == {HELLO: TICK}


def test_recording_is_converted_and_kept(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(write_wav(to_pcm(array("h", [0] * 1600)), 16000))
    assert len(render([recorded("a.wav")], tmp_path / "cache", tmp_path)[HELLO]) == 1600
    assert len(list((tmp_path / "cache").glob("*.wav"))) == 1


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), (b"MP3", "not a WAV file")])
def test_bad_recording_is_refused_by_file_and_prompt(tmp_path: Path, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(SettingsError) as refusal:
        render([recorded("a.wav")], tmp_path / "cache", tmp_path)
    assert (refusal.value.file, refusal.value.key) == ("test.toml", "prompts.hello.wav")
    assert f"{tmp_path / 'a.wav'} " in refusal.value.problem
    assert reason in refusal.value.problem


def test_cache_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be made"):
        render([], tmp_path / "file" / "cache", tmp_path)


def test_cache_leaves_no_parts_behind(tmp_path: Path) -> None:
    file = PromptCache(tmp_path).file(b"x")
    keep(file, TICK)
    assert kept(file) == TICK
    assert list(tmp_path.iterdir()) == [file]


def test_wav_goes_before_text_and_may_differ_by_language(tmp_path: Path) -> None:
    flow = tmp_path / "test.toml"
    flow.write_text(
        'start = "a"\nnodes.a = { type = "hang_up" }\nlanguages = ["cmn", "en"]\n'
        'prompts.one = { wav = "one.wav", cmn = "你好" }\n'
        'prompts.two = { wav = { cmn = "two.wav" }, cmn = "你好", en = "Hello", yue = "你好" }\n',
        "utf-8",
    )
    sources = {(each.key.name, each.key.language.value): each.source for each in flow_requests(read_flow(flow))}
    assert sources == {
        ("test.one", "cmn"): WavFile("one.wav"),
        ("test.one", "en"): WavFile("one.wav"),
        ("test.two", "cmn"): WavFile("two.wav"),
        ("test.two", "en"): Text("Hello"),
    }


# --- the speech helper ---


def test_helper_speaks_all_three_languages(tmp_path: Path) -> None:
    texts = {Language.MANDARIN: "您好，请按一。", Language.CANTONESE: "您好，請按一。", Language.ENGLISH: "Press one."}
    requests = [text(spoken, PromptKey(HELLO.name, language)) for language, spoken in texts.items()]
    prompts = render(requests, tmp_path, tmp_path, voices=read_by(HelperProcesses()))
    for request in requests:
        pcm = prompts[request.key]
        assert 0.5 < len(pcm) / 16_000 < 4.0
        assert energy(pcm) > 1000
    assert len(set(prompts.values())) == 3


def test_text_that_gives_no_sound_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"test\.toml: prompts\.hello\.cmn: '…' gave no sound"):
        render([text("…")], tmp_path, tmp_path, voices=read_by(HelperProcesses()))


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import sys; sys.exit('no library')", "stopped before its first text.*no library"),
        (LOADED + "import time; time.sleep(60)", "stopped at 'hello': it took more than 1 s"),
        (LOADED + "input()", "stopped at 'hello'.*exit 0"),
        (LOADED + "import sys; input(); print('no JSON', flush=True); input()", "stopped at 'hello'"),
        (LOADED + 'input(); print(\'{"error": "no such voice"}\')', "'hello' could not be read aloud: no such voice"),
    ],
)
def test_helper_that_fails_is_reported_with_its_text(tmp_path: Path, program: str, reason: str) -> None:
    helper = HelperProcesses(modules=(), command=(sys.executable, "-c", program), jobs=1, text_timeout_s=1.0)
    with pytest.raises(Unavailable, match=reason):
        render([text("hello")], tmp_path, tmp_path, voices=read_by(helper))


# --- calculated sounds ---


def test_music_is_the_same_each_time_and_loops_without_a_jump(tmp_path: Path) -> None:
    pcm = render_music(tmp_path, tmp_path)
    assert pcm == render_music(tmp_path, tmp_path) == to_pcm(hold_music())
    samples = from_pcm(pcm)
    assert len(samples) == round(len(CHORDS) * BAR_S * 8000) > 60 * 8000
    steps = sorted(abs(after - before) for before, after in pairwise(samples))
    assert abs(samples[0] - samples[-1]) <= steps[len(steps) * 9 // 10]
    for second in range(len(samples) // 8000):
        assert energy(pcm[second * 16_000 : (second + 1) * 16_000]) > 500


def test_music_is_softer_than_prompts_and_made_for_a_handset() -> None:
    """Most of its energy lies where a handset is good, 600 to 3,000 Hz."""
    samples = hold_music()
    assert loudness(samples) == pytest.approx(PROMPT_LUFS - 8, abs=0.3)
    spectrum = np.abs(np.fft.rfft(np.array(samples))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / 8000)
    assert spectrum[(hertz >= 600) & (hertz <= 3000)].sum() > 0.8 * spectrum.sum()


def test_music_may_be_a_recording(tmp_path: Path) -> None:
    (tmp_path / "own.wav").write_bytes(write_wav(TICK, 8000))
    assert render_music(tmp_path / "cache", tmp_path, "own.wav") == TICK


def test_beep_needs_no_synthesis(tmp_path: Path) -> None:
    beeps = render([PromptRequest(HELLO, Beep(), "test.toml")], tmp_path, tmp_path)
    assert 0.1 < len(beeps[HELLO]) / 16_000 < 0.3
    assert energy(beeps[HELLO]) > 2000
