"""Work in the background: a fault in one turn is an alarm for its time, and the next turn comes all the same."""

import asyncio

import pytest

from acdcore.kernel.alarms import Alarms
from acdcore.kernel.background import INTERNAL_FAULT, Rhythm, end_task, repeat_in_background
from acdcore.kernel.clock import LoopClock

pytestmark = pytest.mark.looptime


class Failing:
    """Work that fails in the turns that it is told to."""

    def __init__(self, *failing: int) -> None:
        self.turns: list[float] = []
        self._failing = failing

    async def turn(self) -> None:
        self.turns.append(asyncio.get_running_loop().time())
        if len(self.turns) in self._failing:
            raise ValueError("one of ours")


async def test_turns_come_in_their_rhythm_until_the_end() -> None:
    work = Failing()
    async with repeat_in_background(
        "work", work.turn, Rhythm(10.0, first_after_s=5.0), Alarms(LoopClock(asyncio.get_running_loop()))
    ):
        await asyncio.sleep(26.0)
    await asyncio.sleep(100.0)
    assert [round(at) for at in work.turns] == [5, 15, 25]


async def test_fault_is_an_alarm_until_it_works_again_and_no_turn_is_left_out() -> None:
    alarms = Alarms(LoopClock(asyncio.get_running_loop()))
    work = Failing(2, 3)
    async with repeat_in_background("work", work.turn, Rhythm(10.0), alarms):
        await asyncio.sleep(25.0)
        assert [(alarm.about, alarm.detail, alarm.times) for alarm in alarms.raised()] == [
            ("work", "ValueError('one of ours')", 2)
        ]
        await asyncio.sleep(10.0)
        assert alarms.raised() == ()
        assert [alarm.kind for alarm in alarms.past()] == [INTERNAL_FAULT]
    assert len(work.turns) == 4


async def test_task_that_swallows_a_cancellation_is_ended_all_the_same() -> None:
    swallowed = 0

    async def work() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if swallowed == 1:
                    raise
                swallowed += 1

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    await end_task(task)
    assert task.cancelled()
