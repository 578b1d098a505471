"""The helper process that reads texts aloud: `python -m acdcore.ivr.speech`.

It loads the espeak-ng library, which is under the GPL and therefore stays out of the daemon's process. Standard input
is one JSON list of `{"voice": "cmn", "text": "...", "file": "/path/to/new.wav"}`; for each, in order, the file appears
complete (8 kHz, 16 bit, mono) and one line with its place in the list is printed.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path

from acdcore.ivr.cache import keep
from acdcore.ivr.resample import Resampler
from acdcore.ivr.shaping import shaped
from acdcore.ivr.wav import to_pcm

SYNCHRONOUS = 2
"""espeak_AUDIO_OUTPUT: samples go to the callback before espeak_Synth returns."""
CHARS_UTF8 = 1
POSITION_CHARACTER = 1
RATE_PARAMETER = 1
WORDS_PER_MINUTE = 155
"""A little slower than the library's 175: a telephone takes away the consonants' upper half."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One text to be read."""

    voice: str
    """Name of an espeak-ng voice."""
    text: str
    """What is read."""
    file: str
    """Where the sound goes."""


class Espeak:
    """The library, which keeps its state in globals: one of these in a process."""

    def __init__(self, library: str, data: str) -> None:
        self._library = ctypes.CDLL(library)
        self._samples = array("h")
        prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._callback = prototype(self._take)  # kept: the library holds a bare pointer to it
        self.rate = self._library.espeak_Initialize(SYNCHRONOUS, 0, os.fsencode(data), 0)
        if self.rate <= 0:
            raise RuntimeError(f"espeak-ng does not start with the data in {data}")
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, voice: str, text: str) -> array[int]:
        """The samples of `text` at `rate`. Raises ValueError for an unknown voice."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice}")
        self._library.espeak_SetParameter(RATE_PARAMETER, WORDS_PER_MINUTE, 0)
        self._samples = array("h")
        octets = text.encode() + b"\0"
        self._library.espeak_Synth(
            octets, ctypes.c_size_t(len(octets)), 0, POSITION_CHARACTER, 0, CHARS_UTF8, None, None
        )
        self._library.espeak_Synchronize()
        return self._samples

    def _take(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int) -> int:
        if samples and count > 0:
            self._samples.frombytes(ctypes.string_at(samples, count * 2))
        return 0


def main() -> None:
    """Read the list, write the files."""
    utterances = [Utterance(**fields) for fields in json.load(sys.stdin.buffer)]
    loader = importlib.import_module("espeakng_loader")
    espeak = Espeak(loader.get_library_path(), loader.get_data_path())
    resampler = Resampler(espeak.rate)
    for place, utterance in enumerate(utterances):
        samples = shaped(resampler.convert(espeak.speak(utterance.voice, utterance.text)), utterance.text)
        keep(Path(utterance.file), to_pcm(samples))
        print(place, flush=True)


if __name__ == "__main__":
    main()
