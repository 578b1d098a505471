"""Sampling rate conversion of whole sounds by a polyphase FIR filter (windowed sinc, Kaiser window).

For a conversion by up/down (in lowest terms) every output sample is the sum of some input samples times one of `up` rows
of filter taps. The filter passes what the telephone carries and keeps what would fold back into it 60 dB down.
"""

from __future__ import annotations

from array import array
from math import ceil, gcd, pi, sin, sqrt
from operator import mul

TELEPHONE_RATE = 8_000
PASS_HZ = 3_400
"""Up to here the telephone band (ITU-T G.712) is left as it is."""
STOP_HZ = 4_600
"""From here on nothing passes: what lies above would fold to below `PASS_HZ`."""
KAISER_BETA = 5.65
"""60 dB of stop band (Kaiser's formula, beta = 0.1102 (A - 8.7))."""
ATTENUATION_DB = 60.0


def to_telephone_rate(samples: array[int], rate: int) -> array[int]:
    """`samples` (16 bit, `rate` per second) at 8,000 samples per second, with the same length in time."""
    if rate == TELEPHONE_RATE:
        return samples
    common = gcd(rate, TELEPHONE_RATE)
    up, down = TELEPHONE_RATE // common, rate // common
    rows = _rows(rate, up)
    reach = len(rows[0]) // 2
    padded = array("d", bytes(8 * reach)) + array("d", samples) + array("d", bytes(8 * (reach + 1)))
    converted = array("h", bytes(2 * (len(samples) * up // down)))
    width = len(rows[0])
    for index in range(len(converted)):
        whole, part = divmod(index * down, up)
        value = round(sum(map(mul, rows[part], padded[whole : whole + width])))
        converted[index] = min(32_767, max(-32_768, value))
    return converted


def _rows(rate: int, up: int) -> list[list[float]]:
    """One row of taps for each of the `up` positions of an output sample between two input samples."""
    scale = min(1.0, rate / TELEPHONE_RATE)  # a source with less than the telephone's rate: its own band is the limit
    pass_hz, stop_hz = PASS_HZ * scale, STOP_HZ * scale
    transition = 2 * pi * (stop_hz - pass_hz) / rate
    reach = ceil((ATTENUATION_DB - 8) / (2.285 * transition) / 2)
    cutoff = (pass_hz + stop_hz) / rate
    rows = []
    for part in range(up):
        offset = part / up
        taps = [_tap(index - reach - offset, cutoff, reach + 1) for index in range(2 * reach + 2)]
        gain = sum(taps)
        rows.append([tap / gain for tap in taps])
    return rows


def _tap(distance: float, cutoff: float, reach: int) -> float:
    """The windowed sinc at `distance` input samples from the output sample."""
    if abs(distance) >= reach:
        return 0.0
    window = _bessel(KAISER_BETA * sqrt(1 - (distance / reach) ** 2)) / _bessel(KAISER_BETA)
    return cutoff * window if distance == 0 else window * sin(pi * cutoff * distance) / (pi * distance)


def _bessel(x: float) -> float:
    """The modified Bessel function I0 by its power series."""
    total = term = 1.0
    for k in range(1, 32):
        term *= (x / (2 * k)) ** 2
        total += term
    return total
