"""Fits the loudness of an operator's recordings to the texts that are read aloud.

A recording within `MARGIN_LU` of the wanted loudness is not changed: its loudness may be intended. A louder one is
lowered, a softer one raised, but never so far that its noise would be heard. A warning names what is still too soft.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import accumulate, pairwise
from math import inf, log10
from operator import mul

from acdcore.ivr.audio.loudness import levelled, loudness
from acdcore.ivr.audio.resample import TELEPHONE_RATE

MARGIN_LU = 3.0
"""Without a direct comparison, sounds that differ by less are heard as equally loud."""
RAISE_MAX_DB = 20.0
"""A softer recording was made with the wrong gain; with more gain its lowest bits would be heard."""
NOISE_DB = -50.0
"""Noise is not raised above this: a telephone line has some 15 dB less."""
NOISE_SHARE = 0.1
"""Share of frames: the level below which so many frames are counts as the noise."""
FRAME = TELEPHONE_RATE // 20
SHORT_S = 0.1
"""Shorter than any word."""


def fitted(samples: array[int], lufs: float) -> array[int]:
    """`samples` (signed 16 bit, 8 kHz) at about `lufs`, if they are off by more than the margin."""
    measured = loudness(samples)
    wanted_db = lufs - measured
    if wanted_db == inf or abs(wanted_db) <= MARGIN_LU:
        return samples
    raised_db = min(wanted_db, RAISE_MAX_DB, max(0.0, NOISE_DB - _noise_db(samples)))
    return levelled(samples, measured + raised_db) if raised_db else samples


def remarks(samples: array[int], lufs: float) -> Iterator[str]:
    """Faults of a recording that callers would notice."""
    heard = loudness(fitted(samples, lufs))
    if heard == -inf:
        yield "is silent; record it again"
    elif len(samples) < SHORT_S * TELEPHONE_RATE:
        yield f"is only {1000 * len(samples) // TELEPHONE_RATE} ms long; record it again"
    elif heard < lufs - MARGIN_LU:
        yield (
            f"is {lufs - heard:.0f} LU softer than other sound of its kind, and raising it would raise its noise; "
            "record it again, louder"
        )


def _noise_db(samples: array[int]) -> float:
    """The level between words, in dBFS; for sound without pauses, the level of its softest parts."""
    sums = [0, *accumulate(map(mul, samples, samples))][::FRAME]
    powers = sorted(after - before for before, after in pairwise(sums))
    softest = powers[int(len(powers) * NOISE_SHARE)] if powers else 0
    return 10 * log10(max(softest, 1) / FRAME / 32_768.0**2)
