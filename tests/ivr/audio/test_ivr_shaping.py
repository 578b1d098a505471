"""Where a word begins and ends: with made-up consonants whose places are known, over the noises of two engines."""

from __future__ import annotations

import random
from array import array
from math import pi, sin, sqrt

import pytest

from acdcore.ivr.audio.loudness import PROMPT_LUFS, loudness
from acdcore.ivr.audio.shaping import AFTER_MS, BEFORE_MS, SENTENCE_GAP_MS, WORD_GAP_MS, shaped, speech_span

RATE = 8_000
KOKORO_DB = -62.0
"""Its lead of 0.4 s and tail of 0.8 to 1 s are not silent."""
ESPEAK_DB = -120.0
"""Its are."""
MADE = random.Random(3)


def ms(length: float) -> int:
    return round(length * RATE / 1000)


def noise(length_ms: float, level_db: float) -> list[float]:
    return [MADE.gauss(0, 32_768 * 10 ** (level_db / 20)) for _ in range(ms(length_ms))]


def hiss(length_ms: float, level_db: float) -> list[float]:
    """A fricative: noise without its low half, swelling and fading as s, f and th do."""
    raw = noise(length_ms, level_db)
    bright = [after - before for before, after in zip(raw, [*raw[1:], 0.0], strict=True)]
    return [
        sample / sqrt(2) * min(1.0, 4 * n / len(bright), 4 - 4 * n / len(bright)) for n, sample in enumerate(bright)
    ]


def vowel(length_ms: float, level_db: float = -12.0) -> list[float]:
    harmonics = [(k, 1 / k) for k in range(1, 20)]
    scale = 32_768 * 10 ** (level_db / 20)
    count = ms(length_ms)
    swell = [min(1.0, n / 160, (count - n) / 160) for n in range(count)]
    return [
        s * scale * sum(a * sin(2 * pi * 150 * k * n / RATE) for k, a in harmonics) / 1.2 for n, s in enumerate(swell)
    ]


def word(*parts: list[float], lead_ms: float, tail_ms: float, noise_db: float) -> tuple[array[int], int, int]:
    """The parts between lead and tail, all in noise; with the places of their first and last sample."""
    spoken = [0.0] * ms(lead_ms) + [sample for part in parts for sample in part] + [0.0] * ms(tail_ms)
    behind = noise(1000 * len(spoken) / RATE + 1, noise_db)
    clipped = [max(-32_768, min(32_767, round(a + b))) for a, b in zip(spoken, behind, strict=False)]
    return array("h", clipped), ms(lead_ms), len(spoken) - ms(tail_ms)


@pytest.mark.parametrize(("noise_db", "lead_ms", "tail_ms"), [(KOKORO_DB, 400, 900), (ESPEAK_DB, 10, 300)])
@pytest.mark.parametrize("faint_db", [-40.0, -46.0, -50.0])
def test_weak_consonants_at_either_end_are_kept(
    faint_db: float, noise_db: float, lead_ms: float, tail_ms: float
) -> None:
    """As in "three" and "both": the hiss is up to 38 dB below the vowel."""
    spoken, first, end = word(
        hiss(90, faint_db), vowel(250), hiss(110, faint_db), lead_ms=lead_ms, tail_ms=tail_ms, noise_db=noise_db
    )
    span = speech_span(spoken)
    assert span is not None
    kept = (span[0] - ms(BEFORE_MS), span[1] + ms(AFTER_MS))
    assert first - ms(60) <= kept[0] <= first
    assert end <= kept[1] <= end + ms(AFTER_MS + 15)


@pytest.mark.parametrize(("noise_db", "lead_ms", "tail_ms"), [(KOKORO_DB, 400, 900), (ESPEAK_DB, 10, 300)])
@pytest.mark.parametrize("closed_ms", [60, 110, 160])
def test_release_after_a_closed_mouth_is_kept(
    closed_ms: float, noise_db: float, lead_ms: float, tail_ms: float
) -> None:
    """As in "left" and "press": a p, t or k is silence and then a few milliseconds of hiss."""
    burst = [0.0] * ms(closed_ms) + hiss(14, -38)
    spoken, _, end = word(vowel(220), burst, lead_ms=lead_ms, tail_ms=tail_ms, noise_db=noise_db)
    span = speech_span(spoken)
    assert span is not None
    assert end - ms(8) <= span[1] <= end + ms(15)


def test_click_in_the_tail_is_no_speech() -> None:
    spoken, _, end = word(vowel(220), [0.0] * ms(500) + hiss(8, -45), lead_ms=400, tail_ms=300, noise_db=KOKORO_DB)
    span = speech_span(spoken)
    assert span is not None
    assert span[1] < end - ms(400)


def test_pause_within_a_sentence_is_not_taken_for_its_end() -> None:
    spoken, first, end = word(
        vowel(300), [0.0] * ms(700), hiss(80, -44), vowel(300, -20), lead_ms=400, tail_ms=900, noise_db=KOKORO_DB
    )
    span = speech_span(spoken)
    assert span is not None
    assert abs(span[0] - first) <= ms(10) and abs(span[1] - end) <= ms(20)


def test_sound_without_any_pause_loses_nothing() -> None:
    """A recording cut tight: its softest tenth is still speech."""
    spoken = array("h", [round(sample) for sample in hiss(80, -50) + vowel(400) + hiss(80, -50)])
    span = speech_span(spoken)
    assert span is not None
    assert span[0] <= ms(10) and span[1] >= len(spoken) - ms(15)


@pytest.mark.parametrize(
    ("text", "gap_ms"), [("one", WORD_GAP_MS), ("Press one. ", SENTENCE_GAP_MS), ("请按一。", SENTENCE_GAP_MS)]
)
def test_pause_after_speech_depends_on_its_text(text: str, gap_ms: int) -> None:
    spoken, _, _ = word(vowel(400), lead_ms=400, tail_ms=900, noise_db=ESPEAK_DB)
    made = shaped(spoken, text)
    assert len(made) == pytest.approx(ms(BEFORE_MS + 400 + gap_ms), abs=ms(12))
    assert set(made[-ms(gap_ms - AFTER_MS) :]) == {0}
    assert made[0] == made[-1] == 0


def test_speech_is_levelled_without_its_silence() -> None:
    for level in (-30.0, -12.0):
        spoken, _, _ = word(vowel(900, level), lead_ms=400, tail_ms=900, noise_db=-90)
        made = shaped(spoken, "hello.")
        assert loudness(made[: -ms(SENTENCE_GAP_MS)]) == pytest.approx(PROMPT_LUFS, abs=0.4)


def test_noise_alone_is_no_speech() -> None:
    assert shaped(array("h", [round(sample) for sample in noise(1500, -60)]), "one") == array("h")
    assert shaped(array("h"), "one") == shaped(array("h", [10] * 30), "one") == array("h")
