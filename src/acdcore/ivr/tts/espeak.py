"""espeak-ng as a speech engine, and as the source of English phonemes for another; in helper processes only (GPL)."""

from __future__ import annotations

import ctypes
import importlib
import os
from array import array

SYNCHRONOUS = 2
"""espeak_AUDIO_OUTPUT: samples go to the callback before espeak_Synth returns."""
CHARS_UTF8 = 1
PHONEMES = 0x100
"""espeakPHONEMES: `[[...]]` in a text are sounds, as `acdcore.ivr.tts.cantonese` writes them."""
SPELT_IN_SOUNDS = "yue"
"""The language whose texts come so; in others two brackets are two brackets."""
POSITION_CHARACTER = 1
RATE_PARAMETER = 1
WORDS_PER_MINUTE = 155
"""A little slower than the library's 175: a telephone takes away the consonants' upper half."""
RATE_MIN, RATE_MAX = 80, 450
"""What espeak_SetParameter takes."""
TIE = "^"
IPA_TIED = 0x02 | 0x80 | ord(TIE) << 8
"""espeak_TextToPhonemes: IPA, with `TIE` between the letters of one phoneme."""


class Espeak:
    """The library, which keeps its state in globals: one of these in a process."""

    def __init__(self, library: str, data: str) -> None:
        self._library = ctypes.CDLL(library)
        self._samples = array("h")
        prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._callback = prototype(self._take)  # kept: the library holds a bare pointer to it
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self.rate = self._library.espeak_Initialize(SYNCHRONOUS, 0, os.fsencode(data), 0)
        if self.rate <= 0:
            raise RuntimeError(f"espeak-ng does not start with the data in {data}")
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, voice: str, speed: float, language: str, text: str) -> array[int]:
        """The samples of `text` at `rate`; the voice says the language. Raises ValueError for an unknown voice."""
        self._use(voice)
        pace = min(RATE_MAX, max(RATE_MIN, round(WORDS_PER_MINUTE * speed)))
        self._library.espeak_SetParameter(RATE_PARAMETER, pace, 0)
        self._samples = array("h")
        octets = text.encode() + b"\0"
        flags = CHARS_UTF8 | (PHONEMES if language == SPELT_IN_SOUNDS else 0)
        self._library.espeak_Synth(octets, ctypes.c_size_t(len(octets)), 0, POSITION_CHARACTER, 0, flags, None, None)
        self._library.espeak_Synchronize()
        return self._samples

    def phonemes(self, voice: str, text: str) -> str:
        """`text` in IPA with stress marks, `TIE` within diphthongs and affricates. Raises ValueError."""
        self._use(voice)
        octets = ctypes.create_string_buffer(text.encode() + b"\0")
        rest = ctypes.c_void_p(ctypes.addressof(octets))
        clauses = []
        while rest.value:  # a clause at a time
            clauses.append(self._library.espeak_TextToPhonemes(ctypes.byref(rest), CHARS_UTF8, IPA_TIED).decode())
        return " ".join(clause.strip() for clause in clauses if clause.strip())

    def _use(self, voice: str) -> None:
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice}; name another in [voice.LANGUAGE]")

    def _take(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int) -> int:
        if samples and count > 0:
            self._samples.frombytes(ctypes.string_at(samples, count * 2))
        return 0


def open_espeak() -> Espeak:
    """The library of the package `espeakng_loader`."""
    loader = importlib.import_module("espeakng_loader")
    return Espeak(loader.get_library_path(), loader.get_data_path())
