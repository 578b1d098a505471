"""Prepares an engine's speech to be played between other prompts: trims it, levels it, and adds a pause.

Where a word begins and ends is hard to say: "three" begins, "left" ends 40 dB below its vowel, barely above an engine's
own noise. So the loud part is found first. Then it is extended in both directions as long as the gaps in which nothing
is above the noise are no longer than a plosive's closure. A little sound is kept beyond that, and faded.
"""

from __future__ import annotations

from array import array
from itertools import accumulate, pairwise
from math import log10
from operator import mul, sub

from acdcore.ivr.audio.loudness import levelled
from acdcore.ivr.audio.resample import TELEPHONE_RATE

FRAME = TELEPHONE_RATE * 5 // 1000
"""5 ms: the release of a k is as short."""
NOTHING_DB = -50.0
"""Sound that never gets louder is not speech. Levels are those of the differences between samples, in dBFS: that
lowers vowels and hum, and raises the hiss of weak consonants, by up to 12 dB against each other."""
LOUD_DB = 25.0
LOUD_FRAMES = 4
"""Sound near the level of the loudest frame for so many frames is speech, not a click."""
QUIET_MS = 200
"""No word has so long a soft part: the quietest stretch of this length contains noise only."""
QUIET_DB = 30.0
"""That stretch must be so far below the loudest frame; otherwise there is no pause that shows the noise."""
ABOVE_NOISE_DB = 3.0
"""A frame that is so far above the loudest frame of the noise is audible in it."""
FAINT_DB = -72.0
"""Nothing softer is heard on a telephone, even if an engine is silent between words."""
CLOSED_MS = 200
"""The closure of a p, t or k, or of a pair of them, is shorter."""
BEFORE_MS = 30
AFTER_MS = 60
"""Sound that is kept around the speech, faded, because noise may cover a part of a word."""
WORD_GAP_MS = 70
"""Pause after a fragment, so that digits follow each other at the pace of speech."""
SENTENCE_GAP_MS = 350
"""Pause after a whole sentence."""
SENTENCE_ENDS = "。？！.?!"


def shaped(samples: array[int], text: str) -> array[int]:
    """Speech (signed 16 bit, 8 kHz) without the silence around it, at the common loudness, with the pause after `text`.

    Empty when there is no speech.
    """
    speech = speech_span(samples)
    if speech is None:
        return array("h")
    first, end = speech
    before, after = max(0, first - _samples(BEFORE_MS)), min(len(samples), end + _samples(AFTER_MS))
    kept = _faded(levelled(samples[before:after]), first - before, after - end)
    gap_ms = SENTENCE_GAP_MS if text.rstrip().endswith(tuple(SENTENCE_ENDS)) else WORD_GAP_MS
    missing = max(0, _samples(BEFORE_MS) - first)
    length = missing + end - before + _samples(gap_ms)
    return _silence(missing) + kept + _silence(length - missing - len(kept))


def speech_span(samples: array[int]) -> tuple[int, int] | None:
    """The first sample of the speech and the one behind its last, in whole frames; None when there is none."""
    levels = _levels(samples)
    loudest = max(levels, default=FAINT_DB)
    if loudest < NOTHING_DB:
        return None
    loud = _loud(levels, loudest - LOUD_DB)
    if not loud:
        return None
    quiet = _quietest(levels)
    least = max(quiet + ABOVE_NOISE_DB, FAINT_DB) if quiet <= loudest - QUIET_DB else FAINT_DB
    is_heard = [level >= least for level in levels]
    first = loud[0] - _reach(is_heard[: loud[0]][::-1])
    end = loud[-1] + LOUD_FRAMES + _reach(is_heard[loud[-1] + LOUD_FRAMES :])
    return first * FRAME, end * FRAME


def _loud(levels: list[float], least: float) -> list[int]:
    """The frames at which `LOUD_FRAMES` loud frames in a row begin."""
    is_loud = [level >= least for level in levels]
    return [place for place in range(len(levels) - LOUD_FRAMES + 1) if all(is_loud[place : place + LOUD_FRAMES])]


def _quietest(levels: list[float]) -> float:
    """The level that the quietest `QUIET_MS` stay below."""
    width = _samples(QUIET_MS) // FRAME
    return min(max(levels[place : place + width]) for place in range(0, max(1, len(levels) - width + 1), 2))


def _reach(is_heard: list[bool]) -> int:
    """How many frames belong to the speech that they follow: up to the last that is heard before a long silence."""
    reach = 0
    for place, heard in enumerate(is_heard, 1):
        if heard:
            reach = place
        elif (place - reach) * FRAME > _samples(CLOSED_MS):
            break
    return reach


def _levels(samples: array[int]) -> list[float]:
    """The level of each whole frame, in dB."""
    steps = list(map(sub, samples[1:], samples))
    sums = [0, *accumulate(map(mul, steps, steps))][::FRAME]
    scale = FRAME * 32_768.0**2
    return [10 * log10(max(after - before, 1) / scale) for before, after in pairwise(sums)]


def _faded(samples: array[int], fade_in: int, fade_out: int) -> array[int]:
    for length, at, step in ((fade_in, 0, 1), (fade_out, len(samples) - 1, -1)):
        for place in range(length):
            samples[at + step * place] = samples[at + step * place] * place // length
    return samples


def _samples(length_ms: int) -> int:
    return TELEPHONE_RATE * length_ms // 1000


def _silence(length: int) -> array[int]:
    return array("h", bytes(2 * max(0, length)))
