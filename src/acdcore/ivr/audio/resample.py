# cython: annotation_typing=False, wraparound=False, initializedcheck=False
"""Sampling rate conversion of whole sounds by a polyphase FIR filter (windowed sinc, Kaiser window).

For a conversion by up/down (in lowest terms) every output sample is the sum of some input samples times one of `up`
rows of filter taps. The filter passes what the telephone carries and keeps what would fold back into it 60 dB down.
"""

from __future__ import annotations

import time
from array import array
from math import ceil, gcd, pi, sin, sqrt

TELEPHONE_RATE = 8_000
PASS_HZ = 3_400
"""Up to here the telephone band (ITU-T G.712) is left as it is."""
STOP_HZ = 4_600
"""From here on nothing passes: what lies above would fold to below `PASS_HZ`."""
ATTENUATION_DB = 60.0
KAISER_BETA = 0.1102 * (ATTENUATION_DB - 8.7)
"""Kaiser's formula for the window that reaches `ATTENUATION_DB`."""
BESSEL_TERMS = 20
"""Of the power series; for arguments up to `KAISER_BETA` the rest is below 1e-15."""
BLOCK = 4_000
"""Samples computed at a time: half a second of sound, a millisecond of work for a common rate."""
LOWEST = 32_768
TO_NEAREST = LOWEST + 0.5
"""`int` truncates, so for positive values it rounds to the nearest after adding a half. `round` is slow compiled."""


class Resampler:
    """Conversion from one rate to the telephone's; building its filter costs more than converting a short sound."""

    def __init__(self, rate: int) -> None:
        common = gcd(rate, TELEPHONE_RATE)
        self._up = TELEPHONE_RATE // common
        self._down = rate // common
        self._rows = _rows(rate, self._up) if rate != TELEPHONE_RATE else array("d")
        self._width = len(self._rows) // self._up

    def convert(self, samples: array[int]) -> array[int]:
        """`samples` (signed 16 bit) at 8,000 samples per second, as long in time as before."""
        if not self._rows:
            return samples
        before, after = self._width // 2 - 1, self._width // 2
        padded = array("h", bytes(2 * before)) + samples + array("h", bytes(2 * after))
        converted = array("h", bytes(2 * (len(samples) * self._up // self._down)))
        for begin in range(0, len(converted), BLOCK):
            _filter(padded, self._rows, converted, self._up, self._down, begin, min(begin + BLOCK, len(converted)))
            time.sleep(0)  # compiled code does not release the interpreter, and calls wait for it meanwhile
        return converted


def amplify(samples: array[int], gain: float) -> array[int]:
    """`samples` (signed 16 bit) `gain` times as loud, clipped at full scale."""
    louder = array("h", bytes(2 * len(samples)))
    _amplify(samples, gain, louder)
    return louder


def _amplify(source: array[int], gain: float, target: array[int]) -> None:
    """Fill `target`; compiled like `_filter`."""
    for index in range(len(target)):
        target[index] = int(min(32_767.0, max(-32_768.0, gain * source[index])) + TO_NEAREST) - LOWEST


def _filter(
    source: array[int], rows: array[float], target: array[int], up: int, down: int, begin: int, end: int
) -> None:
    """Fill `target` from `begin` to `end`, clipped at full scale; `resample.pxd` gives this loop its C types."""
    width = len(rows) // up
    for index in range(begin, end):
        start = index * down // up
        row = index * down % up * width
        value = 0.0
        for tap in range(width):
            value += rows[row + tap] * source[start + tap]
        target[index] = int(min(32_767.0, max(-32_768.0, value)) + TO_NEAREST) - LOWEST


def _rows(rate: int, up: int) -> array[float]:
    """One row of taps for each of the `up` positions of an output sample between two input samples, end to end."""
    scale = min(1.0, rate / TELEPHONE_RATE)  # a slower source has nothing above its own band, only mirror images
    pass_hz, stop_hz = PASS_HZ * scale, STOP_HZ * scale
    transition = 2 * pi * (stop_hz - pass_hz) / rate
    reach = ceil((ATTENUATION_DB - 8) / (2.285 * transition) / 2)
    cutoff = (pass_hz + stop_hz) / rate
    rows = array("d")
    for part in range(up):
        taps = [_tap(index - reach - part / up, cutoff, reach + 1) for index in range(2 * reach + 2)]
        gain = sum(taps)
        rows.extend(tap / gain for tap in taps)
    return rows


def _tap(distance: float, cutoff: float, reach: int) -> float:
    """The windowed sinc at `distance` input samples from the output sample, not yet scaled."""
    if abs(distance) >= reach:
        return 0.0
    window = _bessel(KAISER_BETA * sqrt(1 - (distance / reach) ** 2))
    return cutoff * window if distance == 0 else window * sin(pi * cutoff * distance) / (pi * distance)


def _bessel(x: float) -> float:
    """The modified Bessel function I0 by its power series."""
    total = term = 1.0
    for k in range(1, BESSEL_TERMS + 1):
        term *= (x / (2 * k)) ** 2
        total += term
    return total
