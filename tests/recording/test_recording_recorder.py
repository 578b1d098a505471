"""Which samples go into which file, and what a full disk does: in virtual time."""

import errno
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.recording.disks import MemoryDisk

from acdcore.recording.events import (
    DiskAlarm,
    RecordingCompleted,
    RecordingDropped,
    RecordingEvent,
    RecordingFailed,
    RecordingPath,
)
from acdcore.recording.recorder import RECORDINGS_MAX, RETRY_AFTER_S, Output, Seal, TrackRecorder, finished_event
from acdcore.recording.wav import HEADER_BYTES, wav_header

SECOND = bytes(range(250)) * 128


@dataclass(frozen=True, slots=True)
class Block:
    tap: int
    samples: bytes = SECOND
    is_last: bool = False
    kept_frames: int | None = None


def path_of(tap: int) -> RecordingPath:
    return RecordingPath(f"2026/11/21/c{tap}-1.wav")


def carried_out(disk: MemoryDisk, outputs: list[Output]) -> list[RecordingEvent]:
    events: list[RecordingEvent] = []
    for output in outputs:
        if isinstance(output, Seal):
            disk.seal(output.path, output.length)
            events.append(finished_event(output))
        else:
            events.append(output)
    return events


def begun(disk: MemoryDisk, *taps: int, min_free_bytes: int = 1_000) -> TrackRecorder:
    recorder = TrackRecorder(disk, min_free_bytes)
    for tap in taps:
        assert recorder.begin(tap, path_of(tap)) == []
    return recorder


