"""An operator's recordings: as loud as the rest where that makes nothing worse, else a warning says so."""

from __future__ import annotations

import random
from array import array
from math import inf, pi, sin
from pathlib import Path

import pytest

from acdcore.ivr.audio.fitting import MARGIN_LU, NOISE_DB, RAISE_MAX_DB, fitted, remarks
from acdcore.ivr.audio.loudness import MUSIC_LUFS, PROMPT_LUFS, loudness
from acdcore.ivr.audio.wav import from_pcm, to_pcm, write_wav
from acdcore.ivr.model.flow import Language, PromptKey, PromptName, PromptRequest, WavFile
from acdcore.ivr.prompts.render import check_recordings, render, render_music

RATE = 8_000
KEY = PromptKey(PromptName("test.hello"), Language.MANDARIN)


def said(level: float, noise_db: float = -90.0) -> array[int]:
    """Three words with pauses, in noise."""
    made = random.Random(2)
    noise = 32_768 * 10 ** (noise_db / 20)
    words = [(n / RATE) % 1.0 > 0.4 for n in range(3 * RATE)]
    voice = [sum(sin(2 * pi * 150 * k * n / RATE) / k for k in range(1, 15)) for n in range(3 * RATE)]
    return array("h", [round(level * v * w + made.gauss(0, noise)) for v, w in zip(voice, words, strict=True)])


SOFTER = said(500)


@pytest.mark.parametrize("level", [4_000, 5_400, 7_000])
def test_recording_that_is_nearly_as_loud_stays_as_it_is(level: int) -> None:
    samples = said(level)
    assert abs(loudness(samples) - PROMPT_LUFS) < MARGIN_LU
    assert fitted(samples, PROMPT_LUFS) == samples


@pytest.mark.parametrize("level", [500, 10_000])
def test_recording_that_is_softer_or_louder_is_levelled(level: int) -> None:
    samples = said(level)
    assert abs(loudness(samples) - PROMPT_LUFS) > MARGIN_LU
    assert loudness(fitted(samples, PROMPT_LUFS)) == pytest.approx(PROMPT_LUFS, abs=1.0)
    assert not list(remarks(samples, PROMPT_LUFS))


def test_noise_is_never_raised_so_far_that_it_is_heard() -> None:
    samples = said(500, noise_db=-58.0)
    raised = loudness(fitted(samples, PROMPT_LUFS)) - loudness(samples)
    assert raised == pytest.approx(NOISE_DB + 58.0, abs=1.5)
    (remark,) = remarks(samples, PROMPT_LUFS)
    assert "softer than other sound of its kind, and raising it would raise its noise" in remark


def test_hiss_alone_is_not_raised_at_all() -> None:
    hiss = said(0, noise_db=-45.0)
    assert fitted(hiss, PROMPT_LUFS) == hiss


def test_whisper_is_raised_by_no_more_than_its_bits_bear() -> None:
    samples = said(20, noise_db=-120.0)
    assert loudness(fitted(samples, PROMPT_LUFS)) - loudness(samples) == pytest.approx(RAISE_MAX_DB, abs=0.5)


def test_silent_and_tiny_recordings_are_reported() -> None:
    assert list(remarks(array("h", bytes(2 * RATE)), PROMPT_LUFS)) == ["is silent; record it again"]
    assert fitted(array("h", bytes(2 * RATE)), PROMPT_LUFS) == array("h", bytes(2 * RATE))
    assert loudness(array("h", bytes(2 * RATE))) == -inf
    assert list(remarks(said(5_400)[4_000:4_400], PROMPT_LUFS)) == ["is only 50 ms long; record it again"]


def test_recordings_of_prompts_and_of_music_are_levelled_each_to_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(write_wav(to_pcm(SOFTER), RATE))
    prompt = render([PromptRequest(KEY, WavFile("a.wav"), "test.toml")], tmp_path / "cache", tmp_path)[KEY]
    (tmp_path / "b.wav").write_bytes(write_wav(to_pcm(said(10_000)), RATE))
    music = render_music(tmp_path / "cache", tmp_path, "b.wav")
    assert loudness(from_pcm(prompt)) == pytest.approx(PROMPT_LUFS, abs=1.0)
    assert loudness(from_pcm(music)) == pytest.approx(MUSIC_LUFS, abs=0.5)


def test_check_names_the_key_the_file_and_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "silent.wav").write_bytes(write_wav(bytes(16_000), RATE))
    asked = [PromptRequest(KEY, WavFile("silent.wav"), "test.toml")]
    looked = check_recordings(asked, {"queues.service.music": "absent.wav"}, "acdcore.toml", tmp_path)
    assert looked.warnings == (f"prompts.hello.wav: {tmp_path / 'silent.wav'} is silent; record it again",)
    (error,) = looked.errors
    assert (error.file, error.key) == ("acdcore.toml", "queues.service.music")
