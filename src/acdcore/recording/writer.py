"""The two threads that write: one takes blocks from the media engine, the other completes files.

Completing waits for the disk (fsync), and blocks must not wait behind it. Neither thread holds the interpreter for
longer than it takes to hand a second of audio to the kernel.
"""

import os
import select
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, Queue
from typing import Protocol

from acdcore.kernel.clock import Clock, SystemClock
from acdcore.kernel.errors import Unavailable
from acdcore.recording.disk import Disk, LocalDisk
from acdcore.recording.events import DiskAlarm, RecordingEvent, RecordingPath
from acdcore.recording.recorder import AudioBlock, Output, Seal, TrackRecorder, failed_event, finished_event
from acdcore.recording.settings import RecordingSettings

CHECK_EVERY_S = 1.0
"""Between looks at the free space: 1,000 recordings write 32 MB in that time."""
PAUSE_MS = 50
"""Between two takings of blocks. A thousand taps would else wake the thread a thousand times a second, and each time
it would ask for the interpreter that the event loop holds. The engine keeps seconds of audio."""
SEALS_WAITING_MAX = 4_096
"""Files waiting to be completed; when the disk is that far behind, blocks wait too, and the engine drops samples."""
OPEN_FILES_MAX = 512
"""Descriptors that recordings may hold; more recordings than that share them."""
SEALS_AT_ONCE_MAX = 64
"""Files completed before their directory is flushed and their events go out."""
DRAIN_TURNS_MAX = 1_000
"""Takings of blocks at the stop, in case the engine is still running and never has none."""
STOP_WITHIN_S = 30.0
"""A disk that hangs must not hold up the end of the process; unfinished files are repaired at the next start."""


class BlockSource(Protocol):
    """The media engine, seen from here."""

    @property
    def block_fd(self) -> int:
        """Readable while blocks wait."""
        ...

    def blocks(self) -> Sequence[AudioBlock]:
        """Take the blocks that wait, those of one tap in order; called from the writer's thread."""
        ...


@dataclass(frozen=True, slots=True)
class WriterFigures:
    """A snapshot for metrics and for the ledger of leaks."""

    recordings: int
    """Begun and not finished."""
    seals_waiting: int
    """Files waiting to be completed."""
    blocks: int
    """Blocks written since the start."""
    bytes_written: int
    """Samples in them."""
    blocks_dropped: int
    """Blocks that came after their recording had stopped."""
    blocks_unknown: int
    """Blocks of taps that no recording was begun for."""
    is_alarmed: bool
    """The disk is full or broken, and nothing is recorded."""


