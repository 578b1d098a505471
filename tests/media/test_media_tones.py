"""Tones, and the ears that tests judge audio by."""

import pytest
from tests.media import loudness

from acdcore.media import tones


def test_sine_has_its_level_at_its_frequency_and_nowhere_else() -> None:
    pcm = tones.tone((440,), 0.5, level_dbfs=-10)
    assert loudness.power_dbfs(pcm, 440) == pytest.approx(-10, abs=0.1)
    assert loudness.power_dbfs(pcm, 1000) < -50
    assert loudness.level_dbfs(pcm) == pytest.approx(-10, abs=0.1)


def test_dual_tone_shares_the_level() -> None:
    pcm = tones.tone((697, 1209), 0.5, level_dbfs=0)
    assert loudness.power_dbfs(pcm, 697) == pytest.approx(-6, abs=0.2)
    assert loudness.power_dbfs(pcm, 1209) == pytest.approx(-6, abs=0.2)


def test_call_progress_tones_have_their_cadence() -> None:
    assert len(tones.ringback()) == 2 * 8000 * 5
    assert loudness.power_dbfs(tones.ringback()[:16000], 450) > -13
    assert loudness.level_dbfs(tones.ringback()[16000:]) == -120


def test_silence_has_no_level() -> None:
    assert loudness.level_dbfs(tones.silence(0.1)) == -120
    assert loudness.power_dbfs(b"", 440) == -120


@pytest.mark.parametrize("frequencies", [(), (0.0,), (4000.0,), (440.0, -1.0)])
def test_frequencies_that_cannot_be_carried_are_refused(frequencies: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="Hz"):
        tones.tone(frequencies, 0.1)


def test_levels_above_full_scale_are_refused() -> None:
    with pytest.raises(ValueError, match="full scale"):
        tones.tone((440,), 0.1, level_dbfs=1)
