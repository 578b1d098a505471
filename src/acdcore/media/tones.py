"""Tones as 16-bit little-endian mono PCM at 8 kHz: for callers to hear, and for tests and benchmarks to recognise."""

import math
import sys
from array import array
from collections.abc import Sequence

RATE = 8000
"""Samples in a second."""
FULL_SCALE = 32767
CALL_PROGRESS_HZ = (450.0,)
"""China's call progress tones (ITU-T E.180 Supplement 2) use one frequency."""


def tone(frequencies_hz: Sequence[float], length_s: float, level_dbfs: float = -12.0) -> bytes:
    """The sum of sines of equal strength, with its peak at most at `level_dbfs` below full scale.

    Raises ValueError for a frequency that 8 kHz cannot carry, or a level above full scale.
    """
    if not frequencies_hz or any(not 0 < hz < RATE / 2 for hz in frequencies_hz):
        raise ValueError(f"frequencies are between 0 and {RATE // 2} Hz, not {list(frequencies_hz)}")
    if level_dbfs > 0:
        raise ValueError(f"{level_dbfs} dB is above full scale")
    amplitude = FULL_SCALE * 10 ** (level_dbfs / 20) / len(frequencies_hz)
    turns = [2 * math.pi * hz / RATE for hz in frequencies_hz]
    samples = (amplitude * sum(math.sin(turn * at) for turn in turns) for at in range(round(length_s * RATE)))
    return _little_endian(array("h", map(round, samples)))


def sine(frequency_hz: float, length_s: float, level_dbfs: float = -12.0) -> bytes:
    """One pure tone."""
    return tone((frequency_hz,), length_s, level_dbfs)


def silence(length_s: float) -> bytes:
    """Nothing, for so long."""
    return bytes(2 * round(length_s * RATE))


def ringback() -> bytes:
    """One period of "it rings at the other end": 1 s on, 4 s off."""
    return tone(CALL_PROGRESS_HZ, 1.0) + silence(4.0)


def busy() -> bytes:
    """One period of "the other end is busy": 350 ms on, 350 ms off."""
    return tone(CALL_PROGRESS_HZ, 0.35) + silence(0.35)


def power_dbfs(pcm: bytes, frequency_hz: float) -> float:
    """How strong a frequency is in PCM, relative to a sine at full scale (Goertzel's algorithm); -120 at least."""
    samples = _from_little_endian(pcm)
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
    samples = _from_little_endian(pcm)
    if not samples:
        return -120.0
    effective = math.sqrt(sum(sample * sample for sample in samples) / len(samples))
    return 20 * math.log10(max(effective * math.sqrt(2) / FULL_SCALE, 1e-6))


def _little_endian(samples: "array[int]") -> bytes:
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def _from_little_endian(pcm: bytes) -> "array[int]":
    samples = array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples
