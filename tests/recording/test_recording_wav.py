"""The header, judged by the standard library's reader, and the repair of torn files."""

import wave
from pathlib import Path

import pytest

from acdcore.recording.wav import FRAMES_MAX, HEADER_BYTES, repair, wav_header


@pytest.mark.parametrize("frames", [0, 1, 8_000])
def test_header_says_what_the_file_holds(tmp_path: Path, frames: int) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav_header(frames) + bytes(frames * 4))
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (2, 2, 8_000, frames)
        assert len(file.readframes(frames + 1)) == frames * 4


def test_longest_file_fits_the_sizes_of_the_header() -> None:
    assert len(wav_header(FRAMES_MAX)) == HEADER_BYTES
    assert wav_header() != wav_header(FRAMES_MAX)


@pytest.mark.parametrize("torn_bytes", [0, 1, 3])
def test_repair_keeps_whole_frames_and_writes_their_number(tmp_path: Path, torn_bytes: int) -> None:
    path = tmp_path / "a.wav.part"
    samples = bytes(range(200)) * 4
    path.write_bytes(wav_header() + samples + b"x" * torn_bytes)
    assert repair(path).frames == 200
    assert path.read_bytes() == wav_header(200) + samples


@pytest.mark.parametrize("size", [0, 10, HEADER_BYTES, HEADER_BYTES + 3])
def test_file_without_a_whole_frame_is_reported_empty(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.wav.part"
    path.write_bytes(wav_header()[:size].ljust(size, b"x"))
    assert repair(path).frames == 0


def test_header_lost_by_a_power_failure_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.wav.part"
    path.write_bytes(bytes(HEADER_BYTES) + b"abcd" * 10)
    assert repair(path).duration_s == 10 / 8_000
    with wave.open(str(path)) as file:
        assert file.readframes(10) == b"abcd" * 10
