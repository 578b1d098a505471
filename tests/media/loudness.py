"""How loud 16-bit little-endian mono PCM at 8 kHz is, in all and at one frequency."""

import math
import sys
from array import array

from acdcore.media.tones import FULL_SCALE, RATE


def power_dbfs(pcm: bytes, frequency_hz: float) -> float:
    """How strong a frequency is in PCM, relative to a sine at full scale (Goertzel's algorithm); -120 at least."""
    samples = _samples(pcm)
    if not samples:
        return -120.0
    turn = 2 * math.pi * frequency_hz / RATE
    factor = 2 * math.cos(turn)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    power = before * before + last * last - factor * before * last
    amplitude = 2 * math.sqrt(max(power, 0.0)) / len(samples)
    return 20 * math.log10(max(amplitude / FULL_SCALE, 1e-6))


def level_dbfs(pcm: bytes) -> float:
    """The level of PCM of any kind, relative to a sine at full scale; -120 at least."""
    samples = _samples(pcm)
    if not samples:
        return -120.0
    effective = math.sqrt(sum(sample * sample for sample in samples) / len(samples))
    return 20 * math.log10(max(effective * math.sqrt(2) / FULL_SCALE, 1e-6))


def _samples(pcm: bytes) -> "array[int]":
    samples = array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples
