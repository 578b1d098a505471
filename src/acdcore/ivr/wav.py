"""WAV files: any common telephone or studio recording in, 16 bit mono out.

RIFF/WAVE: chunks of a four-letter name and a 32 bit little-endian length, padded to even; `fmt ` gives the coding,
`data` the samples. The standard library's `wave` reads neither A-law nor mu-law, so the chunks are read here.
"""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass

PCM = 0x0001
A_LAW = 0x0006
MU_LAW = 0x0007
EXTENSIBLE = 0xFFFE
"""The real coding is then in the first two octets of the sub-format, 24 octets into `fmt `."""
RATE_MIN, RATE_MAX = 4_000, 192_000
RATE_STEP = 25
"""All rates in use are multiples of it, and the filter for any other would have thousands of rows."""
CHANNELS_MAX = 8
SIZE_MAX = 64 * 1024 * 1024
"""About six minutes of studio stereo: more is not a prompt but a mistake, and would fill the memory."""


class WavError(ValueError):
    """The file is not a WAV file that can be played; the text says why."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono sound."""

    rate: int
    """Samples per second."""
    samples: array[int]
    """Signed 16 bit (`array` of type h)."""


@dataclass(frozen=True, slots=True)
class _Format:
    coding: int
    channels: int
    rate: int
    bits: int


def read_wav(data: bytes) -> Sound:
    """Decode PCM of 8, 16, 24 or 32 bits, A-law or mu-law; channels are averaged. Raises WavError."""
    if len(data) > SIZE_MAX:
        raise WavError(f"is larger than {SIZE_MAX // 1024 // 1024} MB")
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise WavError("is not a WAV file (no RIFF/WAVE at its start)")
    layout: _Format | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + size]
        if name == b"fmt ":
            layout = _format(body)
        if name == b"data":
            if layout is None:
                raise WavError("has its data before its format")
            return Sound(layout.rate, _mono(_decode(body, layout), layout.channels))
        at += 8 + size + size % 2
    raise WavError("has no data")


def write_wav(pcm: bytes, rate: int) -> bytes:
    """A WAV file around 16 bit little-endian mono PCM."""
    header = struct.pack("<4sI4s", b"RIFF", 36 + len(pcm), b"WAVE")
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, PCM, 1, rate, rate * 2, 2, 16)
    return header + layout + struct.pack("<4sI", b"data", len(pcm)) + pcm


def to_pcm(samples: array[int]) -> bytes:
    """Signed 16 bit samples as little-endian octets."""
    if sys.byteorder == "little":
        return samples.tobytes()
    swapped = array("h", samples)
    swapped.byteswap()
    return swapped.tobytes()


def from_pcm(pcm: bytes) -> array[int]:
    """Little-endian octets as signed 16 bit samples; a torn last octet is dropped."""
    samples = array("h", pcm[: len(pcm) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _format(body: bytes) -> _Format:
    if len(body) < 16:
        raise WavError("has a format that is cut off")
    coding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if coding == EXTENSIBLE and len(body) >= 26:
        (coding,) = struct.unpack_from("<H", body, 24)
    if not 1 <= channels <= CHANNELS_MAX:
        raise WavError(f"has {channels} channels; 1 to {CHANNELS_MAX} can be read")
    if not RATE_MIN <= rate <= RATE_MAX:
        raise WavError(f"has {rate} samples per second; {RATE_MIN} to {RATE_MAX} can be read")
    if rate % RATE_STEP:
        raise WavError(f"has {rate} samples per second; take a common rate, such as 8000 or 44100")
    is_known = (coding == PCM and bits in (8, 16, 24, 32)) or (coding in (A_LAW, MU_LAW) and bits == 8)
    if not is_known:
        raise WavError(f"has coding {coding} with {bits} bits; PCM of 8 to 32 bits, A-law and mu-law can be read")
    return _Format(coding, channels, rate, bits)


def _decode(body: bytes, layout: _Format) -> array[int]:
    width = layout.bits // 8
    whole = body[: len(body) // (width * layout.channels) * width * layout.channels]
    if not whole:
        raise WavError("has no samples")
    match layout.coding, layout.bits:
        case 0x0006, _:
            table = [_a_law(code) for code in range(256)]
            return array("h", [table[code] for code in whole])
        case 0x0007, _:
            table = [_mu_law(code) for code in range(256)]
            return array("h", [table[code] for code in whole])
        case _, 8:
            return array("h", [(code - 128) << 8 for code in whole])
        case _:
            # Of wider samples the two upper octets are the sample in 16 bits.
            upper = bytearray(len(whole) // width * 2)
            upper[0::2] = whole[width - 2 :: width]
            upper[1::2] = whole[width - 1 :: width]
            return from_pcm(bytes(upper))


def _mono(samples: array[int], channels: int) -> array[int]:
    if channels == 1:
        return samples
    parts = [samples[channel::channels] for channel in range(channels)]
    return array("h", [sum(frame) // channels for frame in zip(*parts, strict=True)])


def _a_law(code: int) -> int:
    """One A-law octet as 16 bit sample (ITU-T G.711 table 1a)."""
    code ^= 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    value = (mantissa << 4) + 8
    if exponent:
        value = (value + 0x100) << (exponent - 1)
    return value if code & 0x80 else -value


def _mu_law(code: int) -> int:
    """One mu-law octet as 16 bit sample (ITU-T G.711 table 2a)."""
    code = ~code & 0xFF
    value = ((((code & 15) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84
    return -value if code & 0x80 else value
