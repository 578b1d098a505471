"""The helper process that writes down recordings: `python -m acdcore.recognition.transcribing`.

Nobody waits for it, so it has the lowest priority. Standard input is a line of JSON with the server's `url`, `model`
and `key` (an empty `url`: whisper), then one for each recording, `{"file": "/path/to/a.wav"}`: 8 kHz, 16 bit, stereo,
the caller left and the agent right. Each is answered by a line `{"language": "cmn", "parts": [["caller", 0.4, 2.1,
"..."]]}`, by `{"problem": "..."}` for what is wrong with the recording, or by `{"away": "..."}` for what is wrong with
the engine. The first line says `{"ready": true}`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import wave
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from acdcore.kernel.errors import Unavailable
from acdcore.recognition.endpoint import EndOfSpeech, EndOfSpeechSettings, Probability, UtteranceEnded, UtteranceTooLong
from acdcore.recognition.http_recogniser import HttpRecogniser, HttpSettings
from acdcore.recognition.model import SAMPLE_OCTETS, TELEPHONE_RATE, Transcript
from acdcore.recognition.voice_activity import detectors
from acdcore.recognition.whisper import Whisper

NICENESS = 19
SIDES = ("caller", "agent")
"""Left and right."""
CUTTING = EndOfSpeechSettings(silence_s=0.8, shortest_s=0.25, longest_s=25.0)
"""Between two parts there is a pause; no part is longer than an engine takes."""
BLOCK_FRAMES = 10 * TELEPHONE_RATE
"""Read at a time."""
STEP_OCTETS = 512 * SAMPLE_OCTETS
"""Given to the end of speech at a time: it tells one fact for each."""
OCTETS_A_SECOND = TELEPHONE_RATE * SAMPLE_OCTETS
HINTS = {"cmn": "以下是普通话的句子。", "en": ""}
"""Has whisper write simplified characters, by which texts are searched, and punctuation."""
WITHIN_S = 60.0
"""For a part, by a server."""


class Engine(Protocol):
    """Writes down one part."""

    def language_of(self, pcm: bytes) -> str:
        """The language that is spoken; empty when the engine finds out by itself."""
        ...

    def transcribe(self, pcm: bytes, language: str, hint: str) -> Transcript:
        """What was said. Raises Unavailable."""
        ...


class Server:
    """A recogniser over HTTP as such an engine."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings

    def language_of(self, pcm: bytes) -> str:
        return ""

    def transcribe(self, pcm: bytes, language: str, hint: str) -> Transcript:
        async def ask() -> Transcript:
            recogniser = HttpRecogniser(self._settings)
            async with recogniser.running():
                return await recogniser.transcribe(pcm, language, hint, WITHIN_S)

        return asyncio.run(ask())


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of one side that holds speech."""

    side: str
    from_s: float
    until_s: float
    pcm: bytes


def sides(file: Path) -> Iterator[tuple[bytes, ...]]:
    """The sound of each side, block by block. Raises OSError, ValueError."""
    try:
        with wave.open(str(file), "rb") as sound:
            layout = (sound.getnchannels(), sound.getsampwidth(), sound.getframerate())
            if layout != (len(SIDES), SAMPLE_OCTETS, TELEPHONE_RATE):
                raise ValueError(
                    f"{layout[0]} channels of {8 * layout[1]} bits at {layout[2]} Hz: no recording of ours"
                )
            while block := sound.readframes(BLOCK_FRAMES):
                samples = array("h", block[: len(block) // 4 * 4])
                yield tuple(samples[side :: len(SIDES)].tobytes() for side in range(len(SIDES)))
    except (wave.Error, EOFError) as error:
        raise ValueError(f"no WAV file: {error}") from error


def speech_parts(file: Path, new_probability: Callable[[], Probability]) -> Iterator[Part]:
    """The pieces of all sides that hold speech, side by side, as they end. Raises OSError, ValueError."""
    ears = {side: EndOfSpeech(new_probability(), CUTTING) for side in SIDES}
    now = 0.0
    for blocks in sides(file):
        for side, pcm in zip(SIDES, blocks, strict=True):
            for at in range(0, len(pcm), STEP_OCTETS):
                step = pcm[at : at + STEP_OCTETS]
                until_s = now + (at + len(step)) / OCTETS_A_SECOND
                fact = ears[side].hear(step, until_s)
                if isinstance(fact, UtteranceEnded | UtteranceTooLong):
                    yield _part(side, fact, until_s)
                    ears[side] = EndOfSpeech(new_probability(), CUTTING)
        now += len(blocks[0]) / OCTETS_A_SECOND
    for side, ear in ears.items():
        for later_s in (1.0, 2.0):  # who speaks to the very end
            fact = ear.hear(b"", now + later_s * CUTTING.silence_s)
            if isinstance(fact, UtteranceEnded | UtteranceTooLong):
                yield _part(side, fact, now)


def _part(side: str, fact: UtteranceEnded | UtteranceTooLong, now_s: float) -> Part:
    after_s = max(0.0, CUTTING.silence_s - CUTTING.tail_s) if isinstance(fact, UtteranceEnded) else 0.0
    until_s = now_s - after_s
    return Part(side, max(0.0, until_s - len(fact.pcm) / OCTETS_A_SECOND), until_s, fact.pcm)


def transcribe_file(file: Path, engine: Engine, new_probability: Callable[[], Probability]) -> dict[str, object]:
    """The answer for one recording."""
    language: str | None = None
    found: list[tuple[str, float, float, str]] = []
    try:
        for part in speech_parts(file, new_probability):
            language = engine.language_of(part.pcm) if language is None else language
            text = engine.transcribe(part.pcm, language, HINTS.get(language, "")).text
            if text:
                found.append((part.side, round(part.from_s, 2), round(part.until_s, 2), text))
    except Unavailable as away:
        return {"away": str(away)}
    except Exception as problem:  # told to the daemon, which has the log
        return {"problem": f"{type(problem).__name__}: {problem}"}
    return {"language": language or "", "parts": sorted(found, key=lambda each: each[1])}


def main() -> None:
    """Load the engine, then answer until standard input ends."""
    os.nice(NICENESS)
    print(json.dumps({"ready": True}), flush=True)
    settings = json.loads(sys.stdin.readline() or "{}")
    engine: Engine | None = None
    new_probability = detectors().take
    for line in sys.stdin:
        if engine is None:
            http = HttpSettings(settings["url"], settings["model"], settings["key"]) if settings.get("url") else None
            engine = Whisper() if http is None else Server(http)
        print(json.dumps(transcribe_file(Path(json.loads(line)["file"]), engine, new_probability)), flush=True)


if __name__ == "__main__":
    main()
