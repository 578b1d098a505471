"""Speech by its rise and fall: what a caller says counts, and neither noise, however loud, nor a key's tone does."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable
from functools import cache
from math import pi, sin

import pytest

from acdcore.ivr.model.flow import Language
from acdcore.ivr.prompts.standard_pack import StandardPack
from acdcore.media import g711, tones
from acdcore.media.model import EngineCodec
from acdcore.media.speech import Ear

PACKET = 160


def noise(level_dbfs: float, seconds: float) -> bytes:
    generator = random.Random(1)
    peak = 32_768 * 10 ** (level_dbfs / 20) * 3**0.5  # of evenly spread samples
    samples = (max(-32_768, min(32_767, round(generator.uniform(-peak, peak)))) for _ in range(round(8000 * seconds)))
    return b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)


def heard(*parts: bytes, ear: Ear | None = None, codec: EngineCodec = EngineCodec.PCMA) -> Ear:
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


def levelled(samples: array[float], level_dbfs: float) -> array[float]:
    """The same with its mean square at a level."""
    level = (sum(sample * sample for sample in samples) / len(samples)) ** 0.5
    gain = 32_768 * 10 ** (level_dbfs / 20) / level
    return array("d", [sample * gain for sample in samples])


def mixed(*sounds: array[float]) -> bytes:
    return array("h", [max(-32_768, min(32_767, round(sum(heard)))) for heard in zip(*sounds, strict=True)]).tobytes()


def hiss(generator: random.Random, samples: int) -> array[float]:
    return array("d", [generator.gauss(0, 1) for _ in range(samples)])


def softened(samples: array[float], cutoff_hz: float) -> array[float]:
    """Through a low-pass of first order."""
    share = 1 - 2.718281828 ** (-2 * pi * cutoff_hz / 8000)
    level, passed = 0.0, array("d")
    for sample in samples:
        level += share * (sample - level)
        passed.append(level)
    return passed


def sound_of(*partials: tuple[float, float], samples: int, begin: int = 0) -> array[float]:
    """Sines of a frequency in Hz and a strength each."""
    turns = [(2 * pi * hertz / 8000, strength) for hertz, strength in partials]
    return array("d", [sum(part * sin(turn * at) for turn, part in turns) for at in range(begin, begin + samples)])


def a_car(generator: random.Random, samples: int) -> array[float]:
    """Tyres and wind, most of it below 100 Hz, and an engine."""
    road = levelled(softened(softened(hiss(generator, samples), 60), 150), -20)
    wind = levelled(hiss(generator, samples), -45)
    engine = levelled(sound_of((27, 1), (54, 1), (108, 0.5), samples=samples), -26)
    return array("d", [sum(parts) for parts in zip(road, wind, engine, strict=True)])


def a_fan(generator: random.Random, samples: int) -> array[float]:
    air = levelled(softened(hiss(generator, samples), 600), -20)
    blades = levelled(sound_of((87, 1), (174, 0.6), (261, 0.4), samples=samples), -24)
    return array("d", [sum(parts) for parts in zip(air, blades, strict=True)])


def a_hum(generator: random.Random, samples: int) -> array[float]:
    return sound_of((50, 1), (100, 0.7), (150, 0.5), (250, 0.3), (350, 0.2), samples=samples)


def a_dial_tone(generator: random.Random, samples: int) -> array[float]:
    return sound_of((425, 1), samples=samples)


def an_organ(generator: random.Random, samples: int) -> array[float]:
    """Music at a constant level: a new chord every 0.9 s."""
    chords = ((262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294))
    music = array("d")
    while len(music) < samples:
        chord = chords[len(music) // 7200 % 4]
        music += sound_of(*((hertz * n, 1 / n) for hertz in chord for n in (1, 2, 3)), samples=7200, begin=len(music))
    return music[:samples]


NOISES: dict[str, Callable[[random.Random, int], array[float]]] = {
    "hiss": hiss,
    "car": a_car,
    "fan": a_fan,
    "hum": a_hum,
    "dial tone": a_dial_tone,
    "organ": an_organ,
}


@cache
def noise_of(name: str) -> array[float]:
    """Twenty seconds of it."""
    return NOISES[name](random.Random(7), 160_000)


@cache
def spoken_texts() -> tuple[array[float], ...]:
    """Four texts of each language, as voices read them: real speech of 2 s and more."""
    pack = StandardPack()
    texts: list[array[float]] = []
    for language in Language:
        read = (array("h", pack.pcm(language, name) or b"") for name in sorted(pack.names(language)))
        long = [array("d", samples) for samples in read if len(samples) >= 16_000]
        texts += long[:: len(long) // 4][:4]
    pack.close()
    return tuple(texts)


QUIET_BEFORE, QUIET_AFTER = 12_000, 56_000
"""1.5 and 7 s in which the caller says nothing."""


def said_over(text: array[float], level_dbfs: float, name: str, ratio_db: float) -> bytes:
    """A message: the text at a level, with the noise so much below it from begin to end."""
    speech = array("d", bytes(8 * QUIET_BEFORE)) + levelled(text, level_dbfs) + array("d", bytes(8 * QUIET_AFTER))
    behind = (noise_of(name) * (len(speech) // len(noise_of(name)) + 1))[: len(speech)]
    return mixed(speech, levelled(behind, level_dbfs - ratio_db))


@pytest.mark.parametrize("level_dbfs", [-45.0, -35.0, -25.0, -15.0])
@pytest.mark.parametrize("name", NOISES)
def test_steady_noise_is_no_speech_however_loud(name: str, level_dbfs: float) -> None:
    ear = heard(mixed(levelled(noise_of(name), level_dbfs)))
    assert (ear.total, ear.ended) == (0, 0)


@pytest.mark.parametrize("name", NOISES)
def test_steady_noise_that_comes_and_goes_is_no_speech(name: str) -> None:
    loud = mixed(levelled(noise_of(name), -25))
    ear = heard(pause(0.3), loud, pause(3), loud, pause(3))
    assert (ear.total, ear.ended) == (0, 0)
    assert ear.loud == pytest.approx(2 * 160_000, rel=0.05)


@pytest.mark.parametrize("place", range(12))
def test_quiet_speech_is_heard(place: int) -> None:
    text = spoken_texts()[place]
    ear = heard(pause(1.5), mixed(levelled(text, -40)), pause(7))
    assert ear.total > 0.35 * len(text)
    assert 11_000 < ear.began < 14_000
    assert -0.75 * 8000 < ear.ended - (12_000 + len(text)) < 0.1 * 8000


@pytest.mark.parametrize(
    ("level_dbfs", "ratio_db", "least"),
    [(-22.0, 20.0, 0.35), (-22.0, 10.0, 0.3), (-22.0, 6.0, 0.2), (-40.0, 20.0, 0.3), (-40.0, 10.0, 0.25)],
)
@pytest.mark.parametrize("name", NOISES)
def test_speech_over_steady_noise_is_heard_to_its_end(
    name: str, level_dbfs: float, ratio_db: float, least: float
) -> None:
    for text in spoken_texts()[::3]:
        ear = heard(said_over(text, level_dbfs, name, ratio_db))
        assert ear.total > least * len(text)
        assert -0.1 * 8000 < ear.began - QUIET_BEFORE < 0.4 * 8000
        assert -1.0 * 8000 < ear.ended - (QUIET_BEFORE + len(text)) < 0.1 * 8000


@pytest.mark.parametrize("samples", [80, 240, 320, 480])
def test_length_of_packets_makes_no_difference(samples: int) -> None:
    message = said_over(spoken_texts()[1], -30, "hiss", 15)
    codes, ear, usual = g711.encode(message, EngineCodec.PCMA), Ear(), heard(message)
    for at in range(0, len(codes) - samples + 1, samples):
        ear.hear(codes[at : at + samples], EngineCodec.PCMA, at)
    assert (ear.total, ear.began, ear.ended) == (usual.total, usual.began, usual.ended)


@pytest.mark.parametrize("place", range(0, 12, 2))
def test_words_to_the_very_end_of_a_recording_are_heard(place: int) -> None:
    text = spoken_texts()[place][: 8000 * 2]
    ear = heard(mixed(levelled(text, -30)))
    assert ear.total > 0.35 * len(text)
    assert ear.began < 0.4 * 8000


@pytest.mark.parametrize("codec", list(EngineCodec))
@pytest.mark.parametrize("level_dbfs", [-12.0, -22.0, -35.0])
def test_speech_is_heard_at_every_usual_level(codec: EngineCodec, level_dbfs: float) -> None:
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


def test_words_above_loud_noise_are_speech() -> None:
    ear = heard(noise(-38, 10), words(2, -18, -38), noise(-38, 2))
    assert ear.ended == pytest.approx(8000 * 12, abs=1000)


def test_click_is_no_speech() -> None:
    ear = heard(pause(1), noise(-6, 0.02), pause(1), noise(-6, 0.04), pause(1))
    assert ear.total == 0


def test_tone_of_a_key_is_no_speech() -> None:
    ear = heard(words(2), pause(0.5))
    spoken = (ear.total, ear.ended)
    tone = g711.encode(tones.tone((941,), 0.2), EngineCodec.PCMA)
    for at in range(0, len(tone), PACKET):
        if at >= 2 * PACKET:  # the phone needs a moment to tell of its key
            ear.key(20_000 + at)
        ear.hear(tone[at : at + PACKET], EngineCodec.PCMA, 20_000 + at)
    assert (ear.total, ear.ended) == spoken


def test_words_after_a_key_are_heard() -> None:
    ear = Ear()
    ear.key(0)
    assert heard(pause(0.2), words(1), ear=ear).total > 0
