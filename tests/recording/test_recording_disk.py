"""Files on a real disk, and the disk in memory held to the same contract."""

import os
import threading
import wave
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue

import pytest
from tests.recording.disks import MemoryDisk

from acdcore.recording.disk import Disk, LocalDisk
from acdcore.recording.events import RecordingPath
from acdcore.recording.index import delete
from acdcore.recording.wav import Length, wav_header

PATH = RecordingPath("2026/11/21/c-1.wav")
SECOND = bytes(range(250)) * 128


@pytest.fixture(params=["local", "memory"])
def disk_and_read(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Disk, Callable[[RecordingPath], bytes]]:
    if request.param == "local":
        return LocalDisk(tmp_path, open_files_max=2), lambda path: (tmp_path / path).read_bytes()
    memory = MemoryDisk()
    return memory, lambda path: memory.finals[path]


DiskAndRead = tuple[Disk, Callable[[RecordingPath], bytes]]


def test_try_is_made_where_the_last_file_could_not_be_made_until_its_day_is_over(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path, open_files_max=2)
    today, past = f"{datetime.now(UTC):%Y/%m/%d}", "2026/01/02"
    for day in (past, today):
        (tmp_path / day).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / day).touch()  # no directory: nothing can be made there
        disk.probe()
        with pytest.raises(OSError):
            disk.create(RecordingPath(f"{day}/c-1.wav"))
    with pytest.raises(OSError):
        disk.probe()
    (tmp_path / today).unlink()
    disk.probe()
    disk.create(RecordingPath(f"{today}/c-1.wav"))
    disk.probe()


def test_sealed_file_has_its_header_and_all_samples(disk_and_read: DiskAndRead) -> None:
    disk, read = disk_and_read
    disk.create(PATH)
    disk.append(PATH, SECOND)
    disk.append(PATH, SECOND)
    disk.close(PATH)
    disk.seal(PATH, Length(16_000))
    disk.make_durable([PATH])
    assert read(PATH) == wav_header(16_000) + SECOND + SECOND


def test_sealing_cuts_what_was_written_half(disk_and_read: DiskAndRead) -> None:
    disk, read = disk_and_read
    disk.create(PATH)
    disk.append(PATH, SECOND)
    disk.append(PATH, b"torn!")
    disk.close(PATH)
    disk.seal(PATH, Length(8_000))
    assert read(PATH) == wav_header(8_000) + SECOND


def test_file_without_frames_is_dropped_and_its_name_is_free(disk_and_read: DiskAndRead) -> None:
    disk, _ = disk_and_read
    disk.create(PATH)
    disk.close(PATH)
    disk.seal(PATH, Length(0))
    disk.create(PATH)


def test_recording_begins_while_the_last_one_of_its_day_is_deleted(tmp_path: Path) -> None:
    disk, complete, failures = LocalDisk(tmp_path, open_files_max=2), Queue[RecordingPath | None](), list[OSError]()

    def delete_all() -> None:
        try:
            while (path := complete.get()) is not None:
                delete(tmp_path, [path])
        except OSError as failure:
            failures.append(failure)

    deleting = threading.Thread(target=delete_all)
    deleting.start()
    try:
        for number in range(500):
            path = RecordingPath(f"2026/11/21/c-{number}.wav")
            disk.create(path)
            disk.close(path)
            disk.seal(path, Length(1))
            complete.put(path)
    finally:
        complete.put(None)
        deleting.join()
    assert failures == []
    assert list(tmp_path.iterdir()) == []


def test_day_that_is_deleted_already_need_not_survive_a_power_failure(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path, open_files_max=2)
    disk.create(PATH)
    disk.close(PATH)
    disk.seal(PATH, Length(1))
    delete(tmp_path, [PATH])
    disk.make_durable([PATH])


@pytest.mark.parametrize("is_sealed", [False, True])
def test_name_in_use_is_not_overwritten(disk_and_read: DiskAndRead, is_sealed: bool) -> None:
    disk, _ = disk_and_read
    disk.create(PATH)
    disk.append(PATH, SECOND)
    disk.close(PATH)
    if is_sealed:
        disk.seal(PATH, Length(8_000))
    with pytest.raises(FileExistsError):
        disk.create(PATH)


def test_free_space_is_told(disk_and_read: DiskAndRead) -> None:
    assert disk_and_read[0].free_bytes() > 0


def test_more_files_than_descriptors_are_written_in_turn(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path, open_files_max=3)
    before = len(os.listdir("/proc/self/fd"))
    paths = [RecordingPath(f"2026/11/21/c-{number}.wav") for number in range(10)]
    for path in paths:
        disk.create(path)
    for _ in range(3):
        for path in paths:
            disk.append(path, SECOND)
    assert len(os.listdir("/proc/self/fd")) <= before + 3
    for path in paths:
        disk.close(path)
        disk.seal(path, Length(24_000))
    assert len(os.listdir("/proc/self/fd")) == before
    for path in paths:
        with wave.open(str(tmp_path / path)) as file:
            assert file.readframes(24_001) == SECOND * 3


def test_recordings_are_for_our_user_alone(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path, open_files_max=3)
    disk.create(PATH)
    disk.append(PATH, SECOND)
    disk.close(PATH)
    disk.seal(PATH, Length(8_000))
    assert (tmp_path / PATH).stat().st_mode & 0o077 == 0
    assert (tmp_path / PATH).parent.stat().st_mode & 0o077 == 0


def test_link_in_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    disk = LocalDisk(tmp_path / "recordings", open_files_max=3)
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    part = tmp_path / "recordings" / f"{PATH}.part"
    part.parent.mkdir(parents=True)
    part.symlink_to(target)
    with pytest.raises(OSError):
        disk.create(PATH)
    with pytest.raises(OSError):
        disk.seal(PATH, Length(1))
    assert target.read_bytes() == b"precious"
