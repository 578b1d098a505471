"""The watch: looks every second at what has no event of its own (rows that age, a full disk, trunk capacity that is
taken)."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import TypeAlias

import structlog

from acdcore.kernel.alarms import Alarm, AlarmKind, Alarms, Severity
from acdcore.kernel.background import Rhythm, repeat_in_background, run_guarded

LOOK_EVERY_S = 1.0
"""Soon enough for people; each look reads a dozen counters."""
Condition: TypeAlias = tuple[AlarmKind, str]
"""An alarm and its present detail; "" when it is not raised."""
Look: TypeAlias = Callable[[], Iterable[Condition]]
"""Returns the conditions of one part; called on the event loop, must not wait."""
LOG_LEVELS = {Severity.CRITICAL: "critical", Severity.MAJOR: "error", Severity.MINOR: "warning"}


@contextlib.asynccontextmanager
async def watching(alarms: Alarms, looks: Sequence[Look]) -> AsyncIterator[None]:
    """Look every second in the background, and a last time at the end."""

    async def look() -> None:
        look_once(alarms, looks)

    async with repeat_in_background("watch", look, Rhythm(LOOK_EVERY_S), alarms):
        yield
    await run_guarded("watch", look, alarms)


def look_once(alarms: Alarms, looks: Sequence[Look]) -> None:
    """Call every look; an error of one is raised after all others were called."""
    faults: list[Exception] = []
    for conditions in looks:
        try:
            for kind, detail in conditions():
                alarms.hold(kind, detail)
        except Exception as fault:
            faults.append(fault)
    alarms.expire()
    if faults:
        raise faults[0]


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