@given(st.binary(max_size=400).map(lambda raw: raw[: len(raw) // 4 * 4]), st.lists(st.integers(0, 100), max_size=8))
def test_any_split_into_blocks_makes_the_same_file(samples: bytes, cuts: list[int]) -> None:
    disk = MemoryDisk()
    recorder = begun(disk, 1)
    edges = sorted({0, len(samples), *(min(cut * 4, len(samples)) for cut in cuts)})
    for first, end in pairwise(edges):
        recorder.write(Block(1, samples[first:end]), now=0.0)
    events = carried_out(disk, recorder.write(Block(1, b"", is_last=True), now=0.0))
    frames = len(samples) // 4
    if frames:
        assert disk.finals[path_of(1)] == wav_header(frames) + samples
        assert events == [RecordingCompleted(1, path_of(1), frames / 8_000, HEADER_BYTES + len(samples))]
    else:
        assert events == [RecordingFailed(1, path_of(1), "no audio came", 0.0, 0)]
        assert disk.parts == {}
    assert len(recorder) == 0 and disk.open == set()


def test_last_block_may_carry_samples() -> None:
    disk = MemoryDisk()
    recorder = begun(disk, 1)
    assert carried_out(disk, recorder.write(Block(1, is_last=True), 0.0)) == [
        RecordingCompleted(1, path_of(1), 1.0, 32_044)
    ]


def test_taps_do_not_mix() -> None:
    disk = MemoryDisk()
    recorder = begun(disk, 1, 2)
    for tap, sample in ((1, b"aaaa"), (2, b"bbbb"), (1, b"cccc")):
        recorder.write(Block(tap, sample), 0.0)
    carried_out(disk, recorder.finish())
    assert [disk.finals[path_of(tap)][HEADER_BYTES:] for tap in (1, 2)] == [b"aaaacccc", b"bbbb"]


def test_blocks_of_unknown_taps_are_counted_and_dropped() -> None:
    disk = MemoryDisk()
    recorder = begun(disk)
    assert recorder.write(Block(9), 0.0) == []
    assert recorder.figures.blocks_unknown == 1 and disk.parts == {}


def test_tap_begun_twice_keeps_its_first_file() -> None:
    recorder = begun(MemoryDisk(), 1)
    (failed,) = recorder.begin(1, path_of(2))
    assert isinstance(failed, RecordingFailed) and failed.path == path_of(2)
    assert len(recorder) == 1


def test_number_of_recordings_is_bounded() -> None:
    recorder = begun(MemoryDisk(), *range(RECORDINGS_MAX))
    (failed,) = recorder.begin(RECORDINGS_MAX, path_of(RECORDINGS_MAX))
    assert isinstance(failed, RecordingFailed)


def test_name_in_use_fails_that_recording_only() -> None:
    disk = MemoryDisk(finals={path_of(1): b"older"})
    recorder = begun(disk, 1, 2)
    (failed,) = recorder.write(Block(1), 0.0)
    assert isinstance(failed, RecordingFailed) and disk.finals[path_of(1)] == b"older"
    assert recorder.write(Block(2), 0.0) == []
    assert recorder.write(Block(1, is_last=True), 1.0) == []
    assert (recorder.figures.blocks_dropped, len(recorder)) == (1, 1)


def test_full_disk_stops_all_recordings_keeps_what_they_have_and_alarms_once() -> None:
    disk = MemoryDisk(free=2 * (32_000 + HEADER_BYTES) + 10_000)
    recorder = begun(disk, 1, 2, min_free_bytes=0)
    for tap in (1, 2):
        assert recorder.write(Block(tap), 0.0) == []
    events = carried_out(disk, recorder.write(Block(1), 1.0))
    assert [type(event) for event in events] == [RecordingFailed, DiskAlarm, RecordingFailed]
    assert all(event.duration_s == 1.0 for event in events if isinstance(event, RecordingFailed))
    assert disk.finals == {path_of(tap): wav_header(8_000) + SECOND for tap in (1, 2)}
    assert recorder.write(Block(2), 2.0) == []
    assert recorder.write(Block(2, is_last=True), 3.0) == recorder.write(Block(1, is_last=True), 3.0) == []
    assert (len(recorder), disk.open) == (0, set())


def test_recording_under_the_alarm_fails_at_once_and_whole() -> None:
    disk = MemoryDisk(free=500)
    recorder = begun(disk, 1)
    (alarm,) = recorder.check(0.0)
    assert alarm == DiskAlarm(True, 500, "less than 1000 bytes are free")
    (failed,) = recorder.write(Block(1), 1.0)
    assert isinstance(failed, RecordingFailed) and failed.duration_s == 0.0
    disk.free = 10_000_000
    recorder.check(RETRY_AFTER_S)
    assert recorder.write(Block(1), RETRY_AFTER_S) == [] and disk.parts == {}


def test_low_space_stops_before_the_disk_is_full() -> None:
    disk = MemoryDisk(free=33_044)
    recorder = begun(disk, 1)
    assert recorder.check(0.0) == recorder.write(Block(1), 0.0) == recorder.check(1.0) == []
    recorder.write(Block(1, b"1234"), 1.0)
    alarm, failed = carried_out(disk, recorder.check(2.0))
    assert isinstance(alarm, DiskAlarm) and isinstance(failed, RecordingFailed)
    assert failed.size_bytes == len(disk.finals[path_of(1)]) == 32_048
    assert recorder.check(3.0) == []


@pytest.mark.parametrize(
    ("now", "free", "is_cleared"),
    [
        (RETRY_AFTER_S, 1_100, True),
        (RETRY_AFTER_S - 0.1, 1_100, False),
        (RETRY_AFTER_S, 1_099, False),
    ],
)
def test_alarm_ends_with_ample_space_and_after_a_while(now: float, free: int, is_cleared: bool) -> None:
    disk = MemoryDisk(free=999)
    recorder = begun(disk)
    recorder.check(0.0)
    disk.free = free
    assert bool(recorder.check(now)) is is_cleared
    recorder.begin(1, path_of(1))
    disk.free = 1_000_000
    assert (recorder.write(Block(1), now) == []) is is_cleared


def test_broken_disk_is_tried_again_only_by_later_recordings() -> None:
    disk = MemoryDisk(broken=errno.EIO)
    recorder = begun(disk, 1)
    seal, alarm = recorder.write(Block(1), 0.0)
    assert isinstance(seal, Seal) and not seal.length.frames
    assert isinstance(alarm, DiskAlarm) and "injected" in alarm.reason
    assert recorder.check(RETRY_AFTER_S) == []
    disk.broken = 0
    assert recorder.check(2 * RETRY_AFTER_S - 0.1) == []
    assert recorder.check(2 * RETRY_AFTER_S) == [DiskAlarm(False, disk.free, "there is space again")]


def test_error_while_completing_alarms_only_when_it_is_the_disks() -> None:
    recorder = begun(MemoryDisk())
    assert recorder.refused(FileNotFoundError(errno.ENOENT, "gone"), 0.0) == []
    (alarm,) = recorder.refused(OSError(errno.ENOSPC, "full"), 0.0)
    assert isinstance(alarm, DiskAlarm)


def test_disk_that_takes_nothing_is_an_alarm_before_the_first_talk_finds_out() -> None:
    disk = MemoryDisk(broken_writes=errno.EACCES)
    recorder = TrackRecorder(disk, min_free_bytes=1_000)
    (told,) = recorder.check(0.0)
    assert isinstance(told, DiskAlarm) and told.is_raised
    assert recorder.check(1.0) == []


def test_alarm_for_want_of_rights_lasts_until_a_file_can_be_written() -> None:
    disk = MemoryDisk(broken_writes=errno.EACCES)
    recorder = TrackRecorder(disk, min_free_bytes=1_000)
    recorder.check(0.0)
    assert recorder.check(31.0) == [], "tried, and still without rights"
    disk.broken_writes = 0
    assert recorder.check(50.0) == [], "not so soon after the last try"
    (told,) = recorder.check(62.0)
    assert isinstance(told, DiskAlarm) and not told.is_raised


@pytest.mark.parametrize("kept_frames", [1, 7_999, 8_000, 12_000, 20_000])
def test_recording_is_cut_to_what_is_to_be_kept(kept_frames: int) -> None:
    disk = MemoryDisk()
    recorder = begun(disk, 1)
    recorder.write(Block(1), 0.0)
    (finished,) = carried_out(disk, recorder.write(Block(1, is_last=True, kept_frames=kept_frames), 1.0))
    frames = min(kept_frames, 16_000)
    assert finished == RecordingCompleted(1, path_of(1), frames / 8_000, HEADER_BYTES + 4 * frames)
    assert disk.finals[path_of(1)] == wav_header(frames) + (SECOND * 2)[: 4 * frames]


@pytest.mark.parametrize("samples", [b"", SECOND])
def test_recording_of_which_nothing_is_kept_leaves_no_file(samples: bytes) -> None:
    disk = MemoryDisk()
    recorder = begun(disk, 1)
    if samples:
        recorder.write(Block(1), 0.0)
    events = carried_out(disk, recorder.write(Block(1, samples, is_last=True, kept_frames=0), 1.0))
    assert events == [RecordingDropped(1, path_of(1))]
    assert disk.finals == {}
    assert len(recorder) == 0
