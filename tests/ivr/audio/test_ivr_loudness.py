"""Loudness against the recommendation's own figures and against pyloudnorm 0.2.0; a limiter that bends no wave."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable
from itertools import pairwise
from math import inf, pi, sin

import pytest

from acdcore.ivr.audio.loudness import (
    CEILING,
    LOOK_AHEAD,
    MUSIC_LUFS,
    PROMPT_LUFS,
    levelled,
    limited,
    loudness,
    weighting,
)

RATE = 8_000


def sine(hz: float, seconds: float, peak: float = 32_767.0) -> array[int]:
    return array("h", [round(peak * sin(2 * pi * hz * n / RATE)) for n in range(round(seconds * RATE))])


def quiet(seconds: float) -> array[int]:
    return array("h", bytes(2 * round(seconds * RATE)))


def hiss(seconds: float, peak: int) -> array[int]:
    made = random.Random(1)
    return array("h", [made.randint(-peak, peak) for _ in range(round(seconds * RATE))])


def talk() -> array[int]:
    """Something like speech: four bursts of a voice's harmonics with pauses, and one word a tenth as loud."""
    word = array(
        "h", [round(sum(6000 / k * sin(2 * pi * 140 * k * n / RATE) for k in range(1, 12))) for n in range(5200)]
    )
    soft = array("h", [sample // 10 for sample in word])
    return word + quiet(0.9) + word + quiet(0.4) + soft + quiet(1.3) + word + hiss(0.6, 30) + word


def test_weighting_is_the_recommendations_own_at_48_khz() -> None:
    """ITU-R BS.1770-4, tables 1 and 2."""
    table = [1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585]
    table += [1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621]
    assert list(weighting(48_000)) == pytest.approx(table, abs=1e-8)


@pytest.mark.parametrize(
    ("sound", "lufs"),
    [
        (lambda: sine(997, 3), -3.0),
        (lambda: sine(997, 3, 3_276.7), -23.0),
        (lambda: sine(100, 3), -4.62),
        (lambda: sine(3_000, 3), 0.53),
        (lambda: sine(997, 2, 10_000) + quiet(4) + sine(997, 1, 10_000), -13.76),
        (talk, -18.3),
    ],
    ids=["sine", "softer sine", "low sine", "high sine", "pause", "talk"],
)
def test_loudness_is_what_pyloudnorm_measures(sound: Callable[[], array[int]], lufs: float) -> None:
    """`pyloudnorm.Meter(8000, filter_class="DeMan").integrated_loudness(samples / 32768)`."""
    assert loudness(sound()) == pytest.approx(lufs, abs=0.02)


def test_silence_has_no_loudness_and_stays_silent() -> None:
    for silence in (array("h"), quiet(0.01), quiet(2)):
        assert loudness(silence) == -inf
        assert levelled(silence) == silence


def test_word_shorter_than_a_block_is_measured_over_its_own_length() -> None:
    assert loudness(sine(997, 0.2)) == pytest.approx(loudness(sine(997, 2)), abs=0.1)


@pytest.mark.parametrize("gain", [0.01, 0.2, 1.0, 3.0])
def test_speech_however_loud_comes_out_at_the_loudness_of_prompts(gain: float) -> None:
    spoken = array("h", [max(-32_768, min(32_767, round(gain * sample))) for sample in talk()])
    assert loudness(levelled(spoken)) == pytest.approx(PROMPT_LUFS, abs=0.3)
    assert loudness(levelled(spoken, MUSIC_LUFS)) == pytest.approx(MUSIC_LUFS, abs=0.3)


def test_peaks_never_pass_the_ceiling_and_the_loudness_is_made_up() -> None:
    spiky = talk()
    for at in range(200, len(spiky) - 40, 1_600):
        spiky[at : at + 8] = array("h", [32_000, -32_000] * 4)
    made = levelled(spiky)
    assert max(max(made), -min(made)) <= CEILING
    assert loudness(made) == pytest.approx(PROMPT_LUFS, abs=0.5)


def test_clicks_alone_are_not_blown_up_to_the_loudness_of_speech() -> None:
    clicks = quiet(2)
    for at in range(0, len(clicks), 4_000):
        clicks[at] = 20_000
    made = levelled(clicks)
    assert max(made) <= CEILING
    assert loudness(made) < PROMPT_LUFS - 3


def test_what_lies_between_clicks_is_not_blown_up_for_them() -> None:
    clicks = hiss(2, 300)
    for at in range(0, len(clicks), 4_000):
        clicks[at] = 20_000
    raised = loudness(levelled(clicks)[1_000:3_900]) - loudness(clicks[1_000:3_900])
    assert raised < PROMPT_LUFS - loudness(clicks) + 3.1


def test_limiter_is_down_when_the_peak_comes_and_bends_no_wave() -> None:
    """A peak in a steady sine: the sine around it is led down and up again, and stays a sine."""
    steady = sine(400, 1, 8_000)
    peaked = array("h", steady)
    peaked[4_000] = 32_000
    made = limited(peaked, 2.0)
    assert max(max(made), -min(made)) <= CEILING
    ratios = [made[at] / (2 * peaked[at]) for at in range(len(made)) if abs(peaked[at]) > 4_000]
    assert max(abs(after - before) for before, after in pairwise(ratios)) < 0.2
    before = [made[at] / (2 * peaked[at]) for at in range(3_000, 4_000 - LOOK_AHEAD - 1) if abs(peaked[at]) > 4_000]
    assert before == pytest.approx([1.0] * len(before), abs=0.001), "nothing is led down before its time"
    assert abs(made[-10] - 2 * peaked[-10]) <= 4, "and all comes back"


def test_limiter_does_not_pump() -> None:
    """Loud syllables over a steady murmur: its level changes by no more than 1 dB within 10 ms between them."""
    murmur = sine(300, 2, 1_500)
    syllables = array("h", murmur)
    for start in range(2_000, 14_000, 2_400):
        for at in range(start, start + 800):
            syllables[at] = max(-32_768, min(32_767, syllables[at] + round(15_000 * sin(2 * pi * 700 * at / RATE))))
    made = limited(syllables, 2.5)
    for start in range(2_801, 12_000, 2_400):
        gains = [(at, made[at] / syllables[at]) for at in range(start, start + 1_400) if abs(syllables[at]) > 1_000]
        for (at, gain), (later, after) in pairwise(gains):
            assert abs(after / gain - 1) < 0.0014 * (later - at) + 0.002, "1 dB in 10 ms, and what rounding does"