class RecordingWriter:
    """Turns the engine's blocks into files.

    `on_event` is called from the writer's threads and must not raise or wait: hand over with `call_soon_threadsafe`.
    Stop it after the engine's taps have been closed and before the engine is.
    """

    def __init__(
        self,
        source: BlockSource,
        settings: RecordingSettings,
        on_event: Callable[[RecordingEvent], None],
        clock: Clock | None = None,
        disk: Disk | None = None,
    ) -> None:
        self._source = source
        self._on_event = on_event
        self._clock = clock or SystemClock()
        self._disk = disk or LocalDisk(settings.directory, OPEN_FILES_MAX)
        self._recorder = TrackRecorder(self._disk, settings.min_free_bytes)
        self._begun: deque[tuple[int, RecordingPath]] = deque()
        self._skips: deque[tuple[int, int]] = deque()
        self._faults: deque[OSError] = deque()
        self._seals: Queue[Seal | None] = Queue(SEALS_WAITING_MAX)
        self._writer = threading.Thread(target=self._write, name="recording-writer", daemon=True)
        self._sealer = threading.Thread(target=self._seal, name="recording-sealer", daemon=True)
        self._stop_fd = -1

    def start(self) -> None:
        """Start both threads; once only."""
        self._stop_fd = os.eventfd(0)
        self._sealer.start()
        self._writer.start()

    def begin(self, tap: int, path: RecordingPath) -> None:
        """Record the blocks of `tap` to `path`; to be called before its first block, from any thread.

        Never fails: what goes wrong is reported by `RecordingFailed`.
        """
        self._begun.append((tap, path))

    def skip(self, tap: int, frames: int) -> None:
        """Leave out so much of the beginning; to be called before the tap is closed, from any thread."""
        self._skips.append((tap, frames))

    def stop(self, within_s: float = STOP_WITHIN_S) -> None:
        """Write what waits, complete all files and end both threads.

        Raises Unavailable when the disk does not take it in time; the next start repairs what is left.
        """
        if self._stop_fd < 0:
            return
        os.eventfd_write(self._stop_fd, 1)
        ends_at = self._clock.now() + within_s
        for thread in (self._writer, self._sealer):
            thread.join(max(0.0, ends_at - self._clock.now()))
            if thread.is_alive():
                raise Unavailable(f"the recordings' disk did not take the last files within {within_s:.0f} s")
        os.close(self._stop_fd)
        self._stop_fd = -1

    def figures(self) -> WriterFigures:
        """Counters since the start; from any thread."""
        figures = self._recorder.figures
        return WriterFigures(
            recordings=len(self._recorder) + len(self._begun),
            seals_waiting=self._seals.qsize(),
            blocks=figures.blocks,
            bytes_written=figures.bytes_written,
            blocks_dropped=figures.blocks_dropped,
            blocks_unknown=figures.blocks_unknown,
            is_alarmed=self._recorder.alarm.is_raised,
        )

    def _write(self) -> None:
        """The first thread."""
        try:
            self._take_until_stopped()
            for _ in range(DRAIN_TURNS_MAX):
                if not self._take():
                    break
            self._carry_out(self._recorder.finish())
        except Exception as error:
            self._died(error)
            raise
        finally:
            self._seals.put(None)

    def _take_until_stopped(self) -> None:
        stop, wake = select.poll(), select.poll()
        stop.register(self._stop_fd, select.POLLIN)
        wake.register(self._stop_fd, select.POLLIN)
        wake.register(self._source.block_fd, select.POLLIN)
        check_at = self._clock.now()
        while not stop.poll(PAUSE_MS):
            now = self._clock.now()
            if now >= check_at:
                check_at = now + CHECK_EVERY_S
                self._check(now)
            if wake.poll(max(0.0, check_at - now) * 1_000):
                self._take()

    def _check(self, now: float) -> None:
        while self._faults:
            self._carry_out(self._recorder.refused(self._faults.popleft(), now))
        self._carry_out(self._recorder.check(now))

    def _take(self) -> bool:
        """Write the blocks that wait; False when there were none."""
        # Blocks are fetched first, commands for their taps second: a command came before the block that needs it.
        blocks = self._source.blocks()
        now = self._clock.now()
        while self._begun:
            self._carry_out(self._recorder.begin(*self._begun.popleft()))
        while self._skips:
            self._recorder.skip(*self._skips.popleft())
        for block in blocks:
            self._carry_out(self._recorder.write(block, now))
        return bool(blocks)

    def _carry_out(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Seal):
                self._seals.put(output)
            else:
                self._on_event(output)

    def _seal(self) -> None:
        """The second thread."""
        try:
            is_open = True
            while is_open:
                seals, is_open = self._next_seals()
                self._complete(seals)
        except Exception as error:
            self._died(error)
            raise

    def _complete(self, seals: list[Seal]) -> None:
        events = [self._carried_out(seal) for seal in seals]
        try:
            self._disk.make_durable(seal.path for seal in seals if seal.length.frames)
        except OSError as error:
            self._faults.append(error)
        for event in events:
            self._on_event(event)

    def _died(self, error: Exception) -> None:
        """A bug of ours: the talks go on, but somebody must learn that none of them is recorded."""
        self._on_event(DiskAlarm(is_raised=True, free_bytes=0, reason=f"the recording writer died: {error!r}"))

    def _next_seals(self) -> tuple[list[Seal], bool]:
        """Wait for one, take what else is there; and whether more may come."""
        seal = self._seals.get()
        seals: list[Seal] = []
        while seal is not None:
            seals.append(seal)
            if len(seals) == SEALS_AT_ONCE_MAX:
                return seals, True
            try:
                seal = self._seals.get_nowait()
            except Empty:
                return seals, True
        return seals, False

    def _carried_out(self, seal: Seal) -> RecordingEvent:
        try:
            self._disk.seal(seal.path, seal.length, seal.skipped_frames)
        except OSError as error:
            self._faults.append(error)
            return failed_event(seal, error)
        return finished_event(seal)
