"""Recordings of any common kind become telephone sound; judged by frequency and energy."""

import struct
import threading
import time
from array import array
from math import cos, hypot, log10, pi, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.ivr.audio.resample import Resampler, amplify
from acdcore.ivr.audio.wav import WavError, from_pcm, read_wav, to_pcm, write_wav

AMPLITUDE = 10_000


def tone(hz: float, rate: int, seconds: float = 0.2) -> list[int]:
    return [round(AMPLITUDE * sin(2 * pi * hz * n / rate)) for n in range(round(rate * seconds))]


def level_db(samples: "array[int]", hz: float, rate: int = 8000) -> float:
    """How strong `hz` is, against a tone of AMPLITUDE; the edges, where the filter starts and ends, are left out."""
    inner = samples[200:-200]
    real = sum(sample * cos(2 * pi * hz * n / rate) for n, sample in enumerate(inner))
    imaginary = sum(sample * sin(2 * pi * hz * n / rate) for n, sample in enumerate(inner))
    return 20 * log10(max(hypot(real, imaginary) * 2 / len(inner) / AMPLITUDE, 1e-9))


def wav(body: bytes, coding: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16) -> bytes:
    width = channels * bits // 8
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, coding, channels, rate, rate * width, width, bits)
    data = struct.pack("<4sI", b"data", len(body)) + body
    return struct.pack("<4sI4s", b"RIFF", 4 + len(layout) + len(data), b"WAVE") + layout + data


