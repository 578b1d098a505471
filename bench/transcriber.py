"""A recogniser for the bench: whisper-base out of the extra `speech`, with a wider search, for any rate of sound."""

import importlib
import importlib.util
import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from acdcore.ivr.audio.wav import write_wav
from acdcore.ivr.model.flow import Language
from acdcore.recognition.whisper import ENGINE, FRAMES_MAX, LANGUAGES, SAMPLE_RATE, weights
from acdcore.recognition.whisper import missing as missing_for_whisper

READINGS = "pypinyin"
BEAMS = 5
TOKENS_MAX = 200
FRAMES_AFTER = 200
"""Two seconds of silence after the sound; the window of 30 s that whisper was trained on takes four times as long."""
FRAMES_LEAST = 800
BEGINNINGS = {Language.MANDARIN: "以下是普通话的句子。", Language.ENGLISH: ""}
"""After such a beginning Mandarin is written in simplified characters; it says nothing of what follows."""


class Ears(Protocol):
    """What writes down what it hears."""

    def heard(self, pcm: bytes, rate: int, language: Language) -> str:
        """The words in `pcm` (16 bit little-endian, mono)."""
        ...


def missing() -> tuple[str, ...]:
    """The packages that a comparison needs and this machine does not have."""
    return (*missing_for_whisper(), *(() if importlib.util.find_spec(READINGS) else (READINGS,)))


class Transcriber:
    """whisper-base on the processor, in 8 bit; the same sound always gives the same words."""

    def __init__(self, threads: int = 1, window_s: int = 0) -> None:
        """`window_s` 30 is whisper's own window; 0: as long as the sound needs. Raises Unavailable."""
        self._numpy: Any = importlib.import_module("numpy")
        engine: Any = importlib.import_module(ENGINE)
        tokenizer: Any = importlib.import_module(f"{ENGINE}.tokenizer")
        self._decode = engine.decode_audio
        self._frames_least = 100 * window_s or FRAMES_LEAST
        self._model = engine.WhisperModel(
            "whisper-base", device="cpu", compute_type="int8", cpu_threads=threads, files=weights()
        )
        self._tokenizers = {
            language: tokenizer.Tokenizer(
                self._model.hf_tokenizer, True, task="transcribe", language=LANGUAGES[language.value]
            )
            for language in BEGINNINGS
        }

    def heard(self, pcm: bytes, rate: int, language: Language) -> str:
        """The words in at most 30 s of sound."""
        tokenizer = self._tokenizers[language]
        beginning = BEGINNINGS[language]
        prompt = self._model.get_prompt(
            tokenizer, tokenizer.encode(" " + beginning) if beginning else [], without_timestamps=True
        )
        found = self._model.model.generate(
            self._model.encode(self._window(pcm, rate)),
            [prompt],
            beam_size=BEAMS,
            max_length=len(prompt) + TOKENS_MAX,
            suppress_blank=True,
            suppress_tokens=[-1],
        )[0]
        return str(tokenizer.decode(found.sequences_ids[0])).strip()

    def _window(self, pcm: bytes, rate: int) -> Any:
        """The features of the sound, with silence after it."""
        samples = self._decode(io.BytesIO(write_wav(pcm, rate)), sampling_rate=SAMPLE_RATE)
        features = self._model.feature_extractor(samples, padding=0)
        frames = min(FRAMES_MAX, max(self._frames_least, features.shape[-1] + FRAMES_AFTER))
        padded = self._numpy.full((features.shape[0], frames), features.min(), dtype=features.dtype)
        padded[:, : min(frames, features.shape[-1])] = features[:, :frames]
        return padded


class RememberingEars:
    """Ears that know what they heard before, so that a second run listens only to what sounds otherwise."""

    def __init__(self, ears: Ears, file: Path) -> None:
        self._ears = ears
        self._file = file
        self._known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}

    def heard(self, pcm: bytes, rate: int, language: Language) -> str:
        """The words in `pcm`."""
        key = sha256(f"{BEAMS}:{rate}:{language.value}:".encode() + pcm).hexdigest()
        if key not in self._known:
            self._known[key] = self._ears.heard(pcm, rate, language)
            self._file.write_text(json.dumps(self._known, ensure_ascii=False))
        return self._known[key]
