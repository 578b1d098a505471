"""Sounds that are calculated: the music on hold and the beep.

The piece goes round: what still sounds at its end rings on into its beginning, so that looping it is not heard.
"""

from __future__ import annotations

from array import array
from math import exp, pi, sin

from acdcore.ivr.resample import TELEPHONE_RATE

BAR_S = 3.0
CHORDS = (
    (48, 64, 67, 71, 74),  # C major with seventh and ninth
    (45, 60, 64, 67, 71),  # A minor
    (41, 60, 65, 69, 72),  # F major
    (43, 59, 62, 67, 69),  # G with the fourth
    (48, 64, 67, 72, 76),
    (40, 59, 64, 67, 71),  # E minor
    (38, 60, 65, 69, 74),  # D minor
    (43, 59, 65, 67, 74),  # G seventh
)
"""Bass note and four upper notes of each bar, as MIDI note numbers; all partials stay inside the telephone's band."""
PATTERN = (1, 2, 3, 4, 3, 2, 4, 3)
"""Which note of the chord is plucked on each eighth of a bar."""
PLUCK_S = 1.2
PLUCK_DECAY_S = 0.3
PAD_FADE_S = 0.6
PEAK = 9_000
"""-11 dBFS: music on hold is to be softer than the announcements over it."""
BEEP_HZ = 880.0
BEEP_S = 0.18


def hold_music() -> array[int]:
    """The piece: 24 seconds, signed 16 bit at 8 kHz, the same on every machine."""
    length = round(len(CHORDS) * BAR_S * TELEPHONE_RATE)
    mix = array("d", bytes(8 * length))
    plucks = {note: _pluck(note) for chord in CHORDS for note in chord[1:]}
    pads = {note: _pad(note) for chord in CHORDS for note in chord}
    for bar, chord in enumerate(CHORDS):
        start = round(bar * BAR_S * TELEPHONE_RATE)
        for note in chord:
            _add(mix, pads[note], start)
        for eighth, which in enumerate(PATTERN):
            _add(mix, plucks[chord[which]], start + round(eighth * BAR_S / len(PATTERN) * TELEPHONE_RATE))
    return _levelled(mix, PEAK)


def beep() -> array[int]:
    """A short tone with soft edges."""
    count = round(BEEP_S * TELEPHONE_RATE)
    tone = (sin(2 * pi * BEEP_HZ * n / TELEPHONE_RATE) * sin(pi * n / count) for n in range(count))
    return _levelled(array("d", tone), PEAK)


def _frequency_hz(note: int) -> float:
    return 440.0 * float(2 ** ((note - 69) / 12))


def _pluck(note: int) -> array[float]:
    """A soft string: three partials, the upper ones fading sooner."""
    step = 2 * pi * _frequency_hz(note) / TELEPHONE_RATE
    decay = 1 / (PLUCK_DECAY_S * TELEPHONE_RATE)
    return array(
        "d",
        [
            min(1.0, n / 40)
            * sum(exp(-n * decay * partial) * sin(n * step * partial) / partial**1.5 for partial in (1, 2, 3))
            for n in range(round(PLUCK_S * TELEPHONE_RATE))
        ],
    )


def _pad(note: int) -> array[float]:
    """A held note that fades in, and out into the next bar."""
    step = 2 * pi * _frequency_hz(note) / TELEPHONE_RATE
    fade = round(PAD_FADE_S * TELEPHONE_RATE)
    count = round(BAR_S * TELEPHONE_RATE) + fade
    return array("d", [0.25 * min(1.0, n / fade, (count - n) / fade) * sin(n * step) for n in range(count)])


def _add(mix: array[float], note: array[float], start: int) -> None:
    length = len(mix)
    for n, value in enumerate(note, start):
        mix[n % length] += value


def _levelled(mix: array[float], peak: int) -> array[int]:
    gain = peak / max(max(mix), -min(mix))
    return array("h", [round(value * gain) for value in mix])
