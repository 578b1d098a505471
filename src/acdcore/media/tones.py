"""Tones as 16-bit little-endian mono PCM at 8 kHz."""

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


def silence(length_s: float) -> bytes:
    """Nothing, for so long."""
    return bytes(2 * round(length_s * RATE))


def ringback() -> bytes:
    """One period of "it rings at the other end": 1 s on, 4 s off."""
    return tone(CALL_PROGRESS_HZ, 1.0) + silence(4.0)


def _little_endian(samples: "array[int]") -> bytes:
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
