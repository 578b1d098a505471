"""A prompt over music, packet after packet, without an engine: levels, ramps, full scale."""

import array
import itertools
import math

import pytest
from tests.media import loudness

from acdcore.media import g711, tones
from acdcore.media.model import EngineCodec
from acdcore.media.overlay import LOWERED_DB, RAMP_SAMPLES, Overlay

PACKET = 160
CODECS = [EngineCodec.PCMU, EngineCodec.PCMA]
MUSIC_HZ, MUSIC_DBFS = 400, -12.0
PROMPT_HZ = 1000


def samples(codes: bytes, codec: EngineCodec) -> "array.array[int]":
    return array.array("h", g711.decode(codes, codec))


def music(packets: int, codec: EngineCodec) -> bytes:
    """A tone from a quarter of a period on: each packet begins at a peak, where a step in the level is greatest."""
    later = tones.tone((MUSIC_HZ,), packets * 0.02 + 0.02, MUSIC_DBFS)[10:]
    return g711.encode(later[: 2 * PACKET * packets], codec)


def quiet(packets: int, codec: EngineCodec) -> bytes:
    return g711.encode(tones.silence(packets * 0.02), codec)


def mixed(overlay: Overlay, beneath: bytes, prompt: bytes | None, codec: EngineCodec, packet: int = PACKET) -> bytes:
    """The mix of any length, in packets."""
    return b"".join(
        overlay.mix(beneath[at : at + packet], None if prompt is None else prompt[at : at + packet], codec)
        for at in range(0, len(beneath), packet)
    )


@pytest.mark.parametrize("codec", CODECS)
def test_music_is_lowered_and_the_prompt_is_not(codec: EngineCodec) -> None:
    prompt = g711.encode(tones.tone((PROMPT_HZ,), 0.2), codec)
    pcm = g711.decode(mixed(Overlay(), music(10, codec), prompt, codec)[RAMP_SAMPLES:], codec)
    assert loudness.power_dbfs(pcm, PROMPT_HZ) == pytest.approx(-12, abs=0.3)
    assert loudness.power_dbfs(pcm, MUSIC_HZ) == pytest.approx(MUSIC_DBFS + LOWERED_DB, abs=0.3)
    assert pytest.approx(-14, abs=0.05) == LOWERED_DB
    together = 10 * math.log10(sum(10 ** (loudness.power_dbfs(pcm, hz) / 10) for hz in (PROMPT_HZ, MUSIC_HZ)))
    assert loudness.level_dbfs(pcm) == pytest.approx(together, abs=0.1)  # nothing beside the two


@pytest.mark.parametrize("codec", CODECS)
def test_level_moves_without_a_click_both_ways(codec: EngineCodec) -> None:
    overlay = Overlay()
    beneath = music(12, codec)
    before, during, after = beneath[:640], beneath[640:1280], beneath[1280:]
    sent = before + mixed(overlay, during, quiet(4, codec), codec) + mixed(overlay, after, None, codec)
    amplitude = tones.FULL_SCALE * 10 ** (MUSIC_DBFS / 20)
    steepest = amplitude * 2 * math.pi * MUSIC_HZ / tones.RATE
    coarsest = amplitude / 16  # the laws' steps are a 16th of what they stand for, at most
    jumps = [abs(one - other) for one, other in itertools.pairwise(samples(sent, codec))]
    assert max(jumps) <= steepest + coarsest
    assert amplitude * (1 - 10 ** (LOWERED_DB / 20)) > 2 * (steepest + coarsest)  # as a step would have been


@pytest.mark.parametrize("codec", CODECS)
def test_music_is_as_it_was_one_ramp_after_the_prompt(codec: EngineCodec) -> None:
    overlay, beneath = Overlay(), music(8, codec)
    mixed(overlay, beneath[:640], quiet(4, codec), codec)
    after = mixed(overlay, beneath[640:], None, codec)
    assert after[:RAMP_SAMPLES] != beneath[640 : 640 + RAMP_SAMPLES]
    assert after[RAMP_SAMPLES:] == beneath[640 + RAMP_SAMPLES :]


@pytest.mark.parametrize("packet", [80, 240, 480])
def test_length_of_packets_makes_no_difference(packet: int) -> None:
    beneath, prompt = music(12, EngineCodec.PCMA), g711.encode(tones.tone((PROMPT_HZ,), 0.24), EngineCodec.PCMA)
    by_length = [
        mixed(overlay, beneath, prompt, EngineCodec.PCMA, length)
        + mixed(overlay, beneath, None, EngineCodec.PCMA, length)
        for overlay, length in [(Overlay(), PACKET), (Overlay(), packet)]
    ]
    assert by_length[0] == by_length[1]


def test_prompt_that_ends_during_the_ramp_turns_the_level_round() -> None:
    overlay = Overlay()
    beneath = g711.encode(array.array("h", [8000] * 400).tobytes(), EngineCodec.PCMU)
    down = overlay.mix(beneath[:80], quiet(1, EngineCodec.PCMU)[:80], EngineCodec.PCMU)
    levels = samples(down + overlay.mix(beneath[:80], None, EngineCodec.PCMU), EngineCodec.PCMU)
    assert list(levels[:80]) == sorted(levels[:80], reverse=True)
    assert list(levels[80:]) == sorted(levels[80:])
    assert 0.5 < levels[79] / levels[0] < 0.7
    assert overlay.mix(beneath[:80], None, EngineCodec.PCMU) == beneath[:80]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("extreme", [32767, -32768])
def test_sum_beyond_full_scale_stays_there(codec: EngineCodec, extreme: int) -> None:
    loud = g711.encode(array.array("h", [extreme] * PACKET).tobytes(), codec)
    assert mixed(Overlay(), loud, loud, codec) == loud


def test_parts_of_different_or_too_great_length_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long"):
        Overlay().mix(bytes(160), bytes(80), EngineCodec.PCMU)
    with pytest.raises(ValueError, match="480"):
        Overlay().mix(bytes(481), None, EngineCodec.PCMU)
