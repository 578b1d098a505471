"""Speech as an engine gives it, made fit to be played on a telephone between others."""

from __future__ import annotations

from array import array

from acdcore.ivr.resample import TELEPHONE_RATE, amplify

SILENCE = 300
"""Samples below this (-41 dBFS) at either end belong to nobody's speech."""
PEAK = 16_000
"""Speech is brought to this peak (-6 dBFS), so that voices are equally loud and none clips in a telephone."""
LEAD_MS = 20
WORD_GAP_MS = 50
"""After a fragment, so that digits follow each other at the pace of speech."""
SENTENCE_GAP_MS = 350
"""After a whole sentence."""
SENTENCE_ENDS = "。？！.?!"


def shaped(samples: array[int], text: str) -> array[int]:
    """Speech at 8 kHz without the silence around it, at the common loudness, with the pause that its text asks for."""
    first = next((index for index, sample in enumerate(samples) if abs(sample) >= SILENCE), None)
    if first is None:
        return array("h")
    end = next(index for index in range(len(samples), 0, -1) if abs(samples[index - 1]) >= SILENCE)
    kept = samples[first:end]
    gain = PEAK / max(max(kept), -min(kept))
    gap_ms = SENTENCE_GAP_MS if text.rstrip().endswith(tuple(SENTENCE_ENDS)) else WORD_GAP_MS
    return _silence(LEAD_MS) + amplify(kept, gain) + _silence(gap_ms)


def _silence(length_ms: int) -> array[int]:
    return array("h", bytes(2 * (TELEPHONE_RATE * length_ms // 1000)))
