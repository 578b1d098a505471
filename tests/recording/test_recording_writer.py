"""The writer's threads over real files: whole recordings, a crash, a full disk, the cost of a thousand."""

import os
import queue
import resource
import signal
import subprocess
import sys
import threading
import wave
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.recording.disks import MemoryDisk

from acdcore.kernel.errors import Unavailable
from acdcore.recording.events import DiskAlarm, RecordingCompleted, RecordingEvent, RecordingFailed, RecordingPath
from acdcore.recording.index import Repaired, repair_all
from acdcore.recording.settings import RecordingSettings
from acdcore.recording.wav import Length
from acdcore.recording.writer import RecordingWriter

SECOND = bytes(range(250)) * 128
WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Block:
    tap: int
    samples: bytes
    is_last: bool = False
    kept_frames: int | None = None


class Blocks:
    """A source that is fed by hand, with a descriptor like the engine's."""

    def __init__(self) -> None:
        self.block_fd = os.eventfd(0, os.EFD_NONBLOCK)
        self._waiting: deque[Block] = deque()
        self._lock = threading.Lock()
        self._taken = threading.Event()

    def put(self, *blocks: Block) -> None:
        with self._lock:
            self._waiting.extend(blocks)
            self._taken.clear()
            os.eventfd_write(self.block_fd, 1)

    def blocks(self) -> list[Block]:
        with self._lock:
            blocks = list(self._waiting)
            self._waiting.clear()
            if blocks:
                os.eventfd_read(self.block_fd)
                self._taken.set()
        return blocks

    def wait_until_taken(self) -> None:
        assert self._taken.wait(WAIT_S)


@pytest.fixture
def source() -> Iterator[Blocks]:
    blocks = Blocks()
    yield blocks
    os.close(blocks.block_fd)


def path_of(tap: int) -> RecordingPath:
    return RecordingPath(f"2026/11/21/c{tap}-1.wav")


def test_blocks_become_a_file_that_any_player_reads(source: Blocks, tmp_path: Path) -> None:
    events: queue.Queue[RecordingEvent] = queue.Queue()
    writer = RecordingWriter(source, RecordingSettings(directory=tmp_path, min_free_mb=0), events.put)
    writer.start()
    writer.begin(7, path_of(7))
    source.put(Block(7, SECOND), Block(8, SECOND))
    source.put(Block(7, SECOND, is_last=True))
    assert events.get(timeout=WAIT_S) == RecordingCompleted(7, path_of(7), 2.0, 64_044)
    with wave.open(str(tmp_path / path_of(7))) as file:
        assert file.getparams()[:4] == (2, 2, 8_000, 16_000)
        assert file.readframes(16_001) == SECOND * 2
    assert (writer.figures().recordings, writer.figures().blocks_unknown) == (0, 1)
    writer.stop()


@pytest.mark.parametrize("skipped", [1, 8_000, 700_000])
def test_beginning_that_is_skipped_is_not_in_the_file(source: Blocks, tmp_path: Path, skipped: int) -> None:
    events: queue.Queue[RecordingEvent] = queue.Queue()
    writer = RecordingWriter(source, RecordingSettings(directory=tmp_path, min_free_mb=0), events.put)
    writer.start()
    writer.begin(7, path_of(7))
    samples = b"".join(number.to_bytes(4, "little") for number in range(800_000))  # more than is moved at once
    source.put(Block(7, samples))
    writer.skip(7, skipped)
    source.put(Block(7, b"", is_last=True))
    length = 800_000 - skipped
    assert events.get(timeout=WAIT_S) == RecordingCompleted(
        7, path_of(7), length / 8_000, 44 + 4 * length, skipped / 8_000
    )
    with wave.open(str(tmp_path / path_of(7))) as file:
        assert file.readframes(800_001) == samples[4 * skipped :]
    writer.stop()


def test_recording_that_would_be_skipped_as_a_whole_is_kept(source: Blocks, tmp_path: Path) -> None:
    events: queue.Queue[RecordingEvent] = queue.Queue()
    writer = RecordingWriter(source, RecordingSettings(directory=tmp_path, min_free_mb=0), events.put)
    writer.start()
    writer.begin(7, path_of(7))
    writer.skip(7, 8_000)
    writer.skip(8, 8_000)
    source.put(Block(7, SECOND, is_last=True))
    assert events.get(timeout=WAIT_S) == RecordingCompleted(7, path_of(7), 1.0, 32_044)
    writer.stop()


def test_stop_writes_what_waits_and_leaves_nothing_open(source: Blocks, tmp_path: Path) -> None:
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    events: list[RecordingEvent] = []
    writer = RecordingWriter(source, RecordingSettings(directory=tmp_path, min_free_mb=0), events.append)
    writer.start()
    for tap in range(20):
        writer.begin(tap, path_of(tap))
        source.put(Block(tap, SECOND))
    source.put(*(Block(tap, SECOND) for tap in range(20)))
    writer.stop()
    writer.stop()
    assert sorted(events, key=str) == sorted(
        (RecordingCompleted(tap, path_of(tap), 2.0, 64_044) for tap in range(20)), key=str
    )
    assert not list(tmp_path.rglob("*.part"))
    assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == (threads, descriptors)
    assert (writer.figures().recordings, writer.figures().seals_waiting) == (0, 0)


