"""Hang-ups at every stage: the record says when, no phone rings for nobody, agents are free, callers are kept."""

import pytest
from bench.phone import Phone
from tests.wire.hotline import HOTLINE, ORDINARY, SERVICE
from tests.wire.parties import answer, both_talk, dial_in, pick_up, rung, take_seat
from tests.wire.tones import CALLER_HZ, GREETING_HZ, MENU_HZ, MUSIC_HZ, SYSTEM_HZ
from tests.wire.watch import Operator

pytestmark = pytest.mark.wire


async def test_cancelled_call_is_given_up_before_or_just_after_the_answer(operator: Operator, caller: Phone) -> None:
    call = await caller.dial(HOTLINE, ORDINARY)
    call.hang_up()
    ended = await operator.ended(caller=ORDINARY)
    # We answer within milliseconds, so the CANCEL may cross our 200; either way it is the caller who gave up.
    assert ended["outcome"] in ("abandoned_ringing", "abandoned_flow")
    assert ended["ended_by"] == "caller"


@pytest.mark.parametrize("stage_hz", [GREETING_HZ, MENU_HZ], ids=["greeting", "menu"])
async def test_hang_up_in_the_flow_is_recorded_as_abandoned_there(
    operator: Operator, caller: Phone, stage_hz: float
) -> None:
    party = await dial_in(caller, HOTLINE)
    assert await party.ear.hear(stage_hz, 5)
    party.call.hang_up()
    ended = await operator.ended(caller=ORDINARY)
    assert (ended["outcome"], ended["ended_by"]) == ("abandoned_flow", "caller")
    assert ended["queued_at"] is None


async def test_hang_up_while_waiting_is_recorded_as_abandoned_in_the_queue(operator: Operator, caller: Phone) -> None:
    party = await dial_in(caller, SERVICE)
    assert await party.ear.hear(MUSIC_HZ, 5)
    party.call.hang_up()
    ended = await operator.ended(caller=ORDINARY)
    assert (ended["outcome"], ended["ended_by"], ended["queue"]) == ("abandoned_queue", "caller", "service")
    assert ended["agent"] is None


async def test_agents_phone_stops_ringing_when_the_caller_is_gone(
    operator: Operator, caller: Phone, agent_phone: Phone
) -> None:
    await take_seat(operator, agent_phone, "1001")
    missed = (await operator.get("/v1/agents/1001"))["missed"]
    party = await dial_in(caller, SERVICE)
    ringing = await rung(agent_phone)
    party.call.hang_up()
    assert await ringing.gone() == "cancelled"
    ended = await operator.ended(caller=ORDINARY)
    assert (ended["outcome"], ended["agent"]) == ("abandoned_queue", None)
    assert ringing.call.sound.packets_in == 0
    assert (await operator.becomes("1001", "ready"))["missed"] == missed, "a caller who leaves is no miss"


async def test_late_answer_after_the_caller_left_never_talks(
    operator: Operator, caller: Phone, agent_phone: Phone
) -> None:
    await take_seat(operator, agent_phone, "1001")
    party = await dial_in(caller, SERVICE)
    ringing = await rung(agent_phone)
    party.call.hang_up()
    answer(ringing)  # crosses the CANCEL
    await ringing.gone()
    await operator.ended(caller=ORDINARY)
    assert not await ringing.ear.hear(CALLER_HZ, 0.3)
    await operator.becomes("1001", "ready")


async def test_hang_up_during_the_whisper_frees_the_agent(
    operator: Operator, caller: Phone, agent_phone: Phone
) -> None:
    await take_seat(operator, agent_phone, "1001")
    party = await dial_in(caller, SERVICE)
    agent = await rung(agent_phone)
    answer(agent)
    assert await agent.ear.hear(SYSTEM_HZ["whisper-call"], 5)
    party.call.hang_up()
    assert await agent.gone() == "bye"
    ended = await operator.ended(caller=ORDINARY)
    assert (ended["outcome"], ended["ended_by"], ended["agent"]) == ("answered", "caller", "1001")
    await operator.becomes("1001", "ready")


async def test_caller_whose_agent_hangs_up_during_the_whisper_is_served_by_the_next_one(
    operator: Operator, caller: Phone, agent_phone: Phone
) -> None:
    await take_seat(operator, agent_phone, "1001", "1002")
    party = await dial_in(caller, SERVICE)
    first = await pick_up(agent_phone)
    assert await first.ear.hear(SYSTEM_HZ["whisper-call"], 5)
    first.call.hang_up()
    second = await pick_up(agent_phone)
    assert second.call.user != first.call.user
    assert await both_talk(party, second)
    second.call.hang_up()
    await party.gone()
    ended = await operator.ended(caller=ORDINARY)
    assert (ended["outcome"], ended["agent"]) == ("answered", second.call.user)


async def test_hang_up_in_the_talk_sends_the_agent_into_wrap_up_and_back(
    operator: Operator, caller: Phone, agent_phone: Phone
) -> None:
    await take_seat(operator, agent_phone, "1001")
    party = await dial_in(caller, SERVICE)
    agent = await rung(agent_phone)
    answer(agent)
    assert await both_talk(party, agent)
    party.call.hang_up()
    assert await agent.gone() == "bye"
    ended = await operator.ended(caller=ORDINARY)
    assert (ended["outcome"], ended["ended_by"]) == ("answered", "caller")
    await operator.until("agent_state", agent="1001", state="wrap_up")
    await operator.becomes("1001", "ready")


async def test_operations_staff_can_end_a_call(operator: Operator, caller: Phone) -> None:
    party = await dial_in(caller, SERVICE)
    queued = await operator.until("call_queued", caller=ORDINARY)
    async with operator.client.post(f"/v1/calls/{queued['call_id']}/hang-up") as answer_:
        assert answer_.status == 202
    assert await party.gone() == "bye"
    assert (await operator.ended(caller=ORDINARY))["outcome"] == "withdrawn"
