"""Phones that write GBK and Latin-1 into their headers call, register, answer and are on record."""

import pytest
from bench.daemon import Daemon
from bench.phone import Phone, PhoneSettings
from tests.wire.hotline import SERVICE, VIP
from tests.wire.parties import both_talk, dial_in, pick_up, take_seat
from tests.wire.watch import Operator

from acdcore.sip.syntax.charset import decoded

pytestmark = pytest.mark.wire

TOLERATED = 'acdcore_sip_tolerated_total{fault="not_utf8"}'


@pytest.mark.parametrize("name", ["张三丰".encode("gbk"), "Zo\xeb caf\xe9".encode("latin-1")], ids=["gbk", "latin-1"])
async def test_phones_with_names_that_are_not_utf8_talk_and_are_on_record(
    daemon: Daemon, operator: Operator, name: bytes
) -> None:
    before = (await operator.metrics()).get(TOLERATED, 0.0)
    settings = PhoneSettings(daemon.sip, user_agent=decoded(name), display=decoded(name))
    async with Phone(settings) as agent_phone, Phone(settings) as caller:
        await take_seat(operator, agent_phone, "1001")
        party = await dial_in(caller, SERVICE, VIP)
        agent = await pick_up(agent_phone)
        assert await both_talk(party, agent)
        agent.call.hang_up()
        ended = await operator.ended(caller=VIP)
        assert ended["outcome"] == "answered"
        stored = await operator.stored(ended["call_id"])
        assert stored["events"]
        assert (await operator.metrics())[TOLERATED] > before
        await operator.settle()
        await agent_phone.unregister("1001")
