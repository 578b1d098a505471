"""An agent with two phones over real sockets, one of them a real softphone."""

import pytest
from bench.daemon import Daemon
from bench.phone import Phone, PhoneSettings
from tests.wire.hotline import ORDINARY, PATIENT, password_of
from tests.wire.parties import answer, both_talk, dial_in, rung, take_seat
from tests.wire.watch import Operator

pytestmark = pytest.mark.wire


async def test_phone_that_answers_first_has_the_call_and_the_other_stops_ringing(
    daemon: Daemon, operator: Operator, caller: Phone, agent_phone: Phone
) -> None:
    async with Phone(PhoneSettings(daemon.sip)) as soft:
        await take_seat(operator, agent_phone, "1001")
        assert await soft.register("1001", password_of("1001")) == 200
        party = await dial_in(caller, PATIENT)
        at_desk, at_soft = await rung(agent_phone), await rung(soft)
        answer(at_soft)
        assert await at_desk.gone() == "cancelled"
        assert await both_talk(party, at_soft)
        over = await operator.until("offer_ended", cause="accepted")
        assert over["phone"] == f"sip:1001@{soft.address}"
        party.call.hang_up()
        assert await at_soft.gone() == "bye"
        ended = await operator.ended(caller=ORDINARY)
        assert (ended["outcome"], ended["agent"]) == ("answered", "1001")
        await soft.unregister("1001")


async def test_agent_is_served_by_the_desk_phone_when_the_softphone_has_crashed(
    daemon: Daemon, operator: Operator, caller: Phone, agent_phone: Phone
) -> None:
    await take_seat(operator, agent_phone, "1001")
    async with Phone(PhoneSettings(daemon.sip)) as soft:
        assert await soft.register("1001", password_of("1001")) == 200
    missed = (await operator.get("/v1/agents/1001"))["missed"]
    party = await dial_in(caller, PATIENT)
    at_desk = await rung(agent_phone)
    answer(at_desk)
    assert await both_talk(party, at_desk)
    party.call.hang_up()
    await operator.ended(caller=ORDINARY)
    assert (await operator.get("/v1/agents/1001"))["missed"] == missed
