"""Takes: what a studio may deliver, what is refused, and in which words."""

from __future__ import annotations

from array import array
from math import sqrt

import numpy as np
import pytest
from tests.ivr.studio import phrase, silence, wav

from acdcore.ivr.audio.wav import FLOAT, PCM
from acdcore.ivr.prompts.studio_take import TakeError, checked_take, share_clipped
from acdcore.ivr.tts.durations import longest_s, shortest_s

TEXT = "您好，请按一。"


def rms(samples: array[int]) -> float:
    return sqrt(sum(sample * sample for sample in samples) / len(samples))


@pytest.mark.parametrize(
    ("coding", "bits", "channels", "rate"),
    [
        (PCM, 16, 1, 44_100),
        (PCM, 16, 2, 48_000),
        (PCM, 24, 2, 48_000),
        (PCM, 32, 1, 96_000),
        (FLOAT, 32, 2, 44_100),
        (PCM, 16, 1, 8_000),
    ],
)
def test_take_of_any_common_form_becomes_the_same_speech(coding: int, bits: int, channels: int, rate: int) -> None:
    take = checked_take(wav(phrase(rate=rate), coding, bits, channels, rate), TEXT)
    assert 1.8 < take.length_s < 2.6
    usual = checked_take(wav(phrase()), TEXT)
    assert rms(take.samples) == pytest.approx(rms(usual.samples), rel=0.05)


def test_soft_and_loud_takes_come_out_equally_loud() -> None:
    soft, loud = checked_take(wav(phrase(0.02, 0.00002)), TEXT), checked_take(wav(phrase(0.9)), TEXT)
    assert rms(soft.samples) == pytest.approx(rms(loud.samples), rel=0.1)


def test_silence_around_a_take_is_cut() -> None:
    padded = np.concatenate([silence(3.0), phrase(), silence(3.0)])
    assert checked_take(wav(padded), TEXT).length_s == pytest.approx(
        checked_take(wav(phrase()), TEXT).length_s, abs=0.05
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is not a WAV file"),
        (b"fLaC1234", "is not a WAV file but a FLAC file"),
        (wav(silence(0.0)), "has no samples; record it again"),
        (wav(silence(1.0)), r"is all but silent \(-90 dBFS\); record it with more gain"),
        (wav(phrase(0.001, 0.0)), r"is all but silent \(-6\d dBFS\)"),
        (wav(phrase(2.5)), r"is clipped: \d+\.\d % of it is at full scale; record it with less gain"),
        (wav(phrase(0.3, 0.15)), r"has noise only 1\d dB below its speech, 20 are the least"),
        (wav(phrase(length_s=12.0)), r"lasts 12\.\d s, but \d\.\d s are enough for '您好，请按一。'; cut it"),
        (wav(phrase(length_s=0.125)), "too short for"),
    ],
)
def test_take_that_callers_would_complain_about_is_refused_with_the_remedy(data: bytes, said: str) -> None:
    text = TEXT * 3 if "too short" in said else TEXT
    with pytest.raises(TakeError, match=said):
        checked_take(data, text)


def test_single_peaks_at_full_scale_are_no_clipping() -> None:
    assert share_clipped(array("h", [32_767, 0] * 500)) == 0.0
    assert share_clipped(array("h", [0] * 90 + [32_767] * 4 + [-32_768] * 6)) == pytest.approx(0.1)


@pytest.mark.parametrize("text", ["一", "十月一日", TEXT * 5, "zero", "Press 1 for sales.", "95500", "P M"])
def test_any_text_has_room_between_its_shortest_and_longest(text: str) -> None:
    assert 0 < shortest_s(text) < longest_s(text) / 3


def test_longer_texts_may_take_longer() -> None:
    assert longest_s("您好") < longest_s("您好，") < longest_s("您好，请按一。")
    assert longest_s("one") < longest_s("one hundred")
    assert shortest_s("您好") < shortest_s("您好请按一")
