"""Callbacks instead of waiting: the place is kept, the customer is called when it is his turn, and nobody twice."""

from pathlib import Path

import pytest
from bench.daemon import Daemon
from bench.phone import Phone, PhoneSettings
from tests.wire.hearing import seconds_of
from tests.wire.hotline import ORDINARY
from tests.wire.journeys import RECALLED
from tests.wire.parties import Party, both_talk, dial_in, pick_up, take_seat
from tests.wire.sipp_phone import SippPhone, calling, ringing
from tests.wire.softphone import agents_phone
from tests.wire.test_wire_call import LATE_S, channels, require, seconds
from tests.wire.tones import AGENT_HZ, CALLER_HZ, MUSIC_HZ, OUTSIDE_HZ, SHIPPED_HZ, SYSTEM_HZ
from tests.wire.watch import Facts, Operator

pytestmark = pytest.mark.wire

LATER = "13900000010"
SAYS = SHIPPED_HZ["callback"]
LINE_CLEARS_S = 15.0
"""Nobody is called back in the first ten seconds: the line would be busy. The rest is for a busy machine."""
NOBODY_CALLED_S = 1.0
"""A call out would have arrived by then: the agent hangs up, and nothing waits for anything."""


async def ask_for_callback(operator: Operator, caller: SippPhone) -> Facts:
    """Wait, be told of the key, press it, have the own number confirmed, and be hung up on; the record of that call."""
    assert await caller.ear.hear(MUSIC_HZ, 5)
    assert await caller.ear.hear(SYSTEM_HZ["callback-offer"], 5)
    caller.press("1")
    assert await caller.ear.hear(SAYS["own-or-wait"], 15)  # after the number
    caller.press("1")
    assert await caller.ear.hear(SAYS["placed"], 5)
    await caller.parted()
    return await operator.ended(caller=ORDINARY)


async def test_callback_keeps_its_place_before_a_later_caller(
    daemon: Daemon, operator: Operator, caller: Phone, recordings: Path, tmp_path: Path, far_end_port: int
) -> None:
    require("baresip", "baresip-python")
    async with calling(tmp_path, daemon.sip, RECALLED, ORDINARY, CALLER_HZ) as customer:
        asked = await ask_for_callback(operator, customer)
    assert asked["outcome"] == "callback"
    later = await dial_in(caller, RECALLED, LATER)
    await operator.until("call_queued", caller=LATER)
    async with (
        agents_phone("baresip_agent.py", daemon, "1001") as agent,
        ringing(tmp_path, far_end_port, OUTSIDE_HZ) as customer,
    ):
        await agent.do("register")
        await operator.until("work_changed", LINE_CLEARS_S, call_id=asked["call_id"], state="queued")
        await operator.make_ready("1001")
        await agent.until("incoming")
        await agent.do("answer")
        assert await agent.ear.hear(SYSTEM_HZ["whisper-callback"], 5)
        assert await agent.ear.hear(OUTSIDE_HZ, 10), "the customer's voice arrives at the agent"
        assert await customer.ear.hear(AGENT_HZ, 5), "the agent's voice arrives at the customer"
        assert not later.call.ended.is_set()
        await agent.do("hang_up")
        await customer.parted()
        await agent.until("incoming")  # after wrap-up it is the later caller's turn
        await agent.do("answer")
        assert await later.ear.hear(AGENT_HZ, 10)
        later.call.hang_up()
        await agent.until("closed")
    called = await operator.ended(caller=ORDINARY, direction="outbound")
    assert (called["outcome"], called["agent"], called["queue"]) == ("answered", "1001", "recalled")
    await check_done(operator, asked)
    await check_recording(operator, recordings, called)


async def check_done(operator: Operator, asked: Facts) -> None:
    """One attempt, and the stay in the report of the queue."""
    (item,) = await operator.found(f"/v1/work?number={ORDINARY}&kind=callback&state=done", "items")
    assert (item["call_id"], item["queue"], item["agent"], item["attempts"]) == (
        *(asked["call_id"], "recalled", "1001", 1),
    )
    await operator.reported("recalled", asked["arrived_at"], offered=2, callbacks=1, answered=1)
    await operator.reported("recalled", asked["arrived_at"], "callback", offered=1, answered=1)


async def check_recording(operator: Operator, directory: Path, called: Facts) -> None:
    """Both are on it, each on a side."""
    talk = await operator.until("recording_finished", call_id=called["call_id"])
    customer_side, agent_side = channels(directory / str(talk["path"]))
    assert seconds_of(customer_side, OUTSIDE_HZ) > seconds(customer_side) - LATE_S
    assert seconds_of(agent_side, AGENT_HZ) > seconds(agent_side) - LATE_S


async def test_customer_who_calls_again_is_served_at_the_old_place_and_not_called(
    daemon: Daemon, operator: Operator, caller: Phone, agent_phone: Phone, tmp_path: Path, far_end_port: int
) -> None:
    async with calling(tmp_path, daemon.sip, RECALLED, ORDINARY, CALLER_HZ) as customer:
        asked = await ask_for_callback(operator, customer)
    later = await dial_in(caller, RECALLED, LATER)
    await operator.until("call_queued", caller=LATER)
    again: Party = await dial_in(caller, RECALLED, ORDINARY)
    async with Phone(PhoneSettings(daemon.sip, port=far_end_port)) as far_end:
        await take_seat(operator, agent_phone, "1001")
        agent = await pick_up(agent_phone)
        assert agent.call.caller == ORDINARY, "who waited longer, both calls together, comes first"
        assert await both_talk(again, agent)
        merged = await operator.until("work_changed", state="merged")
        assert merged["call_id"] == asked["call_id"]
        agent.call.hang_up()
        await again.gone()
        last = await pick_up(agent_phone)
        assert last.call.caller == LATER
        later.call.hang_up()
        with pytest.raises(TimeoutError):
            await far_end.incoming(NOBODY_CALLED_S)
    assert await operator.found(f"/v1/work?number={ORDINARY}&state=merged", "items")
    assert await operator.rows("/v1/work?is_open=true", "items") == []
