"""Work that is done again and again in the background: a bug in one turn raises an alarm, and the next turn comes.

Nobody notices a task that dies: its work is not done any more until a restart.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import structlog

from acdcore.kernel.alarms import AlarmKind, Alarms, Severity
from acdcore.kernel.bus import HandlerFault

INTERNAL_FAULT = AlarmKind(
    "internal_fault",
    Severity.MAJOR,
    "Report the traceback that the log has at the alarm's beginning; the work is tried again at its time.",
)
"""Work in the background failed by a bug; `about` says which."""
EVENT_HANDLER = AlarmKind(
    "event_handler",
    Severity.MAJOR,
    "Report the traceback that the log has at the alarm's beginning (event_handler_fault).",
    3_600.0,
)
"""A handler of the event bus raised; `about` says which."""

CANCEL_AGAIN_S = 0.5
"""Between two attempts to cancel a task."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often something is done."""

    every_s: float
    """Between the end of one turn and the next."""
    first_after_s: float = 0.0
    """Before the first one."""


@contextlib.asynccontextmanager
async def repeat_in_background(
    name: str, turn: Callable[[], Awaitable[None]], rhythm: Rhythm, alarms: Alarms
) -> AsyncIterator[None]:
    """Do `turn` in this rhythm until the block ends; `name` stands in the log and in the alarm."""

    async def run() -> None:
        await asyncio.sleep(rhythm.first_after_s)
        while True:
            await run_guarded(name, turn, alarms)
            await asyncio.sleep(rhythm.every_s)

    task = asyncio.create_task(run(), name=name)
    try:
        yield
    finally:
        await end_task(task)


async def end_task(task: asyncio.Task[None]) -> None:
    """End a task that works until it is cancelled, and wait for it; raises what it failed with.

    It is cancelled again and again: a wait with a time limit that ends at the same moment swallows the cancellation
    (`asyncio.wait_for` before Python 3.12, and what is built like it).
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_AGAIN_S)
    if not task.cancelled() and (fault := task.exception()) is not None:
        raise fault


async def run_guarded(name: str, turn: Callable[[], Awaitable[None]], alarms: Alarms) -> None:
    """One turn; never raises. The traceback is logged once, as long as the fault lasts."""
    try:
        await turn()
    except Exception as error:
        if not alarms.is_raised(INTERNAL_FAULT, name):
            structlog.get_logger("background").exception("background_fault", work=name)
        alarms.raise_alarm(INTERNAL_FAULT, repr(error), name)
    else:
        alarms.clear(INTERNAL_FAULT, "it works again", name)


def fault_reporter(alarms: Alarms) -> Callable[[HandlerFault], None]:
    """What the event bus reports faults to: an alarm for each handler, and its first traceback in the log."""

    def report(fault: HandlerFault) -> None:
        if not alarms.is_raised(EVENT_HANDLER, fault.handler):
            structlog.get_logger("background").error(
                "event_handler_fault", handler=fault.handler, of=fault.event, exc_info=fault.error
            )
        alarms.raise_alarm(EVENT_HANDLER, f"{fault.event}: {fault.error!r}", fault.handler)

    return report
