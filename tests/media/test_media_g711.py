"""G.711: both laws against the standard's figures and against the definition of a quantiser."""

import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acdcore.media import g711
from acdcore.media.model import EngineCodec

CODECS = [EngineCodec.PCMU, EngineCodec.PCMA]


def pcm(*samples: int) -> bytes:
    return array.array("h", samples).tobytes()


def linear(codes: bytes, codec: EngineCodec) -> list[int]:
    return list(array.array("h", g711.decode(codes, codec)))


@pytest.mark.parametrize(
    ("codec", "code", "value"),
    [  # tables 2a and 1a, scaled to 16 bits: extremes, the first step, the first step of a later segment
        (EngineCodec.PCMU, 0x80, 32124),
        (EngineCodec.PCMU, 0x00, -32124),
        (EngineCodec.PCMU, 0xFF, 0),
        (EngineCodec.PCMU, 0xFE, 8),
        (EngineCodec.PCMU, 0xEF, 132),
        (EngineCodec.PCMA, 0xAA, 32256),
        (EngineCodec.PCMA, 0x2A, -32256),
        (EngineCodec.PCMA, 0xD5, 8),
        (EngineCodec.PCMA, 0x55, -8),
        (EngineCodec.PCMA, 0xF5, 528),
    ],
)
def test_codes_mean_what_the_standard_says(codec: EngineCodec, code: int, value: int) -> None:
    assert linear(bytes([code]), codec) == [value]


@pytest.mark.parametrize("codec", CODECS)
def test_every_code_survives_decoding_and_encoding(codec: EngineCodec) -> None:
    codes = bytes(range(256))
    again = g711.encode(g711.decode(codes, codec), codec)
    negative_zero = {0x7F} if codec is EngineCodec.PCMU else set()
    assert {code for code in codes if again[code] != code} == negative_zero


@pytest.mark.parametrize("codec", CODECS)
def test_samples_are_encoded_to_within_half_a_step(codec: EngineCodec) -> None:
    values = linear(bytes(range(256)), codec)
    ladder = sorted(set(values))
    half_step = {
        value: max(abs(value - near) for near in ladder[max(0, at - 1) : at + 2]) / 2 for at, value in enumerate(ladder)
    }
    samples = range(ladder[0], ladder[-1] + 1, 7)
    for sample, code in zip(samples, g711.encode(pcm(*samples), codec), strict=True):
        assert abs(values[code] - sample) <= half_step[values[code]]


@pytest.mark.parametrize("codec", CODECS)
def test_overdriven_samples_are_clipped(codec: EngineCodec) -> None:
    values = linear(bytes(range(256)), codec)
    assert linear(g711.encode(pcm(-32768, 32767), codec), codec) == [min(values), max(values)]


@pytest.mark.parametrize("codec", CODECS)
def test_transcoding_there_and_back_costs_at_most_a_step(codec: EngineCodec) -> None:
    other = EngineCodec.PCMA if codec is EngineCodec.PCMU else EngineCodec.PCMU
    codes = bytes(range(256))
    there = g711.transcode(codes, codec, other)
    for before, after in zip(linear(codes, codec), linear(there, other), strict=True):
        assert abs(before - after) <= max(8, abs(before) // 16)


@given(st.binary(max_size=500), st.sampled_from(CODECS))
def test_lengths_follow_from_lengths(codes: bytes, codec: EngineCodec) -> None:
    assert len(g711.decode(codes, codec)) == 2 * len(codes)
    assert len(g711.encode(codes * 2, codec)) == len(codes)


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="even"):
        g711.encode(b"\0\0\0", EngineCodec.PCMU)
