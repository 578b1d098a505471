"""The helper process that reads texts aloud: `python -m acdcore.ivr.tts.tts_process ENGINE live|ahead`.

It loads one speech engine, which stays out of the daemon's process, and says so. Standard input is one JSON object a
line, with the fields of `Utterance`; for each the file appears complete (8 kHz, 16 bit, mono). Every answer is one JSON
line: `{"error": ""}`, or what went wrong. `ahead` is for texts that nobody waits for: the process leaves the way to
calls.
"""

from __future__ import annotations

import json
import os
import sys
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO

from acdcore.ivr.audio.resample import Resampler
from acdcore.ivr.audio.shaping import shaped
from acdcore.ivr.audio.wav import to_pcm
from acdcore.ivr.tts.cache import keep
from acdcore.kernel.errors import AcdError

NICENESS = 10
"""Prompts that are made ahead, as at a reload, must not take the processor from calls."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One text to be read."""

    voice: str
    """As the engine calls it."""
    speed: float
    """1.0 is the voice's own pace."""
    language: str
    """`cmn`, `yue` or `en`."""
    text: str
    """What is read."""
    file: str
    """Where the sound goes."""


class SpeechSynthesiser(Protocol):
    """A loaded engine."""

    rate: int
    """Samples a second."""

    def speak(self, voice: str, speed: float, language: str, text: str) -> array[int]:
        """The samples of `text`. Raises ValueError for a voice or a text that it cannot read."""
        ...


def _espeak() -> SpeechSynthesiser:
    from acdcore.ivr.tts.espeak import open_espeak

    return open_espeak()


def _kokoro() -> SpeechSynthesiser:
    from acdcore.ivr.tts.kokoro import open_kokoro

    return open_kokoro()


ENGINES: Mapping[str, Callable[[], SpeechSynthesiser]] = {"espeak": _espeak, "kokoro": _kokoro}
"""Each is imported only where it is wanted: some take a second."""


def main() -> None:
    """Read line by line until the input ends."""
    engine, purpose = sys.argv[1:3]
    if purpose == "ahead":
        os.nice(NICENESS)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    speech = ENGINES[engine]()
    resampler = Resampler(speech.rate)
    _say("", answers)
    for line in sys.stdin.buffer:
        problem = _read(Utterance(**json.loads(line)), speech, resampler)
        _say(problem, answers)


def _say(problem: str, answers: TextIO) -> None:
    print(json.dumps({"error": problem}), file=answers, flush=True)


def _read(utterance: Utterance, speech: SpeechSynthesiser, resampler: Resampler) -> str:
    try:
        samples = speech.speak(utterance.voice, utterance.speed, utterance.language, utterance.text)
        keep(Path(utterance.file), to_pcm(shaped(resampler.convert(samples), utterance.text)))
    except (ValueError, AcdError) as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main()
