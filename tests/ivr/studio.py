"""Something like speech as a studio records it, in any coding of a WAV file."""

import struct

import numpy as np
from numpy.typing import NDArray

from acdcore.ivr.audio.wav import FLOAT, PCM

RATE = 48_000
Floats = NDArray[np.float64]


def phrase(loudness: float = 0.3, noise: float = 0.0005, length_s: float = 2.0, rate: int = RATE) -> Floats:
    """Something that is loud and soft as speech is: four syllables a second, with half a second of silence around."""
    at = np.arange(round(length_s * rate)) / rate
    syllables = np.clip(np.sin(2 * np.pi * 4 * at), 0, None) * np.sin(2 * np.pi * 300 * at)
    whole = np.concatenate([silence(0.5, rate), loudness * syllables, silence(0.5, rate)])
    return whole + noise * np.random.default_rng(5).uniform(-1, 1, len(whole))


def silence(length_s: float, rate: int = RATE) -> Floats:
    """Nothing at all."""
    return np.zeros(round(length_s * rate))


def wav(samples: Floats, coding: int = PCM, bits: int = 16, channels: int = 1, rate: int = RATE) -> bytes:
    """A WAV file with the same samples in each channel."""
    body = encoded(np.repeat(samples, channels), coding, bits)
    layout = struct.pack("<HHIIHH", coding, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)
    chunks = b"fmt " + struct.pack("<I", 16) + layout + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def encoded(samples: Floats, coding: int, bits: int) -> bytes:
    """The samples as they stand in a file."""
    if coding == FLOAT:
        return samples.astype("<f4").tobytes()
    whole = np.round(np.clip(samples, -1, 1) * (2.0 ** (bits - 1) - 1)).astype("<i4")
    return whole.view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
