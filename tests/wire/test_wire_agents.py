"""Agents who do not answer, phones that vanish, and what agents can do by dialling."""

import pytest
from bench.daemon import Daemon
from bench.phone import Dialled, Phone, PhoneSettings
from bench.sound import tone
from tests.wire.cable import Cable
from tests.wire.hearing import SoundEar
from tests.wire.hotline import HOTLINE, ORDINARY, OUTSIDE_NUMBER, PATIENT, RING_FOR_S, SERVICE, WRAP_UP_S, password_of
from tests.wire.parties import Party, both_talk, dial_in, pick_up, rung, take_seat
from tests.wire.softphone import agents_phone
from tests.wire.test_wire_call import require
from tests.wire.tones import AGENT_HZ, SYSTEM_HZ
from tests.wire.watch import Operator

from acdcore.sip.events import Transport

pytestmark = pytest.mark.wire

AT_ONCE_S = 2.0
"""No timer of ours: what the machine takes when it is busy."""
UNREACHABLE_WITHIN_S = 5.5
"""A phone that says nothing for four seconds is given up; the rest is for a busy machine."""


@pytest.mark.parametrize(("status", "ending"), [(486, "busy"), (603, "refused")])
async def test_refused_call_rings_the_next_agent(
    operator: Operator, caller: Phone, agent_phone: Phone, status: int, ending: str
) -> None:
    await take_seat(operator, agent_phone, "1001", "1002")
    party = await dial_in(caller, SERVICE)
    first = await rung(agent_phone)
    first.call.refuse(status)
    second = await pick_up(agent_phone)
    assert {first.call.user, second.call.user} == {"1001", "1002"}
    assert await both_talk(party, second)
    over = await operator.until("offer_ended", agent=first.call.user)
    assert over["cause"] == ending
    second.call.hang_up()
    ended = await operator.ended(caller=ORDINARY)
    assert (ended["outcome"], ended["agent"]) == ("answered", second.call.user)


async def test_agent_who_lets_it_ring_is_rung_for_the_ring_time_and_then_set_aside(
    operator: Operator, caller: Phone, agent_phone: Phone
) -> None:
    await take_seat(operator, agent_phone, "1003")
    missed = (await operator.get("/v1/agents/1003"))["missed"]
    await dial_in(caller, SERVICE)
    ringing = await rung(agent_phone)
    assert await ringing.gone(RING_FOR_S + 2) == "cancelled"
    assert (await operator.until("offer_ended", agent="1003"))["cause"] == "no_answer"
    assert (await operator.becomes("1003", "not_ready"))["missed"] == int(str(missed)) + 1


async def test_unplugged_phone_costs_the_caller_seconds_only(
    daemon: Daemon, operator: Operator, caller: Phone, agent_phone: Phone
) -> None:
    require("baresip", "baresip-python")
    async with agents_phone("baresip_agent.py", daemon, "1005") as softphone:
        await softphone.do("register")
        await operator.make_ready("1005")
        await softphone.unplug()
        await take_seat(operator, agent_phone, "1006")  # neither has talked yet, so 1005 is idle longer
        party = await dial_in(caller, PATIENT)
        await operator.until("agent_offered", agent="1005")
        agent = await pick_up(agent_phone, UNREACHABLE_WITHIN_S)
        assert await both_talk(party, agent)
        assert (await operator.until("offer_ended", agent="1005"))["cause"] == "unreachable"


async def test_phone_that_unregisters_while_ringing_hands_the_caller_on(
    operator: Operator, caller: Phone, agent_phone: Phone
) -> None:
    await take_seat(operator, agent_phone, "1001", "1002")
    party = await dial_in(caller, PATIENT)
    first = await rung(agent_phone)
    assert await agent_phone.unregister(first.call.user) == 200
    assert await first.gone() == "cancelled"
    second = await pick_up(agent_phone)
    assert second.call.user != first.call.user
    assert await both_talk(party, second)
    assert (await operator.get(f"/v1/agents/{first.call.user}"))["is_registered"] is False


