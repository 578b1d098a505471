# cython: annotation_typing=False, wraparound=False, initializedcheck=False
"""Measures the loudness of telephone sound (ITU-R BS.1770-4), and changes it.

Two filters weigh the samples as ears do: a shelf that raises what lies above 1.5 kHz, and a high-pass. The loudness is
the mean square of blocks of 400 ms, one begun each 100 ms; blocks below -70 LUFS, and then those 10 LU below the mean
of the rest, are pauses and do not count. The recommendation gives the filters for 48 kHz only; here they are designed
for any rate from the analogue filters behind its figures. A sine of 997 Hz at full scale measures -3.0 LUFS.

A limiter keeps peaks below `CEILING`, where G.711 does not clip. It looks ahead, so that the gain is down when the peak
comes and no wave is distorted. Its gain returns slowly, so that no pumping is heard.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from math import exp, inf, log10, pi, tan

from acdcore.ivr.audio.resample import TELEPHONE_RATE, amplify

PROMPT_LUFS = -19.0
"""Loudness of prompts: as loud as people talk on a telephone."""
MUSIC_LUFS = -27.0
"""Loudness of music on hold: clearly softer than prompts, and still above the noise of a line."""
CEILING = 23_197.0
"""-3 dBFS as a sample; in mu-law the largest is 32,124, in A-law 32,256."""
OFFSET_DB = -0.691
"""BS.1770: the weighting's gain at 997 Hz is taken out again."""
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = 10.0
STEPS_A_SECOND = 10
STEPS_A_BLOCK = 4
FULL_SCALE = 32_768.0
SHELF = (1681.974450955533, 3.999843853973347, 0.7071752369554196)
"""Frequency in Hz, gain in dB and quality of the analogue shelf behind table 1 of BS.1770-4."""
SHELF_SLOPE = 0.4996667741545416
"""The exponent of the gain at its middle."""
HIGH_PASS = (38.13547087602444, 0.5003270373238773)
"""Frequency and quality of the analogue high-pass behind table 2."""
LOOK_AHEAD = TELEPHONE_RATE * 5 // 1000
"""5 ms: the gain falls over more than a period of a voice."""
RELEASE = 1 - exp(-1 / (0.1 * TELEPHONE_RATE))
"""The gain comes back by 63 % in 100 ms: within a syllable it stays where it is."""
CLOSE_LU = 0.2
"""Smaller differences cannot be heard."""
ROUNDS_MAX = 4
"""The limiter lowers the loudness with the peaks; the gain is corrected for that so many times at most."""
MAKE_UP_DB = 3.0
"""Total correction at most: sound that is still too soft consists of peaks, and more gain would only distort it."""
LOWEST = 32_768
TO_NEAREST = LOWEST + 0.5
"""As in `resample.py`: `int` truncates, and `round` is slow when compiled."""


