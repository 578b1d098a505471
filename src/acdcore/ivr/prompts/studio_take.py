"""A take: one text as a studio recorded it, judged and made fit to be played.

A file may have any rate, one channel or more, and any coding of `wav`. What is refused is what callers would complain
about: silence, sound that is clipped to pieces, a text that cannot be the one asked for, noise.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from math import log10, sqrt

from acdcore.ivr.audio.resample import TELEPHONE_RATE, Resampler
from acdcore.ivr.audio.shaping import shaped
from acdcore.ivr.audio.wav import WavError, read_wav
from acdcore.ivr.tts.durations import longest_s, shortest_s

FULL = 32_600
"""Samples from here on are at full scale: converters stop a little below it."""
CLIPPED_RUN = 3
"""So many in a row at full scale were cut off; a single peak may be what it is."""
CLIPPED_SHARE_MAX = 0.001
"""Of the samples: more is heard as crackling."""
FRAME = TELEPHONE_RATE // 50
"""20 ms, shorter than any pause between words."""
FRAMES_MIN = 100
"""A sound of less than 2 s may be words without a pause, and so have no place where only the noise is heard."""
PAUSES_SHARE = 0.05
"""The quietest frames are taken for pauses, the loudest for speech."""
SPEECH_OVER_NOISE_MIN_DB = 20.0
"""Less is heard as hiss or hum behind the words, on a telephone too."""
NOISE_HEARD_DBFS = -55.0
"""Noise below this is not heard, however soft the speech was before it is levelled."""
FAINT_DBFS = -50.0
"""Speech below this was not recorded but came in beside something else."""


class TakeError(ValueError):
    """The take is not fit to be played; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Take:
    """A take that is fit to be played."""

    samples: array[int]
    """At 8 kHz, trimmed and levelled as all speech."""
    length_s: float
    """How long it is then."""


def checked_take(data: bytes, text: str) -> Take:
    """The file's content made fit to be played as `text`. Raises TakeError."""
    try:
        sound = read_wav(data)
    except WavError as error:
        raise TakeError(str(error)) from error
    clipped = share_clipped(sound.samples)
    if clipped > CLIPPED_SHARE_MAX:
        raise TakeError(f"is clipped: {100 * clipped:.1f} % of it is at full scale; record it with less gain")
    narrow = Resampler(sound.rate).convert(sound.samples)
    for problem in _of_level(narrow):
        raise TakeError(problem)
    samples = shaped(narrow, text)
    length_s = len(samples) / TELEPHONE_RATE
    if length_s > longest_s(text):
        raise TakeError(f"lasts {length_s:.1f} s, but {longest_s(text):.1f} s are enough for {text!r}; cut it")
    if length_s < shortest_s(text):
        raise TakeError(f"lasts {length_s:.1f} s, too short for {text!r}; record the whole text")
    return Take(samples, length_s)


def share_clipped(samples: array[int]) -> float:
    """The share of samples that stand in a row at full scale, 0 to 1."""
    if max(samples, default=0) < FULL and min(samples, default=0) > -FULL:
        return 0.0
    clipped = run = 0
    for sample in samples:
        if -FULL < sample < FULL:
            run = 0
            continue
        run += 1
        clipped += CLIPPED_RUN if run == CLIPPED_RUN else run > CLIPPED_RUN
    return clipped / len(samples)


def _of_level(samples: array[int]) -> Iterator[str]:
    levels = sorted(levels_dbfs(samples))
    aside = int(len(levels) * PAUSES_SHARE)
    noise, speech = levels[aside], levels[-1 - aside]
    if speech < FAINT_DBFS:
        yield f"is all but silent ({speech:.0f} dBFS); record it with more gain, and look whether it is the right file"
    elif len(levels) >= FRAMES_MIN and noise > NOISE_HEARD_DBFS and speech - noise < SPEECH_OVER_NOISE_MIN_DB:
        yield (
            f"has noise only {speech - noise:.0f} dB below its speech, {SPEECH_OVER_NOISE_MIN_DB:.0f} are the least; "
            "record it in a quieter room, and leave half a second of silence around it"
        )


def levels_dbfs(samples: array[int]) -> Iterator[float]:
    """The level of each 20 ms, in dB below full scale."""
    for at in range(0, max(FRAME, len(samples) - FRAME + 1), FRAME):
        frame = samples[at : at + FRAME]
        rms = sqrt(sum(sample * sample for sample in frame) / max(1, len(frame)))
        yield 20 * log10(max(rms, 1.0) / 32_768)
