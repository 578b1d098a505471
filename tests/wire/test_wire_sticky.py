"""Sticky agents: whoever talked to the caller last is rung first."""

import pytest
from bench.phone import Phone
from tests.wire.hotline import ORDINARY
from tests.wire.journeys import LOYAL
from tests.wire.parties import both_talk, dial_in, pick_up, take_seat
from tests.wire.watch import Operator

pytestmark = pytest.mark.wire


async def test_caller_who_calls_again_reaches_the_same_agent_although_another_is_idle_longer(
    operator: Operator, caller: Phone, desk: Phone
) -> None:
    await take_seat(operator, desk, "1001")
    first = await dial_in(caller, LOYAL)
    agent = await pick_up(desk)
    assert await both_talk(first, agent)
    await take_seat(operator, desk, "1002")  # idle from now on
    agent.call.hang_up()
    await first.gone()
    await operator.becomes("1001", "ready")
    assert (await operator.ended(caller=ORDINARY))["agent"] == "1001"

    second = await dial_in(caller, LOYAL)
    again = await pick_up(desk)
    assert again.call.user == "1001"
    assert await both_talk(second, again)
