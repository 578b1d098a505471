"""The watch: looks every second at what has no event of its own (rows that age, a full disk, lines that are full)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import TypeAlias

import structlog

from acdcore.kernel.alarms import Alarm, AlarmKind, Alarms, Severity

LOOK_EVERY_S = 1.0
"""Soon enough for people; each look reads a dozen counters."""
Condition: TypeAlias = tuple[AlarmKind, str]
"""What may be wrong, and how it is wrong at this moment; "" when it is not."""
Look: TypeAlias = Callable[[], Iterable[Condition]]
"""Tells how all that one part knows about is at this moment; called on the event loop, must not wait."""
LOG_LEVELS = {Severity.CRITICAL: "critical", Severity.MAJOR: "error", Severity.MINOR: "warning"}


@contextlib.asynccontextmanager
async def watching(alarms: Alarms, looks: Sequence[Look]) -> AsyncIterator[None]:
    """Look again and again in the background, and a last time at the end."""

    def look() -> None:
        for conditions in looks:
            for kind, detail in conditions():
                alarms.hold(kind, detail)
        alarms.expire()

    async def run() -> None:
        while True:
            look()
            await asyncio.sleep(LOOK_EVERY_S)

    task = asyncio.create_task(run(), name="watch")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        look()


def log_alarms(alarm: Alarm) -> None:
    """One line at the begin of an alarm and one at its end; a listener of `Alarms`."""
    log = structlog.get_logger("alarm")
    facts: dict[str, object] = {"alarm": alarm.kind.name, "severity": alarm.kind.severity.value, "detail": alarm.detail}
    if alarm.about:
        facts["about"] = alarm.about
    if alarm.ended_at is not None:
        lasted_s = (alarm.ended_at - alarm.raised_at).total_seconds()
        log.warning("alarm_ended", **facts, lasted_s=round(lasted_s, 1), times=alarm.times)
    else:
        getattr(log, LOG_LEVELS[alarm.kind.severity])("alarm_raised", **facts, remedy=alarm.kind.remedy)
