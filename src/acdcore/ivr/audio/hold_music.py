# cython: annotation_typing=False, wraparound=False, initializedcheck=False
"""Sounds that are calculated: the music on hold and the beep.

The piece is written for a handset, which lets through what lies between 300 and 3,400 Hz and is heard best above 600: a
slow tune like a vibraphone's, broken chords like a harp's, soft held chords below. It goes round: what still sounds at
its end rings on into its beginning, so that looping it is not heard.
"""

from __future__ import annotations

from array import array
from cmath import exp
from math import inf, pi

from acdcore.ivr.audio.loudness import MUSIC_LUFS, levelled
from acdcore.ivr.audio.resample import TELEPHONE_RATE

BAR_S = 2.8
BEATS = 4
C, AM, F, G = (72, 76, 79, 83), (72, 76, 79, 81), (72, 77, 81, 84), (74, 79, 81, 86)
EM, DM, G7 = (71, 76, 79, 83), (74, 77, 81, 84), (74, 77, 79, 83)
CHORDS = (C, AM, F, G, EM, AM, DM, G7, C, AM, F, G, EM, AM, DM, G, F, EM, DM, C, F, EM, DM, G7)
"""Four notes for each bar, as MIDI note numbers: 67 seconds in three parts of eight bars."""
TUNE = (
    (79, 0, 76, 0), (81, 0, 79, 76), (77, 0, 76, 72), (74, 0, 0, 0),
    (79, 0, 83, 0), (84, 0, 83, 79), (81, 0, 77, 0), (79, 0, 0, 74),
    (76, 79, 84, 0), (83, 0, 81, 0), (81, 79, 77, 0), (79, 0, 0, 0),
    (83, 0, 79, 76), (81, 0, 76, 0), (77, 0, 74, 77), (79, 0, 77, 74),
    (84, 0, 81, 0), (83, 0, 79, 0), (81, 0, 77, 0), (79, 0, 76, 0),
    (77, 81, 84, 0), (83, 0, 79, 0), (77, 0, 81, 0), (79, 0, 74, 0),
)  # fmt: skip
"""A MIDI note number for each beat of each bar; 0: the note before goes on."""
PATTERNS = ((0, 1, 2, 3, 2, 1, 3, 2), (0, 2, 1, 3, 1, 2, 3, 1), (3, 2, 1, 0, 1, 2, 3, 2))
"""Which note of the chord is plucked on each eighth of a bar, for each part."""
PARTIALS_OF_TUNE = ((1, 1.0, 1.1), (2, 0.15, 0.5), (4, 0.12, 0.25))
"""Multiple, strength, and seconds in which it fades to 1/e."""
PARTIALS_OF_HARP = ((1, 0.42, 0.5), (2, 0.2, 0.3), (3, 0.08, 0.18))
TUNE_S = 2.6
HARP_S = 1.3
EDGE = 48
"""6 ms: a mallet is soft."""
HELD_NOTES = 3
HELD = 0.045
"""Strength of each held note, and of its octave; their sum is heard as a breath behind the rest."""
HELD_FADE_S = 0.7
DETUNED = 1.0015
"""Held notes are two that beat slowly against each other."""
MIXED_PEAK = 20_000
"""Peak of the mix; its loudness is set afterwards."""
BEEP_HZ = 880.0
BEEP_S = 0.18
BEEP_PEAK = 9_000


def hold_music() -> array[int]:
    """The piece at `MUSIC_LUFS`: 67 seconds, signed 16 bit at 8 kHz, the same every time."""
    bar_length = round(BAR_S * TELEPHONE_RATE)
    length = len(CHORDS) * bar_length
    harp = {note: _struck(note, PARTIALS_OF_HARP, HARP_S) for chord in CHORDS for note in chord}
    bells = {note: _struck(note, PARTIALS_OF_TUNE, TUNE_S) for bar in TUNE for note in bar if note}
    held = {note: _held(note) for chord in CHORDS for note in chord[:HELD_NOTES]}
    mix = array("d", bytes(8 * (length + 2 * bar_length)))
    for bar, (chord, tune) in enumerate(zip(CHORDS, TUNE, strict=True)):
        start = bar * bar_length
        for note in chord[:HELD_NOTES]:
            _mix(mix, held[note], start, 1.0)
        for eighth, which in enumerate(PATTERNS[bar * len(PATTERNS) // len(CHORDS)]):
            _mix(mix, harp[chord[which]], start + eighth * bar_length // (2 * BEATS), 1.0)
        for beat, note in enumerate(tune):
            if note:
                _mix(mix, bells[note], start + beat * bar_length // BEATS, 1.0)
    tail = mix[length:]
    del mix[length:]
    _mix(mix, tail, 0, 1.0)
    return levelled(_scaled(mix, MIXED_PEAK), MUSIC_LUFS)


def beep() -> array[int]:
    """A short tone with soft edges."""
    count = round(BEEP_S * TELEPHONE_RATE)
    return _scaled(_faded(_sine(BEEP_HZ, count), count // 4), BEEP_PEAK)


def _frequency_hz(note: int) -> float:
    return 440.0 * float(2 ** ((note - 69) / 12))


def _sine(hz: float, count: int, decay_s: float = inf) -> array[float]:
    """A sine that fades to 1/e in `decay_s`."""
    turn = exp(complex(-1 / decay_s, 2 * pi * hz) / TELEPHONE_RATE)
    sound = array("d", bytes(8 * count))
    _turn(sound, turn.real, turn.imag)
    return sound


def _struck(note: int, partials: tuple[tuple[int, float, float], ...], length_s: float) -> array[float]:
    """A note that fades, its upper partials sooner; those that no telephone carries are left out."""
    count = round(length_s * TELEPHONE_RATE)
    sound = array("d", bytes(8 * count))
    for multiple, strength, decay_s in partials:
        hz = multiple * _frequency_hz(note)
        if hz < TELEPHONE_RATE * 0.42:
            _mix(sound, _sine(hz, count, decay_s), 0, strength)
    return _faded(sound, EDGE)


def _held(note: int) -> array[float]:
    """A note that fades in, and out into the next bar."""
    fade = round(HELD_FADE_S * TELEPHONE_RATE)
    count = round(BAR_S * TELEPHONE_RATE) + fade
    hz = _frequency_hz(note)
    sound = array("d", bytes(8 * count))
    for each in (hz, hz * DETUNED, 2 * hz):
        _mix(sound, _sine(each, count), 0, HELD)
    return _faded(sound, fade)


def _faded(sound: array[float], edge: int) -> array[float]:
    """`sound` with its first and last `edge` samples faded in and out."""
    for n in range(edge):
        sound[n] *= n / edge
        sound[len(sound) - 1 - n] *= n / edge
    return sound


def _turn(sound: array[float], real: float, imaginary: float) -> None:
    """Fill `sound` with the imaginary parts of a number that is multiplied by another at each sample."""
    x, y = 1.0, 0.0
    for index in range(len(sound)):
        x, y = x * real - y * imaginary, x * imaginary + y * real
        sound[index] = y


def _mix(mix: array[float], sound: array[float], start: int, strength: float) -> None:
    """Add `sound` to `mix` from `start` on; `hold_music.pxd` gives both loops their C types."""
    for index in range(len(sound)):
        mix[start + index] += strength * sound[index]


def _scaled(mix: array[float], peak: int) -> array[int]:
    gain = peak / max(max(mix), -min(mix))
    return array("h", [round(value * gain) for value in mix])