async def test_agent_whose_connection_is_cut_is_unreachable_at_once(daemon: Daemon, operator: Operator) -> None:
    async with Phone(PhoneSettings(daemon.sip, transport=Transport.TCP)) as phone:
        await take_seat(operator, phone, "1003")
        assert (await operator.get("/v1/agents/1003"))["state"] == "ready"
    agent = await operator.becomes("1003", "unreachable", AT_ONCE_S)
    assert agent["is_registered"] is False


async def test_talk_outlives_the_phones_connection_and_the_agent_is_unreachable_after_wrap_up(
    daemon: Daemon, operator: Operator, caller: Phone
) -> None:
    async with (
        Cable(daemon.sip) as cable,
        Phone(PhoneSettings(cable.end, transport=Transport.TCP)) as phone,
    ):
        await take_seat(operator, phone, "1003")
        party = await dial_in(caller, SERVICE)
        agent = await pick_up(phone)
        assert await both_talk(party, agent)
        await cable.cut()
        for one in (party, agent):
            one.ear.forget()
        assert await both_talk(party, agent)
        party.call.hang_up()
        ended = await operator.ended(caller=ORDINARY)
        assert (ended["outcome"], ended["agent"]) == ("answered", "1003")
        await operator.becomes("1003", "unreachable", WRAP_UP_S + AT_ONCE_S)


async def test_phone_whose_connection_was_cut_in_a_talk_registers_anew_and_ends_it(
    daemon: Daemon, operator: Operator, caller: Phone
) -> None:
    async with (
        Cable(daemon.sip) as cable,
        Phone(PhoneSettings(cable.end, transport=Transport.TCP)) as phone,
    ):
        await take_seat(operator, phone, "1003")
        party = await dial_in(caller, SERVICE)
        agent = await pick_up(phone)
        assert await both_talk(party, agent)
        await cable.cut()
        assert await phone.register("1003", password_of("1003")) == 200
        agent.call.hang_up()
        assert await party.gone() == "bye"
        ended = await operator.ended(caller=ORDINARY)
        assert (ended["outcome"], ended["agent"], ended["ended_by"]) == ("answered", "1003", "agent")
        await operator.becomes("1003", "ready", WRAP_UP_S + AT_ONCE_S)


async def test_phone_that_unregisters_while_ready_is_unreachable_at_once_and_ready_when_it_is_back(
    operator: Operator, agent_phone: Phone
) -> None:
    await take_seat(operator, agent_phone, "1004")
    assert await agent_phone.unregister("1004") == 200
    await operator.becomes("1004", "unreachable", AT_ONCE_S)
    assert await agent_phone.register("1004", password_of("1004")) == 200
    await operator.becomes("1004", "ready", AT_ONCE_S)


async def test_agent_hanging_up_ends_the_call(operator: Operator, caller: Phone, agent_phone: Phone) -> None:
    await take_seat(operator, agent_phone, "1001")
    party = await dial_in(caller, SERVICE)
    agent = await pick_up(agent_phone)
    assert await both_talk(party, agent)
    agent.call.hang_up()
    assert await party.gone() == "bye"
    ended = await operator.ended(caller=ORDINARY)
    assert (ended["outcome"], ended["ended_by"]) == ("answered", "agent")


async def test_feature_codes_change_the_agents_state_and_say_so(operator: Operator, agent_phone: Phone) -> None:
    assert await agent_phone.register("1004", password_of("1004")) == 200
    for code, prompt, state, reason in (
        ("*11", "logged-in", "ready", None),
        ("*13", "not-ready", "not_ready", "break"),
        ("*132", "not-ready", "not_ready", "lunch"),
        ("*12", "ready", "ready", None),
        ("*14", "refused", "ready", None),
        ("*15", "logged-out", "logged_out", None),
    ):
        call = await agent_phone.call(code, as_user="1004")
        assert await call.sound.hear(SYSTEM_HZ[prompt], 5), code
        assert await call.until_ended(5) == "bye"
        agent = await operator.becomes("1004", state)
        assert agent["reason"] == reason, code
        ended = await operator.ended(dialled=code)
        assert (ended["outcome"], ended["trunk"], ended["caller"]) == ("feature_code", "agents", "1004")


