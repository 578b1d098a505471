"""The journal on disk: `record` takes a turn at once, and a thread writes it to disk some 50 ms later.

Rules:
- The event loop never touches the disk and never waits: it puts the turn into the thread's queue (`writer`).
- A segment begins at the start, at midnight of the operator's zone, after `SEGMENT_TURNS_MAX`, after a gap, and at the
  shutdown. It can be read alone, since it begins with the dispatcher's whole state.
- When the disk fails, is nearly full, or falls behind for too long, the segment ends with a mark (if that can still be
  written), `alarm` says why, and calls go on; a new segment is tried every `RETRY_AFTER_S`.
- Finished days are packed, days past the limits are deleted, by a second thread that nobody waits for.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from acdcore.kernel.clock import Clock
from acdcore.queues.decisions import Decision
from acdcore.queues.dispatcher import Dispatcher
from acdcore.queues.inputs import Input
from acdcore.queues.journal import checkpoint
from acdcore.queues.journal import lines as journal_lines
from acdcore.queues.journal.checkpoint import StateError
from acdcore.queues.journal.lines import Header, Mark, MarkKind
from acdcore.queues.journal.resume import ResumedRun, resume
from acdcore.storage.journal.files import lines, segment_files
from acdcore.storage.journal.writer import Begin, JournalSettings, JournalWriter, KeepTurn

__all__ = ["DiskJournal", "JournalSettings", "last_state"]

MEMORY_TURNS_MAX: Final = 50_000
"""Turns in memory that the disk has not taken yet: minutes of the busiest call centre, some 50 MB."""
RETRY_AFTER_S: Final = 60.0
"""Seconds after a gap: the whole state for a new segment costs the event loop some milliseconds."""
SEGMENT_TURNS_MAX: Final = 100_000
"""Turns that a start after a crash has to fold at most, which takes some seconds."""
SEGMENTS_TRIED_MAX: Final = 3
"""How many segments a restart looks at: older ones say nothing about the present."""


class DiskJournal:
    """`with DiskJournal(...) as journal:`, then `journal.record` keeps the turns. Disk errors are never raised.

    Call all methods in the event loop's thread.
    """

    def __init__(self, settings: JournalSettings, dispatcher: Dispatcher, clock: Clock) -> None:
        """`dispatcher` is the one whose turns will be recorded; its state begins every segment."""
        self._settings = settings
        self._dispatcher = dispatcher
        self._clock = clock
        self._writer = JournalWriter(settings)
        self._serial = 0
        self._midnight = datetime.max.replace(tzinfo=UTC)
        """When the segment's day ends."""
        self._look_at = 0.0
        """When to check next whether it has ended, monotonic seconds."""
        self._turns = 0
        """Number of turns in the segment."""
        self._stop: tuple[float, str] | None = None
        """Since when no journal is kept (monotonic seconds), and why; None while it is kept."""
        self._is_closed = False
        self.gaps = 0
        """How often turns were lost since the start."""

    def __enter__(self) -> Self:
        self._writer.start()
        self._begin(self._clock.now())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """When this returns, everything recorded is on disk, unless the disk fails. Later turns are not recorded."""
        self._is_closed = True
        self._writer.put(Mark(MarkKind.CLOSED, self._clock.now()))
        self._writer.close()

    @property
    def alarm(self) -> str:
        """What is wrong with the journal now; "" when nothing is wrong."""
        if self._stop is not None:
            return f"no journal is kept: {self._stop[1]}"
        return self._writer.tidying_problem

    def record(self, now: float, event: Input, decisions: Sequence[Decision]) -> None:
        """Record one turn that was carried out; `decisions` must not be changed afterwards."""
        if self._is_closed:
            return
        if self._stop is None:
            self._keep(now, event, decisions)
        elif now >= self._stop[0] + RETRY_AFTER_S:
            self._begin(now)  # with the state after this turn

    def clock_set(self) -> None:
        """The time of day was set: go on in a new segment, which begins with the new time."""
        if self._stop is None and not self._is_closed:
            self._continue(self._clock.now())

    def note_shutdown(self) -> None:
        """The daemon begins to stop: the next start may restore places that callers and agents lose from here on."""
        if self._stop is None and not self._is_closed:
            now = self._clock.now()
            self._continue(now)  # in a new segment, which the next start reads quickly
            self._writer.put(Mark(MarkKind.SHUTDOWN, now))

    def wait_durable(self, within_s: float) -> bool:
        """Block until everything recorded is on disk or lost; False on timeout. Do not call it on the event loop."""
        return self._writer.wait_durable(within_s)

    def backlog(self) -> int:
        """Number of turns that are not on disk yet."""
        return self._writer.backlog()

    def _keep(self, now: float, event: Input, decisions: Sequence[Decision]) -> None:
        failure = self._writer.failure
        if failure is not None and failure.serial == self._serial:
            self._give_up(now, failure.text)
        elif self._writer.backlog() > MEMORY_TURNS_MAX:
            text = f"{MEMORY_TURNS_MAX} turns wait for the disk"
            self._writer.put(Mark(MarkKind.STOPPED, now, text))
            self._give_up(now, text)
        else:
            self._writer.put(KeepTurn(now, event, decisions))
            self._turns += 1
            if now >= self._look_at:
                self._look_at_the_day(now)
            elif self._turns >= SEGMENT_TURNS_MAX:
                self._continue(now)

    def _give_up(self, now: float, text: str) -> None:
        self.gaps += 1
        self._stop = (now, text)

    def _look_at_the_day(self, now: float) -> None:
        """Begin a new segment after the first turn past midnight."""
        rest_s = (self._midnight - self._clock.wall()).total_seconds()
        if rest_s > 0:  # the time of day ran slower than monotonic time, or was set back
            self._look_at = now + rest_s
            return
        self._continue(now)

    def _continue(self, now: float) -> None:
        self._writer.put(Mark(MarkKind.CONTINUED, now))
        self._begin(now)

    def _begin(self, now: float) -> None:
        wall = self._clock.wall()
        local = wall.astimezone(self._settings.zone)
        self._midnight = _midnight_after(local)
        self._look_at = now + (self._midnight - wall).total_seconds()
        self._stop = None
        self._serial += 1
        self._turns = 0
        header = Header(wall, now, checkpoint.settings(self._dispatcher), self._settings.version)
        self._writer.put(Begin(self._serial, local.date(), header, checkpoint.dump(self._dispatcher)))


def _midnight_after(local: datetime) -> datetime:
    """The midnight at which the day of `local` ends in its zone."""
    following = local.date() + timedelta(days=1)
    return datetime.combine(following, datetime.min.time(), local.tzinfo)


def last_state(
    directory: Path, not_before: datetime | None = None, not_after: datetime | None = None
) -> ResumedRun | None:
    """The state in which the last run ended; None without a readable journal. Do not call it on the event loop.

    A run that ended before `not_before` is ignored: none of its agents is still at work. A segment that began after
    `not_after` was written by a clock that was ahead and has been set back since: it is not the last one.
    If a run's newest segment has no readable beginning (the crash came too soon), the segment before it counts.
    """
    problem = ""
    segments = [each for each in segment_files(directory) if not_after is None or each.began_wall <= not_after]
    for each in reversed(segments[-SEGMENTS_TRIED_MAX:]):
        try:
            resumed = resume(journal_lines.open_segment(lines(each.path)))
        except (OSError, StateError) as error:
            problem = f"{each.path.name}: {error}"
            continue
        if not_before is not None and resumed.ended_wall < not_before:
            return None
        return replace(resumed, problem=resumed.problem or problem)
    return None