def loudness(samples: array[int]) -> float:
    """The integrated loudness of `samples` (signed 16 bit, mono, 8 kHz) in LUFS; -inf for silence.

    Sound that is shorter than a block counts as one block.
    """
    step = TELEPHONE_RATE // STEPS_A_SECOND
    if len(samples) < step * STEPS_A_BLOCK:
        step = max(1, len(samples) // STEPS_A_BLOCK)
    steps = array("d", bytes(8 * (len(samples) // step)))
    _weigh(samples, weighting(TELEPHONE_RATE), steps, step)
    scale = step * STEPS_A_BLOCK * FULL_SCALE * FULL_SCALE
    blocks = [sum(steps[at : at + STEPS_A_BLOCK]) / scale for at in range(len(steps) - STEPS_A_BLOCK + 1)]
    audible = _above(blocks, ABSOLUTE_GATE_LUFS)
    return _lufs(_above(audible, _lufs(audible) - RELATIVE_GATE_LU))


def levelled(samples: array[int], lufs: float = PROMPT_LUFS) -> array[int]:
    """`samples` at a loudness of `lufs`, no sample beyond `CEILING`; silence stays silence.

    Sound of peaks only, such as clicks, becomes softer than `lufs`.
    """
    wanted_db = lufs - loudness(samples)
    if wanted_db == inf:
        return samples
    gain_db = wanted_db
    made = limited(samples, _factor(gain_db))
    for _ in range(ROUNDS_MAX):
        missing_lu = lufs - loudness(made)
        if missing_lu < CLOSE_LU or gain_db >= wanted_db + MAKE_UP_DB:
            break
        gain_db = min(gain_db + missing_lu, wanted_db + MAKE_UP_DB)
        made = limited(samples, _factor(gain_db))
    return made


def limited(samples: array[int], gain: float) -> array[int]:
    """`samples` `gain` times as loud, with peaks limited to `CEILING`."""
    if not samples or max(max(samples), -min(samples)) * gain <= CEILING:
        return amplify(samples, gain)
    made = array("h", bytes(2 * len(samples)))
    _limit(samples, gain, array("d", [1.0]) * len(samples), made)
    return made


def weighting(rate: int) -> array[float]:
    """b0, b1, b2, a1, a2 of the shelf and then of the high-pass at `rate` samples per second (BS.1770-4, annex 1)."""
    hertz, gain_db, quality = SHELF
    turn = tan(pi * hertz / rate)
    high = _factor(gain_db)
    middle = high**SHELF_SLOPE
    whole = 1 + turn / quality + turn * turn
    shelf = [
        (high + middle * turn / quality + turn * turn) / whole,
        2 * (turn * turn - high) / whole,
        (high - middle * turn / quality + turn * turn) / whole,
        2 * (turn * turn - 1) / whole,
        (1 - turn / quality + turn * turn) / whole,
    ]
    hertz, quality = HIGH_PASS
    turn = tan(pi * hertz / rate)
    whole = 1 + turn / quality + turn * turn
    return array(
        "d",
        [*shelf, 1.0, -2.0, 1.0, 2 * (turn * turn - 1) / whole, (1 - turn / quality + turn * turn) / whole],
    )


def _factor(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def _lufs(blocks: list[float]) -> float:
    """The loudness of blocks with these mean squares (full scale is 1)."""
    return OFFSET_DB + 10 * log10(sum(blocks) / len(blocks)) if blocks else -inf


def _above(blocks: Iterable[float], gate_lufs: float) -> list[float]:
    gate = 10 ** ((gate_lufs - OFFSET_DB) / 10)
    return [block for block in blocks if block > gate]


def _weigh(source: array[int], weights: array[float], steps: array[float], step: int) -> None:
    """Fill `steps` with the sums of squares of the weighted samples; compiled like all loops over samples."""
    b0, b1, b2, a1, a2 = weights[0], weights[1], weights[2], weights[3], weights[4]
    d1, d2 = weights[8], weights[9]
    shelf1 = shelf2 = pass1 = pass2 = 0.0
    for part in range(len(steps)):
        total = 0.0
        for index in range(part * step, part * step + step):
            value = source[index] - a1 * shelf1 - a2 * shelf2
            raised = b0 * value + b1 * shelf1 + b2 * shelf2
            shelf2, shelf1 = shelf1, value
            value = raised - d1 * pass1 - d2 * pass2
            heard = value - 2 * pass1 + pass2
            pass2, pass1 = pass1, value
            total += heard * heard
        steps[part] = total


def _limit(source: array[int], gain: float, gains: array[float], target: array[int]) -> None:
    """Fill `target`; `gains` holds a one for each sample, and then what the gain is multiplied with, not smoothed yet.

    For each peak all samples of the look-ahead before it are led down as far as the peak needs; the mean over as many
    samples then falls smoothly and has arrived when the peak comes.
    """
    ceiling, reach, release = CEILING, LOOK_AHEAD, RELEASE
    for index in range(len(source)):
        level = abs(source[index] * gain)
        if level > ceiling:
            for before in range(max(0, index - reach + 1), index + 1):
                gains[before] = min(gains[before], ceiling / level)
    held = 1.0
    for index in range(len(source)):
        held = min(gains[index], held + (1.0 - held) * release)
        gains[index] = held
    total = reach * gains[0]
    for index in range(len(source)):
        total += gains[index] - gains[max(0, index - reach)]
        value = min(ceiling, max(-ceiling, source[index] * gain * total / reach))
        target[index] = int(value + TO_NEAREST) - LOWEST
