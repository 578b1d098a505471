"""The recordings' directory after a crash, and deletion from it."""

import wave
from pathlib import Path

import pytest

from acdcore.kernel.errors import Refused
from acdcore.recording.events import RecordingPath
from acdcore.recording.index import NotRepaired, Repaired, delete, repair_all
from acdcore.recording.wav import wav_header

DAY = "2026/11/21"


def put(directory: Path, name: str, content: bytes) -> RecordingPath:
    path = directory / DAY / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return RecordingPath(f"{DAY}/{name}")


def test_repair_completes_parts_and_drops_empty_ones(tmp_path: Path) -> None:
    put(tmp_path, "a-1.wav.part", wav_header() + bytes(32_000) + b"xyz")
    put(tmp_path, "b-1.wav.part", wav_header())
    whole = put(tmp_path, "c-1.wav", wav_header(1) + bytes(4))
    assert repair_all(tmp_path) == [
        Repaired(RecordingPath(f"{DAY}/a-1.wav"), 1.0, 32_044),
        Repaired(RecordingPath(f"{DAY}/b-1.wav"), 0.0, 0),
    ]
    assert sorted(path.name for path in (tmp_path / DAY).iterdir()) == ["a-1.wav", "c-1.wav"]
    with wave.open(str(tmp_path / DAY / "a-1.wav")) as file:
        assert file.getnframes() == 8_000
    assert (tmp_path / whole).read_bytes() == wav_header(1) + bytes(4)
    assert repair_all(tmp_path) == []


def test_repair_never_overwrites_a_finished_recording(tmp_path: Path) -> None:
    put(tmp_path, "a-1.wav", wav_header(1) + bytes(4))
    put(tmp_path, "a-1.wav.part", wav_header() + bytes(800))
    put(tmp_path, "b-1.wav.part", wav_header() + bytes(4))
    first, second = repair_all(tmp_path)
    assert isinstance(first, NotRepaired) and isinstance(second, Repaired)
    assert (tmp_path / DAY / "a-1.wav").stat().st_size == 48


def test_repair_of_a_directory_that_is_not_there_finds_nothing(tmp_path: Path) -> None:
    assert repair_all(tmp_path / "none") == []


def test_deletion_takes_the_empty_day_with_it_and_may_be_repeated(tmp_path: Path) -> None:
    one, two = put(tmp_path, "a-1.wav", wav_header(0)), put(tmp_path, "b-1.wav", wav_header(0))
    assert delete(tmp_path, [one]) == [one]
    assert (tmp_path / two).exists()
    assert delete(tmp_path, [one, two]) == [one, two]
    assert list(tmp_path.iterdir()) == []


def test_deletion_refuses_other_paths_before_it_deletes_anything(tmp_path: Path) -> None:
    one = put(tmp_path, "a-1.wav", wav_header(0))
    with pytest.raises(Refused):
        delete(tmp_path, [one, RecordingPath("../outside.wav")])
    assert (tmp_path / one).exists()
