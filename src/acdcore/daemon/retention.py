"""Retention: deletes recordings and rows past the operator's limits, each hour, in a thread.

Rules:
- Without a limit nothing is deleted.
- A file is deleted before its row, so that no file is left without a row. If a crash comes between the two, the next
  pass deletes the row.
- A recording that is being written is a `.part` file and is never deleted. While rows wait for the database, nothing
  is deleted, because a waiting row may belong to a recording.
- While the machine's clock is not believed (`ClockTrust`), nothing is deleted: by a clock that is a year ahead
  everything would be too old.
- Each pass deletes a bounded number and says in the log what it was.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from acdcore.calls.model.commands import RetentionReport, WrongState
from acdcore.calls.model.ports import Spool
from acdcore.kernel.alarms import AlarmKind, Alarms, Severity
from acdcore.kernel.background import Rhythm, repeat_in_background
from acdcore.kernel.clock import Clock, suspended_s
from acdcore.kernel.clock_watch import ClockReading, ClockTrust
from acdcore.kernel.errors import AcdError, Unavailable
from acdcore.recording.index import delete, old_files
from acdcore.recording.retention import Deletion, Limits, Reason, RetentionSettings, plan
from acdcore.storage.storage import LATE_ROW_S
from acdcore.storage.stores.retention import OLD_ROWS, PgRetention

FIRST_PASS_AFTER_S = 60.0
"""The first pass waits until the start is over."""
PASS_EVERY_S = 3_600.0
RECORDINGS_MAX = 10_000
"""Recordings deleted in one pass: more than 150 lines record in an hour, so one pass an hour is enough."""
ROWS_AT_A_TIME = 1_000
"""Rows deleted in one transaction of some 50 ms, which is as long as the drainer may have to wait."""
ROWS_MAX = 50_000
"""Rows of one table deleted in one pass."""
PAUSE_S = 0.05
"""Pause between two transactions, which leaves the database to others."""

RETENTION = AlarmKind(
    "retention",
    Severity.MINOR,
    "Let the daemon's user delete there, and put the machine's clock right; until then the disk fills up.",
)
"""What is past its retention could not be deleted."""


@dataclass(frozen=True, slots=True)
class RetentionPaths:
    """Files and directories that retention deletes from."""

    recordings: Path
    refused: Path
    """`rejected.jsonl` of the spool."""


class Retention:
    """Carries out retention passes, one at a time."""

    def __init__(
        self,
        limits: Callable[[], RetentionSettings],
        paths: RetentionPaths,
        old: PgRetention,
        spool: Spool,
        clock: Clock,
        trust: ClockTrust | None = None,
    ) -> None:
        """`limits` gives the limits of the present settings; without `trust` the clock is believed."""
        self._limits = limits
        self._paths = paths
        self._old = old
        self._spool = spool
        self._clock = clock
        self._trust = trust or ClockTrust(self._now(), None)
        self._turn = asyncio.Lock()
        self._log = structlog.get_logger("retention")

    async def turn(self, alarms: Alarms) -> None:
        """One hourly pass."""
        try:
            await self.carry_out("retention", False)
        except Unavailable as error:
            self._log.info("retention_waits", reason=str(error))
        except (OSError, AcdError) as error:
            alarms.raise_alarm(RETENTION, str(error))
        else:
            alarms.clear(RETENTION, "a pass came to its end")

    async def carry_out(self, by: str, is_dry_run: bool) -> RetentionReport:
        """Delete what is past its retention, or only count it.

        Raises Unavailable while rows wait, WrongState when the clock was set, OSError.
        """
        self._check_clock()
        backlog = self._spool.backlog()
        if backlog.rows > ROWS_AT_A_TIME or backlog.oldest_age_s > LATE_ROW_S:
            raise Unavailable("rows wait for the database; nothing is deleted before they are there")
        async with self._turn:
            limits, wall = self._limits(), self._clock.wall()
            gone = await self._recordings(limits, wall, is_dry_run)
            rows = await self._rows(limits, wall, is_dry_run)
            refused = await asyncio.to_thread(self._refused, limits, wall, is_dry_run)
        report = RetentionReport(
            is_dry_run=is_dry_run,
            recordings=len(gone),
            recordings_bytes=sum(each.size_bytes for each in gone),
            rows=rows,
            refused_bytes=refused,
            is_complete=len(gone) < RECORDINGS_MAX and all(count < ROWS_MAX for count in rows.values()),
        )
        if not is_dry_run and (report.recordings or any(rows.values()) or refused):
            facts = {"recordings_bytes": report.recordings_bytes, "rows": rows, "refused_bytes": refused}
            self._log.warning("retention_deleted", by=by, recordings=report.recordings, **facts)
        return report

    def _check_clock(self) -> None:
        doubt = self._trust.doubt(self._now())
        if doubt:
            raise WrongState(f"{doubt}, so nothing is deleted; put it right")

    def _now(self) -> ClockReading:
        return ClockReading(self._clock.now(), self._clock.wall(), suspended_s())

    async def _recordings(self, limits: RetentionSettings, wall: datetime, is_dry_run: bool) -> list[Deletion]:
        age = timedelta(days=limits.recordings_days) if limits.recordings_days else None
        size_max = int(limits.recordings_gb * 1e9) if limits.recordings_gb else None
        if age is None and size_max is None:
            return []
        oldest = await self._old.oldest_recordings(RECORDINGS_MAX)
        known = plan(oldest, Limits(age, size_max), wall, await self._old.recorded_bytes())
        gone = list(known)
        if age is not None:
            found = await asyncio.to_thread(old_files, self._paths.recordings, (wall - age).date(), RECORDINGS_MAX)
            told = await self._old.referenced_paths([each.path for each in found])
            gone += [Deletion(each.path, each.size_bytes, Reason.AGE) for each in found if each.path not in told]
        if not is_dry_run:
            await self._delete(gone)
        return gone

    async def _delete(self, gone: list[Deletion]) -> None:
        for begin in range(0, len(gone), ROWS_AT_A_TIME):
            some = gone[begin : begin + ROWS_AT_A_TIME]
            await asyncio.to_thread(delete, self._paths.recordings, [each.path for each in some])
            await self._old.forget_recordings([each.path for each in some])
            for each in some:
                self._log.info("recording_deleted", path=each.path, size_bytes=each.size_bytes, limit=each.reason.value)
            await asyncio.sleep(PAUSE_S)

    async def _rows(self, limits: RetentionSettings, wall: datetime, is_dry_run: bool) -> dict[str, int]:
        if not limits.history_days:
            return {}
        before = wall - timedelta(days=limits.history_days)
        if is_dry_run:
            return {old.name: await self._old.count_rows(old, before, ROWS_MAX) for old in OLD_ROWS}
        counts = dict.fromkeys((old.name for old in OLD_ROWS), 0)
        for old in OLD_ROWS:
            for _ in range(ROWS_MAX // ROWS_AT_A_TIME):
                count = await self._old.delete_rows(old, before, ROWS_AT_A_TIME)
                counts[old.name] += count
                await asyncio.sleep(PAUSE_S)
                if count < ROWS_AT_A_TIME:
                    break
        await self._old.delete_loose_events(before, ROWS_MAX)
        return counts

    def _refused(self, limits: RetentionSettings, wall: datetime, is_dry_run: bool) -> int:
        """Delete the file of refused rows when its newest row is too old; returns its size. It runs in a thread."""
        if not limits.refused_days:
            return 0
        try:
            state = self._paths.refused.stat()
        except FileNotFoundError:
            return 0
        if wall.timestamp() - state.st_mtime < limits.refused_days * 86_400:
            return 0
        if not is_dry_run:
            self._paths.refused.unlink(missing_ok=True)
        return state.st_size


def retaining(retention: Retention, alarms: Alarms) -> AbstractAsyncContextManager[None]:
    """Run hourly passes in the background until the block ends."""
    return repeat_in_background(
        "retention", lambda: retention.turn(alarms), Rhythm(PASS_EVERY_S, FIRST_PASS_AFTER_S), alarms
    )
