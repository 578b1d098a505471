"""WAV files: reads any common telephone or studio recording, writes 16 bit mono.

RIFF/WAVE: chunks of a four-letter name and a 32 bit little-endian length, padded to even; `fmt ` gives the coding,
`data` the samples. The standard library's `wave` reads neither A-law nor mu-law nor floating point, so the chunks are
read here. Programs that write while they record leave the lengths open (0 or 0xFFFFFFFF): such data goes to the end.
"""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass
from math import inf

PCM = 0x0001
FLOAT = 0x0003
A_LAW = 0x0006
MU_LAW = 0x0007
EXTENSIBLE = 0xFFFE
"""With this format the coding is in the first two octets of the sub-format, 24 octets into `fmt `."""
READABLE = frozenset([(PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64), (A_LAW, 8), (MU_LAW, 8)])
"""Pairs of coding and bits of a sample."""
CODINGS = {
    PCM: "PCM",
    FLOAT: "floating point",
    A_LAW: "A-law",
    MU_LAW: "mu-law",
    0x0002: "Microsoft ADPCM",
    0x0011: "IMA ADPCM",
    0x0031: "GSM 6.10",
    0x0040: "G.721 ADPCM",
    0x0050: "MPEG",
    0x0055: "MP3",
    0x00FF: "AAC",
}
STARTS = {b"ID3": "an MP3 file", b"\xff\xfb": "an MP3 file", b"OggS": "an Ogg file", b"fLaC": "a FLAC file"} | {
    b"FORM": "an AIFF file",
    b".snd": "an AU file",
    b"RIFX": "a WAV file of the other byte order",
    b"#!AMR": "an AMR file",
}
"""First bytes of other files that are named .wav by mistake."""
REMEDY = "convert it, for example with: sox FILE -b 16 -r 8000 -c 1 NEW.wav"
OPEN_LENGTHS = frozenset([0, 0xFFFF_FFFF])
RATE_MIN, RATE_MAX = 1_000, 768_000
RATE_STEP = 25
"""A rate is taken for the nearest multiple: all rates in use are, and the filter for any other would have thousands
of rows. The pitch is off by 1.3 % at 1,000 samples a second, and by less than 0.2 % from 8,000 on."""
CHANNELS_MAX = 8
SIZE_MAX = 64 * 1024 * 1024
"""Bytes, about six minutes of studio stereo; a longer file is a mistake and would fill the memory."""


class WavError(ValueError):
    """The file is not a WAV file that can be played; the text says why."""


class TooLong(WavError):
    """The sound is longer than the caller of `read_wav` allows."""

    def __init__(self, length_s: float) -> None:
        super().__init__(f"lasts {length_s:.0f} s")
        self.length_s = length_s


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