def pack(samples: list[int], bits: int) -> bytes:
    if bits == 8:
        return bytes((sample >> 8) + 128 for sample in samples)
    return b"".join((sample << (bits - 16)).to_bytes(bits // 8, "little", signed=True) for sample in samples)


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("channels", [1, 2])
def test_pcm_of_every_width_is_read(bits: int, channels: int) -> None:
    samples = [sample for sample in tone(1000, 8000) for _ in range(channels)]
    sound = read_wav(wav(pack(samples, bits), channels=channels, bits=bits))
    assert len(sound.samples) == 1600
    assert abs(level_db(sound.samples, 1000)) < 0.1


def test_channels_are_averaged() -> None:
    sound = read_wav(wav(pack([1000, 3000, -1000, -3000], 16), channels=2))
    assert list(sound.samples) == [2000, -2000]


# ITU-T G.711 tables 1a and 2a: characters and the decoder's output, scaled to 16 bits.
@pytest.mark.parametrize(
    ("coding", "octets", "samples"),
    [
        (6, [0xD5, 0x55, 0xAA, 0x2A, 0x80, 0xC5], [8, -8, 32256, -32256, 5504, 264]),
        (7, [0xFF, 0x7F, 0x80, 0x00, 0xEF, 0x8F], [0, 0, 32124, -32124, 132, 16764]),
    ],
)
def test_companded_sound_is_read(coding: int, octets: list[int], samples: list[int]) -> None:
    assert list(read_wav(wav(bytes(octets), coding=coding, bits=8)).samples) == samples


def test_extensible_format_is_read_by_its_sub_format() -> None:
    layout = struct.pack("<HHIIHHHHIH", 0xFFFE, 1, 8000, 16000, 2, 16, 22, 16, 4, 1) + bytes(14)
    data = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", len(layout)) + layout + b"data\4\0\0\0\1\0\2\0"
    assert list(read_wav(data).samples) == [1, 2]


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("channels", [1, 2])
def test_floating_point_is_read_and_clipped_at_full_scale(bits: int, channels: int) -> None:
    kind = "f" if bits == 32 else "d"
    values = [value for value in (0.0, 0.5, -0.5, 1.0, -1.0, 7.0, float("nan"), float("-inf")) for _ in range(channels)]
    body = struct.pack(f"<{len(values)}{kind}", *values)
    sound = read_wav(wav(body, coding=3, channels=channels, bits=bits))
    assert list(sound.samples) == [0, 16384, -16384, 32767, -32767, 32767, 0, -32767]


@pytest.mark.parametrize(("coding", "bits"), [(1, 8), (1, 24), (3, 32), (6, 8), (7, 8)])
def test_extensible_format_is_read_in_every_coding(coding: int, bits: int) -> None:
    width = bits // 8
    layout = struct.pack("<HHIIHHHHIH", 0xFFFE, 1, 8000, 8000 * width, width, bits, 22, bits, 4, coding) + bytes(14)
    body = bytes(4 * width)
    data = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", len(layout)) + layout + struct.pack("<4sI", b"data", 4 * width)
    plain = wav(body, coding=coding, bits=bits)
    assert read_wav(data + body).samples == read_wav(plain).samples


@pytest.mark.parametrize("length", [0, 0xFFFF_FFFF])
@pytest.mark.parametrize("name", [b"RIFF", b"RF64"])
def test_data_of_open_length_goes_to_the_end(length: int, name: bytes) -> None:
    whole = wav(pack([1, 2, 3], 16))
    streamed = name + struct.pack("<I", length) + whole[8:40] + struct.pack("<I", length) + whole[44:]
    assert list(read_wav(streamed).samples) == [1, 2, 3]


@pytest.mark.parametrize("padding", [b"", b"\0"])
def test_chunk_of_odd_length_is_passed_over_with_and_without_its_padding(padding: bytes) -> None:
    whole = wav(pack([1, 2, 3], 16))
    with_list = whole[:12] + b"bext\5\0\0\0abcde" + padding + whole[12:]
    assert list(read_wav(with_list).samples) == [1, 2, 3]


@pytest.mark.parametrize("rate", [8001, 11127, 22255, 37800, 384000])
def test_every_rate_is_read(rate: int) -> None:
    sound = read_wav(wav(pack(tone(1000, rate), 16), rate=rate))
    heard = Resampler(sound.rate).convert(sound.samples)
    assert abs(len(heard) - 1600) <= 4
    assert abs(level_db(heard, 1000)) < 0.5


def test_chunks_that_are_not_sound_are_passed_over() -> None:
    whole = wav(pack([1, 2, 3], 16))
    with_list = whole[:12] + b"LIST\3\0\0\0abc\0" + whole[12:]
    assert list(read_wav(with_list).samples) == [1, 2, 3]


def test_what_is_written_is_read_again() -> None:
    pcm = to_pcm(array("h", [0, 1, -1, 32767, -32768]))
    assert read_wav(write_wav(pcm, 8000)).samples == from_pcm(pcm)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a WAV file"),
        (b"ID3\4" + bytes(100), "not a WAV file"),
        (b"RIFF\0\0\0\0WAVE", "no data"),
        (wav(b""), "no samples"),
        (wav(b"\1"), "no samples"),
        (b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd", "data before its format"),
        (b"RIFF\0\0\0\0WAVEfmt \4\0\0\0abcd", "cut off"),
        (wav(bytes(8), coding=3, bits=16), r"coding 3 \(floating point\) with 16 bits.*sox"),
        (wav(bytes(8), coding=1, bits=12), r"coding 1 \(PCM\) with 12 bits"),
        (wav(bytes(8), coding=0x31, bits=0), r"coding 49 \(GSM 6.10\).*sox"),
        (b"ID3\4" + bytes(100), "an MP3 file; convert it"),
        (b"OggS" + bytes(100), "an Ogg file; convert it"),
        (bytes(4) + b"ftypM4A " + bytes(100), "an MPEG-4 file; convert it"),
        (wav(bytes(8), channels=0), "0 channels"),
        (wav(bytes(8), rate=1), "1 samples per second"),
    ],
)
def test_file_that_cannot_be_played_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(WavError, match=reason):
        read_wav(data)


@given(st.binary(max_size=200), st.integers(0, 120))
def test_damaged_file_is_refused_or_read_but_never_breaks(damage: bytes, at: int) -> None:
    whole = wav(pack(tone(1000, 8000, 0.01), 16))
    try:
        sound = read_wav(whole[:at] + damage + whole[at + len(damage) :])
    except WavError:
        return
    assert len(sound.samples) > 0


@pytest.mark.parametrize("rate", [6000, 8000, 11025, 16000, 22050, 44100, 48000])
def test_conversion_keeps_length_and_what_a_telephone_carries(rate: int) -> None:
    for hz in (300, 1000, 2500, 3400):
        if hz > rate * 0.42:
            continue
        sound = Resampler(rate).convert(array("h", tone(hz, rate)))
        assert abs(len(sound) - 1600) <= 1
        assert abs(level_db(sound, hz)) < 0.2


@pytest.mark.parametrize("rate", [16000, 22050, 44100])
def test_conversion_keeps_out_what_would_fold_back(rate: int) -> None:
    for hz in (4700, 5500, 7000):
        sound = Resampler(rate).convert(array("h", tone(hz, rate)))
        assert level_db(sound, 8000 - hz) < -50


def test_conversion_clips_at_full_scale() -> None:
    square = array("h", ([32767] * 40 + [-32768] * 40) * 20)
    sound = Resampler(16000).convert(square)
    assert (max(sound), min(sound)) == (32767, -32768)


def test_amplified_sound_is_rounded_to_the_nearest_and_clipped() -> None:
    quiet = array("h", [0, 1, -1, 3, -3, 1000, -1000, 30000, -30000])
    assert amplify(quiet, 1.7) == array("h", [0, 2, -2, 5, -5, 1700, -1700, 32767, -32768])
    assert amplify(quiet, 1.0) == quiet
    assert amplify(array("h"), 2.0) == array("h")


def test_conversion_of_a_long_sound_lets_other_threads_have_the_interpreter() -> None:
    resampler, sound = Resampler(48_000), array("h", bytes(2 * 48_000 * 120))
    converting = threading.Thread(target=resampler.convert, args=(sound,))
    turns = 0
    converting.start()
    while converting.is_alive():
        turns += 1
        time.sleep(0.001)
    assert turns >= 10