async def test_wrap_up_can_be_ended_by_dialling(operator: Operator, caller: Phone, agent_phone: Phone) -> None:
    await take_seat(operator, agent_phone, "1004")
    party = await dial_in(caller, SERVICE)
    agent = await pick_up(agent_phone)
    assert await both_talk(party, agent)
    party.call.hang_up()
    await operator.until("agent_state", agent="1004", state="wrap_up")
    call = await agent_phone.call("*14", as_user="1004")
    await call.until_ended(5)
    await operator.becomes("1004", "ready")


async def test_wrong_password_is_refused_and_counted(daemon: Daemon, operator: Operator) -> None:
    before = await operator.metrics()
    async with Phone(PhoneSettings(daemon.sip)) as phone:
        assert await phone.register("1006", "not the password") in (401, 403)
        with pytest.raises(Dialled) as refused:
            await phone.call("*11", as_user="1006")
    assert refused.value.status in (401, 403)
    agent = await operator.get("/v1/agents/1006")
    assert (agent["state"], agent["is_registered"]) == ("logged_out", False)
    after = await operator.metrics()
    refusals = {name: value - before.get(name, 0) for name, value in after.items() if "acdcore_refused_total" in name}
    assert sum(refusals.values()) >= 2, refusals


@pytest.mark.parametrize("number", [HOTLINE, "*11", OUTSIDE_NUMBER])
async def test_stranger_is_challenged_and_gets_nothing_else(daemon: Daemon, operator: Operator, number: str) -> None:
    async with Phone(PhoneSettings(daemon.sip, host="127.0.0.9")) as stranger:
        with pytest.raises(Dialled) as refused:
            await stranger.call(number)
    assert refused.value.status == 401
    assert operator.events == []


async def test_agent_may_not_dial_out(daemon: Daemon, operator: Operator) -> None:
    async with Phone(PhoneSettings(daemon.sip, host="127.0.0.9")) as phone:
        assert await phone.register("1004", password_of("1004")) == 200
        with pytest.raises(Dialled) as refused:
            await phone.call(OUTSIDE_NUMBER, as_user="1004")
        assert refused.value.status == 403
        assert await phone.unregister("1004") == 200


async def test_callers_come_over_an_agents_standing_line_one_after_another(
    operator: Operator, caller: Phone, agent_phone: Phone
) -> None:
    assert await agent_phone.register("1004", password_of("1004")) == 200
    call = await agent_phone.call("*16", as_user="1004")
    line = Party(call, SoundEar(call.sound))
    assert await line.ear.hear(SYSTEM_HZ["logged-in"], 5)
    await operator.becomes("1004", "ready")
    call.sound.say(tone(AGENT_HZ))
    for _ in range(2):
        party = await dial_in(caller, SERVICE)
        assert await line.ear.hear(SYSTEM_HZ["whisper-call"], 5)
        assert await both_talk(party, line)
        party.call.hang_up()
        ended = await operator.ended(caller=ORDINARY)
        assert (ended["outcome"], ended["agent"]) == ("answered", "1004")
        await operator.until("agent_state", agent="1004", state="wrap_up")
        for key, state in (("*", "not_ready"), ("#", "ready")):
            call.sound.press(key)
            await operator.becomes("1004", state)
    call.hang_up()
    await operator.becomes("1004", "logged_out")
    assert (await operator.ended(dialled="*16"))["outcome"] == "feature_code"