def test_disk_alarm_reaches_the_listener_and_calls_are_not_told_to_end(source: Blocks) -> None:
    events: queue.Queue[RecordingEvent] = queue.Queue()
    disk = MemoryDisk(free=40_000)
    settings = RecordingSettings(directory=Path("unused"), min_free_mb=0)
    writer = RecordingWriter(source, settings, events.put, disk=disk)
    writer.start()
    writer.begin(1, path_of(1))
    source.put(Block(1, SECOND), Block(1, SECOND))
    told = [events.get(timeout=WAIT_S) for _ in range(2)]
    assert {type(event) for event in told} == {DiskAlarm, RecordingFailed}
    assert writer.figures().is_alarmed
    source.put(Block(1, SECOND, is_last=True))
    writer.stop()
    assert len(disk.finals[path_of(1)]) == 32_044


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_disk_of_200_kb_fills_up_and_every_file_on_it_is_whole(source: Blocks, tmp_path: Path) -> None:
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(tmp_path)], capture_output=True)
    if mount.returncode:
        pytest.skip(f"mount is not allowed here: {mount.stderr.decode()}")
    try:
        events: list[RecordingEvent] = []
        writer = RecordingWriter(source, RecordingSettings(directory=tmp_path, min_free_mb=0), events.append)
        writer.start()
        for tap in range(3):
            writer.begin(tap, path_of(tap))
        for _ in range(4):
            source.put(*(Block(tap, SECOND) for tap in range(3)))
        writer.stop()
        failed = [event for event in events if isinstance(event, RecordingFailed)]
        assert len(failed) == 3 and any(isinstance(event, DiskAlarm) and event.is_raised for event in events)
        for event in failed:
            with wave.open(str(tmp_path / event.path)) as file:
                assert file.readframes(100_000) == SECOND * round(event.duration_s)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


class StuckDisk(MemoryDisk):
    """Completing a file takes until the test lets go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def seal(self, path: RecordingPath, length: Length, skipped_frames: int = 0) -> None:
        self.let_go.wait(WAIT_S)
        super().seal(path, length, skipped_frames)


def test_file_that_waits_for_the_disk_holds_up_neither_others_nor_the_end(source: Blocks) -> None:
    disk = StuckDisk()
    events: queue.Queue[RecordingEvent] = queue.Queue()
    writer = RecordingWriter(source, RecordingSettings(directory=Path("unused"), min_free_mb=0), events.put, disk=disk)
    writer.start()
    for tap in (1, 2):
        writer.begin(tap, path_of(tap))
    source.put(Block(1, SECOND, is_last=True), Block(2, SECOND), Block(2, SECOND, is_last=True))
    with pytest.raises(Unavailable):
        writer.stop(within_s=0.3)
    assert writer.figures().blocks == 3
    disk.let_go.set()
    writer.stop()
    assert [events.get_nowait().__class__ for _ in range(2)] == [RecordingCompleted] * 2


CHILD = """
import sys
from pathlib import Path
from acdcore.recording.settings import RecordingSettings
from acdcore.recording.writer import RecordingWriter
from tests.recording.test_recording_writer import Block, Blocks, SECOND, path_of

source = Blocks()
writer = RecordingWriter(source, RecordingSettings(directory=Path(sys.argv[1]), min_free_mb=0), print)
writer.start()
for tap in range(50):
    writer.begin(tap, path_of(tap))
while True:
    source.put(*(Block(tap, SECOND) for tap in range(50)))
    source.wait_until_taken()
    print(writer.figures().blocks, flush=True)
"""


def test_recordings_of_a_killed_process_are_whole_after_repair(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) >= 200:
                break
        child.send_signal(signal.SIGKILL)
    assert len(list(tmp_path.rglob("*.part"))) == 50
    repairs = repair_all(tmp_path)
    assert len(repairs) == 50 and not list(tmp_path.rglob("*.part"))
    for each in repairs:
        assert isinstance(each, Repaired) and each.duration_s >= 1.0
        with wave.open(str(tmp_path / each.path)) as file:
            assert file.getnframes() == round(each.duration_s * 8_000)
            assert file.readframes(file.getnframes()) == (SECOND * 400)[: each.size_bytes - 44]


@pytest.mark.slow
def test_a_thousand_recordings_cost_little(source: Blocks, tmp_path: Path) -> None:
    events: list[RecordingEvent] = []
    writer = RecordingWriter(source, RecordingSettings(directory=tmp_path, min_free_mb=0), events.append)
    writer.start()
    for tap in range(1_000):
        writer.begin(tap, path_of(tap))
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(10):
        source.put(*(Block(tap, SECOND) for tap in range(1_000)))
        source.wait_until_taken()
    writer.stop(within_s=60)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert [type(event) for event in events] == [RecordingCompleted] * 1_000
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # Ten seconds of a thousand talks. Measured 0.5 s, mostly the kernel's copying; the bound is for slow machines.
    assert cpu_s < 3.0
