"""A recogniser for the bench: whisper-base out of the extra `speech`, with a wider search, for any rate of sound."""

import importlib
import importlib.util
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
"""Two seconds of silence after the sound."""
WINDOW_S = 30
"""What whisper was trained on. Shorter windows take a quarter of the time; in them it repeats itself."""
TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0)
"""With these it is asked again, as its makers do, when the widest search gave nothing to rely on."""
REPEATS_FROM = 2.4
"""Text that can be compressed so much says the same again and again."""
UNSURE_BELOW = -1.0
"""The mean logarithm of a token's probability. This threshold and the one above are those of whisper's makers."""
FIGURES = re.compile(r"[0-9０-９%％$¥￥£€]")
"""Tokens with these are never chosen, so that numbers are written in words: `0.0.07` does not tell what was heard."""
SEED = 1
HOW = 2
"""Goes into what is remembered: another number when the same sound may give other words."""
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


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one search came to."""

    text: str
    certainty: float
    """The mean logarithm of its tokens' probability."""

    @property
    def repeats(self) -> bool:
        """Whether it says the same again and again."""
        octets = self.text.encode()
        return len(octets) > REPEATS_FROM * len(zlib.compress(octets))


def settled(attempts: Iterable[Attempt]) -> str:
    """The first that can be relied on; where none can, the surest of those that do not repeat themselves, else of all.

    What was to be said is not looked at.
    """
    made: list[Attempt] = []
    for attempt in attempts:
        if not attempt.repeats and attempt.certainty > UNSURE_BELOW:
            return attempt.text
        made.append(attempt)
    once = [attempt for attempt in made if not attempt.repeats]
    return max(once or made, key=lambda attempt: attempt.certainty).text


class Transcriber:
    """whisper-base on the processor, in 8 bit; the same sound always gives the same words."""

    def __init__(self, threads: int = 1, window_s: int = WINDOW_S) -> None:
        """`window_s`: how much the recogniser looks at, at least. Raises Unavailable."""
        self._numpy: Any = importlib.import_module("numpy")
        engine: Any = importlib.import_module(ENGINE)
        tokenizer: Any = importlib.import_module(f"{ENGINE}.tokenizer")
        self._decode = engine.decode_audio
        self._frames_least = 100 * window_s
        self._sow: Any = importlib.import_module("ctranslate2").set_random_seed
        self._model = engine.WhisperModel(
            "whisper-base", device="cpu", compute_type="int8", cpu_threads=threads, files=weights()
        )
        self._tokenizers = {
            language: tokenizer.Tokenizer(
                self._model.hf_tokenizer, True, task="transcribe", language=LANGUAGES[language.value]
            )
            for language in BEGINNINGS
        }
        self._figures = {language: figures_in(each) for language, each in self._tokenizers.items()}

    def heard(self, pcm: bytes, rate: int, language: Language) -> str:
        """The words in at most 30 s of sound."""
        return settled(self._attempts(pcm, rate, language))

    def _attempts(self, pcm: bytes, rate: int, language: Language) -> Iterator[Attempt]:
        """The widest search, then ever wilder guesses, each made only when it is asked for."""
        tokenizer = self._tokenizers[language]
        beginning = BEGINNINGS[language]
        prompt = self._model.get_prompt(
            tokenizer, tokenizer.encode(" " + beginning) if beginning else [], without_timestamps=True
        )
        encoded = self._model.encode(self._window(pcm, rate))
        self._sow(SEED)
        guesses: list[dict[str, Any]] = [
            {"beam_size": 1, "num_hypotheses": BEAMS, "sampling_topk": 0, "sampling_temperature": temperature}
            for temperature in TEMPERATURES
        ]
        for search in ({"beam_size": BEAMS}, *guesses):
            found = self._model.model.generate(
                encoded,
                [prompt],
                max_length=len(prompt) + TOKENS_MAX,
                return_scores=True,
                suppress_blank=True,
                suppress_tokens=[-1, *self._figures[language]],
                **search,
            )[0]
            tokens = found.sequences_ids[0]
            yield Attempt(str(tokenizer.decode(tokens)).strip(), found.scores[0] * len(tokens) / (len(tokens) + 1))

    def _window(self, pcm: bytes, rate: int) -> Any:
        """The features of the sound, with silence after it."""
        samples = self._decode(io.BytesIO(write_wav(pcm, rate)), sampling_rate=SAMPLE_RATE)
        features = self._model.feature_extractor(samples, padding=0)
        frames = min(FRAMES_MAX, max(self._frames_least, features.shape[-1] + FRAMES_AFTER))
        padded = self._numpy.full((features.shape[0], frames), features.min(), dtype=features.dtype)
        padded[:, : min(frames, features.shape[-1])] = features[:, :frames]
        return padded


def figures_in(tokenizer: Any) -> list[int]:
    """The tokens that write figures, and signs that stand with them."""
    return [token for token in range(tokenizer.eot) if FIGURES.search(tokenizer.decode([token]))]


class RememberingEars:
    """Ears that know what they heard before, so that a second run listens only to what sounds otherwise."""

    def __init__(self, ears: Ears, file: Path) -> None:
        self._ears = ears
        self._file = file
        self._known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}

    def heard(self, pcm: bytes, rate: int, language: Language) -> str:
        """The words in `pcm`."""
        key = sha256(f"{HOW}:{BEAMS}:{rate}:{language.value}:".encode() + pcm).hexdigest()
        if key not in self._known:
            self._known[key] = self._ears.heard(pcm, rate, language)
            self._file.write_text(json.dumps(self._known, ensure_ascii=False))
        return self._known[key]