def read_wav(data: bytes, longest_s: float = inf) -> Sound:
    """Decode PCM of 8, 16, 24 or 32 bits, floating point, A-law or mu-law; channels are averaged.

    Raises WavError, and TooLong, before decoding, when the sound is longer than `longest_s`.
    """
    if len(data) > SIZE_MAX:
        raise WavError(f"is larger than {SIZE_MAX // 1024 // 1024} MB; cut it, or convert it to 8,000 Hz mono")
    if data[:4] not in (b"RIFF", b"RF64", b"BW64") or data[8:12] != b"WAVE":
        raise WavError(_what_it_is(data))
    layout: _Format | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if name == b"data" and size in OPEN_LENGTHS:
            size = len(data) - at - 8
        body = data[at + 8 : at + 8 + size]
        if name == b"fmt ":
            layout = _format(body)
        if name == b"data":
            if layout is None:
                raise WavError(f"has its data before its format; {REMEDY}")
            length_s = len(body) / (layout.bits // 8 * layout.channels * layout.rate)
            if length_s > longest_s:
                raise TooLong(length_s)
            return Sound(layout.rate, _mono(_decode(body, layout), layout.channels))
        at += 8 + size
        if size % 2 and not _begins_chunk(data, at):  # some programs do not pad
            at += 1
    raise WavError(f"has no data; {REMEDY}")


def is_cut_off(data: bytes) -> bool:
    """Whether a WAV file has less data than its header says, for example because the disk was full."""
    (size,) = struct.unpack_from("<I", data, 4) if len(data) >= 8 else (0,)
    return size not in OPEN_LENGTHS and len(data) < 8 + int(size)


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
    """Little-endian octets as signed 16 bit samples; a single last octet is dropped."""
    samples = array("h", pcm[: len(pcm) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _what_it_is(data: bytes) -> str:
    """The message for a file without RIFF/WAVE, with its kind if its beginning shows it."""
    known = next((kind for start, kind in STARTS.items() if data.startswith(start)), "")
    if data[4:8] == b"ftyp":
        known = "an MPEG-4 file"
    return f"is not a WAV file{f' but {known}' if known else ' (no RIFF/WAVE at its start)'}; {REMEDY}"


def _begins_chunk(data: bytes, at: int) -> bool:
    """Whether one of the known chunks begins here."""
    return data[at : at + 4] in (b"data", b"fmt ", b"LIST", b"fact", b"cue ", b"bext", b"id3 ", b"PEAK")


def _format(body: bytes) -> _Format:
    if len(body) < 16:
        raise WavError(f"has a format that is cut off; {REMEDY}")
    coding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if coding == EXTENSIBLE and len(body) >= 26:
        (coding,) = struct.unpack_from("<H", body, 24)
    if not 1 <= channels <= CHANNELS_MAX:
        raise WavError(f"has {channels} channels; 1 to {CHANNELS_MAX} can be read; {REMEDY}")
    if not RATE_MIN <= rate <= RATE_MAX:
        raise WavError(f"has {rate} samples per second; {RATE_MIN} to {RATE_MAX} can be read; {REMEDY}")
    if (coding, bits) not in READABLE:
        raise WavError(
            f"has coding {coding} ({CODINGS.get(coding, 'unknown')}) with {bits} bits; PCM of 8, 16, 24 or 32 bits, "
            f"floating point of 32 or 64, A-law and mu-law can be read; {REMEDY}"
        )
    return _Format(coding, channels, (rate + RATE_STEP // 2) // RATE_STEP * RATE_STEP, bits)


def _decode(body: bytes, layout: _Format) -> array[int]:
    width = layout.bits // 8
    whole = body[: len(body) // (width * layout.channels) * width * layout.channels]
    if not whole:
        raise WavError("has no samples; record it again")
    match layout.coding, layout.bits:
        case 0x0003, _:
            return _from_floats(whole, "f" if layout.bits == 32 else "d")
        case 0x0006, _:
            table = [_a_law(code) for code in range(256)]
            return array("h", [table[code] for code in whole])
        case 0x0007, _:
            table = [mu_law(code) for code in range(256)]
            return array("h", [table[code] for code in whole])
        case _, 8:
            return array("h", [(code - 128) << 8 for code in whole])
        case _:
            # Of wider samples the two upper octets are the sample in 16 bits.
            upper = bytearray(len(whole) // width * 2)
            upper[0::2] = whole[width - 2 :: width]
            upper[1::2] = whole[width - 1 :: width]
            return from_pcm(bytes(upper))


def _from_floats(whole: bytes, kind: str) -> array[int]:
    """Samples from floating point with full scale 1.0; louder ones are clipped, and NaN becomes silence."""
    floats = array(kind, whole)
    if sys.byteorder == "big":
        floats.byteswap()
    return array(
        "h",
        [round(32_767 * (value if -1.0 < value < 1.0 else _clipped(value))) for value in floats],
    )


def _clipped(value: float) -> float:
    if value != value:
        return 0.0
    return 1.0 if value > 0 else -1.0


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


def mu_law(code: int) -> int:
    """One mu-law octet as 16 bit sample (ITU-T G.711 table 2a)."""
    code = ~code & 0xFF
    value = ((((code & 15) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84
    return -value if code & 0x80 else value
