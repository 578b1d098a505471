"""What espeak-ng's Cantonese says, as it says it: `python -m tests.ivr.phonemes FILE`, texts as a JSON list on stdin.

The library writes its phonemes to FILE, a line for each clause; printed is a JSON list of lists of Jyutping syllables.
It is under the GPL and keeps its state in globals, so it has a process of its own.
"""

import ctypes
import importlib
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

UTF_8, PHONEMES = 1, 0x100
MNEMONICS = 1
SYLLABLE = re.compile(r"([A-Za-z-]+)(\d)([mnptk](?![aeiouy]))?")
TONES = {"7": "1", "8": "3", "9": "6"}
"""The library's further tones by those of Jyutping: high falling, and of syllables that are cut off."""


def syllables(line: str) -> Iterator[str]:
    """`N'o5_| d'ei6_|` as `ngo5`, `dei6`."""
    for body, tone, coda in SYLLABLE.findall(re.sub(r"[',]|\([a-z-]+\)", "", line)):
        yield body.replace("N", "ng").removesuffix("-") + coda + TONES.get(tone, tone)


def main() -> None:
    """Speak all texts to nobody."""
    trace = Path(sys.argv[1])
    loader = importlib.import_module("espeakng_loader")
    library, c = ctypes.CDLL(loader.get_library_path()), ctypes.CDLL(None)
    library.espeak_Initialize(2, 0, os.fsencode(loader.get_data_path()), 0)
    prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    silent = prototype(lambda *_: 0)
    library.espeak_SetSynthCallback(silent)
    library.espeak_SetVoiceByName(b"yue")
    c.fopen.restype = ctypes.c_void_p
    spoken = []
    for text in json.load(sys.stdin):
        stream = ctypes.c_void_p(c.fopen(os.fsencode(trace), b"w"))
        library.espeak_SetPhonemeTrace(MNEMONICS, stream)
        octets = text.encode() + b"\0"
        library.espeak_Synth(octets, ctypes.c_size_t(len(octets)), 0, 1, 0, UTF_8 | PHONEMES, None, None)
        library.espeak_Synchronize()
        c.fclose(stream)
        spoken.append([syllable for line in trace.read_text("utf-8").splitlines() for syllable in syllables(line)])
    print(json.dumps(spoken))


if __name__ == "__main__":
    main()
