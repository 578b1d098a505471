"""A call that is over is gone at once: the daemon collects cycles so rarely that they would pile up by the thousand."""

import contextlib
import gc
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator

import pytest
from tests.calls.call_centre import SERVICE_LINE, VIP, CallCentre, opened
from tests.calls.phone import Phone

from acdcore.calls.core.call import Call
from acdcore.calls.core.leg import Leg
from acdcore.calls.core.mailbox import Mailbox
from acdcore.ivr.flow.machine import FlowMachine

pytestmark = pytest.mark.looptime

OF_A_CALL = (Call, Leg, Mailbox, FlowMachine)
SIP_FORGETS_S = 200.0
"""Timers of transactions and the question about a phone that has not answered; by then nothing of the call is left."""


@contextlib.contextmanager
def without_collections() -> Iterator[None]:
    """Cycles stay for as long as this lasts."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def left() -> Counter[type]:
    """What calls are made of, as far as it is in memory."""
    return Counter(type(each) for each in gc.get_objects() if type(each) in OF_A_CALL)


async def gives_up_waiting(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    caller.call(SERVICE_LINE)
    await centre.pass_time(20)
    caller.hang_up()


async def talks_and_hangs_up(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    await centre.talk(agent, caller)
    caller.hang_up()


async def is_hung_up_on_by_the_agent(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    await centre.talk(agent, caller)
    agent.hang_up()


async def is_cut_off_by_staff(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    await centre.talk(agent, caller)
    centre.operations.hang_up(next(iter(centre.switchboard.calls)), "board")


async def falls_silent(centre: CallCentre, agent: Phone, caller: Phone) -> None:
    await centre.talk(agent, caller)
    centre.cable.unplugged.add(caller.address)
    centre.engine.fall_silent(centre.leg(centre.live(), "caller").stream)
    await centre.pass_time(SIP_FORGETS_S)
    centre.cable.unplugged.clear()
    caller.hang_up()


SCRIPTS = [gives_up_waiting, talks_and_hangs_up, is_hung_up_on_by_the_agent, is_cut_off_by_staff, falls_silent]
Script = Callable[[CallCentre, Phone, Phone], Awaitable[None]]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
async def test_nothing_is_left_of_a_call_whose_caller(script: Script) -> None:
    async with opened() as centre:
        agent = await centre.seat("1001")
        await centre.pass_time(SIP_FORGETS_S)
        with without_collections():
            before = left()
            await script(centre, agent, centre.caller(VIP))
            await centre.pass_time(SIP_FORGETS_S)
            assert not centre.switchboard.calls
            assert left() == before
