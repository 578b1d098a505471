"""Speech by energy: what a caller says counts, and neither the line's noise nor a key's tone does."""

import random

import pytest

from acdcore.media import g711, tones
from acdcore.media.model import Codec
from acdcore.media.speech import Ear

PACKET = 160


def noise(level_dbfs: float, seconds: float) -> bytes:
    generator = random.Random(1)
    peak = 32_768 * 10 ** (level_dbfs / 20) * 3**0.5  # of evenly spread samples
    samples = (max(-32_768, min(32_767, round(generator.uniform(-peak, peak)))) for _ in range(round(8000 * seconds)))
    return b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)


def heard(*parts: bytes, ear: Ear | None = None, codec: Codec = Codec.PCMA) -> Ear:
    listening = ear or Ear()
    codes = g711.encode(b"".join(parts), codec)
    for at in range(0, len(codes) - PACKET + 1, PACKET):
        listening.hear(codes[at : at + PACKET], codec, at)
    return listening


def pause(seconds: float) -> bytes:
    return bytes(round(16_000 * seconds))


def words(seconds: float, level_dbfs: float = -22.0, line_dbfs: float = -60.0) -> bytes:
    """Speech by its envelope: syllables of 160 ms, short gaps with the line's noise."""
    syllable = noise(level_dbfs, 0.16) + noise(line_dbfs, 0.06)
    return (syllable * (round(seconds / 0.22) + 1))[: round(8000 * seconds) * 2]


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("level_dbfs", [-12.0, -22.0, -35.0])
def test_speech_is_heard_at_every_usual_level(codec: Codec, level_dbfs: float) -> None:
    ear = heard(pause(1), words(3, level_dbfs), pause(4), codec=codec)
    assert ear.ended == pytest.approx(8000 * 4, abs=1000)
    assert ear.total > 8000


@pytest.mark.parametrize("level_dbfs", [-90.0, -70.0, -50.0])
def test_noise_of_a_line_is_no_speech(level_dbfs: float) -> None:
    ear = heard(noise(level_dbfs, 10))
    assert (ear.total, ear.ended) == (0, 0)


@pytest.mark.parametrize("quiet_s", [0.0, 1.0, 5.0])
def test_beginning_of_speech_is_known_over_a_click(quiet_s: float) -> None:
    ear = heard(pause(quiet_s), noise(-6, 0.02), pause(1), words(2))
    assert ear.began == pytest.approx(8_000 * (quiet_s + 1.02), abs=320)


def test_loud_noise_is_no_speech_after_a_few_seconds_and_words_above_it_are() -> None:
    ear = heard(noise(-38, 10))
    assert ear.ended < 8000 * 4
    ear = heard(noise(-38, 10), words(2, -18, -38), noise(-38, 2))
    assert ear.ended == pytest.approx(8000 * 12, abs=1000)


def test_click_is_no_speech() -> None:
    ear = heard(pause(1), noise(-6, 0.02), pause(1), noise(-6, 0.04), pause(1))
    assert ear.total == 0


def test_steady_hum_is_no_speech_after_a_few_seconds() -> None:
    assert heard(tones.sine(100, 10.0)).ended < 8000 * 8


def test_tone_of_a_key_is_no_speech() -> None:
    ear = heard(words(2), pause(0.5))
    spoken = (ear.total, ear.ended)
    tone = g711.encode(tones.sine(941, 0.2), Codec.PCMA)
    for at in range(0, len(tone), PACKET):
        if at >= 2 * PACKET:  # the phone needs a moment to tell of its key
            ear.key(20_000 + at)
        ear.hear(tone[at : at + PACKET], Codec.PCMA, 20_000 + at)
    assert (ear.total, ear.ended) == spoken


def test_words_after_a_key_are_heard() -> None:
    ear = Ear()
    ear.key(0)
    assert heard(pause(0.2), words(1), ear=ear).total > 0
