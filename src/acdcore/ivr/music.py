"""Sounds that are calculated: the music on hold and the beep.

The piece goes round: what still sounds at its end rings on into its beginning, so that looping it is not heard.
"""

from __future__ import annotations

from array import array
from cmath import exp
from itertools import accumulate, repeat
from math import inf, pi
from operator import add, mul

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
PLUCK_EDGE = 40
PAD_FADE_S = 0.6
PEAK = 9_000
"""-11 dBFS: music on hold is to be softer than the announcements over it."""
BEEP_HZ = 880.0
BEEP_S = 0.18


def hold_music() -> array[int]:
    """The piece: 24 seconds, signed 16 bit at 8 kHz, the same every time."""
    bar_length = round(BAR_S * TELEPHONE_RATE)
    length = len(CHORDS) * bar_length
    plucks = {note: _pluck(note) for chord in CHORDS for note in chord[1:]}
    pads = {note: _pad(note) for chord in CHORDS for note in chord}
    mix = array("d", bytes(8 * (length + bar_length)))
    for bar, chord in enumerate(CHORDS):
        for note in chord:
            _add(mix, pads[note], bar * bar_length)
        for eighth, which in enumerate(PATTERN):
            _add(mix, plucks[chord[which]], bar * bar_length + eighth * bar_length // len(PATTERN))
    tail = mix[length:]
    del mix[length:]
    _add(mix, tail, 0)
    return _levelled(mix, PEAK)


def beep() -> array[int]:
    """A short tone with soft edges."""
    count = round(BEEP_S * TELEPHONE_RATE)
    return _levelled(_faded(_sine(BEEP_HZ, count), count // 4), PEAK)


def _frequency_hz(note: int) -> float:
    return 440.0 * float(2 ** ((note - 69) / 12))


def _sine(hz: float, count: int, decay_s: float = inf) -> array[float]:
    """A sine that fades to 1/e in `decay_s`: the imaginary part of a number turned and shrunk at each sample."""
    turn = exp(complex(-1 / decay_s, 2 * pi * hz) / TELEPHONE_RATE)
    return array("d", [z.imag for z in accumulate(repeat(turn, count), mul)])


def _pluck(note: int) -> array[float]:
    """A soft string: three partials, the upper ones weaker and fading sooner."""
    count = round(PLUCK_S * TELEPHONE_RATE)
    partials = [_sine(_frequency_hz(note) * n, count, PLUCK_DECAY_S / n) for n in (1, 2, 3)]
    return _faded(array("d", [a + b / 3 + c / 5 for a, b, c in zip(*partials, strict=True)]), PLUCK_EDGE)


def _pad(note: int) -> array[float]:
    """A held note that fades in, and out into the next bar."""
    fade = round(PAD_FADE_S * TELEPHONE_RATE)
    held = _sine(_frequency_hz(note), round(BAR_S * TELEPHONE_RATE) + fade)
    return _faded(array("d", [value / 4 for value in held]), fade)


def _faded(sound: array[float], edge: int) -> array[float]:
    """`sound` with its first and last `edge` samples faded in and out."""
    for n in range(edge):
        sound[n] *= n / edge
        sound[-1 - n] *= n / edge
    return sound


def _add(mix: array[float], sound: array[float], start: int) -> None:
    end = start + len(sound)
    mix[start:end] = array("d", map(add, mix[start:end], sound))


def _levelled(mix: array[float], peak: int) -> array[int]:
    gain = peak / max(max(mix), -min(mix))
    return array("h", [round(value * gain) for value in mix])
