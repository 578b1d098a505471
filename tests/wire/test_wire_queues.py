"""Queues: who is served first, and where callers go whom nobody serves."""

import pytest
from bench.daemon import Daemon
from bench.phone import Phone, PhoneSettings
from tests.wire.hotline import (
    FORWARDED,
    NOBODY_THERE,
    ORDINARY,
    OTHER_QUEUE,
    OUTSIDE,
    OUTSIDE_NUMBER,
    SERVICE,
    TOO_MANY_WAIT,
    VIP,
    WAITS_TOO_LONG,
)
from tests.wire.parties import answer, both_talk, dial_in, pick_up, rung, take_seat
from tests.wire.tones import CALLER_HZ, MUSIC_HZ, OUTSIDE_HZ, SYSTEM_HZ
from tests.wire.watch import Operator

pytestmark = pytest.mark.wire

OTHER = "13900000010"


async def test_vip_overtakes_an_ordinary_caller(operator: Operator, caller: Phone, agent_phone: Phone) -> None:
    ordinary = await dial_in(caller, SERVICE, ORDINARY)
    assert await ordinary.ear.hear(MUSIC_HZ, 5)
    vip = await dial_in(caller, SERVICE, VIP)
    assert await vip.ear.hear(MUSIC_HZ, 5)
    await take_seat(operator, agent_phone, "1001")
    agent = await rung(agent_phone)
    assert (agent.call.caller, agent.call.headers["X-Acdcore-Queue"]) == (VIP, "service")
    answer(agent)
    assert await agent.ear.hear(SYSTEM_HZ["whisper-vip"], 5)
    assert await both_talk(vip, agent)
    agent.call.hang_up()
    second = await pick_up(agent_phone)
    assert second.call.caller == ORDINARY
    assert await both_talk(ordinary, second)


@pytest.mark.parametrize(
    ("number", "prompt", "queue", "cause"),
    [
        (WAITS_TOO_LONG, "queue-overflow", "slow", "wait"),
        (NOBODY_THERE, "nobody-there", "empty", "nobody_logged_in"),
    ],
)
async def test_overflow_to_an_announcement_is_heard_and_ends_the_call(
    operator: Operator, caller: Phone, number: str, prompt: str, queue: str, cause: str
) -> None:
    party = await dial_in(caller, number)
    assert await party.ear.hear(SYSTEM_HZ[prompt], 5)
    assert await party.gone() == "bye"
    ended = await operator.ended(caller=ORDINARY)
    assert (ended["outcome"], ended["ended_by"]) == ("overflowed", "system")
    assert ended["overflowed_to"] == f"announcement:system.{prompt}"
    events = (await operator.stored(ended["call_id"]))["events"]
    assert isinstance(events, list)
    assert [event["detail"]["cause"] for event in events if event["kind"] == "overflowed"] == [cause]


async def test_caller_beyond_the_queues_length_hears_so(operator: Operator, caller: Phone) -> None:
    first = await dial_in(caller, TOO_MANY_WAIT, ORDINARY)
    assert await first.ear.hear(MUSIC_HZ, 5)
    second = await dial_in(caller, TOO_MANY_WAIT, OTHER)
    assert await second.ear.hear(SYSTEM_HZ["queue-overflow"], 5)
    assert await second.gone() == "bye"
    assert (await operator.ended(caller=OTHER))["outcome"] == "overflowed"
    assert not first.call.ended.is_set()


async def test_overflow_to_another_queue_is_served_there(operator: Operator, caller: Phone, agent_phone: Phone) -> None:
    await take_seat(operator, agent_phone, "1001")
    party = await dial_in(caller, OTHER_QUEUE)
    agent = await pick_up(agent_phone)
    assert await both_talk(party, agent)
    party.call.hang_up()
    ended = await operator.ended(caller=ORDINARY)
    assert (ended["outcome"], ended["queue"], ended["overflowed_to"]) == ("answered", "service", "queue:service")


@pytest.mark.parametrize(("number", "outcome"), [(OUTSIDE, "overflowed"), (FORWARDED, "forwarded")])
async def test_outside_number_is_rung_and_talks_to_the_caller(
    daemon: Daemon, operator: Operator, caller: Phone, far_end_port: int, number: str, outcome: str
) -> None:
    async with Phone(PhoneSettings(daemon.sip, port=far_end_port)) as far_end:
        party = await dial_in(caller, number)
        outside = await rung(far_end)
        assert (outside.call.user, outside.call.caller) == (OUTSIDE_NUMBER, ORDINARY)
        answer(outside, OUTSIDE_HZ)
        assert await outside.ear.hear(CALLER_HZ, 5)
        assert await party.ear.hear(OUTSIDE_HZ, 5)
        outside.call.hang_up()
        assert await party.gone() == "bye"
    ended = await operator.ended(caller=ORDINARY)
    assert ended["outcome"] == outcome
    await operator.until("recording_finished", call_id=ended["call_id"])


async def test_caller_hears_an_apology_when_the_outside_number_refuses(
    daemon: Daemon, operator: Operator, caller: Phone, far_end_port: int
) -> None:
    async with Phone(PhoneSettings(daemon.sip, port=far_end_port)) as far_end:
        party = await dial_in(caller, FORWARDED)
        (await rung(far_end)).call.refuse(486)
        assert await party.ear.hear(SYSTEM_HZ["queue-overflow"], 5)
        assert await party.gone() == "bye"
