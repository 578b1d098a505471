"""The watch: each look's conditions are alarms as long as they hold, whatever another look does."""

import asyncio
from collections.abc import Iterable

import pytest

from acdcore.daemon.watch import Condition, watching
from acdcore.kernel.alarms import AlarmKind, Alarms, Severity
from acdcore.kernel.background import INTERNAL_FAULT
from acdcore.kernel.clock import LoopClock

pytestmark = pytest.mark.looptime

DISK = AlarmKind("disk", Severity.MAJOR, "Make room.")


async def test_condition_is_an_alarm_as_long_as_it_holds() -> None:
    alarms = Alarms(LoopClock(asyncio.get_running_loop()))
    found = ["full"]

    def look() -> tuple[Condition, ...]:
        return ((DISK, found[0]),)

    async with watching(alarms, (look,)):
        await asyncio.sleep(1.5)
        assert [alarm.detail for alarm in alarms.raised()] == ["full"]
        found[0] = ""
        await asyncio.sleep(1.0)
        assert alarms.raised() == ()


async def test_look_that_fails_hides_no_other_and_does_not_end_the_watch() -> None:
    alarms = Alarms(LoopClock(asyncio.get_running_loop()))
    is_failing = [True]

    def failing() -> Iterable[Condition]:
        if is_failing[0]:
            raise KeyError("no such queue")
        return ()

    def look() -> tuple[Condition, ...]:
        return ((DISK, "full"),)

    async with watching(alarms, (failing, look)):
        await asyncio.sleep(3.5)
        assert {alarm.kind for alarm in alarms.raised()} == {DISK, INTERNAL_FAULT}
        is_failing[0] = False
        await asyncio.sleep(1.0)
        assert {alarm.kind for alarm in alarms.raised()} == {DISK}
